/* Which compiler code objects come from, known without starting it.
 *
 * A code object's key has the digest of the compiler libraries' names and build-ids. Only the
 * compiler process knows which libraries those are, but it takes too long to ask it in each
 * process. So its answer is kept in the cache, under the program's path and the environment that
 * decides what it loads; a later process reads the answer and checks the named files' build-ids
 * itself. */
#ifndef AITER_RUNTIME_TOOLCHAIN_H
#define AITER_RUNTIME_TOOLCHAIN_H

#include "runtime/compiler.h"
#include "runtime/identity.h"
#include "runtime/layers.h"
#include "runtime/log.h"

typedef struct rt_toolchain rt_toolchain;

/* layers, compiler and log stay the caller's. With may_ask false, no compiler process is started.
 * NULL: out of memory. */
rt_toolchain *rt_toolchain_new(const rt_layers *layers, const rt_compiler *compiler, bool may_ask,
                               const rt_logger *log);
void rt_toolchain_free(rt_toolchain *toolchain);

/* The digest to look code objects up by in a layer. With the compiler gone, the last one that
 * filled the layer; "" if there is none. Thread-safe. Errors: those of rt_compiler_identify(),
 * NOT_CACHED if it may not be asked; if no layer has a record either. */
aiter_status rt_toolchain_digest(rt_toolchain *toolchain, int layer, char digest[RT_DIGEST_MAX]);

/* A compile was done by `identity`, which becomes what is looked up from now on, in this process
 * and later ones. digest receives what the code object is to be stored under. Thread-safe. Errors:
 * COMPILER_DIED (the text is malformed), OUT_OF_MEMORY. */
aiter_status rt_toolchain_learn(rt_toolchain *toolchain, const char *identity,
                                char digest[RT_DIGEST_MAX]);

#endif
