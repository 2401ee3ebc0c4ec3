#include "sim/device.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/check.h"
#include "sim/report.h"
#include "sim/timing.h"

#define GIB ((size_t)1 << 30)

/* CU counts, clocks, memory: AMD's data sheets of MI250X (one of its two GCDs), MI300X and MI355X;
 * L2 is that of one XCD, which is what HIP reports. Machine numbers: EF_AMDGPU_MACH_AMDGCN_* in
 * LLVM's AMDGPU usage guide, "ELF header".
 */
static const sim_device_info table[] = {
    {.arch = "gfx90a",
     .name = "AMD Instinct MI250X",
     .target = "gfx90a:sramecc+:xnack-",
     .mach = 0x3f,
     .major = 9,
     .minor = 0,
     .num_cus = 110,
     .num_xccs = 1,
     .clock_khz = 1700000,
     .memory_clock_khz = 1600000,
     .memory_bus_bits = 4096,
     .memory_bytes = 64 * GIB,
     .lds_bytes = 64 << 10,
     .l2_bytes = 8 << 20},
    {.arch = "gfx942",
     .name = "AMD Instinct MI300X",
     .target = "gfx942:sramecc+:xnack-",
     .mach = 0x4c,
     .generic_mach = 0x5f,
     .generic_target = "gfx9-4-generic",
     .major = 9,
     .minor = 4,
     .num_cus = 304,
     .num_xccs = 8,
     .clock_khz = 2100000,
     .memory_clock_khz = 1300000,
     .memory_bus_bits = 8192,
     .memory_bytes = 192 * GIB,
     .lds_bytes = 64 << 10,
     .l2_bytes = 4 << 20},
    {.arch = "gfx950",
     .name = "AMD Instinct MI355X",
     .target = "gfx950:sramecc+:xnack-",
     .mach = 0x4f,
     .generic_mach = 0x5f,
     .generic_target = "gfx9-4-generic",
     .major = 9,
     .minor = 5,
     .num_cus = 256,
     .num_xccs = 8,
     .clock_khz = 2400000,
     .memory_clock_khz = 2000000,
     .memory_bus_bits = 8192,
     .memory_bytes = 288 * GIB,
     .lds_bytes = 160 << 10,
     .l2_bytes = 4 << 20},
};
enum { TABLE_SIZE = sizeof table / sizeof *table };

static struct {
    pthread_once_t once;
    hip_error error;
    int count;
    const sim_device_info *info[SIM_MAX_DEVICES];
    _Atomic hip_error fault[SIM_MAX_DEVICES];
} devices = {.once = PTHREAD_ONCE_INIT};

static _Thread_local int current_device;

static const sim_device_info *find_arch(const char *name, size_t length)
{
    for (int i = 0; i < TABLE_SIZE; i++)
        if (strlen(table[i].arch) == length && !memcmp(table[i].arch, name, length))
            return &table[i];
    return NULL;
}

/* Comma-separated archs; features after ':' are ignored. */
static hip_error parse_list(const char *list)
{
    for (const char *p = list;; p++) {
        size_t length = strcspn(p, ",");
        const char *colon = memchr(p, ':', length);
        const sim_device_info *info = find_arch(p, colon ? (size_t)(colon - p) : length);
        if (!info) {
            sim_report(
                "AITER_SIM_DEVICES=%s: unknown device '%.*s'; expected gfx90a, gfx942 or gfx950",
                list, (int)length, p);
            return HIP_ERROR_INVALID_VALUE;
        }
        if (devices.count == SIM_MAX_DEVICES) {
            sim_report("AITER_SIM_DEVICES=%s: more than %d devices", list, SIM_MAX_DEVICES);
            return HIP_ERROR_INVALID_VALUE;
        }
        devices.info[devices.count++] = info;
        p += length;
        if (!*p)
            return HIP_SUCCESS;
    }
}

static void init_once(void)
{
    const char *list = getenv("AITER_SIM_DEVICES");
    unsigned checks;
    char error[200];
    if (sim_check_environment(&checks, error, sizeof error) ||
        sim_timing_environment(error, sizeof error)) {
        sim_report("%s", error);
        devices.error = HIP_ERROR_INVALID_VALUE;
        return;
    }
    if (list && *list) {
        devices.error = parse_list(list);
        return;
    }
    for (int i = 0; i < TABLE_SIZE; i++)
        devices.info[devices.count++] = &table[i];
}

hip_error sim_devices_init(void)
{
    pthread_once(&devices.once, init_once);
    return devices.error;
}

int sim_device_count(void)
{
    return devices.count;
}

