/* Prepare and launch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/info.h"
#include "runtime/merge.h"
#include "runtime/sized.h"
#include "runtime/splits.h"
#include "runtime/steps.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

struct aiter_plan {
    aiter_context *ctx;
    rt_steps steps;
};

/* What the plan was prepared for. */
static const rt_kernel *main_kernel(const aiter_plan *plan)
{
    return plan->steps.kernel[RT_COMPUTE];
}

static aiter_status prepare_problem(aiter_context *ctx, const rt_problem *problem, aiter_plan **out)
{
    rt_steps steps;
    aiter_status status = rt_steps_prepare(ctx, problem, &steps);
    if (status != AITER_OK)
        return status;
    aiter_plan *plan = malloc(sizeof *plan);
    if (!plan)
        return rt_fail_memory("a plan");
    *plan = (aiter_plan){ ctx, steps };
    *out = plan;
    return AITER_OK;
}

static aiter_status prepare(aiter_context *ctx, const rt_request *request, aiter_plan **out)
{
    rt_problem problem;
    aiter_status status = rt_problem_read(ctx->place, request, false, &problem);
    return status == AITER_OK ? prepare_problem(ctx, &problem, out) : status;
}

static aiter_status check_place(const aiter_context *ctx, aiter_plan **out)
{
    if (!out)
        return rt_fail(INVALID, "out is NULL: expected a place for the plan");
    *out = NULL;
    return ctx ? AITER_OK : rt_fail(INVALID, "ctx is NULL: expected a context");
}

aiter_status aiter_prepare(aiter_context *ctx, const aiter_attn_args *args, aiter_plan **out)
{
    rt_request request;
    aiter_status status = check_place(ctx, out);
    if (status == AITER_OK)
        status = rt_request_attn(args, RT_ANY_OPERATION, &request);
    return status == AITER_OK ? prepare(ctx, &request, out) : status;
}

aiter_status aiter_prepare_kvcache(aiter_context *ctx, const aiter_kvcache_args *args,
                                   aiter_plan **out)
{
    rt_request request;
    aiter_status status = check_place(ctx, out);
    if (status == AITER_OK)
        status = rt_request_kvcache(args, &request);
    return status == AITER_OK ? prepare(ctx, &request, out) : status;
}

aiter_status aiter_prepare_varlen(aiter_context *ctx, const aiter_varlen_args *args,
                                  aiter_plan **out)
{
    rt_request request;
    aiter_status status = check_place(ctx, out);
    if (status == AITER_OK)
        status = rt_request_varlen(args, &request);
    return status == AITER_OK ? prepare(ctx, &request, out) : status;
}

aiter_status aiter_prepare_merge(aiter_context *ctx, const aiter_merge_args *args,
                                 aiter_plan **out)
{
    rt_problem problem;
    aiter_status status = check_place(ctx, out);
    if (status == AITER_OK)
        status = rt_merge_read(ctx->place, args, false, &problem);
    return status == AITER_OK ? prepare_problem(ctx, &problem, out) : status;
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
    { "window", "variants.use_window (with the bounds that are not -1)", { 0 } },
    { "softcap", "variants.softcap", { "0", "positive" } },
    { "alibi", "variants.alibi_slopes", { "NULL", "a tensor" } },
    { "sink", "variants.sinks", { "NULL", "a tensor" } },
    { "bias", "variants.bias", { "NULL", "a tensor" } },
    { "rounding", "variants.rounding", { 0 } },
    { "seqlens_q", "the lengths of the queries", { 0 } },
    { "seqlens_k", "the lengths of the keys", { 0 } },
    { "block_size", "block_size", { 0 } },
    { "kv", "the dtype of keys and values", { 0 } },
    { "append", "k_new", { "NULL", "a tensor" } },
    { "rotary", "rotary_cos (with rotary_interleaved)", { 0 } },
    { "rotary_dim", "2 * rotary_cos.shape[1] (rotary_dim)", { 0 } },
    { "rows", "q.shape[1] * q.shape[2] / heads_kv, in blocks of 16,", { 0 } },
    { "pack", "heads of a group in one tile (kvcache, varlen, workspace)", { 0 } },
    { "splits", "workspace", { "NULL, or num_splits 1", "a tensor" } },
    { "block_mask", "variants.block_mask_size", { 0 } },
    { "score_mod", "variants.score_mod", { 0 } },
    { "mask_mod", "variants.mask_mod", { 0 } },
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
    if (asked->op != kernel->config.op) {
        gen_config_print(asked, expected);
        return rt_fail(INVALID, "plan is %s: expected %s", kernel->text, expected);
    }
    while (strcmp(arguments[i].field, field) != 0)
        i++;
    print_value(asked, i, is);
    print_value(&kernel->config, i, expected);
    return rt_fail(INVALID, "%s is %s: expected %s, the plan is %s", arguments[i].argument, is,
                   expected, kernel->text);
}

