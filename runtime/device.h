/* The calling thread's current HIP device, borrowed for the length of a call. */
#ifndef AITER_RUNTIME_DEVICE_H
#define AITER_RUNTIME_DEVICE_H

#include "runtime/hip.h"

/* Makes `device` current on this thread; *saved is what rt_device_leave() restores. */
aiter_status rt_device_enter(const rt_hip *hip, int device, int *saved);

/* Returns `status`, or the failure to restore if status is AITER_OK. */
aiter_status rt_device_leave(const rt_hip *hip, int device, int saved, aiter_status status);

/* Checks the ordinal and reads the device's arch string, e.g. "gfx942:sramecc+:xnack-". */
aiter_status rt_device_arch(const rt_hip *hip, int device, char *arch, size_t size);

#endif
