/* Damage: flipped bits, files cut short, killed writers, full disks. Whatever happens, a look-up
 * gives the right bytes or a miss, and the next store works. AITER_TEST_ROUNDS multiplies the
 * rounds. */
#include "cache_support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 160 };

static void key_name(char key[32], uint32_t k) { snprintf(key, 32, "key %u", k); }

/* A store with several levels, inline and overflow values and a free list. */
static void fill(fixture *f)
{
    cache_store *s = open_store(f);
    uint64_t random = 11;
    char key[32];

    for (uint32_t i = 0; i < KEYS + 60; i++) {
        key_name(key, i < KEYS ? i : next_random(&random) % KEYS);
        put_value(f, s, key, i, i % 8 == 3 ? 9000 : 20 + next_random(&random) % 700);
    }
    cache_close(s);
}

typedef struct tally {
    int rounds, hits, misses, set_aside;
} tally;

static int count_wrong(void *user, const cache_record *r)
{
    int *wrong = user;

    *wrong += !r->defect && value_generation(r->key, r->value, r->value_size) < 0;
    return 0;
}

/* Looks at everything, stores something, looks again. */
static void use_damaged_store(fixture *f, cache_store *s, uint64_t *random, tally *t)
{
    char key[32], stored[32];
    int wrong = 0;

    for (uint32_t k = 0; k < KEYS; k++) {
        key_name(key, k);
        if (right_or_miss(f, s, key))
            t->hits++;
        else
            t->misses++;
    }
    cache_each(s, count_wrong, &wrong, f->err, sizeof f->err); /* may refuse, must not lie */
    assert_int_equal(wrong, 0);
    key_name(stored, next_random(random) % (KEYS + 20));
    put_value(f, s, stored, 1000, 500);
    expect_hit(f, s, stored, 1000, 500);
    for (int i = 0; i < 20; i++) {
        key_name(key, next_random(random) % KEYS);
        right_or_miss(f, s, key);
    }
    if (exists(f, "code.lmdb.damaged")) {
        char path[400];
        snprintf(path, sizeof path, "%s/code.lmdb.damaged", f->dir);
        assert_int_equal(unlink(path), 0);
        t->set_aside++;
    }
    t->rounds++;
}

typedef void (*damage_fn)(unsigned char *bytes, size_t *size, uint64_t *random);

/* Each round damages a fresh copy of the same file, by turns under an open store and before it is
 * opened. */
static tally damage_rounds(fixture *f, damage_fn damage, int count)
{
    char path[400];
    size_t size;
    tally t = {0};
    uint64_t random = 99;

    fill(f);
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    unsigned char *good = read_whole(path, &size), *bad = malloc(size + 1);
    cache_store *s = open_store(f);
    for (int i = 0; i < count; i++) {
        size_t bad_size = size;
        memcpy(bad, good, size);
        damage(bad, &bad_size, &random);
        write_whole(path, bad, bad_size);
        if (i % 2) {
            cache_close(s);
            s = open_store(f);
        }
        use_damaged_store(f, s, &random, &t);
    }
    cache_close(s);
    free(good);
    free(bad);
    print_message("%d rounds: %d hits, %d misses, %d files set aside\n", t.rounds, t.hits, t.misses,
                  t.set_aside);
    return t;
}

static void flip_bits(unsigned char *bytes, size_t *size, uint64_t *random)
{
    uint32_t count = 1 + next_random(random) % 8;

    for (uint32_t i = 0; i < count; i++)
        bytes[next_random(random) % *size] ^= (unsigned char)(1u << next_random(random) % 8);
}

static void flipped_bits_give_misses_and_never_wrong_bytes(void **state)
{
    tally t = damage_rounds(*state, flip_bits, rounds(250));

    assert_true(t.hits > 0 && t.misses > 0 && t.set_aside > 0 && t.set_aside < t.rounds);
}

/* Half of the flips at random hit values. These hit what LMDB follows: meta pages, page headers,
 * offsets, nodes. */
