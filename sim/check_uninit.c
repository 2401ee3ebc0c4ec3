/* Registers that nothing wrote. Compilers move undefined values about legally (unused halves, lanes
 * that are off, spilled callee registers), so definedness is followed, lane by lane, and reported
 * where it matters: in an address, a store to memory, a matrix operand, a branch, EXEC. */
#include <string.h>

#include "sim/check_state.h"

/* ---- at launch ---- */

void sim_check_uninit_begin(sim_wave *w)
{
    check_wave *cw = check_of(w);
    const sim_kernel *k = w->wg->dispatch->kernel;
    unsigned sgprs = (k->rsrc2 >> 1 & 31) + (k->rsrc2 >> 7 & 1) + (k->rsrc2 >> 8 & 1) +
                     (k->rsrc2 >> 9 & 1) + (k->rsrc2 >> 10 & 1) +
                     (k->rsrc2 & 1 && w->arch == SIM_GFX90A);

    memset(cw->vdef, 0, sizeof cw->vdef);
    memset(cw->sdef, 0, sizeof cw->sdef);
    cw->vdef[0] = ~0ull; /* work-item ids */
    memset(cw->sdef, 0xff, sgprs * sizeof cw->sdef[0]);
    for (unsigned r = SIM_TTMP0; r < SIM_SREGS; r++)
        cw->sdef[r] = r == SIM_M0 || r == SIM_SCC ? 0 : ~0u;
    cw->sdef[SIM_FLAT_SCRATCH] = cw->sdef[SIM_FLAT_SCRATCH + 1] = ~0u;
    cw->sdef[SIM_XNACK_MASK] = cw->sdef[SIM_XNACK_MASK + 1] = ~0u;
}

/* ---- definedness of ranges ---- */

static uint64_t vector_defined(const check_wave *cw, const sim_usage_range *r)
{
    uint64_t all = ~0ull;

    for (unsigned k = 0; k < r->count; k++)
        all &= cw->vdef[r->reg + k];
    return all;
}

static bool scalar_defined(const check_wave *cw, const sim_usage_range *r)
{
    uint32_t all = ~0u;

    for (unsigned k = 0; k < r->count; k++)
        all &= cw->sdef[r->reg + k];
    return all == ~0u;
}

/* As 64 lanes: a scalar is the same for all. */
static uint64_t lanes_defined(const check_wave *cw, const sim_usage_range *r)
{
    return r->vector ? vector_defined(cw, r) : scalar_defined(cw, r) ? ~0ull : 0;
}

static uint64_t mask_defined(const check_wave *cw, const sim_usage_range *r)
{
    return r->vector || r->count < 2
               ? lanes_defined(cw, r)
               : (uint64_t)cw->sdef[r->reg + 1] << 32 | cw->sdef[r->reg];
}

static const sim_usage_range *operand_range(const sim_usage *c, unsigned operand)
{
    for (unsigned i = 0; i < c->num; i++)
        if (c->ranges[i].operand == operand && c->ranges[i].role != USAGE_RESULT)
            return &c->ranges[i];
    return NULL;
}

static uint64_t operand_defined(const check_wave *cw, const sim_usage *c, unsigned operand)
{
    const sim_usage_range *r = operand_range(c, operand);

    return r ? lanes_defined(cw, r) : ~0ull;
}

/* ---- findings ---- */

/* The first register of the range that is not all defined where `lanes` says. */
static void report(sim_wave *w, const sim_inst *inst, const sim_usage_range *r, uint64_t lanes,
                   const char *use)
{
    const check_wave *cw = check_of(w);
    char name[16];

    for (unsigned k = 0; k < r->count; k++) {
        uint64_t missing = r->vector ? lanes & ~cw->vdef[r->reg + k] : ~cw->sdef[r->reg + k];
        if (!missing)
            continue;
        sim_finding(w, inst, r->vector ? (int)__builtin_ctzll(missing) : -1, 0,
                    "uninit: %s is %s, but nothing wrote it, or it was computed from what nothing "
                    "wrote",
                    sim_check_register(r->vector, r->reg + k, name), use);
        return;
    }
}

static bool changes_exec(const sim_inst *inst)
{
    return strstr(inst->op->name, "saveexec") || strstr(inst->op->name, "wrexec");
}

