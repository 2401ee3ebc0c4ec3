#include "bench/cache_contenders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

#include "cache/cache.h"
#include "cache/record.h"

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench-cache: %s: %s\n", what, why);
    exit(1);
}

static void *need(void *memory)
{
    if (!memory)
        bench_die("memory", strerror(ENOMEM));
    return memory;
}

/* ---- The record, for those that have none of their own ---- */

static unsigned char *make_record(const char *key, const void *value, size_t value_size,
                                  size_t *size)
{
    record_view r = {key, strlen(key), value, value_size, (uint64_t)time(NULL)};

    *size = cache_record_size(r.key_size, value_size);
    unsigned char *bytes = need(malloc(*size));
    cache_record_write(bytes, &r);
    return bytes;
}

/* The same verification as the store's, and the value at the start of its block. */
static size_t verify_record(unsigned char *bytes, size_t size, const char *key)
{
    record_view r;

    if (!cache_record_read(bytes, size, &r) ||
        (key && (r.key_size != strlen(key) || memcmp(r.key, key, r.key_size))))
        bench_die(key ? key : "a record", "wrong bytes");
    memmove(bytes, r.value, r.value_size);
    return r.value_size;
}

/* ---- The store ---- */

static char why[512];

static void *store_open(const char *dir)
{
    cache_store *store;

    if (cache_open(&store, dir, 0, why, sizeof why) != CACHE_OK)
        bench_die("cache_open", why);
    return store;
}

static void store_close(void *place) { cache_close(place); }

static size_t store_get(void *place, const char *key)
{
    void *value;
    size_t size;

    if (cache_get(place, key, &value, &size, why, sizeof why) != CACHE_OK)
        bench_die("cache_get", why);
    free(value);
    return size;
}

static void store_put(void *place, const char *key, const void *value, size_t size)
{
    if (cache_put(place, key, value, size, why, sizeof why) != CACHE_OK)
        bench_die("cache_put", why);
}

static void store_fill(void *place, char (*keys)[BENCH_KEY_MAX], int count, const void *value,
                       size_t size)
{
    cache_pair *pairs = need(malloc((size_t)count * sizeof *pairs));
    size_t stored;

    for (int i = 0; i < count; i++)
        pairs[i] = (cache_pair){.key = keys[i], .value = value, .size = size};
    if (cache_import(place, pairs, (size_t)count, &stored, why, sizeof why) != CACHE_OK)
        bench_die("cache_import", why);
    free(pairs);
}

static int count_record(void *user, const cache_record *r)
{
    *(long *)user += !r->defect;
    return 0;
}

static long store_list(void *place)
{
    long count = 0;

    if (cache_each(place, count_record, &count, why, sizeof why) != CACHE_OK)
        bench_die("cache_each", why);
    return count;
}

/* All records are of one size. */
static void store_prune(void *place, long keep)
{
    cache_usage_info usage;
    size_t removed;

    if (cache_usage(place, &usage, why, sizeof why) != CACHE_OK ||
        cache_evict(place, usage.bytes / usage.records * (uint64_t)keep, &removed, why,
                    sizeof why) != CACHE_OK)
        bench_die("cache_evict", why);
}

/* ---- A directory of files, as Triton and DeepGEMM have: named by the key's digest, written under
 * a temporary name, renamed. Plain, or with the checks of the store: that nobody else may write the
 * directory or the file, that it is no network filesystem and no symbolic link. ---- */

typedef struct files {
    char dir[256];
    int dirfd; /* -1: no checks */
} files;

static void *files_open(const char *dir)
{
    files *f = need(malloc(sizeof *f));

    snprintf(f->dir, sizeof f->dir, "%s", dir);
    f->dirfd = -1;
    return f;
}

static bool only_ours(int fd, struct stat *st)
{
    return fstat(fd, st) == 0 && (st->st_uid == 0 || st->st_uid == geteuid()) &&
           !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static void *checked_open(const char *dir)
{
    files *f = files_open(dir);
    struct stat st;
    struct statfs fs;

    f->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dirfd < 0 || !only_ours(f->dirfd, &st) || fstatfs(f->dirfd, &fs) ||
        fs.f_type == 0x6969 /* NFS */)
        bench_die(dir, "not to be trusted");
    return f;
}

static void files_close(void *place)
{
    files *f = place;

    if (f->dirfd >= 0)
        close(f->dirfd);
    free(f);
}

static void file_name(const files *f, const char *key, char path[400])
{
    char digest[65];

    cache_digest_hex(key, strlen(key), digest);
    if (f->dirfd < 0)
        snprintf(path, 400, "%s/%s", f->dir, digest);
    else
        memcpy(path, digest, sizeof digest);
}

