/* Split decode on the simulated devices, against float64; what the keys are split into; misuse. */
#include <string.h>

#include "tests/made_up.h"
#include "tests/runtime/site.h"

/* num_splits 0: chosen, of up to 8. The workspace has no more room than is needed, and NaN in it. */
static void run_decode(site *s, const trial_spec *given, int num_splits)
{
    trial_spec spec = *given;
    spec.num_splits = num_splits;
    spec.room = num_splits ? num_splits : 8;
    trial *t = make_trial(s, &spec);
    uint64_t before = fixture_stats(s->ctx).launches;
    assert_ok(trial_call(t, s->ctx));
    check_result(t);
    if (num_splits > 0)
        assert_int_equal(fixture_stats(s->ctx).launches - before, num_splits > 1 ? 2 : 1);
    trial_destroy(t);
}

/* heads, KV heads, query tokens, keys, head_dims, block_size */
static trial_spec spec_of(num_dtype dtype, int heads, int heads_kv, int seqlen_q, int seqlen_k,
                          int hdqk, int hdv, int block_size)
{
    return (trial_spec){ .dtype = dtype, .batch = 3, .heads = heads, .heads_kv = heads_kv,
                         .seqlen_q = seqlen_q, .seqlen_k = seqlen_k, .hdqk = hdqk, .hdv = hdv,
                         .causal = true, .lse = true, .seed = 11, .operation = TRIAL_KVCACHE,
                         .block_size = block_size };
}

static void test_decodes_on(fixture *f, const char *name)
{
    site s = open_site(f, name);
    trial_spec spec = spec_of(NUM_BF16, 16, 2, 1, 700, 128, 128, 16);
    run_decode(&s, &spec, 1);
    run_decode(&s, &spec, 3);
    run_decode(&s, &spec, 0);
    spec.seqlen_q = 2; /* no row of the matrices is empty */
    spec.rows_first = true;
    run_decode(&s, &spec, 4);
    spec = spec_of(NUM_FP16, 4, 2, 16, 300, 64, 64, 48);
    run_decode(&s, &spec, 1);
    run_decode(&s, &spec, 64); /* more than there are tiles */
    spec = spec_of(NUM_BF16, 5, 1, 3, 147, 192, 128, 64);
    spec.causal = false;
    spec.scale = -0.1f;
    run_decode(&s, &spec, 2);
    spec = spec_of(NUM_FP16, 8, 8, 1, 260, 40, 40, 0); /* not paged */
    run_decode(&s, &spec, 2);
    spec.operation = TRIAL_ATTN; /* dense */
    spec.heads_kv = 1;
    run_decode(&s, &spec, 2);
    spec = spec_of(NUM_BF16, 4, 1, 5, 130, 256, 256, 1024);
    spec.full_lengths = true;
    spec.lse = false;
    run_decode(&s, &spec, 2);
    spec = spec_of(NUM_BF16, 8, 1, 4, 3, 72, 200, 16); /* more queries than keys */
    run_decode(&s, &spec, 2);
    spec = spec_of(NUM_BF16, 8, 1, 2, 0, 64, 64, 0); /* no keys, and a sink */
    run_decode(&s, &spec, 2);
    spec.sink = true;
    run_decode(&s, &spec, 2);
    close_site(&s);
}

static void test_gfx90a(void **state) { test_decodes_on(*state, "sim:gfx90a"); }
static void test_gfx942(void **state) { test_decodes_on(*state, "sim:gfx942"); }
static void test_gfx950(void **state) { test_decodes_on(*state, "sim:gfx950"); }

/* The same splits give the same bits; other splits may not. */
static void test_same_splits_give_the_same_bits(void **state)
{
    enum { BYTES = 3 * 16 * 128 * 2 };
    char error[DEVICE_ERROR_MAX];
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = spec_of(NUM_BF16, 16, 2, 1, 700, 128, 128, 16);
    unsigned char bits[2][BYTES];
    spec.room = spec.num_splits = 5;
    for (int i = 0; i < 2; i++) {
        trial *t = make_trial(&s, &spec);
        const DLTensor *out = trial_kvcache_args(t)->out;
        assert_ok(trial_call(t, s.ctx));
        must(device_sync(s.device, error), error);
        must(device_download(s.device, bits[i], (char *)out->data + out->byte_offset, BYTES, error),
             error);
        trial_destroy(t);
    }
    assert_memory_equal(bits[0], bits[1], BYTES);
    close_site(&s);
}

