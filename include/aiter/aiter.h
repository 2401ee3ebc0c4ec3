/* libaiter: attention kernels for AMD GPUs, generated, compiled and cached at first use.
 *
 * Conventions
 *   - Tensors are DLPack DLTensors: shape, strides in elements (NULL means contiguous), dtype, device
 *     (kDLROCM), data + byte_offset. The library never copies, transposes or keeps a tensor: a DLTensor with
 *     its shape and strides is read during the call only, its data until the launched work has finished.
 *   - Structures start with their size; set it with the *_INIT macro or by hand. Every other field of an
 *     argument structure left zero means "the default". Structures of older and newer headers are accepted:
 *     fields that the caller's does not have are the default, fields that this version does not know must be
 *     zero.
 *   - Every function that can fail returns an aiter_status. aiter_last_error() then has the details for the
 *     calling thread: the field, its value and what was expected.
 *   - A context is thread-safe; so are a plan and a warmer. Several threads may prepare and launch at the same
 *     time. Destroying one is the exception: nobody else may be using it.
 *   - A process that was forked must not use its parent's contexts, plans or warmers, not even to destroy them.
 *     It may create warmers of its own, and contexts if its HIP runtime works in a forked process (neither
 *     AMD's nor the simulator does once the parent has used it).
 *   - The calling thread's current HIP device is left as it was found.
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

/* ---- Version ---------------------------------------------------------------------------------------------- */

/* The version of this header. */
#define AITER_VERSION_MAJOR 0
#define AITER_VERSION_MINOR 1
#define AITER_VERSION_PATCH 0

/* The version of the library that is loaded, e.g. "0.1.0". Static storage. Thread-safe, cannot fail. */
AITER_API const char *aiter_version(void);

/* ---- Errors ----------------------------------------------------------------------------------------------- */

/* How a call ended.
 *
 * The library remembers a failed compile. `COMPILE_FAILED` and `INTERNAL` stay the answer for that configuration as
 * long as the context or warmer lives; COMPILER_MISSING, COMPILER_DIED and COMPILER_TIMEOUT are tried again
 * after 10 seconds or ten times the length of the failed attempt, whichever is longer, and until then are
 * returned at once. */
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
    AITER_ERROR_INTERNAL = 11,         /* a bug in libaiter                                                */
    AITER_ERROR_NOT_CACHED = 12        /* the policy is offline, and no cache has the kernel               */
} aiter_status;

/* "AITER_ERROR_HIP: a HIP call failed". Static storage; any value is accepted. Thread-safe. */
AITER_API const char *aiter_status_string(aiter_status status);

/* The detail message of the calling thread's last failure; "" before any. Ask right after the call that failed:
 * the message is owned by the library and valid until the thread's next call of a function that returns a
 * status (a call that succeeds may overwrite it, too). At most 8191 bytes; a longer one, such as a compiler's
 * log, is cut and says so, the log callback gets all of it. Thread-safe, cannot fail. */
AITER_API const char *aiter_last_error(void);

/* ---- Context ---------------------------------------------------------------------------------------------- */

/* One device, its loaded kernels, its cache and its compiler processes. Opaque. A process may have several,
 * also for the same device; they share the cache directory, as processes do. */
typedef struct aiter_context aiter_context;

/* How important a message is: `ERROR`, a request failed; `WARNING`, the library goes on with less, e.g. without its
 * cache; `INFO`, a compile; `DEBUG`, a cache hit. */
typedef enum aiter_log_level {
    AITER_LOG_ERROR = 0,
    AITER_LOG_WARNING = 1,
    AITER_LOG_INFO = 2,
    AITER_LOG_DEBUG = 3
} aiter_log_level;

/* Receives messages, all levels. Called on the thread that called the library, so on several at once if several
 * do. `message` lives for the call. The callback must not call functions of the context or warmer that it was
 * given to: locks are held. */
typedef void (*aiter_log_fn)(void *user, aiter_log_level level, const char *message);

/* What the caches on disk are used for. */
typedef enum aiter_cache_policy {
    AITER_CACHE_DEFAULT = 0,     /* $AITER_CACHE_POLICY (read-write, read-only, offline or memory), else read-write */
    AITER_CACHE_READ_WRITE = 1,  /* look up, compile what is missing, store it                                 */
    AITER_CACHE_READ_ONLY = 2,   /* look up, compile what is missing, write nothing                            */
    AITER_CACHE_OFFLINE = 3,     /* look up; what is missing is NOT_CACHED, no compiler process is started     */
    AITER_CACHE_MEMORY = 4       /* neither read nor written: compile, and keep it in the context              */
} aiter_cache_policy;

/* Where a kernel was found, in the order of looking. */
typedef enum aiter_cache_layer {
    AITER_LAYER_NONE = 0,
    AITER_LAYER_USER = 1,        /* cache_dir                                                                  */
    AITER_LAYER_SYSTEM = 2       /* one of system_cache_dirs                                                   */
} aiter_cache_layer;

