/* Launches of real kernels: compiled by the compiler helper, run by the engine, on every simulated
 * arch. */
#include "hip_support.h"

#include <elf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const archs[] = {"gfx90a", "gfx942", "gfx950"};
enum { NUM_ARCHS = sizeof archs / sizeof *archs };

static const char source[] =
    "extern \"C\" __global__ void add(float *out, const float *a, const float *b, int n, float "
    "scale) {\n"
    "    int i = bid() * bdim() + tid();\n"
    "    if (i < n) out[i] = a[i] + scale * b[i];\n"
    "}\n"
    "extern \"C\" __global__ void reduce(const int *in, int *out) {\n"
    "    __shared__ int part[256];\n"
    "    part[tid()] = in[bid() * 256 + tid()];\n"
    "    sync();\n"
    "    for (int s = 128; s > 0; s >>= 1) {\n"
    "        if (tid() < s) part[tid()] += part[tid() + s];\n"
    "        sync();\n"
    "    }\n"
    "    if (tid() == 0) out[bid()] = part[0];\n"
    "}\n"
    "extern \"C\" __global__ void dynamic(int *out, int n) {\n"
    "    extern __shared__ int buffer[];\n"
    "    for (int i = tid(); i < n; i += 64) buffer[i] = i * 3;\n"
    "    sync();\n"
    "    for (int i = tid(); i < n; i += 64) out[i] = buffer[n - 1 - i];\n"
    "}\n"
    /* implicit arguments: block counts (3 x u32), group sizes (3 x u16), remainders (3 x u16) */
    "extern \"C\" __global__ void hidden(unsigned *out) {\n"
    "    const __attribute__((address_space(4))) char *p =\n"
    "        (const __attribute__((address_space(4))) char *)__builtin_amdgcn_implicitarg_ptr();\n"
    "    if (__builtin_amdgcn_workgroup_id_x() | __builtin_amdgcn_workgroup_id_y() |\n"
    "        __builtin_amdgcn_workgroup_id_z()) return;\n"
    "    for (int i = 0; i < 3; i++) {\n"
    "        out[i] = ((const __attribute__((address_space(4))) unsigned *)p)[i];\n"
    "        out[3 + i] = ((const __attribute__((address_space(4))) unsigned short *)(p + "
    "12))[i];\n"
    "        out[6 + i] = ((const __attribute__((address_space(4))) unsigned short *)(p + "
    "18))[i];\n"
    "    }\n"
    "    out[9] = *(const __attribute__((address_space(4))) unsigned short *)(p + 64);\n"
    "}\n"
    "extern \"C\" __global__ void where(unsigned *out, unsigned gx, unsigned gy) {\n"
    "    unsigned x = __builtin_amdgcn_workgroup_id_x(), y = __builtin_amdgcn_workgroup_id_y(),\n"
    "             z = __builtin_amdgcn_workgroup_id_z();\n"
    "    unsigned t = tid() + 4 * (__builtin_amdgcn_workitem_id_y() + 2 * "
    "__builtin_amdgcn_workitem_id_z());\n"
    "    out[((z * gy + y) * gx + x) * 16 + t] = x | y << 8 | z << 16 | t << 24;\n"
    "}\n"
    "extern \"C\" __global__ void store(int *p, long at) { if (tid() == 3) p[at] = 1; }\n"
    "extern \"C\" __global__ void store_long(int *p, long at) {\n"
    "    typedef long __attribute__((aligned(4))) word;\n"
    "    *(word *)(p + at) = 1;\n"
    "}\n"
    "extern \"C\" __global__ void load(int *out, const int *p, long at) { out[tid()] = p[at + "
    "tid()]; }\n"
    "extern \"C\" __global__ __launch_bounds__(128) void bounded(int *p) { p[tid()] = 5; }\n"
    "extern \"C\" __global__ void nothing() {}\n"
    "extern \"C\" __global__ void stop() { __builtin_trap(); }\n"
    "extern \"C\" __global__ void odd() { asm volatile(\"s_rfe_b64 s[2:3]\"); }\n"
    "extern \"C\" __global__ void reverse(int *p) {\n"
    "    __shared__ int part[64];\n"
    "    part[tid()] = p[tid()];\n"
    "    sync();\n"
    "    p[tid()] = part[63 - tid()];\n"
    "}\n"
    "__device__ int counter = 40;\n"
    "__device__ const int table[4] = {10, 20, 30, 40};\n"
    "extern \"C\" __global__ void globals(int *out) { counter += 2; out[tid()] = table[tid() & 3]; "
    "}\n"
    "extern \"C\" __global__ void write_table() { *(volatile int *)&table[0] = 1; }\n";

