/* The constants of the timing model.
 *
 * Sources:
 *  [MT4G]  pointer chases and bandwidths measured by caps-tum/mt4g, sample_results: MI210 (gfx90a),
 *          MI300X VF (gfx942), MI350P (gfx950; half of an MI355X). A chase's step is the latency
 *          and the s_waitcnt that waits for it, so a latency here is that step less one issue.
 *  [ISA]   AMD's ISA guides of MI200, CDNA3 and CDNA4.
 *  [WP]    AMD's CDNA2, CDNA3 and CDNA4 white papers and data sheets.
 *  [LLVM]  SISchedule.td and GCNHazardRecognizer.cpp of LLVM's AMDGPU target.
 *  [LLVM-RD] llvm-project pull request 184084: the VALU does not issue in the first two passes of a
 *          matrix instruction of 8 passes.
 *  [LLVM-PK] llvm-project pull request 157968: packed f32 instructions do not run beside a matrix
 *          instruction (gfx942, gfx950).
 *  [FA950] measurements of an attention kernel on MI355X, "Optimal scheduling of MFMA + math under
 *          gfx950 co-issue rules", which confirms both of these on gfx950, adds the 12 cycles after
 *          a matrix instruction, and measured 8 cycles for v_exp_f32.
 *  [LDS942] composable_kernel's documentation, "Understanding AMD GPU LDS and bank conflicts"; the
 *          ROCm blog "Avoiding LDS bank conflicts on AMD GPUs using CK-Tile".
 *  [LDS950] lane sets found by bank conflict counters on MI355X.
 *  [COPY]  BabelStream copy on MI300X: 4.11 TB/s (Azure AI benchmarking guide), on MI355X 5.65 TB/s
 *          (composable_kernel, bank conflict slides).
 *  [GEMM]  large matrix products on MI300X reach 654, 708 and 1273 TFLOP/s in f16, bf16 and fp8 at
 *          its power limit, of 1307, 1307 and 2615.
 *          [FA950] gives six pairs of busy ratio and TFLOP/s in f16: 62.4 % 1002, 65.1 % 1008,
 *          70.1 % 1038, 71.9 % 1046, 76.4 % 1077, 93.6 % 1196. TFLOP/s over the square root of the
 *          ratio is the same in all of them, 1250 +- 1.5 %, of a peak of 2517: this is the law of
 *          timing_arch.sustained, and gfx950's value; its bf16 and fp8 are in the same proportion
 *          to f16 as gfx942's.
 *  [u]     no source but a guess of the right order; nothing was fitted to a kernel. */
#include "sim/timing_arch.h"

#include <stdlib.h>
#include <string.h>

/* `count` sets of 64 / count lanes, one after the other. */
#define RUN1 {0xffffffffffffffff}
#define RUN2 {0xffffffff, 0xffffffff00000000}
#define RUN4 {0xffff, 0xffff0000, 0xffff00000000, 0xffff000000000000}
#define RUN8                                                                                       \
    {0xff,         0xff00,         0xff0000,         0xff000000,                                   \
     0xff00000000, 0xff0000000000, 0xff000000000000, 0xff00000000000000}

/* [LDS942]: lanes 0-3 and 20-23, 4-7 and 16-19, 8-11 and 28-31, 12-15 and 24-27; then + 32. */
#define READ128_942                                                                                \
    {0x00f0000f,         0x000f00f0,         0xf0000f00,         0x0f00f000,                       \
     0x00f0000f00000000, 0x000f00f000000000, 0xf0000f0000000000, 0x0f00f00000000000}
/* [LDS950]: lanes 0-3, 12-15, 20-27; 4-11, 16-19, 28-31; then + 32. */
#define READ128_950 {0x0ff0f00f, 0xf00f0ff0, 0x0ff0f00f00000000, 0xf00f0ff000000000}

#define LDS_32_BANKS                                                                               \
    .lds_read = {{2, 32, RUN2}, {4, 32, RUN4}, {8, 32, READ128_942}},                              \
    .lds_write = {{2, 32, RUN2}, {4, 32, RUN4}, {8, 32, RUN8}}

/* What all three have in common: a SIMD of 16 lanes works on a wave for 4 cycles ([ISA]; LLVM's
 * latency of 1 for Write32Bit is such a step), so a result is there for the next instruction. */
#define COMMON                                                                                     \
    .issue_interval = 4, .valu_cycles = 4, .valu_latency = 4,                                      \
    .trans_f64_cycles = 16,                          /* [LLVM] WriteTrans64 */                     \
        .branch_taken = 32, .branch_not_taken = 16,  /* [LLVM] WriteBranch 8 steps; [u] */         \
        .barrier_cycles = 16,                        /* [u] */                                     \
        .lds_backlog = 32, .vmem_backlog = 64,       /* [u] */                                     \
        .vmem_lanes = 16,                            /* [ISA] a quarter of a wave a clock */       \
        .l2_bytes_per_clk = 64,                      /* [WP] between L1 and L2 */                  \
        .scalar_bytes = 16 << 10, .scalar_line = 64, .scalar_latency = 44, /* [MT4G] 48 */         \
        .launch_ns = 3000, .wave_launch = 16         /* [u]: profilers show 2 us, events 5 */