/* What an event tells. Each request for a kernel that the context has not loaded yet gives either a HIT, or a MISS
 * and, unless the policy is offline, COMPILE_START and COMPILE_END. A kernel that is loaded gives none: see
 * aiter_stats.table_hits. */
typedef enum aiter_event_kind {
    AITER_EVENT_HIT = 1,           /* layer, cache_dir, config, bytes                                          */
    AITER_EVENT_MISS = 2,          /* config                                                                   */
    AITER_EVENT_COMPILE_START = 3, /* config                                                                   */
    AITER_EVENT_COMPILE_END = 4,   /* config, ns, status; bytes after AITER_OK, else message                   */
    AITER_EVENT_STORE_FAILURE = 5, /* config, cache_dir, message: compiled and served, but not stored          */
    AITER_EVENT_EVICTION = 6       /* config (NULL if the record is not a kernel's), cache_dir, bytes          */
} aiter_event_kind;

/* Fields that the kind does not name are 0 or NULL. Strings live for the call. */
typedef struct aiter_event {
    size_t size;                 /* of the structure in this version of the library                            */
    aiter_event_kind kind;
    aiter_cache_layer layer;
    aiter_status status;
    const char *config;          /* canonical configuration                                                    */
    const char *cache_dir;
    const char *message;
    uint64_t ns;                 /* wall time                                                                  */
    uint64_t bytes;              /* of the code object; of the record that was evicted                         */
} aiter_event;

/* Receives events. As for aiter_log_fn: on the thread that called the library, on several at once if several do, and
 * it must not call functions of the context or warmer. It should be quick: the request waits for it. */
typedef void (*aiter_event_fn)(void *user, const aiter_event *event);

/* Options of a context or a warmer. Strings are copied: they need to live for the call only, `log_user` and
 * `event_user` as long as the context. A string is NULL for the default; "" is refused. An environment variable
 * that is empty counts as not set. docs/cache.md has the whole of what concerns caches.
 *
 *   hip_runtime   A HIP runtime that the process has loaded already goes before one that is not loaded.
 *   cache_dir     Made if missing. One directory serves any number of processes, archs and versions. Not used if
 *                 others may write to it or if it is on a network filesystem: see docs/cache-format.md.
 *                 XDG_CACHE_HOME counts only if it is an absolute path, as its specification says; without
 *                 HOME, the user database has the home directory.
 *   compiler      By default looked for beside the library, in ../bin, ../libexec/aiter and
 *                 ../../libexec/aiter, then where it was configured to be installed. Started when a kernel
 *                 has to be compiled or the cache does not know the toolchain yet, not before.
 *   compile_jobs  Further compiles wait.
 *   cache_policy  no_cache is the same as AITER_CACHE_MEMORY; both at odds are refused. A warmer stores, so it
 *                 refuses READ_ONLY and OFFLINE.
 *   system_cache_dirs
 *                 Colon-separated, read after cache_dir and never written; those that do not exist are passed
 *                 over, at most 16 are used; ":" is none. A hit there is not copied to cache_dir. Warmers do
 *                 not look there.
 *   cache_max_bytes
 *                 Limit of cache_dir's data file, at least 1 MiB, UINT64_MAX: none. The environment variable is a
 *                 number of bytes, with K, M or G for a power of 1024, or "unlimited". What was not used for
 *                 longest is evicted, but nothing that this process has used.
 *   record_file   Each configuration that a context is asked for is appended to it, once per process, one a
 *                 line: a manifest for aiter-precompile. Failing to do so costs a warning. Not for warmers. */
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
    aiter_cache_policy cache_policy;
    const char *system_cache_dirs; /* NULL: $AITER_SYSTEM_CACHE_DIRS, else aiter/cache below each of $XDG_DATA_DIRS,
                                      else below /usr/local/share and /usr/share                               */
    uint64_t cache_max_bytes;    /* 0: $AITER_CACHE_MAX_BYTES, else 1 GiB                                      */
    const char *record_file;     /* NULL: $AITER_RECORD, else none                                             */
    aiter_event_fn event;        /* NULL: none                                                                 */
    void *event_user;
} aiter_context_options;

/* Initialiser: every option its default. */
#define AITER_CONTEXT_OPTIONS_INIT \
    { sizeof(aiter_context_options), 0, NULL, NULL, 0, NULL, 0, 0, NULL, NULL, AITER_CACHE_DEFAULT, NULL, 0, NULL, \
      NULL, NULL }

/* Creates a context for one device. `options` may be NULL. Loads the HIP runtime (once per path per process; it
 * stays loaded) and opens the cache; a cache that cannot be used costs one warning and falls back to memory.
 * Does not start the compiler. Thread-safe. Errors: INVALID_ARGUMENT (an option; no device of that number),
 * HIP_MISSING, HIP, UNSUPPORTED (the device's arch), OUT_OF_MEMORY. The caller owns *out and releases it with
 * aiter_context_destroy(); NULL after a failure. */
AITER_API aiter_status aiter_context_create(aiter_context **out, const aiter_context_options *options);

/* Releases the context, its plans' kernels and its compiler processes. No other call may be using the context
 * or one of its plans, and work that was launched through it must have finished (graphs that captured it must
 * not be launched any more). Plans that still exist may only be destroyed. NULL is allowed. Cannot fail. */
