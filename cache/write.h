/* Changes of a store's data file: what write.c, evict.c and compact.c share. */
#ifndef AITER_CACHE_WRITE_H
#define AITER_CACHE_WRITE_H

#include <setjmp.h>

#include <lmdb.h>

#include "cache/internal.h"

/* mdb_strerror() knows LMDB's own codes from -30799 up and errno's, which are positive. */
enum { LIMIT_REACHED = -1 };

/* A record that was evicted, to be reported when the lock is gone. */
typedef struct evicted {
    struct evicted *next;
    uint64_t bytes;
    char key[];
} evicted;

typedef struct write_job {
    cache_store *store;
    session *session;
    cache_err err;
    uint64_t used;    /* bytes of the data file up to its last page in use */
    char reason[160]; /* why the data file is damaged                     */
    size_t removed;   /* entries, by the last transaction                  */
    evicted *evicted;
    MDB_env *env;
    jmp_buf on_assertion;
} write_job;

typedef struct change_list {
    const cache_change *items; /* NULL: everything is going to be read */
    size_t count;
} change_list;

enum { CACHE_TREE_ROOM = 1 << 20 }; /* for pages of the tree and the free list */

static inline size_t at_most(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

/* ---- write.c ---- */

/* Takes the exclusive lock. On CACHE_OK: cache_write_end(), which also reports evictions. */
cache_status cache_write_begin(write_job *job);
void cache_write_end(write_job *job);

/* Checks the whole tree before LMDB may follow it, with what the changes make LMDB read besides.
 * CACHE_MISS: damaged. */
cache_status cache_write_check(write_job *job, const change_list *changes);

/* What an LMDB or errno code means. CACHE_MISS: damaged. */
cache_status cache_write_judge(write_job *job, int rc);

/* Makes an error of CACHE_MISS, for who does not set the file aside. */
cache_status cache_write_refuse_damage(const write_job *job, cache_status status);

/* job->env is to be closed in any case. Whoever goes on with it sets job->on_assertion first. */
int cache_write_open_env(write_job *job, size_t map_size);
void cache_write_close_env(write_job *job);

/* One transaction in an environment of its own. */
int cache_write_with_map(write_job *job, const change_list *changes, size_t map_size);

/* LMDB writes within the map only; so a map below RLIMIT_FSIZE keeps the kernel from sending
 * SIGXFSZ. */
size_t cache_file_size_limit(void);

/* Names, too, are to survive a power cut. */
void cache_write_sync_dir(const cache_store *store);

/* ---- evict.c ---- */

/* Kept free below a limit, for the pages that an eviction itself needs: the tree's, and 8 bytes in
 * the free list for each page of what goes. */
size_t cache_reserve(size_t bytes);

/* Removes records of `bytes` and more or, with a limit, of what exceeds it. LIMIT_REACHED: there is
 * nothing that this process does not use. */
int cache_make_room(write_job *job, uint64_t bytes, const uint64_t *limit);

void cache_report_evicted(write_job *job);

#endif
