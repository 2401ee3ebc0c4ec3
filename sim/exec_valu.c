/* Vector ALU on integers and bits, moves between lanes, and integer compares.
 * Semantics: CDNA3 and CDNA4 ISA guides, VOP1, VOP2, VOPC and VOP3 instruction chapters. */
#include "sim/lanes.h"

#define U16(x) ((uint16_t)(x))
#define I16(x) ((int16_t)(x))
#define I32(x) ((int32_t)(x))
#define U24(x) ((x) & 0xffffff)
#define I24(x) (I32((x) << 8) >> 8)

/* ---- shapes: a, b, c are one lane's sources ---- */

#define OP1(name, expr)                                                                            \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, r;                                                                           \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l];                                                              \
            r.l[l] = (uint32_t)(expr);                                                             \
        }                                                                                          \
        sim_put32(w, in, &r);                                                                      \
    }
#define OP2_PUT(name, expr, put)                                                                   \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, r;                                                                       \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l], b = pb[l];                                                   \
            r.l[l] = (uint32_t)(expr);                                                             \
        }                                                                                          \
        put;                                                                                       \
    }
#define OP3_PUT(name, expr, put)                                                                   \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const uint32_t *pc = sim_src32(w, in, 3, &bc);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l], b = pb[l], c = pc[l];                                        \
            r.l[l] = (uint32_t)(expr);                                                             \
        }                                                                                          \
        put;                                                                                       \
    }
#define OP2(name, expr) OP2_PUT(name, expr, sim_put32(w, in, &r))
#define OP3(name, expr) OP3_PUT(name, expr, sim_put32(w, in, &r))
#define OP2_16(name, expr) OP2_PUT(name, expr, sim_put16(w, in, &r, false))
#define OP2_16_KEEP(name, expr) OP2_PUT(name, expr, sim_put16(w, in, &r, true))
#define OP3_16_KEEP(name, expr) OP3_PUT(name, expr, sim_put16(w, in, &r, true))

/* Integer clamp: the result saturates instead of wrapping. `exact` is computed in 64 bits. */
#define OP2_SAT(name, exact, lo, hi, put)                                                          \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, r;                                                                       \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        if (in->flags & SIM_F_CLAMP)                                                               \
            LANES(l) {                                                                             \
                const uint32_t a = pa[l], b = pb[l];                                               \
                const int64_t v = (exact);                                                         \
                r.l[l] = (uint32_t)(v < (lo) ? (lo) : v > (hi) ? (hi) : v);                        \
            }                                                                                      \
        else                                                                                       \
            LANES(l) {                                                                             \
                const uint32_t a = pa[l], b = pb[l];                                               \
                r.l[l] = (uint32_t)(exact);                                                        \
            }                                                                                      \
        put;                                                                                       \
    }
#define OP3_SAT(name, exact, lo, hi, put)                                                          \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        const uint32_t *pc = sim_src32(w, in, 3, &bc);                                             \
        const bool clamp = in->flags & SIM_F_CLAMP;                                                \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l], b = pb[l], c = pc[l];                                        \
            const int64_t v = (exact);                                                             \
            r.l[l] = (uint32_t)(clamp && v < (lo) ? (lo) : clamp && v > (hi) ? (hi) : v);          \
        }                                                                                          \
        put;                                                                                       \
    }
#define PUT32 sim_put32(w, in, &r)
#define PUT16 sim_put16(w, in, &r, false)
#define PUT16_KEEP sim_put16(w, in, &r, true)

/* ---- one source ---- */

SIM_INLINE uint32_t reverse(uint32_t v)
{
    v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
    v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
    v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(v);
}

