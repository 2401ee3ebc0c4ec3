/* Modes of the timing model, and a launch under it: threads take points to simulate; the one that
 * brings the last point of a round chooses the next round. */
#include "sim/timing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/timing_profile.h"

/* ---- modes ---- */

static struct {
    pthread_once_t once;
    int result;
    char error[120];
    pthread_mutex_t lock; /* what follows */
    aiter_sim_timing mode;
    bool trace;
} modes = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void read_environment(void)
{
    static const char *const names[] = {"off", "sample", "full"};
    const char *value = getenv("AITER_SIM_TIMING");

    if (!value || !*value)
        return;
    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            modes.mode = (aiter_sim_timing)i;
            return;
        }
    }
    modes.result = -1;
    snprintf(modes.error, sizeof modes.error,
             "AITER_SIM_TIMING=%.40s: unknown mode; expected off, sample or full", value);
}

int sim_timing_environment(char *error, size_t size)
{
    pthread_once(&modes.once, read_environment);
    if (modes.result && size)
        snprintf(error, size, "%s", modes.error);
    return modes.result;
}

aiter_sim_timing sim_timing_mode(bool *trace)
{
    pthread_once(&modes.once, read_environment);
    pthread_mutex_lock(&modes.lock);
    aiter_sim_timing mode = modes.mode;
    *trace = modes.trace;
    pthread_mutex_unlock(&modes.lock);
    return mode;
}

int aiterSimSetTiming(aiter_sim_timing mode, int trace)
{
    if ((unsigned)mode > AITER_SIM_TIMING_FULL)
        return -1;
    pthread_once(&modes.once, read_environment);
    pthread_mutex_lock(&modes.lock);
    modes.mode = mode;
    modes.trace = trace != 0;
    pthread_mutex_unlock(&modes.lock);
    return 0;
}

/* ---- a launch ---- */

/* One thing for a thread to do: a CU with its workgroups. */
typedef struct job {
    timing_point *points[32]; /* NULL: not one that is asked for */
    uint32_t ids[32][3];
    unsigned count;
    bool measured; /* its waves are part of the profile */
    timing_record record; /* of its waves; insts are the thread's */
} job;

struct sim_timing {
    timing_grid grid;
    timing_share share;      /* after the survey */
    timing_sharers *sharers; /* per instruction */
    timing_sample *sample;
    bool full, trace;
    timing_point middle, middle_alone; /* one workgroup on a full CU, and with a CU to itself */
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t progress;
    job **jobs; /* of all rounds */
    size_t num_jobs, taken, finished;
    bool surveying, surveyed, done, failed;
    uint64_t executed;
    timing_tally *tallies;
};

void sim_timing_destroy(sim_timing *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->num_jobs; i++) {
        job *j = t->jobs[i];
        for (size_t k = 0; k < j->record.num_waves; k++) free(j->record.waves[k].events);
        free(j->record.waves);
        free(j);
    }
    free(t->jobs);
    free(t->tallies);
    free(t->sharers);
    timing_sample_destroy(t->sample);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->progress);
    free(t);
}

/* In full mode the workgroups that run together are all asked for; the first of them makes the job. */
static bool leads(const sim_timing *t, const timing_point *p)
{
    uint64_t cus = (uint64_t)t->grid.device->num_cus;

    return !t->full || p->number / cus % t->grid.resident == 0;
}

static job *make_job(sim_timing *t, timing_point *lead, timing_point *const *points, size_t count)
{
    job *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->measured = true;
    j->record.trace = t->trace;
    j->count = timing_grid_together(&t->grid, lead->number, j->ids);
    j->points[0] = lead;
    if (!t->full)
        return j;
    j->count = 0;
    for (uint64_t i = 0; i < t->grid.resident; i++) {
        uint64_t number = lead->number + i * (uint64_t)t->grid.device->num_cus;
        if (number >= count)
            break;
        timing_grid_id(&t->grid, number, j->ids[j->count]);
        j->points[j->count++] = points[number];
    }
    return j;
}

static bool add_job(sim_timing *t, job *j)
{
    job **grown = j ? realloc(t->jobs, (t->num_jobs + 1) * sizeof *grown) : NULL;

    if (!grown)
        return false;
    t->jobs = grown;
    t->jobs[t->num_jobs++] = j;
    return true;
}

