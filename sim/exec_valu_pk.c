/* VOP3P: packed 16-bit and 32-bit arithmetic, dot products, mixed-precision multiply-add; and the
 * dot products of VOP2. Semantics: CDNA3 and CDNA4 ISA guides, VOP3P instruction chapter; op_sel,
 * op_sel_hi, neg_lo, neg_hi: "Packed Math". */
#include "sim/lanes.h"

#define F(x) sim_float(x)
#define B(x) sim_bits(x)
#define I16(x) ((int16_t)(x))
#define U16(x) ((uint16_t)(x))

typedef struct halves {
    sim_lanes lo, hi;
} halves;

/* The two 16-bit values of source `source` (operand source + 1) that the low and the high result
 * use. */
SIM_INLINE void split(const sim_wave *w, const sim_inst *in, unsigned source, halves *h)
{
    sim_lanes buf;
    const uint32_t *p = sim_raw32(w, &in->ops[source + 1], 0, buf.l);
    const unsigned lo = in->op_sel >> source & 1 ? 16 : 0,
                   hi = in->op_sel_hi >> source & 1 ? 16 : 0;
    const uint32_t flip_lo = in->neg_lo >> source & 1 ? 0x8000 : 0,
                   flip_hi = in->neg_hi >> source & 1 ? 0x8000 : 0;

    LANES(l) h->lo.l[l] = (p[l] >> lo & 0xffff) ^ flip_lo;
    LANES(l) h->hi.l[l] = (p[l] >> hi & 0xffff) ^ flip_hi;
}

SIM_INLINE void put_halves(sim_wave *w, const sim_inst *in, const sim_lanes *lo,
                           const sim_lanes *hi)
{
    sim_lanes r;

    LANES(l) r.l[l] = (lo->l[l] & 0xffff) | hi->l[l] << 16;
    sim_put32(w, in, &r);
}

/* ---- packed integers. clamp saturates to [low, high] ---- */

#define PK_INT(name, sources, type, exact, low, high)                                              \
    SIM_INLINE void name##_half(const uint32_t *pa, const uint32_t *pb, const uint32_t *pc,        \
                                bool clamp, uint32_t *r)                                           \
    {                                                                                              \
        LANES(l) {                                                                                 \
            const int32_t a = (type)pa[l], b = (type)pb[l], c = (type)pc[l];                       \
            const int64_t v = (exact);                                                             \
            (void)c;                                                                               \
            r[l] = (uint32_t)(clamp && v < (low) ? (low) : clamp && v > (high) ? (high) : v);      \
        }                                                                                          \
    }                                                                                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        halves a, b, c;                                                                            \
        sim_lanes lo, hi;                                                                          \
        const bool clamp = in->flags & SIM_F_CLAMP;                                                \
        split(w, in, 0, &a);                                                                       \
        split(w, in, 1, &b);                                                                       \
        if ((sources) == 3)                                                                        \
            split(w, in, 2, &c);                                                                   \
        else                                                                                       \
            c = a;                                                                                 \
        name##_half(a.lo.l, b.lo.l, c.lo.l, clamp, lo.l);                                          \
        name##_half(a.hi.l, b.hi.l, c.hi.l, clamp, hi.l);                                          \
        put_halves(w, in, &lo, &hi);                                                               \
    }
PK_INT(pk_mad_i16, 3, int16_t, (int64_t)a * b + c, -32768, 32767)
PK_INT(pk_mad_u16, 3, uint16_t, (int64_t)a * b + c, 0, 65535)
PK_INT(pk_mul_lo_u16, 2, uint16_t, (int64_t)a * b, 0, 65535)
PK_INT(pk_add_i16, 2, int16_t, a + b, -32768, 32767)
PK_INT(pk_sub_i16, 2, int16_t, a - b, -32768, 32767)
PK_INT(pk_add_u16, 2, uint16_t, a + b, 0, 65535)
PK_INT(pk_sub_u16, 2, uint16_t, a - b, 0, 65535)
PK_INT(pk_max_i16, 2, int16_t, a > b ? a : b, -32768, 32767)
PK_INT(pk_min_i16, 2, int16_t, a < b ? a : b, -32768, 32767)
PK_INT(pk_max_u16, 2, uint16_t, a > b ? a : b, 0, 65535)
PK_INT(pk_min_u16, 2, uint16_t, a < b ? a : b, 0, 65535)
PK_INT(pk_lshlrev_b16, 2, uint16_t, (int64_t)b << (a & 15), 0, 0xffffffffll)
PK_INT(pk_lshrrev_b16, 2, uint16_t, b >> (a & 15), 0, 65535)
PK_INT(pk_ashrrev_i16, 2, int16_t, b >> (a & 15), -32768, 32767)

