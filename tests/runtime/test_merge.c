/* The merge of two partial outputs: every misuse is refused with a message that names the field;
 * and what the kernel computes on the simulated devices, against float64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/fixture.h"
#include "tools/device.h"
#include "tools/numeric.h"

enum { OUT_A, LSE_A, OUT_B, LSE_B, MERGED, LSE_M, COUNT };

typedef struct merge {
    aiter_merge_args args;
    DLTensor tensor[COUNT];
    int64_t shape[COUNT][5], strides[COUNT][5];
} merge;

/* What a merge is made with. Rows of heads are `gap` elements longer than they need, in each tensor
 * another time, so that no two have the same strides. */
typedef struct merge_spec {
    num_dtype dtype;
    int batch, seqlen, heads, dim; /* batch 0: packed, of `seqlen` rows */
    int gap;
    bool lse, in_place;
} merge_spec;

static const DLTensor **field(merge *m, int t)
{
    const DLTensor **const fields[COUNT] = { &m->args.out_a, &m->args.lse_a, &m->args.out_b,
                                             &m->args.lse_b, &m->args.out,   &m->args.lse };
    return fields[t];
}

static DLDataType dl_dtype(num_dtype dtype)
{
    return dtype == NUM_BF16 ? (DLDataType){ kDLBfloat, 16, 1 }
                             : (DLDataType){ kDLFloat, dtype == NUM_FP32 ? 32 : 16, 1 };
}

/* Tensors at made-up addresses, each of another layout than the one before. */
static void init_merge(merge *m, const merge_spec *s)
{
    memset(m, 0, sizeof *m);
    m->args = (aiter_merge_args)AITER_MERGE_ARGS_INIT;
    for (int t = 0; t < COUNT; t++) {
        bool rows = t % 2 == 0;
        int at = s->batch ? 0 : 1, n = (rows ? 4 : 3) - at;
        int64_t dims[4] = { s->batch, s->seqlen, s->heads, s->dim }, stride = 1;
        if (!rows) {
            dims[1] = s->heads;
            dims[2] = s->seqlen;
        }
        memcpy(m->shape[t], dims + at, (size_t)n * sizeof dims[0]);
        for (int d = n - 1; d >= 0; d--) {
            m->strides[t][d] = stride;
            stride *= m->shape[t][d];
            if (d == n - 1)
                stride += s->gap * (s->in_place ? 1 : t / 2);
        }
        m->tensor[t] = (DLTensor){ .data = (void *)(UINT64_C(0x100000000) * (unsigned)(t + 1)),
                                   .device = { kDLROCM, 0 },
                                   .ndim = n,
                                   .dtype = rows ? dl_dtype(s->dtype) : dl_dtype(NUM_FP32),
                                   .shape = m->shape[t],
                                   .strides = m->strides[t] };
        *field(m, t) = t == LSE_M && !s->lse ? NULL : &m->tensor[t];
    }
}

/* ---- Misuse ---- */

static const merge_spec usual = { NUM_BF16, 2, 5, 8, 128, 8, true, false };

#define BAD(name, ...)                \
    static void bad_##name(merge *m)  \
    {                                 \
        __VA_ARGS__;                  \
    }

BAD(size, m->args.size = 12)
BAD(no_a, m->args.out_a = NULL)
BAD(no_lse_b, m->args.lse_b = NULL)
BAD(rank, m->tensor[OUT_B].ndim = 3)
BAD(dtype_b, m->tensor[OUT_B].dtype = dl_dtype(NUM_FP16))
BAD(dtype_out, m->tensor[MERGED].dtype = dl_dtype(NUM_FP32))
BAD(dtype_lse, m->tensor[LSE_A].dtype = dl_dtype(NUM_FP16))
BAD(batch, m->shape[OUT_B][0] = 1)
BAD(rows, m->shape[MERGED][1] = 4)
BAD(heads, m->shape[LSE_B][1] = 4)
BAD(lse_rows, m->shape[LSE_M][2] = 6; m->tensor[LSE_M].strides = NULL)
BAD(dim, m->shape[MERGED][3] = 64)
BAD(odd_dim, m->shape[OUT_A][3] = 100)
BAD(stride, m->strides[OUT_A][2] = 132)
BAD(device, m->tensor[LSE_B].device.device_id = 1)
BAD(data, m->tensor[OUT_B].data = NULL)
BAD(overlap, m->tensor[MERGED].data = (char *)m->tensor[OUT_A].data + 16)
BAD(other_strides, m->tensor[MERGED].data = m->tensor[OUT_A].data)
BAD(lse_overlap, m->tensor[LSE_M].data = (char *)m->tensor[LSE_B].data + 4)
BAD(lse_in_out, m->tensor[LSE_M].data = m->tensor[MERGED].data)
BAD(out_in_lse, m->tensor[MERGED].data = m->tensor[LSE_A].data)

