#include "runtime/maker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "runtime/cachedir.h"
#include "runtime/clock.h"
#include "runtime/compiler.h"
#include "runtime/error.h"
#include "runtime/failures.h"
#include "runtime/log.h"
#include "runtime/toolchain.h"

struct rt_maker {
    rt_logger log;
    bool must_store;
    cache_store *store; /* NULL: memory only                                     */
    char *cache_dir;
    rt_compiler compiler;
    rt_toolchain *toolchain; /* NULL: memory only                                     */
    rt_failures *failures;
    atomic_bool get_warned, put_warned;
    atomic_uint_fast64_t cache_hits, compiles, compile_failures, store_failures, compile_ns;
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

static aiter_status open_cache(rt_maker *m, const char *given)
{
    char why[512] = "";
    aiter_status status = rt_cache_dir(given, &m->cache_dir);
    if (status == AITER_OK && cache_open(&m->store, m->cache_dir, 0, why, sizeof why) != CACHE_OK) {
        m->store = NULL;
        status = rt_fail(AITER_ERROR_CACHE, "the cache cannot be used: %s", why);
    }
    if (status != AITER_ERROR_CACHE || m->must_store)
        return status;
    rt_log(&m->log, AITER_LOG_WARNING, "%s; compiled kernels are kept in memory only",
           aiter_last_error());
    return AITER_OK;
}

static aiter_status start(rt_maker *m, const aiter_context_options *options)
{
    aiter_status status = options->no_cache ? AITER_OK : open_cache(m, options->cache_dir);
    if (status != AITER_OK)
        return status;
    status = rt_compiler_init(&m->compiler, options);
    if (status != AITER_OK)
        return status;
    m->failures = rt_failures_new();
    if (m->store)
        m->toolchain = rt_toolchain_new(m->store, &m->compiler, &m->log);
    if (!m->failures || (m->store && !m->toolchain))
        return rt_fail_memory("the table of compiles");
    return AITER_OK;
}

aiter_status rt_maker_new(rt_maker **out, const aiter_context_options *options, bool must_store)
{
    rt_maker *m = calloc(1, sizeof *m);
    if (!m)
        return rt_fail_memory("a context");
    m->log = (rt_logger){ options->log, options->log_user };
    m->must_store = must_store && !options->no_cache;
    aiter_status status = start(m, options);
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
    if (m->store)
        cache_close(m->store);
    free(m->cache_dir);
    free(m);
}

void rt_maker_stats(const rt_maker *m, aiter_stats *out)
{
    out->cache_hits = atomic_load(&m->cache_hits);
    out->compiles = atomic_load(&m->compiles);
    out->compile_failures = atomic_load(&m->compile_failures);
    out->store_failures = atomic_load(&m->store_failures);
    out->compile_ns = atomic_load(&m->compile_ns);
}

/* ---- The cache ---- */

/* Everything that decides the bytes of a code object, and nothing else. On the heap; NULL: out of
 * memory. */
static char *make_key(const job *j, const char *toolchain)
{
    char *key;
    int length = asprintf(&key,
                          "aiter code %d\ngenerator %s\nconfig %s\ntarget amdgcn-amd-amdhsa--%s\n"
                          "options\n%s\ntoolchain %s\n",
                          RT_ENVELOPE_VERSION, gen_digest(), j->text, j->config->arch->name,
                          gen_options(j->config), toolchain);
    return length < 0 ? NULL : key;
}

/* Warns the first time; a broken cache is not worth a line per kernel. */
static void warn_once(rt_maker *m, atomic_bool *warned, const char *what, const char *why)
{
    aiter_log_level level = atomic_exchange(warned, true) ? AITER_LOG_DEBUG : AITER_LOG_WARNING;
    rt_log(&m->log, level, "%s: %s", what, why);
}

static bool look_up(const job *j, const char *key)
{
    rt_maker *m = j->maker;
    char why[GEN_ERROR_MAX] = "";
    void *value;
    size_t size;
    cache_status status = cache_get(m->store, key, &value, &size, why, sizeof why);
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
    j->made->from_cache = true;
    atomic_fetch_add(&m->cache_hits, 1);
    rt_log(&m->log, AITER_LOG_DEBUG, "cache hit: %s", j->text);
    return true;
}

static aiter_status store(const job *j, const char *identity)
{
    rt_maker *m = j->maker;
    char digest[RT_DIGEST_MAX], why[512] = "";
    aiter_status status = rt_toolchain_learn(m->toolchain, identity, digest);
    if (status != AITER_OK)
        return status;
    char *key = make_key(j, digest);
    if (!key)
        return rt_fail_memory("a cache key");
    cache_status stored =
        cache_put(m->store, key, j->made->code.block, j->made->code.block_size, why, sizeof why);
    free(key);
    if (stored == CACHE_OK)
        return AITER_OK;
    atomic_fetch_add(&m->store_failures, 1);
    warn_once(m, &m->put_warned, "a compiled kernel could not be stored", why);
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

static aiter_status run_compiler(const job *j, const char *source, rt_compile_reply *reply)
{
    rt_maker *m = j->maker;
    rt_compile_request request = { j->text, source, gen_options(j->config) };
    rt_log(&m->log, AITER_LOG_INFO, "compiling %s", j->text);
    uint64_t begin = rt_now_ns();
    aiter_status status = rt_compiler_compile(&m->compiler, &request, reply);
    if (status == AITER_OK)
        status = accept(j, reply);
    j->made->compile_ns = rt_now_ns() - begin;
    atomic_fetch_add(&m->compile_ns, j->made->compile_ns);
    atomic_fetch_add(status == AITER_OK ? &m->compiles : &m->compile_failures, 1);
    if (status != AITER_OK)
        log_failure(j, reply);
    else
        rt_log(&m->log, AITER_LOG_INFO, "compiled %s in %.0f ms%s%s", j->text,
               (double)j->made->compile_ns / 1e6, reply->log.size > 0 ? ":\n" : "",
               reply->log.size > 0 ? reply->log.data : "");
    return status;
}

static aiter_status compile_and_store(const job *j)
{
    rt_compile_reply reply = { 0 };
    char *source = gen_render(j->config);
    if (!source)
        return rt_fail_memory("a kernel's source");
    aiter_status status = run_compiler(j, source, &reply);
    if (status == AITER_OK && j->maker->store)
        status = store(j, reply.identity.data);
    rt_compile_reply_free(&reply);
    free(source);
    return status;
}

/* ---- A request ---- */

/* Only one of those who want the key compiles; the others find its result at their turn. */
static aiter_status make_under_flight(const job *j, const char *key)
{
    rt_maker *m = j->maker;
    cache_flight *flight = NULL;
    aiter_status status = AITER_OK;
    bool alone = cache_flight_begin(m->store, key, m->compiler.timeout_ms, &flight) == CACHE_OK;
    if (!look_up(j, key))
        status = compile_and_store(j);
    if (alone)
        cache_flight_end(flight);
    return status;
}

static aiter_status find_or_make(const job *j)
{
    rt_maker *m = j->maker;
    char digest[RT_DIGEST_MAX];
    if (!m->store)
        return compile_and_store(j);
    aiter_status status = rt_toolchain_digest(m->toolchain, digest);
    if (status != AITER_OK)
        return status;
    char *key = make_key(j, digest);
    if (!key)
        return rt_fail_memory("a cache key");
    if (!look_up(j, key))
        status = make_under_flight(j, key);
    free(key);
    return status;
}

/* A miss on a machine that cannot compile is for the operator: say what is missing and how to
 * provide it. */
static aiter_status explain_missing(const job *j)
{
    const char *dir = j->maker->store ? j->maker->cache_dir : NULL;
    if (!dir)
        return rt_fail(AITER_ERROR_COMPILER_MISSING, "'%s' has to be compiled: %s", j->text,
                       aiter_last_error());
    return rt_fail(AITER_ERROR_COMPILER_MISSING,
                   "'%s' is not in the cache %s, and cannot be compiled: %s. Where there is a "
                   "compiler, this puts it there: aiter-precompile --cache-dir %s '%s'",
                   j->text, dir, aiter_last_error(), dir, j->text);
}

aiter_status rt_maker_get(rt_maker *m, const gen_config *config, const gen_kernel *kernel,
                          rt_made *out)
{
    job j = { .maker = m, .config = config, .kernel = kernel, .made = out };
    gen_config_print(config, j.text);
    *out = (rt_made){ 0 };
    uint64_t begin = rt_now_ns();
    aiter_status status = rt_failures_find(m->failures, j.text, begin);
    if (status != AITER_OK)
        return status;
    status = find_or_make(&j);
    if (status == AITER_OK)
        return AITER_OK;
    rt_code_free(&out->code);
    if (status == AITER_ERROR_COMPILER_MISSING)
        explain_missing(&j);
    uint64_t now = rt_now_ns();
    rt_failures_add(m->failures, j.text, status, now, now - begin);
    return status;
}
