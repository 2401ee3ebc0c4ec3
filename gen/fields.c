/* The fields of a configuration: one row each, in canonical order. Text form, range checks, defaults,
 * comparison and hash are made from this table. */
#include "gen/internal.h"

static const char *const op_names[] = { "fmha_fwd", "fmha_decode", "merge_states", "merge_splits",
                                        "kv_append", NULL };
static const char *const dtype_names[] = { "fp16", "bf16", "fp32", NULL };
static const char *const mask_names[] = { "none", "causal", NULL };
static const char *const window_names[] = { "none", "left", "right", "both", NULL };
static const char *const rounding_names[] = { "nearest", "truncate", NULL };
static const char *const seqlens_names[] = { "fixed", "used", "cu", "packed", NULL };
static const char *const kv_names[] = { "same", "fp8", NULL };
static const char *const rotary_names[] = { "none", "interleaved", "half", NULL };

enum {
    FWD = 1u << GEN_FMHA_FWD,
    DECODE = 1u << GEN_FMHA_DECODE,
    ATTN = FWD | DECODE,
    MERGE = 1u << GEN_MERGE_STATES | 1u << GEN_MERGE_SPLITS,
    APPEND = 1u << GEN_KV_APPEND,
    CACHED = ATTN | APPEND,
    ALL = ATTN | MERGE | APPEND
};

#define AT(member) .offset = offsetof(gen_config, member)
#define NAMED(list) .kind = GEN_FIELD_NAME, .names = list
#define NUMBER(low, high, multiple) \
    .kind = GEN_FIELD_NUMBER, .min = low, .max = high, .step = multiple
#define FLAG .kind = GEN_FIELD_FLAG
#define EXPRESSION .kind = GEN_FIELD_EXPRESSION

static const gen_field fields[] = {
    { "arch", AT(arch), .kind = GEN_FIELD_ARCH, .ops = ALL, .required = ALL, .use = GEN_PRINTED },
    { "dtype", AT(dtype), NAMED(dtype_names), .ops = ALL, .required = ALL, .use = GEN_PRINTED },
    { "hdqk", AT(hdqk), NUMBER(8, 256, 8), .ops = CACHED, .required = CACHED, .use = GEN_PRINTED },
    { "hdv", AT(hdv), NUMBER(8, 256, 8), .ops = ALL, .required = MERGE, .use = GEN_PRINTED },
    { "mask", AT(mask), NAMED(mask_names), .ops = ATTN, .use = GEN_PRINTED },
    { "gqa", AT(gqa), NUMBER(1, INT32_MAX, 1), .ops = ATTN, .use = GEN_PRINTED, .fallback = 1,
      .expected = "the number of query heads per KV head, 1 or more" },
    { "lse", AT(lse), FLAG, .ops = ATTN | MERGE, .use = GEN_PRINTED },
    { "window", AT(window), NAMED(window_names), .ops = ATTN },
    { "softcap", AT(softcap), FLAG, .ops = ATTN },
    { "alibi", AT(alibi), FLAG, .ops = ATTN },
    { "sink", AT(sink), FLAG, .ops = ATTN },
    { "bias", AT(bias), FLAG, .ops = ATTN },
    { "rounding", AT(rounding), NAMED(rounding_names), .ops = ATTN },
    { "seqlens_q", AT(seqlens_q), NAMED(seqlens_names), .ops = FWD },
    { "seqlens_k", AT(seqlens_k), NAMED(seqlens_names), .ops = ATTN },
    { "block_size", AT(block_size), NUMBER(16, 1024, 16), .ops = CACHED, .zero = true },
    { "kv", AT(kv), NAMED(kv_names), .ops = CACHED },
    { "append", AT(append), FLAG, .ops = ATTN },
    { "rotary", AT(rotary), NAMED(rotary_names), .ops = CACHED },
    { "rotary_dim", AT(rotary_dim), NUMBER(16, 256, 16), .ops = CACHED, .zero = true },
    { "rows", AT(rows), NUMBER(16, 32, 16), .ops = DECODE, .required = DECODE, .use = GEN_PRINTED },
    { "pack", AT(pack), FLAG, .ops = FWD },
    { "splits", AT(splits), FLAG, .ops = FWD },
    { "listed", AT(listed), FLAG, .ops = 1u << GEN_MERGE_SPLITS },
    { "block_mask", AT(block_mask), NUMBER(128, 1024, 128), .ops = FWD, .zero = true },
    { "score_mod", AT(score_mod), EXPRESSION, .ops = ATTN },
    { "mask_mod", AT(mask_mod), EXPRESSION, .ops = ATTN },
};

enum { NUM_FIELDS = sizeof fields / sizeof fields[0] };

_Static_assert(NUM_FIELDS < (int)GEN_MAX_FIELDS, "GEN_MAX_FIELDS is too small");

const gen_field *gen_field_at(size_t index)
{
    return index < NUM_FIELDS ? &fields[index] : NULL;
}

const gen_field *gen_field_find(const char *name, size_t size)
{
    for (const gen_field *f = fields; f < fields + NUM_FIELDS; f++)
        if (strlen(f->name) == size && memcmp(f->name, name, size) == 0)
            return f;
    return NULL;
}

const char *const *gen_op_names(void)
{
    return op_names;
}

bool gen_field_belongs(const gen_field *field, const gen_config *config)
{
    return field->ops >> config->op & 1;
}

