#include "runtime/split_fwd.h"

#include <inttypes.h>

#include "runtime/error.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

/* LEAST_KEYS: as in templates/splits.h. A row's room in the documented rule is ROW_EXTRA floats more than
 * its elements: its log-sum-exp and its share of the list. */
enum {
    SOME_SPLITS = 2,
    LEAST_KEYS = 256,
    LIST_HEAD = 4,
    LIST_ENTRY = 4,
    ROW_EXTRA = 8,
    MOST_PLACES = 1 << 30 /* the kernel counts them in 32 bits */
};

static bool is_packed(const gen_config *c)
{
    return gen_seqlens_packed(c->seqlens_q);
}

static int group_of(const gen_config *c)
{
    return c->pack ? c->gqa : 1;
}

/* Tiles of rows that a batch entry has, or all sequences together have at most (the grid rule of
 * gen_kernel): packed ones take tiles of their own, each at most one more than its share of the rows. */
static uint64_t row_tiles(const gen_config *c, int tile_q, const gen_fmha_fwd_args *a)
{
    uint64_t tile = (unsigned)tile_q, group = (unsigned)group_of(c);
    if (is_packed(c))
        return (unsigned)a->total_q * group / tile + (unsigned)a->batch;
    return ((unsigned)a->seqlen_q * group + tile - 1) / tile;
}

uint64_t rt_fwd_workgroups(const gen_config *c, int tile_q, const gen_fmha_fwd_args *a,
                           uint64_t *slices)
{
    uint64_t heads = (unsigned)(a->num_heads / group_of(c));
    bool listed = c->splits || is_packed(c);
    *slices = listed ? heads : heads * (unsigned)a->batch;
    return c->splits ? (unsigned)a->split_places : row_tiles(c, tile_q, a);
}

static int64_t count_tokens(const gen_config *c, const gen_fmha_fwd_args *a)
{
    return is_packed(c) ? a->total_q : (int64_t)a->batch * a->seqlen_q;
}

/* A token that was split has two places or more. */
uint64_t rt_fwd_merge_rows(const gen_config *c, const gen_fmha_fwd_args *a)
{
    int64_t tokens = count_tokens(c, a), most = a->split_room / 2;
    return (uint64_t)(tokens < most ? tokens : most) * (unsigned)a->num_heads;
}

/* The list, the outputs, their log-sum-exps. An even number of places keeps outputs aligned. */
static void lay_out(const gen_config *c, gen_fmha_fwd_args *a, int64_t workspace)
{
    float *memory = a->partial;
    int64_t heads = a->num_heads, place = heads * (c->hdv + 1) + LIST_ENTRY / 2;
    int64_t room = workspace > LIST_HEAD && heads > 0 ? (workspace - LIST_HEAD) / place & ~1 : 0;
    room = room < MOST_PLACES ? room : MOST_PLACES;
    a->split_room = (int)room;
    a->split_list = (int *)memory;
    if (!memory)
        return;
    a->partial = memory + LIST_HEAD + room / 2 * LIST_ENTRY;
    a->partial_lse = a->partial + room * heads * c->hdv;
}

static aiter_status check_room(const gen_config *c, const gen_fmha_fwd_args *a, int num_splits)
{
    int64_t tokens = count_tokens(c, a), rows = tokens * a->num_heads;
    if (num_splits * tokens <= a->split_room)
        return AITER_OK;
    return rt_fail(INVALID,
                   "workspace has room for %" PRId64 " splits: expected %" PRId64
                   " elements, num_splits %d * (query tokens * heads) %" PRId64
                   " * (head_dim_v + %d) %d",
                   a->split_room / tokens, num_splits * rows * (c->hdv + ROW_EXTRA), num_splits,
                   rows, ROW_EXTRA, c->hdv + ROW_EXTRA);
}

/* What is too much is so for the grid, too, which says it. */
static int to_int(int64_t x)
{
    return x < INT32_MAX ? (int)x : INT32_MAX;
}

/* How many workgroups there are, and how long a split may be. A kernel that chooses that itself takes care
 * that the splits find places and room. */
static aiter_status share_out(const gen_config *c, gen_fmha_fwd_args *a, int num_splits)
{
    int tile_q, tile_k, groups_per_cu; /* a workgroup has a wave on each SIMD */
    gen_kernel_tile(c, &tile_q, &tile_k, &groups_per_cu);
    int64_t slices = a->num_heads / group_of(c), tiles = rt_ceil_div(a->seqlen_k, tile_k);
    int64_t places = (int64_t)row_tiles(c, tile_q, a) * (is_packed(c) ? 1 : a->batch);
    int64_t slots = slices > 0 ? rt_ceil_div(c->arch->num_cus * groups_per_cu, slices) : 1;
    a->split_slots = (int)slots;
    if (num_splits > 0) {
        a->split_tiles = tiles > 0 ? (int)rt_ceil_div(tiles, num_splits) : 1;
        a->split_places = to_int(places * num_splits);
        a->num_splits = num_splits;
        return check_room(c, a, num_splits);
    }
    bool possible = a->split_room >= 2 && a->seqlen_k > LEAST_KEYS;
    a->split_tiles = possible ? 0 : INT32_MAX;
    a->split_places = to_int(possible ? places + slots : places);
    a->num_splits = possible ? SOME_SPLITS : 1;
    return AITER_OK;
}

aiter_status rt_split_fwd(rt_problem *p)
{
    gen_config *c = &p->config;
    const int num_splits = p->asked.num_splits;
    const bool matrix = c->dtype != GEN_FP32, room = p->asked.workspace >= 0;
    p->args.num_splits = 1;
    if (!matrix && num_splits != 0)
        return rt_fail(AITER_ERROR_UNSUPPORTED,
                       "num_splits is %d: expected 0 for fp32, whose keys are not split",
                       num_splits);
    c->pack = matrix && (p->asked.pack || room || num_splits > 0);
    c->splits = matrix && (num_splits > 1 || (room && num_splits == 0));
    gen_config_canonicalise(c);
    p->may_split = c->splits;
    if (!c->splits)
        return AITER_OK;
    lay_out(c, &p->args, p->asked.workspace);
    return share_out(c, &p->args, num_splits);
}
