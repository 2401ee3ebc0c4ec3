/* Images: ELF files and offload bundles of unknown size. Bundle format: clang's "Clang Offload
 * Bundler". */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/code_object.h"

static const char bundle_magic[] = "__CLANG_OFFLOAD_BUNDLE__";
enum { BUNDLE_MAGIC_SIZE = 24, MAX_BUNDLE_ENTRIES = 1024, MAX_ENTRY_NAME = 512 };
#define MAX_IMAGE ((uint64_t)1 << 30)

static bool extend(uint64_t *end, uint64_t offset, uint64_t size)
{
    if (offset > MAX_IMAGE || size > MAX_IMAGE || offset + size > MAX_IMAGE)
        return false;
    if (*end < offset + size)
        *end = offset + size;
    return true;
}

/* Reads this process's own memory through the kernel, which answers EFAULT where a load would
 * crash. */
static bool read_memory(const void *from, uint64_t offset, void *to, size_t size)
{
    struct iovec local = {to, size}, remote = {(char *)(uintptr_t)from + offset, size};
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got < 0 && (errno == ENOSYS || errno == EPERM)) {
        memcpy(to, (const char *)from + offset, size); /* a sandbox without the call */
        return true;
    }
    return got >= 0 && (size_t)got == size;
}

static bool elf_extent(const void *image, uint64_t *end)
{
    Elf64_Ehdr eh;
    if (!read_memory(image, 0, &eh, sizeof eh) || !extend(end, 0, sizeof eh))
        return false;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        uint64_t offset = eh.e_phoff + (uint64_t)i * sizeof ph;
        if (!extend(end, offset, sizeof ph) || !read_memory(image, offset, &ph, sizeof ph) ||
            !extend(end, ph.p_offset, ph.p_filesz))
            return false;
    }
    for (unsigned i = 0; i < eh.e_shnum; i++) {
        Elf64_Shdr sh;
        uint64_t offset = eh.e_shoff + (uint64_t)i * sizeof sh;
        if (!extend(end, offset, sizeof sh) || !read_memory(image, offset, &sh, sizeof sh) ||
            (sh.sh_type != SHT_NOBITS && !extend(end, sh.sh_offset, sh.sh_size)))
            return false;
    }
    return true;
}

typedef struct bundle_entry {
    uint64_t offset, size, name_size;
} bundle_entry;

static bool bundle_extent(const void *image, uint64_t *end)
{
    uint64_t count, offset = BUNDLE_MAGIC_SIZE + sizeof count;
    if (!read_memory(image, BUNDLE_MAGIC_SIZE, &count, sizeof count) || count > MAX_BUNDLE_ENTRIES)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        bundle_entry e;
        if (!read_memory(image, offset, &e, sizeof e) || e.name_size > MAX_ENTRY_NAME)
            return false;
        offset += sizeof e + e.name_size;
        if (!extend(end, e.offset, e.size))
            return false;
    }
    return extend(end, 0, offset);
}

hip_error sim_image_copy(const void *image, uint8_t **copy, size_t *size, char error[SIM_ERROR_MAX])
{
    char magic[BUNDLE_MAGIC_SIZE];
    uint64_t end = 0;
    *copy = NULL;
    if (!read_memory(image, 0, magic, 4) ||
        (memcmp(magic, ELFMAG, SELFMAG) && !read_memory(image, 0, magic, sizeof magic))) {
        snprintf(error, SIM_ERROR_MAX, "image at %p: not readable", image);
        return HIP_ERROR_INVALID_IMAGE;
    }
    bool elf = !memcmp(magic, ELFMAG, SELFMAG);
    if (!elf && memcmp(magic, bundle_magic, sizeof magic)) {
        snprintf(error, SIM_ERROR_MAX,
                 "image at %p: neither an ELF file nor an uncompressed offload bundle", image);
        return HIP_ERROR_INVALID_IMAGE;
    }
    if (!(elf ? elf_extent(image, &end) : bundle_extent(image, &end))) {
        snprintf(error, SIM_ERROR_MAX, "image at %p: its headers point outside readable memory",
                 image);
        return HIP_ERROR_INVALID_IMAGE;
    }
    uint8_t *bytes = malloc(end);
    if (!bytes)
        return HIP_ERROR_OUT_OF_MEMORY;
    if (!read_memory(image, 0, bytes, end)) {
        free(bytes);
        snprintf(error, SIM_ERROR_MAX, "image at %p: %llu bytes expected, not all readable", image,
                 (unsigned long long)end);
        return HIP_ERROR_INVALID_IMAGE;
    }
    *copy = bytes;
    *size = end;
    return HIP_SUCCESS;
}

