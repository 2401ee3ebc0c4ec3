/* The metadata text: what the format says is read, anything else is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helper/support.h"

static const char two_kernels[] =
    "target amdgcn-amd-amdhsa--gfx942\n"
    "kernel first\n"
    "kernarg_segment_size 184\n"
    "kernarg_segment_align 8\n"
    "group_segment_fixed_size 32768\n"
    "private_segment_fixed_size 16\n"
    "uses_dynamic_stack 0\n"
    "sgpr_count 52\n"
    "vgpr_count 120\n"
    "agpr_count 4\n"
    "sgpr_spill_count 1\n"
    "vgpr_spill_count 2\n"
    "max_flat_workgroup_size 256\n"
    "wavefront_size 64\n"
    "arg 0 8 global_buffer q\n"
    "arg 8 4 by_value n\n"
    "arg 16 4 hidden_block_count_x -\n"
    "end\n"
    "kernel second\n"
    "end\n";

static void numbers_and_arguments_are_read(void **state)
{
    (void)state;
    helper_kernel *k;
    assert_int_equal(helper_metadata_parse(two_kernels, &k), 2);
    assert_string_equal(k[0].name, "first");
    assert_int_equal(k[0].kernarg_segment_size, 184);
    assert_int_equal(k[0].kernarg_segment_align, 8);
    assert_int_equal(k[0].group_segment_fixed_size, 32768);
    assert_int_equal(k[0].private_segment_fixed_size, 16);
    assert_int_equal(k[0].sgpr_count, 52);
    assert_int_equal(k[0].vgpr_count, 120);
    assert_int_equal(k[0].agpr_count, 4);
    assert_int_equal(k[0].sgpr_spill_count, 1);
    assert_int_equal(k[0].vgpr_spill_count, 2);
    assert_int_equal(k[0].max_flat_workgroup_size, 256);
    assert_int_equal(k[0].wavefront_size, 64);
    assert_int_equal(k[0].num_args, 3);
    assert_int_equal(k[0].args[2].offset, 16);
    assert_int_equal(k[0].args[2].size, 4);
    assert_string_equal(k[0].args[2].kind, "hidden_block_count_x");
    assert_string_equal(k[0].args[1].name, "n");
    assert_string_equal(k[1].name, "second");
    assert_int_equal(k[1].num_args, 0);
    helper_kernels_free(k, 2);
}

static void a_text_without_kernels_is_fine(void **state)
{
    (void)state;
    helper_kernel *k;
    assert_int_equal(helper_metadata_parse("", &k), 0);
    assert_null(k);
    assert_int_equal(helper_metadata_parse("target amdgcn-amd-amdhsa--gfx90a\n", &k), 0);
    helper_kernels_free(k, 0);
}

static void a_number_of_a_later_version_is_skipped(void **state)
{
    (void)state;
    helper_kernel *k;
    assert_int_equal(helper_metadata_parse("kernel k\nsome_new_count 7\nvgpr_count 9\nend", &k), 1);
    assert_int_equal(k[0].vgpr_count, 9);
    helper_kernels_free(k, 1);
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "hello\n",
        "target\n",
        "target \n",
        "kernel\nend\n",
        "kernel \nend\n",
        "kernel k\n",
        "kernel k\nvgpr_count 1\n",
        "end\n",
        "vgpr_count 1\n",
        "arg 0 8 by_value x\n",
        "kernel k\nkernel l\nend\n",
        "kernel k\nend x\n",
        "kernel k\nvgpr_count\nend\n",
        "kernel k\nvgpr_count x\nend\n",
        "kernel k\nvgpr_count -1\nend\n",
        "kernel k\nvgpr_count 4294967296\nend\n",
        "kernel k\nvgpr_count 99999999999999999999\nend\n",
        "kernel k\nvgpr_count 1 2\nend\n",
        "kernel k\n 5\nend\n",
        "kernel k\narg\nend\n",
        "kernel k\narg 0\nend\n",
        "kernel k\narg 0 8\nend\n",
        "kernel k\narg 0 8 by_value\nend\n",
        "kernel k\narg 0 8 by_value x y\nend\n",
        "kernel k\narg a 8 by_value x\nend\n",
        "kernel k\narg 0 8 0123456789012345678901234567890123456789 x\nend\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        helper_kernel *k = (void *)1;
        int n = helper_metadata_parse(bad[i], &k);
        if (n != -1)
            fail_msg("accepted: %s", bad[i]);
        assert_null(k);
    }
    helper_kernel *k;
    assert_int_equal(helper_metadata_parse(NULL, &k), -1);
}

static void names_fill_their_room_exactly(void **state)
{
    (void)state;
    char text[400], name[300];
    helper_kernel *k;
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    snprintf(text, sizeof text, "kernel %s\nend\n", name);
    assert_int_equal(helper_metadata_parse(text, &k), 1);
    assert_string_equal(k[0].name, name);
    helper_kernels_free(k, 1);
    name[255] = 'n';
    name[256] = '\0';
    snprintf(text, sizeof text, "kernel %s\nend\n", name);
    assert_int_equal(helper_metadata_parse(text, &k), -1);
}

static void every_cut_of_a_text_is_survived(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof two_kernels; n++) {
        char *text = strndup(two_kernels, n);
        helper_kernel *k;
        int count = helper_metadata_parse(text, &k);
        assert_in_range(count + 1, 0, 3);
        helper_kernels_free(k, count);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_arguments_are_read),
        cmocka_unit_test(a_text_without_kernels_is_fine),
        cmocka_unit_test(a_number_of_a_later_version_is_skipped),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(names_fill_their_room_exactly),
        cmocka_unit_test(every_cut_of_a_text_is_survived),
    };
    return cmocka_run_group_tests_name("helper_metadata", tests, NULL, NULL);
}
