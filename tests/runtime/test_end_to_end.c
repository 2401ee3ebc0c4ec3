/* From tensors to numbers: the real compiler and the simulated devices, judged against float64. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hip_abi.h"
#include "tests/runtime/site.h"

typedef aiter_status operation(aiter_context *ctx, const aiter_attn_args *args);

typedef struct run {
    const char *device;
    trial_spec spec;
    operation *call;
} run;

static void run_one(fixture *f, const run *r)
{
    site s = open_site(f, r->device);
    assert_string_equal(aiter_context_arch(s.ctx), device_arch(s.device));
    trial *t = make_trial(&s, &r->spec);
    assert_ok(r->call(s.ctx, trial_args(t)));
    check_result(t);
    trial_destroy(t);
    close_site(&s);
}

static trial_spec some_spec(num_dtype dtype)
{
    return (trial_spec){ .dtype = dtype,
                         .batch = 2,
                         .heads = 4,
                         .heads_kv = 2,
                         .seqlen_q = 70,
                         .seqlen_k = 91,
                         .hdqk = 64,
                         .hdv = 64,
                         .lse = true,
                         .seed = 7 };
}

static void test_flash_attn_gfx90a(void **state)
{
    run_one(*state, &(run){ "sim:gfx90a", some_spec(NUM_FP16), aiter_flash_attn_func });
}

static void test_flash_attn_gfx942(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_BF16), aiter_flash_attn_func };
    r.spec.causal = true;
    run_one(*state, &r);
}

static void test_flash_attn_gfx950(void **state)
{
    run r = { "sim:gfx950", some_spec(NUM_BF16), aiter_flash_attn_func };
    r.spec.layout = TRIAL_GAPS;
    run_one(*state, &r);
}

static void test_portable_fp32(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_FP32), aiter_flash_attn_func };
    r.spec.causal = true;
    run_one(*state, &r);
}

static void test_grouped_query(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_FP16), aiter_grouped_query_attention };
    r.spec.layout = TRIAL_PACKED_QKV;
    r.spec.seqlen_k = r.spec.seqlen_q;
    run_one(*state, &r);
}

static void test_multi_query(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_BF16), aiter_multi_query_attention };
    r.spec.heads_kv = 1;
    r.spec.scale = 0.3f;
    run_one(*state, &r);
}

static void test_negative_scale(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_BF16), aiter_flash_attn_func };
    r.spec.scale = -0.2f;
    run_one(*state, &r);
}

/* Without a key every row is 0 and its LSE -inf, also where memory held something else. */
static void test_no_keys(void **state)
{
    run r = { "sim:gfx942", some_spec(NUM_BF16), aiter_flash_attn_func };
    r.spec.seqlen_k = 0;
    run_one(*state, &r);
}

/* The scale that was given is the one that is used: with another one, the judge finds the output
 * wrong. */
static void test_scale_is_used(void **state)
{
    fixture *f = *state;
    char error[DEVICE_ERROR_MAX];
    device *d = open_device("sim:gfx942");
    aiter_context *ctx = context_on(f, d);
    trial_spec spec = some_spec(NUM_BF16);
    trial *t = make_trial(&(site){ .device = d }, &spec);
    trial_verdict verdict;
    aiter_attn_args args = *trial_args(t);
    args.softmax_scale = 0.5f;
    assert_ok(aiter_flash_attn_func(ctx, &args));
    must(trial_judge(t, &verdict, error), error);
    assert_false(verdict.pass);
    trial_destroy(t);
    aiter_context_destroy(ctx);
    device_close(d);
}

/* Prepares for one shape, launches two with the plan. */
static void run_plan(aiter_context *ctx, device *d, int expect_from_cache)
{
    trial_spec spec = some_spec(NUM_BF16);
    trial *first = make_trial(&(site){ .device = d }, &spec);
    spec.batch = 1;
    spec.heads = 2;
    spec.heads_kv = 1;
    spec.seqlen_q = 1;
    spec.layout = TRIAL_BHSD;
    trial *second = make_trial(&(site){ .device = d }, &spec);
    aiter_plan *plan;
    aiter_kernel_info info = { .size = sizeof info };
    assert_ok(aiter_prepare(ctx, trial_args(first), &plan));
    assert_ok(aiter_plan_info(plan, &info));
    assert_int_equal(info.from_cache, expect_from_cache);
    assert_ok(aiter_launch(plan, trial_args(first)));
    assert_ok(aiter_launch(plan, trial_args(second)));
    check_result(first);
    check_result(second);
    aiter_plan_destroy(plan);
    trial_destroy(first);
    trial_destroy(second);
}

