#include "hip_support.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void assert_hip(hip_error got, hip_error expected, const char *call, const char *file, int line)
{
    if (got == expected)
        return;
    print_error("%s: %s, expected %s; last report: %s\n", call, hipGetErrorName(got),
                hipGetErrorName(expected), aiterSimLastReport());
    _fail(file, line);
}

static void swallow(const char *text, void *user)
{
    (void)text, (void)user;
}

void quiet(void)
{
    aiterSimSetReportCallback(swallow, NULL);
}

int device_of_arch(const char *arch)
{
    int count;
    hip_ok(hipGetDeviceCount(&count));
    for (int i = 0; i < count; i++) {
        hip_device_prop prop;
        hip_ok(hipGetDevicePropertiesR0600(&prop, i));
        if (!strncmp(prop.gcnArchName, arch, strlen(arch)))
            return i;
    }
    fail_msg("no device %s", arch);
    return -1;
}

void says(const char *text)
{
    if (!strstr(aiterSimLastReport(), text))
        fail_msg("the last report \"%s\" lacks \"%s\"", aiterSimLastReport(), text);
}

static const char prelude[] =
    "#define __global__ __attribute__((global))\n"
    "#define __device__ __attribute__((device))\n"
    "#define __shared__ __attribute__((shared))\n"
    "#define __launch_bounds__(n) __attribute__((amdgpu_flat_work_group_size(1, n)))\n"
    "#define tid() __builtin_amdgcn_workitem_id_x()\n"
    "#define bid() __builtin_amdgcn_workgroup_id_x()\n"
    "#define bdim() __builtin_amdgcn_workgroup_size_x()\n"
    "#define sync() (__builtin_amdgcn_fence(__ATOMIC_RELEASE, \"workgroup\"), "
    "__builtin_amdgcn_s_barrier(),"
    " __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, \"workgroup\"))\n";

helper_blob compile(const char *arch, const char *source)
{
    static helper_pool *pool; /* for the life of the program */
    helper_blob code = {0}, metadata = {0}, identity = {0}, log = {0};
    char options[256], *text;
    if (!pool)
        assert_int_equal(helper_pool_create(&pool, NULL, 1, 60000), HELPER_OK);
    snprintf(options, sizeof options,
             "--offload-arch=%s\n--hiprtc-no-builtin-header\n-nogpuinc\n-O3", arch);
    assert_true(asprintf(&text, "%s%s", prelude, source) > 0);
    helper_status status =
        helper_compile(pool, "test.hip", text, options, &code, &metadata, &identity, &log);
    if (status != HELPER_OK)
        fail_msg("compiling for %s: status %d: %s", arch, status, log.data ? log.data : "");
    free(text);
    helper_blob_free(&metadata);
    helper_blob_free(&identity);
    helper_blob_free(&log);
    return code;
}

/* ---- a code object by hand ---- */

enum {
    DYNSYM_AT = 0x200,
    DYNSTR_AT = 0x300,
    DESCRIPTOR_AT = 0x400,
    RELA_AT = 0x480,
    DATA_AT = 0x1000, /* also its address */
    SECTIONS_AT = 0x1100,
    NUM_SECTIONS = 4,
    MADE_SIZE = SECTIONS_AT + NUM_SECTIONS * sizeof(Elf64_Shdr)
};

static const char names[] = "\0k.kd\0counter\0pointer";
enum { NAME_KD = 1, NAME_COUNTER = 6, NAME_POINTER = 14 };

static void put_headers(uint8_t *data, unsigned flags)
{
    Elf64_Ehdr eh = {.e_type = ET_DYN,
                     .e_machine = EM_AMDGPU,
                     .e_version = EV_CURRENT,
                     .e_phoff = sizeof eh,
                     .e_shoff = SECTIONS_AT,
                     .e_flags = flags,
                     .e_ehsize = sizeof eh,
                     .e_phentsize = sizeof(Elf64_Phdr),
                     .e_phnum = 2,
                     .e_shentsize = sizeof(Elf64_Shdr),
                     .e_shnum = NUM_SECTIONS};
    memcpy(eh.e_ident, ELFMAG, SELFMAG);
    eh.e_ident[EI_CLASS] = ELFCLASS64;
    eh.e_ident[EI_DATA] = ELFDATA2LSB;
    eh.e_ident[EI_VERSION] = EV_CURRENT;
    eh.e_ident[EI_OSABI] = 64;
    memcpy(data, &eh, sizeof eh);
    Elf64_Phdr ph[2] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R,
         .p_filesz = 0x500,
         .p_memsz = 0x500,
         .p_align = 0x1000},
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_W,
         .p_offset = DATA_AT,
         .p_vaddr = DATA_AT,
         .p_filesz = 16,
         .p_memsz = 32,
         .p_align = 0x1000},
    };
    memcpy(data + sizeof eh, ph, sizeof ph);
    Elf64_Shdr sh[NUM_SECTIONS] = {
        {.sh_type = SHT_NULL},
        {.sh_type = SHT_DYNSYM,
         .sh_flags = SHF_ALLOC,
         .sh_addr = DYNSYM_AT,
         .sh_offset = DYNSYM_AT,
         .sh_size = 4 * sizeof(Elf64_Sym),
         .sh_link = 2,
         .sh_entsize = sizeof(Elf64_Sym)},
        {.sh_type = SHT_STRTAB,
         .sh_flags = SHF_ALLOC,
         .sh_addr = DYNSTR_AT,
         .sh_offset = DYNSTR_AT,
         .sh_size = sizeof names},
        {.sh_type = SHT_RELA,
         .sh_flags = SHF_ALLOC,
         .sh_addr = RELA_AT,
         .sh_offset = RELA_AT,
         .sh_size = sizeof(Elf64_Rela),
         .sh_link = 1,
         .sh_entsize = sizeof(Elf64_Rela)},
    };
    memcpy(data + SECTIONS_AT, sh, sizeof sh);
}

made_elf make_elf(unsigned flags)
{
    uint8_t *data = calloc(1, MADE_SIZE);
    assert_non_null(data);
    put_headers(data, flags);
    Elf64_Sym sym[4] = {
        {0},
        {NAME_KD, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, DESCRIPTOR_AT, 64},
        {NAME_COUNTER, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, DATA_AT, 4},
        {NAME_POINTER, ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT), 0, 1, DATA_AT + 8, 8},
    };
    memcpy(data + DYNSYM_AT, sym, sizeof sym);
    memcpy(data + DYNSTR_AT, names, sizeof names);
    uint32_t descriptor[3] = {MADE_GROUP_BYTES, 0, MADE_KERNARG_BYTES}, value = MADE_GLOBAL_VALUE;
    uint32_t rsrc1 = 15; /* (15 + 1) * 8 = 128 vector registers */
    memcpy(data + DESCRIPTOR_AT, descriptor, sizeof descriptor);
    memcpy(data + DESCRIPTOR_AT + 48, &rsrc1, sizeof rsrc1);
    memcpy(data + DATA_AT, &value, sizeof value);
    Elf64_Rela rela = {DATA_AT + 8, ELF64_R_INFO(0, 13),
                       DATA_AT}; /* RELATIVE64: pointer = &counter */
    memcpy(data + RELA_AT, &rela, sizeof rela);
    return (made_elf){data, MADE_SIZE};
}
