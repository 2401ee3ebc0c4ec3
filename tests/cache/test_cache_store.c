/* What the store does when nothing is wrong, and with records that are not what they should be. */
#include "cache_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <lmdb.h>
#include <sodium.h>

#include "cache/record.h"

static void stored_bytes_come_back(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);

    expect_miss(f, s, "fmha_fwd arch=gfx942");
    put_value(f, s, "fmha_fwd arch=gfx942", 1, 30000);
    expect_hit(f, s, "fmha_fwd arch=gfx942", 1, 30000);
    expect_miss(f, s, "fmha_fwd arch=gfx94");
    expect_miss(f, s, "");
    cache_close(s);
    s = open_store(f);
    expect_hit(f, s, "fmha_fwd arch=gfx942", 1, 30000);
    cache_close(s);
}

static void any_size_of_value_and_key_is_kept(void **state)
{
    static const size_t sizes[] = {0,    1,    3,    100,  1900,  1970,    2000,
                                   2047, 4000, 4096, 4200, 65536, 1000003, 33554437};
    fixture *f = *state;
    cache_store *s = open_store(f);
    char key[5000];

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(key, 'k', sizeof key);
        key[i * 350] = '\0'; /* from "" to 4550 bytes */
        put_value(f, s, key, (uint32_t)i, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(key, 'k', sizeof key);
        key[i * 350] = '\0';
        expect_hit(f, s, key, (uint32_t)i, sizes[i]);
    }
    cache_close(s);
}

static void a_put_replaces(void **state)
{
    static const size_t sizes[] = {30000, 30000, 100, 200000, 1000, 30001};
    fixture *f = *state;
    cache_store *s = open_store(f);

    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_value(f, s, "key", i, sizes[i]);
        put_value(f, s, "other", i, 10);
        expect_hit(f, s, "key", i, sizes[i]);
    }
    cache_close(s);
}

static void replacing_does_not_grow_the_file_without_end(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    char path[400];
    struct stat st;

    for (uint32_t i = 0; i < 80; i++)
        put_value(f, s, "key", i, 100000);
    expect_hit(f, s, "key", 79, 100000);
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < 10 * 100000);
    cache_close(s);
}

/* Every put checks the whole tree that the puts before left; a sound tree must never be taken for a
 * damaged one. */
static void a_long_random_history_stays_sound(void **state)
{
    enum { KEYS = 200 };
    fixture *f = *state;
    cache_store *s = open_store(f);
    uint32_t generation[KEYS] = {0};
    size_t size[KEYS] = {0};
    uint64_t random = 7;
    char key[32];

    for (int i = 1; i <= 600; i++) {
        uint32_t k = next_random(&random) % KEYS;
        generation[k] = (uint32_t)i;
        size[k] = 4 + next_random(&random) % (next_random(&random) % 8 ? 900 : 60000);
        snprintf(key, sizeof key, "key %u", k);
        put_value(f, s, key, generation[k], size[k]);
    }
    for (uint32_t k = 0; k < KEYS; k++) {
        snprintf(key, sizeof key, "key %u", k);
        if (generation[k])
            expect_hit(f, s, key, generation[k], size[k]);
    }
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_close(s);
}

static void the_map_grows_beyond_any_first_guess(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f), *other = open_store(f);
    char key[32];

    for (uint32_t i = 0; i < 24; i++) {
        snprintf(key, sizeof key, "key %u", i);
        put_value(f, i % 2 ? s : other, key, i, 3000000);
    }
    for (uint32_t i = 0; i < 24; i++) {
        snprintf(key, sizeof key, "key %u", i);
        expect_hit(f, i % 2 ? other : s, key, i, 3000000);
    }
    cache_close(s);
    cache_close(other);
}

typedef struct seen {
    int count, stop_at, defects;
    char last_digest[65];
    uint64_t stored;
    cache_store *store;
} seen;

