/* Where caches are. */
#ifndef AITER_RUNTIME_CACHEDIR_H
#define AITER_RUNTIME_CACHEDIR_H

/* The user's: `given` (may be NULL), else $AITER_CACHE_DIR, else $XDG_CACHE_HOME/aiter, else
 * ~/.cache/aiter. On the heap; NULL: there is no home directory (errno is ENOENT) or no memory. */
char *rt_cache_dir(const char *given);

/* Those of the system, separated by colons: `given` (may be NULL), else $AITER_SYSTEM_CACHE_DIRS,
 * else aiter/cache below each of $XDG_DATA_DIRS, else of /usr/local/share and /usr/share. On the
 * heap; NULL: no memory. */
char *rt_system_cache_dirs(const char *given);

#endif
