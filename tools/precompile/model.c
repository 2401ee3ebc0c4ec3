#include "tools/precompile/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/model_internal.h"

/* ---- Options ---- */

/* The calls a server makes. For a paged one the page size follows. */
typedef struct phase {
    const char *name, *meaning, *fields;
    bool paged, one_token, appends, splits; /* the last two: only if asked for */
} phase;

static const phase phases[] = {
    { "prefill", "prompts of one length", "", .paged = false },
    { "varlen", "packed prompts", "seqlens_q=cu seqlens_k=cu pack=1", .paged = false },
    { "decode", "a paged KV cache", "seqlens_k=used block_size=", .paged = true, .one_token = true },
    { "chunked", "packed queries over a paged KV cache", "pack=1 seqlens_q=cu seqlens_k=used block_size=",
      .paged = true },
    { "mixed", "packed queries over a paged KV cache, and a workspace",
      "pack=1 splits=1 seqlens_q=cu seqlens_k=used block_size=", .paged = true, .splits = true },
    { "append", "a token, and its key appended to a paged KV cache",
      "seqlens_k=used append=1 block_size=", .paged = true, .one_token = true, .appends = true },
    { "append", "prompts, and their keys appended to a paged KV cache",
      "pack=1 seqlens_k=used append=1 block_size=", .paged = true, .appends = true },
};
enum { NUM_PHASES = sizeof phases / sizeof phases[0] };

static const char *const rotaries[] = { "none", "half", "interleaved" };
enum { NUM_ROTARIES = sizeof rotaries / sizeof rotaries[0] };

static const char *const kv_dtypes[][2] = { { "auto", "" }, { "fp8", "kv=fp8" } };
enum { NUM_KV_DTYPES = sizeof kv_dtypes / sizeof kv_dtypes[0] };

static bool is_tp(const char *value)
{
    long n;
    return cli_parse_int(value, 1, MODEL_TP_MAX, &n);
}

static const phase *find_phase(const char *name)
{
    for (int i = 0; i < NUM_PHASES; i++)
        if (strcmp(name, phases[i].name) == 0)
            return &phases[i];
    return NULL;
}

static bool is_phase(const char *value)
{
    return find_phase(value) != NULL;
}

bool model_phase_appends(const char *name)
{
    const phase *p = find_phase(name);
    return p && p->appends;
}

bool model_phase_is_paged(const char *name)
{
    const phase *p = find_phase(name);
    return p && p->paged;
}

static bool is_page_size(const char *value)
{
    long n;
    return cli_parse_int(value, 1, 65536, &n);
}

static bool is_kv_dtype(const char *value)
{
    for (int i = 0; i < NUM_KV_DTYPES; i++)
        if (strcmp(value, kv_dtypes[i][0]) == 0)
            return true;
    return false;
}

static bool is_rotary(const char *value)
{
    for (int i = 0; i < NUM_ROTARIES; i++)
        if (strcmp(value, rotaries[i]) == 0)
            return true;
    return false;
}

AXIS_SETTER(tp)
AXIS_SETTER(phase)
AXIS_SETTER(page_size)
AXIS_SETTER(kv_dtype)
AXIS_SETTER(rotary)

/* ---- Configurations ---- */

/* One combination of what serving leaves open. */
typedef struct variant {
    const char *arch, *dtype, *lse, *kv, *rotary;
    const phase *phase;
    int tp, page_size;
} variant;

/* Notes something that cannot be done. false: out of memory, p->why says so. */
__attribute__((format(printf, 3, 4))) static bool lack(const part *p, const char *why,
                                                       const char *format, ...)
{
    unsupported u;
    va_list args;

    snprintf(u.model, sizeof u.model, "%.190s%s%s", p->file, p->name[0] ? ": " : "", p->name);
    snprintf(u.why, sizeof u.why, "%s", why);
    va_start(args, format);
    vsnprintf(u.what, sizeof u.what, format, args);
    va_end(args);
    return select_lacking(p->selection, &u) || model_refuse(p, "out of memory");
}

static bool parses(const char *base, const char *fields, char why[GEN_ERROR_MAX])
{
    char text[2 * GEN_TEXT_MAX];
    gen_config config;

    if (!fields) {
        snprintf(why, GEN_ERROR_MAX, "this version has no kernels for it");
        return false;
    }
    snprintf(text, sizeof text, "%s %s", base, fields);
    return gen_config_parse(text, &config, why);
}

