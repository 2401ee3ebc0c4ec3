#include "tools/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors of rows first. */
enum {
    Q, K, V, OUT, LSE, K_NEW, V_NEW,
    LENGTHS_Q, LENGTHS_K, PAGE_TABLE, K_SCALE, V_SCALE, SLOPES, SINKS, BIAS, WORKSPACE,
    COSINES, SINES, MOD_DATA, BLOCK_MASK,
    NUM_TENSORS
};

static const char *const tensor_names[] = {
    "q", "k", "v", "out", "lse", "k_new", "v_new", "lengths of q", "lengths of k", "page_table",
    "k_scale", "v_scale", "alibi_slopes", "sinks", "bias", "workspace", "rotary_cos", "rotary_sin",
    "mod_data", "block_mask",
};
static const char *const layout_names[] = { "bshd", "bhsd", "sbhd", "packed-qkv", "gaps" };
static const char *const operation_names[] = { "attn", "kvcache", "cu", "packed", "padded" };

enum { WILD_BLOCK = -123456789, SPARE_BLOCKS = 2, SPARE_ANGLES = 2, ANGLES_GAP = 8 };

/* One allocation: what the host put there, and the device's copy. */
typedef struct block {
    unsigned char *image;
    unsigned char *after;           /* what a cache is after an append; NULL: image */
    void *memory;
    size_t bytes;
} block;

typedef struct tensor {
    DLTensor dl;
    int64_t shape[5], strides[5];
    num_dtype dtype;
    int block;                      /* index into blocks */
    size_t offset;                  /* elements */
    int64_t batch, row, head;       /* strides: from one to the next (batch: or page) */
    int dim;                        /* elements of a row */
    int heads;
    float *values;                  /* (batch, heads, seqlen, head_dim) contiguous, rounded */
} tensor;

struct trial {
    device *device;
    trial_spec spec;
    bool packed, cache;
    int seqlen_q, seqlen_k;         /* of the longest */
    int *lengths_q, *lengths_k;     /* (batch) */
    int *given_k, *old_k;           /* (batch): lengths before an append, as given and as they are */
    int *starts_q, *starts_k;       /* (batch + 1): in packed rows */
    int blocks_per_seq, num_blocks; /* of a cache */
    int *table;                     /* (batch, blocks_per_seq): of a cache */
    tensor tensors[NUM_TENSORS];
    block blocks[NUM_TENSORS];
    aiter_attn_variants variants;
    aiter_attn_args args;
    aiter_kvcache_args kvcache;
    aiter_varlen_args varlen;
    ref_problem problem;
    ref_result reference;
    bool has_reference;
};

const char *trial_layout_name(trial_layout layout)
{
    return layout_names[layout];
}

int trial_layout_find(const char *name)
{
    for (int i = 0; i < TRIAL_NUM_LAYOUTS; i++)
        if (strcmp(name, layout_names[i]) == 0)
            return i;
    return -1;
}

void trial_variant_text(const trial_spec *s, char out[TRIAL_VARIANT_MAX])
{
    static const char *const caches[] = { "", " pair", " shared" };
    const char *const flags[] = {
        s->full_lengths ? " full-lengths" : "", s->rows_first ? " rows-first" : "",
        caches[s->cache], s->fp8 ? " fp8" : "", s->head_scales ? " head-scales" : "",
        s->alibi ? " alibi" : "", s->sink ? " sink" : "", s->bias ? " bias" : "",
        s->truncate ? " truncate" : "",
    };
    int n = 0;

    out[0] = '\0';
    if (s->operation != TRIAL_ATTN)
        n += sprintf(out + n, " %s", operation_names[s->operation]);
    if (s->block_size)
        n += sprintf(out + n, " page%d", s->block_size);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        n += sprintf(out + n, "%s", flags[i]);
    if (s->use_window)
        n += sprintf(out + n, " window%d,%d", s->window_left, s->window_right);
    if (s->softcap > 0)
        n += sprintf(out + n, " softcap%g", (double)s->softcap);
    if (s->room)
        n += sprintf(out + n, " room%d", s->room);
    if (s->num_splits)
        n += sprintf(out + n, " splits%d", s->num_splits);
    if (s->seqlen_new)
        n += sprintf(out + n, " new%d", s->seqlen_new);
    if (s->rotary)
        n += sprintf(out + n, " %s%d", s->rotary == TRIAL_HALF ? "half" : "interleaved",
                     s->rotary_dim);
    if (s->score_mod)
        n += sprintf(out + n, " score-%s", mod_score(s->score_mod)->name);
    if (s->mask_mod)
        n += sprintf(out + n, " mask-%s", mod_mask(s->mask_mod)->name);
    if (s->block_mask)
        n += sprintf(out + n, " blocks%d", s->block_mask);
    if (s->hidden_blocks)
        sprintf(out + n, " hidden%d", s->hidden_blocks);
}

/* ---- Lengths and pages ---- */

/* From 0 to n - 1. */
static int pick(const trial *t, int stream, int index, int n)
{
    const float x = num_random(t->spec.seed, (uint64_t)(100 + stream), (uint64_t)index);
    return (int)(fabsf(x) * 1e6f) % n;
}

/* One in four is empty, one in four short, as in decode; the others are of any length. The last has them
 * all. */
static int pick_length(const trial *t, int stream, int b, int longest)
{
    const int kind = pick(t, stream, 2 * b, 4), any = pick(t, stream, 2 * b + 1, longest + 1);

    if (t->spec.full_lengths || b == t->spec.batch - 1)
        return longest;
    return kind == 0 ? 0 : kind == 1 ? any % 3 : any;
}

/* The keys before an append. Some sequences are empty, short, or have no room for all that is new. */
static int pick_given(const trial *t, int b)
{
    const int added = t->spec.seqlen_new, most = t->spec.seqlen_k - added;
    const int kind = pick(t, 1, 2 * b, 5), any = pick(t, 1, 2 * b + 1, most + 1);

    if (t->spec.full_lengths || b == t->spec.batch - 1)
        return most;
    return kind == 0   ? -any
           : kind == 1 ? any % 3
           : kind == 2 ? most + any % (added + 2)
                       : any;
}

