/* The real helper: what aiter-compiler makes of sources, code objects and its environment. */
#include <elf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/helper/frame.h"
#include "runtime/helper/process.h"
#include "tests/helper/support.h"

/* Options of the product: no header of ROCm takes part. */
#define BARE "--hiprtc-no-builtin-header\n-nogpuinc\n-O3\n"

static const char source[] =
    "extern \"C\" __attribute__((device)) float __ocml_sin_f32(float);\n"
    "extern \"C\" __attribute__((global)) __attribute__((amdgpu_flat_work_group_size(128, 128)))\n"
    "void scale(float *out, const float *in, int n, float factor) {\n"
    "    __attribute__((shared)) float tile[128];\n"
    "    int lane = __builtin_amdgcn_workitem_id_x();\n"
    "    tile[lane] = __builtin_exp2f(in[lane]) * factor;\n"
    "    __builtin_amdgcn_s_barrier();\n"
    "    if (lane < n)\n"
    "        out[lane] = tile[127 - lane] + __ocml_sin_f32(in[lane + 1]);\n"
    "}\n";

/* Keeps the compiler busy far beyond any test's patience. */
static const char endless[] =
    "constexpr int spin() { int s = 0; for (int i = 0; i < 2000000000; i++) s ^= i; return s; }\n"
    "static_assert(spin() != 12345, \"\");\n";
#define ENDLESS_OPTIONS "--offload-arch=gfx942\n-fconstexpr-steps=2147483647\n" BARE

static helper_pool *open_pool(int jobs, int timeout_ms)
{
    helper_pool *pool;
    assert_int_equal(helper_pool_create(&pool, NULL, jobs, timeout_ms), HELPER_OK);
    return pool;
}

static helper_blob compile_ok(helper_pool *pool, const char *text, const char *options)
{
    helper_blob code, log;
    helper_status status =
        helper_compile(pool, "kernel.hip", text, options, &code, NULL, NULL, &log);
    if (status != HELPER_OK)
        fail_msg("status %d: %s", status, log.data ? log.data : "(no log)");
    helper_blob_free(&log);
    return code;
}

static void compile_fails(const char *text, const char *options, helper_status expected,
                          const char *part)
{
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code, metadata, identity, log;
    assert_int_equal(
        helper_compile(pool, "kernel.hip", text, options, &code, &metadata, &identity, &log),
        expected);
    assert_true(!code.data && !metadata.data && !identity.data);
    assert_log_contains(&log, part);
    helper_pool_destroy(pool);
}

/* ---- Compiling and looking into the result ---- */

static void check_kernel(const char *metadata, const char *arch, uint32_t wave_size)
{
    char target[64];
    helper_kernel *k;
    snprintf(target, sizeof target, "target amdgcn-amd-amdhsa--%s\n", arch);
    assert_int_equal(strncmp(metadata, target, strlen(target)), 0);
    assert_int_equal(helper_metadata_parse(metadata, &k), 1);
    assert_string_equal(k->name, "scale");
    assert_int_equal(k->wavefront_size, wave_size);
    assert_int_equal(k->max_flat_workgroup_size, 128);
    assert_int_equal(k->group_segment_fixed_size, 128 * sizeof(float));
    assert_int_equal(k->kernarg_segment_size, 24);
    assert_int_equal(k->kernarg_segment_align, 8);
    assert_true(k->vgpr_count > 0 && k->sgpr_count > 0);
    assert_int_equal(k->num_args, 4);
    static const uint32_t offsets[] = {0, 8, 16, 20}, sizes[] = {8, 8, 4, 4};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(k->args[i].offset, offsets[i]);
        assert_int_equal(k->args[i].size, sizes[i]);
        assert_string_equal(k->args[i].kind, i < 2 ? "global_buffer" : "by_value");
    }
    helper_kernels_free(k, 1);
}

