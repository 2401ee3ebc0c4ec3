/* What happens to data files: each function changes `bytes`, a copy of one, in place. Shared with
 * tests/proof. */
#ifndef AITER_TESTS_CACHE_DAMAGE_H
#define AITER_TESTS_CACHE_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

typedef void (*damage_fn)(unsigned char *bytes, size_t *size, uint64_t *random);

/* One to eight flipped bits anywhere. */
void flip_bits(unsigned char *bytes, size_t *size, uint64_t *random);
/* Two flipped bits in what LMDB follows: meta pages, page headers, offsets, nodes. */
void flip_structure(unsigned char *bytes, size_t *size, uint64_t *random);
/* A page that is zeroes, noise or another page: what a lost or misdirected write leaves. */
void overwrite_page(unsigned char *bytes, size_t *size, uint64_t *random);
/* A file cut short, by turns anywhere and between pages. */
void cut_short(unsigned char *bytes, size_t *size, uint64_t *random);

#endif
