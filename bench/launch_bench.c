/* What libaiter itself costs: a prepared launch, a one-call operation, and a warm start.
 *
 *   bench-launch [RUNS]
 *
 * Runs on a HIP runtime that does nothing (noop_hip.c). Launches: batches of 20000 calls, time per
 * call, less the time of the same number of direct calls of hipModuleLaunchKernel. Warm start: RUNS
 * fresh processes (default 31), each from before aiter_context_create() to after aiter_prepare(),
 * with the kernel in the disk cache. The cache is made for the run, with the real compiler, in a
 * temporary folder. */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aiter/aiter.h>

#include "bench/sample.h"
#include "runtime/hip_abi.h"

enum { CALLS = 20000, BATCHES = 101, TENSORS = 4 };

typedef struct problem {
    aiter_attn_args args;
    DLTensor tensor[TENSORS];
    int64_t shape[TENSORS][4], strides[TENSORS][4];
} problem;

/* batch 4, 2048 x 2048, 32 heads, 8 KV heads, head_dim 128, bf16, causal. Nothing reads the made-up
 * addresses. */
static void problem_init(problem *p)
{
    memset(p, 0, sizeof *p);
    for (int t = 0; t < TENSORS; t++) {
        int64_t heads = t == 1 || t == 2 ? 8 : 32;
        const int64_t shape[4] = { 4, 2048, heads, 128 };
        const int64_t strides[4] = { 2048 * heads * 128, heads * 128, 128, 1 };
        memcpy(p->shape[t], shape, sizeof shape);
        memcpy(p->strides[t], strides, sizeof strides);
        p->tensor[t] = (DLTensor){ .data = (void *)(UINT64_C(0x100000000) * (unsigned)(t + 1)),
                                   .device = { kDLROCM, 0 },
                                   .ndim = 4,
                                   .dtype = { kDLBfloat, 16, 1 },
                                   .shape = p->shape[t],
                                   .strides = p->strides[t] };
    }
    p->args = (aiter_attn_args)AITER_ATTN_ARGS_INIT;
    p->args.q = &p->tensor[0];
    p->args.k = &p->tensor[1];
    p->args.v = &p->tensor[2];
    p->args.out = &p->tensor[3];
    p->args.causal = 1;
}

static bool check(aiter_status status)
{
    if (status != AITER_OK)
        fprintf(stderr, "bench-launch: %s\n", aiter_last_error());
    return status == AITER_OK;
}

static aiter_context_options options_for(const char *cache_dir)
{
    aiter_context_options options = AITER_CONTEXT_OPTIONS_INIT;
    options.hip_runtime = NOOP_HIP;
    options.cache_dir = cache_dir;
    return options;
}

/* ---- Launches ---- */

typedef hip_error launch_fn(hip_function, unsigned, unsigned, unsigned, unsigned, unsigned,
                            unsigned, unsigned, hip_stream, void **, void **);

static double time_direct(launch_fn *launch)
{
    double begin = sample_now();
    for (int i = 0; i < CALLS; i++)
        launch(NULL, 1, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL);
    return (sample_now() - begin) / CALLS;
}

static double time_launch(const aiter_plan *plan, const problem *p)
{
    double begin = sample_now();
    for (int i = 0; i < CALLS; i++)
        aiter_launch(plan, &p->args);
    return (sample_now() - begin) / CALLS;
}

static double time_operation(aiter_context *ctx, const problem *p)
{
    double begin = sample_now();
    for (int i = 0; i < CALLS; i++)
        aiter_flash_attn_func(ctx, &p->args);
    return (sample_now() - begin) / CALLS;
}

static void measure_launches(aiter_context *ctx, const aiter_plan *plan, const problem *p)
{
    sample direct = { .count = 0 }, prepared = { .count = 0 }, operation = { .count = 0 };
    launch_fn *launch;
    void *symbol = dlsym(dlopen(NOOP_HIP, RTLD_NOW), "hipModuleLaunchKernel");
    memcpy(&launch, &symbol, sizeof launch);
    for (int i = 0; i < BATCHES; i++) {
        sample_add(&direct, time_direct(launch));
        sample_add(&prepared, time_launch(plan, p));
        sample_add(&operation, time_operation(ctx, p));
    }
    sample_print("hipModuleLaunchKernel that does nothing", &direct, 1e9, "ns");
    sample_print("aiter_launch", &prepared, 1e9, "ns");
    sample_print("aiter_flash_attn_func, kernel loaded", &operation, 1e9, "ns");
    double own = sample_median(&prepared) - sample_median(&direct);
    printf("library time of a prepared launch: %.0f ns (aim: below 1000)\n", own * 1e9);
}

static bool prepare_and_measure(const char *cache_dir)
{
    aiter_context_options options = options_for(cache_dir);
    aiter_context *ctx;
    aiter_plan *plan = NULL;
    problem p;
    problem_init(&p);
    if (!check(aiter_context_create(&ctx, &options)))
        return false;
    double begin = sample_now();
    bool good = check(aiter_prepare(ctx, &p.args, &plan)) && check(aiter_launch(plan, &p.args));
    if (good) {
        printf("%-44s %.4g ms\n", "cold prepare, compile included", (sample_now() - begin) * 1e3);
        measure_launches(ctx, plan, &p);
    }
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
    return good;
}

/* ---- Warm start ---- */

/* In a fresh process: prints the seconds from nothing to a prepared kernel. */
static int warm_child(const char *cache_dir)
{
    aiter_context_options options = options_for(cache_dir);
    aiter_context *ctx;
    aiter_plan *plan;
    aiter_kernel_info info = { .size = sizeof info };
    problem p;
    problem_init(&p);
    double begin = sample_now();
    if (!check(aiter_context_create(&ctx, &options)) || !check(aiter_prepare(ctx, &p.args, &plan)))
        return 1;
    double seconds = sample_now() - begin;
    if (!check(aiter_plan_info(plan, &info)) || !info.from_cache) {
        fprintf(stderr, "bench-launch: the kernel was compiled, not found in the cache\n");
        return 1;
    }
    printf("%.9f\n", seconds);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
    return 0;
}

static bool run_child(const char *self, const char *cache_dir, sample *s)
{
    char command[1024];
    double seconds;
    snprintf(command, sizeof command, "'%s' --warm '%s'", self, cache_dir);
    FILE *out = popen(command, "r");
    bool good = out && fscanf(out, "%lf", &seconds) == 1;
    if (out && pclose(out) != 0)
        good = false;
    if (good)
        sample_add(s, seconds);
    return good;
}

static bool measure_warm_start(const char *cache_dir, int runs)
{
    char self[512];
    sample s = { .count = 0 };
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return false;
    self[length] = '\0';
    for (int i = 0; i < runs; i++)
        if (!run_child(self, cache_dir, &s))
            return false;
    sample_print("warm start: context to prepared kernel", &s, 1e3, "ms");
    return true;
}

static void remove_cache(const char *dir)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (system(command) != 0)
        fprintf(stderr, "bench-launch: %s is left behind\n", dir);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--warm") == 0)
        return warm_child(argv[2]);
    int runs = argc > 1 ? atoi(argv[1]) : 31;
    char dir[] = "/tmp/aiter-bench-XXXXXX";
    if (runs < 1 || runs > SAMPLE_MAX || !mkdtemp(dir)) {
        fprintf(stderr, "usage: bench-launch [RUNS], 1 to %d\n", SAMPLE_MAX);
        return 2;
    }
    bool good = prepare_and_measure(dir) && measure_warm_start(dir, runs);
    remove_cache(dir);
    return good ? 0 : 1;
}
