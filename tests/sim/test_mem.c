/* FLAT, GLOBAL, SCRATCH and MUBUF instructions on published allocations. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/float.h"
#include "sim/memory.h"

#define BYTES 65536

static uint8_t *data;      /* read-write, byte i is i * 5 + i / 256 */
static uint8_t *constants; /* read-only for kernels */

static uint8_t pattern(unsigned i)
{
    return (uint8_t)(i * 5 + i / 256);
}

static uint8_t *publish(bool writable)
{
    const sim_mem_info info = {.base = sim_mem_map(BYTES),
                               .size = BYTES,
                               .kind = SIM_MEM_DEVICE,
                               .device = 0,
                               .writable = writable};
    assert_true(info.base != 0);
    assert_true(sim_mem_publish(&info));
    return (uint8_t *)(uintptr_t)info.base;
}

static int setup(void **state)
{
    (void)state;
    data = publish(true);
    constants = publish(false);
    return 0;
}

static int fill(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BYTES; i++)
        data[i] = pattern(i);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_mem_free_all(0);
    return 0;
}

static uint64_t at(unsigned offset)
{
    return (uint64_t)(uintptr_t)data + offset;
}

static uint32_t dword(unsigned offset)
{
    uint32_t v;
    memcpy(&v, data + offset, 4);
    return v;
}

static void set_pointers(machine *m, unsigned reg, unsigned base, unsigned stride)
{
    for (unsigned l = 0; l < 64; l++)
        machine_set_pair(m, reg, l, at(base + l * stride));
}

static void set_resource(machine *m, unsigned base, unsigned stride, uint32_t records,
                         uint32_t word3)
{
    const uint64_t a = at(base);
    memcpy(&m->w->s[8],
           (uint32_t[]){(uint32_t)a, (uint32_t)(a >> 32) | stride << 16, records, word3}, 16);
}

/* ---- GLOBAL and FLAT ---- */

static void loads_of_dwords(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned dwords;
        int offset;
    } cases[] = {{"global_load_dword v8, v[2:3], off", 1, 0},
                 {"global_load_dword v8, v[2:3], off offset:4095", 1, 4095},
                 {"global_load_dwordx2 v[8:9], v[2:3], off offset:-4096", 2, -4096},
                 {"global_load_dwordx3 v[8:10], v[2:3], off offset:12 sc0 nt sc1", 3, 12},
                 {"global_load_dwordx4 v[8:11], v[2:3], off offset:1", 4, 1},
                 {"global_load_dwordx4 v[8:11], v1, s[4:5] offset:-8", 4, -8},
                 {"flat_load_dwordx3 v[8:10], v[2:3] offset:8", 3, 8},
                 {"flat_load_dwordx4 v[8:11], v[2:3] offset:16", 4, 16},
                 {"buffer_load_dwordx3 v[8:10], v1, s[8:11], 0 offen offset:4", 3, 4}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (unsigned partial = 0; partial < 2; partial++) {
            machine *m = machine_new(SIM_GFX942, 0);
            const uint64_t exec = partial ? 0x00f0000000000005ull : ~0ull;
            machine_set_exec(m, exec);
            set_pointers(m, 2, 8192, 20);
            sim_set_sreg64(m->w, 4, at(8192));
            set_resource(m, 8192, 0, 8192, 0x27000);
            for (unsigned l = 0; l < 64; l++)
                m->w->v[1][l] = 20 * l;
            machine_run(m, cases[n].text, NULL);
            for (unsigned l = 0; l < 64; l++)
                for (unsigned d = 0; d < cases[n].dwords; d++)
                    assert_int_equal(
                        m->w->v[8 + d][l],
                        exec >> l & 1
                            ? dword((unsigned)(8192 + 20 * (int)l + cases[n].offset) + 4 * d)
                            : 0);
            machine_free(m);
        }
}

static void loads_of_bytes_and_shorts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t expected;
    } cases[] = {{"ubyte", 0x000000f1},     {"sbyte", 0xfffffff1},
                 {"ushort", 0x000092f1},    {"sshort", 0xffff92f1},
                 {"ubyte_d16", 0xaaaa00f1}, {"ubyte_d16_hi", 0x00f1aaaa},
                 {"sbyte_d16", 0xaaaafff1}, {"sbyte_d16_hi", 0xfff1aaaa},
                 {"short_d16", 0xaaaa92f1}, {"short_d16_hi", 0x92f1aaaa}};
    static const char *const forms[] = {"global_load_%s v8, v[2:3], off", "flat_load_%s v8, v[2:3]",
                                        "buffer_load_%s v8, v1, s[8:11], 0 offen",
                                        "scratch_load_%s v8, v1, off"};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (size_t form = 0; form < 4; form++) {
            machine *m = machine_new(SIM_GFX942, 0);
            char text[80];
            machine_scratch(m, 512);
            data[200] = 0xf1, data[201] = 0x92;
            m->w->scratch[200 / 4 * 256 + 5 * 4] = 0xf1,
                                              m->w->scratch[200 / 4 * 256 + 5 * 4 + 1] = 0x92;
            machine_set_exec(m, 1 << 5);
            machine_set_pair(m, 2, 5, at(200));
            m->w->v[1][5] = 200;
            m->w->v[8][5] = 0xaaaaaaaa;
            memcpy(&m->w->s[8],
                   (uint32_t[]){(uint32_t)at(0), (uint32_t)(at(0) >> 32), BYTES, 0x27000}, 16);
            sprintf(text, forms[form], cases[n].name);
            machine_run(m, text, NULL);
            if (m->w->v[8][5] != cases[n].expected)
                fail_msg("%s: 0x%x, expected 0x%x", text, m->w->v[8][5], cases[n].expected);
            machine_free(m);
        }
}

