/* The timing model against numbers that are known: from the sources that sim/timing_arch.c names, or
 * by arithmetic. Small kernels are written in assembly within HIP source, so that the instructions
 * are these and no others. "--print" as the only argument: prints what some launches predict, for
 * the comparison between numbers of threads. */
#include "hip_support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const archs[] = {"gfx90a", "gfx942", "gfx950"};
enum { NUM_ARCHS = 3, GFX90A = 0, GFX942, GFX950 };

/* ---- launching ---- */

typedef struct kernel {
    int device;
    hip_module module;
    hip_function function;
} kernel;

static kernel load(int arch, const char *source, const char *name)
{
    kernel k = {.device = device_of_arch(archs[arch])};
    helper_blob code = compile(archs[arch], source);

    hip_ok(hipSetDevice(k.device));
    hip_ok(hipModuleLoadData(&k.module, code.data));
    hip_ok(hipModuleGetFunction(&k.function, k.module, name));
    helper_blob_free(&code);
    return k;
}

static void unload(kernel *k)
{
    hip_ok(hipModuleUnload(k->module));
}

static aiter_sim_profile *run(const kernel *k, aiter_sim_timing mode, unsigned blocks,
                              unsigned threads, void **arguments)
{
    assert_int_equal(aiterSimSetTiming(mode, 0), 0);
    hip_ok(hipModuleLaunchKernel(k->function, blocks, 1, 1, threads, 1, 1, 0, NULL, arguments,
                                 NULL));
    hip_ok(hipDeviceSynchronize());
    aiter_sim_profile *p = aiterSimTakeProfile();
    assert_non_null(p);
    return p;
}

/* ---- cycles of a piece of assembly ---- */

/* All waves together, timed with s_memtime: 32 repetitions, then 64. lds[] is there for addresses in v0,
 * which holds the lane times `scale`. */
#define TIMED(out, count)                                                                          \
    "    asm volatile(\"v_mov_b32 v0, %%2\\n v_mov_b32 v1, 0\\n s_nop 15\\n s_nop 15\\n\"\n"        \
    "                 \"s_barrier\\n s_memtime %%0\\n s_waitcnt lgkmcnt(0)\\n\"\n"                 \
    "                 \".rept " count "\\n %s\\n .endr\\n s_waitcnt lgkmcnt(0)\\n s_barrier\\n\"\n"     \
    "                 \"s_memtime %%1\\n s_waitcnt vmcnt(0) lgkmcnt(0)\\n\"\n"                       \
    "                 : \"=&s\"(a), \"=&s\"(b) : \"v\"(at), \"s\"(lds) : \"s40\", \"memory\", CLOBBERS);\n" \
    "    " out " = b - a;\n"
static const char measure[] =
    "#define CLOBBERS \"v0\", \"v1\", \"v2\", \"v3\", \"v4\", \"v5\", \"v6\", \"v7\", \"v8\", \"v9\", "
    "\"v10\", \"v11\", \"v12\", \"v13\", \"v14\", \"v15\", \"v16\", \"v17\", \"v18\", \"v19\", "
    "\"v20\", \"v21\", \"v22\", \"v23\", \"v24\", \"v25\", \"v26\", \"v27\", \"v28\", \"v29\", "
    "\"v30\", \"v31\", \"v32\", \"v33\", \"v34\", \"v35\", \"v36\", \"v37\", \"v38\", \"v39\", "
    "\"v40\", \"v41\", \"v42\", \"v43\", \"v44\", \"v45\", \"v46\", \"v47\"\n"
    "extern \"C\" __global__ __launch_bounds__(512) void k(long *out) {\n"
    "    __shared__ int lds[8192];\n"
    "    lds[tid()] = 0; lds[8191 - tid()] = 0; sync();\n"
    "    long a, b, once, twice; int at = (int)(tid() %% 64) * %d;\n"
    TIMED("once", "32") TIMED("twice", "64")
    "    if (tid() == 0) { out[0] = once; out[1] = twice; }\n"
    "}\n";

static kernel load_measure(int arch, const char *body, int scale)
{
    char *source;

    assert_true(asprintf(&source, measure, scale, body, body) > 0);
    kernel k = load(arch, source, "k");
    free(source);
    return k;
}

