/* One workgroup: initial register state, and its waves in turn until all have ended. */
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check.h"
#include "sim/landing.h"
#include "sim/memory.h"
#include "sim/program.h"

/* A wave yields after so many instructions, so that a wave that waits for another one through
 * memory lets it run. */
#define SLICE 200000

/* A wave that executes more is taken for one that never ends: minutes on the host.
 * AITER_SIM_WAVE_LIMIT in the environment sets another limit. */
#define DEFAULT_WAVE_LIMIT 2000000000ull

#define MAX_WAVES 16 /* 1024 work-items */
#define LDS_PAD 64

struct sim_worker {
    sim_wave *waves;
    sim_landing *landings;
    uint8_t *lds, *scratch;
    size_t lds_size, scratch_size;
    uint64_t executed;
    struct sim_check *check; /* made when first needed */
};

sim_worker *sim_worker_create(void)
{
    sim_worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return NULL;
    worker->waves = aligned_alloc(64, MAX_WAVES * sizeof(sim_wave));
    worker->landings = malloc(MAX_WAVES * SIM_MAX_LANDINGS * sizeof *worker->landings);
    if (!worker->waves || !worker->landings) {
        sim_worker_destroy(worker);
        return NULL;
    }
    for (unsigned i = 0; i < MAX_WAVES; i++)
        worker->waves[i].landings = worker->landings + i * SIM_MAX_LANDINGS;
    return worker;
}

void sim_worker_destroy(sim_worker *worker)
{
    if (!worker)
        return;
    free(worker->waves);
    free(worker->landings);
    sim_check_destroy(worker->check);
    free(worker->lds);
    free(worker->scratch);
    free(worker);
}

uint64_t sim_worker_executed(const sim_worker *worker)
{
    return worker->executed;
}

static uint8_t *reserve(uint8_t **buffer, size_t *have, size_t need)
{
    if (need > *have) {
        free(*buffer);
        *have = 0;
        *buffer = aligned_alloc(64, (need + 63) & ~(size_t)63);
        if (!*buffer)
            return NULL;
        *have = need;
    }
    return *buffer;
}

/* ---- initial state ---- */

/* kernel_code_properties (LLVM, "User Guide for AMDGPU Backend", Kernel Descriptor) */
enum {
    ENABLE_PRIVATE_SEGMENT_BUFFER = 1 << 0,
    ENABLE_DISPATCH_PTR = 1 << 1,
    ENABLE_QUEUE_PTR = 1 << 2,
    ENABLE_KERNARG_SEGMENT_PTR = 1 << 3,
    ENABLE_DISPATCH_ID = 1 << 4,
    ENABLE_FLAT_SCRATCH_INIT = 1 << 5,
    ENABLE_PRIVATE_SEGMENT_SIZE = 1 << 6,
    USES_DYNAMIC_STACK = 1 << 11
};

/* Scratch per lane of a kernel whose stack has no static bound (recursion, indirect calls). */
#define DYNAMIC_STACK_BYTES 16384

static unsigned rsrc2_user_sgprs(const sim_kernel *k)
{
    return k->rsrc2 >> 1 & 31;
}

static void put64(sim_wave *w, unsigned *sgpr, uint64_t value)
{
    sim_set_sreg64(w, *sgpr, value);
    *sgpr += 2;
}

/* The wave's scratch as a buffer resource: base, swizzled with index stride 64, add_tid, so that
 * lanes interleave by dword (ISA guide, "Buffer Resource Descriptor"). */
static void put_scratch_resource(sim_wave *w, unsigned *sgpr)
{
    uint64_t base = (uint64_t)(uintptr_t)w->scratch;

    w->s[*sgpr] = (uint32_t)base;
    w->s[*sgpr + 1] = (uint32_t)(base >> 32 & 0xffff) | 1u << 31;
    w->s[*sgpr + 2] =
        UINT32_MAX; /* no range check: what leaves the scratch is a fault, not dropped */
    w->s[*sgpr + 3] = 0x00e00000; /* index stride 64 lanes, add_tid */
    *sgpr += 4;
}

/* The length and offset (in dwords) of kernel arguments that arrive in SGPRs. Returns -1 if they
 * lie outside of memory. */
static int preload(sim_wave *w, const sim_dispatch *d, unsigned *sgpr)
{
    unsigned length = d->kernel->preload & 0x7f, offset = d->kernel->preload >> 7;

    if (!length)
        return 0;
    uint64_t from = d->kernarg + 4ull * offset;
    if (*sgpr + length > SIM_FLAT_SCRATCH || !sim_mem_ok(from, 4ull * length, false)) {
        sim_fault(w, NULL, -1, from,
                  "kernel arguments to preload (%u dwords at 0x%llx) are not in memory", length,
                  (unsigned long long)from);
        return -1;
    }
    memcpy(&w->s[*sgpr], (const void *)(uintptr_t)from, 4 * length);
    *sgpr += length;
    return 0;
}

