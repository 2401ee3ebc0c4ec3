/* Rendered sources through the real compiler: what gen_kernel_describe() promises is what the code
 * object's metadata says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/gen.h"
#include "runtime/helper/helper.h"

static helper_pool *pool;

static int start_pool(void **state)
{
    (void)state;
    return helper_pool_create(&pool, NULL, 1, 120000) == HELPER_OK ? 0 : -1;
}

static int stop_pool(void **state)
{
    (void)state;
    helper_pool_destroy(pool);
    return 0;
}

/* The metadata text of the configuration's code object. */
static char *compile(const gen_config *config)
{
    helper_blob code = { 0 }, metadata = { 0 }, identity = { 0 }, log = { 0 };
    char *source = gen_render(config);
    assert_non_null(source);
    helper_status status = helper_compile(pool, "aiter_kernel.hip", source, gen_options(config),
                                          &code, &metadata, &identity, &log);
    if (status != HELPER_OK) {
        char text[GEN_TEXT_MAX];
        gen_config_print(config, text);
        fail_msg("%s: status %d: %s", text, (int)status, log.data ? log.data : "");
    }
    if (log.size > 0)
        fail_msg("the compiler has something to say: %s", log.data);
    free(source);
    helper_blob_free(&code);
    helper_blob_free(&identity);
    helper_blob_free(&log);
    return metadata.data;
}

/* Arguments in the signature come first, those that the compiler adds ("hidden_...") after them.
 * Metadata has no names for the arguments of HIP kernels. */
static void check_arguments(const gen_kernel *expected, const helper_kernel *kernel)
{
    assert_true(kernel->num_args >= expected->num_args);
    for (size_t i = 0; i < expected->num_args; i++) {
        bool pointer = strchr(expected->args[i].type, '*') != NULL;
        assert_string_equal(kernel->args[i].kind, pointer ? "global_buffer" : "by_value");
        assert_int_equal(kernel->args[i].offset, expected->args[i].offset);
        assert_int_equal(kernel->args[i].size, expected->args[i].size);
    }
    for (size_t i = expected->num_args; i < kernel->num_args; i++)
        assert_int_equal(strncmp(kernel->args[i].kind, "hidden_", 7), 0);
    assert_true(kernel->kernarg_segment_size >= expected->kernarg_bytes);
    assert_int_equal(kernel->kernarg_segment_align, 8);
}

/* Scalars that a wave has no register for go to lanes of a vector register: as many as one has. The
 * plain kernels have none. */
static unsigned spilled_scalars(const gen_kernel *expected)
{
    return expected->num_args > expected->num_common_args ? 64 : 0;
}

/* Registers never overflow into memory, and LDS and block are what the launcher is told. */
static void check_resources(const gen_config *config, const gen_kernel *expected,
                            const helper_kernel *kernel)
{
    assert_string_equal(kernel->name, expected->symbol);
    assert_int_equal(kernel->group_segment_fixed_size, expected->lds_bytes);
    assert_int_equal(kernel->max_flat_workgroup_size, expected->block);
    assert_int_equal(kernel->wavefront_size, config->arch->wave_size);
    assert_int_equal(kernel->private_segment_fixed_size, 0);
    assert_int_equal(kernel->vgpr_spill_count, 0);
    assert_true(kernel->sgpr_spill_count <= spilled_scalars(expected));
    assert_true(kernel->vgpr_count * (unsigned)expected->waves_per_simd <=
                (unsigned)config->arch->vgprs);
}

static void check_config(const gen_config *config)
{
    char text[GEN_TEXT_MAX];
    gen_kernel expected;
    helper_kernel *kernels = NULL;

    gen_config_print(config, text);
    print_message("%s\n", text);
    gen_kernel_describe(config, &expected);
    char *metadata = compile(config);
    assert_int_equal(helper_metadata_parse(metadata, &kernels), 1);
    check_arguments(&expected, &kernels[0]);
    check_resources(config, &expected, &kernels[0]);
    helper_kernels_free(kernels, 1);
    free(metadata);
}

