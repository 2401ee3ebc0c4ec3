/* The environment: what this program takes from it, and nothing else reaching the compiler.
 *
 * hiprtc, comgr and clang obey variables that change the code they make, for example
 * HIPRTC_COMPILE_OPTIONS_APPEND, HIPRTC_LINK_OPTIONS_APPEND, AMD_COMGR_*, GPU_ENABLE_WGP_MODE,
 * HIP_DEVICE_LIB_PATH, CPATH, CCC_OVERRIDE_OPTIONS. So everything is removed but a few that are
 * known. */
#ifndef AITER_COMPILER_ENVIRONMENT_H
#define AITER_COMPILER_ENVIRONMENT_H

#include <stdbool.h>

/* Remembers what is wanted and empties the environment. Called first in main(). What is needed by
 * this program started again through another dynamic linker (TMPDIR) is put back. false: out of
 * memory. */
bool environment_scrub(void);

const char *environment_rocm_prefix(void);  /* AITER_ROCM_PREFIX or NULL */
const char *environment_rocm_path(void);    /* ROCM_PATH or NULL         */
const char *environment_tmpdir(void);       /* TMPDIR, else /tmp         */

#endif
