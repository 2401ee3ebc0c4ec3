/* The command without a name: compiles kernels into a cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/precompile/commands.h"
#include "tools/precompile/emit.h"
#include "tools/precompile/file.h"
#include "tools/precompile/manifest.h"
#include "tools/precompile/model.h"
#include "tools/precompile/report.h"
#include "tools/precompile/shard.h"
#include "tools/precompile/signals.h"

enum { FAULTS_SHOWN = 20, EXPRESSION_FILE_MAX = 65536 };

struct options {
    axis axes[NUM_AXES];
    axis models, manifests, tp, phase, page_size, kv_dtype, rotary;
    const char *cache_dir, *compiler, *emit_source, *emit_code, *shard;
    int jobs, timeout_s;
    bool dry_run, quiet, json;
};

static const cli_option table[] = {
    HEADING("What to compile: the product of these comma lists"),
    VALUE("arch", axes[AXIS_ARCH], "LIST", axis_set_arch,
         "gfx90a, gfx942, gfx950, gfx1100, gfx1201, a comma list of these, or all",
         "Target architectures, or all. Needed unless configurations are given as text."),
    VALUE("dtype", axes[AXIS_DTYPE], "LIST", axis_set_dtype,
         "fp16, bf16, fp32 or a comma list of these",
         "fp16, bf16, fp32. Default fp16,bf16; with --model: the model's."),
    VALUE("head-dim", axes[AXIS_HEAD_DIM], "LIST", axis_set_head_dim,
         "multiples of 8 from 8 to 256, or pairs such as 192x128, separated by commas",
         "Multiples of 8 from 8 to 256; 192x128 is 192 for Q and K and 128 for V. Default 128."),
    VALUE("mask", axes[AXIS_MASK], "LIST", axis_set_mask, "none, causal or a comma list of these",
         "none, causal. Default both."),
    VALUE("gqa", axes[AXIS_GQA], "LIST", axis_set_gqa,
         "integers from 1 to 1024, separated by commas", "Query heads per KV head. Default 1."),
    VALUE("lse", axes[AXIS_LSE], "LIST", axis_set_lse, "0, 1 or a comma list of these",
         "1: kernels that also write the log-sum-exp. Default 0."),
    VALUE("score-mod", axes[AXIS_SCORE_MOD], "EXPR", axis_set_path, "an expression or @FILE",
         "One expression that every score goes through, as in the C API, or @FILE that has it. "
         "Default none."),
    VALUE("mask-mod", axes[AXIS_MASK_MOD], "EXPR", axis_set_path, "an expression or @FILE",
         "Likewise one for which keys are visible."),
    HEADING("What to compile: what models need, on the architectures of --arch"),
    VALUE("model", models, "PATH", axis_set_path, "a path",
         "A Hugging Face configuration: config.json or the folder that has it."),
    VALUE("tp", tp, "LIST", axis_set_tp, "integers from 1 to 4096, separated by commas",
         "GPUs that share the heads (tensor parallelism). Default 1."),
    VALUE("phase", phase, "LIST", axis_set_phase,
         "prefill, varlen, decode, chunked, mixed, append or a comma list of these",
         "prefill: prompts of one length; varlen: packed prompts; decode: a paged KV cache; "
         "chunked: packed prompts that go on in one; mixed: the same with a workspace; append: calls "
         "that append their keys to one. Default prefill,varlen, and decode,chunked with --page-size."),
    VALUE("page-size", page_size, "LIST", axis_set_page_size,
         "integers from 1 to 65536, separated by commas",
         "Keys per block of the server's paged KV cache."),
    VALUE("kv-dtype", kv_dtype, "LIST", axis_set_kv_dtype,
         "auto, fp8 or a comma list of these",
         "The paged KV cache's: auto, as the model's, or fp8. Default auto."),
    VALUE("rotary", rotary, "LIST", axis_set_rotary,
         "none, half, interleaved or a comma list of these",
         "Rotary embedding in calls that append: half (NeoX) or interleaved. Default none."),
    HEADING("What to compile: texts"),
    VALUE("manifest", manifests, "FILE", axis_set_path, "a path or -",
         "Configurations, one a line; - is standard input."),
    HEADING("How"),
    TEXT("cache-dir", cache_dir, "DIR", "a path",
         "The cache to fill. Default $AITER_CACHE_DIR, $XDG_CACHE_HOME/aiter or ~/.cache/aiter."),
    INT("jobs", jobs, 1, RUN_JOBS_MAX,
        "Compile N kernels at a time. Default: the online processors."),
    TEXT("shard", shard, "I/N", "I/N or slurm",
         "Compile the I-th of N parts only; slurm: this task's part of a job array."),
    INT("timeout", timeout_s, 1, RUN_TIMEOUT_MAX_S,
        "Give a compile up after N seconds. Default 120."),
    TEXT("compiler", compiler, "FILE", "a path",
         "The aiter-compiler to use. Default $AITER_COMPILER or the installed one."),
    FLAG("dry-run", dry_run,
         "Compile nothing: print the configurations, as a manifest. --emit-source still writes."),
    HEADING("Output"),
    TEXT("emit-source", emit_source, "DIR", "a path",
         "Write each kernel's source, DIR/SYMBOL.hip, and its compiler options, "
         "DIR/SYMBOL.options."),
    TEXT("emit-code", emit_code, "DIR", "a path",
         "Write each code object, DIR/SYMBOL.hsaco, and DIR/SYMBOL.json: how to launch it without "
         "libaiter."),
    FLAG("json", json, "Print the result as JSON on stdout."),
    FLAG("quiet", quiet, "Print failures only."),
    HEADING("Commands, each with a --help of its own\n"
            "  list, stat              What is in a cache.\n"
            "  verify                  Is it what it should be? --deep compiles it again.\n"
            "  prune                   Remove what is old, stale or too much.\n"
            "  export, import, merge   Kernels as one file: a bundle.\n"
            "  keygen                  Keys that sign bundles.\n"
            "\n"
            "Other"),
};

static const cli_tool tool = {
    .name = "aiter-precompile",
    .usage = "aiter-precompile [OPTION]... [CONFIGURATION]...\n"
             "       aiter-precompile COMMAND [OPTION]... [ARGUMENT]...",
    .summary =
        "Compiles attention kernels into libaiter's cache before they are needed, without a\n"
        "GPU.\n"
        "A CONFIGURATION is a text as --dry-run prints it, in quotes. Options can be given\n"
        "more than once: their lists add up.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing = "Combinations of the product that are no configuration (bf16 for an architecture\n"
               "without matrix instructions, say) are reported, counted and left out; one that\n"
               "stands alone is an error. What is in the cache already is not compiled again.\n"
               "Progress is printed on stderr, results on stdout. SIGINT, SIGTERM and SIGHUP\n"
               "end the run after the compiles under way, or 10 seconds.\n"
               "\n"
               "Exit status: 0 everything is in the cache, 1 some failed, 2 wrong usage or input,\n"
               "3 no compiler, no usable cache or no directory to write to, 4 a model needs what\n"
               "this version cannot do, 128 + N ended by signal N.\n"
               "\n"
               "Example: aiter-precompile --arch gfx942 --model Llama-3.1-70B --tp 8 --jobs 8\n",
};

/* ---- What to compile ---- */

