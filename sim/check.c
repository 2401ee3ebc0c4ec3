/* The checkers' options, their state per thread, and their instruction loop. */
#include "sim/check.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check_state.h"

/* ---- options ---- */

static const struct {
    const char *name;
    unsigned checks;
} names[] = {{"uninit", SIM_CHECK_UNINIT},
             {"wait", SIM_CHECK_WAIT},
             {"race", SIM_CHECK_RACE},
             {"barrier", SIM_CHECK_BARRIER},
             {"hazard", SIM_CHECK_HAZARD},
             {"nan", SIM_CHECK_NAN},
             {"inf", SIM_CHECK_INF},
             {"all", SIM_CHECK_UNINIT | SIM_CHECK_WAIT | SIM_CHECK_RACE | SIM_CHECK_BARRIER |
                         SIM_CHECK_HAZARD}};

static unsigned find_name(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
            return names[i].checks;
    return 0;
}

int sim_check_parse(const char *list, unsigned *checks, char *error, size_t size)
{
    *checks = 0;
    for (const char *p = list; *p;) {
        size_t length = strcspn(p, ",");
        unsigned found = find_name(p, length);
        if (!found) {
            snprintf(error, size,
                     "unknown check '%.*s'; expected uninit, wait, race, barrier, hazard, nan, "
                     "inf or all",
                     (int)length, p);
            return -1;
        }
        *checks |= found;
        p += length + (p[length] == ',');
    }
    return 0;
}

static struct {
    pthread_once_t once;
    int result;
    unsigned checks;
    char error[160];
} environment = {.once = PTHREAD_ONCE_INIT};

static void read_environment(void)
{
    const char *list = getenv("AITER_SIM_CHECK");

    if (list)
        environment.result = sim_check_parse(list, &environment.checks, environment.error,
                                             sizeof environment.error);
}

int sim_check_environment(unsigned *checks, char *error, size_t size)
{
    pthread_once(&environment.once, read_environment);
    *checks = environment.checks;
    if (environment.result && size)
        snprintf(error, size, "AITER_SIM_CHECK: %s", environment.error);
    return environment.result;
}

/* ---- findings ---- */

void sim_finding(sim_wave *w, const sim_inst *inst, int lane, uint64_t address, const char *format,
                 ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_fault(w, inst, lane, address, "%s", text);
    if (w->wg->error)
        w->wg->error->finding = true;
}

const char *sim_check_register(bool vector, unsigned reg, char text[16])
{
    static const struct {
        unsigned reg;
        const char *name;
    } specials[] = {{SIM_VCC, "vcc_lo"},   {SIM_VCC + 1, "vcc_hi"},   {SIM_M0, "m0"},
                    {SIM_EXEC, "exec_lo"}, {SIM_EXEC + 1, "exec_hi"}, {SIM_SCC, "scc"}};

    if (vector)
        snprintf(text, 16, "%c%u", reg < SIM_AGPR0 ? 'v' : 'a', reg % SIM_AGPR0);
    else
        snprintf(text, 16, "s%u", reg);
    for (size_t i = 0; !vector && i < sizeof specials / sizeof specials[0]; i++)
        if (specials[i].reg == reg)
            snprintf(text, 16, "%s", specials[i].name);
    return text;
}

/* ---- memory ---- */

static bool in_scratch(const sim_wave *w, uint64_t address)
{
    uint64_t base = (uint64_t)(uintptr_t)w->scratch;

    return w->scratch && address - base < (uint64_t)w->scratch_bytes * SIM_LANES;
}

static void global_write(sim_wave *w, const sim_inst *inst, int lane, uint64_t address,
                         unsigned size)
{
    const check_wave *cw = check_of(w);
    char name[16];

    if (lane >= 0 && cw->data_undefined >> lane & 1)
        sim_finding(w, inst, lane, address,
                    "uninit: stores %s to 0x%llx, but nothing wrote the register, or it was "
                    "computed from what nothing wrote",
                    sim_check_register(true, cw->data_reg, name), (unsigned long long)address);
    else
        sim_check_memory_written(address, size);
}

