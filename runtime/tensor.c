#include "runtime/tensor.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/error.h"

#define INVALID AITER_ERROR_INVALID_ARGUMENT

/* DLPack's codes for 8-bit floats came with version 1.1; this one's header may be older. */
enum { DL_FLOAT8_E4M3FN = 10, DL_FLOAT8_E4M3FNUZ = 11 };

static const struct {
    uint8_t code, bits;
    rt_dtype dtype;
} dtypes[] = {
    { kDLFloat, 16, RT_FP16 },
    { kDLBfloat, 16, RT_BF16 },
    { kDLFloat, 32, RT_FP32 },
    { kDLInt, 32, RT_INT32 },
    { kDLUInt, 8, RT_BYTE },
    { DL_FLOAT8_E4M3FN, 8, RT_FP8_OCP },
    { DL_FLOAT8_E4M3FNUZ, 8, RT_FP8_FNUZ },
};

const char *rt_dtype_name(rt_dtype dtype)
{
    static const char *const names[] = { "fp16",  "bf16",       "fp32",        "int32",
                                         "uint8", "fp8 e4m3fn", "fp8 e4m3fnuz" };
    return names[dtype];
}

/* "fp16", or "int8" or "float64x2" for what we do not know. */
static void print_dtype(DLDataType type, char *out, size_t size)
{
    static const char *const codes[] = { "int", "uint", "float", "handle", "bfloat", "complex" };
    char lanes[16] = "";
    if (type.lanes != 1)
        snprintf(lanes, sizeof lanes, "x%d", type.lanes);
    if (type.code < sizeof codes / sizeof codes[0])
        snprintf(out, size, "%s%d%s", codes[type.code], type.bits, lanes);
    else
        snprintf(out, size, "type code %d with %d bits%s", type.code, type.bits, lanes);
}

static void print_accepted(unsigned accepted, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int t = 0; t < RT_NUM_DTYPES; t++)
        if (accepted & 1u << t)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " or " : "",
                                     rt_dtype_name((rt_dtype)t));
}

static aiter_status fail_dtype(const rt_tensor_rule *rule, DLDataType type)
{
    char found[64], expected[128];
    print_dtype(type, found, sizeof found);
    print_accepted(rule->dtypes, expected, sizeof expected);
    return rt_fail(INVALID, "%s.dtype is %s: expected %s", rule->name, found, expected);
}

static aiter_status read_dtype(const rt_tensor_rule *rule, DLDataType type, rt_tensor *out)
{
    if (type.lanes != 1)
        return rt_fail(INVALID, "%s.dtype.lanes is %d: expected 1", rule->name, type.lanes);
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (dtypes[i].code == type.code && dtypes[i].bits == type.bits &&
            rule->dtypes & 1u << dtypes[i].dtype) {
            out->dtype = dtypes[i].dtype;
            out->elem_bytes = type.bits / 8;
            return AITER_OK;
        }
    return fail_dtype(rule, type);
}

static aiter_status check_device(const rt_tensor_rule *rule, DLDevice found, int device)
{
    if (found.device_type != kDLROCM)
        return rt_fail(INVALID, "%s.device.device_type is %d: expected %d (kDLROCM)", rule->name,
                       (int)found.device_type, (int)kDLROCM);
    if (found.device_id != device)
        return rt_fail(INVALID, "%s.device.device_id is %d: expected %d, the context's device",
                       rule->name, found.device_id, device);
    return AITER_OK;
}

static aiter_status check_last_size(const rt_tensor_rule *rule, int64_t size)
{
    int d = rule->rank - 1, step = rule->last_step;
    if (step == 0 || (size >= step && size <= rule->last_max && size % step == 0))
        return AITER_OK;
    return rt_fail(INVALID,
                   "%s.shape[%d] (%s) is %" PRId64 ": expected a multiple of %d from %d to %d",
                   rule->name, d, rule->dims[d], size, step, step, rule->last_max);
}

