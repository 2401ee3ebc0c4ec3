/* Conversions between the GPU's small floating-point formats and float.
 *
 * Decoders are branch-free so that loops over registers vectorise; they are exact for every bit
 * pattern. They and sim_f32_to_f16 use float additions and expect the host's default mode (round to
 * nearest even, denormals kept). Encoders for the other rounding modes and for the 8, 6 and 4-bit
 * formats are integer code and independent of it.
 *
 * Formats: IEEE binary16; bfloat16; OCP 8-bit floating point specification 1.0 (E4M3: no infinity,
 * S.1111.111 is NaN; E5M2: as IEEE); the FNUZ variants of gfx942 (bias one larger, no infinity, no
 * negative zero, 0x80 is the only NaN); OCP microscaling specification 1.0 (E2M3, E3M2, E2M1: no
 * infinity and no NaN; E8M0: power of two, 0xff is NaN). XF32 is float with the low 13 bits of the
 * significand ignored. */
#ifndef SIM_FLOAT_H
#define SIM_FLOAT_H

#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum sim_round { SIM_RNE, SIM_ROUND_UP, SIM_ROUND_DOWN, SIM_RTZ, SIM_STOCHASTIC } sim_round;

/* What a format does with its largest exponent. */
typedef enum sim_specials {
    SIM_IEEE,    /* infinities and NaNs                          */
    SIM_ONE_NAN, /* only the all-ones pattern (either sign) is NaN */
    SIM_FNUZ,    /* no negative zero; its pattern is the NaN      */
    SIM_FINITE   /* every pattern is a number                    */
} sim_specials;

typedef struct sim_format {
    uint8_t exp_bits, man_bits, bias, specials; /* specials: sim_specials */
} sim_format;

static const sim_format SIM_FMT_F16 = {5, 10, 15, SIM_IEEE};
static const sim_format SIM_FMT_BF16 = {8, 7, 127, SIM_IEEE};
static const sim_format SIM_FMT_E4M3 = {4, 3, 7, SIM_ONE_NAN};
static const sim_format SIM_FMT_E5M2 = {5, 2, 15, SIM_IEEE};
static const sim_format SIM_FMT_E4M3_FNUZ = {4, 3, 8, SIM_FNUZ};
static const sim_format SIM_FMT_E5M2_FNUZ = {5, 2, 16, SIM_FNUZ};
static const sim_format SIM_FMT_E2M3 = {2, 3, 1, SIM_FINITE};
static const sim_format SIM_FMT_E3M2 = {3, 2, 3, SIM_FINITE};
static const sim_format SIM_FMT_E2M1 = {2, 1, 1, SIM_FINITE};

