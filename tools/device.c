#include "tools/device.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/hip_abi.h"
#include "sim/aiter_sim.h"

/* The HIP functions this file calls. */
#define FUNCTIONS(X) \
    X(hipGetDeviceCount) \
    X(hipSetDevice) \
    X(hipGetDevicePropertiesR0600) \
    X(hipMalloc) \
    X(hipFree) \
    X(hipMemcpy) \
    X(hipDeviceSynchronize) \
    X(hipModuleLoad) \
    X(hipModuleUnload) \
    X(hipModuleGetFunction) \
    X(hipModuleLaunchKernel)

typedef struct functions {
#define POINTER(name, params) hip_error(*name) params;
    HIP_ABI_DEVICE_FUNCTIONS(POINTER)
    HIP_ABI_MEMORY_FUNCTIONS(POINTER)
    HIP_ABI_MODULE_FUNCTIONS(POINTER)
#undef POINTER
    const char *(*hipGetErrorName)(hip_error error);
} functions;

struct device {
    functions hip;
    int (*sim_stats)(aiter_sim_stats *stats);
    const char *(*sim_report)(void);
    int (*sim_set_timing)(aiter_sim_timing mode, int trace);
    aiter_sim_profile *(*sim_take_profile)(void);
    void (*sim_free_profile)(aiter_sim_profile *profile);
    aiter_sim_stats taken;
    bool simulated;
    int ordinal;
    char name[64], arch[64], product[256], runtime[4096];
};

static bool fail(char error[DEVICE_ERROR_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(char error[DEVICE_ERROR_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, DEVICE_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

/* The simulator's own report says far more than an error code does. */
static bool fail_hip(const device *d, char error[DEVICE_ERROR_MAX], const char *call, size_t bytes,
                     hip_error code)
{
    const char *report = d->sim_report ? d->sim_report() : "";
    char size[40] = "";

    if (bytes)
        snprintf(size, sizeof size, " of %zu bytes", bytes);
    return fail(error, "%s: %s%s failed: %s (%d)%s%s", d->name, call, size,
                d->hip.hipGetErrorName(code), code, *report ? ": " : "", report);
}

/* ---- Finding the runtime ---- */

static void *load(device *d, const char *path)
{
    void *library = path && *path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;

    if (library)
        snprintf(d->runtime, sizeof d->runtime, "%s", path);
    return library;
}

/* dir/relative, dir being where this program lies. */
static void *load_near_program(device *d, const char *relative)
{
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);

    if (size <= 0)
        return NULL;
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) + strlen(relative) + 2 > sizeof path)
        return NULL;
    strcpy(slash + 1, relative);
    return access(path, R_OK) == 0 ? load(d, path) : NULL;
}

static void *load_first(device *d, const char *const *paths)
{
    void *library = NULL;

    for (; *paths && !library; paths++)
        library = strchr(*paths, '/') ? load_near_program(d, *paths) : load(d, *paths);
    return library;
}

static void *load_runtime(device *d, char error[DEVICE_ERROR_MAX])
{
    static const char *const sim[] = { "./libaiter-sim.so", "../lib/libaiter-sim.so",
#ifdef AITER_LIBDIR
                                       "../" AITER_LIBDIR "/libaiter-sim.so",
#endif
                                       "libaiter-sim.so", NULL };
    static const char *const hip[] = { "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so",
                                       NULL };
    const char *variable = d->simulated ? "AITER_SIM" : "AITER_HIP_RUNTIME",
               *path = getenv(variable);
    void *library = path && *path ? load(d, path) : load_first(d, d->simulated ? sim : hip);

    if (library)
        return library;
    const char *why = dlerror();
    fail(error, "%s: no %s could be loaded (%s); $%s can name it", d->name,
         d->simulated ? "libaiter-sim.so" : "HIP runtime (libamdhip64.so)", why ? why : "not found",
         variable);
    return NULL;
}

static bool resolve(device *d, void *library, char error[DEVICE_ERROR_MAX])
{
    static const struct { const char *name; size_t offset; } needed[] = {
#define ENTRY(name) { #name, offsetof(functions, name) },
        FUNCTIONS(ENTRY) ENTRY(hipGetErrorName)
#undef ENTRY
    };

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        void *symbol = dlsym(library, needed[i].name);
        if (!symbol)
            return fail(error, "%s: %s has no %s: expected a HIP runtime of ROCm 6.0 or later",
                        d->name, d->runtime, needed[i].name);
        memcpy((char *)&d->hip + needed[i].offset, &symbol, sizeof symbol);
    }
    if (d->simulated) {
        *(void **)&d->sim_stats = dlsym(library, "aiterSimGetStats");
        *(void **)&d->sim_report = dlsym(library, "aiterSimLastReport");
        *(void **)&d->sim_set_timing = dlsym(library, "aiterSimSetTiming");
        *(void **)&d->sim_take_profile = dlsym(library, "aiterSimTakeProfile");
        *(void **)&d->sim_free_profile = dlsym(library, "aiterSimFreeProfile");
    }
    return true;
}

