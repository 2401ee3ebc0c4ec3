#include "sim/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/device.h"

_Thread_local sim_mem_hit sim_mem_last;
static _Thread_local int kernel_device = -1;

static _Atomic uint32_t peers[SIM_MAX_DEVICES]; /* bit p of entry d: d may access p's memory */

/* ---- address space ----
 *
 * Pages come from regions of inaccessible address space, handed out upwards and never twice, so
 * that a stale pointer meets an unmapped page and not somebody else's data. A region whose
 * allocations are all gone is returned. */

typedef struct region {
    struct region *next;
    uint64_t base, size, used;
    size_t live; /* allocations in it */
} region;

typedef struct parked {
    struct parked *next;
    uint64_t base;
    size_t size;
} parked;

static struct {
    pthread_mutex_t lock;
    region *regions; /* the first is the one handed out from */
    parked *parked;  /* to unmap when no kernel runs         */
    size_t kernels;  /* threads between begin and end        */
} space = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define REGION_SIZE ((uint64_t)512 << 30)

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

/* Reserves REGION_SIZE of address space, or as much of it as the process may have. */
static region *region_create(uint64_t need)
{
    region *r = malloc(sizeof *r);
    if (!r)
        return NULL;
    uint64_t size = need > REGION_SIZE ? need : REGION_SIZE;
    void *base;
    while ((base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                        0)) == MAP_FAILED) {
        if (size / 2 < need) {
            free(r);
            return NULL;
        }
        size /= 2;
    }
    *r = (region){space.regions, (uint64_t)(uintptr_t)base, size, 0, 0};
    space.regions = r;
    return r;
}

static void region_drop(region *gone)
{
    for (region **p = &space.regions; *p; p = &(*p)->next) {
        if (*p != gone)
            continue;
        *p = gone->next;
        munmap((void *)(uintptr_t)gone->base, gone->size);
        free(gone);
        return;
    }
}

uint64_t sim_mem_map(size_t size)
{
    uint64_t page = page_size();
    if (size > UINT64_MAX / 4)
        return 0;
    uint64_t bytes = round_up(size ? size : 1, page), need = bytes + page;
    uint64_t base = 0;
    pthread_mutex_lock(&space.lock);
    region *r = space.regions;
    if (!r || r->size - r->used < need)
        r = region_create(need);
    if (r && !mprotect((void *)(uintptr_t)(r->base + r->used), bytes, PROT_READ | PROT_WRITE)) {
        base = r->base + r->used;
        r->used += need;
        r->live++;
    }
    pthread_mutex_unlock(&space.lock);
    return base;
}