static void append_lengths(trial *t)
{
    const int room = t->spec.seqlen_k;

    for (int b = 0; b < t->spec.batch; b++) {
        t->given_k[b] = t->spec.seqlen_new ? pick_given(t, b) : t->lengths_k[b];
        t->old_k[b] = t->given_k[b] < 0 ? 0 : t->given_k[b] > room ? room : t->given_k[b];
        t->lengths_k[b] = t->old_k[b] + t->spec.seqlen_new;
        if (t->lengths_k[b] > room)
            t->lengths_k[b] = room;
    }
}

static void set_lengths(trial *t)
{
    const trial_spec *s = &t->spec;
    const bool ragged = s->operation >= TRIAL_CU;

    for (int b = 0; b < s->batch; b++) {
        t->lengths_q[b] = ragged ? pick_length(t, 0, b, s->seqlen_q) : s->seqlen_q;
        t->lengths_k[b] = s->operation == TRIAL_ATTN ? s->seqlen_k : pick_length(t, 1, b, s->seqlen_k);
        t->lengths_q[b] = s->lengths_q ? s->lengths_q[b] : t->lengths_q[b];
        t->lengths_k[b] = s->lengths_k ? s->lengths_k[b] : t->lengths_k[b];
        t->starts_q[b + 1] = t->starts_q[b] + t->lengths_q[b];
        t->starts_k[b + 1] = t->starts_k[b] + t->lengths_k[b];
    }
    append_lengths(t);
}

/* Is the block of keys hidden from every row of every head? One in three is. */
static bool column_is_hidden(const trial *t, int b, int key)
{
    return t->spec.block_mask && !t->spec.hidden_blocks &&
           pick(t, 5, b * 4096 + key / t->spec.block_mask, 3) == 0;
}

/* From the first to behind the last key that some query of the batch entry sees. */
static void seen_keys(const trial *t, int b, int *first, int *end)
{
    int other;

    *first = *end = 0;
    if (t->lengths_q[b] == 0)
        return;
    ref_visible(&t->problem, b, 0, first, &other);
    ref_visible(&t->problem, b, t->lengths_q[b] - 1, &other, end);
}

/* Has the batch entry a key from `low` on up to `high` that a query sees? */
static bool is_seen(const trial *t, int b, int low, int high)
{
    int first, end;

    seen_keys(t, b, &first, &end);
    for (int key = low < first ? first : low; key < high && key < end; key++)
        if (!column_is_hidden(t, b, key))
            return true;
    return false;
}

/* Blocks in no order. A block that holds no key which is seen or appended has no entry. */
static void set_table(trial *t)
{
    const trial_spec *s = &t->spec;
    const int size = s->block_size ? s->block_size : s->seqlen_k;
    int next = 0;

    for (int i = 0; i < s->batch * t->blocks_per_seq; i++) {
        const int b = i / t->blocks_per_seq, low = i % t->blocks_per_seq * size;
        const bool appended = low < t->lengths_k[b] && low + size > t->old_k[b];
        const bool seen = is_seen(t, b, low, low + size);
        t->table[i] = seen || (t->spec.seqlen_new && appended) ? next++ : WILD_BLOCK;
    }
    if (s->block_size == 0) { /* batch entry b is block b */
        for (int b = 0; b < s->batch; b++)
            t->table[b] = b;
        t->num_blocks = s->batch;
        return;
    }
    t->num_blocks = next + SPARE_BLOCKS;
    for (int i = 0; i < s->batch * t->blocks_per_seq; i++)
        if (t->table[i] >= 0) /* 7 is coprime to most counts: else the order stays */
            t->table[i] = t->num_blocks % 7 ? (int)((int64_t)t->table[i] * 7 % t->num_blocks)
                                            : t->table[i];
}

/* ---- Layout ---- */

/* Lays (batch, rows, heads, dim) out in a block of its own; returns the block's size in elements. */
static size_t lay_out(tensor *t, int64_t b, int64_t s, trial_layout layout)
{
    const int64_t h = t->heads, d = t->dim;

    t->offset = 0;
    switch (layout) {
    case TRIAL_BHSD:
        t->batch = h * s * d;
        t->row = d;
        t->head = s * d;
        break;
    case TRIAL_SBHD:
        t->batch = h * d;
        t->row = b * h * d;
        t->head = d;
        break;
    case TRIAL_GAPS:
        t->head = (d + 15) / 8 * 8;
        t->row = h * t->head + 8;
        t->batch = (s + 3) * t->row + 16;
        t->offset = 64;
        return (size_t)(64 + b * t->batch + 64 * t->row); /* rows for a last tile to run into */
    case TRIAL_BSHD:
    case TRIAL_PACKED_QKV:
        t->batch = s * h * d;
        t->row = h * d;
        t->head = d;
        break;
    }
    return (size_t)(b * s * h * d);
}

static size_t lay_out_lse(tensor *t, int64_t b, int64_t s, trial_layout layout)
{
    const int64_t h = t->heads;

    t->head = layout == TRIAL_GAPS ? s + 5 : s;
    t->batch = layout == TRIAL_GAPS ? h * t->head + 7 : h * t->head;
    t->row = 1;
    t->offset = layout == TRIAL_GAPS ? 64 : 0;
    return t->offset + (size_t)(b * t->batch);
}

/* q, k and v as heads of one tensor. */
static size_t lay_out_packed(tensor tensors[NUM_TENSORS], const trial_spec *s)
{
    const int64_t d = s->hdqk, row = (s->heads + 2 * s->heads_kv) * d;

    for (int i = Q; i <= V; i++) {
        tensors[i].batch = s->seqlen_q * row;
        tensors[i].row = row;
        tensors[i].head = d;
        tensors[i].offset = 0;
        tensors[i].block = Q;
    }
    tensors[K].offset = (size_t)(s->heads * d);
    tensors[V].offset = (size_t)((s->heads + s->heads_kv) * d);
    return (size_t)(s->batch * s->seqlen_q * row);
}

/* One tensor for keys and values. Returns its size in elements. */
static size_t join_cache(trial *t, size_t elements)
{
    tensor *k = &t->tensors[K], *v = &t->tensors[V];
    const int64_t half = k->batch;

    if (t->spec.cache == TRIAL_PAIR) {
        k->batch *= 2;
        k->row *= t->spec.layout == TRIAL_SBHD ? 2 : 1; /* rows outside: blocks are inside them */
    }
    const size_t offset = k->offset;
    *v = *k;
    v->block = K;
    v->offset = offset + (t->spec.cache == TRIAL_PAIR ? (size_t)half : 0);
    return t->spec.cache == TRIAL_PAIR ? 2 * elements : elements;
}

