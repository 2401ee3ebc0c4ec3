/* LDS instructions (DS encoding).
 *
 * The byte address is VGPR + offset, a 32-bit sum (LLVM folds offsets into negative bases: its test
 * ds-sub-offset.ll), inside the workgroup's LDS allocation. Where the hardware lets an access
 * beyond it read zero and drops such a write (ISA guides, "LDS out of range"), a kernel that does
 * it is wrong; here it stops with the lane and the address. Plain reads and writes may have any
 * alignment, as the driver enables unaligned access for these archs; read-modify-write instructions
 * and 64-bit transposing reads must be aligned to their size. */
#include "sim/atomic.h"
#include "sim/lanes.h"
#include "sim/transfer.h"

/* ---- addresses ---- */

static bool lds_range_fault(sim_wave *w, const sim_inst *inst, unsigned lane, uint64_t address,
                            unsigned size)
{
    sim_fault(w, inst, (int)lane, address,
              "LDS access of %u bytes at %llu is outside the %u bytes allocated", size,
              (unsigned long long)address, w->wg->lds_bytes);
    return false;
}

static bool usable(sim_wave *w, const sim_inst *inst)
{
    if (!(inst->flags & SIM_F_GDS))
        return true;
    sim_fault(w, inst, -1, 0, "global data share does not exist on these archs");
    return false;
}

/* Only the names of DS instructions tell reads from writes; atomics count as writes. */
static void note(sim_wave *w, const sim_inst *inst, unsigned lane, uint64_t address, unsigned size)
{
    sim_note(w, inst, true, (int)lane, address, size,
             strncmp(inst->op->name, "ds_read", 7) != 0);
}

/* Addresses of the active lanes, checked for size bytes; others are 0. */
static bool lds_addresses(sim_wave *w, const sim_inst *inst, const sim_operand *addr,
                          uint32_t offset, unsigned size, uint32_t out[SIM_LANES])
{
    const uint64_t exec = sim_exec_mask(w), bytes = w->wg->lds_bytes;
    const uint32_t *v = w->v[addr->reg];
    uint32_t bad = 0;
    if (!usable(w, inst))
        return false;
    if (exec == ~0ull) {
        for (unsigned l = 0; l < SIM_LANES; l++) {
            out[l] = v[l] + offset;
            bad |= (uint64_t)out[l] + size > bytes;
        }
    } else {
        for (unsigned l = 0; l < SIM_LANES; l++) {
            const uint32_t active = exec >> l & 1;
            out[l] = active ? v[l] + offset : 0;
            bad |= active & ((uint64_t)out[l] + size > bytes);
        }
    }
    unsigned l;
    if (!bad) {
        if (w->access)
            FOR_LANES(l, exec)
                note(w, inst, l, out[l], size);
        return true;
    }
    FOR_LANES(l, exec)
        if ((uint64_t)out[l] + size > bytes)
            return lds_range_fault(w, inst, l, out[l], size);
    return true;
}

/* size: a power of two */
static bool lds_aligned(sim_wave *w, const sim_inst *inst, const uint32_t *address, unsigned size)
{
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w))
        if (address[l] & (size - 1)) {
            sim_fault(w, inst, (int)l, address[l], "LDS address %u is not aligned to %u bytes",
                      address[l], size);
            return false;
        }
    return true;
}

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static inline uint64_t pair(const sim_wave *w, unsigned reg, unsigned l)
{
    return (uint64_t)w->v[reg + 1][l] << 32 | w->v[reg][l];
}

/* ---- reads ---- */

INLINE void read_dwords(sim_wave *w, const uint32_t *address, unsigned reg, unsigned count)
{
    const uint64_t exec = sim_exec_mask(w);
    const uint8_t *lds = w->wg->lds;
    if (exec == ~0ull) {
        for (unsigned l = 0; l < SIM_LANES; l++)
            for (unsigned d = 0; d < count; d++)
                w->v[reg + d][l] = get32(lds + address[l] + 4 * d);
        return;
    }
    unsigned l;
    FOR_LANES(l, exec)
        for (unsigned d = 0; d < count; d++)
            w->v[reg + d][l] = get32(lds + address[l] + 4 * d);
}

