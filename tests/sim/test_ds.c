/* LDS instructions. Patterns of lane exchange are those of the ISA guides' pseudocode, written out
 * here by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/float.h"

#define LDS_BYTES 65536

/* Byte i of LDS is i * 7 + i / 256. */
static machine *filled(sim_arch arch)
{
    machine *m = machine_new(arch, LDS_BYTES);
    for (unsigned i = 0; i < LDS_BYTES; i++)
        m->wg.lds[i] = (uint8_t)(i * 7 + i / 256);
    return m;
}

static uint32_t lds32(const machine *m, unsigned at)
{
    uint32_t v;
    memcpy(&v, m->wg.lds + at, 4);
    return v;
}

static void set_addresses(machine *m, unsigned reg, unsigned base, unsigned stride)
{
    for (unsigned l = 0; l < 64; l++)
        m->w->v[reg][l] = base + l * stride;
}

static void reads_of_dwords(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned reg, dwords, offset;
    } cases[] = {
        {"ds_read_b32 v8, v1 offset:20", 8, 1, 20},
        {"ds_read_b64 v[8:9], v1", 8, 2, 0},
        {"ds_read_b96 v[8:10], v1 offset:3", 8, 3, 3}, /* no alignment is asked for */
        {"ds_read_b128 v[8:11], v1 offset:1024", 8, 4, 1024},
        {"ds_read_b128 a[8:11], v1 offset:16", SIM_AGPR0 + 8, 4, 16},
        {"ds_read_b64 v[1:2], v1 offset:8", 1, 2, 8}, /* over its own address */
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = filled(SIM_GFX90A);
        set_addresses(m, 1, 64, 20);
        machine_set_exec(m, n & 1 ? ~0ull : 0xfffffffffffffffdull);
        memset(m->w->v[8], 0xee, 64 * 4);
        machine_run(m, cases[n].text, NULL);
        for (unsigned l = 0; l < 64; l++)
            for (unsigned d = 0; d < cases[n].dwords; d++)
                if (n & 1 || l != 1)
                    assert_int_equal(m->w->v[cases[n].reg + d][l],
                                     lds32(m, 64 + 20 * l + cases[n].offset + 4 * d));
        if (!(n & 1) && cases[n].reg == 8)
            assert_int_equal(m->w->v[8][1], 0xeeeeeeee);
        machine_free(m);
    }
}

static void reads_of_bytes_and_shorts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t expected;
    } cases[] = {{"ds_read_u8", 0x000000f1},      {"ds_read_i8", 0xfffffff1},
                 {"ds_read_u16", 0x000092f1},     {"ds_read_i16", 0xffff92f1},
                 {"ds_read_u8_d16", 0xaaaa00f1},  {"ds_read_u8_d16_hi", 0x00f1aaaa},
                 {"ds_read_i8_d16", 0xaaaafff1},  {"ds_read_i8_d16_hi", 0xfff1aaaa},
                 {"ds_read_u16_d16", 0xaaaa92f1}, {"ds_read_u16_d16_hi", 0x92f1aaaa}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = machine_new(SIM_GFX942, 1024);
        char text[80];
        m->wg.lds[100 + 2 * 33] = 0xf1;
        m->wg.lds[101 + 2 * 33] = 0x92;
        set_addresses(m, 1, 60, 2);
        memset(m->w->v[8], 0xaa, 64 * 4);
        sprintf(text, "%s v8, v1 offset:40", cases[n].name);
        machine_run(m, text, NULL);
        assert_int_equal(m->w->v[8][33], cases[n].expected);
        machine_free(m);
    }
}

