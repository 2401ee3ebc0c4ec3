/* aiter-precompile list, stat: what is in a cache. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/inventory.h"
#include "tools/json.h"
#include "tools/precompile/units.h"

struct options {
    const char *cache_dir;
    bool json;
};

static const cli_option table[] = {
    CACHE_DIR(cache_dir),
    FLAG("json", json, "Print JSON."),
};

static const cli_tool list_tool = {
    .name = "aiter-precompile list",
    .usage = "aiter-precompile list [OPTION]... [FIELD=VALUE]...",
    .summary = "Lists the kernels in a cache: size of the code object, registers, LDS, time since it\n"
               "was stored and since it was last used. FIELD is one of the configuration, or\n"
               "generator or toolchain, which are given by their first digits.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 2 wrong usage, 3 no usable cache, 128 + N ended by signal N.\n"
               "\n"
               "Example: aiter-precompile list arch=gfx942 hdqk=128\n",
};

static const cli_tool stat_tool = {
    .name = "aiter-precompile stat",
    .usage = "aiter-precompile stat [OPTION]...",
    .summary = "Says how much is in a cache, for which architectures, by which versions and\n"
               "compilers.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 2 wrong usage, 3 no usable cache, 128 + N ended by signal N.\n",
};

/* ---- list ---- */

static void print_entry(const entry *e, uint64_t now)
{
    char size[UNITS_TEXT_MAX], stored[UNITS_TEXT_MAX], used[UNITS_TEXT_MAX];
    char vgprs[16] = "-", lds[16] = "-";

    if (e->state == RECORD_GOOD) {
        snprintf(vgprs, sizeof vgprs, "%d", e->facts.code.vgprs);
        snprintf(lds, sizeof lds, "%d", e->facts.code.lds_bytes);
    }
    printf("%9s %5s %6s %8s %8s  %s%s\n",
           units_bytes(e->state == RECORD_GOOD ? e->facts.code_bytes : e->size, size), vgprs, lds,
           units_age(now, e->stored_s, stored), units_age(now, e->used_s, used), e->key.config,
           e->state == RECORD_FOREIGN ? "  (another version)"
           : e->state == RECORD_WRONG ? "  (wrong: see verify)" : "");
}

static json_object *entry_json(const entry *e)
{
    static const char *const states[] = { "good", "other version", "wrong" };
    json_object *o = json_object_new_object();

    json_put_text(o, "configuration", e->key.config);
    json_put_text(o, "state", states[e->state]);
    json_put_text(o, "generator", e->key.generator);
    json_put_text(o, "toolchain", e->key.toolchain);
    json_put_int(o, "record_bytes", (int64_t)e->size);
    json_put_int(o, "stored", (int64_t)e->stored_s);
    json_put_int(o, "used", (int64_t)e->used_s);
    if (e->state != RECORD_GOOD)
        return o;
    json_put_int(o, "code_bytes", (int64_t)e->facts.code_bytes);
    json_put_int(o, "vgprs", e->facts.code.vgprs);
    json_put_int(o, "agprs", e->facts.code.agprs);
    json_put_int(o, "sgprs", e->facts.code.sgprs);
    json_put_int(o, "vgpr_spills", e->facts.code.vgpr_spills);
    json_put_int(o, "sgpr_spills", e->facts.code.sgpr_spills);
    json_put_int(o, "lds_bytes", e->facts.code.lds_bytes);
    json_put_int(o, "scratch_bytes", e->facts.code.scratch_bytes);
    return o;
}

static void print_list(const inventory *inv, char *const *filters, int count, bool json)
{
    const uint64_t now = (uint64_t)time(NULL);
    json_object *list = json ? json_object_new_array() : NULL;

    if (!json)
        printf("%9s %5s %6s %8s %8s  %s\n", "code", "VGPRs", "LDS", "stored", "used",
               "configuration");
    for (size_t i = 0; i < inv->count; i++) {
        const entry *e = &inv->entries[i];
        if (e->kind != RECORD_KERNEL || !filter_matches(filters, count, &e->key))
            continue;
        if (json)
            json_object_array_add(list, entry_json(e));
        else
            print_entry(e, now);
    }
    if (!json)
        return;
    json_object *o = json_object_new_object();
    json_put_text(o, "format", "aiter-precompile-list-1");
    json_put_text(o, "cache_dir", inv->dir);
    json_object_object_add(o, "kernels", list);
    json_print(o);
}

int command_list(int argc, char **argv)
{
    struct options o = { 0 };
    inventory inv;
    int count, code = command_parse_filters(&list_tool, argc, argv, &o, &count);

    if (code != COMMAND_RUN)
        return code;
    code = inventory_open(&inv, &list_tool, o.cache_dir, CACHE_READ_ONLY);
    if (code != 0)
        return code;
    print_list(&inv, argv + 1, count, o.json);
    inventory_close(&inv);
    return EXIT_OK;
}

/* ---- stat ---- */

typedef struct totals {
    size_t kernels, other_versions, toolchains, others, damaged, wrong;
    uint64_t code_bytes;
    uint64_t oldest_s, newest_s;        /* last use */
} totals;

