/* Attention through libaiter, from nothing to a checked result.
 *
 *     flash_attn [--sim ARCH | --runtime FILE] [--cache-dir DIR]
 *
 * runs on the first GPU of the machine's HIP runtime; with --sim, on a simulated one, gfx942 for an
 * MI300X. It runs twice, each time with a context of its own, as two processes would: the first
 * compiles the kernel (unless the cache has it from an earlier run), the second finds it in the
 * cache.
 *
 * Build it against an installed libaiter with the CMakeLists.txt beside it, or
 *     cc flash_attn.c $(pkg-config --cflags --libs aiter) -ldl -lm */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <aiter/aiter.h>

/* Grouped-query attention: four query heads share two KV heads. */
enum { BATCH = 1, HEADS = 4, HEADS_KV = 2, SEQLEN = 256, HEAD_DIM = 128 };
enum { Q_SIZE = BATCH * SEQLEN * HEADS * HEAD_DIM, KV_SIZE = BATCH * SEQLEN * HEADS_KV * HEAD_DIM };

static uint16_t q[Q_SIZE], k[KV_SIZE], v[KV_SIZE], out[Q_SIZE]; /* bf16 */

static void die(const char *what, const char *why)
{
    fprintf(stderr, "flash_attn: %s: %s\n", what, why);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* ---- The HIP runtime: libaiter loads it by name, and so do we, for the memory ---- */

static struct {
    int (*hipMalloc)(void **memory, size_t size);
    int (*hipFree)(void *memory);
    int (*hipMemcpy)(void *to, const void *from, size_t size, int kind);
    int (*hipDeviceSynchronize)(void);
    const char *(*hipGetErrorString)(int error);
} hip;

enum { HOST_TO_DEVICE = 1, DEVICE_TO_HOST = 2 };

static void check_hip(const char *call, int error)
{
    if (error != 0)
        die(call, hip.hipGetErrorString(error));
}

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);

    if (!address)
        die("the HIP runtime has no", name);
    return address;
}

static void load_hip(const char *runtime)
{
    void *library = dlopen(runtime, RTLD_NOW);

    if (!library)
        die("cannot load the HIP runtime", dlerror());
    *(void **)&hip.hipMalloc = symbol(library, "hipMalloc");
    *(void **)&hip.hipFree = symbol(library, "hipFree");
    *(void **)&hip.hipMemcpy = symbol(library, "hipMemcpy");
    *(void **)&hip.hipDeviceSynchronize = symbol(library, "hipDeviceSynchronize");
    *(void **)&hip.hipGetErrorString = symbol(library, "hipGetErrorString");
}

/* ---- Data ---- */

static float from_bf16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;

    memcpy(&value, &wide, sizeof value);
    return value;
}

static uint16_t to_bf16(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); /* to nearest, ties to even */
}

/* Numbers between -1.7 and 1.7: variance 1, as attention inputs have. */
static void fill(uint16_t *data, size_t count)
{
    static uint32_t state = 1;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = to_bf16(((float)(state >> 8) / 0x800000 - 1) * 1.7320508f);
    }
}

static void *upload(const void *data, size_t size)
{
    void *memory;

    check_hip("hipMalloc", hip.hipMalloc(&memory, size));
    check_hip("hipMemcpy", hip.hipMemcpy(memory, data, size, HOST_TO_DEVICE));
    return memory;
}

/* A contiguous (batch, seqlen, heads, head_dim) tensor in device memory, as PyTorch and others
 * would hand it over. */
static DLTensor tensor(void *memory, int64_t shape[4])
{
    return (DLTensor){
        .data = memory,
        .device = { kDLROCM, 0 },
        .ndim = 4,
        .dtype = { kDLBfloat, 16, 1 },
        .shape = shape,
    };
}

/* ---- Attention ---- */

static void check(const char *call, aiter_status status)
{
    if (status != AITER_OK) {
        fprintf(stderr, "flash_attn: %s: %s\n", call, aiter_status_string(status));
        die("details", aiter_last_error());
    }
}

static void log_message(void *user, aiter_log_level level, const char *message)
{
    (void)user;
    if (level <= AITER_LOG_WARNING)
        fprintf(stderr, "libaiter: %s\n", message);
}

