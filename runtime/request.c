#include "runtime/request.h"

#include <math.h>
#include <stdbool.h>

#include "gen/gen.h"
#include "runtime/error.h"
#include "runtime/sized.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

enum { BLOCK_MASK_STEP = 128, MAX_BLOCK_MASK = 1024 };
enum { MAX_WINDOW = 1 << 29 }; /* kernels add a bound to row numbers below 2^30 in 32 bits */

/* ---- Numbers ---- */

static aiter_status check_flag(const char *name, int value)
{
    if (value == 0 || value == 1)
        return AITER_OK;
    return rt_fail(INVALID, "%s is %d: expected 0 or 1", name, value);
}

static aiter_status check_bound(const char *name, int value, int in_use)
{
    if (!in_use && value != 0)
        return rt_fail(INVALID, "%s is %d: expected 0, or variants.use_window 1", name, value);
    if (value < -1 || value > MAX_WINDOW)
        return rt_fail(INVALID, "%s is %d: expected -1 (no bound) or 0 to %d", name, value,
                       MAX_WINDOW);
    return AITER_OK;
}

static aiter_status check_variants(const aiter_attn_variants *v)
{
    aiter_status status;
    if ((status = check_flag("variants.use_window", v->use_window)) != AITER_OK ||
        (status = check_bound("variants.window_left", v->window_left, v->use_window)) != AITER_OK ||
        (status = check_bound("variants.window_right", v->window_right, v->use_window)) != AITER_OK)
        return status;
    if (!(v->softcap >= 0) || isinf(v->softcap))
        return rt_fail(INVALID, "variants.softcap is %g: expected a positive number, or 0 for none",
                       (double)v->softcap);
    if (v->rounding != AITER_ROUND_NEAREST && v->rounding != AITER_ROUND_TRUNCATE)
        return rt_fail(INVALID,
                       "variants.rounding is %d: expected AITER_ROUND_NEAREST (%d) or "
                       "AITER_ROUND_TRUNCATE (%d)",
                       v->rounding, AITER_ROUND_NEAREST, AITER_ROUND_TRUNCATE);
    return AITER_OK;
}

/* The caller's text becomes the process's copy of it. */
static aiter_status read_expression(const char *name, const char **text)
{
    char why[GEN_ERROR_MAX];
    if (!*text)
        return AITER_OK;
    *text = gen_expression(name, *text, why);
    return *text ? AITER_OK : rt_fail(INVALID, "%s", why);
}

static aiter_status read_mods(aiter_attn_variants *v)
{
    aiter_status status;
    if (v->mod_data && !v->score_mod && !v->mask_mod)
        return rt_fail(INVALID,
                       "variants.mod_data is %p: expected NULL without score_mod and mask_mod",
                       v->mod_data);
    if (v->block_mask_size && !v->block_mask)
        return rt_fail(INVALID, "variants.block_mask_size is %d: expected 0 without block_mask",
                       v->block_mask_size);
    if (v->block_mask_size < 0 || v->block_mask_size > MAX_BLOCK_MASK ||
        v->block_mask_size % BLOCK_MASK_STEP != 0)
        return rt_fail(INVALID,
                       "variants.block_mask_size is %d: expected a multiple of %d up to %d, or 0",
                       v->block_mask_size, BLOCK_MASK_STEP, MAX_BLOCK_MASK);
    if (v->block_mask && !v->block_mask_size)
        v->block_mask_size = BLOCK_MASK_STEP;
    if ((status = read_expression("variants.score_mod", &v->score_mod)) != AITER_OK)
        return status;
    return read_expression("variants.mask_mod", &v->mask_mod);
}

static aiter_status read_variants(const aiter_attn_variants *given, rt_request *out)
{
    aiter_attn_variants *v = &out->variants;
    *v = (aiter_attn_variants){ 0 };
    if (!given)
        return AITER_OK;
    aiter_status status =
        rt_sized_read("aiter_attn_variants", given, v, sizeof *v, _Alignof(aiter_attn_variants));
    if (status == AITER_OK)
        status = check_variants(v);
    if (status == AITER_OK)
        status = read_mods(v);
    out->tensor[RT_ALIBI_SLOPES] = v->alibi_slopes;
    out->tensor[RT_SINKS] = v->sinks;
    out->tensor[RT_BIAS] = v->bias;
    out->tensor[RT_BLOCK_MASK] = v->block_mask;
    return status;
}

