/* Places where a store cannot be, or only read: each with its message. */
#include "cache_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/internal.h"

static void expect_refusal(fixture *f, const char *dir, unsigned flags, const char *reason)
{
    cache_store *s = (cache_store *)1;

    f->err[0] = '\0';
    assert_int_equal(cache_open(&s, dir, flags, f->err, sizeof f->err), CACHE_ERROR);
    assert_null(s);
    if (!strstr(f->err, reason) || (*dir && strlen(dir) < 400 && !strstr(f->err, dir)))
        fail_msg("expected '%s' and '%s' in: %s", reason, dir, f->err);
    assert_int_equal(cache_open(&s, dir, flags, NULL, 0), CACHE_ERROR);
}

static void missing_directories_are_made_private(void **state)
{
    fixture *f = *state;
    char dir[400];
    struct stat st;
    cache_store *s;

    mode_t old = umask(0277); /* takes even the owner's permission to write */
    snprintf(dir, sizeof dir, "%s/a//b/c/", f->dir);
    assert_int_equal(cache_open(&s, dir, 0, f->err, sizeof f->err), CACHE_OK);
    put_value(f, s, "key", 1, 10);
    umask(old);
    expect_hit(f, s, "key", 1, 10);
    cache_close(s);
    for (const char *const *part = (const char *const[]){"", "/a", "/a/b", "/a/b/c", NULL}; *part;
         part++) {
        snprintf(dir, sizeof dir, "%s%s", f->dir, *part);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
    for (const char *const *name = (const char *const[]){"lock", "code.lmdb", NULL}; *name;
         name++) {
        snprintf(dir, sizeof dir, "%s/a/b/c/%s", f->dir, *name);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void a_relative_path_survives_chdir(void **state)
{
    fixture *f = *state;
    char old[4096];
    cache_store *s;

    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(f->root), 0);
    assert_int_equal(cache_open(&s, "store", 0, f->err, sizeof f->err), CACHE_OK);
    assert_int_equal(chdir("/"), 0);
    put_value(f, s, "key", 1, 10);
    cache_close(s);
    assert_true(exists(f, "code.lmdb"));
    assert_int_equal(chdir(old), 0);
}

static void wrong_paths_are_refused(void **state)
{
    fixture *f = *state;
    char path[400];
    char *longest = malloc(5001);

    expect_refusal(f, "", 0, "the path is empty");
    memset(longest, 'p', 5000);
    longest[0] = '/';
    longest[5000] = '\0';
    expect_refusal(f, longest, 0, "longer than");
    free(longest);
    snprintf(path, sizeof path, "%s/missing", f->root);
    expect_refusal(f, path, CACHE_READ_ONLY, strerror(ENOENT));
    snprintf(path, sizeof path, "%s/file", f->root);
    write_whole(path, "x", 1);
    expect_refusal(f, path, 0, strerror(ENOTDIR));
    snprintf(path, sizeof path, "%s/file/below", f->root);
    expect_refusal(f, path, 0, strerror(ENOTDIR));
    snprintf(path, sizeof path, "%s/dangling", f->root);
    assert_int_equal(symlink("nowhere/at/all", path), 0);
    expect_refusal(f, path, 0, "dangling");
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
    fixture *f = *state;

    assert_int_equal(mkdir(f->dir, 0700), 0);
    for (const mode_t *mode = (const mode_t[]){0770, 0707, 0777, 01777, 0}; *mode; mode++) {
        assert_int_equal(chmod(f->dir, *mode), 0);
        expect_refusal(f, f->dir, 0, "lets other users write");
        expect_refusal(f, f->dir, CACHE_READ_ONLY, "lets other users write");
    }
    assert_int_equal(chmod(f->dir, 0755), 0);
    cache_close(open_store(f));
}

static void anothers_directory_is_refused(void **state)
{
    fixture *f = *state;

    if (geteuid() != 0)
        skip();
    assert_int_equal(mkdir(f->dir, 0700), 0);
    assert_int_equal(chown(f->dir, 12345, 12345), 0);
    expect_refusal(f, f->dir, 0, "owned by uid 12345");
}

/* A link of another's decides where the path leads, wherever on the way it is. */
static void links_of_others_are_refused(void **state)
{
    fixture *f = *state;
    char link[400], path[500];
    cache_store *s;

    if (geteuid() != 0)
        skip();
    snprintf(link, sizeof link, "%s/link", f->root);
    cache_close(open_store(f));
    assert_int_equal(symlink(f->root, link), 0);
    for (const char *const *end = (const char *const[]){"/store", "/store/new", NULL}; *end;
         end++) {
        snprintf(path, sizeof path, "%s%s", link, *end);
        assert_int_equal(lchown(link, 12345, 12345), 0);
        expect_refusal(f, path, 0, "link' is a symbolic link owned by uid 12345");
        assert_int_equal(lchown(link, 0, 0), 0);
        assert_int_equal(cache_open(&s, path, 0, f->err, sizeof f->err), CACHE_OK);
        cache_close(s);
    }
    assert_int_equal(unlink(link) | symlink(f->dir, link), 0);
    assert_int_equal(lchown(link, 12345, 12345), 0);
    expect_refusal(f, link, 0, "is a symbolic link owned by uid 12345");
    expect_refusal(f, link, CACHE_READ_ONLY, "is a symbolic link owned by uid 12345");
}

/* What others may do in a directory above: rename ours away, and put a link or a directory of theirs
 * in its place. */
static void a_writable_directory_above_is_no_way_in(void **state)
{
    fixture *f = *state;
    char volume[400], dir[500], away[600];
    cache_store *s;

    if (geteuid() != 0)
        skip();
    snprintf(volume, sizeof volume, "%s/volume", f->root);
    snprintf(dir, sizeof dir, "%s/cache", volume);
    snprintf(away, sizeof away, "%s/away", volume);
    assert_int_equal(mkdir(volume, 0700), 0);
    assert_int_equal(chmod(volume, 0777) | chown(volume, 12345, 12345), 0);
    assert_int_equal(cache_open(&s, dir, 0, f->err, sizeof f->err), CACHE_OK);
    put_value(f, s, "key", 1, 100);
    assert_int_equal(rename(dir, away) | symlink(away, dir), 0);
    assert_int_equal(lchown(dir, 12345, 12345), 0);
    expect_refusal(f, dir, 0, "owned by uid 12345");
    expect_hit(f, s, "key", 1, 100); /* the open store stays with its directory */
    assert_int_equal(unlink(dir) | mkdir(dir, 0700) | chown(dir, 12345, 12345), 0);
    expect_refusal(f, dir, 0, "owned by uid 12345");
    cache_close(s);
}

static void links_of_ours_are_followed(void **state)
{
    fixture *f = *state;
    char path[400], target[400];
    cache_store *s;
    struct stat st;

    assert_int_equal(mkdir(f->dir, 0700), 0);
    snprintf(path, sizeof path, "%s/absolute", f->root);
    assert_int_equal(symlink(f->dir, path), 0);
    snprintf(path, sizeof path, "%s/relative", f->root);
    assert_int_equal(symlink("./store/../absolute", path), 0);
    snprintf(path, sizeof path, "%s/relative/deeper/still", f->root);
    assert_int_equal(cache_open(&s, path, 0, f->err, sizeof f->err), CACHE_OK);
    put_value(f, s, "key", 1, 100);
    cache_close(s);
    snprintf(target, sizeof target, "%s/deeper/still/code.lmdb", f->dir);
    assert_int_equal(stat(target, &st), 0);
    snprintf(path, sizeof path, "%s/loop", f->root);
    assert_int_equal(symlink("loop", path), 0);
    expect_refusal(f, path, 0, strerror(ELOOP));
}

static void files_that_others_may_write_are_refused(void **state)
{
    fixture *f = *state;
    char path[400];

    for (const char *const *name = (const char *const[]){"lock", "code.lmdb", NULL}; *name;
         name++) {
        cache_store *s = open_store(f);
        put_value(f, s, "key", 1, 10);
        cache_close(s);
        snprintf(path, sizeof path, "%s/%s", f->dir, *name);
        assert_int_equal(chmod(path, 0660), 0);
        expect_refusal(f, f->dir, 0, "lets other users write");
        assert_non_null(strstr(f->err, *name));
        assert_int_equal(chmod(path, 0600), 0);
    }
}

static void links_and_odd_files_are_refused(void **state)
{
    fixture *f = *state;
    char path[400], target[400];
    size_t size;

    snprintf(target, sizeof target, "%s/precious", f->root);
    write_whole(target, "precious", 8);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    for (const char *const *name = (const char *const[]){"lock", "code.lmdb", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, *name);
        assert_int_equal(symlink(target, path), 0);
        expect_refusal(f, f->dir, 0, "symbolic link");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        expect_refusal(f, f->dir, 0, "not a regular file");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        expect_refusal(f, f->dir, CACHE_READ_ONLY,
                       strstr(*name, "lock") ? "not a regular file" : "");
        assert_int_equal(rmdir(path), 0);
    }
    char *bytes = read_whole(target, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
}

/* The directory was sound when it was opened; the link came later. */
static void a_link_planted_later_is_not_followed(void **state)
{
    fixture *f = *state;
    cache_store *s = open_store(f);
    char path[400], target[400];
    size_t size;

    snprintf(target, sizeof target, "%s/precious", f->root);
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    write_whole(target, "precious", 8);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(cache_put(s, "key", "v", 1, f->err, sizeof f->err), CACHE_ERROR);
    assert_non_null(strstr(f->err, "symbolic link"));
    char *bytes = read_whole(target, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    cache_close(s);
}

static unsigned long pretended_type;

static int pretend(int fd, unsigned long *type)
{
    (void)fd;
    *type = pretended_type;
    return 0;
}

static void network_filesystems_are_refused_by_name(void **state)
{
    static const struct {
        unsigned long type;
        const char *name;
    } cases[] = {{0x6969, "(NFS)"},
                 {0xff534d42, "(CIFS)"},
                 {0x00c36400, "(Ceph)"},
                 {0x0bd00bd0, "(Lustre)"},
                 {0x01021997, "(9p)"}};
    fixture *f = *state;

    cache_fs_type_hook = pretend;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pretended_type = cases[i].type;
        expect_refusal(f, f->dir, 0, cases[i].name);
    }
    cache_fs_type_hook = NULL;
    cache_close(open_store(f));
    cache_fs_type_hook = pretend;
    cache_store *reader; /* needs no locks */
    assert_int_equal(cache_open(&reader, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err), CACHE_OK);
    cache_close(reader);
    pretended_type = 0xef53; /* ext4 */
    cache_close(open_store(f));
    cache_fs_type_hook = NULL;
    cache_close(open_store(f));
}

/* ---- Without permission to write. Run in a child that gives up root. ---- */

static int see_read_only(fixture *f, void *arg)
{
    cache_store *s;

    (void)arg;
    become_nobody();
    expect_refusal(f, f->dir, 0, strerror(EACCES));
    if (cache_open(&s, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err) != CACHE_OK)
        return fprintf(stderr, "%s\n", f->err), 1;
    expect_hit(f, s, "key", 1, 30000);
    expect_miss(f, s, "other");
    if (cache_put(s, "key", "v", 1, f->err, sizeof f->err) != CACHE_ERROR ||
        !strstr(f->err, "read-only"))
        return 2;
    cache_flight *guard;
    if (cache_flight_begin(s, "key", 0, &guard) != CACHE_ERROR || guard)
        return 3;
    cache_close(s);
    return 0;
}

static void make_readable_store(fixture *f)
{
    char path[400];
    cache_store *s = open_store(f);

    put_value(f, s, "key", 1, 30000);
    cache_close(s);
    for (const char *const *name = (const char *const[]){"lock", "code.lmdb", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, *name);
        assert_int_equal(chmod(path, 0444), 0);
    }
    assert_int_equal(chmod(f->dir, 0555), 0);
}

static void a_store_of_another_is_read_but_not_written(void **state)
{
    fixture *f = *state;

    make_readable_store(f);
    assert_int_equal(wait_child(start_child(see_read_only, f, NULL)), 0);
}

static int see_no_lock_file(fixture *f, void *arg)
{
    cache_store *s;

    (void)arg;
    become_nobody();
    if (cache_open(&s, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err) != CACHE_OK)
        return fprintf(stderr, "%s\n", f->err), 1;
    expect_hit(f, s, "key", 1, 30000);
    expect_miss(f, s, "other");
    cache_close(s);
    return 0;
}

static void a_store_without_readable_lock_file_can_be_read(void **state)
{
    fixture *f = *state;
    char path[400];

    make_readable_store(f);
    snprintf(path, sizeof path, "%s/lock", f->dir);
    assert_int_equal(chmod(path, 0000), 0);
    assert_int_equal(wait_child(start_child(see_no_lock_file, f, NULL)), 0);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(wait_child(start_child(see_no_lock_file, f, NULL)), 0);
}

static int see_unwritable_parent(fixture *f, void *arg)
{
    char path[400];

    (void)arg;
    become_nobody();
    snprintf(path, sizeof path, "%s/deeper/still", f->dir);
    expect_refusal(f, path, 0, strerror(EACCES));
    snprintf(path, sizeof path, "%s/deeper'", f->dir);
    return strstr(f->err, path) ? 0 : 1; /* the part that failed is named too */
}

static void an_unwritable_parent_is_named(void **state)
{
    fixture *f = *state;

    assert_int_equal(mkdir(f->dir, 0555), 0);
    assert_int_equal(wait_child(start_child(see_unwritable_parent, f, NULL)), 0);
}

/* ---- A filesystem mounted read-only, in a mount namespace of its own. 77: no permission for that.
 * ---- */

static int see_read_only_mount(fixture *f, void *arg)
{
    char path[400];
    cache_store *s;

    (void)arg;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mkdir(f->dir, 0700) || mount("tmpfs", f->dir, "tmpfs", 0, "mode=0700"))
        return 77;
    s = open_store(f);
    put_value(f, s, "key", 1, 30000);
    cache_close(s);
    for (int with_lock = 1; with_lock >= 0; with_lock--) {
        snprintf(path, sizeof path, "%s/lock", f->dir);
        if (!with_lock && unlink(path))
            return 1;
        if (mount(NULL, f->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL))
            return 77;
        expect_refusal(f, f->dir, 0, strerror(EROFS));
        if (cache_open(&s, f->dir, CACHE_READ_ONLY, f->err, sizeof f->err) != CACHE_OK)
            return fprintf(stderr, "%s\n", f->err), 2;
        expect_hit(f, s, "key", 1, 30000);
        expect_miss(f, s, "other");
        cache_close(s);
        if (mount(NULL, f->dir, NULL, MS_REMOUNT, NULL))
            return 77;
    }
    return 0;
}

static void a_read_only_mount_is_read_even_without_lock_file(void **state)
{
    int status = wait_child(start_child(see_read_only_mount, *state, NULL));

    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(missing_directories_are_made_private),
        T(a_relative_path_survives_chdir),
        T(wrong_paths_are_refused),
        T(a_directory_that_others_may_write_is_refused),
        T(anothers_directory_is_refused),
        T(links_of_others_are_refused),
        T(a_writable_directory_above_is_no_way_in),
        T(links_of_ours_are_followed),
        T(files_that_others_may_write_are_refused),
        T(links_and_odd_files_are_refused),
        T(a_link_planted_later_is_not_followed),
        T(network_filesystems_are_refused_by_name),
        T(a_store_of_another_is_read_but_not_written),
        T(a_store_without_readable_lock_file_can_be_read),
        T(an_unwritable_parent_is_named),
        T(a_read_only_mount_is_read_even_without_lock_file),
#undef T
    };

    return cmocka_run_group_tests_name("cache paths", tests, NULL, NULL);
}
