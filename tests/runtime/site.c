#include "tests/runtime/site.h"

void must(bool done, const char *error)
{
    if (!done)
        fail_msg("%s", error);
}

site open_site(fixture *f, const char *name)
{
    char error[DEVICE_ERROR_MAX];
    site s;
    must(device_open(&s.device, name, error) == DEVICE_OK, error);
    f->options.hip_runtime = device_runtime(s.device);
    f->options.device = device_ordinal(s.device);
    f->options.compiler = REAL_COMPILER;
    f->options.compile_timeout_ms = 600000; /* however busy the machine is */
    s.ctx = fixture_context(f);
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
    if (!trial_judge(t, &verdict, error))
        fail_msg("%s", error);
    trial_explain(&verdict, text, sizeof text);
    if (!verdict.pass)
        fail_msg("%s", text);
}
