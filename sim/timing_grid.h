/* Inside of the timing model: a whole grid. */
#ifndef SIM_TIMING_GRID_H
#define SIM_TIMING_GRID_H

#include "sim/device.h"
#include "sim/timing_cu.h"

/* How many workgroups a CU holds and what limits it. */
typedef struct timing_occupancy {
    uint32_t vgprs, agprs, sgprs, waves_per_group;
    uint32_t groups_per_cu, waves_per_simd;
    const char *limited_by;
} timing_occupancy;

timing_occupancy timing_occupancy_of(const sim_dispatch *dispatch, const sim_device_info *device);

typedef struct timing_grid {
    const sim_dispatch *dispatch;
    const sim_device_info *device;
    const timing_arch *arch;
    timing_occupancy occupancy;
    uint32_t groups[3];
    uint64_t total;
    uint32_t resident; /* workgroups of a CU that run together */
    uint64_t working;  /* CUs that have something to do */
} timing_grid;

void timing_grid_init(timing_grid *grid, const sim_dispatch *dispatch,
                      const sim_device_info *device);

void timing_grid_id(const timing_grid *grid, uint64_t number, uint32_t id[3]);

/* The workgroups that run on a CU together with this one, itself first: ids of at most
 * grid->resident. Returns how many. */
unsigned timing_grid_together(const timing_grid *grid, uint64_t number, uint32_t (*ids)[3]);

/* sharers: per instruction. */
timing_share timing_grid_share(const timing_grid *grid, const timing_sharers *sharers);

/* Fills sharers, one per instruction, from some workgroups that are executed in part, without what
 * they store (timing_survey.c). Left as they are if there is one workgroup only, or no memory. */
void timing_survey(const timing_grid *grid, timing_sharers *sharers);

/* Cycles until the last of all workgroups has ended: each goes to its XCD, there to the CU that has
 * most room. cycles(context, number): how long one runs on a full CU. alone: what part of that it
 * takes with the CU to itself; with some others, in proportion. Less than 0: no memory. */
double timing_grid_makespan(const timing_grid *grid,
                            double (*cycles)(const void *context, uint64_t number),
                            const void *context, double alone);

/* ---- which workgroups are simulated (timing_sample.c) ---- */

typedef struct timing_point {
    uint64_t number;
    bool done;
    timing_result result; /* of this workgroup */
} timing_point;

typedef struct timing_sample timing_sample;

timing_sample *timing_sample_create(const timing_grid *grid, bool full);
void timing_sample_destroy(timing_sample *sample);

/* The points to simulate next, all before the next call; *count 0: none, all is known. executed:
 * wave instructions so far. Returns false without memory. */
bool timing_sample_round(timing_sample *sample, uint64_t executed, timing_point ***points,
                         size_t *count);

/* After the last round. */
double timing_sample_cycles(const void *sample, uint64_t number);
void timing_sample_totals(const timing_sample *sample, timing_counts *totals);

#endif
