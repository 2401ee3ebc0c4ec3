/* Hazards that software must keep apart with wait states (s_nop or instructions that have nothing
 * to do with them). The rules are a table; an instruction belongs to classes, by its name and
 * operands, and a rule says how many wait states must lie between one of the first class and one of
 * the second when certain of their registers are the same.
 *
 * Sources: AMD's CDNA2, CDNA3 and CDNA4 ISA guides, section "Manually Inserted Wait States (NOPs)",
 * and for what the guides leave open LLVM's GCNHazardRecognizer, whose function each row names; the
 * matrix instructions' passes are those of timing_arch.c. A wait state is what LLVM counts:
 * an instruction that the wave issues, s_nop N for N + 1 of them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check_state.h"
#include "sim/timing_arch.h"

/* ---- classes ---- */

enum {
    VALU = 1 << 0, /* not a matrix instruction */
    VALU_NOT_DOT = 1 << 1,
    VALU_NOT_TRANS = 1 << 2,
    VMEM = 1 << 3,
    LDS = 1 << 4,
    XDL = 1 << 5,   /* matrix instructions but for those on fp64; from gfx942 on but for fp32 too */
    SGEMM = 1 << 6, /* from gfx942 on: those on fp32 */
    DGEMM4 = 1 << 7,
    DGEMM16 = 1 << 8,
    TWO_PASS = 1 << 9,
    DOT = 1 << 10,
    TRANS = 1 << 11,
    DPP = 1 << 12,
    DST_SEL = 1 << 13, /* the result is shifted to its place in the register */
    LANES = 1 << 14,   /* v_readlane, v_readfirstlane, v_writelane */
    READ_LANE = 1 << 15,
    DIV_FMAS = 1 << 16,
    FMA64 = 1 << 17,
    SWAP = 1 << 18,         /* v_permlane16_swap, v_permlane32_swap */
    EXEC_BY_VALU = 1 << 19, /* writes EXEC, VCC, M0 */
    VCC_BY_VALU = 1 << 20,
    M0_BY_SALU = 1 << 21,
    READS_M0 = 1 << 22,
    SETREG = 1 << 23,
    GETREG = 1 << 24,
    CMPX = 1 << 25,
    READS_EXEC = 1 << 26, /* as a number */
    READS_ZERO = 1 << 27  /* EXECZ or VCCZ as a number */
};
#define MEM (VMEM | LDS)
#define DGEMM (DGEMM4 | DGEMM16)
#define MATRIX (XDL | SGEMM | DGEMM)
#define VECTOR (VALU | MATRIX)

/* What a register is to an instruction. */
enum {
    READ = 1 << 0,        /* VGPR, but for matrix instructions */
    READ_SGPR = 1 << 1,
    LANE_SELECT = 1 << 2, /* of v_readlane, v_writelane */
    WIDE_DATA = 1 << 3,   /* more than 64 bits that a store reads */
    WRITE = 1 << 4,       /* VGPR, but for matrix instructions */
    WRITE_SGPR = 1 << 5,
    A_B = 1 << 6, /* of matrix instructions; also sparse indices and scales */
    C = 1 << 7,
    RESULT = 1 << 8, /* of matrix instructions */
    C_SAME = 1 << 9, /* in a rule: C is just the earlier result; or it overlaps otherwise */
    C_OTHER = 1 << 10,
    DOT_C = 1 << 11, /* the accumulator of a dot product: forwarded to the same instruction */
    HWREG = 1 << 12, /* in a rule: the hardware register of s_setreg and s_getreg */
    NOTHING = 0      /* in a rule: the classes say it all */
};
#define WRITES (WRITE | RESULT)
#define READS (READ | DOT_C)

/* ---- the rules ---- */

enum { G90A = 1 << SIM_GFX90A, G942 = 1 << SIM_GFX942, G950 = 1 << SIM_GFX950, G94 = G942 | G950 };
#define ALL (G90A | G94)

typedef struct hazard_rule {
    uint32_t first, then; /* classes */
    uint16_t of_first, of_then;
    int8_t states;
    uint8_t archs;
    bool passes;        /* the first instruction's passes come to `states` */
    uint8_t min_passes; /* of the first instruction */
    bool across_dgemm;  /* only with a DGEMM instruction between */
    bool other_op; /* not with the same instruction */
    const char *text;
} hazard_rule;

#define PASSES .passes = true
#define TEXT(what, where) .text = what " (" where ")"

