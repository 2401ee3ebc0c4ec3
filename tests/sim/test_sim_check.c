/* The checkers, on compiled kernels: each with a kernel that has the defect and one that does the
 * same correctly. AITER_SIM_CHECK is set to all,nan,inf by the build. Instructions that a compiler
 * would not write so are in assembly text inside the kernels. */
#include "hip_support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const archs[] = {"gfx90a", "gfx942", "gfx950"};
enum { NUM_ARCHS = 3, BYTES = 4096, OUT_BYTES = 32768 };

static const char source[] =
    "#define LDS __attribute__((address_space(3)))\n"
    "#define SHARED(type, n) \\\n"
    "    __shared__ type storage[n]; volatile LDS type *lds = (volatile LDS type *)storage\n"
    "extern \"C\" __global__ void copy(int *out, const int *in) { out[tid()] = in[tid()]; }\n"
    "extern \"C\" __global__ void add(int *out) { __atomic_fetch_add(out, 1, __ATOMIC_RELAXED); }\n"
    "extern \"C\" __global__ void scalar_read(int *out, const int *in) { out[tid()] = in[5]; }\n"
    /* LDS: the upper half is read; a kernel writes it or not */
    "template <bool all> __device__ void lds_read(int *out, const int *in) {\n"
    "    SHARED(int, 128);\n"
    "    lds[tid()] = in[tid()];\n"
    "    if (all) lds[tid() + 64] = in[tid()] + 1;\n"
    "    out[tid()] = lds[tid() + 64 - (tid() < 7 ? 64 : 0)];\n"
    "}\n"
    "extern \"C\" __global__ void lds_half(int *out, const int *in) { lds_read<false>(out, in); }\n"
    "extern \"C\" __global__ void lds_whole(int *out, const int *in) { lds_read<true>(out, in); }\n"
    /* a register that only lanes below 32 write */
    "extern \"C\" __global__ void vgpr_some(int *out, const int *in) {\n"
    "    if (tid() < 32) asm volatile(\"v_mov_b32 v40, 3\" ::: \"v40\");\n"
    "    int x; asm volatile(\"v_add_u32 %0, 1, v40\" : \"=v\"(x) :: \"v40\");\n"
    "    out[tid()] = x;\n"
    "}\n"
    "extern \"C\" __global__ void vgpr_all(int *out, const int *in) {\n"
    "    int x; asm volatile(\"v_mov_b32 v40, 3\\nv_add_u32 %0, 1, v40\" : \"=v\"(x) :: \"v40\");\n"
    "    out[tid()] = x;\n"
    "}\n"
    "extern \"C\" __global__ void sgpr_branch(int *out, const int *in) {\n"
    "    asm volatile(\"s_cmp_eq_u32 s60, 0\\ns_cbranch_scc1 1f\\ns_nop 0\\n1:\" ::: \"s60\", "
    "\"scc\");\n"
    "}\n"
    "extern \"C\" __global__ void sgpr_written(int *out, const int *in) {\n"
    "    asm volatile(\"s_mov_b32 s60, 1\\ns_cmp_eq_u32 s60, 0\\ns_cbranch_scc1 1f\\ns_nop 0\\n1:\""
    " ::: \"s60\", \"scc\");\n"
    "}\n"
    /* waits counted by hand: the second of two loads is used */
    "#define TWO_LOADS(wait) \\\n"
    "    int x; const int *p = in + tid(); \\\n"
    "    asm volatile(\"global_load_dword v40, %1, off\\nglobal_load_dword v41, %1, off "
    "offset:256\\n\" \\\n"
    "                 wait \"\\nv_add_u32 %0, 1, v41\\ns_waitcnt vmcnt(0)\" \\\n"
    "                 : \"=&v\"(x) : \"v\"(p) : \"v40\", \"v41\"); \\\n"
    "    out[tid()] = x;\n"
    "extern \"C\" __global__ void vm_late(int *out, const int *in) { TWO_LOADS(\"s_waitcnt "
    "vmcnt(1)\") }\n"
    "extern \"C\" __global__ void vm_good(int *out, const int *in) { TWO_LOADS(\"s_waitcnt "
    "vmcnt(0)\") }\n"
    "#define TWO_READS(wait) \\\n"
    "    __shared__ int lds[128]; int x, at = (int)(LDS char *)lds + tid() * 4; \\\n"
    "    lds[tid()] = in[tid()]; lds[tid() + 64] = in[tid()]; sync(); \\\n"
    "    asm volatile(\"s_waitcnt lgkmcnt(0)\\nds_read_b32 v40, %1\\nds_read_b32 v41, %1 "
    "offset:256\\n\" \\\n"
    "                 wait \"\\nv_add_u32 %0, 1, v40\\ns_waitcnt lgkmcnt(0)\" \\\n"
    "                 : \"=&v\"(x) : \"v\"(at) : \"v40\", \"v41\", \"memory\"); \\\n"
    "    out[tid()] = x;\n"
    "extern \"C\" __global__ void lds_late(int *out, const int *in) { TWO_READS(\"s_waitcnt "
    "lgkmcnt(2)\") }\n"
    "extern \"C\" __global__ void lds_good(int *out, const int *in) { TWO_READS(\"s_waitcnt "
    "lgkmcnt(1)\") }\n"
    /* scalar loads come in any order: lgkmcnt(1) promises nothing */
    "#define TWO_SCALARS(wait) \\\n"
    "    int x; asm volatile(\"s_load_dword s60, %1, 0x0\\ns_load_dword s61, %1, 0x4\\n\" wait \\\n"
    "                        \"\\ns_add_i32 %0, s60, 1\\ns_waitcnt lgkmcnt(0)\" \\\n"
    "                        : \"=&s\"(x) : \"s\"(in) : \"s60\", \"s61\", \"scc\"); \\\n"
    "    out[tid()] = x;\n"
    "extern \"C\" __global__ void smem_late(int *out, const int *in) { TWO_SCALARS(\"s_waitcnt "
    "lgkmcnt(1)\") }\n"
    "extern \"C\" __global__ void smem_good(int *out, const int *in) { TWO_SCALARS(\"s_waitcnt "
    "lgkmcnt(0)\") }\n"
    /* a load to LDS that its own wave does not wait for */
    "#define TO_LDS(wait) \\\n"
    "    __shared__ int lds[64]; int x, at = (int)(LDS char *)lds + tid() * 4; \\\n"
    "    lds[tid()] = 0; sync(); \\\n"
    "    __amdgpu_buffer_rsrc_t r = __builtin_amdgcn_make_buffer_rsrc((void *)in, 0, 4096, "
    "0x27000); \\\n"
    "    __builtin_amdgcn_raw_ptr_buffer_load_lds(r, (LDS void *)lds, 4, tid() * 4, 0, 0, 0); \\\n"
    "    asm volatile(wait \"\\nds_read_b32 %0, %1\\ns_waitcnt lgkmcnt(0)\" : \"=v\"(x) : "
    "\"v\"(at) : \"memory\"); \\\n"
    "    out[tid()] = x;\n"
    "extern \"C\" __global__ void direct_late(int *out, const int *in) { TO_LDS(\"s_nop 0\") }\n"
    "extern \"C\" __global__ void direct_good(int *out, const int *in) { TO_LDS(\"s_waitcnt "
    "vmcnt(0)\") }\n"
    /* four waves hand values around */
    "template <bool first, bool second> __device__ void exchange(int *out, const int *in) {\n"
    "    SHARED(int, 256);\n"
    "    lds[tid()] = in[tid()];\n"
    "    if (first) sync();\n"
    "    int x = lds[(tid() + 64) % 256];\n"
    "    if (second) sync();\n"
    "    lds[tid()] = x + 1;\n"
    "    out[tid()] = lds[tid()];\n"
    "}\n"
    "extern \"C\" __global__ void race_writes(int *out, const int *in) {\n"
    "    SHARED(int, 256);\n"
    "    lds[tid()] = 1; lds[255 - tid()] = in[tid()]; out[tid()] = lds[tid()];\n"
    "}\n"
    "#define UNSETTLED(wait) \\\n"
    "    SHARED(int, 256); int at = (int)lds + tid() * 4, x; \\\n"
    "    int from = (int)lds + (tid() + 64) % 256 * 4; \\\n"
    "    asm volatile(\"ds_write_b32 %1, %1\\n\" wait \"\\ns_barrier\\nds_read_b32 %0, %2\\n\" \\\n"
    "                 \"s_waitcnt lgkmcnt(0)\" \\\n"
    "                 : \"=&v\"(x) : \"v\"(at), \"v\"(from) : \"memory\"); \\\n"
    "    out[tid()] = x + lds[tid()];\n"
    "extern \"C\" __global__ void unsettled(int *out, const int *in) { UNSETTLED(\"s_nop 0\") }\n"
    "extern \"C\" __global__ void settled(int *out, const int *in) {\n"
    "    UNSETTLED(\"s_waitcnt lgkmcnt(0)\")\n"
    "}\n"
    "template <int from> __device__ void unordered(int *out, const int *in) {\n"
    "    SHARED(int, 256);\n"
    "    lds[tid()] = 0; sync(); lds[tid()] = in[tid()]; out[tid()] = lds[(tid() + from) % 256];\n"
    "}\n"
    "extern \"C\" __global__ void race_read(int *out, const int *in) { unordered<192>(out, in); }\n"
    "extern \"C\" __global__ void race_write_after(int *out, const int *in) { unordered<64>(out, "
    "in); }\n"
    "extern \"C\" __global__ void race_write(int *out, const int *in) { exchange<true, "
    "false>(out, in); }\n"
    "extern \"C\" __global__ void race_none(int *out, const int *in) { exchange<true, true>(out, "
    "in); }\n"
    /* neighbours in a dword */
    "extern \"C\" __global__ void race_bytes(int *out, const int *in) {\n"
    "    SHARED(char, 256);\n"
    "    lds[tid() % 64 * 4 + tid() / 64] = (char)in[tid()]; sync(); out[tid()] = lds[tid()];\n"
    "}\n"
    "extern \"C\" __global__ void race_atomic(int *out, const int *in) {\n"
    "    __shared__ int sum; if (tid() == 0) sum = 0; sync();\n"
    "    __atomic_fetch_add(&sum, in[tid()] * (int)(tid() + 1), __ATOMIC_RELAXED); sync();\n"
    "    out[tid()] = sum;\n"
    "}\n"
    "extern \"C\" __global__ void early_end(int *out, const int *in) {\n"
    "    if (in[64] == 64 && __builtin_amdgcn_readfirstlane(tid()) >= 128) return;\n"
    "    sync(); out[tid()] = 1;\n"
    "}\n"
    "extern \"C\" __global__ void same_end(int *out, const int *in) {\n"
    "    sync(); if (__builtin_amdgcn_readfirstlane(tid()) >= 128) return; out[tid()] = 1;\n"
    "}\n"
    /* global memory: waves of a workgroup, and workgroups; out[0] is a counter */
    "template <bool first> __device__ void hand_over(int *out, const int *in) {\n"
    "    int *v = out + 64 + bid() * 256;\n"
    "    v[tid()] = in[tid()]; if (first) sync();\n"
    "    out[2048 + bid() * 256 + tid()] = v[tid() ^ 64];\n"
    "}\n"
    "#define KERNEL(name) extern \"C\" __global__ void name(int *out, const int *in)\n"
    "KERNEL(global_kept) { hand_over<true>(out, in); }\n"
    "KERNEL(global_race) { hand_over<false>(out, in); }\n"
    "KERNEL(groups_apart) {\n"
    "    ((char *)out)[tid() * 4 + bid()] = (char)in[tid()];\n"
    "}\n"
    "KERNEL(groups_write) { out[tid()] = in[tid()]; }\n"
    "KERNEL(groups_read) {\n"
    "    out[bid() * 64 + tid()] = out[tid()] + 1;\n"
    "}\n"
    "KERNEL(groups_count) {\n"
    "    __atomic_fetch_add(out + tid() % 4, in[tid()], __ATOMIC_RELAXED);\n"
    "}\n"
    /* the group that comes last adds up what all of them have stored */
    "template <bool barrier, int order> __device__ void last_arriver(int *out, const int *in) {\n"
    "    __shared__ int lds[1]; int *part = out + 64;\n"
    "    part[bid() * bdim() + tid()] = in[tid()];\n"
    "    if (barrier) sync();\n"
    "    if (tid() == 0) *(volatile int *)lds = __atomic_fetch_add(out, 1, order);\n"
    "    sync();\n"
    "    if (*(volatile int *)lds != 3) return;\n"
    "    int sum = 0; for (int g = 0; g < 4; g++) sum += part[g * bdim() + tid()];\n"
    "    out[4096 + tid()] = sum;\n"
    "}\n"
    "KERNEL(last_kept) {\n"
    "    last_arriver<true, __ATOMIC_ACQ_REL>(out, in);\n"
    "}\n"
    "KERNEL(last_no_barrier) {\n"
    "    last_arriver<false, __ATOMIC_ACQ_REL>(out, in);\n"
    "}\n"
    "KERNEL(last_relaxed) {\n"
    "    last_arriver<false, __ATOMIC_RELAXED>(out, in);\n"
    "}\n"
    /* scratch: an element that nothing wrote, or one that was */
    "template <int from> __device__ void scratch_read(int *out, const int *in) {\n"
    "    volatile int a[32];\n"
    "    for (int i = 0; i < 8; i++) a[i] = in[i];\n"
    "    out[tid()] = a[from + tid() % 8];\n"
    "}\n"
    "KERNEL(scratch_part) { scratch_read<1>(out, in); }\n"
    "KERNEL(scratch_whole) { scratch_read<0>(out, in); }\n"
    "KERNEL(scratch_outside) {\n"
    "    volatile int a[4]; a[0] = 1; out[tid()] = a[in[tid()] * 1000000];\n"
    "}\n"
    /* an address that a vector instruction has just put into scalar registers */
    "#define FRESH_ADDRESS(wait) \\\n"
    "    int x; asm volatile(\"v_readfirstlane_b32 s60, %1\\nv_readfirstlane_b32 s61, %2\\n\" \\\n"
    "                        wait \"\\nglobal_load_dword %0, %3, s[60:61]\\n\" \\\n"
    "                        \"s_waitcnt vmcnt(0)\" \\\n"
    "                        : \"=v\"(x) : \"v\"((int)(long)in), \"v\"((int)((long)in >> 32)), \\\n"
    "                        \"v\"(tid() * 4) : \"s60\", \"s61\"); \\\n"
    "    out[tid()] = x;\n"
    "KERNEL(fresh_short) { FRESH_ADDRESS(\"s_nop 3\") }\n"
    "KERNEL(fresh_kept) { FRESH_ADDRESS(\"s_nop 4\") }\n"
    "extern \"C\" __global__ void quotient(float *out, const float *in) {\n"
    "    out[tid()] = __builtin_amdgcn_sqrtf(in[tid()]) + 1.0f;\n"
    "}\n"
    "extern \"C\" __global__ void square(float *out, const float *in) "
    "{ out[tid()] = in[tid()] * in[tid()]; }\n";

