/* The code-object store: bytes under keys, on LMDB. Knows nothing of attention.
 *
 * A key is a text (up to 1 MiB); a value is bytes (less than 2 GiB). A store is one directory with
 * `code.lmdb` (the data), `lock` (our lock file) and `used` (when records were last used). Every
 * defect of a record is a miss; the next put repairs it. A data file that is damaged beyond that is renamed to `code.lmdb.damaged` by the
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
 * naming dir and the reason. CACHE_ERROR: dir cannot be created or written, others may write there
 * or own a link on the way, it is on a network filesystem, or its files are not what they should
 * be. With CACHE_READ_ONLY nothing is created or written, dir must exist and may be on any
 * filesystem. Thread-safe. */
cache_status cache_open(cache_store **out, const char *dir, unsigned flags, char *errbuf,
                        size_t errbuf_size);
void cache_close(cache_store *store);

/* Looks `key` up. On CACHE_OK *value is a heap copy (free()) of *size bytes whose checksum and full
 * key were verified. A hit takes no lock and waits for nobody, and nor does a miss unless the data
 * file is damaged, missing, or written to all the time. CACHE_TIMEOUT: not found so far, and a
 * writer held the lock for 2 s. Thread-safe. */
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

/* Limits the data file to max_bytes (0: no limit; at least 1 MiB): a put that finds no room in it
 * evicts least recently used records, but none that this process has found or stored, and fails
 * when there are no others. on_evict (may be NULL) is told of each one, on the thread of the put
 * and without locks held. Call before the store is shared. */
typedef void (*cache_evict_fn)(void *user, const char *key, uint64_t bytes);
void cache_set_limit(cache_store *store, uint64_t max_bytes, cache_evict_fn on_evict, void *user);

/* ---- For an operator's tool ----
 *
 * None of these counts as a use of a record. All are thread-safe and may run beside other
 * processes' look-ups and stores. */

enum { CACHE_DIGEST_TEXT = 65 }; /* 64 hex digits and a NUL */

/* An entry of the store. Everything lives for the call of the visitor. */
typedef struct cache_record {
    const char *digest; /* its name: cache_digest_hex() of its key                        */
    const char *defect; /* NULL: intact. Else what is wrong; only digest and size are set */
    const char *key;
    const void *value;
    size_t value_size;
    size_t size; /* of the whole record                                                   */
    uint64_t stored_unix_s, used_unix_s; /* 0: unknown                                   */
} cache_record;

/* A non-zero return stops. */
typedef int (*cache_visit_fn)(void *user, const cache_record *record);

/* Calls fn for each entry, defective ones too, in digest order. The list is taken first and each
 * record is then read in a short transaction of its own; so a slow fn blocks nobody and may call
 * the store, and a record that is replaced meanwhile is seen as it is then. */
cache_status cache_each(cache_store *store, cache_visit_fn fn, void *user, char *errbuf,
                        size_t errbuf_size);

/* The same for one, which is read and verified anew. CACHE_MISS: there is none. */
cache_status cache_visit(cache_store *store, const char *digest, cache_visit_fn fn, void *user,
                         char *errbuf, size_t errbuf_size);

typedef struct cache_usage_info {
    size_t records;      /* entries, defective ones too                       */
    uint64_t bytes;      /* that they take up                                 */
    uint64_t file_bytes; /* of the data file; the rest is free or the tree's  */
} cache_usage_info;

cache_status cache_usage(cache_store *store, cache_usage_info *out, char *errbuf,
                         size_t errbuf_size);

/* Removes entries in one transaction. *removed: how many of them were there. */
cache_status cache_remove(cache_store *store, const char *const *digests, size_t count,
                          size_t *removed, char *errbuf, size_t errbuf_size);

/* Removes least recently used records until the rest takes up max_bytes at most. Space that is
 * freed is used again by later stores; cache_compact() gives it back to the file system. */
cache_status cache_evict(cache_store *store, uint64_t max_bytes, size_t *removed, char *errbuf,
                         size_t errbuf_size);

/* Replaces the data file by a copy without free space. Needs room for both. */
cache_status cache_compact(cache_store *store, char *errbuf, size_t errbuf_size);

/* Stores several values in one transaction, all or none. A record that is there and intact stays as
 * it is. *stored: how many were not there. */
typedef struct cache_pair {
    const char *key;
    const void *value;
    size_t size;
} cache_pair;
cache_status cache_import(cache_store *store, const cache_pair *pairs, size_t count, size_t *stored,
                          char *errbuf, size_t errbuf_size);

/* 32-byte BLAKE2b digest (libsodium) as 64 lower-case hex digits and a NUL. */
void cache_digest_hex(const void *data, size_t size, char out[65]);

#endif
