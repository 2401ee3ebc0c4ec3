/* Compiled kernels that reach memory in every way: scratch, generic pointers, atomics, narrow
 * types, bounded buffers, direct loads to LDS, matrix instructions. Results are compared with the
 * same computation on the host. */
#include "hip_support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const archs[] = {"gfx90a", "gfx942", "gfx950"};
enum { NUM_ARCHS = 3, GFX90A = 0, GFX942, GFX950 };

static const char source[] =
    "typedef unsigned char u8; typedef unsigned short u16; typedef unsigned long long u64;\n"
    "typedef _Float16 half4 __attribute__((ext_vector_type(4)));\n"
    "typedef float float16 __attribute__((ext_vector_type(16)));\n"
    "typedef int int4_ __attribute__((ext_vector_type(4)));\n"
    /* a private array with run-time indices lives in scratch */
    "extern \"C\" __global__ void scratch(unsigned *out, int n) {\n"
    "    unsigned a[48]; u8 b[24];\n"
    "    for (int i = 0; i < 48; i++) a[i] = i * 3u + tid();\n"
    "    for (int i = 0; i < 24; i++) b[i] = (u8)(i * 5 + tid());\n"
    "    for (int i = 0; i < n; i++) {\n"
    "        unsigned j = (i * 7u + tid()) % 48, k = (i * 11u + tid() * 3u) % 48;\n"
    "        a[j] = a[j] * 5u + a[k] + b[(i + tid()) % 24];\n"
    "        b[(j + k) % 24] = (u8)a[k];\n"
    "    }\n"
    "    unsigned sum = 0;\n"
    "    for (int i = 0; i < 48; i++) sum = sum * 31u + a[i] + b[i / 2];\n"
    "    out[tid()] = sum;\n"
    "}\n"
    /* which memory a pointer means is known at run time only */
    "__attribute__((noinline)) __device__ void bump(volatile unsigned *p, unsigned by) { *p = *p * "
    "2 + by; }\n"
    "extern \"C\" __global__ void generic(unsigned *out, unsigned *global, const int *choice) {\n"
    "    __shared__ unsigned lds[64];\n"
    "    unsigned mine[4] = {1, 2, 3, 4};\n"
    "    lds[tid()] = 100 + tid();\n"
    "    sync();\n"
    "    unsigned *p = choice[tid()] == 0 ? lds + tid() : choice[tid()] == 1 ? global + tid() : "
    "mine + tid() % 4;\n"
    "    bump(p, tid());\n"
    "    bump(p, 7);\n"
    "    unsigned sum = 0;\n"
    "    for (int i = 0; i < 4; i++) sum = sum * 10 + mine[i];\n"
    "    out[tid()] = *p + 1000 * sum;\n"
    "}\n"
    "extern \"C\" __global__ void atomics(int *sums, u64 *wide, float *f, int *old) {\n"
    "    __shared__ int lds[2];\n"
    "    if (tid() < 2) lds[tid()] = 0;\n"
    "    sync();\n"
    "    __atomic_fetch_add(&lds[0], (int)tid(), __ATOMIC_RELAXED);\n"
    "    __atomic_fetch_or(&lds[1], 1 << tid() % 31, __ATOMIC_RELAXED);\n"
    "    old[bid() * 64 + tid()] = __atomic_fetch_add(&sums[0], 1, __ATOMIC_RELAXED);\n"
    "    __hip_atomic_fetch_max(&sums[1], (int)(bid() * 64 + tid()), __ATOMIC_RELAXED, "
    "__HIP_MEMORY_SCOPE_AGENT);\n"
    "    __atomic_fetch_add(wide, 0x100000001ull, __ATOMIC_RELAXED);\n"
    "    int seen = 0, want;\n" /* multiplies by compare and swap: every thread adds one through its
                                   own loop */
    "    do { want = seen; seen = __sync_val_compare_and_swap(&sums[4], want, want + 3); } while "
    "(seen != want);\n"
    "    __hip_atomic_fetch_add(f, 0.5f, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);\n"
    "    sync();\n"
    "    if (tid() == 0) { __atomic_fetch_add(&sums[2], lds[0], __ATOMIC_RELAXED);\n"
    "                      __atomic_fetch_or(&sums[3], lds[1], __ATOMIC_RELAXED); }\n"
    "}\n"
    "extern \"C\" __global__ void narrow(short *out16, u8 *out8, const signed char *in8, const u16 "
    "*in16) {\n"
    "    __shared__ signed char a[256]; __shared__ u16 b[256];\n"
    "    a[tid()] = in8[tid()]; b[255 - tid()] = in16[tid()];\n"
    "    sync();\n"
    "    out16[tid()] = (short)(a[255 - tid()] * 3 + b[tid()]);\n"
    "    out8[tid()] = (u8)(b[tid()] >> 8) ^ (u8)a[tid()];\n"
    "}\n"
    "extern \"C\" __global__ void bounded(int *out, int *p, int bytes) {\n"
    "    __amdgpu_buffer_rsrc_t r = __builtin_amdgcn_make_buffer_rsrc(p, 0, bytes, 0x27000);\n"
    "    int4_ v = __builtin_amdgcn_raw_buffer_load_b128(r, tid() * 16, 4, 0);\n"
    "    for (int i = 0; i < 4; i++) out[tid() * 4 + i] = v[i];\n"
    "    __builtin_amdgcn_raw_buffer_store_b32(-1, r, tid() * 16 + 12, 0, 0);\n"
    "}\n"
    "extern \"C\" __global__ void direct(int *out, int *p, int bytes) {\n"
    "    __shared__ int lds[64 * 4 + 8];\n"
    "    __amdgpu_buffer_rsrc_t r = __builtin_amdgcn_make_buffer_rsrc(p, 0, bytes, 0x27000);\n"
    "    for (int i = 0; i < 4; i++)\n"
    "        __builtin_amdgcn_raw_ptr_buffer_load_lds(r, (__attribute__((address_space(3))) void "
    "*)(lds + 8 + 64 * i), 4,\n"
    "                                                 (63 - tid()) * 4, 256 * i, 0, 0);\n"
    "    __builtin_amdgcn_s_waitcnt(0);\n"
    "    sync();\n"
    "    for (int i = 0; i < 4; i++) out[64 * i + tid()] = lds[8 + 64 * i + tid()];\n"
    "}\n"
    "extern \"C\" __global__ void multiply(float *c, const _Float16 *a, const _Float16 *b) {\n"
    "    half4 x, y; float16 sum = {};\n"
    "    for (int k0 = 0; k0 < 32; k0 += 8) {\n"
    "        for (int e = 0; e < 4; e++) {\n"
    "            x[e] = a[(tid() % 32) * 32 + k0 + 4 * (tid() / 32) + e];\n"
    "            y[e] = b[(k0 + 4 * (tid() / 32) + e) * 32 + tid() % 32];\n"
    "        }\n"
    "        sum = __builtin_amdgcn_mfma_f32_32x32x8f16(x, y, sum, 0, 0, 0);\n"
    "    }\n"
    "    for (int r = 0; r < 16; r++) c[(8 * (r / 4) + 4 * (tid() / 32) + r % 4) * 32 + tid() % "
    "32] = sum[r];\n"
    "}\n"
    "#ifdef __gfx950__\n"
    "typedef short short4_ __attribute__((ext_vector_type(4)));\n"
    "extern \"C\" __global__ void transpose(short *out, int *p) {\n" /* 16-byte loads to LDS,
                                                                        transposing reads */
    "    __shared__ int lds[64 * 4];\n"
    "    __amdgpu_buffer_rsrc_t r = __builtin_amdgcn_make_buffer_rsrc(p, 0, 1024, 0x27000);\n"
    "    __builtin_amdgcn_raw_ptr_buffer_load_lds(r, (__attribute__((address_space(3))) void "
    "*)lds, 16, tid() * 16, 0, 0, 0);\n"
    "    __builtin_amdgcn_s_waitcnt(0);\n"
    "    sync();\n"
    /* rows of 16 shorts: group g of 16 lanes takes rows 4g..4g+3, and in a second read rows 16 +
       4g.. */
    "    for (int i = 0; i < 2; i++) {\n"
    "        short4_ v = "
    "__builtin_amdgcn_ds_read_tr16_b64_v4i16((__attribute__((address_space(3))) short4_ *)\n"
    "            ((__attribute__((address_space(3))) char *)lds + 512 * i + tid() * 8));\n"
    "        for (int e = 0; e < 4; e++) out[i * 256 + tid() * 4 + e] = v[e];\n"
    "    }\n"
    "}\n"
    "#endif\n";

