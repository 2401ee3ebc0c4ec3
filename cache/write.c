/* Stores and removals. The LMDB environment lives for one of them only, inside the exclusive lock:
 * opening costs a fraction of what a durable commit does, and it makes most of LMDB's hazards
 * impossible: two environments on one file in a process, a map that another process outgrew, a file
 * cut short under a long-lived map, a fork. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/write.h"

/* ---- Checking, before LMDB may follow what is in the file ---- */

int cache_change_compare(const void *a, const void *b)
{
    const cache_change *x = a, *y = b;

    return memcmp(x->digest, y->digest, CACHE_DIGEST_SIZE);
}

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

cache_status cache_write_check(write_job *job, const change_list *changes)
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

/* By way of the directory's descriptor where there is a /proc: the path may lead elsewhere by
 * now. */
static int data_path(const write_job *job, char path[4096])
{
    snprintf(path, 4096, "/proc/self/fd/%d/%s", job->store->dirfd, CACHE_DATA_NAME);
    if (access(path, F_OK) == 0)
        return 0;
    int n = snprintf(path, 4096, "%s/%s", job->store->path, CACHE_DATA_NAME);
    return n < 4096 ? 0 : ENAMETOOLONG;
}

int cache_write_open_env(write_job *job, size_t map_size)
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

void cache_write_close_env(write_job *job)
{
    if (job->env)
        mdb_env_close(job->env);
    job->env = NULL;
}

int cache_write_with_map(write_job *job, const change_list *changes, size_t map_size)
{
    int rc = cache_write_open_env(job, map_size);

    if (!rc)
        rc = commit_changes(job, changes);
    cache_write_close_env(job);
    return rc;
}

size_t cache_file_size_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return (size_t)1 << 46;
    return limit.rlim_cur & ~(rlim_t)0xffff;
}

/* ---- Room ---- */

/* Grows the map until the records fit, and evicts others if it may not grow. MDB_MAP_FULL leaves
 * the file as it was. LMDB uses pages again that were freed two transactions ago; so the second
 * eviction, at the latest, makes room. A part of the limit is left to the evictions' own pages. */
static int change_growing(write_job *job, const change_list *changes)
{
    size_t limit = cache_file_size_limit(), cap = job->store->max_bytes, need = 0;

    for (size_t i = 0; i < changes->count; i++)
        need += changes->items[i].size;
    if (cap && need > cap / 2)
        return LIMIT_REACHED;
    size_t map_size = ((size_t)job->used + 2 * need + CACHE_TREE_ROOM) & ~(size_t)0xffff;
    for (;;) {
        /* An eviction may have taken pages of the reserve into use. */
        size_t bound = limit;
        if (cap && need)
            bound = at_most(limit, at_least(cap - cache_reserve(cap), job->used));
        map_size = at_most(map_size, bound);
        if (map_size < job->used || (map_size == job->used && bound == limit))
            return EFBIG;
        int rc = cache_write_with_map(job, changes, map_size);
        if (rc != MDB_MAP_FULL)
            return rc;
        if (map_size == bound && bound == limit)
            return EFBIG;
        if (map_size == bound && (rc = cache_make_room(job, at_least(cap / 8, 2 * need), NULL)))
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

void cache_write_sync_dir(const cache_store *store)
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
    cache_write_sync_dir(store);
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

cache_status cache_write_judge(write_job *job, int rc)
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

cache_status cache_write_refuse_damage(const write_job *job, cache_status status)
{
    if (status != CACHE_MISS)
        return status;
    return cache_fail(job->err, "cache file '%s/%s': damaged (%s); the next store sets it aside",
                      job->store->path, CACHE_DATA_NAME, job->reason);
}

static cache_status change_once(write_job *job, const change_list *changes)
{
    cache_status status = ensure_data(job);

    if (status == CACHE_OK)
        status = cache_write_check(job, changes);
    return status == CACHE_OK ? cache_write_judge(job, change_growing(job, changes)) : status;
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

cache_status cache_write_begin(write_job *job)
{
    if (job->store->read_only)
        return cache_fail(job->err, "cache '%s': opened read-only", job->store->path);
    return cache_session_begin(job->store, true, &job->session, job->err);
}

void cache_write_end(write_job *job)
{
    cache_session_end(job->store, job->session);
    cache_report_evicted(job);
}

cache_status cache_apply(cache_store *store, const cache_change *changes, size_t count,
                         size_t *removed, cache_err err)
{
    write_job job = {.store = store, .err = err};
    change_list list = {changes, count};
    cache_status status = cache_write_begin(&job);

    if (status != CACHE_OK)
        return status;
    status = change_locked(&job, &list);
    /* Before the lock goes to somebody who may evict: without a time, it would be the oldest. */
    for (size_t i = 0; i < count && status == CACHE_OK; i++)
        if (changes[i].record)
            cache_used_touch(store, changes[i].digest, true);
    cache_write_end(&job);
    if (removed)
        *removed = status == CACHE_OK ? job.removed : 0;
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
    uint64_t now = cache_now_ms() / 1000;
    record_view view = {pair->key, strlen(pair->key), pair->value, pair->size, now};

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
