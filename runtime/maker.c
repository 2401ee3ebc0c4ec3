#include "runtime/maker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/advice.h"
#include "runtime/clock.h"
#include "runtime/compiler.h"
#include "runtime/error.h"
#include "runtime/event.h"
#include "runtime/failures.h"
#include "runtime/key.h"
#include "runtime/layers.h"
#include "runtime/log.h"
#include "runtime/recorder.h"
#include "runtime/toolchain.h"

struct rt_maker {
    rt_logger log;
    rt_listener listener;
    bool must_store;
    aiter_cache_policy policy;
    char *record_file; /* NULL: none */
    rt_layers layers;  /* none: memory only */
    rt_compiler compiler;
    rt_toolchain *toolchain; /* NULL: memory only                                     */
    rt_failures *failures;
    atomic_bool get_warned, put_warned;
    atomic_uint_fast64_t cache_hits, system_cache_hits, cache_misses, evictions;
    atomic_uint_fast64_t compiles, compile_failures, store_failures, compile_ns;
};

/* One request on its way. */
typedef struct job {
    rt_maker *maker;
    const gen_config *config;
    const gen_kernel *kernel;
    char text[GEN_TEXT_MAX];
    rt_made *made;
} job;

/* ---- Life ---- */

static void report_eviction(void *user, const char *key, uint64_t bytes)
{
    rt_maker *m = user;
    rt_key parsed;
    const char *config = rt_key_parse(key, &parsed) ? parsed.config : NULL;
    atomic_fetch_add(&m->evictions, 1);
    rt_log(&m->log, AITER_LOG_DEBUG, "evicted from the cache: %s", config ? config : key);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_EVICTION,
                                         .config = config,
                                         .cache_dir = m->layers.user_dir,
                                         .bytes = bytes });
}

static aiter_status open_caches(rt_maker *m, const aiter_context_options *options)
{
    aiter_status status = rt_layers_open(&m->layers, options, m->must_store, &m->log);
    cache_store *store = rt_layers_writable(&m->layers);
    uint64_t limit = options->cache_max_bytes == UINT64_MAX ? 0 : options->cache_max_bytes;
    if (status == AITER_OK && store)
        cache_set_limit(store, limit, report_eviction, m);
    return status;
}

static aiter_status start(rt_maker *m, const aiter_context_options *options)
{
    aiter_status status = open_caches(m, options);
    if (status != AITER_OK)
        return status;
    status = rt_compiler_init(&m->compiler, options);
    if (status != AITER_OK)
        return status;
    m->failures = rt_failures_new();
    bool may_ask = m->policy != AITER_CACHE_OFFLINE;
    if (m->layers.count)
        m->toolchain = rt_toolchain_new(&m->layers, &m->compiler, may_ask, &m->log);
    if (!m->failures || (m->layers.count && !m->toolchain))
        return rt_fail_memory("the table of compiles");
    return AITER_OK;
}

aiter_status rt_maker_new(rt_maker **out, const aiter_context_options *options, bool must_store)
{
    rt_maker *m = calloc(1, sizeof *m);
    if (!m)
        return rt_fail_memory("a context");
    m->log = (rt_logger){ options->log, options->log_user };
    m->listener = (rt_listener){ options->event, options->event_user };
    m->policy = options->cache_policy;
    m->must_store = must_store && m->policy != AITER_CACHE_MEMORY;
    aiter_status status = AITER_OK;
    if (options->record_file && !must_store && !(m->record_file = strdup(options->record_file)))
        status = rt_fail_memory("the record file's name");
    if (status == AITER_OK)
        status = start(m, options);
    if (status != AITER_OK) {
        rt_maker_free(m);
        return status;
    }
    *out = m;
    return AITER_OK;
}

void rt_maker_free(rt_maker *m)
{
    if (!m)
        return;
    rt_toolchain_free(m->toolchain);
    rt_failures_free(m->failures);
    rt_compiler_release(&m->compiler);
    rt_layers_close(&m->layers);
    free(m->record_file);
    free(m);
}

void rt_maker_stats(const rt_maker *m, aiter_stats *out)
{
    out->cache_hits = atomic_load(&m->cache_hits);
    out->system_cache_hits = atomic_load(&m->system_cache_hits);
    out->cache_misses = atomic_load(&m->cache_misses);
    out->evictions = atomic_load(&m->evictions);
    out->compiles = atomic_load(&m->compiles);
    out->compile_failures = atomic_load(&m->compile_failures);
    out->store_failures = atomic_load(&m->store_failures);
    out->compile_ns = atomic_load(&m->compile_ns);
}

/* ---- The cache ---- */

