#include "runtime/sized.h"

#include <string.h>

#include "runtime/error.h"

/* Sizes are multiples of the alignment in every version; anything else is a garbage size field. */
static aiter_status check_size(const char *what, size_t size, size_t known, size_t align)
{
    if (size == 0)
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "%s.size is 0: set it to sizeof(%s) (or initialise with the *_INIT macro)",
                       what, what);
    if (size < 2 * sizeof(size_t) || size % align != 0 || size > (1 << 16))
        return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                       "%s.size is %zu: expected sizeof(%s), %zu in this version", what, size, what,
                       known);
    return AITER_OK;
}

aiter_status rt_sized_read(const char *what, const void *given, void *out, size_t known,
                           size_t align)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    aiter_status status = check_size(what, size, known, align);
    if (status != AITER_OK)
        return status;
    memset(out, 0, known);
    memcpy(out, given, size < known ? size : known);
    const unsigned char *bytes = given;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return rt_fail(AITER_ERROR_INVALID_ARGUMENT,
                           "%s has a non-zero field at byte %zu: this version (%s) knows %zu bytes",
                           what, i, aiter_version(), known);
    return AITER_OK;
}

aiter_status rt_sized_write(const char *what, void *caller, const void *from, size_t known,
                            size_t align)
{
    size_t size;
    memcpy(&size, caller, sizeof size);
    aiter_status status = check_size(what, size, known, align);
    if (status != AITER_OK)
        return status;
    size_t copied = size < known ? size : known;
    memcpy((char *)caller + sizeof size, (const char *)from + sizeof size, copied - sizeof size);
    memset((char *)caller + copied, 0, size - copied);
    return AITER_OK;
}
