/* AITER's hand-written forward attention kernels on a device, against float64.
 *
 *     foreign-aiter --hsa DIR [--arch ARCH] [--kernel SUBSTRING] [--shape B,H,HKV,SQ,SK]
 *                   [--descale Q,K,V] [--full]
 *     foreign-aiter --hsa DIR --predict B,H,HKV,SQ,SK [--arch ARCH] [--kernel SUBSTRING]
 *
 * The second form checks nothing: it prints what the simulator's timing model predicts for each
 * kernel, from a sample of its workgroups.
 *
 * DIR is the hsa/ folder of a copy of AITER's repository (ROCm/aiter); $AITER_HSA_DIR if not given.
 * Without either the exit status is 77. Kernels are those that DIR/ARCH/fmha_v3_fwd/fmha_fwd.csv
 * lists, and those of DIR/ARCH/fmha_v4_fwd/fmha_v4_fwd.csv that scale whole tensors. Exit status 0:
 * all right.
 *
 * Facts about the kernels, from that repository at commit e4048607:
 *
 * - csrc/include/mha_fwd.h, fmha_fwd_v3_args: the kernarg segment has slots of 16 bytes, with one
 *   value in each, in the order of `enum slot` below.
 * - csrc/cpp_itfs/mha_fwd.cu, init_fmha_fwd_v3_args: what the values mean. Strides are in bytes.
 * - get_grid_dim and fmha_fwd_v3 there: grid and block. get_kernel_co_name: gfx942 has two sets of
 *   files, MI300 and MI308.
 * - csrc/py_itfs_cu/asm_mha_varlen_fwd.cu: packed sequences come with the numbers of their first
 *   tokens, and have no batch stride.
 * - csrc/py_itfs_cu/asm_mha_v4_fwd.cu: the second table's kernels take the same kernarg segment. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/aiter_sim.h"
#include "tests/foreign/attention.h"
#include "tests/foreign/gpu.h"

/* ---- The kernels ---- */

/* A row of the table, whose columns are
 * dtype,hdim_q,hdim_v,mask,mode,bf16_cvt,ts_qo,ts_kv,knl_name,co_name */
typedef struct kernel {
    char dtype[16], name[128], file[128];
    int hdqk, hdv;
    int mask;     /* 0 none, 2 causal                  */
    int group;    /* 1: packed sequences               */
    int rounding; /* of the probabilities to bf16      */
    int tile_q, tile_k;
    bool has_lse;
    bool one_to_one; /* no two query heads share a KV head */
} kernel;

static bool parse_v3(const char *line, kernel *k)
{
    *k = (kernel){.has_lse = true};
    return sscanf(line, "%15[^,],%d,%d,%d,%d,%d,%d,%d,%127[^,],%127[^,\r\n]", k->dtype, &k->hdqk,
                  &k->hdv, &k->mask, &k->group, &k->rounding, &k->tile_q, &k->tile_k, k->name,
                  k->file) == 10;
}

/* AttentionFormat and AttentionScaleMode of csrc/py_itfs_cu/asm_mha_v4_fwd.cu */
enum { FORMAT_FP8 = 3, FORMAT_FP8_FNUZ = 4, FORMAT_INT8 = 10, SCALE_PER_TENSOR = 1 };

/* A row of fmha_v4_fwd.csv, with columns q_format,k_format,v_format,o_format, the four scale modes,
 * hdim_q,hdim_v,mask,mode,ts_qo,ts_kv,knl_name,co_name. False also for the block-scaled formats,
 * whose tensors have layouts of their own. */
