/* Keys and values that a call appends to its cache, on the simulated devices: against float64 and bit for
 * bit, in the sweep's trials; what is rotated with what, by hand; far pages; graphs; misuse. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hip_abi.h"
#include "tests/made_up.h"
#include "tests/runtime/site.h"

/* ---- Trials ---- */

/* query tokens, keys with those that are new, new keys; 8 heads to 2 KV heads */
static trial_spec spec_of(num_dtype dtype, int seqlen_q, int seqlen_k, int seqlen_new)
{
    return (trial_spec){ .dtype = dtype, .batch = 5, .heads = 8, .heads_kv = 2,
                         .seqlen_q = seqlen_q, .seqlen_k = seqlen_k, .hdqk = 64, .hdv = 64,
                         .causal = true, .lse = true, .seed = 5, .operation = TRIAL_KVCACHE,
                         .block_size = 16, .seqlen_new = seqlen_new };
}

static void run(const site *s, const trial_spec *spec)
{
    trial *t = make_trial(s, spec);
    uint64_t before = fixture_stats(s->ctx).launches;
    assert_ok(trial_call(t, s->ctx));
    check_result(t);
    assert_int_equal(fixture_stats(s->ctx).launches - before,
                     1 + (spec->seqlen_q > 0) + (spec->num_splits > 1));
    trial_destroy(t);
}

static void test_appends_on(fixture *f, const char *name)
{
    site s = open_site(f, name);
    trial_spec spec = spec_of(NUM_BF16, 2, 300, 2);
    spec.rotary = TRIAL_HALF;
    spec.rotary_dim = 64;
    run(&s, &spec);
    spec.room = spec.num_splits = 2;
    run(&s, &spec);
    spec.rotary = TRIAL_INTERLEAVED;
    spec.rotary_dim = 32;
    spec.causal = false; /* all queries are at one place */
    run(&s, &spec);
    spec = spec_of(NUM_FP16, 20, 90, 35); /* more than two blocks */
    spec.rotary = TRIAL_HALF;
    spec.rotary_dim = 16;
    spec.rows_first = true;
    run(&s, &spec);
    spec.seqlen_q = 0; /* nothing to compute, but to append */
    run(&s, &spec);
    if (strcmp(name, "sim:gfx90a") != 0) {
        spec = spec_of(NUM_BF16, 1, 100, 1);
        spec.fp8 = spec.head_scales = true;
        spec.rotary = TRIAL_HALF;
        spec.rotary_dim = 64;
        run(&s, &spec);
    }
    close_site(&s);
}

static void test_gfx90a(void **state) { test_appends_on(*state, "sim:gfx90a"); }
static void test_gfx942(void **state) { test_appends_on(*state, "sim:gfx942"); }
static void test_gfx950(void **state) { test_appends_on(*state, "sim:gfx950"); }

/* ---- By hand: one sequence, one head, blocks of 16 rows ---- */

enum { DIM = 32, ROWS = 16, FEW = 3 };

typedef struct by_hand {
    DLTensor tensor[9];
    int64_t shape[9][4];
    aiter_kvcache_args args;
} by_hand;

enum { TQ, TK, TV, TOUT, TABLE, LENGTHS, KNEW, VNEW, SCALE };

static const DLTensor *place(const site *s, by_hand *h, int i, uint8_t code, uint8_t bits, int ndim,
                             const int64_t shape[4], const void *from, size_t bytes)
{
    char error[DEVICE_ERROR_MAX];
    memcpy(h->shape[i], shape, sizeof h->shape[i]);
    h->tensor[i] = (DLTensor){ .device = { kDLROCM, device_ordinal(s->device) }, .ndim = ndim,
                               .dtype = { code, bits, 1 }, .shape = h->shape[i] };
    must(device_alloc(s->device, &h->tensor[i].data, bytes, error), error);
    if (from)
        must(device_upload(s->device, h->tensor[i].data, from, bytes, error), error);
    return &h->tensor[i];
}

