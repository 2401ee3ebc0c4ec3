/* Configuration <-> canonical text. One table row per field, in canonical order. */
#include "gen/gen.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char op_name[] = "fmha_fwd";

typedef enum field_kind { FIELD_ARCH, FIELD_DTYPE, FIELD_INT, FIELD_MASK, FIELD_BOOL } field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset;
    bool required;
} field;

static const field fields[] = {
    { "arch", FIELD_ARCH, offsetof(gen_config, arch), true },
    { "dtype", FIELD_DTYPE, offsetof(gen_config, dtype), true },
    { "hdqk", FIELD_INT, offsetof(gen_config, hdqk), true },
    { "hdv", FIELD_INT, offsetof(gen_config, hdv), false },
    { "mask", FIELD_MASK, offsetof(gen_config, mask), false },
    { "gqa", FIELD_INT, offsetof(gen_config, gqa), false },
    { "lse", FIELD_BOOL, offsetof(gen_config, lse), false },
};

enum { NUM_FIELDS = sizeof fields / sizeof fields[0] };

/* A piece of the text being parsed. */
typedef struct span {
    const char *start;
    size_t size;
} span;

static bool span_is(span s, const char *text)
{
    return strlen(text) == s.size && memcmp(s.start, text, s.size) == 0;
}

/* Input can be any bytes: messages carry at most 48 of them, unprintable ones as \xNN. */
enum { SHOWN_BYTES = 48, SHOWN_MAX = SHOWN_BYTES * 4 + 4 };

static const char *show(span s, char out[SHOWN_MAX])
{
    size_t shown = s.size < SHOWN_BYTES ? s.size : SHOWN_BYTES;
    char *p = out;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)s.start[i];
        if (c >= 0x20 && c < 0x7f && c != '\\')
            *p++ = (char)c;
        else
            p += sprintf(p, "\\x%02x", c);
    }
    strcpy(p, shown < s.size ? "..." : "");
    return out;
}

static bool reject(char err[GEN_ERROR_MAX], const char *name, span value, const char *expected)
{
    char shown[SHOWN_MAX];
    snprintf(err, GEN_ERROR_MAX, "%s=%s: expected %s", name, show(value, shown), expected);
    return false;
}

/* ---- Values ---- */

static bool parse_arch(span value, const gen_arch **out, char err[GEN_ERROR_MAX])
{
    char name[64], expected[256];
    if (value.size < sizeof name) {
        memcpy(name, value.start, value.size);
        name[value.size] = '\0';
        *out = gen_arch_find(name);
        if (*out)
            return true;
    }
    int n = snprintf(expected, sizeof expected, "one of");
    const gen_arch *arch;
    for (size_t i = 0; (arch = gen_arch_at(i)) && (size_t)n < sizeof expected; i++)
        n += snprintf(expected + n, sizeof expected - (size_t)n, "%s %s", i ? "," : "", arch->name);
    return reject(err, "arch", value, expected);
}

static bool parse_dtype(span value, gen_dtype *out, char err[GEN_ERROR_MAX])
{
    for (int i = GEN_FP16; i <= GEN_FP32; i++) {
        *out = (gen_dtype)i;
        if (span_is(value, gen_dtype_name(*out)))
            return true;
    }
    return reject(err, "dtype", value, "fp16, bf16 or fp32");
}

static bool parse_mask(span value, gen_mask *out, char err[GEN_ERROR_MAX])
{
    for (int i = GEN_MASK_NONE; i <= GEN_MASK_CAUSAL; i++) {
        *out = (gen_mask)i;
        if (span_is(value, gen_mask_name(*out)))
            return true;
    }
    return reject(err, "mask", value, "none or causal");
}

/* Digits only: no sign, no base prefix, nothing after. */
static bool parse_int(const char *name, span value, int *out, char err[GEN_ERROR_MAX])
{
    long long number = 0;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.start[i];
        if (c < '0' || c > '9')
            return reject(err, name, value, "a decimal number");
        number = number * 10 + (c - '0');
        if (number > INT_MAX)
            return reject(err, name, value, "a decimal number below 2147483648");
    }
    if (value.size == 0)
        return reject(err, name, value, "a decimal number");
    *out = (int)number;
    return true;
}

static bool parse_bool(const char *name, span value, bool *out, char err[GEN_ERROR_MAX])
{
    *out = span_is(value, "1");
    return *out || span_is(value, "0") || reject(err, name, value, "0 or 1");
}

