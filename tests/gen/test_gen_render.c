/* Rendered sources.
 *
 * A source is a prologue, fragments and a template, byte for byte: that composition is checked
 * against the files in the source tree. The prologues are checked against golden files:
 * three to read (golden/NAME.txt), and digests of many (golden/digests.txt, one "SHA-256
 * configuration" a line). After an intended change, `cmake --build BUILD --target gen-golden`
 * rewrites them; read the diff before committing it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "gen/gen.h"
#include "tests/gen/parse.h"

static const struct {
    const char *file, *config;
} readable[] = {
    { "gfx942-bf16-causal.txt",
      "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal gqa=8 lse=1" },
    { "gfx950-fp16-hd192x128.txt", "fmha_fwd arch=gfx950 dtype=fp16 hdqk=192 hdv=128" },
    { "gfx1100-fp32.txt", "fmha_fwd arch=gfx1100 dtype=fp32 hdqk=40 mask=causal" },
};

enum { NUM_READABLE = sizeof readable / sizeof readable[0] };

/* realloc is wrapped at link time: the call that this counts down to fails. 0: none does. */
static _Thread_local int fail_realloc_at;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    if (fail_realloc_at > 0 && --fail_realloc_at == 0)
        return NULL;
    return __real_realloc(memory, size);
}

static char *render(const char *text)
{
    gen_config config = parse(text);
    char *source = gen_render(&config);
    assert_non_null(source);
    return source;
}

static char *read_file(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: cannot be opened", path);
    size_t capacity = 1 << 20;
    char *text = calloc(1, capacity);
    size_t size = fread(text, 1, capacity - 1, file);
    assert_true(size < capacity - 1);
    fclose(file);
    return text;
}

/* Everything before the first file. */
static char *prologue_of(const char *source)
{
    const char *end = strstr(source, "#line 1 \"templates/");
    assert_non_null(end);
    return strndup(source, (size_t)(end - source));
}

static char *render_prologue(const char *text)
{
    char *source = render(text);
    char *prologue = prologue_of(source);
    free(source);
    return prologue;
}

/* ---- Composition ---- */

/* `files`: the fragments and the template, in order, NULL at the end. */
static void check_composition(const char *config, const char *const *files)
{
    char *source = render(config), *expected = prologue_of(source);
    for (int i = 0; files[i]; i++) {
        char *file = read_file(TEMPLATES_DIR, files[i]), *longer = NULL;
        assert_true(asprintf(&longer, "%s#line 1 \"templates/%s\"\n%s", expected, files[i], file) > 0);
        free(expected);
        free(file);
        expected = longer;
    }
    assert_string_equal(source, expected);
    free(expected);
    free(source);
}

#define COMPOSED(config, ...) \
    check_composition(config, (const char *const[]){ "prelude.h", "work.h", __VA_ARGS__, NULL })

static void test_source_is_prologue_fragments_template(void **state)
{
    (void)state;
    COMPOSED("fmha_fwd arch=gfx90a dtype=fp16 hdqk=64", "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=256 lse=1", "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx950 dtype=bf16 hdqk=128", "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=fp32 hdqk=128", "fmha_fwd_portable.hip");
    COMPOSED("fmha_fwd arch=gfx1201 dtype=fp32 hdqk=96", "fmha_fwd_portable.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 window=left sink=1", "matrix.h",
             "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 softcap=1", "scores.h", "matrix.h",
             "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=fp32 hdqk=64 bias=1 block_size=16", "scores.h", "pages.h",
             "fmha_fwd_portable.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 gqa=8 pack=1", "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 splits=1", "splits.h", "matrix.h",
             "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 kv=fp8 block_size=16", "fp8.h", "pages.h",
             "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_decode arch=gfx942 dtype=bf16 hdqk=64 rows=16", "matrix.h", "fmha_decode.hip");
    COMPOSED("fmha_decode arch=gfx942 dtype=bf16 hdqk=64 rows=16 alibi=1 kv=fp8 block_size=16",
             "scores.h", "fp8.h", "matrix.h", "fmha_decode.hip");
#define APPENDED "seqlens_k=used append=1"
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 " APPENDED, "matrix.h", "fmha_fwd_mfma.hip");
    COMPOSED("fmha_fwd arch=gfx942 dtype=bf16 hdqk=64 rotary=half rotary_dim=64 " APPENDED,
             "rotary.h", "matrix.h", "fmha_fwd_mfma.hip");
    check_composition("kv_append arch=gfx942 dtype=bf16 hdqk=64 kv=fp8",
                      (const char *const[]){ "prelude.h", "kv_append.hip", NULL });
    check_composition("kv_append arch=gfx90a dtype=fp32 hdqk=64 rotary=half rotary_dim=16",
                      (const char *const[]){ "prelude.h", "rotary.h", "kv_append.hip", NULL });
}

/* ---- Golden ---- */

static char *line_at(const char *text, int number)
{
    while (number-- > 0 && *text)
        text += strcspn(text, "\n") + (strchr(text, '\n') != NULL);
    return strndup(text, strcspn(text, "\n"));
}

/* Fails with the first line that differs; whole files would drown it. */
static void check_golden(const char *file, const char *text)
{
    char *expected = read_file(GOLDEN_DIR, file);
    bool same = strcmp(text, expected) == 0;
    for (int i = 0; !same; i++) {
        char *now = line_at(text, i), *before = line_at(expected, i);
        if (strcmp(now, before) != 0)
            fail_msg("golden/%s line %d\n  is       %s\n  expected %s\n"
                     "if that is intended: cmake --build BUILD --target gen-golden",
                     file, i + 1, now, before);
        free(before);
        free(now);
    }
    free(expected);
}