bool sim_device_valid(int device)
{
    return device >= 0 && device < devices.count;
}

const sim_device_info *sim_device_info_at(int device)
{
    return devices.info[device];
}

int sim_device_current(void)
{
    return current_device;
}

void sim_device_set_current(int device)
{
    current_device = device;
}

hip_error sim_device_fault(int device)
{
    return atomic_load(&devices.fault[device]);
}

void sim_device_set_fault(int device, hip_error error)
{
    hip_error none = HIP_SUCCESS;
    atomic_compare_exchange_strong(&devices.fault[device], &none, error);
}

void sim_device_clear_fault(int device)
{
    atomic_store(&devices.fault[device], HIP_SUCCESS);
}

static void fill_limits(const sim_device_info *info, hip_device_prop *p)
{
    p->sharedMemPerBlock = info->lds_bytes;
    p->sharedMemPerBlockOptin = info->lds_bytes;
    p->sharedMemPerMultiprocessor = info->lds_bytes;
    p->maxSharedMemoryPerMultiProcessor = info->lds_bytes;
    p->regsPerBlock = 65536;
    p->regsPerMultiprocessor = 65536;
    p->memPitch = INT_MAX;
    p->maxThreadsPerBlock = SIM_MAX_BLOCK;
    for (int i = 0; i < 3; i++)
        p->maxThreadsDim[i] = SIM_MAX_BLOCK;
    p->maxGridSize[0] = INT_MAX;
    p->maxGridSize[1] = p->maxGridSize[2] = 65536;
    p->totalConstMem = INT_MAX;
    p->textureAlignment = p->texturePitchAlignment = p->surfaceAlignment = 256;
    p->maxThreadsPerMultiProcessor = SIM_SIMDS_PER_CU * SIM_WAVES_PER_SIMD * SIM_WAVE_SIZE;
    p->maxBlocksPerMultiProcessor = p->maxThreadsPerMultiProcessor / p->maxThreadsPerBlock;
}

static void fill_abilities(hip_device_prop *p)
{
    p->canMapHostMemory = 1;
    p->concurrentKernels = 1;
    p->ECCEnabled = 1;
    p->asyncEngineCount = 1;
    p->deviceOverlap = 1;
    p->unifiedAddressing = 1;
    p->streamPrioritiesSupported = 1;
    p->managedMemory = 1;
    p->hostRegisterSupported = 1;
    p->memoryPoolsSupported = 0; /* hipMallocAsync works, pools as objects do not exist */
    p->isLargeBar = 1;
    /* hipDeviceArch_t: every feature but funnel shift, __syncthreads_count and kin, surfaces and
     * dynamic parallelism, as the real runtime says of these GPUs. */
    p->arch = 0x97ff;
}

void sim_device_properties(int device, hip_device_prop *p)
{
    const sim_device_info *info = devices.info[device];
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "%s", info->name);
    snprintf(p->uuid, sizeof p->uuid, "aiter-sim-%d", device);
    snprintf(p->gcnArchName, sizeof p->gcnArchName, "%s", info->target);
    p->totalGlobalMem = info->memory_bytes;
    p->warpSize = SIM_WAVE_SIZE;
    p->clockRate = info->clock_khz;
    p->clockInstructionRate = 100000; /* s_memrealtime counts at 100 MHz */
    p->major = info->major;
    p->minor = info->minor;
    p->multiProcessorCount = info->num_cus;
    p->pciBusID = device + 1;
    p->memoryClockRate = info->memory_clock_khz;
    p->memoryBusWidth = info->memory_bus_bits;
    p->l2CacheSize = info->l2_bytes;
    fill_limits(info, p);
    fill_abilities(p);
}

