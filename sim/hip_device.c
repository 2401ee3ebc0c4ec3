/* Initialisation, devices, contexts. A context is nothing but its device: each has exactly one. */
#include <stdio.h>
#include <string.h>

#include "sim/graph.h"
#include "sim/hip.h"
#include "sim/memory.h"

/* Versions of HIP whose ABI this is: 6.4. */
enum { HIP_VERSION_NUMBER = 60443484 };

hip_error sim_hip_ready(void)
{
    return sim_devices_init();
}

hip_error sim_hip_usable(void)
{
    hip_error e = sim_devices_init();
    return e == HIP_SUCCESS ? sim_device_fault(sim_device_current()) : e;
}

static hip_error check_device(int device)
{
    hip_error e = sim_hip_ready();
    if (e != HIP_SUCCESS)
        return e;
    return sim_device_valid(device) ? HIP_SUCCESS : HIP_ERROR_INVALID_DEVICE;
}

hip_error hipInit(unsigned flags)
{
    return sim_hip_return(flags ? HIP_ERROR_INVALID_VALUE : sim_hip_ready());
}

static hip_error get_version(int *version)
{
    if (!version)
        return HIP_ERROR_INVALID_VALUE;
    *version = HIP_VERSION_NUMBER;
    return HIP_SUCCESS;
}

hip_error hipDriverGetVersion(int *version)
{
    return sim_hip_return(get_version(version));
}

hip_error hipRuntimeGetVersion(int *version)
{
    return sim_hip_return(get_version(version));
}

hip_error hipGetDeviceCount(int *count)
{
    hip_error e = count ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *count = sim_device_count();
    return sim_hip_return(e);
}

hip_error hipSetDevice(int device)
{
    hip_error e = check_device(device);
    if (e == HIP_SUCCESS)
        sim_device_set_current(device);
    return sim_hip_return(e);
}

hip_error hipGetDevice(int *device)
{
    hip_error e = device ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *device = sim_device_current();
    return sim_hip_return(e);
}

hip_error hipDeviceGet(hip_device *device, int ordinal)
{
    hip_error e = device ? check_device(ordinal) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *device = ordinal;
    return sim_hip_return(e);
}

hip_error hipDeviceGetName(char *name, int len, hip_device device)
{
    hip_error e = name && len > 0 ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        snprintf(name, (size_t)len, "%s", sim_device_info_at(device)->name);
    return sim_hip_return(e);
}

hip_error hipDeviceTotalMem(size_t *bytes, hip_device device)
{
    hip_error e = bytes ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *bytes = sim_device_info_at(device)->memory_bytes;
    return sim_hip_return(e);
}

hip_error hipDeviceGetAttribute(int *value, hip_device_attribute attribute, int device)
{
    hip_error e = value ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && !sim_device_attribute(device, attribute, value))
        e = HIP_ERROR_INVALID_VALUE;
    return sim_hip_return(e);
}

hip_error hipGetDevicePropertiesR0600(hip_device_prop *prop, int device)
{
    hip_error e = prop ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        sim_device_properties(device, prop);
    return sim_hip_return(e);
}

hip_error hipDeviceComputeCapability(int *major, int *minor, hip_device device)
{
    hip_error e = major && minor ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS) {
        *major = sim_device_info_at(device)->major;
        *minor = sim_device_info_at(device)->minor;
    }
    return sim_hip_return(e);
}

hip_error hipDeviceGetPCIBusId(char *bus_id, int len, int device)
{
    hip_error e = bus_id && len > 0 ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        snprintf(bus_id, (size_t)len, "0000:%02x:00.0", device + 1);
    return sim_hip_return(e);
}

hip_error hipDeviceGetByPCIBusId(int *device, const char *bus_id)
{
    unsigned domain, bus, slot;
    hip_error e = device && bus_id ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && sscanf(bus_id, "%x:%x:%x", &domain, &bus, &slot) != 3)
        e = HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS && (domain || slot || bus == 0 || !sim_device_valid((int)bus - 1)))
        e = HIP_ERROR_INVALID_DEVICE;
    if (e == HIP_SUCCESS)
        *device = (int)bus - 1;
    return sim_hip_return(e);
}

/* How a thread waits for the device: it always sleeps here. The flags are kept for those who ask.
 */
static _Thread_local unsigned device_flags;

hip_error hipSetDeviceFlags(unsigned flags)
{
    const unsigned allowed = 0x7 | 0x8 | 0x10; /* scheduling, mapped host memory, local memory */
    hip_error e = flags & ~allowed ? HIP_ERROR_INVALID_VALUE : sim_hip_ready();
    if (e == HIP_SUCCESS)
        device_flags = flags;
    return sim_hip_return(e);
}

hip_error hipGetDeviceFlags(unsigned *flags)
{
    hip_error e = flags ? sim_hip_ready() : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *flags = device_flags;
    return sim_hip_return(e);
}

/* ---- peers ---- */

hip_error hipDeviceCanAccessPeer(int *can_access, int device, int peer)
{
    hip_error e = can_access ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        e = check_device(peer);
    if (e == HIP_SUCCESS)
        *can_access = device != peer;
    return sim_hip_return(e);
}

