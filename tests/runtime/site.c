#include "tests/runtime/site.h"

void must(bool done, const char *error)
{
    if (!done)
        fail_msg("%s", error);
}

device *open_device(const char *name)
{
    char error[DEVICE_ERROR_MAX];
    device *d = NULL;
    must(device_open(&d, name, error) == DEVICE_OK, error);
    return d;
}

aiter_context *context_on(fixture *f, const device *d)
{
    f->options.hip_runtime = device_runtime(d);
    f->options.device = device_ordinal(d);
    f->options.compiler = REAL_COMPILER;
    f->options.compile_timeout_ms = 600000; /* however busy the machine is */
    return fixture_context(f);
}

site open_site(fixture *f, const char *name)
{
    site s = { .device = open_device(name) };
    s.ctx = context_on(f, s.device);
    return s;
}

void close_site(site *s)
{
    aiter_context_destroy(s->ctx);
    device_close(s->device);
}

trial *make_trial(const site *s, const trial_spec *spec)
{
    char error[DEVICE_ERROR_MAX];
    trial *t = NULL;
    must(trial_create(&t, s->device, spec, error), error);
    return t;
}

void check_result(trial *t)
{
    char error[DEVICE_ERROR_MAX], text[512];
    trial_verdict verdict;
    must(trial_judge(t, &verdict, error), error);
    trial_explain(&verdict, text, sizeof text);
    if (!verdict.pass)
        fail_msg("%s", text);
}
