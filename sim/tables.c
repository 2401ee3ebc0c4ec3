/* Chooses the tables of the host's best ISA level and finds rows by mnemonic. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sim/program.h"

#define MAX_ROWS 4096

typedef struct isa_level {
    const char *name;
    const sim_op *tables[16];
} isa_level;

#define ROW_base(name) sim_table_##name##_base,
#define ROW_v3(name) sim_table_##name##_v3,
#define ROW_v4(name) sim_table_##name##_v4,

static const isa_level level_base = {"baseline", {SIM_TABLES(ROW_base) NULL}};
#if defined(__x86_64__)
static const isa_level level_v3 = {"x86-64-v3", {SIM_TABLES(ROW_v3) NULL}};
static const isa_level level_v4 = {"x86-64-v4", {SIM_TABLES(ROW_v4) NULL}};
#endif

static const isa_level *level;
static const sim_op *rows[MAX_ROWS];
static size_t num_rows;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* AITER_SIM_ISA (base, v3, v4) lowers the level, so that tests reach every build of the exec files.
 */
static const isa_level *choose_level(void)
{
#if defined(__x86_64__)
    const char *wanted = getenv("AITER_SIM_ISA");
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512cd");

    if (wanted && strcmp(wanted, "base") == 0)
        return &level_base;
    if (v4 && !(wanted && strcmp(wanted, "v3") == 0))
        return &level_v4;
    if (v3)
        return &level_v3;
#endif
    return &level_base;
}

/* By name; rows of one name keep the order of their table, in which the first that fits wins. */
static int compare_rows(const void *a, const void *b)
{
    const sim_op *x = *(const sim_op *const *)a, *y = *(const sim_op *const *)b;
    int c = strcmp(x->name, y->name);

    return c ? c : x < y ? -1 : x > y;
}

static void build(void)
{
    level = choose_level();
    for (const sim_op *const *table = level->tables; *table; table++)
        for (const sim_op *op = *table; op->name && num_rows < MAX_ROWS; op++)
            rows[num_rows++] = op;
    qsort(rows, num_rows, sizeof rows[0], compare_rows);
}

static int compare_name(const char *name, size_t length, const char *row)
{
    int c = strncmp(name, row, length);

    return c ? c : row[length] ? -1 : 0;
}

const sim_op *const *sim_find_ops(const char *name, size_t length, size_t *count)
{
    pthread_once(&once, build);

    size_t lo = 0, hi = num_rows;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_name(name, length, rows[mid]->name) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    size_t n = 0;
    while (lo + n < num_rows && compare_name(name, length, rows[lo + n]->name) == 0) n++;
    *count = n;
    return rows + lo;
}