static void two_elements_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned first, second, dwords;
    } cases[] = {{"ds_read2_b32 v[8:9], v1 offset0:3 offset1:200", 12, 800, 1},
                 {"ds_read2st64_b32 v[8:9], v1 offset0:1 offset1:2", 256, 512, 1},
                 {"ds_read2_b64 v[8:11], v1 offset1:9", 0, 72, 2},
                 {"ds_read2st64_b64 v[8:11], v1 offset0:4 offset1:1", 2048, 512, 2}};
    for (size_t n = 0; n < 4; n++) {
        machine *m = filled(SIM_GFX942);
        set_addresses(m, 1, 16, 8);
        machine_run(m, cases[n].text, NULL);
        for (unsigned l = 0; l < 64; l++)
            for (unsigned d = 0; d < 2 * cases[n].dwords; d++) {
                const unsigned at = d < cases[n].dwords
                                        ? cases[n].first + 4 * d
                                        : cases[n].second + 4 * (d - cases[n].dwords);
                assert_int_equal(m->w->v[8 + d][l], lds32(m, 16 + 8 * l + at));
            }
        machine_free(m);
    }
}

static void writes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned bytes, offset, shift;
    } cases[] = {{"ds_write_b8 v1, v8 offset:5", 1, 5, 0},
                 {"ds_write_b8_d16_hi v1, v8", 1, 0, 16},
                 {"ds_write_b16 v1, v8 offset:6", 2, 6, 0},
                 {"ds_write_b16_d16_hi v1, v8", 2, 0, 16},
                 {"ds_write_b32 v1, v8 offset:12", 4, 12, 0},
                 {"ds_write_b64 v1, v[8:9]", 8, 0, 0},
                 {"ds_write_b96 v1, v[8:10] offset:4", 12, 4, 0},
                 {"ds_write_b128 v1, v[8:11] offset:8", 16, 8, 0}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = filled(SIM_GFX950);
        uint8_t expected[LDS_BYTES];
        memcpy(expected, m->wg.lds, LDS_BYTES);
        set_addresses(m, 1, 128, 32);
        machine_set_exec(m, 0x8000000000000001ull);
        for (unsigned d = 0; d < 4; d++)
            for (unsigned l = 0; l < 64; l++)
                m->w->v[8 + d][l] = 0x03020100u + 0x04040404u * d + 0x10000000u * (l & 1);
        for (unsigned l = 0; l < 64; l += 63)
            for (unsigned b = 0; b < cases[n].bytes; b++) {
                const unsigned bit = 8 * b + cases[n].shift;
                expected[128 + 32 * l + cases[n].offset + b] =
                    (uint8_t)(m->w->v[8 + bit / 32][l] >> bit % 32);
            }
        machine_run(m, cases[n].text, NULL);
        assert_memory_equal(m->wg.lds, expected, LDS_BYTES);
        machine_free(m);
    }
}

static void writes_of_two_elements(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, LDS_BYTES);
    set_addresses(m, 1, 0, 8);
    machine_set_exec(m, 2);
    m->w->v[8][1] = 1, m->w->v[9][1] = 2, m->w->v[10][1] = 3, m->w->v[11][1] = 4;
    machine_run(m, "ds_write2_b32 v1, v8, v9 offset0:1 offset1:5", NULL);
    assert_int_equal(lds32(m, 12), 1);
    assert_int_equal(lds32(m, 28), 2);
    machine_run(m, "ds_write2st64_b64 v1, v[8:9], v[10:11] offset0:1 offset1:2", NULL);
    assert_int_equal(lds32(m, 8 + 512), 1);
    assert_int_equal(lds32(m, 12 + 512), 2);
    assert_int_equal(lds32(m, 8 + 1024), 3);
    assert_int_equal(lds32(m, 12 + 1024), 4);
    machine_free(m);
}

static void accesses_outside_are_faults(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 1000);
    set_addresses(m, 1, 0, 0);
    m->w->v[1][37] = 996;
    machine_run(m, "ds_read_b32 v2, v1", NULL);
    machine_run_fault(m, "ds_read_b64 v[2:3], v1", 37, "outside the 1000 bytes");
    assert_int_equal(m->error.address, 996);
    machine_run_fault(m, "ds_write_b32 v1, v2 offset:4", 37, "LDS access of 4 bytes at 1000");
    m->w->v[1][37] = 0xfffffffc; /* a base of -4 with an offset */
    machine_run(m, "ds_read_b32 v2, v1 offset:8", NULL);
    machine_run_fault(m, "ds_read_b32 v2, v1 offset:2", 37, "LDS access of 4 bytes at 4294967294");
    machine_run_fault(m, "ds_add_u32 v1, v2", 37, "LDS access");
    machine_set_exec(m, ~(1ull << 37));
    machine_run(m, "ds_read_b32 v2, v1 offset:8", NULL);
    m->w->v[1][3] = 2;
    machine_run_fault(m, "ds_add_u32 v1, v2", 3, "not aligned to 4");
    machine_free(m);
}

