#include "runtime/launch.h"

#include <inttypes.h>

#include "runtime/device.h"
#include "runtime/error.h"

/* Tiles of query rows that all heads of all batch entries have at most (the grid rule of gen_kernel).
 * Packed sequences take tiles of their own, each at most one more than its share of the rows. */
static uint64_t count_fwd_tiles(const rt_kernel *kernel, const gen_fmha_fwd_args *a,
                                uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q, heads = (unsigned)a->num_heads;
    gen_seqlens seqlens = kernel->config.seqlens_q;
    bool packed = seqlens == GEN_SEQ_CU || seqlens == GEN_SEQ_PACKED;
    *slices = packed ? heads : heads * (unsigned)a->batch;
    return packed ? (unsigned)a->total_q / tile + (unsigned)a->batch
                  : ((unsigned)a->seqlen_q + tile - 1) / tile;
}

/* Tiles of rows of heads that all batch entries have. */
static uint64_t count_merge_tiles(const rt_kernel *kernel, const gen_merge_states_args *a,
                                  uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q;
    *slices = (unsigned)a->batch;
    return ((uint64_t)(unsigned)a->seqlen * (unsigned)a->num_heads + tile - 1) / tile;
}

/* All rows of all heads of all batch entries are one list. */
static uint64_t count_split_tiles(const rt_kernel *kernel, const gen_fmha_fwd_args *a,
                                  uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q;
    *slices = 1;
    return ((uint64_t)(unsigned)a->batch * (unsigned)a->num_heads * (unsigned)a->seqlen_q + tile -
            1) / tile;
}

/* Tiles of new rows of KV heads that all batch entries have. */
static uint64_t count_append_tiles(const rt_kernel *kernel, const gen_fmha_fwd_args *a,
                                   uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q;
    *slices = (unsigned)a->batch;
    return ((uint64_t)(unsigned)a->seqlen_new * (unsigned)a->num_heads_kv + tile - 1) / tile;
}

static uint64_t count_tiles(const rt_kernel *kernel, const rt_problem *problem, uint64_t *slices)
{
    const gen_fmha_fwd_args *a = &problem->args;
    switch (kernel->config.op) {
    case GEN_MERGE_STATES: return count_merge_tiles(kernel, &problem->merge, slices);
    case GEN_MERGE_SPLITS: return count_split_tiles(kernel, a, slices);
    case GEN_KV_APPEND: return count_append_tiles(kernel, a, slices);
    case GEN_FMHA_DECODE:
        *slices = (uint64_t)(unsigned)a->batch * (unsigned)(a->num_heads / kernel->config.gqa);
        return (unsigned)a->num_splits;
    default: return count_fwd_tiles(kernel, a, slices);
    }
}

/* The dispatch packet counts threads in 32 bits (HSA Platform System Architecture 1.2, 2.9.6,
 * grid_size_x), which is the lower limit. */
static aiter_status grid_size(const rt_kernel *kernel, const rt_problem *problem, unsigned *grid)
{
    const gen_kernel *shape = &kernel->shape;
    gen_op op = kernel->config.op;
    bool by_batch = op == GEN_MERGE_STATES || op == GEN_KV_APPEND;
    uint64_t slices, groups, tiles = count_tiles(kernel, problem, &slices);
    if (__builtin_mul_overflow(tiles, slices, &groups) ||
        groups > UINT32_MAX / (unsigned)shape->block)
        return rt_fail(AITER_ERROR_UNSUPPORTED,
                       "%s.shape: %" PRIu64 " tiles of %d rows in each of %" PRIu64
                       " %s are too many workgroups for one launch: expected at most %u",
                       op == GEN_MERGE_STATES ? "out" : op == GEN_KV_APPEND ? "k_new" : "q", tiles,
                       shape->tile_q, slices, by_batch ? "batch entries" : "heads of batch entries",
                       UINT32_MAX / (unsigned)shape->block);
    *grid = (unsigned)groups;
    return AITER_OK;
}

static aiter_status submit(const rt_hip *hip, const rt_kernel *kernel, const rt_problem *problem,
                           unsigned grid)
{
    gen_args kernarg; /* has room for any kernel's, and its alignment */
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
    aiter_status status = grid_size(kernel, problem, &grid);
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