/* One context: what a process does. */
static void run(const char *title, const aiter_context_options *options,
                const aiter_attn_args *args)
{
    aiter_stats stats = { .size = sizeof stats };
    aiter_context *ctx;
    aiter_plan *plan;
    double t[4];

    t[0] = now_ms();
    check("aiter_context_create", aiter_context_create(&ctx, options));
    t[1] = now_ms();
    check("aiter_prepare", aiter_prepare(ctx, args, &plan)); /* the next call would do it as well */
    t[2] = now_ms();
    check("aiter_flash_attn_func", aiter_flash_attn_func(ctx, args));
    check_hip("hipDeviceSynchronize", hip.hipDeviceSynchronize());
    t[3] = now_ms();

    check("aiter_context_stats", aiter_context_stats(ctx, &stats));
    printf("%s, on %s\n", title, aiter_context_arch(ctx));
    printf("  context    %8.2f ms\n", t[1] - t[0]);
    printf("  kernel     %8.2f ms   %s: %s\n", t[2] - t[1],
           stats.compiles ? "compiled" : "from the cache", aiter_plan_config(plan));
    printf("  attention  %8.2f ms   launch to result\n", t[3] - t[2]);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

/* ---- The check: the definition of attention, in float64 ---- */

static double dot(const uint16_t *a, const uint16_t *b)
{
    double sum = 0;

    for (int d = 0; d < HEAD_DIM; d++)
        sum += (double)from_bf16(a[d]) * from_bf16(b[d]);
    return sum;
}

/* The largest error over one row of one head, and in *largest the largest exact value. */
static double row_error(int head, int row, double *largest)
{
    const size_t kv_head = (size_t)(head / (HEADS / HEADS_KV)), kv_stride = HEADS_KV * HEAD_DIM;
    const size_t at = (size_t)(row * HEADS + head) * HEAD_DIM;
    double sum = 0, exact[HEAD_DIM] = { 0 }, worst = 0;

    for (size_t j = 0; j <= (size_t)row; j++) { /* causal */
        const size_t key = j * kv_stride + kv_head * HEAD_DIM;
        const double weight = exp(dot(&q[at], &k[key]) / sqrt(HEAD_DIM));
        sum += weight;
        for (size_t d = 0; d < HEAD_DIM; d++)
            exact[d] += weight * from_bf16(v[key + d]);
    }
    for (size_t d = 0; d < HEAD_DIM; d++) {
        const double error = fabs(from_bf16(out[at + d]) - exact[d] / sum);
        worst = error <= worst ? worst : error; /* a NaN stays */
        *largest = fmax(*largest, fabs(exact[d] / sum));
    }
    return worst;
}

/* Returns whether the output is right: bf16 rounds to 1 part in 256. */
static int check_output(void)
{
    double worst = 0, largest = 0;

    for (int head = 0; head < HEADS; head++)
        for (int row = 0; row < SEQLEN; row++) {
            const double error = row_error(head, row, &largest);
            worst = error <= worst ? worst : error;
        }
    const int right = worst <= 1e-2 * largest;
    printf("  error      %.2e against float64, largest value %.2f: %s\n", worst, largest,
           right ? "ok" : "WRONG");
    return right;
}

/* ---- */

static const char *parse(int argc, char **argv, aiter_context_options *options)
{
    const char *runtime = getenv("AITER_HIP_RUNTIME");

    if (!runtime)
        runtime = "libamdhip64.so";
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            die(argv[i], "expected [--sim ARCH | --runtime FILE] [--cache-dir DIR]");
        if (strcmp(argv[i], "--cache-dir") == 0) {
            options->cache_dir = argv[i + 1];
        } else if (strcmp(argv[i], "--runtime") == 0) {
            runtime = argv[i + 1];
        } else if (strcmp(argv[i], "--sim") == 0) {
            runtime = getenv("AITER_SIM") ? getenv("AITER_SIM") : "libaiter-sim.so";
            setenv("AITER_SIM_DEVICES", argv[i + 1], 1); /* this device and no other */
        } else {
            die(argv[i], "expected [--sim ARCH | --runtime FILE] [--cache-dir DIR]");
        }
    }
    return runtime;
}

int main(int argc, char **argv)
{
    aiter_context_options options = AITER_CONTEXT_OPTIONS_INIT;
    aiter_attn_args args = AITER_ATTN_ARGS_INIT;
    int64_t q_shape[] = { BATCH, SEQLEN, HEADS, HEAD_DIM };
    int64_t kv_shape[] = { BATCH, SEQLEN, HEADS_KV, HEAD_DIM };

    options.hip_runtime = parse(argc, argv, &options);
    options.log = log_message;
    load_hip(options.hip_runtime);

    fill(q, Q_SIZE);
    fill(k, KV_SIZE);
    fill(v, KV_SIZE);
    const DLTensor tq = tensor(upload(q, sizeof q), q_shape);
    const DLTensor tk = tensor(upload(k, sizeof k), kv_shape);
    const DLTensor tv = tensor(upload(v, sizeof v), kv_shape);
    const DLTensor tout = tensor(upload(out, sizeof out), q_shape);
    args.q = &tq;
    args.k = &tk;
    args.v = &tv;
    args.out = &tout;
    args.causal = 1;

    printf("attention: batch %d, %d heads, %d KV heads, %d x %d, head_dim %d, bf16, causal\n",
           BATCH, HEADS, HEADS_KV, SEQLEN, SEQLEN, HEAD_DIM);
    int right = 1;
    for (int pass = 0; pass < 2; pass++) {
        memset(out, 0xff, sizeof out); /* NaN: nothing is right by accident */
        check_hip("hipMemcpy", hip.hipMemcpy(tout.data, out, sizeof out, HOST_TO_DEVICE));
        run(pass == 0 ? "first context" : "second context", &options, &args);
        check_hip("hipMemcpy", hip.hipMemcpy(out, tout.data, sizeof out, DEVICE_TO_HOST));
        right &= check_output();
    }

    const DLTensor *all[] = { &tq, &tk, &tv, &tout };
    for (int i = 0; i < 4; i++)
        check_hip("hipFree", hip.hipFree(all[i]->data));
    return right ? 0 : 1;
}
