/* bench-cache: what a code object costs to find, store, list and remove in our store, in a
 * directory of files and in SQLite (if it was there at build time), side by side in one run.
 *
 *   bench-cache [--quick] [DIRECTORY]
 *
 * DIRECTORY: default a fresh one below $TMPDIR or /tmp, removed at the end.
 *
 * All hold the same records with the same checksum, verified in the same way; "files, checked" also
 * makes the store's checks of who may write. Contenders take turns; each figure is the median over
 * single operations, and the middle one of several repetitions. A fresh process is timed from
 * before it opens the place: the store then also notes when each key was last used. The ratios are
 * the store's time to each other's. */
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cache_contenders.h"
#include "bench/sample.h"

enum { RECORDS = 256, MANY = 10000, VALUE_SIZE = 30000, OTHERS = 8 };

/* How often. */
typedef struct plan {
    int repetitions, gets, fresh, puts;
    double crowd_s;
} plan;

static plan times = {7, 4000, 41, 100, 0.4};

typedef struct bench {
    char root[200];
    void *place[OTHERS]; /* open all the time */
    char keys[MANY][BENCH_KEY_MAX];
    unsigned char value[VALUE_SIZE];
} bench;

static bench b;

static const char *dir_of(int c, const char *part)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s%d", b.root, part, c);
    if (mkdir(path, 0700) && errno != EEXIST)
        bench_die(path, strerror(errno));
    return path;
}

/* ---- Operations ---- */

/* Every record in turn, none the neighbour of the last: 97 and RECORDS have no common factor. */
static const char *key_of(int i) { return b.keys[i * 97 % RECORDS]; }

static void get_one(int c, void *place, int i)
{
    if (contenders[c].get(place, key_of(i)) != VALUE_SIZE)
        bench_die(contenders[c].name, "wrong size");
}

static void get(int c, int i) { get_one(c, b.place[c], i); }

static void reopen_and_get(int c, int i)
{
    void *place = contenders[c].open(dir_of(c, "small"));

    get_one(c, place, i);
    contenders[c].close(place);
}

static void put(int c, int i) { contenders[c].put(b.place[c], key_of(i), b.value, VALUE_SIZE); }

/* ---- Measuring ---- */

static int order(const void *x, const void *y) { return sample_order(x, y); }

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, order);
    return values[count / 2];
}

typedef void (*operation)(int c, int i);

static double median_us(operation op, int c, int count)
{
    double *each = malloc((size_t)count * sizeof *each);

    if (!each)
        bench_die("memory", strerror(ENOMEM));
    for (int i = 0; i < count; i++) {
        double begin = sample_now();
        op(c, i);
        each[i] = (sample_now() - begin) * 1e6;
    }
    double result = median(each, count);
    free(each);
    return result;
}

static void print_header(const char *title)
{
    printf("\n%-34s", title);
    for (int c = 0; c < contender_count; c++)
        printf(" %16s", contenders[c].name);
    printf("\n");
}

/* "12.3 (0.81)": the ratio is that of the store to this one. */
static void print_row(const char *what, const double *values)
{
    printf("%-34s %16.1f", what, values[0]);
    for (int c = 1; c < contender_count; c++) {
        char text[64] = "-";
        if (values[c] > 0)
            snprintf(text, sizeof text, "%.1f (%.2f)", values[c], values[0] / values[c]);
        printf(" %16s", text);
    }
    printf("\n");
    fflush(stdout);
}

/* In turns, so that what disturbs the machine disturbs all. */
static void measure(const char *what, operation op, int count)
{
    double values[OTHERS][64], middle[OTHERS];

    for (int r = 0; r < times.repetitions; r++)
        for (int c = 0; c < contender_count; c++)
            values[c][r] = median_us(op, c, count);
    for (int c = 0; c < contender_count; c++)
        middle[c] = median(values[c], times.repetitions);
    print_row(what, middle);
}

/* ---- Fresh processes: nothing is known yet of the place or the keys ---- */

/* The other end of run_fresh(): from before the opening to after the last get. */
static int be_fresh(int c, const char *dir, int gets)
{
    double begin = sample_now();
    void *place = contenders[c].open(dir);

    for (int i = 0; i < gets; i++)
        get_one(c, place, i);
    printf("%.3f\n", (sample_now() - begin) * 1e6);
    contenders[c].close(place);
    return 0;
}

static double run_fresh(int c, int gets)
{
    char command[700];
    double us;

    snprintf(command, sizeof command, "exec /proc/%d/exe --fresh %d '%s' %d", (int)getpid(), c,
             dir_of(c, "small"), gets);
    FILE *f = popen(command, "r");
    if (!f || fscanf(f, "%lf", &us) != 1 || pclose(f))
        bench_die(command, "failed");
    return us;
}

static void measure_fresh(int gets)
{
    double values[OTHERS][64], middle[OTHERS];
    char what[64];

    for (int r = 0; r < times.fresh; r++)
        for (int c = 0; c < contender_count; c++)
            values[c][r] = run_fresh(c, gets);
    for (int c = 0; c < contender_count; c++)
        middle[c] = median(values[c], times.fresh);
    snprintf(what, sizeof what, "fresh process: open, %d get%s", gets, gets > 1 ? "s" : "");
    print_row(what, middle);
}

/* ---- Readers side by side ---- */

typedef struct crowd {
    volatile bool go, stop;
    volatile long gets[64];
    volatile double median_us[64];
} crowd;

