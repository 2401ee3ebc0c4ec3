#include "tests/acceptance/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sets: a row stands for each member. */
enum { FP16 = 1 << NUM_FP16, BF16 = 1 << NUM_BF16, FP32 = 1 << NUM_FP32, HALF = FP16 | BF16 };
enum { FULL = 1, CAUSAL = 2, BOTH = 3 };        /* masks                     */
enum { PLAIN = 1, LSE = 2, EITHER = 3 };        /* without and with the LSE  */
enum { ALL = 0, FAST = 1 };                     /* run on each commit or not */
enum { BSHD = TRIAL_BSHD, BHSD = TRIAL_BHSD, SBHD = TRIAL_SBHD, PACKED = TRIAL_PACKED_QKV,
       GAPS = TRIAL_GAPS };

typedef struct row {
    int when, dtypes;
    int seqlen_q, seqlen_k, hdqk, hdv;
    int batch, heads, heads_kv;
    int masks, lses, layout;
    float q_gain;           /* size of q: large scores */
    bool refused;
} row;

/* Short sequences that are no multiple of any tile, at one head_dim. */
#define LENGTHS(when, dq, dv) \
    { when, HALF,   1, 147, dq, dv, 1, 2, 2, BOTH, LSE,   BSHD, 1, false }, \
    { when, HALF,   1,   1, dq, dv, 1, 2, 2, BOTH, LSE,   GAPS, 1, false }, \
    { when, HALF,  64,   1, dq, dv, 1, 2, 2, BOTH, LSE,   GAPS, 1, false }, \
    { when, HALF, 113, 211, dq, dv, 1, 2, 2, BOTH, LSE,   BSHD, 1, false }, \
    { when, HALF, 108, 256, dq, dv, 1, 2, 2, BOTH, LSE,   BHSD, 1, false }, \
    { when, HALF, 128, 217, dq, dv, 1, 2, 2, BOTH, LSE,   SBHD, 1, false }, \
    { when, HALF, 217, 128, dq, dv, 1, 2, 2, BOTH, LSE,   GAPS, 1, false }, \
    { when, HALF,  65,   0, dq, dv, 1, 2, 2, BOTH, LSE,   BSHD, 1, false }

#define LONGER(dq, dv) \
    { ALL, HALF,  256,  512, dq, dv, 1, 1, 1, BOTH, EITHER, BSHD, 1, false }, \
    { ALL, HALF,  512,  256, dq, dv, 1, 1, 1, BOTH, EITHER, BSHD, 1, false }, \
    { ALL, HALF, 1024, 1024, dq, dv, 1, 1, 1, BOTH, PLAIN,  BSHD, 1, false }, \
    { ALL, HALF, 1023, 1024, dq, dv, 1, 1, 1, BOTH, PLAIN,  GAPS, 1, false }, \
    { ALL, HALF, 1024, 1023, dq, dv, 1, 1, 1, BOTH, PLAIN,  GAPS, 1, false }

#define GROUPS(dq, dv) \
    { ALL, HALF, 113, 203, dq, dv, 2,  4, 1, BOTH, EITHER, BSHD, 1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 1,  8, 2, BOTH, EITHER, GAPS, 1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 1,  8, 1, BOTH, EITHER, BSHD, 1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 1, 16, 1, BOTH, EITHER, BHSD, 1, false }

#define LAYOUTS(dq, dv) \
    { ALL, HALF, 113, 203, dq, dv, 3, 2, 2, BOTH, EITHER, BSHD,   1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 3, 2, 2, BOTH, EITHER, BHSD,   1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 3, 2, 2, BOTH, EITHER, SBHD,   1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 3, 2, 2, BOTH, EITHER, GAPS,   1, false }, \
    { ALL, HALF, 113, 203, dq, dv, 3, 2, 2, BOTH, EITHER, GAPS,  12, false }

#define EVERYTHING(dq, dv) LENGTHS(ALL, dq, dv), LONGER(dq, dv), GROUPS(dq, dv), LAYOUTS(dq, dv)

