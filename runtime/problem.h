/* From an operation's arguments to a kernel configuration and the kernel's arguments. */
#ifndef AITER_RUNTIME_PROBLEM_H
#define AITER_RUNTIME_PROBLEM_H

#include <stdbool.h>

#include "gen/gen.h"
#include "runtime/request.h"

/* What rt_split() was asked for. */
typedef struct rt_split_request {
    bool pack;
    int num_splits;
    int64_t workspace;
} rt_split_request;

typedef struct rt_problem {
    gen_config config;
    union {
        gen_fmha_fwd_args args; /* of attention */
        gen_merge_states_args merge;
    };
    void *stream;
    bool empty;     /* no output element: nothing to compute */
    rt_split_request asked;
    bool may_split; /* with other arguments there may be splits: a plan has the kernel that merges */
} rt_problem;

/* Where the problem has to run. */
typedef struct rt_place {
    const gen_arch *arch;
    int device;
} rt_place;

/* Checks every field of the request. need_data: tensors must have data (a launch), not only shapes (a
 * prepare). */
aiter_status rt_problem_read(rt_place place, const rt_request *request, bool need_data,
                             rt_problem *out);

/* Are there outputs of splits to be merged? */
static inline bool rt_problem_is_split(const rt_problem *p)
{
    return p->may_split && p->args.num_splits > 1;
}

#endif
