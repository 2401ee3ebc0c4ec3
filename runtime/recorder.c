#include "runtime/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What this process has recorded: contexts share it, so it lives as long as the process. */
typedef struct entry {
    struct entry *next;
    const char *config; /* behind the path */
    char path[];
} entry;

static _Atomic(entry *) entries;

static entry *make_entry(const char *path, const char *config)
{
    size_t path_size = strlen(path) + 1, config_size = strlen(config) + 1;
    entry *e = malloc(sizeof *e + path_size + config_size);
    if (!e)
        return NULL;
    memcpy(e->path, path, path_size);
    memcpy(e->path + path_size, config, config_size);
    e->config = e->path + path_size;
    return e;
}

/* Is it in the list from `at` up to `end`? */
static bool is_listed(const entry *at, const entry *end, const char *path, const char *config)
{
    for (; at != end; at = at->next)
        if (strcmp(at->config, config) == 0 && strcmp(at->path, path) == 0)
            return true;
    return false;
}

/* The list only grows, at its head: who loses a race looks at what is new, and tries again. */
static bool is_first(const char *path, const char *config)
{
    entry *head = atomic_load(&entries), *seen = NULL;
    if (is_listed(head, NULL, path, config))
        return false;
    entry *mine = make_entry(path, config);
    if (!mine)
        return false;
    do {
        mine->next = seen = head;
        if (atomic_compare_exchange_strong(&entries, &head, mine))
            return true;
    } while (!is_listed(head, seen, path, config));
    free(mine);
    return false;
}

/* Not a pipe, whose reader may be gone or slow. */
static int open_file(const char *path)
{
    struct stat st;
    struct rlimit limit;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (fd < 0)
        return -1;
    int error = fstat(fd, &st) ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    /* Beyond the limit, the kernel would send SIGXFSZ. */
    enum { MARGIN = 4096 };
    if (!error && getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        (uint64_t)st.st_size + MARGIN > limit.rlim_cur)
        error = EFBIG;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static bool append(const char *path, const char *line, size_t size)
{
    int fd = open_file(path);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* what a short write means */
    bool whole = write(fd, line, size) == (ssize_t)size;
    int error = errno;
    close(fd);
    errno = error;
    return whole;
}

void rt_record(const char *path, const char *config, const rt_logger *log)
{
    size_t length = strlen(config);
    if (!is_first(path, config))
        return;
    char *line = malloc(length + 1);
    if (!line)
        return;
    memcpy(line, config, length);
    line[length] = '\n';
    if (!append(path, line, length + 1))
        rt_log(log, AITER_LOG_WARNING, "%s could not be recorded in %s: %s", config, path,
               strerror(errno));
    free(line);
}
