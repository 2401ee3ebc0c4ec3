/* Races in global memory, between the waves of a workgroup and between the workgroups of a launch.
 *
 * In a workgroup barriers order; a write need not have been waited for, since the waves share an L1
 * cache that serves them in order (LLVM, "User Guide for AMDGPU Backend", memory model of gfx90a
 * and gfx942: no vmcnt at workgroup scope). Workgroups have no order at all, whichever runs first,
 * but for what atomics give them (the same memory model, in short): an integer atomic or a store
 * marked as coherent (sc1; glc on gfx90a) releases what its own wave has waited for and what the
 * other waves had issued before the last barrier that it has passed; a returning atomic or a load
 * so marked acquires, for the whole workgroup, what was released at its address before. A plain
 * load does not race with a compare-and-swap: compilers start their loops of such with one.
 *
 * The last accesses of each dword are kept, in pages that are made when first touched; pages where
 * something smaller than a dword is accessed keep those of each byte. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check_state.h"

enum { PAGE_BYTES = 4096, MAX_WAVES = 16 };

/* ---- addresses and numbers to pointers ---- */

typedef struct map {
    struct map_entry {
        uint64_t key;
        void *value; /* NULL: free */
    } *entries;
    size_t slots, count;
} map;

static size_t map_slot(const map *m, uint64_t key)
{
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) & (m->slots - 1);

    while (m->entries[slot].value && m->entries[slot].key != key)
        slot = (slot + 1) & (m->slots - 1);
    return slot;
}

static void *map_find(const map *m, uint64_t key)
{
    return m->slots ? m->entries[map_slot(m, key)].value : NULL;
}

static bool map_grow(map *m)
{
    map grown = {.slots = m->slots ? 2 * m->slots : 64, .count = m->count};

    grown.entries = calloc(grown.slots, sizeof *grown.entries);
    if (!grown.entries)
        return false;
    for (size_t i = 0; i < m->slots; i++)
        if (m->entries[i].value)
            grown.entries[map_slot(&grown, m->entries[i].key)] = m->entries[i];
    free(m->entries);
    *m = grown;
    return true;
}

/* What is at the key; if there is nothing, `size` zeroed bytes. NULL without memory. */
static void *map_get(map *m, uint64_t key, size_t size)
{
    void *value = map_find(m, key);

    if (value || (2 * m->count >= m->slots && !map_grow(m)) || !(value = calloc(1, size)))
        return value;
    m->entries[map_slot(m, key)] = (struct map_entry){key, value};
    m->count++;
    return value;
}

static void map_free(map *m, void (*release)(void *))
{
    for (size_t i = 0; i < m->slots; i++)
        if (m->entries[i].value)
            release(m->entries[i].value);
    free(m->entries);
}

/* ---- what is known of a launch ---- */

/* One execution of a memory instruction by a wave. */
typedef struct access {
    const sim_inst *inst;
    uint64_t group, number; /* number: of the wave's memory instructions so far */
    uint32_t epoch;
    uint8_t wave;
    bool atomic, swaps_if_equal;
} event;

enum { CHUNK_BITS = 14, CHUNK = 1 << CHUNK_BITS, CHUNKS = 1 << (26 - CHUNK_BITS) };

/* A reference to an access, and the lane: 0 is none. */
typedef uint32_t reference;

typedef struct cell {
    reference write, read, other_read; /* the reads are of different waves */
} cell;

typedef struct check_page {
    pthread_mutex_t lock;
    unsigned shift; /* bytes of a cell: 1 << shift */
    cell *cells;
} check_page;

/* How many memory instructions of each wave of a workgroup are known to be done. */
typedef struct covered {
    uint64_t group, number[MAX_WAVES];
} covered;

typedef struct history {
    covered *groups;
    size_t count;
} history;

struct sim_check_global {
    pthread_mutex_t lock; /* of the map of pages and of new chunks */
    map pages;
    event *_Atomic chunks[CHUNKS];
    _Atomic uint32_t accesses; /* references given out */
    pthread_mutex_t sync_lock;
    map released; /* address -> history */
    map acquired; /* workgroup + 1 -> history */
};

struct sim_check_global *sim_check_global_create(void)
{
    struct sim_check_global *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->sync_lock, NULL);
    atomic_init(&g->accesses, 1);
    return g;
}

static void free_page(void *p)
{
    free(((check_page *)p)->cells);
    free(p);
}

static void free_history(void *c)
{
    free(((history *)c)->groups);
    free(c);
}

void sim_check_global_destroy(struct sim_check_global *g)
{
    if (!g)
        return;
    map_free(&g->pages, free_page);
    map_free(&g->released, free_history);
    map_free(&g->acquired, free_history);
    for (size_t i = 0; i < CHUNKS; i++)
        free(g->chunks[i]);
    free(g);
}

/* ---- accesses ---- */

static uint64_t group_of(const sim_wave *w)
{
    const sim_dispatch *d = w->wg->dispatch;
    uint64_t x = (d->grid[0] + d->block[0] - 1) / d->block[0],
             y = (d->grid[1] + d->block[1] - 1) / d->block[1];

    return w->wg->id[0] + x * (w->wg->id[1] + y * w->wg->id[2]);
}

