/* Where code objects come from: table, cache, compiler; and what becomes of a compiler that fails.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/cache.h"
#include "tests/runtime/fixture.h"

static void run_ok(aiter_context *ctx, int head_dim)
{
    input in;
    input_init_dim(&in, head_dim);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
}

static void run_fails(aiter_context *ctx, aiter_status status, const char *message)
{
    input in;
    input_init(&in);
    assert_failed(aiter_flash_attn_func(ctx, &in.args), status, message);
}

static void assert_stats(const aiter_context *ctx, int table_hits, int cache_hits, int compiles)
{
    aiter_stats stats = fixture_stats(ctx);
    assert_int_equal(stats.table_hits, table_hits);
    assert_int_equal(stats.cache_hits, cache_hits);
    assert_int_equal(stats.compiles, compiles);
}

/* ---- Cold, warm, table ---- */

static void test_cold_then_table(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 0, 1);
    assert_true(fixture_stats(ctx).compile_ns > 0);
    run_ok(ctx, 128);
    run_ok(ctx, 128);
    assert_stats(ctx, 2, 0, 1);
    run_ok(ctx, 64);
    assert_stats(ctx, 2, 0, 2);
    assert_int_equal(f->hip->loads, 2);
    assert_int_equal(fixture_stats(ctx).launches, 4);
    aiter_context_destroy(ctx);
    assert_int_equal(f->hip->live_modules, 0);
}

/* A second context finds the kernel in the cache, and no compiler process is started for it. */
static void test_warm_starts_no_compiler(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    assert_int_equal(fixture_count(f, "start"), 1);
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    assert_int_equal(fixture_count(f, "start"), 1);
    aiter_plan *plan;
    input in;
    input_init(&in);
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    aiter_kernel_info info = { .size = sizeof info };
    assert_ok(aiter_plan_info(plan, &info));
    assert_int_equal(info.from_cache, 1);
    assert_int_equal(info.vgprs, 120);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

/* ---- The toolchain ---- */

/* Its library is replaced by another build: what the old one made is not used. */
static void test_new_toolchain_compiles_again(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    fixture_set_toolchain(f, "fedcba9876543210");
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 0, 1);
    aiter_context_destroy(ctx);
    fixture_set_toolchain(f, "0123456789abcdef");
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    aiter_context_destroy(ctx);
}

/* The same build at another path is the same toolchain. */
static void test_moved_toolchain_is_the_same(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    assert_int_equal(unlink(f->library), 0);
    snprintf(f->library, sizeof f->library, "%s/moved.so", f->compiler_dir);
    fixture_set_toolchain(f, "0123456789abcdef");
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    assert_int_equal(fixture_count(f, "identify"), 2);
    aiter_context_destroy(ctx);
}

/* The toolchain changes while a context lives: what the compile says counts, not what was expected.
 */
static void test_toolchain_changes_under_a_context(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 64);
    fixture_set_toolchain(f, "fedcba9876543210");
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    int starts = fixture_count(f, "start");
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    assert_int_equal(fixture_count(f, "start"), starts);
    aiter_context_destroy(ctx);
}

/* ---- No compiler ---- */

static void test_missing_compiler(void **state)
{
    fixture *f = *state;
    f->options.compiler = "/nowhere/aiter-compiler";
    aiter_context *ctx = fixture_context(f);
    run_fails(
        ctx, AITER_ERROR_COMPILER_MISSING,
        "'fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=none gqa=4 lse=1' is not in the "
        "cache");
    assert_non_null(strstr(aiter_last_error(), "/nowhere/aiter-compiler"));
    char command[600];
    snprintf(command, sizeof command,
             "aiter-precompile --cache-dir %s 'fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 ",
             f->cache_dir);
    assert_non_null(strstr(aiter_last_error(), command));
    aiter_context_destroy(ctx);
}

static void test_compiler_without_rocm(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "no-toolchain");
    aiter_context *ctx = fixture_context(f);
    run_fails(ctx, AITER_ERROR_COMPILER_MISSING, "libhiprtc.so was looked for in vain");
    aiter_context_destroy(ctx);
}

/* What another machine's compiler left in the cache is found although this machine has none. */
static void test_warm_cache_needs_no_compiler(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    assert_int_equal(unlink(f->library), 0);
    f->options.compiler = "/nowhere/aiter-compiler";
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    input in;
    input_init_dim(&in, 64);
    assert_failed(aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_COMPILER_MISSING, "hdqk=64");
    aiter_context_destroy(ctx);
}

/* ---- A compiler that fails ---- */

