/* Streams. */
#include "sim/event.h"
#include "sim/graph.h"
#include "sim/hip.h"

static hip_error create(hip_stream *stream, unsigned flags, int priority)
{
    hip_error e = stream ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    if (flags != HIP_STREAM_DEFAULT && flags != HIP_STREAM_NON_BLOCKING)
        return HIP_ERROR_INVALID_VALUE;
    priority = priority < -1 ? -1 : priority > 1 ? 1 : priority;
    *stream = sim_stream_create(sim_device_current(), flags, priority);
    return *stream ? HIP_SUCCESS : HIP_ERROR_OUT_OF_MEMORY;
}

hip_error hipStreamCreate(hip_stream *stream)
{
    return sim_hip_return(create(stream, HIP_STREAM_DEFAULT, 0));
}

hip_error hipStreamCreateWithFlags(hip_stream *stream, unsigned flags)
{
    return sim_hip_return(create(stream, flags, 0));
}

hip_error hipStreamCreateWithPriority(hip_stream *stream, unsigned flags, int priority)
{
    return sim_hip_return(create(stream, flags, priority));
}

hip_error hipDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    hip_error e = sim_hip_ready();
    if (e == HIP_SUCCESS && least)
        *least = 1;
    if (e == HIP_SUCCESS && greatest)
        *greatest = -1;
    return sim_hip_return(e);
}

static hip_error find(hip_stream handle, sim_stream **stream)
{
    hip_error e = sim_hip_ready();
    if (e != HIP_SUCCESS)
        return e;
    *stream = sim_stream_find(handle, sim_device_current());
    return *stream ? HIP_SUCCESS : HIP_ERROR_CONTEXT_IS_DESTROYED;
}

static hip_error destroy(hip_stream handle)
{
    sim_stream *stream;
    if (!handle || handle == HIP_STREAM_LEGACY || handle == HIP_STREAM_PER_THREAD)
        return HIP_ERROR_INVALID_HANDLE;
    hip_error e = find(handle, &stream);
    if (e != HIP_SUCCESS)
        return e;
    if (stream->is_null)
        return HIP_ERROR_INVALID_HANDLE;
    sim_capture_leave(stream);
    sim_stream_destroy(stream);
    return HIP_SUCCESS;
}

hip_error hipStreamDestroy(hip_stream stream)
{
    return sim_hip_return(destroy(stream));
}

static hip_error query(hip_stream handle)
{
    sim_stream *stream;
    hip_error e = find(handle, &stream);
    if (e == HIP_SUCCESS)
        e = sim_capture_refuse(stream);
    if (e != HIP_SUCCESS)
        return e;
    return sim_stream_idle(stream) ? sim_device_fault(stream->device) : HIP_ERROR_NOT_READY;
}

hip_error hipStreamQuery(hip_stream stream)
{
    return sim_hip_return(query(stream));
}

static hip_error synchronize(hip_stream handle)
{
    sim_stream *stream;
    hip_error e = find(handle, &stream);
    if (e == HIP_SUCCESS)
        e = sim_capture_refuse(stream);
    if (e == HIP_SUCCESS)
        e = sim_stream_synchronize(stream);
    return e == HIP_SUCCESS ? sim_device_fault(stream->device) : e;
}

hip_error hipStreamSynchronize(hip_stream stream)
{
    return sim_hip_return(synchronize(stream));
}

hip_error hipStreamGetFlags(hip_stream handle, unsigned *flags)
{
    sim_stream *stream;
    hip_error e = flags ? find(handle, &stream) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *flags = stream->flags;
    return sim_hip_return(e);
}

hip_error hipStreamGetPriority(hip_stream handle, int *priority)
{
    sim_stream *stream;
    hip_error e = priority ? find(handle, &stream) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *priority = stream->priority;
    return sim_hip_return(e);
}

hip_error hipStreamGetDevice(hip_stream handle, hip_device *device)
{
    sim_stream *stream;
    hip_error e = device ? find(handle, &stream) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *device = stream->device;
    return sim_hip_return(e);
}

/* ---- host functions ---- */

static hip_error add_callback(hip_stream handle, hip_stream_callback callback, void *user,
                              unsigned flags)
{
    sim_stream *stream;
    hip_error e = callback && !flags ? find(handle, &stream) : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    sim_task *task = sim_task_create(SIM_TASK_CALLBACK);
    if (!task)
        return HIP_ERROR_OUT_OF_MEMORY;
    task->callback.fn = callback;
    task->callback.user = user;
    task->callback.stream = handle;
    return sim_submit(stream, task);
}

hip_error hipStreamAddCallback(hip_stream stream, hip_stream_callback callback, void *user_data,
                               unsigned flags)
{
    return sim_hip_return(add_callback(stream, callback, user_data, flags));
}

static hip_error launch_host(hip_stream handle, hip_host_fn fn, void *user)
{
    sim_stream *stream;
    hip_error e = fn ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = find(handle, &stream);
    if (e != HIP_SUCCESS)
        return e;
    sim_task *task = sim_task_create(SIM_TASK_HOST);
    if (!task)
        return HIP_ERROR_OUT_OF_MEMORY;
    task->host.fn = fn;
    task->host.user = user;
    return sim_submit(stream, task);
}

hip_error hipLaunchHostFunc(hip_stream stream, hip_host_fn fn, void *user_data)
{
    return sim_hip_return(launch_host(stream, fn, user_data));
}
