#ifndef AITER_TESTS_CACHE_SUPPORT_H
#define AITER_TESTS_CACHE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "cache/cache.h"
#include "tests/cache/common.h"

/* A fresh directory for each test; "%s/store" in it is the store's usual place. */
typedef struct fixture {
    char root[256];
    char dir[300];
    char err[512];
} fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

cache_store *open_store(fixture *f);
void put_value(fixture *f, cache_store *s, const char *key, uint32_t generation, size_t size);
void expect_hit(fixture *f, cache_store *s, const char *key, uint32_t generation, size_t size);
void expect_miss(fixture *f, cache_store *s, const char *key);
/* OK with right bytes or MISS; true: OK. */
bool right_or_miss(fixture *f, cache_store *s, const char *key);

/* Whether `name` exists in the store's directory. */
bool exists(const fixture *f, const char *name);
void *read_whole(const char *path, size_t *size);
void write_whole(const char *path, const void *bytes, size_t size);

/* Runs fn in a child, which ends with fn's result as exit status; returns its pid. */
typedef int (*child_fn)(fixture *f, void *arg);
pid_t start_child(child_fn fn, fixture *f, void *arg);
/* The exit status, or 1000 + the signal that ended it. */
int wait_child(pid_t pid);

double seconds(void);
void sleep_ms(int ms);

#endif
