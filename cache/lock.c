/* Locks: open-file-description byte-range locks (F_OFD_SETLK) on the side file `lock`.
 *
 * Why these. A traditional fcntl lock belongs to the process: threads do not exclude each other,
 * and closing any descriptor of the file drops it. flock() locks the whole file: one lock per file,
 * where we need a gate, the data and one per key. An OFD lock belongs to the open file description:
 * it works between threads and between processes, whatever their pid namespace, and the kernel
 * drops it with the last descriptor, however the holder died. There is nothing to clean up. There
 * is no timed variant, so waiting is polling with growing pauses. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/internal.h"

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;
static lock_handle *handles; /* every open one in this process */

/* A page that the kernel gives to a child as zeros, however it was made: the byte says whether this
 * still is the process that opened the handles, without a system call. NULL: ask for the pid. Made
 * with the first handle, so that a process that only finds what it needs does without. */
static unsigned char *same_process;
static pid_t handles_pid;

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) == 0)
        same_process = page;
    else if (page != MAP_FAILED)
        munmap(page, size);
}

static void note_process(void)
{
    if (!same_process)
        make_page();
    if (same_process)
        *same_process = 1;
    handles_pid = getpid();
}

static bool is_child(void) { return same_process ? !*same_process : handles_pid != getpid(); }

/* In a child: its copies of the parent's descriptors share the parent's locks. Using one would
 * change them, keeping one would keep them after the parent's death. */
static void drop_inherited(void)
{
    for (lock_handle *h = handles, *next; h; h = next) {
        next = h->next;
        close(h->fd);
        h->fd = -1;
        h->prev = h->next = NULL;
    }
    handles = NULL;
}

static void before_fork(void) { pthread_mutex_lock(&registry); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&registry); }

static void after_fork_in_child(void)
{
    drop_inherited();
    pthread_mutex_unlock(&registry);
}

static void registry_init(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void cache_lock_registry_enter(void)
{
    pthread_once(&registry_once, registry_init);
    pthread_mutex_lock(&registry);
    if (handles && is_child()) /* made by a clone() past the handlers */
        drop_inherited();
}

void cache_lock_registry_leave(void) { pthread_mutex_unlock(&registry); }

static void registry_add(lock_handle *h)
{
    if (!handles)
        note_process();
    h->prev = NULL;
    h->next = handles;
    if (handles)
        handles->prev = h;
    handles = h;
}

static void registry_remove(lock_handle *h)
{
    if (h->prev)
        h->prev->next = h->next;
    else
        handles = h->next;
    if (h->next)
        h->next->prev = h->prev;
    h->prev = h->next = NULL;
}

cache_status cache_lock_open(lock_handle *h, int dirfd, const char *dir, bool writable,
                             cache_err err)
{
    int flags = writable ? O_RDWR | O_CREAT : O_RDONLY;

    /* Opened and registered in one: a fork between the two would leave the child a copy. */
    cache_lock_registry_enter();
    h->fd = cache_dir_open_file(dirfd, dir, CACHE_LOCK_NAME, flags, &h->id, NULL, err);
    if (h->fd >= 0)
        registry_add(h);
    cache_lock_registry_leave();
    return h->fd >= 0 ? CACHE_OK : CACHE_ERROR;
}

void cache_lock_close(lock_handle *h)
{
    cache_lock_registry_enter();
    if (h->fd >= 0) {
        registry_remove(h);
        close(h->fd);
        h->fd = -1;
    }
    cache_lock_registry_leave();
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    nanosleep(&t, NULL); /* an early return only means an early look */
}

static bool try_lock(const lock_handle *h, short type, off_t start, off_t len)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    return fcntl(h->fd, F_OFD_SETLK, &range) == 0;
}

cache_status cache_lock_range(const lock_handle *h, short type, off_t start, off_t len, int wait_ms)
{
    enum { FIRST_PAUSE_NS = 20000, LONGEST_PAUSE_NS = 2000000 };
    int64_t pause = FIRST_PAUSE_NS, deadline = 0;

    while (!try_lock(h, type, start, len)) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return CACHE_ERROR;
        int64_t now = now_ns();
        if (!deadline)
            deadline = now + (int64_t)wait_ms * 1000000;
        if (now >= deadline)
            return CACHE_TIMEOUT;
        pause_ns(pause < deadline - now ? pause : deadline - now);
        pause = pause * 2 < LONGEST_PAUSE_NS ? pause * 2 : LONGEST_PAUSE_NS;
    }
    return CACHE_OK;
}

void cache_lock_release(const lock_handle *h, off_t start, off_t len)
{
    if (h->fd >= 0)
        try_lock(h, F_UNLCK, start, len);
}

bool cache_lock_is_current(const lock_handle *h, int dirfd)
{
    struct stat st;

    return fstatat(dirfd, CACHE_LOCK_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == h->id.dev && st.st_ino == h->id.ino;
}
