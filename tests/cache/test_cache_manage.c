/* What an operator's tool does with a store. */
#include "cache_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cache/internal.h"

/* A record's bytes, taken out of a store. */
typedef struct taken {
    unsigned char *bytes;
    size_t size;
    char digest[CACHE_DIGEST_TEXT], key[64];
    bool defective;
    uint64_t stored;
} taken;

static int take(void *user, const cache_record *r)
{
    taken *t = user;

    t->size = r->size;
    t->defective = r->defect != NULL;
    snprintf(t->digest, sizeof t->digest, "%s", r->digest);
    if (r->defect)
        return 0;
    snprintf(t->key, sizeof t->key, "%s", r->key);
    t->stored = r->stored_unix_s;
    t->bytes = malloc(r->size);
    memcpy(t->bytes, r->bytes, r->size);
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

static cache_status import(fixture *f, cache_store *s, const taken *t, size_t *stored)
{
    cache_blob blob = {t->bytes, t->size};

    return cache_import(s, &blob, 1, stored, f->err, sizeof f->err);
}

static void one_record_is_visited_by_its_digest(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);

    put_value(f, s, "a", 7, 9000);
    taken t = take_record(f, s, "a");
    assert_string_equal(t.key, "a");
    assert_false(t.defective);
    assert_true(t.size > 9000);
    char digest[CACHE_DIGEST_TEXT];
    cache_digest_hex("b", 1, digest);
    assert_int_equal(cache_visit(s, digest, take, &t, f->err, sizeof f->err), CACHE_MISS);
    for (const char *const *wrong = (const char *const[]){"", "12", "zz", NULL}; *wrong; wrong++) {
        assert_int_equal(cache_visit(s, *wrong, take, &t, f->err, sizeof f->err), CACHE_ERROR);
        assert_non_null(strstr(f->err, "expected 64 hex digits"));
    }
    free(t.bytes);
    cache_close(s);
}

static void a_record_moves_to_another_store_as_it_is(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_other(f);
    size_t stored;

    put_value(f, s, "a", 7, 9000);
    taken t = take_record(f, s, "a");
    assert_int_equal(import(f, other, &t, &stored), CACHE_OK);
    assert_int_equal(stored, 1);
    expect_hit(f, other, "a", 7, 9000);
    taken again = take_record(f, other, "a");
    assert_int_equal(again.size, t.size);
    assert_memory_equal(again.bytes, t.bytes, t.size);
    assert_int_equal(again.stored, t.stored);
    free(t.bytes);
    free(again.bytes);
    cache_close(s);
    cache_close(other);
}

static void an_import_keeps_what_is_there_and_intact(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_other(f);
    size_t stored;

    put_value(f, s, "a", 7, 9000);
    put_value(f, other, "a", 1, 100);
    taken t = take_record(f, s, "a");
    assert_int_equal(import(f, other, &t, &stored), CACHE_OK);
    assert_int_equal(stored, 0);
    expect_hit(f, other, "a", 1, 100);
    free(t.bytes);
    cache_close(s);
    cache_close(other);
}

/* Any one changed byte, wherever it is: nothing is stored, not even the sound record before it. */
static void an_import_of_anything_else_stores_nothing(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_other(f);
    size_t stored;

    put_value(f, s, "a", 7, 300);
    put_value(f, s, "b", 7, 300);
    taken a = take_record(f, s, "a"), b = take_record(f, s, "b");
    for (size_t at = 0; at < b.size; at += at < 80 ? 1 : 37) {
        cache_blob both[2] = {{a.bytes, a.size}, {b.bytes, b.size}};
        b.bytes[at] ^= 0x10;
        assert_int_equal(cache_import(other, both, 2, &stored, f->err, sizeof f->err), CACHE_ERROR);
        assert_non_null(strstr(f->err, "record 1 of the import"));
        assert_int_equal(stored, 0);
        b.bytes[at] ^= 0x10;
    }
    for (size_t size = 0; size < b.size; size += 13) {
        cache_blob cut = {b.bytes, size};
        assert_int_equal(cache_import(other, &cut, 1, &stored, f->err, sizeof f->err), CACHE_ERROR);
    }
    expect_miss(f, other, "a");
    expect_miss(f, other, "b");
    cache_blob twice[3] = {{b.bytes, b.size}, {a.bytes, a.size}, {b.bytes, b.size}};
    assert_int_equal(cache_import(other, twice, 3, &stored, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(stored, 2);
    expect_hit(f, other, "a", 7, 300);
    free(a.bytes);
    free(b.bytes);
    cache_close(s);
    cache_close(other);
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

static void a_read_only_store_refuses_every_change(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *reader;
    char digest[CACHE_DIGEST_TEXT];
    const char *name = digest;
    size_t count;

    put_value(f, s, "a", 1, 100);
    taken t = take_record(f, s, "a");
    cache_close(s);
    memcpy(digest, t.digest, sizeof digest);
    assert_int_equal(cache_open(&reader, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(cache_remove(reader, &name, 1, &count, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "read-only"));
    assert_int_equal(cache_evict(reader, 0, &count, f->err, sizeof f->err), CACHE_ERROR);
    assert_int_equal(cache_compact(reader, f->err, sizeof f->err), CACHE_ERROR);
    t.bytes[0] ^= 1;
    assert_int_equal(import(f, reader, &t, &count), CACHE_ERROR);
    expect_hit(f, reader, "a", 1, 100);
    free(t.bytes);
    cache_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(one_record_is_visited_by_its_digest),
        T(a_record_moves_to_another_store_as_it_is),
        T(an_import_keeps_what_is_there_and_intact),
        T(an_import_of_anything_else_stores_nothing),
        T(removing_takes_what_is_there),
        T(compacting_gives_space_back_and_others_follow),
        T(a_read_only_store_refuses_every_change),
#undef T
    };

    return cmocka_run_group_tests_name("cache management", tests, NULL, NULL);
}
