/* The pool of helpers against a fake program that misbehaves in one way each (fake.c). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/helper/frame.h"
#include "tests/helper/support.h"

static helper_pool *open_pool(const char *program, int jobs, int timeout_ms)
{
    helper_pool *pool;
    assert_int_equal(helper_pool_create(&pool, program, jobs, timeout_ms), HELPER_OK);
    return pool;
}

static helper_pool *fake_pool(const char *mode, int jobs, int timeout_ms)
{
    setenv("AITER_FAKE", mode, 1);
    return open_pool(AITER_TEST_FAKE, jobs, timeout_ms);
}

/* One request to a fake that fails in this way. */
static void expect_failure(const char *mode, int timeout_ms, helper_status status, const char *part,
                           const char *part2)
{
    helper_pool *pool = fake_pool(mode, 1, timeout_ms);
    helper_blob identity, log;
    assert_int_equal(helper_identify(pool, &identity, &log), status);
    assert_null(identity.data);
    assert_non_null(log.data);
    assert_non_null(strstr(log.data, AITER_TEST_FAKE));
    if (part2 && !strstr(log.data, part2))
        fail_msg("\"%s\" is not in: %s", part2, log.data);
    assert_log_contains(&log, part);
    /* Without a log, too. */
    assert_int_equal(helper_identify(pool, &identity, NULL), status);
    helper_pool_destroy(pool);
}

static void expect_identity(helper_pool *pool, const char *text)
{
    helper_blob identity, log;
    helper_status status = helper_identify(pool, &identity, &log);
    if (status != HELPER_OK)
        fail_msg("status %d: %s", status, log.data);
    assert_string_equal(identity.data, text);
    assert_int_equal(identity.size, strlen(text));
    assert_null(log.data);
    helper_blob_free(&identity);
}

static void a_healthy_helper_is_reused(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("ok", 4, 5000);
    assert_string_equal(helper_pool_program(pool), AITER_TEST_FAKE);
    assert_int_equal(stat(path, &st), -1); /* nothing is started before the first request */
    for (int i = 0; i < 20; i++)
        expect_identity(pool, "fake 1 /fake\n");
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1);
    unlink(path);
}

static void death_by_signal_is_reported_with_its_last_words(void **state)
{
    (void)state;
    expect_failure("kill", 5000, HELPER_DIED, "killed by signal 9 (KILL)", "about to die");
}

static void unexpected_exit_is_reported(void **state)
{
    (void)state;
    expect_failure("exit", 5000, HELPER_DIED, "exited with status 7", "about to exit");
    expect_failure("exit-at-start", 5000, HELPER_DIED, "exited with status 6",
                   "before it read the request");
}

static void garbage_is_reported(void **state)
{
    (void)state;
    expect_failure("garbage", 5000, HELPER_DIED, "sent garbage (no frame magic)", NULL);
    expect_failure("unexpected", 5000, HELPER_DIED, "sent garbage (a frame that is no answer)",
                   NULL);
    expect_failure("checksum", 5000, HELPER_DIED, "sent garbage (wrong payload checksum)", NULL);
}

static void an_oversize_frame_is_refused(void **state)
{
    (void)state;
    expect_failure("oversize", 5000, HELPER_DIED, "frame longer than the limit of 256 MiB", NULL);
}

static void half_a_frame_is_reported(void **state)
{
    (void)state;
    expect_failure("half", 5000, HELPER_DIED, "stopped in the middle of an answer", NULL);
    expect_failure("half-header", 5000, HELPER_DIED, "stopped in the middle of an answer", NULL);
}

static void a_hang_ends_at_the_deadline(void **state)
{
    (void)state;
    int64_t start = frame_now_ms();
    expect_failure("hang", 1500, HELPER_TIMEOUT, "missed its deadline of 1500 ms and was killed",
                   "thinking for ever");
    expect_failure("half-hang", 200, HELPER_TIMEOUT, "missed its deadline", NULL);
    expect_failure("never-read", 200, HELPER_TIMEOUT, "missed its deadline", NULL);
    assert_in_range(frame_now_ms() - start, 2 * 1500 + 4 * 200, 2 * 1500 + 4 * 200 + 10000);
}

static void a_helper_that_does_not_read_cannot_block_a_large_request(void **state)
{
    (void)state;
    helper_pool *pool = fake_pool("never-read", 1, 200);
    helper_blob log;
    char *source = malloc((4 << 20) + 1);
    assert_non_null(source);
    memset(source, ' ', 4 << 20);
    source[4 << 20] = '\0';
    assert_int_equal(helper_compile(pool, "k", source, "", NULL, NULL, NULL, &log), HELPER_TIMEOUT);
    assert_log_contains(&log, "deadline");
    free(source);
    helper_pool_destroy(pool);
}

