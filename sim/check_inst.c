/* The registers that an instruction reads and writes, from the form of its table row and from its
 * operands as decoded. What no operand shows (VCC of a branch, M0 of a load to LDS) is added
 * here. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check_state.h"

static bool starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (starts(name, *list))
            return true;
    return false;
}

/* Encodings: ISA guide, "Microcode Formats": the top 6 bits. */
static check_unit unit_of(const sim_inst *inst)
{
    switch ((uint32_t)inst->enc >> 26) {
    case 0x30: return CHECK_SMEM;
    case 0x36: return CHECK_LDS;
    case 0x37:
    case 0x38: return CHECK_VMEM;
    default: break;
    }
    if (inst->op->name[0] != 'v')
        return CHECK_SCALAR;
    return starts(inst->op->name, "v_mfma") || starts(inst->op->name, "v_smfmac") ? CHECK_MATRIX
                                                                                  : CHECK_VALU;
}

static check_flow scalar_flow(const char *name)
{
    static const char *const bitwise[] = {"s_mov_",  "s_or_",    "s_xor_", "s_andn2_b", "s_orn2_b",
                                          "s_nand_b", "s_nor_b", "s_not_", "s_xnor_b",  NULL};

    return starts(name, "s_and_b") ? CHECK_AND : one_of(name, bitwise) ? CHECK_BITWISE : CHECK_EACH;
}

static check_flow vector_flow(const sim_inst *inst)
{
    static const char *const masked[] = {"v_addc_co", "v_subb_co", "v_subbrev_co", NULL};
    static const char *const exchange[] = {"v_swap", "v_permlane", NULL};
    static const char *const low_first[] = {"v_mad_u64_u32", "v_mad_i64_i32",  "v_lshl_add_u64",
                                            "v_mov_b64",     "v_lshlrev_b64", NULL};
    const char *name = inst->op->name;

    if (starts(name, "v_cndmask"))
        return CHECK_SELECT;
    if (starts(name, "v_readlane") || starts(name, "v_readfirstlane"))
        return CHECK_LANE_READ;
    if (starts(name, "v_writelane"))
        return CHECK_LANE_WRITE;
    if (inst->flags & SIM_F_DPP || one_of(name, exchange))
        return CHECK_DEFINED;
    if (inst->ops[0].type == SIM_PKF32)
        return CHECK_PACKED;
    if (one_of(name, low_first))
        return CHECK_LOW_FIRST;
    return one_of(name, masked) ? CHECK_MASKED : CHECK_EACH;
}

static void add(check_inst *c, unsigned reg, unsigned count, check_role role, bool vector,
                unsigned operand)
{
    if (c->num < CHECK_RANGES)
        c->ranges[c->num++] = (check_range){(uint16_t)reg,  (uint8_t)count, (uint8_t)role,
                                            vector, (uint8_t)operand};
}

/* Of the VGPRs that a memory instruction reads, which is the address: the first one, but for buffer
 * stores and atomics (MUBUF), whose data come first. */
static check_role memory_role(const sim_inst *inst, const check_inst *c, unsigned operand,
                              unsigned vectors_before)
{
    bool buffer = (uint32_t)inst->enc >> 26 == 0x38, addtid = inst->num_ops == 1;

    if (inst->ops[operand].kind == SIM_SGPR)
        return CHECK_ADDRESS;
    if (c->flow == CHECK_DEFINED && c->unit == CHECK_LDS && starts(inst->op->name, "ds_swizzle"))
        return CHECK_DATA;
    if (buffer)
        return operand == 0 && inst->num_ops == 4 ? CHECK_DATA : CHECK_ADDRESS;
    /* FLAT and DS; "off" leaves the data of a global store as the first VGPR */
    if (addtid || (c->unit == CHECK_VMEM && inst->op->form[0] == 'S' && operand == 1 &&
                   !c->to_lds))
        return CHECK_DATA;
    return vectors_before ? CHECK_DATA : CHECK_ADDRESS;
}

/* The two registers of a packed 32-bit source that op_sel and op_sel_hi choose. */
static void add_packed(const sim_inst *inst, check_inst *c, unsigned operand, unsigned source)
{
    const sim_operand *o = &inst->ops[operand];
    unsigned lo = inst->op_sel >> source & 1, hi = inst->op_sel_hi >> source & 1;

    if (lo == hi)
        add(c, o->reg + lo, 1, CHECK_SOURCE, o->kind == SIM_VGPR, operand);
    else
        add(c, o->reg, 2, CHECK_SOURCE, o->kind == SIM_VGPR, operand);
}

