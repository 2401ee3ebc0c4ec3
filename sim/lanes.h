/* Operands of vector instructions as arrays over the lanes, for the exec files (compiled once per
 * ISA level, so everything is static). A source without modifiers costs nothing: its array is the
 * register or the pre-broadcast constant itself. Results go to a temporary and are then merged into
 * the destination under EXEC. */
#ifndef SIM_LANES_H
#define SIM_LANES_H

#include <string.h>

#include "sim/float.h"
#include "sim/wave.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define SIM_INLINE static inline __attribute__((always_inline, unused))
#define SIM_RARE static __attribute__((noinline, cold, unused))
#define SIM_USED static __attribute__((noinline, unused))
#define LANES(l) for (unsigned l = 0; l < SIM_LANES; l++)

typedef struct sim_lanes {
    _Alignas(64) uint32_t l[SIM_LANES];
} sim_lanes;
typedef struct sim_lanes64 {
    _Alignas(64) uint64_t l[SIM_LANES];
} sim_lanes64;

SIM_INLINE bool sim_is_float_type(unsigned type)
{
    return type == SIM_F16 || type == SIM_BF16 || type == SIM_F32 || type == SIM_F64;
}

/* ---- DPP ---- */

/* The lane that lane l reads, -1 if the control points outside (ISA guide, "Data Parallel
 * Primitives"). */
SIM_RARE int sim_dpp_source(unsigned ctrl, int l)
{
    int row = l & ~15, in = l & 15, n = ctrl & 15;

    if (ctrl < 0x100)
        return (l & ~3) | (ctrl >> (2 * (l & 3)) & 3);
    switch (ctrl & 0x1f0) {
    case 0x100: return in + n < 16 ? l + n : -1; /* row_shl */
    case 0x110: return in - n >= 0 ? l - n : -1; /* row_shr */
    case 0x120: return row | ((in - n) & 15);    /* row_ror */
    case 0x150: return row | n;                  /* row_newbcast */
    }
    switch (ctrl) {
    case 0x130: return l + 1 < 64 ? l + 1 : -1;  /* wave_shl */
    case 0x134: return (l + 1) & 63;             /* wave_rol */
    case 0x138: return l - 1;                    /* wave_shr */
    case 0x13c: return (l - 1) & 63;             /* wave_ror */
    case 0x140: return row | (15 - in);          /* row_mirror */
    case 0x141: return (l & ~7) | (7 - (l & 7)); /* row_half_mirror */
    case 0x142: return l >= 16 ? row - 1 : -1;   /* row_bcast:15: last lane of the row before */
    case 0x143: return l >= 32 ? 31 : -1;        /* row_bcast:31 */
    }
    return -1;
}

/* Lanes that a DPP instruction writes: row and bank masks, and without bound_ctrl only lanes whose
 * source lane exists and is enabled. */
SIM_RARE uint64_t sim_dpp_write_mask(const sim_wave *w, const sim_inst *in)
{
    uint64_t exec = sim_exec_mask(w), mask = 0;

    for (int l = 0; l < SIM_LANES; l++) {
        int source = sim_dpp_source(in->dpp_ctrl, l);
        bool valid = source >= 0 && exec >> source & 1;
        if ((in->row_mask >> (l / 16) & 1) && (in->bank_mask >> (l / 4 % 4) & 1) &&
            (valid || in->flags & SIM_F_BOUND_CTRL))
            mask |= 1ull << l;
    }
    return exec & mask;
}

SIM_RARE void sim_dpp_permute(const sim_wave *w, const sim_inst *in, const uint32_t *from,
                              uint32_t *to)
{
    uint64_t exec = sim_exec_mask(w);

    for (int l = 0; l < SIM_LANES; l++) {
        int source = sim_dpp_source(in->dpp_ctrl, l);
        to[l] = source >= 0 && exec >> source & 1 ? from[source] : 0;
    }
}

