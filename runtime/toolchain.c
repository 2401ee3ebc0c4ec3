#include "runtime/toolchain.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/buildid.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/failures.h"

/* The variables that decide which libraries aiter-compiler loads. */
static const char *const variables[] = { "AITER_ROCM_PREFIX", "ROCM_PATH", "LD_LIBRARY_PATH" };
enum { NUM_VARIABLES = sizeof variables / sizeof variables[0] };

/* The most recent identity of any program, for processes on machines that have none. */
static const char last_key[] = "aiter toolchain 1\nlast\n";

struct rt_toolchain {
    cache_store *store;
    const rt_compiler *compiler;
    const rt_logger *log;
    rt_failures *failures;
    char *key;                  /* of our record in the store      */
    pthread_mutex_t lock;       /* of what follows                 */
    char digest[RT_DIGEST_MAX]; /* "": not known yet               */
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

rt_toolchain *rt_toolchain_new(cache_store *store, const rt_compiler *compiler,
                               const rt_logger *log)
{
    rt_toolchain *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->store = store;
    t->compiler = compiler;
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

/* One line of an identity text, "NAME BUILD-ID PATH". */
typedef struct component {
    const char *name, *id, *path;
    int name_len, id_len, path_len;
} component;

/* Returns the text behind the line, or NULL if it is malformed. */
static const char *read_line(const char *line, component *c)
{
    size_t length = strcspn(line, "\n");
    const char *first = memchr(line, ' ', length);
    const char *second = first ? memchr(first + 1, ' ', length - (size_t)(first + 1 - line)) : NULL;
    const char *end = line + length;
    if (!second || first == line || second == first + 1 || second + 1 == end)
        return NULL;
    *c = (component){ line,
                      first + 1,
                      second + 1,
                      (int)(first - line),
                      (int)(second - first - 1),
                      (int)(end - second - 1) };
    return *end ? end + 1 : end;
}

/* Digest over names and build-ids, not paths. false: malformed, or out of memory. */
static bool digest_identity(const char *identity, char digest[RT_DIGEST_MAX])
{
    char *text = malloc(strlen(identity) + 1);
    size_t used = 0;
    component c;
    const char *at = identity;
    while (text && at && *at && (at = read_line(at, &c)))
        used += (size_t)sprintf(text + used, "%.*s %.*s\n", c.name_len, c.name, c.id_len, c.id);
    bool good = text && at && used > 0;
    if (good)
        cache_digest_hex(text, used, digest);
    free(text);
    return good;
}

static bool file_is(const component *c)
{
    char id[RT_BUILD_ID_MAX];
    char *path = strndup(c->path, (size_t)c->path_len);
    bool same = path && rt_build_id(path, id) && strlen(id) == (size_t)c->id_len &&
                memcmp(id, c->id, strlen(id)) == 0;
    free(path);
    return same;
}

/* Are the files of the identity still the ones it was made from? */
static bool still_true(const char *identity)
{
    component c;
    const char *at = identity;
    while (at && *at && (at = read_line(at, &c)))
        if (!file_is(&c))
            return false;
    return at != NULL && at != identity;
}

/* A heap text, or NULL. */
static char *read_record(rt_toolchain *t, const char *key)
{
    void *value;
    size_t size;
    if (cache_get(t->store, key, &value, &size, NULL, 0) != CACHE_OK)
        return NULL;
    char *text = strndup(value, size);
    free(value);
    return text;
}

static void write_record(rt_toolchain *t, const char *key, const char *identity)
{
    char why[512] = "";
    if (cache_put(t->store, key, identity, strlen(identity), why, sizeof why) != CACHE_OK)
        rt_log(t->log, AITER_LOG_DEBUG, "the toolchain's identity could not be stored: %s", why);
}

static void write_records(rt_toolchain *t, const char *identity)
{
    write_record(t, t->key, identity);
    write_record(t, last_key, identity);
}

/* Asks the compiler process, unless that has just failed. *identity is set on AITER_OK. */
static aiter_status ask(rt_toolchain *t, helper_blob *identity)
{
    static const char question[] = "identify";
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

/* The compiler cannot be asked: what was its last answer, or anybody's? */
static bool recall(rt_toolchain *t, const char *recorded)
{
    char *last = recorded ? NULL : read_record(t, last_key);
    const char *identity = recorded ? recorded : last;
    bool known = identity && digest_identity(identity, t->digest);
    free(last);
    return known;
}

static aiter_status find_digest(rt_toolchain *t)
{
    char *recorded = read_record(t, t->key);
    helper_blob identity = { 0 };
    aiter_status status = AITER_OK;
    if (recorded && still_true(recorded) && digest_identity(recorded, t->digest))
        goto done;
    status = ask(t, &identity);
    if (status == AITER_OK && !digest_identity(identity.data, t->digest))
        status = rt_fail(AITER_ERROR_COMPILER_DIED, "%s gave a malformed identity: %.200s",
                         rt_compiler_program(t->compiler), identity.data);
    else if (status == AITER_OK)
        write_records(t, identity.data);
    if (status != AITER_OK && recall(t, recorded)) {
        rt_log(t->log, AITER_LOG_INFO, "using the cache of the last known toolchain: %s",
               aiter_last_error());
        status = AITER_OK;
    }
done:
    helper_blob_free(&identity);
    free(recorded);
    return status;
}

aiter_status rt_toolchain_digest(rt_toolchain *t, char digest[RT_DIGEST_MAX])
{
    aiter_status status = AITER_OK;
    pthread_mutex_lock(&t->lock);
    if (t->digest[0] == '\0')
        status = find_digest(t);
    memcpy(digest, t->digest, RT_DIGEST_MAX);
    pthread_mutex_unlock(&t->lock);
    return status;
}

aiter_status rt_toolchain_learn(rt_toolchain *t, const char *identity, char digest[RT_DIGEST_MAX])
{
    if (!digest_identity(identity, digest))
        return rt_fail(AITER_ERROR_COMPILER_DIED, "%s gave a malformed identity: %.200s",
                       rt_compiler_program(t->compiler), identity);
    pthread_mutex_lock(&t->lock);
    bool changed = strcmp(t->digest, digest) != 0;
    memcpy(t->digest, digest, RT_DIGEST_MAX);
    pthread_mutex_unlock(&t->lock);
    if (changed)
        write_records(t, identity);
    return AITER_OK;
}
