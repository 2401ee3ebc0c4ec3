/* Expressions for scores and masks: the examples of docs/operations.md on a simulated device, what the
 * compiler says of mistakes, the cache, misuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/site.h"

/* Of docs/operations.md. */
aiter_status alibi(aiter_context *ctx, aiter_attn_args args, const float *slopes);
aiter_status capped(aiter_context *ctx, aiter_attn_args args);
void document_blocks(const int *documents, int seqlen, unsigned char *blocks);
aiter_status masked(aiter_context *ctx, aiter_attn_args args, const int *documents,
                    const DLTensor *blocks);

static trial_spec some_spec(void)
{
    return (trial_spec){ .dtype = NUM_BF16,
                         .batch = 1,
                         .heads = 2,
                         .heads_kv = 1,
                         .seqlen_q = 300,
                         .seqlen_k = 300,
                         .hdqk = 64,
                         .hdv = 64,
                         .lse = true,
                         .seed = 3 };
}

/* ---- The examples ---- */

static void test_alibi_example(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    spec.seqlen_q = 100;
    spec.alibi = true;
    trial *t = make_trial(&s, &spec);
    assert_ok(alibi(s.ctx, *trial_args(t), trial_args(t)->variants->alibi_slopes->data));
    check_result(t);
    trial_destroy(t);
    close_site(&s);
}

static void test_soft_cap_example(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    spec.softcap = 50;
    spec.q_gain = 40; /* scores that it matters to */
    trial *t = make_trial(&s, &spec);
    assert_ok(capped(s.ctx, *trial_args(t)));
    check_result(t);
    trial_destroy(t);
    close_site(&s);
}

static void *upload(const site *s, const void *data, size_t size)
{
    char error[DEVICE_ERROR_MAX];
    void *memory;
    must(device_alloc(s->device, &memory, size, error), error);
    must(device_upload(s->device, memory, data, size, error), error);
    return memory;
}

static void test_document_example(void **state)
{
    enum { SEQLEN = 900, COUNT = 8 };
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    char error[DEVICE_ERROR_MAX];
    int documents[SEQLEN], kinds[3] = { 0 };
    unsigned char blocks[COUNT * COUNT];
    spec.seqlen_q = spec.seqlen_k = SEQLEN;
    spec.causal = true;
    spec.mask_mod = 1;
    trial *t = make_trial(&s, &spec);
    void *given = (void *)trial_args(t)->variants->mod_data;
    must(device_download(s.device, documents, given, sizeof documents, error), error);

    document_blocks(documents, SEQLEN, blocks);
    for (int i = 0; i < COUNT * COUNT; i++)
        kinds[blocks[i]]++;
    assert_true(kinds[0] > 20 && kinds[1] >= COUNT);
    int64_t shape[] = { 1, 1, COUNT, COUNT };
    DLTensor mask = { .data = upload(&s, blocks, sizeof blocks),
                      .device = { kDLROCM, device_ordinal(s.device) },
                      .ndim = 4,
                      .dtype = { kDLUInt, 8, 1 },
                      .shape = shape };
    assert_ok(masked(s.ctx, *trial_args(t), given, &mask));
    check_result(t);
    device_free(s.device, mask.data);
    trial_destroy(t);
    close_site(&s);
}

static void test_document_blocks(void **state)
{
    (void)state;
    int documents[300];
    unsigned char blocks[9];
    for (int i = 0; i < 300; i++) /* 0..127, 128..255 and 256..259 are of one, the rest another's */
        documents[i] = i < 128 ? 0 : i < 260 ? 1 : 2;
    document_blocks(documents, 300, blocks);
    assert_memory_equal(blocks, "\2\0\0\0\2\1\0\1\1", 9);
}

/* ---- Mistakes that the compiler finds ---- */

static void assert_mentions(const char *text)
{
    if (!strstr(aiter_last_error(), text))
        fail_msg("\"%s\" is not in: %s", text, aiter_last_error());
}

