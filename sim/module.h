/* Loaded code objects. Loading copies the segments into device memory and starts no process; the
 * first launch of a module asks the compiler helper for its metadata and disassembly and builds the
 * program that the engine runs. */
#ifndef SIM_MODULE_H
#define SIM_MODULE_H

#include "runtime/helper/helper.h"
#include "runtime/hip_abi.h"
#include "sim/code_object.h"
#include "sim/engine.h"

typedef struct ihipModule_t sim_module;
typedef struct ihipModuleSymbol_t sim_function;

struct ihipModuleSymbol_t {
    uint64_t magic; /* while it is loaded */
    sim_module *module;
    char *name;
    sim_descriptor descriptor;
    uint64_t descriptor_offset; /* its ELF address */
    const helper_kernel *meta;  /* after sim_module_prepare(); NULL: not in the metadata */
    const sim_kernel *kernel;   /* after sim_module_prepare(); NULL: not in the program */
};

/* Takes over `image` (heap) in every case. */
hip_error sim_module_load(sim_module **out, int device, uint8_t *image, size_t size);

/* The caller has made sure that no kernel of it runs. */
void sim_module_unload(sim_module *module);

/* NULL, or a pointer that is not a loaded module or function: false. */
bool sim_module_valid(const sim_module *module);
bool sim_function_valid(const sim_function *function);

uint64_t sim_function_descriptor_address(const sim_function *function);
int sim_module_device(const sim_module *module);
sim_function *sim_module_function(sim_module *module, const char *name);
bool sim_module_global(const sim_module *module, const char *name, uint64_t *address,
                       uint64_t *size);

/* Makes the module's functions launchable; does the work once. An error is reported. */
hip_error sim_module_prepare(sim_module *module);
const sim_program *sim_module_program(const sim_module *module);

/* Size of the kernel argument segment, hidden arguments included. */
uint32_t sim_function_kernarg_bytes(const sim_function *function);

/* Largest block of a kernel: its metadata's max_flat_workgroup_size, or the device's where that is
 * not known. */
unsigned sim_function_max_block(const sim_function *function);

#endif
