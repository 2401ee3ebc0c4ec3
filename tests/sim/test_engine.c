/* The engine: text to instructions, scalar instructions, moves between lanes, programs, faults.
 * Expected values are those of AMD's CDNA3 instruction set document and of LLVM's AMDGPU user guide
 * ("Initial Kernel Execution State", "Kernel Descriptor"). */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/float.h"
#include "sim/memory.h"

/* ---- a code object around a piece of disassembly ---- */

#define BIAS 0x7000000000ull
#define TEXT_ADDRESS 0x1000u

enum {
    PROP_KERNARG = 1 << 3,
    PROP_DISPATCH = 1 << 1,
    PROP_QUEUE = 1 << 2,
    PROP_DISPATCH_ID = 1 << 4,
    PROP_SCRATCH_BUFFER = 1 << 0,
    PROP_FLAT_INIT = 1 << 5
};

typedef struct image {
    Elf64_Ehdr eh;
    Elf64_Phdr ph;
    uint8_t descriptor[64];
    Elf64_Sym syms[2];
    char names[16];
    Elf64_Shdr sh[3];
} image;

typedef struct kernel_facts {
    uint32_t group, private_bytes, rsrc1, rsrc2, rsrc3;
    uint16_t properties, preload;
} kernel_facts;

static image make_image(const kernel_facts *k)
{
    image im;
    int64_t entry = TEXT_ADDRESS - (int64_t)offsetof(image, descriptor);

    memset(&im, 0, sizeof im);
    memcpy(im.eh.e_ident, ELFMAG, SELFMAG);
    im.eh.e_ident[EI_CLASS] = ELFCLASS64;
    im.eh.e_machine = 224;
    im.eh.e_phoff = offsetof(image, ph);
    im.eh.e_phnum = 1;
    im.eh.e_shoff = offsetof(image, sh);
    im.eh.e_shnum = 3;
    im.ph = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = sizeof im, .p_memsz = sizeof im};
    memcpy(im.descriptor, &k->group, 4);
    memcpy(im.descriptor + 4, &k->private_bytes, 4);
    memcpy(im.descriptor + 16, &entry, 8);
    memcpy(im.descriptor + 44, &k->rsrc3, 4);
    memcpy(im.descriptor + 48, &k->rsrc1, 4);
    memcpy(im.descriptor + 52, &k->rsrc2, 4);
    memcpy(im.descriptor + 56, &k->properties, 2);
    memcpy(im.descriptor + 58, &k->preload, 2);
    im.syms[1] = (Elf64_Sym){
        .st_name = 1, .st_shndx = 1, .st_value = offsetof(image, descriptor), .st_size = 64};
    memcpy(im.names, "\0k.kd", 6);
    im.sh[1] = (Elf64_Shdr){.sh_type = SHT_DYNSYM,
                            .sh_offset = offsetof(image, syms),
                            .sh_size = sizeof im.syms,
                            .sh_link = 2};
    im.sh[2] = (Elf64_Shdr){
        .sh_type = SHT_STRTAB, .sh_offset = offsetof(image, names), .sh_size = sizeof im.names};
    return im;
}

/* Wave64, 16 VGPRs and 16 AGPRs, IEEE, DX10_CLAMP, denormals kept; kernel argument pointer in
 * s[0:1]. */
static const kernel_facts plain = {.rsrc1 = 3 | 0xc0u << 12 | 0xf0u << 12 | 1u << 21 | 1u << 23,
                                   .rsrc2 = 2 << 1 | 1 << 7,
                                   .rsrc3 = 3,
                                   .properties = PROP_KERNARG};

/* Lines "TEXT" or "TEXT;ENCODING" (default: one dword of zeros) get consecutive addresses. */
static char *make_text(const char *const *lines)
{
    size_t size = 16384;
    char *text = malloc(size);
    unsigned address = TEXT_ADDRESS;
    int at;

    assert_non_null(text);
    at = snprintf(text, size,
                  "\n:\tfile format elf64-amdgpu\n\nDisassembly of section .text:\nk:\n");
    for (; *lines; lines++) {
        const char *semicolon = strchr(*lines, ';');
        int length = semicolon ? (int)(semicolon - *lines) : (int)strlen(*lines);
        const char *encoding = semicolon ? semicolon + 1 : "00000000";
        at += snprintf(text + at, size - (size_t)at, "\t%.*s   // %012X: %s \n", length, *lines,
                       address, encoding);
        address += 4 * (1 + (strchr(encoding, ' ') != NULL));
    }
    return text;
}

static sim_program *build(const char *arch, const kernel_facts *facts, const char *const *lines)
{
    image im = make_image(facts);
    char *text = make_text(lines), error[256] = "";
    sim_program *program;

    if (sim_program_build(&program, arch, &im, sizeof im, BIAS, text, error, sizeof error))
        fail_msg("%s", error);
    for (size_t i = 0; i < program->count; i++)
        machine_uses(program->inst[i].op);
    free(text);
    return program;
}

typedef struct launch {
    sim_program *program;
    sim_worker *worker;
    sim_dispatch dispatch;
    sim_error error;
} launch;

static launch prepare(const char *arch, const kernel_facts *facts, const char *const *lines)
{
    launch l = {.program = build(arch, facts, lines), .worker = sim_worker_create()};

    assert_non_null(l.worker);
    l.dispatch = (sim_dispatch){.program = l.program,
                                .kernel = sim_program_kernel(l.program, "k"),
                                .grid = {64, 1, 1},
                                .block = {64, 1, 1},
                                .lds_bytes = facts->group};
    assert_non_null(l.dispatch.kernel);
    return l;
}

static int run(launch *l, uint32_t x, uint32_t y, uint32_t z)
{
    return sim_run_workgroup(l->worker, &l->dispatch, (uint32_t[]){x, y, z}, &l->error);
}

static void finish(launch *l)
{
    sim_worker_destroy(l->worker);
    sim_program_destroy(l->program);
}

/* Memory that kernels may touch, for one test. */
static uint64_t memory(size_t size)
{
    uint64_t base = sim_mem_map(size);
    sim_mem_info info = {.base = base, .size = size, .kind = SIM_MEM_MANAGED, .writable = true};

    assert_true(base != 0);
    assert_true(sim_mem_publish(&info));
    return base;
}

static void release(uint64_t base, size_t size)
{
    assert_true(sim_mem_withdraw(base, NULL));
    sim_mem_unmap(base, size);
}

static uint32_t word(uint64_t base, unsigned index)
{
    return ((const uint32_t *)(uintptr_t)base)[index];
}

/* ---- scalar instructions: text, a, b, scc before; result, scc after (-1: not written) ---- */

typedef struct scalar_case {
    const char *text; /* sources s2 or s[2:3], s4 or s[4:5]; result s0 or s[0:1] */
    uint64_t a, b;
    int scc_in;
    uint64_t want;
    int scc;
} scalar_case;

#define OLD 0x0123456789abcdefull
#define ALL (~0ull)

