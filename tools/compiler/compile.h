/* Source to code object, through hiprtc. */
#ifndef AITER_COMPILER_COMPILE_H
#define AITER_COMPILER_COMPILE_H

#include <stdbool.h>

#include "tools/compiler/text.h"
#include "tools/compiler/toolchain.h"

/* `options` is cut up. On success `code` has the code object and `log` warnings; else `log` says
 * why. */
bool compile(const toolchain *tc, const char *name, const char *source, char *options, text *code,
             text *log);

#endif
