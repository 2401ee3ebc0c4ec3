#include "runtime/merge.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/overlap.h"
#include "runtime/sized.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

/* Outputs are even, their log-sum-exps follow them. */
enum { OUT_A, LSE_A, OUT_B, LSE_B, OUT, LSE, COUNT };

/* ---- What each tensor has to look like: padded (by batch entry) or packed ---- */

#define ROWS(label, is_written, count, empty, b, ...)                                        \
    {                                                                                        \
        .name = label, .rank = count, .dims = { __VA_ARGS__ }, .may_be_empty = empty,        \
        .dtypes = 1u << RT_FP16 | 1u << RT_BF16 | 1u << RT_FP32, .batch_dim = b,             \
        .row_dim = b + 1, .head_dim = b + 2, .align = true, .written = is_written,           \
        .last_step = 8, .last_max = 256,                                                     \
    }
#define SUMS(label, is_written, count, empty, b, ...)                                        \
    {                                                                                        \
        .name = label, .rank = count, .dims = { __VA_ARGS__ }, .may_be_empty = empty,        \
        .dtypes = 1u << RT_FP32, .batch_dim = b, .head_dim = b + 1, .row_dim = b + 2,        \
        .written = is_written,                                                               \
    }
#define PADDED_ROWS(label, written) \
    ROWS(label, written, 4, 3u, 0, "batch", "seqlen", "heads", "head_dim_v")
#define PADDED_SUMS(label, written) SUMS(label, written, 3, 5u, 0, "batch", "heads", "seqlen")
#define PACKED_ROWS(label, written) \
    ROWS(label, written, 3, 1u, -1, "total", "heads", "head_dim_v")
#define PACKED_SUMS(label, written) SUMS(label, written, 2, 2u, -1, "heads", "total")

static const rt_tensor_rule rules[2][COUNT] = {
    { PADDED_ROWS("out_a", false), PADDED_SUMS("lse_a", false), PADDED_ROWS("out_b", false),
      PADDED_SUMS("lse_b", false), PADDED_ROWS("out", true), PADDED_SUMS("lse", true) },
    { PACKED_ROWS("out_a", false), PACKED_SUMS("lse_a", false), PACKED_ROWS("out_b", false),
      PACKED_SUMS("lse_b", false), PACKED_ROWS("out", true), PACKED_SUMS("lse", true) },
};

/* ---- Checks ---- */

static aiter_status read_tensors(const aiter_merge_args *a, int device, bool need_data,
                                 rt_tensor t[COUNT])
{
    const DLTensor *given[COUNT] = { a->out_a, a->lse_a, a->out_b, a->lse_b, a->out, a->lse };
    bool packed = a->out_a && a->out_a->ndim == 3;
    for (int i = 0; i < COUNT; i++) {
        t[i].rule = NULL;
        if (i == LSE && !given[i])
            continue;
        aiter_status status = rt_tensor_read(&rules[packed][i], given[i], device, need_data, &t[i]);
        if (status != AITER_OK)
            return status;
    }
    return AITER_OK;
}

/* Sizes as out_a's, by what the dimensions are: a log-sum-exp has them in another order. */
static aiter_status check_sizes(const rt_tensor *t, const rt_tensor *reference)
{
    const rt_tensor_rule *r = t->rule, *s = reference->rule;
    bool has_dim = r->last_step != 0;
    const int pairs[4][2] = { { r->batch_dim, s->batch_dim },
                              { r->row_dim, s->row_dim },
                              { r->head_dim, s->head_dim },
                              { has_dim ? r->rank - 1 : -1, s->rank - 1 } };
    for (int i = 0; i < 4; i++) {
        int d = pairs[i][0], e = pairs[i][1];
        if (d >= 0 && t->size[d] != reference->size[e])
            return rt_fail(INVALID,
                           "%s.shape[%d] (%s) is %" PRId64 ": expected %" PRId64
                           ", as %s.shape[%d]",
                           r->name, d, r->dims[d], t->size[d], reference->size[e], s->name, e);
    }
    if (has_dim && t->dtype != reference->dtype)
        return rt_fail(INVALID, "%s.dtype is %s: expected %s, as %s.dtype", r->name,
                       rt_dtype_name(t->dtype), rt_dtype_name(reference->dtype), s->name);
    return AITER_OK;
}

