/* Kernel descriptors of a code object. Layout of the descriptor: LLVM, "User Guide for AMDGPU
 * Backend", Kernel Descriptor; every read is bounds-checked, since code objects come from caches
 * and from elsewhere. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/program.h"

typedef struct image {
    const uint8_t *data;
    size_t size;
} image;

static const void *at(const image *im, uint64_t offset, uint64_t size)
{
    return offset <= im->size && size <= im->size - offset ? im->data + offset : NULL;
}

/* File bytes of [address, address + size), NULL if no segment holds them. */
static const void *at_address(const image *im, const Elf64_Ehdr *eh, uint64_t address,
                              uint64_t size)
{
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;
        const void *p = at(im, eh->e_phoff + (uint64_t)i * sizeof ph, sizeof ph);
        if (!p)
            return NULL;
        memcpy(&ph, p, sizeof ph);
        if (ph.p_type != PT_LOAD || address < ph.p_vaddr || address - ph.p_vaddr > ph.p_filesz ||
            size > ph.p_filesz - (address - ph.p_vaddr))
            continue;
        return at(im, ph.p_offset + (address - ph.p_vaddr), size);
    }
    return NULL;
}

static void read_descriptor(sim_kernel *k, const uint8_t *d, uint64_t address)
{
    int64_t entry;

    memcpy(&k->group_bytes, d, 4);
    memcpy(&k->private_bytes, d + 4, 4);
    memcpy(&k->kernarg_bytes, d + 8, 4);
    memcpy(&entry, d + 16, 8);
    memcpy(&k->rsrc3, d + 44, 4);
    memcpy(&k->rsrc1, d + 48, 4);
    memcpy(&k->rsrc2, d + 52, 4);
    memcpy(&k->properties, d + 56, 2);
    memcpy(&k->preload, d + 58, 2);
    k->entry = address + (uint64_t)entry;
}

static int add_symbol(sim_program *program, const image *im, const Elf64_Ehdr *eh,
                      const Elf64_Sym *sym, const char *name, char *error, size_t error_size)
{
    size_t length = strlen(name);

    if (length <= 3 || strcmp(name + length - 3, ".kd") != 0 || sym->st_shndx == SHN_UNDEF)
        return 0;
    if (length - 3 >= sizeof program->kernels->name) {
        snprintf(error, error_size, "kernel name of %zu characters, at most %zu expected",
                 length - 3, sizeof program->kernels->name - 1);
        return -1;
    }
    const uint8_t *d = at_address(im, eh, sym->st_value, 64);
    if (!d) {
        snprintf(error, error_size, "kernel descriptor %s lies outside the code object", name);
        return -1;
    }
    sim_kernel *grown = realloc(program->kernels, (program->num_kernels + 1) * sizeof *grown);
    if (!grown) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    program->kernels = grown;
    sim_kernel *k = &grown[program->num_kernels++];
    memset(k, 0, sizeof *k);
    memcpy(k->name, name, length - 3);
    read_descriptor(k, d, sym->st_value + program->bias);
    return 0;
}

static int read_symbols(sim_program *program, const image *im, const Elf64_Ehdr *eh,
                        const Elf64_Shdr *symtab, char *error, size_t error_size)
{
    Elf64_Shdr strtab;
    const void *p =
        symtab->sh_link < eh->e_shnum
            ? at(im, eh->e_shoff + (uint64_t)symtab->sh_link * sizeof strtab, sizeof strtab)
            : NULL;
    if (!p) {
        snprintf(error, error_size, "the code object's symbol table has no string table");
        return -1;
    }
    memcpy(&strtab, p, sizeof strtab);
    const char *names = at(im, strtab.sh_offset, strtab.sh_size);
    if (!names || strtab.sh_size == 0 || names[strtab.sh_size - 1] != 0) {
        snprintf(error, error_size, "the code object's string table is damaged");
        return -1;
    }
    for (uint64_t i = 0; i < symtab->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym sym;
        const void *s = at(im, symtab->sh_offset + i * sizeof sym, sizeof sym);
        if (!s || (memcpy(&sym, s, sizeof sym), sym.st_name >= strtab.sh_size)) {
            snprintf(error, error_size, "the code object's symbol table is damaged");
            return -1;
        }
        if (add_symbol(program, im, eh, &sym, names + sym.st_name, error, error_size))
            return -1;
    }
    return 0;
}

int sim_elf_kernels(sim_program *program, const void *elf, size_t size, char *error,
                    size_t error_size)
{
    image im = {elf, size};
    Elf64_Ehdr eh;

    if (size < sizeof eh || memcmp(elf, ELFMAG, SELFMAG) != 0 ||
        ((const uint8_t *)elf)[EI_CLASS] != ELFCLASS64) {
        snprintf(error, error_size, "not a 64-bit ELF code object (%zu bytes)", size);
        return -1;
    }
    memcpy(&eh, elf, sizeof eh);
    if (eh.e_machine != 224) { /* EM_AMDGPU */
        snprintf(error, error_size, "ELF machine %u, expected 224 (AMDGPU)", eh.e_machine);
        return -1;
    }
    for (unsigned i = 0; i < eh.e_shnum; i++) {
        Elf64_Shdr sh;
        const void *p = at(&im, eh.e_shoff + (uint64_t)i * sizeof sh, sizeof sh);
        if (!p) {
            snprintf(error, error_size, "the code object's section table is damaged");
            return -1;
        }
        memcpy(&sh, p, sizeof sh);
        if (sh.sh_type == SHT_DYNSYM)
            return read_symbols(program, &im, &eh, &sh, error, error_size);
    }
    snprintf(error, error_size, "the code object has no dynamic symbol table");
    return -1;
}
