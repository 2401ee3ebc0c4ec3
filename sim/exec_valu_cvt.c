/* Conversions between number formats. Semantics: CDNA3 and CDNA4 ISA guides, V_CVT_* in the VOP1,
 * VOP2 and VOP3 instruction chapters. 8-bit formats are FNUZ on gfx942 and OCP on gfx950. */
#include <math.h>

#include "sim/lanes.h"

#define F(x) sim_float(x)
#define B(x) sim_bits(x)

/* ---- to integers: truncated, saturated, NaN is 0 ---- */

SIM_INLINE uint32_t to_i32(float a)
{
    return a >= 0x1p31f   ? 0x7fffffffu
           : a < -0x1p31f ? 0x80000000u
           : a != a       ? 0
                          : (uint32_t)(int32_t)a;
}

SIM_INLINE uint32_t to_u32(float a)
{
    return a >= 0x1p32f ? 0xffffffffu : a > 0.0f ? (uint32_t)a : 0;
}

SIM_INLINE uint32_t f64_to_i32(double a)
{
    return a >= 0x1p31    ? 0x7fffffffu
           : a <= -0x1p31 ? 0x80000000u
           : a != a       ? 0
                          : (uint32_t)(int32_t)a;
}

SIM_INLINE uint32_t f64_to_u32(double a)
{
    return a >= 0x1p32 ? 0xffffffffu : a > 0.0 ? (uint32_t)a : 0;
}

/* To an integer of [lo, hi], rounded to nearest even. */
SIM_INLINE int32_t to_range(float a, float lo, float hi)
{
    const float r = __builtin_rintf(a);

    return a != a ? 0 : r < lo ? (int32_t)lo : r > hi ? (int32_t)hi : (int32_t)r;
}

/* ---- shapes ---- */

#define TO_B32(name, convert, expr)                                                                \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const __typeof__(convert(0u)) a = convert(pa[l]);                                      \
            r.l[l] = (uint32_t)(expr);                                                             \
        }                                                                                          \
        sim_put32(w, in, &r);                                                                      \
    }
#define TO_F32(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l];                                                              \
            r.l[l] = B(expr);                                                                      \
        }                                                                                          \
        sim_put_f32(w, in, &r);                                                                    \
    }
#define TO_16(name, convert, expr)                                                                 \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const __typeof__(convert(0u)) a = convert(pa[l]);                                      \
            r.l[l] = (uint32_t)(expr);                                                             \
        }                                                                                          \
        sim_put16(w, in, &r, false);                                                               \
    }
#define TO_F16(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        _Alignas(64) float f[SIM_LANES];                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l];                                                              \
            f[l] = (expr);                                                                         \
        }                                                                                          \
        sim_round_f16(w, in, f, &r);                                                               \
        sim_put16(w, in, &r, false);                                                               \
    }
#define FROM_F64(name, expr)                                                                       \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes r;                                                                               \
        sim_lanes64 ba;                                                                            \
        const uint64_t *pa = sim_src64(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const double a = sim_double(pa[l]);                                                    \
            r.l[l] = (expr);                                                                       \
        }                                                                                          \
        sim_put32(w, in, &r);                                                                      \
    }
#define TO_F64(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba;                                                                              \
        sim_lanes64 r;                                                                             \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l];                                                              \
            r.l[l] = sim_bits64(expr);                                                             \
        }                                                                                          \
        sim_put_f64(w, in, &r);                                                                    \
    }

TO_B32(cvt_i32_f32, sim_float, to_i32(a))
TO_B32(cvt_u32_f32, sim_float, to_u32(a))
TO_B32(cvt_rpi_i32_f32, sim_float, to_i32(__builtin_floorf(a + 0.5f)))
TO_B32(cvt_flr_i32_f32, sim_float, to_i32(__builtin_floorf(a)))
TO_F32(cvt_f32_i32, (float)(int32_t)a)
TO_F32(cvt_f32_u32, (float)a)
TO_F32(cvt_f32_ubyte0, (float)(int32_t)(a & 0xff))
TO_F32(cvt_f32_ubyte1, (float)(int32_t)(a >> 8 & 0xff))
TO_F32(cvt_f32_ubyte2, (float)(int32_t)(a >> 16 & 0xff))
TO_F32(cvt_f32_ubyte3, (float)(int32_t)(a >> 24))
TO_F32(cvt_off_f32_i4, (float)((int32_t)(a << 28) >> 28) * 0x1p-4f)

