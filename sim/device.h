/* The simulated devices: one table of facts, the list chosen by AITER_SIM_DEVICES, and each
 * device's state. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/hip_abi.h"

enum {
    SIM_MAX_DEVICES = 16,
    SIM_WAVE_SIZE = 64,
    SIM_MAX_BLOCK = 1024,
    SIM_WAVES_PER_SIMD = 8,
    SIM_SIMDS_PER_CU = 4,
    SIM_VGPRS_PER_SIMD = 512,
    SIM_VGPR_GRANULE = 8,
    SIM_MAX_KERNARG = 1 << 16
};

typedef struct sim_device_info {
    const char *arch;      /* "gfx942"                             */
    const char *name;      /* marketing name                       */
    const char *target;    /* arch with its features               */
    unsigned mach;         /* EF_AMDGPU_MACH_* in ELF e_flags      */
    unsigned generic_mach; /* generic target that also runs, or 0  */
    const char *generic_target;
    int major, minor;
    int num_cus, num_xccs;
    int clock_khz, memory_clock_khz, memory_bus_bits;
    size_t memory_bytes;
    size_t lds_bytes;
    int l2_bytes;
} sim_device_info;

/* Chooses the devices once per process. Everything below is valid after it returned HIP_SUCCESS;
 * otherwise it returns the same error each time. */
hip_error sim_devices_init(void);
int sim_device_count(void);
bool sim_device_valid(int device);
const sim_device_info *sim_device_info_at(int device);

/* This thread's device. */
int sim_device_current(void);
void sim_device_set_current(int device);

/* The sticky error of a device: set by the first kernel fault, HIP_SUCCESS until then. */
hip_error sim_device_fault(int device);
void sim_device_set_fault(int device, hip_error error);
void sim_device_clear_fault(int device);

void sim_device_properties(int device, hip_device_prop *prop);

/* false: unknown attribute. */
bool sim_device_attribute(int device, hip_device_attribute attribute, int *value);

#endif
