#include "runtime/problem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "runtime/error.h"
#include "runtime/overlap.h"
#include "runtime/rules.h"
#include "runtime/splits.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

static const double LOG2_E = 1.44269504088896340736;

/* What a dimension is, in tensors of rows and in lse. */
typedef enum role { BATCH, ROW, HEAD, DIM } role;

typedef struct tensors {
    const rt_request *request;
    bool has[RT_NUM_ARGUMENTS];
    rt_tensor at[RT_NUM_ARGUMENTS]; /* of those that it has */
    bool packed, cache, paged;
    int64_t batch;
} tensors;

/* Which of `t`'s dimensions it is; -1: none. */
static int dim_of(const rt_tensor *t, role r)
{
    const rt_tensor_rule *rule = t->rule;
    return r == BATCH ? rule->batch_dim : r == ROW ? rule->row_dim : r == HEAD ? rule->head_dim
                                                                               : rule->rank - 1;
}

static int64_t size_of(const rt_tensor *t, role r)
{
    return t->size[dim_of(t, r)];
}

/* Distance in elements; 0 where there is no such dimension. */
static int64_t stride_of(const rt_tensor *t, role r)
{
    int d = dim_of(t, r);
    return d < 0 ? 0 : t->stride[d];
}

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

/* ---- Sizes that have to agree ---- */

static aiter_status fail_size(const rt_tensor *t, int d, int64_t expected, const char *why)
{
    return rt_fail(INVALID, "%s.shape[%d] (%s) is %" PRId64 ": expected %" PRId64 ", %s",
                   t->rule->name, d, t->rule->dims[d], t->size[d], expected, why);
}

/* `t`'s size has to equal that of `reference`, where both have the dimension. */
static aiter_status same_size(const rt_tensor *t, role a, const rt_tensor *reference, role b)
{
    char why[64];
    int d = dim_of(t, a), r = dim_of(reference, b);
    if (d < 0 || r < 0 || t->size[d] == reference->size[r])
        return AITER_OK;
    snprintf(why, sizeof why, "as %s.shape[%d]", reference->rule->name, r);
    return fail_size(t, d, reference->size[r], why);
}

static aiter_status check_rows(const tensors *t)
{
    const rt_tensor *q = &t->at[RT_Q], *k = &t->at[RT_K], *v = &t->at[RT_V], *out = &t->at[RT_OUT],
                    *lse = t->has[RT_LSE] ? &t->at[RT_LSE] : NULL;
    aiter_status status;
    if ((!t->paged && (status = same_size(k, BATCH, q, BATCH)) != AITER_OK) ||
        (status = same_size(k, DIM, q, DIM)) != AITER_OK ||
        (status = t->cache ? same_size(v, BATCH, k, BATCH) : same_size(v, BATCH, q, BATCH)) !=
            AITER_OK ||
        (status = same_size(v, ROW, k, ROW)) != AITER_OK ||
        (status = same_size(v, HEAD, k, HEAD)) != AITER_OK ||
        (status = same_size(out, BATCH, q, BATCH)) != AITER_OK ||
        (status = same_size(out, ROW, q, ROW)) != AITER_OK ||
        (status = same_size(out, HEAD, q, HEAD)) != AITER_OK ||
        (status = same_size(out, DIM, v, DIM)) != AITER_OK)
        return status;
    if (lse && ((status = same_size(lse, BATCH, q, BATCH)) != AITER_OK ||
                (status = same_size(lse, HEAD, q, HEAD)) != AITER_OK ||
                (status = same_size(lse, ROW, q, ROW)) != AITER_OK))
        return status;
    if (size_of(q, HEAD) % size_of(k, HEAD) != 0)
        return rt_fail(INVALID,
                       "q.shape[%d] (heads) is %" PRId64 ": expected a multiple of %" PRId64
                       ", %s.shape[%d] (heads_kv)",
                       dim_of(q, HEAD), size_of(q, HEAD), size_of(k, HEAD), k->rule->name,
                       dim_of(k, HEAD));
    return AITER_OK;
}

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

