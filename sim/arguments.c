#include "sim/arguments.h"

#include <string.h>

#include "sim/report.h"

static bool is_hidden(const helper_kernel_arg *arg)
{
    return !strncmp(arg->kind, "hidden_", 7);
}

static bool fits(const sim_function *f, const helper_kernel_arg *arg)
{
    uint32_t size = sim_function_kernarg_bytes(f);
    return arg->size <= size && arg->offset <= size - arg->size;
}

static hip_error pack_params(uint8_t *kernarg, const sim_function *f, void **params)
{
    size_t index = 0;
    for (size_t i = 0; i < f->meta->num_args; i++) {
        const helper_kernel_arg *arg = &f->meta->args[i];
        if (is_hidden(arg))
            continue;
        if (!params[index]) {
            sim_report("kernel %s: kernelParams[%zu] (%s) is NULL", f->name, index, arg->name);
            return HIP_ERROR_INVALID_VALUE;
        }
        memcpy(kernarg + arg->offset, params[index++], arg->size);
    }
    return HIP_SUCCESS;
}

/* The real runtime takes exactly this order of keys. A buffer beyond the kernel's arguments is cut
 * off, as there. */
static hip_error pack_extra(uint8_t *kernarg, const sim_function *f, void **extra)
{
    if (extra[0] != HIP_EXTRA_BUFFER_POINTER || extra[2] != HIP_EXTRA_BUFFER_SIZE ||
        extra[4] != HIP_EXTRA_END || !extra[1] || !extra[3]) {
        sim_report("kernel %s: extra is not {BUFFER_POINTER, p, BUFFER_SIZE, &size, END}", f->name);
        return HIP_ERROR_INVALID_VALUE;
    }
    size_t size = *(const size_t *)extra[3], room = sim_function_kernarg_bytes(f);
    memcpy(kernarg, extra[1], size < room ? size : room);
    return HIP_SUCCESS;
}

/* Kinds and meanings: LLVM's AMDGPU usage guide, "Code Object V5 Metadata", hidden arguments. What
 * is not listed here (queue, hostcall, heap, printf, multigrid ...) has no counterpart in the
 * simulator and stays 0. */
static uint64_t hidden_value(const char *kind, const sim_geometry *g)
{
    static const char *const per_dimension[] = {"hidden_block_count_", "hidden_group_size_",
                                                "hidden_remainder_"};
    for (int k = 0; k < 3; k++) {
        size_t length = strlen(per_dimension[k]);
        if (strncmp(kind, per_dimension[k], length) || kind[length] < 'x' || kind[length] > 'z')
            continue;
        int d = kind[length] - 'x';
        return k == 0 ? g->grid[d] / g->block[d] : k == 1 ? g->block[d] : g->grid[d] % g->block[d];
    }
    if (!strcmp(kind, "hidden_grid_dims"))
        return 3; /* HIP always launches three dimensions */
    if (!strcmp(kind, "hidden_dynamic_lds_size"))
        return g->dynamic_lds;
    if (!strcmp(kind, "hidden_private_base"))
        return SIM_PRIVATE_APERTURE_HI;
    if (!strcmp(kind, "hidden_shared_base"))
        return SIM_SHARED_APERTURE_HI;
    return 0;
}

static void pack_hidden(uint8_t *kernarg, const sim_function *f, const sim_geometry *g)
{
    for (size_t i = 0; i < f->meta->num_args; i++) {
        const helper_kernel_arg *arg = &f->meta->args[i];
        uint64_t value = hidden_value(arg->kind, g);
        if (is_hidden(arg) && arg->size <= sizeof value)
            memcpy(kernarg + arg->offset, &value, arg->size); /* little-endian */
    }
}

static hip_error check_metadata(const sim_function *f)
{
    for (size_t i = 0; i < f->meta->num_args; i++) {
        const helper_kernel_arg *arg = &f->meta->args[i];
        if (fits(f, arg))
            continue;
        sim_report(
            "kernel %s: argument %s at %u of %u bytes lies outside its %u bytes of arguments",
            f->name, arg->name, arg->offset, arg->size, sim_function_kernarg_bytes(f));
        return HIP_ERROR_INVALID_KERNEL_FILE;
    }
    return HIP_SUCCESS;
}

static bool takes_arguments(const sim_function *f)
{
    for (size_t i = 0; f->meta && i < f->meta->num_args; i++)
        if (!is_hidden(&f->meta->args[i]))
            return true;
    return false;
}

hip_error sim_arguments_pack(uint8_t *kernarg, const sim_function *f, const sim_geometry *g,
                             void **kernel_params, void **extra)
{
    if (kernel_params && extra) {
        sim_report("kernel %s: both kernelParams and extra are given", f->name);
        return HIP_ERROR_INVALID_VALUE;
    }
    if (!kernel_params && !extra && takes_arguments(f)) {
        sim_report("kernel %s takes arguments: neither kernelParams nor extra is given", f->name);
        return HIP_ERROR_INVALID_VALUE;
    }
    if (kernel_params && !f->meta) {
        sim_report("kernel %s has no metadata: kernelParams cannot be packed, pass them by extra",
                   f->name);
        return HIP_ERROR_INVALID_VALUE;
    }
    hip_error e = f->meta ? check_metadata(f) : HIP_SUCCESS;
    if (e == HIP_SUCCESS && kernel_params)
        e = pack_params(kernarg, f, kernel_params);
    if (e == HIP_SUCCESS && extra)
        e = pack_extra(kernarg, f, extra);
    if (e == HIP_SUCCESS && f->meta)
        pack_hidden(kernarg, f, g);
    return e;
}
