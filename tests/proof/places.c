/* Directories that a store does not like: full, read-only, removed, replaced. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cache/common.h"
#include "tests/proof/proof.h"

enum { FEW = 24 };

static void forget(scene *s) { memset(s->latest, 0, sizeof s->latest); }

/* ---- A small disk ---- */

bool full_setup(scene *s)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mkdir(s->dir, 0700) || mount("tmpfs", s->dir, "tmpfs", 0, "mode=0700,size=1M"))
        return proof_skip(s, "a small tmpfs cannot be mounted (needs root)");
    s->store = proof_open(s);
    return s->store;
}

/* Takes what is free on the disk, but `leave` bytes. */
static void fill_disk(scene *s, size_t leave)
{
    char path[400], zeros[4096] = {0};

    snprintf(path, sizeof path, "%s/ballast", s->dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        return;
    off_t size = 0;
    for (ssize_t n; (n = write(fd, zeros, sizeof zeros)) > 0;)
        size += n;
    if (ftruncate(fd, size > (off_t)leave ? size - (off_t)leave : 0))
        exit(1);
    close(fd);
}

static void free_disk(scene *s)
{
    char path[400];

    snprintf(path, sizeof path, "%s/ballast", s->dir);
    unlink(path);
}

static bool store_any(scene *s)
{
    return proof_store_known(s, proof_draw(s, FEW), 10 + proof_draw(s, 40000));
}

void full_round(scene *s)
{
    if (s->round % 8 == 0) { /* a store that still has to grow */
        proof_empty(s->dir);
        forget(s);
    }
    if (s->round % 2)
        fill_disk(s, proof_draw(s, 20) * 4096);
    for (int i = 0; i < 8; i++) {
        if (!store_any(s))
            proof_detail(s);
        proof_expect(s, proof_draw(s, FEW));
    }
    free_disk(s);
    for (uint32_t k = 0; k < FEW; k++)
        proof_expect(s, k);
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "a sound data file was set aside");
}

/* ---- A place that changes ---- */

/* As a user for whom permissions count. */
bool readonly_setup(scene *s)
{
    if (geteuid() == 0 && chown(s->root, 65534, 65534))
        exit(1);
    become_nobody();
    s->store = proof_open(s);
    return s->store;
}

static void protect(scene *s)
{
    char path[400];

    snprintf(path, sizeof path, "%s/code.lmdb", s->dir);
    chmod(s->dir, proof_draw(s, 2) ? 0500 : 0700);
    chmod(path, proof_draw(s, 2) ? 0400 : 0600);
}

static void unprotect(scene *s)
{
    char path[400];

    snprintf(path, sizeof path, "%s/code.lmdb", s->dir);
    chmod(s->dir, 0700);
    chmod(path, 0600);
}

/* Where move_away() moves to. A store may go on with the directory that it has opened. */
static const char *away(scene *s)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/away", s->root);
    return path;
}

static void remove_dir(const char *dir)
{
    unlink(dir);
    proof_empty(dir);
    rmdir(dir);
}

static void remove_all(scene *s)
{
    remove_dir(s->dir);
    remove_dir(away(s));
    forget(s);
}

static void move_away(scene *s)
{
    remove_dir(away(s));
    if (rename(s->dir, away(s)) == 0 && proof_draw(s, 2))
        mkdir(s->dir, 0700);
}

static void remove_file(scene *s)
{
    static const char *const names[] = {"code.lmdb", "lock"};
    const char *dirs[] = {s->dir, away(s)};
    char path[500];
    uint32_t which = proof_draw(s, 2);

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dirs[i], names[which]);
        unlink(path);
    }
    if (which == 0)
        forget(s);
}

/* What nobody may follow or use. */
static void put_in_the_way(scene *s)
{
    char path[400];

    remove_all(s);
    snprintf(path, sizeof path, "%s", s->dir);
    switch (proof_draw(s, 4)) {
    case 0: close(open(path, O_CREAT | O_WRONLY, 0600)); break;
    case 1: (void)!symlink("/nowhere/at/all", path); break;
    case 2:
        mkdir(path, 0700);
        strncat(path, "/code.lmdb", sizeof path - strlen(path) - 1);
        (void)!mkfifo(path, 0600);
        break;
    case 3:
        mkdir(path, 0777);
        chmod(path, 0777);
    }
}

/* Nothing is left, or an empty directory is where the store was, and its own is elsewhere. */
static void put_in_order(scene *s)
{
    unlink(s->dir);
    if (proof_draw(s, 2)) {
        remove_all(s);
        return;
    }
    move_away(s);
    mkdir(s->dir, 0700);
    chmod(s->dir, 0700);
}

static void use_a_little(scene *s)
{
    for (int i = 0; i < 3; i++) {
        proof_look_known(s, proof_draw(s, FEW));
        store_any(s);
        proof_look_known(s, proof_draw(s, FEW));
    }
    proof_fly(s, s->store, proof_draw(s, FEW), 1000);
    cache_close(proof_open(s));
}

void place_round(scene *s)
{
    static void (*const changes[])(scene * s) = {protect, protect,     remove_all,
                                                 move_away, remove_file, put_in_the_way};

    changes[proof_draw(s, sizeof changes / sizeof *changes)](s);
    use_a_little(s);
    unprotect(s);
    if (s->round % 4)
        return;
    put_in_order(s);
    if (!store_any(s))
        proof_note(s, BROKEN, "the directory is in order again, and the store is refused");
}
