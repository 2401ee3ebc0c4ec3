/* Features: what a configuration asks of a template beyond its shapes. A template sees each as a macro
 * that is 1, a kernel's name has its word, and arguments and fragments are there for those that need
 * them (gen/fmha_fwd_args.def, gen/render.c). A feature that is off leaves no trace in the source. */
#include "gen/internal.h"

static const gen_feature_rule rules[] = {
    { GEN_WITH_WINDOW_LEFT, "AITER_WINDOW_LEFT", "wl" },
    { GEN_WITH_WINDOW_RIGHT, "AITER_WINDOW_RIGHT", "wr" },
    { GEN_WITH_SOFTCAP, "AITER_SOFTCAP", "softcap" },
    { GEN_WITH_ALIBI, "AITER_ALIBI", "alibi" },
    { GEN_WITH_SINK, "AITER_SINK", "sink" },
    { GEN_WITH_BIAS, "AITER_BIAS", "bias" },
    { GEN_WITH_TRUNCATION, "AITER_TRUNCATE", "rtz" },
    { GEN_WITH_USED_Q, "AITER_USED_Q", "qused" },
    { GEN_WITH_CU_Q, "AITER_CU_Q", "qcu" },
    { GEN_WITH_PACKED_Q, "AITER_PACKED_Q", "qpacked" },
    { GEN_WITH_USED_K, "AITER_USED_K", "kused" },
    { GEN_WITH_CU_K, "AITER_CU_K", "kcu" },
    { GEN_WITH_PACKED_K, "AITER_PACKED_K", "kpacked" },
    { GEN_WITH_FP8_KV, "AITER_FP8_KV", "fp8kv" },
    { GEN_WITH_SPLITS, "AITER_SPLITS", "split" },
    { GEN_WITH_PACK, "AITER_PACK", "pack" },
    { GEN_WITH_SPLIT_KEYS, "AITER_SPLIT_KEYS", "splitkeys" },
    { GEN_WITH_SPLIT_LIST, "AITER_SPLIT_LIST", "listed" },
    { GEN_WITH_APPEND, "AITER_APPEND", "append" },
    { GEN_WITH_ROTARY_INTERLEAVED, "AITER_ROTARY_INTERLEAVED", "ropei" },
    { GEN_WITH_ROTARY_HALF, "AITER_ROTARY_HALF", "ropeh" },
    { GEN_WITH_NEW_ROWS, "AITER_NEW_ROWS", "new" },
    { GEN_WITH_SCORE_MOD, "AITER_SCORE_MOD", NULL },
    { GEN_WITH_MASK_MOD, "AITER_MASK_MOD", NULL },
    { GEN_WITH_BLOCK_MASK, "AITER_BLOCK_MASK", NULL },
    { GEN_WITH_PAGES, "AITER_PAGES", "page" }, /* its size follows */
};

enum { NUM_RULES = sizeof rules / sizeof rules[0] };

const gen_feature_rule *gen_feature_at(size_t index)
{
    return index < NUM_RULES ? &rules[index] : NULL;
}

unsigned gen_features(const gen_config *c)
{
    static const unsigned q[] = { 0, GEN_WITH_USED_Q, GEN_WITH_CU_Q, GEN_WITH_PACKED_Q };
    static const unsigned k[] = { 0, GEN_WITH_USED_K, GEN_WITH_CU_K, GEN_WITH_PACKED_K };
    static const unsigned rotary[] = { 0, GEN_WITH_ROTARY_INTERLEAVED, GEN_WITH_ROTARY_HALF };
    return (c->window & GEN_WINDOW_LEFT ? GEN_WITH_WINDOW_LEFT : 0) |
           (c->window & GEN_WINDOW_RIGHT ? GEN_WITH_WINDOW_RIGHT : 0) |
           (c->softcap ? GEN_WITH_SOFTCAP : 0) | (c->alibi ? GEN_WITH_ALIBI : 0) |
           (c->sink ? GEN_WITH_SINK : 0) | (c->bias ? GEN_WITH_BIAS : 0) |
           (c->rounding == GEN_ROUND_TRUNCATE ? GEN_WITH_TRUNCATION : 0) | q[c->seqlens_q] |
           k[c->seqlens_k] | (c->block_size ? GEN_WITH_PAGES : 0) |
           (c->kv == GEN_KV_FP8 ? GEN_WITH_FP8_KV : 0) | rotary[c->rotary] |
           (c->append ? GEN_WITH_APPEND : 0) |
           (c->op == GEN_KV_APPEND ? GEN_WITH_NEW_ROWS | GEN_WITH_USED_K : 0) |
           (c->score_mod ? GEN_WITH_SCORE_MOD : 0) | (c->mask_mod ? GEN_WITH_MASK_MOD : 0) |
           (c->block_mask ? GEN_WITH_BLOCK_MASK : 0) |
           (c->pack ? GEN_WITH_PACK : 0) | (c->splits ? GEN_WITH_SPLIT_KEYS : 0) |
           (c->listed ? GEN_WITH_SPLIT_LIST : 0) |
           (c->op == GEN_FMHA_DECODE || (c->op == GEN_MERGE_SPLITS && !c->listed) ? GEN_WITH_SPLITS
                                                                                  : 0);
}
