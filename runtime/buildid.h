/* The GNU build-id of an ELF file: what tells two builds of a compiler library apart. */
#ifndef AITER_RUNTIME_BUILDID_H
#define AITER_RUNTIME_BUILDID_H

#include <stdbool.h>

enum { RT_BUILD_ID_MAX = 129 }; /* 64 bytes as hex digits and a NUL */

/* Reads the build-id of the 64-bit little-endian ELF file `path` as lower-case hex. false: no such
 * file, not such an ELF file, or it has no build-id. */
bool rt_build_id(const char *path, char out[RT_BUILD_ID_MAX]);

#endif