/* Label and instruction lines of LLVM's text; an instruction ends with "// ADDRESS: WORDS". */
static void check_disassembly(const char *text)
{
    int instructions = 0, ends = 0;
    assert_non_null(strstr(text, "\nscale:\n"));
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (*line != '\t')
            continue;
        unsigned long address;
        unsigned word;
        char opcode[64];
        const char *comment = strstr(line, "// ");
        assert_int_equal(sscanf(line, "\t%63s", opcode), 1);
        assert_non_null(comment);
        assert_int_equal(sscanf(comment, "// %lx: %x", &address, &word), 2);
        instructions++;
        ends += strcmp(opcode, "s_endpgm") == 0;
    }
    assert_true(instructions > 10);
    assert_true(ends >= 1);
}

static void compile_and_inspect(const char *arch, uint32_t wave_size)
{
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code, metadata, identity, log, again, disassembly;
    char options[256];
    snprintf(options, sizeof options, "--offload-arch=%s\n" BARE, arch);
    helper_status status =
        helper_compile(pool, "kernel.hip", source, options, &code, &metadata, &identity, &log);
    if (status != HELPER_OK)
        fail_msg("status %d: %s", status, log.data);
    assert_string_equal(log.data, "");
    assert_memory_equal(code.data, ELFMAG, SELFMAG);
    assert_non_null(strstr(identity.data, "hiprtc "));
    check_kernel(metadata.data, arch, wave_size);
    helper_blob_free(&log);
    assert_int_equal(helper_inspect(pool, code.data, code.size, &again, &disassembly, &log),
                     HELPER_OK);
    assert_string_equal(again.data, metadata.data);
    check_disassembly(disassembly.data);
    helper_blob_free(&disassembly);
    helper_blob_free(&again);
    helper_blob_free(&identity);
    helper_blob_free(&metadata);
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

static void round_trip_on_each_arch(void **state)
{
    (void)state;
    compile_and_inspect("gfx90a", 64);
    compile_and_inspect("gfx942", 64);
    compile_and_inspect("gfx950", 64);
    compile_and_inspect("gfx1100", 32);
    compile_and_inspect("gfx1201", 32);
    compile_and_inspect("gfx942:sramecc+:xnack-", 64);
}

static void the_default_builtin_header_works(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code = compile_ok(pool,
        "extern \"C\" __global__ void k(float *o, int n) {\n"
        "    int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
        "    __shared__ float s[64]; s[threadIdx.x] = sinf(o[i]); __syncthreads();\n"
        "    if (i < n) o[i] = expf(s[0]) + logf(o[i]) + __shfl_xor(o[i], 1);\n"
        "}\n", "--offload-arch=gfx942\n");
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

static void warnings_come_with_the_code(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code, log;
    assert_int_equal(helper_compile(pool, "kernel.hip", "#warning look here\n",
                                    "--offload-arch=gfx942\n" BARE, &code, NULL, NULL, &log),
                     HELPER_OK);
    helper_blob_free(&code);
    assert_log_contains(&log, "kernel.hip:1:2: warning: look here");
    helper_pool_destroy(pool);
}

static void equal_requests_give_equal_bytes(void **state)
{
    (void)state;
    /* __FILE__ must be the program's name, whatever temporary file the compiler uses. */
    static const char text[] =
        "extern \"C\" __attribute__((global)) void k(char *o, int i) { const char *f = __FILE__; o[0] = f[i]; }\n";
    static const char options[] = "--offload-arch=gfx950\n" BARE;
    helper_pool *first = open_pool(1, 60000), *second = open_pool(1, 60000);
    helper_blob a = compile_ok(first, text, options), other = compile_ok(second, source, options);
    helper_blob b = compile_ok(second, text, options), c = compile_ok(first, text, options);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_int_equal(a.size, c.size);
    assert_memory_equal(a.data, c.data, a.size);
    assert_non_null(memmem(a.data, a.size, "kernel.hip", 11));
    assert_null(memmem(a.data, a.size, "comgr", 5));
    helper_blob_free(&a);
    helper_blob_free(&b);
    helper_blob_free(&c);
    helper_blob_free(&other);
    helper_pool_destroy(first);
    helper_pool_destroy(second);
}

static void variables_that_change_code_have_no_effect(void **state)
{
    (void)state;
    static const char text[] =
        "#ifdef MEDDLE\n#define V 2\n#else\n#define V 1\n#endif\n"
        "extern \"C\" __attribute__((global)) void k(int *o) { o[0] = V; }\n";
    static const char *const meddling[][2] = {
        {"HIPRTC_COMPILE_OPTIONS_APPEND", "-DMEDDLE"},
        {"HIPRTC_LINK_OPTIONS_APPEND", "--garbage"},
        {"AMD_COMGR_SAVE_TEMPS", "1"},
        {"AMD_COMGR_REDIRECT_LOGS", "/dev/stdout"},
        {"GPU_ENABLE_WGP_MODE", "0"},
        {"HIP_DEVICE_LIB_PATH", "/nonexistent"},
        {"HIP_PATH", "/nonexistent"},
        {"ROCM_PATH", "/nonexistent"},
        {"CPATH", "/nonexistent"},
        {"CCC_OVERRIDE_OPTIONS", "+-DMEDDLE"},
        {"LD_PRELOAD", ""},
    };
    helper_pool *pool = open_pool(1, 60000);
    helper_blob clean = compile_ok(pool, text, "--offload-arch=gfx1100\n" BARE);
    helper_pool_destroy(pool);
    for (size_t i = 0; i < sizeof meddling / sizeof *meddling; i++)
        setenv(meddling[i][0], meddling[i][1], 1);
    pool = open_pool(1, 60000);
    helper_blob code = compile_ok(pool, text, "--offload-arch=gfx1100\n" BARE);
    /* The macro does make a difference. */
    helper_blob other = compile_ok(pool, text, "--offload-arch=gfx1100\n-DMEDDLE\n" BARE);
    helper_pool_destroy(pool);
    for (size_t i = 0; i < sizeof meddling / sizeof *meddling; i++)
        unsetenv(meddling[i][0]);
    assert_int_equal(code.size, clean.size);
    assert_memory_equal(code.data, clean.data, clean.size);
    assert_true(other.size != clean.size || memcmp(other.data, clean.data, clean.size) != 0);
    helper_blob_free(&clean);
    helper_blob_free(&code);
    helper_blob_free(&other);
}

/* ---- Refusals ---- */

static void a_syntax_error_comes_with_its_line(void **state)
{
    (void)state;
    compile_fails("int good;\nint bad = ;\n", "--offload-arch=gfx942\n" BARE, HELPER_REJECTED,
                  "kernel.hip:2:11: error: expected expression");
}

static void a_builtin_that_the_arch_lacks_is_an_error(void **state)
{
    (void)state;
    compile_fails(
        "typedef float f4 __attribute__((ext_vector_type(4)));\n"
        "typedef _Float16 h8 __attribute__((ext_vector_type(8)));\n"
        "extern \"C\" __attribute__((global)) void k(f4 *o, const h8 *a) {\n"
        "    o[0] = __builtin_amdgcn_mfma_f32_16x16x32_f16(a[0], a[1], o[1], 0, 0, 0); }\n",
        "--offload-arch=gfx90a\n" BARE, HELPER_REJECTED, "gfx950-insts");
}

static void bad_targets_never_reach_the_compiler(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"--offload-arch=gfx9999\n", "unknown arch \"gfx9999\"; known are gfx900,"},
        {"--offload-arch=gfx1250\n", "unknown arch \"gfx1250\""},
        {"--offload-arch=\n", "unknown arch \"\""},
        {"--offload-arch=sm_90\n", "unknown arch \"sm_90\""},
        {"--gpu-architecture=gfx94\n", "unknown arch \"gfx94\""},
        {"--offload-arch=gfx942:turbo+\n", "target feature \"turbo+\""},
        {"--offload-arch=gfx942:xnack\n", "target feature \"xnack\""},
        {"--offload-arch=gfx942:xnack+:xnack-\n", "target feature \"xnack-\""},
        {"--offload-arch=gfx1100:xnack+\n", "gfx1100 has (it has none)"},
        {"-O3\n", "--offload-arch=TARGET is missing"},
        {"", "--offload-arch=TARGET is missing"},
        {"--offload-arch=gfx942\n--offload-arch=gfx950\n", "a target was given before, gfx942"},
        {"--offload-arch\ngfx9999\n", "\"--offload-arch\" is refused"},
        {"--offload-arch=gfx942\n-mcpu=gfx9999\n", "\"-mcpu=gfx9999\" is refused"},
    };
    helper_pool *pool = open_pool(1, 60000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        helper_blob code, log;
        assert_int_equal(helper_compile(pool, "k", "", bad[i][0], &code, NULL, NULL, &log),
                         HELPER_REJECTED);
        assert_log_contains(&log, bad[i][1]);
    }
    helper_pool_destroy(pool);
}

