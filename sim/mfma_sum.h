/* Sums of products for exec_mfma.c, a row of D at a time, on vectors of the host's width.
 *
 * A row is 16 or 32 columns, or 4 that are computed as one whole vector of which 4 lanes count (so
 * arrays have a vector's worth of slack at their ends). */
#ifndef SIM_MFMA_SUM_H
#define SIM_MFMA_SUM_H

#include <math.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "sim/float.h"

#if defined(__AVX512F__)
#define LANES_V 16
#elif defined(__AVX2__)
#define LANES_V 8
#else
#define LANES_V 4
#endif
#define MAX_VECTORS (32 / LANES_V)
#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES_V)));
typedef int32_t vi __attribute__((vector_size(4 * LANES_V)));
typedef double vd __attribute__((vector_size(4 * LANES_V)));
typedef int64_t vl __attribute__((vector_size(4 * LANES_V)));
typedef float vf_half __attribute__((vector_size(2 * LANES_V)));
typedef int32_t vi_half __attribute__((vector_size(2 * LANES_V)));

/* The terms of one row: products A[t] * B[rows[t]][j]. */
typedef struct row {
    unsigned terms;
    unsigned a_stride; /* between consecutive terms of A */
    const float *a;
    const int32_t *a_exp; /* exponents of A's elements, for the fused sum */
    unsigned n;           /* columns: row k of B at b + k * n */
    const float *b;
    const int32_t *b_exp;
    const uint8_t *rows; /* row of B for each term, NULL: the identity */
} row;

INLINE unsigned row_of(const row *r, unsigned t)
{
    return r->rows ? r->rows[t] : t;
}

/* ---- vector pieces ---- */

