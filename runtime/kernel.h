/* A kernel loaded on one device. */
#ifndef AITER_RUNTIME_KERNEL_H
#define AITER_RUNTIME_KERNEL_H

#include "gen/gen.h"
#include "runtime/hip.h"
#include "runtime/maker.h"

typedef struct rt_kernel {
    gen_config config;
    char text[GEN_TEXT_MAX]; /* canonical configuration */
    gen_kernel shape;
    rt_code code; /* kept: hipModuleLoadData does not copy the image */
    bool from_cache;
    hip_module module;
    hip_function function;
} rt_kernel;

/* Makes the code object and loads it on `device`. Errors: those of rt_maker_get(), HIP. */
aiter_status rt_kernel_load(const rt_hip *hip, int device, rt_maker *maker,
                            const gen_config *config, rt_kernel **out);

/* Unloads. The device's work with it must have finished. */
void rt_kernel_unload(const rt_hip *hip, int device, rt_kernel *kernel);

#endif
