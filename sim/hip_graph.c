/* Stream capture and graphs. */
#include <pthread.h>
#include <stdlib.h>

#include "sim/graph.h"
#include "sim/hip.h"

#define GRAPH_MAGIC 0x6870617267ull
#define EXEC_MAGIC 0x63657865ull

/* A list of tasks in the order of capture. A graph and its executable form have equal content. */
typedef struct ihipGraph {
    uint64_t magic;
    sim_task *head, *tail;
    size_t count;
} sim_graph;

typedef struct hipGraphExec {
    uint64_t magic;
    sim_graph graph;
} sim_graph_exec;

typedef struct sim_capture {
    struct sim_capture *next;
    uint64_t id;
    sim_graph *graph;
    sim_stream *origin;  /* where it began */
    sim_stream *members; /* every stream that takes part, by capture_next */
    hip_capture_mode mode;
    pthread_t thread;
    bool invalid;
} sim_capture;

static struct {
    pthread_mutex_t lock;
    sim_capture *captures;
    uint64_t last_id;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local hip_capture_mode thread_mode = HIP_CAPTURE_MODE_GLOBAL;

/* ---- graphs ---- */

static void graph_append(sim_graph *g, sim_task *task)
{
    task->next = NULL;
    *(g->head ? &g->tail->next : &g->head) = task;
    g->tail = task;
    g->count++;
}

static void graph_clear(sim_graph *g)
{
    while (g->head) {
        sim_task *task = g->head;
        g->head = task->next;
        sim_task_destroy(task);
    }
    g->tail = NULL;
    g->count = 0;
}

static bool graph_copy(sim_graph *to, const sim_graph *from)
{
    for (const sim_task *t = from->head; t; t = t->next) {
        sim_task *task = sim_task_clone(t);
        if (!task) {
            graph_clear(to);
            return false;
        }
        graph_append(to, task);
    }
    return true;
}

static bool graph_valid(const sim_graph *g)
{
    return g && g->magic == GRAPH_MAGIC;
}

static void graph_destroy(sim_graph *g)
{
    g->magic = 0;
    graph_clear(g);
    free(g);
}

/* ---- capture: what other files call ---- */

static bool is_capturable(const sim_task *task)
{
    return task->kind == SIM_TASK_COPY || task->kind == SIM_TASK_FILL ||
           task->kind == SIM_TASK_LAUNCH || task->kind == SIM_TASK_HOST;
}

/* Work on the default stream would have to wait for a blocking stream that captures. */
static bool implicates_capture(const sim_stream *stream)
{
    for (const sim_capture *c = state.captures; stream->is_null && c; c = c->next)
        for (const sim_stream *s = c->members; s; s = s->capture_next)
            if (s->device == stream->device && !(s->flags & HIP_STREAM_NON_BLOCKING))
                return true;
    return false;
}

static hip_error capture_locked(sim_stream *stream, sim_task *task)
{
    sim_capture *c = stream->capture;
    if (c->invalid)
        return HIP_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (!is_capturable(task)) {
        c->invalid = true;
        return HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    graph_append(c->graph, task);
    stream->captured++;
    return HIP_SUCCESS;
}

hip_error sim_submit(sim_stream *stream, sim_task *task)
{
    hip_error e = HIP_SUCCESS;
    pthread_mutex_lock(&state.lock);
    bool capturing = stream->capture != NULL;
    if (capturing)
        e = capture_locked(stream, task);
    else if (implicates_capture(stream))
        e = HIP_ERROR_STREAM_CAPTURE_IMPLICIT;
    pthread_mutex_unlock(&state.lock);
    if (e != HIP_SUCCESS) {
        sim_task_destroy(task);
        return e;
    }
    return capturing ? HIP_SUCCESS : sim_queue_submit(stream, task);
}

hip_error sim_capture_check(void)
{
    bool refused = false;
    pthread_mutex_lock(&state.lock);
    for (const sim_capture *c = state.captures; c; c = c->next) {
        bool own = pthread_equal(c->thread, pthread_self());
        if (own ? c->mode != HIP_CAPTURE_MODE_RELAXED
                : c->mode == HIP_CAPTURE_MODE_GLOBAL && thread_mode == HIP_CAPTURE_MODE_GLOBAL)
            refused = true;
    }
    pthread_mutex_unlock(&state.lock);
    return refused && thread_mode != HIP_CAPTURE_MODE_RELAXED ? HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED
                                                              : HIP_SUCCESS;
}

hip_error sim_capture_refuse(sim_stream *stream)
{
    pthread_mutex_lock(&state.lock);
    bool capturing = stream->capture != NULL;
    if (capturing)
        stream->capture->invalid = true;
    pthread_mutex_unlock(&state.lock);
    return capturing ? HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED : HIP_SUCCESS;
}

sim_capture_mark sim_capture_here(sim_stream *stream)
{
    sim_capture_mark mark = {0, stream, 0};
    pthread_mutex_lock(&state.lock);
    if (stream->capture) {
        mark.id = stream->capture->id;
        mark.work = stream->captured;
    }
    pthread_mutex_unlock(&state.lock);
    return mark;
}

static sim_capture *capture_by_id(uint64_t id)
{
    sim_capture *c = state.captures;
    while (c && c->id != id)
        c = c->next;
    return c;
}

static void enter_capture(sim_capture *c, sim_stream *stream)
{
    stream->capture = c;
    stream->capture_next = c->members;
    stream->captured = stream->joined = 0;
    c->members = stream;
}

hip_error sim_capture_join(sim_stream *stream, const sim_capture_mark *mark)
{
    hip_error e = HIP_SUCCESS;
    pthread_mutex_lock(&state.lock);
    sim_capture *c = capture_by_id(mark->id);
    if (!c || (stream->capture && stream->capture != c) || stream->is_null) {
        if (stream->capture)
            stream->capture->invalid = true;
        e = !c ? HIP_ERROR_CAPTURED_EVENT : HIP_ERROR_STREAM_CAPTURE_IMPLICIT;
    } else {
        for (sim_stream *s = c->members; s; s = s->capture_next)
            if (s == mark->stream && s != stream && s->joined < mark->work)
                s->joined = mark->work;
        if (!stream->capture)
            enter_capture(c, stream);
    }
    pthread_mutex_unlock(&state.lock);
    return e;
}

static void leave_locked(sim_stream *stream)
{
    sim_stream **p = &stream->capture->members;
    while (*p != stream)
        p = &(*p)->capture_next;
    *p = stream->capture_next;
    stream->capture = NULL;
}

static void capture_remove(sim_capture *gone)
{
    sim_capture **p = &state.captures;
    while (*p != gone)
        p = &(*p)->next;
    *p = gone->next;
    while (gone->members)
        leave_locked(gone->members);
    free(gone);
}

void sim_capture_leave(sim_stream *stream)
{
    sim_graph *abandoned = NULL;
    pthread_mutex_lock(&state.lock);
    sim_capture *c = stream->capture;
    if (c && c->origin == stream) {
        abandoned = c->graph;
        capture_remove(c);
    } else if (c) {
        c->invalid = true;
        leave_locked(stream);
    }
    pthread_mutex_unlock(&state.lock);
    if (abandoned)
        graph_destroy(abandoned);
}

/* ---- capture: the HIP functions ---- */

static hip_error begin_capture(hip_stream handle, hip_capture_mode mode)
{
    hip_error e = sim_hip_usable();
    if (e != HIP_SUCCESS)
        return e;
    if (mode < HIP_CAPTURE_MODE_GLOBAL || mode > HIP_CAPTURE_MODE_RELAXED)
        return HIP_ERROR_INVALID_VALUE;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    if (!stream)
        return HIP_ERROR_CONTEXT_IS_DESTROYED;
    if (stream->is_null)
        return HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    sim_capture *c = calloc(1, sizeof *c);
    sim_graph *graph = calloc(1, sizeof *graph);
    bool busy = false;
    if (c && graph) {
        graph->magic = GRAPH_MAGIC;
        pthread_mutex_lock(&state.lock);
        busy = stream->capture != NULL;
        if (!busy) {
            c->next = state.captures;
            c->id = ++state.last_id;
            c->graph = graph;
            c->origin = stream;
            c->mode = mode;
            c->thread = pthread_self();
            state.captures = c;
            enter_capture(c, stream);
        }
        pthread_mutex_unlock(&state.lock);
        if (!busy)
            return HIP_SUCCESS;
    }
    free(c);
    free(graph);
    return busy ? HIP_ERROR_ILLEGAL_STATE : HIP_ERROR_OUT_OF_MEMORY;
}

hip_error hipStreamBeginCapture(hip_stream stream, hip_capture_mode mode)
{
    return sim_hip_return(begin_capture(stream, mode));
}

/* Every stream that joined must have been waited for after its last node. */
static bool all_joined(const sim_capture *c)
{
    for (const sim_stream *s = c->members; s; s = s->capture_next)
        if (s != c->origin && s->joined < s->captured)
            return false;
    return true;
}

static hip_error end_capture_locked(sim_stream *stream, sim_graph **graph)
{
    sim_capture *c = stream->capture;
    if (!c)
        return HIP_ERROR_ILLEGAL_STATE;
    if (c->origin != stream)
        return HIP_ERROR_STREAM_CAPTURE_UNMATCHED;
    if (c->mode != HIP_CAPTURE_MODE_RELAXED && !pthread_equal(c->thread, pthread_self()))
        return HIP_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    hip_error e = HIP_SUCCESS;
    if (c->invalid)
        e = HIP_ERROR_STREAM_CAPTURE_INVALIDATED;
    else if (!all_joined(c))
        e = HIP_ERROR_STREAM_CAPTURE_UNJOINED;
    *graph = c->graph;
    capture_remove(c);
    return e;
}

static hip_error end_capture(hip_stream handle, hip_graph *out)
{
    hip_error e = out ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    if (!stream)
        return HIP_ERROR_CONTEXT_IS_DESTROYED;
    sim_graph *graph = NULL;
    pthread_mutex_lock(&state.lock);
    e = end_capture_locked(stream, &graph);
    pthread_mutex_unlock(&state.lock);
    if (e != HIP_SUCCESS && graph) {
        graph_destroy(graph);
        graph = NULL;
    }
    *out = graph;
    return e;
}

hip_error hipStreamEndCapture(hip_stream stream, hip_graph *graph)
{
    return sim_hip_return(end_capture(stream, graph));
}

static hip_error capture_info(hip_stream handle, hip_capture_status *status, unsigned long long *id)
{
    hip_error e = status ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    if (!stream)
        return HIP_ERROR_CONTEXT_IS_DESTROYED;
    pthread_mutex_lock(&state.lock);
    const sim_capture *c = stream->capture;
    *status = HIP_CAPTURE_STATUS_NONE;
    if (c)
        *status = c->invalid ? HIP_CAPTURE_STATUS_INVALIDATED : HIP_CAPTURE_STATUS_ACTIVE;
    if (id)
        *id = c ? c->id : 0;
    pthread_mutex_unlock(&state.lock);
    return HIP_SUCCESS;
}

hip_error hipStreamIsCapturing(hip_stream stream, hip_capture_status *status)
{
    return sim_hip_return(capture_info(stream, status, NULL));
}

hip_error hipStreamGetCaptureInfo(hip_stream stream, hip_capture_status *status,
                                  unsigned long long *id)
{
    return sim_hip_return(capture_info(stream, status, id));
}

hip_error hipThreadExchangeStreamCaptureMode(hip_capture_mode *mode)
{
    if (!mode || *mode < HIP_CAPTURE_MODE_GLOBAL || *mode > HIP_CAPTURE_MODE_RELAXED)
        return sim_hip_return(HIP_ERROR_INVALID_VALUE);
    hip_capture_mode before = thread_mode;
    thread_mode = *mode;
    *mode = before;
    return sim_hip_return(HIP_SUCCESS);
}

/* ---- graphs: the HIP functions ---- */

/* A node's handle is its task. */
static hip_error get_nodes(const sim_graph *graph, hip_graph_node *nodes, size_t *num_nodes)
{
    if (!graph_valid(graph) || !num_nodes)
        return HIP_ERROR_INVALID_VALUE;
    if (!nodes) {
        *num_nodes = graph->count;
        return HIP_SUCCESS;
    }
    size_t i = 0;
    for (sim_task *t = graph->head; t && i < *num_nodes; t = t->next)
        nodes[i++] = (hip_graph_node)(void *)t;
    *num_nodes = i;
    return HIP_SUCCESS;
}

hip_error hipGraphGetNodes(hip_graph graph, hip_graph_node *nodes, size_t *num_nodes)
{
    return sim_hip_return(get_nodes(graph, nodes, num_nodes));
}

static hip_error instantiate(hip_graph_exec *exec, const sim_graph *graph)
{
    if (!exec || !graph_valid(graph))
        return HIP_ERROR_INVALID_VALUE;
    sim_graph_exec *x = calloc(1, sizeof *x);
    if (!x || !graph_copy(&x->graph, graph)) {
        free(x);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    x->magic = EXEC_MAGIC;
    *exec = x;
    return HIP_SUCCESS;
}

hip_error hipGraphInstantiate(hip_graph_exec *exec, hip_graph graph, hip_graph_node *error_node,
                              char *log, size_t log_size)
{
    if (error_node)
        *error_node = NULL;
    if (log && log_size)
        log[0] = 0;
    return sim_hip_return(instantiate(exec, graph));
}

hip_error hipGraphInstantiateWithFlags(hip_graph_exec *exec, hip_graph graph,
                                       unsigned long long flags)
{
    (void)flags; /* they only concern when memory is freed and where the graph is launched from */
    return sim_hip_return(instantiate(exec, graph));
}

static hip_error launch_graph(sim_graph_exec *exec, hip_stream handle)
{
    hip_error e = sim_hip_usable();
    if (e != HIP_SUCCESS)
        return e;
    if (!exec || exec->magic != EXEC_MAGIC)
        return HIP_ERROR_INVALID_VALUE;
    sim_stream *stream = sim_stream_find(handle, sim_device_current());
    if (!stream)
        return HIP_ERROR_CONTEXT_IS_DESTROYED;
    sim_graph run = {0};
    if (!graph_copy(&run, &exec->graph))
        return HIP_ERROR_OUT_OF_MEMORY;
    while (run.head && e == HIP_SUCCESS) {
        sim_task *task = run.head;
        run.head = task->next;
        task->next = NULL;
        e = sim_submit(stream, task);
    }
    graph_clear(&run);
    return e;
}

hip_error hipGraphLaunch(hip_graph_exec exec, hip_stream stream)
{
    return sim_hip_return(launch_graph(exec, stream));
}

hip_error hipGraphUpload(hip_graph_exec exec, hip_stream stream)
{
    bool ok = exec && exec->magic == EXEC_MAGIC && sim_hip_ready() == HIP_SUCCESS &&
              sim_stream_find(stream, sim_device_current());
    return sim_hip_return(ok ? HIP_SUCCESS : HIP_ERROR_INVALID_VALUE);
}

hip_error hipGraphExecDestroy(hip_graph_exec exec)
{
    if (!exec || exec->magic != EXEC_MAGIC)
        return sim_hip_return(HIP_ERROR_INVALID_VALUE);
    exec->magic = 0;
    graph_clear(&exec->graph);
    free(exec);
    return sim_hip_return(HIP_SUCCESS);
}

hip_error hipGraphDestroy(hip_graph graph)
{
    if (!graph_valid(graph))
        return sim_hip_return(HIP_ERROR_INVALID_VALUE);
    graph_destroy(graph);
    return sim_hip_return(HIP_SUCCESS);
}
