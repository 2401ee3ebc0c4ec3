/* aiter_context_options, read and checked once for contexts and warmers. */
#ifndef AITER_RUNTIME_OPTIONS_H
#define AITER_RUNTIME_OPTIONS_H

#include <aiter/aiter.h>

/* given may be NULL (all defaults). *out has every field filled in as the caller gave it; its
 * pointers are the caller's. */
aiter_status rt_options_read(const aiter_context_options *given, aiter_context_options *out);

#endif
