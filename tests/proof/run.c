#include "tests/proof/proof.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cache/common.h"

enum { SKIPPED = 77, STUCK_S = 6 * LIMIT_S, FINDINGS_MAX = 20 };

double proof_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void proof_sleep_us(unsigned us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000L}, NULL);
}

uint32_t proof_draw(scene *s, uint32_t below) { return next_random(&s->random) % below; }

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type;
    return ftw->level ? remove(path) : 0;
}

void *proof_share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

void proof_empty(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void proof_scribble(scene *s, const char *path, int count)
{
    FILE *f = fopen(path, "r+b");

    if (!f)
        return;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    for (int i = 0; i < count && size > 0; i++) {
        fseek(f, (long)(proof_draw(s, 1u << 30) % (unsigned long)size), SEEK_SET);
        fputc((int)proof_draw(s, 256), f);
    }
    fclose(f);
}

/* ---- Counting ---- */

static const char *const outcome_names[OUTCOMES] = {"right", "miss",    "refused", "wrong",
                                                    "blocked", "crashed", "broken"};

bool proof_skip(scene *s, const char *why)
{
    snprintf(s->all->why_skipped, sizeof s->all->why_skipped, "%s", why);
    return false;
}

bool proof_can_fork_threads(scene *s)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return proof_skip(s, "a sanitizer's allocator does not survive a fork among threads");
#else
    (void)s;
    return true;
#endif
}

void proof_note(scene *s, outcome o, const char *format, ...)
{
    char text[512];
    va_list args;

    atomic_fetch_add(&s->all->beat, 1);
    bool forbidden = o > REFUSED || (o == REFUSED && !s->may_refuse);
    if (atomic_fetch_add(&s->all->counts[o], 1) >= FINDINGS_MAX || !forbidden)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "%s, seed %llu, round %u: %s: %s\n", s->name, (unsigned long long)s->seed,
            s->round, outcome_names[o], text);
}

void proof_detail(scene *s) { atomic_fetch_add(&s->all->details, 1); }

/* ---- Children of a round ---- */

static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

pid_t proof_child(scene *s, proof_child_fn fn, void *arg)
{
    pid_t parent = getpid();

    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        _exit(1);
    }
    if (pid > 0)
        return pid;
    die_with(parent);
    s->random ^= (uint64_t)getpid() << 32;
    _exit(fn(s, arg));
}

/* The exit status as waitpid() has it; -1: it had to be killed. */
static int wait_for(pid_t pid, const shared *all)
{
    unsigned long beat = atomic_load(&all->beat);
    double since = proof_seconds();
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (beat != atomic_load(&all->beat)) {
            beat = atomic_load(&all->beat);
            since = proof_seconds();
        }
        if (proof_seconds() - since > STUCK_S) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        proof_sleep_us(300);
    }
    return status;
}

int proof_join(scene *s, pid_t pid, bool killed)
{
    int status = wait_for(pid, s->all);

    if (status == -1)
        proof_note(s, BLOCKED, "a process made no progress for %d s", STUCK_S);
    else if (WIFSIGNALED(status) && !(killed && WTERMSIG(status) == SIGKILL))
        proof_note(s, CRASHED, "a process died of signal %d", WTERMSIG(status));
    else
        return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    return 1;
}

/* ---- Workers ---- */

/* splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators"): neighbouring
 * seeds give unlike numbers. */
static uint64_t mix(uint64_t seed, uint64_t round)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + round;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) | 1;
}

static void work(const experiment *e, scene *s, unsigned end)
{
    setpgid(0, 0);
    if (e->setup && !e->setup(s))
        exit(SKIPPED);
    for (; atomic_load(&s->all->round) < end; atomic_fetch_add(&s->all->round, 1)) {
        s->round = atomic_load(&s->all->round);
        s->random = mix(s->seed, s->round);
        e->round(s);
        atomic_fetch_add(&s->all->beat, 1);
    }
    if (s->store)
        cache_close(s->store);
    exit(0);
}

static bool make_root(scene *s)
{
    const char *base = getenv("TMPDIR");

    snprintf(s->root, sizeof s->root, "%s/aiter-proof-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(s->root)) {
        perror(s->root);
        return false;
    }
    snprintf(s->dir, sizeof s->dir, "%s/store", s->root);
    return true;
}

/* What a worker and its children left: processes, files without permissions. */
static void clean_up(scene *s, pid_t worker)
{
    kill(-worker, SIGKILL);
    chmod(s->root, 0700);
    chmod(s->dir, 0700);
    proof_empty(s->root);
    rmdir(s->root);
}

/* True: go on with another worker. */
static bool run_worker(const experiment *e, scene *s, unsigned end)
{
    pid_t driver = getpid(), pid = fork();
    if (pid == 0) {
        die_with(driver);
        work(e, s, end);
    }
    int status = wait_for(pid, s->all);
    s->round = atomic_load(&s->all->round);
    bool skipped = status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    if (status == -1)
        proof_note(s, BLOCKED, "no progress for %d s", STUCK_S);
    else if (WIFSIGNALED(status))
        proof_note(s, CRASHED, "died of signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) && !skipped)
        proof_note(s, BROKEN, "the experiment ended with status %d", WEXITSTATUS(status));
    if (skipped)
        atomic_store(&s->all->skipped, true);
    else if (s->round < end)
        atomic_fetch_add(&s->all->round, 1);
    clean_up(s, pid);
    return !skipped && atomic_load(&s->all->round) < end;
}

void proof_run(const experiment *e, shared *all, uint64_t seed, unsigned first, unsigned count)
{
    bool more = true;

    fflush(NULL);
    atomic_store(&all->round, first);
    while (more) {
        scene s = {.name = e->name, .seed = seed, .all = all, .may_refuse = e->may_refuse};
        more = make_root(&s) && run_worker(e, &s, first + count);
    }
}
