#include "tests/foreign/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/reference.h"

int attention_tokens(const int lengths[MAX_SEQUENCES], int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++)
        sum += lengths[i];
    return sum;
}

int attention_longest(const int lengths[MAX_SEQUENCES], int count)
{
    int longest = 0;

    for (int i = 0; i < count; i++)
        if (lengths[i] > longest)
            longest = lengths[i];
    return longest;
}

static int heads_of(const attention *a, int which) { return which == 0 ? a->heads : a->heads_kv; }

static int dim_of(const attention *a, int which) { return which == 2 ? a->hdv : a->hdqk; }

static size_t elements_of(const attention *a, int which)
{
    const int tokens = attention_tokens(which == 0 ? a->seqlen_q : a->seqlen_k, a->sequences);

    return (size_t)tokens * (size_t)heads_of(a, which) * (size_t)dim_of(a, which);
}

static element kind_of(const attention *a, int which)
{
    return which == 2 ? a->element : a->element_qk;
}

size_t attention_bytes(const attention *a, int which)
{
    return elements_of(a, which) * (kind_of(a, which) == ELEMENT_BF16 ? 2 : 1);
}

/* ---- fp8 with 4 exponent and 3 mantissa bits. OCP: bias 7, 0x7f and 0xff are NaN. FNUZ: bias 8,
 * 0x80 is NaN. ---- */

static float fp8_value(element kind, uint8_t bits)
{
    const int exponent = bits >> 3 & 15, mantissa = bits & 7,
              bias = kind == ELEMENT_FP8_OCP ? 7 : 8;
    const float size = exponent ? ldexpf((float)(8 + mantissa), exponent - bias - 3)
                                : ldexpf((float)mantissa, 1 - bias - 3);

    if (kind == ELEMENT_FP8_OCP ? (bits & 0x7f) == 0x7f : bits == 0x80)
        return NAN;
    return bits & 0x80 ? -size : size;
}

/* The nearest number; of two equally near ones the first. */
static uint8_t fp8_nearest(element kind, float value)
{
    uint8_t best = 0;

    for (int i = 1; i < 256; i++)
        if (fabsf(fp8_value(kind, (uint8_t)i) - value) < fabsf(fp8_value(kind, best) - value))
            best = (uint8_t)i;
    return best;
}

/* ---- Inputs ---- */

static void store(const attention *a, int which, size_t i, float value)
{
    const element kind = kind_of(a, which);

    if (kind == ELEMENT_BF16)
        ((uint16_t *)a->input[which])[i] = num_bf16_from_float(value);
    else if (kind == ELEMENT_INT8)
        ((int8_t *)a->input[which])[i] = (int8_t)lrintf(INT8_UNIT * value);
    else
        ((uint8_t *)a->input[which])[i] = fp8_nearest(kind, value);
}

static float load(const attention *a, int which, size_t i)
{
    const element kind = kind_of(a, which);

    if (kind == ELEMENT_INT8)
        return ((const int8_t *)a->input[which])[i] * a->descale[which];
    if (kind == ELEMENT_BF16)
        return num_bf16_to_float(((const uint16_t *)a->input[which])[i]);
    return fp8_value(kind, ((const uint8_t *)a->input[which])[i]) * a->descale[which];
}

bool attention_fill(attention *a, uint64_t seed)
{
    for (int which = 0; which < 3; which++) {
        const size_t count = elements_of(a, which);
        a->input[which] = malloc(attention_bytes(a, which));
        if (!a->input[which])
            return false;
        for (size_t i = 0; i < count; i++)
            store(a, which, i, num_random(seed, (uint64_t)which, i));
    }
    return true;
}

void attention_free(attention *a)
{
    for (int which = 0; which < 3; which++) {
        free(a->input[which]);
        a->input[which] = NULL;
    }
}

/* ---- One sequence at a time, as the reference wants it: (head, row, head_dim) ---- */

