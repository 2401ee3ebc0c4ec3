/* Scalar ALU, branches and program control: SOP1, SOP2, SOPK, SOPC, SOPP.
 * Semantics: "AMD Instinct MI300" and "CDNA4" ISA guides, instruction chapters of these encodings.
 */
#include "sim/engine.h"
#include "sim/landing.h"
#include "sim/lanes.h"
#include "sim/program.h"
#include "sim/wave.h"

static uint32_t get32(const sim_wave *w, const sim_inst *in, unsigned i)
{
    const sim_operand *o = &in->ops[i];

    if (o->kind == SIM_SGPR && __builtin_expect(o->reg == SIM_VCCZ || o->reg == SIM_EXECZ, 0))
        return sim_sreg64(w, o->reg == SIM_VCCZ ? SIM_VCC : SIM_EXEC) == 0;
    return sim_scalar32(w, o);
}

static uint64_t get64(const sim_wave *w, const sim_inst *in, unsigned i)
{
    return sim_scalar64(w, &in->ops[i]);
}

static void set32(sim_wave *w, const sim_inst *in, uint32_t value)
{
    w->s[in->ops[0].reg] = value;
}

static void set64(sim_wave *w, const sim_inst *in, uint64_t value)
{
    sim_set_sreg64(w, in->ops[0].reg, value);
}

static void set_scc(sim_wave *w, bool scc)
{
    w->s[SIM_SCC] = scc;
}

static int32_t simm16(const sim_inst *in)
{
    return (int16_t)in->enc;
}

/* ---- operations by shape: a and b are the sources, d the result ---- */

#define OP2_32(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = get32(w, in, 1), b = get32(w, in, 2);                                         \
        set32(w, in, (uint32_t)(expr));                                                            \
    }
#define OP2_32_SCC(name, expr, scc)                                                                \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = get32(w, in, 1), b = get32(w, in, 2), d = (uint32_t)(expr);                   \
        set_scc(w, scc);                                                                           \
        set32(w, in, d);                                                                           \
    }
#define OP2_64_SCC(name, expr)                                                                     \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1), b = get64(w, in, 2), d = (uint64_t)(expr);                   \
        set_scc(w, d != 0);                                                                        \
        set64(w, in, d);                                                                           \
    }
/* Second source of 32 bits. */
#define OP2_64S_SCC(name, expr)                                                                    \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1), d;                                                           \
        uint32_t b = get32(w, in, 2);                                                              \
        d = (uint64_t)(expr);                                                                      \
        set_scc(w, d != 0);                                                                        \
        set64(w, in, d);                                                                           \
    }
#define OP1_32(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = get32(w, in, 1);                                                              \
        set32(w, in, (uint32_t)(expr));                                                            \
    }
#define OP1_32_SCC(name, expr)                                                                     \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = get32(w, in, 1), d = (uint32_t)(expr);                                        \
        set_scc(w, d != 0);                                                                        \
        set32(w, in, d);                                                                           \
    }
#define OP1_64(name, expr)                                                                         \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1);                                                              \
        set64(w, in, (uint64_t)(expr));                                                            \
    }
#define OP1_64_SCC(name, expr)                                                                     \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1), d = (uint64_t)(expr);                                        \
        set_scc(w, d != 0);                                                                        \
        set64(w, in, d);                                                                           \
    }
#define OP1_32_64(name, expr) /* 32-bit result of a 64-bit source */                               \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1);                                                              \
        set32(w, in, (uint32_t)(expr));                                                            \
    }
#define COMPARE32(name, expr)                                                                      \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = get32(w, in, 0), b = get32(w, in, 1);                                         \
        set_scc(w, expr);                                                                          \
    }
#define COMPARE64(name, expr)                                                                      \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 0), b = get64(w, in, 1);                                         \
        set_scc(w, expr);                                                                          \
    }
#define COMPARE64S(name, expr)                                                                     \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 0);                                                              \
        uint32_t b = get32(w, in, 1);                                                              \
        set_scc(w, expr);                                                                          \
    }
#define COMPAREK(name, type, expr)                                                                 \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        type a = (type)w->s[in->ops[0].reg], b = (type)simm16(in);                                 \
        set_scc(w, expr);                                                                          \
    }
#define COMPAREKU(name, expr)                                                                      \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint32_t a = w->s[in->ops[0].reg], b = (uint16_t)in->enc;                                  \
        set_scc(w, expr);                                                                          \
    }

#define I32(x) ((int32_t)(x))
#define SIGN(x) ((uint32_t)(x) >> 31)

/* ---- SOP2 ---- */

