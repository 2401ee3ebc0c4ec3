/* The allocations that simulated kernels may touch. Device addresses are host addresses.
 *
 * First what the engine needs: a check that is cheap when the same allocation is used again and
 * again. Then what the HIP side needs: allocating and describing them. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The allocation that the last successful look-up of this thread hit: [lo, hi). */
typedef struct sim_mem_hit {
    uint64_t lo, hi;
    bool writable;
} sim_mem_hit;
extern _Thread_local sim_mem_hit sim_mem_last;

/* Finds the live allocation that holds all of [address, address + size), fills sim_mem_last, and
 * says whether it may be accessed so (code objects are not writable). Thread-safe. */
bool sim_mem_lookup(uint64_t address, uint64_t size, bool write);

/* Empties this thread's cache; the engine calls it before each workgroup, so an allocation freed
 * between launches is not found again. */
static inline void sim_mem_forget(void)
{
    sim_mem_last = (sim_mem_hit){0, 0, false};
}

static inline bool sim_mem_ok(uint64_t address, uint64_t size, bool write)
{
    const sim_mem_hit *hit = &sim_mem_last;
    if (address >= hit->lo && address < hit->hi && size <= hit->hi - address &&
        (!write || hit->writable))
        return true;
    return sim_mem_lookup(address, size, write);
}

/* ---- the HIP side ---- */

typedef enum sim_mem_kind {
    SIM_MEM_DEVICE,     /* hipMalloc: its own device, and devices that enabled peer access       */
    SIM_MEM_HOST,       /* hipHostMalloc: every device                                           */
    SIM_MEM_MANAGED,    /* hipMallocManaged: every device                                        */
    SIM_MEM_REGISTERED, /* hipHostRegister: every device; the memory is the caller's             */
    SIM_MEM_CODE,       /* a segment of a loaded code object: its own device                     */
    SIM_MEM_INTERNAL    /* kernel arguments: every device; HIP's pointer queries do not see it   */
} sim_mem_kind;

typedef struct sim_mem_info {
    uint64_t base, size;
    sim_mem_kind kind;
    int device;
    bool writable;  /* by kernels */
    unsigned flags; /* as the caller gave them to hipHostMalloc and kin */
} sim_mem_info;

/* Zeroed, page-aligned host memory with an inaccessible page behind it, at an address that is not
 * used again until hundreds of gigabytes of others were. Untouched pages cost nothing. 0: no
 * memory. */
uint64_t sim_mem_map(size_t size);
void sim_mem_unmap(uint64_t base, size_t size);

/* The address was handed out by sim_mem_map() once: if no known range holds it, nobody may touch
 * it. */
bool sim_mem_is_mapped_space(uint64_t address);

/* Where the address space begins that sim_mem_map() took an address from; 0: it did not. The same
 * sequence of allocations has the same offsets from it in every process. */
uint64_t sim_mem_space_base(uint64_t address);

/* Makes a range known: false without memory, or if it overlaps a known one. */
bool sim_mem_publish(const sim_mem_info *info);

/* Makes a range unknown again; base must be its first byte. *info (may be NULL) receives what it
 * was. */
bool sim_mem_withdraw(uint64_t base, sim_mem_info *info);

/* Which known range holds this address. */
bool sim_mem_find(uint64_t address, sim_mem_info *info);

/* Bytes of SIM_MEM_DEVICE and SIM_MEM_MANAGED ranges of a device. */
uint64_t sim_mem_used(int device);

/* Withdraws and unmaps every SIM_MEM_DEVICE and SIM_MEM_MANAGED range of a device. */
void sim_mem_free_all(int device);

/* Between begin and end this thread's accesses are those of a kernel on `device`: sim_mem_lookup()
 * refuses other devices' memory, and no page is unmapped under the kernel (sim_mem_unmap() takes
 * effect after the last end). */
void sim_mem_kernel_begin(int device);
void sim_mem_kernel_end(void);

/* Kernels on `device` may access (or no more) memory of `peer`. */
void sim_mem_set_peer(int device, int peer, bool enabled);
bool sim_mem_is_peer(int device, int peer);

#endif