static aiter_status read_sizes(const rt_tensor_rule *rule, const int64_t *shape, rt_tensor *out)
{
    aiter_status status = check_last_size(rule, shape[rule->rank - 1]);
    if (status != AITER_OK)
        return status;
    for (int d = 0; d < rule->rank; d++) {
        int64_t least = rule->may_be_empty & 1u << d ? 0 : 1;
        if (shape[d] < least || shape[d] > RT_MAX_SIZE)
            return rt_fail(INVALID,
                           "%s.shape[%d] (%s) is %" PRId64 ": expected %" PRId64 " to %" PRId64,
                           rule->name, d, rule->dims[d], shape[d], least, RT_MAX_SIZE);
        out->size[d] = shape[d];
    }
    return AITER_OK;
}

/* NULL strides: the product of the sizes behind. */
static aiter_status contiguous_strides(const rt_tensor_rule *rule, rt_tensor *out)
{
    int64_t stride = 1;
    for (int d = rule->rank - 1; d >= 0; d--) {
        out->stride[d] = stride;
        if (__builtin_mul_overflow(stride, out->size[d] ? out->size[d] : 1, &stride))
            return rt_fail(INVALID, "%s has more elements than 64-bit offsets can reach",
                           rule->name);
    }
    return AITER_OK;
}

/* In elements, a power of two: kernels load 8 elements of 8 or 16 bits at a time, 4 of 32. */
static int alignment(const rt_tensor_rule *rule, int elem_bytes)
{
    return !rule->align ? 1 : elem_bytes == 4 ? 4 : 8;
}

static aiter_status check_stride(const rt_tensor_rule *rule, int d, int64_t stride, int elem_bytes)
{
    int align = alignment(rule, elem_bytes);
    if (stride < 0)
        return rt_fail(INVALID, "%s.strides[%d] (%s) is %" PRId64 ": expected 0 or more",
                       rule->name, d, rule->dims[d], stride);
    if (d == rule->rank - 1)
        return stride == 1 ? AITER_OK
                           : rt_fail(INVALID,
                                     "%s.strides[%d] (%s) is %" PRId64
                                     ": expected 1, the last dimension is contiguous",
                                     rule->name, d, rule->dims[d], stride);
    if (stride & (align - 1))
        return rt_fail(
            INVALID,
            "%s.strides[%d] (%s) is %" PRId64 ": expected a multiple of %d elements (%d bytes)",
            rule->name, d, rule->dims[d], stride, align, align * elem_bytes);
    if (rule->limit_rows && d == rule->row_dim && stride >= RT_MAX_ROW_STRIDE)
        return rt_fail(AITER_ERROR_UNSUPPORTED,
                       "%s.strides[%d] (%s) is %" PRId64 ": expected less than %" PRId64
                       " elements",
                       rule->name, d, rule->dims[d], stride, RT_MAX_ROW_STRIDE);
    return AITER_OK;
}

static aiter_status read_strides(const rt_tensor_rule *rule, const int64_t *strides, rt_tensor *out)
{
    if (!strides) {
        aiter_status status = contiguous_strides(rule, out);
        if (status != AITER_OK)
            return status;
    }
    int last = rule->rank - 1;
    for (int d = 0; d <= last; d++) {
        if (out->size[d] <= 1) {
            out->stride[d] = d == last ? 1 : out->size[last];
            continue;
        }
        if (strides)
            out->stride[d] = strides[d];
        aiter_status status = check_stride(rule, d, out->stride[d], out->elem_bytes);
        if (status != AITER_OK)
            return status;
    }
    return AITER_OK;
}

