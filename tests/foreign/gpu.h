/* A device and what a test of somebody else's kernel does with it: load a code object, launch one
 * of its kernels. */
#ifndef TEST_FOREIGN_GPU_H
#define TEST_FOREIGN_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/hip_abi.h"
#include "tools/device.h"

enum { FOREIGN_SKIPPED = 77 }; /* exit status of a test whose files are not there */

typedef struct gpu {
    device *device;
    void *library;
    hip_error (*load)(hip_module *module, const char *path);
    hip_error (*unload)(hip_module module);
    hip_error (*find)(hip_function *function, hip_module module, const char *name);
    hip_error (*launch)(hip_function function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        hip_stream stream, void **kernel_params, void **extra);
    const char *(*report)(void); /* NULL: not the simulator */
    char error[DEVICE_ERROR_MAX];
} gpu;

/* Each returns false with a message in error. Names of devices as in tools/device.h. */
bool gpu_open(gpu *g, const char *name);
void gpu_close(gpu *g);

/* A function of the runtime library, into *pointer. */
bool gpu_symbol(gpu *g, const char *name, void *pointer);

/* Runs a kernel of a code object file once and waits for it. `arguments` is what the kernarg
 * segment shall hold. */
bool gpu_run(gpu *g, const char *file, const char *kernel, const unsigned grid[3],
             const unsigned block[3], unsigned shared_bytes, void *arguments, size_t size);

/* Device memory with the contents of `data`, or filled with bytes 0xff, which is a NaN in every
 * format, if it is NULL. NULL: message in error. */
void *gpu_buffer(gpu *g, const void *data, size_t bytes);

#endif
