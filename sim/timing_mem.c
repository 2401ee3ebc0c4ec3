/* Vector and scalar memory as one CU sees it.
 *
 * An instruction's addresses go through the address pipeline a quarter of a wave a clock; each
 * quarter asks L1 for the lines that it touches, one line a clock. Lines that L1 lacks go through the
 * CU's port to the L2 of its XCD, from there to the Infinity Cache and to HBM. Of the levels that
 * CUs share this CU has a share of the bandwidth (timing_share): each request takes its bytes'
 * worth of the share's time, and waits while earlier ones take theirs. What other CUs of the XCD
 * read too is fetched once for all of them: of such a line this CU bears its part only. */
#include <stdlib.h>
#include <string.h>

#include "sim/timing_cu.h"

/* ---- tags ---- */

enum { WAYS = 16 };

static bool cache_init(timing_cache *c, uint64_t bytes, unsigned line)
{
    uint64_t lines = bytes / line;

    c->line = line;
    c->ways = lines < WAYS ? (unsigned)(lines ? lines : 1) : WAYS;
    c->sets = (unsigned)(lines / c->ways ? lines / c->ways : 1);
    c->clock = 0;
    free(c->tags);
    c->tags = calloc((size_t)c->sets * c->ways, sizeof *c->tags);
    return c->tags != NULL;
}

/* The tag of a line, or the one to replace; *hit says which. */
static timing_tag *cache_find(timing_cache *c, uint64_t line, bool *hit)
{
    timing_tag *set = &c->tags[(size_t)((line ^ line >> 12) % c->sets) * c->ways], *oldest = set;

    c->clock++;
    for (unsigned i = 0; i < c->ways; i++) {
        if (set[i].line == line + 1) {
            set[i].used = c->clock;
            *hit = true;
            return &set[i];
        }
        if (set[i].used < oldest->used)
            oldest = &set[i];
    }
    *hit = false;
    return oldest;
}

static void cache_fill(timing_cache *c, timing_tag *tag, uint64_t line, uint64_t ready)
{
    *tag = (timing_tag){line + 1, ready, c->clock};
}

bool timing_mem_init(timing_mem *mem, const timing_arch *arch)
{
    memset(mem, 0, sizeof *mem);
    mem->arch = arch;
    return cache_init(&mem->l1, arch->l1_bytes, arch->l1_line) &&
           cache_init(&mem->scalar, arch->scalar_bytes, arch->scalar_line) &&
           cache_init(&mem->l2, arch->l1_bytes, 128);
}

void timing_mem_free(timing_mem *mem)
{
    free(mem->l1.tags);
    free(mem->scalar.tags);
    free(mem->l2.tags);
}

static void cache_clear(timing_cache *c)
{
    memset(c->tags, 0, (size_t)c->sets * c->ways * sizeof *c->tags);
    c->clock = 0;
}

bool timing_mem_reset(timing_mem *mem, const timing_share *share)
{
    mem->share = *share;
    mem->address_free = 0;
    mem->l2_free = mem->mall_free = mem->hbm_free = 0;
    cache_clear(&mem->l1);
    cache_clear(&mem->scalar);
    return cache_init(&mem->l2, share->l2_bytes, 128);
}

/* ---- the levels behind L1 ---- */

static double later(double a, double b)
{
    return a > b ? a : b;
}

/* Takes `bytes` of a share that is free from *level on; returns when the last of them has passed. */
static double pass(double *level, double from, double bytes, double bytes_per_clk)
{
    *level = later(*level, from) + bytes / bytes_per_clk;
    return *level;
}

/* A line that L2 lacks. The CUs that read it run in step, so each of them waits for it as long as
 * the first does; its passage is divided between them, and between the XCDs that read it. Without an
 * Infinity Cache (and with one XCD) there is HBM only. */
