/* The whole path up to the launch with the real compiler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

/* The real compiler behind a script that counts its starts. */
static int setup(void **state)
{
    int failed = fixture_setup(state);
    fixture *f = *state;
    static char script[400]; /* options keep the pointer */
    char text[1024];
    snprintf(script, sizeof script, "%s/counting-compiler", f->dir);
    snprintf(text, sizeof text, "#!/bin/sh\necho start >> '%s/log'\nexec '%s' \"$@\"\n",
             f->compiler_dir, REAL_COMPILER);
    write_text(script, text);
    assert_int_equal(chmod(script, 0700), 0);
    f->options.compiler = script;
    f->options.compile_jobs = 1;
    return failed;
}

static aiter_kernel_info prepare_info(aiter_context *ctx, const input *in)
{
    static char symbol[256];
    aiter_plan *plan;
    aiter_kernel_info info = { .size = sizeof info };
    assert_ok(aiter_prepare(ctx, &in->args, &plan));
    assert_ok(aiter_plan_info(plan, &info));
    snprintf(symbol, sizeof symbol, "%s", info.symbol);
    info.symbol = symbol;
    aiter_plan_destroy(plan);
    return info;
}

/* ELF header, e_flags: the processor. LLVM, "User Guide for AMDGPU Backend", table of
 * EF_AMDGPU_MACH values. */
static unsigned machine_of(const void *code)
{
    unsigned flags;
    memcpy(&flags, (const char *)code + 48, sizeof flags);
    return flags & 0xff;
}

static void test_cold_then_warm(void **state)
{
    fixture *f = *state;
    input in;
    input_init(&in);
    aiter_context *ctx = fixture_context(f);
    aiter_kernel_info cold = prepare_info(ctx, &in);
    assert_int_equal(cold.from_cache, 0);
    assert_true(cold.vgprs > 0);
    assert_true(cold.code_bytes > 1000);
    assert_ok(aiter_flash_attn_func(ctx, &in.args));
    assert_string_equal(f->hip->last.kernel, cold.symbol);
    aiter_context_destroy(ctx);
    int starts = fixture_count(f, "start");
    assert_true(starts > 0);

    ctx = fixture_context(f);
    aiter_kernel_info warm = prepare_info(ctx, &in);
    assert_int_equal(warm.from_cache, 1);
    assert_int_equal(warm.code_bytes, cold.code_bytes);
    assert_int_equal(warm.vgprs, cold.vgprs);
    assert_int_equal(warm.lds_bytes, cold.lds_bytes);
    assert_int_equal(fixture_stats(ctx).compiles, 0);
    assert_int_equal(fixture_count(f, "start"), starts); /* it was not even asked */
    aiter_context_destroy(ctx);
}

/* The identity that the compiler gives before and after a compile is one, or nothing would be found
 * again. */
static void test_identity_is_stable(void **state)
{
    fixture *f = *state;
    input in;
    aiter_context *ctx = fixture_context(f);
    input_init_dim(&in, 64);
    prepare_info(ctx, &in);
    input_init_dim(&in, 128);
    prepare_info(ctx, &in);
    aiter_context_destroy(ctx);
    ctx = fixture_context(f);
    assert_int_equal(prepare_info(ctx, &in).from_cache, 1);
    input_init_dim(&in, 64);
    assert_int_equal(prepare_info(ctx, &in).from_cache, 1);
    aiter_context_destroy(ctx);
}

static void compiles_for(fixture *f, const char *arch, const char *dtype, unsigned machine)
{
    char config[256];
    aiter_warmer *warmer;
    aiter_warm_result r = { .size = sizeof r };
    snprintf(config, sizeof config, "fmha_fwd arch=%s dtype=%s hdqk=128 mask=causal gqa=8 lse=1",
             arch, dtype);
    assert_ok(aiter_warmer_create(&warmer, &f->options));
    assert_ok(aiter_warm(warmer, config, &r));
    assert_int_equal(machine_of(r.code), machine);
    assert_int_equal(r.info.vgpr_spills, 0);
    assert_int_equal(r.info.sgpr_spills, 0);
    assert_int_equal(r.info.scratch_bytes, 0);
    aiter_free(r.code);
    aiter_warmer_destroy(warmer);
}

static void test_gfx90a(void **state)
{
    compiles_for(*state, "gfx90a", "bf16", 0x3f);
}

static void test_gfx942(void **state)
{
    compiles_for(*state, "gfx942", "fp16", 0x4c);
}

static void test_gfx950(void **state)
{
    compiles_for(*state, "gfx950", "bf16", 0x4f);
}

static void test_gfx1100(void **state)
{
    compiles_for(*state, "gfx1100", "fp32", 0x41);
}

static void test_gfx1201(void **state)
{
    compiles_for(*state, "gfx1201", "fp32", 0x4e);
}

/* The same bytes from another process and for another cache. */
static void test_reproducible(void **state)
{
    fixture *f = *state;
    static const char config[] = "fmha_fwd arch=gfx942 dtype=bf16 hdqk=64";
    aiter_warm_result r[2] = { { .size = sizeof r[0] }, { .size = sizeof r[1] } };
    f->options.no_cache = 1;
    for (int i = 0; i < 2; i++) {
        aiter_warmer *warmer;
        assert_ok(aiter_warmer_create(&warmer, &f->options));
        assert_ok(aiter_warm(warmer, config, &r[i]));
        aiter_warmer_destroy(warmer);
    }
    assert_int_equal(fixture_count(f, "start"), 2);
    assert_int_equal(r[0].info.code_bytes, r[1].info.code_bytes);
    assert_memory_equal(r[0].code, r[1].code, r[0].info.code_bytes);
    aiter_free(r[0].code);
    aiter_free(r[1].code);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cold_then_warm), T(test_identity_is_stable),
        T(test_gfx90a),         T(test_gfx942),
        T(test_gfx950),         T(test_gfx1100),
        T(test_gfx1201),        T(test_reproducible),
    };
    return cmocka_run_group_tests_name("real compiler", tests, NULL, NULL);
}