OP2_32_SCC(add_u32, a + b, d < a)
OP2_32_SCC(sub_u32, a - b, b > a)
OP2_32_SCC(add_i32, a + b, SIGN(a) == SIGN(b) && SIGN(a) != SIGN(d))
OP2_32_SCC(sub_i32, a - b, SIGN(a) != SIGN(b) && SIGN(a) != SIGN(d))
OP2_32_SCC(addc_u32, (uint64_t)a + b + w->s[SIM_SCC], ((uint64_t)a + b + w->s[SIM_SCC]) >> 32)
OP2_32_SCC(subb_u32, a - b - w->s[SIM_SCC], (uint64_t)b + w->s[SIM_SCC] > a)
OP2_32_SCC(min_i32, I32(a) < I32(b) ? a : b, I32(a) < I32(b))
OP2_32_SCC(min_u32, a < b ? a : b, a < b)
OP2_32_SCC(max_i32, I32(a) >= I32(b) ? a : b, I32(a) >= I32(b))
OP2_32_SCC(max_u32, a >= b ? a : b, a >= b)
OP2_32(cselect_b32, w->s[SIM_SCC] ? a : b)
OP2_32_SCC(and_b32, a & b, d != 0)
OP2_32_SCC(or_b32, a | b, d != 0)
OP2_32_SCC(xor_b32, a ^ b, d != 0)
OP2_32_SCC(andn2_b32, a & ~b, d != 0)
OP2_32_SCC(orn2_b32, a | ~b, d != 0)
OP2_32_SCC(nand_b32, ~(a & b), d != 0)
OP2_32_SCC(nor_b32, ~(a | b), d != 0)
OP2_32_SCC(xnor_b32, ~(a ^ b), d != 0)
OP2_64_SCC(and_b64, a & b)
OP2_64_SCC(or_b64, a | b)
OP2_64_SCC(xor_b64, a ^ b)
OP2_64_SCC(andn2_b64, a & ~b)
OP2_64_SCC(orn2_b64, a | ~b)
OP2_64_SCC(nand_b64, ~(a & b))
OP2_64_SCC(nor_b64, ~(a | b))
OP2_64_SCC(xnor_b64, ~(a ^ b))
OP2_32_SCC(lshl_b32, a << (b & 31), d != 0)
OP2_32_SCC(lshr_b32, a >> (b & 31), d != 0)
OP2_32_SCC(ashr_i32, I32(a) >> (b & 31), d != 0)
OP2_64S_SCC(lshl_b64, a << (b & 63))
OP2_64S_SCC(lshr_b64, a >> (b & 63))
OP2_64S_SCC(ashr_i64, (int64_t)a >> (b & 63))
OP2_32(bfm_b32, ((1u << (a & 31)) - 1) << (b & 31))
OP2_32(mul_i32, a * b)
OP2_32(mul_hi_u32, (uint64_t)a * b >> 32)
OP2_32(mul_hi_i32, (int64_t)I32(a) * I32(b) >> 32)
OP2_32_SCC(absdiff_i32, I32(a - b) < 0 ? b - a : a - b, d != 0)
OP2_32_SCC(lshl1_add_u32, (a << 1) + b, (((uint64_t)a << 1) + b) >> 32)
OP2_32_SCC(lshl2_add_u32, (a << 2) + b, (((uint64_t)a << 2) + b) >> 32)
OP2_32_SCC(lshl3_add_u32, (a << 3) + b, (((uint64_t)a << 3) + b) >> 32)
OP2_32_SCC(lshl4_add_u32, (a << 4) + b, (((uint64_t)a << 4) + b) >> 32)
OP2_32(pack_ll, (a & 0xffff) | b << 16)
OP2_32(pack_lh, (a & 0xffff) | (b & 0xffff0000))
OP2_32(pack_hh, a >> 16 | (b & 0xffff0000))

static void cselect_b64(sim_wave *w, const sim_inst *in)
{
    set64(w, in, get64(w, in, w->s[SIM_SCC] ? 1 : 2));
}

static void bfm_b64(sim_wave *w, const sim_inst *in)
{
    uint32_t a = get32(w, in, 1), b = get32(w, in, 2);

    set64(w, in, ((1ull << (a & 63)) - 1) << (b & 63));
}

/* Field of `width` bits at `at`; a width of the whole register or more keeps all that is left. */
static uint64_t bit_field(uint64_t v, unsigned at, unsigned width, unsigned bits, bool is_signed)
{
    v >>= at;
    if (width >= bits)
        return v;
    if (!width)
        return 0;
    v &= (1ull << width) - 1;
    return is_signed && v >> (width - 1) & 1 ? v | ~0ull << width : v;
}

OP2_32_SCC(bfe_u32, bit_field(a, b & 31, b >> 16 & 127, 32, false), d != 0)
OP2_64S_SCC(bfe_u64, bit_field(a, b & 63, b >> 16 & 127, 64, false))

static void bfe_i32(sim_wave *w, const sim_inst *in)
{
    uint32_t a = get32(w, in, 1), b = get32(w, in, 2), width = b >> 16 & 127, at = b & 31;
    uint32_t d = width + at >= 32 && width ? (uint32_t)(I32(a) >> at)
                                           : (uint32_t)bit_field(a, at, width, 32, true);
    set_scc(w, d != 0);
    set32(w, in, d);
}

