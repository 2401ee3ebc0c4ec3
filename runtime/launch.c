#include "runtime/launch.h"

#include <inttypes.h>

#include "runtime/device.h"
#include "runtime/error.h"

/* The grid rule of gen_kernel: one workgroup per tile of query rows, head and batch entry. The
 * dispatch packet counts threads in 32 bits (HSA Platform System Architecture 1.2, 2.9.6,
 * grid_size_x), which is the lower limit. */
static aiter_status grid_size(const gen_kernel *shape, const gen_fmha_fwd_args *a, unsigned *grid)
{
    uint64_t tiles =
        ((uint64_t)a->seqlen_q + (unsigned)shape->tile_q - 1) / (unsigned)shape->tile_q;
    uint64_t rows, groups;
    if (__builtin_mul_overflow(tiles, (uint64_t)a->num_heads, &rows) ||
        __builtin_mul_overflow(rows, (uint64_t)a->batch, &groups) ||
        groups > UINT32_MAX / (unsigned)shape->block)
        return rt_fail(AITER_ERROR_UNSUPPORTED,
                       "q.shape: batch %d * heads %d * %" PRIu64
                       " tiles of %d query rows are too many workgroups for "
                       "one launch: expected at most %u",
                       a->batch, a->num_heads, tiles, shape->tile_q,
                       UINT32_MAX / (unsigned)shape->block);
    *grid = (unsigned)groups;
    return AITER_OK;
}

static aiter_status submit(const rt_hip *hip, const rt_kernel *kernel, const rt_problem *problem,
                           unsigned grid)
{
    gen_fmha_fwd_args kernarg; /* has room for any kernel's, and its alignment */
    size_t size = kernel->shape.kernarg_bytes;
    void *extra[] = { HIP_EXTRA_BUFFER_POINTER, &kernarg, HIP_EXTRA_BUFFER_SIZE, &size,
                      HIP_EXTRA_END };
    gen_kernel_pack(&kernel->shape, &problem->args, &kernarg);
    unsigned block = (unsigned)kernel->shape.block;
    hip_error error = hip->hipModuleLaunchKernel(kernel->function, grid, 1, 1, block, 1, 1, 0,
                                                 problem->stream, NULL, extra);
    if (error == HIP_SUCCESS)
        return AITER_OK;
    return rt_hip_fail(hip, "hipModuleLaunchKernel", error,
                       "kernel %s, %u workgroups of %u threads", kernel->shape.symbol, grid, block);
}

aiter_status rt_launch(aiter_context *ctx, const rt_kernel *kernel, const rt_problem *problem)
{
    int saved;
    unsigned grid = 0;
    aiter_status status = grid_size(&kernel->shape, &problem->args, &grid);
    if (status != AITER_OK)
        return status;
    status = rt_device_enter(ctx->hip, ctx->place.device, &saved);
    if (status != AITER_OK)
        return status;
    status = submit(ctx->hip, kernel, problem, grid);
    if (status == AITER_OK)
        atomic_fetch_add_explicit(&ctx->launches, 1, memory_order_relaxed);
    return rt_device_leave(ctx->hip, ctx->place.device, saved, status);
}
