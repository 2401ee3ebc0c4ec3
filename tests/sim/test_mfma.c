/* Matrix instructions: A and B are placed by the documented formulas, the result is read back by
 * them and compared with the plain matrix product.
 *
 * The formulas here go from lane and element to matrix position (the instruction's code goes the
 * other way). They are those of AMD's matrix instruction calculator, and were checked against its
 * output for every instruction that it has for gfx90a and gfx942 (97920 positions). For l a lane, N
 * rows and columns, B blocks, K the inner size: A, B   i or j = l % N, block = l / N % B, k = l /
 * (N*B) * E + e, with E = K*N*B/64 elements in a lane C, D   32x32: j = l % 32, i = 8*(r/4) +
 * 4*(l/32) + r%4 in registers r = 0..15 of a block 16x16: j = l % 16, i = 4*(l/16) + r, r = 0..3 of
 * a block 4x4: j = l % 4, block = l / 4, i = r f64 16x16: j = l % 16, i = 4*r + l/16, r a register
 * pair; f64 4x4: j = l % 4, block = l/4 % 4, i = l/16 f8f6f4 with fp8 and fp4: the kernels in AMD's
 * article "Matrix Core Programming on AMD CDNA3 and CDNA4". */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/float.h"

#define A_REG 64
#define B_REG 96
#define C_REG 128
#define X_REG 160 /* sparse indices, scales */

typedef enum type { F32, XF32, F16, BF16, FP8, BF8, I8, F64 } type;

typedef struct shape {
    const char *name;
    unsigned n, k, blocks;
    type a, b;
    sim_arch first, last;
} shape;

#define ALL_90A SIM_GFX90A, SIM_GFX90A
#define FROM_942 SIM_GFX942, SIM_GFX950
#define ONLY_942 SIM_GFX942, SIM_GFX942
#define ONLY_950 SIM_GFX950, SIM_GFX950

static const shape dense[] = {
    {"v_mfma_f32_32x32x1f32", 32, 1, 2, F32, F32, ALL_90A},
    {"v_mfma_f32_16x16x1f32", 16, 1, 4, F32, F32, ALL_90A},
    {"v_mfma_f32_4x4x1f32", 4, 1, 16, F32, F32, ALL_90A},
    {"v_mfma_f32_32x32x2f32", 32, 2, 1, F32, F32, ALL_90A},
    {"v_mfma_f32_16x16x4f32", 16, 4, 1, F32, F32, ALL_90A},
    {"v_mfma_f32_32x32x4f16", 32, 4, 2, F16, F16, ALL_90A},
    {"v_mfma_f32_16x16x4f16", 16, 4, 4, F16, F16, ALL_90A},
    {"v_mfma_f32_4x4x4f16", 4, 4, 16, F16, F16, ALL_90A},
    {"v_mfma_f32_32x32x8f16", 32, 8, 1, F16, F16, ALL_90A},
    {"v_mfma_f32_16x16x16f16", 16, 16, 1, F16, F16, ALL_90A},
    {"v_mfma_f32_32x32x4bf16_1k", 32, 4, 2, BF16, BF16, ALL_90A},
    {"v_mfma_f32_16x16x4bf16_1k", 16, 4, 4, BF16, BF16, ALL_90A},
    {"v_mfma_f32_4x4x4bf16_1k", 4, 4, 16, BF16, BF16, ALL_90A},
    {"v_mfma_f32_32x32x8bf16_1k", 32, 8, 1, BF16, BF16, ALL_90A},
    {"v_mfma_f32_16x16x16bf16_1k", 16, 16, 1, BF16, BF16, ALL_90A},
    {"v_mfma_f32_32x32x2bf16", 32, 2, 2, BF16, BF16, ALL_90A},
    {"v_mfma_f32_16x16x2bf16", 16, 2, 4, BF16, BF16, ALL_90A},
    {"v_mfma_f32_4x4x2bf16", 4, 2, 16, BF16, BF16, ALL_90A},
    {"v_mfma_f32_32x32x4bf16", 32, 4, 1, BF16, BF16, ALL_90A},
    {"v_mfma_f32_16x16x8bf16", 16, 8, 1, BF16, BF16, ALL_90A},
    {"v_mfma_i32_32x32x4i8", 32, 4, 2, I8, I8, ALL_90A},
    {"v_mfma_i32_16x16x4i8", 16, 4, 4, I8, I8, ALL_90A},
    {"v_mfma_i32_4x4x4i8", 4, 4, 16, I8, I8, ALL_90A},
    {"v_mfma_i32_32x32x8i8", 32, 8, 1, I8, I8, ALL_90A},
    {"v_mfma_i32_16x16x16i8", 16, 16, 1, I8, I8, ALL_90A},
    {"v_mfma_f64_16x16x4f64", 16, 4, 1, F64, F64, ALL_90A},
    {"v_mfma_f64_4x4x4f64", 4, 4, 4, F64, F64, ALL_90A},
    {"v_mfma_f32_32x32x1_2b_f32", 32, 1, 2, F32, F32, FROM_942},
    {"v_mfma_f32_16x16x1_4b_f32", 16, 1, 4, F32, F32, FROM_942},
    {"v_mfma_f32_4x4x1_16b_f32", 4, 1, 16, F32, F32, FROM_942},
    {"v_mfma_f32_32x32x2_f32", 32, 2, 1, F32, F32, FROM_942},
    {"v_mfma_f32_16x16x4_f32", 16, 4, 1, F32, F32, FROM_942},
    {"v_mfma_f32_16x16x8_xf32", 16, 8, 1, XF32, XF32, ONLY_942},
    {"v_mfma_f32_32x32x4_xf32", 32, 4, 1, XF32, XF32, ONLY_942},
    {"v_mfma_f32_32x32x4_2b_f16", 32, 4, 2, F16, F16, FROM_942},
    {"v_mfma_f32_16x16x4_4b_f16", 16, 4, 4, F16, F16, FROM_942},
    {"v_mfma_f32_4x4x4_16b_f16", 4, 4, 16, F16, F16, FROM_942},
    {"v_mfma_f32_32x32x8_f16", 32, 8, 1, F16, F16, FROM_942},
    {"v_mfma_f32_16x16x16_f16", 16, 16, 1, F16, F16, FROM_942},
    {"v_mfma_f32_32x32x4_2b_bf16", 32, 4, 2, BF16, BF16, FROM_942},
    {"v_mfma_f32_16x16x4_4b_bf16", 16, 4, 4, BF16, BF16, FROM_942},
    {"v_mfma_f32_4x4x4_16b_bf16", 4, 4, 16, BF16, BF16, FROM_942},
    {"v_mfma_f32_32x32x8_bf16", 32, 8, 1, BF16, BF16, FROM_942},
    {"v_mfma_f32_16x16x16_bf16", 16, 16, 1, BF16, BF16, FROM_942},
    {"v_mfma_i32_32x32x4_2b_i8", 32, 4, 2, I8, I8, FROM_942},
    {"v_mfma_i32_16x16x4_4b_i8", 16, 4, 4, I8, I8, FROM_942},
    {"v_mfma_i32_4x4x4_16b_i8", 4, 4, 16, I8, I8, FROM_942},
    {"v_mfma_i32_32x32x16_i8", 32, 16, 1, I8, I8, FROM_942},
    {"v_mfma_i32_16x16x32_i8", 16, 32, 1, I8, I8, FROM_942},
    {"v_mfma_f64_16x16x4_f64", 16, 4, 1, F64, F64, FROM_942},
    {"v_mfma_f64_4x4x4_4b_f64", 4, 4, 4, F64, F64, FROM_942},
    {"v_mfma_f32_16x16x32_bf8_bf8", 16, 32, 1, BF8, BF8, FROM_942},
    {"v_mfma_f32_16x16x32_bf8_fp8", 16, 32, 1, BF8, FP8, FROM_942},
    {"v_mfma_f32_16x16x32_fp8_bf8", 16, 32, 1, FP8, BF8, FROM_942},
    {"v_mfma_f32_16x16x32_fp8_fp8", 16, 32, 1, FP8, FP8, FROM_942},
    {"v_mfma_f32_32x32x16_bf8_bf8", 32, 16, 1, BF8, BF8, FROM_942},
    {"v_mfma_f32_32x32x16_bf8_fp8", 32, 16, 1, BF8, FP8, FROM_942},
    {"v_mfma_f32_32x32x16_fp8_bf8", 32, 16, 1, FP8, BF8, FROM_942},
    {"v_mfma_f32_32x32x16_fp8_fp8", 32, 16, 1, FP8, FP8, FROM_942},
    {"v_mfma_f32_32x32x16_f16", 32, 16, 1, F16, F16, ONLY_950},
    {"v_mfma_f32_16x16x32_f16", 16, 32, 1, F16, F16, ONLY_950},
    {"v_mfma_f32_32x32x16_bf16", 32, 16, 1, BF16, BF16, ONLY_950},
    {"v_mfma_f32_16x16x32_bf16", 16, 32, 1, BF16, BF16, ONLY_950},
    {"v_mfma_i32_32x32x32_i8", 32, 32, 1, I8, I8, ONLY_950},
    {"v_mfma_i32_16x16x64_i8", 16, 64, 1, I8, I8, ONLY_950},
};

