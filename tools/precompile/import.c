/* aiter-precompile import: bundles into a cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/inventory.h"
#include "tools/precompile/signals.h"
#include "tools/precompile/transfer.h"

struct options {
    const char *cache_dir;
    axis trust;
    bool dry_run, use_toolchain, json, quiet;
};

static const cli_option table[] = {
    CACHE_DIR(cache_dir),
    TRUST(trust),
    FLAG("use-toolchain", use_toolchain,
         "Look kernels up by the bundle's compiler from now on where none is installed. Without "
         "it, this is done only if the cache knows no compiler."),
    FLAG("dry-run", dry_run, "Check the bundles; no cache is needed and nothing is stored."),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print nothing but problems."),
};

static const cli_tool tool = {
    .name = "aiter-precompile import",
    .usage = "aiter-precompile import [OPTION]... BUNDLE...",
    .summary = "Puts the kernels of bundles into a cache; - is standard input. A bundle is checked\n"
               "from end to end before its first kernel is stored. A kernel that the cache has is\n"
               "not replaced.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 2 wrong usage, 3 no usable cache or the file cannot be read,\n"
               "5 a bundle is damaged, wrong or not trusted, and nothing of it was stored,\n"
               "128 + N ended by signal N.\n",
};

/* Kernels on their way into one transaction. */
enum { BATCH_MAX = 64, BATCH_BYTES_MAX = 16 << 20 };

typedef struct importing {
    const struct options *o;
    const char *path;
    inventory inv;
    bundle_reader *reader;
    size_t kernels, foreign, stored, present, differing;
    toolchain *toolchains;      /* of the bundle */
    size_t num_toolchains;
    cache_pair batch[BATCH_MAX];
    size_t batched, batch_bytes;
    json_object *results;
} importing;

/* ---- First pass: is everything what it should be? ---- */

static bool note_toolchain(importing *im, const bundle_record *r)
{
    const char *digest = r->key + strlen(r->key) - RT_DIGEST_MAX;
    toolchain *grown = realloc(im->toolchains, (im->num_toolchains + 1) * sizeof *grown);

    if (!grown)
        return false;
    im->toolchains = grown;
    toolchain *t = &grown[im->num_toolchains];
    *t = (toolchain){ .identity = strndup(r->value, r->value_size) };
    snprintf(t->digest, sizeof t->digest, "%s", digest);
    im->num_toolchains += t->identity != NULL;
    return t->identity != NULL;
}

/* Identities come after the kernels, whose keys are smaller. */
static bool check(importing *im, const bundle_record *r, char why[GEN_ERROR_MAX])
{
    record_facts facts;
    rt_key key;

    if (transfer_is_identity(r->key)) {
        snprintf(why, GEN_ERROR_MAX, "out of memory");
        return transfer_check_identity(r, why) && note_toolchain(im, r);
    }
    if (record_classify(r->key, &key) != RECORD_KERNEL) {
        im->foreign++;
        return true;
    }
    switch (record_check(r->key, &key, r->value, r->value_size, NULL, &facts, why)) {
    case RECORD_GOOD: im->kernels++; return true;
    case RECORD_FOREIGN: im->foreign++; return true;
    case RECORD_WRONG: return false;
    }
    return false;
}

static int check_all(importing *im)
{
    char why[BUNDLE_ERROR_MAX], name[RECORD_NAME_MAX];
    bundle_record record;
    bundle_step step;

    while ((step = bundle_next(im->reader, &record, why)) == BUNDLE_RECORD) {
        if (signals_caught())
            return cli_error(&tool, signals_exit_code(), "interrupted");
        if (!check(im, &record, why))
            return cli_error(&tool, EXIT_REFUSED, "%s is refused: %s: %s", im->path,
                             record_name(record.key, name), why);
    }
    return step == BUNDLE_END
               ? 0
               : cli_error(&tool, EXIT_REFUSED, "%s is refused: %s", im->path, why);
}

/* ---- Second pass: store ---- */

static void empty_batch(importing *im)
{
    for (size_t i = 0; i < im->batched; i++) {
        free((char *)im->batch[i].key);
        free((void *)im->batch[i].value);
    }
    im->batched = im->batch_bytes = 0;
}

static bool flush_batch(importing *im, char why[BUNDLE_ERROR_MAX])
{
    size_t stored = 0;
    const bool good = im->batched == 0 ||
                      cache_import(im->inv.store, im->batch, im->batched, &stored, why,
                                   BUNDLE_ERROR_MAX) == CACHE_OK;

    im->stored += stored;
    empty_batch(im);
    return good;
}

/* What the cache has stays, whatever the bundle has. */
static bool is_present(importing *im, const bundle_record *r)
{
    void *value;
    size_t size;

    if (cache_get(im->inv.store, r->key, &value, &size, NULL, 0) != CACHE_OK)
        return false;
    im->present++;
    im->differing += size != r->value_size || memcmp(value, r->value, size) != 0;
    free(value);
    return true;
}

