/* The identity of a toolchain: a text with one line "NAME BUILD-ID PATH" for each library that
 * takes part in a compile. */
#ifndef AITER_RUNTIME_IDENTITY_H
#define AITER_RUNTIME_IDENTITY_H

#include <stdbool.h>

enum { RT_DIGEST_MAX = 65 };

/* One line of it. Nothing is terminated. */
typedef struct rt_component {
    const char *name, *id, *path;
    int name_len, id_len, path_len;
} rt_component;

/* Returns the text behind the line, or NULL if it is malformed. */
const char *rt_identity_line(const char *line, rt_component *out);

/* Digest over names and build-ids, not paths. False: malformed, or out of memory. */
bool rt_identity_digest(const char *identity, char digest[RT_DIGEST_MAX]);

/* Are the files that it names still the ones it was made from? */
bool rt_identity_is_current(const char *identity);

/* Key of the record with the most recent identity of any program, for processes on machines that
 * have no compiler. */
extern const char rt_identity_last_key[];

#endif