static const row rows[] = {
/*    when  dtypes seqlens   hdqk  hdv  b  h kv  mask  lse     layout gain refused */
    /* Each head_dim: those that templates exist for, and those padded inside the kernel. */
    { FAST, HALF, 113, 203,   32,  32, 1, 2, 2, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, HALF, 113, 203,   40,  40, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, HALF, 113, 203,   64,  64, 1, 2, 2, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, HALF, 113, 203,   96,  96, 1, 2, 2, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, HALF, 113, 203,  128, 128, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, HALF, 113, 203,  160, 160, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, HALF, 113, 203,  192, 192, 1, 2, 2, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, HALF, 113, 203,  224, 224, 1, 2, 2, BOTH, PLAIN,  BHSD,   1, false },
    { FAST, HALF, 113, 203,  256, 256, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, HALF, 113, 203,  192, 128, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, BF16,  70,  70,    8,   8, 1, 1, 1, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, FP16,  70,  70,   64, 256, 1, 1, 1, BOTH, PLAIN,  GAPS,   1, false },

    /* Lengths, with the LSE. */
    LENGTHS(FAST, 64, 64),
    { FAST, BF16, 256, 512,  128, 128, 1, 1, 1, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, BF16, 512, 256,  128, 128, 1, 1, 1, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, BF16, 1023, 1024, 64,  64, 1, 1, 1, CAUSAL, PLAIN, BSHD,  1, false },

    /* Groups of heads. */
    { FAST, HALF, 113, 203,  128, 128, 1, 8, 1, BOTH, EITHER, BSHD,   1, false },
    { FAST, HALF,  97, 160,   64,  64, 2, 16, 2, BOTH, LSE,   GAPS,   1, false },

    /* Layouts, batches, scores far beyond what exp2 can represent without the maximum taken off. */
    { FAST, HALF,  97, 160,   64,  64, 3, 2, 2, BOTH, LSE,    GAPS,  12, false },
    { FAST, HALF, 160, 160,   64,  64, 2, 2, 2, BOTH, PLAIN,  PACKED, 1, false },
    { FAST, HALF,  97, 160,   64,  64, 3, 2, 2, BOTH, PLAIN,  SBHD,   1, false },

    /* The portable path. */
    { FAST, FP32,  33,  70,   32,  32, 1, 2, 2, BOTH, PLAIN,  BSHD,   1, false },
    { FAST, FP32,  70,  33,   64,  64, 2, 2, 1, BOTH, LSE,    GAPS,   1, false },
    { FAST, FP32,  65,   0,   64,  64, 1, 2, 1, BOTH, LSE,    BSHD,   1, false },
    { FAST, FP32,  33, 130,  128, 128, 1, 8, 1, BOTH, PLAIN,  BHSD,   1, false },
    { FAST, FP32,  17,  40,  192, 128, 1, 1, 1, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, FP32,  17,  40,  256, 256, 1, 1, 1, BOTH, PLAIN,  GAPS,   1, false },
    { FAST, FP32,  17,  40,   40,  40, 1, 1, 1, BOTH, PLAIN,  GAPS,  12, false },
    { ALL,  FP32, 113, 203,   64,  64, 2, 4, 2, BOTH, EITHER, GAPS,   1, false },
    { ALL,  FP32, 256, 512,   96,  96, 1, 2, 2, BOTH, EITHER, BSHD,   1, false },
    { ALL,  FP32, 113, 203,  160, 160, 1, 2, 2, BOTH, EITHER, GAPS,   1, false },
    { ALL,  FP32, 113, 203,  224, 224, 1, 2, 2, BOTH, EITHER, GAPS,   1, false },

    /* head_dims that are refused, with strides that would do. */
    { FAST, HALF, 113, 203,   59,  59, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, true },
    { FAST, HALF, 113, 203,  111, 111, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, true },
    { FAST, HALF, 113, 203,  264, 264, 1, 2, 2, BOTH, PLAIN,  GAPS,   1, true },

    /* The whole product. */
    EVERYTHING(32, 32), EVERYTHING(40, 40), EVERYTHING(64, 64), EVERYTHING(96, 96),
    EVERYTHING(128, 128), EVERYTHING(160, 160), EVERYTHING(192, 192), EVERYTHING(224, 224),
    EVERYTHING(256, 256), EVERYTHING(192, 128),
    { ALL,  HALF, 2048, 2048, 64,  64, 1, 1, 1, BOTH, PLAIN,  BSHD,   1, false },
    { ALL,  HALF, 2048, 2048, 128, 128, 1, 1, 1, BOTH, PLAIN, BSHD,   1, false },
};

enum { NUM_ROWS = sizeof rows / sizeof *rows, MAX_PER_ROW = 3 * 3 * 2 * 2 };