static bool parse_v4(const char *line, kernel *k)
{
    int format[4], scale[4];

    *k = (kernel){.one_to_one = true};
    if (sscanf(line, "%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%127[^,],%127[^,\r\n]", &format[0],
               &format[1], &format[2], &format[3], &scale[0], &scale[1], &scale[2], &scale[3],
               &k->hdqk, &k->hdv, &k->mask, &k->group, &k->tile_q, &k->tile_k, k->name,
               k->file) != 16)
        return false;
    strcpy(k->dtype, format[0] == FORMAT_INT8 ? "i8fp8" : "fp8");
    return (format[0] == FORMAT_INT8 || format[0] == FORMAT_FP8) && format[1] == format[0] &&
           (format[2] == FORMAT_FP8 || format[2] == FORMAT_FP8_FNUZ) &&
           scale[0] == SCALE_PER_TENSOR && scale[1] == SCALE_PER_TENSOR &&
           scale[2] == SCALE_PER_TENSOR;
}

/* ---- The kernarg segment ---- */

enum slot {
    PTR_O,
    PTR_Q,
    PTR_K,
    PTR_V,
    PTR_LSE,
    SCALE,
    SEQLEN_Q,
    Q_ROW,
    Q_TILE,
    Q_HEAD,
    Q_BATCH,
    GQA,
    K_ROW,
    K_HEAD,
    K_BATCH,
    TUNING,
    WANT_LSE,
    SEQLEN_K,
    HDQK,
    HDV,
    HEADS,
    V_ROW,
    V_HEAD,
    V_BATCH,
    O_ROW,
    O_HEAD,
    O_BATCH,
    PTR_Q_FIRST,
    PTR_K_FIRST,
    LSE_HEAD,
    PTR_Q_PADDED,
    PTR_K_PADDED,
    PTR_Q_DESCALE,
    PTR_K_DESCALE,
    PTR_V_DESCALE,
    Q_DESCALE_BATCH,
    Q_DESCALE_HEAD,
    K_DESCALE_BATCH,
    K_DESCALE_HEAD,
    V_DESCALE_BATCH,
    V_DESCALE_HEAD,
    NUM_SLOTS
};

typedef union slots {
    struct {
        uint64_t low, high;
    } words[NUM_SLOTS];
    float scale[NUM_SLOTS][4];
} slots;

static void set(slots *s, enum slot which, size_t value) { s->words[which].low = value; }

static void set_pointer(slots *s, enum slot which, const void *pointer)
{
    s->words[which].low = (uintptr_t)pointer;
}

/* ---- One run ---- */

typedef struct run {
    gpu gpu;
    const kernel *kernel;
    const char *file;
    attention problem;
    void *input[3], *out, *lse, *first[2], *descale[3];
} run;

static bool upload_inputs(run *r)
{
    for (int i = 0; i < 3; i++) {
        r->input[i] = gpu_buffer(&r->gpu, r->problem.input[i], attention_bytes(&r->problem, i));
        r->descale[i] = gpu_buffer(&r->gpu, &r->problem.descale[i], sizeof(float));
        if (!r->input[i] || !r->descale[i])
            return false;
    }
    return true;
}

/* Number of the first token of each sequence, and of all tokens. */
static bool upload_first_tokens(run *r)
{
    for (int i = 0; i < 2; i++) {
        const int *lengths = i == 0 ? r->problem.seqlen_q : r->problem.seqlen_k;
        int32_t first[MAX_SEQUENCES + 1];
        for (int s = 0; s <= r->problem.sequences; s++)
            first[s] = attention_tokens(lengths, s);
        r->first[i] =
            gpu_buffer(&r->gpu, first, ((size_t)r->problem.sequences + 1) * sizeof *first);
        if (!r->first[i])
            return false;
    }
    return true;
}

static size_t rows_of(const run *r)
{
    return (size_t)attention_tokens(r->problem.seqlen_q, r->problem.sequences) *
           (size_t)r->problem.heads;
}

static bool allocate(run *r)
{
    r->out = gpu_buffer(&r->gpu, NULL, rows_of(r) * (size_t)r->problem.hdv * 2);
    r->lse = gpu_buffer(&r->gpu, NULL, rows_of(r) * sizeof(float));
    return r->out && r->lse && upload_inputs(r) && upload_first_tokens(r);
}

