/* aiter-bench: runs an attention operation on a device, measures it and checks it. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/cli.h"

enum { EXIT_WRONG_RESULT = 1, MAX_SIZE = 1 << 24, MAX_HEADS = 65536 };

typedef struct options {
    const char *device, *cache_dir, *compiler, *sim_check;
    int batch, heads, heads_kv, seqlen_q, seqlen_k, hdqk, hdv;
    int dtype, layout, iterations, seed, block_size;
    int window[2];
    float scale, softcap;
    bool causal, not_causal, lse, check, json, no_cache;
    bool full_lengths, rows_first, fp8, head_scales, alibi, sink, bias, truncate, use_window;
} options;

/* ---- The command line ---- */

static bool set_dtype(const cli_option *option, const char *value, void *target)
{
    (void)option;
    return (*(int *)target = num_dtype_find(value)) >= 0;
}

static bool set_layout(const cli_option *option, const char *value, void *target)
{
    (void)option;
    return (*(int *)target = trial_layout_find(value)) >= 0;
}

static bool set_head_dim(const cli_option *option, const char *value, void *target)
{
    return cli_set_int(option, value, target) && *(int *)target % 8 == 0;
}

static bool set_scale(const cli_option *option, const char *value, void *target)
{
    char *end;
    const float scale = strtof(value, &end);

    (void)option;
    *(float *)target = scale;
    return end != value && *end == '\0' && isfinite(scale) && scale > 0;
}

/* LEFT,RIGHT; the flag beside says that there is a window. */
static bool set_window(const cli_option *option, const char *value, void *target)
{
    int *const window = target;
    options *const o = (options *)((char *)target - option->offset);
    char end;

    o->use_window = true;
    return sscanf(value, "%d,%d%c", &window[0], &window[1], &end) == 2 && window[0] >= -1 &&
           window[1] >= -1;
}

static bool set_block_size(const cli_option *option, const char *value, void *target)
{
    return cli_set_int(option, value, target) && *(int *)target % 16 == 0;
}

#define HEADING(text) { .help = text }
#define TEXT(option, field, metavar, what, text)                                                   \
    {                                                                                              \
        .name = option, .value = metavar, .set = cli_set_text, .offset = offsetof(options, field), \
        .expected = what, .help = text                                                             \
    }
#define INT(option, field, low, high, text)                                                        \
    {                                                                                              \
        .name = option, .value = "N", .set = cli_set_int, .offset = offsetof(options, field),      \
        .min = low, .max = high, .help = text                                                      \
    }
#define VALUE(option, field, metavar, setter, what, text)                                          \
    {                                                                                              \
        .name = option, .value = metavar, .set = setter, .offset = offsetof(options, field),       \
        .expected = what, .min = 8, .max = 256, .help = text                                       \
    }
#define FLAG(option, field, text) \
    { .name = option, .set = cli_set_flag, .offset = offsetof(options, field), .help = text }

