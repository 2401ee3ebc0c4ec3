/* What the timing model knows of an instruction before it runs. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/timing_cu.h"

/* LLVM, SISchedule.td: WriteTrans32, WriteTrans64. */
static bool is_transcendental(const char *name)
{
    static const char *const names[] = {"v_exp_",  "v_log_", "v_rcp_", "v_rsq_",
                                        "v_sqrt_", "v_sin_", "v_cos_", NULL};
    return one_of(name, names);
}

static bool has_f64(const sim_inst *inst)
{
    for (unsigned i = 0; i < inst->num_ops; i++)
        if (inst->ops[i].type == SIM_F64)
            return true;
    return false;
}

/* LLVM, SIInstrInfo::isNeverCoissue: packed arithmetic, conversions to packed formats, and dot
 * products. It also counts the transcendental ones, which measurements on gfx950 contradict. */
static bool is_packed(const char *name)
{
    static const char *const names[] = {"v_pk_", "v_cvt_pk", "v_dot", "v_cvt_scalef32", NULL};
    return one_of(name, names);
}

/* Operations of a lane: two for a multiply-add, twice that for two packed ones. */
static unsigned vector_flops(const sim_inst *inst)
{
    static const char *const fused[] = {"v_fma", "v_mac", "v_mad", "v_pk_fma", NULL};
    static const char *const plain[] = {"v_add_f", "v_sub_f", "v_subrev_f", "v_mul_f", "v_max_f",
                                        "v_min_f", "v_max3_f", "v_min3_f", "v_pk_add_f",
                                        "v_pk_mul_f", "v_exp_f", "v_log_f", "v_rcp_f", NULL};
    const char *name = inst->op->name;
    unsigned n = one_of(name, fused) ? 2 : one_of(name, plain) ? 1 : 0;

    return starts(name, "v_pk_") ? 2 * n : n;
}

static void decode_vector(sim_arch arch, const sim_inst *inst, timing_inst *t)
{
    const timing_arch *a = sim_timing_arch(arch);
    const char *name = inst->op->name;

    t->unit = AITER_SIM_UNIT_VALU;
    t->cycles = (uint16_t)a->valu_cycles;
    if (is_transcendental(name)) {
        t->unit = AITER_SIM_UNIT_TRANS;
        t->cycles = (uint16_t)(has_f64(inst) ? a->trans_f64_cycles : a->trans_cycles);
    } else if (has_f64(inst)) {
        t->cycles = (uint16_t)a->f64_cycles;
    }
    t->latency = t->cycles > a->valu_latency ? t->cycles : (uint16_t)a->valu_latency;
    t->packed = a->packed_alone && is_packed(name);
    t->flops = SIM_LANES * vector_flops(inst);
}

static void decode_matrix(sim_arch arch, const sim_inst *inst, timing_inst *t)
{
    const timing_arch *a = sim_timing_arch(arch);
    uint64_t flops = 0;
    unsigned cycles = sim_timing_matrix(arch, inst, &flops);

    t->unit = AITER_SIM_UNIT_MFMA;
    t->cycles = (uint16_t)cycles;
    t->blocked = (uint8_t)(cycles >= 32 ? a->mfma_read_long : a->mfma_read_short);
    /* N wait states between two instructions: the second issues N + 1 steps after the first. */
    t->latency = (uint16_t)(cycles + 4 * (a->mfma_extra + 1));
    t->flops = (uint32_t)flops;
    double held = a->sustained[sim_timing_matrix_class(inst)];
    t->heat = (float)(1 / (held * held));
}

static void decode_wait(const sim_inst *inst, timing_inst *t)
{
    unsigned simm16 = inst->enc & 0xffff;

    t->action = TIMING_WAITCNT;
    t->wait_vm = (uint16_t)((simm16 & 15) | (simm16 >> 10 & 0x30));
    t->wait_lgkm = (uint16_t)(simm16 >> 8 & 15);
}

/* s_nop N waits N + 1 issue steps, s_sleep N 64 N cycles (ISA guides, "SOPP Instructions"). */
static void decode_scalar(sim_arch arch, const sim_inst *inst, timing_inst *t)
{
    static const char *const branches[] = {"s_branch", "s_cbranch", "s_setpc", "s_swappc",
                                           "s_call", NULL};
    const unsigned step = sim_timing_arch(arch)->issue_interval, imm = inst->enc & 0xffff;
    const char *name = inst->op->name;

    t->unit = AITER_SIM_UNIT_SALU;
    t->cycles = t->latency = (uint16_t)step;
    if ((uint32_t)inst->enc >> 23 == 0x17f) /* SOPP: the sequencer's own */
        t->unit = AITER_SIM_UNIT_OTHER;
    if (starts(name, "s_waitcnt"))
        decode_wait(inst, t);
    else if (starts(name, "s_barrier"))
        t->action = TIMING_BARRIER;
    else if (starts(name, "s_nop"))
        t->action = TIMING_NOP, t->amount = ((imm & 15) + 1) * step;
    else if (starts(name, "s_sleep"))
        t->action = TIMING_SLEEP, t->amount = 64 * (imm & 127);
    else if (starts(name, "s_setprio"))
        t->action = TIMING_PRIORITY, t->amount = imm & 3;
    else if (one_of(name, branches))
        t->action = TIMING_BRANCH, t->unit = AITER_SIM_UNIT_OTHER;
}

static void decode(sim_arch arch, const sim_inst *inst, const sim_usage *u, timing_inst *t)
{
    const char *name = inst->op->name;

    switch (u->unit) {
    case USAGE_VALU: decode_vector(arch, inst, t); break;
    case USAGE_MATRIX: decode_matrix(arch, inst, t); break;
    case USAGE_SMEM:
        t->unit = AITER_SIM_UNIT_SMEM;
        t->cycles = 4;
        if (starts(name, "s_memtime") || starts(name, "s_memrealtime"))
            t->action = TIMING_CLOCK;
        break;
    case USAGE_LDS: t->unit = AITER_SIM_UNIT_LDS; break;
    case USAGE_VMEM:
        t->unit = AITER_SIM_UNIT_VMEM;
        t->to_lds = u->to_lds;
        t->store = strstr(name, "_store") || strstr(name, "_atomic");
        break;
    default: decode_scalar(arch, inst, t); break;
    }
}

static timing_inst *build_table(const sim_program *program)
{
    timing_inst *table = calloc(program->count + 1, sizeof *table);

    for (size_t i = 0; table && i < program->count; i++) {
        if (program->inst[i].op)
            decode(program->arch, &program->inst[i], &program->usage[i], &table[i]);
        else
            table[i].unit = AITER_SIM_UNIT_OTHER;
    }
    return table;
}

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

bool sim_timing_prepare(sim_program *program)
{
    bool ok = sim_usage_prepare(program);

    pthread_mutex_lock(&tables_lock);
    if (ok && !program->timing)
        program->timing = build_table(program);
    ok = ok && program->timing;
    pthread_mutex_unlock(&tables_lock);
    return ok;
}