static void test_readable_golden_prologues(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_READABLE; i++) {
        char *prologue = render_prologue(readable[i].config);
        check_golden(readable[i].file, prologue);
        free(prologue);
    }
}

enum { DIGEST_LINE_MAX = 72 + GEN_TEXT_MAX };

static void digest_line(const char *config, char out[DIGEST_LINE_MAX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof hash + 1], *prologue = render_prologue(config);
    crypto_hash_sha256(hash, (const unsigned char *)prologue, strlen(prologue));
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(out, DIGEST_LINE_MAX, "%s %s\n", hex, config);
    free(prologue);
}

/* The configurations of digests.txt: every arch and dtype with the template head_dims and some
 * padded ones. */
static char *all_digests(void)
{
    static const int head_dims[][2] = { { 32, 32 },   { 40, 40 },   { 64, 64 },   { 96, 96 },
                                        { 128, 128 }, { 160, 160 }, { 192, 128 }, { 192, 192 },
                                        { 224, 224 }, { 256, 256 } };
    char *text = NULL, line[DIGEST_LINE_MAX], err[GEN_ERROR_MAX], config_text[GEN_TEXT_MAX];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    gen_config c = { .op = GEN_FMHA_FWD };
    for (size_t a = 0; (c.arch = gen_arch_at(a)); a++)
        for (c.dtype = GEN_FP16; c.dtype <= GEN_FP32; c.dtype++)
            for (size_t h = 0; h < sizeof head_dims / sizeof head_dims[0]; h++) {
                c.hdqk = head_dims[h][0];
                c.hdv = head_dims[h][1];
                c.mask = h % 2 ? GEN_MASK_CAUSAL : GEN_MASK_NONE;
                c.gqa = h % 3 ? 1 : 8;
                c.lse = h % 4 == 1;
                if (!gen_config_validate(&c, err))
                    continue;
                gen_config_print(&c, config_text);
                digest_line(config_text, line);
                fputs(line, out);
            }
    fclose(out);
    return text;
}

static void test_golden_digests(void **state)
{
    (void)state;
    char *digests = all_digests();
    check_golden("digests.txt", digests);
    free(digests);
}

static void write_file(const char *name, char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    printf("%s\n", path);
    free(text);
}

static int regenerate(void)
{
    for (size_t i = 0; i < NUM_READABLE; i++)
        write_file(readable[i].file, render_prologue(readable[i].config));
    write_file("digests.txt", all_digests());
    return 0;
}

/* ---- Determinism, memory ---- */

static void *render_repeatedly(void *user)
{
    for (int i = 0; i < 50; i++) {
        char *source = render(readable[0].config);
        int same = strcmp(source, user) == 0;
        free(source);
        if (!same)
            return "differs";
    }
    return NULL;
}

static void test_threads_render_the_same_bytes(void **state)
{
    (void)state;
    char *expected = render(readable[0].config);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, render_repeatedly, expected), 0);
    for (int i = 0; i < 4; i++) {
        void *difference;
        assert_int_equal(pthread_join(threads[i], &difference), 0);
        assert_null(difference);
    }
    free(expected);
}

/* Texts that mean the same configuration give the same source. */
static void test_spelling_does_not_reach_the_source(void **state)
{
    (void)state;
    char *a = render("fmha_fwd arch=gfx942:sramecc+ dtype=fp16 hdqk=64");
    char *b = render("fmha_fwd lse=0 gqa=1 hdv=64 hdqk=64 mask=none dtype=fp16 arch=gfx942");
    assert_string_equal(a, b);
    free(b);
    free(a);
}

/* A variant that is off is not in the source: the kernel is the plain one, byte for byte. */
static void test_variants_that_are_off_leave_no_trace(void **state)
{
    (void)state;
    char *plain = render("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal");
    char *off = render("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal window=right softcap=0 "
                       "alibi=0 sink=0 bias=0 rounding=nearest seqlens_q=fixed seqlens_k=fixed "
                       "block_size=0 kv=same pack=0 splits=0");
    assert_string_equal(plain, off);
    char *prologue = prologue_of(plain);
    assert_null(strstr(prologue, "VARIANT"));
    assert_null(strstr(prologue, "AITER_SOFTCAP"));
    free(prologue);
    free(off);
    free(plain);
}

static void test_short_memory_gives_null(void **state)
{
    (void)state;
    gen_config config = parse(readable[0].config);
    int failures = 0;
    for (int n = 1;; n++) {
        fail_realloc_at = n;
        char *source = gen_render(&config);
        bool reached = fail_realloc_at == 0;
        fail_realloc_at = 0;
        assert_true(reached == (source == NULL));
        free(source);
        if (!reached)
            break;
        failures++;
    }
    assert_true(failures >= 1);
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return 1;
    if (argc == 2 && strcmp(argv[1], "--regenerate") == 0)
        return regenerate();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_is_prologue_fragments_template),
        cmocka_unit_test(test_readable_golden_prologues),
        cmocka_unit_test(test_golden_digests),
        cmocka_unit_test(test_threads_render_the_same_bytes),
        cmocka_unit_test(test_spelling_does_not_reach_the_source),
        cmocka_unit_test(test_variants_that_are_off_leave_no_trace),
        cmocka_unit_test(test_short_memory_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