SIM_INLINE uint32_t saturate_u8(int16_t v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

OP1(mov_b32, a)
OP1(not_b32, ~a)
OP1(bfrev_b32, reverse(a))
OP1(ffbh_u32, a ? __builtin_clz(a) : -1)
OP1(ffbl_b32, a ? __builtin_ctz(a) : -1)
OP1(ffbh_i32, a == 0 || a == ~0u ? -1 : __builtin_clz(I32(a) < 0 ? ~a : a))
OP1(sat_pk_u8_i16, saturate_u8(I16(a)) | saturate_u8(I16(a >> 16)) << 8)
OP1(prng_b32, sim_prng(a))

/* ---- two sources ---- */

OP2(and_b32, a & b)
OP2(or_b32, a | b)
OP2(xor_b32, a ^ b)
OP2(xnor_b32, ~(a ^ b))
OP2(lshlrev_b32, b << (a & 31))
OP2(lshrrev_b32, b >> (a & 31))
OP2(ashrrev_i32, I32(b) >> (a & 31))
OP2(min_i32, I32(a) < I32(b) ? a : b)
OP2(max_i32, I32(a) > I32(b) ? a : b)
OP2(min_u32, a < b ? a : b)
OP2(max_u32, a > b ? a : b)
OP2_SAT(add_u32, (int64_t)((uint64_t)a + b), 0, 0xffffffffll, PUT32)
OP2_SAT(sub_u32, (int64_t)((uint64_t)a - b), 0, 0xffffffffll, PUT32)
OP2_SAT(subrev_u32, (int64_t)((uint64_t)b - a), 0, 0xffffffffll, PUT32)
OP2_SAT(add_i32, (int64_t)I32(a) + I32(b), INT32_MIN, INT32_MAX, PUT32)
OP2_SAT(sub_i32, (int64_t)I32(a) - I32(b), INT32_MIN, INT32_MAX, PUT32)
OP2(mul_lo_u32, a * b)
OP2(mul_hi_u32, (uint64_t)a * b >> 32)
OP2(mul_hi_i32, (int64_t)I32(a) * I32(b) >> 32)
OP2(mul_i32_i24, (uint32_t)I24(a) * (uint32_t)I24(b))
OP2(mul_hi_i32_i24, (int64_t)I24(a) * I24(b) >> 32)
OP2(mul_u32_u24, U24(a) * U24(b))
OP2(mul_hi_u32_u24, (uint64_t)U24(a) * U24(b) >> 32)
OP2(bfm_b32, ((1u << (a & 31)) - 1) << (b & 31))
OP2(bcnt_u32_b32, (uint32_t)__builtin_popcount(a) + b)
OP2(mbcnt_lo, (uint32_t)__builtin_popcount(a & (l < 32 ? (1u << l) - 1 : ~0u)) + b)
OP2(mbcnt_hi, (uint32_t)__builtin_popcount(a & (l < 32 ? 0 : (1u << (l - 32)) - 1)) + b)
OP2(pack_b32_f16, U16(a) | (uint32_t)U16(b) << 16)
OP2(cvt_pk_u16_u32, (a > 0xffff ? 0xffff : a) | (b > 0xffff ? 0xffff : b) << 16)

SIM_INLINE uint32_t saturate_i16(int32_t v)
{
    return U16(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}
OP2(cvt_pk_i16_i32, saturate_i16(I32(a)) | saturate_i16(I32(b)) << 16)

OP2_SAT(add_u16, (int64_t)U16(a) + U16(b), 0, 0xffff, PUT16)
OP2_SAT(sub_u16, (int64_t)U16(a) - U16(b), 0, 0xffff, PUT16)
OP2_SAT(subrev_u16, (int64_t)U16(b) - U16(a), 0, 0xffff, PUT16)
OP2_SAT(add_i16, (int64_t)I16(a) + I16(b), -32768, 32767, PUT16_KEEP)
OP2_SAT(sub_i16, (int64_t)I16(a) - I16(b), -32768, 32767, PUT16_KEEP)
OP2_16(mul_lo_u16, (uint32_t)U16(a) * U16(b))
OP2_16(lshlrev_b16, (uint32_t)U16(b) << (a & 15))
OP2_16(lshrrev_b16, U16(b) >> (a & 15))
OP2_16(ashrrev_i16, I16(b) >> (a & 15))
OP2_16(max_u16, U16(a) > U16(b) ? a : b)
OP2_16(max_i16, I16(a) > I16(b) ? a : b)
OP2_16(min_u16, U16(a) < U16(b) ? a : b)
OP2_16(min_i16, I16(a) < I16(b) ? a : b)

/* ---- three sources ---- */

#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#define MED3(x, y, z) MAX(MIN(x, y), MIN(MAX(x, y), z))

SIM_INLINE uint32_t field_u32(uint32_t v, uint32_t at, uint32_t width)
{
    return v >> (at & 31) & ((1u << (width & 31)) - 1);
}

SIM_INLINE uint32_t field_i32(uint32_t v, uint32_t at, uint32_t width)
{
    const uint32_t n = width & 31, f = (uint32_t)(I32(v) >> (at & 31)), up = (32 - n) & 31;

    return n ? (uint32_t)(I32(f << up) >> up) : 0;
}

OP3(bfe_u32, field_u32(a, b, c))
OP3(bfe_i32, field_i32(a, b, c))
OP3(bfi_b32, (a & b) | (~a & c))
OP3(alignbit_b32, ((uint64_t)a << 32 | b) >> (c & 31))
OP3(alignbyte_b32, ((uint64_t)a << 32 | b) >> 8 * (c & 3))
OP3(min3_i32, MIN(MIN(I32(a), I32(b)), I32(c)))
OP3(max3_i32, MAX(MAX(I32(a), I32(b)), I32(c)))
OP3(med3_i32, MED3(I32(a), I32(b), I32(c)))
OP3(min3_u32, MIN(MIN(a, b), c))
OP3(max3_u32, MAX(MAX(a, b), c))
OP3(med3_u32, MED3(a, b, c))
OP3_16_KEEP(min3_i16, MIN(MIN(I16(a), I16(b)), I16(c)))
OP3_16_KEEP(max3_i16, MAX(MAX(I16(a), I16(b)), I16(c)))
OP3_16_KEEP(med3_i16, MED3(I16(a), I16(b), I16(c)))
OP3_16_KEEP(min3_u16, MIN(MIN(U16(a), U16(b)), U16(c)))
OP3_16_KEEP(max3_u16, MAX(MAX(U16(a), U16(b)), U16(c)))
OP3_16_KEEP(med3_u16, MED3(U16(a), U16(b), U16(c)))
OP3(lshl_add_u32, (a << (b & 31)) + c)
OP3(add_lshl_u32, (a + b) << (c & 31))
OP3(add3_u32, a + b + c)
OP3(lshl_or_b32, a << (b & 31) | c)
OP3(and_or_b32, (a & b) | c)
OP3(or3_b32, a | b | c)
OP3(xad_u32, (a ^ b) + c)
OP3_SAT(mad_u32_u24, (int64_t)((uint64_t)U24(a) * U24(b) + c), 0, 0xffffffffll, PUT32)
OP3_SAT(mad_i32_i24, (int64_t)I24(a) * I24(b) + I32(c), INT32_MIN, INT32_MAX, PUT32)
OP3_SAT(mad_u32_u16, (int64_t)((uint64_t)U16(a) * U16(b) + c), 0, 0xffffffffll, PUT32)
OP3_SAT(mad_i32_i16, (int64_t)I16(a) * I16(b) + I32(c), INT32_MIN, INT32_MAX, PUT32)
OP3_SAT(mad_u16, (int64_t)U16(a) * U16(b) + U16(c), 0, 0xffff, PUT16_KEEP)
OP3_SAT(mad_i16, (int64_t)I16(a) * I16(b) + I16(c), -32768, 32767, PUT16_KEEP)
OP3_SAT(mad_legacy_u16, (int64_t)U16(a) * U16(b) + U16(c), 0, 0xffff, PUT16)
OP3_SAT(mad_legacy_i16, (int64_t)I16(a) * I16(b) + I16(c), -32768, 32767, PUT16)

/* One byte of v_perm_b32: selectors 0..7 pick a byte of {a, b}, 8..11 a sign, 12 zero, 13 and above
 * 0xff. */
SIM_INLINE uint32_t perm_byte(uint64_t data, uint32_t sel)
{
    const uint32_t byte = (uint32_t)(data >> 8 * (sel & 7)) & 0xff;
    const uint32_t sign = (data >> (16 * (sel & 3) + 15) & 1) ? 0xff : 0;

    return sel < 8 ? byte : sel < 12 ? sign : sel == 12 ? 0 : 0xff;
}

SIM_INLINE uint32_t perm(uint32_t a, uint32_t b, uint32_t c)
{
    const uint64_t data = (uint64_t)a << 32 | b;

    return perm_byte(data, c & 0xff) | perm_byte(data, c >> 8 & 0xff) << 8 |
           perm_byte(data, c >> 16 & 0xff) << 16 | perm_byte(data, c >> 24) << 24;
}

OP3(perm_any, perm(a, b, c))

/* A wave-uniform selector of plain byte picks is two shifts and a mask per byte, for all lanes
 * alike. */
static void perm_b32(sim_wave *w, const sim_inst *in)
{
    const sim_operand *o = &in->ops[3];
    sim_lanes ba, bb, r;
    uint32_t sel;

    if (o->kind == SIM_VGPR || !o->plain || (sel = sim_scalar32(w, o)) & 0xf8f8f8f8) {
        perm_any(w, in);
        return;
    }
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);
    const uint32_t *from[4];
    uint32_t shift[4];
    for (unsigned i = 0; i < 4; i++) {
        uint32_t s = sel >> 8 * i & 7;
        from[i] = s >= 4 ? pa : pb;
        shift[i] = 8 * (s & 3);
    }
    LANES(l) {
        r.l[l] = (from[0][l] >> shift[0] & 0xff) | (from[1][l] >> shift[1] & 0xff) << 8 |
                 (from[2][l] >> shift[2] & 0xff) << 16 | (from[3][l] >> shift[3]) << 24;
    }
    sim_put32(w, in, &r);
}

SIM_INLINE uint32_t absdiff(uint32_t x, uint32_t y)
{
    return x > y ? x - y : y - x;
}

SIM_INLINE uint32_t sad_u8(uint32_t a, uint32_t b, uint32_t c)
{
    for (unsigned i = 0; i < 32; i += 8) c += absdiff(a >> i & 0xff, b >> i & 0xff);
    return c;
}

SIM_INLINE uint32_t msad_u8(uint32_t a, uint32_t b, uint32_t c)
{
    for (unsigned i = 0; i < 32; i += 8)
        c += (b >> i & 0xff) ? absdiff(a >> i & 0xff, b >> i & 0xff) : 0;
    return c;
}

SIM_INLINE uint32_t lerp_u8(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < 32; i += 8)
        r |= ((a >> i & 0xff) + (b >> i & 0xff) + (c >> i & 1)) >> 1 << i;
    return r;
}

