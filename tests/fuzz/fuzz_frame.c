/* The frame decoder on arbitrary bytes. The first byte says what the others are: 0, a byte stream
 * as it comes from the socket; else, the payload of a frame with a good header, so that the
 * checksums do not shield the field parser. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/helper/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_STREAM = 65536 }; /* fits a socket's buffer */

static void require(int good)
{
    if (!good)
        abort();
}

static frame_io no_wait(void *user, int fd, short events)
{
    (void)user, (void)fd, (void)events;
    return FRAME_IO_TIMEOUT;
}

static void check_fields(const frame *f)
{
    for (int field = 0; field < 70; field++) {
        const void *at;
        size_t n, copied;
        if (!frame_find(f, (frame_field)field, &at, &n))
            continue;
        require((const uint8_t *)at >= f->data && n <= f->size &&
                (const uint8_t *)at + n <= f->data + f->size);
        char *text = frame_text(f, (frame_field)field, &copied);
        require(!text || (copied == n && text[n] == '\0'));
        free(text);
    }
}

static void receive_stream(int fd, size_t size)
{
    frame f = {0};
    const char *why = NULL;
    frame_io io;
    while ((io = frame_receive(fd, &f, &why, no_wait, NULL)) == FRAME_IO_OK) {
        require(f.size <= size);
        check_fields(&f);
    }
    require(io == FRAME_IO_CLOSED || io == FRAME_IO_CUT || (io == FRAME_IO_GARBAGE && why) ||
            io == FRAME_IO_NO_MEMORY);
    frame_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int s[2];
    if (size == 0 || size > MAX_STREAM || socketpair(AF_UNIX, SOCK_STREAM, 0, s))
        return 0;
    if (data[0]) {
        uint8_t header[FRAME_HEADER_SIZE];
        frame_header_encode(&(frame_header){data[0], size - 1, frame_checksum(data + 1, size - 1)},
                            header);
        require(send(s[0], header, sizeof header, MSG_DONTWAIT) == (ssize_t)sizeof header);
    }
    require(send(s[0], data + 1, size - 1, MSG_DONTWAIT) == (ssize_t)(size - 1));
    close(s[0]);
    receive_stream(s[1], size);
    close(s[1]);
    return 0;
}
