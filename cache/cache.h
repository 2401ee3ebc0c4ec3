/* The code-object store: bytes under keys, on LMDB. Knows nothing of attention.
 *
 * A key is a text (up to 1 MiB); a value is bytes (less than 2 GiB). A store is one directory with
 * `code.lmdb` (the data) and `lock` (our lock file). Every defect of a record is a miss; the next
 * put repairs it. A data file that is damaged beyond that is renamed to `code.lmdb.damaged` by the
 * next put, which starts a new one. docs/cache-format.md describes the files. */
#ifndef AITER_CACHE_H
#define AITER_CACHE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cache_store cache_store;

typedef enum cache_status {
    CACHE_OK = 0,
    CACHE_MISS = 1,
    CACHE_ERROR = 2,  /* store unusable or operation failed; errbuf says why              */
    CACHE_TIMEOUT = 3 /* a lock could not be had in time                                  */
} cache_status;

enum { CACHE_READ_ONLY = 1 };

/* Opens or creates (mkdir -p, 0700) the store in `dir`. One process may open a directory any number
 * of times. A child of fork() may go on using the store. errbuf (may be NULL) receives a message
 * naming dir and the reason. CACHE_ERROR: dir cannot be created or written, others may write there,
 * it is on a network filesystem, or its files are not what they should be. With CACHE_READ_ONLY
 * nothing is created or written, and dir must exist. Thread-safe. */
cache_status cache_open(cache_store **out, const char *dir, unsigned flags, char *errbuf,
                        size_t errbuf_size);
void cache_close(cache_store *store);

/* Looks `key` up. On CACHE_OK *value is a heap copy (free()) of *size bytes whose checksum and full
 * key were verified. A hit takes no lock and waits for nobody. CACHE_TIMEOUT: not found so far, and
 * a writer held the lock for 2 s. Thread-safe. */
cache_status cache_get(cache_store *store, const char *key, void **value, size_t *size,
                       char *errbuf, size_t errbuf_size);

/* Stores value under key, durable on return; replaces. Grows the map as needed. CACHE_TIMEOUT:
 * other transactions held the lock for 5 s. Thread-safe. */
cache_status cache_put(cache_store *store, const char *key, const void *value, size_t size,
                       char *errbuf, size_t errbuf_size);

/* Single flight. Waits at most timeout_ms for the exclusive right to make `key`, over threads and
 * processes. CACHE_OK: *guard must be released with cache_flight_end(); a holder's death releases
 * it at once. CACHE_TIMEOUT or CACHE_ERROR (always for a read-only store): no guard; the caller may
 * go on without one (the work is then done twice, never wrongly). A thread that holds a guard and
 * begins the same key again only waits for itself. */
typedef struct cache_flight cache_flight;
cache_status cache_flight_begin(cache_store *store, const char *key, int timeout_ms,
                                cache_flight **guard);
void cache_flight_end(cache_flight *guard);

/* Calls fn for each intact record, in key-digest order. The list of records is taken first and each
 * record is then read in a short transaction of its own; so a slow fn blocks nobody and may call
 * the store, and a record that is replaced meanwhile is seen as it is then. A non-zero return
 * stops. */
typedef int (*cache_visit_fn)(void *user, const char *key, const void *value, size_t size,
                              uint64_t stored_unix_s);
cache_status cache_each(cache_store *store, cache_visit_fn fn, void *user, char *errbuf,
                        size_t errbuf_size);

/* 32-byte BLAKE2b digest (libsodium) as 64 lower-case hex digits and a NUL. */
void cache_digest_hex(const void *data, size_t size, char out[65]);

#endif
