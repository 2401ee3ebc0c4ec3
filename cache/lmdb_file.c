#include "cache/lmdb_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/internal.h"

_Static_assert(sizeof(size_t) == 8 && sizeof(void *) == 8,
               "the layout below is that of 64-bit machines");

/* struct MDB_page: pgno, pad, flags, then lower and upper or a page count, then node offsets. */
enum {
    PAGE_NUMBER = 0,
    PAGE_FLAGS = 10,
    PAGE_LOWER = 12,
    PAGE_UPPER = 14,
    PAGE_RUN = 12,
    PAGE_HEADER = 16
};
enum { P_BRANCH = 1, P_LEAF = 2, P_OVERFLOW = 4, P_META = 8 };

/* struct MDB_node: size or page number in lo, hi (and flags), then the key's size, the key, the
 * data. */
enum { NODE_LO = 0, NODE_HI = 2, NODE_FLAGS = 4, NODE_KEY_SIZE = 6, NODE_HEADER = 8 };
enum { F_BIGDATA = 1 };

/* struct MDB_meta, which follows the page header; struct MDB_db, two of which are in it. */
enum {
    META_MAGIC = 0,
    META_VERSION = 4,
    META_FREE_DB = 24,
    META_MAIN_DB = 72,
    META_LAST_PAGE = 120,
    META_TXNID = 128,
    META_SIZE = LMDB_META_SIZE
};
enum { META_PREFIX = PAGE_HEADER + META_SIZE, META_PAGE = 4096 };
enum { DB_PAD = 0, DB_FLAGS = 4, DB_DEPTH = 6, DB_ROOT = 40 };
enum { DB_INTEGER_KEY = 8, DB_KEY_ORDER_FLAGS = 0x7e }; /* MDB_REVERSEKEY ... MDB_REVERSEDUP */

#define MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

