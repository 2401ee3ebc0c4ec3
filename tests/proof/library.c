/* The whole library on one cache directory: cold starts of many processes, killed compilers, killed
 * callers. The compiler is the fake one of tests/runtime, which counts its compiles, or the real
 * one. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aiter/aiter.h>

#include "tests/proof/library.h"

enum { CROWD = 64 };

/* ---- Warming ---- */

aiter_context_options library_options(const library *l)
{
    aiter_context_options o = AITER_CONTEXT_OPTIONS_INIT;

    o.hip_runtime = FAKE_HIP;
    o.cache_dir = l->cache;
    o.compiler = l->real ? REAL_COMPILER : FAKE_COMPILER;
    o.compile_jobs = 1;
    return o;
}

static aiter_status warm(const aiter_context_options *options, const char *text,
                         aiter_warm_result *result)
{
    aiter_warmer *warmer;
    aiter_status status = aiter_warmer_create(&warmer, options);

    *result = (aiter_warm_result){.size = sizeof *result};
    if (status == AITER_OK)
        status = aiter_warm(warmer, text, result);
    aiter_warmer_destroy(warmer);
    return status;
}

/* Counts what comes of it. A compiler that is being killed may be an error. */
static bool warm_and_count(scene *s, unsigned c, bool killing, bool *from_cache)
{
    library *l = s->own;
    aiter_context_options options = library_options(l);
    aiter_warm_result result;
    double began = proof_seconds();
    aiter_status status = warm(&options, l->text[c], &result);

    if (proof_seconds() - began > 2 * LIMIT_S)
        proof_note(s, BLOCKED, "aiter_warm took %.1f s", proof_seconds() - began);
    else if (killing && status == AITER_ERROR_COMPILER_DIED)
        proof_note(s, REFUSED, "%s", aiter_last_error());
    else if (status != AITER_OK)
        proof_note(s, BROKEN, "aiter_warm: %s", aiter_last_error());
    else if (result.info.code_bytes != l->size[c] || memcmp(result.code, l->code[c], l->size[c]))
        proof_note(s, WRONG, "%s", l->text[c]);
    else
        proof_note(s, RIGHT, "%s", l->text[c]);
    if (status == AITER_OK && !result.from_cache)
        atomic_fetch_add(&l->crowd->compiled, 1);
    if (from_cache)
        *from_cache = result.from_cache;
    aiter_free(result.code);
    return status == AITER_OK;
}

/* ---- Setup ---- */

/* 64 forward configurations: gfx942 and gfx950, fp16 and bf16, four sizes, mask or not, two
 * groups. */
static void write_texts(library *l)
{
    for (unsigned c = 0; c < CONFIGS; c++)
        snprintf(l->text[c], TEXT_MAX,
                 "fmha_fwd arch=gfx9%s dtype=%s hdqk=%u hdv=%u mask=%s gqa=%d lse=0",
                 c & 1 ? "50" : "42", c & 2 ? "bf16" : "fp16", 32 + 32 * (c >> 2 & 3),
                 32 + 32 * (c >> 2 & 3), c & 16 ? "causal" : "none", c & 32 ? 4 : 1);
}

static bool compile_references(library *l, unsigned count)
{
    aiter_context_options options = library_options(l);
    aiter_warm_result result;

    options.no_cache = 1;
    for (unsigned c = 0; c < count; c++) {
        if (warm(&options, l->text[c], &result) != AITER_OK) {
            fprintf(stderr, "%s: %s\n", l->text[c], aiter_last_error());
            return false;
        }
        l->code[c] = result.code;
        l->size[c] = result.info.code_bytes;
    }
    return true;
}

void library_init(scene *s, library *l, bool real)
{
    l->real = real;
    snprintf(l->cache, sizeof l->cache, "%s/cache", s->root);
    snprintf(s->dir, sizeof s->dir, "%s", l->cache);
    snprintf(l->fake.compiler_dir, sizeof l->fake.compiler_dir, "%s/compiler", s->root);
    snprintf(l->fake.library, sizeof l->fake.library, "%s/libfake.so", l->fake.compiler_dir);
    mkdir(l->fake.compiler_dir, 0700);
    setenv("FAKE_COMPILER_DIR", l->fake.compiler_dir, 1);
    fixture_compiler_mode(&l->fake, "ok");
    fixture_set_toolchain(&l->fake, "0123456789abcdef");
    write_texts(l);
    l->crowd = proof_share(sizeof *l->crowd);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* compilers that outlive their process come to us */
}

static library *set_up(scene *s, bool real)
{
    library *l = calloc(1, sizeof *l);

    s->own = l;
    library_init(s, l, real);
    return l;
}

bool library_setup(scene *s)
{
    library *l = set_up(s, false);

    if (!compile_references(l, CONFIGS))
        exit(1);
    fixture_compiler_mode(&l->fake, "slow20");
    return true;
}

bool fork_library_setup(scene *s) { return proof_can_fork_threads(s) && library_setup(s); }

bool real_setup(scene *s)
{
    return compile_references(set_up(s, true), 1) ||
           proof_skip(s, "the real compiler does not work");
}

static void make_cold(const library *l)
{
    char path[400];

    proof_empty(l->cache);
    snprintf(path, sizeof path, "%s/log", l->fake.compiler_dir);
    unlink(path);
    atomic_store(&l->crowd->ready, 0);
    atomic_store(&l->crowd->compiled, 0);
}

static unsigned any_config(scene *s)
{
    const library *l = s->own;

    return l->real ? 0 : proof_draw(s, CONFIGS);
}

/* ---- Killing ---- */

/* The compiler process of a process, or 0. */
static pid_t compiler_of(pid_t pid)
{
    char path[64];
    int child = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%d", &child) != 1)
        child = 0;
    fclose(f);
    return child;
}