static uint64_t beyond_l2(timing_mem *mem, double at, uint64_t bytes, timing_sharers s,
                          timing_cost *cost)
{
    const timing_arch *a = mem->arch;
    double mine = (double)bytes / s.xcd, hbm = mine / s.xcds;
    double latency = a->hbm_latency, done = at;

    if (a->mall_bytes) {
        hbm *= 1 - s.before; /* what the round before has read is still there */
        latency += s.before * ((double)a->mall_latency - a->hbm_latency);
        done = pass(&mem->mall_free, at, mine, mem->share.mall_bytes_per_clk);
    }
    done = later(done, pass(&mem->hbm_free, at, hbm, mem->share.hbm_bytes_per_clk));
    cost->hbm_read += hbm;
    return (uint64_t)(done + latency);
}

/* Bytes of one line that L1 (or the scalar cache) lacks. */
static uint64_t fetch(timing_mem *mem, uint64_t address, unsigned bytes, double at,
                      timing_sharers s, timing_cost *cost)
{
    const timing_arch *a = mem->arch;
    double sent = pass(&mem->l2_free, at, bytes, mem->share.l2_bytes_per_clk);
    uint64_t done = (uint64_t)sent + a->l2_latency, line = address / 128;
    bool hit;
    timing_tag *tag = cache_find(&mem->l2, line, &hit);

    cost->l2.requests++;
    cost->l2.read += bytes;
    if (hit) {
        cost->l2.hits++;
        return tag->ready > done ? tag->ready : done;
    }
    uint64_t ready = beyond_l2(mem, sent, 128, s, cost);
    cost->l2_shared += 1 - 1 / s.xcd;
    cache_fill(&mem->l2, tag, line, ready);
    return ready > done ? ready : done;
}

/* ---- vector memory ---- */

static uint64_t read_line(timing_mem *mem, uint64_t line, uint64_t at, timing_sharers s,
                          timing_cost *cost)
{
    const timing_arch *a = mem->arch;
    bool hit;
    timing_tag *tag = cache_find(&mem->l1, line, &hit);
    uint64_t done = at + a->l1_latency;

    cost->l1.requests++;
    if (hit) {
        cost->l1.hits++;
        return tag->ready > done ? tag->ready : done;
    }
    uint64_t ready = fetch(mem, line * a->l1_line, a->l1_line, (double)at, s, cost);
    cache_fill(&mem->l1, tag, line, ready);
    return ready;
}

/* L1 writes through and does not keep what it writes; L2 keeps it and writes it to HBM some time. */
static uint64_t write_line(timing_mem *mem, uint64_t bytes, uint64_t at, timing_cost *cost)
{
    double sent = pass(&mem->l2_free, (double)at, (double)bytes, mem->share.l2_bytes_per_clk);

    cost->l2.written += bytes;
    cost->hbm_written += (double)bytes;
    double drained = pass(&mem->hbm_free, sent, (double)bytes, mem->share.hbm_bytes_per_clk);
    cost->drained = (uint64_t)drained;
    return (uint64_t)sent + mem->arch->l2_latency;
}

/* The lines of one quarter of the wave's accesses, each once. Returns their number. */
enum { MAX_LINES = 64 };
typedef struct line_set {
    unsigned count;
    uint64_t line[MAX_LINES];
    uint32_t bytes[MAX_LINES];
} line_set;

static void add_bytes(line_set *set, uint64_t line, unsigned bytes)
{
    for (unsigned i = set->count; i-- > 0;)
        if (set->line[i] == line) {
            set->bytes[i] += bytes;
            return;
        }
    if (set->count == MAX_LINES)
        return;
    set->line[set->count] = line;
    set->bytes[set->count++] = bytes;
}