/* Warns the first time; a broken cache is not worth a line per kernel. */
static void warn_once(rt_maker *m, atomic_bool *warned, const char *what, const char *why)
{
    aiter_log_level level = atomic_exchange(warned, true) ? AITER_LOG_DEBUG : AITER_LOG_WARNING;
    rt_log(&m->log, level, "%s: %s", what, why);
}

static void report_hit(const job *j, const rt_layer *layer)
{
    rt_maker *m = j->maker;
    j->made->from_cache = true;
    atomic_fetch_add(&m->cache_hits, 1);
    if (layer->kind == AITER_LAYER_SYSTEM)
        atomic_fetch_add(&m->system_cache_hits, 1);
    rt_log(&m->log, AITER_LOG_DEBUG, "cache hit: %s", j->text);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_HIT,
                                         .layer = layer->kind,
                                         .config = j->text,
                                         .cache_dir = layer->dir,
                                         .bytes = j->made->code.image_size });
}

static bool look_in(const job *j, const rt_layer *layer, const char *key)
{
    rt_maker *m = j->maker;
    char why[GEN_ERROR_MAX] = "";
    void *value;
    size_t size;
    cache_status status = cache_get(layer->store, key, &value, &size, why, sizeof why);
    if (status != CACHE_OK) {
        if (status != CACHE_MISS)
            warn_once(m, &m->get_warned, "the cache could not be read", why);
        return false;
    }
    if (!rt_envelope_open(value, size, j->kernel, &j->made->code, why)) {
        rt_log(&m->log, AITER_LOG_WARNING, "the cached code object of %s is not used: %s", j->text,
               why);
        return false;
    }
    report_hit(j, layer);
    return true;
}

/* What the kernel's record is called in a layer. On the heap; NULL: the layer was filled by nobody
 * yet, or out of memory. */
static char *key_in(const job *j, int layer)
{
    char digest[RT_DIGEST_MAX];
    if (rt_toolchain_digest(j->maker->toolchain, layer, digest) != AITER_OK || !*digest)
        return NULL;
    return rt_key_make(j->config, gen_digest(), digest);
}

static bool look_up(const job *j)
{
    const rt_layers *layers = &j->maker->layers;
    bool found = false;
    for (int i = 0; i < layers->count && !found; i++) {
        char *key = key_in(j, i);
        found = key && look_in(j, &layers->layer[i], key);
        free(key);
    }
    return found;
}

static void report_store_failure(const job *j, const char *why)
{
    rt_maker *m = j->maker;
    atomic_fetch_add(&m->store_failures, 1);
    warn_once(m, &m->put_warned, "a compiled kernel could not be stored", why);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_STORE_FAILURE,
                                         .config = j->text,
                                         .cache_dir = m->layers.user_dir,
                                         .message = why });
}

static aiter_status store(const job *j, const char *identity)
{
    rt_maker *m = j->maker;
    char digest[RT_DIGEST_MAX], why[512] = "";
    aiter_status status = rt_toolchain_learn(m->toolchain, identity, digest);
    if (status != AITER_OK)
        return status;
    char *key = rt_key_make(j->config, gen_digest(), digest);
    if (!key)
        return rt_fail_memory("a cache key");
    cache_status stored = cache_put(rt_layers_writable(&m->layers), key, j->made->code.block,
                                    j->made->code.block_size, why, sizeof why);
    free(key);
    if (stored == CACHE_OK)
        return AITER_OK;
    report_store_failure(j, why);
    return m->must_store
               ? rt_fail(AITER_ERROR_CACHE, "%s was compiled but not stored: %s", j->text, why)
               : AITER_OK;
}

/* ---- The compiler ---- */

/* Turns the compiler's reply into what the cache would have given. */
static aiter_status accept(const job *j, const rt_compile_reply *reply)
{
    char why[GEN_ERROR_MAX] = "";
    size_t size;
    void *block = rt_envelope_make(reply->code.data, reply->code.size, reply->metadata.data,
                                   reply->metadata.size, &size);
    if (!block)
        return rt_fail_memory("a code object");
    if (!rt_envelope_open(block, size, j->kernel, &j->made->code, why))
        return rt_fail(AITER_ERROR_INTERNAL,
                       "the compiled code of %s does not fit its description: %s", j->text, why);
    return AITER_OK;
}

/* The failure's message, made complete, in the log: it may be cut in the detail message. */
static void log_failure(const job *j, const rt_compile_reply *reply)
{
    rt_log(&j->maker->log, AITER_LOG_ERROR, "compiling %s failed:\n%s", j->text,
           reply->log.size > 0 ? reply->log.data : aiter_last_error());
}

