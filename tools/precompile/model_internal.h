/* How a model's file becomes kinds of attention (model_read.c, with the data of model_data.c), and
 * these configurations (model.c). */
#ifndef AITER_PRECOMPILE_MODEL_INTERNAL_H
#define AITER_PRECOMPILE_MODEL_INTERNAL_H

#include <json-c/json.h>

#include "tools/precompile/model.h"

/* ---- Data ---- */

typedef enum feature_id {
    WINDOW,
    SOFTCAP,
    SINK,
    ALIBI,
    CHUNKED,
    SPARSE,
    CROSS,
    NUM_FEATURES
} feature_id;

/* `fields` are configuration text: whether this version has them, its parser says. NULL: there is
 * no field for it. */
typedef struct feature {
    const char *meaning, *fields;
} feature;

extern const feature model_features[NUM_FEATURES];

/* What a model_type implies that its files may leave out. */
typedef struct family {
    const char *model_type;
    int hidden_size, heads, kv_heads, head_dim; /* 0: no default */
    int layers, window;
    int pattern;                /* every pattern-th layer has full attention, the others a window */
    double softcap;
    bool encoder, sinks, alibi;
} family;

/* One without defaults for a model_type that is not known, or NULL. */
const family *model_family(const char *model_type);

typedef enum layer_kind { FULL, SLIDING, CHUNK, NO_ATTENTION, NUM_KINDS } layer_kind;

/* By its name in layer_types; false: not known. */
bool model_layer_kind(const char *name, layer_kind *out);

/* ---- A part of a model: the language model, the vision tower ---- */

typedef struct part {
    selection *selection;
    const model_serving *serving;
    const char *file;
    char name[64];              /* "text_config", "" for the file itself */
    json_object *object, *root; /* what the part does not say of its dtype, the root does */
    const family *family;
    bool vision;
    char *why;                  /* MODEL_ERROR_MAX bytes */
} part;

/* One kind of attention. */
typedef struct attention {
    int heads, kv_heads, hdqk, hdv;
    const char *heads_name, *kv_name;   /* as the file calls them */
    int latent_rank, latent_rope;       /* multi-head latent attention, or 0 */
    int rotary_dim;                     /* elements that rotary embedding rotates */
    bool causal;
    unsigned features;                  /* bit i: needs model_features[i] */
    char origin[NUM_FEATURES][96];      /* "sliding_window=4096, 13 of 26 layers" */
} attention;

/* Layers of one kind. */
typedef struct layers {
    int count[NUM_KINDS], total;
    int window;                         /* 0: none */
} layers;

/* Does it have the member, and not null? */
bool model_has(const part *p, const char *name);

/* Sets p->why; false. */
bool model_refuse(const part *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The dtype's name here; NULL: p->why says why. */
const char *model_read_dtype(const part *p);

/* What holds for all layers, how many there are of a kind, and what holds for those of one kind. */
bool model_read_attention(const part *p, attention *a);
bool model_read_layers(const part *p, layers *l);
bool model_read_kind(const part *p, const layers *l, layer_kind kind, attention *a);

/* The whole file, an object. */
void model_begin(part *p, json_object *root);

/* Goes down into a member of that name; false: there is none. */
bool model_enter(part *p, const char *name);

/* Goes down to the language model. */
void model_enter_text(part *p);

#endif