static helper_blob codes[NUM_ARCHS];
static int devices[NUM_ARCHS];

static int setup(void **state)
{
    (void)state;
    quiet();
    for (int i = 0; i < NUM_ARCHS; i++) {
        codes[i] = compile(archs[i], source);
        devices[i] = device_of_arch(archs[i]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < NUM_ARCHS; i++)
        helper_blob_free(&codes[i]);
    return 0;
}

/* A finding ends the device's life, so each run starts with a reset device and a new module. */
typedef struct run_state {
    void *out, *in;
    hip_module module;
} run_state;

static run_state start(int arch, const void *input, size_t bytes)
{
    run_state r;
    hip_ok(hipSetDevice(devices[arch]));
    hip_ok(hipDeviceReset());
    hip_ok(hipModuleLoadData(&r.module, codes[arch].data));
    hip_ok(hipMalloc(&r.out, OUT_BYTES));
    hip_ok(hipMalloc(&r.in, BYTES));
    if (bytes)
        hip_ok(hipMemcpy(r.in, input, bytes, HIP_MEMCPY_HOST_TO_DEVICE));
    return r;
}

static hip_error launch_groups(run_state *r, const char *name, unsigned groups, unsigned block)
{
    hip_function f;
    hip_ok(hipModuleGetFunction(&f, r->module, name));
    hip_ok(hipModuleLaunchKernel(f, groups, 1, 1, block, 1, 1, 0, NULL, (void *[]){&r->out, &r->in},
                                 NULL));
    return hipDeviceSynchronize();
}

static hip_error launch(run_state *r, const char *name, unsigned block)
{
    return launch_groups(r, name, 1, block);
}

static void fill_input(int *input)
{
    for (int i = 0; i < BYTES / 4; i++)
        input[i] = i;
}

/* Runs a kernel that is correct. */
static void silent(const char *name, unsigned block, const void *input)
{
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        run_state r = start(arch, input, BYTES);
        hip_ok(launch(&r, name, block));
    }
}

