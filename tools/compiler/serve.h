/* The helper's side of the protocol in runtime/helper/frame.h. */
#ifndef AITER_COMPILER_SERVE_H
#define AITER_COMPILER_SERVE_H

#include "tools/compiler/toolchain.h"

/* Answers requests on the socket `fd` until the client closes it or dies; does not return. tc NULL:
 * every request is answered with no_toolchain as the reason. `parent` is the client's pid. */
_Noreturn void serve(int fd, long parent, const toolchain *tc, const char *no_toolchain);

#endif
