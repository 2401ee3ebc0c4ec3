/* Stores. The LMDB environment lives for one store only, inside the exclusive lock: opening costs a
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
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "cache/internal.h"
#include "cache/lmdb_file.h"
#include "cache/record.h"

typedef struct store_job {
    cache_store *store;
    session *session;
    unsigned char digest[CACHE_DIGEST_SIZE];
    record_view record;
    cache_err err;
    char reason[160]; /* why the data file is damaged */
    MDB_env *env;
    jmp_buf on_assertion;
} store_job;

/* The whole tree, under the exclusive lock, before LMDB may follow it. */
static cache_status check_data(store_job *job, uint64_t *used)
{
    lmdb_file f;
    lmdb_result r = cache_lmdb_file_open(&f, job->session->data_fd, job->session->data_size);

    *used = 0;
    if (r == LMDB_NOT_FOUND)
        return CACHE_OK;
    if (r == LMDB_FOUND)
        r = cache_lmdb_check(&f, job->digest, sizeof job->digest, NULL, NULL);
    if (r == LMDB_DAMAGED) {
        snprintf(job->reason, sizeof job->reason, "%s", f.why);
        return CACHE_MISS;
    }
    if (r == LMDB_IO_ERROR)
        return cache_fail(job->err, "cache file '%s/%s': cannot be read: %m", job->store->path,
                          CACHE_DATA_NAME);
    *used = f.page_count * f.page_size;
    return CACHE_OK;
}

/* LMDB aborts the process after this returns; so it does not return. */
static void on_assertion(MDB_env *env, const char *message)
{
    store_job *job = mdb_env_get_userctx(env);

    snprintf(job->reason, sizeof job->reason, "LMDB: %.140s", message);
    longjmp(job->on_assertion, 1);
}

static int put_in_txn(store_job *job, MDB_txn *txn)
{
    const record_view *r = &job->record;
    MDB_val key = {sizeof job->digest, job->digest};
    MDB_val data = {cache_record_size(r->key_size, r->value_size), NULL};
    MDB_dbi dbi;
    int rc = mdb_dbi_open(txn, NULL, 0, &dbi);

    if (!rc)
        rc = mdb_put(txn, dbi, &key, &data, MDB_RESERVE);
    if (!rc)
        cache_record_write(data.mv_data, r);
    return rc;
}

static int commit_put(store_job *job)
{
    MDB_txn *txn;

    /* After an assertion the environment's state is unknown: it is given up with its memory. */
    if (setjmp(job->on_assertion)) {
        job->env = NULL;
        return MDB_CORRUPTED;
    }
    int rc = mdb_txn_begin(job->env, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = put_in_txn(job, txn);
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB opens by path; what it opened must be what was checked. */
static int check_same_file(store_job *job)
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

static int put_with_map(store_job *job, size_t map_size)
{
    char path[4096];
    int rc = mdb_env_create(&job->env);

    if (rc)
        return rc;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", job->store->path, CACHE_DATA_NAME) >=
        sizeof path)
        rc = ENAMETOOLONG;
    if (!rc)
        rc = mdb_env_set_mapsize(job->env, map_size);
    if (!rc)
        rc = mdb_env_open(job->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (!rc)
        rc = check_same_file(job);
    if (!rc) {
        mdb_env_set_userctx(job->env, job);
        mdb_env_set_assert(job->env, on_assertion);
        rc = commit_put(job);
    }
    if (job->env)
        mdb_env_close(job->env);
    job->env = NULL;
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

/* Grows the map until the record fits. MDB_MAP_FULL leaves the file as it was. */
static int put_growing(store_job *job, uint64_t used)
{
    size_t limit = file_size_limit();
    size_t need = cache_record_size(job->record.key_size, job->record.value_size);
    /* The record once more, for its replacement, and space for the pages of the tree and the free
     * list. */
    size_t map_size = ((size_t)used + 2 * need + ((size_t)1 << 20)) & ~(size_t)0xffff;
    int rc;

    do {
        if (map_size > limit)
            map_size = limit;
        if (map_size <= used)
            return EFBIG;
        rc = put_with_map(job, map_size);
        if (rc == MDB_MAP_FULL && map_size == limit)
            return EFBIG;
        map_size *= 2;
    } while (rc == MDB_MAP_FULL);
    return rc;
}

/* LMDB reports a write that was cut short as EIO; nearly always the disk is full. */
static int explain(store_job *job, int rc)
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

/* Makes the data file exist. It is empty then, which LMDB takes for a new database. */
static cache_status ensure_data(store_job *job)
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
    (void)fsync(store->dirfd); /* the name, too, is to survive a power cut */
    return cache_session_refresh(store, job->session, job->err);
}

/* One damaged file is kept for whoever wants to look at it; an older one is replaced. */
static cache_status set_aside(store_job *job)
{
    cache_store *store = job->store;

    if (renameat(store->dirfd, CACHE_DATA_NAME, store->dirfd, CACHE_DAMAGED_NAME))
        return cache_fail(job->err, "cache file '%s/%s': damaged (%s) and cannot be set aside: %m",
                          store->path, CACHE_DATA_NAME, job->reason);
    return cache_session_refresh(store, job->session, job->err);
}

/* CACHE_MISS: the data file is damaged. */
static cache_status put_once(store_job *job)
{
    uint64_t used;
    cache_status status = ensure_data(job);

    if (status == CACHE_OK)
        status = check_data(job, &used);
    if (status != CACHE_OK)
        return status;
    int rc = explain(job, put_growing(job, used));
    if (!rc)
        return CACHE_OK;
    if (is_damage(rc)) {
        if (!*job->reason)
            snprintf(job->reason, sizeof job->reason, "%s", mdb_strerror(rc));
        return CACHE_MISS;
    }
    return cache_fail(job->err, "cache file '%s/%s': storing %zu bytes: %s", job->store->path,
                      CACHE_DATA_NAME, job->record.value_size, mdb_strerror(rc));
}

static cache_status put_locked(store_job *job)
{
    cache_status status = put_once(job);

    if (status == CACHE_MISS && (status = set_aside(job)) == CACHE_OK)
        status = put_once(job);
    if (status == CACHE_MISS)
        status = cache_fail(job->err, "cache file '%s/%s': damaged as soon as it was made: %s",
                            job->store->path, CACHE_DATA_NAME, job->reason);
    return status;
}

static bool acceptable(cache_store *store, size_t key_size, size_t size, cache_err err)
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

cache_status cache_put(cache_store *store, const char *key, const void *value, size_t size,
                       char *errbuf, size_t errbuf_size)
{
    store_job job = {.store = store, .err = {errbuf, errbuf_size}};
    time_t now = time(NULL);

    job.record = (record_view){key, strlen(key), value, size, now > 0 ? (uint64_t)now : 0};
    if (!acceptable(store, job.record.key_size, size, job.err))
        return CACHE_ERROR;
    cache_digest(key, job.record.key_size, job.digest);
    cache_status status = cache_session_begin(store, true, &job.session, job.err);
    if (status != CACHE_OK)
        return status;
    status = put_locked(&job);
    cache_session_end(store, job.session);
    return status;
}
