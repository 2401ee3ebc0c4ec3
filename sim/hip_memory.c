/* Allocation, copies, fills, pointer queries. Which misuse gives which error: hipamd's
 * hip_memory.cpp. */
#include <string.h>

#include "sim/graph.h"
#include "sim/hip.h"
#include "sim/memory.h"
#include "sim/report.h"

/* ---- allocation ---- */

static hip_error allocate(void **ptr, size_t size, sim_mem_kind kind, unsigned flags)
{
    hip_error e = ptr ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = sim_capture_check();
    if (e != HIP_SUCCESS)
        return e;
    *ptr = NULL;
    if (size == 0)
        return HIP_SUCCESS;
    int device = sim_device_current();
    uint64_t total = sim_device_info_at(device)->memory_bytes, used = sim_mem_used(device);
    if (kind != SIM_MEM_HOST && (size > total || used > total - size)) {
        sim_report("allocation of %zu bytes on device %d: %llu of %llu bytes are free", size,
                   device, (unsigned long long)(total - used), (unsigned long long)total);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    sim_mem_info info = {sim_mem_map(size), size, kind, device, true, flags};
    if (!info.base)
        return HIP_ERROR_OUT_OF_MEMORY;
    if (!sim_mem_publish(&info)) {
        sim_mem_unmap(info.base, size);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    *ptr = (void *)(uintptr_t)info.base;
    return HIP_SUCCESS;
}

static bool find(const void *ptr, sim_mem_info *info)
{
    return sim_mem_find((uint64_t)(uintptr_t)ptr, info) && info->kind != SIM_MEM_INTERNAL;
}

static bool is_allocation(const void *ptr, sim_mem_info *info)
{
    return find(ptr, info) && info->base == (uint64_t)(uintptr_t)ptr;
}

hip_error hipMalloc(void **ptr, size_t size)
{
    return sim_hip_return(allocate(ptr, size, SIM_MEM_DEVICE, 0));
}

hip_error hipHostMalloc(void **ptr, size_t size, unsigned flags)
{
    return sim_hip_return(allocate(ptr, size, SIM_MEM_HOST, flags));
}

hip_error hipHostAlloc(void **ptr, size_t size, unsigned flags)
{
    return sim_hip_return(allocate(ptr, size, SIM_MEM_HOST, flags));
}

hip_error hipMallocManaged(void **ptr, size_t size, unsigned flags)
{
    return sim_hip_return(size ? allocate(ptr, size, SIM_MEM_MANAGED, flags)
                               : HIP_ERROR_INVALID_VALUE);
}

/* Freeing waits for the device, as the real runtime does; host memory for every device. */
static hip_error release(void *ptr, bool host)
{
    sim_mem_info info;
    hip_error e = sim_hip_ready();
    if (e == HIP_SUCCESS)
        e = sim_capture_check();
    if (e != HIP_SUCCESS || !ptr)
        return e;
    if (!is_allocation(ptr, &info) || (info.kind == SIM_MEM_HOST) != host ||
        (!host && info.kind != SIM_MEM_DEVICE && info.kind != SIM_MEM_MANAGED))
        return HIP_ERROR_INVALID_VALUE;
    sim_queue_synchronize(info.kind == SIM_MEM_DEVICE ? info.device : -1);
    if (!sim_mem_withdraw(info.base, NULL))
        return HIP_ERROR_INVALID_VALUE; /* another thread was faster */
    sim_mem_unmap(info.base, info.size);
    return HIP_SUCCESS;
}

hip_error hipFree(void *ptr)
{
    return sim_hip_return(release(ptr, false));
}

hip_error hipHostFree(void *ptr)
{
    return sim_hip_return(release(ptr, true));
}

hip_error hipFreeHost(void *ptr)
{
    return sim_hip_return(release(ptr, true));
}

/* hipStreamXxx of an unknown stream is "context is destroyed" in the real runtime. */
static hip_error find_stream(hip_stream handle, sim_stream **stream)
{
    hip_error e = sim_hip_usable();
    if (e != HIP_SUCCESS)
        return e;
    *stream = sim_stream_find(handle, sim_device_current());
    return *stream ? HIP_SUCCESS : HIP_ERROR_CONTEXT_IS_DESTROYED;
}

/* The memory exists at once; only its use is ordered by the stream. */
static hip_error allocate_async(void **ptr, size_t size, hip_stream handle)
{
    sim_stream *stream;
    hip_error e = find_stream(handle, &stream);
    if (e == HIP_SUCCESS)
        e = sim_capture_refuse(stream);
    return e == HIP_SUCCESS ? allocate(ptr, size, SIM_MEM_DEVICE, 0) : e;
}

hip_error hipMallocAsync(void **ptr, size_t size, hip_stream stream)
{
    return sim_hip_return(allocate_async(ptr, size, stream));
}

static hip_error free_async(void *ptr, hip_stream handle)
{
    sim_stream *stream;
    sim_mem_info info;
    hip_error e = find_stream(handle, &stream);
    if (e != HIP_SUCCESS)
        return e;
    if (!is_allocation(ptr, &info) || info.kind != SIM_MEM_DEVICE)
        return HIP_ERROR_INVALID_VALUE;
    sim_task *task = sim_task_create(SIM_TASK_FREE);
    if (!task)
        return HIP_ERROR_OUT_OF_MEMORY;
    task->address = info.base;
    return sim_submit(stream, task);
}

hip_error hipFreeAsync(void *ptr, hip_stream stream)
{
    return sim_hip_return(free_async(ptr, stream));
}

static hip_error host_register(void *ptr, size_t size, unsigned flags)
{
    hip_error e = ptr && size ? sim_hip_usable() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    sim_mem_info info = {(uint64_t)(uintptr_t)ptr, size, SIM_MEM_REGISTERED,
                         sim_device_current(),     true, flags};
    return sim_mem_publish(&info) ? HIP_SUCCESS : HIP_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
}

hip_error hipHostRegister(void *host_ptr, size_t size, unsigned flags)
{
    return sim_hip_return(host_register(host_ptr, size, flags));
}

hip_error hipHostUnregister(void *host_ptr)
{
    sim_mem_info info;
    hip_error e = host_ptr ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return sim_hip_return(e);
    if (!is_allocation(host_ptr, &info) || info.kind != SIM_MEM_REGISTERED)
        return sim_hip_return(HIP_ERROR_HOST_MEMORY_NOT_REGISTERED);
    sim_queue_synchronize(-1);
    return sim_hip_return(sim_mem_withdraw(info.base, NULL) ? HIP_SUCCESS
                                                            : HIP_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

hip_error hipHostGetDevicePointer(void **device_ptr, void *host_ptr, unsigned flags)
{
    sim_mem_info info;
    hip_error e = device_ptr && !flags ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS &&
        (!find(host_ptr, &info) || info.kind == SIM_MEM_DEVICE || info.kind == SIM_MEM_CODE))
        e = HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *device_ptr = host_ptr;
    return sim_hip_return(e);
}

hip_error hipHostGetFlags(unsigned *flags, void *host_ptr)
{
    sim_mem_info info;
    hip_error e = flags ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && (!find(host_ptr, &info) || info.kind != SIM_MEM_HOST))
        e = HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *flags = info.flags;
    return sim_hip_return(e);
}

/* ---- copies ---- */

/* A range is inside one allocation, or in host memory that HIP does not know. */
static hip_error check_range(const char *what, const void *ptr, size_t size, bool *known)
{
    sim_mem_info info;
    uint64_t address = (uint64_t)(uintptr_t)ptr;
    *known = find(ptr, &info);
    if (*known ? size <= info.size - (address - info.base) : !sim_mem_is_mapped_space(address))
        return HIP_SUCCESS;
    if (*known)
        sim_report("%s: %zu bytes at %p exceed the allocation of %llu bytes at 0x%llx", what, size,
                   ptr, (unsigned long long)info.size, (unsigned long long)info.base);
    else
        sim_report("%s: %zu bytes at %p: no live allocation (freed?)", what, size, ptr);
    return HIP_ERROR_INVALID_VALUE;
}

static hip_error check_copy(void *dst, const void *src, size_t size, hip_memcpy_kind kind,
                            bool *pageable)
{
    bool dst_known, src_known;
    if (!dst || !src)
        return HIP_ERROR_INVALID_VALUE;
    if ((kind < HIP_MEMCPY_HOST_TO_HOST || kind > HIP_MEMCPY_DEFAULT) &&
        kind != HIP_MEMCPY_DEVICE_TO_DEVICE_NO_CU)
        return HIP_ERROR_INVALID_MEMCPY_DIRECTION;
    hip_error e = check_range("copy destination", dst, size, &dst_known);
    if (e == HIP_SUCCESS)
        e = check_range("copy source", src, size, &src_known);
    if (e != HIP_SUCCESS)
        return e;
    if (!dst_known && !src_known && kind != HIP_MEMCPY_HOST_TO_HOST && kind != HIP_MEMCPY_DEFAULT) {
        sim_report("copy of kind %d: neither %p nor %p is device memory", kind, dst, src);
        return HIP_ERROR_INVALID_VALUE;
    }
    *pageable = !dst_known || !src_known;
    return HIP_SUCCESS;
}

/* A copy from or to memory that HIP does not know has ended when the call returns: its owner may
 * free it then. */
static hip_error copy(void *dst, const void *src, size_t size, hip_memcpy_kind kind,
                      hip_stream handle, bool async)
{
    sim_stream *stream;
    bool pageable = false;
    hip_error e = find_stream(handle, &stream);
    if (e != HIP_SUCCESS || size == 0)
        return e;
    e = check_copy(dst, src, size, kind, &pageable);
    if (e == HIP_SUCCESS && !async)
        e = sim_capture_refuse(stream);
    if (e == HIP_SUCCESS && !async)
        e = sim_capture_check();
    if (e != HIP_SUCCESS)
        return e;
    sim_task *task = sim_task_create(SIM_TASK_COPY);
    if (!task)
        return HIP_ERROR_OUT_OF_MEMORY;
    task->copy.dst = dst;
    task->copy.src = src;
    task->copy.size = size;
    bool captured = sim_capture_here(stream).id != 0;
    e = sim_submit(stream, task);
    if (e != HIP_SUCCESS || captured || (async && !pageable))
        return e;
    e = sim_stream_synchronize(stream);
    return e == HIP_SUCCESS ? sim_device_fault(stream->device) : e;
}

hip_error hipMemcpy(void *dst, const void *src, size_t size, hip_memcpy_kind kind)
{
    return sim_hip_return(copy(dst, src, size, kind, NULL, false));
}

hip_error hipMemcpyWithStream(void *dst, const void *src, size_t size, hip_memcpy_kind kind,
                              hip_stream stream)
{
    return sim_hip_return(copy(dst, src, size, kind, stream, false));
}

hip_error hipMemcpyAsync(void *dst, const void *src, size_t size, hip_memcpy_kind kind,
                         hip_stream stream)
{
    return sim_hip_return(copy(dst, src, size, kind, stream, true));
}

hip_error hipMemcpyHtoD(hip_deviceptr dst, void *src, size_t size)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_HOST_TO_DEVICE, NULL, false));
}