typedef struct update {
    const char *name;
    uint32_t old, data, result;
} update;

static uint32_t f(float x)
{
    return sim_bits(x);
}

static void updates_of_32_bits(void **state)
{
    (void)state;
    const update cases[] = {{"add_%su32", 5, 0xffffffff, 4},
                            {"sub_%su32", 5, 7, 0xfffffffe},
                            {"rsub_%su32", 5, 7, 2},
                            {"inc_%su32", 5, 6, 6},
                            {"inc_%su32", 6, 6, 0},
                            {"dec_%su32", 5, 9, 4},
                            {"dec_%su32", 0, 9, 9},
                            {"dec_%su32", 10, 9, 9},
                            {"min_%si32", 3, 0xffffffff, 0xffffffff},
                            {"max_%si32", 3, 0xffffffff, 3},
                            {"min_%su32", 3, 0xffffffff, 3},
                            {"max_%su32", 3, 0xffffffff, 0xffffffff},
                            {"and_%sb32", 0xff0f, 0x0ff0, 0x0f00},
                            {"or_%sb32", 0xff0f, 0x0ff0, 0xffff},
                            {"xor_%sb32", 0xff0f, 0x0ff0, 0xf0ff},
                            {"add_%sf32", f(1.5f), f(0.25f), f(1.75f)},
                            {"min_%sf32", f(1.5f), f(-2), f(-2)},
                            {"max_%sf32", f(1.5f), f(-2), f(1.5f)},
                            {"pk_add_%sf16", 0x3c004000, 0x3c00c000, 0x40000000}, /* 1 + 1, 2 - 2 */
                            {"pk_add_%sbf16", 0x3f80c000, 0x3f804000, 0x40000000}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (unsigned returns = 0; returns < 2; returns++) {
            machine *m = machine_new(SIM_GFX942, 512);
            char name[40], text[80];
            memcpy(m->wg.lds + 4 * 63 + 16, &cases[n].old, 4);
            set_addresses(m, 1, 0, 4);
            machine_set_exec(m, 1ull << 63);
            m->w->v[2][63] = cases[n].data;
            sprintf(name, cases[n].name, returns ? "rtn_" : "");
            sprintf(text, returns ? "ds_%s v3, v1, v2 offset:16" : "ds_%s v1, v2 offset:16", name);
            machine_run(m, text, NULL);
            if (lds32(m, 4 * 63 + 16) != cases[n].result)
                fail_msg("%s: 0x%x, expected 0x%x", text, lds32(m, 4 * 63 + 16), cases[n].result);
            assert_int_equal(m->w->v[3][63], returns ? cases[n].old : 0);
            machine_free(m);
        }
}

static void updates_of_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t old, data, result;
    } cases[] = {
        {"add_%su64", 0xffffffffull, 1, 0x100000000ull},
        {"sub_%su64", 0x100000000ull, 1, 0xffffffffull},
        {"rsub_%su64", 1, 0x100000000ull, 0xffffffffull},
        {"inc_%su64", 0xffffffffull, 0xffffffffffull, 0x100000000ull},
        {"dec_%su64", 0x100000000ull, 0xffffffffffull, 0xffffffffull},
        {"min_%si64", 1, 0x8000000000000000ull, 0x8000000000000000ull},
        {"max_%si64", 1, 0x8000000000000000ull, 1},
        {"min_%su64", 1, 0x8000000000000000ull, 1},
        {"max_%su64", 1, 0x8000000000000000ull, 0x8000000000000000ull},
        {"and_%sb64", 0xf0f0f0f000000003ull, 0xff000000ffffffffull, 0xf000000000000003ull},
        {"or_%sb64", 0xf0f0f0f000000003ull, 0x0f0000000000000cull, 0xfff0f0f00000000full},
        {"xor_%sb64", 0xf0f0f0f0f0f0f0f0ull, ~0ull, 0x0f0f0f0f0f0f0f0full},
        {"add_%sf64", 0x3ff0000000000000ull, 0x3fe0000000000000ull, 0x3ff8000000000000ull},
        {"min_%sf64", 0xbff0000000000000ull, 0xc000000000000000ull, 0xc000000000000000ull},
        {"max_%sf64", 0xbff0000000000000ull, 0xc000000000000000ull, 0xbff0000000000000ull},
        {"wrxchg_%sb64", 7, 0x1234567890ull, 0x1234567890ull}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (unsigned returns = strncmp(cases[n].name, "wrxchg", 6) == 0; returns < 2; returns++) {
            machine *m = machine_new(SIM_GFX90A, 512);
            uint64_t result;
            char name[40], text[80];
            memcpy(m->wg.lds + 8, &cases[n].old, 8);
            set_addresses(m, 1, 8, 0);
            machine_set_exec(m, 1);
            machine_set_pair(m, 2, 0, cases[n].data);
            snprintf(name, sizeof name, cases[n].name, returns ? "rtn_" : "");
            snprintf(text, sizeof text, returns ? "ds_%s v[4:5], v1, v[2:3]" : "ds_%s v1, v[2:3]",
                     name);
            machine_run(m, text, NULL);
            memcpy(&result, m->wg.lds + 8, 8);
            if (result != cases[n].result)
                fail_msg("%s: 0x%llx", text, (unsigned long long)result);
            assert_int_equal(m->w->v[4][0], returns ? (uint32_t)cases[n].old : 0);
            assert_int_equal(m->w->v[5][0], returns ? (uint32_t)(cases[n].old >> 32) : 0);
            machine_free(m);
        }
}

