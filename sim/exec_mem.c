/* Memory instructions: FLAT, GLOBAL, SCRATCH and MUBUF, with their direct-to-LDS forms.
 *
 * Device addresses are host addresses. Every access must lie inside a live allocation
 * (sim/memory.h), in LDS or in the wave's scratch; otherwise the kernel stops. Any alignment is
 * fine for loads and stores (the driver enables unaligned access on these archs); atomics must be
 * aligned to their size. Cache control bits (glc, slc, sc0, sc1, nt) do not change values, except
 * that glc/sc0 asks a buffer atomic for the old value. */
#include "sim/atomic.h"
#include "sim/landing.h"
#include "sim/memory.h"
#include "sim/transfer.h"

/* aux of loads and stores: dwords << 8, or how a byte or short is moved (sim/transfer.h) */
#define DWORDS(n) ((n) << 8)

static inline unsigned access_size(uint32_t aux)
{
    return aux >> 8 ? (aux >> 8) * 4 : aux & BYTES;
}

/* ---- the three memories ---- */

typedef enum space { GLOBAL, LDS, SCRATCH } space;

static bool in_scratch(const sim_wave *w, uint64_t address, uint64_t size)
{
    const uint64_t lo = (uint64_t)(uintptr_t)w->scratch,
                   bytes = (uint64_t)w->scratch_bytes * SIM_LANES;
    return w->scratch && address >= lo && address - lo <= bytes && size <= bytes - (address - lo);
}

static inline bool global_ok(const sim_wave *w, uint64_t address, uint64_t size, bool write)
{
    return sim_mem_ok(address, size, write) || in_scratch(w, address, size);
}

static __attribute__((cold)) void global_fault(sim_wave *w, const sim_inst *inst, unsigned lane,
                                               uint64_t address, unsigned size, bool write)
{
    const char *what = write ? "store of" : "load of";
    if (write && global_ok(w, address, size, false))
        sim_fault(w, inst, (int)lane, address, "%s %u bytes at 0x%llx: the allocation is read-only",
                  what, size, (unsigned long long)address);
    else
        sim_fault(w, inst, (int)lane, address, "%s %u bytes at 0x%llx: not inside one allocation",
                  what, size, (unsigned long long)address);
}

/* Byte o of a lane's scratch. */
static inline uint8_t *scratch_byte(const sim_wave *w, unsigned lane, uint64_t o)
{
    return w->scratch + o / 4 * (SIM_LANES * 4) + lane * 4 + o % 4;
}

/* The checkers see scratch as the memory that it is, dword by dword. */
static void note_scratch(sim_wave *w, const sim_inst *inst, unsigned lane, uint64_t o,
                         unsigned size, bool write)
{
    for (unsigned n; w->access && size; o += n, size -= n) {
        n = 4 - o % 4 < size ? 4 - (unsigned)(o % 4) : size;
        const uint64_t address = (uint64_t)(uintptr_t)scratch_byte(w, lane, o);
        sim_note(w, inst, false, (int)lane, address, n, write);
    }
}

static bool lane_ok(sim_wave *w, const sim_inst *inst, space where, unsigned lane, uint64_t address,
                    unsigned size, bool write)
{
    if (where == GLOBAL) {
        if (global_ok(w, address, size, write)) {
            sim_note(w, inst, false, (int)lane, address, size, write);
            return true;
        }
        global_fault(w, inst, lane, address, size, write);
        return false;
    }
    const uint64_t bytes = where == LDS ? w->wg->lds_bytes : w->scratch_bytes;
    if (address + size <= bytes) {
        if (where == LDS)
            sim_note(w, inst, true, (int)lane, address, size, write);
        else
            note_scratch(w, inst, lane, address, size, write);
        return true;
    }
    sim_fault(w, inst, (int)lane, address,
              "%s access of %u bytes at %llu is outside the %llu bytes allocated",
              where == LDS ? "LDS" : "scratch", size, (unsigned long long)address,
              (unsigned long long)bytes);
    return false;
}

static bool read_lane(sim_wave *w, const sim_inst *inst, space where, unsigned lane,
                      uint64_t address, unsigned size, uint8_t *out)
{
    if (!lane_ok(w, inst, where, lane, address, size, false))
        return false;
    if (where == SCRATCH)
        for (unsigned i = 0; i < size; i++)
            out[i] = *scratch_byte(w, lane, address + i);
    else
        memcpy(out, where == LDS ? w->wg->lds + address : (const uint8_t *)(uintptr_t)address,
               size);
    return true;
}

