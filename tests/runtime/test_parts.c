/* The runtime's own pieces, linked directly. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/buildid.h"
#include "runtime/envelope.h"
#include "runtime/error.h"
#include "runtime/failures.h"
#include "runtime/key.h"
#include "runtime/overlap.h"
#include "runtime/problem.h"
#include "runtime/table.h"
#include "tests/runtime/fixture.h"

static gen_config config_of(const char *text)
{
    char why[GEN_ERROR_MAX];
    gen_config config;
    if (!gen_config_parse(text, &config, why))
        fail_msg("%s", why);
    return config;
}

static gen_config some_config(void)
{
    return config_of("fmha_fwd arch=gfx942 dtype=fp16 hdqk=64");
}

/* ---- Kernel arguments: each goes from its place in the structure to its place in the segment ---- */

static void check_packing(const char *text)
{
    gen_config config = config_of(text);
    gen_kernel kernel;
    union {
        gen_fmha_fwd_args args;
        unsigned char bytes[sizeof(gen_fmha_fwd_args)];
    } from, to;
    gen_kernel_describe(&config, &kernel);
    assert_true(kernel.kernarg_bytes <= sizeof to);
    for (size_t i = 0; i < sizeof from; i++)
        from.bytes[i] = (unsigned char)(i * 37 + 11);
    memset(&to, 0, sizeof to);
    gen_kernel_pack(&kernel, &from.args, &to);
    for (size_t i = 0; i < kernel.num_args; i++) {
        const gen_arg *arg = &kernel.args[i];
        assert_memory_equal(to.bytes + arg->offset, from.bytes + arg->source, arg->size);
    }
}

static void test_arguments_are_packed(void **state)
{
    (void)state;
    check_packing("fmha_fwd arch=gfx942 dtype=fp16 hdqk=64");
    check_packing("fmha_fwd arch=gfx942 dtype=fp16 hdqk=64 window=both softcap=1 alibi=1 sink=1 "
                  "bias=1 seqlens_q=cu seqlens_k=used block_size=16 kv=fp8");
}

/* ---- Table ---- */

enum { MANY = 1000 };

static rt_kernel *new_kernel(int gqa)
{
    rt_kernel *k = calloc(1, sizeof *k);
    k->config = some_config();
    k->config.gqa = gqa;
    return k;
}

static void count_and_free(void *user, rt_kernel *kernel)
{
    ++*(int *)user;
    free(kernel);
}

static void test_table_grows(void **state)
{
    (void)state;
    rt_table table = { 0 };
    gen_config config = some_config();
    int freed = 0;
    assert_null(rt_table_find(&table, &config));
    for (int i = 1; i <= MANY; i++)
        assert_true(rt_table_add(&table, new_kernel(i)));
    for (int i = 1; i <= MANY; i++) {
        config.gqa = i;
        assert_int_equal(rt_table_find(&table, &config)->config.gqa, i);
    }
    config.gqa = MANY + 1;
    assert_null(rt_table_find(&table, &config));
    rt_table_clear(&table, count_and_free, &freed);
    assert_int_equal(freed, MANY);
}

static void *look_for_all(void *user)
{
    const rt_table *table = user;
    gen_config config = some_config();
    for (int seen = 1; seen <= MANY;) {
        config.gqa = seen;
        const rt_kernel *k = rt_table_find(table, &config);
        if (k && k->config.gqa != seen)
            return (void *)1;
        seen += k != NULL;
    }
    return NULL;
}

static void test_table_is_read_while_it_grows(void **state)
{
    (void)state;
    rt_table table = { 0 };
    pthread_t readers[3];
    int freed = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&readers[i], NULL, look_for_all, &table);
    for (int i = 1; i <= MANY; i++)
        assert_true(rt_table_add(&table, new_kernel(i)));
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(readers[i], &wrong);
        assert_null(wrong);
    }
    rt_table_clear(&table, count_and_free, &freed);
}

/* ---- Overlap, against counting every element ---- */

static const rt_tensor_rule small_rule = { .name = "t", .rank = 4, .dims = { "a", "b", "c", "d" },
                                           .dtypes = 7 };

static rt_tensor small_tensor(unsigned *seed)
{
    static const int64_t strides[] = { 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 };
    rt_tensor t = { .rule = &small_rule, .elem_bytes = 2 };
    int64_t elements = 1;
    for (int d = 0; d < 4; d++) {
        t.size[d] = 1 + rand_r(seed) % 3;
        t.stride[d] = d == 3 ? 1 : strides[rand_r(seed) % 10];
        elements += (t.size[d] - 1) * t.stride[d];
    }
    t.extent = 2 * (uint64_t)elements;
    return t;
}

