/* A compute unit: four SIMDs, each with the waves that were put on it. A SIMD has its turn every
 * fourth cycle; in a turn it issues at most one instruction of each of its waves and at most one to
 * each unit, waves of higher priority first, then older ones (AMD, CDNA3 ISA guide and white paper).
 *
 * Nothing is ticked: what a wave waits for is known by the time at which it ends, so each SIMD knows
 * its next turn that can issue something. When an instruction issues, its execution function computes
 * the values at once; the registers' scoreboard and the counters of s_waitcnt say who may see them
 * when. */
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/landing.h"
#include "sim/memory.h"
#include "sim/timing_cu.h"

enum { SIMDS = 4, MAX_WAVES_PER_SIMD = 10, MAX_GROUPS = 32 };
#define NEVER UINT64_MAX
#define MAX_CYCLES 4000000000ull /* two seconds of the device */

enum { VM_COUNTS = 64, LGKM_COUNTS = 16 };

typedef struct group group;

typedef struct wave {
    sim_wave *w;
    group *group;
    struct timing_cu *cu;
    unsigned simd, priority;
    uint32_t record; /* index of its timing_wave_record */
    uint64_t next;   /* earliest issue of its next instruction */
    uint64_t waits_since; /* cycles before this one have been accounted for */
    aiter_sim_stall since_reason; /* what held it back until `next` */
    /* Of its next instruction: when operands and counters allow it, and what was last of them. */
    bool judged;
    uint64_t ready;
    aiter_sim_stall reason;
    uint64_t barrier_since;
    bool at_barrier, ended;
    /* When registers' new values can be read, who computes them, and for accumulators when the same
     * matrix instruction may go on with them. */
    uint64_t vready[SIM_VGPRS], chain[SIM_VGPRS], sready[SIM_SREGS];
    const sim_op *chain_op[SIM_VGPRS];
    uint8_t by_matrix[SIM_VGPRS / 8];
    /* Completion times, oldest first. */
    uint64_t vm[VM_COUNTS], lds[LGKM_COUNTS], smem[LGKM_COUNTS];
    unsigned num_vm, num_lds, num_smem;
} wave;

struct group {
    sim_worker *worker;
    sim_workgroup wg;
    uint64_t drained;          /* memory has taken what it stored */
    unsigned running, waiting; /* waves that have not ended; that are at the barrier */
    timing_result *result;
};

typedef struct simd {
    wave *waves[MAX_WAVES_PER_SIMD]; /* oldest first */
    unsigned count;
    uint64_t turn;     /* its next turn that may issue something */
    uint64_t last_turn;
    uint64_t valu_free, matrix_free;
    bool matrix_used;
} simd;

struct timing_cu {
    sim_arch arch;
    const timing_arch *table;
    const sim_program *program;
    wave *waves; /* SIMDS * MAX_WAVES_PER_SIMD */
    unsigned num_waves;
    group groups[MAX_GROUPS];
    unsigned num_groups;
    simd simds[SIMDS];
    uint64_t lds_free;
    timing_mem mem;
    timing_accesses accesses;
    timing_record *record;
    uint64_t executed;
};

/* ---- life ---- */

timing_cu *timing_cu_create(sim_arch arch, const sim_program *program)
{
    timing_cu *cu = calloc(1, sizeof *cu);

    if (!cu)
        return NULL;
    cu->arch = arch;
    cu->table = sim_timing_arch(arch);
    cu->program = program;
    cu->waves = calloc(SIMDS * MAX_WAVES_PER_SIMD, sizeof *cu->waves);
    if (!cu->waves || !timing_mem_init(&cu->mem, cu->table)) {
        timing_cu_destroy(cu);
        return NULL;
    }
    return cu;
}

void timing_cu_destroy(timing_cu *cu)
{
    if (!cu)
        return;
    for (unsigned i = 0; i < MAX_GROUPS; i++) sim_worker_destroy(cu->groups[i].worker);
    timing_mem_free(&cu->mem);
    free(cu->waves);
    free(cu);
}

uint64_t timing_cu_executed(const timing_cu *cu)
{
    return cu->executed;
}

/* ---- records ---- */

