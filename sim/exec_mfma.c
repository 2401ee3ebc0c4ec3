/* Matrix instructions: V_MFMA_*, V_SMFMAC_*, V_MFMA_SCALE_*. They ignore EXEC (CDNA ISA guides,
 * "Matrix Arithmetic Instructions"), the MODE register's rounding and denormal fields, and write
 * all 64 lanes.
 *
 * Where an element lives (AMD matrix instruction calculator, InstCalcGfx9; l is a lane, M = N
 * everywhere): A: i = l % M, block = l / M % B, k = (l / (M*B)) * E + e, where E = K*M*B / 64
 * elements of a lane are packed from the lowest bits of its first register up. B alike with j for
 * i. C, D with 32-bit elements: groups of 4 rows. With R = 64 / N groups side by side in a register
 * and P = blocks in a register, row i of block b is register b*[M*N/64] + (i / (4R))*4 + i % 4,
 * lanes (b % P)*N + (i/4 % R)*P*N + j. With 64-bit elements: the same with groups of 1 row and
 * register pairs.
 *
 * f8f6f4 with an 8-bit format keeps its 32 bytes in two halves of 16: element e is k = 16*(l/M) +
 * e%16 + K/2*(e/16); with 6 and 4-bit formats the 32 elements are contiguous, k = 32*(l/M) + e
 * (AMD's article "Matrix Core Programming on AMD CDNA3 and CDNA4", its kernels for 32x32x64 with
 * fp8 and fp4; 16x16x128 by the same rule). The scale of row i and block k/32 is in lane i +
 * M*(k/32).
 *
 * Arithmetic. AMD documents no order of summation and no intermediate precision; the models below
 * were derived from hardware and validated bit by bit by the MMA-Sim project (arXiv 2511.10909),
 * for gfx90a and gfx942: f64, f32: a chain of fused multiply-adds, k ascending. gfx90a f16, bf16:
 * products of 4 (bf16 without _1k: 2) added pairwise in float, each step rounded, then added to the
 * accumulator. Subnormal inputs, including C, and subnormal results are flushed (also MIOpen's
 * documentation, "MI200 MFMA behavior"). gfx942 f16, bf16 (up to 8 products), xf32 (4), fp8 (16):
 * fused sum, see fused_sum below, rounded to nearest even. gfx950 is not covered by it; choices
 * made here: its f16, bf16 and fp8 forms as on gfx942 in groups of 8 and 16; f8f6f4: the dot
 * product of each block of 32 in double, times the scales, added to the accumulator and rounded
 * once
 * ("the scales are applied after the normal dot product and prior to accumulation", the article
 * above). SMFMAC sums its stored products as the dense instruction does. */
#include "sim/float.h"
#include "sim/mfma_sum.h"
#include "sim/wave.h"

enum { T_F32, T_XF32, T_F16, T_BF16, T_FP8, T_BF8, T_I8, T_F64, T_F8F6F4 };

typedef struct mfma {
    unsigned n; /* rows and columns */
    unsigned k; /* inner dimension; for sparse instructions that of B */
    unsigned blocks;
    unsigned a, b; /* T_* */
    bool sparse;
    bool pairs; /* gfx90a bf16 without _1k */
} mfma;

#define SHAPE(n, k, blocks, a, b)                                                                  \
    ((n) | (k) << 8 | (blocks) << 16 | (uint32_t)(a) << 21 | (uint32_t)(b) << 25)
#define SPARSE (1u << 29)
#define PAIRS (1u << 30)

static inline mfma unpack(uint32_t aux)
{
    return (mfma){aux & 255,      aux >> 8 & 255,      aux >> 16 & 31,    aux >> 21 & 15,
                  aux >> 25 & 15, (aux & SPARSE) != 0, (aux & PAIRS) != 0};
}

#define MAX_ELEMENTS 2048 /* n * k * blocks of the largest operand; n * n * blocks */
#define SLACK 16          /* rows of 4 columns are read as whole vectors */

/* One input matrix, decoded: element (block, k, i) at (block * K + k) * n + i. i8 elements are
 * int32 bits. */
typedef struct matrix {
    _Alignas(64) float value[MAX_ELEMENTS + SLACK];
    _Alignas(64) int16_t exp[MAX_ELEMENTS + SLACK]; /* for the fused sum */
    int most;                                       /* largest exponent; 128: an infinity or NaN */
} matrix;

static inline unsigned element_bits(unsigned type)
{
    switch (type) {
    case T_F64: return 64;
    case T_F32:
    case T_XF32: return 32;
    case T_F16:
    case T_BF16: return 16;
    default: return 8;
    }
}

/* Under another MODE the engine leaves the host in the mode of the last instruction that obeys it.
 */
static inline void leave_mode(const sim_wave *w)
{
    if (!w->mode_default)
        sim_default_host_mode();
}

/* Neighbouring lanes of one row; every n is a constant for the compiler. */
INLINE void copy_row(void *to, const void *from, unsigned n)
{
    switch (n) {
    case 32: memcpy(to, from, 32 * sizeof(float)); break;
    case 16: memcpy(to, from, 16 * sizeof(float)); break;
    default: memcpy(to, from, 4 * sizeof(float)); break;
    }
}

/* ---- decoding of A and B ---- */

