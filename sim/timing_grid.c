/* A grid of workgroups on the device's CUs. */
#include "sim/timing_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- occupancy ---- */

/* Workgroups a CU can keep track of. [ISA]: 16 barriers; workgroups of one wave need none. */
enum { MAX_GROUPS_PER_CU = 32, MAX_BARRIERS = 16 };

static uint32_t at_least_one(uint32_t n)
{
    return n ? n : 1;
}

/* COMPUTE_PGM_RSRC1 and 3 as LLVM's AMDGPU usage guide lays them out. */
static void count_registers(const sim_kernel *k, timing_occupancy *o)
{
    uint32_t total = ((k->rsrc1 & 63) + 1) * SIM_VGPR_GRANULE, arch = ((k->rsrc3 & 63) + 1) * 4;

    o->vgprs = arch < total ? arch : total;
    o->agprs = total - o->vgprs;
    o->sgprs = ((k->rsrc1 >> 6 & 15) / 2 + 1) * 16;
}

static void limit(timing_occupancy *o, uint32_t groups, const char *by)
{
    if (groups < o->groups_per_cu) {
        o->groups_per_cu = at_least_one(groups);
        o->limited_by = by;
    }
}

static uint32_t lds_granule(const sim_device_info *device)
{
    return strcmp(device->arch, "gfx950") == 0 ? 1280 : 512;
}

timing_occupancy timing_occupancy_of(const sim_dispatch *d, const sim_device_info *device)
{
    timing_occupancy o = {.groups_per_cu = MAX_GROUPS_PER_CU, .limited_by = "workgroups"};
    uint32_t items = d->block[0] * d->block[1] * d->block[2];

    count_registers(d->kernel, &o);
    o.waves_per_group = at_least_one((items + SIM_LANES - 1) / SIM_LANES);
    if (o.waves_per_group > 1)
        limit(&o, MAX_BARRIERS, "workgroups");
    limit(&o, SIM_SIMDS_PER_CU * SIM_WAVES_PER_SIMD / o.waves_per_group, "waves");
    if (d->lds_bytes) {
        uint32_t granule = lds_granule(device);
        limit(&o, (uint32_t)device->lds_bytes / ((d->lds_bytes + granule - 1) / granule * granule),
              "lds");
    }
    /* Last: LLVM gives a kernel more registers if LDS lets fewer waves run anyway. */
    uint32_t by_registers = SIM_VGPRS_PER_SIMD / (o.vgprs + o.agprs);
    limit(&o, SIM_SIMDS_PER_CU * by_registers / o.waves_per_group, "vgprs");
    return o;
}

/* ---- geometry ---- */

void timing_grid_init(timing_grid *grid, const sim_dispatch *d, const sim_device_info *device)
{
    uint64_t cus = (uint64_t)device->num_cus;

    memset(grid, 0, sizeof *grid);
    grid->dispatch = d;
    grid->device = device;
    grid->arch = sim_timing_arch(sim_program_arch(d->program));
    grid->occupancy = timing_occupancy_of(d, device);
    grid->total = 1;
    for (unsigned i = 0; i < 3; i++) {
        grid->groups[i] = (d->grid[i] + d->block[i] - 1) / d->block[i];
        grid->total *= grid->groups[i];
    }
    grid->working = grid->total < cus ? grid->total : cus;
    uint64_t share = (grid->total + cus - 1) / cus;
    grid->resident = grid->occupancy.groups_per_cu;
    if (share < grid->resident) {
        grid->resident = (uint32_t)share;
        grid->occupancy.limited_by = "grid";
    }
    grid->occupancy.waves_per_simd =
        (grid->resident * grid->occupancy.waves_per_group + SIM_SIMDS_PER_CU - 1) /
        SIM_SIMDS_PER_CU;
}

void timing_grid_id(const timing_grid *grid, uint64_t number, uint32_t id[3])
{
    id[0] = (uint32_t)(number % grid->groups[0]);
    id[1] = (uint32_t)(number / grid->groups[0] % grid->groups[1]);
    id[2] = (uint32_t)(number / grid->groups[0] / grid->groups[1]);
}

/* Workgroups are dealt to XCDs in turn and there to CUs in turn, so those that share a CU are a
 * whole round of the device apart. */
unsigned timing_grid_together(const timing_grid *grid, uint64_t number, uint32_t (*ids)[3])
{
    unsigned n = grid->resident;

    for (unsigned i = 0; i < n; i++)
        timing_grid_id(grid, (number + i * (uint64_t)grid->device->num_cus) % grid->total, ids[i]);
    return n;
}

/* ---- shares ---- */

static double at_most(double value, double most)
{
    return value < most ? value : most;
}

/* Of the instructions that load what others load too, if there are any. */
static double mean_sharers(const timing_grid *grid, const timing_sharers *sharers)
{
    size_t size = sim_program_size(grid->dispatch->program), count = 0;
    double sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += sharers[i].xcd > 1 ? sharers[i].xcd : 0;
        count += sharers[i].xcd > 1;
    }
    return count ? sum / (double)count : 1;
}

