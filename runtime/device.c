#include "runtime/device.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"

aiter_status rt_device_enter(const rt_hip *hip, int device, int *saved)
{
    hip_error error = hip->hipGetDevice(saved);
    if (error != HIP_SUCCESS)
        return rt_hip_fail(hip, "hipGetDevice", error, "asking for the thread's current device");
    if (*saved == device)
        return AITER_OK;
    error = hip->hipSetDevice(device);
    if (error != HIP_SUCCESS)
        return rt_hip_fail(hip, "hipSetDevice", error, "device %d", device);
    return AITER_OK;
}

aiter_status rt_device_leave(const rt_hip *hip, int device, int saved, aiter_status status)
{
    if (saved == device)
        return status;
    hip_error error = hip->hipSetDevice(saved);
    if (error != HIP_SUCCESS && status == AITER_OK)
        return rt_hip_fail(hip, "hipSetDevice", error,
                           "restoring the caller's device %d after a call that succeeded", saved);
    return status;
}

static aiter_status check_ordinal(const rt_hip *hip, int device)
{
    int count = 0;
    hip_error error = hip->hipGetDeviceCount(&count);
    if (error != HIP_SUCCESS)
        return rt_hip_fail(hip, "hipGetDeviceCount", error, "runtime %s", hip->path);
    if (device >= count)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "options.device is %d: expected less than %d, the number of "
                       "devices of %s",
                       device, count, hip->path);
    return AITER_OK;
}

aiter_status rt_device_arch(const rt_hip *hip, int device, char *arch, size_t size)
{
    aiter_status status = check_ordinal(hip, device);
    if (status != AITER_OK)
        return status;
    hip_device_prop *properties = calloc(1, sizeof *properties);
    if (!properties)
        return rt_fail_memory("device properties");
    hip_error error = hip->hipGetDevicePropertiesR0600(properties, device);
    if (error != HIP_SUCCESS)
        status = rt_hip_fail(hip, "hipGetDevicePropertiesR0600", error, "device %d", device);
    else
        snprintf(arch, size, "%.*s", (int)sizeof properties->gcnArchName, properties->gcnArchName);
    free(properties);
    return status;
}
