#include "runtime/envelope.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/helper/helper.h"

static const char magic[8] = { 'A', 'I', 'T', 'E', 'R', 'K', 'R', 'N' };

typedef struct header {
    char magic[8];
    uint32_t version;
    uint32_t metadata_size;
    uint64_t code_size;
    uint64_t zero;
} header;

_Static_assert(sizeof(header) == 32, "the format's header");

void rt_code_free(rt_code *code)
{
    free(code->block);
    *code = (rt_code){ 0 };
}

void *rt_envelope_make(const void *image, size_t image_size, const char *metadata,
                       size_t metadata_size, size_t *block_size)
{
    if (metadata_size > UINT32_MAX || image_size > SIZE_MAX / 2)
        return NULL;
    header head = { .version = RT_ENVELOPE_VERSION,
                    .metadata_size = (uint32_t)metadata_size,
                    .code_size = image_size };
    memcpy(head.magic, magic, sizeof magic);
    *block_size = sizeof head + image_size + metadata_size;
    char *block = malloc(*block_size);
    if (!block)
        return NULL;
    memcpy(block, &head, sizeof head);
    memcpy(block + sizeof head, image, image_size);
    memcpy(block + sizeof head + image_size, metadata, metadata_size);
    return block;
}

static bool check_header(const void *block, size_t block_size, header *head, char *why)
{
    if (block_size < sizeof *head) {
        snprintf(why, GEN_ERROR_MAX, "%zu bytes are no envelope", block_size);
        return false;
    }
    memcpy(head, block, sizeof *head);
    if (memcmp(head->magic, magic, sizeof magic) != 0 || head->version != RT_ENVELOPE_VERSION) {
        snprintf(why, GEN_ERROR_MAX, "no envelope of version %d", RT_ENVELOPE_VERSION);
        return false;
    }
    size_t rest = block_size - sizeof *head;
    if (head->code_size > rest || head->metadata_size != rest - head->code_size) {
        snprintf(why, GEN_ERROR_MAX, "sizes in the envelope do not add up to %zu bytes",
                 block_size);
        return false;
    }
    return true;
}

static bool check_image(const unsigned char *image, size_t size, char *why)
{
    if (size >= sizeof(Elf64_Ehdr) && memcmp(image, ELFMAG, SELFMAG) == 0)
        return true;
    snprintf(why, GEN_ERROR_MAX, "the code object (%zu bytes) is no ELF file", size);
    return false;
}

static const helper_kernel *find_kernel(const helper_kernel *kernels, int count, const char *symbol)
{
    for (int i = 0; i < count; i++)
        if (strcmp(kernels[i].name, symbol) == 0)
            return &kernels[i];
    return NULL;
}

/* The launch relies on these: a kernel that expects more arguments would read behind the packed
 * ones. */
static bool check_kernel(const helper_kernel *found, const gen_kernel *expected, char *why)
{
    if (!found)
        snprintf(why, GEN_ERROR_MAX, "the code object has no kernel %s", expected->symbol);
    else if (found->kernarg_segment_size < expected->kernarg_bytes)
        snprintf(why, GEN_ERROR_MAX, "kernel %s takes %u bytes of arguments, expected at least %u",
                 expected->symbol, found->kernarg_segment_size, expected->kernarg_bytes);
    else if (found->max_flat_workgroup_size < (unsigned)expected->block)
        snprintf(why, GEN_ERROR_MAX, "kernel %s is limited to %u threads a workgroup, expected %d",
                 expected->symbol, found->max_flat_workgroup_size, expected->block);
    else
        return true;
    return false;
}

static void take_facts(const helper_kernel *k, rt_code_facts *facts)
{
    *facts = (rt_code_facts){
        .vgprs = (int)k->vgpr_count,
        .agprs = (int)k->agpr_count,
        .sgprs = (int)k->sgpr_count,
        .vgpr_spills = (int)k->vgpr_spill_count,
        .sgpr_spills = (int)k->sgpr_spill_count,
        .lds_bytes = (int)k->group_segment_fixed_size,
        .scratch_bytes = (int)k->private_segment_fixed_size,
    };
}

static bool check_metadata(const char *text, size_t size, const gen_kernel *kernel,
                           rt_code_facts *facts, char *why)
{
    char *copy = strndup(text, size);
    helper_kernel *kernels = NULL;
    int count = copy ? helper_metadata_parse(copy, &kernels) : -1;
    bool good;
    if (count < 0) {
        snprintf(why, GEN_ERROR_MAX, "the metadata text (%zu bytes) cannot be parsed", size);
        good = false;
    } else {
        const helper_kernel *found = find_kernel(kernels, count, kernel->symbol);
        good = check_kernel(found, kernel, why);
        if (good)
            take_facts(found, facts);
        helper_kernels_free(kernels, count);
    }
    free(copy);
    return good;
}

bool rt_envelope_open(void *block, size_t block_size, const gen_kernel *kernel, rt_code *out,
                      char *why)
{
    header head;
    *out = (rt_code){ .block = block, .block_size = block_size };
    bool good = check_header(block, block_size, &head, why);
    if (good) {
        const char *body = (const char *)block + sizeof head;
        out->image = body;
        out->image_size = head.code_size;
        good = check_image((const unsigned char *)body, out->image_size, why) &&
               check_metadata(body + head.code_size, head.metadata_size, kernel, &out->facts, why);
    }
    if (!good)
        rt_code_free(out);
    return good;
}