static void flip_structure(unsigned char *bytes, size_t *size, uint64_t *random)
{
    for (int i = 0; i < 2;) {
        size_t page = next_random(random) % (next_random(random) % 4 ? *size / 4096 : 2) * 4096;
        unsigned flags = bytes[page + 10];
        if (flags != 1 && flags != 2 && flags != 8 && flags != 4)
            continue;
        size_t area = flags == 8 ? 152 : flags == 4 ? 16 : 80;
        bytes[page + next_random(random) % area] ^= (unsigned char)(1u << next_random(random) % 8);
        i++;
    }
}

static void flipped_structure_gives_misses_and_never_wrong_bytes(void **state)
{
    tally t = damage_rounds(*state, flip_structure, rounds(250));

    assert_true(t.hits > 0 && t.misses > 0 && t.set_aside > t.rounds / 8);
}

static void overwrite_pages(unsigned char *bytes, size_t *size, uint64_t *random)
{
    size_t pages = *size / 4096, to = next_random(random) % pages,
           from = next_random(random) % pages;

    switch (next_random(random) % 3) {
    case 0: memset(bytes + to * 4096, 0, 4096); break;
    case 1: memcpy(bytes + to * 4096, bytes + from * 4096, 4096); break;
    case 2:
        for (size_t i = 0; i < 4096; i++)
            bytes[to * 4096 + i] = (unsigned char)next_random(random);
    }
}

/* What a lost or misdirected write leaves. */
static void overwritten_pages_give_misses_and_never_wrong_bytes(void **state)
{
    tally t = damage_rounds(*state, overwrite_pages, rounds(100));

    assert_true(t.hits > 0 && t.misses > 0 && t.set_aside > 0);
}

static void cut(unsigned char *bytes, size_t *size, uint64_t *random)
{
    (void)bytes;
    *size = next_random(random) % 3 ? next_random(random) % *size
                                    : next_random(random) % (*size / 4096) * 4096;
}

static void truncation_gives_misses_and_never_a_signal(void **state)
{
    tally t = damage_rounds(*state, cut, rounds(100));

    assert_true(t.misses > 0 && t.set_aside > t.rounds / 2);
}

static void a_file_that_is_no_database_is_set_aside(void **state)
{
    fixture *f = *state;
    char path[400];
    size_t size;

    fill(f);
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    for (int i = 0; i < 3; i++) {
        char text[20000] = "not a database";
        write_whole(path, text, i == 0 ? 14 : sizeof text - (size_t)i);
        cache_store *s = open_store(f);
        expect_miss(f, s, "key 1");
        put_value(f, s, "key 1", 1, 30000);
        expect_hit(f, s, "key 1", 1, 30000);
        cache_close(s);
        char damaged[400];
        snprintf(damaged, sizeof damaged, "%s/code.lmdb.damaged", f->dir);
        char *kept = read_whole(damaged, &size); /* the last one is kept */
        assert_memory_equal(kept, "not a database", 14);
        free(kept);
    }
}

/* Another process sets a damaged file aside under a store that is open. */
static void an_open_store_follows_a_new_data_file(void **state)
{
    fixture *f = *state;
    char path[400];

    fill(f);
    cache_store *reader = open_store(f), *writer = open_store(f);
    assert_true(right_or_miss(f, reader, "key 1"));
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    write_whole(path, "damage", 6);
    put_value(f, writer, "new", 7, 30000);
    expect_hit(f, reader, "new", 7, 30000);
    expect_miss(f, reader, "key 1");
    cache_close(reader);
    cache_close(writer);
}

/* ---- Killed writers ---- */

/* generation[k]: of the last put that returned, or that was under way. In memory shared with the
 * writers. */
typedef struct progress {
    volatile uint32_t done[KEYS], begun[KEYS];
} progress;

static int write_until_killed(fixture *f, void *arg)
{
    progress *p = arg;
    uint64_t random = (uint64_t)getpid() * 7919;
    cache_store *s = open_store(f);
    char key[32];

    for (uint32_t k;;) {
        k = next_random(&random) % KEYS;
        key_name(key, k);
        p->begun[k]++;
        put_value(f, s, key, p->begun[k], 10 + next_random(&random) % (k % 4 ? 900 : 40000));
        p->done[k] = p->begun[k];
    }
    return 0;
}