static void stores(void **state)
{
    (void)state;
    static const struct {
        const char *name, *regs;
        unsigned bytes, shift;
    } cases[] = {{"byte", "v8", 1, 0},          {"byte_d16_hi", "v8", 1, 16},
                 {"short", "v8", 2, 0},         {"short_d16_hi", "v8", 2, 16},
                 {"dword", "v8", 4, 0},         {"dwordx2", "v[8:9]", 8, 0},
                 {"dwordx3", "v[8:10]", 12, 0}, {"dwordx4", "v[8:11]", 16, 0},
                 {"dwordx4", "a[8:11]", 16, 0}};
    static const char *const forms[] = {"global_store_%s v[2:3], %s, off offset:32",
                                        "flat_store_%s v[2:3], %s offset:32",
                                        "global_store_%s v1, %s, s[4:5] offset:32",
                                        "buffer_store_%s %s, v1, s[8:11], s12 offen offset:20"};
    static uint8_t expected[BYTES];
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (size_t form = 0; form < 4; form++) {
            machine *m = machine_new(SIM_GFX942, 0);
            char text[100];
            const unsigned reg = cases[n].regs[0] == 'a' ? SIM_AGPR0 + 8 : 8;
            fill(NULL);
            memcpy(expected, data, BYTES);
            machine_set_exec(m, 0x8000000100000000ull);
            set_pointers(m, 2, 1000, 24);
            sim_set_sreg64(m->w, 4, at(1000));
            memcpy(&m->w->s[8],
                   (uint32_t[]){(uint32_t)at(1000), (uint32_t)(at(1000) >> 32), 8192, 0x27000, 12},
                   20);
            for (unsigned l = 0; l < 64; l++) {
                m->w->v[1][l] = 24 * l;
                for (unsigned d = 0; d < 4; d++)
                    m->w->v[reg + d][l] = 0x0c0d0e0f + d * 0x10101010 + l;
            }
            for (unsigned l = 32; l < 64; l += 31)
                for (unsigned b = 0; b < cases[n].bytes; b++) {
                    const unsigned bit = 8 * b + cases[n].shift;
                    expected[1032 + 24 * l + b] = (uint8_t)(m->w->v[reg + bit / 32][l] >> bit % 32);
                }
            sprintf(text, forms[form], cases[n].name, cases[n].regs);
            machine_run(m, text, NULL);
            assert_memory_equal(data, expected, BYTES);
            machine_free(m);
        }
}

static void accesses_outside_allocations_are_faults(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    set_pointers(m, 2, 0, 4);
    machine_set_pair(m, 2, 41, at(BYTES - 4));
    machine_run(m, "global_load_dword v8, v[2:3], off", NULL);
    machine_run_fault(m, "global_load_dwordx2 v[8:9], v[2:3], off", 41, "load of 8 bytes");
    assert_true(m->error.address == at(BYTES - 4));
    machine_run_fault(m, "global_store_dword v[2:3], v8, off offset:1", 41,
                      "not inside one allocation");
    machine_run_fault(m, "flat_load_dwordx4 v[8:11], v[2:3]", 41, "load of 16 bytes");
    machine_run_fault(m, "global_atomic_add v[2:3], v8, off offset:4", 41,
                      "not inside one allocation");
    machine_set_pair(m, 2, 41, 0);
    machine_run_fault(m, "global_load_dword v8, v[2:3], off", 41, "at 0x0");
    machine_set_exec(m, ~(1ull << 41)); /* lanes that are off do not access memory */
    machine_run(m, "global_load_dword v8, v[2:3], off", NULL);
    machine_set_exec(m, 0);
    machine_run(m, "global_store_dword v[2:3], v8, off", NULL);
    machine_set_exec(m, 1);
    machine_set_pair(m, 2, 0, (uint64_t)(uintptr_t)constants);
    machine_run(m, "global_load_dword v8, v[2:3], off", NULL);
    machine_run_fault(m, "global_store_dword v[2:3], v8, off", 0, "read-only");
    machine_set_pair(m, 2, 0, at(2));
    machine_run_fault(m, "global_atomic_add v[2:3], v8, off", 0, "not aligned to 4");
    machine_free(m);
}

