#include "sim/report.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aiter_sim.h"

static struct {
    pthread_mutex_t lock;
    char last[SIM_REPORT_MAX];
    aiter_sim_report_fn callback;
    void *user;
    aiter_sim_stats stats;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool flag_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] && strcmp(value, "0") != 0;
}

void sim_report(const char *format, ...)
{
    char text[SIM_REPORT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    pthread_mutex_lock(&state.lock);
    memcpy(state.last, text, sizeof text);
    aiter_sim_report_fn callback = state.callback;
    void *user = state.user;
    pthread_mutex_unlock(&state.lock);

    if (callback)
        callback(text, user);
    else if (!flag_set("AITER_SIM_QUIET"))
        fprintf(stderr, "aiter-sim: %s\n", text);
}

const char *aiterSimLastReport(void)
{
    static _Thread_local char copy[SIM_REPORT_MAX];
    pthread_mutex_lock(&state.lock);
    memcpy(copy, state.last, sizeof copy);
    pthread_mutex_unlock(&state.lock);
    return copy;
}

void aiterSimSetReportCallback(aiter_sim_report_fn fn, void *user)
{
    pthread_mutex_lock(&state.lock);
    state.callback = fn;
    state.user = user;
    pthread_mutex_unlock(&state.lock);
}

void sim_report_launch(const sim_launch_stats *launch)
{
    pthread_mutex_lock(&state.lock);
    aiter_sim_stats *s = &state.stats;
    s->launches++;
    s->total_instructions += launch->instructions;
    s->total_host_ns += launch->host_ns;
    s->instructions = launch->instructions;
    s->workgroups = launch->workgroups;
    s->waves = launch->waves;
    s->host_ns = launch->host_ns;
    snprintf(s->kernel, sizeof s->kernel, "%s", launch->kernel);
    pthread_mutex_unlock(&state.lock);
    if (!flag_set("AITER_SIM_STATS"))
        return;
    char predicted[100] = "";
    const sim_prediction *p = &launch->predicted;
    if (p->seconds > 0)
        snprintf(predicted, sizeof predicted,
                 "; predicted %.2f us at %.2f GHz, matrix units busy %.1f %%", 1e6 * p->seconds,
                 1e-9 * p->clock_hz, 100 * p->matrix_busy);
    fprintf(stderr, "aiter-sim: %s: %llu workgroups, %llu waves, %llu instructions, %.3f ms%s\n",
            launch->kernel, (unsigned long long)launch->workgroups,
            (unsigned long long)launch->waves, (unsigned long long)launch->instructions,
            (double)launch->host_ns / 1e6, predicted);
}

int aiterSimGetStats(aiter_sim_stats *stats)
{
    if (!stats || stats->size < sizeof stats->size)
        return -1;
    size_t size = stats->size < sizeof *stats ? stats->size : sizeof *stats;
    pthread_mutex_lock(&state.lock);
    memcpy((char *)stats + sizeof stats->size, (const char *)&state.stats + sizeof stats->size,
           size - sizeof stats->size);
    pthread_mutex_unlock(&state.lock);
    return 0;
}