static const cli_option table[] = {
    HEADING("Where"),
    TEXT("device", device, "NAME", "hip:N or sim:ARCH",
         "hip:N, the N-th device of the HIP runtime, or sim:ARCH, a simulated gfx90a, gfx942 or "
         "gfx950. "
         "Default hip:0."),
    HEADING("What"),
    INT("batch", batch, 1, MAX_SIZE, "Batch entries. Default 1."),
    INT("heads", heads, 1, MAX_HEADS, "Query heads. Default 8."),
    INT("kv-heads", heads_kv, 1, MAX_HEADS,
        "KV heads, a divisor of --heads. Default: --heads for flash_attn, 1 for mqa; gqa needs "
        "it."),
    INT("seqlen-q", seqlen_q, 1, MAX_SIZE, "Query rows per batch entry. Default 1024."),
    INT("seqlen-k", seqlen_k, 0, MAX_SIZE, "Keys per batch entry. Default: --seqlen-q."),
    VALUE("head-dim", hdqk, "N", set_head_dim, "a multiple of 8 from 8 to 256",
          "Multiple of 8 from 8 to 256. Default 128."),
    VALUE("head-dim-v", hdv, "N", set_head_dim, "a multiple of 8 from 8 to 256",
          "Of V and the output. Default: --head-dim."),
    VALUE("dtype", dtype, "TYPE", set_dtype, "fp16, bf16 or fp32",
          "fp16, bf16 or fp32. Default bf16."),
    FLAG("causal", causal, "Causal mask, aligned to the bottom right."),
    FLAG("lse", lse, "Also write the log-sum-exp."),
    VALUE("scale", scale, "X", set_scale, "a positive number",
          "softmax_scale. Default: 1/sqrt(head_dim)."),
    VALUE("layout", layout, "NAME", set_layout, "bshd, bhsd, sbhd, packed-qkv or gaps",
          "How tensors lie in memory: bshd (contiguous), bhsd, sbhd, packed-qkv (views of one "
          "tensor), gaps "
          "(NaN between heads, rows and batch entries). Default bshd."),
    INT("seed", seed, 0, INT_MAX, "Of the random inputs. Default 1."),
    HEADING("Caches and lengths (kvcache, varlen)"),
    {
        .name = "block-size",
        .value = "N",
        .set = set_block_size,
        .offset = offsetof(options, block_size),
        .expected = "a multiple of 16 from 16 to 1024",
        .min = 16,
        .max = 1024,
        .help = "Keys in pages of this many. Default: not paged.",
    },
    FLAG("rows-first", rows_first,
         "Cache as (num_blocks, block_size, heads_kv, head_dim). Default: heads first."),
    FLAG("fp8-kv", fp8, "Keys and values in the device's E4M3."),
    FLAG("head-scales", head_scales, "A scale for each KV head. Default: one for all."),
    FLAG("full-lengths", full_lengths,
         "All sequences are as long as --seqlen-q and --seqlen-k. Default: random lengths."),
    FLAG("not-causal", not_causal, "No causal mask, which kvcache has by default."),
    HEADING("Variants"),
    VALUE("window", window, "L,R", set_window, "two bounds, -1 for none",
          "Keys that a query sees before and behind the diagonal."),
    VALUE("softcap", softcap, "X", set_scale, "a positive number", "Logit soft cap."),
    FLAG("alibi", alibi, "ALiBi slopes."),
    FLAG("sink", sink, "Attention sinks."),
    FLAG("bias", bias, "Additive bias."),
    FLAG("truncate", truncate, "Cut probabilities to bf16 instead of rounding them."),
    HEADING("How"),
    INT("iters", iterations, 1, 1000000,
        "Launches that are timed. Default 1 on the simulator, 20 on hardware."),
    FLAG("check", check, "Compare the output with float64 attention of the same inputs."),
    TEXT("cache-dir", cache_dir, "DIR", "a path",
         "Cache of compiled kernels. Default $AITER_CACHE_DIR, $XDG_CACHE_HOME/aiter or "
         "~/.cache/aiter."),
    FLAG("no-cache", no_cache, "Compile in this process's memory, without a cache on disk."),
    TEXT("sim-check", sim_check, "LIST", "a list of checks",
         "Checks that the simulator makes: uninit, wait, race, barrier, hazard, nan, inf or all "
         "(the first five). Default $AITER_SIM_CHECK."),
    TEXT("compiler", compiler, "FILE", "a path",
         "The aiter-compiler to use. Default $AITER_COMPILER or the installed one."),
    FLAG("json", json, "Print JSON."),
};

