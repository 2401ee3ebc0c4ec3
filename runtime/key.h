/* The key text of a kernel's record: everything that decides the bytes of its code object, and
 * nothing else.
 *
 *   aiter code 1
 *   generator DIGEST           of generator and templates
 *   config TEXT                canonical configuration
 *   target amdgcn-amd-amdhsa--ARCH
 *   options
 *   OPTION                     hiprtc's, one a line
 *   toolchain DIGEST           rt_identity_digest()
 */
#ifndef AITER_RUNTIME_KEY_H
#define AITER_RUNTIME_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "gen/gen.h"
#include "runtime/identity.h"

/* What a key consists of. `options` points into the key. */
typedef struct rt_key {
    char generator[RT_DIGEST_MAX], toolchain[RT_DIGEST_MAX];
    char config[GEN_TEXT_MAX];
    char target[64];
    const char *options;
    size_t options_size;
} rt_key;

/* On the heap; NULL: out of memory. */
char *rt_key_make(const gen_config *config, const char *generator, const char *toolchain);

/* False: it is the key of something else, or of another version. Of the fields, only the order and
 * the lengths are checked. */
bool rt_key_parse(const char *key, rt_key *out);

#endif