static int see(void *user, const cache_record *record)
{
    seen *s = user;
    char digest[65];
    const char *key = record->key;
    void *again;
    size_t n;

    if (record->defect) {
        s->defects++;
        return 0;
    }
    cache_digest_hex(key, strlen(key), digest);
    assert_string_equal(record->digest, digest);
    assert_true(strcmp(s->last_digest, digest) < 0);
    strcpy(s->last_digest, digest);
    assert_int_equal(value_generation(key, record->value, record->value_size), 5);
    assert_int_equal(cache_get(s->store, key, &again, &n, NULL, 0),
                     CACHE_OK); /* allowed from here */
    assert_int_equal(n, record->value_size);
    free(again);
    s->stored = record->stored_unix_s;
    return ++s->count == s->stop_at;
}

static void each_visits_every_record_in_digest_order(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    seen all = {.store = s}, some = {.store = s, .stop_at = 3};
    char key[32];
    time_t before = time(NULL);

    assert_int_equal(cache_each(s, see, &all, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(all.count, 0);
    for (int i = 0; i < 120; i++) {
        snprintf(key, sizeof key, "key %d", i);
        put_value(f, s, key, 5, i % 3 ? 500 : 9000);
    }
    assert_int_equal(cache_each(s, see, &all, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(all.count, 120);
    assert_true(all.stored >= (uint64_t)before && all.stored <= (uint64_t)time(NULL));
    assert_int_equal(cache_each(s, see, &some, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(some.count, 3);
    cache_close(s);
}

/* RFC 7693 gives BLAKE2b-512; this value is b2sum -l 256 of the three bytes. */
static void the_digest_is_blake2b_256(void **state)
{
    char hex[65];

    (void)state;
    cache_digest_hex("abc", 3, hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

/* ---- Records written past the store's API, through LMDB ---- */

static MDB_env *raw_open(fixture *f)
{
    MDB_env *env;
    char path[400];

    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 64 << 20), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
    return env;
}

static void raw_put(fixture *f, const void *key, size_t key_size, const void *data, size_t size)
{
    MDB_env *env = raw_open(f);
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {key_size, (void *)key}, v = {size, (void *)data};

    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static size_t raw_get(fixture *f, const void *key, size_t key_size, unsigned char *out, size_t room)
{
    MDB_env *env = raw_open(f);
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {key_size, (void *)key}, v;

    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_get(txn, dbi, &k, &v), 0);
    assert_true(v.mv_size <= room);
    memcpy(out, v.mv_data, v.mv_size);
    size_t size = v.mv_size;
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return size;
}

static void digest_of(const char *key, unsigned char out[32])
{
    crypto_generichash(out, 32, (const unsigned char *)key, strlen(key), NULL, 0);
}

static void lmdb_itself_reads_what_docs_say(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    unsigned char digest[32], record[2000], *value = make_value("a key", 9, 1000);

    put_value(f, s, "a key", 9, 1000);
    digest_of("a key", digest);
    assert_int_equal(raw_get(f, digest, 32, record, sizeof record), 64 + 5 + 1000);
    assert_memory_equal(record, "AITERREC\x02\x00\x40\x00\x00\x00\x00\x00", 16);
    assert_memory_equal(record + 32,
                        "\xe8\x03\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00", 16);
    assert_memory_equal(record + 64, "a key", 5);
    assert_memory_equal(record + 69, value, 1000);
    free(value);
    cache_close(s);
}

/* The expected value comes from another binding of the reference implementation (python-xxhash),
 * fed with the bytes that docs/cache-format.md says. */
static void the_checksum_is_that_of_the_docs(void **state)
{
    unsigned char bytes[64 + 3 + 40], value[40] = "value";
    record_view in = {"key", 3, value, sizeof value, 1234567890};

    (void)state;
    cache_record_write(bytes, &in);
    assert_memory_equal(bytes + 16,
                        "\x45\x11\x65\x76\x52\x51\x81\x64\x1d\x8d\x84\x85\x25\x6b\x6f\x32",
                        16);
}

/* Every byte of a record, and every way of cutting it. */
static void any_changed_byte_of_a_record_is_a_miss(void **state)
{
    fixture *f = *state;
    unsigned char bytes[64 + 3 + 40], good[sizeof bytes], value[40] = "value";
    record_view in = {"key", 3, value, sizeof value, 1234567890}, out;

    (void)f;
    cache_record_write(good, &in);
    memcpy(bytes, good, sizeof good);
    assert_true(cache_record_read(bytes, sizeof bytes, &out));
    assert_memory_equal(bytes, good, sizeof good);
    assert_int_equal(out.stored_unix_s, 1234567890);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        memcpy(bytes, good, sizeof good);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        assert_false(cache_record_read(bytes, sizeof bytes, &out));
    }
    for (size_t cut = 0; cut < sizeof bytes; cut++) {
        unsigned char *exact = malloc(cut + 1); /* for the address sanitizer */
        memcpy(exact, good, cut);
        assert_false(cache_record_read(exact, cut, &out));
        free(exact);
    }
}

static void defective_records_are_misses_until_the_next_put(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    unsigned char a[32], b[32], record[40000];

    put_value(f, s, "a", 1, 30000);
    put_value(f, s, "b", 1, 30000);
    digest_of("a", a);
    digest_of("b", b);
    size_t size = raw_get(f, a, 32, record, sizeof record);

    raw_put(f, b, 32, record, size); /* sound, but a's */
    expect_miss(f, s, "b");
    record[8] = 3; /* a version to come */
    raw_put(f, a, 32, record, size);
    expect_miss(f, s, "a");
    raw_put(f, a, 32, "", 0);
    expect_miss(f, s, "a");

    seen none = {.store = s};
    assert_int_equal(cache_each(s, see, &none, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(none.count, 0);
    assert_int_equal(none.defects, 2);
    put_value(f, s, "a", 2, 30000);
    put_value(f, s, "b", 2, 30000);
    expect_hit(f, s, "a", 2, 30000);
    expect_hit(f, s, "b", 2, 30000);
    assert_false(exists(f, "code.lmdb.damaged"));
    cache_close(s);
}

static void entries_of_later_versions_are_left_alone(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    unsigned char out[100];
    seen all = {.store = s};

    put_value(f, s, "a", 5, 30000);
    raw_put(f, "index:1", 7, "something new", 13);
    put_value(f, s, "b", 5, 300);
    assert_int_equal(cache_each(s, see, &all, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(all.count, 2);
    assert_int_equal(raw_get(f, "index:1", 7, out, sizeof out), 13);
    assert_memory_equal(out, "something new", 13);
    cache_close(s);
}

static void oversize_keys_and_values_are_refused(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    char *key = malloc(RECORD_KEY_MAX + 2);

    memset(key, 'x', RECORD_KEY_MAX + 1);
    key[RECORD_KEY_MAX + 1] = '\0';
    assert_int_equal(cache_put(s, key, "v", 1, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "the key has 1048577 bytes"));
    expect_miss(f, s, key);
    key[RECORD_KEY_MAX] = '\0';
    put_value(f, s, key, 1, 10);
    expect_hit(f, s, key, 1, 10);
    assert_int_equal(cache_put(s, "k", "v", (size_t)1 << 31, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "the value has 2147483648 bytes"));
    free(key);
    cache_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(stored_bytes_come_back),
        T(any_size_of_value_and_key_is_kept),
        T(a_put_replaces),
        T(replacing_does_not_grow_the_file_without_end),
        T(a_long_random_history_stays_sound),
        T(the_map_grows_beyond_any_first_guess),
        T(each_visits_every_record_in_digest_order),
        T(the_digest_is_blake2b_256),
        T(lmdb_itself_reads_what_docs_say),
        T(the_checksum_is_that_of_the_docs),
        T(any_changed_byte_of_a_record_is_a_miss),
        T(defective_records_are_misses_until_the_next_put),
        T(entries_of_later_versions_are_left_alone),
        T(oversize_keys_and_values_are_refused),
#undef T
    };

    return cmocka_run_group_tests_name("cache store", tests, NULL, NULL);
}
