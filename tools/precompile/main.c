/* aiter-precompile: compiles kernels into a cache before they are needed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/precompile/emit.h"
#include "tools/precompile/report.h"

enum { EXIT_SOME_FAILED = 1, MAX_JOBS = 256, MAX_TIMEOUT_S = 86400 };

typedef struct options {
    axis axes[NUM_AXES];
    const char *cache_dir, *compiler, *emit_source, *emit_code;
    int jobs, timeout_s;
    bool dry_run, quiet, json;
} options;

#define HEADING(text) { .help = text }
#define AXIS(option, id, metavar, setter, what, text)                                              \
    {                                                                                              \
        .name = option, .value = metavar, .set = setter,                                           \
        .offset = offsetof(options, axes) + (id) * sizeof(axis), .expected = what, .help = text    \
    }
#define TEXT(option, field, metavar, text)                                                         \
    {                                                                                              \
        .name = option, .value = metavar, .set = cli_set_text, .offset = offsetof(options, field), \
        .expected = "a path", .help = text                                                         \
    }
#define INT(option, field, low, high, text)                                                        \
    {                                                                                              \
        .name = option, .value = "N", .set = cli_set_int, .offset = offsetof(options, field),      \
        .min = low, .max = high, .help = text                                                      \
    }
#define FLAG(option, field, text) \
    { .name = option, .set = cli_set_flag, .offset = offsetof(options, field), .help = text }

static const cli_option table[] = {
    HEADING("What to compile: the product of these comma lists"),
    AXIS("arch", AXIS_ARCH, "LIST", axis_set_arch,
         "gfx90a, gfx942, gfx950, gfx1100, gfx1201, a comma list of these, or all",
         "Target architectures, or all. Needed unless configurations are given as text."),
    AXIS("dtype", AXIS_DTYPE, "LIST", axis_set_dtype, "fp16, bf16, fp32 or a comma list of these",
         "fp16, bf16, fp32. Default fp16,bf16."),
    AXIS("head-dim", AXIS_HEAD_DIM, "LIST", axis_set_head_dim,
         "multiples of 8 from 8 to 256, or pairs such as 192x128, separated by commas",
         "Multiples of 8 from 8 to 256; 192x128 is 192 for Q and K and 128 for V. Default 128."),
    AXIS("mask", AXIS_MASK, "LIST", axis_set_mask, "none, causal or a comma list of these",
         "none, causal. Default both."),
    AXIS("gqa", AXIS_GQA, "LIST", axis_set_gqa, "integers from 1 to 1024, separated by commas",
         "Query heads per KV head. Default 1."),
    AXIS("lse", AXIS_LSE, "LIST", axis_set_lse, "0, 1 or a comma list of these",
         "1: kernels that also write the log-sum-exp. Default 0."),
    HEADING("How"),
    TEXT("cache-dir", cache_dir, "DIR",
         "The cache to fill. Default $AITER_CACHE_DIR, $XDG_CACHE_HOME/aiter or ~/.cache/aiter."),
    INT("jobs", jobs, 1, MAX_JOBS, "Compile N kernels at a time. Default: the online processors."),
    INT("timeout", timeout_s, 1, MAX_TIMEOUT_S, "Give a compile up after N seconds. Default 120."),
    TEXT("compiler", compiler, "FILE",
         "The aiter-compiler to use. Default $AITER_COMPILER or the installed one."),
    FLAG("dry-run", dry_run,
         "Compile nothing: print the configurations. --emit-source still writes."),
    HEADING("Output"),
    TEXT("emit-source", emit_source, "DIR",
         "Write each kernel's source, DIR/SYMBOL.hip, and its compiler options, "
         "DIR/SYMBOL.options."),
    TEXT("emit-code", emit_code, "DIR",
         "Write each code object, DIR/SYMBOL.hsaco, and DIR/SYMBOL.json: how to launch it without "
         "libaiter."),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print failures only."),
};

static const cli_tool tool = {
    .name = "aiter-precompile",
    .usage = "aiter-precompile --arch LIST [OPTION]... [CONFIGURATION]...",
    .summary =
        "Compiles attention kernels into libaiter's cache before they are needed, without a\n"
        "GPU.\n"
        "A CONFIGURATION is a text as --dry-run prints it, in quotes. Options can be given\n"
        "more than once: their lists add up.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Combinations of the product that are no configuration (bf16 for an architecture\n"
               "without matrix instructions, say) are reported, counted and left out; one that\n"
               "stands alone is an error. Progress is printed on stderr, results on stdout.\n"
               "SIGINT and SIGTERM end the run after the compiles under way.\n"
               "\n"
               "Exit status: 0 everything is in the cache, 1 some failed, 2 wrong usage, 3 no\n"
               "compiler, no usable cache or no directory to write to, 130 interrupted.\n"
               "\n"
               "Example: aiter-precompile --arch gfx942,gfx950 --dtype bf16 --head-dim 64,128 \\\n"
               "           --gqa 1,8 --jobs 8\n",
};

/* ---- Signals ---- */