static void release(run *r)
{
    void *const memory[] = {r->input[0], r->input[1], r->input[2],   r->out,        r->lse,
                            r->first[0], r->first[1], r->descale[0], r->descale[1], r->descale[2]};

    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        device_free(r->gpu.device, memory[i]);
    attention_free(&r->problem);
}

/* Row, head and batch stride in bytes of a (token, head, dim) tensor. */
static void set_strides(slots *s, enum slot row, enum slot head, enum slot batch, size_t heads,
                        size_t dim, size_t bytes, size_t tokens)
{
    set(s, row, heads * dim * bytes);
    set(s, head, dim * bytes);
    set(s, batch, tokens * heads * dim * bytes);
}

static int tuning(const kernel *k, const attention *a, const char *arch)
{
    if (k->hdqk == 192 && strcmp(arch, "gfx942") == 0)
        return 0;
    return k->mask && a->heads % 8 ? 3 : 5;
}

static void set_shapes(slots *s, const run *r)
{
    const attention *a = &r->problem;
    const bool group = r->kernel->group;
    const size_t bytes = a->element_qk == ELEMENT_BF16 ? 2 : 1, hd = (size_t)a->hdqk,
                 hdv = (size_t)a->hdv;
    const size_t heads = (size_t)a->heads, kv = (size_t)a->heads_kv;
    const size_t sq = (size_t)attention_longest(a->seqlen_q, a->sequences);
    const size_t sk = (size_t)attention_longest(a->seqlen_k, a->sequences);
    const size_t batch_q = group ? 0 : sq, batch_k = group ? 0 : sk;

    set(s, SEQLEN_Q, sq);
    set(s, SEQLEN_K, sk);
    set(s, HDQK, hd);
    set(s, HDV, hdv);
    set(s, HEADS, heads);
    set(s, GQA, heads / kv);
    set_strides(s, Q_ROW, Q_HEAD, Q_BATCH, heads, hd, bytes, batch_q);
    set_strides(s, K_ROW, K_HEAD, K_BATCH, kv, hd, bytes, batch_k);
    set_strides(s, V_ROW, V_HEAD, V_BATCH, kv, hdv, bytes, batch_k);
    set_strides(s, O_ROW, O_HEAD, O_BATCH, heads, hdv, 2, batch_q);
    set(s, Q_TILE, (size_t)r->kernel->tile_q * heads * hd * bytes);
    set(s, LSE_HEAD, 4 * (group ? (size_t)attention_tokens(a->seqlen_q, a->sequences) : sq));
}

static slots arguments(const run *r)
{
    slots s = {0};

    set_shapes(&s, r);
    s.scale[SCALE][0] = r->problem.scale;
    set(&s, TUNING, (size_t)tuning(r->kernel, &r->problem, device_arch(r->gpu.device)));
    set(&s, WANT_LSE, r->kernel->has_lse);
    set_pointer(&s, PTR_O, r->out);
    set_pointer(&s, PTR_LSE, r->lse);
    for (int i = 0; i < 3; i++)
        set_pointer(&s, (enum slot)(PTR_Q + i), r->input[i]);
    for (int i = 0; i < 3 && r->problem.element != ELEMENT_BF16; i++)
        set_pointer(&s, (enum slot)(PTR_Q_DESCALE + i), r->descale[i]);
    for (int i = 0; i < 2 && r->kernel->group; i++) {
        set_pointer(&s, (enum slot)(PTR_Q_FIRST + i), r->first[i]);
        set_pointer(&s, (enum slot)(PTR_Q_PADDED + i), r->first[i]);
    }
    return s;
}

