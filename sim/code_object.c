#include "sim/code_object.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers: LLVM's AMDGPU usage guide, "Code Object": ELF header, relocation records. */
enum {
    OSABI_AMDGPU_HSA = 64,
    MACH_MASK = 0xff,
    XNACK_MASK = 0x300,
    XNACK_ON = 0x300,
    SRAMECC_MASK = 0xc00,
    SRAMECC_OFF = 0x800,
    R_ABS64 = 3,
    R_RELATIVE64 = 13,
};
#define MAX_SPAN ((uint64_t)1 << 30)

typedef struct reader {
    const uint8_t *data;
    size_t size;
    Elf64_Ehdr eh;
    sim_code_object *out;
    char *error;
} reader;

static hip_error invalid(reader *r, const char *what, uint64_t value)
{
    snprintf(r->error, SIM_ERROR_MAX, "code object of %zu bytes: %s (%llu)", r->size, what,
             (unsigned long long)value);
    return HIP_ERROR_INVALID_IMAGE;
}

static const uint8_t *file_at(const reader *r, uint64_t offset, uint64_t size)
{
    return offset <= r->size && size <= r->size - offset ? r->data + offset : NULL;
}

static hip_error check_header(reader *r, const sim_device_info *device)
{
    const uint8_t *p = file_at(r, 0, sizeof r->eh);
    if (!p)
        return invalid(r, "shorter than an ELF header", sizeof r->eh);
    memcpy(&r->eh, p, sizeof r->eh);
    if (memcmp(r->eh.e_ident, ELFMAG, SELFMAG))
        return invalid(r, "not an ELF file", r->eh.e_ident[0]);
    if (r->eh.e_ident[EI_CLASS] != ELFCLASS64 || r->eh.e_ident[EI_DATA] != ELFDATA2LSB)
        return invalid(r, "not a 64-bit little-endian ELF file; class", r->eh.e_ident[EI_CLASS]);
    if (r->eh.e_machine != EM_AMDGPU)
        return invalid(r, "ELF machine is not AMDGPU", r->eh.e_machine);
    if (r->eh.e_ident[EI_OSABI] != OSABI_AMDGPU_HSA)
        return invalid(r, "ELF OS ABI is not AMDGPU_HSA", r->eh.e_ident[EI_OSABI]);
    if (r->eh.e_type != ET_DYN)
        return invalid(r, "ELF type is not that of a linked code object", r->eh.e_type);
    unsigned mach = r->eh.e_flags & MACH_MASK;
    bool arch = mach == device->mach || (device->generic_mach && mach == device->generic_mach);
    if (!arch || (r->eh.e_flags & XNACK_MASK) == XNACK_ON ||
        (r->eh.e_flags & SRAMECC_MASK) == SRAMECC_OFF) {
        snprintf(r->error, SIM_ERROR_MAX,
                 "code object with ELF flags 0x%x is not for %s (machine 0x%x)",
                 (unsigned)r->eh.e_flags, device->target, device->mach);
        return HIP_ERROR_NO_BINARY_FOR_GPU;
    }
    if (r->eh.e_phnum && r->eh.e_phentsize != sizeof(Elf64_Phdr))
        return invalid(r, "size of a program header", r->eh.e_phentsize);
    if (r->eh.e_shnum && r->eh.e_shentsize != sizeof(Elf64_Shdr))
        return invalid(r, "size of a section header", r->eh.e_shentsize);
    return HIP_SUCCESS;
}

static bool program_header(const reader *r, unsigned i, Elf64_Phdr *ph)
{
    const uint8_t *p = file_at(r, r->eh.e_phoff, (uint64_t)r->eh.e_phnum * sizeof *ph);
    if (p)
        memcpy(ph, p + i * sizeof *ph, sizeof *ph);
    return p != NULL;
}

static bool section_header(const reader *r, unsigned i, Elf64_Shdr *sh)
{
    const uint8_t *p = file_at(r, r->eh.e_shoff, (uint64_t)r->eh.e_shnum * sizeof *sh);
    if (p && i < r->eh.e_shnum)
        memcpy(sh, p + i * sizeof *sh, sizeof *sh);
    return p != NULL && i < r->eh.e_shnum;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = ((const sim_segment *)a)->address, y = ((const sim_segment *)b)->address;
    return (x > y) - (x < y);
}

