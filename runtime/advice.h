/* What an operator is told. */
#ifndef AITER_RUNTIME_ADVICE_H
#define AITER_RUNTIME_ADVICE_H

#include "runtime/layers.h"

/* `config` is in no layer and cannot be compiled, which the calling thread's detail message says
 * the reason of. It becomes one that says what is missing, where, and how to provide it. */
void rt_advise_missing(const rt_layers *layers, const char *config, aiter_status status);

#endif