static const scalar_case scalar_cases[] = {
    {"s_add_u32 s0, s2, s4", 0xffffffff, 1, 0, 0, 1},
    {"s_add_u32 s0, s2, s4", 3, 4, 1, 7, 0},
    {"s_sub_u32 s0, s2, s4", 3, 4, 0, 0xffffffff, 1},
    {"s_sub_u32 s0, s2, s4", 4, 4, 0, 0, 0},
    {"s_add_i32 s0, s2, s4", 0x7fffffff, 1, 0, 0x80000000, 1},
    {"s_add_i32 s0, s2, s4", 0xffffffff, 1, 1, 0, 0},
    {"s_sub_i32 s0, s2, s4", 0x80000000, 1, 0, 0x7fffffff, 1},
    {"s_sub_i32 s0, s2, s4", 5, 7, 0, 0xfffffffe, 0},
    {"s_addc_u32 s0, s2, s4", 0xffffffff, 0, 1, 0, 1},
    {"s_addc_u32 s0, s2, s4", 1, 2, 0, 3, 0},
    {"s_subb_u32 s0, s2, s4", 5, 5, 1, 0xffffffff, 1},
    {"s_subb_u32 s0, s2, s4", 5, 4, 1, 0, 0},
    {"s_min_i32 s0, s2, s4", 0xffffffff, 1, 0, 0xffffffff, 1},
    {"s_min_u32 s0, s2, s4", 0xffffffff, 1, 1, 1, 0},
    {"s_max_i32 s0, s2, s4", 0xffffffff, 1, 1, 1, 0},
    {"s_max_u32 s0, s2, s4", 0xffffffff, 1, 0, 0xffffffff, 1},
    {"s_max_i32 s0, s2, s4", 7, 7, 0, 7, 1},
    {"s_min_u32 s0, s2, s4", 7, 7, 1, 7, 0},
    {"s_cselect_b32 s0, s2, s4", 1, 2, 1, 1, -1},
    {"s_cselect_b32 s0, s2, s4", 1, 2, 0, 2, -1},
    {"s_cselect_b64 s[0:1], s[2:3], s[4:5]", 1ull << 40, 2, 1, 1ull << 40, -1},
    {"s_and_b32 s0, s2, s4", 0xf0, 0x3c, 0, 0x30, 1},
    {"s_and_b32 s0, s2, s4", 0xf0, 0x0f, 1, 0, 0},
    {"s_and_b64 s[0:1], s[2:3], s[4:5]", 0xf000000000ull, ALL, 0, 0xf000000000ull, 1},
    {"s_or_b64 s[0:1], s[2:3], s[4:5]", 1ull << 63, 1, 0, 0x8000000000000001, 1},
    {"s_xor_b64 s[0:1], s[2:3], s[4:5]", ALL, ALL, 1, 0, 0},
    {"s_andn2_b32 s0, s2, s4", 0xff, 0x0f, 0, 0xf0, 1},
    {"s_andn2_b64 s[0:1], s[2:3], s[4:5]", ALL, 1, 0, ALL - 1, 1},
    {"s_orn2_b32 s0, s2, s4", 0, 0xff, 0, 0xffffff00, 1},
    {"s_nand_b32 s0, s2, s4", ALL, 0xffffffff, 1, 0, 0},
    {"s_nor_b32 s0, s2, s4", 0, 0, 0, 0xffffffff, 1},
    {"s_or_b32 s0, s2, s4", 0xf0, 0x0f, 0, 0xff, 1},
    {"s_or_b32 s0, s2, s4", 0, 0, 1, 0, 0},
    {"s_xor_b32 s0, s2, s4", 0xff, 0x0f, 0, 0xf0, 1},
    {"s_orn2_b64 s[0:1], s[2:3], s[4:5]", 1, ALL - 2, 0, 3, 1},
    {"s_nand_b64 s[0:1], s[2:3], s[4:5]", ALL, 1ull << 40, 0, ~(1ull << 40), 1},
    {"s_nor_b64 s[0:1], s[2:3], s[4:5]", 0xffffffff, ~0xffffffffull, 1, 0, 0},
    {"s_lshl2_add_u32 s0, s2, s4", 0x40000001, 5, 0, 9, 1},
    {"s_lshl3_add_u32 s0, s2, s4", 3, 5, 1, 29, 0},
    {"s_cmov_b64 s[0:1], s[2:3]", 9ull << 40, 0, 1, 9ull << 40, -1},
    {"s_cmov_b64 s[0:1], s[2:3]", 9ull << 40, 0, 0, OLD, -1},
    {"s_bitset1_b64 s[0:1], s2", 63, 0, 0, OLD | 1ull << 63, -1},
    {"s_bitset0_b64 s[0:1], s2", 64 + 32, 0, 0, OLD & ~(1ull << 32), -1},
    {"s_xnor_b32 s0, s2, s4", 5, 5, 0, 0xffffffff, 1},
    {"s_xnor_b64 s[0:1], s[2:3], s[4:5]", 5, ~5ull, 1, 0, 0},
    {"s_lshl_b32 s0, s2, s4", 1, 33, 0, 2, 1},
    {"s_lshl_b64 s[0:1], s[2:3], s4", 1, 40, 0, 1ull << 40, 1},
    {"s_lshr_b32 s0, s2, s4", 0x80000000, 31, 0, 1, 1},
    {"s_lshr_b64 s[0:1], s[2:3], s4", 1ull << 63, 63, 0, 1, 1},
    {"s_ashr_i32 s0, s2, s4", 0x80000000, 31, 0, 0xffffffff, 1},
    {"s_ashr_i64 s[0:1], s[2:3], s4", 1ull << 63, 63, 0, ALL, 1},
    {"s_bfm_b32 s0, s2, s4", 4, 8, 0, 0xf00, -1},
    {"s_bfm_b64 s[0:1], s2, s4", 8, 36, 0, 0xff000000000ull, -1},
    {"s_mul_i32 s0, s2, s4", 0xffffffff, 5, 1, 0xfffffffb, -1},
    {"s_mul_hi_u32 s0, s2, s4", 0xffffffff, 5, 0, 4, -1},
    {"s_mul_hi_i32 s0, s2, s4", 0xffffffff, 5, 0, 0xffffffff, -1},
    {"s_bfe_u32 s0, s2, s4", 0x12345678, 8 << 16 | 8, 0, 0x56, 1},
    {"s_bfe_u32 s0, s2, s4", 0xff, 0 << 16 | 4, 1, 0, 0},
    {"s_bfe_u32 s0, s2, s4", 0x80000000, 32 << 16 | 4, 0, 0x08000000, 1},
    {"s_bfe_i32 s0, s2, s4", 0x00008000, 8 << 16 | 8, 0, 0xffffff80, 1},
    {"s_bfe_i32 s0, s2, s4", 0x00007f00, 8 << 16 | 8, 0, 0x7f, 1},
    {"s_bfe_u64 s[0:1], s[2:3], s4", 0xab0000000000ull, 8 << 16 | 40, 0, 0xab, 1},
    {"s_bfe_i64 s[0:1], s[2:3], s4", 0x8000000000ull, 8 << 16 | 32, 0, 0xffffffffffffff80, 1},
    {"s_absdiff_i32 s0, s2, s4", 3, 10, 0, 7, 1},
    {"s_absdiff_i32 s0, s2, s4", 10, 10, 1, 0, 0},
    {"s_lshl1_add_u32 s0, s2, s4", 0x80000000, 5, 0, 5, 1},
    {"s_lshl4_add_u32 s0, s2, s4", 3, 5, 1, 53, 0},
    {"s_pack_ll_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x44442222, -1},
    {"s_pack_lh_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x33332222, -1},
    {"s_pack_hh_b32_b16 s0, s2, s4", 0x11112222, 0x33334444, 0, 0x33331111, -1},
    {"s_mov_b32 s0, s2", 7, 0, 0, 7, -1},
    {"s_mov_b64 s[0:1], s[2:3]", ALL - 5, 0, 0, ALL - 5, -1},
    {"s_mov_b64 s[0:1], -1", 0, 0, 0, ALL, -1},
    {"s_mov_b64 s[0:1], 1.0", 0, 0, 0, 0x3ff0000000000000, -1},
    {"s_mov_b32 s0, -4.0", 0, 0, 0, 0xc0800000, -1},
    {"s_mov_b32 s0, 0.15915494", 0, 0, 0, 0x3e22f983, -1},
    {"s_cmov_b32 s0, s2", 9, 0, 1, 9, -1},
    {"s_cmov_b32 s0, s2", 9, 0, 0, (uint32_t)OLD, -1},
    {"s_not_b32 s0, s2", 0xffffffff, 0, 1, 0, 0},
    {"s_not_b64 s[0:1], s[2:3]", 0, 0, 0, ALL, 1},
    {"s_wqm_b32 s0, s2", 0x10020, 0, 0, 0xf00f0, 1},
    {"s_wqm_b64 s[0:1], s[2:3]", 1ull << 63, 0, 0, 0xfull << 60, 1},
    {"s_brev_b32 s0, s2", 1, 0, 0, 0x80000000, -1},
    {"s_brev_b64 s[0:1], s[2:3]", 2, 0, 0, 1ull << 62, -1},
    {"s_bcnt0_i32_b32 s0, s2", 0xffffffff, 0, 1, 0, 0},
    {"s_bcnt1_i32_b64 s0, s[2:3]", 0xff00000000ffull, 0, 0, 16, 1},
    {"s_bcnt1_i32_b32 s0, s2", 0x70, 0, 0, 3, 1},
    {"s_bcnt0_i32_b64 s0, s[2:3]", 1, 0, 0, 63, 1},
    {"s_ff0_i32_b32 s0, s2", 0x7, 0, 0, 3, -1},
    {"s_ff1_i32_b32 s0, s2", 0, 0, 0, 0xffffffff, -1},
    {"s_ff1_i32_b64 s0, s[2:3]", 1ull << 45, 0, 0, 45, -1},
    {"s_ff0_i32_b64 s0, s[2:3]", ALL, 0, 0, 0xffffffff, -1},
    {"s_flbit_i32_b32 s0, s2", 1, 0, 0, 31, -1},
    {"s_flbit_i32_b64 s0, s[2:3]", 1, 0, 0, 63, -1},
    {"s_flbit_i32 s0, s2", 0xffff0000, 0, 0, 16, -1},
    {"s_flbit_i32 s0, s2", 0xffffffff, 0, 0, 0xffffffff, -1},
    {"s_flbit_i32_i64 s0, s[2:3]", 1, 0, 0, 63, -1},
    {"s_sext_i32_i8 s0, s2", 0x180, 0, 0, 0xffffff80, -1},
    {"s_sext_i32_i16 s0, s2", 0x18000, 0, 0, 0xffff8000, -1},
    {"s_bitset1_b32 s0, s2", 4, 0, 0, 0x89abcdff, -1},
    {"s_bitset0_b32 s0, s2", 32, 0, 0, 0x89abcdee, -1},
    {"s_abs_i32 s0, s2", 0xffffffff, 0, 0, 1, 1},
    {"s_abs_i32 s0, s2", 0x80000000, 0, 0, 0x80000000, 1},
    {"s_quadmask_b32 s0, s2", 0xf0000100, 0, 0, 0x84, 1},
    {"s_quadmask_b64 s[0:1], s[2:3]", 1ull << 60, 0, 0, 0x8000, 1},
    {"s_bitreplicate_b64_b32 s[0:1], s2", 0x80000005, 0, 0, 0xc000000000000033, -1},
};

static void test_scalar(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    for (size_t i = 0; i < sizeof scalar_cases / sizeof scalar_cases[0]; i++) {
        const scalar_case *c = &scalar_cases[i];
        bool pair = strstr(c->text, "s[0:1]") != NULL;
        uint64_t want = pair ? c->want : (OLD & ~0xffffffffull) | c->want;
        sim_set_sreg64(m->w, 0, OLD);
        sim_set_sreg64(m->w, 2, c->a);
        sim_set_sreg64(m->w, 4, c->b);
        m->w->s[SIM_SCC] = (uint32_t)c->scc_in;
        machine_run(m, c->text, NULL);
        if (sim_sreg64(m->w, 0) != want)
            fail_msg("%s of %#llx, %#llx: %#llx, expected %#llx", c->text, (unsigned long long)c->a,
                     (unsigned long long)c->b, (unsigned long long)sim_sreg64(m->w, 0),
                     (unsigned long long)want);
        if ((int)m->w->s[SIM_SCC] != (c->scc < 0 ? c->scc_in : c->scc))
            fail_msg("%s of %#llx, %#llx: scc %u", c->text, (unsigned long long)c->a,
                     (unsigned long long)c->b, m->w->s[SIM_SCC]);
    }
    machine_free(m);
}

typedef struct compare_case {
    const char *text;
    const char *encoding;
    uint64_t a, b;
    int scc;
} compare_case;

static const compare_case compare_cases[] = {
    {"s_cmp_eq_i32 s2, s4", NULL, 5, 5, 1},
    {"s_cmp_lg_i32 s2, s4", NULL, 5, 5, 0},
    {"s_cmp_gt_i32 s2, s4", NULL, 0xffffffff, 1, 0},
    {"s_cmp_gt_u32 s2, s4", NULL, 0xffffffff, 1, 1},
    {"s_cmp_ge_i32 s2, s4", NULL, 1, 1, 1},
    {"s_cmp_lt_i32 s2, s4", NULL, 0x80000000, 0, 1},
    {"s_cmp_lt_u32 s2, s4", NULL, 0x80000000, 0, 0},
    {"s_cmp_le_u32 s2, s4", NULL, 3, 3, 1},
    {"s_cmp_le_i32 s2, s4", NULL, 4, 3, 0},
    {"s_cmp_ge_u32 s2, s4", NULL, 2, 3, 0},
    {"s_cmp_eq_u64 s[2:3], s[4:5]", NULL, 1ull << 40, 1ull << 40, 1},
    {"s_cmp_lg_u64 s[2:3], s[4:5]", NULL, 1ull << 40, 0, 1},
    {"s_cmp_lg_u32 s2, s4", NULL, 5, 6, 1},
    {"s_bitcmp1_b32 s2, s4", NULL, 8, 35, 1},
    {"s_bitcmp0_b64 s[2:3], s4", NULL, 1ull << 40, 41, 1},
    {"s_cmpk_ge_i32 s2, 0xffff", "B282FFFF", 0xfffffffe, 0, 0},
    {"s_cmpk_lt_i32 s2, 0xffff", "B302FFFF", 0xfffffffe, 0, 1},
    {"s_cmpk_le_i32 s2, 0x5", "B3820005", 5, 0, 1},
    {"s_cmpk_lg_u32 s2, 0xffff", "B482FFFF", 0xffffffff, 0, 1},
    {"s_cmpk_gt_u32 s2, 0xffff", "B502FFFF", 0xffff, 0, 0},
    {"s_cmpk_ge_u32 s2, 0xffff", "B582FFFF", 0xffff, 0, 1},
    {"s_bitcmp0_b32 s2, s4", NULL, 8, 3, 0},
    {"s_bitcmp1_b64 s[2:3], s4", NULL, 1ull << 40, 40, 1},
    {"s_cmpk_eq_i32 s2, 0xffff", "B102FFFF", 0xffffffff, 0, 1},
    {"s_cmpk_eq_u32 s2, 0xffff", "B402FFFF", 0xffff, 0, 1},
    {"s_cmpk_gt_i32 s2, 0xfff0", "B202FFF0", 0xfffffff8, 0, 1},
    {"s_cmpk_lt_u32 s2, 0x10", "B6020010", 15, 0, 1},
    {"s_cmpk_lg_i32 s2, 0x7", "B1820007", 7, 0, 0},
    {"s_cmpk_le_u32 s2, 0x7", "B6820007", 8, 0, 0},
};

static void test_scalar_compare(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    for (size_t i = 0; i < sizeof compare_cases / sizeof compare_cases[0]; i++) {
        const compare_case *c = &compare_cases[i];
        for (uint32_t before = 0; before < 2; before++) {
            sim_set_sreg64(m->w, 2, c->a);
            sim_set_sreg64(m->w, 4, c->b);
            m->w->s[SIM_SCC] = before;
            machine_run(m, c->text, c->encoding);
            if ((int)m->w->s[SIM_SCC] != c->scc)
                fail_msg("%s of %#llx, %#llx: scc %u", c->text, (unsigned long long)c->a,
                         (unsigned long long)c->b, m->w->s[SIM_SCC]);
        }
    }
    machine_free(m);
}

static void test_saveexec(void **state)
{
    static const struct {
        const char *name;
        uint64_t exec;
    } cases[] = {/* source 0x0ff0, EXEC 0x00ff */
                 {"and", 0x00f0},     {"or", 0x0fff},       {"xor", 0x0f0f},
                 {"andn2", 0x0f00},   {"orn2", ~0x000full}, {"nand", ~0x00f0ull},
                 {"nor", ~0x0fffull}, {"xnor", ~0x0f0full}, {"andn1", 0x000f},
                 {"orn1", ~0x0f00ull}};
    machine *m = machine_new(SIM_GFX90A, 0);
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        machine_set_exec(m, 0x00ff);
        sim_set_sreg64(m->w, 2, 0x0ff0);
        snprintf(text, sizeof text, "s_%s_saveexec_b64 s[0:1], s[2:3]", cases[i].name);
        machine_run(m, text, NULL);
        assert_true(sim_exec_mask(m->w) == cases[i].exec);
        assert_true(sim_sreg64(m->w, 0) == 0x00ff);
        assert_int_equal(m->w->s[SIM_SCC], 1);
    }
    machine_set_exec(m, 0x00ff); /* the new EXEC is the result, too */
    machine_run(m, "s_andn1_wrexec_b64 s[0:1], s[2:3]", NULL);
    assert_true(sim_exec_mask(m->w) == 0x000f && sim_sreg64(m->w, 0) == 0x000f);
    machine_set_exec(m, 0x00ff);
    machine_run(m, "s_andn2_wrexec_b64 s[0:1], s[2:3]", NULL);
    assert_true(sim_exec_mask(m->w) == 0x0f00 && sim_sreg64(m->w, 0) == 0x0f00);
    machine_set_exec(m, 0xff);
    sim_set_sreg64(m->w, 2, 0xf00);
    machine_run(m, "s_and_saveexec_b64 vcc, s[2:3]", NULL);
    assert_true(sim_exec_mask(m->w) == 0 && sim_sreg64(m->w, SIM_VCC) == 0xff && !m->w->s[SIM_SCC]);
    machine_free(m);
}

static void test_immediates(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    machine_run(m, "s_movk_i32 s0, 0xfffe", "B000FFFE");
    assert_int_equal(m->w->s[0], 0xfffffffe);
    machine_run(m, "s_addk_i32 s0, 0x8000", "B7008000");
    assert_int_equal(m->w->s[0], 0xffff7ffe);
    assert_int_equal(m->w->s[SIM_SCC], 0);
    machine_run(m, "s_mulk_i32 s0, 0xffff", "B780FFFF");
    assert_int_equal(m->w->s[0], 0x8002);
    m->w->s[SIM_SCC] = 0;
    machine_run(m, "s_cmovk_i32 s0, 0x7", "B0800007");
    assert_int_equal(m->w->s[0], 0x8002);
    m->w->s[SIM_SCC] = 1;
    machine_run(m, "s_cmovk_i32 s0, 0xfff9", "B080FFF9");
    assert_int_equal(m->w->s[0], 0xfffffff9);
    /* MODE: rounding of f32 set to toward zero, read back, and obeyed (1 + 2^-24 + 2^-25 rounds up
     * to nearest) */
    machine_run(m, "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 3", "BA000801 00000003");
    machine_run(m, "s_getreg_b32 s1, hwreg(HW_REG_MODE)", "B881F801");
    assert_int_equal(m->w->s[1], 0xf3);
    assert_false(m->w->mode_default);
    machine_run(m, "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 0", "BA000801 00000000");
    assert_true(m->w->mode_default);
    m->w->s[2] = 0xf;
    machine_run(m, "s_setreg_b32 hwreg(HW_REG_MODE, 0, 2), s2", "B9020801"); /* two bits of it */
    assert_int_equal(m->w->mode & 0xff, 0xf3);
    m->w->s[2] = 0;
    machine_run(m, "s_setreg_b32 hwreg(HW_REG_MODE, 0, 2), s2", "B9020801");
    machine_run(m, "s_mov_b64 s[4:5], src_shared_base", NULL);
    assert_true(m->w->s[4] == 0 && m->w->s[5] == SIM_SHARED_APERTURE_HI);
    machine_free(m);
}

/* The register number has M0 added to it: of the source, or of the result. */
static void test_relative_moves(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    for (unsigned i = 0; i < 32; i++)
        m->w->s[i] = 100 + i;
    m->w->s[SIM_M0] = 4;
    machine_run(m, "s_movrels_b32 s0, s2", NULL);
    assert_int_equal(m->w->s[0], 106);
    machine_run(m, "s_movrels_b64 s[0:1], s[2:3]", NULL);
    assert_true(m->w->s[0] == 106 && m->w->s[1] == 107);
    machine_run(m, "s_movreld_b32 s10, s2", NULL);
    assert_true(m->w->s[14] == 102 && m->w->s[10] == 110);
    machine_run(m, "s_movreld_b64 s[10:11], s[20:21]", NULL);
    assert_true(m->w->s[14] == 120 && m->w->s[15] == 121);
    m->w->s[SIM_M0] = 0xf005;
    m->w->s[3] = 0x1122;
    machine_run(m, "s_set_gpr_idx_idx s3", NULL); /* M0[7:0] only */
    assert_int_equal(m->w->s[SIM_M0], 0xf022);
    machine_free(m);
}

/* Scalar loads and stores of each width: address + offset, the lowest two bits are dropped; a
 * buffer's end gives zeros. */
static void test_scalar_memory(void **state)
{
    static const struct {
        const char *suffix, *range;
        unsigned dwords;
        bool store;
    } widths[] = {{"dword", "s16", 1, true},          {"dwordx2", "s[16:17]", 2, true},
                  {"dwordx4", "s[16:19]", 4, true},   {"dwordx8", "s[16:23]", 8, false},
                  {"dwordx16", "s[16:31]", 16, false}};
    uint64_t base = memory(4096);
    uint32_t *words = (uint32_t *)(uintptr_t)base;
    char text[96];

    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        machine *m = machine_new(SIM_GFX942, 0);
        const unsigned n = widths[i].dwords;
        for (unsigned k = 0; k < 1024; k++)
            words[k] = 1000 + k;
        sim_set_sreg64(m->w, 4, base + 2);
        m->w->s[6] = 64;
        snprintf(text, sizeof text, "s_load_%s %s, s[4:5], s6", widths[i].suffix, widths[i].range);
        machine_run(m, text, NULL);
        for (unsigned k = 0; k < n; k++)
            assert_int_equal(m->w->s[16 + k], 1016 + k);
        /* a buffer of 17 dwords: what is behind its end is zero */
        memcpy(&m->w->s[8], (uint32_t[]){(uint32_t)base, (uint32_t)(base >> 32), 68, 0x27000}, 16);
        m->w->s[6] = 68 - 4 * n + 4;
        snprintf(text, sizeof text, "s_buffer_load_%s %s, s[8:11], s6", widths[i].suffix,
                 widths[i].range);
        machine_run(m, text, NULL);
        for (unsigned k = 0; k < n; k++)
            assert_int_equal(m->w->s[16 + k], k + 1 < n ? 1017 - n + 1 + k : 0);
        snprintf(text, sizeof text, "s_store_%s %s, s[4:5], s6", widths[i].suffix, widths[i].range);
        for (unsigned k = 0; k < n; k++)
            m->w->s[16 + k] = 7 + k;
        m->w->s[6] = 256;
        if (widths[i].store) {
            machine_run(m, text, NULL);
            for (unsigned k = 0; k < n; k++)
                assert_int_equal(words[64 + k], 7 + k);
            assert_int_equal(words[64 + n], 1064 + n);
        }
        machine_free(m);
    }
    release(base, 4096);
}

