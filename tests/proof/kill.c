/* Writers killed at random moments. What their calls had stored is there, the call that was cut off
 * has happened or not, and the dead hold no lock. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cache/common.h"
#include "tests/proof/proof.h"

enum { WRITERS = 2 };

/* Generations: of the last put that returned, and of the one that was under way. */
typedef struct progress {
    volatile uint32_t done[KEYS], begun[KEYS];
} progress;

bool kill_setup(scene *s)
{
    s->own = proof_share(sizeof(progress));
    s->store = proof_open(s);
    return s->store;
}

/* Each writer has keys of its own. */
static int write_until_killed(scene *s, void *arg)
{
    progress *p = s->own;
    cache_store *store = proof_open(s);

    while (store) {
        uint32_t k = proof_draw(s, KEYS / WRITERS) * WRITERS + *(unsigned *)arg;
        p->begun[k]++;
        if (!proof_store(s, store, k, p->begun[k], 10 + proof_draw(s, k % 4 ? 900 : 40000)))
            return 1;
        p->done[k] = p->begun[k];
    }
    return 1;
}

static void check_key(scene *s, uint32_t k)
{
    progress *p = s->own;
    uint32_t now = proof_look(s, s->store, k);

    if (now != p->done[k] && now != p->begun[k])
        proof_note(s, BROKEN, "key %u: generation %u, stored was %u", k, now, p->done[k]);
    if (p->done[k] != p->begun[k])
        proof_detail(s);
    p->done[k] = p->begun[k] = now;
}

void kill_round(scene *s)
{
    pid_t pids[WRITERS];

    for (unsigned w = 0; w < WRITERS; w++)
        pids[w] = proof_child(s, write_until_killed, &w);
    for (unsigned w = 0; w < WRITERS; w++) {
        proof_sleep_us(proof_draw(s, 20000));
        kill(pids[w], SIGKILL);
        if (proof_join(s, pids[w], true))
            proof_note(s, BROKEN, "a writer gave up");
    }
    for (uint32_t k = 0; k < KEYS; k++)
        check_key(s, k);
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "the data file was damaged");
}
