#include "sim/timing_profile.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

const char *aiterSimUnitName(aiter_sim_unit unit)
{
    static const char *const names[] = {"valu", "trans", "mfma", "salu",
                                        "smem", "lds",   "vmem", "other"};

    return (unsigned)unit < AITER_SIM_UNIT_COUNT ? names[unit] : NULL;
}

const char *aiterSimStallName(aiter_sim_stall reason)
{
    static const char *const names[] = {
        "valu",      "mfma",      "vmcnt",    "lgkm_lds",  "lgkm_smem", "barrier", "unit_valu",
        "unit_mfma", "unit_lds",  "unit_vmem", "issue",    "fetch",     "sleep"};

    return (unsigned)reason < AITER_SIM_STALL_COUNT ? names[reason] : NULL;
}

/* ---- building ---- */

/* The profile with what it points to in one piece of heap for each array. */
typedef struct owned {
    aiter_sim_profile profile; /* first, so that its address is this one's */
    aiter_sim_inst_profile *insts;
    aiter_sim_wave_profile *waves;
    aiter_sim_event *events;
    char *text;
} owned;

void aiterSimFreeProfile(aiter_sim_profile *profile)
{
    owned *o = (owned *)profile;

    if (!o)
        return;
    free(o->insts);
    free(o->waves);
    free(o->events);
    free(o->text);
    free(o);
}

/* The instructions of the kernel: from its entry to the next kernel's, or to the end. */
static void kernel_range(const sim_dispatch *d, size_t *first, size_t *end)
{
    const sim_program *p = d->program;
    const sim_inst *entry = sim_program_at(p, d->kernel->entry);
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < p->num_kernels; i++)
        if (p->kernels[i].entry > d->kernel->entry && p->kernels[i].entry < next)
            next = p->kernels[i].entry;
    *first = entry ? (size_t)(entry - p->inst) : 0;
    for (*end = *first; *end < p->count && p->inst[*end].pc < next;) (*end)++;
}

/* Functions that a kernel calls lie outside of its range: then everything is listed. */
static void widen_range(const sim_program *p, const timing_tally *insts, size_t *first, size_t *end)
{
    for (size_t i = 0; i < p->count; i++)
        if (insts[i].issued && (i < *first || i >= *end)) {
            *first = 0;
            *end = p->count;
            return;
        }
}

static bool copy_texts(owned *o, const sim_program *p, size_t first, size_t end)
{
    size_t bytes = 1, at = 0;

    for (size_t i = first; i < end; i++) bytes += strlen(p->inst[i].text) + 1;
    o->text = malloc(bytes);
    for (size_t i = first; o->text && i < end; i++) {
        size_t n = strlen(p->inst[i].text) + 1;
        memcpy(o->text + at, p->inst[i].text, n);
        o->insts[i - first].text = o->text + at;
        at += n;
    }
    return o->text != NULL;
}

static bool add_insts(owned *o, const sim_dispatch *d, const timing_tally *tallies, size_t *first)
{
    const sim_program *p = d->program;
    size_t end;

    kernel_range(d, first, &end);
    widen_range(p, tallies, first, &end);
    o->insts = calloc(end - *first + 1, sizeof *o->insts);
    if (!o->insts || !copy_texts(o, p, *first, end))
        return false;
    for (size_t i = *first; i < end; i++) {
        aiter_sim_inst_profile *to = &o->insts[i - *first];
        const timing_tally *t = &tallies[i];
        to->offset = p->inst[i].pc - p->bias;
        to->unit = (aiter_sim_unit)p->timing[i].unit;
        to->issued = t->issued;
        to->busy_cycles = t->busy;
        to->lds_conflict_cycles = t->conflicts;
        to->bytes = t->bytes;
        to->lines = t->lines;
        memcpy(to->stall_cycles, t->stall, sizeof to->stall_cycles);
    }
    o->profile.insts = o->insts;
    o->profile.num_insts = end - *first;
    return true;
}

