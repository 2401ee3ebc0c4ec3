/* Checkers: a second instruction loop that watches what a kernel does. Chosen when a launch is
 * made; without checks nothing of this runs. What an instruction reads and writes comes from the
 * forms of the instruction tables, memory addresses from the execution functions (sim_note). The
 * first finding stops the kernel. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/program.h"
#include "sim/wave.h"

enum {
    SIM_CHECK_UNINIT = 1 << 0,  /* reads of what nothing wrote */
    SIM_CHECK_WAIT = 1 << 1,    /* registers and LDS used while a load fills them */
    SIM_CHECK_RACE = 1 << 2,    /* accesses of two waves to the same byte that nothing orders */
    SIM_CHECK_BARRIER = 1 << 3, /* waves at a barrier that another wave ended without */
    SIM_CHECK_HAZARD = 1 << 4,  /* wait states that software must insert and did not */
    SIM_CHECK_NAN = 1 << 5,     /* the first NaN */
    SIM_CHECK_INF = 1 << 6      /* the first infinity */
};

/* A comma-separated list of uninit, wait, race, barrier, hazard, nan, inf; "all" is the first five,
 * which a correct kernel passes. Returns 0, or -1 with a message. */
int sim_check_parse(const char *list, unsigned *checks, char *error, size_t size);

/* What AITER_SIM_CHECK says; read once. Returns 0, or -1 with a message. */
int sim_check_environment(unsigned *checks, char *error, size_t size);

/* Per host thread. NULL without memory. */
struct sim_check *sim_check_create(void);
void sim_check_destroy(struct sim_check *check);

/* Per launch: what its workgroups have accessed in global memory. NULL without memory. */
struct sim_check_global *sim_check_global_create(void);
void sim_check_global_destroy(struct sim_check_global *global);

/* Before a workgroup's first wave runs; the waves' registers are as the hardware sets them up.
 * Returns 0, or -1 without memory. */
int sim_check_begin(struct sim_check *check, sim_workgroup *wg, unsigned checks);

/* In place of sim_run_wave(). */
void sim_check_run_wave(sim_wave *w, uint64_t max_instructions);

/* Waves wait at a barrier and no other wave runs. */
void sim_check_barrier(sim_workgroup *wg);

/* A load's data arrive in LDS. */
void sim_check_landed(sim_wave *w, const sim_landing *load);

/* ---- check_memory.c: which bytes of device memory have been written ---- */

/* Follow hipMalloc and hipFree. Nothing is kept unless AITER_SIM_CHECK has uninit. */
void sim_check_memory_add(uint64_t base, uint64_t size);
void sim_check_memory_remove(uint64_t base);

/* Somebody writes these bytes. */
void sim_check_memory_written(uint64_t address, uint64_t size);

/* Whether all these bytes have been written (or are not device memory); else the first that has not
 * been is *bad. */
bool sim_check_memory_ok(uint64_t address, uint64_t size, uint64_t *bad);

#endif