static aiter_status check_numbers(const tensors *t)
{
    static const struct {
        rt_argument argument;
        int more;
    } counts[] = {
        { RT_CU_SEQLENS_Q, 1 }, { RT_CU_SEQLENS_K, 1 }, { RT_SEQLENS_Q, 0 },
        { RT_SEQLENS_K, 0 },    { RT_PAGE_TABLE, 0 },
    };
    if (t->batch < 0)
        return fail_size(&t->at[RT_CU_SEQLENS_Q], 0, 1, "or more: the number of sequences + 1");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const rt_tensor *x = &t->at[counts[i].argument];
        if (t->has[counts[i].argument] && x->size[0] != t->batch + counts[i].more)
            return fail_size(x, 0, t->batch + counts[i].more,
                             counts[i].more ? "the number of sequences + 1"
                                            : "the number of sequences");
    }
    return AITER_OK;
}

static aiter_status check_head_numbers(const tensors *t)
{
    const rt_tensor *slopes = &t->at[RT_ALIBI_SLOPES], *sinks = &t->at[RT_SINKS];
    int64_t heads = size_of(&t->at[RT_Q], HEAD), heads_kv = size_of(&t->at[RT_K], HEAD);
    int last = t->has[RT_ALIBI_SLOPES] ? slopes->rule->rank - 1 : 0;
    if (t->has[RT_ALIBI_SLOPES] && slopes->size[last] != heads)
        return fail_size(slopes, last, heads, "the number of query heads");
    if (t->has[RT_ALIBI_SLOPES] && last == 1 && slopes->size[0] != t->batch)
        return fail_size(slopes, 0, t->batch, "the number of sequences");
    if (t->has[RT_SINKS] && sinks->size[0] != heads)
        return fail_size(sinks, 0, heads, "the number of query heads");
    for (rt_argument a = RT_K_SCALE; a <= RT_V_SCALE; a++)
        if (t->has[a] && t->at[a].size[0] != 1 && t->at[a].size[0] != heads_kv)
            return fail_size(&t->at[a], 0, heads_kv, "one for each KV head, or 1");
    return AITER_OK;
}

/* ---- dtypes ---- */

static aiter_status same_dtype(const rt_tensor *t, const rt_tensor *reference)
{
    if (t->dtype == reference->dtype)
        return AITER_OK;
    return rt_fail(INVALID, "%s.dtype is %s: expected %s, as %s.dtype", t->rule->name,
                   rt_dtype_name(t->dtype), rt_dtype_name(reference->dtype),
                   reference->rule->name);
}

static bool is_fp8(const rt_tensor *t)
{
    return t->dtype == RT_BYTE || t->dtype == RT_FP8_OCP || t->dtype == RT_FP8_FNUZ;
}

static aiter_status check_fp8(const tensors *t, const rt_tensor *x, const gen_arch *arch)
{
    rt_dtype other = arch->fp8 == GEN_FP8_OCP ? RT_FP8_FNUZ : RT_FP8_OCP;
    if (arch->fp8 != GEN_FP8_NONE && x->dtype == other)
        return rt_fail(AITER_ERROR_UNSUPPORTED,
                       "%s.dtype is %s: expected %s, which is what %s (%s) computes with",
                       x->rule->name, rt_dtype_name(other),
                       rt_dtype_name(other == RT_FP8_OCP ? RT_FP8_FNUZ : RT_FP8_OCP), arch->name,
                       arch->product);
    if (!t->has[RT_K_SCALE] || !t->has[RT_V_SCALE])
        return rt_fail(INVALID, "%s is NULL: expected a tensor, %s is fp8",
                       t->has[RT_K_SCALE] ? "v_scale" : "k_scale", x->rule->name);
    return AITER_OK;
}

