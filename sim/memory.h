/* The allocations that simulated kernels may touch. Device addresses are host addresses.
 *
 * What the engine needs: a check that is cheap when the same allocation is used again and again. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* The allocation that the last successful look-up of this thread hit: [lo, hi). */
typedef struct sim_mem_hit { uint64_t lo, hi; bool writable; } sim_mem_hit;
extern _Thread_local sim_mem_hit sim_mem_last;

/* Finds the live allocation that holds all of [address, address + size), fills sim_mem_last, and says whether it
 * may be accessed so (code objects are not writable). Thread-safe. */
bool sim_mem_lookup(uint64_t address, uint64_t size, bool write);

/* Empties this thread's cache; the engine calls it before each workgroup, so an allocation freed between launches
 * is not found again. */
static inline void sim_mem_forget(void)
{
    sim_mem_last = (sim_mem_hit){0, 0, false};
}

static inline bool sim_mem_ok(uint64_t address, uint64_t size, bool write)
{
    const sim_mem_hit *hit = &sim_mem_last;
    if (address >= hit->lo && address < hit->hi && size <= hit->hi - address && (!write || hit->writable))
        return true;
    return sim_mem_lookup(address, size, write);
}

#endif