/* Appends fields to `text`, or says that this version does not have them. *good: so far it does. */
static bool require(const part *p, const char *base, const char *fields, char *text, bool *good,
                    const char *what)
{
    char why[GEN_ERROR_MAX];

    if (fields && !*fields)
        return true;
    if (!parses(base, fields, why)) {
        *good = false;
        return lack(p, why, "%s", what);
    }
    const size_t used = strlen(text);
    snprintf(text + used, 2 * GEN_TEXT_MAX - used, " %s", fields);
    return true;
}

/* Adds to `text` what the layers and the phase need besides the base. */
static bool add_fields(const part *p, const attention *a, const variant *v, const char *base,
                       char *text, bool *good)
{
    char fields[128], rotary[64] = "", what[192];

    for (int i = 0; i < NUM_FEATURES; i++) {
        if (!(a->features >> i & 1))
            continue;
        snprintf(what, sizeof what, "%s (%s)", a->origin[i], model_features[i].meaning);
        if (!require(p, base, model_features[i].fields, text, good, what))
            return false;
    }
    if (!v->phase->paged) {
        snprintf(what, sizeof what, "--phase %s (%s)", v->phase->name, v->phase->meaning);
        return require(p, base, v->phase->fields, text, good, what);
    }
    if (strcmp(v->rotary, "none") != 0)
        snprintf(rotary, sizeof rotary, " rotary=%s rotary_dim=%d", v->rotary, a->rotary_dim);
    snprintf(fields, sizeof fields, "%s%d%s", v->phase->fields, v->page_size, rotary);
    snprintf(what, sizeof what, "--phase %s --page-size %d%s%s (%s)", v->phase->name, v->page_size,
             *rotary ? " --rotary " : "", *rotary ? v->rotary : "", v->phase->meaning);
    return require(p, base, fields, text, good, what) &&
           require(p, base, v->kv, text, good, "--kv-dtype fp8 (a KV cache in fp8)");
}

/* Heads are dealt out; KV heads too, or copied where there are fewer of them than GPUs. */
static bool divide(const part *p, const attention *a, int tp, int *gqa)
{
    if (a->heads % tp != 0)
        return model_refuse(p, "--tp %d: expected a divisor of %s=%d", tp, a->heads_name, a->heads);
    if (a->kv_heads % tp != 0 && tp % a->kv_heads != 0)
        return model_refuse(p, "--tp %d: expected a divisor or a multiple of %s=%d", tp,
                            a->kv_name, a->kv_heads);
    *gqa = a->heads / tp / (a->kv_heads > tp ? a->kv_heads / tp : 1);
    return true;
}

/* What serves one token of each sequence, as the library chooses (runtime/splits.c): the operation, and what
 * its text has for it. */
static const char *operation_of(const variant *v, int gqa, const char **fields)
{
    const int rows = gen_decode_rows(gqa);

    *fields = "";
    if (!v->phase->one_token || strcmp(v->dtype, "fp32") == 0)
        return "fmha_fwd";
    *fields = rows == 16 ? " rows=16" : rows ? " rows=32" : " pack=1";
    return rows ? "fmha_decode" : "fmha_fwd";
}

/* The second kernel where keys are split, by the forward kernel or by decode. */
static bool add_merge(const part *p, const attention *a, const variant *v, bool forward)
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];

    snprintf(text, sizeof text, "merge_splits arch=%s dtype=%s hdv=%d lse=%s%s", v->arch, v->dtype,
             a->hdv, v->lse, forward ? " listed=1" : "");
    return select_text(p->selection, text, why) || lack(p, why, "%s", text);
}

/* What a workspace brings: decode has splits anyway, the forward kernel in a kernel of its own. */
static bool add_splits(const part *p, const attention *a, const variant *v, const char *operation,
                       const char *attention_text)
{
    const bool forward = strcmp(operation, "fmha_fwd") == 0;
    char text[2 * GEN_TEXT_MAX + 16], why[GEN_ERROR_MAX];

    snprintf(text, sizeof text, "%s splits=1", attention_text);
    if (forward && !v->phase->splits && !select_text(p->selection, text, why))
        return lack(p, why, "%s", text);
    return add_merge(p, a, v, forward);
}

