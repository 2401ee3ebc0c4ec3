/* The HIP runtime: found or not, and what each of its calls does to us when it fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hip_abi.h"
#include "tests/runtime/fixture.h"

static void fail_next(fixture *f, const char *call, int error)
{
    strcpy(f->hip->fail_call, call);
    f->hip->fail_error = error;
    f->hip->fail_skip = 0;
}

/* ---- Loading ---- */

static void test_missing_runtime(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = (void *)1;
    f->options.hip_runtime = "/nowhere/libamdhip64.so";
    assert_failed(
        aiter_context_create(&ctx, &f->options), AITER_ERROR_HIP_MISSING,
        "options.hip_runtime names \"/nowhere/libamdhip64.so\", which cannot be loaded: ");
    assert_null(ctx);
}

static void test_missing_runtime_from_environment(void **state)
{
    fixture *f = *state;
    aiter_context *ctx;
    setenv("AITER_HIP_RUNTIME", "/nowhere/libhip.so", 1);
    f->options.hip_runtime = NULL;
    assert_failed(aiter_context_create(&ctx, &f->options), AITER_ERROR_HIP_MISSING,
                  "AITER_HIP_RUNTIME names \"/nowhere/libhip.so\", which cannot be loaded: ");
}

static void test_no_runtime_on_this_machine(void **state)
{
    fixture *f = *state;
    aiter_context *ctx;
    f->options.hip_runtime = NULL;
    if (aiter_context_create(&ctx, &f->options) == AITER_OK) { /* this machine has one */
        aiter_context_destroy(ctx);
        skip();
    }
    assert_non_null(strstr(aiter_last_error(), "libamdhip64"));
}

static void test_runtime_from_environment(void **state)
{
    fixture *f = *state;
    setenv("AITER_HIP_RUNTIME", FAKE_HIP, 1);
    f->options.hip_runtime = NULL;
    aiter_context *ctx = fixture_context(f);
    assert_string_equal(aiter_context_arch(ctx), "gfx942");
    aiter_context_destroy(ctx);
}

/* A library that is no HIP runtime. */
static void test_library_without_the_functions(void **state)
{
    fixture *f = *state;
    aiter_context *ctx;
    f->options.hip_runtime = "libm.so.6";
    assert_failed(
        aiter_context_create(&ctx, &f->options), AITER_ERROR_HIP_MISSING,
        "libm.so.6 has no hipGetDeviceCount: expected a HIP runtime of ROCm 6.0 or later");
}

/* ---- Devices ---- */

static void test_ordinal_too_large(void **state)
{
    fixture *f = *state;
    aiter_context *ctx;
    f->options.device = 2;
    assert_failed(aiter_context_create(&ctx, &f->options), AITER_ERROR_INVALID_ARGUMENT,
                  "options.device is 2: expected less than 2, the number of devices of ");
}

static void test_unknown_arch(void **state)
{
    fixture *f = *state;
    aiter_context *ctx;
    strcpy(f->hip->arch[0], "gfx803");
    assert_failed(aiter_context_create(&ctx, &f->options), AITER_ERROR_UNSUPPORTED,
                  "device 0 has arch \"gfx803\": expected one of gfx90a, gfx942, gfx950");
}

/* An arch that is known, without the instructions that the dtype needs. */
static void test_arch_without_matrix_units(void **state)
{
    fixture *f = *state;
    strcpy(f->hip->arch[0], "gfx1100");
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    assert_failed(aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_UNSUPPORTED, "gfx1100");
    assert_int_equal(fixture_count(f, "compile"), 0);
    for (int t = Q; t <= OUT; t++)
        in.tensor[t].dtype = (DLDataType){ kDLFloat, 32, 1 };
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    aiter_context_destroy(ctx);
}

/* ---- Calls that fail ---- */

static void create_fails(fixture *f, const char *call, int error, const char *message)
{
    aiter_context *ctx;
    fail_next(f, call, error);
    assert_failed(aiter_context_create(&ctx, &f->options), AITER_ERROR_HIP, message);
    assert_null(ctx);
}

static void test_hipGetDeviceCount_fails(void **state)
{
    create_fails(
        *state, "hipGetDeviceCount", HIP_ERROR_NO_DEVICE,
        "hipGetDeviceCount failed with hipErrorNoDevice (100): made up by the test (runtime ");
}

static void test_hipGetDeviceProperties_fails(void **state)
{
    create_fails(
        *state, "hipGetDevicePropertiesR0600", HIP_ERROR_INVALID_VALUE,
        "hipGetDevicePropertiesR0600 failed with hipErrorInvalidValue (1): made up by the test "
        "(device 0)");
}

