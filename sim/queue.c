#include "sim/queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/clock.h"
#include "sim/memory.h"
#include "sim/report.h"

struct sim_marker {
    unsigned references; /* the queue's lock guards all of them */
    bool done;
    uint64_t time;
    const sim_stream *stream; /* never looked at, only compared */
    double predicted_ns;
};

enum { MAX_THREADS = 256 };

/* One lock for all queues: tasks are long compared with what is done under it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;      /* workers: a task may be ready              */
    pthread_cond_t callbacks; /* the callback thread: likewise             */
    pthread_cond_t progress;  /* waiters: a task has ended                 */
    sim_stream *streams;
    sim_stream *null_streams[SIM_MAX_DEVICES];
    uint64_t sequence;
    sim_launch *active; /* launches that have been started           */
    bool started;
    int workers;
    pid_t process; /* whose threads these are */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .work = PTHREAD_COND_INITIALIZER,
           .callbacks = PTHREAD_COND_INITIALIZER,
           .progress = PTHREAD_COND_INITIALIZER};

static void lock_queue(void)
{
    pthread_mutex_lock(&queue.lock);
}

static void unlock_queue(void)
{
    pthread_mutex_unlock(&queue.lock);
}

/* ---- markers ---- */

sim_marker *sim_marker_create(void)
{
    sim_marker *marker = calloc(1, sizeof *marker);
    if (marker)
        marker->references = 1;
    return marker;
}

void sim_marker_retain(sim_marker *marker)
{
    lock_queue();
    marker->references++;
    unlock_queue();
}

static void release_locked(sim_marker *marker)
{
    if (--marker->references == 0)
        free(marker);
}

void sim_marker_release(sim_marker *marker)
{
    if (!marker)
        return;
    lock_queue();
    release_locked(marker);
    unlock_queue();
}

bool sim_marker_done(sim_marker *marker)
{
    lock_queue();
    bool done = marker->done;
    unlock_queue();
    return done;
}

double sim_marker_elapsed(sim_marker *from, sim_marker *to)
{
    lock_queue();
    double predicted = from->stream == to->stream ? to->predicted_ns - from->predicted_ns : 0;
    double host = (double)(int64_t)(to->time - from->time);
    unlock_queue();
    return predicted != 0 ? predicted : host;
}

void sim_marker_wait(sim_marker *marker)
{
    lock_queue();
    while (!marker->done)
        pthread_cond_wait(&queue.progress, &queue.lock);
    unlock_queue();
}

/* ---- tasks ---- */

sim_task *sim_task_create(sim_task_kind kind)
{
    sim_task *task = calloc(1, sizeof *task);
    if (task)
        task->kind = kind;
    return task;
}

sim_task *sim_task_clone(const sim_task *task)
{
    sim_task *copy = sim_task_create(task->kind);
    if (!copy)
        return NULL;
    *copy = *task;
    copy->next = NULL;
    if (task->kind != SIM_TASK_LAUNCH)
        return copy;
    copy->launch = sim_launch_clone(task->launch);
    if (copy->launch)
        return copy;
    free(copy);
    return NULL;
}

static bool has_marker(const sim_task *task)
{
    return task->kind == SIM_TASK_MARKER || task->kind == SIM_TASK_WAIT;
}

static void destroy_locked(sim_task *task)
{
    if (has_marker(task) && task->marker)
        release_locked(task->marker);
    if (task->kind == SIM_TASK_LAUNCH && task->launch)
        sim_launch_destroy(task->launch);
    free(task);
}

void sim_task_destroy(sim_task *task)
{
    lock_queue();
    destroy_locked(task);
    unlock_queue();
}

/* ---- which task may run ---- */

static bool is_blocking(const sim_stream *s)
{
    return !s->is_null && !(s->flags & HIP_STREAM_NON_BLOCKING);
}

/* The legacy default stream waits for everything submitted before to blocking streams of its
 * device, and they for it. */
static bool in_turn(const sim_stream *s)
{
    uint64_t sequence = s->head->sequence;
    if (s->is_null) {
        for (const sim_stream *o = queue.streams; o; o = o->next)
            if (o->device == s->device && is_blocking(o) && o->head && o->head->sequence < sequence)
                return false;
        return true;
    }
    const sim_stream *null = queue.null_streams[s->device];
    return !is_blocking(s) || !null || !null->head || null->head->sequence > sequence;
}