static void bfe_i64(sim_wave *w, const sim_inst *in)
{
    uint64_t a = get64(w, in, 1);
    uint32_t b = get32(w, in, 2), width = b >> 16 & 127, at = b & 63;
    uint64_t d = width + at >= 64 && width ? (uint64_t)((int64_t)a >> at)
                                           : bit_field(a, at, width, 64, true);

    set_scc(w, d != 0);
    set64(w, in, d);
}

/* ---- SOP1 ---- */

static uint64_t whole_quads(uint64_t v)
{
    v |= v >> 1 & 0x7777777777777777;
    v |= v >> 2 & 0x3333333333333333;
    return (v & 0x1111111111111111) * 15;
}

static uint64_t reverse64(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 64; i++) r |= (v >> i & 1) << (63 - i);
    return r;
}

static uint64_t quad_mask(uint64_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 16; i++) r |= (uint64_t)((v >> 4 * i & 15) != 0) << i;
    return r;
}

static uint64_t replicate_bits(uint32_t v)
{
    uint64_t r = 0;

    for (unsigned i = 0; i < 32; i++) r |= (uint64_t)(v >> i & 1) * 3 << 2 * i;
    return r;
}

/* Position of the first bit from the top that differs from the sign; -1 if all are the same. */
static uint32_t sign_run(int64_t v, unsigned bits)
{
    uint64_t x = (uint64_t)(v < 0 ? ~v : v);

    return x ? (uint32_t)__builtin_clzll(x) - (64 - bits) : ~0u;
}

OP1_32(mov_b32, a)
OP1_64(mov_b64, a)
OP1_32_SCC(not_b32, ~a)
OP1_64_SCC(not_b64, ~a)
OP1_32_SCC(wqm_b32, whole_quads(a))
OP1_64_SCC(wqm_b64, whole_quads(a))
OP1_32(brev_b32, reverse64(a) >> 32)
OP1_64(brev_b64, reverse64(a))
OP1_32_SCC(bcnt0_b32, 32 - __builtin_popcount(a))
OP1_32_SCC(bcnt1_b32, __builtin_popcount(a))
OP1_32(ff0_b32, ~a ? __builtin_ctz(~a) : -1)
OP1_32_64(ff0_b64, ~a ? __builtin_ctzll(~a) : -1)
OP1_32(ff1_b32, a ? __builtin_ctz(a) : -1)
OP1_32_64(ff1_b64, a ? __builtin_ctzll(a) : -1)
OP1_32(flbit_b32, a ? __builtin_clz(a) : -1)
OP1_32_64(flbit_b64, a ? __builtin_clzll(a) : -1)
OP1_32(flbit_i32, sign_run(I32(a), 32))
OP1_32_64(flbit_i64, sign_run((int64_t)a, 64))
OP1_32(sext_i8, (int8_t)a)
OP1_32(sext_i16, (int16_t)a)
OP1_32_SCC(abs_i32, I32(a) < 0 ? 0u - a : a)
OP1_32_SCC(quadmask_b32, quad_mask(a))
OP1_64_SCC(quadmask_b64, quad_mask(a))

static void bcnt0_b64(sim_wave *w, const sim_inst *in)
{
    uint32_t d = 64 - (uint32_t)__builtin_popcountll(get64(w, in, 1));

    set_scc(w, d != 0);
    set32(w, in, d);
}

static void bcnt1_b64(sim_wave *w, const sim_inst *in)
{
    uint32_t d = (uint32_t)__builtin_popcountll(get64(w, in, 1));

    set_scc(w, d != 0);
    set32(w, in, d);
}

static void bitreplicate(sim_wave *w, const sim_inst *in)
{
    set64(w, in, replicate_bits(get32(w, in, 1)));
}

static void cmov_b32(sim_wave *w, const sim_inst *in)
{
    if (w->s[SIM_SCC])
        set32(w, in, get32(w, in, 1));
}

static void cmov_b64(sim_wave *w, const sim_inst *in)
{
    if (w->s[SIM_SCC])
        set64(w, in, get64(w, in, 1));
}

/* aux: the bit's new value */
static void bitset_b32(sim_wave *w, const sim_inst *in)
{
    uint32_t bit = 1u << (get32(w, in, 1) & 31), old = w->s[in->ops[0].reg];

    set32(w, in, in->aux ? old | bit : old & ~bit);
}

static void bitset_b64(sim_wave *w, const sim_inst *in)
{
    uint64_t bit = 1ull << (get32(w, in, 1) & 63), old = sim_sreg64(w, in->ops[0].reg);

    set64(w, in, in->aux ? old | bit : old & ~bit);
}

#define SAVEEXEC(name, expr)                                                                       \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        uint64_t a = get64(w, in, 1), e = sim_exec_mask(w), d = (expr);                            \
        set64(w, in, e);                                                                           \
        sim_set_sreg64(w, SIM_EXEC, d);                                                            \
        set_scc(w, d != 0);                                                                        \
    }
