/* Several processes on one store; forks; directories that vanish; locks that somebody else holds.
 * tests/proof has them do random things. */
#include "cache_support.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/internal.h"

static int read_without_end(fixture *f, void *arg)
{
    cache_store *s = open_store(f);

    for (;;) {
        right_or_miss(f, s, arg);
        right_or_miss(f, s, "missing"); /* a miss is only certain under the lock */
    }
    return 0;
}

/* Readers in tight loops must not keep a writer out. */
static void busy_readers_do_not_starve_a_writer(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    pid_t pids[6];

    put_value(f, s, "key", 0, 30000);
    for (int i = 0; i < 6; i++)
        pids[i] = start_child(read_without_end, f, "key");
    double start = seconds();
    for (uint32_t i = 1; i <= 50; i++) {
        put_value(f, s, "key", i, 30000);
        expect_hit(f, s, "key", i, 30000);
    }
    double took = seconds() - start;
    for (int i = 0; i < 6; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(wait_child(pids[i]), 1000 + SIGKILL);
    }
    print_message("50 stores among 6 busy readers: %.2f s\n", took);
    cache_close(s);
}

/* Reads as the documented protocol says, but stays inside for long: gate shared, data shared, gate
 * released. */
static int stay_inside_by_turns(fixture *f, void *arg)
{
    char path[400];
    struct flock gate = {.l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct flock data = {.l_whence = SEEK_SET, .l_start = 1, .l_len = 1};

    snprintf(path, sizeof path, "%s/lock", f->dir);
    int fd = open(path, O_RDWR);
    sleep_ms(*(int *)arg);
    for (;;) {
        gate.l_type = data.l_type = F_RDLCK;
        if (fcntl(fd, F_OFD_SETLKW, &gate) || fcntl(fd, F_OFD_SETLKW, &data))
            return 1;
        gate.l_type = data.l_type = F_UNLCK;
        fcntl(fd, F_OFD_SETLK, &gate);
        sleep_ms(60);
        fcntl(fd, F_OFD_SETLK, &data);
    }
}

/* With three such readers somebody is always inside; only the gate lets a writer in. */
static void overlapping_readers_let_a_writer_in(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    int delays[3] = {0, 20, 40};
    pid_t pids[3];

    put_value(f, s, "key", 0, 100);
    for (int i = 0; i < 3; i++)
        pids[i] = start_child(stay_inside_by_turns, f, &delays[i]);
    sleep_ms(100);
    put_value(f, s, "key", 1, 100);
    expect_hit(f, s, "key", 1, 100);
    for (int i = 0; i < 3; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(wait_child(pids[i]), 1000 + SIGKILL);
    }
    cache_close(s);
}

/* ---- fork ---- */

typedef struct forked {
    cache_store *store;
    uint32_t n;
} forked;

/* Lives until the test closes its end of the pipe. */
static int linger_after_parent(fixture *f, void *arg)
{
    const int *fds = arg;
    struct pollfd reader_gone = {.fd = fds[1]};

    (void)f;
    close(fds[0]);
    if (write(fds[1], "x", 1) != 1)
        return 1;
    poll(&reader_gone, 1, -1);
    return 0;
}

/* Descriptors must not leak into children: a child that does nothing keeps no lock of a parent that
 * is killed. */
static int fork_then_die(fixture *f, void *arg)
{
    int *fds = arg;
    cache_store *s = open_store(f);
    cache_flight *guard;

    put_value(f, s, "key", 1, 100);
    if (cache_flight_begin(s, "key", 0, &guard) != CACHE_OK)
        return 1;
    start_child(linger_after_parent, f, fds);
    close(fds[0]);
    pause();
    return 0;
}

static void a_lingering_child_keeps_no_lock_of_its_dead_parent(void **state)
{
    fixture *f = *state;
    int fds[2];
    char byte;
    cache_flight *guard;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = start_child(fork_then_die, f, fds);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    cache_store *s = open_store(f);
    assert_int_equal(cache_flight_begin(s, "key", 50, &guard), CACHE_TIMEOUT);
    kill(pid, SIGKILL);
    assert_int_equal(wait_child(pid), 1000 + SIGKILL);
    assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
    cache_flight_end(guard);
    cache_close(s);
    close(fds[0]);
    close(fds[1]);
}

/* clone() as a system call runs no fork handlers: the child must see from its process id what it
 * is. */
static pid_t start_raw_child(child_fn fn, fixture *f, void *arg)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        alarm(120);
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        _exit(fn(f, arg));
    }
    assert_true(pid > 0);
    return pid;
}

