/* What --model derives is what a server's calls need: what their plans record is what was selected,
 * character by character. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/made_up.h"
#include "tests/runtime/fixture.h"
#include "tools/precompile/model.h"

enum { HEADS = 8, KV_HEADS = 2, DIM = 128, PAGE = 64, BATCH = 3 };

/* A model that has everything: both kinds of layer, a soft cap and sinks. */
static const char everything[] =
    "{\"model_type\": \"gpt_oss\", \"num_attention_heads\": 8, \"num_key_value_heads\": 2, "
    "\"head_dim\": 128, \"sliding_window\": 256, \"attn_logit_softcapping\": 30.0, "
    "\"layer_types\": [\"sliding_attention\", \"full_attention\"], \"dtype\": \"bfloat16\"}";
static const char plain[] =
    "{\"num_attention_heads\": 8, \"num_key_value_heads\": 2, \"head_dim\": 128, "
    "\"dtype\": \"bfloat16\"}";

/* ---- A server's tensors ---- */

enum {
    TQ, TK, TV, TOUT, TABLE, LENGTHS, STARTS_K, SCALE, SINKS, ROOM, K_NEW, V_NEW, COSINES, SINES,
    COUNT
};

typedef struct tensors {
    DLTensor tensor[COUNT];
    int64_t shape[COUNT][5];
    aiter_attn_variants variants;
} tensors;

static const DLTensor *make(tensors *t, int i, DLDataTypeCode code, int bits, int ndim, int64_t s0,
                            int64_t s1, int64_t s2, int64_t s3)
{
    return make_up(&t->tensor[i], t->shape[i], i, code, bits, ndim, s0, s1, s2, s3);
}

#define ROWS(i, ...) make(t, i, kDLBfloat, 16, __VA_ARGS__)
#define INTS(i, ...) make(t, i, kDLInt, 32, __VA_ARGS__)
#define FLOATS(i, ...) make(t, i, kDLFloat, 32, __VA_ARGS__)

static const aiter_attn_variants *variants(tensors *t, bool all, bool window)
{
    t->variants = (aiter_attn_variants)AITER_ATTN_VARIANTS_INIT;
    if (all) {
        t->variants.softcap = 30;
        t->variants.sinks = FLOATS(SINKS, 1, HEADS, 0, 0, 0);
    }
    if (window) {
        t->variants.use_window = 1;
        t->variants.window_left = 255;
        t->variants.window_right = 0;
    }
    return &t->variants;
}

/* ---- Its calls ---- */

typedef aiter_status (*call)(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                             aiter_plan **plan);

static aiter_status prefill(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                            aiter_plan **plan)
{
    aiter_attn_args args = AITER_ATTN_ARGS_INIT;

    (void)fp8;
    args.q = ROWS(TQ, 4, BATCH, 500, HEADS, DIM);
    args.k = ROWS(TK, 4, BATCH, 500, KV_HEADS, DIM);
    args.v = ROWS(TV, 4, BATCH, 500, KV_HEADS, DIM);
    args.out = ROWS(TOUT, 4, BATCH, 500, HEADS, DIM);
    args.causal = 1;
    args.variants = variants(t, all, window);
    return aiter_prepare(ctx, &args, plan);
}

static aiter_status varlen(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                           aiter_plan **plan)
{
    aiter_varlen_args args = AITER_VARLEN_ARGS_INIT;

    (void)fp8;
    args.q = ROWS(TQ, 3, 900, HEADS, DIM, 0);
    args.k = ROWS(TK, 3, 900, KV_HEADS, DIM, 0);
    args.v = ROWS(TV, 3, 900, KV_HEADS, DIM, 0);
    args.out = ROWS(TOUT, 3, 900, HEADS, DIM, 0);
    args.cu_seqlens_q = INTS(LENGTHS, 1, BATCH + 1, 0, 0, 0);
    args.cu_seqlens_k = INTS(STARTS_K, 1, BATCH + 1, 0, 0, 0);
    args.causal = 1;
    args.variants = variants(t, all, window);
    return aiter_prepare_varlen(ctx, &args, plan);
}

static const DLTensor *cache(tensors *t, int i, bool fp8)
{
    return make(t, i, fp8 ? kDLUInt : kDLBfloat, fp8 ? 8 : 16, 4, 40, KV_HEADS, PAGE, DIM);
}

static aiter_kvcache_args cached(tensors *t, int tokens, bool all, bool window, bool fp8)
{
    aiter_kvcache_args args = AITER_KVCACHE_ARGS_INIT;

    args.q = ROWS(TQ, 4, BATCH, tokens, HEADS, DIM);
    args.k_cache = cache(t, TK, fp8);
    args.v_cache = cache(t, TV, fp8);
    args.out = ROWS(TOUT, 4, BATCH, tokens, HEADS, DIM);
    args.page_table = INTS(TABLE, 2, BATCH, 10, 0, 0);
    args.cache_seqlens = INTS(LENGTHS, 1, BATCH, 0, 0, 0);
    args.k_scale = args.v_scale = fp8 ? FLOATS(SCALE, 1, 1, 0, 0, 0) : NULL;
    args.variants = variants(t, all, window);
    return args;
}

static aiter_status decode(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                           aiter_plan **plan)
{
    aiter_kvcache_args args = cached(t, 1, all, window, fp8);

    args.workspace = FLOATS(ROOM, 1, 1 << 20, 0, 0, 0);
    return aiter_prepare_kvcache(ctx, &args, plan);
}