static atomic_int interrupted; /* lock-free, so that a handler may set it */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&interrupted, 1);
}

/* The first signal ends the run in order, the second one at once. */
static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- Steps ---- */

static bool has_axes(const options *o)
{
    for (int i = 0; i < NUM_AXES; i++)
        if (o->axes[i].count)
            return true;
    return false;
}

/* One line per reason: a product can hold the same mistake many times. */
static void print_invalid(const selection *s)
{
    for (size_t i = 0; i < s->num_invalid; i++) {
        size_t alike = 0, earlier = 0;

        for (size_t j = 0; j < s->num_invalid; j++)
            if (strcmp(s->invalid[i].why, s->invalid[j].why) == 0) {
                alike++;
                earlier += j < i;
            }
        if (earlier == 0)
            fprintf(stderr, "left out: %zu of the combinations, such as %s: %s\n", alike,
                    s->invalid[i].text, s->invalid[i].why);
    }
}

/* Returns 0 or an exit code. */
static int select_all(const options *o, char *const *texts, int num_texts, selection *s)
{
    char why[GEN_ERROR_MAX];

    if (num_texts == 0 && o->axes[AXIS_ARCH].count == 0)
        return cli_usage_error(&tool,
                               "nothing to compile: expected --arch or a configuration text");
    if (has_axes(o) && o->axes[AXIS_ARCH].count == 0)
        return cli_usage_error(&tool, "--arch: not given: expected it beside the other lists");
    if (!select_product(s, o->axes))
        return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    for (int i = 0; i < num_texts; i++)
        if (!select_text(s, texts[i], why))
            return cli_usage_error(&tool, "configuration '%s': %s", texts[i], why);
    if (s->count == 0 && s->num_invalid == 1)
        return cli_usage_error(&tool, "%s: %s", s->invalid[0].text, s->invalid[0].why);
    if (!o->quiet)
        print_invalid(s);
    if (s->count == 0)
        return cli_usage_error(&tool, "none of the %zu combinations is a configuration",
                               s->num_invalid);
    return 0;
}

static int make_directories(const options *o)
{
    char error[EMIT_ERROR_MAX];

    if (o->emit_source && !emit_make_dir(o->emit_source, error))
        return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-source: %s", error);
    if (o->emit_code && !o->dry_run && !emit_make_dir(o->emit_code, error))
        return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-code: %s", error);
    return 0;
}

static int write_sources(const options *o, const selection *s)
{
    char error[EMIT_ERROR_MAX];

    for (size_t i = 0; o->emit_source && i < s->count; i++)
        if (!emit_source(o->emit_source, &s->items[i], error))
            return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-source: %s", error);
    return 0;
}

static int exit_code(const run_result *r)
{
    if (r->fatal != AITER_OK)
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s",
                         r->fatal_message ? r->fatal_message : "out of memory");
    if (atomic_load(&interrupted))
        return cli_error(&tool, EXIT_INTERRUPTED, "interrupted: %zu configurations were not run",
                         r->not_run);
    return r->failed ? EXIT_SOME_FAILED : EXIT_OK;
}

static int warm(const options *o, const selection *s)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    run_options run = {
        .tool = &tool,
        .emit_code = o->emit_code,
        .jobs = o->jobs,
        .quiet = o->quiet,
        .interrupted = &interrupted,
    };
    run_result result;

    if (run.jobs == 0)
        run.jobs = processors > 0 && processors < MAX_JOBS ? (int)processors : 1;
    run.context = (aiter_context_options){
        .size = sizeof run.context,
        .cache_dir = o->cache_dir,
        .compiler = o->compiler,
        .compile_jobs = run.jobs,
        .compile_timeout_ms = o->timeout_s * 1000,
    };
    catch_signals();
    if (!run_selection(s, &run, &result))
        return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    if (o->json || (!o->quiet && result.fatal == AITER_OK))
        report_run(s, &result, atomic_load(&interrupted), o->json);
    const int code = exit_code(&result);
    run_result_free(&result, s->count);
    return code;
}

static int run_tool(const options *o, char *const *texts, int num_texts)
{
    selection s = { 0 };
    int code = select_all(o, texts, num_texts, &s);

    if (code == 0)
        code = make_directories(o);
    if (code == 0)
        code = write_sources(o, &s);
    if (code == 0 && o->dry_run && (o->json || !o->quiet))
        report_selection(&s, o->json);
    if (code == 0 && !o->dry_run)
        code = warm(o, &s);
    selection_free(&s);
    return code;
}

int main(int argc, char **argv)
{
    options o = { 0 };
    int num_texts, code = EXIT_OK;
    const cli_result parsed = cli_parse(&tool, argc, argv, &o, &num_texts);

    if (parsed == CLI_RUN)
        code = run_tool(&o, argv + 1, num_texts);
    else if (parsed == CLI_USAGE)
        code = EXIT_USAGE;
    axes_free(o.axes);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_error(&tool, EXIT_ENVIRONMENT, "cannot write to stdout");
    return code;
}
