#include "tools/trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q, K, V, OUT, LSE, NUM_TENSORS };

static const char *const tensor_names[] = { "q", "k", "v", "out", "lse" };
static const char *const layout_names[] = { "bshd", "bhsd", "sbhd", "packed-qkv", "gaps" };

/* One allocation: what the host put there, and the device's copy. */
typedef struct block {
    unsigned char *image;
    void *memory;
    size_t bytes;
} block;

typedef struct tensor {
    DLTensor dl;
    int64_t shape[4], strides[4];   /* lse uses the first three */
    num_dtype dtype;
    int block;                      /* index into blocks */
    size_t offset;                  /* elements */
    float *values;                  /* (batch, heads, seqlen, head_dim) contiguous, rounded */
} tensor;

struct trial {
    device *device;
    trial_spec spec;
    tensor tensors[NUM_TENSORS];
    block blocks[NUM_TENSORS];
    aiter_attn_args args;
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

/* ---- Layout ---- */

static void set_strides(tensor *t, int64_t batch, int64_t row, int64_t head)
{
    t->strides[0] = batch;
    t->strides[1] = row;
    t->strides[2] = head;
    t->strides[3] = 1;
}

/* Lays a (batch, seqlen, heads, dim) tensor out in a block of its own; returns the block's size in
 * elements. */
static size_t lay_out(tensor *t, trial_layout layout)
{
    const int64_t b = t->shape[0], s = t->shape[1], h = t->shape[2], d = t->shape[3];

    switch (layout) {
    case TRIAL_BHSD:
        set_strides(t, h * s * d, d, s * d);
        break;
    case TRIAL_SBHD:
        set_strides(t, h * d, b * h * d, d);
        break;
    case TRIAL_GAPS: {
        const int64_t head = (d + 15) / 8 * 8, row = h * head + 8, batch = (s + 3) * row + 16;
        set_strides(t, batch, row, head);
        t->offset = 64;
        return (size_t)(64 + b * batch + 64 * row); /* rows for a last tile to run into */
    }
    case TRIAL_BSHD:
    case TRIAL_PACKED_QKV:
        set_strides(t, s * h * d, h * d, d);
        break;
    }
    return (size_t)(b * s * h * d);
}

static size_t lay_out_lse(tensor *t, trial_layout layout)
{
    const int64_t b = t->shape[0], h = t->shape[1], s = t->shape[2];
    const int64_t head = layout == TRIAL_GAPS ? s + 5 : s,
                  batch = layout == TRIAL_GAPS ? h * head + 7 : h * head;

    t->strides[0] = batch;
    t->strides[1] = head;
    t->strides[2] = 1;
    t->offset = layout == TRIAL_GAPS ? 64 : 0;
    return t->offset + (size_t)(b * batch);
}

/* q, k and v as heads of one tensor. */
static size_t lay_out_packed(tensor tensors[NUM_TENSORS], const trial_spec *s)
{
    const int64_t d = s->hdqk, row = (s->heads + 2 * s->heads_kv) * d, batch = s->seqlen_q * row;

    for (int i = Q; i <= V; i++) {
        set_strides(&tensors[i], batch, row, d);
        tensors[i].block = Q;
    }
    tensors[K].offset = (size_t)(s->heads * d);
    tensors[V].offset = (size_t)((s->heads + s->heads_kv) * d);
    return (size_t)(s->batch * batch);
}

static void set_shape(tensor *t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    t->shape[0] = a;
    t->shape[1] = b;
    t->shape[2] = c;
    t->shape[3] = d;
}

static void set_shapes(trial *t)
{
    const trial_spec *s = &t->spec;

    set_shape(&t->tensors[Q], s->batch, s->seqlen_q, s->heads, s->hdqk);
    set_shape(&t->tensors[K], s->batch, s->seqlen_k, s->heads_kv, s->hdqk);
    set_shape(&t->tensors[V], s->batch, s->seqlen_k, s->heads_kv, s->hdv);
    set_shape(&t->tensors[OUT], s->batch, s->seqlen_q, s->heads, s->hdv);
    set_shape(&t->tensors[LSE], s->batch, s->heads, s->seqlen_q, 1);
}

/* Offsets, strides and the sizes of the blocks. */
static void place(trial *t)
{
    for (int i = 0; i < NUM_TENSORS; i++) {
        tensor *x = &t->tensors[i];
        size_t elements = 0;

        x->dtype = i == LSE ? NUM_FP32 : t->spec.dtype;
        x->block = i;
        if (i == LSE)
            elements = t->spec.lse ? lay_out_lse(x, t->spec.layout) : 0;
        else if (t->spec.layout != TRIAL_PACKED_QKV || i == OUT)
            elements = lay_out(x, t->spec.layout);
        t->blocks[i].bytes = elements * num_dtype_size(x->dtype);
    }
    if (t->spec.layout == TRIAL_PACKED_QKV)
        t->blocks[Q].bytes = lay_out_packed(t->tensors, &t->spec) * num_dtype_size(t->spec.dtype);
}

static void describe(trial *t, int index)
{
    static const DLDataTypeCode codes[] = {
        [NUM_FP16] = kDLFloat, [NUM_BF16] = kDLBfloat, [NUM_FP32] = kDLFloat
    };
    tensor *x = &t->tensors[index];

    x->dl = (DLTensor){
        .data = t->blocks[x->block].memory,
        .ndim = index == LSE ? 3 : 4,
        .dtype = { (uint8_t)codes[x->dtype], (uint8_t)(8 * num_dtype_size(x->dtype)), 1 },
        .shape = x->shape,
        .strides = x->strides,
        .byte_offset = x->offset * num_dtype_size(x->dtype),
    };
    x->dl.device = (DLDevice){ kDLROCM, device_ordinal(t->device) };
}

/* ---- Elements ---- */

/* Calls fn for every element: its place in the block and in contiguous (shape[0], outer, inner,
 * shape[3]) order, where heads come before rows. */
typedef void (*element_fn)(void *user, size_t in_block, size_t contiguous);

static void each_element(const tensor *t, bool is_lse, element_fn fn, void *user)
{
    const int head_axis = is_lse ? 1 : 2, row_axis = is_lse ? 2 : 1;
    const int64_t dims = is_lse ? 1 : t->shape[3];
    size_t n = 0;

    for (int64_t b = 0; b < t->shape[0]; b++)
        for (int64_t h = 0; h < t->shape[head_axis]; h++)
            for (int64_t s = 0; s < t->shape[row_axis]; s++)
                for (int64_t d = 0; d < dims; d++)
                    fn(user, t->offset + (size_t)(b * t->strides[0] + h * t->strides[head_axis] +
                                                  s * t->strides[row_axis] + d), n++);
}

typedef struct filling {
    const trial *trial;
    int index;
    float gain;
} filling;

static void fill_element(void *user, size_t in_block, size_t contiguous)
{
    const filling *f = user;
    const tensor *t = &f->trial->tensors[f->index];
    const float value = num_random(f->trial->spec.seed, (uint64_t)f->index, contiguous) * f->gain;

    t->values[contiguous] = num_round(t->dtype, value);
    num_store(t->dtype, f->trial->blocks[t->block].image, in_block, value);
}

/* A NaN in each of the three dtypes, and not one that arithmetic produces. */
static void fill_nan(block *b, num_dtype dtype)
{
    memset(b->image, 0xff, b->bytes);
    for (size_t i = num_dtype_size(dtype) - 1; i < b->bytes; i += num_dtype_size(dtype))
        b->image[i] = 0x7f;
}

static bool make_values(trial *t, int index)
{
    tensor *x = &t->tensors[index];
    const size_t count = (size_t)(x->shape[0] * x->shape[1] * x->shape[2] * x->shape[3]);
    filling f = { t, index, index == Q && t->spec.q_gain != 0 ? t->spec.q_gain : 1 };

    x->values = malloc((count ? count : 1) * sizeof *x->values);
    if (!x->values)
        return false;
    if (index <= V)
        each_element(x, false, fill_element, &f);
    return true;
}

/* ---- Creation ---- */

static bool make_images(trial *t)
{
    for (int i = 0; i < NUM_TENSORS; i++) {
        block *b = &t->blocks[i];
        b->image = malloc(b->bytes ? b->bytes : 1);
        if (!b->image)
            return false;
        fill_nan(b, t->tensors[i].dtype);
    }
    for (int i = 0; i < NUM_TENSORS; i++)
        if (!make_values(t, i))
            return false;
    return true;
}

static bool upload(trial *t, char error[DEVICE_ERROR_MAX])
{
    for (int i = 0; i < NUM_TENSORS; i++) {
        block *b = &t->blocks[i];
        if (b->bytes && (!device_alloc(t->device, &b->memory, b->bytes, error) ||
                         !device_upload(t->device, b->memory, b->image, b->bytes, error)))
            return false;
    }
    return true;
}

static bool check_spec(const trial_spec *s, char error[DEVICE_ERROR_MAX])
{
    const char *wrong = NULL;

    if (s->heads_kv < 1 || s->heads % s->heads_kv != 0)
        wrong = "heads must be a multiple of heads_kv";
    else if (s->layout == TRIAL_PACKED_QKV && s->seqlen_q != s->seqlen_k)
        wrong = "layout packed-qkv needs seqlen_q and seqlen_k to be equal";
    else if (s->layout == TRIAL_PACKED_QKV && s->hdqk != s->hdv)
        wrong = "layout packed-qkv needs the head_dim of V to be that of Q and K";
    if (wrong)
        snprintf(error, DEVICE_ERROR_MAX,
                 "%s (heads %d, heads_kv %d, seqlen_q %d, seqlen_k %d, head_dim %d, %d)", wrong,
                 s->heads, s->heads_kv, s->seqlen_q, s->seqlen_k, s->hdqk, s->hdv);
    return !wrong;
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
        set_shapes(t);
        place(t);
    }
    if (!t || !make_images(t)) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the tensors");
        trial_destroy(t);
        return false;
    }
    if (!upload(t, error)) {
        trial_destroy(t);
        return false;
    }
    for (int i = 0; i < NUM_TENSORS; i++)
        describe(t, i);
    t->args = (aiter_attn_args){
        .size = sizeof t->args,
        .q = &t->tensors[Q].dl,
        .k = &t->tensors[K].dl,
        .v = &t->tensors[V].dl,
        .out = &t->tensors[OUT].dl,
        .lse = spec->lse ? &t->tensors[LSE].dl : NULL,
        .softmax_scale = spec->scale,
        .causal = spec->causal,
    };
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
        free(t->tensors[i].values);
    }
    ref_result_free(&t->reference);
    free(t);
}

