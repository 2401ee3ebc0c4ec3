/* The protocol between the helper client and aiter-compiler: frames over a stream socket, and the
 * named fields inside a frame's payload.
 *
 * Frame   32-byte header, then the payload. Integers are little-endian.
 *           0  u32  FRAME_MAGIC (it carries the protocol version)
 *           4  u32  frame_type
 *           8  u64  payload length, at most FRAME_MAX_PAYLOAD
 *          16  u64  checksum of the payload
 *          24  u64  checksum of the 24 bytes before
 * Payload fields, each: u32 frame_field, u64 length, bytes. A field appears at most once.
 *
 * A request is answered by FRAME_STARTED as soon as it was read whole, then by FRAME_RESULT or
 * FRAME_ERROR. A helper that dies before FRAME_STARTED has not worked on the request, so it can be
 * sent again to another one. */
#ifndef AITER_HELPER_FRAME_H
#define AITER_HELPER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC 0x31525441u /* "ATR1" */
#define FRAME_HEADER_SIZE 32
#define FRAME_FIELD_HEADER_SIZE 12

/* Largest payload either side sends or accepts. An attention kernel's code object is about 50 kB
 * and its disassembly 1 MB; the largest public library of kernels in one code object stays below
 * this too. */
#define FRAME_MAX_PAYLOAD ((uint64_t)256 << 20)

typedef enum frame_type {
    FRAME_IDENTIFY = 1,  /* no field                      -> IDENTITY */
    FRAME_COMPILE = 2,   /* NAME, SOURCE, OPTIONS         -> CODE, METADATA, IDENTITY, LOG */
    FRAME_INSPECT = 3,   /* CODE, maybe WANT_DISASSEMBLY  -> METADATA, DISASSEMBLY if wanted */
    FRAME_STARTED = 16,
    FRAME_RESULT = 17,
    FRAME_ERROR = 18     /* LOG; NO_TOOLCHAIN if it is not the request's fault */
} frame_type;

typedef enum frame_field {
    FIELD_NAME = 1,
    FIELD_SOURCE = 2,
    FIELD_OPTIONS = 3,
    FIELD_CODE = 4,
    FIELD_METADATA = 5,
    FIELD_DISASSEMBLY = 6,
    FIELD_IDENTITY = 7,
    FIELD_LOG = 8,
    FIELD_WANT_DISASSEMBLY = 9,
    FIELD_NO_TOOLCHAIN = 10
} frame_field;

typedef struct frame_header {
    uint32_t type;
    uint64_t length;
    uint64_t checksum;
} frame_header;

/* FNV-1a, 64 bits: finds damage, not malice. */
uint64_t frame_checksum(const void *data, size_t size);

void frame_header_encode(const frame_header *header, uint8_t out[FRAME_HEADER_SIZE]);

/* NULL, or what is wrong with the header (static text). */
const char *frame_header_decode(const uint8_t in[FRAME_HEADER_SIZE], frame_header *out);

/* A frame under construction, or one that was received. Zero-initialise; frame_free() after use. */
typedef struct frame {
    uint32_t type;
    uint8_t *data;
    size_t size, capacity;
} frame;

void frame_free(frame *f);

/* Appends a field. false: out of memory, or the payload would exceed FRAME_MAX_PAYLOAD. */
bool frame_add(frame *f, frame_field field, const void *data, size_t size);
bool frame_add_text(frame *f, frame_field field, const char *text);

/* NULL, or what is wrong with the payload's structure (static text). */
const char *frame_check(const frame *f);

/* Finds a field of a frame that passed frame_check(). *data points into the frame and is not
 * terminated. */
bool frame_find(const frame *f, frame_field field, const void **data, size_t *size);

/* A field's bytes as a heap text with a NUL behind them. NULL: no such field, or out of memory. */
char *frame_text(const frame *f, frame_field field, size_t *size);

/* ---- Transport ---- */

typedef enum frame_io {
    FRAME_IO_OK = 0,
    FRAME_IO_CLOSED,    /* the other side closed the socket at a frame's boundary     */
    FRAME_IO_CUT,       /* ... inside a frame                                         */
    FRAME_IO_GARBAGE,   /* bad magic, checksum, length or field structure             */
    FRAME_IO_TIMEOUT,
    FRAME_IO_NO_MEMORY,
    FRAME_IO_ERROR      /* errno                                                      */
} frame_io;

/* Waits until `fd` is ready for `events` (poll(2)). */
typedef frame_io (*frame_wait_fn)(void *user, int fd, short events);

/* Sends or receives one frame on a socket; `wait` is called whenever the socket is not ready, and
 * its failure ends the transfer. Neither raises SIGPIPE. *why receives a static text for
 * FRAME_IO_GARBAGE. The memory taken grows with the bytes that arrive, not with the length that the
 * header claims. */
frame_io frame_send(int fd, const frame *f, frame_wait_fn wait, void *user);
frame_io frame_receive(int fd, frame *f, const char **why, frame_wait_fn wait, void *user);

/* Milliseconds of a monotonic clock. */
int64_t frame_now_ms(void);

#endif
