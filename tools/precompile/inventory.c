#include "tools/precompile/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cachedir.h"
#include "tools/precompile/commands.h"
#include "tools/precompile/signals.h"

enum { ERROR_MAX = 512 };

static void entry_free(entry *e)
{
    free(e->text);
    free(e->problem);
}

void inventory_close(inventory *inv)
{
    for (size_t i = 0; i < inv->count; i++)
        entry_free(&inv->entries[i]);
    free(inv->entries);
    toolchains_free(&inv->toolchains);
    if (inv->store)
        cache_close(inv->store);
    free(inv->dir);
    *inv = (inventory){ 0 };
}

uint64_t entry_last_s(const entry *e)
{
    return e->used_s > e->stored_s ? e->used_s : e->stored_s;
}

int inventory_open_store(inventory *inv, const cli_tool *tool, const char *dir, unsigned flags)
{
    char why[ERROR_MAX] = "no home directory";

    *inv = (inventory){ .dir = rt_cache_dir(dir) };
    if (inv->dir && cache_open(&inv->store, inv->dir, flags, why, sizeof why) == CACHE_OK)
        return 0;
    inv->store = NULL;
    inventory_close(inv);
    return cli_error(tool, EXIT_ENVIRONMENT, "the cache cannot be used: %s", why);
}

/* ---- Reading ---- */

static bool read_kernel(entry *e, const cache_record *record, const rt_key *key)
{
    char why[GEN_ERROR_MAX];

    e->key = *key;
    e->key.options = NULL;
    e->state = record_check(record->key, key, record->value, record->value_size, NULL, &e->facts,
                            why);
    if (e->state == RECORD_WRONG)
        e->problem = strdup(why);
    if (e->state != RECORD_GOOD)
        record_name(record->key, e->key.config);
    return e->state != RECORD_WRONG || e->problem;
}

static bool read_entry(inventory *inv, entry *e, const cache_record *record)
{
    rt_key key;

    *e = (entry){ .size = record->size, .stored_s = record->stored_unix_s,
                  .used_s = record->used_unix_s, .kind = RECORD_OTHER };
    snprintf(e->digest, sizeof e->digest, "%s", record->digest);
    if (record->defect)
        return (e->problem = strdup(record->defect)) != NULL;
    e->text = strdup(record->key);
    e->kind = record_classify(record->key, &key);
    if (!e->text)
        return false;
    if (e->kind == RECORD_KERNEL)
        return read_kernel(e, record, &key);
    return e->kind != RECORD_TOOLCHAIN ||
           toolchains_add(&inv->toolchains, record->key, record->value, record->value_size);
}

static bool add_entry(inventory *inv, const cache_record *record)
{
    if ((inv->count & (inv->count - 1)) == 0) {
        const size_t room = inv->count ? 2 * inv->count : 1;
        entry *grown = realloc(inv->entries, room * sizeof *grown);
        if (!grown)
            return false;
        inv->entries = grown;
    }
    return read_entry(inv, &inv->entries[inv->count++], record);
}

/* Non-zero: stop. The store does not tell that from the end. */
static int on_record(void *user, const cache_record *record)
{
    inventory *inv = user;

    inv->complete = !signals_caught() && add_entry(inv, record);
    return !inv->complete;
}

static int by_text(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    if (x->kind == RECORD_KERNEL && strcmp(x->key.config, y->key.config) != 0)
        return strcmp(x->key.config, y->key.config);
    return strcmp(x->text ? x->text : x->digest, y->text ? y->text : y->digest);
}

static int read_all(inventory *inv, const cli_tool *tool)
{
    char why[ERROR_MAX] = "";

    inv->complete = true;
    if (cache_usage(inv->store, &inv->usage, why, sizeof why) != CACHE_OK ||
        cache_each(inv->store, on_record, inv, why, sizeof why) != CACHE_OK)
        return cli_error(tool, EXIT_ENVIRONMENT, "the cache %s cannot be read: %s", inv->dir, why);
    if (signals_caught())
        return cli_error(tool, signals_exit_code(), "interrupted");
    if (!inv->complete)
        return cli_error(tool, EXIT_ENVIRONMENT, "out of memory");
    for (size_t i = 0; i < inv->count; i++)
        if (inv->entries[i].kind == RECORD_KERNEL) {
            toolchain *t = toolchains_find(&inv->toolchains, inv->entries[i].key.toolchain);
            if (t)
                t->kernels++;
        }
    if (inv->count > 0)
        qsort(inv->entries, inv->count, sizeof *inv->entries, by_text);
    return 0;
}

int inventory_open(inventory *inv, const cli_tool *tool, const char *dir, unsigned flags)
{
    int code = inventory_open_store(inv, tool, dir, flags);

    if (code != 0)
        return code;
    signals_catch();
    code = read_all(inv, tool);
    if (code != 0)
        inventory_close(inv);
    return code;
}
