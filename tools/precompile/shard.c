#include "tools/precompile/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

static bool parse_pair(const char *text, shard_spec *out)
{
    const char *slash = strchr(text, '/');
    char index_text[16];
    long index, count;

    if (!slash || (size_t)(slash - text) >= sizeof index_text ||
        !cli_parse_int(slash + 1, 1, SHARDS_MAX, &count))
        return false;
    memcpy(index_text, text, (size_t)(slash - text));
    index_text[slash - text] = '\0';
    if (!cli_parse_int(index_text, 1, count, &index))
        return false;
    *out = (shard_spec){ (int)index, (int)count };
    return true;
}

/* ---- Slurm: the variables of sbatch --array ("Job Array Support" in its documentation) ---- */

static bool slurm_number(const char *name, long *out, char why[SHARD_ERROR_MAX])
{
    enum { ARRAY_ID_MAX = 4000000 }; /* slurm.conf's MaxArraySize is 4000001 at most */
    const char *value = getenv(name);

    if (value && cli_parse_int(value, 0, ARRAY_ID_MAX, out))
        return true;
    snprintf(why, SHARD_ERROR_MAX, "%s is %s%.60s%s: expected a number, as tasks of sbatch --array "
             "have it", name, value ? "'" : "not set", value ? value : "", value ? "'" : "");
    return false;
}

/* Ids run from MIN to MAX in equal steps; a list with gaps has no such order. */
static bool slurm_array(shard_spec *out, char why[SHARD_ERROR_MAX])
{
    long id, min, max, count;

    if (!slurm_number("SLURM_ARRAY_TASK_ID", &id, why) ||
        !slurm_number("SLURM_ARRAY_TASK_MIN", &min, why) ||
        !slurm_number("SLURM_ARRAY_TASK_MAX", &max, why) ||
        !slurm_number("SLURM_ARRAY_TASK_COUNT", &count, why))
        return false;
    const long span = max - min, step = count > 1 ? span / (count - 1) : 1;
    if (count < 1 || count > SHARDS_MAX || id < min || id > max || step < 1 ||
        step * (count - 1) != span || (id - min) % step != 0) {
        snprintf(why, SHARD_ERROR_MAX,
                 "task %ld of an array of %ld from %ld to %ld: expected ids in equal steps, such "
                 "as --array=1-8", id, count, min, max);
        return false;
    }
    *out = (shard_spec){ (int)((id - min) / step) + 1, (int)count };
    return true;
}

bool shard_parse(const char *text, shard_spec *out, char why[SHARD_ERROR_MAX])
{
    if (strcmp(text, "slurm") == 0)
        return slurm_array(out, why);
    if (parse_pair(text, out))
        return true;
    snprintf(why, SHARD_ERROR_MAX,
             "'%.60s': expected I/N with I from 1 to N and N at most %d, or slurm", text,
             SHARDS_MAX);
    return false;
}