/* "gfx942" and "gfx942:xnack-" run on "gfx942:sramecc+:xnack-": every feature that the entry names
 * must be the device's. */
static bool target_matches(const char *target, size_t length, const char *arch,
                           const char *device_target)
{
    size_t name = 0;
    while (name < length && target[name] != ':')
        name++;
    if (name != strlen(arch) || memcmp(target, arch, name))
        return false;
    while (name < length) {
        size_t end = name + 1;
        while (end < length && target[end] != ':')
            end++;
        char feature[64];
        if (end - name >= sizeof feature)
            return false;
        memcpy(feature, target + name, end - name);
        feature[end - name] = 0;
        if (!strstr(device_target, feature))
            return false;
        name = end;
    }
    return true;
}

/* Entry names are KIND-TRIPLE-TARGET with KIND hip or hipv4, e.g.
 * "hipv4-amdgcn-amd-amdhsa--gfx942:xnack-"; the triple has an empty environment, hence the two
 * dashes. */
static bool entry_matches(const char *name, size_t length, const sim_device_info *device)
{
    static const char *const prefixes[] = {"hipv4-amdgcn-amd-amdhsa--", "hip-amdgcn-amd-amdhsa--"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t skip = strlen(prefixes[i]);
        if (length <= skip || memcmp(name, prefixes[i], skip))
            continue;
        if (target_matches(name + skip, length - skip, device->arch, device->target))
            return true;
        if (device->generic_target &&
            target_matches(name + skip, length - skip, device->generic_target, device->target))
            return true;
    }
    return false;
}

static hip_error bundle_select(const uint8_t *image, size_t size, const sim_device_info *device,
                               const uint8_t **elf, size_t *elf_size, char error[SIM_ERROR_MAX])
{
    uint64_t count = 0, offset = BUNDLE_MAGIC_SIZE + sizeof count;
    if (offset <= size)
        memcpy(&count, image + BUNDLE_MAGIC_SIZE, sizeof count);
    for (uint64_t i = 0; i < count; i++) {
        bundle_entry e;
        if (size - offset < sizeof e)
            goto damaged;
        memcpy(&e, image + offset, sizeof e);
        offset += sizeof e;
        if (e.name_size > size - offset || e.offset > size || e.size > size - e.offset)
            goto damaged;
        if (entry_matches((const char *)image + offset, e.name_size, device)) {
            *elf = image + e.offset;
            *elf_size = e.size;
            return HIP_SUCCESS;
        }
        offset += e.name_size;
    }
    if (offset > size)
        goto damaged;
    snprintf(error, SIM_ERROR_MAX, "offload bundle of %llu entries: none for %s",
             (unsigned long long)count, device->target);
    return HIP_ERROR_NO_BINARY_FOR_GPU;
damaged:
    snprintf(error, SIM_ERROR_MAX, "offload bundle of %zu bytes is cut off or damaged", size);
    return HIP_ERROR_INVALID_IMAGE;
}

hip_error sim_image_select(const uint8_t *image, size_t size, const sim_device_info *device,
                           const uint8_t **elf, size_t *elf_size, char error[SIM_ERROR_MAX])
{
    if (size >= SELFMAG && !memcmp(image, ELFMAG, SELFMAG)) {
        *elf = image;
        *elf_size = size;
        return HIP_SUCCESS;
    }
    if (size >= BUNDLE_MAGIC_SIZE && !memcmp(image, bundle_magic, BUNDLE_MAGIC_SIZE))
        return bundle_select(image, size, device, elf, elf_size, error);
    snprintf(error, SIM_ERROR_MAX,
             "image of %zu bytes: neither an ELF file nor an uncompressed offload bundle", size);
    return HIP_ERROR_INVALID_IMAGE;
}
