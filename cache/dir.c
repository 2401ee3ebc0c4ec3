#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* This process's user, root, and who owns "/": in a user namespace that root is not mapped into,
 * its files belong to the overflow uid. */
static bool trusted(uid_t uid)
{
    struct stat root;

    return uid == 0 || uid == geteuid() || (stat("/", &root) == 0 && uid == root.st_uid);
}

/* Others could plant code or swap files: whoever may write here may choose what runs. */
static bool only_ours(const struct stat *st, const char *what, cache_err err)
{
    if (!trusted(st->st_uid))
        cache_fail(err, "cache '%s': owned by uid %u; expected uid %u or 0", what,
                   (unsigned)st->st_uid, (unsigned)geteuid());
    else if (st->st_mode & (S_IWGRP | S_IWOTH))
        cache_fail(err,
                   "cache '%s': mode %04o lets other users write; expected no write permission for "
                   "group and others (chmod go-w)",
                   what, (unsigned)(st->st_mode & 07777));
    else
        return true;
    return false;
}

/* ---- The way to the directory ----
 *
 * What was checked is what is used, whatever is renamed meanwhile: everything is judged by its
 * descriptor. Where no symbolic link is on the way, one call opens the directory. Else each
 * component is opened relative to the one before, without following links; a link must belong to us
 * or root, and is followed by its text. So nobody else can lead us to a directory of ours that was
 * not meant. Who may write or owns a directory above (the root of a Kubernetes volume is writable by
 * all) could only rename: what is in the place then is used if it, too, is ours alone. */

/* -1: there is a link, or something else is the matter; the walk will tell. */
static int open_straight(const char *path)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS};

    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how); /* Linux 5.6 */
}

typedef struct walk {
    int fd;              /* O_PATH: where we are; AT_FDCWD before the first component     */
    const char *slash;   /* "/": where we are is the root, whatever fd is                 */
    struct stat st;      /* of the last component                                         */
    char at[PATH_MAX];   /* the same as text, for messages                                */
    char rest[PATH_MAX]; /* still to go: what is left of links, then of the path          */
    size_t own;          /* this many bytes at its end are the path's own                 */
    int links;           /* followed so far                                               */
    bool create;
} walk;

/* fd, or the root, becomes where we are. */
static bool walk_enter(walk *w, int fd, const char *slash)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->slash = slash;
    return true;
}

/* False: errno. */
static bool walk_follow(walk *w, const char *link_text)
{
    enum { LINKS_MAX = 40 }; /* as the kernel */
    char joined[PATH_MAX];

    if (++w->links > LINKS_MAX)
        return errno = ELOOP, false;
    if ((size_t)snprintf(joined, sizeof joined, "%s/%s", link_text, w->rest) >= sizeof joined)
        return errno = ENAMETOOLONG, false;
    memcpy(w->rest, joined, strlen(joined) + 1);
    if (*link_text != '/')
        return true;
    w->at[0] = '\0';
    return walk_enter(w, AT_FDCWD, "/");
}

/* 0700 whatever the umask. */
static bool make_dir(int dirfd, const char *name)
{
    if (mkdirat(dirfd, name, 0700))
        return errno == EEXIST;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        (void)fchmod(fd, 0700);
        close(fd);
    }
    return true;
}

/* The component's descriptor; makes the directory unless a link's text asks for it. */
static int walk_open(const walk *w, const char *name, bool may_create)
{
    enum { FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC };
    int fd = openat(w->fd, name, FLAGS);

    if (fd >= 0 || errno != ENOENT || !may_create)
        return fd;
    return make_dir(w->fd, name) ? openat(w->fd, name, FLAGS) : -1;
}

/* Is the end of fd, which is the link. */
static bool walk_link(walk *w, int fd)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(fd, "", text, sizeof text - 1);

    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    return walk_follow(w, text);
}

static bool refuse(int fd, int error)
{
    close(fd);
    errno = error;
    return false;
}

/* One component. False: errno, 0 if it is a link whose owner is not to be trusted. */
static bool walk_step(walk *w)
{
    char name[PATH_MAX];
    const char *start = w->rest + strspn(w->rest, "/");
    size_t length = strcspn(start, "/"), at = strlen(w->at);
    bool may_create = w->create && strlen(start) <= w->own;

    snprintf(name, sizeof name, "%s%.*s", w->slash, (int)length, start);
    memmove(w->rest, start + length, strlen(start + length) + 1);
    if (strlen(w->rest) < w->own)
        w->own = strlen(w->rest);
    snprintf(w->at + at, sizeof w->at - at, "%s%s", at ? "/" : "", name);
    int fd = walk_open(w, name, may_create);
    if (fd < 0)
        return false;
    if (fstat(fd, &w->st))
        return refuse(fd, errno);
    if (S_ISLNK(w->st.st_mode))
        return trusted(w->st.st_uid) ? walk_link(w, fd) : refuse(fd, 0);
    return S_ISDIR(w->st.st_mode) ? walk_enter(w, fd, "") : refuse(fd, ENOTDIR);
}