hip_error hipMemcpyDtoH(void *dst, hip_deviceptr src, size_t size)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_DEVICE_TO_HOST, NULL, false));
}

hip_error hipMemcpyDtoD(hip_deviceptr dst, hip_deviceptr src, size_t size)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_DEVICE_TO_DEVICE, NULL, false));
}

hip_error hipMemcpyHtoDAsync(hip_deviceptr dst, void *src, size_t size, hip_stream stream)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_HOST_TO_DEVICE, stream, true));
}

hip_error hipMemcpyDtoHAsync(void *dst, hip_deviceptr src, size_t size, hip_stream stream)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_DEVICE_TO_HOST, stream, true));
}

hip_error hipMemcpyDtoDAsync(hip_deviceptr dst, hip_deviceptr src, size_t size, hip_stream stream)
{
    return sim_hip_return(copy(dst, src, size, HIP_MEMCPY_DEVICE_TO_DEVICE, stream, true));
}

/* Copies reach every device's memory, peer access or not, as in the real runtime. */
static hip_error copy_peer(void *dst, int dst_device, const void *src, int src_device, size_t size,
                           hip_stream stream, bool async)
{
    hip_error e = sim_hip_ready();
    if (e != HIP_SUCCESS)
        return e;
    if (!sim_device_valid(dst_device) || !sim_device_valid(src_device))
        return HIP_ERROR_INVALID_DEVICE;
    return copy(dst, src, size, HIP_MEMCPY_DEVICE_TO_DEVICE, stream, async);
}