AITER_API void aiter_context_destroy(aiter_context *ctx);

/* The device's architecture, e.g. "gfx942". `ctx` is not NULL. Static storage. Thread-safe, cannot fail. */
AITER_API const char *aiter_context_arch(const aiter_context *ctx);

/* What a context has done. Times are in nanoseconds, the rest are counts. */
typedef struct aiter_stats {
    size_t size;                 /* sizeof(aiter_stats), set by the caller                    */
    uint64_t table_hits;         /* kernel was already loaded in this context                 */
    uint64_t cache_hits;         /* code object came from a cache on disk                     */
    uint64_t compiles;           /* code objects compiled                                     */
    uint64_t compile_failures;
    uint64_t store_failures;     /* the cache refused a compiled code object                  */
    uint64_t compile_ns;         /* wall time spent in compiles, summed                       */
    uint64_t launches;
    uint64_t system_cache_hits;  /* of cache_hits, those in system caches                     */
    uint64_t cache_misses;       /* requests that no cache on disk could serve                */
    uint64_t evictions;          /* records that made room for others                         */
} aiter_stats;

/* Counters since the context was created. Thread-safe; while other threads work, the counters are not of one
 * instant. Errors: INVALID_ARGUMENT (a NULL; out->size). */
AITER_API aiter_status aiter_context_stats(const aiter_context *ctx, aiter_stats *out);

/* ---- Variants of attention -------------------------------------------------------------------------------- */

/* How fp32 probabilities become bf16, which is what they are multiplied by V in: to the nearest (ties to even),
 * or by cutting the lower bits off, which is less arithmetic on gfx90a and gfx942. Other dtypes round to the
 * nearest, as the output does in any dtype. */
typedef enum aiter_rounding {
    AITER_ROUND_NEAREST = 0,
    AITER_ROUND_TRUNCATE = 1
} aiter_rounding;

/* What a score goes through between q k^T and the softmax. All off when zero; any of them can be combined. With
 * i a query's row, j a key's, seqlen_q and seqlen_k the lengths of their sequence:
 *
 *   s = softmax_scale * q k^T
 *   s = softcap * tanh(s / softcap)                               softcap > 0
 *   s = s - alibi_slopes[head] * |i + seqlen_k - seqlen_q - j|    alibi_slopes
 *   s = s + bias[batch][head][i][j]                               bias
 *   s = score_mod(s, batch, head, i, j)                           score_mod
 *   query i sees key j if, beside causal,                         use_window
 *       i + seqlen_k - seqlen_q - window_left <= j <= i + seqlen_k - seqlen_q + window_right
 *   and if  mask_mod(batch, head, i, j)                           mask_mod
 *   and if  block_mask[batch][head][i / size][j / size] != 0      block_mask
 *   out = sum(exp(s) v) / (sum(exp(s)) + exp(sinks[head]))        sinks
 *
 * The bounds are counted from the diagonal that causal has: aligned to the bottom right. -1 is no bound; blocks of
 * keys outside are not visited. window_right means nothing beside causal, which is stricter.
 *
 *   alibi_slopes   (heads) or (batch, heads), fp32
 *   sinks          (heads), fp32. The log-sum-exp includes it: log(sum(exp(s)) + exp(sink))
 *   bias           (batch, heads, seqlen_q, seqlen_k), q's dtype; a size of 1 or a stride of 0 in one of the first three
 *                  dimensions stands for "the same for all". With sequences of different lengths the sizes are
 *                  those of the longest that there may be. -inf makes a key invisible
 *
 * score_mod and mask_mod are expressions in C++ as device code has it, which become part of the kernel:
 *
 *   score_mod      the score's new value, a number. It sees the score as `score`, fp32
 *   mask_mod       whether the key is visible, a bool or an integer
 *   b, h           int: sequence and query head
 *   q_idx, kv_idx  int: row and key, counted in their sequence. They are never outside of it
 *   q_len, kv_len  int: the sequence's lengths. Row q_idx is aligned with key q_idx + kv_len - q_len
 *   user           const void *: mod_data
 *
 * They can call abs, min, max, fma, floor, ceil, exp, exp2, log, log2, tanh, sqrt, rsqrt, rcp, and fabsf, expf and so on;
 * what they do must not depend on how often or in which order they are evaluated, and they must write nothing. -inf as
 * a score hides the key, and so may a score below -1e37; NaN, +inf and what is above 1e37 may make the row NaN.
 * A text has at most 1024 bytes (newlines and tabs count twice) of printable ASCII, without " ' \ and #; of
 * statements it may have those inside of braces (a lambda that is called). It is read during the call and may then change: two
 * texts are two kernels, and the process keeps a copy of each.
 *
 *   mod_data       device memory, or any address that the expressions know to use; not looked at here
 *   block_mask     (batch, heads, seqlen_q / size, seqlen_k / size), both rounded up, uint8; batch and heads may be 1
 *                  or have a stride of 0 as above, and the lengths are those of the longest that there may be. 0: no row of
 *                  the block sees a key of it, which is not even loaded if no row nearby needs it; 1: as mask_mod says;
 *                  2: as if mask_mod were true, which is then not asked. Where it is 0 or 2 it goes before mask_mod
 *
 * Data pointers are aligned to an element. The structure and the DLTensors belong to the caller. */
