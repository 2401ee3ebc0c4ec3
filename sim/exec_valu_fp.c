/* Vector ALU on binary32, binary64 and binary16 scalars: arithmetic, compares, transcendentals,
 * division steps. Semantics: CDNA3 and CDNA4 ISA guides, VOP1, VOP2, VOPC and VOP3 instruction
 * chapters.
 *
 * Rounding and denormals of binary32 and binary64 are the host's own, which the run loop sets from
 * MODE; the instructions that ignore MODE do so here. */
#include <math.h>

#include "sim/lanes.h"

#define F(x) sim_float(x)
#define B(x) sim_bits(x)
#define DEFAULT_NAN 0x7fc00000u
#define DEFAULT_NAN64 0x7ff8000000000000u

/* A NaN that the operation itself makes is positive here; x86 makes a negative one. */
SIM_INLINE uint32_t made_nan(float r, bool nan_in)
{
    return r != r && !nan_in ? DEFAULT_NAN : B(r);
}

SIM_INLINE uint64_t made_nan64(double r, bool nan_in)
{
    return r != r && !nan_in ? DEFAULT_NAN64 : sim_bits64(r);
}

/* ---- binary32: one, two and three sources. a, b, c are floats, expr a float ---- */

#define OP1_F32(name, expr)                                                                        \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const float a = F(pa[l]);                                                              \
            r.l[l] = made_nan(expr, a != a);                                                       \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
#define OP2_F32(name, expr)                                                                        \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, r;                                                                       \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        LANES(l) {                                                                                 \
            const float a = F(pa[l]), b = F(pb[l]);                                                \
            r.l[l] = made_nan(expr, (a != a) | (b != b));                                          \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
/* Three sources, each a lane array. */
#define OP3_F32(name, source_c, expr)                                                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const uint32_t *pc = (source_c);                                                           \
        (void)bc;                                                                                  \
        LANES(l) {                                                                                 \
            const float a = F(pa[l]), b = F(pb[l]), c = F(pc[l]);                                  \
            r.l[l] = made_nan(expr, (a != a) | (b != b) | (c != c));                               \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
#define THIRD sim_src32(w, in, 3, &bc)
#define DESTINATION w->v[in->ops[0].reg]

OP2_F32(add_f32, a + b)
OP2_F32(sub_f32, a - b)
OP2_F32(subrev_f32, b - a)
OP2_F32(mul_f32, a * b)
OP2_F32(mul_legacy_f32, a == 0.0f || b == 0.0f ? 0.0f : a * b)
OP3_F32(fma_f32, THIRD, __builtin_fmaf(a, b, c))
OP3_F32(fmac_f32, DESTINATION, __builtin_fmaf(a, b, c))
OP3_F32(mad_f32, THIRD, a * b + c)
OP3_F32(mac_f32, DESTINATION, a * b + c)
OP3_F32(mad_legacy_f32, THIRD, (a == 0.0f || b == 0.0f ? 0.0f : a * b) + c)
OP1_F32(floor_f32, __builtin_floorf(a))
OP1_F32(ceil_f32, __builtin_ceilf(a))
OP1_F32(trunc_f32, __builtin_truncf(a))
OP1_F32(fract_f32, __builtin_fminf(a - __builtin_floorf(a), 0x1.fffffep-1f) + (a - a))

/* Round to nearest even whatever the mode says: adding and removing 2^23 would follow the host's
 * mode. */
SIM_INLINE float nearest_even(float a)
{
    const float t = __builtin_truncf(a), rest = __builtin_fabsf(a - t);
    const bool odd = __builtin_fabsf(t) < 0x1p24f && (int32_t)t & 1;
    const float r = rest > 0.5f || (rest == 0.5f && odd) ? t + __builtin_copysignf(1.0f, a) : t;

    return __builtin_copysignf(r, a);
}

static void rndne_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);

    if (w->mode_default)
        LANES(l) r.l[l] = B(__builtin_rintf(F(pa[l])));
    else
        LANES(l) r.l[l] = B(nearest_even(F(pa[l])));
    sim_put_f32(w, in, &r);
}

/* ---- minimum and maximum ---- */

SIM_INLINE bool is_nan(uint32_t x)
{
    return (x & 0x7fffffff) > 0x7f800000;
}

SIM_INLINE bool is_signaling(uint32_t x)
{
    return is_nan(x) && !(x & 0x400000);
}

/* IEEE 754-2008 minNum/maxNum; -0 is less than +0. ieee: MODE.IEEE, a signaling NaN gives a quiet
 * one. */
SIM_INLINE uint32_t minmax(uint32_t x, uint32_t y, bool ieee, bool max)
{
    const float a = F(x), b = F(y);
    uint32_t r = max ? (a > b ? x : y) : (a < b ? x : y);

    r = a == b ? (max ? x & y : x | y) : r;
    r = is_nan(y) ? x : r;
    r = is_nan(x) ? y : r;
    r = ieee && is_signaling(y) ? y | 0x400000 : r;
    return ieee && is_signaling(x) ? x | 0x400000 : r;
}

/* Denormals of a result that was selected, not computed. */
SIM_INLINE void flush_selected(const sim_wave *w, sim_lanes *r)
{
    if (__builtin_expect(!w->mode_default && (w->mode >> 4 & 3) != 3, 0))
        LANES(l) r->l[l] = r->l[l] & 0x7f800000 ? r->l[l] : r->l[l] & 0x80000000;
}

#define MINMAX2(name, max)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, r;                                                                       \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const bool ieee = w->mode >> 9 & 1;                                                        \
        LANES(l) r.l[l] = minmax(pa[l], pb[l], ieee, max);                                         \
        flush_selected(w, &r);                                                                     \
        sim_put_f32(w, in, &r);                                                                    \
    }
#define MINMAX3(name, expr)                                                                        \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const uint32_t *pc = sim_src32(w, in, 3, &bc);                                             \
        const bool ieee = w->mode >> 9 & 1;                                                        \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l], b = pb[l], c = pc[l];                                        \
            r.l[l] = (expr);                                                                       \
        }                                                                                          \
        flush_selected(w, &r);                                                                     \
        sim_put_f32(w, in, &r);                                                                    \
    }

