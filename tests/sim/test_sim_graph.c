/* Stream capture and graphs. */
#include "hip_support.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const char source[] =
    "extern \"C\" __global__ void scale(int *p, int factor) { p[bid() * 64 + tid()] *= factor; }\n";

static hip_module module;
static hip_function scale;
static int *data; /* 128 ints, host memory that the device knows */

static int setup(void **state)
{
    (void)state;
    quiet();
    helper_blob code = compile("gfx942", source);
    hip_ok(hipSetDevice(device_of_arch("gfx942")));
    hip_ok(hipModuleLoadData(&module, code.data));
    hip_ok(hipModuleGetFunction(&scale, module, "scale"));
    hip_ok(hipHostMalloc((void **)&data, 512, 0));
    helper_blob_free(&code);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hip_ok(hipHostFree(data));
    hip_ok(hipModuleUnload(module));
    return 0;
}

static hip_stream make_stream(void)
{
    hip_stream s;
    hip_ok(hipStreamCreateWithFlags(&s, HIP_STREAM_NON_BLOCKING));
    return s;
}

static hip_error launch(hip_stream s, int factor)
{
    void *params[] = {&data, &factor};
    return hipModuleLaunchKernel(scale, 2, 1, 1, 64, 1, 1, 0, s, params, NULL);
}

static void a_captured_stream_runs_when_the_graph_is_launched(void **state)
{
    (void)state;
    hip_stream s = make_stream();
    hip_capture_status status;
    hip_graph graph;
    hip_graph_exec exec;
    hip_graph_node nodes[8];
    size_t count = 0;
    data[0] = -1;
    hip_ok(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_GLOBAL));
    hip_ok(hipStreamIsCapturing(s, &status));
    assert_int_equal(status, HIP_CAPTURE_STATUS_ACTIVE);
    hip_ok(hipMemsetD32Async(data, 2, 128, s));
    hip_ok(launch(s, 5));
    hip_ok(launch(s, 7));
    hip_ok(hipMemcpyAsync(data + 1, data, 4, HIP_MEMCPY_DEFAULT, s));
    hip_ok(hipStreamEndCapture(s, &graph));
    hip_ok(hipStreamIsCapturing(s, &status));
    assert_int_equal(status, HIP_CAPTURE_STATUS_NONE);
    hip_ok(hipStreamSynchronize(s));
    assert_int_equal(data[0], -1); /* nothing has run */
    hip_ok(hipGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 4);
    count = 3;
    hip_ok(hipGraphGetNodes(graph, nodes, &count));
    assert_int_equal(count, 3);
    hip_ok(hipGraphInstantiate(&exec, graph, NULL, NULL, 0));
    hip_ok(hipGraphDestroy(graph));
    for (int round = 0; round < 3; round++) {
        memset(data, 0, 512);
        hip_ok(hipGraphLaunch(exec, s));
        hip_ok(hipStreamSynchronize(s));
        assert_int_equal(data[0], 70);
        assert_int_equal(data[1], 70);
        assert_int_equal(data[127], 70);
    }
    hip_ok(hipGraphExecDestroy(exec));
    hip_ok(hipStreamDestroy(s));
}

static void a_fork_joined_by_events_is_captured(void **state)
{
    (void)state;
    hip_stream a = make_stream(), b = make_stream();
    hip_event forked, joined;
    hip_graph graph;
    hip_graph_exec exec;
    size_t count = 0;
    hip_ok(hipEventCreate(&forked));
    hip_ok(hipEventCreate(&joined));
    hip_ok(hipStreamBeginCapture(a, HIP_CAPTURE_MODE_THREAD_LOCAL));
    hip_ok(hipMemsetD32Async(data, 3, 128, a));
    hip_ok(hipEventRecord(forked, a));
    hip_fails(hipEventQuery(forked), HIP_ERROR_CAPTURED_EVENT);
    hip_ok(hipStreamWaitEvent(b, forked, 0));
    hip_ok(launch(b, 4));
    hip_ok(hipEventRecord(joined, b));
    hip_ok(hipStreamWaitEvent(a, joined, 0));
    hip_ok(launch(a, 10));
    hip_ok(hipStreamEndCapture(a, &graph));
    hip_ok(hipGraphGetNodes(graph, NULL, &count));
    assert_int_equal(count, 3);
    hip_ok(hipGraphInstantiateWithFlags(&exec, graph, 0));
    hip_ok(hipGraphLaunch(exec, NULL));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(data[64], 120);
    hip_ok(hipGraphExecDestroy(exec));
    hip_ok(hipGraphDestroy(graph));
    hip_ok(hipEventDestroy(forked));
    hip_ok(hipEventDestroy(joined));
    hip_ok(hipStreamDestroy(a));
    hip_ok(hipStreamDestroy(b));
}

