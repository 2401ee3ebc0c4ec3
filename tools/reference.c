#include "tools/reference.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys are taken in tiles, transposed, so that the inner loops run over keys without reordering any
 * sum; rows are dealt to the threads in blocks of one head. */
enum { TILE = 64, ROWS = 32, MAX_THREADS = 64 };

typedef struct ref_job {
    const ref_problem *p;
    ref_result *result;
    int blocks_per_head;
    atomic_long next;
    atomic_bool failed;
} ref_job;

/* One thread's working memory: K and V of one KV head, and a block's scores. */
typedef struct workspace {
    long kv;                /* batch * heads_kv + head_kv held, -1: none */
    int tiles;
    double *kt, *v;         /* kt: (tile, hdqk, TILE); v: (seqlen_k, hdv) */
    float *kt32;            /* the same for the textbook computation */
    double *scores;         /* tiles * TILE of one row */
    float *scores32;
    double *acc, *err;      /* hdv */
    float *acc32, *q32;
    double max_norm;        /* largest Euclidean norm of a key */
} workspace;

size_t ref_rows(const ref_problem *p)
{
    return (size_t)p->batch * (size_t)p->heads * (size_t)p->seqlen_q;
}

int ref_seqlen_q(const ref_problem *p, int b)
{
    return p->seqlens_q ? p->seqlens_q[b] : p->seqlen_q;
}

int ref_seqlen_k(const ref_problem *p, int b)
{
    return p->seqlens_k ? p->seqlens_k[b] : p->seqlen_k;
}

void ref_visible(const ref_problem *p, int b, int row, int *first, int *end)
{
    const long keys = ref_seqlen_k(p, b), diagonal = (long)row + keys - ref_seqlen_q(p, b);
    long low = 0, high = keys;

    if (p->causal && diagonal + 1 < high)
        high = diagonal + 1;
    if (p->use_window && p->window_right >= 0 && diagonal + p->window_right + 1 < high)
        high = diagonal + p->window_right + 1;
    if (p->use_window && p->window_left >= 0 && diagonal - p->window_left > low)
        low = diagonal - p->window_left;
    *first = (int)low;
    *end = high < low ? (int)low : (int)high;
}

static double *doubles(size_t count)
{
    return calloc(count ? count : 1, sizeof(double));
}

static float *floats(size_t count)
{
    return calloc(count ? count : 1, sizeof(float));
}

static void workspace_free(workspace *w)
{
    free(w->kt);
    free(w->v);
    free(w->kt32);
    free(w->scores);
    free(w->scores32);
    free(w->acc);
    free(w->err);
    free(w->acc32);
    free(w->q32);
}

static bool workspace_init(workspace *w, const ref_problem *p)
{
    const size_t keys = (size_t)(w->tiles = (p->seqlen_k + TILE - 1) / TILE) * TILE;

    w->kv = -1;
    w->kt = doubles(keys * (size_t)p->hdqk);
    w->kt32 = floats(keys * (size_t)p->hdqk);
    w->v = doubles(keys * (size_t)p->hdv);
    w->scores = doubles(keys);
    w->scores32 = floats(keys);
    w->acc = doubles((size_t)p->hdv);
    w->err = doubles((size_t)p->hdv);
    w->acc32 = floats((size_t)p->hdv);
    w->q32 = floats((size_t)p->hdqk);
    return w->kt && w->kt32 && w->v && w->scores && w->scores32 && w->acc && w->err && w->acc32 &&
           w->q32;
}

