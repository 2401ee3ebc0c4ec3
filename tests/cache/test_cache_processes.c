/* Several threads and processes on one store; forks; directories that vanish; locks that somebody
 * else holds. */
#include "cache_support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/internal.h"

enum { KEYS = 24 };

static void key_name(char key[32], uint32_t k) { snprintf(key, 32, "key %u", k); }

/* arg: how many puts. Every read must be right; replaced values make any mixture of two visible. */
static int write_and_read(fixture *f, void *arg)
{
    int puts = *(int *)arg;
    uint64_t random = (uint64_t)getpid() * 104729;
    cache_store *s = open_store(f);
    char key[32];

    for (int i = 0; i < puts; i++) {
        key_name(key, next_random(&random) % KEYS);
        put_value(f, s, key, next_random(&random), 10 + next_random(&random) % 50000);
        for (int j = 0; j < 5; j++) {
            key_name(key, next_random(&random) % KEYS);
            right_or_miss(f, s, key);
        }
    }
    cache_close(s);
    return 0;
}

static void processes_write_and_read_one_store(void **state)
{
    fixture *f = *state;
    int puts = rounds(150);
    pid_t pids[4];

    for (int i = 0; i < 4; i++)
        pids[i] = start_child(write_and_read, f, &puts);
    for (int i = 0; i < 4; i++)
        assert_int_equal(wait_child(pids[i]), 0);
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_store *s = open_store(f);
    int hits = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        char key[32];
        key_name(key, k);
        hits += right_or_miss(f, s, key);
    }
    assert_int_equal(hits, KEYS);
    cache_close(s);
}

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

typedef struct worker {
    fixture *f;
    cache_store *shared;
    int puts, seed;
    atomic_int *failures;
} worker;

static void *thread_write_and_read(void *arg)
{
    worker *w = arg;
    uint64_t random = (uint64_t)w->seed * 65537;
    char key[32], err[200];
    cache_store *own;

    if (cache_open(&own, w->f->dir, 0, err, sizeof err) != CACHE_OK) {
        atomic_fetch_add(w->failures, 1);
        return NULL;
    }
    for (int i = 0; i < w->puts; i++) {
        cache_store *s = i % 2 ? own : w->shared;
        key_name(key, next_random(&random) % KEYS);
        void *v = make_value(key, (uint32_t)i, 5000);
        if (cache_put(s, key, v, 5000, err, sizeof err) != CACHE_OK)
            atomic_fetch_add(w->failures, 1);
        free(v);
        for (int j = 0; j < 10; j++) {
            size_t n;
            key_name(key, next_random(&random) % KEYS);
            cache_status status = cache_get(s, key, &v, &n, err, sizeof err);
            if (status == CACHE_OK ? value_generation(key, v, n) < 0 : status != CACHE_MISS)
                atomic_fetch_add(w->failures, 1);
            free(v);
        }
    }
    cache_close(own);
    return NULL;
}

static void threads_share_a_store_and_open_others(void **state)
{
    fixture *f = *state;
    atomic_int failures = 0;
    worker w[6];
    pthread_t t[6];
    cache_store *s = open_store(f);

    for (int i = 0; i < 6; i++) {
        w[i] = (worker){f, s, rounds(40), i + 1, &failures};
        assert_int_equal(pthread_create(&t[i], NULL, thread_write_and_read, &w[i]), 0);
    }
    for (int i = 0; i < 6; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(failures, 0);
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_close(s);
}

/* ---- fork ---- */

typedef struct forked {
    cache_store *store;
    uint32_t n;
} forked;

static int use_inherited_store(fixture *f, void *arg)
{
    forked *p = arg;
    char key[32];

    expect_hit(f, p->store, "before", 1, 30000);
    snprintf(key, sizeof key, "child %u", p->n);
    put_value(f, p->store, key, p->n, 30000);
    expect_hit(f, p->store, key, p->n, 30000);
    cache_close(p->store);
    return 0;
}

static void *get_and_put(void *arg)
{
    worker *w = arg;
    char err[200];

    for (uint32_t i = 0; !atomic_load(w->failures); i++) {
        void *v = make_value("thread", i, 20000);
        size_t n;
        if (cache_put(w->shared, "thread", v, 20000, err, sizeof err) != CACHE_OK)
            atomic_fetch_add(w->failures, 1000);
        free(v);
        if (cache_get(w->shared, "thread", &v, &n, err, sizeof err) != CACHE_OK ||
            value_generation("thread", v, n) < 0)
            atomic_fetch_add(w->failures, 1000);
        free(v);
    }
    return NULL;
}

/* The parent forks while other threads of it are inside transactions; the children use what they
 * inherited. */
static void children_go_on_with_the_parents_store(void **state)
{
    fixture *f = *state;
    forked p = {.store = open_store(f)};
    atomic_int stop = 0;
    worker w = {.shared = p.store, .failures = &stop};
    pthread_t t[2];

    put_value(f, p.store, "before", 1, 30000);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, get_and_put, &w), 0);
    for (p.n = 0; p.n < (uint32_t)rounds(20); p.n++)
        assert_int_equal(wait_child(start_child(use_inherited_store, f, &p)), 0);
    atomic_fetch_add(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(stop, 1);
    for (uint32_t i = 0; i < p.n; i++) {
        char key[32];
        snprintf(key, sizeof key, "child %u", i);
        expect_hit(f, p.store, key, i, 30000);
    }
    cache_close(p.store);
}

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

/* ---- pid namespaces: two "containers", in each of which the writer is process 1 ---- */

static int be_process_one(fixture *f, void *arg)
{
    if (getpid() != 1)
        return 2;
    return write_and_read(f, arg);
}

static int enter_pid_namespace(fixture *f, void *arg)
{
    if (unshare(CLONE_NEWPID))
        return 77;
    return wait_child(start_child(be_process_one, f, arg));
}

static void equal_pids_in_two_namespaces_do_not_collide(void **state)
{
    fixture *f = *state;
    int puts = rounds(100);
    pid_t a = start_child(enter_pid_namespace, f, &puts),
          b = start_child(enter_pid_namespace, f, &puts);
    int first = wait_child(a), second = wait_child(b);

    if (first == 77)
        skip();
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
    assert_false(exists(f, "code.lmdb.damaged"));
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
    char byte;
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
        T(processes_write_and_read_one_store),
        T(busy_readers_do_not_starve_a_writer),
        T(overlapping_readers_let_a_writer_in),
        T(threads_share_a_store_and_open_others),
        T(children_go_on_with_the_parents_store),
        T(a_lingering_child_keeps_no_lock_of_its_dead_parent),
        T(a_child_made_past_the_fork_handlers_takes_its_own_locks),
        T(a_child_made_past_the_fork_handlers_keeps_no_flight),
        T(equal_pids_in_two_namespaces_do_not_collide),
        T(a_stuck_holder_costs_a_bounded_wait),
        T(a_removed_directory_is_a_miss_and_comes_back),
        T(a_replaced_lock_file_is_noticed),
        T(nothing_is_left_open),
#undef T
    };

    return cmocka_run_group_tests_name("cache processes", tests, NULL, NULL);
}