static void test_the_compiler_points_into_the_text(void **state)
{
    static const struct {
        const char *score_mod, *mask_mod, *message;
    } cases[] = {
        { "score - slope * q_idx", NULL, "score_mod:1:9: error: use of undeclared identifier 'slope'" },
        { "score\n  - half(1)", NULL, "score_mod:2:5: error: use of undeclared identifier 'half'" },
        { NULL, "q_idx >= kv_idx &&", "mask_mod:2:1: error: expected expression" },
        { NULL, "score > 0", "mask_mod:1:1: error: use of undeclared identifier 'score'" },
        { NULL, "0.5f", "mask_mod: expected a bool or an integer" },
        { "user", NULL, "score_mod: expected a number" },
        { "[&] { return score; }", NULL, "score_mod: expected a number" },
    };
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    trial *t = make_trial(&s, &spec);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aiter_attn_variants variants = AITER_ATTN_VARIANTS_INIT;
        aiter_attn_args args = *trial_args(t);
        args.variants = &variants;
        variants.score_mod = cases[i].score_mod;
        variants.mask_mod = cases[i].mask_mod;
        assert_int_equal(aiter_flash_attn_func(s.ctx, &args), AITER_ERROR_COMPILE_FAILED);
        assert_mentions(cases[i].message);
    }
    trial_destroy(t);
    close_site(&s);
}

/* ---- Plans and the cache ---- */

static void test_a_plan_has_its_expressions(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    trial *t = make_trial(&s, &spec);
    aiter_attn_variants variants = AITER_ATTN_VARIANTS_INIT;
    aiter_attn_args args = *trial_args(t);
    char text[] = "score * 1";
    aiter_plan *plan;
    args.variants = &variants;
    variants.score_mod = text;
    assert_ok(aiter_prepare(s.ctx, &args, &plan));
    assert_non_null(strstr(aiter_plan_config(plan), " score_mod=\"score * 1\""));
    text[0] = 'S'; /* is the caller's own again */
    variants.score_mod = "score * 1";
    assert_ok(aiter_launch(plan, &args));
    check_result(t);
    variants.score_mod = "score * 2";
    assert_int_equal(aiter_launch(plan, &args), AITER_ERROR_INVALID_ARGUMENT);
    assert_mentions("variants.score_mod is \"score * 2\": expected \"score * 1\", the plan is ");
    variants.score_mod = NULL;
    assert_int_equal(aiter_launch(plan, &args), AITER_ERROR_INVALID_ARGUMENT);
    assert_mentions("variants.score_mod is none: expected \"score * 1\"");
    aiter_plan_destroy(plan);
    trial_destroy(t);
    close_site(&s);
}

/* The command of the message, whose last word is the configuration in quotes. */
static void warm_as_advised(fixture *f)
{
    char config[2048];
    const char *begin = strstr(aiter_last_error(), "aiter-precompile --cache-dir ");
    assert_non_null(begin);
    begin = strchr(begin, '\'');
    assert_non_null(begin);
    snprintf(config, sizeof config, "%s", begin + 1);
    assert_int_equal(config[strlen(config) - 1], '\'');
    config[strlen(config) - 1] = '\0';
    aiter_warmer *warmer;
    assert_ok(aiter_warmer_create(&warmer, &f->options));
    assert_ok(aiter_warm(warmer, config, NULL));
    aiter_warmer_destroy(warmer);
}

static void test_offline_says_what_warms_it(void **state)
{
    fixture *f = *state;
    site s = open_site(f, "sim:gfx942");
    trial_spec spec = some_spec();
    spec.score_mod = 1;
    spec.mask_mod = 2; /* with newlines and tabs */
    trial *t = make_trial(&s, &spec);
    aiter_context_destroy(s.ctx);
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    s.ctx = context_on(f, s.device);
    assert_int_equal(trial_call(t, s.ctx), AITER_ERROR_NOT_CACHED);
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    warm_as_advised(f);
    assert_ok(trial_call(t, s.ctx));
    check_result(t);
    assert_int_equal(fixture_stats(s.ctx).cache_hits, 1);
    assert_int_equal(fixture_stats(s.ctx).compiles, 0);
    trial_destroy(t);
    close_site(&s);
}