static const shape sparse[] = {
    {"v_smfmac_f32_16x16x32_f16", 16, 32, 1, F16, F16, FROM_942},
    {"v_smfmac_f32_32x32x16_f16", 32, 16, 1, F16, F16, FROM_942},
    {"v_smfmac_f32_16x16x32_bf16", 16, 32, 1, BF16, BF16, FROM_942},
    {"v_smfmac_f32_32x32x16_bf16", 32, 16, 1, BF16, BF16, FROM_942},
    {"v_smfmac_i32_16x16x64_i8", 16, 64, 1, I8, I8, FROM_942},
    {"v_smfmac_i32_32x32x32_i8", 32, 32, 1, I8, I8, FROM_942},
    {"v_smfmac_f32_16x16x64_bf8_bf8", 16, 64, 1, BF8, BF8, FROM_942},
    {"v_smfmac_f32_16x16x64_bf8_fp8", 16, 64, 1, BF8, FP8, FROM_942},
    {"v_smfmac_f32_16x16x64_fp8_bf8", 16, 64, 1, FP8, BF8, FROM_942},
    {"v_smfmac_f32_16x16x64_fp8_fp8", 16, 64, 1, FP8, FP8, FROM_942},
    {"v_smfmac_f32_32x32x32_bf8_bf8", 32, 32, 1, BF8, BF8, FROM_942},
    {"v_smfmac_f32_32x32x32_bf8_fp8", 32, 32, 1, BF8, FP8, FROM_942},
    {"v_smfmac_f32_32x32x32_fp8_bf8", 32, 32, 1, FP8, BF8, FROM_942},
    {"v_smfmac_f32_32x32x32_fp8_fp8", 32, 32, 1, FP8, FP8, FROM_942},
    {"v_smfmac_f32_16x16x64_f16", 16, 64, 1, F16, F16, ONLY_950},
    {"v_smfmac_f32_32x32x32_f16", 32, 32, 1, F16, F16, ONLY_950},
    {"v_smfmac_f32_16x16x64_bf16", 16, 64, 1, BF16, BF16, ONLY_950},
    {"v_smfmac_f32_32x32x32_bf16", 32, 32, 1, BF16, BF16, ONLY_950},
    {"v_smfmac_i32_16x16x128_i8", 16, 128, 1, I8, I8, ONLY_950},
    {"v_smfmac_i32_32x32x64_i8", 32, 64, 1, I8, I8, ONLY_950},
    {"v_smfmac_f32_16x16x128_bf8_bf8", 16, 128, 1, BF8, BF8, ONLY_950},
    {"v_smfmac_f32_16x16x128_bf8_fp8", 16, 128, 1, BF8, FP8, ONLY_950},
    {"v_smfmac_f32_16x16x128_fp8_bf8", 16, 128, 1, FP8, BF8, ONLY_950},
    {"v_smfmac_f32_16x16x128_fp8_fp8", 16, 128, 1, FP8, FP8, ONLY_950},
    {"v_smfmac_f32_32x32x64_bf8_bf8", 32, 64, 1, BF8, BF8, ONLY_950},
    {"v_smfmac_f32_32x32x64_bf8_fp8", 32, 64, 1, BF8, FP8, ONLY_950},
    {"v_smfmac_f32_32x32x64_fp8_bf8", 32, 64, 1, FP8, BF8, ONLY_950},
    {"v_smfmac_f32_32x32x64_fp8_fp8", 32, 64, 1, FP8, FP8, ONLY_950},
};

/* Matrices as the test thinks of them: [block][row][column]. */
typedef struct problem {
    int a[16][32][128], b[16][128][32], c[16][32][32];
} problem;

static problem p; /* large; filled by each test */

static unsigned bits_of(type t)
{
    static const unsigned bits[] = {32, 32, 16, 16, 8, 8, 8, 64};
    return bits[t];
}

static uint64_t encode(type t, int value, sim_arch arch)
{
    const float f = (float)value;
    switch (t) {
    case F64: return sim_bits64(value);
    case F16: return sim_encode(f, SIM_FMT_F16, SIM_RNE, 0, false);
    case BF16: return sim_encode(f, SIM_FMT_BF16, SIM_RNE, 0, false);
    case FP8:
        return sim_encode(f, arch == SIM_GFX942 ? SIM_FMT_E4M3_FNUZ : SIM_FMT_E4M3, SIM_RNE, 0,
                          false);
    case BF8:
        return sim_encode(f, arch == SIM_GFX942 ? SIM_FMT_E5M2_FNUZ : SIM_FMT_E5M2, SIM_RNE, 0,
                          false);
    case I8: return (uint8_t)value;
    default: return sim_bits(f);
    }
}

/* Element e of lane l in registers from reg on, elements packed from the low bits up. */
static void place(machine *m, unsigned reg, type t, unsigned l, unsigned e, uint64_t bits)
{
    const unsigned width = bits_of(t), bit = e * width;
    if (width == 64) {
        machine_set_pair(m, reg + 2 * e, l, bits);
        return;
    }
    const uint32_t mask = width == 32 ? ~0u : (1u << width) - 1;
    uint32_t *v = &m->w->v[reg + bit / 32][l];
    *v = (*v & ~(mask << bit % 32)) | ((uint32_t)bits & mask) << bit % 32;
}

