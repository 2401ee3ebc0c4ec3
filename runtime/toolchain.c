#include "runtime/toolchain.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/failures.h"

/* The variables that decide which libraries aiter-compiler loads. */
static const char *const variables[] = { "AITER_ROCM_PREFIX", "ROCM_PATH", "LD_LIBRARY_PATH" };
enum { NUM_VARIABLES = sizeof variables / sizeof variables[0] };

struct rt_toolchain {
    const rt_layers *layers;
    const rt_compiler *compiler; /* NULL: must not be asked         */
    const rt_logger *log;
    rt_failures *failures;
    char *key;                   /* of our record in the caches     */
    pthread_mutex_t lock;        /* of what follows                 */
    bool known;                  /* all digests are those of the compiler, or what is remembered */
    char digest[RT_LAYERS_MAX][RT_DIGEST_MAX]; /* to look up by in each layer; "": none */
};

static char *record_key(const char *program)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "aiter toolchain 1\nprogram %s\n", program);
    for (int i = 0; i < NUM_VARIABLES; i++) {
        const char *value = getenv(variables[i]);
        fprintf(out, "%s=%s\n", variables[i], value ? value : "");
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

rt_toolchain *rt_toolchain_new(const rt_layers *layers, const rt_compiler *compiler, bool may_ask,
                               const rt_logger *log)
{
    rt_toolchain *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->layers = layers;
    t->compiler = may_ask ? compiler : NULL;
    t->log = log;
    t->failures = rt_failures_new();
    t->key = record_key(rt_compiler_program(compiler));
    if (t->failures && t->key)
        return t;
    rt_toolchain_free(t);
    return NULL;
}

void rt_toolchain_free(rt_toolchain *t)
{
    if (!t)
        return;
    rt_failures_free(t->failures);
    pthread_mutex_destroy(&t->lock);
    free(t->key);
    free(t);
}

/* A heap text, or NULL. */
static char *read_record(cache_store *store, const char *key)
{
    void *value;
    size_t size;
    if (cache_get(store, key, &value, &size, NULL, 0) != CACHE_OK)
        return NULL;
    char *text = strndup(value, size);
    free(value);
    return text;
}

static void write_record(rt_toolchain *t, cache_store *store, const char *key, const char *identity)
{
    char why[512] = "";
    if (cache_put(store, key, identity, strlen(identity), why, sizeof why) != CACHE_OK)
        rt_log(t->log, AITER_LOG_DEBUG, "the toolchain's identity could not be stored: %s", why);
}

static void write_records(rt_toolchain *t, const char *identity)
{
    cache_store *store = rt_layers_writable(t->layers);
    if (!store)
        return;
    write_record(t, store, t->key, identity);
    write_record(t, store, rt_identity_last_key, identity);
}

/* Asks the compiler process, unless that has just failed. *identity is set on AITER_OK. */
static aiter_status ask(rt_toolchain *t, helper_blob *identity)
{
    static const char question[] = "identify";
    if (!t->compiler)
        return rt_fail(AITER_ERROR_NOT_CACHED, "the policy is offline");
    uint64_t start = rt_now_ns();
    aiter_status status = rt_failures_find(t->failures, question, start);
    if (status != AITER_OK)
        return status;
    status = rt_compiler_identify(t->compiler, identity);
    uint64_t now = rt_now_ns();
    if (status != AITER_OK)
        rt_failures_add(t->failures, question, status, now, now - start);
    return status;
}

static void know(rt_toolchain *t, const char digest[RT_DIGEST_MAX])
{
    for (int i = 0; i < RT_LAYERS_MAX; i++)
        memcpy(t->digest[i], digest, RT_DIGEST_MAX);
    t->known = true;
}

/* Does a layer have the compiler's last answer, and is it still true? */
static bool know_from_records(rt_toolchain *t)
{
    char digest[RT_DIGEST_MAX];
    bool found = false;
    for (int i = 0; i < t->layers->count && !found; i++) {
        char *recorded = read_record(t->layers->layer[i].store, t->key);
        found = recorded && rt_identity_is_current(recorded) && rt_identity_digest(recorded, digest);
        free(recorded);
    }
    if (found)
        know(t, digest);
    return found;
}

/* The compiler cannot be asked: what was its last answer, or anybody's? Each layer may have been
 * filled by another. */
static bool recall(rt_toolchain *t)
{
    for (int i = 0; i < t->layers->count; i++) {
        cache_store *store = t->layers->layer[i].store;
        char *recorded = read_record(store, t->key);
        if (!recorded)
            recorded = read_record(store, rt_identity_last_key);
        if (!recorded || !rt_identity_digest(recorded, t->digest[i]))
            t->digest[i][0] = '\0';
        t->known = t->known || t->digest[i][0];
        free(recorded);
    }
    return t->known;
}

static aiter_status know_from_compiler(rt_toolchain *t)
{
    helper_blob identity = { 0 };
    char digest[RT_DIGEST_MAX];
    aiter_status status = ask(t, &identity);
    if (status == AITER_OK && rt_identity_digest(identity.data, digest)) {
        know(t, digest);
        write_records(t, identity.data);
    } else if (status == AITER_OK) {
        status = rt_fail(AITER_ERROR_COMPILER_DIED, "%s gave a malformed identity: %.200s",
                         rt_compiler_program(t->compiler), identity.data);
    }
    helper_blob_free(&identity);
    return status;
}

/* Of many processes that start at once, one starts the compiler; the others read its answer. */
static aiter_status know_under_flight(rt_toolchain *t)
{
    cache_store *store = rt_layers_writable(t->layers);
    cache_flight *flight = NULL;
    if (store && t->compiler &&
        cache_flight_begin(store, t->key, t->compiler->timeout_ms, &flight) != CACHE_OK)
        flight = NULL;
    bool known = flight && know_from_records(t);
    aiter_status status = known ? AITER_OK : know_from_compiler(t);
    cache_flight_end(flight);
    return status;
}

static aiter_status find_digests(rt_toolchain *t)
{
    if (know_from_records(t))
        return AITER_OK;
    aiter_status status = know_under_flight(t);
    if (status == AITER_OK || !recall(t))
        return status;
    rt_log(t->log, AITER_LOG_INFO, "using the cache of the last known toolchain: %s",
           aiter_last_error());
    return AITER_OK;
}

aiter_status rt_toolchain_digest(rt_toolchain *t, int layer, char digest[RT_DIGEST_MAX])
{
    aiter_status status = AITER_OK;
    pthread_mutex_lock(&t->lock);
    if (!t->known)
        status = find_digests(t);
    memcpy(digest, t->digest[layer], RT_DIGEST_MAX);
    pthread_mutex_unlock(&t->lock);
    return status;
}

aiter_status rt_toolchain_learn(rt_toolchain *t, const char *identity, char digest[RT_DIGEST_MAX])
{
    if (!rt_identity_digest(identity, digest))
        return rt_fail(AITER_ERROR_COMPILER_DIED, "%s gave a malformed identity: %.200s",
                       rt_compiler_program(t->compiler), identity);
    pthread_mutex_lock(&t->lock);
    bool changed = strcmp(t->digest[0], digest) != 0;
    know(t, digest);
    pthread_mutex_unlock(&t->lock);
    if (changed)
        write_records(t, identity);
    return AITER_OK;
}
