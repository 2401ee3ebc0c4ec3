/* Kernel configuration -> HIP source. Pure: no I/O, no ROCm, deterministic, thread-safe. */
#ifndef AITER_GEN_H
#define AITER_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The arch table: facts of the hardware, once (gen/arch.c gives each number's source) ---- */

typedef enum gen_mfma { GEN_MFMA_NONE, GEN_MFMA_CDNA2, GEN_MFMA_CDNA3, GEN_MFMA_CDNA4 } gen_mfma;

typedef struct gen_arch {
    const char *name;            /* "gfx942"                                                     */
    const char *options;         /* hiprtc's, as gen_options() gives them                        */
    const char *product;         /* "MI300A, MI300X, MI325X"                                     */
    gen_mfma mfma;               /* generation of matrix instructions                            */
    int wave_size;               /* lanes per wave that kernels here are compiled for            */
    int num_cus;                 /* compute units of the largest product                         */
    int num_xcds;                /* dies that workgroups are dealt to in turn                    */
    int lds_bytes;               /* per workgroup at most                                        */
    int vgprs;                   /* per lane and SIMD, unified VGPR + AGPR                       */
    bool ds_read_tr;             /* transposing LDS reads (gfx950)                               */
    bool cvt_pk_bf16;            /* v_cvt_pk_bf16_f32 (gfx950)                                   */
    int direct_lds_bytes;        /* widest direct global-to-LDS load per lane: 4, 16, or 0       */
} gen_arch;

/* NULL if unknown. Target features after the name ("gfx942:sramecc+:xnack-") are ignored. */
const gen_arch *gen_arch_find(const char *name);
const gen_arch *gen_arch_at(size_t index);      /* NULL past the end */

/* ---- Configuration ---- */

typedef enum gen_dtype { GEN_FP16, GEN_BF16, GEN_FP32 } gen_dtype;
typedef enum gen_mask { GEN_MASK_NONE, GEN_MASK_CAUSAL } gen_mask;
typedef enum gen_op { GEN_FMHA_FWD } gen_op;

typedef struct gen_config {
    gen_op op;
    const gen_arch *arch;
    gen_dtype dtype;
    int hdqk;                    /* head_dim of Q and K: multiple of 8, 8..256                   */
    int hdv;                     /* head_dim of V and the output: likewise                       */
    gen_mask mask;
    int gqa;                     /* query heads per KV head, >= 1                                */
    bool lse;                    /* write the log-sum-exp                                        */
} gen_config;

enum { GEN_TEXT_MAX = 256, GEN_ERROR_MAX = 512, GEN_SYMBOL_MAX = 128 };

/* false: err names the field, its value and what is expected. */
bool gen_config_validate(const gen_config *config, char err[GEN_ERROR_MAX]);

/* Canonical text: operation, then every field as name=value in a fixed order, single spaces. What is
 * not set or unknown in an invalid configuration prints as "?". */
void gen_config_print(const gen_config *config, char out[GEN_TEXT_MAX]);

/* Accepts the canonical text, fields in any order, optional ones (hdv, mask, gqa, lse) left out for
 * their defaults (hdqk, none, 1, 0). The result is validated; on failure *out is as it was. */
bool gen_config_parse(const char *text, gen_config *out, char err[GEN_ERROR_MAX]);

const char *gen_dtype_name(gen_dtype dtype);    /* "fp16", "bf16", "fp32"       */
const char *gen_mask_name(gen_mask mask);       /* "none", "causal"             */

/* ---- Kernel ---- */

/* One kernel argument: what --emit-code documents and what runtime packs. */
typedef struct gen_arg {
    const char *name;
    const char *type;            /* C type in the kernel's signature                             */
    uint32_t offset, size;       /* bytes in the kernarg segment                                 */
    const char *meaning;
} gen_arg;

/* Shape decisions derived from a configuration, and what a launcher must know. */
typedef struct gen_kernel {
    char symbol[GEN_SYMBOL_MAX]; /* name in the code object                                      */
    int block;                   /* threads per workgroup                                        */
    int tile_q, tile_k;          /* query rows and keys per workgroup and step                   */
    int hdqk_pad, hdv_pad;       /* head_dims rounded up to what the tile computes               */
    int lds_bytes;               /* static LDS                                                   */
    int waves_per_simd;          /* at least so many waves find registers on a SIMD              */
    const char *grid_rule;       /* "grid_x = ceil(seqlen_q / tile_q) * num_heads * batch, ..."  */
    const gen_arg *args;
    size_t num_args;
    uint32_t kernarg_bytes;      /* end of the last argument                                     */
} gen_kernel;

/* The configuration must be valid. */
void gen_kernel_describe(const gen_config *config, gen_kernel *out);

/* The complete translation unit, NUL-terminated, heap (free()); NULL: out of memory. */
char *gen_render(const gen_config *config);

/* hiprtc options for the configuration, one per line, including --offload-arch=. Static storage. */
const char *gen_options(const gen_config *config);

/* Digest (64 hex digits) over the generator's version and every embedded template. */
const char *gen_digest(void);

#endif
