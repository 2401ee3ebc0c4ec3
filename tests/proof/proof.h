/* The proof of the cache: experiments that do something terrible a counted number of times, and
 * look at what comes of it. main.c has the table of them, docs/reliability.md what they found.
 *
 * An experiment is a setup and a round. Its rounds are run in worker processes (run.c): a worker
 * that crashes or stops making progress is counted and replaced, and the next round goes on. A
 * round counts each answer that it gets as one of the outcomes. */
#ifndef AITER_TESTS_PROOF_H
#define AITER_TESTS_PROOF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cache/cache.h"
#include "tests/cache/fault.h"

typedef enum outcome {
    RIGHT,   /* the right bytes                                                                */
    MISS,    /* nothing, and nothing else is claimed                                           */
    REFUSED, /* an error that says why; forbidden where nothing keeps the cache from working   */
    WRONG,   /* wrong or outdated bytes                                                        */
    BLOCKED, /* a bounded wait ran out, or took longer than LIMIT_S                            */
    CRASHED, /* a process died of a signal that nobody sent                                    */
    BROKEN,  /* another promise: a stored record lost, a second compile, a process left behind */
    OUTCOMES
} outcome;

enum { LIMIT_S = 10, KEYS = 160 };

/* Seen by all processes of an experiment. */
typedef struct shared {
    atomic_ulong counts[OUTCOMES];
    atomic_ulong details; /* of what the table calls `detail` */
    atomic_ulong beat;    /* changes as long as anything goes on */
    atomic_uint round;
    atomic_bool skipped;
    char why_skipped[128];
} shared;

/* The fault that the next call of the store has. */
typedef struct planned_fault {
    fault kind;
    unsigned calls;
    int error, nth;
} planned_fault;

typedef struct scene {
    const char *name;
    uint64_t seed;
    unsigned round;
    uint64_t random; /* of this round */
    shared *all;
    bool may_refuse;
    planned_fault fault;
    char root[256]; /* a fresh directory of this worker; the others are in it, not made yet */
    char dir[300];  /* the store's */
    cache_store *store;
    uint32_t latest[KEYS]; /* generations, of a store that nobody else uses; 0: not stored */
    void *own;             /* what the setup keeps */
} scene;

typedef struct experiment {
    const char *name;
    unsigned full, quick; /* rounds */
    bool (*setup)(scene *s); /* false: cannot be done here, proof_skip() said why */
    void (*round)(scene *s);
    bool may_refuse;
    const char *detail; /* what shared.details counts; NULL: nothing */
    const char *what;
} experiment;

/* ---- run.c ---- */

/* Runs `count` rounds from round `first` on. */
void proof_run(const experiment *e, shared *all, uint64_t seed, unsigned first, unsigned count);

bool proof_skip(scene *s, const char *why);
/* A sanitizer's allocator may hang in the child of a process with threads. Says so where it is
 * one. */
bool proof_can_fork_threads(scene *s);
/* Counts an outcome. One that is forbidden is printed, with what names the round. */
void proof_note(scene *s, outcome o, const char *format, ...) __attribute__((format(printf, 3, 4)));
void proof_detail(scene *s);

double proof_seconds(void);
void proof_sleep_us(unsigned us);
/* Less than `below`. */
uint32_t proof_draw(scene *s, uint32_t below);
/* Zeroed memory that a process and its children share. */
void *proof_share(size_t size);
/* Removes what is in a folder. */
void proof_empty(const char *dir);
/* Puts `count` random bytes anywhere into a file. */
void proof_scribble(scene *s, const char *path, int count);

/* A child that ends with its worker, whatever happens. It exits with fn's result. */
typedef int (*proof_child_fn)(scene *s, void *arg);
pid_t proof_child(scene *s, proof_child_fn fn, void *arg);
/* Waits for it. 0: fine, or it was `killed` by us. What else it may be is counted. A child that
 * does not end in 6 times LIMIT_S is killed and counted. */
int proof_join(scene *s, pid_t pid, bool killed);

/* ---- store.c: the store's calls, timed and counted ---- */

cache_store *proof_open(scene *s);
void proof_key(char key[32], uint32_t k);
/* Looks key k up and counts the answer. Returns the generation; 0: none. */
uint32_t proof_look(scene *s, cache_store *store, uint32_t k);
/* Stores generation 1, 2, ... of key k. False: refused, and counted as that. */
bool proof_store(scene *s, cache_store *store, uint32_t k, uint32_t generation, size_t size);
/* The same, of s->store, which nobody else uses: an outdated value counts as WRONG, and so does one
 * that was taken away. */
bool proof_look_known(scene *s, uint32_t k);
bool proof_store_known(scene *s, uint32_t k, size_t size);
/* Moreover it must be there if it was stored. */
void proof_expect(scene *s, uint32_t k);
/* Begins the flight of key k, within `wait_ms`, and ends it. */
void proof_fly(scene *s, cache_store *store, uint32_t k, int wait_ms);
/* Visits all records; wrong bytes are counted. */
void proof_visit(scene *s, cache_store *store);
/* The store's data file was found damaged and set aside. Forgets that. */
bool proof_was_set_aside(scene *s);
/* A store with history: several levels, values in pages and in runs of pages, free pages. */
bool proof_fill(scene *s);

/* ---- The experiments ---- */

/* clock.c */
void proof_jump_clock(scene *s);

bool flip_setup(scene *s);
bool structure_setup(scene *s);
bool page_setup(scene *s);
bool cut_setup(scene *s);
bool kill_setup(scene *s);
bool io_setup(scene *s);
bool full_setup(scene *s);
bool readonly_setup(scene *s);
bool clock_setup(scene *s);
bool library_setup(scene *s);
bool real_setup(scene *s);
bool fork_setup(scene *s);
bool fork_library_setup(scene *s);
bool operator_setup(scene *s);
bool layers_setup(scene *s);
void damage_round(scene *s);
void kill_round(scene *s);
void io_round(scene *s);
void full_round(scene *s);
void place_round(scene *s);
void clock_round(scene *s);
void crowd_round(scene *s);
void namespace_round(scene *s);
void fork_round(scene *s);
void kill_compiler_round(scene *s);
void kill_user_round(scene *s);
void cold_key_round(scene *s);
void cold_keys_round(scene *s);
void library_damage_round(scene *s);
void fork_library_round(scene *s);
void operator_round(scene *s);
void evict_round(scene *s);
void layers_round(scene *s);

#endif
