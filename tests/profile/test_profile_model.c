/* aiter-bench profile with the real model: what it prints can be read by programs, and its numbers
 * agree with each other. Nothing here knows what the model predicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "sim/aiter_sim.h"
#include "tests/profile/trace_check.h"
#include "tools/profile/profile.h"

/* $AITER_BENCH; its output goes into files in the working directory. */
static const char *bench;

static void run(const char *arguments)
{
    char command[1024];

    snprintf(command, sizeof command, "'%s' profile %s >profile-out", bench, arguments);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static json_object *read_json(const char *path)
{
    json_object *o = json_object_from_file(path);

    if (!o)
        fail_msg("%s: %s", path, json_util_get_last_err());
    return o;
}

/* ---- Members ---- */

static double number(json_object *o, const char *key)
{
    json_object *value = event_member(o, key);

    if (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
        fail_msg("\"%s\" is no number in %s", key, json_object_to_json_string(o));
    return json_object_get_double(value);
}

static double between(json_object *o, const char *key, double low, double high)
{
    const double value = number(o, key);

    if (!(value >= low && value <= high))
        fail_msg("\"%s\" is %g, expected %g to %g", key, value, low, high);
    return value;
}

static double sum_of_members(json_object *o)
{
    double sum = 0;

    json_object_object_foreach(o, key, value)
    {
        (void)key;
        sum += json_object_get_double(value);
    }
    return sum;
}

/* The sum of `key` (of its members, if it is an object) over a list. */
static double sum_over(json_object *list, const char *key)
{
    double sum = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *value = event_member(json_object_array_get_idx(list, i), key);
        sum += json_object_is_type(value, json_type_object) ? sum_of_members(value)
                                                            : json_object_get_double(value);
    }
    return sum;
}

/* ---- What must hold of any profile ---- */

static void check_numbers(json_object *o, const char *path)
{
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            if (!value)
                fail_msg("%s.%s is null: not finite", path, key);
            check_numbers(value, key);
        }
    } else if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            check_numbers(json_object_array_get_idx(o, i), path);
    } else if (json_object_is_type(o, json_type_double) || json_object_is_type(o, json_type_int)) {
        if (!(json_object_get_double(o) >= 0))
            fail_msg("%s is %s", path, json_object_get_string(o));
    }
}

static void check_fractions(json_object *launch)
{
    json_object *memory = event_member(launch, "memory"), *busy = event_member(launch, "busy");

    json_object_object_foreach(busy, unit, value)
    {
        (void)value;
        between(busy, unit, 0, 1);
    }
    for (int i = 0; i < PROFILE_NUM_LEVELS; i++) {
        json_object *level = event_member(memory, profile_levels[i].key);
        between(level, "busy", 0, 1);
        between(level, "hit_rate", 0, 1);
        assert_true(number(level, "peak_bytes_per_second") > 0);
    }
    between(memory, "lds_conflict", 0, 1);
}

/* A wave issues or is stalled in each cycle of its life. */
static void check_waves(json_object *launch)
{
    json_object *waves = event_member(launch, "waves");

    assert_true(json_object_array_length(waves) > 0);
    for (size_t i = 0; i < json_object_array_length(waves); i++) {
        json_object *wave = json_object_array_get_idx(waves, i);
        const double life = number(wave, "end") - number(wave, "start");
        const double stalled = sum_of_members(event_member(wave, "stalls"));
        if (!(life > 0 && stalled < life && life - stalled >= number(wave, "issued")))
            fail_msg("life %g, stalled %g: %s", life, stalled, json_object_to_json_string(wave));
    }
}

static void check_sums(json_object *launch)
{
    json_object *waves = event_member(launch, "waves"),
                *instructions = event_member(launch, "instructions");

    assert_true(sum_over(waves, "issued") == sum_over(instructions, "issued"));
    assert_true(sum_over(waves, "stalls") == sum_over(instructions, "stalls"));
}

static void check_instructions(json_object *launch)
{
    json_object *list = event_member(launch, "instructions");
    double last = -1;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *inst = json_object_array_get_idx(list, i);
        assert_true(number(inst, "offset") > last);
        last = number(inst, "offset");
        assert_true(*event_text(inst, "text") != '\0');
        between(inst, "lds_conflict", 0, number(inst, "busy"));
    }
}

static void check_launch(json_object *launch)
{
    json_object *prediction = event_member(launch, "prediction");

    check_numbers(launch, "launch");
    check_fractions(launch);
    check_waves(launch);
    check_sums(launch);
    check_instructions(launch);
    assert_true(fabs(number(prediction, "seconds") * number(prediction, "clock_hz") /
                     number(prediction, "cycles") - 1) < 1e-6);
    between(prediction, "sustained_clock_hz", 0, number(prediction, "clock_hz"));
    between(prediction, "sustained_seconds", number(prediction, "seconds") * 0.999999, INFINITY);
    between(launch, "simulated_workgroups", 1, number(launch, "workgroups"));
}

