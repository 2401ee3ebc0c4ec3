/* The operations: prepare and launch in one call. */
#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/merge.h"
#include "runtime/steps.h"

/* All kernels are there before anything is launched. */
static aiter_status run_problem(aiter_context *ctx, const rt_problem *problem)
{
    rt_steps steps;
    aiter_status status = rt_steps_find(ctx, problem, &steps);
    return status == AITER_OK ? rt_steps_launch(ctx, &steps, problem) : status;
}

static aiter_status run(aiter_context *ctx, const rt_request *request)
{
    rt_problem problem;
    aiter_status status = rt_problem_read(ctx->place, request, true, &problem);
    return status == AITER_OK ? run_problem(ctx, &problem) : status;
}

static aiter_status no_context(void)
{
    return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "ctx is NULL: expected a context");
}

static aiter_status run_attn(aiter_context *ctx, const aiter_attn_args *args,
                             rt_operation operation)
{
    rt_request request;
    aiter_status status = ctx ? rt_request_attn(args, operation, &request) : no_context();
    return status == AITER_OK ? run(ctx, &request) : status;
}

aiter_status aiter_flash_attn_func(aiter_context *ctx, const aiter_attn_args *args)
{
    return run_attn(ctx, args, RT_FLASH_ATTN);
}

aiter_status aiter_grouped_query_attention(aiter_context *ctx, const aiter_attn_args *args)
{
    return run_attn(ctx, args, RT_GROUPED_QUERY);
}

aiter_status aiter_multi_query_attention(aiter_context *ctx, const aiter_attn_args *args)
{
    return run_attn(ctx, args, RT_MULTI_QUERY);
}

aiter_status aiter_flash_attn_with_kvcache(aiter_context *ctx, const aiter_kvcache_args *args)
{
    rt_request request;
    aiter_status status = ctx ? rt_request_kvcache(args, &request) : no_context();
    return status == AITER_OK ? run(ctx, &request) : status;
}

aiter_status aiter_variable_length_attention(aiter_context *ctx, const aiter_varlen_args *args)
{
    rt_request request;
    aiter_status status = ctx ? rt_request_varlen(args, &request) : no_context();
    return status == AITER_OK ? run(ctx, &request) : status;
}

aiter_status aiter_merge_states(aiter_context *ctx, const aiter_merge_args *args)
{
    rt_problem problem;
    aiter_status status =
        ctx ? rt_merge_read(ctx->place, args, true, &problem) : no_context();
    return status == AITER_OK ? run_problem(ctx, &problem) : status;
}