static hip_error read_segments(reader *r)
{
    sim_code_object *o = r->out;
    o->segments = calloc(r->eh.e_phnum + 1u, sizeof *o->segments);
    if (!o->segments)
        return HIP_ERROR_OUT_OF_MEMORY;
    for (unsigned i = 0; i < r->eh.e_phnum; i++) {
        Elf64_Phdr ph;
        if (!program_header(r, i, &ph))
            return invalid(r, "program headers outside the file, at", r->eh.e_phoff);
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        const uint8_t *data = file_at(r, ph.p_offset, ph.p_filesz);
        if (!data || ph.p_filesz > ph.p_memsz)
            return invalid(r, "segment outside the file, at", ph.p_offset);
        if (ph.p_vaddr > MAX_SPAN || ph.p_memsz > MAX_SPAN - ph.p_vaddr)
            return invalid(r, "segment beyond 1 GiB, at", ph.p_vaddr);
        o->segments[o->num_segments++] =
            (sim_segment){ph.p_vaddr, ph.p_memsz, data, ph.p_filesz, (ph.p_flags & PF_W) != 0};
    }
    if (o->num_segments == 0)
        return invalid(r, "no segment to load among program headers", r->eh.e_phnum);
    qsort(o->segments, o->num_segments, sizeof *o->segments, by_address);
    for (size_t i = 0; i < o->num_segments; i++) {
        const sim_segment *s = &o->segments[i];
        if (s->address < o->span)
            return invalid(r, "overlapping segments, at", s->address);
        o->span = s->address + s->memory_size;
    }
    return HIP_SUCCESS;
}

static const sim_segment *segment_of(const sim_code_object *o, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < o->num_segments; i++) {
        const sim_segment *s = &o->segments[i];
        if (address >= s->address && size <= s->memory_size &&
            address - s->address <= s->memory_size - size)
            return s;
    }
    return NULL;
}

const uint8_t *sim_code_object_at(const sim_code_object *o, uint64_t address, uint64_t size)
{
    const sim_segment *s = segment_of(o, address, size);
    if (!s || size > s->data_size || address - s->address > s->data_size - size)
        return NULL;
    return s->data + (address - s->address);
}

/* ---- symbols ---- */

static bool find_section(const reader *r, uint32_t type, Elf64_Shdr *sh)
{
    for (unsigned i = 0; i < r->eh.e_shnum && section_header(r, i, sh); i++)
        if (sh->sh_type == type)
            return true;
    return false;
}

static hip_error add_symbol(reader *r, const Elf64_Sym *sym, const char *name)
{
    sim_code_object *o = r->out;
    unsigned type = ELF64_ST_TYPE(sym->st_info);
    size_t length = strlen(name);
    bool kernel = length > 3 && !strcmp(name + length - 3, ".kd");
    if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE ||
        (type != STT_OBJECT && !kernel))
        return HIP_SUCCESS;
    uint64_t size = kernel ? SIM_DESCRIPTOR_SIZE : sym->st_size;
    bool inside = kernel ? sim_code_object_at(o, sym->st_value, size) != NULL
                         : segment_of(o, sym->st_value, size) != NULL;
    if (!inside)
        return invalid(r, "symbol outside the segments, at", sym->st_value);
    o->symbols[o->num_symbols++] = (sim_symbol){name, sym->st_value, size};
    return HIP_SUCCESS;
}

static hip_error read_symbols(reader *r)
{
    Elf64_Shdr table, strings;
    if (!find_section(r, SHT_DYNSYM, &table) && !find_section(r, SHT_SYMTAB, &table))
        return invalid(r, "no symbol table among sections", r->eh.e_shnum);
    const uint8_t *syms = file_at(r, table.sh_offset, table.sh_size);
    if (!syms || !section_header(r, table.sh_link, &strings))
        return invalid(r, "symbol table outside the file, at", table.sh_offset);
    const char *names = (const char *)file_at(r, strings.sh_offset, strings.sh_size);
    if (!names || strings.sh_size == 0 || names[strings.sh_size - 1] != 0)
        return invalid(r, "damaged string table, at", strings.sh_offset);
    size_t count = table.sh_size / sizeof(Elf64_Sym);
    r->out->symbols = calloc(count + 1, sizeof *r->out->symbols);
    if (!r->out->symbols)
        return HIP_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        Elf64_Sym sym;
        memcpy(&sym, syms + i * sizeof sym, sizeof sym);
        if (sym.st_name >= strings.sh_size)
            return invalid(r, "symbol name outside the string table, at", sym.st_name);
        hip_error e = add_symbol(r, &sym, names + sym.st_name);
        if (e != HIP_SUCCESS)
            return e;
    }
    return HIP_SUCCESS;
}

/* ---- relocations ---- */