static num_dtype cache_dtype(const trial *t)
{
    if (!t->spec.fp8)
        return t->spec.dtype;
    return strcmp(device_arch(t->device), "gfx942") == 0 ? NUM_E4M3FNUZ : NUM_E4M3FN;
}

static bool has_new(const trial *t, int index)
{
    return t->spec.seqlen_new > 0 && (index == K_NEW || t->spec.cache != TRIAL_SHARED);
}

/* The same of what is appended. */
static void place_new_rows(trial *t, int index)
{
    const trial_spec *s = &t->spec;
    tensor *x = &t->tensors[index];

    x->dtype = s->dtype;
    x->block = index;
    x->heads = s->heads_kv;
    x->dim = index == K_NEW ? s->hdqk : s->hdv;
    if (has_new(t, index))
        t->blocks[index].bytes =
            lay_out(x, s->batch, s->seqlen_new, s->layout) * num_dtype_size(s->dtype);
}

/* Offsets, strides and the sizes of the blocks of q, k, v, out and lse. */
static void place_rows(trial *t)
{
    const trial_spec *s = &t->spec;
    const int total_q = t->starts_q[s->batch], total_k = t->starts_k[s->batch];
    const int cache_rows = s->block_size ? s->block_size : s->seqlen_k;

    for (int i = Q; i <= LSE; i++) {
        tensor *x = &t->tensors[i];
        const bool keys = i == K || i == V, cached = keys && t->cache;
        const int64_t batch = cached ? t->num_blocks : t->packed ? 1 : s->batch;
        const int64_t rows = cached ? cache_rows
                           : keys ? (t->packed ? total_k : s->seqlen_k)
                                  : (t->packed ? total_q : s->seqlen_q);
        x->dtype = i == LSE ? NUM_FP32 : keys ? cache_dtype(t) : s->dtype;
        x->block = i;
        x->heads = keys ? s->heads_kv : s->heads;
        x->dim = i == LSE ? 1 : i == V || i == OUT ? s->hdv : s->hdqk;
        size_t elements = i == LSE ? (s->lse ? lay_out_lse(x, batch, rows, s->layout) : 0)
                                   : lay_out(x, batch, rows, s->layout);
        if (keys && s->cache != TRIAL_TWO)
            elements = i == K ? elements : 0;
        t->blocks[i].bytes = elements * num_dtype_size(x->dtype);
    }
    if (s->layout == TRIAL_PACKED_QKV) {
        t->blocks[K].bytes = t->blocks[V].bytes = 0;
        t->blocks[Q].bytes = lay_out_packed(t->tensors, s) * num_dtype_size(s->dtype);
    }
    if (s->cache != TRIAL_TWO)
        t->blocks[K].bytes =
            join_cache(t, t->blocks[K].bytes / num_dtype_size(t->tensors[K].dtype)) *
            num_dtype_size(t->tensors[K].dtype);
    place_new_rows(t, K_NEW);
    place_new_rows(t, V_NEW);
}

/* Where a row is, in elements of the block. */
static size_t row_at(const trial *t, int index, int b, int h, int s)
{
    const tensor *x = &t->tensors[index];
    const bool keys = index == K || index == V;

    if (keys && t->cache) {
        const int size = t->spec.block_size ? t->spec.block_size : t->spec.seqlen_k;
        const int64_t page = t->table[b * t->blocks_per_seq + s / size];
        return x->offset + (size_t)(page * x->batch + s % size * x->row + h * x->head);
    }
    if (t->packed)
        return x->offset + (size_t)(((keys ? t->starts_k : t->starts_q)[b] + s) * x->row + h * x->head);
    return x->offset + (size_t)(b * x->batch + s * x->row + h * x->head);
}

/* ---- DLTensors ---- */

static void set_dl(trial *t, int index, int ndim)
{
    static const struct {
        uint8_t code, bits;
    } types[] = {
        [NUM_FP16] = { kDLFloat, 16 }, [NUM_BF16] = { kDLBfloat, 16 }, [NUM_FP32] = { kDLFloat, 32 },
        [NUM_E4M3FN] = { kDLUInt, 8 }, [NUM_E4M3FNUZ] = { kDLUInt, 8 },
    };
    tensor *x = &t->tensors[index];

    x->dl = (DLTensor){
        .data = t->blocks[x->block].memory,
        .ndim = ndim,
        .dtype = { types[x->dtype].code, types[x->dtype].bits, 1 },
        .shape = x->shape,
        .strides = x->strides,
        .byte_offset = x->offset * num_dtype_size(x->dtype),
    };
    x->dl.device = (DLDevice){ kDLROCM, device_ordinal(t->device) };
}

/* Appends a dimension. */
static void add_dim(tensor *x, int *n, int64_t size, int64_t stride)
{
    x->shape[*n] = size;
    x->strides[(*n)++] = stride;
}

static void describe_rows(trial *t, int index)
{
    tensor *x = &t->tensors[index];
    const trial_spec *s = &t->spec;
    const bool keys = index == K || index == V, cached = keys && t->cache;
    const int64_t rows = cached ? (s->block_size ? s->block_size : s->seqlen_k)
                       : keys   ? (t->packed ? t->starts_k[s->batch] : s->seqlen_k)
                       : index >= K_NEW
                           ? s->seqlen_new
                           : (t->packed ? t->starts_q[s->batch] : s->seqlen_q);
    const bool heads_first = cached ? !s->rows_first : index == LSE;
    int n = 0;

    if (cached || !t->packed)
        add_dim(x, &n, cached ? t->num_blocks : s->batch, x->batch);
    if (index == K && s->cache == TRIAL_PAIR)
        add_dim(x, &n, 2, x->batch / 2);
    if (heads_first)
        add_dim(x, &n, x->heads, x->head);
    add_dim(x, &n, rows, x->row);
    if (!heads_first)
        add_dim(x, &n, x->heads, x->head);
    if (index != LSE)
        add_dim(x, &n, x->dim, 1);
    set_dl(t, index, n);
}

/* ---- Elements ---- */

/* Calls fn for every element of a tensor of rows that belongs to a sequence: its place in the block and
 * in contiguous (batch, heads, seqlen, dim) order. */
typedef void (*element_fn)(void *user, size_t in_block, size_t contiguous);

