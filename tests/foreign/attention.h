/* Attention problems for kernels that were written elsewhere: sequences packed one after the other,
 * (token, head, head_dim), which is both a batch without padding and one of equal lengths. Inputs
 * are bf16, fp8 or int8, the result is bf16. */
#ifndef TEST_FOREIGN_ATTENTION_H
#define TEST_FOREIGN_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum element { ELEMENT_BF16, ELEMENT_FP8_FNUZ, ELEMENT_FP8_OCP, ELEMENT_INT8 } element;

enum { MAX_SEQUENCES = 16 };
enum { INT8_UNIT = 32 }; /* an int8 input of size 1, before its descale factor */

typedef struct attention {
    element element_qk; /* of q and k; the result is bf16                        */
    element element;    /* of v, and of the probabilities; not int8              */
    int sequences, heads, heads_kv, hdqk, hdv;
    int seqlen_q[MAX_SEQUENCES], seqlen_k[MAX_SEQUENCES];
    bool causal; /* aligned to the bottom right                           */
    float scale;
    float descale[3]; /* what the numbers of q, k and v are multiplied with    */
    double allowance; /* how often the textbook's error a kernel may have        */
    void *input[3];   /* as the kernel reads them                              */
} attention;

/* Sum of the first `count` lengths. */
int attention_tokens(const int lengths[MAX_SEQUENCES], int count);
int attention_longest(const int lengths[MAX_SEQUENCES], int count);
/* Bytes of q, k, v (0, 1, 2). */
size_t attention_bytes(const attention *a, int which);

/* Makes the inputs, values of size 1 in an order that depends on the seed. false: out of memory. */
bool attention_fill(attention *a, uint64_t seed);
void attention_free(attention *a);

typedef struct verdict {
    bool pass;
    size_t not_finite;
    double max_error; /* against float64 of the rounded inputs */
    double tolerance; /* max(allowance * textbook, 1 % of range) */
    double
        textbook; /* the textbook computation in bf16, or with the probabilities rounded to fp8 */
    double range; /* largest |float64 result|                                                   */
    double lse_error;                /* NaN: no lse was given */
    int sequence, head, row, column; /* the worst element */
} verdict;

/* `out` is (token, head, hdv). `lse` is NULL, (sequence, head, row) or, if `packed_lse`, (head,
 * token). false: out of memory. */
bool attention_judge(const attention *a, const uint16_t *out, const float *lse, bool packed_lse,
                     verdict *v);

#endif
