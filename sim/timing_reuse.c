#include "sim/timing_reuse.h"

#include <stdlib.h>

/* ---- sets of lines ---- */

static size_t slot_of(const timing_lines *lines, uint64_t line)
{
    size_t slot = (size_t)(line * 0x9e3779b97f4a7c15u >> 20) & (lines->capacity - 1);

    while (lines->slots[slot] && lines->slots[slot] != line + 1)
        slot = (slot + 1) & (lines->capacity - 1);
    return slot;
}

static bool grow(timing_lines *lines)
{
    timing_lines more = {.capacity = lines->capacity ? 2 * lines->capacity : 256};

    more.slots = calloc(more.capacity, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < lines->capacity; i++)
        if (lines->slots[i])
            more.slots[slot_of(&more, lines->slots[i] - 1)] = lines->slots[i];
    more.count = lines->count;
    free(lines->slots);
    *lines = more;
    return true;
}

bool timing_lines_add(timing_lines *lines, uint64_t line)
{
    if (2 * lines->count >= lines->capacity && !grow(lines))
        return false;
    size_t slot = slot_of(lines, line);
    lines->count += !lines->slots[slot];
    lines->slots[slot] = line + 1;
    return true;
}

bool timing_lines_has(const timing_lines *lines, uint64_t line)
{
    return lines->count && lines->slots[slot_of(lines, line)];
}

void timing_lines_free(timing_lines *lines)
{
    free(lines->slots);
    *lines = (timing_lines){0};
}

/* ---- who reads a line ---- */

timing_sharers timing_reuse_sharers(const timing_reuse *reuse, uint64_t line)
{
    timing_sharers s = {1, 1};

    if (!reuse)
        return s;
    double others = 0; /* of other XCDs */
    for (size_t i = 0; i < reuse->count; i++) {
        const timing_neighbour *n = &reuse->neighbours[i];
        if (timing_lines_has(&n->lines, line))
            *(n->same_xcd ? &s.xcd : &others) += n->weight;
    }
    s.xcds += others / s.xcd;
    s.xcds = s.xcds > reuse->xcds ? reuse->xcds : s.xcds;
    return s;
}