TO_F32(cvt_f32_bf16, sim_bf16_to_f32((uint16_t)a))
TO_F16(cvt_f16_f32, F(a))
TO_F16(cvt_f16_u16, (float)(uint16_t)a)
TO_F16(cvt_f16_i16, (float)(int16_t)a)
TO_16(cvt_u16_f16, sim_half_in, to_u32(a) > 0xffff ? 0xffff : to_u32(a))
TO_16(cvt_i16_f16, sim_half_in, to_i32(a<-32768.0f ? -32768.0f : a> 32767.0f ? 32767.0f : a))
TO_16(cvt_norm_i16_f16, sim_half_in, to_range(a * 32767.0f, -32767.0f, 32767.0f))
TO_16(cvt_norm_u16_f16, sim_half_in, to_range(a * 65535.0f, 0.0f, 65535.0f))
FROM_F64(cvt_i32_f64, f64_to_i32(a))
FROM_F64(cvt_u32_f64, f64_to_u32(a))
TO_F64(cvt_f64_i32, (double)(int32_t)a)
TO_F64(cvt_f64_u32, (double)a)
TO_F64(cvt_f64_f32, (double)F(a))

static void cvt_f32_f16(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src_half(w, in, 1, &ba);

    LANES(l) r.l[l] = B(sim_half_in(pa[l]));
    sim_put_f32(w, in, &r);
}

static void cvt_f32_f64(sim_wave *w, const sim_inst *in)
{
    sim_lanes r;
    sim_lanes64 ba;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);

    LANES(l) r.l[l] = B((float)sim_double(pa[l]));
    sim_put_f32(w, in, &r);
}

/* ---- two sources into two halves ---- */

#define PAIR(name, convert, expr)                                                                  \
    SIM_INLINE uint32_t name##_one(uint32_t bits)                                                  \
    {                                                                                              \
        const float a = convert(bits);                                                             \
        return (uint32_t)(expr) & 0xffff;                                                          \
    }                                                                                              \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, r;                                                                       \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        LANES(l) r.l[l] = name##_one(pa[l]) | name##_one(pb[l]) << 16;                             \
        sim_put32(w, in, &r);                                                                      \
    }

/* Toward zero: the rounded result is stepped back where it is larger than the source. */
SIM_INLINE uint32_t f16_toward_zero(float a)
{
    const uint16_t h = sim_f32_to_f16(a);
    const bool larger = __builtin_fabsf(sim_half_in(h)) > __builtin_fabsf(a);

    return larger ? h - 1u : h;
}

PAIR(cvt_pkrtz_f16_f32, sim_float, f16_toward_zero(a))
PAIR(cvt_pk_f16_f32, sim_float, sim_f32_to_f16(a))
PAIR(cvt_pknorm_i16_f32, sim_float, to_range(a * 32767.0f, -32767.0f, 32767.0f))
PAIR(cvt_pknorm_u16_f32, sim_float, to_range(a * 65535.0f, 0.0f, 65535.0f))
PAIR(cvt_pknorm_i16_f16, sim_half_in, to_range(a * 32767.0f, -32767.0f, 32767.0f))
PAIR(cvt_pknorm_u16_f16, sim_half_in, to_range(a * 65535.0f, 0.0f, 65535.0f))

static void cvt_pk_bf16_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const bool modified = sim_has_output_modifier(in);

    LANES(l) {
        float a = F(pa[l]), b = F(pb[l]);
        if (modified)
            a = sim_output32(w, in, a), b = sim_output32(w, in, b);
        r.l[l] = sim_f32_to_bf16(a) | (uint32_t)sim_f32_to_bf16(b) << 16;
    }
    sim_put32(w, in, &r);
}

/* One byte of the result, at the byte that the second source names; the others come from the third
 * source, or with aux from the destination. */
static void cvt_pk_u8_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bc, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const uint32_t *pc = in->aux ? w->v[in->ops[0].reg] : sim_src32(w, in, 3, &bc);

    LANES(l) {
        const uint32_t v = to_u32(F(pa[l])), shift = 8 * (pb[l] & 3);
        r.l[l] = (pc[l] & ~(0xffu << shift)) | (v > 255 ? 255 : v) << shift;
    }
    sim_put32(w, in, &r);
}