OP3(sad_u8_op, sad_u8(a, b, c))
OP3(sad_hi_u8, (sad_u8(a, b, 0) << 16) + c)
OP3(sad_u16, absdiff(U16(a), U16(b)) + absdiff(a >> 16, b >> 16) + c)
OP3(sad_u32, absdiff(a, b) + c)
OP3(msad_u8_op, msad_u8(a, b, c))
OP3(lerp_u8_op, lerp_u8(a, b, c))

SIM_INLINE uint32_t saturate8(int32_t v, bool is_signed)
{
    const int32_t lo = is_signed ? -128 : 0, hi = is_signed ? 127 : 255;

    return (uint32_t)(v < lo ? lo : v > hi ? hi : v) & 0xff;
}

#define ASHR_PK(name, is_signed)                                                                   \
    OP3_PUT(name,                                                                                  \
            saturate8(I32(a) >> (c & 31), is_signed) | saturate8(I32(b) >> (c & 31), is_signed)    \
                                                           << 8,                                   \
            PUT16_KEEP)
ASHR_PK(ashr_pk_i8_i32, true)
ASHR_PK(ashr_pk_u8_i32, false)

/* Truth table of three bits: bit (a*4 + b*2 + c) of it is the result. */
SIM_INLINE uint32_t bitop3(uint32_t table, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < 8; i++)
        r |= table >> i & 1 ? (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c) : 0;
    return r;
}
OP3(bitop3_b32, bitop3(in->bitop3, a, b, c))
OP3_PUT(bitop3_b16, bitop3(in->bitop3, a, b, c), PUT16_KEEP)