static bool store(importing *im, const bundle_record *r, char why[BUNDLE_ERROR_MAX])
{
    rt_key key;

    if (record_classify(r->key, &key) != RECORD_KERNEL ||
        strcmp(key.generator, gen_digest()) != 0 || is_present(im, r))
        return true;
    char *text = strdup(r->key), *value = malloc(r->value_size ? r->value_size : 1);
    snprintf(why, BUNDLE_ERROR_MAX, "out of memory");
    if (!text || !value) {
        free(text);
        free(value);
        return false;
    }
    memcpy(value, r->value, r->value_size);
    im->batch[im->batched++] = (cache_pair){ text, value, r->value_size };
    im->batch_bytes += r->value_size;
    return (im->batched < BATCH_MAX && im->batch_bytes < BATCH_BYTES_MAX) || flush_batch(im, why);
}

static int store_all(importing *im)
{
    char why[BUNDLE_ERROR_MAX] = "";
    bundle_record record;
    bool good = true;

    bundle_rewind(im->reader);
    while (good && !signals_caught() && bundle_next(im->reader, &record, why) == BUNDLE_RECORD)
        good = store(im, &record, why);
    good = good && flush_batch(im, why); /* what is complete is kept, also after a signal */
    empty_batch(im);
    if (!good)
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s: %s", im->path, why);
    return signals_caught() ? cli_error(&tool, signals_exit_code(), "interrupted") : 0;
}

/* Without a compiler, kernels are looked up by the one that is noted under this key. */
static int note_last(importing *im)
{
    char why[512] = "";
    void *value;
    size_t size;
    const toolchain *t = im->toolchains;

    if (im->num_toolchains != 1)
        return 0;
    const bool known =
        cache_get(im->inv.store, rt_identity_last_key, &value, &size, NULL, 0) == CACHE_OK;
    if (known)
        free(value);
    if ((known && !im->o->use_toolchain) ||
        cache_put(im->inv.store, rt_identity_last_key, t->identity, strlen(t->identity), why,
                  sizeof why) == CACHE_OK)
        return 0;
    return cli_error(&tool, EXIT_ENVIRONMENT, "%s", why);
}

/* ---- One bundle ---- */

static void report(importing *im, const bundle_info *info)
{
    if (im->results) {
        json_object *o = transfer_json(im->path, info);
        json_put_int(o, "kernels", (int64_t)im->kernels);
        json_put_int(o, "stored", (int64_t)im->stored);
        json_put_int(o, "present", (int64_t)im->present);
        json_put_int(o, "present_but_different", (int64_t)im->differing);
        json_put_int(o, "of_other_versions", (int64_t)im->foreign);
        json_object_array_add(im->results, o);
    } else if (!im->o->quiet) {
        transfer_print(im->path, info);
        printf("%zu kernels", im->kernels);
        if (!im->o->dry_run)
            printf(": %zu stored, %zu there before", im->stored, im->present);
        printf(im->foreign ? ", %zu of other versions left out\n" : "\n", im->foreign);
    }
    if (im->differing)
        cli_error(&tool, 0, "warning: %s: %zu kernels are not those that the cache has, which stay",
                  im->path, im->differing);
}

static void forget(importing *im)
{
    bundle_close(im->reader);
    for (size_t i = 0; i < im->num_toolchains; i++)
        free(im->toolchains[i].identity);
    free(im->toolchains);
    im->reader = NULL;
    im->toolchains = NULL;
    im->num_toolchains = 0;
    im->kernels = im->foreign = im->stored = im->present = im->differing = 0;
}

static int import_one(importing *im, const char *path)
{
    bundle_info info;

    im->path = path;
    int code = transfer_open(&tool, path, &im->o->trust, &im->reader, &info);
    if (code == 0)
        code = check_all(im);
    if (code == 0 && !im->o->dry_run)
        code = store_all(im);
    if (code == 0 && !im->o->dry_run)
        code = note_last(im);
    if (code == 0)
        report(im, &info);
    forget(im);
    return code;
}

static int import(importing *im, char *const *paths, int count)
{
    int code = im->o->dry_run ? 0 : inventory_open_store(&im->inv, &tool, im->o->cache_dir, 0);

    if (code != 0)
        return code;
    signals_catch();
    im->results = im->o->json ? json_object_new_array() : NULL;
    for (int i = 0; i < count && code == 0; i++)
        code = import_one(im, paths[i]);
    if (im->results) {
        json_object *o = json_object_new_object();
        json_put_text(o, "format", "aiter-precompile-import-1");
        json_object_object_add(o, "bundles", im->results);
        json_print(o);
    }
    inventory_close(&im->inv);
    return code;
}

int command_import(int argc, char **argv)
{
    struct options o = { 0 };
    importing im = { .o = &o };
    int count, code = command_parse(&tool, argc, argv, &o, &count);

    if (code == COMMAND_RUN && count == 0)
        code = cli_usage_error(&tool, "nothing to import: expected the paths of bundles");
    else if (code == COMMAND_RUN)
        code = import(&im, argv + 1, count);
    axis_free(&o.trust);
    return code;
}
