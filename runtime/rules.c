#include "runtime/rules.h"

enum { HEAD_DIM_STEP = 8, MAX_HEAD_DIM = 256 };

#define FLOATS (1u << RT_FP16 | 1u << RT_BF16 | 1u << RT_FP32)
#define CACHED (FLOATS | 1u << RT_BYTE | 1u << RT_FP8_OCP | 1u << RT_FP8_FNUZ)

/* Rows of heads: q, k, v, out. `b`, `r`, `h`: which dimensions are batch, row and head; then the
 * dimensions' names. */
#define ROWS(id, label, count, accepted, is_written, b, r, h, ...)      \
    static const rt_tensor_rule id = {                                  \
        .name = label,                                                  \
        .rank = count,                                                  \
        .dims = { __VA_ARGS__ },                                        \
        .may_be_empty = (b >= 0 ? 1u << (b & 31) : 0u) | 1u << (r),     \
        .dtypes = accepted,                                             \
        .batch_dim = b,                                                 \
        .row_dim = r,                                                   \
        .head_dim = h,                                                  \
        .limit_rows = true,                                             \
        .align = true,                                                  \
        .written = is_written,                                          \
        .last_step = HEAD_DIM_STEP,                                     \
        .last_max = MAX_HEAD_DIM,                                       \
    }

#define PADDED(id, label, is_written, rows, heads, dim) \
    ROWS(id, label, 4, FLOATS, is_written, 0, 1, 2, "batch", rows, heads, dim)
#define PACKED(id, label, is_written, rows, heads, dim) \
    ROWS(id, label, 3, FLOATS, is_written, -1, 0, 1, rows, heads, dim)