static void find_unwritten(sim_wave *w, const sim_inst *inst, int lane, uint64_t address,
                           unsigned size, bool write)
{
    uint64_t bad;

    if ((!write || w->check->current->atomic) && !sim_check_memory_ok(address, size, &bad))
        sim_finding(w, inst, lane, bad,
                    "uninit: reads %u bytes at 0x%llx; nothing wrote the byte at 0x%llx", size,
                    (unsigned long long)address, (unsigned long long)bad);
    else if (write)
        global_write(w, inst, lane, address, size);
}

static void global_access(sim_wave *w, const sim_inst *inst, int lane, uint64_t address,
                          unsigned size, bool write)
{
    unsigned checks = w->check->checks;

    if (in_scratch(w, address)) {
        if (checks & SIM_CHECK_UNINIT)
            sim_check_scratch_access(w, (unsigned)lane, address, size, write);
        return;
    }
    if (checks & SIM_CHECK_UNINIT)
        find_unwritten(w, inst, lane, address, size, write);
    if (checks & SIM_CHECK_RACE && w->wg->dispatch->global && w->state != SIM_FAULTED)
        sim_check_global_access(w, inst, lane, address, size, write);
}

static void access(sim_wave *w, const sim_inst *inst, bool lds, int lane, uint64_t address,
                   unsigned size, bool write)
{
    if (w->state == SIM_FAULTED)
        return;
    if (lds && w->check->checks & (SIM_CHECK_UNINIT | SIM_CHECK_WAIT | SIM_CHECK_RACE))
        sim_check_lds_access(w, inst, (unsigned)lane, (uint32_t)address, size, write);
    else if (!lds)
        global_access(w, inst, lane, address, size, write);
}

/* ---- state ---- */

#define MAX_WAVES 16

struct sim_check *sim_check_create(void)
{
    sim_check *check = calloc(1, sizeof *check);

    if (check)
        check->waves = malloc(MAX_WAVES * sizeof *check->waves);
    if (check && !check->waves) {
        free(check);
        return NULL;
    }
    return check;
}

void sim_check_destroy(struct sim_check *check)
{
    if (!check)
        return;
    free(check->waves);
    free(check->lds);
    free(check->scratch);
    free(check);
}

static bool reserve_lds(sim_check *check, size_t bytes)
{
    if (bytes > check->lds_size) {
        free(check->lds);
        check->lds = malloc(bytes * sizeof *check->lds);
        check->lds_size = check->lds ? bytes : 0;
    }
    return bytes <= check->lds_size;
}

static bool reserve_scratch(sim_check *check, size_t bits)
{
    size_t bytes = bits / 8;

    if (bytes > check->scratch_size) {
        free(check->scratch);
        check->scratch = malloc(bytes);
        check->scratch_size = check->scratch ? bytes : 0;
    }
    return bytes <= check->scratch_size;
}

int sim_check_begin(struct sim_check *check, sim_workgroup *wg, unsigned checks)
{
    size_t scratch = (size_t)wg->waves[0].scratch_bytes * SIM_LANES * wg->num_waves;

    check->checks = checks;
    check->page = NULL;
    if (!reserve_lds(check, wg->lds_bytes) || !reserve_scratch(check, scratch) ||
        !sim_usage_prepare((sim_program *)wg->dispatch->program))
        return -1;
    if (wg->lds_bytes)
        memset(check->lds, 0, wg->lds_bytes * sizeof *check->lds);
    if (scratch)
        memset(check->scratch, 0, scratch / 8);
    memset(check->waves, 0, wg->num_waves * sizeof *check->waves);
    for (unsigned i = 0; i < wg->num_waves; i++) {
        wg->waves[i].check = check;
        wg->waves[i].access = access;
        sim_check_uninit_begin(&wg->waves[i]);
    }
    return 0;
}

/* ---- barriers ---- */

