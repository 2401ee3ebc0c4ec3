/* One DLTensor, checked by itself: rank, dtype, device, sizes, strides, pointer. */
#ifndef AITER_RUNTIME_TENSOR_H
#define AITER_RUNTIME_TENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include <aiter/aiter.h>

#include "gen/gen.h"

enum { RT_MAX_RANK = 5 };

/* Element types of arguments. The first are those of gen_dtype. */
typedef enum rt_dtype {
    RT_FP16 = GEN_FP16,
    RT_BF16 = GEN_BF16,
    RT_FP32 = GEN_FP32,
    RT_INT32,
    RT_BYTE,     /* uint8: E4M3 as the arch has it, from a caller whose DLPack has no code for it */
    RT_FP8_OCP,  /* E4M3 (e4m3fn) */
    RT_FP8_FNUZ, /* E4M3 (e4m3fnuz) */
    RT_NUM_DTYPES
} rt_dtype;

const char *rt_dtype_name(rt_dtype dtype);

/* What one argument has to look like. */
typedef struct rt_tensor_rule {
    const char *name; /* the argument's field, "q"                                       */
    int rank;
    const char *dims[RT_MAX_RANK];
    unsigned may_be_empty; /* bit d: dimension d may be 0                                      */
    unsigned dtypes;       /* bit t: rt_dtype t is accepted                                   */
    int batch_dim, row_dim, head_dim; /* which dimension is which; -1: there is none           */
    bool limit_rows;       /* the stride of row_dim is below RT_MAX_ROW_STRIDE                 */
    bool align;            /* pointer and strides are multiples of 16 bytes or of 8 elements,
                            * whichever is less; otherwise the pointer is one of an element      */
    bool written;          /* elements must not overlap each other                             */
    int last_step;         /* the last dimension is a multiple of this, 0: any size ...        */
    int last_max;          /* ... from it up to this                                           */
} rt_tensor_rule;

/* Kernels step over the rows of a tile with 32-bit signed byte offsets: this keeps 128 rows of
 * 16-bit elements below 2 GiB, where the offsets begin that stand for "outside". */
#define RT_MAX_ROW_STRIDE ((int64_t)1 << 23)

/* Kernels count rows in 32-bit signed integers and step past the last one by up to a tile. */
#define RT_MAX_SIZE ((int64_t)1 << 30)

/* A checked tensor. Strides of dimensions of size 0 and 1, which no address uses, are those of a
 * contiguous row, whatever the caller's were. */
typedef struct rt_tensor {
    const rt_tensor_rule *rule;
    rt_dtype dtype;
    int elem_bytes;
    uintptr_t address; /* of element 0; 0 if there is no data                              */
    int64_t size[RT_MAX_RANK];
    int64_t stride[RT_MAX_RANK]; /* elements */
    uint64_t extent; /* bytes from the first to behind the last element; 0: empty        */
} rt_tensor;

/* need_data: a tensor with elements must have a data pointer. */
aiter_status rt_tensor_read(const rt_tensor_rule *rule, const DLTensor *given, int device,
                            bool need_data, rt_tensor *out);

/* Do elements overlap each other? What rules say is written is checked by rt_tensor_read(); this is for
 * tensors that only some calls write. */
aiter_status rt_tensor_check_distinct(const rt_tensor *tensor);

#endif