static const char *use_of(const sim_inst *inst, const sim_usage *c, const sim_usage_range *r)
{
    if (r->role == USAGE_ADDRESS)
        return "an address";
    if (r->role != USAGE_SOURCE)
        return NULL;
    if (c->unit == USAGE_MATRIX)
        return "an operand of a matrix instruction";
    if (c->branch)
        return "what a branch depends on";
    return c->unit == USAGE_SCALAR && changes_exec(inst) ? "the new EXEC" : NULL;
}

static void find_uses(sim_wave *w, const sim_inst *inst, const sim_usage *c, uint64_t exec)
{
    check_wave *cw = check_of(w);

    for (unsigned i = 0; i < c->num && w->state != SIM_FAULTED; i++) {
        const sim_usage_range *r = &c->ranges[i];
        const char *use = use_of(inst, c, r);
        uint64_t lanes = c->unit == USAGE_MATRIX ? ~0ull : exec;
        if (use && (lanes & ~lanes_defined(cw, r)))
            report(w, inst, r, lanes, use);
        if (r->role != USAGE_DATA)
            continue;
        uint64_t undefined = lanes & ~lanes_defined(cw, r);
        if (undefined && !cw->data_undefined)
            cw->data_reg = r->reg;
        cw->data_undefined |= undefined;
    }
}

/* ---- flow ---- */

static uint64_t vector_result(const sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    const check_wave *cw = check_of(w);
    unsigned last = inst->num_ops - 1u;
    const sim_usage_range *mask = operand_range(c, last);
    uint64_t all = ~0ull;

    if (c->flow == USAGE_SELECT && mask && inst->num_ops == 4 && !mask->vector) {
        uint64_t chosen = sim_sreg64(w, mask->reg);
        return mask_defined(cw, mask) & ((chosen & operand_defined(cw, c, 2)) |
                                         (~chosen & operand_defined(cw, c, 1)));
    }
    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        if (r->role == USAGE_SOURCE)
            all &= c->flow == USAGE_MASKED && r->operand == last ? mask_defined(cw, r)
                                                                 : lanes_defined(cw, r);
    }
    return all;
}

/* The low word: of 64-bit sources their low words. */
static uint64_t low_result(const sim_wave *w, const sim_usage *c)
{
    uint64_t all = ~0ull;

    for (unsigned i = 0; i < c->num; i++) {
        sim_usage_range low = c->ranges[i];
        low.count = 1;
        if (low.role == USAGE_SOURCE)
            all &= lanes_defined(check_of(w), &low);
    }
    return all;
}

/* Half k of a packed result: of packed sources the register that op_sel (k 0) or op_sel_hi names.
 */
static uint64_t half_result(const sim_wave *w, const sim_inst *inst, unsigned k)
{
    unsigned select = k ? inst->op_sel_hi : inst->op_sel;
    uint64_t all = ~0ull;

    for (unsigned i = 1; i < inst->num_ops; i++) {
        const sim_operand *o = &inst->ops[i];
        unsigned half = o->type == SIM_PKF32 && o->width == 2 ? select >> (i - 1) & 1 : 0;
        if (o->kind != SIM_VGPR && o->kind != SIM_SGPR)
            continue;
        const sim_usage_range word = {.reg = (uint16_t)(o->reg + half),
                                  .count = 1,
                                  .vector = o->kind == SIM_VGPR};
        all &= lanes_defined(check_of(w), &word);
    }
    return all;
}

static uint64_t low_word(const sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    return c->flow == USAGE_PACKED ? half_result(w, inst, 0) : low_result(w, c);
}

static void vector_flow(sim_wave *w, const sim_inst *inst, const sim_usage *c, uint64_t exec)
{
    check_wave *cw = check_of(w);
    uint64_t all = c->flow == USAGE_DEFINED ? ~0ull : vector_result(w, inst, c);
    uint64_t low = all;

    if (c->flow == USAGE_LOW_FIRST || c->flow == USAGE_PACKED)
        low = low_word(w, inst, c);
    if (c->flow == USAGE_PACKED)
        all = half_result(w, inst, 1);

    if (c->unit == USAGE_MATRIX)
        exec = ~0ull;
    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        for (unsigned k = 0; r->role == USAGE_RESULT && k < r->count; k++) {
            uint64_t word = k == 0 ? low : all;
            if (r->vector) /* a compare's mask is 0 where EXEC is off */
                cw->vdef[r->reg + k] = (cw->vdef[r->reg + k] & ~exec) | (word & exec);
            else
                cw->sdef[r->reg + k] = (uint32_t)((all | ~exec) >> (k % 2 * 32));
        }
    }
}