/* User SGPRs in the order of the "User SGPR Set Up" table of LLVM's AMDGPU user guide, then the
 * system SGPRs. */
static int init_sgprs(sim_wave *w, const sim_dispatch *d)
{
    const sim_kernel *k = d->kernel;
    unsigned p = k->properties, sgpr = 0;

    memset(w->s, 0, sizeof w->s);
    if (p & ENABLE_PRIVATE_SEGMENT_BUFFER)
        put_scratch_resource(w, &sgpr);
    if (p & ENABLE_DISPATCH_PTR)
        put64(w, &sgpr, d->dispatch_packet);
    if (p & ENABLE_QUEUE_PTR)
        put64(w, &sgpr, d->queue);
    if (p & ENABLE_KERNARG_SEGMENT_PTR)
        put64(w, &sgpr, d->kernarg);
    if (p & ENABLE_DISPATCH_ID)
        put64(w, &sgpr, d->dispatch_id);
    if (p & ENABLE_FLAT_SCRATCH_INIT)
        put64(w, &sgpr, (uint64_t)(uintptr_t)w->scratch);
    if (p & ENABLE_PRIVATE_SEGMENT_SIZE)
        w->s[sgpr++] = w->scratch_bytes;
    if (preload(w, d, &sgpr))
        return -1;
    sgpr = rsrc2_user_sgprs(k); /* padding between user and system SGPRs */
    for (unsigned i = 0; i < 3; i++)
        if (k->rsrc2 >> (7 + i) & 1)
            w->s[sgpr++] = w->wg->id[i];
    if (k->rsrc2 >> 10 & 1)
        w->s[sgpr++] = 0; /* workgroup info */
    if (k->rsrc2 & 1 && w->arch == SIM_GFX90A)
        w->s[sgpr++] =
            0; /* scratch wave offset: the resource and flat_scratch are this wave's own */
    if (w->arch >= SIM_GFX942) /* architected flat scratch */
        sim_set_sreg64(w, SIM_FLAT_SCRATCH, (uint64_t)(uintptr_t)w->scratch);
    sim_set_sreg64(w, SIM_TTMP0 + 4, d->dispatch_id);
    return 0;
}

/* Work-item ids, packed 10:10:10 in v0 (these archs all have packed ids). Also the initial EXEC:
 * lanes beyond a partial workgroup's end are off. */
static void init_lanes(sim_wave *w, const sim_dispatch *d, const uint32_t size[3])
{
    unsigned ids = d->kernel->rsrc2 >> 11 & 3;
    uint64_t exec = 0;

    for (unsigned l = 0; l < SIM_LANES; l++) {
        uint32_t flat = w->index * SIM_LANES + l;
        uint32_t x = flat % size[0], y = flat / size[0] % size[1], z = flat / size[0] / size[1];
        if (z >= size[2])
            break;
        exec |= 1ull << l;
        w->v[0][l] = x | (ids >= 1 ? y << 10 : 0) | (ids >= 2 ? z << 20 : 0);
    }
    sim_set_sreg64(w, SIM_EXEC, exec);
}

/* Registers start as zero, so that a run is reproducible; only those that the kernel allocates need
 * it. */
static void clear_vgprs(sim_wave *w, const sim_kernel *k)
{
    unsigned total = ((k->rsrc1 & 63) + 1) * 8, arch_vgprs = ((k->rsrc3 & 63) + 1) * 4;
    unsigned vgprs = total < arch_vgprs ? total : arch_vgprs, agprs = total - vgprs;

    memset(w->v[0], 0, vgprs * sizeof w->v[0]);
    memset(w->v[SIM_AGPR0], 0, (agprs < 256 ? agprs : 256) * sizeof w->v[0]);
}

static uint32_t initial_mode(const sim_kernel *k)
{
    uint32_t mode = k->rsrc1 >> 12 & 0xff;

    mode |= (k->rsrc1 >> 21 & 1) << 8;  /* DX10_CLAMP */
    mode |= (k->rsrc1 >> 23 & 1) << 9;  /* IEEE */
    mode |= (k->rsrc1 >> 26 & 1) << 23; /* FP16_OVFL */
    return mode;
}