static struct {
    hip_module module;
    int device;
} loaded[NUM_ARCHS];

static int setup(void **state)
{
    (void)state;
    quiet();
    for (int i = 0; i < NUM_ARCHS; i++) {
        helper_blob code = compile(archs[i], source);
        loaded[i].device = device_of_arch(archs[i]);
        hip_ok(hipSetDevice(loaded[i].device));
        hip_ok(hipModuleLoadData(&loaded[i].module, code.data));
        helper_blob_free(&code);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < NUM_ARCHS; i++)
        hip_ok(hipModuleUnload(loaded[i].module));
    return 0;
}

/* The function of this arch; its device becomes current. */
static hip_function use(int arch, const char *name)
{
    hip_function function;
    hip_ok(hipSetDevice(loaded[arch].device));
    hip_ok(hipModuleGetFunction(&function, loaded[arch].module, name));
    return function;
}

static void *device_array(size_t size)
{
    void *p;
    hip_ok(hipMalloc(&p, size));
    return p;
}

static hip_error launch(hip_function f, unsigned grid, unsigned block, void **params)
{
    return hipModuleLaunchKernel(f, grid, 1, 1, block, 1, 1, 0, NULL, params, NULL);
}

typedef struct add_arrays {
    float *a, *b, *out;
    int n;
} add_arrays;

static add_arrays make_add(int n)
{
    add_arrays v = {device_array(4 * (size_t)n), device_array(4 * (size_t)n),
                    device_array(4 * (size_t)n), n};
    for (int i = 0; i < n; i++) { /* device memory is host memory here */
        v.a[i] = (float)i;
        v.b[i] = (float)(i % 17);
    }
    return v;
}

static void check_add(const add_arrays *v, float scale)
{
    for (int i = 0; i < v->n; i++)
        if (v->out[i] != (float)i + scale * (float)(i % 17))
            fail_msg("out[%d] = %g", i, (double)v->out[i]);
}

static void free_add(const add_arrays *v)
{
    hip_ok(hipFree(v->a));
    hip_ok(hipFree(v->b));
    hip_ok(hipFree(v->out));
}

static void arguments_by_pointers(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "add");
        add_arrays v = make_add(1000);
        float scale = 0.5f;
        void *params[] = {&v.out, &v.a, &v.b, &v.n, &scale};
        hip_ok(launch(f, 4, 256, params));
        hip_ok(hipDeviceSynchronize());
        check_add(&v, scale);
        free_add(&v);
    }
}

typedef struct add_args {
    float *out, *a, *b;
    int n;
    float scale;
} add_args;

static void arguments_by_a_packed_buffer(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "add");
        add_arrays v = make_add(777);
        add_args args = {v.out, v.a, v.b, v.n, 2.0f};
        size_t size = sizeof args;
        void *extra[] = {HIP_EXTRA_BUFFER_POINTER, &args, HIP_EXTRA_BUFFER_SIZE, &size,
                         HIP_EXTRA_END};
        hip_ok(hipModuleLaunchKernel(f, 13, 1, 1, 64, 1, 1, 0, NULL, NULL, extra));
        memset(&args, 0, sizeof args); /* they were taken at the call */
        hip_ok(hipDeviceSynchronize());
        check_add(&v, 2.0f);
        free_add(&v);
    }
}

static void workgroups_share_lds_and_synchronise(void **state)
{
    (void)state;
    enum { BLOCKS = 40 };
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "reduce");
        int *in = device_array(BLOCKS * 256 * 4), *out = device_array(BLOCKS * 4);
        for (int i = 0; i < BLOCKS * 256; i++)
            in[i] = i;
        void *params[] = {&in, &out};
        hip_ok(launch(f, BLOCKS, 256, params));
        hip_ok(hipDeviceSynchronize());
        for (int b = 0; b < BLOCKS; b++) /* sum of 256 consecutive numbers from 256 b */
            assert_int_equal(out[b], 256 * 256 * b + 255 * 256 / 2);
        hip_ok(hipFree(in));
        hip_ok(hipFree(out));
    }
}

