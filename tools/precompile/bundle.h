/* Bundles: a file of records that can be sent around. docs/bundle-format.md describes it. Knows
 * keys and values, not what they mean. */
#ifndef AITER_PRECOMPILE_BUNDLE_H
#define AITER_PRECOMPILE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/precompile/sign.h"

enum {
    BUNDLE_ERROR_MAX = 512,
    BUNDLE_DIGEST_SIZE = 32,
    /* What a reader accepts. */
    BUNDLE_KEY_MAX = 64 << 10,
    BUNDLE_VALUE_MAX = 64 << 20,
    BUNDLE_RECORDS_MAX = 1 << 20,
    BUNDLE_FILE_MAX = 1 << 30,
    BUNDLE_RATIO_MAX = 1024         /* of content to payload */
};

typedef struct bundle_record {
    const char *key;                /* with a NUL behind it */
    size_t key_size;
    const void *value;
    size_t value_size;
} bundle_record;

typedef struct bundle_info {
    uint64_t records;
    uint64_t content_size;          /* of all records */
    uint64_t payload_size;          /* compressed */
    unsigned char content[BUNDLE_DIGEST_SIZE]; /* digest: equal records have equal ones */
    bool is_signed;
    sign_public signer;
} bundle_info;

/* < 0, 0, > 0: the order of keys in a bundle. */
int bundle_compare(const char *a, size_t a_size, const char *b, size_t b_size);

/* ---- Writing ---- */

typedef struct bundle_writer bundle_writer;

/* The file is there under its name once bundle_commit() has returned true. NULL: error says why. */
bundle_writer *bundle_create(const char *path, char error[BUNDLE_ERROR_MAX]);

/* Keys ascend: each is larger than the one before. */
bool bundle_add(bundle_writer *writer, const bundle_record *record, char error[BUNDLE_ERROR_MAX]);

/* Either of these ends the writer. `secret` may be NULL: not signed. */
bool bundle_commit(bundle_writer *writer, const sign_secret *secret, bundle_info *info,
                   char error[BUNDLE_ERROR_MAX]);
void bundle_abandon(bundle_writer *writer);

/* ---- Reading ---- */

typedef struct bundle_reader bundle_reader;

/* Checks header, sizes, the payload's digest and the signature, if there is one, before anything is
 * decompressed. Takes `data` (heap) over in any case. NULL: error says what is wrong. */
bundle_reader *bundle_open(void *data, size_t size, bundle_info *info,
                           char error[BUNDLE_ERROR_MAX]);

typedef enum bundle_step { BUNDLE_RECORD, BUNDLE_END, BUNDLE_BROKEN } bundle_step;

/* The next record, which lives until the next call. BUNDLE_END: that was all, and the whole is as
 * the header says. Whoever must not act on half of a bundle reads to the end first. */
bundle_step bundle_next(bundle_reader *reader, bundle_record *out, char error[BUNDLE_ERROR_MAX]);

/* Back to the first record. */
void bundle_rewind(bundle_reader *reader);
void bundle_close(bundle_reader *reader);

#endif
