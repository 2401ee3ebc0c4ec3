/* Members of JSON objects, as the tools write them. */
#ifndef AITER_TOOLS_JSON_H
#define AITER_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

void json_put_text(json_object *o, const char *key, const char *value);
void json_put_int(json_object *o, const char *key, int64_t value);
void json_put_bool(json_object *o, const char *key, bool value);

/* Nine digits; null for infinities and NaN, which JSON has not. */
void json_put_number(json_object *o, const char *key, double value);

/* Nanoseconds as seconds with six decimals. */
void json_put_seconds(json_object *o, const char *key, uint64_t ns);

/* To stdout, and releases it. */
void json_print(json_object *o);

#endif
