/* Prepare and launch. */
#include <inttypes.h>
#include <stdlib.h>

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

/* Which field of the arguments asks for another kernel? */
static aiter_status fail_config(const gen_config *asked, const rt_kernel *kernel)
{
    const gen_config *made = &kernel->config;
    const char *plan = kernel->text;
    if (asked->dtype != made->dtype)
        return rt_fail(INVALID, "q.dtype is %s: expected %s, the plan is %s",
                       gen_dtype_name(asked->dtype), gen_dtype_name(made->dtype), plan);
    if (asked->hdqk != made->hdqk)
        return rt_fail(INVALID, "q.shape[3] (head_dim) is %d: expected %d, the plan is %s",
                       asked->hdqk, made->hdqk, plan);
    if (asked->hdv != made->hdv)
        return rt_fail(INVALID, "v.shape[3] (head_dim_v) is %d: expected %d, the plan is %s",
                       asked->hdv, made->hdv, plan);
    if (asked->mask != made->mask)
        return rt_fail(INVALID, "causal is %d: expected %d, the plan is %s",
                       asked->mask == GEN_MASK_CAUSAL, made->mask == GEN_MASK_CAUSAL, plan);
    if (asked->gqa != made->gqa)
        return rt_fail(
            INVALID,
            "q.shape[2] / k.shape[2] (heads / heads_kv) is %d: expected %d, the plan is %s",
            asked->gqa, made->gqa, plan);
    return rt_fail(INVALID, "lse is %s: expected %s, the plan is %s",
                   asked->lse ? "a tensor" : "NULL", made->lse ? "a tensor" : "NULL", plan);
}

aiter_status aiter_launch(const aiter_plan *plan, const aiter_attn_args *args)
{
    rt_problem problem;
    if (!plan)
        return rt_fail(INVALID, "plan is NULL: expected a plan");
    aiter_status status = rt_problem_read(plan->ctx->place, args, RT_ANY_OPERATION, true, &problem);
    if (status != AITER_OK)
        return status;
    if (!rt_config_equal(&problem.config, &plan->kernel->config))
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