/* Hints, and what the simulator has nothing for: all they do is let the wave go on. */
static void test_without_effect(void **state)
{
    static const char *const texts[] = {
        "s_nop 3", "s_sleep 1", "s_setprio 2", "s_setkill 1", "s_sendmsg sendmsg(MSG_INTERRUPT)",
        "s_sendmsghalt sendmsg(MSG_INTERRUPT)", "s_icache_inv", "s_incperflevel 1",
        "s_decperflevel 1", "s_ttracedata", "s_wakeup", "s_cbranch_cdbgsys 1",
        "s_cbranch_cdbguser 1", "s_cbranch_cdbgsys_or_user 1", "s_cbranch_cdbgsys_and_user 1",
        "s_dcache_inv", "s_dcache_wb", "s_dcache_inv_vol", "s_dcache_wb_vol",
        "s_dcache_discard s[0:1], s2", "s_dcache_discard_x2 s[0:1], s2", "v_nop", "v_clrexcp"};
    machine *m = machine_new(SIM_GFX90A, 0), *before = machine_new(SIM_GFX90A, 0);

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        m->w->s[i] = before->w->s[i] = 3 * i;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        machine_run(m, texts[i], "BF800001");
        assert_int_equal(m->w->state, SIM_RUNNING);
        assert_memory_equal(m->w->s, before->w->s, sizeof m->w->s);
        assert_memory_equal(m->w->v, before->w->v, sizeof m->w->v);
    }
    m->w->executed = 10; /* clocks only grow */
    machine_run(m, "s_memtime s[0:1]", NULL);
    uint64_t first = sim_sreg64(m->w, 0);
    m->w->executed = 20;
    machine_run(m, "s_memrealtime s[2:3]", NULL);
    assert_true(sim_sreg64(m->w, 2) > first);
    machine_free(m);
    machine_free(before);
}