hip_error hipMemcpyPeer(void *dst, int dst_device, const void *src, int src_device, size_t size)
{
    return sim_hip_return(copy_peer(dst, dst_device, src, src_device, size, NULL, false));
}

hip_error hipMemcpyPeerAsync(void *dst, int dst_device, const void *src, int src_device,
                             size_t size, hip_stream stream)
{
    return sim_hip_return(copy_peer(dst, dst_device, src, src_device, size, stream, true));
}

/* Managed memory is everywhere already. */
static hip_error prefetch(const void *ptr, size_t count, int device, hip_stream handle)
{
    enum { HOST = -1 }; /* hipCpuDeviceId */
    sim_stream *stream;
    sim_mem_info info;
    hip_error e = find_stream(handle, &stream);
    if (e != HIP_SUCCESS)
        return e;
    if (device != HOST && !sim_device_valid(device))
        return HIP_ERROR_INVALID_DEVICE;
    bool managed = count && find(ptr, &info) && info.kind == SIM_MEM_MANAGED &&
                   count <= info.size - ((uint64_t)(uintptr_t)ptr - info.base);
    return managed ? HIP_SUCCESS : HIP_ERROR_INVALID_VALUE;
}

hip_error hipMemPrefetchAsync(const void *ptr, size_t count, int device, hip_stream stream)
{
    return sim_hip_return(prefetch(ptr, count, device, stream));
}

