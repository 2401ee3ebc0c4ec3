/* The pool of helper processes and the requests that callers make of it. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/helper/frame.h"
#include "runtime/helper/helper.h"
#include "runtime/helper/locate.h"
#include "runtime/helper/process.h"

enum {
    DEFAULT_TIMEOUT_MS = 120000,
    EXIT_GRACE_MS = 1000,       /* for a helper that was told to go, or that closed its socket */
    MAX_JOBS = 256
};

typedef struct slot {
    helper_process process;     /* pid 0: none was started yet, or it ended */
    bool busy;
} slot;

struct helper_pool {
    char *program;
    int timeout_ms, jobs;
    _Atomic long owner;         /* pid that owns the slots; minus that while a child takes over */
    pthread_mutex_t lock;       /* guards every `busy`; a busy slot is its holder's alone */
    pthread_cond_t released;
    slot *slots;
};

/* ---- Blobs and messages ---- */

void helper_blob_free(helper_blob *blob)
{
    free(blob->data);
    *blob = (helper_blob){0};
}

static void clear(helper_blob *blob)
{
    if (blob)
        *blob = (helper_blob){0};
}

__attribute__((format(printf, 2, 3)))
static void message(helper_blob *log, const char *format, ...)
{
    va_list args;
    if (!log)
        return;
    va_start(args, format);
    int n = vasprintf(&log->data, format, args);
    va_end(args);
    if (n < 0)
        *log = (helper_blob){0};
    else
        log->size = (size_t)n;
}

/* Copies a field of a reply into a blob; without the field the blob is empty text. */
static bool take(const frame *reply, frame_field field, helper_blob *blob)
{
    const void *data;
    size_t size;
    if (!blob)
        return true;
    if (frame_find(reply, field, &data, &size)) {
        blob->data = frame_text(reply, field, &blob->size);
    } else {
        blob->data = calloc(1, 1);
        blob->size = 0;
    }
    return blob->data != NULL;
}

/* ---- The pool ---- */

helper_status helper_pool_create(helper_pool **out, const char *program, int jobs, int timeout_ms)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    *out = NULL;
    helper_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return HELPER_NO_MEMORY;
    pool->jobs = jobs > 0 ? jobs : online > 0 ? (int)online : 1;
    if (pool->jobs > MAX_JOBS)
        pool->jobs = MAX_JOBS;
    pool->timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS;
    pool->program = helper_locate(program);
    pool->slots = calloc((size_t)pool->jobs, sizeof *pool->slots);
    if (!pool->program || !pool->slots) {
        free(pool->program);
        free(pool->slots);
        free(pool);
        return HELPER_NO_MEMORY;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->released, NULL);
    atomic_store(&pool->owner, (long)getpid());
    *out = pool;
    return HELPER_OK;
}

const char *helper_pool_program(const helper_pool *pool)
{
    return pool->program;
}

static void drop_inherited(helper_pool *pool)
{
    /* In the parent another thread, which does not exist here, may have held the lock. */
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->released, NULL);
    for (int i = 0; i < pool->jobs; i++) {
        if (pool->slots[i].process.pid)
            process_abandon(&pool->slots[i].process);
        pool->slots[i].busy = false;
    }
}

/* A forked child must not talk to its parent's helpers: the first of its threads to come here drops
 * them. */
static void leave_parent(helper_pool *pool)
{
    long self = (long)getpid();
    for (;;) {
        long owner = atomic_load(&pool->owner);
        if (owner == self)
            return;
        if (owner != -self && atomic_compare_exchange_strong(&pool->owner, &owner, -self)) {
            drop_inherited(pool);
            atomic_store(&pool->owner, self);
            return;
        }
        sched_yield();
    }
}

void helper_pool_destroy(helper_pool *pool)
{
    char how[PROCESS_HOW];
    if (!pool)
        return;
    leave_parent(pool);
    for (int i = 0; i < pool->jobs; i++) {
        if (pool->slots[i].process.pid)
            process_hang_up(&pool->slots[i].process);
    }
    for (int i = 0; i < pool->jobs; i++) {
        if (pool->slots[i].process.pid)
            process_reap(&pool->slots[i].process, EXIT_GRACE_MS, how);
    }
    pthread_cond_destroy(&pool->released);
    pthread_mutex_destroy(&pool->lock);
    free(pool->slots);
    free(pool->program);
    free(pool);
}

/* A free slot, preferably one whose helper is running. */
static slot *find_free(helper_pool *pool)
{
    slot *found = NULL;
    for (int i = 0; i < pool->jobs; i++) {
        slot *s = &pool->slots[i];
        if (!s->busy && (!found || (!found->process.pid && s->process.pid)))
            found = s;
    }
    return found;
}