static void mark(const rt_tensor *t, unsigned char *memory, unsigned char bit)
{
    for (int64_t a = 0; a < t->size[0]; a++)
        for (int64_t b = 0; b < t->size[1]; b++)
            for (int64_t c = 0; c < t->size[2]; c++)
                for (int64_t d = 0; d < t->size[3]; d++) {
                    int64_t at =
                        a * t->stride[0] + b * t->stride[1] + c * t->stride[2] + d * t->stride[3];
                    memory[t->address + 2 * (uint64_t)at] |= bit;
                    memory[t->address + 2 * (uint64_t)at + 1] |= bit;
                }
}

static bool really_overlap(const rt_tensor *a, const rt_tensor *b)
{
    unsigned char memory[2048] = { 0 };
    mark(a, memory, 1);
    mark(b, memory, 2);
    for (size_t i = 0; i < sizeof memory; i++)
        if (memory[i] == 3)
            return true;
    return false;
}

/* Never "apart" for what shares an element. Half of the pairs have equal strides, as slices of one
 * buffer. */
static void test_overlap_misses_nothing(void **state)
{
    (void)state;
    unsigned seed = 1;
    int apart = 0, shared = 0;
    for (int i = 0; i < 200000; i++) {
        rt_tensor a = small_tensor(&seed), b = small_tensor(&seed);
        if (i % 2) {
            b.extent = 2;
            for (int d = 0; d < 4; d++) {
                b.stride[d] = a.stride[d];
                b.extent += 2 * (uint64_t)((b.size[d] - 1) * b.stride[d]);
            }
        }
        a.address = 512 + 2 * (unsigned)(rand_r(&seed) % 64);
        b.address = 512 + 2 * (unsigned)(rand_r(&seed) % 64);
        bool real = really_overlap(&a, &b);
        if (real)
            assert_true(rt_overlap(&a, &b));
        shared += real;
        apart += !rt_overlap(&a, &b);
    }
    assert_true(shared > 10000);
    assert_true(apart > 10000);
}

/* For nested layouts with equal strides the answer is exact. */
static void test_slices_are_told_apart(void **state)
{
    (void)state;
    for (unsigned offset = 0; offset < 96; offset++) {
        rt_tensor a = { .rule = &small_rule,
                        .elem_bytes = 2,
                        .address = 512,
                        .size = { 2, 3, 2, 4 },
                        .stride = { 96, 32, 8, 1 },
                        .extent = 2 * (96 + 64 + 8 + 4) };
        rt_tensor b = a;
        b.address += 2 * offset;
        assert_int_equal(rt_overlap(&a, &b), really_overlap(&a, &b));
        assert_int_equal(rt_overlap(&b, &a), really_overlap(&a, &b));
    }
}

/* ---- Build-ids ---- */

static void test_build_id(void **state)
{
    fixture *f = *state;
    char path[400], id[RT_BUILD_ID_MAX];
    snprintf(path, sizeof path, "%s/lib.so", f->dir);
    write_elf(path, "00112233445566778899aabbccddeeff01234567");
    assert_true(rt_build_id(path, id));
    assert_string_equal(id, "00112233445566778899aabbccddeeff01234567");
    write_elf(path, "");
    assert_false(rt_build_id(path, id));
    write_text(path, "no ELF file");
    assert_false(rt_build_id(path, id));
    assert_false(rt_build_id("/nowhere/lib.so", id));
    assert_false(rt_build_id(f->dir, id));
}

/* A file cut anywhere, or with any byte changed, is read without harm. */
static void test_build_id_of_damaged_files(void **state)
{
    fixture *f = *state;
    char path[400], id[RT_BUILD_ID_MAX];
    unsigned char bytes[4096];
    snprintf(path, sizeof path, "%s/lib.so", f->dir);
    write_elf(path, "00112233445566778899aabbccddeeff01234567");
    FILE *file = fopen(path, "r");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i < size; i++) {
        unsigned char kept = bytes[i];
        bytes[i] = (unsigned char)(i % 3 ? 0xff : kept + 1);
        file = fopen(path, "w");
        fwrite(bytes, 1, i % 2 ? size : i, file);
        fclose(file);
        if (rt_build_id(path, id))
            assert_true(strlen(id) < sizeof id);
        bytes[i] = kept;
    }
}

