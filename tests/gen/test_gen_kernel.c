/* Kernel description: tiles, arguments, symbol, options. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gen/gen.h"
#include "tests/gen/parse.h"

static gen_kernel describe(const char *text)
{
    gen_kernel kernel;
    gen_config config = parse(text);
    gen_kernel_describe(&config, &kernel);
    return kernel;
}

/* Calls fn for every arch, dtype and pair of head_dims that is valid. */
static void for_each_shape(void (*fn)(const gen_config *, const gen_kernel *))
{
    gen_config config = { .op = GEN_FMHA_FWD, .gqa = 1 };
    char err[GEN_ERROR_MAX];
    for (size_t a = 0; (config.arch = gen_arch_at(a)); a++)
        for (config.dtype = GEN_FP16; config.dtype <= GEN_FP32; config.dtype++)
            for (config.hdqk = 8; config.hdqk <= 256; config.hdqk += 8)
                for (config.hdv = 8; config.hdv <= 256; config.hdv += 8) {
                    gen_kernel kernel;
                    if (!gen_config_validate(&config, err))
                        continue;
                    gen_kernel_describe(&config, &kernel);
                    fn(&config, &kernel);
                }
}

static void check_fits(const gen_config *config, const gen_kernel *kernel)
{
    assert_true(kernel->lds_bytes > 0 && kernel->lds_bytes <= config->arch->lds_bytes);
    assert_true(kernel->hdqk_pad >= config->hdqk && kernel->hdqk_pad <= 256);
    assert_true(kernel->hdv_pad >= config->hdv && kernel->hdv_pad <= 256);
    assert_int_equal(kernel->block % config->arch->wave_size, 0);
    assert_true(kernel->block <= 1024 && kernel->tile_q > 0 && kernel->tile_k > 0);
}

static void test_every_shape_fits_the_machine(void **state)
{
    (void)state;
    for_each_shape(check_fits);
}

/* A merge's thread has 16 bytes; a workgroup has whole rows, as many as it has threads for. */
static void test_merge_tiles(void **state)
{
    (void)state;
    gen_kernel kernel = describe("merge_states arch=gfx942 dtype=bf16 hdv=128");
    assert_int_equal(kernel.tile_q, 16);
    assert_int_equal(describe("merge_states arch=gfx942 dtype=fp32 hdv=200").tile_q, 5);
    assert_int_equal(describe("merge_states arch=gfx1201 dtype=fp32 hdv=8").tile_q, 128);
    /* 6 pointers, 15 strides, 3 ints. */
    assert_int_equal(kernel.kernarg_bytes, 21 * 8 + 3 * 4);
    assert_int_equal(kernel.lds_bytes, 0);
}

/* A matrix instruction covers 32 query rows or keys and at least 8 of a head_dim. */
static void check_matrix_shape(const gen_config *config, const gen_kernel *kernel)
{
    if (config->dtype == GEN_FP32)
        return;
    assert_int_equal(kernel->tile_q % (32 * kernel->block / 64), 0);
    assert_int_equal(kernel->tile_k % 32, 0);
    assert_int_equal(kernel->hdqk_pad % 16, 0);
    assert_int_equal(kernel->hdv_pad % 32, 0);
}

static void test_matrix_tiles_are_whole_instructions(void **state)
{
    (void)state;
    for_each_shape(check_matrix_shape);
}

/* ---- Arguments: this structure is written by hand from the argument list, field by field. ---- */

struct forward_args {
    const void *q, *k, *v;
    void *out;
    float *lse;
    long long q_stride_batch, q_stride_row, q_stride_head;
    long long k_stride_batch, k_stride_row, k_stride_head;
    long long v_stride_batch, v_stride_row, v_stride_head;
    long long out_stride_batch, out_stride_row, out_stride_head;
    long long lse_stride_batch, lse_stride_head;
    int batch, num_heads, seqlen_q, seqlen_k;
    float scale_log2;
};

#define SIZE(name) sizeof((struct forward_args *)0)->name
#define FIELD(type, name) { #name, type, offsetof(struct forward_args, name), SIZE(name), 0, "" }
#define POINTER(type, name) FIELD(type " *", name)
#define STRIDE(name) FIELD("long long", name)
#define INT(name) FIELD("int", name)