static timing_wave_record *record_of(const wave *w)
{
    return w->record < w->cu->record->num_waves ? &w->cu->record->waves[w->record] : NULL;
}

static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

static void add_event(wave *w, const aiter_sim_event *event)
{
    timing_wave_record *r = record_of(w);

    if (!w->cu->record->trace || !r || event->end <= event->start)
        return;
    if (!grow((void **)&r->events, r->num_events, &r->cap_events, sizeof *event)) {
        w->cu->record->out_of_memory = true;
        return;
    }
    r->events[r->num_events++] = *event;
}

static void stall(wave *w, size_t inst, aiter_sim_stall reason, uint64_t until)
{
    if (until <= w->waits_since)
        return;
    uint64_t cycles = until - w->waits_since;
    timing_wave_record *r = record_of(w);
    w->cu->record->insts[inst].stall[reason] += cycles;
    if (r)
        r->wave.stall_cycles[reason] += cycles;
    add_event(w, &(aiter_sim_event){.start = w->waits_since,
                                    .end = until,
                                    .wave = w->record,
                                    .inst = (uint32_t)inst,
                                    .stalled = 1,
                                    .reason = (uint8_t)reason});
    w->waits_since = until;
}

static void add_wave_record(timing_cu *cu, wave *w)
{
    timing_record *r = cu->record;

    w->record = (uint32_t)r->num_waves;
    if (!grow((void **)&r->waves, r->num_waves, &r->cap_waves, sizeof *r->waves)) {
        r->out_of_memory = true;
        w->record = UINT32_MAX;
        return;
    }
    timing_wave_record *record = &r->waves[r->num_waves++];
    memset(record, 0, sizeof *record);
    memcpy(record->wave.workgroup, w->w->wg->id, sizeof record->wave.workgroup);
    record->wave.wave = w->w->index;
    record->wave.simd = w->simd;
    record->wave.start = w->next;
}

/* ---- what a wave's next instruction waits for ---- */

static void wait_until(wave *w, uint64_t time, aiter_sim_stall reason)
{
    if (time > w->ready) {
        w->ready = time;
        w->reason = reason;
    }
}

static bool from_matrix(const wave *w, unsigned reg)
{
    return w->by_matrix[reg / 8] >> reg % 8 & 1;
}

/* An accumulator that a matrix instruction of the same kind is still adding to goes straight back
 * into the unit (LLVM, GCNHazardRecognizer: no wait states for SrcC that is exactly the last one's
 * destination). */
static bool chained(const wave *w, const sim_inst *inst, const sim_usage_range *r)
{
    bool accumulator = r->operand == 0 || r->operand == 3;

    return accumulator && w->chain_op[r->reg] == inst->op &&
           w->chain_op[r->reg + r->count - 1] == inst->op;
}

static void wait_for_registers(wave *w, const sim_inst *inst, const sim_usage *u)
{
    for (unsigned i = 0; i < u->num; i++) {
        const sim_usage_range *r = &u->ranges[i];
        const uint64_t *when = r->vector ? w->vready : w->sready;
        if (r->vector && u->unit == USAGE_MATRIX && chained(w, inst, r))
            when = w->chain;
        for (unsigned k = 0; k < r->count; k++)
            wait_until(w, when[r->reg + k],
                       r->vector && from_matrix(w, r->reg + k) ? AITER_SIM_STALL_MFMA
                                                               : AITER_SIM_STALL_VALU);
    }
}

/* Time at which at most `left` of the last `count` are outstanding; they end in order. */
static uint64_t counted(const uint64_t *done, unsigned count, unsigned left)
{
    return count > left ? done[count - left - 1] : 0;
}

static uint64_t latest(const uint64_t *done, unsigned count)
{
    uint64_t last = 0;

    for (unsigned i = 0; i < count; i++)
        last = done[i] > last ? done[i] : last;
    return last;
}

/* lgkmcnt counts LDS instructions and scalar loads together. The latter return in any order, so with
 * one of them outstanding only a wait for 0 says anything; compilers know that. */
