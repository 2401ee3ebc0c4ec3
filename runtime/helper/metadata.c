/* The parser of metadata text. It accepts what the format in helper.h says and nothing else, except
 * that a kernel may have numbers that this version does not know. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/helper/helper.h"

/* A span of the text; words are separated by single spaces. */
typedef struct span { const char *at; size_t size; } span;

typedef struct builder {
    helper_kernel *kernels;
    size_t count;
    bool open;                  /* inside a kernel's block */
} builder;

static bool is(span s, const char *word)
{
    return s.size == strlen(word) && memcmp(s.at, word, s.size) == 0;
}

static span next_line(const char **text)
{
    size_t n = strcspn(*text, "\n");
    span line = {*text, n};
    *text += n + ((*text)[n] == '\n');
    return line;
}

/* Cuts the first word off. */
static span next_word(span *line)
{
    size_t n = 0;
    while (n < line->size && line->at[n] != ' ')
        n++;
    span word = {line->at, n};
    line->at += n;
    line->size -= n;
    if (line->size) {
        line->at++;
        line->size--;
    }
    return word;
}

static bool to_u32(span word, uint32_t *out)
{
    uint64_t value = 0;
    if (word.size == 0 || word.size > 10)
        return false;
    for (size_t i = 0; i < word.size; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(word.at[i] - '0');
    }
    *out = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool to_name(span word, char *out, size_t size)
{
    if (word.size == 0 || word.size >= size)
        return false;
    memcpy(out, word.at, word.size);
    out[word.size] = '\0';
    return true;
}

/* Room for one more element; capacities are powers of two. */
static void *grow(void *array, size_t count, size_t element)
{
    if (count & (count - 1))
        return array;
    return reallocarray(array, count ? count * 2 : 1, element);
}

static bool begin_kernel(builder *b, span name)
{
    if (b->count >= INT_MAX)
        return false;
    helper_kernel *kernels = grow(b->kernels, b->count, sizeof *kernels);
    if (!kernels)
        return false;
    b->kernels = kernels;
    helper_kernel *k = &kernels[b->count++];
    *k = (helper_kernel){0};
    b->open = true;
    return to_name(name, k->name, sizeof k->name);
}

static bool add_arg(helper_kernel *k, span line)
{
    helper_kernel_arg arg;
    if (!to_u32(next_word(&line), &arg.offset) || !to_u32(next_word(&line), &arg.size) ||
        !to_name(next_word(&line), arg.kind, sizeof arg.kind) ||
        !to_name(next_word(&line), arg.name, sizeof arg.name) || line.size)
        return false;
    helper_kernel_arg *args = grow(k->args, k->num_args, sizeof *args);
    if (!args)
        return false;
    k->args = args;
    args[k->num_args++] = arg;
    return true;
}

static bool set_number(helper_kernel *k, span key, uint32_t value)
{
    const struct { const char *key; uint32_t *field; } numbers[] = {
        {"kernarg_segment_size", &k->kernarg_segment_size},
        {"kernarg_segment_align", &k->kernarg_segment_align},
        {"group_segment_fixed_size", &k->group_segment_fixed_size},
        {"private_segment_fixed_size", &k->private_segment_fixed_size},
        {"sgpr_count", &k->sgpr_count},
        {"vgpr_count", &k->vgpr_count},
        {"agpr_count", &k->agpr_count},
        {"sgpr_spill_count", &k->sgpr_spill_count},
        {"vgpr_spill_count", &k->vgpr_spill_count},
        {"max_flat_workgroup_size", &k->max_flat_workgroup_size},
        {"wavefront_size", &k->wavefront_size},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (is(key, numbers[i].key))
            *numbers[i].field = value;
    }
    return key.size > 0;
}

static bool in_kernel(builder *b, span key, span rest)
{
    helper_kernel *k = &b->kernels[b->count - 1];
    uint32_t value;
    if (is(key, "end")) {
        b->open = false;
        return rest.size == 0;
    }
    if (is(key, "arg"))
        return add_arg(k, rest);
    return to_u32(rest, &value) && set_number(k, key, value);
}

static bool take_line(builder *b, span line)
{
    if (line.size == 0)
        return true;
    span key = next_word(&line);
    if (b->open)
        return in_kernel(b, key, line);
    if (is(key, "target"))
        return line.size > 0;
    return is(key, "kernel") && begin_kernel(b, line);
}

int helper_metadata_parse(const char *text, helper_kernel **out)
{
    builder b = {0};
    bool good = text != NULL;
    while (good && *text)
        good = take_line(&b, next_line(&text));
    *out = NULL;
    if (!good || b.open) {
        helper_kernels_free(b.kernels, (int)b.count);
        return -1;
    }
    *out = b.kernels;
    return (int)b.count;
}

void helper_kernels_free(helper_kernel *kernels, int count)
{
    for (int i = 0; kernels && i < count; i++)
        free(kernels[i].args);
    free(kernels);
}