INLINE vf load_f(const void *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vi load_i(const void *p)
{
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vi max_v(vi a, vi b)
{
#if defined(__AVX512F__)
    return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
    const vi m = a > b;
    return (a & m) | (b & ~m);
#endif
}

INLINE vd floor_v(vd x)
{
#if defined(__AVX512F__)
    return (vd)_mm512_roundscale_pd((__m512d)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX2__)
    return (vd)_mm256_floor_pd((__m256d)x);
#else
    vd r;
    for (unsigned j = 0; j < LANES_V / 2; j++)
        r[j] = floor(x[j]);
    return r;
#endif
}

INLINE vf fma_f(vf a, vf b, vf c)
{
#if defined(__AVX512F__)
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    vf r;
    for (unsigned j = 0; j < LANES_V; j++)
        r[j] = __builtin_fmaf(a[j], b[j], c[j]);
    return r;
#endif
}

INLINE vd fma_d(vd a, vd b, vd c)
{
#if defined(__AVX512F__)
    return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    vd r;
    for (unsigned j = 0; j < LANES_V / 2; j++)
        r[j] = __builtin_fma(a[j], b[j], c[j]);
    return r;
#endif
}

INLINE vi splat_i(int x)
{
    return (vi){0} + x;
}

INLINE vf splat_f(float x)
{
    return x - (vf){0};
}

/* Halves of vectors, for work in double. */
INLINE vi_half half_of(vi v, unsigned which)
{
#if defined(__AVX512F__)
    return (vi_half)(which ? _mm512_extracti64x4_epi64((__m512i)v, 1)
                           : _mm512_castsi512_si256((__m512i)v));
#elif defined(__AVX2__)
    return (vi_half)(which ? _mm256_extracti128_si256((__m256i)v, 1)
                           : _mm256_castsi256_si128((__m256i)v));
#else
    vi_half h;
    memcpy(&h, (const char *)&v + which * sizeof h, sizeof h);
    return h;
#endif
}

INLINE vf join(vf_half lo, vf_half hi)
{
#if defined(__AVX512F__)
    return (vf)_mm512_castpd_ps(
        _mm512_insertf64x4(_mm512_castpd256_pd512((__m256d)lo), (__m256d)hi, 1));
#elif defined(__AVX2__)
    return (vf)_mm256_set_m128((__m128)hi, (__m128)lo);
#else
    vf v;
    memcpy(&v, &lo, sizeof lo);
    memcpy((char *)&v + sizeof lo, &hi, sizeof hi);
    return v;
#endif
}

INLINE vl widen(vi_half v)
{
#if defined(__AVX512F__)
    return (vl)_mm512_cvtepi32_epi64((__m256i)v);
#elif defined(__AVX2__)
    return (vl)_mm256_cvtepi32_epi64((__m128i)v);
#else
    return __builtin_convertvector(v, vl);
#endif
}

INLINE vd to_double(vi_half v)
{
#if defined(__AVX512F__)
    return (vd)_mm512_cvtepi32_pd((__m256i)v);
#elif defined(__AVX2__)
    return (vd)_mm256_cvtepi32_pd((__m128i)v);
#else
    return __builtin_convertvector(v, vd);
#endif
}

INLINE vf_half to_float(vd v)
{
#if defined(__AVX512F__)
    return (vf_half)_mm512_cvtpd_ps((__m512d)v);
#elif defined(__AVX2__)
    return (vf_half)_mm256_cvtpd_ps((__m256d)v);
#else
    return __builtin_convertvector(v, vf_half);
#endif
}

/* 2^e for e in the normal range of double. */
INLINE vd exp2_v(vi_half e)
{
    return (vd)(widen(e + 1023) << 52);
}

/* Flushes subnormals to zero, keeping the sign. */
INLINE vf flush_v(vf f)
{
    const vi subnormal = ((vi)f & 0x7f800000) == 0;
    return (vf)((vi)f & (~subnormal | (int)0x80000000u));
}

/* ---- a chain of fused multiply-adds, and integers ---- */

INLINE void chain_row(const row *r, unsigned vectors, vf *acc)
{
    for (unsigned t = 0; t < r->terms; t++) {
        const vf a = splat_f(r->a[t * r->a_stride]);
        const float *b = r->b + row_of(r, t) * r->n;
        for (unsigned v = 0; v < vectors; v++)
            acc[v] = fma_f(a, load_f(b + v * LANES_V), acc[v]);
    }
}

/* A and B hold int32. */
INLINE void integer_row(const row *r, unsigned vectors, vi *acc)
{
    for (unsigned t = 0; t < r->terms; t++) {
        const vi a = splat_i((int)sim_bits(r->a[t * r->a_stride]));
        const float *b = r->b + row_of(r, t) * r->n;
        for (unsigned v = 0; v < vectors; v++)
            acc[v] += a * load_i(b + v * LANES_V);
    }
}

/* ---- pairs of pairs (gfx90a) ---- */

/* subnormal: whether a product can be subnormal (bf16). */
INLINE vf flush_if(bool subnormal, vf f)
{
    return subnormal ? flush_v(f) : f;
}

INLINE vf product_v(const row *r, unsigned t, unsigned v, bool subnormal)
{
    return flush_if(subnormal,
                    splat_f(r->a[t * r->a_stride]) * load_f(r->b + t * r->n + v * LANES_V));
}

INLINE vf pair_v(const row *r, unsigned t, unsigned v, bool subnormal)
{
    return flush_if(subnormal, product_v(r, t, v, subnormal) + product_v(r, t + 1, v, subnormal));
}

INLINE void pairwise_row(const row *r, unsigned vectors, unsigned group, bool subnormal, vf *acc)
{
    for (unsigned v = 0; v < vectors; v++)
        acc[v] = flush_v(acc[v]);
    for (unsigned t = 0; t < r->terms; t += group)
        for (unsigned v = 0; v < vectors; v++) {
            vf sum = pair_v(r, t, v, subnormal);
            if (group == 4)
                sum = flush_if(subnormal, sum + pair_v(r, t + 2, v, subnormal));
            acc[v] = flush_v(acc[v] + sum);
        }
}

/* ---- fused sum (gfx942 and later) ----
 * The terms of a group are aligned to the largest exponent among them (that of A's element plus
 * that of B's) and truncated to 24 fraction bits; their sum is exact. */

typedef struct fused {
    vi sum; /* in units of 2^(top - 24) */
    vi top;
} fused;

/* The smallest top for which float arithmetic below is exact: what a product below 2^-126 loses
 * then would be truncated anyway. */
#define LEAST_TOP (-102)

INLINE bool any_v(vi mask)
{
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
    int found = 0;
    for (unsigned j = 0; j < LANES_V; j++)
        found |= mask[j];
    return found != 0;
#endif
}

/* Whether one of the columns in `columns` has a term that is not zero. */
INLINE bool any_term(const row *r, vi columns, unsigned column, unsigned from, unsigned count,
                     unsigned step)
{
    vi found = {0};
    for (unsigned x = 0, t = from; x < count; x++, t += step)
        if (r->a[t * r->a_stride] != 0)
            found |= (load_i(r->b + row_of(r, t) * r->n + column) & 0x7fffffff) != 0;
    return any_v(found & columns);
}

/* Vector v of `count` terms from `from` on, `step` apart, exponents at most 125. False: the sums
 * are too small for float arithmetic. */
INLINE bool fused_sum(const row *r, unsigned v, unsigned from, unsigned count, unsigned step,
                      fused *f)
{
    const unsigned column = v * LANES_V;
    vi top = splat_i(-300), sum = {0};
    for (unsigned x = 0, t = from; x < count; x++, t += step)
        top = max_v(top, splat_i(r->a_exp[t * r->a_stride]) +
                             load_i(r->b_exp + row_of(r, t) * r->n + column));
    const vi low = top < LEAST_TOP;
    if (__builtin_expect(any_v(low), 0) && any_term(r, low, column, from, count, step))
        return false;
    const vf scale = (vf)((24 + 127 - max_v(top, splat_i(LEAST_TOP))) << 23);
    for (unsigned x = 0, t = from; x < count; x++, t += step) {
        const vf b = load_f(r->b + row_of(r, t) * r->n + column);
        sum += __builtin_convertvector(splat_f(r->a[t * r->a_stride]) * b * scale, vi);
    }
    *f = (fused){sum, top};
    return true;
}

/* Half a vector of (sum * 2^(e - 24) cut to 31 fraction bits) + (addend * 2^(c_exp - 23) cut to
 * 24), both below 2^top and towards minus infinity, rounded to float. keep: lanes whose addend
 * counts. */
INLINE vf_half fused_round(vi_half sum, vi_half e, vi_half addend, vi_half c_exp, vi_half top,
                           vi_half keep)
{
    const vd s = floor_v(to_double(sum) * exp2_v(7 + e - top));
    const vd c = floor_v(to_double(addend & keep) * exp2_v(1 + c_exp - top));
    return to_float((s + c * 128.0) * exp2_v(top - 31));
}

/* Adds the accumulator. short_c: fp8 instructions drop it when it is further than 25 bits below. */
INLINE vf fused_end(vi sum, vi e, vf acc, bool short_c)
{
    const vi c = (vi)acc, biased = (c >> 23) & 255, subnormal = biased == 0, sign = c >> 31;
    const vi c_exp = biased - 127 - subnormal, magnitude = (c & 0x7fffff) | (~subnormal & 0x800000);
    const vi addend = (magnitude ^ sign) - sign, top = max_v(e, c_exp);
    const vi keep = short_c ? (vi)(c_exp >= top - 25) : splat_i(-1);
    vf_half result[2];
    for (unsigned h = 0; h < 2; h++)
        result[h] = fused_round(half_of(sum, h), half_of(e, h), half_of(addend, h),
                                half_of(c_exp, h), half_of(top, h), half_of(keep, h));
    return join(result[0], result[1]);
}

/* False: exact_row has to do it. */
INLINE bool fused_row(const row *r, unsigned vectors, unsigned group, vf *acc)
{
    fused f;
    for (unsigned v = 0; v < vectors; v++)
        for (unsigned t = 0; t < r->terms; t += group) {
            if (!fused_sum(r, v, t, group, 1, &f))
                return false;
            acc[v] = fused_end(f.sum, f.top, acc[v], false);
        }
    return true;
}

/* fp8: even and odd terms apart, then joined at the larger exponent. */
INLINE bool fused8_row(const row *r, unsigned vectors, unsigned group, vf *acc)
{
    const vi most = splat_i(-31);
    fused even, odd;
    for (unsigned v = 0; v < vectors; v++)
        for (unsigned t = 0; t < r->terms; t += group) {
            if (!fused_sum(r, v, t, group / 2, 2, &even) ||
                !fused_sum(r, v, t + 1, group / 2, 2, &odd))
                return false;
            const vi top = max_v(even.top, odd.top);
            const vi sum = (even.sum >> -max_v(even.top - top, most)) +
                           (odd.sum >> -max_v(odd.top - top, most));
            acc[v] = fused_end(sum, top, acc[v], true);
        }
    return true;
}

/* The same for one column and any operands: infinities, NaNs and products that float does not hold.
 * An element whose exact sum is not finite takes it; a product of 2^128 or more counts as infinite.
 */
static double exact_sum(const row *r, unsigned j, unsigned from, unsigned to, unsigned step,
                        int *top)
{
    double sum = 0;
    *top = -300;
    for (unsigned t = from; t < to; t += step) {
        const int e = r->a_exp[t * r->a_stride] + r->b_exp[row_of(r, t) * r->n + j];
        *top = e > *top ? e : *top;
    }
    for (unsigned t = from; t < to; t += step)
        sum +=
            trunc(ldexp((double)r->a[t * r->a_stride] * r->b[row_of(r, t) * r->n + j], 24 - *top));
    return sum;
}

static float exact_group(const row *r, unsigned j, unsigned from, unsigned to, bool is_fp8,
                         float acc)
{
    double total = acc, infinite = 0, sum;
    int top, odd_top;
    for (unsigned t = from; t < to; t++) {
        const double product = (double)r->a[t * r->a_stride] * r->b[row_of(r, t) * r->n + j];
        total += product;
        if (fabs(product) >= 0x1p128)
            infinite += copysign(INFINITY, product);
    }
    if (!isfinite(total))
        return (float)total;
    if (infinite != 0)
        return (float)infinite;
    sum = exact_sum(r, j, from, to, is_fp8 ? 2 : 1, &top);
    if (is_fp8) {
        const double odd = exact_sum(r, j, from + 1, to, 2, &odd_top);
        const int most = top > odd_top ? top : odd_top;
        sum = floor(ldexp(sum, top - most)) + floor(ldexp(odd, odd_top - most));
        top = most;
    }
    return fused_end(splat_i((int)sum), splat_i(top), splat_f(acc), is_fp8)[0];
}

static void exact_row(const row *r, unsigned group, bool is_fp8, float *acc)
{
    for (unsigned j = 0; j < r->n; j++)
        for (unsigned t = 0; t < r->terms; t += group)
            acc[j] = exact_group(r, j, t, t + group, is_fp8, acc[j]);
}

/* ---- blocks of 32 with scales (f8f6f4) ---- */

/* acc + scale_a * scale_b[j] * (dot product of 32 in double), rounded once. b: row k at b + k * n.
 */
INLINE void scaled_row(const float *a, unsigned n, const double *b, double scale_a,
                       const double *scale_b, float *acc)
{
    vd dot[2 * MAX_VECTORS], x;
    const unsigned vectors = n / (LANES_V / 2);
    for (unsigned v = 0; v < vectors; v++)
        dot[v] = (vd){0};
    for (unsigned k = 0; k < 32; k++)
        for (unsigned v = 0; v < vectors; v++) {
            memcpy(&x, b + k * n + v * (LANES_V / 2), sizeof x);
            dot[v] = fma_d((double)a[k * n] - (vd){0}, x, dot[v]);
        }
    for (unsigned v = 0; v < vectors; v++) {
        vf_half c;
        memcpy(&c, acc + v * (LANES_V / 2), sizeof c);
        memcpy(&x, scale_b + v * (LANES_V / 2), sizeof x);
        c = to_float(__builtin_convertvector(c, vd) + dot[v] * scale_a * x);
        memcpy(acc + v * (LANES_V / 2), &c, sizeof c);
    }
}

#endif
