/* Configuration: validation, canonical text, parser. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/gen.h"

static gen_config sample(void)
{
    return (gen_config){ .op = GEN_FMHA_FWD,
                         .arch = gen_arch_find("gfx942"),
                         .dtype = GEN_BF16,
                         .hdqk = 128,
                         .hdv = 128,
                         .mask = GEN_MASK_CAUSAL,
                         .gqa = 8,
                         .lse = false };
}

static void assert_invalid(gen_config config, const char *message)
{
    char err[GEN_ERROR_MAX];
    assert_false(gen_config_validate(&config, err));
    assert_string_equal(err, message);
}

static void assert_rejected(const char *text, const char *message)
{
    char err[GEN_ERROR_MAX];
    gen_config config = { .hdqk = -1 };
    assert_false(gen_config_parse(text, &config, err));
    assert_string_equal(err, message);
    assert_int_equal(config.hdqk, -1); /* untouched */
}

/* ---- Arch table ---- */

static void test_arch_lookup(void **state)
{
    (void)state;
    static const char *names[] = { "gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1201" };
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(gen_arch_at(i)->name, names[i]);
        assert_ptr_equal(gen_arch_find(names[i]), gen_arch_at(i));
    }
    assert_null(gen_arch_at(5));
    assert_null(gen_arch_at((size_t)-1));
    assert_ptr_equal(gen_arch_find("gfx942:sramecc+:xnack-"), gen_arch_at(1));
    assert_null(gen_arch_find("gfx94"));
    assert_null(gen_arch_find("gfx9420"));
    assert_null(gen_arch_find("GFX942"));
    assert_null(gen_arch_find(""));
    assert_null(gen_arch_find(":gfx942"));
    assert_null(gen_arch_find(NULL));
}

static void test_arch_facts_are_coherent(void **state)
{
    (void)state;
    const gen_arch *arch;
    for (size_t i = 0; (arch = gen_arch_at(i)); i++) {
        bool matrix = arch->mfma != GEN_MFMA_NONE;
        assert_int_equal(arch->wave_size, matrix ? 64 : 32);
        /* One SIMD's registers: 128 KiB on CDNA, 192 KiB on gfx11/12 with the large file. */
        assert_int_equal(arch->vgprs * arch->wave_size * 4, matrix ? 128 << 10 : 192 << 10);
        assert_int_equal(arch->num_cus % arch->num_xcds, 0);
        assert_true(arch->ds_read_tr == (arch->mfma == GEN_MFMA_CDNA4));
        assert_true(arch->lds_bytes >= 65536);
    }
}

/* ---- Validation ---- */

static void test_head_dims_outside_the_range_are_named(void **state)
{
    (void)state;
    static const int bad[] = { 0, 7, 59, 111, 264, -8, 4, 257, INT_MAX, INT_MIN };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char expected[GEN_ERROR_MAX];
        gen_config config = sample();
        config.hdqk = bad[i];
        snprintf(expected, sizeof expected, "hdqk=%d: expected a multiple of 8 from 8 to 256",
                 bad[i]);
        assert_invalid(config, expected);
        config = sample();
        config.hdv = bad[i];
        snprintf(expected, sizeof expected, "hdv=%d: expected a multiple of 8 from 8 to 256",
                 bad[i]);
        assert_invalid(config, expected);
    }
}

static void test_every_multiple_of_8_is_a_head_dim(void **state)
{
    (void)state;
    char err[GEN_ERROR_MAX];
    for (int hdqk = 8; hdqk <= 256; hdqk += 8) {
        for (int hdv = 8; hdv <= 256; hdv += 8) {
            gen_config config = sample();
            config.hdqk = hdqk;
            config.hdv = hdv;
            assert_true(gen_config_validate(&config, err));
            assert_string_equal(err, "");
        }
    }
}