static void a_large_answer_arrives(void **state)
{
    (void)state;
    helper_pool *pool = fake_pool("big", 1, 20000);
    helper_blob identity;
    assert_int_equal(helper_identify(pool, &identity, NULL), HELPER_OK);
    assert_int_equal(identity.size, 8 << 20);
    assert_true(identity.data[0] == 'b' && identity.data[identity.size - 1] == 'b' &&
                !identity.data[identity.size]);
    helper_blob_free(&identity);
    helper_pool_destroy(pool);
}

static void output_of_the_helper_never_blocks_it(void **state)
{
    (void)state;
    helper_pool *pool = fake_pool("flood", 1, 20000);
    expect_identity(pool, "fake 1 /fake\n");
    expect_identity(pool, "fake 1 /fake\n");
    helper_pool_destroy(pool);
}

static void a_helper_that_died_while_idle_is_replaced_once(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("once", 1, 5000);
    expect_identity(pool, "fake 1 /fake\n");
    pid_t first;
    if (children_of(getpid(), &first, 1) == 1)
        assert_true(wait_until_gone(first));
    expect_identity(pool, "fake 1 /fake\n");
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 2);
    unlink(path);
}

static void the_replacement_is_not_replaced(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    helper_blob identity, log;
    pid_t first;
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("once", 1, 5000);
    expect_identity(pool, "fake 1 /fake\n");
    if (children_of(getpid(), &first, 1) == 1)
        assert_true(wait_until_gone(first));
    setenv("AITER_FAKE", "exit-at-start", 1);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_DIED);
    assert_log_contains(&log, "not in the mood");
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 2);
    unlink(path);
}

static void a_crash_during_the_work_is_not_retried(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    helper_blob identity, log;
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("kill", 1, 5000);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_DIED);
    assert_log_contains(&log, "without an answer");
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1);
    unlink(path);
}

static void a_crash_of_a_reused_helper_is_not_retried(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    helper_blob identity, log;
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("kill-second", 1, 5000);
    expect_identity(pool, "fake 1 /fake\n");
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_DIED);
    assert_log_contains(&log, "without an answer; killed by signal 9 (KILL)");
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1);
    unlink(path);
}

static void the_pool_recovers_from_each_failure(void **state)
{
    (void)state;
    static const char *const modes[] = {"kill", "garbage",  "hang",
                                        "half", "oversize", "exit-at-start"};
    helper_pool *pool = fake_pool("ok", 1, 2000);
    helper_blob identity;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        /* The running helper was started as a good one: end it, so that a bad one is started. */
        pid_t pid;
        expect_identity(pool, "fake 1 /fake\n");
        assert_int_equal(children_of(getpid(), &pid, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_true(wait_until_gone(pid));
        setenv("AITER_FAKE", modes[i], 1);
        assert_int_not_equal(helper_identify(pool, &identity, NULL), HELPER_OK);
        setenv("AITER_FAKE", "ok", 1);
        expect_identity(pool, "fake 1 /fake\n");
    }
    helper_pool_destroy(pool);
}

static void a_missing_program_is_named(void **state)
{
    (void)state;
    helper_blob identity, log;
    helper_pool *pool = open_pool("/nonexistent/aiter-compiler", 1, 1000);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_MISSING);
    assert_non_null(strstr(log.data, "No such file or directory"));
    assert_log_contains(&log, "/nonexistent/aiter-compiler");
    helper_pool_destroy(pool);
}

static void a_program_that_cannot_be_executed_is_named(void **state)
{
    (void)state;
    helper_blob identity, log;
    char path[128];
    snprintf(path, sizeof path, "%s/plain", watched_folder());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    chmod(path, 0644);
    helper_pool *pool = open_pool(path, 1, 1000);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_MISSING);
    assert_log_contains(&log, "Permission denied");
    helper_pool_destroy(pool);
    chmod(path, 0755); /* now executable, but empty: no program format */
    pool = open_pool(path, 1, 1000);
    helper_status status = helper_identify(pool, &identity, &log);
    assert_true(status == HELPER_MISSING || status == HELPER_DIED);
    assert_log_contains(&log, path);
    helper_pool_destroy(pool);
    unlink(path);
}

