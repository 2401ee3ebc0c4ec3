#include <inttypes.h>
#include <stdio.h>

#include "runtime/error.h"
#include "runtime/overlap.h"
#include "runtime/rules.h"
#include "runtime/tensors.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

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

/* (batch, heads, ...): sizes of 1 stand for any in the first `shared` dimensions. */
static aiter_status check_shared(const tensors *t, rt_argument a, const int64_t expected[4],
                                 int shared, const char *const why[4])
{
    const rt_tensor *x = &t->at[a];
    for (int d = 0; d < 4; d++)
        if (x->size[d] != expected[d] && (x->size[d] != 1 || d >= shared))
            return fail_size(x, d, expected[d], why[d]);
    return AITER_OK;
}

static aiter_status check_bias(const tensors *t, int64_t seqlen_q, int64_t seqlen_k)
{
    static const char *const why[] = { "the number of sequences, or 1",
                                       "the number of query heads, or 1",
                                       "the most queries of one, or 1",
                                       "the most keys of a sequence" };
    const int64_t expected[] = { t->batch, size_of(&t->at[RT_Q], HEAD), seqlen_q, seqlen_k };
    return t->has[RT_BIAS] ? check_shared(t, RT_BIAS, expected, 3, why) : AITER_OK;
}

static aiter_status check_block_mask(const tensors *t, int64_t seqlen_q, int64_t seqlen_k)
{
    static const char *const why[] = { "the number of sequences, or 1",
                                       "the number of query heads, or 1",
                                       "blocks for the most queries of one",
                                       "blocks for the most keys of a sequence" };
    if (!t->has[RT_BLOCK_MASK])
        return AITER_OK;
    const int64_t size = t->request->variants.block_mask_size;
    const int64_t expected[] = { t->batch, size_of(&t->at[RT_Q], HEAD), (seqlen_q + size - 1) / size,
                                 (seqlen_k + size - 1) / size };
    return check_shared(t, RT_BLOCK_MASK, expected, 2, why);
}

aiter_status rt_check_tensors(const tensors *t, const gen_arch *arch)
{
    aiter_status status;
    if ((status = check_dtypes(t, arch)) != AITER_OK || (status = check_rows(t)) != AITER_OK ||
        (status = check_numbers(t)) != AITER_OK || (status = check_head_numbers(t)) != AITER_OK ||
        (status = check_groups(t)) != AITER_OK || (status = check_longest(t)) != AITER_OK ||
        (status = check_append(t)) != AITER_OK)
        return status;
    return t->cache ? check_blocks(t) : AITER_OK;
}

aiter_status rt_check_longest(const tensors *t, int64_t seqlen_q, int64_t seqlen_k)
{
    aiter_status status = check_bias(t, seqlen_q, seqlen_k);
    if (status == AITER_OK)
        status = check_appended(t, seqlen_k);
    return status == AITER_OK ? check_block_mask(t, seqlen_q, seqlen_k) : status;
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

aiter_status rt_check_aliasing(const tensors *t)
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
