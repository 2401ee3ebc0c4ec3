/* Prepare and launch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/info.h"
#include "runtime/launch.h"
#include "runtime/sized.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

struct aiter_plan {
    aiter_context *ctx;
    const rt_kernel *kernel; /* the context's */
};

aiter_status aiter_prepare(aiter_context *ctx, const aiter_attn_args *args, aiter_plan **out)
{
    rt_problem problem;
    rt_kernel *kernel;
    if (!out)
        return rt_fail(INVALID, "out is NULL: expected a place for the plan");
    *out = NULL;
    if (!ctx)
        return rt_fail(INVALID, "ctx is NULL: expected a context");
    aiter_status status = rt_problem_read(ctx->place, args, RT_ANY_OPERATION, false, &problem);
    if (status == AITER_OK)
        status = rt_context_kernel(ctx, &problem.config, &kernel);
    if (status != AITER_OK)
        return status;
    aiter_plan *plan = malloc(sizeof *plan);
    if (!plan)
        return rt_fail_memory("a plan");
    *plan = (aiter_plan){ ctx, kernel };
    *out = plan;
    return AITER_OK;
}

/* A field of a configuration as the caller knows it, and how the caller writes its values 0 and 1 if
 * not as the configuration does. */
static const struct {
    const char *field, *argument;
    const char *values[2];
} arguments[] = {
    { "dtype", "q.dtype", { 0 } },
    { "hdqk", "q.shape[3] (head_dim)", { 0 } },
    { "hdv", "v.shape[3] (head_dim_v)", { 0 } },
    { "mask", "causal", { "0", "1" } },
    { "gqa", "q.shape[2] / k.shape[2] (heads / heads_kv)", { 0 } },
    { "lse", "lse", { "NULL", "a tensor" } },
};

enum { NUM_ARGUMENTS = sizeof arguments / sizeof arguments[0] };

static void print_value(const gen_config *config, int argument, char out[GEN_TEXT_MAX])
{
    const char *const *values = arguments[argument].values;
    const char *field = arguments[argument].field;
    if (values[0])
        snprintf(out, GEN_TEXT_MAX, "%s", values[gen_config_number(config, field)]);
    else
        gen_config_value(config, field, out);
}

/* Which field of the arguments asks for another kernel? */
static aiter_status fail_config(const gen_config *asked, const rt_kernel *kernel)
{
    const char *field = gen_config_difference(asked, &kernel->config);
    char is[GEN_TEXT_MAX], expected[GEN_TEXT_MAX];
    int i = 0;
    while (strcmp(arguments[i].field, field) != 0)
        i++;
    print_value(asked, i, is);
    print_value(&kernel->config, i, expected);
    return rt_fail(INVALID, "%s is %s: expected %s, the plan is %s", arguments[i].argument, is,
                   expected, kernel->text);
}

aiter_status aiter_launch(const aiter_plan *plan, const aiter_attn_args *args)
{
    rt_problem problem;
    if (!plan)
        return rt_fail(INVALID, "plan is NULL: expected a plan");
    aiter_status status = rt_problem_read(plan->ctx->place, args, RT_ANY_OPERATION, true, &problem);
    if (status != AITER_OK)
        return status;
    if (!gen_config_equal(&problem.config, &plan->kernel->config))
        return fail_config(&problem.config, plan->kernel);
    return problem.empty ? AITER_OK : rt_launch(plan->ctx, plan->kernel, &problem);
}

const char *aiter_plan_config(const aiter_plan *plan)
{
    return plan->kernel->text;
}

void aiter_plan_destroy(aiter_plan *plan)
{
    free(plan);
}

aiter_status aiter_plan_info(const aiter_plan *plan, aiter_kernel_info *out)
{
    if (!plan || !out)
        return rt_fail(INVALID, "%s is NULL", plan ? "out" : "plan");
    const rt_kernel *k = plan->kernel;
    aiter_kernel_info info = rt_kernel_info(k->shape.symbol, &k->shape, &k->code, k->from_cache);
    return rt_sized_write("aiter_kernel_info", out, &info, sizeof info,
                          _Alignof(aiter_kernel_info));
}