static void a_fork_that_is_not_joined_is_an_error(void **state)
{
    (void)state;
    hip_stream a = make_stream(), b = make_stream();
    hip_event forked;
    hip_graph graph = (hip_graph)1;
    hip_ok(hipEventCreate(&forked));
    hip_ok(hipStreamBeginCapture(a, HIP_CAPTURE_MODE_GLOBAL));
    hip_ok(hipEventRecord(forked, a));
    hip_ok(hipStreamWaitEvent(b, forked, 0));
    hip_ok(launch(b, 4));
    hip_fails(hipStreamEndCapture(b, &graph), HIP_ERROR_STREAM_CAPTURE_UNMATCHED);
    hip_fails(hipStreamEndCapture(a, &graph), HIP_ERROR_STREAM_CAPTURE_UNJOINED);
    assert_null(graph);
    hip_ok(hipStreamSynchronize(b)); /* it captures no more */
    hip_ok(hipEventDestroy(forked));
    hip_ok(hipStreamDestroy(a));
    hip_ok(hipStreamDestroy(b));
}

static void what_would_disturb_a_capture_is_refused(void **state)
{
    (void)state;
    hip_stream s = make_stream(), blocking;
    hip_graph graph;
    hip_capture_status status;
    void *p;
    hip_ok(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_GLOBAL));
    hip_fails(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_GLOBAL), HIP_ERROR_ILLEGAL_STATE);
    hip_fails(hipMalloc(&p, 64), HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_fails(hipFree(data), HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_fails(hipDeviceSynchronize(), HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_fails(hipMemcpy(data, data + 8, 4, HIP_MEMCPY_DEFAULT),
              HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_ok(hipStreamEndCapture(s, &graph)); /* none of these was part of it */
    hip_ok(hipGraphDestroy(graph));
    hip_ok(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_RELAXED));
    hip_ok(hipMalloc(&p, 64));
    hip_ok(hipFree(p));
    hip_fails(hipStreamSynchronize(s), HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_ok(hipStreamIsCapturing(s, &status));
    assert_int_equal(status, HIP_CAPTURE_STATUS_INVALIDATED);
    hip_fails(launch(s, 1), HIP_ERROR_STREAM_CAPTURE_INVALIDATED);
    hip_fails(hipStreamEndCapture(s, &graph), HIP_ERROR_STREAM_CAPTURE_INVALIDATED);
    assert_null(graph);
    hip_fails(hipStreamEndCapture(s, &graph), HIP_ERROR_ILLEGAL_STATE);
    hip_fails(hipStreamBeginCapture(NULL, HIP_CAPTURE_MODE_GLOBAL),
              HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    hip_fails(hipStreamBeginCapture(s, 3), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipStreamCreate(&blocking));
    hip_ok(hipStreamBeginCapture(blocking, HIP_CAPTURE_MODE_RELAXED));
    hip_fails(launch(NULL, 1), HIP_ERROR_STREAM_CAPTURE_IMPLICIT);
    hip_ok(hipStreamEndCapture(blocking, &graph));
    hip_ok(hipGraphDestroy(graph));
    hip_ok(hipStreamDestroy(blocking));
    hip_ok(hipStreamDestroy(s));
}

static void destroying_a_capturing_stream_ends_its_capture(void **state)
{
    (void)state;
    hip_stream s = make_stream();
    void *p;
    hip_ok(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_GLOBAL));
    hip_ok(launch(s, 2));
    hip_ok(hipStreamDestroy(s));
    hip_ok(hipMalloc(&p, 64));
    hip_ok(hipFree(p));
}

static void *end_elsewhere(void *user)
{
    hip_graph graph;
    hip_fails(hipStreamEndCapture(user, &graph), HIP_ERROR_STREAM_CAPTURE_WRONG_THREAD);
    return NULL;
}

static void only_the_thread_that_began_may_end(void **state)
{
    (void)state;
    hip_stream s = make_stream();
    hip_graph graph;
    pthread_t thread;
    hip_ok(hipStreamBeginCapture(s, HIP_CAPTURE_MODE_THREAD_LOCAL));
    assert_int_equal(pthread_create(&thread, NULL, end_elsewhere, s), 0);
    pthread_join(thread, NULL);
    hip_ok(hipStreamEndCapture(s, &graph));
    hip_ok(hipGraphDestroy(graph));
    hip_ok(hipStreamDestroy(s));
}

static void things_that_are_no_graphs_are_refused(void **state)
{
    (void)state;
    hip_graph_exec exec;
    size_t count;
    uint64_t junk[16] = {0};
    hip_fails(hipGraphInstantiate(&exec, NULL, NULL, NULL, 0), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipGraphInstantiate(&exec, (hip_graph)(void *)junk, NULL, NULL, 0),
              HIP_ERROR_INVALID_VALUE);
    hip_fails(hipGraphLaunch((hip_graph_exec)(void *)junk, NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipGraphExecDestroy(NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipGraphDestroy(NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipGraphGetNodes(NULL, NULL, &count), HIP_ERROR_INVALID_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_captured_stream_runs_when_the_graph_is_launched),
        cmocka_unit_test(a_fork_joined_by_events_is_captured),
        cmocka_unit_test(a_fork_that_is_not_joined_is_an_error),
        cmocka_unit_test(what_would_disturb_a_capture_is_refused),
        cmocka_unit_test(destroying_a_capturing_stream_ends_its_capture),
        cmocka_unit_test(only_the_thread_that_began_may_end),
        cmocka_unit_test(things_that_are_no_graphs_are_refused),
    };
    return cmocka_run_group_tests_name("sim graphs", tests, setup, teardown);
}