/* The largest of the three is left out; a NaN among them gives the minimum. */
SIM_INLINE uint32_t med3(uint32_t a, uint32_t b, uint32_t c, bool ieee)
{
    const uint32_t top = minmax(minmax(a, b, ieee, true), c, ieee, true);
    uint32_t r = minmax(a, b, ieee, true);

    r = F(top) == F(b) ? minmax(a, c, ieee, true) : r;
    r = F(top) == F(a) ? minmax(b, c, ieee, true) : r;
    return is_nan(a) || is_nan(b) || is_nan(c) ? minmax(minmax(a, b, ieee, false), c, ieee, false)
                                               : r;
}

/* IEEE 754-2019 minimum/maximum: a NaN operand gives a NaN. */
SIM_INLINE uint32_t minmax_nan(uint32_t x, uint32_t y, bool max)
{
    uint32_t r = minmax(x, y, false, max);

    r = is_nan(y) ? y | 0x400000 : r;
    return is_nan(x) ? x | 0x400000 : r;
}

MINMAX2(min_f32, false)
MINMAX2(max_f32, true)
MINMAX3(min3_f32, minmax(minmax(a, b, ieee, false), c, ieee, false))
MINMAX3(max3_f32, minmax(minmax(a, b, ieee, true), c, ieee, true))
MINMAX3(med3_f32, med3(a, b, c, ieee))
MINMAX3(minimum3_f32, minmax_nan(minmax_nan(a, b, false), c, ((void)ieee, false)))
MINMAX3(maximum3_f32, minmax_nan(minmax_nan(a, b, true), c, ((void)ieee, true)))

/* ---- exponents and significands ---- */

SIM_INLINE double power_of_two(int32_t n)
{
    return sim_double((uint64_t)(n + 1023) << 52);
}

SIM_INLINE int32_t bound(int32_t n, int32_t limit)
{
    return n < -limit ? -limit : n > limit ? limit : n;
}

/* a * 2^n, rounded once: the product is exact in double. */
SIM_INLINE float scale_f32(float a, int32_t n)
{
    return (float)((double)a * power_of_two(bound(n, 400)));
}

static void ldexp_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);

    LANES(l) r.l[l] = B(scale_f32(F(pa[l]), (int32_t)pb[l]));
    sim_put_f32(w, in, &r);
}

SIM_INLINE bool is_finite(uint32_t x)
{
    return (x & 0x7f800000) != 0x7f800000;
}

/* Exponent of a significand in [0.5, 1); 0 for zero, infinity and NaN. */
SIM_INLINE int32_t frexp_exp(uint32_t x)
{
    const uint64_t d = sim_bits64((double)F(x & 0x7fffffff));

    return is_finite(x) && x & 0x7fffffff ? (int32_t)(d >> 52) - 1022 : 0;
}

SIM_INLINE uint32_t frexp_mant(uint32_t x)
{
    const uint64_t d = sim_bits64((double)F(x));
    const float m = (float)sim_double((d & 0x800fffffffffffffu) | 1022ull << 52);

    return is_finite(x) && x & 0x7fffffff ? B(m) : x;
}

static void frexp_exp_i32_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);

    LANES(l) r.l[l] = (uint32_t)frexp_exp(pa[l]);
    sim_put32(w, in, &r);
}

static void frexp_mant_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);

    LANES(l) r.l[l] = frexp_mant(pa[l]);
    sim_put_f32(w, in, &r);
}

/* ---- transcendentals: computed in double, so within one unit in the last place of binary32 ----
 * The binary32 ones flush denormals whatever MODE says (ISA guide, descriptions of V_EXP_F32 and
 * its kin). */

SIM_INLINE float flush_in(float a)
{
    return B(a) & 0x7f800000 ? a : __builtin_copysignf(0.0f, a);
}

SIM_INLINE uint32_t flush_out(float a)
{
    return B(a) & 0x7f800000 ? B(a) : B(a) & 0x80000000;
}

/* 2^x. Taylor series of e^(f ln 2) with |f| <= 1/2: the first term left out is below 2^-42 of the
 * result. */
SIM_INLINE double exp2_double(double x)
{
    const double magic = 0x1.8p52;
    const double t = x < -1100.0 ? -1100.0 : x > 1100.0 ? 1100.0 : x;
    const double k = (t + magic) - magic;
    const double f = (t - k) * 0.6931471805599453;
    double p = 1.0 / 3628800;

    p = p * f + 1.0 / 362880;
    p = p * f + 1.0 / 40320;
    p = p * f + 1.0 / 5040;
    p = p * f + 1.0 / 720;
    p = p * f + 1.0 / 120;
    p = p * f + 1.0 / 24;
    p = p * f + 1.0 / 6;
    p = p * f + 0.5;
    p = p * f + 1.0;
    p = p * f + 1.0;
    const int32_t n = (int32_t)k, half = n >> 1;
    const double r = p * power_of_two(half) * power_of_two(n - half);
    return x != x ? x : r;
}

SIM_INLINE uint32_t exp2_f32(float a)
{
    const float r = (float)exp2_double((double)flush_in(a));

    return flush_out(r);
}

/* log2 of a normal double: exponent plus 2 / ln 2 * atanh((m - 1) / (m + 1)), m in [sqrt 1/2, sqrt
 * 2). */