static hip_error symbol_value(reader *r, const Elf64_Shdr *rela, uint32_t index, uint64_t *value)
{
    Elf64_Shdr table;
    if (!section_header(r, rela->sh_link, &table) || index >= table.sh_size / sizeof(Elf64_Sym))
        return invalid(r, "relocation against a symbol that does not exist", index);
    Elf64_Sym sym;
    const uint8_t *p = file_at(r, table.sh_offset + (uint64_t)index * sizeof sym, sizeof sym);
    if (!p)
        return invalid(r, "symbol table outside the file, at", table.sh_offset);
    memcpy(&sym, p, sizeof sym);
    if (sym.st_shndx == SHN_UNDEF)
        return invalid(r, "relocation against an undefined symbol", index);
    *value = sym.st_value;
    return HIP_SUCCESS;
}

static hip_error add_relocation(reader *r, const Elf64_Shdr *sh, const Elf64_Rela *rela)
{
    uint32_t type = ELF64_R_TYPE(rela->r_info);
    uint64_t value = 0;
    if (type == 0)
        return HIP_SUCCESS;
    if (type != R_RELATIVE64 && type != R_ABS64)
        return invalid(r, "relocation type is neither RELATIVE64 nor ABS64", type);
    if (type == R_ABS64) {
        hip_error e = symbol_value(r, sh, ELF64_R_SYM(rela->r_info), &value);
        if (e != HIP_SUCCESS)
            return e;
    }
    if (!segment_of(r->out, rela->r_offset, 8))
        return invalid(r, "relocation outside the segments, at", rela->r_offset);
    r->out->relocations[r->out->num_relocations++] =
        (sim_relocation){rela->r_offset, value + (uint64_t)rela->r_addend};
    return HIP_SUCCESS;
}

/* Only allocated relocation sections: the others are leftovers of the link. */
static bool is_dynamic_rela(const Elf64_Shdr *sh)
{
    return sh->sh_type == SHT_RELA && (sh->sh_flags & SHF_ALLOC);
}

static hip_error read_relocations(reader *r)
{
    size_t count = 0;
    Elf64_Shdr sh;
    for (unsigned i = 0; i < r->eh.e_shnum && section_header(r, i, &sh); i++) {
        if (!is_dynamic_rela(&sh))
            continue;
        if (!file_at(r, sh.sh_offset, sh.sh_size))
            return invalid(r, "relocations outside the file, at", sh.sh_offset);
        count += sh.sh_size / sizeof(Elf64_Rela);
    }
    r->out->relocations = calloc(count + 1, sizeof *r->out->relocations);
    if (!r->out->relocations)
        return HIP_ERROR_OUT_OF_MEMORY;
    for (unsigned i = 0; i < r->eh.e_shnum && section_header(r, i, &sh); i++) {
        if (!is_dynamic_rela(&sh))
            continue;
        for (size_t k = 0; k < sh.sh_size / sizeof(Elf64_Rela); k++) {
            Elf64_Rela rela;
            memcpy(&rela, r->data + sh.sh_offset + k * sizeof rela, sizeof rela);
            hip_error e = add_relocation(r, &sh, &rela);
            if (e != HIP_SUCCESS)
                return e;
        }
    }
    return HIP_SUCCESS;
}

hip_error sim_code_object_parse(sim_code_object *out, const uint8_t *elf, size_t size,
                                const sim_device_info *device, char error[SIM_ERROR_MAX])
{
    memset(out, 0, sizeof *out);
    reader r = {.data = elf, .size = size, .out = out, .error = error};
    snprintf(error, SIM_ERROR_MAX, "out of memory");
    hip_error e = check_header(&r, device);
    if (e == HIP_SUCCESS)
        e = read_segments(&r);
    if (e == HIP_SUCCESS)
        e = read_symbols(&r);
    if (e == HIP_SUCCESS)
        e = read_relocations(&r);
    return e;
}

void sim_code_object_free(sim_code_object *o)
{
    free(o->segments);
    free(o->relocations);
    free(o->symbols);
    memset(o, 0, sizeof *o);
}

void sim_descriptor_read(const uint8_t bytes[SIM_DESCRIPTOR_SIZE], sim_descriptor *out)
{
    memcpy(&out->group_bytes, bytes, 4);
    memcpy(&out->private_bytes, bytes + 4, 4);
    memcpy(&out->kernarg_bytes, bytes + 8, 4);
    memcpy(&out->rsrc3, bytes + 44, 4);
    memcpy(&out->rsrc1, bytes + 48, 4);
}

unsigned sim_descriptor_vgprs(const sim_descriptor *d)
{
    /* GRANULATED_WORKITEM_VGPR_COUNT, rsrc1 bits 5:0, in units of 8 on gfx90a and later. */
    return ((d->rsrc1 & 0x3f) + 1) * SIM_VGPR_GRANULE;
}
