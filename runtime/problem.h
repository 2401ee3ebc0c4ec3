/* From tensors to a kernel configuration and the kernel's arguments. */
#ifndef AITER_RUNTIME_PROBLEM_H
#define AITER_RUNTIME_PROBLEM_H

#include <stdbool.h>

#include <aiter/aiter.h>

#include "gen/gen.h"

/* What an operation says beyond its tensors. */
typedef enum rt_operation {
    RT_ANY_OPERATION, /* prepare and launch: num_groups is optional          */
    RT_FLASH_ATTN,
    RT_GROUPED_QUERY,
    RT_MULTI_QUERY
} rt_operation;

typedef struct rt_problem {
    gen_config config;
    gen_fmha_fwd_args args;
    void *stream;
    bool empty; /* no output element: nothing to launch */
} rt_problem;

/* Where the problem has to run. */
typedef struct rt_place {
    const gen_arch *arch;
    int device;
} rt_place;

/* Checks every field of *given. need_data: tensors must have data (a launch), not only shapes (a
 * prepare). */
aiter_status rt_problem_read(rt_place place, const aiter_attn_args *given, rt_operation operation,
                             bool need_data, rt_problem *out);

#endif
