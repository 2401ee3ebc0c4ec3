#include "tests/runtime/fixture.h"

#include <dlfcn.h>
#include <elf.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ---- */

void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void write_elf(const char *path, const char *build_id)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        Elf64_Nhdr note;
        char name[4];
        unsigned char id[64];
    } elf;
    size_t size = strlen(build_id) / 2;
    memset(&elf, 0, sizeof elf);
    memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
    elf.header.e_ident[EI_CLASS] = ELFCLASS64;
    elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.header.e_phoff = sizeof elf.header;
    elf.header.e_phentsize = sizeof elf.segment;
    elf.header.e_phnum = 1;
    elf.segment.p_type = PT_NOTE;
    elf.segment.p_offset = sizeof elf.header + sizeof elf.segment;
    elf.segment.p_filesz = sizeof elf.note + 4 + ((size + 3) & ~(size_t)3);
    elf.note =
        (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = (Elf64_Word)size, .n_type = NT_GNU_BUILD_ID };
    memcpy(elf.name, "GNU", 4);
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(build_id + 2 * i, "%2x", &byte), 1);
        elf.id[i] = (unsigned char)byte;
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(&elf, sizeof elf, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* ---- The fixture ---- */

static void collect_log(void *user, aiter_log_level level, const char *message)
{
    static const char *const levels[] = { "ERROR", "WARNING", "INFO", "DEBUG" };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    fixture *f = user;
    pthread_mutex_lock(&lock);
    size_t used = strlen(f->log);
    snprintf(f->log + used, sizeof f->log - used, "%s %s\n", levels[level], message);
    pthread_mutex_unlock(&lock);
}

static fake_hip *load_fake_hip(void)
{
    void *library = dlopen(FAKE_HIP, RTLD_NOW);
    fake_hip *(*get)(void);
    assert_non_null(library);
    void *symbol = dlsym(library, "fake_hip_state");
    memcpy(&get, &symbol, sizeof get);
    return get();
}

void fixture_reset_hip(fixture *f)
{
    fake_hip *hip = f->hip = load_fake_hip();
    memset(hip, 0, sizeof *hip);
    hip->device_count = 2;
    strcpy(hip->arch[0], "gfx942:sramecc+:xnack-");
    strcpy(hip->arch[1], "gfx950:sramecc+:xnack-");
}

int fixture_setup(void **state)
{
    static const char *const scrubbed[] = { "AITER_HIP_RUNTIME", "AITER_CACHE_DIR",
                                            "AITER_COMPILER",    "XDG_CACHE_HOME",
                                            "AITER_ROCM_PREFIX", "ROCM_PATH",
                                            "AITER_CACHE_POLICY", "AITER_SYSTEM_CACHE_DIRS",
                                            "AITER_CACHE_MAX_BYTES", "AITER_RECORD",
                                            "XDG_DATA_DIRS" };
    fixture *f = calloc(1, sizeof *f);
    for (size_t i = 0; i < sizeof scrubbed / sizeof scrubbed[0]; i++)
        unsetenv(scrubbed[i]);
    strcpy(f->dir, "/tmp/aiter-runtime-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->cache_dir, sizeof f->cache_dir, "%s/cache", f->dir);
    snprintf(f->compiler_dir, sizeof f->compiler_dir, "%s/compiler", f->dir);
    snprintf(f->library, sizeof f->library, "%s/compiler/libfake.so", f->dir);
    mkdir(f->compiler_dir, 0700);
    setenv("FAKE_COMPILER_DIR", f->compiler_dir, 1);
    setenv("HOME", f->dir, 1);
    fixture_reset_hip(f);
    fixture_compiler_mode(f, "ok");
    fixture_set_toolchain(f, "0123456789abcdef");
    f->options = (aiter_context_options){
        .size = sizeof f->options,
        .hip_runtime = FAKE_HIP,
        .cache_dir = f->cache_dir,
        .compiler = FAKE_COMPILER,
        .compile_jobs = 4,
        .compile_timeout_ms = 20000,
        .log = collect_log,
        .log_user = f,
    };
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    int failed = nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return failed;
}

void fixture_compiler_mode(const fixture *f, const char *mode)
{
    char path[400];
    snprintf(path, sizeof path, "%s/mode", f->compiler_dir);
    write_text(path, mode);
}

void fixture_set_toolchain(const fixture *f, const char *id)
{
    char path[400], text[900];
    write_elf(f->library, id);
    snprintf(path, sizeof path, "%s/identity", f->compiler_dir);
    snprintf(text, sizeof text, "fake %s %s\n", id, f->library);
    write_text(path, text);
}

int fixture_count(const fixture *f, const char *prefix)
{
    char path[400], line[512];
    int count = 0;
    snprintf(path, sizeof path, "%s/log", f->compiler_dir);
    FILE *log = fopen(path, "r");
    while (log && fgets(line, sizeof line, log))
        count += strncmp(line, prefix, strlen(prefix)) == 0;
    if (log)
        fclose(log);
    return count;
}

aiter_context *fixture_context(fixture *f)
{
    aiter_context *ctx = NULL;
    assert_ok(aiter_context_create(&ctx, &f->options));
    assert_non_null(ctx);
    return ctx;
}

aiter_stats fixture_stats(const aiter_context *ctx)
{
    aiter_stats stats = { .size = sizeof stats };
    assert_ok(aiter_context_stats(ctx, &stats));
    return stats;
}

/* ---- Arguments ---- */

void input_restride(input *in)
{
    for (int t = 0; t < NUM_TENSORS; t++) {
        int64_t stride = 1;
        for (int d = in->tensor[t].ndim - 1; d >= 0; d--) {
            in->strides[t][d] = stride;
            stride *= in->shape[t][d];
        }
    }
}

static void set_shape(input *in, int t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[5] = { a, b, c, d, 0 };
    memcpy(in->shape[t], shape, sizeof shape);
}

void input_init_dim(input *in, int head_dim)
{
    memset(in, 0, sizeof *in);
    set_shape(in, Q, 2, 100, 8, head_dim);
    set_shape(in, K, 2, 130, 2, head_dim);
    set_shape(in, V, 2, 130, 2, head_dim);
    set_shape(in, OUT, 2, 100, 8, head_dim);
    set_shape(in, LSE, 2, 8, 100, 0);
    for (int t = 0; t < NUM_TENSORS; t++) {
        in->tensor[t] = (DLTensor){
            .data = (void *)(UINT64_C(0x100000000) * (unsigned)(t + 1)),
            .device = { kDLROCM, 0 },
            .ndim = t == LSE ? 3 : 4,
            .dtype = { t == LSE ? kDLFloat : kDLBfloat, t == LSE ? 32 : 16, 1 },
            .shape = in->shape[t],
            .strides = in->strides[t],
        };
    }
    input_restride(in);
    in->args = (aiter_attn_args){
        .size = sizeof in->args,
        .q = &in->tensor[Q],
        .k = &in->tensor[K],
        .v = &in->tensor[V],
        .out = &in->tensor[OUT],
        .lse = &in->tensor[LSE],
    };
}

void input_init(input *in)
{
    input_init_dim(in, 128);
}

/* ---- Assertions ---- */

void assert_failed(aiter_status actual, aiter_status expected, const char *text)
{
    if (actual != expected)
        fail_msg("%s instead of %s: %s", aiter_status_string(actual), aiter_status_string(expected),
                 aiter_last_error());
    if (!strstr(aiter_last_error(), text))
        fail_msg("the message is \"%s\", expected \"%s\" in it", aiter_last_error(), text);
}

void assert_ok(aiter_status actual)
{
    if (actual != AITER_OK)
        fail_msg("%s: %s", aiter_status_string(actual), aiter_last_error());
}