static const struct {
    void (*spoil)(merge *m);
    const char *message;
} misuses[] = {
    { bad_size, "aiter_merge_args" },
    { bad_no_a, "out_a is NULL: expected a tensor" },
    { bad_no_lse_b, "lse_b is NULL: expected a tensor" },
    { bad_rank, "out_b.ndim is 3: expected 4 (batch, seqlen, heads, head_dim_v)" },
    { bad_dtype_b, "out_b.dtype is fp16: expected bf16, as out_a.dtype" },
    { bad_dtype_out, "out.dtype is fp32: expected bf16, as out_a.dtype" },
    { bad_dtype_lse, "lse_a.dtype is float16: expected fp32" },
    { bad_batch, "out_b.shape[0] (batch) is 1: expected 2, as out_a.shape[0]" },
    { bad_rows, "out.shape[1] (seqlen) is 4: expected 5, as out_a.shape[1]" },
    { bad_heads, "lse_b.shape[1] (heads) is 4: expected 8, as out_a.shape[2]" },
    { bad_lse_rows, "lse.shape[2] (seqlen) is 6: expected 5, as out_a.shape[1]" },
    { bad_dim, "out.shape[3] (head_dim_v) is 64: expected 128, as out_a.shape[3]" },
    { bad_odd_dim, "out_a.shape[3] (head_dim_v) is 100: expected a multiple of 8 from 8 to 256" },
    { bad_stride, "out_a.strides[2] (heads) is 132: expected a multiple of 8 elements" },
    { bad_device, "lse_b.device.device_id is 1: expected 0" },
    { bad_data, "out_b.data is NULL: expected a device pointer" },
    { bad_overlap, "out.data is 0x100000010: expected memory apart from out_a" },
    { bad_other_strides, "or the same with the same strides" },
    { bad_lse_overlap, "lse.data is 0x400000004: expected memory apart from lse_b" },
    { bad_lse_in_out, "lse.data is 0x500000000: expected memory apart from out (" },
    { bad_out_in_lse, "out.data is 0x200000000: expected memory apart from lse_a" },
};

static void test_misuse_is_refused(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    merge m;
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
        init_merge(&m, &usual);
        misuses[i].spoil(&m);
        assert_failed(aiter_merge_states(ctx, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                      misuses[i].message);
    }
    assert_failed(aiter_merge_states(ctx, NULL), AITER_ERROR_INVALID_ARGUMENT, "args is NULL");
    assert_failed(aiter_merge_states(NULL, &m.args), AITER_ERROR_INVALID_ARGUMENT, "ctx is NULL");
    assert_int_equal(fixture_stats(ctx).launches, 0);
    aiter_context_destroy(ctx);
}

