/* Every misuse is refused before anything is launched, with a message that names the field, its
 * value and what was expected. One test each: what is done to correct arguments, and the whole
 * message. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/fixture.h"

typedef aiter_status operation(aiter_context *ctx, const aiter_attn_args *args);

typedef struct misuse {
    const char *name;
    void (*spoil)(input *in);
    const char *message;
    operation *run;      /* default: aiter_flash_attn_func           */
    aiter_status status; /* default: AITER_ERROR_INVALID_ARGUMENT    */
} misuse;

/* SPOIL(name, what is done to `in`): the function bad_<name>. */
#define SPOIL(name, ...)              \
    static void bad_##name(input *in) \
    {                                 \
        __VA_ARGS__;                  \
    }

/* ---- Structure ---- */
SPOIL(size_zero, in->args.size = 0)
SPOIL(size_odd, in->args.size = 37)
SPOIL(causal, in->args.causal = 2)
SPOIL(scale_nan, in->args.softmax_scale = NAN)
SPOIL(scale_inf, in->args.softmax_scale = INFINITY)
SPOIL(scale_minus_inf, in->args.softmax_scale = -INFINITY)
SPOIL(scale_huge, in->args.softmax_scale = 3e38f)
/* ---- Presence, rank ---- */
SPOIL(q_null, in->args.q = NULL)
SPOIL(k_null, in->args.k = NULL)
SPOIL(v_null, in->args.v = NULL)
SPOIL(out_null, in->args.out = NULL)
SPOIL(q_rank, in->tensor[Q].ndim = 3)
SPOIL(k_rank, in->tensor[K].ndim = 5)
SPOIL(lse_rank, in->tensor[LSE].ndim = 2)
SPOIL(shape_null, in->tensor[V].shape = NULL)
/* ---- dtype ---- */
SPOIL(q_int8, in->tensor[Q].dtype = (DLDataType){ kDLInt, 8, 1 })
SPOIL(q_fp64, in->tensor[Q].dtype = (DLDataType){ kDLFloat, 64, 1 })
SPOIL(q_unknown, in->tensor[Q].dtype = (DLDataType){ 200, 8, 1 })
SPOIL(q_lanes, in->tensor[Q].dtype.lanes = 4)
SPOIL(k_fp16, in->tensor[K].dtype.code = kDLFloat)
SPOIL(v_fp32, in->tensor[V].dtype = (DLDataType){ kDLFloat, 32, 1 })
SPOIL(out_fp16, in->tensor[OUT].dtype.code = kDLFloat)
SPOIL(lse_bf16, in->tensor[LSE].dtype = (DLDataType){ kDLBfloat, 16, 1 })
/* ---- Device ---- */
SPOIL(q_cpu, in->tensor[Q].device.device_type = kDLCPU)
SPOIL(k_cuda, in->tensor[K].device.device_type = kDLCUDA)
SPOIL(v_device, in->tensor[V].device.device_id = 1)
/* ---- Sizes ---- */
SPOIL(batch_negative, in->shape[Q][0] = -1)
SPOIL(seqlen_negative, in->shape[K][1] = -5)
SPOIL(heads_zero, in->shape[Q][2] = 0)
SPOIL(heads_kv_zero, in->shape[K][2] = 0)
SPOIL(seqlen_huge, in->shape[Q][1] = (INT64_C(1) << 30) + 1)
SPOIL(head_dim_0, in->shape[Q][3] = 0)
SPOIL(head_dim_7, in->shape[Q][3] = 7)
SPOIL(head_dim_59, in->shape[Q][3] = 59)
SPOIL(head_dim_264, in->shape[Q][3] = 264)
SPOIL(contiguous_head_dim_59, in->shape[Q][3] = 59, in->tensor[Q].strides = NULL)
SPOIL(head_dim_v_12, in->shape[V][3] = 12)
SPOIL(k_batch, in->shape[K][0] = 3)
SPOIL(k_head_dim, in->shape[K][3] = 64)
SPOIL(v_batch, in->shape[V][0] = 1)
SPOIL(v_seqlen, in->shape[V][1] = 129)
SPOIL(v_heads, in->shape[V][2] = 1)
SPOIL(out_batch, in->shape[OUT][0] = 1)
SPOIL(out_seqlen, in->shape[OUT][1] = 99)
SPOIL(out_heads, in->shape[OUT][2] = 7)
SPOIL(out_head_dim, in->shape[OUT][3] = 64)
SPOIL(lse_batch, in->shape[LSE][0] = 1)
SPOIL(lse_heads, in->shape[LSE][1] = 2)
SPOIL(lse_seqlen, in->shape[LSE][2] = 90)
SPOIL(heads_ratio, in->shape[K][2] = 3; in->shape[V][2] = 3; input_restride(in))
/* ---- Operations ---- */
SPOIL(groups_wrong, in->args.num_groups = 2)
SPOIL(groups_negative, in->args.num_groups = -4)
SPOIL(groups_not_taken, in->args.num_groups = 4)
SPOIL(nothing, (void)in)
/* ---- Strides ---- */
SPOIL(last_stride, in->strides[Q][3] = 2)
SPOIL(last_stride_zero, in->strides[K][3] = 0)
SPOIL(lse_last_stride, in->strides[LSE][2] = 4)
SPOIL(negative_stride, in->strides[V][1] = -256)
SPOIL(odd_stride, in->strides[Q][1] = 1028)
SPOIL(odd_head_stride, in->strides[OUT][2] = 132)
SPOIL(row_stride_huge, in->strides[K][1] = INT64_C(1) << 23)
SPOIL(batch_stride_huge, in->strides[V][0] = INT64_C(1) << 62)
SPOIL(out_stride_zero, in->strides[OUT][0] = 0)
SPOIL(out_stride_short, in->strides[OUT][1] = 512)
SPOIL(lse_stride_short, in->strides[LSE][1] = 96)
SPOIL(too_many_elements, in->shape[Q][0] = 1 << 30; in->shape[Q][1] = 1 << 30;
      in->shape[Q][2] = 1 << 30; in->tensor[Q].strides = NULL)
