/* Vector instructions one by one, against the table of valu_reference.py. Each row runs with all
 * lanes on and with some off: disabled lanes keep their registers and have zero bits in lane masks.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/float.h"

#define OLD 0x0123456789abcdefull

typedef struct row {
    uint64_t a, b, c;
    int vcc;
    uint64_t want;
    int want_vcc;
} row;

typedef struct group {
    const char *text;
    uint32_t mode;
    unsigned arch; /* the oldest that has it; 0x10: this one only */
    unsigned first, count;
} group;

/* The table is read three times: rows, then their number in each group. */
#define ROW(a, b, c, vcc, want, want_vcc) {a, b, c, vcc, want, want_vcc},
#define GROUP(text, mode, arch, ...) __VA_ARGS__
static const row rows[] = {
#include "valu_cases.h"
};
#undef ROW
#undef GROUP
#define ROW(...) +1
#define GROUP(text, mode, arch, ...) {text, mode, arch, 0, 0 __VA_ARGS__},
static group groups[] = {
#include "valu_cases.h"
};
#define NUM_GROUPS (sizeof groups / sizeof groups[0])

static void set_inputs(machine *m, const row *r, unsigned lane)
{
    machine_set_pair(m, 0, lane, OLD);
    machine_set_pair(m, 2, lane, r->a);
    machine_set_pair(m, 4, lane, r->b);
    machine_set_pair(m, 6, lane, r->c);
}

static uint64_t result(const machine *m, unsigned lane)
{
    return (uint64_t)m->w->v[1][lane] << 32 | m->w->v[0][lane];
}

/* One instruction on the inputs of one row in all lanes. Returns the number of differences, which
 * it prints. */
static unsigned check_row(machine *m, const group *g, const sim_inst *inst, const row *r,
                          uint64_t exec)
{
    const uint64_t want =
        strstr(g->text, "v[0:1],") ? r->want : (OLD & ~0xffffffffull) | (uint32_t)r->want;
    unsigned bad = 0;

    for (unsigned l = 0; l < SIM_LANES; l++)
        set_inputs(m, r, l);
    machine_set_exec(m, exec);
    sim_set_sreg64(m->w, SIM_VCC, r->vcc ? ~0ull : 0);
    m->w->mode = g->mode;
    m->w->mode_default = (g->mode & 0xff) == 0xf0;
    m->w->state = SIM_RUNNING;
    sim_step(m->w, inst);
    assert_int_equal(m->w->state, SIM_RUNNING);
    for (unsigned l = 0; l < SIM_LANES && !bad; l++) {
        const uint64_t lane_want = exec >> l & 1 ? want : OLD;
        if (result(m, l) != lane_want) {
            print_error("%s, MODE %#x, arch %d, lane %u: %#llx %#llx %#llx vcc %d gives %#llx, "
                        "expected %#llx\n",
                        g->text, g->mode, m->w->arch, l, (unsigned long long)r->a,
                        (unsigned long long)r->b, (unsigned long long)r->c, r->vcc,
                        (unsigned long long)result(m, l), (unsigned long long)lane_want);
            bad++;
        }
    }
    if (r->want_vcc >= 0 && sim_sreg64(m->w, SIM_VCC) != (r->want_vcc ? exec : 0)) {
        print_error("%s: %#llx %#llx %#llx gives vcc %#llx, expected %d in lanes %#llx\n", g->text,
                    (unsigned long long)r->a, (unsigned long long)r->b, (unsigned long long)r->c,
                    (unsigned long long)sim_sreg64(m->w, SIM_VCC), r->want_vcc,
                    (unsigned long long)exec);
        bad++;
    }
    return bad;
}

static unsigned check_group(const group *g, sim_arch arch)
{
    machine *m = machine_new(arch, 0);
    char line[300], error[200];
    sim_inst inst;
    unsigned bad = 0;

    snprintf(line, sizeof line, "\t%s // 000000000100: 00000000 00000000", g->text);
    assert_int_equal(sim_parse_line(m->program, line, &inst, error, sizeof error), 0);
    if (!inst.op) {
        print_error("%s: not known on arch %d\n", g->text, arch);
        bad++;
    }
    machine_uses(inst.op);
    for (unsigned i = 0; i < g->count && inst.op && bad < 5; i++) {
        bad += check_row(m, g, &inst, &rows[g->first + i], ~0ull);
        bad += check_row(m, g, &inst, &rows[g->first + i], 0x8000f00ff00f5a01);
    }
    machine_free(m);
    return bad;
}

