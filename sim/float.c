#include "sim/float.h"

static uint32_t largest(sim_format fmt)
{
    const uint32_t all = (1u << (fmt.exp_bits + fmt.man_bits)) - 1;
    switch (fmt.specials) {
    case SIM_IEEE: return all - (1u << fmt.man_bits);
    case SIM_ONE_NAN: return all - 1;
    default: return all;
    }
}

static uint32_t nan_of(sim_format fmt, uint32_t sign_bit, uint32_t sign)
{
    const uint32_t all = (1u << (fmt.exp_bits + fmt.man_bits)) - 1;
    switch (fmt.specials) {
    case SIM_IEEE:
        return (sign ? sign_bit : 0) | (((1u << fmt.exp_bits) - 1) << fmt.man_bits) |
               1u << (fmt.man_bits - 1);
    case SIM_ONE_NAN: return (sign ? sign_bit : 0) | all;
    case SIM_FNUZ: return sign_bit;
    default: return (sign ? sign_bit : 0) | all;
    }
}

/* What an overflow (or an infinite input) becomes. An overflow in a directed rounding mode that
 * points back to the numbers gives the largest of them, as IEEE 754 section 7.4 says. */
static uint32_t overflow_of(sim_format fmt, uint32_t sign_bit, uint32_t sign, sim_round mode,
                            bool saturate, bool infinite)
{
    const bool towards_numbers =
        mode == SIM_RTZ || (mode == SIM_ROUND_UP && sign) || (mode == SIM_ROUND_DOWN && !sign);
    const uint32_t signed_bit = sign ? sign_bit : 0;
    if (saturate || fmt.specials == SIM_FINITE || (towards_numbers && !infinite))
        return signed_bit | largest(fmt);
    if (fmt.specials == SIM_IEEE)
        return signed_bit | ((1u << fmt.exp_bits) - 1) << fmt.man_bits;
    return nan_of(fmt, sign_bit, sign);
}

/* Drops `drop` low bits of m (1 <= drop <= 63). */
static uint64_t round_off(uint64_t m, unsigned drop, uint32_t sign, sim_round mode, uint32_t random)
{
    const uint64_t half = (uint64_t)1 << (drop - 1), rest = m & (half * 2 - 1), kept = m >> drop;
    switch (mode) {
    case SIM_RNE: return kept + (rest > half || (rest == half && (kept & 1)));
    case SIM_ROUND_UP: return kept + (rest && !sign);
    case SIM_ROUND_DOWN: return kept + (rest && sign);
    case SIM_STOCHASTIC: {
        const uint64_t noise = drop >= 32 ? (uint64_t)random << (drop - 32) : random >> (32 - drop);
        return (m + noise) >> drop;
    }
    default: return kept;
    }
}

uint32_t sim_encode(float f, sim_format fmt, sim_round mode, uint32_t random, bool saturate)
{
    const uint32_t x = sim_bits(f), sign = x >> 31, sign_bit = 1u << (fmt.exp_bits + fmt.man_bits);
    const uint32_t magnitude = x & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return nan_of(fmt, sign_bit, sign);
    if (magnitude == 0x7f800000u)
        return overflow_of(fmt, sign_bit, sign, mode, saturate, true);
    /* value = m * 2^(e - 23), m has its leading bit at 23 unless f is zero or subnormal */
    const int biased = (int)(magnitude >> 23);
    uint64_t m = biased ? (magnitude & 0x7fffffu) | 0x800000u : magnitude;
    const int e = (biased ? biased : 1) - 127;
    const int min_e = 1 - (int)fmt.bias;
    unsigned drop = 23u - fmt.man_bits;
    if (e < min_e)
        drop += (unsigned)(min_e - e);
    /* far below the smallest step: keep the value as a sticky bit */
    if (drop > 39) {
        m = m != 0;
        drop = 39;
    }
    uint64_t kept = drop ? round_off(m, drop, sign, mode, random) : m;
    /* The hidden bit, where present, adds one to the exponent field; so does a carry. */
    if (e >= min_e)
        kept += (uint64_t)(e - min_e) << fmt.man_bits;
    if (kept > largest(fmt))
        return overflow_of(fmt, sign_bit, sign, mode, saturate, false);
    if (kept == 0 && fmt.specials == SIM_FNUZ)
        return 0;
    return (sign ? sign_bit : 0) | (uint32_t)kept;
}

float sim_f64_to_f32(double d, sim_round mode)
{
    const uint64_t x = sim_bits64(d), magnitude = x & 0x7fffffffffffffffu;
    const uint32_t sign = (uint32_t)(x >> 63);
    if (magnitude > 0x7ff0000000000000u)
        return sim_float(sign << 31 | 0x7fc00000u | (uint32_t)(magnitude >> 29 & 0x3fffffu));
    if (magnitude == 0x7ff0000000000000u)
        return sim_float(sign << 31 | 0x7f800000u);
    const int biased = (int)(magnitude >> 52);
    uint64_t m = biased ? (magnitude & 0xfffffffffffffu) | 0x10000000000000u : magnitude;
    const int e = (biased ? biased : 1) - 1023;
    unsigned drop = 29;
    if (e < -126)
        drop += (unsigned)(-126 - e);
    if (drop > 60) {
        m = m != 0;
        drop = 60;
    }
    uint64_t kept = round_off(m, drop, sign, mode, 0);
    if (e >= -126)
        kept += (uint64_t)(e + 126) << 23;
    if (kept >= 0x7f800000u) {
        const bool towards_numbers =
            mode == SIM_RTZ || (mode == SIM_ROUND_UP && sign) || (mode == SIM_ROUND_DOWN && !sign);
        kept = towards_numbers ? 0x7f7fffffu : 0x7f800000u;
    }
    return sim_float(sign << 31 | (uint32_t)kept);
}
