/* libaiter: attention kernels for AMD GPUs, generated, compiled and cached at first use.
 *
 * Conventions
 *   - Tensors are DLPack DLTensors: shape, strides in elements (NULL means contiguous), dtype, device
 *     (kDLROCM), data + byte_offset. The library never copies, transposes or keeps a tensor.
 *   - Argument structures start with their size; set it with the *_INIT macro or by hand. Every other field
 *     left zero means "the default".
 *   - Every function that can fail returns an aiter_status. aiter_last_error() then has the details for the
 *     calling thread: the field, its value and what was expected.
 *   - A context is thread-safe; so is a plan. Several threads may prepare and launch at the same time.
 *     A process that was forked must not use its parent's contexts, plans or warmers, not even to destroy them.
 *   - Nothing here prints, exits, aborts, installs signal handlers or touches the locale.
 */
#ifndef AITER_H
#define AITER_H

#include <stddef.h>
#include <stdint.h>

#include <dlpack/dlpack.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AITER_API __attribute__((visibility("default")))
#else
#define AITER_API
#endif

#define AITER_VERSION_MAJOR 0
#define AITER_VERSION_MINOR 1
#define AITER_VERSION_PATCH 0

/* "0.1.0". Static storage. Thread-safe, cannot fail. */
AITER_API const char *aiter_version(void);

/* ---- Errors --------------------------------------------------------------------------------------------- */

typedef enum aiter_status {
    AITER_OK = 0,
    AITER_ERROR_INVALID_ARGUMENT = 1,  /* a field has a value that no configuration could accept          */
    AITER_ERROR_UNSUPPORTED = 2,       /* a valid request that this version or this arch cannot serve      */
    AITER_ERROR_OUT_OF_MEMORY = 3,     /* host memory                                                      */
    AITER_ERROR_HIP_MISSING = 4,       /* no HIP runtime library could be loaded                           */
    AITER_ERROR_HIP = 5,               /* a HIP call failed; the message has its name and code             */
    AITER_ERROR_COMPILER_MISSING = 6,  /* no aiter-compiler, or it found no usable hiprtc/comgr            */
    AITER_ERROR_COMPILE_FAILED = 7,    /* the compiler rejected the source; the message has its log        */
    AITER_ERROR_COMPILER_DIED = 8,     /* the compiler process crashed or spoke garbage; log tail attached */
    AITER_ERROR_COMPILER_TIMEOUT = 9,  /* the compiler missed its deadline and was killed                  */
    AITER_ERROR_CACHE = 10,            /* only from explicit cache operations: never fails an attention call */
    AITER_ERROR_INTERNAL = 11          /* a bug in libaiter                                                */
} aiter_status;

/* "AITER_ERROR_HIP: a HIP call failed". Static storage; any value is accepted. Thread-safe. */
AITER_API const char *aiter_status_string(aiter_status status);

/* The detail message of the last call on this thread that did not return AITER_OK; "" before any failure.
 * Owned by the library, valid until the next aiter_* call on this thread that fails. */
AITER_API const char *aiter_last_error(void);

/* ---- Context -------------------------------------------------------------------------------------------- */

typedef struct aiter_context aiter_context;

typedef enum aiter_log_level {
    AITER_LOG_ERROR = 0,
    AITER_LOG_WARNING = 1,
    AITER_LOG_INFO = 2,
    AITER_LOG_DEBUG = 3
} aiter_log_level;

/* Called from whichever thread does the work, possibly from several at once. `message` lives for the call. */
typedef void (*aiter_log_fn)(void *user, aiter_log_level level, const char *message);

typedef struct aiter_context_options {
    size_t size;                 /* sizeof(aiter_context_options)                                              */
    int device;                  /* HIP device ordinal, default 0                                              */
    const char *hip_runtime;     /* library to load; NULL: $AITER_HIP_RUNTIME, else libamdhip64.so.{7,6,}      */
    const char *cache_dir;       /* NULL: $AITER_CACHE_DIR, else $XDG_CACHE_HOME/aiter, else ~/.cache/aiter    */
    int no_cache;                /* 1: keep compiled code in memory only                                       */
    const char *compiler;        /* aiter-compiler; NULL: $AITER_COMPILER, else the installed one              */
    int compile_jobs;            /* compiler processes at most, default: online processors                     */
    int compile_timeout_ms;      /* deadline of one compile, default 120000                                    */
    aiter_log_fn log;            /* NULL: silent                                                               */
    void *log_user;
} aiter_context_options;