static void test_table(void **state)
{
    unsigned bad = 0;

    (void)state;
    for (size_t i = 0; i < NUM_GROUPS; i++) {
        const group *g = &groups[i];
        const bool only = g->arch & 0x10;
        for (unsigned arch = g->arch & 15; arch <= SIM_GFX950; arch++)
            if (!only || arch == (g->arch & 15))
                bad += check_group(g, (sim_arch)arch);
    }
    if (bad)
        fail_msg("%u of the table's results differ", bad);
}

/* v_cmpx writes what v_cmp writes to VCC to EXEC as well; and nothing where EXEC was off. */
static void test_compare_and_mask(void **state)
{
    const uint64_t exec = 0x8000f00ff00f5a01;

    (void)state;
    for (size_t i = 0; i < NUM_GROUPS; i++) {
        const group *g = &groups[i];
        char text[160];
        if (strncmp(g->text, "v_cmp_", 6) || strstr(g->text, "_sdwa"))
            continue;
        machine *m = machine_new((sim_arch)(g->arch & 15), 0);
        snprintf(text, sizeof text, "v_cmpx_%s", g->text + 6);
        for (unsigned k = 0; k < g->count; k++) {
            const row *r = &rows[g->first + k];
            const uint64_t want = r->want_vcc ? exec : 0;
            for (unsigned l = 0; l < SIM_LANES; l++)
                set_inputs(m, r, l);
            machine_set_exec(m, exec);
            sim_set_sreg64(m->w, SIM_VCC, ~0ull);
            machine_run(m, text, NULL);
            if (sim_exec_mask(m->w) != want || sim_sreg64(m->w, SIM_VCC) != want)
                fail_msg("%s of %#llx, %#llx: exec %#llx", text, (unsigned long long)r->a,
                         (unsigned long long)r->b, (unsigned long long)sim_exec_mask(m->w));
        }
        machine_free(m);
    }
}

/* ---- gfx950: 32 values of six bits ---- */

/* E2M3 (fp6), E3M2 (bf6): OCP Microscaling Formats (MX) Specification, "FP6". No infinities, no
 * NaN. */
static double six_bits(unsigned code, bool bf6)
{
    const int man = bf6 ? 2 : 3, bias = bf6 ? 3 : 1, exp = (int)(code & 31) >> man;
    const double m = code & ((1u << man) - 1);
    const double v = exp ? ldexp(m + (1 << man), exp - bias - man) : ldexp(m, 1 - bias - man);

    return code & 32 ? -v : v;
}

/* Binary16 of a value that it has as a normal number, or of a zero. */
static uint32_t half_bits(double v)
{
    int exp;
    const double m = frexp(fabs(v), &exp); /* 0.5 up to 1 */
    const uint32_t sign = signbit(v) ? 0x8000 : 0;

    return v == 0 ? sign : sign | (uint32_t)(exp + 14) << 10 | (uint32_t)((2 * m - 1) * 1024);
}

/* Bits of a value that the format has exactly: "f32", "f16" or "bf16". */
static uint32_t wide_bits(double v, const char *type)
{
    const uint32_t bits = sim_bits((float)v);

    if (type[0] == 'b')
        return bits >> 16;
    return strcmp(type, "f32") == 0 ? bits : half_bits(v);
}

static uint32_t field(const machine *m, unsigned reg, unsigned bit, unsigned bits)
{
    const uint32_t low = m->w->v[reg + bit / 32][3], high = m->w->v[reg + bit / 32 + 1][3];
    const uint64_t two = (uint64_t)high << 32 | low;

    return (uint32_t)(two >> bit % 32) & (uint32_t)((1ull << bits) - 1);
}

static void put_field(machine *m, unsigned reg, unsigned bit, unsigned bits, uint32_t value)
{
    for (unsigned i = 0; i < bits; i++, bit++)
        m->w->v[reg + bit / 32][3] |= (value >> i & 1) << bit % 32;
}

/* All 64 codes, 32 at a time, up with a scale and down again; the values are exact, so the random
 * bits of the stochastic forms do not matter. */
