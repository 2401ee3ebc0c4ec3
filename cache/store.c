/* Opening and look-ups. A transaction is a session: an open file description of the lock
 * file, locked, and a descriptor of the data file. The store holds no memory map and no LMDB
 * environment between calls; so there is nothing that another process's growth, a truncation or a
 * fork could invalidate.
 *
 * A look-up first reads without the lock. A writer may be at work, but the look-up uses copies of
 * pages that it has checked, and the record it finds proves itself by its key and checksum: a hit
 * is a hit. That there is none counts if nothing was committed meanwhile. Neither waits for
 * anybody. Anything else may be the writer's doing and is looked at again under the lock. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/internal.h"

/* Bytes of the lock file. A writer holds the gate while it waits for the readers inside to leave,
 * so that readers that come and go without end cannot keep it out. */
enum { BYTE_GATE = 0, BYTE_DATA = 1 };

enum { IDLE_SESSIONS_MAX = 16 };

int cache_read_wait_ms = 2000, cache_write_wait_ms = 5000;

bool cache_read_full(int fd, void *buf, size_t size, uint64_t offset)
{
    char *to = buf;

    while (size) {
        ssize_t n = pread(fd, to, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

/* ---- Sessions ---- */

static void session_free(session *s)
{
    cache_lock_close(&s->lock);
    if (s->data_fd >= 0)
        close(s->data_fd);
    cache_lmdb_pages_free(&s->pages);
    free(s);
}

static session *session_take(cache_store *store)
{
    cache_lock_registry_enter();
    session *s = store->idle;
    if (s) {
        store->idle = s->next;
        store->idle_count--;
    }
    cache_lock_registry_leave();
    if (!s && (s = calloc(1, sizeof *s))) {
        s->lock.fd = -1;
        s->data_fd = -1;
    }
    return s;
}

static void session_give(cache_store *store, session *s)
{
    cache_lock_registry_enter();
    bool keep = store->idle_count < IDLE_SESSIONS_MAX;
    if (keep) {
        s->next = store->idle;
        store->idle = s;
        store->idle_count++;
    }
    cache_lock_registry_leave();
    if (!keep)
        session_free(s);
}

/* Both bytes lie side by side; releasing is one call. */
static void session_unlock(session *s)
{
    if (s->locked)
        cache_lock_release(&s->lock, BYTE_GATE, 2);
    s->locked = false;
}

static cache_status session_lock(cache_store *store, session *s, bool exclusive, cache_err err)
{
    short type = exclusive ? F_WRLCK : F_RDLCK;
    int wait_ms = exclusive ? cache_write_wait_ms : cache_read_wait_ms;
    cache_status status = cache_lock_range(&s->lock, type, BYTE_GATE, 1, wait_ms);

    if (status == CACHE_OK)
        status = cache_lock_range(&s->lock, type, BYTE_DATA, 1, wait_ms);
    if (status == CACHE_ERROR)
        cache_fail(err, "cache file '%s/%s': cannot be locked: %m", store->path, CACHE_LOCK_NAME);
    if (status == CACHE_TIMEOUT)
        cache_fail(err, "cache '%s': the lock was not to be had within %d ms", store->path,
                   wait_ms);
    if (status != CACHE_OK || !exclusive)
        cache_lock_release(&s->lock, BYTE_GATE, 1);
    s->locked = status == CACHE_OK;
    return status;
}

static void session_drop_data(session *s)
{
    if (s->data_fd >= 0)
        close(s->data_fd);
    s->data_fd = -1;
    s->data_size = 0;
    cache_lmdb_pages_clear(&s->pages);
}

cache_status cache_session_refresh(cache_store *store, session *s, cache_err err)
{
    struct stat st = {0};

    if (s->data_fd >= 0 && fstatat(store->dirfd, CACHE_DATA_NAME, &st, AT_SYMLINK_NOFOLLOW)) {
        session_drop_data(s);
        return errno == ENOENT
                   ? CACHE_OK
                   : cache_fail(err, "cache file '%s/%s': %m", store->path, CACHE_DATA_NAME);
    }
    /* A file that was emptied and filled anew in place counts its commits from 1 again. */
    if (memcmp(&s->data_changed, &st.st_ctim, sizeof st.st_ctim))
        cache_lmdb_pages_clear(&s->pages);
    s->data_changed = st.st_ctim;
    s->data_size = (uint64_t)st.st_size;
    if (s->data_fd >= 0 && st.st_dev == s->data_id.dev && st.st_ino == s->data_id.ino)
        return CACHE_OK;
    session_drop_data(s);
    s->data_fd = cache_dir_open_file(store->dirfd, store->path, CACHE_DATA_NAME, O_RDONLY,
                                     &s->data_id, &s->data_size, err);
    return s->data_fd >= 0 || errno == ENOENT ? CACHE_OK : CACHE_ERROR;
}

cache_status cache_store_revive(cache_store *store, cache_err err)
{
    file_id id;
    int fd = cache_dir_open(store->path, !store->read_only, &id, err);

    if (fd < 0)
        return CACHE_ERROR;
    /* In place: other threads may be using the number. */
    int moved = dup3(fd, store->dirfd, O_CLOEXEC);
    close(fd);
    if (moved < 0)
        return cache_fail(err, "cache directory '%s': %m", store->path);
    cache_used_revive(store);
    return CACHE_OK;
}

/* One attempt. CACHE_MISS: the directory or its lock file was replaced or removed meanwhile; try
 * again. */
static cache_status session_try(cache_store *store, session *s, bool exclusive, cache_err err)
{
    if (s->lock.fd < 0 &&
        cache_lock_open(&s->lock, store->dirfd, store->path, !store->read_only, err) != CACHE_OK) {
        if (store->read_only && (errno == ENOENT || errno == EACCES))
            return cache_session_refresh(store, s, err); /* as good as looking without the lock */
        return errno == ENOENT ? CACHE_MISS : CACHE_ERROR;
    }
    cache_status status = session_lock(store, s, exclusive, err);
    if (status != CACHE_OK)
        return status;
    if (!cache_lock_is_current(&s->lock, store->dirfd)) {
        session_unlock(s);
        cache_lock_close(&s->lock);
        return CACHE_MISS;
    }
    status = cache_session_refresh(store, s, err);
    if (status != CACHE_OK)
        session_unlock(s);
    return status;
}

/* False: it was removed, or moved away, with or without another one in its place. LMDB goes by the
 * path; so what we hold has to be what is there. */
static bool dir_is_in_place(const cache_store *store)
{
    struct stat held, there;

    return fstat(store->dirfd, &held) == 0 && stat(store->path, &there) == 0 &&
           held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

cache_status cache_session_begin(cache_store *store, bool exclusive, session **out, cache_err err)
{
    enum { ATTEMPTS = 8 };
    cache_status status = CACHE_MISS;
    session *s = session_take(store);

    if (!s)
        return cache_fail(err, "cache '%s': out of memory", store->path);
    for (int i = 0; i < ATTEMPTS && status == CACHE_MISS; i++) {
        if (!dir_is_in_place(store) && cache_store_revive(store, err) != CACHE_OK)
            status = CACHE_ERROR;
        else
            status = session_try(store, s, exclusive, err);
    }
    if (status != CACHE_OK) {
        session_free(s);
        if (status == CACHE_MISS)
            status = cache_fail(err, "cache '%s': its lock file does not stay in place",
                                store->path);
        return status;
    }
    *out = s;
    return CACHE_OK;
}

void cache_session_end(cache_store *store, session *s)
{
    session_unlock(s);
    session_give(store, s);
}

/* ---- Opening ---- */

static bool writable_dir(cache_store *store, cache_err err)
{
    if (faccessat(store->dirfd, ".", W_OK | X_OK, AT_EACCESS) == 0)
        return true;
    cache_fail(err, "cache directory '%s': not writable: %m", store->path);
    return false;
}

/* Refuses early what would be of no use. The lock is not taken, and the data file stays open for
 * the look-up that is likely to follow. */
static bool usable(cache_store *store, cache_err err)
{
    if (!store->read_only && !writable_dir(store, err))
        return false;
    if (!cache_dir_check_file(store->dirfd, store->path, CACHE_LOCK_NAME, err))
        return false;
    session *s = session_take(store);
    if (!s) {
        cache_fail(err, "cache directory '%s': out of memory", store->path);
        return false;
    }
    bool good = cache_session_refresh(store, s, err) == CACHE_OK;
    session_give(store, s);
    return good;
}

/* Absolute, so that it outlives a chdir(). Heap; NULL: errno. */
static char *absolute(const char *dir)
{
    char cwd[PATH_MAX], *path;

    if (*dir == '/')
        return strdup(dir);
    if (!getcwd(cwd, sizeof cwd))
        return NULL;
    return asprintf(&path, "%s/%s", cwd, dir) < 0 ? NULL : path;
}

cache_status cache_open(cache_store **out, const char *dir, unsigned flags, char *errbuf,
                        size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    bool read_only = flags & CACHE_READ_ONLY;

    *out = NULL;
    file_id id;
    int fd = cache_dir_open(dir, !read_only, &id, err);
    if (fd < 0)
        return CACHE_ERROR;
    cache_store *store = calloc(1, sizeof *store);
    if (!store) {
        close(fd);
        return cache_fail(err, "cache directory '%s': out of memory", dir);
    }
    store->dirfd = fd;
    store->id = id;
    store->used_fd = -1;
    store->read_only = read_only;
    store->path = absolute(dir);
    if (store->path ? !usable(store, err) : cache_fail(err, "cache directory '%s': %m", dir)) {
        cache_close(store);
        return CACHE_ERROR;
    }
    *out = store;
    return CACHE_OK;
}

void cache_close(cache_store *store)
{
    if (!store)
        return;
    for (session *s = store->idle, *next; s; s = next) {
        next = s->next;
        session_free(s);
    }
    if (store->used_fd >= 0)
        close(store->used_fd);
    close(store->dirfd);
    free(store->path);
    free(store);
}

/* ---- Look-ups ---- */

/* Copies the record of `digest` to the heap. `kept`: as in cache_lmdb_find(). *certain (may be
 * NULL): it is not there, whatever a writer may be doing. */
static lmdb_result copy_record(const session *s, lmdb_pages *kept, const unsigned char *digest,
                               cache_found *out, bool *certain)
{
    lmdb_file f;
    lmdb_extent at;
    lmdb_result r = LMDB_NOT_FOUND;

    *out = (cache_found){0};
    if (s->data_fd >= 0)
        r = cache_lmdb_file_open(&f, s->data_fd, s->data_size);
    if (r != LMDB_FOUND && kept)
        cache_lmdb_pages_clear(kept);
    if (r == LMDB_FOUND)
        r = cache_lmdb_find(&f, kept, digest, CACHE_DIGEST_SIZE, &at);
    if (r == LMDB_NOT_FOUND && certain && s->data_fd >= 0 && s->data_size)
        *certain = cache_lmdb_is_current(&f);
    if (r != LMDB_FOUND)
        return r;
    if (at.size < RECORD_HEADER_SIZE || at.size > RECORD_SIZE_MAX) {
        out->defect = "its size is not that of a record";
        return LMDB_FOUND;
    }
    out->size = at.size;
    out->bytes = malloc(at.size);
    r = out->bytes ? cache_lmdb_read_extent(&f, &at, out->bytes) : LMDB_IO_ERROR;
    if (r != LMDB_FOUND) {
        free(out->bytes);
        out->bytes = NULL;
    }
    return r;
}

/* Verifies the copy, which is what the caller gets, for a record of this digest and, unless NULL,
 * this key. */
static void verify_record(const unsigned char *digest, const char *key, cache_found *out)
{
    unsigned char actual[CACHE_DIGEST_SIZE];
    const record_view *r = &out->record;

    if (out->defect)
        return;
    if (!cache_record_read(out->bytes, out->size, &out->record)) {
        out->defect = "no intact record of this version";
        return;
    }
    if (key && r->key_size == strlen(key) && !memcmp(r->key, key, r->key_size))
        return;
    cache_digest(r->key, r->key_size, actual);
    if (key || memcmp(actual, digest, sizeof actual))
        out->defect = "a record of another key";
}

/* CACHE_OK: found, and proven. CACHE_MISS: certainly not there. CACHE_TIMEOUT: ask under the lock. */
static cache_status find_unlocked(cache_store *store, const unsigned char *digest, const char *key,
                                  cache_found *out)
{
    session *s = session_take(store);
    bool certain = false;
    lmdb_result r = LMDB_NOT_FOUND;

    if (!s)
        return CACHE_TIMEOUT;
    if (cache_session_refresh(store, s, (cache_err){0}) == CACHE_OK)
        r = copy_record(s, &s->pages, digest, out, &certain);
    session_give(store, s);
    if (r != LMDB_FOUND)
        return certain ? CACHE_MISS : CACHE_TIMEOUT;
    verify_record(digest, key, out);
    if (!out->defect)
        return CACHE_OK;
    free(out->bytes);
    return CACHE_TIMEOUT;
}

static cache_status find_locked(cache_store *store, const unsigned char *digest, const char *key,
                                cache_found *out, cache_err err)
{
    session *s;
    cache_status status = cache_session_begin(store, false, &s, err);

    if (status != CACHE_OK)
        return status;
    lmdb_result r = copy_record(s, NULL, digest, out, NULL);
    if (r == LMDB_IO_ERROR)
        status = cache_fail(err, "cache file '%s/%s': cannot be read: %m", store->path,
                            CACHE_DATA_NAME);
    cache_session_end(store, s);
    if (r != LMDB_FOUND)
        return status == CACHE_OK ? CACHE_MISS : status;
    verify_record(digest, key, out);
    return CACHE_OK;
}

/* CACHE_OK: in any case something is there; see out->defect. The caller frees out->bytes. */
static cache_status find(cache_store *store, const unsigned char *digest, const char *key,
                         cache_found *out, cache_err err)
{
    enum { TRIES = 3 }; /* commits are rarer than that */
    cache_status status = CACHE_TIMEOUT;

    for (int i = 0; i < TRIES && status == CACHE_TIMEOUT; i++)
        status = find_unlocked(store, digest, key, out);
    return status == CACHE_TIMEOUT ? find_locked(store, digest, key, out, err) : status;
}

cache_status cache_find_digest(cache_store *store, const unsigned char *digest, cache_found *out,
                               cache_err err)
{
    return find(store, digest, NULL, out, err);
}

cache_status cache_get(cache_store *store, const char *key, void **value, size_t *size,
                       char *errbuf, size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    unsigned char digest[CACHE_DIGEST_SIZE];
    cache_found hit;

    *value = NULL;
    *size = 0;
    cache_digest(key, strlen(key), digest);
    cache_status status = find(store, digest, key, &hit, err);
    if (status != CACHE_OK)
        return status;
    if (hit.defect) {
        free(hit.bytes);
        return CACHE_MISS;
    }
    cache_used_touch(store, digest, false);
    memmove(hit.bytes, hit.record.value, hit.record.value_size);
    *value = hit.bytes;
    *size = hit.record.value_size;
    return CACHE_OK;
}
