/* One attention problem on a device: inputs made from a seed, memory laid out as asked, arguments
 * for the library, and the judgement of what it wrote. */
#ifndef AITER_TOOLS_TRIAL_H
#define AITER_TOOLS_TRIAL_H

#include <aiter/aiter.h>

#include "tools/device.h"
#include "tools/mods.h"
#include "tools/reference.h"

/* How tensors lie in memory. Every gap is filled with NaN, which a correct kernel never lets into a
 * result. */
typedef enum trial_layout {
    TRIAL_BSHD,       /* contiguous (batch, seqlen, heads, head_dim), nothing behind it */
    TRIAL_BHSD,       /* heads outside: (batch, heads, seqlen, head_dim) */
    TRIAL_SBHD,       /* sequence outermost: (seqlen, batch, heads, head_dim) */
    TRIAL_PACKED_QKV, /* views of one (batch, seqlen, heads + 2 heads_kv, head_dim) */
    TRIAL_GAPS        /* as BSHD, with NaN before the first element, between heads, rows and batch
                       * entries, and in whole rows after each sequence */
} trial_layout;

enum { TRIAL_NUM_LAYOUTS = TRIAL_GAPS + 1 };

/* "bshd", "bhsd", "sbhd", "packed-qkv", "gaps". */
const char *trial_layout_name(trial_layout layout);
/* -1 if `name` is none of them. */
int trial_layout_find(const char *name);

/* Which arguments the problem is put to the library in. */
typedef enum trial_operation {
    TRIAL_ATTN,             /* aiter_attn_args */
    TRIAL_KVCACHE,          /* aiter_kvcache_args */
    TRIAL_CU,               /* aiter_varlen_args: packed, with cu_seqlens */
    TRIAL_PACKED,           /* packed, with seq_lengths */
    TRIAL_PADDED            /* padded, with seq_lengths */
} trial_operation;

enum { TRIAL_NUM_OPERATIONS = TRIAL_PADDED + 1 };

/* The tensors that a cache consists of. */
typedef enum trial_cache {
    TRIAL_TWO,              /* keys and values in one each */
    TRIAL_PAIR,             /* one 5-dimensional tensor (kvcache) */
    TRIAL_SHARED            /* the same elements are keys and values (kvcache) */
} trial_cache;

/* In all operations but TRIAL_ATTN, sequences have lengths of their own, of which the largest are
 * seqlen_q and seqlen_k and some are 0. The rest of each sequence, keys that no query sees (those that
 * mask_mod hides excepted), and what is around them in memory is NaN; entries of a page table that must
 * not be read are wild. With seqlen_new, seqlen_k counts the new keys and is all that there is room
 * for. */
/* As gen_rotary. */
typedef enum trial_rotary { TRIAL_UNROTATED, TRIAL_INTERLEAVED, TRIAL_HALF } trial_rotary;

typedef struct trial_spec {
    num_dtype dtype;
    int batch, heads, heads_kv, seqlen_q, seqlen_k, hdqk, hdv;
    bool causal, lse;
    trial_layout layout;
    float scale;            /* 0: 1/sqrt(hdqk) */
    float q_gain;           /* q's values are of this size instead of 1; 0: 1 */
    uint64_t seed;
    bool blank;             /* q, k and v are zero, and the host holds nothing: no trial_judge() */

    trial_operation operation;
    bool full_lengths;      /* every sequence has all its rows; kvcache: no cache_seqlens */
    int block_size;         /* K and V in pages; 0: not */
    bool rows_first;        /* AITER_KV_ROWS_HEADS */
    trial_cache cache;
    bool fp8;               /* K and V in the arch's E4M3 */
    bool head_scales;       /* a scale for each KV head instead of one */
    bool use_window;
    int window_left, window_right; /* -1: no bound */
    float softcap;
    bool alibi, sink, bias, truncate;

    int room;               /* splits that a workspace has room for; 0: no workspace */
    int num_splits;         /* 0: the library chooses */
    const int *lengths_q, *lengths_k; /* (batch): of the sequences, instead of random ones; NULL */
    int seqlen_new;         /* kvcache: keys that the call appends; of some sequences not all fit. 0: none */
    trial_rotary rotary;    /* of queries and new keys */
    int rotary_dim;

    int score_mod, mask_mod; /* of tools/mods.h; 0: none */
    int block_mask;          /* its size; 0: none. Of its blocks some are hidden, some are full ... */
    int hidden_blocks;       /* ... or, if this is not 0, so many of 100 hidden and none full */
} trial_spec;

/* " cu page64 fp8 window8,-1 softcap30": what a specification has beyond plain attention, "" if nothing. */
enum { TRIAL_VARIANT_MAX = 224 };
void trial_variant_text(const trial_spec *spec, char out[TRIAL_VARIANT_MAX]);

typedef struct trial trial;

/* Makes the inputs, allocates and uploads. false: message in error (a field that cannot be, a HIP
 * error, memory). */
bool trial_create(trial **out, device *d, const trial_spec *spec, char error[DEVICE_ERROR_MAX]);
void trial_destroy(trial *t);

/* Owned by the trial; everything but the stream is set. Each is for its own operations. */
const aiter_attn_args *trial_args(const trial *t);
const aiter_kvcache_args *trial_kvcache_args(const trial *t);
const aiter_varlen_args *trial_varlen_args(const trial *t);
trial_operation trial_operation_of(const trial *t);

/* The problem's operation; of the dense ones, aiter_flash_attn_func. */
aiter_status trial_call(const trial *t, aiter_context *ctx);
aiter_status trial_prepare(const trial *t, aiter_context *ctx, aiter_plan **plan);

/* Products of queries with keys that they see, over all heads. */
double trial_pairs(const trial *t);

/* Query rows and keys of all sequences, of one head. */
double trial_rows(const trial *t);
double trial_keys(const trial *t);

typedef struct trial_verdict {
    bool pass;
    ref_verdict result;
    size_t stray_writes;    /* elements outside out and lse that were changed, or not appended */
    char stray_where[32];   /* the first tensor that they were found in */
} trial_verdict;

/* Synchronises, reads everything back and judges it. The reference is computed once per trial. */
bool trial_judge(trial *t, trial_verdict *verdict, char error[DEVICE_ERROR_MAX]);

/* One line: what failed and where; "" for a pass. */
void trial_explain(const trial_verdict *verdict, char *text, size_t size);

#endif
