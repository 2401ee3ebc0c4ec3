/* aiter-compiler run by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/helper/support.h"

static char work[64];

/* Runs the program in `work` with these arguments (shell words); returns its exit status, output
 * with messages. */
static int run(const char *arguments, char *output, size_t size)
{
    char command[2048];
    snprintf(command, sizeof command, "cd %s && %s %s 2>&1", work, AITER_TEST_COMPILER, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = 0, got;
    char rest[4096];
    while (n + 1 < size && (got = fread(output + n, 1, size - 1 - n, pipe)) > 0)
        n += got;
    output[n] = '\0';
    while (fread(rest, 1, sizeof rest, pipe) > 0)
        continue;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect(const char *arguments, int status, const char *part)
{
    static char output[1 << 16];
    int got = run(arguments, output, sizeof output);
    if (got != status || !strstr(output, part))
        fail_msg("aiter-compiler %s: status %d, expected %d and \"%s\":\n%s", arguments, got,
                 status, part, output);
}

static void put_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", work, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static off_t file_size(const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", work, name);
    return stat(path, &st) ? -1 : st.st_size;
}

static void misuse_shows_the_usage(void **state)
{
    (void)state;
    expect("", 2, "libaiter starts this program by itself");
    expect("--frobnicate", 2, "unknown option or missing value: --frobnicate");
    expect("--compile", 2, "unknown option or missing value: --compile");
    expect("--compile x.hip", 2, "--compile needs --arch and -o");
    expect("--identify --version", 2, "usage:");
    expect("--serve=x", 2, "unknown option or missing value: --serve=x");
    expect("--help", 0, "usage:");
}

static void version_and_identity_are_printed(void **state)
{
    (void)state;
    expect("--version", 0, "aiter-compiler 0.");
    expect("--identify", 0, "hiprtc ");
}

static void a_file_is_compiled_and_inspected(void **state)
{
    (void)state;
    put_file("k.hip", "extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }\n");
    expect("--compile k.hip --arch gfx942 --option -O3 -o k.co", 0, "kernel twice\n");
    assert_true(file_size("k.co") > 1000);
    expect("--inspect k.co", 0, "arg 0 8 global_buffer");
    expect("--inspect k.co --disassemble", 0, "s_endpgm");
}

static void a_failed_compile_leaves_the_output_alone(void **state)
{
    (void)state;
    put_file("bad.hip", "int x = ;\n");
    put_file("old.co", "precious");
    expect("--compile bad.hip --arch gfx942 -o old.co", 1,
           "bad.hip:1:9: error: expected expression");
    assert_int_equal(file_size("old.co"), 8);
    expect("--compile bad.hip --arch gfx777 -o old.co", 1, "unknown arch \"gfx777\"");
    expect("--compile absent.hip --arch gfx942 -o new.co", 1,
           "absent.hip: No such file or directory");
    assert_int_equal(file_size("new.co"), -1);
    expect("--compile bad.hip --arch gfx942 -o no/such/folder.co", 1,
           "no/such/folder.co: No such file or directory");
}

static void bad_files_are_named(void **state)
{
    (void)state;
    put_file("text", "not a code object");
    expect("--inspect text", 1, "text: not a code object: 17 bytes that are no ELF file");
    expect("--inspect absent", 1, "absent: No such file or directory");
}

/* A prefix beside the configured one: links to the same libraries. */
static void the_environment_chooses_the_rocm(void **state)
{
    (void)state;
    char link[128], part[160];
    if (access(AITER_TEST_ROCM_PREFIX "/usr/lib", F_OK))
        skip(); /* built for the system's ROCm */
    snprintf(link, sizeof link, "%s/prefix", work);
    assert_int_equal(mkdir(link, 0700), 0);
    snprintf(link, sizeof link, "%s/prefix/usr", work);
    assert_int_equal(symlink(AITER_TEST_ROCM_PREFIX "/usr", link), 0);
    setenv("AITER_ROCM_PREFIX", "prefix", 1); /* relative: to where it is run */
    snprintf(part, sizeof part, " %s/lib/", link);
    expect("--identify", 0, part);
    setenv("AITER_ROCM_PREFIX", "elsewhere", 1);
    expect("--identify", 3, "elsewhere: No such file or directory");
    unsetenv("AITER_ROCM_PREFIX");
}

static void an_unusable_system_rocm_gives_way_to_the_private_one(void **state)
{
    (void)state;
    char path[128];
    if (access(AITER_TEST_ROCM_PREFIX "/usr/lib", F_OK))
        skip();
    snprintf(path, sizeof path, "%s/rocm", work);
    assert_int_equal(mkdir(path, 0700), 0);
    setenv("ROCM_PATH", path, 1);
    snprintf(path, sizeof path, "%s/rocm/lib", work);
    assert_int_equal(mkdir(path, 0700), 0);
    put_file("rocm/lib/libhiprtc.so.6", "not a library");
    expect("--identify", 0, AITER_TEST_ROCM_PREFIX);
    setenv("AITER_ROCM_PREFIX", "rocm", 1);
    expect("--identify", 3, "rocm/lib/libhiprtc.so.6: ");
    unsetenv("AITER_ROCM_PREFIX");
    unsetenv("ROCM_PATH");
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(work, sizeof work, "/tmp/aiter-test-command-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", work);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_watched, end_watched)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(misuse_shows_the_usage),
        TEST(version_and_identity_are_printed),
        TEST(a_file_is_compiled_and_inspected),
        TEST(a_failed_compile_leaves_the_output_alone),
        TEST(bad_files_are_named),
        TEST(the_environment_chooses_the_rocm),
        TEST(an_unusable_system_rocm_gives_way_to_the_private_one),
    };
    return cmocka_run_group_tests_name("helper_command", tests, make_folder, remove_folder);
}