/* ---- 8-bit floats ---- */

SIM_INLINE sim_format format_fp8(const sim_wave *w)
{
    return w->arch >= SIM_GFX950 ? SIM_FMT_E4M3 : SIM_FMT_E4M3_FNUZ;
}

SIM_INLINE sim_format format_bf8(const sim_wave *w)
{
    return w->arch >= SIM_GFX950 ? SIM_FMT_E5M2 : SIM_FMT_E5M2_FNUZ;
}

/* aux of everything below: 0 fp8 (E4M3), 1 bf8 (E5M2), 2 fp4 (E2M1), 3 fp6 (E2M3), 4 bf6 (E3M2) */
enum { FP8, BF8, FP4, FP6, BF6 };

static sim_format format_of(const sim_wave *w, unsigned which)
{
    switch (which) {
    case FP8: return format_fp8(w);
    case BF8: return format_bf8(w);
    case FP4: return SIM_FMT_E2M1;
    case FP6: return SIM_FMT_E2M3;
    default: return SIM_FMT_E3M2;
    }
}

/* MODE.FP16_OVFL: a finite value that is too large becomes the largest number. */
static bool saturates(const sim_wave *w)
{
    return w->mode >> 23 & 1;
}

static void cvt_f32_fp8(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);
    const sim_format f = format_of(w, in->aux);

    LANES(l) r.l[l] = B(sim_decode(pa[l] & 0xff, f));
    sim_put_f32(w, in, &r);
}

/* SDWA or op_sel takes the high word of the source. */
static void cvt_pk_f32_fp8(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, lo, hi;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);
    const unsigned shift = in->op_sel & 1 ? 16 : 0;
    const uint64_t mask = sim_write_mask(w, in);
    const sim_format f = format_of(w, in->aux);

    LANES(l) lo.l[l] = B(sim_decode(pa[l] >> shift & 0xff, f));
    LANES(l) hi.l[l] = B(sim_decode(pa[l] >> (shift + 8) & 0xff, f));
    sim_merge(w->v[in->ops[0].reg], lo.l, mask);
    sim_merge(w->v[in->ops[0].reg + 1], hi.l, mask);
}

/* Puts fields of `bits` bits into the destination at `shift`; its other bits are kept. */
static void put_field(sim_wave *w, const sim_inst *in, sim_lanes *r, unsigned shift, unsigned bits)
{
    const uint32_t *old = w->v[in->ops[0].reg];
    const uint32_t field = (bits == 32 ? ~0u : (1u << bits) - 1) << shift;

    LANES(l) r->l[l] = (old[l] & ~field) | (r->l[l] << shift & field);
    sim_merge(w->v[in->ops[0].reg], r->l, sim_write_mask(w, in));
}

static void cvt_pk_fp8_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const sim_format f = format_of(w, in->aux);
    const bool sat = saturates(w);

    LANES(l) {
        r.l[l] = sim_encode(F(pa[l]), f, SIM_RNE, 0, sat) | sim_encode(F(pb[l]), f, SIM_RNE, 0, sat)
                                                                << 8;
    }
    put_field(w, in, &r, in->op_sel & 8 ? 16 : 0, 16);
}

/* Bits 3:2 of op_sel choose the byte. */
static void cvt_sr_fp8_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const sim_format f = format_of(w, in->aux);

    LANES(l) r.l[l] = sim_encode(F(pa[l]), f, SIM_STOCHASTIC, pb[l], saturates(w));
    put_field(w, in, &r, 8 * (in->op_sel >> 2 & 3), 8);
}

/* aux: bfloat16 instead of binary16 */
static void cvt_sr_16_f32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const sim_format f = in->aux ? SIM_FMT_BF16 : SIM_FMT_F16;

    LANES(l) r.l[l] = sim_encode(F(pa[l]), f, SIM_STOCHASTIC, pb[l], false);
    put_field(w, in, &r, in->op_sel & 8 ? 16 : 0, 16);
}

/* ---- gfx950: conversions with a block scale, which is the exponent of a float operand ----
 * aux: small format | wide format << 4. The wide value is the small one times 2^(exponent - 127).
 */

enum { WIDE_F32, WIDE_F16, WIDE_BF16 };
enum { SCALE_SR = 1 << 12, SCALE_TWO = 1 << 13 }; /* stochastic; two sources that interleave */

