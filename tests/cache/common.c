#include "tests/cache/common.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static uint64_t value_seed(const char *key, uint32_t generation)
{
    uint64_t seed = 1469598103934665603u + generation;

    for (; *key; key++)
        seed = (seed ^ (unsigned char)*key) * 1099511628211u;
    return seed | 1;
}

void *make_value(const char *key, uint32_t generation, size_t size)
{
    unsigned char *v = malloc(size + 1);
    uint64_t random = value_seed(key, generation);

    for (size_t i = 0; i < size; i++)
        v[i] = (unsigned char)next_random(&random);
    for (size_t i = 0; i < 4 && i < size; i++)
        v[i] = (unsigned char)(generation >> (8 * i));
    return v;
}

int64_t value_generation(const char *key, const void *value, size_t size)
{
    const unsigned char *v = value;

    if (size < 4)
        return -1;
    uint32_t generation = v[0] | v[1] << 8 | v[2] << 16 | (uint32_t)v[3] << 24;
    void *expected = make_value(key, generation, size);
    int same = !memcmp(expected, value, size);
    free(expected);
    return same ? (int64_t)generation : -1;
}

void become_nobody(void)
{
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
        _exit(99);
}