typedef struct aiter_attn_variants {
    size_t size;                 /* sizeof(aiter_attn_variants)                               */
    int use_window;              /* 1: the two bounds below are in force                      */
    int window_left;             /* -1, or 0 to 2^29; 0 without use_window                    */
    int window_right;            /* likewise                                                  */
    float softcap;               /* 0: none                                                   */
    const DLTensor *alibi_slopes;
    const DLTensor *sinks;
    const DLTensor *bias;
    int rounding;                /* an aiter_rounding                                         */
    const char *score_mod;       /* NULL: none                                                */
    const char *mask_mod;        /* NULL: none                                                */
    const void *mod_data;
    const DLTensor *block_mask;
    int block_mask_size;         /* rows and keys of a block: a multiple of 128 up to 1024; 0: 128 */
} aiter_attn_variants;

/* Initialiser: every variant off. */
#define AITER_ATTN_VARIANTS_INIT \
    { sizeof(aiter_attn_variants), 0, 0, 0, 0.0f, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0 }

/* ---- Arguments of the operations -------------------------------------------------------------------------- */

/* Arguments of the dense forward operations.
 *
 *   q    (batch, seqlen_q, heads,    head_dim)       fp16, bf16 or fp32
 *   k    (batch, seqlen_k, heads_kv, head_dim)       q's dtype
 *   v    (batch, seqlen_k, heads_kv, head_dim_v)     q's dtype
 *   out  (batch, seqlen_q, heads,    head_dim_v)     q's dtype, written
 *   lse  (batch, heads, seqlen_q)                    fp32, written; NULL: not computed
 *
 * The last dimension of every tensor is contiguous; all other strides are free, 0 or more (rows of q, k, v and
 * out are less than 2^23 elements apart; no dimension is larger than 2^30; out and lse overlap nothing,
 * themselves included). Strides of dimensions of size 1 are ignored. Data pointers (data + byte_offset) of q, k, v and
 * out are aligned to 16 bytes, and so is every stride in bytes. head_dim and head_dim_v: multiples
 * of 8 from 8 to 256. heads is a multiple of heads_kv; query head h reads KV head h / (heads / heads_kv).
 * batch, seqlen_q and seqlen_k may be 0.
 *
 *   out = softmax(softmax_scale * q k^T) v           accumulated in fp32
 *   lse = log(sum(exp(softmax_scale * q k^T)))       natural logarithm
 *   with causal, query i sees key j if               j <= i + seqlen_k - seqlen_q
 *   a row that sees no key                           out = 0, lse = -inf
 *
 * fp16 and bf16 need an arch with matrix units (gfx90a, gfx942, gfx950). The structure and the DLTensors belong
 * to the caller and are not kept.
 *
 * Decode: few query rows, seqlen_q * heads / heads_kv up to 32, take in fp16 and bf16 a kernel of their own, which reads
 * keys and values once for all query heads of a KV head. With a workspace it can split the keys of a sequence over
 * workgroups. More rows take the forward kernel, which with a workspace does both as well. fp32 is never split: num_splits
 * other than 0 is refused.
 *
 *   workspace     (elements)   fp32, contiguous, aligned to 16 bytes; written. Room for s splits is
 *                              s * batch * heads * seqlen_q * (head_dim_v + 8) elements; one split needs none. Launches
 *                              that may run at the same time need workspaces of their own
 *   num_splits    1 to 64, or 0: the number that is done first by the rule of docs/kernels.md, of those that there is
 *                              room for. The same number gives the same bits */
typedef struct aiter_attn_args {
    size_t size;                 /* sizeof(aiter_attn_args)                                   */
    const DLTensor *q;
    const DLTensor *k;
    const DLTensor *v;
    const DLTensor *out;
    const DLTensor *lse;         /* optional                                                  */
    float softmax_scale;         /* finite; 0: 1/sqrt(head_dim)                               */
    int causal;                  /* 0 or 1                                                    */
    int num_groups;              /* query heads per KV head, 0: from the shapes. 0 for
                                    aiter_flash_attn_func, aiter_multi_query_attention        */
    void *stream;                /* hipStream_t; NULL: the default stream                     */
    const aiter_attn_variants *variants; /* NULL: none                                        */
    const DLTensor *workspace;   /* optional: (elements) fp32, for splits of the keys         */
    int num_splits;              /* 0: chosen                                                 */
} aiter_attn_args;

/* Initialiser: no tensors, every other field its default. */
#define AITER_ATTN_ARGS_INIT                                                                        \
    { sizeof(aiter_attn_args), NULL, NULL, NULL, NULL, NULL, 0.0f, 0, 0, NULL, NULL, NULL, 0 }

/* How rows lie in the blocks of a cache: (num_blocks, heads_kv, block_size, head_dim) or (num_blocks, block_size,
 * heads_kv, head_dim). */