static inline uint32_t decode_lane(uint32_t dword, unsigned type, unsigned shift, sim_arch arch)
{
    switch (type) {
    case T_F16: return sim_decode_bits(dword >> shift & 0xffff, SIM_FMT_F16);
    case T_BF16: return (dword >> shift) << 16;
    case T_XF32: return dword & 0xffffe000u;
    case T_FP8:
        return arch == SIM_GFX942 ? sim_decode_bits(dword >> shift & 0xff, SIM_FMT_E4M3_FNUZ)
                                  : sim_decode_bits(dword >> shift & 0xff, SIM_FMT_E4M3);
    case T_BF8:
        return arch == SIM_GFX942 ? sim_decode_bits(dword >> shift & 0xff, SIM_FMT_E5M2_FNUZ)
                                  : sim_decode_bits(dword >> shift & 0xff, SIM_FMT_E5M2);
    case T_I8: return (uint32_t)(int32_t)(int8_t)(dword >> shift);
    default: return dword;
    }
}

/* Element e of all lanes of a register group; a switch per register, not per lane. */
INLINE void decode_as(uint32_t out[restrict SIM_LANES], const uint32_t in[restrict SIM_LANES],
                      unsigned type, unsigned shift, sim_arch arch)
{
    for (unsigned l = 0; l < SIM_LANES; l++)
        out[l] = decode_lane(in[l], type, shift, arch);
}

static void decode_element(uint32_t out[SIM_LANES], const uint32_t in[SIM_LANES], unsigned type,
                           unsigned shift, sim_arch arch)
{
    switch (type) {
    case T_F16: decode_as(out, in, T_F16, shift, arch); break;
    case T_BF16: decode_as(out, in, T_BF16, shift, arch); break;
    case T_XF32: decode_as(out, in, T_XF32, 0, arch); break;
    case T_FP8:
        if (arch == SIM_GFX942)
            decode_as(out, in, T_FP8, shift, SIM_GFX942);
        else
            decode_as(out, in, T_FP8, shift, SIM_GFX950);
        break;
    case T_BF8:
        if (arch == SIM_GFX942)
            decode_as(out, in, T_BF8, shift, SIM_GFX942);
        else
            decode_as(out, in, T_BF8, shift, SIM_GFX950);
        break;
    case T_I8: decode_as(out, in, T_I8, shift, arch); break;
    default: decode_as(out, in, T_F32, 0, arch); break;
    }
}

/* Lane of B that lane l reads under BLGP (CDNA3 ISA guide, table of the BLGP field; the calculator
 * alike). */
static unsigned blgp_lane(unsigned l, unsigned blgp)
{
    switch (blgp) {
    case 1: return l % 32;
    case 2: return l % 32 + 32;
    case 3: return (l + 16) % 64;
    case 4:
    case 5:
    case 6:
    case 7: return l % 16 + 16 * (blgp - 4);
    default: return l;
    }
}

/* Decodes operand registers into elements [block][k][i] as float or int32 bits. `k` counts stored
 * elements. A lane holds one run of k, or two that lie k / 2 apart. */
static void load_matrix(const sim_wave *w, unsigned reg, const mfma *s, unsigned type, unsigned k,
                        unsigned runs, unsigned blgp, uint32_t *restrict out)
{
    const unsigned per_lane = k * s->n * s->blocks / SIM_LANES, per_reg = 32 / element_bits(type);
    const unsigned run = per_lane / runs;
    _Alignas(64) uint32_t lanes[SIM_LANES], moved[SIM_LANES];
    for (unsigned e = 0; e < per_lane; e++) {
        decode_element(lanes, w->v[reg + e / per_reg], type, e % per_reg * element_bits(type),
                       w->arch);
        const unsigned base = e < run ? e : k / runs + e - run;
        const uint32_t *from = lanes;
        if (blgp) {
            for (unsigned l = 0; l < SIM_LANES; l++)
                moved[l] = lanes[blgp_lane(l, blgp)];
            from = moved;
        }
        for (unsigned segment = 0; segment < SIM_LANES / s->n; segment++) {
            const unsigned block = segment % s->blocks, at = base + segment / s->blocks * run;
            copy_row(out + (block * k + at) * s->n, from + segment * s->n, s->n);
        }
    }
}

/* CBSZ, ABID: one block of A serves 2^cbsz neighbouring blocks; abid picks it. */
static void broadcast_blocks(uint32_t *a, unsigned block_elements, unsigned blocks, unsigned cbsz,
                             unsigned abid)
{
    uint32_t copy[MAX_ELEMENTS];
    memcpy(copy, a, (size_t)block_elements * blocks * sizeof *a);
    for (unsigned b = 0; b < blocks; b++) {
        const unsigned from = (((b >> cbsz) << cbsz) + abid) % blocks;
        memcpy(a + b * block_elements, copy + from * block_elements, block_elements * sizeof *a);
    }
}

/* Behind the last row of 4 columns. */
static void clear_slack(matrix *m, unsigned count)
{
    memset(m->value + count, 0, SLACK * sizeof *m->value);
    memset(m->exp + count, 0, SLACK * sizeof *m->exp);
}

static void load_a(const sim_wave *w, const sim_inst *inst, const mfma *s, matrix *m)
{
    const unsigned stored = s->sparse ? s->k / 2 : s->k;
    uint32_t *out = (uint32_t *)m->value;
    load_matrix(w, inst->ops[1].reg, s, s->a, stored, 1, 0, out);
    if (!s->sparse && inst->cbsz && s->blocks > 1)
        broadcast_blocks(out, s->k * s->n, s->blocks, inst->cbsz, inst->abid);
}

/* B of a sparse instruction that has 8 registers (gfx950) comes in two runs, as 8-bit operands of
 * v_mfma_f32_*_f8f6f4 do: lane l has k = 16 (l / n) + e, then K / 2 + 16 (l / n) + e of 8-bit
 * types. No document says so; AITER's kernel fmha_v4_fwd/fwd_hd128_fp8.co for gfx950 sums the rows
 * of a 32x32x64 operand with v_smfmac_f32_16x16x128_fp8_fp8 and a pattern of ones, which is right
 * with this layout only. For 16-bit types it is inferred from that. */
