#include "runtime/helper/locate.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folder of the object that holds this function. The main program's link map entry has no name, and
 * dladdr() then gives argv[0], which need not be a path. */
static bool own_folder(char out[PATH_MAX])
{
    Dl_info info;
    struct link_map *map = NULL;
    const char *path = "/proc/self/exe";
    if (dladdr1((void *)&helper_locate, &info, (void **)&map, RTLD_DL_LINKMAP) && map &&
        map->l_name[0])
        path = map->l_name;
    if (!realpath(path, out))
        return false;
    char *slash = strrchr(out, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

char *helper_locate(const char *program)
{
    static const char *const places[] = {"", "/../bin", "/../libexec/aiter",
                                         "/../../libexec/aiter"};
    char folder[PATH_MAX], path[PATH_MAX + 64];
    const char *named = program ? program : secure_getenv("AITER_COMPILER");
    if (named && *named)
        return strdup(named);
    if (own_folder(folder)) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            snprintf(path, sizeof path, "%s%s/aiter-compiler", folder, places[i]);
            if (access(path, X_OK) == 0)
                return realpath(path, NULL);
        }
    }
    return strdup(AITER_COMPILER_INSTALL_PATH);
}