static event *event_at(struct sim_check_global *g, reference r)
{
    uint32_t n = r >> 6;

    return &atomic_load(&g->chunks[n >> CHUNK_BITS])[n & (CHUNK - 1)];
}

static bool make_chunk(struct sim_check_global *g, uint32_t n)
{
    event *_Atomic *chunk = &g->chunks[n >> CHUNK_BITS];

    pthread_mutex_lock(&g->lock);
    if (!atomic_load(chunk))
        atomic_store(chunk, calloc(CHUNK, sizeof(event)));
    pthread_mutex_unlock(&g->lock);
    return atomic_load(chunk) != NULL;
}

/* A marked load or store, or an atomic: what may hand something over. */
static bool coherent(const sim_wave *w, const sim_inst *inst)
{
    uint32_t mark = w->arch == SIM_GFX90A ? SIM_F_GLC : SIM_F_SC1;

    const sim_usage *c = w->check->current;

    return c->atomic || (c->unit == USAGE_VMEM && inst->flags & mark);
}

/* The reference of the instruction that the wave executes now, but for the lane; 0 without memory
 * or numbers. */
static reference new_access(struct sim_check_global *g, const sim_wave *w, const sim_inst *inst)
{
    uint32_t n = atomic_fetch_add(&g->accesses, 1);

    if (n >> 26 || (!atomic_load(&g->chunks[n >> CHUNK_BITS]) && !make_chunk(g, n)))
        return 0;
    *event_at(g, n << 6) = (event){.inst = inst,
                                     .group = group_of(w),
                                     .number = w->vm_issued,
                                     .epoch = check_of(w)->barriers,
                                     .wave = (uint8_t)w->index,
                                     .atomic = coherent(w, inst),
                                     .swaps_if_equal = strstr(inst->op->name, "cmpswap") != NULL};
    return n << 6;
}

/* ---- order by atomics ---- */

static covered *history_find(const history *c, uint64_t group)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->groups[i].group == group)
            return &c->groups[i];
    return NULL;
}

static void history_add(history *c, const covered *more)
{
    covered *have = history_find(c, more->group);

    if (!have) {
        covered *grown = realloc(c->groups, (c->count + 1) * sizeof *grown);
        if (!grown)
            return;
        c->groups = grown;
        have = &c->groups[c->count++];
        *have = (covered){.group = more->group};
    }
    for (unsigned i = 0; i < MAX_WAVES; i++)
        if (more->number[i] > have->number[i])
            have->number[i] = more->number[i];
}

static void history_join(history *to, const history *from)
{
    for (size_t i = 0; from && i < from->count; i++)
        history_add(to, &from->groups[i]);
}

/* What a release by this wave makes known of its workgroup. A wave that has come one barrier
 * further counts with what it had issued at the one before. */
static covered own_cover(const sim_wave *w)
{
    covered c = {.group = group_of(w)};

    for (unsigned i = 0; i < w->wg->num_waves; i++) {
        const check_wave *other = &w->check->waves[i];
        bool further = other->barriers > check_of(w)->barriers;
        c.number[i] = i == w->index ? other->vm_done
                      : further     ? other->vm_barrier_before
                                    : other->vm_barrier;
    }
    return c;
}

static bool floating(const char *name)
{
    return strstr(name, "_f32") || strstr(name, "_f64") || strstr(name, "_pk_");
}

static bool acquires(const sim_usage *c, bool write)
{
    for (unsigned i = 0; c->atomic && i < c->num; i++)
        if (c->ranges[i].role == USAGE_RESULT)
            return true;
    return !write;
}

/* Floating-point sums are no signals. */
static void synchronize(struct sim_check_global *g, const sim_wave *w, const sim_inst *inst,
                        uint64_t address, bool write)
{
    const sim_usage *c = w->check->current;

    if (!coherent(w, inst) || (c->atomic && floating(inst->op->name)))
        return;
    pthread_mutex_lock(&g->sync_lock);
    history *place = write ? map_get(&g->released, address, sizeof *place)
                         : map_find(&g->released, address);
    history *known = place ? map_get(&g->acquired, group_of(w) + 1, sizeof *known) : NULL;
    if (known && acquires(c, write))
        history_join(known, place);
    if (known && write) {
        const covered own = own_cover(w);
        history_join(place, known);
        history_add(place, &own);
    }
    pthread_mutex_unlock(&g->sync_lock);
}

static bool released_to(struct sim_check_global *g, const event *earlier, uint64_t group)
{
    pthread_mutex_lock(&g->sync_lock);
    const history *known = map_find(&g->acquired, group + 1);
    const covered *c = known ? history_find(known, earlier->group) : NULL;
    bool done = c && earlier->number <= c->number[earlier->wave];
    pthread_mutex_unlock(&g->sync_lock);
    return done;
}

/* ---- conflicts ---- */