/* The same elements in the same places. */
static bool is_same(const rt_tensor *a, const rt_tensor *b)
{
    return a->address == b->address && a->rule->rank == b->rule->rank &&
           memcmp(a->stride, b->stride, (size_t)a->rule->rank * sizeof a->stride[0]) == 0;
}

static aiter_status check_aliasing(const rt_tensor t[COUNT])
{
    for (int w = OUT; w <= LSE; w++)
        for (int i = 0; i < w; i++) {
            bool may_be_same = i % 2 == w % 2;
            if (!t[w].rule || (may_be_same && is_same(&t[w], &t[i])) || !rt_overlap(&t[w], &t[i]))
                continue;
            return rt_fail(INVALID,
                           "%s.data is 0x%" PRIxPTR ": expected memory apart from %s (0x%" PRIxPTR
                           ", %" PRIu64 " bytes)%s",
                           t[w].rule->name, t[w].address, t[i].rule->name, t[i].address,
                           t[i].extent, may_be_same ? ", or the same with the same strides" : "");
        }
    return AITER_OK;
}

static aiter_status check(const rt_tensor t[COUNT], bool need_data)
{
    for (int i = LSE_A; i < COUNT; i++) {
        aiter_status status = t[i].rule ? check_sizes(&t[i], &t[OUT_A]) : AITER_OK;
        if (status != AITER_OK)
            return status;
    }
    return need_data ? check_aliasing(t) : AITER_OK;
}

/* ---- The kernel and its arguments ---- */

static int64_t stride_at(const rt_tensor *t, int d)
{
    return d < 0 ? 0 : t->stride[d];
}

static void set_args(gen_merge_states_args *m, const rt_tensor t[COUNT])
{
    const rt_tensor_rule *r = t[OUT].rule;
    *m = (gen_merge_states_args){
        .batch = r->batch_dim < 0 ? 1 : (int)t[OUT].size[r->batch_dim],
        .num_heads = (int)t[OUT].size[r->head_dim],
        .seqlen = (int)t[OUT].size[r->row_dim],
    };
#define PLACE(name, tensor)                                                        \
    m->name = (void *)(tensor).address;                                            \
    m->name##_stride_batch = stride_at(&(tensor), (tensor).rule->batch_dim);       \
    m->name##_stride_head = stride_at(&(tensor), (tensor).rule->head_dim)
    PLACE(out_a, t[OUT_A]);
    PLACE(out_b, t[OUT_B]);
    PLACE(out, t[OUT]);
    PLACE(lse_a, t[LSE_A]);
    PLACE(lse_b, t[LSE_B]);
    if (t[LSE].rule) {
        PLACE(lse, t[LSE]);
    }
#undef PLACE
    m->out_a_stride_row = t[OUT_A].stride[r->row_dim];
    m->out_b_stride_row = t[OUT_B].stride[r->row_dim];
    m->out_stride_row = t[OUT].stride[r->row_dim];
}

aiter_status rt_merge_read(rt_place place, const aiter_merge_args *given, bool need_data,
                           rt_problem *out)
{
    aiter_merge_args a;
    rt_tensor t[COUNT];
    aiter_status status;
    if (!given)
        return rt_fail(INVALID, "args is NULL: expected an aiter_merge_args");
    if ((status = rt_sized_read("aiter_merge_args", given, &a, sizeof a,
                                _Alignof(aiter_merge_args))) != AITER_OK ||
        (status = read_tensors(&a, place.device, need_data, t)) != AITER_OK ||
        (status = check(t, need_data)) != AITER_OK)
        return status;
    out->config = (gen_config){ .op = GEN_MERGE_STATES,
                                .arch = place.arch,
                                .dtype = (gen_dtype)t[OUT].dtype,
                                .hdv = (int)t[OUT].size[t[OUT].rule->rank - 1],
                                .lse = t[LSE].rule != NULL };
    gen_config_canonicalise(&out->config);
    set_args(&out->merge, t);
    out->stream = a.stream;
    out->empty = t[OUT].extent == 0;
    out->may_split = false;
    return AITER_OK;
}
