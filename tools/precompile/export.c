/* aiter-precompile export: kernels of a cache as a bundle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/inventory.h"
#include "tools/precompile/signals.h"
#include "tools/precompile/transfer.h"

struct options {
    const char *cache_dir, *output, *sign;
    bool json, quiet;
};

static const cli_option table[] = {
    CACHE_DIR(cache_dir),
    TEXT("output", output, "FILE", "a path", "The bundle to write. Needed."),
    TEXT("sign", sign, "FILE", "a path", "Sign it with this secret key; see keygen."),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print nothing."),
};

static const cli_tool tool = {
    .name = "aiter-precompile export",
    .usage = "aiter-precompile export --output FILE [OPTION]... [FIELD=VALUE]...",
    .summary = "Writes the kernels of a cache into a bundle, one file that import takes. With\n"
               "FIELD=VALUE, as for list, only such kernels. Equal kernels give equal bundles.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Kernels that other versions of libaiter compiled are left out, and so is what is\n"
               "damaged.\n"
               "\n"
               "Exit status: 0, 2 wrong usage, 3 no usable cache or the file cannot be written,\n"
               "128 + N ended by signal N.\n",
};

/* One record of the bundle: an entry of the cache, or a toolchain's identity. */
typedef struct item {
    const char *key;
    const entry *entry;
    const toolchain *toolchain;
} item;

typedef struct exporting {
    const struct options *o;
    inventory inv;
    item *items;
    size_t count;
    char (*identity_keys)[TRANSFER_KEY_MAX];
    size_t left_out;
    bundle_writer *writer;
    char why[BUNDLE_ERROR_MAX];
} exporting;

/* ---- What to write ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const item *)a)->key, ((const item *)b)->key);
}

static void add_identities(exporting *x)
{
    for (size_t i = 0; i < x->inv.toolchains.count; i++) {
        const toolchain *t = &x->inv.toolchains.items[i];
        bool needed = false;
        for (size_t j = 0; j < x->count && !needed; j++)
            needed = x->items[j].entry &&
                     strcmp(x->items[j].entry->key.toolchain, t->digest) == 0;
        if (!needed)
            continue;
        transfer_identity_key(t->digest, x->identity_keys[i]);
        x->items[x->count++] = (item){ .key = x->identity_keys[i], .toolchain = t };
    }
}

static bool choose(exporting *x, char *const *filters, int num_filters)
{
    const size_t most = x->inv.count + x->inv.toolchains.count + 1;

    x->items = calloc(most, sizeof *x->items);
    x->identity_keys = calloc(x->inv.toolchains.count + 1, sizeof *x->identity_keys);
    if (!x->items || !x->identity_keys)
        return false;
    for (size_t i = 0; i < x->inv.count; i++) {
        const entry *e = &x->inv.entries[i];
        if (e->kind != RECORD_KERNEL || !filter_matches(filters, num_filters, &e->key))
            continue;
        if (e->state == RECORD_GOOD)
            x->items[x->count++] = (item){ .key = e->text, .entry = e };
        else
            x->left_out++;
    }
    add_identities(x);
    qsort(x->items, x->count, sizeof *x->items, by_key);
    return true;
}

/* ---- Writing ---- */

static bool add(exporting *x, const char *key, const void *value, size_t size)
{
    const bundle_record record = { key, strlen(key), value, size };

    return bundle_add(x->writer, &record, x->why);
}

/* Read and checked anew, so that what was replaced meanwhile is not taken unseen; one that is gone,
 * or is not good any more, is left out. */
static int on_record(void *user, const cache_record *record)
{
    char why[GEN_ERROR_MAX];
    exporting *x = user;
    record_facts facts;
    rt_key key;

    if (record->defect || record_classify(record->key, &key) != RECORD_KERNEL ||
        record_check(record->key, &key, record->value, record->value_size, NULL, &facts, why) !=
            RECORD_GOOD) {
        x->left_out++;
        return 0;
    }
    return add(x, record->key, record->value, record->value_size) ? 0 : 1;
}

static bool write_item(exporting *x, const item *i)
{
    x->why[0] = '\0';
    if (i->toolchain)
        return add(x, i->key, i->toolchain->identity, strlen(i->toolchain->identity));
    const cache_status status =
        cache_visit(x->inv.store, i->entry->digest, on_record, x, x->why, sizeof x->why);
    return (status == CACHE_OK && x->why[0] == '\0') || status == CACHE_MISS;
}

static int write_items(exporting *x)
{
    x->writer = bundle_create(x->o->output, x->why);
    if (!x->writer)
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s", x->why);
    for (size_t i = 0; i < x->count; i++) {
        if (!signals_caught() && write_item(x, &x->items[i]))
            continue;
        bundle_abandon(x->writer);
        return signals_caught() ? cli_error(&tool, signals_exit_code(), "interrupted")
                                : cli_error(&tool, EXIT_ENVIRONMENT, "%s", x->why);
    }
    return 0;
}

static void print_result(const exporting *x, const bundle_info *info)
{
    if (x->o->json) {
        json_object *o = transfer_json(x->o->output, info);
        json_put_text(o, "format", "aiter-precompile-export-1");
        json_put_int(o, "left_out", (int64_t)x->left_out);
        json_print(o);
    } else if (!x->o->quiet) {
        transfer_print(x->o->output, info);
        if (x->left_out)
            printf("left out: %zu kernels, of other versions or wrong\n", x->left_out);
    }
}

static int export(exporting *x, char *const *filters, int num_filters)
{
    bundle_info info;
    int code = inventory_open(&x->inv, &tool, x->o->cache_dir, CACHE_READ_ONLY);

    if (code != 0)
        return code;
    code = choose(x, filters, num_filters) ? write_items(x)
                                           : cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    if (code == 0)
        code = transfer_commit(&tool, x->writer, x->o->sign, &info);
    if (code == 0)
        print_result(x, &info);
    free(x->items);
    free(x->identity_keys);
    inventory_close(&x->inv);
    return code;
}

int command_export(int argc, char **argv)
{
    struct options o = { 0 };
    exporting x = { .o = &o };
    int count;
    const int code = command_parse_filters(&tool, argc, argv, &o, &count);

    if (code != COMMAND_RUN)
        return code;
    if (!o.output)
        return cli_usage_error(&tool, "--output: not given: expected the bundle's path");
    return export(&x, argv + 1, count);
}
