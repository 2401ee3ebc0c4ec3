/* What attention is: the reference that every kernel is measured against.
 *
 * Two computations of the same rounded inputs: `exact` in float64, and `lowp`, the textbook
 * sequence of operations carried out in the kernel's dtype (scale q, scores, softmax, product, each
 * result rounded to the dtype; sums and exponentials in fp32). How far `lowp` is from `exact` says
 * how much error the dtype itself accounts for. */
#ifndef AITER_TOOLS_REFERENCE_H
#define AITER_TOOLS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/numeric.h"

/* Where a score is: what a score_mod or mask_mod is told. */
typedef struct ref_place {
    int b, h, q_idx, kv_idx, q_len, kv_len;
    const void *user;
} ref_place;

typedef struct ref_problem {
    num_dtype dtype;
    int batch, heads, heads_kv;     /* query head h reads KV head h / (heads / heads_kv) */
    int seqlen_q, seqlen_k;         /* either may be 0 */
    int hdqk, hdv;
    bool causal;                    /* query i sees key j if j <= i + seqlen_k - seqlen_q */
    float scale;
    /* Contiguous, already rounded to dtype. */
    const float *q;                 /* (batch, heads, seqlen_q, hdqk) */
    const float *k;                 /* (batch, heads_kv, seqlen_k, hdqk) */
    const float *v;                 /* (batch, heads_kv, seqlen_k, hdv) */

    /* Variants; zero is without. */
    const int *seqlens_q;           /* (batch): rows that batch entry has, NULL: seqlen_q */
    const int *seqlens_k;           /* (batch): keys, NULL: seqlen_k */
    bool use_window;                /* query i sees key j only if it is in ... */
    int window_left, window_right;  /* ... i + offset - left .. i + offset + right; -1: no bound */
    float softcap;                  /* s = softcap tanh(s / softcap) */
    const float *slopes;            /* (batch, heads): s -= slope |i + offset - j| */
    const float *bias;              /* (batch, heads, seqlen_q, seqlen_k), rounded: s += bias */
    const float *sinks;             /* (heads): a key of this score without a value */
    bool truncate;                  /* probabilities are cut to dtype, not rounded */
    double (*score_mod)(const ref_place *place, double score);
    double score_mod_size;          /* the most that it adds or computes with */
    bool (*mask_mod)(const ref_place *place);
    const void *mod_data;
    const unsigned char *block_mask; /* (batch, heads, blocks of rows, blocks of keys): 0 hides, */
    int block_mask_size;            /* 1 asks mask_mod, 2 shows */
} ref_problem;

/* Arrays are owned by the result. A row that sees no key has out 0, lse -inf, bounds 0. The bounds
 * are the most that a kernel can be off by which accumulates in fp32 and rounds the probabilities
 * and the output once to dtype. */
typedef struct ref_result {
    double *out;                    /* (batch, heads, seqlen_q, hdv) */
    double *lse;                    /* (batch, heads, seqlen_q), natural logarithm */
    double *out_bound;              /* like out */
    double *lse_bound;              /* like lse */
    double *lowp_out;
} ref_result;

/* Number of query rows over all heads and batch entries. */
size_t ref_rows(const ref_problem *problem);

/* Lengths of a batch entry. */
int ref_seqlen_q(const ref_problem *problem, int batch);
int ref_seqlen_k(const ref_problem *problem, int batch);

/* The keys that query `row` of a batch entry sees, as far as bounds and lengths go: *first up to *end - 1,
 * none if *first >= *end. */
void ref_visible(const ref_problem *problem, int batch, int row, int *first, int *end);

/* Computes on all online processors. false: out of memory. ref_result_free() in either case. */
bool ref_attention(const ref_problem *problem, ref_result *result);
void ref_result_free(ref_result *result);

typedef struct ref_verdict {
    bool pass;                      /* all of the following hold */
    bool within_tolerance;          /* max_error <= tolerance */
    bool within_bound;              /* every element within its own bound (bound_ratio <= 1) */
    bool lse_ok;                    /* likewise for lse; -inf exactly where no key is visible */
    size_t not_finite;              /* elements of out that are NaN or infinite */
    double max_error;               /* max |out - exact| */
    double tolerance;               /* max(2 max |lowp - exact|, 1e-2 range) */
    double lowp_error;              /* max |lowp - exact|; infinite, and unused, if it overflowed */
    double range;                   /* max |exact| */
    double bound_ratio;             /* max |out - exact| / bound */
    double lse_max_error;
    double lse_bound_ratio;
    int batch, head, row, column;   /* where bound_ratio was found */
    double got, expected;           /* there */
} ref_verdict;

/* Judges a kernel's results, laid out as in ref_result. lse may be NULL. Rows beyond a batch entry's
 * length are not looked at. */
void ref_judge(const ref_problem *problem, const ref_result *result, const float *out,
               const float *lse, ref_verdict *verdict);

#endif