static void bad_program_names_are_refused(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    static const char *const bad[] = {"", "a/b", "a\"b", "a\nb", "a\\b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        helper_blob log;
        assert_int_equal(
            helper_compile(pool, bad[i], "", "--offload-arch=gfx942", NULL, NULL, NULL, &log),
            HELPER_REJECTED);
        assert_log_contains(&log, "is unusable");
    }
    helper_pool_destroy(pool);
}

static void expect_bad_object(helper_pool *pool, const void *bytes, size_t size, const char *part)
{
    helper_blob metadata, disassembly, log;
    helper_status status = helper_inspect(pool, bytes, size, &metadata, &disassembly, &log);
    if (status != HELPER_REJECTED)
        fail_msg("status %d for %zu bytes: %s", status, size, log.data ? log.data : "");
    assert_true(!metadata.data && !disassembly.data);
    assert_log_contains(&log, part);
}

static void what_is_no_code_object_is_refused(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    expect_bad_object(pool, "", 0, "not a code object: 0 bytes");
    expect_bad_object(pool, "\177ELF", 4, "not a code object: 4 bytes");
    expect_bad_object(pool, source, sizeof source, "that are no ELF file");
    expect_bad_object(pool, "__CLANG_OFFLOAD_BUNDLE__xxxx", 28, "this is an offload bundle");
    FILE *file = fopen("/proc/self/exe", "rb");
    static char self[1 << 20];
    size_t n = fread(self, 1, sizeof self, file);
    fclose(file);
    expect_bad_object(pool, self, n, "ELF machine 62");
    helper_pool_destroy(pool);
}

