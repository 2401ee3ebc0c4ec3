/* Who else reads what a workgroup reads. Some workgroups that would run at the same time, on CUs of
 * the same XCD and on other XCDs, and one of the round before, are executed for a while, without
 * their stores; the lines that each loads are compared with those of the workgroup in the middle of
 * the grid. What is found is kept per instruction: an instruction loads from one tensor, whatever
 * its addresses. */
#include <stdlib.h>
#include <string.h>

#include "sim/timing_grid.h"

enum { LINE = 128, WAVE_INSTRUCTIONS = 20000, MAX_PROBES = 24 };

/* ---- sets of lines ---- */

typedef struct line_set {
    uint64_t *slots; /* line + 1; open-addressed */
    size_t count, capacity;
} line_set;

static size_t slot_of(const line_set *set, uint64_t line)
{
    size_t slot = (size_t)(line * 0x9e3779b97f4a7c15u >> 20) & (set->capacity - 1);

    while (set->slots[slot] && set->slots[slot] != line + 1)
        slot = (slot + 1) & (set->capacity - 1);
    return slot;
}

static bool grow(line_set *set)
{
    line_set more = {.count = set->count, .capacity = set->capacity ? 2 * set->capacity : 4096};

    more.slots = calloc(more.capacity, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i])
            more.slots[slot_of(&more, set->slots[i] - 1)] = set->slots[i];
    free(set->slots);
    *set = more;
    return true;
}

/* Whether it was new; without memory it counts as old. */
static bool add_line(line_set *set, uint64_t line)
{
    if (2 * set->count >= set->capacity && !grow(set))
        return false;
    size_t slot = slot_of(set, line);
    if (set->slots[slot])
        return false;
    set->slots[slot] = line + 1;
    set->count++;
    return true;
}

static bool has_line(const line_set *set, uint64_t line)
{
    return set->count && set->slots[slot_of(set, line)];
}

/* ---- probes: workgroups executed for a while ---- */

typedef enum relation { SAME_XCD, OTHER_XCD, ROUND_BEFORE } relation;

typedef struct probe {
    relation relation;
    double weight; /* workgroups that it stands for */
    line_set lines;
} probe;

/* The middle's lines, each with the instruction that loaded it first. */
typedef struct load {
    uint64_t line;
    uint32_t inst;
} load;

typedef struct survey {
    line_set lines;
    load *loads; /* NULL: of a probe, lines only */
    size_t count, capacity;
} survey;

static void add_load(survey *s, uint32_t inst, uint64_t line)
{
    if (!add_line(&s->lines, line) || !s->capacity)
        return;
    if (s->count == s->capacity) {
        load *more = realloc(s->loads, 2 * s->capacity * sizeof *more);
        if (!more)
            return;
        s->loads = more;
        s->capacity *= 2;
    }
    s->loads[s->count++] = (load){line, inst};
}

static void note_load(sim_wave *w, const sim_inst *inst, bool lds, int lane, uint64_t address,
                      unsigned size, bool write)
{
    (void)lane;
    if (lds || write)
        return;
    for (uint64_t line = address / LINE; line <= (address + size - 1) / LINE; line++)
        add_load(w->timing, (uint32_t)(inst - w->program->inst), line);
}

static bool is_store(const timing_inst *t, const sim_inst *inst)
{
    return t->store || (t->unit == AITER_SIM_UNIT_SMEM && inst->op && strstr(inst->op->name, "store"));
}

/* In place of sim_run_wave(). A wave that has done enough ends. */
static void run_wave(sim_wave *w, uint64_t max_instructions)
{
    uint64_t end = w->executed + max_instructions;

    while (w->state == SIM_RUNNING && w->executed < end) {
        const sim_inst *inst = w->next;
        w->next = inst + 1;
        if (++w->executed > WAVE_INSTRUCTIONS)
            w->state = SIM_ENDED;
        else if (is_store(timing_of(w->program, inst), inst))
            w->vm_issued++;
        else if (w->mode_default)
            inst->exec(w, inst);
        else
            sim_step(w, inst);
    }
}