/* A generic address with an aperture in its high half is LDS or scratch. */
static void generic_addresses(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 256);
    machine_scratch(m, 64);
    machine_set_exec(m, 7);
    machine_set_pair(m, 2, 0, at(64));
    machine_set_pair(m, 2, 1, (uint64_t)SIM_SHARED_APERTURE_HI << 32 | 40);
    machine_set_pair(m, 2, 2, (uint64_t)SIM_PRIVATE_APERTURE_HI << 32 | 8);
    for (unsigned l = 0; l < 3; l++)
        machine_set_pair(m, 4, l, 0x1111111100000000ull * (l + 1) + l);
    machine_run(m, "flat_store_dwordx2 v[2:3], v[4:5] offset:4", NULL);
    assert_int_equal(dword(68), 0);
    assert_int_equal(dword(72), 0x11111111);
    assert_memory_equal(m->wg.lds + 44, ((uint32_t[]){1, 0x22222222}), 8);
    assert_memory_equal(m->w->scratch + 3 * 256 + 2 * 4, ((uint32_t[]){2}), 4);
    assert_memory_equal(m->w->scratch + 4 * 256 + 2 * 4, ((uint32_t[]){0x33333333}), 4);
    machine_run(m, "flat_load_dwordx2 v[8:9], v[2:3] offset:4", NULL);
    for (unsigned l = 0; l < 3; l++)
        assert_int_equal(m->w->v[9][l], 0x11111111 * (l + 1));
    machine_run(m, "flat_atomic_add v10, v[2:3], v5 offset:4 sc0", NULL);
    assert_int_equal(m->w->v[10][1], 1);
    assert_int_equal(m->w->v[10][2], 2);
    machine_run(m, "flat_load_dword v11, v[2:3] offset:4", NULL);
    assert_int_equal(m->w->v[11][2], 0x33333335);
    machine_set_pair(m, 2, 1, (uint64_t)SIM_SHARED_APERTURE_HI << 32 | 252);
    machine_run_fault(m, "flat_load_dword v11, v[2:3] offset:4", 1, "LDS access of 4 bytes at 256");
    machine_set_pair(m, 2, 1, (uint64_t)SIM_PRIVATE_APERTURE_HI << 32 | 62);
    machine_run_fault(m, "flat_load_dword v11, v[2:3]", 1, "scratch access of 4 bytes at 62");
    machine_free(m);
}

/* ---- SCRATCH: byte o of lane l is at o/4*256 + l*4 + o%4 ---- */

static void scratch_is_interleaved(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    machine_scratch(m, 128);
    m->w->s[2] = 16;
    for (unsigned l = 0; l < 64; l++) {
        m->w->v[1][l] = 8;
        for (unsigned d = 0; d < 4; d++)
            m->w->v[4 + d][l] = l << 8 | d;
    }
    machine_run(m, "scratch_store_dwordx4 v1, v[4:7], s2 offset:-4", NULL); /* 8 + 16 - 4 = 20 */
    for (unsigned l = 0; l < 64; l++)
        for (unsigned d = 0; d < 4; d++) {
            uint32_t v;
            memcpy(&v, m->w->scratch + (5 + d) * 256 + 4 * l, 4);
            assert_int_equal(v, l << 8 | d);
        }
    machine_run(m, "scratch_load_dword v8, off, s2 offset:8", NULL);
    machine_run(m, "scratch_load_dwordx2 v[10:11], off, off offset:28", NULL);
    machine_run(m, "scratch_load_ushort v12, v1, off offset:15",
                NULL); /* bytes 23 and 24, in two dwords */
    assert_int_equal(m->w->v[8][9], 9 << 8 | 1);
    assert_int_equal(m->w->v[11][63], 63 << 8 | 3);
    assert_int_equal(m->w->v[12][7], 1 << 8);
    machine_run_fault(m, "scratch_load_dword v8, off, s2 offset:112", 0, "outside the 128 bytes");
    machine_free(m);
}

/* gfx90a code reaches scratch through a swizzled buffer resource with the lane number as index. */
/* What each width stores at an offset is what each width loads there. */
static void scratch_in_all_widths(void **state)
{
    (void)state;
    static const struct {
        const char *store, *load;
        unsigned bytes, shift;
    } cases[] = {
        {"scratch_store_byte v1, v8, off offset:5", "scratch_load_ubyte v20, v1, off offset:5", 1,
         0},
        {"scratch_store_byte_d16_hi v1, v8, off offset:5",
         "scratch_load_ubyte v20, v1, off offset:5", 1, 16},
        {"scratch_store_short v1, v8, off offset:6", "scratch_load_ushort v20, v1, off offset:6", 2,
         0},
        {"scratch_store_short_d16_hi v1, v8, off offset:6",
         "scratch_load_ushort v20, v1, off offset:6", 2, 16},
        {"scratch_store_dword v1, v8, off offset:8", "scratch_load_dword v20, v1, off offset:8", 4,
         0},
        {"scratch_store_dwordx2 v1, v[8:9], off offset:8",
         "scratch_load_dwordx2 v[20:21], v1, off offset:8", 8, 0},
        {"scratch_store_dwordx3 v1, v[8:10], off offset:8",
         "scratch_load_dwordx3 v[20:22], v1, off offset:8", 12, 0},
        {"scratch_store_dwordx4 v1, v[8:11], off offset:8",
         "scratch_load_dwordx4 v[20:23], v1, off offset:8", 16, 0}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = machine_new(SIM_GFX942, 0);
        machine_scratch(m, 64);
        for (unsigned l = 0; l < 64; l++) {
            m->w->v[1][l] = 4 * (l % 8);
            for (unsigned d = 0; d < 4; d++)
                m->w->v[8 + d][l] = 0x8c0d9e0f + d * 0x10101010 + l * 0x00010001;
        }
        machine_run(m, cases[n].store, NULL);
        machine_run(m, cases[n].load, NULL);
        for (unsigned l = 0; l < 64; l++)
            for (unsigned b = 0; b < cases[n].bytes; b++) {
                const unsigned bit = 8 * b + cases[n].shift;
                const uint8_t stored = (uint8_t)(m->w->v[8 + bit / 32][l] >> bit % 32);
                assert_int_equal((uint8_t)(m->w->v[20 + b / 4][l] >> b % 4 * 8), stored);
            }
        machine_free(m);
    }
}

