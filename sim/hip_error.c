/* Error names, texts, and the last error of each thread. */
#include "sim/hip.h"

typedef struct error_name {
    hip_error code;
    const char *name;
} error_name;

/* Texts: ours. */
static const char *describe(hip_error code)
{
    switch (code) {
    case HIP_SUCCESS: return "no error";
    case HIP_ERROR_INVALID_VALUE: return "invalid argument";
    case HIP_ERROR_OUT_OF_MEMORY: return "out of memory";
    case HIP_ERROR_NOT_INITIALIZED: return "the runtime could not be initialised";
    case HIP_ERROR_INVALID_CONFIGURATION: return "invalid launch configuration";
    case HIP_ERROR_INVALID_DEVICE_POINTER: return "not a device pointer";
    case HIP_ERROR_INVALID_MEMCPY_DIRECTION: return "invalid kind of copy";
    case HIP_ERROR_INVALID_DEVICE_FUNCTION: return "invalid device function";
    case HIP_ERROR_NO_DEVICE: return "no device";
    case HIP_ERROR_INVALID_DEVICE: return "invalid device";
    case HIP_ERROR_INVALID_IMAGE: return "not a valid code object";
    case HIP_ERROR_INVALID_CONTEXT: return "invalid context";
    case HIP_ERROR_NO_BINARY_FOR_GPU: return "no code object for this device";
    case HIP_ERROR_INVALID_KERNEL_FILE: return "the code object cannot be launched";
    case HIP_ERROR_FILE_NOT_FOUND: return "file not found";
    case HIP_ERROR_SHARED_OBJECT_INIT_FAILED: return "the compiler helper is not available";
    case HIP_ERROR_INVALID_HANDLE: return "invalid handle";
    case HIP_ERROR_ILLEGAL_STATE: return "operation not possible in this state";
    case HIP_ERROR_NOT_FOUND: return "symbol not found";
    case HIP_ERROR_NOT_READY: return "not finished yet";
    case HIP_ERROR_ILLEGAL_ADDRESS: return "a kernel accessed memory outside its allocations";
    case HIP_ERROR_LAUNCH_OUT_OF_RESOURCES: return "out of resources for a launch";
    case HIP_ERROR_PEER_ACCESS_ALREADY_ENABLED: return "peer access is enabled already";
    case HIP_ERROR_PEER_ACCESS_NOT_ENABLED: return "peer access is not enabled";
    case HIP_ERROR_CONTEXT_IS_DESTROYED: return "the stream or context does not exist";
    case HIP_ERROR_HOST_MEMORY_ALREADY_REGISTERED: return "host memory is registered already";
    case HIP_ERROR_HOST_MEMORY_NOT_REGISTERED: return "host memory is not registered";
    case HIP_ERROR_LAUNCH_FAILURE: return "a kernel failed";
    case HIP_ERROR_NOT_SUPPORTED: return "not supported";
    case HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED: return "not permitted while a stream is capturing";
    case HIP_ERROR_STREAM_CAPTURE_INVALIDATED: return "the capture has become invalid";
    case HIP_ERROR_STREAM_CAPTURE_UNMATCHED: return "the stream did not begin this capture";
    case HIP_ERROR_STREAM_CAPTURE_UNJOINED: return "a captured stream was not joined";
    case HIP_ERROR_STREAM_CAPTURE_IMPLICIT:
        return "the default stream depends on a capturing stream";
    case HIP_ERROR_CAPTURED_EVENT: return "the event was recorded by a capture";
    case HIP_ERROR_STREAM_CAPTURE_WRONG_THREAD: return "the capture was begun by another thread";
    case HIP_ERROR_UNKNOWN: return "unknown error";
    default: return NULL;
    }
}

static const error_name table[] = {
#define ROW(ours, theirs, value) {ours, #theirs},
    HIP_ABI_ERRORS(ROW)
#undef ROW
};

static const error_name *find(hip_error code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return &table[i];
    return NULL;
}

static _Thread_local hip_error last_error, last_result;

hip_error sim_hip_return(hip_error error)
{
    last_result = error;
    if (error != HIP_SUCCESS && error != HIP_ERROR_NOT_READY)
        last_error = error;
    return error;
}

hip_error hipGetLastError(void)
{
    hip_error e = last_error;
    last_error = HIP_SUCCESS;
    return e;
}

hip_error hipPeekAtLastError(void)
{
    return last_error;
}

hip_error hipExtGetLastError(void)
{
    hip_error e = last_result;
    last_result = HIP_SUCCESS;
    return e;
}

const char *hipGetErrorName(hip_error error)
{
    const error_name *t = find(error);
    return t ? t->name : "hipErrorUnknown";
}

const char *hipGetErrorString(hip_error error)
{
    const char *text = describe(error);
    return text ? text : hipGetErrorName(error);
}

hip_error hipDrvGetErrorName(hip_error error, const char **name)
{
    if (!name || !find(error))
        return sim_hip_return(HIP_ERROR_INVALID_VALUE);
    *name = hipGetErrorName(error);
    return sim_hip_return(HIP_SUCCESS);
}

hip_error hipDrvGetErrorString(hip_error error, const char **text)
{
    if (!text || !find(error))
        return sim_hip_return(HIP_ERROR_INVALID_VALUE);
    *text = hipGetErrorString(error);
    return sim_hip_return(HIP_SUCCESS);
}
