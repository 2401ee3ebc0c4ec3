#include "runtime/kernel.h"

#include <stdlib.h>

#include "runtime/device.h"
#include "runtime/error.h"

static aiter_status load_module(const rt_hip *hip, rt_kernel *k)
{
    hip_error error = hip->hipModuleLoadData(&k->module, k->code.image);
    if (error != HIP_SUCCESS) {
        k->module = NULL;
        return rt_hip_fail(hip, "hipModuleLoadData", error, "code object of %s, %zu bytes", k->text,
                           k->code.image_size);
    }
    error = hip->hipModuleGetFunction(&k->function, k->module, k->shape.symbol);
    if (error == HIP_SUCCESS)
        return AITER_OK;
    aiter_status status =
        rt_hip_fail(hip, "hipModuleGetFunction", error, "kernel %s", k->shape.symbol);
    hip->hipModuleUnload(k->module);
    k->module = NULL;
    return status;
}

static aiter_status load_on_device(const rt_hip *hip, int device, rt_kernel *k)
{
    int saved;
    aiter_status status = rt_device_enter(hip, device, &saved);
    if (status != AITER_OK)
        return status;
    status = load_module(hip, k);
    return rt_device_leave(hip, device, saved, status);
}

static aiter_status make(rt_maker *maker, rt_kernel *k)
{
    rt_made made;
    aiter_status status = rt_maker_get(maker, &k->config, &k->shape, &made);
    if (status != AITER_OK)
        return status;
    k->code = made.code;
    k->from_cache = made.from_cache;
    return AITER_OK;
}

aiter_status rt_kernel_load(const rt_hip *hip, int device, rt_maker *maker,
                            const gen_config *config, rt_kernel **out)
{
    rt_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return rt_fail_memory("a kernel");
    k->config = *config;
    gen_config_print(config, k->text);
    gen_kernel_describe(config, &k->shape);
    aiter_status status = make(maker, k);
    if (status == AITER_OK)
        status = load_on_device(hip, device, k);
    if (status != AITER_OK) {
        rt_kernel_unload(hip, device, k);
        return status;
    }
    *out = k;
    return AITER_OK;
}

void rt_kernel_unload(const rt_hip *hip, int device, rt_kernel *k)
{
    int saved;
    if (k->module && rt_device_enter(hip, device, &saved) == AITER_OK) {
        hip->hipModuleUnload(k->module);
        rt_device_leave(hip, device, saved, AITER_OK);
    }
    rt_code_free(&k->code);
    free(k);
}