#define AITER_CONTEXT_OPTIONS_INIT \
    { sizeof(aiter_context_options), 0, NULL, NULL, 0, NULL, 0, 0, NULL, NULL }

/* Creates a context for one device. `options` may be NULL. Loads the HIP runtime (once per path per process)
 * and opens the cache; a cache that cannot be used costs one warning and falls back to memory.
 * Errors: INVALID_ARGUMENT, HIP_MISSING, HIP, UNSUPPORTED (the device's arch), OUT_OF_MEMORY.
 * The caller owns *out and releases it with aiter_context_destroy(). */
AITER_API aiter_status aiter_context_create(aiter_context **out, const aiter_context_options *options);

/* Releases the context, its plans' kernels and its compiler processes. No other call may be using the context
 * or one of its plans, and work that was launched through it must have finished. NULL is allowed. */
AITER_API void aiter_context_destroy(aiter_context *ctx);

/* The device's architecture, e.g. "gfx942". Owned by the context. */
AITER_API const char *aiter_context_arch(const aiter_context *ctx);

typedef struct aiter_stats {
    size_t size;                 /* sizeof(aiter_stats), set by the caller                    */
    uint64_t table_hits;         /* kernel was already loaded in this context                 */
    uint64_t cache_hits;         /* code object came from the disk cache                      */
    uint64_t compiles;           /* code objects compiled                                     */
    uint64_t compile_failures;
    uint64_t store_failures;     /* the cache refused a compiled code object                  */
    uint64_t compile_ns;         /* wall time spent in compiles, summed                       */
    uint64_t launches;
} aiter_stats;

/* Counters since the context was created. Thread-safe. */
AITER_API aiter_status aiter_context_stats(const aiter_context *ctx, aiter_stats *out);

/* ---- Operations ----------------------------------------------------------------------------------------- */

/* Arguments of the dense forward operations.
 *
 *   q    (batch, seqlen_q, heads,    head_dim)       fp16, bf16 or fp32
 *   k    (batch, seqlen_k, heads_kv, head_dim)       q's dtype
 *   v    (batch, seqlen_k, heads_kv, head_dim_v)     q's dtype
 *   out  (batch, seqlen_q, heads,    head_dim_v)     q's dtype, written
 *   lse  (batch, heads, seqlen_q)                    fp32, written; NULL: not computed
 *
 * The last dimension of every tensor is contiguous; all other strides are free (rows are less than 2^23 elements
 * apart; no dimension is larger than 2^30; out and lse overlap nothing). Data pointers are aligned to
 * 16 bytes and, for q, k, v and out, so is every stride in bytes. head_dim and head_dim_v: multiples of 8 from
 * 8 to 256. heads is a multiple of heads_kv; query head h reads KV head h / (heads / heads_kv).
 * out = softmax(softmax_scale * q k^T) v, accumulated in fp32. With `causal`, query i sees key j if
 * j <= i + seqlen_k - seqlen_q. A row that sees no key gives out = 0 and lse = -inf. lse is the natural
 * logarithm of the sum of exponentials of the scaled scores. */
typedef struct aiter_attn_args {
    size_t size;                 /* sizeof(aiter_attn_args)                                   */
    const DLTensor *q;
    const DLTensor *k;
    const DLTensor *v;
    const DLTensor *out;
    const DLTensor *lse;         /* optional                                                  */
    float softmax_scale;         /* 0: 1/sqrt(head_dim)                                       */
    int causal;                  /* 0 or 1                                                    */
    int num_groups;              /* aiter_grouped_query_attention: query heads per KV head;
                                    0: from the shapes. Other operations: must be 0           */
    void *stream;                /* hipStream_t; NULL: the default stream                     */
} aiter_attn_args;

#define AITER_ATTN_ARGS_INIT { sizeof(aiter_attn_args), NULL, NULL, NULL, NULL, NULL, 0.0f, 0, 0, NULL }

/* Each is prepare + launch: the first call for a new configuration may compile (a fraction of a second).
 * Asynchronous on args->stream like any kernel launch.
 * Errors: INVALID_ARGUMENT and UNSUPPORTED (nothing was launched; the message names the field), COMPILE*,
 * COMPILER_*, HIP, OUT_OF_MEMORY. */

