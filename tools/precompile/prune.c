/* aiter-precompile prune: removes what is not wanted any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/inventory.h"
#include "tools/precompile/units.h"

struct options {
    const char *cache_dir;
    axis arch;
    uint64_t max_bytes, older_than_s;
    bool stale, dry_run, quiet;
};

static const cli_option table[] = {
    CACHE_DIR(cache_dir),
    HEADING("What to remove: kernels that any of these fits"),
    VALUE("arch", arch, "LIST", axis_set_arch,
         "gfx90a, gfx942, gfx950, gfx1100, gfx1201, a comma list of these, or all",
         "Those for these architectures."),
    VALUE("older-than", older_than_s, "AGE", units_set_age, "a number with s, m, h or d behind it",
         "Those neither used nor stored since, such as 30d."),
    FLAG("stale", stale,
         "Those of other versions of libaiter, and of compilers that are neither installed nor the "
         "last one known."),
    VALUE("max-bytes", max_bytes, "SIZE", units_set_bytes,
         "a number of bytes, with K, M or G behind it",
         "Those used least recently, until the rest is not larger. K, M and G are powers of 1024."),
    HEADING("How"),
    FLAG("dry-run", dry_run, "Remove nothing: print what would be removed."),
    FLAG("quiet", quiet, "Print the totals only."),
};

static const cli_tool tool = {
    .name = "aiter-precompile prune",
    .usage = "aiter-precompile prune [OPTION]... [FIELD=VALUE]...",
    .summary = "Removes kernels from a cache and gives the space back to the file system. With\n"
               "FIELD=VALUE, as for list, only such kernels are touched, and without any of the\n"
               "criteria all of them are removed.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 2 wrong usage, 3 no usable cache, 128 + N ended by signal N.\n"
               "\n"
               "Example: aiter-precompile prune --stale --older-than 30d --max-bytes 512M\n",
};

typedef struct pruning {
    const struct options *o;
    char *const *filters;
    int num_filters;
    inventory inv;
    entry **order;              /* kernels, the least recently used first */
    size_t num_order;
    const char **digests;       /* to be removed */
    size_t count;
    uint64_t bytes;
} pruning;

/* ---- Criteria ---- */

static bool is_stale(const pruning *p, const entry *e)
{
    const toolchain *t = toolchains_find(&p->inv.toolchains, e->key.toolchain);

    return strcmp(e->key.generator, gen_digest()) != 0 || !t || (!t->is_current && !t->is_last);
}

static bool is_of_arch(const axis *arches, const entry *e)
{
    char word[64], *filter[] = { word };

    for (size_t i = 0; i < arches->count; i++) {
        snprintf(word, sizeof word, "arch=%s", arches->values[i]);
        if (filter_matches(filter, 1, &e->key))
            return true;
    }
    return false;
}

static bool has_criterion(const struct options *o)
{
    return o->arch.count || o->older_than_s || o->stale || o->max_bytes;
}

static const char *reason(const pruning *p, const entry *e, uint64_t now)
{
    const struct options *o = p->o;

    if (!filter_matches(p->filters, p->num_filters, &e->key))
        return NULL;
    if (!has_criterion(o))
        return "selected";
    if (is_of_arch(&o->arch, e))
        return "architecture";
    if (o->stale && is_stale(p, e))
        return "stale";
    if (o->older_than_s && entry_last_s(e) + o->older_than_s < now)
        return "old";
    return NULL;
}

static void take(pruning *p, const entry *e, const char *why)
{
    char size[UNITS_TEXT_MAX];

    p->digests[p->count++] = e->digest;
    p->bytes += e->size;
    if (!p->o->quiet)
        printf("%s: %s (%s)\n", why, e->key.config, units_bytes(e->size, size));
}

/* ---- Steps ---- */

static int by_last_use(const void *a, const void *b)
{
    const entry *x = *(entry *const *)a, *y = *(entry *const *)b;
    const uint64_t s = entry_last_s(x), t = entry_last_s(y);

    return s != t ? (s > t) - (s < t) : strcmp(x->digest, y->digest);
}

static bool order_kernels(pruning *p)
{
    p->order = calloc(p->inv.count + 1, sizeof *p->order);
    p->digests = calloc(p->inv.count + 1, sizeof *p->digests);
    if (!p->order || !p->digests)
        return false;
    for (size_t i = 0; i < p->inv.count; i++)
        if (p->inv.entries[i].kind == RECORD_KERNEL)
            p->order[p->num_order++] = &p->inv.entries[i];
    qsort(p->order, p->num_order, sizeof *p->order, by_last_use);
    return true;
}

static void choose(pruning *p)
{
    const uint64_t now = (uint64_t)time(NULL);
    uint64_t left = p->inv.usage.bytes;
    size_t kept = 0;

    for (size_t i = 0; i < p->num_order; i++) {
        const char *why = reason(p, p->order[i], now);
        if (why)
            take(p, p->order[i], why);
        else
            p->order[kept++] = p->order[i];
    }
    left -= p->bytes < left ? p->bytes : left;
    for (size_t i = 0; p->o->max_bytes && i < kept && left > p->o->max_bytes; i++)
        if (filter_matches(p->filters, p->num_filters, &p->order[i]->key)) {
            left -= p->order[i]->size < left ? p->order[i]->size : left;
            take(p, p->order[i], "least recently used");
        }
}

static int remove_chosen(pruning *p)
{
    char why[512] = "";

    if (p->o->dry_run || p->count == 0)
        return 0;
    if (cache_remove(p->inv.store, p->digests, p->count, &p->count, why, sizeof why) != CACHE_OK)
        return cli_error(&tool, EXIT_ENVIRONMENT, "the records cannot be removed: %s", why);
    if (cache_compact(p->inv.store, why, sizeof why) != CACHE_OK)
        cli_error(&tool, 0, "warning: the space stays with the cache: %s", why);
    return 0;
}

static int prune(pruning *p)
{
    char size[UNITS_TEXT_MAX];
    int code = inventory_open(&p->inv, &tool, p->o->cache_dir,
                              p->o->dry_run ? CACHE_READ_ONLY : 0);

    if (code != 0)
        return code;
    if (order_kernels(p)) {
        choose(p);
        code = remove_chosen(p);
    } else {
        code = cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    }
    if (code == 0)
        printf("%s %zu of %zu kernels, %s\n", p->o->dry_run ? "would remove" : "removed", p->count,
               p->num_order, units_bytes(p->bytes, size));
    free(p->order);
    free(p->digests);
    inventory_close(&p->inv);
    return code;
}

int command_prune(int argc, char **argv)
{
    struct options o = { 0 };
    pruning p = { .o = &o, .filters = argv + 1 };
    int code = command_parse_filters(&tool, argc, argv, &o, &p.num_filters);

    if (code == COMMAND_RUN && !has_criterion(&o) && p.num_filters == 0)
        code = cli_usage_error(&tool, "nothing to remove: expected --arch, --older-than, --stale, "
                               "--max-bytes or FIELD=VALUE");
    else if (code == COMMAND_RUN)
        code = prune(&p);
    axis_free(&o.arch);
    return code;
}