/* Cycles of one repetition, the measurement's own cost taken away. */
static double each(int arch, const char *body, int scale, unsigned threads)
{
    kernel k = load_measure(arch, body, scale);
    long *out;

    hip_ok(hipMalloc((void **)&out, 64));
    aiterSimFreeProfile(run(&k, AITER_SIM_TIMING_FULL, 1, threads, (void *[]){&out}));
    double cycles = (double)(out[1] - out[0]) / 32;
    hip_ok(hipFree(out));
    unload(&k);
    return cycles;
}

static void expect(int arch, const char *body, double cycles)
{
    double got = each(arch, body, 4, 64);

    if (fabs(got - cycles) > 0.01)
        fail_msg("%s on %s: %g cycles, %g expected", body, archs[arch], got, cycles);
}

static void expect_near(double got, double expected, double tolerance)
{
    if (fabs(got - expected) > tolerance)
        fail_msg("%g, expected %g", got, expected);
}

/* ---- issue ---- */

static void a_wave_issues_every_fourth_cycle(void **state)
{
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++) {
        expect(a, "v_add_f32 v2, v2, v3", 4);  /* each needs the one before */
        expect(a, "v_add_f32 v2, v4, v3", 4);
        expect(a, "v_pk_fma_f32 v[2:3], v[4:5], v[6:7], v[8:9]", 4); /* two results a lane */
        expect(a, "s_add_u32 s40, s40, 1", 4);
        expect(a, "s_nop 0", 4);
        expect(a, "s_nop 7", 32);
        expect(a, "s_sleep 3", 192);
    }
}

static void transcendentals_are_slower(void **state)
{
    static const double cycles[] = {16, 16, 8};
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++) {
        expect(a, "v_exp_f32 v2, v3", cycles[a]);
        expect(a, "v_rcp_f32 v2, v2", cycles[a]);
        /* other units go on meanwhile */
        expect(a, "v_exp_f32 v2, v3\\n s_add_u32 s40, s40, 1", cycles[a]);
    }
}

/* ---- the matrix unit ---- */

