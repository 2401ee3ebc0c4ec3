/* Repeated measurements and their median. */
#ifndef AITER_BENCH_SAMPLE_H
#define AITER_BENCH_SAMPLE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLE_MAX = 1000 };

typedef struct sample {
    double value[SAMPLE_MAX];
    int count;
} sample;

static inline double sample_now(void) /* seconds */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void sample_add(sample *s, double value)
{
    if (s->count < SAMPLE_MAX)
        s->value[s->count++] = value;
}

static inline int sample_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static inline double sample_median(sample *s)
{
    qsort(s->value, (size_t)s->count, sizeof s->value[0], sample_order);
    return s->count ? s->value[s->count / 2] : 0;
}

/* "NAME  median 1.23 ms (min 1.1, max 2.0, 31 runs)"; values are seconds times `scale`. */
static inline void sample_print(const char *name, sample *s, double scale, const char *unit)
{
    double median = sample_median(s);
    printf("%-44s median %.4g %s (min %.4g, max %.4g, %d runs)\n", name, median * scale, unit,
           s->value[0] * scale, s->value[s->count - 1] * scale, s->count);
}

#endif