/* ---- Envelopes ---- */

static void test_envelope_damage_is_seen(void **state)
{
    (void)state;
    gen_config config = some_config();
    gen_kernel kernel;
    gen_kernel_describe(&config, &kernel);
    char image[128] = "\177ELF", metadata[1024], why[GEN_ERROR_MAX];
    snprintf(
        metadata, sizeof metadata,
        "target amdgcn-amd-amdhsa--gfx942\nkernel %s\nkernarg_segment_size 176\n"
        "kernarg_segment_align 8\n"
        "group_segment_fixed_size 1\nprivate_segment_fixed_size 0\nuses_dynamic_stack 0\n"
        "sgpr_count 2\n"
        "vgpr_count 3\nagpr_count 0\nsgpr_spill_count 0\nvgpr_spill_count 0\n"
        "max_flat_workgroup_size 1024\n"
        "wavefront_size 64\nend\n",
        kernel.symbol);
    size_t size;
    char *whole = rt_envelope_make(image, sizeof image, metadata, strlen(metadata), &size);
    rt_code code;
    for (size_t cut = 0; cut <= size; cut++) {
        char *block = malloc(cut + 1);
        memcpy(block, whole, cut);
        bool good = rt_envelope_open(block, cut, &kernel, &code, why);
        assert_int_equal(good, cut == size);
        if (good) {
            assert_memory_equal(code.image, image, sizeof image);
            assert_int_equal(code.image_size, sizeof image);
            assert_int_equal(code.facts.vgprs, 3);
            assert_int_equal((uintptr_t)code.image % 16, 0);
            rt_code_free(&code);
        }
    }
    for (size_t at = 0; at < 32; at++) { /* each byte of the header but the reserved ones decides */
        char *block = malloc(size);
        memcpy(block, whole, size);
        block[at] ^= 0x40;
        bool good = rt_envelope_open(block, size, &kernel, &code, why);
        assert_int_equal(good, at >= 24);
        if (good)
            rt_code_free(&code);
    }
    free(whole);
}

/* ---- Remembered failures ---- */

static void test_failures(void **state)
{
    (void)state;
    const uint64_t s = 1000000000;
    rt_failures *failures = rt_failures_new();
    rt_fail(AITER_ERROR_COMPILE_FAILED, "line 7");
    rt_failures_add(failures, "a", AITER_ERROR_COMPILE_FAILED, 100 * s, s);
    rt_fail(AITER_ERROR_COMPILER_DIED, "signal 11");
    rt_failures_add(failures, "b", AITER_ERROR_COMPILER_DIED, 100 * s, s / 2);
    rt_failures_add(failures, "c", AITER_ERROR_COMPILER_TIMEOUT, 100 * s, 120 * s);
    rt_failures_add(failures, "d", AITER_ERROR_OUT_OF_MEMORY, 100 * s, s);
    rt_fail(AITER_ERROR_HIP, "something else");
    assert_int_equal(rt_failures_find(failures, "a", 1000000 * s), AITER_ERROR_COMPILE_FAILED);
    assert_string_equal(aiter_last_error(), "line 7");
    assert_int_equal(rt_failures_find(failures, "b", 109 * s), AITER_ERROR_COMPILER_DIED);
    assert_string_equal(aiter_last_error(), "signal 11");
    assert_int_equal(rt_failures_find(failures, "b", 110 * s), AITER_OK);
    assert_int_equal(rt_failures_find(failures, "c", 1299 * s), AITER_ERROR_COMPILER_TIMEOUT);
    assert_int_equal(rt_failures_find(failures, "c", 1300 * s), AITER_OK);
    assert_int_equal(rt_failures_find(failures, "d", 100 * s), AITER_OK);
    assert_int_equal(rt_failures_find(failures, "e", 100 * s), AITER_OK);
    rt_failures_free(failures);
}

/* ---- Messages ---- */

static void test_long_message_is_cut(void **state)
{
    (void)state;
    char *log = malloc(20000);
    memset(log, 'x', 19999);
    log[19999] = '\0';
    assert_int_equal(rt_fail(AITER_ERROR_COMPILE_FAILED, "head %s", log),
                     AITER_ERROR_COMPILE_FAILED);
    assert_int_equal(strlen(aiter_last_error()), RT_MESSAGE_MAX - 1);
    assert_memory_equal(aiter_last_error(), "head xxx", 8);
    assert_non_null(strstr(aiter_last_error(), "[message cut here"));
    free(log);
}

