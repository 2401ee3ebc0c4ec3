/* The part of the HIP module ABI that this project uses (runtime/) or exports (sim/): so neither
 * needs a ROCm header to be built. Numbers, layouts and signatures are facts of libamdhip64's ABI
 * (ROCm 6.0 and later, the "R0600" device properties); tests/sim/test_abi_rocm.c asserts every one
 * of them against the real <hip/hip_runtime_api.h> where one is installed.
 *
 * Our type and constant names are not HIP's (hip_stream for hipStream_t, HIP_ERROR_NOT_FOUND for
 * hipErrorNotFound); function names are the real symbols. */
#ifndef AITER_HIP_ABI_H
#define AITER_HIP_ABI_H

#include <stddef.h>
#include <stdint.h>

/* ---- Handles and scalar types ---- */

typedef int hip_error;                       /* enum hipError_t; values below                   */
typedef int hip_device;
typedef void *hip_deviceptr;
typedef struct ihipCtx_t *hip_ctx;
typedef struct ihipStream_t *hip_stream;     /* NULL: the legacy default stream                 */
typedef struct ihipEvent_t *hip_event;
typedef struct ihipModule_t *hip_module;
typedef struct ihipModuleSymbol_t *hip_function;
typedef struct ihipGraph *hip_graph;
typedef struct hipGraphNode *hip_graph_node;
typedef struct hipGraphExec *hip_graph_exec;

/* The enums below are passed as C enums, which have the size of an int in this ABI. */
typedef int hip_memcpy_kind;
typedef int hip_device_attribute;
typedef int hip_function_attribute;          /* hipFunction_attribute                           */
typedef int hip_func_attribute;              /* hipFuncAttribute: hipFuncSetAttribute's         */
typedef int hip_jit_option;
typedef int hip_capture_mode;
typedef int hip_capture_status;
typedef void (*hip_host_fn)(void *user_data);
typedef void (*hip_stream_callback)(hip_stream stream, hip_error status, void *user_data);

#define HIP_STREAM_LEGACY ((hip_stream)1)
#define HIP_STREAM_PER_THREAD ((hip_stream)2)

/* hipModuleLaunchKernel's `extra`: pairs of key and value, closed by HIP_EXTRA_END. The value of
 * HIP_EXTRA_BUFFER_SIZE is a size_t *. */
#define HIP_EXTRA_BUFFER_POINTER ((void *)1)
#define HIP_EXTRA_BUFFER_SIZE ((void *)2)
#define HIP_EXTRA_END ((void *)3)

/* ---- Error codes: X(our name, HIP's name, value) ---- */

