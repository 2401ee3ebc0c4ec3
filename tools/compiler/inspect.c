#include "tools/compiler/inspect.h"

#include <ctype.h>
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef EM_AMDGPU
#define EM_AMDGPU 224
#endif

enum { ISA_MAX = 128, VALUE_MAX = 512 };

/* ---- Is it a code object at all, and whole? comgr trusts its input. ---- */

static bool inside(uint64_t offset, uint64_t length, size_t size)
{
    return offset <= size && length <= size - offset;
}

static bool check_tables(const uint8_t *code, size_t size, const Elf64_Ehdr *h, text *err)
{
    if (!inside(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), size) ||
        (h->e_phnum && h->e_phentsize != sizeof(Elf64_Phdr)) ||
        !inside(h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr), size) ||
        (h->e_shnum && h->e_shentsize != sizeof(Elf64_Shdr))) {
        text_print(
            err, "code object is truncated or damaged: its header tables lie outside its %zu bytes",
            size);
        return false;
    }
    for (int i = 0; i < h->e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, code + h->e_phoff + (size_t)i * sizeof p, sizeof p);
        if (!inside(p.p_offset, p.p_filesz, size)) {
            text_print(err, "code object is truncated: segment %d ends outside its %zu bytes", i,
                       size);
            return false;
        }
    }
    for (int i = 0; i < h->e_shnum; i++) {
        Elf64_Shdr s;
        memcpy(&s, code + h->e_shoff + (size_t)i * sizeof s, sizeof s);
        if (s.sh_type != SHT_NOBITS && !inside(s.sh_offset, s.sh_size, size)) {
            text_print(err, "code object is truncated: section %d ends outside its %zu bytes", i,
                       size);
            return false;
        }
    }
    return true;
}

static bool check_elf(const uint8_t *code, size_t size, text *err)
{
    static const char bundle[] = "__CLANG_OFFLOAD_BUNDLE__";
    Elf64_Ehdr h;
    if (size >= sizeof bundle - 1 && memcmp(code, bundle, sizeof bundle - 1) == 0) {
        text_print(err, "this is an offload bundle; one of the code objects in it is expected");
        return false;
    }
    if (size < sizeof h || memcmp(code, ELFMAG, SELFMAG) != 0) {
        text_print(err, "not a code object: %zu bytes that are no ELF file", size);
        return false;
    }
    memcpy(&h, code, sizeof h);
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != EM_AMDGPU) {
        text_print(
            err, "not a code object: ELF machine %u, 64-bit little-endian AMDGPU (%d) is expected",
            h.e_machine, EM_AMDGPU);
        return false;
    }
    if (h.e_type != ET_DYN) {
        text_print(err, "not a loadable code object: ELF type %u, a linked one (%d) is expected",
                   h.e_type, ET_DYN);
        return false;
    }
    return check_tables(code, size, &h, err);
}

/* ---- Metadata ---- */

static bool fail(const toolchain *tc, int rc, const char *what, text *err)
{
    text_print(err, "%s: %s", what, toolchain_comgr_error(tc, rc));
    return false;
}

/* The string value of `key`, as one word; "" if there is none. */
static void get_word(const toolchain *tc, comgr_handle map, const char *key, char out[VALUE_MAX])
{
    comgr_handle node;
    int kind = 0;
    size_t size = 0;
    *out = '\0';
    if (tc->metadata_lookup(map, key, &node))
        return;
    if (!tc->get_metadata_kind(node, &kind) && kind == COMGR_NODE_STRING &&
        !tc->get_metadata_string(node, &size, NULL) && size > 0 && size <= VALUE_MAX &&
        tc->get_metadata_string(node, &size, out))
        *out = '\0';
    out[VALUE_MAX - 1] = '\0';
    for (char *c = out; *c; c++) {
        if (!isgraph((unsigned char)*c))
            *c = '_';
    }
    tc->destroy_metadata(node);
}

/* A number, 0 if there is none; true and false count as 1 and 0. */
static unsigned long get_number(const toolchain *tc, comgr_handle map, const char *key)
{
    char value[VALUE_MAX];
    get_word(tc, map, key, value);
    if (strcmp(value, "true") == 0)
        return 1;
    unsigned long number = strtoul(value, NULL, 0);
    return number <= UINT32_MAX ? number : UINT32_MAX;
}

static const char *or_dash(const char *word, size_t limit)
{
    return *word && strlen(word) < limit ? word : "-";
}

static void print_args(const toolchain *tc, comgr_handle kernel, text *out)
{
    comgr_handle list, arg;
    size_t count = 0;
    char kind[VALUE_MAX], name[VALUE_MAX];
    if (tc->metadata_lookup(kernel, ".args", &list))
        return;
    if (tc->get_metadata_list_size(list, &count))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (tc->index_list_metadata(list, i, &arg))
            continue;
        get_word(tc, arg, ".value_kind", kind);
        get_word(tc, arg, ".name", name);
        text_print(out, "arg %lu %lu %s %s\n", get_number(tc, arg, ".offset"),
                   get_number(tc, arg, ".size"), or_dash(kind, 40), or_dash(name, 64));
        tc->destroy_metadata(arg);
    }
    tc->destroy_metadata(list);
}