typedef enum aiter_kv_layout {
    AITER_KV_HEADS_ROWS = 0,
    AITER_KV_ROWS_HEADS = 1
} aiter_kv_layout;

/* Arguments of attention over a cache of keys and values.
 *
 *   q             (batch, seqlen_q, heads, head_dim)               fp16, bf16 or fp32
 *   k_cache       (num_blocks, heads_kv, block_size, head_dim)     q's dtype, or fp8
 *   v_cache       (num_blocks, heads_kv, block_size, head_dim_v)   k_cache's dtype
 *   kv_cache      (num_blocks, 2, heads_kv, block_size, head_dim)  instead of these two: keys are [:, 0], values [:, 1]
 *              or (num_blocks, heads_kv, block_size, head_dim)     the same elements are keys and values
 *   out           (batch, seqlen_q, heads, head_dim_v)             q's dtype, written
 *   lse           (batch, heads, seqlen_q)                         fp32, written; NULL: not computed
 *   page_table    (batch, max_blocks_per_seq)                      int32: the block that holds keys block_size * b on
 *   cache_seqlens (batch)                                          int32: keys of each sequence
 *   k_scale       (1) or (heads_kv)                                fp32, of an fp8 cache: what its elements
 *   v_scale       (1) or (heads_kv)                                are multiplied by
 *
 * With kv_layout AITER_KV_ROWS_HEADS, heads_kv and block_size change places. A cache whose 2 is outermost is the same with
 * the first two sizes and strides swapped. block_size is a multiple of 16 from 16 to 1024. Without a page table, block b
 * is the whole cache of batch entry b and may have any size. Without cache_seqlens, every sequence has all the keys that
 * its row of the page table has room for.
 *
 * fp8 is E4M3 as the arch has it: FNUZ on gfx942, OCP on gfx950; the dtype is uint8 or DLPack's code for it.
 * gfx90a cannot convert it. Strides and alignment are as in aiter_attn_args, with 8 bytes for fp8.
 *
 * Lengths and the page table are read on the device, when the kernel runs. A length is taken as 0 if it is negative,
 * and as the most that there is room for if it is larger. Only entries of the page table that a sequence's length
 * reaches, new keys included, and that its window needs, are read; they must be from 0 to num_blocks - 1. Query i is
 * at the end of its sequence: it sees key j if j <= i + length - seqlen_q.
 *
 * New keys and values, appended in the same call:
 *
 *   k_new         (batch, seqlen_new, heads_kv, head_dim)          q's dtype
 *   v_new         (batch, seqlen_new, heads_kv, head_dim_v)        q's dtype; NULL if kv_cache has 4 dimensions
 *   rotary_cos    (seqlen_rotary, rotary_dim / 2)                  q's dtype; optional, with rotary_sin
 *   rotary_sin    (seqlen_rotary, rotary_dim / 2)                  q's dtype
 *
 * cache_seqlens, which must be given, are then the lengths before. Row i of k_new and v_new becomes row
 * cache_seqlens[b] + i of sequence b's cache, which is written; attention is over the keys before and the new ones.
 * Rows behind max_seq_len or what there is room for are left out, and nothing else of the cache is changed. An fp8
 * cache gets x / scale to the nearest, ties to even, saturated (computed as x * (1 / scale) in fp32). Elements of the
 * cache must not overlap each other, nor any other tensor. seqlen_new is any number up to the most keys of a
 * sequence; queries need not be as many.
 *
 * rotary_cos and rotary_sin are by position, for at least as many positions as a sequence can have keys. Of each row
 * of k_new, and of q for this call, the first rotary_dim elements (a multiple of 16 up to head_dim) are rotated, in
 * fp32 and rounded to q's dtype; the rest is as it is. With a, b the elements of a pair: a cos - b sin, b cos + a
 * sin. Pairs are elements j and j + rotary_dim / 2 ("NeoX"), or with rotary_interleaved 2j and 2j + 1. Row i of k_new
 * is at position cache_seqlens[b] + i; so is row i of q with causal or a bound of a window, without them all rows of
 * q are at cache_seqlens[b]. A position that there are no angles for, which only queries without a new key of theirs
 * can have, has those of the last.
 *
 * Decode, workspace and num_splits as in aiter_attn_args, paged or not, fp8 included. */
