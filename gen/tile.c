/* Choice of template and tile shapes: a table, searched from the top. */
#include "gen/internal.h"

typedef struct tile_rule {
    const char *template_file;
    int max_head_dim;  /* the rule serves padded head_dims up to this                          */
    int block;         /* threads per workgroup                                                */
    int tile_q;        /* query rows per workgroup                                             */
    int tile_k;        /* keys per step                                                        */
    int pad;           /* head_dims are rounded up to a multiple of this                       */
    int stages;        /* copies of the K and V tile in LDS                                    */
    int element_bytes; /* of a K or V element in LDS                                           */
    int max_pair_dims[4]; /* two waves fit a SIMD's registers up to this hdqk_pad + hdv_pad:
                             plain, with variants, with pages and changed scores at once, with
                             expressions beside what else changes scores                      */
} tile_rule;

/* Four waves of 32 query rows each; K and V double-buffered in LDS. 64 keys a step keep LDS at
 * 32 KB for small head_dims, 32 keys at 64 KB for head_dim 256. */
static const tile_rule matrix_rules[] = {
    { "fmha_fwd_mfma.hip", 64, 256, 128, 64, 32, 2, 2, { 384, 256, 192, 0 } },
    { "fmha_fwd_mfma.hip", 256, 256, 128, 32, 32, 2, 2, { 384, 256, 192, 0 } },
};

/* No matrix units: any arch, fp32. */
static const tile_rule portable_rules[] = {
    { "fmha_fwd_portable.hip", 256, 256, 64, 32, 32, 1, 4, { 256, 256, 192, 192 } },
};

static int round_up(int value, int step)
{
    return (value + step - 1) / step * step;
}

/* A chunk of 16 bytes of a row a thread; whole rows a workgroup. */
static gen_tile merge_tile(const gen_config *config)
{
    enum { BLOCK = 256, CHUNK_BYTES = 16 };
    bool splits = config->op == GEN_MERGE_SPLITS; /* whose inputs are fp32 */
    int element_bytes = config->dtype == GEN_FP32 || splits ? 4 : 2;
    int chunks = config->hdv * element_bytes / CHUNK_BYTES;
    return (gen_tile){
        .template_file = splits ? "merge_splits.hip" : "merge_states.hip",
        .block = BLOCK,
        .tile_q = config->listed ? 2 : BLOCK / chunks,
        .lds_bytes = config->listed ? BLOCK * 6 * 4 : 0, /* of each thread 4 elements, maximum and sum */
        .waves_per_simd = 4,
    };
}

/* The same, with keys and values of a new row side by side. */
static gen_tile append_tile(const gen_config *config)
{
    enum { BLOCK = 256, CHUNK_BYTES = 16 };
    int element_bytes = config->dtype == GEN_FP32 ? 4 : 2;
    int chunks = (config->hdqk + config->hdv) * element_bytes / CHUNK_BYTES;
    return (gen_tile){
        .template_file = "kv_append.hip",
        .block = BLOCK,
        .tile_q = BLOCK / chunks,
        .waves_per_simd = 4,
    };
}

/* Four waves of 32 keys each, or 16 at large head_dims, which with many rows start at 96; with few rows
 * of fp8 twice as many, which are as many bytes. A wave holds two steps' keys and values, all of Q and an
 * output of its own; LDS has 16 rows of 64 or 128 elements of each wave's output in fp32. */
static gen_tile decode_tile(const gen_config *config)
{
    enum { WAVES = 4, PAIR_REGISTERS = 208 };
    int hdqk_pad = round_up(config->hdqk, 32);
    int hdv_pad = config->hdv <= 64 ? 64 : round_up(config->hdv, 128);
    int columns = config->rows / 16;
    int keys = hdqk_pad + hdv_pad <= (columns == 1 ? 256 : 128) ? 32 : 16;
    int registers = 2 * keys * (hdqk_pad + hdv_pad) / 128 + columns * (hdqk_pad / 8 + hdv_pad / 4);
    if (config->kv == GEN_KV_FP8 && columns == 1)
        keys *= 2;
    return (gen_tile){
        .template_file = "fmha_decode.hip",
        .block = WAVES * 64,
        .tile_q = config->rows,
        .tile_k = WAVES * keys,
        .hdqk_pad = hdqk_pad,
        .hdv_pad = hdv_pad,
        .lds_bytes = WAVES * 16 * (hdv_pad < 128 ? hdv_pad : 128) * 4,
        .waves_per_simd = registers <= PAIR_REGISTERS ? 2 : 1,
    };
}

/* Which of max_pair_dims: variants keep more in registers, changed scores of packed rows as much as of
 * pages. */
static int registers_class(unsigned features)
{
    bool built_in = features & (GEN_WITH_SOFTCAP | GEN_WITH_ALIBI | GEN_WITH_BIAS);
    if (built_in && features & GEN_WITH_MODS)
        return 3;
    bool crowded = features & (GEN_WITH_PAGES | GEN_WITH_PACK);
    return !features ? 0 : features & GEN_WITH_SCORES && crowded ? 2 : 1;
}

gen_tile gen_tile_choose(const gen_config *config)
{
    if (config->op == GEN_FMHA_DECODE)
        return decode_tile(config);
    if (config->op == GEN_MERGE_STATES || config->op == GEN_MERGE_SPLITS)
        return merge_tile(config);
    if (config->op == GEN_KV_APPEND)
        return append_tile(config);
    const tile_rule *rule = config->dtype == GEN_FP32 ? portable_rules : matrix_rules;
    int larger = config->hdqk > config->hdv ? config->hdqk : config->hdv;
    while (round_up(larger, rule->pad) > rule->max_head_dim)
        rule++;

    int hdqk_pad = round_up(config->hdqk, rule->pad);
    int hdv_pad = round_up(config->hdv, rule->pad);
    int lds_bytes = rule->stages * rule->tile_k * (hdqk_pad + hdv_pad) * rule->element_bytes;
    /* A workgroup has one wave per SIMD: two workgroups share a compute unit or one has it alone. */
    int max_dims = rule->max_pair_dims[registers_class(gen_features(config))];
    bool pair = 2 * lds_bytes <= config->arch->lds_bytes && hdqk_pad + hdv_pad <= max_dims;
    return (gen_tile){
        .template_file = rule->template_file,
        .block = rule->block,
        .tile_q = rule->tile_q,
        .tile_k = rule->tile_k,
        .hdqk_pad = hdqk_pad,
        .hdv_pad = hdv_pad,
        .lds_bytes = lds_bytes,
        .waves_per_simd = pair ? 2 : 1,
    };
}
