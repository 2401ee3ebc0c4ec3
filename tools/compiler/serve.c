#include "tools/compiler/serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/helper/frame.h"
#include "tools/compiler/compile.h"
#include "tools/compiler/identity.h"
#include "tools/compiler/inspect.h"
#include "tools/compiler/scratch.h"

typedef struct service {
    int fd;
    const toolchain *tc;        /* NULL: none was found */
    const char *no_toolchain;
    bool in_scratch;
} service;

/* ---- The end ---- */

static pthread_mutex_t leaving = PTHREAD_MUTEX_INITIALIZER;

/* Two threads may come here at once; the first one ends the process. */
static _Noreturn void leave(int status)
{
    pthread_mutex_lock(&leaving);
    scratch_remove();
    _exit(status);
}

typedef struct watch { int fd; long parent; } watch;

/* Ends this process when the client closes the socket or dies, also in the middle of a compile. A
 * fork of the client may hold the socket open beyond the client's death, so its process is watched
 * too. */
static void *watch_client(void *user)
{
    const watch *w = user;
    int parent = (int)syscall(SYS_pidfd_open, w->parent, 0);
    if (parent < 0 && errno == ESRCH)
        leave(0);
    struct pollfd fds[2] = {{.fd = w->fd, .events = POLLRDHUP}, {.fd = parent, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 || !(fds[0].revents | fds[1].revents))
        continue;
    leave(0);
}

static void start_watch(int fd, long parent)
{
    static watch w;
    pthread_t thread;
    w = (watch){fd, parent};
    int rc = pthread_create(&thread, NULL, watch_client, &w);
    if (rc)
        fprintf(stderr, "aiter-compiler: no thread to watch the client: error %d\n", rc);
    else
        pthread_detach(thread);
}

/* When memory runs out the kernel shall take this process rather than its client. */
static void be_the_victim(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "we");
    if (file) {
        fputs("500", file);
        fclose(file);
    }
}

/* ---- Requests ---- */

static void add_text(frame *reply, frame_field field, const text *t)
{
    if (!text_ok(t) || !frame_add(reply, field, text_get(t), t->size))
        reply->type = FRAME_ERROR;
}

static void do_identify(frame *reply)
{
    text identity = {0};
    identity_print(&identity);
    add_text(reply, FIELD_IDENTITY, &identity);
    text_free(&identity);
}

static bool do_compile(const service *s, const frame *request, frame *reply, text *log)
{
    text code = {0}, metadata = {0};
    char *name = frame_text(request, FIELD_NAME, NULL),
         *source = frame_text(request, FIELD_SOURCE, NULL);
    char *options = frame_text(request, FIELD_OPTIONS, NULL);
    bool good = name && source && options;
    if (!good)
        text_print(log, "compile: name, source or options are missing from the request");
    good = good && compile(s->tc, name, source, options, &code, log) &&
           inspect(s->tc, code.data, code.size, &metadata, NULL, log);
    if (good) {
        add_text(reply, FIELD_CODE, &code);
        add_text(reply, FIELD_METADATA, &metadata);
        add_text(reply, FIELD_LOG, log);
        do_identify(reply);
    }
    free(name);
    free(source);
    free(options);
    text_free(&code);
    text_free(&metadata);
    return good;
}

static bool do_inspect(const service *s, const frame *request, frame *reply, text *log)
{
    text metadata = {0}, disassembly = {0};
    const void *code, *none;
    size_t size, zero;
    bool wanted = frame_find(request, FIELD_WANT_DISASSEMBLY, &none, &zero);
    bool good = frame_find(request, FIELD_CODE, &code, &size);
    if (!good)
        text_print(log, "inspect: the code object is missing from the request");
    good = good && inspect(s->tc, code, size, &metadata, wanted ? &disassembly : NULL, log);
    if (good) {
        add_text(reply, FIELD_METADATA, &metadata);
        if (wanted)
            add_text(reply, FIELD_DISASSEMBLY, &disassembly);
    }
    text_free(&metadata);
    text_free(&disassembly);
    return good;
}

/* false: `log` says why. *environment is set if the request is not at fault. */
static bool handle(service *s, const frame *request, frame *reply, text *log, bool *environment)
{
    if (!s->tc) {
        text_print(log, "%s", s->no_toolchain);
        *environment = true;
        return false;
    }
    if (request->type != FRAME_IDENTIFY && !s->in_scratch) {
        s->in_scratch = scratch_enter(log);
        *environment = !s->in_scratch;
        if (!s->in_scratch)
            return false;
    }
    switch (request->type) {
    case FRAME_IDENTIFY:
        do_identify(reply);
        return true;
    case FRAME_COMPILE:
        return do_compile(s, request, reply, log);
    case FRAME_INSPECT:
        return do_inspect(s, request, reply, log);
    default:
        text_print(log, "unknown request %u", request->type);
        return false;
    }
}

static void make_reply(service *s, const frame *request, frame *reply)
{
    text log = {0};
    bool environment = false;
    *reply = (frame){.type = FRAME_RESULT};
    bool good = handle(s, request, reply, &log, &environment);
    if (!good || reply->type == FRAME_ERROR) {
        frame_free(reply);
        reply->type = FRAME_ERROR;
        if (good)
            text_print(&log, "the answer is out of memory or larger than %llu bytes",
                       (unsigned long long)FRAME_MAX_PAYLOAD);
        frame_add(reply, FIELD_LOG, text_get(&log), log.size);
        if (environment)
            frame_add_text(reply, FIELD_NO_TOOLCHAIN, "");
    }
    text_free(&log);
}

static frame_io wait_client(void *user, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    (void)user;
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR)
            return FRAME_IO_ERROR;
    }
    return FRAME_IO_OK;
}

_Noreturn void serve(int fd, long parent, const toolchain *tc, const char *no_toolchain)
{
    service s = {.fd = fd, .tc = tc, .no_toolchain = no_toolchain};
    frame started = {.type = FRAME_STARTED}, request = {0}, reply;
    const char *why = NULL;
    be_the_victim();
    start_watch(fd, parent);
    for (;;) {
        frame_io io = frame_receive(fd, &request, &why, wait_client, NULL);
        if (io == FRAME_IO_CLOSED)
            leave(0);
        if (io != FRAME_IO_OK) {
            fprintf(stderr, "aiter-compiler: unreadable request: %s (%d)\n",
                    why ? why : "transfer failed", (int)io);
            leave(2);
        }
        if (frame_send(fd, &started, wait_client, NULL) != FRAME_IO_OK)
            leave(0);
        make_reply(&s, &request, &reply);
        io = frame_send(fd, &reply, wait_client, NULL);
        frame_free(&reply);
        frame_free(&request);
        /* Without a toolchain the next request shall find a new process, which looks again. */
        if (io != FRAME_IO_OK || !tc)
            leave(0);
    }
}
