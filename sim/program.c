/* A code object's text, decoded once. */
#include "sim/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- constants ---- */

static size_t const_slot(const sim_program *program, uint64_t value)
{
    size_t slot = (size_t)(value * 0x9e3779b97f4a7c15u >> 20) & (program->const_slots - 1);

    while (program->consts[slot] && program->consts[slot]->value != value)
        slot = (slot + 1) & (program->const_slots - 1);
    return slot;
}

static int grow_consts(sim_program *program)
{
    sim_const_block **old = program->consts;
    size_t old_slots = program->const_slots;
    size_t slots = old_slots ? 2 * old_slots : 256;
    sim_const_block **grown = calloc(slots, sizeof *grown);

    if (!grown)
        return -1;
    program->consts = grown;
    program->const_slots = slots;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i])
            grown[const_slot(program, old[i]->value)] = old[i];
    free(old);
    return 0;
}

const uint32_t *sim_program_const(sim_program *program, uint64_t value)
{
    if (2 * program->num_consts >= program->const_slots && grow_consts(program))
        return NULL;
    size_t slot = const_slot(program, value);
    if (!program->consts[slot]) {
        sim_const_block *block = aligned_alloc(64, sizeof *block);
        if (!block)
            return NULL;
        block->value = value;
        for (unsigned l = 0; l < SIM_LANES; l++) {
            block->lanes[0][l] = (uint32_t)value;
            block->lanes[1][l] = (uint32_t)(value >> 32);
        }
        program->consts[slot] = block;
        program->num_consts++;
    }
    return program->consts[slot]->lanes[0];
}

/* ---- building ---- */

static int parse_arch(const char *name, sim_arch *arch)
{
    static const char *const names[] = {"gfx90a", "gfx942", "gfx950"};
    size_t n = strcspn(name, ":");

    for (unsigned i = 0; i < 3; i++) {
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0) {
            *arch = (sim_arch)i;
            return 0;
        }
    }
    return -1;
}

/* Labels and headings start in the first column, instructions are indented. */
static bool is_instruction(const char *line)
{
    return (line[0] == '\t' || line[0] == ' ') && line[strspn(line, " \t\r")] != 0;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;

    for (; (text = strchr(text, '\n')); text++) n++;
    return n;
}

static int parse_text(sim_program *program, char *error, size_t error_size)
{
    size_t line_number = 1;
    char message[256];

    for (char *line = program->text, *next; line; line = next, line_number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (!is_instruction(line))
            continue;
        if (sim_parse_line(program, line, &program->inst[program->count], message,
                           sizeof message)) {
            snprintf(error, error_size, "disassembly line %zu: %s", line_number, message);
            return -1;
        }
        program->inst[program->count++].pc += program->bias;
    }
    if (!program->count) {
        snprintf(error, error_size, "the disassembly holds no instructions");
        return -1;
    }
    return 0;
}

static void off_the_end(sim_wave *w, const sim_inst *inst)
{
    sim_fault(w, inst, -1, 0, "execution ran past the last instruction of the code object");
}

/* Address -> instruction. Instructions come in ascending order; anything else is not LLVM's text.
 */
static int build_index(sim_program *program, char *error, size_t error_size)
{
    const uint64_t limit = 1u << 28;
    sim_inst *last = &program->inst[program->count - 1];

    program->first = program->inst[0].pc;
    program->end = last->pc + last->size;
    if (program->end - program->first > limit || program->end <= program->first) {
        snprintf(error, error_size, "code spans 0x%llx..0x%llx, at most 256 MiB expected",
                 (unsigned long long)program->first, (unsigned long long)program->end);
        return -1;
    }
    program->index = calloc((program->end - program->first) / 4 + 1, sizeof *program->index);
    if (!program->index) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < program->count; i++) {
        const sim_inst *inst = &program->inst[i];
        if (inst->pc % 4 || (i && inst->pc < inst[-1].pc + inst[-1].size) ||
            inst->pc >= program->end) {
            snprintf(error, error_size, "instruction address 0x%llx is out of order",
                     (unsigned long long)(inst->pc - program->bias));
            return -1;
        }
        program->index[(inst->pc - program->first) / 4] = (uint32_t)i + 1;
    }
    program->inst[program->count] = (sim_inst){.exec = off_the_end, .text = "", .pc = program->end};
    return 0;
}

/* SOPP and SOPK branches: the target is the next instruction plus four times the signed 16-bit
 * immediate. */
static void link_branches(sim_program *program)
{
    for (size_t i = 0; i < program->count; i++) {
        sim_inst *inst = &program->inst[i];
        uint32_t top = (uint32_t)inst->enc >> 23; /* SOPP: 0x17f, SOPK: 1011 and opcode */
        bool branch = top == 0x17f || ((uint32_t)inst->enc >> 28) == 0xb;
        if (branch)
            inst->target =
                sim_program_at(program, inst->pc + 4 + (uint64_t)((int64_t)(int16_t)inst->enc * 4));
    }
}

int sim_program_build(sim_program **out, const char *arch, const void *elf, size_t elf_size,
                      uint64_t load_bias, const char *disassembly, char *error, size_t error_size)
{
    sim_program *program = calloc(1, sizeof *program);

    *out = NULL;
    if (!program) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    program->bias = load_bias;
    if (parse_arch(arch, &program->arch)) {
        snprintf(error, error_size,
                 "arch \"%.40s\" is not simulated: gfx90a, gfx942 or gfx950 expected", arch);
        goto fail;
    }
    program->text = strdup(disassembly);
    program->inst = calloc(count_lines(disassembly) + 1, sizeof *program->inst);
    if (!program->text || !program->inst) {
        snprintf(error, error_size, "out of memory");
        goto fail;
    }
    if (parse_text(program, error, error_size) || build_index(program, error, error_size) ||
        sim_elf_kernels(program, elf, elf_size, error, error_size))
        goto fail;
    link_branches(program);
    *out = program;
    return 0;
fail:
    sim_program_destroy(program);
    return -1;
}

void sim_program_destroy(sim_program *program)
{
    if (!program)
        return;
    for (size_t i = 0; i < program->const_slots; i++) free(program->consts[i]);
    free(program->consts);
    free(program->kernels);
    free(program->usage);
    free(program->timing);
    free(program->index);
    free(program->inst);
    free(program->text);
    free(program);
}

/* ---- questions ---- */

const sim_inst *sim_program_at(const sim_program *program, uint64_t address)
{
    if (address < program->first || address >= program->end || address % 4)
        return NULL;
    uint32_t n = program->index[(address - program->first) / 4];
    return n ? &program->inst[n - 1] : NULL;
}

sim_arch sim_program_arch(const sim_program *program)
{
    return program->arch;
}

size_t sim_program_size(const sim_program *program)
{
    return program->count;
}

const sim_kernel *sim_program_kernel(const sim_program *program, const char *name)
{
    for (size_t i = 0; i < program->num_kernels; i++)
        if (strcmp(program->kernels[i].name, name) == 0)
            return &program->kernels[i];
    return NULL;
}
