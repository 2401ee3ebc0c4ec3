/* aiter-bench: one operation, or one kernel of a code object, on one device. */
#ifndef AITER_BENCH_H
#define AITER_BENCH_H

#include <aiter/aiter.h>

#include "tools/bench/arguments.h"
#include "tools/device.h"
#include "tools/profile/profile.h"
#include "tools/trial.h"

typedef enum bench_operation {
    BENCH_FLASH_ATTN,
    BENCH_GQA,
    BENCH_MQA,
    BENCH_KVCACHE,
    BENCH_VARLEN
} bench_operation;

/* "flash_attn", "gqa", "mqa", "kvcache", "varlen". */
const char *bench_operation_name(bench_operation operation);
/* -1 if `name` is none of them. */
int bench_operation_find(const char *name);

typedef struct bench_options {
    bench_operation operation;
    const char *device;
    trial_spec spec;
    int iterations;             /* 0: 1 on the simulator, 20 on hardware */
    bool check;
    aiter_sim_timing timing;    /* not off: under the simulator's timing model */
    bool trace;                 /* which then keeps events */
    aiter_context_options context; /* device and hip_runtime are filled in */
} bench_options;

typedef struct bench_result {
    device *device;
    double context_s, prepare_s;
    int iterations;
    double first_s, min_s, median_s;    /* launch to synchronised */
    char config[320];
    char symbol[256];
    aiter_kernel_info kernel;
    aiter_stats stats;
    bool simulated;
    device_counts counts;               /* of all iterations, if simulated */
    profile_need need;                  /* of one call; flop: the products over visible keys */
    bool checked;
    trial_verdict verdict;
} bench_result;

enum { BENCH_ERROR_MAX = 8192 };

typedef enum bench_status {
    BENCH_OK = 0,
    BENCH_BAD_DEVICE,           /* the device's name cannot be */
    BENCH_FAILED
} bench_status;

/* bench_close() in any case. */
bench_status bench_run(const bench_options *options, bench_result *result,
                       char error[BENCH_ERROR_MAX]);
void bench_close(bench_result *result);

/* ---- aiter-bench run ---- */

void bench_print(const bench_options *options, const bench_result *result);
void bench_print_json(const bench_options *options, const bench_result *result);

void bench_print_problem(const trial_spec *spec);
json_object *bench_device_json(const device *d);
json_object *bench_problem_json(const trial_spec *spec);

/* ---- aiter-bench profile ---- */

typedef struct bench_profile {
    bench_options bench;        /* what is profiled, unless there is a code object */
    device_kernel kernel;       /* code_object NULL: none; its arguments are filled in */
    kernel_arguments *arguments;
    int top;
    bool annotate, json;
    const char *trace;          /* a file, or NULL */
} bench_profile;

/* Runs and reports to stdout. */
bench_status bench_profile_run(const bench_profile *options, char error[BENCH_ERROR_MAX]);

#endif