/* Waits for its turn: bounded, because every holder has a deadline. */
static slot *acquire(helper_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    slot *s = find_free(pool);
    while (!s) {
        pthread_cond_wait(&pool->released, &pool->lock);
        s = find_free(pool);
    }
    s->busy = true;
    pthread_mutex_unlock(&pool->lock);
    return s;
}

static void release(helper_pool *pool, slot *s)
{
    pthread_mutex_lock(&pool->lock);
    s->busy = false;
    pthread_cond_signal(&pool->released);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- One exchange ---- */

typedef struct conversation {
    helper_process *process;
    int64_t deadline;
    bool started;               /* the helper said that it has read the request */
    const char *why;            /* what is wrong with a garbage frame           */
    int error;                  /* errno of FRAME_IO_ERROR                      */
} conversation;

static frame_io wait_ready(void *user, int fd, short events)
{
    conversation *c = user;
    for (;;) {
        int64_t left = c->deadline - frame_now_ms();
        if (left <= 0)
            return FRAME_IO_TIMEOUT;
        struct pollfd fds[2] = {{.fd = fd, .events = events},
                                {.fd = c->process->err, .events = POLLIN}};
        int n = poll(fds, 2, left > 60000 ? 60000 : (int)left);
        if (n < 0 && errno != EINTR)
            return FRAME_IO_ERROR;
        if (n > 0 && fds[1].revents)
            process_drain(c->process);
        if (n > 0 && fds[0].revents)
            return FRAME_IO_OK;
    }
}

static frame_io converse(conversation *c, const frame *request, frame *reply)
{
    frame_io io = frame_send(c->process->socket, request, wait_ready, c);
    while (io == FRAME_IO_OK) {
        io = frame_receive(c->process->socket, reply, &c->why, wait_ready, c);
        if (io != FRAME_IO_OK)
            break;
        if (reply->type == FRAME_STARTED && !c->started) {
            c->started = true;
            continue;
        }
        if (c->started && (reply->type == FRAME_RESULT || reply->type == FRAME_ERROR))
            return FRAME_IO_OK;
        c->why = "a frame that is no answer";
        io = FRAME_IO_GARBAGE;
    }
    c->error = errno;
    return io;
}

/* Explains a failed conversation; the process has ended in the way `how` says. */
static helper_status explain(const helper_pool *pool, const conversation *c, frame_io io,
                             const char *how, helper_blob *log)
{
    char tail[PROCESS_TAIL + 1], what[256];
    switch (io) {
    case FRAME_IO_TIMEOUT:
        snprintf(what, sizeof what, "missed its deadline of %d ms and was killed",
                 pool->timeout_ms);
        break;
    case FRAME_IO_GARBAGE:
        snprintf(what, sizeof what, "sent garbage (%s); %s", c->why, how);
        break;
    case FRAME_IO_CUT:
        snprintf(what, sizeof what, "stopped in the middle of an answer; %s", how);
        break;
    case FRAME_IO_ERROR:
        snprintf(what, sizeof what, "could not be reached: errno %d; %s", c->error, how);
        break;
    default:
        snprintf(what, sizeof what, "ended %s; %s",
                 c->started ? "without an answer" : "before it read the request", how);
    }
    size_t n = process_tail(c->process, tail);
    message(log, "compiler helper %s %s%s%s", pool->program, what,
            n ? "; it last wrote:\n" : " (it wrote nothing)", tail);
    return io == FRAME_IO_TIMEOUT     ? HELPER_TIMEOUT
           : io == FRAME_IO_NO_MEMORY ? HELPER_NO_MEMORY
                                      : HELPER_DIED;
}

/* Starts a helper in the slot unless one is running. */
static helper_status ensure_started(const helper_pool *pool, slot *s, helper_blob *log)
{
    char text[128];
    if (s->process.pid)
        return HELPER_OK;
    int rc = process_start(&s->process, pool->program);
    if (!rc)
        return HELPER_OK;
    message(log,
            "cannot start the compiler helper %s: %s (expected the aiter-compiler program; "
            "$AITER_COMPILER names another one)",
            pool->program, strerror_r(rc, text, sizeof text));
    return rc == ENOMEM ? HELPER_NO_MEMORY : HELPER_MISSING;
}

/* Sends the request to the slot's helper. A helper that sat idle and is found dead has not touched
 * the request: it is replaced once. Whatever happens to one that has read it is the caller's to
 * know. */
static helper_status run_in_slot(const helper_pool *pool, slot *s, const frame *request,
                                 frame *reply, helper_blob *log)
{
    char how[PROCESS_HOW];
    for (;;) {
        bool reused = s->process.pid != 0;
        helper_status status = ensure_started(pool, s, log);
        if (status != HELPER_OK)
            return status;
        conversation c = {.process = &s->process, .deadline = frame_now_ms() + pool->timeout_ms};
        frame_io io = converse(&c, request, reply);
        if (io == FRAME_IO_OK) {
            process_drain(&s->process);
            return HELPER_OK;
        }
        bool ended = io == FRAME_IO_CLOSED || io == FRAME_IO_CUT;
        process_reap(&s->process, ended ? EXIT_GRACE_MS : 0, how);
        if (!reused || c.started || io != FRAME_IO_CLOSED)
            return explain(pool, &c, io, how, log);
    }
}

static helper_status exchange(helper_pool *pool, const frame *request, frame *reply,
                              helper_blob *log)
{
    leave_parent(pool);
    slot *s = acquire(pool);
    helper_status status = run_in_slot(pool, s, request, reply, log);
    release(pool, s);
    if (status != HELPER_OK || reply->type == FRAME_RESULT)
        return status;
    const void *data;
    size_t size;
    bool no_toolchain = frame_find(reply, FIELD_NO_TOOLCHAIN, &data, &size);
    if (!take(reply, FIELD_LOG, log))
        return HELPER_NO_MEMORY;
    return no_toolchain ? HELPER_MISSING : HELPER_REJECTED;
}

/* ---- Requests ---- */

static helper_status cannot_build(helper_blob *log, size_t size)
{
    if (size < FRAME_MAX_PAYLOAD - 1024)
        return HELPER_NO_MEMORY;
    message(log, "request of %zu bytes is larger than the limit of %llu", size,
            (unsigned long long)FRAME_MAX_PAYLOAD);
    return HELPER_REJECTED;
}

helper_status helper_identify(helper_pool *pool, helper_blob *identity, helper_blob *log)
{
    frame request = {.type = FRAME_IDENTIFY}, reply = {0};
    clear(identity);
    clear(log);
    helper_status status = exchange(pool, &request, &reply, log);
    if (status == HELPER_OK && !take(&reply, FIELD_IDENTITY, identity))
        status = HELPER_NO_MEMORY;
    frame_free(&reply);
    return status;
}

helper_status helper_compile(helper_pool *pool, const char *name, const char *source,
                             const char *options, helper_blob *code, helper_blob *metadata,
                             helper_blob *identity, helper_blob *log)
{
    frame request = {.type = FRAME_COMPILE}, reply = {0};
    helper_blob *const outputs[] = {code, metadata, identity, log};
    static const frame_field fields[] = {FIELD_CODE, FIELD_METADATA, FIELD_IDENTITY, FIELD_LOG};
    helper_status status;
    for (int i = 0; i < 4; i++)
        clear(outputs[i]);
    if (frame_add_text(&request, FIELD_NAME, name) &&
        frame_add_text(&request, FIELD_SOURCE, source) &&
        frame_add_text(&request, FIELD_OPTIONS, options))
        status = exchange(pool, &request, &reply, log);
    else
        status = cannot_build(log, strlen(source) + strlen(options) + strlen(name));
    for (int i = 0; i < 4 && status == HELPER_OK; i++) {
        if (!take(&reply, fields[i], outputs[i]))
            status = HELPER_NO_MEMORY;
    }
    for (int i = 0; i < 3 && status != HELPER_OK; i++) {
        if (outputs[i])
            helper_blob_free(outputs[i]);
    }
    frame_free(&request);
    frame_free(&reply);
    return status;
}

helper_status helper_inspect(helper_pool *pool, const void *code, size_t size,
                             helper_blob *metadata, helper_blob *disassembly, helper_blob *log)
{
    frame request = {.type = FRAME_INSPECT}, reply = {0};
    helper_status status;
    clear(metadata);
    clear(disassembly);
    clear(log);
    if (frame_add(&request, FIELD_CODE, code, size) &&
        (!disassembly || frame_add_text(&request, FIELD_WANT_DISASSEMBLY, "")))
        status = exchange(pool, &request, &reply, log);
    else
        status = cannot_build(log, size);
    if (status == HELPER_OK && (!take(&reply, FIELD_METADATA, metadata) ||
                                !take(&reply, FIELD_DISASSEMBLY, disassembly))) {
        if (metadata)
            helper_blob_free(metadata);
        status = HELPER_NO_MEMORY;
    }
    frame_free(&request);
    frame_free(&reply);
    return status;
}
