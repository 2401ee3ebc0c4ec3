#include "tools/bench/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/numeric.h"

/* ---- Values ---- */

/* Nothing but a decimal or, after 0x, hexadecimal number. */
static bool parse_unsigned(const char *text, uint64_t max, uint64_t *value)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    return errno == 0 && *end == '\0' && *value <= max;
}

static bool parse_signed(const char *text, uint64_t max, uint64_t *value)
{
    const bool negative = *text == '-';

    if (!parse_unsigned(text + negative, max / 2 + negative, value))
        return false;
    if (negative)
        *value = 0 - *value;
    return true;
}

static bool parse_float(const char *text, uint64_t max, uint64_t *value)
{
    char *end;
    const double number = strtod(text, &end);
    const float single = (float)number;

    *value = 0;
    if (max == UINT32_MAX)
        memcpy(value, &single, sizeof single);
    else
        memcpy(value, &number, sizeof number);
    return end != text && *end == '\0';
}

static const struct type {
    const char *name;
    size_t size;
    bool (*parse)(const char *text, uint64_t max, uint64_t *value);
} types[] = {
    { "u8", 1, parse_unsigned },  { "u16", 2, parse_unsigned }, { "u32", 4, parse_unsigned },
    { "u64", 8, parse_unsigned }, { "i32", 4, parse_signed },   { "i64", 8, parse_signed },
    { "f32", 4, parse_float },    { "f64", 8, parse_float },
};

/* "4096", "64K", "3M", "1G" */
static bool parse_bytes(const char *text, size_t size, size_t *bytes)
{
    static const char suffixes[] = "KMG";
    char digits[24];
    const char *suffix = size ? strchr(suffixes, text[size - 1]) : NULL;
    const size_t num_digits = suffix ? size - 1 : size;
    const unsigned shift = suffix ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
    uint64_t value;

    if (num_digits == 0 || num_digits >= sizeof digits)
        return false;
    memcpy(digits, text, num_digits);
    digits[num_digits] = '\0';
    if (!parse_unsigned(digits, SIZE_MAX >> shift, &value))
        return false;
    *bytes = (size_t)value << shift;
    return true;
}

/* ---- Items ---- */

static bool append(kernel_arguments *a, const void *value, size_t size)
{
    const size_t offset = (a->size + size - 1) / size * size;

    if (offset + size > sizeof a->bytes)
        return false;
    memcpy(a->bytes + offset, value, size);
    a->size = offset + size;
    return true;
}

static bool add_buffer(kernel_arguments *a, const char *value)
{
    const char *colon = strchr(value, ':');
    const uint64_t no_address = 0;
    argument_buffer b = { .fill = -1 };

    if (!parse_bytes(value, colon ? (size_t)(colon - value) : strlen(value), &b.bytes) ||
        b.bytes == 0 || a->num_buffers == ARGUMENTS_MAX_BUFFERS)
        return false;
    if (colon && (b.fill = num_dtype_find(colon + 1)) < 0)
        return false;
    if (!append(a, &no_address, sizeof no_address))
        return false;
    b.offset = a->size - sizeof no_address;
    a->buffers[a->num_buffers++] = b;
    return true;
}

static bool add_padding(kernel_arguments *a, const char *value)
{
    uint64_t bytes;

    if (!parse_unsigned(value, sizeof a->bytes - a->size, &bytes))
        return false;
    a->size += bytes;
    return true;
}

static bool add_item(kernel_arguments *a, char *item)
{
    char *value = strchr(item, ':');
    uint64_t bits;

    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(item, "ptr") == 0)
        return add_buffer(a, value);
    if (strcmp(item, "pad") == 0)
        return add_padding(a, value);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(item, types[i].name) == 0)
            return types[i].parse(value, UINT64_MAX >> (64 - 8 * types[i].size), &bits) &&
                   append(a, &bits, types[i].size); /* the low bytes come first */
    return false;
}

bool arguments_parse(kernel_arguments *a, const char *text, const char **wrong, size_t *size)
{
    char item[64];

    *a = (kernel_arguments){ 0 };
    for (;; text += *size + 1) {
        *wrong = text;
        *size = strcspn(text, ",");
        if (*size >= sizeof item)
            return false;
        memcpy(item, text, *size);
        item[*size] = '\0';
        if (!add_item(a, item))
            return false;
        if (text[*size] == '\0')
            return true;
    }
}

/* ---- Memory ---- */

static bool fill_random(const argument_buffer *b, size_t index, device *d,
                        char error[DEVICE_ERROR_MAX])
{
    const num_dtype dtype = (num_dtype)b->fill;
    unsigned char *image = calloc(1, b->bytes);
    bool ok = false;

    if (image) {
        for (size_t i = 0; i < b->bytes / num_dtype_size(dtype); i++)
            num_store(dtype, image, i, num_random(1, index, i));
        ok = device_upload(d, b->memory, image, b->bytes, error);
    } else {
        snprintf(error, DEVICE_ERROR_MAX, "out of host memory for a buffer of %zu bytes", b->bytes);
    }
    free(image);
    return ok;
}

bool arguments_allocate(kernel_arguments *a, device *d, char error[DEVICE_ERROR_MAX])
{
    for (size_t i = 0; i < a->num_buffers; i++) {
        argument_buffer *b = &a->buffers[i];
        if (!device_alloc(d, &b->memory, b->bytes, error) ||
            (b->fill >= 0 && !fill_random(b, i, d, error)))
            return false;
        memcpy(a->bytes + b->offset, &b->memory, sizeof b->memory);
    }
    return true;
}

void arguments_free(kernel_arguments *a, device *d)
{
    for (size_t i = 0; i < a->num_buffers; i++) {
        device_free(d, a->buffers[i].memory);
        a->buffers[i].memory = NULL;
    }
}
