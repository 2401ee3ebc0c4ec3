#include "tools/precompile/select.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

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

bool axis_append_list(axis *a, const char *list, bool (*check)(const char *value))
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
        return axis_append_list(target, value, is_arch);
    for (size_t i = 0; gen_arch_at(i); i++)
        if (!append(target, gen_arch_at(i)->name, strlen(gen_arch_at(i)->name)))
            return false;
    return true;
}

AXIS_SETTER(dtype)
AXIS_SETTER(head_dim)
AXIS_SETTER(mask)
AXIS_SETTER(gqa)
AXIS_SETTER(lse)

bool axis_set_path(const cli_option *option, const char *value, void *target)
{
    (void)option;
    return *value != '\0' && append(target, value, strlen(value));
}

void axis_free(axis *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->values[i]);
    free(a->values);
    *a = (axis){ 0 };
}

void axes_free(axis axes[NUM_AXES])
{
    for (int i = 0; i < NUM_AXES; i++)
        axis_free(&axes[i]);
}

/* ---- Selection ---- */

/* Room for one more at *array, which grows whenever `count` is a power of two; false: out of
 * memory, and the array is as it was. */
static bool grow(void *array, size_t count, size_t size)
{
    void **pointer = array;

    if (count & (count - 1))
        return true;
    void *grown = realloc(*pointer, (count ? 2 * count : 1) * size);
    if (grown)
        *pointer = grown;
    return grown != NULL;
}

/* FNV-1a (Fowler, Noll, Vo): spreads short texts well enough for a table. */
static size_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    while (*text)
        h = (h ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
    return (size_t)h;
}

/* The bucket that holds `text`'s index + 1, or the free one where it belongs. */
static size_t *find_bucket(const selection *s, const char *text)
{
    size_t at = hash_text(text) & (s->num_buckets - 1);

    while (s->buckets[at] && strcmp(s->items[s->buckets[at] - 1].text, text) != 0)
        at = (at + 1) & (s->num_buckets - 1);
    return &s->buckets[at];
}

/* Keeps half of the table free. */
static bool grow_buckets(selection *s)
{
    enum { FIRST_BUCKETS = 64 };
    if (2 * (s->count + 1) <= s->num_buckets)
        return true;
    const size_t more = s->num_buckets ? 2 * s->num_buckets : FIRST_BUCKETS;
    size_t *buckets = calloc(more, sizeof *buckets);
    if (!buckets)
        return false;
    free(s->buckets);
    s->buckets = buckets;
    s->num_buckets = more;
    for (size_t i = 0; i < s->count; i++)
        *find_bucket(s, s->items[i].text) = i + 1;
    return true;
}

static bool add(selection *s, const gen_config *config)
{
    char text[GEN_TEXT_MAX];

    gen_config_print(config, text);
    if (!grow_buckets(s))
        return false;
    size_t *bucket = find_bucket(s, text);
    if (*bucket)
        return true;
    if (!grow(&s->items, s->count, sizeof *s->items))
        return false;
    selected *item = &s->items[s->count++];
    item->config = *config;
    memcpy(item->text, text, sizeof text);
    *bucket = s->count;
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

    int n = snprintf(text, GEN_TEXT_MAX,
                     "fmha_fwd arch=%s dtype=%s hdqk=%.*s hdv=%s mask=%s gqa=%s lse=%s",
                     values[AXIS_ARCH], values[AXIS_DTYPE],
                     (int)(x ? x - dims : (long)strlen(dims)), dims, x ? x + 1 : dims,
                     values[AXIS_MASK], values[AXIS_GQA], values[AXIS_LSE]);
    if (*values[AXIS_SCORE_MOD])
        n += snprintf(text + n, GEN_TEXT_MAX - (size_t)n, " score_mod=%s", values[AXIS_SCORE_MOD]);
    if (*values[AXIS_MASK_MOD])
        snprintf(text + n, GEN_TEXT_MAX - (size_t)n, " mask_mod=%s", values[AXIS_MASK_MOD]);
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
        [AXIS_SCORE_MOD] = { "" },
        [AXIS_MASK_MOD] = { "" },
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

bool select_lacking(selection *s, const unsupported *u)
{
    for (size_t i = 0; i < s->num_lacking; i++)
        if (strcmp(s->lacking[i].model, u->model) == 0 &&
            strcmp(s->lacking[i].what, u->what) == 0 && strcmp(s->lacking[i].why, u->why) == 0)
            return true;
    if (!grow(&s->lacking, s->num_lacking, sizeof *s->lacking))
        return false;
    s->lacking[s->num_lacking++] = *u;
    return true;
}

/* ---- Shards ---- */

typedef struct ranked {
    unsigned char digest[crypto_generichash_BYTES];
    size_t index;
} ranked;

static int by_digest(const void *a, const void *b)
{
    return memcmp(((const ranked *)a)->digest, ((const ranked *)b)->digest,
                  crypto_generichash_BYTES);
}

static int by_index(const void *a, const void *b)
{
    const size_t x = ((const ranked *)a)->index, y = ((const ranked *)b)->index;
    return (x > y) - (x < y);
}

/* By rank, so that shards are of one size; in the order of digests, because in that of the product
 * two masks and two shards would give one shard all of the causal kernels. */
bool select_shard(selection *s, int shard, int num_shards)
{
    ranked *order = calloc(s->count + 1, sizeof *order);
    size_t kept = 0;

    if (!order)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        order[i].index = i;
        crypto_generichash(order[i].digest, sizeof order[i].digest,
                           (const unsigned char *)s->items[i].text, strlen(s->items[i].text), NULL,
                           0);
    }
    qsort(order, s->count, sizeof *order, by_digest);
    for (size_t i = (size_t)shard - 1; i < s->count; i += (size_t)num_shards)
        order[kept++] = order[i];
    qsort(order, kept, sizeof *order, by_index);
    for (size_t i = 0; i < kept; i++)
        s->items[i] = s->items[order[i].index];
    free(order);
    free(s->buckets);
    s->buckets = NULL;
    s->num_buckets = 0;
    s->shard = shard;
    s->num_shards = num_shards;
    s->whole = s->count;
    s->count = kept;
    return true;
}

void selection_free(selection *s)
{
    free(s->items);
    free(s->buckets);
    free(s->invalid);
    free(s->lacking);
    *s = (selection){ 0 };
}
