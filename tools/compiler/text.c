#include "tools/compiler/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(text *t)
{
    free(t->data);
    *t = (text){0};
}

bool text_ok(const text *t)
{
    return !t->failed;
}

void text_append(text *t, const void *data, size_t size)
{
    if (size == 0 || t->failed)
        return;
    if (t->capacity - t->size <= size) {
        size_t capacity = t->capacity ? t->capacity : 256;
        while (capacity - t->size <= size)
            capacity *= 2;
        char *grown = realloc(t->data, capacity);
        if (!grown) {
            t->failed = true;
            return;
        }
        t->data = grown;
        t->capacity = capacity;
    }
    memcpy(t->data + t->size, data, size);
    t->size += size;
    t->data[t->size] = '\0';
}

void text_print(text *t, const char *format, ...)
{
    va_list args;
    char *line;
    va_start(args, format);
    int n = vasprintf(&line, format, args);
    va_end(args);
    if (n < 0) {
        t->failed = true;
        return;
    }
    text_append(t, line, (size_t)n);
    free(line);
}

const char *text_get(const text *t)
{
    return t->data ? t->data : "";
}