/* Why an access is not ordered before the present one; NULL: it is. */
static const char *unordered(struct sim_check_global *g, const event *earlier, const event *now)
{
    if (earlier->atomic && now->atomic)
        return NULL;
    if (earlier->group != now->group)
        return released_to(g, earlier, now->group) ? NULL : "workgroups of a launch have no order";
    if (earlier->wave == now->wave)
        return NULL;
    return earlier->epoch == now->epoch ? "no barrier between" : NULL;
}

static void report(sim_wave *w, reference now, uint64_t address, bool write, const event *earlier,
                   unsigned earlier_lane, bool earlier_write, const char *why)
{
    const sim_dispatch *d = w->wg->dispatch;
    uint64_t x = (d->grid[0] + d->block[0] - 1) / d->block[0],
             y = (d->grid[1] + d->block[1] - 1) / d->block[1];

    sim_finding(w, event_at(d->global, now)->inst, (int)(now & 63), address,
                "race: %s 0x%llx, which workgroup (%llu,%llu,%llu) wave %u lane %u %s with \"%s\" "
                "at 0x%llx; %s",
                write ? "writes" : "reads", (unsigned long long)address,
                (unsigned long long)(earlier->group % x),
                (unsigned long long)(earlier->group / x % y),
                (unsigned long long)(earlier->group / x / y), earlier->wave, earlier_lane,
                earlier_write ? "writes" : "reads", earlier->inst->text,
                check_pc(w, earlier->inst), why);
}

/* Reports if the present access is not ordered behind this one. */
static bool conflict(sim_wave *w, reference now, uint64_t address, bool write, reference earlier,
                     bool earlier_write)
{
    struct sim_check_global *g = w->wg->dispatch->global;

    if (!earlier || earlier >> 6 == now >> 6)
        return false;
    const event *e = event_at(g, earlier);
    const event *n = event_at(g, now);
    const event *swap = write ? n : e, *load = write ? e : n;
    if (earlier_write != write && swap->swaps_if_equal && !load->atomic)
        return false;
    const char *why = unordered(g, e, n);
    if (why)
        report(w, now, address, write, e, earlier & 63, earlier_write, why);
    return why != NULL;
}

static bool same_wave(struct sim_check_global *g, reference a, reference b)
{
    const event *x = event_at(g, a), *y = event_at(g, b);

    return x->group == y->group && x->wave == y->wave;
}

static void touch(sim_wave *w, cell *c, reference now, uint64_t address, bool write)
{
    if (conflict(w, now, address, write, c->write, true))
        return;
    if (write) {
        if (!conflict(w, now, address, true, c->read, false) &&
            !conflict(w, now, address, true, c->other_read, false))
            c->write = now;
        return;
    }
    if (c->read && !same_wave(w->wg->dispatch->global, c->read, now))
        c->other_read = c->read;
    c->read = now;
}

/* ---- pages ---- */

/* From cells of dwords to cells of bytes. */
static bool split(check_page *p)
{
    cell *bytes = p->shift ? malloc(PAGE_BYTES * sizeof *bytes) : NULL;

    if (!bytes)
        return p->shift == 0;
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        bytes[i] = p->cells[i >> p->shift];
    free(p->cells);
    p->cells = bytes;
    p->shift = 0;
    return true;
}

static check_page *find_page(struct sim_check_global *g, sim_check *check, uint64_t number)
{
    if (check->page && check->page_number == number)
        return check->page;
    pthread_mutex_lock(&g->lock);
    check_page *p = map_get(&g->pages, number, sizeof *p);
    if (p && !p->cells) {
        pthread_mutex_init(&p->lock, NULL);
        p->shift = 2;
        p->cells = calloc(PAGE_BYTES >> p->shift, sizeof *p->cells);
    }
    pthread_mutex_unlock(&g->lock);
    if (!p || !p->cells)
        return NULL;
    check->page = p;
    check->page_number = number;
    return p;
}

/* An access within one page. */
static bool touch_page(sim_wave *w, reference now, uint64_t address, unsigned size, bool write)
{
    check_page *p = find_page(w->wg->dispatch->global, w->check, address / PAGE_BYTES);

    if (!p)
        return false;
    pthread_mutex_lock(&p->lock);
    bool ok = (address % 4 == 0 && size % 4 == 0) || split(p);
    unsigned at = address % PAGE_BYTES;
    for (unsigned i = 0; ok && i < size && w->state != SIM_FAULTED; i += 1u << p->shift)
        touch(w, &p->cells[(at + i) >> p->shift], now, address + i, write);
    pthread_mutex_unlock(&p->lock);
    return ok;
}

void sim_check_global_access(sim_wave *w, const sim_inst *inst, int lane, uint64_t address,
                             unsigned size, bool write)
{
    struct sim_check_global *g = w->wg->dispatch->global;
    sim_check *check = w->check;
    unsigned first = PAGE_BYTES - address % PAGE_BYTES;

    if (!check->access)
        check->access = new_access(g, w, inst);
    synchronize(g, w, inst, address, write);
    reference now = check->access | (lane < 0 ? 0 : (unsigned)lane);
    first = first < size ? first : size;
    if (!check->access || !touch_page(w, now, address, first, write) ||
        (size > first && !touch_page(w, now, address + first, size - first, write)))
        sim_fault(w, inst, lane, address, "out of memory for the race checker");
}
