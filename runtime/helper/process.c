#include "runtime/helper/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/helper/frame.h"

extern char **environ;

/* Descriptor of the socket in the helper. */
enum { HELPER_FD = 3 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- Start ---- */

/* Moves a descriptor above those that the child's dup2 calls overwrite. */
static int move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, HELPER_FD + 1);
    if (moved < 0)
        return errno;
    close(*fd);
    *fd = moved;
    return 0;
}

static int set_actions(posix_spawn_file_actions_t *actions, int socket, int err)
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, err, 1);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, err, 2);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(actions, socket, HELPER_FD);
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, HELPER_FD + 1);
    return rc;
}

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    if (!rc)
        rc = posix_spawnattr_setpgroup(attr, 0);
    if (!rc)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                POSIX_SPAWN_SETPGROUP);
    return rc;
}

static int spawn(const char *program, int socket, int err, pid_t *pid)
{
    char parent[32];
    snprintf(parent, sizeof parent, "--parent=%ld", (long)getpid());
    char serve[] = "--serve=3", *argv[] = {(char *)program, serve, parent, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (!rc) {
        rc = set_actions(&actions, socket, err);
        if (!rc)
            rc = set_attributes(&attr);
        if (!rc)
            rc = posix_spawn(pid, program, &actions, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* A pidfd keeps naming this process even if the application's own SIGCHLD handling reaps it under
 * us and its pid is given to another one. */
static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd >= 0 ? fd : -1;
}

int process_start(helper_process *p, const char *program)
{
    int sockets[2] = {-1, -1}, pipes[2] = {-1, -1}, rc = 0;
    *p = (helper_process){.pidfd = -1, .socket = -1, .err = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) || pipe2(pipes, O_CLOEXEC))
        rc = errno;
    if (!rc)
        rc = move_up(&sockets[1]);
    if (!rc)
        rc = move_up(&pipes[1]);
    if (!rc && fcntl(pipes[0], F_SETFL, O_NONBLOCK))
        rc = errno;
    if (!rc)
        rc = spawn(program, sockets[1], pipes[1], &p->pid);
    close_fd(&sockets[1]);
    close_fd(&pipes[1]);
    if (rc) {
        close_fd(&sockets[0]);
        close_fd(&pipes[0]);
        p->pid = 0;
        return rc;
    }
    p->socket = sockets[0];
    p->err = pipes[0];
    p->pidfd = open_pidfd(p->pid);
    return 0;
}

/* ---- Its output ---- */

void process_drain(helper_process *p)
{
    char buffer[1024];
    while (p->err >= 0) {
        ssize_t n = read(p->err, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            close_fd(&p->err);
            return;
        }
        for (ssize_t i = 0; i < n; i++)
            p->tail[p->written++ % PROCESS_TAIL] = buffer[i];
    }
}

size_t process_tail(const helper_process *p, char out[PROCESS_TAIL + 1])
{
    size_t n = p->written < PROCESS_TAIL ? p->written : PROCESS_TAIL;
    for (size_t i = 0; i < n; i++) {
        char c = p->tail[(p->written - n + i) % PROCESS_TAIL];
        out[i] = c ? c : '?'; /* the message is a C string */
    }
    out[n] = '\0';
    return n;
}

/* ---- End ---- */

void process_hang_up(helper_process *p)
{
    /* Not merely close(): a fork's child may hold another copy of the descriptor. */
    if (p->socket >= 0)
        shutdown(p->socket, SHUT_RDWR);
}

static void kill_process(const helper_process *p)
{
    if (p->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
    else
        kill(p->pid, SIGKILL);
}

typedef enum { REAP_RUNNING, REAP_ENDED, REAP_STOLEN } reap_result;

static reap_result try_wait(const helper_process *p, int flags, int *status)
{
    pid_t got;
    do
        got = waitpid(p->pid, status, flags);
    while (got < 0 && errno == EINTR);
    return got == p->pid ? REAP_ENDED : got == 0 ? REAP_RUNNING : REAP_STOLEN;
}

/* Lets time pass until the process ends or `ms` are over; without a pidfd, a short while. */
static void wait_for_end(helper_process *p, int ms)
{
    struct pollfd fds[2] = {{.fd = p->pidfd, .events = POLLIN}, {.fd = p->err, .events = POLLIN}};
    if (p->pidfd < 0 && ms > 5)
        ms = 5;
    if (poll(fds, 2, ms) > 0)
        process_drain(p);
}

static void describe(reap_result result, int status, char how[PROCESS_HOW])
{
    if (result != REAP_ENDED) {
        snprintf(how, PROCESS_HOW, "ended (the application collected its exit status)");
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        snprintf(how, PROCESS_HOW, "killed by signal %d (%s)", WTERMSIG(status), name ? name : "?");
    } else {
        snprintf(how, PROCESS_HOW, "exited with status %d", WEXITSTATUS(status));
    }
}

void process_reap(helper_process *p, int grace_ms, char how[PROCESS_HOW])
{
    int64_t deadline = frame_now_ms() + grace_ms, left = grace_ms;
    int status = 0;
    reap_result result = try_wait(p, WNOHANG, &status);
    while (result == REAP_RUNNING && left > 0) {
        wait_for_end(p, (int)left);
        result = try_wait(p, WNOHANG, &status);
        left = deadline - frame_now_ms();
    }
    if (result == REAP_RUNNING) {
        kill_process(p);
        result = try_wait(p, 0, &status);
    }
    process_drain(p);
    describe(result, status, how);
    process_abandon(p);
}

void process_abandon(helper_process *p)
{
    close_fd(&p->socket);
    close_fd(&p->err);
    close_fd(&p->pidfd);
    p->pid = 0;
}