/* ---- fills ---- */

static hip_error fill(void *dst, uint32_t value, unsigned width, size_t count, hip_stream handle,
                      bool async)
{
    sim_stream *stream;
    bool known;
    hip_error e = find_stream(handle, &stream);
    if (e != HIP_SUCCESS || count == 0)
        return e;
    if (!dst || (uintptr_t)dst % width || count > SIZE_MAX / width)
        return HIP_ERROR_INVALID_VALUE;
    e = check_range("fill", dst, count * width, &known);
    if (e == HIP_SUCCESS && !known) {
        sim_report("fill: %p is not device memory", dst);
        e = HIP_ERROR_INVALID_VALUE;
    }
    if (e == HIP_SUCCESS && !async)
        e = sim_capture_check();
    if (e != HIP_SUCCESS)
        return e;
    sim_task *task = sim_task_create(SIM_TASK_FILL);
    if (!task)
        return HIP_ERROR_OUT_OF_MEMORY;
    task->fill.dst = dst;
    task->fill.value = value;
    task->fill.width = width;
    task->fill.count = count;
    e = sim_submit(stream, task);
    if (e == HIP_SUCCESS && !async)
        e = sim_stream_synchronize(stream);
    return e;
}

hip_error hipMemset(void *dst, int value, size_t size)
{
    return sim_hip_return(fill(dst, (uint32_t)value, 1, size, NULL, false));
}