static const cli_tool tool = {
    .name = "aiter-bench",
    .usage = "aiter-bench run OPERATION [OPTION]...",
    .summary = "Runs an attention operation of libaiter at a given shape on a device, and prints\n"
               "how long it took, what its kernel uses, and, with --check, how far the output is\n"
               "from float64.\n"
               "OPERATION is flash_attn, gqa, mqa, kvcache or varlen.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .closing =
        "TFLOP/s are printed for hardware only; times on the simulator are the host's.\n"
        "The simulator is loaded from $AITER_SIM or from beside this program, a HIP\n"
        "runtime from $AITER_HIP_RUNTIME or by the loader's search.\n"
        "\n"
        "Exit status: 0 done, 1 the output is wrong (--check), 2 wrong usage, 3 no such\n"
        "device, or a failure of the device, the compiler or the library.\n"
        "\n"
        "Example: aiter-bench run flash_attn --device sim:gfx942 --batch 1 --heads 2 \\\n"
        "           --kv-heads 1 --seqlen-q 512 --seqlen-k 512 --head-dim 128 \\\n"
        "           --dtype bf16 --causal --check\n",
};

/* ---- From options to a run ---- */

/* Returns 0 or EXIT_USAGE. */
static int choose_operation(char *const *arguments, int count, bench_operation *operation)
{
    if (count == 0)
        return cli_usage_error(&tool, "no command: expected run");
    if (strcmp(arguments[0], "run") != 0)
        return cli_usage_error(&tool, "unknown command '%s': expected run", arguments[0]);
    if (count == 1)
        return cli_usage_error(&tool, "run: no operation: expected flash_attn, gqa, mqa, "
                                      "kvcache or varlen");
    const int found = bench_operation_find(arguments[1]);
    if (found < 0)
        return cli_usage_error(&tool, "unknown operation '%s': expected flash_attn, gqa, mqa, "
                                      "kvcache or varlen",
                               arguments[1]);
    if (count > 2)
        return cli_usage_error(&tool, "unexpected argument '%s'", arguments[2]);
    *operation = (bench_operation)found;
    return 0;
}

static int check_heads(bench_operation operation, options *o)
{
    if (operation == BENCH_GQA && o->heads_kv == 0)
        return cli_usage_error(&tool, "--kv-heads: not given: gqa needs a divisor of --heads (%d)",
                               o->heads);
    if (o->heads_kv == 0)
        o->heads_kv = operation == BENCH_MQA ? 1 : o->heads;
    if (operation == BENCH_MQA && o->heads_kv != 1)
        return cli_usage_error(&tool, "--kv-heads: '%d': expected 1 for mqa", o->heads_kv);
    if (o->heads % o->heads_kv != 0)
        return cli_usage_error(&tool, "--kv-heads: '%d': expected a divisor of --heads (%d)",
                               o->heads_kv, o->heads);
    return 0;
}

static int check_shape(options *o)
{
    if (o->seqlen_k < 0)
        o->seqlen_k = o->seqlen_q;
    if (o->hdv == 0)
        o->hdv = o->hdqk;
    if (o->layout == TRIAL_PACKED_QKV && o->seqlen_q != o->seqlen_k)
        return cli_usage_error(
            &tool,
            "--layout: 'packed-qkv': expected --seqlen-q (%d) and --seqlen-k (%d) to be equal",
            o->seqlen_q, o->seqlen_k);
    if (o->layout == TRIAL_PACKED_QKV && o->hdqk != o->hdv)
        return cli_usage_error(
            &tool,
            "--layout: 'packed-qkv': expected --head-dim (%d) and --head-dim-v (%d) to be equal",
            o->hdqk, o->hdv);
    return 0;
}

static int check_operation(bench_operation operation, const options *o)
{
    const bool dense = operation < BENCH_KVCACHE;

    if (dense && (o->block_size || o->rows_first || o->full_lengths))
        return cli_usage_error(&tool, "--%s: expected operation kvcache or varlen",
                               o->block_size ? "block-size" : o->rows_first ? "rows-first"
                                                                            : "full-lengths");
    if (!dense && o->layout == TRIAL_PACKED_QKV)
        return cli_usage_error(&tool, "--layout: 'packed-qkv': expected flash_attn, gqa or mqa");
    if (o->fp8 && operation != BENCH_KVCACHE && !o->block_size)
        return cli_usage_error(&tool, "--fp8-kv: expected kvcache, or varlen with --block-size");
    if (o->not_causal && (operation != BENCH_KVCACHE || o->causal))
        return cli_usage_error(&tool, "--not-causal: expected kvcache without --causal");
    return 0;
}