static aiter_status read_extent(const rt_tensor_rule *rule, rt_tensor *out)
{
    int64_t elements = 1;
    for (int d = 0; d < rule->rank; d++) {
        int64_t span;
        if (out->size[d] == 0) {
            out->extent = 0;
            return AITER_OK;
        }
        if (__builtin_mul_overflow(out->size[d] - 1, out->stride[d], &span) ||
            __builtin_add_overflow(elements, span, &elements) || elements > INT64_MAX / 16)
            return rt_fail(INVALID,
                           "%s.strides[%d] (%s) is %" PRId64
                           ": the last element is beyond 64-bit byte offsets",
                           rule->name, d, rule->dims[d], out->stride[d]);
    }
    out->extent = (uint64_t)elements * (unsigned)out->elem_bytes;
    return AITER_OK;
}

static aiter_status read_pointer(const rt_tensor_rule *rule, const DLTensor *given, bool need_data,
                                 rt_tensor *out)
{
    out->address = 0;
    if (!given->data) {
        if (need_data && out->extent > 0)
            return rt_fail(INVALID, "%s.data is NULL: expected a device pointer", rule->name);
        return AITER_OK;
    }
    int align = alignment(rule, out->elem_bytes) * out->elem_bytes;
    out->address = (uintptr_t)given->data + given->byte_offset;
    if (out->extent > 0 && out->address & (uintptr_t)(align - 1))
        return rt_fail(INVALID,
                       "%s.data + byte_offset is 0x%" PRIxPTR ": expected a multiple of %d bytes",
                       rule->name, out->address, align);
    return AITER_OK;
}

/* Layouts nest: from the smallest stride up, each dimension steps over all that is inside it. */
aiter_status rt_tensor_check_distinct(const rt_tensor *t)
{
    const rt_tensor_rule *rule = t->rule;
    int order[RT_MAX_RANK], n = 0;
    for (int d = 0; d < rule->rank; d++) {
        if (t->size[d] <= 1)
            continue;
        int at = n++;
        for (; at > 0 && t->stride[order[at - 1]] > t->stride[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    int64_t inside = 1;
    for (int i = 0; i < n && t->extent > 0; i++) {
        int d = order[i];
        if (t->stride[d] < inside)
            return rt_fail(INVALID,
                           "%s.strides[%d] (%s) is %" PRId64 ": expected at least %" PRId64
                           ", elements of a written tensor must not overlap",
                           rule->name, d, rule->dims[d], t->stride[d], inside);
        inside += (t->size[d] - 1) * t->stride[d];
    }
    return AITER_OK;
}

static aiter_status fail_rank(const rt_tensor_rule *rule, int rank)
{
    char dims[128] = "";
    size_t used = 0;
    for (int d = 0; d < rule->rank; d++)
        used += (size_t)snprintf(dims + used, sizeof dims - used, "%s%s", d ? ", " : "",
                                 rule->dims[d]);
    return rt_fail(INVALID, "%s.ndim is %d: expected %d (%s)", rule->name, rank, rule->rank, dims);
}

static aiter_status check_present(const rt_tensor_rule *rule, const DLTensor *given)
{
    if (!given)
        return rt_fail(INVALID, "%s is NULL: expected a tensor", rule->name);
    if (given->ndim != rule->rank)
        return fail_rank(rule, given->ndim);
    if (!given->shape)
        return rt_fail(INVALID, "%s.shape is NULL: expected %d sizes", rule->name, rule->rank);
    return AITER_OK;
}

aiter_status rt_tensor_read(const rt_tensor_rule *rule, const DLTensor *given, int device,
                            bool need_data, rt_tensor *out)
{
    aiter_status status;
    out->rule = rule;
    if ((status = check_present(rule, given)) != AITER_OK ||
        (status = read_dtype(rule, given->dtype, out)) != AITER_OK ||
        (status = check_device(rule, given->device, device)) != AITER_OK ||
        (status = read_sizes(rule, given->shape, out)) != AITER_OK ||
        (status = read_strides(rule, given->strides, out)) != AITER_OK ||
        (status = read_extent(rule, out)) != AITER_OK ||
        (status = read_pointer(rule, given, need_data, out)) != AITER_OK)
        return status;
    return rule->written ? rt_tensor_check_distinct(out) : AITER_OK;
}
