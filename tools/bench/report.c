#include "tools/bench/bench.h"

#include <math.h>
#include <stdio.h>

#include <json-c/json.h>

/* ---- For people ---- */

static void print_problem(const bench_options *o)
{
    const trial_spec *s = &o->spec;
    char variant[TRIAL_VARIANT_MAX];

    trial_variant_text(s, variant);
    printf("  problem    batch %d, heads %d, kv heads %d, seqlen_q %d, seqlen_k %d, head_dim %d",
           s->batch, s->heads, s->heads_kv, s->seqlen_q, s->seqlen_k, s->hdqk);
    if (s->hdv != s->hdqk)
        printf(" (v: %d)", s->hdv);
    printf(", %s, %s%s, %s%s%s\n", num_dtype_name(s->dtype), s->causal ? "causal" : "not causal",
           s->lse ? ", lse" : "", trial_layout_name(s->layout), *variant ? "," : "", variant);
}

static void print_kernel(const bench_result *r)
{
    const aiter_kernel_info *k = &r->kernel;

    printf("  kernel     %s\n", k->symbol);
    printf("             %d VGPRs (of these %d AGPRs), %d SGPRs, %d bytes LDS, %d threads, %zu "
           "bytes of code\n",
           k->vgprs, k->agprs, k->sgprs, k->lds_bytes, k->block_size, k->code_bytes);
    printf("             %d VGPR spills, %d SGPR spills, %d bytes scratch\n", k->vgpr_spills,
           k->sgpr_spills, k->scratch_bytes);
}

static void print_times(const bench_result *r)
{
    printf("  prepare    %.3f ms (%s)\n", 1e3 * r->prepare_s,
           r->kernel.from_cache ? "from cache" : "compiled");
    printf("  run        min %.3f ms, median %.3f ms of %d", 1e3 * r->min_s, 1e3 * r->median_s,
           r->iterations);
    if (!r->simulated)
        printf(", %.1f TFLOP/s", r->flop / r->median_s * 1e-12);
    putchar('\n');
    if (r->simulated && r->counts.launches)
        printf("  simulator  %llu wave instructions in %llu workgroups, %.3f ms of host time per "
               "launch\n",
               (unsigned long long)(r->counts.instructions / r->counts.launches),
               (unsigned long long)r->counts.workgroups,
               1e-6 * (double)r->counts.host_ns / (double)r->counts.launches);
}

static void print_check(const bench_options *o, const bench_result *r)
{
    const ref_verdict *v = &r->verdict.result;
    char why[256];

    printf("  check      max error %.3g, tolerance %.3g (error of textbook %s %.3g, largest value "
           "%.3g): %s\n",
           v->max_error, v->tolerance, num_dtype_name(o->spec.dtype), v->lowp_error, v->range,
           r->verdict.pass ? "pass" : "FAIL");
    if (o->spec.lse)
        printf("             lse: max error %.3g\n", v->lse_max_error);
    trial_explain(&r->verdict, why, sizeof why);
    if (*why)
        printf("             %s\n", why);
}

void bench_print(const bench_options *o, const bench_result *r)
{
    printf("%s on %s (%s)\n", bench_operation_name(o->operation), device_name(r->device),
           device_product(r->device));
    print_problem(o);
    print_kernel(r);
    print_times(r);
    if (r->checked)
        print_check(o, r);
}

/* ---- JSON ---- */