static void scratch_through_a_buffer(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX90A, 0);
    machine_scratch(m, 128);
    const uint64_t base = (uint64_t)(uintptr_t)m->w->scratch;
    memcpy(&m->w->s[0],
           (uint32_t[]){(uint32_t)base, (uint32_t)(base >> 32) | 1u << 31, 128 * 64, 0x00e00000},
           16);
    m->w->s[32] = 16 * 64; /* a stack pointer counts bytes of the whole wave */
    for (unsigned l = 0; l < 64; l++)
        m->w->v[4][l] = 7000 + l, m->w->v[5][l] = 8000 + l;
    machine_run(m, "buffer_store_dwordx2 v[4:5], off, s[0:3], s32 offset:8", NULL);
    for (unsigned l = 0; l < 64; l++) {
        uint32_t v[2];
        memcpy(&v[0], m->w->scratch + 6 * 256 + 4 * l, 4);
        memcpy(&v[1], m->w->scratch + 7 * 256 + 4 * l, 4);
        assert_int_equal(v[0], 7000 + l);
        assert_int_equal(v[1], 8000 + l);
    }
    machine_run(m, "buffer_load_dword v6, off, s[0:3], s32 offset:12", NULL);
    assert_int_equal(m->w->v[6][33], 8033);
    machine_run(m, "buffer_load_ubyte v7, off, s[0:3], s32 offset:9", NULL);
    assert_int_equal(m->w->v[7][1], 7001 >> 8);
    machine_free(m);
}

/* ---- MUBUF ---- */

/* stride 0: a dword is in range if offset + 4 <= num_records - soffset; others read zero and are
 * not written. */
static void raw_buffers_are_bounded(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    set_resource(m, 4096, 0, 1000, 0x27000);
    m->w->s[12] = 100;
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = l * 16;
    machine_run(m, "buffer_load_dwordx4 v[4:7], v1, s[8:11], s12 offen offset:4", NULL);
    for (unsigned l = 0; l < 64; l++)
        for (unsigned d = 0; d < 4; d++) {
            const unsigned offset = 104 + 16 * l + 4 * d;
            assert_int_equal(m->w->v[4 + d][l], offset + 4 <= 1000 ? dword(4096 + offset) : 0);
        }
    m->w->v[1][5] = 0x80000000; /* far out, and the sum must not wrap */
    m->w->v[1][6] = 0xfffffffc;
    machine_run(m, "buffer_load_dword v4, v1, s[8:11], s12 offen offset:8", NULL);
    assert_int_equal(m->w->v[4][5], 0);
    assert_int_equal(m->w->v[4][6], 0);
    assert_int_equal(m->w->v[4][7], dword(4096 + 108 + 112));

    uint8_t before[2048];
    memcpy(before, data + 4096, sizeof before);
    for (unsigned l = 0; l < 64; l++) {
        m->w->v[1][l] = l * 16;
        for (unsigned d = 0; d < 4; d++)
            m->w->v[4 + d][l] = 0x01010101 * (l + 1);
    }
    machine_run(m, "buffer_store_dwordx4 v[4:7], v1, s[8:11], s12 offen offset:4", NULL);
    for (unsigned i = 0; i < sizeof before; i++)
        assert_int_equal(data[4096 + i], i >= 104 && i < 1000 ? (i - 104) / 16 + 1 : before[i]);

    set_resource(m, 4096, 0, 0, 0x27000); /* empty: nothing is touched, whatever the base */
    machine_run(m, "buffer_load_dword v4, off, s[8:11], 0", NULL);
    assert_int_equal(m->w->v[4][0], 0);
    machine_free(m);
}

/* In range of the resource but outside of any allocation is a fault. */
static void buffer_accesses_need_an_allocation(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    set_resource(m, BYTES - 64, 0, 4096, 0x27000);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = l;
    machine_run_fault(m, "buffer_load_dword v4, v1, s[8:11], 0 offen", 61, "load of 4 bytes");
    machine_run_fault(m, "buffer_load_dwordx2 v[4:5], v1, s[8:11], 0 offen", 57, "load of 8 bytes");
    machine_set_exec(m, (1ull << 61) - 1);
    machine_run(m, "buffer_load_dword v4, v1, s[8:11], 0 offen", NULL);
    machine_free(m);
}

