#include "sim/launch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arguments.h"
#include "sim/check.h"
#include "sim/clock.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/timing.h"

enum { PACKET_BYTES = 64, ARGUMENT_SLACK = 64 };

/* ---- checks ---- */

hip_error sim_geometry_from_blocks(const unsigned blocks[3], const unsigned block[3],
                                   size_t dynamic_lds, sim_geometry *out)
{
    static const uint64_t max_blocks[3] = {INT_MAX, 65536, 65536};
    for (int i = 0; i < 3; i++) {
        if (blocks[i] > max_blocks[i]) {
            sim_report("grid dimension %c is %u blocks, at most %llu expected", 'x' + i, blocks[i],
                       (unsigned long long)max_blocks[i]);
            return HIP_ERROR_INVALID_VALUE;
        }
        uint64_t items = (uint64_t)blocks[i] * block[i];
        if (items > UINT32_MAX) {
            sim_report("grid dimension %c is %llu work-items, at most %u expected", 'x' + i,
                       (unsigned long long)items, UINT32_MAX);
            return HIP_ERROR_INVALID_CONFIGURATION;
        }
        out->grid[i] = (uint32_t)items;
        out->block[i] = block[i];
    }
    out->dynamic_lds = dynamic_lds;
    return HIP_SUCCESS;
}

static uint64_t product(const uint32_t v[3])
{
    return (uint64_t)v[0] * v[1] * v[2];
}

/* The block may be larger than the grid: the real runtime then cuts it down, and refuses other
 * grids that are not whole blocks. */
static hip_error fit_block(const char *kernel, sim_geometry *g)
{
    for (int i = 0; i < 3; i++) {
        if (g->block[i] > g->grid[i])
            g->block[i] = g->grid[i];
        if (g->grid[i] % g->block[i]) {
            sim_report(
                "kernel %s: grid dimension %c of %u work-items is not a multiple of the block's %u",
                kernel, 'x' + i, g->grid[i], g->block[i]);
            return HIP_ERROR_INVALID_VALUE;
        }
    }
    return HIP_SUCCESS;
}

static hip_error check_block(const sim_function *f, const sim_geometry *g)
{
    uint64_t block = (uint64_t)g->block[0] * g->block[1];
    block = block > SIM_MAX_BLOCK ? block : block * g->block[2];
    if (block > SIM_MAX_BLOCK) {
        sim_report("kernel %s: block (%u,%u,%u) has more than %d work-items", f->name, g->block[0],
                   g->block[1], g->block[2], SIM_MAX_BLOCK);
        return HIP_ERROR_INVALID_VALUE;
    }
    if (block > sim_function_max_block(f)) {
        sim_report("kernel %s: block (%u,%u,%u) has %llu work-items, at most %u expected by its "
                   "launch bounds",
                   f->name, g->block[0], g->block[1], g->block[2], (unsigned long long)block,
                   sim_function_max_block(f));
        return HIP_ERROR_LAUNCH_FAILURE;
    }
    return HIP_SUCCESS;
}

static hip_error check_geometry(const sim_function *f, int device, sim_geometry *g)
{
    size_t lds = sim_device_info_at(device)->lds_bytes;
    if (!g->grid[0] || !g->grid[1] || !g->grid[2]) {
        sim_report("kernel %s: empty grid (%u,%u,%u)", f->name, g->grid[0], g->grid[1], g->grid[2]);
        return g->block[0] && g->block[1] && g->block[2] ? HIP_ERROR_INVALID_VALUE
                                                         : HIP_ERROR_INVALID_CONFIGURATION;
    }
    if (!g->block[0] || !g->block[1] || !g->block[2]) {
        sim_report("kernel %s: empty block (%u,%u,%u)", f->name, g->block[0], g->block[1],
                   g->block[2]);
        return HIP_ERROR_INVALID_CONFIGURATION;
    }
    if (g->dynamic_lds > lds || f->descriptor.group_bytes > lds - g->dynamic_lds) {
        sim_report("kernel %s: %u bytes of static and %zu of dynamic LDS, at most %zu expected",
                   f->name, f->descriptor.group_bytes, g->dynamic_lds, lds);
        return HIP_ERROR_INVALID_VALUE;
    }
    hip_error e = check_block(f, g);
    return e == HIP_SUCCESS ? fit_block(f->name, g) : e;
}

/* ---- creation ---- */

