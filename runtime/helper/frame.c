#include "runtime/helper/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void put_u64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_u64(const uint8_t *p)
{
    return (uint64_t)get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

uint64_t frame_checksum(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

int64_t frame_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Header ---- */

void frame_header_encode(const frame_header *header, uint8_t out[FRAME_HEADER_SIZE])
{
    put_u32(out, FRAME_MAGIC);
    put_u32(out + 4, header->type);
    put_u64(out + 8, header->length);
    put_u64(out + 16, header->checksum);
    put_u64(out + 24, frame_checksum(out, 24));
}

const char *frame_header_decode(const uint8_t in[FRAME_HEADER_SIZE], frame_header *out)
{
    if (get_u32(in) != FRAME_MAGIC)
        return "no frame magic";
    if (get_u64(in + 24) != frame_checksum(in, 24))
        return "wrong header checksum";
    out->type = get_u32(in + 4);
    out->length = get_u64(in + 8);
    out->checksum = get_u64(in + 16);
    if (out->length > FRAME_MAX_PAYLOAD)
        return "frame longer than the limit of 256 MiB";
    return NULL;
}

/* ---- Payload ---- */

void frame_free(frame *f)
{
    free(f->data);
    *f = (frame){0};
}

static bool reserve(frame *f, size_t more)
{
    if (more > FRAME_MAX_PAYLOAD || f->size > FRAME_MAX_PAYLOAD - more)
        return false;
    size_t need = f->size + more;
    if (need <= f->capacity)
        return true;
    size_t capacity = f->capacity ? f->capacity : 4096;
    while (capacity < need)
        capacity *= 2;
    uint8_t *data = realloc(f->data, capacity);
    if (!data)
        return false;
    f->data = data;
    f->capacity = capacity;
    return true;
}

bool frame_add(frame *f, frame_field field, const void *data, size_t size)
{
    if (size > FRAME_MAX_PAYLOAD || !reserve(f, FRAME_FIELD_HEADER_SIZE + size))
        return false;
    put_u32(f->data + f->size, (uint32_t)field);
    put_u64(f->data + f->size + 4, size);
    if (size)
        memcpy(f->data + f->size + FRAME_FIELD_HEADER_SIZE, data, size);
    f->size += FRAME_FIELD_HEADER_SIZE + size;
    return true;
}

bool frame_add_text(frame *f, frame_field field, const char *text)
{
    return frame_add(f, field, text, strlen(text));
}

const char *frame_check(const frame *f)
{
    uint64_t seen = 0;
    size_t at = 0;
    while (at < f->size) {
        if (f->size - at < FRAME_FIELD_HEADER_SIZE)
            return "a field's header is cut off";
        uint32_t field = get_u32(f->data + at);
        uint64_t length = get_u64(f->data + at + 4);
        at += FRAME_FIELD_HEADER_SIZE;
        if (length > f->size - at)
            return "a field is longer than its frame";
        if (field < 64) {
            if (seen >> field & 1)
                return "a field appears twice";
            seen |= (uint64_t)1 << field;
        }
        at += (size_t)length;
    }
    return NULL;
}

bool frame_find(const frame *f, frame_field field, const void **data, size_t *size)
{
    size_t at = 0;
    while (at < f->size) {
        uint32_t found = get_u32(f->data + at);
        size_t length = (size_t)get_u64(f->data + at + 4);
        at += FRAME_FIELD_HEADER_SIZE;
        if (found == (uint32_t)field) {
            *data = f->data + at;
            *size = length;
            return true;
        }
        at += length;
    }
    return false;
}

char *frame_text(const frame *f, frame_field field, size_t *size)
{
    const void *data;
    size_t length;
    if (!frame_find(f, field, &data, &length))
        return NULL;
    char *text = malloc(length + 1);
    if (!text)
        return NULL;
    memcpy(text, data, length);
    text[length] = '\0';
    if (size)
        *size = length;
    return text;
}

/* ---- Transport ---- */

static frame_io send_all(int fd, const uint8_t *data, size_t size, frame_wait_fn wait, void *user)
{
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            data += n;
            size -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            frame_io io = wait(user, fd, POLLOUT);
            if (io != FRAME_IO_OK)
                return io;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return FRAME_IO_CLOSED;
        } else if (errno != EINTR) {
            return FRAME_IO_ERROR;
        }
    }
    return FRAME_IO_OK;
}

/* *got counts what arrived before an end. */
static frame_io receive_some(int fd, uint8_t *data, size_t size, size_t *got, frame_wait_fn wait,
                             void *user)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = recv(fd, data + *got, size - *got, MSG_DONTWAIT);
        if (n > 0) {
            *got += (size_t)n;
        } else if (n == 0 || errno == ECONNRESET) {
            return FRAME_IO_CLOSED;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            frame_io io = wait(user, fd, POLLIN);
            if (io != FRAME_IO_OK)
                return io;
        } else if (errno != EINTR) {
            return FRAME_IO_ERROR;
        }
    }
    return FRAME_IO_OK;
}

frame_io frame_send(int fd, const frame *f, frame_wait_fn wait, void *user)
{
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_header header = {f->type, f->size, frame_checksum(f->data, f->size)};
    frame_header_encode(&header, bytes);
    frame_io io = send_all(fd, bytes, sizeof bytes, wait, user);
    return io == FRAME_IO_OK ? send_all(fd, f->data, f->size, wait, user) : io;
}

static frame_io receive_payload(int fd, frame *f, uint64_t length, frame_wait_fn wait, void *user)
{
    while (f->size < length) {
        size_t chunk = (size_t)(length - f->size);
        if (chunk > 1 << 20)
            chunk = 1 << 20;
        if (!reserve(f, chunk))
            return FRAME_IO_NO_MEMORY;
        size_t got;
        frame_io io = receive_some(fd, f->data + f->size, chunk, &got, wait, user);
        f->size += got;
        if (io != FRAME_IO_OK)
            return io == FRAME_IO_CLOSED ? FRAME_IO_CUT : io;
    }
    return FRAME_IO_OK;
}

frame_io frame_receive(int fd, frame *f, const char **why, frame_wait_fn wait, void *user)
{
    uint8_t bytes[FRAME_HEADER_SIZE];
    frame_header header;
    size_t got;
    f->size = 0;
    frame_io io = receive_some(fd, bytes, sizeof bytes, &got, wait, user);
    if (io == FRAME_IO_CLOSED && got)
        return FRAME_IO_CUT;
    if (io != FRAME_IO_OK)
        return io;
    *why = frame_header_decode(bytes, &header);
    if (*why)
        return FRAME_IO_GARBAGE;
    io = receive_payload(fd, f, header.length, wait, user);
    if (io != FRAME_IO_OK)
        return io;
    f->type = header.type;
    *why = frame_checksum(f->data, f->size) == header.checksum ? frame_check(f)
                                                               : "wrong payload checksum";
    return *why ? FRAME_IO_GARBAGE : FRAME_IO_OK;
}
