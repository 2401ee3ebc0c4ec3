/* The record parser. The first byte says what the others are: 0, a record as it comes from the
 * file; else, a sound record is made of them (the byte is the key's length) and this program
 * changes it, so that the checksum does not shield what lies behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cache/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

/* An exact copy on the heap, so that a sanitizer sees the ends. */
static unsigned char *copy_of(const void *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    require(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static void parse(const uint8_t *data, size_t size)
{
    unsigned char *bytes = copy_of(data, size);
    record_view r;
    if (cache_record_read(bytes, size, &r)) {
        require((const unsigned char *)r.key >= bytes && r.value >= bytes);
        require((const unsigned char *)r.key + r.key_size <= bytes + size);
        require(r.value + r.value_size <= bytes + size);
    }
    require(!size || !memcmp(bytes, data, size)); /* as they were */
    free(bytes);
}

/* What was written is read; with any one byte changed, or cut anywhere, it is not. */
static void write_and_change(const uint8_t *data, size_t size)
{
    size_t key_size = data[0] < size ? data[0] : size - 1;
    record_view in = {(const char *)data + 1, key_size, data + 1 + key_size, size - 1 - key_size,
                      size},
                out;
    size_t total = cache_record_size(in.key_size, in.value_size);
    unsigned char *bytes = malloc(total);
    require(bytes != NULL);
    cache_record_write(bytes, &in);
    require(cache_record_read(bytes, total, &out));
    require(out.key_size == in.key_size && !memcmp(out.key, in.key, in.key_size));
    require(out.value_size == in.value_size && !memcmp(out.value, in.value, in.value_size));
    for (size_t at = 0; at < total; at += at < RECORD_HEADER_SIZE ? 1 : 61) {
        unsigned char changed = (unsigned char)(data[at % size] | 1);
        bytes[at] ^= changed;
        require(!cache_record_read(bytes, total, &out));
        bytes[at] ^= changed;
    }
    unsigned char *part = copy_of(bytes, total - 1 - data[size - 1] % total);
    require(!cache_record_read(part, total - 1 - data[size - 1] % total, &out));
    free(part);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0])
        write_and_change(data, size);
    else
        parse(data + 1, size - 1);
    return 0;
}