/* The compiler addresses part[63 - tid] as a negative base with an offset. */
static void lds_is_addressed_from_behind(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "reverse");
        int *p = device_array(256);
        void *params[] = {&p};
        for (int i = 0; i < 64; i++)
            p[i] = i;
        hip_ok(launch(f, 1, 64, params));
        hip_ok(hipDeviceSynchronize());
        for (int i = 0; i < 64; i++)
            assert_int_equal(p[i], 63 - i);
        hip_ok(hipFree(p));
    }
}

static void dynamic_lds_is_as_large_as_asked_for(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "dynamic");
        int lds, n;
        hip_ok(
            hipDeviceGetAttribute(&lds, HIP_ATTR_MAX_SHARED_MEMORY_PER_BLOCK, loaded[arch].device));
        n = lds / 4;
        int *out = device_array((size_t)lds);
        void *params[] = {&out, &n};
        hip_ok(hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, (unsigned)lds, NULL, params, NULL));
        hip_ok(hipDeviceSynchronize());
        for (int i = 0; i < n; i++)
            if (out[i] != (n - 1 - i) * 3)
                fail_msg("%s: out[%d] = %d", archs[arch], i, out[i]);
        hip_fails(
            hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, (unsigned)lds + 4, NULL, params, NULL),
            HIP_ERROR_INVALID_VALUE);
        says("of dynamic LDS, at most");
        hip_ok(hipFree(out));
    }
}

static void hidden_arguments_describe_the_launch(void **state)
{
    (void)state;
    static const unsigned expected[10] = {3, 5, 2, 8, 4, 2, 0, 0, 0, 3};
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "hidden");
        unsigned *out = device_array(40);
        void *params[] = {&out};
        size_t size = sizeof out;
        void *extra[] = {HIP_EXTRA_BUFFER_POINTER, &out, HIP_EXTRA_BUFFER_SIZE, &size,
                         HIP_EXTRA_END};
        hip_ok(hipModuleLaunchKernel(f, 3, 5, 2, 8, 4, 2, 0, NULL, params, NULL));
        hip_ok(hipDeviceSynchronize());
        assert_memory_equal(out, expected, sizeof expected);
        hip_ok(hipMemset(out, 0, 40));
        hip_ok(hipModuleLaunchKernel(f, 3, 5, 2, 8, 4, 2, 0, NULL, NULL, extra));
        hip_ok(hipDeviceSynchronize());
        assert_memory_equal(out, expected, sizeof expected);
        hip_ok(hipFree(out));
    }
}

static void every_workgroup_and_work_item_runs_once(void **state)
{
    (void)state;
    unsigned gx = 6, gy = 3, gz = 2;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "where");
        unsigned *out = device_array((size_t)gx * gy * gz * 16 * 4), i = 0;
        void *params[] = {&out, &gx, &gy};
        hip_ok(hipModuleLaunchKernel(f, gx, gy, gz, 4, 2, 2, 0, NULL, params, NULL));
        hip_ok(hipDeviceSynchronize());
        for (unsigned z = 0; z < gz; z++)
            for (unsigned y = 0; y < gy; y++)
                for (unsigned x = 0; x < gx; x++)
                    for (unsigned t = 0; t < 16; t++, i++)
                        assert_int_equal(out[i], x | y << 8 | z << 16 | t << 24);
        hip_ok(hipFree(out));
    }
}

static void the_ext_launch_counts_work_items_and_records_events(void **state)
{
    (void)state;
    hip_event start, stop;
    float ms = -1;
    hip_function f = use(1, "add");
    add_arrays v = make_add(512);
    float scale = 1;
    void *params[] = {&v.out, &v.a, &v.b, &v.n, &scale};
    hip_ok(hipEventCreate(&start));
    hip_ok(hipEventCreate(&stop));
    hip_ok(
        hipExtModuleLaunchKernel(f, 512, 1, 1, 128, 1, 1, 0, NULL, params, NULL, start, stop, 0));
    hip_ok(hipEventSynchronize(stop));
    hip_ok(hipEventElapsedTime(&ms, start, stop));
    assert_true(ms > 0);
    check_add(&v, scale);
    hip_fails(
        hipExtModuleLaunchKernel(f, 500, 1, 1, 128, 1, 1, 0, NULL, params, NULL, NULL, NULL, 0),
        HIP_ERROR_INVALID_VALUE);
    hip_ok(hipEventDestroy(start));
    hip_ok(hipEventDestroy(stop));
    free_add(&v);
}