static void load_b(const sim_wave *w, const sim_inst *inst, const mfma *s, matrix *m)
{
    const bool wide = s->sparse && s->n * s->k * element_bits(s->b) == SIM_LANES * 256;
    load_matrix(w, inst->ops[2].reg, s, s->b, s->k, wide ? 2 : 1, s->sparse ? 0 : inst->blgp,
                (uint32_t *)m->value);
    if (s->n == 4)
        clear_slack(m, s->n * s->k * s->blocks);
}

/* ---- C and D ---- */

/* An inline constant of a double operand: the decoder gives integers as they are and fractions as
 * float bits. */
static double inline_double(uint64_t value)
{
    const int64_t integer = (int64_t)value;
    if (integer >= -16 && integer <= 64)
        return sim_double(value);
    if (value == 0x3e22f983u)
        return sim_double(0x3fc45f306dc9c882u);
    return sim_float((uint32_t)value);
}

/* The first row of block b of C or D. */
static float *block_of(sim_wave *w, unsigned reg, const mfma *s, unsigned b)
{
    const unsigned size = s->n * s->n;
    return (float *)w->v[reg] + (size < SIM_LANES ? b * s->n : b * size);
}

/* C becomes the content of D, which may overlap it. */
static void copy_c(sim_wave *w, const sim_operand *d, const sim_operand *c, const mfma *s)
{
    const size_t count = s->n * s->n * s->blocks;
    uint32_t *to = w->v[d->reg];
    if (c->kind == SIM_VGPR) {
        if (c->reg != d->reg)
            memmove(to, w->v[c->reg], count * sizeof *to);
        return;
    }
    for (size_t x = 0; x < count; x++)
        to[x] = (uint32_t)c->value;
}

/* The rows of B that the stored elements of row i of a sparse A meet: index pairs of 2 bits, two
 * pairs for each four k. The lane that holds the elements holds their indices: `stored` of 2 bits
 * from bit 0, or the ABID-th such set when CBSZ is 0 (the calculator; LLVM's verifier for the wider
 * sets of gfx950, llvm-project pull request 193541). */
static void sparse_rows(const sim_wave *w, const sim_inst *inst, const mfma *s, unsigned i,
                        uint8_t *rows)
{
    const unsigned stored = s->k / 2, per_lane = stored * s->n / SIM_LANES;
    const unsigned set = inst->cbsz == 0 ? inst->abid * per_lane * 2 % 32 : 0;
    for (unsigned t = 0; t < stored; t++) {
        const unsigned lane = t / per_lane * s->n + i, e = t % per_lane;
        const uint32_t index = w->v[inst->ops[3].reg][lane] >> set >> (2 * e) & 3;
        rows[t] = (uint8_t)(t / per_lane * per_lane * 2 + e / 2 * 4 + index);
    }
}

/* ---- f32, xf32, f16, bf16, fp8, i8 ---- */

static enum model model_of(const mfma *s, sim_arch arch)
{
    switch (s->a) {
    case T_F32: return CHAIN;
    case T_I8: return INTEGER;
    case T_FP8:
    case T_BF8: return FUSED8;
    default: return arch == SIM_GFX90A ? PAIRWISE : FUSED;
    }
}

/* Products that are summed before the accumulator is rounded. */
static unsigned group_of(const mfma *s, enum model model, unsigned terms)
{
    const unsigned most = model == PAIRWISE ? (s->pairs ? 2 : 4)
                          : s->a == T_XF32  ? 4
                          : model == FUSED8 ? 16
                                            : 8;
    return terms < most ? terms : most;
}

static int min_exponent(unsigned type, sim_arch arch)
{
    switch (type) {
    case T_F16: return -14;
    case T_FP8: return arch == SIM_GFX942 ? -7 : -6;
    case T_BF8: return arch == SIM_GFX942 ? -15 : -14;
    default: return -126;
    }
}

/* Fills m->exp, with `bias` added, and m->most. A subnormal of the source format has that format's
 * smallest exponent, a zero -126. count: of whole vectors. */
static void find_exponents(matrix *m, unsigned count, int smallest, int bias)
{
    vi most = splat_i(-126);
    for (unsigned x = 0; x < count; x += LANES_V) {
        const vi bits = load_i(m->value + x) & 0x7fffffff, zero = bits == 0;
        const vi e = (max_i((bits >> 23) - 127, splat_i(smallest)) & ~zero) | (-126 & zero);
        const vs exp = __builtin_convertvector(e + bias, vs);
        memcpy(m->exp + x, &exp, sizeof exp);
        most = max_i(most, e);
    }
    m->most = -126;
    for (unsigned j = 0; j < LANES_V; j++)
        m->most = most[j] > m->most ? most[j] : m->most;
}

static void flush_matrix(matrix *m, unsigned count, float smallest)
{
    for (unsigned x = 0; x < count; x++)
        m->value[x] = __builtin_fabsf(m->value[x]) < smallest ? 0.0f : m->value[x];
}

/* One copy of the loops for each size; `group` is a constant, too. */
INLINE void add_tile(const tile *x, enum model model, unsigned terms, unsigned group)
{
    switch (x->n) {
    case 32: add_terms(x, 32, model, terms, group); break;
    case 16: add_terms(x, 16, model, terms, group); break;
    default: add_terms(x, 4, model, terms, group); break;
    }
}

static void sum_chain(const tile *x, unsigned terms)
{
    if (terms == 1)
        add_tile(x, CHAIN, terms, 1);
    else
        add_tile(x, CHAIN, terms, 2);
}

