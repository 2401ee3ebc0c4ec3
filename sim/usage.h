/* What an instruction reads and writes, by registers; what the checkers and the timing model have
 * in common. */
#ifndef SIM_USAGE_H
#define SIM_USAGE_H

#include <string.h>

#include "sim/program.h"
#include "sim/wave.h"

/* Mnemonics by how they begin; a list ends with NULL. */
static inline bool starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static inline bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (starts(name, *list))
            return true;
    return false;
}

typedef enum sim_usage_unit {
    USAGE_SCALAR,
    USAGE_SMEM,
    USAGE_VALU,
    USAGE_MATRIX,
    USAGE_LDS,  /* DS encoding */
    USAGE_VMEM, /* FLAT, GLOBAL, SCRATCH, MUBUF */
} sim_usage_unit;

/* How the definedness of results follows from that of the sources. */
typedef enum sim_usage_flow {
    USAGE_EACH,      /* lane by lane, scalars as a whole */
    USAGE_BITWISE,   /* scalar: bit by bit */
    USAGE_AND,       /* scalar: a bit that is a known 0 decides */
    USAGE_LOW_FIRST, /* 64 bits; the low word of the result depends on low words only */
    USAGE_PACKED,    /* two 32-bit halves, each from the halves that op_sel and op_sel_hi name */
    USAGE_MASKED,    /* lane by lane; the last source is a lane mask */
    USAGE_SELECT,    /* v_cndmask: only the chosen source counts */
    USAGE_LANE_READ, /* v_readlane, v_readfirstlane */
    USAGE_LANE_WRITE,
    USAGE_DEFINED /* results count as defined: loads, exchanges between lanes */
} sim_usage_flow;

typedef enum sim_usage_role {
    USAGE_SOURCE,
    USAGE_ADDRESS, /* of a memory access, or where a branch goes */
    USAGE_DATA,    /* of a store or atomic */
    USAGE_RESULT
} sim_usage_role;

typedef struct sim_usage_range {
    uint16_t reg;
    uint8_t count, role;
    bool vector;
    uint8_t operand; /* in sim_inst.ops; an implicit one: SIM_MAX_OPERANDS */
} sim_usage_range;

enum { USAGE_RANGES = SIM_MAX_OPERANDS + 2 };

/* The rules of check_hazard.c, a bit each, whose first or second an instruction can be. */
typedef struct sim_usage_hazard {
    uint64_t makes, takes;
    uint8_t passes; /* of a matrix instruction */
    bool dgemm;
} sim_usage_hazard;

typedef struct sim_usage {
    sim_usage_hazard hazard;
    uint8_t unit, flow, num;
    bool lane_local; /* a lane reads and writes its own elements only */
    bool flat, to_lds, atomic, branch, compare;
    sim_usage_range ranges[USAGE_RANGES];
} sim_usage;

void sim_usage_decode(const sim_inst *inst, sim_arch arch, sim_usage *out);

/* The hazard rules that concern an instruction, from the rest of what is known of it
 * (check_hazard.c). */
void sim_usage_hazards(const sim_inst *inst, sim_arch arch, sim_usage *usage);

/* Decodes a whole program, once; false without memory. */
bool sim_usage_prepare(sim_program *program);

/* The decoded form of an instruction of a program. */
const sim_usage *sim_usage_of(const sim_wave *w, const sim_inst *inst);

#endif