static void test_16_bit_types_need_matrix_instructions(void **state)
{
    (void)state;
    char err[GEN_ERROR_MAX];
    gen_config config = sample();
    config.arch = gen_arch_find("gfx1100");
    assert_invalid(
        config,
        "dtype=bf16: not supported on arch gfx1100 (Radeon PRO W7900, RX 7900 XTX), which lacks "
        "the MFMA matrix instructions that fp16 and bf16 kernels are made of; expected dtype=fp32 "
        "there");
    config.arch = gen_arch_find("gfx1201");
    config.dtype = GEN_FP16;
    assert_invalid(
        config,
        "dtype=fp16: not supported on arch gfx1201 (RX 9070 XT), which lacks the MFMA matrix "
        "instructions that fp16 and bf16 kernels are made of; expected dtype=fp32 there");
    config.dtype = GEN_FP32;
    assert_true(gen_config_validate(&config, err));
}

static void test_other_fields_are_checked(void **state)
{
    (void)state;
    char err[GEN_ERROR_MAX];
    gen_config config = sample();
    config.arch = NULL;
    assert_invalid(config, "arch: not set; expected an entry of the arch table");
    config = sample();
    config.op = (gen_op)7;
    assert_invalid(config, "op=7: expected fmha_fwd (0)");
    config = sample();
    config.dtype = (gen_dtype)9;
    assert_invalid(config, "dtype=9: expected fp16, bf16 or fp32");
    config = sample();
    config.mask = (gen_mask)2;
    assert_invalid(config, "mask=2: expected none or causal");
    config = sample();
    config.gqa = 0;
    assert_invalid(config, "gqa=0: expected the number of query heads per KV head, 1 or more");
    config.gqa = -3;
    assert_invalid(config, "gqa=-3: expected the number of query heads per KV head, 1 or more");
    config.gqa = INT_MAX;
    assert_true(gen_config_validate(&config, err));
}

/* ---- Canonical text ---- */

static void test_print(void **state)
{
    (void)state;
    char text[GEN_TEXT_MAX];
    gen_config config = sample();
    gen_config_print(&config, text);
    assert_string_equal(text,
                        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=8 lse=0");
}

static void test_an_unset_configuration_can_be_printed(void **state)
{
    (void)state;
    char text[GEN_TEXT_MAX];
    gen_config config = { .dtype = (gen_dtype)9, .mask = (gen_mask)9, .hdqk = INT_MIN };
    gen_config_print(&config, text);
    assert_string_equal(text, "fmha_fwd arch=? dtype=? hdqk=-2147483648 hdv=0 mask=? gqa=0 lse=0");
}

static void test_parse_defaults_and_order(void **state)
{
    (void)state;
    static const char canonical[] =
        "fmha_fwd arch=gfx950 dtype=fp16 hdqk=192 hdv=192 mask=none gqa=1 lse=0";
    static const char *texts[] = {
        canonical,
        "fmha_fwd arch=gfx950 dtype=fp16 hdqk=192",
        "fmha_fwd hdqk=192 dtype=fp16 arch=gfx950",
        "  fmha_fwd\tlse=0  gqa=1 mask=none hdv=192 hdqk=0192 dtype=fp16 "
        "arch=gfx950:sramecc+:xnack- \r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX];
        gen_config config;
        assert_true(gen_config_parse(texts[i], &config, err));
        assert_string_equal(err, "");
        gen_config_print(&config, text);
        assert_string_equal(text, canonical);
    }
}

static void assert_same_config(const gen_config *a, const gen_config *b)
{
    assert_int_equal(a->op, b->op);
    assert_ptr_equal(a->arch, b->arch);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->hdqk, b->hdqk);
    assert_int_equal(a->hdv, b->hdv);
    assert_int_equal(a->mask, b->mask);
    assert_int_equal(a->gqa, b->gqa);
    assert_int_equal(a->lse, b->lse);
}