/* DS_CMPST: the first data operand is compared, the second stored. */
static void compare_and_store(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 512);
    machine_set_exec(m, 3);
    set_addresses(m, 1, 0, 4);
    memcpy(m->wg.lds, (uint32_t[]){10, 20}, 8);
    m->w->v[2][0] = 10, m->w->v[3][0] = 111;
    m->w->v[2][1] = 21, m->w->v[3][1] = 222;
    machine_run(m, "ds_cmpst_rtn_b32 v4, v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 111);
    assert_int_equal(lds32(m, 4), 20);
    assert_int_equal(m->w->v[4][0], 10);
    assert_int_equal(m->w->v[4][1], 20);
    machine_run(m, "ds_mskor_b32 v1, v2, v3", NULL); /* (old & ~first) | second */
    assert_int_equal(lds32(m, 0), (111 & ~10) | 111);
    assert_int_equal(lds32(m, 4), (20 & ~21) | 222);
    machine_run(m, "ds_wrxchg2_rtn_b32 v[6:7], v1, v2, v3 offset0:8 offset1:16", NULL);
    assert_int_equal(lds32(m, 32), 10);
    assert_int_equal(lds32(m, 64), 111);
    machine_free(m);
}

static uint64_t lds64(const machine *m, unsigned at)
{
    uint64_t v;
    memcpy(&v, m->wg.lds + at, 8);
    return v;
}