static const hazard_rule rules[] = {
    {VALU, VMEM, WRITE_SGPR, READ_SGPR, 5, ALL,
     TEXT("VALU writes SGPR, VMEM reads it", "checkVMEMHazards")},
    {VALU, LANES, WRITE_SGPR, LANE_SELECT, 4, ALL,
     TEXT("VALU writes SGPR, lane select reads it", "checkRWLaneHazards")},
    {VCC_BY_VALU, DIV_FMAS, NOTHING, NOTHING, 4, ALL,
     TEXT("VALU writes VCC, v_div_fmas reads it", "checkDivFMasHazards")},
    {VALU, DPP, WRITE, READS, 2, ALL, TEXT("VALU writes VGPR, DPP reads it", "checkDPPHazards")},
    {EXEC_BY_VALU, DPP, NOTHING, NOTHING, 5, ALL,
     TEXT("VALU writes EXEC, DPP", "checkDPPHazards")},
    {EXEC_BY_VALU, MATRIX, NOTHING, NOTHING, 4, ALL,
     TEXT("VALU writes EXEC, matrix instruction", "checkMAIHazards90A")},
    {SETREG, GETREG, HWREG, HWREG, 2, ALL,
     TEXT("s_setreg, s_getreg of the same", "checkGetRegHazards")},
    {SETREG, SETREG, HWREG, HWREG, 2, ALL,
     TEXT("s_setreg, s_setreg of the same", "checkSetRegHazards")},
    /* LLVM counts buffer loads to LDS too; the guides do not, and AITER's kernels have none
     * there */
    {M0_BY_SALU, READS_M0, NOTHING, NOTHING, 1, ALL,
     TEXT("SALU writes M0, global load to LDS, add-TID, s_movrel or s_sendmsg",
          "checkReadM0Hazards")},
    {EXEC_BY_VALU | VCC_BY_VALU, READS_ZERO, NOTHING, NOTHING, 5, ALL,
     TEXT("VALU writes EXEC or VCC, VALU reads EXECZ or VCCZ", "ISA guides")},
    {VMEM, VECTOR, WIDE_DATA, WRITES, 1, ALL,
     TEXT("store of more than 64 bits, VALU writes its data", "checkVALUHazardsHelper")},
    {VMEM, VECTOR, WIDE_DATA, WRITES, 2, G94,
     TEXT("store of more than 64 bits, VALU writes its data", "checkVALUHazardsHelper")},
    {TRANS, VALU_NOT_TRANS | MATRIX, WRITE, READS | A_B | C, 1, G94,
     TEXT("transcendental result, other VALU reads it", "checkVALUHazards, TransDef")},
    {DST_SEL, VECTOR, WRITE, READS | A_B | C | WRITES, 1, G94,
     TEXT("SDWA, op_sel or byte result, VALU uses it", "checkVALUHazards, Shift16Def")},
    {VALU, VECTOR, WRITE_SGPR, READ_SGPR, 2, G94,
     TEXT("VALU writes SGPR, VALU reads it", "checkVALUHazards, VALUWriteSGPRVALURead")},
    {EXEC_BY_VALU, READS_EXEC, NOTHING, NOTHING, 2, G94,
     TEXT("VALU writes EXEC, VALU reads it as a number", "ISA guides")},
    {VALU, READ_LANE, WRITE, READ, 1, G94,
     TEXT("VALU writes VGPR, v_readlane reads it", "checkVALUHazards, VALUWriteVGPRReadlaneRead")},
    {EXEC_BY_VALU, LANES, NOTHING, NOTHING, 4, G94,
     TEXT("VALU writes EXEC, v_readlane or v_writelane", "checkVALUHazards, VALUWriteEXECRWLane")},
    {VALU, SWAP, WRITE, READ | WRITE, 2, G950,
     TEXT("VALU writes VGPR, v_permlane_swap reads it", "checkPermlaneHazards")},
    {CMPX, SWAP, NOTHING, NOTHING, 4, G950,
     TEXT("v_cmpx writes EXEC, v_permlane_swap", "checkPermlaneHazards")},
    {DOT, VALU | MEM, WRITE, READ, 3, ALL,
     TEXT("dot product result, VALU or memory reads it", "checkMAIVALUHazards, Dot")},
    {DOT, DOT, WRITE, DOT_C, 3, ALL, .other_op = true,
     TEXT("dot product result, another dot product adds to it", "checkMAIVALUHazards, Dot")},
    {DOT, VALU, WRITE, WRITE, 3, ALL, .other_op = true,
     TEXT("dot product result, VALU overwrites it", "checkMAIVALUHazards, Dot")},
    {VALU_NOT_DOT, MATRIX, WRITE, A_B | C, 2, ALL,
     TEXT("VALU writes VGPR, matrix instruction reads it", "checkMAIHazards90A, LegacyVALU")},
    {VALU, MEM, WRITE, READ, 2, G90A, .across_dgemm = true,
     TEXT("VALU writes VGPR, memory reads it behind a DGEMM", "checkMAIVALUHazards, DMFMABetween")},
    {DGEMM, FMA64, NOTHING, NOTHING, 2, ALL,
     TEXT("DGEMM, fp64 FMA", "checkMAIVALUHazards, DMFMAToFMA64")},
    /* the accumulator: another instruction adds to what one has just computed */
    {DGEMM4, DGEMM4, RESULT, C_SAME, 4, ALL,
     TEXT("DGEMM 4x4 result, the same as accumulator", "checkMAIHazards90A, FullSrcC")},
    {TWO_PASS, MATRIX, RESULT, C_SAME, 2, G94,
     TEXT("2-pass result, the same as accumulator", "checkMAIHazards90A, FullSrcC")},
    {XDL, XDL, RESULT, C_OTHER, 0, G90A, PASSES,
     TEXT("SGEMM result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {XDL, DGEMM, RESULT, C_OTHER, 1, G90A, PASSES,
     TEXT("SGEMM result, overlapping DGEMM accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {DGEMM4, DGEMM | SGEMM, RESULT, C_OTHER, 4, ALL,
     TEXT("DGEMM 4x4 result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {DGEMM16, DGEMM | SGEMM, RESULT, C_OTHER, 9, ALL,
     TEXT("DGEMM 16x16 result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {DGEMM16, DGEMM | SGEMM, RESULT, C_OTHER, 17, G950,
     TEXT("DGEMM 16x16 result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {XDL, MATRIX, RESULT, C_OTHER, 1, G94, PASSES,
     TEXT("XDL result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {XDL, XDL, RESULT, C_OTHER, 2, G950, PASSES,
     TEXT("XDL result, overlapping XDL accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {XDL, SGEMM | DGEMM, RESULT, C_OTHER, 2, G950, PASSES, .min_passes = 4,
     TEXT("XDL result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    {SGEMM, SGEMM | DGEMM, RESULT, C_OTHER, 0, G94, PASSES,
     TEXT("SGEMM result, overlapping accumulator", "checkMAIHazards90A, OverlappedSrcC")},
    /* other uses of a result */
    {XDL, VALU | MEM | MATRIX, RESULT, READS | A_B | WRITE, 3, ALL, PASSES,
     TEXT("XDL result, used", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {XDL, VALU | MEM | MATRIX, RESULT, READS | A_B | WRITE, 4, G950, PASSES, .min_passes = 4,
     TEXT("XDL result, used", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {SGEMM, VALU | MEM | MATRIX, RESULT, READS | A_B | WRITE, 2, G94, PASSES,
     TEXT("SGEMM result, used", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {DGEMM4, VALU | MEM | MATRIX, RESULT, READS | A_B | WRITE, 6, ALL,
     TEXT("DGEMM 4x4 result, used", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {DGEMM4, MEM, RESULT, READ, 9, ALL,
     TEXT("DGEMM 4x4 result, memory reads it", "checkMAIVALUHazards")},
    {DGEMM16, VALU | MEM | MATRIX, RESULT, READS | A_B | WRITE, 11, ALL,
     TEXT("DGEMM 16x16 result, used", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {DGEMM16, VALU | MATRIX, RESULT, READS | A_B, 19, G950,
     TEXT("DGEMM 16x16 result, read", "checkMAIVALUHazards, checkMAIHazards90A SrcAB")},
    {DGEMM16, MEM, RESULT, READ, 18, ALL,
     TEXT("DGEMM 16x16 result, memory reads it", "checkMAIVALUHazards")},
    {XDL, VALU | MEM, C, WRITE, -1, ALL, PASSES,
     TEXT("matrix instruction reads its accumulator, overwritten",
          "checkMAIVALUHazards, SrcC WAR")},
};
enum { NUM_RULES = sizeof rules / sizeof rules[0] };
static_assert(NUM_RULES <= 64, "sim_usage_hazard.makes and .takes have a bit for each rule");

/* ---- what an instruction is ---- */

static unsigned matrix_passes(const sim_inst *inst, sim_arch arch)
{
    uint64_t flops;

    return sim_timing_matrix(arch, inst, &flops) / 4;
}

static uint32_t matrix_classes(const sim_inst *inst, sim_arch arch)
{
    const char *name = inst->op->name;
    uint32_t classes = matrix_passes(inst, arch) == 2 ? TWO_PASS : 0;

    if (starts(name, "v_mfma_f64"))
        return classes | (strstr(name, "4x4x4") == name + 11 ? DGEMM4 : DGEMM16);
    const char *last = strrchr(name, '_');
    bool fp32 = starts(name, "v_mfma_f32") && arch >= SIM_GFX942 && strcmp(last, "_f32") == 0;
    return classes | (fp32 ? SGEMM : XDL);
}

/* SDWA and op_sel put a result elsewhere than at bit 0; a conversion to fp8 chooses a byte by
 * op_sel[3:2], and one to fp4 with stochastic rounding always moves its result. */
static bool shifts_result(const sim_inst *inst)
{
    const char *name = inst->op->name;

    if (inst->flags & SIM_F_SDWA)
        return inst->dst_sel != SIM_SDWA_DWORD;
    if (strstr(name, "cvt_scalef32_sr_pk") && strstr(name, "fp4"))
        return true;
    if (!(inst->flags & SIM_F_OP_SEL))
        return false;
    return inst->op_sel & 8 || (starts(name, "v_cvt_") && strstr(name, "f8") && inst->op_sel & 4);
}

static uint32_t valu_classes(const sim_inst *inst)
{
    static const char *const trans[] = {"v_exp_f", "v_log_f", "v_rcp_", "v_rsq_",
                                        "v_sqrt_", "v_sin_",  "v_cos_", "v_exp_legacy",
                                        "v_log_legacy", NULL};
    static const char *const lane[] = {"v_readlane", "v_readfirstlane", NULL};
    static const char *const fma64[] = {"v_fma_f64", "v_fmac_f64", NULL};
    static const char *const swap[] = {"v_permlane16_swap", "v_permlane32_swap", NULL};
    const char *name = inst->op->name;
    uint32_t classes = VALU;

    classes |= starts(name, "v_dot") ? DOT : VALU_NOT_DOT;
    classes |= one_of(name, trans) ? TRANS : VALU_NOT_TRANS;
    classes |= inst->flags & SIM_F_DPP ? DPP : 0;
    classes |= shifts_result(inst) ? DST_SEL : 0;
    classes |= one_of(name, lane) ? LANES | READ_LANE : 0;
    classes |= starts(name, "v_writelane") ? LANES : 0;
    classes |= starts(name, "v_div_fmas") ? DIV_FMAS : 0;
    classes |= one_of(name, fma64) ? FMA64 : 0;
    classes |= one_of(name, swap) ? SWAP : 0;
    classes |= starts(name, "v_cmpx") ? CMPX | EXEC_BY_VALU : 0;
    return classes;
}

/* Whether the SGPR is among the results, or among the sources. */
static bool has_sgpr(const sim_usage *c, unsigned reg, bool result)
{
    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        if ((r->role == USAGE_RESULT) == result && !r->vector && reg - r->reg < r->count)
            return true;
    }
    return false;
}

static bool writes_sgpr(const sim_usage *c, unsigned reg)
{
    return has_sgpr(c, reg, true);
}

static uint32_t scalar_classes(const sim_inst *inst, const sim_usage *c)
{
    const char *name = inst->op->name;

    return (starts(name, "s_setreg") ? SETREG : 0) | (starts(name, "s_getreg") ? GETREG : 0) |
           (starts(name, "s_movrel") || starts(name, "s_sendmsg") ? READS_M0 : 0) |
           (writes_sgpr(c, SIM_M0) ? M0_BY_SALU : 0);
}

static bool is_buffer(const sim_inst *inst)
{
    return (uint32_t)inst->enc >> 26 == 0x38;
}

static bool reads_sgpr(const sim_usage *c, unsigned reg)
{
    return has_sgpr(c, reg, false);
}

static uint32_t classes_of(const sim_inst *inst, const sim_usage *c, sim_arch arch)
{
    uint32_t classes;

    switch (c->unit) {
    case USAGE_SCALAR: return scalar_classes(inst, c);
    case USAGE_MATRIX: return matrix_classes(inst, arch);
    case USAGE_VMEM: return VMEM | (c->to_lds && !is_buffer(inst) ? READS_M0 : 0);
    case USAGE_LDS: return LDS | (strstr(inst->op->name, "addtid") ? READS_M0 : 0);
    case USAGE_VALU: break;
    default: return 0;
    }
    classes = valu_classes(inst);
    classes |= writes_sgpr(c, SIM_VCC) || writes_sgpr(c, SIM_VCC + 1) ? VCC_BY_VALU : 0;
    classes |= writes_sgpr(c, SIM_EXEC) || writes_sgpr(c, SIM_EXEC + 1) ? EXEC_BY_VALU : 0;
    classes |= reads_sgpr(c, SIM_EXEC) || reads_sgpr(c, SIM_EXEC + 1) ? READS_EXEC : 0;
    classes |= reads_sgpr(c, SIM_EXECZ) || reads_sgpr(c, SIM_VCCZ) ? READS_ZERO : 0;
    return classes;
}

void sim_usage_hazards(const sim_inst *inst, sim_arch arch, sim_usage *c)
{
    uint32_t classes = classes_of(inst, c, arch);

    c->hazard = (sim_usage_hazard){0};
    if (c->unit == USAGE_MATRIX)
        c->hazard.passes = (uint8_t)matrix_passes(inst, arch);
    for (unsigned i = 0; i < NUM_RULES; i++) {
        if (!(rules[i].archs >> arch & 1))
            continue;
        if (classes & rules[i].first && c->hazard.passes >= rules[i].min_passes)
            c->hazard.makes |= 1ull << i;
        if (classes & rules[i].then)
            c->hazard.takes |= 1ull << i;
    }
    c->hazard.dgemm = (classes & DGEMM) != 0;
}

/* ---- registers of a rule ---- */

/* A MUBUF store with an SGPR offset is not concerned. */
static bool wide_data(const sim_inst *inst, const sim_usage *c, const sim_usage_range *r)
{
    return c->unit == USAGE_VMEM && r->role == USAGE_DATA && r->count > 2 &&
           !(is_buffer(inst) && inst->num_ops == 4 && inst->ops[3].kind == SIM_SGPR);
}

static unsigned read_use(const sim_inst *inst, const sim_usage *c, const sim_usage_range *r)
{
    const char *name = inst->op->name;

    if (!r->vector) {
        bool lane = starts(name, "v_readlane") || starts(name, "v_writelane");
        bool mask = c->flow == USAGE_SELECT || c->flow == USAGE_MASKED; /* as carry-in: no wait */
        if (mask && r->operand == inst->num_ops - 1u)
            return 0;
        return READ_SGPR | (lane && r->operand == 2 ? LANE_SELECT : 0);
    }
    if (c->unit == USAGE_MATRIX)
        return r->operand == (starts(name, "v_smfmac") ? 0 : 3) ? C : A_B;
    if (starts(name, "v_dot") && (r->operand == 0 || r->operand == 3))
        return DOT_C;
    return READ | (wide_data(inst, c, r) ? WIDE_DATA : 0);
}

static unsigned use_of(const sim_inst *inst, const sim_usage *c, const sim_usage_range *r)
{
    if (r->role != USAGE_RESULT)
        return read_use(inst, c, r);
    return !r->vector ? WRITE_SGPR : c->unit == USAGE_MATRIX ? RESULT : WRITE;
}

static bool overlap(const sim_usage_range *a, const sim_usage_range *b)
{
    return a->vector == b->vector && a->reg < b->reg + b->count && b->reg < a->reg + a->count;
}

/* C of an instruction that follows: the same registers as the result before, or others. */
static unsigned later_use(unsigned use, const sim_usage_range *then, const sim_usage_range *first)
{
    bool same = then->reg == first->reg && then->count == first->count;

    return use & C ? use | (same ? C_SAME : C_OTHER) : use;
}

/* ---- the check ---- */

static unsigned needed(const hazard_rule *rule, const check_issued *first)
{
    return (unsigned)(rule->states + (rule->passes ? first->c.hazard.passes : 0));
}

static void report(sim_wave *w, const sim_inst *inst, const sim_usage_range *r,
                   const check_issued *first, const hazard_rule *rule, unsigned states)
{
    char name[16] = "";

    if (r)
        sim_check_register(r->vector, r->reg, name);
    sim_finding(w, inst, -1, 0,
                "hazard: %s%s%u wait states after \"%s\" at 0x%llx, %u are needed: %s", name,
                r ? ", " : "", states, first->inst->text, check_pc(w, first->inst),
                needed(rule, first), rule->text);
}

static bool op_fits(const hazard_rule *rule, const sim_inst *inst, const check_issued *first)
{
    return !(rule->other_op && inst->op == first->inst->op);
}

static bool hwreg_fits(const hazard_rule *rule, const sim_inst *inst, const check_issued *first)
{
    return rule->of_then != HWREG || ((inst->enc ^ first->inst->enc) & 0x3f) == 0;
}

static const check_issued *issued(const check_wave *cw, unsigned back)
{
    return &cw->issued[(cw->num_issued - 1 - back) % CHECK_ISSUED];
}

static unsigned num_issued(const check_wave *cw)
{
    return cw->num_issued < CHECK_ISSUED ? (unsigned)cw->num_issued : CHECK_ISSUED;
}

/* Rules without registers. */
static void check_classes(sim_wave *w, const sim_inst *inst, const sim_usage *c,
                          const check_issued *first, unsigned states)
{
    for (uint64_t both = first->c.hazard.makes & c->hazard.takes; both; both &= both - 1) {
        const hazard_rule *rule = &rules[__builtin_ctzll(both)];
        if ((rule->of_then == NOTHING || rule->of_then == HWREG) && states < needed(rule, first) &&
            hwreg_fits(rule, inst, first)) {
            report(w, inst, NULL, first, rule, states);
            return;
        }
    }
}

typedef struct pair {
    const check_issued *first;
    unsigned states; /* between the two */
    bool across_dgemm;
} pair;

static void check_ranges(sim_wave *w, const sim_inst *inst, const sim_usage *c,
                         const sim_usage_range *then, const sim_usage_range *first, const pair *p)
{
    unsigned of_first = use_of(p->first->inst, &p->first->c, first);
    unsigned of_then = later_use(use_of(inst, c, then), then, first);

    for (uint64_t both = p->first->c.hazard.makes & c->hazard.takes; both; both &= both - 1) {
        const hazard_rule *rule = &rules[__builtin_ctzll(both)];
        if (rule->of_first & of_first && rule->of_then & of_then &&
            p->states < needed(rule, p->first) && op_fits(rule, inst, p->first) &&
            (!rule->across_dgemm || p->across_dgemm)) {
            report(w, inst, then, p->first, rule, p->states);
            return;
        }
    }
}

/* One register range of the instruction against what was issued before it, latest first. Matrix
 * instructions finish in order: behind one that writes these registers earlier ones do not
 * count. */
static void check_range_against(sim_wave *w, const sim_inst *inst, const sim_usage *c,
                                const sim_usage_range *then)
{
    const check_wave *cw = check_of(w);
    pair p = {.across_dgemm = false};
    bool matrix = false;

    for (unsigned i = 0; i < num_issued(cw) && w->state == SIM_RUNNING; i++) {
        p.first = issued(cw, i);
        p.states = (unsigned)(cw->wait_states - p.first->end);
        if (p.states >= CHECK_HAZARD_STATES)
            return;
        bool is_matrix = p.first->c.unit == USAGE_MATRIX, wrote = false;
        for (unsigned k = 0; k < p.first->c.num && !(is_matrix && matrix); k++) {
            const sim_usage_range *r = &p.first->c.ranges[k];
            if (!overlap(then, r) || w->state != SIM_RUNNING)
                continue;
            check_ranges(w, inst, c, then, r, &p);
            wrote |= is_matrix && r->role == USAGE_RESULT;
        }
        matrix |= wrote;
        p.across_dgemm |= p.first->c.hazard.dgemm;
    }
}

void sim_check_hazard(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    const check_wave *cw = check_of(w);

    if (!c->hazard.takes)
        return;
    for (unsigned i = 0; i < num_issued(cw) && w->state == SIM_RUNNING; i++) {
        const check_issued *first = issued(cw, i);
        uint64_t states = cw->wait_states - first->end;
        if (states >= CHECK_HAZARD_STATES)
            break;
        check_classes(w, inst, c, first, (unsigned)states);
    }
    for (unsigned i = 0; i < c->num && w->state == SIM_RUNNING; i++)
        check_range_against(w, inst, c, &c->ranges[i]);
}

void sim_check_hazard_issued(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    check_wave *cw = check_of(w);
    bool nop = (uint32_t)inst->enc >> 16 == 0xbf80;

    cw->wait_states += nop ? (inst->enc & 15) + 1 : 1;
    if (c->hazard.makes)
        cw->issued[cw->num_issued++ % CHECK_ISSUED] = (check_issued){inst, *c, cw->wait_states};
}