/* ---- Memory traffic ---- */

/* Bytes read by a decode of 512 keys of each sequence in pages of 16, of the cache's size. */
static void check_reads(fixture *f, const char *name, bool fp8)
{
    char error[DEVICE_ERROR_MAX];
    site s = open_site(f, name);
    trial_spec spec = spec_of(NUM_BF16, 32, 4, 1, 512, 128, 128, 16);
    spec.full_lengths = true;
    spec.fp8 = fp8;
    const double cache = 2.0 * spec.batch * spec.seqlen_k * spec.heads_kv * 128 * (fp8 ? 1 : 2);
    trial *t = make_trial(&s, &spec);
    must(device_set_timing(s.device, AITER_SIM_TIMING_FULL, false, error), error);
    assert_ok(trial_call(t, s.ctx));
    check_result(t);
    must(device_set_timing(s.device, AITER_SIM_TIMING_OFF, false, error), error);
    aiter_sim_profile *profile = device_take_profile(s.device);
    print_message("read on %s%s, of the cache's bytes: HBM %.3f, L2 %.3f\n", name,
                  fp8 ? ", fp8" : "", profile->hbm.read_bytes / cache,
                  profile->l2.read_bytes / cache);
    assert_true(profile->hbm.read_bytes >= cache && profile->hbm.read_bytes <= 1.05 * cache);
    assert_true(profile->l2.read_bytes <= 1.05 * cache);
    device_free_profile(s.device, profile);
    trial_destroy(t);
    close_site(&s);
}

/* The cache is read once, from the L2 on, with 8 query heads to a KV head. */
static void test_the_cache_is_read_once(void **state)
{
    check_reads(*state, "sim:gfx90a", false);
    check_reads(*state, "sim:gfx942", false);
    check_reads(*state, "sim:gfx950", false);
    check_reads(*state, "sim:gfx942", true);
    check_reads(*state, "sim:gfx950", true);
}

/* ---- What the keys are split into, and misuse: a runtime that launches nothing ---- */

typedef struct made_up {
    DLTensor tensor[7];
    int64_t shape[7][5];
    aiter_kvcache_args args;
} made_up;

static const DLTensor *make(made_up *m, int t, uint8_t code, uint8_t bits, int ndim, int64_t s0,
                            int64_t s1, int64_t s2, int64_t s3)
{
    return make_up(&m->tensor[t], m->shape[t], t, code, bits, ndim, s0, s1, s2, s3);
}

/* 64 query heads on 8 KV heads, blocks of 16 keys. */
static void init_made_up(made_up *m, int batch, int seqlen_q, int seqlen_k)
{
    m->args = (aiter_kvcache_args)AITER_KVCACHE_ARGS_INIT;
    m->args.q = make(m, 0, kDLBfloat, 16, 4, batch, seqlen_q, 64, 128);
    m->args.k_cache = make(m, 1, kDLBfloat, 16, 4, 100, 8, 16, 128);
    m->args.v_cache = make(m, 2, kDLBfloat, 16, 4, 100, 8, 16, 128);
    m->args.out = make(m, 3, kDLBfloat, 16, 4, batch, seqlen_q, 64, 128);
    m->args.page_table = make(m, 4, kDLInt, 32, 2, batch, seqlen_k / 16, 0, 0);
    m->args.cache_seqlens = make(m, 5, kDLInt, 32, 1, batch, 0, 0, 0);
    m->args.workspace = make(m, 6, kDLFloat, 32, 1, 1 << 30, 0, 0, 0);
}

static int chosen(fixture *f, aiter_context *ctx, const made_up *m)
{
    aiter_plan *plan;
    assert_ok(aiter_prepare_kvcache(ctx, &m->args, &plan));
    uint64_t before = fixture_stats(ctx).launches;
    assert_ok(aiter_launch_kvcache(plan, &m->args));
    int kernels = (int)(fixture_stats(ctx).launches - before);
    int seqlen_q = (int)m->shape[0][1], batch = (int)m->shape[0][0];
    if (kernels == 2) /* 4 elements a thread, 8 rows a workgroup */
        assert_int_equal(f->hip->last.grid[0], (batch * 64 * seqlen_q + 7) / 8);
    const char *merge = strstr(f->hip->last.kernel, "merge_splits");
    assert_int_equal(merge != NULL, kernels == 2);
    aiter_plan_destroy(plan);
    return kernels;
}