static void device_variables_keep_their_values(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "globals");
        int *out = device_array(256), *counter, value;
        size_t size;
        void *params[] = {&out};
        hip_ok(hipModuleGetGlobal((void **)&counter, &size, loaded[arch].module, "counter"));
        assert_int_equal(size, 4);
        value = 100;
        hip_ok(hipMemcpyHtoD(counter, &value, 4));
        hip_ok(launch(f, 1, 1, params));
        hip_ok(launch(f, 1, 1, params));
        hip_ok(hipMemcpyDtoH(&value, counter, 4));
        assert_int_equal(value, 104);
        assert_int_equal(out[0], 10);
        hip_ok(hipFree(out));
    }
}

static void limits_are_checked_before_anything_runs(void **state)
{
    (void)state;
    hip_function f = use(1, "bounded"), nothing = use(1, "nothing");
    int *p = device_array(4096);
    void *params[] = {&p};
    size_t size = 8;
    void *extra[] = {HIP_EXTRA_BUFFER_POINTER, &p, HIP_EXTRA_BUFFER_SIZE, &size, HIP_EXTRA_END};
    void *shuffled[] = {HIP_EXTRA_BUFFER_SIZE, &size, HIP_EXTRA_BUFFER_POINTER, &p, HIP_EXTRA_END};
    hip_fails(launch(f, 1, 0, params), HIP_ERROR_INVALID_CONFIGURATION);
    says("empty grid (0,1,1)");
    hip_fails(launch(f, 0, 64, params), HIP_ERROR_INVALID_VALUE);
    says("empty grid (0,1,1)");
    hip_fails(launch(f, 1, 1025, params), HIP_ERROR_INVALID_VALUE);
    says("more than 1024 work-items");
    hip_fails(launch(f, 1, 129, params), HIP_ERROR_LAUNCH_FAILURE);
    says("at most 128 expected by its launch bounds");
    hip_fails(hipModuleLaunchKernel(f, 1, 65537, 1, 1, 1, 1, 0, NULL, params, NULL),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLaunchKernel(f, 0x7fffffff, 1, 1, 128, 1, 1, 0, NULL, params, NULL),
              HIP_ERROR_INVALID_CONFIGURATION);
    hip_fails(hipModuleLaunchKernel(f, 1, 1, 1, 64, 64, 64, 0, NULL, params, NULL),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, 0, NULL, params, extra),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, 0, NULL, NULL, NULL),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, 0, NULL, NULL, shuffled),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLaunchKernel(NULL, 1, 1, 1, 64, 1, 1, 0, NULL, params, NULL),
              HIP_ERROR_INVALID_HANDLE);
    says("not a function of a loaded module");
    hip_ok(hipModuleLaunchKernel(nothing, 1, 1, 1, 64, 1, 1, 0, NULL, NULL, NULL));
    hip_ok(hipSetDevice(loaded[0].device));
    hip_fails(launch(f, 1, 64, params), HIP_ERROR_INVALID_DEVICE);
    hip_ok(hipSetDevice(loaded[1].device));
    hip_ok(launch(f, 1, 128, params));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(p[127], 5);
    hip_ok(hipFree(p));
}

/* Offset of the descriptor of `reduce`: 1024 bytes of LDS, no scratch, 16 bytes of arguments and
 * the hidden ones. */
static size_t find_reduce(const helper_blob *code)
{
    for (size_t at = 0; at + 64 <= code->size; at += 64) {
        uint32_t word[3];
        memcpy(word, code->data + at, sizeof word);
        if (word[0] == 1024 && word[1] == 0 && word[2] >= 16 && word[2] <= 16 + 256)
            return at;
    }
    fail_msg("no such descriptor");
    return 0;
}

