#include "tools/precompile/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Axes ---- */

static bool append(axis *a, const char *value, size_t size)
{
    char **values = realloc(a->values, (a->count + 1) * sizeof *values);

    if (!values)
        return false;
    a->values = values;
    values[a->count] = strndup(value, size);
    return values[a->count] && ++a->count;
}

/* Splits at commas; every piece must be accepted by `check`. */
static bool append_list(axis *a, const char *list, bool (*check)(const char *value))
{
    for (;;) {
        const size_t size = strcspn(list, ",");
        if (!append(a, list, size) || !check(a->values[a->count - 1]))
            return false;
        if (list[size] == '\0')
            return true;
        list += size + 1;
    }
}

static bool is_arch(const char *value)
{
    return strchr(value, ':') == NULL && gen_arch_find(value) != NULL;
}

static bool is_dtype(const char *value)
{
    for (gen_dtype t = GEN_FP16; t <= GEN_FP32; t++)
        if (strcmp(value, gen_dtype_name(t)) == 0)
            return true;
    return false;
}

static bool is_head_dim(const char *value)
{
    char text[32];
    long dim;

    if (strlen(value) >= sizeof text)
        return false;
    strcpy(text, value);
    char *dim_v = strchr(text, 'x');
    if (dim_v) {
        *dim_v++ = '\0';
        if (!cli_parse_int(dim_v, 8, 256, &dim) || dim % 8 != 0)
            return false;
    }
    return cli_parse_int(text, 8, 256, &dim) && dim % 8 == 0;
}

static bool is_mask(const char *value)
{
    for (gen_mask m = GEN_MASK_NONE; m <= GEN_MASK_CAUSAL; m++)
        if (strcmp(value, gen_mask_name(m)) == 0)
            return true;
    return false;
}

static bool is_gqa(const char *value)
{
    long n;
    return cli_parse_int(value, 1, 1024, &n);
}

static bool is_lse(const char *value)
{
    return strcmp(value, "0") == 0 || strcmp(value, "1") == 0;
}

bool axis_set_arch(const cli_option *option, const char *value, void *target)
{
    (void)option;
    if (strcmp(value, "all") != 0)
        return append_list(target, value, is_arch);
    for (size_t i = 0; gen_arch_at(i); i++)
        if (!append(target, gen_arch_at(i)->name, strlen(gen_arch_at(i)->name)))
            return false;
    return true;
}

#define SETTER(axis_name)                                                                       \
    bool axis_set_##axis_name(const cli_option *option, const char *value, void *target)        \
    {                                                                                           \
        (void)option;                                                                           \
        return append_list(target, value, is_##axis_name);                                      \
    }
SETTER(dtype)
SETTER(head_dim)
SETTER(mask)
SETTER(gqa)
SETTER(lse)
#undef SETTER

void axes_free(axis axes[NUM_AXES])
{
    for (int i = 0; i < NUM_AXES; i++) {
        for (size_t j = 0; j < axes[i].count; j++)
            free(axes[i].values[j]);
        free(axes[i].values);
        axes[i] = (axis){ 0 };
    }
}

/* ---- Selection ---- */

/* Room for one more at *array; NULL: out of memory, and the array is as it was. */
static void *grow(void *array, size_t count, size_t size)
{
    void **pointer = array;
    void *grown = realloc(*pointer, (count + 1) * size);

    if (grown)
        *pointer = grown;
    return grown;
}

static bool add(selection *s, const gen_config *config)
{
    char text[GEN_TEXT_MAX];

    gen_config_print(config, text);
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].text, text) == 0)
            return true;
    if (!grow(&s->items, s->count, sizeof *s->items))
        return false;
    selected *item = &s->items[s->count++];
    item->config = *config;
    memcpy(item->text, text, sizeof text);
    return true;
}

static bool add_invalid(selection *s, const char *text, const char *why)
{
    if (!grow(&s->invalid, s->num_invalid, sizeof *s->invalid))
        return false;
    rejected *r = &s->invalid[s->num_invalid++];
    snprintf(r->text, sizeof r->text, "%s", text);
    snprintf(r->why, sizeof r->why, "%s", why);
    return true;
}

/* One value of each axis as configuration text: the parser knows what goes together. */
static void combine(const char *const values[NUM_AXES], char text[GEN_TEXT_MAX])
{
    const char *dims = values[AXIS_HEAD_DIM], *x = strchr(dims, 'x');

    snprintf(text, GEN_TEXT_MAX, "fmha_fwd arch=%s dtype=%s hdqk=%.*s hdv=%s mask=%s gqa=%s lse=%s",
             values[AXIS_ARCH], values[AXIS_DTYPE], (int)(x ? x - dims : (long)strlen(dims)), dims,
             x ? x + 1 : dims, values[AXIS_MASK], values[AXIS_GQA], values[AXIS_LSE]);
}

static bool add_combination(selection *s, const char *const values[NUM_AXES])
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];
    gen_config config;

    combine(values, text);
    return gen_config_parse(text, &config, why) ? add(s, &config) : add_invalid(s, text, why);
}

bool select_product(selection *s, const axis axes[NUM_AXES])
{
    static const char *const defaults[NUM_AXES][2] = {
        [AXIS_DTYPE] = { "fp16", "bf16" },
        [AXIS_HEAD_DIM] = { "128" },
        [AXIS_MASK] = { "none", "causal" },
        [AXIS_GQA] = { "1" },
        [AXIS_LSE] = { "0" },
    };
    const char *values[NUM_AXES];
    size_t at[NUM_AXES] = { 0 }, counts[NUM_AXES];

    for (int i = 0; i < NUM_AXES; i++)
        counts[i] = axes[i].count ? axes[i].count
                                  : (size_t)(defaults[i][0] != NULL) + (defaults[i][1] != NULL);
    if (counts[AXIS_ARCH] == 0)
        return true;
    for (;;) {
        for (int i = 0; i < NUM_AXES; i++)
            values[i] = axes[i].count ? axes[i].values[at[i]] : defaults[i][at[i]];
        if (!add_combination(s, values))
            return false;
        int i = NUM_AXES - 1; /* count like an odometer, the last axis fastest */
        while (i >= 0 && ++at[i] == counts[i])
            at[i--] = 0;
        if (i < 0)
            return true;
    }
}

bool select_text(selection *s, const char *text, char why[GEN_ERROR_MAX])
{
    gen_config config;

    if (!gen_config_parse(text, &config, why))
        return false;
    snprintf(why, GEN_ERROR_MAX, "out of memory");
    return add(s, &config);
}

void selection_free(selection *s)
{
    free(s->items);
    free(s->invalid);
    *s = (selection){ 0 };
}
