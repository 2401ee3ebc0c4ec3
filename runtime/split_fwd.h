/* The forward kernel's two ways to share out work: rows of a group's query heads in one tile, and keys
 * in parts. */
#ifndef AITER_RUNTIME_SPLIT_FWD_H
#define AITER_RUNTIME_SPLIT_FWD_H

#include "runtime/problem.h"

static inline int64_t rt_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Chooses pack and splits of a forward configuration from what was asked for, and sets what splits need
 * in the arguments, of which partial is the workspace; num_splits: 1 if nothing needs to be merged.
 * Errors: INVALID_ARGUMENT (workspace), UNSUPPORTED (num_splits in fp32). */
aiter_status rt_split_fwd(rt_problem *problem);

/* Workgroups for each slice, and how many slices there are: heads, KV heads if rows are packed, of each
 * batch entry if that has tiles of its own. */
uint64_t rt_fwd_workgroups(const gen_config *config, int tile_q, const gen_fmha_fwd_args *args,
                           uint64_t *slices);

/* Rows that the forward kernel of `config` may leave to be merged, at most. */
uint64_t rt_fwd_merge_rows(const gen_config *config, const gen_fmha_fwd_args *args);

#endif