static void arguments_have_a_limit(void **state)
{
    (void)state;
    helper_blob code = compile("gfx942", source);
    uint32_t bytes = 65540;
    hip_module module;
    hip_function f;
    void *params[] = {&bytes, &bytes};
    memcpy(code.data + find_reduce(&code) + 8, &bytes, sizeof bytes);
    hip_ok(hipSetDevice(loaded[1].device));
    hip_ok(hipModuleLoadData(&module, code.data));
    hip_ok(hipModuleGetFunction(&f, module, "reduce"));
    hip_fails(launch(f, 1, 256, params), HIP_ERROR_INVALID_VALUE);
    says("65540 bytes of arguments, at most 65536 expected");
    hip_ok(hipModuleUnload(module));
    helper_blob_free(&code);
}

static void functions_have_attributes(void **state)
{
    (void)state;
    hip_function f = use(1, "reduce"), bounded = use(1, "bounded");
    hip_func_attributes a;
    int value;
    hip_ok(hipFuncGetAttribute(&value, HIP_FUNC_SHARED_SIZE_BYTES, f));
    assert_int_equal(value, 1024);
    hip_ok(hipFuncGetAttribute(&value, HIP_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES, f));
    assert_int_equal(value, 63 * 1024);
    hip_ok(hipFuncGetAttribute(&value, HIP_FUNC_MAX_THREADS_PER_BLOCK, bounded));
    assert_int_equal(value, 128);
    hip_ok(hipFuncGetAttributes(&a, f));
    assert_int_equal(a.maxThreadsPerBlock, 1024);
    assert_in_range(a.numRegs, 1, 128);
    hip_fails(hipFuncGetAttribute(&value, 99, f), HIP_ERROR_INVALID_VALUE);
    int grid, block;
    hip_ok(hipModuleOccupancyMaxPotentialBlockSize(&grid, &block, bounded, 0, 0));
    assert_int_equal(block, 128);
    assert_int_equal(grid, 304 * 16); /* 8 waves per SIMD, 2 waves per block */
}

static void statistics_count_what_ran(void **state)
{
    (void)state;
    hip_function f = use(1, "reduce");
    int *in = device_array(6 * 256 * 4), *out = device_array(6 * 4);
    void *params[] = {&in, &out};
    aiter_sim_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    assert_int_equal(aiterSimGetStats(&before), 0);
    hip_ok(launch(f, 6, 256, params));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(aiterSimGetStats(&after), 0);
    assert_int_equal(after.launches, before.launches + 1);
    assert_int_equal(after.workgroups, 6);
    assert_int_equal(after.waves, 24);
    assert_in_range(after.instructions, 24 * 10, 24 * 2000);
    assert_int_equal(after.total_instructions - before.total_instructions, after.instructions);
    assert_true(after.host_ns > 0);
    assert_string_equal(after.kernel, "reduce");
    struct {
        size_t size;
        uint64_t launches, untouched;
    } small = {16, 0, 42}; /* an older caller */
    assert_int_equal(aiterSimGetStats((aiter_sim_stats *)&small), 0);
    assert_int_equal(small.launches, after.launches);
    assert_int_equal(small.untouched, 42);
    assert_int_equal(aiterSimGetStats(NULL), -1);
    hip_ok(hipFree(in));
    hip_ok(hipFree(out));
}

/* ---- faults ---- */

/* The device has failed: every call says so until it is reset. Its modules stay. */
static void expect_fault(int device, hip_error error)
{
    void *p;
    hip_ok(hipSetDevice(device));
    hip_fails(hipDeviceSynchronize(), error);
    hip_fails(hipStreamSynchronize(NULL), error);
    hip_fails(hipMalloc(&p, 64), error);
    hip_ok(hipDeviceReset());
    hip_ok(hipDeviceSynchronize());
}

static void a_store_behind_an_allocation_is_reported(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_function f = use(arch, "store");
        char *p = device_array(400), address[32];
        long at = 100;
        void *params[] = {&p, &at};
        hip_ok(launch(f, 1, 64, params)); /* asynchronous: the launch itself is fine */
        expect_fault(loaded[arch].device, HIP_ERROR_ILLEGAL_ADDRESS);
        const char *report = aiterSimLastReport();
        snprintf(address, sizeof address, "%lx", (unsigned long)(uintptr_t)(p + 400));
        assert_non_null(strstr(report, "kernel store"));
        assert_non_null(strstr(report, "lane 3"));
        assert_non_null(strstr(report, "global_store_dword"));
        assert_non_null(strstr(report, address));
    }
}

