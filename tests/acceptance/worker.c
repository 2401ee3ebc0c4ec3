#define _GNU_SOURCE /* pipe2 */
#include "tests/acceptance/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        const ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        const ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* The request to end. A closed pipe would not do: workers that were started later hold its other
 * end as well. */
static const size_t QUIT = (size_t)-1;

static void serve(const sweep_case *cases, const char *cache_dir, int requests, int results)
{
    sweep_result result;
    size_t index;

    while (read_all(requests, &index, sizeof index) && index != QUIT) {
        sweep_run_case(&cases[index], cache_dir, &result);
        if (!write_all(results, &result, sizeof result) || result.device_lost)
            break;
    }
}

bool sweep_worker_start(sweep_worker *w, const sweep_case *cases, const char *cache_dir)
{
    int in[2], out[2];

    *w = (sweep_worker){ 0 };
    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    w->pid = fork();
    if (w->pid == 0) {
        close(in[1]);
        close(out[0]);
        serve(cases, cache_dir, in[0], out[1]);
        _exit(0);
    }
    close(in[0]);
    close(out[1]);
    w->requests = in[1];
    w->results = out[0];
    if (w->pid > 0)
        return true;
    close(in[1]);
    close(out[0]);
    w->pid = 0;
    return false;
}

bool sweep_worker_send(sweep_worker *w, size_t index)
{
    return write_all(w->requests, &index, sizeof index);
}

int sweep_worker_stop(sweep_worker *w, bool kill_it)
{
    int status = 0;

    if (w->pid == 0)
        return 0;
    if (kill_it)
        kill(w->pid, SIGKILL);
    else
        sweep_worker_send(w, QUIT);
    close(w->requests);
    close(w->results);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
        ;
    w->pid = 0;
    return status;
}

bool sweep_worker_receive(sweep_worker *w, sweep_result *result)
{
    return read_all(w->results, result, sizeof *result);
}
