/* Which kernel serves attention with few query rows, and whether the keys are split. */
#ifndef AITER_RUNTIME_SPLITS_H
#define AITER_RUNTIME_SPLITS_H

#include "runtime/problem.h"

/* Makes a decode of a problem of the forward kernel if it can be one, and sets may_split and what splits
 * need in the arguments, of which partial is the workspace: num_splits, or as many as are good if it is
 * 0. workspace: its size in floats, -1: none. pack: the forward kernel has rows of all heads of a group in a tile even
 * if keys are not split. Errors: INVALID_ARGUMENT (num_splits, workspace), UNSUPPORTED. */
aiter_status rt_split(rt_problem *problem, bool pack, int num_splits, int64_t workspace);

/* The kernel that makes one output of the splits of a kernel of this configuration. */
gen_config rt_split_merge(const gen_config *config);

/* Few rows are also served by a decode kernel with room for more and, if they are not split, by the
 * forward kernel: makes the problem one of `kernel` if that serves it. */
void rt_split_fit(rt_problem *problem, const gen_config *kernel);

#endif
