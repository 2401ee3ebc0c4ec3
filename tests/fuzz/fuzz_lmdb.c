/* The whole data file: any bytes in the place of code.lmdb. Look-ups and listings must neither
 * crash nor lie, and a store must never let LMDB follow what would crash it; after a store that
 * succeeded, its value is there. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The corpus holds "key 0" to "key 79" with values of fill(). */
enum { KEYS = 80, VALUE_MAX = 5000 };

static char dir[64];

static void require(int good)
{
    if (!good)
        abort();
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void clean_up(void)
{
    static const char *const names[] = {"code.lmdb", "code.lmdb.damaged", "code.lmdb.new", "lock",
                                        "used"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    rmdir(dir);
}

static void make_dir(void)
{
    /* In memory, where a durable store costs nothing. */
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(dir, sizeof dir, "%s/fuzz-lmdb-XXXXXX", base);
    require(mkdtemp(dir) != NULL);
    atexit(clean_up);
}

static void write_file(const uint8_t *data, size_t size)
{
    int fd = open(path_of("code.lmdb"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static int look_at(void *user, const cache_record *r)
{
    char digest[CACHE_DIGEST_TEXT];
    (void)user;
    if (r->defect)
        return 0;
    cache_digest_hex(r->key, strlen(r->key), digest);
    require(strcmp(digest, r->digest) == 0);
    return 0;
}

static void look_up(cache_store *s)
{
    char key[16];
    for (int i = 0; i < KEYS; i += 7) {
        void *value;
        size_t size;
        snprintf(key, sizeof key, "key %d", i);
        cache_get(s, key, &value, &size, NULL, 0);
        free(value);
    }
    cache_each(s, look_at, NULL, NULL, 0);
}

static void store(cache_store *s, const char *key, size_t size)
{
    static unsigned char given[VALUE_MAX];
    void *value;
    size_t found;
    memset(given, (int)size, sizeof given);
    if (cache_put(s, key, given, size, NULL, 0) != CACHE_OK)
        return;
    require(cache_get(s, key, &value, &found, NULL, 0) == CACHE_OK);
    require(found == size && !memcmp(value, given, size));
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cache_store *s;
    size_t removed;
    char digest[CACHE_DIGEST_TEXT];
    const char *digests[] = {digest};
    if (!*dir)
        make_dir();
    write_file(data, size);
    require(cache_open(&s, dir, 0, NULL, 0) == CACHE_OK);
    look_up(s);
    store(s, "key 1", VALUE_MAX);
    store(s, "new", 100);
    cache_digest_hex("key 2", 5, digest);
    cache_remove(s, digests, 1, &removed, NULL, 0);
    if (size % 4 == 0)
        cache_compact(s, NULL, 0);
    else
        cache_evict(s, 1000, &removed, NULL, 0);
    look_up(s);
    cache_close(s);
    return 0;
}