#define HIP_ABI_ERRORS(X) \
    X(HIP_SUCCESS, hipSuccess, 0) \
    X(HIP_ERROR_INVALID_VALUE, hipErrorInvalidValue, 1) \
    X(HIP_ERROR_OUT_OF_MEMORY, hipErrorOutOfMemory, 2) \
    X(HIP_ERROR_NOT_INITIALIZED, hipErrorNotInitialized, 3) \
    X(HIP_ERROR_DEINITIALIZED, hipErrorDeinitialized, 4) \
    X(HIP_ERROR_INVALID_CONFIGURATION, hipErrorInvalidConfiguration, 9) \
    X(HIP_ERROR_INVALID_SYMBOL, hipErrorInvalidSymbol, 13) \
    X(HIP_ERROR_INVALID_DEVICE_POINTER, hipErrorInvalidDevicePointer, 17) \
    X(HIP_ERROR_INVALID_MEMCPY_DIRECTION, hipErrorInvalidMemcpyDirection, 21) \
    X(HIP_ERROR_INSUFFICIENT_DRIVER, hipErrorInsufficientDriver, 35) \
    X(HIP_ERROR_INVALID_DEVICE_FUNCTION, hipErrorInvalidDeviceFunction, 98) \
    X(HIP_ERROR_NO_DEVICE, hipErrorNoDevice, 100) \
    X(HIP_ERROR_INVALID_DEVICE, hipErrorInvalidDevice, 101) \
    X(HIP_ERROR_INVALID_IMAGE, hipErrorInvalidImage, 200) \
    X(HIP_ERROR_INVALID_CONTEXT, hipErrorInvalidContext, 201) \
    X(HIP_ERROR_NO_BINARY_FOR_GPU, hipErrorNoBinaryForGpu, 209) \
    X(HIP_ERROR_INVALID_KERNEL_FILE, hipErrorInvalidKernelFile, 218) \
    X(HIP_ERROR_INVALID_SOURCE, hipErrorInvalidSource, 300) \
    X(HIP_ERROR_FILE_NOT_FOUND, hipErrorFileNotFound, 301) \
    X(HIP_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, hipErrorSharedObjectSymbolNotFound, 302) \
    X(HIP_ERROR_SHARED_OBJECT_INIT_FAILED, hipErrorSharedObjectInitFailed, 303) \
    X(HIP_ERROR_OPERATING_SYSTEM, hipErrorOperatingSystem, 304) \
    X(HIP_ERROR_INVALID_HANDLE, hipErrorInvalidHandle, 400) \
    X(HIP_ERROR_ILLEGAL_STATE, hipErrorIllegalState, 401) \
    X(HIP_ERROR_NOT_FOUND, hipErrorNotFound, 500) \
    X(HIP_ERROR_NOT_READY, hipErrorNotReady, 600) \
    X(HIP_ERROR_ILLEGAL_ADDRESS, hipErrorIllegalAddress, 700) \
    X(HIP_ERROR_LAUNCH_OUT_OF_RESOURCES, hipErrorLaunchOutOfResources, 701) \
    X(HIP_ERROR_LAUNCH_TIMEOUT, hipErrorLaunchTimeOut, 702) \
    X(HIP_ERROR_PEER_ACCESS_ALREADY_ENABLED, hipErrorPeerAccessAlreadyEnabled, 704) \
    X(HIP_ERROR_PEER_ACCESS_NOT_ENABLED, hipErrorPeerAccessNotEnabled, 705) \
    X(HIP_ERROR_CONTEXT_IS_DESTROYED, hipErrorContextIsDestroyed, 709) \
    X(HIP_ERROR_HOST_MEMORY_ALREADY_REGISTERED, hipErrorHostMemoryAlreadyRegistered, 712) \
    X(HIP_ERROR_HOST_MEMORY_NOT_REGISTERED, hipErrorHostMemoryNotRegistered, 713) \
    X(HIP_ERROR_LAUNCH_FAILURE, hipErrorLaunchFailure, 719) \
    X(HIP_ERROR_NOT_SUPPORTED, hipErrorNotSupported, 801) \
    X(HIP_ERROR_STREAM_CAPTURE_UNSUPPORTED, hipErrorStreamCaptureUnsupported, 900) \
    X(HIP_ERROR_STREAM_CAPTURE_INVALIDATED, hipErrorStreamCaptureInvalidated, 901) \
    X(HIP_ERROR_STREAM_CAPTURE_UNMATCHED, hipErrorStreamCaptureUnmatched, 903) \
    X(HIP_ERROR_STREAM_CAPTURE_UNJOINED, hipErrorStreamCaptureUnjoined, 904) \
    X(HIP_ERROR_STREAM_CAPTURE_IMPLICIT, hipErrorStreamCaptureImplicit, 906) \
    X(HIP_ERROR_CAPTURED_EVENT, hipErrorCapturedEvent, 907) \
    X(HIP_ERROR_STREAM_CAPTURE_WRONG_THREAD, hipErrorStreamCaptureWrongThread, 908) \
    X(HIP_ERROR_UNKNOWN, hipErrorUnknown, 999)

#define HIP_ABI_ENUM(ours, theirs, value) ours = value,
enum { HIP_ABI_ERRORS(HIP_ABI_ENUM) HIP_ABI_ERRORS_END_ };

/* ---- Device attributes ---- */