static bool is_ready(const sim_stream *s)
{
    if (!s->head || s->running || !in_turn(s))
        return false;
    return s->head->kind != SIM_TASK_WAIT || s->head->marker->done || sim_device_fault(s->device);
}

/* After a fault nothing more is executed on a device, but its streams still drain. */
static bool is_skipped(const sim_stream *s)
{
    sim_task_kind kind = s->head->kind;
    return sim_device_fault(s->device) != HIP_SUCCESS &&
           (kind == SIM_TASK_COPY || kind == SIM_TASK_FILL || kind == SIM_TASK_LAUNCH ||
            kind == SIM_TASK_HOST);
}

static void pop_locked(sim_stream *s)
{
    sim_task *task = s->head;
    s->head = task->next;
    if (!s->head)
        s->tail = NULL;
    s->running = false;
    destroy_locked(task);
    pthread_cond_broadcast(&queue.progress);
}

static void run_free(uint64_t address)
{
    sim_mem_info info;
    if (sim_mem_withdraw(address, &info))
        sim_mem_unmap(info.base, info.size);
}

/* Runs the stream's head if that needs no thread of its own. */
static bool run_inline(sim_stream *s)
{
    if (!is_ready(s))
        return false;
    sim_task *task = s->head;
    if (task->kind == SIM_TASK_MARKER) {
        task->marker->done = true;
        task->marker->time = sim_now_ns();
        task->marker->stream = s;
        task->marker->predicted_ns = s->predicted_ns;
    } else if (task->kind == SIM_TASK_FREE) {
        run_free(task->address);
    } else if (task->kind != SIM_TASK_WAIT && !is_skipped(s)) {
        return false;
    }
    pop_locked(s);
    return true;
}

static bool for_callback_thread(const sim_task *task)
{
    return task->kind == SIM_TASK_HOST || task->kind == SIM_TASK_CALLBACK;
}

/* Runs everything that can be run without a thread, then wakes the threads if something is left for
 * them. */
static void pump_locked(void)
{
    for (bool again = true; again;) {
        again = false;
        for (sim_stream *s = queue.streams; s; s = s->next)
            while (run_inline(s))
                again = true;
    }
    for (sim_stream *s = queue.streams; s; s = s->next)
        if (is_ready(s))
            pthread_cond_broadcast(for_callback_thread(s->head) ? &queue.callbacks : &queue.work);
}

/* ---- threads ---- */

static void finish_launch(sim_stream *s, sim_launch *launch)
{
    for (sim_launch **p = &queue.active; *p; p = &(*p)->next) {
        if (*p == launch) {
            *p = launch->next;
            break;
        }
    }
    unlock_queue();
    hip_error e = sim_launch_finish(launch); /* may call the program's report function */
    lock_queue();
    if (e != HIP_SUCCESS)
        sim_device_set_fault(s->device, e);
    s->predicted_ns += 1e9 * launch->predicted_seconds;
    pop_locked(s);
    pump_locked();
}

static sim_stream *stream_of_launch(const sim_launch *launch)
{
    sim_stream *s = queue.streams;
    while (s && !(s->running && s->head->kind == SIM_TASK_LAUNCH && s->head->launch == launch))
        s = s->next;
    return s;
}

/* Takes part in a launch until its workgroups are all taken; the last thread to leave ends it. */
static void join_launch(sim_launch *launch, sim_worker **worker)
{
    launch->users++;
    unlock_queue();
    if (!*worker)
        *worker = sim_worker_create();
    sim_launch_run(launch, *worker);
    lock_queue();
    if (--launch->users == 0)
        finish_launch(stream_of_launch(launch), launch);
}

static sim_launch *open_launch(void)
{
    sim_launch *l = queue.active;
    while (l && sim_launch_exhausted(l))
        l = l->next;
    return l;
}

static void start_launch(sim_stream *s, sim_worker **worker)
{
    sim_launch *launch = s->head->launch;
    launch->start_ns = sim_now_ns();
    launch->next = queue.active;
    queue.active = launch;
    if (launch->total > 1)
        pthread_cond_broadcast(&queue.work);
    join_launch(launch, worker);
}

