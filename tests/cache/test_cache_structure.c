/* Lies that the structure of an LMDB file can tell, one by one. LMDB would follow each of them:
 * into memory that is not there, into an assertion, or over the pages of live records. Each must be
 * noticed before LMDB gets the file. The offsets are those of struct MDB_meta, MDB_page and
 * MDB_node in LMDB 0.9's mdb.c on 64-bit machines. */
#include "cache_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 4096, KEYS = 200, SMALL = 500, LARGE = 9000 };

typedef struct image {
    unsigned char *bytes;
    size_t size;
} image;

static uint64_t get(const unsigned char *p, int size)
{
    uint64_t v = 0;

    memcpy(&v, p, (size_t)size);
    return v;
}

static void set(unsigned char *p, int size, uint64_t v) { memcpy(p, &v, (size_t)size); }

static unsigned char *page(image *m, uint64_t n)
{
    assert_true((n + 1) * PAGE <= m->size);
    return m->bytes + n * PAGE;
}

/* The meta page in use; databases start 40 (free list) and 88 (main) bytes into it. */
static unsigned char *meta(image *m)
{
    return get(page(m, 0) + 144, 8) < get(page(m, 1) + 144, 8) ? page(m, 1) : page(m, 0);
}

static unsigned char *free_db(image *m) { return meta(m) + 40; }
static unsigned char *main_db(image *m) { return meta(m) + 88; }
static uint64_t root(const unsigned char *db) { return get(db + 40, 8); }

static unsigned count(const unsigned char *p) { return (unsigned)(get(p + 12, 2) - 16) / 2; }
static unsigned char *slot(unsigned char *p, unsigned i) { return p + 16 + 2 * i; }
static unsigned char *node(unsigned char *p, unsigned i) { return p + get(slot(p, i), 2); }
static uint64_t child(const unsigned char *n) { return get(n, 4) | get(n + 4, 2) << 32; }
static unsigned char *data(unsigned char *n) { return n + 8 + get(n + 6, 2); }

static unsigned char *main_root(image *m)
{
    unsigned char *p = page(m, root(main_db(m)));
    assert_int_equal(get(p + 10, 2), 1); /* a branch page: the file is large enough */
    return p;
}

static unsigned char *some_leaf(image *m)
{
    unsigned char *p = page(m, child(node(main_root(m), 1)));
    assert_int_equal(get(p + 10, 2), 2);
    assert_true(count(p) >= 3);
    return p;
}

/* The first node of the main database whose value is on overflow pages. */
static unsigned char *large_node(image *m)
{
    unsigned char *top = main_root(m);

    for (unsigned i = 0; i < count(top); i++) {
        unsigned char *leaf = page(m, child(node(top, i)));
        for (unsigned j = 0; j < count(leaf); j++)
            if (get(node(leaf, j) + 4, 2) & 1)
                return node(leaf, j);
    }
    fail_msg("no large value");
    return NULL;
}

/* The last list of free pages: a count, then page numbers. */
static unsigned char *free_list(image *m)
{
    unsigned char *p = page(m, root(free_db(m)));
    assert_int_equal(get(p + 10, 2), 2);
    unsigned char *n = node(p, count(p) - 1);
    assert_int_equal(get(n + 4, 2), 0);
    assert_true(get(data(n), 8) >= 2);
    return data(n);
}

static void swap_slots(unsigned char *p, unsigned i, unsigned j)
{
    uint64_t a = get(slot(p, i), 2), b = get(slot(p, j), 2);

    set(slot(p, i), 2, b);
    set(slot(p, j), 2, a);
}

/* ---- The lies ---- */

static void root_outside(image *m) { set(main_db(m) + 40, 8, 1u << 20); }
static void root_is_a_meta_page(image *m) { set(main_db(m) + 40, 8, 1); }
static void depth_too_small(image *m) { set(main_db(m) + 6, 2, 1); }
static void depth_too_large(image *m) { set(main_db(m) + 6, 2, get(main_db(m) + 6, 2) + 1); }
static void depth_huge(image *m) { set(main_db(m) + 6, 2, 60000); }
static void keys_with_duplicates(image *m) { set(main_db(m) + 4, 2, 4); }
static void keys_are_integers(image *m) { set(main_db(m) + 4, 2, 8); }
static void free_list_of_texts(image *m) { set(free_db(m) + 4, 2, get(free_db(m) + 4, 2) & ~8u); }
static void free_root_is_main_root(image *m) { set(free_db(m) + 40, 8, root(main_db(m))); }
static void last_page_wild(image *m) { set(meta(m) + 136, 8, UINT64_MAX / 2); }
static void last_page_too_small(image *m) { set(meta(m) + 136, 8, 3); }
static void page_size_wild(image *m) { set(page(m, 0) + 40, 4, 3000); }
static void page_size_of_one_differs(image *m) { set(page(m, 1) + 40, 4, 8192); }
static void version_to_come(image *m) { set(page(m, 1) + 20, 4, 2); }
static void magic_lost(image *m) { set(page(m, 0) + 16, 4, 0); }