static bool add_waves(owned *o, const timing_record *record, size_t first_inst)
{
    size_t events = 0;

    for (size_t i = 0; i < record->num_waves; i++) events += record->waves[i].num_events;
    o->waves = calloc(record->num_waves + 1, sizeof *o->waves);
    o->events = record->trace ? calloc(events + 1, sizeof *o->events) : NULL;
    if (!o->waves || (record->trace && !o->events))
        return false;
    for (size_t i = 0, at = 0; i < record->num_waves; i++) {
        const timing_wave_record *r = &record->waves[i];
        o->waves[i] = r->wave;
        for (size_t k = 0; k < r->num_events; k++, at++) {
            o->events[at] = r->events[k];
            o->events[at].wave = (uint32_t)i;
            o->events[at].inst -= (uint32_t)first_inst;
        }
    }
    o->profile.waves = o->waves;
    o->profile.num_waves = record->num_waves;
    o->profile.events = o->events;
    o->profile.num_events = record->trace ? events : 0;
    return true;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Units of one CU: those that each SIMD has, and those that the CU has once. */
static double units_per_cu(aiter_sim_unit unit)
{
    return unit == AITER_SIM_UNIT_LDS || unit == AITER_SIM_UNIT_VMEM || unit == AITER_SIM_UNIT_SMEM
               ? 1
               : SIM_SIMDS_PER_CU;
}

static void fill_traffic(aiter_sim_profile *p, const timing_grid *grid, const timing_counts *c)
{
    const timing_arch *a = grid->arch;
    double cus = grid->device->num_cus, cycles = p->cycles;
    double l2 = (double)a->l2_channels * a->l2_channel_bytes * grid->device->num_xccs;

    p->l1 = (aiter_sim_traffic){c->l1_read, c->l1_written, ratio(c->l1_hits, c->l1_requests),
                                ratio(c->l1_read + c->l1_written,
                                      cycles * cus * a->l1_bytes_per_clk)};
    p->l2 = (aiter_sim_traffic){c->l2_read, c->l2_written, ratio(c->l2_hits, c->l2_requests),
                                ratio(c->l2_read + c->l2_written, cycles * l2)};
    p->hbm = (aiter_sim_traffic){c->hbm_read, c->hbm_written, 0,
                                 ratio(c->hbm_read + c->hbm_written,
                                       p->seconds * a->hbm_gbps * 1e9)};
}

/* timing_arch.sustained: power is the matrix units' busy time, weighted, times the clock squared. */
double timing_seconds(const timing_grid *grid, const timing_counts *totals, double cycles,
                      double *clock_hz)
{
    double peak = grid->device->clock_khz * 1e3;
    double units = (double)grid->device->num_cus * SIM_SIMDS_PER_CU;
    double heat = ratio(totals->matrix_heat, cycles * units);
    double clock = heat > 1 ? peak / sqrt(heat) : peak;

    if (clock_hz)
        *clock_hz = clock;
    return cycles / clock + grid->arch->launch_ns / 1e9;
}

static void fill_prediction(aiter_sim_profile *p, const timing_grid *grid, const timing_counts *c,
                            double cycles)
{
    double cus = grid->device->num_cus;
    double matrix = c->busy[AITER_SIM_UNIT_MFMA];

    p->clock_hz = grid->device->clock_khz * 1e3;
    p->cycles = cycles + grid->arch->launch_ns * p->clock_hz / 1e9;
    p->seconds = p->cycles / p->clock_hz;
    p->sustained_seconds = timing_seconds(grid, c, cycles, &p->sustained_clock_hz);
    cycles = p->cycles;
    for (unsigned i = 0; i < AITER_SIM_UNIT_COUNT; i++)
        p->busy[i] = ratio(c->busy[i], cycles * cus * units_per_cu((aiter_sim_unit)i));
    p->matrix_flops = c->matrix_flops;
    p->matrix_peak_flops =
        ratio(c->matrix_flops, matrix) * cus * SIM_SIMDS_PER_CU * p->clock_hz;
    p->vector_flops = c->vector_flops;
    p->instructions = c->instructions;
    p->lds_conflict = ratio(c->lds_conflicts, c->busy[AITER_SIM_UNIT_LDS]);
    fill_traffic(p, grid, c);
}

static void fill_launch(aiter_sim_profile *p, const timing_grid *grid, uint64_t simulated)
{
    const sim_dispatch *d = grid->dispatch;
    const timing_occupancy *o = &grid->occupancy;

    snprintf(p->kernel, sizeof p->kernel, "%s", d->kernel->name);
    snprintf(p->arch, sizeof p->arch, "%s", grid->device->arch);
    memcpy(p->grid, grid->groups, sizeof p->grid);
    memcpy(p->block, d->block, sizeof p->block);
    p->num_cus = (uint32_t)grid->device->num_cus;
    p->simds_per_cu = SIM_SIMDS_PER_CU;
    p->vgprs = o->vgprs;
    p->agprs = o->agprs;
    p->sgprs = o->sgprs;
    p->lds_bytes = d->lds_bytes;
    p->scratch_bytes = d->kernel->private_bytes;
    p->waves_per_workgroup = o->waves_per_group;
    p->workgroups_per_cu = o->groups_per_cu;
    p->waves_per_simd = o->waves_per_simd;
    p->limited_by = o->limited_by;
    p->workgroups = grid->total;
    p->simulated_workgroups = simulated;
    p->rounds = (double)grid->total / ((double)p->num_cus * o->groups_per_cu);
}

aiter_sim_profile *timing_profile_build(const timing_grid *grid, const timing_counts *totals,
                                        double cycles, uint64_t simulated, timing_record *record)
{
    owned *o = calloc(1, sizeof *o);
    size_t first_inst = 0;

    if (!o)
        return NULL;
    fill_launch(&o->profile, grid, simulated);
    fill_prediction(&o->profile, grid, totals, cycles);
    if (add_insts(o, grid->dispatch, record->insts, &first_inst) &&
        add_waves(o, record, first_inst))
        return &o->profile;
    aiterSimFreeProfile(&o->profile);
    return NULL;
}

/* ---- the last one ---- */

static struct {
    pthread_mutex_t lock;
    aiter_sim_profile *profile;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

void timing_profile_publish(aiter_sim_profile *profile)
{
    pthread_mutex_lock(&last.lock);
    aiter_sim_profile *before = last.profile;
    last.profile = profile;
    pthread_mutex_unlock(&last.lock);
    aiterSimFreeProfile(before);
}

aiter_sim_profile *aiterSimTakeProfile(void)
{
    pthread_mutex_lock(&last.lock);
    aiter_sim_profile *profile = last.profile;
    last.profile = NULL;
    pthread_mutex_unlock(&last.lock);
    return profile;
}