/* ---- 64 bits ---- */

#define OP2_64(name, expr) /* a: 32-bit first source, b: 64-bit second source */                   \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba;                                                                              \
        sim_lanes64 bb, r;                                                                         \
        const uint32_t *pa = sim_src32(w, in, 1, &ba);                                             \
        const uint64_t *pb = sim_src64(w, in, 2, &bb);                                             \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l];                                                              \
            const uint64_t b = pb[l];                                                              \
            r.l[l] = (uint64_t)(expr);                                                             \
        }                                                                                          \
        sim_put64(w, in, r.l);                                                                     \
    }
OP2_64(lshlrev_b64, b << (a & 63))
OP2_64(lshrrev_b64, b >> (a & 63))
OP2_64(ashrrev_i64, (int64_t)b >> (a & 63))

static void lshl_add_u64(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb;
    sim_lanes64 ba, bc, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba), *pc = sim_src64(w, in, 3, &bc);
    const uint32_t *pb = sim_src32(w, in, 2, &bb);

    LANES(l) r.l[l] = (pa[l] << (pb[l] & 7)) + pc[l];
    sim_put64(w, in, r.l);
}

static void mov_b64(sim_wave *w, const sim_inst *in)
{
    sim_lanes64 ba;

    sim_put64(w, in, sim_src64(w, in, 1, &ba));
}

#define MAD_64(name, product_type, cast, overflow)                                                 \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb;                                                                          \
        sim_lanes64 bc, r;                                                                         \
        uint8_t carry[SIM_LANES];                                                                  \
        const uint32_t *pa = sim_src32(w, in, 2, &ba), *pb = sim_src32(w, in, 3, &bb);             \
        const uint64_t *pc = sim_src64(w, in, 4, &bc);                                             \
        LANES(l) {                                                                                 \
            const product_type p = (product_type)(cast)pa[l] * (cast)pb[l];                        \
            const uint64_t d = (uint64_t)p + pc[l];                                                \
            r.l[l] = d;                                                                            \
            carry[l] = (overflow);                                                                 \
        }                                                                                          \
        sim_put64(w, in, r.l);                                                                     \
        sim_put_mask(w, in->ops[1].reg, sim_pack_mask(carry));                                     \
    }
