/* The text and the JSON of a profile made by hand; expected numbers are computed here or by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/profile/fixture.h"
#include "tools/profile/profile.h"

static const profile_need need = { .flop = 5e11, .read_bytes = 3e8, .write_bytes = 1e8 };

typedef bool (*writer)(FILE *out, const profile_view *view, int top);

/* What `write` writes of `p`; the caller frees it. */
static char *text_of(const aiter_sim_profile *p, const profile_need *n, writer write, int top)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    profile_view view;

    assert_non_null(out);
    assert_true(profile_view_init(&view, p, n));
    assert_true(write(out, &view, top));
    profile_view_free(&view);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void expect_none(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

static void expect_width(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > PROFILE_WIDTH)
            fail_msg("longer than %d: %.*s", PROFILE_WIDTH, (int)strcspn(line, "\n"), line);
}

/* ---- Text ---- */

static void headline(void **state)
{
    char *text = text_of(fixture_profile(), &need, profile_print, 10);

    (void)state;
    expect(text, "1 ms, 2100000 cycles at 2.10 GHz, 500.0 TFLOP/s, 38.5 % of matrix peak 1300\n");
    expect(text, "1.2 ms, 416.7 TFLOP/s at 1.75 GHz, which the power limit leaves\n");
    expect(text, "123 M instructions, 600 GFLOP matrix, 20.0 GFLOP vector; matrix 1.2 times the");
    expect(text, "bound by   latency: busiest matrix, 55.0 %; waves wait for: global memory 59 %, "
                 "scalar load 17 %\n");
    expect(text, "3 of 2000 workgroups, 12 waves");
    expect_width(text);
    free(text);
}

static void memory_and_occupancy(void **state)
{
    char *text = text_of(fixture_profile(), &need, profile_print, 10);

    (void)state;
    expect(text, "L2           2.0 GB     100 MB   75.0%   2.1 TB/s of 10.0 TB/s\n");
    expect(text, "minimum      300 MB     100 MB           inputs and outputs once; HBM moves 1.5 times");
    expect(text, "2 waves a SIMD, 2 workgroups of 4 waves a CU, limited by registers\n");
    expect(text, "2000 workgroups on 304 CUs: 3.29 rounds, which fill 82 % of the places\n");
    free(text);
}

/* Each wave lives 1162 cycles and 10 more for each place in its workgroup, and issues for 40. */
static void waves_by_index(void **state)
{
    char *text = text_of(fixture_profile(), &need, profile_print, 10);

    (void)state;
    expect(text, "  cycles               1177     1162     1172     1182     1192\n");
    expect(text, "  issuing              3.4%     3.4%     3.4%     3.4%     3.4%\n");
    expect(text, "  matrix result        6.4%     5.2%     6.0%     6.8%     7.6%\n");
    expect_none(text, "memory busy"); /* took nothing */
    free(text);
}

static void wave_groups(void **state)
{
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    p->waves_per_workgroup = 16;
    char *text = text_of(p, &need, profile_print, 10);
    expect(text, "mean      0-1      2-3      4-5 ");
    expect(text, "  cycles               1177     1167     1187        0 ");
    expect_width(text);
    free(text);
}

static void tables_of_instructions(void **state)
{
    char *text = text_of(fixture_profile(), &need, profile_print, 2);

    (void)state;
    expect(text, "   60.0%        12  global memory   99%    1a10  s_waitcnt vmcnt(0)\n"
                 "   17.5%        12  scalar load     97%    1a08  global_load_dwordx4");
    expect_none(text, "s_endpgm"); /* not among the top 2 */
    expect(text, "conflicts: 50.0 % of the cycles");
    expect(text, "        96       8.0         50.0%     1a18  ds_read_b128");
    expect(text, "       192      16.0      12.3 kB         50.0%    1a08  global_load_dwordx4");
    free(text);
}

