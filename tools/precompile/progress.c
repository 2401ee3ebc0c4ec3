#include "tools/precompile/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/precompile/run.h"

enum { BAR_CELLS = 24, DEFAULT_COLUMNS = 80 };

void progress_init(progress *p, size_t total, bool quiet)
{
    *p = (progress){ .total = total, .start = clock_ns(), .quiet = quiet };
    p->bar = !quiet && isatty(STDERR_FILENO);
}

void progress_start(progress *p, const char *config)
{
    snprintf(p->current, sizeof p->current, "%s", config);
    progress_draw(p);
}

static void print_indented(const char *text)
{
    while (*text) {
        const int size = (int)strcspn(text, "\n");
        fprintf(stderr, "    %.*s\n", size, text);
        text += size + (text[size] == '\n');
    }
}

/* One mistake in a template fails every configuration in the same words. */
static void print_failure(progress *p, const char *config, const char *message)
{
    const int first = (int)strcspn(message, "\n");
    const char *rest = message + first;

    fprintf(stderr, "failed: %s\n    %.*s\n", config, first, message);
    if (*rest && p->failure && strcmp(rest, p->failure) == 0) {
        fprintf(stderr, "    (the rest as before)\n");
    } else if (*rest) {
        print_indented(rest + 1);
        free(p->failure);
        p->failure = strdup(rest);
    }
}

void progress_finish(progress *p, const char *config, const outcome *o)
{
    p->done++;
    if (o->state == OUTCOME_CACHED && p->quick + 1 == p->done) {
        p->quick++; /* a run that is resumed: what it skips says nothing of the time left */
        p->start = clock_ns();
    }
    if (o->state == OUTCOME_FAILED) {
        progress_clear(p);
        print_failure(p, config, o->error ? o->error : "out of memory");
    } else if (!p->quiet && !p->bar) {
        fprintf(stderr, "[%zu/%zu] %s %s (%.2f s)\n", p->done, p->total,
                o->state == OUTCOME_CACHED ? "cached  " : "compiled", config, 1e-9 * (double)o->ns);
    }
    progress_draw(p);
}

static int terminal_columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_COLUMNS;
}

/* " [=====>   ] 12/64  3.1/s  17 s left  fmha_fwd ..." cut to the terminal's width. */
void progress_draw(progress *p)
{
    char line[512], cells[BAR_CELLS + 1], left[48] = "";
    const double seconds = 1e-9 * (double)(clock_ns() - p->start);
    const double rate = seconds > 0 ? (double)(p->done - p->quick) / seconds : 0;
    const int full = p->total ? (int)(p->done * BAR_CELLS / p->total) : 0;
    const int columns = terminal_columns();

    if (!p->bar)
        return;
    for (int i = 0; i < BAR_CELLS; i++)
        cells[i] = i < full ? '=' : i == full ? '>' : ' ';
    cells[BAR_CELLS] = '\0';
    if (p->done > p->quick)
        snprintf(left, sizeof left, "  %.0f s left", (double)(p->total - p->done) / rate);
    snprintf(line, sizeof line, "[%s] %zu/%zu  %.1f/s%s  %.300s", cells, p->done, p->total, rate, left,
             p->current);
    fprintf(stderr, "\r%.*s\x1b[K", columns - 1, line);
    fflush(stderr);
}

void progress_clear(progress *p)
{
    if (p->bar) {
        fputs("\r\x1b[K", stderr);
        fflush(stderr);
    }
}

void progress_free(progress *p)
{
    free(p->failure);
    p->failure = NULL;
}
