/* What to compile: the product of the axes given on the command line, and configuration texts. */
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

typedef struct selection {
    selected *items;                /* no two alike */
    size_t count;
    rejected *invalid;
    size_t num_invalid;
} selection;

/* Adds the product. Axes without values take their defaults. false: out of memory. */
bool select_product(selection *s, const axis axes[NUM_AXES]);

/* Adds one configuration text. false: `why` says what is wrong with it. */
bool select_text(selection *s, const char *text, char why[GEN_ERROR_MAX]);

void selection_free(selection *s);

#endif