static totals sum_up(const inventory *inv)
{
    totals t = { 0 };

    for (size_t i = 0; i < inv->count; i++) {
        const entry *e = &inv->entries[i];
        const uint64_t last = entry_last_s(e);
        t.damaged += !e->text;
        t.wrong += e->text && e->problem;
        t.kernels += e->kind == RECORD_KERNEL;
        t.other_versions += e->kind == RECORD_KERNEL && e->state == RECORD_FOREIGN;
        t.toolchains += e->kind == RECORD_TOOLCHAIN;
        t.others += e->text && e->kind == RECORD_OTHER;
        t.code_bytes += e->facts.code_bytes;
        if (e->kind == RECORD_KERNEL && last) {
            t.oldest_s = t.oldest_s && t.oldest_s < last ? t.oldest_s : last;
            t.newest_s = t.newest_s > last ? t.newest_s : last;
        }
    }
    return t;
}

static size_t count_arch(const inventory *inv, const char *arch, uint64_t *bytes)
{
    char word[64], *filter[] = { word };
    size_t count = 0;

    *bytes = 0;
    snprintf(word, sizeof word, "arch=%s", arch);
    for (size_t i = 0; i < inv->count; i++)
        if (inv->entries[i].kind == RECORD_KERNEL &&
            filter_matches(filter, 1, &inv->entries[i].key)) {
            count++;
            *bytes += inv->entries[i].size;
        }
    return count;
}

static const char *toolchain_state(const toolchain *t)
{
    return t->is_current ? "installed" : t->is_last ? "not here, looked up without a compiler"
                                                    : "not here";
}

static void print_stat(const inventory *inv)
{
    const totals t = sum_up(inv);
    const uint64_t now = (uint64_t)time(NULL);
    char a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
    uint64_t bytes;

    printf("cache       %s\n", inv->dir);
    printf("records     %zu, %s in a file of %s\n", inv->usage.records,
           units_bytes(inv->usage.bytes, a), units_bytes(inv->usage.file_bytes, b));
    printf("kernels     %zu, %zu of them another version's\n", t.kernels, t.other_versions);
    if (t.kernels)
        printf("last used   between %s and %s ago\n", units_age(now, t.newest_s, a),
               units_age(now, t.oldest_s, b));
    for (size_t i = 0; gen_arch_at(i); i++) {
        const size_t count = count_arch(inv, gen_arch_at(i)->name, &bytes);
        if (count)
            printf("%-11s %zu kernels, %s\n", gen_arch_at(i)->name, count, units_bytes(bytes, a));
    }
    for (size_t i = 0; i < inv->toolchains.count; i++) {
        const toolchain *c = &inv->toolchains.items[i];
        printf("toolchain   %.*s: %zu kernels; %s\n", RECORD_SHORT_DIGEST, c->digest, c->kernels,
               toolchain_state(c));
    }
    if (t.damaged || t.wrong)
        printf("damaged     %zu, wrong %zu: see aiter-precompile verify\n", t.damaged, t.wrong);
}

static json_object *arches_json(const inventory *inv)
{
    json_object *o = json_object_new_object();
    uint64_t bytes;

    for (size_t i = 0; gen_arch_at(i); i++) {
        const size_t count = count_arch(inv, gen_arch_at(i)->name, &bytes);
        json_object *arch = json_object_new_object();
        json_put_int(arch, "kernels", (int64_t)count);
        json_put_int(arch, "record_bytes", (int64_t)bytes);
        json_object_object_add(o, gen_arch_at(i)->name, arch);
    }
    return o;
}

static json_object *toolchains_json(const inventory *inv)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < inv->toolchains.count; i++) {
        const toolchain *t = &inv->toolchains.items[i];
        json_object *o = json_object_new_object();
        json_put_text(o, "digest", t->digest);
        json_put_int(o, "kernels", (int64_t)t->kernels);
        json_put_bool(o, "installed", t->is_current);
        json_put_bool(o, "last", t->is_last);
        json_object_array_add(list, o);
    }
    return list;
}

static void print_stat_json(const inventory *inv)
{
    const totals t = sum_up(inv);
    json_object *o = json_object_new_object();

    json_put_text(o, "format", "aiter-precompile-stat-1");
    json_put_text(o, "cache_dir", inv->dir);
    json_put_text(o, "generator", gen_digest());
    json_put_int(o, "records", (int64_t)inv->usage.records);
    json_put_int(o, "record_bytes", (int64_t)inv->usage.bytes);
    json_put_int(o, "file_bytes", (int64_t)inv->usage.file_bytes);
    json_put_int(o, "code_bytes", (int64_t)t.code_bytes);
    json_put_int(o, "kernels", (int64_t)t.kernels);
    json_put_int(o, "kernels_of_other_versions", (int64_t)t.other_versions);
    json_put_int(o, "damaged", (int64_t)t.damaged);
    json_put_int(o, "wrong", (int64_t)t.wrong);
    json_put_int(o, "oldest_use", (int64_t)t.oldest_s);
    json_put_int(o, "newest_use", (int64_t)t.newest_s);
    json_object_object_add(o, "arches", arches_json(inv));
    json_object_object_add(o, "toolchains", toolchains_json(inv));
    json_print(o);
}

int command_stat(int argc, char **argv)
{
    struct options o = { 0 };
    inventory inv;
    int count, code = command_parse(&stat_tool, argc, argv, &o, &count);

    if (code != COMMAND_RUN)
        return code;
    if (count > 0)
        return cli_usage_error(&stat_tool, "'%s': expected no arguments", argv[1]);
    code = inventory_open(&inv, &stat_tool, o.cache_dir, CACHE_READ_ONLY);
    if (code != 0)
        return code;
    if (o.json)
        print_stat_json(&inv);
    else
        print_stat(&inv);
    inventory_close(&inv);
    return EXIT_OK;
}
