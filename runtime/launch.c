#include "runtime/launch.h"

#include <inttypes.h>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/split_fwd.h"

/* Tiles of rows of heads that all batch entries have. */
static uint64_t count_merge_tiles(const rt_kernel *kernel, const gen_merge_states_args *a,
                                  uint64_t *slices)
{
    uint64_t tile = (unsigned)kernel->shape.tile_q;
    *slices = (unsigned)a->batch;
    return ((uint64_t)(unsigned)a->seqlen * (unsigned)a->num_heads + tile - 1) / tile;
}

/* All rows of all heads of all batch entries are one list; or those that may have been split. */
static uint64_t count_split_tiles(const rt_kernel *kernel, const rt_problem *problem,
                                  uint64_t *slices)
{
    const gen_fmha_fwd_args *a = &problem->args;
    uint64_t tile = (unsigned)kernel->shape.tile_q;
    uint64_t rows = kernel->config.listed
                        ? rt_fwd_merge_rows(&problem->config, a)
                        : (uint64_t)(unsigned)a->batch * (unsigned)a->num_heads * (unsigned)a->seqlen_q;
    *slices = 1;
    return (rows + tile - 1) / tile;
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
    case GEN_MERGE_SPLITS: return count_split_tiles(kernel, problem, slices);
    case GEN_KV_APPEND: return count_append_tiles(kernel, a, slices);
    case GEN_FMHA_DECODE:
        *slices = (uint64_t)(unsigned)a->batch * (unsigned)(a->num_heads / kernel->config.gqa);
        return (unsigned)a->num_splits;
    default: return rt_fwd_workgroups(&kernel->config, kernel->shape.tile_q, a, slices);
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

static aiter_status submit_all(aiter_context *ctx, const rt_launch_list *list,
                               const rt_problem *problem, const unsigned grids[])
{
    for (int i = 0; i < list->count; i++) {
        aiter_status status = submit(ctx->hip, list->kernels[i], problem, grids[i]);
        if (status != AITER_OK)
            return status;
        atomic_fetch_add_explicit(&ctx->launches, 1, memory_order_relaxed);
    }
    return AITER_OK;
}

aiter_status rt_launch(aiter_context *ctx, const rt_launch_list *list, const rt_problem *problem)
{
    int saved;
    unsigned grids[RT_MAX_LAUNCHES];
    aiter_status status = AITER_OK;
    for (int i = 0; status == AITER_OK && i < list->count; i++)
        status = grid_size(list->kernels[i], problem, &grids[i]);
    if (status != AITER_OK || list->count == 0)
        return status;
    status = rt_device_enter(ctx->hip, ctx->place.device, &saved);
    if (status != AITER_OK)
        return status;
    status = submit_all(ctx, list, problem, grids);
    return rt_device_leave(ctx->hip, ctx->place.device, saved, status);
}