static bool has_product(const struct options *o)
{
    return o->models.count == 0 && o->axes[AXIS_ARCH].count > 0;
}

/* Options that mean nothing beside the others are mistakes. */
static int check_combination(const struct options *o, int num_texts)
{
    static const char *const names[NUM_AXES] = { "arch", "dtype", "head-dim", "mask", "gqa",
                                                 "lse", "score-mod", "mask-mod" };
    const axis *lists[] = { &o->tp, &o->phase, &o->page_size, &o->kv_dtype, &o->rotary };
    static const char *const list_names[] = { "tp", "phase", "page-size", "kv-dtype", "rotary" };
    const bool arch = o->axes[AXIS_ARCH].count > 0;

    if (!arch && !num_texts && !o->manifests.count && !o->models.count)
        return cli_usage_error(&tool, "nothing to compile: expected --arch, --model, --manifest or "
                               "a configuration text");
    for (int i = 0; i < NUM_AXES; i++) {
        if (o->axes[i].count && !arch)
            return cli_usage_error(&tool, "--arch: not given: expected it beside --%s", names[i]);
        if (o->axes[i].count && o->models.count && i >= AXIS_HEAD_DIM && i <= AXIS_GQA)
            return cli_usage_error(&tool, "--%s: given beside --model, which decides it", names[i]);
        if (o->axes[i].count && o->models.count && i >= AXIS_SCORE_MOD)
            return cli_usage_error(&tool, "--%s: given beside --model, whose kernels have none",
                                   names[i]);
    }
    if (o->models.count && !arch)
        return cli_usage_error(&tool, "--arch: not given: expected it beside --model");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i]->count && !o->models.count)
            return cli_usage_error(&tool, "--%s: given without --model", list_names[i]);
    if (o->kv_dtype.count && !o->page_size.count)
        return cli_usage_error(&tool, "--kv-dtype: given without --page-size");
    bool appends = false;
    for (size_t i = 0; i < o->phase.count; i++) {
        appends = appends || model_phase_appends(o->phase.values[i]);
        if (!o->page_size.count && model_phase_is_paged(o->phase.values[i]))
            return cli_usage_error(&tool, "--phase %s: expected --page-size beside it",
                                   o->phase.values[i]);
    }
    if (o->rotary.count && !appends)
        return cli_usage_error(&tool, "--rotary: expected --phase append beside it");
    return 0;
}