static int put_many(fixture *f, void *arg)
{
    forked *p = arg;
    char key[32];

    for (uint32_t i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "%s %u", p->n ? "child" : "parent", i);
        put_value(f, p->store, key, i, 30000);
        expect_hit(f, p->store, key, i, 30000);
    }
    return 0;
}

/* Were the two to use one open file description, their locks would not exclude each other. */
static void a_child_made_past_the_fork_handlers_takes_its_own_locks(void **state)
{
    fixture *f = *state;
    forked parent = {open_store(f), 0}, child = {parent.store, 1};
    char key[32];

    put_value(f, parent.store, "before", 1, 30000);
    pid_t pid = start_raw_child(put_many, f, &child);
    put_many(f, &parent);
    assert_int_equal(wait_child(pid), 0);
    for (uint32_t i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "child %u", i);
        expect_hit(f, parent.store, key, i, 30000);
        snprintf(key, sizeof key, "parent %u", i);
        expect_hit(f, parent.store, key, i, 30000);
    }
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_close(parent.store);
}

/* It holds a copy of the flight's descriptor until it ends; the flight ends before. */
static void a_child_made_past_the_fork_handlers_keeps_no_flight(void **state)
{
    fixture *f = *state;
    int fds[2];
    char byte;
    cache_flight *guard;
    cache_store *s = open_store(f);

    assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = start_raw_child(linger_after_parent, f, fds);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    cache_flight_end(guard);
    assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
    cache_flight_end(guard);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(wait_child(pid), 0);
    cache_close(s);
}

/* ---- Locks held by others, directories that go away ---- */

static int hold_lock(fixture *f, void *arg)
{
    int *fds = arg;
    char path[400];
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 2};

    snprintf(path, sizeof path, "%s/lock", f->dir);
    int fd = open(path, O_RDWR);
    if (fcntl(fd, F_OFD_SETLK, &range))
        return 1;
    if (write(fds[1], "x", 1) != 1)
        return 2;
    pause();
    return 0;
}

static void a_stuck_holder_costs_a_bounded_wait(void **state)
{
    fixture *f = *state;
    int fds[2];
    char byte, path[400];
    void *v;
    size_t n;
    cache_store *s = open_store(f);

    put_value(f, s, "key", 1, 100);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = start_child(hold_lock, f, fds);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(cache_read_wait_ms, 2000);
    assert_int_equal(cache_write_wait_ms, 5000);
    cache_read_wait_ms = 300;
    cache_write_wait_ms = 600;
    expect_hit(f, s, "key", 1, 100); /* takes no lock */
    expect_miss(f, s, "other");      /* nor does this */
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    assert_int_equal(unlink(path), 0); /* this does: the whole directory may be gone */
    double start = seconds();
    assert_int_equal(cache_get(s, "other", &v, &n, f->err, sizeof f->err), CACHE_TIMEOUT);
    assert_non_null(strstr(f->err, "within 300 ms"));
    assert_true(seconds() - start >= 0.3);
    start = seconds();
    assert_int_equal(cache_put(s, "key", "v", 1, f->err, sizeof f->err), CACHE_TIMEOUT);
    assert_true(seconds() - start >= 0.6);
    cache_read_wait_ms = 2000;
    cache_write_wait_ms = 5000;
    kill(pid, SIGKILL);
    assert_int_equal(wait_child(pid), 1000 + SIGKILL);
    expect_miss(f, s, "other");
    put_value(f, s, "key", 2, 100);
    cache_close(s);
    close(fds[0]);
    close(fds[1]);
}

