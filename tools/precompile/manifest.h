/* A manifest: one configuration text a line. What follows a # is a comment; blank lines are
 * skipped. */
#ifndef AITER_PRECOMPILE_MANIFEST_H
#define AITER_PRECOMPILE_MANIFEST_H

#include "tools/precompile/select.h"

enum { MANIFEST_MAX = 64 << 20, MANIFEST_LINE_MAX = 4096 };

/* Told of each line that is no configuration. */
typedef void (*manifest_fault)(void *user, size_t line, const char *why);

/* Adds what is in `data`. Returns the number of faulty lines, which add nothing. */
size_t manifest_parse(selection *s, const char *data, size_t size, manifest_fault fault,
                      void *user);

#endif
