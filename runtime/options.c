#include "runtime/options.h"

#include "runtime/error.h"
#include "runtime/sized.h"

static aiter_status not_negative(const char *field, int value)
{
    if (value < 0)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "options.%s is %d: expected 0 (default) or more", field, value);
    return AITER_OK;
}

static aiter_status not_empty(const char *field, const char *value)
{
    if (value && *value == '\0')
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "options.%s is \"\": expected a path, or NULL for the default", field);
    return AITER_OK;
}

static aiter_status check(const aiter_context_options *o)
{
    aiter_status status = not_negative("device", o->device);
    if (status == AITER_OK)
        status = not_negative("compile_jobs", o->compile_jobs);
    if (status == AITER_OK)
        status = not_negative("compile_timeout_ms", o->compile_timeout_ms);
    if (status == AITER_OK)
        status = not_empty("hip_runtime", o->hip_runtime);
    if (status == AITER_OK)
        status = not_empty("cache_dir", o->cache_dir);
    if (status == AITER_OK)
        status = not_empty("compiler", o->compiler);
    if (status == AITER_OK && o->no_cache != 0 && o->no_cache != 1)
        status = rt_fail(AITER_ERROR_INVALID_ARGUMENT, "options.no_cache is %d: expected 0 or 1",
                         o->no_cache);
    return status;
}

aiter_status rt_options_read(const aiter_context_options *given, aiter_context_options *out)
{
    static const aiter_context_options defaults = AITER_CONTEXT_OPTIONS_INIT;
    aiter_status status = rt_sized_read("aiter_context_options", given ? given : &defaults, out,
                                        sizeof *out, _Alignof(aiter_context_options));
    return status == AITER_OK ? check(out) : status;
}
