#include "runtime/problem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/overlap.h"
#include "runtime/sized.h"
#include "runtime/tensor.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT
#define FLOATS (1u << GEN_FP16 | 1u << GEN_BF16 | 1u << GEN_FP32)

/* Dimensions of q, k, v and out. */
enum { BATCH, ROW, HEAD, DIM };
/* Dimensions of lse: batch, head, row. */
enum { LSE_HEAD = 1, LSE_ROW = 2 };

enum { HEAD_DIM_STEP = 8, MAX_HEAD_DIM = 256 };

#define MAY_BE_EMPTY (1u << BATCH | 1u << ROW)

/* q, k, v and out: rows of heads. */
#define ROWS_RULE(tensor, seqlen, head_count, row_length, is_written)           \
    static const rt_tensor_rule tensor##_rule = {                               \
        .name = #tensor,                                                        \
        .rank = 4,                                                              \
        .dims = { "batch", seqlen, head_count, row_length },                    \
        .may_be_empty = MAY_BE_EMPTY,                                           \
        .dtypes = FLOATS,                                                       \
        .row_dim = ROW,                                                         \
        .align_strides = true,                                                  \
        .written = is_written,                                                  \
        .last_step = HEAD_DIM_STEP,                                             \
        .last_max = MAX_HEAD_DIM,                                               \
    }
ROWS_RULE(q, "seqlen_q", "heads", "head_dim", false);
ROWS_RULE(k, "seqlen_k", "heads_kv", "head_dim", false);
ROWS_RULE(v, "seqlen_k", "heads_kv", "head_dim_v", false);
ROWS_RULE(out, "seqlen_q", "heads", "head_dim_v", true);

static const rt_tensor_rule lse_rule = {
    .name = "lse",
    .rank = 3,
    .dims = { "batch", "heads", "seqlen_q" },
    .may_be_empty = 1u << BATCH | 1u << LSE_ROW,
    .dtypes = 1u << GEN_FP32,
    .row_dim = -1,
    .align_strides = false,
    .written = true,
};

typedef struct tensors {
    rt_tensor q, k, v, out, lse;
    bool has_lse;
} tensors;

static aiter_status read_tensors(const aiter_attn_args *a, int device, bool need_data, tensors *t)
{
    aiter_status status;
    t->has_lse = a->lse != NULL;
    if ((status = rt_tensor_read(&q_rule, a->q, device, need_data, &t->q)) != AITER_OK ||
        (status = rt_tensor_read(&k_rule, a->k, device, need_data, &t->k)) != AITER_OK ||
        (status = rt_tensor_read(&v_rule, a->v, device, need_data, &t->v)) != AITER_OK ||
        (status = rt_tensor_read(&out_rule, a->out, device, need_data, &t->out)) != AITER_OK)
        return status;
    return t->has_lse ? rt_tensor_read(&lse_rule, a->lse, device, need_data, &t->lse) : AITER_OK;
}

/* `t`'s dimension d has to equal `reference`'s dimension r. */
static aiter_status same_size(const rt_tensor *t, int d, const rt_tensor *reference, int r)
{
    if (t->size[d] == reference->size[r])
        return AITER_OK;
    return rt_fail(INVALID,
                   "%s.shape[%d] (%s) is %" PRId64 ": expected %" PRId64 ", as %s.shape[%d]",
                   t->rule->name, d, t->rule->dims[d], t->size[d], reference->size[r],
                   reference->rule->name, r);
}

static aiter_status same_dtype(const rt_tensor *t, const rt_tensor *q)
{
    if (t->dtype == q->dtype)
        return AITER_OK;
    return rt_fail(INVALID, "%s.dtype is %s: expected %s, as q.dtype", t->rule->name,
                   gen_dtype_name(t->dtype), gen_dtype_name(q->dtype));
}

static aiter_status check_sizes(const tensors *t)
{
    aiter_status status;
    if ((status = same_size(&t->k, BATCH, &t->q, BATCH)) != AITER_OK ||
        (status = same_size(&t->k, DIM, &t->q, DIM)) != AITER_OK ||
        (status = same_size(&t->v, BATCH, &t->q, BATCH)) != AITER_OK ||
        (status = same_size(&t->v, ROW, &t->k, ROW)) != AITER_OK ||
        (status = same_size(&t->v, HEAD, &t->k, HEAD)) != AITER_OK ||
        (status = same_size(&t->out, BATCH, &t->q, BATCH)) != AITER_OK ||
        (status = same_size(&t->out, ROW, &t->q, ROW)) != AITER_OK ||
        (status = same_size(&t->out, HEAD, &t->q, HEAD)) != AITER_OK ||
        (status = same_size(&t->out, DIM, &t->v, DIM)) != AITER_OK)
        return status;
    if (t->has_lse && ((status = same_size(&t->lse, BATCH, &t->q, BATCH)) != AITER_OK ||
                       (status = same_size(&t->lse, LSE_HEAD, &t->q, HEAD)) != AITER_OK ||
                       (status = same_size(&t->lse, LSE_ROW, &t->q, ROW)) != AITER_OK))
        return status;
    if (t->q.size[HEAD] % t->k.size[HEAD] != 0)
        return rt_fail(INVALID,
                       "q.shape[%d] (heads) is %" PRId64 ": expected a multiple of %" PRId64
                       ", k.shape[%d] (heads_kv)",
                       HEAD, t->q.size[HEAD], t->k.size[HEAD], HEAD);
    return AITER_OK;
}

static aiter_status check_dtypes(const tensors *t)
{
    aiter_status status;
    if ((status = same_dtype(&t->k, &t->q)) != AITER_OK ||
        (status = same_dtype(&t->v, &t->q)) != AITER_OK)
        return status;
    return same_dtype(&t->out, &t->q);
}

