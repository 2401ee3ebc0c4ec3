/* The operations: prepare and launch in one call. */
#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/launch.h"

static aiter_status run(aiter_context *ctx, const aiter_attn_args *args, rt_operation operation)
{
    rt_problem problem;
    rt_kernel *kernel;
    if (!ctx)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "ctx is NULL: expected a context");
    aiter_status status = rt_problem_read(ctx->place, args, operation, true, &problem);
    if (status != AITER_OK || problem.empty)
        return status;
    status = rt_context_kernel(ctx, &problem.config, &kernel);
    if (status != AITER_OK)
        return status;
    return rt_launch(ctx, kernel, &problem);
}

aiter_status aiter_flash_attn_func(aiter_context *ctx, const aiter_attn_args *args)
{
    return run(ctx, args, RT_FLASH_ATTN);
}

aiter_status aiter_grouped_query_attention(aiter_context *ctx, const aiter_attn_args *args)
{
    return run(ctx, args, RT_GROUPED_QUERY);
}

aiter_status aiter_multi_query_attention(aiter_context *ctx, const aiter_attn_args *args)
{
    return run(ctx, args, RT_MULTI_QUERY);
}
