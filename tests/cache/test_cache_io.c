/* Every system call of a store that touches the data file fails in turn, or is the last before the
 * process dies. */
#include "cache_support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cache/fault.h"

/* A store with history: free pages, several levels. */
static cache_store *filled_store(fixture *f)
{
    cache_store *s = open_store(f);
    char key[32];

    for (uint32_t i = 0; i < 150; i++) {
        snprintf(key, sizeof key, "key %u", i % 100);
        put_value(f, s, key, i % 100, i % 5 ? 700 : 9000);
    }
    put_value(f, s, "subject", 1, 30000);
    return s;
}

static void expect_others(fixture *f, cache_store *s)
{
    char key[32];

    for (uint32_t i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key %u", i);
        expect_hit(f, s, key, i, i % 5 ? 700 : 9000);
    }
}

/* The subject's value is the old or the new one. Returns its generation. */
static int64_t subject(fixture *f, cache_store *s)
{
    void *v;
    size_t n;

    assert_int_equal(cache_get(s, "subject", &v, &n, f->err, sizeof f->err), CACHE_OK);
    int64_t generation = value_generation("subject", v, n);
    free(v);
    return generation;
}

/* Fails call 1, then call 2 ..., until a store makes fewer calls. Returns how many failed. */
static int fail_each_call(fixture *f, cache_store *s, fault kind, int error)
{
    uint32_t generation = 1;

    for (int call = 1;; call++) {
        void *v = make_value("subject", generation + 1, 30000);
        fault_arm(kind, CALL_WRITE, error, call);
        cache_status status = cache_put(s, "subject", v, 30000, f->err, sizeof f->err);
        bool happened = fault_disarm();
        free(v);
        if (!happened && status == CACHE_OK && subject(f, s) == generation + 1)
            return call - 1;
        assert_int_equal(subject(f, s), status == CACHE_OK ? generation + 1 : generation);
        if (kind == FAULT_FAIL && status != CACHE_OK && !strstr(f->err, strerror(error)))
            fail_msg("expected '%s' in: %s", strerror(error), f->err);
        expect_others(f, s);
        assert_false(exists(f, "code.lmdb.damaged"));
        put_value(f, s, "subject", ++generation, 30000);
        expect_others(f, s);
    }
}

static void a_failed_call_keeps_the_old_value(void **state)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    fixture *f = *state;
    cache_store *s = filled_store(f);

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        put_value(f, s, "subject", 1, 30000);
        int failed = fail_each_call(f, s, FAULT_FAIL, errors[i]);
        print_message("%d calls failed with '%s'\n", failed, strerror(errors[i]));
        assert_true(failed >= 3); /* pages, the sync, the meta page */
    }
    cache_close(s);
}

static void a_short_write_keeps_the_old_value(void **state)
{
    fixture *f = *state;
    cache_store *s = filled_store(f);

    assert_true(fail_each_call(f, s, FAULT_SHORT, EIO) >= 3);
    cache_close(s);
}

static void the_first_store_may_fail_too(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);

    for (int call = 1;; call++) {
        for (fault kind = FAULT_FAIL; kind <= FAULT_SHORT; kind++) {
            fault_arm(kind, CALL_WRITE, ENOSPC, call);
            cache_status status = cache_put(s, "key", "value", 5, f->err, sizeof f->err);
            bool happened = fault_disarm();
            if (!happened && status == CACHE_OK) {
                assert_true(call > 4); /* the new file's meta pages and then as above */
                cache_close(s);
                return;
            }
            void *v;
            size_t n;
            cache_status found = cache_get(s, "key", &v, &n, f->err, sizeof f->err);
            assert_int_equal(found, status == CACHE_OK ? CACHE_OK : CACHE_MISS);
            free(v);
            put_value(f, s, "other", 1, 100);
            expect_hit(f, s, "other", 1, 100);
            char path[400];
            snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
            assert_int_equal(unlink(path), 0);
        }
    }
}

typedef struct last_call {
    int call;
    uint32_t generation;
} last_call;

static int put_and_die(fixture *f, void *arg)
{
    const last_call *l = arg;
    cache_store *s = open_store(f);
    void *v = make_value("subject", l->generation, 30000);

    fault_arm(FAULT_DIE, CALL_WRITE, 0, l->call);
    cache_put(s, "subject", v, 30000, f->err, sizeof f->err);
    return 0;
}

static void death_at_any_call_keeps_the_old_or_gives_the_new_value(void **state)
{
    fixture *f = *state;
    cache_store *s = filled_store(f);
    int status = 42;

    for (last_call l = {1, 2}; status == 42; l.call++, l.generation++) {
        status = wait_child(start_child(put_and_die, f, &l));
        assert_true(status == 42 || (status == 0 && l.call > 3));
        int64_t now = subject(f, s);
        assert_true(now == l.generation || (status == 42 && now == l.generation - 1));
        expect_others(f, s);
        put_value(f, s, "subject", l.generation, 30000);
        expect_others(f, s);
    }
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(a_failed_call_keeps_the_old_value),
        T(a_short_write_keeps_the_old_value),
        T(the_first_store_may_fail_too),
        T(death_at_any_call_keeps_the_old_or_gives_the_new_value),
#undef T
    };

    return cmocka_run_group_tests_name("cache I/O faults", tests, NULL, NULL);
}