static void matrix_instructions_take_their_passes(void **state)
{
    static const struct {
        const char *text;
        double cycles[NUM_ARCHS]; /* 0: not there */
    } cases[] = {
        {"v_mfma_f32_32x32x8f16 v[16:31], v[2:3], v[4:5], v[16:31]", {64, 32, 32}},
        {"v_mfma_f32_16x16x16f16 v[16:19], v[2:3], v[4:5], v[16:19]", {32, 16, 16}},
        {"v_mfma_f32_32x32x2f32 v[16:31], v2, v3, v[16:31]", {64, 64, 64}},
        {"v_mfma_f32_4x4x1f32 v[16:19], v2, v3, v[16:19]", {8, 8, 8}},
        {"v_mfma_f32_32x32x16_fp8_fp8 v[16:31], v[2:3], v[4:5], v[16:31]", {0, 32, 32}},
        {"v_mfma_f32_32x32x16_f16 v[16:31], v[2:5], v[6:9], v[16:31]", {0, 0, 32}},
        {"v_mfma_f32_16x16x32_f16 v[16:19], v[2:5], v[6:9], v[16:19]", {0, 0, 16}},
        {"v_mfma_f32_32x32x64_f8f6f4 v[16:31], v[2:9], v[6:13], v[16:31]", {0, 0, 64}},
        {"v_mfma_f32_32x32x64_f8f6f4 v[16:31], v[2:5], v[6:9], v[16:31] cbsz:4 blgp:4",
         {0, 0, 32}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int a = 0; a < NUM_ARCHS; a++)
            if (cases[i].cycles[a] > 0)
                expect(a, cases[i].text, cases[i].cycles[a]);
}

/* LLVM's wait states between a matrix instruction of 8 passes and a reader of its result: 11 on
 * gfx942, 12 on gfx950. With the instruction itself 12 and 13 steps of 4 cycles, and one for the
 * reader. */
static void readers_wait_for_matrix_results(void **state)
{
    (void)state;
    expect(GFX942,
           "v_mfma_f32_32x32x8f16 v[16:31], v[2:3], v[4:5], 0\\n v_add_f32 v32, v16, v31", 52);
    expect(GFX950,
           "v_mfma_f32_32x32x16_f16 v[16:31], v[2:5], v[6:9], 0\\n v_add_f32 v32, v16, v31", 56);
    /* a result as an operand A is read from the registers too */
    expect(GFX942,
           "v_mfma_f32_32x32x8f16 v[16:31], v[2:3], v[4:5], 0\\n"
           "v_mfma_f32_32x32x8f16 v[32:47], v[16:17], v[4:5], 0", 48 + 32);
}

#define ADD "\\n v_add_f32 v2, v4, v3"
#define ADD6 ADD ADD ADD ADD ADD ADD

/* The window of 24 of 32 cycles: LLVM pull request 184084, measured on gfx950. */
static void vector_work_hides_behind_the_matrix_unit(void **state)
{
    (void)state;
    for (int a = GFX942; a <= GFX950; a++) {
        const char *mfma = "v_mfma_f32_32x32x8f16 v[16:31], v[6:7], v[8:9], v[16:31]";
        char body[400];
        snprintf(body, sizeof body, "%s" ADD6, mfma);
        expect(a, body, 32);
        snprintf(body, sizeof body, "%s" ADD6 ADD, mfma);
        expect(a, body, 36);
        snprintf(body, sizeof body, "%s\\n v_pk_add_f32 v[2:3], v[4:5], v[10:11]", mfma);
        expect(a, body, 32 + 12 + 4); /* a packed one does not run beside it */
    }
}

/* Two waves on each SIMD: one's vector instructions run while the other's matrix instructions do. */
static void two_waves_share_a_simd(void **state)
{
    const char *mfma = "v_mfma_f32_32x32x8f16 v[16:31], v[6:7], v[8:9], v[16:31]" ADD ADD ADD;
    (void)state;
    expect_near(each(GFX942, mfma, 4, 64), 32, 0.5);
    expect_near(each(GFX942, mfma, 4, 512), 64, 1); /* the matrix unit is the limit */
    expect_near(each(GFX942, "v_add_f32 v2, v4, v3", 4, 512), 8, 0.1);
    /* each wave alone waits 12 steps for its result; together they fill each other's gaps */
    const char *wait = "v_mfma_f32_32x32x8f16 v[16:31], v[2:3], v[4:5], 0\\n v_add_f32 v32, v16, v31";
    assert_true(each(GFX942, wait, 4, 512) < 72);
}

/* ---- LDS ---- */

/* Cycles that one instruction occupies LDS: all lanes' addresses are the lane times `scale`. */
static double lds_cycles(int arch, const char *text, int scale, double *conflicts)
{
    kernel k = load_measure(arch, text, scale);
    long *out;
    double cycles = 0, issued = 0;

    hip_ok(hipMalloc((void **)&out, 64));
    aiter_sim_profile *p = run(&k, AITER_SIM_TIMING_FULL, 1, 64, (void *[]){&out});
    *conflicts = 0;
    for (size_t i = 0; i < p->num_insts; i++) {
        if (strcmp(p->insts[i].text, text) != 0)
            continue;
        cycles += (double)p->insts[i].busy_cycles;
        issued += (double)p->insts[i].issued;
        *conflicts += (double)p->insts[i].lds_conflict_cycles;
    }
    assert_true(issued >= 96);
    *conflicts /= issued;
    aiterSimFreeProfile(p);
    hip_ok(hipFree(out));
    unload(&k);
    return cycles / issued;
}

static void lds_serves_its_banks(void **state)
{
    static const struct {
        const char *text;
        int scale;
        double cycles[NUM_ARCHS], conflicts[NUM_ARCHS];
    } cases[] = {
        /* the bandwidth: 128 bytes a clock, gfx950's reads 256 */
        {"ds_read_b32 v2, v0", 4, {2, 2, 1}, {0, 0, 0}},
        {"ds_read_b64 v[2:3], v0", 8, {4, 4, 2}, {0, 0, 0}},
        {"ds_read_b128 v[2:5], v0", 16, {8, 8, 4}, {0, 0, 0}},
        {"ds_write_b32 v0, v2", 4, {2, 2, 2}, {0, 0, 0}},
        {"ds_write_b128 v0, v[2:5]", 16, {8, 8, 8}, {0, 0, 0}},
        /* a broadcast */
        {"ds_read_b32 v2, v0", 0, {2, 2, 1}, {0, 0, 0}},
        /* every second dword: two lanes a bank */
        {"ds_read_b32 v2, v0", 8, {4, 4, 2}, {2, 2, 1}},
        /* every lane in one bank: 32 banks of 4 bytes; 64 on gfx950, so two of them */
        {"ds_read_b32 v2, v0", 128, {64, 64, 32}, {62, 62, 31}},
        {"ds_write_b32 v0, v2", 128, {64, 64, 64}, {62, 62, 62}},
        /* rows of 128 bytes: each of the 8 lanes of a phase in the same 4 banks */
        {"ds_read_b128 v[2:5], v0", 128, {64, 64, 32}, {56, 56, 28}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int a = 0; a < NUM_ARCHS; a++) {
            double conflicts, cycles = lds_cycles(a, cases[i].text, cases[i].scale, &conflicts);
            if (fabs(cycles - cases[i].cycles[a]) > 0.01 ||
                fabs(conflicts - cases[i].conflicts[a]) > 0.01)
                fail_msg("%s, lanes %d bytes apart, %s: %g cycles, %g of conflicts; expected %g, "
                         "%g", cases[i].text, cases[i].scale, archs[a], cycles, conflicts,
                         cases[i].cycles[a], cases[i].conflicts[a]);
        }
}

/* A pointer chase: 50, 51, 48 cycles measured (caps-tum/mt4g), to the next turn of the SIMD. */
static void lds_latency(void **state)
{
    static const double cycles[] = {52, 52, 48};
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++)
        expect(a, "ds_read_b32 v1, v1\\n s_waitcnt lgkmcnt(0)", cycles[a]);
}

/* All 8 waves read at once: LDS is one for the four SIMDs. */
static void lds_is_shared(void **state)
{
    (void)state;
    expect_near(each(GFX942, "ds_read_b128 v[2:5], v0", 16, 512), 64, 2);
}

/* ---- barriers ---- */

static void waves_meet_at_barriers(void **state)
{
    static const char source[] =
        "extern \"C\" __global__ __launch_bounds__(512) void k(int *out) {\n"
        "    if (tid() < 64) asm volatile(\"s_sleep 100\");\n" /* 6400 cycles */
        "    __builtin_amdgcn_s_barrier();\n"
        "    out[tid()] = 1;\n"
        "}\n";
    int *out;
    (void)state;
    kernel k = load(GFX942, source, "k");
    hip_ok(hipMalloc((void **)&out, 2048));
    aiter_sim_profile *p = run(&k, AITER_SIM_TIMING_FULL, 1, 512, (void *[]){&out});
    assert_int_equal(p->num_waves, 8);
    for (size_t i = 0; i < 8; i++) {
        const uint64_t *stalls = p->waves[i].stall_cycles;
        if (i == 0)
            assert_in_range(stalls[AITER_SIM_STALL_SLEEP], 6390, 6400);
        else
            assert_in_range(stalls[AITER_SIM_STALL_BARRIER], 6000, 6500);
    }
    aiterSimFreeProfile(p);
    hip_ok(hipFree(out));
    unload(&k);
}

/* ---- memory ---- */

static const char chase[] =
    "extern \"C\" __global__ void chase(long **p, long *out, int n) {\n"
    "    for (int i = 0; i < n; i++) p = (long **)*p;\n"
    "    long t0 = __builtin_readcyclecounter();\n"
    "    for (int i = 0; i < n; i++) p = (long **)*p;\n"
    "    long t1 = __builtin_readcyclecounter();\n"
    "    out[0] = t1 - t0; out[1] = (long)p;\n"
    "}\n";

/* Cycles of one step through `bytes` of lines, each visited once before if the chase is short. */
static double chase_step(const kernel *k, size_t bytes, int steps)
{
    enum { LINE = 128 };
    char *memory;
    long *out;
    size_t lines = bytes / LINE, stride = lines / 3 * 2 + 1;

    hip_ok(hipMalloc((void **)&memory, bytes));
    hip_ok(hipMalloc((void **)&out, 64));
    while (lines % stride == 0) stride++;
    for (size_t i = 0; i < lines; i++)
        *(char **)(memory + i * LINE) = memory + (i + stride) % lines * LINE;
    aiterSimFreeProfile(
        run(k, AITER_SIM_TIMING_FULL, 1, 1, (void *[]){&memory, &out, &steps}));
    double step = (double)out[0] / steps;
    hip_ok(hipFree(memory));
    hip_ok(hipFree(out));
    return step;
}

/* Latencies as measured by caps-tum/mt4g; a step has a branch and a few instructions too. */
static void pointer_chases(void **state)
{
    static const double l1[] = {124, 116, 112}, l2[] = {302, 288, 256}, hbm[] = {741, 900, 768};
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++) {
        kernel k = load(a, chase, "chase");
        double near = chase_step(&k, 8 << 10, 64), middle = chase_step(&k, 128 << 10, 1024),
               far = chase_step(&k, 64 << 20, 1000);
        if (fabs(near - l1[a]) > 50 || fabs(middle - l2[a]) > 50 || fabs(far - hbm[a]) > 50)
            fail_msg("%s: L1 %g, L2 %g, HBM %g cycles a step; expected about %g, %g, %g", archs[a],
                     near, middle, far, l1[a], l2[a], hbm[a]);
        unload(&k);
    }
}

