/* Each row of the simulator's instruction tables must be executed by a case of the instruction
 * tests. Those write what they run to files (machine_uses()), whose names are the arguments. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sim/wave.h"

enum { MAX_ROWS = 4096 };

#define ROWS(name) sim_table_##name##_base,
static const sim_op *const tables[] = {SIM_TABLES(ROWS) NULL};

static const sim_op *rows[MAX_ROWS];
static bool used[MAX_ROWS];
static size_t num_rows;

static void collect(void)
{
    for (const sim_op *const *table = tables; *table; table++)
        for (const sim_op *op = *table; op->name && num_rows < MAX_ROWS; op++)
            rows[num_rows++] = op;
}

static void mark(char *line)
{
    char *form = strchr(line, ' ');

    line[strcspn(line, "\n")] = 0;
    if (!form)
        return;
    *form++ = 0;
    for (size_t i = 0; i < num_rows; i++)
        used[i] |= strcmp(rows[i]->name, line) == 0 && strcmp(rows[i]->form, form) == 0;
}

static bool read_file(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "r");

    if (!file) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    while (fgets(line, sizeof line, file))
        mark(line);
    fclose(file);
    return true;
}

int main(int argc, char **argv)
{
    size_t missing = 0;

    collect();
    for (int i = 1; i < argc; i++)
        if (!read_file(argv[i]))
            return 1;
    for (size_t i = 0; i < num_rows; i++) {
        missing += !used[i];
        if (!used[i])
            printf("no case: %s %s\n", rows[i]->name, rows[i]->form);
    }
    printf("%zu rows, %zu without a case\n", num_rows, missing);
    return missing ? 1 : 0;
}
