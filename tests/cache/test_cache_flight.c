/* Single flight. */
#include "cache_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void one_holder_a_key_and_other_keys_are_free(void **state)
{
    fixture *f = *state;
    cache_flight *a, *b, *again;
    cache_store *s = open_store(f), *other = open_store(f);

    assert_int_equal(cache_flight_begin(s, "a", 0, &a), CACHE_OK);
    assert_int_equal(cache_flight_begin(s, "b", 0, &b), CACHE_OK);
    assert_int_equal(cache_flight_begin(s, "a", 0, &again), CACHE_TIMEOUT);
    assert_null(again);
    assert_int_equal(cache_flight_begin(other, "b", 0, &again), CACHE_TIMEOUT);
    put_value(f, s, "a", 1, 30000); /* a flight is no transaction */
    expect_hit(f, other, "a", 1, 30000);
    cache_flight_end(a);
    assert_int_equal(cache_flight_begin(other, "a", 0, &again), CACHE_OK);
    cache_flight_end(again);
    cache_flight_end(b);
    cache_flight_end(NULL);
    cache_close(s);
    cache_close(other);
}

static void waiting_ends_in_time(void **state)
{
    fixture *f = *state;
    cache_flight *a, *b;
    cache_store *s = open_store(f);

    assert_int_equal(cache_flight_begin(s, "a", 0, &a), CACHE_OK);
    double start = seconds();
    assert_int_equal(cache_flight_begin(s, "a", 300, &b), CACHE_TIMEOUT);
    double took = seconds() - start;
    assert_true(took >= 0.3);
    assert_int_equal(cache_flight_begin(s, "a", -5, &b), CACHE_TIMEOUT);
    cache_flight_end(a);
    cache_close(s);
}

/* ---- Look up, take the flight, look up again, make, store: what a user of the store does ---- */

typedef struct maker {
    fixture *f;
    const char *key;
    atomic_int *made; /* NULL: count in a file, for processes */
} maker;

/* Notes in the order of time: '(' begun, ')' done. */
static void note(const maker *m, char what)
{
    char path[400];

    if (m->made) {
        atomic_fetch_add(m->made, what == '(');
        return;
    }
    snprintf(path, sizeof path, "%s/made", m->f->root);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || write(fd, &what, 1) != 1)
        abort();
    close(fd);
}

static bool look_up(cache_store *s, const char *key)
{
    void *v;
    size_t n;
    bool found = cache_get(s, key, &v, &n, NULL, 0) == CACHE_OK &&
                 value_generation(key, v, n) == 42;

    free(v);
    return found;
}

static int get_or_make(const maker *m)
{
    cache_store *s;
    cache_flight *guard;

    if (cache_open(&s, m->f->dir, 0, NULL, 0) != CACHE_OK)
        return 1;
    if (!look_up(s, m->key)) {
        if (cache_flight_begin(s, m->key, 20000, &guard) != CACHE_OK)
            return 2;
        if (!look_up(s, m->key)) {
            note(m, '(');
            sleep_ms(100);
            note(m, ')');
            void *v = make_value(m->key, 42, 30000);
            if (cache_put(s, m->key, v, 30000, NULL, 0) != CACHE_OK)
                return 3;
            free(v);
        }
        cache_flight_end(guard);
    }
    int status = look_up(s, m->key) ? 0 : 4;
    cache_close(s);
    return status;
}

static void *make_in_thread(void *arg) { return (void *)(intptr_t)get_or_make(arg); }

static void threads_make_a_key_once(void **state)
{
    enum { THREADS = 16 };
    fixture *f = *state;
    atomic_int made = 0;
    maker m = {f, "key", &made};
    pthread_t t[THREADS];
    void *status;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, make_in_thread, &m), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], &status);
        assert_null(status);
    }
    assert_int_equal(made, 1);
}

static int make_in_child(fixture *f, void *arg)
{
    (void)f;
    return get_or_make(arg);
}

