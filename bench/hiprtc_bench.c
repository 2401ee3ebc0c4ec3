/* bench-hiprtc DIR: compiles every NAME.hip in DIR with the options in NAME.options, one after
 * another in this process, and prints how many, and the wall and CPU seconds spent in hiprtc: what
 * a compile costs without anything of ours around it. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sample.h"
#include "tools/compiler/compile.h"
#include "tools/compiler/environment.h"

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *bytes = NULL;
    size_t size = 0;

    if (!f || getdelim(&bytes, &size, '\0', f) < 0) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return bytes;
}

typedef struct cost {
    double wall, cpu;
} cost;

static cost now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (cost){sample_now(), (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

static void compile_file(const toolchain *tc, const char *path, cost *sum)
{
    char options[4096];
    text code = {0}, log = {0};

    snprintf(options, sizeof options, "%.*s.options", (int)(strlen(path) - strlen(".hip")), path);
    char *source = read_file(path), *arguments = read_file(options);
    cost begin = now();
    bool good = compile(tc, "aiter.hip", source, arguments, &code, &log);
    cost end = now();
    sum->wall += end.wall - begin.wall;
    sum->cpu += end.cpu - begin.cpu;
    if (!good) {
        fprintf(stderr, "%s: %s\n", path, text_get(&log));
        exit(1);
    }
    text_free(&code);
    text_free(&log);
    free(source);
    free(arguments);
}

int main(int argc, char **argv)
{
    char pattern[4096];
    glob_t files;
    toolchain tc = {0};
    text err = {0};
    cost sum = {0, 0};

    /* The last one: toolchain_open() may start this program again with an option of its own before
     * it. */
    snprintf(pattern, sizeof pattern, "%s/*.hip", argv[argc - 1]);
    if (argc < 2 || !environment_scrub() || glob(pattern, 0, NULL, &files)) {
        fprintf(stderr, "usage: bench-hiprtc DIR, filled by aiter-precompile --emit-source\n");
        return 2;
    }
    if (!toolchain_open(&tc, argv, &err)) {
        fprintf(stderr, "bench-hiprtc: %s\n", text_get(&err));
        return 1;
    }
    for (size_t i = 0; i < files.gl_pathc; i++)
        compile_file(&tc, files.gl_pathv[i], &sum);
    printf("%zu %.3f %.3f\n", files.gl_pathc, sum.wall, sum.cpu);
    return 0;
}
