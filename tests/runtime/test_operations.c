/* The operations with caches and with sequences of different lengths, and the variants: what the
 * kernel is given, and that every misuse is refused with a message that names the field. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/gen.h"
#include "tests/made_up.h"
#include "tests/runtime/fixture.h"

/* ---- Correct arguments ---- */

enum {
    TQ, TK, TV, TOUT, TLSE, TABLE, LENGTHS, LENGTHS_K, SCALE_K, SCALE_V, SLOPES, SINKS, BIAS, ROOM,
    COUNT
};

typedef struct arguments {
    DLTensor tensor[COUNT];
    int64_t shape[COUNT][5];
    aiter_attn_variants variants;
    aiter_attn_args attn;
    aiter_kvcache_args kvcache;
    aiter_varlen_args varlen;
} arguments;

/* A contiguous tensor at a made-up address. */
static const DLTensor *make(arguments *a, int t, DLDataTypeCode code, int bits, int ndim, int64_t s0,
                            int64_t s1, int64_t s2, int64_t s3)
{
    return make_up(&a->tensor[t], a->shape[t], t, code, bits, ndim, s0, s1, s2, s3);
}

#define ROWS(t, ndim, ...) make(a, t, kDLBfloat, 16, ndim, __VA_ARGS__)
#define FLOATS(t, ndim, ...) make(a, t, kDLFloat, 32, ndim, __VA_ARGS__)
#define INTS(t, ndim, ...) make(a, t, kDLInt, 32, ndim, __VA_ARGS__)

/* batch 3, 9 query rows (too many for decode), 8 heads, 2 KV heads, head_dim 128. */
static void init_variants(arguments *a)
{
    a->variants = (aiter_attn_variants)AITER_ATTN_VARIANTS_INIT;
    FLOATS(SLOPES, 2, 3, 8, 0, 0);
    FLOATS(SINKS, 1, 8, 0, 0, 0);
    ROWS(BIAS, 4, 1, 8, 9, 640);
}

/* Blocks of 64 keys, 10 to a sequence. */
static void init_kvcache(arguments *a)
{
    memset(a, 0, sizeof *a);
    init_variants(a);
    a->kvcache = (aiter_kvcache_args)AITER_KVCACHE_ARGS_INIT;
    a->kvcache.q = ROWS(TQ, 4, 3, 9, 8, 128);
    a->kvcache.k_cache = ROWS(TK, 4, 40, 2, 64, 128);
    a->kvcache.v_cache = ROWS(TV, 4, 40, 2, 64, 128);
    a->kvcache.out = ROWS(TOUT, 4, 3, 9, 8, 128);
    a->kvcache.page_table = INTS(TABLE, 2, 3, 10, 0, 0);
    a->kvcache.cache_seqlens = INTS(LENGTHS, 1, 3, 0, 0, 0);
    a->kvcache.variants = &a->variants;
    FLOATS(SCALE_K, 1, 1, 0, 0, 0);
    FLOATS(SCALE_V, 1, 2, 0, 0, 0);
    FLOATS(TLSE, 3, 3, 8, 9, 0);
}

/* 90 query rows and 130 keys in all. */
static void init_packed(arguments *a)
{
    memset(a, 0, sizeof *a);
    init_variants(a);
    a->varlen = (aiter_varlen_args)AITER_VARLEN_ARGS_INIT;
    a->varlen.q = ROWS(TQ, 3, 90, 8, 128, 0);
    a->varlen.k = ROWS(TK, 3, 130, 2, 128, 0);
    a->varlen.v = ROWS(TV, 3, 130, 2, 128, 0);
    a->varlen.out = ROWS(TOUT, 3, 90, 8, 128, 0);
    a->varlen.lse = FLOATS(TLSE, 2, 8, 90, 0, 0);
    a->varlen.cu_seqlens_q = INTS(LENGTHS, 1, 4, 0, 0, 0);
    a->varlen.cu_seqlens_k = INTS(LENGTHS_K, 1, 4, 0, 0, 0);
    a->varlen.variants = &a->variants;
}

static void init_padded(arguments *a)
{
    init_packed(a);
    a->varlen.q = ROWS(TQ, 4, 3, 50, 8, 128);
    a->varlen.k = ROWS(TK, 4, 3, 60, 2, 128);
    a->varlen.v = ROWS(TV, 4, 3, 60, 2, 128);
    a->varlen.out = ROWS(TOUT, 4, 3, 50, 8, 128);
    a->varlen.lse = FLOATS(TLSE, 3, 3, 8, 50, 0);
    a->varlen.cu_seqlens_q = a->varlen.cu_seqlens_k = NULL;
    a->varlen.seq_lengths = INTS(LENGTHS, 1, 3, 0, 0, 0);
}