static void place_inputs(machine *m, const shape *s)
{
    const unsigned each = s->k * s->n * s->blocks / 64;
    for (unsigned l = 0; l < 64; l++)
        for (unsigned e = 0; e < each; e++) {
            const unsigned i = l % s->n, block = l / s->n % s->blocks,
                           k = l / (s->n * s->blocks) * each + e;
            place(m, A_REG, s->a, l, e, encode(s->a, p.a[block][i][k], m->w->arch));
            place(m, B_REG, s->b, l, e, encode(s->b, p.b[block][k][i], m->w->arch));
        }
}

typedef struct position {
    unsigned block, i, j;
} position;

/* Matrix position of register (pair) r of lane l of C and D. */
static position position_of(const shape *s, unsigned r, unsigned l)
{
    if (s->a == F64)
        return s->n == 16 ? (position){0, 4 * r + l / 16, l % 16}
                          : (position){l / 4 % 4, l / 16, l % 4};
    if (s->n == 32)
        return (position){r / 16, 8 * (r % 16 / 4) + 4 * (l / 32) + r % 4, l % 32};
    if (s->n == 16)
        return (position){r / 4, 4 * (l / 16) + r % 4, l % 16};
    return (position){l / 4, r, l % 4};
}

static unsigned result_regs(const shape *s)
{
    return s->n * s->n * s->blocks / 64;
}

static bool is_integer(const shape *s)
{
    return s->a == I8;
}

static void place_c(machine *m, const shape *s, unsigned reg)
{
    for (unsigned r = 0; r < result_regs(s); r++)
        for (unsigned l = 0; l < 64; l++) {
            const position at = position_of(s, r, l);
            const int c = p.c[at.block][at.i][at.j];
            if (s->a == F64)
                machine_set_pair(m, reg + 2 * r, l, sim_bits64(c));
            else
                m->w->v[reg + r][l] = is_integer(s) ? (uint32_t)c : sim_bits((float)c);
        }
}

static double result_at(const machine *m, const shape *s, unsigned reg, unsigned r, unsigned l)
{
    if (s->a == F64)
        return sim_double((uint64_t)m->w->v[reg + 2 * r + 1][l] << 32 | m->w->v[reg + 2 * r][l]);
    const uint32_t bits = m->w->v[reg + r][l];
    return is_integer(s) ? (double)(int32_t)bits : (double)sim_float(bits);
}

/* Which block of A and which column and block of B take part in an element of D. */
typedef struct mapping {
    unsigned cbsz, abid, blgp;
    const char *suffix;
} mapping;

/* BLGP moves whole lanes of B (CDNA3 ISA guide's table of BLGP). */
static unsigned blgp_source(unsigned lane, unsigned blgp)
{
    static const unsigned char groups[8][4] = {{0, 1, 2, 3}, {0, 1, 0, 1}, {2, 3, 2, 3},
                                               {1, 2, 3, 0}, {0, 0, 0, 0}, {1, 1, 1, 1},
                                               {2, 2, 2, 2}, {3, 3, 3, 3}};
    return groups[blgp][lane / 16] * 16u + lane % 16;
}

static double expected_at(const shape *s, const mapping *map, position at)
{
    const unsigned each = s->k * s->n * s->blocks / 64;
    const unsigned a_block =
        map->cbsz ? (at.block >> map->cbsz << map->cbsz) + map->abid : at.block;
    double sum = p.c[at.block][at.i][at.j];
    for (unsigned k = 0; k < s->k; k++) {
        const unsigned lane =
            k / each * s->n * s->blocks + at.block * s->n + at.j; /* that holds B[k][j] */
        const unsigned from = blgp_source(lane, map->blgp);
        const unsigned b_block = from / s->n % s->blocks,
                       b_k = from / (s->n * s->blocks) * each + k % each;
        sum += (double)p.a[a_block][at.i][k] * p.b[b_block][b_k][from % s->n];
    }
    return sum;
}

static void check(const machine *m, const shape *s, const mapping *map, unsigned reg,
                  const char *text)
{
    for (unsigned r = 0; r < result_regs(s); r++)
        for (unsigned l = 0; l < 64; l++) {
            const position at = position_of(s, r, l);
            const double got = result_at(m, s, reg, r, l), expected = expected_at(s, map, at);
            if (got != expected)
                fail_msg("%s: block %u row %u column %u: %.17g, expected %.17g", text, at.block,
                         at.i, at.j, got, expected);
        }
}

/* Integers that the type holds exactly. fp8: up to 16, bf8: up to 8. */
static int some_integer(type t, uint32_t *seed)
{
    static const int ranges[] = {1000, 1000, 1000, 255, 15, 7, 127, 100000};
    return (int)(next_random(seed) % (2u * (unsigned)ranges[t] + 1)) - ranges[t];
}

static void fill_random(const shape *s, uint32_t seed)
{
    for (unsigned block = 0; block < s->blocks; block++)
        for (unsigned i = 0; i < s->n; i++) {
            for (unsigned k = 0; k < s->k; k++) {
                p.a[block][i][k] = some_integer(s->a, &seed);
                p.b[block][k][i] = some_integer(s->b, &seed);
            }
            for (unsigned j = 0; j < s->n; j++)
                p.c[block][i][j] = (int)(next_random(&seed) % 2001) - 1000;
        }
}

/* Every element of A and of B has its own value: 1, 2, 3 ..., around zero where the type would not
 * hold it. */
static bool fill_unique(const shape *s)
{
    const int count = (int)(s->blocks * s->n * s->k);
    const int exact = s->a == F64 || s->a == F32    ? 1 << 20
                      : s->a == F16 || s->a == XF32 ? 2048
                      : s->a == BF16                ? 256
                                                    : 0;
    int next = count <= exact ? 1 : -count / 2;
    if (count > 2 * exact)
        return false;
    for (unsigned block = 0; block < s->blocks; block++)
        for (unsigned i = 0; i < s->n; i++)
            for (unsigned k = 0; k < s->k; k++, next++) {
                p.a[block][i][k] = next;
                p.b[block][k][i] = -next;
            }
    memset(p.c, 0, sizeof p.c);
    return true;
}

static void range(char *out, char file, unsigned reg, unsigned width)
{
    if (width == 1)
        sprintf(out, "%c%u", file, reg);
    else
        sprintf(out, "%c[%u:%u]", file, reg, reg + width - 1);
}

/* v registers for D and A, a registers for B and C in the second form; D = C there, as compilers do
 * it. */
static void instruction(char *text, const shape *s, bool agprs, bool is_sparse, const mapping *map)
{
    char d[20], a[20], b[20], c[20];
    const unsigned each = s->k * s->n * s->blocks / 64, wide = s->a == F64 ? 2 : 1;
    const unsigned a_regs = each * bits_of(s->a) / 32 / (is_sparse ? 2 : 1),
                   b_regs = each * bits_of(s->b) / 32;
    range(d, agprs ? 'a' : 'v', agprs ? C_REG : 0, result_regs(s) * wide);
    range(a, 'v', A_REG, a_regs);
    range(b, agprs ? 'a' : 'v', B_REG, b_regs);
    range(c, agprs ? 'a' : 'v', C_REG, result_regs(s) * wide);
    if (is_sparse)
        sprintf(c, "v%u", X_REG);
    sprintf(text, "%s %s, %s, %s, %s%s", s->name, d, a, b, c, map->suffix);
}

static void move_to_agprs(machine *m, unsigned reg, unsigned count)
{
    memcpy(m->w->v[SIM_AGPR0 + reg], m->w->v[reg], count * sizeof m->w->v[0]);
    memset(m->w->v[reg], 0x5a, count * sizeof m->w->v[0]);
}

