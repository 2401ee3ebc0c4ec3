#include "runtime/launch.h"

#include <inttypes.h>

#include "runtime/device.h"
#include "runtime/error.h"

/* Tiles of query rows that all heads of all batch entries have at most (the grid rule of gen_kernel).
 * Packed sequences take tiles of their own, each at most one more than its share of the rows. */
static uint64_t count_tiles(const rt_kernel *kernel, const gen_fmha_fwd_args *a, uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q, heads = (unsigned)a->num_heads;
    gen_seqlens seqlens = kernel->config.seqlens_q;
    bool packed = seqlens == GEN_SEQ_CU || seqlens == GEN_SEQ_PACKED;
    *slices = packed ? heads : heads * (unsigned)a->batch;
    return packed ? (unsigned)a->total_q / tile + (unsigned)a->batch
                  : ((unsigned)a->seqlen_q + tile - 1) / tile;
}

/* The dispatch packet counts threads in 32 bits (HSA Platform System Architecture 1.2, 2.9.6,
 * grid_size_x), which is the lower limit. */
static aiter_status grid_size(const rt_kernel *kernel, const gen_fmha_fwd_args *a, unsigned *grid)
{
    const gen_kernel *shape = &kernel->shape;
    uint64_t slices, tiles = count_tiles(kernel, a, &slices), groups;
    if (__builtin_mul_overflow(tiles, slices, &groups) ||
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
    aiter_status status = grid_size(kernel, &problem->args, &grid);
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