/* ---- Values ---- */

int gen_field_get(const gen_field *f, const gen_config *config)
{
    return *(const int *)((const char *)config + f->offset);
}

void gen_field_set(const gen_field *f, gen_config *config, int value)
{
    *(int *)((char *)config + f->offset) = value;
}

const char **gen_field_expression(const gen_field *f, gen_config *config)
{
    return (const char **)((char *)config + f->offset);
}

bool gen_field_is_default(const gen_field *f, const gen_config *config)
{
    if (f->kind == GEN_FIELD_EXPRESSION)
        return *gen_field_expression(f, (gen_config *)config) == NULL;
    return gen_field_is_int(f) && gen_field_get(f, config) == f->fallback;
}

void gen_field_reset(const gen_field *f, gen_config *config)
{
    if (f->kind == GEN_FIELD_EXPRESSION)
        *gen_field_expression(f, config) = NULL;
    else
        gen_field_set(f, config, f->fallback);
}

/* On the way of every launch: one loop, no calls. */
void gen_fields_drop(gen_config *config)
{
    for (const gen_field *f = fields; f < fields + NUM_FIELDS; f++)
        if (!gen_field_belongs(f, config))
            gen_field_reset(f, config);
}

int gen_config_number(const gen_config *config, const char *name)
{
    return gen_field_get(gen_field_find(name, strlen(name)), config);
}

static int count_names(const char *const *names)
{
    int count = 0;
    while (names[count])
        count++;
    return count;
}

const char *gen_name(const char *const *names, int value)
{
    return value >= 0 && value < count_names(names) ? names[value] : "?";
}

bool gen_field_in_range(const gen_field *f, int value)
{
    switch (f->kind) {
    case GEN_FIELD_ARCH:
    case GEN_FIELD_EXPRESSION: return true;
    case GEN_FIELD_FLAG: return value == 0 || value == 1;
    case GEN_FIELD_NAME: return value >= 0 && value < count_names(f->names);
    case GEN_FIELD_NUMBER:
        return (f->zero && value == 0) ||
               (value >= f->min && value <= f->max && value % f->step == 0);
    }
    return false;
}

void gen_list_names(const char *const *names, char *out, size_t size)
{
    int count = count_names(names), n = 0;
    for (int i = 0; i < count && n < (int)size; i++)
        n += snprintf(out + n, size - (size_t)n, "%s%s",
                      i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
}

void gen_field_expected(const gen_field *f, char *out, size_t size)
{
    if (f->expected)
        snprintf(out, size, "%s", f->expected);
    else if (f->kind == GEN_FIELD_NAME)
        gen_list_names(f->names, out, size);
    else if (f->kind == GEN_FIELD_NUMBER)
        snprintf(out, size, "%sa multiple of %d from %d to %d", f->zero ? "0 or " : "", f->step,
                 f->min, f->max);
    else
        snprintf(out, size, "0 or 1");
}

const char *gen_dtype_name(gen_dtype dtype)
{
    return gen_name(dtype_names, (int)dtype);
}

const char *gen_mask_name(gen_mask mask)
{
    return gen_name(mask_names, (int)mask);
}

/* ---- Comparison ---- */

/* Everything behind arch and the two expressions, without padding between: compared and hashed as
 * memory, since that is on the way of every launch. */
enum { NUMBERS_AT = offsetof(gen_config, dtype), NUM_NUMBERS = NUM_FIELDS - 3 };

/* The structure's size is a multiple of 8. */
_Static_assert((sizeof(gen_config) - NUMBERS_AT) / 8 == (NUM_NUMBERS + 1) / 2,
               "each field of the structure has a row in the table");
_Static_assert(sizeof(gen_dtype) == sizeof(int), "enumerations are read and written as int");

static const int *numbers(const gen_config *config)
{
    return (const int *)((const char *)config + NUMBERS_AT);
}

bool gen_config_equal(const gen_config *a, const gen_config *b)
{
    return a->op == b->op && a->arch == b->arch && a->score_mod == b->score_mod &&
           a->mask_mod == b->mask_mod &&
           memcmp(numbers(a), numbers(b), NUM_NUMBERS * sizeof(int)) == 0;
}

static bool same_value(const gen_field *f, const gen_config *a, const gen_config *b)
{
    size_t size = gen_field_is_int(f) ? sizeof(int) : sizeof(void *);
    return memcmp((const char *)a + f->offset, (const char *)b + f->offset, size) == 0;
}

const char *gen_config_difference(const gen_config *a, const gen_config *b)
{
    for (const gen_field *f = fields; f < fields + NUM_FIELDS; f++)
        if (!same_value(f, a, b))
            return f->name;
    return NULL;
}

/* All kernels of a table are for one arch, which is left out. */
uint64_t gen_config_hash(const gen_config *config)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio: Fibonacci hashing */
    const int *n = numbers(config);
    uint64_t h = (uint64_t)config->op;
    if (config->score_mod)
        h = (h ^ gen_expression_digest(config->score_mod)) * odd;
    if (config->mask_mod)
        h = (h ^ gen_expression_digest(config->mask_mod)) * (odd ^ 2);
    for (int i = 0; i < NUM_NUMBERS; i++)
        h = (h ^ (unsigned)n[i]) * odd;
    return h ^ h >> 32;
}
