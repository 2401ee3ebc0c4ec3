/* A HIP runtime that gets results wrong: everything is the simulator's, which this library depends
 * on and whose symbols dlsym() finds through it, but for copies to the host, which come back with a
 * bit of each number flipped. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

#define DEVICE_TO_HOST 2

__attribute__((visibility("default"))) int hipMemcpy(void *to, const void *from, size_t size,
                                                     int kind);

int hipMemcpy(void *to, const void *from, size_t size, int kind)
{
    int (*real)(void *, const void *, size_t, int);
    *(void **)&real = dlsym(RTLD_NEXT, "hipMemcpy");
    const int error = real(to, from, size, kind);

    for (size_t i = 0; error == 0 && kind == DEVICE_TO_HOST && i < size; i += 2)
        ((unsigned char *)to)[i] ^= 0x40;
    return error;
}
