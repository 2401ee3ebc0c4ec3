/* Loading code objects: what is accepted, what is refused and how, and that no damaged input does
 * harm. */
#include "hip_support.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int setup(void **state)
{
    (void)state;
    quiet();
    hip_ok(hipSetDevice(device_of_arch("gfx942")));
    return 0;
}

static Elf64_Ehdr *header(made_elf elf)
{
    return (Elf64_Ehdr *)elf.data;
}

static hip_error load(made_elf elf)
{
    hip_module module = NULL;
    hip_error e = hipModuleLoadData(&module, elf.data);
    if (e == HIP_SUCCESS)
        hip_ok(hipModuleUnload(module));
    return e;
}

static void a_code_object_is_loaded_and_relocated(void **state)
{
    (void)state;
    made_elf elf = make_elf(MADE_FLAGS_GFX942);
    hip_module module;
    hip_function function;
    uint32_t *counter, value = 0;
    uint64_t *pointer, where = 0;
    size_t size;
    hip_ok(hipModuleLoadData(&module, elf.data));
    memset(elf.data, 0xff, elf.size); /* the image is the caller's again */
    hip_ok(hipModuleGetFunction(&function, module, "k"));
    hip_ok(hipModuleGetGlobal((void **)&counter, &size, module, "counter"));
    assert_int_equal(size, 4);
    hip_ok(hipMemcpyDtoH(&value, counter, 4));
    assert_int_equal(value, MADE_GLOBAL_VALUE);
    hip_ok(hipModuleGetGlobal((void **)&pointer, NULL, module, "pointer"));
    hip_ok(hipMemcpyDtoH(&where, pointer, 8));
    assert_int_equal(where, (uintptr_t)counter);
    hip_ok(hipModuleUnload(module));
    free(elf.data);
}

static void names_that_do_not_exist_are_not_found(void **state)
{
    (void)state;
    made_elf elf = make_elf(MADE_FLAGS_GFX942);
    hip_module module;
    hip_function function;
    void *p;
    hip_ok(hipModuleLoadData(&module, elf.data));
    hip_fails(hipModuleGetFunction(&function, module, "kernel"), HIP_ERROR_NOT_FOUND);
    says("no kernel kernel in the module");
    hip_fails(hipModuleGetFunction(&function, module, "k.kd"), HIP_ERROR_NOT_FOUND);
    hip_fails(hipModuleGetFunction(&function, module, ""), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleGetFunction(NULL, module, "k"), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleGetFunction(&function, NULL, "k"), HIP_ERROR_INVALID_HANDLE);
    hip_fails(hipModuleGetGlobal(&p, NULL, module, "k.kd"), HIP_ERROR_NOT_FOUND);
    hip_fails(hipModuleGetGlobal(&p, NULL, module, "nothing"), HIP_ERROR_NOT_FOUND);
    says("no variable nothing in the module");
    hip_ok(hipModuleUnload(module));
    hip_fails(hipModuleUnload(module), HIP_ERROR_NOT_FOUND);
    hip_fails(hipModuleUnload(NULL), HIP_ERROR_INVALID_HANDLE);
    hip_fails(hipModuleGetFunction(&function, module, "k"), HIP_ERROR_INVALID_HANDLE);
    says("not a loaded module");
    free(elf.data);
}

