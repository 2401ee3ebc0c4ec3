/* The record: what a value of the LMDB database looks like. docs/cache-format.md describes it for
 * readers. */
#ifndef AITER_CACHE_RECORD_H
#define AITER_CACHE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_HEADER_SIZE = 64, RECORD_VERSION = 2, RECORD_KEY_MAX = 1 << 20 };
#define RECORD_SIZE_MAX ((size_t)1 << 31) /* LMDB's own limit is 4 GiB - 1 */

typedef struct record_view {
    const char *key; /* not terminated */
    size_t key_size;
    const unsigned char *value;
    size_t value_size;
    uint64_t stored_unix_s;
} record_view;

/* Fills `out`, cache_record_size() bytes long. */
size_t cache_record_size(size_t key_size, size_t value_size);
void cache_record_write(unsigned char *out, const record_view *r);

/* Verifies a record and points *r into it. The bytes are changed while it runs. False: it has a
 * defect, or it is of a version or has flags that this code does not know. */
bool cache_record_read(unsigned char *bytes, size_t size, record_view *r);

#endif
