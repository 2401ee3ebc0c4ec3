/* The trace of a profile made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/profile/fixture.h"
#include "tests/profile/trace_check.h"
#include "tools/profile/profile.h"

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

/* Events whose category is `cat`, and the cycles of them. */
static size_t count(json_object *trace, const char *cat, int64_t *cycles)
{
    json_object *events = trace_events(trace);
    size_t found = 0;

    *cycles = 0;
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(event_text(e, "ph"), "X") != 0 || strcmp(event_text(e, "cat"), cat) != 0)
            continue;
        *cycles += event_cycles(e, "dur");
        found++;
    }
    return found;
}

static void follows_the_format(void **state)
{
    profile_trace_size size;
    json_object *trace = trace_of_fixture(SIZE_MAX, &size);

    (void)state;
    trace_check(trace);
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
    json_object *events = trace_events(trace);
    int64_t last = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(event_text(e, "ph"), "X") == 0 && event_cycles(e, "ts") + event_cycles(e, "dur") > last)
            last = event_cycles(e, "ts") + event_cycles(e, "dur");
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
    trace_check_fields(trace_events(trace));
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
    trace_check(trace);
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
    trace_check(trace);
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
    json_object *trace = trace_of(launches, 1, SIZE_MAX, &size), *events = trace_events(trace);
    trace_check_fields(events);
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        json_object *e = json_object_array_get_idx(events, i);
        if (strcmp(event_text(e, "ph"), "X") == 0)
            threads[n++] = event_thread(e);
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
    json_object *names = event_member(event_member(trace, "otherData"), "launches");
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
