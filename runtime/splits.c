#include "runtime/splits.h"

#include <inttypes.h>
#include <stdbool.h>

#include "runtime/error.h"
#include "runtime/split_fwd.h"

enum { MAX_ROWS = 32, MAX_SPLITS = 64, START_TILES = 2 };

/* Of query heads of a group and query tokens, in blocks of 16; 0: too many. */
static int packed_rows(const gen_config *config, int seqlen_q)
{
    int64_t rows = (int64_t)config->gqa * seqlen_q;
    return rows > MAX_ROWS ? 0 : (int)((rows + 15) / 16 * 16);
}

/* A decode has no variants: one that a field would be lost of is none. */
static bool make_decode(gen_config *config, int seqlen_q)
{
    gen_config decode = *config, back;
    char why[GEN_ERROR_MAX];
    decode.op = GEN_FMHA_DECODE;
    decode.rows = packed_rows(config, seqlen_q);
    gen_config_canonicalise(&decode);
    back = decode;
    back.op = GEN_FMHA_FWD;
    gen_config_canonicalise(&back);
    if (!gen_config_equal(&back, config) || !gen_config_validate(&decode, why))
        return false;
    *config = decode;
    return true;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Workgroups run in rounds of one for each compute unit. A workgroup takes as long as its tiles of
 * keys, and START_TILES more to start and to end: the fewest splits that are done first. */
static int choose(int64_t slices, int64_t tiles, int64_t most, int num_cus)
{
    int64_t best = INT64_MAX;
    int chosen = 1;
    for (int s = 1; s <= most && s <= MAX_SPLITS && s <= tiles; s++) {
        int64_t time = ceil_div(slices * s, num_cus) * (ceil_div(tiles, s) + START_TILES);
        if (time < best) {
            best = time;
            chosen = s;
        }
    }
    return chosen;
}

static aiter_status check_room(int num_splits, int64_t rows, int hdv, int64_t room)
{
    if (num_splits <= (room > 1 ? room : 1))
        return AITER_OK;
    return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                   "workspace has room for %" PRId64 " splits: expected %" PRId64
                   " elements, num_splits %d * (batch * heads * seqlen_q) %" PRId64
                   " * (head_dim_v + 1) %d",
                   room, num_splits * rows * (hdv + 1), num_splits, rows, hdv + 1);
}

aiter_status rt_split(gen_config *config, gen_fmha_fwd_args *args, bool pack, int num_splits,
                      int64_t workspace)
{
    gen_kernel kernel;
    if (num_splits == 0 && workspace < 0)
        return rt_split_fwd(config, args, pack, num_splits, workspace);
    if (num_splits > MAX_SPLITS)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "num_splits is %d: expected at most %d",
                       num_splits, MAX_SPLITS);
    if (!make_decode(config, args->seqlen_q))
        return rt_split_fwd(config, args, pack, num_splits, workspace);
    gen_kernel_describe(config, &kernel);
    int64_t rows = (int64_t)args->batch * args->num_heads * args->seqlen_q;
    int64_t room = rows > 0 && workspace > 0 ? workspace / (rows * (config->hdv + 1)) : 0;
    if (num_splits == 0)
        num_splits = choose((int64_t)args->batch * (args->num_heads / config->gqa),
                            ceil_div(args->seqlen_k, kernel.tile_k), room, config->arch->num_cus);
    args->num_splits = num_splits;
    args->partial_lse = args->partial ? args->partial + num_splits * rows * config->hdv : NULL;
    return check_room(num_splits, rows, config->hdv, room);
}

gen_config rt_split_merge(const gen_config *decode)
{
    gen_config merge = { .op = GEN_MERGE_SPLITS,
                         .arch = decode->arch,
                         .dtype = decode->dtype,
                         .hdv = decode->hdv,
                         .lse = decode->lse,
                         .listed = decode->op == GEN_FMHA_FWD };
    gen_config_canonicalise(&merge);
    return merge;
}