static void each_element(const trial *t, int index, element_fn fn, void *user)
{
    const tensor *x = &t->tensors[index];
    const bool keys = index == K || index == V, added = index == K_NEW || index == V_NEW;
    const int seqlen = keys ? t->spec.seqlen_k : added ? t->spec.seqlen_new : t->spec.seqlen_q;

    for (int b = 0; b < t->spec.batch; b++) {
        int first = 0, end = added ? t->lengths_k[b] - t->old_k[b] : keys ? 0 : t->lengths_q[b];
        if (keys)
            seen_keys(t, b, &first, &end);
        if (keys && end > t->old_k[b]) /* the rest is appended */
            end = t->old_k[b];
        for (int h = 0; h < x->heads; h++)
            for (int s = first; s < end; s++) {
                if (keys && column_is_hidden(t, b, s))
                    continue;
                const size_t at = row_at(t, index, b, h, s);
                const size_t n = (((size_t)b * (size_t)x->heads + (size_t)h) * (size_t)seqlen +
                                  (size_t)s) * (size_t)x->dim;
                for (int d = 0; d < x->dim; d++)
                    fn(user, at + (size_t)d, n + (size_t)d);
            }
    }
}

typedef struct filling {
    const trial *trial;
    int index, stream;
    float gain;
} filling;

static void fill_element(void *user, size_t in_block, size_t contiguous)
{
    const filling *f = user;
    const tensor *t = &f->trial->tensors[f->index];
    const float value = num_random(f->trial->spec.seed, (uint64_t)f->stream, contiguous) * f->gain;

    t->values[contiguous] = num_round(t->dtype, value);
    num_store(t->dtype, f->trial->blocks[t->block].image, in_block, value);
}

/* A NaN in each of the dtypes, and not one that arithmetic produces. */
static void fill_nan(block *b, num_dtype dtype)
{
    const size_t size = num_dtype_size(dtype);

    memset(b->image, dtype == NUM_E4M3FNUZ ? 0x80 : 0xff, b->bytes);
    for (size_t i = size - 1; size > 1 && i < b->bytes; i += size)
        b->image[i] = 0x7f;
}

static bool make_values(trial *t, int index)
{
    tensor *x = &t->tensors[index];
    const size_t seqlen = (size_t)(index == K || index == V ? t->spec.seqlen_k
                                   : index >= K_NEW         ? t->spec.seqlen_new
                                                            : t->spec.seqlen_q);
    const size_t count = (size_t)t->spec.batch * (size_t)x->heads * seqlen * (size_t)x->dim;
    /* Values that share memory with keys are the same. */
    filling f = { t, index, index == V && t->spec.cache == TRIAL_SHARED ? K : index,
                  index == Q && t->spec.q_gain != 0 ? t->spec.q_gain
                  : index == V_NEW && t->spec.fp8   ? 100 /* more than fp8 holds */
                                                    : 1 };

    x->values = calloc(count ? count : 1, sizeof *x->values);
    if (!x->values)
        return false;
    if (index <= V || (index >= K_NEW && has_new(t, index)))
        each_element(t, index, fill_element, &f);
    return true;
}

/* What an fp8 cache stands for: its elements times their head's scale. */
static void scale_values(trial *t, int index, const float *scales)
{
    tensor *x = &t->tensors[index];
    const size_t head = (size_t)t->spec.seqlen_k * (size_t)x->dim;

    for (size_t i = 0; i < (size_t)t->spec.batch * (size_t)x->heads * head; i++)
        x->values[i] *= scales[t->spec.head_scales ? i / head % (size_t)x->heads : 0];
}

/* ---- What a call appends, and rotation ---- */

/* Turns the first rotary_dim elements of a row, as the API says it: in fp32, rounded once. */
static void rotate(const trial *t, float *row, int position)
{
    const trial_spec *s = &t->spec;
    const int half = s->rotary_dim / 2, last = s->seqlen_k + SPARE_ANGLES - 1;
    const size_t at = (size_t)(position < last ? position : last) * (size_t)half;

    for (int j = 0; s->rotary && j < half; j++) {
        const int first = s->rotary == TRIAL_HALF ? j : 2 * j;
        const int second = s->rotary == TRIAL_HALF ? j + half : 2 * j + 1;
        const float a = row[first], b = row[second];
        const float c = t->tensors[COSINES].values[at + (size_t)j];
        const float d = t->tensors[SINES].values[at + (size_t)j];
        row[first] = num_round(s->dtype, fmaf(a, c, -(b * d)));
        row[second] = num_round(s->dtype, fmaf(b, c, a * d));
    }
}

/* The reference has rotated queries; the image has them as they are given. */
static void rotate_queries(trial *t)
{
    const trial_spec *s = &t->spec;
    const bool in_order = s->causal || (s->use_window && (s->window_left >= 0 || s->window_right >= 0));
    float *row = t->tensors[Q].values;

    for (int b = 0; b < s->batch; b++)
        for (int i = 0; i < s->heads * s->seqlen_q; i++, row += s->hdqk)
            rotate(t, row, t->old_k[b] + (in_order ? i % s->seqlen_q : 0));
}

/* A row of new keys or values, and what the cache and the reference then have. */
static void append_row(trial *t, int index, int b, int h, int i)
{
    const trial_spec *s = &t->spec;
    const int cache = index == K_NEW ? K : V, position = t->old_k[b] + i;
    tensor *x = &t->tensors[cache];
    const size_t dim = (size_t)x->dim, head = (size_t)b * (size_t)x->heads + (size_t)h;
    const float *scales = (const float *)t->blocks[cache == K ? K_SCALE : V_SCALE].image;
    float *from = t->tensors[index].values + (head * (size_t)s->seqlen_new + (size_t)i) * dim;
    float *to = x->values + (head * (size_t)s->seqlen_k + (size_t)position) * dim;

    if (index == K_NEW)
        rotate(t, from, position);
    for (size_t d = 0; d < dim; d++) {
        const float y = s->fp8 ? from[d] * (1 / scales[s->head_scales ? h : 0]) : from[d];
        to[d] = num_round(x->dtype, y);
        num_store(x->dtype, t->blocks[x->block].after, row_at(t, cache, b, h, position) + d, y);
    }
}

static void append_rows(trial *t, int index)
{
    for (int b = 0; b < t->spec.batch; b++)
        for (int h = 0; h < t->spec.heads_kv; h++)
            for (int i = 0; i < t->lengths_k[b] - t->old_k[b]; i++)
                append_row(t, index, b, h, i);
}

