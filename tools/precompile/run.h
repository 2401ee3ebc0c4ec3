/* Warms a cache with a selection, on several threads. */
#ifndef AITER_PRECOMPILE_RUN_H
#define AITER_PRECOMPILE_RUN_H

#include <stdint.h>

#include <aiter/aiter.h>

#include "tools/precompile/select.h"

typedef enum outcome_state {
    OUTCOME_NOT_RUN,
    OUTCOME_COMPILED,
    OUTCOME_CACHED,
    OUTCOME_FAILED
} outcome_state;

typedef struct outcome {
    outcome_state state;
    aiter_status status;
    uint64_t ns;                /* from asking for it to having it */
    uint64_t compile_ns;
    aiter_kernel_info info;     /* symbol is NULL: it is in the selection's kernel */
    char *error;                /* OUTCOME_FAILED; owned */
} outcome;

/* Told of each code object, from several threads. false: this configuration has failed, `error` (of
 * RUN_ERROR_MAX bytes) says why. */
enum { RUN_ERROR_MAX = 512 };
typedef bool (*run_take)(void *user, const selected *item, const aiter_warm_result *result,
                         char *error);

typedef struct run_options {
    const cli_tool *tool;       /* whose messages these are */
    aiter_context_options context; /* log is set here */
    run_take take;              /* or NULL */
    void *take_user;
    int jobs;
    bool quiet;
} run_options;

typedef struct run_result {
    outcome *outcomes;          /* one per item of the selection */
    size_t compiled, cached, failed, not_run;
    uint64_t ns;
    /* Not AITER_OK: no configuration can succeed (no compiler, no cache); the rest was not run. */
    aiter_status fatal;
    char *fatal_message;        /* owned */
    bool abandoned;             /* after a signal, compiles went on and on: threads still run */
} run_result;

/* false: out of memory before anything ran. Failures are printed to stderr as they happen. After a
 * signal (signals.h) nothing new is started, and what is under way is waited for, within limits. */
bool run_selection(const selection *s, const run_options *options, run_result *result);
/* Ends the process at once: after run_selection() has abandoned compiles, threads and memory are
 * theirs. */
_Noreturn void run_leave(int code);

enum { RUN_JOBS_MAX = 256, RUN_TIMEOUT_MAX_S = 86400 };

/* The online processors. */
int run_default_jobs(void);

void run_result_free(run_result *result, size_t count);

#endif