static unsigned wide_type(const sim_inst *in)
{
    return in->aux >> 4 & 3;
}

SIM_INLINE int32_t scale_exponent(uint32_t bits)
{
    return (int32_t)(bits >> 23 & 0xff) - 127;
}

/* Scale exponent 0xff means NaN (OCP microscaling, E8M0). */
static float scaled(float v, uint32_t scale, bool divide)
{
    const int32_t n = scale_exponent(scale);

    return n == 128 ? F(0x7fc00000) : (float)ldexp((double)v, divide ? -n : n);
}

static float wide_in(unsigned type, uint32_t bits)
{
    return type == WIDE_F32   ? F(bits)
           : type == WIDE_F16 ? sim_half_in(bits)
                              : sim_bf16_to_f32((uint16_t)bits);
}

static uint32_t wide_out(unsigned type, float f)
{
    return type == WIDE_F32 ? B(f) : type == WIDE_F16 ? sim_f32_to_f16(f) : sim_f32_to_bf16(f);
}

/* Small to wide, `aux >> 8` values (1 or 2). op_sel bits 1:0 choose the byte (fp4 pair: byte; fp8
 * pair: word, bit 0). */
static void scale_up(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb, lo, hi, ba;
    const unsigned small = in->aux & 15, count = in->aux >> 8, wide = wide_type(in);
    const unsigned bits = small == FP4 ? 4 : 8;
    const unsigned shift =
        small != FP4 && count == 2 ? 16 * (in->op_sel & 1u) : 8 * (in->op_sel & 3u);
    const uint32_t *pa = sim_raw32(w, &in->ops[1], 0, ba.l),
                   *pb = sim_raw32(w, &in->ops[2], 0, bb.l);
    const sim_format f = format_of(w, small);
    const uint64_t mask = sim_write_mask(w, in);

    LANES(l) {
        const uint32_t v = pa[l] >> shift, field = (1u << bits) - 1;
        lo.l[l] = wide_out(wide, scaled(sim_decode(v & field, f), pb[l], false));
        hi.l[l] = wide_out(wide, scaled(sim_decode(v >> bits & field, f), pb[l], false));
    }
    if (count == 1 && wide != WIDE_F32) {
        put_field(w, in, &lo, in->op_sel & 8 ? 16 : 0, 16);
        return;
    }
    if (count == 2 && wide != WIDE_F32)
        LANES(l) lo.l[l] |= hi.l[l] << 16;
    sim_merge(w->v[in->ops[0].reg], lo.l, mask);
    if (count == 2 && wide == WIDE_F32)
        sim_merge(w->v[in->ops[0].reg + 1], hi.l, mask);
}

static uint32_t encode_scaled(const sim_wave *w, float v, uint32_t scale, sim_format f,
                              const uint32_t *random)
{
    return sim_encode(scaled(v, scale, true), f, random ? SIM_STOCHASTIC : SIM_RNE,
                      random ? *random : 0, saturates(w));
}

/* Wide to small, two values: from two f32 sources, or from the halves of one 16-bit pair. */
static void scale_down_pair(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, bs, r;
    const unsigned small = in->aux & 15, wide = wide_type(in), bits = small == FP4 ? 4 : 8;
    const unsigned shift = small == FP4 ? 8 * (in->op_sel >> 2 & 3u) : in->op_sel & 8 ? 16 : 0;
    const uint32_t *pa = sim_src32(w, in, 1, &ba);
    const uint32_t *pb = wide == WIDE_F32 ? sim_src32(w, in, 2, &bb) : pa;
    const uint32_t *ps = sim_raw32(w, &in->ops[in->num_ops - 1], 0, bs.l);
    const sim_format f = format_of(w, small);

    LANES(l) {
        const uint32_t second = wide == WIDE_F32 ? pb[l] : pa[l] >> 16;
        r.l[l] = encode_scaled(w, wide_in(wide, pa[l]), ps[l], f, NULL) |
                 encode_scaled(w, wide_in(wide, second), ps[l], f, NULL) << bits;
    }
    put_field(w, in, &r, shift, 2 * bits);
}