static void what_is_not_a_code_object_is_refused(void **state)
{
    (void)state;
    hip_module module;
    made_elf elf = make_elf(MADE_FLAGS_GFX942);
    hip_fails(hipModuleLoadData(&module, "this is certainly not a code object at all"),
              HIP_ERROR_INVALID_IMAGE);
    says("neither an ELF file nor");
    hip_fails(hipModuleLoadData(&module, NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipModuleLoadData(NULL, elf.data), HIP_ERROR_INVALID_VALUE);
    header(elf)->e_machine = EM_X86_64;
    hip_fails(load(elf), HIP_ERROR_INVALID_IMAGE);
    assert_non_null(strstr(aiterSimLastReport(), "machine is not AMDGPU (62)"));
    header(elf)->e_machine = EM_AMDGPU;
    header(elf)->e_ident[EI_OSABI] = ELFOSABI_LINUX;
    hip_fails(load(elf), HIP_ERROR_INVALID_IMAGE);
    header(elf)->e_ident[EI_OSABI] = 64;
    header(elf)->e_ident[EI_CLASS] = ELFCLASS32;
    hip_fails(load(elf), HIP_ERROR_INVALID_IMAGE);
    header(elf)->e_ident[EI_CLASS] = ELFCLASS64;
    header(elf)->e_type = ET_REL;
    hip_fails(load(elf), HIP_ERROR_INVALID_IMAGE);
    header(elf)->e_type = ET_DYN;
    hip_ok(load(elf));
    free(elf.data);
}

static void the_arch_and_its_features_must_be_the_devices(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        hip_error on_gfx942;
    } cases[] = {
        {0x54c, HIP_SUCCESS},                 /* gfx942, any xnack, any sramecc */
        {0xe4c, HIP_SUCCESS},                 /* sramecc+ xnack- */
        {0x54f, HIP_ERROR_NO_BINARY_FOR_GPU}, /* gfx950 */
        {0x53f, HIP_ERROR_NO_BINARY_FOR_GPU}, /* gfx90a */
        {0x74c, HIP_ERROR_NO_BINARY_FOR_GPU}, /* xnack+ */
        {0x94c, HIP_ERROR_NO_BINARY_FOR_GPU}, /* sramecc- */
        {0x55f, HIP_SUCCESS},                 /* gfx9-4-generic */
        {0x041, HIP_ERROR_NO_BINARY_FOR_GPU}, /* gfx1100 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        made_elf elf = make_elf(cases[i].flags);
        hip_fails(load(elf), cases[i].on_gfx942);
        free(elf.data);
    }
    assert_non_null(strstr(aiterSimLastReport(), "is not for gfx942:sramecc+:xnack-"));
}

static void an_image_that_ends_too_early_is_refused(void **state)
{
    (void)state;
    made_elf elf = make_elf(MADE_FLAGS_GFX942);
    long page = sysconf(_SC_PAGESIZE);
    size_t room = (elf.size + (size_t)page - 1) / (size_t)page * (size_t)page;
    uint8_t *area =
        mmap(NULL, room + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(area, MAP_FAILED);
    munmap(area + room, (size_t)page); /* nothing is mapped behind the bytes that are there */
    for (size_t length = 0; length < elf.size; length += length < 128 ? 1 : 37) {
        uint8_t *start = area + room - length;
        memcpy(start, elf.data, length);
        hip_module module;
        hip_fails(hipModuleLoadData(&module, start), HIP_ERROR_INVALID_IMAGE);
    }
    memcpy(area + room - elf.size, elf.data, elf.size);
    hip_ok(load((made_elf){area + room - elf.size, elf.size}));
    munmap(area, room);
    free(elf.data);
}

static char *write_file(const void *data, size_t size)
{
    static char path[] = "/tmp/aiter-sim-module-XXXXXX";
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), (ssize_t)size);
    close(fd);
    return path;
}

static void files_are_loaded_too(void **state)
{
    (void)state;
    made_elf elf = make_elf(MADE_FLAGS_GFX942);
    hip_module module;
    char *path = write_file(elf.data, elf.size);
    hip_ok(hipModuleLoad(&module, path));
    hip_ok(hipModuleUnload(module));
    unlink(path);
    hip_fails(hipModuleLoad(&module, path), HIP_ERROR_FILE_NOT_FOUND);
    says("No such file");
    path = write_file(elf.data, elf.size - 1);
    hip_fails(hipModuleLoad(&module, path), HIP_ERROR_INVALID_IMAGE);
    unlink(path);
    path = write_file("", 0);
    hip_fails(hipModuleLoad(&module, path), HIP_ERROR_INVALID_IMAGE);
    unlink(path);
    free(elf.data);
}

/* ---- offload bundles ---- */

