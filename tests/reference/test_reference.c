/* The reference itself: small cases worked out by hand, a plain second computation, and a judge
 * that notices. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tools/reference.h"

/* Without variants. */
#define PROBLEM(type, b, h, h_kv, rows, keys, dqk, dv, is_causal, factor, q_, k_, v_)                \
    .dtype = type, .batch = b, .heads = h, .heads_kv = h_kv, .seqlen_q = rows, .seqlen_k = keys,     \
    .hdqk = dqk, .hdv = dv, .causal = is_causal, .scale = factor, .q = q_, .k = k_, .v = v_

typedef struct fixture {
    ref_problem p;
    float *q, *k, *v;
    ref_result r;
} fixture;

static float *values(uint64_t stream, size_t count, num_dtype dtype)
{
    float *x = malloc((count ? count : 1) * sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = num_round(dtype, num_random(7, stream, i));
    return x;
}

static void setup(fixture *f, ref_problem p)
{
    f->q = values(1, ref_rows(&p) * (size_t)p.hdqk, p.dtype);
    f->k = values(2, (size_t)p.batch * (size_t)p.heads_kv * (size_t)p.seqlen_k * (size_t)p.hdqk,
                  p.dtype);
    f->v = values(3, (size_t)p.batch * (size_t)p.heads_kv * (size_t)p.seqlen_k * (size_t)p.hdv,
                  p.dtype);
    p.q = f->q;
    p.k = f->k;
    p.v = f->v;
    f->p = p;
    assert_true(ref_attention(&f->p, &f->r));
}

static void teardown(fixture *f)
{
    ref_result_free(&f->r);
    free(f->q);
    free(f->k);
    free(f->v);
}

static bool sees(const ref_problem *p, int diagonal, int j)
{
    if (p->causal && j > diagonal)
        return false;
    if (!p->use_window)
        return true;
    return (p->window_left < 0 || j >= diagonal - p->window_left) &&
           (p->window_right < 0 || j <= diagonal + p->window_right);
}

/* Attention of one row, written down from its definition. Returns the number of keys that count, the
 * sink among them. */
static int plain_row(const ref_problem *p, int b, int h, int i, double *out, double *lse)
{
    const size_t kv = (size_t)(b * p->heads_kv + h / (p->heads / p->heads_kv));
    const float *q =
        p->q + ((size_t)(b * p->heads + h) * (size_t)p->seqlen_q + (size_t)i) * (size_t)p->hdqk;
    const int keys = p->seqlens_k ? p->seqlens_k[b] : p->seqlen_k;
    const int diagonal = i + keys - (p->seqlens_q ? p->seqlens_q[b] : p->seqlen_q);
    double sum = p->sinks ? exp(p->sinks[h]) : 0;
    int visible = p->sinks != NULL;

    for (int d = 0; d < p->hdv; d++)
        out[d] = 0;
    for (int j = 0; j < keys; j++) {
        const float *k = p->k + (kv * (size_t)p->seqlen_k + (size_t)j) * (size_t)p->hdqk;
        const float *v = p->v + (kv * (size_t)p->seqlen_k + (size_t)j) * (size_t)p->hdv;
        double score = 0;

        if (!sees(p, diagonal, j))
            continue;
        visible++;
        for (int d = 0; d < p->hdqk; d++)
            score += (double)q[d] * k[d];
        score *= p->scale;
        if (p->softcap > 0)
            score = p->softcap * tanh(score / p->softcap);
        if (p->slopes)
            score -= (double)p->slopes[b * p->heads + h] * abs(diagonal - j);
        if (p->bias)
            score += p->bias[(((size_t)b * p->heads + h) * p->seqlen_q + i) * p->seqlen_k + j];
        const double weight = exp(score);
        sum += weight;
        for (int d = 0; d < p->hdv; d++)
            out[d] += weight * v[d];
    }
    for (int d = 0; d < p->hdv && visible; d++)
        out[d] /= sum;
    *lse = log(sum);
    return visible;
}

static void compare_with_plain(const fixture *f)
{
    const ref_problem *p = &f->p;
    double out[256], lse;
    size_t row = 0;

    for (int b = 0; b < p->batch; b++)
        for (int h = 0; h < p->heads; h++)
            for (int i = 0; i < p->seqlen_q; i++, row++) {
                if (p->seqlens_q && i >= p->seqlens_q[b])
                    continue;
                const int visible = plain_row(p, b, h, i, out, &lse);
                for (int d = 0; d < p->hdv; d++)
                    assert_true(fabs(f->r.out[row * (size_t)p->hdv + (size_t)d] - out[d]) < 1e-13);
                if (visible)
                    assert_true(fabs(f->r.lse[row] - lse) < 1e-12);
                else
                    assert_true(f->r.lse[row] == -INFINITY);
            }
}

static void agrees_with_the_definition(void **state)
{
    static const ref_problem cases[] = {
        { PROBLEM(NUM_FP16, 1, 1, 1, 1, 1, 8, 8, false, 0.35f, NULL, NULL, NULL) },
        { PROBLEM(NUM_FP16, 2, 4, 2, 33, 70, 40, 24, false, 0.2f, NULL, NULL, NULL) },
        { PROBLEM(NUM_BF16, 2, 4, 1, 65, 129, 64, 64, true, 0.125f, NULL, NULL, NULL) },
        { PROBLEM(NUM_BF16, 1, 3, 3, 130, 64, 64, 128, true, 0.125f, NULL, NULL, NULL) },
        { PROBLEM(NUM_FP32, 3, 6, 2, 17, 1, 16, 256, true, 0.25f, NULL, NULL, NULL) },
        { PROBLEM(NUM_FP32, 1, 2, 2, 5, 0, 16, 8, false, 0.25f, NULL, NULL, NULL) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        setup(&f, cases[i]);
        compare_with_plain(&f);
        teardown(&f);
    }
}

static void variants_agree_with_the_definition(void **state)
{
    static const int queries[3] = { 40, 0, 17 }, keys[3] = { 31, 70, 0 };
    static const float sinks[4] = { 0.5f, -2, 3, 0 };
    const ref_problem base = { PROBLEM(NUM_BF16, 3, 4, 2, 40, 70, 16, 8, false, 0.25f, NULL, NULL,
                                       NULL) };
    float *slopes = values(4, 12, NUM_FP32), *bias = values(5, 12 * 40 * 70, NUM_BF16);

    (void)state;
    for (int v = 0; v < 64; v++) {
        ref_problem p = base;
        fixture f;
        p.causal = v % 3 == 0;
        p.use_window = v & 1;
        p.window_left = v % 5 == 0 ? -1 : 9;
        p.window_right = v % 7 == 0 ? -1 : 4;
        p.softcap = v & 2 ? 1.5f : 0;
        p.slopes = v & 4 ? slopes : NULL;
        p.bias = v & 8 ? bias : NULL;
        p.sinks = v & 16 ? sinks : NULL;
        p.seqlens_q = v & 32 ? queries : NULL;
        p.seqlens_k = v & 32 ? keys : NULL;
        setup(&f, p);
        compare_with_plain(&f);
        teardown(&f);
    }
    free(slopes);
    free(bias);
}

/* A bias of -inf hides keys as a mask does. */
static void a_bias_can_hide_keys(void **state)
{
    static const float q[8] = { 1 }, k[2 * 8] = { 0 };
    const float v[2 * 8] = { [0] = 5, [8] = 7 }, hides_one[2] = { -INFINITY, 0 },
                hides_all[2] = { -INFINITY, -INFINITY };
    ref_problem p = { PROBLEM(NUM_FP16, 1, 1, 1, 1, 2, 8, 8, false, 1, q, k, v) };
    ref_result r;

    (void)state;
    p.bias = hides_one;
    assert_true(ref_attention(&p, &r));
    assert_true(r.out[0] == 7 && r.lse[0] == 0);
    ref_result_free(&r);
    p.bias = hides_all;
    assert_true(ref_attention(&p, &r));
    assert_true(r.out[0] == 0 && r.lse[0] == -INFINITY);
    ref_result_free(&r);
}

/* q = 0: every visible key weighs the same, so that row i's output is the mean of the visible
 * values. */
static void causal_is_aligned_to_the_bottom_right(void **state)
{
    static const float q[5 * 8] = { 0 }, k[3 * 8] = { 0 };
    float v[3 * 8];
    ref_problem p = { PROBLEM(NUM_FP32, 1, 1, 1, 5, 3, 8, 8, true, 1, q, k, v) };
    static const double expected[5] = { 0, 0, 1, 1.5, 2 };
    ref_result r;

    (void)state;
    for (int i = 0; i < 24; i++)
        v[i] = (float)(1 + i / 8);
    assert_true(ref_attention(&p, &r));
    for (int i = 0; i < 5; i++) {
        assert_true(fabs(r.out[8 * i + 3] - expected[i]) < 1e-15);
        assert_true(fabs(r.lowp_out[8 * i + 3] - expected[i]) < 1e-6);
    }
    assert_true(r.lse[1] == -INFINITY);
    assert_true(r.lse[2] == 0);
    assert_true(fabs(r.lse[4] - log(3)) < 1e-15);
    ref_result_free(&r);
}

static void query_heads_read_their_group(void **state)
{
    static const float q[4 * 8] = { 0 }, k[2 * 8] = { 0 };
    const float v[2 * 8] = { [0] = 5, [8] = 7 };
    const ref_problem p = { PROBLEM(NUM_FP16, 1, 4, 2, 1, 1, 8, 8, false, 1, q, k, v) };
    ref_result r;

    (void)state;
    assert_true(ref_attention(&p, &r));
    assert_true(r.out[0] == 5 && r.out[8] == 5 && r.out[16] == 7 && r.out[24] == 7);
    ref_result_free(&r);
}

static void large_scores_do_not_overflow(void **state)
{
    const float q[8] = { 200 }, k[2 * 8] = { [0] = 200, [8] = 100 },
                v[2 * 8] = { [0] = 1, [8] = 2 };
    const ref_problem p = { PROBLEM(NUM_FP32, 1, 1, 1, 1, 2, 8, 8, false, 1, q, k, v) };
    ref_result r;

    (void)state;
    assert_true(ref_attention(&p, &r));
    assert_true(r.out[0] == 1 && r.lse[0] == 40000);
    ref_result_free(&r);
}

/* The result of a careful kernel: float64 rounded once. */
static void ideal(const fixture *f, float *out, float *lse)
{
    for (size_t i = 0; i < ref_rows(&f->p) * (size_t)f->p.hdv; i++)
        out[i] = num_round(f->p.dtype, (float)f->r.out[i]);
    for (size_t i = 0; i < ref_rows(&f->p); i++)
        lse[i] = (float)f->r.lse[i];
}

static const ref_problem judged = {
    PROBLEM(NUM_BF16, 1, 2, 1, 64, 96, 32, 32, true, 0.18f, NULL, NULL, NULL)
};
enum { ROWS = 128, ELEMENTS = ROWS * 32 };

static void the_judge_accepts_correct_results(void **state)
{
    float out[ELEMENTS], lse[ROWS];
    ref_verdict v;
    fixture f;

    (void)state;
    setup(&f, judged);
    ideal(&f, out, lse);
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(v.pass && v.within_tolerance && v.within_bound && v.lse_ok);
    assert_true(v.max_error > 0 && v.max_error < 0.02 && v.lowp_error > 0 && v.lowp_error < 0.1);
    assert_true(v.tolerance == fmax(2 * v.lowp_error, 1e-2 * v.range));
    for (size_t i = 0; i < ELEMENTS; i++)
        out[i] = (float)f.r.lowp_out[i];
    ref_judge(&f.p, &f.r, out, NULL, &v);
    assert_true(v.within_tolerance);
    teardown(&f);
}

static void the_judge_notices_every_kind_of_error(void **state)
{
    float out[ELEMENTS], lse[ROWS];
    ref_verdict v;
    fixture f;

    (void)state;
    setup(&f, judged);

    ideal(&f, out, lse);
    out[32 * 100 + 5] = NAN;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && v.not_finite == 1 && v.head == 1 && v.row == 36 && v.column == 5);

    ideal(&f, out, lse);
    out[7] += 0.25f;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && !v.within_tolerance && v.head == 0 && v.row == 0 && v.column == 7);

    ideal(&f, out, lse);
    lse[9] += 0.1f;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && !v.lse_ok && v.within_tolerance);

    ideal(&f, out, lse);
    lse[9] = NAN;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && !v.lse_ok);
    teardown(&f);
}

