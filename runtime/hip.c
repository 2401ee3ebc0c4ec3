#include "runtime/hip.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

/* What has to be there. */
static const struct needed {
    const char *name;
    size_t offset;
} needed[] = {
#define NEEDED(name) { #name, offsetof(rt_hip, name) },
    NEEDED(hipGetDeviceCount)
    NEEDED(hipGetDevice)
    NEEDED(hipSetDevice)
    NEEDED(hipGetDevicePropertiesR0600)
    NEEDED(hipModuleLoadData)
    NEEDED(hipModuleUnload)
    NEEDED(hipModuleGetFunction)
    NEEDED(hipModuleLaunchKernel)
    NEEDED(hipGetErrorName)
    NEEDED(hipGetErrorString)
#undef NEEDED
};

/* Loaded runtimes, one per path, for the life of the process. */
typedef struct loaded {
    struct loaded *next;
    rt_hip hip;
    char path[];
} loaded;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loaded *first;

static const char *const default_names[] = { "libamdhip64.so.7", "libamdhip64.so.6",
                                             "libamdhip64.so" };
enum { NUM_DEFAULT_NAMES = sizeof default_names / sizeof default_names[0] };

static const loaded *find(const char *path)
{
    for (const loaded *l = first; l; l = l->next)
        if (strcmp(l->path, path) == 0)
            return l;
    return NULL;
}

static aiter_status resolve(rt_hip *hip, void *library, const char *path)
{
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        void *symbol = dlsym(library, needed[i].name);
        if (!symbol)
            return rt_fail(AITER_ERROR_HIP_MISSING,
                           "%s has no %s: expected a HIP runtime of ROCm 6.0 or later", path,
                           needed[i].name);
        memcpy((char *)hip + needed[i].offset, &symbol, sizeof symbol);
    }
    return AITER_OK;
}

/* Takes over the reference `library`. */
static aiter_status remember(void *library, const char *path, const rt_hip **out)
{
    size_t size = strlen(path) + 1;
    loaded *l = calloc(1, sizeof *l + size);
    if (!l) {
        dlclose(library);
        return rt_fail_memory("the HIP runtime's function table");
    }
    memcpy(l->path, path, size);
    l->hip.path = l->path;
    aiter_status status = resolve(&l->hip, library, path);
    if (status != AITER_OK) {
        free(l);
        dlclose(library);
        return status;
    }
    l->next = first;
    first = l;
    *out = &l->hip;
    return AITER_OK;
}

static aiter_status load_named(const char *path, const char *source, const rt_hip **out)
{
    const loaded *l = find(path);
    if (l) {
        *out = &l->hip;
        return AITER_OK;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return rt_fail(AITER_ERROR_HIP_MISSING, "%s names \"%s\", which cannot be loaded: %s",
                       source, path, dlerror());
    return remember(library, path, out);
}

/* A runtime that the process has already (a framework's own copy) goes before a newer one on the
 * system: two HIP runtimes in one process do not share streams or memory. */
static void *open_default(const char **name)
{
    static const int modes[] = { RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD, RTLD_NOW | RTLD_LOCAL };
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < NUM_DEFAULT_NAMES; i++) {
            void *library = dlopen(default_names[i], modes[m]);
            if (library) {
                *name = default_names[i];
                return library;
            }
        }
    return NULL;
}

static aiter_status load_default(const rt_hip **out)
{
    for (int i = 0; i < NUM_DEFAULT_NAMES; i++) {
        const loaded *l = find(default_names[i]);
        if (l) {
            *out = &l->hip;
            return AITER_OK;
        }
    }
    const char *name;
    void *library = open_default(&name);
    if (!library)
        return rt_fail(AITER_ERROR_HIP_MISSING,
                       "no HIP runtime: libamdhip64.so.7, .so.6 and .so cannot be loaded (%s). "
                       "Install ROCm, or name a library in options.hip_runtime or "
                       "AITER_HIP_RUNTIME",
                       dlerror());
    return remember(library, name, out);
}

aiter_status rt_hip_load(const char *path, const rt_hip **out)
{
    const char *source = "options.hip_runtime";
    if (!path) {
        path = getenv("AITER_HIP_RUNTIME");
        source = "AITER_HIP_RUNTIME";
    }
    pthread_mutex_lock(&lock);
    aiter_status status = path && *path ? load_named(path, source, out) : load_default(out);
    pthread_mutex_unlock(&lock);
    return status;
}

aiter_status rt_hip_fail(const rt_hip *hip, const char *call, hip_error error, const char *about,
                         ...)
{
    char what[512];
    va_list args;
    va_start(args, about);
    vsnprintf(what, sizeof what, about, args);
    va_end(args);
    const char *name = hip->hipGetErrorName(error);
    const char *text = hip->hipGetErrorString(error);
    return rt_fail(AITER_ERROR_HIP, "%s failed with %s (%d): %s (%s)", call,
                   name ? name : "an unnamed error", error, text ? text : "no text", what);
}
