/* aiter-bench: runs an attention operation on a device, measures it, checks it, profiles it. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/cli.h"

enum {
    EXIT_WRONG_RESULT = 1,
    MAX_SIZE = 1 << 24,
    MAX_HEADS = 65536,
    MAX_LDS = 1 << 20,
    MAX_SPLITS = 64
};

typedef struct options {
    const char *device, *cache_dir, *compiler, *sim_check;
    int batch, heads, heads_kv, seqlen_q, seqlen_k, hdqk, hdv;
    int dtype, layout, iterations, seed;
    int block_size, window[2];
    int seqlen_new, rotary, rotary_dim;
    int score_mod, mask_mod, block_mask, hidden_blocks;
    int num_splits, room;
    float scale, softcap;
    bool causal, not_causal, lse, check, json, no_cache;
    bool full_lengths, rows_first, fp8, head_scales, alibi, sink, bias, truncate, use_window;
    /* of profile */
    const char *trace, *code_object, *kernel, *args;
    unsigned grid[3], block[3];
    int lds, top;
    bool full, annotate;
    kernel_arguments arguments;
} options;

/* What is asked for; each option's heading is tagged with those that it is for. */
enum { RUN = 1, PROFILE = 2, PROFILE_CODE = 4, EVERY = RUN | PROFILE | PROFILE_CODE };

/* ---- The command line ---- */

static bool set_score_mod(const cli_option *option, const char *value, void *target)
{
    (void)option;
    return (*(int *)target = mod_find(mod_score, value)) >= 0;
}

static bool set_mask_mod(const cli_option *option, const char *value, void *target)
{
    (void)option;
    return (*(int *)target = mod_find(mod_mask, value)) >= 0;
}

static bool set_block_mask(const cli_option *option, const char *value, void *target)
{
    long size;

    (void)option;
    if (!cli_parse_int(value, 128, 1024, &size) || size % 128 != 0)
        return false;
    *(int *)target = (int)size;
    return true;
}

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

static bool set_rotary(const cli_option *option, const char *value, void *target)
{
    (void)option;
    *(int *)target = strcmp(value, "half") == 0          ? TRIAL_HALF
                     : strcmp(value, "interleaved") == 0 ? TRIAL_INTERLEAVED
                                                         : TRIAL_UNROTATED;
    return *(int *)target != TRIAL_UNROTATED;
}

static bool set_rotary_dim(const cli_option *option, const char *value, void *target)
{
    return cli_set_int(option, value, target) && *(int *)target % 16 == 0;
}

static bool set_scale(const cli_option *option, const char *value, void *target)
{
    char *end;
    const float scale = strtof(value, &end);

    (void)option;
    *(float *)target = scale;
    return end != value && *end == '\0' && isfinite(scale) && scale > 0;
}