static void fill(void *dst, uint32_t value, unsigned width, size_t count)
{
    if (width == 1) {
        memset(dst, (int)(value & 0xff), count);
    } else if (width == 2) {
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)dst)[i] = (uint16_t)value;
    } else {
        for (size_t i = 0; i < count; i++)
            ((uint32_t *)dst)[i] = value;
    }
}

static void written(const void *to, size_t size)
{
    sim_check_memory_written((uint64_t)(uintptr_t)to, size);
}

static void run_task(const sim_task *task, hip_error status)
{
    switch (task->kind) {
    case SIM_TASK_COPY:
        memmove(task->copy.dst, task->copy.src, task->copy.size);
        written(task->copy.dst, task->copy.size);
        break;
    case SIM_TASK_FILL:
        fill(task->fill.dst, task->fill.value, task->fill.width, task->fill.count);
        written(task->fill.dst, task->fill.count * task->fill.width);
        break;
    case SIM_TASK_HOST: task->host.fn(task->host.user); break;
    case SIM_TASK_CALLBACK:
        task->callback.fn(task->callback.stream, status, task->callback.user);
        break;
    default: break;
    }
}

/* Runs the head of a stream on this thread; the lock is released meanwhile. */
static void run_head(sim_stream *s, sim_worker **worker)
{
    s->running = true;
    if (s->head->kind == SIM_TASK_LAUNCH) {
        start_launch(s, worker);
        return;
    }
    unlock_queue();
    run_task(s->head, sim_device_fault(s->device));
    lock_queue();
    pop_locked(s);
    pump_locked();
}

static sim_stream *ready_stream(bool callbacks)
{
    sim_stream *s = queue.streams;
    while (s && !(is_ready(s) && for_callback_thread(s->head) == callbacks))
        s = s->next;
    return s;
}

static void *worker_main(void *unused)
{
    sim_worker *worker = NULL;
    (void)unused;
    lock_queue();
    for (;;) {
        sim_launch *launch = open_launch();
        sim_stream *s = launch ? NULL : ready_stream(false);
        if (launch)
            join_launch(launch, &worker);
        else if (s)
            run_head(s, &worker);
        else
            pthread_cond_wait(&queue.work, &queue.lock);
    }
    return NULL;
}

/* Host functions have a thread of their own: they may block until other streams have made progress.
 */
static void *callback_main(void *unused)
{
    (void)unused;
    lock_queue();
    for (;;) {
        sim_stream *s = ready_stream(true);
        if (s)
            run_head(s, NULL);
        else
            pthread_cond_wait(&queue.callbacks, &queue.lock);
    }
    return NULL;
}

static int wanted_threads(void)
{
    const char *text = getenv("AITER_SIM_THREADS");
    long n = text ? strtol(text, NULL, 10) : 0;
    if (n <= 0)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (int)n;
}

/* Threads of a library take no signals; they live until the process ends. */
static bool start_thread(void *(*main)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, main, NULL))
        return false;
    pthread_detach(thread);
    return true;
}

static hip_error start_locked(void)
{
    if (queue.started)
        return HIP_SUCCESS;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int wanted = wanted_threads();
    while (queue.workers < wanted && start_thread(worker_main))
        queue.workers++;
    queue.started = queue.workers > 0 && start_thread(callback_main);
    queue.process = getpid();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!queue.started)
        sim_report("no thread could be started to run kernels");
    return queue.started ? HIP_SUCCESS : HIP_ERROR_OUT_OF_MEMORY;
}

/* ---- streams ---- */

static sim_stream *create_locked(int device, unsigned flags, int priority)
{
    sim_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->device = device;
    s->flags = flags;
    s->priority = priority;
    sim_stream **p = &queue.streams;
    while (*p && (*p)->priority <= priority)
        p = &(*p)->next;
    s->next = *p;
    *p = s;
    return s;
}

sim_stream *sim_stream_create(int device, unsigned flags, int priority)
{
    lock_queue();
    sim_stream *s = create_locked(device, flags, priority);
    unlock_queue();
    return s;
}

