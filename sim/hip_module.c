/* Modules, functions, launches, occupancy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/event.h"
#include "sim/graph.h"
#include "sim/hip.h"
#include "sim/report.h"

/* ---- modules ---- */

static hip_error load_data(hip_module *module, const void *image)
{
    hip_error e = module && image ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    char error[SIM_ERROR_MAX] = "out of memory";
    uint8_t *copy;
    size_t size;
    e = sim_image_copy(image, &copy, &size, error);
    if (e != HIP_SUCCESS) {
        sim_report("module not loaded: %s", error);
        return e;
    }
    return sim_module_load(module, sim_device_current(), copy, size);
}

hip_error hipModuleLoadData(hip_module *module, const void *image)
{
    return sim_hip_return(load_data(module, image));
}

hip_error hipModuleLoadDataEx(hip_module *module, const void *image, unsigned num_options,
                              hip_jit_option *options, void **values)
{
    (void)num_options, (void)options, (void)values; /* as in the real runtime */
    return sim_hip_return(load_data(module, image));
}

/* The whole file on the heap; NULL: it is empty or cannot be read. */
static uint8_t *read_all(FILE *file, size_t *size)
{
    long length = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    if (length <= 0 || fseek(file, 0, SEEK_SET))
        return NULL;
    *size = (size_t)length;
    uint8_t *data = malloc(*size);
    if (data && fread(data, 1, *size, file) == *size)
        return data;
    free(data);
    return NULL;
}

static hip_error read_file(const char *path, uint8_t **data, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        sim_report("module not loaded: %s: %s", path, strerror(errno));
        return HIP_ERROR_FILE_NOT_FOUND;
    }
    *data = read_all(file, size);
    fclose(file);
    if (*data)
        return HIP_SUCCESS;
    sim_report("module not loaded: %s is empty or cannot be read", path);
    return HIP_ERROR_INVALID_IMAGE;
}

static hip_error load_file(hip_module *module, const char *path)
{
    uint8_t *data;
    size_t size;
    hip_error e = module && path ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = read_file(path, &data, &size);
    return e == HIP_SUCCESS ? sim_module_load(module, sim_device_current(), data, size) : e;
}

hip_error hipModuleLoad(hip_module *module, const char *path)
{
    return sim_hip_return(load_file(module, path));
}

static hip_error unload(hip_module module)
{
    hip_error e = module ? sim_hip_ready() : HIP_ERROR_INVALID_HANDLE;
    if (e != HIP_SUCCESS)
        return e;
    if (!sim_module_valid(module))
        return HIP_ERROR_NOT_FOUND;
    sim_queue_synchronize(sim_module_device(module));
    sim_module_unload(module);
    return HIP_SUCCESS;
}

hip_error hipModuleUnload(hip_module module)
{
    return sim_hip_return(unload(module));
}

static hip_error check_module(hip_module module)
{
    if (module && sim_module_valid(module))
        return HIP_SUCCESS;
    sim_report("module %p: not a loaded module", (void *)module);
    return HIP_ERROR_INVALID_HANDLE;
}

static hip_error get_function(hip_function *function, hip_module module, const char *name)
{
    hip_error e = function && name && *name ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    if ((e = check_module(module)) != HIP_SUCCESS)
        return e;
    *function = sim_module_function(module, name);
    if (*function)
        return HIP_SUCCESS;
    sim_report("no kernel %s in the module", name);
    return HIP_ERROR_NOT_FOUND;
}

hip_error hipModuleGetFunction(hip_function *function, hip_module module, const char *name)
{
    return sim_hip_return(get_function(function, module, name));
}

static hip_error get_global(hip_deviceptr *ptr, size_t *bytes, hip_module module, const char *name)
{
    hip_error e = (ptr || bytes) && name && *name ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    if ((e = check_module(module)) != HIP_SUCCESS)
        return e;
    uint64_t address, size;
    if (!sim_module_global(module, name, &address, &size)) {
        sim_report("no variable %s in the module", name);
        return HIP_ERROR_NOT_FOUND;
    }
    if (ptr)
        *ptr = (void *)(uintptr_t)address;
    if (bytes)
        *bytes = size;
    return HIP_SUCCESS;
}

hip_error hipModuleGetGlobal(hip_deviceptr *ptr, size_t *bytes, hip_module module, const char *name)
{
    return sim_hip_return(get_global(ptr, bytes, module, name));
}

/* ---- functions ---- */

static hip_error check_function(const sim_function *function)
{
    hip_error e = sim_hip_ready();
    if (e != HIP_SUCCESS)
        return e;
    return sim_function_valid(function) ? HIP_SUCCESS : HIP_ERROR_INVALID_HANDLE;
}

static const sim_device_info *device_of(const sim_function *f)
{
    return sim_device_info_at(sim_module_device(f->module));
}

