#include "tools/precompile/run.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/precompile/progress.h"
#include "tools/precompile/signals.h"

typedef struct run {
    const selection *selection;
    const run_options *options;
    run_result *result;
    aiter_warmer *warmer;
    pthread_mutex_t lock;       /* of everything below, and of the outcomes */
    pthread_cond_t changed;
    progress progress;
    size_t next;
    int working;                /* threads that have not finished */
} run;

/* ---- One configuration ---- */

static void warm_one(run *r, const selected *item, outcome *o)
{
    aiter_warm_result result = { .size = sizeof result };
    char error[RUN_ERROR_MAX];
    const uint64_t start = clock_ns();
    const aiter_status status = aiter_warm(r->warmer, item->text, &result);

    o->ns = clock_ns() - start;
    o->status = status;
    if (status != AITER_OK) {
        o->state = OUTCOME_FAILED;
        o->error = strdup(aiter_last_error());
        return;
    }
    o->state = result.from_cache ? OUTCOME_CACHED : OUTCOME_COMPILED;
    o->compile_ns = result.compile_ns;
    o->info = result.info;
    o->info.symbol = NULL;
    if (r->options->take && !r->options->take(r->options->take_user, item, &result, error)) {
        o->state = OUTCOME_FAILED;
        o->error = strdup(error);
    }
    aiter_free(result.code);
}

/* With the lock held. A configuration that failed because a signal reached its compiler was not
 * run; one that failed because nothing can work is reported once, for the whole run. */
static void record(run *r, size_t index, outcome *o)
{
    run_result *result = r->result;

    if (o->status == AITER_ERROR_COMPILER_MISSING || o->status == AITER_ERROR_CACHE)
        result->fatal = o->status;
    if (o->state == OUTCOME_FAILED &&
        (signals_caught() || result->fatal != AITER_OK)) {
        if (!result->fatal_message && result->fatal != AITER_OK) {
            result->fatal_message = o->error;
            o->error = NULL;
        }
        free(o->error);
        *o = (outcome){ 0 };
    }
    result->compiled += o->state == OUTCOME_COMPILED;
    result->cached += o->state == OUTCOME_CACHED;
    result->failed += o->state == OUTCOME_FAILED;
    result->outcomes[index] = *o;
    if (o->state != OUTCOME_NOT_RUN)
        progress_finish(&r->progress, r->selection->items[index].text, o);
}

/* With the lock held. */
static bool may_start(const run *r)
{
    return r->next < r->selection->count && !signals_caught() &&
           r->result->fatal == AITER_OK;
}

static void *work(void *arg)
{
    run *r = arg;

    pthread_mutex_lock(&r->lock);
    while (may_start(r)) {
        const size_t index = r->next++;
        const selected *item = &r->selection->items[index];
        outcome o = { 0 };

        progress_start(&r->progress, item->text);
        pthread_mutex_unlock(&r->lock);
        warm_one(r, item, &o);
        pthread_mutex_lock(&r->lock);
        record(r, index, &o);
    }
    r->working--;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Called from workers without the lock. */
static void on_log(void *user, aiter_log_level level, const char *message)
{
    run *r = user;

    pthread_mutex_lock(&r->lock);
    progress_clear(&r->progress);
    cli_log((void *)r->options->tool, level, message);
    pthread_mutex_unlock(&r->lock);
}

/* ---- All of them ---- */

/* Schedulers send SIGKILL half a minute after SIGTERM; a compile takes about a second. */
enum { GRACE_S = 10 };

/* Has a signal been caught long enough ago? *since: when it was noticed, 0 before. */
static bool out_of_patience(uint64_t *since)
{
    if (!signals_caught())
        return false;
    if (*since == 0)
        *since = clock_ns();
    return clock_ns() - *since > GRACE_S * UINT64_C(1000000000);
}

/* The calling thread only draws, so that a bar moves while every worker compiles. */
static void watch(run *r)
{
    uint64_t signalled = 0;

    pthread_mutex_lock(&r->lock);
    while (r->working > 0 && !(r->result->abandoned = out_of_patience(&signalled))) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
        progress_draw(&r->progress);
    }
    progress_clear(&r->progress);
    pthread_mutex_unlock(&r->lock);
}

static void run_threads(run *r)
{
    pthread_t threads[RUN_JOBS_MAX];
    const int jobs = r->options->jobs < RUN_JOBS_MAX ? r->options->jobs : RUN_JOBS_MAX;
    int started = 0;

    pthread_mutex_lock(&r->lock);
    while (started < jobs && (size_t)started < r->selection->count &&
           pthread_create(&threads[started], NULL, work, r) == 0)
        r->working = ++started;
    if (started == 0)
        r->working = 1;
    pthread_mutex_unlock(&r->lock);
    if (started == 0) /* no thread to be had: do it here */
        work(r);
    watch(r);
    while (started > 0 && !r->result->abandoned)
        pthread_join(threads[--started], NULL);
}

static void run_free(run *r)
{
    aiter_warmer_destroy(r->warmer);
    progress_free(&r->progress);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* On the heap: workers that are abandoned go on using it, and all that the result points to. */
static run *run_new(const selection *s, const run_options *options, run_result *result)
{
    run *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    *r = (run){ .selection = s, .options = options, .result = result };
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    progress_init(&r->progress, s->count, options->quiet);
    return r;
}

bool run_selection(const selection *s, const run_options *options, run_result *result)
{
    aiter_context_options context = options->context;
    const uint64_t start = clock_ns();

    *result = (run_result){ 0 };
    result->outcomes = calloc(s->count + 1, sizeof *result->outcomes);
    run *r = result->outcomes ? run_new(s, options, result) : NULL;
    if (!r) {
        run_result_free(result, 0);
        return false;
    }
    context.log = on_log;
    context.log_user = r;
    result->fatal = aiter_warmer_create(&r->warmer, &context);
    if (result->fatal == AITER_OK)
        run_threads(r);
    else
        result->fatal_message = strdup(aiter_last_error());
    if (result->abandoned)
        pthread_mutex_lock(&r->lock); /* for good: the result does not change any more */
    result->not_run = s->count - result->compiled - result->cached - result->failed;
    result->ns = clock_ns() - start;
    if (!result->abandoned)
        run_free(r);
    return true;
}

void run_leave(int code)
{
    signals_kill_children();
    fflush(stdout);
    _exit(code);
}

int run_default_jobs(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors < 1 ? 1 : processors < RUN_JOBS_MAX ? (int)processors : RUN_JOBS_MAX;
}

void run_result_free(run_result *result, size_t count)
{
    for (size_t i = 0; result->outcomes && i < count; i++)
        free(result->outcomes[i].error);
    free(result->outcomes);
    free(result->fatal_message);
    *result = (run_result){ 0 };
}