SIM_INLINE uint64_t sim_write_mask(const sim_wave *w, const sim_inst *in)
{
    if (__builtin_expect(in->flags & SIM_F_DPP, 0))
        return sim_dpp_write_mask(w, in);
    return sim_exec_mask(w);
}

/* ---- sources ---- */

SIM_INLINE void sim_fill(uint32_t *to, uint32_t value)
{
    LANES(l) to[l] = value;
}

/* The register or constant without modifiers; dword 0 or 1. */
SIM_INLINE const uint32_t *sim_raw32(const sim_wave *w, const sim_operand *o, unsigned dword,
                                     uint32_t *buf)
{
    if (o->kind == SIM_VGPR)
        return w->v[o->reg + dword];
    if (o->kind == SIM_CONST)
        return o->lanes + dword * SIM_LANES;
    sim_fill(buf, w->s[o->reg + dword]);
    return buf;
}

/* One SDWA-selected field, zero- or sign-extended. */
SIM_RARE uint32_t sim_sdwa_select(uint32_t v, unsigned sel, bool sext)
{
    switch (sel) {
    case SIM_SDWA_BYTE0:
    case SIM_SDWA_BYTE1:
    case SIM_SDWA_BYTE2:
    case SIM_SDWA_BYTE3:
        v = v >> (8 * (sel - SIM_SDWA_BYTE0)) & 0xff;
        return sext ? (uint32_t)(int8_t)v : v;
    case SIM_SDWA_WORD0:
    case SIM_SDWA_WORD1:
        v = v >> (16 * (sel - SIM_SDWA_WORD0)) & 0xffff;
        return sext ? (uint32_t)(int16_t)v : v;
    default: return v;
    }
}

SIM_INLINE bool sim_is_half(const sim_operand *o)
{
    return o->type == SIM_F16 || o->type == SIM_BF16 || o->type == SIM_B16;
}

/* Source with DPP or SDWA, in this order. */
SIM_RARE const uint32_t *sim_permuted32(const sim_wave *w, const sim_inst *in, const sim_operand *o,
                                        uint32_t *buf)
{
    const uint32_t *raw = sim_raw32(w, o, 0, buf);
    uint32_t permuted[SIM_LANES];

    if (o->mods & SIM_PERMUTED) {
        sim_dpp_permute(w, in, raw, permuted);
        raw = permuted;
    }
    LANES(l) buf[l] = sim_sdwa_select(raw[l], o->sdwa_sel, o->mods & SIM_SEXT);
    return buf;
}

/* Source with DPP, SDWA, op_sel, abs and neg, in this order. */
SIM_USED const uint32_t *sim_modified32(const sim_wave *w, const sim_inst *in, const sim_operand *o,
                                        uint32_t *buf)
{
    const bool half = sim_is_half(o);
    const uint32_t sign = half ? 0x8000 : 0x80000000;
    const uint32_t keep = o->mods & SIM_ABS ? ~sign : ~0u, flip = o->mods & SIM_NEG ? sign : 0;
    const unsigned shift = o->mods & SIM_HALF && half ? 16 : 0;
    const uint32_t *raw = o->mods & SIM_PERMUTED || o->sdwa_sel ? sim_permuted32(w, in, o, buf)
                                                                : sim_raw32(w, o, 0, buf);

    LANES(l) buf[l] = (raw[l] >> shift & keep) ^ flip;
    return buf;
}

SIM_INLINE const uint32_t *sim_src32(const sim_wave *w, const sim_inst *in, unsigned i,
                                     sim_lanes *buf)
{
    const sim_operand *o = &in->ops[i];

    return __builtin_expect(o->plain, 1) ? sim_raw32(w, o, 0, buf->l)
                                         : sim_modified32(w, in, o, buf->l);
}

