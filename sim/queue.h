/* Streams: in-order queues of tasks, and the host threads that run them. Workgroups of a launch run
 * on all worker threads; everything else on one. All functions are thread-safe. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "runtime/hip_abi.h"
#include "sim/launch.h"

/* A point in a stream: what events record and wait for. */
typedef struct sim_marker sim_marker;
sim_marker *sim_marker_create(void); /* with one reference; NULL without memory */
void sim_marker_retain(sim_marker *marker);
void sim_marker_release(sim_marker *marker);
bool sim_marker_done(sim_marker *marker);
/* ns from one to another that both have been passed: what the timing model predicted for the launches
 * between them in their stream, or if there was none, host time. */
double sim_marker_elapsed(sim_marker *from, sim_marker *to);
void sim_marker_wait(sim_marker *marker);

typedef enum sim_task_kind {
    SIM_TASK_MARKER, /* passes `marker`              */
    SIM_TASK_WAIT,   /* until `marker` is passed     */
    SIM_TASK_FREE,
    SIM_TASK_COPY,
    SIM_TASK_FILL,
    SIM_TASK_LAUNCH,
    SIM_TASK_HOST,    /* hipLaunchHostFunc            */
    SIM_TASK_CALLBACK /* hipStreamAddCallback         */
} sim_task_kind;

typedef struct sim_task {
    struct sim_task *next;
    sim_task_kind kind;
    uint64_t sequence; /* order of submission over all streams; set by the queue */
    union {
        sim_marker *marker; /* one reference */
        uint64_t address;   /* SIM_TASK_FREE */
        struct {
            void *dst;
            const void *src;
            size_t size;
        } copy;
        struct {
            void *dst;
            uint32_t value;
            unsigned width;
            size_t count;
        } fill;
        sim_launch *launch;
        struct {
            hip_host_fn fn;
            void *user;
        } host;
        struct {
            hip_stream_callback fn;
            void *user;
            hip_stream stream;
        } callback;
    };
} sim_task;

sim_task *sim_task_create(sim_task_kind kind);
sim_task *sim_task_clone(const sim_task *task); /* copies, fills, launches and host functions */
void sim_task_destroy(sim_task *task);

struct sim_capture;

typedef struct ihipStream_t sim_stream;
struct ihipStream_t {
    sim_stream *next; /* list of all streams, highest priority first; the queue's lock guards it and
                         what follows */
    int device;
    unsigned flags;
    int priority;
    bool is_null; /* the device's legacy default stream */
    sim_task *head, *tail;
    bool running; /* the head is being run */
    double predicted_ns; /* by the timing model, for its launches so far */
    /* Guarded by the lock of hip_graph.c: the capture it takes part in, the next stream of that
     * capture, how many nodes it has captured, and how many of them another stream has waited for.
     */
    struct sim_capture *capture;
    sim_stream *capture_next;
    uint64_t captured, joined;
};

/* A priority of 0 is normal, -1 high, 1 low. NULL without memory. */
sim_stream *sim_stream_create(int device, unsigned flags, int priority);

/* Waits for its tasks first. */
void sim_stream_destroy(sim_stream *stream);

/* The stream that a handle means for a thread whose device is `device`; NULL: no such stream. */
sim_stream *sim_stream_find(hip_stream handle, int device);

/* Takes over the task in every case. */
hip_error sim_queue_submit(sim_stream *stream, sim_task *task);

/* Waits for what has been submitted so far. */
hip_error sim_stream_synchronize(sim_stream *stream);
void sim_queue_synchronize(int device); /* -1: every device */

/* Nothing left to run, also in the streams that the null stream waits for. */
bool sim_stream_idle(sim_stream *stream);

#endif