/* The text that an option gives or names the file of, without the newlines at the file's end. On the
 * heap; NULL: `why` says why not. */
static char *read_expression(const char *given, char why[FILE_ERROR_MAX])
{
    char *text;
    size_t size;

    snprintf(why, FILE_ERROR_MAX, "out of memory");
    if (given[0] != '@')
        return strdup(given);
    if (!file_read(given + 1, EXPRESSION_FILE_MAX, &text, &size, why))
        return NULL;
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    return text;
}

/* Replaces the values of an axis by what a configuration says for them. */
static int quote_expressions(axis *a, const char *option, const char *field)
{
    char why[FILE_ERROR_MAX + GEN_ERROR_MAX], quoted[GEN_TEXT_MAX];

    for (size_t i = 0; i < a->count; i++) {
        char *text = read_expression(a->values[i], why);
        const char *expression = text ? gen_expression(field, text, why) : NULL;
        free(text);
        if (!expression)
            return cli_usage_error(&tool, "--%s: %s", option, why);
        gen_config config = { .score_mod = expression };
        gen_config_value(&config, "score_mod", quoted);
        if (!(text = strdup(quoted)))
            return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
        free(a->values[i]);
        a->values[i] = text;
    }
    return 0;
}

/* PATH/config.json for a folder. */
static bool model_path(const char *given, char out[FILE_PATH_MAX])
{
    struct stat st;
    const bool folder = stat(given, &st) == 0 && S_ISDIR(st.st_mode);

    return snprintf(out, FILE_PATH_MAX, "%s%s", given, folder ? "/config.json" : "") <
           FILE_PATH_MAX;
}

