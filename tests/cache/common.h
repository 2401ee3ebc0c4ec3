/* Values that prove themselves, random numbers that repeat, users. Shared with tests/proof. */
#ifndef AITER_TESTS_CACHE_COMMON_H
#define AITER_TESTS_CACHE_COMMON_H

#include <stddef.h>
#include <stdint.h>

/* xorshift; the same numbers in every run for the same seed. */
uint32_t next_random(uint64_t *state);

/* Bytes that follow from key and generation alone, so that a reader can tell right from wrong. */
void *make_value(const char *key, uint32_t generation, size_t size);
/* The generation of a value of make_value() for this key, or -1: wrong bytes. */
int64_t value_generation(const char *key, const void *value, size_t size);

/* Gives up root, if it has it, so that permissions count. */
void become_nobody(void);

#endif