/* Operations and variants: each by itself, in both masks, and together. */
typedef struct variant_row {
    int when, dtypes, masks;
    trial_spec spec;
} variant_row;

#define SHAPE(b, h, kv, rows, keys, dim)                                                           \
    .batch = b, .heads = h, .heads_kv = kv, .seqlen_q = rows, .seqlen_k = keys, .hdqk = dim, .hdv = dim
#define SMALL SHAPE(1, 2, 1, 150, 203, 64)
#define RAGGED SHAPE(5, 2, 1, 150, 203, 64)
#define LEFT_RIGHT(l, r) .use_window = true, .window_left = l, .window_right = r
#define APPENDED(b, h, kv, rows, keys, dim, count)                                                 \
    SHAPE(b, h, kv, rows, keys, dim), .operation = TRIAL_KVCACHE, .seqlen_new = count
#define ROTARY(style, count) .rotary = TRIAL_##style, .rotary_dim = count
#define EVERY_SCORE .softcap = 3, .alibi = true, .sink = true, .bias = true, LEFT_RIGHT(70, 20)

/* Decode: every block size and grouping of heads. */
#define DECODE_HEADS(seqs, context, size, h, kv)                                                   \
    { ALL, HALF, CAUSAL, { SHAPE(seqs, h, kv, 1, context, 128), .operation = TRIAL_KVCACHE,        \
                           .block_size = size, .lse = true, .room = 8 } },                         \
    { ALL, HALF, CAUSAL, { SHAPE(seqs, h, kv, 2, context, 128), .operation = TRIAL_KVCACHE,        \
                           .block_size = size, .room = 3, .num_splits = 3 } }
#define DECODE_SIZES(seqs, context, h, kv)                                                         \
    DECODE_HEADS(seqs, context, 16, h, kv), DECODE_HEADS(seqs, context, 32, h, kv),                \
    DECODE_HEADS(seqs, context, 64, h, kv), DECODE_HEADS(seqs, context, 128, h, kv)
#define DECODE(seqs, context)                                                                      \
    DECODE_SIZES(seqs, context, 8, 1), DECODE_SIZES(seqs, context, 4, 2),                          \
    DECODE_SIZES(seqs, context, 32, 4)

/* Few rows, one variant at a time and all of them; splits without keys; fp8 on archs that have it. */
#define FEW(b, h, kv, rows, keys, dim) SHAPE(b, h, kv, rows, keys, dim), .operation = TRIAL_KVCACHE
#define SPLITS(n) .room = n, .num_splits = n
#define FEW_ROWS(when, dim)                                                                        \
    { when, BF16, BOTH, { FEW(3, 8, 1, 3, 400, dim), .block_size = 16, LEFT_RIGHT(70, -1),         \
                          SPLITS(2), .lse = true } },                                              \
    { when, FP16, FULL, { FEW(3, 4, 2, 5, 300, dim), LEFT_RIGHT(33, 9), SPLITS(3),                 \
                          .layout = TRIAL_GAPS } },                                                \
    { when, FP16, CAUSAL, { FEW(3, 16, 1, 2, 300, dim), .block_size = 48, .softcap = 4,            \
                            .lse = true } },                                                       \
    { when, BF16, CAUSAL, { FEW(3, 5, 1, 1, 300, dim), .block_size = 32, .alibi = true,            \
                            SPLITS(2), .rows_first = true } },                                     \
    { when, FP16, BOTH, { FEW(4, 4, 2, 3, 200, dim), .block_size = 16, .sink = true, SPLITS(5),    \
                          .lse = true } },                                                         \
    { when, BF16, CAUSAL, { FEW(3, 4, 1, 5, 200, dim), .block_size = 16, .bias = true,             \
                            .truncate = true, SPLITS(2), .lse = true } },                          \
    { when, BF16, FULL, { SHAPE(2, 8, 2, 2, 333, dim), EVERY_SCORE, SPLITS(2), .lse = true,        \
                          .layout = TRIAL_GAPS } },                                                \
    { when, HALF, FULL, { FEW(3, 8, 1, 4, 300, dim), .block_size = 64, EVERY_SCORE, SPLITS(2),     \
                          .lse = true } },                                                         \
    { when, HALF, CAUSAL, { FEW(3, 8, 1, 2, 600, dim), .block_size = 16, .fp8 = true, SPLITS(2),   \
                            .lse = true } },                                                       \
    { when, BF16, FULL, { FEW(3, 8, 2, 8, 300, dim), .block_size = 32, .fp8 = true,                \
                          .head_scales = true, EVERY_SCORE, .layout = TRIAL_GAPS } }