static void put16(uint8_t *p, uint32_t v)
{
    uint16_t w = (uint16_t)v;
    memcpy(p, &w, sizeof w);
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

/* hsa_kernel_dispatch_packet_t: HSA runtime specification, "Kernel dispatch packet". */
static void write_packet(const sim_launch *l)
{
    enum { DIMENSIONS = 3, TYPE_KERNEL_DISPATCH = 2 };
    uint8_t *p = (uint8_t *)(uintptr_t)l->arguments;
    const sim_dispatch *d = &l->dispatch;
    put16(p, TYPE_KERNEL_DISPATCH);
    put16(p + 2, DIMENSIONS);
    for (int i = 0; i < 3; i++) {
        put16(p + 4 + 2 * i, d->block[i]);
        put32(p + 12 + 4 * i, d->grid[i]);
    }
    put32(p + 24, l->function->descriptor.private_bytes);
    put32(p + 28, d->lds_bytes);
    put64(p + 32, sim_function_descriptor_address(l->function));
    put64(p + 40, d->kernarg);
}

/* Kernel arguments live in their own read-only range. Scalar loads of merged arguments may reach
 * past the last one, which on the hardware stays inside the argument pool: hence the slack. */
static bool allocate_arguments(sim_launch *l)
{
    l->argument_bytes = PACKET_BYTES + sim_function_kernarg_bytes(l->function) + ARGUMENT_SLACK;
    l->arguments = sim_mem_map(l->argument_bytes);
    sim_mem_info info = {l->arguments, l->argument_bytes, SIM_MEM_INTERNAL, l->device, false, 0};
    if (!l->arguments)
        return false;
    if (!sim_mem_publish(&info)) {
        sim_mem_unmap(l->arguments, l->argument_bytes);
        l->arguments = 0;
        return false;
    }
    l->dispatch.kernarg = l->arguments + PACKET_BYTES;
    l->dispatch.dispatch_packet = l->arguments;
    write_packet(l);
    return true;
}

static bool allocate_checks(sim_launch *l)
{
    if (l->dispatch.checks & SIM_CHECK_RACE)
        l->dispatch.global = sim_check_global_create();
    return !(l->dispatch.checks & SIM_CHECK_RACE) || l->dispatch.global;
}

static void set_dispatch(sim_launch *l, const sim_geometry *g)
{
    sim_dispatch *d = &l->dispatch;
    d->program = sim_module_program(l->function->module);
    d->kernel = l->function->kernel;
    memcpy(d->grid, g->grid, sizeof d->grid);
    memcpy(d->block, g->block, sizeof d->block);
    d->lds_bytes = l->function->descriptor.group_bytes + (uint32_t)g->dynamic_lds;
    sim_check_environment(&d->checks, NULL, 0); /* its errors are those of every call */
    d->num_xcc = (uint32_t)sim_device_info_at(l->device)->num_xccs;
    for (int i = 0; i < 3; i++)
        l->groups[i] = (g->grid[i] + g->block[i] - 1) / g->block[i];
    l->total = product(l->groups);
}

static hip_error check_function(sim_function *f, int device)
{
    if (sim_module_device(f->module) != device) {
        sim_report("kernel %s was loaded on device %d, the stream is on device %d", f->name,
                   sim_module_device(f->module), device);
        return HIP_ERROR_INVALID_DEVICE;
    }
    hip_error e = sim_module_prepare(f->module);
    if (e != HIP_SUCCESS)
        return e;
    if (!f->kernel) {
        sim_report("kernel %s: not in the decoded program", f->name);
        return HIP_ERROR_INVALID_DEVICE_FUNCTION;
    }
    if (sim_function_kernarg_bytes(f) > SIM_MAX_KERNARG) {
        sim_report("kernel %s: %u bytes of arguments, at most %d expected", f->name,
                   sim_function_kernarg_bytes(f), SIM_MAX_KERNARG);
        return HIP_ERROR_INVALID_VALUE;
    }
    return HIP_SUCCESS;
}

/* Under the timing model, if it is on now. */
static hip_error add_timing(sim_launch *l)
{
    bool trace;
    aiter_sim_timing mode = sim_timing_mode(&trace);

    if (mode == AITER_SIM_TIMING_OFF)
        return HIP_SUCCESS;
    l->timing = sim_timing_create(&l->dispatch, sim_device_info_at(l->device), mode, trace);
    return l->timing ? HIP_SUCCESS : HIP_ERROR_OUT_OF_MEMORY;
}

hip_error sim_launch_create(sim_launch **out, int device, sim_function *f,
                            const sim_geometry *geometry, void **kernel_params, void **extra)
{
    sim_geometry g = *geometry;
    hip_error e = check_function(f, device);
    if (e == HIP_SUCCESS)
        e = check_geometry(f, device, &g);
    if (e != HIP_SUCCESS)
        return e;
    sim_launch *l = calloc(1, sizeof *l);
    if (!l)
        return HIP_ERROR_OUT_OF_MEMORY;
    l->function = f;
    l->device = device;
    set_dispatch(l, &g);
    if (!allocate_checks(l) || !allocate_arguments(l)) {
        sim_launch_destroy(l);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    e = sim_arguments_pack((uint8_t *)(uintptr_t)l->dispatch.kernarg, f, &g, kernel_params, extra);
    if (e == HIP_SUCCESS)
        e = add_timing(l);
    if (e != HIP_SUCCESS) {
        sim_launch_destroy(l);
        return e;
    }
    *out = l;
    return HIP_SUCCESS;
}

sim_launch *sim_launch_clone(const sim_launch *launch)
{
    sim_launch *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->function = launch->function;
    l->device = launch->device;
    l->dispatch = launch->dispatch;
    l->dispatch.global = NULL;
    memcpy(l->groups, launch->groups, sizeof l->groups);
    l->total = launch->total;
    if (!allocate_checks(l) || !allocate_arguments(l) || add_timing(l) != HIP_SUCCESS) {
        sim_launch_destroy(l);
        return NULL;
    }
    memcpy((void *)(uintptr_t)l->dispatch.kernarg,
           (const void *)(uintptr_t)launch->dispatch.kernarg,
           sim_function_kernarg_bytes(l->function));
    return l;
}

void sim_launch_destroy(sim_launch *l)
{
    sim_timing_destroy(l->timing);
    if (l->arguments) {
        sim_mem_withdraw(l->arguments, NULL);
        sim_mem_unmap(l->arguments, l->argument_bytes);
    }
    sim_check_global_destroy(l->dispatch.global);
    free(l);
}

/* ---- running ---- */

bool sim_launch_exhausted(const sim_launch *l)
{
    if (l->timing)
        return atomic_load(&l->failed) || sim_timing_exhausted(l->timing);
    return atomic_load(&l->failed) || atomic_load(&l->taken) >= l->total;
}

/* A memory fault has an address or a lane; the rest is an instruction that could not be executed.
 */
static hip_error fault_code(const sim_error *error)
{
    if (error->finding)
        return HIP_ERROR_LAUNCH_FAILURE;
    return error->address || error->lane >= 0 ? HIP_ERROR_ILLEGAL_ADDRESS
                                              : HIP_ERROR_LAUNCH_FAILURE;
}

static void fail(sim_launch *l, const sim_error *error, hip_error code)
{
    if (!atomic_exchange(&l->error_claimed, true)) {
        l->error = *error;
        l->code = code;
    }
    atomic_store(&l->failed, true);
}

static void run_groups(sim_launch *l, sim_worker *worker)
{
    while (!atomic_load(&l->failed)) {
        uint64_t i = atomic_fetch_add(&l->taken, 1);
        if (i >= l->total)
            return;
        uint32_t id[3] = {(uint32_t)(i % l->groups[0]), (uint32_t)(i / l->groups[0] % l->groups[1]),
                          (uint32_t)(i / l->groups[0] / l->groups[1])};
        sim_error error = {.lane = -1};
        if (sim_run_workgroup(worker, &l->dispatch, id, &error))
            fail(l, &error, fault_code(&error));
    }
}

static void run_timed(sim_launch *l, uint64_t *instructions)
{
    sim_error error = {.lane = -1};

    if (sim_timing_run(l->timing, &error, instructions))
        fail(l, &error, fault_code(&error));
}

void sim_launch_run(sim_launch *l, sim_worker *worker)
{
    if (!worker) {
        sim_error error = {.lane = -1};
        snprintf(error.message, sizeof error.message, "out of memory for a worker's registers");
        snprintf(error.kernel, sizeof error.kernel, "%s", l->function->name);
        fail(l, &error, HIP_ERROR_LAUNCH_OUT_OF_RESOURCES);
        return;
    }
    uint64_t before = sim_worker_executed(worker), timed = 0;
    sim_mem_kernel_begin(l->device);
    if (l->timing)
        run_timed(l, &timed);
    else
        run_groups(l, worker);
    sim_mem_kernel_end();
    atomic_fetch_add(&l->instructions, sim_worker_executed(worker) - before + timed);
}

hip_error sim_launch_finish(sim_launch *l)
{
    if (atomic_load(&l->failed)) {
        char text[1024];
        sim_error_format(&l->error, text, sizeof text);
        sim_report("device %d: %s", l->device, text);
        return l->code;
    }
    sim_prediction predicted = {0};
    if (l->timing)
        predicted = sim_timing_finish(l->timing);
    l->predicted_seconds = predicted.seconds;
    uint64_t waves = (product(l->dispatch.block) + SIM_WAVE_SIZE - 1) / SIM_WAVE_SIZE;
    sim_launch_stats stats = {l->function->name, atomic_load(&l->instructions), l->total,
                              l->total * waves, sim_now_ns() - l->start_ns, predicted};
    sim_report_launch(&stats);
    return HIP_SUCCESS;
}
