#include "tools/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"

static const char *const operation_names[] = {
    [BENCH_FLASH_ATTN] = "flash_attn", [BENCH_GQA] = "gqa", [BENCH_MQA] = "mqa",
    [BENCH_KVCACHE] = "kvcache", [BENCH_VARLEN] = "varlen",
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

static aiter_status call(const bench_options *o, aiter_context *ctx, const trial *t)
{
    aiter_attn_args args = *trial_args(t);

    if (o->operation == BENCH_MQA)
        return aiter_multi_query_attention(ctx, &args);
    if (o->operation != BENCH_GQA)
        return trial_call(t, ctx);
    args.num_groups = o->spec.heads / o->spec.heads_kv;
    return aiter_grouped_query_attention(ctx, &args);
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

static bench_status prepare(aiter_context *ctx, const trial *t, bench_result *r,
                            char error[BENCH_ERROR_MAX])
{
    aiter_plan *plan = NULL;
    const uint64_t start = clock_ns();
    aiter_status status = trial_prepare(t, ctx, &plan);

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

static bench_status measure(const bench_options *o, aiter_context *ctx, const trial *t,
                            double *times, bench_result *r, char error[BENCH_ERROR_MAX])
{
    for (int i = 0; i < r->iterations; i++) {
        const uint64_t start = clock_ns();
        const aiter_status status = call(o, ctx, t);
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

/* Of each sequence, what it has, not what there is room for. */
static profile_need count_need(const trial *t, const trial_spec *s)
{
    const double size = (double)num_dtype_size(s->dtype), kv_size = s->fp8 ? 1 : size;
    const double rows = trial_rows(t) * s->heads, keys = trial_keys(t) * s->heads_kv;
    const int dims = s->hdqk + s->hdv;

    return (profile_need){
        .flop = 2 * trial_pairs(t) * dims,
        .read_bytes = size * rows * s->hdqk + kv_size * keys * dims,
        .write_bytes = rows * (size * s->hdv + (s->lse ? sizeof(float) : 0)),
    };
}

static bench_status run_trial(const bench_options *o, aiter_context *ctx, trial *t, bench_result *r,
                              char error[BENCH_ERROR_MAX])
{
    device_counts before;
    bench_status status = prepare(ctx, t, r, error);
    if (status != BENCH_OK)
        return status;
    double *times = calloc((size_t)r->iterations, sizeof *times);
    if (!times) {
        snprintf(error, BENCH_ERROR_MAX, "out of memory for %d times", r->iterations);
        return BENCH_FAILED;
    }
    device_take_counts(r->device, &before);
    status = measure(o, ctx, t, times, r, error);
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
    if (o->timing && !device_set_timing(r->device, o->timing, o->trace, error))
        return BENCH_FAILED;
    if (!trial_create(&t, r->device, &o->spec, error))
        return BENCH_FAILED;
    r->need = count_need(t, &o->spec);
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
