/* The registers that an instruction reads and writes, from the form of its table row and from its
 * operands as decoded. What no operand shows (VCC of a branch, M0 of a load to LDS) is added
 * here. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/usage.h"

/* Encodings: ISA guide, "Microcode Formats": the top 6 bits. */
static sim_usage_unit unit_of(const sim_inst *inst)
{
    switch ((uint32_t)inst->enc >> 26) {
    case 0x30: return USAGE_SMEM;
    case 0x36: return USAGE_LDS;
    case 0x37:
    case 0x38: return USAGE_VMEM;
    default: break;
    }
    if (inst->op->name[0] != 'v')
        return USAGE_SCALAR;
    return starts(inst->op->name, "v_mfma") || starts(inst->op->name, "v_smfmac") ? USAGE_MATRIX
                                                                                  : USAGE_VALU;
}

static sim_usage_flow scalar_flow(const char *name)
{
    static const char *const bitwise[] = {"s_mov_",  "s_or_",    "s_xor_", "s_andn2_b", "s_orn2_b",
                                          "s_nand_b", "s_nor_b", "s_not_", "s_xnor_b",  NULL};

    return starts(name, "s_and_b") ? USAGE_AND : one_of(name, bitwise) ? USAGE_BITWISE : USAGE_EACH;
}

static sim_usage_flow vector_flow(const sim_inst *inst)
{
    static const char *const masked[] = {"v_addc_co", "v_subb_co", "v_subbrev_co", NULL};
    static const char *const exchange[] = {"v_swap", "v_permlane", NULL};
    static const char *const low_first[] = {"v_mad_u64_u32", "v_mad_i64_i32",  "v_lshl_add_u64",
                                            "v_mov_b64",     "v_lshlrev_b64", NULL};
    const char *name = inst->op->name;

    if (starts(name, "v_cndmask"))
        return USAGE_SELECT;
    if (starts(name, "v_readlane") || starts(name, "v_readfirstlane"))
        return USAGE_LANE_READ;
    if (starts(name, "v_writelane"))
        return USAGE_LANE_WRITE;
    if (inst->flags & SIM_F_DPP || one_of(name, exchange))
        return USAGE_DEFINED;
    if (inst->ops[0].type == SIM_PKF32)
        return USAGE_PACKED;
    if (one_of(name, low_first))
        return USAGE_LOW_FIRST;
    return one_of(name, masked) ? USAGE_MASKED : USAGE_EACH;
}

static void add(sim_usage *c, unsigned reg, unsigned count, sim_usage_role role, bool vector,
                unsigned operand)
{
    if (c->num < USAGE_RANGES)
        c->ranges[c->num++] = (sim_usage_range){(uint16_t)reg,  (uint8_t)count, (uint8_t)role,
                                            vector, (uint8_t)operand};
}

/* Of the VGPRs that a memory instruction reads, which is the address: the first one, but for buffer
 * stores and atomics (MUBUF), whose data come first. */
static sim_usage_role memory_role(const sim_inst *inst, const sim_usage *c, unsigned operand,
                              unsigned vectors_before)
{
    bool buffer = (uint32_t)inst->enc >> 26 == 0x38, addtid = inst->num_ops == 1;

    if (inst->ops[operand].kind == SIM_SGPR)
        return USAGE_ADDRESS;
    if (c->flow == USAGE_DEFINED && c->unit == USAGE_LDS && starts(inst->op->name, "ds_swizzle"))
        return USAGE_DATA;
    if (buffer)
        return operand == 0 && inst->num_ops == 4 ? USAGE_DATA : USAGE_ADDRESS;
    /* FLAT and DS; "off" leaves the data of a global store as the first VGPR */
    if (addtid || (c->unit == USAGE_VMEM && inst->op->form[0] == 'S' && operand == 1 &&
                   !c->to_lds))
        return USAGE_DATA;
    return vectors_before ? USAGE_DATA : USAGE_ADDRESS;
}

/* The two registers of a packed 32-bit source that op_sel and op_sel_hi choose. */
static void add_packed(const sim_inst *inst, sim_usage *c, unsigned operand, unsigned source)
{
    const sim_operand *o = &inst->ops[operand];
    unsigned lo = inst->op_sel >> source & 1, hi = inst->op_sel_hi >> source & 1;

    if (lo == hi)
        add(c, o->reg + lo, 1, USAGE_SOURCE, o->kind == SIM_VGPR, operand);
    else
        add(c, o->reg, 2, USAGE_SOURCE, o->kind == SIM_VGPR, operand);
}

