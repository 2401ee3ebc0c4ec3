/* Many on one store: processes and threads, processes with equal numbers, forks in the midst of
 * it. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/proof/proof.h"

enum { CROWD = 4, SHARED_KEYS = 24, STEPS = 24 };

/* Of a round; seen by all its processes. */
typedef struct board {
    atomic_uint stored[SHARED_KEYS]; /* how often a put returned */
    atomic_int flying[SHARED_KEYS];  /* who is in the key's flight: one at most */
} board;

static void fly(scene *s, cache_store *store, board *b, uint32_t k)
{
    cache_flight *guard;
    char key[32];

    proof_key(key, k);
    if (cache_flight_begin(store, key, 1000 * LIMIT_S, &guard) != CACHE_OK) {
        proof_note(s, BLOCKED, "the flight of '%s' was not to be had", key);
        return;
    }
    if (atomic_fetch_add(&b->flying[k], 1) != 0)
        proof_note(s, BROKEN, "two in the flight of '%s'", key);
    if (!proof_draw(s, 4))
        proof_sleep_us(proof_draw(s, 2000));
    atomic_fetch_sub(&b->flying[k], 1);
    cache_flight_end(guard);
}

/* Once stored, a key is never a miss again. */
static void look(scene *s, cache_store *store, board *b, uint32_t k)
{
    bool was_stored = atomic_load(&b->stored[k]);

    if (!proof_look(s, store, k) && was_stored)
        proof_note(s, BROKEN, "key %u: lost", k);
}

static void live(scene *s, cache_store *store, board *b)
{
    for (int i = 0; i < STEPS; i++) {
        uint32_t k = proof_draw(s, SHARED_KEYS);
        if (proof_store(s, store, k, 1 + proof_draw(s, 1000000), 10 + proof_draw(s, 50000)))
            atomic_fetch_add(&b->stored[k], 1);
        for (int j = 0; j < 4; j++)
            look(s, store, b, proof_draw(s, SHARED_KEYS));
        fly(s, store, b, proof_draw(s, SHARED_KEYS));
    }
}

/* ---- Threads, each with a scene of its own for its random numbers ---- */

typedef struct member {
    scene s;
    cache_store *store;
    board *b;
    atomic_bool *stop; /* NULL: one life */
    pthread_t thread;
} member;

static void *live_as_thread(void *arg)
{
    member *m = arg;

    do
        live(&m->s, m->store, m->b);
    while (m->stop && !atomic_load(m->stop));
    return NULL;
}

static void start_thread(member *m, scene *s, cache_store *store, board *b, atomic_bool *stop)
{
    *m = (member){.s = *s, .store = store, .b = b, .stop = stop};
    m->s.random ^= (uintptr_t)m;
    if (pthread_create(&m->thread, NULL, live_as_thread, m))
        exit(1);
}

/* ---- Processes ---- */

/* A process with two threads, one of them on a store of its own. */
static int live_as_process(scene *s, void *arg)
{
    member other;
    cache_store *store = proof_open(s), *own = proof_open(s);

    if (!store || !own)
        return 1;
    start_thread(&other, s, own, arg, NULL);
    live(s, store, arg);
    pthread_join(other.thread, NULL);
    cache_close(store);
    cache_close(own);
    return 0;
}

static void check_all(scene *s, board *b)
{
    cache_store *store = proof_open(s);

    for (uint32_t k = 0; k < SHARED_KEYS && store; k++)
        look(s, store, b, k);
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "a sound data file was set aside");
    cache_close(store);
    munmap(b, sizeof *b);
}

static void run_crowd(scene *s, proof_child_fn live_so)
{
    board *b = proof_share(sizeof *b);
    pid_t pids[CROWD];

    proof_empty(s->dir);
    for (int i = 0; i < CROWD; i++)
        pids[i] = proof_child(s, live_so, b);
    for (int i = 0; i < CROWD; i++) {
        int status = proof_join(s, pids[i], false);
        if (status == 77) {
            atomic_store(&s->all->skipped, true);
            proof_skip(s, "pid namespaces cannot be made (needs root)");
        } else if (status) {
            proof_note(s, BROKEN, "a process gave up");
        }
    }
    check_all(s, b);
}

void crowd_round(scene *s) { run_crowd(s, live_as_process); }

/* ---- Containers: in each the process is number 1 ---- */

static int live_as_process_one(scene *s, void *arg)
{
    return getpid() == 1 ? live_as_process(s, arg) : 1;
}

static int live_in_namespace(scene *s, void *arg)
{
    if (unshare(CLONE_NEWPID))
        return 77;
    /* proof_child() asks for the parent's number, which is not visible in there. */
    pid_t pid = fork();
    if (pid == 0)
        _exit(live_as_process_one(s, arg));
    return proof_join(s, pid, false);
}

void namespace_round(scene *s) { run_crowd(s, live_in_namespace); }

/* ---- Forks while two threads are inside calls ---- */

static int live_as_child(scene *s, void *arg)
{
    live(s, s->store, arg);
    cache_close(s->store);
    return 0;
}

bool fork_setup(scene *s) { return proof_can_fork_threads(s); }

void fork_round(scene *s)
{
    enum { CHILDREN = 3 };
    board *b = proof_share(sizeof *b);
    member threads[2];
    pid_t pids[CHILDREN];
    atomic_bool stop = false;

    proof_empty(s->dir);
    if (!s->store && !(s->store = proof_open(s)))
        return;
    for (int i = 0; i < 2; i++)
        start_thread(&threads[i], s, s->store, b, &stop);
    for (int i = 0; i < CHILDREN; i++) {
        proof_sleep_us(proof_draw(s, 3000));
        pids[i] = proof_child(s, live_as_child, b);
        proof_detail(s);
    }
    for (int i = 0; i < CHILDREN; i++)
        if (proof_join(s, pids[i], false))
            proof_note(s, BROKEN, "a forked child gave up");
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i].thread, NULL);
    check_all(s, b);
}