SAVEEXEC(and_saveexec, a & e)
SAVEEXEC(or_saveexec, a | e)
SAVEEXEC(xor_saveexec, a ^ e)
SAVEEXEC(andn2_saveexec, a & ~e)
SAVEEXEC(orn2_saveexec, a | ~e)
SAVEEXEC(nand_saveexec, ~(a &e))
SAVEEXEC(nor_saveexec, ~(a | e))
SAVEEXEC(xnor_saveexec, ~(a ^ e))
SAVEEXEC(andn1_saveexec, ~a & e)
SAVEEXEC(orn1_saveexec, ~a | e)

static void wrexec(sim_wave *w, const sim_inst *in, uint64_t d)
{
    sim_set_sreg64(w, SIM_EXEC, d);
    set64(w, in, d);
    set_scc(w, d != 0);
}

static void andn1_wrexec(sim_wave *w, const sim_inst *in)
{
    wrexec(w, in, ~get64(w, in, 1) & sim_exec_mask(w));
}

static void andn2_wrexec(sim_wave *w, const sim_inst *in)
{
    wrexec(w, in, get64(w, in, 1) & ~sim_exec_mask(w));
}

/* Relative moves: the register number plus M0. */
static void movrel(sim_wave *w, const sim_inst *in, bool source, unsigned dwords)
{
    unsigned from = in->ops[1].reg, to = in->ops[0].reg, limit = SIM_FLAT_SCRATCH - dwords + 1;
    unsigned *moved = source ? &from : &to;
    uint64_t value;

    if (*moved + (uint64_t)w->s[SIM_M0] >= limit) {
        sim_fault(w, in, -1, 0, "s%u plus M0 = %u is outside of the SGPRs", *moved, w->s[SIM_M0]);
        return;
    }
    *moved += w->s[SIM_M0];
    value = in->ops[1].kind == SIM_SGPR ? sim_sreg64(w, from) : in->ops[1].value;
    w->s[to] = (uint32_t)value;
    if (dwords == 2)
        w->s[to + 1] = (uint32_t)(value >> 32);
}

static void movrels(sim_wave *w, const sim_inst *in)
{
    movrel(w, in, true, in->aux);
}

static void movreld(sim_wave *w, const sim_inst *in)
{
    movrel(w, in, false, in->aux);
}

/* ---- control flow ---- */

static void jump(sim_wave *w, const sim_inst *in, uint64_t address)
{
    const sim_inst *target = sim_program_at(w->program, address);

    if (!target) {
        sim_fault(w, in, -1, address, "jump to 0x%llx, where no instruction starts",
                  (unsigned long long)address);
        return;
    }
    w->next = target;
}

static void take(sim_wave *w, const sim_inst *in)
{
    if (__builtin_expect(!in->target, 0)) {
        sim_fault(w, in, -1, 0, "branch by %d dwords leaves the code", simm16(in));
        return;
    }
    w->next = in->target;
}

#define BRANCH(name, condition)                                                                    \
    static void name(sim_wave *w, const sim_inst *in)                                              \
    {                                                                                              \
        if (condition)                                                                             \
            take(w, in);                                                                           \
    }
BRANCH(branch, true)
BRANCH(cbranch_scc0, !w->s[SIM_SCC])
BRANCH(cbranch_scc1, w->s[SIM_SCC])
BRANCH(cbranch_vccz, !sim_sreg64(w, SIM_VCC))
BRANCH(cbranch_vccnz, sim_sreg64(w, SIM_VCC))
BRANCH(cbranch_execz, !sim_exec_mask(w))
BRANCH(cbranch_execnz, sim_exec_mask(w))

static void getpc(sim_wave *w, const sim_inst *in)
{
    set64(w, in, in->pc + 4);
}

static void setpc(sim_wave *w, const sim_inst *in)
{
    jump(w, in, get64(w, in, 0));
}

static void swappc(sim_wave *w, const sim_inst *in)
{
    uint64_t to = get64(w, in, 1);

    set64(w, in, in->pc + 4);
    jump(w, in, to);
}

static void call(sim_wave *w, const sim_inst *in)
{
    set64(w, in, in->pc + 4);
    take(w, in);
}

static void nothing(sim_wave *w, const sim_inst *in)
{
    (void)w, (void)in;
}

/* simm16: vmcnt in 3:0 and 15:14 (ISA guide, "S_WAITCNT"). Everything but loads to LDS is done at
 * once. */
static void waitcnt(sim_wave *w, const sim_inst *in)
{
    const unsigned simm16 = in->enc & 0xffff, vmcnt = (simm16 & 15) | (simm16 >> 10 & 0x30);

    if (sim_landing_due(w, vmcnt)) {
        w->vm_wait = vmcnt;
        w->state = SIM_AT_WAIT;
    }
}

static void endpgm(sim_wave *w, const sim_inst *in)
{
    (void)in;
    sim_landing_finish(w, 0);
    w->state = SIM_ENDED;
}

static void barrier(sim_wave *w, const sim_inst *in)
{
    (void)in;
    w->state = SIM_AT_BARRIER;
}

