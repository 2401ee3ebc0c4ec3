#include "runtime/key.h"

#include <stdio.h>
#include <string.h>

#include "runtime/envelope.h"

char *rt_key_make(const gen_config *config, const char *generator, const char *toolchain)
{
    char text[GEN_TEXT_MAX], *key;
    gen_config_print(config, text);
    int length = asprintf(&key,
                          "aiter code %d\ngenerator %s\nconfig %s\ntarget amdgcn-amd-amdhsa--%s\n"
                          "options\n%s\ntoolchain %s\n",
                          RT_ENVELOPE_VERSION, generator, text, config->arch->name,
                          gen_options(config), toolchain);
    return length < 0 ? NULL : key;
}

/* Copies the rest of the line that starts with `name`. Returns the next line, NULL: it starts
 * otherwise or is too long. */
static const char *take_line(const char *at, const char *name, char *out, size_t size)
{
    size_t skip = strlen(name);
    if (!at || strncmp(at, name, skip) != 0)
        return NULL;
    const char *value = at + skip, *end = strchr(value, '\n');
    if (!end || (size_t)(end - value) >= size)
        return NULL;
    memcpy(out, value, (size_t)(end - value));
    out[end - value] = '\0';
    return end + 1;
}

bool rt_key_parse(const char *key, rt_key *out)
{
    static const char options[] = "options\n", last[] = "\ntoolchain ";
    char version[16], expected[16];
    snprintf(expected, sizeof expected, "%d", RT_ENVELOPE_VERSION);
    const char *at = take_line(key, "aiter code ", version, sizeof version);
    if (!at || strcmp(version, expected) != 0)
        return false;
    at = take_line(at, "generator ", out->generator, sizeof out->generator);
    at = take_line(at, "config ", out->config, sizeof out->config);
    at = take_line(at, "target ", out->target, sizeof out->target);
    if (!at || strncmp(at, options, sizeof options - 1) != 0)
        return false;
    out->options = at + sizeof options - 1;
    const char *end = strstr(out->options, last);
    if (!end)
        return false;
    out->options_size = (size_t)(end - out->options);
    at = take_line(end + 1, last + 1, out->toolchain, sizeof out->toolchain);
    return at && *at == '\0';
}
