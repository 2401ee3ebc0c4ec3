/* One helper process, seen from the client: its start, its socket, what it wrote to stderr, its
 * end. */
#ifndef AITER_HELPER_PROCESS_H
#define AITER_HELPER_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_TAIL = 4096, PROCESS_HOW = 128 };

typedef struct helper_process {
    pid_t pid;                  /* 0: none is running */
    int pidfd;                  /* -1 where the kernel has no pidfds */
    int socket;                 /* our end */
    int err;                    /* read end of its stdout and stderr; -1 after their end */
    char tail[PROCESS_TAIL];    /* ring: the last bytes it wrote there */
    size_t written;             /* bytes it wrote in all */
} helper_process;

/* Starts `program --serve=3 --parent=PID`, with the socket as descriptor 3, stdin from /dev/null,
 * stdout and stderr into our pipe, no other descriptor of this process, default signal dispositions
 * and a process group of its own (a Ctrl-C is for the client to handle). Returns 0 or an errno
 * value; nothing is left behind on failure. */
int process_start(helper_process *p, const char *program);

/* Takes what it wrote, without waiting. */
void process_drain(helper_process *p);

/* The kept tail as text, oldest byte first; returns its length. */
size_t process_tail(const helper_process *p, char out[PROCESS_TAIL + 1]);

/* Ends the connection, which a healthy helper answers by exiting. */
void process_hang_up(helper_process *p);

/* Waits up to grace_ms for its end, then kills it; releases everything but the tail. `how` receives
 * e.g. "killed by signal 11 (SEGV)". */
void process_reap(helper_process *p, int grace_ms, char how[PROCESS_HOW]);

/* Closes our descriptors and leaves the process alone: for a fork's child, whose parent owns it. */
void process_abandon(helper_process *p);

#endif