static void a_killed_writer_loses_nothing_that_was_stored(void **state)
{
    fixture *f = *state;
    uint64_t random = 5;
    int hits = 0, killed_inside = 0;
    progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    cache_store *s = open_store(f);
    for (int i = 0; i < rounds(60); i++) {
        pid_t pid = start_child(write_until_killed, f, p);
        usleep(next_random(&random) % 30000);
        kill(pid, SIGKILL);
        assert_int_equal(wait_child(pid), 1000 + SIGKILL);
        for (uint32_t k = 0; k < KEYS; k++) {
            char key[32];
            void *v;
            size_t n;
            key_name(key, k);
            cache_status status = cache_get(s, key, &v, &n, f->err, sizeof f->err);
            if (p->done[k] == 0 && status == CACHE_MISS)
                continue;
            assert_int_equal(status, CACHE_OK);
            int64_t generation = value_generation(key, v, n);
            assert_true(generation == p->done[k] || generation == p->begun[k]);
            killed_inside += p->done[k] != p->begun[k];
            p->done[k] = p->begun[k] = (uint32_t)generation;
            free(v);
            hits++;
        }
    }
    assert_false(exists(f, "code.lmdb.damaged"));
    assert_true(hits > KEYS);
    print_message("%d look-ups, %d of keys whose writer was killed in the put\n", hits,
                  killed_inside);
    cache_close(s);
    munmap(p, sizeof *p);
}

/* ---- No space ---- */

static int store_until_refused(fixture *f, cache_store *s, const char *reason, bool *refused)
{
    char key[32];
    uint32_t stored = 0;

    *refused = false;
    for (; stored < 200 && !*refused; stored++) {
        key_name(key, stored);
        void *v = make_value(key, stored, 30000);
        cache_status status = cache_put(s, key, v, 30000, f->err, sizeof f->err);
        free(v);
        if (status == CACHE_OK)
            continue;
        if (!strstr(f->err, reason))
            fail_msg("expected '%s' in: %s", reason, f->err);
        *refused = true;
        stored--;
    }
    for (uint32_t k = 0; k < stored; k++) {
        key_name(key, k);
        expect_hit(f, s, key, k, 30000);
    }
    return (int)stored;
}

static int fill_small_disk(fixture *f, void *arg)
{
    bool refused;

    (void)arg;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mkdir(f->dir, 0700) || mount("tmpfs", f->dir, "tmpfs", 0, "mode=0700,size=1M"))
        return 77;
    cache_store *s = open_store(f);
    int stored = store_until_refused(f, s, strerror(ENOSPC), &refused);
    if (!refused || stored < 5)
        return 1;
    put_value(f, s, "key 0", 77,
              5); /* small things may still fit: pages that the failed put wrote are free */
    expect_hit(f, s, "key 0", 77, 5);
    cache_close(s);
    return exists(f, "code.lmdb.damaged") ? 2 : 0;
}

static void a_full_disk_refuses_stores_and_keeps_the_rest(void **state)
{
    int status = wait_child(start_child(fill_small_disk, *state, NULL));

    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

static int fill_to_file_size_limit(fixture *f, void *arg)
{
    struct rlimit limit = {1 << 20, 1 << 20};
    bool refused;

    (void)arg;
    if (setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    cache_store *s = open_store(f);
    int stored = store_until_refused(f, s, strerror(EFBIG), &refused);
    cache_close(s);
    return refused && stored > 5 ? 0 : 2;
}

/* Writing beyond the limit would raise SIGXFSZ, which kills. */
static void the_file_size_limit_refuses_stores_without_a_signal(void **state)
{
    assert_int_equal(wait_child(start_child(fill_to_file_size_limit, *state, NULL)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(flipped_bits_give_misses_and_never_wrong_bytes),
        T(flipped_structure_gives_misses_and_never_wrong_bytes),
        T(overwritten_pages_give_misses_and_never_wrong_bytes),
        T(truncation_gives_misses_and_never_a_signal),
        T(a_file_that_is_no_database_is_set_aside),
        T(an_open_store_follows_a_new_data_file),
        T(a_killed_writer_loses_nothing_that_was_stored),
        T(a_full_disk_refuses_stores_and_keeps_the_rest),
        T(the_file_size_limit_refuses_stores_without_a_signal),
#undef T
    };

    return cmocka_run_group_tests_name("cache faults", tests, NULL, NULL);
}