static void read_in_crowd(crowd *all, int c, int n)
{
    enum { KEPT = 1 << 14 };
    static double each[KEPT];
    void *place = contenders[c].open(dir_of(c, "small"));
    long i = 0;

    get_one(c, place, n);
    while (!all->go)
        usleep(200);
    for (; !all->stop; i++) {
        double begin = sample_now();
        get_one(c, place, (int)(i & 0xfffff) + n);
        each[i % KEPT] = (sample_now() - begin) * 1e6;
    }
    all->gets[n] = i;
    all->median_us[n] = i ? median(each, (int)(i < KEPT ? i : KEPT)) : 0;
    _exit(0);
}

/* Thousand gets a second of all together; *us: the middle reader's median. */
static double run_crowd(int c, int readers, double *us)
{
    crowd *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double medians[64], total = 0;

    if (all == MAP_FAILED)
        bench_die("mmap", strerror(errno));
    fflush(NULL);
    for (int n = 0; n < readers; n++)
        if (fork() == 0)
            read_in_crowd(all, c, n);
    usleep(100000);
    double begin = sample_now();
    all->go = true;
    usleep((useconds_t)(times.crowd_s * 1e6));
    all->stop = true;
    double seconds = sample_now() - begin;
    for (int n = 0; n < readers; n++) {
        int status;
        if (wait(&status) < 0 || status)
            bench_die(contenders[c].name, "a reader failed");
    }
    for (int n = 0; n < readers; n++) {
        total += (double)all->gets[n];
        medians[n] = all->median_us[n];
    }
    *us = median(medians, readers);
    munmap(all, sizeof *all);
    return total / seconds * 1e-3;
}

static void measure_crowds(void)
{
    double rate[OTHERS], us[OTHERS];
    char what[64];

    for (int readers = 1; readers <= 64; readers *= 2) {
        for (int c = 0; c < contender_count; c++)
            rate[c] = run_crowd(c, readers, &us[c]);
        snprintf(what, sizeof what, "%d readers, median us", readers);
        print_row(what, us);
        snprintf(what, sizeof what, "%d readers, thousand gets a second", readers);
        print_row(what, rate);
    }
}

/* ---- Many records ---- */

static double ms_since(double begin) { return (sample_now() - begin) * 1e3; }

/* By a process that then ends: the store does not evict what its own process has stored. */
static double fill_ms(int c)
{
    double begin = sample_now();
    int status;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        void *place = contenders[c].open(dir_of(c, "many"));
        contenders[c].fill(place, b.keys, MANY, b.value, VALUE_SIZE);
        contenders[c].close(place);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status)
        bench_die(contenders[c].name, "filling failed");
    return ms_since(begin);
}

static double list_ms(int c, void *place, long expected)
{
    double begin = sample_now();

    if (contenders[c].list(place) != expected)
        bench_die(contenders[c].name, "not as many records as there should be");
    return ms_since(begin);
}

static double prune_ms(int c, void *place)
{
    double begin = sample_now();

    contenders[c].prune(place, MANY / 2);
    return ms_since(begin);
}

static void put_among_many(int c, int i)
{
    contenders[c].put(b.place[c], b.keys[i], b.value, VALUE_SIZE);
}

static void measure_many(void)
{
    double fill[OTHERS], list[OTHERS], prune[OTHERS];

    for (int c = 0; c < contender_count; c++) {
        fill[c] = fill_ms(c);
        void *place = contenders[c].open(dir_of(c, "many"));
        list[c] = list_ms(c, place, MANY);
        prune[c] = prune_ms(c, place);
        list_ms(c, place, MANY / 2);
        contenders[c].fill(place, b.keys, MANY, b.value, VALUE_SIZE);
        b.place[c] = place;
    }
    print_row("fill in one go, ms", fill);
    print_row("list, each record verified, ms", list);
    print_row("prune to half, ms", prune);
    measure("put, durable, us", put_among_many, times.puts);
}

/* ---- The run ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void make_values(void)
{
    for (int i = 0; i < VALUE_SIZE; i++)
        b.value[i] = (unsigned char)((i * 2654435761u) >> 13);
    for (int i = 0; i < MANY; i++)
        snprintf(b.keys[i], sizeof b.keys[i],
                 "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=%d lse=0", i);
}

static void store_records(void)
{
    for (int c = 0; c < contender_count; c++) {
        b.place[c] = contenders[c].open(dir_of(c, "small"));
        for (int i = 0; i < RECORDS; i++)
            contenders[c].put(b.place[c], b.keys[i], b.value, VALUE_SIZE);
    }
}

static void close_all(void)
{
    for (int c = 0; c < contender_count; c++)
        contenders[c].close(b.place[c]);
}

static void run(void)
{
    printf("%d records of %d bytes in %s; times in us, in brackets the store's share of each",
           RECORDS, VALUE_SIZE, b.root);
    print_header("one process");
    measure("get, verified (warm hit)", get, times.gets);
    measure("open, 1 get, close, again and again", reopen_and_get, times.gets / 10);
    measure_fresh(1);
    measure_fresh(64);
    measure("put, durable", put, times.puts);
    print_header("processes side by side");
    measure_crowds();
    close_all();
    printf("\n%d records", MANY);
    print_header("one process");
    measure_many();
    close_all();
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");

    make_values();
    if (argc == 5 && strcmp(argv[1], "--fresh") == 0)
        return be_fresh(atoi(argv[2]), argv[3], atoi(argv[4]));
    if (argc > 1 && strcmp(argv[1], "--quick") == 0) {
        times = (plan){3, 500, 9, 20, 0.1};
        argc--, argv++;
    }
    snprintf(b.root, sizeof b.root, "%s/bench-cache-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (argc > 1)
        snprintf(b.root, sizeof b.root, "%s", argv[1]);
    if (argc > 1 ? mkdir(b.root, 0700) && errno != EEXIST : !mkdtemp(b.root))
        bench_die(b.root, strerror(errno));
    store_records();
    run();
    if (argc <= 1)
        nftw(b.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