static void lane_flow(sim_wave *w, const sim_inst *inst, const sim_usage *c, uint64_t exec)
{
    check_wave *cw = check_of(w);
    unsigned result = inst->ops[0].reg;
    unsigned lane = inst->num_ops > 2 ? sim_scalar32(w, &inst->ops[2]) % SIM_LANES
                    : exec            ? (unsigned)__builtin_ctzll(exec)
                                      : 0;
    bool defined = operand_defined(cw, c, 1) >> lane & 1;

    if (c->flow == USAGE_LANE_READ)
        cw->sdef[result] = defined ? ~0u : 0;
    else
        cw->vdef[result] = (cw->vdef[result] & ~(1ull << lane)) | (uint64_t)defined << lane;
}

static uint32_t scalar_word(const sim_wave *w, const sim_operand *o, unsigned k, uint32_t *value)
{
    if (o->kind == SIM_SGPR && k < o->width) {
        *value = w->s[o->reg + k];
        return check_of(w)->sdef[o->reg + k];
    }
    *value = (uint32_t)(o->value >> (32 * k));
    return ~0u;
}

/* Bits of word k of a bitwise result that are defined. */
static uint32_t bitwise_word(const sim_wave *w, const sim_inst *inst, const sim_usage *c,
                             unsigned k)
{
    uint32_t a, b, da = scalar_word(w, &inst->ops[1], k, &a);

    if (inst->num_ops < 3)
        return da;
    uint32_t db = scalar_word(w, &inst->ops[2], k, &b);
    return c->flow == USAGE_AND ? (da & db) | (da & ~a) | (db & ~b) : da & db;
}

static uint32_t scalar_word_result(const sim_wave *w, const sim_inst *inst, const sim_usage *c,
                                   unsigned k)
{
    if (c->flow == USAGE_BITWISE || c->flow == USAGE_AND)
        return bitwise_word(w, inst, c, k);
    if (c->flow == USAGE_DEFINED)
        return ~0u;
    return vector_result(w, inst, c) ? ~0u : 0;
}

static void scalar_results(sim_wave *w, const sim_inst *inst, const sim_usage *c,
                           const sim_usage_range *r)
{
    check_wave *cw = check_of(w);
    uint32_t words[32];

    for (unsigned k = 0; k < r->count && k < 32; k++)
        words[k] = scalar_word_result(w, inst, c, k);
    memcpy(&cw->sdef[r->reg], words, r->count * sizeof words[0]);
    if (r->reg >= SIM_EXEC && r->reg <= SIM_EXEC + 1 && !scalar_defined(cw, r))
        report(w, inst, r, ~0ull, "the new EXEC");
    if (strncmp(inst->op->name, "s_movreld", 9) == 0) /* somewhere from there on */
        memset(&cw->sdef[r->reg], 0xff, (SIM_FLAT_SCRATCH - r->reg) * sizeof cw->sdef[0]);
    if (strncmp(inst->op->name, "s_mov", 5) && strncmp(inst->op->name, "s_cselect", 9))
        cw->sdef[SIM_SCC] = ~0u;
}

static void scalar_flow(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    if (c->compare)
        check_of(w)->sdef[SIM_SCC] = vector_result(w, inst, c) ? ~0u : 0;
    for (unsigned i = 0; i < c->num; i++)
        if (c->ranges[i].role == USAGE_RESULT)
            scalar_results(w, inst, c, &c->ranges[i]);
}

void sim_check_uninit(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    uint64_t exec = sim_exec_mask(w);
    bool scalar = c->unit == USAGE_SCALAR || c->unit == USAGE_SMEM;
    bool lanes = c->flow == USAGE_LANE_READ || c->flow == USAGE_LANE_WRITE;

    if (!exec && !scalar && !lanes && c->unit != USAGE_MATRIX)
        return;
    find_uses(w, inst, c, scalar ? ~0ull : exec);
    if (w->state == SIM_FAULTED)
        return;
    if (scalar)
        scalar_flow(w, inst, c);
    else if (lanes)
        lane_flow(w, inst, c, exec);
    else
        vector_flow(w, inst, c, exec);
}
