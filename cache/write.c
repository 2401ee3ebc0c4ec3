/* Stores and removals. The LMDB environment lives for one of them only, inside the exclusive lock: opening costs a
 * fraction of what a durable commit does, and it makes most of LMDB's hazards impossible: two
 * environments on one file in a process, a map that another process outgrew, a file cut short under
 * a long-lived map, a fork. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

/* ---- Checking, before LMDB may follow what is in the file ---- */

static const cache_change *find_change(const cache_change *changes, size_t count,
                                       const unsigned char *digest)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int diff = memcmp(changes[middle].digest, digest, CACHE_DIGEST_SIZE);
        if (diff == 0)
            return &changes[middle];
        if (diff < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

typedef struct change_list {
    const cache_change *items; /* NULL: everything is going to be read */
    size_t count;
} change_list;

static lmdb_result check_changed(void *user, lmdb_file *f, const void *key, size_t key_size,
                                 const lmdb_extent *value)
{
    const change_list *changes = user;

    if (changes->items && (key_size != CACHE_DIGEST_SIZE ||
                           !find_change(changes->items, changes->count, key)))
        return LMDB_FOUND;
    return cache_lmdb_check_overflow_header(f, value);
}

/* CACHE_MISS: damaged. */
static cache_status judge(write_job *job, const lmdb_file *f, lmdb_result r)
{
    if (r == LMDB_DAMAGED) {
        snprintf(job->reason, sizeof job->reason, "%s", f->why);
        return CACHE_MISS;
    }
    if (r == LMDB_IO_ERROR)
        return cache_fail(job->err, "cache file '%s/%s': cannot be read: %m", job->store->path,
                          CACHE_DATA_NAME);
    job->used = f->page_count * f->page_size;
    return CACHE_OK;
}

/* The whole tree, under the exclusive lock. */
static cache_status check_data(write_job *job, const change_list *changes)
{
    lmdb_file f;
    lmdb_result r = cache_lmdb_file_open(&f, job->session->data_fd, job->session->data_size);

    if (r == LMDB_FOUND)
        r = cache_lmdb_check(&f, check_changed, (void *)changes);
    return judge(job, &f, r);
}

/* ---- LMDB ---- */

/* LMDB aborts the process after this returns; so it does not return. */
static void on_assertion(MDB_env *env, const char *message)
{
    write_job *job = mdb_env_get_userctx(env);

    snprintf(job->reason, sizeof job->reason, "LMDB: %.140s", message);
    longjmp(job->on_assertion, 1);
}

static int change_in_txn(write_job *job, MDB_txn *txn, const cache_change *c, MDB_dbi dbi)
{
    MDB_val key = {sizeof c->digest, (void *)c->digest}, data = {c->size, c->record};

    if (c->record)
        return mdb_put(txn, dbi, &key, &data, 0);
    int rc = mdb_del(txn, dbi, &key, NULL);
    job->removed += rc == 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int commit_changes(write_job *job, const change_list *changes)
{
    MDB_txn *txn;
    MDB_dbi dbi;

    /* After an assertion the environment's state is unknown: it is given up with its memory. */
    if (setjmp(job->on_assertion)) {
        job->env = NULL;
        return MDB_CORRUPTED;
    }
    int rc = mdb_txn_begin(job->env, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &dbi);
    job->removed = 0;
    for (size_t i = 0; i < changes->count && !rc; i++)
        rc = change_in_txn(job, txn, &changes->items[i], dbi);
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB opens by path; what it opened must be what was checked. */
static int check_same_file(write_job *job)
{
    struct stat st;
    int fd, rc = mdb_env_get_fd(job->env, &fd);

    if (rc)
        return rc;
    if (fstat(fd, &st))
        return errno;
    return st.st_dev == job->session->data_id.dev && st.st_ino == job->session->data_id.ino
               ? 0
               : ESTALE;
}

/* By way of the directory's descriptor where there is a /proc: the path may lead elsewhere by now. */
static int data_path(const write_job *job, char path[4096])
{
    snprintf(path, 4096, "/proc/self/fd/%d/%s", job->store->dirfd, CACHE_DATA_NAME);
    if (access(path, F_OK) == 0)
        return 0;
    int n = snprintf(path, 4096, "%s/%s", job->store->path, CACHE_DATA_NAME);
    return n < 4096 ? 0 : ENAMETOOLONG;
}

/* job->env is to be closed in any case. */
static int open_env(write_job *job, size_t map_size)
{
    char path[4096];
    int rc = mdb_env_create(&job->env);

    if (!rc)
        rc = data_path(job, path);
    if (!rc)
        rc = mdb_env_set_mapsize(job->env, map_size);
    if (!rc)
        rc = mdb_env_open(job->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (!rc)
        rc = check_same_file(job);
    if (rc)
        return rc;
    mdb_env_set_userctx(job->env, job);
    return mdb_env_set_assert(job->env, on_assertion);
}

static void close_env(write_job *job)
{
    if (job->env)
        mdb_env_close(job->env);
    job->env = NULL;
}

static int change_with_map(write_job *job, const change_list *changes, size_t map_size)
{
    int rc = open_env(job, map_size);

    if (!rc)
        rc = commit_changes(job, changes);
    close_env(job);
    return rc;
}

/* LMDB writes within the map only; so a map below RLIMIT_FSIZE keeps the kernel from sending
 * SIGXFSZ. */
static size_t file_size_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return (size_t)1 << 46;
    return limit.rlim_cur & ~(rlim_t)0xffff;
}

/* ---- Room ---- */

enum { TREE_ROOM = 1 << 20 }; /* for pages of the tree and the free list */

static size_t at_most(size_t a, size_t b) { return a < b ? a : b; }
static size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

/* Kept free below a limit, for the pages that an eviction itself needs: the tree's, and 8 bytes in
 * the free list for each page of what goes. */
static size_t reserve(size_t bytes)
{
    return at_most(bytes / 8, at_least(TREE_ROOM, bytes / 256));
}

/* Remembers the key of a record that is about to go. */
static void note_evicted(write_job *job, lmdb_file *f, const unsigned char *digest)
{
    unsigned char *bytes = NULL;
    lmdb_extent at;
    record_view r;

    if (cache_lmdb_find(f, digest, CACHE_DIGEST_SIZE, &at) == LMDB_FOUND &&
        at.size <= RECORD_SIZE_MAX && (bytes = malloc(at.size + 1)) &&
        cache_lmdb_read_extent(f, &at, bytes) == LMDB_FOUND &&
        cache_record_read(bytes, at.size, &r)) {
        evicted *e = calloc(1, sizeof *e + r.key_size + 1);
        if (e) {
            *e = (evicted){job->evicted, at.size};
            memcpy(e->key, r.key, r.key_size);
            job->evicted = e;
        }
    }
    free(bytes);
}

static void report_evicted(write_job *job)
{
    while (job->evicted) {
        evicted *e = job->evicted;
        job->evicted = e->next;
        job->store->on_evict(job->store->on_evict_user, e->key, e->bytes);
        free(e);
    }
}

/* The file under the lock as LMDB left it, its entries, and those to give up. */
static int list_victims(write_job *job, uint64_t bytes, const uint64_t *limit, change_list *out)
{
    lmdb_file f;
    cache_entries all = {0};

    if (cache_session_refresh(job->store, job->session, job->err) != CACHE_OK)
        return EIO;
    lmdb_result r = cache_lmdb_file_open(&f, job->session->data_fd, job->session->data_size);
    if (r == LMDB_FOUND)
        r = cache_list_entries(&f, &all);
    if (r == LMDB_FOUND) {
        job->used = f.page_count * f.page_size;
        if (limit)
            bytes = all.bytes > *limit ? all.bytes - *limit : 0;
        out->items = cache_choose_victims(job->store, &f, &all, bytes, &out->count);
        for (size_t i = 0; i < out->count && job->store->on_evict; i++)
            note_evicted(job, &f, out->items[i].digest);
    }
    free(all.items);
    if (r == LMDB_FOUND)
        return !out->items ? ENOMEM : out->count ? 0 : LIMIT_REACHED;
    return r == LMDB_NOT_FOUND ? LIMIT_REACHED : r == LMDB_DAMAGED ? MDB_CORRUPTED : EIO;
}

/* Removes records of `bytes` and more or, with a limit, of what exceeds it. LIMIT_REACHED: there is
 * nothing that this process does not use. */
static int evict(write_job *job, uint64_t bytes, const uint64_t *limit)
{
    size_t cap = job->store->max_bytes;
    change_list victims = {0};
    int rc = list_victims(job, bytes, limit, &victims);
    size_t map_size = cap ? at_least(cap, job->used + reserve(cap))
                          : job->used + TREE_ROOM + job->used / 256;

    job->removed = 0;
    if (!rc)
        rc = change_with_map(job, &victims, at_most(map_size, file_size_limit()));
    free((void *)victims.items);
    return rc;
}

/* Grows the map until the records fit, and evicts others if it may not grow. MDB_MAP_FULL leaves
 * the file as it was. LMDB uses pages again that were freed two transactions ago; so the second
 * eviction, at the latest, makes room. A part of the limit is left to the evictions' own pages. */
static int change_growing(write_job *job, const change_list *changes)
{
    size_t limit = file_size_limit(), cap = job->store->max_bytes, need = 0;

    for (size_t i = 0; i < changes->count; i++)
        need += changes->items[i].size;
    if (cap && need > cap / 2)
        return LIMIT_REACHED;
    size_t map_size = ((size_t)job->used + 2 * need + TREE_ROOM) & ~(size_t)0xffff;
    size_t bound = limit;
    if (cap && need)
        bound = at_most(limit, at_least(cap - reserve(cap), job->used));
    for (;;) {
        map_size = at_most(map_size, bound);
        if (map_size < job->used || (map_size == job->used && bound == limit))
            return EFBIG;
        int rc = change_with_map(job, changes, map_size);
        if (rc != MDB_MAP_FULL)
            return rc;
        if (map_size == bound && bound == limit)
            return EFBIG;
        if (map_size == bound && (rc = evict(job, at_least(cap / 8, 2 * need), NULL)))
            return rc;
        map_size *= 2;
    }
}

/* LMDB reports a write that was cut short as EIO; nearly always the disk is full. */
static int explain(write_job *job, int rc)
{
    struct statvfs st;

    if (rc == EIO && fstatvfs(job->store->dirfd, &st) == 0 && st.f_bavail < 64)
        return ENOSPC;
    return rc;
}

/* True for what LMDB says of a broken file rather than of the system. */
static bool is_damage(int rc)
{
    return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
           rc == MDB_VERSION_MISMATCH || rc == MDB_PANIC || rc == MDB_CURSOR_FULL ||
           rc == MDB_PAGE_FULL || rc == MDB_INCOMPATIBLE;
}

/* Names, too, are to survive a power cut. */
static void sync_dir(const cache_store *store)
{
    int fd = openat(store->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* Makes the data file exist. It is empty then, which LMDB takes for a new database. */
static cache_status ensure_data(write_job *job)
{
    cache_store *store = job->store;
    file_id id;

    if (job->session->data_fd >= 0)
        return CACHE_OK;
    int fd = cache_dir_open_file(store->dirfd, store->path, CACHE_DATA_NAME, O_RDWR | O_CREAT, &id,
                                 NULL, job->err);
    if (fd < 0)
        return CACHE_ERROR;
    close(fd);
    sync_dir(store);
    return cache_session_refresh(store, job->session, job->err);
}

/* One damaged file is kept for whoever wants to look at it; an older one is replaced. */
static cache_status set_aside(write_job *job)
{
    cache_store *store = job->store;

    if (renameat(store->dirfd, CACHE_DATA_NAME, store->dirfd, CACHE_DAMAGED_NAME))
        return cache_fail(job->err, "cache file '%s/%s': damaged (%s) and cannot be set aside: %m",
                          store->path, CACHE_DATA_NAME, job->reason);
    return cache_session_refresh(store, job->session, job->err);
}

static const char *describe(const write_job *job, int rc, char *buf, size_t size)
{
    if (rc != LIMIT_REACHED)
        return mdb_strerror(rc);
    snprintf(buf, size, "the limit of %llu bytes is reached, and this process uses what is there",
             (unsigned long long)job->store->max_bytes);
    return buf;
}

/* CACHE_MISS: the data file is damaged. */
static cache_status judge_lmdb(write_job *job, int rc)
{
    char text[160];

    rc = explain(job, rc);
    if (!rc)
        return CACHE_OK;
    if (!is_damage(rc))
        return cache_fail(job->err, "cache file '%s/%s': cannot be written: %s", job->store->path,
                          CACHE_DATA_NAME, describe(job, rc, text, sizeof text));
    if (!*job->reason)
        snprintf(job->reason, sizeof job->reason, "%s", mdb_strerror(rc));
    return CACHE_MISS;
}

static cache_status change_once(write_job *job, const change_list *changes)
{
    cache_status status = ensure_data(job);

    if (status == CACHE_OK)
        status = check_data(job, changes);
    return status == CACHE_OK ? judge_lmdb(job, change_growing(job, changes)) : status;
}

static cache_status change_locked(write_job *job, const change_list *changes)
{
    cache_status status = change_once(job, changes);

    if (status == CACHE_MISS && (status = set_aside(job)) == CACHE_OK)
        status = change_once(job, changes);
    if (status == CACHE_MISS)
        status = cache_fail(job->err, "cache file '%s/%s': damaged as soon as it was made: %s",
                            job->store->path, CACHE_DATA_NAME, job->reason);
    return status;
}

/* ---- The exclusive lock around it all ---- */

static cache_status begin(write_job *job)
{
    if (job->store->read_only)
        return cache_fail(job->err, "cache '%s': opened read-only", job->store->path);
    return cache_session_begin(job->store, true, &job->session, job->err);
}

static void end(write_job *job)
{
    cache_session_end(job->store, job->session);
    report_evicted(job);
}

cache_status cache_apply(cache_store *store, const cache_change *changes, size_t count,
                         size_t *removed, cache_err err)
{
    write_job job = {.store = store, .err = err};
    change_list list = {changes, count};
    cache_status status = begin(&job);

    if (status != CACHE_OK)
        return status;
    status = change_locked(&job, &list);
    end(&job);
    if (removed)
        *removed = status == CACHE_OK ? job.removed : 0;
    for (size_t i = 0; i < count && status == CACHE_OK; i++)
        if (changes[i].record)
            cache_used_touch(store, changes[i].digest, true);
    return status;
}

cache_status cache_evict(cache_store *store, uint64_t max_bytes, size_t *removed, char *errbuf,
                         size_t errbuf_size)
{
    write_job job = {.store = store, .err = {errbuf, errbuf_size}};
    cache_status status = begin(&job);

    *removed = 0;
    if (status != CACHE_OK)
        return status;
    int rc = job.session->data_fd >= 0 ? evict(&job, 0, &max_bytes) : 0;
    *removed = rc ? 0 : job.removed;
    status = rc == LIMIT_REACHED ? CACHE_OK : judge_lmdb(&job, rc);
    if (status == CACHE_MISS)
        status = cache_fail(job.err, "cache file '%s/%s': damaged (%s); the next store sets it aside",
                            store->path, CACHE_DATA_NAME, job.reason);
    end(&job);
    return status;
}

/* Copies what is in use to a file without free pages, beside the data file. */
static int write_compact(write_job *job, int fd)
{
    int rc = open_env(job, job->used);

    if (!rc && setjmp(job->on_assertion)) {
        job->env = NULL;
        rc = MDB_CORRUPTED;
    } else if (!rc) {
        rc = mdb_env_copyfd2(job->env, fd, MDB_CP_COMPACT);
    }
    close_env(job);
    return !rc && fsync(fd) ? errno : rc;
}

static int compact(write_job *job)
{
    cache_store *store = job->store;
    file_id id;

    if (job->used > file_size_limit())
        return EFBIG;
    if (unlinkat(store->dirfd, CACHE_COMPACT_NAME, 0) && errno != ENOENT)
        return errno;
    int fd = cache_dir_open_file(store->dirfd, store->path, CACHE_COMPACT_NAME, O_RDWR | O_CREAT,
                                 &id, NULL, job->err);
    if (fd < 0)
        return errno;
    int rc = write_compact(job, fd);
    close(fd);
    if (!rc && renameat(store->dirfd, CACHE_COMPACT_NAME, store->dirfd, CACHE_DATA_NAME))
        rc = errno;
    if (rc)
        (void)unlinkat(store->dirfd, CACHE_COMPACT_NAME, 0);
    else
        sync_dir(store);
    return rc;
}

cache_status cache_compact(cache_store *store, char *errbuf, size_t errbuf_size)
{
    write_job job = {.store = store, .err = {errbuf, errbuf_size}};
    change_list everything = {0};
    cache_status status = begin(&job);

    if (status != CACHE_OK)
        return status;
    if (job.session->data_fd >= 0 && job.session->data_size > 0)
        status = check_data(&job, &everything);
    if (status == CACHE_OK && job.used)
        status = judge_lmdb(&job, compact(&job));
    if (status == CACHE_MISS)
        status = cache_fail(job.err, "cache file '%s/%s': damaged (%s); the next store sets it aside",
                            store->path, CACHE_DATA_NAME, job.reason);
    end(&job);
    return status;
}

/* ---- Stores ---- */

static bool acceptable(const cache_store *store, size_t key_size, size_t size, cache_err err)
{
    if (store->read_only)
        cache_fail(err, "cache '%s': opened read-only", store->path);
    else if (key_size > RECORD_KEY_MAX)
        cache_fail(err, "cache '%s': the key has %zu bytes; expected at most %d", store->path,
                   key_size, RECORD_KEY_MAX);
    else if (size > RECORD_SIZE_MAX - RECORD_HEADER_SIZE - key_size)
        cache_fail(err, "cache '%s': the value has %zu bytes; expected less than %zu", store->path,
                   size, RECORD_SIZE_MAX - RECORD_HEADER_SIZE - key_size);
    else
        return true;
    return false;
}

cache_status cache_change_make(const cache_store *store, const cache_pair *pair, cache_change *out,
                               cache_err err)
{
    record_view view = {pair->key, strlen(pair->key), pair->value, pair->size, cache_now()};

    if (!acceptable(store, view.key_size, pair->size, err))
        return CACHE_ERROR;
    out->size = cache_record_size(view.key_size, pair->size);
    out->record = malloc(out->size);
    if (!out->record)
        return cache_fail(err, "cache '%s': out of memory", store->path);
    cache_record_write(out->record, &view);
    cache_digest(view.key, view.key_size, out->digest);
    return CACHE_OK;
}

cache_status cache_put(cache_store *store, const char *key, const void *value, size_t size,
                       char *errbuf, size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    cache_change change;
    cache_status status = cache_change_make(store, &(cache_pair){key, value, size}, &change, err);

    if (status != CACHE_OK)
        return status;
    status = cache_apply(store, &change, 1, NULL, err);
    free(change.record);
    return status;
}

void cache_set_limit(cache_store *store, uint64_t max_bytes, cache_evict_fn on_evict, void *user)
{
    store->max_bytes = max_bytes;
    store->on_evict = on_evict;
    store->on_evict_user = user;
}