static bool write_lane(sim_wave *w, const sim_inst *inst, space where, unsigned lane,
                       uint64_t address, unsigned size, const uint8_t *in)
{
    if (!lane_ok(w, inst, where, lane, address, size, true))
        return false;
    if (where == SCRATCH)
        for (unsigned i = 0; i < size; i++)
            *scratch_byte(w, lane, address + i) = in[i];
    else
        memcpy(where == LDS ? w->wg->lds + address : (uint8_t *)(uintptr_t)address, in, size);
    return true;
}

/* All active lanes at once: one look-up when they share an allocation. */
static bool lanes_ok(sim_wave *w, const sim_inst *inst, const uint64_t address[SIM_LANES],
                     unsigned size, bool write)
{
    const uint64_t exec = sim_exec_mask(w);
    uint64_t lo = UINT64_MAX, hi = 0;
    unsigned l;
    if (exec == ~0ull) {
        for (l = 0; l < SIM_LANES; l++) {
            lo = address[l] < lo ? address[l] : lo;
            hi = address[l] > hi ? address[l] : hi;
        }
    } else {
        FOR_LANES(l, exec) {
            lo = address[l] < lo ? address[l] : lo;
            hi = address[l] > hi ? address[l] : hi;
        }
    }
    if (!exec || sim_mem_ok(lo, hi - lo + size, write)) {
        if (w->access)
            FOR_LANES(l, exec)
                sim_note(w, inst, false, (int)l, address[l], size, write);
        return true;
    }
    FOR_LANES(l, exec)
        if (!lane_ok(w, inst, GLOBAL, l, address[l], size, write))
            return false;
    return true;
}

/* ---- registers ---- */

/* Puts access_size(aux) loaded bytes into the destination registers of one lane. */
static inline void put_lane(sim_wave *w, unsigned reg, unsigned l, uint32_t aux,
                            const uint8_t *bytes)
{
    uint32_t dword = 0;
    if (aux >> 8) {
        for (unsigned d = 0; d < aux >> 8; d++) {
            memcpy(&dword, bytes + 4 * d, 4);
            w->v[reg + d][l] = dword;
        }
        return;
    }
    memcpy(&dword, bytes, aux & BYTES);
    w->v[reg][l] = extend(dword, w->v[reg][l], aux);
}

static inline void get_lane(const sim_wave *w, unsigned reg, unsigned l, uint32_t aux,
                            uint8_t *bytes)
{
    if (aux >> 8) {
        for (unsigned d = 0; d < aux >> 8; d++)
            memcpy(bytes + 4 * d, &w->v[reg + d][l], 4);
        return;
    }
    const uint32_t value = aux & HI ? w->v[reg][l] >> 16 : w->v[reg][l];
    memcpy(bytes, &value, aux & BYTES);
}

INLINE void load_checked(sim_wave *w, unsigned reg, uint32_t aux, const uint64_t address[SIM_LANES])
{
    const uint64_t exec = sim_exec_mask(w);
    unsigned l;
    if (exec == ~0ull) {
        for (l = 0; l < SIM_LANES; l++)
            put_lane(w, reg, l, aux, (const uint8_t *)(uintptr_t)address[l]);
        return;
    }
    FOR_LANES(l, exec)
        put_lane(w, reg, l, aux, (const uint8_t *)(uintptr_t)address[l]);
}

/* Loads and stores at checked global addresses; the common sizes as constants. */
static void load_global(sim_wave *w, unsigned reg, uint32_t aux, const uint64_t address[SIM_LANES])
{
    switch (aux) {
    case DWORDS(1): load_checked(w, reg, DWORDS(1), address); break;
    case DWORDS(2): load_checked(w, reg, DWORDS(2), address); break;
    case DWORDS(3): load_checked(w, reg, DWORDS(3), address); break;
    case DWORDS(4): load_checked(w, reg, DWORDS(4), address); break;
    default: load_checked(w, reg, aux, address); break;
    }
}

INLINE void store_checked(const sim_wave *w, unsigned reg, uint32_t aux,
                          const uint64_t address[SIM_LANES])
{
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w))
        get_lane(w, reg, l, aux, (uint8_t *)(uintptr_t)address[l]);
}

static void store_global(const sim_wave *w, unsigned reg, uint32_t aux,
                         const uint64_t address[SIM_LANES])
{
    switch (aux) {
    case DWORDS(1): store_checked(w, reg, DWORDS(1), address); break;
    case DWORDS(2): store_checked(w, reg, DWORDS(2), address); break;
    case DWORDS(4): store_checked(w, reg, DWORDS(4), address); break;
    default: store_checked(w, reg, aux, address); break;
    }
}

/* ---- GLOBAL ---- */

