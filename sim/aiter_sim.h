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

/* ---- Timing ------------------------------------------------------------------------------------
 *
 * A launch under the timing model is executed by the same engine and computes the same values, while
 * a model of the compute units, caches and memory predicts how long the device would take (see
 * docs/simulator.md). Deterministic: same launch, same memory contents and addresses modulo 4 KiB,
 * same prediction, whatever the number of host threads. hipEventElapsedTime between events of a
 * stream then counts predicted time (sustained_seconds) for the launches between them.
 *
 * Environment: AITER_SIM_TIMING   off, sample or full: the mode of every launch
 */

typedef enum aiter_sim_timing {
    AITER_SIM_TIMING_OFF = 0,
    AITER_SIM_TIMING_SAMPLE = 1, /* run only the workgroups that the prediction needs: the kernel's
                                  * output is incomplete                                           */
    AITER_SIM_TIMING_FULL = 2    /* run and time every workgroup                                    */
} aiter_sim_timing;

/* Sets the mode of the launches submitted from now on, in place of the environment's. trace: nonzero
 * keeps the events of the waves that were simulated, for aiter_sim_profile.events. Returns 0, or -1
 * for a mode that does not exist. Thread-safe. */
AITER_SIM_API int aiterSimSetTiming(aiter_sim_timing mode, int trace);

/* What executes instructions. Several can work at the same time. */
typedef enum aiter_sim_unit {
    AITER_SIM_UNIT_VALU,  /* vector arithmetic                                       */
    AITER_SIM_UNIT_TRANS, /* exp, log, rcp, rsq, sqrt, sin, cos: part of the VALU    */
    AITER_SIM_UNIT_MFMA,  /* matrix unit                                             */
    AITER_SIM_UNIT_SALU,  /* scalar arithmetic                                       */
    AITER_SIM_UNIT_SMEM,  /* scalar loads                                            */
    AITER_SIM_UNIT_LDS,
    AITER_SIM_UNIT_VMEM,  /* vector memory: global, buffer, flat, scratch            */
    AITER_SIM_UNIT_OTHER, /* branches, waits, barriers, messages: the sequencer's own */
    AITER_SIM_UNIT_COUNT
} aiter_sim_unit;

/* Why a wave did not issue its next instruction in a cycle. Each wave cycle is counted once. */
typedef enum aiter_sim_stall {
    AITER_SIM_STALL_VALU,       /* a source or destination is still being computed by the VALU     */
    AITER_SIM_STALL_MFMA,       /* ... by the matrix unit                                          */
    AITER_SIM_STALL_VMCNT,      /* s_waitcnt vmcnt                                                 */
    AITER_SIM_STALL_LGKM_LDS,   /* s_waitcnt lgkmcnt, LDS operations outstanding                   */
    AITER_SIM_STALL_LGKM_SMEM,  /* s_waitcnt lgkmcnt, scalar loads outstanding                     */
    AITER_SIM_STALL_BARRIER,    /* s_barrier: other waves have not arrived                         */
    AITER_SIM_STALL_UNIT_VALU,  /* the unit that the instruction needs is busy                     */
    AITER_SIM_STALL_UNIT_MFMA,
    AITER_SIM_STALL_UNIT_LDS,
    AITER_SIM_STALL_UNIT_VMEM,
    AITER_SIM_STALL_ISSUE,      /* another wave was chosen, or this wave's issue interval          */
    AITER_SIM_STALL_FETCH,      /* the next instruction is not there yet                           */
    AITER_SIM_STALL_SLEEP,      /* s_sleep, s_nop, s_setprio                                       */
    AITER_SIM_STALL_COUNT
} aiter_sim_stall;

/* "valu", "lgkm_lds" ...; NULL for a value that does not exist. Static storage. */
AITER_SIM_API const char *aiterSimUnitName(aiter_sim_unit unit);
AITER_SIM_API const char *aiterSimStallName(aiter_sim_stall reason);