/* Trap 3 is __builtin_debugtrap, which goes on when no debugger is there. */
static void trap(sim_wave *w, const sim_inst *in)
{
    unsigned id = (uint8_t)in->enc;

    if (id != 3)
        sim_fault(w, in, -1, 0, "the kernel executed trap %u%s", id,
                  id == 2 ? " (abort or failed assertion)" : "");
}

static void sethalt(sim_wave *w, const sim_inst *in)
{
    if (in->enc & 1)
        sim_fault(w, in, -1, 0, "the kernel halted its wave");
}

/* ---- hardware registers ---- */

enum {
    HWREG_MODE = 1,
    HWREG_STATUS = 2,
    HWREG_HW_ID = 4,
    HWREG_LDS_ALLOC = 6,
    HWREG_SH_MEM_BASES = 15,
    HWREG_XCC_ID = 20
};

static uint32_t workgroup_number(const sim_wave *w)
{
    const sim_dispatch *d = w->wg->dispatch;
    uint64_t gx = (d->grid[0] + d->block[0] - 1) / d->block[0],
             gy = (d->grid[1] + d->block[1] - 1) / d->block[1];

    return (uint32_t)((w->wg->id[2] * gy + w->wg->id[1]) * gx + w->wg->id[0]);
}

static uint32_t read_hwreg(const sim_wave *w, unsigned id)
{
    switch (id) {
    case HWREG_MODE: return w->mode;
    case HWREG_STATUS:
        return w->s[SIM_SCC] | (uint32_t)(sim_exec_mask(w) == 0) << 9 |
               (uint32_t)!sim_sreg64(w, SIM_VCC) << 10;
    case HWREG_HW_ID: return w->index & 15;
    case HWREG_LDS_ALLOC: return (w->wg->lds_bytes + 511) / 512 << 12;
    case HWREG_SH_MEM_BASES:
        return (SIM_SHARED_APERTURE_HI & 0xffff0000) | SIM_PRIVATE_APERTURE_HI >> 16;
    case HWREG_XCC_ID:
        return w->wg->dispatch->num_xcc > 1 ? workgroup_number(w) % w->wg->dispatch->num_xcc : 0;
    default: return 0;
    }
}

static uint32_t hwreg_mask(const sim_inst *in)
{
    unsigned offset = in->enc >> 6 & 31, size = (in->enc >> 11 & 31) + 1;

    return (uint32_t)(((1ull << size) - 1) << offset);
}

static void getreg(sim_wave *w, const sim_inst *in)
{
    set32(w, in, (read_hwreg(w, in->enc & 63) & hwreg_mask(in)) >> (in->enc >> 6 & 31));
}

static void set_mode(sim_wave *w, uint32_t mode)
{
    w->mode = mode;
    w->mode_default = (mode & 0xff) == 0xf0 && !(mode & SIM_MODE_GPR_IDX_EN);
}

static void setreg(sim_wave *w, const sim_inst *in)
{
    uint32_t mask = hwreg_mask(in), value = get32(w, in, 1) << (in->enc >> 6 & 31);

    if ((in->enc & 63) == HWREG_MODE)
        set_mode(w, (w->mode & ~mask) | (value & mask));
}

/* VGPR indexing: M0[7:0] is added to the register numbers that M0[15:12] selects (bit 0..2 sources,
 * bit 3 the destination) while MODE.GPR_IDX_EN is set. */
static void set_gpr_idx_on(sim_wave *w, const sim_inst *in)
{
    w->s[SIM_M0] =
        (w->s[SIM_M0] & ~0xf0ffu) | (get32(w, in, 0) & 0xff) | (uint32_t)(in->enc >> 8 & 15) << 12;
    set_mode(w, w->mode | SIM_MODE_GPR_IDX_EN);
}

static void set_gpr_idx_off(sim_wave *w, const sim_inst *in)
{
    (void)in;
    set_mode(w, w->mode & ~SIM_MODE_GPR_IDX_EN);
}

static void set_gpr_idx_mode(sim_wave *w, const sim_inst *in)
{
    w->s[SIM_M0] = (w->s[SIM_M0] & ~0xf000u) | (uint32_t)(in->enc & 15) << 12;
}

static void set_gpr_idx_idx(sim_wave *w, const sim_inst *in)
{
    w->s[SIM_M0] = (w->s[SIM_M0] & ~0xffu) | (get32(w, in, 0) & 0xff);
}

/* ---- SOPC ---- */

COMPARE32(cmp_eq_u32, a == b)
COMPARE32(cmp_lg_u32, a != b)
COMPARE32(cmp_gt_i32, I32(a) > I32(b))
COMPARE32(cmp_ge_i32, I32(a) >= I32(b))
COMPARE32(cmp_lt_i32, I32(a) < I32(b))
COMPARE32(cmp_le_i32, I32(a) <= I32(b))
COMPARE32(cmp_gt_u32, a > b)
COMPARE32(cmp_ge_u32, a >= b)
COMPARE32(cmp_lt_u32, a < b)
COMPARE32(cmp_le_u32, a <= b)
COMPARE32(bitcmp0_b32, !(a >> (b & 31) & 1))
COMPARE32(bitcmp1_b32, a >> (b & 31) & 1)
COMPARE64S(bitcmp0_b64, !(a >> (b & 63) & 1))
COMPARE64S(bitcmp1_b64, a >> (b & 63) & 1)
COMPARE64(cmp_eq_u64, a == b)
COMPARE64(cmp_lg_u64, a != b)