SIM_INLINE double log2_double(double x)
{
    const uint64_t bits = sim_bits64(x) - 0x3fe6a09e667f3bcdu;
    const int32_t e = (int32_t)((int64_t)bits >> 52);
    const double m = sim_double((bits & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
    const double t = (m - 1.0) / (m + 1.0), s = t * t;
    double p = 1.0 / 19;

    p = p * s + 1.0 / 17;
    p = p * s + 1.0 / 15;
    p = p * s + 1.0 / 13;
    p = p * s + 1.0 / 11;
    p = p * s + 1.0 / 9;
    p = p * s + 1.0 / 7;
    p = p * s + 1.0 / 5;
    p = p * s + 1.0 / 3;
    p = p * s + 1.0;
    return e + p * t * 2.8853900817779268;
}

SIM_INLINE float log2_float(float a)
{
    float r = (float)log2_double((double)a);

    r = a == __builtin_inff() ? a : r;
    r = a == 0.0f ? -__builtin_inff() : r;
    r = a < 0.0f ? F(DEFAULT_NAN) : r;
    return a != a ? a : r;
}

SIM_INLINE float rsq_float(float a)
{
    const float r = (float)(1.0 / __builtin_sqrt((double)a));

    return a < 0.0f ? F(DEFAULT_NAN) : r;
}

SIM_INLINE float sqrt_float(float a)
{
    return a < 0.0f ? F(DEFAULT_NAN) : __builtin_sqrtf(a);
}

/* Turns: the period is 1. Beyond 256 turns the hardware's input range ends and the sine is 0, the
 * cosine 1. */
static float sin_turns(float a, bool cosine)
{
    double x = (double)a;

    if (a != a || __builtin_isinf(a))
        return F(DEFAULT_NAN);
    if (fabs(x) > 256.0)
        return cosine ? 1.0f : 0.0f;
    x = (x - floor(x)) * 6.283185307179586;
    return (float)(cosine ? cos(x) : sin(x));
}

#define TRANSCENDENTAL(name, expr)                                                                 \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const float a = flush_in(F(pa[l]));                                                    \
            r.l[l] = (expr);                                                                       \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
TRANSCENDENTAL(exp_f32, exp2_f32(a))
TRANSCENDENTAL(log_f32, B(log2_float(a)))
TRANSCENDENTAL(rcp_f32, flush_out(1.0f / a))
TRANSCENDENTAL(rsq_f32, B(rsq_float(a)))
TRANSCENDENTAL(sqrt_f32, B(sqrt_float(a)))
TRANSCENDENTAL(sin_f32, B(sin_turns(a, false)))
TRANSCENDENTAL(cos_f32, B(sin_turns(a, true)))

/* ---- division steps ----
 * V_DIV_SCALE brings numerator and denominator into a range where the Newton iterations neither
 * overflow nor lose bits; VCC says that V_DIV_FMAS has to undo a scaling of one of them;
 * V_DIV_FIXUP handles the special cases. The ISA guide's formulas name the cases. Where its factors
 * contradict each other (it scales a denominator that is too large up, and undoes 2^64 by 2^32) the
 * one that makes the sequence divide correctly is used: up by 2^64 if the quotient at hand is 2 or
 * more, down by 2^64 if it is less. */

SIM_INLINE int exponent32(float a)
{
    return (int)(B(a) >> 23 & 0xff);
}

static float div_scale_one(float s0, float s1, float s2, bool *vcc)
{
    const bool is_denominator = B(s0) == B(s1);
    const double q = fabs((double)s2 / (double)s1);
    const bool tiny_quotient = q < 0x1p-126, huge_denominator = fabsf(s1) > 0x1p126f;

    *vcc = false;
    if (s2 == 0.0f || s1 == 0.0f)
        return F(DEFAULT_NAN);
    if (s1 != s1 || s2 != s2 || __builtin_isinf(s1) || __builtin_isinf(s2))
        return s0;
    if (exponent32(s2) - exponent32(s1) >= 96) {
        *vcc = true;
        return is_denominator ? scale_f32(s0, 64) : s0;
    }
    if (exponent32(s1) == 0)
        return scale_f32(s0, 64);
    if (huge_denominator && tiny_quotient) {
        *vcc = true;
        return is_denominator ? scale_f32(s0, -64) : s0;
    }
    if (huge_denominator)
        return scale_f32(s0, -64);
    if (tiny_quotient) {
        *vcc = true;
        return B(s0) == B(s2) ? scale_f32(s0, 64) : s0;
    }
    return exponent32(s2) <= 23 ? scale_f32(s0, 64) : s0;
}

static int exponent64(double a)
{
    return (int)(sim_bits64(a) >> 52 & 0x7ff);
}

static double div_scale_one64(double s0, double s1, double s2, bool *vcc)
{
    const bool is_denominator = sim_bits64(s0) == sim_bits64(s1);
    const long double q = fabsl((long double)s2 / (long double)s1);
    const bool tiny_quotient = q < 0x1p-1022L, huge_denominator = fabs(s1) > 0x1p1022;

    *vcc = false;
    if (s2 == 0.0 || s1 == 0.0)
        return sim_double(DEFAULT_NAN64);
    if (s1 != s1 || s2 != s2 || isinf(s1) || isinf(s2))
        return s0;
    if (exponent64(s2) - exponent64(s1) >= 768) {
        *vcc = true;
        return is_denominator ? ldexp(s0, 128) : s0;
    }
    if (exponent64(s1) == 0)
        return ldexp(s0, 128);
    if (huge_denominator && tiny_quotient) {
        *vcc = true;
        return is_denominator ? ldexp(s0, -128) : s0;
    }
    if (huge_denominator)
        return ldexp(s0, -128);
    if (tiny_quotient) {
        *vcc = true;
        return sim_bits64(s0) == sim_bits64(s2) ? ldexp(s0, 128) : s0;
    }
    return exponent64(s2) <= 53 ? ldexp(s0, 128) : s0;
}

/* Operands: result, VCC or SGPR pair, and three sources. */
static void div_scale_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bc, r;
    const uint32_t *pa = sim_src32(w, in, 2, &ba), *pb = sim_src32(w, in, 3, &bb),
                   *pc = sim_src32(w, in, 4, &bc);
    uint64_t mask = 0;

    LANES(l) {
        bool vcc;
        r.l[l] = B(div_scale_one(F(pa[l]), F(pb[l]), F(pc[l]), &vcc));
        mask |= (uint64_t)vcc << l;
    }
    sim_put32(w, in, &r);
    sim_put_mask(w, in->ops[1].reg, mask);
}

static void div_scale_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba, bb, bc, r;
    const uint64_t *pa = sim_src64(w, in, 2, &ba), *pb = sim_src64(w, in, 3, &bb),
                   *pc = sim_src64(w, in, 4, &bc);
    uint64_t mask = 0;

    LANES(l) {
        bool vcc;
        r.l[l] = sim_bits64(
            div_scale_one64(sim_double(pa[l]), sim_double(pb[l]), sim_double(pc[l]), &vcc));
        mask |= (uint64_t)vcc << l;
    }
    sim_put64(w, in, r.l);
    sim_put_mask(w, in->ops[1].reg, mask);
}

/* One rounding: the product and sum are exact enough in double only after fmaf, so scale the fmaf's
 * result. */
