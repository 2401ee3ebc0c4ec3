/* What a run shows while it works, on stderr: a bar that redraws itself on a terminal, one line per
 * configuration elsewhere. Not thread-safe: the caller holds a lock. */
#ifndef AITER_PRECOMPILE_PROGRESS_H
#define AITER_PRECOMPILE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/gen.h"

struct outcome;

typedef struct progress {
    size_t total, done;
    size_t quick;       /* of these, done before the first one that was not in the cache */
    uint64_t start;     /* of that one */
    bool quiet, bar;
    char current[GEN_TEXT_MAX];
    char *failure;      /* the last failure's message behind its first line */
} progress;

void progress_init(progress *p, size_t total, bool quiet);
void progress_start(progress *p, const char *config);
/* Prints a failure's message in any mode; a compiler log that repeats the last one only once. */
void progress_finish(progress *p, const char *config, const struct outcome *o);
void progress_draw(progress *p);
/* Removes the bar, so that something else can be printed. */
void progress_clear(progress *p);
void progress_free(progress *p);

#endif
