/* Reports of what went wrong, and statistics: the state behind sim/aiter_sim.h. Thread-safe. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdint.h>

#include "sim/timing.h"

enum { SIM_REPORT_MAX = 2048 };

/* Keeps the text as the last report and shows it. */
void sim_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef struct sim_launch_stats {
    const char *kernel;
    uint64_t instructions, workgroups, waves, host_ns;
    sim_prediction predicted;
} sim_launch_stats;
void sim_report_launch(const sim_launch_stats *launch);

#endif
