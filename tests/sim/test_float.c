/* Every bit pattern of every small format against its definition: sign * 2^(exponent - bias) * (1 +
 * mantissa / 2^bits), and encoding against the nearest representable value. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/float.h"

typedef struct named_format {
    const char *name;
    sim_format fmt;
    double largest; /* from the formats' specifications */
    double smallest;
} named_format;

static named_format formats[9];

static int setup(void **state)
{
    (void)state;
    const named_format all[] = {{"binary16", SIM_FMT_F16, 65504, 0x1p-24},
                                {"bfloat16", SIM_FMT_BF16, 0x1.fep127, 0x1p-133},
                                {"E4M3", SIM_FMT_E4M3, 448, 0x1p-9},
                                {"E5M2", SIM_FMT_E5M2, 57344, 0x1p-16},
                                {"E4M3 FNUZ", SIM_FMT_E4M3_FNUZ, 240, 0x1p-10},
                                {"E5M2 FNUZ", SIM_FMT_E5M2_FNUZ, 57344, 0x1p-17},
                                {"E2M3", SIM_FMT_E2M3, 7.5, 0.125},
                                {"E3M2", SIM_FMT_E3M2, 28, 0.0625},
                                {"E2M1", SIM_FMT_E2M1, 6, 0.5}};
    memcpy(formats, all, sizeof all);
    return 0;
}

/* The definition; NaN and infinity as the format has them. */
static double value_of(uint32_t h, sim_format f)
{
    const uint32_t mantissa = h & ((1u << f.man_bits) - 1),
                   exponent = h >> f.man_bits & ((1u << f.exp_bits) - 1);
    const bool negative = h >> (f.man_bits + f.exp_bits) & 1;
    const uint32_t top = (1u << f.exp_bits) - 1;
    double v = exponent ? ldexp(1 + ldexp(mantissa, -f.man_bits), (int)exponent - f.bias)
                        : ldexp(mantissa, 1 - f.bias - f.man_bits);
    if (f.specials == SIM_IEEE && exponent == top)
        v = mantissa ? NAN : INFINITY;
    if (f.specials == SIM_ONE_NAN && exponent == top && mantissa == (1u << f.man_bits) - 1)
        v = NAN;
    if (f.specials == SIM_FNUZ && negative && !exponent && !mantissa)
        return NAN;
    return negative ? -v : v;
}

static uint32_t patterns(sim_format f)
{
    return 2u << (f.exp_bits + f.man_bits);
}

static void same(double got, double expected, const char *name, uint32_t pattern)
{
    if (isnan(expected) ? !isnan(got) : got != expected || signbit(got) != signbit(expected))
        fail_msg("%s pattern 0x%x: %g, expected %g", name, pattern, got, expected);
}

static void decodes_every_pattern(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 9; n++) {
        double largest = 0, smallest = INFINITY;
        for (uint32_t h = 0; h < patterns(formats[n].fmt); h++) {
            const double expected = value_of(h, formats[n].fmt);
            same(sim_decode(h, formats[n].fmt), expected, formats[n].name, h);
            if (isfinite(expected) && expected > largest)
                largest = expected;
            if (expected > 0 && expected < smallest)
                smallest = expected;
        }
        assert_true(largest == formats[n].largest);
        assert_true(smallest == formats[n].smallest);
    }
    for (uint32_t h = 0; h < 65536; h++) {
        same(sim_f16_to_f32((uint16_t)h), value_of(h, SIM_FMT_F16), "f16", h);
        same(sim_bf16_to_f32((uint16_t)h), value_of(h, SIM_FMT_BF16), "bf16", h);
    }
}

/* Between each two neighbours: the middle goes to the even one, what is beside it to the nearer
 * one. */
