/* prove: the experiments on the cache, their counts, and a table of what came of them.
 *
 *   prove (--all | --quick | NAME...) [--count N] [--seed N] [--round N]
 *
 *   --all       every experiment with its full count
 *   --quick     every experiment (or those named) with its small count, for each commit
 *   --count N   so many rounds of those named
 *   --seed N    default 1; the same seed makes the same random choices
 *   --round N   starts at that round: with --count 1, the one that a message named
 *
 * Exit status: 0; 1 if anything was wrong, blocked, crashed or broken, or refused where nothing may
 * be; 2 for wrong usage. What cannot be done here (without root) is said to be skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/proof/proof.h"

static const experiment experiments[] = {
    {"kill-writer", 1000, 15, kill_setup, kill_round, false, "keys whose writer was killed inside",
     "two writers killed at random moments, then every key looked at"},
    {"kill-compiler", 1000, 10, library_setup, kill_compiler_round, true, "compilers killed",
     "compiler processes killed at random moments"},
    {"kill-compiler-real", 1000, 1, real_setup, kill_compiler_round, true, "compilers killed",
     "the same with hiprtc"},
    {"kill-user", 1000, 10, library_setup, kill_user_round, false, "processes killed",
     "a process killed that compiles what another waits for"},
    {"kill-user-real", 50, 1, real_setup, kill_user_round, false, "processes killed",
     "the same with hiprtc"},
    {"kill-operator", 1000, 15, operator_setup, operator_round, false, "processes killed",
     "importing, compacting, removing processes killed"},
    {"flip", 10000, 100, flip_setup, damage_round, true, "files set aside",
     "up to 8 flipped bits anywhere in the data file"},
    {"flip-structure", 10000, 100, structure_setup, damage_round, true, "files set aside",
     "2 flipped bits in LMDB's own structures"},
    {"page", 5000, 50, page_setup, damage_round, true, "files set aside",
     "a page zeroed, overwritten, replaced by another"},
    {"truncate", 10000, 100, cut_setup, damage_round, true, "files set aside",
     "the data file cut short anywhere"},
    {"library-damage", 1000, 10, library_setup, library_damage_round, false, "files set aside",
     "16 wrong bytes in the cache of running requests"},
    {"layers", 1000, 20, layers_setup, layers_round, false, "caches hurt",
     "user and system caches hurt, under every policy"},
    {"io-error", 10000, 200, io_setup, io_round, true, "failed system calls",
     "a read, write, sync, mmap, open, lock or malloc fails"},
    {"disk-full", 1000, 20, full_setup, full_round, true, "refused stores",
     "a tmpfs of 1 MiB, by turns full"},
    {"place", 5000, 100, readonly_setup, place_round, true, NULL,
     "directories read-only, removed, moved, replaced, in the way"},
    {"cold-one-key", 50, 1, library_setup, cold_key_round, false, NULL,
     "64 processes start on one key: one compile"},
    {"cold-64-keys", 20, 1, library_setup, cold_keys_round, false, NULL,
     "64 processes start on 64 keys: 64 compiles"},
    {"cold-one-key-real", 20, 0, real_setup, cold_key_round, false, NULL,
     "64 processes start on one key, with hiprtc"},
    {"crowd", 100, 2, NULL, crowd_round, false, NULL,
     "4 processes of 2 threads store, look and fly"},
    {"pid-namespaces", 100, 2, NULL, namespace_round, false, NULL,
     "the same, each process number 1 of its namespace"},
    {"fork", 300, 4, fork_setup, fork_round, false, "forks",
     "forks while two threads are inside calls"},
    {"fork-library", 300, 4, fork_library_setup, fork_library_round, false, "forks",
     "forks while two threads compile"},
    {"evict", 500, 10, NULL, evict_round, false, "evictions",
     "processes on a store of 2 MiB, with clocks that jump"},
    {"clock", 2000, 50, clock_setup, clock_round, false, NULL,
     "the clock and the files' times jump"},
};

enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

typedef struct request {
    bool all, quick, named[EXPERIMENTS];
    unsigned count, first;
    uint64_t seed;
} request;

static int usage(void)
{
    fprintf(stderr,
            "usage: prove (--all | --quick | NAME...) [--count N] [--seed N] [--round N]\n"
            "%-20s %6s\n",
            "experiment", "rounds");
    for (int i = 0; i < EXPERIMENTS; i++)
        fprintf(stderr, "%-20s %6u  %s\n", experiments[i].name, experiments[i].full,
                experiments[i].what);
    return 2;
}

static bool read_number(const char *text, uint64_t *out)
{
    char *end;

    *out = text ? strtoull(text, &end, 10) : 0;
    return text && *text >= '0' && *text <= '9' && !*end;
}

static bool read_name(const char *text, request *r)
{
    for (int i = 0; i < EXPERIMENTS; i++)
        if (strcmp(text, experiments[i].name) == 0)
            return r->named[i] = true;
    return false;
}

static bool read_option(const char *name, const char *value, request *r)
{
    uint64_t n;

    if (!read_number(value, &n))
        return false;
    if (!strcmp(name, "--count"))
        r->count = (unsigned)n;
    else if (!strcmp(name, "--seed"))
        r->seed = n;
    else if (!strcmp(name, "--round"))
        r->first = (unsigned)n;
    else
        return false;
    return true;
}

static bool read_arguments(char **argv, request *r)
{
    bool any = false;

    for (argv++; *argv; argv++)
        if (!strcmp(*argv, "--all"))
            any = r->all = true;
        else if (!strcmp(*argv, "--quick"))
            r->quick = true;
        else if (read_name(*argv, r))
            any = true;
        else if (read_option(argv[0], argv[1], r))
            argv++;
        else
            return false;
    r->all |= r->quick && !any;
    return r->all || any;
}

/* An experiment that does nothing proves nothing. */
static bool did_something(const experiment *e, const shared *all, unsigned rounds)
{
    return all->counts[RIGHT] > 0 && (!e->detail || all->details > 0 || rounds < 50);
}