/* The kernel that appends for an attention kernel. */
static bool add_append(const part *p, const char *attention_text)
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];
    gen_config config;

    if (!gen_config_parse(attention_text, &config, why))
        return lack(p, why, "%s", attention_text);
    config.op = GEN_KV_APPEND;
    gen_config_canonicalise(&config);
    gen_config_print(&config, text);
    return select_text(p->selection, text, why) || lack(p, why, "%s", text);
}

static bool add_variant(const part *p, const attention *a, const variant *v)
{
    char base[GEN_TEXT_MAX], text[2 * GEN_TEXT_MAX], why[GEN_ERROR_MAX];
    const char *operation, *own;
    bool good = true;
    int gqa = 0;

    if (!divide(p, a, v->tp, &gqa))
        return false;
    operation = operation_of(v, gqa, &own);
    snprintf(base, sizeof base, "%s arch=%s dtype=%s hdqk=%d hdv=%d mask=%s gqa=%d lse=%s%s",
             operation, v->arch, v->dtype, a->hdqk, a->hdv, a->causal ? "causal" : "none", gqa,
             v->lse, own);
    if (!parses(base, "", why))
        return lack(p, why, "head_dim %d and %d in %s on %s", a->hdqk, a->hdv, v->dtype, v->arch);
    snprintf(text, sizeof text, "%s", base);
    if (!add_fields(p, a, v, base, text, &good))
        return false;
    if (!good)
        return true;
    if (!select_text(p->selection, text, why))
        return lack(p, why, "%s", text);
    return ((!*own && !v->phase->splits) || add_splits(p, a, v, operation, text)) &&
           (!v->phase->appends || add_append(p, text));
}

/* Is it a phase that is asked for? */
static bool wanted(const part *p, const attention *a, const phase *ph)
{
    const axis *given = &p->serving->phase;

    if (ph->paged && (!a->causal || a->latent_rank)) /* no such cache */
        return false;
    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->values[i], ph->name) == 0)
            return true;
    return given->count == 0 && !ph->appends && !ph->splits && (!ph->paged || p->serving->page_size.count > 0);
}

/* The axes of serving, the first slowest. A missing one counts as one value, the default. */
enum { BY_ARCH, BY_DTYPE, BY_LSE, BY_TP, BY_PAGE, BY_KV, BY_ROTARY, NUM_BY };

static const char *value_at(const axis *a, size_t i, const char *otherwise)
{
    return i < a->count ? a->values[i] : otherwise;
}

static const char *kv_fields(const char *name)
{
    return strcmp(name, "fp8") == 0 ? kv_dtypes[1][1] : kv_dtypes[0][1];
}

static bool add_phase(const part *p, const attention *a, const phase *ph, const char *dtype)
{
    const model_serving *s = p->serving;
    static const axis none = { 0 };
    const axis *axes[NUM_BY] = { &s->arch,      &s->dtype,    &s->lse, &s->tp,
                                 &s->page_size, &s->kv_dtype, ph->appends ? &s->rotary : &none };
    size_t at[NUM_BY] = { 0 };

    for (;;) {
        const variant v = {
            .arch = value_at(axes[BY_ARCH], at[BY_ARCH], NULL),
            .dtype = value_at(axes[BY_DTYPE], at[BY_DTYPE], dtype),
            .lse = value_at(axes[BY_LSE], at[BY_LSE], "0"),
            .kv = kv_fields(value_at(axes[BY_KV], at[BY_KV], "auto")),
            .rotary = value_at(axes[BY_ROTARY], at[BY_ROTARY], "none"),
            .phase = ph,
            .tp = p->vision ? 1 : atoi(value_at(axes[BY_TP], at[BY_TP], "1")),
            .page_size = atoi(value_at(axes[BY_PAGE], at[BY_PAGE], "16")),
        };
        if (!add_variant(p, a, &v))
            return false;
        int i = NUM_BY - 1;
        while (i >= 0 && ++at[i] >= axes[i]->count)
            at[i--] = 0;
        if (i < 0)
            return true;
    }
}

static bool add_attention(const part *p, const attention *a, const char *dtype)
{
    for (int i = 0; i < NUM_PHASES; i++)
        if (wanted(p, a, &phases[i]) && !add_phase(p, a, &phases[i], dtype))
            return false;
    return true;
}

