#include "tools/compiler/environment.h"

#include <stdlib.h>
#include <string.h>

static char *rocm_prefix, *rocm_path, *tmpdir;

static bool keep(const char *name, char **out)
{
    const char *value = getenv(name);
    *out = value ? strdup(value) : NULL;
    return !value || *out;
}

bool environment_scrub(void)
{
    if (!keep("AITER_ROCM_PREFIX", &rocm_prefix) || !keep("ROCM_PATH", &rocm_path) ||
        !keep("TMPDIR", &tmpdir))
        return false;
    if (clearenv())
        return false;
    /* clang reads default configuration files next to itself and in the home directory unless told
     * not to. */
    return setenv("CLANG_NO_DEFAULT_CONFIG", "1", 1) == 0 && setenv("LC_ALL", "C", 1) == 0 &&
           (!tmpdir || setenv("TMPDIR", tmpdir, 1) == 0);
}

const char *environment_rocm_prefix(void)
{
    return rocm_prefix;
}

const char *environment_rocm_path(void)
{
    return rocm_path;
}

const char *environment_tmpdir(void)
{
    return tmpdir && *tmpdir ? tmpdir : "/tmp";
}