static void child_twice(image *m)
{
    unsigned char *p = main_root(m);
    set(node(p, 1), 2, get(node(p, 0), 2));
}

static void child_is_the_parent(image *m) { set(node(main_root(m), 1), 2, root(main_db(m))); }
static void child_outside(image *m) { set(node(main_root(m), 1) + 4, 2, 7); }

static void children_swapped(image *m)
{
    unsigned char *a = node(main_root(m), 1), *b = node(main_root(m), 2);
    uint64_t x = get(a, 4), y = get(b, 4);
    set(a, 4, y);
    set(b, 4, x);
}

static void branch_of_one(image *m)
{
    unsigned char *p = main_root(m);
    set(p + 12, 2, 16 + 2);
}

static void page_number_wrong(image *m) { set(some_leaf(m), 8, 5); }
static void leaf_says_branch(image *m) { set(some_leaf(m) + 10, 2, 1); }
static void leaf_empty(image *m) { set(some_leaf(m) + 12, 2, 16); }
static void lower_above_upper(image *m) { set(some_leaf(m) + 12, 2, 4094); }
static void lower_odd(image *m) { set(some_leaf(m) + 12, 2, get(some_leaf(m) + 12, 2) + 1); }
static void upper_beyond_page(image *m) { set(some_leaf(m) + 14, 2, 60000); }
static void slot_into_header(image *m) { set(slot(some_leaf(m), 0), 2, 4); }
static void slot_beyond_page(image *m) { set(slot(some_leaf(m), 0), 2, 65534); }
static void slot_at_the_very_end(image *m) { set(slot(some_leaf(m), 0), 2, 4094); }
static void slot_odd(image *m) { set(slot(some_leaf(m), 0), 2, get(slot(some_leaf(m), 0), 2) + 1); }
static void nodes_out_of_order(image *m) { swap_slots(some_leaf(m), 1, 2); }
static void one_node_twice(image *m)
{
    set(slot(some_leaf(m), 1), 2, get(slot(some_leaf(m), 0), 2));
}
static void key_of_another_page(image *m)
{
    memset(node(some_leaf(m), count(some_leaf(m)) - 1) + 8, 0xff, 32);
}
static void key_too_long(image *m) { set(node(some_leaf(m), 0) + 6, 2, 512); }
static void key_empty(image *m) { set(node(some_leaf(m), 0) + 6, 2, 0); }
static void data_too_long(image *m) { set(node(some_leaf(m), 0) + 2, 2, 0x7000); }
static void data_shorter(image *m)
{
    set(node(some_leaf(m), 0), 2, get(node(some_leaf(m), 0), 2) - 8);
}
static void sub_database(image *m) { set(node(some_leaf(m), 0) + 4, 2, 2); }
static void duplicates(image *m) { set(node(some_leaf(m), 0) + 4, 2, 4); }
static void small_says_large(image *m) { set(node(some_leaf(m), 0) + 4, 2, 1); }
static void large_says_small(image *m) { set(large_node(m) + 4, 2, 0); }
static void large_outside(image *m) { set(data(large_node(m)), 8, 1u << 30); }
static void large_over_meta(image *m) { set(data(large_node(m)), 8, 0); }
static void large_over_leaf(image *m) { set(data(large_node(m)), 8, child(node(main_root(m), 1))); }
static void large_reaches_outside(image *m) { set(large_node(m) + 2, 2, 0x7fff); }
static void free_count_too_large(image *m) { set(free_list(m), 8, 1u << 28); }
static void free_count_overflows(image *m) { set(free_list(m), 8, UINT64_MAX); }
static void free_page_is_used(image *m) { set(free_list(m) + 8, 8, child(node(main_root(m), 1))); }
static void free_page_is_meta(image *m) { set(free_list(m) + 8 * get(free_list(m), 8), 8, 1); }
static void free_page_outside(image *m) { set(free_list(m) + 8, 8, 1u << 30); }
static void free_page_twice(image *m) { set(free_list(m) + 16, 8, get(free_list(m) + 8, 8)); }

static void free_pages_out_of_order(image *m)
{
    unsigned char *list = free_list(m);
    uint64_t a = get(list + 8, 8), b = get(list + 16, 8);
    set(list + 8, 8, b);
    set(list + 16, 8, a);
}

typedef struct lie {
    const char *name;
    void (*tell)(image *m);
} lie;

/* clang-format off */
#define L(name) {#name, name}
/* clang-format on */
static const lie lies[] = {
    L(root_outside),
    L(root_is_a_meta_page),
    L(depth_too_small),
    L(depth_too_large),
    L(depth_huge),
    L(keys_with_duplicates),
    L(keys_are_integers),
    L(free_list_of_texts),
    L(free_root_is_main_root),
    L(last_page_wild),
    L(last_page_too_small),
    L(page_size_wild),
    L(page_size_of_one_differs),
    L(version_to_come),
    L(magic_lost),
    L(child_twice),
    L(child_is_the_parent),
    L(child_outside),
    L(children_swapped),
    L(branch_of_one),
    L(page_number_wrong),
    L(leaf_says_branch),
    L(leaf_empty),
    L(lower_above_upper),
    L(lower_odd),
    L(upper_beyond_page),
    L(slot_into_header),
    L(slot_beyond_page),
    L(slot_at_the_very_end),
    L(slot_odd),
    L(nodes_out_of_order),
    L(one_node_twice),
    L(key_of_another_page),
    L(key_too_long),
    L(key_empty),
    L(data_too_long),
    L(data_shorter),
    L(sub_database),
    L(duplicates),
    L(small_says_large),
    L(large_says_small),
    L(large_outside),
    L(large_over_meta),
    L(large_over_leaf),
    L(large_reaches_outside),
    L(free_count_too_large),
    L(free_count_overflows),
    L(free_page_is_used),
    L(free_page_is_meta),
    L(free_page_outside),
    L(free_page_twice),
    L(free_pages_out_of_order),
};
#undef L

