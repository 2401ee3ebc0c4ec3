#include "tests/cache/fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static fault armed;
static unsigned armed_calls;
static int armed_error, calls_left;
static bool happened;

void fault_arm(fault kind, unsigned calls, int error, int nth)
{
    armed_calls = calls;
    armed_error = error;
    calls_left = nth;
    happened = false;
    armed = kind;
}

bool fault_disarm(void)
{
    bool was = happened;

    armed = FAULT_NONE;
    happened = false;
    return was;
}

static bool fault_now(unsigned call)
{
    if (armed == FAULT_NONE || !(armed_calls & call) || --calls_left != 0)
        return false;
    happened = true;
    return true;
}

static bool fails(unsigned call)
{
    if (!fault_now(call))
        return false;
    if (armed == FAULT_DIE)
        _exit(42);
    errno = armed_error;
    return true;
}

#define VISIBLE __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* What a write of `size` bytes or buffers shall do now. Returns how many to write; -1: fail. */
static ssize_t fault_size(size_t size, bool *die)
{
    *die = false;
    if (!fault_now(CALL_WRITE))
        return (ssize_t)size;
    if (armed == FAULT_FAIL) {
        errno = armed_error;
        return -1;
    }
    *die = armed == FAULT_DIE;
    return (ssize_t)(size / 2);
}

static ssize_t after_write(ssize_t n, bool die)
{
    if (die)
        _exit(42);
    return n;
}

VISIBLE ssize_t pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    bool die;
    ssize_t n = fault_size(size, &die);

    return n < 0 ? n : after_write(REAL(pwrite)(fd, buf, (size_t)n, offset), die);
}

VISIBLE ssize_t pwrite64(int fd, const void *buf, size_t size, off64_t offset)
{
    return pwrite(fd, buf, size, offset);
}

VISIBLE ssize_t writev(int fd, const struct iovec *iov, int count)
{
    bool die;
    ssize_t n = fault_size((size_t)count, &die);

    return n <= 0 ? after_write(n, die) : after_write(REAL(writev)(fd, iov, (int)n), die);
}

VISIBLE int fdatasync(int fd) { return fails(CALL_WRITE) ? -1 : REAL(fdatasync)(fd); }

VISIBLE ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
    return fails(CALL_READ) ? -1 : REAL(pread)(fd, buf, size, offset);
}

VISIBLE void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails(CALL_MAP) ? MAP_FAILED : REAL(mmap)(at, size, protection, flags, fd, offset);
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

VISIBLE int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return fails(CALL_OPEN) ? -1 : REAL(open)(path, flags, mode);
}

VISIBLE int openat(int dirfd, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return fails(CALL_OPEN) ? -1 : REAL(openat)(dirfd, path, flags, mode);
}

VISIBLE int fcntl(int fd, int command, ...)
{
    va_list args;

    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return command == F_OFD_SETLK && fails(CALL_LOCK) ? -1 : REAL(fcntl)(fd, command, argument);
}

/* Under other names than libc's: dlsym() allocates. A sanitizer has an allocator of its own. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

VISIBLE void *malloc(size_t size) { return fails(CALL_MEMORY) ? NULL : __libc_malloc(size); }

VISIBLE void *calloc(size_t count, size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_calloc(count, size);
}

VISIBLE void *realloc(void *old, size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_realloc(old, size);
}

VISIBLE int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = fails(CALL_MEMORY) ? NULL : __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
#endif
