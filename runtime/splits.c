#include "runtime/splits.h"

#include <inttypes.h>

#include "runtime/error.h"
#include "runtime/split_fwd.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

enum { MAX_SPLITS = 64, START_TILES = 2 };

/* ---- Which kernel ---- */

/* Few rows of a KV head, query heads of its group times query tokens: they are packed into one matrix. */
static bool make_decode(gen_config *config, int seqlen_q)
{
    int rows = gen_decode_rows((int64_t)config->gqa * seqlen_q);
    if (rows == 0)
        return false;
    gen_config decode = *config, back;
    char why[GEN_ERROR_MAX];
    decode.op = GEN_FMHA_DECODE;
    decode.rows = rows;
    gen_config_canonicalise(&decode);
    back = decode;
    back.op = config->op;
    back.rows = config->rows;
    if (!gen_config_equal(&back, config) || !gen_config_validate(&decode, why))
        return false; /* a field would be lost, or there is no such decode */
    *config = decode;
    return true;
}

/* ---- How many splits ---- */

/* Workgroups run in rounds of one for each compute unit. A workgroup takes as long as its tiles of
 * keys, and START_TILES more to start and to end: the fewest splits that are done first. */
static int choose(int64_t slices, int64_t tiles, int64_t most, int num_cus)
{
    int64_t best = INT64_MAX;
    int chosen = 1;
    for (int s = 1; s <= most && s <= MAX_SPLITS && s <= tiles; s++) {
        int64_t time = rt_ceil_div(slices * s, num_cus) * (rt_ceil_div(tiles, s) + START_TILES);
        if (time < best) {
            best = time;
            chosen = s;
        }
    }
    return chosen;
}

static int choose_splits(const rt_problem *p, int64_t most)
{
    const gen_fmha_fwd_args *a = &p->args;
    int64_t keys = a->seqlen_k, window = (int64_t)a->window_left + a->seqlen_q;
    int tile_q, tile_k, waves_per_simd;
    if (most <= 1)
        return 1;
    gen_kernel_tile(&p->config, &tile_q, &tile_k, &waves_per_simd);
    if (p->config.window & GEN_WINDOW_LEFT && window < keys)
        keys = window;
    return choose((int64_t)a->batch * (a->num_heads / p->config.gqa),
                  rt_ceil_div(keys, tile_k), most, p->config.arch->num_cus);
}

static aiter_status check_room(int num_splits, int64_t rows, int hdv, int64_t room)
{
    if (rows == 0 || num_splits <= (room > 1 ? room : 1))
        return AITER_OK;
    return rt_fail(INVALID,
                   "workspace has room for %" PRId64 " splits: expected %" PRId64
                   " elements, num_splits %d * (batch * heads * seqlen_q) %" PRId64
                   " * (head_dim_v + 1) %d",
                   room, num_splits * rows * (hdv + 1), num_splits, rows, hdv + 1);
}

aiter_status rt_split(rt_problem *p, bool pack, int num_splits, int64_t workspace)
{
    gen_fmha_fwd_args *a = &p->args;
    p->asked = (rt_split_request){ pack, num_splits, workspace };
    if (num_splits > MAX_SPLITS)
        return rt_fail(INVALID, "num_splits is %d: expected at most %d", num_splits, MAX_SPLITS);
    if (!make_decode(&p->config, a->seqlen_q))
        return rt_split_fwd(p);
    int64_t rows = (int64_t)a->batch * a->num_heads * a->seqlen_q;
    int64_t room = rows > 0 && workspace > 0 ? workspace / (rows * (p->config.hdv + 1)) : 0;
    p->may_split = workspace >= 0 || num_splits > 1;
    a->num_splits = num_splits ? num_splits : choose_splits(p, room);
    a->partial_lse = a->partial ? a->partial + a->num_splits * rows * p->config.hdv : NULL;
    return check_room(a->num_splits, rows, p->config.hdv, room);
}

/* ---- Prepared kernels ---- */

gen_config rt_split_merge(const gen_config *config)
{
    gen_config merge = { .op = GEN_MERGE_SPLITS,
                         .arch = config->arch,
                         .dtype = config->dtype,
                         .hdv = config->hdv,
                         .lse = config->lse,
                         .listed = config->op == GEN_FMHA_FWD };
    gen_config_canonicalise(&merge);
    return merge;
}

/* On the forward kernel, as if that were the only one. */
static bool fit_forward(rt_problem *p, const gen_config *kernel)
{
    rt_problem forward = *p;
    forward.config.op = GEN_FMHA_FWD;
    gen_config_canonicalise(&forward.config);
    if (rt_split_fwd(&forward) != AITER_OK || !gen_config_equal(&forward.config, kernel))
        return false;
    *p = forward;
    return true;
}

void rt_split_fit(rt_problem *p, const gen_config *kernel)
{
    gen_config roomier = p->config;
    if (p->config.op != GEN_FMHA_DECODE || (kernel->op == GEN_FMHA_FWD && fit_forward(p, kernel)))
        return;
    roomier.rows = kernel->rows;
    if (kernel->rows > p->config.rows && gen_config_equal(&roomier, kernel))
        p->config = roomier;
}