/* "X", "X,Y" or "X,Y,Z" */
static bool set_triple(const cli_option *option, const char *value, void *target)
{
    unsigned *triple = target;
    char number[16];
    long parsed;

    triple[0] = triple[1] = triple[2] = 1;
    for (int i = 0; i < 3; i++, value++) {
        const size_t size = strcspn(value, ",");
        if (size >= sizeof number)
            return false;
        memcpy(number, value, size);
        number[size] = '\0';
        if (!cli_parse_int(number, 1, option->max, &parsed))
            return false;
        triple[i] = (unsigned)parsed;
        value += size;
        if (*value == '\0')
            return true;
    }
    return false;
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

#define HEADING(text, what) { .help = text, .tag = what }
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
#define TRIPLE(option, field, high, text)                                                          \
    {                                                                                              \
        .name = option, .value = "X,Y,Z", .set = set_triple, .offset = offsetof(options, field),   \
        .expected = "one to three integers from 1 to " #high, .max = high, .help = text            \
    }
#define FLAG(option, field, text) \
    { .name = option, .set = cli_set_flag, .offset = offsetof(options, field), .help = text }

static const cli_option table[] = {
    HEADING("Where and how", EVERY),
    TEXT("device", device, "NAME", "hip:N or sim:ARCH",
         "hip:N, the N-th device of the HIP runtime, or sim:ARCH, a simulated gfx90a, gfx942 or "
         "gfx950. "
         "Default hip:0; profile needs sim:ARCH."),
    FLAG("json", json, "Print JSON."),
    HEADING("The operation", RUN | PROFILE),
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
    HEADING("Caches and lengths (kvcache, varlen)", RUN | PROFILE),
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
    INT("append", seqlen_new, 1, MAX_SIZE,
        "New keys per batch entry that kvcache appends, of those that --seqlen-k counts. Default: "
        "none."),
    VALUE("rotary", rotary, "STYLE", set_rotary, "half or interleaved",
          "Rotary embedding of queries and new keys, with --append: half (NeoX) or interleaved. "
          "Default: none."),
    VALUE("rotary-dim", rotary_dim, "N", set_rotary_dim, "a multiple of 16 from 16 to 256",
          "Elements of a row that --rotary rotates. Default: as many as there are."),
    HEADING("Variants", RUN | PROFILE),
    VALUE("window", window, "L,R", set_window, "two bounds, -1 for none",
          "Keys that a query sees before and behind the diagonal."),
    VALUE("softcap", softcap, "X", set_scale, "a positive number", "Logit soft cap."),
    FLAG("alibi", alibi, "ALiBi slopes."),
    FLAG("sink", sink, "Attention sinks."),
    FLAG("bias", bias, "Additive bias."),
    FLAG("truncate", truncate, "Cut probabilities to bf16 instead of rounding them."),
    VALUE("score-mod", score_mod, "NAME", set_score_mod, "alibi, cap, table, last or lowest",
          "An expression for scores: alibi, cap, table, last or lowest."),
    VALUE("mask-mod", mask_mod, "NAME", set_mask_mod, "document, stripes or rows",
          "An expression for visible keys: document, stripes or rows."),
    VALUE("block-mask", block_mask, "N", set_block_mask, "a multiple of 128 up to 1024",
          "A block mask with blocks of N rows and keys, some hidden and some full."),
    INT("hidden-blocks", hidden_blocks, 1, 99,
        "Of the blocks, so many of 100 are hidden and none is full."),
    HEADING("Splits of the keys", RUN | PROFILE),
    INT("num-splits", num_splits, 1, MAX_SPLITS,
        "So many. Default: as many as the library finds good and the workspace has room for."),
    INT("workspace", room, 1, MAX_SPLITS,
        "A workspace with room for N splits. Default: for --num-splits, or none."),
    HEADING("Compiling", RUN | PROFILE),
    TEXT("cache-dir", cache_dir, "DIR", "a path",
         "Cache of compiled kernels. Default $AITER_CACHE_DIR, $XDG_CACHE_HOME/aiter or "
         "~/.cache/aiter."),
    FLAG("no-cache", no_cache, "Compile in this process's memory, without a cache on disk."),
    TEXT("compiler", compiler, "FILE", "a path",
         "The aiter-compiler to use. Default $AITER_COMPILER or the installed one."),
    HEADING("run", RUN),
    INT("seed", seed, 0, INT_MAX, "Of the random inputs. Default 1."),
    INT("iters", iterations, 1, 1000000,
        "Launches that are timed. Default 1 on the simulator, 20 on hardware."),
    FLAG("check", check, "Compare the output with float64 attention of the same inputs."),
    TEXT("sim-check", sim_check, "LIST", "a list of checks",
         "Checks that the simulator makes: uninit, wait, race, barrier, hazard, nan, inf or all "
         "(the first five). Default $AITER_SIM_CHECK."),
    HEADING("profile", PROFILE | PROFILE_CODE),
    FLAG("full", full,
         "Simulate every workgroup. Default: those that the prediction needs."),
    INT("top", top, 1, 10000, "Instructions in a table. Default 10."),
    FLAG("annotate", annotate,
         "The whole disassembly: how often each instruction was issued, how long waves waited "
         "before it and why."),
    TEXT("trace", trace, "FILE", "a path",
         "Write what each simulated wave did and when, for ui.perfetto.dev or chrome://tracing."),
    HEADING("profile --code-object: a kernel of any code object instead of an operation",
            PROFILE_CODE),
    TEXT("code-object", code_object, "FILE", "a path", "An ELF code object or a bundle of them."),
    TEXT("kernel", kernel, "NAME", "the name of a kernel", "Its name."),
    TRIPLE("grid", grid, 2147483647, "Workgroups; Y and Z may be left out."),
    TRIPLE("block", block, 1024, "Work-items of a workgroup, likewise."),
    INT("lds", lds, 0, MAX_LDS, "Bytes of LDS beyond those that the kernel declares. Default 0."),
    TEXT("args", args, "LIST", "a list of arguments",
         "The kernel's arguments in order, each TYPE:VALUE, with commas between. u8, u16, u32, u64, "
         "i32, i64, f32 and f64 are numbers; ptr:BYTES is device memory (K, M and G are 1024s), "
         "zero or, as ptr:BYTES:DTYPE, random; pad:BYTES is a gap. Each is aligned to its size. "
         "Default none."),
};

static bool given[sizeof table / sizeof *table];

static const cli_tool tool = {
    .name = "aiter-bench",
    .usage = "aiter-bench run OPERATION [OPTION]...\n"
             "       aiter-bench profile OPERATION [OPTION]...\n"
             "       aiter-bench profile --code-object FILE --kernel NAME --grid X,Y,Z --block X,Y,Z\n"
             "                           [OPTION]...",
    .summary = "run runs an attention operation of libaiter at a given shape on a device, and\n"
               "prints how long it took, what its kernel uses, and, with --check, how far the\n"
               "output is from float64. profile runs it on a simulated device under the timing\n"
               "model, and prints how long a GPU is predicted to take and what it waits for.\n"
               "OPERATION is flash_attn, gqa, mqa, kvcache or varlen.",
    .options = table,
    .num_options = sizeof table / sizeof *table,
    .given = given,
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
        "           --dtype bf16 --causal --check\n"
        "         aiter-bench profile flash_attn --device sim:gfx942 --seqlen-q 4096 --causal\n",
};

/* ---- From options to a run ---- */

/* Returns 0 or EXIT_USAGE, like all that follow. */
static int choose_mode(char *const *arguments, int count, const options *o, unsigned *mode)
{
    if (count == 0)
        return cli_usage_error(&tool, "no command: expected run or profile");
    if (strcmp(arguments[0], "run") == 0)
        *mode = RUN;
    else if (strcmp(arguments[0], "profile") == 0)
        *mode = o->code_object ? PROFILE_CODE : PROFILE;
    else
        return cli_usage_error(&tool, "unknown command '%s': expected run or profile",
                               arguments[0]);
    return 0;
}

static int choose_operation(unsigned mode, char *const *arguments, int count,
                            bench_operation *operation)
{
    const int expected = mode == PROFILE_CODE ? 1 : 2;

    if (count < expected)
        return cli_usage_error(&tool, "%s: no operation: expected flash_attn, gqa, mqa, kvcache or "
                                      "varlen",
                               arguments[0]);
    const int found = expected == 2 ? bench_operation_find(arguments[1]) : 0;
    if (found < 0)
        return cli_usage_error(&tool, "unknown operation '%s': expected flash_attn, gqa, mqa, "
                                      "kvcache or varlen",
                               arguments[1]);
    if (count > expected)
        return cli_usage_error(&tool, "unexpected argument '%s'", arguments[expected]);
    *operation = (bench_operation)found;
    return 0;
}

/* An option that the mode has no use for is refused, not ignored. */
static int check_given(unsigned mode)
{
    static const char *const names[] = {
        [RUN] = "run OPERATION", [PROFILE] = "profile OPERATION",
        [PROFILE_CODE] = "profile --code-object",
    };
    unsigned tag = 0;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!table[i].name)
            tag = table[i].tag;
        else if (given[i] && !(tag & mode))
            return cli_usage_error(&tool, "--%s: not an option of %s", table[i].name, names[mode]);
    }
    return 0;
}