static const char loads[] =
    "typedef int int4_ __attribute__((ext_vector_type(4)));\n"
    "extern \"C\" __global__ void strided(int4_ *p, int4_ *out, int stride) {\n"
    "    out[tid()] = p[tid() * stride];\n"
    "}\n"
    "extern \"C\" __global__ void copy(const int4_ *p, int4_ *out) {\n"
    "    long at = (long)bid() * 1024 + tid();\n"
    "    int4_ a = p[at], b = p[at + 256], c = p[at + 512], d = p[at + 768];\n"
    "    out[at] = a; out[at + 256] = b; out[at + 512] = c; out[at + 768] = d;\n"
    "}\n";

static const aiter_sim_inst_profile *first_load(const aiter_sim_profile *p)
{
    for (size_t i = 0; i < p->num_insts; i++)
        if (strncmp(p->insts[i].text, "global_load_dwordx4", 19) == 0)
            return &p->insts[i];
    fail_msg("no load");
    return NULL;
}

static void scattered_lanes_touch_more_lines(void **state)
{
    int *p, *out;
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++) {
        kernel k = load(a, loads, "strided");
        hip_ok(hipMalloc((void **)&p, 1 << 20));
        hip_ok(hipMalloc((void **)&out, 1 << 20));
        for (int stride = 1; stride <= 64; stride *= 64) {
            aiter_sim_profile *profile =
                run(&k, AITER_SIM_TIMING_FULL, 1, 64, (void *[]){&p, &out, &stride});
            const aiter_sim_inst_profile *i = first_load(profile);
            assert_int_equal(i->bytes, 1024);
            assert_int_equal(i->lines, stride == 1 ? 8 : 64);
            /* 1024 bytes at L1's width, or a line a cycle */
            assert_int_equal(i->busy_cycles, stride == 1 ? (a == GFX950 ? 8 : 16) : 64);
            aiterSimFreeProfile(profile);
        }
        hip_ok(hipFree(p));
        hip_ok(hipFree(out));
        unload(&k);
    }
}

