#include "tools/compiler/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/compiler/environment.h"

#define NAME_START "aiter-compiler-"

static char folder[PATH_MAX];
static int folder_fd = -1;

/* Empties the folder `name` in `parent` and removes it; follows no link. */
static void remove_tree(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, e->d_name, 0) && (errno == EISDIR || errno == EPERM))
            remove_tree(fd, e->d_name);
    }
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void sweep_one(int parent, const char *name)
{
    struct stat st;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_tree(parent, name);
    close(fd);
}

static void sweep(const char *parent)
{
    DIR *dir = opendir(parent);
    if (!dir)
        return;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strncmp(e->d_name, NAME_START, sizeof NAME_START - 1) == 0)
            sweep_one(dirfd(dir), e->d_name);
    }
    closedir(dir);
}

/* Whether the folder is locked by us and still has its name. Between its creation and the lock
 * another process may have swept it up. A file system without locks (some network ones) is no
 * obstacle: nothing can be swept up there. */
static bool keep_folder(void)
{
    struct stat st;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd < 0)
        return false;
    while (flock(folder_fd, LOCK_EX) && errno == EINTR)
        continue;
    if (fstat(folder_fd, &st) == 0 && st.st_nlink > 0 && access(folder, F_OK) == 0)
        return true;
    close(folder_fd);
    folder_fd = -1;
    return false;
}

/* Returns 0 or an errno value. */
static int make_folder(const char *parent)
{
    for (int tries = 0; tries < 100; tries++) {
        if (snprintf(folder, sizeof folder, "%s/" NAME_START "XXXXXX", parent) >=
            (int)sizeof folder)
            return ENAMETOOLONG;
        if (!mkdtemp(folder))
            return errno;
        if (keep_folder())
            return 0;
    }
    return EAGAIN;
}

/* A probe that a full or quota-bound file system fails. */
static int probe(void)
{
    static const char bytes[4096];
    int fd = openat(folder_fd, "probe", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    ssize_t n = write(fd, bytes, sizeof bytes);
    int rc = n == (ssize_t)sizeof bytes ? 0 : n < 0 ? errno : ENOSPC;
    close(fd);
    unlinkat(folder_fd, "probe", 0);
    return rc;
}

bool scratch_enter(text *err)
{
    char parent[PATH_MAX];
    int rc = realpath(environment_tmpdir(), parent) ? 0 : errno;
    if (!rc) {
        sweep(parent);
        rc = make_folder(parent);
    }
    if (!rc)
        rc = probe();
    if (!rc && fchdir(folder_fd))
        rc = errno;
    if (!rc)
        rc = setenv("TMPDIR", ".", 1) ? errno : 0;
    if (!rc)
        return true;
    text_print(err, "cannot use %s as the folder for temporary files (TMPDIR, else /tmp): %s",
               environment_tmpdir(), strerror(rc));
    scratch_remove();
    return false;
}

void scratch_remove(void)
{
    if (folder_fd >= 0)
        remove_tree(AT_FDCWD, folder);
}
