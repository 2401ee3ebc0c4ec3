/* What an operator's tool does with a store. */
#include "cache_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/internal.h"

/* A record, taken out of a store. */
typedef struct taken {
    char digest[CACHE_DIGEST_TEXT], key[64];
    void *value;
    size_t value_size, size;
    uint64_t stored, used;
} taken;

static int take(void *user, const cache_record *r)
{
    taken *t = user;

    assert_null(r->defect);
    snprintf(t->digest, sizeof t->digest, "%s", r->digest);
    snprintf(t->key, sizeof t->key, "%s", r->key);
    t->size = r->size;
    t->stored = r->stored_unix_s;
    t->used = r->used_unix_s;
    t->value_size = r->value_size;
    t->value = malloc(r->value_size + 1);
    memcpy(t->value, r->value, r->value_size);
    return 0;
}

static taken take_record(fixture *f, cache_store *s, const char *key)
{
    taken t = {0};
    char digest[CACHE_DIGEST_TEXT];

    cache_digest_hex(key, strlen(key), digest);
    if (cache_visit(s, digest, take, &t, f->err, sizeof f->err) != CACHE_OK)
        fail_msg("cache_visit '%s': %s", key, f->err);
    return t;
}

static cache_store *open_other(fixture *f)
{
    char dir[400];
    cache_store *s;

    snprintf(dir, sizeof dir, "%s/other", f->root);
    if (cache_open(&s, dir, 0, f->err, sizeof f->err) != CACHE_OK)
        fail_msg("%s", f->err);
    return s;
}

static void one_record_is_visited_by_its_digest(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);

    put_value(f, s, "a", 7, 9000);
    taken t = take_record(f, s, "a");
    assert_string_equal(t.key, "a");
    assert_true(t.size > 9000);
    assert_true(t.stored > 1000000000 && t.used >= t.stored);
    assert_int_equal(value_generation("a", t.value, t.value_size), 7);
    char digest[CACHE_DIGEST_TEXT];
    cache_digest_hex("b", 1, digest);
    assert_int_equal(cache_visit(s, digest, take, &t, f->err, sizeof f->err), CACHE_MISS);
    for (const char *const *wrong = (const char *const[]){"", "12", "zz", NULL}; *wrong; wrong++) {
        assert_int_equal(cache_visit(s, *wrong, take, &t, f->err, sizeof f->err), CACHE_ERROR);
        assert_non_null(strstr(f->err, "expected 64 hex digits"));
    }
    free(t.value);
    cache_close(s);
}