static aiter_status check_dtypes(const tensors *t, const gen_arch *arch)
{
    const rt_tensor *q = &t->at[RT_Q], *k = &t->at[RT_K], *v = &t->at[RT_V];
    aiter_status status;
    if (is_fp8(k)) {
        if ((status = same_dtype(v, k)) != AITER_OK || (status = check_fp8(t, k, arch)) != AITER_OK)
            return status;
    } else {
        if ((status = same_dtype(k, q)) != AITER_OK || (status = same_dtype(v, q)) != AITER_OK)
            return status;
        for (rt_argument a = RT_K_SCALE; a <= RT_V_SCALE; a++)
            if (t->has[a])
                return rt_fail(INVALID, "%s is a tensor: expected NULL, %s is not fp8",
                               t->at[a].rule->name, k->rule->name);
    }
    if (t->has[RT_BIAS] && (status = same_dtype(&t->at[RT_BIAS], q)) != AITER_OK)
        return status;
    return same_dtype(&t->at[RT_OUT], q);
}

/* ---- What is appended ---- */

/* Rows of k_new and v_new are those of the cache. */
static aiter_status check_new_rows(const tensors *t, rt_argument added, rt_argument cache)
{
    const rt_tensor *x = &t->at[added], *q = &t->at[RT_Q];
    aiter_status status;
    if (!t->has[added])
        return AITER_OK;
    if ((status = same_dtype(x, q)) != AITER_OK ||
        (status = same_size(x, BATCH, q, BATCH)) != AITER_OK ||
        (status = same_size(x, HEAD, &t->at[cache], HEAD)) != AITER_OK ||
        (status = same_size(x, DIM, &t->at[cache], DIM)) != AITER_OK ||
        (status = same_size(x, ROW, &t->at[RT_K_NEW], ROW)) != AITER_OK)
        return status;
    return rt_tensor_check_distinct(&t->at[cache]);
}

static aiter_status check_rotary(const tensors *t)
{
    const rt_tensor *cosines = &t->at[RT_ROTARY_COS], *sines = &t->at[RT_ROTARY_SIN];
    int64_t most = size_of(&t->at[RT_Q], DIM) / 16 * 16;
    aiter_status status;
    if (!t->has[RT_ROTARY_COS])
        return AITER_OK;
    if ((status = same_dtype(cosines, &t->at[RT_Q])) != AITER_OK ||
        (status = same_dtype(sines, &t->at[RT_Q])) != AITER_OK ||
        (status = same_size(sines, ROW, cosines, ROW)) != AITER_OK ||
        (status = same_size(sines, DIM, cosines, DIM)) != AITER_OK)
        return status;
    if (2 * cosines->size[1] > most)
        return rt_fail(INVALID,
                       "rotary_cos.shape[1] (rotary_dim / 2) is %" PRId64
                       ": expected at most %" PRId64 ", rotary_dim is a multiple of 16 up to head_dim",
                       cosines->size[1], most / 2);
    return AITER_OK;
}

/* The most keys of a sequence: what is appended has to fit, and to have angles. */
static aiter_status check_appended(const tensors *t, int64_t seqlen_k)
{
    const rt_tensor *added = &t->at[RT_K_NEW], *cosines = &t->at[RT_ROTARY_COS];
    if (t->has[RT_K_NEW] && size_of(added, ROW) > seqlen_k)
        return rt_fail(INVALID,
                       "k_new.shape[1] (seqlen_new) is %" PRId64 ": expected at most %" PRId64
                       ", the keys that a sequence has room for",
                       size_of(added, ROW), seqlen_k);
    if (t->has[RT_ROTARY_COS] && cosines->size[0] < seqlen_k)
        return rt_fail(INVALID,
                       "rotary_cos.shape[0] (seqlen_rotary) is %" PRId64
                       ": expected at least %" PRId64
                       ", the keys that a sequence has room for; max_seq_len can say fewer",
                       cosines->size[0], seqlen_k);
    return AITER_OK;
}

static aiter_status check_append(const tensors *t)
{
    aiter_status status;
    if ((status = check_new_rows(t, RT_K_NEW, RT_K)) != AITER_OK ||
        (status = check_new_rows(t, RT_V_NEW, RT_V)) != AITER_OK)
        return status;
    return check_rotary(t);
}

