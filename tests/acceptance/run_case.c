#include "tests/acceptance/worker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/clock.h"

/* One device and context per architecture, kept from case to case. */
typedef struct site {
    const char *arch;
    device *device;
    aiter_context *ctx;
} site;

static bool open_site(site *s, const sweep_case *c, const char *cache_dir, sweep_result *r)
{
    aiter_context_options options = AITER_CONTEXT_OPTIONS_INIT;
    char name[32], error[DEVICE_ERROR_MAX];

    snprintf(name, sizeof name, "sim:%s", c->arch);
    if (device_open(&s->device, name, error) != DEVICE_OK) {
        snprintf(r->message, sizeof r->message, "%s", error);
        return false;
    }
    options.hip_runtime = device_runtime(s->device);
    options.device = device_ordinal(s->device);
    options.cache_dir = cache_dir;
    options.compile_jobs = 1;
    const aiter_status status = aiter_context_create(&s->ctx, &options);
    if (status != AITER_OK) {
        snprintf(r->message, sizeof r->message, "context: %s", aiter_last_error());
        device_close(s->device);
        return false;
    }
    s->arch = c->arch;
    return true;
}

static site *find_site(const sweep_case *c, const char *cache_dir, sweep_result *r)
{
    static site sites[8];
    site *s = sites;

    while (s->arch && strcmp(s->arch, c->arch) != 0)
        s++;
    return s->arch || open_site(s, c, cache_dir, r) ? s : NULL;
}

/* Each operation on the shapes that it is for. */
static aiter_status call(const sweep_case *c, aiter_context *ctx, const trial *t)
{
    aiter_attn_args args = *trial_args(t);

    if (c->spec.operation != TRIAL_ATTN)
        return trial_call(t, ctx);
    if (c->spec.heads == c->spec.heads_kv)
        return aiter_flash_attn_func(ctx, &args);
    if (c->spec.heads_kv == 1)
        return aiter_multi_query_attention(ctx, &args);
    args.num_groups = c->spec.heads / c->spec.heads_kv;
    return aiter_grouped_query_attention(ctx, &args);
}

static void judge_refusal(aiter_status status, sweep_result *r)
{
    r->pass = status == AITER_ERROR_INVALID_ARGUMENT && strstr(aiter_last_error(), "head_dim");
    if (!r->pass)
        snprintf(r->message, sizeof r->message, "not refused as it should be: %s: %s",
                 aiter_status_string(status), status == AITER_OK ? "" : aiter_last_error());
}

static void judge(const sweep_case *c, trial *t, site *s, sweep_result *r)
{
    char error[DEVICE_ERROR_MAX];
    trial_verdict verdict;
    device_counts counts;

    if (!trial_judge(t, &verdict, error)) {
        r->device_lost = true;
        snprintf(r->message, sizeof r->message, "%s", error);
        return;
    }
    const ref_verdict *v = &verdict.result;
    r->pass = verdict.pass;
    r->error_ratio = v->max_error == 0 ? 0 : v->max_error / v->tolerance;
    r->bound_ratio = fmax(v->bound_ratio, c->spec.lse ? v->lse_bound_ratio : 0);
    trial_explain(&verdict, r->message, sizeof r->message);
    if (device_take_counts(s->device, &counts))
        r->instructions = counts.instructions;
}

static void run_trial(const sweep_case *c, site *s, trial *t, sweep_result *r)
{
    const aiter_status status = call(c, s->ctx, t);

    if (c->refused) {
        judge_refusal(status, r);
    } else if (status == AITER_OK) {
        judge(c, t, s, r);
    } else {
        r->device_lost = status == AITER_ERROR_HIP;
        snprintf(r->message, sizeof r->message, "%s: %s", aiter_status_string(status),
                 aiter_last_error());
    }
}

static unsigned compiles(const site *s)
{
    aiter_stats stats = { .size = sizeof stats };

    return aiter_context_stats(s->ctx, &stats) == AITER_OK ? (unsigned)stats.compiles : 0;
}

void sweep_run_case(const sweep_case *c, const char *cache_dir, sweep_result *r)
{
    const uint64_t start = clock_ns();
    char error[DEVICE_ERROR_MAX];
    trial *t;

    *r = (sweep_result){ 0 };
    site *s = find_site(c, cache_dir, r);
    if (!s)
        return;
    const unsigned before = compiles(s);
    if (trial_create(&t, s->device, &c->spec, error)) {
        run_trial(c, s, t, r);
        trial_destroy(t);
    } else {
        r->device_lost = true;
        snprintf(r->message, sizeof r->message, "%s", error);
    }
    r->compiles = compiles(s) - before;
    r->seconds = 1e-9 * (double)(clock_ns() - start);
}
