#include "tools/precompile/units.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct unit {
    char letter;
    uint64_t factor;
} unit;

/* A whole number, with one of the letters behind it or none. */
static bool parse(const char *value, const unit *units, size_t num_units, void *target)
{
    const size_t size = strlen(value);
    uint64_t factor = 1;
    char digits[24];
    long number;

    if (size == 0 || size >= sizeof digits)
        return false;
    strcpy(digits, value);
    for (size_t i = 0; i < num_units; i++)
        if (digits[size - 1] == units[i].letter) {
            factor = units[i].factor;
            digits[size - 1] = '\0';
            break;
        }
    if (!cli_parse_int(digits, 1, (long)(LONG_MAX / factor), &number))
        return false;
    *(uint64_t *)target = (uint64_t)number * factor;
    return true;
}

bool units_set_bytes(const cli_option *option, const char *value, void *target)
{
    static const unit units[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 } };

    (void)option;
    return parse(value, units, 3, target);
}

bool units_set_age(const cli_option *option, const char *value, void *target)
{
    static const unit units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };

    (void)option;
    return parse(value, units, 4, target);
}

const char *units_bytes(uint64_t bytes, char out[UNITS_TEXT_MAX])
{
    static const char *const names[] = { "B", "kB", "MB", "GB", "TB" };
    double scaled = (double)bytes;
    int i = 0;

    for (; scaled >= 1000 && i < 4; i++)
        scaled /= 1000;
    snprintf(out, UNITS_TEXT_MAX, i ? "%.1f %s" : "%.0f %s", scaled, names[i]);
    return out;
}

const char *units_age(uint64_t now_s, uint64_t then_s, char out[UNITS_TEXT_MAX])
{
    const uint64_t age = now_s > then_s ? now_s - then_s : 0;

    if (then_s == 0)
        snprintf(out, UNITS_TEXT_MAX, "-");
    else if (age >= 86400)
        snprintf(out, UNITS_TEXT_MAX, "%llu d", (unsigned long long)(age / 86400));
    else if (age >= 3600)
        snprintf(out, UNITS_TEXT_MAX, "%llu h", (unsigned long long)(age / 3600));
    else if (age >= 60)
        snprintf(out, UNITS_TEXT_MAX, "%llu min", (unsigned long long)(age / 60));
    else
        snprintf(out, UNITS_TEXT_MAX, "%llu s", (unsigned long long)age);
    return out;
}
