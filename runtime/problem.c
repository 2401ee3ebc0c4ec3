#include "runtime/problem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "runtime/error.h"
#include "runtime/rules.h"
#include "runtime/splits.h"
#include "runtime/tensors.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

static const double LOG2_E = 1.44269504088896340736;

/* ---- Reading ---- */

static bool is_required(const rt_request *r, rt_argument a)
{
    return a == RT_Q || a == RT_OUT || ((a == RT_K || a == RT_V) && !r->tensor[RT_KV]);
}

/* One tensor that holds keys and values: two slices along dimension 1, or the same elements. */
static aiter_status split_cache(tensors *t)
{
    const rt_tensor *kv = &t->at[RT_KV];
    rt_tensor *k = &t->at[RT_K], *v = &t->at[RT_V];
    *k = *v = *kv;
    t->has[RT_K] = t->has[RT_V] = true;
    if (kv->rule->rank < 5)
        return AITER_OK;
    if (kv->size[1] != 2)
        return rt_fail(INVALID,
                       "kv_cache.shape[1] is %" PRId64
                       ": expected 2, keys and values (num_blocks, 2, ...)",
                       kv->size[1]);
    uint64_t apart = (uint64_t)kv->stride[1] * (unsigned)kv->elem_bytes;
    v->address += apart;
    k->size[1] = v->size[1] = 1; /* each is one half */
    if (kv->extent > 0)
        k->extent = v->extent = kv->extent - apart;
    return AITER_OK;
}

static aiter_status read_tensors(const rt_request *r, int device, bool need_data, tensors *t)
{
    t->request = r;
    t->packed = rt_is_packed(r);
    t->cache = rt_is_cache(r);
    t->paged = r->tensor[RT_PAGE_TABLE] != NULL;
    for (rt_argument a = 0; a < RT_NUM_ARGUMENTS; a++) {
        t->has[a] = false;
        if (!r->tensor[a] && !is_required(r, a))
            continue;
        aiter_status status =
            rt_tensor_read(rt_rule(r, a), r->tensor[a], device, need_data, &t->at[a]);
        if (status != AITER_OK)
            return status;
        t->has[a] = true;
    }
    return t->has[RT_KV] ? split_cache(t) : AITER_OK;
}

/* ---- Counts ---- */

/* The number of sequences: q's, or that of the tensor that says where they are in it. */
static void count_sequences(tensors *t)
{
    if (!t->packed)
        t->batch = size_of(&t->at[RT_Q], BATCH);
    else if (t->has[RT_CU_SEQLENS_Q])
        t->batch = t->at[RT_CU_SEQLENS_Q].size[0] - 1;
    else
        t->batch = t->at[RT_SEQLENS_Q].size[0];
}

/* The most keys that a sequence can have. */
static aiter_status count_keys(const tensors *t, int64_t *out)
{
    const rt_request *r = t->request;
    int64_t rows = size_of(&t->at[RT_K], ROW);
    const rt_tensor *table = &t->at[RT_PAGE_TABLE];
    if (t->paged && table->size[1] > RT_MAX_SIZE / rows)
        return rt_fail(INVALID,
                       "page_table.shape[1] (max_blocks_per_seq) is %" PRId64
                       ": expected at most %" PRId64 " blocks of %" PRId64 " keys",
                       table->size[1], RT_MAX_SIZE / rows, rows);
    *out = t->paged ? table->size[1] * rows : rows;
    if (r->max_seqlen_k == 0 || r->max_seqlen_k == *out)
        return AITER_OK;
    if (t->paged && r->max_seqlen_k > *out)
        return rt_fail(INVALID,
                       "page_table.shape[1] (max_blocks_per_seq) is %" PRId64
                       ": expected at least %" PRId64 ", blocks of %" PRId64
                       " keys for %d keys (%s)",
                       table->size[1], (r->max_seqlen_k + rows - 1) / rows, rows, r->max_seqlen_k,
                       r->operation == RT_KVCACHE ? "max_seq_len" : "max_seq_len_k");
    if (r->max_seqlen_k < *out)
        *out = r->max_seqlen_k;
    return AITER_OK;
}

static int64_t count_queries(const tensors *t)
{
    int64_t rows = size_of(&t->at[RT_Q], ROW);
    int most = t->request->max_seqlen_q;
    return most != 0 && most < rows ? most : rows;
}

/* ---- The kernel and its arguments ---- */

static gen_seqlens seqlens(const tensors *t, rt_argument lengths, rt_argument cu, bool packed)
{
    if (t->has[cu])
        return GEN_SEQ_CU;
    return !t->has[lengths] ? GEN_SEQ_FIXED : packed ? GEN_SEQ_PACKED : GEN_SEQ_USED;
}

static gen_window window(const aiter_attn_variants *v)
{
    return !v->use_window ? GEN_WINDOW_NONE
                          : (v->window_left >= 0 ? GEN_WINDOW_LEFT : 0) |
                                (v->window_right >= 0 ? GEN_WINDOW_RIGHT : 0);
}