#define HIP_ABI_ATTRIBUTES(X) \
    X(HIP_ATTR_ECC_ENABLED, hipDeviceAttributeEccEnabled, 0) \
    X(HIP_ATTR_ASYNC_ENGINE_COUNT, hipDeviceAttributeAsyncEngineCount, 2) \
    X(HIP_ATTR_CAN_MAP_HOST_MEMORY, hipDeviceAttributeCanMapHostMemory, 3) \
    X(HIP_ATTR_CLOCK_RATE, hipDeviceAttributeClockRate, 5) \
    X(HIP_ATTR_COMPUTE_MODE, hipDeviceAttributeComputeMode, 6) \
    X(HIP_ATTR_CONCURRENT_KERNELS, hipDeviceAttributeConcurrentKernels, 8) \
    X(HIP_ATTR_CONCURRENT_MANAGED_ACCESS, hipDeviceAttributeConcurrentManagedAccess, 9) \
    X(HIP_ATTR_COOPERATIVE_LAUNCH, hipDeviceAttributeCooperativeLaunch, 10) \
    X(HIP_ATTR_INTEGRATED, hipDeviceAttributeIntegrated, 16) \
    X(HIP_ATTR_KERNEL_EXEC_TIMEOUT, hipDeviceAttributeKernelExecTimeout, 18) \
    X(HIP_ATTR_L2_CACHE_SIZE, hipDeviceAttributeL2CacheSize, 19) \
    X(HIP_ATTR_COMPUTE_CAPABILITY_MAJOR, hipDeviceAttributeComputeCapabilityMajor, 23) \
    X(HIP_ATTR_MANAGED_MEMORY, hipDeviceAttributeManagedMemory, 24) \
    X(HIP_ATTR_MAX_BLOCKS_PER_MULTIPROCESSOR, hipDeviceAttributeMaxBlocksPerMultiProcessor, 25) \
    X(HIP_ATTR_MAX_BLOCK_DIM_X, hipDeviceAttributeMaxBlockDimX, 26) \
    X(HIP_ATTR_MAX_BLOCK_DIM_Y, hipDeviceAttributeMaxBlockDimY, 27) \
    X(HIP_ATTR_MAX_BLOCK_DIM_Z, hipDeviceAttributeMaxBlockDimZ, 28) \
    X(HIP_ATTR_MAX_GRID_DIM_X, hipDeviceAttributeMaxGridDimX, 29) \
    X(HIP_ATTR_MAX_GRID_DIM_Y, hipDeviceAttributeMaxGridDimY, 30) \
    X(HIP_ATTR_MAX_GRID_DIM_Z, hipDeviceAttributeMaxGridDimZ, 31) \
    X(HIP_ATTR_MAX_THREADS_PER_BLOCK, hipDeviceAttributeMaxThreadsPerBlock, 56) \
    X(HIP_ATTR_MAX_THREADS_PER_MULTIPROCESSOR, hipDeviceAttributeMaxThreadsPerMultiProcessor, 57) \
    X(HIP_ATTR_MAX_PITCH, hipDeviceAttributeMaxPitch, 58) \
    X(HIP_ATTR_MEMORY_BUS_WIDTH, hipDeviceAttributeMemoryBusWidth, 59) \
    X(HIP_ATTR_MEMORY_CLOCK_RATE, hipDeviceAttributeMemoryClockRate, 60) \
    X(HIP_ATTR_COMPUTE_CAPABILITY_MINOR, hipDeviceAttributeComputeCapabilityMinor, 61) \
    X(HIP_ATTR_MULTIPROCESSOR_COUNT, hipDeviceAttributeMultiprocessorCount, 63) \
    X(HIP_ATTR_PAGEABLE_MEMORY_ACCESS, hipDeviceAttributePageableMemoryAccess, 65) \
    X(HIP_ATTR_PCI_BUS_ID, hipDeviceAttributePciBusId, 67) \
    X(HIP_ATTR_PCI_DEVICE_ID, hipDeviceAttributePciDeviceId, 68) \
    X(HIP_ATTR_PCI_DOMAIN_ID, hipDeviceAttributePciDomainID, 69) \
    X(HIP_ATTR_MAX_REGISTERS_PER_BLOCK, hipDeviceAttributeMaxRegistersPerBlock, 71) \
    X(HIP_ATTR_MAX_REGISTERS_PER_MULTIPROCESSOR, \
      hipDeviceAttributeMaxRegistersPerMultiprocessor, 72) \
    X(HIP_ATTR_MAX_SHARED_MEMORY_PER_BLOCK, hipDeviceAttributeMaxSharedMemoryPerBlock, 74) \
    X(HIP_ATTR_SHARED_MEM_PER_BLOCK_OPTIN, hipDeviceAttributeSharedMemPerBlockOptin, 75) \
    X(HIP_ATTR_SHARED_MEM_PER_MULTIPROCESSOR, hipDeviceAttributeSharedMemPerMultiprocessor, 76) \
    X(HIP_ATTR_STREAM_PRIORITIES_SUPPORTED, hipDeviceAttributeStreamPrioritiesSupported, 78) \
    X(HIP_ATTR_TOTAL_CONSTANT_MEMORY, hipDeviceAttributeTotalConstantMemory, 83) \
    X(HIP_ATTR_UNIFIED_ADDRESSING, hipDeviceAttributeUnifiedAddressing, 85) \
    X(HIP_ATTR_WARP_SIZE, hipDeviceAttributeWarpSize, 87) \
    X(HIP_ATTR_MEMORY_POOLS_SUPPORTED, hipDeviceAttributeMemoryPoolsSupported, 88) \
    X(HIP_ATTR_HOST_REGISTER_SUPPORTED, hipDeviceAttributeHostRegisterSupported, 90) \
    X(HIP_ATTR_CLOCK_INSTRUCTION_RATE, hipDeviceAttributeClockInstructionRate, 10000) \
    X(HIP_ATTR_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, \
      hipDeviceAttributeMaxSharedMemoryPerMultiprocessor, 10002) \
    X(HIP_ATTR_IS_LARGE_BAR, hipDeviceAttributeIsLargeBar, 10011) \
    X(HIP_ATTR_PHYSICAL_MULTIPROCESSOR_COUNT, \
      hipDeviceAttributePhysicalMultiProcessorCount, 10015) \
    X(HIP_ATTR_FINE_GRAIN_SUPPORT, hipDeviceAttributeFineGrainSupport, 10016) \
    X(HIP_ATTR_WALL_CLOCK_RATE, hipDeviceAttributeWallClockRate, 10017)

