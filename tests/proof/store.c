#include "tests/proof/proof.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cache/common.h"

void proof_key(char key[32], uint32_t k) { snprintf(key, 32, "key %u", k); }

/* Around every call of the store. */
static double begin(const scene *s)
{
    double now = proof_seconds();

    if (s->fault.kind != FAULT_NONE)
        fault_arm(s->fault.kind, s->fault.calls, s->fault.error, s->fault.nth);
    return now;
}

/* Counts what every call can do wrong. False: it did. */
static bool end(scene *s, const char *call, cache_status status, double began, const char *why)
{
    double took = proof_seconds() - began;

    if (fault_disarm())
        proof_detail(s);
    if (status == CACHE_TIMEOUT)
        proof_note(s, BLOCKED, "%s: %s", call, why);
    else if (took > LIMIT_S)
        proof_note(s, BLOCKED, "%s took %.1f s", call, took);
    else
        return true;
    return false;
}

cache_store *proof_open(scene *s)
{
    char why[512] = "";
    cache_store *store = NULL;
    double began = begin(s);
    cache_status status = cache_open(&store, s->dir, 0, why, sizeof why);

    if (end(s, "cache_open", status, began, why) && status != CACHE_OK)
        proof_note(s, REFUSED, "cache_open: %s", why);
    return store;
}

uint32_t proof_look(scene *s, cache_store *store, uint32_t k)
{
    char key[32], why[512] = "";
    void *value;
    size_t size;
    int64_t generation = 0;

    proof_key(key, k);
    double began = begin(s);
    cache_status status = cache_get(store, key, &value, &size, why, sizeof why);
    if (!end(s, "cache_get", status, began, why))
        return 0;
    if (status == CACHE_MISS) {
        proof_note(s, MISS, "%s", key);
    } else if (status == CACHE_ERROR) {
        proof_note(s, REFUSED, "cache_get: %s", why);
    } else if ((generation = value_generation(key, value, size)) < 1) {
        proof_note(s, WRONG, "%zu bytes for '%s'", size, key);
        generation = 0;
    } else {
        proof_note(s, RIGHT, "%s", key);
    }
    free(value);
    return (uint32_t)generation;
}

bool proof_store(scene *s, cache_store *store, uint32_t k, uint32_t generation, size_t size)
{
    char key[32], why[512] = "";

    proof_key(key, k);
    void *value = make_value(key, generation, size);
    double began = begin(s);
    cache_status status = cache_put(store, key, value, size, why, sizeof why);
    free(value);
    if (end(s, "cache_put", status, began, why) && status != CACHE_OK)
        proof_note(s, REFUSED, "cache_put: %s", why);
    atomic_fetch_add(&s->all->beat, 1);
    return status == CACHE_OK;
}

bool proof_look_known(scene *s, uint32_t k)
{
    uint32_t generation = proof_look(s, s->store, k);

    if (generation && generation != s->latest[k])
        proof_note(s, WRONG, "key %u: generation %u, stored was %u", k, generation, s->latest[k]);
    return generation;
}

void proof_expect(scene *s, uint32_t k)
{
    if (!proof_look_known(s, k) && s->latest[k])
        proof_note(s, BROKEN, "key %u, generation %u: lost", k, s->latest[k]);
}

/* A store that fails has not happened. */
bool proof_store_known(scene *s, uint32_t k, size_t size)
{
    static uint32_t generation;
    bool stored = proof_store(s, s->store, k, ++generation, size);

    if (stored)
        s->latest[k] = generation;
    return stored;
}

void proof_fly(scene *s, cache_store *store, uint32_t k, int wait_ms)
{
    char key[32];
    cache_flight *guard;

    proof_key(key, k);
    double began = begin(s);
    cache_status status = cache_flight_begin(store, key, wait_ms, &guard);
    if (end(s, "cache_flight_begin", status, began, "nobody else is there") &&
        status != CACHE_OK)
        proof_note(s, REFUSED, "cache_flight_begin");
    cache_flight_end(guard);
}

static int check_record(void *user, const cache_record *r)
{
    scene *s = user;

    if (fault_disarm()) /* it was for the store, not for us */
        proof_detail(s);
    if (!r->defect && value_generation(r->key, r->value, r->value_size) < 1)
        proof_note(s, WRONG, "cache_each: %zu bytes for '%s'", r->value_size, r->key);
    return 0;
}

void proof_visit(scene *s, cache_store *store)
{
    char why[512] = "";
    double began = begin(s);
    cache_status status = cache_each(store, check_record, s, why, sizeof why);

    if (end(s, "cache_each", status, began, why) && status == CACHE_ERROR)
        proof_note(s, REFUSED, "cache_each: %s", why);
}

bool proof_was_set_aside(scene *s)
{
    char path[400];

    snprintf(path, sizeof path, "%s/code.lmdb.damaged", s->dir);
    return unlink(path) == 0;
}

bool proof_fill(scene *s)
{
    uint64_t random = 11;

    s->store = proof_open(s);
    for (uint32_t i = 0; i < KEYS + 60 && s->store; i++)
        proof_store_known(s, i < KEYS ? i : next_random(&random) % KEYS,
                          i % 8 == 3 ? 9000 : 20 + next_random(&random) % 700);
    return s->store;
}
