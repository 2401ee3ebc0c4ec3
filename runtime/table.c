#include "runtime/table.h"

#include <stdlib.h>

/* Open addressing with linear probing. Readers take the current array once and see each slot either
 * empty or filled for good. A full array is replaced by a copy twice as large; the old one may
 * still be read, so it lives until the table is cleared. */
struct rt_table_slots {
    rt_table_slots *older;
    size_t capacity; /* a power of two */
    size_t used;
    _Atomic(rt_kernel *) slot[];
};

enum { FIRST_CAPACITY = 64 };

static size_t probe(const rt_table_slots *slots, const gen_config *config, rt_kernel **found)
{
    size_t mask = slots->capacity - 1;
    for (size_t at = gen_config_hash(config) & mask;; at = (at + 1) & mask) {
        *found = atomic_load_explicit(&slots->slot[at], memory_order_acquire);
        if (!*found || gen_config_equal(&(*found)->config, config))
            return at;
    }
}

rt_kernel *rt_table_find(const rt_table *table, const gen_config *config)
{
    const rt_table_slots *slots = atomic_load_explicit(&table->slots, memory_order_acquire);
    rt_kernel *found = NULL;
    if (slots)
        probe(slots, config, &found);
    return found;
}

static void put(rt_table_slots *slots, rt_kernel *kernel)
{
    rt_kernel *found;
    size_t at = probe(slots, &kernel->config, &found);
    atomic_store_explicit(&slots->slot[at], kernel, memory_order_release);
    slots->used++;
}

/* An array with room for one more: at most half full, so that a probe ends soon. */
static rt_table_slots *with_room(rt_table_slots *old)
{
    if (old && 2 * (old->used + 1) <= old->capacity)
        return old;
    size_t capacity = old ? 2 * old->capacity : FIRST_CAPACITY;
    rt_table_slots *next = calloc(1, sizeof *next + capacity * sizeof next->slot[0]);
    if (!next)
        return NULL;
    next->older = old;
    next->capacity = capacity;
    for (size_t i = 0; old && i < old->capacity; i++) {
        rt_kernel *kernel = atomic_load_explicit(&old->slot[i], memory_order_relaxed);
        if (kernel)
            put(next, kernel);
    }
    return next;
}

bool rt_table_add(rt_table *table, rt_kernel *kernel)
{
    rt_table_slots *old = atomic_load_explicit(&table->slots, memory_order_relaxed);
    rt_table_slots *slots = with_room(old);
    if (!slots)
        return false;
    put(slots, kernel);
    if (slots != old)
        atomic_store_explicit(&table->slots, slots, memory_order_release);
    return true;
}

void rt_table_clear(rt_table *table, void (*fn)(void *user, rt_kernel *kernel), void *user)
{
    rt_table_slots *slots = atomic_exchange(&table->slots, NULL);
    for (size_t i = 0; slots && i < slots->capacity; i++) {
        rt_kernel *kernel = atomic_load_explicit(&slots->slot[i], memory_order_relaxed);
        if (kernel)
            fn(user, kernel);
    }
    while (slots) {
        rt_table_slots *older = slots->older;
        free(slots);
        slots = older;
    }
}