static float *gather(const attention *a, int which, int sequence)
{
    const int *lengths = which == 0 ? a->seqlen_q : a->seqlen_k;
    const int first = attention_tokens(lengths, sequence), rows = lengths[sequence];
    const int heads = heads_of(a, which), dim = dim_of(a, which);
    float *values = malloc((size_t)heads * (size_t)rows * (size_t)dim * sizeof *values),
          *to = values;

    for (int h = 0; values && h < heads; h++)
        for (int r = 0; r < rows; r++)
            for (int d = 0; d < dim; d++)
                *to++ = load(a, which,
                             ((size_t)(first + r) * (size_t)heads + (size_t)h) * (size_t)dim +
                                 (size_t)d);
    return values;
}

/* What one sequence needs; everything that is allocated is freed by job_free(). */
typedef struct job {
    float *input[3], *out, *lse;
    ref_problem problem;
    ref_result exact;
} job;

static void job_free(job *j)
{
    for (int i = 0; i < 3; i++)
        free(j->input[i]);
    free(j->out);
    free(j->lse);
    ref_result_free(&j->exact);
}

static bool job_start(job *j, const attention *a, int sequence)
{
    for (int which = 0; which < 3; which++) {
        j->input[which] = gather(a, which, sequence);
        if (!j->input[which])
            return false;
    }
    j->problem = (ref_problem){.dtype = NUM_BF16,
                               .batch = 1,
                               .heads = a->heads,
                               .heads_kv = a->heads_kv,
                               .seqlen_q = a->seqlen_q[sequence],
                               .seqlen_k = a->seqlen_k[sequence],
                               .hdqk = a->hdqk,
                               .hdv = a->hdv,
                               .causal = a->causal,
                               .scale = a->scale,
                               .q = j->input[0],
                               .k = j->input[1],
                               .v = j->input[2]};
    const size_t rows = ref_rows(&j->problem);
    j->out = malloc(rows * (size_t)a->hdv * sizeof *j->out);
    j->lse = malloc(rows * sizeof *j->lse);
    return j->out && j->lse && ref_attention(&j->problem, &j->exact);
}

/* The kernel's results in the reference's order. */
static void collect(job *j, const attention *a, int sequence, const uint16_t *out, const float *lse,
                    bool packed_lse)
{
    const int first = attention_tokens(a->seqlen_q, sequence), rows = a->seqlen_q[sequence];
    const int tokens = attention_tokens(a->seqlen_q, a->sequences);
    float *to = j->out;

    for (int h = 0; h < a->heads; h++)
        for (int r = 0; r < rows; r++) {
            const size_t from =
                ((size_t)(first + r) * (size_t)a->heads + (size_t)h) * (size_t)a->hdv;
            for (int d = 0; d < a->hdv; d++)
                *to++ = num_bf16_to_float(out[from + (size_t)d]);
            if (lse)
                j->lse[h * rows + r] =
                    lse[packed_lse ? h * tokens + first + r : first * a->heads + h * rows + r];
        }
}

/* One row of the textbook computation with fp8 probabilities: exp(score - max) rounded to fp8,
 * exact sums, divided by the sum of the probabilities before rounding. Returns how far it is from
 * float64. `p` has room for one row. */