static void div_fmas_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bc, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb),
                   *pc = sim_src32(w, in, 3, &bc);
    const uint64_t vcc = sim_sreg64(w, SIM_VCC);

    LANES(l) {
        const float c = F(pc[l]), f = __builtin_fmaf(F(pa[l]), F(pb[l]), c);
        const int n = vcc >> l & 1 ? (exponent32(c) > 127 ? 64 : -64) : 0;
        /* A product that is scaled down to a denormal is rounded once: fma of the scaled factors.
         */
        r.l[l] =
            n < 0 ? B((float)fma((double)F(pa[l]) * 0x1p-64, (double)F(pb[l]), (double)c * 0x1p-64))
                  : B(scale_f32(f, n));
    }
    sim_put_f32(w, in, &r);
}

/* (a * b + c) * 2^n for a negative n, rounded once where it is a denormal: the bits that are
 * shifted out and the sign of what the fused multiply-add rounded off decide. mode: MODE's rounding
 * field. */
static double fma_scaled_down(double a, double b, double c, int n, unsigned mode)
{
    const double r = fma(a, b, c), rest = fma(a, b, c - r);
    const uint64_t bits = sim_bits64(r), sign = bits & 1ull << 63;
    const int e = exponent64(r) + n, drop = (e < -60 ? 61 : 1 - e) + 2;

    if (e > 0 || exponent64(r) == 0 || exponent64(r) == 0x7ff)
        return ldexp(r, n);
    uint64_t v = ((bits & 0x000fffffffffffffu) | 1ull << 52) << 2;
    v += rest == 0.0 ? 0 : (rest > 0.0) == !sign ? 1 : -1ull;
    const uint64_t kept = v >> drop, half = 1ull << (drop - 1), lost = v & (2 * half - 1);
    bool up = false;
    switch (mode) {
    case SIM_RNE: up = lost > half || (lost == half && kept & 1); break;
    case SIM_ROUND_UP: up = lost && !sign; break;
    case SIM_ROUND_DOWN: up = lost && sign; break;
    }
    return sim_double((kept + up) | sign);
}

static void div_fmas_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba, bb, bc, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb),
                   *pc = sim_src64(w, in, 3, &bc);
    const uint64_t vcc = sim_sreg64(w, SIM_VCC);

    LANES(l) {
        const double a = sim_double(pa[l]), b = sim_double(pb[l]), c = sim_double(pc[l]);
        const int n = vcc >> l & 1 ? (exponent64(c) > 1023 ? 128 : -128) : 0;
        const double d = n < 0 ? fma_scaled_down(a, b, c, n, w->mode >> 2 & 3) : fma(a, b, c);
        r.l[l] = sim_bits64(n > 0 ? ldexp(d, n) : d);
    }
    sim_put_f64(w, in, &r);
}

static uint32_t div_fixup_one(uint32_t s0, uint32_t s1, uint32_t s2)
{
    const uint32_t sign = (s1 ^ s2) & 0x80000000, a1 = s1 & 0x7fffffff, a2 = s2 & 0x7fffffff,
                   inf = 0x7f800000;

    if (is_nan(s2))
        return s2 | 0x400000;
    if (is_nan(s1))
        return s1 | 0x400000;
    if ((a1 == 0 && a2 == 0) || (a1 == inf && a2 == inf))
        return 0xffc00000;
    if (a1 == 0 || a2 == inf)
        return sign | inf;
    if (a1 == inf || a2 == 0)
        return sign;
    if ((int)(a2 >> 23) - (int)(a1 >> 23) < -150)
        return sign;
    return is_nan(s0) ? sign | inf : sign | (s0 & 0x7fffffff); /* NaN: the iteration overflowed */
}

static uint64_t div_fixup_one64(uint64_t s0, uint64_t s1, uint64_t s2)
{
    const uint64_t top = 1ull << 63, sign = (s1 ^ s2) & top, a1 = s1 & ~top, a2 = s2 & ~top;
    const uint64_t inf = 0x7ff0000000000000, quiet = 0x0008000000000000;

    if (a2 > inf)
        return s2 | quiet;
    if (a1 > inf)
        return s1 | quiet;
    if ((a1 == 0 && a2 == 0) || (a1 == inf && a2 == inf))
        return 0xfff8000000000000;
    if (a1 == 0 || a2 == inf)
        return sign | inf;
    if (a1 == inf || a2 == 0)
        return sign;
    if ((int)(a2 >> 52) - (int)(a1 >> 52) < -1075)
        return sign;
    return (s0 & ~top) > inf ? sign | inf : sign | (s0 & ~top);
}

static void div_fixup_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bc, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb),
                   *pc = sim_src32(w, in, 3, &bc);

    LANES(l) r.l[l] = div_fixup_one(pa[l], pb[l], pc[l]);
    sim_put_f32(w, in, &r);
}

static void div_fixup_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba, bb, bc, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb),
                   *pc = sim_src64(w, in, 3, &bc);

    LANES(l) r.l[l] = div_fixup_one64(pa[l], pb[l], pc[l]);
    sim_put_f64(w, in, &r);
}

/* ---- binary64 ---- */

#define D(x) sim_double(x)

#define OP1_F64(name, expr)                                                                        \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes64 ba, r;                                                                         \
        const uint64_t *pa = sim_src64(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const double a = D(pa[l]);                                                             \
            r.l[l] = made_nan64(expr, a != a);                                                     \
        }                                                                                          \
        sim_put_f64(w, in, &r);                                                                    \
    }
#define OP2_F64(name, expr)                                                                        \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes64 ba, bb, r;                                                                     \
        const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb);             \
        LANES(l) {                                                                                 \
            const double a = D(pa[l]), b = D(pb[l]);                                               \
            r.l[l] = made_nan64(expr, (a != a) | (b != b));                                        \
        }                                                                                          \
        sim_put_f64(w, in, &r);                                                                    \
    }
OP2_F64(add_f64, a + b)
OP2_F64(mul_f64, a * b)
OP1_F64(floor_f64, __builtin_floor(a))
OP1_F64(ceil_f64, __builtin_ceil(a))
OP1_F64(trunc_f64, __builtin_trunc(a))
OP1_F64(fract_f64, __builtin_fmin(a - __builtin_floor(a), 0x1.fffffffffffffp-1) + (a - a))
OP1_F64(rcp_f64, 1.0 / a)
OP1_F64(sqrt_f64, __builtin_sqrt(a))
OP1_F64(rsq_f64, 1.0 / __builtin_sqrt(a))