/* aux: dwords */
static void ds_read(sim_wave *w, const sim_inst *inst)
{
    const unsigned count = inst->aux;
    _Alignas(64) uint32_t address[SIM_LANES];
    if (!lds_addresses(w, inst, &inst->ops[1], (uint32_t)inst->offset, 4 * count, address))
        return;
    switch (count) {
    case 1: read_dwords(w, address, inst->ops[0].reg, 1); break;
    case 2: read_dwords(w, address, inst->ops[0].reg, 2); break;
    case 3: read_dwords(w, address, inst->ops[0].reg, 3); break;
    default: read_dwords(w, address, inst->ops[0].reg, 4); break;
    }
}

/* aux: how (BYTES, SIGNED ...) */
static void ds_read_sub(sim_wave *w, const sim_inst *inst)
{
    const unsigned size = inst->aux & BYTES;
    uint32_t address[SIM_LANES], *d = w->v[inst->ops[0].reg];
    unsigned l;
    if (!lds_addresses(w, inst, &inst->ops[1], (uint32_t)inst->offset, size, address))
        return;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint8_t *p = w->wg->lds + address[l];
        d[l] = extend(size == 1 ? p[0] : (uint32_t)(p[0] | p[1] << 8), d[l], inst->aux);
    }
}

/* Two elements at offset0 and offset1, in units. aux: dwords of an element | unit << 8 */
static void ds_read2(sim_wave *w, const sim_inst *inst)
{
    const unsigned count = inst->aux & 255, unit = inst->aux >> 8, reg = inst->ops[0].reg;
    uint32_t first[SIM_LANES], second[SIM_LANES];
    if (!lds_addresses(w, inst, &inst->ops[1], (uint32_t)inst->offset * unit, 4 * count, first) ||
        !lds_addresses(w, inst, &inst->ops[1], inst->offset1 * unit, 4 * count, second))
        return;
    if (count == 1) {
        read_dwords(w, first, reg, 1);
        read_dwords(w, second, reg + 1, 1);
    } else {
        read_dwords(w, first, reg, 2);
        read_dwords(w, second, reg + 2, 2);
    }
}

static void ds_read_addtid(sim_wave *w, const sim_inst *inst)
{
    const uint64_t base = (w->s[SIM_M0] & 0xffff) + (uint32_t)inst->offset;
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w)) {
        if (base + 4 * l + 4 > w->wg->lds_bytes) {
            lds_range_fault(w, inst, l, base + 4 * l, 4);
            return;
        }
        note(w, inst, l, base + 4 * l, 4);
        w->v[inst->ops[0].reg][l] = get32(w->wg->lds + base + 4 * l);
    }
}

/* Transposing reads (gfx950). 16 lanes read 64 or 96 bits each; the elements in lane order are a
 * matrix of 16 columns, of which lane l of the 16 receives column l: element r is number l % E of
 * source lane r * 16 / E + l / E, with E elements in a lane (AMD backend of Triton,
 * chooseLLDsReadB64TrLayout, for 16 and 8 bits and its 4-bit sibling). The guide wants EXEC all
 * ones; a lane that is off counts as zeros here. aux: element bits | dwords << 8 */
INLINE void transpose(const uint32_t (*in)[4], uint32_t (*out)[SIM_LANES], unsigned bits,
                      unsigned dwords)
{
    const unsigned elements = dwords * 32 / bits, mask = (1u << bits) - 1;
    for (unsigned l = 0; l < SIM_LANES; l++) {
        const unsigned column = l % 16, at = column % elements * bits;
        const uint32_t(*from)[4] = in + l - column + column / elements;
        uint64_t packed = 0;
        unsigned have = 0, d = 0;
        for (unsigned r = 0; r < elements; r++) {
            const uint32_t *source = from[r * 16 / elements];
            const uint64_t word =
                source[at / 32] | (uint64_t)source[at / 32 + (at % 32 + bits > 32)] << 32;
            packed |= (word >> at % 32 & mask) << have;
            have += bits;
            if (have >= 32) {
                out[d++][l] = (uint32_t)packed;
                packed >>= 32;
                have -= 32;
            }
        }
    }
}