static void the_environment_names_the_program(void **state)
{
    (void)state;
    setenv("AITER_COMPILER", "/somewhere/else", 1);
    helper_pool *pool = open_pool(NULL, 1, 1000);
    assert_string_equal(helper_pool_program(pool), "/somewhere/else");
    helper_pool_destroy(pool);
    unsetenv("AITER_COMPILER");
    pool = open_pool(NULL, 1, 1000);
    assert_string_equal(helper_pool_program(pool), AITER_TEST_COMPILER); /* the build tree's */
    helper_pool_destroy(pool);
}

static void the_helper_gets_no_other_descriptor(void **state)
{
    (void)state;
    int leak = dup(0); /* without FD_CLOEXEC */
    assert_true(leak >= 0);
    helper_pool *pool = fake_pool("descriptors", 1, 5000);
    expect_identity(pool, "0 1 2 3 ");
    helper_pool_destroy(pool);
    close(leak);
}

/* A request while the descriptors 0 to 3 are closed here. The socket and the pipe then get numbers
 * that they shall not have in the helper, and that its descriptors are made over. */
static helper_status request_without_low_descriptors(helper_blob *identity)
{
    int saved[4];
    fflush(NULL);
    for (int i = 0; i < 4; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 20);
        close(i);
    }
    helper_pool *pool = fake_pool("descriptors", 1, 5000);
    helper_status status = helper_identify(pool, identity, NULL);
    helper_pool_destroy(pool);
    for (int i = 0; i < 4; i++) {
        if (saved[i] >= 0) {
            dup2(saved[i], i);
            close(saved[i]);
        }
    }
    return status;
}

static void low_descriptors_may_be_closed_here(void **state)
{
    (void)state;
    helper_blob identity;
    assert_int_equal(request_without_low_descriptors(&identity), HELPER_OK);
    assert_string_equal(identity.data, "0 1 2 3 ");
    helper_blob_free(&identity);
}

static void other_programs_get_none_of_the_pools_descriptors(void **state)
{
    (void)state;
    bool before[64];
    int opened = 0;
    for (int fd = 0; fd < 64; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    helper_pool *pool = fake_pool("ok", 1, 5000);
    expect_identity(pool, "fake 1 /fake\n");
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0 || before[fd])
            continue;
        assert_true(flags & FD_CLOEXEC);
        opened++;
    }
    assert_in_range(opened, 2, 3); /* socket, output, and a pidfd where there are such */
    helper_pool_destroy(pool);
}

static void a_helper_that_will_not_go_is_killed(void **state)
{
    (void)state;
    helper_pool *pool = fake_pool("stay", 1, 5000);
    expect_identity(pool, "fake 1 /fake\n");
    int64_t start = frame_now_ms();
    helper_pool_destroy(pool);
    assert_in_range(frame_now_ms() - start, 900, 5000);
}

static void a_request_over_the_limit_is_refused(void **state)
{
    (void)state;
    helper_pool *pool = fake_pool("ok", 1, 5000);
    helper_blob metadata, log;
    /* The bytes are never read: their number is enough. */
    assert_int_equal(helper_inspect(pool, "", (size_t)FRAME_MAX_PAYLOAD + 1, &metadata, NULL, &log),
                     HELPER_REJECTED);
    assert_log_contains(&log, "larger than the limit of 268435456");
    helper_pool_destroy(pool);
}

static void *one_slow_request(void *user)
{
    helper_blob identity;
    helper_status status = helper_identify(user, &identity, NULL);
    helper_blob_free(&identity);
    return (void *)(intptr_t)status;
}

static void threads_share_at_most_jobs_helpers(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    pthread_t threads[8];
    snprintf(path, sizeof path, "%s/starts", watched_folder());
    setenv("AITER_FAKE_LOG", path, 1);
    helper_pool *pool = fake_pool("slow", 3, 10000);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_slow_request, pool), 0);
    for (int i = 0; i < 8; i++) {
        void *status;
        assert_int_equal(pthread_join(threads[i], &status), 0);
        assert_int_equal((intptr_t)status, HELPER_OK);
    }
    helper_pool_destroy(pool);
    assert_int_equal(stat(path, &st), 0);
    /* Eight at once: more than one helper, and not more than three. */
    assert_in_range(st.st_size, 2, 3);
    unlink(path);
}

static void *one_failing_request(void *user)
{
    helper_blob identity, log;
    helper_status status = helper_identify(user, &identity, &log);
    helper_blob_free(&log);
    return (void *)(intptr_t)status;
}

