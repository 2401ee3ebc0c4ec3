/* --emit-source and --emit-code: kernels as files that others can build on. */
#ifndef AITER_PRECOMPILE_EMIT_H
#define AITER_PRECOMPILE_EMIT_H

#include <aiter/aiter.h>

#include "tools/precompile/select.h"

enum { EMIT_ERROR_MAX = 512 };

/* Makes `dir` and its parents if they do not exist. */
bool emit_make_dir(const char *dir, char error[EMIT_ERROR_MAX]);

/* DIR/SYMBOL.hip, the translation unit that is compiled, byte for byte, and DIR/SYMBOL.options, one
 * hiprtc option per line. Every file is complete under its name or not there. */
bool emit_source(const char *dir, const selected *item, char error[EMIT_ERROR_MAX]);

/* DIR/SYMBOL.hsaco, the code object, and DIR/SYMBOL.json, what a launcher must know. */
bool emit_code(const char *dir, const selected *item, const aiter_warm_result *result,
               char error[EMIT_ERROR_MAX]);

#endif
