/* aiter-precompile merge: one bundle of several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/signals.h"
#include "tools/precompile/transfer.h"

struct options {
    const char *output, *sign;
    axis trust;
    bool json, quiet;
};

static const cli_option table[] = {
    TEXT("output", output, "FILE", "a path", "The bundle to write. Needed."),
    TEXT("sign", sign, "FILE", "a path", "Sign it with this secret key; see keygen."),
    TRUST(trust),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print nothing."),
};

static const cli_tool tool = {
    .name = "aiter-precompile merge",
    .usage = "aiter-precompile merge --output FILE [OPTION]... BUNDLE...",
    .summary = "Makes one bundle of several, such as those of the shards of a run: the same bytes\n"
               "as if one run had compiled everything. Signatures are not taken over.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Exit status: 0, 1 bundles have different code for one key, 2 wrong usage, 3 a file\n"
               "cannot be read or written, 5 a bundle is damaged or not trusted, 128 + N ended by\n"
               "signal N.\n",
};

/* A bundle and its record that is next. */
typedef struct source {
    const char *path;
    bundle_reader *reader;
    bundle_record record;
    bool ended;
} source;

typedef struct merging {
    const struct options *o;
    source *sources;
    int count;
    bundle_writer *writer;
} merging;

static int advance(source *s)
{
    char why[BUNDLE_ERROR_MAX];
    const bundle_step step = bundle_next(s->reader, &s->record, why);

    s->ended = step != BUNDLE_RECORD;
    if (step != BUNDLE_BROKEN)
        return 0;
    return cli_error(&tool, EXIT_REFUSED, "%s is refused: %s", s->path, why);
}

static int compare(const source *a, const source *b)
{
    return bundle_compare(a->record.key, a->record.key_size, b->record.key, b->record.key_size);
}

/* The source with the smallest key; NULL: all have ended. */
static source *smallest(const merging *m)
{
    source *best = NULL;

    for (int i = 0; i < m->count; i++)
        if (!m->sources[i].ended && (!best || compare(&m->sources[i], best) < 0))
            best = &m->sources[i];
    return best;
}

/* The others that have the key have to have the value, and go on with it. */
static int skip_equal(const merging *m, const source *from)
{
    char name[RECORD_NAME_MAX];

    for (int i = 0; i < m->count; i++) {
        source *s = &m->sources[i];
        if (s == from || s->ended || compare(s, from) != 0)
            continue;
        if (s->record.value_size != from->record.value_size ||
            memcmp(s->record.value, from->record.value, s->record.value_size) != 0)
            return cli_error(&tool, EXIT_FAILED, "%s and %s have different code for one key: %s",
                             from->path, s->path, record_name(from->record.key, name));
        const int code = advance(s);
        if (code != 0)
            return code;
    }
    return 0;
}

static int merge_records(merging *m)
{
    char why[BUNDLE_ERROR_MAX];
    source *from;
    int code = 0;

    while (code == 0 && (from = smallest(m))) {
        if (signals_caught())
            return cli_error(&tool, signals_exit_code(), "interrupted");
        if (!bundle_add(m->writer, &from->record, why))
            return cli_error(&tool, EXIT_ENVIRONMENT, "%s", why);
        code = skip_equal(m, from);
        if (code == 0)
            code = advance(from);
    }
    return code;
}

static int open_sources(merging *m, char *const *paths)
{
    bundle_info info;
    int code = 0;

    for (int i = 0; i < m->count && code == 0; i++) {
        m->sources[i].path = paths[i];
        code = transfer_open(&tool, paths[i], &m->o->trust, &m->sources[i].reader, &info);
        if (code == 0)
            code = advance(&m->sources[i]);
    }
    return code;
}

static void print_result(const merging *m, const bundle_info *info)
{
    if (m->o->json) {
        json_object *o = transfer_json(m->o->output, info);
        json_put_text(o, "format", "aiter-precompile-merge-1");
        json_print(o);
    } else if (!m->o->quiet) {
        transfer_print(m->o->output, info);
    }
}

static int write_merged(merging *m)
{
    char why[BUNDLE_ERROR_MAX];
    bundle_info info;

    m->writer = bundle_create(m->o->output, why);
    if (!m->writer)
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s", why);
    int code = merge_records(m);
    if (code != 0) {
        bundle_abandon(m->writer);
        return code;
    }
    code = transfer_commit(&tool, m->writer, m->o->sign, &info);
    if (code == 0)
        print_result(m, &info);
    return code;
}

static int merge(merging *m, char *const *paths)
{
    m->sources = calloc((size_t)m->count, sizeof *m->sources);
    if (!m->sources)
        return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    signals_catch();
    int code = open_sources(m, paths);
    if (code == 0)
        code = write_merged(m);
    for (int i = 0; i < m->count; i++)
        bundle_close(m->sources[i].reader);
    free(m->sources);
    return code;
}

int command_merge(int argc, char **argv)
{
    struct options o = { 0 };
    merging m = { .o = &o };
    int code = command_parse(&tool, argc, argv, &o, &m.count);

    if (code == COMMAND_RUN && m.count == 0)
        code = cli_usage_error(&tool, "nothing to merge: expected the paths of bundles");
    else if (code == COMMAND_RUN && !o.output)
        code = cli_usage_error(&tool, "--output: not given: expected the bundle's path");
    else if (code == COMMAND_RUN)
        code = merge(&m, argv + 1);
    axis_free(&o.trust);
    return code;
}
