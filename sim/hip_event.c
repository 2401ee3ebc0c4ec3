/* Events. */
#include <pthread.h>
#include <stdlib.h>

#include "sim/event.h"
#include "sim/graph.h"
#include "sim/hip.h"

#define EVENT_MAGIC 0x746e657665ull

struct ihipEvent_t {
    uint64_t magic;
    int device;
    unsigned flags;
    sim_marker *marker;       /* where it was recorded last; NULL: not yet, or in a capture */
    sim_capture_mark capture; /* likewise, in a capture */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* every event's marker and capture */

static bool is_event(const sim_event *event)
{
    return event && event->magic == EVENT_MAGIC;
}

static hip_error create(hip_event *out, unsigned flags)
{
    const unsigned allowed = HIP_EVENT_BLOCKING_SYNC | HIP_EVENT_DISABLE_TIMING |
                             HIP_EVENT_INTERPROCESS | 0x20000000u /* hipEventDisableSystemFence */ |
                             0xc0000000u /* hipEventReleaseToDevice, ToSystem */;
    hip_error e = out && !(flags & ~allowed) ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    sim_event *event = calloc(1, sizeof *event);
    if (!event)
        return HIP_ERROR_OUT_OF_MEMORY;
    event->magic = EVENT_MAGIC;
    event->device = sim_device_current();
    event->flags = flags;
    *out = event;
    return HIP_SUCCESS;
}

hip_error hipEventCreate(hip_event *event)
{
    return sim_hip_return(create(event, HIP_EVENT_DEFAULT));
}

hip_error hipEventCreateWithFlags(hip_event *event, unsigned flags)
{
    return sim_hip_return(create(event, flags));
}

hip_error hipEventDestroy(hip_event event)
{
    if (!is_event(event))
        return sim_hip_return(HIP_ERROR_INVALID_HANDLE);
    event->magic = 0;
    sim_marker_release(event->marker);
    free(event);
    return sim_hip_return(HIP_SUCCESS);
}

static void set_place(sim_event *event, sim_marker *marker, const sim_capture_mark *mark)
{
    pthread_mutex_lock(&lock);
    sim_marker *before = event->marker;
    event->marker = marker;
    event->capture = *mark;
    pthread_mutex_unlock(&lock);
    sim_marker_release(before);
}

/* A reference to the event's marker (NULL: none), and its place in a capture. */
static sim_marker *get_place(sim_event *event, sim_capture_mark *mark)
{
    pthread_mutex_lock(&lock);
    sim_marker *marker = event->marker;
    if (marker)
        sim_marker_retain(marker);
    *mark = event->capture;
    pthread_mutex_unlock(&lock);
    return marker;
}

hip_error sim_event_record(sim_event *event, sim_stream *stream)
{
    if (!is_event(event) || event->device != stream->device)
        return HIP_ERROR_INVALID_HANDLE;
    sim_capture_mark mark = sim_capture_here(stream);
    if (mark.id) {
        set_place(event, NULL, &mark);
        return HIP_SUCCESS;
    }
    sim_task *task = sim_task_create(SIM_TASK_MARKER);
    sim_marker *marker = sim_marker_create();
    if (!task || !marker) {
        free(task);
        sim_marker_release(marker);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    sim_marker_retain(marker);
    task->marker = marker;
    set_place(event, marker, &mark);
    return sim_submit(stream, task);
}

static hip_error record(hip_event event, hip_stream handle)
{
    hip_error e = event ? sim_hip_usable() : HIP_ERROR_INVALID_HANDLE;
    if (e != HIP_SUCCESS)
        return e;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    return stream ? sim_event_record(event, stream) : HIP_ERROR_CONTEXT_IS_DESTROYED;
}

hip_error hipEventRecord(hip_event event, hip_stream stream)
{
    return sim_hip_return(record(event, stream));
}

static hip_error stream_wait(hip_stream handle, hip_event event)
{
    hip_error e = is_event(event) ? sim_hip_usable() : HIP_ERROR_INVALID_HANDLE;
    if (e != HIP_SUCCESS)
        return e;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    if (!stream)
        return HIP_ERROR_CONTEXT_IS_DESTROYED;
    sim_capture_mark mark;
    sim_marker *marker = get_place(event, &mark);
    if (mark.id)
        return sim_capture_join(stream, &mark);
    if (!marker)
        return HIP_SUCCESS; /* never recorded: nothing to wait for */
    sim_task *task = sim_task_create(SIM_TASK_WAIT);
    if (!task) {
        sim_marker_release(marker);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    task->marker = marker;
    return sim_submit(stream, task);
}

hip_error hipStreamWaitEvent(hip_stream stream, hip_event event, unsigned flags)
{
    return sim_hip_return(flags > 1 ? HIP_ERROR_INVALID_VALUE : stream_wait(stream, event));
}

/* What hipEventSynchronize (wait) and hipEventQuery have in common. */
static hip_error reach(hip_event event, bool wait)
{
    hip_error e = is_event(event) ? sim_hip_ready() : HIP_ERROR_INVALID_HANDLE;
    if (e != HIP_SUCCESS)
        return e;
    sim_capture_mark mark;
    sim_marker *marker = get_place(event, &mark);
    if (mark.id)
        return HIP_ERROR_CAPTURED_EVENT;
    if (!marker)
        return HIP_SUCCESS;
    if (wait)
        sim_marker_wait(marker);
    bool done = sim_marker_done(marker);
    sim_marker_release(marker);
    return done ? sim_device_fault(event->device) : HIP_ERROR_NOT_READY;
}

hip_error hipEventSynchronize(hip_event event)
{
    return sim_hip_return(reach(event, true));
}

hip_error hipEventQuery(hip_event event)
{
    return sim_hip_return(reach(event, false));
}

static hip_error elapsed(float *ms, hip_event start, hip_event stop)
{
    if (!ms)
        return HIP_ERROR_INVALID_VALUE;
    if (!is_event(start) || !is_event(stop) ||
        ((start->flags | stop->flags) & HIP_EVENT_DISABLE_TIMING))
        return HIP_ERROR_INVALID_HANDLE;
    sim_capture_mark unused;
    sim_marker *from = get_place(start, &unused), *to = get_place(stop, &unused);
    hip_error e = from && to ? HIP_SUCCESS : HIP_ERROR_INVALID_HANDLE;
    if (e == HIP_SUCCESS && !(sim_marker_done(from) && sim_marker_done(to)))
        e = HIP_ERROR_NOT_READY;
    if (e == HIP_SUCCESS)
        *ms = (float)(sim_marker_elapsed(from, to) / 1e6);
    sim_marker_release(from);
    sim_marker_release(to);
    return e;
}

hip_error hipEventElapsedTime(float *ms, hip_event start, hip_event stop)
{
    return sim_hip_return(elapsed(ms, start, stop));
}
