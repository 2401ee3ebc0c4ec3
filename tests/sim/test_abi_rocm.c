/* runtime/hip_abi.h against the real HIP headers: every number, offset and signature. Nearly all of
 * it has passed once it is compiled. */
#include <stddef.h>

#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>

/* Four of our names are also names of a deprecated enumeration of HIP's. */
#define HIP_SUCCESS OUR_HIP_SUCCESS
#define HIP_ERROR_INVALID_VALUE OUR_HIP_ERROR_INVALID_VALUE
#define HIP_ERROR_NOT_INITIALIZED OUR_HIP_ERROR_NOT_INITIALIZED
#define HIP_ERROR_LAUNCH_OUT_OF_RESOURCES OUR_HIP_ERROR_LAUNCH_OUT_OF_RESOURCES
#include "runtime/hip_abi.h"

#define SAME(ours, theirs, value)                                                                  \
    _Static_assert((long long)(value) == (long long)(theirs), #theirs);
HIP_ABI_ERRORS(SAME)
HIP_ABI_ATTRIBUTES(SAME)
HIP_ABI_CONSTANTS(SAME)

/* Pointers that are numbers are no constant expressions: main() compares them. */

#define FIELD(ours, theirs, field)                                                                 \
    _Static_assert(offsetof(ours, field) == offsetof(theirs, field), #theirs "." #field);          \
    _Static_assert(sizeof(((ours *)0)->field) == sizeof(((theirs *)0)->field), #theirs "." #field);

#define PROP(field) FIELD(hip_device_prop, hipDeviceProp_tR0600, field)
PROP(name) PROP(uuid) PROP(luid) PROP(luidDeviceNodeMask) PROP(totalGlobalMem)
PROP(sharedMemPerBlock) PROP(regsPerBlock) PROP(warpSize) PROP(memPitch) PROP(maxThreadsPerBlock)
PROP(maxThreadsDim) PROP(maxGridSize) PROP(clockRate) PROP(totalConstMem) PROP(major) PROP(minor)
PROP(textureAlignment) PROP(texturePitchAlignment) PROP(deviceOverlap) PROP(multiProcessorCount)
PROP(kernelExecTimeoutEnabled) PROP(integrated) PROP(canMapHostMemory) PROP(computeMode)
PROP(surfaceAlignment) PROP(concurrentKernels) PROP(ECCEnabled) PROP(pciBusID) PROP(pciDeviceID)
PROP(pciDomainID) PROP(tccDriver) PROP(asyncEngineCount) PROP(unifiedAddressing)
PROP(memoryClockRate) PROP(memoryBusWidth) PROP(l2CacheSize) PROP(persistingL2CacheMaxSize)
PROP(maxThreadsPerMultiProcessor) PROP(streamPrioritiesSupported) PROP(globalL1CacheSupported)
PROP(localL1CacheSupported) PROP(sharedMemPerMultiprocessor) PROP(regsPerMultiprocessor)
PROP(managedMemory) PROP(isMultiGpuBoard) PROP(multiGpuBoardGroupID)
PROP(hostNativeAtomicSupported) PROP(singleToDoublePrecisionPerfRatio) PROP(pageableMemoryAccess)
PROP(concurrentManagedAccess) PROP(computePreemptionSupported)
PROP(canUseHostPointerForRegisteredMem) PROP(cooperativeLaunch) PROP(cooperativeMultiDeviceLaunch)
PROP(sharedMemPerBlockOptin) PROP(pageableMemoryAccessUsesHostPageTables)
PROP(directManagedMemAccessFromHost) PROP(maxBlocksPerMultiProcessor)
PROP(accessPolicyMaxWindowSize) PROP(reservedSharedMemPerBlock) PROP(hostRegisterSupported)
PROP(memoryPoolsSupported) PROP(reserved) PROP(hipReserved) PROP(gcnArchName)
PROP(maxSharedMemoryPerMultiProcessor) PROP(clockInstructionRate) PROP(arch) PROP(hdpMemFlushCntl)
PROP(hdpRegFlushCntl) PROP(isLargeBar) PROP(asicRevision)
_Static_assert(sizeof(hip_device_prop) == sizeof(hipDeviceProp_tR0600), "hipDeviceProp_tR0600");

#define ATTRIBUTE(field) FIELD(hip_pointer_attributes, hipPointerAttribute_t, field)
ATTRIBUTE(type) ATTRIBUTE(device) ATTRIBUTE(devicePointer) ATTRIBUTE(hostPointer)
ATTRIBUTE(isManaged) ATTRIBUTE(allocationFlags)
_Static_assert(sizeof(hip_pointer_attributes) == sizeof(hipPointerAttribute_t),
               "hipPointerAttribute_t");

#define FUNCTION(field) FIELD(hip_func_attributes, struct hipFuncAttributes, field)
FUNCTION(binaryVersion) FUNCTION(cacheModeCA) FUNCTION(constSizeBytes) FUNCTION(localSizeBytes)
FUNCTION(maxDynamicSharedSizeBytes) FUNCTION(maxThreadsPerBlock) FUNCTION(numRegs)
FUNCTION(preferredShmemCarveout) FUNCTION(ptxVersion) FUNCTION(sharedSizeBytes)
_Static_assert(sizeof(hip_func_attributes) == sizeof(struct hipFuncAttributes),
               "hipFuncAttributes");

/* Enumerations are passed like int, handles like pointers. */
#define INT_LIKE(theirs) _Static_assert(sizeof(theirs) == sizeof(int), #theirs);
INT_LIKE(hipError_t) INT_LIKE(hipDevice_t) INT_LIKE(hipMemcpyKind) INT_LIKE(hipDeviceAttribute_t)
INT_LIKE(hipFunction_attribute) INT_LIKE(hipFuncAttribute) INT_LIKE(hipJitOption)
INT_LIKE(hipStreamCaptureMode) INT_LIKE(hipStreamCaptureStatus)

/* With our type names standing for HIP's, each of our declarations must be compatible with HIP's
 * own: a difference is a compile error. hipExtModuleLaunchKernel is declared in a header for C++
 * only. */
#define hip_error hipError_t
#define hip_device hipDevice_t
#define hip_deviceptr hipDeviceptr_t
#define hip_ctx hipCtx_t
#define hip_stream hipStream_t
#define hip_event hipEvent_t
#define hip_module hipModule_t
#define hip_function hipFunction_t
#define hip_graph hipGraph_t
#define hip_graph_node hipGraphNode_t
#define hip_graph_exec hipGraphExec_t
#define hip_memcpy_kind hipMemcpyKind
#define hip_device_attribute hipDeviceAttribute_t
#define hip_function_attribute hipFunction_attribute
#define hip_func_attribute hipFuncAttribute
#define hip_jit_option hipJitOption
#define hip_capture_mode hipStreamCaptureMode
#define hip_capture_status hipStreamCaptureStatus
#define hip_host_fn hipHostFn_t
#define hip_stream_callback hipStreamCallback_t
#define hip_device_prop hipDeviceProp_tR0600
#define hip_pointer_attributes hipPointerAttribute_t
#define hip_func_attributes hipFuncAttributes
#define REDECLARE(name, params) hipError_t name params;
HIP_ABI_FUNCTIONS(REDECLARE)
#define REDECLARE_STRING(name, params) const char *name params;
HIP_ABI_STRING_FUNCTIONS(REDECLARE_STRING)

int main(void)
{
    int same = HIP_EXTRA_BUFFER_POINTER == HIP_LAUNCH_PARAM_BUFFER_POINTER &&
               HIP_EXTRA_BUFFER_SIZE == HIP_LAUNCH_PARAM_BUFFER_SIZE &&
               HIP_EXTRA_END == HIP_LAUNCH_PARAM_END && HIP_STREAM_LEGACY == hipStreamLegacy &&
               HIP_STREAM_PER_THREAD == hipStreamPerThread;
    return same ? 0 : 1;
}
