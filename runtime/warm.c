/* Compiling ahead of time: a maker without a device. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/info.h"
#include "runtime/maker.h"
#include "runtime/options.h"
#include "runtime/sized.h"

/* Kernel symbols that results point to. */
typedef struct symbol {
    struct symbol *next;
    char text[GEN_SYMBOL_MAX];
} symbol;

struct aiter_warmer {
    rt_maker *maker;
    pthread_mutex_t lock; /* of symbols */
    symbol *symbols;
};

aiter_status aiter_warmer_create(aiter_warmer **out, const aiter_context_options *given)
{
    aiter_context_options options;
    if (!out)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "out is NULL: expected where to put the warmer");
    *out = NULL;
    aiter_status status = rt_options_read(given, &options);
    if (status != AITER_OK)
        return status;
    aiter_cache_policy policy = options.cache_policy;
    if (policy == AITER_CACHE_READ_ONLY || policy == AITER_CACHE_OFFLINE)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "%s is %s: a warmer stores, expected read-write or memory",
                       given && given->size >= sizeof *given && given->cache_policy
                           ? "options.cache_policy"
                           : "AITER_CACHE_POLICY",
                       rt_policy_name(policy));
    aiter_warmer *warmer = calloc(1, sizeof *warmer);
    if (!warmer)
        return rt_fail_memory("a warmer");
    pthread_mutex_init(&warmer->lock, NULL);
    status = rt_maker_new(&warmer->maker, &options, true);
    if (status != AITER_OK) {
        aiter_warmer_destroy(warmer);
        return status;
    }
    *out = warmer;
    return AITER_OK;
}

void aiter_warmer_destroy(aiter_warmer *warmer)
{
    if (!warmer)
        return;
    for (symbol *s = warmer->symbols, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    rt_maker_free(warmer->maker);
    pthread_mutex_destroy(&warmer->lock);
    free(warmer);
}

/* The warmer's own copy of a symbol; NULL: out of memory. */
static const char *keep_symbol(aiter_warmer *warmer, const char *text)
{
    pthread_mutex_lock(&warmer->lock);
    symbol *s = warmer->symbols;
    while (s && strcmp(s->text, text) != 0)
        s = s->next;
    if (!s && (s = calloc(1, sizeof *s))) {
        snprintf(s->text, sizeof s->text, "%s", text);
        s->next = warmer->symbols;
        warmer->symbols = s;
    }
    pthread_mutex_unlock(&warmer->lock);
    return s ? s->text : NULL;
}

/* A copy that starts where the caller's free() has to. */
static void *copy_image(const rt_code *code)
{
    void *image = malloc(code->image_size);
    if (image)
        memcpy(image, code->image, code->image_size);
    return image;
}

static aiter_status report(aiter_warmer *warmer, const gen_kernel *shape, const rt_made *made,
                           aiter_warm_result *result)
{
    const char *name = keep_symbol(warmer, shape->symbol);
    aiter_warm_result r = {
        .from_cache = made->from_cache,
        .compile_ns = made->compile_ns,
        .info = rt_kernel_info(name, shape, &made->code, made->from_cache),
        .code = name ? copy_image(&made->code) : NULL,
    };
    if (!r.code)
        return rt_fail_memory("a warmed kernel's result");
    aiter_status status =
        rt_sized_write("aiter_warm_result", result, &r, sizeof r, _Alignof(aiter_warm_result));
    if (status != AITER_OK ||
        result->size < sizeof r) /* an older caller may have no field for the code */
        free(r.code);
    return status;
}

aiter_status aiter_warm(aiter_warmer *warmer, const char *config, aiter_warm_result *result)
{
    char why[GEN_ERROR_MAX];
    gen_config parsed;
    gen_kernel shape;
    rt_made made;
    if (!warmer || !config)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "%s is NULL", warmer ? "config" : "warmer");
    if (!gen_config_parse(config, &parsed, why))
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT, "config \"%.200s\": %s", config, why);
    gen_kernel_describe(&parsed, &shape);
    aiter_status status = rt_maker_get(warmer->maker, &parsed, &shape, &made);
    if (status != AITER_OK)
        return status;
    if (result)
        status = report(warmer, &shape, &made, result);
    rt_code_free(&made.code);
    return status;
}