static inline float sim_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t sim_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline double sim_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static inline uint64_t sim_bits64(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* Puts the host into its default mode, for instructions that do not obey the MODE register. */
static inline void sim_default_host_mode(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(0x1f80);
#else
    fesetround(FE_TONEAREST);
#endif
}

/* ---- to float ---- */

/* Decodes the low bits of h. Subnormals: the significand is put behind a hidden bit of the same
 * scale, which a float subtraction takes away again. A NaN keeps its sign and payload where the
 * format has them. */
static inline __attribute__((always_inline)) uint32_t sim_decode_bits(uint32_t h, sim_format f)
{
    const unsigned shift = 23u - f.man_bits;
    const uint32_t magnitude = h & ((1u << (f.exp_bits + f.man_bits)) - 1);
    const uint32_t sign = (h >> (f.exp_bits + f.man_bits) & 1) << 31;
    const uint32_t rebias = (127u - f.bias) << 23;
    const uint32_t max_exp = ((1u << f.exp_bits) - 1) << f.man_bits;
    const uint32_t normal = (magnitude << shift) + rebias;
    /* The mask: x - x is a negative zero when the host rounds down. */
    const uint32_t small =
        sim_bits(sim_float(normal + (1u << 23)) - sim_float(rebias + (1u << 23))) & 0x7fffffffu;
    uint32_t bits = magnitude < 1u << f.man_bits ? small : normal;
    if (f.specials == SIM_IEEE)
        bits = magnitude >= max_exp ? magnitude << shift | 0x7f800000u : bits;
    if (f.specials == SIM_ONE_NAN)
        bits = magnitude == (1u << (f.exp_bits + f.man_bits)) - 1 ? 0x7fc00000u : bits;
    if (f.specials == SIM_FNUZ)
        bits = magnitude == 0 && sign ? 0x7fc00000u : bits;
    return f.specials == SIM_FNUZ && magnitude == 0 ? bits : bits | sign;
}

static inline float sim_f16_to_f32(uint16_t h)
{
    return sim_float(sim_decode_bits(h, SIM_FMT_F16));
}

static inline float sim_bf16_to_f32(uint16_t h)
{
    return sim_float((uint32_t)h << 16);
}

static inline float sim_decode(uint32_t h, sim_format f)
{
    return sim_float(sim_decode_bits(h, f));
}

/* XF32 operand of an MFMA: gfx942 truncates (observed on hardware by the MMA-Sim project). */
static inline float sim_xf32(uint32_t bits)
{
    return sim_float(bits & 0xffffe000u);
}

/* E8M0 block scale as a double: 2^(e - 127), 0xff is NaN. */
static inline double sim_e8m0_to_f64(uint8_t e)
{
    return sim_double(e == 0xff ? 0x7ff8000000000000u : (uint64_t)(e + 1023 - 127) << 52);
}

/* Element index (0..31) of a lane's packed 6-bit or 4-bit operand. */
static inline uint32_t sim_packed6(const uint32_t *dwords, unsigned stride, unsigned index)
{
    const unsigned bit = index * 6, word = bit / 32, at = bit % 32;
    uint32_t v = dwords[word * stride] >> at;
    if (at > 26)
        v |= dwords[(word + 1) * stride] << (32 - at);
    return v & 63;
}

/* ---- from float ---- */

/* Round to nearest even; overflow gives infinity; a NaN is quieted and keeps the payload that fits.
 */
static inline uint16_t sim_f32_to_f16(float f)
{
    const uint32_t x = sim_bits(f), m = x & 0x7fffffffu;
    const uint32_t rounded = (m + 0xfffu + (m >> 13 & 1) - (112u << 23)) >> 13;
    const uint32_t normal = m >= 0x47800000u ? 0x7c00u : rounded;
    const uint32_t small =
        sim_bits(sim_float(m) + 0.5f) - 0x3f000000u; /* ulp(0.5f) is binary16's smallest step */
    uint32_t h = m < 113u << 23 ? small : normal;
    h = m > 0x7f800000u ? (0x7e00u | (m >> 13 & 0x3ffu)) : h;
    return (uint16_t)(h | (x >> 16 & 0x8000u));
}

static inline uint16_t sim_f32_to_bf16(float f)
{
    const uint32_t x = sim_bits(f);
    const uint32_t rounded = (x + 0x7fffu + (x >> 16 & 1)) >> 16;
    return (uint16_t)((x & 0x7fffffffu) > 0x7f800000u ? (x >> 16 | 0x40u) : rounded);
}

/* Encodes f in any format and rounding mode. random: for SIM_STOCHASTIC, added below the kept bits
 * (its top bits count: bit 31 is worth half a unit in the last place). saturate: what is too large,
 * and infinity, becomes the largest number; without it infinity, or NaN where the format has no
 * infinity; formats of SIM_FINITE always saturate, and make a NaN their largest number (what
 * V_CVT_SCALEF32_* to FP6 and FP4 do with NaN is not documented; the OCP specification leaves it
 * open). */
uint32_t sim_encode(float f, sim_format fmt, sim_round mode, uint32_t random, bool saturate);

/* binary64 to binary32 in a rounding mode other than the host's. */
float sim_f64_to_f32(double d, sim_round mode);

#endif
