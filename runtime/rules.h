/* What each tensor of an operation has to look like. */
#ifndef AITER_RUNTIME_RULES_H
#define AITER_RUNTIME_RULES_H

#include "runtime/request.h"
#include "runtime/tensor.h"

/* q, k, v, out and lse come in forms, which depend on the operation and on the rank of q. */
const rt_tensor_rule *rt_rule(const rt_request *request, rt_argument argument);

/* Are q's rows those of all sequences, one after the other? */
bool rt_is_packed(const rt_request *request);

/* Are k and v a cache: blocks of rows, in one of the layouts? */
bool rt_is_cache(const rt_request *request);

#endif
