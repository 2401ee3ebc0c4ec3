/* The timing model's grid by arithmetic: workgroups dealt out to compute units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/timing_grid.h"

/* Two XCDs of two CUs. */
static const sim_device_info device = {.num_cus = 4, .num_xccs = 2};

static double same(const void *context, uint64_t number)
{
    (void)number;
    return *(const double *)context;
}

static double ever_longer(const void *context, uint64_t number)
{
    return *(const double *)context * (double)(number + 1);
}

/* Neither of the lengths has anything to do with the others. */
static double ragged(const void *context, uint64_t number)
{
    (void)context;
    return 1e5 / 3 + 1e3 * (double)(number * 7919 % 101) / 7;
}

static double makespan(uint64_t total, uint32_t resident, double alone,
                       double (*cycles)(const void *, uint64_t), double unit)
{
    const timing_grid grid = {.device = &device, .total = total, .resident = resident};

    return timing_grid_makespan(&grid, cycles, &unit, alone);
}

static void near(double got, double expected)
{
    if (got < expected * (1 - 1e-6) - 0.02 || got > expected * (1 + 1e-6) + 0.02)
        fail_msg("%g cycles, %g expected", got, expected);
}

static void rounds_are_counted(void **state)
{
    (void)state;
    near(makespan(1, 1, 1, same, 1000), 1000);
    near(makespan(4, 1, 1, same, 1000), 1000);
    near(makespan(5, 1, 1, same, 1000), 2000);
    near(makespan(8, 2, 1, same, 1000), 1000);
    near(makespan(400, 2, 1, same, 1000), 50000);
}

/* With a CU to itself a workgroup takes 0.6 of the time: 4 workgroups have that, 8 do not, and of
 * 12 the last 4 have it, one on each CU. */
static void workgroups_with_more_room_are_faster(void **state)
{
    (void)state;
    near(makespan(4, 2, 0.6, same, 1000), 600);
    near(makespan(8, 2, 0.6, same, 1000), 1000);
    near(makespan(12, 2, 0.6, same, 1000), 1600);
}

/* Even numbers go to one XCD, odd ones to the other: its four take 2, 4, 6, 8; two CUs. */
static void a_workgroup_stays_on_its_xcd(void **state)
{
    (void)state;
    near(makespan(8, 1, 1, ever_longer, 100), 1200);
}

/* Any lengths end, and neither before the average of the CUs' work nor long after it. */
static void ragged_lengths_fill_the_cus(void **state)
{
    (void)state;
    for (uint32_t resident = 1; resident <= 32; resident *= 2) {
        const uint64_t total = 5000;
        double sum = 0;
        for (uint64_t i = 0; i < total; i++) sum += ragged(NULL, i);
        double average = sum / 4 / resident, got = makespan(total, resident, 0.3, ragged, 1);
        assert_true(got > 0.99 * average && got < average + 2 * 5e4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_are_counted),
        cmocka_unit_test(workgroups_with_more_room_are_faster),
        cmocka_unit_test(a_workgroup_stays_on_its_xcd),
        cmocka_unit_test(ragged_lengths_fill_the_cus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