static void check(const char *text)
{
    char err[GEN_ERROR_MAX];
    gen_config config;
    if (!gen_config_parse(text, &config, err))
        fail_msg("%s: %s", text, err);
    check_config(&config);
}

static void test_matrix_kernels(void **state)
{
    (void)state;
    check("fmha_fwd arch=gfx90a dtype=fp16 hdqk=64 mask=causal gqa=8");
    check("fmha_fwd arch=gfx90a dtype=bf16 hdqk=256 lse=1");
    check("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal gqa=8 lse=1");
    check("fmha_fwd arch=gfx942 dtype=fp16 hdqk=192 hdv=128");
    check("fmha_fwd arch=gfx942 dtype=bf16 hdqk=40 gqa=3");
    check("fmha_fwd arch=gfx950 dtype=fp16 hdqk=64");
    check("fmha_fwd arch=gfx950 dtype=bf16 hdqk=128 mask=causal gqa=8");
    check("fmha_fwd arch=gfx950 dtype=bf16 hdqk=256 mask=causal lse=1");
}

static void test_merge_kernels(void **state)
{
    (void)state;
    check("merge_states arch=gfx90a dtype=fp16 hdv=64 lse=1");
    check("merge_states arch=gfx942 dtype=bf16 hdv=128 lse=1");
    check("merge_states arch=gfx950 dtype=bf16 hdv=200");
    check("merge_states arch=gfx1100 dtype=fp32 hdv=8");
    check("merge_splits arch=gfx90a dtype=fp16 hdv=256 lse=1 listed=1");
    check("merge_splits arch=gfx942 dtype=bf16 hdv=200 listed=1");
    check("merge_splits arch=gfx950 dtype=bf16 hdv=8 lse=1 listed=1");
}

static void test_append_kernels(void **state)
{
    (void)state;
    check("kv_append arch=gfx90a dtype=fp16 hdqk=64 block_size=16");
    check("kv_append arch=gfx942 dtype=bf16 hdqk=128 block_size=64 rotary=half rotary_dim=128");
    check("kv_append arch=gfx942 dtype=bf16 hdqk=192 hdv=128 kv=fp8 rotary=interleaved rotary_dim=64");
    check("kv_append arch=gfx950 dtype=fp16 hdqk=256 block_size=1024 kv=fp8 rotary=half "
          "rotary_dim=256");
    check("kv_append arch=gfx1100 dtype=fp32 hdqk=256 rotary=interleaved rotary_dim=32");
    check("kv_append arch=gfx1201 dtype=fp32 hdqk=8");
}

static void test_portable_kernels(void **state)
{
    (void)state;
    check("fmha_fwd arch=gfx90a dtype=fp32 hdqk=32");
    check("fmha_fwd arch=gfx942 dtype=fp32 hdqk=256 mask=causal lse=1");
    check("fmha_fwd arch=gfx950 dtype=fp32 hdqk=192 hdv=128 gqa=4");
    check("fmha_fwd arch=gfx1100 dtype=fp32 hdqk=128 mask=causal gqa=8 lse=1");
    check("fmha_fwd arch=gfx1201 dtype=fp32 hdqk=256");
    /* These need the most registers of all head_dims. */
    check("fmha_fwd arch=gfx90a dtype=fp32 hdqk=88");
    check("fmha_fwd arch=gfx942 dtype=fp32 hdqk=64 hdv=256 lse=1");
    check("fmha_fwd arch=gfx1100 dtype=fp32 hdqk=8 hdv=256 mask=causal lse=1");
    check("fmha_fwd arch=gfx1201 dtype=fp32 hdqk=112 mask=causal lse=1");
}

