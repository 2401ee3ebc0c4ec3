/* Which compiler this is, told by content: versions of ROCm packages say too little (hiprtcVersion
 * always says 9.0). */
#ifndef AITER_COMPILER_IDENTITY_H
#define AITER_COMPILER_IDENTITY_H

#include "tools/compiler/text.h"

/* Appends a line "NAME BUILDID-OR-DIGEST PATH" for each compiler library that is loaded into this
 * process, sorted. Paths have their spaces replaced, so that a line is three words. */
void identity_print(text *out);

#endif