static void add_new(tensors *t, int tokens, aiter_kvcache_args *args)
{
    args->k_new = ROWS(K_NEW, 4, BATCH, tokens, KV_HEADS, DIM);
    args->v_new = ROWS(V_NEW, 4, BATCH, tokens, KV_HEADS, DIM);
    args->rotary_cos = ROWS(COSINES, 2, 10 * PAGE, DIM / 2, 0, 0);
    args->rotary_sin = ROWS(SINES, 2, 10 * PAGE, DIM / 2, 0, 0);
}

static aiter_status append_token(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                                 aiter_plan **plan)
{
    aiter_kvcache_args args = cached(t, 1, all, window, fp8);

    args.workspace = FLOATS(ROOM, 1, 1 << 20, 0, 0, 0);
    add_new(t, 1, &args);
    return aiter_prepare_kvcache(ctx, &args, plan);
}

static aiter_status append_prompt(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                                  aiter_plan **plan)
{
    aiter_kvcache_args args = cached(t, 500, all, window, fp8);

    add_new(t, 500, &args);
    return aiter_prepare_kvcache(ctx, &args, plan);
}

static aiter_varlen_args chunk(tensors *t, bool all, bool window, bool fp8)
{
    aiter_varlen_args args = AITER_VARLEN_ARGS_INIT;

    args.q = ROWS(TQ, 3, 900, HEADS, DIM, 0);
    args.k = cache(t, TK, fp8);
    args.v = cache(t, TV, fp8);
    args.out = ROWS(TOUT, 3, 900, HEADS, DIM, 0);
    args.cu_seqlens_q = INTS(LENGTHS, 1, BATCH + 1, 0, 0, 0);
    args.seq_lengths_k = INTS(STARTS_K, 1, BATCH, 0, 0, 0);
    args.page_table = INTS(TABLE, 2, BATCH, 10, 0, 0);
    args.k_scale = args.v_scale = fp8 ? FLOATS(SCALE, 1, 1, 0, 0, 0) : NULL;
    args.causal = 1;
    args.variants = variants(t, all, window);
    return args;
}

static aiter_status chunked(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                            aiter_plan **plan)
{
    const aiter_varlen_args args = chunk(t, all, window, fp8);

    return aiter_prepare_varlen(ctx, &args, plan);
}

static aiter_status mixed(aiter_context *ctx, tensors *t, bool all, bool window, bool fp8,
                          aiter_plan **plan)
{
    aiter_varlen_args args = chunk(t, all, window, fp8);

    args.workspace = FLOATS(ROOM, 1, 1 << 20, 0, 0, 0);
    return aiter_prepare_varlen(ctx, &args, plan);
}

/* ---- Comparison ---- */

static void derive(selection *s, const char *json)
{
    model_serving serving = { 0 };
    char why[MODEL_ERROR_MAX], page[16];

    snprintf(page, sizeof page, "%d", PAGE);
    assert_true(axis_set_arch(NULL, "gfx942", &serving.arch));
    assert_true(axis_set_page_size(NULL, page, &serving.page_size));
    assert_true(axis_set_kv_dtype(NULL, "auto,fp8", &serving.kv_dtype));
    assert_true(axis_set_phase(NULL, "prefill,varlen,decode,chunked,mixed,append", &serving.phase));
    assert_true(axis_set_rotary(NULL, "half", &serving.rotary));
    if (!model_select(s, "model", json, strlen(json), &serving, why))
        fail_msg("%s", why);
    assert_int_equal(s->num_lacking, 0);
    axis_free(&serving.arch);
    axis_free(&serving.page_size);
    axis_free(&serving.kv_dtype);
    axis_free(&serving.phase);
    axis_free(&serving.rotary);
}

static size_t find(const selection *s, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].text, text) == 0)
            return i;
    fail_msg("not derived: %s", text);
    return 0;
}

static void prepare(call prepare_call, aiter_context *ctx, bool all, bool window, bool fp8)
{
    tensors t;
    aiter_plan *plan;

    assert_ok(prepare_call(ctx, &t, all, window, fp8, &plan));
    aiter_plan_destroy(plan);
}

static void make_calls(fixture *f, const char *record, bool all)
{
    static const call calls[] = { prefill, varlen, decode, chunked, mixed, append_token,
                                  append_prompt };

    f->options.record_file = record;
    aiter_context *ctx = fixture_context(f);
    for (int c = 0; c < 7; c++)
        for (int window = 0; window <= (int)all; window++)
            for (int fp8 = 0; fp8 <= (c >= 2); fp8++)
                prepare(calls[c], ctx, all, window, fp8);
    aiter_context_destroy(ctx);
}

/* Every call finds its configurations, and every configuration has its call. */
static void compare(fixture *f, const char *json, bool all)
{
    selection s = { 0 };
    bool needed[64] = { false };
    char path[400], line[GEN_TEXT_MAX + 1];

    derive(&s, json);
    assert_in_range(s.count, 1, 64);
    snprintf(path, sizeof path, "%s/record", f->compiler_dir);
    make_calls(f, path, all);
    FILE *record = fopen(path, "r");
    assert_non_null(record);
    while (fgets(line, sizeof line, record)) {
        line[strcspn(line, "\n")] = '\0';
        needed[find(&s, line)] = true;
    }
    fclose(record);
    for (size_t i = 0; i < s.count; i++)
        if (!needed[i])
            fail_msg("no call needs %s", s.items[i].text);
    selection_free(&s);
}

static void test_plain_model(void **state)
{
    compare(*state, plain, false);
}

static void test_model_with_everything(void **state)
{
    compare(*state, everything, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_model, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_model_with_everything, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
