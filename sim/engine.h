/* The execution engine: what the HIP side of the simulator calls.
 *
 *   sim_program_build   once per loaded code object
 *   sim_worker_create   once per host thread
 *   sim_run_workgroup   for every workgroup of a launch, from any thread, each thread with its own
 * worker
 *
 * Device addresses are host addresses; every access is checked through sim/memory.h. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/wave.h"

/* Decodes a code object. arch: "gfx90a", "gfx942" or "gfx950" (features after ':' are ignored).
 * elf: the code object's bytes, read during the call only. load_bias: what to add to an ELF virtual
 * address to get the device address the caller loaded it at. disassembly: LLVM's text of it
 * (helper_inspect). An instruction that is not known is not an error here but when it is executed.
 * Returns 0, or -1 with a message in error. */
int sim_program_build(sim_program **out, const char *arch, const void *elf, size_t elf_size,
                      uint64_t load_bias, const char *disassembly, char *error, size_t error_size);
void sim_program_destroy(sim_program *program);

sim_arch sim_program_arch(const sim_program *program);
size_t sim_program_size(const sim_program *program); /* number of instructions */

/* Facts of one kernel of the program, from its 64-byte kernel descriptor (symbol NAME.kd). */
typedef struct sim_kernel {
    char name[256];
    uint64_t entry;         /* device address of the first instruction */
    uint32_t group_bytes;   /* static LDS */
    uint32_t private_bytes; /* scratch per lane */
    uint32_t kernarg_bytes;
    uint32_t rsrc1, rsrc2, rsrc3; /* COMPUTE_PGM_RSRC1..3 */
    uint16_t properties;          /* kernel_code_properties */
    uint16_t preload;             /* kernarg preload: length 6:0, offset 15:7, in dwords */
} sim_kernel;

/* Looks a kernel up by symbol name. Returns NULL if the program has none of that name. The result
 * lives as long as the program. */
const sim_kernel *sim_program_kernel(const sim_program *program, const char *name);

/* One launch. Filled by the caller, shared read-only by all threads that run its workgroups. */
typedef struct sim_dispatch {
    const sim_program *program;
    const sim_kernel *kernel;
    uint32_t grid[3];         /* work-items per dimension; a partial last workgroup is allowed */
    uint32_t block[3];        /* work-items per workgroup; block[0]*block[1]*block[2] <= 1024 */
    uint64_t kernarg;         /* device address, readable through sim/memory.h */
    uint32_t lds_bytes;       /* static + dynamic */
    uint32_t scratch_bytes;   /* per lane; 0: the kernel's own */
    uint64_t dispatch_packet; /* device address of the 64-byte AQL packet, 0 if none */
    uint64_t queue;           /* device address of the queue structure, 0 if none */
    uint64_t dispatch_id;
    unsigned checks;  /* SIM_CHECK_* (check.h); 0: none */
    struct sim_check_global *global; /* accesses to global memory; NULL: not checked */
    uint32_t num_xcc; /* XCDs; workgroup number modulo this is what HW_REG_XCC_ID reads (0: 1) */
} sim_dispatch;

typedef struct sim_error {
    char message[512]; /* what went wrong; empty: nothing */
    char kernel[256];
    char instruction[256];
    uint64_t pc;          /* device address of the instruction */
    uint64_t code_offset; /* ELF virtual address of the instruction */
    uint64_t address;     /* memory address, 0 if none */
    int lane;             /* -1 if none */
    unsigned wave;
    uint32_t workgroup[3];
    bool finding; /* of a checker */
} sim_error;

/* Per-thread buffers (register files, LDS, scratch), reused from workgroup to workgroup. NULL
 * without memory. */
typedef struct sim_worker sim_worker;
sim_worker *sim_worker_create(void);
void sim_worker_destroy(sim_worker *worker);

/* Instructions executed by this worker so far, over all waves. */
uint64_t sim_worker_executed(const sim_worker *worker);

/* Runs one workgroup to its end. Returns 0, or -1 with *error filled (also for a dispatch that
 * cannot run: block too large, LDS beyond the arch's limit, no memory). A wave that does not end is
 * a fault after 2e9 instructions, or the number in AITER_SIM_WAVE_LIMIT. */
int sim_run_workgroup(sim_worker *worker, const sim_dispatch *dispatch, const uint32_t workgroup[3],
                      sim_error *error);

/* One line "kernel NAME, workgroup (x,y,z) wave W lane L: INSTRUCTION at 0x...: MESSAGE". */
void sim_error_format(const sim_error *error, char *text, size_t size);

#endif