/* VGPR pair, or SGPR pair + VGPR (unsigned); plus the signed offset. */
static void global_addresses(const sim_wave *w, const sim_inst *inst, const sim_operand *vaddr,
                             const sim_operand *saddr, uint64_t address[SIM_LANES])
{
    const uint64_t offset = (uint64_t)(int64_t)inst->offset;
    if (saddr->kind == SIM_SGPR) {
        const uint64_t base = sim_sreg64(w, saddr->reg) + offset;
        const uint32_t *v = w->v[vaddr->reg];
        for (unsigned l = 0; l < SIM_LANES; l++)
            address[l] = base + v[l];
        return;
    }
    const uint32_t *lo = w->v[vaddr->reg], *hi = w->v[vaddr->reg + 1];
    for (unsigned l = 0; l < SIM_LANES; l++)
        address[l] = ((uint64_t)hi[l] << 32 | lo[l]) + offset;
}

static void global_load(sim_wave *w, const sim_inst *inst)
{
    _Alignas(64) uint64_t address[SIM_LANES];
    w->vm_issued++;
    global_addresses(w, inst, &inst->ops[1], &inst->ops[2], address);
    if (lanes_ok(w, inst, address, access_size(inst->aux), false))
        load_global(w, inst->ops[0].reg, inst->aux, address);
}

static void global_store(sim_wave *w, const sim_inst *inst)
{
    _Alignas(64) uint64_t address[SIM_LANES];
    w->vm_issued++;
    global_addresses(w, inst, &inst->ops[0], &inst->ops[2], address);
    if (lanes_ok(w, inst, address, access_size(inst->aux), true))
        store_global(w, inst->ops[1].reg, inst->aux, address);
}

/* ---- FLAT ---- */

/* The memory that a generic address means, and the address in it. */
static space flat_space(uint64_t *address)
{
    const uint32_t hi = (uint32_t)(*address >> 32);
    if (hi != SIM_SHARED_APERTURE_HI && hi != SIM_PRIVATE_APERTURE_HI)
        return GLOBAL;
    *address &= 0xffffffffu;
    return hi == SIM_SHARED_APERTURE_HI ? LDS : SCRATCH;
}

static bool all_global(const sim_wave *w, const uint64_t address[SIM_LANES])
{
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w)) {
        uint64_t a = address[l];
        if (flat_space(&a) != GLOBAL)
            return false;
    }
    return true;
}

static const sim_operand NO_SADDR = {.kind = SIM_OFF};

static void flat_load(sim_wave *w, const sim_inst *inst)
{
    const unsigned size = access_size(inst->aux);
    _Alignas(64) uint64_t address[SIM_LANES];
    uint8_t bytes[SIM_LANES][16];
    unsigned l;
    w->vm_issued++;
    global_addresses(w, inst, &inst->ops[1], &NO_SADDR, address);
    if (all_global(w, address)) {
        if (lanes_ok(w, inst, address, size, false))
            load_global(w, inst->ops[0].reg, inst->aux, address);
        return;
    }
    FOR_LANES(l, sim_exec_mask(w)) {
        const space where = flat_space(&address[l]);
        if (!read_lane(w, inst, where, l, address[l], size, bytes[l]))
            return;
    }
    FOR_LANES(l, sim_exec_mask(w))
        put_lane(w, inst->ops[0].reg, l, inst->aux, bytes[l]);
}

static void flat_store(sim_wave *w, const sim_inst *inst)
{
    _Alignas(64) uint64_t address[SIM_LANES];
    uint8_t bytes[16];
    unsigned l;
    w->vm_issued++;
    global_addresses(w, inst, &inst->ops[0], &NO_SADDR, address);
    if (all_global(w, address)) {
        if (lanes_ok(w, inst, address, access_size(inst->aux), true))
            store_global(w, inst->ops[1].reg, inst->aux, address);
        return;
    }
    FOR_LANES(l, sim_exec_mask(w)) {
        const space where = flat_space(&address[l]);
        get_lane(w, inst->ops[1].reg, l, inst->aux, bytes);
        if (!write_lane(w, inst, where, l, address[l], access_size(inst->aux), bytes))
            return;
    }
}

/* ---- SCRATCH ---- */

/* Byte offset in the lane's scratch: VGPR + SGPR + signed offset, each optional; 32 bits as the
 * hardware adds them (CDNA3 ISA guide, "Scratch" addressing). */
static uint64_t scratch_offset(const sim_wave *w, const sim_inst *inst, const sim_operand *vaddr,
                               const sim_operand *saddr, unsigned l)
{
    uint32_t o = (uint32_t)inst->offset;
    if (vaddr->kind == SIM_VGPR)
        o += w->v[vaddr->reg][l];
    if (saddr->kind == SIM_SGPR || saddr->kind == SIM_CONST)
        o += sim_scalar32(w, saddr);
    return o;
}