/* ---- packed binary16 ---- */

SIM_INLINE void split_floats(const sim_wave *w, const sim_inst *in, unsigned source, halves *h)
{
    split(w, in, source, h);
    sim_flush_halves(w, h->lo.l, &h->lo);
    sim_flush_halves(w, h->hi.l, &h->hi);
}

SIM_INLINE bool is_nan(float f)
{
    return f != f;
}

SIM_INLINE float min_half(float a, float b)
{
    const float r = a < b ? a : b, equal = F(B(a) | B(b));

    return is_nan(a) ? b : is_nan(b) ? a : a == b ? equal : r;
}

SIM_INLINE float max_half(float a, float b)
{
    const float r = a > b ? a : b, equal = F(B(a) & B(b));

    return is_nan(a) ? b : is_nan(b) ? a : a == b ? equal : r;
}

SIM_INLINE float quiet(float f)
{
    return F(B(f) | 0x400000);
}

SIM_INLINE float minimum3_half(float a, float b, float c)
{
    return is_nan(a)   ? quiet(a)
           : is_nan(b) ? quiet(b)
           : is_nan(c) ? quiet(c)
                       : min_half(min_half(a, b), c);
}

SIM_INLINE float maximum3_half(float a, float b, float c)
{
    return is_nan(a)   ? quiet(a)
           : is_nan(b) ? quiet(b)
           : is_nan(c) ? quiet(c)
                       : max_half(max_half(a, b), c);
}

#define PK_F16(name, sources, expr)                                                                \
    SIM_INLINE void name##_half(const uint32_t *pa, const uint32_t *pb, const uint32_t *pc,        \
                                float *r)                                                          \
    {                                                                                              \
        LANES(l) {                                                                                 \
            const float a = sim_half_in(pa[l]), b = sim_half_in(pb[l]), c = sim_half_in(pc[l]);    \
            const float v = (expr);                                                                \
            r[l] = v != v && !((a != a) | (b != b) | (c != c)) ? F(0x7fc00000) : v;                \
        }                                                                                          \
    }                                                                                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        halves a, b, c;                                                                            \
        sim_lanes lo, hi;                                                                          \
        _Alignas(64) float f[SIM_LANES];                                                           \
        split_floats(w, in, 0, &a);                                                                \
        split_floats(w, in, 1, &b);                                                                \
        if ((sources) == 3)                                                                        \
            split_floats(w, in, 2, &c);                                                            \
        else                                                                                       \
            c = a;                                                                                 \
        name##_half(a.lo.l, b.lo.l, c.lo.l, f);                                                    \
        sim_round_f16(w, in, f, &lo);                                                              \
        name##_half(a.hi.l, b.hi.l, c.hi.l, f);                                                    \
        sim_round_f16(w, in, f, &hi);                                                              \
        put_halves(w, in, &lo, &hi);                                                               \
    }
PK_F16(pk_fma_f16, 3, sim_fma_half(a, b, c))
PK_F16(pk_add_f16, 2, a + b)
PK_F16(pk_mul_f16, 2, a * b)
PK_F16(pk_min_f16, 2, min_half(a, b))
PK_F16(pk_max_f16, 2, max_half(a, b))
PK_F16(pk_minimum3_f16, 3, minimum3_half(a, b, c))
PK_F16(pk_maximum3_f16, 3, maximum3_half(a, b, c))

static void pk_fmac_f16(sim_wave *w, const sim_inst *in)
{
    halves a, b, c;
    sim_lanes lo, hi;
    float f[SIM_LANES];
    const uint32_t *d = w->v[in->ops[0].reg];

    split_floats(w, in, 0, &a);
    split_floats(w, in, 1, &b);
    LANES(l) c.lo.l[l] = d[l] & 0xffff;
    LANES(l) c.hi.l[l] = d[l] >> 16;
    pk_fma_f16_half(a.lo.l, b.lo.l, c.lo.l, f);
    sim_round_f16(w, in, f, &lo);
    pk_fma_f16_half(a.hi.l, b.hi.l, c.hi.l, f);
    sim_round_f16(w, in, f, &hi);
    put_halves(w, in, &lo, &hi);
}