void sim_stream_destroy(sim_stream *stream)
{
    lock_queue();
    while (stream->head)
        pthread_cond_wait(&queue.progress, &queue.lock);
    sim_stream **p = &queue.streams;
    while (*p != stream)
        p = &(*p)->next;
    *p = stream->next;
    unlock_queue();
    free(stream);
}

static sim_stream *null_stream_locked(int device)
{
    sim_stream *s = queue.null_streams[device];
    if (s)
        return s;
    s = create_locked(device, HIP_STREAM_DEFAULT, 0);
    if (s)
        s->is_null = true;
    queue.null_streams[device] = s;
    return s;
}

/* hipStreamPerThread: one stream per thread and device, gone with the thread. */
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

typedef struct thread_streams {
    sim_stream *of[SIM_MAX_DEVICES];
} thread_streams;

static void drop_thread_streams(void *value)
{
    thread_streams *t = value;
    for (int i = 0; i < SIM_MAX_DEVICES; i++)
        if (t->of[i])
            sim_stream_destroy(t->of[i]);
    free(t);
}

static void make_thread_key(void)
{
    pthread_key_create(&thread_key, drop_thread_streams);
}

static sim_stream *thread_stream(int device)
{
    pthread_once(&thread_once, make_thread_key);
    thread_streams *t = pthread_getspecific(thread_key);
    if (!t) {
        t = calloc(1, sizeof *t);
        if (!t || pthread_setspecific(thread_key, t)) {
            free(t);
            return NULL;
        }
    }
    if (!t->of[device])
        t->of[device] = sim_stream_create(device, HIP_STREAM_DEFAULT, 0);
    return t->of[device];
}

sim_stream *sim_stream_find(hip_stream handle, int device)
{
    if (handle == HIP_STREAM_PER_THREAD)
        return thread_stream(device);
    lock_queue();
    sim_stream *s;
    if (!handle || handle == HIP_STREAM_LEGACY)
        s = null_stream_locked(device);
    else
        for (s = queue.streams; s && s != handle;)
            s = s->next;
    unlock_queue();
    return s;
}

/* A forked child has none of the threads: better an error than a wait without end. */
static bool forked_locked(void)
{
    if (!queue.started || queue.process == getpid())
        return false;
    sim_report("the simulator was used before fork(): this process cannot use it");
    return true;
}

hip_error sim_queue_submit(sim_stream *stream, sim_task *task)
{
    lock_queue();
    hip_error e = forked_locked() ? HIP_ERROR_NOT_INITIALIZED : start_locked();
    if (e == HIP_SUCCESS) {
        task->sequence = ++queue.sequence;
        *(stream->head ? &stream->tail->next : &stream->head) = task;
        stream->tail = task;
        pump_locked();
    } else {
        destroy_locked(task);
    }
    unlock_queue();
    return e;
}

hip_error sim_stream_synchronize(sim_stream *stream)
{
    sim_task *task = sim_task_create(SIM_TASK_MARKER);
    sim_marker *marker = sim_marker_create();
    if (!task || !marker) {
        free(task);
        free(marker);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    sim_marker_retain(marker);
    task->marker = marker;
    hip_error e = sim_queue_submit(stream, task);
    if (e == HIP_SUCCESS)
        sim_marker_wait(marker);
    sim_marker_release(marker);
    return e;
}

static bool busy_before(int device, uint64_t sequence)
{
    for (const sim_stream *s = queue.streams; s; s = s->next)
        if ((device < 0 || s->device == device) && s->head && s->head->sequence <= sequence)
            return true;
    return false;
}

void sim_queue_synchronize(int device)
{
    lock_queue();
    uint64_t sequence = queue.sequence;
    while (!forked_locked() && busy_before(device, sequence))
        pthread_cond_wait(&queue.progress, &queue.lock);
    unlock_queue();
}

bool sim_stream_idle(sim_stream *stream)
{
    bool idle = true;
    lock_queue();
    for (const sim_stream *s = queue.streams; s; s = s->next)
        if (s->head &&
            (s == stream || (stream->is_null && s->device == stream->device && is_blocking(s))))
            idle = false;
    unlock_queue();
    return idle;
}