static void add_operands(const sim_inst *inst, check_inst *c)
{
    const char *form = inst->op->form;
    unsigned source = 0, vectors = 0;
    bool memory = c->unit == CHECK_LDS || c->unit == CHECK_VMEM || c->unit == CHECK_SMEM;

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
            add(c, o->reg, o->width, CHECK_RESULT, o->kind == SIM_VGPR, i);
        else if (role == 'S' && o->type == SIM_PKF32 && o->width == 2)
            add_packed(inst, c, i, source);
        else if (role == 'S')
            add(c, o->reg, o->width,
                memory ? memory_role(inst, c, i, vectors) : CHECK_SOURCE,
                o->kind == SIM_VGPR, i);
        source += role == 'S';
        vectors += role == 'S' && o->kind == SIM_VGPR;
    }
}

static void add_implicit(const sim_inst *inst, check_inst *c)
{
    static const char *const accumulating[] = {"v_fmac_",  "v_pk_fmac", "v_dot2c", "v_dot4c",
                                               "v_dot8c", "v_smfmac",  NULL};
    const char *name = inst->op->name;

    if (starts(name, "s_cbranch_vcc"))
        add(c, SIM_VCC, 2, CHECK_SOURCE, false, SIM_MAX_OPERANDS);
    if (starts(name, "s_cbranch_scc"))
        add(c, SIM_SCC, 1, CHECK_SOURCE, false, SIM_MAX_OPERANDS);
    if (c->to_lds)
        add(c, SIM_M0, 1, CHECK_ADDRESS, false, SIM_MAX_OPERANDS);
    if (one_of(name, accumulating))
        add(c, inst->ops[0].reg, inst->ops[0].width, CHECK_SOURCE, true, 0);
    if (starts(name, "buffer_atomic") && inst->flags & (SIM_F_GLC | SIM_F_SC0))
        add(c, inst->ops[0].reg, inst->ops[0].width, CHECK_RESULT, true, 0);
}

/* A load without a destination loads to LDS. */
static bool loads_to_lds(const sim_inst *inst, const check_inst *c)
{
    return c->unit == CHECK_VMEM && inst->op->form[0] == 'S' && strstr(inst->op->name, "_load");
}

void sim_check_decode(const sim_inst *inst, sim_arch arch, check_inst *c)
{
    const char *name = inst->op->name;
    static const char *const branches[] = {"s_cbranch", "s_setpc", "s_swappc", NULL};

    memset(c, 0, sizeof *c);
    c->unit = (uint8_t)unit_of(inst);
    c->flat = starts(name, "flat_");
    c->to_lds = loads_to_lds(inst, c);
    c->branch = one_of(name, branches);
    c->compare = starts(name, "s_cmp") || starts(name, "s_bitcmp");
    if (c->unit == CHECK_SCALAR)
        c->flow = (uint8_t)scalar_flow(name);
    else
        c->flow = (uint8_t)(c->unit == CHECK_VALU ? vector_flow(inst) : CHECK_DEFINED);
    c->atomic = strstr(name, "_atomic") || (c->unit == CHECK_LDS && !starts(name, "ds_read") &&
                                            !starts(name, "ds_write"));
    c->lane_local = (c->unit == CHECK_VALU && c->flow != CHECK_DEFINED &&
                     c->flow != CHECK_LANE_READ && c->flow != CHECK_LANE_WRITE) ||
                    c->unit == CHECK_VMEM || (c->unit == CHECK_LDS && strstr(name, "perm") == NULL);
    add_operands(inst, c);
    add_implicit(inst, c);
    sim_check_hazard_decode(inst, arch, c);
}

/* ---- per program ---- */

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

static check_inst *build_table(const sim_program *program)
{
    check_inst *table = calloc(program->count + 1, sizeof *table);

    for (size_t i = 0; table && i < program->count; i++)
        if (program->inst[i].op)
            sim_check_decode(&program->inst[i], program->arch, &table[i]);
    return table;
}

bool sim_check_prepare(sim_program *program)
{
    pthread_mutex_lock(&tables_lock);
    if (!program->check)
        program->check = build_table(program);
    bool ok = program->check != NULL;
    pthread_mutex_unlock(&tables_lock);
    return ok;
}

const check_inst *sim_check_inst(const sim_wave *w, const sim_inst *inst)
{
    return &w->program->check[inst - w->program->inst];
}
