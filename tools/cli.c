#include "tools/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMN = 26, HELP_WIDTH = 80 };

/* ---- Errors ---- */

static void report(const cli_tool *tool, const char *format, va_list args)
{
    fprintf(stderr, "%s: ", tool->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_error(const cli_tool *tool, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(tool, format, args);
    va_end(args);
    return code;
}

int cli_usage_error(const cli_tool *tool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(tool, format, args);
    va_end(args);
    fprintf(stderr, "Try '%s --help'.\n", tool->name);
    return EXIT_USAGE;
}

void cli_log(void *user, aiter_log_level level, const char *message)
{
    const cli_tool *tool = user;

    if (level == AITER_LOG_WARNING)
        fprintf(stderr, "%s: warning: %s\n", tool->name, message);
}

/* ---- Values ---- */

bool cli_parse_int(const char *text, long min, long max, long *out)
{
    char *end;

    if (*text < '0' || *text > '9') /* no sign, no blank */
        return false;
    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *out >= min && *out <= max;
}

bool cli_set_flag(const cli_option *option, const char *value, void *target)
{
    (void)option, (void)value;
    *(bool *)target = true;
    return true;
}

bool cli_set_int(const cli_option *option, const char *value, void *target)
{
    long number;

    if (!cli_parse_int(value, option->min, option->max, &number))
        return false;
    *(int *)target = (int)number;
    return true;
}

bool cli_set_text(const cli_option *option, const char *value, void *target)
{
    (void)option;
    *(const char **)target = value;
    return *value != '\0';
}

/* ---- Help ---- */

/* Wraps `text` into the help column, which the cursor has reached. */
static void print_wrapped(const char *text)
{
    int column = HELP_COLUMN;

    while (*text) {
        const int word = (int)strcspn(text, " ");
        const bool first = column == HELP_COLUMN, fits = column + word < HELP_WIDTH;

        if (!first && !fits) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!first) {
            column += printf(" ");
        }
        column += printf("%.*s", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_option(const char *name, const char *value, const char *help)
{
    const int width = printf("  --%s%s%s", name, value ? " " : "", value ? value : "");

    if (width >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - width, "");
    print_wrapped(help);
}

static void print_help(const cli_tool *tool)
{
    printf("Usage: %s\n\n%s\n", tool->usage, tool->summary);
    if (tool->options[0].name) /* a heading brings a blank line of its own */
        putchar('\n');
    for (size_t i = 0; i < tool->num_options; i++) {
        const cli_option *o = &tool->options[i];
        if (o->name)
            print_option(o->name, o->value, o->help);
        else
            printf("\n%s\n", o->help);
    }
    print_option("help", NULL, "Print this and exit.");
    print_option("version", NULL, "Print the version and exit.");
    printf("\n%s", tool->closing);
}

/* ---- Parsing ---- */

static const cli_option *find(const cli_tool *tool, const char *name, size_t size)
{
    for (size_t i = 0; i < tool->num_options; i++) {
        const cli_option *o = &tool->options[i];
        if (o->name && strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return o;
    }
    return NULL;
}

static int refuse_value(const cli_tool *tool, const cli_option *o, const char *value)
{
    if (o->expected)
        return cli_usage_error(tool, "--%s: '%s': expected %s", o->name, value, o->expected);
    return cli_usage_error(tool, "--%s: '%s': expected an integer from %ld to %ld", o->name, value,
                           o->min, o->max);
}

/* argv[*i] starts with "--". Returns 0 or EXIT_USAGE. */
static int take_option(const cli_tool *tool, int argc, char **argv, int *i, void *options)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '='), *value = NULL;
    const size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *o = find(tool, name, size);

    if (!o)
        return cli_usage_error(tool, "unknown option '--%.*s'", (int)size, name);
    if (!o->value && equals)
        return cli_usage_error(tool, "--%s: '%s': this option takes no value", o->name, equals + 1);
    if (o->value) {
        value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
        if (!value)
            return cli_usage_error(tool, "--%s: no value given: expected %s", o->name, o->value);
    }
    if (tool->given)
        tool->given[o - tool->options] = true;
    return o->set(o, value, (char *)options + o->offset) ? 0 : refuse_value(tool, o, value);
}

cli_result cli_parse(const cli_tool *tool, int argc, char **argv, void *options, int *num_arguments)
{
    bool only_arguments = false;

    *num_arguments = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (only_arguments || arg[0] != '-' || arg[1] == '\0') {
            argv[1 + (*num_arguments)++] = argv[i];
        } else if (strcmp(arg, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(tool);
            return CLI_DONE;
        } else if (strcmp(arg, "--version") == 0) {
            printf("%s %s\n", tool->name, aiter_version());
            return CLI_DONE;
        } else if (arg[1] != '-') {
            cli_usage_error(tool, "unknown option '%s'", arg);
            return CLI_USAGE;
        } else if (take_option(tool, argc, argv, &i, options) != 0) {
            return CLI_USAGE;
        }
    }
    return CLI_RUN;
}
