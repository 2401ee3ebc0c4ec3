/* Sums of products for exec_mfma.c, a row of D at a time, on vectors of the host's width.
 *
 * A row is 16 or 32 columns, or 4 that are computed as one whole vector of which 4 lanes count (so arrays have a
 * vector's worth of slack at their ends). */
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
    unsigned a_stride;     /* between consecutive terms of A */
    const float *a;
    const int32_t *a_exp;  /* exponents of A's elements, for the fused sum */
    unsigned n;            /* columns: row k of B at b + k * n */
    const float *b;
    const int32_t *b_exp;
    const uint8_t *rows;   /* row of B for each term, NULL: the identity */
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

INLINE vi_half half_of(vi v, unsigned which)
{
    vi_half h;
    memcpy(&h, (const char *)&v + which * sizeof h, sizeof h);
    return h;
}

/* 2^e for e in the normal range of double. */
INLINE vd exp2_v(vi_half e)
{
    return (vd)((__builtin_convertvector(e, vl) + 1023) << 52);
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
    return flush_if(subnormal, splat_f(r->a[t * r->a_stride]) * load_f(r->b + t * r->n + v * LANES_V));
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
 * The terms of a group are aligned to the largest exponent among them (that of A's element plus that of B's) and
 * truncated to 24 fraction bits; their sum is exact. */

typedef struct fused {
    vi sum[MAX_VECTORS]; /* in units of 2^(top - 24) */
    vi top[MAX_VECTORS];
} fused;

/* Terms from, from + step ... below to. All products must be normal floats or zero, with exponents within +-100. */
INLINE void fused_sum(const row *r, unsigned vectors, unsigned from, unsigned to, unsigned step, fused *f)
{
    vf scale[MAX_VECTORS];
    for (unsigned v = 0; v < vectors; v++) {
        f->top[v] = splat_i(-300);
        f->sum[v] = (vi){0};
    }
    for (unsigned t = from; t < to; t += step) {
        const vi a_exp = splat_i(r->a_exp[t * r->a_stride]);
        const int32_t *b_exp = r->b_exp + row_of(r, t) * r->n;
        for (unsigned v = 0; v < vectors; v++)
            f->top[v] = max_v(f->top[v], a_exp + load_i(b_exp + v * LANES_V));
    }
    for (unsigned v = 0; v < vectors; v++) /* only zeros have exponents below -100 */
        scale[v] = (vf)((24 + 127 - max_v(f->top[v], splat_i(-100))) << 23);
    for (unsigned t = from; t < to; t += step) {
        const vf a = splat_f(r->a[t * r->a_stride]);
        const float *b = r->b + row_of(r, t) * r->n;
        for (unsigned v = 0; v < vectors; v++)
            f->sum[v] += __builtin_convertvector(a * load_f(b + v * LANES_V) * scale[v], vi);
    }
}

/* Half a vector of (sum * 2^(e - 24) cut to 31 fraction bits) + (addend * 2^(c_exp - 23) cut to 24), both below 2^top and
 * towards minus infinity, rounded to float. keep: lanes whose addend counts. */
INLINE vf_half fused_round(vi_half sum, vi_half e, vi_half addend, vi_half c_exp, vi_half top, vi_half keep)
{
    const vd s = floor_v(__builtin_convertvector(sum, vd) * exp2_v(7 + e - top));
    const vd c = floor_v(__builtin_convertvector(addend, vd) * exp2_v(1 + c_exp - top));
    const vd kept = (vd)((vl)c & __builtin_convertvector(keep, vl));
    return __builtin_convertvector((s + kept * 128.0) * exp2_v(top - 31), vf_half);
}

/* Adds the accumulator. short_c: fp8 instructions drop it when it is further than 25 bits below. */
INLINE vf fused_end(vi sum, vi e, vf acc, bool short_c)
{
    const vi c = (vi)acc, biased = (c >> 23) & 255, subnormal = biased == 0, sign = c >> 31;
    const vi c_exp = biased - 127 - subnormal, magnitude = (c & 0x7fffff) | (~subnormal & 0x800000);
    const vi addend = (magnitude ^ sign) - sign, top = max_v(e, c_exp);
    const vi keep = short_c ? (vi)(c_exp >= top - 25) : splat_i(-1);
    vf result;
    for (unsigned h = 0; h < 2; h++) {
        const vf_half x = fused_round(half_of(sum, h), half_of(e, h), half_of(addend, h), half_of(c_exp, h),
                                      half_of(top, h), half_of(keep, h));
        memcpy((char *)&result + h * sizeof x, &x, sizeof x);
    }
    return result;
}

INLINE void fused_row(const row *r, unsigned vectors, unsigned group, vf *acc)
{
    fused f;
    for (unsigned t = 0; t < r->terms; t += group) {
        fused_sum(r, vectors, t, t + group, 1, &f);
        for (unsigned v = 0; v < vectors; v++)
            acc[v] = fused_end(f.sum[v], f.top[v], acc[v], false);
    }
}

/* fp8: even and odd terms apart, then joined at the larger exponent. */
INLINE void fused8_row(const row *r, unsigned vectors, unsigned group, vf *acc)
{
    fused even, odd;
    for (unsigned t = 0; t < r->terms; t += group) {
        fused_sum(r, vectors, t, t + group, 2, &even);
        fused_sum(r, vectors, t + 1, t + group, 2, &odd);
        for (unsigned v = 0; v < vectors; v++) {
            const vi top = max_v(even.top[v], odd.top[v]), most = splat_i(-31);
            const vi sum = (even.sum[v] >> -max_v(even.top[v] - top, most)) +
                           (odd.sum[v] >> -max_v(odd.top[v] - top, most));
            acc[v] = fused_end(sum, top, acc[v], true);
        }
    }
}

/* The same for one column and any operands: infinities, NaNs and products that float does not hold. An element whose
 * exact sum is not finite takes it; a product of 2^128 or more counts as infinite. */
static double exact_sum(const row *r, unsigned j, unsigned from, unsigned to, unsigned step, int *top)
{
    double sum = 0;
    *top = -300;
    for (unsigned t = from; t < to; t += step) {
        const int e = r->a_exp[t * r->a_stride] + r->b_exp[row_of(r, t) * r->n + j];
        *top = e > *top ? e : *top;
    }
    for (unsigned t = from; t < to; t += step)
        sum += trunc(ldexp((double)r->a[t * r->a_stride] * r->b[row_of(r, t) * r->n + j], 24 - *top));
    return sum;
}

static float exact_group(const row *r, unsigned j, unsigned from, unsigned to, bool is_fp8, float acc)
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

/* acc + scale_a * scale_b[j] * (dot product of 32 in double), rounded once. b: row k at b + k * n. */
INLINE void scaled_row(const float *a, unsigned n, const double *b, double scale_a, const double *scale_b, float *acc)
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
        c = __builtin_convertvector(__builtin_convertvector(c, vd) + dot[v] * scale_a * x, vf_half);
        memcpy(acc + v * (LANES_V / 2), &c, sizeof c);
    }
}

#endif
