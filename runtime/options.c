#include "runtime/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/sized.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT
#define DEFAULT_MAX_BYTES (UINT64_C(1) << 30)
#define LEAST_MAX_BYTES (1ull << 20)

static aiter_status not_negative(const char *field, int value)
{
    if (value < 0)
        return rt_fail(INVALID,
                       "options.%s is %d: expected 0 (default) or more", field, value);
    return AITER_OK;
}

static aiter_status not_empty(const char *field, const char *value)
{
    if (value && *value == '\0')
        return rt_fail(INVALID,
                       "options.%s is \"\": expected a path, or NULL for the default", field);
    return AITER_OK;
}

static aiter_status check_numbers(const aiter_context_options *o)
{
    aiter_status status = not_negative("device", o->device);
    if (status == AITER_OK)
        status = not_negative("compile_jobs", o->compile_jobs);
    if (status == AITER_OK)
        status = not_negative("compile_timeout_ms", o->compile_timeout_ms);
    if (status == AITER_OK && o->no_cache != 0 && o->no_cache != 1)
        status = rt_fail(INVALID, "options.no_cache is %d: expected 0 or 1", o->no_cache);
    return status;
}

static aiter_status check_strings(const aiter_context_options *o)
{
    const struct {
        const char *field, *value;
    } strings[] = { { "hip_runtime", o->hip_runtime },
                    { "cache_dir", o->cache_dir },
                    { "compiler", o->compiler },
                    { "system_cache_dirs", o->system_cache_dirs },
                    { "record_file", o->record_file } };
    aiter_status status = AITER_OK;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0] && status == AITER_OK; i++)
        status = not_empty(strings[i].field, strings[i].value);
    return status;
}

/* ---- What the environment decides unless the caller does ---- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static const char *const policies[] = {
    [AITER_CACHE_READ_WRITE] = "read-write",
    [AITER_CACHE_READ_ONLY] = "read-only",
    [AITER_CACHE_OFFLINE] = "offline",
    [AITER_CACHE_MEMORY] = "memory",
};

static aiter_status policy_by_name(const char *name, aiter_cache_policy *out)
{
    for (int i = AITER_CACHE_READ_WRITE; i <= AITER_CACHE_MEMORY; i++)
        if (strcmp(name, policies[i]) == 0) {
            *out = (aiter_cache_policy)i;
            return AITER_OK;
        }
    return rt_fail(INVALID,
                   "AITER_CACHE_POLICY is \"%.64s\": expected read-write, read-only, offline or "
                   "memory",
                   name);
}

static aiter_status resolve_policy(aiter_context_options *o)
{
    const char *name = variable("AITER_CACHE_POLICY");
    int policy = o->cache_policy;
    if (policy < AITER_CACHE_DEFAULT || policy > AITER_CACHE_MEMORY)
        return rt_fail(INVALID,
                       "options.cache_policy is %d: expected an aiter_cache_policy, 0 to %d",
                       policy, AITER_CACHE_MEMORY);
    if (o->no_cache && policy != AITER_CACHE_DEFAULT && policy != AITER_CACHE_MEMORY)
        return rt_fail(INVALID,
                       "options.no_cache is 1 and options.cache_policy is %d (%s): expected one or "
                       "the other",
                       policy, policies[policy]);
    if (o->no_cache)
        o->cache_policy = AITER_CACHE_MEMORY;
    else if (policy == AITER_CACHE_DEFAULT && name)
        return policy_by_name(name, &o->cache_policy);
    else if (policy == AITER_CACHE_DEFAULT)
        o->cache_policy = AITER_CACHE_READ_WRITE;
    return AITER_OK;
}

/* "512M", "unlimited". False: anything else. */
static bool parse_bytes(const char *text, uint64_t *out)
{
    static const char units[] = "KMG";
    if (strcmp(text, "unlimited") == 0) {
        *out = UINT64_MAX;
        return true;
    }
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (*text < '0' || *text > '9' || errno || end[unit != NULL] || n > UINT64_MAX >> shift)
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

static aiter_status resolve_limit(aiter_context_options *o)
{
    const char *name = "options.cache_max_bytes", *text = NULL;
    if (o->cache_max_bytes == 0 && (text = variable("AITER_CACHE_MAX_BYTES"))) {
        name = "AITER_CACHE_MAX_BYTES";
        if (!parse_bytes(text, &o->cache_max_bytes))
            return rt_fail(INVALID,
                           "%s is \"%.64s\": expected a number of bytes, which may end in K, M or "
                           "G, or unlimited",
                           name, text);
    }
    if (o->cache_max_bytes == 0 && !text)
        o->cache_max_bytes = DEFAULT_MAX_BYTES;
    if (o->cache_max_bytes < LEAST_MAX_BYTES)
        return rt_fail(INVALID, "%s is %llu: expected at least %llu bytes", name,
                       (unsigned long long)o->cache_max_bytes, LEAST_MAX_BYTES);
    return AITER_OK;
}

static aiter_status check(aiter_context_options *o)
{
    aiter_status status = check_numbers(o);
    if (status == AITER_OK)
        status = check_strings(o);
    if (status == AITER_OK)
        status = resolve_policy(o);
    if (status == AITER_OK)
        status = resolve_limit(o);
    if (!o->record_file)
        o->record_file = variable("AITER_RECORD");
    return status;
}

const char *rt_policy_name(aiter_cache_policy policy)
{
    return policies[policy];
}

aiter_status rt_options_read(const aiter_context_options *given, aiter_context_options *out)
{
    static const aiter_context_options defaults = AITER_CONTEXT_OPTIONS_INIT;
    aiter_status status = rt_sized_read("aiter_context_options", given ? given : &defaults, out,
                                        sizeof *out, _Alignof(aiter_context_options));
    return status == AITER_OK ? check(out) : status;
}
