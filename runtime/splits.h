/* Few query rows over a cache: whether the keys are split, and into how many parts. */
#ifndef AITER_RUNTIME_SPLITS_H
#define AITER_RUNTIME_SPLITS_H

#include <aiter/aiter.h>

#include "gen/gen.h"

/* Makes a decode of a forward configuration if it can be one and the caller has asked for splits, by a
 * number of them or by a workspace of so many floats (-1: none). Sets what splits need in args, of
 * which partial is the workspace. Errors: INVALID_ARGUMENT (num_splits, workspace), UNSUPPORTED. */
aiter_status rt_split(gen_config *config, gen_fmha_fwd_args *args, bool pack, int num_splits,
                      int64_t workspace);

/* The kernel that makes one output of a decode's splits. */
gen_config rt_split_merge(const gen_config *decode);

#endif
