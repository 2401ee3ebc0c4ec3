#include "sim/module.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/memory.h"
#include "sim/report.h"

#define FUNCTION_MAGIC 0x6e6f6974636e7566ull
enum { HELPER_TIMEOUT_MS = 120000 };

struct ihipModule_t {
    sim_module *next;
    int device;
    uint8_t *image;
    const uint8_t *elf;
    size_t elf_size;
    sim_code_object object;
    uint64_t base; /* device address of ELF address 0 */
    size_t num_published;
    size_t num_functions;
    sim_function *functions;

    pthread_mutex_t lock; /* what follows */
    bool prepared;
    hip_error prepare_error;
    helper_kernel *metas;
    int num_metas;
    sim_program *program;
};

static struct {
    pthread_mutex_t lock;
    sim_module *first;
    helper_pool *pool;
} modules = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- loading ---- */

static void apply_relocations(const sim_module *m)
{
    for (size_t i = 0; i < m->object.num_relocations; i++) {
        const sim_relocation *r = &m->object.relocations[i];
        uint64_t value = m->base + r->value;
        memcpy((void *)(uintptr_t)(m->base + r->address), &value, sizeof value);
    }
}

static hip_error map_segments(sim_module *m)
{
    m->base = sim_mem_map(m->object.span);
    if (!m->base)
        return HIP_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < m->object.num_segments; i++) {
        const sim_segment *s = &m->object.segments[i];
        memcpy((void *)(uintptr_t)(m->base + s->address), s->data, s->data_size);
    }
    apply_relocations(m);
    for (size_t i = 0; i < m->object.num_segments; i++) {
        const sim_segment *s = &m->object.segments[i];
        sim_mem_info info = {
            m->base + s->address, s->memory_size, SIM_MEM_CODE, m->device, s->writable, 0};
        if (!sim_mem_publish(&info))
            return HIP_ERROR_OUT_OF_MEMORY;
        m->num_published++;
    }
    return HIP_SUCCESS;
}

static size_t kernel_name_length(const sim_symbol *s)
{
    size_t length = strlen(s->name);
    return length > 3 && !strcmp(s->name + length - 3, ".kd") ? length - 3 : 0;
}

static hip_error list_functions(sim_module *m)
{
    m->functions = calloc(m->object.num_symbols + 1, sizeof *m->functions);
    if (!m->functions)
        return HIP_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < m->object.num_symbols; i++) {
        const sim_symbol *s = &m->object.symbols[i];
        size_t length = kernel_name_length(s);
        if (!length)
            continue;
        sim_function *f = &m->functions[m->num_functions];
        f->name = strndup(s->name, length);
        if (!f->name)
            return HIP_ERROR_OUT_OF_MEMORY;
        m->num_functions++;
        f->module = m;
        f->magic = FUNCTION_MAGIC;
        f->descriptor_offset = s->address;
        sim_descriptor_read(sim_code_object_at(&m->object, s->address, SIM_DESCRIPTOR_SIZE),
                            &f->descriptor);
    }
    return HIP_SUCCESS;
}

static void module_free(sim_module *m)
{
    for (size_t i = 0; i < m->num_published; i++)
        sim_mem_withdraw(m->base + m->object.segments[i].address, NULL);
    if (m->base)
        sim_mem_unmap(m->base, m->object.span);
    for (size_t i = 0; i < m->num_functions; i++) {
        m->functions[i].magic = 0;
        free(m->functions[i].name);
    }
    free(m->functions);
    if (m->program)
        sim_program_destroy(m->program);
    if (m->metas)
        helper_kernels_free(m->metas, m->num_metas);
    sim_code_object_free(&m->object);
    pthread_mutex_destroy(&m->lock);
    free(m->image);
    free(m);
}

hip_error sim_module_load(sim_module **out, int device, uint8_t *image, size_t size)
{
    char error[SIM_ERROR_MAX] = "out of memory";
    const sim_device_info *info = sim_device_info_at(device);
    sim_module *m = calloc(1, sizeof *m);
    if (!m) {
        free(image);
        return HIP_ERROR_OUT_OF_MEMORY;
    }
    m->device = device;
    m->image = image;
    pthread_mutex_init(&m->lock, NULL);
    hip_error e = sim_image_select(image, size, info, &m->elf, &m->elf_size, error);
    if (e == HIP_SUCCESS)
        e = sim_code_object_parse(&m->object, m->elf, m->elf_size, info, error);
    if (e == HIP_SUCCESS)
        e = list_functions(m);
    if (e == HIP_SUCCESS)
        e = map_segments(m);
    if (e != HIP_SUCCESS) {
        sim_report("module not loaded on device %d: %s", device, error);
        module_free(m);
        return e;
    }
    pthread_mutex_lock(&modules.lock);
    m->next = modules.first;
    modules.first = m;
    pthread_mutex_unlock(&modules.lock);
    *out = m;
    return HIP_SUCCESS;
}

void sim_module_unload(sim_module *module)
{
    pthread_mutex_lock(&modules.lock);
    sim_module **p = &modules.first;
    while (*p != module)
        p = &(*p)->next;
    *p = module->next;
    pthread_mutex_unlock(&modules.lock);
    module_free(module);
}