/* Those that take the most registers: both numbers of rows at large head_dims. */
static void test_decode_kernels(void **state)
{
    (void)state;
    static const char *const archs[] = { "gfx90a", "gfx942", "gfx950" };
    static const char *const shapes[] = {
        "dtype=bf16 hdqk=128 rows=16 gqa=8 mask=causal lse=1 seqlens_k=used block_size=16",
        "dtype=bf16 hdqk=128 rows=32 gqa=8 mask=causal lse=1 seqlens_k=used block_size=64",
        "dtype=fp16 hdqk=256 rows=16 mask=causal block_size=128",
        "dtype=bf16 hdqk=256 rows=32 mask=causal lse=1 seqlens_k=used block_size=48",
        "dtype=bf16 hdqk=192 hdv=128 rows=32",
        "dtype=fp16 hdqk=40 rows=32 lse=1 seqlens_k=used",
        "dtype=bf16 hdqk=256 rows=32 lse=1 block_size=16 window=both softcap=1 alibi=1 sink=1 bias=1",
        "dtype=bf16 hdqk=192 hdv=128 rows=32 lse=1 seqlens_k=used window=both softcap=1 bias=1",
        "dtype=bf16 hdqk=256 rows=32 mask=causal seqlens_k=used block_size=16 append=1 rotary=half "
        "rotary_dim=256",
    };
    static const char *const fp8[] = {
        "dtype=bf16 hdqk=128 rows=16 gqa=8 mask=causal lse=1 seqlens_k=used block_size=16 kv=fp8",
        "dtype=bf16 hdqk=256 rows=32 block_size=16 window=both softcap=1 alibi=1 bias=1 kv=fp8",
    };
    char text[GEN_TEXT_MAX];
    for (int a = 0; a < 3; a++) {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            snprintf(text, sizeof text, "fmha_decode arch=%s %s", archs[a], shapes[i]);
            check(text);
        }
        for (size_t i = 0; a > 0 && i < sizeof fp8 / sizeof fp8[0]; i++) {
            snprintf(text, sizeof text, "fmha_decode arch=%s %s", archs[a], fp8[i]);
            check(text);
        }
        snprintf(text, sizeof text, "merge_splits arch=%s dtype=bf16 hdv=128 lse=1", archs[a]);
        check(text);
    }
}

/* The head_dims that models have, on every arch in every type. */
static void test_every_arch_and_type(void **state)
{
    (void)state;
    static const int head_dims[][2] = { { 32, 32 },   { 64, 64 },   { 96, 96 },  { 128, 128 },
                                        { 192, 128 }, { 192, 192 }, { 256, 256 } };
    char err[GEN_ERROR_MAX];
    gen_config c = { .op = GEN_FMHA_FWD, .gqa = 1 };
    for (size_t a = 0; (c.arch = gen_arch_at(a)); a++)
        for (c.dtype = GEN_FP16; c.dtype <= GEN_FP32; c.dtype++)
            for (size_t h = 0; h < sizeof head_dims / sizeof head_dims[0]; h++) {
                c.hdqk = head_dims[h][0];
                c.hdv = head_dims[h][1];
                c.mask = GEN_MASK_CAUSAL;
                c.lse = true;
                if (gen_config_validate(&c, err))
                    check_config(&c);
            }
}

/* Operations and variants: each by itself and those that take the most registers together. All of
 * the product with AITER_TEST_ALL. */
#define ALIBI "score - exp2(-0.5f * (h + 1)) * abs(kv_idx - (q_idx + kv_len - q_len))"
#define DOCUMENT "((const int *)user)[kv_idx] == ((const int *)user)[q_idx]"