static bool append(trial *t)
{
    for (int i = K; i <= V; i++) {
        block *b = &t->blocks[i];
        b->after = b->bytes ? malloc(b->bytes) : NULL;
        if (b->bytes && !b->after)
            return false;
        if (b->bytes)
            memcpy(b->after, b->image, b->bytes);
    }
    append_rows(t, K_NEW);
    if (has_new(t, V_NEW))
        append_rows(t, V_NEW);
    else /* the same elements */
        memcpy(t->tensors[V].values, t->tensors[K].values,
               (size_t)t->spec.batch * (size_t)t->spec.heads_kv * (size_t)t->spec.seqlen_k *
                   (size_t)t->spec.hdqk * sizeof(float));
    rotate_queries(t);
    return true;
}

/* ---- Numbers beside the rows ---- */

/* A contiguous tensor; returns its image, NULL if memory is short. */
static void *add_numbers(trial *t, int index, num_dtype dtype, bool ints, int ndim, const int64_t *shape)
{
    tensor *x = &t->tensors[index];
    size_t count = 1;

    x->dtype = dtype;
    x->block = index;
    for (int d = ndim - 1; d >= 0; d--) {
        x->shape[d] = shape[d];
        x->strides[d] = (int64_t)count;
        count *= (size_t)shape[d];
    }
    set_dl(t, index, ndim);
    if (ints)
        x->dl.dtype.code = kDLInt;
    t->blocks[index].bytes = count * num_dtype_size(dtype);
    return t->blocks[index].image = calloc(count ? count : 1, num_dtype_size(dtype));
}

static bool add_ints(trial *t, int index, int ndim, int64_t a, int64_t b, const int *values)
{
    const int64_t shape[2] = { a, b };
    void *image = add_numbers(t, index, NUM_FP32, true, ndim, shape);

    if (image)
        memcpy(image, values, t->blocks[index].bytes);
    return image != NULL;
}

static bool add_floats(trial *t, int index, int ndim, int64_t a, int64_t b, float low, float spread)
{
    const int64_t shape[2] = { a, b };
    float *image = add_numbers(t, index, NUM_FP32, false, ndim, shape);

    for (size_t i = 0; image && i < t->blocks[index].bytes / sizeof *image; i++)
        image[i] = low + spread * fabsf(num_random(t->spec.seed, (uint64_t)index, i));
    return image != NULL;
}

/* Random numbers, now and then -inf, where the query sees the key; elsewhere NaN. */
static bool add_bias(trial *t)
{
    const trial_spec *s = &t->spec;
    const int64_t shape[4] = { s->batch, s->heads, s->seqlen_q, s->seqlen_k };
    const size_t row = (size_t)s->seqlen_k, rows = (size_t)s->batch * (size_t)s->heads *
                                                   (size_t)s->seqlen_q;
    tensor *x = &t->tensors[BIAS];
    void *image = add_numbers(t, BIAS, s->dtype, false, 4, shape);

    x->values = calloc(rows * row + 1, sizeof *x->values);
    if (!image || !x->values)
        return false;
    fill_nan(&t->blocks[BIAS], s->dtype);
    for (size_t r = 0; r < rows; r++) {
        const int b = (int)(r / (size_t)(s->heads * s->seqlen_q)), i = (int)(r % (size_t)s->seqlen_q);
        int first = 0, end = 0;
        if (i < t->lengths_q[b])
            ref_visible(&t->problem, b, i, &first, &end);
        for (size_t j = (size_t)first; j < (size_t)end; j++) {
            const float value = num_random(s->seed, BIAS, r * row + j);
            x->values[r * row + j] = value > 2 ? -INFINITY : num_round(s->dtype, value);
            num_store(s->dtype, image, r * row + j, x->values[r * row + j]);
        }
    }
    return true;
}

/* NaN: what is read of it has been written. */
static bool add_workspace(trial *t)
{
    const trial_spec *s = &t->spec;
    const int64_t tokens = t->packed ? t->starts_q[s->batch] : (int64_t)s->batch * s->seqlen_q;
    const int64_t elements = s->room * tokens * s->heads * (s->hdv + 8);
    void *image = add_numbers(t, WORKSPACE, NUM_FP32, false, 1, &elements);

    if (image)
        fill_nan(&t->blocks[WORKSPACE], NUM_FP32);
    return image != NULL;
}

/* Angles by position, as models have them: position / 10000^(2j / rotary_dim). */
static bool add_angles(trial *t, int index)
{
    const trial_spec *s = &t->spec;
    const int half = s->rotary_dim / 2, positions = s->seqlen_k + SPARE_ANGLES;
    const int64_t shape[2] = { positions, half + ANGLES_GAP };
    tensor *x = &t->tensors[index];
    void *image = add_numbers(t, index, s->dtype, false, 2, shape);

    x->shape[1] = half;
    x->values = calloc((size_t)(positions * half) + 1, sizeof *x->values);
    if (!image || !x->values)
        return false;
    fill_nan(&t->blocks[index], s->dtype);
    for (int i = 0; i < positions * half; i++) {
        const double angle = i / half * pow(10000, -2.0 * (i % half) / s->rotary_dim);
        x->values[i] = num_round(s->dtype, (float)(index == COSINES ? cos(angle) : sin(angle)));
        num_store(s->dtype, image, (size_t)(i / half * shape[1] + i % half), x->values[i]);
    }
    return true;
}

/* Documents of 1 to 40 keys each. */
static bool add_documents(trial *t)
{
    const int64_t shape[1] = { t->spec.seqlen_k };
    int *image = add_numbers(t, MOD_DATA, NUM_FP32, true, 1, shape), document = 0;

    for (int i = 0; image && i < t->spec.seqlen_k; i++) {
        document += pick(t, 6, i, 20) == 0;
        image[i] = document;
    }
    return image != NULL;
}

static bool add_block_mask(trial *t)
{
    const trial_spec *s = &t->spec;
    const int rows = (s->seqlen_q + s->block_mask - 1) / s->block_mask,
              keys = (s->seqlen_k + s->block_mask - 1) / s->block_mask;
    const int64_t shape[4] = { s->batch, s->heads, rows, keys };
    unsigned char *image = add_numbers(t, BLOCK_MASK, NUM_E4M3FN, false, 4, shape);

    for (int i = 0; image && i < s->batch * s->heads * rows * keys; i++) {
        const int kind = pick(t, 7, i, 4), b = i / (s->heads * rows * keys);
        const bool hidden = s->hidden_blocks
                                ? pick(t, 8, i, 100) < s->hidden_blocks
                                : kind == 0 || column_is_hidden(t, b, i % keys * s->block_mask);
        image[i] = hidden ? 0 : kind == 1 && !s->hidden_blocks ? 2 : 1;
    }
    return image != NULL;
}