static void wait_for_counters(wave *w, const timing_inst *t)
{
    wait_until(w, counted(w->vm, w->num_vm, t->wait_vm), AITER_SIM_STALL_VMCNT);
    if (w->num_lds + w->num_smem <= t->wait_lgkm)
        return;
    wait_until(w, counted(w->lds, w->num_lds, t->wait_lgkm), AITER_SIM_STALL_LGKM_LDS);
    if (t->wait_lgkm == 0)
        wait_until(w, latest(w->smem, w->num_smem), AITER_SIM_STALL_LGKM_SMEM);
}

/* A counter that is full holds the instruction that would add to it. */
static void wait_for_room(wave *w, const timing_inst *t)
{
    if (t->unit == AITER_SIM_UNIT_VMEM && w->num_vm >= VM_COUNTS - 1)
        wait_until(w, w->vm[w->num_vm - (VM_COUNTS - 1)], AITER_SIM_STALL_UNIT_VMEM);
    if (t->unit == AITER_SIM_UNIT_LDS && w->num_lds >= LGKM_COUNTS - 1)
        wait_until(w, w->lds[w->num_lds - (LGKM_COUNTS - 1)], AITER_SIM_STALL_UNIT_LDS);
}

static void judge(wave *w)
{
    const sim_inst *inst = w->w->next;
    const timing_inst *t = timing_of(w->cu->program, inst);

    w->ready = w->next;
    w->reason = w->since_reason;
    if (inst->op)
        wait_for_registers(w, inst, &w->cu->program->usage[inst - w->cu->program->inst]);
    if (t->action == TIMING_WAITCNT)
        wait_for_counters(w, t);
    else
        wait_for_room(w, t);
    w->judged = true;
}

/* ---- units ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t less(uint64_t time, uint64_t by)
{
    return time > by ? time - by : 0;
}

/* When the unit can take the instruction, and the reason if that is what it waits for. */
static uint64_t unit_free(const timing_cu *cu, const simd *s, const timing_inst *t,
                          aiter_sim_stall *reason)
{
    uint64_t after = s->matrix_used ? s->matrix_free + cu->table->packed_after_mfma : 0;

    *reason = AITER_SIM_STALL_ISSUE;
    switch (t->unit) {
    case AITER_SIM_UNIT_VALU:
    case AITER_SIM_UNIT_TRANS:
        *reason = AITER_SIM_STALL_UNIT_VALU;
        if (t->packed && after > s->valu_free) {
            *reason = AITER_SIM_STALL_UNIT_MFMA;
            return after;
        }
        return s->valu_free;
    case AITER_SIM_UNIT_MFMA:
        *reason = s->matrix_free > s->valu_free ? AITER_SIM_STALL_UNIT_MFMA
                                                : AITER_SIM_STALL_UNIT_VALU;
        return later(s->matrix_free, s->valu_free);
    case AITER_SIM_UNIT_LDS:
        *reason = AITER_SIM_STALL_UNIT_LDS;
        return less(cu->lds_free, cu->table->lds_backlog);
    case AITER_SIM_UNIT_VMEM:
        *reason = AITER_SIM_STALL_UNIT_VMEM;
        return less(cu->mem.address_free, cu->table->vmem_backlog);
    default: return 0;
    }
}

/* Vector and matrix instructions leave through one port; waits and the like through none. */
static unsigned port(const timing_inst *t)
{
    switch (t->unit) {
    case AITER_SIM_UNIT_TRANS:
    case AITER_SIM_UNIT_MFMA: return 1u << AITER_SIM_UNIT_VALU;
    case AITER_SIM_UNIT_OTHER: return t->action == TIMING_BRANCH ? 1u << AITER_SIM_UNIT_OTHER : 0;
    default: return 1u << t->unit;
    }
}

/* ---- issue ---- */

static void note_access(sim_wave *w, const sim_inst *inst, bool lds, int lane, uint64_t address,
                        unsigned size, bool write)
{
    timing_accesses *a = &((wave *)w->timing)->cu->accesses;

    (void)inst;
    if (a->count < TIMING_ACCESSES)
        a->at[a->count++] =
            (timing_access){address, (uint16_t)size, (int8_t)lane, lds, write};
}