bool sim_module_valid(const sim_module *module)
{
    pthread_mutex_lock(&modules.lock);
    const sim_module *m = modules.first;
    while (m && m != module)
        m = m->next;
    pthread_mutex_unlock(&modules.lock);
    return m != NULL;
}

bool sim_function_valid(const sim_function *function)
{
    return function && function->magic == FUNCTION_MAGIC;
}

/* ---- look-ups ---- */

uint64_t sim_function_descriptor_address(const sim_function *function)
{
    return function->module->base + function->descriptor_offset;
}

int sim_module_device(const sim_module *module)
{
    return module->device;
}

sim_function *sim_module_function(sim_module *module, const char *name)
{
    for (size_t i = 0; i < module->num_functions; i++)
        if (!strcmp(module->functions[i].name, name))
            return &module->functions[i];
    return NULL;
}

bool sim_module_global(const sim_module *module, const char *name, uint64_t *address,
                       uint64_t *size)
{
    for (size_t i = 0; i < module->object.num_symbols; i++) {
        const sim_symbol *s = &module->object.symbols[i];
        if (kernel_name_length(s) || strcmp(s->name, name))
            continue;
        *address = module->base + s->address;
        *size = s->size;
        return true;
    }
    return false;
}

/* ---- preparing to launch ---- */

/* One pool for the process, made when the first module is launched; kept until the process ends. */
static helper_pool *shared_pool(void)
{
    pthread_mutex_lock(&modules.lock);
    if (!modules.pool && helper_pool_create(&modules.pool, NULL, 0, HELPER_TIMEOUT_MS) != HELPER_OK)
        modules.pool = NULL;
    helper_pool *pool = modules.pool;
    pthread_mutex_unlock(&modules.lock);
    return pool;
}

static void link_functions(sim_module *m)
{
    for (size_t i = 0; i < m->num_functions; i++) {
        sim_function *f = &m->functions[i];
        f->kernel = sim_program_kernel(m->program, f->name);
        for (int k = 0; k < m->num_metas; k++)
            if (!strcmp(m->metas[k].name, f->name))
                f->meta = &m->metas[k];
    }
}

static hip_error build(sim_module *m, const char *metadata, const char *disassembly)
{
    char error[SIM_ERROR_MAX];
    m->num_metas = helper_metadata_parse(metadata, &m->metas);
    if (m->num_metas < 0) {
        m->num_metas = 0;
        m->metas = NULL;
        sim_report("module not launchable: its metadata is malformed");
        return HIP_ERROR_INVALID_KERNEL_FILE;
    }
    if (sim_program_build(&m->program, sim_device_info_at(m->device)->arch, m->elf, m->elf_size,
                          m->base, disassembly, error, sizeof error)) {
        m->program = NULL;
        sim_report("module not launchable: %s", error);
        return HIP_ERROR_INVALID_KERNEL_FILE;
    }
    link_functions(m);
    return HIP_SUCCESS;
}

static hip_error inspect_and_build(sim_module *m)
{
    helper_blob metadata = {0}, disassembly = {0}, log = {0};
    helper_pool *pool = shared_pool();
    helper_status status =
        pool ? helper_inspect(pool, m->elf, m->elf_size, &metadata, &disassembly, &log)
             : HELPER_MISSING;
    hip_error e;
    if (status == HELPER_OK) {
        e = build(m, metadata.data, disassembly.data);
    } else {
        sim_report("module not launchable: the compiler helper %s did not disassemble it: %s",
                   pool ? helper_pool_program(pool) : "aiter-compiler",
                   log.data ? log.data : "no details");
        e = status == HELPER_REJECTED ? HIP_ERROR_INVALID_KERNEL_FILE
                                      : HIP_ERROR_SHARED_OBJECT_INIT_FAILED;
    }
    helper_blob_free(&metadata);
    helper_blob_free(&disassembly);
    helper_blob_free(&log);
    return e;
}

hip_error sim_module_prepare(sim_module *m)
{
    pthread_mutex_lock(&m->lock);
    if (!m->prepared) {
        m->prepare_error = inspect_and_build(m);
        /* A helper that was missing or died may be there the next time. */
        m->prepared =
            m->prepare_error == HIP_SUCCESS || m->prepare_error == HIP_ERROR_INVALID_KERNEL_FILE;
    }
    hip_error e = m->prepare_error;
    pthread_mutex_unlock(&m->lock);
    return e;
}

const sim_program *sim_module_program(const sim_module *module)
{
    return module->program;
}

/* Hand-written assembly may leave the descriptor's field 0 and state the size in its metadata only.
 */
uint32_t sim_function_kernarg_bytes(const sim_function *function)
{
    uint32_t meta = function->meta ? function->meta->kernarg_segment_size : 0;
    uint32_t bytes = function->descriptor.kernarg_bytes;
    return bytes > meta ? bytes : meta;
}

unsigned sim_function_max_block(const sim_function *function)
{
    unsigned max = function->meta ? function->meta->max_flat_workgroup_size : 0;
    return max ? max : SIM_MAX_BLOCK;
}