/* ---- packed binary32 ---- */

/* The dword of a 64-bit source that the low (high) result uses. An inline constant has its value in
 * the low dword. */
SIM_INLINE const uint32_t *pick(const sim_wave *w, const sim_inst *in, unsigned source, bool high,
                                sim_lanes *buf)
{
    const sim_operand *o = &in->ops[source + 1];
    const unsigned sel = (high ? in->op_sel_hi : in->op_sel) >> source & 1;
    const unsigned neg = (high ? in->neg_hi : in->neg_lo) >> source & 1;
    const uint32_t *p = sim_raw32(w, o, sel, buf->l);

    if (!neg)
        return p;
    LANES(l) buf->l[l] = p[l] ^ 0x80000000;
    return buf->l;
}

SIM_INLINE void clamp_lanes(const sim_wave *w, const sim_inst *in, sim_lanes *r)
{
    if (sim_has_output_modifier(in))
        LANES(l) r->l[l] = B(sim_output32(w, in, F(r->l[l])));
}

#define PK_F32(name, sources, expr)                                                                \
    SIM_INLINE void name##_one(const sim_wave *w, const sim_inst *in, bool high, sim_lanes *r)     \
    {                                                                                              \
        sim_lanes ba, bb, bc;                                                                      \
        const uint32_t *pa = pick(w, in, 0, high, &ba), *pb = pick(w, in, 1, high, &bb);           \
        const uint32_t *pc = (sources) == 3 ? pick(w, in, 2, high, &bc) : pa;                      \
        LANES(l) {                                                                                 \
            const float a = F(pa[l]), b = F(pb[l]), c = F(pc[l]);                                  \
            const float v = (expr);                                                                \
            r->l[l] = v != v && !((a != a) | (b != b) | (c != c)) ? 0x7fc00000 : B(v);             \
        }                                                                                          \
        clamp_lanes(w, in, r);                                                                     \
    }                                                                                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes lo, hi;                                                                          \
        const uint64_t mask = sim_exec_mask(w);                                                    \
        name##_one(w, in, false, &lo);                                                             \
        name##_one(w, in, true, &hi);                                                              \
        sim_merge(w->v[in->ops[0].reg], lo.l, mask);                                               \
        sim_merge(w->v[in->ops[0].reg + 1], hi.l, mask);                                           \
    }
PK_F32(pk_fma_f32, 3, __builtin_fmaf(a, b, c))
PK_F32(pk_mul_f32, 2, a * b)
PK_F32(pk_add_f32, 2, a + b)

/* op_sel picks the dword of each source: the first makes the low result, the second the high one.
 */
static void pk_mov_b32(sim_wave *w, const sim_inst *in)
{
    sim_lanes lo, hi, buf;
    const uint64_t mask = sim_exec_mask(w);

    memcpy(lo.l, sim_raw32(w, &in->ops[1], in->op_sel & 1, buf.l), sizeof lo.l);
    memcpy(hi.l, sim_raw32(w, &in->ops[2], in->op_sel >> 1 & 1, buf.l), sizeof hi.l);
    sim_merge(w->v[in->ops[0].reg], lo.l, mask);
    sim_merge(w->v[in->ops[0].reg + 1], hi.l, mask);
}

/* ---- dot products. Products of 16-bit floats are exact in binary32, so each sum rounds once. ----
 */

/* Accumulator: the third source of the VOP3P form, the destination of the VOP2 form. */
SIM_INLINE const uint32_t *accumulator(const sim_wave *w, const sim_inst *in, sim_lanes *buf)
{
    return in->num_ops == 4 ? sim_src32(w, in, 3, buf) : w->v[in->ops[0].reg];
}