/* Prints and parses back if the configuration is valid; returns whether it was. */
static int round_trip(const gen_config *config)
{
    char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX];
    gen_config back;
    if (!gen_config_validate(config, err))
        return 0;
    gen_config_print(config, text);
    assert_true(gen_config_parse(text, &back, err));
    assert_same_config(config, &back);
    return 1;
}

static int round_trip_head_dims(gen_config config)
{
    int valid = 0;
    for (config.hdqk = 0; config.hdqk <= 264; config.hdqk += 4)
        for (config.hdv = 0; config.hdv <= 264; config.hdv += 4)
            valid += round_trip(&config);
    return valid;
}

static void test_round_trip_over_the_space(void **state)
{
    (void)state;
    static const int gqas[] = { 0, 1, 8, INT_MAX };
    int valid = 0;
    gen_config config = sample();
    for (size_t a = 0; (config.arch = gen_arch_at(a)); a++)
        for (config.dtype = GEN_FP16; config.dtype <= GEN_FP32; config.dtype++)
            for (int v = 0; v < 16; v++) {
                config.mask = v & 1 ? GEN_MASK_CAUSAL : GEN_MASK_NONE;
                config.lse = v & 2;
                config.gqa = gqas[v >> 2];
                valid += round_trip_head_dims(config);
            }
    /* (3 archs x 3 dtypes + 2 archs x fp32) x 2 masks x 2 lse x 3 gqa x 32 x 32 head_dims */
    assert_int_equal(valid, 11 * 2 * 2 * 3 * 32 * 32);
}

/* ---- Rejected texts ---- */

static void test_parse_errors(void **state)
{
    (void)state;
#define HEAD "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 "
#define ARCHS "expected one of gfx90a, gfx942, gfx950, gfx1100, gfx1201"
    assert_rejected("", "operation \"\": expected fmha_fwd");
    assert_rejected("  ", "operation \"\": expected fmha_fwd");
    assert_rejected("fmha_bwd arch=gfx942", "operation \"fmha_bwd\": expected fmha_fwd");
    assert_rejected("arch=gfx942 fmha_fwd", "operation \"arch=gfx942\": expected fmha_fwd");
    assert_rejected("fmha_fwd", "arch: missing; expected arch=...");
    assert_rejected("fmha_fwd arch=gfx942", "dtype: missing; expected dtype=...");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16", "hdqk: missing; expected hdqk=...");
    assert_rejected("fmha_fwd arch=gfx1250 dtype=bf16 hdqk=64", "arch=gfx1250: " ARCHS);
    assert_rejected("fmha_fwd arch= dtype=bf16 hdqk=64", "arch=: " ARCHS);
    assert_rejected("fmha_fwd arch=gfx942 dtype=fp8 hdqk=64",
                    "dtype=fp8: expected fp16, bf16 or fp32");
    assert_rejected("fmha_fwd arch=gfx942 dtype=BF16 hdqk=64",
                    "dtype=BF16: expected fp16, bf16 or fp32");
    assert_rejected(HEAD "mask=window", "mask=window: expected none or causal");
    assert_rejected(HEAD "lse=2", "lse=2: expected 0 or 1");
    assert_rejected(HEAD "lse=true", "lse=true: expected 0 or 1");
    assert_rejected(HEAD "hdv=0", "hdv=0: expected a multiple of 8 from 8 to 256");
    assert_rejected(HEAD "hdv=", "hdv=: expected a decimal number");
    assert_rejected(HEAD "hdv=64x", "hdv=64x: expected a decimal number");
    assert_rejected(HEAD "hdv=+64", "hdv=+64: expected a decimal number");
    assert_rejected(HEAD "hdv=-64", "hdv=-64: expected a decimal number");
    assert_rejected(HEAD "hdv=0x40", "hdv=0x40: expected a decimal number");
    assert_rejected(HEAD "gqa=2147483648",
                    "gqa=2147483648: expected a decimal number below 2147483648");
    assert_rejected(HEAD "gqa=99999999999999999999999999",
                    "gqa=99999999999999999999999999: expected a decimal number below 2147483648");
    assert_rejected(HEAD "gqa=0",
                    "gqa=0: expected the number of query heads per KV head, 1 or more");
    assert_rejected(HEAD "hdqk=64", "hdqk: given twice; expected each field once");
    assert_rejected(HEAD "window=3",
                    "window: unknown field; expected arch, dtype, hdqk, hdv, mask, gqa or lse");
    assert_rejected(HEAD "=3",
                    ": unknown field; expected arch, dtype, hdqk, hdv, mask, gqa or lse");
    assert_rejected(HEAD "lse", "lse: no value; expected lse=...");
    assert_rejected(HEAD "lse=0;", "lse=0;: expected 0 or 1");
    assert_rejected(HEAD "lse =1", "lse: no value; expected lse=...");
    assert_rejected(HEAD "x",
                    "x: unknown field; expected arch, dtype, hdqk, hdv, mask, gqa or lse");
    assert_rejected(HEAD "hdv=\x01\xff\\", "hdv=\\x01\\xff\\x5c: expected a decimal number");
#undef HEAD
#undef ARCHS
}