static int check_profile(unsigned mode, const options *o)
{
    if (mode == RUN)
        return 0;
    if (strncmp(o->device, "sim:", 4) != 0)
        return cli_usage_error(&tool, "--device: '%s': profile needs a simulated device: expected "
                               "sim:ARCH, for example sim:gfx942", o->device);
    if (mode == PROFILE_CODE && !o->kernel)
        return cli_usage_error(&tool, "--kernel: not given: --code-object needs a kernel's name");
    if (mode == PROFILE_CODE && !o->grid[0])
        return cli_usage_error(&tool, "--grid: not given: --code-object needs X,Y,Z workgroups");
    if (mode == PROFILE_CODE && !o->block[0])
        return cli_usage_error(&tool, "--block: not given: --code-object needs X,Y,Z work-items");
    return 0;
}

static int check_arguments(options *o)
{
    const char *wrong;
    size_t size;

    if (!o->args || arguments_parse(&o->arguments, o->args, &wrong, &size))
        return 0;
    return cli_usage_error(&tool, "--args: '%.*s' at %zu: expected " ARGUMENTS_EXPECTED, (int)size,
                           wrong, (size_t)(wrong - o->args));
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
    if (o->seqlen_new && (operation != BENCH_KVCACHE || o->seqlen_new > o->seqlen_k))
        return cli_usage_error(&tool, "--append: expected kvcache, and at most --seqlen-k (%d)",
                               o->seqlen_k);
    if (o->hidden_blocks && !o->block_mask)
        return cli_usage_error(&tool, "--hidden-blocks: expected --block-mask");
    if (o->rotary && !o->seqlen_new)
        return cli_usage_error(&tool, "--rotary: expected --append");
    if (o->rotary_dim && (!o->rotary || o->rotary_dim > o->hdqk))
        return cli_usage_error(&tool, "--rotary-dim: expected --rotary, and at most --head-dim (%d)",
                               o->hdqk);
    if (o->rotary && o->hdqk < 16)
        return cli_usage_error(&tool, "--rotary: expected --head-dim of 16 or more");
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
                  .score_mod = o->score_mod,
                  .mask_mod = o->mask_mod,
                  .block_mask = o->block_mask,
                  .hidden_blocks = o->hidden_blocks,
                  .seqlen_new = o->seqlen_new,
                  .rotary = (trial_rotary)o->rotary,
                  .rotary_dim = o->rotary_dim ? o->rotary_dim : o->hdqk / 16 * 16,
                  .room = o->room ? o->room : o->num_splits,
                  .num_splits = o->num_splits,
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

static int fail(bench_status status, const char *error)
{
    switch (status) {
    case BENCH_BAD_DEVICE:
        return cli_usage_error(&tool, "--device: %s", error);
    case BENCH_FAILED:
        return cli_error(&tool, EXIT_ENVIRONMENT, "%s", error);
    case BENCH_OK:
        break;
    }
    return EXIT_OK;
}

static int profile(bench_operation operation, options *o)
{
    static char error[BENCH_ERROR_MAX];
    bench_profile p = {
        .bench = bench_options_of(operation, o),
        .kernel = { .code_object = o->code_object,
                    .name = o->kernel,
                    .grid = { o->grid[0], o->grid[1], o->grid[2] },
                    .block = { o->block[0], o->block[1], o->block[2] },
                    .lds_bytes = (unsigned)o->lds },
        .arguments = &o->arguments,
        .top = o->top,
        .annotate = o->annotate,
        .json = o->json,
        .trace = o->trace,
    };

    p.bench.timing = o->full ? AITER_SIM_TIMING_FULL : AITER_SIM_TIMING_SAMPLE;
    p.bench.trace = o->trace != NULL;
    p.bench.spec.blank = true; /* values hardly matter to time; any shape fits into memory */
    return fail(bench_profile_run(&p, error), error);
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

    if (status != BENCH_OK)
        code = fail(status, error);
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
                  .seed = 1,
                  .top = 10 };
    bench_operation operation = BENCH_FLASH_ATTN;
    unsigned mode = RUN;
    int num_arguments;

    switch (cli_parse(&tool, argc, argv, &o, &num_arguments)) {
    case CLI_DONE:
        return EXIT_OK;
    case CLI_USAGE:
        return EXIT_USAGE;
    case CLI_RUN:
        break;
    }
    if (choose_mode(argv + 1, num_arguments, &o, &mode) != 0 || check_given(mode) != 0 ||
        choose_operation(mode, argv + 1, num_arguments, &operation) != 0 ||
        check_profile(mode, &o) != 0 || check_arguments(&o) != 0 ||
        check_heads(operation, &o) != 0 || check_shape(&o) != 0 ||
        check_operation(operation, &o) != 0)
        return EXIT_USAGE;
    const int code = mode == RUN ? run(operation, &o) : profile(operation, &o);
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_error(&tool, EXIT_ENVIRONMENT, "cannot write to stdout");
    return code;
}