/* ---- Pointers ---- */
SPOIL(q_data, in->tensor[Q].data = NULL)
SPOIL(lse_data, in->tensor[LSE].data = NULL)
SPOIL(q_misaligned, in->tensor[Q].data = (void *)0x100000008)
SPOIL(offset_misaligned, in->tensor[K].byte_offset = 2)
SPOIL(out_is_q, in->tensor[OUT].data = in->tensor[Q].data)
SPOIL(out_is_k, in->tensor[OUT].data = in->tensor[K].data)
SPOIL(out_ends_in_v, in->tensor[OUT].data = (char *)in->tensor[V].data - 16)
SPOIL(lse_is_out, in->tensor[LSE].data = in->tensor[OUT].data)
SPOIL(lse_is_q, in->tensor[LSE].data = (char *)in->tensor[Q].data + 4096)
static void bad_grid_too_large(input *in)
{
    for (int t = 0; t < NUM_TENSORS; t++) {
        in->shape[t][0] = 1 << 22;
        in->shape[t][t == LSE ? 2 : 1] = 9; /* too many rows for decode */
        in->tensor[t].data = (char *)0 + ((int64_t)(t + 1) << 40);
    }
    input_restride(in);
}

static aiter_status null_args(aiter_context *ctx, const aiter_attn_args *args)
{
    (void)args;
    return aiter_flash_attn_func(ctx, NULL);
}

static aiter_status null_context(aiter_context *ctx, const aiter_attn_args *args)
{
    (void)ctx;
    return aiter_flash_attn_func(NULL, args);
}

static aiter_status longer_struct(aiter_context *ctx, const aiter_attn_args *args)
{
    struct {
        aiter_attn_args args;
        int64_t news;
    } newer = { *args, 1 };
    newer.args.size = sizeof newer;
    return aiter_flash_attn_func(ctx, &newer.args);
}

