/* The trace against the Trace Event Format: every event has what its phase needs; the events of a
 * thread come in order of time and nest; every process and thread that has events has a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/profile/fixture.h"
#include "tools/profile/profile.h"

enum { MAX_DEPTH = 4 };

static json_object *trace_of(const aiter_sim_profile *const launches[], size_t count, size_t max,
                             profile_trace_size *size)
{
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    assert_true(profile_write_trace(out, launches, count, max, size));
    assert_int_equal(fclose(out), 0);
    json_object *trace = json_tokener_parse(text);
    if (!trace)
        fail_msg("not JSON: %s", text);
    free(text);
    return trace;
}

static json_object *trace_of_fixture(size_t max, profile_trace_size *size)
{
    const aiter_sim_profile *const launches[] = { fixture_profile() };

    return trace_of(launches, 1, max, size);
}

static json_object *member(json_object *event, const char *key)
{
    json_object *value = json_object_object_get(event, key);

    if (!value)
        fail_msg("no \"%s\" in %s", key, json_object_to_json_string(event));
    return value;
}

static const char *text_of(json_object *event, const char *key)
{
    return json_object_get_string(member(event, key));
}

/* Microseconds to cycles: exact, as they have three decimals. */
static int64_t cycles_of(json_object *event, const char *key)
{
    return (int64_t)(json_object_get_double(member(event, key)) * 1000 + 0.5);
}

static int64_t thread_of(json_object *event)
{
    return json_object_get_int64(member(event, "pid")) * 1000000 +
           json_object_get_int64(member(event, "tid"));
}

static json_object *events_of(json_object *trace)
{
    json_object *events = member(trace, "traceEvents");

    assert_true(json_object_is_type(events, json_type_array));
    return events;
}

/* How many metadata events `kind` there are for the thread, or the process, of `event`. */
static int names_of(json_object *events, json_object *event, const char *kind, bool of_thread)
{
    int found = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(text_of(e, "ph"), "M") != 0 || strcmp(text_of(e, "name"), kind) != 0)
            continue;
        if (of_thread ? thread_of(e) == thread_of(event)
                      : json_object_get_int64(member(e, "pid")) ==
                            json_object_get_int64(member(event, "pid")))
            found += *text_of(member(e, "args"), "name") != '\0';
    }
    return found;
}

/* Events of one thread follow each other in the array. */
static void check_nesting(json_object *events)
{
    int64_t ends[MAX_DEPTH], thread = -1, last = 0;
    int depth = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(text_of(e, "ph"), "X") != 0)
            continue;
        const int64_t start = cycles_of(e, "ts"), end = start + cycles_of(e, "dur");
        if (thread_of(e) != thread) {
            assert_int_equal(names_of(events, e, "process_name", false), 1);
            assert_int_equal(names_of(events, e, "thread_name", true), 1);
            depth = 0;
        } else if (start < last) {
            fail_msg("back in time: %s", json_object_to_json_string(e));
        }
        thread = thread_of(e);
        last = start;
        assert_true(end > start);
        while (depth && ends[depth - 1] <= start)
            depth--;
        if (depth && ends[depth - 1] < end)
            fail_msg("reaches beyond the event around it: %s", json_object_to_json_string(e));
        assert_in_range(depth, 0, MAX_DEPTH - 1);
        ends[depth++] = end;
    }
}

static void check_fields(json_object *events)
{
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        const char *phase = text_of(e, "ph");
        assert_true(strcmp(phase, "X") == 0 || strcmp(phase, "M") == 0);
        assert_true(json_object_is_type(member(e, "pid"), json_type_int));
        assert_true(json_object_is_type(member(e, "tid"), json_type_int));
        assert_true(*text_of(e, "name") != '\0');
        if (*phase == 'X')
            assert_true(*text_of(e, "cat") != '\0' && cycles_of(e, "ts") >= 0);
        else
            assert_true(json_object_is_type(member(e, "args"), json_type_object));
    }
}

static void check(json_object *trace)
{
    assert_string_equal(text_of(trace, "displayTimeUnit"), "ns");
    check_fields(events_of(trace));
    check_nesting(events_of(trace));
}

/* Events whose category is `cat`, and the cycles of them. */
static size_t count(json_object *trace, const char *cat, int64_t *cycles)
{
    json_object *events = events_of(trace);
    size_t found = 0;

    *cycles = 0;
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(text_of(e, "ph"), "X") != 0 || strcmp(text_of(e, "cat"), cat) != 0)
            continue;
        *cycles += cycles_of(e, "dur");
        found++;
    }
    return found;
}

static void follows_the_format(void **state)
{
    profile_trace_size size;
    json_object *trace = trace_of_fixture(SIZE_MAX, &size);

    (void)state;
    check(trace);
    assert_int_equal(size.kept, FIXTURE_EVENTS);
    assert_int_equal(size.total, FIXTURE_EVENTS);
    json_object_put(trace);
}

