/* aiter-precompile: compiles kernels into a cache before they are needed, and looks after
 * caches. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "tools/precompile/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "list", command_list },     { "stat", command_stat },     { "verify", command_verify },
    { "prune", command_prune },   { "export", command_export }, { "import", command_import },
    { "merge", command_merge },   { "keygen", command_keygen },
};

/* No option and no configuration looks like the name of a command. */
static int run(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return command_warm(argc, argv);
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        fprintf(stderr, "aiter-precompile: libsodium cannot be initialised\n");
        return EXIT_ENVIRONMENT;
    }
    const int code = run(argc, argv);

    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "aiter-precompile: cannot write to stdout\n");
    return EXIT_ENVIRONMENT;
}