static void truncated_code_objects_are_refused(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code = compile_ok(pool, source, "--offload-arch=gfx942\n" BARE);
    for (size_t n = 64; n < code.size; n += n < 1024 ? 61 : 397)
        expect_bad_object(pool, code.data, n, "truncated");
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

static void damaged_code_objects_never_harm_the_client(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 20000);
    helper_blob code = compile_ok(pool, source, "--offload-arch=gfx942\n" BARE);
    char *copy = malloc(code.size);
    uint32_t random = 12345;
    assert_non_null(copy);
    for (int round = 0; round < 200; round++) {
        helper_blob metadata, disassembly, log;
        memcpy(copy, code.data, code.size);
        for (int i = 0; i < 8; i++) {
            random = random * 1664525 + 1013904223;
            copy[(random >> 8) % code.size] = (char)(random >> 24);
        }
        helper_status status = helper_inspect(pool, copy, code.size, &metadata, &disassembly, &log);
        assert_true(status == HELPER_OK || status == HELPER_REJECTED || status == HELPER_DIED);
        helper_kernel *k;
        int count = status == HELPER_OK ? helper_metadata_parse(metadata.data, &k) : 0;
        assert_true(count >= 0);
        if (status == HELPER_OK)
            helper_kernels_free(k, count);
        helper_blob_free(&metadata);
        helper_blob_free(&disassembly);
        helper_blob_free(&log);
    }
    free(copy);
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

/* ---- The helper's own view of the protocol ---- */

static frame_io wait_ten_seconds(void *user, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    (void)user;
    return poll(&p, 1, 10000) == 1 ? FRAME_IO_OK : FRAME_IO_TIMEOUT;
}

/* Sends a frame and expects an error that says `part`; the helper goes on. */
static void expect_error_frame(helper_process *p, const frame *request, const char *part)
{
    frame reply = {0};
    const char *why;
    assert_int_equal(frame_send(p->socket, request, wait_ten_seconds, NULL), FRAME_IO_OK);
    assert_int_equal(frame_receive(p->socket, &reply, &why, wait_ten_seconds, NULL), FRAME_IO_OK);
    assert_int_equal(reply.type, FRAME_STARTED);
    assert_int_equal(frame_receive(p->socket, &reply, &why, wait_ten_seconds, NULL), FRAME_IO_OK);
    assert_int_equal(reply.type, FRAME_ERROR);
    char *log = frame_text(&reply, FIELD_LOG, NULL);
    assert_non_null(log);
    assert_non_null(strstr(log, part));
    free(log);
    frame_free(&reply);
}

static void odd_requests_are_answered_with_an_error(void **state)
{
    (void)state;
    helper_process p;
    char how[PROCESS_HOW];
    frame request = {.type = 99};
    assert_int_equal(process_start(&p, AITER_TEST_COMPILER), 0);
    expect_error_frame(&p, &request, "unknown request 99");
    request.type = FRAME_COMPILE;
    expect_error_frame(&p, &request, "name, source or options are missing");
    request.type = FRAME_INSPECT;
    expect_error_frame(&p, &request, "the code object is missing");
    process_hang_up(&p);
    process_reap(&p, 5000, how);
    assert_string_equal(how, "exited with status 0");
}

static void a_garbled_request_ends_the_helper_in_order(void **state)
{
    (void)state;
    helper_process p;
    char how[PROCESS_HOW], tail[PROCESS_TAIL + 1], garbage[100] = "GET / HTTP/1.1";
    assert_int_equal(process_start(&p, AITER_TEST_COMPILER), 0);
    assert_int_equal(write(p.socket, garbage, sizeof garbage), sizeof garbage);
    process_reap(&p, 10000, how);
    process_tail(&p, tail);
    assert_string_equal(how, "exited with status 2");
    assert_non_null(strstr(tail, "unreadable request: no frame magic"));
}

/* ---- Identity and surroundings ---- */

static void identity_names_the_loaded_libraries(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    helper_blob before, after;
    char last[32] = "";
    bool hiprtc = false, comgr = false;
    assert_int_equal(helper_identify(pool, &before, NULL), HELPER_OK);
    for (char *line = before.data; *line; line = strchr(line, '\n') + 1) {
        char name[32], id[128], path[1024];
        assert_int_equal(sscanf(line, "%31s %127s %1023s", name, id, path), 3);
        assert_true(strcmp(last, name) < 0); /* sorted, each once */
        strcpy(last, name);
        hiprtc |= strcmp(name, "hiprtc") == 0;
        comgr |= strcmp(name, "comgr") == 0;
        assert_true(strlen(id) >= 16 && path[0] == '/');
        assert_int_equal(access(path, R_OK), 0);
    }
    assert_true(hiprtc && comgr);
    /* Compiling, with the header or without, loads nothing that would change it. */
    helper_blob code =
        compile_ok(pool, "extern \"C\" __global__ void k(float *o) { o[0] = sinf(o[1]); }\n",
                   "--offload-arch=gfx942\n");
    helper_blob_free(&code);
    assert_int_equal(helper_identify(pool, &after, NULL), HELPER_OK);
    assert_string_equal(before.data, after.data);
    helper_blob_free(&before);
    helper_blob_free(&after);
    helper_pool_destroy(pool);
}

static void an_unusable_tmpdir_is_named(void **state)
{
    (void)state;
    char file[128];
    setenv("TMPDIR", "/nonexistent/tmp", 1);
    compile_fails(source, "--offload-arch=gfx942\n" BARE, HELPER_MISSING,
                  "cannot use /nonexistent/tmp as the folder for temporary files");
    snprintf(file, sizeof file, "%s/file", watched_folder());
    fclose(fopen(file, "w"));
    setenv("TMPDIR", file, 1);
    compile_fails(source, "--offload-arch=gfx942\n" BARE, HELPER_MISSING, "Not a directory");
    unlink(file);
    setenv("TMPDIR", watched_folder(), 1);
}

static void a_rocm_prefix_without_rocm_is_named(void **state)
{
    (void)state;
    setenv("AITER_ROCM_PREFIX", "/nonexistent/rocm", 1);
    compile_fails(
        source, "--offload-arch=gfx942\n" BARE, HELPER_MISSING,
        "no usable ROCm compiler (libhiprtc 6 or later with libamd_comgr) in $AITER_ROCM_PREFIX, "
        "/nonexistent/rocm");
    setenv("AITER_ROCM_PREFIX", watched_folder(), 1);
    compile_fails(source, "--offload-arch=gfx942\n" BARE, HELPER_MISSING, watched_folder());
    unsetenv("AITER_ROCM_PREFIX");
}

static void rocm_that_appears_later_is_found(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    helper_blob identity, log;
    setenv("AITER_ROCM_PREFIX", "/nonexistent/rocm", 1);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_MISSING);
    helper_blob_free(&log);
    unsetenv("AITER_ROCM_PREFIX");
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_OK);
    helper_blob_free(&identity);
    helper_pool_destroy(pool);
}

