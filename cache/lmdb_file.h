/* A reader of LMDB data files that trusts nothing in them.
 *
 * LMDB follows page numbers, offsets and sizes of its file unchecked through a memory map: one
 * wrong bit, or a file cut short, and the process dies of SIGSEGV, SIGBUS or an assertion. So
 * look-ups read with pread() and check each page before they use it, and LMDB itself is only given
 * a file whose whole tree was checked under the same lock. The layout is that of LMDB's data
 * version 1 (all 0.9 releases) on 64-bit machines: struct MDB_meta, MDB_page and MDB_node in its
 * mdb.c. */
#ifndef AITER_CACHE_LMDB_FILE_H
#define AITER_CACHE_LMDB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lmdb_result {
    LMDB_FOUND,
    LMDB_NOT_FOUND, /* sound as far as looked at, and it is not there */
    LMDB_DAMAGED,   /* see why                                        */
    LMDB_IO_ERROR   /* errno                                          */
} lmdb_result;

typedef struct lmdb_tree {
    uint64_t root;
    unsigned depth; /* 0: empty */
    bool is_free_list;
} lmdb_tree;

enum { LMDB_META_SIZE = 136 };

typedef struct lmdb_file {
    int fd;
    uint64_t size;
    unsigned page_size;
    uint64_t page_count; /* pages numbered from here on do not exist */
    uint64_t txnid;      /* of the last commit */
    unsigned char metas[2][LMDB_META_SIZE];
    lmdb_tree free_list, main;
    char why[96];
} lmdb_file;

/* A value's bytes in the file. */
typedef struct lmdb_extent {
    uint64_t offset;
    uint64_t size;
    uint64_t first_page; /* of its overflow pages, or 0 */
    uint64_t pages;
} lmdb_extent;

/* Reads the meta pages. LMDB_NOT_FOUND: the file is empty, which LMDB takes for a new one. */
lmdb_result cache_lmdb_file_open(lmdb_file *f, int fd, uint64_t size);

/* True if nothing was committed since cache_lmdb_file_open(): what was read in between is one whole
 * tree, whether or not a writer was at work. LMDB writes a page anew elsewhere when it changes, and
 * a writer uses only pages that were free before the last commit already (MDB_NOLOCK: mdb.c's
 * mdb_find_oldest() and mdb_page_alloc()). */
bool cache_lmdb_is_current(lmdb_file *f);

/* Pages of the main database that were read and checked; they are the file's as long as its last
 * commit is the one of then. All zero: none. Who keeps them clears them when he takes another file,
 * or the same one after somebody else than LMDB may have changed it. */
enum { LMDB_KEPT = 16, LMDB_KEPT_PAGE = 4096 };
typedef struct lmdb_pages {
    uint64_t txnid;
    struct {
        uint64_t pgno; /* 0: none */
        unsigned level, count;
    } slot[LMDB_KEPT];
    unsigned char *bytes; /* heap: LMDB_KEPT of LMDB_KEPT_PAGE */
} lmdb_pages;

void cache_lmdb_pages_clear(lmdb_pages *kept);
void cache_lmdb_pages_free(lmdb_pages *kept);

/* Finds a key of the main database; checks the pages on the way. With `kept`, pages that are there
 * are not read again: for a look-up without the lock; else NULL. */
lmdb_result cache_lmdb_find(lmdb_file *f, lmdb_pages *kept, const void *key, size_t key_size,
                            lmdb_extent *out);

/* Reads a value's bytes. LMDB_NOT_FOUND is not returned. */
lmdb_result cache_lmdb_read_extent(lmdb_file *f, const lmdb_extent *value, void *out);

/* Checks both trees wholly and that no page is used twice, and calls visit for each entry of the
 * main database, in order; what it returns other than LMDB_FOUND ends the check with that. Who has
 * LMDB replace or remove an entry also asks cache_lmdb_check_overflow_header(): LMDB reads that
 * header to free the pages. LMDB_FOUND: all sound. */
typedef lmdb_result (*lmdb_visit_fn)(void *user, lmdb_file *f, const void *key, size_t key_size,
                                     const lmdb_extent *value);
lmdb_result cache_lmdb_check(lmdb_file *f, lmdb_visit_fn visit, void *user);

/* LMDB_FOUND also if the value lies on its leaf page. */
lmdb_result cache_lmdb_check_overflow_header(lmdb_file *f, const lmdb_extent *value);

/* ---- for lmdb_check.c ---- */

enum {
    LMDB_KEY_MAX = 511,
    LMDB_DEPTH_MAX = 16, /* of our trees; 3 levels hold 200,000 records */
    LMDB_PAGE_MAX = 32768,
    LMDB_UNWRITTEN_MAX = 1 << 20
};

typedef struct lmdb_node {
    const unsigned char *key;
    size_t key_size;
    uint64_t child;    /* on a branch page */
    lmdb_extent value; /* on a leaf page   */
} lmdb_node;

/* Reads a page into buf and checks every node on it; the number of its nodes goes to *count. */
lmdb_result cache_lmdb_read_page(lmdb_file *f, const lmdb_tree *t, uint64_t pgno, bool leaf,
                                 unsigned char *buf, unsigned *count);
lmdb_node cache_lmdb_get_node(const lmdb_file *f, const unsigned char *page, uint64_t pgno,
                              bool leaf, unsigned i);
int cache_lmdb_compare(const lmdb_tree *t, const void *a, size_t a_size, const void *b,
                       size_t b_size);
lmdb_result cache_lmdb_damaged(lmdb_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
