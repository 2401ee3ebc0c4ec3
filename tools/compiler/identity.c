#include "tools/compiler/identity.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIBRARIES = 16 };

typedef struct lines { text line[MAX_LIBRARIES]; int count; } lines;

/* comgr may contain LLVM and clang, or be linked with theirs. */
static const struct { const char *file, *name; } known[] = {
    {"libhiprtc.so", "hiprtc"},   {"libhiprtc-builtins.so", "hiprtc-builtins"},
    {"libamd_comgr.so", "comgr"}, {"libLLVM", "LLVM"},
    {"libclang-cpp", "clang"},    {"liblld", "lld"},
};

static const char *known_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(file, known[i].file, strlen(known[i].file)) == 0)
            return known[i].name;
    }
    return NULL;
}

/* Appends the build id found in a note segment; note layout: ELF specification, chapter "Note
 * Section". */
static bool print_build_id(const uint8_t *notes, size_t size, text *out)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, notes, sizeof note);
        size_t name = (note.n_namesz + 3u) & ~(size_t)3,
               length = sizeof note + name + ((note.n_descsz + 3u) & ~(size_t)3);
        if (length > size)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + sizeof note, "GNU", 4) == 0) {
            for (uint32_t i = 0; i < note.n_descsz; i++)
                text_print(out, "%02x", notes[sizeof note + name + i]);
            return true;
        }
        notes += length;
        size -= length;
    }
    return false;
}

/* For a library without a build id: size and FNV-1a of the file. */
static void print_digest(const char *path, text *out)
{
    unsigned char buffer[65536];
    uint64_t hash = 0xcbf29ce484222325u, size = 0;
    size_t n;
    FILE *file = fopen(path, "rbe");
    while (file && (n = fread(buffer, 1, sizeof buffer, file)) > 0) {
        for (size_t i = 0; i < n; i++)
            hash = (hash ^ buffer[i]) * 0x100000001b3u;
        size += n;
    }
    if (file)
        fclose(file);
    text_print(out, "fnv1a-%016llx-%llu", (unsigned long long)hash, (unsigned long long)size);
}

static void print_path(const char *path, text *out)
{
    for (; *path; path++)
        text_append(out, (unsigned char)*path > ' ' ? path : "?", 1);
    text_append(out, "\n", 1);
}

static int visit(struct dl_phdr_info *info, size_t size, void *user)
{
    lines *l = user;
    (void)size;
    const char *name = known_name(info->dlpi_name);
    if (!name || l->count == MAX_LIBRARIES)
        return 0;
    text *line = &l->line[l->count++];
    text_print(line, "%s ", name);
    bool found = false;
    for (int i = 0; i < info->dlpi_phnum && !found; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE)
            found = print_build_id((const uint8_t *)(info->dlpi_addr + segment->p_vaddr),
                                   segment->p_memsz, line);
    }
    if (!found)
        print_digest(info->dlpi_name, line);
    text_append(line, " ", 1);
    print_path(info->dlpi_name, line);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(text_get(a), text_get(b));
}

void identity_print(text *out)
{
    lines l = {0};
    dl_iterate_phdr(visit, &l);
    qsort(l.line, (size_t)l.count, sizeof *l.line, by_text);
    for (int i = 0; i < l.count; i++) {
        text_append(out, l.line[i].data, l.line[i].size);
        out->failed |= l.line[i].failed;
        text_free(&l.line[i]);
    }
}
