/* Bundles: what is written is read, the same records give the same bytes, and no other bytes are
 * believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "bundle_support.h"
#include "tools/precompile/file.h"

typedef struct fixture {
    char dir[64], path[96], error[BUNDLE_ERROR_MAX];
    sign_secret secret;
    sign_public signer;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char name[96], secret[128];

    assert_non_null(f);
    strcpy(f->dir, "/tmp/aiter-bundle-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/bundle", f->dir);
    snprintf(name, sizeof name, "%s/k", f->dir);
    assert_true(sign_make_keys(name, &f->signer, f->error));
    snprintf(secret, sizeof secret, "%s.key", name);
    assert_true(sign_load_secret(secret, &f->secret, f->error));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* ---- A bundle of `count` records: key "key 0007", value of 1000 * i bytes ---- */

static bundle_record make_record(int i, char key[32], char **value)
{
    bundle_record r = { .key = key, .value_size = 1000 * (size_t)i };

    r.key_size = (size_t)snprintf(key, 32, "key %04d", i);
    r.value = *value = malloc(r.value_size + 1);
    assert_non_null(*value);
    for (size_t j = 0; j < r.value_size; j++)
        (*value)[j] = (char)(j * j / 7 + (size_t)i);
    return r;
}

static void write_bundle(fixture *f, int count, const sign_secret *secret, bundle_info *info)
{
    bundle_writer *w = bundle_create(f->path, f->error);

    assert_non_null(w);
    for (int i = 0; i < count; i++) {
        char key[32], *value;
        const bundle_record r = make_record(i, key, &value);
        assert_true(bundle_add(w, &r, f->error));
        free(value);
    }
    assert_true(bundle_commit(w, secret, info, f->error));
}

static char *load(fixture *f, size_t *size)
{
    char *data;

    assert_true(file_read(f->path, BUNDLE_FILE_MAX, &data, size, f->error));
    return data;
}

static bundle_reader *open_bundle(fixture *f, bundle_info *info)
{
    size_t size;
    char *data = load(f, &size);
    bundle_reader *r = bundle_open(data, size, info, f->error);

    assert_non_null(r);
    return r;
}

static void expect_records(bundle_reader *r, int count, char error[BUNDLE_ERROR_MAX])
{
    bundle_record got;

    for (int i = 0; i < count; i++) {
        char key[32], *value;
        const bundle_record want = make_record(i, key, &value);
        assert_int_equal(bundle_next(r, &got, error), BUNDLE_RECORD);
        assert_string_equal(got.key, want.key);
        assert_int_equal(got.key_size, want.key_size);
        assert_int_equal(got.value_size, want.value_size);
        assert_memory_equal(got.value, want.value, want.value_size);
        free(value);
    }
    assert_int_equal(bundle_next(r, &got, error), BUNDLE_END);
}

/* ---- Reading what was written ---- */

static void test_round_trip(void **state)
{
    static const int counts[] = { 0, 1, 2, 40 };
    fixture *f = *state;
    bundle_info written, read;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        write_bundle(f, counts[i], NULL, &written);
        bundle_reader *r = open_bundle(f, &read);
        assert_memory_equal(&written, &read, sizeof read);
        assert_int_equal(read.records, counts[i]);
        expect_records(r, counts[i], f->error);
        bundle_rewind(r);
        expect_records(r, counts[i], f->error);
        bundle_close(r);
    }
}