static gen_rotary rotary(const tensors *t)
{
    return !t->has[RT_ROTARY_COS]       ? GEN_ROTARY_NONE
           : t->request->interleaved ? GEN_ROTARY_INTERLEAVED
                                        : GEN_ROTARY_HALF;
}

static void set_config(gen_config *c, const gen_arch *arch, const tensors *t)
{
    const rt_request *r = t->request;
    const rt_tensor *q = &t->at[RT_Q], *k = &t->at[RT_K];
    *c = (gen_config){
        .op = GEN_FMHA_FWD,
        .arch = arch,
        .dtype = (gen_dtype)q->dtype,
        .hdqk = (int)size_of(q, DIM),
        .hdv = (int)size_of(&t->at[RT_V], DIM),
        .mask = r->causal ? GEN_MASK_CAUSAL : GEN_MASK_NONE,
        .gqa = (int)(size_of(q, HEAD) / size_of(k, HEAD)),
        .lse = t->has[RT_LSE],
        .window = window(&r->variants),
        .softcap = r->variants.softcap > 0,
        .alibi = t->has[RT_ALIBI_SLOPES],
        .sink = t->has[RT_SINKS],
        .bias = t->has[RT_BIAS],
        .rounding = r->variants.rounding == AITER_ROUND_TRUNCATE ? GEN_ROUND_TRUNCATE
                                                                 : GEN_ROUND_NEAREST,
        .seqlens_q = seqlens(t, RT_SEQLENS_Q, RT_CU_SEQLENS_Q, t->packed),
        .seqlens_k = seqlens(t, RT_SEQLENS_K, RT_CU_SEQLENS_K, t->packed && !t->paged),
        .block_size = t->paged ? (int)size_of(k, ROW) : 0,
        .kv = is_fp8(k) ? GEN_KV_FP8 : GEN_KV_SAME,
        .append = t->has[RT_K_NEW],
        .rotary = rotary(t),
        .rotary_dim = t->has[RT_ROTARY_COS] ? 2 * (int)t->at[RT_ROTARY_COS].size[1] : 0,
        .block_mask = r->variants.block_mask_size,
        .score_mod = r->variants.score_mod,
        .mask_mod = r->variants.mask_mod,
    };
    gen_config_canonicalise(c);
}

static void set_rows(gen_fmha_fwd_args *a, const tensors *t)
{
    const rt_tensor *q = &t->at[RT_Q], *k = &t->at[RT_K], *v = &t->at[RT_V], *out = &t->at[RT_OUT],
                    *lse = &t->at[RT_LSE];
    a->q = (const void *)q->address;
    a->k = (const void *)k->address;
    a->v = (const void *)v->address;
    a->out = (void *)out->address;
#define STRIDES(x)                             \
    a->x##_stride_batch = stride_of(x, BATCH); \
    a->x##_stride_row = stride_of(x, ROW);     \
    a->x##_stride_head = stride_of(x, HEAD)
    STRIDES(q);
    STRIDES(k);
    STRIDES(v);
    STRIDES(out);
#undef STRIDES
    a->lse = t->has[RT_LSE] ? (float *)lse->address : NULL;
    a->lse_stride_batch = t->has[RT_LSE] ? stride_of(lse, BATCH) : 0;
    a->lse_stride_head = t->has[RT_LSE] ? stride_of(lse, HEAD) : 0;
    a->batch = (int)t->batch;
    a->num_heads = (int)size_of(q, HEAD);
}

static const void *data(const tensors *t, rt_argument a)
{
    return t->has[a] ? (const void *)t->at[a].address : NULL;
}

/* Strides of dimensions of size 1 become 0: one for all. */
static int64_t shared_stride(const tensors *t, rt_argument a, int d)
{
    const rt_tensor *x = &t->at[a];
    return t->has[a] && x->size[d] != 1 ? x->stride[d] : 0;
}

static void set_variants(gen_fmha_fwd_args *a, const tensors *t)
{
    bool slopes_differ = t->has[RT_ALIBI_SLOPES] && t->at[RT_ALIBI_SLOPES].rule->rank == 2;
    a->window_left = t->request->variants.window_left;
    a->window_right = t->request->variants.window_right;
    a->alibi_slopes = data(t, RT_ALIBI_SLOPES);
    a->alibi_stride_batch = slopes_differ ? t->at[RT_ALIBI_SLOPES].stride[0] : 0;
    a->sinks = data(t, RT_SINKS);
    a->bias = data(t, RT_BIAS);
    a->bias_stride_batch = shared_stride(t, RT_BIAS, 0);
    a->bias_stride_head = shared_stride(t, RT_BIAS, 1);
    a->bias_stride_row = shared_stride(t, RT_BIAS, 2);
    a->mod_data = t->request->variants.mod_data;
    a->block_mask = data(t, RT_BLOCK_MASK);
    a->block_mask_stride_batch = shared_stride(t, RT_BLOCK_MASK, 0);
    a->block_mask_stride_head = shared_stride(t, RT_BLOCK_MASK, 1);
    a->block_mask_stride_row = shared_stride(t, RT_BLOCK_MASK, 2);
}

