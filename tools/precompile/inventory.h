/* What is in a cache: the list that list, stat, verify, prune and export work on. */
#ifndef AITER_PRECOMPILE_INVENTORY_H
#define AITER_PRECOMPILE_INVENTORY_H

#include "cache/cache.h"
#include "tools/precompile/record.h"

typedef struct entry {
    char digest[CACHE_DIGEST_TEXT];
    record_kind kind;
    rt_key key;                 /* kernels; options is NULL */
    char *text;                 /* the whole key; NULL: damaged */
    record_state state;         /* kernels */
    record_facts facts;         /* RECORD_GOOD */
    size_t size;                /* of the record */
    uint64_t stored_s, used_s;
    char *problem;              /* damaged or wrong: what it is; else NULL */
} entry;

typedef struct inventory {
    char *dir;
    cache_store *store;
    entry *entries;             /* kernels by configuration, then the rest */
    size_t count;
    bool complete;              /* false: memory ran out, or a signal came */
    toolchains toolchains;
    cache_usage_info usage;
} inventory;

/* Opens the cache in `dir` (NULL: the default) and reads all of it. flags: CACHE_READ_ONLY or 0.
 * Returns 0 or an exit code; the message has been printed. */
int inventory_open(inventory *inv, const cli_tool *tool, const char *dir, unsigned flags);
void inventory_close(inventory *inv);

/* Has the entry been used, or at least stored, at this time? */
uint64_t entry_last_s(const entry *e);

/* Opens without reading. */
int inventory_open_store(inventory *inv, const cli_tool *tool, const char *dir, unsigned flags);

#endif
