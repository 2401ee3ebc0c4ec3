/* What the tests of the compiler helper share. */
#ifndef AITER_TESTS_HELPER_SUPPORT_H
#define AITER_TESTS_HELPER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/types.h>

#include "runtime/helper/helper.h"

/* Setup and teardown of each test: it leaves no open descriptor, no child process, and nothing in
 * its $TMPDIR, which is a fresh folder. */
int begin_watched(void **state);
int end_watched(void **state);

/* Path of that folder. */
const char *watched_folder(void);

/* pids of processes whose parent is `parent`, at most max. */
int children_of(pid_t parent, pid_t *out, int max);

/* Waits up to 10 s for `parent` to have aiter-compiler as a child; fails the test otherwise. */
pid_t wait_for_helper(pid_t parent);

/* Waits up to 10 s for a process to be gone (or a zombie of somebody else's). */
bool wait_until_gone(pid_t pid);

void sleep_ms(int ms);

/* The blob's text contains `part`; shows the text otherwise. Frees the blob. */
void assert_log_contains(helper_blob *log, const char *part);

#endif