static void set_lengths(gen_fmha_fwd_args *a, const tensors *t)
{
    a->seqlens_q = data(t, t->has[RT_CU_SEQLENS_Q] ? RT_CU_SEQLENS_Q : RT_SEQLENS_Q);
    a->seqlens_k = data(t, t->has[RT_CU_SEQLENS_K] ? RT_CU_SEQLENS_K : RT_SEQLENS_K);
    a->total_q = (int)size_of(&t->at[RT_Q], ROW);
    a->total_k = (int)size_of(&t->at[RT_K], ROW);
    a->page_table = data(t, RT_PAGE_TABLE);
    a->page_table_stride = t->paged ? t->at[RT_PAGE_TABLE].stride[0] : 0;
    a->k_scale = data(t, RT_K_SCALE);
    a->v_scale = data(t, RT_V_SCALE);
    a->k_scale_stride = shared_stride(t, RT_K_SCALE, 0) != 0;
    a->v_scale_stride = shared_stride(t, RT_V_SCALE, 0) != 0;
}

static void set_append(gen_fmha_fwd_args *a, const tensors *t)
{
    const rt_tensor *k = &t->at[RT_K_NEW], *v = &t->at[t->has[RT_V_NEW] ? RT_V_NEW : RT_K_NEW];
    a->seqlen_new = t->has[RT_K_NEW] ? (int)size_of(k, ROW) : 0;
    if (!t->has[RT_K_NEW])
        return;
    a->k_new = data(t, RT_K_NEW);
    a->v_new = data(t, RT_V_NEW);
    a->k_new_stride_batch = stride_of(k, BATCH);
    a->k_new_stride_row = stride_of(k, ROW);
    a->k_new_stride_head = stride_of(k, HEAD);
    a->v_new_stride_batch = stride_of(v, BATCH);
    a->v_new_stride_row = stride_of(v, ROW);
    a->v_new_stride_head = stride_of(v, HEAD);
    a->num_heads_kv = (int)size_of(k, HEAD);
    a->rotary_cos = data(t, RT_ROTARY_COS);
    a->rotary_sin = data(t, RT_ROTARY_SIN);
    if (t->has[RT_ROTARY_COS]) {
        a->rotary_cos_stride = t->at[RT_ROTARY_COS].stride[0];
        a->rotary_sin_stride = t->at[RT_ROTARY_SIN].stride[0];
        a->seqlen_rotary = (int)t->at[RT_ROTARY_COS].size[0];
    }
}

static aiter_status set_scale(gen_fmha_fwd_args *a, const tensors *t)
{
    const rt_request *r = t->request;
    double given = (double)r->softmax_scale, softcap = (double)r->variants.softcap;
    double scale = given == 0 ? 1.0 / sqrt((double)size_of(&t->at[RT_Q], DIM)) : given;
    a->scale_log2 = (float)(scale * LOG2_E);
    if (!isfinite(a->scale_log2))
        return rt_fail(INVALID,
                       "softmax_scale is %g: expected a finite number, or 0 for 1/sqrt(head_dim)",
                       given);
    if (softcap > 0) {
        a->softcap_in = (float)(2 * scale * LOG2_E / softcap);
        a->softcap_out = (float)(softcap * LOG2_E);
        if (!isfinite(a->softcap_in) || !isfinite(a->softcap_out))
            return rt_fail(INVALID,
                           "variants.softcap is %g: expected a number such that it and "
                           "softmax_scale / softcap are finite in fp32",
                           softcap);
    }
    return AITER_OK;
}

aiter_status rt_problem_read(rt_place place, const rt_request *request, bool need_data,
                             rt_problem *out)
{
    tensors t;
    int64_t seqlen_k = 0;
    aiter_status status = read_tensors(request, place.device, need_data, &t);
    if (status != AITER_OK)
        return status;
    count_sequences(&t);
    if ((status = rt_check_tensors(&t, place.arch)) != AITER_OK ||
        (status = count_keys(&t, &seqlen_k)) != AITER_OK ||
        (status = rt_check_longest(&t, count_queries(&t), seqlen_k)) != AITER_OK ||
        (need_data && (status = rt_check_aliasing(&t)) != AITER_OK) ||
        (status = set_scale(&out->args, &t)) != AITER_OK)
        return status;
    set_config(&out->config, place.arch, &t);
    set_rows(&out->args, &t);
    set_variants(&out->args, &t);
    set_lengths(&out->args, &t);
    set_append(&out->args, &t);
    out->args.seqlen_q = (int)count_queries(&t);
    out->args.seqlen_k = (int)seqlen_k;
    out->args.partial = (float *)data(&t, RT_WORKSPACE);
    status = rt_split(out, t.cache || request->operation == RT_VARLEN, request->num_splits,
                      t.has[RT_WORKSPACE] ? t.at[RT_WORKSPACE].size[0] : -1);
    if (status != AITER_OK)
        return status;
    out->stream = request->stream;
    out->empty = t.at[RT_OUT].extent == 0 || t.batch == 0;
    return AITER_OK;
}
