/* What the files of this room share. Nothing outside cache/ and tests/cache/ includes it. */
#ifndef AITER_CACHE_INTERNAL_H
#define AITER_CACHE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/cache.h"

#define CACHE_DATA_NAME "code.lmdb"
#define CACHE_DAMAGED_NAME "code.lmdb.damaged"
#define CACHE_LOCK_NAME "lock"

enum {
    CACHE_DIGEST_SIZE = 32,
    CACHE_READ_WAIT_MS = 2000, /* longest wait for the lock of a look-up */
    CACHE_WRITE_WAIT_MS =
        5000, /* ... of a store: it may queue behind other stores and their syncs */
};

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

/* libsodium, initialised once. False: it cannot be used. */
bool cache_sodium_ready(void);
void cache_digest(const void *data, size_t size, unsigned char out[CACHE_DIGEST_SIZE]);

/* ---- dir.c: directories and the files in them ---- */

/* Opens `path`, checks what dir_check() checks and returns the descriptor or -1 with a message.
 * With `create`, missing directories are made, 0700 each. */
int cache_dir_open(const char *path, bool create, cache_err err);

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
    struct session *next;
} session;

struct cache_store {
    char *path; /* absolute */
    int dirfd;
    bool read_only;
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

/* Reads size bytes at offset. False: I/O error, or the file ends before. */
bool cache_read_full(int fd, void *buf, size_t size, uint64_t offset);

#endif