/* ---- Parallel work, and its end by force ---- */

typedef struct job {
    helper_pool *pool;
    const char *text, *options;
    helper_status status;
    helper_blob log;
} job;

static void *run_job(void *user)
{
    job *j = user;
    helper_blob code;
    j->status =
        helper_compile(j->pool, "kernel.hip", j->text, j->options, &code, NULL, NULL, &j->log);
    helper_blob_free(&code);
    return NULL;
}

static void compiles_run_in_parallel(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(2, 60000);
    job jobs[6];
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        jobs[i] = (job){.pool = pool,
                        .text = source,
                        .options = i % 2 ? "--offload-arch=gfx942\n" BARE
                                         : "--offload-arch=gfx950\n" BARE};
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].status, HELPER_OK);
        helper_blob_free(&jobs[i].log);
    }
    pid_t pids[8];
    assert_int_equal(children_of(getpid(), pids, 8), 2);
    helper_pool_destroy(pool);
}

/* What a killed helper leaves behind is swept up by the next one. */
static void sweep_up(void)
{
    helper_pool *pool = open_pool(1, 60000);
    helper_blob code = compile_ok(pool, source, "--offload-arch=gfx942\n" BARE);
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

static void a_killed_compile_is_reported_and_the_pool_goes_on(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 60000);
    job j = {.pool = pool, .text = endless, .options = ENDLESS_OPTIONS};
    pthread_t thread;
    helper_blob warm = compile_ok(pool, source, "--offload-arch=gfx942\n" BARE);
    helper_blob_free(&warm);
    assert_int_equal(pthread_create(&thread, NULL, run_job, &j), 0);
    pid_t helper = wait_for_helper(getpid());
    sleep_ms(300);
    assert_int_equal(kill(helper, SIGKILL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(j.status, HELPER_DIED);
    assert_log_contains(&j.log, "killed by signal 9 (KILL)");
    helper_blob code = compile_ok(pool, source, "--offload-arch=gfx942\n" BARE);
    helper_blob_free(&code);
    helper_pool_destroy(pool);
}

static void an_endless_compile_ends_at_the_deadline(void **state)
{
    (void)state;
    helper_pool *pool = open_pool(1, 700);
    helper_blob log;
    int64_t start = frame_now_ms();
    assert_int_equal(
        helper_compile(pool, "kernel.hip", endless, ENDLESS_OPTIONS, NULL, NULL, NULL, &log),
        HELPER_TIMEOUT);
    assert_in_range(frame_now_ms() - start, 700, 5000);
    assert_log_contains(&log, "missed its deadline of 700 ms");
    helper_pool_destroy(pool);
    sweep_up();
}

/* In a process of its own: starts an endless compile and waits for it. */
static void hold_a_compile(void)
{
    helper_pool *pool;
    if (helper_pool_create(&pool, NULL, 1, 60000) == HELPER_OK)
        helper_compile(pool, "kernel.hip", endless, ENDLESS_OPTIONS, NULL, NULL, NULL, NULL);
}

static void the_helper_ends_with_its_client(void **state)
{
    (void)state;
    int status;
    pid_t client = fork();
    assert_true(client >= 0);
    if (client == 0) {
        hold_a_compile();
        _exit(0);
    }
    pid_t helper = wait_for_helper(client);
    sleep_ms(300); /* in the middle of the compile */
    assert_int_equal(kill(client, SIGKILL), 0);
    assert_int_equal(waitpid(client, &status, 0), client);
    assert_true(wait_until_gone(helper));
}

static void folders_in_use_are_not_swept_up(void **state)
{
    (void)state;
    helper_pool *first = open_pool(1, 60000), *second = open_pool(1, 60000);
    for (int i = 0; i < 3; i++) {
        helper_blob a = compile_ok(first, source, "--offload-arch=gfx942\n" BARE);
        helper_blob b = compile_ok(second, source, "--offload-arch=gfx942\n" BARE);
        helper_blob_free(&a);
        helper_blob_free(&b);
    }
    helper_pool_destroy(second);
    helper_blob a = compile_ok(first, source, "--offload-arch=gfx942\n" BARE);
    helper_blob_free(&a);
    helper_pool_destroy(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_watched, end_watched)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trip_on_each_arch),
        TEST(the_default_builtin_header_works),
        TEST(warnings_come_with_the_code),
        TEST(equal_requests_give_equal_bytes),
        TEST(variables_that_change_code_have_no_effect),
        TEST(a_syntax_error_comes_with_its_line),
        TEST(a_builtin_that_the_arch_lacks_is_an_error),
        TEST(bad_targets_never_reach_the_compiler),
        TEST(bad_program_names_are_refused),
        TEST(what_is_no_code_object_is_refused),
        TEST(truncated_code_objects_are_refused),
        TEST(damaged_code_objects_never_harm_the_client),
        TEST(odd_requests_are_answered_with_an_error),
        TEST(a_garbled_request_ends_the_helper_in_order),
        TEST(identity_names_the_loaded_libraries),
        TEST(an_unusable_tmpdir_is_named),
        TEST(a_rocm_prefix_without_rocm_is_named),
        TEST(rocm_that_appears_later_is_found),
        TEST(compiles_run_in_parallel),
        TEST(a_killed_compile_is_reported_and_the_pool_goes_on),
        TEST(an_endless_compile_ends_at_the_deadline),
        TEST(the_helper_ends_with_its_client),
        TEST(folders_in_use_are_not_swept_up),
    };
    return cmocka_run_group_tests_name("helper_compiler", tests, NULL, NULL);
}