enum { HIP_ABI_ATTRIBUTES(HIP_ABI_ENUM) HIP_ABI_ATTRIBUTES_END_ };

/* ---- Other constants ---- */

#define HIP_ABI_CONSTANTS(X) \
    X(HIP_MEMCPY_HOST_TO_HOST, hipMemcpyHostToHost, 0) \
    X(HIP_MEMCPY_HOST_TO_DEVICE, hipMemcpyHostToDevice, 1) \
    X(HIP_MEMCPY_DEVICE_TO_HOST, hipMemcpyDeviceToHost, 2) \
    X(HIP_MEMCPY_DEVICE_TO_DEVICE, hipMemcpyDeviceToDevice, 3) \
    X(HIP_MEMCPY_DEFAULT, hipMemcpyDefault, 4) \
    X(HIP_MEMCPY_DEVICE_TO_DEVICE_NO_CU, hipMemcpyDeviceToDeviceNoCU, 1024) \
    X(HIP_MEMORY_UNREGISTERED, hipMemoryTypeUnregistered, 0) \
    X(HIP_MEMORY_HOST, hipMemoryTypeHost, 1) \
    X(HIP_MEMORY_DEVICE, hipMemoryTypeDevice, 2) \
    X(HIP_MEMORY_MANAGED, hipMemoryTypeManaged, 3) \
    X(HIP_STREAM_DEFAULT, hipStreamDefault, 0) \
    X(HIP_STREAM_NON_BLOCKING, hipStreamNonBlocking, 1) \
    X(HIP_EVENT_DEFAULT, hipEventDefault, 0) \
    X(HIP_EVENT_BLOCKING_SYNC, hipEventBlockingSync, 1) \
    X(HIP_EVENT_DISABLE_TIMING, hipEventDisableTiming, 2) \
    X(HIP_EVENT_INTERPROCESS, hipEventInterprocess, 4) \
    X(HIP_CAPTURE_MODE_GLOBAL, hipStreamCaptureModeGlobal, 0) \
    X(HIP_CAPTURE_MODE_THREAD_LOCAL, hipStreamCaptureModeThreadLocal, 1) \
    X(HIP_CAPTURE_MODE_RELAXED, hipStreamCaptureModeRelaxed, 2) \
    X(HIP_CAPTURE_STATUS_NONE, hipStreamCaptureStatusNone, 0) \
    X(HIP_CAPTURE_STATUS_ACTIVE, hipStreamCaptureStatusActive, 1) \
    X(HIP_CAPTURE_STATUS_INVALIDATED, hipStreamCaptureStatusInvalidated, 2) \
    X(HIP_FUNC_MAX_THREADS_PER_BLOCK, HIP_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 0) \
    X(HIP_FUNC_SHARED_SIZE_BYTES, HIP_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, 1) \
    X(HIP_FUNC_CONST_SIZE_BYTES, HIP_FUNC_ATTRIBUTE_CONST_SIZE_BYTES, 2) \
    X(HIP_FUNC_LOCAL_SIZE_BYTES, HIP_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, 3) \
    X(HIP_FUNC_NUM_REGS, HIP_FUNC_ATTRIBUTE_NUM_REGS, 4) \
    X(HIP_FUNC_PTX_VERSION, HIP_FUNC_ATTRIBUTE_PTX_VERSION, 5) \
    X(HIP_FUNC_BINARY_VERSION, HIP_FUNC_ATTRIBUTE_BINARY_VERSION, 6) \
    X(HIP_FUNC_CACHE_MODE_CA, HIP_FUNC_ATTRIBUTE_CACHE_MODE_CA, 7) \
    X(HIP_FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES, HIP_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 8) \
    X(HIP_FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT, \
      HIP_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 9) \
    X(HIP_FUNC_SET_MAX_DYNAMIC_SHARED, hipFuncAttributeMaxDynamicSharedMemorySize, 8) \
    X(HIP_FUNC_SET_SHARED_CARVEOUT, hipFuncAttributePreferredSharedMemoryCarveout, 9)