/* 1 GiB moved: the bandwidth that copies reach on these devices. */
static void a_copy_is_bound_by_memory(void **state)
{
    static const double gbps[] = {1300, 4110, 5650};
    enum { BLOCKS = 32768 };
    size_t bytes = (size_t)BLOCKS * 16384;
    (void)state;
    for (int a = 0; a < NUM_ARCHS; a++) {
        char *from, *to;
        kernel k = load(a, loads, "copy");
        hip_ok(hipMalloc((void **)&from, bytes));
        hip_ok(hipMalloc((void **)&to, bytes));
        aiter_sim_profile *p =
            run(&k, AITER_SIM_TIMING_SAMPLE, BLOCKS, 256, (void *[]){&from, &to});
        double reached = 2e-9 * (double)bytes / p->seconds;
        if (reached < 0.85 * gbps[a] || reached > 1.02 * gbps[a])
            fail_msg("%s: %g GB/s, expected about %g", archs[a], reached, gbps[a]);
        assert_true(fabs(p->hbm.read_bytes / (double)bytes - 1) < 0.02);
        assert_true(fabs(p->hbm.write_bytes / (double)bytes - 1) < 0.02);
        aiterSimFreeProfile(p);
        hip_ok(hipFree(from));
        hip_ok(hipFree(to));
        unload(&k);
    }
}