/* Stochastic: one value to fp8 or bf8, two to fp4. */
static void scale_down_sr(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bh, br, bs, r;
    const unsigned small = in->aux & 15, wide = wide_type(in);
    const uint32_t *pa = sim_raw32(w, &in->ops[1], 0, ba.l);
    const uint32_t *ph = small == FP4 && wide == WIDE_F32 ? sim_raw32(w, &in->ops[1], 1, bh.l) : pa;
    const uint32_t *pr = sim_raw32(w, &in->ops[2], 0, br.l),
                   *ps = sim_raw32(w, &in->ops[3], 0, bs.l);
    const sim_format f = format_of(w, small);

    LANES(l) {
        uint32_t random = pr[l];
        const uint32_t second = wide == WIDE_F32 ? ph[l] : pa[l] >> 16;
        r.l[l] = encode_scaled(w, wide_in(wide, pa[l]), ps[l], f, &random);
        random = sim_prng(random);
        if (small == FP4)
            r.l[l] |= encode_scaled(w, wide_in(wide, second), ps[l], f, &random) << 4;
    }
    put_field(w, in, &r, 8 * (in->op_sel >> 2 & 3), 8);
}

/* ---- 32 six-bit values in six registers ---- */

static uint32_t get_field(const uint32_t *dwords, unsigned bit, unsigned bits)
{
    const uint64_t pair =
        dwords[bit / 32] | (uint64_t)(bit / 32 + 1 < 32 ? dwords[bit / 32 + 1] : 0) << 32;

    return (uint32_t)(pair >> bit % 32) & ((1u << bits) - 1);
}

static void set_field(uint32_t *dwords, unsigned bit, unsigned bits, uint32_t value)
{
    const uint64_t moved = (uint64_t)value << bit % 32;

    dwords[bit / 32] |= (uint32_t)moved;
    if (bit % 32 + bits > 32)
        dwords[bit / 32 + 1] |= (uint32_t)(moved >> 32);
}

/* One lane's registers of an operand. */
static void gather(const sim_wave *w, const sim_operand *o, unsigned lane, unsigned dwords,
                   uint32_t *to)
{
    for (unsigned i = 0; i < dwords; i++)
        to[i] = o->kind == SIM_VGPR ? w->v[o->reg + i][lane] : sim_scalar32(w, o);
}

static void scatter(sim_wave *w, const sim_inst *in, unsigned lane, unsigned dwords,
                    const uint32_t *from)
{
    for (unsigned i = 0; i < dwords; i++) w->v[in->ops[0].reg + i][lane] = from[i];
}

static uint32_t lane_scalar(const sim_wave *w, const sim_operand *o, unsigned lane)
{
    return o->kind == SIM_VGPR ? w->v[o->reg][lane] : sim_scalar32(w, o);
}

static void scale_up_32(sim_wave *w, const sim_inst *in)
{
    const unsigned wide = wide_type(in), bits = wide == WIDE_F32 ? 32 : 16;
    const sim_format f = format_of(w, in->aux & 15);
    const uint64_t exec = sim_exec_mask(w);

    for (unsigned l = 0; l < SIM_LANES; l++) {
        uint32_t from[6], to[32] = {0};
        if (!(exec >> l & 1))
            continue;
        gather(w, &in->ops[1], l, 6, from);
        for (unsigned i = 0; i < 32; i++) {
            float v = scaled(sim_decode(get_field(from, 6 * i, 6), f),
                             lane_scalar(w, &in->ops[2], l), false);
            set_field(to, bits * i, bits, wide_out(wide, v));
        }
        scatter(w, in, l, bits, to);
    }
}

/* Sources: one of 32 values, or two of 16 binary32 values that interleave; for the stochastic form
 * random bits; the scale. */
static void scale_down_32(sim_wave *w, const sim_inst *in)
{
    const unsigned wide = wide_type(in), bits = wide == WIDE_F32 ? 32 : 16;
    const bool stochastic = in->aux & SCALE_SR, two = in->aux & SCALE_TWO;
    const sim_format f = format_of(w, in->aux & 15);
    const uint64_t exec = sim_exec_mask(w);

    for (unsigned l = 0; l < SIM_LANES; l++) {
        uint32_t from[2][32], to[6] = {0}, random = stochastic ? lane_scalar(w, &in->ops[2], l) : 0;
        if (!(exec >> l & 1))
            continue;
        gather(w, &in->ops[1], l, two ? 16 : bits, from[0]);
        if (two)
            gather(w, &in->ops[2], l, 16, from[1]);
        for (unsigned i = 0; i < 32; i++) {
            uint32_t v = two                ? from[i & 1][i / 2]
                         : wide == WIDE_F32 ? from[0][i]
                                            : get_field(from[0], 16 * i, 16);
            uint32_t scale = lane_scalar(w, &in->ops[in->num_ops - 1], l);
            set_field(to, 6 * i, 6,
                      encode_scaled(w, wide_in(wide, v), scale, f, stochastic ? &random : NULL));
            random = sim_prng(random);
        }
        scatter(w, in, l, 6, to);
    }
}

