/* A private folder for the compiler's temporary files.
 *
 * It is made under $TMPDIR or /tmp, entered, and named to the compiler as ".": no file name of this
 * machine gets into the code. A lock on it, which the kernel releases when the process ends in
 * whatever way, tells later processes whether it may be swept up. */
#ifndef AITER_COMPILER_SCRATCH_H
#define AITER_COMPILER_SCRATCH_H

#include <stdbool.h>

#include "tools/compiler/text.h"

/* Also sweeps up what killed processes of this user left. false: err names the folder and the
 * reason. */
bool scratch_enter(text *err);

/* Removes the folder. Safe to call without one, and from a second thread while the compiler works
 * in it. */
void scratch_remove(void);

#endif
