/* Trials on simulated devices, with the real compiler. */
#ifndef TESTS_RUNTIME_SITE_H
#define TESTS_RUNTIME_SITE_H

#include "tests/runtime/fixture.h"
#include "tools/trial.h"

/* Fails with `error` unless it is done. */
void must(bool done, const char *error);

typedef struct site {
    device *device;
    aiter_context *ctx;
} site;

/* name: "sim:gfx942". */
device *open_device(const char *name);
aiter_context *context_on(fixture *f, const device *d);
site open_site(fixture *f, const char *name);
void close_site(site *s);

trial *make_trial(const site *s, const trial_spec *spec);

/* Judges what a call left; fails with what is wrong. */
void check_result(trial *t);

#endif
