/* hiprtc and comgr, loaded at run time. Their C interfaces are declared here as far as they are
 * used, so that building needs no ROCm headers.
 *
 * Which ROCm:
 *   1. $AITER_ROCM_PREFIX, if set: that one or none.
 *   2. The system's: $ROCM_PATH/lib, /opt/rocm/lib, then what the dynamic linker finds.
 *   3. The private prefix configured at build time, if it exists.
 * A prefix is either an unpacked set of distribution packages (PREFIX/usr/lib/x86_64-linux-gnu), or
 * a ROCm installation (PREFIX/lib). If it brings its own dynamic linker, this program starts itself
 * again through that: its libraries may need a newer C library than the host's. */
#ifndef AITER_COMPILER_TOOLCHAIN_H
#define AITER_COMPILER_TOOLCHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/compiler/text.h"

typedef struct hiprtc_program hiprtc_program;

/* comgr's handles are structures of one 64-bit number, passed by value (amd_comgr.h). */
typedef struct comgr_handle { uint64_t handle; } comgr_handle;

/* Values that are the same in every comgr from 2.0 on. */
enum {
    COMGR_DATA_SOURCE = 1, COMGR_DATA_LOG = 5, COMGR_DATA_EXECUTABLE = 8,
    COMGR_NODE_STRING = 1, COMGR_NODE_MAP = 2, COMGR_NODE_LIST = 3
};

typedef struct toolchain {
    void *hiprtc_library, *comgr_library;
    int disassemble_action;     /* its number changed with comgr 3.0 */

    int (*create_program)(hiprtc_program **, const char *source, const char *name, int headers,
                          const char **, const char **);
    int (*compile_program)(hiprtc_program *, int count, const char **options);
    int (*destroy_program)(hiprtc_program **);
    int (*get_log_size)(hiprtc_program *, size_t *);
    int (*get_log)(hiprtc_program *, char *);
    int (*get_code_size)(hiprtc_program *, size_t *);
    int (*get_code)(hiprtc_program *, char *);
    const char *(*get_error_string)(int);

    void (*get_version)(size_t *major, size_t *minor);
    int (*status_string)(int, const char **);
    int (*get_isa_count)(size_t *);
    int (*get_isa_name)(size_t, const char **);
    int (*create_data)(int kind, comgr_handle *);
    int (*release_data)(comgr_handle);
    int (*set_data)(comgr_handle, size_t, const char *);
    int (*set_data_name)(comgr_handle, const char *);
    int (*get_data)(comgr_handle, size_t *, char *);
    int (*get_data_isa_name)(comgr_handle, size_t *, char *);
    int (*get_data_metadata)(comgr_handle, comgr_handle *);
    int (*destroy_metadata)(comgr_handle);
    int (*create_data_set)(comgr_handle *);
    int (*destroy_data_set)(comgr_handle);
    int (*data_set_add)(comgr_handle, comgr_handle);
    int (*action_data_count)(comgr_handle, int kind, size_t *);
    int (*action_data_get_data)(comgr_handle, int kind, size_t index, comgr_handle *);
    int (*create_action_info)(comgr_handle *);
    int (*destroy_action_info)(comgr_handle);
    int (*action_info_set_isa_name)(comgr_handle, const char *);
    int (*action_info_set_logging)(comgr_handle, bool);
    int (*do_action)(int action, comgr_handle info, comgr_handle input, comgr_handle result);
    int (*get_metadata_kind)(comgr_handle, int *);
    int (*get_metadata_string)(comgr_handle, size_t *, char *);
    int (*metadata_lookup)(comgr_handle map, const char *key, comgr_handle *);
    int (*get_metadata_list_size)(comgr_handle, size_t *);
    int (*index_list_metadata)(comgr_handle, size_t index, comgr_handle *);
} toolchain;

/* Decides which ROCm to use. If that takes another dynamic linker, the process is replaced and this
 * does not return; argv is this program's, to be passed on. Otherwise it loads the libraries.
 * false: err says what was tried. */
bool toolchain_open(toolchain *tc, char **argv, text *err);

/* comgr's name of a status code. */
const char *toolchain_comgr_error(const toolchain *tc, int status);

/* Whether comgr knows the target's processor. */
bool toolchain_has_target(const toolchain *tc, const char *target);

#endif