/* Not inline: nothing of it may be done in another mode of the host. */
static __attribute__((noinline)) void sum_pairwise(const tile *x, unsigned terms, unsigned group)
{
    if (group == 2)
        add_tile(x, PAIRWISE, terms, 2);
    else
        add_tile(x, PAIRWISE, terms, 4);
}

static void sum_fused(const tile *x, unsigned terms, unsigned group)
{
    switch (group) {
    case 16: add_tile(x, FUSED8, terms, 16); break;
    case 8: add_tile(x, FUSED, terms, 8); break;
    default: add_tile(x, FUSED, terms, 4); break;
    }
}

static void sum_tile(const tile *x, enum model model, unsigned terms, unsigned group, bool narrow)
{
    switch (model) {
    case CHAIN: sum_chain(x, terms); break;
    case INTEGER: add_tile(x, INTEGER, terms, 4); break;
    case PAIRWISE:
        flush_subnormals();
        sum_pairwise(x, terms, group);
        sim_default_host_mode();
        break;
    default:
        if (narrow)
            sum_fused(x, terms, group);
        else
            exact_tile(x, terms, group, model == FUSED8);
    }
}

/* What the models need of A and B. */
static void prepare(matrix *m, enum model model, unsigned type, unsigned count, sim_arch arch,
                    int bias)
{
    if (model == PAIRWISE)
        flush_matrix(m, count, type == T_F16 ? 0x1p-14f : 0x1p-126f);
    if (model == FUSED || model == FUSED8)
        find_exponents(m, count, min_exponent(type, arch), bias);
}

static void sum_blocks(sim_wave *w, const sim_inst *inst, const mfma *s, enum model model,
                       const matrix *a, const matrix *b)
{
    const bool narrow = a->most < 128 && b->most < 128 && a->most + b->most <= 125;
    const unsigned terms = s->sparse ? s->k / 2 : s->k;
    uint8_t rows[32][64];
    for (unsigned i = 0; s->sparse && i < s->n; i++)
        sparse_rows(w, inst, s, i, rows[i]);
    copy_c(w, &inst->ops[0], &inst->ops[s->sparse ? 0 : 3], s);
    for (unsigned block = 0; block < s->blocks; block++) {
        const unsigned at_a = block * terms * s->n, at_b = block * s->k * s->n;
        const tile x = {s->n,
                        a->value + at_a,
                        a->exp + at_a,
                        b->value + at_b,
                        b->exp + at_b,
                        block_of(w, inst->ops[0].reg, s, block),
                        s->sparse ? (const uint8_t(*)[64])rows : NULL};
        sum_tile(&x, model, terms, group_of(s, model, terms), narrow);
    }
}

static void mfma_32(sim_wave *w, const sim_inst *inst)
{
    const mfma s = unpack(inst->aux);
    const enum model model = model_of(&s, w->arch);
    const unsigned count = s.n * s.k * s.blocks;
    matrix a, b;
    leave_mode(w);
    load_a(w, inst, &s, &a);
    load_b(w, inst, &s, &b);
    prepare(&a, model, s.a, s.sparse ? count / 2 : count, w->arch, 127);
    prepare(&b, model, s.b, count, w->arch, 0);
    sum_blocks(w, inst, &s, model, &a, &b);
}

/* ---- f64 ---- */

static double get_double(const uint32_t (*regs)[SIM_LANES], unsigned lane)
{
    return sim_double((uint64_t)regs[1][lane] << 32 | regs[0][lane]);
}

/* The BLGP field negates the sources here: bit 0 A, bit 1 B, bit 2 C (LLVM prints it as blgp on
 * gfx90a and as neg from gfx942 on, for the same intrinsic:
 * llvm/test/CodeGen/AMDGPU/llvm.amdgcn.mfma.gfx90a.ll). */
static void mfma_f64(sim_wave *w, const sim_inst *inst)
{
    const mfma s = unpack(inst->aux);
    const unsigned negate = inst->blgp, regs = s.n * s.n * s.blocks / SIM_LANES * 2;
    const uint32_t(*ra)[SIM_LANES] = (const uint32_t(*)[SIM_LANES]) & w->v[inst->ops[1].reg];
    const uint32_t(*rb)[SIM_LANES] = (const uint32_t(*)[SIM_LANES]) & w->v[inst->ops[2].reg];
    const bool constant = inst->ops[3].kind != SIM_VGPR;
    const double c_value = constant ? inline_double(inst->ops[3].value) : 0;
    double a[64], b[64];
    _Alignas(64) uint32_t result[8][SIM_LANES];
    leave_mode(w);
    for (unsigned l = 0; l < SIM_LANES; l++) { /* K*M*B is 64: one element in each lane */
        const unsigned at = (l / s.n % s.blocks * s.k + l / (s.n * s.blocks)) * s.n + l % s.n;
        a[at] = negate & 1 ? -get_double(ra, l) : get_double(ra, l);
        b[at] = negate & 2 ? -get_double(rb, l) : get_double(rb, l);
    }
    for (unsigned block = 0; block < s.blocks; block++)
        for (unsigned i = 0; i < s.n; i++)
            for (unsigned j = 0; j < s.n; j++) {
                const unsigned at = i * 16 + block * 4 + j, pair = at / SIM_LANES * 2;
                const unsigned lane = at % SIM_LANES;
                const double c = constant ? c_value
                                          : get_double((const uint32_t(*)[SIM_LANES]) &
                                                           w->v[inst->ops[3].reg + pair],
                                                       lane);
                double sum = negate & 4 ? -c : c;
                for (unsigned k = 0; k < s.k; k++)
                    sum = __builtin_fma(a[(block * s.k + k) * s.n + i],
                                        b[(block * s.k + k) * s.n + j], sum);
                const uint64_t bits = sim_bits64(sum);
                result[pair][lane] = (uint32_t)bits;
                result[pair + 1][lane] = (uint32_t)(bits >> 32);
            }
    memcpy(w->v[inst->ops[0].reg], result, regs * sizeof result[0]);
}

