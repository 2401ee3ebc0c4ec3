/* What a configuration may be. */
#include "gen/gen.h"

#include <stdio.h>

enum { HEAD_DIM_STEP = 8, HEAD_DIM_MAX = 256 };

const char *gen_dtype_name(gen_dtype dtype)
{
    switch (dtype) {
    case GEN_FP16: return "fp16";
    case GEN_BF16: return "bf16";
    case GEN_FP32: return "fp32";
    }
    return "?";
}

const char *gen_mask_name(gen_mask mask)
{
    switch (mask) {
    case GEN_MASK_NONE: return "none";
    case GEN_MASK_CAUSAL: return "causal";
    }
    return "?";
}

static bool head_dim_ok(const char *field, int value, char err[GEN_ERROR_MAX])
{
    if (value >= HEAD_DIM_STEP && value <= HEAD_DIM_MAX && value % HEAD_DIM_STEP == 0)
        return true;
    snprintf(err, GEN_ERROR_MAX, "%s=%d: expected a multiple of %d from %d to %d", field, value,
             HEAD_DIM_STEP, HEAD_DIM_STEP, HEAD_DIM_MAX);
    return false;
}

/* The 16-bit types are computed by matrix instructions only. */
static bool dtype_runs_on(gen_dtype dtype, const gen_arch *arch, char err[GEN_ERROR_MAX])
{
    if (dtype == GEN_FP32 || arch->mfma != GEN_MFMA_NONE)
        return true;
    snprintf(err, GEN_ERROR_MAX,
             "dtype=%s: not supported on arch %s (%s), which lacks the MFMA matrix instructions "
             "that fp16 and bf16 kernels are made of; expected dtype=fp32 there",
             gen_dtype_name(dtype), arch->name, arch->product);
    return false;
}

bool gen_config_validate(const gen_config *config, char err[GEN_ERROR_MAX])
{
    err[0] = '\0';
    if (config->op != GEN_FMHA_FWD) {
        snprintf(err, GEN_ERROR_MAX, "op=%d: expected fmha_fwd (%d)", (int)config->op,
                 (int)GEN_FMHA_FWD);
        return false;
    }
    if (!config->arch) {
        snprintf(err, GEN_ERROR_MAX, "arch: not set; expected an entry of the arch table");
        return false;
    }
    if (config->dtype != GEN_FP16 && config->dtype != GEN_BF16 && config->dtype != GEN_FP32) {
        snprintf(err, GEN_ERROR_MAX, "dtype=%d: expected fp16, bf16 or fp32", (int)config->dtype);
        return false;
    }
    if (!dtype_runs_on(config->dtype, config->arch, err))
        return false;
    if (!head_dim_ok("hdqk", config->hdqk, err) || !head_dim_ok("hdv", config->hdv, err))
        return false;
    if (config->mask != GEN_MASK_NONE && config->mask != GEN_MASK_CAUSAL) {
        snprintf(err, GEN_ERROR_MAX, "mask=%d: expected none or causal", (int)config->mask);
        return false;
    }
    if (config->gqa < 1) {
        snprintf(err, GEN_ERROR_MAX,
                 "gqa=%d: expected the number of query heads per KV head, 1 or more", config->gqa);
        return false;
    }
    return true;
}
