/* What verify and import make of records that are wrong, another version's or not a kernel's, and
 * of bundles that only look right. The commands are called as main() calls them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache/cache.h"
#include "runtime/envelope.h"
#include "runtime/key.h"
#include "tools/precompile/commands.h"
#include "tools/precompile/transfer.h"

#define IDENTITY "libhiprtc.so.6 0123abcd /opt/rocm/lib/libhiprtc.so.6\n"
#define CONFIG "fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 hdv=64 mask=causal gqa=8 lse=0"

typedef struct fixture {
    char dir[64], cache[80], bundle[80];
    char toolchain[RT_DIGEST_MAX];
    cache_store *store;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char why[512];

    assert_non_null(f);
    strcpy(f->dir, "/tmp/aiter-transfer-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->dir);
    snprintf(f->bundle, sizeof f->bundle, "%s/bundle", f->dir);
    assert_true(rt_identity_digest(IDENTITY, f->toolchain));
    if (cache_open(&f->store, f->cache, 0, why, sizeof why) != CACHE_OK)
        fail_msg("%s", why);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    cache_close(f->store);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* ---- Records ---- */

typedef struct record {
    char *key;
    void *value;
    size_t size;
} record;

static void record_free(record *r)
{
    free(r->key);
    free(r->value);
}

/* What the compiler could have made of `config`; `fill` makes the code differ. */
static record make_kernel(const char *config, const char *generator, const char *compiler,
                          char fill)
{
    char why[GEN_ERROR_MAX], metadata[GEN_SYMBOL_MAX + 512], image[512];
    gen_config parsed;
    gen_kernel kernel;
    record r = { 0 };

    assert_true(gen_config_parse(config, &parsed, why));
    gen_kernel_describe(&parsed, &kernel);
    memset(image, fill, sizeof image);
    memcpy(image, ELFMAG, SELFMAG);
    snprintf(metadata, sizeof metadata,
             "kernel %s\nkernarg_segment_size %u\nvgpr_count 100\nmax_flat_workgroup_size %d\n"
             "group_segment_fixed_size 4096\nend\n", kernel.symbol, kernel.kernarg_bytes,
             kernel.block);
    r.value = rt_envelope_make(image, sizeof image, metadata, strlen(metadata), &r.size);
    r.key = rt_key_make(&parsed, generator, compiler);
    assert_true(r.key && r.value);
    return r;
}

static record good_kernel(const fixture *f)
{
    return make_kernel(CONFIG, gen_digest(), f->toolchain, 7);
}

static void put(fixture *f, const record *r)
{
    char why[512];

    if (cache_put(f->store, r->key, r->value, r->size, why, sizeof why) != CACHE_OK)
        fail_msg("%s", why);
}

static void write_bundle(fixture *f, const record *records, int count)
{
    char why[BUNDLE_ERROR_MAX];
    bundle_info info;
    bundle_writer *w = bundle_create(f->bundle, why);

    for (int i = 0; i < count; i++) {
        const bundle_record r = { records[i].key, strlen(records[i].key), records[i].value,
                                  records[i].size };
        if (!bundle_add(w, &r, why))
            fail_msg("%s", why);
    }
    assert_true(bundle_commit(w, NULL, &info, why));
}

static bool has(fixture *f, const char *key, const void *value, size_t size)
{
    void *found;
    size_t found_size;

    if (cache_get(f->store, key, &found, &found_size, NULL, 0) != CACHE_OK)
        return false;
    const bool same = found_size == size && memcmp(found, value, size) == 0;
    free(found);
    return same;
}

static size_t count_records(fixture *f)
{
    cache_usage_info usage;

    assert_int_equal(cache_usage(f->store, &usage, NULL, 0), CACHE_OK);
    return usage.records;
}

/* ---- Commands ---- */

static int run(int (*command)(int, char **), fixture *f, const char *a, const char *b)
{
    char *argv[] = { "command", "--quiet", "--cache-dir", f->cache, (char *)a, (char *)b, NULL };
    const int argc = a ? b ? 6 : 5 : 4;

    return command(argc, argv);
}

static int import(fixture *f)
{
    return run(command_import, f, f->bundle, NULL);
}

static void test_import_stores(void **state)
{
    fixture *f = *state;
    record r = good_kernel(f);

    write_bundle(f, &r, 1);
    assert_int_equal(import(f), EXIT_OK);
    assert_true(has(f, r.key, r.value, r.size));
    assert_int_equal(run(command_verify, f, NULL, NULL), EXIT_OK);
    record_free(&r);
}