static void test_splits_are_chosen(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    made_up m;
    init_made_up(&m, 1, 1, 8192); /* 8 workgroups of 304 */
    assert_int_equal(chosen(f, ctx, &m), 2);
    init_made_up(&m, 38, 1, 8192); /* 304 of 304 */
    assert_int_equal(chosen(f, ctx, &m), 1);
    init_made_up(&m, 1, 1, 128); /* one tile of keys */
    assert_int_equal(chosen(f, ctx, &m), 1);
    init_made_up(&m, 1, 1, 8192); /* no room for two */
    m.shape[6][0] = 64 * 129 * 2 - 1;
    assert_int_equal(chosen(f, ctx, &m), 1);
    m.shape[6][0] = 64 * 129 * 2;
    assert_int_equal(chosen(f, ctx, &m), 2);
    aiter_attn_variants window = AITER_ATTN_VARIANTS_INIT;
    window.use_window = 1;
    window.window_left = 127; /* one tile of keys is seen */
    m.args.variants = &window;
    assert_int_equal(chosen(f, ctx, &m), 1);
    m.args.variants = NULL;
    m.args.workspace = NULL;
    m.args.num_splits = 1;
    assert_int_equal(chosen(f, ctx, &m), 1);
    assert_string_equal(f->hip->last.kernel,
                        "fmha_decode_gfx942_bf16_hd128x128_causal_g8_kused_split_page16_rows16");
    aiter_context_destroy(ctx);
}

static void assert_refused(aiter_context *ctx, const made_up *m, aiter_status status,
                           const char *message)
{
    assert_failed(aiter_flash_attn_with_kvcache(ctx, &m->args), status, message);
}

static void test_misuse_is_refused(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    const aiter_status invalid = AITER_ERROR_INVALID_ARGUMENT;
    made_up m;
    init_made_up(&m, 1, 1, 8192);
    m.args.num_splits = -1;
    assert_refused(ctx, &m, invalid, "num_splits is -1: expected 0 or more");
    m.args.num_splits = 65;
    assert_refused(ctx, &m, invalid, "num_splits is 65: expected at most 64");
    m.args.num_splits = 4;
    m.shape[6][0] = 4 * 64 * 129 - 1;
    assert_refused(ctx, &m, invalid, "workspace has room for 3 splits: expected 33024 elements");
    m.args.workspace = NULL;
    assert_refused(ctx, &m, invalid, "workspace has room for 0 splits");
    init_made_up(&m, 1, 1, 8192);
    m.tensor[6].data = m.tensor[1].data;
    assert_refused(ctx, &m, invalid, "workspace.data is 0x200000000: expected memory apart from k_");
    init_made_up(&m, 1, 1, 8192);
    m.tensor[6].dtype.bits = 16;
    assert_refused(ctx, &m, invalid, "workspace.dtype is float16: expected fp32");
    init_made_up(&m, 1, 5, 8192); /* 40 rows, which are the forward kernel's, with a list */
    m.args.num_splits = 2;
    m.shape[6][0] = 2 * 5 * (64 * 129 + 2) + 3;
    assert_refused(ctx, &m, invalid, "workspace has room for 1 splits: expected 87040 elements, num_splits "
                                     "2 * (query tokens * heads) 320 * (head_dim_v + 8) 136");
    assert_int_equal(fixture_stats(ctx).launches, 0);
    m.shape[6][0]++;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 2);
    assert_string_equal(f->hip->last.kernel, "merge_splits_gfx942_bf16_hd128_listed");
    assert_int_equal(f->hip->last.grid[0], 5 * 64 / 2);
    m.args.num_splits = 1;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    assert_non_null(strstr(f->hip->last.kernel, "fmha_fwd"));
    aiter_context_destroy(ctx);
}