/* AITER_KV_HEADS_ROWS and AITER_KV_ROWS_HEADS. */
#define CACHE(id, label, dim)                                                              \
    ROWS(id##_hr, label, 4, CACHED, false, 0, 2, 1, "num_blocks", "heads_kv", "block_size", dim); \
    ROWS(id##_rh, label, 4, CACHED, false, 0, 1, 2, "num_blocks", "block_size", "heads_kv", dim)

PADDED(q_padded, "q", false, "seqlen_q", "heads", "head_dim");
PADDED(k_padded, "k", false, "seqlen_k", "heads_kv", "head_dim");
PADDED(v_padded, "v", false, "seqlen_k", "heads_kv", "head_dim_v");
PADDED(out_padded, "out", true, "seqlen_q", "heads", "head_dim_v");
PACKED(q_packed, "q", false, "total_q", "heads", "head_dim");
PACKED(k_packed, "k", false, "total_k", "heads_kv", "head_dim");
PACKED(v_packed, "v", false, "total_k", "heads_kv", "head_dim_v");
PACKED(out_packed, "out", true, "total_q", "heads", "head_dim_v");
CACHE(k_cache, "k_cache", "head_dim");
CACHE(v_cache, "v_cache", "head_dim_v");
CACHE(k_paged, "k", "head_dim");
CACHE(v_paged, "v", "head_dim_v");
CACHE(kv_shared, "kv_cache", "head_dim");
ROWS(kv_pair_hr, "kv_cache", 5, CACHED, false, 0, 3, 2, "num_blocks", "2", "heads_kv", "block_size",
     "head_dim");
ROWS(kv_pair_rh, "kv_cache", 5, CACHED, false, 0, 2, 3, "num_blocks", "2", "block_size", "heads_kv",
     "head_dim");

#define LSE(id, count, empty, b, r, h, ...)                                          \
    static const rt_tensor_rule id = {                                               \
        .name = "lse", .rank = count, .dims = { __VA_ARGS__ }, .may_be_empty = empty, \
        .dtypes = 1u << RT_FP32, .batch_dim = b, .row_dim = r, .head_dim = h, .written = true, \
    }

LSE(lse_padded, 3, 1u << 0 | 1u << 2, 0, 2, 1, "batch", "heads", "seqlen_q");
LSE(lse_packed, 2, 1u << 1, -1, 1, 0, "heads", "total_q");

/* Numbers beside the tensors of rows. */
#define NUMBERS(label, type, count, ...)                                                      \
    {                                                                                         \
        .name = label, .rank = count, .dims = { __VA_ARGS__ }, .may_be_empty = 1u,            \
        .dtypes = type, .batch_dim = -1, .row_dim = -1, .head_dim = -1,                       \
    }
#define INTS 1u << RT_INT32
#define NUMS 1u << RT_FP32

static const rt_tensor_rule numbers[RT_NUM_ARGUMENTS] = {
    [RT_CU_SEQLENS_Q] = NUMBERS("cu_seqlens_q", INTS, 1, "batch + 1"),
    [RT_CU_SEQLENS_K] = NUMBERS("cu_seqlens_k", INTS, 1, "batch + 1"),
    [RT_SEQLENS_Q] = NUMBERS("seq_lengths", INTS, 1, "batch"),
    [RT_SEQLENS_K] = NUMBERS("seq_lengths_k", INTS, 1, "batch"),
    [RT_PAGE_TABLE] = NUMBERS("page_table", INTS, 2, "batch", "max_blocks_per_seq"),
    [RT_K_SCALE] = NUMBERS("k_scale", NUMS, 1, "1 or heads_kv"),
    [RT_V_SCALE] = NUMBERS("v_scale", NUMS, 1, "1 or heads_kv"),
    [RT_SINKS] = NUMBERS("variants.sinks", NUMS, 1, "heads"),
};

static const rt_tensor_rule cache_seqlens = NUMBERS("cache_seqlens", INTS, 1, "batch");
static const rt_tensor_rule slopes = NUMBERS("variants.alibi_slopes", NUMS, 1, "heads");
static const rt_tensor_rule slopes_2d = NUMBERS("variants.alibi_slopes", NUMS, 2, "batch", "heads");
static const rt_tensor_rule bias = {
    .name = "variants.bias",
    .rank = 4,
    .dims = { "batch", "heads", "seqlen_q", "seqlen_k" },
    .may_be_empty = 1u << 0 | 1u << 2 | 1u << 3,
    .dtypes = FLOATS,
    .batch_dim = 0,
    .row_dim = 2,
    .head_dim = 1,
};

PADDED(k_new, "k_new", false, "seqlen_new", "heads_kv", "head_dim");
PADDED(v_new, "v_new", false, "seqlen_new", "heads_kv", "head_dim_v");

#define ANGLES(id, label)                                                                     \
    static const rt_tensor_rule id = {                                                        \
        .name = label, .rank = 2, .dims = { "seqlen_rotary", "rotary_dim / 2" },              \
        .dtypes = FLOATS, .batch_dim = -1, .row_dim = 0, .head_dim = -1, .align = true,       \
        .last_step = HEAD_DIM_STEP, .last_max = MAX_HEAD_DIM / 2,                             \
    }

ANGLES(rotary_cos, "rotary_cos");
ANGLES(rotary_sin, "rotary_sin");
static const rt_tensor_rule block_mask = {
    .name = "variants.block_mask",
    .rank = 4,
    .dims = { "batch", "heads", "blocks of rows", "blocks of keys" },
    .may_be_empty = 1u << 0 | 1u << 2 | 1u << 3,
    .dtypes = 1u << RT_BYTE,
    .batch_dim = 0,
    .row_dim = 2,
    .head_dim = 1,
};

static const rt_tensor_rule workspace = {
    .name = "workspace",
    .rank = 1,
    .dims = { "elements" },
    .may_be_empty = 1u,
    .dtypes = NUMS,
    .batch_dim = -1,
    .row_dim = -1,
    .head_dim = -1,
    .align = true,
    .written = true,
};

bool rt_is_packed(const rt_request *r)
{
    return r->operation == RT_VARLEN && r->tensor[RT_Q] && r->tensor[RT_Q]->ndim == 3;
}

bool rt_is_cache(const rt_request *r)
{
    return r->operation == RT_KVCACHE || r->tensor[RT_PAGE_TABLE];
}

static const rt_tensor_rule *cache_rule(const rt_request *r, rt_argument argument)
{
    static const rt_tensor_rule *const own[2][2] = { { &k_cache_hr, &k_cache_rh },
                                                     { &v_cache_hr, &v_cache_rh } };
    static const rt_tensor_rule *const paged[2][2] = { { &k_paged_hr, &k_paged_rh },
                                                       { &v_paged_hr, &v_paged_rh } };
    bool value = argument == RT_V, rows_first = r->kv_layout == AITER_KV_ROWS_HEADS;
    return r->operation == RT_KVCACHE ? own[value][rows_first] : paged[value][rows_first];
}

static const rt_tensor_rule *kv_rule(const rt_request *r)
{
    bool rows_first = r->kv_layout == AITER_KV_ROWS_HEADS;
    if (r->tensor[RT_KV]->ndim == 4)
        return rows_first ? &kv_shared_rh : &kv_shared_hr;
    return rows_first ? &kv_pair_rh : &kv_pair_hr;
}

const rt_tensor_rule *rt_rule(const rt_request *r, rt_argument argument)
{
    bool packed = rt_is_packed(r);
    switch (argument) {
    case RT_Q: return packed ? &q_packed : &q_padded;
    case RT_K:
        return rt_is_cache(r) ? cache_rule(r, argument) : packed ? &k_packed : &k_padded;
    case RT_V:
        return rt_is_cache(r) ? cache_rule(r, argument) : packed ? &v_packed : &v_padded;
    case RT_KV: return kv_rule(r);
    case RT_OUT: return packed ? &out_packed : &out_padded;
    case RT_LSE: return packed ? &lse_packed : &lse_padded;
    case RT_SEQLENS_K:
        return r->operation == RT_KVCACHE ? &cache_seqlens : &numbers[RT_SEQLENS_K];
    case RT_ALIBI_SLOPES:
        return r->tensor[RT_ALIBI_SLOPES]->ndim == 2 ? &slopes_2d : &slopes;
    case RT_BIAS: return &bias;
    case RT_BLOCK_MASK: return &block_mask;
    case RT_WORKSPACE: return &workspace;
    case RT_K_NEW: return &k_new;
    case RT_V_NEW: return &v_new;
    case RT_ROTARY_COS: return &rotary_cos;
    case RT_ROTARY_SIN: return &rotary_sin;
    default: return &numbers[argument];
    }
}
