/* Inside of a decoded program; shared by the engine's own files only. */
#ifndef SIM_PROGRAM_H
#define SIM_PROGRAM_H

#include "sim/engine.h"
#include "sim/wave.h"

/* 64 copies of a constant's low dword, then 64 of its high dword. */
typedef struct sim_const_block {
    _Alignas(64) uint32_t lanes[2][SIM_LANES];
    uint64_t value;
} sim_const_block;

struct sim_program {
    sim_arch arch;
    uint64_t bias;  /* device address = ELF virtual address + bias */
    sim_inst *inst; /* count of them and a sentinel, which faults */
    size_t count;
    uint64_t first, end; /* device addresses of the code: [first, end) */
    uint32_t *index;     /* (address - first) / 4 -> instruction number + 1, 0: none starts there */
    char *text;          /* the disassembly, cut into strings that sim_inst.text points to */
    sim_const_block **consts;
    size_t num_consts, const_slots; /* open-addressed by value */
    sim_kernel *kernels;
    size_t num_kernels;
    struct sim_usage *usage;     /* usage.h, as many as instructions; NULL before it is needed */
    struct timing_inst *timing;  /* timing.h, likewise */
};

/* parse.c: one line of disassembly, "\tMNEMONIC OPERANDS MODIFIERS // ADDRESS: DWORD [DWORD...]".
 * Cuts the comment off the line and fills text, pc (still the ELF address), enc, size, and through
 * the tables everything else. An instruction that is not known gets an exec function that reports
 * it. Returns 0, or -1 with a message: the line is not an instruction line. */
int sim_parse_line(sim_program *program, char *line, sim_inst *inst, char *error,
                   size_t error_size);

/* program.c: the block of 64 copies of a constant; NULL without memory. */
const uint32_t *sim_program_const(sim_program *program, uint64_t value);

/* The instruction at a device address, NULL if none starts there. */
const sim_inst *sim_program_at(const sim_program *program, uint64_t address);

/* elf.c: fills program->kernels from the symbols NAME.kd. Returns 0, or -1 with a message. */
int sim_elf_kernels(sim_program *program, const void *elf, size_t size, char *error,
                    size_t error_size);

/* tables.c: the rows for a mnemonic in the tables of the best ISA level of this host; *count of
 * them. */
const sim_op *const *sim_find_ops(const char *name, size_t length, size_t *count);

/* wave.c */
void sim_exec_unknown(sim_wave *w, const sim_inst *inst);
void sim_run_wave(sim_wave *w, uint64_t max_instructions);

/* workgroup.c: sets up a workgroup's waves and LDS in the worker's buffers; runs nothing. Returns 0,
 * or -1 with *error filled. */
int sim_workgroup_prepare(sim_worker *worker, sim_workgroup *wg, const sim_dispatch *dispatch,
                          const uint32_t workgroup[3], sim_error *error);

/* Runs its waves to their ends, each for a while in turn, by sim_run_wave() or a function that does as
 * it does. Returns 0, or -1 after a fault. */
int sim_workgroup_run(sim_workgroup *wg, void (*run)(sim_wave *w, uint64_t max_instructions));

/* A fault if the wave has executed more than AITER_SIM_WAVE_LIMIT allows. */
void sim_check_wave_limit(sim_wave *w);

/* A copy of a vector instruction with the register numbers that MODE.GPR_IDX_EN means, or the
 * instruction itself. NULL after a fault. */
const sim_inst *sim_index_registers(sim_wave *w, const sim_inst *inst, sim_inst *copy);

/* Executes one instruction under the wave's MODE; the host's floating-point mode is the default one
 * afterwards. */
void sim_step(sim_wave *w, const sim_inst *inst);

#endif
