/* Vector instructions one by one, against the table of valu_reference.py. Each row runs with all
 * lanes on and with some off: disabled lanes keep their registers and have zero bits in lane masks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

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
                                       cmocka_unit_test(test_arch_limits)};

    return cmocka_run_group_tests(tests, number_groups, NULL);
}