typedef struct part {
    const char *name;
    unsigned flags;
} part;

static made_elf make_bundle(const part *parts, size_t count)
{
    uint8_t *data = calloc(count + 1, 0x2000), *at = data + 24;
    uint64_t offset = 0x1000, n = count;
    memcpy(data, "__CLANG_OFFLOAD_BUNDLE__", 24);
    memcpy(at, &n, 8);
    at += 8;
    for (size_t i = 0; i < count; i++) {
        made_elf elf = make_elf(parts[i].flags);
        uint64_t fields[3] = {offset, elf.size, strlen(parts[i].name)};
        memcpy(at, fields, sizeof fields);
        memcpy(at + sizeof fields, parts[i].name, fields[2]);
        memcpy(data + offset, elf.data, elf.size);
        at += sizeof fields + fields[2];
        offset += 0x2000;
        free(elf.data);
    }
    return (made_elf){data, (size_t)offset};
}

static void the_entry_for_the_device_is_taken_from_a_bundle(void **state)
{
    (void)state;
    const part good[] = {{"host-x86_64-unknown-linux-gnu-", 0},
                         {"hipv4-amdgcn-amd-amdhsa--gfx90a", MADE_FLAGS_GFX90A},
                         {"hipv4-amdgcn-amd-amdhsa--gfx942:xnack+", 0x74c},
                         {"hipv4-amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-", 0xe4c},
                         {"hipv4-amdgcn-amd-amdhsa--gfx950", MADE_FLAGS_GFX950}};
    made_elf bundle = make_bundle(good, 5);
    hip_ok(load(bundle));
    free(bundle.data);
    const part generic[] = {{"hipv4-amdgcn-amd-amdhsa--gfx9-4-generic", 0x55f}};
    bundle = make_bundle(generic, 1);
    hip_ok(load(bundle));
    free(bundle.data);
    const part other[] = {{"hipv4-amdgcn-amd-amdhsa--gfx90a", MADE_FLAGS_GFX90A},
                          {"hipv4-amdgcn-amd-amdhsa--gfx942:xnack+", 0x74c}};
    bundle = make_bundle(other, 2);
    hip_fails(load(bundle), HIP_ERROR_NO_BINARY_FOR_GPU);
    free(bundle.data);
    const part mislabelled[] = {{"hipv4-amdgcn-amd-amdhsa--gfx942", MADE_FLAGS_GFX950}};
    bundle = make_bundle(mislabelled, 1);
    hip_fails(load(bundle), HIP_ERROR_NO_BINARY_FOR_GPU);
    free(bundle.data);
}

static void compressed_bundles_are_refused(void **state)
{
    (void)state;
    hip_module module;
    char compressed[64] = "CCOB";
    hip_fails(hipModuleLoadData(&module, compressed), HIP_ERROR_INVALID_IMAGE);
}

/* ---- damaged input ---- */

/* Whatever the bytes: an error, or a module whose every name can be looked up and whose memory can
 * be read. */
