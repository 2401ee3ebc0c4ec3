#include "tools/precompile/signals.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

static atomic_int caught; /* lock-free, so that a handler may set it */

static void on_signal(int number)
{
    atomic_store(&caught, number);
}

void signals_catch(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }, old;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 &&
            !(numbers[i] == SIGHUP && old.sa_handler == SIG_IGN)) /* nohup */
            sigaction(numbers[i], &action, NULL);
}

int signals_caught(void)
{
    return atomic_load(&caught);
}

int signals_exit_code(void)
{
    return 128 + signals_caught();
}

/* proc(5): a thread's children, with CONFIG_PROC_CHILDREN. Without it they end by themselves, when
 * they see that their parent has. */
static void kill_children_of(const char *thread)
{
    char path[300];
    long pid;

    snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
    FILE *list = fopen(path, "re");
    while (list && fscanf(list, "%ld", &pid) == 1)
        kill((pid_t)pid, SIGKILL);
    if (list)
        fclose(list);
}

void signals_kill_children(void)
{
    DIR *threads = opendir("/proc/self/task");
    const struct dirent *entry;

    while (threads && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            kill_children_of(entry->d_name);
    if (threads)
        closedir(threads);
}