static void test_long_values_are_cut_in_messages(void **state)
{
    (void)state;
    char err[GEN_ERROR_MAX], text[100000];
    gen_config config;
    static const char *fields[] = { "arch", "dtype", "hdqk", "mask", "lse", "nonsense" };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int n = snprintf(text, sizeof text, "fmha_fwd %s=", fields[i]);
        memset(text + n, 0x80, sizeof text - (size_t)n);
        text[sizeof text - 1] = '\0';
        assert_false(gen_config_parse(text, &config, err));
        assert_non_null(strstr(err, fields[i]));
        assert_non_null(strstr(err, "expected"));
        assert_true(strlen(err) < 400);
    }
}

/* xorshift64: the same bytes on every run. */
static unsigned next_random(unsigned long long *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state >> 32);
}

static void mutate(char *text, size_t size, unsigned long long *seed)
{
    for (unsigned n = next_random(seed) % 4; n > 0; n--) {
        size_t at = next_random(seed) % size;
        if (next_random(seed) % 2)
            text[at] = (char)next_random(seed);
        else
            memmove(text + at, text + at + 1, size - at);
    }
}

/* Damaged texts: either a message, or a valid configuration that round-trips. */
static void test_any_bytes_are_survived(void **state)
{
    (void)state;
    static const char good[] =
        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=64 mask=causal gqa=16 lse=1";
    unsigned long long seed = 88172645463325252ull;
    int accepted = 0, rejected = 0;
    for (int i = 0; i < 200000; i++) {
        char text[sizeof good + 1] = { 0 }, err[GEN_ERROR_MAX];
        gen_config config;
        memcpy(text, good, sizeof good);
        mutate(text, sizeof good - 1, &seed);
        if (gen_config_parse(text, &config, err)) {
            assert_int_equal(round_trip(&config), 1);
            accepted++;
        } else {
            assert_true(err[0] != '\0' && memchr(err, '\0', sizeof err));
            rejected++;
        }
    }
    assert_true(accepted > 1000 && rejected > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arch_lookup),
        cmocka_unit_test(test_arch_facts_are_coherent),
        cmocka_unit_test(test_head_dims_outside_the_range_are_named),
        cmocka_unit_test(test_every_multiple_of_8_is_a_head_dim),
        cmocka_unit_test(test_16_bit_types_need_matrix_instructions),
        cmocka_unit_test(test_other_fields_are_checked),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_an_unset_configuration_can_be_printed),
        cmocka_unit_test(test_parse_defaults_and_order),
        cmocka_unit_test(test_round_trip_over_the_space),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_long_values_are_cut_in_messages),
        cmocka_unit_test(test_any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
