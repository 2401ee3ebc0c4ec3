/* A part of a config.json -> what its attention is like. */
#include "tools/precompile/model_internal.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The names that a number has in files of different origin, the most telling first. */
static const char *const heads_names[] = { "num_attention_heads", "n_head", "n_heads", "num_heads",
                                           NULL };
static const char *const kv_heads_names[] = { "num_key_value_heads", "num_kv_heads", "n_head_kv",
                                              "multi_query_group_num", NULL };
static const char *const head_dim_names[] = { "head_dim", "kv_channels", NULL };
/* embed_dim first: beside it, the hidden_size of Qwen2-VL's vision tower is the language
 * model's. */
static const char *const hidden_names[] = { "embed_dim", "hidden_size", "n_embd", "d_model", NULL };
static const char *const layers_names[] = { "num_hidden_layers", "n_layer", "n_layers", "depth",
                                            NULL };
static const char *const window_names[] = { "sliding_window", NULL };
static const char *const pattern_names[] = { "sliding_window_pattern", "_sliding_window_pattern",
                                             NULL };

/* Where the language model is within the file of a multimodal one. */
static const char *const text_parts[] = { "text_config", "llm_config", "language_config",
                                          "thinker_config", NULL };

/* ---- Fields ---- */

bool model_refuse(const part *p, const char *format, ...)
{
    va_list args;
    int n = p->name[0] ? snprintf(p->why, MODEL_ERROR_MAX, "%s: ", p->name) : 0;

    va_start(args, format);
    vsnprintf(p->why + n, (size_t)(MODEL_ERROR_MAX - n), format, args);
    va_end(args);
    return false;
}

typedef enum found { ABSENT, IS_NULL, PRESENT, WRONG } found;

/* A whole number from `min` to `max`. WRONG: p->why is set. */
static found get_number(const part *p, const char *const *names, int min, int max, int *out,
                        const char **name)
{
    json_object *value = NULL;

    while (*names && !json_object_object_get_ex(p->object, *names, &value))
        names++;
    if (!*names)
        return ABSENT;
    *name = *names;
    if (!value)
        return IS_NULL;
    const int64_t number = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || number < min || number > max) {
        model_refuse(p, "%s=%.60s: expected an integer from %d to %d", *names,
                     json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), min, max);
        return WRONG;
    }
    *out = (int)number;
    return PRESENT;
}

static bool is_true(const part *p, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(p->object, name, &value) &&
           json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

static bool is_false(const part *p, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(p->object, name, &value) &&
           json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value);
}