static void scratch_load(sim_wave *w, const sim_inst *inst)
{
    const unsigned size = access_size(inst->aux);
    uint8_t bytes[SIM_LANES][16];
    unsigned l;
    w->vm_issued++;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint64_t o = scratch_offset(w, inst, &inst->ops[1], &inst->ops[2], l);
        if (!read_lane(w, inst, SCRATCH, l, o, size, bytes[l]))
            return;
    }
    FOR_LANES(l, sim_exec_mask(w))
        put_lane(w, inst->ops[0].reg, l, inst->aux, bytes[l]);
}

static void scratch_store(sim_wave *w, const sim_inst *inst)
{
    uint8_t bytes[16];
    unsigned l;
    w->vm_issued++;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint64_t o = scratch_offset(w, inst, &inst->ops[0], &inst->ops[2], l);
        get_lane(w, inst->ops[1].reg, l, inst->aux, bytes);
        if (!write_lane(w, inst, SCRATCH, l, o, access_size(inst->aux), bytes))
            return;
    }
}

/* ---- atomics ---- */

/* aux: sim_atomic | WIDE. The data of a compare-and-swap is the new value, then the comparand. */
enum { ATOMIC_OP = 31, WIDE = 64 };

static inline uint64_t lane_data(const sim_wave *w, unsigned reg, unsigned l, unsigned size)
{
    return size == 4 ? w->v[reg][l] : (uint64_t)w->v[reg + 1][l] << 32 | w->v[reg][l];
}