/* A plan is for a kernel; which one serves how many rows is the library's. */
static void test_plans_serve_fewer_rows(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    made_up m, few;
    init_made_up(&m, 1, 5, 8192); /* 40 rows: the forward kernel */
    m.args.workspace = NULL;
    assert_ok(aiter_prepare_kvcache(ctx, &m.args, &plan));
    init_made_up(&few, 1, 1, 8192); /* 8 rows, not split */
    few.args.workspace = NULL;
    assert_ok(aiter_launch_kvcache(plan, &few.args));
    assert_non_null(strstr(f->hip->last.kernel, "fmha_fwd"));
    aiter_plan_destroy(plan);

    init_made_up(&m, 1, 5, 8192); /* the same, which may be split */
    assert_ok(aiter_prepare_kvcache(ctx, &m.args, &plan));
    init_made_up(&few, 1, 1, 8192);
    assert_ok(aiter_launch_kvcache(plan, &few.args));
    assert_string_equal(f->hip->last.kernel, "merge_splits_gfx942_bf16_hd128_listed");
    aiter_plan_destroy(plan);

    init_made_up(&m, 1, 4, 8192); /* 32 rows, not prepared for splits */
    few.args.workspace = NULL;
    m.args.workspace = NULL;
    assert_ok(aiter_prepare_kvcache(ctx, &m.args, &plan));
    assert_ok(aiter_launch_kvcache(plan, &few.args));
    assert_non_null(strstr(f->hip->last.kernel, "rows32"));
    init_made_up(&few, 1, 1, 8192);
    assert_failed(aiter_launch_kvcache(plan, &few.args), AITER_ERROR_INVALID_ARGUMENT,
                  "workspace is a tensor: expected NULL, the plan was prepared without one");
    aiter_plan_destroy(plan);

    few.args.workspace = NULL; /* 8 rows */
    assert_ok(aiter_prepare_kvcache(ctx, &few.args, &plan));
    assert_failed(aiter_launch_kvcache(plan, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "in blocks of 16, is 32: expected 16, the plan is fmha_decode");
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

/* Nothing to do is done, however many splits it is asked to be done in. */
static void test_empty_batch(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    made_up m;
    init_made_up(&m, 0, 1, 8192);
    m.args.num_splits = 4;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    m.args.workspace = NULL;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 0);
    aiter_context_destroy(ctx);
}

/* The dense operations take a workspace as well. */
static void test_dense_is_split(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    made_up m;
    aiter_attn_args args = AITER_ATTN_ARGS_INIT;
    args.q = make(&m, 0, kDLBfloat, 16, 4, 2, 1, 8, 128);
    args.k = make(&m, 1, kDLBfloat, 16, 4, 2, 4096, 1, 128);
    args.v = make(&m, 2, kDLBfloat, 16, 4, 2, 4096, 1, 128);
    args.out = make(&m, 3, kDLBfloat, 16, 4, 2, 1, 8, 128);
    assert_ok(aiter_multi_query_attention(ctx, &args));
    assert_string_equal(f->hip->last.kernel,
                        "fmha_decode_gfx942_bf16_hd128x128_full_g8_split_rows16");
    assert_int_equal(f->hip->last.grid[0], 2);
    args.workspace = make(&m, 6, kDLFloat, 32, 1, 16 * 136 * 4, 0, 0, 0);
    args.num_splits = 4;
    assert_ok(aiter_flash_attn_func(ctx, &args));
    assert_string_equal(f->hip->last.kernel, "merge_splits_gfx942_bf16_hd128");
    assert_int_equal(fixture_stats(ctx).launches, 3);
    args.num_splits = 5;
    assert_failed(aiter_flash_attn_func(ctx, &args), AITER_ERROR_INVALID_ARGUMENT,
                  "workspace has room for 4 splits: expected");
    args.num_splits = -1;
    assert_failed(aiter_flash_attn_func(ctx, &args), AITER_ERROR_INVALID_ARGUMENT,
                  "num_splits is -1: expected 0 or more");
    aiter_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits_are_chosen, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_plans_serve_fewer_rows, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_empty_batch, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_dense_is_split, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_same_splits_give_the_same_bits, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_cache_is_read_once, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx942, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx90a, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx950, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