/* The cache's own record stays, whatever a bundle brings for its key. */
static void test_import_replaces_nothing(void **state)
{
    fixture *f = *state;
    record mine = good_kernel(f), theirs = make_kernel(CONFIG, gen_digest(), f->toolchain, 9);

    put(f, &mine);
    write_bundle(f, &theirs, 1);
    assert_int_equal(import(f), EXIT_OK);
    assert_true(has(f, mine.key, mine.value, mine.size));
    record_free(&mine);
    record_free(&theirs);
}

/* One wrong record, and none of the others is stored either. */
static void expect_refused(fixture *f, record *bad)
{
    record good = good_kernel(f), both[2];
    const bool first = strcmp(bad->key, good.key) < 0;

    both[0] = first ? *bad : good;
    both[1] = first ? good : *bad;
    write_bundle(f, both, 2);
    assert_int_equal(import(f), EXIT_REFUSED);
    assert_int_equal(count_records(f), 0);
    put(f, bad); /* the same record in a cache is what verify finds */
    assert_int_equal(run(command_verify, f, NULL, NULL), EXIT_FAILED);
    assert_int_equal(run(command_verify, f, "--remove", NULL), EXIT_FAILED);
    assert_int_equal(count_records(f), 0);
    record_free(&good);
    record_free(bad);
}

static record with_key(const fixture *f, const char *config, const char *target,
                       const char *compiler)
{
    record r = good_kernel(f);
    char *options = strstr(r.key, "options\n"), *last = strstr(r.key, "\ntoolchain "), *key;

    assert_true(asprintf(&key, "aiter code %d\ngenerator %s\nconfig %s\n"
                         "target amdgcn-amd-amdhsa--%s\n%.*s\ntoolchain %s\n",
                         RT_ENVELOPE_VERSION, gen_digest(), config, target,
                         (int)(last - options), options, compiler) > 0);
    free(r.key);
    r.key = key;
    return r;
}

static void test_wrong_records_are_refused(void **state)
{
    fixture *f = *state;
    const char *const other =
        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=8 lse=0";
    record r;

    r = with_key(f, other, "gfx942", f->toolchain); /* the code of another kernel */
    expect_refused(f, &r);
    r = with_key(f, "fmha_fwd dtype=bf16 arch=gfx942 hdqk=64 hdv=64 mask=causal gqa=8 lse=0",
                 "gfx942", f->toolchain); /* not canonical */
    expect_refused(f, &r);
    r = with_key(f, CONFIG, "gfx950", f->toolchain); /* another target */
    expect_refused(f, &r);
    r = with_key(f, "nonsense", "gfx942", f->toolchain);
    expect_refused(f, &r);
    r = with_key(f, CONFIG, "gfx942", "../../etc/passwd"); /* not a digest */
    expect_refused(f, &r);
    r = make_kernel("fmha_fwd arch=gfx942 dtype=bf16 hdqk=32 mask=none", gen_digest(), f->toolchain,
                    0);
    memset((char *)r.value + 32, 0, 4); /* no code object */
    expect_refused(f, &r);
}

/* Another version's kernels are left out, and so is what this version does not know. */
static void test_foreign_records(void **state)
{
    fixture *f = *state;
    char generator[RT_DIGEST_MAX];
    memset(generator, 'f', sizeof generator - 1);
    generator[sizeof generator - 1] = '\0';
    record records[] = {
        { strdup("aiter code 0\nsomething"), strdup("x"), 1 },
        good_kernel(f),
        make_kernel(CONFIG, generator, f->toolchain, 7),
        { strdup("something else"), strdup("yz"), 2 },
    };

    write_bundle(f, records, 4);
    assert_int_equal(import(f), EXIT_OK);
    assert_int_equal(count_records(f), 1);
    assert_true(has(f, records[1].key, records[1].value, records[1].size));
    put(f, &records[2]);
    put(f, &records[3]);
    assert_int_equal(run(command_verify, f, NULL, NULL), EXIT_OK);
    assert_int_equal(run(command_prune, f, "--stale", NULL), EXIT_OK);
    assert_int_equal(count_records(f), 1); /* its toolchain is not known either */
    assert_true(has(f, "something else", "yz", 2));
    for (int i = 0; i < 4; i++)
        record_free(&records[i]);
}

/* ---- Toolchains ---- */

static record make_identity(const char *digest, const char *text)
{
    char key[TRANSFER_KEY_MAX];

    transfer_identity_key(digest, key);
    return (record){ strdup(key), strdup(text), strlen(text) };
}

