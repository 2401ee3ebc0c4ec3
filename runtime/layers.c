#include "runtime/layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cachedir.h"
#include "runtime/error.h"

enum { WHY_MAX = 512 };

/* Takes the store; dir is copied. */
static aiter_status add(rt_layers *l, aiter_cache_layer kind, cache_store *store, const char *dir)
{
    char *copy = strdup(dir);
    if (!copy) {
        cache_close(store);
        return rt_fail_memory("a cache's name");
    }
    l->layer[l->count++] = (rt_layer){ store, copy, kind };
    return AITER_OK;
}

static bool is_missing(const char *dir)
{
    return access(dir, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* ---- The user's ---- */

static aiter_status read_only_user(rt_layers *l, const rt_logger *log)
{
    char why[WHY_MAX] = "";
    cache_store *store;
    if (is_missing(l->user_dir)) {
        rt_log(log, AITER_LOG_DEBUG, "there is no cache %s", l->user_dir);
        return AITER_OK;
    }
    if (cache_open(&store, l->user_dir, CACHE_READ_ONLY, why, sizeof why) == CACHE_OK)
        return add(l, AITER_LAYER_USER, store, l->user_dir);
    rt_log(log, AITER_LOG_WARNING, "the cache cannot be used: %s", why);
    return AITER_OK;
}

/* A cache that cannot be written, such as one in a container image, may still be read. */
static aiter_status fall_back(rt_layers *l, const rt_logger *log, const char *why)
{
    char ignored[WHY_MAX];
    cache_store *store;
    bool readable =
        cache_open(&store, l->user_dir, CACHE_READ_ONLY, ignored, sizeof ignored) == CACHE_OK;
    rt_log(log, AITER_LOG_WARNING,
           "the cache cannot be %s: %s; compiled kernels are kept in memory only",
           readable ? "written" : "used", why);
    return readable ? add(l, AITER_LAYER_USER, store, l->user_dir) : AITER_OK;
}

static aiter_status open_user(rt_layers *l, const aiter_context_options *o, bool must_store,
                              const rt_logger *log)
{
    char why[WHY_MAX] = "";
    cache_store *store;
    if (o->cache_policy != AITER_CACHE_READ_WRITE)
        return read_only_user(l, log);
    if (cache_open(&store, l->user_dir, 0, why, sizeof why) == CACHE_OK) {
        l->writable = true;
        return add(l, AITER_LAYER_USER, store, l->user_dir);
    }
    if (must_store)
        return rt_fail(AITER_ERROR_CACHE, "the cache cannot be used: %s", why);
    return fall_back(l, log, why);
}

static aiter_status find_user(rt_layers *l, const aiter_context_options *o, bool must_store,
                              const rt_logger *log)
{
    l->user_dir = rt_cache_dir(o->cache_dir);
    if (l->user_dir)
        return open_user(l, o, must_store, log);
    if (errno != ENOENT)
        return rt_fail_memory("the cache directory's name");
    aiter_status status =
        rt_fail(AITER_ERROR_CACHE,
                "no cache directory: HOME is not set and user %u has no home. Set "
                "options.cache_dir or AITER_CACHE_DIR",
                (unsigned)getuid());
    if (must_store)
        return status;
    rt_log(log, AITER_LOG_WARNING, "%s; compiled kernels are kept in memory only",
           aiter_last_error());
    return AITER_OK;
}

/* ---- The system's ---- */

static aiter_status open_system(rt_layers *l, const char *dir, const rt_logger *log)
{
    char why[WHY_MAX] = "";
    cache_store *store;
    if (*dir == '\0' || is_missing(dir))
        return AITER_OK;
    if (l->count == RT_LAYERS_MAX) {
        rt_log(log, AITER_LOG_WARNING, "the system cache %s is not used: expected at most %d", dir,
               RT_LAYERS_MAX - 1);
        return AITER_OK;
    }
    if (cache_open(&store, dir, CACHE_READ_ONLY, why, sizeof why) == CACHE_OK)
        return add(l, AITER_LAYER_SYSTEM, store, dir);
    rt_log(log, AITER_LOG_WARNING, "a system cache cannot be used: %s", why);
    return AITER_OK;
}

static aiter_status open_systems(rt_layers *l, const aiter_context_options *o, const rt_logger *log)
{
    char *dirs = rt_system_cache_dirs(o->system_cache_dirs), *rest = dirs, *dir;
    aiter_status status = dirs ? AITER_OK : rt_fail_memory("the system caches' names");
    while (status == AITER_OK && (dir = strsep(&rest, ":")))
        status = open_system(l, dir, log);
    free(dirs);
    return status;
}

/* ---- All ---- */

aiter_status rt_layers_open(rt_layers *out, const aiter_context_options *options, bool must_store,
                            const rt_logger *log)
{
    *out = (rt_layers){ 0 };
    if (options->cache_policy == AITER_CACHE_MEMORY)
        return AITER_OK;
    aiter_status status = find_user(out, options, must_store, log);
    if (status == AITER_OK && !must_store)
        status = open_systems(out, options, log);
    return status;
}

void rt_layers_close(rt_layers *layers)
{
    for (int i = 0; i < layers->count; i++) {
        cache_close(layers->layer[i].store);
        free(layers->layer[i].dir);
    }
    free(layers->user_dir);
    *layers = (rt_layers){ 0 };
}

cache_store *rt_layers_writable(const rt_layers *layers)
{
    return layers->writable ? layers->layer[0].store : NULL;
}
