/* Where the user's cache is. */
#ifndef AITER_RUNTIME_CACHEDIR_H
#define AITER_RUNTIME_CACHEDIR_H

#include <aiter/aiter.h>

/* `given` (may be NULL), else $AITER_CACHE_DIR, else $XDG_CACHE_HOME/aiter, else ~/.cache/aiter.
 * *out is on the heap. Errors: CACHE (there is no home directory), OUT_OF_MEMORY. */
aiter_status rt_cache_dir(const char *given, char **out);

#endif