static void a_record_moves_to_another_store(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_other(f);
    size_t stored;

    put_value(f, s, "a", 7, 9000);
    taken t = take_record(f, s, "a");
    cache_pair pair = {t.key, t.value, t.value_size};
    assert_int_equal(cache_import(other, &pair, 1, &stored, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(stored, 1);
    expect_hit(f, other, "a", 7, 9000);
    free(t.value);
    cache_close(s);
    cache_close(other);
}

/* Overwrites one byte of every occurrence of a 16-byte pattern in the data file. */
static void spoil(const fixture *f, const void *pattern)
{
    char path[400];
    size_t size;

    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    unsigned char *bytes = read_whole(path, &size);
    for (size_t i = 0; i + 16 <= size; i++)
        if (!memcmp(bytes + i, pattern, 16))
            bytes[i] ^= 1;
    write_whole(path, bytes, size);
    free(bytes);
}

static void an_import_keeps_what_is_intact_and_repairs_what_is_not(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    void *new[4];
    const char *keys[] = {"intact", "defective", "new", "new"};
    cache_pair pairs[4];
    size_t stored;

    put_value(f, s, "intact", 1, 9000);
    put_value(f, s, "defective", 1, 9000);
    void *old = make_value("defective", 1, 9000);
    spoil(f, (char *)old + 100);
    free(old);
    expect_miss(f, s, "defective");
    for (int i = 0; i < 4; i++) {
        new[i] = make_value(keys[i], 2, 9000);
        pairs[i] = (cache_pair){keys[i], new[i], 9000};
    }
    assert_int_equal(cache_import(s, pairs, 4, &stored, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(stored, 2);
    expect_hit(f, s, "intact", 1, 9000);
    expect_hit(f, s, "defective", 2, 9000);
    expect_hit(f, s, "new", 2, 9000);
    assert_int_equal(cache_import(s, pairs, 4, &stored, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(stored, 0);
    pairs[0].size = RECORD_SIZE_MAX; /* one that cannot be stored: none is */
    pairs[1].key = "another";
    assert_int_equal(cache_import(s, pairs + 0, 2, &stored, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "expected less than"));
    expect_miss(f, s, "another");
    for (int i = 0; i < 4; i++)
        free(new[i]);
    cache_close(s);
}

static void removing_takes_what_is_there(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    char digest[4][CACHE_DIGEST_TEXT];
    const char *names[4];
    size_t removed;

    for (int i = 0; i < 4; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        cache_digest_hex(key, strlen(key), digest[i]);
        names[i] = digest[i];
        if (i < 3)
            put_value(f, s, key, 1, i == 1 ? 100 : 30000);
    }
    assert_int_equal(cache_remove(s, names + 1, 3, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(removed, 2);
    expect_hit(f, s, "0", 1, 30000);
    expect_miss(f, s, "1");
    expect_miss(f, s, "2");
    names[1] = "short";
    assert_int_equal(cache_remove(s, names, 2, &removed, f->err, sizeof f->err), CACHE_ERROR);
    expect_hit(f, s, "0", 1, 30000);
    assert_int_equal(cache_remove(s, names, 0, &removed, f->err, sizeof f->err), CACHE_OK);
    cache_close(s);
}

static uint64_t file_bytes(fixture *f, cache_store *s, size_t records)
{
    cache_usage_info usage;

    assert_int_equal(cache_usage(s, &usage, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(usage.records, records);
    assert_true(usage.bytes <= usage.file_bytes);
    return usage.file_bytes;
}

static void compacting_gives_space_back_and_others_follow(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_store(f);
    char digest[40][CACHE_DIGEST_TEXT], key[16];
    const char *names[40];
    size_t removed;

    assert_int_equal(cache_compact(s, f->err, sizeof f->err), CACHE_OK); /* nothing there */
    assert_int_equal(file_bytes(f, s, 0), 0);
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "%d", i);
        put_value(f, s, key, 1, 30000);
        cache_digest_hex(key, strlen(key), digest[i]);
        names[i] = digest[i];
    }
    expect_hit(f, other, "39", 1, 30000);
    uint64_t before = file_bytes(f, s, 40);
    assert_true(before > 40 * 30000);
    assert_int_equal(cache_remove(s, names, 39, &removed, f->err, sizeof f->err), CACHE_OK);
    assert_true(file_bytes(f, s, 1) >= before);
    assert_int_equal(cache_compact(s, f->err, sizeof f->err), CACHE_OK);
    assert_true(file_bytes(f, s, 1) < 100000);
    expect_hit(f, other, "39", 1, 30000);
    put_value(f, other, "new", 2, 30000);
    expect_hit(f, s, "new", 2, 30000);
    expect_miss(f, s, "0");
    assert_false(exists(f, "code.lmdb.new"));
    cache_close(s);
    cache_close(other);
}

static int count_one(void *user, const cache_record *r)
{
    (void)r;
    ++*(int *)user;
    return 0;
}

static void a_read_only_store_is_looked_at_and_refuses_every_change(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *reader;
    char digest[CACHE_DIGEST_TEXT], path[400];
    const char *name = digest;
    size_t n;
    int seen = 0;
    cache_pair pair = {"b", "v", 1};

    put_value(f, s, "a", 1, 100);
    cache_digest_hex("a", 1, digest);
    cache_close(s);
    for (const char *const *file = (const char *const[]){"lock", "used", NULL}; *file; file++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, *file);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(cache_open(&reader, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(cache_remove(reader, &name, 1, &n, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "read-only"));
    assert_int_equal(cache_evict(reader, 0, &n, f->err, sizeof f->err), CACHE_ERROR);
    assert_int_equal(cache_compact(reader, f->err, sizeof f->err), CACHE_ERROR);
    assert_int_equal(cache_import(reader, &pair, 1, &n, f->err, sizeof f->err), CACHE_ERROR);
    expect_hit(f, reader, "a", 1, 100);
    assert_int_equal(cache_each(reader, count_one, &seen, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(seen, 1);
    file_bytes(f, reader, 1);
    assert_false(exists(f, "lock"));
    assert_false(exists(f, "used"));
    cache_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(one_record_is_visited_by_its_digest),
        T(a_record_moves_to_another_store),
        T(an_import_keeps_what_is_intact_and_repairs_what_is_not),
        T(removing_takes_what_is_there),
        T(compacting_gives_space_back_and_others_follow),
        T(a_read_only_store_is_looked_at_and_refuses_every_change),
#undef T
    };

    return cmocka_run_group_tests_name("cache management", tests, NULL, NULL);
}