/* The hardware lets waves pass without those that have ended; the programming model does not. */
void sim_check_barrier(sim_workgroup *wg)
{
    const sim_wave *ended = NULL;

    for (unsigned i = 0; i < wg->num_waves; i++)
        if (wg->waves[i].state == SIM_ENDED)
            ended = &wg->waves[i];
    for (unsigned i = 0; ended && i < wg->num_waves; i++) {
        sim_wave *w = &wg->waves[i];
        if (w->state != SIM_AT_BARRIER || !(w->check->checks & SIM_CHECK_BARRIER))
            continue;
        sim_finding(w, check_of(w)->barrier, -1, 0,
                    "barrier: the wave waits at its barrier number %u; wave %u has ended after %u "
                    "of them, with \"%s\" at 0x%llx",
                    check_of(w)->barriers, ended->index, check_of(ended)->barriers,
                    ended->next[-1].text, check_pc(ended, ended->next - 1));
        return;
    }
}

/* ---- the loop ---- */

static void before(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    unsigned checks = w->check->checks;

    w->check->current = c;
    w->check->access = 0;
    check_of(w)->data_undefined = 0;
    if (checks & SIM_CHECK_WAIT)
        sim_check_wait_before(w, inst, c);
    if (checks & SIM_CHECK_HAZARD && w->state == SIM_RUNNING)
        sim_check_hazard(w, inst, c);
    if (checks & SIM_CHECK_UNINIT && w->state == SIM_RUNNING)
        sim_check_uninit(w, inst, c);
    if (checks & (SIM_CHECK_NAN | SIM_CHECK_INF) && w->state == SIM_RUNNING)
        sim_check_nan_before(w, inst, c);
}

static void at_barrier(check_wave *cw, const sim_inst *inst, uint64_t vm_issued)
{
    cw->barriers++;
    cw->lds_settled = cw->lds_done;
    cw->vm_barrier_before = cw->vm_barrier;
    cw->vm_barrier = vm_issued;
    cw->barrier = inst;
}

static void after(sim_wave *w, const sim_inst *inst, const sim_usage *c)
{
    unsigned checks = w->check->checks;

    if (checks & (SIM_CHECK_WAIT | SIM_CHECK_RACE))
        sim_check_wait_after(w, inst, c);
    if (checks & SIM_CHECK_HAZARD)
        sim_check_hazard_issued(w, inst, c);
    if (checks & (SIM_CHECK_NAN | SIM_CHECK_INF))
        sim_check_nan_after(w, inst, c);
    if (checks & SIM_CHECK_UNINIT && w->scratch && c->unit == USAGE_VMEM)
        sim_check_scratch_loaded(w, c);
    if (w->state == SIM_AT_BARRIER)
        at_barrier(check_of(w), inst, w->vm_issued);
}

static void execute(sim_wave *w, const sim_inst *inst)
{
    if (w->mode_default)
        inst->exec(w, inst);
    else
        sim_step(w, inst);
}

static void checked_step(sim_wave *w, const sim_inst *inst)
{
    const sim_usage *c = sim_usage_of(w, inst);
    sim_usage indexed;
    sim_inst copy;

    if (w->mode & SIM_MODE_GPR_IDX_EN) { /* the registers are known only now */
        const sim_inst *real = sim_index_registers(w, inst, &copy);
        if (!real)
            return;
        sim_usage_decode(real, w->arch, &indexed);
        c = &indexed;
        before(w, real == inst ? inst : &copy, c);
    } else {
        before(w, inst, c);
    }
    if (w->state != SIM_RUNNING)
        return;
    execute(w, inst);
    if (w->state != SIM_FAULTED)
        after(w, inst, c);
}

void sim_check_run_wave(sim_wave *w, uint64_t max_instructions)
{
    uint64_t end = w->executed + max_instructions;

    while (w->state == SIM_RUNNING && w->executed < end) {
        const sim_inst *inst = w->next;
        w->next = inst + 1;
        w->executed++;
        if (inst->op)
            checked_step(w, inst);
        else
            execute(w, inst);
    }
}