static size_t size_of(uint32_t k) { return k % 6 == 5 ? LARGE : SMALL; }

static image good_image(fixture *f)
{
    char key[32], path[400];
    cache_store *s = open_store(f);
    image m;

    for (uint32_t i = 0; i < KEYS + 30; i++) { /* the last ones replace, so that pages are free */
        snprintf(key, sizeof key, "key %u", i % KEYS);
        put_value(f, s, key, i % KEYS, size_of(i % KEYS));
    }
    cache_close(s);
    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    m.bytes = read_whole(path, &m.size);
    return m;
}

/* Writes the image as the data file; counts how many keys are found, all of them right. */
static int look_at(fixture *f, const image *m, cache_store *s)
{
    char key[32], path[400];
    int hits = 0;

    snprintf(path, sizeof path, "%s/code.lmdb", f->dir);
    write_whole(path, m->bytes, m->size);
    for (uint32_t k = 0; k < KEYS; k++) {
        snprintf(key, sizeof key, "key %u", k);
        hits += right_or_miss(f, s, key);
    }
    return hits;
}

static void each_lie_is_noticed_before_lmdb_follows_it(void **state)
{
    fixture *f = *state;
    image good = good_image(f), bad = good;
    cache_store *s = open_store(f);
    char damaged[400];

    snprintf(damaged, sizeof damaged, "%s/code.lmdb.damaged", f->dir);
    bad.bytes = malloc(good.size);
    assert_int_equal(look_at(f, &good, s), KEYS);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(bad.bytes, good.bytes, good.size);
        lies[i].tell(&bad);
        if (!memcmp(bad.bytes, good.bytes, good.size))
            fail_msg("%s changes nothing", lies[i].name);
        look_at(f, &bad, s);
        put_value(f, s, "key 0", 3, SMALL);
        expect_hit(f, s, "key 0", 3, SMALL);
        if (unlink(damaged))
            fail_msg("%s was not noticed", lies[i].name);
    }
    free(bad.bytes);
    free(good.bytes);
    cache_close(s);
}

/* LMDB reads the header of an overflow run only to free it, so only the replaced key's is looked
 * at. */
static void a_wrong_overflow_header_is_noticed_when_its_key_is_replaced(void **state)
{
    static const struct {
        int offset, size;
        uint64_t value;
    } edits[] = {{0, 8, 3}, {10, 2, 2}, {12, 4, 1000000}, {12, 4, 1}};
    fixture *f = *state;
    image good = good_image(f), bad = good;
    cache_store *s = open_store(f);
    char damaged[400], key[32];

    snprintf(damaged, sizeof damaged, "%s/code.lmdb.damaged", f->dir);
    bad.bytes = malloc(good.size);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        memcpy(bad.bytes, good.bytes, good.size);
        unsigned char *n = large_node(&bad);
        unsigned char *run = page(&bad, get(data(n), 8));
        set(run + edits[i].offset, edits[i].size, edits[i].value);
        snprintf(key, sizeof key, "%.*s", (int)get(run + 16 + 40, 4), (const char *)run + 16 + 64);
        assert_int_equal(look_at(f, &bad, s), KEYS); /* the value itself is whole */
        put_value(f, s, "another", 1, SMALL);
        assert_true(unlink(damaged) != 0);
        put_value(f, s, key, 4, LARGE);
        expect_hit(f, s, key, 4, LARGE);
        assert_int_equal(unlink(damaged), 0);
    }
    free(bad.bytes);
    free(good.bytes);
    cache_close(s);
}

/* A value that lies beyond the end of a file that was cut is not read past the end. */
static void a_cut_at_any_page_is_survived(void **state)
{
    fixture *f = *state;
    image good = good_image(f);
    cache_store *s = open_store(f);

    for (size_t size = 0; size < good.size; size += PAGE * 16) {
        image cut = {good.bytes, size};
        look_at(f, &cut, s);
        put_value(f, s, "key 0", 3, SMALL);
        expect_hit(f, s, "key 0", 3, SMALL);
    }
    free(good.bytes);
    cache_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(each_lie_is_noticed_before_lmdb_follows_it),
        T(a_wrong_overflow_header_is_noticed_when_its_key_is_replaced),
        T(a_cut_at_any_page_is_survived),
#undef T
    };

    return cmocka_run_group_tests_name("cache structure", tests, NULL, NULL);
}
