/* A user of the installed library: compiles one kernel into a cache, then opens a context on a HIP
 * runtime.
 *
 *   consumer HIP_RUNTIME CACHE_DIR VERSION */
#include <stdio.h>
#include <string.h>

#include <aiter/aiter.h>

static int fail(const char *what, aiter_status status)
{
    fprintf(stderr, "%s: %s: %s\n", what, aiter_status_string(status), aiter_last_error());
    return 1;
}

static int warm(const aiter_context_options *options)
{
    aiter_warmer *warmer;
    aiter_warm_result result = { .size = sizeof result };
    aiter_status status = aiter_warmer_create(&warmer, options);
    if (status != AITER_OK)
        return fail("aiter_warmer_create", status);
    status = aiter_warm(warmer, "fmha_fwd arch=gfx942 dtype=fp32 hdqk=64", &result);
    if (status != AITER_OK)
        return fail("aiter_warm", status);
    printf("%s: %zu bytes, %s\n", result.info.symbol, result.info.code_bytes,
           result.from_cache ? "from the cache" : "compiled");
    aiter_free(result.code);
    aiter_warmer_destroy(warmer);
    return 0;
}

static int open_device(const aiter_context_options *options)
{
    aiter_context *context;
    aiter_status status = aiter_context_create(&context, options);
    if (status != AITER_OK)
        return fail("aiter_context_create", status);
    printf("device: %s\n", aiter_context_arch(context));
    aiter_context_destroy(context);
    return 0;
}

int main(int argc, char **argv)
{
    aiter_context_options options = AITER_CONTEXT_OPTIONS_INIT;
    if (argc != 4)
        return 2;
    if (strcmp(aiter_version(), argv[3]) != 0) {
        fprintf(stderr, "aiter_version() is %s, expected %s\n", aiter_version(), argv[3]);
        return 1;
    }
    options.hip_runtime = argv[1];
    options.cache_dir = argv[2];
    return warm(&options) || open_device(&options);
}
