#include "tools/profile/text.h"

#include <string.h>

const char *text_si(char text[24], double value, const char *unit)
{
    static const char *const prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
    size_t i = 0;

    for (; value >= 999.5 && i + 1 < sizeof prefixes / sizeof *prefixes; i++)
        value /= 1000;
    snprintf(text, 24, i && value < 99.95 ? "%.1f %s%s" : "%.0f %s%s", value, prefixes[i], unit);
    return text;
}

void text_put_line(FILE *out, int used, const char *text)
{
    const int left = PROFILE_WIDTH - used;

    if ((int)strlen(text) <= left)
        fprintf(out, "%s\n", text);
    else
        fprintf(out, "%.*s...\n", left - 3, text);
}