static unsigned char *read_file(const files *f, const char *path, size_t *size)
{
    struct stat st;
    int fd = f->dirfd < 0 ? open(path, O_RDONLY | O_CLOEXEC)
                          : openat(f->dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || (f->dirfd < 0 ? fstat(fd, &st) : !only_ours(fd, &st) || !S_ISREG(st.st_mode)))
        bench_die(path, strerror(errno));
    *size = (size_t)st.st_size;
    unsigned char *bytes = need(malloc(*size));
    if (read(fd, bytes, *size) != st.st_size)
        bench_die(path, strerror(errno));
    close(fd);
    return bytes;
}

static size_t files_get(void *place, const char *key)
{
    char path[400];
    size_t size;

    file_name(place, key, path);
    unsigned char *bytes = read_file(place, path, &size);
    size = verify_record(bytes, size, key);
    free(bytes);
    return size;
}

static void write_file(const files *f, const char *key, const void *value, size_t value_size,
                       bool durable)
{
    files plain = *f;
    char path[400], temporary[420];
    size_t size;
    unsigned char *bytes = make_record(key, value, value_size, &size);

    plain.dirfd = -1;
    file_name(&plain, key, path);
    snprintf(temporary, sizeof temporary, "%s.tmp.%d", path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || (durable && fsync(fd)) || close(fd) ||
        rename(temporary, path))
        bench_die(temporary, strerror(errno));
    free(bytes);
}

static void sync_dir(const files *f)
{
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        bench_die(f->dir, strerror(errno));
    close(fd);
}

static void files_put(void *place, const char *key, const void *value, size_t size)
{
    write_file(place, key, value, size, true);
    sync_dir(place);
}

static void files_fill(void *place, char (*keys)[BENCH_KEY_MAX], int count, const void *value,
                       size_t size)
{
    for (int i = 0; i < count; i++)
        write_file(place, keys[i], value, size, false);
    sync();
}

typedef struct entry {
    char name[65];
    struct timespec stored;
} entry;

static int older(const void *a, const void *b)
{
    const struct timespec *x = &((const entry *)a)->stored, *y = &((const entry *)b)->stored;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Calls fn for each file; it gets the path. Returns how many. */
static long each_file(const files *f, void (*fn)(const files *f, const char *path, void *user),
                      void *user)
{
    char path[400];
    long count = 0;
    DIR *d = opendir(f->dir);

    for (struct dirent *e; d && (e = readdir(d));)
        if (strlen(e->d_name) == 64) {
            snprintf(path, sizeof path, "%s/%.64s", f->dir, e->d_name);
            fn(f, path, user);
            count++;
        }
    if (!d)
        bench_die(f->dir, strerror(errno));
    closedir(d);
    return count;
}

static void verify_file(const files *f, const char *path, void *user)
{
    size_t size;
    unsigned char *bytes = read_file(f, path, &size);

    (void)user;
    verify_record(bytes, size, NULL);
    free(bytes);
}

static long files_list(void *place)
{
    files plain = *(files *)place;

    plain.dirfd = -1;
    return each_file(&plain, verify_file, NULL);
}

static void note_file(const files *f, const char *path, void *user)
{
    struct stat st;
    entry **next = user;

    (void)f;
    if (stat(path, &st))
        bench_die(path, strerror(errno));
    snprintf((*next)->name, sizeof(*next)->name, "%s", strrchr(path, '/') + 1);
    (*next)++->stored = st.st_mtim;
}

static void count_file(const files *f, const char *path, void *user)
{
    (void)f, (void)path, (void)user;
}

static void files_prune(void *place, long keep)
{
    files *f = place;
    char path[400];
    long count = each_file(f, count_file, NULL);
    entry *all = need(malloc((size_t)count * sizeof *all)), *next = all;

    each_file(f, note_file, &next);
    qsort(all, (size_t)count, sizeof *all, older);
    for (long i = 0; i < count - keep; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, all[i].name);
        if (unlink(path))
            bench_die(path, strerror(errno));
    }
    free(all);
    sync_dir(f);
}

/* ---- SQLite, as rocFFT and MIOpen have: one table, a row for each record; with its default
 * rollback journal or with a write-ahead log. ---- */

#ifdef HAVE_SQLITE
typedef struct sql {
    sqlite3 *db;
    sqlite3_stmt *get, *put;
} sql;

static void sql_check(sql *s, int rc, int expected)
{
    if (rc != expected)
        bench_die("sqlite", sqlite3_errmsg(s->db));
}