#define PLACE(i, code, bits, ndim, from, bytes, ...) \
    place(s, h, i, code, bits, ndim, (const int64_t[4]){ __VA_ARGS__ }, from, bytes)

/* FEW rows behind `length` others, of `rows` (fp32 numbers) as keys and values. */
static void init_by_hand(const site *s, by_hand *h, int64_t num_blocks, const int32_t table[2],
                         int32_t length, const float *rows, int cache_bits)
{
    const size_t block = ROWS * DIM * (size_t)cache_bits / 8, cache = (size_t)num_blocks * block;
    static const char zeros[ROWS * DIM * 2];
    char error[DEVICE_ERROR_MAX];
    uint16_t narrow[FEW * DIM];
    for (size_t i = 0; i < FEW * DIM; i++)
        num_store(NUM_BF16, narrow, i, rows[i]);
    h->args = (aiter_kvcache_args)AITER_KVCACHE_ARGS_INIT;
    const uint8_t code = cache_bits == 8 ? kDLUInt : kDLBfloat;
    h->args.q = PLACE(TQ, kDLBfloat, 16, 4, narrow, sizeof narrow, 1, FEW, 1, DIM);
    h->args.k_cache = PLACE(TK, code, (uint8_t)cache_bits, 4, NULL, cache, num_blocks, 1, ROWS, DIM);
    h->args.v_cache = PLACE(TV, code, (uint8_t)cache_bits, 4, NULL, cache, num_blocks, 1, ROWS, DIM);
    for (int t = TK; t <= TV; t++)
        must(device_upload(s->device, (char *)h->tensor[t].data + (size_t)table[0] * block, zeros,
                           (size_t)length * block / ROWS, error),
             error);
    h->args.out = PLACE(TOUT, kDLBfloat, 16, 4, NULL, sizeof narrow, 1, FEW, 1, DIM);
    h->args.page_table = PLACE(TABLE, kDLInt, 32, 2, table, 8, 1, 2);
    h->args.cache_seqlens = PLACE(LENGTHS, kDLInt, 32, 1, &length, 4, 1);
    h->args.k_new = PLACE(KNEW, kDLBfloat, 16, 4, narrow, sizeof narrow, 1, FEW, 1, DIM);
    h->args.v_new = PLACE(VNEW, kDLBfloat, 16, 4, narrow, sizeof narrow, 1, FEW, 1, DIM);
}

static void download(const site *s, void *to, const DLTensor *from, size_t offset, size_t bytes)
{
    char error[DEVICE_ERROR_MAX];
    must(device_sync(s->device, error), error);
    must(device_download(s->device, to, (char *)from->data + offset, bytes, error), error);
}

static void free_by_hand(const site *s, by_hand *h)
{
    for (int i = 0; i < 9; i++)
        if (h->tensor[i].data)
            device_free(s->device, h->tensor[i].data);
}

/* Angles of 0 but at positions 15 and 16: a quarter turn, (a, b) to (-b, a), and half of one. */
static void turn_rows(const site *s, by_hand *h, DLTensor angles[2], int64_t shape[2])
{
    char error[DEVICE_ERROR_MAX];
    uint16_t values[2][32 * 8];
    for (size_t i = 0; i < 32 * 8; i++) {
        size_t position = i / 8;
        num_store(NUM_BF16, values[0], i, position == 15 ? 0 : position == 16 ? -1 : 1);
        num_store(NUM_BF16, values[1], i, position == 15 ? 1 : 0);
    }
    for (int i = 0; i < 2; i++) {
        angles[i] = (DLTensor){ .device = { kDLROCM, device_ordinal(s->device) }, .ndim = 2,
                                .dtype = { kDLBfloat, 16, 1 }, .shape = shape };
        must(device_alloc(s->device, &angles[i].data, sizeof values[i], error), error);
        must(device_upload(s->device, angles[i].data, values[i], sizeof values[i], error), error);
    }
    h->args.rotary_cos = &angles[0];
    h->args.rotary_sin = &angles[1];
}