static void workspace_load(workspace *w, const ref_problem *p, long kv)
{
    const size_t dqk = (size_t)p->hdqk, dv = (size_t)p->hdv, keys = (size_t)p->seqlen_k;
    const float *k = p->k + (size_t)kv * keys * dqk, *v = p->v + (size_t)kv * keys * dv;

    if (w->kv == kv)
        return;
    w->kv = kv;
    w->max_norm = 0;
    for (size_t j = 0; j < keys; j++) {
        double square = 0;
        for (size_t d = 0; d < dqk; d++) {
            const size_t at = (j / TILE * dqk + d) * TILE + j % TILE;
            const float x = k[j * dqk + d];
            w->kt[at] = w->kt32[at] = x;
            square += (double)x * x;
        }
        w->max_norm = fmax(w->max_norm, sqrt(square));
    }
    for (size_t i = 0; i < keys * dv; i++)
        w->v[i] = v[i];
}

/* out[j] = sum over d of q[d] * kt[d][j], for one tile of keys. */
static void tile_scores(const float *q, const double *kt, int hdqk, double *restrict out)
{
    for (int j = 0; j < TILE; j++)
        out[j] = 0;
    for (int d = 0; d < hdqk; d++)
        for (int j = 0; j < TILE; j++)
            out[j] += q[d] * kt[d * TILE + j];
}

static void tile_scores32(const float *q, const float *kt, int hdqk, float *restrict out)
{
    for (int j = 0; j < TILE; j++)
        out[j] = 0;
    for (int d = 0; d < hdqk; d++)
        for (int j = 0; j < TILE; j++)
            out[j] += q[d] * kt[d * TILE + j];
}

/* One query row: what the computations share. */
typedef struct row {
    const float *q;
    int batch, head, index; /* index: of the query in its sequence */
    int first, end;         /* visible keys */
    const float *bias;      /* of the row, by key; NULL */
    double slope, sink;     /* sink: -inf if there is none */
    int diagonal;
} row;

static row make_row(const ref_problem *p, size_t head, int i)
{
    const size_t at = head * (size_t)p->seqlen_q + (size_t)i;
    row r = { .q = p->q + at * (size_t)p->hdqk,
              .batch = (int)(head / (size_t)p->heads),
              .head = (int)(head % (size_t)p->heads),
              .index = i,
              .bias = p->bias ? p->bias + at * (size_t)p->seqlen_k : NULL,
              .slope = p->slopes ? (double)p->slopes[head] : 0 };

    r.sink = p->sinks ? (double)p->sinks[r.head] : -INFINITY;
    r.diagonal = i + ref_seqlen_k(p, r.batch) - ref_seqlen_q(p, r.batch);
    ref_visible(p, r.batch, i, &r.first, &r.end);
    return r;
}

/* 0: hidden, 1: as mask_mod says, 2: visible. */
static int block_state(const ref_problem *p, const row *r, int j)
{
    const int size = p->block_mask_size;
    if (!p->block_mask)
        return 1;
    const size_t rows = (size_t)((p->seqlen_q + size - 1) / size),
                 keys = (size_t)((p->seqlen_k + size - 1) / size),
                 head = (size_t)r->batch * (size_t)p->heads + (size_t)r->head;
    return p->block_mask[(head * rows + (size_t)(r->index / size)) * keys + (size_t)(j / size)];
}

static bool is_hidden(const ref_problem *p, const row *r, const ref_place *place)
{
    const int state = block_state(p, r, place->kv_idx);
    return state == 0 || (state == 1 && p->mask_mod && !p->mask_mod(place));
}

/* The score of key j from scale q k. */
static double change_score(const ref_problem *p, const row *r, double s, int j)
{
    const ref_place place = { r->batch, r->head, r->index, j, ref_seqlen_q(p, r->batch),
                              ref_seqlen_k(p, r->batch), p->mod_data };
    if (is_hidden(p, r, &place))
        return -INFINITY;
    if (p->softcap > 0)
        s = p->softcap * tanh(s / p->softcap);
    s -= r->slope * abs(r->diagonal - j);
    s += r->bias ? (double)r->bias[j] : 0;
    return p->score_mod ? p->score_mod(&place, s) : s;
}