static void encodes_to_nearest_even(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 9; n++) {
        const sim_format f = formats[n].fmt;
        const uint32_t sign = patterns(f) / 2;
        for (uint32_t h = 0; h + 1 < sign && isfinite(value_of(h + 1, f)); h++) {
            const float lo = (float)value_of(h, f), hi = (float)value_of(h + 1, f);
            const float middle = (float)((double)lo + ((double)hi - lo) / 2);
            const uint32_t even = h & 1 ? h + 1 : h;
            assert_int_equal(sim_encode(lo, f, SIM_RNE, 0, false), h);
            assert_int_equal(sim_encode(middle, f, SIM_RNE, 0, false), even);
            assert_int_equal(sim_encode(nextafterf(middle, 0), f, SIM_RNE, 0, false), h);
            assert_int_equal(sim_encode(nextafterf(middle, INFINITY), f, SIM_RNE, 0, false), h + 1);
            const uint32_t below = sim_encode(-nextafterf(middle, 0), f, SIM_RNE, 0, false);
            assert_int_equal(below, f.specials == SIM_FNUZ && h == 0 ? 0 : h | sign);
        }
    }
}

static void directed_modes_bracket_the_value(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 9; n++) {
        const sim_format f = formats[n].fmt;
        const uint32_t sign = patterns(f) / 2;
        for (uint32_t h = 1; h + 1 < sign && isfinite(value_of(h + 1, f)); h++) {
            const float between = nextafterf((float)value_of(h, f), INFINITY);
            assert_int_equal(sim_encode(between, f, SIM_ROUND_UP, 0, false), h + 1);
            assert_int_equal(sim_encode(between, f, SIM_ROUND_DOWN, 0, false), h);
            assert_int_equal(sim_encode(between, f, SIM_RTZ, 0, false), h);
            assert_int_equal(sim_encode(-between, f, SIM_ROUND_UP, 0, false), h | sign);
            assert_int_equal(sim_encode(-between, f, SIM_ROUND_DOWN, 0, false), (h + 1) | sign);
            assert_int_equal(sim_encode(-between, f, SIM_RTZ, 0, false), h | sign);
        }
    }
}

static void stochastic_rounding_compares_the_rest_with_the_noise(void **state)
{
    (void)state;
    const sim_format f = SIM_FMT_E4M3;
    const float quarter = 1.0f + 0.125f * 0.25f; /* a quarter of a step above 1.0, which is 0x38 */
    assert_int_equal(sim_encode(quarter, f, SIM_STOCHASTIC, 0, true), 0x38);
    assert_int_equal(sim_encode(quarter, f, SIM_STOCHASTIC, 0xbfffffff, true), 0x38);
    assert_int_equal(sim_encode(quarter, f, SIM_STOCHASTIC, 0xc0000000, true), 0x39);
    assert_int_equal(sim_encode(quarter, f, SIM_STOCHASTIC, 0xffffffff, true), 0x39);
    assert_int_equal(sim_encode(1.0f, f, SIM_STOCHASTIC, 0xffffffff, true), 0x38);
}

static void overflow_and_specials(void **state)
{
    (void)state;
    assert_int_equal(sim_encode(1e6f, SIM_FMT_F16, SIM_RNE, 0, false), 0x7c00);
    assert_int_equal(sim_encode(1e6f, SIM_FMT_F16, SIM_RTZ, 0, false), 0x7bff);
    assert_int_equal(sim_encode(-1e6f, SIM_FMT_F16, SIM_ROUND_UP, 0, false), 0xfbff);
    assert_int_equal(sim_encode(500, SIM_FMT_E4M3, SIM_RNE, 0, false), 0x7f);
    assert_int_equal(sim_encode(500, SIM_FMT_E4M3, SIM_RNE, 0, true), 0x7e);
    assert_int_equal(sim_encode(464, SIM_FMT_E4M3, SIM_RNE, 0, false),
                     0x7e); /* the middle to 480 goes to even */
    assert_int_equal(sim_encode(-500, SIM_FMT_E4M3_FNUZ, SIM_RNE, 0, false), 0x80);
    assert_int_equal(sim_encode(-500, SIM_FMT_E4M3_FNUZ, SIM_RNE, 0, true), 0xff);
    assert_int_equal(sim_encode(-0.0f, SIM_FMT_E4M3_FNUZ, SIM_RNE, 0, true), 0);
    assert_int_equal(sim_encode(NAN, SIM_FMT_E5M2_FNUZ, SIM_RNE, 0, true), 0x80);
    assert_int_equal(sim_encode(INFINITY, SIM_FMT_E5M2, SIM_RNE, 0, false), 0x7c);
    assert_int_equal(sim_encode(INFINITY, SIM_FMT_E5M2, SIM_RNE, 0, true), 0x7b);
    assert_int_equal(sim_encode(-100, SIM_FMT_E2M1, SIM_RNE, 0, false), 0xf);
    assert_int_equal(sim_encode(0x1p-140f, SIM_FMT_F16, SIM_ROUND_UP, 0, false), 1);
}

