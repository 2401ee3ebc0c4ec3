/* Places that keep code objects, all holding the same records: ours and what others use. */
#ifndef AITER_BENCH_CACHE_CONTENDERS_H
#define AITER_BENCH_CACHE_CONTENDERS_H

#include <stddef.h>

enum { BENCH_KEY_MAX = 160 };

/* Every function ends the program when something fails. */
typedef struct contender {
    const char *name;
    /* Opens or makes the place in an existing directory. */
    void *(*open)(const char *dir);
    void (*close)(void *place);
    /* Looks up a key that is there: its bytes on the heap, verified, freed again. Returns their
     * size. */
    size_t (*get)(void *place, const char *key);
    /* Stores durably. */
    void (*put)(void *place, const char *key, const void *value, size_t size);
    /* Stores many in one go, as each does it best; durable at the end. */
    void (*fill)(void *place, char (*keys)[BENCH_KEY_MAX], int count, const void *value,
                 size_t size);
    /* Reads and verifies all records; returns how many. */
    long (*list)(void *place);
    /* Removes the least recently used (files, SQLite: stored) until `keep` are left. */
    void (*prune)(void *place, long keep);
} contender;

extern const contender contenders[];
extern const int contender_count;

void bench_die(const char *what, const char *why);

#endif
