/* Compiles that failed, so that a hot loop over a bad configuration does not start the compiler
 * each time. */
#ifndef AITER_RUNTIME_FAILURES_H
#define AITER_RUNTIME_FAILURES_H

#include <stdint.h>

#include <aiter/aiter.h>

typedef struct rt_failures rt_failures;

rt_failures *rt_failures_new(void); /* NULL: out of memory */
void rt_failures_free(rt_failures *failures);

/* Remembers the failure of `config`, with the calling thread's detail message. A rejection is a
 * property of the configuration and is remembered for good. A death, a timeout or a missing
 * compiler may pass: it is forgotten after 10 seconds, or ten times as long as it took, so that
 * retries never take more than a tenth of the time. Other statuses are not remembered. */
void rt_failures_add(rt_failures *failures, const char *config, aiter_status status,
                     uint64_t now_ns, uint64_t took_ns);

/* AITER_OK: nothing known. Else the status, and the message it had becomes the thread's again. */
aiter_status rt_failures_find(rt_failures *failures, const char *config, uint64_t now_ns);

#endif