/* Other workgroups run on other threads, so global memory is updated by compare-and-exchange. */
static uint64_t update_global(uint64_t address, sim_atomic op, unsigned size, uint64_t data,
                              uint64_t data2)
{
    if (size == 4) {
        uint32_t *p = (uint32_t *)(uintptr_t)address, old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
        while (!__atomic_compare_exchange_n(p, &old,
                                            sim_atomic32(op, old, (uint32_t)data, (uint32_t)data2),
                                            false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
        return old;
    }
    uint64_t *p = (uint64_t *)(uintptr_t)address, old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(p, &old, sim_atomic64(op, old, data, data2), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    return old;
}

static bool update_lane(sim_wave *w, const sim_inst *inst, space where, unsigned l,
                        uint64_t address, unsigned data_reg, uint64_t *old)
{
    const unsigned size = inst->aux & WIDE ? 8 : 4;
    const sim_atomic op = (sim_atomic)(inst->aux & ATOMIC_OP);
    const uint64_t data = lane_data(w, data_reg, l, size);
    const uint64_t data2 = op == SIM_CMPSWAP ? lane_data(w, data_reg + size / 4, l, size) : 0;
    if (address % size) {
        sim_fault(w, inst, (int)l, address, "atomic at 0x%llx is not aligned to %u bytes",
                  (unsigned long long)address, size);
        return false;
    }
    if (!lane_ok(w, inst, where, l, address, size, true))
        return false;
    if (!w->mode_default)
        sim_default_host_mode();
    if (where == GLOBAL) {
        *old = update_global(address, op, size, data, data2);
        return true;
    }
    *old = 0;
    read_lane(w, inst, where, l, address, size, (uint8_t *)old);
    const uint64_t result = size == 4
                                ? sim_atomic32(op, (uint32_t)*old, (uint32_t)data, (uint32_t)data2)
                                : sim_atomic64(op, *old, data, data2);
    return write_lane(w, inst, where, l, address, size, (const uint8_t *)&result);
}

static void return_old(sim_wave *w, unsigned reg, unsigned l, bool wide, uint64_t old)
{
    w->v[reg][l] = (uint32_t)old;
    if (wide)
        w->v[reg + 1][l] = (uint32_t)(old >> 32);
}

/* ops: [destination,] vaddr, data [, saddr]; `global` forms have saddr. */
static void atomic_at(sim_wave *w, const sim_inst *inst, bool global)
{
    const unsigned first = inst->num_ops - (global ? 3u : 2u); /* 1 with a destination */
    const sim_operand *saddr = global ? &inst->ops[first + 2] : &NO_SADDR;
    uint64_t address[SIM_LANES], old;
    unsigned l;
    w->vm_issued++;
    global_addresses(w, inst, &inst->ops[first], saddr, address);
    FOR_LANES(l, sim_exec_mask(w)) {
        const space where = global ? GLOBAL : flat_space(&address[l]);
        if (!update_lane(w, inst, where, l, address[l], inst->ops[first + 1].reg, &old))
            return;
        if (first)
            return_old(w, inst->ops[0].reg, l, inst->aux & WIDE, old);
    }
}

static void global_atomic(sim_wave *w, const sim_inst *inst)
{
    atomic_at(w, inst, true);
}

static void flat_atomic(sim_wave *w, const sim_inst *inst)
{
    atomic_at(w, inst, false);
}

/* ---- MUBUF ---- */

/* Buffer resource (CDNA3 ISA guide, "Buffer Resource Descriptor"). */
typedef struct resource {
    uint64_t base;
    uint32_t stride, records, index_stride;
    bool swizzle, add_tid;
} resource;

typedef struct buffer {
    resource r;
    const uint32_t *index, *offset; /* VGPRs, NULL: zero */
    uint32_t soffset, inst_offset;
    bool by_index; /* the range check compares indices with num_records */
} buffer;

static resource read_resource(const sim_wave *w, unsigned s)
{
    const uint32_t *d = &w->s[s];
    resource r = {.base = (uint64_t)(d[1] & 0xffff) << 32 | d[0],
                  .stride = d[1] >> 16 & 0x3fff,
                  .records = d[2],
                  .index_stride = 8u << (d[3] >> 21 & 3),
                  .swizzle = d[1] >> 31,
                  .add_tid = d[3] >> 23 & 1};
    if (r.add_tid) /* the data format field extends the stride */
        r.stride |= (d[3] >> 15 & 15) << 14;
    return r;
}

/* ops: vaddr, resource, soffset from `first` on. Whether num_records counts bytes or elements:
 * elements for VMEM with IDXEN and a stride (GFX9 rule as Mesa's radeonsi states it; the guide's
 * raw and structured buffers). */
static buffer open_buffer(const sim_wave *w, const sim_inst *inst, unsigned first)
{
    const unsigned v = inst->ops[first].reg;
    const bool idxen = inst->flags & SIM_F_IDXEN, offen = inst->flags & SIM_F_OFFEN;
    buffer b = {.r = read_resource(w, inst->ops[first + 1].reg),
                .inst_offset = (uint32_t)inst->offset};
    b.soffset = sim_scalar32(w, &inst->ops[first + 2]);
    b.index = idxen ? w->v[v] : NULL;
    b.offset = offen ? w->v[v + (idxen ? 1 : 0)] : NULL;
    b.by_index = idxen && b.r.stride;
    return b;
}

/* Where byte `at` (a multiple of 4, or 0) of a lane's access is, relative to the base; SGPR offset
 * included, which takes no part in swizzling. Returns false if `size` bytes from there are out of
 * range: for byte ranges as soon as one of them is beyond num_records (the guide compares the first
 * byte only; sizes that are no multiple of 4 are undefined there). */
static inline bool buffer_offset(const buffer *b, unsigned l, unsigned at, unsigned size,
                                 uint64_t *out)
{
    const resource *r = &b->r;
    const uint64_t index = (uint64_t)(b->index ? b->index[l] : 0) + (r->add_tid ? l : 0);
    const uint64_t offset = (uint64_t)b->inst_offset + (b->offset ? b->offset[l] : 0) + at;
    uint64_t where = offset + index * r->stride;
    if (r->swizzle)
        where = (index / r->index_stride * r->stride + offset / 4 * 4) * r->index_stride +
                index % r->index_stride * 4 + offset % 4;
    *out = where + b->soffset;
    if (b->by_index)
        return index < r->records && (!r->swizzle || offset + size <= r->stride);
    return *out + size <= r->records;
}

/* Addresses of whole accesses when all are in range and contiguous; false: dwords have to be looked
 * at one by one. */
static bool buffer_addresses(const sim_wave *w, const buffer *b, unsigned size,
                             uint64_t address[SIM_LANES])
{
    const uint64_t exec = sim_exec_mask(w);
    unsigned l;
    if (b->r.swizzle && size > 4)
        return false;
    if (exec == ~0ull && b->offset && !b->index && !b->r.add_tid &&
        !b->r.swizzle) { /* the usual raw access */
        const uint64_t fixed = (uint64_t)b->inst_offset + b->soffset;
        uint32_t most = 0;
        for (l = 0; l < SIM_LANES; l++) {
            most = b->offset[l] > most ? b->offset[l] : most;
            address[l] = b->r.base + fixed + b->offset[l];
        }
        return fixed + most + size <= b->r.records;
    }
    FOR_LANES(l, exec) {
        uint64_t o;
        if (!buffer_offset(b, l, 0, size, &o))
            return false;
        address[l] = b->r.base + o;
    }
    return true;
}

/* One lane's access dword by dword: loads out of range give zero, stores are dropped
 * ("Load/store-dwordx{2,3,4} are range-checked for each dword", the guide's section on range
 * checking). */
static bool buffer_read(sim_wave *w, const sim_inst *inst, const buffer *b, unsigned l,
                        unsigned size, uint8_t *out)
{
    const unsigned step = size < 4 ? size : 4;
    memset(out, 0, size);
    for (unsigned at = 0; at < size; at += step) {
        uint64_t o;
        if (buffer_offset(b, l, at, step, &o) &&
            !read_lane(w, inst, GLOBAL, l, b->r.base + o, step, out + at))
            return false;
    }
    return true;
}

static bool buffer_write(sim_wave *w, const sim_inst *inst, const buffer *b, unsigned l,
                         unsigned size, const uint8_t *in)
{
    const unsigned step = size < 4 ? size : 4;
    for (unsigned at = 0; at < size; at += step) {
        uint64_t o;
        if (buffer_offset(b, l, at, step, &o) &&
            !write_lane(w, inst, GLOBAL, l, b->r.base + o, step, in + at))
            return false;
    }
    return true;
}

static void buffer_load(sim_wave *w, const sim_inst *inst)
{
    const buffer b = open_buffer(w, inst, 1);
    const unsigned size = access_size(inst->aux);
    _Alignas(64) uint64_t address[SIM_LANES];
    uint8_t bytes[SIM_LANES][16];
    unsigned l;
    w->vm_issued++;
    if (buffer_addresses(w, &b, size, address)) {
        if (lanes_ok(w, inst, address, size, false))
            load_global(w, inst->ops[0].reg, inst->aux, address);
        return;
    }
    FOR_LANES(l, sim_exec_mask(w))
        if (!buffer_read(w, inst, &b, l, size, bytes[l]))
            return;
    FOR_LANES(l, sim_exec_mask(w))
        put_lane(w, inst->ops[0].reg, l, inst->aux, bytes[l]);
}

static void buffer_store(sim_wave *w, const sim_inst *inst)
{
    const buffer b = open_buffer(w, inst, 1);
    const unsigned size = access_size(inst->aux);
    _Alignas(64) uint64_t address[SIM_LANES];
    uint8_t bytes[16];
    unsigned l;
    w->vm_issued++;
    if (buffer_addresses(w, &b, size, address)) {
        if (lanes_ok(w, inst, address, size, true))
            store_global(w, inst->ops[0].reg, inst->aux, address);
        return;
    }
    FOR_LANES(l, sim_exec_mask(w)) {
        get_lane(w, inst->ops[0].reg, l, inst->aux, bytes);
        if (!buffer_write(w, inst, &b, l, size, bytes))
            return;
    }
}

/* Out of range as a whole: no memory access, zero returned. */
static void buffer_atomic(sim_wave *w, const sim_inst *inst)
{
    const buffer b = open_buffer(w, inst, 1);
    const unsigned reg = inst->ops[0].reg;
    unsigned l;
    w->vm_issued++;
    FOR_LANES(l, sim_exec_mask(w)) {
        uint64_t o, old = 0;
        if (buffer_offset(&b, l, 0, inst->aux & WIDE ? 8 : 4, &o) &&
            !update_lane(w, inst, GLOBAL, l, b.r.base + o, reg, &old))
            return;
        if (inst->flags & (SIM_F_GLC | SIM_F_SC0))
            return_old(w, reg, l, inst->aux & WIDE, old);
    }
}

/* ---- direct to LDS ---- */

/* Where a wave's data go in LDS: M0 + the instruction's offset (which the memory address gets too)
 * + lane * pitch (CDNA3 ISA guide, "Memory Buffer Load to LDS"). M0[15:0] up to gfx942; gfx950's
 * LDS needs more bits. Bytes and shorts are extended to a dword, 12 bytes are padded with zeros to
 * 16 (MLIR's amdgpu.gather_to_lds; Triton's AMD TargetInfo::supportsDirectToLdsLoadBitWidth). */
static sim_landing *start_landing(sim_wave *w, const sim_inst *inst)
{
    const uint32_t m0 = w->arch >= SIM_GFX950 ? w->s[SIM_M0] : w->s[SIM_M0] & 0xffff;
    sim_landing *load = sim_landing_next(w);
    w->vm_issued++;
    load->address = m0 + (uint32_t)inst->offset;
    load->pitch = access_size(inst->aux) <= 4 ? 4 : 16;
    load->lanes = sim_exec_mask(w);
    return load;
}

static bool put_lds(sim_wave *w, const sim_inst *inst, sim_landing *load, unsigned l,
                    const uint8_t *bytes)
{
    const uint64_t address = load->address + (uint64_t)l * load->pitch;
    uint8_t *to = load->data[l];
    memset(to, 0, sizeof load->data[l]);
    memcpy(to, bytes, access_size(inst->aux));
    if (access_size(inst->aux) < 4) {
        uint32_t dword;
        memcpy(&dword, to, 4);
        dword = extend(dword, 0, inst->aux);
        memcpy(to, &dword, 4);
    }
    return lane_ok(w, inst, LDS, l, address, load->pitch, true);
}

/* Lanes out of the buffer's range write zeros. */
static void buffer_load_lds(sim_wave *w, const sim_inst *inst)
{
    const buffer b = open_buffer(w, inst, 0);
    sim_landing *load = start_landing(w, inst);
    uint8_t bytes[16];
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w))
        if (!buffer_read(w, inst, &b, l, access_size(inst->aux), bytes) ||
            !put_lds(w, inst, load, l, bytes))
            return;
    sim_landing_add(w);
}

static void global_load_lds(sim_wave *w, const sim_inst *inst)
{
    sim_landing *load = start_landing(w, inst);
    uint64_t address[SIM_LANES];
    uint8_t bytes[16];
    unsigned l;
    global_addresses(w, inst, &inst->ops[0], &inst->ops[1], address);
    FOR_LANES(l, sim_exec_mask(w))
        if (!read_lane(w, inst, GLOBAL, l, address[l], access_size(inst->aux), bytes) ||
            !put_lds(w, inst, load, l, bytes))
            return;
    sim_landing_add(w);
}

static void scratch_load_lds(sim_wave *w, const sim_inst *inst)
{
    sim_landing *load = start_landing(w, inst);
    uint8_t bytes[16];
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint64_t o = scratch_offset(w, inst, &inst->ops[0], &inst->ops[1], l);
        if (!read_lane(w, inst, SCRATCH, l, o, access_size(inst->aux), bytes) ||
            !put_lds(w, inst, load, l, bytes))
            return;
    }
    sim_landing_add(w);
}