/* The other forms: what is compared as a float is equal for both zeros. */
static void compare_and_store_forms(void **state)
{
    (void)state;
    const uint64_t minus_zero = 1ull << 63;
    machine *m = machine_new(SIM_GFX942, 2048);
    machine_set_exec(m, 1);
    m->w->v[1][0] = 0;
    m->w->v[2][0] = 0x80000000, m->w->v[3][0] = 5; /* -0.0, then what is stored */
    machine_run(m, "ds_cmpst_b32 v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 0);
    machine_run(m, "ds_cmpst_f32 v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 5);
    memset(m->wg.lds, 0, 8);
    machine_run(m, "ds_cmpst_rtn_f32 v4, v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 5);
    assert_int_equal(m->w->v[4][0], 0);
    machine_run(m, "ds_wrxchg_rtn_b32 v4, v1, v2", NULL);
    assert_int_equal(lds32(m, 0), 0x80000000);
    assert_int_equal(m->w->v[4][0], 5);
    machine_run(m, "ds_mskor_rtn_b32 v4, v1, v2, v3", NULL); /* (old & ~first) | second */
    assert_int_equal(lds32(m, 0), 5);
    assert_int_equal(m->w->v[4][0], 0x80000000);
    machine_set_pair(m, 2, 0, minus_zero);
    machine_set_pair(m, 4, 0, 7ull << 40);
    memset(m->wg.lds, 0, 8);
    machine_run(m, "ds_cmpst_b64 v1, v[2:3], v[4:5]", NULL);
    assert_true(lds64(m, 0) == 0);
    machine_run(m, "ds_cmpst_f64 v1, v[2:3], v[4:5]", NULL);
    assert_true(lds64(m, 0) == 7ull << 40);
    machine_set_pair(m, 2, 0, 7ull << 40);
    machine_run(m, "ds_cmpst_rtn_b64 v[6:7], v1, v[2:3], v[2:3]", NULL);
    assert_int_equal(m->w->v[7][0], 7 << 8);
    machine_run(m, "ds_cmpst_rtn_f64 v[6:7], v1, v[4:5], v[2:3]", NULL);
    assert_int_equal(m->w->v[7][0], 7 << 8);
    machine_set_pair(m, 2, 0, 3ull << 40);
    machine_set_pair(m, 4, 0, 1);
    machine_run(m, "ds_mskor_b64 v1, v[2:3], v[4:5]", NULL);
    assert_true(lds64(m, 0) == (4ull << 40 | 1));
    machine_run(m, "ds_mskor_rtn_b64 v[6:7], v1, v[4:5], v[2:3]", NULL);
    assert_true(lds64(m, 0) == 7ull << 40);
    assert_int_equal(m->w->v[6][0], 1);
    machine_free(m);
}

/* DS_WRAP: old - first when old is at least first, else old + second. */
static void exchanges_of_two(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 4096);
    machine_set_exec(m, 1);
    m->w->v[1][0] = 0;
    machine_set_pair(m, 2, 0, 0x1100000022ull);
    machine_set_pair(m, 4, 0, 0x3300000044ull);
    machine_run(m, "ds_write2_b64 v1, v[2:3], v[4:5] offset0:1 offset1:3", NULL);
    assert_true(lds64(m, 8) == 0x1100000022ull && lds64(m, 24) == 0x3300000044ull);
    machine_run(m, "ds_write2st64_b32 v1, v2, v4 offset0:1 offset1:2", NULL);
    assert_int_equal(lds32(m, 256), 0x22);
    assert_int_equal(lds32(m, 512), 0x44);
    machine_run(m, "ds_wrxchg2st64_rtn_b32 v[6:7], v1, v3, v5 offset0:1 offset1:2", NULL);
    assert_int_equal(m->w->v[6][0], 0x22);
    assert_int_equal(m->w->v[7][0], 0x44);
    assert_int_equal(lds32(m, 512), 0x33);
    machine_run(m, "ds_wrxchg2_rtn_b64 v[6:9], v1, v[4:5], v[2:3] offset0:1 offset1:3", NULL);
    assert_int_equal(m->w->v[7][0], 0x11);
    assert_int_equal(m->w->v[8][0], 0x44);
    assert_true(lds64(m, 8) == 0x3300000044ull);
    machine_run(m, "ds_wrxchg2st64_rtn_b64 v[6:9], v1, v[2:3], v[4:5] offset0:2 offset1:4", NULL);
    assert_int_equal(m->w->v[8][0], 0);
    assert_true(lds64(m, 1024) == 0x1100000022ull && lds64(m, 2048) == 0x3300000044ull);
    m->w->v[2][0] = 10, m->w->v[3][0] = 3;
    memcpy(m->wg.lds, (uint32_t[]){12}, 4);
    machine_run(m, "ds_wrap_rtn_b32 v6, v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 2);
    assert_int_equal(m->w->v[6][0], 12);
    machine_run(m, "ds_wrap_rtn_b32 v6, v1, v2, v3", NULL);
    assert_int_equal(lds32(m, 0), 5);
    machine_run(m, "ds_nop", NULL);
    machine_free(m);
}

/* A half whose top bit is set is stored without it; the other half is only read. */
static void conditional_exchange(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 64);
    machine_set_exec(m, 1);
    memcpy(m->wg.lds + 16, (uint32_t[]){5, 6}, 8);
    m->w->v[1][0] = 13; /* + 4, cut to a multiple of 8 */
    machine_set_pair(m, 2, 0, 0x0000000980000007ull);
    machine_run(m, "ds_condxchg32_rtn_b64 v[4:5], v1, v[2:3] offset:4", NULL);
    assert_int_equal(lds32(m, 16), 7);
    assert_int_equal(lds32(m, 20), 6);
    assert_int_equal(m->w->v[4][0], 5);
    assert_int_equal(m->w->v[5][0], 6);
    m->w->v[1][0] = 64;
    machine_run_fault(m, "ds_condxchg32_rtn_b64 v[4:5], v1, v[2:3]", 0,
                      "LDS access of 8 bytes at 64");
    machine_free(m);
}

/* Lanes that meet at one address all take effect, each seeing another old value. */
static void lanes_accumulate(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 512);
    uint64_t seen = 0;
    set_addresses(m, 1, 64, 0);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[2][l] = 1;
    machine_run(m, "ds_add_rtn_u32 v3, v1, v2", NULL);
    assert_int_equal(lds32(m, 64), 64);
    for (unsigned l = 0; l < 64; l++)
        seen |= 1ull << m->w->v[3][l];
    assert_true(seen == ~0ull);
    m->w->s[SIM_M0] = 64 << 16;
    machine_set_exec(m, 0xff00);
    machine_run(m, "ds_append v5", NULL);
    machine_run(m, "ds_consume v6", NULL);
    assert_int_equal(m->w->v[5][8], 64);
    assert_int_equal(m->w->v[6][15], 72);
    assert_int_equal(m->w->v[6][16], 0);
    assert_int_equal(lds32(m, 64), 64);
    machine_free(m);
}

/* ---- lane exchange ---- */

static void swizzle(const char *text, const char *encoding, uint64_t exec,
                    unsigned (*source)(unsigned lane))
{
    machine *m = machine_new(SIM_GFX942, 0);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[2][l] = 1000 + l;
    machine_set_exec(m, exec);
    machine_run(m, text, encoding);
    for (unsigned l = 0; l < 64; l++) {
        const unsigned from = source(l);
        const uint32_t expected = exec >> l & 1 ? (exec >> from & 1 ? 1000 + from : 0) : 0;
        if (m->w->v[1][l] != expected)
            fail_msg("%s lane %u: %u, expected %u", text, l, m->w->v[1][l], expected);
    }
    machine_free(m);
}

static unsigned xor_1(unsigned l)
{
    return l ^ 1;
}
static unsigned xor_16(unsigned l)
{
    return l ^ 16;
}
static unsigned reversed_8(unsigned l)
{
    return (l & ~7u) | (7 - (l & 7));
}
static unsigned broadcast_1(unsigned l)
{
    return (l & 32) | 1;
}
static unsigned quad_3210(unsigned l)
{
    return l ^ 3;
}
static unsigned quad_0(unsigned l)
{
    return l & ~3u;
}
static unsigned rotate_left_1(unsigned l)
{
    return (l & 32) | ((l + 1) & 31);
}
static unsigned rotate_right_3(unsigned l)
{
    return (l & 32) | ((l + 29) & 31);
}
static unsigned mixed(unsigned l)
{
    return (l & 32) | ((((l & 31) & 6) | 8) ^ 2);
} /* and 6, or 8, xor 2 */
static unsigned lane_0(unsigned l)
{
    return l & 32;
}

/* The guide's FFT row for mask 0, one-based there. */
static unsigned fft_all(unsigned l)
{
    static const unsigned char row[32] = {0x01, 0x11, 0x09, 0x19, 0x05, 0x15, 0x0d, 0x1d,
                                          0x03, 0x13, 0x0b, 0x1b, 0x07, 0x17, 0x0f, 0x1f,
                                          0x02, 0x12, 0x0a, 0x1a, 0x06, 0x16, 0x0e, 0x1e,
                                          0x04, 0x14, 0x0c, 0x1c, 0x08, 0x18, 0x10, 0x20};
    return (l & 32) | (row[l & 31] - 1u);
}

static unsigned fft_16(unsigned l)
{
    static const unsigned char row[32] = {0x01, 0x09, 0x05, 0x0d, 0x03, 0x0b, 0x07, 0x0f,
                                          0x02, 0x0a, 0x06, 0x0e, 0x04, 0x0c, 0x08, 0x10,
                                          0x11, 0x19, 0x15, 0x1d, 0x13, 0x1b, 0x17, 0x1f,
                                          0x12, 0x1a, 0x16, 0x1e, 0x14, 0x1c, 0x18, 0x20};
    return (l & 32) | (row[l & 31] - 1u);
}

/* Text and encodings as LLVM 21 prints them. */
static void swizzles(void **state)
{
    (void)state;
    const uint64_t all = ~0ull, some = 0x0123456789abcdefull;
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(SWAP,1)", "D87A041F 01000002", all, xor_1);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(SWAP,16)", "D87A401F 01000002", some, xor_16);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(REVERSE,8)", "D87A1C1F 01000002", some,
            reversed_8);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(BROADCAST,32,1)", "D87A0020 01000002", all,
            broadcast_1);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(BITMASK_PERM,\"01pi0\")", "D87A0906 01000002",
            all, mixed);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(QUAD_PERM,3,2,1,0)", "D87A801B 01000002", some,
            quad_3210);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(QUAD_PERM,0,0,0,0)", "D87A8000 01000002", all,
            quad_0);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(ROTATE,0,1)", "D87AC020 01000002", all,
            rotate_left_1);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(ROTATE,1,3)", "D87AC460 01000002", all,
            rotate_right_3);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(FFT,0)", "D87AE000 01000002", all, fft_all);
    swizzle("ds_swizzle_b32 v1, v2 offset:swizzle(FFT,16)", "D87AE010 01000002", some, fft_16);
    swizzle("ds_swizzle_b32 v1, v2", "D87A0000 01000002", all, lane_0);
}

