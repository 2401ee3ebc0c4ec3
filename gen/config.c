/* What a configuration may be. The table of fields has each one's range; here is what fields have to
 * do with each other. */
#include "gen/internal.h"

static bool in_range(const gen_field *f, const gen_config *config, char err[GEN_ERROR_MAX])
{
    char expected[GEN_ERROR_MAX / 2];
    int value = gen_field_get(f, config);
    if (gen_field_in_range(f, value))
        return true;
    gen_field_expected(f, expected, sizeof expected);
    snprintf(err, GEN_ERROR_MAX, "%s=%d: expected %s", f->name, value, expected);
    return false;
}

/* The 16-bit types are computed by matrix instructions only. */
static bool dtype_runs_on_arch(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->dtype == GEN_FP32 || c->arch->mfma != GEN_MFMA_NONE)
        return true;
    snprintf(err, GEN_ERROR_MAX,
             "dtype=%s: not supported on arch %s (%s), which lacks the MFMA matrix instructions "
             "that fp16 and bf16 kernels are made of; expected dtype=fp32 there",
             gen_dtype_name(c->dtype), c->arch->name, c->arch->product);
    return false;
}

static bool fp8_runs_on_arch(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->kv != GEN_KV_FP8 || c->arch->fp8 != GEN_FP8_NONE)
        return true;
    snprintf(err, GEN_ERROR_MAX,
             "kv=fp8: not supported on arch %s (%s), which has no instruction that converts fp8; "
             "expected kv=same there",
             c->arch->name, c->arch->product);
    return false;
}

static bool fp8_converts_to_dtype(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->kv != GEN_KV_FP8 || c->dtype != GEN_FP32)
        return true;
    snprintf(err, GEN_ERROR_MAX, "kv=fp8: expected kv=same with dtype=fp32, or dtype=fp16 or bf16");
    return false;
}

/* A page table has a row for each batch entry, so that paged keys are not packed as well. */
static bool pages_have_rows(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->block_size == 0 || c->seqlens_k == GEN_SEQ_FIXED || c->seqlens_k == GEN_SEQ_USED)
        return true;
    snprintf(err, GEN_ERROR_MAX, "seqlens_k=%s: expected fixed or used with block_size=%d (paged)",
             c->seqlens_k == GEN_SEQ_CU ? "cu" : "packed", c->block_size);
    return false;
}

/* Without lengths there would be no place for new keys. */
static bool append_has_lengths(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (!c->append || c->seqlens_k == GEN_SEQ_USED)
        return true;
    snprintf(err, GEN_ERROR_MAX, "append=1: expected append=0, or seqlens_k=used");
    return false;
}

static bool rotary_fits(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->rotary == GEN_ROTARY_NONE)
        return true;
    if (c->op != GEN_KV_APPEND && !c->append) {
        snprintf(err, GEN_ERROR_MAX, "rotary=%s: expected rotary=none, or append=1",
                 c->rotary == GEN_ROTARY_HALF ? "half" : "interleaved");
        return false;
    }
    if (c->rotary_dim >= 16 && c->rotary_dim <= c->hdqk)
        return true;
    snprintf(err, GEN_ERROR_MAX,
             "rotary_dim=%d: expected a multiple of 16 from 16 to hdqk=%d with rotary", c->rotary_dim,
             c->hdqk);
    return false;
}

static bool decode_is_on_matrix_units(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->op != GEN_FMHA_DECODE || c->dtype != GEN_FP32)
        return true;
    snprintf(err, GEN_ERROR_MAX, "dtype=fp32: expected fp16 or bf16 for fmha_decode");
    return false;
}

static bool decode_is_not_packed(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->op != GEN_FMHA_DECODE || c->seqlens_k == GEN_SEQ_FIXED || c->seqlens_k == GEN_SEQ_USED)
        return true;
    snprintf(err, GEN_ERROR_MAX, "seqlens_k=%s: expected fixed or used for fmha_decode",
             c->seqlens_k == GEN_SEQ_CU ? "cu" : "packed");
    return false;
}

static bool splits_are_on_matrix_units(const gen_config *c, char err[GEN_ERROR_MAX])
{
    if (c->dtype != GEN_FP32 || !c->splits)
        return true;
    snprintf(err, GEN_ERROR_MAX, "splits=1: expected 0 with dtype=fp32, or dtype=fp16 or bf16");
    return false;
}

static bool (*const rules[])(const gen_config *, char *) = {
    dtype_runs_on_arch,
    fp8_runs_on_arch,
    fp8_converts_to_dtype,
    pages_have_rows,
    append_has_lengths,
    rotary_fits,
    decode_is_on_matrix_units,
    decode_is_not_packed,
    splits_are_on_matrix_units,
};

enum { NUM_RULES = sizeof rules / sizeof rules[0] };

bool gen_config_validate(const gen_config *config, char err[GEN_ERROR_MAX])
{
    const gen_field *f;
    err[0] = '\0';
    if ((int)config->op < 0 || config->op >= GEN_NUM_OPS) {
        snprintf(err, GEN_ERROR_MAX, "op=%d: expected 0 to %d (%s is 0)", (int)config->op,
                 GEN_NUM_OPS - 1, gen_op_names()[0]);
        return false;
    }
    if (!config->arch) {
        snprintf(err, GEN_ERROR_MAX, "arch: not set; expected an entry of the arch table");
        return false;
    }
    for (size_t i = 0; (f = gen_field_at(i)); i++)
        if (gen_field_is_int(f) && gen_field_belongs(f, config) && !in_range(f, config, err))
            return false;
    for (int i = 0; i < NUM_RULES; i++)
        if (!rules[i](config, err))
            return false;
    return true;
}

void gen_config_canonicalise(gen_config *config)
{
    gen_fields_drop(config);
    if (config->mask == GEN_MASK_CAUSAL) /* stricter than any right bound */
        config->window &= GEN_WINDOW_LEFT;
    if (config->dtype != GEN_BF16)
        config->rounding = GEN_ROUND_NEAREST;
    if (config->gqa == 1 || config->dtype == GEN_FP32) /* nothing to pack; the portable kernel never does */
        config->pack = 0;
    if (config->block_mask) /* a tile's rows are then of one head and in one block */
        config->pack = 0;
    if (config->rotary == GEN_ROTARY_NONE)
        config->rotary_dim = 0;
}
