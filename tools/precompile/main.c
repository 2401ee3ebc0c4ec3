/* aiter-precompile: compiles kernels into a cache before they are needed. */
#include <stdio.h>

#include "tools/precompile/commands.h"

int main(int argc, char **argv)
{
    const int code = command_warm(argc, argv);

    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "aiter-precompile: cannot write to stdout\n");
    return EXIT_ENVIRONMENT;
}
