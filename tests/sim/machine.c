#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

machine *machine_new(sim_arch arch, uint32_t lds_bytes)
{
    machine *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->w = aligned_alloc(64, sizeof *m->w);
    m->program = calloc(1, sizeof *m->program);
    assert_non_null(m->w);
    assert_non_null(m->program);
    memset(m->w, 0, sizeof *m->w);
    m->w->landings = malloc(SIM_MAX_LANDINGS * sizeof *m->w->landings);
    assert_non_null(m->w->landings);
    m->program->arch = arch;
    m->wg.lds = calloc(1, lds_bytes + 1);
    m->wg.lds_bytes = lds_bytes;
    m->wg.num_waves = 1;
    m->wg.waves = m->w;
    m->wg.error = &m->error;
    m->w->wg = &m->wg;
    m->w->program = m->program;
    m->w->arch = arch;
    m->w->mode = 0xf0;
    m->w->mode_default = true;
    machine_set_exec(m, ~0ull);
    return m;
}

void machine_free(machine *m)
{
    free(m->wg.lds);
    free(m->w->scratch);
    free(m->w->landings);
    free(m->w);
    sim_program_destroy(m->program);
    free(m);
}

void machine_scratch(machine *m, uint32_t bytes)
{
    m->w->scratch = calloc(SIM_LANES, bytes);
    m->w->scratch_bytes = bytes;
    assert_non_null(m->w->scratch);
}

void machine_uses(const sim_op *op)
{
    static FILE *file;
    const char *path = getenv("AITER_SIM_OPS_USED");
    if (op && path && (file || (file = fopen(path, "w"))))
        fprintf(file, "%s %s\n", op->name, op->form);
}

static void decode(machine *m, const char *text, const char *encoding, char *line, size_t size,
                   sim_inst *inst)
{
    char error[200] = "";
    snprintf(line, size, "\t%s // 000000000100: %s", text,
             encoding ? encoding : "00000000 00000000");
    if (sim_parse_line(m->program, line, inst, error, sizeof error))
        fail_msg("%s: %s", text, error);
}

static void execute(machine *m, const char *text, const char *encoding)
{
    char line[300];
    sim_inst inst;
    decode(m, text, encoding, line, sizeof line, &inst);
    machine_uses(inst.op);
    memset(&m->error, 0, sizeof m->error);
    m->w->state = SIM_RUNNING;
    inst.exec(m->w, &inst);
}

void machine_run(machine *m, const char *text, const char *encoding)
{
    execute(m, text, encoding);
    if (m->w->state == SIM_FAULTED)
        fail_msg("%s: lane %d: %s", text, m->error.lane, m->error.message);
}

void machine_wait(machine *m)
{
    machine_run(m, "s_waitcnt vmcnt(0)", "BF8C0F70");
    if (m->w->state == SIM_AT_WAIT)
        sim_landing_finish(m->w, m->w->vm_wait);
}

void machine_run_fault(machine *m, const char *text, int lane, const char *message)
{
    execute(m, text, NULL);
    assert_int_equal(m->w->state, SIM_FAULTED);
    assert_int_equal(m->error.lane, lane);
    if (!strstr(m->error.message, message))
        fail_msg("%s: \"%s\" does not contain \"%s\"", text, m->error.message, message);
    assert_string_equal(m->error.instruction, text);
}

bool machine_knows(sim_arch arch, const char *text)
{
    machine *m = machine_new(arch, 0);
    char line[300];
    sim_inst inst;
    decode(m, text, NULL, line, sizeof line, &inst);
    const bool known = inst.op != NULL;
    machine_free(m);
    return known;
}

void machine_set_exec(machine *m, uint64_t exec)
{
    sim_set_sreg64(m->w, SIM_EXEC, exec);
}

void machine_set_pair(machine *m, unsigned vgpr, unsigned lane, uint64_t value)
{
    m->w->v[vgpr][lane] = (uint32_t)value;
    m->w->v[vgpr + 1][lane] = (uint32_t)(value >> 32);
}

uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