/* With IDXEN and a stride num_records counts elements. */
static void structured_buffers_are_bounded_by_index(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    set_resource(m, 4096, 24, 50, 0x27000);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = l, m->w->v[2][l] = 4 * (l % 4);
    machine_run(m, "buffer_load_dwordx2 v[4:5], v1, s[8:11], 0 idxen offset:8", NULL);
    machine_run(m, "buffer_load_dword v6, v[1:2], s[8:11], 0 idxen offen offset:4", NULL);
    for (unsigned l = 0; l < 64; l++) {
        assert_int_equal(m->w->v[5][l], l < 50 ? dword(4096 + 24 * l + 12) : 0);
        assert_int_equal(m->w->v[6][l], l < 50 ? dword(4096 + 24 * l + 4 * (l % 4) + 4) : 0);
    }
    m->w->v[1][0] = 20; /* OFFEN without IDXEN: bytes again */
    machine_set_exec(m, 3);
    m->w->v[1][1] = 47;
    machine_run(m, "buffer_load_dword v6, v1, s[8:11], 0 offen", NULL);
    assert_int_equal(m->w->v[6][0], dword(4096 + 20));
    assert_int_equal(m->w->v[6][1], 0);
    machine_free(m);
}

/* Swizzled: (index / 16 * stride + offset / 4 * 4) * 16 + index % 16 * 4 + offset % 4 for an index
 * stride of 16. */
static void swizzled_buffers(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    set_resource(m, 4096, 0x8000 | 32, 60, 1 << 21);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = l;
    machine_run(m, "buffer_load_dwordx2 v[4:5], v1, s[8:11], 0 idxen offset:12", NULL);
    for (unsigned l = 0; l < 60; l++) {
        assert_int_equal(m->w->v[4][l], dword(4096 + (l / 16 * 32 + 12) * 16 + l % 16 * 4));
        assert_int_equal(m->w->v[5][l], dword(4096 + (l / 16 * 32 + 16) * 16 + l % 16 * 4));
    }
    assert_int_equal(m->w->v[4][60], 0);
    machine_run(m, "buffer_load_dwordx2 v[4:5], v1, s[8:11], 0 idxen offset:28",
                NULL); /* second dword beyond the stride */
    assert_int_equal(m->w->v[4][3], dword(4096 + 28 * 16 + 12));
    assert_int_equal(m->w->v[5][3], 0);
    machine_free(m);
}

/* ---- atomics ---- */

static void atomics(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        bool wide;
        uint64_t old, operand, result;
    } cases[] = {
        {"swap", false, 5, 9, 9},
        {"add", false, 0xffffffff, 2, 1},
        {"sub", false, 1, 2, 0xffffffff},
        {"smin", false, 1, 0xffffffff, 0xffffffff},
        {"umin", false, 1, 0xffffffff, 1},
        {"smax", false, 1, 0xffffffff, 1},
        {"umax", false, 1, 0xffffffff, 0xffffffff},
        {"and", false, 12, 10, 8},
        {"or", false, 12, 10, 14},
        {"xor", false, 12, 10, 6},
        {"inc", false, 7, 7, 0},
        {"dec", false, 0, 7, 7},
        {"swap_x2", true, 5, 1ull << 40, 1ull << 40},
        {"add_x2", true, 0xffffffff, 1, 0x100000000ull},
        {"sub_x2", true, 1ull << 32, 1, 0xffffffff},
        {"smin_x2", true, 1, ~0ull, ~0ull},
        {"umin_x2", true, 1ull << 40, ~0ull, 1ull << 40},
        {"smax_x2", true, 1, ~0ull, 1},
        {"umax_x2", true, 3, 1ull << 40, 1ull << 40},
        {"and_x2", true, 12ull << 32 | 3, 10ull << 32 | 5, 8ull << 32 | 1},
        {"or_x2", true, 12ull << 32 | 3, 10ull << 32 | 5, 14ull << 32 | 7},
        {"xor_x2", true, 12ull << 32 | 3, 10ull << 32 | 5, 6ull << 32 | 6},
        {"inc_x2", true, 0xffffffff, 1ull << 40, 1ull << 32},
        {"dec_x2", true, 1ull << 40, ~0ull, (1ull << 40) - 1},
        {"add_f32", false, 0x3fc00000, 0x3e800000, 0x3fe00000},
        {"pk_add_f16", false, 0x3c004000, 0x3c00c000, 0x40000000},
        {"pk_add_bf16", false, 0x3f80c000, 0x3f804000, 0x40000000},
        {"add_f64", true, 0x3ff0000000000000ull, 0x3fe0000000000000ull, 0x3ff8000000000000ull},
        {"min_f64", true, 0x3ff0000000000000ull, 0x3fe0000000000000ull, 0x3fe0000000000000ull},
        {"max_f64", true, 0x3ff0000000000000ull, 0x3fe0000000000000ull, 0x3ff0000000000000ull}};
    static const char *const forms[] = {"global_atomic_%s v[2:3], %s, off offset:8",
                                        "global_atomic_%s %s, v[2:3], %s, off offset:8 sc0",
                                        "global_atomic_%s %s, v1, %s, s[4:5] offset:8 sc0",
                                        "flat_atomic_%s %s, v[2:3], %s offset:8 sc0",
                                        "buffer_atomic_%s %s, v1, s[8:11], 0 offen offset:8 sc0",
                                        "buffer_atomic_%s %s, v1, s[8:11], 0 offen offset:8",
                                        "flat_atomic_%s v[2:3], %s offset:8"};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
        for (size_t form = 0; form < 7; form++) {
            machine *m = machine_new(SIM_GFX942, 0);
            const char *src = cases[n].wide ? "v[6:7]" : "v6",
                       *dst = cases[n].wide ? "v[10:11]" : "v10";
            const unsigned size = cases[n].wide ? 8 : 4;
            uint64_t result = 0;
            char text[120];
            machine_set_exec(m, 1ull << 50);
            memcpy(data + 1008, &cases[n].old, size);
            machine_set_pair(m, 2, 50, at(1000));
            sim_set_sreg64(m->w, 4, at(900));
            m->w->v[1][50] = 100;
            set_resource(m, 900, 0, 1024, 0x27000);
            machine_set_pair(m, 6, 50, cases[n].operand);
            if (form == 0 || form >= 4)
                sprintf(text, forms[form], cases[n].op, src);
            else
                sprintf(text, forms[form], cases[n].op, dst, src);
            machine_run(m, text, NULL);
            memcpy(&result, data + 1008, size);
            if (result != cases[n].result)
                fail_msg("%s: 0x%llx", text, (unsigned long long)result);
            const unsigned returned = form == 0 || form >= 5 ? 0 : form == 4 ? 6 : 10;
            if (returned)
                assert_int_equal(m->w->v[returned][50], (uint32_t)cases[n].old);
            else
                assert_int_equal(m->w->v[6][50], (uint32_t)cases[n].operand);
            if (returned && cases[n].wide)
                assert_int_equal(m->w->v[returned + 1][50], (uint32_t)(cases[n].old >> 32));
            machine_free(m);
        }
}

