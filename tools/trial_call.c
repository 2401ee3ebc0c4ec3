/* A trial through libaiter; apart from the trial itself, which needs no library. */
#include "tools/trial.h"

aiter_status trial_call(const trial *t, aiter_context *ctx)
{
    switch (trial_operation_of(t)) {
    case TRIAL_ATTN: return aiter_flash_attn_func(ctx, trial_args(t));
    case TRIAL_KVCACHE: return aiter_flash_attn_with_kvcache(ctx, trial_kvcache_args(t));
    case TRIAL_CU:
    case TRIAL_PACKED:
    case TRIAL_PADDED: break;
    }
    return aiter_variable_length_attention(ctx, trial_varlen_args(t));
}

aiter_status trial_prepare(const trial *t, aiter_context *ctx, aiter_plan **plan)
{
    switch (trial_operation_of(t)) {
    case TRIAL_ATTN: return aiter_prepare(ctx, trial_args(t), plan);
    case TRIAL_KVCACHE: return aiter_prepare_kvcache(ctx, trial_kvcache_args(t), plan);
    case TRIAL_CU:
    case TRIAL_PACKED:
    case TRIAL_PADDED: break;
    }
    return aiter_prepare_varlen(ctx, trial_varlen_args(t), plan);
}