/* What all CUs share is divided evenly among those that work. L2 holds a line once for all that read
 * it. */
timing_share timing_grid_share(const timing_grid *grid, const timing_sharers *sharers)
{
    const timing_arch *a = grid->arch;
    double clock = grid->device->clock_khz * 1e3, cus = (double)grid->working;
    double xcds = grid->device->num_xccs, per_xcd = cus / at_most(xcds, cus);
    double l2 = (double)a->l2_channels * a->l2_channel_bytes;

    return (timing_share){
        .l2_bytes_per_clk = at_most(a->l2_bytes_per_clk, l2 / per_xcd),
        .mall_bytes_per_clk = a->mall_bytes ? a->mall_gbps * 1e9 / clock / cus : 0,
        .hbm_bytes_per_clk = a->hbm_gbps * 1e9 / clock / cus,
        .l2_bytes = (uint64_t)at_most(grid->device->l2_bytes / per_xcd * mean_sharers(grid, sharers),
                                      grid->device->l2_bytes),
        .sharers = sharers};
}

/* ---- the whole grid ---- */

enum { MAX_DEALT = 1 << 21 }; /* workgroups; of larger grids as many, and the rest in proportion */

/* A CU with what its workgroups still have to do, in cycles of a full CU. */
typedef struct cu {
    double now, left[MAX_GROUPS_PER_CU];
    unsigned count;
} cu;

typedef struct deal {
    const timing_grid *grid;
    double alone;
    cu *cus;
    unsigned num_cus;
} deal;

/* How many times as fast as on a full CU a workgroup runs on one with `count`. */
static double speed(const deal *d, unsigned count)
{
    unsigned full = d->grid->resident;

    if (full == 1 || count == 0)
        return 1;
    return 1 / (d->alone + (1 - d->alone) * (count - 1) / (full - 1));
}

static double first_end(const deal *d, const cu *c)
{
    double least = c->left[0];

    for (unsigned i = 1; i < c->count; i++)
        least = c->left[i] < least ? c->left[i] : least;
    return c->now + least / speed(d, c->count);
}

static void advance(const deal *d, cu *c, double to)
{
    double done = (to - c->now) * speed(d, c->count);
    unsigned kept = 0;

    for (unsigned i = 0; i < c->count; i++)
        if (c->left[i] > done + 0.01) /* what rounding leaves is no cycle */
            c->left[kept++] = c->left[i] - done;
    c->count = kept;
    c->now = to;
}

/* The CU with the fewest workgroups. */
static cu *roomiest(const deal *d)
{
    cu *best = &d->cus[0];

    for (unsigned i = 1; i < d->num_cus; i++)
        if (d->cus[i].count < best->count)
            best = &d->cus[i];
    return best;
}

/* When workgroups end next; all that do are taken off their CUs. false: all are empty. */
static bool end_next(const deal *d, double *when)
{
    double first = INFINITY;

    for (unsigned i = 0; i < d->num_cus; i++)
        if (d->cus[i].count)
            first = fmin(first, first_end(d, &d->cus[i]));
    if (first == INFINITY)
        return false;
    for (unsigned i = 0; i < d->num_cus; i++)
        if (d->cus[i].count && first_end(d, &d->cus[i]) <= first)
            advance(d, &d->cus[i], first);
    *when = first;
    return true;
}

static double one_xcd(const deal *d, uint64_t first, uint64_t end, uint64_t step,
                      double (*cycles)(const void *, uint64_t), const void *context)
{
    double when = 0;

    memset(d->cus, 0, d->num_cus * sizeof *d->cus);
    for (uint64_t n = first; n < end; n += step) {
        cu *c = roomiest(d);
        if (c->count == d->grid->resident && end_next(d, &when))
            c = roomiest(d);
        advance(d, c, when);
        c->left[c->count++] = cycles(context, n);
    }
    while (end_next(d, &when)) continue;
    return when;
}

double timing_grid_makespan(const timing_grid *grid,
                            double (*cycles)(const void *context, uint64_t number),
                            const void *context, double alone)
{
    const uint64_t xcds = (uint64_t)grid->device->num_xccs;
    uint64_t end = grid->total < MAX_DEALT ? grid->total : MAX_DEALT;
    deal d = {grid, alone, NULL, (unsigned)((uint64_t)grid->device->num_cus / xcds)};
    double last = 0;

    d.cus = malloc(d.num_cus * sizeof *d.cus);
    if (!d.cus)
        return -1;
    for (uint64_t i = 0; i < xcds; i++) {
        double t = one_xcd(&d, i, end, xcds, cycles, context);
        last = t > last ? t : last;
    }
    free(d.cus);
    return last * (double)grid->total / (double)end;
}
