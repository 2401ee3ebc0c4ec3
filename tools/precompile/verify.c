/* aiter-precompile verify: is everything in a cache what it should be? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/inventory.h"
#include "tools/json.h"
#include "tools/precompile/run.h"
#include "tools/precompile/signals.h"

struct options {
    const char *cache_dir, *compiler;
    int jobs, timeout_s;
    bool deep, remove, json, quiet;
};

static const cli_option table[] = {
    CACHE_DIR(cache_dir),
    FLAG("deep", deep,
         "Compile the kernels of the installed compiler again and compare the bytes."),
    FLAG("remove", remove, "Remove what is damaged, wrong or different."),
    HEADING("For --deep"),
    INT("jobs", jobs, 1, RUN_JOBS_MAX,
        "Compile N kernels at a time. Default: the online processors."),
    INT("timeout", timeout_s, 1, RUN_TIMEOUT_MAX_S,
        "Give a compile up after N seconds. Default 120."),
    TEXT("compiler", compiler, "FILE", "a path",
         "The aiter-compiler to use. Default $AITER_COMPILER or the installed one."),
    HEADING("Output"),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print problems only."),
};

static const cli_tool tool = {
    .name = "aiter-precompile verify",
    .usage = "aiter-precompile verify [OPTION]... [FIELD=VALUE]...",
    .summary = "Reads every record of a cache: is it intact, is its key what this version makes of\n"
               "its configuration, and does its code object have the kernel? With FIELD=VALUE, as\n"
               "for list, only such kernels are compiled again.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "A damaged record is never used: it counts as missing, and is compiled again.\n"
               "\n"
               "Exit status: 0 all is well, 1 something is not, 2 wrong usage, 3 no usable cache or\n"
               "no compiler, 128 + N ended by signal N.\n",
};

typedef struct verification {
    const struct options *o;
    inventory inv;
    size_t damaged, wrong;
    size_t same, different, failed, not_compared;
} verification;

/* ---- --deep ---- */

/* The compiler that would be used is the one that the cache knows last, if it is installed. */
static bool is_comparable(const verification *v, const entry *e)
{
    const toolchain *t = toolchains_find(&v->inv.toolchains, e->key.toolchain);

    return e->state == RECORD_GOOD && t && t->is_last && t->is_current;
}

static entry *find_entry(const verification *v, const char *config)
{
    for (size_t i = 0; i < v->inv.count; i++)
        if (v->inv.entries[i].kind == RECORD_KERNEL && is_comparable(v, &v->inv.entries[i]) &&
            strcmp(v->inv.entries[i].key.config, config) == 0)
            return &v->inv.entries[i];
    return NULL;
}

/* Compares with what is in the cache now. */
static bool compare_code(void *user, const selected *item, const aiter_warm_result *result,
                         char *error)
{
    verification *v = user;
    entry *e = find_entry(v, item->text);
    gen_kernel kernel;
    rt_code code;
    void *value;
    size_t size;

    snprintf(error, RUN_ERROR_MAX, "the record cannot be read any more");
    if (!e || cache_get(v->inv.store, e->text, &value, &size, NULL, 0) != CACHE_OK)
        return false;
    gen_kernel_describe(&item->config, &kernel);
    if (!rt_envelope_open(value, size, &kernel, &code, error))
        return false;
    const bool same = code.image_size == result->info.code_bytes &&
                      memcmp(code.image, result->code, code.image_size) == 0;
    if (!same) {
        snprintf(error, RUN_ERROR_MAX, "compiled again, the code object is another one (%zu bytes "
                 "in the cache, %zu now)", code.image_size, result->info.code_bytes);
        e->problem = strdup("its code object is not what the compiler makes");
    }
    rt_code_free(&code);
    return same;
}

static int select_kernels(verification *v, char *const *filters, int count, selection *s)
{
    char why[GEN_ERROR_MAX];

    for (size_t i = 0; i < v->inv.count; i++) {
        const entry *e = &v->inv.entries[i];
        if (e->kind != RECORD_KERNEL || e->problem || !filter_matches(filters, count, &e->key))
            continue;
        if (!is_comparable(v, e))
            v->not_compared++;
        else if (!select_text(s, e->key.config, why))
            return cli_error(&tool, EXIT_ENVIRONMENT, "%s: %s", e->key.config, why);
    }
    return 0;
}

static void count_outcomes(verification *v, const run_result *result)
{
    size_t problems = 0;

    for (size_t i = 0; i < v->inv.count; i++)
        problems += v->inv.entries[i].problem != NULL;
    v->different = problems - v->damaged - v->wrong;
    v->same = result->compiled;
    v->failed = result->failed - v->different;
    v->not_compared += result->not_run;
}

