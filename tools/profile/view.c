#include "tools/profile/profile.h"

#include <stdlib.h>

const profile_name profile_units[AITER_SIM_UNIT_COUNT] = {
    [AITER_SIM_UNIT_VALU] = { "valu", "VALU" },
    [AITER_SIM_UNIT_TRANS] = { "trans", "transcendental" },
    [AITER_SIM_UNIT_MFMA] = { "mfma", "matrix" },
    [AITER_SIM_UNIT_SALU] = { "salu", "scalar" },
    [AITER_SIM_UNIT_SMEM] = { "smem", "scalar memory" },
    [AITER_SIM_UNIT_LDS] = { "lds", "LDS" },
    [AITER_SIM_UNIT_VMEM] = { "vmem", "vector memory" },
    [AITER_SIM_UNIT_OTHER] = { "other", "sequencer" },
};

const profile_name profile_stalls[AITER_SIM_STALL_COUNT] = {
    [AITER_SIM_STALL_VALU] = { "valu", "VALU result" },
    [AITER_SIM_STALL_MFMA] = { "mfma", "matrix result" },
    [AITER_SIM_STALL_VMCNT] = { "vmcnt", "global memory" },
    [AITER_SIM_STALL_LGKM_LDS] = { "lgkm_lds", "LDS data" },
    [AITER_SIM_STALL_LGKM_SMEM] = { "lgkm_smem", "scalar load" },
    [AITER_SIM_STALL_BARRIER] = { "barrier", "barrier" },
    [AITER_SIM_STALL_UNIT_VALU] = { "unit_valu", "VALU busy" },
    [AITER_SIM_STALL_UNIT_MFMA] = { "unit_mfma", "matrix busy" },
    [AITER_SIM_STALL_UNIT_LDS] = { "unit_lds", "LDS busy" },
    [AITER_SIM_STALL_UNIT_VMEM] = { "unit_vmem", "memory busy" },
    [AITER_SIM_STALL_ISSUE] = { "issue", "turn to issue" },
    [AITER_SIM_STALL_FETCH] = { "fetch", "fetch" },
    [AITER_SIM_STALL_SLEEP] = { "sleep", "sleep, nop" },
};

const profile_name profile_levels[PROFILE_NUM_LEVELS] = {
    { "l1", "L1" }, { "l2", "L2" }, { "hbm", "HBM" },
};

const aiter_sim_traffic *profile_traffic(const aiter_sim_profile *p, int level)
{
    const aiter_sim_traffic *const levels[PROFILE_NUM_LEVELS] = { &p->l1, &p->l2, &p->hbm };

    return levels[level];
}

double profile_share(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* ---- Instructions ---- */

double profile_inst_stalled(const aiter_sim_inst_profile *inst)
{
    double cycles = 0;

    for (int i = 0; i < AITER_SIM_STALL_COUNT; i++)
        cycles += (double)inst->stall_cycles[i];
    return cycles;
}

double profile_inst_cycles(const profile_view *v, const aiter_sim_inst_profile *inst)
{
    return profile_inst_stalled(inst) + (double)inst->issued * v->issue_cycles;
}

int profile_inst_reason(const aiter_sim_inst_profile *inst)
{
    int most = 0;

    for (int i = 1; i < AITER_SIM_STALL_COUNT; i++)
        if (inst->stall_cycles[i] > inst->stall_cycles[most])
            most = i;
    return inst->stall_cycles[most] > 0 ? most : -1;
}

static int compare_ranks(const void *a, const void *b)
{
    const profile_rank *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

profile_rank *profile_rank_by(const profile_view *v, profile_metric metric, size_t *count)
{
    const aiter_sim_profile *p = v->profile;
    profile_rank *ranks = malloc((p->num_insts + 1) * sizeof *ranks);

    *count = 0;
    if (!ranks)
        return NULL;
    for (size_t i = 0; i < p->num_insts; i++) {
        const double value = metric(v, &p->insts[i]);
        if (value > 0)
            ranks[(*count)++] = (profile_rank){ value, i };
    }
    qsort(ranks, *count, sizeof *ranks, compare_ranks);
    return ranks;
}

void profile_rank_stalls(const profile_view *v, profile_rank ranks[AITER_SIM_STALL_COUNT])
{
    for (size_t i = 0; i < AITER_SIM_STALL_COUNT; i++)
        ranks[i] = (profile_rank){ v->stalls[i], i };
    qsort(ranks, AITER_SIM_STALL_COUNT, sizeof *ranks, compare_ranks);
}

/* ---- Waves ---- */

static void add_waves(profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    double issued = 0, stalled = 0;

    for (size_t i = 0; i < p->num_waves; i++) {
        const aiter_sim_wave_profile *w = &p->waves[i];
        v->lifetime += (double)(w->end - w->start);
        issued += (double)w->issued;
        for (int r = 0; r < AITER_SIM_STALL_COUNT; r++) {
            v->stalls[r] += (double)w->stall_cycles[r];
            stalled += (double)w->stall_cycles[r];
        }
    }
    v->issuing = v->lifetime - stalled;
    v->issue_cycles = profile_share(v->issuing, issued);
}

bool profile_view_init(profile_view *v, const aiter_sim_profile *p, const profile_need *need)
{
    *v = (profile_view){ .profile = p, .need = *need };
    add_waves(v);
    v->hottest = profile_rank_by(v, profile_inst_cycles, &v->num_hottest);
    return v->hottest != NULL;
}

void profile_view_free(profile_view *v)
{
    free(v->hottest);
    v->hottest = NULL;
}

/* ---- What bounds the launch ---- */

static void consider(profile_bound *bound, const profile_name *name, double busy)
{
    if (bound->busiest && busy <= bound->busy)
        return;
    bound->busiest = name;
    bound->busy = busy;
}

profile_bound profile_find_bound(const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    profile_bound bound = { 0 };

    for (int i = 0; i < AITER_SIM_UNIT_OTHER; i++) /* waits keep the sequencer busy */
        if (i != AITER_SIM_UNIT_TRANS)             /* in the VALU's */
            consider(&bound, &profile_units[i], p->busy[i]);
    for (int i = 0; i < PROFILE_NUM_LEVELS; i++)
        consider(&bound, &profile_levels[i], profile_traffic(p, i)->busy);
    bound.by = bound.busy >= 0.6              ? bound.busiest->key
               : p->workgroups < p->num_cus ? "grid"
                                            : "latency";
    return bound;
}