static void permutes(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    for (unsigned l = 0; l < 64; l++) {
        m->w->v[1][l] =
            4 * ((l * 5 + 3) % 64) + 256 * l + l % 4; /* low 2 and high bits do not count */
        m->w->v[2][l] = 500 + l;
    }
    machine_run(m, "ds_bpermute_b32 v3, v1, v2", NULL);
    machine_run(m, "ds_permute_b32 v4, v1, v2", NULL);
    machine_run(m, "ds_bpermute_b32 v5, v1, v2 offset:8", NULL);
    for (unsigned l = 0; l < 64; l++) {
        assert_int_equal(m->w->v[3][l], 500 + (l * 5 + 3) % 64);
        assert_int_equal(m->w->v[4][(l * 5 + 3) % 64], 500 + l);
    }
    assert_int_equal(m->w->v[5][0], 505);
    machine_set_exec(
        m, 0xff); /* sources that are off give zero; destinations that are off keep their value */
    machine_run(m, "ds_bpermute_b32 v3, v1, v2", NULL);
    assert_int_equal(m->w->v[3][0], 503);
    assert_int_equal(m->w->v[3][2], 0); /* from lane 13 */
    assert_int_equal(m->w->v[3][8], 543);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = 4 * 5;
    machine_run(m, "ds_permute_b32 v4, v1, v2", NULL);
    assert_int_equal(m->w->v[4][5], 507); /* the highest lane wins */
    assert_int_equal(m->w->v[4][4], 0);
    machine_free(m);
}