static int select_model(const struct options *o, const char *given, selection *s)
{
    const model_serving serving = {
        .arch = o->axes[AXIS_ARCH], .dtype = o->axes[AXIS_DTYPE], .lse = o->axes[AXIS_LSE],
        .tp = o->tp, .phase = o->phase, .page_size = o->page_size, .kv_dtype = o->kv_dtype,
        .rotary = o->rotary,
    };
    char path[FILE_PATH_MAX], why[MODEL_ERROR_MAX], *json = NULL;
    size_t size;

    if (!model_path(given, path))
        return cli_usage_error(&tool, "--model: '%.60s...': the path is too long", given);
    if (!file_read(path, MODEL_MAX, &json, &size, why))
        return cli_usage_error(&tool, "--model: %s", why);
    const bool good = model_select(s, path, json, size, &serving, why);
    free(json);
    return good ? 0 : cli_usage_error(&tool, "--model: %s: %s", path, why);
}

typedef struct faults {
    const char *name;
    size_t count;
} faults;

static void on_fault(void *user, size_t line, const char *why)
{
    faults *f = user;

    if (f->count++ < FAULTS_SHOWN)
        cli_error(&tool, 0, "%s:%zu: %s", f->name, line, why);
}

static int select_manifest(const char *path, selection *s)
{
    faults f = { .name = strcmp(path, "-") == 0 ? "<stdin>" : path };
    char why[FILE_ERROR_MAX], *data;
    size_t size;

    if (!file_read(path, MANIFEST_MAX, &data, &size, why))
        return cli_usage_error(&tool, "--manifest: %s", why);
    manifest_parse(s, data, size, on_fault, &f);
    free(data);
    return f.count ? cli_usage_error(&tool, "--manifest: %zu lines of %s are no configurations",
                                     f.count, f.name)
                   : 0;
}

static int select_texts(char *const *texts, int num_texts, selection *s)
{
    char why[GEN_ERROR_MAX];

    for (int i = 0; i < num_texts; i++)
        if (!select_text(s, texts[i], why))
            return cli_usage_error(&tool, "configuration '%s': %s", texts[i], why);
    return 0;
}

/* One line per reason: a product can hold the same mistake many times. */
static void print_invalid(const selection *s)
{
    for (size_t i = 0; i < s->num_invalid; i++) {
        size_t alike = 0, earlier = 0;

        for (size_t j = 0; j < s->num_invalid; j++)
            if (strcmp(s->invalid[i].why, s->invalid[j].why) == 0) {
                alike++;
                earlier += j < i;
            }
        if (earlier == 0)
            fprintf(stderr, "left out: %zu of the combinations, such as %s: %s\n", alike,
                    s->invalid[i].text, s->invalid[i].why);
    }
}

static void print_lacking(const selection *s)
{
    for (size_t i = 0; i < s->num_lacking; i++)
        fprintf(stderr, "not supported: %s: %s: %s\n", s->lacking[i].model, s->lacking[i].what,
                s->lacking[i].why);
}

static int reduce_to_shard(const struct options *o, selection *s)
{
    char why[SHARD_ERROR_MAX];
    shard_spec shard;

    if (!o->shard)
        return 0;
    if (!shard_parse(o->shard, &shard, why))
        return cli_usage_error(&tool, "--shard: %s", why);
    return select_shard(s, shard.index, shard.count) ? 0
                                                     : cli_error(&tool, EXIT_ENVIRONMENT,
                                                                 "out of memory");
}

/* Returns 0 or an exit code. */
static int select_all(struct options *o, char *const *texts, int num_texts, selection *s)
{
    int code = check_combination(o, num_texts);

    if (code == 0)
        code = quote_expressions(&o->axes[AXIS_SCORE_MOD], "score-mod", "score_mod");
    if (code == 0)
        code = quote_expressions(&o->axes[AXIS_MASK_MOD], "mask-mod", "mask_mod");
    if (code == 0 && has_product(o) && !select_product(s, o->axes))
        code = cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    for (size_t i = 0; code == 0 && i < o->models.count; i++)
        code = select_model(o, o->models.values[i], s);
    for (size_t i = 0; code == 0 && i < o->manifests.count; i++)
        code = select_manifest(o->manifests.values[i], s);
    if (code == 0)
        code = select_texts(texts, num_texts, s);
    if (code != 0)
        return code;
    if (s->count == 0 && s->num_invalid == 1)
        return cli_usage_error(&tool, "%s: %s", s->invalid[0].text, s->invalid[0].why);
    print_lacking(s);
    if (!o->quiet)
        print_invalid(s);
    if (s->count == 0 && s->num_invalid)
        return cli_usage_error(&tool, "none of the %zu combinations is a configuration",
                               s->num_invalid);
    return reduce_to_shard(o, s);
}

