/* What the records of a cache, and of a bundle, are to an operator. */
#ifndef AITER_PRECOMPILE_RECORD_H
#define AITER_PRECOMPILE_RECORD_H

#include <stddef.h>

#include "runtime/envelope.h"
#include "runtime/key.h"
#include "tools/precompile/select.h"

typedef enum record_kind {
    RECORD_KERNEL,
    RECORD_TOOLCHAIN,   /* an identity text */
    RECORD_OTHER        /* of another version, or of something else */
} record_kind;

/* `key` is filled in for kernels. */
record_kind record_classify(const char *text, rt_key *key);

typedef struct record_facts {
    rt_code_facts code;
    size_t code_bytes;
} record_facts;

/* A kernel's record as this version would have made it: the key is what it would look up, and the
 * value has the code object of that configuration. */
typedef enum record_state {
    RECORD_GOOD,        /* facts are set; config too, if it is not NULL */
    RECORD_FOREIGN,     /* another version's: nothing can be said */
    RECORD_WRONG        /* why says what is wrong */
} record_state;

record_state record_check(const char *text, const rt_key *key, const void *value, size_t size,
                          gen_config *config, record_facts *facts, char why[GEN_ERROR_MAX]);

/* A digest as messages show it. */
enum { RECORD_SHORT_DIGEST = 12 };

/* What a key is called in messages: a kernel's configuration, else the key itself, cut. Bytes that
 * a terminal would not print become '?': keys may come from anywhere. */
enum { RECORD_NAME_MAX = GEN_TEXT_MAX };
const char *record_name(const char *text, char out[RECORD_NAME_MAX]);

/* ---- Filters: FIELD=VALUE, of a configuration's text, or generator or toolchain ---- */

/* false: `why` says what is wrong with one of them. */
bool filter_check(char *const *filters, int count, char why[GEN_ERROR_MAX]);

/* Does the kernel have all of them? A digest is given by its first digits. */
bool filter_matches(char *const *filters, int count, const rt_key *key);

/* ---- Toolchains: which compilers a cache knows ---- */

typedef struct toolchain {
    char digest[RT_DIGEST_MAX];
    char *identity;     /* names and build-ids, without paths */
    bool is_current;    /* its files are there */
    bool is_last;       /* the one that is looked up where there is no compiler */
    size_t kernels;     /* to be counted by the caller */
} toolchain;

typedef struct toolchains {
    toolchain *items;
    size_t count;
} toolchains;

/* Notes one record of that kind; false: out of memory. A malformed text is not noted. */
bool toolchains_add(toolchains *t, const char *key, const void *value, size_t size);
/* NULL: not known. */
toolchain *toolchains_find(const toolchains *t, const char *digest);
void toolchains_free(toolchains *t);

#endif