/* ---- Choosing the device ---- */

static bool read_properties(device *d, int ordinal, char error[DEVICE_ERROR_MAX])
{
    hip_device_prop prop;
    const hip_error code = d->hip.hipGetDevicePropertiesR0600(&prop, ordinal);

    if (code != HIP_SUCCESS)
        return fail_hip(d, error, "hipGetDeviceProperties", sizeof prop, code);
    d->ordinal = ordinal;
    snprintf(d->product, sizeof d->product, "%.255s", prop.name);
    snprintf(d->arch, sizeof d->arch, "%.*s", (int)strcspn(prop.gcnArchName, ":"),
             prop.gcnArchName);
    return true;
}

static device_status choose_simulated(device *d, int count, const char *arch,
                                      char error[DEVICE_ERROR_MAX])
{
    char seen[256] = "";

    for (int i = 0; i < count; i++) {
        if (!read_properties(d, i, error))
            return DEVICE_UNAVAILABLE;
        if (strcmp(d->arch, arch) == 0)
            return DEVICE_OK;
        const size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%ssim:%s", used ? ", " : "", d->arch);
    }
    fail(error, "'%s': the simulator has no such device: expected one of %s", d->name, seen);
    return DEVICE_BAD_NAME;
}

static device_status choose_real(device *d, int count, int ordinal, char error[DEVICE_ERROR_MAX])
{
    if (ordinal < count)
        return read_properties(d, ordinal, error) ? DEVICE_OK : DEVICE_UNAVAILABLE;
    fail(error, "%s: no such device: the HIP runtime %s has %d", d->name, d->runtime, count);
    return DEVICE_UNAVAILABLE;
}

/* HIP's calls are about the thread's current device, which may have become another one since
 * device_open(). */
static bool use(device *d, char error[DEVICE_ERROR_MAX])
{
    const hip_error code = d->hip.hipSetDevice(d->ordinal);

    return code == HIP_SUCCESS || fail_hip(d, error, "hipSetDevice", 0, code);
}

static device_status choose(device *d, const char *which, char error[DEVICE_ERROR_MAX])
{
    int count = 0;
    const hip_error code = d->hip.hipGetDeviceCount(&count);

    if (code != HIP_SUCCESS) {
        fail_hip(d, error, "hipGetDeviceCount", 0, code);
        return DEVICE_UNAVAILABLE;
    }
    const device_status status = d->simulated ? choose_simulated(d, count, which, error)
                                              : choose_real(d, count, atoi(which), error);
    if (status != DEVICE_OK)
        return status;
    return use(d, error) ? DEVICE_OK : DEVICE_UNAVAILABLE;
}

static bool parse_name(device *d, const char *name, const char **which)
{
    if (strlen(name) >= sizeof d->name)
        return false;
    strcpy(d->name, name);
    d->simulated = strncmp(name, "sim:", 4) == 0;
    if (!d->simulated && strncmp(name, "hip:", 4) != 0)
        return false;
    *which = name + 4;
    const size_t digits = strspn(*which, "0123456789");
    return **which && (d->simulated || ((*which)[digits] == '\0' && digits < 4));
}

device_status device_open(device **out, const char *name, char error[DEVICE_ERROR_MAX])
{
    device_status status = DEVICE_UNAVAILABLE;
    device *d = calloc(1, sizeof *d);
    const char *which;

    *out = NULL;
    if (!d) {
        fail(error, "'%.64s': out of memory", name);
        return status;
    }
    if (!parse_name(d, name, &which)) {
        fail(error, "'%.64s': expected hip:N or sim:ARCH, for example hip:0 or sim:gfx942", name);
        status = DEVICE_BAD_NAME;
    } else {
        void *library = load_runtime(d, error);
        if (library && resolve(d, library, error))
            status = choose(d, which, error);
    }
    if (status == DEVICE_OK)
        *out = d;
    else
        device_close(d);
    return status;
}

void device_close(device *d)
{
    free(d);
}

const char *device_name(const device *d) { return d->name; }
const char *device_product(const device *d) { return d->product; }
const char *device_arch(const device *d) { return d->arch; }
const char *device_runtime(const device *d) { return d->runtime; }
int device_ordinal(const device *d) { return d->ordinal; }
bool device_simulated(const device *d) { return d->simulated; }

/* ---- Memory ---- */

