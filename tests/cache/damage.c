#include "tests/cache/damage.h"

#include <string.h>

#include "tests/cache/common.h"

enum { PAGE = 4096 };

void flip_bits(unsigned char *bytes, size_t *size, uint64_t *random)
{
    uint32_t count = 1 + next_random(random) % 8;

    for (uint32_t i = 0; i < count; i++)
        bytes[next_random(random) % *size] ^= (unsigned char)(1u << next_random(random) % 8);
}

/* Half of the flips at random hit values; these do not. Page flags: branch, leaf, overflow, meta.
 */
void flip_structure(unsigned char *bytes, size_t *size, uint64_t *random)
{
    for (int i = 0; i < 2;) {
        size_t page = next_random(random) % (next_random(random) % 4 ? *size / PAGE : 2) * PAGE;
        unsigned flags = bytes[page + 10];
        if (flags != 1 && flags != 2 && flags != 8 && flags != 4)
            continue;
        size_t area = flags == 8 ? 152 : flags == 4 ? 16 : 80;
        bytes[page + next_random(random) % area] ^= (unsigned char)(1u << next_random(random) % 8);
        i++;
    }
}

void overwrite_page(unsigned char *bytes, size_t *size, uint64_t *random)
{
    size_t pages = *size / PAGE, to = next_random(random) % pages,
           from = next_random(random) % pages;

    switch (next_random(random) % 3) {
    case 0: memset(bytes + to * PAGE, 0, PAGE); break;
    case 1: memmove(bytes + to * PAGE, bytes + from * PAGE, PAGE); break;
    case 2:
        for (size_t i = 0; i < PAGE; i++)
            bytes[to * PAGE + i] = (unsigned char)next_random(random);
    }
}

void cut_short(unsigned char *bytes, size_t *size, uint64_t *random)
{
    (void)bytes;
    *size = next_random(random) % 3 ? next_random(random) % *size
                                    : next_random(random) % (*size / PAGE) * PAGE;
}