/* Each operation at one head_dim. */
#define OPERATIONS(dim)                                                                            \
    { ALL, HALF, BOTH, { SHAPE(1, 4, 2, 150, 203, dim), LEFT_RIGHT(40, 17), .lse = true } },       \
    { ALL, HALF, BOTH, { SHAPE(2, 4, 2, 113, 211, dim), EVERY_SCORE, .layout = TRIAL_GAPS } },     \
    { ALL, HALF, BOTH, { SHAPE(7, 4, 2, 150, 203, dim), .operation = TRIAL_CU, .lse = true } },    \
    { ALL, HALF, BOTH, { SHAPE(7, 4, 1, 257, 300, dim), .operation = TRIAL_PACKED } },             \
    { ALL, HALF, BOTH, { SHAPE(7, 4, 1, 150, 203, dim), .operation = TRIAL_PADDED,                 \
                         .layout = TRIAL_BHSD } },                                                 \
    { ALL, HALF, BOTH, { SHAPE(7, 4, 2, 150, 203, dim), .operation = TRIAL_CU, .block_size = 16,   \
                         EVERY_SCORE, .lse = true } },                                             \
    { ALL, HALF, BOTH, { SHAPE(3, 8, 1, 16, 600, dim), .operation = TRIAL_KVCACHE,                 \
                         .block_size = 80, .rows_first = true, .layout = TRIAL_GAPS } },           \
    { ALL, HALF, BOTH, { SHAPE(3, 8, 1, 16, 300, dim), .operation = TRIAL_KVCACHE, .fp8 = true,    \
                         .block_size = 64, .head_scales = true, .lse = true } },                   \
    { ALL, HALF, CAUSAL, { SHAPE(3, 8, 2, 150, 300, dim), .operation = TRIAL_KVCACHE,              \
                           .block_size = 1024, LEFT_RIGHT(100, -1), .cache = TRIAL_PAIR } }

/* Appending at one head_dim: a prompt, a few tokens, one token into fp8. */
#define APPENDS(dim)                                                                               \
    { ALL, HALF, BOTH, { APPENDED(5, 8, 2, 40, 300, dim, 40), .block_size = 16, .lse = true,       \
                         ROTARY(HALF, 16) } },                                                     \
    { ALL, HALF, CAUSAL, { APPENDED(5, 8, 1, 2, 300, dim, 3), .block_size = 80, .rows_first = true, \
                           ROTARY(INTERLEAVED, 32), EVERY_SCORE, .layout = TRIAL_GAPS } },         \
    { ALL, HALF, CAUSAL, { APPENDED(5, 8, 2, 1, 300, dim, 1), .block_size = 64, .fp8 = true,       \
                           .head_scales = true, ROTARY(HALF, 32) } },                              \
    { ALL, FP32, BOTH, { APPENDED(5, 2, 1, 7, 90, dim, 30), .block_size = 32, ROTARY(HALF, 32) } }

/* Ragged batches whose long sequences are split, by the library's choice and by a number. */
#define LONG_ONES(when, dtypes, dim, h, kv)                                                           \
    { when, dtypes, BOTH, { SHAPE(6, h, kv, 40, 700, dim), .operation = TRIAL_CU, .lse = true,     \
                            .room = 4, .block_size = 32 } },                                      \
    { when, dtypes, BOTH, { SHAPE(6, h, kv, 40, 700, dim), .operation = TRIAL_PACKED, .room = 5,   \
                            .num_splits = 5, EVERY_SCORE } }