static void test_same_records_same_bytes(void **state)
{
    fixture *f = *state;
    bundle_info info;
    size_t size[2];
    char *data[2];

    for (int i = 0; i < 2; i++) {
        write_bundle(f, 30, &f->secret, &info);
        data[i] = load(f, &size[i]);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(data[0], data[1], size[0]);
    free(data[0]);
    free(data[1]);
}

static void test_writer_refuses(void **state)
{
    fixture *f = *state;
    bundle_record b = { "b", 1, "", 0 }, a = { "a", 1, "", 0 }, none = { "", 0, "", 0 };
    bundle_record huge = { "c", 1, NULL, (size_t)BUNDLE_VALUE_MAX + 1 };
    bundle_writer *w = bundle_create(f->path, f->error);

    assert_true(bundle_add(w, &b, f->error));
    assert_false(bundle_add(w, &b, f->error));
    assert_false(bundle_add(w, &a, f->error));
    assert_string_equal(f->error, "keys are not in ascending order");
    assert_false(bundle_add(w, &none, f->error));
    assert_false(bundle_add(w, &huge, f->error));
    bundle_abandon(w);
    assert_int_not_equal(access(f->path, F_OK), 0); /* nothing was left */
    assert_null(bundle_create("/nonexistent/x", f->error));
    assert_non_null(strstr(f->error, "No such file"));
}

/* ---- Signatures ---- */

static void test_signature(void **state)
{
    fixture *f = *state;
    bundle_info info;
    size_t size;

    write_bundle(f, 3, &f->secret, &info);
    assert_true(info.is_signed);
    bundle_reader *r = open_bundle(f, &info);
    assert_true(info.is_signed && sign_is_same(&info.signer, &f->signer));
    bundle_close(r);
    /* Another header, a right digest, but not signed anew. */
    char *data = load(f, &size);
    ((format_header *)data)->records = 2;
    assert_null(bundle_open(data, size, &info, f->error));
    assert_string_equal(f->error, "its signature is wrong");
}

/* RFC 8032, 7.1, TEST 1. */
static void test_key_files(void **state)
{
    static const char text[] =
        "aiter ed25519 secret key 1\n"
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n";
    fixture *f = *state;
    char path[128], name[SIGN_NAME_MAX];
    sign_secret secret;
    sign_public key;
    file_out out;

    snprintf(path, sizeof path, "%s/rfc", f->dir);
    assert_true(file_create(&out, path, 0600, f->error) &&
                file_write(&out, text, sizeof text - 1, f->error) && file_commit(&out, f->error));
    assert_true(sign_load_secret(path, &secret, f->error));
    key = sign_public_of(&secret);
    assert_string_equal(sign_name(&key, name),
                        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_false(sign_load_public(path, &key, f->error));
    assert_non_null(strstr(f->error, "is no public key"));
    snprintf(path, sizeof path, "%s/k", f->dir);
    assert_false(sign_make_keys(path, &key, f->error)); /* never overwritten */
    assert_non_null(strstr(f->error, "File exists"));
    strcat(path, ".pub");
    assert_true(sign_load_public(path, &key, f->error));
    assert_true(sign_is_same(&key, &f->signer));
}

/* ---- Damage ---- */

/* Reads all of it. false: refused somewhere. */
static bool is_accepted(char *data, size_t size, char error[BUNDLE_ERROR_MAX])
{
    bundle_info info;
    bundle_record record;
    bundle_step step = BUNDLE_BROKEN;
    bundle_reader *r = bundle_open(data, size, &info, error);

    while (r && (step = bundle_next(r, &record, error)) == BUNDLE_RECORD)
        ;
    bundle_close(r);
    return step == BUNDLE_END;
}

static char *copy_of(const char *data, size_t size)
{
    char *copy = malloc(size ? size : 1); /* exact, for the sanitizers */

    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

static void test_every_flipped_bit(void **state)
{
    fixture *f = *state;
    bundle_info info;
    size_t size;

    for (int is_signed = 0; is_signed < 2; is_signed++) {
        write_bundle(f, 2, is_signed ? &f->secret : NULL, &info);
        char *data = load(f, &size);
        assert_true(is_accepted(copy_of(data, size), size, f->error));
        for (size_t bit = 0; bit < 8 * size; bit++) {
            char *bad = copy_of(data, size);
            bad[bit / 8] ^= (char)(1 << bit % 8);
            if (is_accepted(bad, size, f->error))
                fail_msg("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
        }
        free(data);
    }
}

static void test_every_length(void **state)
{
    fixture *f = *state;
    bundle_info info;
    size_t size;

    write_bundle(f, 3, NULL, &info);
    char *data = load(f, &size);
    for (size_t n = 0; n < size; n++)
        assert_false(is_accepted(copy_of(data, n), n, f->error));
    char *longer = malloc(size + 1);
    assert_non_null(longer);
    memcpy(longer, data, size);
    longer[size] = '\0';
    assert_false(is_accepted(longer, size + 1, f->error));
    free(data);
}

/* ---- Malice: right digests over wrong content ---- */

typedef struct content {
    char bytes[512];
    size_t size;
    uint64_t records;
} content;

static void put(content *c, const char *key, uint32_t key_size, const char *value,
                uint32_t value_size)
{
    const uint32_t sizes[2] = { key_size, value_size };

    memcpy(c->bytes + c->size, sizes, sizeof sizes);
    memcpy(c->bytes + c->size + 8, key, strlen(key));
    memcpy(c->bytes + c->size + 8 + strlen(key), value, strlen(value));
    c->size += 8 + strlen(key) + strlen(value);
    c->records++;
}

static void expect_refused(const content *c, const char *why)
{
    char error[BUNDLE_ERROR_MAX];
    size_t size;
    char *bundle = wrap_content(c->bytes, c->size, c->records, &size);

    assert_false(is_accepted(bundle, size, error));
    if (!strstr(error, why))
        fail_msg("'%s' does not say '%s'", error, why);
}

static void test_hostile_records(void **state)
{
    content c = { .size = 0 };

    (void)state;
    put(&c, "b", 1, "", 0);
    put(&c, "a", 1, "", 0);
    expect_refused(&c, "record 1: its key is not behind the one before");
    c = (content){ .size = 0 };
    put(&c, "a", 1, "x", 1);
    put(&c, "a", 1, "y", 1);
    expect_refused(&c, "record 1: its key is not behind the one before");
    c = (content){ .size = 0 };
    put(&c, "a", 0, "", 0);
    expect_refused(&c, "a key of 0");
    c = (content){ .size = 0 };
    put(&c, "a", UINT32_MAX, "", UINT32_MAX);
    expect_refused(&c, "a key of 4294967295");
    c = (content){ .size = 0 };
    put(&c, "a", 1, "x", BUNDLE_VALUE_MAX);
    expect_refused(&c, "beyond the end of the content");
    c = (content){ .size = 0 };
    put(&c, "ab", 2, "x", 1);
    c.bytes[8] = '\0';
    expect_refused(&c, "a NUL in its key");
    c = (content){ .size = 0 };
    put(&c, "a", 1, "x", 1);
    c.records = 2;
    expect_refused(&c, "beyond the end of the content");
    c.records = 0;
    expect_refused(&c, "more, or less");
    c.records = UINT64_MAX;
    expect_refused(&c, "18446744073709551615 records");
}

/* The payload as a whole: not one frame of what the header says. */
static void test_hostile_payloads(void **state)
{
    content c = { .size = 0 };
    char error[BUNDLE_ERROR_MAX];
    size_t size;

    (void)state;
    put(&c, "a", 1, "xyz", 3);
    char *good = wrap_content(c.bytes, c.size, 1, &size);
    const size_t payload = size - sizeof(format_header);

    char *twice = malloc(size + payload); /* a second frame */
    memcpy(twice, good, size);
    memcpy(twice + size, good + sizeof(format_header), payload);
    repair_header(twice, size + payload);
    assert_false(is_accepted(twice, size + payload, error));

    char *skip = calloc(1, size + 16); /* a skippable one */
    const uint32_t frame[2] = { ZSTD_MAGIC_SKIPPABLE_START, 8 };
    memcpy(skip, good, size);
    memcpy(skip + size, frame, sizeof frame);
    repair_header(skip, size + 16);
    assert_false(is_accepted(skip, size + 16, error));

    char *less = copy_of(good, size); /* a content that is larger than what there is */
    ((format_header *)less)->content_size++;
    assert_false(is_accepted(less, size, error));

    char *bomb = copy_of(good, size);
    ((format_header *)bomb)->content_size = BUNDLE_RATIO_MAX * payload + 1;
    assert_false(is_accepted(bomb, size, error));
    assert_non_null(strstr(error, "at most 1024 times as much"));
    free(good);
}

/* More memory than the format allows is not taken. */
static void test_large_window(void **state)
{
    enum { SIZE = 64 };
    char error[BUNDLE_ERROR_MAX], *bundle = calloc(1, 1 << 16);
    content c = { .size = 0 };
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    format_header *h = (format_header *)bundle;

    (void)state;
    put(&c, "a", 1, "xyz", 3);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, FORMAT_WINDOW_LOG + 2);
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0);
    ZSTD_outBuffer out = { bundle + sizeof *h, (1 << 16) - sizeof *h, 0 };
    ZSTD_inBuffer in = { c.bytes, c.size, 0 };
    assert_int_equal(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_flush), 0);
    assert_int_equal(ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(zstd);
    h->records = 1;
    h->content_size = c.size;
    crypto_generichash(h->content, sizeof h->content, (unsigned char *)c.bytes, c.size, NULL, 0);
    repair_header(bundle, sizeof *h + out.pos);
    assert_false(is_accepted(bundle, sizeof *h + out.pos, error));
    assert_non_null(strstr(error, "too much memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_records_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writer_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signature, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_length, setup, teardown),
        cmocka_unit_test(test_hostile_records),
        cmocka_unit_test(test_hostile_payloads),
        cmocka_unit_test(test_large_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
