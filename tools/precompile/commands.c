#include "tools/precompile/commands.h"

#include "tools/precompile/record.h"

int command_parse(const cli_tool *tool, int argc, char **argv, void *options, int *num_arguments)
{
    switch (cli_parse(tool, argc, argv, options, num_arguments)) {
    case CLI_RUN: return COMMAND_RUN;
    case CLI_DONE: return EXIT_OK;
    case CLI_USAGE: return EXIT_USAGE;
    }
    return EXIT_USAGE;
}

int command_parse_filters(const cli_tool *tool, int argc, char **argv, void *options,
                          int *num_filters)
{
    char why[GEN_ERROR_MAX];
    const int code = command_parse(tool, argc, argv, options, num_filters);

    if (code != COMMAND_RUN || filter_check(argv + 1, *num_filters, why))
        return code;
    return cli_usage_error(tool, "%s", why);
}