enum { HIP_ABI_CONSTANTS(HIP_ABI_ENUM) HIP_ABI_CONSTANTS_END_ };
#undef HIP_ABI_ENUM

/* ---- Structures. Field names are HIP's, so that the layout test can name both. ---- */

/* hipDeviceProp_tR0600. gaps: image and surface limits, reserved words. */
typedef struct hip_device_prop {
    char name[256];
    char uuid[16];
    char luid[8];
    unsigned luidDeviceNodeMask;
    size_t totalGlobalMem;
    size_t sharedMemPerBlock;
    int regsPerBlock;
    int warpSize;
    size_t memPitch;
    int maxThreadsPerBlock;
    int maxThreadsDim[3];
    int maxGridSize[3];
    int clockRate;                           /* kHz                                             */
    size_t totalConstMem;
    int major, minor;
    size_t textureAlignment;
    size_t texturePitchAlignment;
    int deviceOverlap;
    int multiProcessorCount;
    int kernelExecTimeoutEnabled;
    int integrated;
    int canMapHostMemory;
    int computeMode;
    int gap_images[40];                      /* maxTexture1D .. maxSurfaceCubemapLayered        */
    size_t surfaceAlignment;
    int concurrentKernels;
    int ECCEnabled;
    int pciBusID, pciDeviceID, pciDomainID;
    int tccDriver;
    int asyncEngineCount;
    int unifiedAddressing;
    int memoryClockRate;                     /* kHz                                             */
    int memoryBusWidth;                      /* bits                                            */
    int l2CacheSize;
    int persistingL2CacheMaxSize;
    int maxThreadsPerMultiProcessor;
    int streamPrioritiesSupported;
    int globalL1CacheSupported;
    int localL1CacheSupported;
    size_t sharedMemPerMultiprocessor;
    int regsPerMultiprocessor;
    int managedMemory;
    int isMultiGpuBoard;
    int multiGpuBoardGroupID;
    int hostNativeAtomicSupported;
    int singleToDoublePrecisionPerfRatio;
    int pageableMemoryAccess;
    int concurrentManagedAccess;
    int computePreemptionSupported;
    int canUseHostPointerForRegisteredMem;
    int cooperativeLaunch;
    int cooperativeMultiDeviceLaunch;
    size_t sharedMemPerBlockOptin;
    int pageableMemoryAccessUsesHostPageTables;
    int directManagedMemAccessFromHost;
    int maxBlocksPerMultiProcessor;
    int accessPolicyMaxWindowSize;
    size_t reservedSharedMemPerBlock;
    int hostRegisterSupported;
    int gap_interop[3];                      /* sparse arrays .. timeline semaphores            */
    int memoryPoolsSupported;
    int gap_rdma[8];                         /* gpuDirectRDMASupported .. unifiedFunctionPointers */
    int reserved[63];
    int hipReserved[32];
    char gcnArchName[256];                   /* e.g. "gfx942:sramecc+:xnack-"                   */
    size_t maxSharedMemoryPerMultiProcessor;
    int clockInstructionRate;                /* kHz                                             */
    unsigned arch;                           /* hipDeviceArch_t: bit field                      */
    unsigned *hdpMemFlushCntl;
    unsigned *hdpRegFlushCntl;
    int gap_cooperative[4];                  /* cooperativeMultiDeviceUnmatched*                */
    int isLargeBar;
    int asicRevision;
} hip_device_prop;

_Static_assert(offsetof(hip_device_prop, totalGlobalMem) == 288, "device properties layout");
_Static_assert(offsetof(hip_device_prop, multiProcessorCount) == 388, "device properties layout");
_Static_assert(offsetof(hip_device_prop, surfaceAlignment) == 568, "device properties layout");
_Static_assert(offsetof(hip_device_prop, memoryPoolsSupported) == 744, "device properties layout");
_Static_assert(offsetof(hip_device_prop, reserved) == 780, "device properties layout");
_Static_assert(offsetof(hip_device_prop, gcnArchName) == 1160, "device properties layout");
_Static_assert(offsetof(hip_device_prop, asicRevision) == 1468, "device properties layout");
_Static_assert(sizeof(hip_device_prop) == 1472, "device properties layout");