/* The same for 16 bits: lanes 4p to 4p + 3 of 16 receive the columns of the 4 rows of 4 elements
 * that lanes p, p + 4, p + 8, p + 12 read, two rows in a dword. */
static void transpose16(const uint32_t (*in)[4], uint32_t (*out)[SIM_LANES])
{
    for (unsigned l = 0; l < SIM_LANES; l += 4)
        for (unsigned d = 0; d < 2; d++) {
            const unsigned from = l / 16 * 16 + l % 16 / 4 + 8 * d;
            for (unsigned i = 0; i < 2; i++) {
                const uint32_t even = in[from][i], odd = in[from + 4][i];
                out[d][l + 2 * i] = (even & 0xffff) | odd << 16;
                out[d][l + 2 * i + 1] = even >> 16 | (odd & 0xffff0000);
            }
        }
}

INLINE void read_rows(sim_wave *w, const uint32_t *address, uint32_t (*in)[4], unsigned bytes)
{
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w))
        memcpy(in[l], w->wg->lds + address[l], bytes);
}

static void ds_read_tr(sim_wave *w, const sim_inst *inst)
{
    const unsigned dwords = inst->aux >> 8;
    uint32_t address[SIM_LANES], in[SIM_LANES][4] = {{0}}, out[3][SIM_LANES];
    if (!lds_addresses(w, inst, &inst->ops[1], (uint32_t)inst->offset, 4 * dwords, address) ||
        !lds_aligned(w, inst, address, dwords == 2 ? 8 : 4))
        return;
    if (dwords == 2)
        read_rows(w, address, in, 8);
    else
        read_rows(w, address, in, 12);
    switch (inst->aux & 255) {
    case 16: transpose16((const uint32_t(*)[4])in, out); break;
    case 8: transpose((const uint32_t(*)[4])in, out, 8, 2); break;
    case 6: transpose((const uint32_t(*)[4])in, out, 6, 3); break;
    default: transpose((const uint32_t(*)[4])in, out, 4, 2); break;
    }
    for (unsigned d = 0; d < dwords; d++)
        sim_merge(w->v[inst->ops[0].reg + d], out[d], sim_exec_mask(w));
}

/* ---- writes ---- */

INLINE void write_dwords(sim_wave *w, const uint32_t *address, unsigned reg, unsigned count)
{
    uint8_t *lds = w->wg->lds;
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w))
        for (unsigned d = 0; d < count; d++)
            put32(lds + address[l] + 4 * d, w->v[reg + d][l]);
}

/* aux: dwords */
static void ds_write(sim_wave *w, const sim_inst *inst)
{
    const unsigned count = inst->aux, reg = inst->ops[1].reg;
    _Alignas(64) uint32_t address[SIM_LANES];
    if (!lds_addresses(w, inst, &inst->ops[0], (uint32_t)inst->offset, 4 * count, address))
        return;
    switch (count) {
    case 1: write_dwords(w, address, reg, 1); break;
    case 2: write_dwords(w, address, reg, 2); break;
    case 3: write_dwords(w, address, reg, 3); break;
    default: write_dwords(w, address, reg, 4); break;
    }
}

static void ds_write_sub(sim_wave *w, const sim_inst *inst)
{
    const unsigned size = inst->aux & BYTES;
    const uint32_t *data = w->v[inst->ops[1].reg];
    uint32_t address[SIM_LANES];
    unsigned l;
    if (!lds_addresses(w, inst, &inst->ops[0], (uint32_t)inst->offset, size, address))
        return;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint32_t value = inst->aux & HI ? data[l] >> 16 : data[l];
        memcpy(w->wg->lds + address[l], &value, size);
    }
}