static hip_module modules[NUM_ARCHS];
static int devices[NUM_ARCHS];

static int setup(void **state)
{
    (void)state;
    quiet();
    for (int i = 0; i < NUM_ARCHS; i++) {
        helper_blob code = compile(archs[i], source);
        devices[i] = device_of_arch(archs[i]);
        hip_ok(hipSetDevice(devices[i]));
        hip_ok(hipModuleLoadData(&modules[i], code.data));
        helper_blob_free(&code);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < NUM_ARCHS; i++)
        hip_ok(hipModuleUnload(modules[i]));
    return 0;
}

/* Device memory is host memory here: tests fill and read it directly. */
static void *array(int arch, size_t size)
{
    void *p;
    hip_ok(hipSetDevice(devices[arch]));
    hip_ok(hipMalloc(&p, size));
    return p;
}

static void run(int arch, const char *name, unsigned grid, unsigned block, void **params)
{
    hip_function f;
    hip_ok(hipSetDevice(devices[arch]));
    hip_ok(hipModuleGetFunction(&f, modules[arch], name));
    hip_ok(hipModuleLaunchKernel(f, grid, 1, 1, block, 1, 1, 0, NULL, params, NULL));
    hip_ok(hipDeviceSynchronize());
}

static unsigned scratch_on_host(unsigned tid, int n)
{
    unsigned a[48], sum = 0;
    uint8_t b[24];
    for (unsigned i = 0; i < 48; i++)
        a[i] = i * 3 + tid;
    for (unsigned i = 0; i < 24; i++)
        b[i] = (uint8_t)(i * 5 + tid);
    for (int i = 0; i < n; i++) {
        const unsigned j = ((unsigned)i * 7 + tid) % 48, k = ((unsigned)i * 11 + tid * 3) % 48;
        a[j] = a[j] * 5 + a[k] + b[((unsigned)i + tid) % 24];
        b[(j + k) % 24] = (uint8_t)a[k];
    }
    for (unsigned i = 0; i < 48; i++)
        sum = sum * 31 + a[i] + b[i / 2];
    return sum;
}

