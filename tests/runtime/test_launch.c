/* What reaches hipModuleLaunchKernel, and on which device. */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/gen.h"
#include "runtime/hip_abi.h"
#include "tests/runtime/fixture.h"

static hip_error call_hip(const char *name, int *device)
{
    void *library = dlopen(FAKE_HIP, RTLD_NOW), *symbol = dlsym(library, name);
    hip_error (*get)(int *), (*set)(int), error;
    if (strcmp(name, "hipGetDevice") == 0) {
        memcpy(&get, &symbol, sizeof get);
        error = get(device);
    } else {
        memcpy(&set, &symbol, sizeof set);
        error = set(*device);
    }
    dlclose(library);
    return error;
}

static int current_device(void)
{
    int device = -1;
    assert_int_equal(call_hip("hipGetDevice", &device), HIP_SUCCESS);
    return device;
}

static gen_config config_of(const char *text)
{
    char why[GEN_ERROR_MAX];
    gen_config config;
    if (!gen_config_parse(text, &config, why))
        fail_msg("%s", why);
    return config;
}

/* The argument `name` of the last launch, as the kernel would read it. */
static void read_arg(const fixture *f, const char *name, void *out, size_t size)
{
    gen_config config = config_of("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128");
    gen_kernel kernel;
    gen_kernel_describe(&config, &kernel);
    for (size_t i = 0; i < kernel.num_args; i++)
        if (strcmp(kernel.args[i].name, name) == 0) {
            assert_int_equal(kernel.args[i].size, size);
            assert_true(kernel.args[i].offset + size <= f->hip->last.args_size);
            memcpy(out, f->hip->last.args + kernel.args[i].offset, size);
            return;
        }
    fail_msg("no argument %s", name);
}

static int64_t arg64(const fixture *f, const char *name)
{
    int64_t value;
    read_arg(f, name, &value, sizeof value);
    return value;
}

static int arg32(const fixture *f, const char *name)
{
    int value;
    read_arg(f, name, &value, sizeof value);
    return value;
}

static float scale_arg(const fixture *f)
{
    float value;
    read_arg(f, "scale_log2", &value, sizeof value);
    return value;
}

/* ---- Arguments ---- */

static void test_every_argument_arrives(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.tensor[K].byte_offset = 4096;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(arg64(f, "q"), 0x100000000);
    assert_int_equal(arg64(f, "k"), 0x200001000);
    assert_int_equal(arg64(f, "v"), 0x300000000);
    assert_int_equal(arg64(f, "out"), 0x400000000);
    assert_int_equal(arg64(f, "lse"), 0x500000000);
    assert_int_equal(arg64(f, "q_stride_batch"), 100 * 8 * 128);
    assert_int_equal(arg64(f, "q_stride_row"), 8 * 128);
    assert_int_equal(arg64(f, "q_stride_head"), 128);
    assert_int_equal(arg64(f, "k_stride_batch"), 130 * 2 * 128);
    assert_int_equal(arg64(f, "k_stride_row"), 2 * 128);
    assert_int_equal(arg64(f, "k_stride_head"), 128);
    assert_int_equal(arg64(f, "v_stride_batch"), 130 * 2 * 128);
    assert_int_equal(arg64(f, "v_stride_row"), 2 * 128);
    assert_int_equal(arg64(f, "v_stride_head"), 128);
    assert_int_equal(arg64(f, "out_stride_batch"), 100 * 8 * 128);
    assert_int_equal(arg64(f, "out_stride_row"), 8 * 128);
    assert_int_equal(arg64(f, "out_stride_head"), 128);
    assert_int_equal(arg64(f, "lse_stride_batch"), 8 * 100);
    assert_int_equal(arg64(f, "lse_stride_head"), 100);
    assert_int_equal(arg32(f, "batch"), 2);
    assert_int_equal(arg32(f, "num_heads"), 8);
    assert_int_equal(arg32(f, "seqlen_q"), 100);
    assert_int_equal(arg32(f, "seqlen_k"), 130);
    assert_float_equal(scale_arg(f), 1.44269504 / sqrt(128), 1e-8);
    aiter_context_destroy(ctx);
}

