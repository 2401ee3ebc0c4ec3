/* Private to gen/. */
#ifndef AITER_GEN_INTERNAL_H
#define AITER_GEN_INTERNAL_H

#include <stdio.h>
#include <string.h>

#include "gen/gen.h"

/* ---- Fields of a configuration (gen/fields.c) ---- */

typedef enum gen_field_kind {
    GEN_FIELD_ARCH,
    GEN_FIELD_NAME,   /* an enumeration whose value i is called names[i] */
    GEN_FIELD_NUMBER, /* a multiple of step from min to max, or 0 if zero is set */
    GEN_FIELD_FLAG,
    GEN_FIELD_EXPRESSION
} gen_field_kind;

typedef enum gen_field_use {
    GEN_VARIANT, /* printed if it is not its default */
    GEN_PRINTED  /* printed always */
} gen_field_use;

typedef struct gen_field {
    const char *name;
    size_t offset; /* in gen_config */
    gen_field_kind kind;
    const char *const *names;
    int min, max, step;
    bool zero;
    const char *expected; /* what messages ask for, NULL: made from the above */
    int fallback;         /* the default */
    unsigned ops;         /* bit o: a field of operation o */
    unsigned required;    /* bit o: texts of operation o must have it */
    gen_field_use use;
} gen_field;

enum { GEN_MAX_FIELDS = 32 };

const gen_field *gen_field_at(size_t index); /* NULL past the end */
const gen_field *gen_field_find(const char *name, size_t size);

/* Is it a field of the configuration's operation? */
bool gen_field_belongs(const gen_field *field, const gen_config *config);

/* Sets those that are not the operation's to their defaults. */
void gen_fields_drop(gen_config *config);

/* Does the rest of gen/ see the value as an int? */
static inline bool gen_field_is_int(const gen_field *field)
{
    return field->kind != GEN_FIELD_ARCH && field->kind != GEN_FIELD_EXPRESSION;
}

int gen_field_get(const gen_field *field, const gen_config *config);
void gen_field_set(const gen_field *field, gen_config *config, int value);

/* Of an expression; NULL: none. */
const char **gen_field_expression(const gen_field *field, gen_config *config);

bool gen_field_is_default(const gen_field *field, const gen_config *config);
void gen_field_reset(const gen_field *field, gen_config *config); /* not for arch */
bool gen_field_in_range(const gen_field *field, int value);
void gen_field_expected(const gen_field *field, char *out, size_t size);

const char *const *gen_op_names(void); /* NULL-terminated, by gen_op */
const char *gen_name(const char *const *names, int value); /* "?" if there is none */
void gen_list_names(const char *const *names, char *out, size_t size); /* "a, b or c" */

/* ---- Expressions (gen/expression.c) ---- */

/* Of a gen_expression(): the same in every process. */
uint64_t gen_expression_digest(const char *expression);

/* In double quotes, at most GEN_EXPRESSION_MAX + 2 bytes. Returns their number. */
size_t gen_expression_print(const char *expression, char *out);

/* From that form. NULL: err says why not. */
const char *gen_expression_parse(const char *name, const char *quoted, size_t size,
                                 char err[GEN_ERROR_MAX]);

/* ---- Features: what a configuration asks of a template ---- */

typedef enum gen_feature {
    GEN_WITH_WINDOW_LEFT = 1 << 0,
    GEN_WITH_WINDOW_RIGHT = 1 << 1,
    GEN_WITH_SOFTCAP = 1 << 2,
    GEN_WITH_ALIBI = 1 << 3,
    GEN_WITH_SINK = 1 << 4,
    GEN_WITH_BIAS = 1 << 5,
    GEN_WITH_TRUNCATION = 1 << 6,
    GEN_WITH_USED_Q = 1 << 7,
    GEN_WITH_CU_Q = 1 << 8,
    GEN_WITH_PACKED_Q = 1 << 9,
    GEN_WITH_USED_K = 1 << 10,
    GEN_WITH_CU_K = 1 << 11,
    GEN_WITH_PACKED_K = 1 << 12,
    GEN_WITH_PAGES = 1 << 13,
    GEN_WITH_FP8_KV = 1 << 14,
    GEN_WITH_SPLITS = 1 << 15,
    GEN_WITH_APPEND = 1 << 16,
    GEN_WITH_ROTARY_INTERLEAVED = 1 << 17,
    GEN_WITH_ROTARY_HALF = 1 << 18,
    GEN_WITH_NEW_ROWS = 1 << 19,
    GEN_WITH_SCORE_MOD = 1 << 20,
    GEN_WITH_MASK_MOD = 1 << 21,
    GEN_WITH_BLOCK_MASK = 1 << 22,
    GEN_WITH_PACK = 1 << 28,
    GEN_WITH_SPLIT_KEYS = 1 << 29,
    GEN_WITH_SPLIT_LIST = 1 << 30,

    GEN_WITH_SEQLENS_Q = GEN_WITH_USED_Q | GEN_WITH_CU_Q | GEN_WITH_PACKED_Q,
    GEN_WITH_SEQLENS_K = GEN_WITH_USED_K | GEN_WITH_CU_K | GEN_WITH_PACKED_K,
    GEN_WITH_ROTARY = GEN_WITH_ROTARY_INTERLEAVED | GEN_WITH_ROTARY_HALF,
    GEN_WITH_MODS = GEN_WITH_SCORE_MOD | GEN_WITH_MASK_MOD,
    GEN_WITH_SCORES = GEN_WITH_SOFTCAP | GEN_WITH_ALIBI | GEN_WITH_BIAS | GEN_WITH_MODS,
    GEN_WITH_LISTED = GEN_WITH_SPLIT_KEYS | GEN_WITH_SPLIT_LIST,
    GEN_WITH_PARTS = GEN_WITH_SPLITS | GEN_WITH_LISTED
} gen_feature;

typedef struct gen_feature_rule {
    unsigned feature;   /* one bit */
    const char *macro;  /* that the template sees as 1, "AITER_SOFTCAP" */
    const char *symbol; /* in the kernel's name, "softcap"; NULL: gen/kernel.c has it */
} gen_feature_rule;

const gen_feature_rule *gen_feature_at(size_t index); /* NULL past the end */

/* Bits of gen_feature. The configuration must be valid. */
unsigned gen_features(const gen_config *config);

/* ---- Shapes ---- */

/* Which template a configuration is rendered from, and the shapes it computes with. */
typedef struct gen_tile {
    const char *template_file;
    int block;
    int tile_q, tile_k;
    int hdqk_pad, hdv_pad;
    int lds_bytes;
    int waves_per_simd; /* that the compiler must leave registers for */
} gen_tile;

/* The configuration must be valid. */
gen_tile gen_tile_choose(const gen_config *config);

/* A file of templates/, embedded at build time (gen/embed.cmake). */
typedef struct gen_embedded {
    const char *name;
    const unsigned char *data;
    size_t size;
} gen_embedded;

extern const gen_embedded gen_embedded_files[];
extern const size_t gen_embedded_count;
extern const char gen_embedded_digest[];

/* Growing text. Once memory is short every further append does nothing and `failed` stays set. */
typedef struct gen_buffer {
    char *text;
    size_t size, capacity;
    bool failed;
} gen_buffer;

void gen_buffer_add(gen_buffer *buffer, const void *data, size_t size);
void gen_buffer_printf(gen_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text, owned by the caller; NULL if memory was short. */
char *gen_buffer_finish(gen_buffer *buffer);

#endif