/* Relative error that a probability may bring to the output: its own rounding (twice that if it is
 * cut off), that of the output and of a sum over rounded probabilities; the score's, whose products
 * and sums in fp32 are off by at most (hdqk + 4) units of |q| |k| and some units of what it is
 * changed by, once in the probability and once in the sum; the fp32 sums over keys. Kernels that
 * multiply by log2(e) and use the hardware's exp2 stay within the same terms. */
static double relative_error(const workspace *w, const ref_problem *p, const row *r)
{
    const double unit32 = num_dtype_unit(NUM_FP32);
    double square = 0, largest_bias = 0;

    for (int d = 0; d < p->hdqk; d++)
        square += (double)r->q[d] * r->q[d];
    for (int j = r->first; r->bias && j < r->end; j++)
        if (isfinite(r->bias[j]))
            largest_bias = fmax(largest_bias, fabs((double)r->bias[j]));
    const double distance = fmax(abs(r->diagonal - r->first), abs(r->diagonal - r->end));
    const double changes =
        4 * p->softcap + fabs(r->slope) * distance + largest_bias + p->score_mod_size;
    const double score =
        ((p->hdqk + 4) * fabs(p->scale) * sqrt(square) * w->max_norm + 4 * changes) * unit32;
    const double sink = isfinite(r->sink) ? 4 * unit32 * fabs(r->sink) : 0;
    return (p->truncate ? 5 : 3) * num_dtype_unit(p->dtype) + 2 * score + sink +
           (2.0 * (r->end - r->first) + 8) * unit32;
}

/* One row in float64, with at least one visible key or a sink. */
static void exact_row(const workspace *w, const ref_problem *p, const row *r, double *out,
                      double *lse, double *out_bound, double *lse_bound)
{
    const size_t dv = (size_t)p->hdv;
    const double relative = relative_error(w, p, r);
    /* gfx90a's matrix instructions take fp16 numbers below the normal range as zero (AMD's accuracy
     * notes for MI200): such a probability or value can be lost whole. */
    const double flushed = p->dtype == NUM_FP16 ? 0x1p-14 : 0,
                 tiny = p->dtype == NUM_FP16 ? 0x1p-24 : 0x1p-126;
    /* A row that is nothing beside its sink is scaled by a number that exp2 may flush to zero. */
    const double lost = isfinite(r->sink) ? 0x1p-126 : 0;
    double *s = w->scores, *acc = w->acc, *err = w->err, max = r->sink, sum;

    for (int t = r->first / TILE; t * TILE < r->end; t++)
        tile_scores(r->q, w->kt + (size_t)t * TILE * (size_t)p->hdqk, p->hdqk, s + t * TILE);
    for (int j = r->first; j < r->end; j++)
        max = fmax(max, s[j] = change_score(p, r, s[j] * p->scale, j));
    if (max == -INFINITY) { /* every key is hidden */
        *lse = -INFINITY;
        return;
    }
    memset(acc, 0, dv * sizeof *acc);
    memset(err, 0, dv * sizeof *err);
    sum = exp(r->sink - max);
    for (int j = r->first; j < r->end; j++) {
        const double weight = exp(s[j] - max), *v = w->v + (size_t)j * dv;
        const double error = lost + (weight < flushed ? weight : weight * relative);
        sum += weight;
        if (weight == 0)
            continue;
        for (size_t d = 0; d < dv; d++) {
            acc[d] += weight * v[d];
            err[d] += (fabs(v[d]) < flushed ? weight : error) * fabs(v[d]);
        }
    }
    for (size_t d = 0; d < dv; d++) {
        out[d] = acc[d] / sum;
        out_bound[d] = err[d] / sum + tiny;
    }
    *lse = max + log(sum);
    *lse_bound = relative + 4 * num_dtype_unit(NUM_FP32) * fabs(*lse);
}

