#include "runtime/overlap.h"

/* The distance between element x of a and element y of b is `delta` plus a combination of strides.
 * Since both have the same strides, they share an element if some combination of index differences
 * (each from -(size_b - 1) to size_a - 1) brings the distance between -len_b and len_a, the rows'
 * lengths. */
typedef struct axis {
    int64_t stride;    /* bytes */
    int64_t low, high; /* range of the index difference */
} axis;

enum { MAX_TRIES = 4 };

static bool reaches(const axis *axes, int n, int64_t delta, int64_t len_a, int64_t len_b)
{
    if (n == 0)
        return delta < len_a && -delta < len_b;
    int64_t below = len_b, above = len_a; /* how far the inner axes can move the distance */
    for (int i = 1; i < n; i++) {
        below -= axes[i].low * axes[i].stride;
        above += axes[i].high * axes[i].stride;
    }
    if (axes[0].stride == 0)
        return true;
    /* delta - k * stride must lie between -below and above */
    int64_t k = (delta - above) / axes[0].stride - 1, last = (delta + below) / axes[0].stride + 1;
    k = k < axes[0].low ? axes[0].low : k;
    last = last > axes[0].high ? axes[0].high : last;
    if (last - k > MAX_TRIES)
        return true;
    for (; k <= last; k++)
        if (reaches(axes + 1, n - 1, delta - k * axes[0].stride, len_a, len_b))
            return true;
    return false;
}

/* Axes with the largest stride first. False: the strides differ. */
static bool common_axes(const rt_tensor *a, const rt_tensor *b, axis *axes, int *count)
{
    int rank = a->rule->rank, n = 0;
    if (b->rule->rank != rank || a->elem_bytes != b->elem_bytes)
        return false;
    for (int d = 0; d < rank - 1; d++) {
        if (a->size[d] == 1 && b->size[d] == 1)
            continue;
        int64_t stride = a->size[d] == 1 ? b->stride[d] : a->stride[d];
        if (b->size[d] != 1 && b->stride[d] != stride)
            return false;
        axis x = { stride * a->elem_bytes, 1 - b->size[d], a->size[d] - 1 };
        int at = n++;
        for (; at > 0 && axes[at - 1].stride < x.stride; at--)
            axes[at] = axes[at - 1];
        axes[at] = x;
    }
    *count = n;
    return true;
}

bool rt_overlap(const rt_tensor *a, const rt_tensor *b)
{
    if (a->extent == 0 || b->extent == 0)
        return false;
    if (a->address + a->extent <= b->address || b->address + b->extent <= a->address)
        return false;
    axis axes[RT_MAX_RANK];
    int n;
    if (!common_axes(a, b, axes, &n))
        return true;
    int last = a->rule->rank - 1;
    return reaches(axes, n, (int64_t)(b->address - a->address), a->size[last] * a->elem_bytes,
                   b->size[last] * b->elem_bytes);
}
