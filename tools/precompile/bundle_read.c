/* Nothing here believes a size before it has been compared with what is there or with a limit. */
#include "tools/precompile/bundle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>
#include <zstd.h>

#include "tools/precompile/bundle_format.h"

struct bundle_reader {
    char *data;
    format_header header;
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;               /* the payload */
    bool frame_ended;
    crypto_generichash_state content;
    uint64_t taken, records;        /* bytes of content and records so far */
    char *record, *last_key;        /* key, NUL, value; grown as needed */
    size_t room, key_size, last_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(char error[BUNDLE_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, BUNDLE_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- Header, digest, signature ---- */

static bool check_sizes(const format_header *h, size_t size, char error[BUNDLE_ERROR_MAX])
{
    const size_t trailer = h->flags & FORMAT_SIGNED ? sizeof(format_trailer) : 0;
    const size_t rest = size - sizeof *h;

    if (h->payload_size > rest || rest - h->payload_size != trailer)
        return refuse(error, "it is %zu bytes long, expected %zu and a payload of %llu", size,
                      sizeof *h + trailer, (unsigned long long)h->payload_size);
    if (h->records > BUNDLE_RECORDS_MAX)
        return refuse(error, "%llu records, expected at most %d", (unsigned long long)h->records,
                      BUNDLE_RECORDS_MAX);
    if (h->content_size > BUNDLE_RATIO_MAX * h->payload_size)
        return refuse(error, "%llu bytes of records in %llu, expected at most %d times as much",
                      (unsigned long long)h->content_size, (unsigned long long)h->payload_size,
                      BUNDLE_RATIO_MAX);
    return true;
}

static bool check_header(const format_header *h, size_t size, char error[BUNDLE_ERROR_MAX])
{
    static const unsigned char zeros[sizeof h->reserved2];

    if (size < sizeof *h || memcmp(h->magic, format_magic, sizeof h->magic) != 0)
        return refuse(error, "it is no bundle");
    if (h->version != FORMAT_VERSION || h->header_size != sizeof *h)
        return refuse(error, "it has version %u of the format, expected %d", h->version,
                      FORMAT_VERSION);
    if (h->flags & ~(uint32_t)FORMAT_SIGNED || h->reserved ||
        memcmp(h->reserved2, zeros, sizeof zeros) != 0)
        return refuse(error, "it has flags or fields that version %d does not have",
                      FORMAT_VERSION);
    return check_sizes(h, size, error);
}

static bool check_payload(const bundle_reader *r, char error[BUNDLE_ERROR_MAX])
{
    unsigned char digest[BUNDLE_DIGEST_SIZE];

    crypto_generichash(digest, sizeof digest, r->in.src, r->in.size, NULL, 0);
    return memcmp(digest, r->header.payload, sizeof digest) == 0 ||
           refuse(error, "it is damaged: the payload does not have the digest in the header");
}

static bool check_signature(const bundle_reader *r, bundle_info *info,
                            char error[BUNDLE_ERROR_MAX])
{
    const format_message message = format_make_message(&r->header);
    format_trailer trailer;

    if (!(r->header.flags & FORMAT_SIGNED))
        return true;
    memcpy(&trailer, (const char *)r->in.src + r->in.size, sizeof trailer);
    memcpy(info->signer.bytes, trailer.signer, sizeof info->signer.bytes);
    info->is_signed = true;
    return sign_verify(&info->signer, &message, sizeof message, trailer.signature) ||
           refuse(error, "its signature is wrong");
}

/* ---- Life ---- */

void bundle_close(bundle_reader *r)
{
    if (!r)
        return;
    ZSTD_freeDCtx(r->zstd);
    free(r->record);
    free(r->last_key);
    free(r->data);
    free(r);
}

void bundle_rewind(bundle_reader *r)
{
    ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
    r->in.pos = 0;
    r->frame_ended = false;
    r->taken = r->records = 0;
    r->last_size = 0;
    crypto_generichash_init(&r->content, NULL, 0, BUNDLE_DIGEST_SIZE);
}

static bool start(bundle_reader *r, size_t size, bundle_info *info, char error[BUNDLE_ERROR_MAX])
{
    if (size >= sizeof r->header)
        memcpy(&r->header, r->data, sizeof r->header);
    if (!check_header(&r->header, size, error))
        return false;
    r->in = (ZSTD_inBuffer){ r->data + sizeof r->header, r->header.payload_size, 0 };
    *info = (bundle_info){ r->header.records, r->header.content_size, r->header.payload_size, { 0 },
                           false, { { 0 } } };
    memcpy(info->content, r->header.content, sizeof info->content);
    if (!check_payload(r, error) || !check_signature(r, info, error))
        return false;
    r->zstd = ZSTD_createDCtx();
    if (!r->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax,
                                                        FORMAT_WINDOW_LOG)))
        return refuse(error, "out of memory for zstd");
    bundle_rewind(r);
    return true;
}

bundle_reader *bundle_open(void *data, size_t size, bundle_info *info, char error[BUNDLE_ERROR_MAX])
{
    bundle_reader *r = calloc(1, sizeof *r);

    if (!r) {
        free(data);
        refuse(error, "out of memory for a bundle");
        return NULL;
    }
    r->data = data;
    if (start(r, size, info, error))
        return r;
    bundle_close(r);
    return NULL;
}

/* ---- Records ---- */

/* Exactly `size` bytes of content, whose total never exceeds what the header says. */
static bool take(bundle_reader *r, void *out, size_t size, char error[BUNDLE_ERROR_MAX])
{
    ZSTD_outBuffer to = { out, size, 0 };

    if (size > r->header.content_size - r->taken)
        return refuse(error, "record %llu goes beyond the end of the content",
                      (unsigned long long)r->records);
    while (to.pos < size) {
        const size_t before_in = r->in.pos, before_out = to.pos;
        const size_t left = r->frame_ended ? 0 : ZSTD_decompressStream(r->zstd, &to, &r->in);
        if (ZSTD_isError(left))
            return refuse(error, "it cannot be decompressed: %s", ZSTD_getErrorName(left));
        r->frame_ended = left == 0;
        if (to.pos < size && (r->frame_ended || (before_in == r->in.pos && before_out == to.pos)))
            return refuse(error, "the payload ends in record %llu", (unsigned long long)r->records);
    }
    crypto_generichash_update(&r->content, out, size);
    r->taken += size;
    return true;
}

/* The end of the content is the end of the frame and of the payload. */
static bool check_end(bundle_reader *r, char error[BUNDLE_ERROR_MAX])
{
    unsigned char digest[BUNDLE_DIGEST_SIZE];
    crypto_generichash_state content = r->content;
    char more;
    ZSTD_outBuffer to = { &more, sizeof more, 0 };

    while (!r->frame_ended) {
        const size_t before = r->in.pos, left = ZSTD_decompressStream(r->zstd, &to, &r->in);
        r->frame_ended = left == 0;
        if (ZSTD_isError(left) || to.pos > 0 || (left && r->in.pos == before))
            return refuse(error, "the payload has more, or less, than the header says");
    }
    crypto_generichash_final(&content, digest, sizeof digest);
    if (r->in.pos != r->in.size || r->taken != r->header.content_size)
        return refuse(error, "the payload has more, or less, than the header says");
    return memcmp(digest, r->header.content, sizeof digest) == 0 ||
           refuse(error, "the records do not have the digest that the header gives");
}

static bool make_room(bundle_reader *r, size_t size, char error[BUNDLE_ERROR_MAX])
{
    if (size <= r->room)
        return true;
    char *record = realloc(r->record, size);
    if (!record)
        return refuse(error, "out of memory for a record of %zu bytes", size);
    r->record = record;
    r->room = size;
    return true;
}

static bool keep_key(bundle_reader *r, char error[BUNDLE_ERROR_MAX])
{
    if (r->last_size && bundle_compare(r->last_key, r->last_size, r->record, r->key_size) >= 0)
        return refuse(error, "record %llu: its key is not behind the one before",
                      (unsigned long long)r->records);
    char *key = realloc(r->last_key, r->key_size);
    if (!key)
        return refuse(error, "out of memory for a key");
    memcpy(key, r->record, r->key_size);
    r->last_key = key;
    r->last_size = r->key_size;
    return true;
}

static bool read_record(bundle_reader *r, bundle_record *out, char error[BUNDLE_ERROR_MAX])
{
    uint32_t sizes[2];

    if (!take(r, sizes, sizeof sizes, error))
        return false;
    r->key_size = sizes[0];
    if (sizes[0] == 0 || sizes[0] > BUNDLE_KEY_MAX || sizes[1] > BUNDLE_VALUE_MAX)
        return refuse(error, "record %llu: a key of %u and a value of %u bytes, expected 1 to %d "
                      "and at most %d", (unsigned long long)r->records, sizes[0], sizes[1],
                      BUNDLE_KEY_MAX, BUNDLE_VALUE_MAX);
    if (!make_room(r, (size_t)sizes[0] + 1 + sizes[1], error) ||
        !take(r, r->record, sizes[0], error))
        return false;
    r->record[sizes[0]] = '\0';
    if (memchr(r->record, '\0', sizes[0]))
        return refuse(error, "record %llu: a NUL in its key", (unsigned long long)r->records);
    char *value = r->record + sizes[0] + 1;
    if (!keep_key(r, error) || !take(r, value, sizes[1], error))
        return false;
    *out = (bundle_record){ r->record, sizes[0], value, sizes[1] };
    return true;
}

bundle_step bundle_next(bundle_reader *r, bundle_record *out, char error[BUNDLE_ERROR_MAX])
{
    if (r->records == r->header.records)
        return check_end(r, error) ? BUNDLE_END : BUNDLE_BROKEN;
    if (!read_record(r, out, error))
        return BUNDLE_BROKEN;
    r->records++;
    return BUNDLE_RECORD;
}