static double fp8_row_error(const job *j, element kind, int head, int row, double *p)
{
    const ref_problem *r = &j->problem;
    const int kv = head / (r->heads / r->heads_kv), limit = row + r->seqlen_k - r->seqlen_q;
    const int keys = r->causal && limit + 1 < r->seqlen_k ? limit + 1 : r->seqlen_k;
    const float *q = r->q + ((size_t)head * (size_t)r->seqlen_q + (size_t)row) * (size_t)r->hdqk;
    const float *k = r->k + (size_t)kv * (size_t)r->seqlen_k * (size_t)r->hdqk;
    const float *v = r->v + (size_t)kv * (size_t)r->seqlen_k * (size_t)r->hdv;
    const double *exact =
        j->exact.out + ((size_t)head * (size_t)r->seqlen_q + (size_t)row) * (size_t)r->hdv;
    double largest = -INFINITY, sum = 0, worst = 0;

    for (int i = 0; i < keys; i++) {
        p[i] = 0;
        for (int d = 0; d < r->hdqk; d++)
            p[i] += (double)q[d] * (double)k[(size_t)i * (size_t)r->hdqk + (size_t)d];
        p[i] *= r->scale;
        largest = fmax(largest, p[i]);
    }
    for (int i = 0; i < keys; i++) {
        p[i] = exp(p[i] - largest);
        sum += p[i];
        p[i] = fp8_value(kind, fp8_nearest(kind, (float)p[i]));
    }
    for (int d = 0; d < r->hdv && keys > 0; d++) {
        double o = 0;
        for (int i = 0; i < keys; i++)
            o += p[i] * v[(size_t)i * (size_t)r->hdv + (size_t)d];
        worst = fmax(worst, fabs(o / sum - exact[d]));
    }
    return worst;
}

/* Error of the textbook computation; negative: out of memory. */
static double fp8_textbook(const job *j, element kind)
{
    double *p = malloc((size_t)j->problem.seqlen_k * sizeof *p), worst = p ? 0 : -1;

    for (int h = 0; p && h < j->problem.heads; h++)
        for (int r = 0; r < j->problem.seqlen_q; r++)
            worst = fmax(worst, fp8_row_error(j, kind, h, r, p));
    free(p);
    return worst;
}

static void merge(verdict *v, const ref_verdict *one, int sequence, double textbook,
                  double allowance, bool lse)
{
    const double tolerance = fmax(allowance * textbook, 1e-2 * one->range);

    v->pass = v->pass && one->max_error <= tolerance && one->not_finite == 0;
    v->not_finite += one->not_finite;
    v->textbook = fmax(v->textbook, textbook);
    v->tolerance = fmax(v->tolerance, tolerance);
    v->range = fmax(v->range, one->range);
    if (lse)
        v->lse_error = fmax(isnan(v->lse_error) ? 0 : v->lse_error, one->lse_max_error);
    if (!(one->max_error <= v->max_error)) {
        v->max_error = one->max_error;
        v->sequence = sequence;
        v->head = one->head;
        v->row = one->row;
        v->column = one->column;
    }
}

/* Judges one sequence. false: out of memory. */
static bool judge_one(job *j, const attention *a, int sequence, const uint16_t *out,
                      const float *lse, bool packed_lse, verdict *v)
{
    ref_verdict one;

    if (!job_start(j, a, sequence))
        return false;
    collect(j, a, sequence, out, lse, packed_lse);
    ref_judge(&j->problem, &j->exact, j->out, lse ? j->lse : NULL, &one);
    const double textbook =
        a->element == ELEMENT_BF16 ? one.lowp_error : fp8_textbook(j, a->element);
    if (textbook >= 0)
        merge(v, &one, sequence, textbook, a->allowance, lse != NULL);
    return textbook >= 0;
}

bool attention_judge(const attention *a, const uint16_t *out, const float *lse, bool packed_lse,
                     verdict *v)
{
    bool enough = true;

    *v = (verdict){.pass = true, .lse_error = NAN, .max_error = -1};
    for (int s = 0; s < a->sequences && enough; s++) {
        job j = {0};
        enough = judge_one(&j, a, s, out, lse, packed_lse, v);
        job_free(&j);
    }
    /* How far a merge of partial results would be off. AITER's fp8 kernels for gfx950 replace exp
     * by a linear interpolation in tiles that add little, which costs 2e-3. */
    if (lse && !(v->lse_error <= (a->element == ELEMENT_BF16 ? 1e-5 : 5e-3)))
        v->pass = false;
    return enough;
}