/* Each form swaps once, and then not since the comparand is another value. */
static void compare_and_swap_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "global_atomic_cmpswap%s v[2:3], %s, off", "flat_atomic_cmpswap%s v[2:3], %s",
        "buffer_atomic_cmpswap%s %s, v1, s[8:11], 0 offen",
        "flat_atomic_cmpswap%s v[20:21], v[2:3], %s sc0"};
    for (size_t form = 0; form < 4; form++)
        for (unsigned wide = 0; wide < 2; wide++) {
            machine *m = machine_new(SIM_GFX942, 0);
            const unsigned size = wide ? 8 : 4;
            const uint64_t old = 77ull << 32 | 5, swapped = 99ull << 32 | 6;
            uint64_t now = 0;
            char text[120], pattern[80];
            machine_set_exec(m, 1);
            memcpy(data + 1000, &old, size);
            machine_set_pair(m, 2, 0, at(1000));
            set_resource(m, 900, 0, 1024, 0x27000);
            m->w->v[1][0] = 100;
            machine_set_pair(m, 6, 0, swapped);
            machine_set_pair(m, 6 + size / 4, 0, old);
            snprintf(pattern, sizeof pattern, "%s", forms[form]);
            if (!wide && form == 3) /* one returned register */
                snprintf(pattern, sizeof pattern, "flat_atomic_cmpswap%%s v20, v[2:3], %%s sc0");
            snprintf(text, sizeof text, pattern, wide ? "_x2" : "", wide ? "v[6:9]" : "v[6:7]");
            for (unsigned i = 0; i < 2; i++) {
                machine_run(m, text, NULL);
                memcpy(&now, data + 1000, size);
                if (now != (wide ? swapped : 6))
                    fail_msg("%s: 0x%llx", text, (unsigned long long)now);
                if (form == 3)
                    assert_int_equal(m->w->v[20][0], i ? 6 : 5);
            }
            machine_free(m);
        }
}

/* The new value comes first, then the comparand; one returned value. */
static void compare_and_swap(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX90A, 0);
    machine_set_exec(m, 3);
    memcpy(data + 512, (uint32_t[]){10, 20}, 8);
    set_pointers(m, 2, 512, 4);
    m->w->v[6][0] = 111, m->w->v[7][0] = 10;
    m->w->v[6][1] = 222, m->w->v[7][1] = 21;
    machine_run(m, "global_atomic_cmpswap v8, v[2:3], v[6:7], off glc", NULL);
    assert_int_equal(dword(512), 111);
    assert_int_equal(dword(516), 20);
    assert_int_equal(m->w->v[8][0], 10);
    assert_int_equal(m->w->v[8][1], 20);
    machine_set_exec(m, 1);
    machine_set_pair(m, 12, 0, 0x500000006ull);
    machine_set_pair(m, 14, 0, (uint64_t)20 << 32 | 111);
    machine_run(m, "global_atomic_cmpswap_x2 v[8:9], v[2:3], v[12:15], off glc", NULL);
    assert_int_equal(dword(512), 6);
    assert_int_equal(dword(516), 5);
    assert_int_equal(m->w->v[9][0], 20);
    set_resource(m, 512, 0, 4, 0x27000); /* out of range: not done, zero returned */
    m->w->v[1][0] = 4;
    machine_run(m, "buffer_atomic_add v6, v1, s[8:11], 0 offen glc", NULL);
    assert_int_equal(dword(516), 5);
    assert_int_equal(m->w->v[6][0], 0);
    machine_free(m);
}

