/* Which records go when room is needed: the least recently used ones, but none that this process
 * uses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/write.h"

static uint64_t entry_bytes(const lmdb_file *f, const lmdb_extent *at)
{
    enum { NODE_AND_KEY = 8 + CACHE_DIGEST_SIZE + 2 }; /* on the leaf page, pointer included */

    return NODE_AND_KEY + (at->pages ? at->pages * f->page_size : at->size);
}

static lmdb_result collect(void *user, lmdb_file *f, const void *key, size_t key_size,
                           const lmdb_extent *value)
{
    cache_entries *list = user;

    if (key_size != CACHE_DIGEST_SIZE)
        return LMDB_FOUND; /* not a record: room for later versions */
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        cache_entry *items = realloc(list->items, room * sizeof *items);
        if (!items)
            return LMDB_IO_ERROR; /* errno is ENOMEM */
        list->items = items;
        list->room = room;
    }
    cache_entry *e = &list->items[list->count++];
    *e = (cache_entry){.at = *value, .bytes = entry_bytes(f, value)};
    memcpy(e->digest, key, CACHE_DIGEST_SIZE);
    list->bytes += e->bytes;
    return LMDB_FOUND;
}

lmdb_result cache_list_entries(lmdb_file *f, cache_entries *out)
{
    *out = (cache_entries){0};
    return cache_lmdb_check(f, collect, out);
}

static int by_age(const void *a, const void *b)
{
    const cache_entry *x = a, *y = b;

    if (x->age != y->age)
        return x->age < y->age ? 1 : -1;
    return memcmp(x->digest, y->digest, CACHE_DIGEST_SIZE); /* the same choice every time */
}

/* A record without a time counts as the oldest; one from the future (the clock went back) as older
 * than all that were used since: its age wraps around. */
static void set_ages(cache_store *store, cache_entries *all)
{
    uint64_t now = cache_now_ms();

    for (size_t i = 0; i < all->count; i++) {
        uint64_t used = cache_used_time_ms(store, all->items[i].digest);
        all->items[i].age = used ? now - used : UINT64_MAX;
    }
}

/* Least recently used entries that this process does not use, until `bytes` are reached; in digest
 * order. Heap; NULL: out of memory. */
static cache_change *choose_victims(cache_store *store, lmdb_file *f, cache_entries *all,
                                   uint64_t bytes, size_t *count)
{
    cache_change *victims = calloc(all->count + 1, sizeof *victims);
    uint64_t freed = 0;

    *count = 0;
    if (!victims)
        return NULL;
    set_ages(store, all);
    qsort(all->items, all->count, sizeof *all->items, by_age);
    for (size_t i = 0; i < all->count && freed < bytes; i++) {
        const cache_entry *e = &all->items[i];
        if (cache_used_here(store, e->digest) ||
            cache_lmdb_check_overflow_header(f, &e->at) != LMDB_FOUND)
            continue;
        memcpy(victims[(*count)++].digest, e->digest, CACHE_DIGEST_SIZE);
        freed += e->bytes;
    }
    qsort(victims, *count, sizeof *victims, cache_change_compare);
    return victims;
}

/* ---- Removing them ---- */

size_t cache_reserve(size_t bytes)
{
    return at_most(bytes / 8, at_least(CACHE_TREE_ROOM, bytes / 256));
}

/* Remembers the key of a record that is about to go. */
static void note_evicted(write_job *job, lmdb_file *f, const unsigned char *digest)
{
    unsigned char *bytes = NULL;
    lmdb_extent at;
    record_view r;

    if (cache_lmdb_find(f, NULL, digest, CACHE_DIGEST_SIZE, &at) == LMDB_FOUND &&
        at.size <= RECORD_SIZE_MAX && (bytes = malloc(at.size + 1)) &&
        cache_lmdb_read_extent(f, &at, bytes) == LMDB_FOUND &&
        cache_record_read(bytes, at.size, &r)) {
        evicted *e = calloc(1, sizeof *e + r.key_size + 1);
        if (e) {
            *e = (evicted){job->evicted, at.size};
            memcpy(e->key, r.key, r.key_size);
            job->evicted = e;
        }
    }
    free(bytes);
}

void cache_report_evicted(write_job *job)
{
    while (job->evicted) {
        evicted *e = job->evicted;
        job->evicted = e->next;
        job->store->on_evict(job->store->on_evict_user, e->key, e->bytes);
        free(e);
    }
}

/* The file under the lock as LMDB left it, its entries, and those to give up. */
static int list_victims(write_job *job, uint64_t bytes, const uint64_t *limit, change_list *out)
{
    lmdb_file f;
    cache_entries all = {0};

    if (cache_session_refresh(job->store, job->session, job->err) != CACHE_OK)
        return EIO;
    lmdb_result r = cache_lmdb_file_open(&f, job->session->data_fd, job->session->data_size);
    if (r == LMDB_FOUND)
        r = cache_list_entries(&f, &all);
    if (r == LMDB_FOUND) {
        job->used = f.page_count * f.page_size;
        if (limit)
            bytes = all.bytes > *limit ? all.bytes - *limit : 0;
        out->items = choose_victims(job->store, &f, &all, bytes, &out->count);
        for (size_t i = 0; i < out->count && job->store->on_evict; i++)
            note_evicted(job, &f, out->items[i].digest);
    }
    free(all.items);
    if (r == LMDB_FOUND)
        return !out->items ? ENOMEM : out->count ? 0 : LIMIT_REACHED;
    return r == LMDB_NOT_FOUND ? LIMIT_REACHED : r == LMDB_DAMAGED ? MDB_CORRUPTED : EIO;
}

int cache_make_room(write_job *job, uint64_t bytes, const uint64_t *limit)
{
    size_t cap = job->store->max_bytes;
    change_list victims = {0};
    int rc = list_victims(job, bytes, limit, &victims);
    size_t map_size = cap ? at_least(cap, job->used + cache_reserve(cap))
                          : job->used + CACHE_TREE_ROOM + job->used / 256;

    job->removed = 0;
    if (!rc)
        rc = cache_write_with_map(job, &victims, at_most(map_size, cache_file_size_limit()));
    free((void *)victims.items);
    return rc;
}

cache_status cache_evict(cache_store *store, uint64_t max_bytes, size_t *removed, char *errbuf,
                         size_t errbuf_size)
{
    write_job job = {.store = store, .err = {errbuf, errbuf_size}};
    cache_status status = cache_write_begin(&job);

    *removed = 0;
    if (status != CACHE_OK)
        return status;
    int rc = job.session->data_fd >= 0 ? cache_make_room(&job, 0, &max_bytes) : 0;
    *removed = rc ? 0 : job.removed;
    if (rc != LIMIT_REACHED)
        status = cache_write_refuse_damage(&job, cache_write_judge(&job, rc));
    cache_write_end(&job);
    return status;
}

void cache_set_limit(cache_store *store, uint64_t max_bytes, cache_evict_fn on_evict, void *user)
{
    store->max_bytes = max_bytes;
    store->on_evict = on_evict;
    store->on_evict_user = user;
}
