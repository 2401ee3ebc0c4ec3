/* Arguments of any kernel, as text: "ptr:64M:bf16,ptr:4096,u32:128,f32:0.125". Each lies at the next
 * offset that is a multiple of its size. */
#ifndef AITER_BENCH_ARGUMENTS_H
#define AITER_BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/device.h"

enum { ARGUMENTS_MAX_BYTES = 4096, ARGUMENTS_MAX_BUFFERS = 64 };

typedef struct argument_buffer {
    size_t offset;              /* of its address in the arguments */
    size_t bytes;
    int fill;                   /* num_dtype of random numbers, -1: zero */
    void *memory;
} argument_buffer;

typedef struct kernel_arguments {
    unsigned char bytes[ARGUMENTS_MAX_BYTES];
    size_t size;
    argument_buffer buffers[ARGUMENTS_MAX_BUFFERS];
    size_t num_buffers;
} kernel_arguments;

#define ARGUMENTS_EXPECTED \
    "u8:N, u16:N, u32:N, u64:N, i32:N, i64:N, f32:X, f64:X, pad:BYTES, ptr:BYTES or " \
    "ptr:BYTES:DTYPE"

/* false: *wrong is the item that cannot be, *size its length. Addresses are not filled in. */
bool arguments_parse(kernel_arguments *a, const char *text, const char **wrong, size_t *size);

/* Allocates, fills, and puts the addresses into the arguments. arguments_free() in any case. */
bool arguments_allocate(kernel_arguments *a, device *d, char error[DEVICE_ERROR_MAX]);
void arguments_free(kernel_arguments *a, device *d);

#endif