static const variant_row variant_rows[] = {
    LONG_ONES(FAST, BF16, 64, 8, 1), LONG_ONES(ALL, HALF, 128, 10, 2), LONG_ONES(ALL, HALF, 192, 4, 1),
    LONG_ONES(ALL, HALF, 256, 8, 2), LONG_ONES(ALL, HALF, 40, 3, 3),
    { FAST, BF16, BOTH, { SMALL, LEFT_RIGHT(40, -1), .lse = true } },
    { FAST, FP16, FULL, { SMALL, LEFT_RIGHT(-1, 17), .lse = true, .layout = TRIAL_GAPS } },
    { FAST, BF16, FULL, { SMALL, LEFT_RIGHT(3, 0), .layout = TRIAL_GAPS } },
    { FAST, BF16, FULL, { SHAPE(1, 1, 1, 203, 90, 64), LEFT_RIGHT(20, 30), .lse = true } },
    { FAST, BF16, FULL, { SHAPE(1, 1, 1, 300, 500, 128), LEFT_RIGHT(64, 64), .layout = TRIAL_GAPS } },
    { FAST, FP16, BOTH, { SMALL, .softcap = 5, .lse = true } },
    { FAST, BF16, BOTH, { SHAPE(2, 4, 2, 150, 203, 64), .alibi = true, .lse = true } },
    { FAST, FP16, FULL, { SHAPE(2, 2, 1, 90, 70, 64), .sink = true, .lse = true } },
    { FAST, BF16, CAUSAL, { SHAPE(2, 2, 1, 90, 70, 64), .bias = true, .lse = true } },
    { FAST, BF16, FULL, { SMALL, .truncate = true, .lse = true } },
    { FAST, HALF, BOTH, { SMALL, EVERY_SCORE, .truncate = true, .lse = true, .layout = TRIAL_GAPS } },
    { FAST, FP32, BOTH, { SHAPE(2, 2, 1, 40, 70, 32), EVERY_SCORE, .lse = true, .layout = TRIAL_GAPS } },

    { FAST, BF16, BOTH, { RAGGED, .operation = TRIAL_CU, .lse = true } },
    { FAST, FP16, CAUSAL, { RAGGED, .operation = TRIAL_PACKED, .lse = true, .layout = TRIAL_GAPS } },
    { FAST, BF16, BOTH, { RAGGED, .operation = TRIAL_PADDED, .lse = true, .layout = TRIAL_GAPS } },
    { FAST, BF16, CAUSAL, { SHAPE(70, 1, 1, 40, 60, 64), .operation = TRIAL_CU, .lse = true } },
    { FAST, FP16, CAUSAL, { SHAPE(130, 1, 1, 20, 30, 64), .operation = TRIAL_PACKED, .lse = true } },
    { FAST, FP32, CAUSAL, { SHAPE(5, 2, 1, 40, 70, 32), .operation = TRIAL_CU, EVERY_SCORE } },
    { FAST, BF16, FULL, { RAGGED, .operation = TRIAL_CU, EVERY_SCORE, .lse = true } },

    /* Expressions of the caller's (tools/mods.c), block masks, and both with everything else. */
    { FAST, HALF, BOTH, { SHAPE(2, 4, 2, 150, 203, 64), .score_mod = 1, .lse = true } },
    { FAST, BF16, FULL, { SHAPE(2, 4, 1, 97, 160, 128), .score_mod = 2, .lse = true } },
    { FAST, BF16, BOTH, { SHAPE(2, 4, 2, 150, 203, 64), .mask_mod = 1, .lse = true } },
    { FAST, FP16, FULL, { SHAPE(2, 2, 1, 150, 203, 64), .mask_mod = 3, .lse = true,
                          .layout = TRIAL_GAPS } },
    { FAST, BF16, BOTH, { SHAPE(2, 4, 2, 300, 700, 64), .block_mask = 128, .lse = true } },
    { FAST, HALF, FULL, { SHAPE(2, 2, 1, 300, 700, 128), .block_mask = 128, .mask_mod = 2,
                          .lse = true, .layout = TRIAL_GAPS } },
    { FAST, BF16, FULL, { SHAPE(2, 2, 1, 300, 700, 256), .block_mask = 256, .mask_mod = 1,
                          .score_mod = 3, LEFT_RIGHT(200, 90), .lse = true } },
    { FAST, BF16, CAUSAL, { SHAPE(5, 2, 1, 300, 500, 64), .operation = TRIAL_CU, .block_mask = 128,
                            .mask_mod = 1, .score_mod = 3, LEFT_RIGHT(130, -1), .lse = true } },
    { FAST, FP16, FULL, { SHAPE(5, 4, 2, 150, 500, 64), .operation = TRIAL_PADDED, EVERY_SCORE,
                          .mask_mod = 2, .score_mod = 4, .block_mask = 128, .lse = true } },
    { FAST, BF16, BOTH, { SHAPE(3, 4, 2, 150, 500, 128), .operation = TRIAL_KVCACHE,
                          .block_size = 16, .mask_mod = 1, .score_mod = 2, .block_mask = 128,
                          .lse = true } },
    { FAST, BF16, CAUSAL, { SHAPE(3, 4, 2, 3, 500, 64), .operation = TRIAL_KVCACHE, .block_size = 48,
                            LEFT_RIGHT(300, -1), .mask_mod = 2, .score_mod = 3, .block_mask = 128 } },
    { FAST, HALF, BOTH, { SHAPE(3, 8, 2, 3, 500, 128), .operation = TRIAL_KVCACHE, .block_size = 16,
                          .score_mod = 3, .mask_mod = 1, .lse = true, .room = 4 } },
    { FAST, BF16, CAUSAL, { SHAPE(3, 8, 1, 4, 300, 64), .operation = TRIAL_KVCACHE, .mask_mod = 2,
                            LEFT_RIGHT(100, -1), .lse = true } },
    { FAST, FP16, FULL, { SHAPE(3, 4, 1, 1, 300, 128), .operation = TRIAL_KVCACHE, .mask_mod = 3,
                          .score_mod = 4, EVERY_SCORE, .lse = true } },
    { FAST, BF16, FULL, { SHAPE(1, 4, 2, 100, 160, 64), .score_mod = 5, .lse = true } },
    { FAST, BF16, CAUSAL, { SHAPE(2, 4, 2, 3, 160, 64), .operation = TRIAL_KVCACHE, .score_mod = 5,
                            .lse = true, .room = 3 } },
    { FAST, FP32, FULL, { SHAPE(1, 2, 2, 33, 70, 64), .score_mod = 5, .sink = true, .lse = true } },
    { FAST, FP32, BOTH, { SHAPE(2, 4, 2, 70, 130, 64), .score_mod = 1, .mask_mod = 1, .lse = true } },
    { FAST, FP32, FULL, { SHAPE(2, 2, 1, 140, 400, 32), EVERY_SCORE, .score_mod = 3, .mask_mod = 2,
                          .block_mask = 128, .lse = true, .layout = TRIAL_GAPS } },
    { FAST, FP32, CAUSAL, { SHAPE(3, 2, 1, 140, 400, 32), .operation = TRIAL_PACKED, .mask_mod = 3,
                            .block_mask = 128, LEFT_RIGHT(150, -1) } },
    { FAST, BF16, FULL, { SHAPE(1, 1, 1, 40, 17000, 32), .block_mask = 128, .mask_mod = 1,
                          .lse = true } },

    { FAST, BF16, CAUSAL, { SHAPE(3, 4, 2, 5, 203, 64), .operation = TRIAL_KVCACHE, .block_size = 16 } },
    { FAST, FP16, BOTH, { SHAPE(3, 4, 2, 1, 203, 128), .operation = TRIAL_KVCACHE, .block_size = 64,
                          .rows_first = true, .layout = TRIAL_GAPS, .lse = true } },
    { FAST, BF16, CAUSAL, { SHAPE(2, 2, 1, 150, 300, 64), .operation = TRIAL_KVCACHE, .block_size = 48,
                            .cache = TRIAL_PAIR, .full_lengths = true, .layout = TRIAL_BHSD } },
    { FAST, BF16, CAUSAL, { SHAPE(2, 2, 1, 3, 100, 64), .operation = TRIAL_KVCACHE, .block_size = 16,
                            .cache = TRIAL_SHARED } },
    { FAST, BF16, CAUSAL, { SHAPE(3, 2, 1, 9, 100, 64), .operation = TRIAL_KVCACHE } },
    { FAST, FP16, BOTH, { SHAPE(3, 2, 2, 9, 203, 64), .operation = TRIAL_KVCACHE, .block_size = 32,
                          EVERY_SCORE, .lse = true } },
    { FAST, FP32, FULL, { SHAPE(3, 2, 1, 9, 100, 32), .operation = TRIAL_KVCACHE, .block_size = 16,
                          EVERY_SCORE } },
    { FAST, HALF, CAUSAL, { SHAPE(3, 4, 2, 5, 203, 64), .operation = TRIAL_KVCACHE, .block_size = 16,
                            .fp8 = true, .lse = true } },
    { FAST, BF16, FULL, { SHAPE(3, 4, 2, 5, 203, 40), .operation = TRIAL_KVCACHE, .fp8 = true,
                          .head_scales = true, .layout = TRIAL_GAPS } },
    /* Appended keys: across blocks, as many as queries, fewer and more; both rotations. */
    { FAST, BF16, CAUSAL, { APPENDED(5, 4, 2, 3, 203, 64, 3), .block_size = 16, ROTARY(HALF, 64),
                            .lse = true } },
    { FAST, FP16, BOTH, { APPENDED(6, 4, 2, 40, 150, 96, 37), .block_size = 32, .rows_first = true,
                          ROTARY(INTERLEAVED, 32), .layout = TRIAL_GAPS } },
    { FAST, BF16, FULL, { APPENDED(5, 2, 1, 60, 100, 64, 90), .cache = TRIAL_PAIR, .block_size = 48,
                          .layout = TRIAL_BHSD } },
    { FAST, FP16, CAUSAL, { APPENDED(5, 2, 1, 20, 80, 128, 9), ROTARY(HALF, 48), EVERY_SCORE } },
    { FAST, BF16, BOTH, { APPENDED(5, 2, 1, 1, 80, 72, 4), .cache = TRIAL_SHARED, .block_size = 16,
                          ROTARY(INTERLEAVED, 64) } },
    { FAST, HALF, CAUSAL, { APPENDED(5, 4, 2, 5, 120, 64, 6), .block_size = 16, .fp8 = true,
                            .head_scales = true, ROTARY(HALF, 32), .layout = TRIAL_GAPS } },
    { FAST, FP32, BOTH, { APPENDED(5, 2, 1, 9, 70, 40, 11), .block_size = 16, ROTARY(HALF, 32) } },
    { FAST, FP32, FULL, { APPENDED(5, 2, 1, 9, 70, 32, 11), ROTARY(INTERLEAVED, 32),
                          LEFT_RIGHT(20, -1) } },
    { FAST, BF16, CAUSAL, { RAGGED, .operation = TRIAL_CU, .block_size = 16, .lse = true } },
    { FAST, FP16, FULL, { RAGGED, .operation = TRIAL_PACKED, .block_size = 128, EVERY_SCORE } },
    { FAST, BF16, BOTH, { RAGGED, .operation = TRIAL_PADDED, .block_size = 32, .fp8 = true,
                          .head_scales = true, EVERY_SCORE, .layout = TRIAL_GAPS } },

    FEW_ROWS(FAST, 64), FEW_ROWS(ALL, 32), FEW_ROWS(ALL, 40), FEW_ROWS(ALL, 96), FEW_ROWS(ALL, 128),
    FEW_ROWS(ALL, 160), FEW_ROWS(ALL, 192), FEW_ROWS(ALL, 224), FEW_ROWS(ALL, 256),
    OPERATIONS(32), OPERATIONS(40), OPERATIONS(64), OPERATIONS(96), OPERATIONS(128),
    OPERATIONS(160), OPERATIONS(192), OPERATIONS(224), OPERATIONS(256),
    APPENDS(32), APPENDS(40), APPENDS(64), APPENDS(96), APPENDS(128), APPENDS(160), APPENDS(192),
    APPENDS(224), APPENDS(256),
    DECODE(1, 1), DECODE(1, 26), DECODE(3, 128), DECODE(31, 26), DECODE(31, 128), DECODE(128, 26),
    DECODE_SIZES(3, 4097, 8, 1), DECODE_SIZES(3, 4097, 4, 2), DECODE_SIZES(1, 4097, 32, 4),
    { ALL, FP32, BOTH, { SHAPE(5, 4, 2, 113, 203, 96), .operation = TRIAL_CU, .lse = true } },
    { ALL, FP32, BOTH, { SHAPE(5, 4, 2, 30, 203, 256), .operation = TRIAL_PACKED, EVERY_SCORE } },
    { ALL, FP32, BOTH, { SHAPE(3, 4, 2, 5, 203, 128), .operation = TRIAL_KVCACHE, .block_size = 64,
                         .rows_first = true } },
    { ALL, FP32, BOTH, { SHAPE(3, 4, 2, 50, 203, 64), .operation = TRIAL_PADDED, .layout = TRIAL_GAPS } },
};

