/* The HIP runtime, found and loaded at run time. */
#ifndef AITER_RUNTIME_HIP_H
#define AITER_RUNTIME_HIP_H

#include <aiter/aiter.h>

#include "runtime/hip_abi.h"

/* Function pointers under their real names. Only the ones listed in hip.c are resolved, the rest is
 * NULL. */
typedef struct rt_hip {
#define RT_HIP_POINTER(name, params) hip_error (*name) params;
    HIP_ABI_DEVICE_FUNCTIONS(RT_HIP_POINTER)
    HIP_ABI_MODULE_FUNCTIONS(RT_HIP_POINTER)
#undef RT_HIP_POINTER
#define RT_HIP_POINTER(name, params) const char *(*name) params;
    HIP_ABI_STRING_FUNCTIONS(RT_HIP_POINTER)
#undef RT_HIP_POINTER
    const char *path; /* what was loaded, as given to dlopen */
} rt_hip;

/* Loads `path`; NULL: $AITER_HIP_RUNTIME, else a libamdhip64 that the process already has, else the
 * newest one that the loader finds. Once per path and process; never unloaded, because HIP runtimes
 * do not survive that. Thread-safe. Errors: HIP_MISSING, OUT_OF_MEMORY. */
aiter_status rt_hip_load(const char *path, const rt_hip **out);

/* AITER_ERROR_HIP with the call, the error's name, number and text, and what it was about (a printf
 * format). */
aiter_status rt_hip_fail(const rt_hip *hip, const char *call, hip_error error, const char *about,
                         ...) __attribute__((format(printf, 4, 5)));

#endif