/* The end of an allocation counts to the byte, though pages are larger. */
static void an_access_across_the_end_is_a_fault(void **state)
{
    (void)state;
    hip_function f = use(1, "store_long");
    int *p = device_array(11);
    long at = 0;
    void *params[] = {&p, &at};
    hip_ok(launch(f, 1, 1, params));
    hip_ok(hipDeviceSynchronize());
    at = 1;
    hip_ok(launch(f, 1, 1, params));
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
    int *out = device_array(256), *in = device_array(4 * 63 + 3);
    void *load_params[] = {&out, &in, &at};
    at = 0;
    hip_ok(launch(use(1, "load"), 1, 63, load_params));
    hip_ok(hipDeviceSynchronize());
    hip_ok(launch(use(1, "load"), 1, 64, load_params));
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
    says("lane 63: \"global_load_dword");
}

static void a_load_of_freed_memory_is_reported(void **state)
{
    (void)state;
    hip_function f = use(1, "load");
    int *out = device_array(256), *p = device_array(256);
    long at = 0;
    void *params[] = {&out, &p, &at};
    hip_ok(hipFree(p));
    hip_ok(launch(f, 1, 64, params));
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
    assert_non_null(strstr(aiterSimLastReport(), "kernel load"));
}

static void a_null_pointer_is_reported(void **state)
{
    (void)state;
    hip_function f = use(2, "store");
    char *p = NULL;
    long at = 0;
    void *params[] = {&p, &at};
    hip_ok(launch(f, 1, 64, params));
    expect_fault(loaded[2].device, HIP_ERROR_ILLEGAL_ADDRESS);
}

/* What is no memory fault is a failed launch. */
static void an_instruction_that_cannot_be_executed_fails_the_launch(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        hip_ok(launch(use(arch, "odd"), 1, 64, NULL));
        expect_fault(loaded[arch].device, HIP_ERROR_LAUNCH_FAILURE);
        assert_non_null(strstr(aiterSimLastReport(), "kernel odd"));
        assert_non_null(strstr(aiterSimLastReport(), "unknown instruction \"s_rfe_b64"));
        hip_ok(launch(use(arch, "stop"), 1, 64, NULL));
        expect_fault(loaded[arch].device, HIP_ERROR_LAUNCH_FAILURE);
        assert_non_null(strstr(aiterSimLastReport(), "s_trap"));
    }
}

static void host_memory_must_be_registered(void **state)
{
    (void)state;
    hip_function f = use(1, "load");
    int *out = device_array(256), host[64];
    const int *p = host;
    long at = 0;
    void *params[] = {&out, &p, &at};
    for (int i = 0; i < 64; i++)
        host[i] = i * i;
    hip_ok(hipHostRegister(host, sizeof host, 0));
    hip_ok(launch(f, 1, 64, params));
    hip_ok(hipDeviceSynchronize());
    assert_memory_equal(out, host, sizeof host);
    hip_ok(hipHostUnregister(host));
    hip_ok(launch(f, 1, 64, params));
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
}

static void code_objects_are_not_writable(void **state)
{
    (void)state;
    hip_function f = use(0, "write_table");
    hip_ok(launch(f, 1, 1, NULL));
    expect_fault(loaded[0].device, HIP_ERROR_ILLEGAL_ADDRESS);
}

static void other_devices_memory_needs_peer_access(void **state)
{
    (void)state;
    hip_function f = use(1, "load");
    int *out = device_array(256);
    hip_ok(hipSetDevice(loaded[2].device));
    int *p = device_array(256);
    p[5] = 55;
    long at = 0;
    void *params[] = {&out, &p, &at};
    hip_ok(hipSetDevice(loaded[1].device));
    hip_ok(hipDeviceEnablePeerAccess(loaded[2].device, 0));
    hip_fails(hipDeviceEnablePeerAccess(loaded[2].device, 0),
              HIP_ERROR_PEER_ACCESS_ALREADY_ENABLED);
    hip_ok(launch(f, 1, 64, params));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(out[5], 55);
    hip_ok(hipDeviceDisablePeerAccess(loaded[2].device));
    hip_fails(hipDeviceDisablePeerAccess(loaded[2].device), HIP_ERROR_PEER_ACCESS_NOT_ENABLED);
    hip_ok(launch(f, 1, 64, params));
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
    hip_ok(hipFree(p));
}