/* ---- transposing reads (gfx950) ----
 * Each group of 16 lanes reads a matrix of 16 columns whose rows are 16 elements in a row of 32, 16
 * or 8 bytes; lane l receives column l, row r in element r. Addresses: one lane per 8 (12 for 6
 * bits) bytes of the rows, row by row. */
static void transposing_read(unsigned bits, const char *text, unsigned dwords)
{
    machine *m = machine_new(SIM_GFX950, 8192);
    const unsigned rows = dwords * 32 / bits, row_bytes = 16 * bits / 8, pitch = row_bytes + 40,
                   lanes = 16 / rows;
    const unsigned mask = (1u << bits) - 1, step = bits == 6 ? 16 : 8;
    for (unsigned group = 0; group < 4; group++)
        for (unsigned r = 0; r < rows; r++)
            for (unsigned c = 0; c < 16; c++) {
                const unsigned value = (c + 16 * r + 37 * group + c * r) & mask;
                for (unsigned b = 0; b < bits; b++) {
                    const unsigned bit = c * bits + b;
                    m->wg.lds[group * 1024 + r * pitch + bit / 8] |=
                        (uint8_t)((value >> b & 1) << bit % 8);
                }
            }
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] =
            l / 16 * 1024 + (lanes ? l % 16 / lanes * pitch + l % lanes * step : l % 16 * pitch);
    machine_run(m, text, NULL);
    for (unsigned l = 0; l < 64; l++)
        for (unsigned r = 0; r < rows; r++) {
            const unsigned expected = (l % 16 + 16 * r + 37 * (l / 16) + l % 16 * r) & mask;
            unsigned got = 0;
            for (unsigned b = 0; b < bits; b++)
                got |= (m->w->v[8 + (r * bits + b) / 32][l] >> (r * bits + b) % 32 & 1) << b;
            if (got != expected)
                fail_msg("%s: lane %u element %u: %u, expected %u", text, l, r, got, expected);
        }
    machine_free(m);
}