static void run_sql(sql *s, const char *text)
{
    sql_check(s, sqlite3_exec(s->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3_stmt *prepare(sql *s, const char *text)
{
    sqlite3_stmt *statement;

    sql_check(s, sqlite3_prepare_v2(s->db, text, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static sql *sql_open(const char *dir, const char *journal)
{
    char path[300], pragma[100];
    sql *s = need(calloc(1, sizeof *s));

    snprintf(path, sizeof path, "%s/code.sqlite", dir);
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode=%s", journal);
    if (sqlite3_open(path, &s->db))
        bench_die(path, sqlite3_errmsg(s->db));
    sqlite3_busy_timeout(s->db, 5000);
    run_sql(s, pragma);
    run_sql(s, "PRAGMA synchronous=FULL");
    run_sql(s, "CREATE TABLE IF NOT EXISTS code"
               " (digest BLOB PRIMARY KEY, record BLOB, stored INTEGER)");
    s->get = prepare(s, "SELECT record FROM code WHERE digest=?");
    s->put = prepare(s, "REPLACE INTO code VALUES (?, ?, ?)");
    return s;
}

static void *rollback_open(const char *dir) { return sql_open(dir, "DELETE"); }
static void *wal_open(const char *dir) { return sql_open(dir, "WAL"); }

static void sql_close(void *place)
{
    sql *s = place;

    sqlite3_finalize(s->get);
    sqlite3_finalize(s->put);
    sql_check(s, sqlite3_close(s->db), SQLITE_OK);
    free(s);
}

static void bind_digest(sqlite3_stmt *statement, const char *key)
{
    char digest[65];

    cache_digest_hex(key, strlen(key), digest);
    sqlite3_bind_blob(statement, 1, digest, 64, SQLITE_TRANSIENT);
}

static size_t verify_column(sqlite3_stmt *statement, int column, const char *key)
{
    size_t size = (size_t)sqlite3_column_bytes(statement, column);
    unsigned char *bytes = need(malloc(size));

    memcpy(bytes, sqlite3_column_blob(statement, column), size);
    size = verify_record(bytes, size, key);
    free(bytes);
    return size;
}

static size_t sql_get(void *place, const char *key)
{
    sql *s = place;

    bind_digest(s->get, key);
    sql_check(s, sqlite3_step(s->get), SQLITE_ROW);
    size_t size = verify_column(s->get, 0, key);
    sqlite3_reset(s->get);
    return size;
}

static void sql_put(void *place, const char *key, const void *value, size_t value_size)
{
    static sqlite3_int64 order;
    sql *s = place;
    size_t size;
    unsigned char *bytes = make_record(key, value, value_size, &size);

    bind_digest(s->put, key);
    sqlite3_bind_blob(s->put, 2, bytes, (int)size, SQLITE_STATIC);
    sqlite3_bind_int64(s->put, 3, ++order);
    sql_check(s, sqlite3_step(s->put), SQLITE_DONE);
    sqlite3_reset(s->put);
    free(bytes);
}

static void sql_fill(void *place, char (*keys)[BENCH_KEY_MAX], int count, const void *value,
                     size_t size)
{
    run_sql(place, "BEGIN");
    for (int i = 0; i < count; i++)
        sql_put(place, keys[i], value, size);
    run_sql(place, "COMMIT");
}

static long sql_list(void *place)
{
    sql *s = place;
    sqlite3_stmt *all = prepare(s, "SELECT record FROM code");
    long count = 0;
    int rc;

    for (; (rc = sqlite3_step(all)) == SQLITE_ROW; count++)
        verify_column(all, 0, NULL);
    sql_check(s, rc, SQLITE_DONE);
    sqlite3_finalize(all);
    return count;
}

static void sql_prune(void *place, long keep)
{
    char text[200];

    snprintf(text, sizeof text,
             "DELETE FROM code WHERE digest NOT IN"
             " (SELECT digest FROM code ORDER BY stored DESC LIMIT %ld)",
             keep);
    run_sql(place, text);
}
#endif

const contender contenders[] = {
    {"store", store_open, store_close, store_get, store_put, store_fill, store_list, store_prune},
    {"files", files_open, files_close, files_get, files_put, files_fill, files_list, files_prune},
    {"files, checked", checked_open, files_close, files_get, files_put, files_fill, files_list,
     files_prune},
#ifdef HAVE_SQLITE
    {"SQLite", rollback_open, sql_close, sql_get, sql_put, sql_fill, sql_list, sql_prune},
    {"SQLite, WAL", wal_open, sql_close, sql_get, sql_put, sql_fill, sql_list, sql_prune},
#endif
};
const int contender_count = sizeof contenders / sizeof *contenders;