static void init_attn(arguments *a)
{
    memset(a, 0, sizeof *a);
    init_variants(a);
    a->attn = (aiter_attn_args)AITER_ATTN_ARGS_INIT;
    a->attn.q = ROWS(TQ, 4, 3, 9, 8, 128);
    a->attn.k = ROWS(TK, 4, 3, 640, 2, 128);
    a->attn.v = ROWS(TV, 4, 3, 640, 2, 128);
    a->attn.out = ROWS(TOUT, 4, 3, 9, 8, 128);
    a->attn.variants = &a->variants;
}

/* ---- What the kernel is given ---- */

static fixture *shared;
static aiter_context *ctx;

/* The argument `name` of the last launch, of a kernel of configuration `text`. */
static int64_t argument(const char *text, const char *name)
{
    char why[GEN_ERROR_MAX];
    gen_config config;
    gen_kernel kernel;
    if (!gen_config_parse(text, &config, why))
        fail_msg("%s", why);
    gen_kernel_describe(&config, &kernel);
    assert_string_equal(shared->hip->last.kernel, kernel.symbol);
    assert_int_equal(shared->hip->last.args_size, kernel.kernarg_bytes);
    for (size_t i = 0; i < kernel.num_args; i++) {
        int64_t wide = 0;
        int32_t narrow = 0;
        if (strcmp(kernel.args[i].name, name) != 0)
            continue;
        memcpy(&wide, shared->hip->last.args + kernel.args[i].offset, kernel.args[i].size);
        memcpy(&narrow, shared->hip->last.args + kernel.args[i].offset, 4);
        return kernel.args[i].size == 8 ? wide : narrow;
    }
    fail_msg("no argument %s in %s", name, text);
    return 0;
}

static float float_argument(const char *text, const char *name)
{
    const int32_t bits = (int32_t)argument(text, name);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define HEAD "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 gqa=4 "

static void test_paged_cache(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal seqlens_k=used block_size=64";
    arguments a;
    (void)state;
    init_kvcache(&a);
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(text, "seqlen_q"), 9);
    assert_int_equal(argument(text, "seqlen_k"), 640);
    assert_int_equal(argument(text, "k_stride_batch"), 2 * 64 * 128);
    assert_int_equal(argument(text, "k_stride_head"), 64 * 128);
    assert_int_equal(argument(text, "k_stride_row"), 128);
    assert_int_equal(argument(text, "page_table"), (int64_t)(uintptr_t)a.tensor[TABLE].data);
    assert_int_equal(argument(text, "page_table_stride"), 10);
    assert_int_equal(argument(text, "seqlens_k"), (int64_t)(uintptr_t)a.tensor[LENGTHS].data);
    a.kvcache.not_causal = 1;
    a.kvcache.cache_seqlens = NULL;
    a.kvcache.max_seq_len = 600;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(HEAD "pack=1 block_size=64", "seqlen_k"), 600);
}

static void test_the_other_layout(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal seqlens_k=used block_size=32";
    arguments a;
    (void)state;
    init_kvcache(&a);
    make(&a, TK, kDLBfloat, 16, 4, 40, 32, 2, 128);
    make(&a, TV, kDLBfloat, 16, 4, 40, 32, 2, 128);
    a.kvcache.kv_layout = AITER_KV_ROWS_HEADS;
    a.kvcache.block_size = 32;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(text, "v_stride_row"), 2 * 128);
    assert_int_equal(argument(text, "v_stride_head"), 128);
    assert_int_equal(argument(text, "seqlen_k"), 320);
}

static void test_one_tensor_of_keys_and_values(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal seqlens_k=used block_size=64";
    arguments a;
    int64_t shape[] = { 40, 2, 2, 64, 128 };
    (void)state;
    init_kvcache(&a);
    a.kvcache.kv_cache = a.kvcache.k_cache;
    a.kvcache.k_cache = a.kvcache.v_cache = NULL;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache)); /* keys are values */
    assert_int_equal(argument(text, "k"), argument(text, "v"));
    a.tensor[TK].ndim = 5;
    a.tensor[TK].shape = shape;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(text, "v") - argument(text, "k"), 2 * 64 * 128 * 2);
    assert_int_equal(argument(text, "v_stride_batch"), 2 * 2 * 64 * 128);
}