static void take_status(hip_stream stream, hip_error status, void *user)
{
    (void)stream;
    *(hip_error *)user = status;
}

static void sleep_20_ms(void *unused)
{
    (void)unused;
    usleep(20000);
}

static void count_call(void *user)
{
    ++*(int *)user;
}

/* After a fault the rest of the queue is not executed, and other devices go on. */
static void a_fault_stops_its_device_only(void **state)
{
    (void)state;
    hip_function f = use(1, "store"), other = use(0, "bounded");
    hip_error status = HIP_SUCCESS;
    int *p, *bad = NULL;
    long at = 0;
    hip_ok(hipHostMalloc((void **)&p, 4096, 0));
    void *bad_params[] = {&bad, &at}, *params[] = {&p};
    hip_ok(hipSetDevice(loaded[1].device));
    hip_ok(
        hipLaunchHostFunc(NULL, sleep_20_ms, NULL)); /* so all of this is queued before the fault */
    hip_ok(launch(f, 1, 64, bad_params));
    hip_ok(hipMemsetD32Async(p, 7, 1, NULL));
    hip_ok(hipLaunchHostFunc(NULL, count_call, p + 1));
    while (hipStreamQuery(NULL) == HIP_ERROR_NOT_READY)
        ;
    hip_fails(hipMemsetD32Async(p, 7, 1, NULL), HIP_ERROR_ILLEGAL_ADDRESS);
    hip_ok(hipStreamAddCallback(NULL, take_status, &status, 0));
    hip_fails(hipStreamSynchronize(NULL), HIP_ERROR_ILLEGAL_ADDRESS);
    assert_int_equal(status, HIP_ERROR_ILLEGAL_ADDRESS);
    assert_int_equal(p[0], 0);
    assert_int_equal(p[1], 0);
    hip_ok(hipSetDevice(loaded[0].device));
    hip_ok(launch(other, 1, 64, params));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(p[0], 5);
    expect_fault(loaded[1].device, HIP_ERROR_ILLEGAL_ADDRESS);
    hip_ok(hipHostFree(p));
}

/* ---- threads ---- */

typedef struct thread_case {
    int arch, rounds;
    bool ok;
} thread_case;

static void *launch_in_a_stream(void *user)
{
    thread_case *c = user;
    hip_stream stream;
    hip_function f;
    int *in, *out, expected = 0;
    bool ok = hipSetDevice(loaded[c->arch].device) == HIP_SUCCESS &&
              hipModuleGetFunction(&f, loaded[c->arch].module, "reduce") == HIP_SUCCESS &&
              hipStreamCreateWithFlags(&stream, HIP_STREAM_NON_BLOCKING) == HIP_SUCCESS &&
              hipMallocAsync((void **)&in, 8 * 1024, stream) == HIP_SUCCESS &&
              hipHostMalloc((void **)&out, 32, 0) == HIP_SUCCESS;
    for (int round = 1; ok && round <= c->rounds; round++) {
        void *params[] = {&in, &out};
        expected = 256 * round;
        ok = hipMemsetD32Async(in, round, 2048, stream) == HIP_SUCCESS &&
             hipModuleLaunchKernel(f, 8, 1, 1, 256, 1, 1, 0, stream, params, NULL) == HIP_SUCCESS &&
             hipStreamSynchronize(stream) == HIP_SUCCESS;
        for (int b = 0; b < 8; b++)
            ok = ok && out[b] == expected;
    }
    c->ok = ok && hipFreeAsync(in, stream) == HIP_SUCCESS &&
            hipStreamDestroy(stream) == HIP_SUCCESS && hipHostFree(out) == HIP_SUCCESS;
    return NULL;
}