static void report_compile(const job *j, aiter_status status, const rt_compile_reply *reply)
{
    rt_maker *m = j->maker;
    bool good = status == AITER_OK;
    atomic_fetch_add(&m->compile_ns, j->made->compile_ns);
    atomic_fetch_add(good ? &m->compiles : &m->compile_failures, 1);
    if (good)
        rt_log(&m->log, AITER_LOG_INFO, "compiled %s in %.0f ms%s%s", j->text,
               (double)j->made->compile_ns / 1e6, reply->log.size > 0 ? ":\n" : "",
               reply->log.size > 0 ? reply->log.data : "");
    else
        log_failure(j, reply);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_COMPILE_END,
                                         .status = status,
                                         .config = j->text,
                                         .message = good ? NULL : aiter_last_error(),
                                         .ns = j->made->compile_ns,
                                         .bytes = good ? j->made->code.image_size : 0 });
}

static aiter_status run_compiler(const job *j, const char *source, rt_compile_reply *reply)
{
    rt_maker *m = j->maker;
    rt_compile_request request = { j->text, source, gen_options(j->config) };
    rt_log(&m->log, AITER_LOG_INFO, "compiling %s", j->text);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_COMPILE_START, .config = j->text });
    uint64_t begin = rt_now_ns();
    aiter_status status = rt_compiler_compile(&m->compiler, &request, reply);
    if (status == AITER_OK)
        status = accept(j, reply);
    j->made->compile_ns = rt_now_ns() - begin;
    report_compile(j, status, reply);
    return status;
}

static aiter_status compile_and_store(const job *j)
{
    rt_compile_reply reply = { 0 };
    char *source = gen_render(j->config);
    if (!source)
        return rt_fail_memory("a kernel's source");
    aiter_status status = run_compiler(j, source, &reply);
    if (status == AITER_OK && rt_layers_writable(&j->maker->layers))
        status = store(j, reply.identity.data);
    rt_compile_reply_free(&reply);
    free(source);
    return status;
}

/* ---- A request ---- */

static void report_miss(const job *j)
{
    rt_maker *m = j->maker;
    atomic_fetch_add(&m->cache_misses, 1);
    rt_tell(&m->listener, (aiter_event){ .kind = AITER_EVENT_MISS, .config = j->text });
}

static aiter_status make_anew(const job *j)
{
    report_miss(j);
    return compile_and_store(j);
}

/* Only one of those who want the key compiles; the others find its result at their turn. */
static aiter_status make_under_flight(const job *j)
{
    rt_maker *m = j->maker;
    cache_flight *flight = NULL;
    aiter_status status = AITER_OK;
    char *key = key_in(j, 0);
    bool alone = key && cache_flight_begin(rt_layers_writable(&m->layers), key,
                                           m->compiler.timeout_ms, &flight) == CACHE_OK;
    free(key);
    if (!look_up(j))
        status = make_anew(j);
    if (alone)
        cache_flight_end(flight);
    return status;
}

static aiter_status fail_offline(const job *j)
{
    report_miss(j);
    return rt_fail(AITER_ERROR_NOT_CACHED, "the policy is offline");
}

static aiter_status find_or_make(const job *j)
{
    rt_maker *m = j->maker;
    char digest[RT_DIGEST_MAX];
    aiter_status status = AITER_OK;
    if (m->toolchain)
        status = rt_toolchain_digest(m->toolchain, 0, digest);
    if (status == AITER_OK && look_up(j))
        return AITER_OK;
    if (m->policy == AITER_CACHE_OFFLINE)
        return fail_offline(j);
    if (status != AITER_OK)
        return status;
    return rt_layers_writable(&m->layers) ? make_under_flight(j) : make_anew(j);
}

aiter_status rt_maker_get(rt_maker *m, const gen_config *config, const gen_kernel *kernel,
                          rt_made *out)
{
    job j = { .maker = m, .config = config, .kernel = kernel, .made = out };
    gen_config_print(config, j.text);
    *out = (rt_made){ 0 };
    if (m->record_file)
        rt_record(m->record_file, j.text, &m->log);
    uint64_t begin = rt_now_ns();
    aiter_status status = rt_failures_find(m->failures, j.text, begin);
    if (status != AITER_OK)
        return status;
    status = find_or_make(&j);
    if (status == AITER_OK)
        return AITER_OK;
    rt_code_free(&out->code);
    if (status == AITER_ERROR_COMPILER_MISSING || status == AITER_ERROR_NOT_CACHED)
        rt_advise_missing(&m->layers, j.text, status);
    uint64_t now = rt_now_ns();
    rt_failures_add(m->failures, j.text, status, now, now - begin);
    return status;
}
