#include "tools/json.h"

#include <math.h>
#include <stdio.h>

void json_put_text(json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

void json_put_int(json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

void json_put_bool(json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

void json_put_number(json_object *o, const char *key, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.9g", value);
    json_object_object_add(o, key, isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

void json_put_seconds(json_object *o, const char *key, uint64_t ns)
{
    char text[32];

    snprintf(text, sizeof text, "%.6f", 1e-9 * (double)ns);
    json_object_object_add(o, key, json_object_new_double_s(1e-9 * (double)ns, text));
}

void json_print(json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}