static void test_cache_without_pages(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal seqlens_k=used";
    arguments a;
    (void)state;
    init_kvcache(&a);
    make(&a, TK, kDLBfloat, 16, 4, 3, 2, 1000, 128);
    make(&a, TV, kDLBfloat, 16, 4, 3, 2, 1000, 128);
    a.kvcache.page_table = NULL;
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(text, "seqlen_k"), 1000);
    assert_int_equal(argument(text, "k_stride_batch"), 2 * 1000 * 128);
}

static void test_fp8_cache(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal seqlens_k=used block_size=64 kv=fp8";
    arguments a;
    (void)state;
    init_kvcache(&a);
    a.tensor[TK].dtype = a.tensor[TV].dtype = (DLDataType){ kDLUInt, 8, 1 };
    a.kvcache.k_scale = &a.tensor[SCALE_K];
    a.kvcache.v_scale = &a.tensor[SCALE_V];
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
    assert_int_equal(argument(text, "k_scale_stride"), 0);
    assert_int_equal(argument(text, "v_scale_stride"), 1);
    a.tensor[TK].dtype.code = a.tensor[TV].dtype.code = 11; /* e4m3fnuz */
    assert_ok(aiter_flash_attn_with_kvcache(ctx, &a.kvcache));
}

/* A workspace: the grid has a place for each workgroup that the device holds (304 compute units, two on each) besides
 * those of the tiles, if there is a sequence long enough to be split. */
static void test_workspace_of_sequences(void **state)
{
    static const char text[] = HEAD "pack=1 lse=1 seqlens_q=cu seqlens_k=cu splits=1";
    static const char merge[] = "merge_splits arch=gfx942 dtype=bf16 hdv=128 lse=1 listed=1";
    const int elements = 1 << 20, tiles = 90 * 4 / 128 + 3, slots = 304 * 2 / 2;
    const int room = (elements - 4) / (8 * 129 + 2) & ~1;
    arguments a;
    (void)state;
    init_packed(&a);
    a.varlen.workspace = make(&a, ROOM, kDLFloat, 32, 1, elements, 0, 0, 0);
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen)); /* 130 keys */
    assert_int_equal(argument(text, "split_places"), tiles);
    assert_int_equal(argument(text, "split_tiles"), INT32_MAX);
    assert_int_equal(argument(text, "split_slots"), slots);
    assert_int_equal(argument(text, "split_room"), room);
    assert_int_equal(shared->hip->last.grid[0], tiles * 2);
    a.shape[TK][0] = a.shape[TV][0] = 300;
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(merge, "split_room"), room);
    const int64_t list = argument(merge, "split_list"), partial = argument(merge, "partial");
    assert_int_equal(list, (int64_t)(intptr_t)a.tensor[ROOM].data);
    assert_int_equal(partial, list + 4 * (4 + 2 * room));
    assert_int_equal(argument(merge, "partial_lse"), partial + 4 * (int64_t)room * 8 * 128);
    assert_int_equal(shared->hip->last.grid[0], 90 * 8 / 2);
    a.varlen.num_splits = 1; /* no sequence is split */
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(HEAD "pack=1 lse=1 seqlens_q=cu seqlens_k=cu", "total_k"), 300);
    a.varlen.num_splits = 12;
    a.shape[ROOM][0] = 90 * 11 * (8 * 129 + 2);
    assert_failed(aiter_variable_length_attention(ctx, &a.varlen), AITER_ERROR_INVALID_ARGUMENT,
                  "workspace has room for 10 splits: expected 1175040 elements, num_splits 12 * (query tokens "
                  "* heads) 720 * (head_dim_v + 8) 136");
    a.varlen.num_splits = 65;
    assert_failed(aiter_variable_length_attention(ctx, &a.varlen), AITER_ERROR_INVALID_ARGUMENT,
                  "num_splits is 65: expected at most 64");
}

static void test_packed_sequences(void **state)
{
    static const char text[] = HEAD "pack=1 lse=1 seqlens_q=cu seqlens_k=cu";
    arguments a;
    gen_kernel kernel;
    gen_config config;
    char why[GEN_ERROR_MAX];
    (void)state;
    init_packed(&a);
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(text, "batch"), 3);
    assert_int_equal(argument(text, "seqlen_q"), 90);
    assert_int_equal(argument(text, "seqlen_k"), 130);
    assert_int_equal(argument(text, "total_q"), 90);
    assert_int_equal(argument(text, "q_stride_batch"), 0);
    assert_int_equal(argument(text, "q_stride_row"), 8 * 128);
    assert_int_equal(argument(text, "lse_stride_batch"), 0);
    assert_int_equal(argument(text, "lse_stride_head"), 90);
    assert_true(gen_config_parse(text, &config, why));
    gen_kernel_describe(&config, &kernel);
    assert_int_equal(shared->hip->last.grid[0], (unsigned)(90 * 4 / kernel.tile_q + 3) * 2);
    a.varlen.max_seq_len = 40;
    a.varlen.max_seq_len_k = 50;
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(text, "seqlen_q"), 40);
    assert_int_equal(argument(text, "seqlen_k"), 50);
}

