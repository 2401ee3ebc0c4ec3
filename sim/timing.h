/* The timing model: what the rest of the simulator sees of it. A launch under the model runs through
 * sim_timing_run() instead of workgroup by workgroup.
 *
 * The files: timing_arch.c   the constants, per arch, with their sources
 *            timing_inst.c   what the model knows of an instruction before it runs
 *            timing_cu.c     a compute unit: issue, dependencies, waits, barriers
 *            timing_lds.c    LDS: phases, bank conflicts, queue
 *            timing_mem.c    vector and scalar memory: coalescing, L1, L2, Infinity Cache, HBM
 *            timing_grid.c   which workgroups are simulated; the whole grid from them
 *            timing_profile.c what aiterSimTakeProfile() returns
 *            timing.c        modes, and the threads of a launch */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H

#include "sim/aiter_sim.h"
#include "sim/device.h"
#include "sim/engine.h"

/* What AITER_SIM_TIMING says; read once. Returns 0, or -1 with a message. */
int sim_timing_environment(char *error, size_t size);

/* The mode of launches made now, and whether they keep a trace. */
aiter_sim_timing sim_timing_mode(bool *trace);

typedef struct sim_timing sim_timing; /* one launch under the model */

/* NULL without memory. */
sim_timing *sim_timing_create(const sim_dispatch *dispatch, const sim_device_info *device,
                              aiter_sim_timing mode, bool trace);
void sim_timing_destroy(sim_timing *timing);

/* Nothing left for another thread to take now. */
bool sim_timing_exhausted(sim_timing *timing);

/* Takes part until the launch is done. Returns 0, or -1 with *error; then every later call returns
 * at once. *instructions receives how many were executed. */
int sim_timing_run(sim_timing *timing, sim_error *error, uint64_t *instructions);

typedef struct sim_prediction {
    double seconds, clock_hz; /* at the clock that the device holds; no seconds: nothing predicted */
    double matrix_busy;
} sim_prediction;

/* After all threads left without an error: what is predicted, which also becomes the last profile. */
sim_prediction sim_timing_finish(sim_timing *timing);

#endif
