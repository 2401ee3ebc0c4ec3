/* What the tests of the HIP side share. They call the exported functions of libaiter-sim.so as a
 * program would. */
#ifndef TEST_SIM_HIP_SUPPORT_H
#define TEST_SIM_HIP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/helper/helper.h"
#include "runtime/hip_abi.h"
#include "sim/aiter_sim.h"

#define X(name, params) hip_error name params;
HIP_ABI_FUNCTIONS(X)
#undef X
#define X(name, params) const char *name params;
HIP_ABI_STRING_FUNCTIONS(X)
#undef X

/* Fails with HIP's name of the error and the simulator's report. */
#define hip_ok(call) assert_hip(call, HIP_SUCCESS, #call, __FILE__, __LINE__)
#define hip_fails(call, error) assert_hip(call, error, #call, __FILE__, __LINE__)
void assert_hip(hip_error got, hip_error expected, const char *call, const char *file, int line);

/* Reports go nowhere: faults are provoked on purpose. */
void quiet(void);

/* Ordinal of the device of this arch among the default devices. */
int device_of_arch(const char *arch);

/* Compiles HIP source for an arch with the compiler helper; fails the test if that does not work. A
 * prelude with
 * __global__, __shared__ and block and thread indices comes first. */
helper_blob compile(const char *arch, const char *source);

/* A small code object made by hand: two segments (read-only with a kernel descriptor, writable with
 * a global), a symbol table and a relocation. The bytes are on the heap. */
typedef struct made_elf {
    uint8_t *data;
    size_t size;
} made_elf;
/* The last report must contain this. */
void says(const char *text);

enum { MADE_FLAGS_GFX90A = 0x53f, MADE_FLAGS_GFX942 = 0x54c, MADE_FLAGS_GFX950 = 0x54f };
enum { MADE_GLOBAL_VALUE = 0x1234567, MADE_GROUP_BYTES = 1024, MADE_KERNARG_BYTES = 24 };
made_elf make_elf(unsigned flags);

#endif