static void remove_store(fixture *f)
{
    char path[400];

    for (const char *const *name = (const char *const[]){"lock", "code.lmdb", "used", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, *name);
        unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0);
}

static void a_removed_directory_is_a_miss_and_comes_back(void **state)
{
    fixture *f = *state;
    cache_flight *guard;
    cache_store *s = open_store(f), *other = open_store(f);

    put_value(f, s, "key", 1, 30000);
    remove_store(f);
    expect_miss(f, s, "key");
    remove_store(f);
    put_value(f, s, "key", 2, 30000);
    expect_hit(f, other, "key", 2, 30000); /* its lock file and data file are gone, too */
    remove_store(f);
    assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
    cache_flight_end(guard);
    cache_close(s);
    cache_close(other);
}

/* The store goes by its path: it is not to go on, or to fail for good, with a directory that is
 * elsewhere now. */
static void a_moved_directory_is_left_at_the_next_store(void **state)
{
    fixture *f = *state;
    char away[400];
    cache_store *s = open_store(f);

    put_value(f, s, "key", 1, 30000);
    snprintf(away, sizeof away, "%s/away", f->root);
    for (uint32_t i = 2; i < 4; i++) {
        assert_int_equal(rename(f->dir, away), 0);
        if (i == 3)
            assert_int_equal(mkdir(f->dir, 0700), 0);
        expect_miss(f, s, "other");
        put_value(f, s, "key", i, 30000);
        expect_hit(f, s, "key", i, 30000);
        cache_store *again = open_store(f);
        expect_hit(f, again, "key", i, 30000);
        cache_close(again);
        snprintf(away, sizeof away, "%s/away again", f->root);
    }
    cache_close(s);
}

/* Somebody else made a new store in the same place: both sides must come to use the same lock. */
static void a_replaced_lock_file_is_noticed(void **state)
{
    fixture *f = *state;
    char path[400];
    cache_flight *a, *b;
    cache_store *s = open_store(f), *other = open_store(f);

    put_value(f, s, "key", 1, 100);
    snprintf(path, sizeof path, "%s/lock", f->dir);
    assert_int_equal(unlink(path), 0);
    put_value(f, other, "key", 2, 100);
    expect_hit(f, s, "key", 2, 100);
    assert_int_equal(cache_flight_begin(s, "key", 0, &a), CACHE_OK);
    assert_int_equal(cache_flight_begin(other, "key", 30, &b), CACHE_TIMEOUT);
    cache_flight_end(a);
    cache_close(s);
    cache_close(other);
}

static int count_fds(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_is_left_open(void **state)
{
    fixture *f = *state;
    cache_flight *guard;
    int before = count_fds();

    for (int i = 0; i < 20; i++) {
        cache_store *s = open_store(f);
        put_value(f, s, "key", 1, 30000);
        expect_hit(f, s, "key", 1, 30000);
        assert_int_equal(cache_flight_begin(s, "key", 0, &guard), CACHE_OK);
        cache_flight_end(guard);
        cache_close(s);
    }
    assert_int_equal(count_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(busy_readers_do_not_starve_a_writer),
        T(overlapping_readers_let_a_writer_in),
        T(a_lingering_child_keeps_no_lock_of_its_dead_parent),
        T(a_child_made_past_the_fork_handlers_takes_its_own_locks),
        T(a_child_made_past_the_fork_handlers_keeps_no_flight),
        T(a_stuck_holder_costs_a_bounded_wait),
        T(a_removed_directory_is_a_miss_and_comes_back),
        T(a_moved_directory_is_left_at_the_next_store),
        T(a_replaced_lock_file_is_noticed),
        T(nothing_is_left_open),
#undef T
    };

    return cmocka_run_group_tests_name("cache processes", tests, NULL, NULL);
}
