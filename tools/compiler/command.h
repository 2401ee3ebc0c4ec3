/* The command-line use of aiter-compiler. */
#ifndef AITER_COMPILER_COMMAND_H
#define AITER_COMPILER_COMMAND_H

#include <stdbool.h>

#include "tools/compiler/text.h"
#include "tools/compiler/toolchain.h"

typedef struct command_request {
    bool identify, disassemble;
    const char *compile, *arch, *output;    /* source file, target, file for the code object */
    text options;                           /* one a line                                    */
    const char *inspect;                    /* code object file                              */
} command_request;

/* Does the one thing that is asked for; messages go to stderr. Returns the exit status. */
int command_run(const toolchain *tc, command_request *request);

#endif
