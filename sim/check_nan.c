/* The first NaN or infinity: an instruction whose floating-point sources have none in a lane and
 * whose result has one. */
#include <string.h>

#include "sim/check_state.h"

typedef struct found {
    bool nan, inf;
} found;

/* Fields of a binary format: bits of a magnitude with all exponent bits set. */
static found classify(uint64_t bits, uint64_t infinity, uint64_t sign)
{
    uint64_t magnitude = bits & ~sign;

    return (found){magnitude > infinity, magnitude == infinity};
}

static found in_word(uint32_t word, sim_type type, bool high)
{
    switch (type) {
    case SIM_F16: return classify(high ? word >> 16 : word & 0xffff, 0x7c00, 0x8000);
    case SIM_BF16: return classify(high ? word >> 16 : word & 0xffff, 0x7f80, 0x8000);
    default: return classify(word, 0x7f800000, 0x80000000);
    }
}

/* Type of a matrix instruction's operands, from its name: v_mfma_f32_MxNxK_TYPE. */
static sim_type matrix_type(const char *name, unsigned operand)
{
    if (strncmp(name, "v_mfma_f32_", 11))
        return SIM_ANY;
    if (operand == 0 || operand == 3)
        return SIM_F32;
    const char *type = name + strlen(name);
    while (type > name && type[-1] != 'x' && !(type[-1] == '_' && type[0] != '1')) type--;
    while (*type >= '0' && *type <= '9') type++; /* 32x32x8f16 as older names have it */
    type += *type == '_';
    if (strncmp(type, "bf16", 4) == 0)
        return SIM_PKBF16;
    return strncmp(type, "f16", 3) == 0   ? SIM_PK16
           : strncmp(type, "f32", 3) == 0 ? SIM_F32
                                          : SIM_ANY;
}

static sim_type type_of(const sim_inst *inst, const sim_usage *c, unsigned operand)
{
    sim_type type = (sim_type)inst->ops[operand].type;

    if (c->unit == USAGE_MATRIX)
        return matrix_type(inst->op->name, operand);
    if (type == SIM_PK16 && !strstr(inst->op->name, "f16"))
        return SIM_ANY; /* packed integers */
    return type;
}

/* Words of a source or result in one lane. */
static uint32_t word_of(const sim_wave *w, const sim_operand *o, unsigned k, unsigned lane)
{
    return o->kind == SIM_VGPR   ? w->v[o->reg + k][lane]
           : o->kind == SIM_SGPR ? w->s[o->reg + k]
                                 : (uint32_t)(o->value >> (32 * k));
}

static found in_lane(const sim_wave *w, const sim_operand *o, sim_type type, bool high,
                     unsigned lane)
{
    found f = {false, false};

    if (type == SIM_F64) {
        uint64_t bits = (uint64_t)word_of(w, o, 1, lane) << 32 | word_of(w, o, 0, lane);
        return classify(bits, 0x7ff0000000000000, 1ull << 63);
    }
    for (unsigned k = 0; k < (o->width ? o->width : 1u); k++) {
        uint32_t word = word_of(w, o, k, lane);
        bool pair = type == SIM_PK16 || type == SIM_PKBF16;
        sim_type element = type == SIM_PK16 ? SIM_F16 : type == SIM_PKBF16 ? SIM_BF16 : type;
        found lo = in_word(word, element, high && !pair);
        found hi = pair ? in_word(word, element, true) : (found){false, false};
        f.nan |= lo.nan | hi.nan;
        f.inf |= lo.inf | hi.inf;
    }
    return f;
}

static bool is_float(sim_type type)
{
    return type == SIM_F16 || type == SIM_BF16 || type == SIM_F32 || type == SIM_F64 ||
           type == SIM_PK16 || type == SIM_PKBF16 || type == SIM_PKF32;
}

static void scan(const sim_wave *w, const sim_inst *inst, const sim_usage *c, unsigned operand,
                 bool high, uint64_t *nan, uint64_t *inf)
{
    const sim_operand *o = &inst->ops[operand];
    sim_type type = type_of(inst, c, operand);

    if (!is_float(type) || o->kind == SIM_OFF || o->kind == SIM_IMM)
        return;
    for (unsigned l = 0; l < SIM_LANES; l++) {
        found f = in_lane(w, o, type, high, l);
        *nan |= (uint64_t)f.nan << l;
        *inf |= (uint64_t)f.inf << l;
    }
}

/* Whether this instruction computes a floating-point result that is looked at. */
static bool computes(const sim_inst *inst, const sim_usage *c)
{
    if (c->unit != USAGE_VALU && c->unit != USAGE_MATRIX)
        return false;
    if (c->unit == USAGE_MATRIX && !is_float(type_of(inst, c, 1)))
        return false;
    return inst->op->form[0] == 'D' && inst->ops[0].kind == SIM_VGPR &&
           is_float(type_of(inst, c, 0));
}

void sim_check_nan_before(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    check_wave *cw = check_of(w);

    cw->source_nan = cw->source_inf = 0;
    if (!computes(inst, c))
        return;
    /* the old result too: accumulators */
    for (unsigned i = 0; i < inst->num_ops; i++)
        scan(w, inst, c, i, inst->ops[i].mods & SIM_HALF, &cw->source_nan, &cw->source_inf);
    if (c->unit == USAGE_MATRIX || !c->lane_local) { /* lanes mix */
        cw->source_nan = cw->source_nan ? ~0ull : 0;
        cw->source_inf = cw->source_inf ? ~0ull : 0;
    }
}

void sim_check_nan_after(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    const check_wave *cw = check_of(w);
    uint64_t nan = 0, inf = 0;
    unsigned checks = w->check->checks;
    char name[16];

    if (!computes(inst, c))
        return;
    scan(w, inst, c, 0, inst->op_sel & 8, &nan, &inf);
    uint64_t lanes = c->unit == USAGE_MATRIX ? ~0ull : sim_exec_mask(w);
    nan = checks & SIM_CHECK_NAN ? nan & lanes & ~cw->source_nan : 0;
    inf = checks & SIM_CHECK_INF ? inf & lanes & ~(cw->source_inf | cw->source_nan) : 0;
    if (nan)
        sim_finding(w, inst, (int)__builtin_ctzll(nan), 0, "nan: %s becomes NaN; no source is one",
                    sim_check_register(true, inst->ops[0].reg, name));
    else if (inf)
        sim_finding(w, inst, (int)__builtin_ctzll(inf), 0,
                    "inf: %s becomes infinite; no source is",
                    sim_check_register(true, inst->ops[0].reg, name));
}