static void transposing_reads(void **state)
{
    (void)state;
    transposing_read(16, "ds_read_b64_tr_b16 v[8:9], v1", 2);
    transposing_read(8, "ds_read_b64_tr_b8 v[8:9], v1", 2);
    transposing_read(4, "ds_read_b64_tr_b4 v[8:9], v1", 2);
    transposing_read(6, "ds_read_b96_tr_b6 v[8:10], v1", 3);
    assert_false(machine_knows(SIM_GFX942, "ds_read_b64_tr_b16 v[8:9], v1"));
    machine *m = machine_new(SIM_GFX950, 512);
    m->w->v[1][9] = 4;
    machine_run_fault(m, "ds_read_b64_tr_b16 v[8:9], v1", 9, "not aligned to 8");
    machine_free(m);
}

static void addresses_from_the_lane_number(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 512);
    m->w->s[SIM_M0] = 0x10008; /* bits 15:0 count */
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = l * l;
    machine_run(m, "ds_write_addtid_b32 v1 offset:16", NULL);
    machine_run(m, "ds_read_addtid_b32 v2 offset:16", NULL);
    for (unsigned l = 0; l < 64; l++) {
        assert_int_equal(lds32(m, 24 + 4 * l), l * l);
        assert_int_equal(m->w->v[2][l], l * l);
    }
    machine_run_fault(m, "ds_read_addtid_b32 v2 offset:252", 63, "LDS access");
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_of_dwords),
        cmocka_unit_test(reads_of_bytes_and_shorts),
        cmocka_unit_test(two_elements_at_once),
        cmocka_unit_test(writes),
        cmocka_unit_test(writes_of_two_elements),
        cmocka_unit_test(accesses_outside_are_faults),
        cmocka_unit_test(updates_of_32_bits),
        cmocka_unit_test(updates_of_64_bits),
        cmocka_unit_test(compare_and_store),
        cmocka_unit_test(compare_and_store_forms),
        cmocka_unit_test(exchanges_of_two),
        cmocka_unit_test(conditional_exchange),
        cmocka_unit_test(lanes_accumulate),
        cmocka_unit_test(swizzles),
        cmocka_unit_test(permutes),
        cmocka_unit_test(transposing_reads),
        cmocka_unit_test(addresses_from_the_lane_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
