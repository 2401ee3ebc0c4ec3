/* Inside of the timing model: a compute unit with the workgroups that run on it. */
#ifndef SIM_TIMING_CU_H
#define SIM_TIMING_CU_H

#include "sim/aiter_sim.h"
#include "sim/program.h"
#include "sim/timing_arch.h"
#include "sim/usage.h"

/* ---- instructions (timing_inst.c) ---- */

typedef enum timing_action {
    TIMING_PLAIN,
    TIMING_WAITCNT,
    TIMING_BARRIER,
    TIMING_NOP,
    TIMING_SLEEP,
    TIMING_PRIORITY,
    TIMING_BRANCH,
    TIMING_CLOCK /* s_memtime, s_memrealtime */
} timing_action;

typedef struct timing_inst {
    uint8_t unit;   /* aiter_sim_unit */
    uint8_t action; /* timing_action */
    uint8_t blocked; /* matrix: cycles in which the VALU issues nothing */
    bool packed;    /* VALU: does not run beside the matrix unit */
    bool store;     /* vector memory: returns nothing */
    bool to_lds;    /* vector memory: load to LDS */
    uint16_t cycles;  /* that the unit is occupied, as far as it does not depend on addresses */
    uint16_t latency; /* until others can read the results */
    uint16_t wait_vm, wait_lgkm; /* s_waitcnt: how many may be outstanding */
    uint32_t amount;  /* s_nop, s_sleep: cycles; s_setprio: the priority */
    uint32_t flops;   /* of all lanes */
    float heat;       /* matrix: see timing_arch.sustained */
} timing_inst;

/* Decodes a whole program, once; false without memory. */
bool sim_timing_prepare(sim_program *program);

static inline const timing_inst *timing_of(const sim_program *program, const sim_inst *inst)
{
    return &program->timing[inst - program->inst];
}

/* ---- memory (timing_mem.c) ---- */

/* Readers of what an instruction loads, on the average: CUs of this XCD, this one included; XCDs; and
 * the part of it that workgroups have read that ran before. */
typedef struct timing_sharers {
    double xcd, xcds, before;
} timing_sharers;

/* What a CU may count on of the levels that all CUs share; see timing_grid.c. */
typedef struct timing_share {
    double l2_bytes_per_clk, mall_bytes_per_clk, hbm_bytes_per_clk; /* of this CU */
    uint64_t l2_bytes;    /* of the L2 that hold this CU's lines */
    const timing_sharers *sharers; /* per instruction */
} timing_share;

typedef struct timing_tag {
    uint64_t line;  /* + 1; 0: empty */
    uint64_t ready; /* when its data are there */
    uint64_t used;
} timing_tag;

typedef struct timing_cache {
    timing_tag *tags;
    unsigned sets, ways, line;
    uint64_t clock;
} timing_cache;

typedef struct timing_traffic {
    uint64_t read, written, requests, hits; /* bytes, bytes, lines, lines */
} timing_traffic;

typedef struct timing_mem {
    const timing_arch *arch;
    timing_share share;
    timing_cache l1, scalar, l2;
    uint64_t address_free; /* the address and tag pipeline */
    double l2_free, mall_free, hbm_free; /* when this CU's share of a level is free again */
} timing_mem;

/* What one access costs. */
typedef struct timing_cost {
    uint64_t done;    /* its data are there, or L2 has them */
    uint64_t drained; /* a store's share of HBM's time has passed */
    unsigned cycles;  /* the pipeline was occupied */
    unsigned lines;   /* of 128 bytes */
    uint64_t bytes;
    timing_traffic l1, l2;
    double l2_shared;             /* of the L2 misses: lines that another CU had fetched */
    double hbm_read, hbm_written; /* bytes, this CU's part of shared lines */
} timing_cost;

bool timing_mem_init(timing_mem *mem, const timing_arch *arch);
void timing_mem_free(timing_mem *mem);
bool timing_mem_reset(timing_mem *mem, const timing_share *share);

/* ---- accesses of one instruction, as the execution functions note them ---- */

enum { TIMING_ACCESSES = 8 * SIM_LANES }; /* some are noted dword by dword */
typedef struct timing_access {
    uint64_t address;
    uint16_t size;
    int8_t lane; /* -1: scalar */
    bool lds, write;
} timing_access;

typedef struct timing_accesses {
    unsigned count;
    timing_access at[TIMING_ACCESSES];
} timing_accesses;

/* now: when the instruction issues. */
void timing_mem_vector(timing_mem *mem, const timing_accesses *a, bool store, timing_sharers s,
                       uint64_t now, timing_cost *cost);
void timing_mem_scalar(timing_mem *mem, const timing_accesses *a, timing_sharers s, uint64_t now,
                       timing_cost *cost);

/* timing_lds.c: cycles that the accesses take, and how many of them conflicts cost. */
unsigned timing_lds_cycles(const timing_arch *arch, const timing_accesses *a, unsigned *conflicts);

/* ---- what is counted ---- */

/* Of one workgroup. */
typedef struct timing_counts {
    double busy[AITER_SIM_UNIT_COUNT];
    double instructions, matrix_flops, vector_flops, lds_conflicts;
    double matrix_heat; /* busy cycles of the matrix units, each times timing_inst.heat */
    double l1_requests, l1_hits, l2_requests, l2_hits;
    double l1_read, l1_written, l2_read, l2_written, hbm_read, hbm_written;
} timing_counts;

typedef struct timing_result {
    uint32_t id[3];
    uint64_t start, end;
    timing_counts counts;
} timing_result;

/* Of one instruction, over all waves that one thread simulated. */
typedef struct timing_tally {
    uint64_t issued, busy, conflicts, bytes, lines;
    uint64_t stall[AITER_SIM_STALL_COUNT];
} timing_tally;

typedef struct timing_wave_record {
    aiter_sim_wave_profile wave;
    aiter_sim_event *events;
    size_t num_events, cap_events;
} timing_wave_record;

typedef struct timing_record {
    timing_tally *insts; /* of the whole program */
    timing_wave_record *waves;
    size_t num_waves, cap_waves;
    bool trace, out_of_memory;
} timing_record;

/* ---- the compute unit (timing_cu.c) ---- */

typedef struct timing_cu timing_cu;

timing_cu *timing_cu_create(sim_arch arch, const sim_program *program);
void timing_cu_destroy(timing_cu *cu);

/* Runs `count` workgroups that start together on an empty CU, to their ends. results: count of
 * them. Returns 0, or -1 with *error. */
int timing_cu_run(timing_cu *cu, const sim_dispatch *dispatch, const timing_share *share,
                  const uint32_t (*ids)[3], unsigned count, timing_record *record,
                  timing_result *results, sim_error *error);

uint64_t timing_cu_executed(const timing_cu *cu);

#endif