/* Caches are not modelled: memory is coherent at once. (vmcnt counts a write-back, not an
 * invalidation: LLVM, SIInsertWaitcnts. Counting both only makes loads land earlier.) */
static void cache_control(sim_wave *w, const sim_inst *inst)
{
    w->vm_issued++;
    (void)inst;
}

/* ---- the table ---- */

#define F90A .only_gfx90a = 1
#define F942 .min_arch = SIM_GFX942
#define F950 .min_arch = SIM_GFX950

#define LOAD(what, type, bits)                                                                     \
    {"flat_load_" what, "D" type " Sb64", flat_load, .aux = bits},                                 \
        {"global_load_" what, "D" type " Sany Sany", global_load, .aux = bits},                    \
        {"scratch_load_" what, "D" type " Sany Sany", scratch_load, .aux = bits},                  \
    {                                                                                              \
        "buffer_load_" what, "D" type " Sany Sb128 Sb32", buffer_load, .aux = bits                 \
    }
#define STORE(what, type, bits)                                                                    \
    {"flat_store_" what, "Sb64 S" type, flat_store, .aux = bits},                                  \
        {"global_store_" what, "Sany S" type " Sany", global_store, .aux = bits},                  \
        {"scratch_store_" what, "Sany S" type " Sany", scratch_store, .aux = bits},                \
    {                                                                                              \
        "buffer_store_" what, "S" type " Sany Sb128 Sb32", buffer_store, .aux = bits               \
    }
