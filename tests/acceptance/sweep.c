/* sweep: the acceptance sweep. Runs attention problems through the public API on the simulated
 * GPUs, several at a time, and compares each with float64. */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/acceptance/worker.h"
#include "tools/cli.h"
#include "tools/clock.h"

enum { MAX_JOBS = 64 };

typedef struct options {
    const char *filter, *cache_dir;
    bool all, list, verbose;
    int jobs, timeout_s, random, seed;
} options;

#define FLAG(option, field, text) \
    { .name = option, .set = cli_set_flag, .offset = offsetof(options, field), .help = text }
#define INT(option, field, high, text)                                                             \
    {                                                                                              \
        .name = option, .value = "N", .set = cli_set_int, .offset = offsetof(options, field),      \
        .min = 1, .max = high, .help = text                                                        \
    }
#define TEXT(option, field, metavar, text)                                                         \
    {                                                                                              \
        .name = option, .value = metavar, .set = cli_set_text, .offset = offsetof(options, field), \
        .expected = "a text", .help = text                                                         \
    }

static const cli_option table[] = {
    FLAG("all", all, "Every case. Default: the ones that run on each commit."),
    INT("random", random, 1000000,
        "This many cases drawn from the whole space of configurations instead."),
    INT("seed", seed, INT_MAX, "Of the first random case; the next has the next. Default 1."),
    TEXT("filter", filter, "WORDS",
         "Only cases whose name has each of these words, e.g. 'gfx942 hd128 causal'."),
    FLAG("list", list, "Print the names of the cases and run none."),
    FLAG("verbose", verbose, "Print every case. Default: failures."),
    INT("jobs", jobs, MAX_JOBS, "Cases at a time. Default: the online processors."),
    INT("timeout", timeout_s, 86400, "Seconds that a case may take. Default 600."),
    TEXT("cache-dir", cache_dir, "DIR", "Cache of compiled kernels. Default: libaiter's."),
};

static const cli_tool tool = {
    .name = "sweep",
    .usage = "sweep [OPTION]...",
    .summary = "Runs the acceptance sweep on the simulator and compares with float64.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0 all passed, 1 some failed, 2 wrong usage, 3 nothing could be run.\n",
};

/* ---- Results by architecture and dtype ---- */

typedef struct line {
    const char *arch;
    int dtype;
    size_t passed, failed;
    double error_ratio, bound_ratio, seconds;
    unsigned compiles;
    unsigned long long instructions;
} line;

typedef struct sweep {
    const options *options;
    const sweep_case *cases;    /* the selected ones */
    size_t count, next, passed, failed;
    line lines[16];
    sweep_worker workers[MAX_JOBS];
    size_t running[MAX_JOBS];   /* the case that each worker is at */
    bool busy[MAX_JOBS];
    uint64_t since[MAX_JOBS];
} sweep;