static const timing_arch table[] = {
    [SIM_GFX90A] = {COMMON,
                    .sustained = {1, 1, 1}, /* [u] */
                    .trans_cycles = 16, /* [LLVM] WriteTrans32 */
                    .f64_cycles = 4,    /* [WP] f64 at the rate of f32 */
                    .mfma_read_short = 4,
                    .mfma_read_long = 8, /* [LLVM-RD] */
                    .mfma_extra = 3,     /* [LLVM] 5, 11, 19 wait states for 2, 8, 16 passes */
                    .lds_latency = 46,   /* [MT4G] 50 */
                    .lds_read_bytes = 128,
                    .lds_write_bytes = 128, /* [WP] */
                    LDS_32_BANKS,
                    .l1_bytes = 16 << 10,
                    .l1_line = 64,
                    .l1_latency = 120,      /* [MT4G] 16 KiB, lines of 64 bytes, 124 */
                    .l1_bytes_per_clk = 64, /* [WP] */
                    .l2_latency = 298,      /* [MT4G] 302 */
                    .l2_channels = 32,
                    .l2_channel_bytes = 128, /* [WP] */
                    .hbm_latency = 737,      /* [MT4G] 741 */
                    .hbm_gbps = 1300},       /* [u] the others' part of 1638; [MT4G] 1165 */
    [SIM_GFX942] = {COMMON,
                    .sustained = {0.500, 0.542, 0.487}, /* [GEMM] */
                    .trans_cycles = 16,
                    .f64_cycles = 4,
                    .mfma_read_short = 4,
                    .mfma_read_long = 8, /* [LLVM-RD] */
                    .mfma_extra = 3,     /* [LLVM] passes + 3 wait states */
                    .packed_alone = true,
                    .packed_after_mfma = 12, /* [LLVM-PK]; [FA950] */
                    .lds_latency = 47,       /* [MT4G] 51 */
                    .lds_read_bytes = 128,
                    .lds_write_bytes = 128,
                    LDS_32_BANKS,
                    .l1_bytes = 32 << 10,
                    .l1_line = 128,
                    .l1_latency = 112,       /* [MT4G] 32 KiB, lines of 128 bytes, 116 */
                    .l1_bytes_per_clk = 64,  /* [WP] */
                    .l2_latency = 284,       /* [MT4G] 288 */
                    .l2_channels = 16,
                    .l2_channel_bytes = 128, /* [WP] 2 KiB a clock of an XCD */
                    .mall_bytes = 256 << 20,
                    .mall_latency = 492, /* [MT4G] L2 and its miss penalty: 288 + 209 */
                    .mall_gbps = 11900,  /* Chips and Cheese, "Testing AMD's giant MI300X" */
                    .hbm_latency = 896,  /* [MT4G] 900 */
                    .hbm_gbps = 4110},   /* [COPY] of 5325 */
    [SIM_GFX950] = {COMMON,
                    .sustained = {0.497, 0.538, 0.484}, /* [FA950], [GEMM] */
                    .trans_cycles = 8, /* [FA950] */
                    .f64_cycles = 8,   /* [WP] 78.6 TFLOP/s of f64 */
                    .mfma_read_short = 4,
                    .mfma_read_long = 8, /* [LLVM-RD], [FA950] */
                    .mfma_extra = 4,     /* [LLVM] passes + 4 wait states */
                    .packed_alone = true,
                    .packed_after_mfma = 12, /* [LLVM-PK], [FA950] */
                    .lds_latency = 44,       /* [MT4G] 48 */
                    .lds_read_bytes = 256,
                    .lds_write_bytes = 128, /* [WP]; [MT4G] 220 and 75 bytes a clock measured */
                    .lds_read = {{1, 64, RUN1}, {2, 64, RUN2}, {4, 64, READ128_950}},
                    .lds_write = {{2, 32, RUN2}, {4, 32, RUN4}, {8, 32, RUN8}}, /* [LDS950] */
                    .l1_bytes = 32 << 10,
                    .l1_line = 128,
                    .l1_latency = 108,       /* [MT4G] 112 */
                    .l1_bytes_per_clk = 128, /* [MT4G] 105 measured */
                    .l2_latency = 252,       /* [MT4G] 256 */
                    .l2_channels = 16,
                    .l2_channel_bytes = 128,
                    .mall_bytes = 256 << 20,
                    .mall_latency = 440, /* [MT4G] 444 */
                    .mall_gbps = 13000,  /* [MT4G] 13.1 TB/s on half the device, its XCDs' limit */
                    .hbm_latency = 764,  /* [MT4G] 768 */
                    .hbm_gbps = 5650},   /* [COPY] of 8000 */
};

