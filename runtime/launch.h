/* The launch itself. */
#ifndef AITER_RUNTIME_LAUNCH_H
#define AITER_RUNTIME_LAUNCH_H

#include "runtime/context.h"

/* Launches `kernel`, made for problem->config, with problem->args on problem->stream. Errors:
 * UNSUPPORTED (the grid is too large), HIP. */
aiter_status rt_launch(aiter_context *ctx, const rt_kernel *kernel, const rt_problem *problem);

#endif
