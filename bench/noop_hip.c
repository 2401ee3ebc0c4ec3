/* A HIP runtime with one gfx942 device that does nothing: what is measured on it is libaiter's own
 * time. */
#include <stdio.h>
#include <string.h>

#include "runtime/hip_abi.h"

#define EXPORT __attribute__((visibility("default")))
#define X(name, params) EXPORT hip_error name params;
HIP_ABI_DEVICE_FUNCTIONS(X)
HIP_ABI_MODULE_FUNCTIONS(X)
#undef X
#define X(name, params) EXPORT const char *name params;
HIP_ABI_STRING_FUNCTIONS(X)
#undef X

static int handle;

hip_error hipGetDeviceCount(int *count)
{
    *count = 1;
    return HIP_SUCCESS;
}

hip_error hipGetDevice(int *device)
{
    *device = 0;
    return HIP_SUCCESS;
}

hip_error hipSetDevice(int device)
{
    return device == 0 ? HIP_SUCCESS : HIP_ERROR_INVALID_DEVICE;
}

hip_error hipGetDevicePropertiesR0600(hip_device_prop *prop, int device)
{
    (void)device;
    memset(prop, 0, sizeof *prop);
    snprintf(prop->gcnArchName, sizeof prop->gcnArchName, "gfx942:sramecc+:xnack-");
    return HIP_SUCCESS;
}

hip_error hipModuleLoadData(hip_module *module, const void *image)
{
    (void)image;
    *module = (hip_module)&handle;
    return HIP_SUCCESS;
}

hip_error hipModuleUnload(hip_module module)
{
    (void)module;
    return HIP_SUCCESS;
}

hip_error hipModuleGetFunction(hip_function *function, hip_module module, const char *name)
{
    (void)module, (void)name;
    *function = (hip_function)&handle;
    return HIP_SUCCESS;
}

hip_error hipModuleLaunchKernel(hip_function function, unsigned grid_x, unsigned grid_y,
                                unsigned grid_z, unsigned block_x, unsigned block_y,
                                unsigned block_z, unsigned shared_bytes, hip_stream stream,
                                void **kernel_params, void **extra)
{
    (void)function, (void)grid_x, (void)grid_y, (void)grid_z, (void)block_x, (void)block_y,
        (void)block_z;
    (void)shared_bytes, (void)stream, (void)kernel_params, (void)extra;
    return HIP_SUCCESS;
}

const char *hipGetErrorName(hip_error error)
{
    (void)error;
    return "hipErrorUnknown";
}

const char *hipGetErrorString(hip_error error)
{
    (void)error;
    return "no error can happen here";
}