static void test_keys_are_counted_as_queries_are(void **state)
{
    static const char text[] = HEAD "pack=1 lse=1 seqlens_q=packed seqlens_k=packed";
    arguments a;
    (void)state;
    init_packed(&a);
    a.varlen.cu_seqlens_q = a.varlen.cu_seqlens_k = NULL;
    a.varlen.seq_lengths = make(&a, LENGTHS, kDLInt, 32, 1, 3, 0, 0, 0);
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(text, "seqlens_k"), argument(text, "seqlens_q"));
    assert_int_equal(argument(text, "total_k"), 130);
}

static void test_padded_sequences(void **state)
{
    static const char text[] = HEAD "pack=1 mask=causal lse=1 seqlens_q=used seqlens_k=used";
    arguments a;
    (void)state;
    init_padded(&a);
    a.varlen.causal = 1;
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(text, "seqlen_q"), 50);
    assert_int_equal(argument(text, "seqlen_k"), 60);
    assert_int_equal(argument(text, "k_stride_batch"), 60 * 2 * 128);
}

static void test_packed_queries_over_pages(void **state)
{
    static const char text[] = HEAD "pack=1 lse=1 seqlens_q=cu seqlens_k=used block_size=64";
    arguments a;
    (void)state;
    init_packed(&a);
    a.varlen.k = make(&a, TK, kDLBfloat, 16, 4, 40, 2, 64, 128);
    a.varlen.v = make(&a, TV, kDLBfloat, 16, 4, 40, 2, 64, 128);
    a.varlen.page_table = make(&a, TABLE, kDLInt, 32, 2, 3, 10, 0, 0);
    a.varlen.cu_seqlens_k = NULL;
    a.varlen.seq_lengths_k = make(&a, LENGTHS_K, kDLInt, 32, 1, 3, 0, 0, 0);
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(argument(text, "seqlen_k"), 640);
    assert_int_equal(argument(text, "k_stride_batch"), 2 * 64 * 128);
}

static void test_no_sequence_is_no_work(void **state)
{
    arguments a;
    int launches = shared->hip->launches;
    (void)state;
    init_packed(&a);
    a.shape[LENGTHS][0] = a.shape[LENGTHS_K][0] = 1;
    assert_ok(aiter_variable_length_attention(ctx, &a.varlen));
    assert_int_equal(shared->hip->launches, launches);
}

static void test_variants_of_dense_attention(void **state)
{
    static const char text[] = HEAD "window=both softcap=1 alibi=1 sink=1 bias=1 rounding=truncate";
    arguments a;
    (void)state;
    init_attn(&a);
    a.variants.use_window = 1;
    a.variants.window_left = 30;
    a.variants.softcap = 20;
    a.variants.alibi_slopes = &a.tensor[SLOPES];
    a.variants.sinks = &a.tensor[SINKS];
    a.variants.bias = &a.tensor[BIAS];
    a.variants.rounding = AITER_ROUND_TRUNCATE;
    assert_ok(aiter_flash_attn_func(ctx, &a.attn));
    assert_int_equal(argument(text, "window_left"), 30);
    assert_int_equal(argument(text, "window_right"), 0);
    assert_float_equal(float_argument(text, "softcap_in"), 2 * 1.44269504 / sqrt(128) / 20, 1e-8);
    assert_float_equal(float_argument(text, "softcap_out"), 20 * 1.44269504, 1e-5);
    assert_int_equal(argument(text, "alibi_stride_batch"), 8);
    assert_int_equal(argument(text, "bias_stride_batch"), 0); /* size 1: the same for all */
    assert_int_equal(argument(text, "bias_stride_head"), 9 * 640);
    assert_int_equal(argument(text, "bias_stride_row"), 640);
    make(&a, SLOPES, kDLFloat, 32, 1, 8, 0, 0, 0);
    assert_ok(aiter_flash_attn_func(ctx, &a.attn));
    assert_int_equal(argument(text, "alibi_stride_batch"), 0);
}

/* A variant that cannot matter asks for the plain kernel. */
static void test_variants_that_change_nothing(void **state)
{
    arguments a;
    (void)state;
    init_attn(&a);
    a.attn.causal = 1;
    a.variants.use_window = 1;
    a.variants.window_left = -1;
    a.variants.window_right = 7;
    assert_ok(aiter_flash_attn_func(ctx, &a.attn));
    argument(HEAD "mask=causal", "q");
}

