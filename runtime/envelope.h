/* The value stored for one kernel: its code object and the compiler's metadata text, in one block
 * of bytes.
 *
 *   offset  0  "AITERKRN"            magic
 *           8  u32 version           RT_ENVELOPE_VERSION
 *          12  u32 metadata_size     bytes, without a NUL
 *          16  u64 code_size
 *          24  u64 0                 so that the code object keeps malloc's alignment of 16
 *          32  code object, then metadata text
 *
 * Integers are little-endian, as every host of an AMD GPU is. */
#ifndef AITER_RUNTIME_ENVELOPE_H
#define AITER_RUNTIME_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "gen/gen.h"

enum { RT_ENVELOPE_VERSION = 1 };

/* What the metadata says of the kernel. */
typedef struct rt_code_facts {
    int vgprs, agprs, sgprs, vgpr_spills, sgpr_spills;
    int lds_bytes, scratch_bytes;
} rt_code_facts;

/* A code object and its facts. `image` points into `block`. */
typedef struct rt_code {
    void *block; /* heap: the envelope                                   */
    size_t block_size;
    const void *image;
    size_t image_size;
    rt_code_facts facts;
} rt_code;

void rt_code_free(rt_code *code);

/* A heap block, NULL: out of memory or beyond the format's limits. */
void *rt_envelope_make(const void *image, size_t image_size, const char *metadata,
                       size_t metadata_size, size_t *block_size);

/* Takes `block` over and checks it against what the configuration's kernel must be. On false, `why`
 * (of GEN_ERROR_MAX bytes) says what is wrong and the block has been freed. */
bool rt_envelope_open(void *block, size_t block_size, const gen_kernel *kernel, rt_code *out,
                      char *why);

#endif
