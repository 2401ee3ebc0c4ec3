/* Expressions of the caller's: what is let through to the compiler, their place in a configuration. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/gen.h"
#include "tests/gen/parse.h"

#define PLAIN "fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 hdv=64 mask=none gqa=1 lse=0"

static void test_what_passes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "score",
        " score\t* 2\n",
        "score // a comment ) that ends with the text",
        "score /* ( */ + (1 - f[2]) /**/",
        "score /*/ ; */",
        "[&] { int d = q_idx - kv_idx; return score - d; }()",
        "({ float x = score; x; })",
        "q_idx % 2 ? score : -score",
        "score < 3 && a[b] > 2 || c ? x : y",
        "a ? ::x : y",
    };
    char err[GEN_ERROR_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *kept = gen_expression("score_mod", texts[i], err);
        if (!kept)
            fail_msg("%s: %s", texts[i], err);
        assert_string_equal(kept, texts[i]);
        assert_ptr_not_equal(kept, texts[i]);
    }
}

static void test_what_does_not(void **state)
{
    (void)state;
#define CHARACTERS "expected none of \" ' \\ #"
#define SEMICOLON "expected one expression, without ; outside of { }"
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "1:1: expected an expression" },
        { " // score", "1:10: expected an expression" },
        { "score;", "1:6: " SEMICOLON },
        { "(score;)", "1:7: " SEMICOLON },
        { "[&] { return score; }();", "1:24: " SEMICOLON },
        { "0); } int stray; float f() { return (1",
          "1:2: expected no bracket here: none is open" },
        { "score)", "1:6: expected no bracket here: none is open" },
        { "score\n  + (1\n  - 2", "2:5: expected a bracket that closes this one" },
        { "(score]", "1:7: expected the bracket that closes the one opened last" },
        { "score /* 2", "1:7: expected */ at the end of this comment" },
        { "score\n#include <stdio.h>", "2:1: " CHARACTERS },
        { "score // \\\n", "1:10: " CHARACTERS },
        { "a[\"x\"]", "1:3: " CHARACTERS },
        { "score + '('", "1:9: " CHARACTERS },
        { "score %:define x", "1:7: expected no digraph" },
        { "score <% 1", "1:7: expected no digraph" },
        { "a<:1:>", "1:2: expected no digraph" },
        { "score\r\n", "1:6: expected printable ASCII, blanks, tabs and newlines" },
        { "sc\xc3\xb6re", "1:3: expected printable ASCII, blanks, tabs and newlines" },
    };
    char err[GEN_ERROR_MAX], expected[GEN_ERROR_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(expected, sizeof expected, "mask_mod:%s", cases[i].message);
        if (gen_expression("mask_mod", cases[i].text, err))
            fail_msg("%s: accepted", cases[i].text);
        assert_string_equal(err, expected);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    char text[GEN_EXPRESSION_MAX + 2], err[GEN_ERROR_MAX];
    memset(text, '1', sizeof text);
    text[GEN_EXPRESSION_MAX] = '\0';
    assert_non_null(gen_expression("score_mod", text, err));
    text[GEN_EXPRESSION_MAX] = '1';
    text[GEN_EXPRESSION_MAX + 1] = '\0';
    assert_null(gen_expression("score_mod", text, err));
    assert_string_equal(err, "score_mod: 1025 bytes, newlines and tabs counted twice: expected at "
                             "most 1024");
    memset(text, '\n', 3);
    text[GEN_EXPRESSION_MAX - 2] = '\0';
    assert_null(gen_expression("score_mod", text, err));

    memset(text, '(', 65);
    memset(text + 65, ')', 65);
    text[130] = '\0';
    assert_null(gen_expression("score_mod", text, err));
    assert_string_equal(err, "score_mod:1:65: expected at most 64 brackets inside each other");
}

static void test_a_configuration_quotes_them(void **state)
{
    (void)state;
    static const char text[] =
        PLAIN " block_mask=128 score_mod=\"score\\n\\t* 2\" mask_mod=\"q_idx >= kv_idx // x=1\"";
    char printed[GEN_TEXT_MAX];
    gen_config config = parse(text), back;
    assert_string_equal(config.score_mod, "score\n\t* 2");
    assert_string_equal(config.mask_mod, "q_idx >= kv_idx // x=1");
    gen_config_print(&config, printed);
    assert_string_equal(printed, text);
    back = parse(printed);
    assert_true(gen_config_equal(&config, &back));
    gen_config_value(&config, "score_mod", printed);
    assert_string_equal(printed, "\"score\\n\\t* 2\"");
    config.score_mod = NULL;
    gen_config_value(&config, "score_mod", printed);
    assert_string_equal(printed, "none");
    assert_string_equal(gen_config_difference(&config, &back), "score_mod");

    /* Blanks in quotes are part of the expression as they are, too. */
    config = parse("fmha_fwd score_mod=\"a\tb\nc\" arch=gfx942 dtype=bf16 hdqk=64");
    assert_string_equal(config.score_mod, "a\tb\nc");
}

