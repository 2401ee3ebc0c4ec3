#include "runtime/buildid.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SEGMENTS = 256, MAX_NOTE_BYTES = 1 << 16 };

static bool read_at(int fd, void *out, size_t size, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

static void print_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static size_t padded(uint32_t size)
{
    return ((size_t)size + 3) & ~(size_t)3;
}

/* Notes are header, name, description, the latter two padded to 4 bytes (gABI, "Note Section"). */
static bool find_in_notes(const unsigned char *notes, size_t size, char out[RT_BUILD_ID_MAX])
{
    size_t at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note, desc = name + padded(note.n_namesz);
        if (desc > size || note.n_descsz > size - desc)
            return false;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= (RT_BUILD_ID_MAX - 1) / 2) {
            print_hex(notes + desc, note.n_descsz, out);
            return true;
        }
        at = desc + padded(note.n_descsz);
        if (at > size)
            return false;
    }
    return false;
}

static bool find_in_segment(int fd, const Elf64_Phdr *segment, char out[RT_BUILD_ID_MAX])
{
    if (segment->p_type != PT_NOTE || segment->p_filesz > MAX_NOTE_BYTES)
        return false;
    unsigned char *notes = malloc(segment->p_filesz + 1);
    bool found = notes && read_at(fd, notes, segment->p_filesz, segment->p_offset) &&
                 find_in_notes(notes, segment->p_filesz, out);
    free(notes);
    return found;
}

static bool find_in_file(int fd, char out[RT_BUILD_ID_MAX])
{
    Elf64_Ehdr header;
    if (!read_at(fd, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > MAX_SEGMENTS)
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (!read_at(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
            return false;
        if (find_in_segment(fd, &segment, out))
            return true;
    }
    return false;
}

bool rt_build_id(const char *path, char out[RT_BUILD_ID_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool found = find_in_file(fd, out);
    close(fd);
    return found;
}