static void has_every_wave_and_stall(void **state)
{
    const int64_t stalled = FIXTURE_WAVES * (30 + 200 + 700 + 12 + 100 + 60 + 20) + 3 * (10 + 20 + 30);
    profile_trace_size size;
    json_object *trace = trace_of_fixture(SIZE_MAX, &size);
    int64_t cycles;

    (void)state;
    assert_int_equal(count(trace, "wave", &cycles), FIXTURE_WAVES);
    assert_int_equal(cycles, stalled + FIXTURE_WAVES * 40);
    assert_int_equal(count(trace, "stall", &cycles), FIXTURE_INSTS * FIXTURE_WAVES);
    assert_int_equal(cycles, stalled);
    json_object_put(trace);
}

/* An instruction occupies the matrix unit for 32 cycles, of which its wave issues for 4. */
static void has_the_units(void **state)
{
    profile_trace_size size;
    json_object *trace = trace_of_fixture(SIZE_MAX, &size);
    int64_t cycles;

    (void)state;
    assert_int_equal(count(trace, "mfma", &cycles), 2 * FIXTURE_WAVES);
    assert_int_equal(cycles, FIXTURE_WAVES * (4 + 32));
    json_object_put(trace);
}

static int64_t last_end(json_object *trace)
{
    json_object *events = events_of(trace);
    int64_t last = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(text_of(e, "ph"), "X") == 0 && cycles_of(e, "ts") + cycles_of(e, "dur") > last)
            last = cycles_of(e, "ts") + cycles_of(e, "dur");
    }
    return last;
}

/* The second launch has its times after the first one's. */
static void launches_follow_each_other(void **state)
{
    const aiter_sim_profile *p = fixture_profile();
    const aiter_sim_profile *const launches[] = { p, p };
    profile_trace_size size;
    json_object *trace = trace_of(launches, 2, SIZE_MAX, &size);

    (void)state;
    check_fields(events_of(trace));
    assert_int_equal(size.kept, 2 * FIXTURE_EVENTS);
    assert_int_equal(last_end(trace), 2 * (1200 + 1192));
    json_object_put(trace);
}

/* CU 4 has 8 waves, CU 9 has 4. */
static void limit_leaves_later_cus_out(void **state)
{
    profile_trace_size size;
    json_object *trace = trace_of_fixture(8 * 2 * FIXTURE_INSTS, &size);
    int64_t cycles;

    (void)state;
    check(trace);
    assert_int_equal(size.kept, 8 * 2 * FIXTURE_INSTS);
    assert_int_equal(size.total, FIXTURE_EVENTS);
    assert_int_equal(count(trace, "wave", &cycles), 8);
    json_object_put(trace);
}

/* Half of CU 4: the waves of its first workgroup do everything, those of the second one nothing yet. */
static void limit_cuts_in_time(void **state)
{
    profile_trace_size size;
    json_object *trace = trace_of_fixture(4 * 2 * FIXTURE_INSTS, &size);
    int64_t cycles;

    (void)state;
    check(trace);
    assert_int_equal(size.kept, 4 * 2 * FIXTURE_INSTS);
    assert_int_equal(count(trace, "stall", &cycles), 4 * FIXTURE_INSTS);
    assert_int_equal(count(trace, "wave", &cycles), 8);
    json_object_put(trace);
}

/* Waves that are there at the same time get threads of their own; one that follows takes the place of
 * the first. */
static void places_are_shared_in_time(void **state)
{
    aiter_sim_profile *p = fixture_profile();
    aiter_sim_wave_profile waves[3];
    const aiter_sim_profile *const launches[] = { p };
    profile_trace_size size;
    int64_t threads[3], n = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        waves[i] = p->waves[0];
        waves[i].start = (uint64_t)i * 100;
        waves[i].end = waves[i].start + 200;
    }
    p->waves = waves;
    p->num_waves = 3;
    p->events = NULL;
    p->num_events = 0;
    json_object *trace = trace_of(launches, 1, SIZE_MAX, &size), *events = events_of(trace);
    check_fields(events);
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(text_of(e, "ph"), "X") == 0)
            threads[n++] = thread_of(e);
    }
    assert_int_equal(n, 3);
    assert_int_not_equal(threads[0], threads[1]);
    assert_int_equal(threads[0], threads[2]);
    json_object_put(trace);
}

static void texts_are_escaped(void **state)
{
    aiter_sim_profile *p = fixture_profile();
    const aiter_sim_profile *const launches[] = { p };
    profile_trace_size size;

    (void)state;
    strcpy(p->kernel, "a \"quoted\\name\"\n");
    json_object *trace = trace_of(launches, 1, SIZE_MAX, &size);
    json_object *names = member(member(trace, "otherData"), "launches");
    assert_string_equal(json_object_get_string(json_object_array_get_idx(names, 0)), p->kernel);
    json_object_put(trace);
}

static void a_full_disk_is_an_error(void **state)
{
    const aiter_sim_profile *const launches[] = { fixture_profile() };
    profile_trace_size size;
    FILE *out = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(out);
    assert_false(profile_write_trace(out, launches, 1, SIZE_MAX, &size));
    assert_int_equal(errno, ENOSPC);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_format),
        cmocka_unit_test(has_every_wave_and_stall),
        cmocka_unit_test(has_the_units),
        cmocka_unit_test(launches_follow_each_other),
        cmocka_unit_test(limit_leaves_later_cus_out),
        cmocka_unit_test(limit_cuts_in_time),
        cmocka_unit_test(places_are_shared_in_time),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(a_full_disk_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