static void test_rejected_source(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "reject");
    aiter_context *ctx = fixture_context(f);
    for (int i = 0; i < 3; i++)
        run_fails(
            ctx, AITER_ERROR_COMPILE_FAILED,
            "the compile of fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=none gqa=4 "
            "lse=1 was rejected: "
            "templates/x.hip:7:1: error: unknown type name 'flaot'");
    assert_int_equal(fixture_count(f, "compile rejected"), 1); /* remembered */
    assert_int_equal(fixture_stats(ctx).compile_failures, 1);
    assert_non_null(strstr(f->log, "ERROR compiling fmha_fwd"));
    assert_non_null(strstr(f->log, "unknown type name 'flaot'"));
    fixture_compiler_mode(f, "ok");
    run_ok(ctx, 64); /* others still compile */
    aiter_context_destroy(ctx);
    ctx = fixture_context(f); /* and nothing of it is on disk */
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
}

/* The toolchain answers, then breaks: so that the compile fails, not the identification. */
static aiter_context *context_with_known_toolchain(fixture *f)
{
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 64);
    return ctx;
}

static void breaks(fixture *f, const char *mode, aiter_status status, const char *message)
{
    aiter_context *ctx = context_with_known_toolchain(f);
    fixture_compiler_mode(f, mode);
    run_fails(ctx, status, message);
    run_fails(ctx, status, message);
    assert_int_equal(fixture_stats(ctx).compile_failures, 1); /* no second attempt so soon */
    fixture_compiler_mode(f, "ok");
    run_ok(ctx, 96);
    aiter_context_destroy(ctx);
}

static void test_crash(void **state)
{
    breaks(*state, "crash", AITER_ERROR_COMPILER_DIED, "last words before the crash");
}

static void test_exit(void **state)
{
    breaks(*state, "exit", AITER_ERROR_COMPILER_DIED, "exited with status 7");
}

static void test_garbage(void **state)
{
    breaks(*state, "garbage", AITER_ERROR_COMPILER_DIED, "garbage");
}

static void test_hang(void **state)
{
    fixture *f = *state;
    f->options.compile_timeout_ms = 1000;
    breaks(f, "hang", AITER_ERROR_COMPILER_TIMEOUT, "1000 ms");
}

static void test_crash_during_identification(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "crash");
    aiter_context *ctx = fixture_context(f);
    run_fails(ctx, AITER_ERROR_COMPILER_DIED, "last words before the crash");
    aiter_context_destroy(ctx);
}

/* Code that does not fit what the generator says of it is never launched. */
static void test_wrong_kernel(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "wrong-kernel");
    aiter_context *ctx = fixture_context(f);
    run_fails(ctx, AITER_ERROR_INTERNAL, "the code object has no kernel fmha_fwd_gfx942");
    assert_int_equal(f->hip->loads, 0);
    aiter_context_destroy(ctx);
}

static void test_too_few_arguments(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "short-kernarg");
    aiter_context *ctx = fixture_context(f);
    run_fails(ctx, AITER_ERROR_INTERNAL, "takes 16 bytes of arguments, expected at least 172");
    aiter_context_destroy(ctx);
}

static void test_malformed_identity(void **state)
{
    fixture *f = *state;
    char path[400];
    snprintf(path, sizeof path, "%s/identity", f->compiler_dir);
    write_text(path, "no-identity-at-all\n");
    aiter_context *ctx = fixture_context(f);
    run_fails(ctx, AITER_ERROR_COMPILER_DIED, "gave a malformed identity: no-identity-at-all");
    aiter_context_destroy(ctx);
}

/* ---- Bad records ---- */

typedef struct replacing {
    char *key;
    const char *wanted;
} replacing;

static int find_key(void *user, const cache_record *record)
{
    replacing *r = user;
    if (!r->key && !record->defect && strncmp(record->key, r->wanted, strlen(r->wanted)) == 0)
        r->key = strdup(record->key);
    return 0;
}

/* Overwrites the first record whose key starts so, with an intact record of other bytes. */
static void replace_record(const fixture *f, const char *key_start, const char *bytes)
{
    cache_store *store;
    char why[512];
    replacing r = { NULL, key_start };
    assert_int_equal(cache_open(&store, f->cache_dir, 0, why, sizeof why), CACHE_OK);
    assert_int_equal(cache_each(store, find_key, &r, why, sizeof why), CACHE_OK);
    assert_non_null(r.key);
    assert_int_equal(cache_put(store, r.key, bytes, strlen(bytes), why, sizeof why), CACHE_OK);
    cache_close(store);
    free(r.key);
}

static void bad_record_is_a_miss(fixture *f, const char *bytes)
{
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    replace_record(f, "aiter code", bytes);
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 0, 1);
    assert_non_null(strstr(f->log, "WARNING the cached code object of fmha_fwd"));
    aiter_context_destroy(ctx);
    ctx = fixture_context(f); /* and it was repaired */
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    aiter_context_destroy(ctx);
}

static void test_short_record(void **state)
{
    bad_record_is_a_miss(*state, "short");
}

static void test_foreign_record(void **state)
{
    bad_record_is_a_miss(*state, "forty-eight bytes of something else altogether!!");
}