/* ---- lanes ---- */

static void fill_lanes(machine *m, unsigned reg, uint32_t base)
{
    for (unsigned l = 0; l < SIM_LANES; l++)
        m->w->v[reg][l] = base + l;
}

static void test_lane_moves(void **state)
{
    machine *m = machine_new(SIM_GFX950, 0);

    (void)state;
    fill_lanes(m, 1, 100);
    machine_set_exec(m, 0xff00);
    machine_run(m, "v_readfirstlane_b32 s0, v1", NULL);
    assert_int_equal(m->w->s[0], 108);
    machine_set_exec(m, 0);
    machine_run(m, "v_readfirstlane_b32 s0, v1", NULL);
    assert_int_equal(m->w->s[0], 100);
    m->w->s[2] = 70; /* lane select is taken modulo 64 */
    machine_run(m, "v_readlane_b32 s0, v1, s2", NULL);
    assert_int_equal(m->w->s[0], 106);
    machine_run(m, "v_writelane_b32 v1, 7, 63", NULL); /* whatever EXEC says */
    assert_int_equal(m->w->v[1][63], 7);
    machine_set_exec(m, ~0ull);
    machine_run(m, "v_mbcnt_lo_u32_b32 v2, -1, 0", NULL);
    machine_run(m, "v_mbcnt_hi_u32_b32 v2, -1, v2", NULL);
    for (unsigned l = 0; l < SIM_LANES; l++)
        assert_int_equal(m->w->v[2][l], l);
    fill_lanes(m, 3, 0);
    fill_lanes(m, 4, 1000);
    machine_set_exec(m, 1);
    machine_run(m, "v_swap_b32 v3, v4", NULL);
    assert_true(m->w->v[3][0] == 1000 && m->w->v[4][0] == 0 && m->w->v[3][1] == 1 &&
                m->w->v[4][1] == 1001);
    machine_free(m);
}