enum { NUM_VARIANT_ROWS = sizeof variant_rows / sizeof *variant_rows };

static const char *const archs[] = { "gfx90a", "gfx942", "gfx950" };

enum { NUM_ARCHS = sizeof archs / sizeof *archs };

void sweep_name_case(sweep_case *c)
{
    const trial_spec *s = &c->spec;
    char dims[32], gain[24] = "", seed[32] = "", scale[24] = "", variant[TRIAL_VARIANT_MAX];

    snprintf(dims, sizeof dims, s->hdqk == s->hdv ? "%d" : "%dx%d", s->hdqk, s->hdv);
    if (s->q_gain != 1)
        snprintf(gain, sizeof gain, " gain%g", s->q_gain);
    if (s->scale != 0)
        snprintf(scale, sizeof scale, " scale%g", s->scale);
    if (s->seed != 1)
        snprintf(seed, sizeof seed, " seed%llu", (unsigned long long)s->seed);
    trial_variant_text(s, variant);
    snprintf(c->name, sizeof c->name, "%s %s hd%s b%d h%d/%d q%d k%d %s%s %s%s%s%s%s%s", c->arch,
             num_dtype_name(s->dtype), dims, s->batch, s->heads, s->heads_kv, s->seqlen_q,
             s->seqlen_k, s->causal ? "causal" : "full", s->lse ? " lse" : "",
             trial_layout_name(s->layout), gain, scale, variant, seed, c->refused ? " refused" : "");
}

