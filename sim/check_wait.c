/* Registers that a load still fills. Which loads a wait has finished (ISA guides, "S_WAITCNT";
 * LLVM, SIInsertWaitcnts): vector memory returns in order, so all but the last N; LDS instructions
 * return in order among themselves, so those with at least N later ones; scalar loads in any order,
 * so none unless N is 0. A flat load is taken for a vector memory one. */
#include "sim/check_state.h"

enum { VM_MAX = 63, LGKM_MAX = 15 };

static bool pending(const check_wave *cw, const check_fill *f)
{
    switch (f->kind) {
    case FILL_VM: return f->number > cw->vm_done;
    case FILL_LDS: return f->number > cw->lds_done;
    case FILL_SMEM: return f->number > cw->smem_done;
    default: return false;
    }
}

static unsigned fill_kind(const sim_usage *c)
{
    return c->unit == USAGE_VMEM   ? FILL_VM
           : c->unit == USAGE_LDS  ? FILL_LDS
           : c->unit == USAGE_SMEM ? FILL_SMEM
                                   : FILL_NONE;
}

/* Loads of one kind that return in order may fill the same register one after the other. */
static bool in_order(const sim_usage *c, const sim_usage_range *r, const check_fill *f)
{
    return r->role == USAGE_RESULT && f->kind != FILL_SMEM && fill_kind(c) == f->kind;
}

static void report(sim_wave *w, const sim_inst *inst, const sim_usage_range *r, unsigned reg,
                   const check_fill *f, uint64_t lanes)
{
    static const char *const counters[] = {"", "vmcnt", "lgkmcnt", "lgkmcnt"};
    char name[16];
    int lane = r->vector ? (int)__builtin_ctzll(f->lanes & lanes) : -1;

    sim_finding(w, inst, lane, 0,
                "wait: %s %s while \"%s\" at 0x%llx, which fills it, is outstanding (%s)",
                r->role == USAGE_RESULT ? "writes" : "reads",
                sim_check_register(r->vector, reg, name), f->inst->text, check_pc(w, f->inst),
                counters[f->kind]);
}

void sim_check_wait_before(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    const check_wave *cw = check_of(w);
    uint64_t lanes = c->lane_local ? sim_exec_mask(w) : ~0ull;

    for (unsigned i = 0; i < c->num && w->state != SIM_FAULTED; i++) {
        const sim_usage_range *r = &c->ranges[i];
        for (unsigned k = 0; k < r->count; k++) {
            const check_fill *f = r->vector ? &cw->vfill[r->reg + k] : &cw->sfill[r->reg + k];
            if (!pending(cw, f) || in_order(c, r, f) || (r->vector && !(f->lanes & lanes)))
                continue;
            report(w, inst, r, r->reg + k, f, lanes);
            return;
        }
    }
}

static void raise_to(uint64_t *done, uint64_t issued, uint64_t outstanding)
{
    if (issued >= outstanding && issued - outstanding > *done)
        *done = issued - outstanding;
}

static void waited(sim_wave *w, const sim_inst *inst)
{
    check_wave *cw = check_of(w);
    unsigned simm16 = inst->enc & 0xffff, vmcnt = (simm16 & 15) | (simm16 >> 10 & 0x30),
             lgkmcnt = simm16 >> 8 & 15;

    if (vmcnt < VM_MAX)
        raise_to(&cw->vm_done, w->vm_issued, vmcnt);
    if (lgkmcnt < LGKM_MAX)
        raise_to(&cw->lds_done, cw->lds_issued, lgkmcnt);
    if (lgkmcnt == 0)
        cw->smem_done = cw->smem_issued;
}

void sim_check_wait_after(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    check_wave *cw = check_of(w);
    unsigned kind = fill_kind(c);

    if (c->unit == USAGE_SCALAR && (uint32_t)inst->enc >> 16 == 0xbf8c) /* s_waitcnt */
        waited(w, inst);
    if (kind == FILL_NONE)
        return;
    cw->lds_issued += kind == FILL_LDS;
    cw->smem_issued += kind == FILL_SMEM;
    raise_to(&cw->vm_done, w->vm_issued, VM_MAX); /* the counter cannot count more */
    uint64_t number = kind == FILL_VM    ? w->vm_issued
                      : kind == FILL_LDS ? cw->lds_issued
                                         : cw->smem_issued;
    const check_fill fill = {number, sim_exec_mask(w), inst, (uint8_t)kind};
    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        for (unsigned k = 0; r->role == USAGE_RESULT && k < r->count; k++)
            *(r->vector ? &cw->vfill[r->reg + k] : &cw->sfill[r->reg + k]) = fill;
    }
}