/* The launch of an attention operation, whose needs are known. */
static void check_attention(json_object *launch)
{
    json_object *prediction = event_member(launch, "prediction"),
                *memory = event_member(launch, "memory"), *hbm = event_member(memory, "hbm"),
                *minimum = event_member(memory, "minimum");

    between(prediction, "tflops", 0, number(prediction, "matrix_peak_tflops"));
    between(prediction, "tflops", 0, 1.001 * number(prediction, "matrix_tflops"));
    /* Who shares what is estimated from some workgroups. */
    between(hbm, "read_bytes", 0.8 * number(minimum, "read_bytes"), INFINITY);
}

static json_object *profile(const char *arguments)
{
    char line[512];

    snprintf(line, sizeof line, "%s --json --no-cache", arguments);
    run(line);
    json_object *o = read_json("profile-out");
    assert_string_equal(event_text(o, "format"), "aiter-profile-1");
    json_object *launches = event_member(o, "launches");
    assert_true(json_object_array_length(launches) > 0);
    for (size_t i = 0; i < json_object_array_length(launches); i++)
        check_launch(json_object_array_get_idx(launches, i));
    check_attention(json_object_array_get_idx(launches, 0));
    return o;
}

/* ---- Tests ---- */

static const char *const small[] = {
    "flash_attn --device sim:gfx90a --heads 2 --seqlen-q 256 --head-dim 64 --causal --lse",
    "flash_attn --device sim:gfx942 --heads 2 --kv-heads 1 --seqlen-q 512 --causal",
    "flash_attn --device sim:gfx950 --heads 2 --seqlen-q 256 --dtype fp16",
};

static void numbers_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        json_object_put(profile(small[i]));
}

static double predicted(json_object *o)
{
    json_object *launch = json_object_array_get_idx(event_member(o, "launches"), 0);

    return number(event_member(launch, "prediction"), "cycles");
}

static void is_deterministic(void **state)
{
    json_object *first = profile(small[1]), *second = profile(small[1]);

    (void)state;
    assert_true(json_object_equal(first, second));
    json_object_put(first);
    json_object_put(second);
}

/* Four times the keys and queries cannot take less time. */
static void more_work_takes_longer(void **state)
{
    json_object *little = profile("flash_attn --device sim:gfx942 --heads 1 --seqlen-q 256"),
                *much = profile("flash_attn --device sim:gfx942 --heads 1 --seqlen-q 512");

    (void)state;
    assert_true(predicted(much) > predicted(little));
    json_object_put(little);
    json_object_put(much);
}

static void full_simulates_everything(void **state)
{
    char line[512];

    (void)state;
    snprintf(line, sizeof line, "%s --full", small[1]);
    json_object *o = profile(line);
    json_object *launch = json_object_array_get_idx(event_member(o, "launches"), 0);
    assert_true(number(launch, "simulated_workgroups") == number(launch, "workgroups"));
    json_object_put(o);
}

static void trace_is_valid(void **state)
{
    (void)state;
    run("flash_attn --device sim:gfx942 --heads 1 --seqlen-q 128 --head-dim 64 --no-cache "
        "--trace profile-trace.json");
    json_object *trace = read_json("profile-trace.json");
    trace_check(trace);
    assert_true(json_object_array_length(trace_events(trace)) > 100);
    json_object_put(trace);
}

/* The report fits its columns, and annotates every instruction. */
static void text_is_readable(void **state)
{
    char line[1024];
    FILE *in;

    (void)state;
    run("flash_attn --device sim:gfx942 --heads 1 --seqlen-q 128 --head-dim 64 --no-cache "
        "--annotate");
    in = fopen("profile-out", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        if (strcspn(line, "\n") > PROFILE_WIDTH)
            fail_msg("longer than %d: %s", PROFILE_WIDTH, line);
    fclose(in);
}

/* The tool's names are the simulator's. */
static void names_agree(void **state)
{
    (void)state;
    for (int i = 0; i < AITER_SIM_UNIT_COUNT; i++)
        assert_string_equal(profile_units[i].key, aiterSimUnitName((aiter_sim_unit)i));
    for (int i = 0; i < AITER_SIM_STALL_COUNT; i++)
        assert_string_equal(profile_stalls[i].key, aiterSimStallName((aiter_sim_stall)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_agree),
        cmocka_unit_test(is_deterministic),
        cmocka_unit_test(more_work_takes_longer),
        cmocka_unit_test(full_simulates_everything),
        cmocka_unit_test(trace_is_valid),
        cmocka_unit_test(text_is_readable),
        cmocka_unit_test(names_agree),
    };

    bench = getenv("AITER_BENCH");
    if (!bench) {
        fprintf(stderr, "AITER_BENCH is not set: expected the path of aiter-bench\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