/* Multi-head attention; also any grouping of heads that the shapes imply. */
AITER_API aiter_status aiter_flash_attn_func(aiter_context *ctx, const aiter_attn_args *args);

/* The same with num_groups = heads / heads_kv stated and checked. */
AITER_API aiter_status aiter_grouped_query_attention(aiter_context *ctx, const aiter_attn_args *args);

/* The same with heads_kv == 1 checked. */
AITER_API aiter_status aiter_multi_query_attention(aiter_context *ctx, const aiter_attn_args *args);

/* ---- Prepare and launch --------------------------------------------------------------------------------- */

/* A kernel made ready for one configuration: arch, dtype, head_dim, head_dim_v, causal, heads per KV head,
 * lse or not. Batch, sequence lengths, head counts of that ratio, strides, pointers, scale and stream are free
 * at each launch. */
typedef struct aiter_plan aiter_plan;

/* Finds, loads or compiles the kernel that `args` needs. Tensors' data pointers may be NULL here. May block for
 * the length of a compile. The caller owns *out: aiter_plan_destroy(). Errors as the operations. */
AITER_API aiter_status aiter_prepare(aiter_context *ctx, const aiter_attn_args *args, aiter_plan **out);

/* Validates args against the plan and launches: never compiles, allocates device memory or blocks, so it is safe
 * inside HIP graph capture. Errors: INVALID_ARGUMENT (args need another plan; the message names the field), HIP. */
AITER_API aiter_status aiter_launch(const aiter_plan *plan, const aiter_attn_args *args);

/* The plan's canonical configuration text, e.g.
 * "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=8 lse=0". Owned by the plan. */
AITER_API const char *aiter_plan_config(const aiter_plan *plan);

/* NULL is allowed. The kernel stays loaded in the context. */
AITER_API void aiter_plan_destroy(aiter_plan *plan);

/* What the compiler reports of a kernel. */
typedef struct aiter_kernel_info {
    size_t size;                 /* sizeof(aiter_kernel_info), set by the caller               */
    const char *symbol;          /* kernel name in the code object; owned by the plan          */
    size_t code_bytes;           /* size of the code object                                    */
    int vgprs;                   /* architectural + accumulation registers per lane            */
    int agprs;                   /* of these, accumulation registers                           */
    int sgprs;
    int vgpr_spills, sgpr_spills;
    int lds_bytes;               /* per workgroup                                              */
    int scratch_bytes;           /* per lane                                                   */
    int block_size;              /* threads per workgroup                                      */
    int from_cache;              /* 1: the code object was read from disk                      */
} aiter_kernel_info;

AITER_API aiter_status aiter_plan_info(const aiter_plan *plan, aiter_kernel_info *out);

/* ---- Compiling ahead of time ---------------------------------------------------------------------------- */

/* A warmer compiles configurations into a cache directory without a GPU. options->device and hip_runtime are
 * ignored. Thread-safe: several threads may warm one cache. */
typedef struct aiter_warmer aiter_warmer;

AITER_API aiter_status aiter_warmer_create(aiter_warmer **out, const aiter_context_options *options);
AITER_API void aiter_warmer_destroy(aiter_warmer *warmer);

typedef struct aiter_warm_result {
    size_t size;                 /* sizeof(aiter_warm_result), set by the caller               */
    int from_cache;              /* 1: nothing had to be compiled                              */
    uint64_t compile_ns;
    aiter_kernel_info info;      /* info.size is set by the library; symbol is the warmer's    */
    void *code;                  /* the code object, info.code_bytes long, owned by the caller: aiter_free() */
} aiter_warm_result;

/* Ensures that the kernel for `config`, a configuration text as aiter_plan_config() prints, is in the cache.
 * `result` may be NULL. Errors: INVALID_ARGUMENT (the text; message names the field), COMPILE*, CACHE (the cache
 * cannot be used or the store failed: warming is then pointless, so here it is an error). */
AITER_API aiter_status aiter_warm(aiter_warmer *warmer, const char *config, aiter_warm_result *result);

/* Releases memory that the library handed out. NULL is allowed. */
AITER_API void aiter_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