static void add_operands(const sim_inst *inst, sim_usage *c)
{
    const char *form = inst->op->form;
    unsigned source = 0, vectors = 0;
    bool memory = c->unit == USAGE_LDS || c->unit == USAGE_VMEM || c->unit == USAGE_SMEM;

    for (unsigned i = 0; i < inst->num_ops && *form; i++) {
        const sim_operand *o = &inst->ops[i];
        char role = *form;
        form += strcspn(form, " ");
        form += *form == ' ';
        bool scalar = o->kind == SIM_SGPR && o->reg != SIM_NULL;
        if (!scalar && o->kind != SIM_VGPR) {
            source += role == 'S';
            continue;
        }
        if (role == 'D')
            add(c, o->reg, o->width, USAGE_RESULT, o->kind == SIM_VGPR, i);
        else if (role == 'S' && o->type == SIM_PKF32 && o->width == 2)
            add_packed(inst, c, i, source);
        else if (role == 'S')
            add(c, o->reg, o->width,
                memory ? memory_role(inst, c, i, vectors) : USAGE_SOURCE,
                o->kind == SIM_VGPR, i);
        source += role == 'S';
        vectors += role == 'S' && o->kind == SIM_VGPR;
    }
}

static void add_implicit(const sim_inst *inst, sim_usage *c)
{
    static const char *const accumulating[] = {"v_fmac_",  "v_pk_fmac", "v_dot2c", "v_dot4c",
                                               "v_dot8c", "v_smfmac",  NULL};
    const char *name = inst->op->name;

    if (starts(name, "s_cbranch_vcc"))
        add(c, SIM_VCC, 2, USAGE_SOURCE, false, SIM_MAX_OPERANDS);
    if (starts(name, "s_cbranch_scc"))
        add(c, SIM_SCC, 1, USAGE_SOURCE, false, SIM_MAX_OPERANDS);
    if (c->to_lds)
        add(c, SIM_M0, 1, USAGE_ADDRESS, false, SIM_MAX_OPERANDS);
    if (one_of(name, accumulating))
        add(c, inst->ops[0].reg, inst->ops[0].width, USAGE_SOURCE, true, 0);
    if (starts(name, "buffer_atomic") && inst->flags & (SIM_F_GLC | SIM_F_SC0))
        add(c, inst->ops[0].reg, inst->ops[0].width, USAGE_RESULT, true, 0);
}

/* A load without a destination loads to LDS. */
static bool loads_to_lds(const sim_inst *inst, const sim_usage *c)
{
    return c->unit == USAGE_VMEM && inst->op->form[0] == 'S' && strstr(inst->op->name, "_load");
}

void sim_usage_decode(const sim_inst *inst, sim_arch arch, sim_usage *c)
{
    const char *name = inst->op->name;
    static const char *const branches[] = {"s_cbranch", "s_setpc", "s_swappc", NULL};

    memset(c, 0, sizeof *c);
    c->unit = (uint8_t)unit_of(inst);
    c->flat = starts(name, "flat_");
    c->to_lds = loads_to_lds(inst, c);
    c->branch = one_of(name, branches);
    c->compare = starts(name, "s_cmp") || starts(name, "s_bitcmp");
    if (c->unit == USAGE_SCALAR)
        c->flow = (uint8_t)scalar_flow(name);
    else
        c->flow = (uint8_t)(c->unit == USAGE_VALU ? vector_flow(inst) : USAGE_DEFINED);
    c->atomic = strstr(name, "_atomic") || (c->unit == USAGE_LDS && !starts(name, "ds_read") &&
                                            !starts(name, "ds_write"));
    c->lane_local = (c->unit == USAGE_VALU && c->flow != USAGE_DEFINED &&
                     c->flow != USAGE_LANE_READ && c->flow != USAGE_LANE_WRITE) ||
                    c->unit == USAGE_VMEM || (c->unit == USAGE_LDS && strstr(name, "perm") == NULL);
    add_operands(inst, c);
    add_implicit(inst, c);
    sim_usage_hazards(inst, arch, c);
}

/* ---- per program ---- */

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

static sim_usage *build_table(const sim_program *program)
{
    sim_usage *table = calloc(program->count + 1, sizeof *table);

    for (size_t i = 0; table && i < program->count; i++)
        if (program->inst[i].op)
            sim_usage_decode(&program->inst[i], program->arch, &table[i]);
    return table;
}

bool sim_usage_prepare(sim_program *program)
{
    pthread_mutex_lock(&tables_lock);
    if (!program->usage)
        program->usage = build_table(program);
    bool ok = program->usage != NULL;
    pthread_mutex_unlock(&tables_lock);
    return ok;
}

const sim_usage *sim_usage_of(const sim_wave *w, const sim_inst *inst)
{
    return &w->program->usage[inst - w->program->inst];
}