/* The last report must name the kernel and have all these words. */
static void reported(int arch, const char *name, const char *const *words)
{
    const char *report = aiterSimLastReport();
    char kernel[64];
    snprintf(kernel, sizeof kernel, "kernel %s, workgroup (", name);
    if (!strstr(report, kernel))
        fail_msg("%s: report \"%s\" does not name the kernel", archs[arch], report);
    for (const char *const *word = words; *word; word++)
        if (!strstr(report, *word))
            fail_msg("%s: report \"%s\" lacks \"%s\"", archs[arch], report, *word);
}

/* Runs a kernel whose first finding must be reported for this instruction with all these words. */
static void found(const char *name, unsigned block, const void *input, size_t bytes,
                  const char *const *words)
{
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        run_state r = start(arch, input, bytes);
        hip_fails(launch(&r, name, block), HIP_ERROR_LAUNCH_FAILURE);
        reported(arch, name, words);
    }
    hip_ok(hipDeviceReset());
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void memory_nothing_wrote(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("copy", 64, input);
    silent("scalar_read", 64, input);
    found("copy", 64, NULL, 0,
          WORDS("wave 0 lane 0: \"global_load_dword", "uninit: reads 4 bytes"));
    found("copy", 64, input, 4 * 63 + 3, WORDS("lane 63: \"global_load_dword", "nothing wrote"));
    found("scalar_read", 64, input, 16, WORDS("wave 0: \"s_load_dword", "nothing wrote"));
    found("add", 64, input, 16, WORDS("atomic_add", "nothing wrote"));
}

