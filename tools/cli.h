/* Command lines from a table: one row per option gives parsing, the error message and the help
 * text. */
#ifndef AITER_TOOLS_CLI_H
#define AITER_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include <aiter/aiter.h>

/* Exit codes that all tools share; each tool's --help lists what it uses. */
enum { EXIT_OK = 0, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

typedef struct cli_option cli_option;

/* Stores `value` (NULL for a flag) at `target`; false: not acceptable. */
typedef bool (*cli_set)(const cli_option *option, const char *value, void *target);

struct cli_option {
    const char *name;       /* without the dashes; NULL: `help` is a heading of the help text */
    const char *value;      /* how the help calls it, e.g. "N"; NULL: a flag, without value */
    cli_set set;
    size_t offset;          /* of the target in the tool's options */
    const char *expected;   /* for the message; NULL: the bounds of an integer */
    long min, max;
    const char *help;
    unsigned tag;           /* the tool's own */
};

/* Targets: a bool; an int; a const char *, which is never empty. */
bool cli_set_flag(const cli_option *option, const char *value, void *target);
bool cli_set_int(const cli_option *option, const char *value, void *target);
bool cli_set_text(const cli_option *option, const char *value, void *target);

/* The whole of `text` as a decimal number between min and max. */
bool cli_parse_int(const char *text, long min, long max, long *out);

typedef struct cli_tool {
    const char *name;           /* "aiter-bench" */
    const char *usage;          /* lines that start with the name */
    const char *summary;
    const cli_option *options;
    size_t num_options;
    bool *given;                /* NULL, or num_options flags: cli_parse() sets those of options
                                 * that it met */
    const char *closing;        /* end of the help text: exit codes, examples */
} cli_tool;

typedef enum cli_result { CLI_RUN, CLI_DONE, CLI_USAGE } cli_result;

/* Parses argv[1..argc). Accepts --name value, --name=value, and -- before arguments that start with
 * a dash. Arguments that are no options are moved to the front of argv + 1 and counted. CLI_DONE:
 * --help or --version was answered. CLI_USAGE: the error was printed. */
cli_result cli_parse(const cli_tool *tool, int argc, char **argv, void *options,
                     int *num_arguments);

/* Prints "NAME: message" and a pointer to --help to stderr, and returns EXIT_USAGE. */
int cli_usage_error(const cli_tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Likewise without the pointer; returns `code`. */
int cli_error(const cli_tool *tool, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An aiter_log_fn that prints warnings to stderr; errors are in what the calls return. user: the
 * cli_tool. */
void cli_log(void *user, aiter_log_level level, const char *message);

#endif