MAD_64(mad_u64_u32, uint64_t, uint32_t, d < pc[l])
MAD_64(mad_i64_i32, int64_t, int32_t, ((~((uint64_t)p ^ pc[l]) & ((uint64_t)p ^ d)) >> 63) != 0)

/* Four sums of absolute differences over a sliding window of the first source. aux: masked form. */
static void qsad_pk_u16_u8(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb;
    sim_lanes64 ba, bc, r;
    const uint64_t *pa = sim_src64(w, in, 1, &ba), *pc = sim_src64(w, in, 3, &bc);
    const uint32_t *pb = sim_src32(w, in, 2, &bb);

    LANES(l) {
        uint64_t d = 0;
        for (unsigned i = 0; i < 4; i++) {
            uint32_t window = (uint32_t)(pa[l] >> 8 * i), acc = U16(pc[l] >> 16 * i);
            uint32_t v = in->aux ? msad_u8(window, pb[l], acc) : sad_u8(window, pb[l], acc);
            d |= (uint64_t)U16(v) << 16 * i;
        }
        r.l[l] = d;
    }
    sim_put64(w, in, r.l);
}

static void mqsad_u32_u8(sim_wave *w, const sim_inst *in)
{
    sim_lanes bb, r[4];
    sim_lanes64 ba;
    const uint64_t *pa = sim_src64(w, in, 1, &ba);
    const uint32_t *pb = sim_src32(w, in, 2, &bb);
    uint64_t mask = sim_write_mask(w, in);

    for (unsigned i = 0; i < 4; i++) {
        sim_lanes bc;
        const uint32_t *pc = sim_raw32(w, &in->ops[3], i, bc.l);
        LANES(l) r[i].l[l] = msad_u8((uint32_t)(pa[l] >> 8 * i), pb[l], pc[l]);
    }
    for (unsigned i = 0; i < 4; i++) sim_merge(w->v[in->ops[0].reg + i], r[i].l, mask);
}

/* ---- carries and selects ---- */

/* Operands: result, carry out, sources, and carry in if uses_carry. */
#define CARRY(name, sum, out, uses_carry)                                                          \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb, bc, r;                                                                   \
        uint8_t carry[SIM_LANES];                                                                  \
        const uint32_t *pa = sim_src32(w, in, 2, &ba), *pb = sim_src32(w, in, 3, &bb);             \
        if (uses_carry)                                                                            \
            sim_unpack_mask(sim_scalar64(w, &in->ops[4]), bc.l);                                   \
        LANES(l) {                                                                                 \
            const uint32_t a = pa[l], b = pb[l], c = (uses_carry) ? bc.l[l] & 1 : 0;               \
            const uint32_t d = (sum);                                                              \
            (void)c;                                                                               \
            carry[l] = (out);                                                                      \
            r.l[l] = d;                                                                            \
        }                                                                                          \
        uint64_t mask = sim_pack_mask(carry);                                                      \
        if (in->flags & SIM_F_CLAMP)                                                               \
            LANES(l) r.l[l] = carry[l] ? in->aux : r.l[l];                                         \
        sim_put32(w, in, &r);                                                                      \
        sim_put_mask(w, in->ops[1].reg, mask);                                                     \
    }
CARRY(add_co, a + b, d < a, false)
CARRY(sub_co, a - b, b > a, false)
CARRY(subrev_co, b - a, a > b, false)
CARRY(addc_co, a + b + c, d < a || (c && d == a), true)
CARRY(subb_co, a - b - c, (uint64_t)b + c > a, true)
CARRY(subbrev_co, b - a - c, (uint64_t)a + c > b, true)

static void cndmask_b32(sim_wave *w, const sim_inst *in)
{
    sim_lanes ba, bb, mask, r;
    const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);

    sim_unpack_mask(sim_scalar64(w, &in->ops[3]), mask.l);
    LANES(l) r.l[l] = (pa[l] & ~mask.l[l]) | (pb[l] & mask.l[l]);
    sim_put32(w, in, &r);
}

/* ---- between lanes ---- */

static void readfirstlane(sim_wave *w, const sim_inst *in)
{
    const sim_operand *o = &in->ops[1];
    uint64_t exec = sim_exec_mask(w);
    unsigned lane = exec ? (unsigned)__builtin_ctzll(exec) : 0;

    w->s[in->ops[0].reg] = o->kind == SIM_VGPR ? w->v[o->reg][lane] : sim_scalar32(w, o);
}

