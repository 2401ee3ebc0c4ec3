/* Scratch: a bit for each byte that says whether a defined value is there. Compilers spill and
 * reload undefined registers legally, so a load from bytes without one is no finding: what it loads
 * is undefined, and that is reported where it matters (check_uninit.c). */
#include <string.h>

#include "sim/check_state.h"

static bool stored_defined(const sim_wave *w, const sim_usage *c, unsigned word, unsigned lane)
{
    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        if (r->role == USAGE_DATA && word < r->count)
            return check_of(w)->vdef[r->reg + word] >> lane & 1;
    }
    return true;
}

void sim_check_scratch_access(sim_wave *w, unsigned lane, uint64_t address, unsigned size,
                              bool write)
{
    check_wave *cw = check_of(w);
    uint64_t bit = (uint64_t)w->index * w->scratch_bytes * SIM_LANES + address -
                   (uint64_t)(uintptr_t)w->scratch;
    unsigned word = cw->moved[lane] / 4;
    bool defined = !write || stored_defined(w, w->check->current, word, lane);

    cw->moved[lane] = (uint8_t)(cw->moved[lane] + size);
    for (unsigned i = 0; i < size; i++, bit++) {
        uint8_t *byte = &w->check->scratch[bit / 8], mask = (uint8_t)(1u << bit % 8);
        if (!write)
            defined &= (*byte & mask) != 0;
        else
            *byte = (uint8_t)(defined ? *byte | mask : *byte & ~mask);
    }
    if (!write && !defined)
        cw->undefined_loads[word] |= 1ull << lane;
}

void sim_check_scratch_loaded(sim_wave *w, const sim_usage *c)
{
    check_wave *cw = check_of(w);

    for (unsigned i = 0; i < c->num; i++) {
        const sim_usage_range *r = &c->ranges[i];
        for (unsigned k = 0; r->role == USAGE_RESULT && k < r->count && k < 4; k++)
            cw->vdef[r->reg + k] &= ~cw->undefined_loads[k];
    }
    memset(cw->undefined_loads, 0, sizeof cw->undefined_loads);
    memset(cw->moved, 0, sizeof cw->moved);
}
