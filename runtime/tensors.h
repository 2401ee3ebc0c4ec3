/* The tensors of an attention request, read and checked: between problem.c and check.c. */
#ifndef AITER_RUNTIME_TENSORS_H
#define AITER_RUNTIME_TENSORS_H

#include "gen/gen.h"
#include "runtime/request.h"
#include "runtime/tensor.h"

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
static inline int dim_of(const rt_tensor *t, role r)
{
    const rt_tensor_rule *rule = t->rule;
    return r == BATCH ? rule->batch_dim : r == ROW ? rule->row_dim : r == HEAD ? rule->head_dim
                                                                               : rule->rank - 1;
}

static inline int64_t size_of(const rt_tensor *t, role r)
{
    return t->size[dim_of(t, r)];
}

/* Distance in elements; 0 where there is no such dimension. */
static inline int64_t stride_of(const rt_tensor *t, role r)
{
    int d = dim_of(t, r);
    return d < 0 ? 0 : t->stride[d];
}

static inline bool is_fp8(const rt_tensor *t)
{
    return t->dtype == RT_BYTE || t->dtype == RT_FP8_OCP || t->dtype == RT_FP8_FNUZ;
}

/* Each tensor beside the others, what the operation says of them, and what the arch can do. */
aiter_status rt_check_tensors(const tensors *t, const gen_arch *arch);

/* What depends on the most queries and keys that a sequence can have. */
aiter_status rt_check_longest(const tensors *t, int64_t seqlen_q, int64_t seqlen_k);

/* What is written overlaps nothing else. All tensors have data. */
aiter_status rt_check_aliasing(const tensors *t);

#endif