static void memory_written_by_fills_and_kernels(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        run_state r = start(arch, input, BYTES);
        hip_ok(launch(&r, "copy", 64));
        void *first = r.out;
        r.in = first; /* what a kernel wrote */
        hip_ok(hipMalloc(&r.out, BYTES));
        hip_ok(launch(&r, "copy", 64));
        hip_ok(hipMalloc(&r.in, BYTES));
        hip_ok(hipMemset(r.in, 7, 256));
        hip_ok(launch(&r, "copy", 64));
        int value;
        hip_ok(hipMemcpy(&value, r.out, 4, HIP_MEMCPY_DEVICE_TO_HOST));
        assert_int_equal(value, 0x07070707);
    }
}

/* Four workgroups on memory that was written before. */
static void groups(const char *name, unsigned block, const char *const *words)
{
    int input[BYTES / 4];
    fill_input(input);
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        run_state r = start(arch, input, BYTES);
        hip_ok(hipMemset(r.out, 0, OUT_BYTES));
        hip_error e = launch_groups(&r, name, 4, block);
        if (!words) {
            if (e != HIP_SUCCESS)
                fail_msg("%s: %s: %s", archs[arch], name, aiterSimLastReport());
            continue;
        }
        assert_int_equal(e, HIP_ERROR_LAUNCH_FAILURE);
        reported(arch, name, words);
    }
    hip_ok(hipDeviceReset());
}

