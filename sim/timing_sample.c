/* Which workgroups are simulated, and what the others would do.
 *
 * The workgroups simulated form a grid of their own: some coordinates of each dimension, and every
 * combination of them. Between them all that is counted is interpolated linearly. First the
 * corners and the middle; then dimensions along which the times differ get more coordinates, until
 * the interpolation foretells what the last round measured, or enough has been executed. At last some
 * workgroups from anywhere are looked at: if the interpolation is wrong about them, as when one
 * dimension of the grid holds several of the problem, more of such are simulated, and the others are
 * taken to be like them, any like any. Rounds depend on results only, so the choice is the same
 * whatever the number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/timing_grid.h"

enum {
    MAX_COORDINATES = 17,
    FEW = 48,     /* a grid of so many is simulated as a whole */
    CHECKS = 5,   /* workgroups from anywhere */
    RANDOM = 40,  /* ... if the interpolation does not hold */
    ENOUGH_INSTRUCTIONS = 30000000 /* wave instructions: some tens of seconds */
};
#define TOLERANCE 0.02
#define IRREGULAR 0.1

typedef struct axis {
    uint32_t size, count;
    uint32_t at[MAX_COORDINATES]; /* ascending */
    bool settled;
} axis;

struct timing_sample {
    const timing_grid *grid;
    bool all;    /* every workgroup is simulated */
    unsigned round, num_random;
    bool irregular; /* those at random stand for all */
    axis axes[3];
    timing_point **points; /* by number */
    size_t count, capacity;
    timing_point **table; /* axes[2].count * axes[1].count * axes[0].count */
    timing_point **wanted;
};

timing_sample *timing_sample_create(const timing_grid *grid, bool full)
{
    timing_sample *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->grid = grid;
    s->all = full || grid->total <= FEW;
    for (unsigned i = 0; i < 3; i++) {
        axis *a = &s->axes[i];
        a->size = grid->groups[i];
        a->at[a->count++] = 0;
        if (a->size > 1)
            a->at[a->count++] = a->size - 1;
    }
    return s;
}

void timing_sample_destroy(timing_sample *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) free(s->points[i]);
    free(s->points);
    free(s->table);
    free(s->wanted);
    free(s);
}

/* ---- points ---- */