#define DOT_FLOAT(name, convert, expr)                                                             \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        halves a, b;                                                                               \
        sim_lanes bc, r;                                                                           \
        const uint32_t *pc = accumulator(w, in, &bc);                                              \
        split(w, in, 0, &a);                                                                       \
        split(w, in, 1, &b);                                                                       \
        LANES(l) {                                                                                 \
            const float p0 = convert((uint16_t)a.lo.l[l]) * convert((uint16_t)b.lo.l[l]);          \
            const float p1 = convert((uint16_t)a.hi.l[l]) * convert((uint16_t)b.hi.l[l]);          \
            const float c = F(pc[l]);                                                              \
            r.l[l] = B(expr);                                                                      \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
DOT_FLOAT(dot2_f32_f16, sim_f16_to_f32, (c + p0) + p1)
DOT_FLOAT(dot2c_f32_bf16, sim_bf16_to_f32, (c + p0) + p1)
DOT_FLOAT(dot2_f32_bf16, sim_bf16_to_f32, (p0 + p1) + c)

/* Signed or unsigned fields of `bits` bits. aux: bits | is_signed << 8. */
static int64_t dot_one(uint32_t a, uint32_t b, unsigned bits, bool is_signed)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < 32; i += bits) {
        uint32_t x = a << (32 - bits - i), y = b << (32 - bits - i);
        if (is_signed)
            sum += (int64_t)((int32_t)x >> (32 - bits)) * ((int32_t)y >> (32 - bits));
        else
            sum += (int64_t)((uint64_t)(x >> (32 - bits)) * (y >> (32 - bits)));
    }
    return sum;
}

static void dot_int(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bc, r;
    const unsigned bits = in->aux & 0xff;
    const bool is_signed = in->aux >> 8, clamp = in->flags & SIM_F_CLAMP;
    const int64_t low = is_signed ? INT32_MIN : 0, high = is_signed ? INT32_MAX : 0xffffffffll;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb),
                   *pc = accumulator(w, in, &bc);

    LANES(l) {
        int64_t c = is_signed ? (int64_t)(int32_t)pc[l] : (int64_t)pc[l];
        int64_t v = c + dot_one(pa[l], pb[l], bits, is_signed);
        r.l[l] = (uint32_t)(clamp && v < low ? low : clamp && v > high ? high : v);
    }
    sim_put32(w, in, &r);
}

/* ---- mixed precision ---- */

/* A source is binary32, or with its op_sel_hi bit one half (op_sel: which) read as binary16. An
 * inline constant is of the type that is read. */
static void mix_source(const sim_wave *w, const sim_inst *in, unsigned source, float *f)
{
    const sim_operand *o = &in->ops[source + 1];
    const bool half = in->flags & SIM_F_OP_SEL_HI && in->op_sel_hi >> source & 1;
    const unsigned shift = in->op_sel >> source & 1 ? 16 : 0;
    sim_lanes buf;
    const uint32_t *p = sim_raw32(w, o, 0, buf.l);

    if (half)
        LANES(l) f[l] = sim_half_in(p[l] >> shift);
    else
        LANES(l) f[l] = F(p[l]);
    if (o->mods & SIM_ABS || in->neg_hi >> source & 1)
        LANES(l) f[l] = __builtin_fabsf(f[l]);
    if (o->mods & SIM_NEG || in->neg_lo >> source & 1)
        LANES(l) f[l] = -f[l];
}

static void mix(const sim_wave *w, const sim_inst *in, sim_lanes *r)
{
    _Alignas(64) float a[SIM_LANES], b[SIM_LANES], c[SIM_LANES];

    mix_source(w, in, 0, a);
    mix_source(w, in, 1, b);
    mix_source(w, in, 2, c);
    LANES(l) r->l[l] = B(__builtin_fmaf(a[l], b[l], c[l]));
    if (sim_has_output_modifier(in))
        LANES(l) r->l[l] = B(sim_output32(w, in, F(r->l[l])));
}

static void mix_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes r;

    mix(w, in, &r);
    sim_put32(w, in, &r);
}

/* The result, rounded to binary32 and then to binary16, in the low (high) half; the other half is
 * kept. */
static void mix_half(sim_wave *w, const sim_inst *in, unsigned shift)
{
    sim_lanes r;
    const uint32_t *old = w->v[in->ops[0].reg];
    const uint32_t kept = shift ? 0xffff : 0xffff0000;

    mix(w, in, &r);
    LANES(l) r.l[l] = (old[l] & kept) | (uint32_t)sim_to_f16(w, F(r.l[l])) << shift;
    sim_put32(w, in, &r);
}

static void mixlo_f16(sim_wave *w, const sim_inst *in)
{
    mix_half(w, in, 0);
}

