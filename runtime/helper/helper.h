/* Client of the compiler helper process, aiter-compiler: a pool of helpers behind sockets.
 *
 * Stands alone: no other room is included, so that the simulator can use it too. The protocol is in frame.h.
 * Thread-safe: concurrent calls use different helper processes, at most `jobs` of them; further calls wait.
 * A forked child may go on using a pool: it gets helpers of its own, and destroys its copy of the pool itself. */
#ifndef AITER_HELPER_H
#define AITER_HELPER_H

#include <stddef.h>
#include <stdint.h>

typedef enum helper_status {
    HELPER_OK = 0,
    HELPER_MISSING,       /* the program or its ROCm libraries cannot be found or started, or there is
                             no usable folder for the compiler's temporary files                  */
    HELPER_REJECTED,      /* the helper answered with an error: compile error, bad code object, bad
                             option; or the request is larger than 256 MiB                        */
    HELPER_DIED,          /* crash, unexpected end, garbage or oversize frame                     */
    HELPER_TIMEOUT,       /* deadline passed; the process was killed                              */
    HELPER_NO_MEMORY
} helper_status;

typedef struct helper_pool helper_pool;

/* program: path of aiter-compiler; NULL: $AITER_COMPILER, else beside / relative to the calling library
 * (dladdr: ../libexec/aiter/, the build tree), else the path configured at build time. No process is started
 * here. jobs <= 0: online processors. */
helper_status helper_pool_create(helper_pool **out, const char *program, int jobs, int timeout_ms);
void helper_pool_destroy(helper_pool *pool);

/* The path that would be started; owned by the pool. */
const char *helper_pool_program(const helper_pool *pool);

/* Heap blob owned by the caller; data is NUL-terminated one past size. */
typedef struct helper_blob { char *data; size_t size; } helper_blob;
void helper_blob_free(helper_blob *blob);

/* Every call: an output that is not wanted may be NULL. On failure the outputs are empty but for `log`, which receives a
 * message: for HELPER_REJECTED the compiler's log, for HELPER_DIED/TIMEOUT how the process ended and the tail of its
 * stderr. On success of compile it receives warnings (may be empty). The caller frees it. */

/* Toolchain identity: text lines "NAME BUILDID-OR-DIGEST PATH" for hiprtc, hiprtc-builtins, comgr, LLVM as actually
 * loaded, sorted by name. */
helper_status helper_identify(helper_pool *pool, helper_blob *identity, helper_blob *log);

/* source: HIP C++, one translation unit; name: constant program name; options: one per line ('\n'-separated),
 * including --offload-arch. Returns the code object (ELF), its metadata text (below) and the identity text of the
 * toolchain that made it. */
helper_status helper_compile(helper_pool *pool, const char *name, const char *source, const char *options,
                             helper_blob *code, helper_blob *metadata, helper_blob *identity, helper_blob *log);

/* Metadata and, if disassembly is not NULL, the disassembly text of a code object. The disassembly is LLVM's
 * (comgr, DISASSEMBLE_EXECUTABLE_TO_SOURCE): labels, one instruction a line, "// ADDRESS: ENCODING" comments. */
helper_status helper_inspect(helper_pool *pool, const void *code, size_t size, helper_blob *metadata,
                             helper_blob *disassembly, helper_blob *log);

/* Metadata text, one block per kernel, e.g.
 *
 *   target amdgcn-amd-amdhsa--gfx942
 *   kernel fmha_fwd
 *   kernarg_segment_size 184
 *   kernarg_segment_align 8
 *   group_segment_fixed_size 32768
 *   private_segment_fixed_size 0
 *   uses_dynamic_stack 0
 *   sgpr_count 52
 *   vgpr_count 120
 *   agpr_count 0
 *   sgpr_spill_count 0
 *   vgpr_spill_count 0
 *   max_flat_workgroup_size 256
 *   wavefront_size 64
 *   arg 0 8 global_buffer q
 *   arg 8 4 by_value n
 *   arg 16 4 hidden_block_count_x -
 *   end
 */
typedef struct helper_kernel_arg { uint32_t offset, size; char kind[40]; char name[64]; } helper_kernel_arg;
typedef struct helper_kernel {
    char name[256];
    uint32_t kernarg_segment_size, kernarg_segment_align, group_segment_fixed_size, private_segment_fixed_size;
    uint32_t sgpr_count, vgpr_count, agpr_count, sgpr_spill_count, vgpr_spill_count;
    uint32_t max_flat_workgroup_size, wavefront_size;
    size_t num_args;
    helper_kernel_arg *args;
} helper_kernel;

/* Parses metadata text. Returns the number of kernels, or -1 if the text is malformed or memory is short; *out is
 * one allocation chain released with helper_kernels_free(). */
int helper_metadata_parse(const char *text, helper_kernel **out);
void helper_kernels_free(helper_kernel *kernels, int count);

#endif
