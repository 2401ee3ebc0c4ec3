/* 64 processes that start at once on an empty cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

enum { PROCESSES = 64 };

/* Starts when the pipe is closed, so that all do at the same time. */
static int start_cold(fixture *f, int gate, int head_dim, int causal)
{
    char byte;
    input in;
    aiter_context *ctx;
    alarm(100);
    f->options.log = NULL;
    if (read(gate, &byte, 1) != 0)
        return 1;
    input_init_dim(&in, head_dim);
    in.args.causal = causal;
    if (aiter_context_create(&ctx, &f->options) != AITER_OK ||
        aiter_flash_attn_func(ctx, &in.args) != AITER_OK)
        return 2;
    aiter_context_destroy(ctx);
    return 0;
}

/* Process i asks for kernel i * step. */
static void start_fleet(fixture *f, int step)
{
    pid_t pids[PROCESSES];
    int gate[2], status;
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(gate[1]);
            _exit(start_cold(f, gate[0], 8 + i * step / 2 * 8, i * step % 2));
        }
        assert_true(pids[i] > 0);
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void test_one_kernel_is_compiled_once(void **state)
{
    fixture *f = *state;
    fixture_compiler_mode(f, "slow");
    start_fleet(f, 0);
    assert_int_equal(fixture_count(f, "compile"), 1);
    assert_int_equal(fixture_count(f, "identify"), 1);
}

static void test_64_kernels_are_compiled_once_each(void **state)
{
    fixture *f = *state;
    start_fleet(f, 1);
    assert_int_equal(fixture_count(f, "compile"), PROCESSES);
    assert_int_equal(fixture_count(f, "identify"), 1);
    start_fleet(f, 1);
    assert_int_equal(fixture_count(f, "compile"), PROCESSES);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_one_kernel_is_compiled_once),
        T(test_64_kernels_are_compiled_once_each),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