static void test_grid_block_stream(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    gen_config config = config_of("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 gqa=4 mask=causal");
    gen_kernel kernel;
    gen_kernel_describe(&config, &kernel);
    input in;
    input_init(&in);
    in.args.lse = NULL;
    in.args.causal = 1;
    in.args.stream = (void *)0x1234;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    const fake_launch *l = &f->hip->last;
    assert_string_equal(l->kernel, kernel.symbol);
    unsigned tiles = (100 + (unsigned)kernel.tile_q - 1) / (unsigned)kernel.tile_q;
    assert_int_equal(l->grid[0], tiles * 8 * 2);
    assert_int_equal(l->grid[1], 1);
    assert_int_equal(l->grid[2], 1);
    assert_int_equal(l->block[0], kernel.block);
    assert_int_equal(l->block[1], 1);
    assert_int_equal(l->block[2], 1);
    assert_int_equal(l->shared_bytes, 0);
    assert_int_equal(l->args_size, kernel.kernarg_bytes);
    assert_ptr_equal(l->stream, (void *)0x1234);
    assert_int_equal(arg64(f, "lse"), 0);
    aiter_context_destroy(ctx);
}

static void test_scale_given(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.args.softmax_scale = 0.25f;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_float_equal(scale_arg(f), 0.25 * 1.44269504, 1e-7);
    in.args.softmax_scale = -2.0f;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_float_equal(scale_arg(f), -2 * 1.44269504, 1e-6);
    aiter_context_destroy(ctx);
}

static void test_null_strides_are_contiguous(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    fake_launch spelled_out = f->hip->last;
    for (int t = 0; t < NUM_TENSORS; t++)
        in.tensor[t].strides = NULL;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_memory_equal(f->hip->last.args, spelled_out.args, spelled_out.args_size);
    aiter_context_destroy(ctx);
}

/* Frameworks leave anything in the strides of dimensions of size 1. */
static void test_strides_of_size_1_do_not_matter(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    for (int t = 0; t < NUM_TENSORS; t++)
        in.shape[t][0] = 1;
    in.shape[K][1] = in.shape[V][1] = 1;
    input_restride(&in);
    for (int t = 0; t < NUM_TENSORS; t++)
        in.strides[t][0] = -3;
    in.strides[K][1] = INT64_MAX;
    in.strides[V][1] = 7;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(arg64(f, "k_stride_row"), 128);
    assert_int_equal(arg64(f, "v_stride_row"), 128);
    assert_int_equal(arg64(f, "q_stride_row"), 8 * 128);
    aiter_context_destroy(ctx);
}

/* (batch, heads, seqlen, head_dim) in memory, viewed as (batch, seqlen, heads, head_dim). */
static void test_heads_before_rows(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.strides[OUT][1] = in.strides[Q][1] = 128;
    in.strides[OUT][2] = in.strides[Q][2] = 100 * 128;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(arg64(f, "q_stride_row"), 128);
    assert_int_equal(arg64(f, "q_stride_head"), 12800);
    assert_int_equal(arg64(f, "out_stride_head"), 12800);
    aiter_context_destroy(ctx);
}

/* Tensors larger than 4 GiB. */
static void test_large_strides(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.strides[K][0] = INT64_C(1) << 40;
    in.strides[K][1] = (INT64_C(1) << 23) - 8;
    in.tensor[K].data = (void *)(UINT64_C(1) << 50);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(arg64(f, "k_stride_batch"), INT64_C(1) << 40);
    assert_int_equal(arg64(f, "k_stride_row"), (INT64_C(1) << 23) - 8);
    aiter_context_destroy(ctx);
}

/* q, k, v and out as slices of one buffer (batch, seqlen, 4, heads, head_dim): their byte ranges
 * overlap, their elements do not. */
static void test_slices_of_one_buffer(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    for (int t = Q; t <= OUT; t++) {
        in.shape[t][1] = 100;
        in.shape[t][2] = 8;
    }
    input_restride(&in);
    for (int t = Q; t <= OUT; t++) {
        in.strides[t][1] = 4 * 8 * 128;
        in.strides[t][0] = 100 * in.strides[t][1];
        in.tensor[t].data = (char *)0 + 0x100000000 + 8 * 128 * 2 * t;
    }
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    in.tensor[OUT].data =
        (char *)in.tensor[V].data + 7 * 128 * 2; /* out's first head is v's last */
    assert_failed(aiter_flash_attn_func(ctx, &in.args), AITER_ERROR_INVALID_ARGUMENT,
                  "expected memory apart from v");
    aiter_context_destroy(ctx);
}

/* Keys and values may be broadcast over the batch. */
static void test_inputs_may_repeat(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.strides[K][0] = in.strides[V][0] = 0;
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(arg64(f, "k_stride_batch"), 0);
    aiter_context_destroy(ctx);
}

/* ---- Empty problems ---- */