static void *add_many(void *unused)
{
    (void)unused;
    machine *m = machine_new(SIM_GFX942, 0);
    set_pointers(m, 2, 256, 0);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[6][l] = 1, m->w->v[7][l] = sim_bits(1);
    for (unsigned i = 0; i < 2000; i++) {
        machine_run(m, "global_atomic_add v[2:3], v6, off", NULL);
        machine_run(m, "global_atomic_add_f32 v[2:3], v7, off offset:4", NULL);
    }
    machine_free(m);
    return NULL;
}

static void atomics_of_two_threads_do_not_get_lost(void **state)
{
    (void)state;
    pthread_t other;
    memset(data + 256, 0, 8);
    assert_int_equal(pthread_create(&other, NULL, add_many, NULL), 0);
    add_many(NULL);
    pthread_join(other, NULL);
    assert_int_equal(dword(256), 2 * 2000 * 64);
    assert_true(sim_float(dword(260)) == 2 * 2000 * 64);
}

/* ---- direct to LDS: M0 + offset + lane * pitch ---- */

static void direct_loads_to_lds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sim_arch arch;
        unsigned bytes, pitch;
        bool sign;
    } cases[] = {
        {"buffer_load_dword v1, s[8:11], s12 offen offset:16 lds", SIM_GFX90A, 4, 4, false},
        {"buffer_load_dword v1, s[8:11], s12 offen offset:16 lds", SIM_GFX942, 4, 4, false},
        {"buffer_load_ubyte v1, s[8:11], s12 offen offset:16 lds", SIM_GFX942, 1, 4, false},
        {"buffer_load_sshort v1, s[8:11], s12 offen offset:16 lds", SIM_GFX942, 2, 4, true},
        {"buffer_load_dwordx4 v1, s[8:11], s12 offen offset:16 lds", SIM_GFX950, 16, 16, false},
        {"buffer_load_dwordx3 v1, s[8:11], s12 offen offset:16 lds", SIM_GFX950, 12, 16, false},
        {"buffer_load_sbyte v1, s[8:11], s12 offen offset:16 lds", SIM_GFX90A, 1, 4, true},
        {"buffer_load_ushort v1, s[8:11], s12 offen offset:16 lds", SIM_GFX950, 2, 4, false},
        {"global_load_lds_ubyte v[2:3], off offset:16", SIM_GFX950, 1, 4, false},
        {"global_load_lds_sshort v1, s[4:5] offset:16", SIM_GFX942, 2, 4, true},
        {"global_load_lds_dwordx3 v[2:3], off offset:16", SIM_GFX950, 12, 16, false},
        {"global_load_lds_dword v[2:3], off offset:16", SIM_GFX942, 4, 4, false},
        {"global_load_lds_ushort v1, s[4:5] offset:16", SIM_GFX942, 2, 4, false},
        {"global_load_lds_sbyte v1, s[4:5] offset:16", SIM_GFX942, 1, 4, true},
        {"global_load_lds_dwordx4 v[2:3], off offset:16", SIM_GFX950, 16, 16, false}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = machine_new(cases[n].arch, 4096);
        uint8_t expected[4096];
        memset(m->wg.lds, 0xcc, 4096);
        memset(expected, 0xcc, 4096);
        m->w->s[SIM_M0] = 256;
        set_resource(m, 2000, 0, 4096, 0x27000);
        m->w->s[12] = 40;
        sim_set_sreg64(m->w, 4, at(2040));
        set_pointers(m, 2, 2040, 20);
        machine_set_exec(m, 0xfffffffffffffff7ull);
        for (unsigned l = 0; l < 64; l++) {
            m->w->v[1][l] = 20 * l;
            uint32_t value[4] = {0};
            memcpy(value, data + 2056 + 20 * l, cases[n].bytes);
            if (cases[n].sign)
                value[0] =
                    cases[n].bytes == 1 ? (uint32_t)(int8_t)value[0] : (uint32_t)(int16_t)value[0];
            if (l != 3)
                memcpy(expected + 256 + 16 + l * cases[n].pitch, value, cases[n].pitch);
        }
        machine_run(m, cases[n].text, NULL);
        machine_wait(m);
        assert_memory_equal(m->wg.lds, expected, 4096);
        machine_free(m);
    }
    assert_false(machine_knows(SIM_GFX942, "buffer_load_dwordx4 v1, s[8:11], s12 offen lds"));
    assert_false(machine_knows(SIM_GFX90A, "global_load_lds_dword v[2:3], off"));
}

