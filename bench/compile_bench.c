/* A kernel's cold compile: our way against the same source through hiprtc with its default header.
 *
 *   bench-compile [RUNS [CONFIGURATION]]
 *
 * The default way is what a caller of hiprtc gets who asks for nothing: built-in header, device
 * headers and device libraries; all other options are the same. The default header and our prelude
 * both define min, float4 and the like; so for the second way the source stands in a namespace,
 * whose names hide the header's. Each compile is done by a fresh compiler process (so it has the
 * loading of hiprtc and LLVM in it), the two ways in turn, RUNS times (default 5). "In a running
 * compiler" is the second compile of a process. */
#include <stdbool.h>
#include <string.h>

#include "bench/sample.h"
#include "gen/gen.h"
#include "runtime/helper/helper.h"

typedef struct way {
    const char *name;
    char *source;
    char options[2048];
    sample fresh, running;
} way;

static bool compile(helper_pool *pool, const char *source, const char *options, double *seconds)
{
    helper_blob code, metadata, identity, log;
    double begin = sample_now();
    helper_status status =
        helper_compile(pool, "aiter.hip", source, options, &code, &metadata, &identity, &log);
    *seconds = sample_now() - begin;
    if (status != HELPER_OK)
        fprintf(stderr, "bench-compile: status %d: %s\n", (int)status,
                log.data ? log.data : "no log");
    helper_blob_free(&code);
    helper_blob_free(&metadata);
    helper_blob_free(&identity);
    helper_blob_free(&log);
    return status == HELPER_OK;
}

static bool measure(way *w)
{
    helper_pool *pool;
    double fresh, running;
    if (helper_pool_create(&pool, NULL, 1, 0) != HELPER_OK)
        return false;
    bool good = compile(pool, w->source, w->options, &fresh) &&
                compile(pool, w->source, w->options, &running);
    helper_pool_destroy(pool);
    if (good) {
        sample_add(&w->fresh, fresh);
        sample_add(&w->running, running);
    }
    return good;
}

/* The options without those that keep out what hiprtc brings by default: its built-in header, the
 * device headers and the device libraries. */
static void with_default_header(const char *options, char *out, size_t size)
{
    static const char *const ours[] = { "--hiprtc-no-builtin-header\n", "-nogpuinc\n",
                                         "-nogpulib\n" };
    snprintf(out, size, "%s", options);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        char *at = strstr(out, ours[i]);
        if (at)
            memmove(at, at + strlen(ours[i]), strlen(at + strlen(ours[i])) + 1);
    }
}

static void report(way ways[2])
{
    for (int w = 0; w < 2; w++) {
        char name[128];
        snprintf(name, sizeof name, "%s, fresh compiler", ways[w].name);
        sample_print(name, &ways[w].fresh, 1e3, "ms");
        snprintf(name, sizeof name, "%s, running compiler", ways[w].name);
        sample_print(name, &ways[w].running, 1e3, "ms");
    }
    printf("ours / default header: %.2f fresh, %.2f running (aim: at most 0.50)\n",
           sample_median(&ways[0].fresh) / sample_median(&ways[1].fresh),
           sample_median(&ways[0].running) / sample_median(&ways[1].running));
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 5;
    const char *text =
        argc > 2 ? argv[2] : "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal gqa=8";
    char why[GEN_ERROR_MAX] = "RUNS has to be from 1 to 1000";
    gen_config config;
    if (runs < 1 || runs > SAMPLE_MAX || !gen_config_parse(text, &config, why)) {
        fprintf(stderr, "usage: bench-compile [RUNS [CONFIGURATION]]: %s\n", why);
        return 2;
    }
    static way ways[2] = { { .name = "ours" }, { .name = "default header" } };
    snprintf(ways[0].options, sizeof ways[0].options, "%s", gen_options(&config));
    with_default_header(gen_options(&config), ways[1].options, sizeof ways[1].options);
    ways[0].source = gen_render(&config);
    bool good = ways[0].source &&
                asprintf(&ways[1].source, "namespace aiter {\n%s\n}\n", ways[0].source) > 0;
    for (int i = 0; i < runs && good; i++)
        good = measure(&ways[0]) && measure(&ways[1]);
    if (good)
        report(ways);
    free(ways[0].source);
    free(ways[1].source);
    return good ? 0 : 1;
}
