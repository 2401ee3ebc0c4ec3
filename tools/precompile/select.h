/* What to compile: a list of configurations without duplicates, from the product of the axes given
 * on the command line, from texts, and from what models need (model.h). */
#ifndef AITER_PRECOMPILE_SELECT_H
#define AITER_PRECOMPILE_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "gen/gen.h"
#include "tools/cli.h"

typedef enum axis_id {
    AXIS_ARCH,
    AXIS_DTYPE,
    AXIS_HEAD_DIM,
    AXIS_MASK,
    AXIS_GQA,
    AXIS_LSE,
    AXIS_SCORE_MOD, /* quoted as in a configuration */
    AXIS_MASK_MOD,
    NUM_AXES
} axis_id;

/* The values given to one option, in order, each accepted on its own. */
typedef struct axis {
    char **values;
    size_t count;
} axis;

/* Setters for cli_option: split a comma list and append to an axis. The axis is the target. */
bool axis_set_arch(const cli_option *option, const char *value, void *target);
bool axis_set_dtype(const cli_option *option, const char *value, void *target);
bool axis_set_head_dim(const cli_option *option, const char *value, void *target);
bool axis_set_mask(const cli_option *option, const char *value, void *target);
bool axis_set_gqa(const cli_option *option, const char *value, void *target);
bool axis_set_lse(const cli_option *option, const char *value, void *target);
/* For more of them: splits at commas; every piece must be accepted by `check`. */
bool axis_append_list(axis *a, const char *list, bool (*check)(const char *value));

#define AXIS_SETTER(axis_name)                                                                  \
    bool axis_set_##axis_name(const cli_option *option, const char *value, void *target)        \
    {                                                                                           \
        (void)option;                                                                           \
        return axis_append_list(target, value, is_##axis_name);                                 \
    }

/* The same for a list of paths: no comma splits, nothing is checked. */
bool axis_set_path(const cli_option *option, const char *value, void *target);
void axis_free(axis *a);
void axes_free(axis axes[NUM_AXES]);

typedef struct selected {
    gen_config config;
    char text[GEN_TEXT_MAX];        /* canonical */
} selected;

/* A combination of the product that is no configuration. */
typedef struct rejected {
    char text[GEN_TEXT_MAX];
    char why[GEN_ERROR_MAX];
} rejected;

/* Something that a model needs and this version cannot do. */
typedef struct unsupported {
    char model[256];                /* the file, and the part of it */
    char what[192];                 /* field and value, and what it means */
    char why[GEN_ERROR_MAX];
} unsupported;

typedef struct selection {
    selected *items;                /* no two alike */
    size_t count;
    size_t *buckets;                /* hash table of the items, for that */
    size_t num_buckets;
    rejected *invalid;
    size_t num_invalid;
    unsupported *lacking;
    size_t num_lacking;
    int shard, num_shards;          /* 0: all of it */
    size_t whole;                   /* count before it was reduced to a shard */
} selection;

/* Adds the product. Axes without values take their defaults. false: out of memory. */
bool select_product(selection *s, const axis axes[NUM_AXES]);

/* Adds one configuration text. false: `why` says what is wrong with it. */
bool select_text(selection *s, const char *text, char why[GEN_ERROR_MAX]);

/* Notes what cannot be done, once. false: out of memory. */
bool select_lacking(selection *s, const unsupported *u);

/* Keeps every num_shards-th configuration in the order of the texts' digests, in their old order.
 * All shards together are the whole, no two share anything, and their sizes differ by one at
 * most. */
bool select_shard(selection *s, int shard, int num_shards);

void selection_free(selection *s);

#endif
