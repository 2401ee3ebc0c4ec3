#include <stdlib.h>
#include <string.h>

#include "cache/lmdb_file.h"

typedef struct checker {
    lmdb_file *f;
    unsigned char *used;  /* one bit a page */
    unsigned char *pages; /* a buffer a level */
    lmdb_visit_fn visit;
    void *user;
} checker;

/* Keys of a subtree: not less than low, less than high. NULL: no bound. */
typedef struct bounds {
    const unsigned char *low, *high;
    size_t low_size, high_size;
} bounds;

static lmdb_result use_pages(checker *c, uint64_t first, uint64_t count)
{
    for (uint64_t p = first; p < first + count; p++) {
        unsigned char bit = (unsigned char)(1u << (p & 7));
        if (c->used[p >> 3] & bit)
            return cache_lmdb_damaged(c->f, "page %llu is used twice", (unsigned long long)p);
        c->used[p >> 3] |= bit;
    }
    return LMDB_FOUND;
}

/* A free-list value: a count, then page numbers in falling order (MDB_IDL in LMDB's midl.h). */
static lmdb_result check_free_pages(checker *c, const uint64_t *list, uint64_t words)
{
    lmdb_file *f = c->f;

    if (words == 0 || list[0] > words - 1)
        return cache_lmdb_damaged(f, "free list with a wrong count");
    for (uint64_t i = 1; i <= list[0]; i++) {
        if (list[i] < 2 || list[i] >= f->page_count || (i > 1 && list[i] >= list[i - 1]))
            return cache_lmdb_damaged(f, "free list names page %llu", (unsigned long long)list[i]);
        lmdb_result r = use_pages(c, list[i], 1);
        if (r != LMDB_FOUND)
            return r;
    }
    return LMDB_FOUND;
}

static lmdb_result check_free_entry(checker *c, const lmdb_extent *value)
{
    lmdb_file *f = c->f;
    lmdb_result r;

    if ((r = cache_lmdb_check_overflow_header(f, value)) != LMDB_FOUND)
        return r;
    if (value->size % sizeof(uint64_t) || value->size > f->size)
        return cache_lmdb_damaged(f, "free list of %llu bytes", (unsigned long long)value->size);
    uint64_t *list = malloc(value->size + 1);
    if (!list)
        return LMDB_IO_ERROR; /* errno is ENOMEM */
    r = cache_lmdb_read_extent(f, value, list);
    if (r == LMDB_FOUND)
        r = check_free_pages(c, list, value->size / sizeof *list);
    free(list);
    return r;
}

static lmdb_result check_entry(checker *c, const lmdb_tree *t, const lmdb_node *n)
{
    lmdb_result r = use_pages(c, n->value.first_page, n->value.pages);

    if (r != LMDB_FOUND)
        return r;
    if (t->is_free_list)
        return check_free_entry(c, &n->value);
    return c->visit(c->user, c->f, n->key, n->key_size, &n->value);
}

/* The page's keys are in order; so the first and the last tell about all. */
static lmdb_result check_bounds(checker *c, const lmdb_tree *t, uint64_t pgno, bool leaf,
                                const unsigned char *page, unsigned count, const bounds *b)
{
    unsigned first = leaf ? 0 : 1;

    if (first >= count)
        return LMDB_FOUND;
    lmdb_node low = cache_lmdb_get_node(c->f, page, pgno, leaf, first);
    lmdb_node high = cache_lmdb_get_node(c->f, page, pgno, leaf, count - 1);
    if ((b->low && cache_lmdb_compare(t, low.key, low.key_size, b->low, b->low_size) < 0) ||
        (b->high && cache_lmdb_compare(t, high.key, high.key_size, b->high, b->high_size) >= 0))
        return cache_lmdb_damaged(c->f, "page %llu holds keys of another page",
                                  (unsigned long long)pgno);
    return LMDB_FOUND;
}

/* Recursion is as deep as the tree, LMDB_DEPTH_MAX at most: cache_lmdb_file_open() checked it. */
static lmdb_result check_page(checker *c, const lmdb_tree *t, uint64_t pgno, unsigned level,
                              const bounds *b)
{
    bool leaf = level == 1;
    unsigned char *page = c->pages + (size_t)(level - 1) * c->f->page_size;
    unsigned count;
    lmdb_result r;

    if ((r = use_pages(c, pgno, 1)) != LMDB_FOUND ||
        (r = cache_lmdb_read_page(c->f, t, pgno, leaf, page, &count)) != LMDB_FOUND ||
        (r = check_bounds(c, t, pgno, leaf, page, count, b)) != LMDB_FOUND)
        return r;
    for (unsigned i = 0; i < count && r == LMDB_FOUND; i++) {
        lmdb_node n = cache_lmdb_get_node(c->f, page, pgno, leaf, i);
        if (leaf) {
            r = check_entry(c, t, &n);
            continue;
        }
        bounds inner = *b;
        if (i > 0) {
            inner.low = n.key;
            inner.low_size = n.key_size;
        }
        if (i + 1 < count) {
            lmdb_node next = cache_lmdb_get_node(c->f, page, pgno, leaf, i + 1);
            inner.high = next.key;
            inner.high_size = next.key_size;
        }
        r = check_page(c, t, n.child, level - 1, &inner);
    }
    return r;
}

static lmdb_result check_tree(checker *c, const lmdb_tree *t)
{
    bounds all = {0};

    return t->depth ? check_page(c, t, t->root, t->depth, &all) : LMDB_FOUND;
}

lmdb_result cache_lmdb_check(lmdb_file *f, lmdb_visit_fn visit, void *user)
{
    checker c = {.f = f, .visit = visit, .user = user};
    lmdb_result r = LMDB_IO_ERROR;

    /* LMDB may leave the last pages it counted unwritten when it had no use for them, but not many
     * of them. A wild count must not make us allocate for it. */
    if (f->page_count > f->size / f->page_size + LMDB_UNWRITTEN_MAX)
        return cache_lmdb_damaged(f, "last page %llu in a file of %llu bytes",
                                  (unsigned long long)f->page_count - 1,
                                  (unsigned long long)f->size);
    c.used = calloc(1, f->page_count / 8 + 1);
    c.pages = malloc((size_t)LMDB_DEPTH_MAX * f->page_size);
    if (c.used && c.pages) {
        r = check_tree(&c, &f->main);
        if (r == LMDB_FOUND)
            r = check_tree(&c, &f->free_list);
    }
    free(c.pages);
    free(c.used);
    return r;
}
