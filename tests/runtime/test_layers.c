/* The caches on disk as a caller sees them: layers, policies, the limit, events, the record file.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

#define CONFIG "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=none gqa=4 lse=1"

static aiter_status run(aiter_context *ctx, int head_dim)
{
    input in;
    input_init_dim(&in, head_dim);
    return aiter_flash_attn_func(ctx, &in.args);
}

/* One context, one request; its statistics. */
static aiter_stats run_once(fixture *f, int head_dim)
{
    aiter_context *ctx = fixture_context(f);
    assert_ok(run(ctx, head_dim));
    aiter_stats stats = fixture_stats(ctx);
    aiter_context_destroy(ctx);
    return stats;
}

static void fails_once(fixture *f, aiter_status status, const char *message)
{
    aiter_context *ctx = fixture_context(f);
    assert_failed(run(ctx, 128), status, message);
    aiter_context_destroy(ctx);
}

static void refused(const fixture *f, const char *message)
{
    aiter_context *ctx = (void *)1;
    assert_failed(aiter_context_create(&ctx, &f->options), AITER_ERROR_INVALID_ARGUMENT, message);
    assert_null(ctx);
}

static bool exists(const char *dir, const char *name)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

/* Fills a cache below the fixture's directory with one kernel and makes it read-only. */
static void make_system_cache(fixture *f, char dir[400], const char *name, int head_dim)
{
    aiter_context_options kept = f->options;
    snprintf(dir, 400, "%s/%s", f->dir, name);
    f->options.cache_dir = dir;
    f->options.system_cache_dirs = ":";
    run_once(f, head_dim);
    f->options = kept;
    assert_int_equal(chmod(dir, 0555), 0);
}

/* ---- Layers ---- */

static void test_system_caches_are_read_and_not_copied(void **state)
{
    fixture *f = *state;
    char a[400], b[400], dirs[1300];
    make_system_cache(f, a, "a", 128);
    make_system_cache(f, b, "b", 64);
    snprintf(dirs, sizeof dirs, "%s/missing:%s::%s", f->dir, a, b);
    f->options.system_cache_dirs = dirs;
    for (int i = 0; i < 2; i++) { /* the second time just the same */
        aiter_context *ctx = fixture_context(f);
        assert_ok(run(ctx, 128));
        assert_ok(run(ctx, 64));
        aiter_stats stats = fixture_stats(ctx);
        assert_int_equal(stats.cache_hits, 2);
        assert_int_equal(stats.system_cache_hits, 2);
        assert_int_equal(stats.compiles + stats.cache_misses, 0);
        aiter_context_destroy(ctx);
    }
    assert_null(strstr(f->log, "WARNING"));
    assert_int_equal(fixture_count(f, "compile"), 2);
    run_once(f, 96); /* what neither has goes to the user's */
    f->options.system_cache_dirs = ":";
    aiter_stats stats = run_once(f, 96);
    assert_int_equal(stats.cache_hits, 1);
    assert_int_equal(stats.system_cache_hits, 0);
}

static void test_the_users_cache_comes_first(void **state)
{
    fixture *f = *state;
    char dir[400];
    make_system_cache(f, dir, "a", 128);
    run_once(f, 128);
    f->options.system_cache_dirs = dir;
    aiter_stats stats = run_once(f, 128);
    assert_int_equal(stats.cache_hits, 1);
    assert_int_equal(stats.system_cache_hits, 0);
}

static void test_the_environment_names_system_caches(void **state)
{
    fixture *f = *state;
    char dir[400], share[400], below[500];
    make_system_cache(f, dir, "a", 128);
    setenv("AITER_SYSTEM_CACHE_DIRS", dir, 1);
    assert_int_equal(run_once(f, 128).system_cache_hits, 1);
    unsetenv("AITER_SYSTEM_CACHE_DIRS");
    snprintf(share, sizeof share, "%s/share", f->dir);
    snprintf(below, sizeof below, "%s/aiter", share);
    assert_int_equal(mkdir(share, 0755) | mkdir(below, 0755), 0);
    snprintf(below, sizeof below, "%s/aiter/cache", share);
    assert_int_equal(rename(dir, below), 0);
    snprintf(below, sizeof below, "relative:/nowhere:%s:", share);
    setenv("XDG_DATA_DIRS", below, 1);
    assert_int_equal(run_once(f, 128).system_cache_hits, 1);
    unsetenv("XDG_DATA_DIRS");
    assert_int_equal(run_once(f, 128).system_cache_hits, 0);
}