static bench_options bench_options_of(bench_operation operation, const options *o)
{
    return (bench_options){
        .operation = operation,
        .device = o->device,
        .iterations = o->iterations,
        .check = o->check,
        .spec = { .dtype = (num_dtype)o->dtype,
                  .batch = o->batch,
                  .heads = o->heads,
                  .heads_kv = o->heads_kv,
                  .seqlen_q = o->seqlen_q,
                  .seqlen_k = o->seqlen_k,
                  .hdqk = o->hdqk,
                  .hdv = o->hdv,
                  .operation = operation == BENCH_KVCACHE  ? TRIAL_KVCACHE
                               : operation == BENCH_VARLEN ? TRIAL_CU
                                                           : TRIAL_ATTN,
                  .causal = operation == BENCH_KVCACHE ? !o->not_causal : o->causal,
                  .full_lengths = o->full_lengths,
                  .block_size = o->block_size,
                  .rows_first = o->rows_first,
                  .fp8 = o->fp8,
                  .head_scales = o->head_scales,
                  .use_window = o->use_window,
                  .window_left = o->window[0],
                  .window_right = o->window[1],
                  .softcap = o->softcap,
                  .alibi = o->alibi,
                  .sink = o->sink,
                  .bias = o->bias,
                  .truncate = o->truncate,
                  .lse = o->lse,
                  .layout = (trial_layout)o->layout,
                  .scale = o->scale,
                  .seed = (uint64_t)o->seed },
        .context = { .size = sizeof(aiter_context_options),
                     .cache_dir = o->cache_dir,
                     .no_cache = o->no_cache,
                     .compiler = o->compiler,
                     .log = cli_log,
                     .log_user = (void *)&tool },
    };
}

static int run(bench_operation operation, const options *o)
{
    const bench_options bench = bench_options_of(operation, o);
    static char error[BENCH_ERROR_MAX];
    bench_result result;
    int code = EXIT_OK;

    if (o->sim_check) /* the simulator reads it when it is loaded */
        setenv("AITER_SIM_CHECK", o->sim_check, 1);
    const bench_status status = bench_run(&bench, &result, error);

    if (status == BENCH_BAD_DEVICE)
        code = cli_usage_error(&tool, "--device: %s", error);
    else if (status == BENCH_FAILED)
        code = cli_error(&tool, EXIT_ENVIRONMENT, "%s", error);
    else if (o->json)
        bench_print_json(&bench, &result);
    else
        bench_print(&bench, &result);
    if (status == BENCH_OK && result.checked && !result.verdict.pass)
        code = EXIT_WRONG_RESULT;
    bench_close(&result);
    return code;
}

int main(int argc, char **argv)
{
    options o = { .device = "hip:0",
                  .batch = 1,
                  .heads = 8,
                  .seqlen_q = 1024,
                  .seqlen_k = -1,
                  .hdqk = 128,
                  .dtype = NUM_BF16,
                  .seed = 1 };
    bench_operation operation = BENCH_FLASH_ATTN;
    int num_arguments;

    switch (cli_parse(&tool, argc, argv, &o, &num_arguments)) {
    case CLI_DONE:
        return EXIT_OK;
    case CLI_USAGE:
        return EXIT_USAGE;
    case CLI_RUN:
        break;
    }
    if (choose_operation(argv + 1, num_arguments, &operation) != 0 ||
        check_heads(operation, &o) != 0 || check_shape(&o) != 0 ||
        check_operation(operation, &o) != 0)
        return EXIT_USAGE;
    const int code = run(operation, &o);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_error(&tool, EXIT_ENVIRONMENT, "cannot write to stdout");
    return code;
}