static void readlane(sim_wave *w, const sim_inst *in)
{
    const sim_operand *o = &in->ops[1];
    unsigned lane = sim_scalar32(w, &in->ops[2]) & 63;

    w->s[in->ops[0].reg] = o->kind == SIM_VGPR ? w->v[o->reg][lane] : sim_scalar32(w, o);
}

static void writelane(sim_wave *w, const sim_inst *in)
{
    w->v[in->ops[0].reg][sim_scalar32(w, &in->ops[2]) & 63] = sim_scalar32(w, &in->ops[1]);
}

static void swap_b32(sim_wave *w, const sim_inst *in)
{
    uint32_t *a = w->v[in->ops[0].reg], *b = w->v[in->ops[1].reg];
    uint64_t mask = sim_exec_mask(w);
    sim_lanes old;

    memcpy(old.l, a, sizeof old.l);
    sim_merge(a, b, mask);
    sim_merge(b, old.l, mask);
}

/* Swaps odd rows (of aux lanes) of the first register with even rows of the second. */
static void permlane_swap(sim_wave *w, const sim_inst *in)
{
    uint32_t *d = w->v[in->ops[0].reg], *s = w->v[in->ops[1].reg];
    unsigned row = in->aux;

    for (unsigned base = 0; base < SIM_LANES; base += 2 * row) {
        for (unsigned i = 0; i < row; i++) {
            uint32_t t = s[base + i];
            s[base + i] = d[base + row + i];
            d[base + row + i] = t;
        }
    }
}

static void nothing(sim_wave *w, const sim_inst *in)
{
    (void)w, (void)in;
}

/* ---- compares. aux: v_cmpx, which also writes EXEC ---- */

#define COMPARE(name, type, expr)                                                                  \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes ba, bb;                                                                          \
        uint8_t flags[SIM_LANES];                                                                  \
        const uint32_t *pa = sim_src32(w, in, 1, &ba), *pb = sim_src32(w, in, 2, &bb);             \
        LANES(l) {                                                                                 \
            const type a = (type)pa[l], b = (type)pb[l];                                           \
            (void)a, (void)b;                                                                      \
            flags[l] = (expr);                                                                     \
        }                                                                                          \
        sim_put_compare(w, in, flags);                                                             \
    }
#define COMPARE64(name, type, expr)                                                                \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        sim_lanes64 ba, bb;                                                                        \
        uint8_t flags[SIM_LANES];                                                                  \
        const uint64_t *pa = sim_src64(w, in, 1, &ba), *pb = sim_src64(w, in, 2, &bb);             \
        LANES(l) {                                                                                 \
            const type a = (type)pa[l], b = (type)pb[l];                                           \
            (void)a, (void)b;                                                                      \
            flags[l] = (expr);                                                                     \
        }                                                                                          \
        sim_put_compare(w, in, flags);                                                             \
    }
