#include "tools/precompile/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fail(char error[FILE_ERROR_MAX], const char *doing, const char *path)
{
    snprintf(error, FILE_ERROR_MAX, "cannot %s %.400s: %s", doing, path, strerror(errno));
    return false;
}

/* ---- In ---- */

/* Makes room for at least one more byte and a NUL. */
static bool grow(char **data, size_t *room)
{
    enum { FIRST = 65536 };
    const size_t larger = *room ? 2 * *room : FIRST;
    char *grown = realloc(*data, larger);

    if (grown) {
        *data = grown;
        *room = larger;
    }
    return grown != NULL;
}

static bool read_all(int fd, size_t limit, char **data, size_t *size)
{
    size_t room = 0;
    ssize_t n = 1;

    while (n > 0) {
        if (*size + 1 >= room && !grow(data, &room))
            return false;
        n = read(fd, *data + *size, room - *size - 1);
        if (n > 0)
            *size += (size_t)n;
        if (*size > limit)
            errno = EFBIG;
        if (n < 0 || *size > limit)
            return false;
    }
    (*data)[*size] = '\0';
    return true;
}

bool file_read(const char *path, size_t limit, char **data, size_t *size,
               char error[FILE_ERROR_MAX])
{
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    *data = NULL;
    *size = 0;
    bool good = fd >= 0 && read_all(fd, limit, data, size);
    if (!good) {
        fail(error, "read", standard ? "standard input" : path);
        free(*data);
        *data = NULL;
    }
    if (fd >= 0 && !standard)
        close(fd);
    return good;
}

/* ---- Out ---- */

/* DIR/.NAME.PID for DIR/NAME. */
static bool name_temporary(file_out *out)
{
    const char *slash = strrchr(out->path, '/');
    const int dir = slash ? (int)(slash + 1 - out->path) : 0;

    return snprintf(out->temporary, sizeof out->temporary, "%.*s.%s.%ld", dir, out->path,
                    out->path + dir, (long)getpid()) < (int)sizeof out->temporary;
}

bool file_create(file_out *out, const char *path, mode_t mode, char error[FILE_ERROR_MAX])
{
    out->fd = -1;
    if (snprintf(out->path, sizeof out->path, "%s", path) >= (int)sizeof out->path ||
        !name_temporary(out)) {
        errno = ENAMETOOLONG;
        return fail(error, "write", path);
    }
    out->fd = open(out->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    return out->fd >= 0 || fail(error, "create", out->path);
}

bool file_write(file_out *out, const void *data, size_t size, char error[FILE_ERROR_MAX])
{
    const char *at = data;

    while (size > 0) {
        const ssize_t n = write(out->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(error, "write", out->path);
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool file_commit(file_out *out, char error[FILE_ERROR_MAX])
{
    const int synced = fsync(out->fd), closed = close(out->fd);

    out->fd = -1;
    if (synced == 0 && closed == 0 && rename(out->temporary, out->path) == 0)
        return true;
    fail(error, "write", out->path);
    unlink(out->temporary);
    return false;
}

void file_abandon(file_out *out)
{
    if (out->fd < 0)
        return;
    close(out->fd);
    unlink(out->temporary);
    out->fd = -1;
}
