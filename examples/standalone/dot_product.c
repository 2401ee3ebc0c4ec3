/* A HIP program without a HIP header and without a HIP library to link: it loads both at run time.
 *
 *     dot_product [HIP_RUNTIME [HIPRTC]]
 *
 * HIP_RUNTIME is the HIP runtime to use: $HIP_RUNTIME if not given, else libamdhip64.so, which is
 * ROCm's. libaiter-sim.so in its place runs the same program on simulated GPUs:
 *
 *     HIP_RUNTIME=libaiter-sim.so ./dot_product
 *
 * HIPRTC is the compiler: $HIPRTC, else libhiprtc.so. The kernel below is compiled for every GPU
 * that the runtime has, and run on each. Exit status: 0 if all results are right.
 *
 *     cc dot_product.c -ldl -o dot_product */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each wave adds up its products with shuffles, each block its waves in shared memory, and all
 * blocks by an atomic operation. */
static const char source[] =
    "extern \"C\" __global__ void dot_product(const int *a, const int *b, unsigned n, int *sum)\n"
    "{\n"
    "    __shared__ int of_wave[16];\n"
    "    int mine = 0;\n"
    "    unsigned first = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x;\n"
    "    for (unsigned i = first; i < n; i += step)\n"
    "        mine += a[i] * b[i];\n"
    "    for (int distance = warpSize / 2; distance > 0; distance /= 2)\n"
    "        mine += __shfl_down(mine, distance);\n"
    "    if (threadIdx.x % warpSize == 0)\n"
    "        of_wave[threadIdx.x / warpSize] = mine;\n"
    "    __syncthreads();\n"
    "    if (threadIdx.x == 0) {\n"
    "        for (unsigned wave = 1; wave < blockDim.x / warpSize; wave++)\n"
    "            mine += of_wave[wave];\n"
    "        atomicAdd(sum, mine);\n"
    "    }\n"
    "}\n";

enum { N = 10007, BLOCK = 256, GRID = 8 };

/* The bytes of hipDeviceProp_t, of which this program reads the arch's name. */
enum { PROPERTIES_SIZE = 1472, PROPERTIES_ARCH = 1160 };
enum { HOST_TO_DEVICE = 1, DEVICE_TO_HOST = 2 };

static struct {
    int (*hipGetDeviceCount)(int *count);
    int (*hipSetDevice)(int device);
    int (*hipGetDevicePropertiesR0600)(void *properties, int device);
    int (*hipMalloc)(void **memory, size_t size);
    int (*hipFree)(void *memory);
    int (*hipMemcpy)(void *to, const void *from, size_t size, int kind);
    int (*hipModuleLoadData)(void **module, const void *image);
    int (*hipModuleUnload)(void *module);
    int (*hipModuleGetFunction)(void **function, void *module, const char *name);
    int (*hipModuleLaunchKernel)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                 unsigned block_x, unsigned block_y, unsigned block_z,
                                 unsigned shared_bytes, void *stream, void **arguments,
                                 void **extra);
    int (*hipDeviceSynchronize)(void);
    const char *(*hipGetErrorString)(int error);
} hip;

static struct {
    int (*hiprtcCreateProgram)(void **program, const char *source, const char *name, int headers,
                               const char **header_texts, const char **header_names);
    int (*hiprtcCompileProgram)(void *program, int count, const char **options);
    int (*hiprtcGetProgramLogSize)(void *program, size_t *size);
    int (*hiprtcGetProgramLog)(void *program, char *log);
    int (*hiprtcGetCodeSize)(void *program, size_t *size);
    int (*hiprtcGetCode)(void *program, char *code);
    int (*hiprtcDestroyProgram)(void **program);
    const char *(*hiprtcGetErrorString)(int error);
} rtc;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "dot_product: %s: %s\n", what, why ? why : "unknown error");
    exit(1);
}

/* ---- Loading ---- */

static void *open_library(const char *argument, const char *variable, const char *usual)
{
    const char *name = argument ? argument : getenv(variable);
    void *library = dlopen(name && *name ? name : usual, RTLD_NOW);

    if (!library)
        die(variable, dlerror());
    return library;
}

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);

    if (!address)
        die(name, "the library does not have it");
    return address;
}

#define LOAD(table, library, name) (*(void **)&table.name = symbol(library, #name))

static void load_hip(void *library)
{
    LOAD(hip, library, hipGetDeviceCount);
    LOAD(hip, library, hipSetDevice);
    LOAD(hip, library, hipGetDevicePropertiesR0600);
    LOAD(hip, library, hipMalloc);
    LOAD(hip, library, hipFree);
    LOAD(hip, library, hipMemcpy);
    LOAD(hip, library, hipModuleLoadData);
    LOAD(hip, library, hipModuleUnload);
    LOAD(hip, library, hipModuleGetFunction);
    LOAD(hip, library, hipModuleLaunchKernel);
    LOAD(hip, library, hipDeviceSynchronize);
    LOAD(hip, library, hipGetErrorString);
}