#define LOAD_LDS(what, bits, ...)                                                                  \
    {                                                                                              \
        "buffer_load_" what, "Sany Sb128 Sb32", buffer_load_lds, .aux = bits, __VA_ARGS__          \
    }
#define DIRECT_LDS(what, bits)                                                                     \
    {"global_load_lds_" what, "Sany Sany", global_load_lds, .aux = bits, F942},                    \
    {                                                                                              \
        "scratch_load_lds_" what, "Sany Sany", scratch_load_lds, .aux = bits, F942                 \
    }
/* type: of the result; data: of the source */
#define ATOMIC(what, type, data, bits)                                                             \
    {"flat_atomic_" what, "Sb64 S" data, flat_atomic, .aux = bits},                                \
        {"flat_atomic_" what, "D" type " Sb64 S" data, flat_atomic, .aux = bits},                  \
        {"global_atomic_" what, "Sany S" data " Sany", global_atomic, .aux = bits},                \
        {"global_atomic_" what, "D" type " Sany S" data " Sany", global_atomic, .aux = bits},      \
    {                                                                                              \
        "buffer_atomic_" what, "S" data " Sany Sb128 Sb32", buffer_atomic, .aux = bits             \
    }
#define ATOMIC_BOTH(what, op)                                                                      \
    ATOMIC(what, "b32", "b32", op), ATOMIC(what "_x2", "b64", "b64", (op) | WIDE)