static void test_bad_toolchain_record(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    run_ok(ctx, 128);
    aiter_context_destroy(ctx);
    replace_record(f, "aiter toolchain 1\nprogram", "what is this");
    ctx = fixture_context(f);
    run_ok(ctx, 128);
    assert_stats(ctx, 0, 1, 0);
    assert_int_equal(fixture_count(f, "identify"), 2);
    aiter_context_destroy(ctx);
}

/* ---- At the same time ---- */

enum { NUM_THREADS = 8 };

typedef struct worker {
    pthread_t thread;
    aiter_context *ctx;
    int head_dim;
    aiter_status status;
} worker;

static void *work(void *user)
{
    worker *w = user;
    input in;
    input_init_dim(&in, w->head_dim);
    aiter_plan *plan;
    w->status = aiter_prepare(w->ctx, &in.args, &plan);
    if (w->status == AITER_OK) {
        w->status = aiter_launch(plan, &in.args);
        aiter_plan_destroy(plan);
    }
    return NULL;
}

static void run_threads(aiter_context *const *contexts, int first_dim, int step)
{
    worker workers[NUM_THREADS];
    for (int i = 0; i < NUM_THREADS; i++) {
        workers[i] = (worker){ .ctx = contexts[i], .head_dim = first_dim + i * step };
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < NUM_THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].status, AITER_OK);
    }
}

static void share(aiter_context *ctx, aiter_context *contexts[NUM_THREADS])
{
    for (int i = 0; i < NUM_THREADS; i++)
        contexts[i] = ctx;
}

static void test_threads_compile_one_configuration_once(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f), *contexts[NUM_THREADS];
    fixture_compiler_mode(f, "slow");
    share(ctx, contexts);
    run_threads(contexts, 128, 0);
    assert_int_equal(fixture_count(f, "compile"), 1);
    assert_stats(ctx, NUM_THREADS - 1, 0, 1);
    assert_int_equal(f->hip->loads, 1);
    aiter_context_destroy(ctx);
}

static void test_threads_without_a_cache_compile_once(void **state)
{
    fixture *f = *state;
    f->options.no_cache = 1;
    aiter_context *ctx = fixture_context(f), *contexts[NUM_THREADS];
    fixture_compiler_mode(f, "slow");
    share(ctx, contexts);
    run_threads(contexts, 128, 0);
    assert_int_equal(fixture_count(f, "compile"), 1);
    aiter_context_destroy(ctx);
}

/* Eight compiles of 0.3 s by four helpers take two rounds, not eight. */
static void test_configurations_compile_in_parallel(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f), *contexts[NUM_THREADS];
    fixture_compiler_mode(f, "slow");
    share(ctx, contexts);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    run_threads(contexts, 64, 8);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(fixture_count(f, "compile"), NUM_THREADS);
    assert_stats(ctx, 0, 0, NUM_THREADS);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    assert_true(seconds < 0.3 * NUM_THREADS);
    assert_int_equal(fixture_count(f, "start"), 4);
    aiter_context_destroy(ctx);
}

/* Contexts of their own (as for several devices) share the cache's single flight. */
static void test_contexts_compile_once(void **state)
{
    fixture *f = *state;
    aiter_context *contexts[NUM_THREADS];
    fixture_compiler_mode(f, "slow");
    for (int i = 0; i < NUM_THREADS; i++)
        contexts[i] = fixture_context(f);
    run_threads(contexts, 128, 0);
    assert_int_equal(fixture_count(f, "compile"), 1);
    for (int i = 0; i < NUM_THREADS; i++)
        aiter_context_destroy(contexts[i]);
}

static void test_processes_compile_once(void **state)
{
    fixture *f = *state;
    enum { PROCESSES = 4 };
    pid_t pids[PROCESSES];
    fixture_compiler_mode(f, "slow");
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            aiter_context *ctx;
            input in;
            input_init(&in);
            bool good = aiter_context_create(&ctx, &f->options) == AITER_OK &&
                        aiter_flash_attn_func(ctx, &in.args) == AITER_OK;
            aiter_context_destroy(ctx);
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(fixture_count(f, "compile"), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cold_then_table),
        T(test_warm_starts_no_compiler),
        T(test_new_toolchain_compiles_again),
        T(test_moved_toolchain_is_the_same),
        T(test_toolchain_changes_under_a_context),
        T(test_missing_compiler),
        T(test_compiler_without_rocm),
        T(test_warm_cache_needs_no_compiler),
        T(test_rejected_source),
        T(test_crash),
        T(test_exit),
        T(test_garbage),
        T(test_hang),
        T(test_crash_during_identification),
        T(test_wrong_kernel),
        T(test_too_few_arguments),
        T(test_malformed_identity),
        T(test_short_record),
        T(test_foreign_record),
        T(test_bad_toolchain_record),
        T(test_threads_compile_one_configuration_once),
        T(test_threads_without_a_cache_compile_once),
        T(test_configurations_compile_in_parallel),
        T(test_contexts_compile_once),
        T(test_processes_compile_once),
    };
    return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