/* Keys 14, 15 and 16 of a sequence: the last two of block 1, then the first of block 0. */
static void test_pairs_and_positions(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    const int32_t table[2] = { 1, 0 };
    float rows[FEW * DIM];
    for (int i = 0; i < FEW * DIM; i++)
        rows[i] = (float)(i % DIM + 1 + 100 * (i / DIM));
    for (int interleaved = 0; interleaved <= 1; interleaved++) {
        by_hand h = { 0 };
        DLTensor angles[2];
        int64_t shape[2] = { 32, 8 };
        uint16_t keys[2 * ROWS * DIM], values[2 * ROWS * DIM];
        init_by_hand(&s, &h, 2, table, 14, rows, 16);
        turn_rows(&s, &h, angles, shape);
        h.args.rotary_interleaved = interleaved;
        assert_ok(aiter_flash_attn_with_kvcache(s.ctx, &h.args));
        download(&s, keys, h.args.k_cache, 0, sizeof keys);
        download(&s, values, h.args.v_cache, 0, sizeof values);
        for (int i = 0; i < FEW; i++)
            for (int d = 0; d < DIM; d++) {
                size_t at = (size_t)((i < 2 ? ROWS + 14 + i : 0) * DIM + d);
                float own = rows[i * DIM + d], expected = own;
                int other = interleaved ? d ^ 1 : (d + 8) % 16;
                if (i == 1 && d < 16) /* the first of a pair gets minus the second */
                    expected = rows[i * DIM + other] * (other > d ? -1 : 1);
                if (i == 2 && d < 16)
                    expected = -own;
                assert_true(num_load(NUM_BF16, keys, at) == num_round(NUM_BF16, expected));
                assert_true(num_load(NUM_BF16, values, at) == num_round(NUM_BF16, own));
            }
        device_free(s.device, angles[0].data);
        device_free(s.device, angles[1].data);
        free_by_hand(&s, &h);
    }
    close_site(&s);
}

/* To the nearest, ties to even, the largest for what is larger; NaN stays NaN. */
static void test_fp8_on(fixture *f, const char *name, int fnuz)
{
    site site_ = open_site(f, name), *s = &site_;
    const int32_t table[2] = { 1, 0 };
    const float scale = 0.5f;
    float rows[FEW * DIM];
    by_hand hand = { 0 }, *h = &hand;
    for (int i = 0; i < FEW * DIM; i++)
        rows[i] = num_round(NUM_BF16, num_random(8, 1, (uint64_t)i) * (i % 2 ? 90 : 0.003f));
    rows[0] = INFINITY;
    rows[1] = -INFINITY;
    rows[2] = NAN;
    rows[3] = -1e-30f;
    init_by_hand(s, h, 2, table, 14, rows, 8);
    h->args.k_scale = h->args.v_scale = PLACE(SCALE, kDLFloat, 32, 1, &scale, 4, 1);
    assert_ok(aiter_flash_attn_with_kvcache(s->ctx, &h->args));
    for (int t = TK; t <= TV; t++) {
        uint8_t cache[2 * ROWS * DIM];
        download(s, cache, &h->tensor[t], 0, sizeof cache);
        for (int i = 0; i < FEW * DIM; i++) {
            uint8_t is = cache[(i < 2 * DIM ? ROWS + 14 : -2) * DIM + i];
            if (isnan(rows[i]))
                assert_true(isnan(num_e4m3_to_float(is, fnuz)));
            else
                assert_int_equal(is, num_e4m3_from_float(rows[i] * (1 / scale), fnuz));
        }
    }
    free_by_hand(s, h);
    close_site(s);
}

static void test_fp8(void **state)
{
    test_fp8_on(*state, "sim:gfx942", 1);
    test_fp8_on(*state, "sim:gfx950", 0);
}