static void execute(wave *w, const sim_inst *inst, uint64_t now)
{
    sim_wave *s = w->w;

    w->cu->accesses.count = 0;
    s->next = inst + 1;
    s->executed++;
    if (s->mode_default)
        inst->exec(s, inst);
    else
        sim_step(s, inst);
    if (s->state == SIM_AT_WAIT) { /* the counters have said that the data are there */
        sim_landing_finish(s, s->vm_wait);
        s->state = SIM_RUNNING;
    }
    if ((s->executed & 0xfff) == 0)
        sim_check_wave_limit(s);
    if (now > MAX_CYCLES && s->state == SIM_RUNNING)
        sim_fault(s, inst, -1, 0,
                  "the workgroup has not ended after %llu cycles: under the timing model it must "
                  "not wait for others",
                  MAX_CYCLES);
}

static void set_results(wave *w, const sim_inst *inst, const timing_inst *t, uint64_t now)
{
    const sim_usage *u = &w->cu->program->usage[inst - w->cu->program->inst];
    bool matrix = t->unit == AITER_SIM_UNIT_MFMA;

    for (unsigned i = 0; i < u->num; i++) {
        const sim_usage_range *r = &u->ranges[i];
        if (r->role != USAGE_RESULT)
            continue;
        for (unsigned reg = r->reg; reg < r->reg + r->count; reg++) {
            if (!r->vector) {
                w->sready[reg] = now + t->latency;
                continue;
            }
            w->vready[reg] = now + t->latency;
            w->chain[reg] = now + t->cycles;
            w->chain_op[reg] = matrix ? inst->op : NULL;
            w->by_matrix[reg / 8] =
                (uint8_t)((w->by_matrix[reg / 8] & ~(1u << reg % 8)) | (unsigned)matrix << reg % 8);
        }
    }
}

static void push(uint64_t *done, unsigned *count, unsigned capacity, uint64_t time, bool in_order)
{
    if (*count == capacity) {
        memmove(done, done + 1, (capacity - 1) * sizeof *done);
        (*count)--;
    }
    if (in_order && *count && done[*count - 1] > time)
        time = done[*count - 1];
    done[(*count)++] = time;
}

/* Those of a counter that are known to have ended are forgotten. */
static void retire(uint64_t *done, unsigned *count, uint64_t now)
{
    unsigned n = 0;

    for (unsigned i = 0; i < *count; i++)
        if (done[i] > now)
            done[n++] = done[i];
    *count = n;
}

static void retire_all(wave *w, uint64_t now)
{
    retire(w->vm, &w->num_vm, now);
    retire(w->lds, &w->num_lds, now);
    retire(w->smem, &w->num_smem, now);
}

static unsigned issue_lds(wave *w, timing_tally *tally, uint64_t now)
{
    timing_cu *cu = w->cu;
    unsigned conflicts;
    unsigned cycles = timing_lds_cycles(cu->table, &cu->accesses, &conflicts);

    cu->lds_free = later(cu->lds_free, now) + cycles;
    push(w->lds, &w->num_lds, LGKM_COUNTS, cu->lds_free + cu->table->lds_latency - 1, true);
    tally->conflicts += conflicts;
    for (unsigned i = 0; i < cu->accesses.count; i++) tally->bytes += cu->accesses.at[i].size;
    w->group->result->counts.lds_conflicts += conflicts;
    return cycles;
}

static void count_memory(timing_counts *c, timing_tally *tally, const timing_cost *cost)
{
    tally->bytes += cost->bytes;
    tally->lines += cost->lines;
    c->l1_requests += (double)cost->l1.requests;
    c->l1_hits += (double)cost->l1.hits;
    c->l2_requests += (double)cost->l2.requests;
    c->l2_hits += (double)cost->l2.hits + cost->l2_shared;
    c->l1_read += (double)cost->l1.read;
    c->l1_written += (double)cost->l1.written;
    c->l2_read += (double)cost->l2.read;
    c->l2_written += (double)cost->l2.written;
    c->hbm_read += cost->hbm_read;
    c->hbm_written += cost->hbm_written;
}

