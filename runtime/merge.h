/* From the arguments of a merge of two partial outputs to a problem. */
#ifndef AITER_RUNTIME_MERGE_H
#define AITER_RUNTIME_MERGE_H

#include "runtime/problem.h"

/* As rt_problem_read(). */
aiter_status rt_merge_read(rt_place place, const aiter_merge_args *args, bool need_data,
                           rt_problem *out);

#endif