static void run_dense(const shape *s, sim_arch arch, bool agprs, const mapping *map)
{
    machine *m = machine_new(arch, 0);
    char text[160];
    place_inputs(m, s);
    place_c(m, s, C_REG);
    if (agprs) {
        move_to_agprs(m, B_REG, 32);
        move_to_agprs(m, C_REG, 32);
        machine_set_exec(m, 0x00ff00ff00ff00f0ull); /* EXEC is ignored */
    }
    instruction(text, s, agprs, false, map);
    machine_run(m, text, NULL);
    check(m, s, map, agprs ? SIM_AGPR0 + C_REG : 0, text);
    machine_free(m);
}

static const mapping plain = {0, 0, 0, ""};

static void every_dense_shape_multiplies(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++)
        for (int arch = (int)dense[n].first; arch <= (int)dense[n].last; arch++) {
            if (fill_unique(&dense[n]))
                run_dense(&dense[n], (sim_arch)arch, false, &plain);
            for (uint32_t seed = 1; seed <= 4; seed++) {
                fill_random(&dense[n], seed);
                run_dense(&dense[n], (sim_arch)arch, seed & 1, &plain);
            }
        }
}

static void shapes_belong_to_their_archs(void **state)
{
    (void)state;
    char text[160];
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++)
        for (int arch = SIM_GFX90A; arch <= SIM_GFX950; arch++) {
            instruction(text, &dense[n], false, false, &plain);
            const bool expected = arch >= (int)dense[n].first && arch <= (int)dense[n].last;
            if (machine_knows((sim_arch)arch, text) != expected)
                fail_msg("arch %d: %s", arch, text);
        }
}

static void blocks_of_a_are_broadcast(void **state)
{
    (void)state;
    static const mapping maps[] = {{1, 0, 0, " cbsz:1"},
                                   {1, 1, 0, " cbsz:1 abid:1"},
                                   {2, 3, 0, " cbsz:2 abid:3"},
                                   {3, 5, 0, " cbsz:3 abid:5"},
                                   {4, 11, 0, " cbsz:4 abid:11"}};
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++)
        for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
            const shape *s = &dense[n];
            if (1u << maps[i].cbsz > s->blocks || s->blocks == 1 || s->a == F64)
                continue;
            fill_random(s, 7);
            run_dense(s, s->first, false, &maps[i]);
        }
}

static void lanes_of_b_are_permuted(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++)
        for (unsigned blgp = 1; blgp < 8; blgp++) {
            const shape *s = &dense[n];
            char suffix[16];
            if (s->a == F64 || s->first != SIM_GFX90A)
                continue;
            sprintf(suffix, " blgp:%u", blgp);
            fill_random(s, 9);
            run_dense(s, SIM_GFX90A, false, &(mapping){0, 0, blgp, suffix});
        }
}

static void f64_negates_its_sources(void **state)
{
    (void)state;
    const shape *s90 = NULL, *s942 = NULL;
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++) {
        if (strcmp(dense[n].name, "v_mfma_f64_16x16x4f64") == 0)
            s90 = &dense[n];
        if (strcmp(dense[n].name, "v_mfma_f64_16x16x4_f64") == 0)
            s942 = &dense[n];
    }
    for (unsigned neg = 0; neg < 8; neg++) {
        char suffix[24];
        const shape *s = neg & 1 ? s942 : s90;
        fill_random(s, 3);
        machine *m = machine_new(s->first, 0);
        place_inputs(m, s);
        place_c(m, s, C_REG);
        if (neg & 1)
            sprintf(suffix, " neg:[%u,%u,%u]", neg & 1, neg >> 1 & 1, neg >> 2);
        else
            sprintf(suffix, neg ? " blgp:%u" : "", neg);
        char text[160];
        instruction(text, s, false, false, &(mapping){0, 0, 0, suffix});
        machine_run(m, text, NULL);
        for (unsigned i = 0; i < 16; i++)
            for (unsigned j = 0; j < 16; j++) {
                for (unsigned k = 0; k < 4; k++)
                    p.a[0][i][k] *= (neg & 1) != (neg >> 1 & 1) && j == 0 ? -1 : 1;
                p.c[0][i][j] *= neg & 4 ? -1 : 1;
            }
        check(m, s, &plain, 0, text);
        machine_free(m);
    }
}

static void c_may_be_a_constant(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        double value;
    } cases[] = {
        {"v_mfma_f32_32x32x8_f16", "v_mfma_f32_32x32x8_f16 v[0:15], v[64:65], v[96:97], 0", 0},
        {"v_mfma_f32_32x32x8_f16", "v_mfma_f32_32x32x8_f16 v[0:15], v[64:65], v[96:97], -2.0", -2},
        {"v_mfma_i32_16x16x32_i8", "v_mfma_i32_16x16x32_i8 v[0:3], v[64:65], v[96:97], -7", -7},
        {"v_mfma_f64_16x16x4_f64", "v_mfma_f64_16x16x4_f64 v[0:7], v[64:65], v[96:97], 1.0", 1},
        {"v_mfma_f64_16x16x4_f64", "v_mfma_f64_16x16x4_f64 v[0:7], v[64:65], v[96:97], 0", 0},
        {"v_mfma_f64_16x16x4_f64", "v_mfma_f64_16x16x4_f64 v[0:7], v[64:65], v[96:97], -0.5",
         -0.5}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (size_t i = 0; i < sizeof dense / sizeof dense[0]; i++) {
            if (strcmp(dense[i].name, cases[n].name) != 0)
                continue;
            machine *m = machine_new(SIM_GFX942, 0);
            fill_random(&dense[i], 5);
            memset(p.c, 0, sizeof p.c);
            place_inputs(m, &dense[i]);
            machine_run(m, cases[n].text, NULL);
            for (unsigned r = 0; r < result_regs(&dense[i]); r++)
                for (unsigned l = 0; l < 64; l++)
                    assert_true(result_at(m, &dense[i], 0, r, l) ==
                                expected_at(&dense[i], &plain, position_of(&dense[i], r, l)) +
                                    cases[n].value);
            machine_free(m);
        }
}

/* ---- sparse: two of each four k are stored; two 2-bit indices say which ---- */

/* k of element e of B's lane l: one run, or two if the lane holds 32 bytes. */
static unsigned sparse_b_k(const shape *s, unsigned l, unsigned e)
{
    const unsigned each = s->k * s->n / 64, runs = each * bits_of(s->b) == 256 ? 2 : 1;
    const unsigned run = each / runs;
    return e / run * (s->k / runs) + l / s->n * run + e % run;
}

static void place_sparse(machine *m, const shape *s, unsigned set, uint32_t seed)
{
    const unsigned b_each = s->k * s->n / 64, a_each = b_each / 2;
    memset(p.a, 0, sizeof p.a);
    for (unsigned l = 0; l < 64; l++) {
        uint32_t indices = 0;
        const unsigned i = l % s->n;
        for (unsigned e = 0; e < a_each; e += 2) {
            const unsigned first = next_random(&seed) % 3,
                           second = first + 1 + next_random(&seed) % (3 - first);
            const unsigned base = l / s->n * b_each + e / 2 * 4;
            const int x = some_integer(s->a, &seed), y = some_integer(s->a, &seed);
            p.a[0][i][base + first] = x;
            p.a[0][i][base + second] = y;
            indices |= (first | second << 2) << 2 * e;
            place(m, A_REG, s->a, l, e, encode(s->a, x, m->w->arch));
            place(m, A_REG, s->a, l, e + 1, encode(s->a, y, m->w->arch));
        }
        m->w->v[X_REG][l] = a_each * 2 == 32 ? indices : indices << set * a_each * 2;
        for (unsigned e = 0; e < b_each; e++)
            place(m, B_REG, s->b, l, e, encode(s->b, p.b[0][sparse_b_k(s, l, e)][i], m->w->arch));
    }
}

