/* Configuration -> code object: from the cache, or compiled and stored. No device is involved. */
#ifndef AITER_RUNTIME_MAKER_H
#define AITER_RUNTIME_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <aiter/aiter.h>

#include "gen/gen.h"
#include "runtime/envelope.h"

typedef struct rt_maker rt_maker;

typedef struct rt_made {
    rt_code code; /* the caller's: rt_code_free()                     */
    bool from_cache;
    uint64_t compile_ns; /* 0 if from_cache                                  */
} rt_made;

/* must_store: what is made has to end up in the cache, anything else is an error (warming); without
 * it, a cache that cannot be used costs one warning. The options have been read by
 * rt_options_read(). Errors: OUT_OF_MEMORY, and CACHE with must_store. */
aiter_status rt_maker_new(rt_maker **out, const aiter_context_options *options, bool must_store);
void rt_maker_free(rt_maker *maker);

/* The code object of a valid configuration; `kernel` is its description. May block for the length
 * of a compile. Thread-safe; the same configuration is compiled once at a time over all threads and
 * processes that share the cache. Errors: COMPILE*, COMPILER_*, NOT_CACHED, OUT_OF_MEMORY, CACHE
 * with must_store. */
aiter_status rt_maker_get(rt_maker *maker, const gen_config *config, const gen_kernel *kernel,
                          rt_made *out);

/* Fills in what the maker counts: all but table_hits and launches. */
void rt_maker_stats(const rt_maker *maker, aiter_stats *out);

#endif