typedef struct hip_pointer_attributes {
    int type;                                /* HIP_MEMORY_*                                    */
    int device;
    void *devicePointer;
    void *hostPointer;
    int isManaged;
    unsigned allocationFlags;
} hip_pointer_attributes;
_Static_assert(sizeof(hip_pointer_attributes) == 32, "pointer attributes layout");

typedef struct hip_func_attributes {
    int binaryVersion;
    int cacheModeCA;
    size_t constSizeBytes;
    size_t localSizeBytes;
    int maxDynamicSharedSizeBytes;
    int maxThreadsPerBlock;
    int numRegs;
    int preferredShmemCarveout;
    int ptxVersion;
    size_t sharedSizeBytes;
} hip_func_attributes;
_Static_assert(sizeof(hip_func_attributes) == 56, "function attributes layout");

/* ---- Functions: X(symbol, parameter list), every one returning hip_error, C linkage. ----
 *
 * A loader makes a table of pointers of it: #define X(name, params) hip_error (*name) params;
 * An implementation declares its exports: #define X(name, params) EXPORT hip_error name params; */

#define HIP_ABI_DEVICE_FUNCTIONS(X) \
    X(hipInit, (unsigned flags)) \
    X(hipDriverGetVersion, (int *version)) \
    X(hipRuntimeGetVersion, (int *version)) \
    X(hipGetDeviceCount, (int *count)) \
    X(hipSetDevice, (int device)) \
    X(hipGetDevice, (int *device)) \
    X(hipDeviceGet, (hip_device *device, int ordinal)) \
    X(hipDeviceGetName, (char *name, int len, hip_device device)) \
    X(hipDeviceTotalMem, (size_t *bytes, hip_device device)) \
    X(hipDeviceGetAttribute, (int *value, hip_device_attribute attribute, int device)) \
    X(hipGetDevicePropertiesR0600, (hip_device_prop *prop, int device)) \
    X(hipDeviceComputeCapability, (int *major, int *minor, hip_device device)) \
    X(hipDeviceGetPCIBusId, (char *bus_id, int len, int device)) \
    X(hipDeviceGetByPCIBusId, (int *device, const char *bus_id)) \
    X(hipSetDeviceFlags, (unsigned flags)) \
    X(hipGetDeviceFlags, (unsigned *flags)) \
    X(hipDeviceCanAccessPeer, (int *can_access, int device, int peer)) \
    X(hipDeviceEnablePeerAccess, (int peer, unsigned flags)) \
    X(hipDeviceDisablePeerAccess, (int peer)) \
    X(hipDeviceSynchronize, (void)) \
    X(hipDeviceReset, (void)) \
    X(hipCtxCreate, (hip_ctx *ctx, unsigned flags, hip_device device)) \
    X(hipCtxDestroy, (hip_ctx ctx)) \
    X(hipCtxSetCurrent, (hip_ctx ctx)) \
    X(hipCtxGetCurrent, (hip_ctx *ctx)) \
    X(hipCtxPushCurrent, (hip_ctx ctx)) \
    X(hipCtxPopCurrent, (hip_ctx *ctx)) \
    X(hipCtxGetDevice, (hip_device *device)) \
    X(hipCtxSynchronize, (void)) \
    X(hipDevicePrimaryCtxRetain, (hip_ctx *ctx, hip_device device)) \
    X(hipDevicePrimaryCtxRelease, (hip_device device)) \
    X(hipDevicePrimaryCtxReset, (hip_device device)) \
    X(hipDevicePrimaryCtxSetFlags, (hip_device device, unsigned flags)) \
    X(hipDevicePrimaryCtxGetState, (hip_device device, unsigned *flags, int *active)) \
    X(hipGetLastError, (void)) \
    X(hipPeekAtLastError, (void)) \
    X(hipExtGetLastError, (void)) \
    X(hipDrvGetErrorName, (hip_error error, const char **name)) \
    X(hipDrvGetErrorString, (hip_error error, const char **text))

