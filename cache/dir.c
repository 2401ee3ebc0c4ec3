#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cache/internal.h"

int (*cache_fs_type_hook)(int fd, unsigned long *type);

cache_status cache_fail(cache_err err, const char *format, ...)
{
    if (err.buf && err.size) {
        va_list args;
        va_start(args, format);
        vsnprintf(err.buf, err.size, format, args);
        va_end(args);
    }
    return CACHE_ERROR;
}

/* f_type values: linux/magic.h and the file systems' own sources. Locks or shared mappings between
 * hosts do not work, or not always, on any of these. */
static const struct {
    unsigned long type;
    const char *name;
} network_fs[] = {
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x564c, "NCP"},
    {0x73757245, "Coda"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS (kAFS)"},
    {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x7461636f, "OCFS2"},
    {0x01161970, "GFS2"},
    {0x19830326, "BeeGFS"},
    {0x20030528, "OrangeFS"},
    {0x01021997, "9p"},
    {0x786f4256, "VirtualBox shared folder"},
};

static int fs_type(int fd, unsigned long *type)
{
    struct statfs st;

    if (cache_fs_type_hook)
        return cache_fs_type_hook(fd, type);
    if (fstatfs(fd, &st))
        return -1;
    *type = (unsigned long)st.f_type & 0xffffffff;
    return 0;
}

static const char *network_fs_name(unsigned long type)
{
    for (size_t i = 0; i < sizeof network_fs / sizeof *network_fs; i++)
        if (network_fs[i].type == type)
            return network_fs[i].name;
    return NULL;
}

/* Others could plant code or swap files: whoever may write here may choose what runs. */
static bool only_ours(const struct stat *st, const char *dir, const char *slash, const char *name,
                      cache_err err)
{
    uid_t me = geteuid();

    if (st->st_uid != me && st->st_uid != 0) {
        cache_fail(err, "cache '%s%s%s': owned by uid %u; expected uid %u or 0", dir, slash, name,
                   (unsigned)st->st_uid, (unsigned)me);
        return false;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        cache_fail(err,
                   "cache '%s%s%s': mode %04o lets other users write; expected no write permission "
                   "for group"
                   " and others (chmod go-w)",
                   dir, slash, name, (unsigned)(st->st_mode & 07777));
        return false;
    }
    return true;
}

static bool dir_check(int fd, const char *path, cache_err err)
{
    struct stat st;
    unsigned long type;

    if (fstat(fd, &st) || fs_type(fd, &type)) {
        cache_fail(err, "cache directory '%s': %m", path);
        return false;
    }
    const char *network = network_fs_name(type);
    if (network) {
        cache_fail(err,
                   "cache directory '%s': on a network filesystem (%s), where locks are not "
                   "reliable; expected"
                   " a local one",
                   path, network);
        return false;
    }
    return only_ours(&st, path, "", "", err);
}

/* mkdir -p. False: errno, and part is the prefix that failed. */
static bool make_dirs(const char *path, char part[PATH_MAX])
{
    size_t len = strlen(path);

    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) == 0)
            (void)chmod(part, 0700); /* whatever the umask */
        else if (errno != EEXIST)
            return false;
        part[i] = path[i];
    }
    return true;
}

int cache_dir_open(const char *path, bool create, cache_err err)
{
    char part[PATH_MAX];

    if (!*path) {
        cache_fail(err, "cache directory: the path is empty");
        return -1;
    }
    if (strlen(path) >= sizeof part) {
        cache_fail(err, "cache directory '%.64s...': the path is longer than %d bytes", path,
                   PATH_MAX - 1);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && create) {
        if (!make_dirs(path, part)) {
            cache_fail(err, "cache directory '%s': cannot create '%s': %m", path, part);
            return -1;
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0) {
        cache_fail(err, "cache directory '%s': %m", path);
        return -1;
    }
    if (!dir_check(fd, path, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* O_CREAT is done apart and exclusively, so that a file's mode is ours whatever the umask. */
static int open_or_create(int dirfd, const char *name, int flags)
{
    int common = (flags & ~O_CREAT) | O_NOFOLLOW | O_CLOEXEC |
                 O_NONBLOCK; /* a FIFO must not block */

    for (int tries = 0; tries < 8; tries++) {
        int fd = openat(dirfd, name, common);
        if (fd >= 0 || errno != ENOENT || !(flags & O_CREAT))
            return fd;
        fd = openat(dirfd, name, common | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            (void)fchmod(fd, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

int cache_dir_open_file(int dirfd, const char *dir, const char *name, int flags, file_id *id,
                        uint64_t *size, cache_err err)
{
    struct stat st;
    int fd = open_or_create(dirfd, name, flags);

    if (fd < 0) {
        int e = errno;
        if (e == ELOOP)
            cache_fail(err, "cache file '%s/%s': is a symbolic link; expected a regular file", dir,
                       name);
        else
            cache_fail(err, "cache file '%s/%s': %m", dir, name);
        errno = e;
        return -1;
    }
    bool ok = false;
    if (fstat(fd, &st))
        cache_fail(err, "cache file '%s/%s': %m", dir, name);
    else if (!S_ISREG(st.st_mode))
        cache_fail(err, "cache file '%s/%s': not a regular file", dir, name);
    else
        ok = only_ours(&st, dir, "/", name, err);
    if (!ok) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    *id = (file_id){st.st_dev, st.st_ino};
    if (size)
        *size = (uint64_t)st.st_size;
    return fd;
}