static void test_grid_and_plans(void **state)
{
    fixture *f = *state;
    fixture_reset_hip(f);
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan, *other;
    input in;
    merge m;
    init_merge(&m, &usual);
    m.tensor[OUT_A].data = NULL;
    assert_ok(aiter_prepare_merge(ctx, &m.args, &plan));
    assert_string_equal(aiter_plan_config(plan),
                        "merge_states arch=gfx942 dtype=bf16 hdv=128 lse=1");
    init_merge(&m, &usual);
    assert_ok(aiter_launch_merge(plan, &m.args));
    /* 16 rows of 16 chunks to a workgroup; 40 rows to a batch entry. */
    assert_int_equal(f->hip->last.grid[0], 3 * 2);
    assert_string_equal(f->hip->last.kernel, "merge_states_gfx942_bf16_hd128_lse");

    m.args.lse = NULL;
    assert_failed(aiter_launch_merge(plan, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "lse is NULL: expected a tensor, the plan is merge_states");
    input_init(&in);
    assert_failed(aiter_launch(plan, &in.args), AITER_ERROR_INVALID_ARGUMENT,
                  "plan is merge_states arch=gfx942 dtype=bf16 hdv=128 lse=1: expected fmha_fwd");
    assert_ok(aiter_prepare(ctx, &in.args, &other));
    assert_failed(aiter_launch_merge(other, &m.args), AITER_ERROR_INVALID_ARGUMENT,
                  "expected merge_states arch=gfx942 dtype=bf16 hdv=128 lse=0");
    assert_failed(aiter_launch_merge(NULL, &m.args), AITER_ERROR_INVALID_ARGUMENT, "plan is NULL");

    merge_spec empty = usual;
    empty.seqlen = 0;
    init_merge(&m, &empty);
    assert_ok(aiter_merge_states(ctx, &m.args));
    assert_int_equal(fixture_stats(ctx).launches, 1);
    aiter_plan_destroy(plan);
    aiter_plan_destroy(other);
    aiter_context_destroy(ctx);
}

/* ---- Numbers ---- */

typedef struct host {
    unsigned char *bytes[COUNT];
    size_t size[COUNT];
} host;

static double number(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / (1 << 23) - 1;
}

static size_t index_of(const merge *m, int t, int b, int row, int head, int d)
{
    bool sums = t % 2, packed = m->tensor[t].ndim == (sums ? 2 : 3);
    const int64_t *s = m->strides[t];
    int64_t at = packed ? 0 : b * *s++;
    return (size_t)(at + (sums ? head * s[0] + row * s[1] : row * s[0] + head * s[1] + d));
}

static double get(const merge *m, const host *h, const merge_spec *s, int t, int b, int row,
                  int head, int d)
{
    return num_load(t % 2 ? NUM_FP32 : s->dtype, h->bytes[t], index_of(m, t, b, row, head, d));
}

/* Rows where one side, the other or both have no keys; far apart log-sum-exps. */
static double make_lse(int place, unsigned *seed)
{
    double x = 10 * number(seed);
    return place % 7 == 3 ? -INFINITY : place % 11 == 5 ? x - 200 : x;
}

static void fill(merge *m, host *h, const merge_spec *s)
{
    unsigned seed = 5;
    int batches = s->batch ? s->batch : 1, place = 0;
    for (int t = 0; t < COUNT; t++) {
        int64_t elements = 1;
        for (int d = 0; d < m->tensor[t].ndim; d++)
            elements += (m->shape[t][d] - 1) * m->strides[t][d];
        h->size[t] = (size_t)elements * (t % 2 || s->dtype == NUM_FP32 ? 4 : 2);
        h->bytes[t] = malloc(h->size[t]);
        memset(h->bytes[t], 0xff, h->size[t]); /* NaN in every dtype */
    }
    for (int b = 0; b < batches; b++)
        for (int row = 0; row < s->seqlen; row++)
            for (int head = 0; head < s->heads; head++, place++)
                for (int side = 0; side < 2; side++) {
                    double lse = make_lse(place + side * (place % 2), &seed);
                    int t = side * 2;
                    num_store(NUM_FP32, h->bytes[t + 1], index_of(m, t + 1, b, row, head, 0),
                              (float)lse);
                    for (int d = 0; d < s->dim && lse != -INFINITY; d++)
                        num_store(s->dtype, h->bytes[t], index_of(m, t, b, row, head, d),
                                  4 * (float)number(&seed));
                }
}

static void check_row(const merge *m, const host *in, const host *got, const merge_spec *s, int b,
                      int row, int head)
{
    double la = get(m, in, s, LSE_A, b, row, head, 0);
    double lb = get(m, in, s, LSE_B, b, row, head, 0);
    double top = fmax(la, lb);
    double wa = la == -INFINITY ? 0 : exp(la - top), wb = lb == -INFINITY ? 0 : exp(lb - top);
    double unit = s->dtype == NUM_BF16 ? 0x1p-8 : s->dtype == NUM_FP16 ? 0x1p-11 : 0x1p-20;
    for (int d = 0; d < s->dim; d++) {
        double a = wa > 0 ? wa * get(m, in, s, OUT_A, b, row, head, d) : 0;
        double c = wb > 0 ? wb * get(m, in, s, OUT_B, b, row, head, d) : 0;
        double expected = wa + wb > 0 ? (a + c) / (wa + wb) : 0;
        double is = get(m, got, s, MERGED, b, row, head, d);
        if (!(fabs(is - expected) <= 4 * unit * 1.01))
            fail_msg("batch %d row %d head %d d %d: %g, expected %g (lse %g %g)", b, row, head, d,
                     is, expected, la, lb);
        if (wa + wb == 0)
            assert_true(is == 0);
    }
    if (!s->lse)
        return;
    double lse = get(m, got, s, LSE_M, b, row, head, 0);
    double expected = wa + wb > 0 ? top + log(wa + wb) : -INFINITY;
    if (!(lse == expected || fabs(lse - expected) <= 2e-5))
        fail_msg("batch %d row %d head %d: lse %g, expected %g", b, row, head, lse, expected);
}

static void must(bool done, const char *error)
{
    if (!done)
        fail_msg("%s", error);
}

static void run_merge(aiter_context *ctx, device *d, const merge_spec *s)
{
    char error[DEVICE_ERROR_MAX];
    merge m;
    host in, got;
    init_merge(&m, s);
    fill(&m, &in, s);
    got = in;
    for (int t = 0; t < COUNT; t++) {
        must(device_alloc(d, &m.tensor[t].data, in.size[t], error), error);
        must(device_upload(d, m.tensor[t].data, in.bytes[t], in.size[t], error), error);
        m.tensor[t].device.device_id = device_ordinal(d);
    }
    if (s->in_place) {
        m.args.out = m.args.out_b;
        m.args.lse = m.args.lse_a;
    }
    assert_ok(aiter_merge_states(ctx, &m.args));
    must(device_sync(d, error), error);
    for (int t = MERGED; t < COUNT; t++) {
        int from = !s->in_place ? t : t == MERGED ? OUT_B : LSE_A;
        got.bytes[t] = malloc(in.size[t]);
        must(device_download(d, got.bytes[t], m.tensor[from].data, in.size[t], error), error);
    }
    for (int b = 0; b < (s->batch ? s->batch : 1); b++)
        for (int row = 0; row < s->seqlen; row++)
            for (int head = 0; head < s->heads; head++)
                check_row(&m, &in, &got, s, b, row, head);
    for (int t = 0; t < COUNT; t++) {
        device_free(d, m.tensor[t].data);
        free(in.bytes[t]);
    }
    free(got.bytes[MERGED]);
    free(got.bytes[LSE_M]);
}

/* Of each: padded and packed, rows that do not fill a workgroup, chunks that do not, in place. */
static const merge_spec specs[] = {
    { NUM_BF16, 2, 5, 8, 128, 8, true, false },    { NUM_FP16, 0, 37, 3, 200, 16, true, false },
    { NUM_FP32, 3, 7, 5, 64, 4, true, true },      { NUM_BF16, 0, 300, 1, 8, 0, false, false },
    { NUM_FP32, 0, 21, 4, 256, 0, false, false },  { NUM_FP16, 1, 1, 16, 96, 0, true, true },
};

static void test_merges_on(fixture *f, const char *name)
{
    char error[DEVICE_ERROR_MAX];
    device *d = NULL;
    must(device_open(&d, name, error) == DEVICE_OK, error);
    aiter_context_options options = f->options;
    options.hip_runtime = device_runtime(d);
    options.device = device_ordinal(d);
    options.compiler = REAL_COMPILER;
    aiter_context *ctx = NULL;
    assert_ok(aiter_context_create(&ctx, &options));
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        run_merge(ctx, d, &specs[i]);
    aiter_context_destroy(ctx);
    device_close(d);
}

static void test_numbers_gfx90a(void **state) { test_merges_on(*state, "sim:gfx90a"); }
static void test_numbers_gfx942(void **state) { test_merges_on(*state, "sim:gfx942"); }
static void test_numbers_gfx950(void **state) { test_merges_on(*state, "sim:gfx950"); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_misuse_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_grid_and_plans, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_gfx90a, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_gfx942, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_gfx950, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
