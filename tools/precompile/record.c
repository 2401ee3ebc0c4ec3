#include "tools/precompile/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Kernels ---- */

record_kind record_classify(const char *text, rt_key *key)
{
    static const char toolchain_prefix[] = "aiter toolchain 1\n";

    if (rt_key_parse(text, key))
        return RECORD_KERNEL;
    return strncmp(text, toolchain_prefix, sizeof toolchain_prefix - 1) == 0 ? RECORD_TOOLCHAIN
                                                                             : RECORD_OTHER;
}

const char *record_name(const char *text, char out[RECORD_NAME_MAX])
{
    rt_key key;

    snprintf(out, RECORD_NAME_MAX, "%s", rt_key_parse(text, &key) ? key.config : text);
    for (char *c = out; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return out;
}

static bool is_digest(const char *text)
{
    return strlen(text) == RT_DIGEST_MAX - 1 &&
           strspn(text, "0123456789abcdef") == RT_DIGEST_MAX - 1;
}

static bool refuse(char why[GEN_ERROR_MAX], const char *text)
{
    snprintf(why, GEN_ERROR_MAX, "%s", text);
    return false;
}

static bool check_key(const char *text, const rt_key *key, gen_config *config,
                      char why[GEN_ERROR_MAX])
{
    if (!is_digest(key->toolchain))
        return refuse(why, "the key has no digest of a toolchain");
    if (!gen_config_parse(key->config, config, why))
        return false;
    char *expected = rt_key_make(config, key->generator, key->toolchain);
    const bool same = expected && strcmp(expected, text) == 0;
    if (!same)
        snprintf(why, GEN_ERROR_MAX, "the key is not what this version makes of its configuration");
    free(expected);
    return same;
}

static bool check_value(const gen_config *config, const void *value, size_t size,
                        record_facts *facts, char why[GEN_ERROR_MAX])
{
    void *block = malloc(size ? size : 1);
    gen_kernel kernel;
    rt_code code;

    if (!block)
        return refuse(why, "out of memory");
    memcpy(block, value, size);
    gen_kernel_describe(config, &kernel);
    if (!rt_envelope_open(block, size, &kernel, &code, why))
        return false;
    *facts = (record_facts){ code.facts, code.image_size };
    rt_code_free(&code);
    return true;
}

record_state record_check(const char *text, const rt_key *key, const void *value, size_t size,
                          gen_config *config, record_facts *facts, char why[GEN_ERROR_MAX])
{
    gen_config parsed;

    if (strcmp(key->generator, gen_digest()) != 0)
        return RECORD_FOREIGN;
    if (!check_key(text, key, &parsed, why) || !check_value(&parsed, value, size, facts, why))
        return RECORD_WRONG;
    if (config)
        *config = parsed;
    return RECORD_GOOD;
}

/* ---- Filters ---- */

static const char *digest_of(const rt_key *key, const char *name, size_t size)
{
    if (size == 9 && memcmp(name, "generator", size) == 0)
        return key->generator;
    if (size == 9 && memcmp(name, "toolchain", size) == 0)
        return key->toolchain;
    return NULL;
}

bool filter_check(char *const *filters, int count, char why[GEN_ERROR_MAX])
{
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(filters[i], '=');
        const size_t plain = strcspn(filters[i], "\"");
        if (equals && equals > filters[i] && equals[1] && plain <= strcspn(filters[i], " "))
            continue;
        snprintf(why, GEN_ERROR_MAX, "'%.100s': expected FIELD=VALUE, such as arch=gfx942",
                 filters[i]);
        return false;
    }
    return true;
}

/* A word of the configuration; what is in double quotes is not taken apart. */
static bool has_word(const char *text, const char *word)
{
    const size_t size = strlen(word);
    bool quoted = false;

    for (const char *at = text; *at; at++) {
        const bool begins = !quoted && (at == text || at[-1] == ' ');
        if (begins && strncmp(at, word, size) == 0 && (at[size] == ' ' || at[size] == '\0'))
            return true;
        quoted ^= *at == '"';
    }
    return false;
}

bool filter_matches(char *const *filters, int count, const rt_key *key)
{
    for (int i = 0; i < count; i++) {
        const char *value = strchr(filters[i], '=') + 1;
        const char *digest = digest_of(key, filters[i], (size_t)(value - 1 - filters[i]));
        if (digest ? strncmp(digest, value, strlen(value)) != 0
                   : !has_word(key->config, filters[i]))
            return false;
    }
    return true;
}

/* ---- Toolchains ---- */

/* The identity with "-" for each path, which is the machine's and not part of the digest. */
static char *without_paths(const char *identity)
{
    char *text = malloc(2 * strlen(identity) + 1), *end = text; /* a line is longer than " -\n" */
    rt_component c;

    while (text && *identity && (identity = rt_identity_line(identity, &c)))
        end += sprintf(end, "%.*s %.*s -\n", c.name_len, c.name, c.id_len, c.id);
    if (text)
        *end = '\0';
    return text;
}

toolchain *toolchains_find(const toolchains *t, const char *digest)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->items[i].digest, digest) == 0)
            return &t->items[i];
    return NULL;
}

static toolchain *append(toolchains *t, const char *digest, const char *identity)
{
    toolchain *items = realloc(t->items, (t->count + 1) * sizeof *items);

    if (!items)
        return NULL;
    t->items = items;
    items[t->count] = (toolchain){ .identity = without_paths(identity) };
    strcpy(items[t->count].digest, digest);
    return items[t->count].identity ? &items[t->count++] : NULL;
}

bool toolchains_add(toolchains *t, const char *key, const void *value, size_t size)
{
    char digest[RT_DIGEST_MAX], *identity = strndup(value, size);
    bool good = identity != NULL;

    if (good && rt_identity_digest(identity, digest)) {
        toolchain *found = toolchains_find(t, digest);
        if (!found)
            found = append(t, digest, identity);
        good = found != NULL;
        if (found) {
            found->is_current = found->is_current || rt_identity_is_current(identity);
            found->is_last = found->is_last || strcmp(key, rt_identity_last_key) == 0;
        }
    }
    free(identity);
    return good;
}

void toolchains_free(toolchains *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i].identity);
    free(t->items);
    *t = (toolchains){ 0 };
}
