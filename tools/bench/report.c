#include "tools/bench/bench.h"

#include <stdio.h>

#include "tools/json.h"

/* ---- For people ---- */

void bench_print_problem(const trial_spec *s)
{
    char variant[TRIAL_VARIANT_MAX];

    trial_variant_text(s, variant);
    printf("  problem    batch %d, heads %d, kv heads %d, seqlen_q %d, seqlen_k %d, head_dim %d",
           s->batch, s->heads, s->heads_kv, s->seqlen_q, s->seqlen_k, s->hdqk);
    if (s->hdv != s->hdqk)
        printf(" (v: %d)", s->hdv);
    printf("\n             %s, %s%s, %s%s%s\n", num_dtype_name(s->dtype),
           s->causal ? "causal" : "not causal", s->lse ? ", lse" : "", trial_layout_name(s->layout),
           *variant ? "," : "", variant);
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
        printf(", %.1f TFLOP/s", r->need.flop / r->median_s * 1e-12);
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
    bench_print_problem(&o->spec);
    print_kernel(r);
    print_times(r);
    if (r->checked)
        print_check(o, r);
}

/* ---- JSON ---- */

json_object *bench_device_json(const device *d)
{
    json_object *o = json_object_new_object();

    json_put_text(o, "name", device_name(d));
    json_put_text(o, "product", device_product(d));
    json_put_text(o, "arch", device_arch(d));
    json_put_bool(o, "simulated", device_simulated(d));
    return o;
}

json_object *bench_problem_json(const trial_spec *s)
{
    json_object *o = json_object_new_object();
    char variant[TRIAL_VARIANT_MAX];

    trial_variant_text(s, variant);
    json_put_int(o, "batch", s->batch);
    json_put_int(o, "heads", s->heads);
    json_put_int(o, "kv_heads", s->heads_kv);
    json_put_int(o, "seqlen_q", s->seqlen_q);
    json_put_int(o, "seqlen_k", s->seqlen_k);
    json_put_int(o, "head_dim", s->hdqk);
    json_put_int(o, "head_dim_v", s->hdv);
    json_put_text(o, "dtype", num_dtype_name(s->dtype));
    json_put_bool(o, "causal", s->causal);
    json_put_bool(o, "lse", s->lse);
    json_put_text(o, "layout", trial_layout_name(s->layout));
    json_put_int(o, "seed", s->seed);
    json_put_text(o, "variant", *variant ? variant + 1 : "");
    return o;
}

static json_object *kernel_json(const bench_result *r)
{
    const aiter_kernel_info *k = &r->kernel;
    json_object *o = json_object_new_object();

    json_put_text(o, "configuration", r->config);
    json_put_text(o, "symbol", k->symbol);
    json_put_int(o, "block_size", k->block_size);
    json_put_int(o, "vgprs", k->vgprs);
    json_put_int(o, "agprs", k->agprs);
    json_put_int(o, "sgprs", k->sgprs);
    json_put_int(o, "vgpr_spills", k->vgpr_spills);
    json_put_int(o, "sgpr_spills", k->sgpr_spills);
    json_put_int(o, "lds_bytes", k->lds_bytes);
    json_put_int(o, "scratch_bytes", k->scratch_bytes);
    json_put_int(o, "code_bytes", k->code_bytes);
    return o;
}

static json_object *times_json(const bench_result *r)
{
    json_object *o = json_object_new_object();

    json_put_number(o, "context", r->context_s);
    json_put_number(o, "prepare", r->prepare_s);
    json_put_number(o, "compile", 1e-9 * (double)r->stats.compile_ns);
    json_put_number(o, "run_first", r->first_s);
    json_put_number(o, "run_min", r->min_s);
    json_put_number(o, "run_median", r->median_s);
    return o;
}

static json_object *cache_json(const bench_result *r)
{
    json_object *o = json_object_new_object();

    json_put_int(o, "compiles", r->stats.compiles);
    json_put_int(o, "disk_hits", r->stats.cache_hits);
    json_put_int(o, "table_hits", r->stats.table_hits);
    return o;
}

static json_object *simulator_json(const bench_result *r)
{
    const uint64_t launches = r->counts.launches ? r->counts.launches : 1;
    json_object *o = json_object_new_object();

    json_put_int(o, "instructions", r->counts.instructions / launches);
    json_put_int(o, "workgroups", r->counts.workgroups);
    json_put_int(o, "waves", r->counts.waves);
    json_put_number(o, "host_seconds", 1e-9 * (double)r->counts.host_ns / (double)launches);
    return o;
}

static json_object *check_json(const bench_result *r, bool lse)
{
    const ref_verdict *v = &r->verdict.result;
    json_object *o = json_object_new_object();
    char why[256];

    trial_explain(&r->verdict, why, sizeof why);
    json_put_bool(o, "pass", r->verdict.pass);
    json_put_text(o, "reason", why);
    json_put_number(o, "max_error", v->max_error);
    json_put_number(o, "tolerance", v->tolerance);
    json_put_number(o, "textbook_error", v->lowp_error);
    json_put_number(o, "range", v->range);
    json_put_number(o, "bound_ratio", v->bound_ratio);
    json_put_int(o, "not_finite", v->not_finite);
    json_put_int(o, "stray_writes", r->verdict.stray_writes);
    if (lse)
        json_put_number(o, "lse_max_error", v->lse_max_error);
    return o;
}

void bench_print_json(const bench_options *options, const bench_result *r)
{
    json_object *o = json_object_new_object();

    json_put_text(o, "format", "aiter-bench-1");
    json_put_text(o, "operation", bench_operation_name(options->operation));
    json_object_object_add(o, "device", bench_device_json(r->device));
    json_object_object_add(o, "problem", bench_problem_json(&options->spec));
    json_object_object_add(o, "kernel", kernel_json(r));
    json_put_int(o, "iterations", r->iterations);
    json_object_object_add(o, "seconds", times_json(r));
    json_object_object_add(o, "cache", cache_json(r));
    if (r->simulated)
        json_object_object_add(o, "simulator", simulator_json(r));
    else
        json_put_number(o, "tflops", r->need.flop / r->median_s * 1e-12);
    if (r->checked)
        json_object_object_add(o, "check", check_json(r, options->spec.lse));
    json_print(o);
}