static line *line_of(sweep *s, const sweep_case *c)
{
    line *l = s->lines;

    while (l->arch && (strcmp(l->arch, c->arch) != 0 || l->dtype != (int)c->spec.dtype))
        l++;
    l->arch = c->arch;
    l->dtype = (int)c->spec.dtype;
    return l;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void record(sweep *s, const sweep_case *c, const sweep_result *r)
{
    line *l = line_of(s, c);

    *(r->pass ? &s->passed : &s->failed) += 1;
    *(r->pass ? &l->passed : &l->failed) += 1;
    l->error_ratio = larger(l->error_ratio, r->error_ratio);
    l->bound_ratio = larger(l->bound_ratio, r->bound_ratio);
    l->seconds += r->seconds;
    l->compiles += r->compiles;
    l->instructions += r->instructions;
    if (!r->pass)
        printf("FAIL %s: %s\n", c->name, r->message);
    else if (s->options->verbose)
        printf("ok   %s: %.3f of tolerance, %.3f of bound, %.2f s\n", c->name, r->error_ratio,
               r->bound_ratio, r->seconds);
    fflush(stdout);
}

static void print_table(const sweep *s)
{
    printf("%-8s %-5s %7s %7s  %14s %10s %9s %14s %9s\n", "arch", "dtype", "passed", "failed",
           "error/tolerance", "error/bound", "compiled", "instructions", "seconds");
    for (const line *l = s->lines; l->arch; l++)
        printf("%-8s %-5s %7zu %7zu  %15.3f %11.3f %9u %14llu %9.1f\n", l->arch,
               num_dtype_name((num_dtype)l->dtype), l->passed, l->failed, l->error_ratio,
               l->bound_ratio, l->compiles, l->instructions, l->seconds);
}

/* ---- Running ---- */

static void record_death(sweep *s, int w, const char *how)
{
    sweep_result r = { 0 };
    const int status = sweep_worker_stop(&s->workers[w], true);

    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        snprintf(r.message, sizeof r.message, "the process died: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(r.message, sizeof r.message, "%s", how);
    record(s, &s->cases[s->running[w]], &r);
    s->busy[w] = false;
}

/* Gives worker `w` the next case; starts it if there is none. */
static bool feed(sweep *s, int w)
{
    if (s->next == s->count)
        return true;
    if (s->workers[w].pid == 0 &&
        !sweep_worker_start(&s->workers[w], s->cases, s->options->cache_dir))
        return false;
    s->running[w] = s->next++;
    s->busy[w] = true;
    s->since[w] = clock_ns();
    if (!sweep_worker_send(&s->workers[w], s->running[w]))
        record_death(s, w, "the process died before it started");
    return true;
}

static void collect(sweep *s, int w)
{
    sweep_result r;

    if (!sweep_worker_receive(&s->workers[w], &r)) {
        record_death(s, w, "the process ended without a result");
        return;
    }
    s->busy[w] = false;
    record(s, &s->cases[s->running[w]], &r);
    if (r.device_lost)
        sweep_worker_stop(&s->workers[w], false);
}

static void end_late_ones(sweep *s)
{
    const uint64_t limit = (uint64_t)s->options->timeout_s * 1000000000u;

    for (int w = 0; w < s->options->jobs; w++)
        if (s->busy[w] && clock_ns() - s->since[w] > limit)
            record_death(s, w, "took too long and was killed");
}

/* Waits for any result. Returns false when no worker is busy. */
static bool wait_for_one(sweep *s)
{
    struct pollfd fds[MAX_JOBS];
    int at[MAX_JOBS], count = 0;

    for (int w = 0; w < s->options->jobs; w++)
        if (s->busy[w]) {
            fds[count] = (struct pollfd){ .fd = s->workers[w].results, .events = POLLIN };
            at[count++] = w;
        }
    if (count == 0)
        return false;
    poll(fds, (nfds_t)count, 1000);
    for (int i = 0; i < count; i++)
        if (fds[i].revents)
            collect(s, at[i]);
    end_late_ones(s);
    return true;
}

static bool run(sweep *s)
{
    bool ok = true;

    do {
        for (int w = 0; w < s->options->jobs && ok; w++)
            while (!s->busy[w] && s->next < s->count && ok)
                ok = feed(s, w);
    } while (ok && wait_for_one(s));
    for (int w = 0; w < s->options->jobs; w++)
        sweep_worker_stop(&s->workers[w], !ok);
    return ok;
}

/* ---- Selection ---- */

/* Whether `name` has each of the words of `filter`, as words of its own. */
static bool matches(const char *name, const char *filter)
{
    while (filter && *(filter += strspn(filter, " "))) {
        const size_t size = strcspn(filter, " ");
        const char *at = name;

        while (at && !(strncmp(at, filter, size) == 0 && (at[size] == ' ' || at[size] == '\0'))) {
            at = strchr(at, ' ');
            at = at ? at + 1 : NULL;
        }
        if (!at)
            return false;
        filter += size;
    }
    return true;
}

static size_t select_cases(const options *o, sweep_case *cases, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (matches(cases[i].name, o->filter))
            cases[kept++] = cases[i];
    return kept;
}

static int run_selected(const options *o, const sweep_case *cases, size_t count)
{
    static sweep s;
    const uint64_t start = clock_ns();

    s = (sweep){ .options = o, .cases = cases, .count = count };
    signal(SIGPIPE, SIG_IGN); /* a dead worker is noticed by its pipe */
    if (o->jobs > 1)          /* the cases share the processors out */
        setenv("AITER_SIM_THREADS", "1", 0);
    setenv("AITER_SIM_QUIET", "1", 0); /* reports are in the results */
    if (!run(&s))
        return cli_error(&tool, EXIT_ENVIRONMENT, "cannot start a process for the cases");
    print_table(&s);
    printf("sweep: %zu cases, %zu passed, %zu failed (%.1f s, %d at a time)\n", count, s.passed,
           s.failed, 1e-9 * (double)(clock_ns() - start), o->jobs);
    return s.failed ? 1 : EXIT_OK;
}

int main(int argc, char **argv)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    options o = { .timeout_s = 600, .seed = 1 };
    sweep_case *cases;
    int num_arguments, code = EXIT_OK;
    const cli_result parsed = cli_parse(&tool, argc, argv, &o, &num_arguments);

    if (parsed != CLI_RUN)
        return parsed == CLI_DONE ? EXIT_OK : EXIT_USAGE;
    if (num_arguments > 0)
        return cli_usage_error(&tool, "unexpected argument '%s'", argv[1]);
    if (o.jobs == 0)
        o.jobs = processors < 1 ? 1 : processors > MAX_JOBS ? MAX_JOBS : (int)processors;
    const size_t made = o.random ? sweep_random_cases((uint64_t)o.seed, (size_t)o.random, &cases)
                                 : sweep_cases(!o.all, &cases);
    const size_t count = select_cases(&o, cases, made);
    if (count == 0)
        code = cli_usage_error(&tool, "--filter: '%s': no case has all of these words",
                               o.filter ? o.filter : "");
    else if (o.list)
        for (size_t i = 0; i < count; i++)
            puts(cases[i].name);
    else
        code = run_selected(&o, cases, count);
    free(cases);
    return code;
}
