/* Configuration: validation, canonical text, parser. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/gen.h"
#include "tests/gen/parse.h"

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

#define OPS "fmha_fwd, fmha_decode, merge_states, merge_splits or kv_append"

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
    assert_invalid(config, "op=7: expected 0 to 4 (fmha_fwd is 0)");
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

/* Prints and parses back if the configuration is valid; returns whether it was. */
static int round_trip(const gen_config *config)
{
    char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX];
    gen_config back;
    if (!gen_config_validate(config, err))
        return 0;
    gen_config_print(config, text);
    assert_true(gen_config_parse(text, &back, err));
    assert_null(gen_config_difference(config, &back));
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
                config.lse = (v & 2) != 0;
                config.gqa = gqas[v >> 2];
                valid += round_trip_head_dims(config);
            }
    /* (3 archs x 3 dtypes + 2 archs x fp32) x 2 masks x 2 lse x 3 gqa x 32 x 32 head_dims */
    assert_int_equal(valid, 11 * 2 * 2 * 3 * 32 * 32);
}

/* ---- Variants ---- */

static const char *const variants[] = {
    "window=left",      "window=right",    "window=both",      "softcap=1",    "alibi=1",
    "sink=1",           "bias=1",          "rounding=truncate", "seqlens_q=used", "seqlens_q=cu",
    "seqlens_q=packed", "seqlens_k=used",  "seqlens_k=cu",     "seqlens_k=packed",
    "block_size=16",    "block_size=1024", "kv=fp8",           "splits=1",
    "seqlens_k=used append=1", "seqlens_k=used append=1 rotary=half rotary_dim=64",
    "seqlens_k=used append=1 rotary=interleaved rotary_dim=16",
    "block_mask=128", "score_mod=\"score * 2\"", "mask_mod=\"q_idx % 2\"",
};

enum { NUM_VARIANTS = sizeof variants / sizeof variants[0] };

static void test_a_variant_is_printed_only_when_it_is_on(void **state)
{
    (void)state;
    static const char plain[] =
        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 hdv=64 mask=none gqa=1 lse=0";
    char text[GEN_TEXT_MAX], expected[GEN_TEXT_MAX];
    gen_config off = parse(plain), config;
    for (int i = 0; i < NUM_VARIANTS; i++) {
        snprintf(expected, sizeof expected, "%s %s", plain, variants[i]);
        config = parse(expected);
        gen_config_print(&config, text);
        assert_string_equal(text, expected);
        assert_false(gen_config_equal(&config, &off));
        assert_true(gen_config_hash(&config) != gen_config_hash(&off));
    }
    config = parse("fmha_fwd kv=same block_size=0 seqlens_k=fixed seqlens_q=fixed rounding=nearest "
                   "bias=0 sink=0 alibi=0 softcap=0 window=none arch=gfx942 dtype=bf16 hdqk=64");
    assert_true(gen_config_equal(&config, &off));
}

static void test_the_longest_text_fits(void **state)
{
    (void)state;
    char text[GEN_TEXT_MAX];
    char longest[GEN_EXPRESSION_MAX + 1], why[GEN_ERROR_MAX];
    memset(longest, '\n', sizeof longest);
    longest[0] = '1';
    longest[(sizeof longest - 1) / 2] = '\0';
    const char *expression = gen_expression("score_mod", longest, why);
    assert_non_null(expression);
    gen_config config = {
        .op = GEN_FMHA_FWD,
        .arch = gen_arch_find("gfx1201"),
        .score_mod = expression,
        .mask_mod = expression,
        .dtype = GEN_BF16,
        .hdqk = INT_MIN,
        .hdv = INT_MIN,
        .mask = GEN_MASK_CAUSAL,
        .gqa = INT_MIN,
        .lse = INT_MIN,
        .window = GEN_WINDOW_RIGHT,
        .softcap = INT_MIN,
        .alibi = INT_MIN,
        .sink = INT_MIN,
        .bias = INT_MIN,
        .rounding = GEN_ROUND_TRUNCATE,
        .seqlens_q = GEN_SEQ_PACKED,
        .seqlens_k = GEN_SEQ_PACKED,
        .block_size = INT_MIN,
        .kv = GEN_KV_FP8,
        .append = INT_MIN,
        .rotary = GEN_ROTARY_INTERLEAVED,
        .rotary_dim = INT_MIN,
        .rows = INT_MIN,
        .pack = INT_MIN,
        .splits = INT_MIN,
        .listed = INT_MIN,
        .block_mask = INT_MIN,
    };
    gen_config_print(&config, text);
    assert_true(strlen(text) + 1 < GEN_TEXT_MAX);
    assert_string_equal(text + strlen(text) - 5, "\\n\\n\"");
}

