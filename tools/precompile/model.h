/* What serving a model needs: a Hugging Face config.json -> configurations. */
#ifndef AITER_PRECOMPILE_MODEL_H
#define AITER_PRECOMPILE_MODEL_H

#include "tools/precompile/select.h"

enum { MODEL_MAX = 4 << 20, MODEL_ERROR_MAX = 512, MODEL_TP_MAX = 4096 };

/* How it is served; what the file does not say. Lists without values take their defaults. */
typedef struct model_serving {
    axis arch;                  /* not empty                                                     */
    axis dtype;                 /* default: the file's                                           */
    axis lse;                   /* default 0                                                     */
    axis tp;                    /* sizes of tensor parallel groups, default 1                    */
    axis phase;                 /* default: those that the options make sense for                */
    axis page_size;             /* keys per block of the KV cache; none: no paged cache          */
    axis kv_dtype;              /* of the paged cache: auto, fp8; default auto                   */
    axis rotary;                /* of queries and appended keys: none, half, interleaved; default none */
} model_serving;

bool axis_set_tp(const cli_option *option, const char *value, void *target);
bool axis_set_phase(const cli_option *option, const char *value, void *target);
bool axis_set_page_size(const cli_option *option, const char *value, void *target);
bool axis_set_kv_dtype(const cli_option *option, const char *value, void *target);
bool axis_set_rotary(const cli_option *option, const char *value, void *target);

/* Does it need a page size? */
bool model_phase_is_paged(const char *name);

/* Does it append to the cache? */
bool model_phase_appends(const char *name);

/* Adds what the model needs and this version can do, and notes what it cannot (select_lacking()).
 * `json` has a NUL behind its `size` bytes; `name` is the file's, for messages. false: why names
 * the field, its value and what was expected; what was added until then stays. */
bool model_select(selection *s, const char *name, const char *json, size_t size,
                  const model_serving *serving, char why[MODEL_ERROR_MAX]);

#endif
