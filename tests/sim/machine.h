/* A wave to run single instructions on, written as LLVM's disassembler prints them. */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include "sim/engine.h"
#include "sim/landing.h"
#include "sim/program.h"

typedef struct machine {
    sim_wave *w;
    sim_program *program;
    sim_workgroup wg;
    sim_error error;
} machine;

/* One wave with all lanes on and lds_bytes of zeroed LDS, on the tables of the best ISA level of
 * the host (or of AITER_SIM_ISA). Registers are zero. */
machine *machine_new(sim_arch arch, uint32_t lds_bytes);
void machine_free(machine *m);

/* Gives the wave zeroed scratch of so many bytes per lane. */
void machine_scratch(machine *m, uint32_t bytes);

/* A test runs this row of the tables: written to the file that AITER_SIM_OPS_USED names (if any),
 * for test_ops_covered. */
void machine_uses(const sim_op *op);

/* Decodes and executes one instruction. encoding: its dwords in hex, as in the disassembly's
 * comment; NULL where nothing depends on it. The test fails if the instruction is not known or does
 * not fit the arch. */
void machine_run(machine *m, const char *text, const char *encoding);

/* s_waitcnt vmcnt(0). */
void machine_wait(machine *m);

/* machine_run(), but the instruction must stop the wave with a fault whose message contains
 * `message`, for this lane. */
void machine_run_fault(machine *m, const char *text, int lane, const char *message);

/* Whether the arch knows the instruction. */
bool machine_knows(sim_arch arch, const char *text);

void machine_set_exec(machine *m, uint64_t exec);
void machine_set_pair(machine *m, unsigned vgpr, unsigned lane, uint64_t value);

/* A small deterministic generator. */
uint32_t next_random(uint32_t *state);

#endif