static void test_what_is_recorded_can_be_warmed(void **state)
{
    fixture *f = *state;
    char path[300], line[2048];
    snprintf(path, sizeof path, "%s/record", f->dir);
    f->options.record_file = path;
    site s = open_site(f, "sim:gfx942");
    trial_spec spec = some_spec();
    spec.mask_mod = 2;
    spec.block_mask = 256;
    trial *t = make_trial(&s, &spec);
    assert_ok(trial_call(t, s.ctx));
    check_result(t);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_non_null(strstr(line, " block_mask=256 mask_mod=\"[&] {\\n\\tint k = kv_idx + h;"));
    aiter_warmer *warmer;
    aiter_warm_result result = { .size = sizeof result };
    f->options.record_file = NULL;
    assert_ok(aiter_warmer_create(&warmer, &f->options));
    assert_ok(aiter_warm(warmer, line, &result));
    assert_int_equal(result.from_cache, 1);
    aiter_free(result.code);
    aiter_warmer_destroy(warmer);
    trial_destroy(t);
    close_site(&s);
}

/* ---- Misuse ---- */

static void refused(const site *s, const trial *t, const aiter_attn_variants *variants,
                    const char *message)
{
    aiter_attn_args args = *trial_args(t);
    args.variants = variants;
    assert_int_equal(aiter_flash_attn_func(s->ctx, &args), AITER_ERROR_INVALID_ARGUMENT);
    assert_mentions(message);
}

static void test_misuse(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = some_spec();
    spec.block_mask = 128;
    trial *t = make_trial(&s, &spec);
    const aiter_attn_variants plain = AITER_ATTN_VARIANTS_INIT;
    DLTensor mask = *trial_args(t)->variants->block_mask;
    int64_t shape[] = { 1, 1, 3, 3 };
    aiter_attn_variants v = plain;

    v.score_mod = "score)";
    refused(&s, t, &v, "variants.score_mod:1:6: expected no bracket here: none is open");
    v = plain;
    v.mask_mod = "";
    refused(&s, t, &v, "variants.mask_mod:1:1: expected an expression");
    v = plain;
    v.mod_data = &v;
    refused(&s, t, &v, "expected NULL without score_mod and mask_mod");
    v = plain;
    v.block_mask_size = 128;
    refused(&s, t, &v, "variants.block_mask_size is 128: expected 0 without block_mask");
    v.block_mask = &mask;
    v.block_mask_size = 64;
    refused(&s, t, &v, "variants.block_mask_size is 64: expected a multiple of 128 up to 1024, or 0");
    v.block_mask_size = 2048;
    refused(&s, t, &v, "variants.block_mask_size is 2048: expected a multiple");
    v.block_mask_size = 256;
    refused(&s, t, &v, "variants.block_mask.shape[2] (blocks of rows) is 3: expected 2, blocks for");
    v.block_mask_size = 0;
    mask.shape = shape;
    shape[1] = 3;
    refused(&s, t, &v, "variants.block_mask.shape[1] (heads) is 3: expected 2, the number of query");
    shape[1] = 1;
    shape[3] = 1; /* no size of blocks stands for any */
    refused(&s, t, &v, "variants.block_mask.shape[3] (blocks of keys) is 1: expected 3, blocks for");
    shape[3] = 3;
    mask.dtype = (DLDataType){ kDLInt, 32, 1 };
    refused(&s, t, &v, "variants.block_mask.dtype");
    trial_destroy(t);
    close_site(&s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_alibi_example),
        T(test_soft_cap_example),
        T(test_document_example),
        T(test_document_blocks),
        T(test_the_compiler_points_into_the_text),
        T(test_a_plan_has_its_expressions),
        T(test_offline_says_what_warms_it),
        T(test_what_is_recorded_can_be_warmed),
        T(test_misuse),
    };
    return cmocka_run_group_tests_name("mods", tests, NULL, NULL);
}