/* aux: dwords of an element | unit << 8 */
static void ds_write2(sim_wave *w, const sim_inst *inst)
{
    const unsigned count = inst->aux & 255, unit = inst->aux >> 8;
    uint32_t first[SIM_LANES], second[SIM_LANES];
    if (!lds_addresses(w, inst, &inst->ops[0], (uint32_t)inst->offset * unit, 4 * count, first) ||
        !lds_addresses(w, inst, &inst->ops[0], inst->offset1 * unit, 4 * count, second))
        return;
    if (count == 1) {
        write_dwords(w, first, inst->ops[1].reg, 1);
        write_dwords(w, second, inst->ops[2].reg, 1);
    } else {
        write_dwords(w, first, inst->ops[1].reg, 2);
        write_dwords(w, second, inst->ops[2].reg, 2);
    }
}

static void ds_write_addtid(sim_wave *w, const sim_inst *inst)
{
    const uint64_t base = (w->s[SIM_M0] & 0xffff) + (uint32_t)inst->offset;
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w)) {
        if (base + 4 * l + 4 > w->wg->lds_bytes) {
            lds_range_fault(w, inst, l, base + 4 * l, 4);
            return;
        }
        note(w, inst, l, base + 4 * l, 4);
        put32(w->wg->lds + base + 4 * l, w->v[inst->ops[0].reg][l]);
    }
}

/* ---- read-modify-write; lanes go in order, a workgroup's waves share one thread ---- */

/* aux: sim_atomic | RETURNS | WIDE | TWO_DATA */
enum { RETURNS = 32, WIDE = 64, TWO_DATA = 128 };

static void ds_atomic(sim_wave *w, const sim_inst *inst)
{
    const unsigned at = inst->aux & RETURNS ? 1 : 0, size = inst->aux & WIDE ? 8 : 4;
    const sim_atomic op = (sim_atomic)(inst->aux & 31);
    const unsigned data = inst->ops[at + 1].reg,
                   data2 = inst->aux & TWO_DATA ? inst->ops[at + 2].reg : data;
    const bool compare =
        op == SIM_CMPSWAP || op == SIM_FCMPSWAP; /* DS_CMPST: the comparand comes first */
    const unsigned x = compare ? data2 : data, y = compare ? data : data2;
    uint32_t address[SIM_LANES];
    unsigned l;
    if (!lds_addresses(w, inst, &inst->ops[at], (uint32_t)inst->offset, size, address) ||
        !lds_aligned(w, inst, address, size))
        return;
    if (!w->mode_default)
        sim_default_host_mode();
    FOR_LANES(l, sim_exec_mask(w)) {
        uint8_t *p = w->wg->lds + address[l];
        uint64_t old = 0, result;
        memcpy(&old, p, size);
        result = size == 4 ? sim_atomic32(op, (uint32_t)old, w->v[x][l], w->v[y][l])
                           : sim_atomic64(op, old, pair(w, x, l), pair(w, y, l));
        memcpy(p, &result, size);
        if (inst->aux & RETURNS) {
            w->v[inst->ops[0].reg][l] = (uint32_t)old;
            if (size == 8)
                w->v[inst->ops[0].reg + 1][l] = (uint32_t)(old >> 32);
        }
    }
}

/* Exchanges two elements. aux: dwords of an element | unit << 8 */
static void ds_wrxchg2(sim_wave *w, const sim_inst *inst)
{
    const unsigned count = inst->aux & 255, unit = inst->aux >> 8, dst = inst->ops[0].reg;
    uint32_t address[2][SIM_LANES];
    unsigned l;
    if (!lds_addresses(w, inst, &inst->ops[1], (uint32_t)inst->offset * unit, 4 * count,
                       address[0]) ||
        !lds_addresses(w, inst, &inst->ops[1], inst->offset1 * unit, 4 * count, address[1]) ||
        !lds_aligned(w, inst, address[0], 4 * count))
        return;
    FOR_LANES(l, sim_exec_mask(w)) {
        uint32_t data[2][2], old[2][2];
        for (unsigned e = 0; e < 2; e++)
            for (unsigned d = 0; d < count; d++)
                data[e][d] = w->v[inst->ops[2 + e].reg + d][l];
        for (unsigned e = 0; e < 2; e++)
            for (unsigned d = 0; d < count; d++) {
                uint8_t *p = w->wg->lds + address[e][l] + 4 * d;
                old[e][d] = get32(p);
                put32(p, data[e][d]);
            }
        for (unsigned e = 0; e < 2; e++)
            for (unsigned d = 0; d < count; d++)
                w->v[dst + e * count + d][l] = old[e][d];
    }
}

