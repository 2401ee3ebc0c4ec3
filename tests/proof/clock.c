/* A clock that jumps, mostly backwards, and files with times of another world. Nothing that is
 * stored depends on them. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/proof/proof.h"

static int64_t offset_s;

/* These come before libc's. Other clocks are what they are. */
#define VISIBLE __attribute__((visibility("default")))

VISIBLE int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += offset_s;
    return rc;
}

VISIBLE time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

bool clock_setup(scene *s) { return proof_fill(s); }

void proof_jump_clock(scene *s)
{
    static const int64_t unit[] = {1, 60, 86400, 365 * 86400LL};
    int64_t by = unit[proof_draw(s, 4)] * (1 + proof_draw(s, 60));

    offset_s += proof_draw(s, 3) ? -by : by;
    if (offset_s < -100 * unit[3] || offset_s > 100 * unit[3])
        offset_s = 0;
}

static void touch(scene *s, const char *name)
{
    char path[400];
    struct timespec t = {.tv_sec = (time_t)proof_draw(s, 0x7fffffff)};

    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    utimensat(AT_FDCWD, path, (struct timespec[2]){t, t}, 0);
}

void clock_round(scene *s)
{
    proof_jump_clock(s);
    touch(s, "code.lmdb");
    touch(s, "lock");
    proof_store_known(s, proof_draw(s, KEYS), 20 + proof_draw(s, 3000));
    proof_jump_clock(s);
    for (int i = 0; i < 8; i++)
        proof_expect(s, proof_draw(s, KEYS));
    proof_fly(s, s->store, 1, 1000);
    if (s->round % 8 == 0) {
        cache_close(s->store);
        s->store = proof_open(s);
    }
}
