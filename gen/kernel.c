/* What a launcher must know of a kernel: symbol, shapes, arguments, options. */
#include "gen/internal.h"

/* ---- Arguments ---- */

typedef struct argument {
    gen_arg arg;
    unsigned needs;
} argument;

static const argument fmha_fwd_arguments[] = {
#define X(type, name, needs, meaning) \
    { { #name, #type, 0, sizeof(type), offsetof(gen_fmha_fwd_args, name), meaning }, needs },
#include "gen/fmha_fwd_args.def"
#undef X
};

static const argument merge_states_arguments[] = {
#define X(type, name, needs, meaning) \
    { { #name, #type, 0, sizeof(type), offsetof(gen_merge_states_args, name), meaning }, needs },
#include "gen/merge_states_args.def"
#undef X
};

#define COUNT(list) (sizeof list / sizeof list[0])
static const struct {
    const argument *list;
    size_t count;
} arguments[GEN_NUM_OPS] = {
    [GEN_FMHA_FWD] = { fmha_fwd_arguments, COUNT(fmha_fwd_arguments) },
    [GEN_FMHA_DECODE] = { fmha_fwd_arguments, COUNT(fmha_fwd_arguments) },
    [GEN_MERGE_SPLITS] = { fmha_fwd_arguments, COUNT(fmha_fwd_arguments) },
    [GEN_KV_APPEND] = { fmha_fwd_arguments, COUNT(fmha_fwd_arguments) },
    [GEN_MERGE_STATES] = { merge_states_arguments, COUNT(merge_states_arguments) },
};

_Static_assert(COUNT(fmha_fwd_arguments) <= GEN_MAX_ARGS, "GEN_MAX_ARGS is too small");
_Static_assert(COUNT(merge_states_arguments) <= GEN_MAX_ARGS, "GEN_MAX_ARGS is too small");
_Static_assert(sizeof(void *) == 8 && sizeof(long long) == 8, "kernarg types of another size");
_Static_assert(sizeof(int) == 4 && sizeof(float) == 4, "kernarg types of another size");

/* The kernarg segment lays arguments out in order at their natural alignment, which is their size
 * (LLVM, "User Guide for AMDGPU Backend", kernel argument metadata: .offset and .size). */
static void choose_arguments(gen_op op, unsigned features, gen_kernel *out)
{
    const argument *first = arguments[op].list, *last = first + arguments[op].count;
    uint32_t end = 0;
    for (const argument *a = first; a < last; a++) {
        if (a->needs && !(a->needs & features))
            continue;
        gen_arg *arg = &out->args[out->num_args++];
        *arg = a->arg;
        arg->offset = (end + arg->size - 1) / arg->size * arg->size;
        end = arg->offset + arg->size;
        out->num_common_args += a->needs == 0;
    }
    out->kernarg_bytes = end;
}

/* Two sizes spelled out: this is on the way of every launch. */
void gen_kernel_pack(const gen_kernel *kernel, const void *args, void *kernarg)
{
    for (const gen_arg *a = kernel->args; a < kernel->args + kernel->num_args; a++) {
        char *to = (char *)kernarg + a->offset;
        const char *from = (const char *)args + a->source;
        if (a->size == 8)
            memcpy(to, from, 8);
        else
            memcpy(to, from, 4);
    }
}

/* ---- The rest ---- */

#define GRID(x) "grid_x = " x ", grid_y = grid_z = 1 (workgroups)"

/* Of the forward kernel: rows of a head, or of the heads of a group together. */
static const char *const dense_grid[] = {
    GRID("ceil(seqlen_q / tile_q) * num_heads * batch"),
    GRID("ceil(seqlen_q * gqa / tile_q) * (num_heads / gqa) * batch"),
};
static const char *const packed_grid[] = {
    GRID("(floor(total_q / tile_q) + batch) * num_heads"),
    GRID("(floor(total_q * gqa / tile_q) + batch) * (num_heads / gqa)"),
};
static const char *const split_grid[] = {
    GRID("split_places * num_heads"),
    GRID("split_places * (num_heads / gqa)"),
};
static const char merge_grid[] = GRID("ceil(seqlen * num_heads / tile_q) * batch");
static const char decode_grid[] = GRID("num_heads / gqa * batch * num_splits");
static const char *const merge_splits_grid[] = {
    GRID("ceil(seqlen_q * num_heads * batch / tile_q)"),
    GRID("ceil(min(query tokens, floor(split_room / 2)) * num_heads / tile_q)"),
};
static const char append_grid[] = GRID("ceil(seqlen_new * num_heads_kv / tile_q) * batch");

static const char *grid_rule(const gen_config *c)
{
    const char *const rules[GEN_NUM_OPS] = { [GEN_FMHA_DECODE] = decode_grid,
                                             [GEN_MERGE_STATES] = merge_grid,
                                             [GEN_MERGE_SPLITS] = merge_splits_grid[c->listed],
                                             [GEN_KV_APPEND] = append_grid };
    bool packed = gen_seqlens_packed(c->seqlens_q);
    return rules[c->op] ? rules[c->op]
                        : (c->splits ? split_grid : packed ? packed_grid : dense_grid)[c->pack];
}

/* merge_states_gfx942_bf16_hd128_lse */
static void print_merge_symbol(const gen_config *c, char out[GEN_SYMBOL_MAX])
{
    snprintf(out, GEN_SYMBOL_MAX, "%s_%s_%s_hd%d%s%s", gen_name(gen_op_names(), (int)c->op),
             c->arch->name, gen_dtype_name(c->dtype), c->hdv, c->lse ? "_lse" : "",
             c->listed ? "_listed" : "");
}

/* fmha_fwd_gfx942_bf16_hd128x128_causal_g8_lse or kv_append_gfx942_bf16_hd128x128, then a word for
 * each feature. */
static void print_fwd_symbol(const gen_config *c, char out[GEN_SYMBOL_MAX])
{
    const char *mask = c->mask == GEN_MASK_CAUSAL ? "causal" : "full";
    unsigned features = gen_features(c);
    const gen_feature_rule *rule;
    int n = snprintf(out, GEN_SYMBOL_MAX, "%s_%s_%s_hd%dx%d", gen_name(gen_op_names(), (int)c->op),
                     c->arch->name, gen_dtype_name(c->dtype), c->hdqk, c->hdv);
    if (c->op != GEN_KV_APPEND)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_%s_g%d%s", mask, c->gqa,
                      c->lse ? "_lse" : "");
    for (size_t i = 0; (rule = gen_feature_at(i)); i++)
        if (features & rule->feature && rule->symbol)
            n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_%s", rule->symbol);
    if (c->block_size)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "%d", c->block_size);
    if (c->rotary_dim)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_rd%d", c->rotary_dim);
    if (c->rows)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_rows%d", c->rows);
    if (c->block_mask)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_blocks%d", c->block_mask);
    if (c->score_mod)
        n += snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_score%08x",
                      (unsigned)gen_expression_digest(c->score_mod));
    if (c->mask_mod)
        snprintf(out + n, GEN_SYMBOL_MAX - (size_t)n, "_mask%08x",
                 (unsigned)gen_expression_digest(c->mask_mod));
}

void gen_kernel_describe(const gen_config *config, gen_kernel *out)
{
    gen_tile tile = gen_tile_choose(config);
    *out = (gen_kernel){
        .block = tile.block,
        .tile_q = tile.tile_q,
        .tile_k = tile.tile_k,
        .hdqk_pad = tile.hdqk_pad,
        .hdv_pad = tile.hdv_pad,
        .lds_bytes = tile.lds_bytes,
        .waves_per_simd = tile.waves_per_simd,
        .grid_rule = grid_rule(config),
    };
    choose_arguments(config->op, gen_features(config), out);
    if (config->op == GEN_MERGE_STATES || config->op == GEN_MERGE_SPLITS)
        print_merge_symbol(config, out->symbol);
    else
        print_fwd_symbol(config, out->symbol);
}

void gen_kernel_tile(const gen_config *config, int *tile_q, int *tile_k, int *waves_per_simd)
{
    gen_tile tile = gen_tile_choose(config);
    *tile_q = tile.tile_q;
    *tile_k = tile.tile_k;
    *waves_per_simd = tile.waves_per_simd;
}

const char *gen_options(const gen_config *config)
{
    return config->arch->options;
}

const char *gen_digest(void)
{
    return gen_embedded_digest;
}