#define SP .fp_class = SIM_FP_SP
#define DP .fp_class = SIM_FP_DP
#define G942 .min_arch = SIM_GFX942
#define G950 .min_arch = SIM_GFX950

#define UP(name, form, small, wide, count)                                                         \
    {                                                                                              \
        name, form, scale_up, .aux = small | wide << 4 | count << 8, G950                          \
    }
#define DOWN(name, form, fn, small, wide)                                                          \
    {                                                                                              \
        name, form, fn, .aux = small | wide << 4, G950                                             \
    }
#define SIX(name, small)                                                                           \
    {"v_cvt_scalef32_pk32_f32_" name, "Db1024 Sb192 Sf32", scale_up_32,                            \
     .aux = small | WIDE_F32 << 4, G950},                                                          \
        {"v_cvt_scalef32_pk32_f16_" name, "Db512 Sb192 Sf32", scale_up_32,                         \
         .aux = small | WIDE_F16 << 4, G950},                                                      \
        {"v_cvt_scalef32_pk32_bf16_" name, "Db512 Sb192 Sf32", scale_up_32,                        \
         .aux = small | WIDE_BF16 << 4, G950},                                                     \
        {"v_cvt_scalef32_pk32_" name "_f16", "Db192 Sb512 Sf32", scale_down_32,                    \
         .aux = small | WIDE_F16 << 4, G950},                                                      \
        {"v_cvt_scalef32_pk32_" name "_bf16", "Db192 Sb512 Sf32", scale_down_32,                   \
         .aux = small | WIDE_BF16 << 4, G950},                                                     \
        {"v_cvt_scalef32_2xpk16_" name "_f32", "Db192 Sb512 Sb512 Sf32", scale_down_32,            \
         .aux = small | WIDE_F32 << 4 | SCALE_TWO, G950},                                          \
        {"v_cvt_scalef32_sr_pk32_" name "_f32", "Db192 Sb1024 Sb32 Sf32", scale_down_32,           \
         .aux = small | WIDE_F32 << 4 | SCALE_SR, G950},                                           \
        {"v_cvt_scalef32_sr_pk32_" name "_f16", "Db192 Sb512 Sb32 Sf32", scale_down_32,            \
         .aux = small | WIDE_F16 << 4 | SCALE_SR, G950},                                           \
    {                                                                                              \
        "v_cvt_scalef32_sr_pk32_" name "_bf16", "Db192 Sb512 Sb32 Sf32", scale_down_32,            \
            .aux = small | WIDE_BF16 << 4 | SCALE_SR, G950                                         \
    }
#define PAIR_F32 "Db32 Sf32 Sf32 Sf32"
#define PAIR_16 "Db32 Sb32 Sf32"
#define SR_FORM "Db32 Sb32 Sb32 Sf32"

