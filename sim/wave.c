/* The instruction loop of one wave, and fault reports. */
#include <fenv.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "sim/program.h"

void sim_fault(sim_wave *w, const sim_inst *inst, int lane, uint64_t address, const char *format,
               ...)
{
    sim_error *e = w->wg->error;
    va_list args;

    w->state = SIM_FAULTED;
    if (!e || e->message[0])
        return;
    va_start(args, format);
    vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    if (w->wg->dispatch && w->wg->dispatch->kernel)
        snprintf(e->kernel, sizeof e->kernel, "%s", w->wg->dispatch->kernel->name);
    if (inst) {
        snprintf(e->instruction, sizeof e->instruction, "%s", inst->text ? inst->text : "");
        e->pc = inst->pc;
        e->code_offset = inst->pc - (w->program ? w->program->bias : 0);
    }
    e->address = address;
    e->lane = lane;
    e->wave = w->index;
    memcpy(e->workgroup, w->wg->id, sizeof e->workgroup);
}

void sim_error_format(const sim_error *error, char *text, size_t size)
{
    char lane[32] = "";

    if (error->lane >= 0)
        snprintf(lane, sizeof lane, " lane %d", error->lane);
    snprintf(text, size, "kernel %s, workgroup (%u,%u,%u) wave %u%s: \"%s\" at 0x%llx: %s",
             error->kernel, error->workgroup[0], error->workgroup[1], error->workgroup[2],
             error->wave, lane, error->instruction, (unsigned long long)error->code_offset,
             error->message);
}

void sim_exec_unknown(sim_wave *w, const sim_inst *inst)
{
    static const char *const arch_names[] = {"gfx90a", "gfx942", "gfx950"};

    sim_fault(w, inst, -1, 0,
              inst->bad_form ? "instruction \"%s\": operands or modifiers not supported on %s"
                             : "unknown instruction \"%s\" on %s",
              inst->text, arch_names[w->arch]);
}

#if defined(__x86_64__)
/* Host mode for one instruction. MODE holds rounding and denormal fields for f32 (SP) and for f64
 * and f16 (DP): ISA guide, "MODE register". Denormal field: bit 0 keeps inputs, bit 1 keeps
 * outputs. */
static void set_host_mode(uint32_t mode, unsigned fp_class)
{
    static const unsigned rounding[] = {_MM_ROUND_NEAREST, _MM_ROUND_UP, _MM_ROUND_DOWN,
                                        _MM_ROUND_TOWARD_ZERO};
    unsigned shift = fp_class == SIM_FP_DP ? 2 : 0;
    unsigned denorm = mode >> (4 + shift) & 3;
    unsigned csr = 0x1f80 | rounding[mode >> shift & 3];

    if (!(denorm & 1))
        csr |= 0x40; /* DAZ */
    if (!(denorm & 2))
        csr |= 0x8000; /* FTZ */
    _mm_setcsr(csr);
}
#else
static void set_host_mode(uint32_t mode, unsigned fp_class)
{
    static const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

    fesetround(rounding[mode >> (fp_class == SIM_FP_DP ? 2 : 0) & 3]);
}
#endif

/* MODE.GPR_IDX_EN: a copy of a vector instruction with M0[7:0] added to the numbers of the VGPRs
 * that M0[15:12] selects (ISA guide, "VGPR Indexing"). Returns NULL after a fault. */
const sim_inst *sim_index_registers(sim_wave *w, const sim_inst *inst, sim_inst *copy)
{
    const char *form = inst->op ? inst->op->form : "";
    unsigned select = w->s[SIM_M0] >> 12 & 15, offset = w->s[SIM_M0] & 0xff, source = 0;

    if (!inst->op || inst->op->name[0] != 'v')
        return inst;
    *copy = *inst;
    for (unsigned i = 0; i < inst->num_ops; i++) {
        sim_operand *o = &copy->ops[i];
        bool chosen = *form == 'D' ? select & 8 : *form == 'S' && select >> source & 1;
        source += *form == 'S';
        form += strcspn(form, " ");
        form += *form == ' ';
        if (o->kind != SIM_VGPR || !chosen)
            continue;
        if (o->reg % SIM_AGPR0 + offset + o->width > SIM_AGPR0) {
            sim_fault(w, inst, -1, 0, "indexed register v%u + %u does not exist",
                      o->reg % SIM_AGPR0, offset);
            return NULL;
        }
        o->reg = (uint16_t)(o->reg + offset);
    }
    return copy;
}

void sim_step(sim_wave *w, const sim_inst *inst)
{
    sim_inst copy;

    if (inst->fp_class != SIM_FP_NONE)
        set_host_mode(w->mode, inst->fp_class);
    if (w->mode & SIM_MODE_GPR_IDX_EN)
        inst = sim_index_registers(w, inst, &copy);
    if (inst)
        inst->exec(w, inst);
    set_host_mode(0xf0, SIM_FP_SP);
}

static void run_default_mode(sim_wave *w, uint64_t end)
{
    while (w->state == SIM_RUNNING && w->mode_default && w->executed < end) {
        const sim_inst *inst = w->next;
        w->next = inst + 1;
        w->executed++;
        inst->exec(w, inst);
    }
}

static void run_other_mode(sim_wave *w, uint64_t end)
{
    while (w->state == SIM_RUNNING && !w->mode_default && w->executed < end) {
        const sim_inst *inst = w->next;
        w->next = inst + 1;
        w->executed++;
        sim_step(w, inst);
    }
}

void sim_run_wave(sim_wave *w, uint64_t max_instructions)
{
    uint64_t end = w->executed + max_instructions;

    while (w->state == SIM_RUNNING && w->executed < end) {
        if (w->mode_default)
            run_default_mode(w, end);
        else
            run_other_mode(w, end);
    }
}
