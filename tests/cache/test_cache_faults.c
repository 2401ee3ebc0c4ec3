/* Damage and full disks. Whatever happens, a look-up gives the right bytes or a miss, and the next
 * store works. tests/proof does it at random and by the thousand. */
#include "cache_support.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* It has the inode, the transaction number and the root page of the file that was looked at before. */
static void a_file_emptied_and_filled_again_is_read_anew(void **state)
{
    fixture *f = *state;
    char path[400], key[32];
    cache_store *s = open_store(f);

    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    for (uint32_t i = 0; i < 20; i++) {
        key_name(key, i);
        put_value(f, s, key, i, 500);
        expect_hit(f, s, key, i, 500);
        assert_int_equal(truncate(path, 0), 0);
    }
    cache_close(s);
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
        T(a_file_that_is_no_database_is_set_aside),
        T(a_file_emptied_and_filled_again_is_read_anew),
        T(an_open_store_follows_a_new_data_file),
        T(a_full_disk_refuses_stores_and_keeps_the_rest),
        T(the_file_size_limit_refuses_stores_without_a_signal),
#undef T
    };

    return cmocka_run_group_tests_name("cache faults", tests, NULL, NULL);
}