static bool walk_all(walk *w, const char *path)
{
    const char *to = path[strspn(path, "/")] ? path : "/."; /* a step at least */

    w->slash = *to == '/' ? "/" : "";
    memcpy(w->rest, to, strlen(to) + 1);
    w->own = strlen(to);
    while (w->rest[strspn(w->rest, "/")])
        if (!walk_step(w))
            return false;
    return true;
}

/* The directory's descriptor, -1: a message. */
static int walk_path(const char *path, bool create, cache_err err)
{
    walk w = {.fd = AT_FDCWD, .create = create};

    if (walk_all(&w, path))
        return w.fd;
    if (errno && strcmp(path, w.at) == 0)
        cache_fail(err, "cache directory '%s': %m", path);
    else if (errno)
        cache_fail(err, "cache directory '%s': '%s': %m", path, w.at);
    else
        cache_fail(err,
                   "cache directory '%s': '%s' is a symbolic link owned by uid %u; expected uid %u "
                   "or 0",
                   path, w.at, (unsigned)w.st.st_uid, (unsigned)geteuid());
    if (w.fd >= 0)
        close(w.fd);
    return -1;
}

/* ---- Directories and files ---- */

static bool is_local(int fd, const char *path, cache_err err)
{
    unsigned long type;

    if (fs_type(fd, &type)) {
        cache_fail(err, "cache directory '%s': %m", path);
        return false;
    }
    const char *network = network_fs_name(type);
    if (network)
        cache_fail(err,
                   "cache directory '%s': on a network filesystem (%s), where locks are not "
                   "reliable; expected a local one",
                   path, network);
    return !network;
}

static bool dir_check(int fd, const char *path, bool local, file_id *id, cache_err err)
{
    struct stat st;

    if (fstat(fd, &st)) {
        cache_fail(err, "cache directory '%s': %m", path);
        return false;
    }
    *id = (file_id){st.st_dev, st.st_ino};
    return only_ours(&st, path, err) && (!local || is_local(fd, path, err));
}

int cache_dir_open(const char *path, bool writable, file_id *id, cache_err err)
{
    if (!*path) {
        cache_fail(err, "cache directory: the path is empty");
        return -1;
    }
    if (strlen(path) >= PATH_MAX) {
        cache_fail(err, "cache directory '%.64s...': the path is longer than %d bytes", path,
                   PATH_MAX - 1);
        return -1;
    }
    int fd = open_straight(path);
    if (fd < 0)
        fd = walk_path(path, writable, err);
    if (fd >= 0 && !dir_check(fd, path, writable, id, err)) {
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

static bool file_check(const struct stat *st, const char *dir, const char *name, cache_err err)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (S_ISLNK(st->st_mode))
        cache_fail(err, "cache file '%s': is a symbolic link; expected a regular file", path);
    else if (!S_ISREG(st->st_mode))
        cache_fail(err, "cache file '%s': not a regular file", path);
    else
        return only_ours(st, path, err);
    return false;
}

bool cache_dir_check_file(int dirfd, const char *dir, const char *name, cache_err err)
{
    struct stat st;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return file_check(&st, dir, name, err);
    if (errno == ENOENT)
        return true;
    cache_fail(err, "cache file '%s/%s': %m", dir, name);
    return false;
}

int cache_dir_open_file(int dirfd, const char *dir, const char *name, int flags, file_id *id,
                        uint64_t *size, cache_err err)
{
    struct stat st;
    int fd = open_or_create(dirfd, name, flags);

    if (fd < 0) {
        int e = errno;
        if (e != ELOOP || cache_dir_check_file(dirfd, dir, name, err))
            cache_fail(err, "cache file '%s/%s': %m", dir, name);
        errno = e;
        return -1;
    }
    if (fstat(fd, &st) ? cache_fail(err, "cache file '%s/%s': %m", dir, name)
                       : !file_check(&st, dir, name, err)) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    *id = (file_id){st.st_dev, st.st_ino};
    if (size)
        *size = (uint64_t)st.st_size;
    return fd;
}