/* How many were made; *at_once: how many at the same time, at most. */
static int made_count(fixture *f, int *at_once)
{
    char path[400], *notes;
    size_t size;
    int made = 0, now = 0;

    snprintf(path, sizeof path, "%s/made", f->root);
    notes = read_whole(path, &size);
    *at_once = 0;
    for (size_t i = 0; i < size; i++) {
        made += notes[i] == '(';
        now += notes[i] == '(' ? 1 : -1;
        *at_once = now > *at_once ? now : *at_once;
    }
    free(notes);
    return made;
}

static void processes_make_a_key_once(void **state)
{
    enum { PROCESSES = 32 };
    fixture *f = *state;
    maker m = {f, "key", NULL};
    pid_t pids[PROCESSES];
    int at_once;

    for (int i = 0; i < PROCESSES; i++)
        pids[i] = start_child(make_in_child, f, &m);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(wait_child(pids[i]), 0);
    assert_int_equal(made_count(f, &at_once), 1);
}

static void processes_make_different_keys_side_by_side(void **state)
{
    enum { PROCESSES = 32 };
    fixture *f = *state;
    maker m[PROCESSES];
    char keys[PROCESSES][16];
    pid_t pids[PROCESSES];
    int at_once;

    for (int i = 0; i < PROCESSES; i++) {
        snprintf(keys[i], sizeof keys[i], "key %d", i);
        m[i] = (maker){f, keys[i], NULL};
        pids[i] = start_child(make_in_child, f, &m[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(wait_child(pids[i]), 0);
    assert_int_equal(made_count(f, &at_once), PROCESSES);
    assert_true(at_once > 1);
}

static int hold_until_killed(fixture *f, void *arg)
{
    cache_flight *guard;
    cache_store *s = open_store(f);

    if (cache_flight_begin(s, "key", 5000, &guard) != CACHE_OK)
        return 1;
    if (write(*(int *)arg, "x", 1) != 1)
        return 2;
    pause();
    return 0;
}

static void *wait_for_key(void *arg)
{
    cache_flight *guard = NULL;
    double start = seconds();

    if (cache_flight_begin(arg, "key", 20000, &guard) == CACHE_OK)
        cache_flight_end(guard);
    double *took = malloc(sizeof *took);
    *took = guard ? seconds() - start : -1;
    return took;
}

static void the_holders_death_frees_the_key_at_once(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    int fds[2];
    char byte;
    pthread_t t;
    void *took;

    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < 5; i++) {
        pid_t pid = start_child(hold_until_killed, f, &fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1);
        assert_int_equal(pthread_create(&t, NULL, wait_for_key, s), 0);
        sleep_ms(100);
        kill(pid, SIGKILL);
        assert_int_equal(wait_child(pid), 1000 + SIGKILL);
        pthread_join(t, &took);
        assert_true(*(double *)took >= 0 && *(double *)took < 10);
        free(took);
    }
    close(fds[0]);
    close(fds[1]);
    cache_close(s);
}

static int end_inherited_guard(fixture *f, void *arg)
{
    (void)f;
    cache_flight_end(arg);
    return 0;
}

/* The right to make a key is not passed on by fork, and a child cannot give it away. */
static void a_forked_child_does_not_end_the_parents_flight(void **state)
{
    fixture *f = *state;
    cache_flight *guard, *again;
    cache_store *s = open_store(f);

    assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
    assert_int_equal(wait_child(start_child(end_inherited_guard, f, guard)), 0);
    assert_int_equal(cache_flight_begin(s, "key", 0, &again), CACHE_TIMEOUT);
    cache_flight_end(guard);
    cache_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(one_holder_a_key_and_other_keys_are_free),
        T(waiting_ends_in_time),
        T(threads_make_a_key_once),
        T(processes_make_a_key_once),
        T(processes_make_different_keys_side_by_side),
        T(the_holders_death_frees_the_key_at_once),
        T(a_forked_child_does_not_end_the_parents_flight),
#undef T
    };

    return cmocka_run_group_tests_name("cache single flight", tests, NULL, NULL);
}
