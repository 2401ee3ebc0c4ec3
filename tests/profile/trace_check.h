/* A trace against the Trace Event Format. Each function fails the cmocka test that calls it. */
#ifndef PROFILE_TRACE_CHECK_H
#define PROFILE_TRACE_CHECK_H

#include <stdint.h>

#include <json-c/json.h>

/* Every event has what its phase needs; the events of a thread come in order of time and nest; every
 * process and thread that has events has a name. */
void trace_check(json_object *trace);
void trace_check_fields(json_object *events); /* the first of these */

json_object *trace_events(json_object *trace);
json_object *event_member(json_object *event, const char *key);
const char *event_text(json_object *event, const char *key);
int64_t event_cycles(json_object *event, const char *key);
int64_t event_thread(json_object *event); /* differs for the threads of a trace */

#endif