static bool make_numbers(trial *t)
{
    const trial_spec *s = &t->spec;
    const bool cu = s->operation == TRIAL_CU, ragged = s->operation >= TRIAL_CU;
    const int scales = s->head_scales ? s->heads_kv : 1;
    bool ok = true;

    if (ragged)
        ok = ok && add_ints(t, LENGTHS_Q, 1, s->batch + cu, 1, cu ? t->starts_q : t->lengths_q);
    if (ragged || (s->operation == TRIAL_KVCACHE && (!s->full_lengths || s->seqlen_new))) {
        const bool starts = cu && !t->cache;
        ok = ok && add_ints(t, LENGTHS_K, 1, s->batch + starts, 1, starts ? t->starts_k : t->given_k);
    }
    if (s->block_size)
        ok = ok && add_ints(t, PAGE_TABLE, 2, s->batch, t->blocks_per_seq, t->table);
    if (s->fp8)
        ok = ok && add_floats(t, K_SCALE, 1, scales, 1, 0.5f, 0.5f) &&
             add_floats(t, V_SCALE, 1, scales, 1, 0.25f, 1);
    if (s->alibi)
        ok = ok && add_floats(t, SLOPES, 2, s->batch, s->heads, 0.001f, 0.1f);
    if (s->sink)
        ok = ok && add_floats(t, SINKS, 1, s->heads, 1, -1, 2);
    if (s->bias)
        ok = ok && add_bias(t);
    if (s->room)
        ok = ok && add_workspace(t);
    if (s->rotary)
        ok = ok && add_angles(t, COSINES) && add_angles(t, SINES);
    if (mod_score(s->score_mod)->reads || mod_mask(s->mask_mod)->reads)
        ok = ok && add_documents(t);
    if (s->block_mask)
        ok = ok && add_block_mask(t);
    return ok;
}

/* ---- Creation ---- */

static bool make_rows(trial *t)
{
    for (int i = Q; i <= V_NEW; i++) {
        block *b = &t->blocks[i];
        b->image = malloc(b->bytes ? b->bytes : 1);
        if (!b->image)
            return false;
        fill_nan(b, t->tensors[i].dtype);
    }
    for (int i = Q; i <= V_NEW; i++)
        if (!make_values(t, i))
            return false;
    return true;
}

static bool make_images(trial *t)
{
    const bool rows = !t->spec.blank;

    if ((rows && !make_rows(t)) || !make_numbers(t) || (rows && t->spec.seqlen_new && !append(t)))
        return false;
    if (rows && t->spec.fp8) {
        scale_values(t, K, (const float *)t->blocks[K_SCALE].image);
        scale_values(t, V, (const float *)t->blocks[V_SCALE].image);
    }
    return true;
}

static bool upload(trial *t, char error[DEVICE_ERROR_MAX])
{
    for (int i = 0; i < NUM_TENSORS; i++) {
        block *b = &t->blocks[i];
        if (b->bytes && !device_alloc(t->device, &b->memory, b->bytes, error))
            return false;
        if (b->bytes && b->image &&
            !device_upload(t->device, b->memory, b->image, b->bytes, error))
            return false;
        t->tensors[i].dl.data = b->memory;
    }
    for (int i = Q; i <= V_NEW; i++)
        describe_rows(t, i);
    return true;
}

static bool check_spec(const trial_spec *s, char error[DEVICE_ERROR_MAX])
{
    const bool packed = s->layout == TRIAL_PACKED_QKV;
    const char *wrong = NULL;

    if (s->heads_kv < 1 || s->heads % s->heads_kv != 0)
        wrong = "heads must be a multiple of heads_kv";
    else if (packed && s->seqlen_q != s->seqlen_k)
        wrong = "layout packed-qkv needs seqlen_q and seqlen_k to be equal";
    else if (packed && s->hdqk != s->hdv)
        wrong = "layout packed-qkv needs the head_dim of V to be that of Q and K";
    else if (packed && s->operation != TRIAL_ATTN)
        wrong = "layout packed-qkv is for dense attention";
    else if (s->cache != TRIAL_TWO && (s->operation != TRIAL_KVCACHE || s->hdqk != s->hdv))
        wrong = "one tensor of keys and values is for kvcache with one head_dim";
    else if (s->seqlen_new && (s->operation != TRIAL_KVCACHE || s->seqlen_new > s->seqlen_k))
        wrong = "new keys are for kvcache, and seqlen_k counts them";
    else if (s->rotary && (!s->seqlen_new || s->rotary_dim % 16 || s->rotary_dim > s->hdqk))
        wrong = "rotary_dim must be a multiple of 16 up to head_dim, with new keys";
    if (wrong)
        snprintf(error, DEVICE_ERROR_MAX,
                 "%s (heads %d, heads_kv %d, seqlen_q %d, seqlen_k %d, head_dim %d, %d)", wrong,
                 s->heads, s->heads_kv, s->seqlen_q, s->seqlen_k, s->hdqk, s->hdv);
    return !wrong;
}

static bool make_sequences(trial *t)
{
    const trial_spec *s = &t->spec;
    const size_t batch = (size_t)s->batch + 1;

    t->packed = s->operation == TRIAL_CU || s->operation == TRIAL_PACKED;
    t->cache = s->operation == TRIAL_KVCACHE || s->block_size > 0;
    t->blocks_per_seq = s->block_size ? (s->seqlen_k + s->block_size - 1) / s->block_size : 1;
    t->lengths_q = calloc(batch, sizeof(int));
    t->lengths_k = calloc(batch, sizeof(int));
    t->given_k = calloc(batch, sizeof(int));
    t->old_k = calloc(batch, sizeof(int));
    t->starts_q = calloc(batch, sizeof(int));
    t->starts_k = calloc(batch, sizeof(int));
    t->table = calloc(batch * (size_t)t->blocks_per_seq, sizeof(int));
    if (!t->lengths_q || !t->lengths_k || !t->given_k || !t->old_k || !t->starts_q ||
        !t->starts_k || !t->table)
        return false;
    set_lengths(t);
    t->problem = (ref_problem){
        .dtype = s->dtype,
        .batch = s->batch,
        .heads = s->heads,
        .heads_kv = s->heads_kv,
        .seqlen_q = s->seqlen_q,
        .seqlen_k = s->seqlen_k,
        .hdqk = s->hdqk,
        .hdv = s->hdv,
        .causal = s->causal,
        .scale = s->scale != 0 ? s->scale : 1 / sqrtf((float)s->hdqk),
        .seqlens_q = t->lengths_q,
        .seqlens_k = t->lengths_k,
        .use_window = s->use_window,
        .window_left = s->window_left,
        .window_right = s->window_right,
        .softcap = s->softcap,
        .truncate = s->truncate && s->dtype == NUM_BF16,
    };
    if (t->cache)
        set_table(t);
    place_rows(t);
    return true;
}

