/* aiter-compiler: libaiter's compiler helper, and a small command-line compiler for people. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "tools/compiler/command.h"
#include "tools/compiler/environment.h"
#include "tools/compiler/serve.h"
#include "tools/compiler/toolchain.h"

static const char usage[] =
    "usage: aiter-compiler --compile FILE --arch ARCH -o OUT [--option OPTION]...\n"
    "       aiter-compiler --inspect FILE [--disassemble]\n"
    "       aiter-compiler --identify | --version | --help\n"
    "\n"
    "  --compile FILE    compile HIP source to a code object, print its metadata\n"
    "  --arch ARCH       target, e.g. gfx942 or gfx942:sramecc+:xnack-\n"
    "  -o OUT            file that receives the code object\n"
    "  --option OPTION   compiler option, e.g. -O3; may be repeated\n"
    "  --inspect FILE    print the kernels of a code object and their arguments\n"
    "  --disassemble     ... and the disassembly\n"
    "  --identify        print the compiler libraries in use and their build ids\n"
    "\n"
    "environment: AITER_ROCM_PREFIX (ROCm to use instead of the system's), ROCM_PATH, TMPDIR\n"
    "exit status: 0 done, 1 compile or input error, 2 usage, 3 no usable ROCm\n"
    "libaiter starts this program by itself, to compile kernels; nobody needs to run it by hand.\n";

typedef struct arguments {
    command_request request;
    bool serve, help, version;
    int fd;
    long parent;
} arguments;

static bool number_after(const char *arg, const char *prefix, long *out)
{
    size_t n = strlen(prefix);
    char *end;
    if (strncmp(arg, prefix, n) != 0)
        return false;
    errno = 0;
    *out = strtol(arg + n, &end, 10);
    return errno == 0 && end != arg + n && !*end && *out > 0 && *out <= INT_MAX;
}

/* Options that take no value. */
static bool take_flag(const char *arg, arguments *a)
{
    long fd;
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        a->help = true;
    else if (strcmp(arg, "--version") == 0)
        a->version = true;
    else if (strcmp(arg, "--identify") == 0)
        a->request.identify = true;
    else if (strcmp(arg, "--disassemble") == 0)
        a->request.disassemble = true;
    else if (number_after(arg, "--serve=", &fd)) {
        a->serve = true;
        a->fd = (int)fd;
    } else if (strncmp(arg, "--in-prefix=", 12) != 0 && !number_after(arg, "--parent=", &a->parent))
        return false;
    return true;
}

static bool take_value(const char *arg, const char *value, arguments *a)
{
    command_request *r = &a->request;
    if (!value)
        return false;
    if (strcmp(arg, "--compile") == 0)
        r->compile = value;
    else if (strcmp(arg, "--inspect") == 0)
        r->inspect = value;
    else if (strcmp(arg, "--arch") == 0)
        r->arch = value;
    else if (strcmp(arg, "-o") == 0)
        r->output = value;
    else if (strcmp(arg, "--option") == 0)
        text_print(&r->options, "%s\n", value);
    else
        return false;
    return true;
}

static bool parse(char **argv, arguments *a)
{
    for (int i = 1; argv[i]; i++) {
        if (take_flag(argv[i], a))
            continue;
        if (!take_value(argv[i], argv[i + 1], a)) {
            fprintf(stderr, "aiter-compiler: unknown option or missing value: %s\n", argv[i]);
            return false;
        }
        i++;
    }
    int actions = a->help + a->version + a->serve + a->request.identify + !!a->request.compile +
                  !!a->request.inspect;
    if (actions != 1)
        return false;
    if (a->request.compile && (!a->request.arch || !a->request.output)) {
        fprintf(stderr, "aiter-compiler: --compile needs --arch and -o\n");
        return false;
    }
    return true;
}

static int run(char **argv, arguments *a)
{
    toolchain tc;
    text err = {0};
    bool found = toolchain_open(&tc, argv, &err);
    if (a->serve)
        serve(a->fd, a->parent, found ? &tc : NULL, text_get(&err));
    if (!found) {
        fprintf(stderr, "aiter-compiler: %s\n", text_get(&err));
        text_free(&err);
        return 3;
    }
    return command_run(&tc, &a->request);
}

int main(int argc, char **argv)
{
    arguments a = {0};
    (void)argc;
    prctl(PR_SET_NAME, "aiter-compiler"); /* not that of a private dynamic linker */
    if (!environment_scrub()) {
        fprintf(stderr, "aiter-compiler: out of memory\n");
        return 3;
    }
    if (!parse(argv, &a)) {
        fputs(usage, stderr);
        text_free(&a.request.options);
        return 2;
    }
    int rc = 0;
    if (a.help)
        fputs(usage, stdout);
    else if (a.version)
        puts("aiter-compiler " AITER_VERSION);
    else
        rc = run(argv, &a);
    text_free(&a.request.options);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "aiter-compiler: cannot write to the standard output\n");
        rc = rc ? rc : 1;
    }
    return rc;
}