/* DS_CONDXCHG32_RTN_B64: each half of the data is stored, without its top bit, if that bit is set;
 * address bits 2:0 and above 15 are ignored (ISA guide's pseudocode). */
static void ds_condxchg32(sim_wave *w, const sim_inst *inst)
{
    unsigned l;
    FOR_LANES(l, sim_exec_mask(w)) {
        const uint32_t at = (w->v[inst->ops[1].reg][l] + (uint32_t)inst->offset) & 0xfff8;
        if (at + 8 > w->wg->lds_bytes) {
            lds_range_fault(w, inst, l, at, 8);
            return;
        }
        note(w, inst, l, at, 8);
        for (unsigned d = 0; d < 2; d++) {
            const uint32_t data = w->v[inst->ops[2].reg + d][l];
            uint8_t *p = w->wg->lds + at + 4 * d;
            w->v[inst->ops[0].reg + d][l] = get32(p);
            if (data >> 31)
                put32(p, data & 0x7fffffff);
        }
    }
}

/* DS_APPEND, DS_CONSUME: adds or takes the number of active lanes at M0[31:16] + offset; every
 * active lane receives the old value. aux: 0 append, 1 consume */
static void ds_append(sim_wave *w, const sim_inst *inst)
{
    const uint64_t exec = sim_exec_mask(w), address = (w->s[SIM_M0] >> 16) + (uint32_t)inst->offset;
    unsigned l;
    if (!usable(w, inst) || !exec)
        return;
    if (address + 4 > w->wg->lds_bytes || address % 4) {
        lds_range_fault(w, inst, (unsigned)__builtin_ctzll(exec), address, 4);
        return;
    }
    note(w, inst, (unsigned)__builtin_ctzll(exec), address, 4);
    const uint32_t old = get32(w->wg->lds + address), lanes = (uint32_t)__builtin_popcountll(exec);
    put32(w->wg->lds + address, inst->aux ? old - lanes : old + lanes);
    FOR_LANES(l, exec)
        w->v[inst->ops[0].reg][l] = old;
}

/* ---- lane exchange; no LDS memory is touched ---- */

/* Source lane (0..31) of lane i under a DS_SWIZZLE_B32 offset (ISA guide's pseudocode of the
 * instruction). */
static unsigned swizzle_lane(unsigned i, unsigned offset)
{
    const unsigned mask = offset & 31;
    if (offset >= 0xe000) { /* FFT: the bits below the mask reversed */
        const unsigned n = mask ? (unsigned)__builtin_ctz(mask) : 5;
        unsigned j = i >> n << n;
        for (unsigned b = 0; b < n; b++)
            j |= (i >> b & 1) << (n - 1 - b);
        return j;
    }
    if (offset >= 0xc000) { /* rotate: offset[10] is the direction, offset[9:5] the distance */
        const unsigned distance = offset >> 5 & 31,
                       by = offset >> 10 & 1 ? 32 - distance : distance;
        return (i & mask) | ((i + by) & ~mask & 31);
    }
    if (offset >= 0x8000) /* quad permutation */
        return (i & ~3u) | (offset >> (2 * (i & 3)) & 3);
    return ((i & mask) | (offset >> 5 & 31)) ^ (offset >> 10 & 31);
}

static void ds_swizzle(sim_wave *w, const sim_inst *inst)
{
    const uint64_t exec = sim_exec_mask(w);
    uint32_t in[SIM_LANES];
    unsigned l;
    memcpy(in, w->v[inst->ops[1].reg], sizeof in);
    FOR_LANES(l, exec) {
        const unsigned j = swizzle_lane(l & 31, (unsigned)inst->offset & 0xffff) | (l & 32);
        w->v[inst->ops[0].reg][l] = exec >> j & 1 ? in[j] : 0;
    }
}

