/* What is known of models that their files do not say. */
#include "tools/precompile/model_internal.h"

#include <string.h>

const feature model_features[NUM_FEATURES] = {
    [WINDOW] = { "sliding-window attention", "window=left" },
    [SOFTCAP] = { "soft-capped logits", "softcap=1" },
    [SINK] = { "attention sinks", "sink=1" },
    [ALIBI] = { "ALiBi", "alibi=1" },
    [CHUNKED] = { "attention within chunks", NULL },
    [SPARSE] = { "sparse attention", NULL },
    [CROSS] = { "an encoder, a decoder and cross attention between them", NULL },
};

/* The defaults of transformers' configuration classes
 * (src/transformers/models/NAME/configuration_NAME.py), and what is in a model's code only. */
static const family families[] = {
    { "llama", .hidden_size = 4096, .heads = 32, .layers = 32 },
    { "mistral", .hidden_size = 4096, .heads = 32, .kv_heads = 8, .layers = 32, .window = 4096 },
    { "mixtral", .hidden_size = 4096, .heads = 32, .kv_heads = 8, .layers = 32 },
    { "qwen2", .hidden_size = 4096, .heads = 32, .kv_heads = 32, .layers = 32 },
    { "qwen3", .hidden_size = 4096, .heads = 32, .kv_heads = 32, .head_dim = 128, .layers = 32 },
    { "gemma", .hidden_size = 3072, .heads = 16, .kv_heads = 16, .head_dim = 256, .layers = 28 },
    { "gemma2", .hidden_size = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .layers = 26,
      .window = 4096, .pattern = 2, .softcap = 50 },
    { "gemma3_text", .hidden_size = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .layers = 26,
      .window = 4096, .pattern = 6 },
    { "gemma4_text", .hidden_size = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .layers = 30,
      .window = 512, .pattern = 6 },
    { "cohere2", .hidden_size = 8192, .heads = 64, .layers = 40, .window = 4096, .pattern = 4 },
    { "gpt_oss", .hidden_size = 2880, .heads = 64, .kv_heads = 8, .head_dim = 64, .layers = 36,
      .window = 128, .pattern = 2, .sinks = true },
    { "bloom", .alibi = true },
    { "bert", .hidden_size = 768, .heads = 12, .layers = 12, .encoder = true },
    { "roberta", .hidden_size = 768, .heads = 12, .layers = 12, .encoder = true },
    { "xlm-roberta", .hidden_size = 768, .heads = 12, .layers = 12, .encoder = true },
    { "clip_vision_model", .hidden_size = 768, .heads = 12, .layers = 12, .encoder = true },
    { "siglip_vision_model", .hidden_size = 768, .heads = 12, .layers = 12, .encoder = true },
    { "gemma4_vision", .hidden_size = 768, .heads = 12, .kv_heads = 12, .head_dim = 64,
      .layers = 16, .encoder = true },
};
enum { NUM_FAMILIES = sizeof families / sizeof families[0] };

static const struct {
    const char *name;
    layer_kind kind;
} layer_types[] = {
    { "full_attention", FULL },           { "attention", FULL },
    { "hybrid", FULL },                   { "sliding_attention", SLIDING },
    { "chunked_attention", CHUNK },       { "linear_attention", NO_ATTENTION },
    { "mamba", NO_ATTENTION },            { "mamba2", NO_ATTENTION },
    { "conv", NO_ATTENTION },             { "recurrent", NO_ATTENTION },
    { "moe", NO_ATTENTION },              { "mlp", NO_ATTENTION },
};
enum { NUM_LAYER_TYPES = sizeof layer_types / sizeof layer_types[0] };

const family *model_family(const char *model_type)
{
    static const family unknown = { 0 };

    for (int i = 0; model_type && i < NUM_FAMILIES; i++)
        if (strcmp(model_type, families[i].model_type) == 0)
            return &families[i];
    return &unknown;
}

bool model_layer_kind(const char *name, layer_kind *out)
{
    for (int i = 0; i < NUM_LAYER_TYPES; i++)
        if (strcmp(name, layer_types[i].name) == 0) {
            *out = layer_types[i].kind;
            return true;
        }
    return false;
}