static void print_kernel(const toolchain *tc, comgr_handle kernel, text *out)
{
    static const char *const numbers[] = {
        ".kernarg_segment_size", ".kernarg_segment_align", ".group_segment_fixed_size",
        ".private_segment_fixed_size", ".uses_dynamic_stack", ".sgpr_count", ".vgpr_count",
        ".agpr_count", ".sgpr_spill_count", ".vgpr_spill_count", ".max_flat_workgroup_size",
        ".wavefront_size",
    };
    char name[VALUE_MAX];
    get_word(tc, kernel, ".name", name);
    text_print(out, "kernel %s\n", or_dash(name, 256));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        text_print(out, "%s %lu\n", numbers[i] + 1, get_number(tc, kernel, numbers[i]));
    print_args(tc, kernel, out);
    text_print(out, "end\n");
}

static void print_kernels(const toolchain *tc, comgr_handle root, text *out)
{
    comgr_handle kernels, kernel;
    size_t count = 0;
    if (tc->metadata_lookup(root, "amdhsa.kernels", &kernels))
        return; /* a library of device functions has none */
    if (tc->get_metadata_list_size(kernels, &count))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (tc->index_list_metadata(kernels, i, &kernel))
            continue;
        print_kernel(tc, kernel, out);
        tc->destroy_metadata(kernel);
    }
    tc->destroy_metadata(kernels);
}

static bool print_metadata(const toolchain *tc, comgr_handle data, const char *isa, text *out,
                           text *err)
{
    comgr_handle root;
    int rc = tc->get_data_metadata(data, &root);
    if (rc)
        return fail(tc, rc, "the code object's metadata cannot be read", err);
    text_print(out, "target %s\n", isa);
    print_kernels(tc, root, out);
    tc->destroy_metadata(root);
    return true;
}

/* ---- Disassembly ---- */

static bool take_data(const toolchain *tc, comgr_handle set, int kind, text *out)
{
    comgr_handle data;
    size_t count = 0, size = 0;
    if (tc->action_data_count(set, kind, &count) || count == 0 ||
        tc->action_data_get_data(set, kind, 0, &data))
        return false;
    bool good = tc->get_data(data, &size, NULL) == 0;
    char *buffer = good ? malloc(size + 1) : NULL;
    good = buffer && tc->get_data(data, &size, buffer) == 0;
    if (good)
        text_append(out, buffer, size);
    free(buffer);
    tc->release_data(data);
    return good;
}

static bool run_action(const toolchain *tc, comgr_handle info, comgr_handle input,
                       comgr_handle result, const char *isa, text *out, text *err)
{
    text log = {0};
    int rc = tc->action_info_set_isa_name(info, isa);
    if (!rc)
        rc = tc->action_info_set_logging(info, true);
    if (!rc)
        rc = tc->do_action(tc->disassemble_action, info, input, result);
    bool good = !rc && take_data(tc, result, COMGR_DATA_SOURCE, out);
    if (!good) {
        take_data(tc, result, COMGR_DATA_LOG, &log);
        text_print(err, "the code object cannot be disassembled for %s: %s\n%s", isa,
                   toolchain_comgr_error(tc, rc), text_get(&log));
    }
    text_free(&log);
    return good;
}

static bool disassemble(const toolchain *tc, comgr_handle data, const char *isa, text *out,
                        text *err)
{
    comgr_handle info, input, result;
    int rc = tc->create_action_info(&info);
    if (rc)
        return fail(tc, rc, "comgr", err);
    rc = tc->create_data_set(&input);
    if (!rc) {
        rc = tc->create_data_set(&result);
        bool good = false;
        if (!rc) {
            rc = tc->data_set_add(input, data);
            good = !rc && run_action(tc, info, input, result, isa, out, err);
            tc->destroy_data_set(result);
        }
        tc->destroy_data_set(input);
        tc->destroy_action_info(info);
        return rc ? fail(tc, rc, "comgr", err) : good;
    }
    tc->destroy_action_info(info);
    return fail(tc, rc, "comgr", err);
}

/* ---- Both ---- */

static bool read_object(const toolchain *tc, comgr_handle data, const void *code, size_t size,
                        text *metadata, text *disassembly, text *err)
{
    char isa[ISA_MAX];
    size_t isa_size = 0;
    int rc = tc->set_data(data, size, code);
    if (!rc)
        rc = tc->set_data_name(data, "code_object");
    if (!rc)
        rc = tc->get_data_isa_name(data, &isa_size, NULL);
    if (!rc && isa_size > sizeof isa)
        rc = 1;
    if (!rc)
        rc = tc->get_data_isa_name(data, &isa_size, isa);
    if (rc)
        return fail(tc, rc,
                    "the code object's target cannot be read; it may be unknown to this ROCm", err);
    return print_metadata(tc, data, isa, metadata, err) &&
           (!disassembly || disassemble(tc, data, isa, disassembly, err));
}

bool inspect(const toolchain *tc, const void *code, size_t size, text *metadata, text *disassembly,
             text *err)
{
    comgr_handle data;
    if (!check_elf(code, size, err))
        return false;
    int rc = tc->create_data(COMGR_DATA_EXECUTABLE, &data);
    if (rc)
        return fail(tc, rc, "comgr", err);
    bool good = read_object(tc, data, code, size, metadata, disassembly, err);
    tc->release_data(data);
    if (good && (!text_ok(metadata) || (disassembly && !text_ok(disassembly)))) {
        text_print(err, "out of memory");
        good = false;
    }
    return good;
}