bool device_alloc(device *d, void **memory, size_t bytes, char error[DEVICE_ERROR_MAX])
{
    if (!use(d, error))
        return false;
    const hip_error code = d->hip.hipMalloc(memory, bytes);
    return code == HIP_SUCCESS || fail_hip(d, error, "hipMalloc", bytes, code);
}

void device_free(device *d, void *memory)
{
    char error[DEVICE_ERROR_MAX];

    if (memory && use(d, error))
        d->hip.hipFree(memory);
}

static bool copy(device *d, void *to, const void *from, size_t bytes, hip_memcpy_kind kind,
                 char error[DEVICE_ERROR_MAX])
{
    if (!use(d, error))
        return false;
    const hip_error code = d->hip.hipMemcpy(to, from, bytes, kind);
    return code == HIP_SUCCESS || fail_hip(d, error, "hipMemcpy", bytes, code);
}

bool device_upload(device *d, void *to, const void *from, size_t bytes,
                   char error[DEVICE_ERROR_MAX])
{
    return copy(d, to, from, bytes, HIP_MEMCPY_HOST_TO_DEVICE, error);
}

bool device_download(device *d, void *to, const void *from, size_t bytes,
                     char error[DEVICE_ERROR_MAX])
{
    return copy(d, to, from, bytes, HIP_MEMCPY_DEVICE_TO_HOST, error);
}

bool device_sync(device *d, char error[DEVICE_ERROR_MAX])
{
    if (!use(d, error))
        return false;
    const hip_error code = d->hip.hipDeviceSynchronize();
    return code == HIP_SUCCESS || fail_hip(d, error, "hipDeviceSynchronize", 0, code);
}

/* ---- Kernels ---- */

static hip_error launch(device *d, hip_function function, const device_kernel *k)
{
    size_t size = k->arguments_size;
    void *extra[] = { HIP_EXTRA_BUFFER_POINTER, k->arguments, HIP_EXTRA_BUFFER_SIZE, &size,
                      HIP_EXTRA_END };

    return d->hip.hipModuleLaunchKernel(function, k->grid[0], k->grid[1], k->grid[2], k->block[0],
                                        k->block[1], k->block[2], k->lds_bytes, NULL, NULL, extra);
}

/* "CALL of 'WHAT'" in the message. */
static bool fail_kernel(const device *d, char error[DEVICE_ERROR_MAX], const char *call,
                        const char *what, hip_error code)
{
    char text[256];

    snprintf(text, sizeof text, "%s of '%s'", call, what);
    return fail_hip(d, error, text, 0, code);
}

bool device_run(device *d, const device_kernel *k, char error[DEVICE_ERROR_MAX])
{
    hip_module module;
    hip_function function;
    hip_error code;
    bool ok = false;

    if (!use(d, error))
        return false;
    if ((code = d->hip.hipModuleLoad(&module, k->code_object)) != HIP_SUCCESS)
        return fail_kernel(d, error, "hipModuleLoad", k->code_object, code);
    if ((code = d->hip.hipModuleGetFunction(&function, module, k->name)) != HIP_SUCCESS)
        fail_kernel(d, error, "hipModuleGetFunction", k->name, code);
    else if ((code = launch(d, function, k)) != HIP_SUCCESS)
        fail_kernel(d, error, "hipModuleLaunchKernel", k->name, code);
    else
        ok = device_sync(d, error);
    d->hip.hipModuleUnload(module);
    return ok;
}

/* ---- The timing model ---- */

bool device_set_timing(device *d, aiter_sim_timing mode, bool trace, char error[DEVICE_ERROR_MAX])
{
    if (!d->sim_set_timing || !d->sim_take_profile || !d->sim_free_profile)
        return fail(error, "%s: %s has no timing model", d->name, d->runtime);
    if (d->sim_set_timing(mode, trace) != 0)
        return fail(error, "%s: %s refuses timing mode %d", d->name, d->runtime, (int)mode);
    return true;
}

aiter_sim_profile *device_take_profile(device *d)
{
    return d->sim_take_profile ? d->sim_take_profile() : NULL;
}

void device_free_profile(device *d, aiter_sim_profile *profile)
{
    if (profile)
        d->sim_free_profile(profile);
}

bool device_take_counts(device *d, device_counts *counts)
{
    aiter_sim_stats now = { .size = sizeof now };

    if (!d->sim_stats || d->sim_stats(&now) != 0)
        return false;
    *counts = (device_counts){
        .launches = now.launches - d->taken.launches,
        .workgroups = now.workgroups,
        .waves = now.waves,
        .instructions = now.total_instructions - d->taken.total_instructions,
        .host_ns = now.total_host_ns - d->taken.total_host_ns,
    };
    d->taken = now;
    return true;
}
