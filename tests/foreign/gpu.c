#include "tests/foreign/gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(gpu *g, const char *call, hip_error code)
{
    snprintf(g->error, sizeof g->error, "%s: HIP error %d%s%s", call, code, g->report ? ": " : "",
             g->report ? g->report() : "");
    return false;
}

static bool resolve(gpu *g, void *library, const char *name, void *pointer)
{
    void *symbol = dlsym(library, name);

    if (!symbol)
        snprintf(g->error, sizeof g->error, "the HIP runtime has no %s", name);
    else
        memcpy(pointer, &symbol, sizeof symbol);
    return symbol != NULL;
}

bool gpu_open(gpu *g, const char *name)
{
    *g = (gpu){0};
    if (device_open(&g->device, name, g->error) != DEVICE_OK)
        return false;
    void *library = dlopen(device_runtime(g->device), RTLD_NOW | RTLD_LOCAL); /* it stays loaded */
    g->library = library;
    if (library && resolve(g, library, "hipModuleLoad", &g->load) &&
        resolve(g, library, "hipModuleUnload", &g->unload) &&
        resolve(g, library, "hipModuleGetFunction", &g->find) &&
        resolve(g, library, "hipModuleLaunchKernel", &g->launch)) {
        *(void **)&g->report = dlsym(library, "aiterSimLastReport");
        return true;
    }
    gpu_close(g);
    return false;
}

bool gpu_symbol(gpu *g, const char *name, void *pointer)
{
    return resolve(g, g->library, name, pointer);
}

void gpu_close(gpu *g)
{
    device_close(g->device);
    g->device = NULL;
}

bool gpu_run(gpu *g, const char *file, const char *kernel, const unsigned grid[3],
             const unsigned block[3], unsigned shared_bytes, void *arguments, size_t size)
{
    void *extra[] = {HIP_EXTRA_BUFFER_POINTER, arguments, HIP_EXTRA_BUFFER_SIZE, &size,
                     HIP_EXTRA_END};
    hip_module module;
    hip_function function;
    hip_error code = g->load(&module, file);

    if (code != HIP_SUCCESS)
        return fail(g, file, code);
    code = g->find(&function, module, kernel);
    if (code == HIP_SUCCESS)
        code = g->launch(function, grid[0], grid[1], grid[2], block[0], block[1], block[2],
                         shared_bytes, NULL, NULL, extra);
    const bool launched =
        code == HIP_SUCCESS ? device_sync(g->device, g->error) : fail(g, kernel, code);
    g->unload(module);
    return launched;
}

void *gpu_buffer(gpu *g, const void *data, size_t bytes)
{
    void *memory = NULL, *filler = NULL;

    if (!data) {
        data = filler = malloc(bytes);
        if (!filler) {
            snprintf(g->error, sizeof g->error, "out of memory");
            return NULL;
        }
        memset(filler, 0xff, bytes);
    }
    if (device_alloc(g->device, &memory, bytes, g->error) &&
        !device_upload(g->device, memory, data, bytes, g->error)) {
        device_free(g->device, memory);
        memory = NULL;
    }
    free(filler);
    return memory;
}