static void test_a_system_cache_that_vanishes_is_a_miss(void **state)
{
    fixture *f = *state;
    char dir[400], away[500];
    make_system_cache(f, dir, "a", 128);
    f->options.system_cache_dirs = dir;
    aiter_context *ctx = fixture_context(f);
    snprintf(away, sizeof away, "rm -r '%s'", dir);
    assert_int_equal(chmod(dir, 0755) | system(away), 0);
    assert_ok(run(ctx, 128));
    assert_int_equal(fixture_stats(ctx).compiles, 1);
    aiter_context_destroy(ctx);
}

static void test_an_unsafe_system_cache_costs_a_warning(void **state)
{
    fixture *f = *state;
    char dir[400];
    make_system_cache(f, dir, "a", 128);
    assert_int_equal(chmod(dir, 0777), 0);
    f->options.system_cache_dirs = dir;
    assert_int_equal(run_once(f, 128).compiles, 1);
    assert_non_null(strstr(f->log, "WARNING a system cache cannot be used: cache '"));
    assert_non_null(strstr(f->log, "lets other users write"));
}

static void test_more_system_caches_than_are_used(void **state)
{
    fixture *f = *state;
    char dir[400], *dirs = calloc(20, 410);
    make_system_cache(f, dir, "a", 128);
    for (int i = 0; i < 17; i++)
        strcat(strcat(dirs, i ? ":" : ""), dir);
    f->options.system_cache_dirs = dirs;
    run_once(f, 128);
    assert_non_null(strstr(f->log, "is not used: expected at most 16"));
    free(dirs);
}

/* Each image was filled on another machine by another compiler, and here there is none. */
static void test_without_a_compiler_each_layer_goes_by_its_own_toolchain(void **state)
{
    fixture *f = *state;
    char a[400], b[400], dirs[900];
    make_system_cache(f, a, "a", 128);
    fixture_set_toolchain(f, "fedcba9876543210");
    make_system_cache(f, b, "b", 64);
    assert_int_equal(unlink(f->library), 0);
    f->options.compiler = "/nowhere/aiter-compiler";
    snprintf(dirs, sizeof dirs, "%s:%s", a, b);
    f->options.system_cache_dirs = dirs;
    aiter_context *ctx = fixture_context(f);
    assert_ok(run(ctx, 128));
    assert_ok(run(ctx, 64));
    assert_int_equal(fixture_stats(ctx).system_cache_hits, 2);
    assert_failed(run(ctx, 96), AITER_ERROR_COMPILER_MISSING, "is not in the cache ");
    aiter_context_destroy(ctx);
}

/* A cache that is part of a read-only image: hits are served, and nothing else goes wrong. */
static int use_unwritable(fixture *f)
{
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 99;
    aiter_context *ctx = fixture_context(f);
    assert_ok(run(ctx, 128));
    assert_int_equal(fixture_stats(ctx).cache_hits, 1);
    assert_non_null(strstr(f->log, "WARNING the cache cannot be written: "));
    aiter_context_destroy(ctx);
    return 0;
}

