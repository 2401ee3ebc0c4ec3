/* Sums of products for exec_mfma.c, on vectors of the host's width.
 *
 * A vector is LANES_V neighbouring columns of a row of D. A group of terms of B is loaded once and
 * met with that group of every row of A. Where a row has 4 columns, it is computed as one whole
 * vector of which 4 lanes count (so arrays have a vector's worth of slack at their ends). */
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
#define MAX_GROUP 16
#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES_V)));
typedef int32_t vi __attribute__((vector_size(4 * LANES_V)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES_V)));
typedef int16_t vs __attribute__((vector_size(2 * LANES_V)));
typedef double vd __attribute__((vector_size(4 * LANES_V)));
typedef float vf_half __attribute__((vector_size(2 * LANES_V)));

/* How the hardware sums: see exec_mfma.c. */
enum model { CHAIN, INTEGER, PAIRWISE, FUSED, FUSED8 };

/* One block: row i of D adds A[t][i] * B[t][j] over t, or A[t][i] * B[rows[i][t]][j]. */
typedef struct tile {
    unsigned n;           /* rows and columns */
    const float *a;       /* element (t, i) at t * n + i */
    const int16_t *a_exp; /* exponents of its elements, + 127 */
    const float *b;       /* element (k, j) at k * n + j */
    const int16_t *b_exp; /* exponents */
    float *acc;                /* element (i, j) at row_at(n, i) + j: C on entry, D on return */
    const uint8_t (*rows)[64]; /* of sparse instructions, else NULL */
} tile;

