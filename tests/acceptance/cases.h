/* The cases of the acceptance sweep: a table whose rows stand for the product of the sets that they
 * name. */
#ifndef SWEEP_CASES_H
#define SWEEP_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/trial.h"

enum { CASE_NAME_MAX = 320 };

typedef struct sweep_case {
    const char *arch;
    trial_spec spec;
    bool fast;                  /* run on each commit */
    bool refused;               /* the library must refuse it, naming head_dim */
    char name[CASE_NAME_MAX];   /* "gfx942 bf16 hd192x128 b1 h8/1 q113 k203 causal lse gaps" */
} sweep_case;

/* Every case of the table, or the fast ones alone. Returns their number; *out is the caller's to
 * free(). 0: out of memory. */
size_t sweep_cases(bool fast_only, sweep_case **out);

/* `count` cases of the seeds from `seed` on. */
size_t sweep_random_cases(uint64_t seed, size_t count, sweep_case **out);

/* Makes the name from the rest. */
void sweep_name_case(sweep_case *c);

#endif
