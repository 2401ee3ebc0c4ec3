#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/profile/trace_check.h"

enum { MAX_DEPTH = 4, MAX_THREADS = 4096 };

json_object *event_member(json_object *event, const char *key)
{
    json_object *value = json_object_object_get(event, key);

    if (!value)
        fail_msg("no \"%s\" in %s", key, json_object_to_json_string(event));
    return value;
}

const char *event_text(json_object *event, const char *key)
{
    return json_object_get_string(event_member(event, key));
}

/* Microseconds to cycles: exact, as they have three decimals. */
int64_t event_cycles(json_object *event, const char *key)
{
    return (int64_t)(json_object_get_double(event_member(event, key)) * 1000 + 0.5);
}

int64_t event_thread(json_object *event)
{
    return json_object_get_int64(event_member(event, "pid")) * 1000000 +
           json_object_get_int64(event_member(event, "tid"));
}

json_object *trace_events(json_object *trace)
{
    json_object *events = event_member(trace, "traceEvents");

    assert_true(json_object_is_type(events, json_type_array));
    return events;
}

/* How many metadata events `kind` there are for the thread, or the process, of `event`. */
static int names_of(json_object *events, json_object *event, const char *kind, bool of_thread)
{
    int found = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(event_text(e, "ph"), "M") != 0 || strcmp(event_text(e, "name"), kind) != 0)
            continue;
        if (of_thread ? event_thread(e) == event_thread(event)
                      : json_object_get_int64(event_member(e, "pid")) ==
                            json_object_get_int64(event_member(event, "pid")))
            found += *event_text(event_member(e, "args"), "name") != '\0';
    }
    return found;
}

/* What a thread is in the midst of. */
typedef struct stack {
    int64_t thread, last, ends[MAX_DEPTH];
    int depth;
} stack;

static stack *stack_of(stack stacks[MAX_THREADS], int *count, json_object *events,
                       json_object *event)
{
    const int64_t thread = event_thread(event);

    for (int i = 0; i < *count; i++)
        if (stacks[i].thread == thread)
            return &stacks[i];
    assert_in_range(*count, 0, MAX_THREADS - 1);
    assert_int_equal(names_of(events, event, "process_name", false), 1);
    assert_int_equal(names_of(events, event, "thread_name", true), 1);
    stacks[*count] = (stack){ .thread = thread };
    return &stacks[(*count)++];
}

static void check_nesting(json_object *events)
{
    stack stacks[MAX_THREADS];
    int count = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(event_text(e, "ph"), "X") != 0)
            continue;
        const int64_t start = event_cycles(e, "ts"), end = start + event_cycles(e, "dur");
        stack *s = stack_of(stacks, &count, events, e);
        if (start < s->last)
            fail_msg("back in time: %s", json_object_to_json_string(e));
        s->last = start;
        assert_true(end > start);
        while (s->depth && s->ends[s->depth - 1] <= start)
            s->depth--;
        if (s->depth && s->ends[s->depth - 1] < end)
            fail_msg("reaches beyond the event around it: %s", json_object_to_json_string(e));
        assert_in_range(s->depth, 0, MAX_DEPTH - 1);
        s->ends[s->depth++] = end;
    }
}

void trace_check_fields(json_object *events)
{
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        const char *phase = event_text(e, "ph");
        assert_true(strcmp(phase, "X") == 0 || strcmp(phase, "M") == 0);
        assert_true(json_object_is_type(event_member(e, "pid"), json_type_int));
        assert_true(json_object_is_type(event_member(e, "tid"), json_type_int));
        assert_true(*event_text(e, "name") != '\0');
        if (*phase == 'X')
            assert_true(*event_text(e, "cat") != '\0' && event_cycles(e, "ts") >= 0);
        else
            assert_true(json_object_is_type(event_member(e, "args"), json_type_object));
    }
}

void trace_check(json_object *trace)
{
    assert_string_equal(event_text(trace, "displayTimeUnit"), "ns");
    trace_check_fields(trace_events(trace));
    check_nesting(trace_events(trace));
}