static void try_damaged(made_elf elf)
{
    hip_module module;
    hip_function function;
    void *p = NULL;
    size_t size = 0;
    char *path = write_file(elf.data, elf.size);
    if (hipModuleLoad(&module, path) == HIP_SUCCESS) {
        (void)hipModuleGetFunction(&function, module, "k");
        if (hipModuleGetGlobal(&p, &size, module, "counter") == HIP_SUCCESS && size) {
            char *copy = malloc(size);
            hip_ok(hipMemcpyDtoH(copy, p, size));
            free(copy);
        }
        hip_ok(hipModuleUnload(module));
    }
    unlink(path);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void damaged_code_objects_do_no_harm(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    made_elf good = make_elf(MADE_FLAGS_GFX942), elf = make_elf(MADE_FLAGS_GFX942);
    uint32_t seed = 1;
    for (size_t at = 0; at < good.size; at++) {
        bool structure = at < 0x500 || at >= 0x1100;
        if (!structure || (at >= 0x100 && at < 0x200))
            continue; /* nothing but data */
        memcpy(elf.data, good.data, good.size);
        elf.data[at] = bytes[next_random(&seed) % sizeof bytes];
        try_damaged(elf);
    }
    for (int round = 0; round < 2000; round++) {
        memcpy(elf.data, good.data, good.size);
        for (uint32_t k = 1 + next_random(&seed) % 6; k > 0; k--) {
            size_t at = next_random(&seed) % 2 ? next_random(&seed) % 0x500
                                               : 0x1100 + next_random(&seed) % 0x100;
            elf.data[at] = (uint8_t)next_random(&seed);
        }
        elf.size = round % 4 ? good.size : next_random(&seed) % good.size;
        try_damaged(elf);
        elf.size = good.size;
    }
    free(good.data);
    free(elf.data);
}

static void damaged_bundles_do_no_harm(void **state)
{
    (void)state;
    const part parts[] = {{"hipv4-amdgcn-amd-amdhsa--gfx90a", MADE_FLAGS_GFX90A},
                          {"hipv4-amdgcn-amd-amdhsa--gfx942", MADE_FLAGS_GFX942}};
    uint32_t seed = 2;
    made_elf good = make_bundle(parts, 2), bundle = make_bundle(parts, 2);
    for (int round = 0; round < 600; round++) {
        memcpy(bundle.data, good.data, good.size);
        size_t at = 24 + next_random(&seed) % 130;
        bundle.data[at] = (uint8_t)(round % 3 ? next_random(&seed) : 0xff);
        try_damaged(bundle);
        hip_module module;
        if (hipModuleLoadData(&module, bundle.data) == HIP_SUCCESS)
            hip_ok(hipModuleUnload(module));
    }
    free(good.data);
    free(bundle.data);
}

/* ---- occupancy: from the descriptor alone ---- */

static void occupancy_follows_registers_and_lds(void **state)
{
    (void)state;
    made_elf elf =
        make_elf(MADE_FLAGS_GFX942); /* 128 registers: 4 waves per SIMD, 16 per CU; 1 KiB of LDS */
    hip_module module;
    hip_function function;
    int blocks;
    hip_ok(hipModuleLoadData(&module, elf.data));
    hip_ok(hipModuleGetFunction(&function, module, "k"));
    hip_ok(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 0));
    assert_int_equal(blocks, 4);
    hip_ok(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 64, 0));
    assert_int_equal(blocks, 16);
    hip_ok(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 31 * 1024));
    assert_int_equal(blocks, 2);
    hip_ok(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 64 * 1024));
    assert_int_equal(blocks, 0);
    hip_ok(
        hipModuleOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, function, 1024, 0, 0));
    assert_int_equal(blocks, 1);
    hip_fails(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 0, 0),
              HIP_ERROR_INVALID_VALUE);
    hip_ok(hipFuncSetAttribute(function, HIP_FUNC_SET_MAX_DYNAMIC_SHARED, 63 * 1024));
    hip_fails(hipFuncSetAttribute(function, HIP_FUNC_SET_MAX_DYNAMIC_SHARED, 63 * 1024 + 1),
              HIP_ERROR_INVALID_VALUE);
    hip_ok(hipModuleUnload(module));
    free(elf.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_object_is_loaded_and_relocated),
        cmocka_unit_test(names_that_do_not_exist_are_not_found),
        cmocka_unit_test(what_is_not_a_code_object_is_refused),
        cmocka_unit_test(the_arch_and_its_features_must_be_the_devices),
        cmocka_unit_test(an_image_that_ends_too_early_is_refused),
        cmocka_unit_test(files_are_loaded_too),
        cmocka_unit_test(the_entry_for_the_device_is_taken_from_a_bundle),
        cmocka_unit_test(compressed_bundles_are_refused),
        cmocka_unit_test(damaged_code_objects_do_no_harm),
        cmocka_unit_test(damaged_bundles_do_no_harm),
        cmocka_unit_test(occupancy_follows_registers_and_lds),
    };
    return cmocka_run_group_tests_name("sim modules", tests, setup, NULL);
}
