/* Bundles that bundle_create() would not write: the tests' and the fuzzer's. */
#ifndef AITER_TESTS_BUNDLE_SUPPORT_H
#define AITER_TESTS_BUNDLE_SUPPORT_H

#include <stdint.h>
#include <stdlib.h>

#include <sodium.h>
#include <zstd.h>

#include "tools/precompile/bundle_format.h"

/* A bundle of `content`, whatever it is, with every size and digest as it should be. On the
 * heap. */
static inline char *wrap_content(const void *content, size_t content_size, uint64_t records,
                                 size_t *size)
{
    const size_t bound = ZSTD_compressBound(content_size);
    char *bundle = malloc(sizeof(format_header) + bound);
    format_header h = { .version = FORMAT_VERSION, .header_size = sizeof h, .records = records,
                        .content_size = content_size };

    if (!bundle)
        abort();
    h.payload_size = ZSTD_compress(bundle + sizeof h, bound, content, content_size, 1);
    if (ZSTD_isError(h.payload_size))
        abort();
    memcpy(h.magic, format_magic, sizeof h.magic);
    crypto_generichash(h.content, sizeof h.content, content, content_size, NULL, 0);
    crypto_generichash(h.payload, sizeof h.payload, (unsigned char *)bundle + sizeof h,
                       h.payload_size, NULL, 0);
    memcpy(bundle, &h, sizeof h);
    *size = sizeof h + h.payload_size;
    return bundle;
}

/* Makes magic, version, the payload's size and digest of any bytes what they should be. */
static inline void repair_header(char *bundle, size_t size)
{
    format_header h;

    if (size < sizeof h)
        return;
    memcpy(&h, bundle, sizeof h);
    const size_t trailer = h.flags & FORMAT_SIGNED ? sizeof(format_trailer) : 0;
    if (size < sizeof h + trailer)
        return;
    memcpy(h.magic, format_magic, sizeof h.magic);
    h.version = FORMAT_VERSION;
    h.header_size = sizeof h;
    h.payload_size = size - sizeof h - trailer;
    crypto_generichash(h.payload, sizeof h.payload, (unsigned char *)bundle + sizeof h,
                       h.payload_size, NULL, 0);
    memcpy(bundle, &h, sizeof h);
}

#endif
