/* One kernel launch: checked geometry, packed arguments, and its workgroups, which any number of
 * threads take in turn. */
#ifndef SIM_LAUNCH_H
#define SIM_LAUNCH_H

#include <stdatomic.h>

#include "sim/engine.h"
#include "sim/module.h"

typedef struct sim_geometry {
    uint32_t grid[3];  /* work-items  */
    uint32_t block[3]; /* work-items per workgroup */
    size_t dynamic_lds;
} sim_geometry;

typedef struct sim_launch {
    struct sim_launch *next; /* for the queue's list of running launches */
    const sim_function *function;
    int device;
    sim_dispatch dispatch;
    uint32_t groups[3];
    uint64_t total;     /* workgroups */
    uint64_t arguments; /* device memory: dispatch packet, then kernel arguments */
    size_t argument_bytes;

    struct sim_timing *timing; /* NULL: not under the timing model */
    double predicted_seconds;  /* ... after its end                */

    _Atomic uint64_t taken; /* workgroups that some thread has taken */
    _Atomic bool failed;
    _Atomic bool error_claimed;
    sim_error error;
    hip_error code;
    _Atomic uint64_t instructions;
    uint64_t start_ns;
    size_t users; /* threads inside sim_launch_run(); the queue's lock guards it */
} sim_launch;

/* Checks a launch and packs its arguments: kernel_params (one pointer per explicit argument) or
 * extra (a packed buffer), as hipModuleLaunchKernel takes them. Errors are those of the real
 * runtime; the reason is reported. */
hip_error sim_launch_create(sim_launch **out, int device, sim_function *function,
                            const sim_geometry *geometry, void **kernel_params, void **extra);
sim_launch *sim_launch_clone(const sim_launch *launch);
void sim_launch_destroy(sim_launch *launch);

/* Nothing left to take. */
bool sim_launch_exhausted(const sim_launch *launch);

/* Takes and runs workgroups until none is left or one failed. */
void sim_launch_run(sim_launch *launch, sim_worker *worker);

/* After the last thread left: reports a fault or the statistics. Returns the launch's error. */
hip_error sim_launch_finish(sim_launch *launch);

/* Work-items of a launch given as blocks. Real limits: hipModuleLaunchKernel of ROCm 6. */
hip_error sim_geometry_from_blocks(const unsigned blocks[3], const unsigned block[3],
                                   size_t dynamic_lds, sim_geometry *out);

#endif