static double nearest_even64(double a)
{
    const double t = trunc(a), rest = fabs(a - t);
    const bool odd = fmod(t, 2.0) != 0.0;

    return copysign(rest > 0.5 || (rest == 0.5 && odd) ? t + copysign(1.0, a) : t, a);
}
OP1_F64(rndne_f64, nearest_even64(a))

#define FMA_F64(name, third)                                                                       \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes64 ba, bb, bc, r;                                                                 \
        const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb);             \
        const uint64_t *pc = sim_src64(w, in, third, &bc);                                         \
        LANES(l) {                                                                                 \
            const double a = D(pa[l]), b = D(pb[l]), c = D(pc[l]);                                 \
            r.l[l] = made_nan64(__builtin_fma(a, b, c), (a != a) | (b != b) | (c != c));           \
        }                                                                                          \
        sim_put_f64(w, in, &r);                                                                    \
    }
FMA_F64(fma_f64, 3)

static void fmac_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba, bb, bc, r;
    const sim_operand dst = in->ops[0];
    const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb);

    LANES(l) bc.l[l] = (uint64_t)w->v[dst.reg + 1][l] << 32 | w->v[dst.reg][l];
    LANES(l) r.l[l] = sim_bits64(__builtin_fma(D(pa[l]), D(pb[l]), D(bc.l[l])));
    sim_put_f64(w, in, &r);
}

SIM_INLINE uint64_t minmax64(uint64_t x, uint64_t y, bool ieee, bool max)
{
    const uint64_t inf = 0x7ff0000000000000, quiet = 0x0008000000000000, magnitude = ~(1ull << 63);
    const bool nan_x = (x & magnitude) > inf, nan_y = (y & magnitude) > inf;
    const double a = D(x), b = D(y);
    uint64_t r = max ? (a > b ? x : y) : (a < b ? x : y);

    r = a == b ? (max ? x & y : x | y) : r;
    r = nan_y ? x : r;
    r = nan_x ? y : r;
    r = ieee && nan_y && !(y & quiet) ? y | quiet : r;
    return ieee && nan_x && !(x & quiet) ? x | quiet : r;
}

#define MINMAX_F64(name, max)                                                                      \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes64 ba, bb, r;                                                                     \
        const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb);             \
        const bool ieee = w->mode >> 9 & 1;                                                        \
        LANES(l) r.l[l] = minmax64(pa[l], pb[l], ieee, max);                                       \
        sim_put_f64(w, in, &r);                                                                    \
    }
MINMAX_F64(min_f64, false)
MINMAX_F64(max_f64, true)

static void ldexp_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb;
    sim_lanes64 ba, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);
    const uint32_t *pb = sim_src32(w, in, 2, &bb);

    LANES(l) r.l[l] = sim_bits64(ldexp(D(pa[l]), bound((int32_t)pb[l], 5000)));
    sim_put_f64(w, in, &r);
}

static void frexp_exp_i32_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes r;
    sim_lanes64 ba;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);

    LANES(l) {
        int e = 0;
        if (isfinite(D(pa[l])))
            frexp(D(pa[l]), &e);
        r.l[l] = (uint32_t)e;
    }
    sim_put32(w, in, &r);
}

static void frexp_mant_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);

    LANES(l) {
        int e;
        r.l[l] = isfinite(D(pa[l])) ? sim_bits64(frexp(D(pa[l]), &e)) : pa[l];
    }
    sim_put_f64(w, in, &r);
}

/* The fraction of 2 / pi, most significant bits first. */
static const uint32_t two_over_pi[38] = {
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484,
    0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f,
    0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b,
    0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};

/* 53 bits of 2 / pi from bit 53 * segment on, further on for large arguments, scaled to their
 * place. */
static double trig_preop(double a, uint32_t segment)
{
    const int e = exponent64(a);
    const unsigned shift = (segment & 31) * 53 + (e > 1077 ? (unsigned)e - 1077 : 0);
    uint64_t bits = 0;

    for (unsigned i = shift; i < shift + 53; i++)
        bits = bits << 1 | (i < 1201 ? two_over_pi[i / 32] >> (31 - i % 32) & 1 : 0);
    return ldexp((double)bits, -53 - (int)shift + (e >= 1968 ? 128 : 0));
}

static void trig_preop_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb;
    sim_lanes64 ba, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);
    const uint32_t *pb = sim_src32(w, in, 2, &bb);

    LANES(l) r.l[l] = sim_bits64(trig_preop(D(pa[l]), pb[l]));
    sim_put_f64(w, in, &r);
}

/* ---- binary16: computed in float; a float has enough bits that rounding twice is rounding once
 * for +, -, * and the like (p >= 2 * 11 + 2). A fused multiply-add goes through double and a
 * rounding to odd. ---- */

#define OP_F16(name, sources, expr, keep)                                                          \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        _Alignas(64) float f[SIM_LANES];                                                           \
        const uint32_t *pa = sim_src_half(w, in, 1, &ba);                                          \
        const uint32_t *pb = (sources) >= 2 ? sim_src_half(w, in, 2, &bb) : pa;                    \
        const uint32_t *pc = (sources) == 3   ? sim_src_half(w, in, 3, &bc)                        \
                             : (sources) == 4 ? sim_flush_halves(w, DESTINATION, &bc)              \
                                              : pa;                                                \
        LANES(l) {                                                                                 \
            const float a = sim_half_in(pa[l]), b = sim_half_in(pb[l]), c = sim_half_in(pc[l]);    \
            (void)b, (void)c;                                                                      \
            f[l] = F(made_nan(expr, (a != a) | (b != b) | (c != c)));                              \
        }                                                                                          \
        sim_round_f16(w, in, f, &r);                                                               \
        sim_put16(w, in, &r, keep);                                                                \
    }