const sim_op SIM_TABLE(valu_cvt)[] = {
    {"v_cvt_i32_f32", "Db32 Sf32", cvt_i32_f32},
    {"v_cvt_u32_f32", "Db32 Sf32", cvt_u32_f32},
    {"v_cvt_rpi_i32_f32", "Db32 Sf32", cvt_rpi_i32_f32},
    {"v_cvt_flr_i32_f32", "Db32 Sf32", cvt_flr_i32_f32},
    {"v_cvt_f32_i32", "Df32 Sb32", cvt_f32_i32, SP},
    {"v_cvt_f32_u32", "Df32 Sb32", cvt_f32_u32, SP},
    {"v_cvt_f32_ubyte0", "Df32 Sb32", cvt_f32_ubyte0},
    {"v_cvt_f32_ubyte1", "Df32 Sb32", cvt_f32_ubyte1},
    {"v_cvt_f32_ubyte2", "Df32 Sb32", cvt_f32_ubyte2},
    {"v_cvt_f32_ubyte3", "Df32 Sb32", cvt_f32_ubyte3},
    {"v_cvt_off_f32_i4", "Df32 Sb32", cvt_off_f32_i4},
    {"v_cvt_f32_f16", "Df32 Sf16", cvt_f32_f16},
    {"v_cvt_f32_bf16", "Df32 Sbf16", cvt_f32_bf16, G950},
    {"v_cvt_f16_f32", "Df16 Sf32", cvt_f16_f32},
    {"v_cvt_f16_u16", "Df16 Sb16", cvt_f16_u16},
    {"v_cvt_f16_i16", "Df16 Sb16", cvt_f16_i16},
    {"v_cvt_u16_f16", "Db16 Sf16", cvt_u16_f16},
    {"v_cvt_i16_f16", "Db16 Sf16", cvt_i16_f16},
    {"v_cvt_norm_i16_f16", "Db16 Sf16", cvt_norm_i16_f16},
    {"v_cvt_norm_u16_f16", "Db16 Sf16", cvt_norm_u16_f16},
    {"v_cvt_i32_f64", "Db32 Sf64", cvt_i32_f64},
    {"v_cvt_u32_f64", "Db32 Sf64", cvt_u32_f64},
    {"v_cvt_f64_i32", "Df64 Sb32", cvt_f64_i32},
    {"v_cvt_f64_u32", "Df64 Sb32", cvt_f64_u32},
    {"v_cvt_f64_f32", "Df64 Sf32", cvt_f64_f32, SP},
    {"v_cvt_f32_f64", "Df32 Sf64", cvt_f32_f64, SP},

    {"v_cvt_pkrtz_f16_f32", "Db32 Sf32 Sf32", cvt_pkrtz_f16_f32},
    {"v_cvt_pk_f16_f32", "Db32 Sf32 Sf32", cvt_pk_f16_f32, G950},
    {"v_cvt_pk_bf16_f32", "Db32 Sf32 Sf32", cvt_pk_bf16_f32, G950},
    {"v_cvt_pknorm_i16_f32", "Db32 Sf32 Sf32", cvt_pknorm_i16_f32},
    {"v_cvt_pknorm_u16_f32", "Db32 Sf32 Sf32", cvt_pknorm_u16_f32},
    {"v_cvt_pknorm_i16_f16", "Db32 Sf16 Sf16", cvt_pknorm_i16_f16},
    {"v_cvt_pknorm_u16_f16", "Db32 Sf16 Sf16", cvt_pknorm_u16_f16},
    {"v_cvt_pk_u8_f32", "Db32 Sf32 Sb32 Sb32", cvt_pk_u8_f32, .aux = 0},
    {"v_cvt_pkaccum_u8_f32", "Db32 Sf32 Sb32", cvt_pk_u8_f32, .aux = 1},

    {"v_cvt_f32_fp8", "Df32 Sb32", cvt_f32_fp8, .aux = FP8, G942},
    {"v_cvt_f32_bf8", "Df32 Sb32", cvt_f32_fp8, .aux = BF8, G942},
    {"v_cvt_pk_f32_fp8", "Dpkf32 Sb32", cvt_pk_f32_fp8, .aux = FP8, G942},
    {"v_cvt_pk_f32_bf8", "Dpkf32 Sb32", cvt_pk_f32_fp8, .aux = BF8, G942},
    {"v_cvt_pk_fp8_f32", "Db32 Sf32 Sf32", cvt_pk_fp8_f32, .aux = FP8, G942},
    {"v_cvt_pk_bf8_f32", "Db32 Sf32 Sf32", cvt_pk_fp8_f32, .aux = BF8, G942},
    {"v_cvt_sr_fp8_f32", "Db32 Sf32 Sb32", cvt_sr_fp8_f32, .aux = FP8, G942},
    {"v_cvt_sr_bf8_f32", "Db32 Sf32 Sb32", cvt_sr_fp8_f32, .aux = BF8, G942},
    {"v_cvt_sr_f16_f32", "Db32 Sf32 Sb32", cvt_sr_16_f32, .aux = 0, G950},
    {"v_cvt_sr_bf16_f32", "Db32 Sf32 Sb32", cvt_sr_16_f32, .aux = 1, G950},

    UP("v_cvt_scalef32_f32_fp8", "Db32 Sb32 Sf32", FP8, WIDE_F32, 1),
    UP("v_cvt_scalef32_f32_bf8", "Db32 Sb32 Sf32", BF8, WIDE_F32, 1),
    UP("v_cvt_scalef32_f16_fp8", "Db32 Sb32 Sf32", FP8, WIDE_F16, 1),
    UP("v_cvt_scalef32_f16_bf8", "Db32 Sb32 Sf32", BF8, WIDE_F16, 1),
    UP("v_cvt_scalef32_pk_f32_fp8", "Dpkf32 Sb32 Sf32", FP8, WIDE_F32, 2),
    UP("v_cvt_scalef32_pk_f32_bf8", "Dpkf32 Sb32 Sf32", BF8, WIDE_F32, 2),
    UP("v_cvt_scalef32_pk_f32_fp4", "Dpkf32 Sb32 Sf32", FP4, WIDE_F32, 2),
    UP("v_cvt_scalef32_pk_f16_fp8", "Db32 Sb32 Sf32", FP8, WIDE_F16, 2),
    UP("v_cvt_scalef32_pk_f16_bf8", "Db32 Sb32 Sf32", BF8, WIDE_F16, 2),
    UP("v_cvt_scalef32_pk_f16_fp4", "Db32 Sb32 Sf32", FP4, WIDE_F16, 2),
    UP("v_cvt_scalef32_pk_bf16_fp8", "Db32 Sb32 Sf32", FP8, WIDE_BF16, 2),
    UP("v_cvt_scalef32_pk_bf16_bf8", "Db32 Sb32 Sf32", BF8, WIDE_BF16, 2),
    UP("v_cvt_scalef32_pk_bf16_fp4", "Db32 Sb32 Sf32", FP4, WIDE_BF16, 2),
    DOWN("v_cvt_scalef32_pk_fp8_f32", PAIR_F32, scale_down_pair, FP8, WIDE_F32),
    DOWN("v_cvt_scalef32_pk_bf8_f32", PAIR_F32, scale_down_pair, BF8, WIDE_F32),
    DOWN("v_cvt_scalef32_pk_fp4_f32", PAIR_F32, scale_down_pair, FP4, WIDE_F32),
    DOWN("v_cvt_scalef32_pk_fp8_f16", PAIR_16, scale_down_pair, FP8, WIDE_F16),
    DOWN("v_cvt_scalef32_pk_bf8_f16", PAIR_16, scale_down_pair, BF8, WIDE_F16),
    DOWN("v_cvt_scalef32_pk_fp4_f16", PAIR_16, scale_down_pair, FP4, WIDE_F16),
    DOWN("v_cvt_scalef32_pk_fp8_bf16", PAIR_16, scale_down_pair, FP8, WIDE_BF16),
    DOWN("v_cvt_scalef32_pk_bf8_bf16", PAIR_16, scale_down_pair, BF8, WIDE_BF16),
    DOWN("v_cvt_scalef32_pk_fp4_bf16", PAIR_16, scale_down_pair, FP4, WIDE_BF16),
    DOWN("v_cvt_scalef32_sr_fp8_f32", SR_FORM, scale_down_sr, FP8, WIDE_F32),
    DOWN("v_cvt_scalef32_sr_bf8_f32", SR_FORM, scale_down_sr, BF8, WIDE_F32),
    DOWN("v_cvt_scalef32_sr_fp8_f16", SR_FORM, scale_down_sr, FP8, WIDE_F16),
    DOWN("v_cvt_scalef32_sr_bf8_f16", SR_FORM, scale_down_sr, BF8, WIDE_F16),
    DOWN("v_cvt_scalef32_sr_fp8_bf16", SR_FORM, scale_down_sr, FP8, WIDE_BF16),
    DOWN("v_cvt_scalef32_sr_bf8_bf16", SR_FORM, scale_down_sr, BF8, WIDE_BF16),
    DOWN("v_cvt_scalef32_sr_pk_fp4_f32", "Db32 Sb64 Sb32 Sf32", scale_down_sr, FP4, WIDE_F32),
    DOWN("v_cvt_scalef32_sr_pk_fp4_f16", SR_FORM, scale_down_sr, FP4, WIDE_F16),
    DOWN("v_cvt_scalef32_sr_pk_fp4_bf16", SR_FORM, scale_down_sr, FP4, WIDE_BF16),
    SIX("fp6", FP6),
    SIX("bf6", BF6),
    {0}};
