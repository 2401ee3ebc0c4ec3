/* What json-c needs several calls for. */
#ifndef AITER_PRECOMPILE_JSON_H
#define AITER_PRECOMPILE_JSON_H

#include <stdint.h>

#include <json-c/json.h>

void json_put_text(json_object *o, const char *key, const char *value);
void json_put_int(json_object *o, const char *key, int64_t value);
void json_put_bool(json_object *o, const char *key, int value);
void json_put_seconds(json_object *o, const char *key, uint64_t ns);

/* Prints to stdout and frees. */
void json_print(json_object *o);

#endif