#define HIP_ABI_MEMORY_FUNCTIONS(X) \
    X(hipMalloc, (void **ptr, size_t size)) \
    X(hipFree, (void *ptr)) \
    X(hipHostMalloc, (void **ptr, size_t size, unsigned flags)) \
    X(hipHostFree, (void *ptr)) \
    X(hipHostAlloc, (void **ptr, size_t size, unsigned flags)) \
    X(hipFreeHost, (void *ptr)) \
    X(hipHostGetFlags, (unsigned *flags, void *host_ptr)) \
    X(hipHostGetDevicePointer, (void **device_ptr, void *host_ptr, unsigned flags)) \
    X(hipHostRegister, (void *host_ptr, size_t size, unsigned flags)) \
    X(hipHostUnregister, (void *host_ptr)) \
    X(hipMallocManaged, (void **ptr, size_t size, unsigned flags)) \
    X(hipMallocAsync, (void **ptr, size_t size, hip_stream stream)) \
    X(hipFreeAsync, (void *ptr, hip_stream stream)) \
    X(hipMemcpy, (void *dst, const void *src, size_t size, hip_memcpy_kind kind)) \
    X(hipMemcpyAsync, \
      (void *dst, const void *src, size_t size, hip_memcpy_kind kind, hip_stream stream)) \
    X(hipMemcpyWithStream, \
      (void *dst, const void *src, size_t size, hip_memcpy_kind kind, hip_stream stream)) \
    X(hipMemcpyHtoD, (hip_deviceptr dst, void *src, size_t size)) \
    X(hipMemcpyDtoH, (void *dst, hip_deviceptr src, size_t size)) \
    X(hipMemcpyDtoD, (hip_deviceptr dst, hip_deviceptr src, size_t size)) \
    X(hipMemcpyHtoDAsync, (hip_deviceptr dst, void *src, size_t size, hip_stream stream)) \
    X(hipMemcpyDtoHAsync, (void *dst, hip_deviceptr src, size_t size, hip_stream stream)) \
    X(hipMemcpyDtoDAsync, (hip_deviceptr dst, hip_deviceptr src, size_t size, hip_stream stream)) \
    X(hipMemcpyPeer, (void *dst, int dst_device, const void *src, int src_device, size_t size)) \
    X(hipMemcpyPeerAsync, (void *dst, int dst_device, const void *src, int src_device, \
                           size_t size, hip_stream stream)) \
    X(hipMemPrefetchAsync, (const void *ptr, size_t count, int device, hip_stream stream)) \
    X(hipMemPtrGetInfo, (void *ptr, size_t *size)) \
    X(hipMemset, (void *dst, int value, size_t size)) \
    X(hipMemsetAsync, (void *dst, int value, size_t size, hip_stream stream)) \
    X(hipMemsetD8, (hip_deviceptr dst, unsigned char value, size_t count)) \
    X(hipMemsetD8Async, (hip_deviceptr dst, unsigned char value, size_t count, hip_stream stream)) \
    X(hipMemsetD16, (hip_deviceptr dst, unsigned short value, size_t count)) \
    X(hipMemsetD16Async, \
      (hip_deviceptr dst, unsigned short value, size_t count, hip_stream stream)) \
    X(hipMemsetD32, (hip_deviceptr dst, int value, size_t count)) \
    X(hipMemsetD32Async, (hip_deviceptr dst, int value, size_t count, hip_stream stream)) \
    X(hipMemGetInfo, (size_t *free, size_t *total)) \
    X(hipMemGetAddressRange, (hip_deviceptr *base, size_t *size, hip_deviceptr ptr)) \
    X(hipPointerGetAttributes, (hip_pointer_attributes *attributes, const void *ptr))

#define HIP_ABI_STREAM_FUNCTIONS(X) \
    X(hipStreamCreate, (hip_stream *stream)) \
    X(hipStreamCreateWithFlags, (hip_stream *stream, unsigned flags)) \
    X(hipStreamCreateWithPriority, (hip_stream *stream, unsigned flags, int priority)) \
    X(hipDeviceGetStreamPriorityRange, (int *least, int *greatest)) \
    X(hipStreamDestroy, (hip_stream stream)) \
    X(hipStreamQuery, (hip_stream stream)) \
    X(hipStreamSynchronize, (hip_stream stream)) \
    X(hipStreamWaitEvent, (hip_stream stream, hip_event event, unsigned flags)) \
    X(hipStreamGetFlags, (hip_stream stream, unsigned *flags)) \
    X(hipStreamGetPriority, (hip_stream stream, int *priority)) \
    X(hipStreamGetDevice, (hip_stream stream, hip_device *device)) \
    X(hipStreamAddCallback, \
      (hip_stream stream, hip_stream_callback callback, void *user_data, unsigned flags)) \
    X(hipLaunchHostFunc, (hip_stream stream, hip_host_fn fn, void *user_data)) \
    X(hipEventCreate, (hip_event *event)) \
    X(hipEventCreateWithFlags, (hip_event *event, unsigned flags)) \
    X(hipEventRecord, (hip_event event, hip_stream stream)) \
    X(hipEventDestroy, (hip_event event)) \
    X(hipEventSynchronize, (hip_event event)) \
    X(hipEventQuery, (hip_event event)) \
    X(hipEventElapsedTime, (float *ms, hip_event start, hip_event stop))

