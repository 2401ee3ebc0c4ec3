/* What every runtime test needs: a folder of its own, the fake HIP runtime, the fake compiler,
 * tensors. */
#ifndef TESTS_RUNTIME_FIXTURE_H
#define TESTS_RUNTIME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <aiter/aiter.h>

#include "tests/runtime/fake_hip.h"

typedef struct fixture {
    char dir[256]; /* temporary; cache/ and compiler/ are in it                        */
    char cache_dir[300], compiler_dir[300], library[400];
    fake_hip *hip;
    char log[16384]; /* what the log callback got, "LEVEL message\n"                     */
    aiter_context_options options; /* for contexts: fake HIP, fake compiler, the cache, the log */
} fixture;

/* cmocka setup and teardown: *state is a fixture with a well-behaved compiler and an empty cache.
 */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Loads the fake HIP runtime and makes it well-behaved: two devices, no faults. */
void fixture_reset_hip(fixture *f);
/* What the fake compiler does from now on. */
void fixture_compiler_mode(const fixture *f, const char *mode);
/* The identity that the fake compiler answers; the library it names gets build-id `id` (hex, even
 * length). */
void fixture_set_toolchain(const fixture *f, const char *id);
/* Lines of the fake compiler's log that start with `prefix`. */
int fixture_count(const fixture *f, const char *prefix);

/* A context that must come into being. */
aiter_context *fixture_context(fixture *f);
aiter_stats fixture_stats(const aiter_context *ctx);

void write_text(const char *path, const char *text);
void write_elf(const char *path, const char *build_id);

/* ---- Arguments of an attention call ---- */

enum { Q, K, V, OUT, LSE, NUM_TENSORS };

typedef struct input {
    aiter_attn_args args;
    DLTensor tensor[NUM_TENSORS];
    int64_t shape[NUM_TENSORS][5], strides[NUM_TENSORS][5];
} input;

/* Contiguous bf16 tensors at made-up addresses, strides spelled out, with LSE: batch 2, seqlen_q
 * 100, seqlen_k 130, 8 heads, 2 KV heads, head_dim 128. args points into the structure. */
void input_init(input *in);
/* Recomputes contiguous strides after a change of shape. */
void input_restride(input *in);
/* The same with another head_dim: another kernel. */
void input_init_dim(input *in, int head_dim);

/* The call returned `expected`, and the detail message contains `text`. */
void assert_failed(aiter_status actual, aiter_status expected, const char *text);
void assert_ok(aiter_status actual);

#endif