static void put_text(json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static void put_int(json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static void put_bool(json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

/* JSON has no infinities and no NaN: null. */
static void put_number(json_object *o, const char *key, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.9g", value);
    json_object_object_add(o, key, isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static json_object *device_json(const bench_result *r)
{
    json_object *o = json_object_new_object();

    put_text(o, "name", device_name(r->device));
    put_text(o, "product", device_product(r->device));
    put_text(o, "arch", device_arch(r->device));
    put_bool(o, "simulated", device_simulated(r->device));
    return o;
}

static json_object *problem_json(const trial_spec *s)
{
    json_object *o = json_object_new_object();
    char variant[TRIAL_VARIANT_MAX];

    trial_variant_text(s, variant);
    put_int(o, "batch", (uint64_t)s->batch);
    put_int(o, "heads", (uint64_t)s->heads);
    put_int(o, "kv_heads", (uint64_t)s->heads_kv);
    put_int(o, "seqlen_q", (uint64_t)s->seqlen_q);
    put_int(o, "seqlen_k", (uint64_t)s->seqlen_k);
    put_int(o, "head_dim", (uint64_t)s->hdqk);
    put_int(o, "head_dim_v", (uint64_t)s->hdv);
    put_text(o, "dtype", num_dtype_name(s->dtype));
    put_bool(o, "causal", s->causal);
    put_bool(o, "lse", s->lse);
    put_text(o, "layout", trial_layout_name(s->layout));
    put_int(o, "seed", s->seed);
    put_text(o, "variant", *variant ? variant + 1 : "");
    return o;
}

static json_object *kernel_json(const bench_result *r)
{
    const aiter_kernel_info *k = &r->kernel;
    json_object *o = json_object_new_object();

    put_text(o, "configuration", r->config);
    put_text(o, "symbol", k->symbol);
    put_int(o, "block_size", (uint64_t)k->block_size);
    put_int(o, "vgprs", (uint64_t)k->vgprs);
    put_int(o, "agprs", (uint64_t)k->agprs);
    put_int(o, "sgprs", (uint64_t)k->sgprs);
    put_int(o, "vgpr_spills", (uint64_t)k->vgpr_spills);
    put_int(o, "sgpr_spills", (uint64_t)k->sgpr_spills);
    put_int(o, "lds_bytes", (uint64_t)k->lds_bytes);
    put_int(o, "scratch_bytes", (uint64_t)k->scratch_bytes);
    put_int(o, "code_bytes", k->code_bytes);
    return o;
}

static json_object *times_json(const bench_result *r)
{
    json_object *o = json_object_new_object();

    put_number(o, "context", r->context_s);
    put_number(o, "prepare", r->prepare_s);
    put_number(o, "compile", 1e-9 * (double)r->stats.compile_ns);
    put_number(o, "run_first", r->first_s);
    put_number(o, "run_min", r->min_s);
    put_number(o, "run_median", r->median_s);
    return o;
}

static json_object *cache_json(const bench_result *r)
{
    json_object *o = json_object_new_object();

    put_int(o, "compiles", r->stats.compiles);
    put_int(o, "disk_hits", r->stats.cache_hits);
    put_int(o, "table_hits", r->stats.table_hits);
    return o;
}

static json_object *simulator_json(const bench_result *r)
{
    const uint64_t launches = r->counts.launches ? r->counts.launches : 1;
    json_object *o = json_object_new_object();

    put_int(o, "instructions", r->counts.instructions / launches);
    put_int(o, "workgroups", r->counts.workgroups);
    put_int(o, "waves", r->counts.waves);
    put_number(o, "host_seconds", 1e-9 * (double)r->counts.host_ns / (double)launches);
    return o;
}

static json_object *check_json(const bench_result *r, bool lse)
{
    const ref_verdict *v = &r->verdict.result;
    json_object *o = json_object_new_object();
    char why[256];

    trial_explain(&r->verdict, why, sizeof why);
    put_bool(o, "pass", r->verdict.pass);
    put_text(o, "reason", why);
    put_number(o, "max_error", v->max_error);
    put_number(o, "tolerance", v->tolerance);
    put_number(o, "textbook_error", v->lowp_error);
    put_number(o, "range", v->range);
    put_number(o, "bound_ratio", v->bound_ratio);
    put_int(o, "not_finite", v->not_finite);
    put_int(o, "stray_writes", r->verdict.stray_writes);
    if (lse)
        put_number(o, "lse_max_error", v->lse_max_error);
    return o;
}

void bench_print_json(const bench_options *options, const bench_result *r)
{
    json_object *o = json_object_new_object();

    put_text(o, "format", "aiter-bench-1");
    put_text(o, "operation", bench_operation_name(options->operation));
    json_object_object_add(o, "device", device_json(r));
    json_object_object_add(o, "problem", problem_json(&options->spec));
    json_object_object_add(o, "kernel", kernel_json(r));
    put_int(o, "iterations", (uint64_t)r->iterations);
    json_object_object_add(o, "seconds", times_json(r));
    json_object_object_add(o, "cache", cache_json(r));
    if (r->simulated)
        json_object_object_add(o, "simulator", simulator_json(r));
    else
        put_number(o, "tflops", r->flop / r->median_s * 1e-12);
    if (r->checked)
        json_object_object_add(o, "check", check_json(r, options->spec.lse));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}