static void test_no_keys_is_launched(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.shape[K][1] = in.shape[V][1] = 0;
    in.tensor[K].data = in.tensor[V].data = NULL;
    input_restride(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(f->hip->launches, 1);
    assert_int_equal(arg32(f, "seqlen_k"), 0);
    aiter_context_destroy(ctx);
}

static void launches_nothing(fixture *f, input *in)
{
    aiter_context *ctx = fixture_context(f);
    input_restride(in);
    assert_ok(aiter_flash_attn_func(ctx, &in->args));
    assert_int_equal(f->hip->launches, 0);
    assert_int_equal(fixture_stats(ctx).launches, 0);
    assert_int_equal(fixture_count(f, "compile"), 0);
    aiter_context_destroy(ctx);
}

static void test_no_queries_is_no_work(void **state)
{
    input in;
    input_init(&in);
    in.shape[Q][1] = in.shape[OUT][1] = in.shape[LSE][2] = 0;
    in.tensor[Q].data = in.tensor[OUT].data = in.tensor[LSE].data = NULL;
    launches_nothing(*state, &in);
}

static void test_no_batch_is_no_work(void **state)
{
    input in;
    input_init(&in);
    for (int t = 0; t < NUM_TENSORS; t++) {
        in.shape[t][0] = 0;
        in.tensor[t].data = NULL;
    }
    launches_nothing(*state, &in);
}

/* ---- Operations ---- */

static void test_grouped_query_attention(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    assert_ok(aiter_grouped_query_attention(ctx, &in.args));
    in.args.num_groups = 4;
    assert_ok(aiter_grouped_query_attention(ctx, &in.args));
    assert_int_equal(f->hip->launches, 2);
    aiter_context_destroy(ctx);
}

static void test_multi_query_attention(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init(&in);
    in.shape[K][2] = in.shape[V][2] = 1;
    input_restride(&in);
    assert_ok(aiter_multi_query_attention(ctx, &in.args));
    assert_non_null(strstr(f->hip->last.kernel, "_g8"));
    aiter_context_destroy(ctx);
}

static void test_head_dim_v_of_its_own(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    input in;
    input_init_dim(&in, 192);
    in.shape[V][3] = in.shape[OUT][3] = 128;
    input_restride(&in);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_non_null(strstr(f->hip->last.kernel, "hd192x128"));
    aiter_context_destroy(ctx);
}

/* ---- Devices and threads ---- */

static void test_device_of_the_thread_is_restored(void **state)
{
    fixture *f = *state;
    f->options.device = 1;
    aiter_context *ctx = fixture_context(f);
    assert_string_equal(aiter_context_arch(ctx), "gfx950");
    input in;
    input_init(&in);
    for (int t = 0; t < NUM_TENSORS; t++)
        in.tensor[t].device.device_id = 1;
    assert_int_equal(current_device(), 0);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_int_equal(f->hip->last.device, 1);
    assert_int_equal(current_device(), 0);
    aiter_context_destroy(ctx);
    assert_int_equal(current_device(), 0);
    assert_int_equal(f->hip->live_modules, 0);
}

static void *launch_from_thread(void *user)
{
    const aiter_plan *plan = user;
    input in;
    input_init(&in);
    return (void *)(intptr_t)aiter_launch(plan, &in.args);
}

static void test_launch_from_another_thread(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    input in;
    input_init(&in);
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, launch_from_thread, plan);
    pthread_join(thread, &result);
    assert_int_equal((intptr_t)result, AITER_OK);
    assert_int_equal(f->hip->launches, 1);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

/* ---- Plans ---- */

static void test_prepare_needs_no_data(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    input in;
    input_init(&in);
    for (int t = 0; t < NUM_TENSORS; t++)
        in.tensor[t].data = NULL;
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    assert_string_equal(aiter_plan_config(plan),
                        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=none gqa=4 lse=1");
    assert_int_equal(f->hip->launches, 0);
    assert_failed(aiter_launch(plan, &in.args), AITER_ERROR_INVALID_ARGUMENT, "q.data is NULL");
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

/* Batch, lengths and head counts of the same ratio are free. */
static void test_plan_serves_other_shapes(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    input in;
    input_init(&in);
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    for (int t = 0; t < NUM_TENSORS; t++)
        in.shape[t][0] = 3;
    in.shape[Q][1] = in.shape[OUT][1] = in.shape[LSE][2] = 1;
    in.shape[Q][2] = in.shape[OUT][2] = in.shape[LSE][1] = 4;
    in.shape[K][2] = in.shape[V][2] = 1;
    input_restride(&in);
    assert_ok(aiter_launch(plan, &in.args));
    assert_int_equal(f->hip->last.grid[0], 12);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

static void launch_other(fixture *f, void (*change)(input *in), const char *message)
{
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    input in;
    input_init(&in);
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    change(&in);
    assert_failed(aiter_launch(plan, &in.args), AITER_ERROR_INVALID_ARGUMENT, message);
    assert_non_null(strstr(aiter_last_error(), aiter_plan_config(plan)));
    assert_int_equal(f->hip->launches, 0);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

static void other_dtype(input *in)
{
    for (int t = Q; t <= OUT; t++)
        in->tensor[t].dtype.code = kDLFloat;
}

static void other_head_dim(input *in)
{
    input_init_dim(in, 64);
}

static void other_head_dim_v(input *in)
{
    in->shape[V][3] = in->shape[OUT][3] = 64;
    input_restride(in);
}

static void other_mask(input *in)
{
    in->args.causal = 1;
}

static void other_ratio(input *in)
{
    in->shape[K][2] = in->shape[V][2] = 8;
    input_restride(in);
}

static void other_lse(input *in)
{
    in->args.lse = NULL;
}

static void test_plan_refuses_other_dtype(void **state)
{
    launch_other(*state, other_dtype, "q.dtype is fp16: expected bf16, the plan is fmha_fwd");
}

static void test_plan_refuses_other_head_dim(void **state)
{
    launch_other(*state, other_head_dim, "q.shape[3] (head_dim) is 64: expected 128, the plan is");
}

static void test_plan_refuses_other_head_dim_v(void **state)
{
    launch_other(*state, other_head_dim_v,
                 "v.shape[3] (head_dim_v) is 64: expected 128, the plan is");
}

static void test_plan_refuses_other_mask(void **state)
{
    launch_other(*state, other_mask, "causal is 1: expected 0, the plan is");
}

static void test_plan_refuses_other_ratio(void **state)
{
    launch_other(*state, other_ratio,
                 "q.shape[2] / k.shape[2] (heads / heads_kv) is 1: expected 4, the plan is");
}

static void test_plan_refuses_other_lse(void **state)
{
    launch_other(*state, other_lse, "lse is NULL: expected a tensor, the plan is");
}

static void test_plan_info(void **state)
{
    fixture *f = *state;
    aiter_context *ctx = fixture_context(f);
    aiter_plan *plan;
    input in;
    input_init(&in);
    assert_ok(aiter_prepare(ctx, &in.args, &plan));
    aiter_kernel_info info = { .size = sizeof info };
    assert_ok(aiter_plan_info(plan, &info));
    assert_int_equal(info.size, sizeof info);
    assert_non_null(strstr(info.symbol, "fmha_fwd_gfx942"));
    assert_int_equal(info.vgprs, 120);
    assert_int_equal(info.agprs, 16);
    assert_int_equal(info.sgprs, 52);
    assert_int_equal(info.vgpr_spills, 3);
    assert_int_equal(info.sgpr_spills, 2);
    assert_int_equal(info.lds_bytes, 32768);
    assert_int_equal(info.scratch_bytes, 4);
    assert_int_equal(info.from_cache, 0);
    assert_true(info.code_bytes > 64);
    info.size = 0;
    assert_failed(aiter_plan_info(plan, &info), AITER_ERROR_INVALID_ARGUMENT,
                  "aiter_kernel_info.size is 0");
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_argument_arrives),
        T(test_grid_block_stream),
        T(test_scale_given),
        T(test_null_strides_are_contiguous),
        T(test_strides_of_size_1_do_not_matter),
        T(test_heads_before_rows),
        T(test_large_strides),
        T(test_slices_of_one_buffer),
        T(test_inputs_may_repeat),
        T(test_no_keys_is_launched),
        T(test_no_queries_is_no_work),
        T(test_no_batch_is_no_work),
        T(test_grouped_query_attention),
        T(test_multi_query_attention),
        T(test_head_dim_v_of_its_own),
        T(test_device_of_the_thread_is_restored),
        T(test_launch_from_another_thread),
        T(test_prepare_needs_no_data),
        T(test_plan_serves_other_shapes),
        T(test_plan_refuses_other_dtype),
        T(test_plan_refuses_other_head_dim),
        T(test_plan_refuses_other_head_dim_v),
        T(test_plan_refuses_other_mask),
        T(test_plan_refuses_other_ratio),
        T(test_plan_refuses_other_lse),
        T(test_plan_info),
    };
    return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