const aiter_attn_args *trial_args(const trial *t)
{
    return &t->args;
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
    for (size_t i = 0; i < b->bytes; i += size) {
        if (memcmp(now + i, b->image + i, size) == 0)
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

    if (b->bytes == 0)
        return true;
    r.now = malloc(b->bytes);
    if (!r.now) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the results");
        return false;
    }
    ok = device_download(t->device, r.now, b->memory, b->bytes, error);
    if (ok && index >= OUT)
        each_element(x, index == LSE, read_element, &r);
    if (ok)
        count_strays(b, r.now, num_dtype_size(x->dtype), tensor_names[index], v);
    free(r.now);
    return ok;
}

static ref_problem problem_of(const trial *t)
{
    const trial_spec *s = &t->spec;

    return (ref_problem){
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
        .q = t->tensors[Q].values,
        .k = t->tensors[K].values,
        .v = t->tensors[V].values,
    };
}

bool trial_judge(trial *t, trial_verdict *v, char error[DEVICE_ERROR_MAX])
{
    const ref_problem problem = problem_of(t);

    *v = (trial_verdict){ 0 };
    if (!device_sync(t->device, error))
        return false;
    for (int i = 0; i < NUM_TENSORS; i++)
        if (!read_block(t, i, v, error))
            return false;
    if (!t->has_reference && !(t->has_reference = ref_attention(&problem, &t->reference))) {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for the reference");
        ref_result_free(&t->reference);
        return false;
    }
    ref_judge(&problem, &t->reference, t->tensors[OUT].values,
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
                 "%zu elements outside the results were changed, first in the memory of %s",
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
