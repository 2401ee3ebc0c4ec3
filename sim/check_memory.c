/* One bit for every byte of device memory: whether a copy, a fill or a kernel has written it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/check.h"

typedef struct shadow {
    uint64_t base, size;
    uint64_t *bits; /* NULL: no memory for them; everything counts as written */
} shadow;

static struct {
    pthread_rwlock_t lock;
    shadow *entries;
    size_t count, capacity;
    _Atomic uint64_t generation;
} known = {.lock = PTHREAD_RWLOCK_INITIALIZER, .generation = 1};

static _Thread_local shadow last;
static _Thread_local uint64_t last_generation;

static bool enabled(void)
{
    unsigned checks;

    return sim_check_environment(&checks, NULL, 0) == 0 && checks & SIM_CHECK_UNINIT;
}

static size_t bits_bytes(uint64_t size)
{
    return (size_t)((size + 63) / 64 * 8);
}

void sim_check_memory_add(uint64_t base, uint64_t size)
{
    if (!enabled())
        return;
    void *bits = mmap(NULL, bits_bytes(size), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bits == MAP_FAILED)
        return;
    pthread_rwlock_wrlock(&known.lock);
    if (known.count == known.capacity) {
        size_t capacity = known.capacity ? 2 * known.capacity : 64;
        shadow *grown = realloc(known.entries, capacity * sizeof *grown);
        if (grown) {
            known.entries = grown;
            known.capacity = capacity;
        }
    }
    if (known.count < known.capacity) {
        known.entries[known.count++] = (shadow){base, size, bits};
        atomic_fetch_add(&known.generation, 1);
    } else {
        munmap(bits, bits_bytes(size));
    }
    pthread_rwlock_unlock(&known.lock);
}

/* The bits' pages go, their addresses stay: a kernel on another thread may still hold them. */
void sim_check_memory_remove(uint64_t base)
{
    if (!enabled())
        return;
    pthread_rwlock_wrlock(&known.lock);
    for (size_t i = 0; i < known.count; i++) {
        if (known.entries[i].base != base)
            continue;
        madvise(known.entries[i].bits, bits_bytes(known.entries[i].size), MADV_DONTNEED);
        known.entries[i] = known.entries[--known.count];
        atomic_fetch_add(&known.generation, 1);
        break;
    }
    pthread_rwlock_unlock(&known.lock);
}

/* The allocation that holds the address, as this thread's copy; NULL if it is not device memory. */
static const shadow *find(uint64_t address)
{
    if (last_generation == atomic_load_explicit(&known.generation, memory_order_relaxed) &&
        address - last.base < last.size)
        return &last;
    pthread_rwlock_rdlock(&known.lock);
    last = (shadow){0, 0, NULL};
    last_generation = atomic_load(&known.generation);
    for (size_t i = 0; i < known.count; i++)
        if (address - known.entries[i].base < known.entries[i].size)
            last = known.entries[i];
    pthread_rwlock_unlock(&known.lock);
    return last.bits ? &last : NULL;
}

/* The bits of one word for bytes [from, to) of an allocation; *next is the first byte after it. */
static uint64_t word_mask(uint64_t from, uint64_t to, uint64_t *next)
{
    uint64_t end = (from / 64 + 1) * 64;

    *next = end < to ? end : to;
    uint64_t count = *next - from;
    return (count == 64 ? ~0ull : (1ull << count) - 1) << from % 64;
}

void sim_check_memory_written(uint64_t address, uint64_t size)
{
    const shadow *s = enabled() ? find(address) : NULL;

    if (!s)
        return;
    uint64_t at = address - s->base, to = at + size < s->size ? at + size : s->size, next;
    for (; at < to; at = next) {
        uint64_t mask = word_mask(at, to, &next);
        if ((__atomic_load_n(&s->bits[at / 64], __ATOMIC_RELAXED) & mask) != mask)
            __atomic_fetch_or(&s->bits[at / 64], mask, __ATOMIC_RELAXED);
    }
}

bool sim_check_memory_ok(uint64_t address, uint64_t size, uint64_t *bad)
{
    const shadow *s = find(address);

    if (!s)
        return true;
    uint64_t at = address - s->base, to = at + size < s->size ? at + size : s->size, next;
    for (; at < to; at = next) {
        uint64_t mask = word_mask(at, to, &next);
        uint64_t missing = mask & ~__atomic_load_n(&s->bits[at / 64], __ATOMIC_RELAXED);
        if (missing) {
            *bad = s->base + at / 64 * 64 + (unsigned)__builtin_ctzll(missing);
            return false;
        }
    }
    return true;
}
