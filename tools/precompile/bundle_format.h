/* The bytes of a bundle, for its writer and its reader. docs/bundle-format.md. */
#ifndef AITER_PRECOMPILE_BUNDLE_FORMAT_H
#define AITER_PRECOMPILE_BUNDLE_FORMAT_H

#include <stddef.h>
#include <string.h>

#include "tools/precompile/bundle.h"

enum {
    FORMAT_VERSION = 1,
    FORMAT_SIGNED = 1,              /* in flags: a trailer follows the payload */
    FORMAT_RECORD_HEADER = 8,       /* u32 key size, u32 value size */
    FORMAT_WINDOW_LOG = 23          /* of zstd: 8 MiB, what a reader has to have */
};

/* Integers are little-endian, as every host of an AMD GPU is. */
typedef struct format_header {
    char magic[8];
    uint16_t version;
    uint16_t header_size;
    uint32_t flags;
    uint64_t records;
    uint64_t content_size;
    uint64_t payload_size;
    uint64_t reserved;
    unsigned char content[BUNDLE_DIGEST_SIZE];
    unsigned char payload[BUNDLE_DIGEST_SIZE];
    unsigned char reserved2[16];
} format_header;

typedef struct format_trailer {
    unsigned char signer[SIGN_PUBLIC_SIZE];
    unsigned char signature[SIGN_SIZE];
} format_trailer;

_Static_assert(sizeof(format_header) == 128, "the format's header");
_Static_assert(sizeof(format_trailer) == 96, "the format's trailer");

static const char format_magic[8] = { 'A', 'I', 'T', 'E', 'R', 'B', 'D', 'L' };

/* What is signed: a text that says what it is for, then the header, which has the payload's
 * digest. */
static const char format_signed_text[] = "aiter bundle signature 1\n";
typedef struct format_message {
    char text[sizeof format_signed_text - 1];
    char header[sizeof(format_header)];
} format_message;

static inline format_message format_make_message(const format_header *header)
{
    format_message m;

    memcpy(m.text, format_signed_text, sizeof m.text);
    memcpy(m.header, header, sizeof m.header);
    return m;
}

#endif