static const misuse misuses[] = {
    { "args NULL", bad_nothing, "args is NULL: expected an aiter_attn_args", null_args, 0 },
    { "context NULL", bad_nothing, "ctx is NULL: expected a context", null_context, 0 },
    { "size zero", bad_size_zero, "aiter_attn_args.size is 0: set it to sizeof(aiter_attn_args)",
      NULL, 0 },
    { "size odd", bad_size_odd, "aiter_attn_args.size is 37: expected sizeof(aiter_attn_args), 96",
      NULL, 0 },
    { "unknown field set", bad_nothing,
      "aiter_attn_args has a non-zero field at byte 96: this version (0.1.0) knows 96",
      longer_struct, 0 },
    { "causal", bad_causal, "causal is 2: expected 0 or 1", NULL, 0 },
    { "scale NaN", bad_scale_nan,
      "softmax_scale is nan: expected a finite number, or 0 for 1/sqrt(head_dim)", NULL, 0 },
    { "scale infinite", bad_scale_inf, "softmax_scale is inf: expected a finite number", NULL, 0 },
    { "scale minus infinite", bad_scale_minus_inf,
      "softmax_scale is -inf: expected a finite number", NULL, 0 },
    { "scale overflows", bad_scale_huge, "softmax_scale is 3e+38: expected a finite number", NULL,
      0 },

    { "q NULL", bad_q_null, "q is NULL: expected a tensor", NULL, 0 },
    { "k NULL", bad_k_null, "k is NULL: expected a tensor", NULL, 0 },
    { "v NULL", bad_v_null, "v is NULL: expected a tensor", NULL, 0 },
    { "out NULL", bad_out_null, "out is NULL: expected a tensor", NULL, 0 },
    { "q rank", bad_q_rank, "q.ndim is 3: expected 4 (batch, seqlen_q, heads, head_dim)", NULL, 0 },
    { "k rank", bad_k_rank, "k.ndim is 5: expected 4 (batch, seqlen_k, heads_kv, head_dim)", NULL,
      0 },
    { "lse rank", bad_lse_rank, "lse.ndim is 2: expected 3 (batch, heads, seqlen_q)", NULL, 0 },
    { "shape NULL", bad_shape_null, "v.shape is NULL: expected 4 sizes", NULL, 0 },

    { "q int8", bad_q_int8, "q.dtype is int8: expected fp16 or bf16 or fp32", NULL, 0 },
    { "q float64", bad_q_fp64, "q.dtype is float64: expected fp16 or bf16 or fp32", NULL, 0 },
    { "q unknown dtype", bad_q_unknown,
      "q.dtype is type code 200 with 8 bits: expected fp16 or bf16 or fp32", NULL, 0 },
    { "q lanes", bad_q_lanes, "q.dtype.lanes is 4: expected 1", NULL, 0 },
    { "k fp16", bad_k_fp16, "k.dtype is fp16: expected bf16, as q.dtype", NULL, 0 },
    { "v fp32", bad_v_fp32, "v.dtype is fp32: expected bf16, as q.dtype", NULL, 0 },
    { "out fp16", bad_out_fp16, "out.dtype is fp16: expected bf16, as q.dtype", NULL, 0 },
    { "lse bf16", bad_lse_bf16, "lse.dtype is bfloat16: expected fp32", NULL, 0 },

    { "q on the host", bad_q_cpu, "q.device.device_type is 1: expected 10 (kDLROCM)", NULL, 0 },
    { "k on CUDA", bad_k_cuda, "k.device.device_type is 2: expected 10 (kDLROCM)", NULL, 0 },
    { "v elsewhere", bad_v_device, "v.device.device_id is 1: expected 0, the context's device",
      NULL, 0 },

    { "batch negative", bad_batch_negative, "q.shape[0] (batch) is -1: expected 0 to 1073741824",
      NULL, 0 },
    { "seqlen negative", bad_seqlen_negative,
      "k.shape[1] (seqlen_k) is -5: expected 0 to 1073741824", NULL, 0 },
    { "heads zero", bad_heads_zero, "q.shape[2] (heads) is 0: expected 1 to 1073741824", NULL, 0 },
    { "heads_kv zero", bad_heads_kv_zero, "k.shape[2] (heads_kv) is 0: expected 1 to 1073741824",
      NULL, 0 },
    { "seqlen too large", bad_seqlen_huge,
      "q.shape[1] (seqlen_q) is 1073741825: expected 0 to 1073741824", NULL, 0 },
    { "head_dim 0", bad_head_dim_0, "q.shape[3] (head_dim) is 0: expected a multiple of 8 from 8 to 256",
      NULL, 0 },
    { "head_dim 7", bad_head_dim_7,
      "q.shape[3] (head_dim) is 7: expected a multiple of 8 from 8 to 256", NULL, 0 },
    { "head_dim 59", bad_head_dim_59,
      "q.shape[3] (head_dim) is 59: expected a multiple of 8 from 8 to 256", NULL, 0 },
    { "head_dim 59, contiguous", bad_contiguous_head_dim_59,
      "q.shape[3] (head_dim) is 59: expected a multiple of 8 from 8 to 256", NULL, 0 },
    { "head_dim 264", bad_head_dim_264,
      "q.shape[3] (head_dim) is 264: expected a multiple of 8 from 8 to 256", NULL, 0 },
    { "head_dim_v 12", bad_head_dim_v_12,
      "v.shape[3] (head_dim_v) is 12: expected a multiple of 8 from 8 to 256", NULL, 0 },
    { "k batch", bad_k_batch, "k.shape[0] (batch) is 3: expected 2, as q.shape[0]", NULL, 0 },
    { "k head_dim", bad_k_head_dim, "k.shape[3] (head_dim) is 64: expected 128, as q.shape[3]",
      NULL, 0 },
    { "v batch", bad_v_batch, "v.shape[0] (batch) is 1: expected 2, as q.shape[0]", NULL, 0 },
    { "v seqlen", bad_v_seqlen, "v.shape[1] (seqlen_k) is 129: expected 130, as k.shape[1]", NULL,
      0 },
    { "v heads", bad_v_heads, "v.shape[2] (heads_kv) is 1: expected 2, as k.shape[2]", NULL, 0 },
    { "out batch", bad_out_batch, "out.shape[0] (batch) is 1: expected 2, as q.shape[0]", NULL, 0 },
    { "out seqlen", bad_out_seqlen, "out.shape[1] (seqlen_q) is 99: expected 100, as q.shape[1]",
      NULL, 0 },
    { "out heads", bad_out_heads, "out.shape[2] (heads) is 7: expected 8, as q.shape[2]", NULL, 0 },
    { "out head_dim", bad_out_head_dim,
      "out.shape[3] (head_dim_v) is 64: expected 128, as v.shape[3]", NULL, 0 },
    { "lse batch", bad_lse_batch, "lse.shape[0] (batch) is 1: expected 2, as q.shape[0]", NULL, 0 },
    { "lse heads", bad_lse_heads, "lse.shape[1] (heads) is 2: expected 8, as q.shape[2]", NULL, 0 },
    { "lse seqlen", bad_lse_seqlen, "lse.shape[2] (seqlen_q) is 90: expected 100, as q.shape[1]",
      NULL, 0 },
    { "heads do not divide", bad_heads_ratio,
      "q.shape[2] (heads) is 8: expected a multiple of 3, k.shape[2] (heads_kv)", NULL, 0 },

    { "num_groups contradicts", bad_groups_wrong,
      "num_groups is 2: expected 4 (8 heads / 2 heads_kv), or 0", aiter_grouped_query_attention,
      0 },
    { "num_groups negative", bad_groups_negative,
      "num_groups is -4: expected 4 (8 heads / 2 heads_kv), or 0", aiter_grouped_query_attention,
      0 },
    { "num_groups not taken", bad_groups_not_taken,
      "num_groups is 4: expected 0, only aiter_grouped_query_attention takes it", NULL, 0 },
    { "multi-query with two KV heads", bad_nothing,
      "k.shape[2] (heads_kv) is 2: expected 1 for multi-query attention",
      aiter_multi_query_attention, 0 },

    { "last dimension strided", bad_last_stride,
      "q.strides[3] (head_dim) is 2: expected 1, the last dimension is contiguous", NULL, 0 },
    { "last stride zero", bad_last_stride_zero,
      "k.strides[3] (head_dim) is 0: expected 1, the last dimension is contiguous", NULL, 0 },
    { "lse last stride", bad_lse_last_stride,
      "lse.strides[2] (seqlen_q) is 4: expected 1, the last dimension is contiguous", NULL, 0 },
    { "stride negative", bad_negative_stride, "v.strides[1] (seqlen_k) is -256: expected 0 or more",
      NULL, 0 },
    { "stride misaligned", bad_odd_stride,
      "q.strides[1] (seqlen_q) is 1028: expected a multiple of 8 elements (16 bytes)", NULL, 0 },
    { "head stride misaligned", bad_odd_head_stride,
      "out.strides[2] (heads) is 132: expected a multiple of 8 elements (16 bytes)", NULL, 0 },
    { "row stride too large", bad_row_stride_huge,
      "k.strides[1] (seqlen_k) is 8388608: expected less than 8388608 elements", NULL,
      AITER_ERROR_UNSUPPORTED },
    { "beyond 64 bits", bad_batch_stride_huge,
      "v.strides[0] (batch) is 4611686018427387904: the last element is beyond 64-bit byte offsets",
      NULL, 0 },
    { "out overlaps itself", bad_out_stride_zero, "out.strides[0] (batch) is 0: expected at least ",
      NULL, 0 },
    { "out rows overlap", bad_out_stride_short,
      "out.strides[1] (seqlen_q) is 512: expected at least 1024, elements of a written tensor "
      "must not overlap",
      NULL, 0 },
    { "lse rows overlap", bad_lse_stride_short,
      "lse.strides[1] (heads) is 96: expected at least 100", NULL, 0 },
    { "more elements than 64 bits", bad_too_many_elements,
      "q has more elements than 64-bit offsets can reach", NULL, 0 },

    { "q without data", bad_q_data, "q.data is NULL: expected a device pointer", NULL, 0 },
    { "lse without data", bad_lse_data, "lse.data is NULL: expected a device pointer", NULL, 0 },
    { "q misaligned", bad_q_misaligned,
      "q.data + byte_offset is 0x100000008: expected a multiple of 16 bytes", NULL, 0 },
    { "byte_offset misaligned", bad_offset_misaligned,
      "k.data + byte_offset is 0x200000002: expected a multiple of 16 bytes", NULL, 0 },
    { "out is q", bad_out_is_q,
      "out.data is 0x100000000: expected memory apart from q (0x100000000, 409600 bytes)", NULL,
      0 },
    { "out is k", bad_out_is_k,
      "out.data is 0x200000000: expected memory apart from k (0x200000000, 133120 bytes)", NULL,
      0 },
    { "out runs into v", bad_out_ends_in_v, "out.data is 0x2fffffff0: expected memory apart from v",
      NULL, 0 },
    { "lse is out", bad_lse_is_out, "lse.data is 0x400000000: expected memory apart from out", NULL,
      0 },
    { "lse is in q", bad_lse_is_q, "lse.data is 0x100001000: expected memory apart from q", NULL,
      0 },
    { "grid too large", bad_grid_too_large,
      "q.shape: 1 tiles of 128 rows in each of 33554432 heads of batch entries are too many ", NULL,
      AITER_ERROR_UNSUPPORTED },
};