static sweep_case make_case(const row *r, const char *arch, int dtype, bool causal, bool lse)
{
    sweep_case c = {
        .arch = arch,
        .fast = r->when == FAST,
        .refused = r->refused,
        .spec = {
            .dtype = (num_dtype)dtype,
            .batch = r->batch,
            .heads = r->heads,
            .heads_kv = r->heads_kv,
            .seqlen_q = r->seqlen_q,
            .seqlen_k = r->seqlen_k,
            .hdqk = r->hdqk,
            .hdv = r->hdv,
            .causal = causal,
            .lse = lse,
            .layout = (trial_layout)r->layout,
            .q_gain = r->q_gain,
            .seed = 1,
        },
    };
    sweep_name_case(&c);
    return c;
}

/* Adds a case unless an earlier row has it already. */
static void add(sweep_case *cases, size_t *count, const sweep_case *c)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(cases[i].name, c->name) == 0)
            return;
    cases[(*count)++] = *c;
}

static void expand(const row *r, sweep_case *cases, size_t *count)
{
    for (int arch = 0; arch < NUM_ARCHS; arch++)
        for (int dtype = NUM_FP16; dtype <= NUM_FP32; dtype++)
            for (int causal = 0; causal <= 1; causal++)
                for (int lse = 0; lse <= 1; lse++)
                    if (r->dtypes & 1 << dtype && r->masks & 1 << causal && r->lses & 1 << lse) {
                        const sweep_case c = make_case(r, archs[arch], dtype, causal, lse);
                        add(cases, count, &c);
                    }
}

