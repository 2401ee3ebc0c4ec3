#include "runtime/compiler.h"

#include "runtime/error.h"

enum { DEFAULT_TIMEOUT_MS = 120000 };

aiter_status rt_compiler_init(rt_compiler *compiler, const aiter_context_options *options)
{
    compiler->timeout_ms =
        options->compile_timeout_ms ? options->compile_timeout_ms : DEFAULT_TIMEOUT_MS;
    helper_status status = helper_pool_create(&compiler->pool, options->compiler,
                                              options->compile_jobs, compiler->timeout_ms);
    if (status == HELPER_OK)
        return AITER_OK;
    compiler->pool = NULL;
    return rt_fail_memory("the compiler pool");
}

void rt_compiler_release(rt_compiler *compiler)
{
    if (compiler->pool)
        helper_pool_destroy(compiler->pool);
    compiler->pool = NULL;
}

const char *rt_compiler_program(const rt_compiler *compiler)
{
    return helper_pool_program(compiler->pool);
}

void rt_compile_reply_free(rt_compile_reply *reply)
{
    helper_blob_free(&reply->code);
    helper_blob_free(&reply->metadata);
    helper_blob_free(&reply->identity);
    helper_blob_free(&reply->log);
}

/* The log names the program and says how it ended. */
static aiter_status fail(helper_status status, const char *what, const char *about,
                         const helper_blob *log)
{
    const char *text = log->data && log->size > 0 ? log->data : "the compiler left no log";
    switch (status) {
    case HELPER_MISSING:
        return rt_fail(AITER_ERROR_COMPILER_MISSING, "no usable compiler for %s%s: %s", what, about,
                       text);
    case HELPER_REJECTED:
        return rt_fail(AITER_ERROR_COMPILE_FAILED, "%s%s was rejected: %s", what, about, text);
    case HELPER_DIED:
        return rt_fail(AITER_ERROR_COMPILER_DIED, "%s%s failed: %s", what, about, text);
    case HELPER_TIMEOUT:
        return rt_fail(AITER_ERROR_COMPILER_TIMEOUT, "%s%s failed: %s", what, about, text);
    case HELPER_NO_MEMORY:
        return rt_fail_memory("a compile");
    case HELPER_OK:
        break;
    }
    return rt_fail(AITER_ERROR_INTERNAL, "helper status %d for %s%s", (int)status, what, about);
}

aiter_status rt_compiler_compile(const rt_compiler *compiler, const rt_compile_request *request,
                                 rt_compile_reply *reply)
{
    /* One constant name: it is part of the code object, which has to be the same for everybody. */
    static const char program_name[] = "aiter.hip";
    *reply = (rt_compile_reply){ 0 };
    helper_status status =
        helper_compile(compiler->pool, program_name, request->source, request->options,
                       &reply->code, &reply->metadata, &reply->identity, &reply->log);
    if (status == HELPER_OK)
        return AITER_OK;
    return fail(status, "the compile of ", request->config, &reply->log);
}

aiter_status rt_compiler_identify(const rt_compiler *compiler, helper_blob *identity)
{
    helper_blob log = { 0 };
    *identity = (helper_blob){ 0 };
    helper_status status = helper_identify(compiler->pool, identity, &log);
    aiter_status result = AITER_OK;
    if (status != HELPER_OK)
        result = fail(status, "asking for the toolchain's identity", "", &log);
    helper_blob_free(&log);
    return result;
}
