/* The launch itself. */
#ifndef AITER_RUNTIME_LAUNCH_H
#define AITER_RUNTIME_LAUNCH_H

#include "runtime/context.h"

enum { RT_MAX_LAUNCHES = 3 };

typedef struct rt_launch_list {
    const rt_kernel *kernels[RT_MAX_LAUNCHES];
    int count;
} rt_launch_list;

/* Launches the kernels, made for problem->config, one after the other with problem->args on
 * problem->stream. Errors: UNSUPPORTED (a grid is too large; none was launched), HIP. */
aiter_status rt_launch(aiter_context *ctx, const rt_launch_list *list, const rt_problem *problem);

#endif
