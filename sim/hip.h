/* Shared by the files that implement the exported HIP functions (hip_*.c). */
#ifndef SIM_HIP_H
#define SIM_HIP_H

#include "runtime/hip_abi.h"
#include "sim/device.h"
#include "sim/queue.h"

#define SIM_EXPORT __attribute__((visibility("default")))
#define SIM_DECLARE(name, params) SIM_EXPORT hip_error name params;
HIP_ABI_FUNCTIONS(SIM_DECLARE)
#undef SIM_DECLARE
#define SIM_DECLARE(name, params) SIM_EXPORT const char *name params;
HIP_ABI_STRING_FUNCTIONS(SIM_DECLARE)
#undef SIM_DECLARE

/* Every exported function ends in this: it keeps the error for hipGetLastError(). */
hip_error sim_hip_return(hip_error error);

/* The devices exist. */
hip_error sim_hip_ready(void);

/* The devices exist, and no kernel has faulted on this thread's device. */
hip_error sim_hip_usable(void);

#endif