static const DLTensor *given(const trial *t, int index)
{
    return t->blocks[index].image && index > V_NEW ? &t->tensors[index].dl : NULL;
}

static void set_variants(trial *t)
{
    const trial_spec *s = &t->spec;

    t->variants = (aiter_attn_variants){
        .size = sizeof t->variants,
        .use_window = s->use_window,
        .window_left = s->use_window ? s->window_left : 0,
        .window_right = s->use_window ? s->window_right : 0,
        .softcap = s->softcap,
        .alibi_slopes = given(t, SLOPES),
        .sinks = given(t, SINKS),
        .bias = given(t, BIAS),
        .rounding = s->truncate ? AITER_ROUND_TRUNCATE : AITER_ROUND_NEAREST,
        .score_mod = mod_score(s->score_mod)->text,
        .mask_mod = mod_mask(s->mask_mod)->text,
        .mod_data = t->blocks[MOD_DATA].memory,
        .block_mask = given(t, BLOCK_MASK),
        .block_mask_size = s->block_mask == 128 ? 0 : s->block_mask,
    };
}

static void set_arguments(trial *t)
{
    const trial_spec *s = &t->spec;
    const DLTensor *q = &t->tensors[Q].dl, *k = &t->tensors[K].dl, *v = &t->tensors[V].dl,
                   *out = &t->tensors[OUT].dl, *lse = s->lse ? &t->tensors[LSE].dl : NULL;
    const bool cu = s->operation == TRIAL_CU, starts_k = cu && !t->cache;
    const bool two = s->cache == TRIAL_TWO, tight = s->bias || s->block_mask;
    const bool partial = s->block_size && s->seqlen_k % s->block_size; /* the last block */

    set_variants(t);
    t->args = (aiter_attn_args){ .size = sizeof t->args, .q = q, .k = k, .v = v, .out = out,
                                 .lse = lse, .softmax_scale = s->scale, .causal = s->causal,
                                 .variants = &t->variants, .workspace = given(t, WORKSPACE),
                                 .num_splits = s->num_splits };
    t->kvcache = (aiter_kvcache_args){
        .size = sizeof t->kvcache,
        .q = q,
        .k_cache = two ? k : NULL,
        .v_cache = two ? v : NULL,
        .kv_cache = two ? NULL : k,
        .out = out,
        .lse = lse,
        .page_table = given(t, PAGE_TABLE),
        .cache_seqlens = given(t, LENGTHS_K),
        .k_scale = given(t, K_SCALE),
        .v_scale = given(t, V_SCALE),
        .block_size = s->block_size,
        .kv_layout = s->rows_first ? AITER_KV_ROWS_HEADS : AITER_KV_HEADS_ROWS,
        /* Without it a sequence may have as much as the page table has room for: without lengths, has. */
        .max_seq_len = s->full_lengths || tight || (s->seqlen_new && partial) ? s->seqlen_k : 0,
        .not_causal = !s->causal,
        .softmax_scale = s->scale,
        .variants = &t->variants,
        .workspace = given(t, WORKSPACE),
        .num_splits = s->num_splits,
        .k_new = has_new(t, K_NEW) ? &t->tensors[K_NEW].dl : NULL,
        .v_new = has_new(t, V_NEW) ? &t->tensors[V_NEW].dl : NULL,
        .rotary_cos = given(t, COSINES),
        .rotary_sin = given(t, SINES),
        .rotary_interleaved = s->rotary == TRIAL_INTERLEAVED,
    };
    t->varlen = (aiter_varlen_args){
        .size = sizeof t->varlen,
        .q = q,
        .k = k,
        .v = v,
        .out = out,
        .lse = lse,
        .cu_seqlens_q = cu ? given(t, LENGTHS_Q) : NULL,
        .cu_seqlens_k = starts_k ? given(t, LENGTHS_K) : NULL,
        .seq_lengths = cu ? NULL : given(t, LENGTHS_Q),
        .seq_lengths_k = starts_k ? NULL : given(t, LENGTHS_K),
        .page_table = given(t, PAGE_TABLE),
        .k_scale = given(t, K_SCALE),
        .v_scale = given(t, V_SCALE),
        .block_size = s->block_size,
        .kv_layout = s->rows_first ? AITER_KV_ROWS_HEADS : AITER_KV_HEADS_ROWS,
        .max_seq_len = tight ? s->seqlen_q : 0, /* the sizes that bias and block_mask have */
        .max_seq_len_k = tight ? s->seqlen_k : 0,
        .causal = s->causal,
        .softmax_scale = s->scale,
        .variants = &t->variants,
        .workspace = given(t, WORKSPACE),
        .num_splits = s->num_splits,
    };
}

static void set_problem(trial *t)
{
    ref_problem *p = &t->problem;

    p->q = t->tensors[Q].values;
    p->k = t->tensors[K].values;
    p->v = t->tensors[V].values;
    p->slopes = (const float *)t->blocks[SLOPES].image;
    p->sinks = (const float *)t->blocks[SINKS].image;
    p->bias = t->tensors[BIAS].values;
    p->score_mod = mod_score(t->spec.score_mod)->score;
    p->score_mod_size = mod_score(t->spec.score_mod)->size * (t->spec.seqlen_k + 1);
    p->mask_mod = mod_mask(t->spec.mask_mod)->mask;
    p->mod_data = t->blocks[MOD_DATA].image;
    p->block_mask = t->blocks[BLOCK_MASK].image;
    p->block_mask_size = t->spec.block_mask;
}

