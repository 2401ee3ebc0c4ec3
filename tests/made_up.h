/* Tensors for runtimes that never look at them. */
#ifndef TESTS_MADE_UP_H
#define TESTS_MADE_UP_H

#include <string.h>

#include <dlpack/dlpack.h>

/* Makes `tensor` contiguous, at an address of its own for each number; `shape` keeps its sizes. */
static inline const DLTensor *make_up(DLTensor *tensor, int64_t shape[5], int number, int code,
                                      int bits, int ndim, int64_t s0, int64_t s1, int64_t s2,
                                      int64_t s3)
{
    const int64_t sizes[5] = { s0, s1, s2, s3, 0 };
    memcpy(shape, sizes, sizeof sizes);
    *tensor = (DLTensor){ .data = (void *)(UINT64_C(0x100000000) * (unsigned)(number + 1)),
                          .device = { kDLROCM, 0 },
                          .ndim = ndim,
                          .dtype = { (uint8_t)code, (uint8_t)bits, 1 },
                          .shape = shape };
    return tensor;
}

#endif