enum { NUM_MISUSES = sizeof misuses / sizeof misuses[0] };

static fixture *shared;
static aiter_context *ctx;

static void test_misuse(void **state)
{
    const misuse *m = *state;
    input in;
    input_init(&in);
    m->spoil(&in);
    int launches = shared->hip->launches;
    aiter_status status = (m->run ? m->run : aiter_flash_attn_func)(ctx, &in.args);
    assert_failed(status, m->status ? m->status : AITER_ERROR_INVALID_ARGUMENT, m->message);
    assert_int_equal(shared->hip->launches, launches);
}

/* The same arguments, unspoiled, are accepted: so it is the spoiling that was refused. */
static void test_correct_input(void **state)
{
    (void)state;
    input in;
    input_init(&in);
    int launches = shared->hip->launches;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(shared->hip->launches, launches + 1);
}

/* The group's state stays NULL: cmocka would hand it to the tests in place of their own. */
static int setup(void **state)
{
    (void)state;
    void *fixture_state;
    fixture_setup(&fixture_state);
    shared = fixture_state;
    ctx = fixture_context(shared);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    void *fixture_state = shared;
    aiter_context_destroy(ctx);
    return fixture_teardown(&fixture_state);
}

int main(void)
{
    static struct CMUnitTest tests[NUM_MISUSES + 1];
    for (int i = 0; i < NUM_MISUSES; i++)
        tests[i] =
            (struct CMUnitTest){ misuses[i].name, test_misuse, NULL, NULL, (void *)&misuses[i] };
    tests[NUM_MISUSES] = (struct CMUnitTest)cmocka_unit_test(test_correct_input);
    return cmocka_run_group_tests_name("bad input", tests, setup, teardown);
}
