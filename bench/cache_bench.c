/* bench-cache: what a look-up and a store cost, beside a directory of files that holds the same
 * records.
 *
 *   bench-cache [DIRECTORY]     default: a fresh one below $TMPDIR or /tmp
 *
 * The files are what other run-time compilers use: one file a key, named by the key's digest,
 * written to a temporary name and renamed. They hold the same record with the same checksum,
 * verified in the same way. Each figure is the median over single operations, and the middle one of
 * several repetitions, taken in turns. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/cache.h"
#include "cache/record.h"

enum { RECORDS = 256, VALUE_SIZE = 30000, REPETITIONS = 7, GETS = 4000, OPENS = 1000, PUTS = 100 };

typedef struct bench {
    char store_dir[256], file_dir[256];
    cache_store *store;
    char keys[RECORDS][160];
    unsigned char value[VALUE_SIZE];
    char err[512];
} bench;

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench-cache: %s: %s\n", what, detail);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* ---- The store ---- */

static void store_get(bench *b, int i)
{
    void *v;
    size_t n;

    if (cache_get(b->store, b->keys[i % RECORDS], &v, &n, b->err, sizeof b->err) != CACHE_OK ||
        n != VALUE_SIZE)
        die("cache_get", b->err);
    free(v);
}

static void store_open_get(bench *b, int i)
{
    cache_store *kept = b->store;

    if (cache_open(&b->store, b->store_dir, 0, b->err, sizeof b->err) != CACHE_OK)
        die("cache_open", b->err);
    store_get(b, i);
    cache_close(b->store);
    b->store = kept;
}

static void store_put(bench *b, int i)
{
    if (cache_put(b->store, b->keys[i % RECORDS], b->value, VALUE_SIZE, b->err, sizeof b->err) !=
        CACHE_OK)
        die("cache_put", b->err);
}

/* ---- The directory of files ---- */

static void file_name(const bench *b, int i, char path[400])
{
    char digest[65];
    const char *key = b->keys[i % RECORDS];

    cache_digest_hex(key, strlen(key), digest);
    snprintf(path, 400, "%s/%s", b->file_dir, digest);
}

static void file_get(bench *b, int i)
{
    char path[400];
    struct stat st;
    record_view r;
    const char *key = b->keys[i % RECORDS];

    file_name(b, i, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        die(path, strerror(errno));
    unsigned char *bytes = malloc((size_t)st.st_size);
    if (!bytes || read(fd, bytes, (size_t)st.st_size) != st.st_size)
        die(path, strerror(errno));
    close(fd);
    if (!cache_record_read(bytes, (size_t)st.st_size, &r) || r.key_size != strlen(key) ||
        memcmp(r.key, key, r.key_size))
        die(path, "not the record");
    memmove(bytes, r.value, r.value_size);
    free(bytes);
}

static void file_write(bench *b, int i, bool durable)
{
    char path[400], temporary[420];
    const char *key = b->keys[i % RECORDS];
    record_view r = {key, strlen(key), b->value, VALUE_SIZE, (uint64_t)time(NULL)};
    size_t size = cache_record_size(r.key_size, VALUE_SIZE);
    unsigned char *bytes = malloc(size);

    file_name(b, i, path);
    snprintf(temporary, sizeof temporary, "%s.tmp.%d", path, (int)getpid());
    if (!bytes)
        die(path, "out of memory");
    cache_record_write(bytes, &r);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || (durable && fsync(fd)) || close(fd) ||
        rename(temporary, path))
        die(temporary, strerror(errno));
    free(bytes);
    if (!durable)
        return;
    fd = open(b->file_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        die(b->file_dir, strerror(errno));
    close(fd);
}

static void file_put(bench *b, int i) { file_write(b, i, false); }
static void file_put_durable(bench *b, int i) { file_write(b, i, true); }

/* ---- Measuring ---- */

typedef void (*operation)(bench *b, int i);

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static double median_us(bench *b, operation op, int count)
{
    double *each = malloc((size_t)count * sizeof *each);

    if (!each)
        die("memory", strerror(ENOMEM));
    for (int i = 0; i < count; i++) {
        double start = now_us();
        op(b, i * 97); /* 97 and RECORDS have no common factor: every record in turn, none the
                          neighbour of the last */
        each[i] = now_us() - start;
    }
    double result = median(each, count);
    free(each);
    return result;
}

/* Takes two operations in turns, so that what disturbs the machine disturbs both. */
static void measure(bench *b, const char *what, operation store, operation files, int count)
{
    double s[REPETITIONS], f[REPETITIONS];

    for (int i = 0; i < REPETITIONS; i++) {
        s[i] = median_us(b, store, count);
        f[i] = median_us(b, files, count);
    }
    double store_us = median(s, REPETITIONS), files_us = median(f, REPETITIONS);
    printf("%-44s %9.1f us %9.1f us %8.2f\n", what, store_us, files_us, store_us / files_us);
}

static void fill(bench *b)
{
    for (int i = 0; i < VALUE_SIZE; i++)
        b->value[i] = (unsigned char)((i * 2654435761u) >> 13);
    for (int i = 0; i < RECORDS; i++) {
        snprintf(
            b->keys[i], sizeof b->keys[i],
            "record=1 fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 hdv=128 mask=causal gqa=%d lse=0",
            i);
        store_put(b, i);
        file_put(b, i);
    }
}

int main(int argc, char **argv)
{
    static bench b;
    char root[200];
    const char *tmp = getenv("TMPDIR");

    if (argc > 1)
        snprintf(root, sizeof root, "%s", argv[1]);
    else
        snprintf(root, sizeof root, "%s/bench-cache-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (argc > 1 ? mkdir(root, 0700) && errno != EEXIST : !mkdtemp(root))
        die(root, strerror(errno));
    snprintf(b.store_dir, sizeof b.store_dir, "%s/store", root);
    snprintf(b.file_dir, sizeof b.file_dir, "%s/files", root);
    if (mkdir(b.file_dir, 0700) && errno != EEXIST)
        die(b.file_dir, strerror(errno));
    if (cache_open(&b.store, b.store_dir, 0, b.err, sizeof b.err) != CACHE_OK)
        die("cache_open", b.err);
    fill(&b);

    printf("%d records of %d bytes in %s; median of single operations, middle of %d repetitions\n",
           RECORDS, VALUE_SIZE, root, REPETITIONS);
    printf("%-44s %12s %12s %8s\n", "", "store", "files", "ratio");
    measure(&b, "get, verified (warm hit)", store_get, file_get, GETS);
    measure(&b, "open, get, close / get", store_open_get, file_get, OPENS);
    measure(&b, "put, durable / write, fsync, rename, fsync", store_put, file_put_durable, PUTS);
    measure(&b, "put, durable / write, rename, not durable", store_put, file_put, PUTS);
    cache_close(b.store);
    return 0;
}