static void every_sparse_shape_multiplies(void **state)
{
    (void)state;
    static const mapping maps[] = {
        {0, 0, 0, ""}, {0, 1, 0, " abid:1"}, {0, 3, 0, " abid:3"}, {0, 0, 0, " cbsz:1 abid:1"}};
    for (size_t n = 0; n < sizeof sparse / sizeof sparse[0]; n++)
        for (int arch = (int)sparse[n].first; arch <= (int)sparse[n].last; arch++)
            for (size_t i = 0; i < 4; i++) {
                const shape *s = &sparse[n];
                const unsigned sets =
                    32 / (s->k * s->n / 64); /* of 2 bits for each stored element */
                char text[160];
                if (maps[i].abid >= sets)
                    continue;
                machine *m = machine_new((sim_arch)arch, 0);
                fill_random(s, 11 + (uint32_t)i);
                place_sparse(m, s, maps[i].abid, 5 + (uint32_t)i);
                place_c(m, s, 0);
                instruction(text, s, false, true, &maps[i]);
                machine_run(m, text, NULL);
                check(m, s, &plain, 0, text);
                machine_free(m);
            }
}

/* ---- f8f6f4 ---- */

static const sim_format *format_of(unsigned code)
{
    static sim_format f[5];
    const sim_format all[5] = {SIM_FMT_E4M3, SIM_FMT_E5M2, SIM_FMT_E2M3, SIM_FMT_E3M2,
                               SIM_FMT_E2M1};
    memcpy(f, all, sizeof f);
    return &f[code];
}

static const unsigned format_bits[] = {8, 8, 6, 6, 4};

/* k of element e of lane l: 8-bit formats hold two runs of 16, the others one run of 32. */
static unsigned f8f6f4_k(unsigned n, unsigned k, unsigned code, unsigned l, unsigned e)
{
    return format_bits[code] == 8 ? e / 16 * (k / 2) + l / n * 16 + e % 16 : l / n * 32 + e;
}

static void place_f8f6f4(machine *m, unsigned reg, unsigned n, unsigned k, unsigned code, bool is_b)
{
    const unsigned bits = format_bits[code];
    for (unsigned l = 0; l < 64; l++)
        for (unsigned e = 0; e < 32; e++) {
            const unsigned at = f8f6f4_k(n, k, code, l, e);
            const int value = is_b ? p.b[0][at][l % n] : p.a[0][l % n][at];
            const uint32_t v = sim_encode((float)value, *format_of(code), SIM_RNE, 0, true);
            for (unsigned bit = 0; bit < bits; bit++) {
                uint32_t *dword = &m->w->v[reg + (e * bits + bit) / 32][l];
                const unsigned to = (e * bits + bit) % 32;
                *dword = (*dword & ~(1u << to)) | (v >> bit & 1u) << to;
            }
        }
}

static void fill_small(unsigned n, unsigned k, uint32_t seed)
{
    static const int values[] = {-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6}; /* every format has them */
    for (unsigned i = 0; i < n; i++) {
        for (unsigned x = 0; x < k; x++) {
            p.a[0][i][x] = values[next_random(&seed) % 11];
            p.b[0][x][i] = values[next_random(&seed) % 11];
        }
        for (unsigned j = 0; j < n; j++)
            p.c[0][i][j] = (int)(next_random(&seed) % 201) - 100;
    }
}

static void every_pair_of_formats_multiplies(void **state)
{
    (void)state;
    const shape shapes[] = {{"v_mfma_f32_32x32x64_f8f6f4", 32, 64, 1, FP8, FP8, ONLY_950},
                            {"v_mfma_f32_16x16x128_f8f6f4", 16, 128, 1, FP8, FP8, ONLY_950}};
    for (unsigned x = 0; x < 2; x++)
        for (unsigned a = 0; a < 5; a++)
            for (unsigned b = 0; b < 5; b++) {
                const shape *s = &shapes[x];
                char text[160], d[20], ra[20], rb[20], rc[20];
                machine *m = machine_new(SIM_GFX950, 0);
                fill_small(s->n, s->k, 100 * x + 10 * a + b);
                place_f8f6f4(m, A_REG, s->n, s->k, a, false);
                place_f8f6f4(m, B_REG, s->n, s->k, b, true);
                place_c(m, s, C_REG);
                range(d, 'v', 0, result_regs(s));
                range(ra, 'v', A_REG, format_bits[a]);
                range(rb, 'v', B_REG, format_bits[b]);
                range(rc, 'v', C_REG, result_regs(s));
                sprintf(text, "%s %s, %s, %s, %s cbsz:%u blgp:%u", s->name, d, ra, rb, rc, a, b);
                machine_run(m, text, NULL);
                check(m, s, &plain, 0, text);
                machine_free(m);
            }
}

/* Encodings from LLVM 21's assembler. Byte `sa` of v100 holds the scales of A: lane i + n*(k/32)
 * for row i. */
static void check_scales(const shape *s, unsigned sa, unsigned sb, uint32_t seed)
{
    machine *m = machine_new(SIM_GFX950, 0);
    const unsigned n = s->n, results = n == 16 ? 4 : 16;
    char text[200], encoding[60];
    fill_small(n, s->k, seed);
    place_f8f6f4(m, 32, n, s->k, 0, false);
    place_f8f6f4(m, 48, n, s->k, 0, true);
    place_c(m, s, 0);
    for (unsigned l = 0; l < 64; l++) {
        m->w->v[100][l] = ~(0xffu << 8 * sa) | (124 + l % 7) << 8 * sa; /* other bytes: NaN */
        m->w->v[101][l] = ~(0xffu << 8 * sb) | (130 - l % 5) << 8 * sb;
    }
    sprintf(text, "%s v[0:%u], v[32:39], v[48:55], v[0:%u], v100, v101 "
            "op_sel:[%u,%u,0] op_sel_hi:[%u,%u,0]",
            s->name, results - 1, results - 1, sa & 1, sb & 1, sa >> 1, sb >> 1);
    sprintf(encoding, "%08X %08X %s 04026120", 0xD3AC0000u | (sa & 1) << 11 | (sb & 1) << 12,
            0x0002CB64u | (sa >> 1) << 27 | (sb >> 1) << 28, n == 16 ? "D3AD0800" : "D3AE0800");
    machine_run(m, text, encoding);
    for (unsigned r = 0; r < results; r++)
        for (unsigned l = 0; l < 64; l++) {
            const position at = position_of(s, r, l);
            double sum = p.c[0][at.i][at.j];
            for (unsigned k = 0; k < s->k; k++)
                sum += ldexp((double)p.a[0][at.i][k] * p.b[0][k][at.j],
                             (int)((124 + (at.i + n * (k / 32)) % 7) +
                                   (130 - (at.j + n * (k / 32)) % 5)) -
                                 254);
            assert_true(sim_float(m->w->v[r][l]) == (float)sum);
        }
    machine_free(m);
}

