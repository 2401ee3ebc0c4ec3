/* System calls that fail on demand. A program that links fault.c, and exports its symbols, defines
 * the calls that the cache and liblmdb make; its definitions come before libc's. Shared with
 * tests/proof. */
#ifndef AITER_TESTS_CACHE_FAULT_H
#define AITER_TESTS_CACHE_FAULT_H

#include <stdbool.h>

typedef enum fault {
    FAULT_NONE,
    FAULT_FAIL,  /* the call returns -1 (NULL, MAP_FAILED) with an error                  */
    FAULT_SHORT, /* a write takes half of the bytes and says so; any other call fails     */
    FAULT_DIE,   /* a write takes half of the bytes, then the process exits with 42       */
} fault;

/* Which calls can have the fault. */
enum {
    CALL_READ = 1,   /* pread                                           */
    CALL_WRITE = 2,  /* pwrite, writev, fdatasync: a store's writes     */
    CALL_MAP = 4,    /* mmap                                            */
    CALL_OPEN = 8,   /* open, openat                                    */
    CALL_LOCK = 16,  /* fcntl(F_OFD_SETLK)                              */
    CALL_MEMORY = 32 /* malloc, calloc, realloc, posix_memalign; not with a sanitizer */
};

/* The nth such call from now on has the fault, once. */
void fault_arm(fault kind, unsigned calls, int error, int nth);
/* No fault any more. True: there was one. */
bool fault_disarm(void);

#endif