static void ds_permute(sim_wave *w, const sim_inst *inst)
{
    const uint64_t exec = sim_exec_mask(w);
    const uint32_t *addr = w->v[inst->ops[1].reg], *data = w->v[inst->ops[2].reg];
    uint32_t out[SIM_LANES] = {0};
    unsigned l;
    FOR_LANES(l, exec)
        out[(addr[l] + (uint32_t)inst->offset) / 4 % SIM_LANES] = data[l];
    FOR_LANES(l, exec)
        w->v[inst->ops[0].reg][l] = out[l];
}

static void ds_bpermute(sim_wave *w, const sim_inst *inst)
{
    const uint64_t exec = sim_exec_mask(w);
    const uint32_t *addr = w->v[inst->ops[1].reg], *data = w->v[inst->ops[2].reg];
    uint32_t out[SIM_LANES];
    for (unsigned l = 0; l < SIM_LANES; l++) {
        const unsigned from = (addr[l] + (uint32_t)inst->offset) / 4 % SIM_LANES;
        out[l] = exec >> from & 1 ? data[from] : 0;
    }
    unsigned l;
    FOR_LANES(l, exec)
        w->v[inst->ops[0].reg][l] = out[l];
}

static void ds_nop(sim_wave *w, const sim_inst *inst)
{
    (void)w;
    (void)inst;
}

/* ---- the table ---- */

#define F950 .min_arch = SIM_GFX950
#define ATOMIC(name, rtn_name, op)                                                                 \
    {name, "Sb32 Sb32", ds_atomic, .aux = op},                                                     \
    {                                                                                              \
        rtn_name, "Db32 Sb32 Sb32", ds_atomic, .aux = (op) | RETURNS                               \
    }
#define ATOMIC64(name, rtn_name, op)                                                               \
    {name, "Sb32 Sb64", ds_atomic, .aux = (op) | WIDE},                                            \
    {                                                                                              \
        rtn_name, "Db64 Sb32 Sb64", ds_atomic, .aux = (op) | WIDE | RETURNS                        \
    }
#define ATOMIC2(name, rtn_name, op)                                                                \
    {name, "Sb32 Sb32 Sb32", ds_atomic, .aux = (op) | TWO_DATA},                                   \
    {                                                                                              \
        rtn_name, "Db32 Sb32 Sb32 Sb32", ds_atomic, .aux = (op) | TWO_DATA | RETURNS               \
    }
#define ATOMIC2_64(name, rtn_name, op)                                                             \
    {name, "Sb32 Sb64 Sb64", ds_atomic, .aux = (op) | TWO_DATA | WIDE},                            \
    {                                                                                              \
        rtn_name, "Db64 Sb32 Sb64 Sb64", ds_atomic, .aux = (op) | TWO_DATA | WIDE | RETURNS        \
    }

