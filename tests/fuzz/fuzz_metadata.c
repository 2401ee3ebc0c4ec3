/* The parser of metadata text on arbitrary text. What it accepts can be printed and read back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/helper/helper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

static void print_kernel(FILE *out, const helper_kernel *k)
{
    fprintf(out, "kernel %s\nkernarg_segment_size %u\nvgpr_count %u\nwavefront_size %u\n", k->name,
            k->kernarg_segment_size, k->vgpr_count, k->wavefront_size);
    for (size_t i = 0; i < k->num_args; i++)
        fprintf(out, "arg %u %u %s %s\n", k->args[i].offset, k->args[i].size, k->args[i].kind,
                k->args[i].name);
    fprintf(out, "end\n");
}

static void compare(const helper_kernel *a, const helper_kernel *b)
{
    require(strcmp(a->name, b->name) == 0 && a->num_args == b->num_args);
    require(a->kernarg_segment_size == b->kernarg_segment_size && a->vgpr_count == b->vgpr_count &&
            a->wavefront_size == b->wavefront_size);
    for (size_t i = 0; i < a->num_args; i++) {
        const helper_kernel_arg *x = &a->args[i], *y = &b->args[i];
        require(x->offset == y->offset && x->size == y->size && strcmp(x->kind, y->kind) == 0 &&
                strcmp(x->name, y->name) == 0);
    }
}

static void read_back(const helper_kernel *kernels, int count)
{
    char *text = NULL;
    size_t size;
    helper_kernel *again;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    for (int i = 0; i < count; i++)
        print_kernel(out, &kernels[i]);
    fclose(out);
    require(helper_metadata_parse(text, &again) == count);
    for (int i = 0; i < count; i++)
        compare(&kernels[i], &again[i]);
    helper_kernels_free(again, count);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    helper_kernel *kernels;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    int count = helper_metadata_parse(text, &kernels);
    require(count >= -1 && (count >= 0 || !kernels));
    if (count >= 0)
        read_back(kernels, count);
    helper_kernels_free(kernels, count);
    free(text);
    return 0;
}
