/* Cases drawn from the whole space of configurations, each a function of its seed. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/acceptance/cases.h"

/* A stream of random numbers. */
typedef struct source {
    uint64_t seed, next;
} source;

/* From 0 to n - 1. */
static int pick(source *s, int n)
{
    const float x = num_random(s->seed, 1000, s->next++); /* bell-shaped: its low digits are not */
    return (int)((int64_t)((double)(x + 4) * 1e7) % n);
}

static bool one_in(source *s, int n)
{
    return pick(s, n) == 0;
}

static int length(source *s)
{
    switch (pick(s, 6)) {
    case 0: return 1 + pick(s, 4);
    case 1: return 32 * (1 + pick(s, 6));
    default: return 1 + pick(s, 260);
    }
}

static void draw_shape(source *s, trial_spec *t)
{
    static const int usual[] = { 32, 64, 96, 128, 192, 256 };

    t->dtype = (num_dtype)(pick(s, 9) / 4); /* fp32 seldom */
    t->batch = 1 + pick(s, 4);
    t->heads_kv = 1 + pick(s, 2);
    t->heads = t->heads_kv << pick(s, 4);
    t->seqlen_q = length(s);
    t->seqlen_k = one_in(s, 12) ? 0 : one_in(s, 4) ? t->seqlen_q : length(s);
    t->hdqk = one_in(s, 3) ? 8 * (1 + pick(s, 32)) : usual[pick(s, 6)];
    t->hdv = one_in(s, 6) ? 8 * (1 + pick(s, 32)) : t->hdqk;
    t->causal = one_in(s, 2);
    t->lse = one_in(s, 2);
    t->q_gain = one_in(s, 6) ? 10 : 1;
    t->scale = one_in(s, 6) ? 0.3f : one_in(s, 8) ? -0.2f : 0;
}

static void draw_operation(source *s, trial_spec *t)
{
    t->operation = (trial_operation)pick(s, TRIAL_NUM_OPERATIONS);
    t->layout = (trial_layout)pick(s, TRIAL_NUM_LAYOUTS);
    if (t->layout == TRIAL_PACKED_QKV &&
        (t->operation != TRIAL_ATTN || t->seqlen_q != t->seqlen_k || t->hdqk != t->hdv))
        t->layout = TRIAL_GAPS;
    t->full_lengths = one_in(s, 4);
    if (t->operation == TRIAL_ATTN || t->seqlen_k == 0)
        return;
    if (!one_in(s, 3))
        t->block_size = one_in(s, 3) ? 16 * (1 + pick(s, 64)) : 16 << pick(s, 4);
    t->rows_first = one_in(s, 2);
    if (t->operation == TRIAL_KVCACHE && one_in(s, 2)) /* decode */
        t->seqlen_q = 1 + pick(s, 4);
    if (t->operation == TRIAL_KVCACHE && t->hdqk == t->hdv)
        t->cache = (trial_cache)pick(s, 3);
    t->fp8 = t->dtype != NUM_FP32 && (t->block_size || t->operation == TRIAL_KVCACHE) && one_in(s, 2);
    t->head_scales = t->fp8 && one_in(s, 2);
}

static void draw_variants(source *s, trial_spec *t)
{
    t->use_window = one_in(s, 3);
    t->window_left = one_in(s, 3) ? -1 : pick(s, 150);
    t->window_right = one_in(s, 3) ? -1 : pick(s, 60);
    t->softcap = one_in(s, 4) ? (float)(1 + pick(s, 40)) * 0.5f : 0;
    t->alibi = one_in(s, 4);
    t->sink = one_in(s, 4);
    t->bias = one_in(s, 4);
    t->truncate = one_in(s, 4);
    t->score_mod = one_in(s, 4) ? pick(s, 6) : 0;
    t->mask_mod = one_in(s, 4) ? pick(s, 4) : 0;
    t->block_mask = one_in(s, 4) ? 128 * (1 + pick(s, 2)) : 0;
}

/* Room for splits, and a number of them where keys can be split. */
static void draw_splits(source *s, trial_spec *t)
{
    if (one_in(s, 3))
        return;
    t->room = 1 + pick(s, 8);
    if (t->layout != TRIAL_PACKED_QKV && one_in(s, 2)) /* enough that the library splits them */
        t->seqlen_k += 200 * (1 + pick(s, 4));
    if (t->dtype != NUM_FP32 && one_in(s, 2))
        t->num_splits = 1 + pick(s, t->room);
}

/* Half of the caches are appended to, often by as many keys as there are queries. */
static void draw_append(source *s, trial_spec *t)
{
    if (t->operation != TRIAL_KVCACHE || t->seqlen_k == 0 || one_in(s, 2))
        return;
    t->seqlen_new = one_in(s, 2) && t->seqlen_q <= t->seqlen_k ? t->seqlen_q
                                                               : 1 + pick(s, t->seqlen_k);
    if (t->hdqk < 16 || one_in(s, 3))
        return;
    t->rotary = one_in(s, 2) ? TRIAL_HALF : TRIAL_INTERLEAVED;
    t->rotary_dim = 16 * (1 + pick(s, t->hdqk / 16));
}

static void draw(uint64_t seed, sweep_case *c)
{
    static const char *const archs[] = { "gfx90a", "gfx942", "gfx950" };
    source s = { seed, 0 };

    *c = (sweep_case){ .arch = archs[pick(&s, 3)], .fast = true, .spec = { .seed = seed } };
    draw_shape(&s, &c->spec);
    draw_operation(&s, &c->spec);
    draw_variants(&s, &c->spec);
    draw_splits(&s, &c->spec);
    draw_append(&s, &c->spec);
    if (c->arch == archs[0])
        c->spec.fp8 = c->spec.head_scales = false;
    sweep_name_case(c);
}

size_t sweep_random_cases(uint64_t seed, size_t count, sweep_case **out)
{
    *out = calloc(count, sizeof **out);
    for (size_t i = 0; *out && i < count; i++)
        draw(seed + i, &(*out)[i]);
    return *out ? count : 0;
}