const sim_op SIM_TABLE(ds)[] = {
    {"ds_read_b32", "Db32 Sb32", ds_read, .aux = 1},
    {"ds_read_b64", "Db64 Sb32", ds_read, .aux = 2},
    {"ds_read_b96", "Db96 Sb32", ds_read, .aux = 3},
    {"ds_read_b128", "Db128 Sb32", ds_read, .aux = 4},
    {"ds_read_u8", "Db32 Sb32", ds_read_sub, .aux = 1},
    {"ds_read_i8", "Db32 Sb32", ds_read_sub, .aux = 1 | SIGNED},
    {"ds_read_u16", "Db32 Sb32", ds_read_sub, .aux = 2},
    {"ds_read_i16", "Db32 Sb32", ds_read_sub, .aux = 2 | SIGNED},
    {"ds_read_u8_d16", "Db32 Sb32", ds_read_sub, .aux = 1 | D16},
    {"ds_read_u8_d16_hi", "Db32 Sb32", ds_read_sub, .aux = 1 | D16 | HI},
    {"ds_read_i8_d16", "Db32 Sb32", ds_read_sub, .aux = 1 | SIGNED | D16},
    {"ds_read_i8_d16_hi", "Db32 Sb32", ds_read_sub, .aux = 1 | SIGNED | D16 | HI},
    {"ds_read_u16_d16", "Db32 Sb32", ds_read_sub, .aux = 2 | D16},
    {"ds_read_u16_d16_hi", "Db32 Sb32", ds_read_sub, .aux = 2 | D16 | HI},
    {"ds_read2_b32", "Db64 Sb32", ds_read2, .aux = 1 | 4 << 8},
    {"ds_read2st64_b32", "Db64 Sb32", ds_read2, .aux = 1 | 256 << 8},
    {"ds_read2_b64", "Db128 Sb32", ds_read2, .aux = 2 | 8 << 8},
    {"ds_read2st64_b64", "Db128 Sb32", ds_read2, .aux = 2 | 512 << 8},
    {"ds_read_addtid_b32", "Db32", ds_read_addtid, .aux = 0},
    {"ds_read_b64_tr_b16", "Db64 Sb32", ds_read_tr, .aux = 16 | 2 << 8, F950},
    {"ds_read_b64_tr_b8", "Db64 Sb32", ds_read_tr, .aux = 8 | 2 << 8, F950},
    {"ds_read_b64_tr_b4", "Db64 Sb32", ds_read_tr, .aux = 4 | 2 << 8, F950},
    {"ds_read_b96_tr_b6", "Db96 Sb32", ds_read_tr, .aux = 6 | 3 << 8, F950},
    {"ds_write_b8", "Sb32 Sb32", ds_write_sub, .aux = 1},
    {"ds_write_b8_d16_hi", "Sb32 Sb32", ds_write_sub, .aux = 1 | HI},
    {"ds_write_b16", "Sb32 Sb32", ds_write_sub, .aux = 2},
    {"ds_write_b16_d16_hi", "Sb32 Sb32", ds_write_sub, .aux = 2 | HI},
    {"ds_write_b32", "Sb32 Sb32", ds_write, .aux = 1},
    {"ds_write_b64", "Sb32 Sb64", ds_write, .aux = 2},
    {"ds_write_b96", "Sb32 Sb96", ds_write, .aux = 3},
    {"ds_write_b128", "Sb32 Sb128", ds_write, .aux = 4},
    {"ds_write2_b32", "Sb32 Sb32 Sb32", ds_write2, .aux = 1 | 4 << 8},
    {"ds_write2st64_b32", "Sb32 Sb32 Sb32", ds_write2, .aux = 1 | 256 << 8},
    {"ds_write2_b64", "Sb32 Sb64 Sb64", ds_write2, .aux = 2 | 8 << 8},
    {"ds_write2st64_b64", "Sb32 Sb64 Sb64", ds_write2, .aux = 2 | 512 << 8},
    {"ds_write_addtid_b32", "Sb32", ds_write_addtid, .aux = 0},
    ATOMIC("ds_add_u32", "ds_add_rtn_u32", SIM_ADD),
    ATOMIC("ds_sub_u32", "ds_sub_rtn_u32", SIM_SUB),
    ATOMIC("ds_rsub_u32", "ds_rsub_rtn_u32", SIM_RSUB),
    ATOMIC("ds_inc_u32", "ds_inc_rtn_u32", SIM_INC),
    ATOMIC("ds_dec_u32", "ds_dec_rtn_u32", SIM_DEC),
    ATOMIC("ds_min_i32", "ds_min_rtn_i32", SIM_SMIN),
    ATOMIC("ds_max_i32", "ds_max_rtn_i32", SIM_SMAX),
    ATOMIC("ds_min_u32", "ds_min_rtn_u32", SIM_UMIN),
    ATOMIC("ds_max_u32", "ds_max_rtn_u32", SIM_UMAX),
    ATOMIC("ds_and_b32", "ds_and_rtn_b32", SIM_AND),
    ATOMIC("ds_or_b32", "ds_or_rtn_b32", SIM_OR),
    ATOMIC("ds_xor_b32", "ds_xor_rtn_b32", SIM_XOR),
    ATOMIC("ds_add_f32", "ds_add_rtn_f32", SIM_FADD),
    ATOMIC("ds_min_f32", "ds_min_rtn_f32", SIM_FMIN),
    ATOMIC("ds_max_f32", "ds_max_rtn_f32", SIM_FMAX),
    ATOMIC("ds_pk_add_f16", "ds_pk_add_rtn_f16", SIM_PK_F16),
    ATOMIC("ds_pk_add_bf16", "ds_pk_add_rtn_bf16", SIM_PK_BF16),
    {"ds_wrxchg_rtn_b32", "Db32 Sb32 Sb32", ds_atomic, .aux = SIM_SWAP | RETURNS},
    ATOMIC2("ds_cmpst_b32", "ds_cmpst_rtn_b32", SIM_CMPSWAP),
    ATOMIC2("ds_cmpst_f32", "ds_cmpst_rtn_f32", SIM_FCMPSWAP),
    ATOMIC2("ds_mskor_b32", "ds_mskor_rtn_b32", SIM_MSKOR),
    {"ds_wrap_rtn_b32", "Db32 Sb32 Sb32 Sb32", ds_atomic, .aux = SIM_WRAP | TWO_DATA | RETURNS},
    {"ds_wrxchg2_rtn_b32", "Db64 Sb32 Sb32 Sb32", ds_wrxchg2, .aux = 1 | 4 << 8},
    {"ds_wrxchg2st64_rtn_b32", "Db64 Sb32 Sb32 Sb32", ds_wrxchg2, .aux = 1 | 256 << 8},
    ATOMIC64("ds_add_u64", "ds_add_rtn_u64", SIM_ADD),
    ATOMIC64("ds_sub_u64", "ds_sub_rtn_u64", SIM_SUB),
    ATOMIC64("ds_rsub_u64", "ds_rsub_rtn_u64", SIM_RSUB),
    ATOMIC64("ds_inc_u64", "ds_inc_rtn_u64", SIM_INC),
    ATOMIC64("ds_dec_u64", "ds_dec_rtn_u64", SIM_DEC),
    ATOMIC64("ds_min_i64", "ds_min_rtn_i64", SIM_SMIN),
    ATOMIC64("ds_max_i64", "ds_max_rtn_i64", SIM_SMAX),
    ATOMIC64("ds_min_u64", "ds_min_rtn_u64", SIM_UMIN),
    ATOMIC64("ds_max_u64", "ds_max_rtn_u64", SIM_UMAX),
    ATOMIC64("ds_and_b64", "ds_and_rtn_b64", SIM_AND),
    ATOMIC64("ds_or_b64", "ds_or_rtn_b64", SIM_OR),
    ATOMIC64("ds_xor_b64", "ds_xor_rtn_b64", SIM_XOR),
    ATOMIC64("ds_add_f64", "ds_add_rtn_f64", SIM_FADD),
    ATOMIC64("ds_min_f64", "ds_min_rtn_f64", SIM_FMIN),
    ATOMIC64("ds_max_f64", "ds_max_rtn_f64", SIM_FMAX),
    {"ds_wrxchg_rtn_b64", "Db64 Sb32 Sb64", ds_atomic, .aux = SIM_SWAP | WIDE | RETURNS},
    ATOMIC2_64("ds_cmpst_b64", "ds_cmpst_rtn_b64", SIM_CMPSWAP),
    ATOMIC2_64("ds_cmpst_f64", "ds_cmpst_rtn_f64", SIM_FCMPSWAP),
    ATOMIC2_64("ds_mskor_b64", "ds_mskor_rtn_b64", SIM_MSKOR),
    {"ds_wrxchg2_rtn_b64", "Db128 Sb32 Sb64 Sb64", ds_wrxchg2, .aux = 2 | 8 << 8},
    {"ds_wrxchg2st64_rtn_b64", "Db128 Sb32 Sb64 Sb64", ds_wrxchg2, .aux = 2 | 512 << 8},
    {"ds_condxchg32_rtn_b64", "Db64 Sb32 Sb64", ds_condxchg32, .aux = 0},
    {"ds_append", "Db32", ds_append, .aux = 0},
    {"ds_consume", "Db32", ds_append, .aux = 1},
    {"ds_swizzle_b32", "Db32 Sb32", ds_swizzle, .aux = 0},
    {"ds_permute_b32", "Db32 Sb32 Sb32", ds_permute, .aux = 0},
    {"ds_bpermute_b32", "Db32 Sb32 Sb32", ds_bpermute, .aux = 0},
    {"ds_nop", "", ds_nop, .aux = 0},
    {0}};