static void test_a_cache_that_cannot_be_written_is_read(void **state)
{
    fixture *f = *state;
    char path[500];
    int status;
    run_once(f, 128);
    assert_int_equal(chmod(f->dir, 0755) | chmod(f->cache_dir, 0555), 0);
    for (const char *const *name = (const char *const[]){ "code.lmdb", "lock", NULL }; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", f->cache_dir, *name);
        assert_int_equal(chmod(path, 0444), 0);
    }
    assert_int_equal(chmod(f->compiler_dir, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        alarm(60);
        _exit(use_unwritable(f));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- Policies ---- */

static void test_read_only_compiles_and_writes_nothing(void **state)
{
    fixture *f = *state;
    f->options.cache_policy = AITER_CACHE_READ_ONLY;
    assert_int_equal(run_once(f, 128).compiles, 1);
    assert_false(exists(f->cache_dir, ""));
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    run_once(f, 64);
    f->options.cache_policy = AITER_CACHE_READ_ONLY;
    assert_int_equal(run_once(f, 64).cache_hits, 1);
    assert_int_equal(run_once(f, 128).compiles, 1);
    assert_int_equal(run_once(f, 128).compiles, 1);
    assert_null(strstr(f->log, "WARNING"));
}

static void test_offline_names_what_is_missing_and_what_warms_it(void **state)
{
    fixture *f = *state;
    char message[1200];
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    snprintf(message, sizeof message,
             "'" CONFIG "' is not in the cache, and cannot be compiled: the policy is offline. "
             "Where there is a compiler, this puts it there: aiter-precompile --cache-dir %s "
             "'" CONFIG "'",
             f->cache_dir);
    fails_once(f, AITER_ERROR_NOT_CACHED, message);
    assert_int_equal(fixture_count(f, "start"), 0);
    assert_false(exists(f->cache_dir, ""));
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    run_once(f, 128);
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    int started = fixture_count(f, "start");
    assert_int_equal(run_once(f, 128).cache_hits, 1);
    /* The toolchain's files are gone or others: what was made goes on serving. */
    assert_int_equal(unlink(f->library), 0);
    assert_int_equal(run_once(f, 128).cache_hits, 1);
    f->options.compiler = "/another/aiter-compiler";
    assert_int_equal(run_once(f, 128).cache_hits, 1);
    assert_int_equal(fixture_count(f, "start"), started);
}

/* The miss is not remembered: the operator warms, and the server goes on. */
static void test_offline_sees_what_is_warmed_later(void **state)
{
    fixture *f = *state;
    run_once(f, 64);
    aiter_context_options online = f->options;
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    aiter_context *ctx = fixture_context(f);
    assert_failed(run(ctx, 128), AITER_ERROR_NOT_CACHED, "is not in the cache ");
    assert_int_equal(fixture_stats(ctx).cache_misses, 1);
    aiter_warmer *warmer;
    assert_ok(aiter_warmer_create(&warmer, &online));
    assert_ok(aiter_warm(warmer, CONFIG, NULL));
    aiter_warmer_destroy(warmer);
    assert_ok(run(ctx, 128));
    aiter_context_destroy(ctx);
}

/* The command line is one that a shell takes as it is. */
static void test_the_command_is_quoted(void **state)
{
    fixture *f = *state;
    char dir[400], command[1200], *at;
    snprintf(dir, sizeof dir, "%s/it's a $(cache)", f->dir);
    f->options.cache_dir = dir;
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    fails_once(f, AITER_ERROR_NOT_CACHED, "aiter-precompile --cache-dir '");
    at = strstr(aiter_last_error(), "aiter-precompile ");
    assert_non_null(at);
    snprintf(command, sizeof command, "set -- %s; test \"$2\" = \"$DIR\" && test \"$3\" = '%s'",
             at + strlen("aiter-precompile "), CONFIG);
    setenv("DIR", dir, 1);
    assert_int_equal(system(command), 0); /* set -- takes the options as $1 ... */
    unsetenv("DIR");
}

static void test_memory_reads_and_writes_nothing(void **state)
{
    fixture *f = *state;
    char dir[400];
    make_system_cache(f, dir, "a", 128);
    f->options.system_cache_dirs = dir;
    f->options.cache_policy = AITER_CACHE_MEMORY;
    aiter_stats stats = run_once(f, 128);
    assert_int_equal(stats.compiles, 1);
    assert_int_equal(stats.cache_hits, 0);
    assert_false(exists(f->cache_dir, ""));
}

static void test_the_environment_sets_the_policy(void **state)
{
    fixture *f = *state;
    setenv("AITER_CACHE_POLICY", "offline", 1);
    fails_once(f, AITER_ERROR_NOT_CACHED, "the policy is offline");
    f->options.cache_policy = AITER_CACHE_READ_WRITE; /* the option goes first */
    run_once(f, 128);
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    f->options.no_cache = 1;
    assert_int_equal(run_once(f, 128).compiles, 1);
    f->options.no_cache = 0;
    setenv("AITER_CACHE_POLICY", "Read-Only", 1);
    refused(f, "AITER_CACHE_POLICY is \"Read-Only\": expected read-write, read-only, offline or "
               "memory");
    setenv("AITER_CACHE_POLICY", "", 1);
    run_once(f, 128);
    unsetenv("AITER_CACHE_POLICY");
}

static void test_policies_that_are_refused(void **state)
{
    fixture *f = *state;
    aiter_warmer *warmer;
    f->options.cache_policy = (aiter_cache_policy)5;
    refused(f, "options.cache_policy is 5: expected an aiter_cache_policy, 0 to 4");
    f->options.cache_policy = AITER_CACHE_OFFLINE;
    f->options.no_cache = 1;
    refused(f, "options.no_cache is 1 and options.cache_policy is 3 (offline)");
    f->options.no_cache = 0;
    assert_failed(aiter_warmer_create(&warmer, &f->options), AITER_ERROR_INVALID_ARGUMENT,
                  "options.cache_policy is offline: a warmer stores");
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    setenv("AITER_CACHE_POLICY", "read-only", 1);
    assert_failed(aiter_warmer_create(&warmer, &f->options), AITER_ERROR_INVALID_ARGUMENT,
                  "AITER_CACHE_POLICY is read-only: a warmer stores");
    unsetenv("AITER_CACHE_POLICY");
}

/* ---- Events ---- */

typedef struct heard {
    char text[8192];
    pthread_mutex_t lock;
} heard;

static void hear(void *user, const aiter_event *e)
{
    static const char *const kinds[] = { "?", "hit", "miss", "start", "end", "store-failure",
                                         "eviction" };
    static const char *const layers[] = { "", " user", " system" };
    heard *h = user;
    pthread_mutex_lock(&h->lock);
    assert_true(e->size >= sizeof *e && e->kind >= 1 && e->kind <= AITER_EVENT_EVICTION);
    assert_int_equal(e->kind == AITER_EVENT_COMPILE_END, e->ns > 0);
    assert_int_equal(e->layer != AITER_LAYER_NONE, e->kind == AITER_EVENT_HIT);
    const char *hdqk = e->config ? strstr(e->config, "hdqk=") : "hdqk=none ";
    assert_non_null(hdqk);
    size_t used = strlen(h->text);
    snprintf(h->text + used, sizeof h->text - used, "%s%s %.*s%s%s\n", kinds[e->kind],
             layers[e->layer], (int)strcspn(hdqk, " "), hdqk, e->status ? " failed: " : "",
             e->status ? e->message : "");
    pthread_mutex_unlock(&h->lock);
}

static heard *listen(fixture *f)
{
    heard *h = calloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    f->options.event = hear;
    f->options.event_user = h;
    return h;
}

static void test_events_tell_the_story(void **state)
{
    fixture *f = *state;
    char dir[400];
    make_system_cache(f, dir, "a", 64);
    f->options.system_cache_dirs = dir;
    heard *h = listen(f);
    aiter_context *ctx = fixture_context(f);
    assert_ok(run(ctx, 128));
    assert_ok(run(ctx, 128)); /* from the table: no event */
    assert_ok(run(ctx, 64));
    aiter_context_destroy(ctx);
    run_once(f, 128);
    fixture_compiler_mode(f, "reject");
    ctx = fixture_context(f);
    assert_failed(run(ctx, 96), AITER_ERROR_COMPILE_FAILED, "");
    assert_failed(run(ctx, 96), AITER_ERROR_COMPILE_FAILED, ""); /* remembered: no event */
    aiter_context_destroy(ctx);
    char *message = strstr(h->text, " failed: ");
    assert_non_null(message);
    assert_non_null(strstr(message, "unknown type name 'flaot'"));
    *message = '\0';
    assert_string_equal(h->text, "miss hdqk=128\nstart hdqk=128\nend hdqk=128\nhit system hdqk=64\n"
                                 "hit user hdqk=128\nmiss hdqk=96\nstart hdqk=96\nend hdqk=96");
    free(h);
}

static void test_a_store_that_fails_is_an_event(void **state)
{
    fixture *f = *state;
    char path[500];
    heard *h = listen(f);
    run_once(f, 64);
    h->text[0] = '\0';
    aiter_context *ctx = fixture_context(f);
    snprintf(path, sizeof path, "%s/code.lmdb", f->cache_dir);
    assert_int_equal(unlink(path) | symlink("/nowhere", path), 0);
    assert_ok(run(ctx, 128));
    assert_int_equal(fixture_stats(ctx).store_failures, 1);
    assert_string_equal(h->text,
                        "miss hdqk=128\nstart hdqk=128\nend hdqk=128\nstore-failure hdqk=128\n");
    aiter_context_destroy(ctx);
    free(h);
}

/* In a process of its own: what this one stores, it would not evict. */
static void fill_elsewhere(fixture *f)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        aiter_context *ctx = fixture_context(f);
        for (int d = 8; d <= 256; d += 8)
            assert_ok(run(ctx, d));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_evictions_are_events_and_counted(void **state)
{
    fixture *f = *state;
    f->options.cache_max_bytes = 1 << 20;
    fixture_compiler_mode(f, "large"); /* 32 of them are more than the limit */
    heard *h = listen(f);
    fill_elsewhere(f);
    f->options.device = 1; /* another arch: all anew */
    aiter_context *ctx = fixture_context(f);
    input in;
    for (int d = 8; d <= 64; d += 8) {
        input_init_dim(&in, d);
        for (int t = 0; t < NUM_TENSORS; t++)
            in.tensor[t].device.device_id = 1;
        assert_ok(aiter_flash_attn_func(ctx, &in.args));
    }
    aiter_stats stats = fixture_stats(ctx);
    assert_true(stats.evictions > 0);
    assert_int_equal(stats.store_failures, 0);
    size_t count = 0;
    for (const char *at = h->text; (at = strstr(at, "eviction hdqk=")); at++)
        count++;
    assert_int_equal(count, stats.evictions);
    aiter_context_destroy(ctx);
    free(h);
}

/* ---- The limit's spelling ---- */

static void test_limits_that_are_refused(void **state)
{
    static const char *const bad[] = { "12", "1MB", "-1", " 2097152", "2097152 ", "G", "1e9",
                                       "99999999999999999999", "99999999999G", "Unlimited" };
    static const char *const good[] = { "1048576", "1M", "2048K", "3G", "unlimited", "" };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("AITER_CACHE_MAX_BYTES", bad[i], 1);
        refused(f, "AITER_CACHE_MAX_BYTES is ");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        setenv("AITER_CACHE_MAX_BYTES", good[i], 1);
        aiter_context_destroy(fixture_context(f));
    }
    unsetenv("AITER_CACHE_MAX_BYTES");
    f->options.cache_max_bytes = 1000;
    refused(f, "options.cache_max_bytes is 1000: expected at least 1048576 bytes");
    f->options.cache_max_bytes = UINT64_MAX;
    aiter_context_destroy(fixture_context(f));
}

/* ---- The record file ---- */

static char *read_text(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) < 65535);
    fclose(file);
    return text;
}