static void scales_apply_to_blocks_of_32(void **state)
{
    (void)state;
    static const unsigned pairs[][2] = {{0, 0}, {0, 1}, {1, 0}, {2, 3}, {3, 2}, {1, 1}};
    static const shape shapes[] = {
        {"v_mfma_scale_f32_16x16x128_f8f6f4", 16, 128, 1, FP8, FP8, ONLY_950},
        {"v_mfma_scale_f32_32x32x64_f8f6f4", 32, 64, 1, FP8, FP8, ONLY_950}};
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 0; n < sizeof pairs / sizeof pairs[0]; n++)
            check_scales(&shapes[i], pairs[n][0], pairs[n][1], 77 + (uint32_t)n);
}

/* ---- arithmetic ---- */

/* One dot product: row 0 of A, column 0 of B, C[0][0]; returns D[0][0]. k < 8 for 32x32x8. */
static float dot8(sim_arch arch, type t, const uint16_t a[8], const uint16_t b[8], float c)
{
    machine *m = machine_new(arch, 0);
    for (unsigned k = 0; k < 8; k++) {
        place(m, A_REG, t, k / 4 * 32, k % 4, a[k]);
        place(m, B_REG, t, k / 4 * 32, k % 4, b[k]);
    }
    m->w->v[C_REG][0] = sim_bits(c);
    machine_run(m,
                arch == SIM_GFX90A
                    ? (t == F16
                           ? "v_mfma_f32_32x32x8f16 v[0:15], v[64:65], v[96:97], v[128:143]"
                           : "v_mfma_f32_32x32x8bf16_1k v[0:15], v[64:65], v[96:97], v[128:143]")
                : t == F16 ? "v_mfma_f32_32x32x8_f16 v[0:15], v[64:65], v[96:97], v[128:143]"
                           : "v_mfma_f32_32x32x8_bf16 v[0:15], v[64:65], v[96:97], v[128:143]",
                NULL);
    const float d = sim_float(m->w->v[0][0]);
    machine_free(m);
    return d;
}

#define H_ONE 0x3c00
#define H_32768 0x7800
#define H_63 0x53e0 /* 1.96875 * 2^5 */

/* MIOpen's documentation, "MI200 MFMA behavior": gfx90a flushes subnormal inputs and results;
 * gfx942 keeps them. */
static void subnormals(void **state)
{
    (void)state;
    const uint16_t tiny[8] = {0x0001}, one[8] = {H_ONE}, bf_tiny[8] = {0x0040},
                   bf_one[8] = {0x3f80};
    assert_true(dot8(SIM_GFX90A, F16, tiny, one, 0) == 0);
    assert_true(dot8(SIM_GFX942, F16, tiny, one, 0) == 0x1p-24f);
    assert_true(dot8(SIM_GFX950, F16, tiny, one, 0) == 0x1p-24f);
    assert_true(dot8(SIM_GFX90A, BF16, bf_tiny, bf_one, 0) == 0);
    assert_true(dot8(SIM_GFX942, BF16, bf_tiny, bf_one, 0) == 0x1p-127f);
    assert_true(dot8(SIM_GFX90A, F16, (uint16_t[8]){0}, one, 0x1p-130f) == 0);
    assert_true(dot8(SIM_GFX942, F16, (uint16_t[8]){0}, one, 0x1p-130f) == 0x1p-130f);
}

/* Products far below what float arithmetic holds exactly, alone and beside larger ones. */
static void tiny_products(void **state)
{
    (void)state;
    uint16_t a[8], b[8], one[8] = {0x3f80}, zero[8] = {0};
    for (unsigned k = 0; k < 8; k++)
        a[k] = b[k] = 0x2180; /* bf16 2^-60 */
    assert_true(dot8(SIM_GFX942, BF16, a, b, 0) == 0x1p-117f);
    assert_true(dot8(SIM_GFX90A, BF16, a, b, 0) == 0x1p-117f);
    assert_true(dot8(SIM_GFX942, BF16, a, zero, 0x1p-120f) == 0x1p-120f);
    for (unsigned k = 0; k < 8; k++)
        a[k] = b[k] = 0x1c80; /* 2^-70 */
    assert_true(dot8(SIM_GFX942, BF16, a, b, 0) == 0x1p-137f);
    assert_true(dot8(SIM_GFX942, BF16, a, b, 0x1p-130f) == 0x1p-130f + 0x1p-137f);
    assert_true(dot8(SIM_GFX90A, BF16, a, b, 0) == 0);
    one[1] = 0x0080; /* 1 and 2^-126, which vanishes beside it */
    b[0] = b[1] = 0x3f80;
    assert_true(dot8(SIM_GFX942, BF16, one, b, 0) == 1);
}

/* 2^30 and seven times 63. gfx90a adds pairwise with rounding to 24 bits: 2^30 + 63 -> 2^30, + 126
 * -> 2^30 + 128; second group 252; sum 2^30 + 380 -> 2^30 + 384. gfx942 truncates each product 24
 * bits below 2^30, that is to a multiple of 64: nothing of the 63s remains (MMA-Sim's models). */
static void order_and_truncation_of_sums(void **state)
{
    (void)state;
    const uint16_t a[8] = {H_32768, H_63, H_63, H_63, H_63, H_63, H_63, H_63};
    const uint16_t b[8] = {H_32768, H_ONE, H_ONE, H_ONE, H_ONE, H_ONE, H_ONE, H_ONE};
    assert_true(dot8(SIM_GFX90A, F16, a, b, 0) == 0x1p30f + 384);
    assert_true(dot8(SIM_GFX942, F16, a, b, 0) == 0x1p30f);
    /* the addend is cut at the same place but the sum keeps 31 bits: 64 below 2^30 is half an ulp,
     * to even */
    assert_true(dot8(SIM_GFX942, F16, a, b, 64) == 0x1p30f);
    assert_true(dot8(SIM_GFX942, F16, a, b, 128) == 0x1p30f + 128);
    /* negative addends are cut towards minus infinity: -1 becomes -64, and 2^30 - 64 has an exact
     * float */
    assert_true(dot8(SIM_GFX942, F16, a, b, -1) == 0x1p30f - 64);
}

static void infinities_and_nans(void **state)
{
    (void)state;
    const uint16_t inf[8] = {0x7c00}, ninf[8] = {0xfc00}, one[8] = {H_ONE}, zero[8] = {0},
                   nan[8] = {0x7e00};
    for (int arch = SIM_GFX90A; arch <= SIM_GFX950; arch++) {
        const sim_arch x = (sim_arch)arch;
        assert_true(dot8(x, F16, inf, one, 5) == INFINITY);
        assert_true(dot8(x, F16, ninf, one, 5) == -INFINITY);
        assert_true(isnan(dot8(x, F16, inf, zero, 5)));
        assert_true(isnan(dot8(x, F16, nan, one, 5)));
        assert_true(isnan(dot8(x, F16, inf, one, -INFINITY)));
        assert_true(dot8(x, F16, one, one, -INFINITY) == -INFINITY);
        assert_true(isnan(dot8(x, F16, one, one, NAN)));
        assert_true(dot8(x, F16, one, one, 0x1.fffffep127f) == 0x1.fffffep127f);
    }
    const uint16_t huge[8] = {0x7f00}; /* bf16 2^127 */
    assert_true(dot8(SIM_GFX942, BF16, huge, huge, 0) == INFINITY);
    assert_true(dot8(SIM_GFX90A, BF16, huge, huge, 0) == INFINITY);
}