static unsigned issue_memory(wave *w, const timing_inst *t, timing_tally *tally, uint64_t now)
{
    timing_cu *cu = w->cu;
    timing_sharers sharers = cu->mem.share.sharers[t - cu->program->timing];
    timing_cost cost;

    if (t->unit == AITER_SIM_UNIT_SMEM) {
        timing_mem_scalar(&cu->mem, &cu->accesses, sharers, now, &cost);
        push(w->smem, &w->num_smem, LGKM_COUNTS, cost.done, false);
    } else {
        timing_mem_vector(&cu->mem, &cu->accesses, t->store, sharers, now, &cost);
        push(w->vm, &w->num_vm, VM_COUNTS, cost.done, true);
        if (t->to_lds) /* what arrives takes LDS's time like any write */
            cu->lds_free = later(cu->lds_free, now) + cost.bytes / cu->table->lds_write_bytes;
    }
    w->group->drained = later(w->group->drained, cost.drained);
    count_memory(&w->group->result->counts, tally, &cost);
    return cost.cycles;
}

static void release_barrier(timing_cu *cu, group *g, uint64_t now)
{
    if (!g->running || g->waiting < g->running)
        return;
    g->waiting = 0;
    for (unsigned i = 0; i < cu->num_waves; i++) {
        wave *w = &cu->waves[i];
        if (w->group != g || !w->at_barrier)
            continue;
        w->at_barrier = false;
        w->w->state = SIM_RUNNING;
        w->next = later(w->next, now + cu->table->barrier_cycles);
        w->since_reason = AITER_SIM_STALL_BARRIER;
        w->judged = false;
        simd *s = &cu->simds[w->simd];
        s->turn = s->turn < w->next ? s->turn : w->next;
    }
}

static void end_wave(wave *w, uint64_t now)
{
    timing_wave_record *r = record_of(w);
    group *g = w->group;

    w->ended = true;
    w->cu->executed += w->w->executed;
    g->running--;
    if (r)
        r->wave.end = now + w->cu->table->issue_interval;
    /* The CU is free earlier, but what comes next finds memory busy with this one's stores. */
    if (!g->running)
        g->result->end = later(now + w->cu->table->issue_interval, g->drained);
    release_barrier(w->cu, g, now);
}

static void at_barrier(wave *w, uint64_t now)
{
    w->at_barrier = true;
    w->group->waiting++;
    release_barrier(w->cu, w->group, now);
}

/* What is the sequencer's own: when the wave goes on. */
static void sequence(wave *w, const sim_inst *inst, const timing_inst *t, uint64_t now)
{
    const timing_arch *a = w->cu->table;

    switch (t->action) {
    case TIMING_NOP:
    case TIMING_SLEEP:
        w->next = now + (t->amount > a->issue_interval ? t->amount : a->issue_interval);
        w->since_reason = AITER_SIM_STALL_SLEEP;
        break;
    case TIMING_PRIORITY: w->priority = t->amount; break;
    case TIMING_BRANCH:
        w->next = now + (w->w->next != inst + 1 ? a->branch_taken : a->branch_not_taken);
        w->since_reason = AITER_SIM_STALL_FETCH;
        break;
    case TIMING_CLOCK: sim_set_sreg64(w->w, inst->ops[0].reg, now); break;
    default: break;
    }
}

static unsigned occupy(wave *w, const timing_inst *t, timing_tally *tally, uint64_t now)
{
    simd *s = &w->cu->simds[w->simd];

    switch (t->unit) {
    case AITER_SIM_UNIT_VALU:
    case AITER_SIM_UNIT_TRANS: s->valu_free = now + t->cycles; break;
    case AITER_SIM_UNIT_MFMA:
        s->matrix_free = now + t->cycles;
        s->matrix_used = true;
        s->valu_free = now + t->blocked;
        break;
    case AITER_SIM_UNIT_LDS: return issue_lds(w, tally, now);
    case AITER_SIM_UNIT_VMEM:
    case AITER_SIM_UNIT_SMEM: return issue_memory(w, t, tally, now);
    default: break;
    }
    return t->cycles;
}

static void count_issue(wave *w, const timing_inst *t, timing_tally *tally, unsigned busy)
{
    timing_counts *c = &w->group->result->counts;
    timing_wave_record *r = record_of(w);

    tally->issued++;
    tally->busy += busy;
    c->busy[t->unit] += busy;
    c->instructions++;
    if (t->unit == AITER_SIM_UNIT_MFMA)
        c->matrix_flops += t->flops, c->matrix_heat += t->heat * busy;
    else
        c->vector_flops += t->flops;
    if (r)
        r->wave.issued++;
}

