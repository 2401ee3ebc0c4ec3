/* What the operations' argument structures have in common: one structure for all of them. */
#ifndef AITER_RUNTIME_REQUEST_H
#define AITER_RUNTIME_REQUEST_H

#include <aiter/aiter.h>

/* What an operation says beyond its tensors. */
typedef enum rt_operation {
    RT_ANY_OPERATION, /* prepare and launch of the dense ones: num_groups is optional */
    RT_FLASH_ATTN,
    RT_GROUPED_QUERY,
    RT_MULTI_QUERY,
    RT_KVCACHE,
    RT_VARLEN
} rt_operation;

/* Every tensor that an operation can have. */
typedef enum rt_argument {
    RT_Q,
    RT_K,
    RT_V,
    RT_KV, /* both in one */
    RT_OUT,
    RT_LSE,
    RT_CU_SEQLENS_Q,
    RT_CU_SEQLENS_K,
    RT_SEQLENS_Q,
    RT_SEQLENS_K,
    RT_PAGE_TABLE,
    RT_K_SCALE,
    RT_V_SCALE,
    RT_ALIBI_SLOPES,
    RT_SINKS,
    RT_BIAS,
    RT_BLOCK_MASK,
    RT_WORKSPACE,
    RT_K_NEW,
    RT_V_NEW,
    RT_ROTARY_COS,
    RT_ROTARY_SIN,
    RT_NUM_ARGUMENTS
} rt_argument;

/* The caller's structure, copied, with its defaults filled in. */
typedef struct rt_request {
    rt_operation operation;
    const DLTensor *tensor[RT_NUM_ARGUMENTS]; /* NULL: not given */
    int num_groups;
    int causal;
    int block_size;   /* stated by the caller, 0: not */
    int kv_layout;
    int interleaved;  /* of rotary: pairs are neighbours */
    int num_splits;   /* of the keys of a sequence, 0: as many as are good */
    int max_seqlen_q; /* of any sequence, 0: as the tensors say */
    int max_seqlen_k;
    float softmax_scale;
    aiter_attn_variants variants; /* its expressions are gen_expression()s */
    void *stream;
} rt_request;

/* Each checks what can be checked without looking at a tensor. */
aiter_status rt_request_attn(const aiter_attn_args *given, rt_operation operation, rt_request *out);
aiter_status rt_request_kvcache(const aiter_kvcache_args *given, rt_request *out);
aiter_status rt_request_varlen(const aiter_varlen_args *given, rt_request *out);

#endif