/* ---- SOPK ---- */

COMPAREK(cmpk_eq_i32, int32_t, a == b)
COMPAREK(cmpk_lg_i32, int32_t, a != b)
COMPAREK(cmpk_gt_i32, int32_t, a > b)
COMPAREK(cmpk_ge_i32, int32_t, a >= b)
COMPAREK(cmpk_lt_i32, int32_t, a < b)
COMPAREK(cmpk_le_i32, int32_t, a <= b)
COMPAREKU(cmpk_eq_u32, a == b)
COMPAREKU(cmpk_lg_u32, a != b)
COMPAREKU(cmpk_gt_u32, a > b)
COMPAREKU(cmpk_ge_u32, a >= b)
COMPAREKU(cmpk_lt_u32, a < b)
COMPAREKU(cmpk_le_u32, a <= b)

static void movk(sim_wave *w, const sim_inst *in)
{
    set32(w, in, (uint32_t)simm16(in));
}

static void cmovk(sim_wave *w, const sim_inst *in)
{
    if (w->s[SIM_SCC])
        set32(w, in, (uint32_t)simm16(in));
}

static void addk(sim_wave *w, const sim_inst *in)
{
    uint32_t a = w->s[in->ops[0].reg], b = (uint32_t)simm16(in), d = a + b;

    set_scc(w, SIGN(a) == SIGN(b) && SIGN(a) != SIGN(d));
    set32(w, in, d);
}

static void mulk(sim_wave *w, const sim_inst *in)
{
    set32(w, in, w->s[in->ops[0].reg] * (uint32_t)simm16(in));
}

#define D1 "Db32 Sb32"
#define D2 "Db32 Sb32 Sb32"
#define D1_64 "Db64 Sb64"
#define D2_64 "Db64 Sb64 Sb64"
#define D2_64S "Db64 Sb64 Sb32"
#define C32 "Sb32 Sb32"