static void fast_f16_and_bf16_encoders_agree(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (unsigned n = 0; n < 3000000; n++) {
        x = x * 1664525u + 1013904223u;
        const float f = sim_float(x);
        if (isnan(f)) {
            assert_true(isnan(sim_f16_to_f32(sim_f32_to_f16(f))));
            assert_true(isnan(sim_bf16_to_f32(sim_f32_to_bf16(f))));
            continue;
        }
        assert_int_equal(sim_f32_to_f16(f), sim_encode(f, SIM_FMT_F16, SIM_RNE, 0, false));
        assert_int_equal(sim_f32_to_bf16(f), sim_encode(f, SIM_FMT_BF16, SIM_RNE, 0, false));
    }
    for (uint32_t h = 0; h < 0x7c00; h++) { /* dense where f16 values are */
        const float f = sim_f16_to_f32((uint16_t)h), g = sim_f16_to_f32((uint16_t)(h + 1));
        const float steps[] = {f, f + (g - f) * 0.25f, f + (g - f) * 0.5f, f + (g - f) * 0.75f};
        for (unsigned i = 0; i < 4 && isfinite(g); i++)
            assert_int_equal(sim_f32_to_f16(steps[i]),
                             sim_encode(steps[i], SIM_FMT_F16, SIM_RNE, 0, false));
    }
}

static void f64_rounds_to_f32_in_each_mode(void **state)
{
    (void)state;
    const double between = 1.0 + 0x1p-24 + 0x1p-50;
    assert_true(sim_f64_to_f32(between, SIM_RNE) == 1.0f + 0x1p-23f);
    assert_true(sim_f64_to_f32(1.0 + 0x1p-24, SIM_RNE) == 1.0f);
    assert_true(sim_f64_to_f32(between, SIM_RTZ) == 1.0f);
    assert_true(sim_f64_to_f32(-between, SIM_ROUND_DOWN) == -1.0f - 0x1p-23f);
    assert_true(sim_f64_to_f32(1e300, SIM_ROUND_DOWN) == 0x1.fffffep127f);
    assert_true(isinf(sim_f64_to_f32(1e300, SIM_RNE)));
    assert_true(sim_f64_to_f32(0x1p-149, SIM_RTZ) == 0x1p-149f);
    assert_true(sim_f64_to_f32(0x1.8p-150, SIM_RNE) == 0x1p-149f);
    assert_true(sim_f64_to_f32(1e-300, SIM_ROUND_UP) == 0x1p-149f);
}

static void packed_six_bit_elements(void **state)
{
    (void)state;
    /* element n has value (n * 7) % 64 and sits at bit 6n */
    uint32_t dwords[6] = {0};
    for (unsigned n = 0; n < 32; n++)
        for (unsigned b = 0; b < 6; b++)
            dwords[(6 * n + b) / 32] |= (n * 7 % 64 >> b & 1u) << ((6 * n + b) % 32);
    for (unsigned n = 0; n < 32; n++)
        assert_int_equal(sim_packed6(dwords, 1, n), n * 7 % 64);
}

static void scales_are_powers_of_two(void **state)
{
    (void)state;
    for (unsigned e = 0; e < 255; e++)
        assert_true(sim_e8m0_to_f64((uint8_t)e) == ldexp(1, (int)e - 127));
    assert_true(isnan(sim_e8m0_to_f64(255)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_pattern),
        cmocka_unit_test(encodes_to_nearest_even),
        cmocka_unit_test(directed_modes_bracket_the_value),
        cmocka_unit_test(stochastic_rounding_compares_the_rest_with_the_noise),
        cmocka_unit_test(overflow_and_specials),
        cmocka_unit_test(fast_f16_and_bf16_encoders_agree),
        cmocka_unit_test(f64_rounds_to_f32_in_each_mode),
        cmocka_unit_test(packed_six_bit_elements),
        cmocka_unit_test(scales_are_powers_of_two),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
