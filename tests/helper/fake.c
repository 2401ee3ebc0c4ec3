/* A helper that misbehaves as $AITER_FAKE says. With $AITER_FAKE_LOG it appends a byte to that file
 * at each start. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/helper/frame.h"

enum { FD = 3 };

static frame_io wait_ready(void *user, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    (void)user;
    return poll(&p, 1, -1) < 0 ? FRAME_IO_ERROR : FRAME_IO_OK;
}

static void put(const void *data, size_t size)
{
    if (send(FD, data, size, MSG_NOSIGNAL) != (ssize_t)size)
        _exit(9);
}

static void put_frame(uint32_t type, const char *text, uint64_t claimed, bool damage)
{
    frame f = {0};
    uint8_t header[FRAME_HEADER_SIZE];
    frame_add_text(&f, FIELD_IDENTITY, text);
    frame_header_encode(
        &(frame_header){type, claimed ? claimed : f.size, frame_checksum(f.data, f.size)}, header);
    if (damage)
        f.data[f.size - 1] ^= 1;
    put(header, sizeof header);
    put(f.data, f.size);
    frame_free(&f);
}

/* Everything that is open here, e.g. "0 1 2 3 ". */
static void list_descriptors(char *out, size_t size)
{
    DIR *dir = opendir("/proc/self/fd");
    *out = '\0';
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        size_t n = strlen(out);
        if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir) && n + 16 < size)
            snprintf(out + n, size - n, "%d ", atoi(e->d_name));
    }
    if (dir)
        closedir(dir);
}

static void flood(void)
{
    char line[1024];
    memset(line, 'f', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 1024; i++)
        fwrite(line, 1, sizeof line, stderr);
    fprintf(stderr, "flood over\n");
}

static void big_answer(void)
{
    char *text = malloc((8 << 20) + 1);
    if (!text)
        _exit(9);
    memset(text, 'b', 8 << 20);
    text[8 << 20] = '\0';
    frame f = {.type = FRAME_RESULT};
    frame_add_text(&f, FIELD_IDENTITY, text);
    frame_send(FD, &f, wait_ready, NULL);
    frame_free(&f);
    free(text);
}

/* After FRAME_STARTED. */
static void misbehave(const char *mode)
{
    char text[256] = "fake 1 /fake\n";
    if (strcmp(mode, "kill") == 0) {
        fprintf(stderr, "about to die\n");
        raise(SIGKILL);
    } else if (strcmp(mode, "exit") == 0) {
        fprintf(stderr, "about to exit\n");
        _exit(7);
    } else if (strcmp(mode, "garbage") == 0) {
        put("this is not a frame, it is a line of prose\n", 43);
    } else if (strcmp(mode, "oversize") == 0) {
        put_frame(FRAME_RESULT, text, FRAME_MAX_PAYLOAD + 1, false);
    } else if (strcmp(mode, "half") == 0) {
        put_frame(FRAME_RESULT, text, 1000, false);
        _exit(0);
    } else if (strcmp(mode, "half-header") == 0) {
        put("ATR1", 4);
        _exit(0);
    } else if (strcmp(mode, "half-hang") == 0) {
        put_frame(FRAME_RESULT, text, 1000, false);
        pause();
    } else if (strcmp(mode, "checksum") == 0) {
        put_frame(FRAME_RESULT, text, 0, true);
    } else if (strcmp(mode, "unexpected") == 0) {
        put_frame(77, text, 0, false);
    } else if (strcmp(mode, "hang") == 0) {
        fprintf(stderr, "thinking for ever\n");
        pause();
    } else if (strcmp(mode, "big") == 0) {
        big_answer();
    } else {
        if (strcmp(mode, "flood") == 0)
            flood();
        if (strcmp(mode, "slow") == 0)
            poll(NULL, 0, 300);
        if (strcmp(mode, "descriptors") == 0)
            list_descriptors(text, sizeof text);
        if (strcmp(mode, "pid") == 0)
            snprintf(text, sizeof text, "%ld", (long)getpid());
        put_frame(FRAME_RESULT, text, 0, false);
    }
}

int main(void)
{
    frame request = {0}, started = {.type = FRAME_STARTED};
    const char *why, *mode = getenv("AITER_FAKE"), *log = getenv("AITER_FAKE_LOG");
    if (!mode)
        return 8;
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        if (write(fd, "s", 1) != 1)
            return 8;
        close(fd);
    }
    if (strcmp(mode, "exit-at-start") == 0) {
        fprintf(stderr, "not in the mood\n");
        return 6;
    }
    if (strcmp(mode, "never-read") == 0)
        pause();
    while (frame_receive(FD, &request, &why, wait_ready, NULL) == FRAME_IO_OK) {
        frame_send(FD, &started, wait_ready, NULL);
        misbehave(mode);
        if (strcmp(mode, "once") == 0)
            break;
        if (strcmp(mode, "kill-second") == 0)
            mode = "kill";
    }
    frame_free(&request);
    if (strcmp(mode, "stay") == 0)
        pause();
    return 0;
}
