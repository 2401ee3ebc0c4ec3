#include "tools/compiler/toolchain.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/compiler/environment.h"

/* Where a prefix may have its libraries and its dynamic linker. */
static const char *const prefix_folders[] = {"usr/lib/x86_64-linux-gnu", "usr/lib", "lib"};
static const char *const prefix_linkers[] = {"usr/lib64/ld-linux-x86-64.so.2",
                                             "lib64/ld-linux-x86-64.so.2"};
enum {
    NUM_FOLDERS = sizeof prefix_folders / sizeof *prefix_folders,
    NUM_LINKERS = sizeof prefix_linkers / sizeof *prefix_linkers
};

/* The versions in use: hiprtc's soname is ROCm's major version, of which 6 is the first that works
 * here; comgr's is its own. Newest first. */
enum { HIPRTC_OLDEST = 6, COMGR_OLDEST = 2, NEWEST = 12 };

/* Tries FOLDER/STEM.N for N downwards; an empty folder stands for the dynamic linker's own search.
 * A file that is there and cannot be loaded is worth telling. */
static void *load_newest(const char *folder, const char *stem, int oldest, text *why)
{
    char path[PATH_MAX + 128];
    for (int version = NEWEST; version >= oldest; version--) {
        snprintf(path, sizeof path, "%s%s%s.%d", folder, *folder ? "/" : "", stem, version);
        if (*folder && access(path, F_OK) != 0)
            continue;
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
        const char *reason = dlerror();
        if (*folder && reason)
            text_print(why, "\n  %s", reason);
    }
    return NULL;
}

static bool bind_symbol(void *library, const char *prefix, const char *name, void *slot, text *err)
{
    char symbol[64];
    snprintf(symbol, sizeof symbol, "%s%s", prefix, name);
    void *address = dlsym(library, symbol);
    memcpy(slot, &address, sizeof address); /* a function pointer; POSIX lets dlsym return one */
    if (!address)
        text_print(err, "\n  symbol %s is missing", symbol);
    return address != NULL;
}