/* ---- the models of arXiv 2511.10909 on arbitrary values, written out for one element of D ---- */

typedef struct operand_format {
    sim_format fmt;
    int min_exp; /* exponent of subnormals */
} operand_format;

static operand_format operand_of(type t, sim_arch arch)
{
    switch (t) {
    case F16: return (operand_format){SIM_FMT_F16, -14};
    case BF16: return (operand_format){SIM_FMT_BF16, -126};
    case XF32: return (operand_format){{8, 10, 127, SIM_IEEE}, -126};
    case FP8:
        return arch == SIM_GFX942 ? (operand_format){SIM_FMT_E4M3_FNUZ, -7}
                                  : (operand_format){SIM_FMT_E4M3, -6};
    default:
        return arch == SIM_GFX942 ? (operand_format){SIM_FMT_E5M2_FNUZ, -15}
                                  : (operand_format){SIM_FMT_E5M2, -14};
    }
}

static int exponent_of(double v, int min_exp)
{
    int e;
    if (v == 0)
        return -126;
    frexp(v, &e);
    return e - 1 > min_exp ? e - 1 : min_exp;
}

static double aligned_sum(const double *a, const double *b, unsigned from, unsigned to,
                          unsigned step, int min_a, int min_b, int *top)
{
    double sum = 0;
    *top = -1000;
    for (unsigned k = from; k < to; k += step) {
        const int e = exponent_of(a[k], min_a) + exponent_of(b[k], min_b);
        *top = e > *top ? e : *top;
    }
    for (unsigned k = from; k < to; k += step)
        sum += trunc(ldexp(a[k] * b[k], 24 - *top));
    return sum;
}

static float fused_model(const double *a, const double *b, unsigned n, bool fp8, int min_a,
                         int min_b, float c)
{
    double exact = c, big = 0, sum;
    int top, odd_top;
    for (unsigned k = 0; k < n; k++) {
        exact += a[k] * b[k];
        big += fabs(a[k] * b[k]) >= 0x1p128 ? copysign(INFINITY, a[k] * b[k]) : 0;
    }
    if (isnan(exact) || isinf(exact))
        return (float)exact;
    if (big != 0)
        return (float)big;
    sum = aligned_sum(a, b, 0, n, fp8 ? 2 : 1, min_a, min_b, &top);
    if (fp8) {
        const double odd = aligned_sum(a, b, 1, n, 2, min_a, min_b, &odd_top);
        const int most = top > odd_top ? top : odd_top;
        sum = floor(ldexp(sum, top - most)) + floor(ldexp(odd, odd_top - most));
        top = most;
    }
    const int c_exp = exponent_of(c, -126), most = top > c_exp ? top : c_exp;
    const double s = floor(ldexp(sum, 31 - 24 + top - most));
    const double addend = fp8 && c_exp < most - 25 ? 0 : floor(ldexp(c, 24 - most));
    return (float)ldexp(s + ldexp(addend, 7), most - 31);
}

static float flushed(float f)
{
    return fabsf(f) < 0x1p-126f ? copysignf(0, f) : f;
}

static float pairwise_model(const double *a, const double *b, unsigned group, float c)
{
    float x[4] = {0};
    for (unsigned k = 0; k < group; k++)
        x[k] = flushed((float)(a[k] * b[k]));
    const float lo = flushed(x[0] + x[1]),
                sum = group == 2 ? lo : flushed(lo + flushed(x[2] + x[3]));
    return flushed(flushed(c) + sum);
}

static float model(const shape *s, sim_arch arch, unsigned terms, const double *a, const double *b,
                   float c)
{
    const operand_format fa = operand_of(s->a, arch), fb = operand_of(s->b, arch);
    const bool fp8 = s->a == FP8 || s->a == BF8;
    unsigned group = arch == SIM_GFX90A
                         ? (strstr(s->name, "bf16") && !strstr(s->name, "_1k") ? 2 : 4)
                     : fp8          ? 16
                     : s->a == XF32 ? 4
                                    : 8;
    group = group < terms ? group : terms;
    for (unsigned k = 0; k < terms; k += group)
        c = arch == SIM_GFX90A ? pairwise_model(a + k, b + k, group, c)
                               : fused_model(a + k, b + k, group, fp8, fa.min_exp, fb.min_exp, c);
    return c;
}

/* spread: how many of the exponent's low bits vary; all patterns, with infinities and NaNs, when it
 * covers it. One in `zeros` is 0. */
static uint32_t random_pattern(const operand_format *f, unsigned spread, unsigned zeros,
                               uint32_t *seed)
{
    const uint32_t patterns = 2u << (f->fmt.exp_bits + f->fmt.man_bits);
    const uint32_t bits = next_random(seed) % patterns;
    if (zeros && next_random(seed) % zeros == 0)
        return 0;
    if (spread >= f->fmt.exp_bits)
        return bits;
    const uint32_t exponent =
        f->fmt.bias - (1u << spread) / 2 + (next_random(seed) & ((1u << spread) - 1));
    return (bits & ~(((1u << f->fmt.exp_bits) - 1) << f->fmt.man_bits)) | exponent
                                                                              << f->fmt.man_bits;
}

/* Of the size of the products, zeros, any pattern, tiny, and neighbours of a power of two, from
 * which the products may cancel bits. */
static float random_accumulator(uint32_t *seed)
{
    const uint32_t bits = next_random(seed) << 8 ^ next_random(seed);
    const uint32_t sign = bits & 0x80000000u, near = (127 - 4 + next_random(seed) % 24) << 23;
    switch (next_random(seed) % 8) {
    case 0: return sim_float(sign);
    case 1: return sim_float(bits);
    case 2: return sim_float(sign | (bits & 0x0fffffffu));
    case 3: return sim_float(sign | near);
    case 4: return sim_float((sign | near) - 1);
    case 5: return sim_float(sign | near | (bits & 3));
    default:
        return ldexpf((float)(bits >> 8) - 0x1p23f, (int)(next_random(seed) % 60) - 50);
    }
}

static double value_of_pattern(uint32_t bits, const operand_format *f, bool flush)
{
    const double v = sim_decode(bits, f->fmt);
    return flush && fabs(v) < ldexp(1, f->min_exp) ? 0 : v;
}

/* What an instruction multiplies: stored elements of A, and the k that each of them meets. */
typedef struct values {
    double a[16][32][128], b[16][32][128];
    unsigned k[32][128];
} values;

/* Lane l's elements of A or B. */
static void place_patterns(machine *m, unsigned reg, type t, unsigned l, unsigned each,
                           unsigned spread, unsigned zeros, uint32_t *seed, double *out)
{
    const operand_format f = operand_of(t, m->w->arch);
    for (unsigned e = 0; e < each; e++) {
        const uint32_t bits = random_pattern(&f, spread, zeros, seed);
        place(m, reg, t, l, e, t == XF32 ? bits << 13 | next_random(seed) % 8192 : bits);
        out[e] = value_of_pattern(bits, &f, m->w->arch == SIM_GFX90A);
    }
}