static void threads_launch_at_the_same_time(void **state)
{
    (void)state;
    thread_case cases[4] = {{1, 10, false}, {1, 10, false}, {0, 10, false}, {2, 10, false}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, launch_in_a_stream, &cases[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(cases[i].ok);
    }
}

/* ---- damaged code objects ---- */

typedef struct range {
    size_t at, size;
} range;

/* File range of the instructions: damaged ones may loop for ever, which is no error. */
static range instructions(const char *elf)
{
    Elf64_Ehdr eh;
    memcpy(&eh, elf, sizeof eh);
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        memcpy(&ph, elf + eh.e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X))
            return (range){ph.p_offset, ph.p_filesz};
    }
    fail_msg("no executable segment");
    return (range){0, 0};
}

static void damage(char *elf, size_t size, range spared, int count, uint32_t *seed)
{
    while (count > 0) {
        *seed = *seed * 1664525u + 1013904223u;
        size_t at = 4 + (*seed >> 8) % (size - 4);
        if (at >= spared.at && at - spared.at < spared.size)
            continue;
        elf[at] = (char)(*seed >> 3);
        count--;
    }
}

static void launch_damaged(hip_module module)
{
    hip_function f;
    if (hipModuleGetFunction(&f, module, "add") != HIP_SUCCESS)
        return;
    add_arrays v = make_add(64);
    add_args args = {v.out, v.a, v.b, v.n, 1.0f};
    size_t size = sizeof args;
    void *extra[] = {HIP_EXTRA_BUFFER_POINTER, &args, HIP_EXTRA_BUFFER_SIZE, &size, HIP_EXTRA_END};
    if (hipModuleLaunchKernel(f, 1, 1, 1, 64, 1, 1, 0, NULL, NULL, extra) == HIP_SUCCESS)
        (void)hipDeviceSynchronize();
    hip_ok(hipDeviceReset()); /* frees the arrays, too */
}

/* Every outcome is allowed but a crash, or damage to what is loaded later. */
static void damaged_real_code_objects_do_no_harm(void **state)
{
    (void)state;
    helper_blob code = compile("gfx942", source);
    range spared = instructions(code.data);
    char *copy = malloc(code.size);
    uint32_t seed = 5;
    hip_ok(hipSetDevice(loaded[1].device));
    for (int round = 0; round < 400; round++) {
        hip_module module;
        memcpy(copy, code.data, code.size);
        damage(copy, code.size, spared, 1 + round % 4, &seed);
        if (hipModuleLoadData(&module, copy) != HIP_SUCCESS)
            continue;
        if (round % 8 == 0) /* each starts by a disassembly */
            launch_damaged(module);
        hip_ok(hipModuleUnload(module));
    }
    free(copy);
    helper_blob_free(&code);
    arguments_by_a_packed_buffer(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_by_pointers),
        cmocka_unit_test(arguments_by_a_packed_buffer),
        cmocka_unit_test(workgroups_share_lds_and_synchronise),
        cmocka_unit_test(lds_is_addressed_from_behind),
        cmocka_unit_test(dynamic_lds_is_as_large_as_asked_for),
        cmocka_unit_test(hidden_arguments_describe_the_launch),
        cmocka_unit_test(every_workgroup_and_work_item_runs_once),
        cmocka_unit_test(the_ext_launch_counts_work_items_and_records_events),
        cmocka_unit_test(device_variables_keep_their_values),
        cmocka_unit_test(limits_are_checked_before_anything_runs),
        cmocka_unit_test(arguments_have_a_limit),
        cmocka_unit_test(functions_have_attributes),
        cmocka_unit_test(statistics_count_what_ran),
        cmocka_unit_test(a_store_behind_an_allocation_is_reported),
        cmocka_unit_test(an_access_across_the_end_is_a_fault),
        cmocka_unit_test(a_load_of_freed_memory_is_reported),
        cmocka_unit_test(a_null_pointer_is_reported),
        cmocka_unit_test(an_instruction_that_cannot_be_executed_fails_the_launch),
        cmocka_unit_test(host_memory_must_be_registered),
        cmocka_unit_test(code_objects_are_not_writable),
        cmocka_unit_test(other_devices_memory_needs_peer_access),
        cmocka_unit_test(a_fault_stops_its_device_only),
        cmocka_unit_test(threads_launch_at_the_same_time),
        cmocka_unit_test(damaged_real_code_objects_do_no_harm),
    };
    return cmocka_run_group_tests_name("sim launches", tests, setup, teardown);
}