static void load_rtc(void *library)
{
    LOAD(rtc, library, hiprtcCreateProgram);
    LOAD(rtc, library, hiprtcCompileProgram);
    LOAD(rtc, library, hiprtcGetProgramLogSize);
    LOAD(rtc, library, hiprtcGetProgramLog);
    LOAD(rtc, library, hiprtcGetCodeSize);
    LOAD(rtc, library, hiprtcGetCode);
    LOAD(rtc, library, hiprtcDestroyProgram);
    LOAD(rtc, library, hiprtcGetErrorString);
}

static void check(const char *call, int error)
{
    if (error != 0)
        die(call, hip.hipGetErrorString(error));
}

/* ---- Compiling ---- */

static void print_log(void *program)
{
    size_t size = 0;
    char *log;

    rtc.hiprtcGetProgramLogSize(program, &size);
    log = calloc(size + 1, 1);
    if (log && rtc.hiprtcGetProgramLog(program, log) == 0)
        fputs(log, stderr);
    free(log);
}

/* The code object, to be freed. */
static char *compile(const char *arch)
{
    char option[400];
    const char *options[] = {option};
    void *program;
    size_t size = 0;

    snprintf(option, sizeof option, "--offload-arch=%s", arch);
    rtc.hiprtcCreateProgram(&program, source, "dot_product.hip", 0, NULL, NULL);
    const int error = rtc.hiprtcCompileProgram(program, 1, options);
    if (error != 0) {
        print_log(program);
        die(option, rtc.hiprtcGetErrorString(error));
    }
    rtc.hiprtcGetCodeSize(program, &size);
    char *code = malloc(size);
    if (!code || rtc.hiprtcGetCode(program, code) != 0)
        die(option, "the code could not be read");
    rtc.hiprtcDestroyProgram(&program);
    return code;
}

/* ---- Running ---- */

static void *upload(const void *data, size_t size)
{
    void *memory;

    check("hipMalloc", hip.hipMalloc(&memory, size));
    check("hipMemcpy", hip.hipMemcpy(memory, data, size, HOST_TO_DEVICE));
    return memory;
}

static int run(const char *code, const int *a, const int *b)
{
    int result = 0;
    unsigned n = N;
    void *device_a = upload(a, N * sizeof *a), *device_b = upload(b, N * sizeof *b);
    void *sum = upload(&result, sizeof result), *module, *function;
    void *arguments[] = {&device_a, &device_b, &n, &sum};

    check("hipModuleLoadData", hip.hipModuleLoadData(&module, code));
    check("hipModuleGetFunction", hip.hipModuleGetFunction(&function, module, "dot_product"));
    check("hipModuleLaunchKernel", hip.hipModuleLaunchKernel(function, GRID, 1, 1, BLOCK, 1, 1, 0,
                                                             NULL, arguments, NULL));
    check("hipDeviceSynchronize", hip.hipDeviceSynchronize());
    check("hipMemcpy", hip.hipMemcpy(&result, sum, sizeof result, DEVICE_TO_HOST));
    check("hipModuleUnload", hip.hipModuleUnload(module));
    check("hipFree", hip.hipFree(device_a));
    check("hipFree", hip.hipFree(device_b));
    check("hipFree", hip.hipFree(sum));
    return result;
}

static int try_device(int device)
{
    static int a[N], b[N];
    _Alignas(16) char properties[PROPERTIES_SIZE];
    const char *name = properties, *arch = properties + PROPERTIES_ARCH;
    int expected = 0;

    for (int i = 0; i < N; i++) {
        a[i] = i % 101 - 50;
        b[i] = i % 37 - 11;
        expected += a[i] * b[i];
    }
    check("hipSetDevice", hip.hipSetDevice(device));
    check("hipGetDeviceProperties", hip.hipGetDevicePropertiesR0600(properties, device));
    char *code = compile(arch);
    const int result = run(code, a, b);
    free(code);
    printf("%s (%s): %d, expected %d: %s\n", name, arch, result, expected,
           result == expected ? "right" : "WRONG");
    return result == expected;
}

int main(int argc, char **argv)
{
    int count = 0, right = 0;

    load_hip(open_library(argc > 1 ? argv[1] : NULL, "HIP_RUNTIME", "libamdhip64.so"));
    load_rtc(open_library(argc > 2 ? argv[2] : NULL, "HIPRTC", "libhiprtc.so"));
    check("hipGetDeviceCount", hip.hipGetDeviceCount(&count));
    for (int device = 0; device < count; device++)
        right += try_device(device);
    return count > 0 && right == count ? 0 : 1;
}