static void races_in_global_memory(void **state)
{
    (void)state;
    groups("global_kept", 256, NULL);
    groups("global_race", 256,
           WORDS("race: reads 0x", "which workgroup (", "writes with \"", "no barrier between"));
    groups("groups_apart", 64, NULL);
    groups("groups_count", 64, NULL);
    groups("groups_write", 64,
           WORDS("race: writes 0x", "writes with \"global_store",
                 "workgroups of a launch have no order"));
    groups("groups_read", 64, WORDS("race: ", "workgroups of a launch have no order"));
}

/* The counter orders what its workgroup has done before; not what it has not waited for. */
static void the_last_of_the_workgroups(void **state)
{
    (void)state;
    groups("last_kept", 256, NULL);
    groups("last_kept", 64, NULL);
    groups("last_no_barrier", 64, NULL);
    groups("last_no_barrier", 256, WORDS("race: reads 0x", "workgroups of a launch have no order"));
    groups("last_relaxed", 64, WORDS("race: reads 0x", "workgroups of a launch have no order"));
}

static void scratch_nothing_wrote(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("scratch_whole", 64, input);
    found("scratch_part", 64, input, BYTES, WORDS("lane 7: \"global_store", "uninit: stores v"));
}

static void scratch_has_an_end(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        run_state r = start(arch, input, BYTES);
        hip_fails(launch(&r, "scratch_outside", 64), HIP_ERROR_ILLEGAL_ADDRESS);
        reported(arch, "scratch_outside", WORDS("wave 0 lane 1: ", "outside"));
    }
    hip_ok(hipDeviceReset());
}

static void lds_nothing_wrote(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("lds_whole", 64, input);
    found("lds_half", 64, input, BYTES, WORDS("wave 0 lane 7: \"ds_read_b32", "LDS byte 284"));
}