bool sim_device_attribute(int device, hip_device_attribute attribute, int *value)
{
    hip_device_prop p;
    sim_device_properties(device, &p);
    switch (attribute) {
#define CASE(attr, expression) \
    case attr: *value = (int)(expression); return true
        CASE(HIP_ATTR_ECC_ENABLED, p.ECCEnabled);
        CASE(HIP_ATTR_ASYNC_ENGINE_COUNT, p.asyncEngineCount);
        CASE(HIP_ATTR_CAN_MAP_HOST_MEMORY, p.canMapHostMemory);
        CASE(HIP_ATTR_CLOCK_RATE, p.clockRate);
        CASE(HIP_ATTR_COMPUTE_MODE, p.computeMode);
        CASE(HIP_ATTR_CONCURRENT_KERNELS, p.concurrentKernels);
        CASE(HIP_ATTR_CONCURRENT_MANAGED_ACCESS, p.concurrentManagedAccess);
        CASE(HIP_ATTR_COOPERATIVE_LAUNCH, p.cooperativeLaunch);
        CASE(HIP_ATTR_INTEGRATED, p.integrated);
        CASE(HIP_ATTR_KERNEL_EXEC_TIMEOUT, p.kernelExecTimeoutEnabled);
        CASE(HIP_ATTR_L2_CACHE_SIZE, p.l2CacheSize);
        CASE(HIP_ATTR_COMPUTE_CAPABILITY_MAJOR, p.major);
        CASE(HIP_ATTR_COMPUTE_CAPABILITY_MINOR, p.minor);
        CASE(HIP_ATTR_MANAGED_MEMORY, p.managedMemory);
        CASE(HIP_ATTR_MAX_BLOCKS_PER_MULTIPROCESSOR, p.maxBlocksPerMultiProcessor);
        CASE(HIP_ATTR_MAX_BLOCK_DIM_X, p.maxThreadsDim[0]);
        CASE(HIP_ATTR_MAX_BLOCK_DIM_Y, p.maxThreadsDim[1]);
        CASE(HIP_ATTR_MAX_BLOCK_DIM_Z, p.maxThreadsDim[2]);
        CASE(HIP_ATTR_MAX_GRID_DIM_X, p.maxGridSize[0]);
        CASE(HIP_ATTR_MAX_GRID_DIM_Y, p.maxGridSize[1]);
        CASE(HIP_ATTR_MAX_GRID_DIM_Z, p.maxGridSize[2]);
        CASE(HIP_ATTR_MAX_THREADS_PER_BLOCK, p.maxThreadsPerBlock);
        CASE(HIP_ATTR_MAX_THREADS_PER_MULTIPROCESSOR, p.maxThreadsPerMultiProcessor);
        CASE(HIP_ATTR_MAX_PITCH, p.memPitch);
        CASE(HIP_ATTR_MEMORY_BUS_WIDTH, p.memoryBusWidth);
        CASE(HIP_ATTR_MEMORY_CLOCK_RATE, p.memoryClockRate);
        CASE(HIP_ATTR_MULTIPROCESSOR_COUNT, p.multiProcessorCount);
        CASE(HIP_ATTR_PHYSICAL_MULTIPROCESSOR_COUNT, p.multiProcessorCount);
        CASE(HIP_ATTR_PAGEABLE_MEMORY_ACCESS, p.pageableMemoryAccess);
        CASE(HIP_ATTR_PCI_BUS_ID, p.pciBusID);
        CASE(HIP_ATTR_PCI_DEVICE_ID, p.pciDeviceID);
        CASE(HIP_ATTR_PCI_DOMAIN_ID, p.pciDomainID);
        CASE(HIP_ATTR_MAX_REGISTERS_PER_BLOCK, p.regsPerBlock);
        CASE(HIP_ATTR_MAX_REGISTERS_PER_MULTIPROCESSOR, p.regsPerMultiprocessor);
        CASE(HIP_ATTR_MAX_SHARED_MEMORY_PER_BLOCK, p.sharedMemPerBlock);
        CASE(HIP_ATTR_SHARED_MEM_PER_BLOCK_OPTIN, p.sharedMemPerBlockOptin);
        CASE(HIP_ATTR_SHARED_MEM_PER_MULTIPROCESSOR, p.sharedMemPerMultiprocessor);
        CASE(HIP_ATTR_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, p.maxSharedMemoryPerMultiProcessor);
        CASE(HIP_ATTR_STREAM_PRIORITIES_SUPPORTED, p.streamPrioritiesSupported);
        CASE(HIP_ATTR_TOTAL_CONSTANT_MEMORY, p.totalConstMem);
        CASE(HIP_ATTR_UNIFIED_ADDRESSING, p.unifiedAddressing);
        CASE(HIP_ATTR_WARP_SIZE, p.warpSize);
        CASE(HIP_ATTR_MEMORY_POOLS_SUPPORTED, p.memoryPoolsSupported);
        CASE(HIP_ATTR_HOST_REGISTER_SUPPORTED, p.hostRegisterSupported);
        CASE(HIP_ATTR_CLOCK_INSTRUCTION_RATE, p.clockInstructionRate);
        CASE(HIP_ATTR_WALL_CLOCK_RATE, p.clockInstructionRate);
        CASE(HIP_ATTR_IS_LARGE_BAR, p.isLargeBar);
        CASE(HIP_ATTR_FINE_GRAIN_SUPPORT, 1);
#undef CASE
    default: return false;
    }
}
