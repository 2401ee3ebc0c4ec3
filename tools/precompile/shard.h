/* Which part of a selection this process compiles: --shard. */
#ifndef AITER_PRECOMPILE_SHARD_H
#define AITER_PRECOMPILE_SHARD_H

#include <stdbool.h>

enum { SHARDS_MAX = 65536, SHARD_ERROR_MAX = 512 };

typedef struct shard_spec {
    int index, count;       /* index from 1 to count */
} shard_spec;

/* "I/N", or "slurm": from a job array's variables. false: why says what is wrong, and what was
 * expected. */
bool shard_parse(const char *text, shard_spec *out, char why[SHARD_ERROR_MAX]);

#endif