static void *own_message(void *user)
{
    (void)user;
    return aiter_last_error()[0] == '\0' ? NULL : (void *)1;
}

static void test_messages_are_per_thread(void **state)
{
    (void)state;
    pthread_t thread;
    void *wrong;
    rt_fail(AITER_ERROR_HIP, "mine");
    pthread_create(&thread, NULL, own_message, NULL);
    pthread_join(thread, &wrong);
    assert_null(wrong);
    rt_fail(AITER_ERROR_HIP, "again: %s", aiter_last_error());
    assert_string_equal(aiter_last_error(), "again: mine");
}

/* ---- Keys ---- */

static void test_a_key_is_taken_apart_again(void **state)
{
    (void)state;
    gen_config config = some_config();
    char text[GEN_TEXT_MAX];
    rt_key parsed;
    gen_config_print(&config, text);
    char *key = rt_key_make(&config, "aa", "bb");
    assert_non_null(key);
    assert_true(rt_key_parse(key, &parsed));
    assert_string_equal(parsed.generator, "aa");
    assert_string_equal(parsed.config, text);
    assert_string_equal(parsed.target, "amdgcn-amd-amdhsa--gfx942");
    assert_string_equal(parsed.toolchain, "bb");
    assert_int_equal(parsed.options_size, strlen(gen_options(&config)));
    assert_memory_equal(parsed.options, gen_options(&config), parsed.options_size);
    for (size_t cut = 0; cut < strlen(key); cut++) { /* any part of it is no key */
        char *part = strndup(key, cut);
        assert_false(rt_key_parse(part, &parsed));
        free(part);
    }
    char *longer = malloc(strlen(key) + 2);
    strcat(strcpy(longer, key), "x");
    assert_false(rt_key_parse(longer, &parsed));
    longer[strlen("aiter code ")] = '9';
    assert_false(rt_key_parse(longer, &parsed));
    free(longer);
    free(key);
    assert_false(rt_key_parse(rt_identity_last_key, &parsed));
}

static void test_long_fields_of_a_key_are_refused(void **state)
{
    (void)state;
    gen_config config = some_config();
    char digest[200];
    rt_key parsed;
    memset(digest, 'f', sizeof digest);
    digest[RT_DIGEST_MAX - 1] = '\0';
    char *key = rt_key_make(&config, digest, digest);
    assert_true(rt_key_parse(key, &parsed));
    free(key);
    digest[RT_DIGEST_MAX - 1] = 'f';
    digest[RT_DIGEST_MAX] = '\0';
    key = rt_key_make(&config, "aa", digest);
    assert_false(rt_key_parse(key, &parsed));
    free(key);
    key = rt_key_make(&config, digest, "bb");
    assert_false(rt_key_parse(key, &parsed));
    free(key);
}

static void test_identities_differ_in_names_and_build_ids_only(void **state)
{
    (void)state;
    char a[RT_DIGEST_MAX], b[RT_DIGEST_MAX];
    assert_true(rt_identity_digest("x 01 /a\ny 02 /b\n", a));
    assert_true(rt_identity_digest("x 01 /c\ny 02 /with a space", b));
    assert_string_equal(a, b);
    assert_true(rt_identity_digest("x 01 /a\ny 03 /b\n", b));
    assert_string_not_equal(a, b);
    static const char *const bad[] = { "", "x\n", "x 01\n", "x 01 \n", "x  /a\n", " 01 /a\n",
                                       "x 01 /a\n\ny 02 /b\n" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rt_identity_digest(bad[i], b));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_are_packed),
        cmocka_unit_test(test_table_grows),
        cmocka_unit_test(test_table_is_read_while_it_grows),
        cmocka_unit_test(test_overlap_misses_nothing),
        cmocka_unit_test(test_slices_are_told_apart),
        T(test_build_id),
        T(test_build_id_of_damaged_files),
        cmocka_unit_test(test_envelope_damage_is_seen),
        cmocka_unit_test(test_a_key_is_taken_apart_again),
        cmocka_unit_test(test_long_fields_of_a_key_are_refused),
        cmocka_unit_test(test_identities_differ_in_names_and_build_ids_only),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_messages_are_per_thread),
    };
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
