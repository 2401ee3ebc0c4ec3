#ifndef AITER_RUNTIME_INFO_H
#define AITER_RUNTIME_INFO_H

#include <aiter/aiter.h>

#include "gen/gen.h"
#include "runtime/envelope.h"

/* What the public API tells of a kernel; `symbol` is borrowed. */
aiter_kernel_info rt_kernel_info(const char *symbol, const gen_kernel *shape, const rt_code *code,
                                 bool from_cache);

#endif