static unsigned collect(const timing_accesses *a, unsigned first, unsigned lanes, unsigned size,
                        line_set *set)
{
    unsigned i = first;
    int last_lane = a->at[first].lane / (int)lanes;

    set->count = 0;
    for (; i < a->count && a->at[i].lane / (int)lanes == last_lane; i++) {
        uint64_t at = a->at[i].address, end = at + a->at[i].size;
        if (a->at[i].lds)
            continue;
        for (uint64_t line = at / size; line <= (end - 1) / size; line++) {
            uint64_t from = line * size > at ? line * size : at;
            uint64_t to = (line + 1) * size < end ? (line + 1) * size : end;
            add_bytes(set, line, (unsigned)(to - from));
        }
    }
    return i;
}

/* Of 128 bytes; two of L1's lines may be parts of one. */
static unsigned whole_lines(const line_set *set, unsigned size)
{
    unsigned n = 0;

    for (unsigned i = 0; i < set->count; i++) {
        bool first = true;
        for (unsigned k = 0; k < i; k++)
            first &= set->line[k] * size / 128 != set->line[i] * size / 128;
        n += first;
    }
    return n;
}

/* A pipeline that takes an instruction's lines one after the other. */
static uint64_t one_quarter(timing_mem *mem, const line_set *set, bool store, timing_sharers s,
                            uint64_t start, unsigned *cycles, timing_cost *cost)
{
    const timing_arch *a = mem->arch;
    uint64_t done = start, bytes = 0;

    for (unsigned i = 0; i < set->count; i++) {
        uint64_t at = start + *cycles + i;
        uint64_t t = store ? write_line(mem, set->bytes[i], at, cost)
                           : read_line(mem, set->line[i], at, s, cost);
        done = t > done ? t : done;
        bytes += set->bytes[i];
    }
    unsigned data = (unsigned)((bytes + a->l1_bytes_per_clk - 1) / a->l1_bytes_per_clk);
    unsigned n = set->count > data ? set->count : data;
    *cycles += n ? n : 1;
    cost->bytes += bytes;
    cost->lines += whole_lines(set, a->l1_line);
    return done;
}

void timing_mem_vector(timing_mem *mem, const timing_accesses *a, bool store, timing_sharers s,
                       uint64_t now, timing_cost *cost)
{
    const timing_arch *arch = mem->arch;
    uint64_t start = now > mem->address_free ? now : mem->address_free, done = start;
    unsigned cycles = 0;
    line_set set;

    memset(cost, 0, sizeof *cost);
    for (unsigned next = 0; next < a->count;) {
        next = collect(a, next, arch->vmem_lanes, arch->l1_line, &set);
        uint64_t t = one_quarter(mem, &set, store, s, start, &cycles, cost);
        done = t > done ? t : done;
    }
    unsigned least = SIM_LANES / arch->vmem_lanes;
    cycles = cycles > least ? cycles : least;
    cost->cycles = cycles;
    cost->done = done > start + arch->l1_latency ? done : start + arch->l1_latency;
    cost->l1.read = store ? 0 : cost->bytes;
    cost->l1.written = store ? cost->bytes : 0;
    mem->address_free = start + cycles;
}

/* ---- scalar memory ---- */

void timing_mem_scalar(timing_mem *mem, const timing_accesses *a, timing_sharers s, uint64_t now,
                       timing_cost *cost)
{
    const timing_arch *arch = mem->arch;

    memset(cost, 0, sizeof *cost);
    cost->cycles = 4;
    cost->done = now + arch->scalar_latency;
    for (unsigned i = 0; i < a->count; i++) {
        uint64_t first = a->at[i].address / arch->scalar_line;
        uint64_t last = (a->at[i].address + a->at[i].size - 1) / arch->scalar_line;
        cost->bytes += a->at[i].size;
        for (uint64_t line = first; line <= last; line++) {
            bool hit;
            timing_tag *tag = cache_find(&mem->scalar, line, &hit);
            if (!hit)
                cache_fill(&mem->scalar, tag, line,
                           fetch(mem, line * arch->scalar_line, arch->scalar_line, (double)now,
                                 s, cost));
            cost->done = tag->ready > cost->done ? tag->ready : cost->done;
        }
    }
}
