/* Warmers: compile into a cache without a device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/fixture.h"

#define CONFIG "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=none gqa=4 lse=1"

static aiter_warmer *make_warmer(fixture *f)
{
    aiter_warmer *warmer = NULL;
    f->options.hip_runtime = "/nowhere/no-gpu-needed.so";
    f->options.device = 17;
    assert_ok(aiter_warmer_create(&warmer, &f->options));
    return warmer;
}

static void test_warm_then_cached(void **state)
{
    fixture *f = *state;
    aiter_warmer *warmer = make_warmer(f);
    aiter_warm_result r = { .size = sizeof r };
    assert_ok(aiter_warm(warmer, CONFIG, &r));
    assert_int_equal(r.from_cache, 0);
    assert_true(r.compile_ns > 0);
    assert_int_equal(r.info.size, sizeof r.info);
    assert_int_equal(r.info.vgprs, 120);
    assert_memory_equal(r.code, "\177ELF", 4);
    assert_string_equal((char *)r.code + 64, r.info.symbol);
    assert_int_equal(r.info.code_bytes, 320);
    aiter_free(r.code);
    assert_ok(aiter_warm(warmer, CONFIG, &r));
    assert_int_equal(r.from_cache, 1);
    assert_int_equal(r.compile_ns, 0);
    assert_memory_equal(r.code, "\177ELF", 4);
    aiter_free(r.code);
    assert_ok(aiter_warm(warmer, CONFIG, NULL));
    assert_int_equal(fixture_count(f, "compile"), 1);
    aiter_warmer_destroy(warmer);
}

/* What a warmer makes is what a context looks for. */
static void test_context_finds_what_was_warmed(void **state)
{
    fixture *f = *state;
    aiter_context_options for_context = f->options;
    aiter_warmer *warmer = make_warmer(f);
    assert_ok(aiter_warm(warmer, "fmha_fwd lse=1 gqa=4 hdqk=128 dtype=bf16 arch=gfx942", NULL));
    aiter_warmer_destroy(warmer);
    aiter_context *ctx;
    input in;
    input_init(&in);
    assert_ok(aiter_context_create(&ctx, &for_context));
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(fixture_stats(ctx).cache_hits, 1);
    assert_int_equal(fixture_stats(ctx).compiles, 0);
    aiter_context_destroy(ctx);
}

static void test_bad_text(void **state)
{
    fixture *f = *state;
    aiter_warmer *warmer = make_warmer(f);
    assert_failed(aiter_warm(warmer, "fmha_fwd arch=gfx942 dtype=bf16 hdqk=7", NULL),
                  AITER_ERROR_INVALID_ARGUMENT, "hdqk");
    assert_failed(aiter_warm(warmer, "fmha_fwd arch=gfx000 dtype=bf16 hdqk=64", NULL),
                  AITER_ERROR_INVALID_ARGUMENT, "gfx000");
    assert_failed(aiter_warm(warmer, "", NULL), AITER_ERROR_INVALID_ARGUMENT, "config \"\": ");
    assert_failed(aiter_warm(warmer, NULL, NULL), AITER_ERROR_INVALID_ARGUMENT, "config is NULL");
    assert_failed(aiter_warm(NULL, CONFIG, NULL), AITER_ERROR_INVALID_ARGUMENT, "warmer is NULL");
    aiter_warmer_destroy(warmer);
}

static void test_result_size(void **state)
{
    fixture *f = *state;
    aiter_warmer *warmer = make_warmer(f);
    aiter_warm_result r = { .size = 0 };
    assert_failed(aiter_warm(warmer, CONFIG, &r), AITER_ERROR_INVALID_ARGUMENT,
                  "aiter_warm_result.size is 0");
    aiter_warmer_destroy(warmer);
}

/* For a context a cache that cannot be used is a warning; for warming it is the end. */
static void test_unusable_cache_is_an_error(void **state)
{
    fixture *f = *state;
    aiter_warmer *warmer = (void *)1;
    f->options.cache_dir = "/proc/aiter-cache";
    assert_failed(aiter_warmer_create(&warmer, &f->options), AITER_ERROR_CACHE,
                  "/proc/aiter-cache");
    assert_null(warmer);
}

/* Asked for explicitly: compile and hand out the code, store nothing. */
static void test_no_cache(void **state)
{
    fixture *f = *state;
    f->options.no_cache = 1;
    aiter_warmer *warmer = make_warmer(f);
    aiter_warm_result r = { .size = sizeof r };
    assert_ok(aiter_warm(warmer, CONFIG, &r));
    assert_int_equal(r.from_cache, 0);
    aiter_free(r.code);
    aiter_warmer_destroy(warmer);
}

static void test_missing_compiler(void **state)
{
    fixture *f = *state;
    f->options.compiler = "/nowhere/aiter-compiler";
    aiter_warmer *warmer = make_warmer(f);
    assert_failed(aiter_warm(warmer, CONFIG, NULL), AITER_ERROR_COMPILER_MISSING,
                  "/nowhere/aiter-compiler");
    aiter_warmer_destroy(warmer);
}

static void test_rejected(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "reject");
    aiter_warmer *warmer = make_warmer(f);
    assert_failed(aiter_warm(warmer, CONFIG, NULL), AITER_ERROR_COMPILE_FAILED,
                  "unknown type name 'flaot'");
    aiter_warmer_destroy(warmer);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_warm_then_cached),
        T(test_context_finds_what_was_warmed),
        T(test_bad_text),
        T(test_result_size),
        T(test_unusable_cache_is_an_error),
        T(test_no_cache),
        T(test_missing_compiler),
        T(test_rejected),
    };
    return cmocka_run_group_tests_name("warm", tests, NULL, NULL);
}