/* Cycles since the wave could last issue: first what its operands waited for, then the unit, then
 * the other waves. */
static void account(wave *w, size_t inst, uint64_t free_at, aiter_sim_stall unit_reason,
                    uint64_t now)
{
    stall(w, inst, w->since_reason, w->next < now ? w->next : now);
    stall(w, inst, w->reason, w->ready < now ? w->ready : now);
    stall(w, inst, unit_reason, free_at < now ? free_at : now);
    stall(w, inst, AITER_SIM_STALL_ISSUE, now);
}

static void issue(wave *w, uint64_t free_at, aiter_sim_stall unit_reason, uint64_t now)
{
    timing_cu *cu = w->cu;
    const sim_inst *inst = w->w->next;
    const size_t number = (size_t)(inst - cu->program->inst);
    const timing_inst *t = &cu->program->timing[number];
    timing_tally *tally = &cu->record->insts[number];

    account(w, number, free_at, unit_reason, now);
    retire_all(w, now);
    execute(w, inst, now);
    if (w->w->state == SIM_FAULTED)
        return;
    w->next = w->waits_since = now + cu->table->issue_interval;
    w->since_reason = AITER_SIM_STALL_ISSUE;
    w->judged = false;
    unsigned busy = occupy(w, t, tally, now);
    if (inst->op && t->latency)
        set_results(w, inst, t, now);
    sequence(w, inst, t, now);
    count_issue(w, t, tally, busy);
    add_event(w, &(aiter_sim_event){.start = now,
                                    .end = w->waits_since,
                                    .wave = w->record,
                                    .inst = (uint32_t)number,
                                    .unit = t->unit});
    if (w->w->state == SIM_AT_BARRIER)
        at_barrier(w, now);
    else if (w->w->state == SIM_ENDED)
        end_wave(w, now);
}

/* ---- turns ---- */

static uint64_t to_turn(unsigned index, uint64_t time)
{
    return time + (index + SIMDS - time % SIMDS) % SIMDS;
}

/* The waves of one priority, oldest first. Returns -1 after a fault. */
static int offer(timing_cu *cu, simd *s, unsigned priority, unsigned *used, unsigned *done,
                 uint64_t now)
{
    for (unsigned i = 0; i < s->count; i++) {
        wave *w = s->waves[i];
        if (w->ended || w->at_barrier || w->priority != priority || *done >> i & 1)
            continue;
        if (!w->judged)
            judge(w);
        if (w->ready > now)
            continue;
        const timing_inst *t = timing_of(cu->program, w->w->next);
        aiter_sim_stall reason;
        uint64_t free_at = unit_free(cu, s, t, &reason);
        if (free_at > now || *used & port(t))
            continue;
        *used |= port(t);
        *done |= 1u << i;
        issue(w, free_at, reason, now);
        if (w->w->state == SIM_FAULTED)
            return -1;
    }
    return 0;
}

static void set_next_turn(timing_cu *cu, simd *s, unsigned index, uint64_t now)
{
    uint64_t next = NEVER;

    for (unsigned i = 0; i < s->count; i++) {
        wave *w = s->waves[i];
        aiter_sim_stall reason;
        if (w->ended || w->at_barrier)
            continue;
        if (!w->judged)
            judge(w);
        uint64_t free_at = unit_free(cu, s, timing_of(cu->program, w->w->next), &reason);
        uint64_t t = later(w->ready, free_at);
        next = t < next ? t : next;
    }
    s->turn = next == NEVER ? NEVER : to_turn(index, later(next, now + 1));
}

static int take_turn(timing_cu *cu, unsigned index)
{
    simd *s = &cu->simds[index];
    uint64_t now = s->turn;
    unsigned used = 0, done = 0;

    s->turn = NEVER;
    for (unsigned priority = 4; priority-- > 0;)
        if (offer(cu, s, priority, &used, &done, now))
            return -1;
    set_next_turn(cu, s, index, now);
    return 0;
}

