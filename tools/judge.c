#include "tools/reference.h"

#include <math.h>

/* How much of its bound an error uses up; equal values use nothing, also where the bound is 0. */
static double used(double error, double bound)
{
    return error == 0 ? 0 : error / bound;
}

static void locate(const ref_problem *p, size_t element, ref_verdict *v)
{
    const size_t row = element / (size_t)p->hdv, head = row / (size_t)p->seqlen_q;

    v->column = (int)(element % (size_t)p->hdv);
    v->row = (int)(row % (size_t)p->seqlen_q);
    v->head = (int)(head % (size_t)p->heads);
    v->batch = (int)(head / (size_t)p->heads);
}

/* Does the query row, counted over all heads and batch entries, exist? */
static bool exists(const ref_problem *p, size_t row)
{
    const size_t head = row / (size_t)p->seqlen_q;

    return (int)(row % (size_t)p->seqlen_q) < ref_seqlen_q(p, (int)(head / (size_t)p->heads));
}

static void judge_out(const ref_problem *p, const ref_result *r, const float *out, ref_verdict *v)
{
    const size_t count = ref_rows(p) * (size_t)p->hdv;
    size_t worst = 0;

    for (size_t i = 0; i < count; i++) {
        if (!exists(p, i / (size_t)p->hdv))
            continue;
        const double error = fabs(out[i] - r->out[i]);
        const bool finite = isfinite(out[i]);
        const double ratio = finite ? used(error, r->out_bound[i]) : INFINITY;

        v->range = fmax(v->range, fabs(r->out[i]));
        v->lowp_error = isnan(r->lowp_out[i])
                            ? INFINITY
                            : fmax(v->lowp_error, fabs(r->lowp_out[i] - r->out[i]));
        v->max_error = finite ? fmax(v->max_error, error) : INFINITY;
        v->not_finite += !finite;
        if (ratio > v->bound_ratio) {
            v->bound_ratio = ratio;
            worst = i;
        }
    }
    v->tolerance = 1e-2 * v->range;
    if (isfinite(v->lowp_error))
        v->tolerance = fmax(v->tolerance, 2 * v->lowp_error);
    if (count > 0) {
        locate(p, worst, v);
        v->got = out[worst];
        v->expected = r->out[worst];
    }
}

static void judge_lse(const ref_problem *p, const ref_result *r, const float *lse, ref_verdict *v)
{
    for (size_t i = 0; i < ref_rows(p); i++) {
        if (!exists(p, i))
            continue;
        const bool same = lse[i] == r->lse[i], comparable = isfinite(lse[i]) && isfinite(r->lse[i]);
        const double error = same ? 0 : comparable ? fabs(lse[i] - r->lse[i]) : INFINITY;

        v->lse_max_error = fmax(v->lse_max_error, error);
        v->lse_bound_ratio = fmax(v->lse_bound_ratio, used(error, r->lse_bound[i]));
    }
}

void ref_judge(const ref_problem *p, const ref_result *r, const float *out, const float *lse,
               ref_verdict *v)
{
    *v = (ref_verdict){ 0 };
    judge_out(p, r, out, v);
    if (lse)
        judge_lse(p, r, lse, v);
    v->within_tolerance = v->max_error <= v->tolerance;
    v->within_bound = v->bound_ratio <= 1;
    v->lse_ok = v->lse_bound_ratio <= 1;
    v->pass = v->within_tolerance && v->within_bound && v->lse_ok;
}