static void failures_in_parallel_stay_apart(void **state)
{
    (void)state;
    pthread_t threads[8];
    helper_pool *pool = fake_pool("kill", 2, 10000);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, one_failing_request, pool), 0);
    for (int i = 0; i < 8; i++) {
        void *status;
        assert_int_equal(pthread_join(threads[i], &status), 0);
        assert_int_equal((intptr_t)status, HELPER_DIED);
    }
    helper_pool_destroy(pool);
}

/* The pid of the helper that answers. */
static long helper_pid(helper_pool *pool)
{
    helper_blob identity;
    if (helper_identify(pool, &identity, NULL) != HELPER_OK)
        return -1;
    long pid = atol(identity.data);
    helper_blob_free(&identity);
    return pid;
}

static void a_forked_child_uses_helpers_of_its_own(void **state)
{
    (void)state;
    int pipes[2], status;
    long pids[2] = {0, 0};
    helper_pool *pool = fake_pool("pid", 2, 5000);
    long mine = helper_pid(pool);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pids[0] = helper_pid(pool);
        pids[1] = helper_pid(pool);
        helper_pool_destroy(pool);
        _exit(write(pipes[1], pids, sizeof pids) == (ssize_t)sizeof pids ? 0 : 1);
    }
    assert_int_equal(read(pipes[0], pids, sizeof pids), sizeof pids);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(pipes[0]);
    close(pipes[1]);
    assert_true(pids[0] > 0 && pids[0] == pids[1] && pids[0] != mine);
    assert_true(wait_until_gone((pid_t)pids[0]));
    assert_int_equal(helper_pid(pool), mine); /* the parent's was left alone */
    helper_pool_destroy(pool);
}

static void the_applications_child_handling_is_survived(void **state)
{
    (void)state;
    /* With SIGCHLD ignored the kernel reaps by itself; the status is lost, nothing else. */
    helper_blob identity, log;
    signal(SIGCHLD, SIG_IGN);
    helper_pool *pool = fake_pool("kill", 1, 5000);
    assert_int_equal(helper_identify(pool, &identity, &log), HELPER_DIED);
    assert_log_contains(&log, "about to die");
    setenv("AITER_FAKE", "hang", 1);
    helper_pool_destroy(pool);
    pool = open_pool(AITER_TEST_FAKE, 1, 100);
    assert_int_equal(helper_identify(pool, &identity, NULL), HELPER_TIMEOUT);
    helper_pool_destroy(pool);
    signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    alarms++;
}

static void signals_do_not_disturb_a_request(void **state)
{
    (void)state;
    struct sigaction act = {.sa_handler = on_alarm}, old; /* without SA_RESTART */
    struct itimerval every_ms = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    helper_pool *pool = fake_pool("slow", 1, 10000);
    sigaction(SIGALRM, &act, &old);
    setitimer(ITIMER_REAL, &every_ms, NULL);
    expect_identity(pool, "fake 1 /fake\n");
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_true(alarms > 10);
    helper_pool_destroy(pool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_watched, end_watched)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_healthy_helper_is_reused),
        TEST(death_by_signal_is_reported_with_its_last_words),
        TEST(unexpected_exit_is_reported),
        TEST(garbage_is_reported),
        TEST(an_oversize_frame_is_refused),
        TEST(half_a_frame_is_reported),
        TEST(a_hang_ends_at_the_deadline),
        TEST(a_helper_that_does_not_read_cannot_block_a_large_request),
        TEST(a_large_answer_arrives),
        TEST(output_of_the_helper_never_blocks_it),
        TEST(a_helper_that_died_while_idle_is_replaced_once),
        TEST(the_replacement_is_not_replaced),
        TEST(a_crash_during_the_work_is_not_retried),
        TEST(a_crash_of_a_reused_helper_is_not_retried),
        TEST(the_pool_recovers_from_each_failure),
        TEST(a_missing_program_is_named),
        TEST(a_program_that_cannot_be_executed_is_named),
        TEST(the_environment_names_the_program),
        TEST(the_helper_gets_no_other_descriptor),
        TEST(low_descriptors_may_be_closed_here),
        TEST(other_programs_get_none_of_the_pools_descriptors),
        TEST(a_helper_that_will_not_go_is_killed),
        TEST(a_request_over_the_limit_is_refused),
        TEST(threads_share_at_most_jobs_helpers),
        TEST(failures_in_parallel_stay_apart),
        TEST(a_forked_child_uses_helpers_of_its_own),
        TEST(the_applications_child_handling_is_survived),
        TEST(signals_do_not_disturb_a_request),
    };
    return cmocka_run_group_tests_name("helper_pool", tests, NULL, NULL);
}