static void private_arrays_in_scratch(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        unsigned *out = array(arch, 4 * 128);
        int n = 300;
        run(arch, "scratch", 1, 128, (void *[]){&out, &n});
        for (unsigned t = 0; t < 128; t++)
            assert_int_equal(out[t], scratch_on_host(t, n));
        hip_ok(hipFree(out));
    }
}

static void pointers_to_any_memory(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        unsigned *out = array(arch, 256), *global = array(arch, 256);
        int *choice = array(arch, 256);
        for (int t = 0; t < 64; t++) {
            global[t] = 5000u + (unsigned)t;
            choice[t] = t % 3;
        }
        run(arch, "generic", 1, 64, (void *[]){&out, &global, &choice});
        for (unsigned t = 0; t < 64; t++) {
            unsigned mine[4] = {1, 2, 3, 4}, lds = 100 + t, word = 5000 + t, sum = 0;
            unsigned *p = t % 3 == 0 ? &lds : t % 3 == 1 ? &word : mine + t % 4;
            *p = *p * 2 + t;
            *p = *p * 2 + 7;
            for (int i = 0; i < 4; i++)
                sum = sum * 10 + mine[i];
            assert_int_equal(out[t], *p + 1000 * sum);
            assert_int_equal(global[t], word);
        }
        hip_ok(hipFree(out));
        hip_ok(hipFree(global));
        hip_ok(hipFree(choice));
    }
}

static void atomics_over_workgroups(void **state)
{
    (void)state;
    enum { BLOCKS = 50, THREADS = BLOCKS * 64 };
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        int *sums = array(arch, 64), *old = array(arch, THREADS * 4);
        uint64_t *wide = array(arch, 8);
        float *f = array(arch, 4);
        static bool seen[THREADS];
        memset(seen, 0, sizeof seen);
        memset(sums, 0, 64);
        *wide = 0;
        *f = 0;
        run(arch, "atomics", BLOCKS, 64, (void *[]){&sums, &wide, &f, &old});
        assert_int_equal(sums[0], THREADS);
        assert_int_equal(sums[1], THREADS - 1);
        assert_int_equal(sums[2], BLOCKS * (63 * 64 / 2));
        assert_int_equal(sums[3], 0x7fffffff);
        assert_int_equal(sums[4], 3 * THREADS);
        assert_true(*wide == 0x100000001ull * THREADS);
        assert_true(*f == 0.5f * THREADS);
        for (int i = 0; i < THREADS; i++) { /* each old value once */
            assert_in_range(old[i], 0, THREADS - 1);
            assert_false(seen[old[i]]);
            seen[old[i]] = true;
        }
        hip_ok(hipFree(sums));
        hip_ok(hipFree(old));
        hip_ok(hipFree(wide));
        hip_ok(hipFree(f));
    }
}