/* LLVM language reference of llvm.amdgcn.permlane32.swap and permlane16.swap: odd rows of the first
 * operand and even rows of the second change places. */
static void test_permlane_swap(void **state)
{
    (void)state;
    for (unsigned row = 16; row <= 32; row *= 2) {
        machine *m = machine_new(SIM_GFX950, 0);
        fill_lanes(m, 0, 0);
        fill_lanes(m, 1, 1000);
        machine_run(
            m, row == 16 ? "v_permlane16_swap_b32_e32 v0, v1" : "v_permlane32_swap_b32_e32 v0, v1",
            NULL);
        for (unsigned l = 0; l < SIM_LANES; l++) {
            bool odd = l / row & 1;
            assert_int_equal(m->w->v[0][l], odd ? 1000 + l - row : l);
            assert_int_equal(m->w->v[1][l], odd ? 1000 + l : l + row);
        }
        machine_free(m);
    }
    assert_false(machine_knows(SIM_GFX942, "v_permlane32_swap_b32_e32 v0, v1"));
}

typedef struct dpp_case {
    const char *control;
    int (*source)(int lane); /* -1: none */
} dpp_case;

static int quad_reversed(int l)
{
    return (l & ~3) | (3 - (l & 3));
}
static int shl1(int l)
{
    return l % 16 + 1 < 16 ? l + 1 : -1;
}
static int shr2(int l)
{
    return l % 16 >= 2 ? l - 2 : -1;
}
static int ror5(int l)
{
    return l / 16 * 16 + (l % 16 + 11) % 16;
}
static int wave_shl(int l)
{
    return l < 63 ? l + 1 : -1;
}
static int wave_ror(int l)
{
    return (l + 63) % 64;
}
static int mirror(int l)
{
    return l / 16 * 16 + 15 - l % 16;
}
static int half_mirror(int l)
{
    return l / 8 * 8 + 7 - l % 8;
}
static int bcast15(int l)
{
    return l < 16 ? -1 : l / 16 * 16 - 1;
}
static int bcast31(int l)
{
    return l < 32 ? -1 : 31;
}
static int newbcast3(int l)
{
    return l / 16 * 16 + 3;
}

static const dpp_case dpp_cases[] = {{"quad_perm:[3,2,1,0]", quad_reversed},
                                     {"row_shl:1", shl1},
                                     {"row_shr:2", shr2},
                                     {"row_ror:5", ror5},
                                     {"wave_shl:1", wave_shl},
                                     {"wave_ror:1", wave_ror},
                                     {"row_mirror", mirror},
                                     {"row_half_mirror", half_mirror},
                                     {"row_bcast:15", bcast15},
                                     {"row_bcast:31", bcast31},
                                     {"row_newbcast:3", newbcast3}};

/* A lane whose source does not exist or is off reads 0 with bound_ctrl, and is not written without.
 */
static void check_dpp(const dpp_case *c, unsigned rows, unsigned banks, bool bound, uint64_t exec)
{
    machine *m = machine_new(SIM_GFX90A, 0);
    char text[160];

    fill_lanes(m, 0, 5000);
    fill_lanes(m, 1, 100);
    machine_set_exec(m, exec);
    snprintf(text, sizeof text, "v_mov_b32_dpp v0, v1 %s row_mask:%#x bank_mask:%#x%s", c->control,
             rows, banks, bound ? " bound_ctrl:1" : "");
    machine_run(m, text, NULL);
    for (int l = 0; l < SIM_LANES; l++) {
        int s = c->source(l);
        bool valid = s >= 0 && exec >> s & 1;
        bool written =
            exec >> l & 1 && rows >> (l / 16) & 1 && banks >> (l / 4 % 4) & 1 && (valid || bound);
        uint32_t want = !written ? 5000 + (uint32_t)l : valid ? 100 + (uint32_t)s : 0;
        if (m->w->v[0][l] != want)
            fail_msg("%s, EXEC %#llx: lane %d is %u, expected %u", text, (unsigned long long)exec,
                     l, m->w->v[0][l], want);
    }
    machine_free(m);
}

static void test_dpp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dpp_cases / sizeof dpp_cases[0]; i++) {
        check_dpp(&dpp_cases[i], 15, 15, false, ~0ull);
        check_dpp(&dpp_cases[i], 15, 15, true, ~0ull);
        check_dpp(&dpp_cases[i], 10, 3, true, ~0ull);
        check_dpp(&dpp_cases[i], 15, 15, false, 0xf0f05a5a0ff0ffffull);
        check_dpp(&dpp_cases[i], 15, 15, true, 0xf0f05a5a0ff0ffffull);
    }
}

/* v_cmpx writes the mask and EXEC. */
static void test_compare_exec(void **state)
{
    machine *m = machine_new(SIM_GFX90A, 0);

    (void)state;
    fill_lanes(m, 1, 0);
    machine_set_exec(m, 0x00ffffffffffff00);
    machine_run(m, "v_cmpx_gt_u32_e64 s[4:5], 32, v1", NULL);
    assert_true(sim_exec_mask(m->w) == 0xffffff00 && sim_sreg64(m->w, 4) == 0xffffff00);
    machine_free(m);
}

/* ---- division ---- */

/* The sequences that LLVM emits for a correctly rounded division (AMDGPUTargetLowering's
 * LowerFDIV32 and LowerFDIV64): numerator v[6:7], denominator v[8:9], quotient v[2:3]. */
static const char *const divide_f32[] = {"v_div_scale_f32 v2, s[0:1], v8, v8, v6",
                                         "v_rcp_f32_e32 v4, v2",
                                         "v_div_scale_f32 v10, vcc, v6, v8, v6",
                                         "v_fma_f32 v12, -v2, v4, 1.0",
                                         "v_fmac_f32_e32 v4, v12, v4",
                                         "v_mul_f32_e32 v12, v10, v4",
                                         "v_fma_f32 v14, -v2, v12, v10",
                                         "v_fmac_f32_e32 v12, v14, v4",
                                         "v_fma_f32 v2, -v2, v12, v10",
                                         "v_div_fmas_f32 v2, v2, v4, v12",
                                         "v_div_fixup_f32 v2, v2, v8, v6"};
static const char *const divide_f64[] = {"v_div_scale_f64 v[2:3], s[0:1], v[8:9], v[8:9], v[6:7]",
                                         "v_rcp_f64_e32 v[4:5], v[2:3]",
                                         "v_div_scale_f64 v[10:11], vcc, v[6:7], v[8:9], v[6:7]",
                                         "v_fma_f64 v[12:13], -v[2:3], v[4:5], 1.0",
                                         "v_fmac_f64_e32 v[4:5], v[4:5], v[12:13]",
                                         "v_fma_f64 v[12:13], -v[2:3], v[4:5], 1.0",
                                         "v_fmac_f64_e32 v[4:5], v[4:5], v[12:13]",
                                         "v_mul_f64 v[12:13], v[10:11], v[4:5]",
                                         "v_fma_f64 v[2:3], -v[2:3], v[12:13], v[10:11]",
                                         "v_div_fmas_f64 v[2:3], v[2:3], v[4:5], v[12:13]",
                                         "v_div_fixup_f64 v[2:3], v[2:3], v[8:9], v[6:7]"};

/* Any sign and significand; exponents from the whole range, with the ends more often. */
static uint64_t random_double(uint32_t *seed)
{
    uint64_t bits =
        (uint64_t)next_random(seed) << 40 ^ (uint64_t)next_random(seed) << 20 ^ next_random(seed);
    uint64_t exponent = next_random(seed) % 2048;

    switch (next_random(seed) % 4) {
    case 0:
        exponent %= 60;
        break;
    case 1:
        exponent = 2047 - exponent % 60;
        break;
    }
    return (bits & 0x800fffffffffffff) | exponent << 52;
}

static uint32_t random_float(uint32_t *seed)
{
    uint32_t bits = next_random(seed) << 8 ^ next_random(seed), exponent = next_random(seed) % 256;

    switch (next_random(seed) % 4) {
    case 0:
        exponent %= 30;
        break;
    case 1:
        exponent = 255 - exponent % 30;
        break;
    }
    return (bits & 0x807fffff) | exponent << 23;
}