const sim_op SIM_TABLE(mem)[] = {
    LOAD("dword", "b32", DWORDS(1)),
    LOAD("dwordx2", "b64", DWORDS(2)),
    LOAD("dwordx3", "b96", DWORDS(3)),
    LOAD("dwordx4", "b128", DWORDS(4)),
    LOAD("ubyte", "b32", 1),
    LOAD("sbyte", "b32", 1 | SIGNED),
    LOAD("ushort", "b32", 2),
    LOAD("sshort", "b32", 2 | SIGNED),
    LOAD("ubyte_d16", "b32", 1 | D16),
    LOAD("ubyte_d16_hi", "b32", 1 | D16 | HI),
    LOAD("sbyte_d16", "b32", 1 | SIGNED | D16),
    LOAD("sbyte_d16_hi", "b32", 1 | SIGNED | D16 | HI),
    LOAD("short_d16", "b32", 2 | D16),
    LOAD("short_d16_hi", "b32", 2 | D16 | HI),
    STORE("dword", "b32", DWORDS(1)),
    STORE("dwordx2", "b64", DWORDS(2)),
    STORE("dwordx3", "b96", DWORDS(3)),
    STORE("dwordx4", "b128", DWORDS(4)),
    STORE("byte", "b32", 1),
    STORE("byte_d16_hi", "b32", 1 | HI),
    STORE("short", "b32", 2),
    STORE("short_d16_hi", "b32", 2 | HI),
    LOAD_LDS("dword", DWORDS(1), .min_arch = SIM_GFX90A),
    LOAD_LDS("dwordx3", DWORDS(3), F950),
    LOAD_LDS("dwordx4", DWORDS(4), F950),
    LOAD_LDS("ubyte", 1, .min_arch = SIM_GFX90A),
    LOAD_LDS("sbyte", 1 | SIGNED, .min_arch = SIM_GFX90A),
    LOAD_LDS("ushort", 2, .min_arch = SIM_GFX90A),
    LOAD_LDS("sshort", 2 | SIGNED, .min_arch = SIM_GFX90A),
    DIRECT_LDS("dword", DWORDS(1)),
    {"global_load_lds_dwordx3", "Sany Sany", global_load_lds, .aux = DWORDS(3), F950},
    {"global_load_lds_dwordx4", "Sany Sany", global_load_lds, .aux = DWORDS(4), F950},
    DIRECT_LDS("ubyte", 1),
    DIRECT_LDS("sbyte", 1 | SIGNED),
    DIRECT_LDS("ushort", 2),
    DIRECT_LDS("sshort", 2 | SIGNED),
    ATOMIC_BOTH("swap", SIM_SWAP),
    ATOMIC_BOTH("add", SIM_ADD),
    ATOMIC_BOTH("sub", SIM_SUB),
    ATOMIC_BOTH("smin", SIM_SMIN),
    ATOMIC_BOTH("smax", SIM_SMAX),
    ATOMIC_BOTH("umin", SIM_UMIN),
    ATOMIC_BOTH("umax", SIM_UMAX),
    ATOMIC_BOTH("and", SIM_AND),
    ATOMIC_BOTH("or", SIM_OR),
    ATOMIC_BOTH("xor", SIM_XOR),
    ATOMIC_BOTH("inc", SIM_INC),
    ATOMIC_BOTH("dec", SIM_DEC),
    ATOMIC("cmpswap", "b32", "b64", SIM_CMPSWAP),
    ATOMIC("cmpswap_x2", "b64", "b128", SIM_CMPSWAP | WIDE),
    ATOMIC("add_f32", "b32", "b32", SIM_FADD),
    ATOMIC("add_f64", "b64", "b64", SIM_FADD | WIDE),
    ATOMIC("min_f64", "b64", "b64", SIM_FMIN | WIDE),
    ATOMIC("max_f64", "b64", "b64", SIM_FMAX | WIDE),
    ATOMIC("pk_add_f16", "b32", "b32", SIM_PK_F16),
    ATOMIC("pk_add_bf16", "b32", "b32", SIM_PK_BF16),
    {"buffer_wbl2", "", cache_control, .aux = 0},
    {"buffer_inv", "", cache_control, .aux = 0, F942},
    {"buffer_invl2", "", cache_control, .aux = 0, F90A},
    {"buffer_wbinvl1", "", cache_control, .aux = 0, F90A},
    {"buffer_wbinvl1_vol", "", cache_control, .aux = 0, F90A},
    {0}};