/* A workgroup of the middle twice: how much CUs gain that are not full. */
static bool add_middle(sim_timing *t)
{
    t->middle.number = t->middle_alone.number = t->grid.total / 2;
    if (t->full || t->grid.resident == 1)
        return true;
    job *full = make_job(t, &t->middle, NULL, 0), *alone = make_job(t, &t->middle_alone, NULL, 0);
    if (alone) {
        alone->count = 1;
        alone->measured = false;
    }
    bool ok = full && alone && add_job(t, full);
    if (!ok)
        free(full);
    return (ok && add_job(t, alone)) || (free(alone), false);
}

/* Under the lock: the next round's jobs; none: done. Returns false without memory. */
static bool next_round(sim_timing *t)
{
    timing_point **points;
    size_t count;

    if (!timing_sample_round(t->sample, t->executed, &points, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        job *j = leads(t, points[i]) ? make_job(t, points[i], points, count) : NULL;
        if (leads(t, points[i]) && !add_job(t, j)) {
            free(j);
            return false;
        }
    }
    t->done = count == 0;
    return true;
}

static timing_sharers *nobody_shares(size_t count)
{
    timing_sharers *s = malloc(count * sizeof *s);

    for (size_t i = 0; s && i < count; i++) s[i] = (timing_sharers){1, 1, 0};
    return s;
}

sim_timing *sim_timing_create(const sim_dispatch *dispatch, const sim_device_info *device,
                              aiter_sim_timing mode, bool trace)
{
    sim_timing *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->progress, NULL);
    timing_grid_init(&t->grid, dispatch, device);
    t->full = mode == AITER_SIM_TIMING_FULL;
    t->trace = trace;
    t->sample = timing_sample_create(&t->grid, t->full);
    t->tallies = calloc(dispatch->program->count + 1, sizeof *t->tallies);
    t->sharers = nobody_shares(dispatch->program->count + 1);
    if (!t->sample || !t->tallies || !t->sharers || !sim_timing_prepare((sim_program *)dispatch->program) ||
        !add_middle(t) || !next_round(t)) {
        sim_timing_destroy(t);
        return NULL;
    }
    return t;
}

bool sim_timing_exhausted(sim_timing *t)
{
    pthread_mutex_lock(&t->lock);
    bool exhausted = t->done || t->failed || t->taken == t->num_jobs;
    pthread_mutex_unlock(&t->lock);
    return exhausted;
}

/* ---- threads ---- */

/* The first thread finds out who shares what, before anything is timed. */
static void survey(sim_timing *t)
{
    t->surveying = true;
    pthread_mutex_unlock(&t->lock);
    timing_survey(&t->grid, t->sharers);
    t->share = timing_grid_share(&t->grid, t->sharers);
    pthread_mutex_lock(&t->lock);
    t->surveyed = true;
    pthread_cond_broadcast(&t->progress);
}

/* The next job, waiting for the survey and for a round to end if need be. NULL: no more. */
static job *take(sim_timing *t)
{
    job *j = NULL;

    pthread_mutex_lock(&t->lock);
    if (!t->surveying)
        survey(t);
    while (!t->surveyed)
        pthread_cond_wait(&t->progress, &t->lock);
    while (!t->done && !t->failed && t->taken == t->num_jobs)
        pthread_cond_wait(&t->progress, &t->lock);
    if (!t->done && !t->failed)
        j = t->jobs[t->taken++];
    pthread_mutex_unlock(&t->lock);
    return j;
}

static int fail(sim_timing *t, sim_error *error, const char *message)
{
    if (message)
        snprintf(error->message, sizeof error->message, "%s", message);
    if (t->grid.dispatch->kernel && !error->kernel[0])
        snprintf(error->kernel, sizeof error->kernel, "%s", t->grid.dispatch->kernel->name);
    pthread_mutex_lock(&t->lock);
    t->failed = true;
    pthread_cond_broadcast(&t->progress);
    pthread_mutex_unlock(&t->lock);
    return -1;
}

/* Workgroups that start together wait for memory one behind the other, and the first of them is done
 * when the last has hardly begun; in the middle of a grid each waits as long as the next. So a
 * workgroup lasts as long as all of them together, if it does as much as the longest; else its part
 * of that, but not less than it was seen to take. */
static void even_out(timing_result *results, unsigned count)
{
    double most = 1, last = 0;

    for (unsigned i = 0; i < count; i++) {
        const timing_result *r = &results[i];
        most = r->counts.instructions > most ? r->counts.instructions : most;
        last = (double)r->end > last ? (double)r->end : last;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t part = (uint64_t)(last * results[i].counts.instructions / most);
        if (results[i].end - results[i].start < part)
            results[i].end = results[i].start + part;
    }
}