static bool bind_hiprtc(toolchain *tc, text *err)
{
    const struct { const char *name; void *slot; } symbols[] = {
        {"CreateProgram", &tc->create_program},
        {"CompileProgram", &tc->compile_program},
        {"DestroyProgram", &tc->destroy_program},
        {"GetProgramLogSize", &tc->get_log_size},
        {"GetProgramLog", &tc->get_log},
        {"GetCodeSize", &tc->get_code_size},
        {"GetCode", &tc->get_code},
        {"GetErrorString", &tc->get_error_string},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        good &= bind_symbol(tc->hiprtc_library, "hiprtc", symbols[i].name, symbols[i].slot, err);
    return good;
}

static bool bind_comgr(toolchain *tc, text *err)
{
#define SYMBOL(name) {#name, &tc->name}
    const struct { const char *name; void *slot; } symbols[] = {
        SYMBOL(get_version), SYMBOL(status_string), SYMBOL(get_isa_count), SYMBOL(get_isa_name),
        SYMBOL(create_data), SYMBOL(release_data), SYMBOL(set_data), SYMBOL(set_data_name),
        SYMBOL(get_data), SYMBOL(get_data_isa_name), SYMBOL(get_data_metadata),
        SYMBOL(destroy_metadata), SYMBOL(create_data_set), SYMBOL(destroy_data_set),
        SYMBOL(data_set_add), SYMBOL(action_data_count), SYMBOL(action_data_get_data),
        SYMBOL(create_action_info), SYMBOL(destroy_action_info), SYMBOL(action_info_set_isa_name),
        SYMBOL(action_info_set_logging), SYMBOL(do_action), SYMBOL(get_metadata_kind),
        SYMBOL(get_metadata_string), SYMBOL(metadata_lookup), SYMBOL(get_metadata_list_size),
        SYMBOL(index_list_metadata),
    };
#undef SYMBOL
    bool good = true;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        good &= bind_symbol(tc->comgr_library, "amd_comgr_", symbols[i].name, symbols[i].slot, err);
    if (!good)
        return false;
    size_t major = 0, minor = 0;
    tc->get_version(&major, &minor);
    /* The action DISASSEMBLE_EXECUTABLE_TO_SOURCE. comgr 3.0 removed ADD_DEVICE_LIBRARIES and
     * OPTIMIZE_BC_TO_BC, which stood before it. */
    tc->disassemble_action = major >= 3 ? 0xA : 0xC;
    return true;
}

static void close_libraries(toolchain *tc)
{
    if (tc->comgr_library)
        dlclose(tc->comgr_library);
    if (tc->hiprtc_library)
        dlclose(tc->hiprtc_library);
    *tc = (toolchain){0};
}

/* Loads both libraries from one folder, so that they belong together: a hiprtc that is not linked
 * with comgr opens it at its first use by its soname, and then gets the one that is loaded. */
static bool load_from(toolchain *tc, const char *folder, text *why)
{
    tc->hiprtc_library = load_newest(folder, "libhiprtc.so", HIPRTC_OLDEST, why);
    if (!tc->hiprtc_library)
        return false;
    tc->comgr_library = load_newest(folder, "libamd_comgr.so", COMGR_OLDEST, why);
    if (!tc->comgr_library && *folder)
        tc->comgr_library = load_newest("", "libamd_comgr.so", COMGR_OLDEST, why);
    if (!tc->comgr_library) {
        text_print(why, "\n  %s/libhiprtc.so is there, but no libamd_comgr.so.{%d,...}", folder,
                   COMGR_OLDEST);
    } else if (bind_hiprtc(tc, why) && bind_comgr(tc, why)) {
        /* hiprtc opens this one lazily if at all. Open it now, so that the identity does not depend
         * on what was compiled before. It is not in every ROCm. */
        load_newest(folder, "libhiprtc-builtins.so", HIPRTC_OLDEST, why);
        return true;
    }
    close_libraries(tc);
    return false;
}

static bool load_from_system(toolchain *tc, text *why)
{
    char folder[PATH_MAX + 64];
    const char *rocm = environment_rocm_path();
    if (rocm && *rocm) {
        snprintf(folder, sizeof folder, "%s/lib", rocm);
        if (load_from(tc, folder, why))
            return true;
    }
    return load_from(tc, "/opt/rocm/lib", why) || load_from(tc, "", why);
}

static bool load_from_prefix(toolchain *tc, const char *prefix, text *why)
{
    char folder[PATH_MAX + 64];
    for (int i = 0; i < NUM_FOLDERS; i++) {
        snprintf(folder, sizeof folder, "%s/%s", prefix, prefix_folders[i]);
        if (load_from(tc, folder, why))
            return true;
    }
    return false;
}

/* ---- Another dynamic linker ---- */

static bool find_linker(const char *prefix, char out[PATH_MAX])
{
    for (int i = 0; i < NUM_LINKERS; i++) {
        int n = snprintf(out, PATH_MAX, "%s/%s", prefix, prefix_linkers[i]);
        if (n < PATH_MAX && access(out, X_OK) == 0)
            return true;
    }
    return false;
}

static char *library_path(const char *prefix)
{
    text path = {0};
    for (int i = 0; i < NUM_FOLDERS; i++)
        text_print(&path, "%s%s/%s", i ? ":" : "", prefix, prefix_folders[i]);
    return path.data;
}

/* Replaces the process by LINKER --library-path ... PROGRAM --in-prefix=PREFIX ARGS. Returns on
 * failure only. */
static void start_through(const char *linker, const char *prefix, char **argv, text *why)
{
    char self[PATH_MAX], flag[PATH_MAX + 16], option[] = "--library-path";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int argc = 0;
    while (argv[argc])
        argc++;
    char **args = calloc((size_t)argc + 6, sizeof *args), *path = library_path(prefix);
    if (n > 0 && args && path) {
        self[n] = '\0';
        snprintf(flag, sizeof flag, "--in-prefix=%s", prefix);
        args[0] = (char *)linker;
        args[1] = option;
        args[2] = path;
        args[3] = self;
        args[4] = flag;
        memcpy(args + 5, argv + 1, (size_t)argc * sizeof *args);
        execv(linker, args);
    }
    text_print(why, "\n  %s: %s", linker, strerror(errno));
    free(args);
    free(path);
}

static bool open_prefix(toolchain *tc, const char *named, char **argv, text *why)
{
    char linker[PATH_MAX], prefix[PATH_MAX];
    if (!realpath(named, prefix)) {
        text_print(why, "\n  %s: %s", named, strerror(errno));
        return false;
    }
    if (find_linker(prefix, linker)) {
        start_through(linker, prefix, argv, why);
        return false;
    }
    return load_from_prefix(tc, prefix, why);
}

/* ---- The choice ---- */

static bool explain(text *err, const char *where, text *why)
{
    text_print(err, "no usable ROCm compiler (libhiprtc %d or later with libamd_comgr) in %s%s",
               HIPRTC_OLDEST, where, text_get(why));
    text_free(why);
    return false;
}

bool toolchain_open(toolchain *tc, char **argv, text *err)
{
    static const char internal[] = "--in-prefix=";
    text why = {0};
    const char *asked = environment_rocm_prefix();
    bool inside = argv[1] && strncmp(argv[1], internal, sizeof internal - 1) == 0;
    *tc = (toolchain){0};
    if (inside) {
        const char *prefix = argv[1] + sizeof internal - 1;
        bool good = load_from_prefix(tc, prefix, &why);
        if (!good)
            return explain(err, prefix, &why);
    } else if (asked && *asked) {
        if (!open_prefix(tc, asked, argv, &why)) {
            text where = {0};
            text_print(&where, "$AITER_ROCM_PREFIX, %s", asked);
            explain(err, text_get(&where), &why);
            text_free(&where);
            return false;
        }
    } else if (!load_from_system(tc, &why)) {
        bool configured = *AITER_ROCM_PREFIX && access(AITER_ROCM_PREFIX, F_OK) == 0;
        if (!configured || !open_prefix(tc, AITER_ROCM_PREFIX, argv, &why))
            return explain(err,
                           "$ROCM_PATH/lib, /opt/rocm/lib, the dynamic linker's path or the "
                           "configured private prefix \"" AITER_ROCM_PREFIX "\"",
                           &why);
    }
    text_free(&why);
    return true;
}

const char *toolchain_comgr_error(const toolchain *tc, int status)
{
    const char *name = NULL;
    if (tc->status_string(status, &name) || !name)
        return "unknown comgr status";
    return name;
}

bool toolchain_has_target(const toolchain *tc, const char *target)
{
    static const char triple[] = "amdgcn-amd-amdhsa--";
    size_t count = 0, n = strcspn(target, ":");
    if (tc->get_isa_count(&count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;
        if (tc->get_isa_name(i, &name) || !name || strncmp(name, triple, sizeof triple - 1))
            continue;
        name += sizeof triple - 1;
        if (strncmp(name, target, n) == 0 && (name[n] == '\0' || name[n] == ':'))
            return true;
    }
    return false;
}