static void test_plans(void **state)
{
    aiter_plan *plan;
    arguments a;
    (void)state;
    init_kvcache(&a);
    assert_ok(aiter_prepare_kvcache(ctx, &a.kvcache, &plan));
    assert_string_equal(aiter_plan_config(plan),
                        "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=4 lse=0 "
                        "seqlens_k=used block_size=64 pack=1");
    assert_ok(aiter_launch_kvcache(plan, &a.kvcache));
    a.variants.softcap = 3;
    assert_failed(aiter_launch_kvcache(plan, &a.kvcache), AITER_ERROR_INVALID_ARGUMENT,
                  "variants.softcap is positive: expected 0, the plan is fmha_fwd");
    a.variants.softcap = 0;
    a.kvcache.cache_seqlens = NULL;
    assert_failed(aiter_launch_kvcache(plan, &a.kvcache), AITER_ERROR_INVALID_ARGUMENT,
                  "the lengths of the keys is fixed: expected used, the plan is");
    aiter_plan_destroy(plan);
    init_packed(&a);
    assert_ok(aiter_prepare_varlen(ctx, &a.varlen, &plan));
    assert_ok(aiter_launch_varlen(plan, &a.varlen));
    aiter_plan_destroy(plan);
}

/* ---- Misuse ---- */

typedef enum operation { ATTN, KVCACHE, PACKED, PADDED } operation;

typedef struct misuse {
    const char *name;
    operation run;
    void (*spoil)(arguments *a);
    const char *message;
    aiter_status status; /* default: AITER_ERROR_INVALID_ARGUMENT */
} misuse;

#define SPOIL(name, ...)                  \
    static void bad_##name(arguments *a) \
    {                                     \
        __VA_ARGS__;                      \
    }

SPOIL(variants_size, a->variants.size = 3)
SPOIL(use_window, a->variants.use_window = 2)
SPOIL(window_unused, a->variants.window_left = 5)
SPOIL(window_negative, a->variants.use_window = 1; a->variants.window_right = -2)
SPOIL(window_huge, a->variants.use_window = 1; a->variants.window_left = 1 << 30)
SPOIL(softcap_negative, a->variants.softcap = -1)
SPOIL(softcap_nan, a->variants.softcap = NAN)
SPOIL(softcap_tiny, a->variants.softcap = 1e-44f)
SPOIL(rounding, a->variants.rounding = 2)
SPOIL(slopes_heads, a->shape[SLOPES][1] = 7; a->variants.alibi_slopes = &a->tensor[SLOPES])
SPOIL(slopes_batch, a->shape[SLOPES][0] = 2; a->variants.alibi_slopes = &a->tensor[SLOPES])
SPOIL(slopes_dtype, a->tensor[SLOPES].dtype.bits = 16; a->variants.alibi_slopes = &a->tensor[SLOPES])
SPOIL(sinks_heads, a->shape[SINKS][0] = 2; a->variants.sinks = &a->tensor[SINKS])
SPOIL(bias_rows, a->shape[BIAS][2] = 4; a->variants.bias = &a->tensor[BIAS])
SPOIL(bias_keys, a->shape[BIAS][3] = 1; a->variants.bias = &a->tensor[BIAS])
SPOIL(bias_dtype, a->tensor[BIAS].dtype.code = kDLFloat; a->variants.bias = &a->tensor[BIAS])
SPOIL(bias_is_out, a->tensor[BIAS].data = a->tensor[TOUT].data; a->variants.bias = &a->tensor[BIAS])

SPOIL(not_causal, a->kvcache.not_causal = -1)
SPOIL(layout, a->kvcache.kv_layout = 2)
SPOIL(block_size, a->kvcache.block_size = 32)
SPOIL(block_size_24, a->shape[TK][2] = 24; a->shape[TV][2] = 24)
SPOIL(block_size_2048, a->shape[TK][2] = 2048; a->shape[TV][2] = 2048)
SPOIL(table_batch, a->shape[TABLE][0] = 2)
SPOIL(table_dtype, a->tensor[TABLE].dtype.bits = 64)
SPOIL(table_short, a->kvcache.max_seq_len = 641)
SPOIL(max_negative, a->kvcache.max_seq_len = -1)
SPOIL(lengths_batch, a->shape[LENGTHS][0] = 4)
SPOIL(cache_heads, a->shape[TK][1] = 3; a->shape[TV][1] = 3)
SPOIL(v_blocks, a->shape[TV][0] = 39)
SPOIL(two_and_one, a->kvcache.kv_cache = &a->tensor[TK])
SPOIL(no_cache, a->kvcache.k_cache = NULL)
SPOIL(one_of_three, a->kvcache.kv_cache = &a->tensor[TK]; a->kvcache.k_cache = NULL;
      a->kvcache.v_cache = NULL; a->tensor[TK].ndim = 5; a->shape[TK][1] = 3; a->shape[TK][2] = 2;
      a->shape[TK][3] = 64; a->shape[TK][4] = 128)