static void registers_nothing_wrote(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("vgpr_all", 64, input);
    silent("sgpr_written", 64, input);
    found("vgpr_some", 64, input, BYTES,
          WORDS("wave 0 lane 32: \"global_store_dword", "uninit: stores"));
    found("sgpr_branch", 64, input, BYTES, WORDS("s_cbranch_scc1", "uninit: scc is what a branch"));
}

static void waits_by_hand(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("vm_good", 64, input);
    silent("lds_good", 64, input);
    silent("smem_good", 64, input);
    silent("direct_good", 64, input);
    found("vm_late", 64, input, BYTES,
          WORDS("v_add_u32", "wait: reads v41 while \"global_load_dword v41", "(vmcnt)"));
    found("lds_late", 64, input, BYTES,
          WORDS("v_add_u32", "wait: reads v40 while \"ds_read_b32 v40", "(lgkmcnt)"));
    found("smem_late", 64, input, BYTES,
          WORDS("s_add_i32", "wait: reads s60 while \"s_load_dword s60", "(lgkmcnt)"));
    found("direct_late", 64, input, BYTES,
          WORDS("\"ds_read_b32", "wait: LDS byte 0",
                "wave 0 has not waited for \"buffer_load_dword",
                "(vmcnt)"));
}

static void races_in_lds(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("race_none", 256, input);
    silent("settled", 256, input);
    found("unsettled", 256, input, BYTES,
          WORDS("\"ds_read_b32", "race: reads LDS byte 256, which wave 1 lane 0 writes",
                "not waited for before the barrier"));
    silent("race_bytes", 256, input);
    silent("race_atomic", 256, input);
    found("race_writes", 256, input, BYTES,
          WORDS("wave 2 lane 0: \"ds_write_b32",
                "race: writes LDS byte 512, which wave 1 lane 63 writes"));
    found("race_read", 256, input, BYTES,
          WORDS("wave 1 lane 0: \"ds_read_b32",
                "race: reads LDS byte 0, which wave 0 lane 0 writes"));
    found("race_write_after", 256, input, BYTES,
          WORDS("wave 1 lane 0: \"ds_write_b32",
                "race: writes LDS byte 256, which wave 0 lane 0 reads"));
    found("race_write", 256, input, BYTES,
          WORDS("\"ds_write_b32",
                "race: writes LDS byte 256, which wave 0 lane 0 reads with \"ds_read_b32"));
}

static void waves_that_miss_a_barrier(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("same_end", 256, input);
    found("early_end", 256, input, BYTES,
          WORDS("wave 0: \"s_barrier", "barrier: ", "wave 3 has ended after 0 of them",
                "\"s_endpgm"));
    input[64] = 1;
    silent("early_end", 256, input);
}

static void wait_states_by_hand(void **state)
{
    int input[BYTES / 4];
    (void)state;
    fill_input(input);
    silent("fresh_kept", 64, input);
    found("fresh_short", 64, input, BYTES,
          WORDS("wave 0: \"global_load_dword", "hazard: s60, ",
                "4 wait states after \"v_readfirstlane_b32 s61", "5 are needed"));
}

static void first_nan_and_infinity(void **state)
{
    float input[BYTES / 4];
    (void)state;
    for (int i = 0; i < BYTES / 4; i++)
        input[i] = (float)i;
    silent("quotient", 64, input);
    silent("square", 64, input);
    input[9] = -1;
    found("quotient", 64, input, BYTES, WORDS("lane 9: \"v_sqrt_f32", "nan: v", "becomes NaN"));
    input[9] = 1e30f;
    found("square", 64, input, BYTES, WORDS("lane 9: \"v_mul_f32", "inf: v", "becomes infinite"));
    const unsigned nan = 0x7fc00000;
    memcpy(&input[9], &nan, 4); /* a NaN that was there before is not a finding */
    silent("quotient", 64, input);
    silent("square", 64, input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_nothing_wrote),
        cmocka_unit_test(memory_written_by_fills_and_kernels),
        cmocka_unit_test(lds_nothing_wrote),
        cmocka_unit_test(scratch_nothing_wrote),
        cmocka_unit_test(scratch_has_an_end),
        cmocka_unit_test(races_in_global_memory),
        cmocka_unit_test(the_last_of_the_workgroups),
        cmocka_unit_test(registers_nothing_wrote),
        cmocka_unit_test(waits_by_hand),
        cmocka_unit_test(races_in_lds),
        cmocka_unit_test(waves_that_miss_a_barrier),
        cmocka_unit_test(wait_states_by_hand),
        cmocka_unit_test(first_nan_and_infinity),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