/* A moment of the compiler's life: 30 ms of the fake one, 0.2 s of the real one. */
static void wait_a_moment(scene *s)
{
    const library *l = s->own;

    proof_sleep_us(proof_draw(s, l->real ? 200000 : 30000));
}

static int warm_while_killed(scene *s, void *arg)
{
    warm_and_count(s, *(unsigned *)arg, true, NULL);
    return 0;
}

static int warm_in_peace(scene *s, void *arg)
{
    warm_and_count(s, *(unsigned *)arg, false, NULL);
    return 0;
}

static void expect_cached(scene *s, unsigned c)
{
    bool from_cache = false;

    if (warm_and_count(s, c, false, &from_cache) && !from_cache)
        proof_note(s, BROKEN, "compiled, but not in the cache: %s", ((library *)s->own)->text[c]);
}

/* The request may fail then; the next one must not, and must find nothing half-made. */
void kill_compiler_round(scene *s)
{
    unsigned c = any_config(s);

    make_cold(s->own);
    pid_t pid = proof_child(s, warm_while_killed, &c);
    wait_a_moment(s);
    pid_t compiler = compiler_of(pid);
    if (compiler && kill(compiler, SIGKILL) == 0)
        proof_detail(s);
    proof_join(s, pid, false);
    warm_and_count(s, c, false, NULL);
    expect_cached(s, c);
}

/* Orphans come to this process; each must end by itself. */
static void expect_no_compiler(scene *s)
{
    double since = proof_seconds();
    pid_t gone;

    while ((gone = waitpid(-1, NULL, WNOHANG)) >= 0)
        if (gone == 0) {
            if (proof_seconds() - since > LIMIT_S) {
                proof_note(s, BROKEN, "a compiler outlived its process");
                return;
            }
            proof_sleep_us(500);
        }
}

/* Two want the same kernel and the one who is at it, or not yet, is killed. */
void kill_user_round(scene *s)
{
    unsigned c = any_config(s);

    make_cold(s->own);
    pid_t victim = proof_child(s, warm_in_peace, &c);
    pid_t other = proof_child(s, warm_in_peace, &c);
    wait_a_moment(s);
    if (kill(victim, SIGKILL) == 0)
        proof_detail(s);
    proof_join(s, victim, true);
    proof_join(s, other, false);
    expect_cached(s, c);
    expect_no_compiler(s);
}

/* ---- Cold starts ---- */

static int warm_with_the_others(scene *s, void *arg)
{
    library *l = s->own;

    atomic_fetch_add(&l->crowd->ready, 1);
    while (atomic_load(&l->crowd->ready) < CROWD)
        proof_sleep_us(500);
    return warm_in_peace(s, arg);
}

static void start_crowd(scene *s, unsigned first, unsigned step, int compiles)
{
    library *l = s->own;
    pid_t pids[CROWD];

    make_cold(l);
    for (unsigned i = 0; i < CROWD; i++) {
        unsigned c = (first + i * step) % CONFIGS;
        pids[i] = proof_child(s, warm_with_the_others, &c);
    }
    for (unsigned i = 0; i < CROWD; i++)
        proof_join(s, pids[i], false);
    int made = (int)atomic_load(&l->crowd->compiled);
    int asked = l->real ? made : fixture_count(&l->fake, "compile ");
    if (made != compiles || asked != compiles)
        proof_note(s, BROKEN, "%d processes compiled, %d compiles; expected %d", made, asked,
                   compiles);
    expect_cached(s, first);
}

void cold_key_round(scene *s) { start_crowd(s, any_config(s), 0, 1); }
void cold_keys_round(scene *s) { start_crowd(s, any_config(s), 1, CONFIGS); }

/* ---- Forks while threads compile ---- */

typedef struct compiling {
    scene s;
    pthread_t thread;
} compiling;

static void *compile_some(void *arg)
{
    scene *s = &((compiling *)arg)->s;

    for (int i = 0; i < 4; i++)
        warm_and_count(s, any_config(s), false, NULL);
    return NULL;
}

/* The children have what the parent's threads held: locks, sockets, half of a compile. They make
 * warmers of their own. */
void fork_library_round(scene *s)
{
    enum { THREADS = 2, CHILDREN = 3 };
    compiling threads[THREADS];
    pid_t pids[CHILDREN];
    unsigned c = any_config(s);

    make_cold(s->own);
    for (int i = 0; i < THREADS; i++) {
        threads[i].s = *s;
        threads[i].s.random += (uint64_t)i << 32;
        if (pthread_create(&threads[i].thread, NULL, compile_some, &threads[i]))
            exit(1);
    }
    for (int i = 0; i < CHILDREN; i++) {
        proof_sleep_us(proof_draw(s, 20000));
        pids[i] = proof_child(s, warm_in_peace, &c);
        proof_detail(s);
    }
    for (int i = 0; i < CHILDREN; i++)
        proof_join(s, pids[i], false);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i].thread, NULL);
}

/* ---- A damaged cache never fails a request ---- */

void library_damage_round(scene *s)
{
    library *l = s->own;
    unsigned c = any_config(s);
    char path[400];

    if (s->round % 8 == 0)
        make_cold(l);
    for (unsigned i = 0; i < 3; i++)
        warm_and_count(s, (c + i) % CONFIGS, false, NULL);
    snprintf(path, sizeof path, "%s/code.lmdb", l->cache);
    proof_scribble(s, path, 16);
    for (unsigned i = 0; i < 3; i++)
        warm_and_count(s, (c + i) % CONFIGS, false, NULL);
    if (proof_was_set_aside(s))
        proof_detail(s);
}
