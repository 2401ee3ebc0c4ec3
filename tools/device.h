/* A device to run on, named as users name it: "hip:0" (the first device of the HIP runtime) or
 * "sim:gfx942" (a simulated one); and its memory. HIP is loaded at run time, never linked. */
#ifndef AITER_TOOLS_DEVICE_H
#define AITER_TOOLS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/aiter_sim.h"

enum { DEVICE_ERROR_MAX = 512 };

typedef struct device device;

typedef enum device_status {
    DEVICE_OK = 0,
    DEVICE_BAD_NAME,        /* the name is not of the form above */
    DEVICE_UNAVAILABLE      /* no runtime library, no such device, or a HIP call failed */
} device_status;

/* sim: loads $AITER_SIM, else libaiter-sim.so beside this program or in ../lib of it, else by the
 * loader's search. hip: loads $AITER_HIP_RUNTIME, else libamdhip64.so.{7,6,}. The device becomes
 * current on the calling thread. */
device_status device_open(device **out, const char *name, char error[DEVICE_ERROR_MAX]);
/* NULL is allowed. The runtime library stays loaded. */
void device_close(device *d);

const char *device_name(const device *d);       /* as given to device_open() */
const char *device_product(const device *d);    /* what the runtime calls it */
const char *device_arch(const device *d);       /* "gfx942", without target features */
const char *device_runtime(const device *d);    /* the HIP runtime, for aiter_context_options */
int device_ordinal(const device *d);
bool device_simulated(const device *d);

/* Each returns false with a message naming the HIP call, its error and the size. */
bool device_alloc(device *d, void **memory, size_t bytes, char error[DEVICE_ERROR_MAX]);
void device_free(device *d, void *memory);
bool device_upload(device *d, void *to, const void *from, size_t bytes,
                   char error[DEVICE_ERROR_MAX]);
bool device_download(device *d, void *to, const void *from, size_t bytes,
                     char error[DEVICE_ERROR_MAX]);
bool device_sync(device *d, char error[DEVICE_ERROR_MAX]);

/* One kernel of a code object. */
typedef struct device_kernel {
    const char *code_object;    /* a file */
    const char *name;
    unsigned grid[3], block[3]; /* workgroups; work-items of one */
    unsigned lds_bytes;         /* beyond what the kernel declares */
    void *arguments;            /* as the kernel reads them */
    size_t arguments_size;
} device_kernel;

/* Loads, launches and waits. */
bool device_run(device *d, const device_kernel *kernel, char error[DEVICE_ERROR_MAX]);

/* The simulator's timing model, see sim/aiter_sim.h. false on other devices. */
bool device_set_timing(device *d, aiter_sim_timing mode, bool trace, char error[DEVICE_ERROR_MAX]);
aiter_sim_profile *device_take_profile(device *d);
void device_free_profile(device *d, aiter_sim_profile *profile);

/* What the simulator counted since the last call of this function; false on other devices. */
typedef struct device_counts {
    uint64_t launches;
    uint64_t instructions;      /* wave instructions executed */
    uint64_t host_ns;           /* wall time spent executing */
    uint64_t workgroups, waves; /* of the last launch */
} device_counts;

bool device_take_counts(device *d, device_counts *counts);

#endif
