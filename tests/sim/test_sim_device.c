/* Devices: what the default list is, what AITER_SIM_DEVICES does, properties, errors. */
#include "hip_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct expected_device {
    const char *target, *name;
    int cus, lds, clock_khz, major, minor, gib;
} expected_device;

static const expected_device expected[] = {
    {"gfx90a:sramecc+:xnack-", "AMD Instinct MI250X", 110, 65536, 1700000, 9, 0, 64},
    {"gfx942:sramecc+:xnack-", "AMD Instinct MI300X", 304, 65536, 2100000, 9, 4, 192},
    {"gfx950:sramecc+:xnack-", "AMD Instinct MI355X", 256, 163840, 2400000, 9, 5, 288},
};

static void default_devices_are_one_of_each(void **state)
{
    (void)state;
    int count = 0;
    hip_ok(hipGetDeviceCount(&count));
    assert_int_equal(count, 3);
    for (int i = 0; i < count; i++) {
        hip_device_prop p;
        memset(&p, 0xee, sizeof p);
        hip_ok(hipGetDevicePropertiesR0600(&p, i));
        assert_string_equal(p.gcnArchName, expected[i].target);
        assert_string_equal(p.name, expected[i].name);
        assert_int_equal(p.multiProcessorCount, expected[i].cus);
        assert_int_equal(p.sharedMemPerBlock, expected[i].lds);
        assert_int_equal(p.clockRate, expected[i].clock_khz);
        assert_int_equal(p.major * 10 + p.minor, expected[i].major * 10 + expected[i].minor);
        assert_int_equal(p.totalGlobalMem >> 30, expected[i].gib);
        assert_int_equal(p.warpSize, 64);
        assert_int_equal(p.maxThreadsPerBlock, 1024);
        for (int k = 0; k < 63; k++)
            assert_int_equal(p.reserved[k], 0);
    }
}

static void attributes_agree_with_properties(void **state)
{
    (void)state;
    int value;
    hip_ok(hipDeviceGetAttribute(&value, HIP_ATTR_MULTIPROCESSOR_COUNT, 1));
    assert_int_equal(value, 304);
    hip_ok(hipDeviceGetAttribute(&value, HIP_ATTR_WARP_SIZE, 2));
    assert_int_equal(value, 64);
    hip_ok(hipDeviceGetAttribute(&value, HIP_ATTR_MAX_SHARED_MEMORY_PER_BLOCK, 2));
    assert_int_equal(value, 160 * 1024);
    hip_ok(hipDeviceGetAttribute(&value, HIP_ATTR_MAX_GRID_DIM_Y, 0));
    assert_int_equal(value, 65536);
    hip_fails(hipDeviceGetAttribute(&value, 123456, 0), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipDeviceGetAttribute(&value, HIP_ATTR_WARP_SIZE, 3), HIP_ERROR_INVALID_DEVICE);
    hip_fails(hipDeviceGetAttribute(NULL, HIP_ATTR_WARP_SIZE, 0), HIP_ERROR_INVALID_VALUE);
}

static void current_device_is_per_thread_and_checked(void **state)
{
    (void)state;
    int device = -1;
    hip_ok(hipSetDevice(2));
    hip_ok(hipGetDevice(&device));
    assert_int_equal(device, 2);
    hip_fails(hipSetDevice(3), HIP_ERROR_INVALID_DEVICE);
    hip_fails(hipSetDevice(-1), HIP_ERROR_INVALID_DEVICE);
    hip_ok(hipGetDevice(&device));
    assert_int_equal(device, 2);
    hip_ok(hipSetDevice(0));
}

static void contexts_stand_for_devices(void **state)
{
    (void)state;
    hip_ctx ctx, popped;
    int device;
    hip_ok(hipSetDevice(0));
    hip_ok(hipDevicePrimaryCtxRetain(&ctx, 1));
    hip_ok(hipCtxPushCurrent(ctx));
    hip_ok(hipCtxGetDevice(&device));
    assert_int_equal(device, 1);
    hip_ok(hipCtxPopCurrent(&popped));
    assert_ptr_equal(popped, ctx);
    hip_ok(hipGetDevice(&device));
    assert_int_equal(device, 0);
    hip_fails(hipCtxPopCurrent(&popped), HIP_ERROR_INVALID_CONTEXT);
    hip_fails(hipCtxSetCurrent((hip_ctx)(void *)&device), HIP_ERROR_INVALID_CONTEXT);
    hip_ok(hipDevicePrimaryCtxRelease(1));
}

static void names_are_cut_to_the_buffer(void **state)
{
    (void)state;
    char name[8];
    hip_ok(hipDeviceGetName(name, sizeof name, 0));
    assert_string_equal(name, "AMD Ins");
    hip_fails(hipDeviceGetName(name, 0, 0), HIP_ERROR_INVALID_VALUE);
    char bus[16];
    hip_ok(hipDeviceGetPCIBusId(bus, sizeof bus, 1));
    assert_string_equal(bus, "0000:02:00.0");
    int device = -1;
    hip_ok(hipDeviceGetByPCIBusId(&device, bus));
    assert_int_equal(device, 1);
    hip_fails(hipDeviceGetByPCIBusId(&device, "0000:09:00.0"), HIP_ERROR_INVALID_DEVICE);
    hip_fails(hipDeviceGetByPCIBusId(&device, "first"), HIP_ERROR_INVALID_VALUE);
}