SPOIL(fp8_no_scale, a->tensor[TK].dtype = a->tensor[TV].dtype = (DLDataType){ kDLUInt, 8, 1 })
SPOIL(fp8_keys_only, a->tensor[TK].dtype = (DLDataType){ kDLUInt, 8, 1 })
SPOIL(fp8_ocp, a->tensor[TK].dtype = a->tensor[TV].dtype = (DLDataType){ 10, 8, 1 };
      a->kvcache.k_scale = &a->tensor[SCALE_K]; a->kvcache.v_scale = &a->tensor[SCALE_V])
SPOIL(scale_of_bf16, a->kvcache.v_scale = &a->tensor[SCALE_V])
SPOIL(scale_heads, a->tensor[TK].dtype = a->tensor[TV].dtype = (DLDataType){ kDLUInt, 8, 1 };
      a->kvcache.k_scale = &a->tensor[SCALE_K]; a->kvcache.v_scale = &a->tensor[SCALE_V];
      a->shape[SCALE_V][0] = 8)
SPOIL(out_is_table, a->tensor[TOUT].data = a->tensor[TABLE].data)

SPOIL(no_lengths, a->varlen.cu_seqlens_q = NULL)
SPOIL(lengths_twice, a->varlen.seq_lengths = &a->tensor[LENGTHS])
SPOIL(key_lengths_twice, a->varlen.seq_lengths_k = &a->tensor[LENGTHS_K])
SPOIL(cu_k_batch, a->shape[LENGTHS_K][0] = 3)
SPOIL(cu_empty, a->shape[LENGTHS][0] = 0)
SPOIL(k_padded, a->tensor[TK].ndim = 4)
SPOIL(max_len_negative, a->varlen.max_seq_len = -5)
SPOIL(lse_padded, a->tensor[TLSE].ndim = 3)
SPOIL(cu_for_padded, a->varlen.cu_seqlens_q = &a->tensor[LENGTHS_K])
SPOIL(max_len_beyond, a->varlen.max_seq_len = 51)
SPOIL(max_len_k_beyond, a->varlen.max_seq_len_k = 61)
SPOIL(table_no_lengths, a->varlen.page_table = &a->tensor[TABLE])
SPOIL(causal, a->varlen.causal = 3)