static bool passed(const experiment *e, const shared *all, unsigned rounds)
{
    unsigned long bad = e->may_refuse ? 0 : all->counts[REFUSED];

    if (all->skipped || rounds == 0)
        return true;
    bad += !did_something(e, all, rounds);

    for (int o = WRONG; o < OUTCOMES; o++)
        bad += all->counts[o];
    return bad == 0;
}

static void print_row(const experiment *e, const shared *all, unsigned rounds, double seconds)
{
    if (all->skipped) {
        printf("%-20s skipped: %s\n", e->name, all->why_skipped);
        return;
    }
    printf("%-20s %7u", e->name, rounds);
    for (int o = 0; o < OUTCOMES; o++)
        printf(" %8lu", (unsigned long)all->counts[o]);
    printf(" %6.1f s", seconds);
    if (e->detail)
        printf("  %lu %s", (unsigned long)all->details, e->detail);
    printf("%s\n", passed(e, all, rounds) ? "" : "  FAILED");
    fflush(stdout);
}

static bool run_one(const experiment *e, const request *r)
{
    shared *all = proof_share(sizeof *all);
    unsigned count = r->count ? r->count : r->quick ? e->quick : e->full;
    double began = proof_seconds();

    if (count)
        proof_run(e, all, r->seed, r->first, count);
    if (count)
        print_row(e, all, count, proof_seconds() - began);
    bool good = passed(e, all, count);
    munmap(all, sizeof *all);
    return good;
}

int main(int argc, char **argv)
{
    request r = {.seed = 1};
    bool good = true;

    (void)argc;
    if (!read_arguments(argv, &r))
        return usage();
    printf("seed %llu\n%-20s %7s %8s %8s %8s %8s %8s %8s %8s\n", (unsigned long long)r.seed,
           "experiment", "rounds", "right", "miss", "refused", "wrong", "blocked", "crashed",
           "broken");
    for (int i = 0; i < EXPERIMENTS; i++)
        if (r.all || r.named[i])
            good &= run_one(&experiments[i], &r);
    return good ? 0 : 1;
}