typedef struct aiter_kvcache_args {
    size_t size;                 /* sizeof(aiter_kvcache_args)                                */
    const DLTensor *q;
    const DLTensor *k_cache;
    const DLTensor *v_cache;
    const DLTensor *kv_cache;    /* or k_cache and v_cache                                    */
    const DLTensor *out;
    const DLTensor *lse;         /* optional                                                  */
    const DLTensor *page_table;  /* optional                                                  */
    const DLTensor *cache_seqlens; /* optional                                                */
    const DLTensor *k_scale;     /* with an fp8 cache, and only then                          */
    const DLTensor *v_scale;     /* likewise                                                  */
    int block_size;              /* checked against the cache; 0: from the shapes             */
    int kv_layout;               /* an aiter_kv_layout                                        */
    int max_seq_len;             /* no sequence has more keys; 0: as many as there is room for.
                                    Checked against the page table                            */
    int not_causal;              /* 0: causal                                                 */
    float softmax_scale;         /* finite; 0: 1/sqrt(head_dim)                               */
    void *stream;                /* hipStream_t; NULL: the default stream                     */
    const aiter_attn_variants *variants; /* NULL: none                                        */
    const DLTensor *workspace;   /* optional: (elements) fp32, for splits of the keys         */
    int num_splits;              /* 0: chosen                                                 */
    const DLTensor *k_new;       /* optional: appended to the cache                           */
    const DLTensor *v_new;       /* with k_new, unless kv_cache has 4 dimensions              */
    const DLTensor *rotary_cos;  /* optional, with k_new                                      */
    const DLTensor *rotary_sin;  /* with rotary_cos                                           */
    int rotary_interleaved;      /* 1: pairs are neighbours; 0 without rotary_cos             */
} aiter_kvcache_args;

