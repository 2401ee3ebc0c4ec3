/* aiter-bench profile: a launch under the simulator's timing model, and what the model says of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/json.h"

enum { MAX_LAUNCHES = 16 };     /* as many as the simulator keeps */

typedef struct launches {
    aiter_sim_profile *profiles[MAX_LAUNCHES];
    profile_view views[MAX_LAUNCHES];
    size_t count;
} launches;

static bench_status fail(char error[BENCH_ERROR_MAX], const char *message)
{
    snprintf(error, BENCH_ERROR_MAX, "%s", message);
    return BENCH_FAILED;
}

static bench_status run_kernel(const bench_profile *o, bench_result *r, char error[BENCH_ERROR_MAX])
{
    device_kernel kernel = o->kernel;
    const device_status opened = device_open(&r->device, o->bench.device, error);

    if (opened != DEVICE_OK)
        return opened == DEVICE_BAD_NAME ? BENCH_BAD_DEVICE : BENCH_FAILED;
    kernel.arguments = o->arguments->bytes;
    kernel.arguments_size = o->arguments->size;
    const bool ok = device_set_timing(r->device, o->bench.timing, o->bench.trace, error) &&
                    arguments_allocate(o->arguments, r->device, error) &&
                    device_run(r->device, &kernel, error);
    arguments_free(o->arguments, r->device);
    return ok ? BENCH_OK : BENCH_FAILED;
}

/* What the operation needs counts for one kernel only: one before it appends to a cache, and those
 * behind combine what it computed. */
static bench_status take(device *d, const profile_need *need, launches *l,
                         char error[BENCH_ERROR_MAX])
{
    const profile_need none = { 0 };
    bool counted = false;

    while (l->count < MAX_LAUNCHES && (l->profiles[l->count] = device_take_profile(d)) != NULL) {
        const size_t i = l->count++;
        const bool appends = strncmp(l->profiles[i]->kernel, "kv_append", 9) == 0;
        if (!profile_view_init(&l->views[i], l->profiles[i], appends || counted ? &none : need))
            return fail(error, "out of memory");
        counted = counted || !appends;
    }
    return l->count ? BENCH_OK : fail(error, "nothing was launched, so there is no profile");
}

static void release(device *d, launches *l)
{
    for (size_t i = 0; i < l->count; i++) {
        profile_view_free(&l->views[i]);
        device_free_profile(d, l->profiles[i]);
    }
}

/* ---- Reports ---- */

static bench_status write_trace(const char *path, const launches *l, bool json,
                                char error[BENCH_ERROR_MAX])
{
    profile_trace_size size;
    FILE *out = fopen(path, "w");
    bool ok = out != NULL;

    if (ok) {
        ok = profile_write_trace(out, (const aiter_sim_profile *const *)l->profiles, l->count,
                                 PROFILE_TRACE_MAX, &size);
        ok = fclose(out) == 0 && ok;
    }
    if (!ok) {
        snprintf(error, BENCH_ERROR_MAX, "--trace: '%s': %s", path, strerror(errno));
        return BENCH_FAILED;
    }
    if (!json)
        printf("\ntrace        %s: %zu of %zu stretches of waves; 1 ns in it is 1 cycle\n", path,
               size.kept, size.total);
    return BENCH_OK;
}

static void print_title(const bench_profile *o, const device *d)
{
    printf("%s on %s (%s), predicted by the timing model\n",
           o->kernel.code_object ? "a kernel" : bench_operation_name(o->bench.operation),
           device_name(d), device_product(d));
    if (o->kernel.code_object)
        printf("  code       %s\n", o->kernel.code_object);
    else
        bench_print_problem(&o->bench.spec);
}

static bool print(const bench_profile *o, const device *d, const launches *l)
{
    print_title(o, d);
    for (size_t i = 0; i < l->count; i++) {
        if (l->count > 1)
            printf("\nlaunch %zu of %zu\n", i + 1, l->count);
        if (!profile_print(stdout, &l->views[i], o->top) ||
            (o->annotate && !profile_annotate(stdout, &l->views[i], o->top)))
            return false;
    }
    return true;
}

static void print_json(const bench_profile *o, const device *d, const launches *l)
{
    json_object *object = json_object_new_object(), *list = json_object_new_array();

    json_put_text(object, "format", "aiter-profile-1");
    json_object_object_add(object, "device", bench_device_json(d));
    if (o->kernel.code_object) {
        json_put_text(object, "code_object", o->kernel.code_object);
    } else {
        json_put_text(object, "operation", bench_operation_name(o->bench.operation));
        json_object_object_add(object, "problem", bench_problem_json(&o->bench.spec));
    }
    for (size_t i = 0; i < l->count; i++)
        json_object_array_add(list, profile_json(&l->views[i]));
    json_object_object_add(object, "launches", list);
    json_print(object);
}

static bench_status report(const bench_profile *o, const device *d, const launches *l,
                           char error[BENCH_ERROR_MAX])
{
    if (o->json)
        print_json(o, d, l);
    else if (!print(o, d, l))
        return fail(error, "out of memory");
    return o->trace ? write_trace(o->trace, l, o->json, error) : BENCH_OK;
}

bench_status bench_profile_run(const bench_profile *o, char error[BENCH_ERROR_MAX])
{
    bench_result result = { 0 };
    launches l = { .count = 0 };
    bench_status status = o->kernel.code_object ? run_kernel(o, &result, error)
                                                : bench_run(&o->bench, &result, error);

    if (status == BENCH_OK)
        status = take(result.device, &result.need, &l, error);
    if (status == BENCH_OK)
        status = report(o, result.device, &l, error);
    release(result.device, &l);
    bench_close(&result);
    return status;
}