static const misuse misuses[] = {
    { "variants size", ATTN, bad_variants_size, "aiter_attn_variants.size is 3", 0 },
    { "use_window", ATTN, bad_use_window, "variants.use_window is 2: expected 0 or 1", 0 },
    { "bound without window", ATTN, bad_window_unused,
      "variants.window_left is 5: expected 0, or variants.use_window 1", 0 },
    { "bound negative", ATTN, bad_window_negative,
      "variants.window_right is -2: expected -1 (no bound) or 0 to 536870912", 0 },
    { "bound huge", ATTN, bad_window_huge, "variants.window_left is 1073741824: expected -1", 0 },
    { "soft cap negative", ATTN, bad_softcap_negative,
      "variants.softcap is -1: expected a positive number, or 0 for none", 0 },
    { "soft cap NaN", ATTN, bad_softcap_nan, "variants.softcap is nan: expected a positive", 0 },
    { "soft cap tiny", ATTN, bad_softcap_tiny,
      "variants.softcap is 9.80909e-45: expected a number such that", 0 },
    { "rounding", ATTN, bad_rounding, "variants.rounding is 2: expected AITER_ROUND_NEAREST (0)", 0 },
    { "slopes of heads", ATTN, bad_slopes_heads,
      "variants.alibi_slopes.shape[1] (heads) is 7: expected 8, the number of query heads", 0 },
    { "slopes of sequences", ATTN, bad_slopes_batch,
      "variants.alibi_slopes.shape[0] (batch) is 2: expected 3, the number of sequences", 0 },
    { "slopes in fp16", ATTN, bad_slopes_dtype,
      "variants.alibi_slopes.dtype is float16: expected fp32", 0 },
    { "sinks of heads", ATTN, bad_sinks_heads,
      "variants.sinks.shape[0] (heads) is 2: expected 8, the number of query heads", 0 },
    { "bias of rows", ATTN, bad_bias_rows,
      "variants.bias.shape[2] (seqlen_q) is 4: expected 9, the most queries of one, or 1", 0 },
    { "bias of keys", ATTN, bad_bias_keys,
      "variants.bias.shape[3] (seqlen_k) is 1: expected 640, the most keys of a sequence", 0 },
    { "bias in another dtype", ATTN, bad_bias_dtype,
      "variants.bias.dtype is fp16: expected bf16, as q.dtype", 0 },
    { "bias is out", ATTN, bad_bias_is_out, "out.data is 0x400000000: expected memory apart from "
      "variants.bias", 0 },

    { "not_causal", KVCACHE, bad_not_causal, "not_causal is -1: expected 0 or 1", 0 },
    { "layout", KVCACHE, bad_layout, "kv_layout is 2: expected AITER_KV_HEADS_ROWS (0)", 0 },
    { "block_size contradicts", KVCACHE, bad_block_size,
      "block_size is 32: expected 64, k_cache.shape[2], or 0", 0 },
    { "block_size 24", KVCACHE, bad_block_size_24,
      "k_cache.shape[2] (block_size) is 24: expected a multiple of 16 from 16 to 1024", 0 },
    { "block_size 2048", KVCACHE, bad_block_size_2048,
      "k_cache.shape[2] (block_size) is 2048: expected a multiple of 16 from 16 to 1024", 0 },
    { "page table of batch", KVCACHE, bad_table_batch,
      "page_table.shape[0] (batch) is 2: expected 3, the number of sequences", 0 },
    { "page table in int64", KVCACHE, bad_table_dtype, "page_table.dtype is int64: expected int32",
      0 },
    { "page table too short", KVCACHE, bad_table_short,
      "page_table.shape[1] (max_blocks_per_seq) is 10: expected at least 11, blocks of 64 keys for "
      "641 keys (max_seq_len)", 0 },
    { "max_seq_len negative", KVCACHE, bad_max_negative, "max_seq_len is -1: expected 0 or more", 0 },
    { "lengths of batch", KVCACHE, bad_lengths_batch,
      "cache_seqlens.shape[0] (batch) is 4: expected 3, the number of sequences", 0 },
    { "heads of the cache", KVCACHE, bad_cache_heads,
      "q.shape[2] (heads) is 8: expected a multiple of 3, k_cache.shape[1] (heads_kv)", 0 },
    { "blocks of v", KVCACHE, bad_v_blocks,
      "v_cache.shape[0] (num_blocks) is 39: expected 40, as k_cache.shape[0]", 0 },
    { "two caches and one", KVCACHE, bad_two_and_one,
      "kv_cache is a tensor: expected NULL beside k_cache and v_cache", 0 },
    { "no cache", KVCACHE, bad_no_cache, "k_cache is NULL: expected a tensor", 0 },
    { "three in one", KVCACHE, bad_one_of_three, "kv_cache.shape[1] is 3: expected 2, keys and values",
      0 },
    { "fp8 without scale", KVCACHE, bad_fp8_no_scale,
      "k_scale is NULL: expected a tensor, k_cache is fp8", 0 },
    { "keys in fp8", KVCACHE, bad_fp8_keys_only,
      "v_cache.dtype is bf16: expected uint8, as k_cache.dtype", 0 },
    { "OCP fp8 on gfx942", KVCACHE, bad_fp8_ocp,
      "k_cache.dtype is fp8 e4m3fn: expected fp8 e4m3fnuz, which is what gfx942", 
      AITER_ERROR_UNSUPPORTED },
    { "scale of bf16", KVCACHE, bad_scale_of_bf16,
      "v_scale is a tensor: expected NULL, k_cache is not fp8", 0 },
    { "scales of heads", KVCACHE, bad_scale_heads,
      "v_scale.shape[0] (1 or heads_kv) is 8: expected 2, one for each KV head, or 1", 0 },
    { "out is page table", KVCACHE, bad_out_is_table, "out.data is 0x600000000: expected memory "
      "apart from page_table", 0 },

    { "no lengths", PACKED, bad_no_lengths,
      "seq_lengths is NULL: expected the length of each sequence, or cu_seqlens_q", 0 },
    { "lengths twice", PACKED, bad_lengths_twice,
      "seq_lengths is a tensor: expected NULL beside cu_seqlens_q", 0 },
    { "lengths of keys twice", PACKED, bad_key_lengths_twice,
      "seq_lengths_k is a tensor: expected NULL beside cu_seqlens_k", 0 },
    { "cu_seqlens_k of batch", PACKED, bad_cu_k_batch,
      "cu_seqlens_k.shape[0] (batch + 1) is 3: expected 4, the number of sequences + 1", 0 },
    { "cu_seqlens_q empty", PACKED, bad_cu_empty, "cu_seqlens_q.shape[0] (batch + 1) is 0", 0 },
    { "padded keys for packed queries", PACKED, bad_k_padded,
      "k.ndim is 4: expected 3 (total_k, heads_kv, head_dim)", 0 },
    { "max_seq_len of packed", PACKED, bad_max_len_negative, "max_seq_len is -5: expected 0 or more",
      0 },
    { "lse of packed", PACKED, bad_lse_padded, "lse.ndim is 3: expected 2 (heads, total_q)", 0 },
    { "cu_seqlens for padded", PADDED, bad_cu_for_padded,
      "cu_seqlens_q is a tensor: expected NULL for padded q (4 dimensions)", 0 },
    { "max_seq_len beyond q", PADDED, bad_max_len_beyond,
      "max_seq_len is 51: expected at most 50, q.shape[1]", 0 },
    { "max_seq_len_k beyond k", PADDED, bad_max_len_k_beyond,
      "max_seq_len_k is 61: expected at most 60, k.shape[1]", 0 },
    { "pages without lengths", PADDED, bad_table_no_lengths,
      "seq_lengths_k is NULL: expected the number of keys of each sequence, with page_table", 0 },
    { "causal of varlen", PADDED, bad_causal, "causal is 3: expected 0 or 1", 0 },
};

