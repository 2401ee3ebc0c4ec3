/* One attention problem on a device: inputs made from a seed, memory laid out as asked, arguments
 * for the library, and the judgement of what it wrote. */
#ifndef AITER_TOOLS_TRIAL_H
#define AITER_TOOLS_TRIAL_H

#include <aiter/aiter.h>

#include "tools/device.h"
#include "tools/reference.h"

/* How tensors lie in memory. Every gap is filled with NaN, which a correct kernel never lets into a
 * result. */
typedef enum trial_layout {
    TRIAL_BSHD,       /* contiguous (batch, seqlen, heads, head_dim), nothing behind it */
    TRIAL_BHSD,       /* heads outside: (batch, heads, seqlen, head_dim) */
    TRIAL_SBHD,       /* sequence outermost: (seqlen, batch, heads, head_dim) */
    TRIAL_PACKED_QKV, /* views of one (batch, seqlen, heads + 2 heads_kv, head_dim) */
    TRIAL_GAPS        /* as BSHD, with NaN before the first element, between heads, rows and batch
                       * entries, and in whole rows after each sequence */
} trial_layout;

enum { TRIAL_NUM_LAYOUTS = TRIAL_GAPS + 1 };

/* "bshd", "bhsd", "sbhd", "packed-qkv", "gaps". */
const char *trial_layout_name(trial_layout layout);
/* -1 if `name` is none of them. */
int trial_layout_find(const char *name);

typedef struct trial_spec {
    num_dtype dtype;
    int batch, heads, heads_kv, seqlen_q, seqlen_k, hdqk, hdv;
    bool causal, lse;
    trial_layout layout;
    float scale;            /* 0: 1/sqrt(hdqk) */
    float q_gain;           /* q's values are of this size instead of 1; 0: 1 */
    uint64_t seed;
} trial_spec;

typedef struct trial trial;

/* Makes the inputs, allocates and uploads. false: message in error (a field that cannot be, a HIP
 * error, memory). */
bool trial_create(trial **out, device *d, const trial_spec *spec, char error[DEVICE_ERROR_MAX]);
void trial_destroy(trial *t);

/* Owned by the trial. size, tensors, scale and causal are set. */
const aiter_attn_args *trial_args(const trial *t);

typedef struct trial_verdict {
    bool pass;
    ref_verdict result;
    size_t stray_writes;    /* elements outside out and lse that were changed */
    char stray_where[32];   /* the first tensor that they were found in */
} trial_verdict;

/* Synchronises, reads everything back and judges it. The reference is computed once per trial. */
bool trial_judge(trial *t, trial_verdict *verdict, char error[DEVICE_ERROR_MAX]);

/* One line: what failed and where; "" for a pass. */
void trial_explain(const trial_verdict *verdict, char *text, size_t size);

#endif
