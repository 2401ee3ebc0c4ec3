/* Kernel configuration -> HIP source. Pure: no I/O, no ROCm, deterministic, thread-safe. */
#ifndef AITER_GEN_H
#define AITER_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The arch table: facts of the hardware, once (gen/arch.c gives each number's source) ---- */

typedef enum gen_mfma { GEN_MFMA_NONE, GEN_MFMA_CDNA2, GEN_MFMA_CDNA3, GEN_MFMA_CDNA4 } gen_mfma;

/* Which E4M3 the conversion instructions mean: FNUZ (bias 8, no infinities, no -0) or OCP (bias 7). */
typedef enum gen_fp8 { GEN_FP8_NONE, GEN_FP8_FNUZ, GEN_FP8_OCP } gen_fp8;

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
    gen_fp8 fp8;                 /* what v_cvt_pk_f32_fp8 reads                                  */
    int direct_lds_bytes;        /* widest direct global-to-LDS load per lane: 4, 16, or 0       */
} gen_arch;

/* NULL if unknown. Target features after the name ("gfx942:sramecc+:xnack-") are ignored. */
const gen_arch *gen_arch_find(const char *name);
const gen_arch *gen_arch_at(size_t index);      /* NULL past the end */

/* ---- Configuration ---- */

typedef enum gen_op {
    GEN_FMHA_FWD,
    GEN_FMHA_DECODE,
    GEN_MERGE_STATES,
    GEN_MERGE_SPLITS,
    GEN_KV_APPEND, /* new keys and values into a cache */
    GEN_NUM_OPS
} gen_op;

typedef enum gen_dtype { GEN_FP16, GEN_BF16, GEN_FP32 } gen_dtype;
typedef enum gen_mask { GEN_MASK_NONE, GEN_MASK_CAUSAL } gen_mask;

/* Bounds of a sliding window that are in force; their values are kernel arguments. */
typedef enum gen_window {
    GEN_WINDOW_NONE = 0,
    GEN_WINDOW_LEFT = 1,
    GEN_WINDOW_RIGHT = 2,
    GEN_WINDOW_BOTH = GEN_WINDOW_LEFT | GEN_WINDOW_RIGHT
} gen_window;

/* How fp32 probabilities become bf16. */
typedef enum gen_rounding { GEN_ROUND_NEAREST, GEN_ROUND_TRUNCATE } gen_rounding;

/* Where the length of a sequence comes from, and where its rows are. */
typedef enum gen_seqlens {
    GEN_SEQ_FIXED,  /* every batch entry has the tensor's number of rows                            */
    GEN_SEQ_USED,   /* a batch entry has rows for the longest; a length for each                    */
    GEN_SEQ_CU,     /* packed: one tensor of rows; cu_seqlens says where each sequence starts       */
    GEN_SEQ_PACKED  /* packed: one tensor of rows; a length for each, start is the sum before       */
} gen_seqlens;

typedef enum gen_kv { GEN_KV_SAME, GEN_KV_FP8 } gen_kv;

/* Which elements of queries and new keys are rotated together: neighbours, or those that are half of
 * rotary_dim apart. */
typedef enum gen_rotary { GEN_ROTARY_NONE, GEN_ROTARY_INTERLEAVED, GEN_ROTARY_HALF } gen_rotary;

/* Plain data; every field behind the expressions is an int or an enumeration. Zero means "without" for
 * every field from `window` on. A field that the operation does not have (gen/fields.c) is its
 * default. */
typedef struct gen_config {
    gen_op op;
    const gen_arch *arch;
    const char *score_mod;       /* a gen_expression(): what a score becomes; NULL: none         */
    const char *mask_mod;        /* likewise: is the key visible?                                */
    gen_dtype dtype;
    int hdqk;                    /* head_dim of Q and K: multiple of 8, 8..256                   */
    int hdv;                     /* head_dim of V and the output: likewise                       */
    gen_mask mask;
    int gqa;                     /* query heads per KV head, >= 1                                */
    int lse;                     /* 1: write the log-sum-exp                                     */
    gen_window window;
    int softcap;                 /* scores s become cap * tanh(s / cap)                          */
    int alibi;                   /* scores get -slope * |distance to the diagonal|               */
    int sink;                    /* a logit for each head that has no value                      */
    int bias;                    /* scores get an element of a tensor                            */
    gen_rounding rounding;       /* of probabilities to bf16                                     */
    gen_seqlens seqlens_q;
    gen_seqlens seqlens_k;
    int block_size;              /* keys per block of a paged K and V, 0: not paged              */
    gen_kv kv;                   /* dtype of K and V: that of Q, or E4M3 with scales             */
    int append;                  /* lengths of keys are those before new ones were appended      */
    gen_rotary rotary;           /* of queries and new keys                                      */
    int rotary_dim;              /* leading elements that are rotated, 0 without                 */
    int rows;                    /* of decode: room for query heads of a group * query tokens    */
    int pack;                    /* a tile's rows are tokens times the query heads of a group    */
    int splits;                  /* long sequences' keys are cut into parts, merged afterwards   */
    int listed;                  /* of merge_splits: the parts are those of a forward kernel     */
    int block_mask;              /* rows and keys that an element of a block mask stands for     */
} gen_config;

enum { GEN_EXPRESSION_MAX = 1024, GEN_ERROR_MAX = 512, GEN_SYMBOL_MAX = 192 };
enum { GEN_TEXT_MAX = 512 + 2 * GEN_EXPRESSION_MAX };