/* Where row i of D is in the block's registers, 64 lanes each. */
INLINE unsigned row_at(unsigned n, unsigned i)
{
    const unsigned side = 64 / n;
    return (i / (4 * side) * 4 + i % 4) * 64 + i / 4 % side * n;
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

INLINE vs load_s(const void *p)
{
    vs v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vi splat_i(int x)
{
    return (vi){0} + x;
}

INLINE vs splat_s(int16_t x)
{
    return (vs){0} + x;
}

INLINE vf splat_f(float x)
{
#if defined(__AVX512F__)
    return (vf)_mm512_set1_ps(x);
#elif defined(__AVX2__)
    return (vf)_mm256_set1_ps(x);
#else
    return (vf){x, x, x, x};
#endif
}

INLINE vi max_i(vi a, vi b)
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

INLINE vi min_i(vi a, vi b)
{
#if defined(__AVX512F__)
    return (vi)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (vi)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
    const vi m = a < b;
    return (a & m) | (b & ~m);
#endif
}

INLINE vs max_s(vs a, vs b)
{
#if defined(__AVX512F__)
    return (vs)_mm256_max_epi16((__m256i)a, (__m256i)b);
#elif defined(__AVX2__)
    return (vs)_mm_max_epi16((__m128i)a, (__m128i)b);
#else
    const vs m = a > b;
    return (a & m) | (b & ~m);
#endif
}

INLINE vi widen(vs v)
{
#if defined(__AVX512F__)
    return (vi)_mm512_cvtepi16_epi32((__m256i)v);
#elif defined(__AVX2__)
    return (vi)_mm256_cvtepi16_epi32((__m128i)v);
#else
    return __builtin_convertvector(v, vi);
#endif
}

/* Shifts by 0 or more; by more than 31 they leave the sign, or nothing. */
INLINE vi shift_right(vi x, vi by)
{
#if defined(__AVX512F__)
    return (vi)_mm512_srav_epi32((__m512i)x, (__m512i)by);
#elif defined(__AVX2__)
    return (vi)_mm256_srav_epi32((__m256i)x, (__m256i)by);
#else
    return x >> min_i(by, splat_i(31));
#endif
}

INLINE bool any_above(vi v, int limit)
{
#if defined(__AVX512F__)
    return _mm512_cmpgt_epi32_mask((__m512i)v, _mm512_set1_epi32(limit)) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8(_mm256_cmpgt_epi32((__m256i)v, _mm256_set1_epi32(limit))) != 0;
#else
    int found = 0;
    for (unsigned j = 0; j < LANES_V; j++)
        found |= v[j] > limit;
    return found != 0;
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

/* 2^(biased - 127) */
INLINE vf power(vi biased)
{
    return (vf)(biased << 23);
}

/* ---- terms of B ---- */

typedef struct b_terms {
    vf value[MAX_GROUP];
    vs exp[MAX_GROUP];
} b_terms;

/* rows: where a sparse row of A finds its terms, else NULL. */
INLINE void load_terms(b_terms *b, const tile *x, unsigned n, const uint8_t *rows, unsigned column,
                       unsigned from, unsigned count, bool exponents)
{
#pragma GCC unroll 16
    for (unsigned t = 0; t < count; t++) {
        const unsigned at = (rows ? rows[from + t] : from + t) * n + column;
        b->value[t] = load_f(x->b + at);
        if (exponents)
            b->exp[t] = load_s(x->b_exp + at);
    }
}

/* ---- a chain of fused multiply-adds, and integers ---- */

INLINE vf chain(const b_terms *b, const float *a, unsigned n, unsigned count, vf acc)
{
#pragma GCC unroll 8
    for (unsigned t = 0; t < count; t++)
        acc = fma_f(splat_f(a[t * n]), b->value[t], acc);
    return acc;
}

/* A and B hold int32. */
INLINE vf integer(const b_terms *b, const float *a, unsigned n, unsigned count, vf acc)
{
#pragma GCC unroll 8
    for (unsigned t = 0; t < count; t++)
        acc = (vf)((vi)acc + (vi)splat_f(a[t * n]) * (vi)b->value[t]);
    return acc;
}

/* ---- pairs of pairs (gfx90a) ---- */

/* Flushes subnormals to zero, keeping the sign. x86 does so itself when told to, with the same
 * results, since no product or sum here is both subnormal and inexact. */
INLINE vf flush_v(vf f)
{
#if defined(__x86_64__)
    return f;
#else
    const vi subnormal = ((vi)f & 0x7f800000) == 0;
    return (vf)((vi)f & (~subnormal | (int)0x80000000u));
#endif
}

static inline void flush_subnormals(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(0x1f80 | 0x8040);
#endif
}

INLINE vf product(const b_terms *b, const float *a, unsigned n, unsigned t)
{
    return flush_v(splat_f(a[t * n]) * b->value[t]);
}

INLINE vf pair(const b_terms *b, const float *a, unsigned n, unsigned t)
{
    return flush_v(product(b, a, n, t) + product(b, a, n, t + 1));
}

INLINE vf pairwise(const b_terms *b, const float *a, unsigned n, unsigned count, vf acc)
{
    vf sum = pair(b, a, n, 0);
    if (count == 4)
        sum = flush_v(sum + pair(b, a, n, 2));
    return flush_v(flush_v(acc) + sum);
}

/* ---- fused sum (gfx942 and later) ----
 * The terms of a group are aligned to the largest exponent among them (that of A's element plus
 * that of B's) and truncated to 24 fraction bits; their sum is exact. The sum, cut to 31 fraction
 * bits, and the accumulator, cut to 24, are aligned to the larger of their exponents, both towards
 * minus infinity; what they add up to is rounded to float. Exponents have 127 added. */

/* The least biased exponent for which the arithmetic below is exact: what a product below 2^-126
 * loses then would be truncated anyway, and every power of two is a normal float. */
#define LEAST_TOP 32
#define ODD_TOP (254 + LEAST_TOP)

typedef struct fused {
    vi sum; /* in units of 2^(top - 24) */
    vi top;
} fused;

INLINE fused fused_sum(const b_terms *b, const float *a, const int16_t *a_exp, unsigned n,
                       unsigned first, unsigned count, unsigned step)
{
    vs top = splat_s(a_exp[first * n]) + b->exp[first];
    vu sum = {0}; /* what is not finite gives anything, and is done again (fused_add) */
#pragma GCC unroll 16
    for (unsigned t = first + step; t < count; t += step)
        top = max_s(top, splat_s(a_exp[t * n]) + b->exp[t]);
    const vf scale = power(24 + 2 * 127 - widen(top));
#pragma GCC unroll 16
    for (unsigned t = first; t < count; t += step)
        sum += (vu)__builtin_convertvector(splat_f(a[t * n]) * b->value[t] * scale, vi);
    return (fused){(vi)sum, widen(top)};
}

/* fp8: even and odd terms apart, then joined at the larger exponent. */
INLINE fused fused_sum8(const b_terms *b, const float *a, const int16_t *a_exp, unsigned n,
                        unsigned count)
{
    const fused even = fused_sum(b, a, a_exp, n, 0, count, 2);
    const fused odd = fused_sum(b, a, a_exp, n, 1, count, 2);
    const vi top = max_i(even.top, odd.top);
    return (fused){(vi)((vu)shift_right(even.sum, top - even.top) +
                        (vu)shift_right(odd.sum, top - odd.top)),
                   top};
}

INLINE vi biased_exponent(vf f)
{
    return max_i((vi)f >> 23 & 255, splat_i(1));
}

/* floor(acc * 2^(24 + 127 - top)), which has 25 bits at most. */
INLINE vi align_accumulator(vf acc, vi exponent, vi top)
{
#if defined(__AVX512F__)
    const int down = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
    (void)exponent;
    return (vi)_mm512_cvt_roundps_epi32(
        _mm512_mul_round_ps((__m512)acc, (__m512)power(24 + 2 * 127 - top), down), down);
#else
    const vi bits = (vi)acc, sign = bits >> 31, subnormal = (bits & 0x7f800000) == 0;
    const vi magnitude = (bits & 0x7fffff) | (~subnormal & 0x800000);
    return shift_right(((magnitude ^ sign) - sign) * 2, top - exponent);
#endif
}

/* Adds the accumulator, whose exponent is given. short_c: fp8 instructions drop it when it is
 * further than 25 bits below.
 *
 * With d = top - f.top, the sum has d bits behind the 24 fraction bits of the accumulator, of which
 * 7 count. Up to d = 5 an integer holds both exactly. Beyond, |sum| / 2^d is less than half of the
 * accumulator, so 5 bits are more than the result has, and of the other 2 it matters whether they
 * are zero. (At d = 6, where the second is not cut off, it is the last bit kept, and may be set
 * again.) */
INLINE vf fused_end(fused f, vf acc, vi exponent, bool short_c)
{
    const vi top = max_i(f.top, exponent), d = top - f.top;
    vi c = align_accumulator(acc, exponent, top);
    if (short_c)
        c &= exponent >= top - 25;
    const vi up = min_i(d, splat_i(5)), cut = shift_right(f.sum, max_i(d - 7, splat_i(0)));
    vi sum = (vi)(((vu)c << (vu)up) + (vu)shift_right(f.sum, max_i(d - 5, splat_i(0))));
    sum |= ((cut & 3) != 0) & (d > 5) & 1;
    return __builtin_convertvector(sum, vf) * power(top - up - 24);
}

/* One group of one row. *odd: above 254 in lanes where the result is wrong: sums too small for
 * float arithmetic, and accumulators that are not finite. */
INLINE vf fused_add(const b_terms *b, const float *a, const int16_t *a_exp, unsigned n,
                    unsigned count, bool is_fp8, vf acc, vi *odd)
{
    const fused f = is_fp8 ? fused_sum8(b, a, a_exp, n, count)
                           : fused_sum(b, a, a_exp, n, 0, count, 1);
    const vi exponent = biased_exponent(acc);
    *odd = max_i(ODD_TOP - f.top, exponent);
    return fused_end(f, acc, exponent, is_fp8);
}

/* ---- the same for one element and any operands: infinities, NaNs and products that float does not
 * hold. An element whose exact sum is not finite takes it; a product of 2^128 or more counts as
 * infinite. ---- */

typedef struct products {
    unsigned count;
    int exp[MAX_GROUP];
    double value[MAX_GROUP];
} products;

static double exact_sum(const products *x, unsigned first, unsigned step, int *top)
{
    double sum = 0;
    *top = -300;
    for (unsigned t = first; t < x->count; t += step)
        *top = x->exp[t] > *top ? x->exp[t] : *top;
    for (unsigned t = first; t < x->count; t += step)
        sum += trunc(ldexp(x->value[t], 24 - *top));
    return sum;
}

static float exact_end(double sum, int e, float acc, bool short_c)
{
    const int biased = (int)(sim_bits(acc) >> 23 & 255), c_exp = (biased ? biased : 1) - 127;
    const int top = e > c_exp ? e : c_exp;
    const double c = short_c && c_exp < top - 25 ? 0 : floor(ldexp(acc, 24 - top));
    return (float)ldexp(floor(ldexp(sum, 7 + e - top)) + c * 128, top - 31);
}

static float exact_add(const products *x, bool is_fp8, float acc)
{
    double total = acc, infinite = 0, sum;
    int top, odd_top;
    for (unsigned t = 0; t < x->count; t++) {
        total += x->value[t];
        if (fabs(x->value[t]) >= 0x1p128)
            infinite += copysign(INFINITY, x->value[t]);
    }
    if (!isfinite(total))
        return (float)total;
    if (infinite != 0)
        return (float)infinite;
    sum = exact_sum(x, 0, is_fp8 ? 2 : 1, &top);
    if (is_fp8) {
        const double odd = exact_sum(x, 1, 2, &odd_top);
        const int most = top > odd_top ? top : odd_top;
        sum = floor(ldexp(sum, top - most)) + floor(ldexp(odd, odd_top - most));
        top = most;
    }
    return exact_end(sum, top, acc, is_fp8);
}

/* Element (i, j): terms from `from` on. */
static float exact_element(const tile *x, unsigned i, unsigned j, unsigned from, unsigned count,
                           bool is_fp8, float acc)
{
    products all = {.count = count};
    for (unsigned t = 0; t < count; t++) {
        const unsigned a = (from + t) * x->n + i;
        const unsigned b = (x->rows ? x->rows[i][from + t] : from + t) * x->n + j;
        all.exp[t] = x->a_exp[a] - 127 + x->b_exp[b];
        all.value[t] = (double)x->a[a] * x->b[b];
    }
    return exact_add(&all, is_fp8, acc);
}

static void exact_tile(const tile *x, unsigned terms, unsigned count, bool is_fp8)
{
    for (unsigned i = 0; i < x->n; i++)
        for (unsigned j = 0; j < x->n; j++) {
            float *acc = &x->acc[row_at(x->n, i) + j];
            for (unsigned from = 0; from < terms; from += count)
                *acc = exact_element(x, i, j, from, count, is_fp8, *acc);
        }
}

/* Whether a lane has a term that is not zero. */
INLINE vi any_term(const b_terms *b, const float *a, unsigned n, unsigned count)
{
    vi found = {0};
    for (unsigned t = 0; t < count; t++)
        if (a[t * n] != 0)
            found |= ((vi)b->value[t] & 0x7fffffff) != 0;
    return found;
}

/* fused_add for a vector with lanes in which it is wrong. The finite accumulator remains where all
 * terms are zero, unless their exponents (a zero has one) are above its own and cut it. */
static __attribute__((noinline)) void fused_careful(const tile *x, unsigned i, unsigned column,
                                                    unsigned from, unsigned count, bool is_fp8)
{
    const unsigned n = x->n, at = from * n + i;
    float *acc = x->acc + row_at(n, i) + column;
    b_terms b = {0};
    vi odd;
    load_terms(&b, x, n, x->rows ? x->rows[i] : NULL, column, from, count, true);
    const vf c = load_f(acc);
    const vf sum = fused_add(&b, x->a + at, x->a_exp + at, n, count, is_fp8, c, &odd);
    const vi wrong = odd > 254, exponent = biased_exponent(c);
    const vi cut = (ODD_TOP - odd > exponent) & (c != splat_f(0));
    const vi exact = wrong & (any_term(&b, x->a + at, n, count) | (exponent > 254) | cut);
    const vf kept = c + splat_f(0); /* -0 becomes 0 */
    const vi result = ((vi)sum & ~wrong) | ((vi)kept & wrong);
    memcpy(acc, &result, n < LANES_V ? n * sizeof *acc : sizeof result);
    for (unsigned j = 0; j < LANES_V && column + j < n; j++)
        if (exact[j])
            acc[j] = exact_element(x, i, column + j, from, count, is_fp8, c[j]);
}

/* ---- all rows of a block ---- */

/* `count` terms from `from` on, of a vector of columns, in rows [begin, end): all of them, or one
 * of a sparse A. */
INLINE void add_group(const tile *x, unsigned n, enum model model, unsigned column, unsigned begin,
                      unsigned end, unsigned from, unsigned count)
{
    const bool is_fused = model == FUSED || model == FUSED8;
    uint32_t wrong = 0;
    b_terms b;
    load_terms(&b, x, n, x->rows ? x->rows[begin] : NULL, column, from, count, is_fused);
    for (unsigned i = begin; i < end; i++) {
        float *acc = x->acc + row_at(n, i) + column;
        const float *a = x->a + from * n + i;
        const int16_t *a_exp = x->a_exp + from * n + i;
        vf d = load_f(acc);
        vi odd;
        switch (model) {
        case CHAIN: d = chain(&b, a, n, count, d); break;
        case INTEGER: d = integer(&b, a, n, count, d); break;
        case PAIRWISE: d = pairwise(&b, a, n, count, d); break;
        case FUSED:
        case FUSED8:
            d = fused_add(&b, a, a_exp, n, count, model == FUSED8, d, &odd);
            if (__builtin_expect(any_above(odd, 254), 0)) {
                wrong |= 1u << i;
                continue;
            }
        }
        memcpy(acc, &d, n < LANES_V ? n * sizeof *acc : sizeof d);
    }
    for (; wrong; wrong &= wrong - 1)
        fused_careful(x, (unsigned)__builtin_ctz(wrong), column, from, count, model == FUSED8);
}

INLINE void add_terms(const tile *x, unsigned n, enum model model, unsigned terms, unsigned count)
{
    for (unsigned column = 0; column < n; column += LANES_V)
        for (unsigned begin = 0, end; begin < n; begin = end) {
            end = x->rows ? begin + 1 : n;
            for (unsigned from = 0; from < terms; from += count)
                add_group(x, n, model, column, begin, end, from, count);
        }
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
