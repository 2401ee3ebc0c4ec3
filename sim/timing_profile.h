/* Inside of the timing model: from what was counted to aiter_sim_profile. */
#ifndef SIM_TIMING_PROFILE_H
#define SIM_TIMING_PROFILE_H

#include "sim/timing_grid.h"

/* How long the launch takes at the clock that the device holds, launch included; *clock_hz (may be
 * NULL) receives that clock. */
double timing_seconds(const timing_grid *grid, const timing_counts *totals, double cycles,
                      double *clock_hz);

/* cycles: of the workgroups, without the launch. Returns NULL without memory. */
aiter_sim_profile *timing_profile_build(const timing_grid *grid, const timing_counts *totals,
                                        double cycles, uint64_t simulated, timing_record *record);

/* Becomes what aiterSimTakeProfile() returns next. */
void timing_profile_publish(aiter_sim_profile *profile);

#endif
