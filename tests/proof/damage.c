/* A data file with flipped bits, wrong pages, or a part missing. Each round damages a fresh copy of
 * one good file, by turns under an open store and before it is opened. Then everything must be the
 * right bytes or a miss, and the next store must work. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cache/damage.h"
#include "tests/proof/proof.h"

typedef struct specimen {
    damage_fn damage;
    char path[400];
    size_t size;
    unsigned char *good, *bad;
} specimen;

static bool read_good(specimen *p)
{
    struct stat st;
    int fd = open(p->path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st))
        return false;
    p->size = (size_t)st.st_size;
    p->good = malloc(p->size);
    p->bad = malloc(p->size);
    bool good = read(fd, p->good, p->size) == st.st_size;
    close(fd);
    return good;
}

static bool setup(scene *s, damage_fn damage)
{
    specimen *p = calloc(1, sizeof *p);

    p->damage = damage;
    snprintf(p->path, sizeof p->path, "%s/code.lmdb", s->dir);
    s->own = p;
    if (!proof_fill(s) || !read_good(p))
        exit(1);
    return true;
}

bool flip_setup(scene *s) { return setup(s, flip_bits); }
bool structure_setup(scene *s) { return setup(s, flip_structure); }
bool page_setup(scene *s) { return setup(s, overwrite_page); }
bool cut_setup(scene *s) { return setup(s, cut_short); }

static void write_bad(scene *s)
{
    specimen *p = s->own;
    size_t size = p->size;

    memcpy(p->bad, p->good, size);
    p->damage(p->bad, &size, &s->random);
    int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, p->bad, size) != (ssize_t)size)
        exit(1);
    close(fd);
}

/* Any generation that was stored is right here: a meta page with a wrong transaction number can
 * bring back the state before the last store, in which each record is sound. */
static void look_at_some(scene *s, int count)
{
    for (int i = 0; i < count; i++)
        proof_look(s, s->store, proof_draw(s, KEYS));
}

void damage_round(scene *s)
{
    uint32_t k = proof_draw(s, KEYS);

    write_bad(s);
    if (s->round % 2) {
        cache_close(s->store);
        s->store = proof_open(s);
    }
    look_at_some(s, 16);
    if (s->round % 8 < 2)
        proof_visit(s, s->store);
    if (!proof_store_known(s, k, 500))
        proof_note(s, BROKEN, "the store after the damage was refused");
    proof_expect(s, k);
    look_at_some(s, 4);
    if (proof_was_set_aside(s))
        proof_detail(s);
}