static aiter_status check_layout(int layout, int block_size)
{
    if (layout != AITER_KV_HEADS_ROWS && layout != AITER_KV_ROWS_HEADS)
        return rt_fail(INVALID,
                       "kv_layout is %d: expected AITER_KV_HEADS_ROWS (%d) or AITER_KV_ROWS_HEADS "
                       "(%d)",
                       layout, AITER_KV_HEADS_ROWS, AITER_KV_ROWS_HEADS);
    if (block_size < 0)
        return rt_fail(INVALID, "block_size is %d: expected the size of the cache's blocks, or 0",
                       block_size);
    return AITER_OK;
}

static aiter_status check_max(const char *name, int value)
{
    if (value >= 0)
        return AITER_OK;
    return rt_fail(INVALID, "%s is %d: expected 0 or more", name, value);
}

static aiter_status expect_null(const DLTensor *tensor, const char *name, const char *why)
{
    if (!tensor)
        return AITER_OK;
    return rt_fail(INVALID, "%s is a tensor: expected NULL %s", name, why);
}

static aiter_status expect_tensor(const DLTensor *tensor, const char *name, const char *why)
{
    return tensor ? AITER_OK : rt_fail(INVALID, "%s is NULL: expected %s", name, why);
}

/* What is appended to a cache: keys and values, or keys alone if they are the values too. */
static aiter_status check_append(const aiter_kvcache_args *a)
{
    bool shared = a->kv_cache && a->kv_cache->ndim == 4;
    if (!a->k_new)
        return expect_null(a->v_new, "v_new", "without k_new");
    aiter_status status = expect_tensor(a->cache_seqlens, "cache_seqlens",
                                        "the number of keys of each sequence before k_new");
    if (status != AITER_OK)
        return status;
    return shared ? expect_null(a->v_new, "v_new",
                                "beside a 4-dimensional kv_cache, whose keys are its values")
                  : expect_tensor(a->v_new, "v_new", "a tensor beside k_new");
}

static aiter_status check_rotary(const aiter_kvcache_args *a)
{
    aiter_status status = check_flag("rotary_interleaved", a->rotary_interleaved);
    if (status != AITER_OK)
        return status;
    if (!a->rotary_cos && a->rotary_interleaved)
        return rt_fail(INVALID, "rotary_interleaved is 1: expected 0 without rotary_cos");
    if (!a->rotary_cos)
        return expect_null(a->rotary_sin, "rotary_sin", "without rotary_cos");
    if (!a->k_new)
        return expect_null(a->rotary_cos, "rotary_cos", "without k_new");
    return expect_tensor(a->rotary_sin, "rotary_sin", "a tensor beside rotary_cos");
}

/* ---- Structures ---- */