static int init_wave(sim_wave *w, sim_workgroup *wg, const sim_dispatch *d, unsigned index,
                     const uint32_t size[3], uint8_t *scratch, uint32_t scratch_bytes)
{
    w->wg = wg;
    w->program = d->program;
    w->arch = d->program->arch;
    w->index = index;
    w->state = SIM_RUNNING;
    w->executed = 0;
    w->check = NULL;
    w->access = NULL;
    w->vm_issued = 0;
    w->first_landing = w->num_landings = 0;
    w->scratch = scratch;
    w->scratch_bytes = scratch_bytes;
    w->mode = initial_mode(d->kernel);
    w->mode_default = (w->mode & 0xff) == 0xf0;
    clear_vgprs(w, d->kernel);
    init_lanes(w, d, size);
    uint64_t exec = sim_exec_mask(w);
    if (init_sgprs(w, d))
        return -1;
    sim_set_sreg64(w, SIM_EXEC, exec);

    /* A kernel with preloaded arguments starts with 256 bytes that load them for firmware that does
     * not. */
    uint64_t entry = d->kernel->entry + (d->kernel->preload & 0x7f ? 256 : 0);
    w->next = sim_program_at(d->program, entry);
    if (!w->next) {
        sim_fault(w, NULL, -1, entry, "no instruction at the kernel's entry 0x%llx",
                  (unsigned long long)(entry - d->program->bias));
        return -1;
    }
    return 0;
}

/* ---- running ---- */

/* What waves wait for arrives when no other one can go on without it. */
static void finish_waits(sim_workgroup *wg)
{
    for (unsigned i = 0; i < wg->num_waves; i++) {
        sim_wave *w = &wg->waves[i];
        if (w->state == SIM_AT_WAIT) {
            sim_landing_finish(w, w->vm_wait);
            w->state = SIM_RUNNING;
        }
    }
}

/* All waves that have not ended have reached a barrier: they pass it. */
static void release_barrier(sim_workgroup *wg)
{
    for (unsigned i = 0; i < wg->num_waves; i++)
        if (wg->waves[i].state == SIM_AT_BARRIER)
            wg->waves[i].state = SIM_RUNNING;
}

static uint64_t wave_limit;
static pthread_once_t wave_limit_once = PTHREAD_ONCE_INIT;

static void read_wave_limit(void)
{
    const char *text = getenv("AITER_SIM_WAVE_LIMIT");
    unsigned long long value = text ? strtoull(text, NULL, 10) : 0;

    wave_limit = value ? value : DEFAULT_WAVE_LIMIT;
}

void sim_check_wave_limit(sim_wave *w)
{
    pthread_once(&wave_limit_once, read_wave_limit);
    if (w->state == SIM_RUNNING && w->executed >= wave_limit)
        sim_fault(w, w->next, -1, 0,
                  "the wave has executed %llu instructions and not ended (AITER_SIM_WAVE_LIMIT)",
                  (unsigned long long)w->executed);
}

/* Returns 0, or -1 after a finding of the barrier checker. */
static int pass_barrier(sim_workgroup *wg, bool checked)
{
    for (unsigned i = 0; i < wg->num_waves; i++)
        if (wg->waves[i].state == SIM_RUNNING)
            return 0;
    if (checked)
        sim_check_barrier(wg);
    if (wg->error->message[0])
        return -1;
    release_barrier(wg);
    return 0;
}

int sim_workgroup_run(sim_workgroup *wg, void (*run)(sim_wave *w, uint64_t max_instructions))
{
    bool checked = run == sim_check_run_wave;

    pthread_once(&wave_limit_once, read_wave_limit);
    for (;;) {
        unsigned ended = 0;
        for (unsigned i = 0; i < wg->num_waves; i++) {
            sim_wave *w = &wg->waves[i];
            if (w->state == SIM_RUNNING)
                run(w, wave_limit - w->executed < SLICE ? wave_limit - w->executed : SLICE);
            sim_check_wave_limit(w);
            if (w->state == SIM_FAULTED)
                return -1;
            ended += w->state == SIM_ENDED;
        }
        if (ended == wg->num_waves)
            return 0;
        finish_waits(wg);
        if (pass_barrier(wg, checked))
            return -1;
    }
}

static int refuse(sim_error *error, const sim_dispatch *d, const char *message)
{
    snprintf(error->message, sizeof error->message, "%s", message);
    if (d->kernel)
        snprintf(error->kernel, sizeof error->kernel, "%s", d->kernel->name);
    return -1;
}