static const char *const variants[] = {
    "window=both",
    "softcap=1 lse=1",
    "alibi=1 mask=causal",
    "bias=1 sink=1 rounding=truncate",
    "seqlens_q=used seqlens_k=used mask=causal",
    "seqlens_q=cu seqlens_k=cu lse=1",
    "seqlens_q=packed seqlens_k=packed mask=causal window=left",
    "seqlens_k=used block_size=16 mask=causal gqa=8",
    "seqlens_k=used block_size=64 kv=fp8 mask=causal window=left lse=1",
    "seqlens_q=packed seqlens_k=packed window=both softcap=1 alibi=1 sink=1 bias=1 lse=1",
    "seqlens_q=cu seqlens_k=used block_size=48 window=both softcap=1 alibi=1 sink=1 bias=1 lse=1",
    "seqlens_q=cu seqlens_k=used block_size=48 window=both softcap=1 alibi=1 sink=1 bias=1 lse=1 "
    "kv=fp8",
    "seqlens_k=used window=both softcap=1 alibi=1 sink=1 bias=1 kv=fp8",
    "seqlens_k=used block_size=16 mask=causal gqa=8 pack=1",
    "seqlens_q=cu seqlens_k=used block_size=16 mask=causal gqa=8 lse=1 pack=1 splits=1",
    "seqlens_q=packed seqlens_k=packed window=both softcap=1 alibi=1 sink=1 bias=1 lse=1 gqa=5 pack=1 splits=1",
    "seqlens_q=cu seqlens_k=used block_size=48 window=both softcap=1 alibi=1 sink=1 bias=1 lse=1 "
    "kv=fp8 gqa=4 pack=1 splits=1",
    "seqlens_k=used block_size=16 append=1 rotary=half rotary_dim=32 mask=causal gqa=8",
    "seqlens_k=used block_size=48 window=both softcap=1 alibi=1 sink=1 bias=1 lse=1 append=1 "
    "rotary=interleaved rotary_dim=32",
    "score_mod=\"" ALIBI "\" mask=causal lse=1",
    "score_mod=\"30 * tanh(score / 30)\"",
    "mask_mod=\"" DOCUMENT "\" block_mask=128",
    "mask_mod=\"" DOCUMENT "\" block_mask=256 seqlens_q=cu seqlens_k=used block_size=16 window=both lse=1",
    "score_mod=\"" ALIBI "\" mask_mod=\"" DOCUMENT "\" block_mask=128 softcap=1 alibi=1 sink=1 bias=1 "
    "window=both seqlens_q=packed seqlens_k=packed",
};

/* `fields` belong to each; one in `part` without AITER_TEST_ALL. */
static void check_product(const char *op, const char *fields, int part)
{
    static const char *const dims[] = { "32", "40", "64",  "96",         "128",
                                        "160", "192", "224", "192 hdv=128", "256" };
    static const char *const archs[] = { "gfx90a", "gfx942", "gfx950" };
    enum { NUM_VARIANTS = sizeof variants / sizeof variants[0], NUM_DIMS = 10 };
    const bool all = getenv("AITER_TEST_ALL") != NULL;
    for (int i = 0; i < 3 * 3 * NUM_DIMS * NUM_VARIANTS; i++) {
        int dtype = i % 3, arch = i / 3 % 3, dim = i / 9 % NUM_DIMS, variant = i / 9 / NUM_DIMS;
        char text[GEN_TEXT_MAX], err[GEN_ERROR_MAX];
        gen_config config;
        if (!all && i % part != 0)
            continue;
        snprintf(text, sizeof text, "%s arch=%s dtype=%s hdqk=%s %s %s", op, archs[arch],
                 gen_dtype_name((gen_dtype)dtype), dims[dim], variants[variant], fields);
        if (gen_config_parse(text, &config, err))
            check_config(&config);
        else
            assert_true(strstr(err, "kv=fp8") || strstr(err, "fmha_decode") ||
                        strstr(err, ": unknown field; ") || /* of the other operation */
                        strstr(err, "splits=1: expected 0 with dtype=fp32"));
    }
}

static void test_no_variant_needs_scratch(void **state)
{
    (void)state;
    check_product("fmha_fwd", "", 31);
    check_product("fmha_decode", "rows=16", 97);
    check_product("fmha_decode", "rows=32", 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_arch_and_type),
        cmocka_unit_test(test_matrix_kernels),
        cmocka_unit_test(test_merge_kernels),
        cmocka_unit_test(test_decode_kernels),
        cmocka_unit_test(test_append_kernels),
        cmocka_unit_test(test_portable_kernels),
        cmocka_unit_test(test_no_variant_needs_scratch),
    };
    return cmocka_run_group_tests(tests, start_pool, stop_pool);
}
