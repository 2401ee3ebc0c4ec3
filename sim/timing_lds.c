/* LDS: a wave's lanes access it in phases, sets of lanes; in a phase every bank delivers one dword a
 * cycle, so a phase takes as many cycles as the most wanted bank has different dwords to deliver.
 * Lanes that want the same dword share it (ISA guides, "LDS Access"). */
#include <string.h>

#include "sim/timing_cu.h"

/* Dwords that one phase has asked each bank for. */
typedef struct banks {
    unsigned count; /* of banks */
    uint8_t wanted[64];
    uint32_t dword[64][SIM_LANES * 4 / 2];
} banks;

static void want(banks *b, uint32_t dword)
{
    unsigned bank = dword % b->count, n = b->wanted[bank];

    for (unsigned i = 0; i < n; i++)
        if (b->dword[bank][i] == dword)
            return;
    b->dword[bank][n] = dword;
    b->wanted[bank]++;
}

static unsigned phase_cycles(banks *b, const timing_access *const *part, uint64_t lanes)
{
    unsigned most = 0;

    memset(b->wanted, 0, b->count);
    for (unsigned l = 0; l < SIM_LANES; l++) {
        if (!(lanes >> l & 1) || !part[l])
            continue;
        uint32_t first = (uint32_t)part[l]->address / 4;
        uint32_t last = (uint32_t)(part[l]->address + part[l]->size - 1) / 4;
        for (uint32_t d = first; d <= last; d++) want(b, d);
    }
    for (unsigned i = 0; i < b->count; i++)
        most = b->wanted[i] > most ? b->wanted[i] : most;
    return most;
}

/* Every lane's n-th access. */
static unsigned part_cycles(const timing_arch *arch, const timing_access *const *part,
                            unsigned size, bool write, unsigned *conflicts)
{
    const timing_phases *p = (write ? arch->lds_write : arch->lds_read) +
                             (size <= 4 ? 0 : size <= 8 ? 1 : 2);
    unsigned cycles = 0;
    banks b = {.count = p->banks};

    for (unsigned i = 0; i < p->count; i++) {
        unsigned n = phase_cycles(&b, part, p->lanes[i]);
        cycles += n ? n : 1; /* a phase without active lanes is gone through all the same */
        *conflicts += n > 1 ? n - 1 : 0;
    }
    return cycles;
}

unsigned timing_lds_cycles(const timing_arch *arch, const timing_accesses *a, unsigned *conflicts)
{
    const timing_access *part[SIM_LANES];
    unsigned cycles = 0, next = 0;

    *conflicts = 0;
    while (next < a->count) {
        unsigned size = a->at[next].size;
        bool write = a->at[next].write;
        int last = -1;
        memset(part, 0, sizeof part);
        for (; next < a->count && a->at[next].lane > last; next++) {
            last = a->at[next].lane;
            part[last] = &a->at[next];
        }
        cycles += part_cycles(arch, part, size, write, conflicts);
    }
    /* Exchanges between lanes touch no bank, but go through the same crossbar. */
    return a->count ? cycles : 4 * SIM_LANES / arch->lds_write_bytes;
}
