/* The kernels that a problem takes: what is appended to a cache, the operation itself, the merge of its
 * splits. */
#ifndef AITER_RUNTIME_STEPS_H
#define AITER_RUNTIME_STEPS_H

#include "runtime/context.h"

/* In order of launch. */
typedef enum rt_step { RT_APPEND, RT_COMPUTE, RT_MERGE, RT_NUM_STEPS } rt_step;

/* A kernel for each step, NULL for those that the problem does not have; the context's. */
typedef struct rt_steps {
    const rt_kernel *kernel[RT_NUM_STEPS];
} rt_steps;

/* Gets the kernels that some problem with this configuration takes (for a plan), or those that this one
 * takes. Errors: those of rt_context_kernel(). */
aiter_status rt_steps_prepare(aiter_context *ctx, const rt_problem *problem, rt_steps *out);
aiter_status rt_steps_find(aiter_context *ctx, const rt_problem *problem, rt_steps *out);

/* Launches those that this problem takes. Errors: those of rt_launch(). */
aiter_status rt_steps_launch(aiter_context *ctx, const rt_steps *steps, const rt_problem *problem);

#endif