static void bytes_and_shorts(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        int16_t *out16 = array(arch, 512);
        uint8_t *out8 = array(arch, 256);
        int8_t *in8 = array(arch, 256);
        uint16_t *in16 = array(arch, 512);
        for (int t = 0; t < 256; t++) {
            in8[t] = (int8_t)(t * 37);
            in16[t] = (uint16_t)(t * 4099);
        }
        run(arch, "narrow", 1, 256, (void *[]){&out16, &out8, &in8, &in16});
        for (int t = 0; t < 256; t++) {
            assert_int_equal(out16[t], (int16_t)(in8[255 - t] * 3 + in16[255 - t]));
            assert_int_equal(out8[t], (uint8_t)((in16[255 - t] >> 8) ^ (uint8_t)in8[t]));
        }
        hip_ok(hipFree(out16));
        hip_ok(hipFree(out8));
        hip_ok(hipFree(in8));
        hip_ok(hipFree(in16));
    }
}

/* Only `bytes` of 2048 are in range: reads behind give 0, stores are dropped. */
static void buffers_with_bounds(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        int *out = array(arch, 1024), *p = array(arch, 2048), bytes = 888;
        for (int i = 0; i < 512; i++)
            p[i] = 1000 + i;
        run(arch, "bounded", 1, 64, (void *[]){&out, &p, &bytes});
        for (int i = 0; i < 256; i++)
            assert_int_equal(out[i], 4 * i + 4 < bytes ? 1001 + i : 0);
        for (int i = 0; i < 512; i++)
            assert_int_equal(p[i], i % 4 == 3 && i < bytes / 4 ? -1 : 1000 + i);
        hip_ok(hipFree(out));
        hip_ok(hipFree(p));
    }
}

static void loads_to_lds(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        int *out = array(arch, 1024), *p = array(arch, 1024), bytes = 900;
        for (int i = 0; i < 256; i++)
            p[i] = 7 * i + 1;
        run(arch, "direct", 1, 64, (void *[]){&out, &p, &bytes});
        for (int i = 0; i < 256; i++) {
            const int from = i / 64 * 64 + 63 - i % 64;
            assert_int_equal(out[i], from < 225 ? 7 * from + 1 : 0);
        }
        hip_ok(hipFree(out));
        hip_ok(hipFree(p));
    }
}

/* Bits of a small integer as binary16. */
static uint16_t half_of(int v)
{
    int e;
    if (v == 0)
        return 0;
    const double m = frexp(abs(v), &e); /* in [0.5, 1) */
    return (uint16_t)((v < 0 ? 0x8000 : 0) | (e - 1 + 15) << 10 | (int)((2 * m - 1) * 1024));
}

static void matrix_product(void **state)
{
    (void)state;
    for (int arch = 0; arch < NUM_ARCHS; arch++) {
        uint16_t *a = array(arch, 2048), *b = array(arch, 2048);
        float *c = array(arch, 4096);
        for (int i = 0; i < 1024; i++) {
            a[i] = half_of(i * 7 % 401 - 200);
            b[i] = half_of(i * 11 % 301 - 150);
        }
        run(arch, "multiply", 1, 64, (void *[]){&c, &a, &b});
        for (int i = 0; i < 32; i++)
            for (int j = 0; j < 32; j++) {
                int sum = 0;
                for (int k = 0; k < 32; k++)
                    sum += ((i * 32 + k) * 7 % 401 - 200) * ((k * 32 + j) * 11 % 301 - 150);
                assert_true(c[i * 32 + j] == (float)sum);
            }
        hip_ok(hipFree(a));
        hip_ok(hipFree(b));
        hip_ok(hipFree(c));
    }
}

/* Row r of the 32 rows of 16 shorts holds 100 * r + column; lane l of group g gets column l % 16 of
 * rows 4g.. */
static void wide_loads_and_transposing_reads(void **state)
{
    (void)state;
    int16_t *out = array(GFX950, 1024), *p = array(GFX950, 1024);
    for (int i = 0; i < 512; i++)
        p[i] = (int16_t)(i / 16 * 100 + i % 16);
    run(GFX950, "transpose", 1, 64, (void *[]){&out, &p});
    for (int i = 0; i < 2; i++)
        for (int l = 0; l < 64; l++)
            for (int e = 0; e < 4; e++)
                assert_int_equal(out[i * 256 + l * 4 + e],
                                 (16 * i + 4 * (l / 16) + e) * 100 + l % 16);
    hip_ok(hipFree(out));
    hip_ok(hipFree(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_arrays_in_scratch),
        cmocka_unit_test(pointers_to_any_memory),
        cmocka_unit_test(atomics_over_workgroups),
        cmocka_unit_test(bytes_and_shorts),
        cmocka_unit_test(buffers_with_bounds),
        cmocka_unit_test(loads_to_lds),
        cmocka_unit_test(matrix_product),
        cmocka_unit_test(wide_loads_and_transposing_reads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