/* ---- Parts ---- */

/* What has to be read from the KV cache of latent attention is one head of its own shape. */
static bool note_latent(const part *p, const attention *a)
{
    const int rank = a->latent_rank, rope = a->latent_rope;
    const char *arch = p->serving->arch.values[0];
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];

    snprintf(text, sizeof text, "fmha_fwd arch=%s dtype=fp16 hdqk=%d hdv=%d mask=causal", arch,
             rank + rope, rank);
    if (parses(text, "", why))
        snprintf(why, sizeof why, "this version has no kernels for it");
    return lack(p, why,
                "kv_lora_rank=%d qk_rope_head_dim=%d (decode with latent attention: head_dim %d "
                "for Q and K, %d for V)", rank, rope, rank + rope, rank);
}

static bool decodes(const part *p)
{
    const axis *given = &p->serving->phase;

    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->values[i], "decode") == 0)
            return true;
    return given->count == 0;
}

static bool add_part(const part *p)
{
    attention all;
    layers l;
    const char *dtype = model_read_dtype(p);

    if (!dtype || !model_read_attention(p, &all) || !model_read_layers(p, &l))
        return false;
    for (layer_kind kind = FULL; kind < NO_ATTENTION; kind++) {
        attention a = all;
        if (l.count[kind] &&
            (!model_read_kind(p, &l, kind, &a) || !add_attention(p, &a, dtype)))
            return false;
    }
    return !all.latent_rank || !decodes(p) || note_latent(p, &all);
}

/* Attention that a file speaks of and nothing here derives is at least not passed over in
 * silence. */
static bool note_others(const part *p)
{
    static const char *const names[] = { "audio_config", "cross_attention_layers" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (model_has(p, names[i]) &&
            !lack(p, "its attention is not derived: give configurations", "%s", names[i]))
            return false;
    return true;
}

/* A tower that cannot be understood does not keep the language model from being warmed. */
static bool add_vision(part *p, const json_object *text)
{
    char why[MODEL_ERROR_MAX];

    model_enter(p, "thinker_config");
    if (p->object != text && !note_others(p))
        return false;
    if (!model_enter(p, "vision_config"))
        return true;
    p->vision = true;
    if (add_part(p))
        return true;
    snprintf(why, sizeof why, "%s", p->why);
    return lack(p, why, "the vision tower");
}

static bool add_parts(part *p)
{
    part vision = *p;

    model_enter_text(p);
    return add_part(p) && note_others(p) && add_vision(&vision, p->object);
}

/* One JSON object and nothing behind it but blanks; NULL: p->why says why. */
static json_object *parse_object(const part *p, json_tokener *parser, const char *json, size_t size)
{
    json_object *root = json_tokener_parse_ex(parser, json, (int)size);
    const enum json_tokener_error error = json_tokener_get_error(parser);
    const size_t end = json_tokener_get_parse_end(parser);
    const size_t rest = end + strspn(json + end, " \t\r\n");

    if (error == json_tokener_continue)
        model_refuse(p, "not JSON: it ends too early");
    else if (error != json_tokener_success)
        model_refuse(p, "not JSON: %s at byte %zu", json_tokener_error_desc(error), end);
    else if (!json_object_is_type(root, json_type_object))
        model_refuse(p, "expected a JSON object");
    else if (rest != size)
        model_refuse(p, "not JSON: more behind its end at byte %zu", rest);
    else
        return root;
    json_object_put(root);
    return NULL;
}

bool model_select(selection *s, const char *name, const char *json, size_t size,
                  const model_serving *serving, char why[MODEL_ERROR_MAX])
{
    part p = { .selection = s, .serving = serving, .file = name, .why = why };
    json_tokener *parser = size <= MODEL_MAX ? json_tokener_new() : NULL;
    bool good = false;

    why[0] = '\0';
    if (!parser)
        return model_refuse(&p, "%zu bytes: expected at most %d of them, and memory", size,
                            MODEL_MAX);
    json_tokener_set_flags(parser, JSON_TOKENER_VALIDATE_UTF8);
    json_object *root = parse_object(&p, parser, json, size);
    if (root) {
        model_begin(&p, root);
        good = add_parts(&p);
    }
    json_object_put(root);
    json_tokener_free(parser);
    return good;
}