SIM_RARE void sim_modified64(const sim_wave *w, const sim_inst *in, const sim_operand *o,
                             uint32_t *lo, uint32_t *hi)
{
    if (o->mods & SIM_PERMUTED) {
        uint32_t from[SIM_LANES];
        memcpy(from, lo, sizeof from);
        sim_dpp_permute(w, in, from, lo);
        memcpy(from, hi, sizeof from);
        sim_dpp_permute(w, in, from, hi);
    }
    LANES(l) {
        if (o->mods & SIM_ABS)
            hi[l] &= 0x7fffffff;
        if (o->mods & SIM_NEG)
            hi[l] ^= 0x80000000;
    }
}

SIM_INLINE const uint64_t *sim_src64(const sim_wave *w, const sim_inst *in, unsigned i,
                                     sim_lanes64 *buf)
{
    const sim_operand *o = &in->ops[i];
    sim_lanes a, b;
    const uint32_t *lo = sim_raw32(w, o, 0, a.l), *hi = sim_raw32(w, o, 1, b.l);

    if (__builtin_expect(!o->plain, 0)) {
        memmove(a.l, lo, sizeof a.l);
        memmove(b.l, hi, sizeof b.l);
        sim_modified64(w, in, o, a.l, b.l);
        lo = a.l, hi = b.l;
    }
    LANES(l) buf->l[l] = (uint64_t)hi[l] << 32 | lo[l];
    return buf->l;
}

/* ---- destinations ---- */

SIM_INLINE void sim_merge(uint32_t *to, const uint32_t *from, uint64_t mask)
{
    if (__builtin_expect(mask == ~0ull, 1)) {
        memcpy(to, from, SIM_LANES * sizeof *to);
        return;
    }
#if defined(__AVX512F__)
    for (unsigned i = 0; i < 4; i++)
        _mm512_mask_storeu_epi32(to + 16 * i, (__mmask16)(mask >> 16 * i),
                                 _mm512_loadu_si512(from + 16 * i));
#else
    LANES(l) to[l] = mask >> l & 1 ? from[l] : to[l];
#endif
}

/* SDWA destination: the result goes to a byte or word, the rest is zero, sign or kept. */
SIM_RARE void sim_sdwa_merge(const sim_inst *in, const uint32_t *old, uint32_t *result)
{
    unsigned sel = in->dst_sel, shift, bits;

    if (sel == SIM_SDWA_DWORD)
        return;
    bits = sel >= SIM_SDWA_WORD0 ? 16 : 8;
    shift = sel >= SIM_SDWA_WORD0 ? 16 * (sel - SIM_SDWA_WORD0) : 8 * (sel - SIM_SDWA_BYTE0);
    uint32_t field = (bits == 16 ? 0xffffu : 0xffu) << shift;
    LANES(l) {
        uint32_t v = result[l] << shift & field, rest = 0;
        if (in->dst_unused == SIM_UNUSED_PRESERVE)
            rest = old[l] & ~field;
        else if (in->dst_unused == SIM_UNUSED_SEXT && result[l] >> (bits - 1) & 1)
            rest = ~field & ~((1u << shift) - 1);
        result[l] = v | rest;
    }
}

SIM_INLINE void sim_put32(sim_wave *w, const sim_inst *in, sim_lanes *r)
{
    uint32_t *to = w->v[in->ops[0].reg];

    if (__builtin_expect(in->flags & SIM_F_SDWA, 0))
        sim_sdwa_merge(in, to, r->l);
    sim_merge(to, r->l, sim_write_mask(w, in));
}

/* A 16-bit result in the low bits of r. keep: the other half of the destination is kept
 * (instructions of gfx9's own VOP3 forms), else it becomes zero. op_sel bit 3 selects the high
 * half. */
SIM_INLINE void sim_put16(sim_wave *w, const sim_inst *in, sim_lanes *r, bool keep)
{
    const uint32_t *old = w->v[in->ops[0].reg];

    if (__builtin_expect(in->op_sel & 8, 0))
        LANES(l) r->l[l] = (old[l] & 0xffff) | r->l[l] << 16;
    else if (keep)
        LANES(l) r->l[l] = (old[l] & 0xffff0000) | (r->l[l] & 0xffff);
    else
        LANES(l) r->l[l] &= 0xffff;
    sim_put32(w, in, r);
}