static void test_arguments_match_a_c_struct(void **state)
{
    (void)state;
    static const gen_arg expected[] = {
        POINTER("const void", q), POINTER("const void", k), POINTER("const void", v),
        POINTER("void", out), POINTER("float", lse),
        STRIDE(q_stride_batch), STRIDE(q_stride_row), STRIDE(q_stride_head),
        STRIDE(k_stride_batch), STRIDE(k_stride_row), STRIDE(k_stride_head),
        STRIDE(v_stride_batch), STRIDE(v_stride_row), STRIDE(v_stride_head),
        STRIDE(out_stride_batch), STRIDE(out_stride_row), STRIDE(out_stride_head),
        STRIDE(lse_stride_batch), STRIDE(lse_stride_head),
        INT(batch), INT(num_heads), INT(seqlen_q), INT(seqlen_k),
        FIELD("float", scale_log2),
    };
    gen_kernel kernel = describe("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128");
    assert_int_equal(kernel.num_args, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < kernel.num_args; i++) {
        assert_string_equal(kernel.args[i].name, expected[i].name);
        assert_string_equal(kernel.args[i].type, expected[i].type);
        assert_int_equal(kernel.args[i].offset, expected[i].offset);
        assert_int_equal(kernel.args[i].size, expected[i].size);
        assert_true(strlen(kernel.args[i].meaning) > 10);
    }
    /* 5 pointers and 14 strides of 8 bytes, 4 ints and a float of 4. */
    assert_int_equal(kernel.kernarg_bytes, 19 * 8 + 5 * 4);
}

/* ---- Symbol and options ---- */

static void test_symbol_describes_the_configuration(void **state)
{
    (void)state;
    gen_kernel kernel;
    kernel = describe("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal gqa=8 lse=1");
    assert_string_equal(kernel.symbol, "fmha_fwd_gfx942_bf16_hd128x128_causal_g8_lse");
    kernel = describe("fmha_fwd arch=gfx90a dtype=fp16 hdqk=192 hdv=128");
    assert_string_equal(kernel.symbol, "fmha_fwd_gfx90a_fp16_hd192x128_full_g1");
    kernel = describe("merge_states arch=gfx942 dtype=bf16 hdv=128 lse=1");
    assert_string_equal(kernel.symbol, "merge_states_gfx942_bf16_hd128_lse");
    gen_kernel longest =
        describe("fmha_fwd arch=gfx1201 dtype=fp32 hdqk=256 mask=causal gqa=2147483647 lse=1");
    assert_string_equal(longest.symbol, "fmha_fwd_gfx1201_fp32_hd256x256_causal_g2147483647_lse");
    for (const char *c = longest.symbol; *c; c++)
        assert_true(isalnum((unsigned char)*c) || *c == '_');
}

static void test_options_name_the_arch(void **state)
{
    (void)state;
    const gen_arch *arch;
    for (size_t i = 0; (arch = gen_arch_at(i)); i++) {
        gen_config config = { .op = GEN_FMHA_FWD, .arch = arch, .dtype = GEN_FP32, .gqa = 1 };
        char first[64];
        int n = snprintf(first, sizeof first, "--offload-arch=%s\n", arch->name);
        const char *options = gen_options(&config);
        assert_int_equal(strncmp(options, first, (size_t)n), 0);
        assert_non_null(strstr(options, "\n--hiprtc-no-builtin-header\n"));
        assert_non_null(strstr(options, "\n-nogpuinc\n"));
        assert_null(strstr(options, "fast-math"));
        assert_null(strstr(options, "\n\n"));
        assert_null(strpbrk(options, " \t"));
    }
}

static void test_digest_is_64_hex_digits(void **state)
{
    (void)state;
    assert_int_equal(strlen(gen_digest()), 64);
    assert_int_equal(strspn(gen_digest(), "0123456789abcdef"), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape_fits_the_machine),
        cmocka_unit_test(test_merge_tiles),
        cmocka_unit_test(test_matrix_tiles_are_whole_instructions),
        cmocka_unit_test(test_arguments_match_a_c_struct),
        cmocka_unit_test(test_symbol_describes_the_configuration),
        cmocka_unit_test(test_options_name_the_arch),
        cmocka_unit_test(test_digest_is_64_hex_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
