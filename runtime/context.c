#include "runtime/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/device.h"
#include "runtime/error.h"
#include "runtime/options.h"
#include "runtime/sized.h"

/* ---- Life ---- */

static void print_archs(char *out, size_t size)
{
    const gen_arch *arch;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; (arch = gen_arch_at(i)) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", arch->name);
}

static aiter_status find_arch(aiter_context *ctx, int device)
{
    char name[256], known[256];
    aiter_status status = rt_device_arch(ctx->hip, device, name, sizeof name);
    if (status != AITER_OK)
        return status;
    ctx->place = (rt_place){ gen_arch_find(name), device };
    if (ctx->place.arch)
        return AITER_OK;
    print_archs(known, sizeof known);
    return rt_fail(AITER_ERROR_UNSUPPORTED, "device %d has arch \"%s\": expected one of %s", device,
                   name, known);
}

static aiter_status start(aiter_context *ctx, const aiter_context_options *given)
{
    aiter_context_options options;
    aiter_status status = rt_options_read(given, &options);
    if (status == AITER_OK)
        status = rt_hip_load(options.hip_runtime, &ctx->hip);
    if (status == AITER_OK)
        status = find_arch(ctx, options.device);
    if (status == AITER_OK)
        status = rt_maker_new(&ctx->maker, &options, false);
    return status;
}

aiter_status aiter_context_create(aiter_context **out, const aiter_context_options *options)
{
    if (!out)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "out is NULL: expected where to put the context");
    *out = NULL;
    aiter_context *ctx = calloc(1, sizeof *ctx);
    if (!ctx)
        return rt_fail_memory("a context");
    pthread_mutex_init(&ctx->lock, NULL);
    pthread_cond_init(&ctx->settled, NULL);
    aiter_status status = start(ctx, options);
    if (status != AITER_OK) {
        aiter_context_destroy(ctx);
        return status;
    }
    *out = ctx;
    return AITER_OK;
}

static void unload(void *user, rt_kernel *kernel)
{
    const aiter_context *ctx = user;
    rt_kernel_unload(ctx->hip, ctx->place.device, kernel);
}

void aiter_context_destroy(aiter_context *ctx)
{
    if (!ctx)
        return;
    rt_table_clear(&ctx->table, unload, ctx);
    rt_maker_free(ctx->maker);
    pthread_cond_destroy(&ctx->settled);
    pthread_mutex_destroy(&ctx->lock);
    free(ctx);
}

const char *aiter_context_arch(const aiter_context *ctx)
{
    return ctx->place.arch->name;
}

aiter_status aiter_context_stats(const aiter_context *ctx, aiter_stats *out)
{
    if (!ctx || !out)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "%s is NULL", ctx ? "out" : "ctx");
    aiter_stats stats = { 0 };
    rt_maker_stats(ctx->maker, &stats);
    stats.table_hits = atomic_load(&ctx->table_hits);
    stats.launches = atomic_load(&ctx->launches);
    return rt_sized_write("aiter_stats", out, &stats, sizeof stats, _Alignof(aiter_stats));
}

/* ---- Kernels ---- */

static bool is_pending(const aiter_context *ctx, const gen_config *config)
{
    for (const rt_pending *p = ctx->pending; p; p = p->next)
        if (gen_config_equal(p->config, config))
            return true;
    return false;
}

static void remove_pending(aiter_context *ctx, const rt_pending *mine)
{
    rt_pending **at = &ctx->pending;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    pthread_cond_broadcast(&ctx->settled);
}

/* Called and left with the lock held; released while the kernel is made. */
static aiter_status load(aiter_context *ctx, const gen_config *config, rt_kernel **out)
{
    rt_pending mine = { ctx->pending, config };
    rt_kernel *kernel = NULL;
    ctx->pending = &mine;
    pthread_mutex_unlock(&ctx->lock);
    aiter_status status = rt_kernel_load(ctx->hip, ctx->place.device, ctx->maker, config, &kernel);
    pthread_mutex_lock(&ctx->lock);
    if (status == AITER_OK && !rt_table_add(&ctx->table, kernel)) {
        rt_kernel_unload(ctx->hip, ctx->place.device, kernel);
        status = rt_fail_memory("the table of kernels");
    }
    remove_pending(ctx, &mine);
    if (status == AITER_OK)
        *out = kernel;
    return status;
}

static aiter_status wait_or_load(aiter_context *ctx, const gen_config *config, rt_kernel **out)
{
    aiter_status status = AITER_OK;
    pthread_mutex_lock(&ctx->lock);
    while (is_pending(ctx, config))
        pthread_cond_wait(&ctx->settled, &ctx->lock);
    *out = rt_table_find(&ctx->table, config);
    if (*out)
        atomic_fetch_add_explicit(&ctx->table_hits, 1, memory_order_relaxed);
    else
        status = load(ctx, config, out);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

aiter_status rt_context_kernel(aiter_context *ctx, const gen_config *config, rt_kernel **out)
{
    *out = rt_table_find(&ctx->table, config);
    if (*out) {
        atomic_fetch_add_explicit(&ctx->table_hits, 1, memory_order_relaxed);
        return AITER_OK;
    }
    char why[GEN_ERROR_MAX];
    if (!gen_config_validate(config, why))
        return rt_fail(AITER_ERROR_UNSUPPORTED, "%s", why);
    return wait_or_load(ctx, config, out);
}
