#include "tools/mods.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int document(const ref_place *p, int key)
{
    return ((const int *)p->user)[key];
}

/* The key that the row is aligned with. */
static int diagonal(const ref_place *p)
{
    return p->q_idx + p->kv_len - p->q_len;
}

static double alibi(const ref_place *p, double score)
{
    return score - exp2(-0.5 * (p->h + 1)) * abs(p->kv_idx - diagonal(p));
}

static double cap(const ref_place *p, double score)
{
    (void)p;
    return 3 * tanh(score / 3);
}

static double table(const ref_place *p, double score)
{
    return score * (1 + 0.25 * p->b) + 0.125 * document(p, p->kv_idx);
}

static double last_keys(const ref_place *p, double score)
{
    return p->kv_idx + 5 < p->kv_len - p->b ? -INFINITY : score;
}

/* What float32 has beside -inf hides as well. */
static double lowest(const ref_place *p, double score)
{
    return (p->kv_idx + p->q_idx) % 2 || p->q_idx % 4 == 1 ? -INFINITY : score;
}

static bool same_document(const ref_place *p)
{
    const int at = diagonal(p) < 0 ? 0 : diagonal(p);
    return document(p, p->kv_idx) == document(p, at);
}

static bool stripes(const ref_place *p)
{
    const int k = p->kv_idx + p->h;
    return k % 3 != p->b % 2 || p->q_idx == p->kv_idx;
}

/* Every fourth row sees nothing. */
static bool some_rows(const ref_place *p)
{
    return p->q_idx % 4 != 1 && p->kv_idx % 2 == 0;
}

static const mod scores[] = {
    { .name = "none" },
    { .name = "alibi",
      .text = "score - exp2(-0.5f * (h + 1)) * abs(kv_idx - (q_idx + kv_len - q_len))",
      .score = alibi,
      .size = 1 },
    { .name = "cap", .text = "3 * tanh(score / 3)", .score = cap, .size = 12 },
    { .name = "table",
      .text = "fma(score, 1 + 0.25f * b, 0.125f * ((const int *)user)[kv_idx])",
      .score = table,
      .size = 1,
      .reads = true },
    { .name = "last",
      .text = "kv_idx + 5 < kv_len - b ? -__builtin_inff() : score",
      .score = last_keys },
    { .name = "lowest",
      .text = "(kv_idx + q_idx) % 2 || q_idx % 4 == 1 ? -3.4e38f : score",
      .score = lowest },
};

static const mod masks[] = {
    { .name = "none" },
    { .name = "document",
      .text = "((const int *)user)[kv_idx] == ((const int *)user)[max(q_idx + kv_len - q_len, 0)]",
      .mask = same_document,
      .reads = true },
    { .name = "stripes",
      .text = "[&] {\n"
              "\tint k = kv_idx + h; // two of three keys, and that of the row\n"
              "\treturn k % 3 != b % 2 || q_idx == kv_idx;\n"
              "}()",
      .mask = stripes },
    { .name = "rows", .text = "q_idx % 4 != 1 && kv_idx % 2 == 0 // )", .mask = some_rows },
};

const mod *mod_score(int number)
{
    return number < (int)(sizeof scores / sizeof *scores) ? &scores[number] : NULL;
}

const mod *mod_mask(int number)
{
    return number < (int)(sizeof masks / sizeof *masks) ? &masks[number] : NULL;
}

int mod_find(const mod *(*list)(int number), const char *name)
{
    for (int i = 0; list(i); i++)
        if (strcmp(list(i)->name, name) == 0)
            return i;
    return -1;
}