static void direct_loads_from_scratch(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t expected;
    } cases[] = {{"scratch_load_lds_dword v1, off offset:8", 0x8182f3f4},
                 {"scratch_load_lds_ubyte v1, off offset:8", 0xf4},
                 {"scratch_load_lds_sbyte v1, off offset:8", 0xfffffff4},
                 {"scratch_load_lds_ushort v1, off offset:8", 0xf3f4},
                 {"scratch_load_lds_sshort v1, off offset:8", 0xfffff3f4}};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        machine *m = machine_new(SIM_GFX942, 512);
        uint32_t loaded;
        machine_scratch(m, 64);
        machine_set_exec(m, 1ull << 7);
        m->w->s[SIM_M0] = 64;
        m->w->v[1][7] = 4;
        m->w->v[2][7] = 0x8182f3f4;
        machine_run(m, "scratch_store_dword v1, v2, off offset:8", NULL);
        machine_run(m, cases[n].text, NULL);
        machine_wait(m);
        memcpy(&loaded, m->wg.lds + 64 + 8 + 7 * 4, 4);
        if (loaded != cases[n].expected)
            fail_msg("%s: 0x%x", cases[n].text, loaded);
        machine_free(m);
    }
}

/* vmcnt counts every memory instruction, and they come back in order: S_WAITCNT waits until no more
 * than so many of the last ones are outstanding (CDNA3 ISA guide, "Manually Inserted Wait States").
 * A load to LDS is not there before. */
static void direct_loads_land_when_waited_for(void **state)
{
    (void)state;
    static const char *const load = "buffer_load_dword v1, s[8:11], 0 offen lds";
    machine *m = machine_new(SIM_GFX950, 4096);
    set_resource(m, 0, 0, 4096, 0x27000);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = 4 * l;
    machine_run(m, load, NULL);
    m->w->s[SIM_M0] = 1024;
    machine_run(m, load, NULL);
    machine_run(m, "buffer_load_dword v2, v1, s[8:11], 0 offen", NULL);

    const uint8_t nothing[256] = {0};
    assert_memory_equal(m->wg.lds, nothing, 256);
    machine_run(m, "s_waitcnt vmcnt(3)", "BF8C0F73");
    assert_int_equal(m->w->state, SIM_RUNNING);
    machine_run(m, "s_waitcnt lgkmcnt(0)", "BF8CC07F"); /* vmcnt(63) */
    assert_int_equal(m->w->state, SIM_RUNNING);
    machine_run(m, "s_waitcnt vmcnt(2)", "BF8C0F72");
    assert_int_equal(m->w->state, SIM_AT_WAIT);
    sim_landing_finish(m->w, m->w->vm_wait);
    assert_memory_equal(m->wg.lds, data, 256);
    assert_memory_equal(m->wg.lds + 1024, nothing, 256);
    machine_wait(m);
    assert_memory_equal(m->wg.lds + 1024, data, 256);
    machine_free(m);
}

static void direct_loads_are_checked(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX950, 1024);
    memset(m->wg.lds, 0xcc, 1024);
    set_resource(m, 0, 0, 100, 0x27000);
    for (unsigned l = 0; l < 64; l++)
        m->w->v[1][l] = 4 * l;
    machine_run(m, "buffer_load_dword v1, s[8:11], 0 offen lds", NULL);
    machine_wait(m);
    for (unsigned l = 0; l < 64; l++) { /* out of range of the buffer: zeros are written */
        uint32_t v;
        memcpy(&v, m->wg.lds + 4 * l, 4);
        assert_int_equal(v, l < 25 ? dword(4 * l) : 0);
    }
    m->w->s[SIM_M0] = 1024 - 4 * 10;
    machine_run_fault(m, "buffer_load_dword v1, s[8:11], 0 offen lds", 10,
                      "LDS access of 4 bytes at 1024");
    machine_free(m);
}

static void cache_instructions_do_nothing(void **state)
{
    (void)state;
    machine *m = machine_new(SIM_GFX942, 0);
    machine_run(m, "buffer_wbl2 sc0 sc1", NULL);
    machine_run(m, "buffer_inv sc1", NULL);
    machine_free(m);
    m = machine_new(SIM_GFX90A, 0);
    machine_run(m, "buffer_wbl2", NULL);
    machine_run(m, "buffer_invl2", NULL);
    machine_run(m, "buffer_wbinvl1", NULL);
    machine_run(m, "buffer_wbinvl1_vol", NULL);
    machine_free(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fill)
    const struct CMUnitTest tests[] = {
        TEST(loads_of_dwords),
        TEST(loads_of_bytes_and_shorts),
        TEST(stores),
        TEST(accesses_outside_allocations_are_faults),
        TEST(generic_addresses),
        TEST(scratch_is_interleaved),
        TEST(scratch_through_a_buffer),
        TEST(raw_buffers_are_bounded),
        TEST(buffer_accesses_need_an_allocation),
        TEST(structured_buffers_are_bounded_by_index),
        TEST(swizzled_buffers),
        TEST(scratch_in_all_widths),
        TEST(direct_loads_from_scratch),
        TEST(compare_and_swap_forms),
        TEST(atomics),
        TEST(compare_and_swap),
        TEST(atomics_of_two_threads_do_not_get_lost),
        TEST(direct_loads_to_lds),
        TEST(direct_loads_land_when_waited_for),
        TEST(direct_loads_are_checked),
        TEST(cache_instructions_do_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
