#include "runtime/cachedir.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/error.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static aiter_status join(const char *dir, const char *rest, char **out)
{
    if (asprintf(out, "%s%s", dir, rest) < 0)
        return rt_fail_memory("the cache directory's name");
    return AITER_OK;
}

static aiter_status below_home(char **out)
{
    const char *home = variable("HOME");
    if (home)
        return join(home, "/.cache/aiter", out);
    char buffer[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return rt_fail(AITER_ERROR_CACHE,
                       "no cache directory: HOME is not set and user %u has no home. Set "
                       "options.cache_dir or AITER_CACHE_DIR",
                       (unsigned)getuid());
    return join(found->pw_dir, "/.cache/aiter", out);
}

aiter_status rt_cache_dir(const char *given, char **out)
{
    if (given)
        return join(given, "", out);
    const char *value = variable("AITER_CACHE_DIR");
    if (value)
        return join(value, "", out);
    /* "All paths set in these environment variables must be absolute", else ignored: XDG Base
     * Directory 0.8. */
    value = variable("XDG_CACHE_HOME");
    if (value && value[0] == '/')
        return join(value, "/aiter", out);
    return below_home(out);
}
