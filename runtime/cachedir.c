#include "runtime/cachedir.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static char *join(const char *dir, const char *rest)
{
    char *path;
    if (asprintf(&path, "%s%s", dir, rest) >= 0)
        return path;
    errno = ENOMEM;
    return NULL;
}

static char *below_home(const char *rest)
{
    const char *home = variable("HOME");
    if (home)
        return join(home, rest);
    char buffer[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found)
        return join(found->pw_dir, rest);
    errno = ENOENT;
    return NULL;
}

char *rt_cache_dir(const char *given)
{
    if (given)
        return join(given, "");
    const char *value = variable("AITER_CACHE_DIR");
    if (value)
        return join(value, "");
    /* "All paths set in these environment variables must be absolute", else ignored: XDG Base
     * Directory 0.8. */
    value = variable("XDG_CACHE_HOME");
    if (value && value[0] == '/')
        return join(value, "/aiter");
    return below_home("/.cache/aiter");
}

/* "/a:/b" -> "/a/aiter/cache:/b/aiter/cache". */
static char *below_each(const char *dirs)
{
    static const char below[] = "/aiter/cache";
    size_t parts = 1, used = 0;
    for (const char *c = dirs; *c; c++)
        parts += *c == ':';
    char *out = malloc(strlen(dirs) + parts * sizeof below + 1);
    if (!out)
        return NULL;
    out[0] = '\0';
    for (size_t length; *dirs; dirs += length + (dirs[length] == ':')) {
        length = strcspn(dirs, ":");
        if (*dirs == '/')
            used += (size_t)sprintf(out + used, "%s%.*s%s", used ? ":" : "", (int)length, dirs,
                                    below);
    }
    return out;
}

char *rt_system_cache_dirs(const char *given)
{
    const char *value = given ? given : variable("AITER_SYSTEM_CACHE_DIRS");
    if (value)
        return join(value, "");
    value = variable("XDG_DATA_DIRS");
    return below_each(value ? value : "/usr/local/share:/usr/share");
}