/* Returns false without memory. */
static bool finish(sim_timing *t, job *j, timing_result *results, uint64_t executed)
{
    bool ok = !j->record.out_of_memory;

    even_out(results, j->count);
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < j->count; i++) {
        if (!j->points[i])
            continue;
        j->points[i]->result = results[i];
        j->points[i]->done = true;
    }
    t->executed += executed;
    if (++t->finished == t->num_jobs && ok)
        ok = next_round(t);
    pthread_cond_broadcast(&t->progress);
    pthread_mutex_unlock(&t->lock);
    return ok;
}

static int run_jobs(sim_timing *t, timing_cu *cu, timing_tally *tallies, sim_error *error)
{
    timing_result results[32];
    job *j;

    while ((j = take(t))) {
        uint64_t before = timing_cu_executed(cu);
        j->record.insts = j->measured ? tallies : tallies + t->grid.dispatch->program->count + 1;
        if (timing_cu_run(cu, t->grid.dispatch, &t->share, j->ids, j->count, &j->record, results,
                          error))
            return fail(t, error, NULL);
        if (!finish(t, j, results, timing_cu_executed(cu) - before))
            return fail(t, error, "out of memory for the timing model");
    }
    return 0;
}

/* All fields are uint64_t. */
static void merge(timing_tally *to, const timing_tally *from, size_t count)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;

    for (size_t i = 0; i < count * sizeof *to / sizeof *t; i++) t[i] += f[i];
}

int sim_timing_run(sim_timing *t, sim_error *error, uint64_t *instructions)
{
    const sim_program *program = t->grid.dispatch->program;
    timing_cu *cu = timing_cu_create(program->arch, program);
    timing_tally *tallies = calloc(2 * (program->count + 1), sizeof *tallies); /* ... and unmeasured */
    int result = cu && tallies ? run_jobs(t, cu, tallies, error)
                               : fail(t, error, "out of memory for the timing model");

    if (result == 0) {
        pthread_mutex_lock(&t->lock);
        merge(t->tallies, tallies, program->count);
        pthread_mutex_unlock(&t->lock);
    }
    *instructions = cu ? timing_cu_executed(cu) : 0;
    timing_cu_destroy(cu);
    free(tallies);
    return result;
}

/* ---- the end ---- */

/* The waves of all jobs, in order of the jobs. Events stay where they are. */
static bool gather(sim_timing *t, timing_record *all)
{
    size_t count = 0;

    *all = (timing_record){.insts = t->tallies, .trace = t->trace};
    for (size_t i = 0; i < t->num_jobs; i++)
        count += t->jobs[i]->measured ? t->jobs[i]->record.num_waves : 0;
    all->waves = malloc((count + 1) * sizeof *all->waves);
    if (!all->waves)
        return false;
    for (size_t i = 0; i < t->num_jobs; i++) {
        const timing_record *r = &t->jobs[i]->record;
        if (!t->jobs[i]->measured)
            continue;
        memcpy(all->waves + all->num_waves, r->waves, r->num_waves * sizeof *r->waves);
        for (size_t k = 0; k < r->num_waves; k++)
            all->waves[all->num_waves + k].wave.cu = (uint32_t)i;
        all->num_waves += r->num_waves;
    }
    return true;
}

static double alone(const sim_timing *t)
{
    double full = (double)(t->middle.result.end - t->middle.result.start);
    double part = (double)(t->middle_alone.result.end - t->middle_alone.result.start);

    return t->middle.done && part < full ? part / full : 1;
}

sim_prediction sim_timing_finish(sim_timing *t)
{
    sim_prediction result;
    timing_counts totals;
    timing_record all;
    uint64_t simulated = 0;
    double cycles = 
        timing_grid_makespan(&t->grid, timing_sample_cycles, t->sample, alone(t));

    timing_sample_totals(t->sample, &totals);
    for (size_t i = 0; i < t->num_jobs; i++)
        simulated += t->jobs[i]->measured ? t->jobs[i]->count : 0;
    result.seconds = timing_seconds(&t->grid, &totals, cycles, &result.clock_hz);
    result.matrix_busy = totals.busy[AITER_SIM_UNIT_MFMA] / cycles /
                         ((double)t->grid.device->num_cus * SIM_SIMDS_PER_CU);
    if (gather(t, &all)) {
        timing_profile_publish(timing_profile_build(&t->grid, &totals, cycles, simulated, &all));
        free(all.waves);
    }
    return result;
}
