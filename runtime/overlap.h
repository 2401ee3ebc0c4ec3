/* Do two tensors share memory? */
#ifndef AITER_RUNTIME_OVERLAP_H
#define AITER_RUNTIME_OVERLAP_H

#include <stdbool.h>

#include "runtime/tensor.h"

/* false: no element of one is in the other. true: they share an element, or are interleaved in a
 * way that this does not analyse. Slices of one packed buffer (equal strides, different offsets)
 * are told apart. */
bool rt_overlap(const rt_tensor *a, const rt_tensor *b);

#endif
