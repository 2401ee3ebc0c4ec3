/* Which records go when room is needed: the least recently used ones, but none that this process
 * uses. */
#include <stdlib.h>
#include <string.h>

#include "cache/internal.h"

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

static int by_digest(const void *a, const void *b)
{
    const cache_change *x = a, *y = b;

    return memcmp(x->digest, y->digest, CACHE_DIGEST_SIZE);
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

cache_change *cache_choose_victims(cache_store *store, lmdb_file *f, cache_entries *all,
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
    qsort(victims, *count, sizeof *victims, by_digest);
    return victims;
}