static int max_dynamic_lds(const sim_function *f)
{
    size_t lds = device_of(f)->lds_bytes;
    return f->descriptor.group_bytes < lds ? (int)(lds - f->descriptor.group_bytes) : 0;
}

static hip_error get_attributes(hip_func_attributes *a, sim_function *f)
{
    hip_error e = a ? check_function(f) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = sim_module_prepare(f->module); /* the block's limit stands in the metadata only */
    if (e != HIP_SUCCESS)
        return e;
    memset(a, 0, sizeof *a);
    a->binaryVersion = a->ptxVersion = device_of(f)->major * 10 + device_of(f)->minor;
    a->localSizeBytes = f->descriptor.private_bytes;
    a->sharedSizeBytes = f->descriptor.group_bytes;
    a->maxDynamicSharedSizeBytes = max_dynamic_lds(f);
    a->maxThreadsPerBlock = (int)sim_function_max_block(f);
    a->numRegs = (int)(f->meta ? f->meta->vgpr_count : sim_descriptor_vgprs(&f->descriptor));
    return HIP_SUCCESS;
}

hip_error hipFuncGetAttributes(struct hip_func_attributes *attributes, const void *function)
{
    return sim_hip_return(get_attributes(attributes, (sim_function *)(uintptr_t)function));
}

static hip_error get_attribute(int *value, hip_function_attribute attribute, sim_function *f)
{
    hip_func_attributes a;
    hip_error e = value ? get_attributes(&a, f) : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    switch (attribute) {
    case HIP_FUNC_MAX_THREADS_PER_BLOCK: *value = a.maxThreadsPerBlock; return HIP_SUCCESS;
    case HIP_FUNC_SHARED_SIZE_BYTES: *value = (int)a.sharedSizeBytes; return HIP_SUCCESS;
    case HIP_FUNC_LOCAL_SIZE_BYTES: *value = (int)a.localSizeBytes; return HIP_SUCCESS;
    case HIP_FUNC_NUM_REGS: *value = a.numRegs; return HIP_SUCCESS;
    case HIP_FUNC_PTX_VERSION:
    case HIP_FUNC_BINARY_VERSION: *value = a.binaryVersion; return HIP_SUCCESS;
    case HIP_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        *value = a.maxDynamicSharedSizeBytes;
        return HIP_SUCCESS;
    case HIP_FUNC_CONST_SIZE_BYTES:
    case HIP_FUNC_CACHE_MODE_CA:
    case HIP_FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = 0; return HIP_SUCCESS;
    default: return HIP_ERROR_INVALID_VALUE;
    }
}

hip_error hipFuncGetAttribute(int *value, hip_function_attribute attribute, hip_function function)
{
    return sim_hip_return(get_attribute(value, attribute, function));
}

/* Nothing has to be set: a launch may use the whole LDS. The value is checked. */
static hip_error set_attribute(const sim_function *f, hip_func_attribute attribute, int value)
{
    hip_error e = f ? check_function(f) : HIP_ERROR_INVALID_DEVICE_FUNCTION;
    if (e != HIP_SUCCESS)
        return e;
    if (attribute == HIP_FUNC_SET_MAX_DYNAMIC_SHARED)
        return value >= 0 && value <= max_dynamic_lds(f) ? HIP_SUCCESS : HIP_ERROR_INVALID_VALUE;
    if (attribute == HIP_FUNC_SET_SHARED_CARVEOUT)
        return value >= -1 && value <= 100 ? HIP_SUCCESS : HIP_ERROR_INVALID_VALUE;
    return HIP_ERROR_INVALID_VALUE;
}

hip_error hipFuncSetAttribute(const void *function, hip_func_attribute attribute, int value)
{
    return sim_hip_return(set_attribute(function, attribute, value));
}

/* ---- launches ---- */

/* The limits that do not depend on the kernel come first, as in the real runtime. */
static hip_error find_target(hip_function function, hip_stream handle, sim_stream **stream)
{
    hip_error e = sim_hip_usable();
    if (e != HIP_SUCCESS)
        return e;
    *stream = sim_stream_find(handle, sim_device_current());
    if (!*stream)
        return HIP_ERROR_INVALID_VALUE;
    if (sim_function_valid(function))
        return sim_device_fault((*stream)->device);
    sim_report("kernel %p: not a function of a loaded module", (void *)function);
    return HIP_ERROR_INVALID_HANDLE;
}

