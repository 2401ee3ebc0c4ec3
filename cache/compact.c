/* Giving free pages back to the file system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cache/write.h"

/* Copies what is in use to a file without free pages, beside the data file. */
static int write_compact(write_job *job, int fd)
{
    int rc = cache_write_open_env(job, job->used);

    if (!rc && setjmp(job->on_assertion)) {
        job->env = NULL;
        rc = MDB_CORRUPTED;
    } else if (!rc) {
        rc = mdb_env_copyfd2(job->env, fd, MDB_CP_COMPACT);
    }
    cache_write_close_env(job);
    return !rc && fsync(fd) ? errno : rc;
}

static int compact(write_job *job)
{
    cache_store *store = job->store;
    file_id id;

    if (job->used > cache_file_size_limit())
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
        cache_write_sync_dir(store);
    return rc;
}

cache_status cache_compact(cache_store *store, char *errbuf, size_t errbuf_size)
{
    write_job job = {.store = store, .err = {errbuf, errbuf_size}};
    change_list everything = {0};
    cache_status status = cache_write_begin(&job);

    if (status != CACHE_OK)
        return status;
    if (job.session->data_fd >= 0 && job.session->data_size > 0)
        status = cache_write_check(&job, &everything);
    if (status == CACHE_OK && job.used)
        status = cache_write_judge(&job, compact(&job));
    status = cache_write_refuse_damage(&job, status);
    cache_write_end(&job);
    return status;
}