/* What cannot matter beside the other fields. */
static void test_equal_problems_have_equal_texts(void **state)
{
    (void)state;
#define SAME(a, b)                                      \
    do {                                                \
        gen_config x = parse(a), y = parse(b);          \
        assert_null(gen_config_difference(&x, &y));     \
    } while (0)
#define HEAD "fmha_fwd arch=gfx942 hdqk=64 "
    SAME(HEAD "dtype=bf16 mask=causal window=right", HEAD "dtype=bf16 mask=causal");
    SAME(HEAD "dtype=bf16 mask=causal window=both", HEAD "dtype=bf16 mask=causal window=left");
    SAME(HEAD "dtype=fp16 rounding=truncate", HEAD "dtype=fp16");
    SAME(HEAD "dtype=fp32 rounding=truncate", HEAD "dtype=fp32");
    SAME(HEAD "dtype=bf16 rotary_dim=32", HEAD "dtype=bf16");
    SAME(HEAD "dtype=bf16 gqa=1 pack=1", HEAD "dtype=bf16");
    SAME(HEAD "dtype=fp32 gqa=8 pack=1", HEAD "dtype=fp32 gqa=8");
#undef HEAD
#undef SAME
}

static void test_fields_that_exclude_each_other(void **state)
{
    (void)state;
    assert_rejected("fmha_fwd arch=gfx90a dtype=bf16 hdqk=64 kv=fp8",
                    "kv=fp8: not supported on arch gfx90a (MI210, MI250, MI250X), which has no "
                    "instruction that converts fp8; expected kv=same there");
    assert_rejected("fmha_fwd arch=gfx942 dtype=fp32 hdqk=64 kv=fp8",
                    "kv=fp8: expected kv=same with dtype=fp32, or dtype=fp16 or bf16");
    assert_rejected("fmha_fwd arch=gfx942 dtype=fp32 hdqk=64 splits=1",
                    "splits=1: expected 0 with dtype=fp32, or dtype=fp16 or bf16");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 seqlens_k=cu block_size=32",
                    "seqlens_k=cu: expected fixed or used with block_size=32 (paged)");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 seqlens_k=packed block_size=32",
                    "seqlens_k=packed: expected fixed or used with block_size=32 (paged)");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 append=1",
                    "append=1: expected append=0, or seqlens_k=used");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 rotary=half rotary_dim=32",
                    "rotary=half: expected rotary=none, or append=1");
    assert_rejected("kv_append arch=gfx942 dtype=bf16 hdqk=64 rotary=interleaved",
                    "rotary_dim=0: expected a multiple of 16 from 16 to hdqk=64 with rotary");
    assert_rejected("kv_append arch=gfx942 dtype=bf16 hdqk=64 rotary=half rotary_dim=80",
                    "rotary_dim=80: expected a multiple of 16 from 16 to hdqk=64 with rotary");
    assert_rejected("kv_append arch=gfx942 dtype=bf16 hdqk=64 rotary=half rotary_dim=24",
                    "rotary_dim=24: expected 0 or a multiple of 16 from 16 to 256");
    assert_rejected("kv_append arch=gfx90a dtype=bf16 hdqk=64 kv=fp8",
                    "kv=fp8: not supported on arch gfx90a (MI210, MI250, MI250X), which has no "
                    "instruction that converts fp8; expected kv=same there");
    assert_rejected("kv_append arch=gfx942 dtype=bf16 hdqk=64 gqa=8",
                    "gqa: unknown field; expected arch, dtype, hdqk, hdv, block_size, kv, rotary or "
                    "rotary_dim");
}

/* Any two variants together: valid and canonical, or a message. */
static void test_variants_compose(void **state)
{
    (void)state;
    char text[GEN_TEXT_MAX], err[GEN_ERROR_MAX];
    int composed = 0;
    for (int i = 0; i < NUM_VARIANTS; i++)
        for (int j = i + 1; j < NUM_VARIANTS; j++) {
            gen_config config;
            snprintf(text, sizeof text, "fmha_fwd arch=gfx950 dtype=bf16 hdqk=64 %s %s",
                     variants[i], variants[j]);
            if (gen_config_parse(text, &config, err))
                composed += round_trip(&config);
        }
    /* All pairs but those of one field (3 window, 3 seqlens_q, 3 seqlens_k, 1 block_size) and packed
     * keys in pages (2 x 2). Those that append have seqlens_k themselves: not with another, nor together. */
    assert_int_equal(composed, 21 * 20 / 2 - 10 - 4 + 3 * (21 - 3));
}

