#include "tests/helper/support.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int descriptors_before;
static char folder[64];

void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    while (nanosleep(&t, &t) && errno == EINTR)
        continue;
}

static int count_entries(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

int begin_watched(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/aiter-test-helper-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    descriptors_before = count_entries("/proc/self/fd");
    return 0;
}

/* Ends the children that a test left, so that the next one starts clean; returns their number. */
static int end_children(void)
{
    pid_t pids[64];
    int count = 0, n = children_of(getpid(), pids, 64);
    for (int i = 0; i < n; i++)
        kill(pids[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        count++;
    return count;
}

int end_watched(void **state)
{
    (void)state;
    unsetenv("AITER_FAKE");
    unsetenv("AITER_FAKE_LOG");
    assert_int_equal(end_children(), 0);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors_before);
    assert_int_equal(count_entries(folder), 0);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

const char *watched_folder(void)
{
    return folder;
}

/* proc(5), /proc/PID/stat: pid (comm) state ppid ... */
static bool read_stat(pid_t pid, char *state, pid_t *parent, char comm[64])
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[n] = '\0';
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    int ppid;
    if (!open || !close || sscanf(close + 1, " %c %d", state, &ppid) != 2)
        return false;
    *parent = ppid;
    snprintf(comm, 64, "%.*s", (int)(close - open - 1), open + 1);
    return true;
}

int children_of(pid_t parent, pid_t *out, int max)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e && count < max; e = readdir(dir)) {
        char state, comm[64];
        pid_t ppid, pid = (pid_t)atoi(e->d_name);
        if (pid > 0 && read_stat(pid, &state, &ppid, comm) && ppid == parent && state != 'Z')
            out[count++] = pid;
    }
    closedir(dir);
    return count;
}

pid_t wait_for_helper(pid_t parent)
{
    char comm[64], state;
    pid_t ppid, pid;
    for (int i = 0; i < 1000; i++) {
        if (children_of(parent, &pid, 1) == 1 && read_stat(pid, &state, &ppid, comm) &&
            strcmp(comm, "aiter-compiler") == 0)
            return pid;
        sleep_ms(10);
    }
    fail_msg("process %d has started no aiter-compiler", (int)parent);
    return 0;
}

bool wait_until_gone(pid_t pid)
{
    char comm[64], state;
    pid_t ppid;
    for (int i = 0; i < 1000; i++) {
        if (!read_stat(pid, &state, &ppid, comm) || state == 'Z')
            return true;
        sleep_ms(10);
    }
    return false;
}

void assert_log_contains(helper_blob *log, const char *part)
{
    assert_non_null(log->data);
    if (!strstr(log->data, part))
        fail_msg("\"%s\" is not in: %s", part, log->data);
    helper_blob_free(log);
}