OP_F16(add_f16, 2, a + b, false)
OP_F16(sub_f16, 2, a - b, false)
OP_F16(subrev_f16, 2, b - a, false)
OP_F16(mul_f16, 2, a * b, false)
OP_F16(fma_f16, 3, sim_fma_half(a, b, c), true)
OP_F16(fma_legacy_f16, 3, sim_fma_half(a, b, c), false)
OP_F16(mad_f16, 3, F(B(sim_half_in(sim_f32_to_f16(a * b)))) + c, true)
OP_F16(mad_legacy_f16, 3, F(B(sim_half_in(sim_f32_to_f16(a * b)))) + c, false)
OP_F16(mac_f16, 4, F(B(sim_half_in(sim_f32_to_f16(a * b)))) + c, false)
OP_F16(floor_f16, 1, __builtin_floorf(a), false)
OP_F16(ceil_f16, 1, __builtin_ceilf(a), false)
OP_F16(trunc_f16, 1, __builtin_truncf(a), false)
OP_F16(rndne_f16, 1, nearest_even(a), false)
OP_F16(fract_f16, 1, __builtin_fminf(a - __builtin_floorf(a), 0x1.ffcp-1f) + (a - a), false)
OP_F16(exp_f16, 1, (float)exp2_double((double)a), false)
OP_F16(log_f16, 1, log2_float(a), false)
OP_F16(rcp_f16, 1, 1.0f / a, false)
OP_F16(sqrt_f16, 1, sqrt_float(a), false)
OP_F16(rsq_f16, 1, rsq_float(a), false)
OP_F16(sin_f16, 1, sin_turns(a, false), false)
OP_F16(cos_f16, 1, sin_turns(a, true), false)
OP_F16(frexp_mant_f16, 1, F(frexp_mant(B(a))), false)

static void ldexp_f16(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    float f[SIM_LANES];
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);

    LANES(l) f[l] = scale_f32(sim_half_in(pa[l]), bound((int16_t)pb[l], 60));
    sim_round_f16(w, in, f, &r);
    sim_put16(w, in, &r, false);
}

static void frexp_exp_i16_f16(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);

    LANES(l) r.l[l] = (uint32_t)frexp_exp(B(sim_half_in(pa[l])));
    sim_put16(w, in, &r, false);
}

/* A selected operand goes back to binary16 as it came: a NaN is not made quiet. */
SIM_INLINE uint32_t narrow_exact(uint32_t x)
{
    return is_nan(x) ? (x >> 16 & 0x8000) | 0x7c00 | (x >> 13 & 0x3ff) : sim_f32_to_f16(F(x));
}

SIM_INLINE void put_selected_f16(sim_wave *w, const sim_inst *in, const float *f, bool keep)
{
    sim_lanes r;

    if (__builtin_expect(w->mode_default && !sim_has_output_modifier(in), 1))
        LANES(l) r.l[l] = narrow_exact(B(f[l]));
    else
        LANES(l)
            r.l[l] = is_nan(B(f[l])) ? narrow_exact(B(sim_output32(w, in, f[l])))
                                     : sim_to_f16_mode(w, sim_output32(w, in, f[l]));
    sim_put16(w, in, &r, keep);
}

#define MINMAX_F16(name, sources, expr, keep)                                                      \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc;                                                                      \
        float f[SIM_LANES];                                                                        \
        const bool ieee = w->mode >> 9 & 1;                                                        \
        const uint32_t *pa = sim_src_half(w, in, 1, &ba), *pb = sim_src_half(w, in, 2, &bb);       \
        const uint32_t *pc = (sources) == 3 ? sim_src_half(w, in, 3, &bc) : pa;                    \
        LANES(l) {                                                                                 \
            const uint32_t a = B(sim_half_in(pa[l])), b = B(sim_half_in(pb[l])),                   \
                           c = B(sim_half_in(pc[l]));                                              \
            (void)c;                                                                               \
            f[l] = F(expr);                                                                        \
        }                                                                                          \
        put_selected_f16(w, in, f, keep);                                                          \
    }
MINMAX_F16(min_f16, 2, minmax(a, b, ieee, false), false)
MINMAX_F16(max_f16, 2, minmax(a, b, ieee, true), false)
MINMAX_F16(min3_f16, 3, minmax(minmax(a, b, ieee, false), c, ieee, false), true)
MINMAX_F16(max3_f16, 3, minmax(minmax(a, b, ieee, true), c, ieee, true), true)
MINMAX_F16(med3_f16, 3, med3(a, b, c, ieee), true)

SIM_INLINE uint32_t div_fixup_half(uint32_t s0, uint32_t s1, uint32_t s2)
{
    return div_fixup_one(B(sim_half_in(s0)), B(sim_half_in(s1)), B(sim_half_in(s2)));
}

#define DIV_FIXUP_F16(name, keep)                                                                  \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        float f[SIM_LANES];                                                                        \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const uint32_t *pc = sim_src32(w, in, 3, &bc);                                             \
        LANES(l) f[l] = F(div_fixup_half(pa[l], pb[l], pc[l]));                                    \
        sim_round_f16(w, in, f, &r);                                                               \
        sim_put16(w, in, &r, keep);                                                                \
    }
DIV_FIXUP_F16(div_fixup_f16, true)
DIV_FIXUP_F16(div_fixup_legacy_f16, false)

/* ---- compares. aux: v_cmpx ---- */

#define COMPARE(name, buffer, word, source, number, convert, expr)                                 \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        buffer ba, bb;                                                                             \
        uint8_t flags[SIM_LANES];                                                                  \
        const word *pa = source(w, in, 1, &ba), *pb = source(w, in, 2, &bb);                       \
        LANES(l) {                                                                                 \
            const number a = convert(pa[l]), b = convert(pb[l]);                                   \
            (void)a, (void)b;                                                                      \
            flags[l] = (expr);                                                                     \
        }                                                                                          \
        sim_put_compare(w, in, flags);                                                             \
    }
