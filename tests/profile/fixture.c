#include "tests/profile/fixture.h"

#include <stdbool.h>
#include <string.h>

/* What every wave does, in this order: waits for `reason`, issues for `issue` cycles. */
static const struct step {
    const char *text;
    aiter_sim_unit unit;
    aiter_sim_stall reason;
    unsigned stall, issue, busy, conflict, bytes, lines;
} steps[FIXTURE_INSTS] = {
    { "s_load_dwordx4 s[0:3], s[4:5], 0x0", AITER_SIM_UNIT_SMEM, AITER_SIM_STALL_FETCH, 30, 4, 1, 0,
      0, 0 },
    { "global_load_dwordx4 v[0:3], v8, s[0:1]", AITER_SIM_UNIT_VMEM, AITER_SIM_STALL_LGKM_SMEM, 200, 4,
      16, 0, 1024, 16 },
    { "s_waitcnt vmcnt(0)", AITER_SIM_UNIT_OTHER, AITER_SIM_STALL_VMCNT, 700, 4, 0, 0, 0, 0 },
    { "ds_read_b128 v[4:7], v9", AITER_SIM_UNIT_LDS, AITER_SIM_STALL_UNIT_LDS, 12, 4, 16, 8, 1024, 0 },
    { "v_mfma_f32_32x32x8_bf16_1k a[0:15], v[0:1], v[4:5], a[0:15]", AITER_SIM_UNIT_MFMA,
      AITER_SIM_STALL_LGKM_LDS, 100, 4, 32, 0, 0, 0 },
    { "v_exp_f32_e32 v0, v0", AITER_SIM_UNIT_TRANS, AITER_SIM_STALL_MFMA, 60, 16, 16, 0, 0, 0 },
    { "s_endpgm", AITER_SIM_UNIT_OTHER, AITER_SIM_STALL_BARRIER, 20, 4, 0, 0, 0, 0 },
};

static const struct { uint32_t workgroup, cu; uint64_t start; } workgroups[3] = {
    { 0, 4, 0 }, { 1, 9, 5 }, { 2, 4, 1200 },
};

static aiter_sim_inst_profile insts[FIXTURE_INSTS];
static aiter_sim_wave_profile waves[FIXTURE_WAVES];
static aiter_sim_event events[FIXTURE_EVENTS];

static void add_event(size_t *n, uint64_t start, uint64_t end, uint32_t wave, uint32_t inst,
                      bool stalled)
{
    events[(*n)++] = (aiter_sim_event){
        .start = start,
        .end = end,
        .wave = wave,
        .inst = inst,
        .stalled = stalled,
        .unit = (uint8_t)steps[inst].unit,
        .reason = (uint8_t)steps[inst].reason,
    };
}

static void make_wave(uint32_t index, size_t *num_events)
{
    aiter_sim_wave_profile *w = &waves[index];
    uint64_t now = workgroups[index / 4].start;

    *w = (aiter_sim_wave_profile){ .workgroup = { workgroups[index / 4].workgroup },
                                   .wave = index % 4,
                                   .cu = workgroups[index / 4].cu,
                                   .simd = index % 4,
                                   .start = now,
                                   .issued = FIXTURE_INSTS };
    for (uint32_t i = 0; i < FIXTURE_INSTS; i++) {
        const unsigned stall = steps[i].stall + (i == 5 ? 10 * w->wave : 0); /* waves differ */
        add_event(num_events, now, now + stall, index, i, true);
        add_event(num_events, now + stall, now + stall + steps[i].issue, index, i, false);
        now += stall + steps[i].issue;
        w->stall_cycles[steps[i].reason] += stall;
        insts[i].stall_cycles[steps[i].reason] += stall;
        insts[i].issued++;
        insts[i].busy_cycles += steps[i].busy;
        insts[i].lds_conflict_cycles += steps[i].conflict;
        insts[i].bytes += steps[i].bytes;
        insts[i].lines += steps[i].lines;
    }
    w->end = now;
}

aiter_sim_profile *fixture_profile(void)
{
    static aiter_sim_profile profile;
    size_t num_events = 0;

    memset(insts, 0, sizeof insts);
    for (uint32_t i = 0; i < FIXTURE_INSTS; i++) {
        insts[i].offset = 0x1a00 + 8 * i;
        insts[i].text = steps[i].text;
        insts[i].unit = steps[i].unit;
    }
    for (uint32_t i = 0; i < FIXTURE_WAVES; i++)
        make_wave(i, &num_events);
    profile = (aiter_sim_profile){
        .kernel = "fixture",
        .arch = "gfx942",
        .grid = { 1000, 2, 1 },
        .block = { 256, 1, 1 },
        .cycles = 2.1e6,
        .seconds = 1e-3,
        .clock_hz = 2.1e9,
        .sustained_clock_hz = 1.75e9,
        .sustained_seconds = 1.2e-3,
        .busy = { [AITER_SIM_UNIT_VALU] = 0.4, [AITER_SIM_UNIT_TRANS] = 0.1,
                  [AITER_SIM_UNIT_MFMA] = 0.55, [AITER_SIM_UNIT_SALU] = 0.03,
                  [AITER_SIM_UNIT_SMEM] = 0.001, [AITER_SIM_UNIT_LDS] = 0.25,
                  [AITER_SIM_UNIT_VMEM] = 0.08, [AITER_SIM_UNIT_OTHER] = 0.9 },
        .matrix_flops = 6e11,
        .matrix_peak_flops = 1.3e15,
        .vector_flops = 2e10,
        .instructions = 123456789,
        .lds_conflict = 0.5,
        .l1 = { 4e9, 1e8, 0.5, 4e13, 0.1 },
        .l2 = { 2e9, 1e8, 0.75, 1e13, 0.21 },
        .hbm = { 5e8, 1e8, 0, 5.3e12, 0.113 },
        .num_cus = 304,
        .simds_per_cu = 4,
        .vgprs = 128,
        .agprs = 64,
        .sgprs = 96,
        .lds_bytes = 32768,
        .waves_per_workgroup = 4,
        .workgroups_per_cu = 2,
        .waves_per_simd = 2,
        .limited_by = "vgprs",
        .workgroups = 2000,
        .simulated_workgroups = 3,
        .rounds = 2000.0 / 608,
        .insts = insts,
        .num_insts = FIXTURE_INSTS,
        .waves = waves,
        .num_waves = FIXTURE_WAVES,
        .events = events,
        .num_events = num_events,
    };
    return &profile;
}