/* An expression of the caller's as a configuration holds it: the process's one copy of it, so that
 * configurations stay plain data. It lives as long as the process, which can have 65536 of them.
 *
 * Printable ASCII but " ' \ and #, blanks, tabs and newlines, at most GEN_EXPRESSION_MAX bytes with the
 * last two counted twice; brackets that match, comments that end, no semicolon outside of braces: what
 * passes is one operand in brackets to the compiler, or an error there. `name`: what messages call
 * it. NULL: err says where it is wrong. Thread-safe; a lookup takes no lock. */
const char *gen_expression(const char *name, const char *text, char err[GEN_ERROR_MAX]);

/* Are the rows of all sequences in one tensor, one sequence after the other? */
static inline bool gen_seqlens_packed(gen_seqlens seqlens)
{
    return seqlens == GEN_SEQ_CU || seqlens == GEN_SEQ_PACKED;
}

/* The `rows` of the decode kernel that has room for so many query heads of a group * query tokens; 0: there
 * is none. */
static inline int gen_decode_rows(int64_t needed)
{
    return needed <= 16 ? 16 : needed <= 32 ? 32 : 0;
}

/* Sets fields to their default that cannot matter beside the others, so that equal problems have equal
 * configurations: a right bound behind a causal mask, bf16's rounding in another dtype, rotary_dim
 * without rotary, what the operation does not have. */
void gen_config_canonicalise(gen_config *config);

/* false: err names the field, its value and what is expected. */
bool gen_config_validate(const gen_config *config, char err[GEN_ERROR_MAX]);

bool gen_config_equal(const gen_config *a, const gen_config *b);
uint64_t gen_config_hash(const gen_config *config);

/* The first field that differs: its name, or NULL. */
const char *gen_config_difference(const gen_config *a, const gen_config *b);

/* The value of the field `name` as in the canonical text. */
void gen_config_value(const gen_config *config, const char *name, char out[GEN_TEXT_MAX]);

/* The same as a number; not for arch and expressions. */
int gen_config_number(const gen_config *config, const char *name);

/* Canonical text: operation, then name=value in a fixed order, single spaces; expressions are in double
 * quotes, with \n and \t for newlines and tabs. Its fields up to lse are always there, variants (window and what follows it) only if they are not off. What is not set or
 * unknown in an invalid configuration prints as "?". */
void gen_config_print(const gen_config *config, char out[GEN_TEXT_MAX]);

/* Accepts the canonical text, fields in any order, optional ones left out for their defaults (hdv:
 * hdqk if there is one, mask: none, gqa: 1, lse: 0, variants: off). The result is validated and canonical; on failure
 * *out is as it was. */
bool gen_config_parse(const char *text, gen_config *out, char err[GEN_ERROR_MAX]);

const char *gen_dtype_name(gen_dtype dtype);    /* "fp16", "bf16", "fp32"       */
const char *gen_mask_name(gen_mask mask);       /* "none", "causal"             */

/* ---- Kernel ---- */

/* Every argument that a forward kernel can have; which ones a kernel has, gen_kernel.args says. */
typedef struct gen_fmha_fwd_args {
#define X(type, name, needs, meaning) type name;
#include "gen/fmha_fwd_args.def"
#undef X
} gen_fmha_fwd_args;

typedef struct gen_merge_states_args {
#define X(type, name, needs, meaning) type name;
#include "gen/merge_states_args.def"
#undef X
} gen_merge_states_args;

/* The arguments of any operation's kernel. */
typedef union gen_args {
    gen_fmha_fwd_args fmha_fwd; /* also of decode, of merging its splits and of appending to a cache */
    gen_merge_states_args merge_states;
} gen_args;

/* One kernel argument: what --emit-code documents and what runtime packs. */
typedef struct gen_arg {
    const char *name;
    const char *type;            /* C type in the kernel's signature                             */
    uint32_t offset, size;       /* bytes in the kernarg segment                                 */
    uint32_t source;             /* offset in gen_args                                           */
    const char *meaning;
} gen_arg;

enum { GEN_MAX_ARGS = 96 };

/* Shape decisions derived from a configuration, and what a launcher must know. */
typedef struct gen_kernel {
    char symbol[GEN_SYMBOL_MAX]; /* name in the code object                                      */
    int block;                   /* threads per workgroup                                        */
    int tile_q, tile_k;          /* query rows and keys per workgroup and step                   */
    int hdqk_pad, hdv_pad;       /* head_dims rounded up to what the tile computes               */
    int lds_bytes;               /* static LDS; sizes that an operation does not have are 0      */
    int waves_per_simd;          /* at least so many waves find registers on a SIMD              */
    const char *grid_rule;       /* "grid_x = ceil(seqlen_q / tile_q) * num_heads * batch, ..."  */
    gen_arg args[GEN_MAX_ARGS];
    size_t num_args;
    size_t num_common_args;      /* the first ones, which every kernel has                       */
    uint32_t kernarg_bytes;      /* end of the last argument                                     */
} gen_kernel;

/* The configuration must be valid and canonical. */
void gen_kernel_describe(const gen_config *config, gen_kernel *out);

/* Three of its numbers alone: on the way of launches whose keys may be split. */
void gen_kernel_tile(const gen_config *config, int *tile_q, int *tile_k, int *waves_per_simd);

/* Lays the kernel's arguments out, `args` being its operation's structure of them:
 * kernel->kernarg_bytes bytes, at most sizeof(gen_args). */
void gen_kernel_pack(const gen_kernel *kernel, const void *args, void *kernarg);

/* The complete translation unit, NUL-terminated, heap (free()); NULL: out of memory. */
char *gen_render(const gen_config *config);

/* hiprtc options for the configuration, one per line, including --offload-arch=. Static storage. */
const char *gen_options(const gen_config *config);

/* Digest (64 hex digits) over the generator's version and every embedded template. */
const char *gen_digest(void);

#endif