/* ---- f8f6f4 with and without scales ---- */

/* Decodes 32 elements of each lane into out[k][i]. */
INLINE void load_format(const uint32_t (*regs)[SIM_LANES], sim_format f, const mfma *s, float *out)
{
    const unsigned bits = 1u + f.exp_bits + f.man_bits, mask = (1u << bits) - 1;
    _Alignas(64) uint32_t lanes[SIM_LANES];
    for (unsigned e = 0; e < 32; e++) {
        const unsigned word = e * bits / 32, at = e * bits % 32, more = at + bits > 32;
        const uint32_t *lo = regs[word], *hi = regs[word + more];
        for (unsigned l = 0; l < SIM_LANES; l++) {
            const uint64_t both = (uint64_t)hi[l] << 32 | lo[l];
            lanes[l] = sim_decode_bits((uint32_t)(both >> at) & mask, f);
        }
        for (unsigned part = 0; part < SIM_LANES / s->n; part++) {
            const unsigned k = bits == 8 ? 16 * part + e % 16 + s->k / 2 * (e / 16) : 32 * part + e;
            memcpy(out + k * s->n, lanes + part * s->n, s->n * sizeof *out);
        }
    }
}

/* format: 0 E4M3, 1 E5M2, 2 E2M3, 3 E3M2, 4 E2M1 */
static void load_f8f6f4(const sim_wave *w, const sim_operand *o, unsigned format, const mfma *s,
                        float *out)
{
    const uint32_t(*regs)[SIM_LANES] = (const uint32_t(*)[SIM_LANES]) & w->v[o->reg];
    switch (format) {
    case 0: load_format(regs, SIM_FMT_E4M3, s, out); break;
    case 1: load_format(regs, SIM_FMT_E5M2, s, out); break;
    case 2: load_format(regs, SIM_FMT_E2M3, s, out); break;
    case 3: load_format(regs, SIM_FMT_E3M2, s, out); break;
    default: load_format(regs, SIM_FMT_E2M1, s, out); break;
    }
}

/* Scales of all rows and blocks of 32, scale[block of k][i]. byte: which byte of the register holds
 * them. */
static void load_scales(const sim_wave *w, const sim_operand *o, unsigned byte, const mfma *s,
                        double *scale)
{
    for (unsigned l = 0; l < SIM_LANES; l++) {
        const uint32_t v = o->kind == SIM_VGPR ? w->v[o->reg][l] : sim_scalar32(w, o);
        scale[l / s->n * s->n + l % s->n] = sim_e8m0_to_f64((uint8_t)(v >> (8 * byte)));
    }
}

INLINE void scaled_rows(sim_wave *w, const sim_inst *inst, const mfma *s, unsigned n,
                        const float *a, const float *b, const double *scale_a,
                        const double *scale_b)
{
    _Alignas(64) double wide[MAX_ELEMENTS];
    float *acc = block_of(w, inst->ops[0].reg, s, 0);
    copy_c(w, &inst->ops[0], &inst->ops[3], s);
    for (unsigned x = 0; x < n * s->k; x++)
        wide[x] = b[x];
    for (unsigned i = 0; i < n; i++)
        for (unsigned block = 0; block < s->k / 32; block++)
            scaled_row(a + block * 32 * n + i, n, wide + block * 32 * n, scale_a[block * n + i],
                       scale_b + block * n, acc + row_at(n, i));
}

/* The scaled form is two instructions of 8 bytes, V_MFMA_LD_SCALE_B32 first: its op_sel bits (11,
 * 12) and op_sel_hi bits (59, 60) are the low and high bit of the scales' byte numbers
 * (llvm/test/MC/AMDGPU/mai-gfx950.s). */
static void mfma_f8f6f4(sim_wave *w, const sim_inst *inst)
{
    const mfma s = unpack(inst->aux);
    const bool scaled = inst->num_ops == 6;
    _Alignas(64) float a[MAX_ELEMENTS], b[MAX_ELEMENTS];
    double scale_a[SIM_LANES], scale_b[SIM_LANES];
    if (inst->cbsz > 4 || inst->blgp > 4) {
        sim_fault(w, inst, -1, 0, "cbsz:%u blgp:%u is not a matrix format (0 to 4)", inst->cbsz,
                  inst->blgp);
        return;
    }
    leave_mode(w);
    load_f8f6f4(w, &inst->ops[1], inst->cbsz, &s, a);
    load_f8f6f4(w, &inst->ops[2], inst->blgp, &s, b);
    for (unsigned l = 0; l < SIM_LANES; l++)
        scale_a[l] = scale_b[l] = 1.0;
    if (scaled) {
        load_scales(w, &inst->ops[4], (inst->enc >> 11 & 1) | (inst->enc >> 58 & 2), &s, scale_a);
        load_scales(w, &inst->ops[5], (inst->enc >> 12 & 1) | (inst->enc >> 59 & 2), &s, scale_b);
    }
    if (s.n == 32)
        scaled_rows(w, inst, &s, 32, a, b, scale_a, scale_b);
    else
        scaled_rows(w, inst, &s, 16, a, b, scale_a, scale_b);
}

/* ---- the table ---- */

#define F90A .only_gfx90a = 1
#define F942 .min_arch = SIM_GFX942
#define F950 .min_arch = SIM_GFX950

