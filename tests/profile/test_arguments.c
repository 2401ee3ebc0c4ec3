/* aiter-bench profile --args. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/bench/arguments.h"
#include "tools/numeric.h"

static void parse(kernel_arguments *a, const char *text)
{
    const char *wrong;
    size_t size;

    if (!arguments_parse(a, text, &wrong, &size))
        fail_msg("'%s': refused '%.*s'", text, (int)size, wrong);
}

static void expect_bytes(const kernel_arguments *a, size_t offset, const void *expected, size_t size)
{
    assert_true(offset + size <= a->size);
    assert_memory_equal(a->bytes + offset, expected, size);
}

static void numbers_are_aligned(void **state)
{
    const uint16_t a16 = 0xbeef;
    const int64_t a64 = -2;
    const float f32 = 0.125f;
    const double f64 = -1e10;
    kernel_arguments a;

    (void)state;
    parse(&a, "u8:255,u16:0xbeef,i64:-2,f32:0.125,f64:-1e10,u8:1");
    assert_int_equal(a.size, 33);
    assert_int_equal(a.bytes[0], 255);
    expect_bytes(&a, 2, &a16, 2);
    expect_bytes(&a, 8, &a64, 8);
    expect_bytes(&a, 16, &f32, 4);
    expect_bytes(&a, 24, &f64, 8);
    assert_int_equal(a.num_buffers, 0);
}

static void padding_is_zero(void **state)
{
    static const unsigned char zero[12];
    kernel_arguments a;

    (void)state;
    parse(&a, "u32:7,pad:12,u32:0xffffffff");
    assert_int_equal(a.size, 20);
    expect_bytes(&a, 4, zero, 12);
}

static void buffers(void **state)
{
    kernel_arguments a;

    (void)state;
    parse(&a, "u32:1,ptr:4096,ptr:3M:bf16");
    assert_int_equal(a.size, 24);
    assert_int_equal(a.num_buffers, 2);
    assert_int_equal(a.buffers[0].offset, 8);
    assert_int_equal(a.buffers[0].bytes, 4096);
    assert_int_equal(a.buffers[0].fill, -1);
    assert_int_equal(a.buffers[1].offset, 16);
    assert_int_equal(a.buffers[1].bytes, 3 << 20);
    assert_int_equal(a.buffers[1].fill, NUM_BF16);
}

static void limits_of_numbers(void **state)
{
    const int32_t low = INT32_MIN;
    kernel_arguments a;

    (void)state;
    parse(&a, "i32:-2147483648,i32:2147483647,u64:18446744073709551615");
    expect_bytes(&a, 0, &low, 4);
}

static void what_cannot_be(void **state)
{
    static const struct { const char *text, *wrong; } cases[] = {
        { "", "" },
        { "u32", "u32" },
        { "u32:", "u32:" },
        { "u32:5,", "" },
        { "u32:5,u33:1", "u33:1" },
        { "u32:4294967296", "u32:4294967296" },
        { "u32:-1", "u32:-1" },
        { "u8:256,u8:1", "u8:256" },
        { "i32:2147483648", "i32:2147483648" },
        { "i32:-2147483649", "i32:-2147483649" },
        { "u32:5 ", "u32:5 " },
        { "f32:", "f32:" },
        { "f32:1x", "f32:1x" },
        { "ptr:0", "ptr:0" },
        { "ptr:K", "ptr:K" },
        { "ptr:4T", "ptr:4T" },
        { "ptr:99999999999G", "ptr:99999999999G" },
        { "ptr:16:int8", "ptr:16:int8" },
        { "pad:4097", "pad:4097" },
        { "pad:4092,u64:1", "u64:1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kernel_arguments a;
        const char *wrong;
        size_t size;
        if (arguments_parse(&a, cases[i].text, &wrong, &size))
            fail_msg("'%s' was accepted", cases[i].text);
        assert_int_equal(size, strlen(cases[i].wrong));
        assert_memory_equal(wrong, cases[i].wrong, size);
    }
}

static void too_many_buffers(void **state)
{
    char text[6 * (ARGUMENTS_MAX_BUFFERS + 1)] = "";
    kernel_arguments a;
    const char *wrong;
    size_t size;

    (void)state;
    for (int i = 0; i <= ARGUMENTS_MAX_BUFFERS; i++)
        strcat(text, i ? ",ptr:8" : "ptr:8");
    assert_false(arguments_parse(&a, text, &wrong, &size));
    assert_string_equal(wrong, "ptr:8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_aligned), cmocka_unit_test(padding_is_zero),
        cmocka_unit_test(buffers),             cmocka_unit_test(limits_of_numbers),
        cmocka_unit_test(what_cannot_be),      cmocka_unit_test(too_many_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
