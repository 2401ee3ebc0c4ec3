/* What an operator does with a store: look at all records, remove, import. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cache/internal.h"

/* ---- Looking ---- */

static cache_status list_all(cache_store *store, cache_entries *all, uint64_t *file_bytes,
                             cache_err err)
{
    lmdb_file f;
    session *s;
    cache_status status = cache_session_begin(store, false, &s, err);

    *all = (cache_entries){0};
    if (status != CACHE_OK)
        return status;
    lmdb_result r = LMDB_NOT_FOUND;
    *file_bytes = s->data_size;
    if (s->data_fd >= 0)
        r = cache_lmdb_file_open(&f, s->data_fd, s->data_size);
    if (r == LMDB_FOUND)
        r = cache_list_entries(&f, all);
    if (r == LMDB_IO_ERROR)
        status = cache_fail(err, "cache file '%s/%s': cannot be read: %m", store->path,
                            CACHE_DATA_NAME);
    else if (r == LMDB_DAMAGED)
        status = cache_fail(err, "cache file '%s/%s': damaged (%s); the next store sets it aside",
                            store->path, CACHE_DATA_NAME, f.why);
    cache_session_end(store, s);
    return status;
}

cache_status cache_usage(cache_store *store, cache_usage_info *out, char *errbuf,
                         size_t errbuf_size)
{
    cache_entries all;
    uint64_t file_bytes = 0;
    cache_status status = list_all(store, &all, &file_bytes, (cache_err){errbuf, errbuf_size});

    *out = (cache_usage_info){all.count, all.bytes, file_bytes};
    free(all.items);
    return status;
}

/* Hands one record to fn. *stop: what fn returned. */
static cache_status visit(cache_store *store, const unsigned char *digest, cache_visit_fn fn,
                          void *user, int *stop, cache_err err)
{
    char name[CACHE_DIGEST_TEXT];
    cache_found found;
    cache_status status = cache_find_digest(store, digest, &found, err);

    if (status != CACHE_OK)
        return status;
    sodium_bin2hex(name, sizeof name, digest, CACHE_DIGEST_SIZE);
    cache_record r = {.digest = name, .defect = found.defect, .size = found.size};
    char *key = NULL;
    if (!found.defect) {
        key = strndup(found.record.key, found.record.key_size);
        r.key = key;
        r.value = found.record.value;
        r.value_size = found.record.value_size;
        r.stored_unix_s = found.record.stored_unix_s;
        r.used_unix_s = cache_used_time_ms(store, digest) / 1000;
    }
    if (r.key || r.defect)
        *stop = fn(user, &r);
    else
        status = cache_fail(err, "cache '%s': out of memory", store->path);
    free(key);
    free(found.bytes);
    return status;
}

cache_status cache_each(cache_store *store, cache_visit_fn fn, void *user, char *errbuf,
                        size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    cache_entries all;
    uint64_t file_bytes;
    int stop = 0;
    cache_status status = list_all(store, &all, &file_bytes, err);

    for (size_t i = 0; i < all.count && status == CACHE_OK && !stop; i++) {
        status = visit(store, all.items[i].digest, fn, user, &stop, err);
        if (status == CACHE_MISS)
            status = CACHE_OK; /* removed meanwhile */
    }
    free(all.items);
    return status;
}

static cache_status parse_digest(const char *text, unsigned char out[CACHE_DIGEST_SIZE],
                                 cache_err err)
{
    size_t size;

    if (strlen(text) == CACHE_DIGEST_TEXT - 1 &&
        sodium_hex2bin(out, CACHE_DIGEST_SIZE, text, CACHE_DIGEST_TEXT - 1, NULL, &size, NULL) ==
            0 &&
        size == CACHE_DIGEST_SIZE)
        return CACHE_OK;
    return cache_fail(err, "record '%.80s': expected %d hex digits", text, CACHE_DIGEST_TEXT - 1);
}

cache_status cache_visit(cache_store *store, const char *digest, cache_visit_fn fn, void *user,
                         char *errbuf, size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    unsigned char bytes[CACHE_DIGEST_SIZE];
    int stop;
    cache_status status = parse_digest(digest, bytes, err);

    return status == CACHE_OK ? visit(store, bytes, fn, user, &stop, err) : status;
}

/* ---- Changing ---- */

static cache_change *new_changes(const cache_store *store, size_t count, cache_err err)
{
    cache_change *changes = calloc(count + 1, sizeof *changes);

    if (!changes)
        cache_fail(err, "cache '%s': out of memory", store->path);
    return changes;
}

cache_status cache_remove(cache_store *store, const char *const *digests, size_t count,
                          size_t *removed, char *errbuf, size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    cache_change *changes = new_changes(store, count, err);
    cache_status status = changes ? CACHE_OK : CACHE_ERROR;

    *removed = 0;
    for (size_t i = 0; i < count && status == CACHE_OK; i++)
        status = parse_digest(digests[i], changes[i].digest, err);
    if (status == CACHE_OK && count) {
        qsort(changes, count, sizeof *changes, cache_change_compare);
        status = cache_apply(store, changes, count, removed, err);
    }
    free(changes);
    return status;
}

static bool is_intact(cache_store *store, const unsigned char *digest)
{
    cache_found found = {0};
    bool intact =
        cache_find_digest(store, digest, &found, (cache_err){0}) == CACHE_OK && !found.defect;

    free(found.bytes);
    return intact;
}

/* Drops all but the first of equal digests. */
static size_t unique(cache_change *changes, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || cache_change_compare(&changes[kept - 1], &changes[i]) != 0)
            changes[kept++] = changes[i];
        else
            free(changes[i].record);
    return kept;
}

cache_status cache_import(cache_store *store, const cache_pair *pairs, size_t count, size_t *stored,
                          char *errbuf, size_t errbuf_size)
{
    cache_err err = {errbuf, errbuf_size};
    cache_change *changes = new_changes(store, count, err);
    cache_status status = changes ? CACHE_OK : CACHE_ERROR;
    size_t kept = 0;

    *stored = 0;
    for (size_t i = 0; i < count && status == CACHE_OK; i++) {
        status = cache_change_make(store, &pairs[i], &changes[kept], err);
        if (status == CACHE_OK && is_intact(store, changes[kept].digest))
            free(changes[kept].record);
        else
            kept += status == CACHE_OK;
    }
    if (status == CACHE_OK && kept) {
        qsort(changes, kept, sizeof *changes, cache_change_compare);
        kept = unique(changes, kept);
        status = cache_apply(store, changes, kept, NULL, err);
    }
    if (status == CACHE_OK)
        *stored = kept;
    for (size_t i = 0; i < kept; i++)
        free(changes[i].record);
    free(changes);
    return status;
}