#define ROW(name, form, n, k, blocks, a, b, flags, arch)                                           \
    {                                                                                              \
        name, form, mfma_32, .aux = SHAPE(n, k, blocks, T_##a, T_##b) | (flags), arch              \
    }
#define DENSE(name, form, n, k, blocks, a, b, arch) ROW(name, form, n, k, blocks, a, b, 0, arch)
#define PAIRS_ROW(name, form, n, k, blocks, a, b, arch)                                            \
    ROW(name, form, n, k, blocks, a, b, PAIRS, arch)
#define ONLY_942_ROW(name, form, n, k, blocks, a, b)                                               \
    {                                                                                              \
        name, form, mfma_32, .aux = SHAPE(n, k, blocks, T_##a, T_##b), .min_arch = SIM_GFX942,     \
                             .max_arch = SIM_GFX942                                                \
    }
#define SPARSE_ROW(name, form, n, k, blocks, a, b, arch)                                           \
    ROW(name, form, n, k, blocks, a, b, SPARSE, arch)

const sim_op SIM_TABLE(mfma)[] = {
    DENSE("v_mfma_f32_32x32x1f32", "Db1024 Sb32 Sb32 Sany", 32, 1, 2, F32, F32, F90A),
    DENSE("v_mfma_f32_16x16x1f32", "Db512 Sb32 Sb32 Sany", 16, 1, 4, F32, F32, F90A),
    DENSE("v_mfma_f32_4x4x1f32", "Db128 Sb32 Sb32 Sany", 4, 1, 16, F32, F32, F90A),
    DENSE("v_mfma_f32_32x32x2f32", "Db512 Sb32 Sb32 Sany", 32, 2, 1, F32, F32, F90A),
    DENSE("v_mfma_f32_16x16x4f32", "Db128 Sb32 Sb32 Sany", 16, 4, 1, F32, F32, F90A),
    DENSE("v_mfma_f32_32x32x4f16", "Db1024 Sb64 Sb64 Sany", 32, 4, 2, F16, F16, F90A),
    DENSE("v_mfma_f32_32x32x4bf16_1k", "Db1024 Sb64 Sb64 Sany", 32, 4, 2, BF16, BF16, F90A),
    DENSE("v_mfma_f32_16x16x4f16", "Db512 Sb64 Sb64 Sany", 16, 4, 4, F16, F16, F90A),
    DENSE("v_mfma_f32_16x16x4bf16_1k", "Db512 Sb64 Sb64 Sany", 16, 4, 4, BF16, BF16, F90A),
    DENSE("v_mfma_f32_4x4x4f16", "Db128 Sb64 Sb64 Sany", 4, 4, 16, F16, F16, F90A),
    DENSE("v_mfma_f32_4x4x4bf16_1k", "Db128 Sb64 Sb64 Sany", 4, 4, 16, BF16, BF16, F90A),
    DENSE("v_mfma_f32_32x32x8f16", "Db512 Sb64 Sb64 Sany", 32, 8, 1, F16, F16, F90A),
    DENSE("v_mfma_f32_32x32x8bf16_1k", "Db512 Sb64 Sb64 Sany", 32, 8, 1, BF16, BF16, F90A),
    DENSE("v_mfma_f32_16x16x16f16", "Db128 Sb64 Sb64 Sany", 16, 16, 1, F16, F16, F90A),
    DENSE("v_mfma_f32_16x16x16bf16_1k", "Db128 Sb64 Sb64 Sany", 16, 16, 1, BF16, BF16, F90A),
    DENSE("v_mfma_i32_32x32x4i8", "Db1024 Sb32 Sb32 Sany", 32, 4, 2, I8, I8, F90A),
    DENSE("v_mfma_i32_16x16x4i8", "Db512 Sb32 Sb32 Sany", 16, 4, 4, I8, I8, F90A),
    DENSE("v_mfma_i32_4x4x4i8", "Db128 Sb32 Sb32 Sany", 4, 4, 16, I8, I8, F90A),
    {"v_mfma_f64_16x16x4f64", "Db256 Sb64 Sb64 Sany", mfma_f64,
     .aux = SHAPE(16, 4, 1, T_F64, T_F64), F90A},
    {"v_mfma_f64_4x4x4f64", "Db64 Sb64 Sb64 Sany", mfma_f64, .aux = SHAPE(4, 4, 4, T_F64, T_F64),
     F90A},
    DENSE("v_mfma_f32_32x32x1_2b_f32", "Db1024 Sb32 Sb32 Sany", 32, 1, 2, F32, F32, F942),
    DENSE("v_mfma_f32_16x16x1_4b_f32", "Db512 Sb32 Sb32 Sany", 16, 1, 4, F32, F32, F942),
    DENSE("v_mfma_f32_4x4x1_16b_f32", "Db128 Sb32 Sb32 Sany", 4, 1, 16, F32, F32, F942),
    DENSE("v_mfma_f32_32x32x2_f32", "Db512 Sb32 Sb32 Sany", 32, 2, 1, F32, F32, F942),
    DENSE("v_mfma_f32_16x16x4_f32", "Db128 Sb32 Sb32 Sany", 16, 4, 1, F32, F32, F942),
    DENSE("v_mfma_f32_32x32x4_2b_f16", "Db1024 Sb64 Sb64 Sany", 32, 4, 2, F16, F16, F942),
    DENSE("v_mfma_f32_32x32x4_2b_bf16", "Db1024 Sb64 Sb64 Sany", 32, 4, 2, BF16, BF16, F942),
    DENSE("v_mfma_f32_16x16x4_4b_f16", "Db512 Sb64 Sb64 Sany", 16, 4, 4, F16, F16, F942),
    DENSE("v_mfma_f32_16x16x4_4b_bf16", "Db512 Sb64 Sb64 Sany", 16, 4, 4, BF16, BF16, F942),
    DENSE("v_mfma_f32_4x4x4_16b_f16", "Db128 Sb64 Sb64 Sany", 4, 4, 16, F16, F16, F942),
    DENSE("v_mfma_f32_4x4x4_16b_bf16", "Db128 Sb64 Sb64 Sany", 4, 4, 16, BF16, BF16, F942),
    DENSE("v_mfma_f32_32x32x8_f16", "Db512 Sb64 Sb64 Sany", 32, 8, 1, F16, F16, F942),
    DENSE("v_mfma_f32_32x32x8_bf16", "Db512 Sb64 Sb64 Sany", 32, 8, 1, BF16, BF16, F942),
    DENSE("v_mfma_f32_16x16x16_f16", "Db128 Sb64 Sb64 Sany", 16, 16, 1, F16, F16, F942),
    DENSE("v_mfma_f32_16x16x16_bf16", "Db128 Sb64 Sb64 Sany", 16, 16, 1, BF16, BF16, F942),
    DENSE("v_mfma_i32_32x32x4_2b_i8", "Db1024 Sb32 Sb32 Sany", 32, 4, 2, I8, I8, F942),
    DENSE("v_mfma_i32_16x16x4_4b_i8", "Db512 Sb32 Sb32 Sany", 16, 4, 4, I8, I8, F942),
    DENSE("v_mfma_i32_4x4x4_16b_i8", "Db128 Sb32 Sb32 Sany", 4, 4, 16, I8, I8, F942),
    {"v_mfma_f64_16x16x4_f64", "Db256 Sb64 Sb64 Sany", mfma_f64,
     .aux = SHAPE(16, 4, 1, T_F64, T_F64), F942},
    {"v_mfma_f64_4x4x4_4b_f64", "Db64 Sb64 Sb64 Sany", mfma_f64,
     .aux = SHAPE(4, 4, 4, T_F64, T_F64), F942},
    PAIRS_ROW("v_mfma_f32_32x32x2bf16", "Db1024 Sb32 Sb32 Sany", 32, 2, 2, BF16, BF16, F90A),
    PAIRS_ROW("v_mfma_f32_16x16x2bf16", "Db512 Sb32 Sb32 Sany", 16, 2, 4, BF16, BF16, F90A),
    PAIRS_ROW("v_mfma_f32_4x4x2bf16", "Db128 Sb32 Sb32 Sany", 4, 2, 16, BF16, BF16, F90A),
    PAIRS_ROW("v_mfma_f32_32x32x4bf16", "Db512 Sb32 Sb32 Sany", 32, 4, 1, BF16, BF16, F90A),
    PAIRS_ROW("v_mfma_f32_16x16x8bf16", "Db128 Sb32 Sb32 Sany", 16, 8, 1, BF16, BF16, F90A),
    DENSE("v_mfma_i32_32x32x8i8", "Db512 Sb32 Sb32 Sany", 32, 8, 1, I8, I8, F90A),
    DENSE("v_mfma_i32_16x16x16i8", "Db128 Sb32 Sb32 Sany", 16, 16, 1, I8, I8, F90A),
    DENSE("v_mfma_i32_32x32x16_i8", "Db512 Sb64 Sb64 Sany", 32, 16, 1, I8, I8, F942),
    DENSE("v_mfma_f32_32x32x16_fp8_fp8", "Db512 Sb64 Sb64 Sany", 32, 16, 1, FP8, FP8, F942),
    DENSE("v_mfma_f32_32x32x16_fp8_bf8", "Db512 Sb64 Sb64 Sany", 32, 16, 1, FP8, BF8, F942),
    DENSE("v_mfma_f32_32x32x16_bf8_fp8", "Db512 Sb64 Sb64 Sany", 32, 16, 1, BF8, FP8, F942),
    DENSE("v_mfma_f32_32x32x16_bf8_bf8", "Db512 Sb64 Sb64 Sany", 32, 16, 1, BF8, BF8, F942),
    DENSE("v_mfma_i32_16x16x32_i8", "Db128 Sb64 Sb64 Sany", 16, 32, 1, I8, I8, F942),
    DENSE("v_mfma_f32_16x16x32_fp8_fp8", "Db128 Sb64 Sb64 Sany", 16, 32, 1, FP8, FP8, F942),
    DENSE("v_mfma_f32_16x16x32_fp8_bf8", "Db128 Sb64 Sb64 Sany", 16, 32, 1, FP8, BF8, F942),
    DENSE("v_mfma_f32_16x16x32_bf8_fp8", "Db128 Sb64 Sb64 Sany", 16, 32, 1, BF8, FP8, F942),
    DENSE("v_mfma_f32_16x16x32_bf8_bf8", "Db128 Sb64 Sb64 Sany", 16, 32, 1, BF8, BF8, F942),
    ONLY_942_ROW("v_mfma_f32_32x32x4_xf32", "Db512 Sb64 Sb64 Sany", 32, 4, 1, XF32, XF32),
    ONLY_942_ROW("v_mfma_f32_16x16x8_xf32", "Db128 Sb64 Sb64 Sany", 16, 8, 1, XF32, XF32),
    DENSE("v_mfma_f32_32x32x16_f16", "Db512 Sb128 Sb128 Sany", 32, 16, 1, F16, F16, F950),
    DENSE("v_mfma_f32_32x32x16_bf16", "Db512 Sb128 Sb128 Sany", 32, 16, 1, BF16, BF16, F950),
    DENSE("v_mfma_f32_16x16x32_f16", "Db128 Sb128 Sb128 Sany", 16, 32, 1, F16, F16, F950),
    DENSE("v_mfma_f32_16x16x32_bf16", "Db128 Sb128 Sb128 Sany", 16, 32, 1, BF16, BF16, F950),
    DENSE("v_mfma_i32_32x32x32_i8", "Db512 Sb128 Sb128 Sany", 32, 32, 1, I8, I8, F950),
    DENSE("v_mfma_i32_16x16x64_i8", "Db128 Sb128 Sb128 Sany", 16, 64, 1, I8, I8, F950),
    SPARSE_ROW("v_smfmac_f32_32x32x16_f16", "Db512 Sb64 Sb128 Sb32", 32, 16, 1, F16, F16, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x16_bf16", "Db512 Sb64 Sb128 Sb32", 32, 16, 1, BF16, BF16, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x32_f16", "Db128 Sb64 Sb128 Sb32", 16, 32, 1, F16, F16, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x32_bf16", "Db128 Sb64 Sb128 Sb32", 16, 32, 1, BF16, BF16, F942),
    SPARSE_ROW("v_smfmac_i32_32x32x32_i8", "Db512 Sb64 Sb128 Sb32", 32, 32, 1, I8, I8, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x32_fp8_fp8", "Db512 Sb64 Sb128 Sb32", 32, 32, 1, FP8, FP8, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x32_fp8_bf8", "Db512 Sb64 Sb128 Sb32", 32, 32, 1, FP8, BF8, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x32_bf8_fp8", "Db512 Sb64 Sb128 Sb32", 32, 32, 1, BF8, FP8, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x32_bf8_bf8", "Db512 Sb64 Sb128 Sb32", 32, 32, 1, BF8, BF8, F942),
    SPARSE_ROW("v_smfmac_i32_16x16x64_i8", "Db128 Sb64 Sb128 Sb32", 16, 64, 1, I8, I8, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x64_fp8_fp8", "Db128 Sb64 Sb128 Sb32", 16, 64, 1, FP8, FP8, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x64_fp8_bf8", "Db128 Sb64 Sb128 Sb32", 16, 64, 1, FP8, BF8, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x64_bf8_fp8", "Db128 Sb64 Sb128 Sb32", 16, 64, 1, BF8, FP8, F942),
    SPARSE_ROW("v_smfmac_f32_16x16x64_bf8_bf8", "Db128 Sb64 Sb128 Sb32", 16, 64, 1, BF8, BF8, F942),
    SPARSE_ROW("v_smfmac_f32_32x32x32_f16", "Db512 Sb128 Sb256 Sb32", 32, 32, 1, F16, F16, F950),
    SPARSE_ROW("v_smfmac_f32_32x32x32_bf16", "Db512 Sb128 Sb256 Sb32", 32, 32, 1, BF16, BF16, F950),
    SPARSE_ROW("v_smfmac_f32_16x16x64_f16", "Db128 Sb128 Sb256 Sb32", 16, 64, 1, F16, F16, F950),
    SPARSE_ROW("v_smfmac_f32_16x16x64_bf16", "Db128 Sb128 Sb256 Sb32", 16, 64, 1, BF16, BF16, F950),
    SPARSE_ROW("v_smfmac_i32_32x32x64_i8", "Db512 Sb128 Sb256 Sb32", 32, 64, 1, I8, I8, F950),
    SPARSE_ROW("v_smfmac_f32_32x32x64_fp8_fp8", "Db512 Sb128 Sb256 Sb32", 32, 64, 1, FP8, FP8,
               F950),
    SPARSE_ROW("v_smfmac_f32_32x32x64_fp8_bf8", "Db512 Sb128 Sb256 Sb32", 32, 64, 1, FP8, BF8,
               F950),
    SPARSE_ROW("v_smfmac_f32_32x32x64_bf8_fp8", "Db512 Sb128 Sb256 Sb32", 32, 64, 1, BF8, FP8,
               F950),
    SPARSE_ROW("v_smfmac_f32_32x32x64_bf8_bf8", "Db512 Sb128 Sb256 Sb32", 32, 64, 1, BF8, BF8,
               F950),
    SPARSE_ROW("v_smfmac_i32_16x16x128_i8", "Db128 Sb128 Sb256 Sb32", 16, 128, 1, I8, I8, F950),
    SPARSE_ROW("v_smfmac_f32_16x16x128_fp8_fp8", "Db128 Sb128 Sb256 Sb32", 16, 128, 1, FP8, FP8,
               F950),
    SPARSE_ROW("v_smfmac_f32_16x16x128_fp8_bf8", "Db128 Sb128 Sb256 Sb32", 16, 128, 1, FP8, BF8,
               F950),
    SPARSE_ROW("v_smfmac_f32_16x16x128_bf8_fp8", "Db128 Sb128 Sb256 Sb32", 16, 128, 1, BF8, FP8,
               F950),
    SPARSE_ROW("v_smfmac_f32_16x16x128_bf8_bf8", "Db128 Sb128 Sb256 Sb32", 16, 128, 1, BF8, BF8,
               F950),
    {"v_mfma_f32_32x32x64_f8f6f4", "Db512 Sany Sany Sany", mfma_f8f6f4,
     .aux = SHAPE(32, 64, 1, T_F8F6F4, T_F8F6F4), F950},
    {"v_mfma_scale_f32_32x32x64_f8f6f4", "Db512 Sany Sany Sany Sb32 Sb32", mfma_f8f6f4,
     .aux = SHAPE(32, 64, 1, T_F8F6F4, T_F8F6F4), F950},
    {"v_mfma_f32_16x16x128_f8f6f4", "Db128 Sany Sany Sany", mfma_f8f6f4,
     .aux = SHAPE(16, 128, 1, T_F8F6F4, T_F8F6F4), F950},
    {"v_mfma_scale_f32_16x16x128_f8f6f4", "Db128 Sany Sany Sany Sb32 Sb32", mfma_f8f6f4,
     .aux = SHAPE(16, 128, 1, T_F8F6F4, T_F8F6F4), F950},
    {0}};