/* The quotient is the host's, which IEEE 754 defines. */
static void test_division(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);
    uint32_t seed = 11;

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        float n[SIM_LANES], d[SIM_LANES];
        for (unsigned l = 0; l < SIM_LANES; l++) {
            n[l] = sim_float(m->w->v[6][l] = random_float(&seed));
            d[l] = sim_float(m->w->v[8][l] = random_float(&seed));
        }
        for (size_t i = 0; i < sizeof divide_f32 / sizeof divide_f32[0]; i++)
            machine_run(m, divide_f32[i], NULL);
        for (unsigned l = 0; l < SIM_LANES; l++) {
            volatile float q = n[l] / d[l];
            float got = sim_float(m->w->v[2][l]);
            if (sim_bits(got) != sim_bits(q) && !(got != got && q != q))
                fail_msg("%a / %a: %a, expected %a", n[l], d[l], got, q);
        }
    }
    for (unsigned round = 0; round < 100; round++) {
        double n[SIM_LANES], d[SIM_LANES];
        for (unsigned l = 0; l < SIM_LANES; l++) {
            uint64_t a = random_double(&seed), b = random_double(&seed);
            machine_set_pair(m, 6, l, a);
            machine_set_pair(m, 8, l, b);
            n[l] = sim_double(a);
            d[l] = sim_double(b);
        }
        for (size_t i = 0; i < sizeof divide_f64 / sizeof divide_f64[0]; i++)
            machine_run(m, divide_f64[i], NULL);
        for (unsigned l = 0; l < SIM_LANES; l++) {
            volatile double q = n[l] / d[l];
            double got = sim_double((uint64_t)m->w->v[3][l] << 32 | m->w->v[2][l]);
            if (sim_bits64(got) != sim_bits64(q) && !(got != got && q != q))
                fail_msg("%a / %a: %a, expected %a", n[l], d[l], got, q);
        }
    }
    machine_free(m);
}

/* ---- text ---- */

static void test_bad_text(void **state)
{
    static const char *const texts[] = {
        "",
        "garbage",
        "\tv_add_f32",
        "\tv_mov_b32_e32 v0, v1\n",
        "\tv_mov_b32_e32 v0, v1 // zz: 00\n",
        "\tv_mov_b32_e32 v0, v1 // 1000:\n",
        "\tv_mov_b32 // 000000001000: 123456789AB\n",
        "\ts_nop 0 // 000000001004: 00000000\n\ts_nop 0 // 000000001000: 00000000\n",
        "\ts_nop 0 // 000000001000: 00000000\n\ts_nop 0 // FFFFFFFFFFFFFFF0: 00000000\n",
        "\ts_nop 0 // 000000001002: 00000000\n"};
    image im = make_image(&plain);

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char error[200] = "";
        sim_program *program;
        assert_int_equal(
            sim_program_build(&program, "gfx942", &im, sizeof im, 0, texts[i], error, sizeof error),
            -1);
        assert_null(program);
        assert_true(error[0] != 0);
    }
}

/* Operands and modifiers that do not exist make an unknown instruction, never a crash or a misread
 * one. */
static void test_bad_operands(void **state)
{
    static const char *const texts[] = {"v_add_f32_e32 v0, v1",
                                        "v_add_f32_e32 v0, v1, v2, v3",
                                        "v_add_f32_e32 v256, v1, v2",
                                        "v_add_f32_e32 1, v1, v2",
                                        "v_add_f32_e32 v0, v[1:2], v2",
                                        "v_add_f32_e32 v[0:1], v1, v2",
                                        "v_add_f32_e32 v0, q1, v2",
                                        "v_add_f32_e32 v0, v1, v2 nonsense",
                                        "v_add_f32_e32 v0, v1, v2 op_sel:[2,0]",
                                        "v_add_f32_e32 v0, v1, v2 mul:3",
                                        "v_add_f64 v[0:1], v[2:4], v[4:5]",
                                        "s_mov_b32 s102, s1",
                                        "s_mov_b64 s[4:3], s[0:1]",
                                        "s_mov_b64 s[101:102], 0",
                                        "v_mov_b32_dpp v0, v1 quad_perm:[4,0,0,0]",
                                        "v_mov_b32_dpp v0, v1 row_shl:16",
                                        "v_mov_b32_dpp v0, v1 quad_perm:[0,1",
                                        "v_mov_b32_sdwa v0, v1 dst_sel:BYTE_9",
                                        "s_load_dwordx2 s0, s[0:1], 0x0",
                                        "v_mov_b32_e32 v0, |",
                                        "v_mov_b32_e32 v0, neg(",
                                        "v_mov_b32_e32 v0, -",
                                        "v_mov_b32_e32 v0, 99999999999999999999999",
                                        "v_mov_b32_e32 ,,,,,,,,,",
                                        "v_mov_b32_e32 v[], v[:]",
                                        "v_no_such_instruction v0",
                                        "v_add_f32_e32",
                                        "s_add_u32 s0, s1, abs(",
                                        "v_fma_f32 v0, v1, v2, v[3:",
                                        "v_mov_b32_e32 v0, 1.5"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (machine_knows(SIM_GFX942, texts[i]))
            fail_msg("\"%s\" was accepted", texts[i]);
}

/* Every prefix and many mutations of real lines go through the parser. */
static void test_mutated_text(void **state)
{
    static const char *const lines[] = {
        "\tv_fma_mix_f32 v0, -v1, |v2|, s3 op_sel:[1,0,0] op_sel_hi:[1,0,0] clamp // 000000001000: "
        "D3A00000 00000000",
        "\tbuffer_load_dwordx4 v[0:3], v4, s[8:11], 0 offen offset:16 sc0 nt lds // 000000001000: "
        "E0500000 80000000",
        "\tv_add_u32_sdwa v0, sext(v1), v2 dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE "
        "src0_sel:WORD_1 src1_sel:DWORD // 000000001000: 0",
        "\ts_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 0x3 // 000000001000: BA000801 00000003",
        "\tds_swizzle_b32 v0, v1 offset:swizzle(QUAD_PERM,0,1,2,3) // 000000001000: D87A8088 "
        "00000001"};
    machine *m = machine_new(SIM_GFX950, 0);
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char line[300], error[200];
        sim_inst inst;
        const char *from = lines[next_random(&seed) % 5];
        size_t n = strlen(from);
        memcpy(line, from, n + 1);
        for (unsigned k = next_random(&seed) % 6; k; k--)
            line[next_random(&seed) % n] = (char)(next_random(&seed) % 96 + 32);
        if (next_random(&seed) % 4 == 0)
            line[next_random(&seed) % n] = 0;
        sim_parse_line(m->program, line, &inst, error, sizeof error);
        assert_true(inst.num_ops <= SIM_MAX_OPERANDS);
        assert_non_null(inst.exec);
    }
    machine_free(m);
}

static void test_bad_image(void **state)
{
    static const char *const lines[] = {"s_endpgm", NULL};
    char *text = make_text(lines), error[200];
    image im = make_image(&plain);
    uint32_t seed = 7;
    sim_program *program;

    (void)state;
    for (size_t size = 0; size < sizeof im; size += 3)
        assert_int_equal(
            sim_program_build(&program, "gfx942", &im, size, 0, text, error, sizeof error), -1);
    for (unsigned round = 0; round < 20000; round++) {
        image damaged = im;
        for (unsigned k = 0; k < 3; k++)
            ((uint8_t *)&damaged)[next_random(&seed) % sizeof im] = (uint8_t)next_random(&seed);
        if (sim_program_build(&program, "gfx942", &damaged, sizeof im, 0, text, error,
                              sizeof error) == 0)
            sim_program_destroy(program);
    }
    assert_int_equal(
        sim_program_build(&program, "gfx1100", &im, sizeof im, 0, text, error, sizeof error), -1);
    assert_non_null(strstr(error, "gfx1100"));
    free(text);
}

/* ---- programs ---- */

/* s_cbranch_scc0 -4: sums 1..10 in s3. */
static void test_loop(void **state)
{
    static const char *const lines[] = {"s_mov_b32 s2, 10",
                                        "s_mov_b32 s3, 0",
                                        "s_add_u32 s3, s3, s2",
                                        "s_sub_u32 s2, s2, 1",
                                        "s_cmp_eq_u32 s2, 0",
                                        "s_cbranch_scc0 65532;BF84FFFC",
                                        "v_mov_b32_e32 v1, s3",
                                        "v_mov_b32_e32 v2, 0",
                                        "global_store_dword v2, v1, s[0:1];DC708000 00000102",
                                        "s_endpgm",
                                        NULL};
    launch l = prepare("gfx942", &plain, lines);
    uint64_t out = memory(4096);

    (void)state;
    l.dispatch.kernarg = out;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 0), 55);
    assert_int_equal((int)sim_worker_executed(l.worker), 2 + 10 * 4 + 4);
    release(out, 4096);
    finish(&l);
}