static size_t position(const timing_sample *s, uint64_t number)
{
    size_t lo = 0, hi = s->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->points[mid]->number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static timing_point *point(timing_sample *s, uint64_t number)
{
    size_t i = position(s, number);

    if (i < s->count && s->points[i]->number == number)
        return s->points[i];
    if (s->count == s->capacity) {
        size_t more = s->capacity ? 2 * s->capacity : 64;
        timing_point **grown = realloc(s->points, more * sizeof *grown);
        if (!grown)
            return NULL;
        s->points = grown;
        s->capacity = more;
    }
    timing_point *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->number = number;
    memmove(s->points + i + 1, s->points + i, (s->count - i) * sizeof *s->points);
    s->points[i] = p;
    s->count++;
    return p;
}

static uint64_t number_of(const timing_sample *s, uint32_t x, uint32_t y, uint32_t z)
{
    return x + (uint64_t)s->grid->groups[0] * (y + (uint64_t)s->grid->groups[1] * z);
}

static size_t table_index(const timing_sample *s, size_t x, size_t y, size_t z)
{
    return x + s->axes[0].count * (y + s->axes[1].count * z);
}

/* Every combination of the axes' coordinates. */
static bool build_table(timing_sample *s)
{
    const axis *a = s->axes;
    size_t count = (size_t)a[0].count * a[1].count * a[2].count;
    timing_point **table = realloc(s->table, count * sizeof *table);

    if (!table)
        return false;
    s->table = table;
    for (size_t z = 0; z < a[2].count; z++)
        for (size_t y = 0; y < a[1].count; y++)
            for (size_t x = 0; x < a[0].count; x++) {
                timing_point *p = point(s, number_of(s, a[0].at[x], a[1].at[y], a[2].at[z]));
                if (!p)
                    return false;
                table[table_index(s, x, y, z)] = p;
            }
    return true;
}

/* ---- interpolation ---- */

/* The two coordinates around one, and the part of the second. */
typedef struct between {
    size_t low, high;
    double part;
} between;

static between locate(const axis *a, uint32_t at)
{
    size_t high = 0;

    while (high < a->count && a->at[high] < at) high++;
    if (high == a->count || a->at[high] == at || high == 0) {
        high = high == a->count ? high - 1 : high;
        return (between){high, high, 0};
    }
    return (between){high - 1, high,
                     (double)(at - a->at[high - 1]) / (double)(a->at[high] - a->at[high - 1])};
}

/* Calls `visit` for the points around a workgroup with their weights. */
static void around(const timing_sample *s, const uint32_t id[3],
                   void (*visit)(timing_point *p, double weight, void *user), void *user)
{
    between b[3];

    for (unsigned i = 0; i < 3; i++) b[i] = locate(&s->axes[i], id[i]);
    for (unsigned corner = 0; corner < 8; corner++) {
        size_t at[3];
        double weight = 1;
        for (unsigned i = 0; i < 3; i++) {
            bool high = corner >> i & 1;
            at[i] = high ? b[i].high : b[i].low;
            weight *= high ? b[i].part : 1 - b[i].part;
        }
        if (weight > 0)
            visit(s->table[table_index(s, at[0], at[1], at[2])], weight, user);
    }
}

static double cycles_of(const timing_point *p)
{
    return (double)(p->result.end - p->result.start);
}

static void add_cycles(timing_point *p, double weight, void *user)
{
    *(double *)user += weight * cycles_of(p);
}

/* A fixed choice that looks like chance. */
static uint64_t scattered(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
    return i ^ i >> 31;
}

static uint64_t random_number(const timing_sample *s, unsigned i)
{
    return scattered(i) % s->grid->total;
}

/* The one of those at random that stands for a workgroup. */
static const timing_point *random_point(const timing_sample *s, uint64_t number)
{
    unsigned i = (unsigned)(scattered(number) % s->num_random);

    return s->points[position(s, random_number(s, i))];
}

double timing_sample_cycles(const void *sample, uint64_t number)
{
    const timing_sample *s = sample;
    uint32_t id[3];
    double cycles = 0;

    if (s->all)
        return cycles_of(s->points[number]);
    if (s->irregular)
        return cycles_of(random_point(s, number));
    timing_grid_id(s->grid, number, id);
    around(s, id, add_cycles, &cycles);
    return cycles;
}

/* ---- totals ---- */

/* All fields are doubles. */
static void add_counts(timing_counts *to, const timing_counts *from, double weight)
{
    double *t = (double *)to;
    const double *f = (const double *)from;

    for (size_t i = 0; i < sizeof *to / sizeof *t; i++) t[i] += weight * f[i];
}

/* How much of an axis' length each of its coordinates stands for. */
static void axis_weights(const axis *a, double *weights)
{
    memset(weights, 0, MAX_COORDINATES * sizeof *weights);
    for (uint32_t at = 0; at < a->size; at++) {
        between b = locate(a, at);
        weights[b.low] += 1 - b.part;
        weights[b.high] += b.part;
    }
}

void timing_sample_totals(const timing_sample *s, timing_counts *totals)
{
    double w[3][MAX_COORDINATES];

    memset(totals, 0, sizeof *totals);
    if (s->all) {
        for (size_t i = 0; i < s->count; i++) add_counts(totals, &s->points[i]->result.counts, 1);
        return;
    }
    if (s->irregular) {
        for (unsigned i = 0; i < s->num_random; i++)
            add_counts(totals, &s->points[position(s, random_number(s, i))]->result.counts,
                       (double)s->grid->total / s->num_random);
        return;
    }
    for (unsigned i = 0; i < 3; i++) axis_weights(&s->axes[i], w[i]);
    for (size_t z = 0; z < s->axes[2].count; z++)
        for (size_t y = 0; y < s->axes[1].count; y++)
            for (size_t x = 0; x < s->axes[0].count; x++)
                add_counts(totals, &s->table[table_index(s, x, y, z)]->result.counts,
                           w[0][x] * w[1][y] * w[2][z]);
}

/* ---- rounds ---- */

static bool add_coordinate(axis *a, uint32_t at)
{
    uint32_t i = 0;

    while (i < a->count && a->at[i] < at) i++;
    if (a->count == MAX_COORDINATES || (i < a->count && a->at[i] == at))
        return false;
    memmove(a->at + i + 1, a->at + i, (a->count - i) * sizeof *a->at);
    a->at[i] = at;
    a->count++;
    return true;
}

/* Halves every interval; the last step has a coordinate of its own, because the last workgroup is
 * often a partial one. */
static bool refine(axis *a)
{
    axis old = *a;
    bool more = false;

    for (uint32_t i = 0; i + 1 < old.count; i++)
        more |= add_coordinate(a, old.at[i] + (old.at[i + 1] - old.at[i]) / 2);
    if (a->size > 2 && old.count > 2)
        more |= add_coordinate(a, a->size - 2);
    return more;
}

/* The largest error, as part of the largest time, of foretelling inner coordinates of an axis from
 * their neighbours; with two coordinates, the difference of the two. */
static double axis_error(const timing_sample *s, unsigned which)
{
    const axis *a = &s->axes[which];
    size_t stride = which == 0 ? 1 : which == 1 ? s->axes[0].count
                                                : (size_t)s->axes[0].count * s->axes[1].count;
    size_t count = (size_t)s->axes[0].count * s->axes[1].count * s->axes[2].count;
    double worst = 0, largest = 1;

    for (size_t i = 0; i < count; i++) {
        size_t at = i / stride % a->count;
        double here = cycles_of(s->table[i]);
        largest = here > largest ? here : largest;
        if (a->count == 2 && at == 1)
            worst = fmax(worst, fabs(here - cycles_of(s->table[i - stride])));
        if (at == 0 || at + 1 == a->count)
            continue;
        double part = (double)(a->at[at] - a->at[at - 1]) / (a->at[at + 1] - a->at[at - 1]);
        double told = cycles_of(s->table[i - stride]) * (1 - part) +
                      cycles_of(s->table[i + stride]) * part;
        worst = fmax(worst, fabs(here - told));
    }
    return worst / largest;
}

/* Whether there is anything to refine. */
static bool refine_axes(timing_sample *s)
{
    bool more = false;

    for (unsigned i = 0; i < 3; i++) {
        axis *a = &s->axes[i];
        bool first = i == 0 && a->count == 2; /* its middle is looked at in any case */
        a->settled |= !first && axis_error(s, i) < TOLERANCE;
    }
    for (unsigned i = 0; i < 3; i++)
        if (!s->axes[i].settled)
            more |= refine(&s->axes[i]);
    return more;
}

static bool every_point(timing_sample *s)
{
    for (uint64_t n = 0; n < s->grid->total; n++)
        if (!point(s, n))
            return false;
    return true;
}

static bool add_random(timing_sample *s, unsigned count)
{
    for (; s->num_random < count; s->num_random++)
        if (!point(s, random_number(s, s->num_random)))
            return false;
    return true;
}

/* How far off the interpolation is for workgroups from anywhere, as part of what they take. */
static double random_error(const timing_sample *s)
{
    double off = 0, sum = 1;

    for (unsigned i = 0; i < s->num_random; i++) {
        uint64_t number = random_number(s, i);
        double here = cycles_of(s->points[position(s, number)]);
        off += fabs(timing_sample_cycles(s, number) - here);
        sum += here;
    }
    return off / sum;
}

static bool collect_wanted(timing_sample *s, timing_point ***points, size_t *count)
{
    free(s->wanted);
    s->wanted = malloc((s->count + 1) * sizeof *s->wanted);
    if (!s->wanted)
        return false;
    *count = 0;
    for (size_t i = 0; i < s->count; i++)
        if (!s->points[i]->done)
            s->wanted[(*count)++] = s->points[i];
    *points = s->wanted;
    return true;
}

/* Adds the points of the next round. Returns false without memory. */
static bool add_points(timing_sample *s, uint64_t executed)
{
    if (s->all)
        return s->round > 0 || every_point(s);
    if (s->round == 0 || (executed < ENOUGH_INSTRUCTIONS && !s->num_random && refine_axes(s)))
        return build_table(s);
    if (!s->num_random)
        return add_random(s, CHECKS);
    if (!s->irregular && random_error(s) > IRREGULAR) {
        s->irregular = true;
        return add_random(s, RANDOM);
    }
    return true;
}

bool timing_sample_round(timing_sample *s, uint64_t executed, timing_point ***points, size_t *count)
{
    bool ok;

    do { /* a round's points may all be known already */
        ok = add_points(s, executed) && collect_wanted(s, points, count);
        s->round++;
    } while (ok && *count == 0 && !s->all && s->round < 64 && !s->irregular &&
             s->num_random == 0);
    return ok;
}
