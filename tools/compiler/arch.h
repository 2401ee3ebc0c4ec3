/* Target ids and compile options, checked before hiprtc sees them: it aborts on an arch that it
 * does not know. */
#ifndef AITER_COMPILER_ARCH_H
#define AITER_COMPILER_ARCH_H

#include <stdbool.h>

#include "tools/compiler/text.h"

enum { TARGET_MAX = 64 };

/* Checks a target id, e.g. "gfx942" or "gfx942:sramecc+:xnack-". err names what is wrong and what
 * is known. */
bool target_check(const char *target, text *err);

/* Splits options (one a line, empty lines skipped) in place into argv, which has room for max.
 * Exactly one of them has to name the target, as --offload-arch=TARGET or
 * --gpu-architecture=TARGET; it is checked and copied out. Returns the number of options, or -1
 * with err filled. */
int options_split(char *options, const char **argv, int max, char target[TARGET_MAX], text *err);

#endif