/* The state at entry: packed work-item ids, workgroup ids after the user SGPRs, EXEC of a partial
 * wave. */
static void test_initial_state(void **state)
{
    static const char *const lines[] = {"v_mov_b32_e32 v1, s2",
                                        "v_mov_b32_e32 v2, s3",
                                        "v_mov_b32_e32 v3, s4",
                                        "v_mbcnt_lo_u32_b32 v4, -1, 0",
                                        "v_mbcnt_hi_u32_b32 v4, -1, v4",
                                        "v_lshlrev_b32_e32 v4, 4, v4",
                                        "global_store_dwordx4 v4, v[0:3], s[0:1];DC7C8000 00000004",
                                        "s_endpgm",
                                        NULL};
    kernel_facts facts = plain;
    launch l;
    uint64_t out = memory(4096);

    (void)state;
    facts.rsrc2 = 2 << 1 | 7 << 7 |
                  2 << 11; /* two user SGPRs, workgroup ids x, y, z, work-item ids x, y, z */
    l = prepare("gfx90a", &facts, lines);
    l.dispatch.kernarg = out;
    memcpy(l.dispatch.block, (uint32_t[]){5, 3, 2}, 12);
    memcpy(l.dispatch.grid, (uint32_t[]){8, 3, 4},
           12); /* the second workgroup of x has 3 columns */
    memset((void *)(uintptr_t)out, 0xff, 4096);
    if (run(&l, 1, 0, 1))
        fail_msg("%s", l.error.message);
    for (unsigned i = 0; i < 18; i++) {
        assert_int_equal(word(out, 4 * i), i % 3 | (i / 3 % 3) << 10 | (i / 9) << 20);
        assert_int_equal(word(out, 4 * i + 1), 1);
        assert_int_equal(word(out, 4 * i + 2), 0);
        assert_int_equal(word(out, 4 * i + 3), 1);
    }
    assert_int_equal(word(out, 4 * 18), 0xffffffff);
    release(out, 4096);
    finish(&l);
}

/* User SGPRs come in the order of the kernel descriptor's table. */
static void test_user_sgprs(void **state)
{
    static const char *const lines[] = {"v_mov_b32_e32 v1, s4",
                                        "v_mov_b32_e32 v2, s6",
                                        "v_mov_b32_e32 v3, s10",
                                        "v_mov_b32_e32 v4, 0",
                                        "global_store_dwordx4 v4, v[0:3], s[8:9];DC7C8000 00080004",
                                        "s_endpgm",
                                        NULL};
    kernel_facts facts = plain;
    launch l;
    uint64_t out = memory(4096);

    (void)state;
    facts.properties =
        PROP_SCRATCH_BUFFER | PROP_DISPATCH | PROP_QUEUE | PROP_KERNARG | PROP_DISPATCH_ID;
    facts.rsrc2 = 12 << 1 | 1 << 7;
    l = prepare("gfx90a", &facts, lines);
    l.dispatch.kernarg = out;
    l.dispatch.dispatch_packet = 0x1111;
    l.dispatch.queue = 0x2222;
    l.dispatch.dispatch_id = 0x3333;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 1), 0x1111);
    assert_int_equal(word(out, 2), 0x2222);
    assert_int_equal(word(out, 3), 0x3333);
    release(out, 4096);
    finish(&l);
}

/* Preloaded kernel arguments: dwords 1 and 2 of the segment follow the pointer, and the kernel
 * starts 256 bytes in. */
static void test_kernarg_preload(void **state)
{
    const char *lines[70];
    unsigned n = 0;
    kernel_facts facts = plain;
    launch l;
    uint64_t out = memory(4096);

    (void)state;
    for (; n < 64; n++)
        lines[n] = "s_trap 2;BF920002";
    lines[n++] = "v_mov_b32_e32 v1, s2";
    lines[n++] = "v_mov_b32_e32 v2, s3";
    lines[n++] = "v_mov_b32_e32 v3, 0";
    lines[n++] = "global_store_dwordx2 v3, v[1:2], s[0:1];DC748000 00000103";
    lines[n++] = "s_endpgm";
    lines[n] = NULL;
    facts.preload = 2 | 1 << 7;
    facts.rsrc2 = 4 << 1;
    l = prepare("gfx942", &facts, lines);
    l.dispatch.kernarg = out;
    memcpy((void *)(uintptr_t)out, (uint32_t[]){9, 77, 88}, 12);
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 0), 77);
    assert_int_equal(word(out, 1), 88);
    release(out, 4096);
    finish(&l);
}

/* Two waves: the first waits at the barrier for what the second writes to LDS. */
static void test_barrier(void **state)
{
    static const char *const lines[] = {"v_cmp_gt_u32_e32 vcc, 64, v0",
                                        "s_cbranch_vccnz 4;BF870004", /* wave 0 skips the store */
                                        "v_mov_b32_e32 v1, 42",
                                        "v_mov_b32_e32 v2, 0",
                                        "ds_write_b32 v2, v1;D81A0000 00000102",
                                        "s_barrier",
                                        "v_mov_b32_e32 v2, 0",
                                        "ds_read_b32 v3, v2;D86C0000 03000002",
                                        "v_lshlrev_b32_e32 v4, 2, v0",
                                        "global_store_dword v4, v3, s[0:1];DC708000 00000304",
                                        "s_endpgm",
                                        NULL};
    kernel_facts facts = plain;
    launch l;
    uint64_t out = memory(4096);

    (void)state;
    facts.group = 64;
    l = prepare("gfx950", &facts, lines);
    l.dispatch.kernarg = out;
    l.dispatch.block[0] = l.dispatch.grid[0] = 128;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    for (unsigned i = 0; i < 128; i++)
        assert_int_equal(word(out, i), 42);
    release(out, 4096);
    finish(&l);
}

/* Wave 0 starts a load into LDS that wave 1 has not read yet, and waits for it: wave 1 runs first,
 * as it would while the load is under way. */
static void test_load_to_lds_takes_time(void **state)
{
    static const char *const lines[] = {"v_mov_b32_e32 v2, 0",
                                        "v_mov_b32_e32 v1, 42",
                                        "ds_write_b32 v2, v1;D81A0000 00000102",
                                        "s_barrier",
                                        "v_cmp_gt_u32_e32 vcc, 64, v0",
                                        "s_cbranch_vccz 4;BF860004", /* wave 1 skips the load */
                                        "v_lshlrev_b32_e32 v6, 2, v0",
                                        "global_load_lds_dword v6, s[0:1];DCA88000 00000006",
                                        "s_waitcnt vmcnt(0);BF8C0F70",
                                        "ds_read_b32 v3, v2;D86C0000 03000002",
                                        "s_barrier",
                                        "ds_read_b32 v5, v2;D86C0000 05000002",
                                        "v_lshlrev_b32_e32 v4, 2, v0",
                                        "global_store_dword v4, v3, s[0:1] offset:1024;DC708400 "
                                        "00000304",
                                        "global_store_dword v4, v5, s[0:1] offset:2048;DC708800 "
                                        "00000504",
                                        "s_endpgm",
                                        NULL};
    kernel_facts facts = plain;
    launch l;
    uint64_t out = memory(4096);

    (void)state;
    for (unsigned i = 0; i < 64; i++)
        ((uint32_t *)(uintptr_t)out)[i] = 7;
    facts.group = 256;
    l = prepare("gfx950", &facts, lines);
    l.dispatch.kernarg = out;
    l.dispatch.block[0] = l.dispatch.grid[0] = 128;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    for (unsigned i = 0; i < 128; i++) {
        assert_int_equal(word(out, 256 + i), i < 64 ? 7 : 42);
        assert_int_equal(word(out, 512 + i), 7);
    }
    release(out, 4096);
    finish(&l);
}

/* A function call: s_getpc, s_swappc and back with s_setpc. */
static void test_call(void **state)
{
    static const char *const lines[] = {"s_getpc_b64 s[4:5]",
                                        "s_add_u32 s4, s4, 20",
                                        "s_addc_u32 s5, s5, 0",
                                        "s_swappc_b64 s[6:7], s[4:5]",
                                        "s_add_u32 s8, s8, 1",
                                        "s_branch 2;BF820002",
                                        "s_mov_b32 s8, 5",
                                        "s_setpc_b64 s[6:7]",
                                        "v_mov_b32_e32 v1, s8",
                                        "v_mov_b32_e32 v2, 0",
                                        "global_store_dword v2, v1, s[0:1];DC708000 00000102",
                                        "s_endpgm",
                                        NULL};
    launch l = prepare("gfx942", &plain, lines);
    uint64_t out = memory(4096);

    (void)state;
    l.dispatch.kernarg = out;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 0), 6);
    release(out, 4096);
    finish(&l);
}

