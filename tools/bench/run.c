#include "tools/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"

static const char *const operation_names[] = {
    [BENCH_FLASH_ATTN] = "flash_attn", [BENCH_GQA] = "gqa", [BENCH_MQA] = "mqa",
};

const char *bench_operation_name(bench_operation operation)
{
    return operation_names[operation];
}

int bench_operation_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof operation_names / sizeof *operation_names); i++)
        if (strcmp(name, operation_names[i]) == 0)
            return i;
    return -1;
}

static aiter_status call(bench_operation operation, aiter_context *ctx, const aiter_attn_args *args)
{
    switch (operation) {
    case BENCH_FLASH_ATTN:
        return aiter_flash_attn_func(ctx, args);
    case BENCH_GQA:
        return aiter_grouped_query_attention(ctx, args);
    case BENCH_MQA:
        return aiter_multi_query_attention(ctx, args);
    }
    return AITER_ERROR_INTERNAL;
}

static double seconds_since(uint64_t start)
{
    return 1e-9 * (double)(clock_ns() - start);
}

static bench_status fail_library(char error[BENCH_ERROR_MAX], const char *doing,
                                 aiter_status status)
{
    snprintf(error, BENCH_ERROR_MAX, "%s: %s: %s", doing, aiter_status_string(status),
             aiter_last_error());
    return BENCH_FAILED;
}

static bench_status prepare(aiter_context *ctx, const aiter_attn_args *args, bench_result *r,
                            char error[BENCH_ERROR_MAX])
{
    aiter_attn_args plain = *args;
    aiter_plan *plan = NULL;
    const uint64_t start = clock_ns();

    plain.num_groups = 0; /* belongs to the operation */
    aiter_status status = aiter_prepare(ctx, &plain, &plan);
    if (status != AITER_OK)
        return fail_library(error, "prepare", status);
    r->prepare_s = seconds_since(start);
    r->kernel.size = sizeof r->kernel;
    status = aiter_plan_info(plan, &r->kernel);
    if (status == AITER_OK) { /* the texts are the plan's */
        snprintf(r->config, sizeof r->config, "%s", aiter_plan_config(plan));
        snprintf(r->symbol, sizeof r->symbol, "%s", r->kernel.symbol);
        r->kernel.symbol = r->symbol;
    }
    aiter_plan_destroy(plan);
    return status == AITER_OK ? BENCH_OK : fail_library(error, "plan info", status);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bench_status measure(const bench_options *o, aiter_context *ctx, const aiter_attn_args *args,
                            double *times, bench_result *r, char error[BENCH_ERROR_MAX])
{
    for (int i = 0; i < r->iterations; i++) {
        const uint64_t start = clock_ns();
        const aiter_status status = call(o->operation, ctx, args);
        if (status != AITER_OK)
            return fail_library(error, operation_names[o->operation], status);
        if (!device_sync(r->device, error))
            return BENCH_FAILED;
        times[i] = seconds_since(start);
    }
    r->first_s = times[0];
    qsort(times, (size_t)r->iterations, sizeof *times, compare_doubles);
    r->min_s = times[0];
    r->median_s = (times[(r->iterations - 1) / 2] + times[r->iterations / 2]) / 2;
    return BENCH_OK;
}

static double count_flop(const trial_spec *s)
{
    double pairs = 0;

    for (int i = 0; i < s->seqlen_q; i++) {
        const double visible = s->causal ? (double)i + 1 + s->seqlen_k - s->seqlen_q : s->seqlen_k;
        pairs += visible < 0 ? 0 : visible;
    }
    return 2.0 * s->batch * s->heads * pairs * (s->hdqk + s->hdv);
}

static profile_need count_need(const trial_spec *s)
{
    const double size = (double)num_dtype_size(s->dtype), dims = s->hdqk + s->hdv;
    const double rows = (double)s->batch * s->heads * s->seqlen_q,
                 keys = (double)s->batch * s->heads_kv * s->seqlen_k;

    return (profile_need){
        .flop = count_flop(s),
        .read_bytes = size * (rows * s->hdqk + keys * dims),
        .write_bytes = rows * (size * s->hdv + (s->lse ? sizeof(float) : 0)),
    };
}

static bench_status run_trial(const bench_options *o, aiter_context *ctx, trial *t, bench_result *r,
                              char error[BENCH_ERROR_MAX])
{
    aiter_attn_args args = *trial_args(t);
    device_counts before;

    if (o->operation == BENCH_GQA)
        args.num_groups = o->spec.heads / o->spec.heads_kv;
    bench_status status = prepare(ctx, &args, r, error);
    if (status != BENCH_OK)
        return status;
    double *times = calloc((size_t)r->iterations, sizeof *times);
    if (!times) {
        snprintf(error, BENCH_ERROR_MAX, "out of memory for %d times", r->iterations);
        return BENCH_FAILED;
    }
    device_take_counts(r->device, &before);
    status = measure(o, ctx, &args, times, r, error);
    free(times);
    if (status != BENCH_OK)
        return status;
    r->simulated = device_take_counts(r->device, &r->counts);
    r->stats.size = sizeof r->stats;
    aiter_context_stats(ctx, &r->stats);
    r->checked = o->check && trial_judge(t, &r->verdict, error);
    return !o->check || r->checked ? BENCH_OK : BENCH_FAILED;
}

bench_status bench_run(const bench_options *o, bench_result *r, char error[BENCH_ERROR_MAX])
{
    aiter_context_options options = o->context;
    aiter_context *ctx = NULL;
    trial *t = NULL;

    *r = (bench_result){ 0 };
    *error = '\0';
    const device_status opened = device_open(&r->device, o->device, error);
    if (opened != DEVICE_OK)
        return opened == DEVICE_BAD_NAME ? BENCH_BAD_DEVICE : BENCH_FAILED;
    r->iterations = o->iterations ? o->iterations : device_simulated(r->device) ? 1 : 20;
    r->need = count_need(&o->spec);
    if (o->timing && !device_set_timing(r->device, o->timing, o->trace, error))
        return BENCH_FAILED;
    if (!trial_create(&t, r->device, &o->spec, error))
        return BENCH_FAILED;
    options.device = device_ordinal(r->device);
    options.hip_runtime = device_runtime(r->device);
    const uint64_t start = clock_ns();
    const aiter_status created = aiter_context_create(&ctx, &options);
    r->context_s = seconds_since(start);
    const bench_status status = created == AITER_OK ? run_trial(o, ctx, t, r, error)
                                                    : fail_library(error, "context", created);
    aiter_context_destroy(ctx);
    trial_destroy(t);
    return status;
}

void bench_close(bench_result *r)
{
    device_close(r->device);
    r->device = NULL;
}