const sim_op SIM_TABLE(salu)[] = {{"s_add_u32", D2, add_u32},
                                  {"s_sub_u32", D2, sub_u32},
                                  {"s_add_i32", D2, add_i32},
                                  {"s_sub_i32", D2, sub_i32},
                                  {"s_addc_u32", D2, addc_u32},
                                  {"s_subb_u32", D2, subb_u32},
                                  {"s_min_i32", D2, min_i32},
                                  {"s_min_u32", D2, min_u32},
                                  {"s_max_i32", D2, max_i32},
                                  {"s_max_u32", D2, max_u32},
                                  {"s_cselect_b32", D2, cselect_b32},
                                  {"s_cselect_b64", D2_64, cselect_b64},
                                  {"s_and_b32", D2, and_b32},
                                  {"s_and_b64", D2_64, and_b64},
                                  {"s_or_b32", D2, or_b32},
                                  {"s_or_b64", D2_64, or_b64},
                                  {"s_xor_b32", D2, xor_b32},
                                  {"s_xor_b64", D2_64, xor_b64},
                                  {"s_andn2_b32", D2, andn2_b32},
                                  {"s_andn2_b64", D2_64, andn2_b64},
                                  {"s_orn2_b32", D2, orn2_b32},
                                  {"s_orn2_b64", D2_64, orn2_b64},
                                  {"s_nand_b32", D2, nand_b32},
                                  {"s_nand_b64", D2_64, nand_b64},
                                  {"s_nor_b32", D2, nor_b32},
                                  {"s_nor_b64", D2_64, nor_b64},
                                  {"s_xnor_b32", D2, xnor_b32},
                                  {"s_xnor_b64", D2_64, xnor_b64},
                                  {"s_lshl_b32", D2, lshl_b32},
                                  {"s_lshl_b64", D2_64S, lshl_b64},
                                  {"s_lshr_b32", D2, lshr_b32},
                                  {"s_lshr_b64", D2_64S, lshr_b64},
                                  {"s_ashr_i32", D2, ashr_i32},
                                  {"s_ashr_i64", "Db64 Si64 Sb32", ashr_i64},
                                  {"s_bfm_b32", D2, bfm_b32},
                                  {"s_bfm_b64", "Db64 Sb32 Sb32", bfm_b64},
                                  {"s_mul_i32", D2, mul_i32},
                                  {"s_bfe_u32", D2, bfe_u32},
                                  {"s_bfe_i32", D2, bfe_i32},
                                  {"s_bfe_u64", D2_64S, bfe_u64},
                                  {"s_bfe_i64", "Db64 Si64 Sb32", bfe_i64},
                                  {"s_absdiff_i32", D2, absdiff_i32},
                                  {"s_mul_hi_u32", D2, mul_hi_u32},
                                  {"s_mul_hi_i32", D2, mul_hi_i32},
                                  {"s_lshl1_add_u32", D2, lshl1_add_u32},
                                  {"s_lshl2_add_u32", D2, lshl2_add_u32},
                                  {"s_lshl3_add_u32", D2, lshl3_add_u32},
                                  {"s_lshl4_add_u32", D2, lshl4_add_u32},
                                  {"s_pack_ll_b32_b16", D2, pack_ll},
                                  {"s_pack_lh_b32_b16", D2, pack_lh},
                                  {"s_pack_hh_b32_b16", D2, pack_hh},

                                  {"s_mov_b32", D1, mov_b32},
                                  {"s_mov_b64", D1_64, mov_b64},
                                  {"s_cmov_b32", D1, cmov_b32},
                                  {"s_cmov_b64", D1_64, cmov_b64},
                                  {"s_not_b32", D1, not_b32},
                                  {"s_not_b64", D1_64, not_b64},
                                  {"s_wqm_b32", D1, wqm_b32},
                                  {"s_wqm_b64", D1_64, wqm_b64},
                                  {"s_brev_b32", D1, brev_b32},
                                  {"s_brev_b64", D1_64, brev_b64},
                                  {"s_bcnt0_i32_b32", D1, bcnt0_b32},
                                  {"s_bcnt0_i32_b64", "Db32 Sb64", bcnt0_b64},
                                  {"s_bcnt1_i32_b32", D1, bcnt1_b32},
                                  {"s_bcnt1_i32_b64", "Db32 Sb64", bcnt1_b64},
                                  {"s_ff0_i32_b32", D1, ff0_b32},
                                  {"s_ff0_i32_b64", "Db32 Sb64", ff0_b64},
                                  {"s_ff1_i32_b32", D1, ff1_b32},
                                  {"s_ff1_i32_b64", "Db32 Sb64", ff1_b64},
                                  {"s_flbit_i32_b32", D1, flbit_b32},
                                  {"s_flbit_i32_b64", "Db32 Sb64", flbit_b64},
                                  {"s_flbit_i32", D1, flbit_i32},
                                  {"s_flbit_i32_i64", "Db32 Si64", flbit_i64},
                                  {"s_sext_i32_i8", D1, sext_i8},
                                  {"s_sext_i32_i16", D1, sext_i16},
                                  {"s_bitset0_b32", D1, bitset_b32, .aux = 0},
                                  {"s_bitset1_b32", D1, bitset_b32, .aux = 1},
                                  {"s_bitset0_b64", "Db64 Sb32", bitset_b64, .aux = 0},
                                  {"s_bitset1_b64", "Db64 Sb32", bitset_b64, .aux = 1},
                                  {"s_getpc_b64", "Db64", getpc},
                                  {"s_setpc_b64", "Sb64", setpc},
                                  {"s_swappc_b64", D1_64, swappc},
                                  {"s_and_saveexec_b64", D1_64, and_saveexec},
                                  {"s_or_saveexec_b64", D1_64, or_saveexec},
                                  {"s_xor_saveexec_b64", D1_64, xor_saveexec},
                                  {"s_andn2_saveexec_b64", D1_64, andn2_saveexec},
                                  {"s_orn2_saveexec_b64", D1_64, orn2_saveexec},
                                  {"s_nand_saveexec_b64", D1_64, nand_saveexec},
                                  {"s_nor_saveexec_b64", D1_64, nor_saveexec},
                                  {"s_xnor_saveexec_b64", D1_64, xnor_saveexec},
                                  {"s_andn1_saveexec_b64", D1_64, andn1_saveexec},
                                  {"s_orn1_saveexec_b64", D1_64, orn1_saveexec},
                                  {"s_andn1_wrexec_b64", D1_64, andn1_wrexec},
                                  {"s_andn2_wrexec_b64", D1_64, andn2_wrexec},
                                  {"s_quadmask_b32", D1, quadmask_b32},
                                  {"s_quadmask_b64", D1_64, quadmask_b64},
                                  {"s_abs_i32", D1, abs_i32},
                                  {"s_movrels_b32", D1, movrels, .aux = 1},
                                  {"s_movrels_b64", D1_64, movrels, .aux = 2},
                                  {"s_movreld_b32", D1, movreld, .aux = 1},
                                  {"s_movreld_b64", D1_64, movreld, .aux = 2},
                                  {"s_bitreplicate_b64_b32", "Db64 Sb32", bitreplicate},
                                  {"s_set_gpr_idx_idx", "Sb32", set_gpr_idx_idx},

                                  {"s_cmp_eq_i32", C32, cmp_eq_u32},
                                  {"s_cmp_lg_i32", C32, cmp_lg_u32},
                                  {"s_cmp_gt_i32", C32, cmp_gt_i32},
                                  {"s_cmp_ge_i32", C32, cmp_ge_i32},
                                  {"s_cmp_lt_i32", C32, cmp_lt_i32},
                                  {"s_cmp_le_i32", C32, cmp_le_i32},
                                  {"s_cmp_eq_u32", C32, cmp_eq_u32},
                                  {"s_cmp_lg_u32", C32, cmp_lg_u32},
                                  {"s_cmp_gt_u32", C32, cmp_gt_u32},
                                  {"s_cmp_ge_u32", C32, cmp_ge_u32},
                                  {"s_cmp_lt_u32", C32, cmp_lt_u32},
                                  {"s_cmp_le_u32", C32, cmp_le_u32},
                                  {"s_bitcmp0_b32", C32, bitcmp0_b32},
                                  {"s_bitcmp1_b32", C32, bitcmp1_b32},
                                  {"s_bitcmp0_b64", "Sb64 Sb32", bitcmp0_b64},
                                  {"s_bitcmp1_b64", "Sb64 Sb32", bitcmp1_b64},
                                  {"s_cmp_eq_u64", "Sb64 Sb64", cmp_eq_u64},
                                  {"s_cmp_lg_u64", "Sb64 Sb64", cmp_lg_u64},
                                  {"s_set_gpr_idx_on", "Sb32 Iany", set_gpr_idx_on},

                                  {"s_movk_i32", "Db32 Iany", movk},
                                  {"s_cmovk_i32", "Db32 Iany", cmovk},
                                  {"s_addk_i32", "Db32 Iany", addk},
                                  {"s_mulk_i32", "Db32 Iany", mulk},
                                  {"s_cmpk_eq_i32", "Sb32 Iany", cmpk_eq_i32},
                                  {"s_cmpk_lg_i32", "Sb32 Iany", cmpk_lg_i32},
                                  {"s_cmpk_gt_i32", "Sb32 Iany", cmpk_gt_i32},
                                  {"s_cmpk_ge_i32", "Sb32 Iany", cmpk_ge_i32},
                                  {"s_cmpk_lt_i32", "Sb32 Iany", cmpk_lt_i32},
                                  {"s_cmpk_le_i32", "Sb32 Iany", cmpk_le_i32},
                                  {"s_cmpk_eq_u32", "Sb32 Iany", cmpk_eq_u32},
                                  {"s_cmpk_lg_u32", "Sb32 Iany", cmpk_lg_u32},
                                  {"s_cmpk_gt_u32", "Sb32 Iany", cmpk_gt_u32},
                                  {"s_cmpk_ge_u32", "Sb32 Iany", cmpk_ge_u32},
                                  {"s_cmpk_lt_u32", "Sb32 Iany", cmpk_lt_u32},
                                  {"s_cmpk_le_u32", "Sb32 Iany", cmpk_le_u32},
                                  {"s_getreg_b32", "Db32 Iany", getreg},
                                  {"s_setreg_b32", "Iany Sb32", setreg},
                                  {"s_setreg_imm32_b32", "Iany Sb32", setreg},
                                  {"s_call_b64", "Db64 Iany", call},

                                  {"s_nop", "Iany", nothing},
                                  {"s_endpgm", "", endpgm},
                                  {"s_endpgm", "Iany", endpgm},
                                  {"s_endpgm_saved", "", endpgm},
                                  {"s_branch", "Iany", branch},
                                  {"s_cbranch_scc0", "Iany", cbranch_scc0},
                                  {"s_cbranch_scc1", "Iany", cbranch_scc1},
                                  {"s_cbranch_vccz", "Iany", cbranch_vccz},
                                  {"s_cbranch_vccnz", "Iany", cbranch_vccnz},
                                  {"s_cbranch_execz", "Iany", cbranch_execz},
                                  {"s_cbranch_execnz", "Iany", cbranch_execnz},
                                  {"s_barrier", "", barrier},
                                  {"s_setkill", "Iany", nothing},
                                  {"s_waitcnt", "Iany", waitcnt},
                                  {"s_sethalt", "Iany", sethalt},
                                  {"s_sleep", "Iany", nothing},
                                  {"s_setprio", "Iany", nothing},
                                  {"s_sendmsg", "Iany", nothing},
                                  {"s_sendmsghalt", "Iany", nothing},
                                  {"s_trap", "Iany", trap},
                                  {"s_icache_inv", "", nothing},
                                  {"s_incperflevel", "Iany", nothing},
                                  {"s_decperflevel", "Iany", nothing},
                                  {"s_ttracedata", "", nothing},
                                  {"s_wakeup", "", nothing},
                                  {"s_cbranch_cdbgsys", "Iany", nothing},
                                  {"s_cbranch_cdbguser", "Iany", nothing},
                                  {"s_cbranch_cdbgsys_or_user", "Iany", nothing},
                                  {"s_cbranch_cdbgsys_and_user", "Iany", nothing},
                                  {"s_set_gpr_idx_off", "", set_gpr_idx_off},
                                  {"s_set_gpr_idx_mode", "Iany", set_gpr_idx_mode},
                                  {0}};
