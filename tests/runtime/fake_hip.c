#include "tests/runtime/fake_hip.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hip_abi.h"

#define EXPORT __attribute__((visibility("default")))

/* Declares what is exported with the ABI's own signatures. */
#define X(name, params) EXPORT hip_error name params;
HIP_ABI_DEVICE_FUNCTIONS(X)
HIP_ABI_MODULE_FUNCTIONS(X)
#undef X
#define X(name, params) EXPORT const char *name params;
HIP_ABI_STRING_FUNCTIONS(X)
#undef X
EXPORT fake_hip *fake_hip_state(void);

struct ihipModule_t {
    const char *image;
};
struct ihipModuleSymbol_t {
    char name[256];
    const struct ihipModule_t *module;
};

static fake_hip state = { .device_count = 2,
                          .arch = { "gfx942:sramecc+:xnack-", "gfx950:sramecc+:xnack-" } };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int current;

/* Functions live as long as the process; nothing frees them in HIP either. */
static struct ihipModuleSymbol_t symbols[1024];
static int num_symbols;

fake_hip *fake_hip_state(void)
{
    return &state;
}

static hip_error outcome(const char *call)
{
    hip_error error = HIP_SUCCESS;
    pthread_mutex_lock(&lock);
    if (strcmp(state.fail_call, call) == 0 && state.fail_skip-- <= 0)
        error = state.fail_error;
    pthread_mutex_unlock(&lock);
    return error;
}

#define FAIL_IF_ASKED()                       \
    do {                                      \
        hip_error error_ = outcome(__func__); \
        if (error_ != HIP_SUCCESS)            \
            return error_;                    \
    } while (0)

hip_error hipGetDeviceCount(int *count)
{
    FAIL_IF_ASKED();
    *count = state.device_count;
    return HIP_SUCCESS;
}

hip_error hipGetDevice(int *device)
{
    if (!state.quick)
        FAIL_IF_ASKED();
    *device = current;
    return HIP_SUCCESS;
}

hip_error hipSetDevice(int device)
{
    FAIL_IF_ASKED();
    if (device < 0 || device >= state.device_count)
        return HIP_ERROR_INVALID_DEVICE;
    __atomic_fetch_add(&state.set_device_calls, 1, __ATOMIC_RELAXED);
    current = device;
    return HIP_SUCCESS;
}

hip_error hipGetDevicePropertiesR0600(hip_device_prop *prop, int device)
{
    FAIL_IF_ASKED();
    memset(prop, 0, sizeof *prop);
    memcpy(prop->gcnArchName, state.arch[device], sizeof prop->gcnArchName);
    return HIP_SUCCESS;
}

hip_error hipModuleLoadData(hip_module *module, const void *image)
{
    FAIL_IF_ASKED();
    if (memcmp(image, "\177ELF", 4) != 0)
        return HIP_ERROR_INVALID_IMAGE;
    *module = malloc(sizeof **module);
    (*module)->image = image;
    __atomic_fetch_add(&state.live_modules, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&state.loads, 1, __ATOMIC_RELAXED);
    return HIP_SUCCESS;
}

hip_error hipModuleUnload(hip_module module)
{
    FAIL_IF_ASKED();
    free(module);
    __atomic_fetch_sub(&state.live_modules, 1, __ATOMIC_RELAXED);
    return HIP_SUCCESS;
}

hip_error hipModuleGetFunction(hip_function *function, hip_module module, const char *name)
{
    FAIL_IF_ASKED();
    pthread_mutex_lock(&lock);
    struct ihipModuleSymbol_t *s = &symbols[num_symbols++ % 1024];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->module = module;
    pthread_mutex_unlock(&lock);
    *function = s;
    return HIP_SUCCESS;
}

static void *extra_value(void **extra, void *key)
{
    for (size_t i = 0; extra[i] != HIP_EXTRA_END; i += 2)
        if (extra[i] == key)
            return extra[i + 1];
    return NULL;
}

static hip_error record(hip_function function, void **extra)
{
    size_t *size = extra ? extra_value(extra, HIP_EXTRA_BUFFER_SIZE) : NULL;
    const void *args = extra ? extra_value(extra, HIP_EXTRA_BUFFER_POINTER) : NULL;
    if (!size || !args || *size > FAKE_MAX_ARGS)
        return HIP_ERROR_INVALID_VALUE;
    /* The image has to be alive as long as the module: the sanitizer sees if it is not. */
    if (memcmp(function->module->image, "\177ELF", 4) != 0)
        return HIP_ERROR_INVALID_IMAGE;
    memcpy(state.last.args, args, *size);
    state.last.args_size = *size;
    return HIP_SUCCESS;
}

hip_error hipModuleLaunchKernel(hip_function function, unsigned grid_x, unsigned grid_y,
                                unsigned grid_z, unsigned block_x, unsigned block_y,
                                unsigned block_z, unsigned shared_bytes, hip_stream stream,
                                void **kernel_params, void **extra)
{
    if (state.quick)
        return HIP_SUCCESS;
    FAIL_IF_ASKED();
    if (kernel_params)
        return HIP_ERROR_INVALID_VALUE;
    pthread_mutex_lock(&lock);
    fake_launch *l = &state.last;
    *l = (fake_launch){ .grid = { grid_x, grid_y, grid_z },
                        .block = { block_x, block_y, block_z },
                        .shared_bytes = shared_bytes,
                        .stream = stream,
                        .device = current };
    snprintf(l->kernel, sizeof l->kernel, "%s", function->name);
    hip_error error = record(function, extra);
    state.launches++;
    pthread_mutex_unlock(&lock);
    return error;
}

const char *hipGetErrorName(hip_error error)
{
    switch (error) {
#define X(ours, theirs, value) \
    case value:                \
        return #theirs;
        HIP_ABI_ERRORS(X)
#undef X
    }
    return NULL;
}

const char *hipGetErrorString(hip_error error)
{
    return error == HIP_ERROR_OUT_OF_MEMORY ? "out of memory" : "made up by the test";
}
