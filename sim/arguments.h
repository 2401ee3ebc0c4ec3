/* Kernel arguments: packing what the caller gave and the hidden ones that the code object's
 * metadata asks for. */
#ifndef SIM_ARGUMENTS_H
#define SIM_ARGUMENTS_H

#include "sim/launch.h"

/* kernarg: zeroed, sim_function_kernarg_bytes(function) long. */
hip_error sim_arguments_pack(uint8_t *kernarg, const sim_function *function,
                             const sim_geometry *geometry, void **kernel_params, void **extra);

#endif
