/* Order: within a stream, between streams by events, and with the default stream. The tests use
 * host functions that wait for a gate, so that an order that is not enforced shows. */
#include "hip_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    (void)state;
    quiet();
    hip_ok(hipSetDevice(0));
    return 0;
}

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
} gate;

static gate *gate_make(void)
{
    static gate gates[16];
    static int used;
    gate *g = &gates[used++ % 16];
    *g = (gate){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    return g;
}

static void gate_open(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

static void gate_pass(void *p)
{
    gate *g = p;
    pthread_mutex_lock(&g->lock);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

/* Time for a mistake to happen in. */
static void pause_a_little(void)
{
    usleep(20000);
}

static uint32_t *words(size_t count)
{
    uint32_t *p;
    hip_ok(hipHostMalloc((void **)&p, count * 4, 0));
    return p;
}

static void a_stream_runs_in_order(void **state)
{
    (void)state;
    hip_stream s;
    uint32_t *p = words(3);
    gate *g = gate_make();
    hip_ok(hipStreamCreateWithFlags(&s, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipLaunchHostFunc(s, gate_pass, g));
    hip_ok(hipMemsetD32Async(p, 1, 1, s));
    hip_ok(hipMemcpyAsync(p + 1, p, 4, HIP_MEMCPY_DEFAULT, s));
    hip_ok(hipMemsetD32Async(p, 2, 1, s));
    hip_ok(hipMemcpyAsync(p + 2, p, 4, HIP_MEMCPY_DEFAULT, s));
    pause_a_little();
    assert_int_equal(p[0], 0);
    hip_fails(hipStreamQuery(s), HIP_ERROR_NOT_READY);
    gate_open(g);
    hip_ok(hipStreamSynchronize(s));
    assert_int_equal(p[1], 1);
    assert_int_equal(p[2], 2);
    hip_ok(hipStreamQuery(s));
    hip_ok(hipStreamDestroy(s));
    hip_ok(hipHostFree(p));
}

static void streams_do_not_wait_for_each_other(void **state)
{
    (void)state;
    hip_stream a, b;
    uint32_t *p = words(1);
    gate *g = gate_make();
    hip_ok(hipStreamCreate(&a));
    hip_ok(hipStreamCreate(&b));
    hip_ok(hipLaunchHostFunc(a, gate_pass, g));
    hip_ok(hipMemsetD32Async(p, 9, 1, b));
    hip_ok(hipStreamSynchronize(b));
    assert_int_equal(*p, 9);
    hip_fails(hipStreamQuery(a), HIP_ERROR_NOT_READY);
    gate_open(g);
    hip_ok(hipStreamDestroy(a));
    hip_ok(hipStreamDestroy(b));
    hip_ok(hipHostFree(p));
}

static void an_event_orders_two_streams(void **state)
{
    (void)state;
    hip_stream a, b;
    hip_event e;
    uint32_t *p = words(2);
    gate *g = gate_make();
    hip_ok(hipStreamCreateWithFlags(&a, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipStreamCreateWithFlags(&b, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipEventCreate(&e));
    hip_ok(hipEventQuery(e)); /* never recorded */
    hip_ok(hipLaunchHostFunc(a, gate_pass, g));
    hip_ok(hipMemsetD32Async(p, 5, 1, a));
    hip_ok(hipEventRecord(e, a));
    hip_ok(hipStreamWaitEvent(b, e, 0));
    hip_ok(hipMemcpyAsync(p + 1, p, 4, HIP_MEMCPY_DEFAULT, b));
    pause_a_little();
    hip_fails(hipEventQuery(e), HIP_ERROR_NOT_READY);
    hip_fails(hipStreamQuery(b), HIP_ERROR_NOT_READY);
    gate_open(g);
    hip_ok(hipStreamSynchronize(b));
    assert_int_equal(p[1], 5);
    hip_ok(hipEventSynchronize(e));
    hip_ok(hipEventDestroy(e));
    hip_ok(hipStreamDestroy(a));
    hip_ok(hipStreamDestroy(b));
    hip_ok(hipHostFree(p));
}

/* A wait means the record before it: recording the event again later does not move it. */
static void a_wait_means_the_last_record_before_it(void **state)
{
    (void)state;
    hip_stream a, b;
    hip_event e;
    gate *g = gate_make();
    hip_ok(hipStreamCreateWithFlags(&a, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipStreamCreateWithFlags(&b, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipEventCreateWithFlags(&e, HIP_EVENT_DISABLE_TIMING));
    hip_ok(hipEventRecord(e, a));
    hip_ok(hipStreamWaitEvent(b, e, 0));
    hip_ok(hipLaunchHostFunc(a, gate_pass, g));
    hip_ok(hipEventRecord(e, a));
    hip_ok(hipStreamSynchronize(b));
    hip_fails(hipEventQuery(e), HIP_ERROR_NOT_READY);
    gate_open(g);
    hip_ok(hipEventDestroy(e)); /* while it is pending */
    hip_ok(hipStreamDestroy(a));
    hip_ok(hipStreamDestroy(b));
}

static void the_default_stream_waits_for_blocking_streams(void **state)
{
    (void)state;
    hip_stream blocking, other;
    uint32_t *p = words(2);
    gate *g = gate_make();
    hip_ok(hipStreamCreate(&blocking));
    hip_ok(hipStreamCreateWithFlags(&other, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipLaunchHostFunc(blocking, gate_pass, g));
    hip_ok(hipMemsetD32Async(p, 1, 1, NULL));
    hip_ok(hipMemsetD32Async(p + 1, 2, 1, other));
    hip_ok(hipStreamSynchronize(other));
    assert_int_equal(p[1], 2);
    pause_a_little();
    assert_int_equal(p[0], 0);
    hip_fails(hipStreamQuery(NULL), HIP_ERROR_NOT_READY);
    gate_open(g);
    hip_ok(hipStreamSynchronize(NULL));
    assert_int_equal(p[0], 1);
    hip_ok(hipStreamDestroy(blocking));
    hip_ok(hipStreamDestroy(other));
    hip_ok(hipHostFree(p));
}

static void blocking_streams_wait_for_the_default_stream(void **state)
{
    (void)state;
    hip_stream blocking, other;
    uint32_t *p = words(2);
    gate *g = gate_make();
    hip_ok(hipStreamCreate(&blocking));
    hip_ok(hipStreamCreateWithFlags(&other, HIP_STREAM_NON_BLOCKING));
    hip_ok(hipLaunchHostFunc(NULL, gate_pass, g));
    hip_ok(hipMemsetD32Async(p, 1, 1, blocking));
    hip_ok(hipMemsetD32Async(p + 1, 2, 1, other));
    hip_ok(hipStreamSynchronize(other));
    pause_a_little();
    assert_int_equal(p[0], 0);
    gate_open(g);
    hip_ok(hipStreamSynchronize(blocking));
    assert_int_equal(p[0], 1);
    hip_ok(hipStreamDestroy(blocking));
    hip_ok(hipStreamDestroy(other));
    hip_ok(hipHostFree(p));
}

static void sleep_30_ms(void *unused)
{
    (void)unused;
    usleep(30000);
}

static void synchronising_the_device_waits_for_every_stream(void **state)
{
    (void)state;
    hip_stream s;
    gate *g = gate_make();
    hip_ok(hipStreamCreateWithFlags(&s, HIP_STREAM_NON_BLOCKING));
    uint32_t *p = words(1);
    hip_ok(hipLaunchHostFunc(s, gate_pass, g));
    hip_ok(hipLaunchHostFunc(s, sleep_30_ms, NULL));
    hip_ok(hipMemsetD32Async(p, 3, 1, s));
    hip_ok(hipSetDevice(1));
    hip_ok(hipDeviceSynchronize()); /* another device */
    assert_int_equal(*p, 0);
    gate_open(g);
    hip_ok(hipSetDevice(0));
    hip_ok(hipDeviceSynchronize());
    assert_int_equal(*p, 3);
    hip_ok(hipStreamDestroy(s));
    hip_ok(hipHostFree(p));
}

static void events_measure_time(void **state)
{
    (void)state;
    hip_event start, stop, untimed;
    float ms = -1;
    hip_ok(hipEventCreate(&start));
    hip_ok(hipEventCreate(&stop));
    hip_ok(hipEventCreateWithFlags(&untimed, HIP_EVENT_DISABLE_TIMING));
    hip_fails(hipEventElapsedTime(&ms, start, stop), HIP_ERROR_INVALID_HANDLE);
    hip_ok(hipEventRecord(start, NULL));
    hip_ok(hipLaunchHostFunc(NULL, sleep_30_ms, NULL));
    hip_ok(hipEventRecord(stop, NULL));
    hip_ok(hipEventRecord(untimed, NULL));
    hip_fails(hipEventElapsedTime(&ms, start, stop), HIP_ERROR_NOT_READY);
    hip_ok(hipEventSynchronize(stop));
    hip_ok(hipEventElapsedTime(&ms, start, stop));
    assert_true(ms >= 30 && ms < 5000);
    hip_fails(hipEventElapsedTime(&ms, start, untimed), HIP_ERROR_INVALID_HANDLE);
    hip_ok(hipEventDestroy(start));
    hip_ok(hipEventDestroy(stop));
    hip_ok(hipEventDestroy(untimed));
    hip_fails(hipEventDestroy(NULL), HIP_ERROR_INVALID_HANDLE);
}

static void take_status(hip_stream stream, hip_error status, void *user)
{
    *(hip_error *)user = status;
    (void)stream;
}

static void callbacks_get_the_status(void **state)
{
    (void)state;
    hip_error status = HIP_ERROR_UNKNOWN;
    hip_stream s;
    hip_ok(hipStreamCreate(&s));
    hip_ok(hipStreamAddCallback(s, take_status, &status, 0));
    hip_ok(hipStreamSynchronize(s));
    assert_int_equal(status, HIP_SUCCESS);
    hip_fails(hipStreamAddCallback(s, NULL, NULL, 0), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipStreamDestroy(s));
}

static void streams_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    hip_stream s, gone;
    unsigned flags;
    int priority, device;
    uint32_t *p = words(1);
    hip_fails(hipStreamCreateWithFlags(&s, 17), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipStreamCreate(NULL), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipStreamCreateWithPriority(&s, HIP_STREAM_NON_BLOCKING, -7));
    hip_ok(hipStreamGetFlags(s, &flags));
    hip_ok(hipStreamGetPriority(s, &priority));
    hip_ok(hipStreamGetDevice(s, &device));
    assert_int_equal(flags, HIP_STREAM_NON_BLOCKING);
    assert_int_equal(priority, -1);
    assert_int_equal(device, 0);
    gone = s;
    hip_ok(hipStreamDestroy(s));
    hip_fails(hipStreamSynchronize(gone), HIP_ERROR_CONTEXT_IS_DESTROYED);
    hip_fails(hipStreamDestroy(gone), HIP_ERROR_CONTEXT_IS_DESTROYED);
    hip_fails(hipStreamDestroy(NULL), HIP_ERROR_INVALID_HANDLE);
    hip_fails(hipMemsetD32Async(p, 1, 1, gone), HIP_ERROR_CONTEXT_IS_DESTROYED);
    hip_ok(hipHostFree(p));
}

typedef struct thread_work {
    uint32_t *p;
    int count;
} thread_work;

static void *use_per_thread_stream(void *user)
{
    thread_work *w = user;
    for (int i = 0; i < w->count; i++)
        hip_ok(hipMemsetD32Async(w->p + i, i, 1, HIP_STREAM_PER_THREAD));
    hip_ok(hipStreamSynchronize(HIP_STREAM_PER_THREAD));
    return NULL;
}

static void each_thread_has_a_default_stream_of_its_own(void **state)
{
    (void)state;
    enum { THREADS = 4, COUNT = 200 };
    pthread_t threads[THREADS];
    thread_work work[THREADS];
    for (int t = 0; t < THREADS; t++) {
        work[t] = (thread_work){words(COUNT), COUNT};
        assert_int_equal(pthread_create(&threads[t], NULL, use_per_thread_stream, &work[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        for (uint32_t i = 0; i < COUNT; i++)
            assert_int_equal(work[t].p[i], i);
        hip_ok(hipHostFree(work[t].p));
    }
}

/* The child has no threads to run anything with: it gets an error instead of a wait without end. */
static void a_forked_child_is_refused(void **state)
{
    (void)state;
    uint32_t *p = words(1);
    hip_ok(hipMemsetD32(p, 1, 1));
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        bool refused = hipMemsetD32(p, 2, 1) == HIP_ERROR_NOT_INITIALIZED &&
                       strstr(aiterSimLastReport(), "before fork()");
        _exit(refused && *p == 1 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    hip_ok(hipHostFree(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_runs_in_order),
        cmocka_unit_test(streams_do_not_wait_for_each_other),
        cmocka_unit_test(an_event_orders_two_streams),
        cmocka_unit_test(a_wait_means_the_last_record_before_it),
        cmocka_unit_test(the_default_stream_waits_for_blocking_streams),
        cmocka_unit_test(blocking_streams_wait_for_the_default_stream),
        cmocka_unit_test(synchronising_the_device_waits_for_every_stream),
        cmocka_unit_test(events_measure_time),
        cmocka_unit_test(callbacks_get_the_status),
        cmocka_unit_test(streams_that_do_not_exist_are_refused),
        cmocka_unit_test(each_thread_has_a_default_stream_of_its_own),
        cmocka_unit_test(a_forked_child_is_refused),
    };
    return cmocka_run_group_tests_name("sim streams", tests, setup, NULL);
}