/* One instruction of the program, over all simulated waves. */
typedef struct aiter_sim_inst_profile {
    uint64_t offset;              /* ELF virtual address in the code object                        */
    const char *text;             /* mnemonic and operands, as LLVM prints them                    */
    aiter_sim_unit unit;
    uint64_t issued;              /* wave instructions                                             */
    uint64_t busy_cycles;         /* for which they occupied their unit                            */
    uint64_t stall_cycles[AITER_SIM_STALL_COUNT]; /* that waves waited before issuing it           */
    uint64_t lds_conflict_cycles; /* part of busy_cycles due to bank conflicts                     */
    uint64_t bytes;               /* that lanes read or wrote: global memory or LDS                */
    uint64_t lines;               /* 128-byte lines of global memory touched                       */
} aiter_sim_inst_profile;

/* Traffic of one level, whole grid. */
typedef struct aiter_sim_traffic {
    double read_bytes, write_bytes;
    double hit_rate;              /* of reads, 0..1                                                */
    double busy;                  /* achieved / peak bandwidth, 0..1                               */
} aiter_sim_traffic;

/* A stretch of one simulated wave's life, for a trace. `stalled`: waiting to issue for `reason`;
 * otherwise executing on `unit`. */
typedef struct aiter_sim_event {
    uint64_t start, end;          /* cycles from the start of the launch                           */
    uint32_t wave;                /* index into aiter_sim_profile.waves                            */
    uint32_t inst;                /* index into aiter_sim_profile.insts                            */
    uint8_t stalled;
    uint8_t unit;                 /* aiter_sim_unit                                                */
    uint8_t reason;               /* aiter_sim_stall                                               */
} aiter_sim_event;

/* One simulated wave. */
typedef struct aiter_sim_wave_profile {
    uint32_t workgroup[3];
    uint32_t wave;                /* index in its workgroup                                        */
    uint32_t cu, simd;            /* where it ran                                                  */
    uint64_t start, end;          /* cycles from the start of the launch                           */
    uint64_t issued;              /* instructions                                                  */
    uint64_t stall_cycles[AITER_SIM_STALL_COUNT];
} aiter_sim_wave_profile;

typedef struct aiter_sim_profile {
    char kernel[256];
    char arch[16];
    uint32_t grid[3], block[3];   /* workgroups; work-items of one                                 */

    /* Prediction for the whole grid. */
    double cycles;                /* of the shader clock                                           */
    double seconds;               /* at clock_hz                                                   */
    double clock_hz;              /* the arch table's peak engine clock                            */
    double sustained_clock_hz;    /* what the device's power limit leaves of it under this launch's
                                   * matrix load, if launches like it follow each other            */
    double sustained_seconds;     /* at that clock: what to compare with long measurements         */
    double busy[AITER_SIM_UNIT_COUNT]; /* fraction of all CUs' unit cycles over the launch, 0..1   */
    double matrix_flops;          /* floating-point operations issued to the matrix units          */
    double matrix_peak_flops;     /* a second, of the matrix instruction forms that were used      */
    double vector_flops;          /* of the VALU: fused multiply-add counts 2                      */
    double instructions;          /* wave instructions                                             */
    double lds_conflict;          /* fraction of the LDS's busy cycles                             */
    aiter_sim_traffic l1, l2, hbm;

    /* Occupancy. */
    uint32_t num_cus, simds_per_cu;
    uint32_t vgprs, agprs, sgprs; /* allocated per wave                                            */
    uint32_t lds_bytes, scratch_bytes; /* per workgroup, per lane                                  */
    uint32_t waves_per_workgroup;
    uint32_t workgroups_per_cu, waves_per_simd; /* resident at most                                */
    const char *limited_by;       /* "vgprs", "lds", "waves", "workgroups" or "grid"               */

    /* What was simulated. */
    uint64_t workgroups, simulated_workgroups;
    double rounds;                /* workgroups / (num_cus * workgroups_per_cu)                    */

    const aiter_sim_inst_profile *insts;  /* the kernel's instructions in order of address         */
    size_t num_insts;
    const aiter_sim_wave_profile *waves;
    size_t num_waves;
    const aiter_sim_event *events;        /* by wave, then by start; NULL without trace            */
    size_t num_events;
} aiter_sim_profile;

/* The profile of the last launch that completed under the timing model; NULL if none did since the
 * last call. The caller owns it and releases it with aiterSimFreeProfile; its texts live as long as
 * it does. Thread-safe. */
AITER_SIM_API aiter_sim_profile *aiterSimTakeProfile(void);
AITER_SIM_API void aiterSimFreeProfile(aiter_sim_profile *profile);

#endif