/* ---- Steps ---- */

static int make_directories(const struct options *o)
{
    char error[EMIT_ERROR_MAX];

    if (o->emit_source && !emit_make_dir(o->emit_source, error))
        return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-source: %s", error);
    if (o->emit_code && !o->dry_run && !emit_make_dir(o->emit_code, error))
        return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-code: %s", error);
    return 0;
}

static int write_sources(const struct options *o, const selection *s)
{
    char error[EMIT_ERROR_MAX];

    for (size_t i = 0; o->emit_source && i < s->count; i++)
        if (!emit_source(o->emit_source, &s->items[i], error))
            return cli_error(&tool, EXIT_ENVIRONMENT, "--emit-source: %s", error);
    return 0;
}

static int exit_code(const selection *s, const run_result *r)
{
    if (r->fatal != AITER_OK)
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s",
                         r->fatal_message ? r->fatal_message : "out of memory");
    if (signals_caught() && r->not_run)
        return cli_error(&tool, signals_exit_code(), "interrupted: %zu configurations were not run",
                         r->not_run);
    if (signals_caught())
        return signals_exit_code();
    return r->failed ? EXIT_FAILED : s->num_lacking ? EXIT_UNSUPPORTED : EXIT_OK;
}

static bool take_code(void *dir, const selected *item, const aiter_warm_result *result, char *error)
{
    return emit_code(dir, item, result, error);
}

static int compile(const struct options *o, const selection *s)
{
    run_options run = { .tool = &tool, .jobs = o->jobs, .quiet = o->quiet,
                        .take = o->emit_code ? take_code : NULL,
                        .take_user = (void *)o->emit_code };
    run_result result;

    if (run.jobs == 0)
        run.jobs = run_default_jobs();
    run.context = (aiter_context_options){
        .size = sizeof run.context,
        .cache_dir = o->cache_dir,
        .compiler = o->compiler,
        .compile_jobs = run.jobs,
        .compile_timeout_ms = o->timeout_s * 1000,
    };
    signals_catch();
    if (!run_selection(s, &run, &result))
        return cli_error(&tool, EXIT_ENVIRONMENT, "out of memory");
    if (o->json || (!o->quiet && result.fatal == AITER_OK))
        report_run(s, &result, o->json);
    const int code = exit_code(s, &result);
    if (result.abandoned)
        run_leave(code);
    run_result_free(&result, s->count);
    return code;
}

static int run_steps(struct options *o, char *const *texts, int num_texts)
{
    selection s = { 0 };
    int code = select_all(o, texts, num_texts, &s);

    if (code == 0)
        code = make_directories(o);
    if (code == 0)
        code = write_sources(o, &s);
    if (code == 0 && o->dry_run && (o->json || !o->quiet))
        report_selection(&s, o->json);
    if (code == 0)
        code = o->dry_run ? s.num_lacking ? EXIT_UNSUPPORTED : EXIT_OK : compile(o, &s);
    selection_free(&s);
    return code;
}

int command_warm(int argc, char **argv)
{
    struct options o = { 0 };
    axis *const lists[] = { &o.models, &o.manifests, &o.tp, &o.phase, &o.page_size, &o.kv_dtype,
                            &o.rotary };
    int num_texts, code = command_parse(&tool, argc, argv, &o, &num_texts);

    if (code == COMMAND_RUN)
        code = run_steps(&o, argv + 1, num_texts);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        axis_free(lists[i]);
    axes_free(o.axes);
    return code;
}
