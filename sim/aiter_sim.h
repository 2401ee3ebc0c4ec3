/* What libaiter-sim.so exports beside the HIP ABI: reports of kernel faults, statistics.
 * A program that does not link the library finds these with dlsym.
 *
 * Environment: AITER_SIM_DEVICES  comma-separated archs, one per device (gfx90a,gfx942,gfx950)
 *              AITER_SIM_THREADS  host threads that run workgroups (one per online processor)
 *              AITER_SIM_QUIET    1: no reports on stderr
 *              AITER_SIM_STATS    1: one line per launch on stderr
 *              AITER_COMPILER     path of aiter-compiler, which disassembles code objects */
#ifndef AITER_SIM_H
#define AITER_SIM_H

#include <stddef.h>
#include <stdint.h>

#define AITER_SIM_API __attribute__((visibility("default")))

/* The text of the last fault or refused module or launch: which kernel, instruction, lane and
 * address, or what was wrong and what was expected. Never NULL, "" if there was none. The result
 * belongs to the calling thread and lives until its next call. Reports also go to stderr, unless
 * AITER_SIM_QUIET=1 or a callback is set. */
AITER_SIM_API const char *aiterSimLastReport(void);

/* Receives every report instead of stderr, from any thread; NULL: stderr again. It must not call
 * HIP. */
typedef void (*aiter_sim_report_fn)(const char *text, void *user);
AITER_SIM_API void aiterSimSetReportCallback(aiter_sim_report_fn fn, void *user);

/* `size` is set by the caller to sizeof(aiter_sim_stats); fields beyond it are not written. */
typedef struct aiter_sim_stats {
    size_t size;
    uint64_t launches;           /* completed so far in this process                        */
    uint64_t total_instructions; /* wave instructions over all of them                      */
    uint64_t total_host_ns;      /* host time over all of them                              */
    uint64_t instructions;       /* of the last completed launch, like those that follow    */
    uint64_t workgroups;
    uint64_t waves;
    uint64_t host_ns;
    char kernel[256];
} aiter_sim_stats;

/* Returns 0, or -1 for NULL or a size too small to hold `size` itself. AITER_SIM_STATS=1 in the
 * environment prints each launch's numbers to stderr. */
AITER_SIM_API int aiterSimGetStats(aiter_sim_stats *stats);

#endif
