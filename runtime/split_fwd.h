/* The forward kernel's two ways to share out work: rows of a group's query heads in one tile, and keys in
 * parts. */
#ifndef AITER_RUNTIME_SPLIT_FWD_H
#define AITER_RUNTIME_SPLIT_FWD_H

#include <aiter/aiter.h>

#include "gen/gen.h"

/* Chooses pack and splits of a forward configuration and sets what splits need in the arguments, of
 * which partial is the workspace; args->num_splits: the most parts that a sequence's keys can be cut into,
 * 1: no merge is needed. num_splits: what the caller states, 0: nothing. workspace: its size in floats, -1: none.
 * Errors: INVALID_ARGUMENT (num_splits, workspace), UNSUPPORTED (num_splits in fp32). */
aiter_status rt_split_fwd(gen_config *config, gen_fmha_fwd_args *args, bool pack, int num_splits,
                          int64_t workspace);

/* Workgroups for each slice, and how many slices there are: heads, KV heads if rows are packed, of each batch
 * entry if that has tiles of its own. */
uint64_t rt_fwd_workgroups(const gen_config *config, int tile_q, const gen_fmha_fwd_args *args,
                           uint64_t *slices);

/* Rows that the forward kernel of `config` may leave to be merged, at most. */
uint64_t rt_fwd_merge_rows(const gen_config *config, const gen_fmha_fwd_args *args);

#endif