/* The same row as a straightforward program in dtype would compute it. */
static void lowp_row(const workspace *w, const ref_problem *p, const row *r, double *out)
{
    float *s = w->scores32, *acc = w->acc32, *scaled = w->q32, max = (float)r->sink, sum;

    for (int d = 0; d < p->hdqk; d++)
        scaled[d] = num_round(p->dtype, r->q[d] * p->scale);
    for (int t = r->first / TILE; t * TILE < r->end; t++)
        tile_scores32(scaled, w->kt32 + (size_t)t * TILE * (size_t)p->hdqk, p->hdqk, s + t * TILE);
    for (int j = r->first; j < r->end; j++)
        max = fmaxf(max, s[j] = num_round(p->dtype, (float)change_score(p, r, s[j], j)));
    if (max == -INFINITY)
        return;
    sum = expf((float)r->sink - max);
    for (int j = r->first; j < r->end; j++)
        sum += s[j] = expf(s[j] - max);
    memset(acc, 0, (size_t)p->hdv * sizeof *acc);
    for (int j = r->first; j < r->end; j++) {
        const float weight = num_round(p->dtype, s[j] / sum);
        const double *v = w->v + (size_t)j * (size_t)p->hdv;
        for (int d = 0; d < p->hdv; d++)
            acc[d] += weight * (float)v[d];
    }
    for (int d = 0; d < p->hdv; d++)
        out[d] = num_round(p->dtype, acc[d]);
}

static void one_row(const workspace *w, const ref_job *job, size_t head, int i)
{
    const ref_problem *p = job->p;
    const row r = make_row(p, head, i);
    const size_t at = head * (size_t)p->seqlen_q + (size_t)i, first = at * (size_t)p->hdv;
    ref_result *result = job->result;

    if (r.first >= r.end && r.sink == -INFINITY) { /* the arrays are zero already */
        result->lse[at] = -INFINITY;
        return;
    }
    exact_row(w, p, &r, result->out + first, result->lse + at, result->out_bound + first,
              result->lse_bound + at);
    lowp_row(w, p, &r, result->lowp_out + first);
}

static void *work(void *arg)
{
    ref_job *job = arg;
    const ref_problem *p = job->p;
    const long blocks = (long)p->batch * p->heads * job->blocks_per_head,
               group = p->heads / p->heads_kv;
    workspace w = { 0 };

    if (!workspace_init(&w, p)) {
        atomic_store(&job->failed, true);
        workspace_free(&w);
        return NULL;
    }
    for (long b; (b = atomic_fetch_add(&job->next, 1)) < blocks;) {
        const long head = b / job->blocks_per_head;
        const int first = (int)(b % job->blocks_per_head) * ROWS;

        /* (batch * heads + h) / group is batch * heads_kv + h / group */
        workspace_load(&w, p, head / group);
        for (int i = first; i < first + ROWS && i < ref_seqlen_q(p, (int)(head / p->heads)); i++)
            one_row(&w, job, (size_t)head, i);
    }
    workspace_free(&w);
    return NULL;
}

static void run(ref_job *job)
{
    pthread_t threads[MAX_THREADS];
    long wanted = sysconf(_SC_NPROCESSORS_ONLN);
    int started = 0;

    wanted = wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
    while (started < wanted - 1 && pthread_create(&threads[started], NULL, work, job) == 0)
        started++;
    work(job);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

bool ref_attention(const ref_problem *p, ref_result *r)
{
    const size_t rows = ref_rows(p), elements = rows * (size_t)p->hdv;
    ref_job job = { .p = p, .result = r, .blocks_per_head = (p->seqlen_q + ROWS - 1) / ROWS };

    *r = (ref_result){
        .out = doubles(elements),
        .lse = doubles(rows),
        .out_bound = doubles(elements),
        .lse_bound = doubles(rows),
        .lowp_out = doubles(elements),
    };
    if (!r->out || !r->lse || !r->out_bound || !r->lse_bound || !r->lowp_out)
        return false;
    run(&job);
    return !atomic_load(&job.failed);
}

void ref_result_free(ref_result *r)
{
    free(r->out);
    free(r->lse);
    free(r->out_bound);
    free(r->lse_bound);
    free(r->lowp_out);
    *r = (ref_result){ 0 };
}
