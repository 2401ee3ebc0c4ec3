/* The tool's commands, and what their tables of options share. */
#ifndef AITER_PRECOMPILE_COMMANDS_H
#define AITER_PRECOMPILE_COMMANDS_H

#include <stddef.h>

#include "tools/cli.h"

/* Exit codes besides those of tools/cli.h; 128 + N for signal N. */
enum { EXIT_FAILED = 1, EXIT_UNSUPPORTED = 4, EXIT_REFUSED = 5 };

/* argv[0] is the command. Returns the exit code. */
int command_warm(int argc, char **argv);
int command_list(int argc, char **argv);
int command_stat(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_prune(int argc, char **argv);
int command_export(int argc, char **argv);
int command_import(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_keygen(int argc, char **argv);

/* Parses a command's options and arguments. Returns COMMAND_RUN, or the exit code: help was
 * printed, or an error. */
enum { COMMAND_RUN = -1 };
int command_parse(const cli_tool *tool, int argc, char **argv, void *options, int *num_arguments);
/* The same for a command whose arguments are FIELD=VALUE. */
int command_parse_filters(const cli_tool *tool, int argc, char **argv, void *options,
                          int *num_filters);

/* Rows of a table of options. The target is a member of the file's own `struct options`. */
#define HEADING(text) { .help = text }
#define TEXT(option, field, metavar, what, text)                                                   \
    {                                                                                              \
        .name = option, .value = metavar, .set = cli_set_text,                                     \
        .offset = offsetof(struct options, field), .expected = what, .help = text                  \
    }
#define INT(option, field, low, high, text)                                                        \
    {                                                                                              \
        .name = option, .value = "N", .set = cli_set_int,                                          \
        .offset = offsetof(struct options, field), .min = low, .max = high, .help = text           \
    }
#define FLAG(option, field, text)                                                                  \
    { .name = option, .set = cli_set_flag, .offset = offsetof(struct options, field), .help = text }
/* A member with a setter of its own. */
#define VALUE(option, field, metavar, setter, what, text)                                          \
    {                                                                                              \
        .name = option, .value = metavar, .set = setter,                                           \
        .offset = offsetof(struct options, field), .expected = what, .help = text                  \
    }
#define TRUST(field)                                                                               \
    VALUE("trust", field, "FILE", axis_set_path, "a path",                                         \
         "Accept only bundles that are signed by this public key, or one of several.")
#define CACHE_DIR(field)                                                                           \
    TEXT("cache-dir", field, "DIR", "a path",                                                      \
         "The cache. Default $AITER_CACHE_DIR, $XDG_CACHE_HOME/aiter or ~/.cache/aiter.")

#endif