static void mixhi_f16(sim_wave *w, const sim_inst *in)
{
    mix_half(w, in, 16);
}

#define P2 "Dpk16 Spk16 Spk16"
#define P3 "Dpk16 Spk16 Spk16 Spk16"
#define X2 "Dpkf32 Spkf32 Spkf32"
#define X3 "Dpkf32 Spkf32 Spkf32 Spkf32"
#define DOT3(t) "Db32 S" t " S" t " Sb32"
#define DOT2(t) "Db32 S" t " S" t
#define MIX "Df32 Sf32 Sf32 Sf32"
#define SP .fp_class = SIM_FP_SP
#define DP .fp_class = SIM_FP_DP

const sim_op SIM_TABLE(valu_pk)[] = {
    {"v_pk_mad_i16", P3, pk_mad_i16},
    {"v_pk_mad_u16", P3, pk_mad_u16},
    {"v_pk_mul_lo_u16", P2, pk_mul_lo_u16},
    {"v_pk_add_i16", P2, pk_add_i16},
    {"v_pk_sub_i16", P2, pk_sub_i16},
    {"v_pk_add_u16", P2, pk_add_u16},
    {"v_pk_sub_u16", P2, pk_sub_u16},
    {"v_pk_max_i16", P2, pk_max_i16},
    {"v_pk_min_i16", P2, pk_min_i16},
    {"v_pk_max_u16", P2, pk_max_u16},
    {"v_pk_min_u16", P2, pk_min_u16},
    {"v_pk_lshlrev_b16", P2, pk_lshlrev_b16},
    {"v_pk_lshrrev_b16", P2, pk_lshrrev_b16},
    {"v_pk_ashrrev_i16", P2, pk_ashrrev_i16},
    {"v_pk_fma_f16", P3, pk_fma_f16, DP},
    {"v_pk_add_f16", P2, pk_add_f16, DP},
    {"v_pk_mul_f16", P2, pk_mul_f16, DP},
    {"v_pk_min_f16", P2, pk_min_f16, DP},
    {"v_pk_max_f16", P2, pk_max_f16, DP},
    {"v_pk_fmac_f16", P2, pk_fmac_f16, DP},
    {"v_pk_minimum3_f16", P3, pk_minimum3_f16, DP, .min_arch = SIM_GFX950},
    {"v_pk_maximum3_f16", P3, pk_maximum3_f16, DP, .min_arch = SIM_GFX950},
    {"v_pk_fma_f32", X3, pk_fma_f32, SP},
    {"v_pk_mul_f32", X2, pk_mul_f32, SP},
    {"v_pk_add_f32", X2, pk_add_f32, SP},
    {"v_pk_mov_b32", X2, pk_mov_b32},

    {"v_dot2_f32_f16", DOT3("pk16"), dot2_f32_f16, SP},
    {"v_dot2c_f32_f16", DOT2("pk16"), dot2_f32_f16, SP},
    {"v_dot2_f32_bf16", DOT3("pkbf16"), dot2_f32_bf16, SP, .min_arch = SIM_GFX950},
    {"v_dot2c_f32_bf16", DOT2("pkbf16"), dot2c_f32_bf16, SP, .min_arch = SIM_GFX950},
    {"v_dot2_i32_i16", DOT3("pk16"), dot_int, .aux = 16 | 256},
    {"v_dot2_u32_u16", DOT3("pk16"), dot_int, .aux = 16},
    {"v_dot4_i32_i8", DOT3("b32"), dot_int, .aux = 8 | 256},
    {"v_dot4_u32_u8", DOT3("b32"), dot_int, .aux = 8},
    {"v_dot8_i32_i4", DOT3("b32"), dot_int, .aux = 4 | 256},
    {"v_dot8_u32_u4", DOT3("b32"), dot_int, .aux = 4},
    {"v_dot2c_i32_i16", DOT2("b32"), dot_int, .aux = 16 | 256},
    {"v_dot4c_i32_i8", DOT2("b32"), dot_int, .aux = 8 | 256},
    {"v_dot8c_i32_i4", DOT2("b32"), dot_int, .aux = 4 | 256},

    {"v_fma_mix_f32", MIX, mix_f32, SP},
    {"v_fma_mixlo_f16", MIX, mixlo_f16, SP},
    {"v_fma_mixhi_f16", MIX, mixhi_f16, SP},
    {0}};
