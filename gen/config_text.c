/* Configuration <-> canonical text, by the table of fields. */
#include "gen/internal.h"

#include <limits.h>

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

static bool parse_name(const gen_field *f, span value, int *out, char err[GEN_ERROR_MAX])
{
    char expected[GEN_ERROR_MAX / 4];
    for (*out = 0; f->names[*out]; ++*out)
        if (span_is(value, f->names[*out]))
            return true;
    gen_field_expected(f, expected, sizeof expected);
    return reject(err, f->name, value, expected);
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

static bool parse_flag(const char *name, span value, int *out, char err[GEN_ERROR_MAX])
{
    *out = span_is(value, "1");
    return *out || span_is(value, "0") || reject(err, name, value, "0 or 1");
}

static bool parse_expression(const gen_field *f, span value, gen_config *config,
                             char err[GEN_ERROR_MAX])
{
    const char **expression = gen_field_expression(f, config);
    *expression = gen_expression_parse(f->name, value.start, value.size, err);
    return *expression != NULL;
}

static bool parse_field(const gen_field *f, span value, gen_config *config, char err[GEN_ERROR_MAX])
{
    int number = 0;
    bool ok = false;
    switch (f->kind) {
    case GEN_FIELD_ARCH: return parse_arch(value, &config->arch, err);
    case GEN_FIELD_NAME: ok = parse_name(f, value, &number, err); break;
    case GEN_FIELD_NUMBER: ok = parse_int(f->name, value, &number, err); break;
    case GEN_FIELD_FLAG: ok = parse_flag(f->name, value, &number, err); break;
    case GEN_FIELD_EXPRESSION: return parse_expression(f, value, config, err);
    }
    if (ok)
        gen_field_set(f, config, number);
    return ok;
}

/* ---- The whole text ---- */

/* Up to the next blank that is not in double quotes. */
static span next_word(const char **cursor)
{
    static const char blanks[] = " \t\r\n";
    const char *start = *cursor + strspn(*cursor, blanks), *end = start;
    for (bool quoted = false; *end && (quoted || !strchr(blanks, *end)); end++)
        quoted ^= *end == '"';
    *cursor = end;
    return (span){ start, (size_t)(end - start) };
}

static bool reject_name(span name, const gen_config *config, char err[GEN_ERROR_MAX])
{
    char shown[SHOWN_MAX], known[GEN_ERROR_MAX];
    const char *names[GEN_MAX_FIELDS] = { NULL };
    const gen_field *f;
    int count = 0;
    for (size_t i = 0; (f = gen_field_at(i)); i++)
        if (gen_field_belongs(f, config))
            names[count++] = f->name;
    gen_list_names(names, known, sizeof known);
    snprintf(err, GEN_ERROR_MAX, "%s: unknown field; expected %.460s", show(name, shown), known);
    return false;
}

/* name=value; `seen` has a bit for each field that was given. */
static bool parse_word(span word, gen_config *config, unsigned *seen, char err[GEN_ERROR_MAX])
{
    const char *equals = memchr(word.start, '=', word.size);
    span name = { word.start, equals ? (size_t)(equals - word.start) : word.size };
    const gen_field *f = gen_field_find(name.start, name.size);
    if (!f || !gen_field_belongs(f, config))
        return reject_name(name, config, err);
    if (!equals) {
        snprintf(err, GEN_ERROR_MAX, "%s: no value; expected %s=...", f->name, f->name);
        return false;
    }
    unsigned bit = 1u << (f - gen_field_at(0));
    if (*seen & bit) {
        snprintf(err, GEN_ERROR_MAX, "%s: given twice; expected each field once", f->name);
        return false;
    }
    *seen |= bit;
    span value = { equals + 1, word.size - name.size - 1 };
    return parse_field(f, value, config, err);
}

static bool all_required(const gen_config *config, unsigned seen, char err[GEN_ERROR_MAX])
{
    const gen_field *f;
    for (size_t i = 0; (f = gen_field_at(i)); i++) {
        if (!(f->required >> config->op & 1) || seen & 1u << i)
            continue;
        snprintf(err, GEN_ERROR_MAX, "%s: missing; expected %s=...", f->name, f->name);
        return false;
    }
    return true;
}

static bool parse_op(span word, gen_config *config, char err[GEN_ERROR_MAX])
{
    char shown[SHOWN_MAX], expected[GEN_ERROR_MAX / 4];
    const char *const *names = gen_op_names();
    int op = 0;
    while (names[op] && !span_is(word, names[op]))
        op++;
    config->op = (gen_op)op;
    if (names[op])
        return true;
    gen_list_names(names, expected, sizeof expected);
    snprintf(err, GEN_ERROR_MAX, "operation \"%s\": expected %s", show(word, shown), expected);
    return false;
}

static gen_config defaults(void)
{
    gen_config config = { 0 };
    const gen_field *f;
    for (size_t i = 0; (f = gen_field_at(i)); i++)
        if (f->kind != GEN_FIELD_ARCH)
            gen_field_reset(f, &config);
    return config;
}

bool gen_config_parse(const char *text, gen_config *out, char err[GEN_ERROR_MAX])
{
    gen_config config = defaults();
    unsigned seen = 0;

    err[0] = '\0';
    span word = next_word(&text);
    if (!parse_op(word, &config, err))
        return false;
    while ((word = next_word(&text)).size > 0)
        if (!parse_word(word, &config, &seen, err))
            return false;
    if (!all_required(&config, seen, err))
        return false;
    if (!(seen & 1u << (gen_field_find("hdv", 3) - gen_field_at(0))))
        config.hdv = config.hdqk;
    if (!gen_config_validate(&config, err))
        return false;
    gen_config_canonicalise(&config);
    *out = config;
    return true;
}

/* ---- Printing ---- */

static void print_expression(const gen_field *f, const gen_config *config, char *out)
{
    const char *text = *gen_field_expression(f, (gen_config *)config);
    if (text)
        gen_expression_print(text, out);
    else
        strcpy(out, "none");
}

/* At most GEN_EXPRESSION_MAX + 2 bytes. */
static void print_value(const gen_field *f, const gen_config *config, char *out)
{
    if (f->kind == GEN_FIELD_EXPRESSION)
        print_expression(f, config, out);
    else if (f->kind == GEN_FIELD_ARCH)
        strcpy(out, config->arch ? config->arch->name : "?");
    else if (f->kind == GEN_FIELD_NAME)
        strcpy(out, gen_name(f->names, gen_field_get(f, config)));
    else
        sprintf(out, "%d", gen_field_get(f, config));
}

void gen_config_value(const gen_config *config, const char *name, char out[GEN_TEXT_MAX])
{
    print_value(gen_field_find(name, strlen(name)), config, out);
}

static bool is_printed(const gen_field *f, const gen_config *config)
{
    return gen_field_belongs(f, config) &&
           (f->use != GEN_VARIANT || !gen_field_is_default(f, config));
}

/* The longest text is below GEN_TEXT_MAX: every name is short, every number an int, and of expressions
 * there are two. */
void gen_config_print(const gen_config *config, char out[GEN_TEXT_MAX])
{
    const gen_field *f;
    char *end = out + sprintf(out, "%s", gen_name(gen_op_names(), (int)config->op));
    for (size_t i = 0; (f = gen_field_at(i)); i++) {
        if (!is_printed(f, config))
            continue;
        end += sprintf(end, " %s=", f->name);
        print_value(f, config, end);
        end += strlen(end);
    }
}