/* On gfx942 a causal workgroup of head_dim 192 takes one tile; elsewhere a causal one takes two. */
static void geometry(const run *r, unsigned grid[3], unsigned block[3])
{
    const kernel *k = r->kernel;
    const bool gfx942_192 = k->hdqk == 192 && strcmp(device_arch(r->gpu.device), "gfx942") == 0;
    const unsigned sq = (unsigned)attention_longest(r->problem.seqlen_q, r->problem.sequences);
    const unsigned tiles = (sq + (unsigned)k->tile_q - 1) / (unsigned)k->tile_q;
    const unsigned groups = k->mask && !gfx942_192 ? (tiles + 1) / 2 : tiles;
    const unsigned heads = (unsigned)r->problem.heads, batch = (unsigned)r->problem.sequences;

    grid[0] = k->group || gfx942_192 ? heads : groups;
    grid[1] = k->group ? batch : gfx942_192 ? groups : heads;
    grid[2] = k->group ? groups : batch;
    block[0] = k->hdqk == 192 ? 256 : 512;
    block[1] = block[2] = 1;
}

static bool judge(run *r, verdict *v)
{
    const size_t out_bytes = rows_of(r) * (size_t)r->problem.hdv * 2,
                 lse_bytes = rows_of(r) * sizeof(float);
    uint16_t *out = malloc(out_bytes);
    float *lse = malloc(lse_bytes);
    bool done =
        out && lse && device_download(r->gpu.device, out, r->out, out_bytes, r->gpu.error) &&
        device_download(r->gpu.device, lse, r->lse, lse_bytes, r->gpu.error) &&
        attention_judge(&r->problem, out, r->kernel->has_lse ? lse : NULL, r->kernel->group, v);

    free(out);
    free(lse);
    return done;
}

static bool execute(run *r, verdict *v)
{
    unsigned grid[3], block[3];

    if (!attention_fill(&r->problem, 1) || !allocate(r))
        return false;
    slots s = arguments(r);
    geometry(r, grid, block);
    return gpu_run(&r->gpu, r->file, r->kernel->name, grid, block, 0, &s, sizeof s) && judge(r, v);
}

/* ---- Shapes ---- */

typedef struct shape {
    int batch, heads, heads_kv, seqlen_q, seqlen_k;
} shape;

/* Tiles filled, tiles not filled, more keys than queries, fewer. */
static const shape shapes[] = {
    {1, 2, 2, 256, 256}, {1, 2, 1, 512, 512}, {2, 2, 1, 200, 200},
    {1, 2, 2, 130, 333}, {1, 1, 1, 333, 130},
};
enum { NUM_SHAPES = sizeof shapes / sizeof *shapes, NUM_DEFAULT_SHAPES = 3 };

static element element_of(const kernel *k, const char *arch)
{
    if (!strstr(k->dtype, "fp8"))
        return ELEMENT_BF16;
    return strcmp(arch, "gfx942") == 0 ? ELEMENT_FP8_FNUZ : ELEMENT_FP8_OCP;
}

/* Packed sequences get lengths of their own: the shape's, then ever shorter ones. */
static attention problem_of(const kernel *k, const shape *s, const float descale[3],
                            const char *arch)
{
    const element kind = element_of(k, arch);
    const bool int8 = k->dtype[0] == 'i';
    const float unit = int8 ? INT8_UNIT : 1;
    attention a = {.element_qk = int8 ? ELEMENT_INT8 : kind,
                   .element = kind,
                   .heads = s->heads,
                   .heads_kv = k->one_to_one ? s->heads : s->heads_kv,
                   .hdqk = k->hdqk,
                   .hdv = k->hdv,
                   .causal = k->mask != 0,
                   .scale = 1 / sqrtf((float)k->hdqk),
                   /* v4's fp8 kernels scale Q and round it to fp8 once more. */
                   .allowance = k->has_lse || int8 ? 2 : 4,
                   .descale = {descale[0] / unit, descale[1] / unit, descale[2]}};

    a.sequences = k->group && s->batch < 2 ? 2 : s->batch;
    for (int i = 0; i < a.sequences; i++) {
        a.seqlen_q[i] = k->group ? s->seqlen_q - 37 * i : s->seqlen_q;
        a.seqlen_k[i] = k->group ? s->seqlen_k - 29 * i : s->seqlen_k;
    }
    return a;
}

