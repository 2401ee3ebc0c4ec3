#include "tools/compiler/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/compiler/compile.h"
#include "tools/compiler/identity.h"
#include "tools/compiler/inspect.h"
#include "tools/compiler/scratch.h"

static bool complain(const char *path)
{
    fprintf(stderr, "aiter-compiler: %s: %s\n", path, strerror(errno));
    return false;
}

static bool read_file(const char *path, text *out)
{
    char buffer[65536];
    size_t n;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return complain(path);
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_append(out, buffer, n);
    bool good = !ferror(file) || complain(path);
    fclose(file);
    if (good && !text_ok(out))
        fprintf(stderr, "aiter-compiler: %s: out of memory\n", path);
    return good && text_ok(out);
}

/* `file` was opened before the compiler's work, which changes the working directory. */
static bool write_file(FILE *file, const char *path, const text *code)
{
    bool good = fwrite(code->data, 1, code->size, file) == code->size;
    good = fclose(file) == 0 && good;
    return good || complain(path);
}

static bool do_compile(const toolchain *tc, command_request *r, FILE *output)
{
    text source = {0}, options = {0}, code = {0}, metadata = {0}, log = {0};
    const char *slash = strrchr(r->compile, '/');
    text_print(&options, "--offload-arch=%s\n%s", r->arch, text_get(&r->options));
    bool good = read_file(r->compile, &source);
    if (good) {
        good = text_ok(&options) && scratch_enter(&log) &&
               compile(tc, slash ? slash + 1 : r->compile, text_get(&source), options.data, &code,
                       &log) &&
               inspect(tc, code.data, code.size, &metadata, NULL, &log);
        fputs(text_get(&log), stderr);
        if (!good)
            fprintf(stderr, "\naiter-compiler: %s was not compiled for %s\n", r->compile, r->arch);
    }
    if (good)
        fputs(text_get(&metadata), stdout);
    if (good)
        good = write_file(output, r->output, &code);
    else
        fclose(output);
    text *const all[] = {&source, &options, &code, &metadata, &log};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        text_free(all[i]);
    return good;
}

static bool compile_file(const toolchain *tc, command_request *r)
{
    char out[4096];
    int n = snprintf(out, sizeof out, "%s.tmp%ld", r->output, (long)getpid());
    int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FILE *output = n < (int)sizeof out ? fopen(out, "wbe") : NULL;
    bool good = output || complain(r->output);
    good = good && do_compile(tc, r, output);
    /* A failed compile leaves an existing file alone. Relative names are those of the caller's
     * folder. */
    if (good && renameat(dir, out, dir, r->output))
        good = complain(r->output);
    if (!good && output)
        unlinkat(dir, out, 0);
    if (dir >= 0)
        close(dir);
    return good;
}

static bool inspect_file(const toolchain *tc, const command_request *r)
{
    text code = {0}, metadata = {0}, disassembly = {0}, err = {0};
    bool good = read_file(r->inspect, &code);
    if (good) {
        good = scratch_enter(&err) && inspect(tc, text_get(&code), code.size, &metadata,
                                              r->disassemble ? &disassembly : NULL, &err);
        if (!good)
            fprintf(stderr, "aiter-compiler: %s: %s\n", r->inspect, text_get(&err));
    }
    if (good)
        printf("%s%s", text_get(&metadata), text_get(&disassembly));
    text_free(&code);
    text_free(&metadata);
    text_free(&disassembly);
    text_free(&err);
    return good;
}

int command_run(const toolchain *tc, command_request *r)
{
    bool good = true;
    if (r->identify) {
        text identity = {0};
        identity_print(&identity);
        fputs(text_get(&identity), stdout);
        text_free(&identity);
    } else {
        good = r->compile ? compile_file(tc, r) : inspect_file(tc, r);
        scratch_remove();
    }
    return good ? 0 : 1;
}