static int compile_again(verification *v, char *const *filters, int count)
{
    const struct options *o = v->o;
    selection s = { 0 };
    run_result result;
    run_options run = { .tool = &tool, .take = compare_code, .take_user = v, .quiet = o->quiet,
                        .jobs = o->jobs ? o->jobs : run_default_jobs() };
    int code = select_kernels(v, filters, count, &s);

    run.context = (aiter_context_options){
        .size = sizeof run.context, .no_cache = 1, .compiler = o->compiler,
        .compile_jobs = run.jobs, .compile_timeout_ms = o->timeout_s * 1000,
    };
    if (code == 0 && !run_selection(&s, &run, &result))
        code = cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    if (code == 0) {
        count_outcomes(v, &result);
        if (result.fatal != AITER_OK)
            code = cli_error(&tool, EXIT_ENVIRONMENT, "%s", result.fatal_message);
        if (result.abandoned)
            run_leave(signals_exit_code());
        run_result_free(&result, s.count);
    }
    selection_free(&s);
    return code;
}

/* ---- The rest ---- */

static const char *name_of(const entry *e)
{
    return e->kind == RECORD_KERNEL ? e->key.config : e->digest;
}

static void count_problems(verification *v)
{
    for (size_t i = 0; i < v->inv.count; i++) {
        const entry *e = &v->inv.entries[i];
        v->damaged += !e->text;
        v->wrong += e->text && e->problem;
        if (e->problem)
            fprintf(stderr, "%s: %s: %s\n", e->text ? "wrong" : "damaged", name_of(e), e->problem);
    }
}

static int remove_problems(verification *v)
{
    const char **digests = calloc(v->inv.count + 1, sizeof *digests);
    char why[512] = "";
    size_t count = 0, removed = 0;
    int code = 0;

    for (size_t i = 0; digests && i < v->inv.count; i++)
        if (v->inv.entries[i].problem)
            digests[count++] = v->inv.entries[i].digest;
    if (!digests)
        return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    if (count && cache_remove(v->inv.store, digests, count, &removed, why, sizeof why) != CACHE_OK)
        code = cli_error(&tool, EXIT_ENVIRONMENT, "the records cannot be removed: %s", why);
    else if (count && !v->o->quiet)
        fprintf(stderr, "removed: %zu records\n", removed);
    free(digests);
    return code;
}

static void print_result(const verification *v)
{
    if (v->o->quiet)
        return;
    printf("%zu records: %zu damaged, %zu wrong\n", v->inv.count, v->damaged, v->wrong);
    if (v->o->deep)
        printf("compiled again: %zu the same, %zu different, %zu failed, %zu not compared\n",
               v->same, v->different, v->failed, v->not_compared);
}

static void print_result_json(const verification *v)
{
    json_object *o = json_object_new_object(), *list = json_object_new_array();

    json_put_text(o, "format", "aiter-precompile-verify-1");
    json_put_text(o, "cache_dir", v->inv.dir);
    json_put_int(o, "records", (int64_t)v->inv.count);
    json_put_int(o, "damaged", (int64_t)v->damaged);
    json_put_int(o, "wrong", (int64_t)v->wrong);
    if (v->o->deep) {
        json_put_int(o, "same", (int64_t)v->same);
        json_put_int(o, "different", (int64_t)v->different);
        json_put_int(o, "failed", (int64_t)v->failed);
        json_put_int(o, "not_compared", (int64_t)v->not_compared);
    }
    for (size_t i = 0; i < v->inv.count; i++) {
        if (!v->inv.entries[i].problem)
            continue;
        json_object *item = json_object_new_object();
        json_put_text(item, "record", name_of(&v->inv.entries[i]));
        json_put_text(item, "problem", v->inv.entries[i].problem);
        json_object_array_add(list, item);
    }
    json_object_object_add(o, "problems", list);
    json_print(o);
}

static int verify(verification *v, char *const *filters, int count)
{
    int code = inventory_open(&v->inv, &tool, v->o->cache_dir,
                              v->o->remove ? 0 : CACHE_READ_ONLY);

    if (code != 0)
        return code;
    count_problems(v);
    if (v->o->deep)
        code = compile_again(v, filters, count);
    if (code == 0 && v->o->remove)
        code = remove_problems(v);
    if (v->o->json)
        print_result_json(v);
    else
        print_result(v);
    if (code == 0 && signals_caught())
        code = signals_exit_code();
    if (code == 0 && v->damaged + v->wrong + v->different + v->failed)
        code = EXIT_FAILED;
    inventory_close(&v->inv);
    return code;
}

int command_verify(int argc, char **argv)
{
    struct options o = { 0 };
    verification v = { .o = &o };
    int count;
    const int code = command_parse_filters(&tool, argc, argv, &o, &count);

    if (code != COMMAND_RUN)
        return code;
    if (!o.deep && (count || o.jobs || o.timeout_s || o.compiler))
        return cli_usage_error(&tool,
                               "FIELD=VALUE, --jobs, --timeout and --compiler are for --deep");
    return verify(&v, argv + 1, count);
}