static hip_error submit_launch(sim_stream *stream, hip_function function,
                               const sim_geometry *geometry, void **kernel_params, void **extra)
{
    sim_launch *launch;
    hip_error e =
        sim_launch_create(&launch, stream->device, function, geometry, kernel_params, extra);
    if (e != HIP_SUCCESS)
        return e;
    sim_task *task = sim_task_create(SIM_TASK_LAUNCH);
    if (!task) {
        sim_launch_destroy(launch);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    task->launch = launch;
    return sim_submit(stream, task);
}

hip_error hipModuleLaunchKernel(hip_function function, unsigned grid_x, unsigned grid_y,
                                unsigned grid_z, unsigned block_x, unsigned block_y,
                                unsigned block_z, unsigned shared_bytes, hip_stream handle,
                                void **kernel_params, void **extra)
{
    const unsigned grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    sim_geometry geometry;
    sim_stream *stream;
    hip_error e = find_target(function, handle, &stream);
    if (e == HIP_SUCCESS)
        e = sim_geometry_from_blocks(grid, block, shared_bytes, &geometry);
    if (e == HIP_SUCCESS)
        e = submit_launch(stream, function, &geometry, kernel_params, extra);
    return sim_hip_return(e);
}

hip_error hipExtModuleLaunchKernel(hip_function function, uint32_t global_x, uint32_t global_y,
                                   uint32_t global_z, uint32_t local_x, uint32_t local_y,
                                   uint32_t local_z, size_t shared_bytes, hip_stream handle,
                                   void **kernel_params, void **extra, hip_event start,
                                   hip_event stop, uint32_t flags)
{
    (void)flags; /* hipExtAnyOrderLaunch permits what the simulator never does */
    sim_geometry geometry = {
        {global_x, global_y, global_z}, {local_x, local_y, local_z}, shared_bytes};
    sim_stream *stream;
    hip_error e = find_target(function, handle, &stream);
    if (e == HIP_SUCCESS && start)
        e = sim_event_record(start, stream);
    if (e == HIP_SUCCESS)
        e = submit_launch(stream, function, &geometry, kernel_params, extra);
    if (e == HIP_SUCCESS && stop)
        e = sim_event_record(stop, stream);
    return sim_hip_return(e);
}

/* ---- occupancy ---- */

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Waves per SIMD by registers, workgroups per CU by waves and by LDS. */
static int blocks_per_cu(const sim_function *f, int block_size, size_t dynamic_lds)
{
    const sim_device_info *device = device_of(f);
    size_t lds = f->descriptor.group_bytes + dynamic_lds;
    int waves = (block_size + SIM_WAVE_SIZE - 1) / SIM_WAVE_SIZE;
    int per_simd =
        min_int(SIM_WAVES_PER_SIMD, SIM_VGPRS_PER_SIMD / (int)sim_descriptor_vgprs(&f->descriptor));
    int blocks = per_simd * SIM_SIMDS_PER_CU / waves;
    if (lds > device->lds_bytes)
        return 0;
    return lds ? min_int(blocks, (int)(device->lds_bytes / lds)) : blocks;
}

static hip_error max_active_blocks(int *num_blocks, const sim_function *f, int block_size,
                                   size_t dynamic_lds)
{
    hip_error e = num_blocks && block_size > 0 ? check_function(f) : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    *num_blocks = block_size > SIM_MAX_BLOCK ? 0 : blocks_per_cu(f, block_size, dynamic_lds);
    return HIP_SUCCESS;
}

hip_error hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(int *num_blocks, hip_function function,
                                                             int block_size, size_t dynamic_shared)
{
    return sim_hip_return(max_active_blocks(num_blocks, function, block_size, dynamic_shared));
}

hip_error hipModuleOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    int *num_blocks, hip_function function, int block_size, size_t dynamic_shared, unsigned flags)
{
    hip_error e = flags > 1 ? HIP_ERROR_INVALID_VALUE : HIP_SUCCESS;
    return sim_hip_return(
        e == HIP_SUCCESS ? max_active_blocks(num_blocks, function, block_size, dynamic_shared) : e);
}

/* The largest block among those that keep most waves resident. */
static hip_error max_potential_block(int *grid_size, int *block_size, sim_function *f,
                                     size_t dynamic_lds, int limit)
{
    hip_error e =
        grid_size && block_size && limit >= 0 ? check_function(f) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = sim_module_prepare(f->module);
    if (e != HIP_SUCCESS)
        return e;
    int most = (int)sim_function_max_block(f), best_waves = 0;
    if (limit && limit < most)
        most = limit;
    *block_size = *grid_size = 0;
    int first = most >= SIM_WAVE_SIZE ? most / SIM_WAVE_SIZE * SIM_WAVE_SIZE : most;
    for (int size = first; size > 0; size -= SIM_WAVE_SIZE) {
        int blocks = blocks_per_cu(f, size, dynamic_lds);
        int waves = blocks * ((size + SIM_WAVE_SIZE - 1) / SIM_WAVE_SIZE);
        if (waves <= best_waves)
            continue;
        best_waves = waves;
        *block_size = size;
        *grid_size = blocks * device_of(f)->num_cus;
    }
    return HIP_SUCCESS;
}

hip_error hipModuleOccupancyMaxPotentialBlockSize(int *grid_size, int *block_size,
                                                  hip_function function, size_t dynamic_shared,
                                                  int block_size_limit)
{
    return sim_hip_return(
        max_potential_block(grid_size, block_size, function, dynamic_shared, block_size_limit));
}