static void expand_variant(const variant_row *r, sweep_case *cases, size_t *count)
{
    for (int arch = 0; arch < NUM_ARCHS; arch++)
        for (int dtype = NUM_FP16; dtype <= NUM_FP32; dtype++)
            for (int causal = 0; causal <= 1; causal++) {
                sweep_case c = { .arch = archs[arch], .fast = r->when == FAST, .spec = r->spec };
                if (!(r->dtypes & 1 << dtype) || !(r->masks & 1 << causal))
                    continue;
                if (r->spec.fp8 && strcmp(c.arch, "gfx90a") == 0)
                    continue;
                c.spec.dtype = (num_dtype)dtype;
                c.spec.causal = causal;
                c.spec.q_gain = 1;
                c.spec.seed = 1;
                sweep_name_case(&c);
                add(cases, count, &c);
            }
}

size_t sweep_cases(bool fast_only, sweep_case **out)
{
    size_t count = 0;

    *out = calloc((size_t)(NUM_ROWS + NUM_VARIANT_ROWS) * MAX_PER_ROW, sizeof **out);
    for (int i = 0; *out && i < NUM_ROWS; i++)
        if (!fast_only || rows[i].when == FAST)
            expand(&rows[i], *out, &count);
    for (int i = 0; *out && i < NUM_VARIANT_ROWS; i++)
        if (!fast_only || variant_rows[i].when == FAST)
            expand_variant(&variant_rows[i], *out, &count);
    return count;
}