#define HIP_ABI_MODULE_FUNCTIONS(X) \
    X(hipModuleLoad, (hip_module *module, const char *path)) \
    X(hipModuleLoadData, (hip_module *module, const void *image)) \
    X(hipModuleLoadDataEx, (hip_module *module, const void *image, unsigned num_options, \
                            hip_jit_option *options, void **values)) \
    X(hipModuleUnload, (hip_module module)) \
    X(hipModuleGetFunction, (hip_function *function, hip_module module, const char *name)) \
    X(hipModuleGetGlobal, \
      (hip_deviceptr *ptr, size_t *bytes, hip_module module, const char *name)) \
    X(hipFuncGetAttribute, (int *value, hip_function_attribute attribute, hip_function function)) \
    X(hipFuncGetAttributes, (struct hip_func_attributes *attributes, const void *function)) \
    X(hipFuncSetAttribute, (const void *function, hip_func_attribute attribute, int value)) \
    X(hipModuleLaunchKernel, \
      (hip_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, \
       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, \
       hip_stream stream, void **kernel_params, void **extra)) \
    X(hipExtModuleLaunchKernel, \
      (hip_function function, uint32_t global_x, uint32_t global_y, uint32_t global_z, \
       uint32_t local_x, uint32_t local_y, uint32_t local_z, size_t shared_bytes, \
       hip_stream stream, void **kernel_params, void **extra, hip_event start, hip_event stop, \
       uint32_t flags)) \
    X(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor, \
      (int *num_blocks, hip_function function, int block_size, size_t dynamic_shared)) \
    X(hipModuleOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, \
      (int *num_blocks, hip_function function, int block_size, size_t dynamic_shared, \
       unsigned flags)) \
    X(hipModuleOccupancyMaxPotentialBlockSize, \
      (int *grid_size, int *block_size, hip_function function, size_t dynamic_shared, \
       int block_size_limit))

#define HIP_ABI_GRAPH_FUNCTIONS(X) \
    X(hipStreamBeginCapture, (hip_stream stream, hip_capture_mode mode)) \
    X(hipStreamEndCapture, (hip_stream stream, hip_graph *graph)) \
    X(hipStreamIsCapturing, (hip_stream stream, hip_capture_status *status)) \
    X(hipStreamGetCaptureInfo, \
      (hip_stream stream, hip_capture_status *status, unsigned long long *id)) \
    X(hipThreadExchangeStreamCaptureMode, (hip_capture_mode *mode)) \
    X(hipGraphGetNodes, (hip_graph graph, hip_graph_node *nodes, size_t *num_nodes)) \
    X(hipGraphInstantiate, \
      (hip_graph_exec *exec, hip_graph graph, hip_graph_node *error_node, char *log, \
       size_t log_size)) \
    X(hipGraphInstantiateWithFlags, \
      (hip_graph_exec *exec, hip_graph graph, unsigned long long flags)) \
    X(hipGraphUpload, (hip_graph_exec exec, hip_stream stream)) \
    X(hipGraphLaunch, (hip_graph_exec exec, hip_stream stream)) \
    X(hipGraphExecDestroy, (hip_graph_exec exec)) \
    X(hipGraphDestroy, (hip_graph graph))

#define HIP_ABI_FUNCTIONS(X) \
    HIP_ABI_DEVICE_FUNCTIONS(X) \
    HIP_ABI_MEMORY_FUNCTIONS(X) \
    HIP_ABI_STREAM_FUNCTIONS(X) \
    HIP_ABI_MODULE_FUNCTIONS(X) \
    HIP_ABI_GRAPH_FUNCTIONS(X)

/* The functions that return a static string instead: X(symbol, parameter list). */
#define HIP_ABI_STRING_FUNCTIONS(X) \
    X(hipGetErrorName, (hip_error error)) \
    X(hipGetErrorString, (hip_error error))

#endif