static void test_error_without_a_name(void **state)
{
    create_fails(*state, "hipGetDeviceCount", 12345,
                 "hipGetDeviceCount failed with an unnamed error (12345): made up by the test");
}

/* The call fails, the context survives: the same operation works when the call works again. */
static void operation_fails(fixture *f, const char *call, int error, const char *message)
{
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    fail_next(f, call, error);
    assert_failed(aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_HIP, message);
    assert_int_equal(f->hip->launches, 0);
    assert_int_equal(fixture_stats(ctx).launches, 0);
    f->hip->fail_call[0] = '\0';
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(fixture_stats(ctx).launches, 1);
    aiter_context_destroy(ctx);
    assert_int_equal(f->hip->live_modules, 0);
}

static void test_hipModuleLoadData_fails(void **state)
{
    operation_fails(
        *state, "hipModuleLoadData", HIP_ERROR_NO_BINARY_FOR_GPU,
        "hipModuleLoadData failed with hipErrorNoBinaryForGpu (209): made up by the test (code "
        "object of "
        "fmha_fwd arch=gfx942");
}

static void test_hipModuleLoadData_out_of_memory(void **state)
{
    operation_fails(*state, "hipModuleLoadData", HIP_ERROR_OUT_OF_MEMORY,
                    "hipModuleLoadData failed with hipErrorOutOfMemory (2): out of memory (");
}

static void test_hipModuleGetFunction_fails(void **state)
{
    operation_fails(
        *state, "hipModuleGetFunction", HIP_ERROR_NOT_FOUND,
        "hipModuleGetFunction failed with hipErrorNotFound (500): made up by the test (kernel "
        "fmha_fwd_gfx942");
}

static void test_hipGetDevice_fails(void **state)
{
    operation_fails(*state, "hipGetDevice", HIP_ERROR_INVALID_CONTEXT,
                    "hipGetDevice failed with hipErrorInvalidContext (201)");
}

static void test_hipModuleLaunchKernel_fails(void **state)
{
    operation_fails(
        *state, "hipModuleLaunchKernel", HIP_ERROR_LAUNCH_OUT_OF_RESOURCES,
        "hipModuleLaunchKernel failed with hipErrorLaunchOutOfResources (701): made up by the "
        "test (kernel "
        "fmha_fwd_gfx942");
}

static void input_on_device_1(input *in)
{
    input_init(in);
    for (int t = 0; t < NUM_TENSORS; t++)
        in->tensor[t].device.device_id = 1;
}

static void test_hipSetDevice_fails(void **state)
{
    fixture *f = *state;
    f->options.device = 1;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_on_device_1(&in);
    fail_next(f, "hipSetDevice", HIP_ERROR_INVALID_DEVICE);
    assert_failed(
        aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_HIP,
        "hipSetDevice failed with hipErrorInvalidDevice (101): made up by the test (device 1)");
    f->hip->fail_call[0] = '\0';
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    aiter_context_destroy(ctx);
}

static void test_restoring_the_device_fails(void **state)
{
    fixture *f = *state;
    f->options.device = 1;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_on_device_1(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    fail_next(f, "hipSetDevice", HIP_ERROR_INVALID_DEVICE);
    f->hip->fail_skip = 1;
    assert_failed(
        aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_HIP,
        "hipSetDevice failed with hipErrorInvalidDevice (101): made up by the test (restoring the "
        "caller's "
        "device 0 after a call that succeeded)");
    assert_int_equal(f->hip->launches, 2);
    f->hip->fail_call[0] = '\0';
    aiter_context_destroy(ctx);
}

/* Nothing can be reported here; what counts is that destroy goes on. */
static void test_hipModuleUnload_fails(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    fail_next(f, "hipModuleUnload", HIP_ERROR_DEINITIALIZED);
    aiter_context_destroy(ctx);
    assert_int_equal(f->hip->live_modules, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_missing_runtime),
        T(test_missing_runtime_from_environment),
        T(test_no_runtime_on_this_machine),
        T(test_runtime_from_environment),
        T(test_library_without_the_functions),
        T(test_ordinal_too_large),
        T(test_unknown_arch),
        T(test_arch_without_matrix_units),
        T(test_hipGetDeviceCount_fails),
        T(test_hipGetDeviceProperties_fails),
        T(test_error_without_a_name),
        T(test_hipModuleLoadData_fails),
        T(test_hipModuleLoadData_out_of_memory),
        T(test_hipModuleGetFunction_fails),
        T(test_hipGetDevice_fails),
        T(test_hipModuleLaunchKernel_fails),
        T(test_hipSetDevice_fails),
        T(test_restoring_the_device_fails),
        T(test_hipModuleUnload_fails),
    };
    return cmocka_run_group_tests_name("HIP", tests, NULL, NULL);
}