/* ---- Prediction ---- */

/* Tensors of any size: a small problem's values again and again. */
static void *repeated(run *r, const void *block, size_t block_bytes, size_t bytes)
{
    void *memory = NULL;

    if (!device_alloc(r->gpu.device, &memory, bytes, r->gpu.error))
        return NULL;
    for (size_t at = 0; at < bytes; at += block_bytes) {
        size_t n = bytes - at < block_bytes ? bytes - at : block_bytes;
        if (!device_upload(r->gpu.device, (char *)memory + at, block, n, r->gpu.error))
            return NULL;
    }
    return memory;
}

static bool upload_pattern(run *r)
{
    attention small = r->problem;
    bool ok = true;

    small.sequences = 1;
    small.seqlen_q[0] = small.seqlen_k[0] = 61;
    small.heads = small.heads_kv = 1;
    if (!attention_fill(&small, 1))
        return false;
    for (int i = 0; i < 3 && ok; i++) {
        r->input[i] = repeated(r, small.input[i], attention_bytes(&small, i),
                               attention_bytes(&r->problem, i));
        r->descale[i] = gpu_buffer(&r->gpu, &r->problem.descale[i], sizeof(float));
        ok = r->input[i] && r->descale[i];
    }
    attention_free(&small);
    return ok && upload_first_tokens(r) &&
           device_alloc(r->gpu.device, &r->out, rows_of(r) * (size_t)r->problem.hdv * 2,
                        r->gpu.error) &&
           device_alloc(r->gpu.device, &r->lse, rows_of(r) * sizeof(float), r->gpu.error);
}

/* Of the two products; a causal one counts half, as everybody counts. */
static double attention_flops(const attention *a)
{
    double pairs = 0;

    for (int i = 0; i < a->sequences; i++)
        pairs += (double)a->seqlen_q[i] * a->seqlen_k[i];
    return 2 * pairs * a->heads * (a->hdqk + a->hdv) * (a->causal ? 0.5 : 1);
}

static void print_prediction(const run *r, const aiter_sim_profile *p)
{
    const attention *a = &r->problem;
    const double flops = attention_flops(a);

    printf("%s %s b%d h%d/%d s%dx%d: %.1f us, %.0f TFLOP/s at peak clock, %.0f at the sustained "
           "%.2f GHz, matrix units busy %.1f %%, valu %.1f %%, lds %.1f %%, vmem %.1f %%, L2 hits %.0f %%, HBM %.0f GB/s; %u waves a SIMD "
           "(%s), %llu of %llu workgroups\n",
           p->arch, r->kernel->file, a->sequences, a->heads, a->heads_kv, a->seqlen_q[0],
           a->seqlen_k[0], 1e6 * p->seconds, 1e-12 * flops / p->seconds,
           1e-12 * flops / p->sustained_seconds, 1e-9 * p->sustained_clock_hz,
           100 * p->busy[AITER_SIM_UNIT_MFMA],
           100 * (p->busy[AITER_SIM_UNIT_VALU] + p->busy[AITER_SIM_UNIT_TRANS]),
           100 * p->busy[AITER_SIM_UNIT_LDS], 100 * p->busy[AITER_SIM_UNIT_VMEM],
           100 * p->l2.hit_rate, 1e-9 * (p->hbm.read_bytes + p->hbm.write_bytes) / p->seconds,
           p->waves_per_simd, p->limited_by, (unsigned long long)p->simulated_workgroups,
           (unsigned long long)p->workgroups);
}

