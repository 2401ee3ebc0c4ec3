#include "tools/precompile/manifest.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r")] == '\0';
}

/* One line without its end. */
static bool parse_line(selection *s, const char *line, size_t size, char why[GEN_ERROR_MAX])
{
    char text[MANIFEST_LINE_MAX];
    const char *comment = memchr(line, '#', size);

    if (comment)
        size = (size_t)(comment - line);
    if (size >= sizeof text) {
        snprintf(why, GEN_ERROR_MAX, "%zu bytes in one line; expected less than %d", size,
                 MANIFEST_LINE_MAX);
        return false;
    }
    if (memchr(line, '\0', size)) {
        snprintf(why, GEN_ERROR_MAX, "a NUL byte; expected text");
        return false;
    }
    memcpy(text, line, size);
    text[size] = '\0';
    return is_blank(text) || select_text(s, text, why);
}

size_t manifest_parse(selection *s, const char *data, size_t size, manifest_fault fault, void *user)
{
    const char *at = data, *end = data + size;
    size_t line = 0, faults = 0;
    char why[GEN_ERROR_MAX];

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;

        line++;
        if (!parse_line(s, at, (size_t)(stop - at), why)) {
            fault(user, line, why);
            faults++;
        }
        at = newline ? newline + 1 : end;
    }
    return faults;
}
