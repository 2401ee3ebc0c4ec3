/* Contexts: options, versions, the cache's place and its failure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

static void refused(const aiter_context_options *options, const char *message)
{
    aiter_context *ctx = (void *)1;
    assert_failed(aiter_context_create(&ctx, options), AITER_ERROR_INVALID_ARGUMENT, message);
    assert_null(ctx);
}

static void test_version(void **state)
{
    (void)state;
    assert_string_equal(aiter_version(), TEST_VERSION);
}

static void test_status_strings(void **state)
{
    (void)state;
    assert_string_equal(aiter_status_string(AITER_ERROR_HIP), "AITER_ERROR_HIP: a HIP call failed");
    for (int s = AITER_OK; s <= AITER_ERROR_NOT_CACHED; s++)
        assert_memory_equal(aiter_status_string((aiter_status)s), "AITER_", 6);
    assert_string_equal(aiter_status_string((aiter_status)99), "unknown aiter_status");
}

static void test_out_null(void **state)
{
    fixture *f = *state;
    assert_failed(aiter_context_create(NULL, &f->options), AITER_ERROR_INVALID_ARGUMENT,
                  "out is NULL");
}

static void test_options_size_zero(void **state)
{
    fixture *f = *state;
    f->options.size = 0;
    refused(&f->options,
            "aiter_context_options.size is 0: set it to sizeof(aiter_context_options)");
}

static void test_options_size_garbage(void **state)
{
    fixture *f = *state;
    f->options.size = 1000000;
    refused(&f->options,
            "aiter_context_options.size is 1000000: expected sizeof(aiter_context_options), 120");
}

static void test_negative_device(void **state)
{
    fixture *f = *state;
    f->options.device = -1;
    refused(&f->options, "options.device is -1: expected 0 (default) or more");
}

static void test_negative_jobs(void **state)
{
    fixture *f = *state;
    f->options.compile_jobs = -2;
    refused(&f->options, "options.compile_jobs is -2: expected 0 (default) or more");
}

static void test_negative_timeout(void **state)
{
    fixture *f = *state;
    f->options.compile_timeout_ms = -1;
    refused(&f->options, "options.compile_timeout_ms is -1: expected 0 (default) or more");
}

static void test_no_cache_2(void **state)
{
    fixture *f = *state;
    f->options.no_cache = 2;
    refused(&f->options, "options.no_cache is 2: expected 0 or 1");
}

static void test_empty_path(void **state)
{
    fixture *f = *state;
    f->options.cache_dir = "";
    refused(&f->options, "options.cache_dir is \"\": expected a path, or NULL for the default");
}

/* A caller compiled when the structure ended behind hip_runtime. */
static void test_older_caller(void **state)
{
    fixture *f = *state;
    f->options.size = offsetof(aiter_context_options, cache_dir);
    f->options.cache_dir = (const char *)1;
    f->options.no_cache = 77;
    f->options.log = NULL;
    aiter_context *ctx = fixture_context(f);
    aiter_context_destroy(ctx);
}

static void test_newer_caller(void **state)
{
    fixture *f = *state;
    struct {
        aiter_context_options options;
        int64_t unknown[2];
    } newer = { f->options, { 0, 0 } };
    newer.options.size = sizeof newer;
    aiter_context *ctx;
    assert_ok(aiter_context_create(&ctx, &newer.options));
    aiter_context_destroy(ctx);
    newer.unknown[1] = 1;
    refused(
        &newer.options,
        "aiter_context_options has a non-zero field at byte 128: this version (0.1.0) knows 120 "
        "bytes");
}

static void test_stats_of_an_older_caller(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    aiter_stats stats;
    memset(&stats, 0xee, sizeof stats);
    stats.size = offsetof(aiter_stats, compiles);
    assert_ok(aiter_context_stats(ctx, &stats));
    assert_int_equal(stats.size, offsetof(aiter_stats, compiles));
    assert_int_equal(stats.cache_hits, 0);
    assert_int_equal(stats.compiles, UINT64_C(0xeeeeeeeeeeeeeeee));
    stats.size = 0;
    assert_failed(aiter_context_stats(ctx, &stats), AITER_ERROR_INVALID_ARGUMENT,
                  "aiter_stats.size is 0");
    aiter_context_destroy(ctx);
}