#define COMPARE32(name, expr)                                                                      \
    COMPARE(name##_f32, sim_lanes, uint32_t, sim_src32, float, sim_float, expr)
#define COMPARE16(name, expr)                                                                      \
    COMPARE(name##_f16, sim_lanes, uint32_t, sim_src_half, float, sim_half_in, expr)
#define COMPARE64(name, expr)                                                                      \
    COMPARE(name##_f64, sim_lanes64, uint64_t, sim_src64, double, sim_double, expr)
#define COMPARES(define)                                                                           \
    define(cmp_f, 0) define(cmp_lt, a < b) define(cmp_eq, a == b) define(cmp_le, a <= b)           \
        define(cmp_gt, a > b) define(cmp_lg, (a < b) | (a > b)) define(cmp_ge, a >= b)             \
            define(cmp_o, (a == a) & (b == b)) define(cmp_u, (a != a) | (b != b))                  \
                define(cmp_nge, !(a >= b)) define(cmp_nlg, !((a < b) | (a > b)))                   \
                    define(cmp_ngt, !(a > b)) define(cmp_nle, !(a <= b))                           \
                        define(cmp_neq, !(a == b)) define(cmp_nlt, !(a < b)) define(cmp_tru, 1)
COMPARES(COMPARE32)
COMPARES(COMPARE16)
COMPARES(COMPARE64)

/* Class bit (ISA guide, V_CMP_CLASS_F32): 0 signaling NaN, 1 quiet NaN, 2/9 infinity, 3/8 normal,
 * 4/7 denormal, 5/6 zero, negative/positive. */
static unsigned class_of(uint64_t v, unsigned exp_bits, unsigned man_bits)
{
    uint64_t man = v & ((1ull << man_bits) - 1), max = (1ull << exp_bits) - 1,
             exp = v >> man_bits & max;
    bool negative = v >> (exp_bits + man_bits) & 1;

    if (exp == max && man)
        return man >> (man_bits - 1) & 1 ? 1 : 0;
    if (exp == max)
        return negative ? 2 : 9;
    if (exp)
        return negative ? 3 : 8;
    if (man)
        return negative ? 4 : 7;
    return negative ? 5 : 6;
}

#define COMPARE_CLASS(name, buffer, word, source, exp_bits, man_bits)                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        buffer ba;                                                                                 \
        sim_lanes bb;                                                                              \
        uint8_t flags[SIM_LANES];                                                                  \
        const word *pa = source(w, in, 1, &ba);                                                    \
        const uint32_t *pb = sim_src32(w, in, 2, &bb);                                             \
        LANES(l) flags[l] = pb[l] >> class_of(pa[l], exp_bits, man_bits) & 1;                      \
        sim_put_compare(w, in, flags);                                                             \
    }
COMPARE_CLASS(cmp_class_f16, sim_lanes, uint32_t, sim_src32, 5, 10)
COMPARE_CLASS(cmp_class_f32, sim_lanes, uint32_t, sim_src32, 8, 23)
COMPARE_CLASS(cmp_class_f64, sim_lanes64, uint64_t, sim_src64, 11, 52)

/* ---- cube maps ---- */

#define CUBE(name, on_z, on_y, on_x)                                                               \
    OP3_F32(name, THIRD,                                                                           \
            fabsf(c) >= fabsf(a) && fabsf(c) >= fabsf(b) ? (on_z)                                  \
            : fabsf(b) >= fabsf(a)                       ? (on_y)                                  \
                                                         : (on_x))
CUBE(cubeid_f32, c < 0.0f ? 5.0f : 4.0f, b < 0.0f ? 3.0f : 2.0f, a < 0.0f ? 1.0f : 0.0f)
CUBE(cubesc_f32, c < 0.0f ? -a : a, a, a < 0.0f ? c : -c)
CUBE(cubetc_f32, -b, b < 0.0f ? -c : c, -b)
CUBE(cubema_f32, c * 2.0f, b * 2.0f, a * 2.0f)

#define F1 "Df32 Sf32"
#define F2 "Df32 Sf32 Sf32"
#define F3 "Df32 Sf32 Sf32 Sf32"
#define D1 "Df64 Sf64"
#define D2 "Df64 Sf64 Sf64"
#define D3 "Df64 Sf64 Sf64 Sf64"
#define H1 "Df16 Sf16"
#define H2 "Df16 Sf16 Sf16"
#define H3 "Df16 Sf16 Sf16 Sf16"
#define SP .fp_class = SIM_FP_SP
#define DP .fp_class = SIM_FP_DP

#define COMPARE_ROW(op, suffix, form, class)                                                       \
    {"v_cmp_" #op "_" #suffix, form, cmp_##op##_##suffix, .aux = 0, class},                        \
    {                                                                                              \
        "v_cmpx_" #op "_" #suffix, form, cmp_##op##_##suffix, .aux = 1, class                      \
    }
#define COMPARE_ROWS(suffix, form, class)                                                          \
    COMPARE_ROW(f, suffix, form, class), COMPARE_ROW(lt, suffix, form, class),                     \
        COMPARE_ROW(eq, suffix, form, class), COMPARE_ROW(le, suffix, form, class),                \
        COMPARE_ROW(gt, suffix, form, class), COMPARE_ROW(lg, suffix, form, class),                \
        COMPARE_ROW(ge, suffix, form, class), COMPARE_ROW(o, suffix, form, class),                 \
        COMPARE_ROW(u, suffix, form, class), COMPARE_ROW(nge, suffix, form, class),                \
        COMPARE_ROW(nlg, suffix, form, class), COMPARE_ROW(ngt, suffix, form, class),              \
        COMPARE_ROW(nle, suffix, form, class), COMPARE_ROW(neq, suffix, form, class),              \
        COMPARE_ROW(nlt, suffix, form, class), COMPARE_ROW(tru, suffix, form, class)

const sim_op SIM_TABLE(valu_fp)[] = {
    {"v_add_f32", F2, add_f32, SP},
    {"v_sub_f32", F2, sub_f32, SP},
    {"v_subrev_f32", F2, subrev_f32, SP},
    {"v_mul_f32", F2, mul_f32, SP},
    {"v_mul_legacy_f32", F2, mul_legacy_f32, SP},
    {"v_fma_f32", F3, fma_f32, SP},
    {"v_fmac_f32", F2, fmac_f32, SP},
    {"v_mad_f32", F3, mad_f32, SP, .only_gfx90a = 1},
    {"v_mac_f32", F2, mac_f32, SP, .only_gfx90a = 1},
    {"v_mad_legacy_f32", F3, mad_legacy_f32, SP, .only_gfx90a = 1},
    {"v_fmaak_f32", F3, fma_f32, SP, .min_arch = SIM_GFX942},
    {"v_madak_f32", F3, mad_f32, SP, .only_gfx90a = 1},
    {"v_floor_f32", F1, floor_f32, SP},
    {"v_ceil_f32", F1, ceil_f32, SP},
    {"v_trunc_f32", F1, trunc_f32, SP},
    {"v_fract_f32", F1, fract_f32, SP},
    {"v_rndne_f32", F1, rndne_f32, SP},
    {"v_min_f32", F2, min_f32, SP},
    {"v_max_f32", F2, max_f32, SP},
    {"v_min3_f32", F3, min3_f32, SP},
    {"v_max3_f32", F3, max3_f32, SP},
    {"v_med3_f32", F3, med3_f32, SP},
    {"v_minimum3_f32", F3, minimum3_f32, SP, .min_arch = SIM_GFX950},
    {"v_maximum3_f32", F3, maximum3_f32, SP, .min_arch = SIM_GFX950},
    {"v_ldexp_f32", "Df32 Sf32 Sb32", ldexp_f32, SP},
    {"v_frexp_exp_i32_f32", "Db32 Sf32", frexp_exp_i32_f32},
    {"v_frexp_mant_f32", F1, frexp_mant_f32},
    {"v_exp_f32", F1, exp_f32},
    {"v_exp_legacy_f32", F1, exp_f32},
    {"v_log_f32", F1, log_f32},
    {"v_log_legacy_f32", F1, log_f32},
    {"v_rcp_f32", F1, rcp_f32},
    {"v_rcp_iflag_f32", F1, rcp_f32},
    {"v_rsq_f32", F1, rsq_f32},
    {"v_sqrt_f32", F1, sqrt_f32},
    {"v_sin_f32", F1, sin_f32},
    {"v_cos_f32", F1, cos_f32},
    {"v_div_scale_f32", "Df32 Db64 Sf32 Sf32 Sf32", div_scale_f32},
    {"v_div_fmas_f32", F3, div_fmas_f32, SP},
    {"v_div_fixup_f32", F3, div_fixup_f32},
    {"v_cubeid_f32", F3, cubeid_f32, SP},
    {"v_cubesc_f32", F3, cubesc_f32, SP},
    {"v_cubetc_f32", F3, cubetc_f32, SP},
    {"v_cubema_f32", F3, cubema_f32, SP},
    /* v_fmamk d, a, k, b: the constant is the second factor, as in the text. */
    {"v_fmamk_f32", F3, fma_f32, SP, .min_arch = SIM_GFX942},
    {"v_madmk_f32", F3, mad_f32, SP, .only_gfx90a = 1},

    {"v_add_f64", D2, add_f64, DP},
    {"v_mul_f64", D2, mul_f64, DP},
    {"v_fma_f64", D3, fma_f64, DP},
    {"v_fmac_f64", D2, fmac_f64, DP},
    {"v_min_f64", D2, min_f64, DP},
    {"v_max_f64", D2, max_f64, DP},
    {"v_floor_f64", D1, floor_f64, DP},
    {"v_ceil_f64", D1, ceil_f64, DP},
    {"v_trunc_f64", D1, trunc_f64, DP},
    {"v_rndne_f64", D1, rndne_f64, DP},
    {"v_fract_f64", D1, fract_f64, DP},
    {"v_rcp_f64", D1, rcp_f64, DP},
    {"v_rsq_f64", D1, rsq_f64, DP},
    {"v_sqrt_f64", D1, sqrt_f64, DP},
    {"v_trig_preop_f64", "Df64 Sf64 Sb32", trig_preop_f64},
    {"v_ldexp_f64", "Df64 Sf64 Sb32", ldexp_f64, DP},
    {"v_frexp_exp_i32_f64", "Db32 Sf64", frexp_exp_i32_f64},
    {"v_frexp_mant_f64", D1, frexp_mant_f64},
    {"v_div_scale_f64", "Df64 Db64 Sf64 Sf64 Sf64", div_scale_f64},
    {"v_div_fmas_f64", D3, div_fmas_f64, DP},
    {"v_div_fixup_f64", D3, div_fixup_f64},

    {"v_add_f16", H2, add_f16, DP},
    {"v_sub_f16", H2, sub_f16, DP},
    {"v_subrev_f16", H2, subrev_f16, DP},
    {"v_mul_f16", H2, mul_f16, DP},
    {"v_fma_f16", H3, fma_f16, DP},
    {"v_fma_legacy_f16", H3, fma_legacy_f16, DP},
    {"v_mad_f16", H3, mad_f16, DP},
    {"v_mad_legacy_f16", H3, mad_legacy_f16, DP},
    {"v_mac_f16", H2, mac_f16, DP},
    {"v_madak_f16", H3, mad_legacy_f16, DP},
    {"v_madmk_f16", H3, mad_legacy_f16, DP},
    {"v_min_f16", H2, min_f16, DP},
    {"v_max_f16", H2, max_f16, DP},
    {"v_min3_f16", H3, min3_f16, DP},
    {"v_max3_f16", H3, max3_f16, DP},
    {"v_med3_f16", H3, med3_f16, DP},
    {"v_floor_f16", H1, floor_f16, DP},
    {"v_ceil_f16", H1, ceil_f16, DP},
    {"v_trunc_f16", H1, trunc_f16, DP},
    {"v_rndne_f16", H1, rndne_f16, DP},
    {"v_fract_f16", H1, fract_f16, DP},
    {"v_exp_f16", H1, exp_f16, DP},
    {"v_log_f16", H1, log_f16, DP},
    {"v_rcp_f16", H1, rcp_f16, DP},
    {"v_sqrt_f16", H1, sqrt_f16, DP},
    {"v_rsq_f16", H1, rsq_f16, DP},
    {"v_sin_f16", H1, sin_f16, DP},
    {"v_cos_f16", H1, cos_f16, DP},
    {"v_ldexp_f16", "Df16 Sf16 Sb16", ldexp_f16, DP},
    {"v_frexp_mant_f16", H1, frexp_mant_f16},
    {"v_frexp_exp_i16_f16", "Db16 Sf16", frexp_exp_i16_f16},
    {"v_div_fixup_f16", H3, div_fixup_f16, DP},
    {"v_div_fixup_legacy_f16", H3, div_fixup_legacy_f16, DP},

    COMPARE_ROWS(f32, "Db64 Sf32 Sf32", SP),
    COMPARE_ROWS(f16, "Db64 Sf16 Sf16", DP),
    COMPARE_ROWS(f64, "Db64 Sf64 Sf64", DP),
    COMPARE_ROW(class, f32, "Db64 Sf32 Sb32", .fp_class = SIM_FP_NONE),
    COMPARE_ROW(class, f16, "Db64 Sf16 Sb32", .fp_class = SIM_FP_NONE),
    COMPARE_ROW(class, f64, "Db64 Sf64 Sb32", .fp_class = SIM_FP_NONE),
    {0}};