/* ---- The operation's own fields ---- */

/* num_groups: stated for grouped-query attention, and only there. */
static aiter_status check_groups(const tensors *t)
{
    const rt_request *r = t->request;
    const rt_tensor *k = &t->at[RT_K];
    int64_t heads = size_of(&t->at[RT_Q], HEAD), heads_kv = size_of(k, HEAD);
    bool optional = r->operation == RT_ANY_OPERATION || r->operation == RT_GROUPED_QUERY;
    if (!optional && r->num_groups != 0)
        return rt_fail(INVALID,
                       "num_groups is %d: expected 0, only aiter_grouped_query_attention takes it",
                       r->num_groups);
    if (r->num_groups != 0 && r->num_groups != heads / heads_kv)
        return rt_fail(INVALID,
                       "num_groups is %d: expected %" PRId64 " (%" PRId64 " heads / %" PRId64
                       " heads_kv), or 0",
                       r->num_groups, heads / heads_kv, heads, heads_kv);
    if (r->operation == RT_MULTI_QUERY && heads_kv != 1)
        return rt_fail(
            INVALID, "k.shape[%d] (heads_kv) is %" PRId64 ": expected 1 for multi-query attention",
            dim_of(k, HEAD), heads_kv);
    return AITER_OK;
}

static aiter_status check_blocks(const tensors *t)
{
    const rt_tensor *k = &t->at[RT_K];
    int64_t rows = size_of(k, ROW);
    int stated = t->request->block_size;
    if (stated != 0 && stated != rows)
        return rt_fail(INVALID, "block_size is %d: expected %" PRId64 ", %s.shape[%d], or 0",
                       stated, rows, k->rule->name, dim_of(k, ROW));
    if (t->paged && (rows < 16 || rows > 1024 || rows % 16 != 0))
        return rt_fail(INVALID,
                       "%s.shape[%d] (block_size) is %" PRId64
                       ": expected a multiple of 16 from 16 to 1024",
                       k->rule->name, dim_of(k, ROW), rows);
    return AITER_OK;
}