/* ---- the grid ---- */

static const char grids[] =
    "extern \"C\" __global__ void uneven(int *out) {\n"
    "    int v = 0;\n"
    "    for (unsigned i = 0; i < 20 * bid(); i++) asm volatile(\"v_add_u32 %0, %0, 1\" : \"+v\"(v));\n"
    "    out[bid() * 64 + tid()] = v;\n"
    "}\n"
    "extern \"C\" __global__ void registers(int *out) {\n"
    "    asm volatile(\"v_mov_b32 v160, 0\" ::: \"v160\");\n"
    "    out[bid() * 64 + tid()] = 1;\n"
    "}\n"
    "extern \"C\" __global__ __launch_bounds__(256) void shared(int *out) {\n"
    "    __shared__ int lds[7000];\n"
    "    lds[tid()] = 1; sync();\n"
    "    out[bid() * 256 + tid()] = lds[255 - tid()];\n"
    "}\n";

static void occupancy_has_a_limit(void **state)
{
    static const struct {
        const char *name, *by;
        unsigned threads, blocks, per_cu[NUM_ARCHS];
    } cases[] = {{"registers", "vgprs", 64, 5000, {12, 12, 12}}, /* 168 registers: 3 waves */
                 {"shared", "lds", 256, 5000, {2, 2, 5}},       /* 28,000 bytes */
                 {"uneven", "grid", 64, 10, {32, 32, 32}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int a = 0; a < NUM_ARCHS; a++) {
            int *out;
            kernel k = load(a, grids, cases[i].name);
            hip_ok(hipMalloc((void **)&out, (size_t)cases[i].blocks * cases[i].threads * 4));
            aiter_sim_profile *p = run(&k, AITER_SIM_TIMING_SAMPLE, cases[i].blocks,
                                       cases[i].threads, (void *[]){&out});
            if (strcmp(p->limited_by, cases[i].by) != 0 ||
                p->workgroups_per_cu != cases[i].per_cu[a])
                fail_msg("%s on %s: %u workgroups a CU, limited by %s (%u registers); expected %u, "
                         "%s", cases[i].name, archs[a], p->workgroups_per_cu, p->limited_by,
                         p->vgprs + p->agprs, cases[i].per_cu[a], cases[i].by);
            aiterSimFreeProfile(p);
            hip_ok(hipFree(out));
            unload(&k);
        }
}

/* Workgroups that take ever longer: a sample says what all of them say, and the whole is at least
 * the longest one and the average of the CUs' work. */
static void a_sample_stands_for_the_whole(void **state)
{
    enum { BLOCKS = 700 };
    int *out;
    (void)state;
    kernel k = load(GFX942, grids, "uneven");
    hip_ok(hipMalloc((void **)&out, BLOCKS * 256));
    aiter_sim_profile *full = run(&k, AITER_SIM_TIMING_FULL, BLOCKS, 64, (void *[]){&out});
    aiter_sim_profile *some = run(&k, AITER_SIM_TIMING_SAMPLE, BLOCKS, 64, (void *[]){&out});
    assert_int_equal(full->simulated_workgroups, BLOCKS);
    assert_true(some->simulated_workgroups < 100);
    assert_true(fabs(some->cycles / full->cycles - 1) < 0.03);
    assert_true(fabs(some->instructions / full->instructions - 1) < 0.03);
    assert_true(fabs(some->busy[AITER_SIM_UNIT_VALU] / full->busy[AITER_SIM_UNIT_VALU] - 1) < 0.05);
    for (int i = 0; i < BLOCKS; i++) /* full mode computes everything */
        assert_int_equal(out[64 * i], 20 * i);
    aiterSimFreeProfile(full);
    aiterSimFreeProfile(some);
    hip_ok(hipFree(out));
    unload(&k);
}

/* ---- the interface ---- */

static void events_count_predicted_time(void **state)
{
    hip_event before, after;
    int *out;
    float ms;
    (void)state;
    kernel k = load(GFX942, grids, "uneven");
    hip_ok(hipMalloc((void **)&out, 300 * 256));
    hip_ok(hipEventCreate(&before));
    hip_ok(hipEventCreate(&after));
    assert_int_equal(aiterSimSetTiming(AITER_SIM_TIMING_SAMPLE, 0), 0);
    hip_ok(hipEventRecord(before, NULL));
    for (int i = 0; i < 2; i++)
        hip_ok(hipModuleLaunchKernel(k.function, 300, 1, 1, 64, 1, 1, 0, NULL, (void *[]){&out},
                                     NULL));
    hip_ok(hipEventRecord(after, NULL));
    hip_ok(hipEventSynchronize(after));
    hip_ok(hipEventElapsedTime(&ms, before, after));
    aiter_sim_profile *p = aiterSimTakeProfile();
    assert_non_null(p);
    assert_true(fabs(ms - 2e3 * p->sustained_seconds) < 1e-6);
    aiterSimFreeProfile(p);
    hip_ok(hipEventDestroy(before));
    hip_ok(hipEventDestroy(after));
    hip_ok(hipFree(out));
    unload(&k);
}

static void profiles_are_taken_once(void **state)
{
    int *out;
    (void)state;
    kernel k = load(GFX942, grids, "shared");
    hip_ok(hipMalloc((void **)&out, 4096));
    assert_int_equal(aiterSimSetTiming(AITER_SIM_TIMING_FULL, 1), 0);
    hip_ok(hipModuleLaunchKernel(k.function, 2, 1, 1, 256, 1, 1, 0, NULL, (void *[]){&out}, NULL));
    hip_ok(hipDeviceSynchronize());
    aiter_sim_profile *p = aiterSimTakeProfile();
    assert_non_null(p);
    assert_null(aiterSimTakeProfile());
    assert_string_equal(p->kernel, "shared");
    assert_string_equal(p->arch, "gfx942");
    assert_int_equal(p->num_waves, 8);
    /* A wave's events follow each other without a gap from its start to its end, and say the same as
     * its sums. */
    size_t e = 0;
    for (uint32_t w = 0; w < p->num_waves; w++) {
        uint64_t at = p->waves[w].start, stalled = 0, issued = 0, sum = 0;
        for (; e < p->num_events && p->events[e].wave == w; e++) {
            assert_int_equal(p->events[e].start, at);
            assert_true(p->events[e].inst < p->num_insts);
            at = p->events[e].end;
            stalled += p->events[e].stalled ? p->events[e].end - p->events[e].start : 0;
            issued += !p->events[e].stalled;
        }
        for (int r = 0; r < AITER_SIM_STALL_COUNT; r++) sum += p->waves[w].stall_cycles[r];
        assert_int_equal(at, p->waves[w].end);
        assert_int_equal(stalled, sum);
        assert_int_equal(issued, p->waves[w].issued);
    }
    assert_int_equal(e, p->num_events);
    aiterSimFreeProfile(p);
    aiterSimFreeProfile(NULL);
    hip_ok(hipFree(out));
    unload(&k);
}

static void bad_modes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(aiterSimSetTiming((aiter_sim_timing)3, 0), -1);
    assert_int_equal(aiterSimSetTiming((aiter_sim_timing)-1, 0), -1);
    assert_string_equal(aiterSimUnitName(AITER_SIM_UNIT_MFMA), "mfma");
    assert_null(aiterSimUnitName(AITER_SIM_UNIT_COUNT));
    assert_string_equal(aiterSimStallName(AITER_SIM_STALL_SLEEP), "sleep");
    assert_null(aiterSimStallName(AITER_SIM_STALL_COUNT));
}