static aiter_status launch_problem(const aiter_plan *plan, rt_problem *problem)
{
    const rt_kernel *kernel = main_kernel(plan);
    if (!gen_config_equal(&problem->config, &kernel->config)) {
        rt_split_fit(problem, &kernel->config);
        if (!gen_config_equal(&problem->config, &kernel->config))
            return fail_config(&problem->config, kernel);
    }
    if (rt_problem_is_split(problem) && !plan->steps.kernel[RT_MERGE])
        return rt_fail(INVALID,
                       "workspace is a tensor: expected NULL, the plan was prepared without one");
    return rt_steps_launch(plan->ctx, &plan->steps, problem);
}

static aiter_status launch(const aiter_plan *plan, const rt_request *request)
{
    rt_problem problem;
    aiter_status status = rt_problem_read(plan->ctx->place, request, true, &problem);
    return status == AITER_OK ? launch_problem(plan, &problem) : status;
}

static aiter_status no_plan(void)
{
    return rt_fail(INVALID, "plan is NULL: expected a plan");
}

aiter_status aiter_launch(const aiter_plan *plan, const aiter_attn_args *args)
{
    rt_request request;
    aiter_status status = plan ? rt_request_attn(args, RT_ANY_OPERATION, &request) : no_plan();
    return status == AITER_OK ? launch(plan, &request) : status;
}

aiter_status aiter_launch_kvcache(const aiter_plan *plan, const aiter_kvcache_args *args)
{
    rt_request request;
    aiter_status status = plan ? rt_request_kvcache(args, &request) : no_plan();
    return status == AITER_OK ? launch(plan, &request) : status;
}

aiter_status aiter_launch_varlen(const aiter_plan *plan, const aiter_varlen_args *args)
{
    rt_request request;
    aiter_status status = plan ? rt_request_varlen(args, &request) : no_plan();
    return status == AITER_OK ? launch(plan, &request) : status;
}

aiter_status aiter_launch_merge(const aiter_plan *plan, const aiter_merge_args *args)
{
    rt_problem problem;
    aiter_status status = plan ? rt_merge_read(plan->ctx->place, args, true, &problem) : no_plan();
    return status == AITER_OK ? launch_problem(plan, &problem) : status;
}

const char *aiter_plan_config(const aiter_plan *plan)
{
    return main_kernel(plan)->text;
}

void aiter_plan_destroy(aiter_plan *plan)
{
    free(plan);
}

aiter_status aiter_plan_info(const aiter_plan *plan, aiter_kernel_info *out)
{
    if (!plan || !out)
        return rt_fail(INVALID, "%s is NULL", plan ? "out" : "plan");
    const rt_kernel *k = main_kernel(plan);
    aiter_kernel_info info = rt_kernel_info(k->shape.symbol, &k->shape, &k->code, k->from_cache);
    return rt_sized_write("aiter_kernel_info", out, &info, sizeof info,
                          _Alignof(aiter_kernel_info));
}
