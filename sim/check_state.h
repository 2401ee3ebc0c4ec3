/* What the checkers know of a workgroup; shared by sim/check*.c only. */
#ifndef SIM_CHECK_STATE_H
#define SIM_CHECK_STATE_H

#include "sim/check.h"
#include "sim/landing.h"
#include "sim/usage.h"

/* ---- state ---- */

/* What fills a register. */
enum { FILL_NONE, FILL_VM, FILL_LDS, FILL_SMEM };

typedef struct check_fill {
    uint64_t number; /* of the instruction among those of its kind */
    uint64_t lanes;
    const sim_inst *inst;
    uint8_t kind;
} check_fill;

/* An instruction that a hazard rule begins with. */
typedef struct check_issued {
    const sim_inst *inst;
    sim_usage c;
    uint64_t end; /* check_wave.wait_states behind it */
} check_issued;

/* No rule asks for more wait states than that, and so no older instruction matters. */
enum { CHECK_HAZARD_STATES = 20, CHECK_ISSUED = 32 };

typedef struct check_wave {
    /* uninit: a bit per lane of a VGPR, per bit of an SGPR */
    uint64_t vdef[SIM_VGPRS];
    uint32_t sdef[SIM_SREGS];
    uint64_t undefined_loads[4]; /* by word of the result: lanes that loaded it from scratch */
    uint8_t moved[SIM_LANES];    /* bytes of scratch that a lane's access has come to */
    uint64_t data_undefined; /* lanes whose store data the current instruction has not defined */
    unsigned data_reg;
    /* wait */
    check_fill vfill[SIM_VGPRS], sfill[SIM_SREGS];
    uint64_t lds_issued, vm_done, lds_done, smem_issued, smem_done;
    uint64_t lds_settled; /* lds_done at the last barrier */
    uint64_t vm_barrier, vm_barrier_before; /* vm_issued at the last barrier, at the one before */
    unsigned barriers; /* passed or reached */
    const sim_inst *barrier;
    /* hazard */
    check_issued issued[CHECK_ISSUED]; /* a ring */
    uint64_t num_issued, wait_states;
    /* nan, inf: lanes with one in a source */
    uint64_t source_nan, source_inf;
} check_wave;

/* One byte of LDS: the last write, and the last reads of two different waves. Epochs count from 1;
 * 0 means none. */
typedef struct check_access {
    const sim_inst *inst;
    uint32_t epoch;
    uint8_t wave, lane;
    bool atomic;
    uint64_t number; /* of a DS instruction; 0: another one */
} check_access;

typedef struct check_byte {
    check_access write, read, other_read;
    uint64_t landing; /* number of the load to LDS that is under way to it in write.wave, or 0 */
    bool written;
} check_byte;

typedef struct sim_check {
    unsigned checks;
    check_wave *waves; /* one per wave of the largest workgroup */
    check_byte *lds;
    size_t lds_size;
    uint8_t *scratch; /* a bit for each byte of the waves' scratch: defined */
    size_t scratch_size;
    const sim_usage *current;
    uint32_t access; /* of the current instruction (check_global.c) */
    struct check_page *page; /* the last one used */
    uint64_t page_number;
} sim_check;

static inline check_wave *check_of(const sim_wave *w)
{
    return &w->check->waves[w->index];
}

/* Stops the kernel with a finding. */
void sim_finding(sim_wave *w, const sim_inst *inst, int lane, uint64_t address, const char *format,
                 ...) __attribute__((format(printf, 5, 6), cold));

/* Offset of an instruction in its code object, as reports print it. */
static inline unsigned long long check_pc(const sim_wave *w, const sim_inst *inst)
{
    return (unsigned long long)(inst->pc - w->program->bias);
}

/* "v12", "a3", "s7", "vcc_lo" ...; text has 16 bytes. */
const char *sim_check_register(bool vector, unsigned reg, char text[16]);

/* check_uninit.c */
void sim_check_uninit_begin(sim_wave *w);
void sim_check_uninit(sim_wave *w, const sim_inst *inst, const sim_usage *c); /* before it runs */

/* check_wait.c */
void sim_check_wait_before(sim_wave *w, const sim_inst *inst, const sim_usage *c);
void sim_check_wait_after(sim_wave *w, const sim_inst *inst, const sim_usage *c);

/* check_scratch.c: a piece of an access that lies in one dword of the wave's scratch. */
void sim_check_scratch_access(sim_wave *w, unsigned lane, uint64_t address, unsigned size,
                              bool write);
void sim_check_scratch_loaded(sim_wave *w, const sim_usage *c); /* after the instruction */

/* check_global.c */
void sim_check_global_access(sim_wave *w, const sim_inst *inst, int lane, uint64_t address,
                             unsigned size, bool write);

/* check_hazard.c */
void sim_check_hazard(sim_wave *w, const sim_inst *inst, const sim_usage *c); /* before it runs */
void sim_check_hazard_issued(sim_wave *w, const sim_inst *inst, const sim_usage *c);

/* check_nan.c */
void sim_check_nan_before(sim_wave *w, const sim_inst *inst, const sim_usage *c);
void sim_check_nan_after(sim_wave *w, const sim_inst *inst, const sim_usage *c);

/* check_lds.c */
void sim_check_lds_access(sim_wave *w, const sim_inst *inst, unsigned lane, uint32_t address,
                          unsigned size, bool write);

#endif