/* A mask that is off by one, a scale that is ignored: what the per-element bound is for. */
static void the_judge_notices_a_wrong_mask_and_a_wrong_scale(void **state)
{
    ref_problem wrong[3] = { judged, judged, judged };
    fixture right, other;
    float out[ELEMENTS], lse[ROWS];
    ref_verdict v;

    (void)state;
    setup(&right, judged);
    wrong[0].causal = false;
    wrong[1].seqlen_k = 95;     /* the last key forgotten, the diagonal one further left */
    wrong[2].scale = 0.19f;
    for (int i = 0; i < 3; i++) {
        setup(&other, wrong[i]);
        ideal(&other, out, lse);
        ref_judge(&right.p, &right.r, out, lse, &v);
        assert_false(v.pass);
        assert_false(v.within_bound);
        assert_false(v.lse_ok);
        teardown(&other);
    }
    teardown(&right);
}

static void masked_rows_must_be_exactly_zero(void **state)
{
    ref_problem p = judged;
    float out[ELEMENTS], lse[ROWS];
    ref_verdict v;
    fixture f;

    (void)state;
    p.seqlen_k = 60; /* rows 0..3 of each head see nothing */
    setup(&f, p);
    ideal(&f, out, lse);
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(v.pass);
    out[3 * 32] = 1e-30f;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && v.row == 3);
    ideal(&f, out, lse);
    lse[0] = -3e38f;
    ref_judge(&f.p, &f.r, out, lse, &v);
    assert_true(!v.pass && !v.lse_ok);
    teardown(&f);
}