static void test_destroy_null(void **state)
{
    (void)state;
    aiter_context_destroy(NULL);
    aiter_plan_destroy(NULL);
    aiter_warmer_destroy(NULL);
    aiter_free(NULL);
}

/* ---- The cache's place ---- */

static bool exists(const char *dir, const char *below)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, below);
    return access(path, F_OK) == 0;
}

/* Compiles something into the default place. */
static void fill_cache(fixture *f)
{
    f->options.cache_dir = NULL;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(fixture_stats(ctx).store_failures, 0);
    aiter_context_destroy(ctx);
}

static void test_cache_in_the_home_directory(void **state)
{
    fixture *f = *state;
    fill_cache(f);
    assert_true(exists(f->dir, ".cache/aiter/code.lmdb"));
}

static void test_cache_by_xdg(void **state)
{
    fixture *f = *state;
    char dir[400];
    snprintf(dir, sizeof dir, "%s/xdg", f->dir);
    setenv("XDG_CACHE_HOME", dir, 1);
    fill_cache(f);
    assert_true(exists(dir, "aiter/code.lmdb"));
}

static void test_relative_xdg_is_ignored(void **state)
{
    fixture *f = *state;
    setenv("XDG_CACHE_HOME", "relative", 1);
    fill_cache(f);
    assert_true(exists(f->dir, ".cache/aiter/code.lmdb"));
}

static void test_cache_by_variable(void **state)
{
    fixture *f = *state;
    char dir[400];
    snprintf(dir, sizeof dir, "%s/by-variable", f->dir);
    setenv("AITER_CACHE_DIR", dir, 1);
    setenv("XDG_CACHE_HOME", "/nowhere", 1);
    fill_cache(f);
    assert_true(exists(dir, "code.lmdb"));
}

/* ---- A cache that cannot be used ---- */

static int count_warnings(const fixture *f)
{
    int count = 0;
    for (const char *at = f->log; (at = strstr(at, "WARNING ")); at++)
        count++;
    return count;
}

static void works_in_memory(fixture *f, const char *warning)
{
    aiter_context *ctx = fixture_context(f);
    input in;
    for (int head_dim = 64; head_dim <= 128; head_dim += 64) {
        input_init_dim(&in, head_dim);
        assert_ok(aiter_flash_attn_func(ctx, &in.args));
        assert_ok(aiter_flash_attn_func(ctx, &in.args));
    }
    assert_int_equal(count_warnings(f), warning ? 1 : 0);
    if (warning && !strstr(f->log, warning))
        fail_msg("the log is \"%s\", expected \"%s\" in it", f->log, warning);
    aiter_stats stats = fixture_stats(ctx);
    assert_int_equal(stats.compiles, 2);
    assert_int_equal(stats.table_hits, 2);
    assert_int_equal(stats.launches, 4);
    aiter_context_destroy(ctx);
}

/* A file where the directory should be: this also stops root. */
static void test_unusable_cache_costs_one_warning(void **state)
{
    fixture *f = *state;
    write_text(f->cache_dir, "in the way");
    works_in_memory(f, f->cache_dir);
    assert_non_null(strstr(f->log, "; compiled kernels are kept in memory only"));
}

static void test_unwritable_cache_costs_one_warning(void **state)
{
    fixture *f = *state;
    f->options.cache_dir = "/proc/aiter-cache";
    works_in_memory(f, "/proc/aiter-cache");
}

static void test_no_cache_is_silent(void **state)
{
    fixture *f = *state;
    f->options.no_cache = 1;
    works_in_memory(f, NULL);
    assert_false(exists(f->dir, "cache"));
    assert_int_equal(fixture_count(f, "identify"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_version),
        T(test_status_strings),
        T(test_out_null),
        T(test_options_size_zero),
        T(test_options_size_garbage),
        T(test_negative_device),
        T(test_negative_jobs),
        T(test_negative_timeout),
        T(test_no_cache_2),
        T(test_empty_path),
        T(test_older_caller),
        T(test_newer_caller),
        T(test_stats_of_an_older_caller),
        T(test_destroy_null),
        T(test_cache_in_the_home_directory),
        T(test_cache_by_xdg),
        T(test_relative_xdg_is_ignored),
        T(test_cache_by_variable),
        T(test_unusable_cache_costs_one_warning),
        T(test_unwritable_cache_costs_one_warning),
        T(test_no_cache_is_silent),
    };
    return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