static void test_configurations_are_recorded_once(void **state)
{
    fixture *f = *state;
    char path[400];
    snprintf(path, sizeof path, "%s/manifest", f->dir);
    write_text(path, "# mine\n");
    setenv("AITER_RECORD", path, 1);
    run_once(f, 128);
    unsetenv("AITER_RECORD");
    f->options.record_file = path;
    run_once(f, 128);
    f->options.cache_policy = AITER_CACHE_OFFLINE; /* what is missing, above all, is recorded */
    aiter_context *ctx = fixture_context(f);
    assert_failed(run(ctx, 64), AITER_ERROR_NOT_CACHED, "");
    assert_failed(run(ctx, 64), AITER_ERROR_NOT_CACHED, "");
    aiter_context_destroy(ctx);
    char *text = read_text(path);
    assert_string_equal(text, "# mine\n" CONFIG "\nfmha_fwd arch=gfx942 dtype=bf16 hdqk=64 hdv=64 "
                              "mask=none gqa=4 lse=1\n");
    free(text);
    f->options.cache_policy = AITER_CACHE_DEFAULT;
    f->options.hip_runtime = NULL;
    aiter_warmer *warmer; /* does not count as traffic */
    assert_ok(aiter_warmer_create(&warmer, &f->options));
    assert_ok(aiter_warm(warmer, "fmha_fwd arch=gfx942 dtype=bf16 hdqk=32", NULL));
    aiter_warmer_destroy(warmer);
    text = read_text(path);
    assert_null(strstr(text, "hdqk=32"));
    free(text);
}