/* A text, or NULL. */
static const char *get_text(json_object *object, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(object, name, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

bool model_has(const part *p, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(p->object, name, &value) && value;
}

/* ---- A part's attention ---- */

__attribute__((format(printf, 3, 4))) static void need(attention *a, feature_id id,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(a->origin[id], sizeof a->origin[id], format, args);
    va_end(args);
    a->features |= 1u << id;
}

enum { HEADS_MAX = 1 << 16, DIM_MAX = 1 << 20, LAYERS_MAX = 1 << 16 };

static bool read_heads(const part *p, attention *a)
{
    a->heads_name = heads_names[0];
    a->heads = p->family->heads;
    if (get_number(p, heads_names, 1, HEADS_MAX, &a->heads, &a->heads_name) == WRONG)
        return false;
    return a->heads ||
           model_refuse(p, "%s: not there; expected the number of query heads", heads_names[0]);
}

/* Without a number there are as many as query heads, or one. */
static bool read_kv_heads(const part *p, attention *a)
{
    const bool one = is_true(p, "multi_query") && !is_true(p, "new_decoder_architecture");

    a->kv_name = kv_heads_names[0];
    a->kv_heads = 0;
    const found f = get_number(p, kv_heads_names, 1, HEADS_MAX, &a->kv_heads, &a->kv_name);
    if (f == ABSENT)
        a->kv_heads = p->family->kv_heads;
    if (a->kv_heads == 0 || (one && f == ABSENT))
        a->kv_heads = one ? 1 : a->heads;
    if (f == WRONG)
        return false;
    return a->heads % a->kv_heads == 0 ||
           model_refuse(p, "%s=%d: expected a divisor of %s=%d", a->kv_name, a->kv_heads,
                        a->heads_name, a->heads);
}

static bool read_head_dim(const part *p, attention *a)
{
    const char *name = NULL;
    int hidden = p->family->hidden_size;

    a->hdqk = p->family->head_dim;
    switch (get_number(p, head_dim_names, 1, DIM_MAX, &a->hdqk, &name)) {
    case WRONG: return false;
    case IS_NULL: a->hdqk = 0; break;
    default: break;
    }
    if (a->hdqk == 0) {
        name = hidden_names[1];
        if (get_number(p, hidden_names, 1, DIM_MAX, &hidden, &name) == WRONG)
            return false;
        if (hidden == 0)
            return model_refuse(p, "head_dim, hidden_size: not there; expected one of them");
        if (hidden % a->heads != 0)
            return model_refuse(p, "%s=%d: expected a multiple of %s=%d, or a head_dim", name,
                                hidden, a->heads_name, a->heads);
        a->hdqk = hidden / a->heads;
    }
    a->hdv = a->hdqk;
    return true;
}

/* The part of head_dim that rotary embedding rotates: a number, or a fraction. */
static bool read_rotary(const part *p, attention *a)
{
    static const char *const dim_names[] = { "rotary_dim", NULL };
    static const char *const part_names[] = { "partial_rotary_factor", "rotary_pct" };
    const char *name;
    json_object *value;

    a->rotary_dim = a->hdqk;
    for (size_t i = 0; i < 2; i++)
        if (json_object_object_get_ex(p->object, part_names[i], &value) && value) {
            const double share = json_object_get_double(value);
            if (!(share > 0 && share <= 1))
                return model_refuse(p, "%s=%.60s: expected a number above 0 up to 1", part_names[i],
                                    json_object_to_json_string(value));
            a->rotary_dim = (int)(a->hdqk * share);
        }
    return get_number(p, dim_names, 1, DIM_MAX, &a->rotary_dim, &name) != WRONG;
}

/* Multi-head latent attention: prompts are attended to with the keys and values of each head, which
 * are made from the latent vectors for the occasion. */
static bool read_latent(const part *p, attention *a)
{
    static const char *const rank_names[] = { "kv_lora_rank", NULL };
    static const char *const rope_names[] = { "qk_rope_head_dim", NULL };
    static const char *const nope_names[] = { "qk_nope_head_dim", NULL };
    static const char *const v_names[] = { "v_head_dim", NULL };
    const char *name;
    int nope;
    const found f = get_number(p, rank_names, 1, DIM_MAX, &a->latent_rank, &name);

    if (f != PRESENT)
        return f != WRONG;
    p->why[0] = '\0';
    if (get_number(p, rope_names, 1, DIM_MAX, &a->latent_rope, &name) != PRESENT ||
        get_number(p, nope_names, 1, DIM_MAX, &nope, &name) != PRESENT ||
        get_number(p, v_names, 1, DIM_MAX, &a->hdv, &name) != PRESENT)
        return p->why[0] == '\0' &&
               model_refuse(p, "kv_lora_rank=%d: expected qk_nope_head_dim, qk_rope_head_dim and "
                            "v_head_dim beside it", a->latent_rank);
    a->hdqk = nope + a->latent_rope;
    a->kv_heads = a->heads;
    a->kv_name = a->heads_name;
    return true;
}

/* false: WRONG. */
static bool read_softcap(const part *p, attention *a)
{
    json_object *value;
    double cap = p->family->softcap;

    if (json_object_object_get_ex(p->object, "attn_logit_softcapping", &value)) {
        if (value && !json_object_is_type(value, json_type_double) &&
            !json_object_is_type(value, json_type_int))
            return model_refuse(p, "attn_logit_softcapping=%.60s: expected a number or null",
                                json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        cap = value ? json_object_get_double(value) : 0;
    }
    if (cap > 0)
        need(a, SOFTCAP, "attn_logit_softcapping=%g", cap);
    return true;
}

static bool has_alibi(const part *p)
{
    const char *positions = get_text(p->object, "position_embedding_type");

    return p->family->alibi || is_true(p, "alibi") ||
           (positions && strcmp(positions, "alibi") == 0);
}

/* The mask, and what holds for all layers of the part. */
static bool read_features(const part *p, attention *a)
{
    const char *bidirectional = get_text(p->object, "use_bidirectional_attention");

    a->causal = !p->vision && !p->family->encoder && !is_false(p, "is_causal") &&
                !is_true(p, "use_bidirectional_attention") &&
                !(bidirectional && strcmp(bidirectional, "all") == 0);
    if (p->family->sinks)
        need(a, SINK, "model_type=%s", p->family->model_type);
    if (has_alibi(p))
        need(a, ALIBI, "alibi");
    if (model_has(p, "index_topk"))
        need(a, SPARSE, "index_topk");
    if (model_has(p, "blocksparse_block_size"))
        need(a, SPARSE, "blocksparse_block_size");
    if (is_true(p, "is_encoder_decoder"))
        need(a, CROSS, "is_encoder_decoder=true");
    return read_softcap(p, a);
}

bool model_read_attention(const part *p, attention *a)
{
    *a = (attention){ 0 };
    return read_heads(p, a) && read_latent(p, a) &&
           (a->latent_rank || (read_kv_heads(p, a) && read_head_dim(p, a))) && read_rotary(p, a) &&
           read_features(p, a);
}

/* ---- Kinds of layer ---- */

static bool count_listed(const part *p, json_object *list, layers *l)
{
    l->total = (int)json_object_array_length(list);
    for (int i = 0; i < l->total; i++) {
        json_object *item = json_object_array_get_idx(list, (size_t)i);
        const char *name = json_object_is_type(item, json_type_string)
                               ? json_object_get_string(item) : "?";
        layer_kind kind;
        if (!model_layer_kind(name, &kind))
            return model_refuse(p, "layer_types[%d]=%.60s: not a kind of layer that is known", i,
                                name);
        l->count[kind]++;
    }
    return true;
}

static const char *const from_names[] = { "max_window_layers", NULL };

/* Qwen's files have a window that is not used, unless they say so. */
static bool window_is_off(const part *p)
{
    return is_false(p, "use_sliding_window") ||
           (model_has(p, from_names[0]) && !is_true(p, "use_sliding_window"));
}

/* All layers, those from one on, or all but every n-th. */
static bool count_windowed(const part *p, layers *l)
{
    const char *name;
    int pattern = p->family->pattern, from = 0;

    if (get_number(p, pattern_names, 1, LAYERS_MAX, &pattern, &name) == WRONG ||
        get_number(p, from_names, 0, LAYERS_MAX, &from, &name) == WRONG)
        return false;
    if (pattern)
        l->count[FULL] = l->total / pattern;
    else
        l->count[FULL] = from < l->total ? from : l->total;
    l->count[SLIDING] = l->total - l->count[FULL];
    return true;
}

/* Llama 4: layers with rotary positions see their chunk only. */
static bool count_chunked(const part *p, layers *l)
{
    json_object *list;

    if (!model_has(p, "attention_chunk_size") || model_has(p, "layer_types"))
        return true;
    if (!json_object_object_get_ex(p->object, "no_rope_layers", &list) ||
        !json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0) {
        l->count[FULL] = l->total / 4; /* its default: every fourth is without */
    } else {
        l->total = (int)json_object_array_length(list);
        l->count[FULL] = 0;
        for (int i = 0; i < l->total; i++) /* 1: with rotary positions */
            l->count[FULL] += json_object_get_int(json_object_array_get_idx(list, (size_t)i)) == 0;
    }
    l->count[CHUNK] = l->total - l->count[FULL];
    return true;
}

bool model_read_layers(const part *p, layers *l)
{
    json_object *list;
    const char *name;

    *l = (layers){ .total = p->family->layers ? p->family->layers : 1,
                   .window = p->family->window };
    const found window = get_number(p, window_names, 1, INT_MAX, &l->window, &name);
    if (window == WRONG || get_number(p, layers_names, 1, LAYERS_MAX, &l->total, &name) == WRONG)
        return false;
    if (window == IS_NULL || window_is_off(p))
        l->window = 0;
    if (json_object_object_get_ex(p->object, "layer_types", &list) &&
        json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0) {
        if (!count_listed(p, list, l))
            return false;
    } else if (l->window) {
        if (!count_windowed(p, l))
            return false;
    } else {
        l->count[FULL] = l->total;
    }
    if (l->count[SLIDING] && !l->window)
        return model_refuse(p, "layer_types has sliding_attention: expected a sliding_window");
    return count_chunked(p, l);
}

/* Layers with full attention can have a shape of their own (Gemma 4). */
static bool read_global(const part *p, attention *a)
{
    static const char *const dim_names[] = { "global_head_dim", NULL };
    static const char *const kv_names[] = { "num_global_key_value_heads", NULL };
    const char *name;

    if (get_number(p, dim_names, 1, DIM_MAX, &a->hdqk, &name) == WRONG ||
        get_number(p, kv_names, 1, HEADS_MAX, &a->kv_heads, &a->kv_name) == WRONG)
        return false;
    if (model_has(p, *dim_names))
        a->hdv = a->hdqk;
    return a->heads % a->kv_heads == 0 ||
           model_refuse(p, "%s=%d: expected a divisor of %s=%d", a->kv_name, a->kv_heads,
                        a->heads_name, a->heads);
}

bool model_read_kind(const part *p, const layers *l, layer_kind kind, attention *a)
{
    if (kind == SLIDING)
        need(a, WINDOW, "sliding_window=%d, %d of %d layers", l->window, l->count[kind], l->total);
    if (kind == CHUNK)
        need(a, CHUNKED, "attention_chunk_size, %d of %d layers", l->count[kind], l->total);
    return kind != FULL || read_global(p, a);
}

/* ---- Parts ---- */

/* Not read where the command line gives one. */
const char *model_read_dtype(const part *p)
{
    static const char *const names[][2] = {
        { "bfloat16", "bf16" }, { "float16", "fp16" }, { "float32", "fp32" },
        { "half", "fp16" },     { "float", "fp32" },
    };
    json_object *const places[] = { p->object, p->root };
    const char *value = NULL;

    if (p->serving->dtype.count)
        return "";
    for (int i = 0; i < 2 && !value; i++) {
        value = get_text(places[i], "dtype");
        value = value ? value : get_text(places[i], "torch_dtype");
    }
    const char *bare = value && strncmp(value, "torch.", 6) == 0 ? value + 6 : value;
    for (size_t i = 0; bare && i < sizeof names / sizeof *names; i++)
        if (strcmp(bare, names[i][0]) == 0)
            return names[i][1];
    if (value)
        model_refuse(p, "dtype=%.60s: expected bfloat16, float16 or float32, or --dtype", value);
    else
        model_refuse(p, "dtype, torch_dtype: not there; expected one of them, or --dtype");
    return NULL;
}

void model_begin(part *p, json_object *root)
{
    p->root = p->object = root;
    p->family = model_family(get_text(root, "model_type"));
}

bool model_enter(part *p, const char *name)
{
    json_object *inner;

    if (!json_object_object_get_ex(p->object, name, &inner) ||
        !json_object_is_type(inner, json_type_object))
        return false;
    const size_t used = strlen(p->name);
    snprintf(p->name + used, sizeof p->name - used, "%s%s", used ? "." : "", name);
    p->object = inner;
    p->family = model_family(get_text(inner, "model_type"));
    return true;
}

void model_enter_text(part *p)
{
    int i = 0;

    while (text_parts[i]) /* a part may have parts again */
        i = model_enter(p, text_parts[i]) ? 0 : i + 1;
}
