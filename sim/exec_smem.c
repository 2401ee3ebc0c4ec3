/* Scalar memory: s_load, s_buffer_load, s_store and the clocks.
 * Address rules: CDNA3 ISA guide, "Scalar Memory Operations". */
#include "sim/memory.h"
#include "sim/wave.h"

#include <string.h>

/* Register offset of the address: a number, an SGPR, and (with an SGPR) offset:N. */
static int64_t address_offset(const sim_wave *w, const sim_inst *in)
{
    const sim_operand *o = &in->ops[2];

    if (in->num_ops < 3)
        return in->offset;
    if (o->kind == SIM_SGPR)
        return (int64_t)w->s[o->reg] + in->offset;
    return (int64_t)o->value + in->offset;
}

static void load(sim_wave *w, const sim_inst *in, uint64_t address, unsigned bytes)
{
    /* Whole dwords are read, so the last one may reach past the end of an allocation. */
    address &= ~3ull;
    if (!sim_mem_ok(address, bytes - 3, false)) {
        sim_fault(w, in, -1, address,
                  "scalar load of %u bytes at 0x%llx is outside of every allocation", bytes,
                  (unsigned long long)address);
        return;
    }
    sim_note(w, in, false, -1, address, bytes, false);
    memcpy(&w->s[in->ops[0].reg], (const void *)(uintptr_t)address, bytes);
}

/* aux: dwords */
static void s_load(sim_wave *w, const sim_inst *in)
{
    load(w, in, sim_sreg64(w, in->ops[1].reg) + (uint64_t)address_offset(w, in), 4 * in->aux);
}

static void s_store(sim_wave *w, const sim_inst *in)
{
    uint64_t address = (sim_sreg64(w, in->ops[1].reg) + (uint64_t)address_offset(w, in)) & ~3ull;

    if (!sim_mem_ok(address, 4 * in->aux, true)) {
        sim_fault(w, in, -1, address,
                  "scalar store of %u bytes at 0x%llx is outside of every allocation", 4 * in->aux,
                  (unsigned long long)address);
        return;
    }
    sim_note(w, in, false, -1, address, 4 * in->aux, true);
    memcpy((void *)(uintptr_t)address, &w->s[in->ops[0].reg], 4 * in->aux);
}

/* Reads dwords of a buffer; those beyond num_records (bytes, or stride * records) are zero. */
static void s_buffer_load(sim_wave *w, const sim_inst *in)
{
    const uint32_t *r = &w->s[in->ops[1].reg];
    uint64_t base = (r[0] | (uint64_t)(r[1] & 0xffff) << 32) & ~3ull, stride = r[1] >> 16 & 0x3fff;
    uint64_t size = stride ? stride * r[2] : r[2];
    uint64_t offset = (uint64_t)address_offset(w, in) & ~3ull;
    uint64_t valid = offset >= size ? 0 : (size - offset) / 4;
    unsigned dwords = in->aux, first = in->ops[0].reg;

    if (valid > dwords)
        valid = dwords;
    if (valid)
        load(w, in, base + offset, (unsigned)(4 * valid));
    for (unsigned i = (unsigned)valid; i < dwords; i++) w->s[first + i] = 0;
}

/* The clock is the wave's instruction count: reproducible, and it grows. */
static void clock_read(sim_wave *w, const sim_inst *in)
{
    sim_set_sreg64(w, in->ops[0].reg, 4 * w->executed);
}

static void nothing(sim_wave *w, const sim_inst *in)
{
    (void)w, (void)in;
}

#define LOADS(suffix, type, n)                                                                     \
    {"s_load_" suffix, "D" type " Sb64 Sb32", s_load, .aux = n},                                   \
    {                                                                                              \
        "s_buffer_load_" suffix, "D" type " Sb128 Sb32", s_buffer_load, .aux = n                   \
    }
#define STORE(suffix, type, n)                                                                     \
    {                                                                                              \
        "s_store_" suffix, "S" type " Sb64 Sb32", s_store, .aux = n                                \
    }

const sim_op SIM_TABLE(smem)[] = {LOADS("dword", "b32", 1),
                                  LOADS("dwordx2", "b64", 2),
                                  LOADS("dwordx4", "b128", 4),
                                  LOADS("dwordx8", "b256", 8),
                                  LOADS("dwordx16", "b512", 16),
                                  STORE("dword", "b32", 1),
                                  STORE("dwordx2", "b64", 2),
                                  STORE("dwordx4", "b128", 4),
                                  {"s_memtime", "Db64", clock_read},
                                  {"s_memrealtime", "Db64", clock_read},
                                  {"s_dcache_inv", "", nothing},
                                  {"s_dcache_wb", "", nothing},
                                  {"s_dcache_inv_vol", "", nothing},
                                  {"s_dcache_wb_vol", "", nothing},
                                  {"s_dcache_discard", "Sb64 Sb32", nothing},
                                  {"s_dcache_discard_x2", "Sb64 Sb32", nothing},
                                  {0}};