SIM_INLINE void sim_put64_at(sim_wave *w, const sim_inst *in, unsigned reg, const uint64_t *r)
{
    sim_lanes lo, hi;
    uint64_t mask = sim_write_mask(w, in);

    LANES(l) {
        lo.l[l] = (uint32_t)r[l];
        hi.l[l] = (uint32_t)(r[l] >> 32);
    }
    sim_merge(w->v[reg], lo.l, mask);
    sim_merge(w->v[reg + 1], hi.l, mask);
}

SIM_INLINE void sim_put64(sim_wave *w, const sim_inst *in, const uint64_t *r)
{
    sim_put64_at(w, in, in->ops[0].reg, r);
}

/* A lane mask result (compare, carry): bits of disabled lanes are zero. */
SIM_INLINE void sim_put_mask(sim_wave *w, unsigned sgpr, uint64_t mask)
{
    sim_set_sreg64(w, sgpr, mask & sim_exec_mask(w));
}

/* 64 flags (0 or 1 each) -> a bit mask. */
SIM_INLINE uint64_t sim_pack_mask(const uint8_t *flags)
{
#if defined(__AVX512BW__)
    __m512i v = _mm512_loadu_si512(flags);
    return (uint64_t)_mm512_test_epi8_mask(v, v);
#else
    uint64_t mask = 0;
    LANES(l) mask |= (uint64_t)flags[l] << l;
    return mask;
#endif
}

/* Result of a compare: one flag a lane. aux says that it is a v_cmpx, which writes EXEC too. */
SIM_INLINE void sim_put_compare(sim_wave *w, const sim_inst *in, const uint8_t *flags)
{
    uint64_t mask = sim_pack_mask(flags) & sim_exec_mask(w);

    sim_set_sreg64(w, in->ops[0].reg, mask);
    if (in->aux)
        sim_set_sreg64(w, SIM_EXEC, mask);
}

/* A lane-mask operand as 0 or all-ones dwords. */
SIM_INLINE void sim_unpack_mask(uint64_t mask, uint32_t *to)
{
#if defined(__AVX512F__)
    for (unsigned i = 0; i < 4; i++)
        _mm512_storeu_si512(to + 16 * i, _mm512_maskz_set1_epi32((__mmask16)(mask >> 16 * i), -1));
#else
    LANES(l) to[l] = mask >> l & 1 ? ~0u : 0;
#endif
}

/* The step of V_PRNG_B32, which other instructions use too. */
SIM_INLINE uint32_t sim_prng(uint32_t v)
{
    return v << 1 ^ (v >> 31 ? 197 : 0);
}

/* ---- output modifiers of floating-point results ---- */

/* omod, then clamp to [0, 1]; with DX10_CLAMP a NaN becomes 0 (ISA guide, "MODE register"). */
SIM_RARE float sim_output32(const sim_wave *w, const sim_inst *in, float f)
{
    static const float factors[] = {1.0f, 2.0f, 4.0f, 0.5f};

    f *= factors[in->omod];
    if (in->flags & SIM_F_CLAMP) {
        if (f != f)
            return w->mode >> 8 & 1 ? 0.0f : f;
        f = f > 0.0f ? f : 0.0f;
        f = f < 1.0f ? f : 1.0f;
    }
    return f;
}

SIM_RARE double sim_output64(const sim_wave *w, const sim_inst *in, double d)
{
    static const double factors[] = {1.0, 2.0, 4.0, 0.5};

    d *= factors[in->omod];
    if (in->flags & SIM_F_CLAMP) {
        if (d != d)
            return w->mode >> 8 & 1 ? 0.0 : d;
        d = d > 0.0 ? d : 0.0;
        d = d < 1.0 ? d : 1.0;
    }
    return d;
}