/* The same rows in blocks behind 4 GiB, whose numbers do not fit 16 bits. */
static void test_far_pages(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    const int32_t far[2] = { 4300000, 65536 + 3 };
    float rows[FEW * DIM];
    uint16_t row[DIM];
    by_hand h = { 0 };
    for (int i = 0; i < FEW * DIM; i++)
        rows[i] = num_round(NUM_BF16, num_random(4, 1, (uint64_t)i));
    init_by_hand(&s, &h, 4300001, far, 14, rows, 16);
    assert_ok(aiter_flash_attn_with_kvcache(s.ctx, &h.args));
    for (int i = 0; i < FEW; i++) {
        size_t at = (size_t)(i < 2 ? far[0] : far[1]) * ROWS + (size_t)(i < 2 ? 14 + i : 0);
        download(&s, row, h.args.k_cache, at * DIM * 2, sizeof row);
        for (int d = 0; d < DIM; d++)
            assert_true(num_load(NUM_BF16, row, (size_t)d) == rows[i * DIM + d]);
    }
    free_by_hand(&s, &h);
    close_site(&s);
}

/* ---- Capture ---- */

#define LOAD(name) *(void **)&name = dlsym(sim, #name)

static void test_launch_is_captured(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    void *sim = dlopen(device_runtime(s.device), RTLD_NOW);
    hip_error (*hipStreamCreate)(hip_stream *), (*hipStreamSynchronize)(hip_stream),
        (*hipStreamBeginCapture)(hip_stream, hip_capture_mode),
        (*hipStreamEndCapture)(hip_stream, hip_graph *),
        (*hipGraphInstantiate)(hip_graph_exec *, hip_graph, void *, char *, size_t),
        (*hipGraphLaunch)(hip_graph_exec, hip_stream), (*hipGraphDestroy)(hip_graph),
        (*hipGraphExecDestroy)(hip_graph_exec), (*hipStreamDestroy)(hip_stream);
    LOAD(hipStreamCreate);
    LOAD(hipStreamSynchronize);
    LOAD(hipStreamBeginCapture);
    LOAD(hipStreamEndCapture);
    LOAD(hipGraphInstantiate);
    LOAD(hipGraphLaunch);
    LOAD(hipGraphDestroy);
    LOAD(hipGraphExecDestroy);
    LOAD(hipStreamDestroy);
    trial_spec spec = spec_of(NUM_BF16, 2, 60, 2);
    spec.rotary = TRIAL_HALF;
    spec.rotary_dim = 64;
    trial *t = make_trial(&s, &spec);
    aiter_kvcache_args args = *trial_kvcache_args(t);
    aiter_plan *plan;
    hip_stream stream;
    hip_graph graph;
    hip_graph_exec exec;
    assert_ok(trial_prepare(t, s.ctx, &plan));
    aiter_stats before = fixture_stats(s.ctx);
    assert_int_equal(hipStreamCreate(&stream), HIP_SUCCESS);
    args.stream = stream;
    assert_int_equal(hipStreamBeginCapture(stream, HIP_CAPTURE_MODE_GLOBAL), HIP_SUCCESS);
    assert_ok(aiter_launch_kvcache(plan, &args));
    assert_int_equal(hipStreamEndCapture(stream, &graph), HIP_SUCCESS);
    assert_int_equal(hipGraphInstantiate(&exec, graph, NULL, NULL, 0), HIP_SUCCESS);
    assert_int_equal(hipGraphLaunch(exec, stream), HIP_SUCCESS);
    assert_int_equal(hipStreamSynchronize(stream), HIP_SUCCESS);
    check_result(t);
    assert_int_equal(fixture_stats(s.ctx).launches - before.launches, 2);
    assert_int_equal(fixture_stats(s.ctx).compiles, before.compiles);
    hipGraphExecDestroy(exec);
    hipGraphDestroy(graph);
    hipStreamDestroy(stream);
    dlclose(sim);
    aiter_plan_destroy(plan);
    trial_destroy(t);
    close_site(&s);
}