static void errors_have_names_and_texts(void **state)
{
    (void)state;
    const char *name = NULL;
    assert_string_equal(hipGetErrorName(HIP_ERROR_ILLEGAL_ADDRESS), "hipErrorIllegalAddress");
    assert_string_equal(hipGetErrorName(HIP_ERROR_NO_BINARY_FOR_GPU), "hipErrorNoBinaryForGpu");
    assert_string_equal(hipGetErrorName(-5), "hipErrorUnknown");
    assert_string_not_equal(hipGetErrorString(HIP_ERROR_OUT_OF_MEMORY), "");
    hip_ok(hipDrvGetErrorName(HIP_ERROR_NOT_FOUND, &name));
    assert_string_equal(name, "hipErrorNotFound");
    hip_fails(hipDrvGetErrorName(-5, &name), HIP_ERROR_INVALID_VALUE);
}

static void the_last_error_is_kept_until_it_is_read(void **state)
{
    (void)state;
    int device;
    (void)hipGetLastError();
    hip_fails(hipSetDevice(99), HIP_ERROR_INVALID_DEVICE);
    hip_ok(hipGetDevice(&device));
    assert_int_equal(hipPeekAtLastError(), HIP_ERROR_INVALID_DEVICE);
    assert_int_equal(hipGetLastError(), HIP_ERROR_INVALID_DEVICE);
    assert_int_equal(hipGetLastError(), HIP_SUCCESS);
}

/* ---- the environment: it is read once, so each case has a process of its own ---- */

/* In the child: 0 if the devices are `archs` (comma-separated), or if archs is "" and every call
 * fails. */
static int child_main(const char *archs)
{
    int count = 0;
    char found[256] = "";
    if (!*archs) {
        void *p;
        return hipInit(0) == HIP_ERROR_INVALID_VALUE &&
                       hipGetDeviceCount(&count) == HIP_ERROR_INVALID_VALUE &&
                       hipMalloc(&p, 1) == HIP_ERROR_INVALID_VALUE
                   ? 0
                   : 1;
    }
    if (hipInit(0) != HIP_SUCCESS || hipGetDeviceCount(&count) != HIP_SUCCESS)
        return 1;
    for (int i = 0; i < count; i++) {
        hip_device_prop p;
        if (hipGetDevicePropertiesR0600(&p, i) != HIP_SUCCESS)
            return 1;
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%.6s", i ? "," : "", p.gcnArchName);
    }
    return strcmp(found, archs) ? 1 : 0;
}

/* Runs child_main() with this environment; errors receives what it wrote to stderr. */
static int run_child(const char *list, const char *quiet_flag, const char *archs, char errors[1024])
{
    int ends[2], status = -1;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        setenv("AITER_SIM_DEVICES", list, 1);
        setenv("AITER_SIM_QUIET", quiet_flag, 1);
        dup2(ends[1], 2);
        execl("/proc/self/exe", "child", archs, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], errors + used, 1023 - used)) > 0)
        used += (size_t)got;
    errors[used] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void the_environment_chooses_the_devices(void **state)
{
    (void)state;
    char errors[1024];
    assert_int_equal(run_child("gfx942", "", "gfx942", errors), 0);
    assert_int_equal(run_child("gfx942,gfx950:sramecc+,gfx942", "", "gfx942,gfx950,gfx942", errors),
                     0);
    assert_int_equal(run_child("", "", "gfx90a,gfx942,gfx950", errors), 0);
    assert_string_equal(errors, "");
}

static void an_unknown_device_is_an_error_of_every_call(void **state)
{
    (void)state;
    static const char *const lists[] = {"gfx9999", "gfx942,", "gfx94", ",", "gfx942 gfx950"};
    char errors[1024];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        assert_int_equal(run_child(lists[i], "", "", errors), 0);
    assert_int_equal(run_child("gfx9999", "0", "", errors), 0);
    assert_non_null(strstr(errors, "unknown device 'gfx9999'; expected gfx90a, gfx942 or gfx950"));
}

static void reports_are_quiet_when_asked_to_be(void **state)
{
    (void)state;
    char errors[1024];
    assert_int_equal(run_child("gfx9999", "1", "", errors), 0);
    assert_string_equal(errors, "");
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return child_main(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_chooses_the_devices),
        cmocka_unit_test(an_unknown_device_is_an_error_of_every_call),
        cmocka_unit_test(reports_are_quiet_when_asked_to_be),
        cmocka_unit_test(default_devices_are_one_of_each),
        cmocka_unit_test(attributes_agree_with_properties),
        cmocka_unit_test(current_device_is_per_thread_and_checked),
        cmocka_unit_test(contexts_stand_for_devices),
        cmocka_unit_test(names_are_cut_to_the_buffer),
        cmocka_unit_test(errors_have_names_and_texts),
        cmocka_unit_test(the_last_error_is_kept_until_it_is_read),
    };
    unsetenv("AITER_SIM_DEVICES");
    return cmocka_run_group_tests_name("sim devices", tests, NULL, NULL);
}