static bool predict(run *r)
{
    int (*set_timing)(aiter_sim_timing, int) = NULL;
    aiter_sim_profile *(*take)(void) = NULL;
    void (*release_profile)(aiter_sim_profile *) = NULL;
    unsigned grid[3], block[3];

    if (!gpu_symbol(&r->gpu, "aiterSimSetTiming", &set_timing) ||
        !gpu_symbol(&r->gpu, "aiterSimTakeProfile", &take) ||
        !gpu_symbol(&r->gpu, "aiterSimFreeProfile", &release_profile) || !upload_pattern(r))
        return false;
    set_timing(AITER_SIM_TIMING_SAMPLE, 0);
    slots s = arguments(r);
    geometry(r, grid, block);
    if (!gpu_run(&r->gpu, r->file, r->kernel->name, grid, block, 0, &s, sizeof s))
        return false;
    aiter_sim_profile *p = take();
    if (p)
        print_prediction(r, p);
    release_profile(p);
    return p != NULL;
}

/* ---- Reporting ---- */

typedef struct options {
    const char *hsa, *arch, *kernel;
    float descale[3]; /* of fp8 inputs */
    shape shape;
    bool has_shape, full, predict;
} options;

typedef struct tally {
    int passed, failed;
} tally;

static void print_result(const run *r, const verdict *v, const char *file)
{
    device_counts counts = {0};
    const attention *a = &r->problem;

    device_take_counts(r->gpu.device, &counts);
    printf("%-4s %s %s b%d h%d/%d s%dx%d: max error %.2e (tolerance %.2e, textbook %.2e, range "
           "%.2f), lse %.1e, "
           "%.2f M instructions, %.2f s\n",
           v->pass ? "ok" : "FAIL", device_arch(r->gpu.device), file, a->sequences, a->heads,
           a->heads_kv, a->seqlen_q[0], a->seqlen_k[0], v->max_error, v->tolerance, v->textbook,
           v->range, v->lse_error, 1e-6 * (double)counts.instructions,
           1e-9 * (double)counts.host_ns);
    if (!v->pass)
        printf("     worst at sequence %d head %d row %d column %d; %zu values not finite\n",
               v->sequence, v->head, v->row, v->column, v->not_finite);
    fflush(stdout);
}

static bool run_here(const options *o, const char *arch, const char *folder, const kernel *k,
                     const shape *s)
{
    char device_of_arch[64], path[4096];
    verdict v;
    run r = {.kernel = k, .file = path, .problem = problem_of(k, s, o->descale, arch)};

    snprintf(device_of_arch, sizeof device_of_arch, "sim:%s", arch);
    snprintf(path, sizeof path, "%s/%s", folder, k->file);
    bool done = gpu_open(&r.gpu, device_of_arch);
    if (done) {
        v.pass = o->predict;
        done = o->predict ? predict(&r) : execute(&r, &v);
        if (done && !o->predict)
            print_result(&r, &v, k->file);
        release(&r);
    }
    if (!done)
        printf("FAIL %s %s s%dx%d: %s\n", arch, k->file, s->seqlen_q, s->seqlen_k, r.gpu.error);
    gpu_close(&r.gpu);
    fflush(stdout);
    return done && v.pass;
}

/* In a process of its own: a fault of the kernel makes the device unusable for the rest of the
 * process. */