/* The second context gets its code object from the cache, and it computes the same. */
static void test_plan_and_warm_start(void **state)
{
    fixture *f = *state;
    device *d = open_device("sim:gfx942");
    for (int warm = 0; warm < 2; warm++) {
        aiter_context *ctx = context_on(f, d);
        run_plan(ctx, d, warm);
        assert_int_equal(fixture_stats(ctx).compiles, !warm);
        aiter_context_destroy(ctx);
    }
    device_close(d);
}

/* ---- Capture ---- */

/* The graph functions that a server uses around us. */
typedef struct graph_api {
#define X(name, params) hip_error(*name) params;
    HIP_ABI_STREAM_FUNCTIONS(X)
    HIP_ABI_GRAPH_FUNCTIONS(X)
#undef X
} graph_api;

static graph_api load_graph_api(const char *runtime)
{
    void *library = dlopen(runtime, RTLD_NOW), *symbol;
    graph_api api = { 0 };
    assert_non_null(library);
#define LOAD(name)                                   \
    assert_non_null(symbol = dlsym(library, #name)); \
    memcpy(&api.name, &symbol, sizeof symbol)
    LOAD(hipStreamCreate);
    LOAD(hipStreamDestroy);
    LOAD(hipStreamSynchronize);
    LOAD(hipStreamBeginCapture);
    LOAD(hipStreamEndCapture);
    LOAD(hipGraphInstantiate);
    LOAD(hipGraphLaunch);
    LOAD(hipGraphExecDestroy);
    LOAD(hipGraphDestroy);
#undef LOAD
    return api;
}

static hip_graph_exec capture(const graph_api *api, hip_stream stream, const aiter_plan *plan,
                              const aiter_attn_args *given)
{
    hip_graph graph;
    hip_graph_exec exec;
    aiter_attn_args args = *given;
    args.stream = stream;
    assert_int_equal(api->hipStreamBeginCapture(stream, HIP_CAPTURE_MODE_GLOBAL), HIP_SUCCESS);
    assert_ok(aiter_launch(plan, &args));
    assert_int_equal(api->hipStreamEndCapture(stream, &graph), HIP_SUCCESS);
    assert_int_equal(api->hipGraphInstantiate(&exec, graph, NULL, NULL, 0), HIP_SUCCESS);
    assert_int_equal(api->hipGraphDestroy(graph), HIP_SUCCESS);
    return exec;
}

/* A prepared launch is recorded in the strictest capture mode, and the graph computes what the
 * launch would have. */
static void test_launch_is_captured(void **state)
{
    fixture *f = *state;
    device *d = open_device("sim:gfx942");
    graph_api api = load_graph_api(device_runtime(d));
    aiter_context *ctx = context_on(f, d);
    trial_spec spec = some_spec(NUM_BF16);
    trial *t = make_trial(&(site){ .device = d }, &spec);
    aiter_plan *plan;
    hip_stream stream;
    char error[DEVICE_ERROR_MAX];
    trial_verdict verdict;
    assert_ok(aiter_prepare(ctx, trial_args(t), &plan));
    assert_int_equal(api.hipStreamCreate(&stream), HIP_SUCCESS);
    hip_graph_exec exec = capture(&api, stream, plan, trial_args(t));
    must(trial_judge(t, &verdict, error), error);
    assert_false(verdict.pass); /* nothing ran yet */
    assert_int_equal(api.hipGraphLaunch(exec, stream), HIP_SUCCESS);
    assert_int_equal(api.hipStreamSynchronize(stream), HIP_SUCCESS);
    check_result(t);
    api.hipGraphExecDestroy(exec);
    api.hipStreamDestroy(stream);
    aiter_plan_destroy(plan);
    trial_destroy(t);
    aiter_context_destroy(ctx);
    device_close(d);
}

/* ---- A cache of more than 4 GiB: the same blocks under numbers up to 2.9 million ---- */

enum {
    ROWS_PER_BLOCK = 16, DIM = 64, SEQ_BLOCKS = 5, BLOCK_ELEMENTS = ROWS_PER_BLOCK * DIM,
    MAX_QUERIES = 36, /* more than decode takes */
};

typedef struct paged_run {
    device *d;
    aiter_context *ctx;
    int queries;
    int64_t num_blocks;
    int32_t table[SEQ_BLOCKS];
} paged_run;

static void *allocate(device *d, size_t bytes, const void *from)
{
    char error[DEVICE_ERROR_MAX];
    void *memory = NULL;
    must(device_alloc(d, &memory, bytes, error), error);
    if (from)
        must(device_upload(d, memory, from, bytes, error), error);
    return memory;
}

/* A cache of num_blocks blocks, of which those in the table get random keys or values. */
static char *make_cache(const paged_run *r, int stream)
{
    const size_t size = BLOCK_ELEMENTS * 2;
    char error[DEVICE_ERROR_MAX], *cache = allocate(r->d, (size_t)r->num_blocks * size, NULL);
    for (int b = 0; b < SEQ_BLOCKS; b++) {
        uint16_t block[BLOCK_ELEMENTS];
        for (int i = 0; i < BLOCK_ELEMENTS; i++)
            num_store(NUM_BF16, block, (size_t)i,
                      num_random(3, (uint64_t)stream, (uint64_t)(b * BLOCK_ELEMENTS + i)));
        must(device_upload(r->d, cache + (size_t)r->table[b] * size, block, size, error), error);
    }
    return cache;
}

static void attend(const paged_run *r, uint16_t out[MAX_QUERIES * DIM])
{
    uint16_t q[MAX_QUERIES * DIM];
    char error[DEVICE_ERROR_MAX];
    int64_t q_shape[] = { 1, r->queries, 1, DIM }, table_shape[] = { 1, SEQ_BLOCKS },
            cache_shape[] = { r->num_blocks, 1, ROWS_PER_BLOCK, DIM };
    const DLDataType bf16 = { kDLBfloat, 16, 1 }, int32 = { kDLInt, 32, 1 };
    for (int i = 0; i < MAX_QUERIES * DIM; i++)
        num_store(NUM_BF16, q, (size_t)i, num_random(3, 9, (uint64_t)i));
#define TENSOR(memory, type, dims, sizes)                                             \
    { .data = memory, .device = { kDLROCM, device_ordinal(r->d) }, .ndim = dims, .dtype = type, \
      .shape = sizes }
    DLTensor tq = TENSOR(allocate(r->d, sizeof q, q), bf16, 4, q_shape),
             tout = TENSOR(allocate(r->d, sizeof q, NULL), bf16, 4, q_shape),
             tk = TENSOR(make_cache(r, 1), bf16, 4, cache_shape),
             tv = TENSOR(make_cache(r, 2), bf16, 4, cache_shape),
             table = TENSOR(allocate(r->d, sizeof r->table, r->table), int32, 2, table_shape);
#undef TENSOR
    aiter_kvcache_args args = AITER_KVCACHE_ARGS_INIT;
    args.q = &tq;
    args.k_cache = &tk;
    args.v_cache = &tv;
    args.out = &tout;
    args.page_table = &table;
    assert_ok(aiter_flash_attn_with_kvcache(r->ctx, &args));
    must(device_sync(r->d, error), error);
    must(device_download(r->d, out, tout.data, sizeof q, error), error);
    device_free(r->d, tq.data);
    device_free(r->d, tout.data);
    device_free(r->d, tk.data);
    device_free(r->d, tv.data);
    device_free(r->d, table.data);
}

static void check_far_cache(fixture *f, int queries)
{
    uint16_t small[MAX_QUERIES * DIM] = { 0 }, large[MAX_QUERIES * DIM] = { 0 };
    paged_run r = { .d = open_device("sim:gfx942"), .queries = queries, .num_blocks = SEQ_BLOCKS,
                    .table = { 3, 0, 4, 1, 2 } };
    r.ctx = context_on(f, r.d);
    attend(&r, small);
    /* 2 KiB a block: from 2^21 on, blocks are beyond 4 GiB. */
    const int32_t far[SEQ_BLOCKS] = { 65535, 65536 + 3, 2097152 + 3, 70000, 2899999 };
    memcpy(r.table, far, sizeof far);
    r.num_blocks = 2900000;
    attend(&r, large);
    assert_memory_equal(small, large, (size_t)queries * DIM * 2);
    aiter_context_destroy(r.ctx);
    device_close(r.d);
}

static void test_cache_over_4_gib(void **state)
{
    check_far_cache(*state, 4);           /* decode */
    check_far_cache(*state, MAX_QUERIES); /* the forward kernel */
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_flash_attn_gfx90a),  T(test_flash_attn_gfx942),
        T(test_flash_attn_gfx950),  T(test_portable_fp32),
        T(test_grouped_query),      T(test_multi_query),
        T(test_negative_scale),     T(test_no_keys),
        T(test_scale_is_used),      T(test_plan_and_warm_start),
        T(test_launch_is_captured),
        T(test_cache_over_4_gib),
    };
    return cmocka_run_group_tests_name("end to end", tests, NULL, NULL);
}
