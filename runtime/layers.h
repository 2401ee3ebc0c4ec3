/* The caches on disk, in the order of looking: the user's, then those of the system. */
#ifndef AITER_RUNTIME_LAYERS_H
#define AITER_RUNTIME_LAYERS_H

#include <stdbool.h>

#include <aiter/aiter.h>

#include "cache/cache.h"
#include "runtime/log.h"

enum { RT_LAYERS_MAX = 1 + 16 };

typedef struct rt_layer {
    cache_store *store;
    char *dir;
    aiter_cache_layer kind;
} rt_layer;

typedef struct rt_layers {
    rt_layer layer[RT_LAYERS_MAX];
    int count;
    bool writable;  /* layer[0] is the user's and stores                   */
    char *user_dir; /* NULL: there is none; it may not be among the layers */
} rt_layers;

/* Opens what the policy allows. With must_store the user's cache alone, and that it cannot be
 * written is an error; without it, a cache that cannot be used costs a warning. The caller closes
 * *out in any case. Errors: CACHE with must_store, OUT_OF_MEMORY. */
aiter_status rt_layers_open(rt_layers *out, const aiter_context_options *options, bool must_store,
                            const rt_logger *log);
void rt_layers_close(rt_layers *layers);

/* Where to store; NULL: nowhere. */
cache_store *rt_layers_writable(const rt_layers *layers);

#endif
