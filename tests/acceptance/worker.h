/* Cases are run in processes of their own: a crash or a hang of one costs that case, not the
 * sweep. */
#ifndef SWEEP_WORKER_H
#define SWEEP_WORKER_H

#include <sys/types.h>

#include "tests/acceptance/cases.h"

typedef struct sweep_result {
    bool pass;
    bool device_lost;           /* a HIP call failed: the process cannot go on with that device */
    double error_ratio;         /* max error / tolerance */
    double bound_ratio;         /* worst element against its own bound */
    double seconds;
    unsigned compiles;
    unsigned long long instructions;
    char message[1024];         /* why it failed */
} sweep_result;

/* A worker process and the ends of its pipes that the sweep holds. */
typedef struct sweep_worker {
    pid_t pid;                  /* 0: none */
    int requests, results;      /* a case's index in, a sweep_result out */
} sweep_worker;

bool sweep_worker_start(sweep_worker *w, const sweep_case *cases, const char *cache_dir);

/* Kills if need be, waits, and closes. Returns the wait status. */
int sweep_worker_stop(sweep_worker *w, bool kill_it);

bool sweep_worker_send(sweep_worker *w, size_t index);
/* false: the worker died before it answered. */
bool sweep_worker_receive(sweep_worker *w, sweep_result *result);

/* Runs one case through the public API in this process. */
void sweep_run_case(const sweep_case *c, const char *cache_dir, sweep_result *result);

#endif