const timing_arch *sim_timing_arch(sim_arch arch)
{
    return &table[arch];
}

/* ---- matrix instructions ---- */

/* Cycles: AMD's matrix instruction calculator; LLVM, SISchedule.td: passes of 4 cycles. The first
 * row whose name begins the instruction's and whose arch is right. */
typedef struct matrix_row {
    const char *name;
    uint8_t cycles[3]; /* gfx90a, gfx942, gfx950; 0: go on */
} matrix_row;

static const matrix_row matrix_rows[] = {
    {"v_mfma_f64_16x16x4", {32, 32, 64}},
    {"v_mfma_f64_4x4x4", {16, 16, 16}},
    {"v_mfma_f32_32x32x64_f8f6f4", {0, 0, 64}}, /* 32 with two formats of 6 or 4 bits */
    {"v_mfma_scale_f32_32x32x64", {0, 0, 64}},
    {"v_mfma_f32_16x16x128_f8f6f4", {0, 0, 32}},
    {"v_mfma_scale_f32_16x16x128", {0, 0, 32}},
    {"v_mfma_f32_32x32x16_", {0, 32, 32}},
    {"v_mfma_f32_16x16x32_", {0, 16, 16}},
    {"v_mfma_f32_32x32x8", {64, 32, 32}},
    {"v_mfma_f32_16x16x16", {32, 16, 16}},
    {"v_mfma_f32_32x32x4_xf32", {0, 32, 0}},
    {"v_mfma_f32_16x16x8_xf32", {0, 16, 0}},
    {"v_mfma_i32_32x32x32", {0, 0, 32}},
    {"v_mfma_i32_16x16x64", {0, 0, 16}},
    {"v_mfma_i32_32x32x16", {0, 32, 32}},
    {"v_mfma_i32_16x16x32", {0, 16, 16}},
    {"v_smfmac_f32_16x16x", {0, 16, 16}},
    {"v_smfmac_i32_16x16x", {0, 16, 16}},
    {"v_smfmac_f32_32x32x", {0, 32, 32}},
    {"v_smfmac_i32_32x32x", {0, 32, 32}},
    {"v_mfma_f32_32x32x", {64, 64, 64}},
    {"v_mfma_i32_32x32x", {64, 64, 64}},
    {"v_mfma_f32_16x16x", {32, 32, 32}},
    {"v_mfma_i32_16x16x", {32, 32, 32}},
    {"v_mfma_f32_4x4x", {8, 8, 8}},
    {"v_mfma_i32_4x4x", {8, 8, 8}},
};

/* gfx950's smfmac with the doubled K of 8-bit types takes as long as the dense 8-bit form. */
static unsigned row_cycles(const char *name, sim_arch arch)
{
    for (size_t i = 0; i < sizeof matrix_rows / sizeof *matrix_rows; i++) {
        const matrix_row *row = &matrix_rows[i];
        if (strncmp(name, row->name, strlen(row->name)) == 0 && row->cycles[arch])
            return row->cycles[arch];
    }
    return 0;
}

/* Twice K, which is the third number of the name, for each element of the result. */
static uint64_t operations(const sim_inst *inst)
{
    bool wide = strncmp(inst->op->name, "v_mfma_f64", 10) == 0;
    const char *p = strstr(inst->op->name, wide ? "64_" : "32_") + 3;

    for (unsigned i = 0; i < 2; i++)
        p += strcspn(p, "x") + 1;
    return 2 * strtoull(p, NULL, 10) * SIM_LANES * inst->ops[0].width / (wide ? 2 : 1);
}

/* cbsz and blgp choose the formats of A and B: 0 and 1 are of 8 bits, 2 and 3 of 6, 4 of 4. */
static bool narrow_formats(const sim_inst *inst)
{
    return strstr(inst->op->name, "f8f6f4") && inst->cbsz >= 2 && inst->blgp >= 2;
}

unsigned sim_timing_matrix_class(const sim_inst *inst)
{
    const char *name = inst->op->name;

    if (strstr(name, "bf16"))
        return 1;
    return strstr(name, "fp8") || strstr(name, "bf8") || strstr(name, "f8f6f4") ||
                   strstr(name, "i8")
               ? 2
               : 0;
}

unsigned sim_timing_matrix(sim_arch arch, const sim_inst *inst, uint64_t *flops)
{
    unsigned cycles = row_cycles(inst->op->name, arch);

    if (!cycles)
        return 0;
    *flops = operations(inst);
    return narrow_formats(inst) ? cycles / 2 : cycles;
}