/* What faults here will fault again when it is simulated. */
static void execute(const timing_grid *grid, sim_worker *worker, uint64_t number, survey *into)
{
    sim_workgroup wg;
    sim_error error;
    uint32_t id[3];

    timing_grid_id(grid, number, id);
    if (sim_workgroup_prepare(worker, &wg, grid->dispatch, id, &error))
        return;
    for (unsigned i = 0; i < wg.num_waves; i++) {
        wg.waves[i].access = note_load;
        wg.waves[i].timing = into;
    }
    sim_workgroup_run(&wg, run_wave);
}

/* ---- the survey ---- */

static unsigned add_probe(probe *probes, unsigned count, relation kind, double weight,
                          const timing_grid *grid, sim_worker *worker, uint64_t number)
{
    survey s = {0};

    if (count == MAX_PROBES)
        return count;
    execute(grid, worker, number % grid->total, &s);
    probes[count] = (probe){kind, weight, s.lines};
    return count + 1;
}

/* Workgroups at distances 1, 2, 4 ... among those that run at the same time; each stands for all up
 * to the next. */
static unsigned probe_neighbours(const timing_grid *grid, sim_worker *worker, uint64_t middle,
                                 probe *probes)
{
    uint64_t xcds = (uint64_t)grid->device->num_xccs;
    uint64_t same = (grid->working + xcds - 1) / xcds;
    uint64_t others = grid->working < xcds ? grid->working : xcds;
    unsigned n = 0;

    for (uint64_t d = 1; d < same; d *= 2) {
        uint64_t to = 2 * d < same ? 2 * d : same;
        n = add_probe(probes, n, SAME_XCD, (double)(to - d), grid, worker, middle + d * xcds);
    }
    for (uint64_t d = 1; d < others; d *= 2) {
        uint64_t to = 2 * d < others ? 2 * d : others;
        n = add_probe(probes, n, OTHER_XCD, (double)(to - d), grid, worker, middle + d);
    }
    uint64_t round = grid->working * grid->resident;
    if (middle >= round)
        n = add_probe(probes, n, ROUND_BEFORE, 1 - (double)round / (double)grid->total, grid,
                      worker, middle - round);
    return n;
}

static void add_line_of(timing_sharers *sum, const probe *probes, unsigned count, uint64_t line)
{
    sum->xcd += 1;
    sum->xcds += 1;
    for (unsigned i = 0; i < count; i++) {
        const probe *p = &probes[i];
        if (has_line(&p->lines, line))
            *(p->relation == SAME_XCD    ? &sum->xcd
              : p->relation == OTHER_XCD ? &sum->xcds
                                         : &sum->before) += p->weight;
    }
}

static void average(const timing_grid *grid, const survey *s, const probe *probes, unsigned count,
                    timing_sharers *sharers)
{
    size_t size = sim_program_size(grid->dispatch->program) + 1;
    uint32_t *lines = calloc(size, sizeof *lines);

    if (!lines)
        return;
    memset(sharers, 0, size * sizeof *sharers);
    for (size_t i = 0; i < s->count; i++) {
        add_line_of(&sharers[s->loads[i].inst], probes, count, s->loads[i].line);
        lines[s->loads[i].inst]++;
    }
    for (size_t i = 0; i < size; i++) {
        double n = lines[i];
        sharers[i] = n ? (timing_sharers){sharers[i].xcd / n, sharers[i].xcds / n,
                                          sharers[i].before / n}
                       : (timing_sharers){1, 1, 0};
    }
    free(lines);
}

void timing_survey(const timing_grid *grid, timing_sharers *sharers)
{
    uint64_t middle = grid->total / 2;
    survey s = {.capacity = 4096};
    probe probes[MAX_PROBES];
    sim_worker *worker = sim_worker_create();

    s.loads = malloc(s.capacity * sizeof *s.loads);
    if (worker && s.loads && grid->total > 1) {
        execute(grid, worker, middle, &s);
        unsigned n = probe_neighbours(grid, worker, middle, probes);
        average(grid, &s, probes, n, sharers);
        for (unsigned i = 0; i < n; i++) free(probes[i].lines.slots);
    }
    free(s.lines.slots);
    free(s.loads);
    sim_worker_destroy(worker);
}