static uint16_t u16(const unsigned char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t u32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t u64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

lmdb_result cache_lmdb_damaged(lmdb_file *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(f->why, sizeof f->why, format, args);
    va_end(args);
    return LMDB_DAMAGED;
}

/* A range that reaches beyond the file is damage; a failing device is not. */
static lmdb_result read_at(lmdb_file *f, void *buf, size_t size, uint64_t offset)
{
    if (offset > f->size || size > f->size - offset)
        return cache_lmdb_damaged(f, "the file ends at %llu, before offset %llu + %zu",
                                  (unsigned long long)f->size, (unsigned long long)offset, size);
    errno = 0;
    if (cache_read_full(f->fd, buf, size, offset))
        return LMDB_FOUND;
    return errno ? LMDB_IO_ERROR : cache_lmdb_damaged(f, "the file became shorter");
}

static lmdb_result read_tree(lmdb_file *f, const unsigned char *db, lmdb_tree *t)
{
    t->root = u64(db + DB_ROOT);
    t->depth = u16(db + DB_DEPTH);
    unsigned order = u16(db + DB_FLAGS) & DB_KEY_ORDER_FLAGS;
    if (order != (t->is_free_list ? DB_INTEGER_KEY : 0u))
        return cache_lmdb_damaged(f, "database flags %#x", u16(db + DB_FLAGS));
    if (t->root == NO_PAGE && t->depth == 0)
        return LMDB_FOUND;
    if (t->depth == 0 || t->depth > LMDB_DEPTH_MAX || t->root < 2 || t->root >= f->page_count)
        return cache_lmdb_damaged(f, "root page %llu, depth %u", (unsigned long long)t->root,
                                  t->depth);
    return LMDB_FOUND;
}

static bool is_meta(const unsigned char *page)
{
    const unsigned char *meta = page + PAGE_HEADER;

    return (u16(page + PAGE_FLAGS) & P_META) && u32(meta + META_MAGIC) == MAGIC &&
           u32(meta + META_VERSION) == 1;
}

/* MDB_meta's mm_psize is the padding field of its first database. */
static uint32_t meta_page_size(const unsigned char *page)
{
    return u32(page + PAGE_HEADER + META_FREE_DB + DB_PAD);
}

static bool is_page_size(uint32_t size)
{
    return size >= 512 && size <= LMDB_PAGE_MAX && (size & (size - 1)) == 0;
}

/* Reads what LMDB has at the start of page 0 and page 1; both in one go for the usual page size. */
static lmdb_result read_metas(lmdb_file *f, unsigned char first[META_PAGE + META_PREFIX],
                              unsigned char **second)
{
    size_t size = f->size < META_PAGE + META_PREFIX ? META_PREFIX : META_PAGE + META_PREFIX;
    lmdb_result r = read_at(f, first, size, 0);

    if (r != LMDB_FOUND)
        return r;
    if (!is_meta(first))
        return cache_lmdb_damaged(f, "page 0 is not a meta page of LMDB data version 1");
    f->page_size = meta_page_size(first);
    if (!is_page_size(f->page_size))
        return cache_lmdb_damaged(f, "page size %u", f->page_size);
    *second = first + META_PAGE;
    if ((f->page_size != META_PAGE || size == META_PREFIX) &&
        (r = read_at(f, *second, META_PREFIX, f->page_size)) != LMDB_FOUND)
        return r;
    if (!is_meta(*second) || meta_page_size(*second) != f->page_size)
        return cache_lmdb_damaged(f, "page 1 is not a meta page of LMDB data version 1");
    return LMDB_FOUND;
}

lmdb_result cache_lmdb_file_open(lmdb_file *f, int fd, uint64_t size)
{
    unsigned char first[META_PAGE + META_PREFIX], *second;
    lmdb_result r;

    *f = (lmdb_file){.fd = fd, .size = size, .free_list = {.is_free_list = true}};
    if (size == 0)
        return LMDB_NOT_FOUND;
    if ((r = read_metas(f, first, &second)) != LMDB_FOUND)
        return r;

    memcpy(f->metas[0], first + PAGE_HEADER, META_SIZE);
    memcpy(f->metas[1], second + PAGE_HEADER, META_SIZE);
    /* LMDB uses the page with the higher transaction number, and page 0 if they are equal. */
    const unsigned char *m0 = f->metas[0], *m1 = f->metas[1];
    const unsigned char *meta = u64(m0 + META_TXNID) < u64(m1 + META_TXNID) ? m1 : m0;
    uint64_t last = u64(meta + META_LAST_PAGE);
    f->txnid = u64(meta + META_TXNID);
    /* The bound keeps page numbers times page size, and LMDB's 48-bit page numbers, from
     * overflowing. */
    if (last < 1 || last >= (uint64_t)1 << 40)
        return cache_lmdb_damaged(f, "last page %llu", (unsigned long long)last);
    f->page_count = last + 1;
    if ((r = read_tree(f, meta + META_FREE_DB, &f->free_list)) != LMDB_FOUND)
        return r;
    return read_tree(f, meta + META_MAIN_DB, &f->main);
}

bool cache_lmdb_is_current(lmdb_file *f)
{
    unsigned char first[META_PAGE + META_PREFIX], *second;

    return read_metas(f, first, &second) == LMDB_FOUND &&
           !memcmp(f->metas[0], first + PAGE_HEADER, META_SIZE) &&
           !memcmp(f->metas[1], second + PAGE_HEADER, META_SIZE);
}

int cache_lmdb_compare(const lmdb_tree *t, const void *a, size_t a_size, const void *b,
                       size_t b_size)
{
    if (t->is_free_list) {
        uint64_t x = u64(a), y = u64(b);
        return (x > y) - (x < y);
    }
    int diff = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return diff ? diff : (a_size > b_size) - (a_size < b_size);
}

static uint64_t node_child(const unsigned char *node)
{
    return u16(node + NODE_LO) | (uint64_t)u16(node + NODE_HI) << 16 |
           (uint64_t)u16(node + NODE_FLAGS) << 32;
}

static uint64_t node_data_size(const unsigned char *node)
{
    return u16(node + NODE_LO) | (uint64_t)u16(node + NODE_HI) << 16;
}

static bool extent_ok(const lmdb_file *f, const lmdb_extent *v)
{
    return v->first_page >= 2 && v->first_page < f->page_count &&
           v->pages <= f->page_count - v->first_page && v->offset <= f->size &&
           v->size <= f->size - v->offset;
}

lmdb_node cache_lmdb_get_node(const lmdb_file *f, const unsigned char *page, uint64_t pgno,
                              bool leaf, unsigned i)
{
    unsigned at = u16(page + PAGE_HEADER + 2 * i);
    const unsigned char *node = page + at;
    lmdb_node n = {.key = node + NODE_HEADER, .key_size = u16(node + NODE_KEY_SIZE)};

    if (!leaf) {
        n.child = node_child(node);
        return n;
    }
    n.value.size = node_data_size(node);
    if (u16(node + NODE_FLAGS) & F_BIGDATA) {
        n.value.first_page = u64(n.key + n.key_size);
        n.value.pages = (PAGE_HEADER - 1 + n.value.size) / f->page_size + 1;
        n.value.offset = n.value.first_page * f->page_size + PAGE_HEADER;
    } else {
        n.value.offset = pgno * f->page_size + at + NODE_HEADER + n.key_size;
    }
    return n;
}

/* Checks the bounds of node i, whose first byte is at `at`. Returns its size on the page, or 0: not
 * sound. */
static unsigned check_node(const lmdb_file *f, const lmdb_tree *t, const unsigned char *page,
                           bool leaf, unsigned i, unsigned at, unsigned upper)
{
    if (at < upper || (at & 1) || at + NODE_HEADER > f->page_size)
        return 0;
    const unsigned char *node = page + at;
    unsigned key_size = u16(node + NODE_KEY_SIZE), flags = u16(node + NODE_FLAGS);
    uint64_t data = 0;
    if (leaf) {
        if (flags & ~(unsigned)F_BIGDATA)
            return 0;
        data = flags & F_BIGDATA ? sizeof(uint64_t) : node_data_size(node);
    }
    if (key_size > LMDB_KEY_MAX || (uint64_t)at + NODE_HEADER + key_size + data > f->page_size)
        return 0;
    bool key_unused = !leaf &&
                      i == 0; /* the first key of a branch page stands for "less than all" */
    if (!key_unused && (t->is_free_list ? key_size != sizeof(uint64_t) : key_size == 0))
        return 0;
    return (unsigned)(NODE_HEADER + key_size + data + 1) & ~1u;
}

static lmdb_result check_nodes(lmdb_file *f, const lmdb_tree *t, uint64_t pgno, bool leaf,
                               const unsigned char *page, unsigned count)
{
    unsigned upper = u16(page + PAGE_UPPER), used = 0;
    lmdb_node previous = {0};

    for (unsigned i = 0; i < count; i++) {
        unsigned size = check_node(f, t, page, leaf, i, u16(page + PAGE_HEADER + 2 * i), upper);
        if (!size)
            return cache_lmdb_damaged(f, "page %llu: node %u", (unsigned long long)pgno, i);
        used += size;
        lmdb_node n = cache_lmdb_get_node(f, page, pgno, leaf, i);
        if (leaf ? n.value.pages && !extent_ok(f, &n.value)
                 : n.child < 2 || n.child >= f->page_count)
            return cache_lmdb_damaged(f, "page %llu: node %u points out of the file",
                                      (unsigned long long)pgno, i);
        if (i > (leaf ? 0u : 1u) &&
            cache_lmdb_compare(t, previous.key, previous.key_size, n.key, n.key_size) >= 0)
            return cache_lmdb_damaged(f, "page %llu: node %u is out of order",
                                      (unsigned long long)pgno, i);
        previous = n;
    }
    /* LMDB keeps nodes without gaps and moves them by these sizes. */
    if (used != f->page_size - upper)
        return cache_lmdb_damaged(f, "page %llu: nodes overlap", (unsigned long long)pgno);
    return LMDB_FOUND;
}

lmdb_result cache_lmdb_read_page(lmdb_file *f, const lmdb_tree *t, uint64_t pgno, bool leaf,
                                 unsigned char *buf, unsigned *count)
{
    lmdb_result r = read_at(f, buf, f->page_size, pgno * f->page_size);
    if (r != LMDB_FOUND)
        return r;
    unsigned lower = u16(buf + PAGE_LOWER), upper = u16(buf + PAGE_UPPER);
    if (u64(buf + PAGE_NUMBER) != pgno || u16(buf + PAGE_FLAGS) != (leaf ? P_LEAF : P_BRANCH))
        return cache_lmdb_damaged(f, "page %llu is not the %s page it should be",
                                  (unsigned long long)pgno, leaf ? "leaf" : "branch");
    if (lower < PAGE_HEADER || (lower & 1) || lower > upper || upper > f->page_size)
        return cache_lmdb_damaged(f, "page %llu: bounds %u, %u", (unsigned long long)pgno, lower,
                                  upper);
    *count = (lower - PAGE_HEADER) / 2;
    /* LMDB asserts two nodes on a branch page of any database but its free list. */
    if (*count < (leaf || t->is_free_list ? 1u : 2u))
        return cache_lmdb_damaged(f, "page %llu has %u nodes", (unsigned long long)pgno, *count);
    return check_nodes(f, t, pgno, leaf, buf, *count);
}

lmdb_result cache_lmdb_read_extent(lmdb_file *f, const lmdb_extent *value, void *out)
{
    return read_at(f, out, value->size, value->offset);
}

lmdb_result cache_lmdb_check_overflow_header(lmdb_file *f, const lmdb_extent *value)
{
    unsigned char header[PAGE_HEADER];
    if (!value->pages)
        return LMDB_FOUND;
    lmdb_result r = read_at(f, header, sizeof header, value->first_page * f->page_size);

    if (r != LMDB_FOUND)
        return r;
    if (u64(header + PAGE_NUMBER) != value->first_page || u16(header + PAGE_FLAGS) != P_OVERFLOW ||
        u32(header + PAGE_RUN) != value->pages)
        return cache_lmdb_damaged(f, "page %llu is not the overflow page it should be",
                                  (unsigned long long)value->first_page);
    return LMDB_FOUND;
}

/* The last node whose key is not greater: on a branch page the child to follow, on a leaf the only
 * candidate. -1: every key is greater. */
static int last_not_greater(const lmdb_file *f, const lmdb_tree *t, const unsigned char *page,
                            uint64_t pgno, bool leaf, unsigned count, const void *key,
                            size_t key_size)
{
    unsigned low = leaf ? 0 : 1, high = count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        lmdb_node n = cache_lmdb_get_node(f, page, pgno, leaf, middle);
        if (cache_lmdb_compare(t, n.key, n.key_size, key, key_size) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (int)low - 1;
}

void cache_lmdb_pages_clear(lmdb_pages *kept) { memset(kept->slot, 0, sizeof kept->slot); }

void cache_lmdb_pages_free(lmdb_pages *kept) { free(kept->bytes); }

/* NULL: pages of this file cannot be kept. */
static lmdb_pages *pages_of(lmdb_pages *kept, const lmdb_file *f)
{
    if (!kept || f->page_size != LMDB_KEPT_PAGE)
        return NULL;
    if (!kept->bytes && !(kept->bytes = malloc((size_t)LMDB_KEPT * LMDB_KEPT_PAGE)))
        return NULL;
    if (kept->txnid != f->txnid)
        cache_lmdb_pages_clear(kept);
    kept->txnid = f->txnid;
    return kept;
}

/* The page goes to `own` or, with `kept`, stays there: leaves share what branch pages leave. */
static lmdb_result find_page(lmdb_file *f, lmdb_pages *kept, uint64_t pgno, unsigned level,
                             unsigned char *own, const unsigned char **page, unsigned *count)
{
    enum { BRANCHES = 2 };
    unsigned i = level > 1 ? level % BRANCHES : BRANCHES + pgno % (LMDB_KEPT - BRANCHES);
    unsigned char *to = kept ? kept->bytes + (size_t)i * LMDB_KEPT_PAGE : own;

    *page = to;
    if (kept && kept->slot[i].pgno == pgno && kept->slot[i].level == level) {
        *count = kept->slot[i].count;
        return LMDB_FOUND;
    }
    if (kept)
        kept->slot[i].pgno = 0;
    lmdb_result r = cache_lmdb_read_page(f, &f->main, pgno, level == 1, to, count);
    if (kept && r == LMDB_FOUND && cache_lmdb_is_current(f)) {
        kept->slot[i].pgno = pgno;
        kept->slot[i].level = level;
        kept->slot[i].count = *count;
    }
    return r;
}

lmdb_result cache_lmdb_find(lmdb_file *f, lmdb_pages *kept, const void *key, size_t key_size,
                            lmdb_extent *out)
{
    _Alignas(8) unsigned char own[LMDB_PAGE_MAX];
    const lmdb_tree *t = &f->main;
    uint64_t pgno = t->root;

    kept = pages_of(kept, f);
    for (unsigned level = t->depth; level > 0; level--) {
        bool leaf = level == 1;
        const unsigned char *page;
        unsigned count;
        lmdb_result r = find_page(f, kept, pgno, level, own, &page, &count);
        if (r != LMDB_FOUND)
            return r;
        int at = last_not_greater(f, t, page, pgno, leaf, count, key, key_size);
        if (at < 0)
            return LMDB_NOT_FOUND;
        lmdb_node n = cache_lmdb_get_node(f, page, pgno, leaf, (unsigned)at);
        if (leaf) {
            *out = n.value;
            return cache_lmdb_compare(t, n.key, n.key_size, key, key_size) ? LMDB_NOT_FOUND
                                                                           : LMDB_FOUND;
        }
        pgno = n.child;
    }
    return LMDB_NOT_FOUND;
}
