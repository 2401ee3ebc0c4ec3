#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[RT_MESSAGE_MAX];

static const char cut_mark[] = "\n[message cut here; the log callback gets all of it]";

aiter_status rt_fail(aiter_status status, const char *format, ...)
{
    char next[RT_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(next, sizeof next, format, args);
    va_end(args);
    if (length >= (int)sizeof next)
        memcpy(next + sizeof next - sizeof cut_mark, cut_mark, sizeof cut_mark);
    memcpy(message, next, strlen(next) + 1);
    return status;
}

aiter_status rt_fail_memory(const char *what)
{
    return rt_fail(AITER_ERROR_OUT_OF_MEMORY, "out of host memory for %s", what);
}

const char *aiter_last_error(void)
{
    return message;
}

const char *aiter_status_string(aiter_status status)
{
    switch (status) {
    case AITER_OK:
        return "AITER_OK: success";
    case AITER_ERROR_INVALID_ARGUMENT:
        return "AITER_ERROR_INVALID_ARGUMENT: a field has a value that cannot be accepted";
    case AITER_ERROR_UNSUPPORTED:
        return "AITER_ERROR_UNSUPPORTED: this version or this arch cannot serve the request";
    case AITER_ERROR_OUT_OF_MEMORY:
        return "AITER_ERROR_OUT_OF_MEMORY: out of host memory";
    case AITER_ERROR_HIP_MISSING:
        return "AITER_ERROR_HIP_MISSING: no HIP runtime library could be loaded";
    case AITER_ERROR_HIP:
        return "AITER_ERROR_HIP: a HIP call failed";
    case AITER_ERROR_COMPILER_MISSING:
        return "AITER_ERROR_COMPILER_MISSING: no usable aiter-compiler";
    case AITER_ERROR_COMPILE_FAILED:
        return "AITER_ERROR_COMPILE_FAILED: the compiler rejected the source";
    case AITER_ERROR_COMPILER_DIED:
        return "AITER_ERROR_COMPILER_DIED: the compiler process crashed or spoke garbage";
    case AITER_ERROR_COMPILER_TIMEOUT:
        return "AITER_ERROR_COMPILER_TIMEOUT: the compiler missed its deadline";
    case AITER_ERROR_CACHE:
        return "AITER_ERROR_CACHE: the cache cannot be used";
    case AITER_ERROR_INTERNAL:
        return "AITER_ERROR_INTERNAL: a bug in libaiter";
    case AITER_ERROR_NOT_CACHED:
        return "AITER_ERROR_NOT_CACHED: the policy is offline, and no cache has the kernel";
    }
    return "unknown aiter_status";
}
