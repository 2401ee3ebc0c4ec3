#include "gen/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` more bytes and a NUL. */
static bool reserve(gen_buffer *buffer, size_t size)
{
    if (buffer->failed)
        return false;
    size_t needed = buffer->size + size + 1;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = needed * 2;
    char *text = realloc(buffer->text, capacity);
    if (!text) {
        buffer->failed = true;
        return false;
    }
    buffer->text = text;
    buffer->capacity = capacity;
    return true;
}

void gen_buffer_add(gen_buffer *buffer, const void *data, size_t size)
{
    if (!reserve(buffer, size))
        return;
    memcpy(buffer->text + buffer->size, data, size);
    buffer->size += size;
}

void gen_buffer_printf(gen_buffer *buffer, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (size < 0 || !reserve(buffer, (size_t)size))
        return;
    va_start(list, format);
    vsnprintf(buffer->text + buffer->size, (size_t)size + 1, format, list);
    va_end(list);
    buffer->size += (size_t)size;
}

char *gen_buffer_finish(gen_buffer *buffer)
{
    if (!reserve(buffer, 0)) {
        free(buffer->text);
        return NULL;
    }
    buffer->text[buffer->size] = '\0';
    return buffer->text;
}
