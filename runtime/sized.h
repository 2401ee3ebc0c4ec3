/* Structures that start with their size: caller and library may be of different versions. */
#ifndef AITER_RUNTIME_SIZED_H
#define AITER_RUNTIME_SIZED_H

#include <aiter/aiter.h>

/* Copies *given into *out, which has `known` bytes. An older caller's shorter structure is filled
 * up with zeros (the defaults); a newer caller's longer one is accepted if what this version does
 * not know is zero. `what` names the structure in messages; `align` is its alignment. */
aiter_status rt_sized_read(const char *what, const void *given, void *out, size_t known,
                           size_t align);

/* Copies *from (`known` bytes) over a caller's structure, as much as its size says, and zeroes what
 * this version does not know. The caller's size field stays. */
aiter_status rt_sized_write(const char *what, void *caller, const void *from, size_t known,
                            size_t align);

#endif