/* Initialiser: no tensors, every other field its default. */
#define AITER_KVCACHE_ARGS_INIT                                                                     \
    { sizeof(aiter_kvcache_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, \
      0, 0, 0.0f, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0 }

/* Arguments of attention over sequences of different lengths.
 *
 *                  packed                        padded
 *   q              (total_q, heads, head_dim)    (batch, seqlen_q, heads, head_dim)
 *   k              (total_k, heads_kv, head_dim) (batch, seqlen_k, heads_kv, head_dim)
 *   v              as k, with head_dim_v
 *   out            as q, with head_dim_v
 *   lse            (heads, total_q)              (batch, heads, seqlen_q)
 *   cu_seqlens_q   (batch + 1), int32            not taken
 *   seq_lengths    (batch), int32                (batch), int32
 *
 * Packed, the rows of all sequences follow each other. Either cu_seqlens_q says where each starts (the last element is
 * the end), or seq_lengths says how many it has. Padded, sequence b has the first seq_lengths[b] rows of batch entry b;
 * the rows behind are neither read nor written. cu_seqlens_k and seq_lengths_k are the same for keys; without either,
 * keys are counted as queries are. A length may be 0.
 *
 * With a page table k and v are caches as in aiter_kvcache_args, and seq_lengths_k says how many keys each sequence has.
 *
 * Lengths are read on the device, when the kernel runs, and cut to what the tensors and max_seq_len allow. Otherwise
 * as aiter_attn_args.
 *
 * Without a workspace a sequence is as many workgroups as it has tiles of rows, whatever its keys are. With one, in fp16
 * and bf16, the device splits the keys of sequences that are long beside the others, so that a launch takes about as
 * long as all of its work evenly dealt out:
 *
 *   workspace     as in aiter_attn_args, with the query tokens of all sequences (total_q, batch * seqlen_q) for
 *                 batch * seqlen_q. If there is less room than splits would take, they are longer
 *   num_splits    0, or 1 to 64: sequences are split as if the share of a workgroup were max_seq_len_k / num_splits keys,
 *                 which needs room for that many splits of all tokens; 1: not split */
typedef struct aiter_varlen_args {
    size_t size;                 /* sizeof(aiter_varlen_args)                                 */
    const DLTensor *q;
    const DLTensor *k;
    const DLTensor *v;
    const DLTensor *out;
    const DLTensor *lse;         /* optional                                                  */
    const DLTensor *cu_seqlens_q;
    const DLTensor *cu_seqlens_k;
    const DLTensor *seq_lengths;
    const DLTensor *seq_lengths_k;
    const DLTensor *page_table;  /* optional: (batch, max_blocks_per_seq) int32               */
    const DLTensor *k_scale;     /* with fp8 k and v, which need a page table                 */
    const DLTensor *v_scale;     /* likewise                                                  */
    int block_size;              /* checked against k; 0: from the shapes                     */
    int kv_layout;               /* an aiter_kv_layout, with a page table                     */
    int max_seq_len;             /* no sequence has more queries; 0: as many as there is room for */
    int max_seq_len_k;           /* no sequence has more keys, likewise                       */
    int causal;                  /* 0 or 1                                                    */
    float softmax_scale;         /* finite; 0: 1/sqrt(head_dim)                               */
    void *stream;                /* hipStream_t; NULL: the default stream                     */
    const aiter_attn_variants *variants; /* NULL: none                                        */
    const DLTensor *workspace;   /* optional: (elements) fp32, for splits of the keys         */
    int num_splits;              /* 0: chosen                                                 */
} aiter_varlen_args;

/* Initialiser: no tensors, every other field its default. */
#define AITER_VARLEN_ARGS_INIT                                                                      \
    { sizeof(aiter_varlen_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,  \
      NULL, 0, 0, 0, 0, 0, 0.0f, NULL, NULL, NULL, 0 }

/* Arguments of the merge of two partial outputs: of the same queries, over different keys.
 *
 *                     padded                               packed
 *   out_a, out_b      (batch, seqlen, heads, head_dim_v)   (total, heads, head_dim_v)   fp16, bf16 or fp32
 *   lse_a, lse_b      (batch, heads, seqlen)               (heads, total)               fp32, natural logarithm
 *   out               as out_a, written
 *   lse               as lse_a, written; NULL: not computed
 *
 *   lse = log(exp(lse_a) + exp(lse_b))
 *   out = exp(lse_a - lse) out_a + exp(lse_b - lse) out_b        computed in fp32
 *
 * A row of one side whose log-sum-exp is -inf has seen no key there: it adds nothing, whatever is in its output. Where
 * both are, out is 0 and lse -inf. A log-sum-exp that is NaN or inf makes the row NaN.
 *
 * out may be out_a or out_b, and lse may be lse_a or lse_b, with the same strides; otherwise what is written overlaps
 * nothing. Strides, alignment and sizes as in aiter_attn_args, but rows may be any distance apart. */
typedef struct aiter_merge_args {
    size_t size;                 /* sizeof(aiter_merge_args)                                  */
    const DLTensor *out_a;
    const DLTensor *lse_a;
    const DLTensor *out_b;
    const DLTensor *lse_b;
    const DLTensor *out;
    const DLTensor *lse;         /* optional                                                  */
    void *stream;                /* hipStream_t; NULL: the default stream                     */
} aiter_merge_args;

/* Initialiser: no tensors, the default stream. */
#define AITER_MERGE_ARGS_INIT { sizeof(aiter_merge_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/* ---- Operations ------------------------------------------------------------------------------------------- */

/* Each is prepare + launch: the first call for a new configuration looks into the cache and may compile (a
 * fraction of a second); other threads that want the same kernel wait for it and do not compile it again.
 * Asynchronous on args->stream like any kernel launch. If the output is empty (batch or seqlen_q is 0), nothing
 * is launched but what appends to a cache. Thread-safe.
 *
 * Errors: INVALID_ARGUMENT and UNSUPPORTED (the message names the field), COMPILE_FAILED, COMPILER_MISSING,
 * COMPILER_DIED, COMPILER_TIMEOUT, NOT_CACHED, HIP, OUT_OF_MEMORY, INTERNAL. Nothing was launched, unless HIP says that a
 * device could not be restored after the launch, or that it refused the second or third kernel of an operation (new keys
 * are appended by the first). A fault of the kernel itself is reported by HIP when the stream is next waited for, not
 * here. */

/* Multi-head attention; also any grouping of heads that the shapes imply. args->num_groups must be 0. */
AITER_API aiter_status aiter_flash_attn_func(aiter_context *ctx, const aiter_attn_args *args);

/* The same, for grouped-query attention: args->num_groups states the query heads per KV head and is checked
 * against the shapes; INVALID_ARGUMENT if it is neither heads / heads_kv nor 0. */
AITER_API aiter_status aiter_grouped_query_attention(aiter_context *ctx, const aiter_attn_args *args);

/* The same, for multi-query attention: INVALID_ARGUMENT if heads_kv, k's and v's third dimension, is not 1. */
AITER_API aiter_status aiter_multi_query_attention(aiter_context *ctx, const aiter_attn_args *args);

/* Attention of the newest queries over a cache of keys and values, paged or not; causal by default. With k_new these are
 * appended to the cache first, by a kernel of their own on the same stream, even if the output is empty. */
AITER_API aiter_status aiter_flash_attn_with_kvcache(aiter_context *ctx, const aiter_kvcache_args *args);

/* Attention over sequences of different lengths in one launch: packed, padded, or with paged keys. A long sequence is
 * spread over workgroups like many short ones; nothing waits for lengths on the host. */
AITER_API aiter_status aiter_variable_length_attention(aiter_context *ctx, const aiter_varlen_args *args);

/* Two partial outputs with their log-sum-exps into one: what cascades (a shared prefix, then each sequence's own
 * keys) and context parallelism (keys spread over devices) end with. On any arch in any dtype that attention has there. */
AITER_API aiter_status aiter_merge_states(aiter_context *ctx, const aiter_merge_args *args);

/* ---- Prepare and launch ----------------------------------------------------------------------------------- */

/* A kernel made ready for one configuration: arch, dtype, head_dim, head_dim_v, causal, heads per KV head, lse
 * or not, variants or not, kinds of lengths, block_size, the cache's dtype, appending or not, rotary embedding. Batch,
 * sequence lengths, head counts of that ratio, strides, pointers, scale, the variants' numbers and stream are free at
 * each launch, with one exception: a plan that was prepared for decode (see aiter_attn_args) serves up to 16 or 32 query
 * rows of a KV head, whichever it was prepared with, and splits them if it was prepared with a workspace. Any other plan
 * serves few rows as well, with the forward kernel. A forward plan that was prepared with a workspace, and without
 * num_splits 1, needs one at each launch. Opaque; lives no longer than its context. */
typedef struct aiter_plan aiter_plan;

/* Finds, loads or compiles the kernel that `args` needs. Tensors' data pointers may be NULL here. May block for
 * the length of a compile. Thread-safe. The caller owns *out: aiter_plan_destroy(). Errors as the
 * operations. */
AITER_API aiter_status aiter_prepare(aiter_context *ctx, const aiter_attn_args *args, aiter_plan **out);

/* The same for the operations with arguments of their own. */
AITER_API aiter_status aiter_prepare_kvcache(aiter_context *ctx, const aiter_kvcache_args *args, aiter_plan **out);
AITER_API aiter_status aiter_prepare_varlen(aiter_context *ctx, const aiter_varlen_args *args, aiter_plan **out);
AITER_API aiter_status aiter_prepare_merge(aiter_context *ctx, const aiter_merge_args *args, aiter_plan **out);

/* Validates args against the plan and launches: never compiles, allocates or takes a lock of the library, so it
 * is safe inside HIP graph capture. Asynchronous on args->stream. Thread-safe. Errors: INVALID_ARGUMENT (args
 * are wrong or need another plan; the message names the field), UNSUPPORTED (strides or a grid that the kernel
 * cannot count), HIP. */
AITER_API aiter_status aiter_launch(const aiter_plan *plan, const aiter_attn_args *args);

/* The same for the operations with arguments of their own. A plan serves whichever operation asks for its
 * configuration. */
AITER_API aiter_status aiter_launch_kvcache(const aiter_plan *plan, const aiter_kvcache_args *args);
AITER_API aiter_status aiter_launch_varlen(const aiter_plan *plan, const aiter_varlen_args *args);
AITER_API aiter_status aiter_launch_merge(const aiter_plan *plan, const aiter_merge_args *args);

/* The plan's canonical configuration text, which is what aiter_warm() takes, e.g.
 *
 *   fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=8 lse=0
 *   fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=8 lse=0 window=left seqlens_k=used block_size=64
 *
 * Variants are in the text only if they are on. `plan` is not NULL. Owned by the context: valid until that is destroyed. Thread-safe, cannot fail. */
AITER_API const char *aiter_plan_config(const aiter_plan *plan);

/* Releases the plan; no other call may be using it. The kernel stays loaded in the context, so work that was
 * launched need not have finished. NULL is allowed. Cannot fail. */
AITER_API void aiter_plan_destroy(aiter_plan *plan);

/* What the compiler reports of a kernel. Register counts are per lane (vgprs, agprs) and per wave (sgprs). */
typedef struct aiter_kernel_info {
    size_t size;                 /* sizeof(aiter_kernel_info), set by the caller               */
    const char *symbol;          /* kernel name in the code object; owned by the context       */
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

/* Facts about the plan's kernel. The caller sets out->size. Thread-safe. Errors: INVALID_ARGUMENT (a NULL;
 * out->size). */
AITER_API aiter_status aiter_plan_info(const aiter_plan *plan, aiter_kernel_info *out);

/* ---- Compiling ahead of time ------------------------------------------------------------------------------ */

/* A warmer compiles configurations into a cache directory without a GPU or a HIP runtime. Opaque. Thread-safe:
 * several threads may warm one cache, and so may several processes. */
typedef struct aiter_warmer aiter_warmer;

/* Creates a warmer. `options` may be NULL; `device`, `hip_runtime`, `system_cache_dirs` and `record_file` are not
 * used. With no_cache it compiles at each call and stores nothing. Errors: INVALID_ARGUMENT (an option), CACHE (the cache cannot be used: warming
 * is then pointless, so here it is an error), OUT_OF_MEMORY. The caller owns *out and releases it with
 * aiter_warmer_destroy(); NULL after a failure. */
AITER_API aiter_status aiter_warmer_create(aiter_warmer **out, const aiter_context_options *options);

/* Releases the warmer and its compiler processes. No other call may be using it. NULL is allowed. Cannot
 * fail. */
AITER_API void aiter_warmer_destroy(aiter_warmer *warmer);

/* What aiter_warm() found or made. */
typedef struct aiter_warm_result {
    size_t size;                 /* sizeof(aiter_warm_result), set by the caller               */
    int from_cache;              /* 1: nothing had to be compiled                              */
    uint64_t compile_ns;         /* wall time of the compile, 0 if there was none              */
    aiter_kernel_info info;      /* info.size is set by the library; symbol is the warmer's    */
    void *code;                  /* the code object, info.code_bytes long, owned by the caller: aiter_free() */
} aiter_warm_result;

/* Ensures that the kernel for `config`, a configuration text as aiter_plan_config() prints, is in the cache.
 * Blocks for the length of a compile. `result` may be NULL; otherwise the caller sets result->size and, after
 * AITER_OK, releases result->code. Thread-safe. Errors: INVALID_ARGUMENT (the text; the message names the
 * field), COMPILE_FAILED, COMPILER_MISSING, COMPILER_DIED, COMPILER_TIMEOUT, CACHE (compiled, but the store
 * failed), OUT_OF_MEMORY, INTERNAL. */
AITER_API aiter_status aiter_warm(aiter_warmer *warmer, const char *config, aiter_warm_result *result);

/* Releases memory that the library handed out, which is aiter_warm_result.code. NULL is allowed. Thread-safe,
 * cannot fail. */
AITER_API void aiter_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