/* Reads the caller's structure of type TYPE into the variable `a`. */
#define READ(TYPE)                                                                           \
    TYPE a;                                                                                  \
    aiter_status status;                                                                     \
    if (!given)                                                                              \
        return rt_fail(INVALID, "args is NULL: expected an " #TYPE);                         \
    if ((status = rt_sized_read(#TYPE, given, &a, sizeof a, _Alignof(TYPE))) != AITER_OK)     \
        return status

aiter_status rt_request_attn(const aiter_attn_args *given, rt_operation operation, rt_request *out)
{
    READ(aiter_attn_args);
    *out = (rt_request){
        .operation = operation,
        .tensor = { [RT_Q] = a.q,
                    [RT_K] = a.k,
                    [RT_V] = a.v,
                    [RT_OUT] = a.out,
                    [RT_LSE] = a.lse,
                    [RT_WORKSPACE] = a.workspace },
        .num_groups = a.num_groups,
        .causal = a.causal,
        .num_splits = a.num_splits,
        .softmax_scale = a.softmax_scale,
        .stream = a.stream,
    };
    if ((status = check_flag("causal", a.causal)) != AITER_OK ||
        (status = check_max("num_splits", a.num_splits)) != AITER_OK)
        return status;
    return read_variants(a.variants, out);
}

aiter_status rt_request_kvcache(const aiter_kvcache_args *given, rt_request *out)
{
    READ(aiter_kvcache_args);
    *out = (rt_request){
        .operation = RT_KVCACHE,
        .tensor = { [RT_Q] = a.q,
                    [RT_K] = a.k_cache,
                    [RT_V] = a.v_cache,
                    [RT_KV] = a.kv_cache,
                    [RT_OUT] = a.out,
                    [RT_LSE] = a.lse,
                    [RT_SEQLENS_K] = a.cache_seqlens,
                    [RT_PAGE_TABLE] = a.page_table,
                    [RT_K_SCALE] = a.k_scale,
                    [RT_V_SCALE] = a.v_scale,
                    [RT_WORKSPACE] = a.workspace,
                    [RT_K_NEW] = a.k_new,
                    [RT_V_NEW] = a.v_new,
                    [RT_ROTARY_COS] = a.rotary_cos,
                    [RT_ROTARY_SIN] = a.rotary_sin },
        .causal = !a.not_causal,
        .interleaved = a.rotary_interleaved,
        .num_splits = a.num_splits,
        .block_size = a.block_size,
        .kv_layout = a.kv_layout,
        .max_seqlen_k = a.max_seq_len,
        .softmax_scale = a.softmax_scale,
        .stream = a.stream,
    };
    if ((status = check_flag("not_causal", a.not_causal)) != AITER_OK ||
        (status = check_layout(a.kv_layout, a.block_size)) != AITER_OK ||
        (status = check_max("max_seq_len", a.max_seq_len)) != AITER_OK ||
        (status = check_max("num_splits", a.num_splits)) != AITER_OK ||
        (status = check_append(&a)) != AITER_OK || (status = check_rotary(&a)) != AITER_OK)
        return status;
    if (a.kv_cache && (a.k_cache || a.v_cache))
        return rt_fail(INVALID, "kv_cache is a tensor: expected NULL beside k_cache and v_cache");
    return read_variants(a.variants, out);
}

/* Keys are counted as queries are unless the caller says otherwise. */
static void default_lengths(rt_request *r)
{
    const DLTensor **t = r->tensor;
    if (t[RT_PAGE_TABLE] || t[RT_CU_SEQLENS_K] || t[RT_SEQLENS_K])
        return;
    t[RT_CU_SEQLENS_K] = t[RT_CU_SEQLENS_Q];
    t[RT_SEQLENS_K] = t[RT_SEQLENS_Q];
}

static aiter_status check_lengths(const aiter_varlen_args *a)
{
    bool packed = a->q && a->q->ndim == 3;
    aiter_status status;
    if (!a->cu_seqlens_q && !a->seq_lengths)
        return rt_fail(INVALID, "seq_lengths is NULL: expected the length of each sequence%s",
                       packed ? ", or cu_seqlens_q" : "");
    if (!packed)
        status = expect_null(a->cu_seqlens_q, "cu_seqlens_q", "for padded q (4 dimensions)");
    else
        status = a->cu_seqlens_q ? expect_null(a->seq_lengths, "seq_lengths", "beside cu_seqlens_q")
                                 : AITER_OK;
    if (status != AITER_OK)
        return status;
    if (a->page_table && !a->seq_lengths_k)
        return rt_fail(INVALID, "seq_lengths_k is NULL: expected the number of keys of each "
                                "sequence, with page_table");
    if (a->page_table)
        return expect_null(a->cu_seqlens_k, "cu_seqlens_k", "with page_table");
    if (!packed)
        return expect_null(a->cu_seqlens_k, "cu_seqlens_k", "for padded k (4 dimensions)");
    return a->cu_seqlens_k ? expect_null(a->seq_lengths_k, "seq_lengths_k", "beside cu_seqlens_k")
                           : AITER_OK;
}

aiter_status rt_request_varlen(const aiter_varlen_args *given, rt_request *out)
{
    READ(aiter_varlen_args);
    *out = (rt_request){
        .operation = RT_VARLEN,
        .tensor = { [RT_Q] = a.q,
                    [RT_K] = a.k,
                    [RT_V] = a.v,
                    [RT_OUT] = a.out,
                    [RT_LSE] = a.lse,
                    [RT_CU_SEQLENS_Q] = a.cu_seqlens_q,
                    [RT_CU_SEQLENS_K] = a.cu_seqlens_k,
                    [RT_SEQLENS_Q] = a.seq_lengths,
                    [RT_SEQLENS_K] = a.seq_lengths_k,
                    [RT_PAGE_TABLE] = a.page_table,
                    [RT_K_SCALE] = a.k_scale,
                    [RT_V_SCALE] = a.v_scale,
                    [RT_WORKSPACE] = a.workspace },
        .causal = a.causal,
        .block_size = a.block_size,
        .kv_layout = a.kv_layout,
        .num_splits = a.num_splits,
        .max_seqlen_q = a.max_seq_len,
        .max_seqlen_k = a.max_seq_len_k,
        .softmax_scale = a.softmax_scale,
        .stream = a.stream,
    };
    if ((status = check_flag("causal", a.causal)) != AITER_OK ||
        (status = check_layout(a.kv_layout, a.block_size)) != AITER_OK ||
        (status = check_max("max_seq_len", a.max_seq_len)) != AITER_OK ||
        (status = check_max("max_seq_len_k", a.max_seq_len_k)) != AITER_OK ||
        (status = check_max("num_splits", a.num_splits)) != AITER_OK ||
        (status = check_lengths(&a)) != AITER_OK)
        return status;
    default_lengths(out);
    return read_variants(a.variants, out);
}