/* num_groups: stated for grouped-query attention, and only there. */
static aiter_status check_operation(const aiter_attn_args *a, const tensors *t,
                                    rt_operation operation)
{
    int64_t groups = t->q.size[HEAD] / t->k.size[HEAD];
    bool optional = operation == RT_ANY_OPERATION || operation == RT_GROUPED_QUERY;
    if (!optional && a->num_groups != 0)
        return rt_fail(INVALID,
                       "num_groups is %d: expected 0, only aiter_grouped_query_attention takes it",
                       a->num_groups);
    if (a->num_groups != 0 && a->num_groups != groups)
        return rt_fail(INVALID,
                       "num_groups is %d: expected %" PRId64 " (%" PRId64 " heads / %" PRId64
                       " heads_kv), or 0",
                       a->num_groups, groups, t->q.size[HEAD], t->k.size[HEAD]);
    if (operation == RT_MULTI_QUERY && t->k.size[HEAD] != 1)
        return rt_fail(
            INVALID, "k.shape[%d] (heads_kv) is %" PRId64 ": expected 1 for multi-query attention",
            HEAD, t->k.size[HEAD]);
    return AITER_OK;
}

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

static aiter_status check_aliasing(const tensors *t)
{
    aiter_status status;
    if ((status = check_overlap(&t->out, &t->q)) != AITER_OK ||
        (status = check_overlap(&t->out, &t->k)) != AITER_OK ||
        (status = check_overlap(&t->out, &t->v)) != AITER_OK)
        return status;
    if (t->has_lse && ((status = check_overlap(&t->lse, &t->out)) != AITER_OK ||
                       (status = check_overlap(&t->lse, &t->q)) != AITER_OK ||
                       (status = check_overlap(&t->lse, &t->k)) != AITER_OK ||
                       (status = check_overlap(&t->lse, &t->v)) != AITER_OK))
        return status;
    return AITER_OK;
}

static aiter_status read_scale(float scale, int64_t head_dim, float *scale_log2)
{
    const double log2_e = 1.44269504088896340736;
    double value = scale == 0.0f ? 1.0 / sqrt((double)head_dim) : (double)scale;
    *scale_log2 = (float)(value * log2_e);
    if (!isfinite(*scale_log2))
        return rt_fail(INVALID,
                       "softmax_scale is %g: expected a finite number, or 0 for 1/sqrt(head_dim)",
                       (double)scale);
    return AITER_OK;
}

static void set_config(rt_problem *p, const gen_arch *arch, const tensors *t, int causal)
{
    p->config = (gen_config){
        .op = GEN_FMHA_FWD,
        .arch = arch,
        .dtype = t->q.dtype,
        .hdqk = (int)t->q.size[DIM],
        .hdv = (int)t->v.size[DIM],
        .mask = causal ? GEN_MASK_CAUSAL : GEN_MASK_NONE,
        .gqa = (int)(t->q.size[HEAD] / t->k.size[HEAD]),
        .lse = t->has_lse,
    };
}

static void set_arguments(gen_fmha_fwd_args *a, const tensors *t)
{
    a->q = (const void *)t->q.address;
    a->k = (const void *)t->k.address;
    a->v = (const void *)t->v.address;
    a->out = (void *)t->out.address;
#define STRIDES(x)                            \
    a->x##_stride_batch = t->x.stride[BATCH]; \
    a->x##_stride_row = t->x.stride[ROW];     \
    a->x##_stride_head = t->x.stride[HEAD]
    STRIDES(q);
    STRIDES(k);
    STRIDES(v);
    STRIDES(out);
#undef STRIDES
    a->lse = t->has_lse ? (float *)t->lse.address : NULL;
    a->lse_stride_batch = t->has_lse ? t->lse.stride[BATCH] : 0;
    a->lse_stride_head = t->has_lse ? t->lse.stride[LSE_HEAD] : 0;
    a->batch = (int)t->q.size[BATCH];
    a->num_heads = (int)t->q.size[HEAD];
    a->seqlen_q = (int)t->q.size[ROW];
    a->seqlen_k = (int)t->k.size[ROW];
}

static aiter_status read_args(const aiter_attn_args *given, aiter_attn_args *a)
{
    if (!given)
        return rt_fail(INVALID, "args is NULL: expected an aiter_attn_args");
    aiter_status status =
        rt_sized_read("aiter_attn_args", given, a, sizeof *a, _Alignof(aiter_attn_args));
    if (status != AITER_OK)
        return status;
    if (a->causal != 0 && a->causal != 1)
        return rt_fail(INVALID, "causal is %d: expected 0 or 1", a->causal);
    return AITER_OK;
}

aiter_status rt_problem_read(rt_place place, const aiter_attn_args *given, rt_operation operation,
                             bool need_data, rt_problem *out)
{
    aiter_attn_args a;
    tensors t;
    aiter_status status;
    if ((status = read_args(given, &a)) != AITER_OK ||
        (status = read_tensors(&a, place.device, need_data, &t)) != AITER_OK ||
        (status = check_dtypes(&t)) != AITER_OK || (status = check_sizes(&t)) != AITER_OK ||
        (status = check_operation(&a, &t, operation)) != AITER_OK ||
        (need_data && (status = check_aliasing(&t)) != AITER_OK) ||
        (status = read_scale(a.softmax_scale, t.q.size[DIM], &out->args.scale_log2)) != AITER_OK)
        return status;
    set_config(out, place.arch, &t, a.causal);
    set_arguments(&out->args, &t);
    out->stream = a.stream;
    out->empty = t.out.extent == 0;
    return AITER_OK;
}
