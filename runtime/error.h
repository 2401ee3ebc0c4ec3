/* The calling thread's detail message: what aiter_last_error() returns. */
#ifndef AITER_RUNTIME_ERROR_H
#define AITER_RUNTIME_ERROR_H

#include <aiter/aiter.h>

enum { RT_MESSAGE_MAX = 8192 };

/* Formats the detail message and returns `status`, so that a check can `return rt_fail(...)`.
 * Longer messages (compiler logs) are cut, and say so. An argument may point into the current
 * message. */
aiter_status rt_fail(aiter_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* rt_fail for memory: `what` could not be allocated. */
aiter_status rt_fail_memory(const char *what);

#endif
