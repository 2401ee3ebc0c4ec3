/* A growing text. A failed allocation is remembered and makes text_ok() false; appending goes on
 * harmlessly. */
#ifndef AITER_COMPILER_TEXT_H
#define AITER_COMPILER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct text {
    char *data;                 /* NULL while nothing was appended; else NUL-terminated */
    size_t size, capacity;
    bool failed;
} text;

void text_free(text *t);
bool text_ok(const text *t);
void text_append(text *t, const void *data, size_t size);
__attribute__((format(printf, 2, 3))) void text_print(text *t, const char *format, ...);

/* The text, "" if there is none. */
const char *text_get(const text *t);

#endif