#define COMPARES(define, suffix, type)                                                             \
    define(cmp_f_##suffix, type, 0) define(cmp_lt_##suffix, type, a < b)                           \
        define(cmp_eq_##suffix, type, a == b) define(cmp_le_##suffix, type, a <= b)                \
            define(cmp_gt_##suffix, type, a > b) define(cmp_ne_##suffix, type, a != b)             \
                define(cmp_ge_##suffix, type, a >= b) define(cmp_t_##suffix, type, 1)

COMPARES(COMPARE, i32, int32_t)
COMPARES(COMPARE, u32, uint32_t)
COMPARES(COMPARE, i16, int16_t)
COMPARES(COMPARE, u16, uint16_t)
COMPARES(COMPARE64, i64, int64_t)
COMPARES(COMPARE64, u64, uint64_t)

#define COMPARE_ROW(op, suffix, form)                                                              \
    {"v_cmp_" #op "_" #suffix, form, cmp_##op##_##suffix, .aux = 0},                               \
    {                                                                                              \
        "v_cmpx_" #op "_" #suffix, form, cmp_##op##_##suffix, .aux = 1                             \
    }
#define COMPARE_ROWS(suffix, form)                                                                 \
    COMPARE_ROW(f, suffix, form), COMPARE_ROW(lt, suffix, form), COMPARE_ROW(eq, suffix, form),    \
        COMPARE_ROW(le, suffix, form), COMPARE_ROW(gt, suffix, form),                              \
        COMPARE_ROW(ne, suffix, form), COMPARE_ROW(ge, suffix, form), COMPARE_ROW(t, suffix, form)

#define V1 "Db32 Sb32"
#define V2 "Db32 Sb32 Sb32"
#define V3 "Db32 Sb32 Sb32 Sb32"
#define H2 "Db16 Sb16 Sb16"
#define H3 "Db16 Sb16 Sb16 Sb16"
#define CO "Db32 Db64 Sb32 Sb32"
#define CI "Db32 Db64 Sb32 Sb32 Sb64"

const sim_op SIM_TABLE(valu)[] = {
    {"v_nop", "", nothing},
    {"v_clrexcp", "", nothing},
    {"v_mov_b32", V1, mov_b32},
    {"v_not_b32", V1, not_b32},
    {"v_bfrev_b32", V1, bfrev_b32},
    {"v_ffbh_u32", V1, ffbh_u32},
    {"v_ffbl_b32", V1, ffbl_b32},
    {"v_ffbh_i32", V1, ffbh_i32},
    {"v_sat_pk_u8_i16", V1, sat_pk_u8_i16},
    {"v_prng_b32", V1, prng_b32, .min_arch = SIM_GFX950},
    {"v_accvgpr_read_b32", V1, mov_b32},
    {"v_accvgpr_write_b32", V1, mov_b32},
    {"v_accvgpr_mov_b32", V1, mov_b32},
    {"v_mov_b64", "Db64 Sb64", mov_b64, .min_arch = SIM_GFX942},

    {"v_and_b32", V2, and_b32},
    {"v_or_b32", V2, or_b32},
    {"v_xor_b32", V2, xor_b32},
    {"v_xnor_b32", V2, xnor_b32},
    {"v_lshlrev_b32", V2, lshlrev_b32},
    {"v_lshrrev_b32", V2, lshrrev_b32},
    {"v_ashrrev_i32", V2, ashrrev_i32},
    {"v_min_i32", V2, min_i32},
    {"v_max_i32", V2, max_i32},
    {"v_min_u32", V2, min_u32},
    {"v_max_u32", V2, max_u32},
    {"v_add_u32", V2, add_u32},
    {"v_sub_u32", V2, sub_u32},
    {"v_subrev_u32", V2, subrev_u32},
    {"v_add_i32", V2, add_i32},
    {"v_sub_i32", V2, sub_i32},
    {"v_mul_lo_u32", V2, mul_lo_u32},
    {"v_mul_hi_u32", V2, mul_hi_u32},
    {"v_mul_hi_i32", V2, mul_hi_i32},
    {"v_mul_i32_i24", V2, mul_i32_i24},
    {"v_mul_hi_i32_i24", V2, mul_hi_i32_i24},
    {"v_mul_u32_u24", V2, mul_u32_u24},
    {"v_mul_hi_u32_u24", V2, mul_hi_u32_u24},
    {"v_bfm_b32", V2, bfm_b32},
    {"v_bcnt_u32_b32", V2, bcnt_u32_b32},
    {"v_mbcnt_lo_u32_b32", V2, mbcnt_lo},
    {"v_mbcnt_hi_u32_b32", V2, mbcnt_hi},
    {"v_pack_b32_f16", "Db32 Sf16 Sf16", pack_b32_f16},
    {"v_cvt_pk_u16_u32", V2, cvt_pk_u16_u32},
    {"v_cvt_pk_i16_i32", V2, cvt_pk_i16_i32},

    {"v_add_u16", H2, add_u16},
    {"v_sub_u16", H2, sub_u16},
    {"v_subrev_u16", H2, subrev_u16},
    {"v_add_i16", H2, add_i16},
    {"v_sub_i16", H2, sub_i16},
    {"v_mul_lo_u16", H2, mul_lo_u16},
    {"v_lshlrev_b16", H2, lshlrev_b16},
    {"v_lshrrev_b16", H2, lshrrev_b16},
    {"v_ashrrev_i16", H2, ashrrev_i16},
    {"v_max_u16", H2, max_u16},
    {"v_max_i16", H2, max_i16},
    {"v_min_u16", H2, min_u16},
    {"v_min_i16", H2, min_i16},

    {"v_bfe_u32", V3, bfe_u32},
    {"v_bfe_i32", V3, bfe_i32},
    {"v_bfi_b32", V3, bfi_b32},
    {"v_alignbit_b32", V3, alignbit_b32},
    {"v_alignbyte_b32", V3, alignbyte_b32},
    {"v_min3_i32", V3, min3_i32},
    {"v_max3_i32", V3, max3_i32},
    {"v_med3_i32", V3, med3_i32},
    {"v_min3_u32", V3, min3_u32},
    {"v_max3_u32", V3, max3_u32},
    {"v_med3_u32", V3, med3_u32},
    {"v_min3_i16", H3, min3_i16},
    {"v_max3_i16", H3, max3_i16},
    {"v_med3_i16", H3, med3_i16},
    {"v_min3_u16", H3, min3_u16},
    {"v_max3_u16", H3, max3_u16},
    {"v_med3_u16", H3, med3_u16},
    {"v_lshl_add_u32", V3, lshl_add_u32},
    {"v_add_lshl_u32", V3, add_lshl_u32},
    {"v_add3_u32", V3, add3_u32},
    {"v_lshl_or_b32", V3, lshl_or_b32},
    {"v_and_or_b32", V3, and_or_b32},
    {"v_or3_b32", V3, or3_b32},
    {"v_xad_u32", V3, xad_u32},
    {"v_mad_u32_u24", V3, mad_u32_u24},
    {"v_mad_i32_i24", V3, mad_i32_i24},
    {"v_mad_u32_u16", "Db32 Sb16 Sb16 Sb32", mad_u32_u16},
    {"v_mad_i32_i16", "Db32 Sb16 Sb16 Sb32", mad_i32_i16},
    {"v_mad_u16", H3, mad_u16},
    {"v_mad_i16", H3, mad_i16},
    {"v_mad_legacy_u16", H3, mad_legacy_u16},
    {"v_mad_legacy_i16", H3, mad_legacy_i16},
    {"v_perm_b32", V3, perm_b32},
    {"v_sad_u8", V3, sad_u8_op},
    {"v_sad_hi_u8", V3, sad_hi_u8},
    {"v_sad_u16", V3, sad_u16},
    {"v_sad_u32", V3, sad_u32},
    {"v_msad_u8", V3, msad_u8_op},
    {"v_lerp_u8", V3, lerp_u8_op},
    {"v_ashr_pk_i8_i32", V3, ashr_pk_i8_i32, .min_arch = SIM_GFX950},
    {"v_ashr_pk_u8_i32", V3, ashr_pk_u8_i32, .min_arch = SIM_GFX950},
    {"v_bitop3_b32", V3, bitop3_b32, .min_arch = SIM_GFX950},
    {"v_bitop3_b16", H3, bitop3_b16, .min_arch = SIM_GFX950},

    {"v_lshlrev_b64", "Db64 Sb32 Sb64", lshlrev_b64},
    {"v_lshrrev_b64", "Db64 Sb32 Sb64", lshrrev_b64},
    {"v_ashrrev_i64", "Db64 Sb32 Si64", ashrrev_i64},
    {"v_lshl_add_u64", "Db64 Sb64 Sb32 Sb64", lshl_add_u64, .min_arch = SIM_GFX942},
    {"v_mad_u64_u32", "Db64 Db64 Sb32 Sb32 Sb64", mad_u64_u32},
    {"v_mad_i64_i32", "Db64 Db64 Sb32 Sb32 Si64", mad_i64_i32},
    {"v_qsad_pk_u16_u8", "Db64 Sb64 Sb32 Sb64", qsad_pk_u16_u8, .aux = 0},
    {"v_mqsad_pk_u16_u8", "Db64 Sb64 Sb32 Sb64", qsad_pk_u16_u8, .aux = 1},
    {"v_mqsad_u32_u8", "Db128 Sb64 Sb32 Sb128", mqsad_u32_u8},

    {"v_add_co_u32", CO, add_co, .aux = ~0u},
    {"v_sub_co_u32", CO, sub_co},
    {"v_subrev_co_u32", CO, subrev_co},
    {"v_addc_co_u32", CI, addc_co, .aux = ~0u},
    {"v_subb_co_u32", CI, subb_co},
    {"v_subbrev_co_u32", CI, subbrev_co},
    {"v_cndmask_b32", "Db32 Sb32 Sb32 Sb64", cndmask_b32},

    {"v_readfirstlane_b32", V1, readfirstlane},
    {"v_readlane_b32", V2, readlane},
    {"v_writelane_b32", V2, writelane},
    {"v_swap_b32", "Db32 Db32", swap_b32},
    {"v_permlane16_swap_b32", "Db32 Db32", permlane_swap, .aux = 16, .min_arch = SIM_GFX950},
    {"v_permlane32_swap_b32", "Db32 Db32", permlane_swap, .aux = 32, .min_arch = SIM_GFX950},

    COMPARE_ROWS(i32, "Db64 Sb32 Sb32"),
    COMPARE_ROWS(u32, "Db64 Sb32 Sb32"),
    COMPARE_ROWS(i16, "Db64 Sb16 Sb16"),
    COMPARE_ROWS(u16, "Db64 Sb16 Sb16"),
    COMPARE_ROWS(i64, "Db64 Si64 Si64"),
    COMPARE_ROWS(u64, "Db64 Sb64 Sb64"),
    {0}};