static hip_error set_peer(int peer, bool enable)
{
    hip_error e = check_device(peer);
    int device = sim_device_current();
    if (e != HIP_SUCCESS || peer == device)
        return HIP_ERROR_INVALID_DEVICE;
    if (sim_mem_is_peer(device, peer) == enable)
        return enable ? HIP_ERROR_PEER_ACCESS_ALREADY_ENABLED : HIP_ERROR_PEER_ACCESS_NOT_ENABLED;
    sim_mem_set_peer(device, peer, enable);
    return HIP_SUCCESS;
}

hip_error hipDeviceEnablePeerAccess(int peer, unsigned flags)
{
    return sim_hip_return(flags ? HIP_ERROR_INVALID_VALUE : set_peer(peer, true));
}

hip_error hipDeviceDisablePeerAccess(int peer)
{
    return sim_hip_return(set_peer(peer, false));
}

/* ---- the device as a whole ---- */

static hip_error synchronize(void)
{
    hip_error e = sim_hip_ready();
    if (e == HIP_SUCCESS)
        e = sim_capture_check();
    if (e != HIP_SUCCESS)
        return e;
    sim_queue_synchronize(sim_device_current());
    return sim_device_fault(sim_device_current());
}

hip_error hipDeviceSynchronize(void)
{
    return sim_hip_return(synchronize());
}

hip_error hipCtxSynchronize(void)
{
    return sim_hip_return(synchronize());
}

/* Forgets the device's allocations and its fault. */
static hip_error reset(int device)
{
    hip_error e = check_device(device);
    if (e != HIP_SUCCESS)
        return e;
    sim_queue_synchronize(device);
    sim_mem_free_all(device);
    sim_device_clear_fault(device);
    return HIP_SUCCESS;
}

hip_error hipDeviceReset(void)
{
    return sim_hip_return(reset(sim_device_current()));
}

/* ---- contexts ---- */

static char contexts[SIM_MAX_DEVICES];
enum { CONTEXT_STACK = 32 };
static _Thread_local int context_stack[CONTEXT_STACK];
static _Thread_local int context_depth;

static hip_ctx context_of(int device)
{
    return (hip_ctx)(void *)&contexts[device];
}

/* -1: not a context. */
static int device_of(hip_ctx ctx)
{
    for (int i = 0; i < sim_device_count(); i++)
        if (context_of(i) == ctx)
            return i;
    return -1;
}

static hip_error get_context(hip_ctx *ctx, int device)
{
    hip_error e = ctx ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS)
        *ctx = context_of(device);
    return e;
}

static hip_error push(int device)
{
    if (device < 0)
        return HIP_ERROR_INVALID_CONTEXT;
    if (context_depth == CONTEXT_STACK)
        return HIP_ERROR_OUT_OF_MEMORY;
    context_stack[context_depth++] = sim_device_current();
    sim_device_set_current(device);
    return HIP_SUCCESS;
}

hip_error hipCtxCreate(hip_ctx *ctx, unsigned flags, hip_device device)
{
    (void)flags;
    hip_error e = get_context(ctx, device);
    return sim_hip_return(e == HIP_SUCCESS ? push(device) : e);
}

hip_error hipCtxDestroy(hip_ctx ctx)
{
    return sim_hip_return(device_of(ctx) < 0 ? HIP_ERROR_INVALID_VALUE : HIP_SUCCESS);
}

hip_error hipCtxSetCurrent(hip_ctx ctx)
{
    hip_error e = sim_hip_ready();
    int device = device_of(ctx);
    if (e == HIP_SUCCESS && device < 0)
        e = HIP_ERROR_INVALID_CONTEXT;
    if (e == HIP_SUCCESS)
        sim_device_set_current(device);
    return sim_hip_return(e);
}

hip_error hipCtxGetCurrent(hip_ctx *ctx)
{
    return sim_hip_return(get_context(ctx, sim_device_current()));
}

hip_error hipCtxPushCurrent(hip_ctx ctx)
{
    hip_error e = sim_hip_ready();
    return sim_hip_return(e == HIP_SUCCESS ? push(device_of(ctx)) : e);
}

hip_error hipCtxPopCurrent(hip_ctx *ctx)
{
    hip_error e = context_depth ? sim_hip_ready() : HIP_ERROR_INVALID_CONTEXT;
    if (e == HIP_SUCCESS) {
        if (ctx)
            *ctx = context_of(sim_device_current());
        sim_device_set_current(context_stack[--context_depth]);
    }
    return sim_hip_return(e);
}

hip_error hipCtxGetDevice(hip_device *device)
{
    return hipGetDevice(device);
}

hip_error hipDevicePrimaryCtxRetain(hip_ctx *ctx, hip_device device)
{
    return sim_hip_return(get_context(ctx, device));
}

hip_error hipDevicePrimaryCtxRelease(hip_device device)
{
    return sim_hip_return(check_device(device));
}

hip_error hipDevicePrimaryCtxReset(hip_device device)
{
    return sim_hip_return(reset(device));
}

hip_error hipDevicePrimaryCtxSetFlags(hip_device device, unsigned flags)
{
    (void)flags;
    return sim_hip_return(check_device(device));
}

hip_error hipDevicePrimaryCtxGetState(hip_device device, unsigned *flags, int *active)
{
    hip_error e = flags && active ? check_device(device) : HIP_ERROR_INVALID_VALUE;
    if (e == HIP_SUCCESS) {
        *flags = 0;
        *active = 1;
    }
    return sim_hip_return(e);
}