/* What the caller says of the longest sequence cannot be more than there is room for. */
static aiter_status check_longest(const tensors *t)
{
    const rt_request *r = t->request;
    const rt_tensor *q = &t->at[RT_Q], *k = &t->at[RT_K];
    if (t->packed)
        return AITER_OK;
    if (r->max_seqlen_q > size_of(q, ROW))
        return rt_fail(INVALID, "max_seq_len is %d: expected at most %" PRId64 ", q.shape[%d]",
                       r->max_seqlen_q, size_of(q, ROW), dim_of(q, ROW));
    if (!t->paged && r->max_seqlen_k > size_of(k, ROW))
        return rt_fail(INVALID, "%s is %d: expected at most %" PRId64 ", %s.shape[%d]",
                       r->operation == RT_KVCACHE ? "max_seq_len" : "max_seq_len_k",
                       r->max_seqlen_k, size_of(k, ROW), k->rule->name, dim_of(k, ROW));
    return AITER_OK;
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

/* Sizes of 1 stand for any. */
static aiter_status check_bias(const tensors *t, int64_t seqlen_q, int64_t seqlen_k)
{
    const rt_tensor *b = &t->at[RT_BIAS];
    const int64_t expected[] = { t->batch, size_of(&t->at[RT_Q], HEAD), seqlen_q, seqlen_k };
    if (!t->has[RT_BIAS])
        return AITER_OK;
    for (int d = 0; d < 4; d++)
        if (b->size[d] != expected[d] && (b->size[d] != 1 || d == 3))
            return fail_size(b, d, expected[d], d == 3 ? "the most keys of a sequence"
                                                : d == 2 ? "the most queries of one, or 1"
                                                : d == 1 ? "the number of query heads, or 1"
                                                         : "the number of sequences, or 1");
    return AITER_OK;
}

/* Likewise, but for the numbers of blocks. */
static aiter_status check_block_mask(const tensors *t, int64_t seqlen_q, int64_t seqlen_k)
{
    const rt_tensor *m = &t->at[RT_BLOCK_MASK];
    if (!t->has[RT_BLOCK_MASK])
        return AITER_OK;
    const int64_t size = t->request->variants.block_mask_size;
    const int64_t expected[] = { t->batch, size_of(&t->at[RT_Q], HEAD), (seqlen_q + size - 1) / size,
                                 (seqlen_k + size - 1) / size };
    for (int d = 0; d < 4; d++)
        if (m->size[d] != expected[d] && (m->size[d] != 1 || d >= 2))
            return fail_size(m, d, expected[d], d == 3 ? "blocks for the most keys of a sequence"
                                                : d == 2 ? "blocks for the most queries of one"
                                                : d == 1 ? "the number of query heads, or 1"
                                                         : "the number of sequences, or 1");
    return AITER_OK;
}

/* ---- Memory ---- */

static aiter_status check_overlap(const rt_tensor *written, const rt_tensor *other)
{
    if (!rt_overlap(written, other))
        return AITER_OK;
    return rt_fail(INVALID,
                   "%s.data is 0x%" PRIxPTR ": expected memory apart from %s (0x%" PRIxPTR
                   ", %" PRIu64 " bytes)",
                   written->rule->name, written->address, other->rule->name, other->address,
                   other->extent);
}

/* Bits of rt_argument. A cache is written if something is appended. */
static unsigned written_arguments(const tensors *t)
{
    return 1u << RT_OUT | 1u << RT_LSE | 1u << RT_WORKSPACE | (unsigned)t->has[RT_K_NEW] << RT_K |
           (unsigned)t->has[RT_V_NEW] << RT_V;
}

/* Two tensors that are written are compared once; those of one cache, and values that are the keys, are
 * the same memory. */
static aiter_status check_apart(const tensors *t, rt_argument w, unsigned written)
{
    unsigned skipped = (written & ~0u << w) | 1u << w;
    if (w == RT_K || w == RT_V)
        skipped |= 1u << RT_KV | (w == RT_K ? 1u << RT_V : 0);
    for (rt_argument a = 0; a < RT_NUM_ARGUMENTS; a++) {
        if (!t->has[a] || skipped >> a & 1)
            continue;
        aiter_status status = check_overlap(&t->at[w], &t->at[a]);
        if (status != AITER_OK)
            return status;
    }
    return AITER_OK;
}

static aiter_status check_aliasing(const tensors *t)
{
    const unsigned written = written_arguments(t);
    for (rt_argument w = 0; w < RT_NUM_ARGUMENTS; w++) {
        if (!t->has[w] || !(written >> w & 1))
            continue;
        aiter_status status = check_apart(t, w, written);
        if (status != AITER_OK)
            return status;
    }
    return AITER_OK;
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

static aiter_status check(const tensors *t, const gen_arch *arch)
{
    aiter_status status;
    if ((status = check_dtypes(t, arch)) != AITER_OK || (status = check_rows(t)) != AITER_OK ||
        (status = check_numbers(t)) != AITER_OK || (status = check_head_numbers(t)) != AITER_OK ||
        (status = check_groups(t)) != AITER_OK || (status = check_longest(t)) != AITER_OK ||
        (status = check_append(t)) != AITER_OK)
        return status;
    return t->cache ? check_blocks(t) : AITER_OK;
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
    if ((status = check(&t, place.arch)) != AITER_OK ||
        (status = count_keys(&t, &seqlen_k)) != AITER_OK ||
        (status = check_bias(&t, count_queries(&t), seqlen_k)) != AITER_OK ||
        (status = check_appended(&t, seqlen_k)) != AITER_OK ||
        (status = check_block_mask(&t, count_queries(&t), seqlen_k)) != AITER_OK ||
        (need_data && (status = check_aliasing(&t)) != AITER_OK) ||
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