/* ---- Kernels and misuse: a runtime that launches nothing ---- */

enum { MQ, MK, MV, MOUT, MTABLE, MLENGTHS, MKNEW, MVNEW, MCOS, MSIN, MKV, MSCALE, NUM_MADE };

typedef struct made_up {
    DLTensor tensor[NUM_MADE];
    int64_t shape[NUM_MADE][5];
    aiter_kvcache_args args;
} made_up;

static const DLTensor *make(made_up *m, int t, uint8_t code, uint8_t bits, int ndim, int64_t s0,
                            int64_t s1, int64_t s2, int64_t s3)
{
    return make_up(&m->tensor[t], m->shape[t], t, code, bits, ndim, s0, s1, s2, s3);
}

/* 8 heads on 2 KV heads, 10 blocks of 16 keys a sequence, 5 new keys. */
static void init_made_up(made_up *m)
{
    m->args = (aiter_kvcache_args)AITER_KVCACHE_ARGS_INIT;
    m->args.q = make(m, MQ, kDLBfloat, 16, 4, 3, 50, 8, 128);
    m->args.k_cache = make(m, MK, kDLBfloat, 16, 4, 100, 2, 16, 128);
    m->args.v_cache = make(m, MV, kDLBfloat, 16, 4, 100, 2, 16, 128);
    m->args.out = make(m, MOUT, kDLBfloat, 16, 4, 3, 50, 8, 128);
    m->args.page_table = make(m, MTABLE, kDLInt, 32, 2, 3, 10, 0, 0);
    m->args.cache_seqlens = make(m, MLENGTHS, kDLInt, 32, 1, 3, 0, 0, 0);
    m->args.k_new = make(m, MKNEW, kDLBfloat, 16, 4, 3, 5, 2, 128);
    m->args.v_new = make(m, MVNEW, kDLBfloat, 16, 4, 3, 5, 2, 128);
    m->args.rotary_cos = make(m, MCOS, kDLBfloat, 16, 2, 160, 32, 0, 0);
    m->args.rotary_sin = make(m, MSIN, kDLBfloat, 16, 2, 160, 32, 0, 0);
}

#define PLAN_TEXT                                                                                 \
    "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=4 lse=0 seqlens_k=used "     \
    "block_size=16 append=1 rotary=half rotary_dim=64"

