/* Ragged batches on the simulated devices, against float64: heads of a group in one tile, long sequences' keys in
 * parts that are merged; what a launch is made of; misuse. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aiter_sim.h"
#include "tests/runtime/site.h"

/* Runs, checks, and says how many kernels it took. */
static int run(const site *s, const trial_spec *spec)
{
    trial *t = make_trial(s, spec);
    uint64_t before = fixture_stats(s->ctx).launches;
    assert_ok(trial_call(t, s->ctx));
    check_result(t);
    trial_destroy(t);
    return (int)(fixture_stats(s->ctx).launches - before);
}

/* Decode, speculation, prefill of a prompt, a chunk of one, nothing; one sequence is far longer than the
 * others. */
enum { NUM_SEQUENCES = 9 };
static const int lengths_q[NUM_SEQUENCES] = { 1, 1, 50, 0, 16, 1, 23, 3, 1 };
static const int lengths_k[NUM_SEQUENCES] = { 40, 1300, 50, 77, 300, 0, 410, 1, 500 };

static trial_spec mixed(num_dtype dtype, trial_operation operation, int dim, int block_size)
{
    return (trial_spec){ .dtype = dtype, .batch = NUM_SEQUENCES, .heads = 8, .heads_kv = 2,
                         .seqlen_q = 50, .seqlen_k = 1300, .hdqk = dim, .hdv = dim, .causal = true,
                         .lse = true, .seed = 3, .operation = operation, .block_size = block_size,
                         .lengths_q = lengths_q, .lengths_k = lengths_k, .room = 2 };
}

static void test_mixed_batches_on(fixture *f, const char *name)
{
    site s = open_site(f, name);
    trial_spec spec = mixed(NUM_BF16, TRIAL_CU, 128, 16);
    assert_int_equal(run(&s, &spec), 2);
    spec = mixed(NUM_FP16, TRIAL_PACKED, 64, 0);
    spec.sink = true; /* once, not once a split */
    assert_int_equal(run(&s, &spec), 2);
    spec.heads = 10; /* a group that tiles are no multiple of */
    spec.num_splits = 64;
    spec.room = 64;
    spec.alibi = true;
    assert_int_equal(run(&s, &spec), 2);
    spec = mixed(NUM_BF16, TRIAL_PADDED, 96, 80);
    spec.heads = spec.heads_kv = 3; /* nothing to pack */
    spec.use_window = true;
    spec.window_left = 700;
    spec.window_right = 30;
    spec.causal = false;
    spec.fp8 = strcmp(name, "sim:gfx90a") != 0;
    spec.num_splits = 2;
    assert_int_equal(run(&s, &spec), 2);
    spec.room = spec.num_splits = 0;
    assert_int_equal(run(&s, &spec), 1);
    close_site(&s);
}

static void test_gfx90a(void **state) { test_mixed_batches_on(*state, "sim:gfx90a"); }
static void test_gfx942(void **state) { test_mixed_batches_on(*state, "sim:gfx942"); }
static void test_gfx950(void **state) { test_mixed_batches_on(*state, "sim:gfx950"); }

/* More query rows of a KV head than decode takes, in the other operations. */
static void test_many_rows_of_few_sequences(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = { .dtype = NUM_BF16, .batch = 2, .heads = 8, .heads_kv = 1, .seqlen_q = 16,
                        .seqlen_k = 900, .hdqk = 128, .hdv = 128, .causal = true, .lse = true, .seed = 5,
                        .operation = TRIAL_KVCACHE, .block_size = 32, .room = 4, .softcap = 20 };
    assert_int_equal(run(&s, &spec), 2);
    spec.num_splits = 1;
    assert_int_equal(run(&s, &spec), 1);
    spec.operation = TRIAL_ATTN;
    spec.block_size = 0;
    spec.num_splits = 3;
    spec.bias = true;
    assert_int_equal(run(&s, &spec), 2);
    spec.seqlen_q = 5;
    spec.seqlen_k = 3; /* more queries than keys, more splits than tiles */
    assert_int_equal(run(&s, &spec), 2);
    close_site(&s);
}

/* Splits are as long as the room demands; without any there are none. */
static void test_room_is_kept_to(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = mixed(NUM_BF16, TRIAL_CU, 64, 16);
    trial *t = make_trial(&s, &spec);
    aiter_varlen_args args = *trial_varlen_args(t);
    DLTensor less = *args.workspace;
    int64_t elements = 0;
    less.shape = &elements;
    args.workspace = &less;
    static const int64_t sizes[] = { 0, 700, 1200, 4000, 20000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        elements = sizes[i];
        assert_ok(aiter_variable_length_attention(s.ctx, &args));
        check_result(t);
    }
    trial_destroy(t);
    close_site(&s);
}

