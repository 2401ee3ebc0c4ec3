/* Conversions to and from the kernels' number formats, and the test inputs' generator. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/numeric.h"

static void every_fp16_survives_the_way_to_float_and_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float value = num_fp16_to_float((uint16_t)bits);
        if (isnan(value))
            assert_true(isnan(num_fp16_to_float(num_fp16_from_float(value))));
        else
            assert_int_equal(num_fp16_from_float(value), bits);
    }
}

static void every_bf16_survives_the_way_to_float_and_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float value = num_bf16_to_float((uint16_t)bits);
        if (isnan(value))
            assert_true(isnan(num_bf16_to_float(num_bf16_from_float(value))));
        else
            assert_int_equal(num_bf16_from_float(value), bits);
    }
}

/* IEEE 754: the nearest; halfway between two, the even one. Checked at each pair of neighbours. */
static void check_rounding(uint16_t (*from)(float), float (*to)(uint16_t), uint16_t largest)
{
    for (uint16_t low = 0; low < largest; low++) {
        const double a = to(low), b = to((uint16_t)(low + 1)), middle = (a + b) / 2;
        const uint16_t even = low & 1 ? (uint16_t)(low + 1) : low;

        if ((double)(float)middle == middle) { /* not so between the smallest bf16 numbers */
            assert_int_equal(from((float)middle), even);
            assert_int_equal(from(-(float)middle), even | 0x8000);
            assert_int_equal(from(nextafterf((float)middle, 0)), low);
            assert_int_equal(from(nextafterf((float)middle, INFINITY)), low + 1);
        }
    }
}

static void fp16_rounds_to_nearest_even(void **state)
{
    (void)state;
    check_rounding(num_fp16_from_float, num_fp16_to_float, 0x7bff);
    assert_int_equal(num_fp16_from_float(65519.996f), 0x7bff);
    assert_int_equal(num_fp16_from_float(65520.0f), 0x7c00);
    assert_int_equal(num_fp16_from_float(-1e30f), 0xfc00);
    assert_int_equal(num_fp16_from_float(0x1p-25f), 0);
    assert_int_equal(num_fp16_from_float(0x1.000002p-25f), 1);
}

static void bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    check_rounding(num_bf16_from_float, num_bf16_to_float, 0x7f7f);
    assert_int_equal(num_bf16_from_float(3.4028235e38f), 0x7f80);
}

static void known_values(void **state)
{
    (void)state;
    assert_int_equal(num_fp16_from_float(1.0f), 0x3c00);
    assert_int_equal(num_fp16_from_float(-2.5f), 0xc100);
    assert_int_equal(num_fp16_from_float(0.1f), 0x2e66);
    assert_int_equal(num_fp16_from_float(0x1p-14f), 0x0400);
    assert_int_equal(num_bf16_from_float(1.0f), 0x3f80);
    assert_int_equal(num_bf16_from_float(0.1f), 0x3dcd);
    assert_true(isnan(num_bf16_to_float(num_bf16_from_float(NAN))));
    uint32_t bits = 0x7f800001u; /* a NaN that vanishes when cut to 16 bits */
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    assert_true(isnan(num_bf16_to_float(num_bf16_from_float(nan))));
}

static void units_are_the_rounding_errors_just_above_one(void **state)
{
    (void)state;
    for (num_dtype t = NUM_FP16; t <= NUM_FP32; t++) {
        const double u = num_dtype_unit(t);
        assert_true(num_round(t, (float)(1 + u)) == 1.0f);                   /* halfway, to even */
        assert_true(num_round(t, (float)(1 + 2 * u)) == (float)(1 + 2 * u)); /* the next number */
    }
}

static void names(void **state)
{
    (void)state;
    for (num_dtype t = NUM_FP16; t <= NUM_FP32; t++)
        assert_int_equal(num_dtype_find(num_dtype_name(t)), t);
    assert_int_equal(num_dtype_find("fp8"), -1);
}

/* Largest, smallest normal and smallest numbers of the OCP specification's table and of the FNUZ form,
 * whose exponents are one lower; everything else by going there and back. */
static void e4m3_is_as_specified(void **state)
{
    static const struct {
        int fnuz;
        uint8_t bits;
        float value;
    } known[] = {
        { 0, 0x7e, 448 },        { 0, 0x08, 0x1p-6f }, { 0, 0x01, 0x1p-9f }, { 0, 0xb8, -1 },
        { 1, 0x7f, 240 },        { 1, 0x08, 0x1p-7f }, { 1, 0x01, 0x1p-10f }, { 1, 0xc0, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(num_e4m3_to_float(known[i].bits, known[i].fnuz) == known[i].value);
    for (int fnuz = 0; fnuz <= 1; fnuz++)
        for (int bits = 0; bits < 256; bits++) {
            const float value = num_e4m3_to_float((uint8_t)bits, fnuz);
            if (!isnan(value))
                assert_int_equal(num_e4m3_from_float(value, fnuz), bits);
        }
    assert_true(num_round(NUM_E4M3FN, 1.0625f) == 1 && num_round(NUM_E4M3FN, 1.1875f) == 1.25f);
    assert_true(num_round(NUM_E4M3FN, 500) == 448 && num_round(NUM_E4M3FNUZ, -500) == -240);
    assert_int_equal(num_e4m3_from_float(-0.0f, 1), 0);
}

static void random_values_are_repeatable_and_bell_shaped(void **state)
{
    enum { N = 100000 };
    double sum = 0, square = 0, product = 0, beyond2 = 0;

    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        const double x = num_random(1, 2, i);
        assert_true(x == num_random(1, 2, i));
        assert_true(fabs(x) < 3.47);
        sum += x;
        square += x * x;
        product += x * num_random(1, 2, i + 1);
        beyond2 += fabs(x) > 2;
    }
    /* Standard errors: mean 0.003, variance 0.004, covariance 0.003. */
    assert_true(fabs(sum / N) < 0.015);
    assert_true(fabs(square / N - 1) < 0.02);
    assert_true(fabs(product / N) < 0.015);
    assert_true(beyond2 / N > 0.03 && beyond2 / N < 0.06);
    assert_true(num_random(1, 2, 0) != num_random(1, 3, 0));
    assert_true(num_random(1, 2, 0) != num_random(2, 2, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fp16_survives_the_way_to_float_and_back),
        cmocka_unit_test(every_bf16_survives_the_way_to_float_and_back),
        cmocka_unit_test(fp16_rounds_to_nearest_even),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(known_values),
        cmocka_unit_test(units_are_the_rounding_errors_just_above_one),
        cmocka_unit_test(names),
        cmocka_unit_test(e4m3_is_as_specified),
        cmocka_unit_test(random_values_are_repeatable_and_bell_shaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