/* The plan has both kernels; what is recorded has them as well. */
static void test_kernels(void **state)
{
    fixture *f = *state;
    char record[400], text[2048] = "";
    fixture_reset_hip(f);
    snprintf(record, sizeof record, "%s/manifest", f->dir);
    f->options.record_file = record;
    aiter_context *ctx = fixture_context(f);
    made_up m;
    aiter_plan *plan;
    init_made_up(&m);
    assert_ok(aiter_prepare_kvcache(ctx, &m.args, &plan));
    assert_non_null(strstr(aiter_plan_config(plan), "append=1 rotary=half rotary_dim=64"));
    assert_ok(aiter_launch_kvcache(plan, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 2);
    m.shape[MQ][1] = m.shape[MOUT][1] = 0; /* only to append: 10 rows, 8 a workgroup, 3 sequences */
    assert_ok(aiter_launch_kvcache(plan, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 3);
    assert_string_equal(f->hip->last.kernel,
                        "kv_append_gfx942_bf16_hd128x128_kused_ropeh_new_page16_rd64");
    assert_int_equal(f->hip->last.grid[0], 6);
    m.shape[MKNEW][1] = m.shape[MVNEW][1] = 0; /* nothing at all */
    assert_ok(aiter_launch_kvcache(plan, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 3);
    m.shape[MQ][1] = m.shape[MOUT][1] = 50; /* only to compute */
    assert_ok(aiter_launch_kvcache(plan, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 4);
    init_made_up(&m);
    m.args.rotary_interleaved = 1;
    assert_failed(aiter_launch_kvcache(plan, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "rotary_cos (with rotary_interleaved) is interleaved: expected half, the plan is");
    m.args.rotary_interleaved = 0;
    m.shape[MCOS][1] = m.shape[MSIN][1] = 64;
    assert_failed(aiter_launch_kvcache(plan, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "2 * rotary_cos.shape[1] (rotary_dim) is 128: expected 64, the plan is");
    m.args.k_new = m.args.v_new = m.args.rotary_cos = m.args.rotary_sin = NULL;
    assert_failed(aiter_launch_kvcache(plan, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "k_new is NULL: expected a tensor, the plan is");
    FILE *file = fopen(record, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "kv_append arch=gfx942 dtype=bf16 hdqk=128 hdv=128 block_size=16 "
                                 "rotary=half rotary_dim=64\n"));
    assert_non_null(strstr(text, "append=1"));
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

#define REFUSED(change, message)                                                                  \
    do {                                                                                          \
        made_up m;                                                                                \
        init_made_up(&m);                                                                         \
        change;                                                                                   \
        assert_failed(aiter_flash_attn_with_kvcache(ctx, &m.args), AITER_ERROR_INVALID_ARGUMENT,  \
                      message);                                                                   \
    } while (0)

static void check_presence(aiter_context *ctx)
{
    REFUSED(m.args.cache_seqlens = NULL, "cache_seqlens is NULL: expected the number of keys of each "
                                         "sequence before k_new");
    REFUSED(m.args.v_new = NULL, "v_new is NULL: expected a tensor beside k_new");
    REFUSED(m.args.k_new = NULL, "v_new is a tensor: expected NULL without k_new");
    REFUSED(m.args.k_new = m.args.v_new = NULL, "rotary_cos is a tensor: expected NULL without k_new");
    REFUSED(m.args.rotary_sin = NULL, "rotary_sin is NULL: expected a tensor beside rotary_cos");
    REFUSED(m.args.rotary_cos = NULL, "rotary_sin is a tensor: expected NULL without rotary_cos");
    REFUSED(m.args.rotary_interleaved = 2, "rotary_interleaved is 2: expected 0 or 1");
    REFUSED(m.args.rotary_interleaved = 1; m.args.rotary_cos = m.args.rotary_sin = NULL,
            "rotary_interleaved is 1: expected 0 without rotary_cos");
    REFUSED(m.args.k_cache = m.args.v_cache = NULL;
            m.args.kv_cache = make(&m, MKV, kDLBfloat, 16, 4, 100, 2, 16, 128),
            "v_new is a tensor: expected NULL beside a 4-dimensional kv_cache, whose keys are its "
            "values");
}

static void check_shapes(aiter_context *ctx)
{
    REFUSED(m.shape[MKNEW][0] = 4, "k_new.shape[0] (batch) is 4: expected 3, as q.shape[0]");
    REFUSED(m.shape[MKNEW][2] = 8, "k_new.shape[2] (heads_kv) is 8: expected 2, as k_cache.shape[1]");
    REFUSED(m.shape[MKNEW][3] = 64, "k_new.shape[3] (head_dim) is 64: expected 128, as k_cache.shape");
    REFUSED(m.shape[MVNEW][3] = 64, "v_new.shape[3] (head_dim_v) is 64: expected 128, as v_cache");
    REFUSED(m.shape[MVNEW][1] = 4, "v_new.shape[1] (seqlen_new) is 4: expected 5, as k_new.shape[1]");
    REFUSED(m.shape[MKNEW][1] = m.shape[MVNEW][1] = 161,
            "k_new.shape[1] (seqlen_new) is 161: expected at most 160, the keys that a sequence has "
            "room for");
    REFUSED(m.shape[MCOS][0] = m.shape[MSIN][0] = 159,
            "rotary_cos.shape[0] (seqlen_rotary) is 159: expected at least 160");
    REFUSED(m.shape[MSIN][0] = 161, "rotary_sin.shape[0] (seqlen_rotary) is 161: expected 160, as rot");
    REFUSED(m.shape[MSIN][1] = 64, "rotary_sin.shape[1] (rotary_dim / 2) is 64: expected 32");
    REFUSED(m.shape[MCOS][1] = m.shape[MSIN][1] = 20,
            "rotary_cos.shape[1] (rotary_dim / 2) is 20: expected a multiple of 8 from 8 to 128");
    REFUSED(m.shape[MCOS][1] = m.shape[MSIN][1] = 72,
            "rotary_cos.shape[1] (rotary_dim / 2) is 72: expected at most 64");
    REFUSED(m.tensor[MKNEW].dtype.code = kDLFloat, "k_new.dtype is fp16: expected bf16, as q.dtype");
    REFUSED(m.tensor[MSIN].dtype = ((DLDataType){ kDLFloat, 32, 1 }),
            "rotary_sin.dtype is fp32: expected bf16, as q.dtype");
}

static void check_memory(aiter_context *ctx)
{
    int64_t strides[4] = { 2 * 16 * 128, 16 * 128, 64, 1 };
    REFUSED(m.tensor[MOUT].data = m.tensor[MK].data, "out.data is 0x200000000: expected memory apart");
    REFUSED(m.tensor[MV].data = m.tensor[MK].data, "v_cache.data is 0x200000000: expected memory apart "
                                                   "from k_cache");
    REFUSED(m.tensor[MKNEW].data = m.tensor[MK].data, "k_cache.data is 0x200000000: expected memory "
                                                      "apart from k_new");
    REFUSED(m.tensor[MTABLE].data = m.tensor[MV].data, "v_cache.data is 0x300000000: expected memory "
                                                       "apart from page_table");
    REFUSED(m.tensor[MCOS].data = m.tensor[MV].data, "v_cache.data is 0x300000000: expected memory "
                                                     "apart from rotary_cos");
    REFUSED(m.tensor[MK].strides = strides, "k_cache.strides[2] (block_size) is 64: expected at least "
                                            "128, elements of a written tensor must not overlap");
}

static void test_misuse_is_refused(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    check_presence(ctx);
    check_shapes(ctx);
    check_memory(ctx);
    assert_int_equal(fixture_stats(ctx).launches, 0);
    made_up m; /* one tensor: halves do not overlap, and the same elements need no values */
    init_made_up(&m);
    m.args.k_cache = m.args.v_cache = NULL;
    m.args.kv_cache = make(&m, MKV, kDLBfloat, 16, 5, 100, 2, 2, 16);
    m.shape[MKV][4] = 128;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    m.args.kv_cache = make(&m, MKV, kDLBfloat, 16, 4, 100, 2, 16, 128);
    m.args.v_new = NULL;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 4);
    aiter_context_destroy(ctx);
}

/* Nothing is appended for an attention that cannot be launched: 3 * 2^24 workgroups. */
static void test_all_or_nothing(void **state)
{
    fixture *f = *state;
    const int64_t heads = 1 << 24;
    int64_t strides[4] = { heads * 50 * 128, 128, 50 * 128, 1 };
    made_up m;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    init_made_up(&m);
    m.shape[MQ][2] = m.shape[MOUT][2] = heads;
    m.tensor[MQ].strides = m.tensor[MOUT].strides = strides;
    m.tensor[MQ].data = (void *)(UINT64_C(1) << 44);
    m.tensor[MOUT].data = (void *)(UINT64_C(1) << 45);
    assert_failed(aiter_flash_attn_with_kvcache(ctx, &m.args), AITER_ERROR_UNSUPPORTED,
                  "too many workgroups for one launch");
    assert_int_equal(fixture_stats(ctx).launches, 0);
    aiter_context_destroy(ctx);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_misuse_is_refused), T(test_all_or_nothing), T(test_kernels),    T(test_pairs_and_positions), T(test_fp8),
        T(test_far_pages),         T(test_launch_is_captured),
        T(test_gfx90a),            T(test_gfx942),     T(test_gfx950),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