/* Each branch is taken over an instruction that would spoil the sum; s_call_b64 comes back. */
static void test_branches(void **state)
{
    static const char *const lines[] = {"s_mov_b32 s8, 0",
                                        "s_cmp_eq_u32 s8, 0",
                                        "s_cbranch_scc1 1;BF850001",
                                        "s_add_u32 s8, s8, 1",
                                        "s_cbranch_execnz 1;BF890001",
                                        "s_add_u32 s8, s8, 2",
                                        "s_cbranch_execz 1;BF880001",
                                        "s_add_u32 s8, s8, 16",
                                        "s_mov_b64 s[10:11], exec",
                                        "s_mov_b64 exec, 0",
                                        "s_cbranch_execz 1;BF880001",
                                        "s_add_u32 s8, s8, 4",
                                        "s_cbranch_execnz 1;BF890001",
                                        "s_add_u32 s8, s8, 32",
                                        "s_mov_b64 exec, s[10:11]",
                                        "s_call_b64 s[6:7], 1;BA860001",
                                        "s_branch 2;BF820002",
                                        "s_add_u32 s8, s8, 64",
                                        "s_setpc_b64 s[6:7]",
                                        "v_mov_b32_e32 v1, s8",
                                        "v_mov_b32_e32 v2, 0",
                                        "global_store_dword v2, v1, s[0:1];DC708000 00000102",
                                        "s_endpgm_saved",
                                        NULL};
    launch l = prepare("gfx942", &plain, lines);
    uint64_t out = memory(4096);

    (void)state;
    l.dispatch.kernarg = out;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 0), 16 + 32 + 64);
    release(out, 4096);
    finish(&l);
}

static void test_halt(void **state)
{
    machine *m = machine_new(SIM_GFX942, 0);

    (void)state;
    machine_run(m, "s_sethalt 0", "BF8D0000");
    assert_int_equal(m->w->state, SIM_RUNNING);
    machine_run(m, "s_endpgm 0", "BF810000");
    assert_int_equal(m->w->state, SIM_ENDED);
    machine_free(m);
}

/* VGPR indexing: v1 + 2 as the source, then v2 + 2 as the destination. */
static void test_gpr_index(void **state)
{
    static const char *const lines[] = {"v_mov_b32_e32 v3, 33",
                                        "s_mov_b32 s4, 2",
                                        "s_set_gpr_idx_on s4, gpr_idx(SRC0);BF110104",
                                        "v_mov_b32_e32 v1, v1",
                                        "s_set_gpr_idx_mode gpr_idx(DST);BF9D0008",
                                        "v_mov_b32_e32 v2, v1",
                                        "s_set_gpr_idx_off",
                                        "v_mov_b32_e32 v5, 0",
                                        "global_store_dwordx4 v5, v[1:4], s[0:1];DC7C8000 00000105",
                                        "s_endpgm",
                                        NULL};
    launch l = prepare("gfx90a", &plain, lines);
    uint64_t out = memory(4096);

    (void)state;
    l.dispatch.kernarg = out;
    if (run(&l, 0, 0, 0))
        fail_msg("%s", l.error.message);
    assert_int_equal(word(out, 0), 33); /* v1 = v3 */
    assert_int_equal(word(out, 1), 0);  /* v2 is untouched */
    assert_int_equal(word(out, 3), 33); /* v4 = v1 */
    release(out, 4096);
    finish(&l);
}

/* ---- faults ---- */

typedef struct fault_case {
    const char *arch;
    const char *lines[4];
    const char *message, *instruction;
} fault_case;

static const fault_case fault_cases[] = {
    {"gfx942",
     {"v_frobnicate_b32 v0, v1", "s_endpgm"},
     "unknown instruction \"v_frobnicate_b32 v0, v1\" on gfx942",
     "v_frobnicate_b32 v0, v1"},
    {"gfx90a",
     {"s_nop 0", "v_mov_b64_e32 v[0:1], v[2:3]", "s_endpgm"},
     "not supported on gfx90a",
     "v_mov_b64_e32 v[0:1], v[2:3]"},
    {"gfx942", {"s_nop 0", "s_branch 65534;BF82FFFE"}, "not ended", "s_branch 65534"},
    {"gfx942", {"s_nop 0"}, "ran past the last instruction", ""},
    {"gfx942", {"s_branch 100;BF820064"}, "leaves the code", "s_branch 100"},
    {"gfx942",
     {"s_mov_b64 s[2:3], 0", "s_setpc_b64 s[2:3]"},
     "no instruction starts",
     "s_setpc_b64 s[2:3]"},
    {"gfx942", {"s_trap 2;BF920002"}, "trap 2", "s_trap 2"},
    {"gfx950",
     {"s_load_dword s0, s[0:1], 0x0;C0020000 00000000"},
     "outside of every allocation",
     "s_load_dword s0, s[0:1], 0x0"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof fault_cases[0]; i++) {
        const fault_case *c = &fault_cases[i];
        const char *lines[5] = {c->lines[0], c->lines[1], c->lines[2], c->lines[3], NULL};
        launch l = prepare(c->arch, &plain, lines);
        char text[1200];
        assert_int_equal(run(&l, 0, 0, 0), -1);
        sim_error_format(&l.error, text, sizeof text);
        if (!strstr(l.error.message, c->message))
            fail_msg("\"%s\" does not contain \"%s\"", l.error.message, c->message);
        assert_string_equal(l.error.instruction, c->instruction);
        assert_string_equal(l.error.kernel, "k");
        assert_non_null(strstr(text, "kernel k, workgroup (0,0,0) wave 0"));
        finish(&l);
    }
}

/* What is not executed does not matter. */
static void test_unreached_unknown(void **state)
{
    static const char *const lines[] = {"s_endpgm", "v_frobnicate_b32 v0, v1", NULL};
    launch l = prepare("gfx942", &plain, lines);

    (void)state;
    assert_int_equal(run(&l, 0, 0, 0), 0);
    finish(&l);
}

static void test_bad_dispatch(void **state)
{
    static const char *const lines[] = {"s_endpgm", NULL};
    kernel_facts facts = plain;
    launch l;

    (void)state;
    facts.group = 1000;
    l = prepare("gfx942", &facts, lines);
    l.dispatch.lds_bytes = 999;
    assert_int_equal(run(&l, 0, 0, 0), -1);
    l.dispatch.lds_bytes = 65537;
    assert_int_equal(run(&l, 0, 0, 0), -1);
    assert_non_null(strstr(l.error.message, "65536"));
    l.dispatch.lds_bytes = 65536;
    assert_int_equal(run(&l, 0, 0, 0), 0);
    assert_int_equal(run(&l, 1, 0, 0), -1);
    l.dispatch.block[1] = l.dispatch.grid[1] = 17; /* 64 x 17 work-items */
    assert_int_equal(run(&l, 0, 0, 0), -1);
    assert_non_null(strstr(l.error.message, "1088"));
    finish(&l);
}

int main(void)
{
    setenv("AITER_SIM_WAVE_LIMIT", "300001", 1); /* for the endless loop among the fault cases */

    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalar),
                                       cmocka_unit_test(test_scalar_compare),
                                       cmocka_unit_test(test_saveexec),
                                       cmocka_unit_test(test_immediates),
                                       cmocka_unit_test(test_relative_moves),
                                       cmocka_unit_test(test_scalar_memory),
                                       cmocka_unit_test(test_without_effect),
                                       cmocka_unit_test(test_lane_moves),
                                       cmocka_unit_test(test_permlane_swap),
                                       cmocka_unit_test(test_dpp),
                                       cmocka_unit_test(test_compare_exec),
                                       cmocka_unit_test(test_division),
                                       cmocka_unit_test(test_bad_text),
                                       cmocka_unit_test(test_bad_operands),
                                       cmocka_unit_test(test_mutated_text),
                                       cmocka_unit_test(test_bad_image),
                                       cmocka_unit_test(test_loop),
                                       cmocka_unit_test(test_initial_state),
                                       cmocka_unit_test(test_user_sgprs),
                                       cmocka_unit_test(test_kernarg_preload),
                                       cmocka_unit_test(test_barrier),
                                       cmocka_unit_test(test_load_to_lds_takes_time),
                                       cmocka_unit_test(test_call),
                                       cmocka_unit_test(test_branches),
                                       cmocka_unit_test(test_halt),
                                       cmocka_unit_test(test_gpr_index),
                                       cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_unreached_unknown),
                                       cmocka_unit_test(test_bad_dispatch)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
