/* What the simulator's timing model says of a launch, for a person, as JSON and as a trace. The
 * writers take the model's profile and a FILE: they need neither a device nor the model. */
#ifndef AITER_PROFILE_H
#define AITER_PROFILE_H

#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

#include "sim/aiter_sim.h"

enum { PROFILE_WIDTH = 100 };       /* columns of a report */

/* What the operation needs, however it is computed; 0: not known. */
typedef struct profile_need {
    double flop;
    double read_bytes, write_bytes; /* every input read once, every output written once */
} profile_need;

/* key: as aiterSimUnitName() and aiterSimStallName() have it; label: for people. */
typedef struct profile_name {
    const char *key, *label;
} profile_name;

extern const profile_name profile_units[AITER_SIM_UNIT_COUNT];
extern const profile_name profile_stalls[AITER_SIM_STALL_COUNT];

enum { PROFILE_NUM_LEVELS = 3 };    /* of memory: L1, L2, HBM */

extern const profile_name profile_levels[PROFILE_NUM_LEVELS];
const aiter_sim_traffic *profile_traffic(const aiter_sim_profile *profile, int level);

typedef struct profile_rank {
    double value;
    size_t index;                   /* of an instruction, or an aiter_sim_stall */
} profile_rank;

/* A profile and what follows from it. Cycles are wave cycles of the simulated waves: each wave
 * counts in every cycle of its life, which it spends issuing or stalled. */
typedef struct profile_view {
    const aiter_sim_profile *profile;
    profile_need need;
    double lifetime, issuing, stalls[AITER_SIM_STALL_COUNT];
    double issue_cycles;            /* of one instruction, on average */
    profile_rank *hottest;          /* by cycles, first the most; those that took any */
    size_t num_hottest;
} profile_view;

/* false: out of memory. profile_view_free() in either case. `profile` must outlive the view. */
bool profile_view_init(profile_view *view, const aiter_sim_profile *profile,
                       const profile_need *need);
void profile_view_free(profile_view *view);

/* a / b, 0 where b is 0. */
double profile_share(double a, double b);

/* Wave cycles spent at an instruction: issuing it, and waiting to issue it. */
double profile_inst_stalled(const aiter_sim_inst_profile *inst);
double profile_inst_cycles(const profile_view *view, const aiter_sim_inst_profile *inst);

/* The reason that most of the wait before an instruction is due to; -1 if there was no wait. */
int profile_inst_reason(const aiter_sim_inst_profile *inst);

/* Instructions for which metric() is above 0, first the most. *count of them; NULL: out of memory. */
typedef double (*profile_metric)(const profile_view *view, const aiter_sim_inst_profile *inst);
profile_rank *profile_rank_by(const profile_view *view, profile_metric metric, size_t *count);

/* All reasons, first the one that took most wave cycles. */
void profile_rank_stalls(const profile_view *view, profile_rank ranks[AITER_SIM_STALL_COUNT]);

/* What keeps the launch from being faster: the busiest unit or memory level if it is busy at least
 * 60 % of the launch, else "grid" if there are CUs without a workgroup, else "latency". */
typedef struct profile_bound {
    const char *by;                 /* key of a unit or level, "grid" or "latency" */
    const profile_name *busiest;    /* unit or level */
    double busy;                    /* of that */
} profile_bound;

profile_bound profile_find_bound(const profile_view *view);

/* One screen, then tables of `top` instructions each. false: out of memory. */
bool profile_print(FILE *out, const profile_view *view, int top);

/* Every instruction in order of address with its counts; the `top` hottest are marked. false: out of
 * memory. */
bool profile_annotate(FILE *out, const profile_view *view, int top);

/* Everything in the profile but the events. */
json_object *profile_json(const profile_view *view);

/* Chrome's trace event format (JSON object form), which Perfetto reads: a process for each CU, a
 * thread for each place of a wave and for each unit; 1 ns stands for 1 cycle. Launches follow each
 * other. */
typedef struct profile_trace_size {
    size_t kept, total;             /* stretches of waves */
} profile_trace_size;

enum { PROFILE_TRACE_MAX = 500000 };    /* stretches that are kept, about 100 bytes each */

/* false: writing failed (errno) or out of memory (ENOMEM). */
bool profile_write_trace(FILE *out, const aiter_sim_profile *const launches[], size_t num_launches,
                         size_t max, profile_trace_size *size);

#endif
