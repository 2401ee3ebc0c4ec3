/* aiter_context_options, read and checked once for contexts and warmers. */
#ifndef AITER_RUNTIME_OPTIONS_H
#define AITER_RUNTIME_OPTIONS_H

#include <aiter/aiter.h>

/* given may be NULL (all defaults). *out has every field filled in as the caller gave it, but for
 * what the environment decides: cache_policy, cache_max_bytes and record_file. Its pointers are the
 * caller's or the environment's. */
aiter_status rt_options_read(const aiter_context_options *given, aiter_context_options *out);

/* "read-only". Not for AITER_CACHE_DEFAULT. */
const char *rt_policy_name(aiter_cache_policy policy);

#endif