static void check_six_bits(const char *small, const char *type, double scale, unsigned first)
{
    const bool bf6 = small[0] == 'b', f32 = strcmp(type, "f32") == 0;
    const unsigned bits = f32 ? 32 : 16;
    const char *downs[] = {"v_cvt_scalef32_pk32_%s_%s v[200:205], v[64:%u], v60",
                           "v_cvt_scalef32_sr_pk32_%s_%s v[200:205], v[64:%u], v61, v60"};
    machine *m = machine_new(SIM_GFX950, 0);
    char text[160];

    machine_set_exec(m, 1 << 3);
    m->w->v[60][3] = sim_bits((float)scale);
    m->w->v[61][3] = 0x9e3779b9;
    for (unsigned i = 0; i < 32; i++)
        put_field(m, 8, 6 * i, 6, first + i);
    snprintf(text, sizeof text, "v_cvt_scalef32_pk32_%s_%s v[64:%u], v[8:13], v60", type, small,
             64 + bits - 1);
    machine_run(m, text, NULL);
    for (unsigned i = 0; i < 32; i++)
        if (field(m, 64, bits * i, bits) !=
            wide_bits(six_bits(first + i, bf6) * scale, type))
            fail_msg("%s: code %u gives %#x", text, first + i, field(m, 64, bits * i, bits));
    for (unsigned d = f32; d < 2; d++) {
        snprintf(text, sizeof text, downs[d], small, type, 64 + bits - 1);
        machine_run(m, text, NULL);
        assert_memory_equal(&m->w->v[200], &m->w->v[8], 6 * sizeof m->w->v[0]);
    }
    for (unsigned i = 0; f32 && i < 32; i++) /* two sources that interleave */
        m->w->v[(i % 2 ? 120 : 100) + i / 2][3] = m->w->v[64 + i][3];
    if (f32) {
        memset(&m->w->v[200], 0, 6 * sizeof m->w->v[0]);
        snprintf(text, sizeof text,
                 "v_cvt_scalef32_2xpk16_%s_f32 v[200:205], v[100:115], v[120:135], v60", small);
        machine_run(m, text, NULL);
        assert_memory_equal(&m->w->v[200], &m->w->v[8], 6 * sizeof m->w->v[0]);
    }
    machine_free(m);
}

static void test_six_bits(void **state)
{
    static const char *const smalls[] = {"fp6", "bf6"}, *const types[] = {"f32", "f16", "bf16"};

    (void)state;
    for (unsigned i = 0; i < 2 * 3 * 2; i++) {
        check_six_bits(smalls[i % 2], types[i / 2 % 3], 1, i / 6 * 32);
        check_six_bits(smalls[i % 2], types[i / 2 % 3], 4, i / 6 * 32);
    }
}

/* Four sums over windows of four bytes; bytes where the second source is zero do not count. */
static void test_masked_sums(void **state)
{
    static const uint32_t start[4] = {1, 20, 300, 4000};
    const uint64_t bytes = 0x1122334455667788ull;
    const uint32_t reference = 0x50005040;
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        m->w->v[8 + i][0] = start[i];
    machine_set_pair(m, 2, 0, bytes);
    m->w->v[4][0] = reference;
    machine_run(m, "v_mqsad_u32_u8 v[12:15], v[2:3], v4, v[8:11]", NULL);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t sum = start[i];
        for (unsigned b = 0; b < 4; b++) {
            const int x = (int)(bytes >> 8 * (i + b) & 255), y = (int)(reference >> 8 * b & 255);
            sum += y ? (uint32_t)abs(x - y) : 0;
        }
        assert_int_equal(m->w->v[12 + i][0], sum);
    }
    machine_free(m);
}

/* Between the two halves of the register file, in lanes that are on. */
static void test_accumulation_registers(void **state)
{
    machine *m = machine_new(SIM_GFX90A, 0);

    (void)state;
    m->w->v[2][5] = 77;
    machine_set_exec(m, 1 << 5);
    machine_run(m, "v_accvgpr_write_b32 a1, v2", NULL);
    machine_run(m, "v_accvgpr_mov_b32 a3, a1", NULL);
    machine_run(m, "v_accvgpr_read_b32 v4, a3", NULL);
    assert_int_equal(m->w->v[SIM_AGPR0 + 1][5], 77);
    assert_int_equal(m->w->v[4][5], 77);
    assert_int_equal(m->w->v[4][6], 0);
    machine_free(m);
}

/* What a later arch brought must be unknown on earlier ones. */
static void test_arch_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_GROUPS; i++)
        if ((groups[i].arch & 15) > SIM_GFX90A)
            assert_false(machine_knows(SIM_GFX90A, groups[i].text));
}

/* The sum of the groups' counts must be the number of rows: otherwise rows would be tested against
 * the wrong text. */
static int number_groups(void **state)
{
    unsigned first = 0;

    (void)state;
    for (size_t i = 0; i < NUM_GROUPS; i++) {
        groups[i].first = first;
        first += groups[i].count;
    }
    return first == sizeof rows / sizeof rows[0] ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_compare_and_mask),
                                       cmocka_unit_test(test_six_bits),
                                       cmocka_unit_test(test_masked_sums),
                                       cmocka_unit_test(test_accumulation_registers),
                                       cmocka_unit_test(test_arch_limits)};

    return cmocka_run_group_tests(tests, number_groups, NULL);
}