/* Size of this workgroup: the last one of a dimension may be partial. */
static int workgroup_size(const sim_dispatch *d, const uint32_t id[3], uint32_t size[3],
                          sim_error *error)
{
    char message[160];
    uint64_t items = 1;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t start = (uint64_t)id[i] * d->block[i];
        if (!d->block[i] || d->block[i] > 1024 || start >= d->grid[i]) {
            snprintf(message, sizeof message,
                     "workgroup %u of dimension %u: block %u, grid %u work-items", id[i], i,
                     d->block[i], d->grid[i]);
            return refuse(error, d, message);
        }
        size[i] = d->grid[i] - start < d->block[i] ? (uint32_t)(d->grid[i] - start) : d->block[i];
        items *= size[i];
    }
    if (items > MAX_WAVES * SIM_LANES) {
        snprintf(message, sizeof message, "%llu work-items in a workgroup, at most %d expected",
                 (unsigned long long)items, MAX_WAVES * SIM_LANES);
        return refuse(error, d, message);
    }
    return 0;
}

static int prepare(sim_worker *worker, sim_workgroup *wg, const uint32_t size[3])
{
    const sim_dispatch *d = wg->dispatch;
    uint32_t limit = d->program->arch == SIM_GFX950 ? 163840 : 65536;
    uint32_t scratch =
        d->scratch_bytes > d->kernel->private_bytes ? d->scratch_bytes : d->kernel->private_bytes;
    char message[128];

    if (d->lds_bytes > limit || d->lds_bytes < d->kernel->group_bytes) {
        snprintf(message, sizeof message, "LDS of %u bytes: the kernel needs %u, the device has %u",
                 d->lds_bytes, d->kernel->group_bytes, limit);
        return refuse(wg->error, d, message);
    }
    if (d->kernel->properties & USES_DYNAMIC_STACK && scratch < DYNAMIC_STACK_BYTES)
        scratch = DYNAMIC_STACK_BYTES;
    scratch = (scratch + 15) & ~15u;
    wg->num_waves = (size[0] * size[1] * size[2] + SIM_LANES - 1) / SIM_LANES;
    wg->waves = worker->waves;
    wg->lds_bytes = d->lds_bytes;
    wg->lds = reserve(&worker->lds, &worker->lds_size, d->lds_bytes + LDS_PAD);
    size_t wave_scratch = (size_t)scratch * SIM_LANES;
    if (!wg->lds || (scratch && !reserve(&worker->scratch, &worker->scratch_size,
                                         wave_scratch * wg->num_waves)))
        return refuse(wg->error, d, "out of memory for LDS or scratch");
    memset(wg->lds, 0, d->lds_bytes);
    for (unsigned i = 0; i < wg->num_waves; i++)
        if (init_wave(&wg->waves[i], wg, d, i, size,
                      scratch ? worker->scratch + i * wave_scratch : NULL, scratch))
            return -1;
    return 0;
}

static int prepare_checks(sim_worker *worker, sim_workgroup *wg)
{
    unsigned checks = wg->dispatch->checks;

    if (!checks)
        return 0;
    if (!worker->check)
        worker->check = sim_check_create();
    if (!worker->check || sim_check_begin(worker->check, wg, checks))
        return refuse(wg->error, wg->dispatch, "out of memory for the checkers");
    return 0;
}

int sim_workgroup_prepare(sim_worker *worker, sim_workgroup *wg, const sim_dispatch *dispatch,
                          const uint32_t workgroup[3], sim_error *error)
{
    uint32_t size[3];

    *wg = (sim_workgroup){.dispatch = dispatch, .error = error};
    memset(error, 0, sizeof *error);
    error->lane = -1;
    memcpy(wg->id, workgroup, sizeof wg->id);
    memcpy(error->workgroup, workgroup, sizeof wg->id);
    return workgroup_size(dispatch, workgroup, size, error) ? -1 : prepare(worker, wg, size);
}

int sim_run_workgroup(sim_worker *worker, const sim_dispatch *dispatch, const uint32_t workgroup[3],
                      sim_error *error)
{
    sim_workgroup wg;
    fenv_t saved;
    int result = -1;

    sim_mem_forget();
    feholdexcept(&saved);
    fesetround(FE_TONEAREST);
    if (sim_workgroup_prepare(worker, &wg, dispatch, workgroup, error) == 0 &&
        prepare_checks(worker, &wg) == 0) {
        result = sim_workgroup_run(&wg, dispatch->checks ? sim_check_run_wave : sim_run_wave);
        for (unsigned i = 0; i < wg.num_waves; i++)
            worker->executed += wg.waves[i].executed;
    }
    fesetenv(&saved);
    return result;
}
