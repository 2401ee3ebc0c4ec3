/* What the files of this room share. Nothing outside cache/ and tests/cache/ includes it. */
#ifndef AITER_CACHE_INTERNAL_H
#define AITER_CACHE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "cache/cache.h"
#include "cache/lmdb_file.h"
#include "cache/record.h"

#define CACHE_DATA_NAME "code.lmdb"
#define CACHE_DAMAGED_NAME "code.lmdb.damaged"
#define CACHE_COMPACT_NAME "code.lmdb.new"
#define CACHE_LOCK_NAME "lock"
#define CACHE_USED_NAME "used"

enum { CACHE_DIGEST_SIZE = 32 };

/* Longest wait for the lock: of a look-up, and of a store, which may queue behind other stores and
 * their syncs. Variables for the tests' sake. */
extern int cache_read_wait_ms, cache_write_wait_ms;

/* Where a message for the caller goes. */
typedef struct cache_err {
    char *buf;
    size_t size;
} cache_err;

/* Writes the message, cut to the buffer. "%m" prints errno's text. Always returns CACHE_ERROR. */
cache_status cache_fail(cache_err err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

typedef struct file_id {
    dev_t dev;
    ino_t ino;
} file_id;

/* ---- digest.c ---- */

void cache_digest(const void *data, size_t size, unsigned char out[CACHE_DIGEST_SIZE]);

/* ---- dir.c: directories and the files in them ---- */

/* Opens `path` (O_PATH) and returns the descriptor or -1 with a message: nobody but this user and
 * root may own the directory, write to it, or own a link on the way. With `writable`, missing directories
 * are made, 0700 each, and it may not be on a network filesystem. */
int cache_dir_open(const char *path, bool writable, file_id *id, cache_err err);

/* What cache_dir_open_file() would object to. True also if there is no such file. */
bool cache_dir_check_file(int dirfd, const char *dir, const char *name, cache_err err);

/* Opens `name` in the directory: never through a symlink, a regular file only, owned by this user
 * or root, not writable by others. Returns -1 with a message; errno then is ENOENT if there is no
 * such file, else not ENOENT. */
int cache_dir_open_file(int dirfd, const char *dir, const char *name, int flags, file_id *id,
                        uint64_t *size, cache_err err);

/* Test seam: replaces fstatfs's f_type. NULL: the real one. */
extern int (*cache_fs_type_hook)(int fd, unsigned long *type);

/* ---- lock.c: byte-range locks that the kernel releases ---- */

/* An open file description of a lock file. Forked children close theirs, so that a child that
 * outlives its parent does not keep the parent's locks. */
typedef struct lock_handle {
    int fd; /* -1: not open */
    file_id id;
    struct lock_handle *prev, *next;
} lock_handle;

/* Guards every lock_handle and every store's list of idle sessions; held while the process forks.
 * Short. */
void cache_lock_registry_enter(void);
void cache_lock_registry_leave(void);

cache_status cache_lock_open(lock_handle *h, int dirfd, const char *dir, bool writable,
                             cache_err err);
void cache_lock_close(lock_handle *h);

/* type: F_RDLCK or F_WRLCK. CACHE_OK, CACHE_TIMEOUT or CACHE_ERROR (errno). Two handles conflict
 * whether they belong to one process or to two. */
cache_status cache_lock_range(const lock_handle *h, short type, off_t start, off_t len,
                              int wait_ms);
void cache_lock_release(const lock_handle *h, off_t start, off_t len);

/* True if the directory's lock file still is the one that was opened. */
bool cache_lock_is_current(const lock_handle *h, int dirfd);

/* ---- store.c ---- */

/* What one transaction needs; idle ones are kept by the store. */
typedef struct session {
    lock_handle lock;
    bool
        locked; /* false inside a transaction: a read-only store whose lock file cannot be opened */
    int data_fd; /* -1: there is no data file */
    file_id data_id;
    uint64_t data_size;
    struct timespec data_changed; /* its st_ctim */
    lmdb_pages pages;             /* of the data file */
    struct session *next;
} session;

struct cache_store {
    char *path; /* absolute */
    int dirfd;  /* O_PATH   */
    file_id id; /* of the directory when it was opened */
    bool read_only;
    atomic_int used_fd; /* used.c's                            */
    uint64_t max_bytes; /* 0: no limit                         */
    cache_evict_fn on_evict;
    void *on_evict_user;
    session *idle;
    int idle_count;
};

/* Takes the lock, shared or exclusive, and looks at the data file. On CACHE_OK:
 * cache_session_end(). */
cache_status cache_session_begin(cache_store *store, bool exclusive, session **out, cache_err err);
void cache_session_end(cache_store *store, session *s);

/* Makes s->data_* describe the data file as it is now. */
cache_status cache_session_refresh(cache_store *store, session *s, cache_err err);

/* Opens store->path anew after it vanished. */
cache_status cache_store_revive(cache_store *store, cache_err err);

/* A record copied out of the data file: verified, or `defect` says why not. */
typedef struct cache_found {
    unsigned char *bytes; /* heap, may be NULL with a defect */
    size_t size;
    record_view record; /* in bytes */
    const char *defect;
} cache_found;

/* Finds the record of `digest` whatever its key. CACHE_OK also with a defect; the caller frees
 * out->bytes. */
cache_status cache_find_digest(cache_store *store, const unsigned char *digest, cache_found *out,
                               cache_err err);

/* ---- used.c: when records were last used ---- */

/* This process has found or `stored` the record. It will not evict it, and the time goes to the
 * side file; of a hit only if the last one was a minute ago, so that the others cost no system
 * call. */
void cache_used_touch(cache_store *store, const unsigned char *digest, bool stored);
bool cache_used_here(const cache_store *store, const unsigned char *digest);

/* Milliseconds since 1970; 0: unknown. */
uint64_t cache_used_time_ms(cache_store *store, const unsigned char *digest);

/* Makes the store's side file that of its directory as it is now. */
void cache_used_revive(cache_store *store);

uint64_t cache_now_ms(void); /* since 1970, by this machine's clock */
/* Test seam: replaces the clock. */
extern uint64_t (*cache_clock_hook)(void);

/* ---- write.c ---- */

/* One entry to be stored or, with record NULL, removed. */
typedef struct cache_change {
    unsigned char digest[CACHE_DIGEST_SIZE];
    void *record; /* a whole one */
    size_t size;
} cache_change;

/* The change that stores a pair now; the caller frees out->record. */
cache_status cache_change_make(const cache_store *store, const cache_pair *pair, cache_change *out,
                               cache_err err);

int cache_change_compare(const void *a, const void *b); /* by digest, for qsort() */

/* Applies all changes, sorted by digest, in one durable transaction. *removed (may be NULL):
 * entries that were there to be removed. */
cache_status cache_apply(cache_store *store, const cache_change *changes, size_t count,
                         size_t *removed, cache_err err);

/* ---- evict.c ---- */

/* An entry that is a record's by the size of its key. */
typedef struct cache_entry {
    unsigned char digest[CACHE_DIGEST_SIZE];
    lmdb_extent at;
    uint64_t bytes; /* that it takes up in the data file */
    uint64_t age;   /* ms since its last use             */
} cache_entry;

typedef struct cache_entries {
    cache_entry *items; /* heap */
    size_t count, room;
    uint64_t bytes;
} cache_entries;

/* Checks the whole file and lists its entries, in digest order. The caller frees out->items. */
lmdb_result cache_list_entries(lmdb_file *f, cache_entries *out);

/* Reads size bytes at offset. False: I/O error, or the file ends before. */
bool cache_read_full(int fd, void *buf, size_t size, uint64_t offset);

#endif