/* Where no compiler is known, kernels are looked up by the bundle's; a later bundle changes that on
 * request only. */
static void test_toolchain(void **state)
{
    static const char first[] = "libhiprtc.so.6 0123abcd -\n", second[] = "libhiprtc.so.7 ffff -\n";
    fixture *f = *state;
    char digest[RT_DIGEST_MAX];
    record records[] = { good_kernel(f), make_identity(f->toolchain, first) };

    write_bundle(f, records, 2);
    assert_int_equal(import(f), EXIT_OK);
    assert_true(has(f, rt_identity_last_key, first, strlen(first)));
    record_free(&records[1]);
    assert_true(rt_identity_digest(second, digest));
    records[1] = make_identity(digest, second);
    write_bundle(f, records, 2);
    assert_int_equal(import(f), EXIT_OK);
    assert_true(has(f, rt_identity_last_key, first, strlen(first)));
    assert_int_equal(run(command_import, f, "--use-toolchain", f->bundle), EXIT_OK);
    assert_true(has(f, rt_identity_last_key, second, strlen(second)));
    record_free(&records[1]);
    records[1] = make_identity(f->toolchain, second); /* under a digest that it does not have */
    write_bundle(f, records, 2);
    assert_int_equal(import(f), EXIT_REFUSED);
    for (int i = 0; i < 2; i++)
        record_free(&records[i]);
}

/* No path of the machine that exported gets into the bundle. */
static void test_export_has_no_paths(void **state)
{
    fixture *f = *state;
    record r = good_kernel(f), last = { strdup(rt_identity_last_key), strdup(IDENTITY),
                                        strlen(IDENTITY) };
    char *argv[] = { "export", "--quiet", "--cache-dir", f->cache, "--output", f->bundle, NULL };
    char key[TRANSFER_KEY_MAX];
    const axis trusted = { 0 };
    const cli_tool tool = { .name = "test" };
    bundle_reader *reader;
    bundle_record got;
    bundle_info info;
    char why[BUNDLE_ERROR_MAX];

    put(f, &r);
    put(f, &last);
    assert_int_equal(command_export(6, argv), EXIT_OK);
    assert_int_equal(transfer_open(&tool, f->bundle, &trusted, &reader, &info), 0);
    assert_int_equal(info.records, 2);
    assert_int_equal(bundle_next(reader, &got, why), BUNDLE_RECORD);
    assert_string_equal(got.key, r.key);
    assert_int_equal(bundle_next(reader, &got, why), BUNDLE_RECORD);
    transfer_identity_key(f->toolchain, key);
    assert_string_equal(got.key, key);
    assert_int_equal(got.value_size, strlen("libhiprtc.so.6 0123abcd -\n"));
    assert_memory_equal(got.value, "libhiprtc.so.6 0123abcd -\n", got.value_size);
    assert_int_equal(bundle_next(reader, &got, why), BUNDLE_END);
    bundle_close(reader);
    record_free(&r);
    record_free(&last);
}

/* A hostile key does not reach the terminal as it is. */
static void test_names(void **state)
{
    char name[RECORD_NAME_MAX];

    (void)state;
    assert_string_equal(record_name("a\x1b[2J\nb\xff", name), "a?[2J?b?");
}

/* ---- Merging ---- */

static void test_merge_conflict(void **state)
{
    fixture *f = *state;
    record a = good_kernel(f), b = make_kernel(CONFIG, gen_digest(), f->toolchain, 9);
    char other[96], out[96];
    char *argv[] = { "merge", "--quiet", "--output", out, f->bundle, other, NULL };

    snprintf(other, sizeof other, "%s/other", f->dir);
    snprintf(out, sizeof out, "%s/out", f->dir);
    write_bundle(f, &b, 1);
    assert_int_equal(rename(f->bundle, other), 0);
    write_bundle(f, &a, 1);
    assert_int_equal(command_merge(6, argv), EXIT_FAILED);
    assert_int_not_equal(access(out, F_OK), 0);
    write_bundle(f, &b, 1);
    argv[4] = f->bundle; /* cli_parse() moves arguments */
    argv[5] = other;
    argv[0] = "merge", argv[1] = "--quiet", argv[2] = "--output", argv[3] = out;
    assert_int_equal(command_merge(6, argv), EXIT_OK);
    assert_int_equal(access(out, F_OK), 0);
    record_free(&a);
    record_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_import_stores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_import_replaces_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_records_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_toolchain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_export_has_no_paths, setup, teardown),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_merge_conflict, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
