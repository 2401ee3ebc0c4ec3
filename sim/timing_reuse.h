/* Which lines of memory several workgroups that run at the same time read: what one of them fetches,
 * the others find in L2 or in the Infinity Cache. Known from the lines that some workgroups touched
 * (timing_grid.c says which). */
#ifndef SIM_TIMING_REUSE_H
#define SIM_TIMING_REUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines of 128 bytes that one workgroup read. */
typedef struct timing_lines {
    uint64_t *slots; /* line + 1; open-addressed */
    size_t count, capacity;
} timing_lines;

bool timing_lines_add(timing_lines *lines, uint64_t line);
bool timing_lines_has(const timing_lines *lines, uint64_t line);
void timing_lines_free(timing_lines *lines);

/* Workgroups that run on other CUs at the same time as the one in question, some standing for
 * more. */
typedef struct timing_neighbour {
    timing_lines lines;
    double weight;
    bool same_xcd;
} timing_neighbour;

typedef struct timing_reuse {
    timing_neighbour *neighbours;
    size_t count;
    double xcds;
} timing_reuse;

/* Readers of a line: CUs of the same XCD with this one, and XCDs. At least 1 each. */
typedef struct timing_sharers {
    double xcd, xcds;
} timing_sharers;
timing_sharers timing_reuse_sharers(const timing_reuse *reuse, uint64_t line);

#endif