static void faults_stop_a_timed_launch(void **state)
{
    static const char source[] = "extern \"C\" __global__ void k(int *p) { p[bid() * 64 + tid()] = 1; }\n";
    int *out;
    (void)state;
    kernel k = load(GFX942, source, "k");
    hip_ok(hipMalloc((void **)&out, 256));
    assert_int_equal(aiterSimSetTiming(AITER_SIM_TIMING_SAMPLE, 0), 0);
    hip_ok(hipModuleLaunchKernel(k.function, 100, 1, 1, 64, 1, 1, 0, NULL, (void *[]){&out}, NULL));
    hip_fails(hipDeviceSynchronize(), HIP_ERROR_ILLEGAL_ADDRESS);
    assert_non_null(strstr(aiterSimLastReport(), "kernel k, workgroup"));
    hip_ok(hipDeviceReset());
}

/* ---- threads ---- */

static void print_predictions(void)
{
    int *out;
    kernel k = load(GFX942, grids, "uneven"), s = load(GFX942, grids, "shared");

    hip_ok(hipMalloc((void **)&out, 4 << 20));
    for (int mode = AITER_SIM_TIMING_SAMPLE; mode <= AITER_SIM_TIMING_FULL; mode++)
        for (int i = 0; i < 2; i++) {
            aiter_sim_profile *p = run(i ? &s : &k, (aiter_sim_timing)mode, 400, i ? 256 : 64,
                                       (void *[]){&out});
            uint64_t sum = 0;
            for (size_t n = 0; n < p->num_insts; n++)
                for (int r = 0; r < AITER_SIM_STALL_COUNT; r++)
                    sum += (n + 1) * p->insts[n].stall_cycles[r] + p->insts[n].busy_cycles;
            for (size_t n = 0; n < p->num_waves; n++) sum += (n + 1) * p->waves[n].end;
            printf("%s %.17g %llu %.17g\n", p->kernel, p->cycles, (unsigned long long)sum,
                   p->l2.hit_rate);
            aiterSimFreeProfile(p);
        }
}