static int run(timing_cu *cu)
{
    for (;;) {
        unsigned first = 0;
        for (unsigned i = 1; i < SIMDS; i++)
            if (cu->simds[i].turn < cu->simds[first].turn)
                first = i;
        if (cu->simds[first].turn == NEVER)
            return 0;
        if (take_turn(cu, first))
            return -1;
        /* A barrier that was released names times between turns. */
        for (unsigned i = 0; i < SIMDS; i++)
            if (cu->simds[i].turn != NEVER)
                cu->simds[i].turn = to_turn(i, cu->simds[i].turn);
    }
}

/* ---- workgroups ---- */

/* The SIMD with the fewest waves; the dispatcher fills them evenly. */
static unsigned choose_simd(const timing_cu *cu)
{
    unsigned best = 0;

    for (unsigned i = 1; i < SIMDS; i++)
        if (cu->simds[i].count < cu->simds[best].count)
            best = i;
    return best;
}

static int place_wave(timing_cu *cu, group *g, sim_wave *sw)
{
    wave *w = &cu->waves[cu->num_waves];
    unsigned index = choose_simd(cu);
    simd *s = &cu->simds[index];

    if (s->count == MAX_WAVES_PER_SIMD)
        return -1;
    memset(w, 0, sizeof *w);
    w->w = sw;
    w->group = g;
    w->cu = cu;
    w->simd = index;
    w->next = w->waits_since = cu->num_waves * cu->table->wave_launch;
    w->since_reason = AITER_SIM_STALL_ISSUE;
    sw->access = note_access;
    sw->timing = w;
    s->waves[s->count++] = w;
    uint64_t turn = to_turn(index, w->next);
    s->turn = turn < s->turn ? turn : s->turn;
    cu->num_waves++;
    add_wave_record(cu, w);
    return 0;
}

static int add_group(timing_cu *cu, const sim_dispatch *dispatch, const uint32_t id[3],
                     timing_result *result, sim_error *error)
{
    group *g = &cu->groups[cu->num_groups++];

    if (!g->worker)
        g->worker = sim_worker_create();
    if (!g->worker) {
        snprintf(error->message, sizeof error->message, "out of memory for a worker's registers");
        return -1;
    }
    if (sim_workgroup_prepare(g->worker, &g->wg, dispatch, id, error))
        return -1;
    memset(result, 0, sizeof *result);
    memcpy(result->id, id, sizeof result->id);
    result->start = cu->num_waves * cu->table->wave_launch;
    g->result = result;
    g->drained = 0;
    g->running = g->wg.num_waves;
    g->waiting = 0;
    for (unsigned i = 0; i < g->wg.num_waves; i++) {
        if (place_wave(cu, g, &g->wg.waves[i])) {
            snprintf(error->message, sizeof error->message,
                     "%u waves do not fit a compute unit", g->wg.num_waves);
            return -1;
        }
    }
    return 0;
}

static bool reset(timing_cu *cu, const timing_share *share, timing_record *record)
{
    cu->record = record;
    cu->num_waves = cu->num_groups = 0;
    cu->lds_free = 0;
    memset(cu->simds, 0, sizeof cu->simds);
    for (unsigned i = 0; i < SIMDS; i++) cu->simds[i].turn = NEVER;
    return timing_mem_reset(&cu->mem, share);
}

int timing_cu_run(timing_cu *cu, const sim_dispatch *dispatch, const timing_share *share,
                  const uint32_t (*ids)[3], unsigned count, timing_record *record,
                  timing_result *results, sim_error *error)
{
    fenv_t saved;
    int result = 0;

    memset(error, 0, sizeof *error);
    error->lane = -1;
    if (!reset(cu, share, record)) {
        snprintf(error->message, sizeof error->message, "out of memory for the timing model");
        return -1;
    }
    sim_mem_forget();
    feholdexcept(&saved);
    fesetround(FE_TONEAREST);
    for (unsigned i = 0; i < count && result == 0; i++)
        result = add_group(cu, dispatch, ids[i], &results[i], error);
    if (result == 0)
        result = run(cu);
    fesetenv(&saved);
    return result;
}
