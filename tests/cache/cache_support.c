#include "cache_support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int fixture_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    fixture *f = calloc(1, sizeof *f);

    snprintf(f->root, sizeof f->root, "%s/aiter-cache-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(f->root))
        return -1;
    chmod(f->root, 0755); /* for the tests that give up root */
    snprintf(f->dir, sizeof f->dir, "%s/store", f->root);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

int fixture_teardown(void **state)
{
    fixture *f = *state;

    chmod(f->dir, 0700);
    nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

cache_store *open_store(fixture *f)
{
    cache_store *s = NULL;

    if (cache_open(&s, f->dir, 0, f->err, sizeof f->err) != CACHE_OK)
        fail_msg("cache_open: %s", f->err);
    return s;
}

void put_value(fixture *f, cache_store *s, const char *key, uint32_t generation, size_t size)
{
    void *v = make_value(key, generation, size);
    cache_status status = cache_put(s, key, v, size, f->err, sizeof f->err);

    free(v);
    if (status != CACHE_OK)
        fail_msg("cache_put '%s': %d %s", key, status, f->err);
}

void expect_hit(fixture *f, cache_store *s, const char *key, uint32_t generation, size_t size)
{
    void *v, *expected = make_value(key, generation, size);
    size_t n;
    cache_status status = cache_get(s, key, &v, &n, f->err, sizeof f->err);

    if (status != CACHE_OK)
        fail_msg("cache_get '%s': %d %s", key, status, status == CACHE_MISS ? "miss" : f->err);
    assert_int_equal(n, size);
    assert_memory_equal(v, expected, size);
    free(v);
    free(expected);
}

void expect_miss(fixture *f, cache_store *s, const char *key)
{
    void *v;
    size_t n;

    assert_int_equal(cache_get(s, key, &v, &n, f->err, sizeof f->err), CACHE_MISS);
    assert_null(v);
}

bool right_or_miss(fixture *f, cache_store *s, const char *key)
{
    void *v;
    size_t n;
    cache_status status = cache_get(s, key, &v, &n, f->err, sizeof f->err);

    if (status == CACHE_OK && value_generation(key, v, n) < 0)
        fail_msg("wrong bytes for '%s'", key);
    if (status != CACHE_OK && status != CACHE_MISS)
        fail_msg("cache_get '%s': %d %s", key, status, f->err);
    free(v);
    return status == CACHE_OK;
}

bool exists(const fixture *f, const char *name)
{
    char path[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return lstat(path, &st) == 0;
}

void *read_whole(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    *size = (size_t)st.st_size;
    void *bytes = malloc(*size + 1);
    assert_int_equal(read(fd, bytes, *size), (ssize_t)*size);
    close(fd);
    return bytes;
}

void write_whole(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

pid_t start_child(child_fn fn, fixture *f, void *arg)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(120); /* a child of a test that was killed must not stay */
        setenv("CMOCKA_TEST_ABORT", "1",
               1); /* a failed assertion must not go on with the parent's next test */
        _exit(fn(f, arg));
    }
    assert_true(pid > 0);
    return pid;
}

int wait_child(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}