static void test_a_record_that_fails_is_a_warning(void **state)
{
    fixture *f = *state;
    char path[400];
    snprintf(path, sizeof path, "%s/no/such/dir", f->dir);
    f->options.record_file = path;
    run_once(f, 128);
    assert_non_null(strstr(f->log, "WARNING " CONFIG " could not be recorded in "));
    snprintf(path, sizeof path, "%s/fifo", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    run_once(f, 64); /* nobody reads it: neither waits nor dies */
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    run_once(f, 96);
    close(fd);
    f->options.record_file = "/dev/full";
    run_once(f, 32);
}

static void *record_all(void *user)
{
    aiter_context *ctx = fixture_context(user);
    for (int d = 8; d <= 256; d += 8)
        assert_ok(run(ctx, d));
    aiter_context_destroy(ctx);
    return NULL;
}

/* Four contexts on four threads, and another process at the same time. */
static void test_lines_stay_whole(void **state)
{
    fixture *f = *state;
    char path[400], line[300];
    int status, lines = 0;
    pthread_t threads[4];
    snprintf(path, sizeof path, "%s/manifest", f->dir);
    f->options.record_file = path;
    f->options.log = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100);
        record_all(f);
        _exit(0);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_all, f), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    FILE *file = fopen(path, "r");
    for (; fgets(line, sizeof line, file); lines++) {
        int d, e;
        char end;
        assert_int_equal(sscanf(line,
                                "fmha_fwd arch=gfx942 dtype=bf16 hdqk=%d hdv=%d mask=none gqa=4 "
                                "lse=1%c",
                                &d, &e, &end),
                         3);
        assert_true(d == e && d % 8 == 0 && end == '\n');
    }
    fclose(file);
    assert_int_equal(lines, 64); /* 32 each, whatever the number of contexts */
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_system_caches_are_read_and_not_copied),
        T(test_the_users_cache_comes_first),
        T(test_the_environment_names_system_caches),
        T(test_a_system_cache_that_vanishes_is_a_miss),
        T(test_an_unsafe_system_cache_costs_a_warning),
        T(test_more_system_caches_than_are_used),
        T(test_without_a_compiler_each_layer_goes_by_its_own_toolchain),
        T(test_a_cache_that_cannot_be_written_is_read),
        T(test_read_only_compiles_and_writes_nothing),
        T(test_offline_names_what_is_missing_and_what_warms_it),
        T(test_offline_sees_what_is_warmed_later),
        T(test_the_command_is_quoted),
        T(test_memory_reads_and_writes_nothing),
        T(test_the_environment_sets_the_policy),
        T(test_policies_that_are_refused),
        T(test_events_tell_the_story),
        T(test_a_store_that_fails_is_an_event),
        T(test_evictions_are_events_and_counted),
        T(test_limits_that_are_refused),
        T(test_configurations_are_recorded_once),
        T(test_a_record_that_fails_is_a_warning),
        T(test_lines_stay_whole),
    };
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
