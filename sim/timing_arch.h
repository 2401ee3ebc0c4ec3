/* What the timing model knows of each arch: one table of constants, each with its source
 * (timing_arch.c). All times are cycles of the shader clock. */
#ifndef SIM_TIMING_ARCH_H
#define SIM_TIMING_ARCH_H

#include <stdint.h>

#include "sim/wave.h"

/* Which lanes access LDS together: `phases` sets of lanes, one after the other. */
typedef struct timing_phases {
    uint8_t count;
    uint8_t banks;     /* of 4 bytes */
    uint64_t lanes[8]; /* the sets */
} timing_phases;

typedef struct timing_arch {
    /* Issue. */
    unsigned issue_interval;  /* between two instructions of one wave, and turns of one SIMD */
    unsigned valu_cycles;     /* a SIMD's VALU is occupied by a plain instruction */
    unsigned valu_latency;    /* from issue until another VALU instruction can read the result */
    unsigned trans_cycles;    /* exp, log, rcp ... of f32 and f16 */
    unsigned f64_cycles;      /* fma, mul, add of f64 */
    unsigned trans_f64_cycles;
    unsigned branch_taken, branch_not_taken; /* until the wave's next instruction issues */
    unsigned barrier_cycles;  /* from the last wave's arrival until the waves go on */
    /* Matrix unit. A pass is 4 cycles. */
    unsigned mfma_read_short; /* VALU blocked after the issue of one with fewer than 8 passes */
    unsigned mfma_read_long;  /* ... with 8 and more */
    unsigned mfma_extra;      /* passes after its own until others can read the result */
    bool packed_alone;        /* packed and dot instructions do not run beside the matrix unit */
    unsigned packed_after_mfma; /* cycles from a matrix instruction's end to a packed one's issue */
    /* The part of the peak clock that the device holds with all matrix units always busy, for
     * inputs of f16 (and wider), bf16 and 8 bits and less. Power goes with busy units times the
     * square of the clock, so with units busy for a part b of the time it holds 1 / sqrt(b) times as
     * much, up to the peak. */
    double sustained[3];
    /* LDS. */
    unsigned lds_latency;     /* issue of a b32 read to its data */
    unsigned lds_read_bytes, lds_write_bytes; /* a clock */
    unsigned lds_backlog;     /* cycles of work that LDS instructions can queue for */
    timing_phases lds_read[3], lds_write[3]; /* of 4, 8 and 16 bytes a lane */
    /* Vector memory of a CU. */
    unsigned vmem_lanes;      /* addresses processed a clock */
    unsigned vmem_backlog;
    unsigned l1_bytes, l1_line, l1_latency, l1_bytes_per_clk;
    unsigned l2_bytes_per_clk; /* of one CU's port */
    /* Scalar memory. */
    unsigned scalar_bytes, scalar_line, scalar_latency;
    /* Shared levels. */
    unsigned l2_latency;
    unsigned l2_channels, l2_channel_bytes; /* of one XCD: bytes a clock and channel */
    uint64_t mall_bytes;      /* Infinity Cache; 0: none */
    unsigned mall_latency;
    double mall_gbps;         /* achieved */
    unsigned hbm_latency;
    double hbm_gbps;          /* achieved */
    /* Launch. */
    double launch_ns;         /* from one kernel's end to the next one's first wave */
    unsigned wave_launch;     /* cycles a workgroup's wave takes to be set up */
} timing_arch;

const timing_arch *sim_timing_arch(sim_arch arch);

/* Which of timing_arch.sustained is a matrix instruction's. */
unsigned sim_timing_matrix_class(const sim_inst *inst);

/* Cycles for which a matrix instruction occupies the matrix unit, 0: not one; and its operations. */
unsigned sim_timing_matrix(sim_arch arch, const sim_inst *inst, uint64_t *flops);

#endif
