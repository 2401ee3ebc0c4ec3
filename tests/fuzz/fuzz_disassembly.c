/* The parser of disassembly on arbitrary text, for each arch, and what the checkers make of each
 * instruction that it accepts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/usage.h"
#include "sim/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

static void check_operands(const sim_inst *inst)
{
    require(inst->num_ops <= SIM_MAX_OPERANDS && inst->exec != NULL);
    for (unsigned i = 0; inst->op && i < inst->num_ops; i++) {
        const sim_operand *o = &inst->ops[i];
        require(o->kind != SIM_VGPR || o->reg + o->width <= SIM_VGPRS);
        require(o->kind != SIM_SGPR || o->reg + o->width <= SIM_SREGS);
        require(o->kind != SIM_CONST || o->lanes != NULL);
    }
}

static void check_ranges(const sim_usage *c)
{
    require(c->num <= USAGE_RANGES);
    for (unsigned i = 0; i < c->num; i++)
        require(c->ranges[i].reg + c->ranges[i].count <=
                (c->ranges[i].vector ? (unsigned)SIM_VGPRS : (unsigned)SIM_SREGS));
}

static void parse(sim_program *program, char *line)
{
    sim_inst inst;
    sim_usage c;
    char error[256] = "";

    memset(&inst, 0, sizeof inst);
    if (sim_parse_line(program, line, &inst, error, sizeof error)) {
        require(error[0] != 0);
        return;
    }
    check_operands(&inst);
    if (!inst.op)
        return;
    sim_usage_decode(&inst, program->arch, &c);
    check_ranges(&c);
}

/* The first byte chooses the arch, the rest are lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sim_program *program = calloc(1, sizeof *program);
    char *text = malloc(size + 1);

    if (program && text && size) {
        memcpy(text, data, size);
        text[size] = 0;
        program->arch = (sim_arch)(data[0] % 3);
        for (char *line = text + 1, *next; line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = 0;
            parse(program, line);
        }
    }
    free(text);
    sim_program_destroy(program);
    return 0;
}
