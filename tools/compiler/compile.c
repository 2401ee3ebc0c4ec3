#include "tools/compiler/compile.h"

#include <stdlib.h>
#include <string.h>

#include "tools/compiler/arch.h"

enum { MAX_OPTIONS = 256, MAX_NAME = 200 };

/* The name goes into a #line directive and becomes a file's name. */
static bool check_name(const char *name, text *log)
{
    size_t n = strlen(name);
    if (n > 0 && n <= MAX_NAME && !strpbrk(name, "/\\\"\n\r"))
        return true;
    text_print(log,
               "program name \"%.*s\" is unusable: 1 to %d characters are expected, "
               "without / \\ \" and line ends", MAX_NAME, name, MAX_NAME);
    return false;
}

static void take_log(const toolchain *tc, hiprtc_program *program, text *log)
{
    size_t size = 0;
    if (tc->get_log_size(program, &size) || size == 0)
        return;
    char *buffer = calloc(1, size + 1); /* hiprtc does not terminate it */
    if (buffer && tc->get_log(program, buffer) == 0)
        text_append(log, buffer, strlen(buffer));
    free(buffer);
}

static bool take_code(const toolchain *tc, hiprtc_program *program, text *code, text *log)
{
    size_t size = 0;
    int rc = tc->get_code_size(program, &size);
    char *buffer = rc ? NULL : malloc(size + 1);
    if (buffer)
        rc = tc->get_code(program, buffer);
    if (buffer && !rc)
        text_append(code, buffer, size);
    free(buffer);
    if (rc || !code->size || !text_ok(code))
        text_print(log, "the compiled code cannot be had: %s",
                   rc ? tc->get_error_string(rc) : "out of memory");
    return !rc && code->size && text_ok(code);
}

/* hiprtc's log is empty for some failures, for instance for an option that it does not know. */
static void explain_failure(const toolchain *tc, int rc, const char *const *argv, int argc,
                            text *log)
{
    if (log->size)
        return;
    text_print(log, "hiprtc failed without a log: %s (%d); options:", tc->get_error_string(rc), rc);
    for (int i = 0; i < argc; i++)
        text_print(log, " %s", argv[i]);
    text_print(log, "\n");
}

/* __FILE__ and messages name the source by `name`: comgr would show the path of a temporary file,
 * which is another one each time and would make equal sources give different code. */
static void name_source(const char *name, const char *source, text *out)
{
    text_print(out, "#line 1 \"%s\"\n", name);
    text_append(out, source, strlen(source));
}

static bool run(const toolchain *tc, const char *name, const char *source, const char **argv,
                int argc, text *code, text *log)
{
    hiprtc_program *program = NULL;
    int rc = tc->create_program(&program, source, name, 0, NULL, NULL);
    if (rc) {
        text_print(log, "hiprtcCreateProgram: %s (%d)", tc->get_error_string(rc), rc);
        return false;
    }
    rc = tc->compile_program(program, argc, argv);
    take_log(tc, program, log);
    if (rc)
        explain_failure(tc, rc, argv, argc, log);
    bool good = !rc && take_code(tc, program, code, log);
    tc->destroy_program(&program);
    return good;
}

bool compile(const toolchain *tc, const char *name, const char *source, char *options, text *code,
             text *log)
{
    const char *argv[MAX_OPTIONS];
    char target[TARGET_MAX];
    text named = {0};
    int argc = options_split(options, argv, MAX_OPTIONS, target, log);
    if (argc < 0 || !check_name(name, log))
        return false;
    if (!toolchain_has_target(tc, target)) {
        text_print(log, "arch \"%s\" is not supported by this ROCm's comgr", target);
        return false;
    }
    name_source(name, source, &named);
    if (!text_ok(&named))
        text_print(log, "out of memory");
    bool good = text_ok(&named) && run(tc, name, text_get(&named), argv, argc, code, log);
    text_free(&named);
    return good;
}