/* Gives the pages back; the addresses stay reserved and inaccessible. */
static void unmap_locked(uint64_t base, size_t size)
{
    uint64_t bytes = round_up(size ? size : 1, page_size());
    mmap((void *)(uintptr_t)base, bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    for (region *r = space.regions; r; r = r->next) {
        if (base < r->base || base - r->base >= r->size)
            continue;
        if (--r->live == 0 && r != space.regions)
            region_drop(r);
        return;
    }
}

void sim_mem_unmap(uint64_t base, size_t size)
{
    pthread_mutex_lock(&space.lock);
    parked *p = space.kernels ? malloc(sizeof *p) : NULL;
    if (p) {
        *p = (parked){space.parked, base, size};
        space.parked = p;
    } else if (!space.kernels) {
        unmap_locked(base, size);
    } /* else: no memory to remember it by; the pages stay until the process ends */
    pthread_mutex_unlock(&space.lock);
}

uint64_t sim_mem_space_base(uint64_t address)
{
    pthread_mutex_lock(&space.lock);
    const region *r = space.regions;
    while (r && (address < r->base || address - r->base >= r->size))
        r = r->next;
    uint64_t base = r ? r->base : 0;
    pthread_mutex_unlock(&space.lock);
    return base;
}

bool sim_mem_is_mapped_space(uint64_t address)
{
    return sim_mem_space_base(address) != 0;
}

void sim_mem_kernel_begin(int device)
{
    pthread_mutex_lock(&space.lock);
    space.kernels++;
    pthread_mutex_unlock(&space.lock);
    kernel_device = device;
    sim_mem_forget();
}

void sim_mem_kernel_end(void)
{
    kernel_device = -1;
    sim_mem_forget();
    pthread_mutex_lock(&space.lock);
    if (--space.kernels == 0) {
        while (space.parked) {
            parked *p = space.parked;
            space.parked = p->next;
            unmap_locked(p->base, p->size);
            free(p);
        }
    }
    pthread_mutex_unlock(&space.lock);
}

void sim_mem_set_peer(int device, int peer, bool enabled)
{
    if (enabled)
        atomic_fetch_or(&peers[device], 1u << peer);
    else
        atomic_fetch_and(&peers[device], ~(1u << peer));
}

bool sim_mem_is_peer(int device, int peer)
{
    return atomic_load(&peers[device]) >> peer & 1;
}

/* ---- the table: known ranges, sorted by address ---- */

static struct {
    pthread_rwlock_t lock;
    sim_mem_info *entries;
    size_t count, capacity;
    uint64_t used[SIM_MAX_DEVICES];
    _Atomic uint64_t generation; /* changes with every change of the table */
} known = {.lock = PTHREAD_RWLOCK_INITIALIZER};

/* The ranges that this thread met last: a kernel uses few, and most look-ups then need no lock. */
enum { RECENT = 8 };
static _Thread_local struct {
    uint64_t generation;
    unsigned next;
    sim_mem_info entries[RECENT];
} recent;

static bool counts(const sim_mem_info *info)
{
    return info->kind == SIM_MEM_DEVICE || info->kind == SIM_MEM_MANAGED;
}

/* Index of the first range that begins after the address. */
static size_t upper_bound(uint64_t address)
{
    size_t lo = 0, hi = known.count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (known.entries[mid].base <= address)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const sim_mem_info *find_locked(uint64_t address)
{
    size_t i = upper_bound(address);
    if (i == 0)
        return NULL;
    const sim_mem_info *e = &known.entries[i - 1];
    return address - e->base < e->size ? e : NULL;
}

static bool grow_locked(void)
{
    if (known.count < known.capacity)
        return true;
    size_t capacity = known.capacity ? 2 * known.capacity : 64;
    sim_mem_info *entries = realloc(known.entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    known.entries = entries;
    known.capacity = capacity;
    return true;
}

bool sim_mem_publish(const sim_mem_info *info)
{
    pthread_rwlock_wrlock(&known.lock);
    size_t i = upper_bound(info->base);
    bool free_below = i == 0 || info->base - known.entries[i - 1].base >= known.entries[i - 1].size;
    bool free_above = i == known.count || known.entries[i].base - info->base >= info->size;
    bool ok = info->size && free_below && free_above && grow_locked();
    if (ok) {
        memmove(known.entries + i + 1, known.entries + i, (known.count - i) * sizeof *info);
        known.entries[i] = *info;
        known.count++;
        atomic_fetch_add(&known.generation, 1);
        if (counts(info))
            known.used[info->device] += info->size;
    }
    pthread_rwlock_unlock(&known.lock);
    if (ok && info->kind == SIM_MEM_DEVICE)
        sim_check_memory_add(info->base, info->size);
    return ok;
}

static void remove_locked(size_t i)
{
    const sim_mem_info *e = &known.entries[i];
    if (e->kind == SIM_MEM_DEVICE)
        sim_check_memory_remove(e->base);
    if (counts(e))
        known.used[e->device] -= e->size;
    known.count--;
    atomic_fetch_add(&known.generation, 1);
    memmove(known.entries + i, known.entries + i + 1, (known.count - i) * sizeof *e);
}

bool sim_mem_withdraw(uint64_t base, sim_mem_info *info)
{
    pthread_rwlock_wrlock(&known.lock);
    size_t i = upper_bound(base);
    bool found = i > 0 && known.entries[i - 1].base == base;
    if (found) {
        if (info)
            *info = known.entries[i - 1];
        remove_locked(i - 1);
    }
    pthread_rwlock_unlock(&known.lock);
    return found;
}

bool sim_mem_find(uint64_t address, sim_mem_info *info)
{
    pthread_rwlock_rdlock(&known.lock);
    const sim_mem_info *e = find_locked(address);
    if (e)
        *info = *e;
    pthread_rwlock_unlock(&known.lock);
    return e != NULL;
}

uint64_t sim_mem_used(int device)
{
    pthread_rwlock_rdlock(&known.lock);
    uint64_t used = known.used[device];
    pthread_rwlock_unlock(&known.lock);
    return used;
}

void sim_mem_free_all(int device)
{
    pthread_rwlock_wrlock(&known.lock);
    for (size_t i = known.count; i-- > 0;) {
        sim_mem_info e = known.entries[i];
        if (!counts(&e) || e.device != device)
            continue;
        remove_locked(i);
        sim_mem_unmap(e.base, e.size);
    }
    pthread_rwlock_unlock(&known.lock);
}

static bool reachable(const sim_mem_info *e, int device)
{
    if (e->kind != SIM_MEM_DEVICE && e->kind != SIM_MEM_CODE)
        return true;
    return device < 0 || e->device == device || sim_mem_is_peer(device, e->device);
}

static const sim_mem_info *find_recent(uint64_t address)
{
    if (recent.generation != atomic_load(&known.generation))
        return NULL;
    for (unsigned i = 0; i < RECENT; i++)
        if (address - recent.entries[i].base < recent.entries[i].size)
            return &recent.entries[i];
    return NULL;
}

static const sim_mem_info *find_and_remember(uint64_t address)
{
    pthread_rwlock_rdlock(&known.lock);
    uint64_t generation = atomic_load(&known.generation);
    const sim_mem_info *found = find_locked(address), *kept = NULL;
    if (recent.generation != generation) {
        memset(&recent, 0, sizeof recent);
        recent.generation = generation;
    }
    if (found) {
        recent.entries[recent.next] = *found;
        kept = &recent.entries[recent.next];
        recent.next = (recent.next + 1) % RECENT;
    }
    pthread_rwlock_unlock(&known.lock);
    return kept;
}

bool sim_mem_lookup(uint64_t address, uint64_t size, bool write)
{
    const sim_mem_info *e = find_recent(address);
    if (!e)
        e = find_and_remember(address);
    if (!e || !reachable(e, kernel_device) || (write && !e->writable))
        return false;
    uint64_t offset = address - e->base;
    if (size > e->size || offset > e->size - size)
        return false;
    sim_mem_last = (sim_mem_hit){e->base, e->base + e->size, e->writable};
    return true;
}