/* Two runs: the fixture's instructions are issued once by each wave, but the last two twice. */
static void runs(void **state)
{
    aiter_sim_profile *p = fixture_profile();
    aiter_sim_inst_profile insts[FIXTURE_INSTS];

    (void)state;
    memcpy(insts, p->insts, sizeof insts);
    insts[5].issued *= 2;
    insts[6].issued *= 2;
    p->insts = insts;
    char *text = text_of(p, &need, profile_print, 10);
    /* 30 + 200 + 700 + 12 + 100 cycles of waiting, 5 instructions of 40/7 cycles each */
    expect(text, "   91.0%        12     1071       32     1     0    0    1    1      1     1  1a00-1a20\n");
    /* 75 + 20, and 2 instructions of 40/7 cycles twice, in two passes */
    expect(text, "   10.0%        24       59        0     0     0    1    0    0      0     1  1a28-1a30\n");
    free(text);
}

static void what_bounds(void **state)
{
    static const struct { double mfma, hbm; uint64_t workgroups; const char *expected; } cases[] = {
        { 0.84, 0.3, 2000, "bound by   matrix, busy 84.0 %" },
        { 0.3, 0.7, 2000, "bound by   HBM, busy 70.0 %" },
        { 0.3, 0.1, 96, "bound by   grid: 96 workgroups on 304 CUs" },
        { 0.5, 0.1, 304, "bound by   latency: busiest matrix, 50.0 %" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aiter_sim_profile *p = fixture_profile();
        p->busy[AITER_SIM_UNIT_MFMA] = cases[i].mfma;
        p->hbm.busy = cases[i].hbm;
        p->workgroups = cases[i].workgroups;
        char *text = text_of(p, &need, profile_print, 1);
        expect(text, cases[i].expected);
        free(text);
    }
}

static void no_power_limit(void **state)
{
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    p->sustained_clock_hz = p->clock_hz;
    char *text = text_of(p, &need, profile_print, 1);
    expect_none(text, "sustained");
    free(text);
}

/* A kernel without matrix instructions, of which nothing is known, and which stalls nowhere. */
static void nothing_known(void **state)
{
    static const aiter_sim_wave_profile idle;
    const profile_need none = { 0 };
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    p->matrix_flops = p->matrix_peak_flops = p->vector_flops = p->seconds = p->cycles = p->rounds = 0;
    p->sustained_seconds = 0;
    p->num_insts = p->num_events = 0;
    p->waves = &idle;
    p->num_waves = 1;
    char *text = text_of(p, &none, profile_print, 10);
    expect_none(text, "TFLOP/s");
    expect_none(text, "minimum");
    expect_none(text, "nan");
    expect_none(text, "inf");
    free(text);
}

static void long_names_are_cut(void **state)
{
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    memset(p->kernel, 'k', sizeof p->kernel - 1);
    char *text = text_of(p, &need, profile_print, 10);
    expect(text, "kkk...\n");
    expect_width(text);
    free(text);
}

static void annotated(void **state)
{
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    char *text = text_of(p, &need, profile_annotate, 2);
    expect(text, "> the 2 hottest");
    expect(text, "    1a00       12   30.0   3.0%  fetch      84  s_load_dwordx4");
    expect(text, ">   1a08       12  200.0  17.5%  lgkm_smem  97  global_load_dwordx4");
    expect(text, ">   1a10       12  700.0  60.0%  vmcnt      99  s_waitcnt");
    expect(text, "    1a20       12  100.0   9.0%  lgkm_lds   95  v_mfma_f32_32x32x8_bf16_1k "
                 "a[0:15], v[0:1], v[4:5],\n                                                    a[0:15]\n");
    expect_width(text);
    free(text);
}

static void never_issued(void **state)
{
    static const aiter_sim_inst_profile inst = { .offset = 0x40, .text = "s_nop 0" };
    aiter_sim_profile *p = fixture_profile();

    (void)state;
    p->insts = &inst;
    p->num_insts = 1;
    char *text = text_of(p, &need, profile_annotate, 5);
    expect(text, "\n      40        -                               s_nop 0\n");
    free(text);
}

/* ---- JSON ---- */

static json_object *json_of(const aiter_sim_profile *p, const profile_need *n)
{
    profile_view view;

    assert_true(profile_view_init(&view, p, n));
    json_object *made = profile_json(&view);
    /* as a reader gets it */
    json_object *read = json_tokener_parse(json_object_to_json_string(made));
    assert_non_null(read);
    json_object_put(made);
    profile_view_free(&view);
    return read;
}

/* The member at "a.b.2.c". */
static json_object *at(json_object *o, const char *path)
{
    char key[64];

    for (; o; path++) {
        const size_t size = strcspn(path, ".");
        assert_in_range(size, 1, sizeof key - 1);
        memcpy(key, path, size);
        key[size] = '\0';
        o = json_object_is_type(o, json_type_array)
                ? json_object_array_get_idx(o, strtoul(key, NULL, 10))
                : json_object_object_get(o, key);
        path += size;
        if (*path == '\0')
            break;
    }
    if (!o)
        fail_msg("no member %s", path);
    return o;
}

static void expect_number(json_object *o, const char *path, double expected)
{
    const double value = json_object_get_double(at(o, path));

    if (!(value > expected - 1e-6 * (expected + 1) && value < expected + 1e-6 * (expected + 1)))
        fail_msg("%s is %g, expected %g", path, value, expected);
}

static void expect_text(json_object *o, const char *path, const char *expected)
{
    assert_string_equal(json_object_get_string(at(o, path)), expected);
}

static void whole_json(void **state)
{
    json_object *o = json_of(fixture_profile(), &need);

    (void)state;
    expect_text(o, "kernel", "fixture");
    expect_number(o, "grid.0", 1000);
    expect_number(o, "prediction.cycles", 2.1e6);
    expect_number(o, "prediction.tflops", 500);
    expect_number(o, "prediction.sustained_seconds", 1.2e-3);
    expect_number(o, "prediction.matrix_tflops", 600);
    expect_number(o, "prediction.matrix_peak_tflops", 1300);
    expect_text(o, "bound.by", "latency");
    expect_text(o, "bound.busiest", "mfma");
    expect_number(o, "busy.trans", 0.1);
    expect_number(o, "memory.l2.hit_rate", 0.75);
    expect_number(o, "memory.hbm.peak_bytes_per_second", 5.3e12);
    expect_number(o, "memory.minimum.read_bytes", 3e8);
    expect_text(o, "occupancy.limited_by", "vgprs");
    expect_number(o, "instructions.2.issued", FIXTURE_WAVES);
    expect_number(o, "instructions.2.stalls.vmcnt", 700 * FIXTURE_WAVES);
    expect_text(o, "instructions.4.unit", "mfma");
    expect_number(o, "instructions.3.lds_conflict", 8 * FIXTURE_WAVES);
    assert_int_equal(json_object_array_length(at(o, "instructions")), FIXTURE_INSTS);
    assert_int_equal(json_object_array_length(at(o, "waves")), FIXTURE_WAVES);
    expect_number(o, "waves.11.workgroup.0", 2);
    expect_number(o, "waves.11.end", 1200 + 1192);
    expect_number(o, "waves.11.stalls.mfma", 60 + 30);
    json_object_put(o);
}

static void json_without_need(void **state)
{
    const profile_need none = { 0 };
    json_object *o = json_of(fixture_profile(), &none);

    (void)state;
    assert_false(json_object_object_get_ex(at(o, "prediction"), "tflops", NULL));
    assert_false(json_object_object_get_ex(at(o, "memory"), "minimum", NULL));
    json_object_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headline),
        cmocka_unit_test(memory_and_occupancy),
        cmocka_unit_test(waves_by_index),
        cmocka_unit_test(wave_groups),
        cmocka_unit_test(tables_of_instructions),
        cmocka_unit_test(runs),
        cmocka_unit_test(what_bounds),
        cmocka_unit_test(no_power_limit),
        cmocka_unit_test(nothing_known),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(annotated),
        cmocka_unit_test(never_issued),
        cmocka_unit_test(whole_json),
        cmocka_unit_test(json_without_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
