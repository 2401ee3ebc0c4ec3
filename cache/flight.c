/* Single flight: an exclusive lock on one byte of the lock file, whose offset is taken from the
 * key's digest. So no file is made or removed for a key, and the kernel ends a dead holder's
 * flight. Two keys that share an offset (of 2^61 offsets) would only wait for each other. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cache/internal.h"

/* Below are the bytes that transactions lock. */
#define FLIGHT_FIRST ((uint64_t)1 << 32)
#define FLIGHT_MASK (((uint64_t)1 << 61) - 1)

struct cache_flight {
    lock_handle lock;
    off_t offset;
};

static off_t flight_offset(const char *key)
{
    unsigned char digest[CACHE_DIGEST_SIZE];
    uint64_t n = 0;

    cache_digest(key, strlen(key), digest);
    for (int i = 0; i < 8; i++) /* little-endian on every machine: hosts may share a store */
        n |= (uint64_t)digest[i] << (8 * i);
    return (off_t)(FLIGHT_FIRST + (n & FLIGHT_MASK));
}

/* CACHE_MISS: the lock file was replaced meanwhile, so that others would lock another one. */
static cache_status flight_try(cache_store *store, cache_flight *flight, int timeout_ms)
{
    cache_err none = {0};
    cache_status status = cache_lock_open(&flight->lock, store->dirfd, store->path, true, none);

    if (status != CACHE_OK)
        return errno == ENOENT && cache_store_revive(store, none) == CACHE_OK ? CACHE_MISS
                                                                              : CACHE_ERROR;
    status = cache_lock_range(&flight->lock, F_WRLCK, flight->offset, 1, timeout_ms);
    if (status == CACHE_OK && !cache_lock_is_current(&flight->lock, store->dirfd))
        status = CACHE_MISS;
    if (status != CACHE_OK)
        cache_lock_close(&flight->lock);
    return status;
}

cache_status cache_flight_begin(cache_store *store, const char *key, int timeout_ms,
                                cache_flight **guard)
{
    enum { ATTEMPTS = 8 };
    cache_status status = CACHE_MISS;

    *guard = NULL;
    if (store->read_only)
        return CACHE_ERROR;
    cache_flight *flight = calloc(1, sizeof *flight);
    if (!flight)
        return CACHE_ERROR;
    flight->lock.fd = -1;
    flight->offset = flight_offset(key);
    for (int i = 0; i < ATTEMPTS && status == CACHE_MISS; i++)
        status = flight_try(store, flight, timeout_ms);
    if (status != CACHE_OK) {
        free(flight);
        return status == CACHE_MISS ? CACHE_ERROR : status;
    }
    *guard = flight;
    return CACHE_OK;
}

void cache_flight_end(cache_flight *guard)
{
    if (!guard)
        return;
    /* Released by name before the close: a child made past the fork handlers (vfork, clone) may
     * hold a copy of the descriptor, and would keep the lock with it. */
    cache_lock_release(&guard->lock, guard->offset, 1);
    cache_lock_close(&guard->lock);
    free(guard);
}