static bool run_one(const options *o, const char *arch, const char *folder, const kernel *k,
                    const shape *s)
{
    int status = 0;

    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        _exit(run_here(o, arch, folder, k, s) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status))
        printf("FAIL %s %s: killed by signal %d\n", arch, k->file, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_shapes(const options *o, const char *arch, const char *folder, const kernel *k,
                       tally *t)
{
    const int count = o->has_shape ? 1 : o->full ? NUM_SHAPES : NUM_DEFAULT_SHAPES;

    for (int i = 0; i < count; i++)
        if (run_one(o, arch, folder, k, o->has_shape ? &o->shape : &shapes[i]))
            t->passed++;
        else
            t->failed++;
}

/* Every kernel of one folder that the table names and the options choose. */
static void run_folder(const options *o, const char *arch, const char *table,
                       bool (*parse)(const char *line, kernel *k), const char *folder, tally *t)
{
    char line[512];
    kernel k;
    FILE *file = fopen(table, "r");

    if (!file) {
        printf("FAIL %s: cannot be read\n", table);
        t->failed++;
        return;
    }
    while (fgets(line, sizeof line, file))
        if (parse(line, &k) && (!o->kernel || strstr(k.file, o->kernel)))
            run_shapes(o, arch, folder, &k, t);
    fclose(file);
}

static void run_arch(const options *o, const char *arch, const char *const *subfolders, tally *t)
{
    char table[2048], folder[2048];

    if (o->arch && strcmp(o->arch, arch) != 0)
        return;
    snprintf(table, sizeof table, "%s/%s/fmha_v3_fwd/fmha_fwd.csv", o->hsa, arch);
    for (; *subfolders; subfolders++) {
        snprintf(folder, sizeof folder, "%s/%s/fmha_v3_fwd%s", o->hsa, arch, *subfolders);
        run_folder(o, arch, table, parse_v3, folder, t);
    }
    snprintf(table, sizeof table, "%s/%s/fmha_v4_fwd/fmha_v4_fwd.csv", o->hsa, arch);
    snprintf(folder, sizeof folder, "%s/%s/fmha_v4_fwd", o->hsa, arch);
    if (access(table, F_OK) == 0) /* older copies do not have it */
        run_folder(o, arch, table, parse_v4, folder, t);
}

/* ---- Command line ---- */

static int usage(void)
{
    fprintf(stderr, "usage: foreign-aiter --hsa DIR [--arch gfx942|gfx950] [--kernel SUBSTRING] "
                    "[--shape|--predict B,H,HKV,SQ,SK] [--descale Q,K,V] [--full]\n");
    return 2;
}

static bool parse_shape(const char *text, shape *s)
{
    return sscanf(text, "%d,%d,%d,%d,%d", &s->batch, &s->heads, &s->heads_kv, &s->seqlen_q,
                  &s->seqlen_k) == 5 &&
           s->batch > 0 && s->batch <= MAX_SEQUENCES && s->heads_kv > 0 && s->heads > 0 &&
           s->heads % s->heads_kv == 0 && s->seqlen_q > 0 && s->seqlen_k > 0;
}

static bool parse_options(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--full") == 0) {
            o->full = true;
            continue;
        }
        if (!value)
            return false;
        if (strcmp(argv[i], "--hsa") == 0)
            o->hsa = value;
        else if (strcmp(argv[i], "--arch") == 0)
            o->arch = value;
        else if (strcmp(argv[i], "--kernel") == 0)
            o->kernel = value;
        else if (strcmp(argv[i], "--descale") == 0 &&
                 sscanf(value, "%f,%f,%f", &o->descale[0], &o->descale[1], &o->descale[2]) == 3)
            ;
        else if (strcmp(argv[i], "--shape") == 0 && parse_shape(value, &o->shape))
            o->has_shape = true;
        else if (strcmp(argv[i], "--predict") == 0 && parse_shape(value, &o->shape))
            o->has_shape = o->predict = true;
        else
            return false;
        i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const char *const gfx942[] = {"/MI300", "/MI308", NULL}, *const gfx950[] = {"", NULL};
    /* The factors of q and k cancel: gfx942's causal fp8 kernels apply them once more in a
     * workgroup's second tile (docs/simulator.md). */
    options o = {.hsa = getenv("AITER_HSA_DIR"), .descale = {2, 0.5f, 0.75f}};
    tally t = {0};

    if (!parse_options(&o, argc, argv))
        return usage();
    if (!o.hsa || !*o.hsa) {
        printf("skipped: neither --hsa nor AITER_HSA_DIR names AITER's hsa folder\n");
        return FOREIGN_SKIPPED;
    }
    run_arch(&o, "gfx942", gfx942, &t);
    run_arch(&o, "gfx950", gfx950, &t);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed == 0 && t.passed > 0 ? 0 : 1;
}