/* ---- Rejected texts ---- */

static void test_parse_errors(void **state)
{
    (void)state;
#define HEAD "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 "
#define FIELDS                                                                                 \
    "expected arch, dtype, hdqk, hdv, mask, gqa, lse, window, softcap, alibi, sink, bias, "     \
    "rounding, seqlens_q, seqlens_k, block_size, kv, append, rotary, rotary_dim, pack, splits, "      \
    "block_mask, score_mod or mask_mod"
#define ARCHS "expected one of gfx90a, gfx942, gfx950, gfx1100, gfx1201"
    assert_rejected("", "operation \"\": expected " OPS);
    assert_rejected("  ", "operation \"\": expected " OPS);
    assert_rejected("fmha_bwd arch=gfx942", "operation \"fmha_bwd\": expected " OPS);
    assert_rejected("arch=gfx942 fmha_fwd", "operation \"arch=gfx942\": expected " OPS);
    assert_rejected("fmha_fwd", "arch: missing; expected arch=...");
    assert_rejected("fmha_fwd arch=gfx942", "dtype: missing; expected dtype=...");
    assert_rejected("fmha_fwd arch=gfx942 dtype=bf16", "hdqk: missing; expected hdqk=...");
    assert_rejected("fmha_decode arch=gfx942 dtype=bf16 hdqk=64", "rows: missing; expected rows=...");
    assert_rejected("fmha_decode arch=gfx942 dtype=bf16 hdqk=64 rows=48",
                    "rows=48: expected a multiple of 16 from 16 to 32");
    assert_rejected("fmha_decode arch=gfx942 dtype=fp32 hdqk=64 rows=16",
                    "dtype=fp32: expected fp16 or bf16 for fmha_decode");
    assert_rejected("fmha_decode arch=gfx942 dtype=bf16 hdqk=64 rows=16 seqlens_k=cu",
                    "seqlens_k=cu: expected fixed or used for fmha_decode");
    assert_rejected("merge_states arch=gfx942 dtype=bf16", "hdv: missing; expected hdv=...");
    assert_rejected("merge_states arch=gfx942 dtype=bf16 hdqk=128",
                    "hdqk: unknown field; expected arch, dtype, hdv or lse");
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
    assert_rejected(HEAD "widow=left", "widow: unknown field; " FIELDS);
    assert_rejected(HEAD "=3", ": unknown field; " FIELDS);
    assert_rejected(HEAD "window=3", "window=3: expected none, left, right or both");
    assert_rejected(HEAD "softcap=50", "softcap=50: expected 0 or 1");
    assert_rejected(HEAD "rounding=rtz", "rounding=rtz: expected nearest or truncate");
    assert_rejected(HEAD "seqlens_q=varlen",
                    "seqlens_q=varlen: expected fixed, used, cu or packed");
    assert_rejected(HEAD "block_size=24",
                    "block_size=24: expected 0 or a multiple of 16 from 16 to 1024");
    assert_rejected(HEAD "block_size=1040",
                    "block_size=1040: expected 0 or a multiple of 16 from 16 to 1024");
    assert_rejected(HEAD "kv=int8", "kv=int8: expected same or fp8");
    assert_rejected(HEAD "lse", "lse: no value; expected lse=...");
    assert_rejected(HEAD "lse=0;", "lse=0;: expected 0 or 1");
    assert_rejected(HEAD "lse =1", "lse: no value; expected lse=...");
    assert_rejected(HEAD "x", "x: unknown field; " FIELDS);
    assert_rejected(HEAD "hdv=\x01\xff\\", "hdv=\\x01\\xff\\x5c: expected a decimal number");
#undef HEAD
#undef FIELDS
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
        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=64 mask=causal gqa=16 lse=1 score_mod=\"(1)\\n\"";
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
        cmocka_unit_test(test_a_variant_is_printed_only_when_it_is_on),
        cmocka_unit_test(test_the_longest_text_fits),
        cmocka_unit_test(test_equal_problems_have_equal_texts),
        cmocka_unit_test(test_fields_that_exclude_each_other),
        cmocka_unit_test(test_variants_compose),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_long_values_are_cut_in_messages),
        cmocka_unit_test(test_any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
