/* When records were last used.
 *
 * The times are in a side file, `used`: a record's own bytes change only in a transaction, and a
 * hit must not become one. The file is a hash table of fixed size that is read and written in place
 * and without locks. Whatever is in it is valid: a lost or wrong time can only make eviction choose
 * less well.
 *
 * What this process has used is also known in memory: it is not evicted by this process, and hits
 * after the first one within a minute touch nothing. */
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cache/internal.h"

/* docs/cache-format.md describes the file. */
enum { BUCKETS = 1 << 14, BUCKET_SLOTS = 4, FRESH_MS = 60000 };
enum { USED_FD_NONE = -1, USED_FD_NEVER = -2 };

typedef struct slot {
    uint64_t id; /* first 8 bytes of the record's digest; 0: empty */
    uint64_t time; /* ms since 1970 */
} slot;

uint64_t (*cache_clock_hook)(void);

uint64_t cache_now_ms(void)
{
    struct timespec t;

    if (cache_clock_hook)
        return cache_clock_hook();
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec > 0 ? (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 : 0;
}

static uint64_t digest_id(const unsigned char *digest)
{
    uint64_t id;

    memcpy(&id, digest, sizeof id);
    return le64toh(id);
}

/* ---- In memory: open addressing, under the registry's lock, which a fork respects ---- */

static slot *here;
static size_t here_room, here_count;

/* One table for all stores of the process: the directory is part of the id. */
static uint64_t here_id(const cache_store *store, const unsigned char *digest)
{
    uint64_t id = digest_id(digest) ^ (uint64_t)store->id.ino << 20 ^ (uint64_t)store->id.dev;

    return id ? id : 1;
}

/* The slot of id, or the empty one where it belongs. */
static slot *here_find(slot *table, size_t room, uint64_t id)
{
    size_t at = id & (room - 1);

    while (table[at].id && table[at].id != id)
        at = (at + 1) & (room - 1);
    return &table[at];
}

static bool here_grow(void)
{
    size_t room = here_room ? 2 * here_room : 256;
    slot *table = calloc(room, sizeof *table);

    if (!table)
        return false;
    for (size_t i = 0; i < here_room; i++)
        if (here[i].id)
            *here_find(table, room, here[i].id) = here[i];
    free(here);
    here = table;
    here_room = room;
    return true;
}

/* True if that is news: not noted within the last minute. A clock that went back makes it so. */
static bool here_note(uint64_t id, uint64_t now)
{
    bool news = true;

    cache_lock_registry_enter();
    if (2 * (here_count + 1) <= here_room || here_grow()) {
        slot *s = here_find(here, here_room, id);
        here_count += s->id == 0;
        news = s->id == 0 || now - s->time >= FRESH_MS;
        if (news)
            *s = (slot){id, now};
    }
    cache_lock_registry_leave();
    return news;
}

bool cache_used_here(const cache_store *store, const unsigned char *digest)
{
    uint64_t id = here_id(store, digest);

    cache_lock_registry_enter();
    bool found = here_room && here_find(here, here_room, id)->id == id;
    cache_lock_registry_leave();
    return found;
}

/* ---- The side file ---- */

static int open_used(cache_store *store)
{
    int flags = store->read_only ? O_RDONLY : O_RDWR | O_CREAT;
    file_id id;
    int fd = cache_dir_open_file(store->dirfd, store->path, CACHE_USED_NAME, flags, &id, NULL,
                                 (cache_err){0});

    return fd >= 0 ? fd : USED_FD_NEVER;
}

/* Opened at the first use, once for all threads. */
static int used_fd(cache_store *store)
{
    int fd = atomic_load(&store->used_fd);

    if (fd != USED_FD_NONE)
        return fd;
    cache_lock_registry_enter();
    fd = atomic_load(&store->used_fd);
    if (fd == USED_FD_NONE)
        atomic_store(&store->used_fd, fd = open_used(store));
    cache_lock_registry_leave();
    return fd;
}

void cache_used_revive(cache_store *store)
{
    cache_lock_registry_enter();
    int fd = atomic_load(&store->used_fd);
    int next = fd == USED_FD_NONE ? fd : open_used(store);
    if (fd >= 0 && next >= 0) {
        dup3(next, fd, O_CLOEXEC); /* in place: other threads may be using the number */
        close(next);
    } else if (fd < 0) {
        atomic_store(&store->used_fd, next);
    }
    cache_lock_registry_leave();
}

static off_t bucket_offset(uint64_t id)
{
    return (off_t)(id % BUCKETS) * BUCKET_SLOTS * (off_t)sizeof(slot);
}

/* What the file has no bytes for is empty. */
static void read_bucket(int fd, uint64_t id, slot bucket[BUCKET_SLOTS])
{
    size_t size = BUCKET_SLOTS * sizeof *bucket;
    ssize_t n = pread(fd, bucket, size, bucket_offset(id));

    n = n < 0 ? 0 : n;
    memset((char *)bucket + n, 0, size - (size_t)n);
    for (int i = 0; i < BUCKET_SLOTS; i++)
        bucket[i] = (slot){le64toh(bucket[i].id), le64toh(bucket[i].time)};
}

/* Its own slot, else an empty one, else the one that was not used for longest. Differences are
 * taken modulo 2^64: a time in the future, from before the clock went back, is a long time ago. */
static int choose_slot(const slot bucket[BUCKET_SLOTS], uint64_t id, uint64_t now)
{
    int best = 0;

    for (int i = 0; i < BUCKET_SLOTS; i++)
        if (bucket[i].id == id)
            return i;
    for (int i = 0; i < BUCKET_SLOTS; i++)
        if (bucket[i].id == 0)
            return i;
    for (int i = 1; i < BUCKET_SLOTS; i++)
        if (now - bucket[i].time > now - bucket[best].time)
            best = i;
    return best;
}

/* Beyond RLIMIT_FSIZE, the kernel would send SIGXFSZ. */
static bool may_write(off_t end)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || (uint64_t)end <= limit.rlim_cur);
}

static void write_time(int fd, uint64_t id, uint64_t now, bool stored)
{
    slot bucket[BUCKET_SLOTS];

    read_bucket(fd, id, bucket);
    int at = choose_slot(bucket, id, now);
    if (!stored && bucket[at].id == id && now - bucket[at].time < FRESH_MS)
        return; /* another process was here */
    slot s = {htole64(id), htole64(now)};
    off_t offset = bucket_offset(id) + at * (off_t)sizeof s;
    if (may_write(offset + (off_t)sizeof s))
        (void)!pwrite(fd, &s, sizeof s, offset);
}

void cache_used_touch(cache_store *store, const unsigned char *digest, bool stored)
{
    uint64_t now = cache_now_ms();
    bool news = here_note(here_id(store, digest), now);
    int fd;

    if ((news || stored) && !store->read_only && (fd = used_fd(store)) >= 0)
        write_time(fd, digest_id(digest), now, stored);
}

uint64_t cache_used_time_ms(cache_store *store, const unsigned char *digest)
{
    slot bucket[BUCKET_SLOTS];
    uint64_t id = digest_id(digest);
    int fd = used_fd(store);

    if (fd < 0)
        return 0;
    read_bucket(fd, id, bucket);
    for (int i = 0; i < BUCKET_SLOTS; i++)
        if (bucket[i].id == id)
            return bucket[i].time;
    return 0;
}