hip_error hipMemsetAsync(void *dst, int value, size_t size, hip_stream stream)
{
    return sim_hip_return(fill(dst, (uint32_t)value, 1, size, stream, true));
}

hip_error hipMemsetD8(hip_deviceptr dst, unsigned char value, size_t count)
{
    return sim_hip_return(fill(dst, value, 1, count, NULL, false));
}

hip_error hipMemsetD8Async(hip_deviceptr dst, unsigned char value, size_t count, hip_stream stream)
{
    return sim_hip_return(fill(dst, value, 1, count, stream, true));
}

hip_error hipMemsetD16(hip_deviceptr dst, unsigned short value, size_t count)
{
    return sim_hip_return(fill(dst, value, 2, count, NULL, false));
}

hip_error hipMemsetD16Async(hip_deviceptr dst, unsigned short value, size_t count,
                            hip_stream stream)
{
    return sim_hip_return(fill(dst, value, 2, count, stream, true));
}

hip_error hipMemsetD32(hip_deviceptr dst, int value, size_t count)
{
    return sim_hip_return(fill(dst, (uint32_t)value, 4, count, NULL, false));
}

hip_error hipMemsetD32Async(hip_deviceptr dst, int value, size_t count, hip_stream stream)
{
    return sim_hip_return(fill(dst, (uint32_t)value, 4, count, stream, true));
}

/* ---- queries ---- */

hip_error hipMemGetInfo(size_t *free, size_t *total)
{
    hip_error e = free && total ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS) {
        *total = sim_device_info_at(sim_device_current())->memory_bytes;
        *free = *total - sim_mem_used(sim_device_current());
    }
    return sim_hip_return(e);
}

hip_error hipMemGetAddressRange(hip_deviceptr *base, size_t *size, hip_deviceptr ptr)
{
    sim_mem_info info;
    hip_error e = base || size ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && !find(ptr, &info))
        e = HIP_ERROR_INVALID_DEVICE_POINTER;
    if (e != HIP_SUCCESS)
        return sim_hip_return(e);
    if (base)
        *base = (void *)(uintptr_t)info.base;
    if (size)
        *size = info.size;
    return sim_hip_return(HIP_SUCCESS);
}

hip_error hipMemPtrGetInfo(void *ptr, size_t *size)
{
    sim_mem_info info;
    hip_error e = size ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && ptr && !find(ptr, &info))
        e = HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *size = ptr ? info.size : 0;
    return sim_hip_return(e);
}

static int memory_type(sim_mem_kind kind)
{
    switch (kind) {
    case SIM_MEM_HOST:
    case SIM_MEM_REGISTERED: return HIP_MEMORY_HOST;
    case SIM_MEM_MANAGED: return HIP_MEMORY_MANAGED;
    default: return HIP_MEMORY_DEVICE;
    }
}

static hip_error pointer_attributes(hip_pointer_attributes *out, const void *ptr)
{
    sim_mem_info info;
    hip_error e = out && ptr ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e != HIP_SUCCESS)
        return e;
    memset(out, 0, sizeof *out);
    if (!find(ptr, &info)) {
        out->type = HIP_MEMORY_UNREGISTERED;
        out->device = -2; /* hipInvalidDeviceId */
        return HIP_ERROR_INVALID_VALUE;
    }
    out->type = memory_type(info.kind);
    out->device = info.device;
    out->devicePointer = (void *)(uintptr_t)ptr;
    out->hostPointer = out->type == HIP_MEMORY_DEVICE ? NULL : (void *)(uintptr_t)ptr;
    out->isManaged = info.kind == SIM_MEM_MANAGED;
    out->allocationFlags = info.flags;
    return HIP_SUCCESS;
}

hip_error hipPointerGetAttributes(hip_pointer_attributes *attributes, const void *ptr)
{
    return sim_hip_return(pointer_attributes(attributes, ptr));
}
