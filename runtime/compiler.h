/* The compiler helper as this library sees it: its answers become statuses and messages. */
#ifndef AITER_RUNTIME_COMPILER_H
#define AITER_RUNTIME_COMPILER_H

#include <aiter/aiter.h>

#include "runtime/helper/helper.h"

typedef struct rt_compiler {
    helper_pool *pool;
    int timeout_ms; /* deadline of one compile */
} rt_compiler;

/* Starts nothing: a compiler that is not there is no error before it is needed. Errors:
 * OUT_OF_MEMORY. */
aiter_status rt_compiler_init(rt_compiler *compiler, const aiter_context_options *options);
void rt_compiler_release(rt_compiler *compiler);

/* The program's path, whether or not it exists. */
const char *rt_compiler_program(const rt_compiler *compiler);

/* What the compiler was asked to build. */
typedef struct rt_compile_request {
    const char *config, *source, *options;
} rt_compile_request;

typedef struct rt_compile_reply {
    helper_blob code, metadata, identity, log;
} rt_compile_reply;

void rt_compile_reply_free(rt_compile_reply *reply);

/* On failure the detail message has the configuration, what happened and the log; reply->log is set
 * too. The caller frees the reply in any case. Errors: COMPILER_MISSING, COMPILE_FAILED,
 * COMPILER_DIED, COMPILER_TIMEOUT, OUT_OF_MEMORY. */
aiter_status rt_compiler_compile(const rt_compiler *compiler, const rt_compile_request *request,
                                 rt_compile_reply *reply);

/* *identity is the toolchain's identity text. Errors as rt_compiler_compile(). */
aiter_status rt_compiler_identify(const rt_compiler *compiler, helper_blob *identity);

#endif
