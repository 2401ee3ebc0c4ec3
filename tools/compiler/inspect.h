/* What a code object contains: metadata text as described in runtime/helper/helper.h, and
 * disassembly; through comgr. */
#ifndef AITER_COMPILER_INSPECT_H
#define AITER_COMPILER_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/compiler/text.h"
#include "tools/compiler/toolchain.h"

/* disassembly NULL: not wanted. false: err says what is wrong with the code object. */
bool inspect(const toolchain *tc, const void *code, size_t size, text *metadata, text *disassembly,
             text *err);

#endif