static void overflow_of_the_textbook_computation_does_not_widen_the_tolerance(void **state)
{
    const float q[8] = { 300 }, k[2 * 8] = { [0] = 300, [8] = 299 },
                v[2 * 8] = { [0] = 1, [8] = 2 };
    const ref_problem p = { PROBLEM(NUM_FP16, 1, 1, 1, 1, 2, 8, 8, false, 1, q, k, v) };
    const float out[8] = { 1 };
    ref_verdict verdict;
    ref_result r;

    (void)state;
    assert_true(ref_attention(&p, &r));
    ref_judge(&p, &r, out, NULL, &verdict);
    assert_true(isinf(verdict.lowp_error));
    assert_true(verdict.tolerance == 0.01);
    assert_true(verdict.pass);
    ref_result_free(&r);
}

static void two_heads_of_512_take_well_under_a_second(void **state)
{
    const ref_problem p = { PROBLEM(NUM_BF16, 1, 2, 1, 512, 512, 128, 128, true, 0.088f, NULL, NULL, NULL) };
    struct timespec start, end;
    fixture f;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &start);
    setup(&f, p);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds =
        (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    print_message("reference: 512 x 512, 2 heads, head_dim 128: %.3f s\n", seconds);
    assert_true(seconds < 10); /* also where everything is sanitised and shared */
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(variants_agree_with_the_definition),
        cmocka_unit_test(a_bias_can_hide_keys),
        cmocka_unit_test(causal_is_aligned_to_the_bottom_right),
        cmocka_unit_test(query_heads_read_their_group),
        cmocka_unit_test(large_scores_do_not_overflow),
        cmocka_unit_test(the_judge_accepts_correct_results),
        cmocka_unit_test(the_judge_notices_every_kind_of_error),
        cmocka_unit_test(the_judge_notices_a_wrong_mask_and_a_wrong_scale),
        cmocka_unit_test(masked_rows_must_be_exactly_zero),
        cmocka_unit_test(overflow_of_the_textbook_computation_does_not_widen_the_tolerance),
        cmocka_unit_test(two_heads_of_512_take_well_under_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