enum { NUM_MISUSES = sizeof misuses / sizeof misuses[0] };

static void init_operation(arguments *a, operation run)
{
    static void (*const inits[])(arguments *) = { init_attn, init_kvcache, init_packed, init_padded };
    inits[run](a);
}

static aiter_status call(const arguments *a, operation run)
{
    switch (run) {
    case ATTN: return aiter_flash_attn_func(ctx, &a->attn);
    case KVCACHE: return aiter_flash_attn_with_kvcache(ctx, &a->kvcache);
    case PACKED:
    case PADDED: break;
    }
    return aiter_variable_length_attention(ctx, &a->varlen);
}

static void test_misuse(void **state)
{
    const misuse *m = *state;
    arguments a;
    init_operation(&a, m->run);
    m->spoil(&a);
    int launches = shared->hip->launches;
    assert_failed(call(&a, m->run), m->status ? m->status : AITER_ERROR_INVALID_ARGUMENT, m->message);
    assert_int_equal(shared->hip->launches, launches);
}

/* The same arguments, unspoiled, are accepted. */
static void test_correct_input(void **state)
{
    (void)state;
    for (operation run = ATTN; run <= PADDED; run++) {
        arguments a;
        init_operation(&a, run);
        assert_ok(call(&a, run));
    }
}

static int setup(void **state)
{
    void *fixture_state;
    (void)state;
    fixture_setup(&fixture_state);
    shared = fixture_state;
    ctx = fixture_context(shared);
    return 0;
}

static int teardown(void **state)
{
    void *fixture_state = shared;
    (void)state;
    aiter_context_destroy(ctx);
    return fixture_teardown(&fixture_state);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_correct_input),
        cmocka_unit_test(test_paged_cache),
        cmocka_unit_test(test_the_other_layout),
        cmocka_unit_test(test_one_tensor_of_keys_and_values),
        cmocka_unit_test(test_cache_without_pages),
        cmocka_unit_test(test_fp8_cache),
        cmocka_unit_test(test_packed_sequences),
        cmocka_unit_test(test_workspace_of_sequences),
        cmocka_unit_test(test_keys_are_counted_as_queries_are),
        cmocka_unit_test(test_padded_sequences),
        cmocka_unit_test(test_packed_queries_over_pages),
        cmocka_unit_test(test_no_sequence_is_no_work),
        cmocka_unit_test(test_variants_of_dense_attention),
        cmocka_unit_test(test_variants_that_change_nothing),
        cmocka_unit_test(test_plans),
    };
    enum { NUM_OTHERS = sizeof others / sizeof others[0] };
    static struct CMUnitTest tests[NUM_OTHERS + NUM_MISUSES];
    memcpy(tests, others, sizeof others);
    for (int i = 0; i < NUM_MISUSES; i++)
        tests[NUM_OTHERS + i] =
            (struct CMUnitTest){ misuses[i].name, test_misuse, NULL, NULL, (void *)&misuses[i] };
    return cmocka_run_group_tests_name("operations", tests, setup, teardown);
}
