/* What an operator's tool does to a store, in processes that are killed in the midst of it; and a
 * store with a limit, whose processes evict each other's records but never their own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cache/common.h"
#include "tests/proof/proof.h"

/* ---- Killed operators ---- */

enum { PAIRS = 12 };

bool operator_setup(scene *s) { return proof_fill(s); }

/* Keys that are not among those of proof_key(). */
static void import_key(char key[32], uint32_t k) { snprintf(key, 32, "import %u", k); }

static void import_some(scene *s, cache_store *store, char *why, size_t why_size)
{
    char keys[PAIRS][32];
    cache_pair pairs[PAIRS];
    size_t stored;

    for (uint32_t i = 0; i < PAIRS; i++) {
        size_t size = 20 + proof_draw(s, 20000);
        import_key(keys[i], i);
        pairs[i] =
            (cache_pair){.key = keys[i], .value = make_value(keys[i], 1, size), .size = size};
    }
    if (cache_import(store, pairs, PAIRS, &stored, why, why_size) != CACHE_OK)
        proof_note(s, REFUSED, "cache_import: %s", why);
    for (int i = 0; i < PAIRS; i++)
        free((void *)pairs[i].value);
}

static void remove_some(scene *s, cache_store *store, char *why, size_t why_size)
{
    char digests[PAIRS][CACHE_DIGEST_TEXT], key[32];
    const char *list[PAIRS];
    size_t removed;

    for (uint32_t i = 0; i < PAIRS; i++) {
        import_key(key, i);
        cache_digest_hex(key, strlen(key), digests[i]);
        list[i] = digests[i];
    }
    if (cache_remove(store, list, PAIRS, &removed, why, why_size) != CACHE_OK)
        proof_note(s, REFUSED, "cache_remove: %s", why);
}

static int operate_until_killed(scene *s, void *arg)
{
    char why[512];
    cache_store *store = proof_open(s);

    (void)arg;
    while (store) {
        import_some(s, store, why, sizeof why);
        if (cache_compact(store, why, sizeof why) != CACHE_OK)
            proof_note(s, REFUSED, "cache_compact: %s", why);
        remove_some(s, store, why, sizeof why);
        proof_visit(s, store);
    }
    return 1;
}

/* The copy that a killed compaction leaves is of use to nobody; the next one replaces it. */
static void expect_tidy(scene *s)
{
    char path[400], why[512];
    struct stat st;

    if (cache_compact(s->store, why, sizeof why) != CACHE_OK)
        proof_note(s, REFUSED, "cache_compact: %s", why);
    snprintf(path, sizeof path, "%s/code.lmdb.new", s->dir);
    if (stat(path, &st) == 0)
        proof_note(s, BROKEN, "a killed compaction's copy stays");
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "the data file was damaged");
}

/* What the operator did not touch is there, old or as it is stored meanwhile. */
void operator_round(scene *s)
{
    pid_t pid = proof_child(s, operate_until_killed, NULL);

    for (unsigned waited = 0, end = proof_draw(s, 20000); waited < end; waited += 2000) {
        proof_sleep_us(2000);
        proof_store_known(s, proof_draw(s, KEYS), 20 + proof_draw(s, 3000));
        proof_expect(s, proof_draw(s, KEYS));
    }
    kill(pid, SIGKILL);
    if (proof_join(s, pid, true))
        proof_note(s, BROKEN, "the operator gave up");
    proof_detail(s);
    for (int i = 0; i < 16; i++)
        proof_expect(s, proof_draw(s, KEYS));
    if (s->round % 8 == 0)
        expect_tidy(s);
}

/* ---- A limit ---- */

enum { LIMIT_BYTES = 2 << 20, MINE = 10 };

static void count_eviction(void *user, const char *key, uint64_t bytes)
{
    (void)key, (void)bytes;
    proof_detail(user);
}

static void expect_limit(scene *s)
{
    char path[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/code.lmdb", s->dir);
    if (stat(path, &st) == 0 && st.st_size > LIMIT_BYTES)
        proof_note(s, BROKEN, "%lld bytes, the limit is %d", (long long)st.st_size, LIMIT_BYTES);
}

/* Alone, it finds to its end what it has used; with others, a record may be gone. All have clocks
 * that jump. */
static int live_within_limit(scene *s, void *arg)
{
    bool alone = *(bool *)arg;
    uint32_t used[MINE];

    s->store = proof_open(s);
    if (!s->store)
        return 1;
    cache_set_limit(s->store, LIMIT_BYTES, count_eviction, s);
    for (int i = 0; i < MINE; i++) {
        used[i] = proof_draw(s, KEYS);
        proof_jump_clock(s);
        proof_store(s, s->store, used[i], 1 + s->round, 20000 + proof_draw(s, 20000));
        for (int j = 0; j <= i; j++)
            if (!proof_look(s, s->store, used[j]) && alone)
                proof_note(s, BROKEN, "key %u: evicted by the process that uses it", used[j]);
        expect_limit(s);
    }
    cache_close(s->store);
    return 0;
}

void evict_round(scene *s)
{
    pid_t pids[3];
    bool alone = s->round % 2;
    int count = alone ? 1 : 3;

    for (int i = 0; i < count; i++)
        pids[i] = proof_child(s, live_within_limit, &alone);
    for (int i = 0; i < count; i++)
        if (proof_join(s, pids[i], false))
            proof_note(s, BROKEN, "a process gave up");
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "the data file was damaged");
}