static const char *self;

static void output_with_threads(const char *threads, char *text, size_t size)
{
    char command[4096];

    snprintf(command, sizeof command, "AITER_SIM_THREADS=%s '%s' --print", threads, self);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    text[fread(text, 1, size - 1, f)] = 0;
    assert_int_equal(pclose(f), 0);
    assert_true(strlen(text) > 100);
}

static void any_number_of_threads_predicts_the_same(void **state)
{
    char one[2000], more[2000];
    (void)state;
    output_with_threads("1", one, sizeof one);
    output_with_threads("5", more, sizeof more);
    assert_string_equal(one, more);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wave_issues_every_fourth_cycle),
        cmocka_unit_test(transcendentals_are_slower),
        cmocka_unit_test(matrix_instructions_take_their_passes),
        cmocka_unit_test(readers_wait_for_matrix_results),
        cmocka_unit_test(vector_work_hides_behind_the_matrix_unit),
        cmocka_unit_test(two_waves_share_a_simd),
        cmocka_unit_test(lds_serves_its_banks),
        cmocka_unit_test(lds_latency),
        cmocka_unit_test(lds_is_shared),
        cmocka_unit_test(waves_meet_at_barriers),
        cmocka_unit_test(pointer_chases),
        cmocka_unit_test(scattered_lanes_touch_more_lines),
        cmocka_unit_test(a_copy_is_bound_by_memory),
        cmocka_unit_test(occupancy_has_a_limit),
        cmocka_unit_test(a_sample_stands_for_the_whole),
        cmocka_unit_test(events_count_predicted_time),
        cmocka_unit_test(profiles_are_taken_once),
        cmocka_unit_test(bad_modes_are_refused),
        cmocka_unit_test(faults_stop_a_timed_launch),
        cmocka_unit_test(any_number_of_threads_predicts_the_same),
    };

    self = argv[0];
    quiet();
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        print_predictions();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
