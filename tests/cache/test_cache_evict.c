/* The size limit and what goes when it is reached; when records were last used. */
#include "cache_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/internal.h"

enum { MIB = 1 << 20, SIZE = 30000 };

static uint64_t pretended_now;
static uint64_t pretend(void) { return pretended_now; }

static int set_clock(void **state)
{
    pretended_now = UINT64_C(1800000000000);
    cache_clock_hook = pretend;
    return fixture_setup(state);
}

static int reset_clock(void **state)
{
    cache_clock_hook = NULL;
    return fixture_teardown(state);
}

typedef struct evictions {
    int count;
    char keys[400][16];
} evictions;

static void note(void *user, const char *key, uint64_t bytes)
{
    evictions *e = user;

    assert_true(bytes >= SIZE);
    assert_true(e->count < 400);
    snprintf(e->keys[e->count++], 16, "%s", key);
}

static uint64_t file_size(const fixture *f)
{
    char path[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

static void name(char key[16], int i) { snprintf(key, 16, "key %d", i); }

/* In a child: what it stores is not in use by the test's process. Each is a millisecond younger. */
static int store_some(fixture *f, void *arg)
{
    const int *range = arg;
    cache_store *s = open_store(f);
    char key[16];

    for (int i = range[0]; i < range[1]; i++, pretended_now++) {
        name(key, i);
        put_value(f, s, key, 1, SIZE);
    }
    cache_close(s);
    return 0;
}

static void store_elsewhere(fixture *f, int from, int to)
{
    int range[2] = {from, to};

    assert_int_equal(wait_child(start_child(store_some, f, range)), 0);
    pretended_now += (uint64_t)(to - from);
}

static int use_one(fixture *f, void *arg)
{
    cache_store *s = open_store(f);
    char key[16];

    name(key, *(int *)arg);
    expect_hit(f, s, key, 1, SIZE);
    cache_close(s);
    return 0;
}

static bool has(fixture *f, cache_store *s, int i)
{
    char key[16], digest[CACHE_DIGEST_TEXT];
    unsigned char bytes[CACHE_DIGEST_SIZE];
    cache_found found;

    name(key, i);
    cache_digest(key, strlen(key), bytes);
    cache_digest_hex(key, strlen(key), digest);
    cache_status status = cache_find_digest(s, bytes, &found, (cache_err){f->err, sizeof f->err});
    assert_int_not_equal(status, CACHE_ERROR);
    free(found.bytes);
    return status == CACHE_OK;
}

static void the_file_stays_within_the_limit(void **state)
{
    fixture *f = *state;
    evictions e = {0};
    enum { LIMIT = 2 * MIB, BEFORE = 60 };

    store_elsewhere(f, 0, BEFORE);
    cache_store *s = open_store(f);
    cache_set_limit(s, LIMIT, note, &e);
    assert_true(file_size(f) < LIMIT);
    for (int i = BEFORE; i < BEFORE + 40; i++, pretended_now++) {
        char key[16];
        name(key, i);
        put_value(f, s, key, 1, SIZE);
        assert_true(file_size(f) <= LIMIT);
        expect_hit(f, s, key, 1, SIZE);
    }
    assert_true(e.count > 30 && e.count <= BEFORE);
    for (int i = 0; i < e.count; i++) { /* the oldest went, and nothing else */
        int number;
        assert_int_equal(sscanf(e.keys[i], "key %d", &number), 1);
        assert_true(number < e.count);
        assert_false(has(f, s, number));
    }
    for (int i = e.count; i < BEFORE + 40; i++)
        assert_true(has(f, s, i));
    cache_close(s);
}

static void what_was_used_lately_outlives_what_was_stored_later(void **state)
{
    fixture *f = *state;
    size_t removed;
    int used = 3;

    store_elsewhere(f, 0, 20);
    pretended_now += 100000;
    assert_int_equal(wait_child(start_child(use_one, f, &used)), 0);
    cache_store *s = open_store(f);
    assert_int_equal(cache_evict(s, 3 * 33000, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(removed, 17);
    for (int i = 0; i < 20; i++)
        assert_int_equal(has(f, s, i), i == 3 || i >= 18);
    cache_close(s);
}

static void a_clock_that_went_back_does_not_evict_what_is_in_use(void **state)
{
    fixture *f = *state;
    size_t removed;
    int used = 5;

    store_elsewhere(f, 0, 10);
    pretended_now -= UINT64_C(100000000000); /* three years */
    assert_int_equal(wait_child(start_child(use_one, f, &used)), 0);
    store_elsewhere(f, 10, 12);
    cache_store *s = open_store(f);
    assert_int_equal(cache_evict(s, 4 * 33000, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(removed, 8);
    for (int i = 0; i < 12; i++) /* of the others the latest */
        assert_int_equal(has(f, s, i), i == 5 || i >= 9);
    cache_close(s);
}

static void what_this_process_uses_stays(void **state)
{
    fixture *f = *state;
    enum { LIMIT = MIB };
    size_t removed;
    int stored = 0;
    char key[16];
    cache_status status;

    store_elsewhere(f, 0, 10);
    cache_store *s = open_store(f);
    cache_set_limit(s, LIMIT, NULL, NULL);
    expect_hit(f, s, "key 4", 1, SIZE);
    void *v = make_value("key 100", 1, SIZE);
    do {
        name(key, 100 + stored++);
        status = cache_put(s, key, v, SIZE, f->err, sizeof f->err);
    } while (status == CACHE_OK && stored < 100);
    free(v);
    assert_int_equal(status, CACHE_ERROR);
    assert_non_null(strstr(f->err, "the limit of 1048576 bytes is reached"));
    assert_true(stored > 20);
    assert_true(file_size(f) <= LIMIT);
    assert_true(has(f, s, 4));
    assert_false(has(f, s, 3));
    for (int i = 0; i < stored - 1; i++)
        assert_true(has(f, s, 100 + i));
    assert_int_equal(cache_evict(s, 0, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(removed, 0);
    cache_close(s);
    v = make_value("big", 1, LIMIT);
    s = open_store(f);
    cache_set_limit(s, LIMIT, NULL, NULL);
    assert_int_equal(cache_put(s, "big", v, LIMIT, f->err, sizeof f->err), CACHE_ERROR);
    assert_true(has(f, s, 4)); /* nothing is given up for what cannot fit */
    free(v);
    cache_close(s);
}

/* A file that outgrew a limit of later: the records shrink to it, whatever the file's size. */
static void a_lowered_limit_is_reached_by_evicting(void **state)
{
    fixture *f = *state;
    evictions e = {0};

    store_elsewhere(f, 0, 100);
    uint64_t before = file_size(f);
    assert_true(before > 3 * MIB);
    cache_store *s = open_store(f);
    cache_set_limit(s, MIB, note, &e);
    for (int i = 200; i < 215; i++, pretended_now++) {
        char key[16];
        name(key, i);
        put_value(f, s, key, 1, SIZE);
    }
    assert_true(file_size(f) <= before + 2 * MIB);
    assert_true(e.count > 0);
    cache_close(s);
}

static uint64_t used_time(fixture *f, cache_store *s, const char *key)
{
    unsigned char digest[CACHE_DIGEST_SIZE];

    (void)f;
    cache_digest(key, strlen(key), digest);
    return cache_used_time_ms(s, digest);
}

static void times_are_kept_to_the_minute_and_over_processes(void **state)
{
    fixture *f = *state;
    int used = 0;

    store_elsewhere(f, 0, 1);
    cache_store *s = open_store(f);
    uint64_t stored = used_time(f, s, "key 0");
    assert_int_equal(stored, pretended_now - 1);
    pretended_now = stored + 30000;
    expect_hit(f, s, "key 0", 1, SIZE);
    assert_int_equal(used_time(f, s, "key 0"), stored);
    pretended_now = stored + 100000;
    assert_int_equal(wait_child(start_child(use_one, f, &used)), 0);
    assert_int_equal(used_time(f, s, "key 0"), stored + 100000);
    pretended_now = 1000000; /* back */
    expect_hit(f, s, "key 0", 1, SIZE);
    assert_int_equal(used_time(f, s, "key 0"), 1000000);
    assert_int_equal(used_time(f, s, "key 1"), 0);
    cache_close(s);
}

/* Garbage in the side file, or another file in its place, spoils nothing but the order. */
static void the_side_file_may_hold_anything(void **state)
{
    fixture *f = *state;
    char path[400], target[400], garbage[5000];
    size_t removed, size;

    snprintf(path, sizeof path, "%s/used", f->dir);
    snprintf(target, sizeof target, "%s/precious", f->root);
    store_elsewhere(f, 0, 10);
    memset(garbage, 0xa5, sizeof garbage);
    write_whole(path, garbage, sizeof garbage);
    store_elsewhere(f, 10, 20);
    assert_int_equal(unlink(path), 0);
    write_whole(target, "precious", 8);
    assert_int_equal(symlink(target, path), 0);
    store_elsewhere(f, 20, 22);
    cache_store *s = open_store(f);
    expect_hit(f, s, "key 1", 1, SIZE);
    assert_int_equal(cache_evict(s, 5 * 33000, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(removed, 17);
    assert_true(has(f, s, 1));
    cache_close(s);
    char *bytes = read_whole(target, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
}

/* ---- Several at once ---- */

typedef struct churn {
    cache_store *store;
    int first;
    int failed;
} churn;

static void *store_and_find(void *arg)
{
    churn *c = arg;
    char key[16], err[300];

    for (int i = c->first; i < c->first + 12; i++) {
        name(key, i);
        void *v = make_value(key, 1, SIZE);
        size_t n;
        if (cache_put(c->store, key, v, SIZE, err, sizeof err) != CACHE_OK) {
            print_error("%s: %s\n", key, err);
            c->failed++;
        }
        free(v);
        c->failed += cache_get(c->store, key, &v, &n, err, sizeof err) != CACHE_OK ||
                     value_generation(key, v, n) != 1;
        free(v);
    }
    return NULL;
}

static int churn_in_threads(fixture *f, void *arg)
{
    churn c[4];
    pthread_t t[4];
    int failed = 0;
    cache_store *s = open_store(f);

    cache_set_limit(s, 6 * MIB, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        c[i] = (churn){.store = s, .first = 1000 * *(int *)arg + 100 * i};
        assert_int_equal(pthread_create(&t[i], NULL, store_and_find, &c[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        failed += c[i].failed;
    }
    cache_close(s);
    return failed;
}

/* Each finds again what it stored itself, though all evict what the others stored. */
static void processes_evict_side_by_side(void **state)
{
    fixture *f = *state;
    int numbers[3] = {1, 2, 3};
    pid_t pids[3];

    cache_clock_hook = NULL;
    cache_write_wait_ms = 60000; /* 12 threads in turns, on a disk that may take long to sync */
    store_elsewhere(f, 0, 150);
    for (int i = 0; i < 3; i++)
        pids[i] = start_child(churn_in_threads, f, &numbers[i]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wait_child(pids[i]), 0);
    cache_write_wait_ms = 5000;
    assert_true(file_size(f) <= 6 * MIB);
    assert_false(exists(f, "code.lmdb.damaged"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_clock, reset_clock)
        T(the_file_stays_within_the_limit),
        T(what_was_used_lately_outlives_what_was_stored_later),
        T(a_clock_that_went_back_does_not_evict_what_is_in_use),
        T(what_this_process_uses_stays),
        T(a_lowered_limit_is_reached_by_evicting),
        T(times_are_kept_to_the_minute_and_over_processes),
        T(the_side_file_may_hold_anything),
        T(processes_evict_side_by_side),
#undef T
    };

    return cmocka_run_group_tests_name("cache eviction", tests, NULL, NULL);
}