SIM_INLINE bool sim_has_output_modifier(const sim_inst *in)
{
    return __builtin_expect(in->omod || in->flags & SIM_F_CLAMP, 0);
}

SIM_INLINE void sim_put_f32(sim_wave *w, const sim_inst *in, sim_lanes *r)
{
    if (sim_has_output_modifier(in))
        LANES(l) r->l[l] = sim_bits(sim_output32(w, in, sim_float(r->l[l])));
    sim_put32(w, in, r);
}

SIM_INLINE void sim_put_f64(sim_wave *w, const sim_inst *in, sim_lanes64 *r)
{
    if (sim_has_output_modifier(in))
        LANES(l) r->l[l] = sim_bits64(sim_output64(w, in, sim_double(r->l[l])));
    sim_put64(w, in, r->l);
}

/* ---- binary16 ---- */

SIM_INLINE float sim_half_in(uint32_t h)
{
    return sim_f16_to_f32((uint16_t)h);
}

/* Denormal sources become zero if MODE's input bit for f64 and f16 is off. */
SIM_INLINE const uint32_t *sim_flush_halves(const sim_wave *w, const uint32_t *from, sim_lanes *buf)
{
    if (__builtin_expect(w->mode_default || w->mode >> 6 & 1, 1))
        return from;
    LANES(l) buf->l[l] = from[l] & 0x7c00 ? from[l] : from[l] & 0xffff8000;
    return buf->l;
}

SIM_INLINE const uint32_t *sim_src_half(const sim_wave *w, const sim_inst *in, unsigned i,
                                        sim_lanes *buf)
{
    return sim_flush_halves(w, sim_src32(w, in, i, buf), buf);
}

/* Double to float such that a further rounding to binary16 gives the correctly rounded result:
 * truncate, and set the last bit if anything was cut off. */
SIM_INLINE float sim_to_odd(double d)
{
    const float f = (float)d;
    const uint32_t bits = sim_bits(f);
    const double back = (double)f;
    const bool exact = back == d || d != d;
    const uint32_t down = __builtin_fabs(back) > __builtin_fabs(d) ? bits - 1 : bits;

    return sim_float(exact ? bits : down | 1);
}

/* a * b + c of binary16 values, ready to be rounded to binary16. */
SIM_INLINE float sim_fma_half(float a, float b, float c)
{
    return sim_to_odd((double)a * (double)b + (double)c);
}

/* Rounding mode and denormal field of f64 and f16 (MODE 3:2 and 7:6). */
SIM_INLINE sim_round sim_dp_round(const sim_wave *w)
{
    return (sim_round)(w->mode >> 2 & 3);
}

SIM_RARE uint16_t sim_to_f16_mode(const sim_wave *w, float f)
{
    bool keep_denormal = w->mode >> 7 & 1;
    uint16_t h = f != f ? sim_f32_to_f16(f)
                        : (uint16_t)sim_encode(f, SIM_FMT_F16, sim_dp_round(w), 0, false);

    if (!keep_denormal && !(h & 0x7c00))
        h &= 0x8000;
    return h;
}

SIM_INLINE uint16_t sim_to_f16(const sim_wave *w, float f)
{
    return __builtin_expect(w->mode_default, 1) ? sim_f32_to_f16(f) : sim_to_f16_mode(w, f);
}

/* Float results -> binary16 in the wave's mode, with omod and clamp. */
SIM_INLINE void sim_round_f16(const sim_wave *w, const sim_inst *in, const float *f, sim_lanes *r)
{
    if (__builtin_expect(w->mode_default && !sim_has_output_modifier(in), 1))
        LANES(l) r->l[l] = sim_f32_to_f16(f[l]);
    else
        LANES(l) r->l[l] = sim_to_f16_mode(w, sim_output32(w, in, f[l]));
}

#endif