bool trial_create(trial **out, device *d, const trial_spec *spec, char error[DEVICE_ERROR_MAX])
{
    trial *t;

    *out = NULL;
    if (!check_spec(spec, error))
        return false;
    t = calloc(1, sizeof *t);
    if (t) {
        t->device = d;
        t->spec = *spec;
    }
    if (!t || !make_sequences(t) || !make_images(t)) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the tensors");
        trial_destroy(t);
        return false;
    }
    if (!upload(t, error)) {
        trial_destroy(t);
        return false;
    }
    set_arguments(t);
    set_problem(t);
    *out = t;
    return true;
}

void trial_destroy(trial *t)
{
    if (!t)
        return;
    for (int i = 0; i < NUM_TENSORS; i++) {
        device_free(t->device, t->blocks[i].memory);
        free(t->blocks[i].image);
        free(t->blocks[i].after);
        free(t->tensors[i].values);
    }
    free(t->lengths_q);
    free(t->lengths_k);
    free(t->given_k);
    free(t->old_k);
    free(t->starts_q);
    free(t->starts_k);
    free(t->table);
    ref_result_free(&t->reference);
    free(t);
}

const aiter_attn_args *trial_args(const trial *t)
{
    return &t->args;
}

const aiter_kvcache_args *trial_kvcache_args(const trial *t)
{
    return &t->kvcache;
}

const aiter_varlen_args *trial_varlen_args(const trial *t)
{
    return &t->varlen;
}

trial_operation trial_operation_of(const trial *t)
{
    return t->spec.operation;
}

/* Keys from `first` to `end` in blocks that row i of head h sees. */
static int keys_in_blocks(const trial *t, int b, int h, int i, int first, int end)
{
    const int size = t->spec.block_mask;
    const unsigned char *states = t->blocks[BLOCK_MASK].image;
    const int64_t *stride = t->tensors[BLOCK_MASK].strides;
    int count = 0;

    for (int key = first, next; key < end; key = next) {
        next = (key / size + 1) * size;
        if (states[b * stride[0] + h * stride[1] + i / size * stride[2] + key / size])
            count += (next < end ? next : end) - key;
    }
    return count;
}

double trial_pairs(const trial *t)
{
    const int heads = t->spec.heads, alike = t->spec.block_mask ? 1 : heads;
    double pairs = 0;

    for (int b = 0; b < t->spec.batch; b++)
        for (int i = 0; i < t->lengths_q[b]; i++) {
            int first, end;
            ref_visible(&t->problem, b, i, &first, &end);
            for (int h = 0; h < heads; h += alike)
                pairs += alike * (t->spec.block_mask ? keys_in_blocks(t, b, h, i, first, end)
                                                     : end - first);
        }
    return pairs;
}

static double sum(const int *values, int count)
{
    double total = 0;

    for (int i = 0; i < count; i++)
        total += values[i];
    return total;
}

double trial_rows(const trial *t)
{
    return sum(t->lengths_q, t->spec.batch);
}

double trial_keys(const trial *t)
{
    return sum(t->lengths_k, t->spec.batch);
}

/* ---- Judgement ---- */

typedef struct reading {
    tensor *tensor;
    unsigned char *now, *image;
} reading;

/* Takes an element over, and puts what was there before the launch in its place: what then still
 * differs from the image is a stray write. */
static void read_element(void *user, size_t in_block, size_t contiguous)
{
    const reading *r = user;
    const size_t size = num_dtype_size(r->tensor->dtype);

    r->tensor->values[contiguous] = num_load(r->tensor->dtype, r->now, in_block);
    memcpy(r->now + in_block * size, r->image + in_block * size, size);
}

static void count_strays(const block *b, const unsigned char *now, size_t size, const char *name,
                         trial_verdict *v)
{
    const unsigned char *expected = b->after ? b->after : b->image;

    for (size_t i = 0; i < b->bytes; i += size) {
        if (memcmp(now + i, expected + i, size) == 0)
            continue;
        if (v->stray_writes++ == 0)
            snprintf(v->stray_where, sizeof v->stray_where, "%s", name);
    }
}

static bool read_block(trial *t, int index, trial_verdict *v, char error[DEVICE_ERROR_MAX])
{
    block *b = &t->blocks[index];
    tensor *x = &t->tensors[index];
    reading r = { x, NULL, b->image };
    bool ok;

    if (b->bytes == 0 || index == WORKSPACE)
        return true;
    r.now = malloc(b->bytes);
    if (!r.now) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the results");
        return false;
    }
    ok = device_download(t->device, r.now, b->memory, b->bytes, error);
    if (ok && (index == OUT || index == LSE))
        each_element(t, index, read_element, &r);
    if (ok)
        count_strays(b, r.now, num_dtype_size(x->dtype), tensor_names[index], v);
    free(r.now);
    return ok;
}

bool trial_judge(trial *t, trial_verdict *v, char error[DEVICE_ERROR_MAX])
{
    *v = (trial_verdict){ 0 };
    if (!device_sync(t->device, error))
        return false;
    for (int i = 0; i < NUM_TENSORS; i++)
        if (!read_block(t, i, v, error))
            return false;
    if (!t->has_reference && !(t->has_reference = ref_attention(&t->problem, &t->reference))) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the reference");
        ref_result_free(&t->reference);
        return false;
    }
    ref_judge(&t->problem, &t->reference, t->tensors[OUT].values,
              t->spec.lse ? t->tensors[LSE].values : NULL, &v->result);
    v->pass = v->result.pass && v->stray_writes == 0;
    return true;
}

void trial_explain(const trial_verdict *v, char *text, size_t size)
{
    const ref_verdict *r = &v->result;

    if (v->pass)
        snprintf(text, size, "%s", "");
    else if (v->stray_writes)
        snprintf(text, size,
                 "%zu elements outside the results are not what they should be, first in the memory of %s",
                 v->stray_writes, v->stray_where);
    else if (r->not_finite || !r->within_tolerance || !r->within_bound)
        snprintf(
            text, size,
            "out[b %d][h %d][row %d][d %d] is %g, expected %g; max error %.3g, tolerance %.3g, "
            "%.2f of its bound, %zu not finite",
            r->batch, r->head, r->row, r->column, r->got, r->expected, r->max_error, r->tolerance,
            r->bound_ratio, r->not_finite);
    else
        snprintf(text, size, "lse is off by %.3g, %.2f of its bound", r->lse_max_error,
                 r->lse_bound_ratio);
}
