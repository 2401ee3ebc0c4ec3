/* Code objects as bytes: finding one in an image, checking it, and what a loader needs of it. Pure:
 * every field is checked against the size before it is used, so any input is safe. */
#ifndef SIM_CODE_OBJECT_H
#define SIM_CODE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/hip_abi.h"
#include "sim/device.h"

enum { SIM_ERROR_MAX = 512 };

/* Copies an image whose size the caller does not know (hipModuleLoadData gets a pointer only): the
 * headers say how far it goes. Memory that cannot be read is an error, not a crash. The copy is on
 * the heap. */
hip_error sim_image_copy(const void *image, uint8_t **copy, size_t *size,
                         char error[SIM_ERROR_MAX]);

/* The ELF in `image` for a device: the image itself, or the matching entry of an uncompressed clang
 * offload bundle. HIP_ERROR_INVALID_IMAGE: neither; HIP_ERROR_NO_BINARY_FOR_GPU: nothing for this
 * device. */
hip_error sim_image_select(const uint8_t *image, size_t size, const sim_device_info *device,
                           const uint8_t **elf, size_t *elf_size, char error[SIM_ERROR_MAX]);

typedef struct sim_segment {
    uint64_t address, memory_size; /* ELF virtual address */
    const uint8_t *data;
    uint64_t data_size;
    bool writable;
} sim_segment;

typedef struct sim_relocation {
    uint64_t address; /* where a 64-bit word is written: load bias + value */
    uint64_t value;
} sim_relocation;

typedef struct sim_symbol {
    const char *name; /* in the image */
    uint64_t address, size;
} sim_symbol;

enum { SIM_DESCRIPTOR_SIZE = 64 };

typedef struct sim_code_object {
    size_t num_segments, num_relocations, num_symbols;
    sim_segment *segments;       /* sorted, not overlapping                                   */
    sim_relocation *relocations; /* each inside a segment                                     */
    sim_symbol *symbols;         /* defined data symbols, each inside a segment; kernel NAME
                                    is NAME.kd, its descriptor of SIM_DESCRIPTOR_SIZE bytes   */
    uint64_t span;               /* end of the last segment                                   */
} sim_code_object;

/* `elf` must stay valid as long as the result, which sim_code_object_free() releases (also after an
 * error). */
hip_error sim_code_object_parse(sim_code_object *out, const uint8_t *elf, size_t size,
                                const sim_device_info *device, char error[SIM_ERROR_MAX]);
void sim_code_object_free(sim_code_object *object);

/* File bytes at a virtual address, NULL if they are not all in one segment's data. */
const uint8_t *sim_code_object_at(const sim_code_object *object, uint64_t address, uint64_t size);

/* What the launcher and the occupancy query need of a descriptor. Layout: LLVM's AMDGPU usage
 * guide, "Kernel Descriptor". */
typedef struct sim_descriptor {
    uint32_t group_bytes, private_bytes, kernarg_bytes;
    uint32_t rsrc1, rsrc3;
} sim_descriptor;
void sim_descriptor_read(const uint8_t bytes[SIM_DESCRIPTOR_SIZE], sim_descriptor *out);

/* Vector registers per lane that a wave of this kernel occupies (VGPRs and AGPRs together on gfx90a
 * and later). */
unsigned sim_descriptor_vgprs(const sim_descriptor *descriptor);

#endif
