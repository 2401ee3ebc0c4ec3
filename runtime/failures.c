#include "runtime/failures.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

enum { RETRY_FACTOR = 10 };
#define RETRY_AFTER_NS UINT64_C(10000000000)

typedef struct failure {
    struct failure *next;
    char *config, *message;
    aiter_status status;
    uint64_t until_ns;
} failure;

struct rt_failures {
    pthread_mutex_t lock;
    failure *first;
};

rt_failures *rt_failures_new(void)
{
    rt_failures *failures = calloc(1, sizeof *failures);
    if (failures)
        pthread_mutex_init(&failures->lock, NULL);
    return failures;
}

static void release(failure *f)
{
    free(f->config);
    free(f->message);
    free(f);
}

void rt_failures_free(rt_failures *failures)
{
    if (!failures)
        return;
    for (failure *f = failures->first, *next; f; f = next) {
        next = f->next;
        release(f);
    }
    pthread_mutex_destroy(&failures->lock);
    free(failures);
}

static uint64_t retry_time(aiter_status status, uint64_t now_ns, uint64_t took_ns)
{
    switch (status) {
    case AITER_ERROR_COMPILE_FAILED:
    case AITER_ERROR_INTERNAL: /* source and generator disagree */
        return UINT64_MAX;
    case AITER_ERROR_COMPILER_MISSING:
    case AITER_ERROR_COMPILER_DIED:
    case AITER_ERROR_COMPILER_TIMEOUT: {
        uint64_t pause = RETRY_FACTOR * took_ns;
        return now_ns + (pause > RETRY_AFTER_NS ? pause : RETRY_AFTER_NS);
    }
    default:
        return 0;
    }
}

/* Unlinks and releases the entry of `config`, if any. */
static void forget(rt_failures *failures, const char *config)
{
    for (failure **at = &failures->first; *at; at = &(*at)->next)
        if (strcmp((*at)->config, config) == 0) {
            failure *f = *at;
            *at = f->next;
            release(f);
            return;
        }
}

void rt_failures_add(rt_failures *failures, const char *config, aiter_status status,
                     uint64_t now_ns, uint64_t took_ns)
{
    uint64_t until_ns = retry_time(status, now_ns, took_ns);
    if (until_ns == 0)
        return;
    failure *f = calloc(1, sizeof *f);
    if (!f)
        return;
    f->config = strdup(config);
    f->message = strdup(aiter_last_error());
    if (!f->config || !f->message) {
        release(f);
        return;
    }
    f->status = status;
    f->until_ns = until_ns;
    pthread_mutex_lock(&failures->lock);
    forget(failures, config);
    f->next = failures->first;
    failures->first = f;
    pthread_mutex_unlock(&failures->lock);
}

aiter_status rt_failures_find(rt_failures *failures, const char *config, uint64_t now_ns)
{
    aiter_status status = AITER_OK;
    pthread_mutex_lock(&failures->lock);
    for (const failure *f = failures->first; f; f = f->next)
        if (strcmp(f->config, config) == 0 && now_ns < f->until_ns) {
            status = rt_fail(f->status, "%s", f->message);
            break;
        }
    pthread_mutex_unlock(&failures->lock);
    return status;
}