static void test_quotes_that_are_wrong(void **state)
{
    (void)state;
#define QUOTED "score_mod: expected an expression in double quotes, with no escapes but \\n and \\t"
    static const struct {
        const char *value, *message;
    } cases[] = {
        { "score_mod=score", QUOTED },
        { "score_mod=", QUOTED },
        { "score_mod=\"", QUOTED },
        { "score_mod=\"score", QUOTED },
        { "score_mod=\"score\"x", QUOTED },
        { "score_mod=\"a\\\\b\"", QUOTED },
        { "score_mod=\"a\\\"", QUOTED },
        { "score_mod=\"\"", "score_mod:1:1: expected an expression" },
        { "score_mod=\"a\"\"b\"", "score_mod:1:2: expected none of \" ' \\ #" },
        { "mask_mod=\"a;\"", "mask_mod:1:2: expected one expression, without ; outside of { }" },
    };
    char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX];
    gen_config config;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, PLAIN " %s", cases[i].value);
        assert_false(gen_config_parse(text, &config, err));
        assert_string_equal(err, cases[i].message);
    }
    char longer[3 * GEN_EXPRESSION_MAX] = PLAIN " score_mod=\"";
    memset(longer + strlen(longer), '1', sizeof longer - strlen(longer) - 2);
    longer[sizeof longer - 2] = '"';
    assert_false(gen_config_parse(longer, &config, err));
    assert_string_equal(err, "score_mod: 1025 bytes, newlines and tabs counted twice: expected at "
                             "most 1024");
}

/* Equal texts are one expression, different ones two kernels with names of their own. */
static void test_two_expressions_are_two_kernels(void **state)
{
    (void)state;
    gen_config a = parse(PLAIN " score_mod=\"score * 2\""), same = parse(PLAIN " score_mod=\"score * 2\""),
               b = parse(PLAIN " score_mod=\"score * 3\""), mask = parse(PLAIN " mask_mod=\"score * 2\"");
    gen_kernel first, second;
    assert_ptr_equal(a.score_mod, same.score_mod);
    assert_true(gen_config_equal(&a, &same));
    assert_false(gen_config_equal(&a, &b));
    assert_false(gen_config_equal(&a, &mask));
    assert_true(gen_config_hash(&a) != gen_config_hash(&b));
    assert_true(gen_config_hash(&a) != gen_config_hash(&mask));
    gen_kernel_describe(&a, &first);
    gen_kernel_describe(&b, &second);
    assert_string_not_equal(first.symbol, second.symbol);
    assert_string_equal(first.symbol, "fmha_fwd_gfx942_bf16_hd64x64_full_g1_score852403ad");
}

/* The compiler gets the text as it is, with its own name and lines, and the closing bracket after it
 * whatever comment it ends with. */
static void test_the_text_in_the_source(void **state)
{
    (void)state;
    gen_config config = parse(PLAIN " score_mod=\"score // half\"");
    char *source = gen_render(&config);
    assert_non_null(source);
    assert_non_null(strstr(source, "#line 1 \"score_mod\"\nscore // half\n)\n#line 1 \"expressions\"\n"));
    assert_null(strstr(source, "bool mask_mod("));
    free(source);
}

static void *ask(void *out)
{
    char text[32], err[GEN_ERROR_MAX];
    const char **kept = out;
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "thread + %d", i);
        kept[i] = gen_expression("score_mod", text, err);
    }
    return NULL;
}

static void test_threads_get_the_same(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static const char *kept[THREADS][200];
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, ask, kept[t]), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    for (int t = 1; t < THREADS; t++)
        assert_memory_equal(kept[t], kept[0], sizeof kept[0]);
    assert_non_null(kept[0][199]);
}

/* Last: nothing is new to the process afterwards. */
static void test_there_is_a_limit(void **state)
{
    (void)state;
    char text[32], err[GEN_ERROR_MAX] = "";
    int i = 0;
    do
        snprintf(text, sizeof text, "number + %d", i);
    while (gen_expression("score_mod", text, err) && ++i < 70000);
    assert_in_range(i, 65000, 65536);
    assert_string_equal(err, "score_mod: out of memory, or the process has used 65536 expressions: "
                             "expected no more");
    assert_non_null(gen_expression("score_mod", "number + 0", err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_passes),
        cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_a_configuration_quotes_them),
        cmocka_unit_test(test_quotes_that_are_wrong),
        cmocka_unit_test(test_two_expressions_are_two_kernels),
        cmocka_unit_test(test_the_text_in_the_source),
        cmocka_unit_test(test_threads_get_the_same),
        cmocka_unit_test(test_there_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