/* The same lengths, shapes and room give the same bits. */
static void test_results_are_the_same_each_time(void **state)
{
    enum { BYTES = 96 * 8 * 128 * 2 };
    static unsigned char results[2][BYTES];
    char error[DEVICE_ERROR_MAX];
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = mixed(NUM_BF16, TRIAL_CU, 128, 16);
    for (int i = 0; i < 2; i++) {
        trial *t = make_trial(&s, &spec);
        const DLTensor *out = trial_varlen_args(t)->out;
        assert_int_equal(out->shape[0], 96);
        assert_ok(trial_call(t, s.ctx));
        must(device_sync(s.device, error), error);
        must(device_download(s.device, results[i], (char *)out->data + out->byte_offset, BYTES, error),
             error);
        trial_destroy(t);
    }
    assert_memory_equal(results[0], results[1], BYTES);
    close_site(&s);
}

/* Lengths are the caller's data. Whatever they are, nothing is read or written that is not the
 * launch's; the simulator's memory ends where allocations do. */
static void test_wild_lengths_do_no_harm(void **state)
{
    static const int wild[2][NUM_SEQUENCES + 1] = {
        { -7, 5, 60, 60, 96, 1 << 30, 300, 96, INT32_MAX, INT32_MIN }, /* in no two sequences */
        { -1, 1 << 30, 1300, INT32_MIN, INT32_MAX, 1, 1300, 1300, 1300, 0 },
    };
    char error[DEVICE_ERROR_MAX];
    site s = open_site(*state, "sim:gfx942");
    trial_spec spec = mixed(NUM_BF16, TRIAL_CU, 64, 0);
    spec.num_splits = 2;
    for (int auto_splits = 0; auto_splits <= 1; auto_splits++) {
        trial *t = make_trial(&s, &spec);
        aiter_varlen_args args = *trial_varlen_args(t);
        const DLTensor *lengths[] = { args.cu_seqlens_q, args.cu_seqlens_k };
        for (int i = 0; i < 2; i++)
            must(device_upload(s.device, (char *)lengths[i]->data + lengths[i]->byte_offset, wild[i],
                               sizeof wild[i], error), error);
        args.num_splits = auto_splits ? 0 : 2;
        assert_ok(aiter_variable_length_attention(s.ctx, &args));
        must(device_sync(s.device, error), error);
        trial_destroy(t);
    }
    close_site(&s);
}

/* 16 speculative tokens of 8 heads over a long cache in pages: 128 rows, none of them idle, and the
 * cache is read once, from the L2 on. */
static void test_the_cache_is_read_once(void **state)
{
    site s = open_site(*state, "sim:gfx942");
    void *sim = dlopen(device_runtime(s.device), RTLD_NOW);
    int (*set_timing)(aiter_sim_timing, int);
    aiter_sim_profile *(*take_profile)(void);
    void (*free_profile)(aiter_sim_profile *);
    *(void **)&set_timing = dlsym(sim, "aiterSimSetTiming");
    *(void **)&take_profile = dlsym(sim, "aiterSimTakeProfile");
    *(void **)&free_profile = dlsym(sim, "aiterSimFreeProfile");
    trial_spec spec = { .dtype = NUM_BF16, .batch = 1, .heads = 16, .heads_kv = 2, .seqlen_q = 16,
                        .seqlen_k = 4096, .hdqk = 128, .hdv = 128, .causal = true, .seed = 5,
                        .operation = TRIAL_KVCACHE, .block_size = 16, .full_lengths = true, .room = 8,
                        .num_splits = 8 };
    const double cache = 2.0 * spec.seqlen_k * spec.heads_kv * 128 * 2;
    trial *t = make_trial(&s, &spec);
    set_timing(AITER_SIM_TIMING_FULL, 0);
    assert_ok(trial_call(t, s.ctx));
    check_result(t);
    set_timing(AITER_SIM_TIMING_OFF, 0);
    aiter_sim_profile *profile = take_profile();
    /* Each of the 8 splits reads the queries. */
    const double own = 8.0 * spec.heads * spec.seqlen_q * 128 * 2;
    print_message("read, of the cache's bytes: HBM %.3f, L2 %.3f (%.3f without q), %.1f us\n",
                  profile->hbm.read_bytes / cache, profile->l2.read_bytes / cache,
                  (profile->l2.read_bytes - own) / cache, profile->seconds * 1e6);
    assert_true(profile->hbm.read_bytes <= 1.05 * cache);
    assert_true(profile->l2.read_bytes - own <= 1.05 * cache);
    free_profile(profile);
    trial_destroy(t);
    close_site(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_rows_of_few_sequences, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_room_is_kept_to, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_results_are_the_same_each_time, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wild_lengths_do_no_harm, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_cache_is_read_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx942, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx90a, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gfx950, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
