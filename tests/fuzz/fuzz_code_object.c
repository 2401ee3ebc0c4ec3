/* What a module load does with bytes before anything else sees them: choosing the ELF in an image,
 * parsing it as a code object for each device, reading its kernels. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/code_object.h"
#include "sim/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

static uint64_t sum; /* so that reads are not optimised away */

static void read_all(const uint8_t *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        sum += bytes[i];
}

/* Everything that a parsed code object promises. */
static void use(const sim_code_object *o)
{
    for (size_t i = 0; i < o->num_segments; i++) {
        const sim_segment *s = &o->segments[i];
        require(s->data_size <= s->memory_size && s->address + s->memory_size <= o->span);
        require(i == 0 || s[-1].address + s[-1].memory_size <= s->address);
        read_all(s->data, s->data_size);
    }
    for (size_t i = 0; i < o->num_relocations; i++)
        require(o->relocations[i].address + 8 <= o->span);
    for (size_t i = 0; i < o->num_symbols; i++) {
        const sim_symbol *s = &o->symbols[i];
        sum += strlen(s->name);
        require(s->address + s->size <= o->span);
        const uint8_t *d = sim_code_object_at(o, s->address, SIM_DESCRIPTOR_SIZE);
        sim_descriptor descriptor;
        if (d) {
            sim_descriptor_read(d, &descriptor);
            sum += sim_descriptor_vgprs(&descriptor);
        }
    }
}

static void kernels(const uint8_t *elf, size_t size)
{
    sim_program program = {.arch = SIM_GFX942};
    char error[256] = "";

    if (sim_elf_kernels(&program, elf, size, error, sizeof error))
        require(error[0] != 0);
    for (size_t i = 0; i < program.num_kernels; i++)
        sum += strlen(program.kernels[i].name) + program.kernels[i].kernarg_bytes;
    free(program.kernels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require(sim_devices_init() == HIP_SUCCESS && sim_device_count() > 0);
    for (int device = 0; device < sim_device_count(); device++) {
        const uint8_t *elf = NULL;
        size_t elf_size = 0;
        char error[SIM_ERROR_MAX] = "";
        sim_code_object object;
        const sim_device_info *info = sim_device_info_at(device);
        if (sim_image_select(data, size, info, &elf, &elf_size, error) != HIP_SUCCESS) {
            require(error[0] != 0);
            continue;
        }
        require(elf >= data && elf_size <= size - (size_t)(elf - data));
        if (sim_code_object_parse(&object, elf, elf_size, info, error) == HIP_SUCCESS)
            use(&object);
        else
            require(error[0] != 0);
        sim_code_object_free(&object);
    }
    kernels(data, size);
    return 0;
}
