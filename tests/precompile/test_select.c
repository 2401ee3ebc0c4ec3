/* Selections: duplicates, manifests, shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/precompile/manifest.h"
#include "tools/precompile/shard.h"

static void add(selection *s, int hdqk, int gqa)
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];

    snprintf(text, sizeof text, "fmha_fwd arch=gfx942 dtype=bf16 hdqk=%d gqa=%d", hdqk, gqa);
    assert_true(select_text(s, text, why));
}

static void fill(selection *s, int count)
{
    for (int i = 0; i < count; i++)
        add(s, 8 * (1 + i % 32), 1 + i / 32);
}

static bool has(const selection *s, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].text, text) == 0)
            return true;
    return false;
}

static void test_no_two_alike(void **state)
{
    selection s = { 0 };

    (void)state;
    fill(&s, 3000);
    fill(&s, 3000);
    assert_int_equal(s.count, 3000);
    selection_free(&s);
}

/* ---- Manifests ---- */

typedef struct fault {
    size_t count, line;
    char why[GEN_ERROR_MAX];
} fault;

static void note_fault(void *user, size_t line, const char *why)
{
    fault *f = user;

    f->count++;
    f->line = line;
    snprintf(f->why, sizeof f->why, "%s", why);
}

#define CONFIG "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128"

static void test_manifest(void **state)
{
    static const char text[] = "# from the servers\n\n" CONFIG " gqa=8 # often\r\n"
                               "  " CONFIG " gqa=8\n\t\n" CONFIG " gqa=4";
    selection s = { 0 };
    fault f = { 0 };

    (void)state;
    assert_int_equal(manifest_parse(&s, text, strlen(text), note_fault, &f), 0);
    assert_int_equal(s.count, 2);
    assert_true(has(&s, CONFIG " hdv=128 mask=none gqa=8 lse=0"));
    assert_true(has(&s, CONFIG " hdv=128 mask=none gqa=4 lse=0"));
    assert_int_equal(f.count, 0);
    assert_int_equal(manifest_parse(&s, "", 0, note_fault, &f), 0);
    selection_free(&s);
}

static void expect_fault(const char *text, size_t size, size_t line, const char *why)
{
    selection s = { 0 };
    fault f = { 0 };

    assert_int_equal(manifest_parse(&s, text, size, note_fault, &f), 1);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.line, line);
    assert_non_null(strstr(f.why, why));
    selection_free(&s);
}

static void test_manifest_faults(void **state)
{
    static const char wrong[] = CONFIG "\n\nfmha_fwd arch=gfx942\n" CONFIG "\n";
    static const char nul[] = "#\n" CONFIG "\0\n";
    char *longer = malloc(MANIFEST_LINE_MAX + 1);

    (void)state;
    expect_fault(wrong, sizeof wrong - 1, 3, "dtype: missing");
    expect_fault(nul, sizeof nul - 1, 2, "NUL");
    memset(longer, 'x', MANIFEST_LINE_MAX + 1);
    expect_fault(longer, MANIFEST_LINE_MAX + 1, 1, "4097 bytes in one line");
    free(longer);
}

/* ---- Shards ---- */

/* Whatever the number of shards and the order of the list: all of it, nothing twice, evenly. */
static void test_shards_are_a_partition(void **state)
{
    static const int counts[] = { 1, 2, 3, 7, 64, 100 };

    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        selection whole = { 0 };
        size_t sum = 0;
        fill(&whole, 64);
        for (int i = 1; i <= counts[c]; i++) {
            selection s = { 0 };
            fill(&s, 64);
            assert_true(select_shard(&s, i, counts[c]));
            assert_in_range(s.count, 64 / counts[c], 64 / counts[c] + 1);
            assert_int_equal(s.whole, 64);
            sum += s.count;
            for (size_t j = 0; j < s.count; j++)
                assert_true(has(&whole, s.items[j].text));
            selection_free(&s);
        }
        assert_int_equal(sum, 64);
        selection_free(&whole);
    }
}

static void test_order_does_not_matter(void **state)
{
    selection a = { 0 }, b = { 0 };

    (void)state;
    for (int i = 0; i < 40; i++) {
        add(&a, 128, 1 + i);
        add(&b, 128, 40 - i);
    }
    assert_true(select_shard(&a, 2, 3) && select_shard(&b, 2, 3));
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++)
        assert_true(has(&b, a.items[i].text));
    add(&a, 64, 1); /* a selection goes on working */
    add(&a, 64, 1);
    assert_int_equal(a.count, b.count + 1);
    selection_free(&a);
    selection_free(&b);
}

static void test_shard_texts(void **state)
{
    static const char *const wrong[] = { "", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b",
                                         "1/70000", "00000000000000000001/4", "SLURM" };
    shard_spec s;
    char why[SHARD_ERROR_MAX];

    (void)state;
    assert_true(shard_parse("3/8", &s, why));
    assert_int_equal(s.index, 3);
    assert_int_equal(s.count, 8);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(shard_parse(wrong[i], &s, why));
        assert_non_null(strstr(why, "expected I/N"));
    }
}

static void array(const char *id, const char *min, const char *max, const char *count)
{
    setenv("SLURM_ARRAY_TASK_ID", id, 1);
    setenv("SLURM_ARRAY_TASK_MIN", min, 1);
    setenv("SLURM_ARRAY_TASK_MAX", max, 1);
    setenv("SLURM_ARRAY_TASK_COUNT", count, 1);
}

static void expect_task(int index, int count)
{
    shard_spec s;
    char why[SHARD_ERROR_MAX];

    if (!shard_parse("slurm", &s, why))
        fail_msg("%s", why);
    assert_int_equal(s.index, index);
    assert_int_equal(s.count, count);
}

static void test_slurm(void **state)
{
    shard_spec s;
    char why[SHARD_ERROR_MAX];

    (void)state;
    unsetenv("SLURM_ARRAY_TASK_ID");
    assert_false(shard_parse("slurm", &s, why));
    assert_non_null(strstr(why, "SLURM_ARRAY_TASK_ID is not set"));
    array("0", "0", "7", "8");
    expect_task(1, 8);
    array("8", "1", "8", "8");
    expect_task(8, 8);
    array("14", "10", "18", "5"); /* --array=10-18:2 */
    expect_task(3, 5);
    array("4", "4", "4", "1");
    expect_task(1, 1);
    array("3", "1", "7", "3"); /* --array=1,3,7 */
    assert_false(shard_parse("slurm", &s, why));
    assert_non_null(strstr(why, "equal steps"));
    array("x", "1", "7", "3");
    assert_false(shard_parse("slurm", &s, why));
    assert_non_null(strstr(why, "'x'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_two_alike),          cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_manifest_faults),       cmocka_unit_test(test_shards_are_a_partition),
        cmocka_unit_test(test_order_does_not_matter), cmocka_unit_test(test_shard_texts),
        cmocka_unit_test(test_slurm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