static bool parse_field(const field *f, span value, gen_config *config, char err[GEN_ERROR_MAX])
{
    void *target = (char *)config + f->offset;
    switch (f->kind) {
    case FIELD_ARCH: return parse_arch(value, target, err);
    case FIELD_DTYPE: return parse_dtype(value, target, err);
    case FIELD_MASK: return parse_mask(value, target, err);
    case FIELD_INT: return parse_int(f->name, value, target, err);
    case FIELD_BOOL: return parse_bool(f->name, value, target, err);
    }
    return false;
}

/* ---- The whole text ---- */

static span next_word(const char **cursor)
{
    static const char blanks[] = " \t\r\n";
    const char *start = *cursor + strspn(*cursor, blanks);
    size_t size = strcspn(start, blanks);
    *cursor = start + size;
    return (span){ start, size };
}

static const field *find_field(span name)
{
    for (size_t i = 0; i < NUM_FIELDS; i++)
        if (span_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

/* name=value; `seen` has a bit for each field that was given. */
static bool parse_word(span word, gen_config *config, unsigned *seen, char err[GEN_ERROR_MAX])
{
    char shown[SHOWN_MAX];
    const char *equals = memchr(word.start, '=', word.size);
    span name = { word.start, equals ? (size_t)(equals - word.start) : word.size };
    const field *f = find_field(name);
    if (!f) {
        snprintf(err, GEN_ERROR_MAX,
                 "%s: unknown field; expected arch, dtype, hdqk, hdv, mask, gqa or lse",
                 show(name, shown));
        return false;
    }
    if (!equals) {
        snprintf(err, GEN_ERROR_MAX, "%s: no value; expected %s=...", f->name, f->name);
        return false;
    }
    unsigned bit = 1u << (f - fields);
    if (*seen & bit) {
        snprintf(err, GEN_ERROR_MAX, "%s: given twice; expected each field once", f->name);
        return false;
    }
    *seen |= bit;
    span value = { equals + 1, word.size - name.size - 1 };
    return parse_field(f, value, config, err);
}

static bool all_required(unsigned seen, char err[GEN_ERROR_MAX])
{
    for (size_t i = 0; i < NUM_FIELDS; i++) {
        if (!fields[i].required || seen & 1u << i)
            continue;
        snprintf(err, GEN_ERROR_MAX, "%s: missing; expected %s=...", fields[i].name,
                 fields[i].name);
        return false;
    }
    return true;
}

static bool was_seen(unsigned seen, const char *name)
{
    const field *f = find_field((span){ name, strlen(name) });
    return seen & 1u << (f - fields);
}

bool gen_config_parse(const char *text, gen_config *out, char err[GEN_ERROR_MAX])
{
    gen_config config = { .op = GEN_FMHA_FWD, .mask = GEN_MASK_NONE, .gqa = 1, .lse = false };
    unsigned seen = 0;
    char shown[SHOWN_MAX];

    err[0] = '\0';
    span word = next_word(&text);
    if (!span_is(word, op_name)) {
        snprintf(err, GEN_ERROR_MAX, "operation \"%s\": expected %s", show(word, shown), op_name);
        return false;
    }
    while ((word = next_word(&text)).size > 0)
        if (!parse_word(word, &config, &seen, err))
            return false;
    if (!all_required(seen, err))
        return false;
    if (!was_seen(seen, "hdv"))
        config.hdv = config.hdqk;
    if (!gen_config_validate(&config, err))
        return false;
    *out = config;
    return true;
}

/* ---- Printing ---- */

static int print_field(const field *f, const gen_config *config, char *out, size_t size)
{
    const void *source = (const char *)config + f->offset;
    switch (f->kind) {
    case FIELD_ARCH: {
        const gen_arch *arch = *(const gen_arch *const *)source;
        return snprintf(out, size, " %s=%s", f->name, arch ? arch->name : "?");
    }
    case FIELD_DTYPE:
        return snprintf(out, size, " %s=%s", f->name, gen_dtype_name(*(const gen_dtype *)source));
    case FIELD_MASK:
        return snprintf(out, size, " %s=%s", f->name, gen_mask_name(*(const gen_mask *)source));
    case FIELD_INT: return snprintf(out, size, " %s=%d", f->name, *(const int *)source);
    case FIELD_BOOL: return snprintf(out, size, " %s=%d", f->name, *(const bool *)source);
    }
    return 0;
}

/* The longest text is far below GEN_TEXT_MAX: every name is short and every number an int. */
void gen_config_print(const gen_config *config, char out[GEN_TEXT_MAX])
{
    int n = snprintf(out, GEN_TEXT_MAX, "%s", op_name);
    for (size_t i = 0; i < NUM_FIELDS; i++)
        n += print_field(&fields[i], config, out + n, GEN_TEXT_MAX - (size_t)n);
}