/* Two of each four k in lane l of a sparse A. */
static void place_indices(machine *m, const shape *s, unsigned l, unsigned each, values *v,
                          uint32_t *seed)
{
    m->w->v[X_REG][l] = 0;
    for (unsigned e = 0; e < each; e++) {
        const unsigned index = next_random(seed) % 4;
        m->w->v[X_REG][l] |= index << 2 * e;
        v->k[l % s->n][l / s->n * each + e] = l / s->n * each * 2 + e / 2 * 4 + index;
    }
}

static void place_values(machine *m, const shape *s, bool is_sparse, unsigned spread,
                         unsigned zeros, values *v, uint32_t *seed)
{
    const unsigned each = s->k * s->n * s->blocks / 64, stored = is_sparse ? each / 2 : each;
    double a[64], b[64];
    for (unsigned l = 0; l < 64; l++) {
        const unsigned i = l % s->n, block = l / s->n % s->blocks, part = l / (s->n * s->blocks);
        place_patterns(m, A_REG, s->a, l, stored, spread, zeros, seed, a);
        place_patterns(m, B_REG, s->b, l, each, spread, zeros, seed, b);
        for (unsigned e = 0; e < stored; e++) {
            v->a[block][i][part * stored + e] = a[e];
            v->k[i][part * stored + e] = part * stored + e;
        }
        for (unsigned e = 0; e < each; e++)
            v->b[block][i][is_sparse ? sparse_b_k(s, l, e) : part * each + e] = b[e];
        if (is_sparse)
            place_indices(m, s, l, stored, v, seed);
    }
}

static void compare_element(const machine *m, const shape *s, unsigned terms, const values *v,
                            unsigned r, unsigned l, float c, const char *text)
{
    const position at = position_of(s, r, l);
    const float got = sim_float(m->w->v[r][l]);
    double b[128];
    for (unsigned t = 0; t < terms; t++)
        b[t] = v->b[at.block][at.j][v->k[at.i][t]];
    const float want = model(s, m->w->arch, terms, v->a[at.block][at.i], b, c);
    if (isnan(want) ? !isnan(got) : sim_bits(got) != sim_bits(want))
        fail_msg("%s: row %u column %u: %a, expected %a", text, at.i, at.j, got, want);
}

static void compare_with_model(const shape *s, sim_arch arch, bool is_sparse, unsigned spread,
                               unsigned zeros, uint32_t seed)
{
    static values v;
    static float c[32][64];
    machine *m = machine_new(arch, 0);
    char text[160];
    place_values(m, s, is_sparse, spread, zeros, &v, &seed);
    for (unsigned r = 0; r < result_regs(s); r++)
        for (unsigned l = 0; l < 64; l++) {
            c[r][l] = random_accumulator(&seed);
            m->w->v[(is_sparse ? 0 : C_REG) + r][l] = sim_bits(c[r][l]);
        }
    instruction(text, s, false, is_sparse, &plain);
    machine_run(m, text, NULL);
    for (unsigned r = 0; r < result_regs(s); r++)
        for (unsigned l = 0; l < 64; l++)
            compare_element(m, s, is_sparse ? s->k / 2 : s->k, &v, r, l, c[r][l], text);
    machine_free(m);
}

static void compare_shapes(const shape *shapes, size_t count, bool is_sparse)
{
    for (size_t n = 0; n < count; n++)
        for (int arch = (int)shapes[n].first; arch <= (int)shapes[n].last; arch++) {
            const type t = shapes[n].a;
            if (t == F32 || t == I8 || t == F64)
                continue;
            for (unsigned spread = 1; spread <= 8; spread++)
                compare_with_model(&shapes[n], (sim_arch)arch, is_sparse, spread, spread % 3 * 2,
                                   spread * 31 + 7);
        }
}

static void arbitrary_values_follow_the_models(void **state)
{
    (void)state;
    compare_shapes(dense, sizeof dense / sizeof dense[0], false);
    compare_shapes(sparse, sizeof sparse / sizeof sparse[0], true);
}

/* f32 is a chain of fused multiply-adds: (1 + 2^-12)^2 - 1 keeps its 2^-24. */
static void f32_fuses(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    m->w->v[A_REG][0] = m->w->v[B_REG][0] = sim_bits(1 + 0x1p-12f);
    m->w->v[C_REG][0] = sim_bits(-1);
    machine_run(m, "v_mfma_f32_32x32x2_f32 v[0:15], v64, v96, v[128:143]", NULL);
    assert_true(sim_float(m->w->v[0][0]) == 0x1p-11f + 0x1p-24f);
    machine_free(m);
}

/* XF32 ignores the low 13 bits of the significand. */
static void xf32_truncates_inputs(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    m->w->v[A_REG][0] = 0x3f800000u | 0x3fff; /* 1 + 2^-10 and 13 more bits */
    m->w->v[B_REG][0] = sim_bits(1);
    machine_run(m, "v_mfma_f32_16x16x8_xf32 v[0:3], v[64:65], v[96:97], 0", NULL);
    assert_true(sim_float(m->w->v[0][0]) == 1 + 0x1p-10f);
    machine_free(m);
}

/* D may be C, and D may overlap A: all sources are read first. */
static void destination_may_overlap_sources(void **state)
{
    (void)state;
    const shape *s = NULL;
    for (size_t n = 0; n < sizeof dense / sizeof dense[0]; n++)
        if (strcmp(dense[n].name, "v_mfma_f32_16x16x16_f16") == 0)
            s = &dense[n];
    machine *m = machine_new(SIM_GFX942, 0);
    fill_random(s, 21);
    place_inputs(m, s);
    place_c(m, s, C_REG);
    machine_run(m, "v_mfma_f32_16x16x16_f16 v[64:67], v[64:65], v[96:97], v[128:131]", NULL);
    check(m, s, &plain, A_REG, "D over A");
    place_inputs(m, s);
    place_c(m, s, C_REG);
    machine_run(m, "v_mfma_f32_16x16x16_f16 v[130:133], v[64:65], v[96:97], v[128:131]", NULL);
    check(m, s, &plain, C_REG + 2, "D over half of C");
    machine_free(m);
}

static void unknown_formats_are_faults(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX950, 0);
    machine_run_fault(m, "v_mfma_f32_32x32x64_f8f6f4 v[0:15], v[64:71], v[96:103], 0 cbsz:5", -1,
                      "cbsz:5");
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dense_shape_multiplies),
        cmocka_unit_test(shapes_belong_to_their_archs),
        cmocka_unit_test(blocks_of_a_are_broadcast),
        cmocka_unit_test(lanes_of_b_are_permuted),
        cmocka_unit_test(f64_negates_its_sources),
        cmocka_unit_test(c_may_be_a_constant),
        cmocka_unit_test(every_sparse_shape_multiplies),
        cmocka_unit_test(every_pair_of_formats_multiplies),
        cmocka_unit_test(scales_apply_to_blocks_of_32),
        cmocka_unit_test(subnormals),
        cmocka_unit_test(tiny_products),
        cmocka_unit_test(order_and_truncation_of_sums),
        cmocka_unit_test(infinities_and_nans),
        cmocka_unit_test(arbitrary_values_follow_the_models),
        cmocka_unit_test(f32_fuses),
        cmocka_unit_test(xf32_truncates_inputs),
        cmocka_unit_test(destination_may_overlap_sources),
        cmocka_unit_test(unknown_formats_are_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
