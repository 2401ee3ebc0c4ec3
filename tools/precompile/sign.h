/* Ed25519 keys that sign bundles, as small text files. */
#ifndef AITER_PRECOMPILE_SIGN_H
#define AITER_PRECOMPILE_SIGN_H

#include <stdbool.h>
#include <stddef.h>

enum { SIGN_PUBLIC_SIZE = 32, SIGN_SECRET_SIZE = 64, SIGN_SIZE = 64, SIGN_ERROR_MAX = 512 };

typedef struct sign_secret {
    unsigned char bytes[SIGN_SECRET_SIZE];
} sign_secret;

typedef struct sign_public {
    unsigned char bytes[SIGN_PUBLIC_SIZE];
} sign_public;

/* Makes NAME.key, which only the user can read, and NAME.pub. Neither may exist. */
bool sign_make_keys(const char *name, sign_public *out, char error[SIGN_ERROR_MAX]);

bool sign_load_secret(const char *path, sign_secret *out, char error[SIGN_ERROR_MAX]);
bool sign_load_public(const char *path, sign_public *out, char error[SIGN_ERROR_MAX]);
/* Overwrites it in memory. */
void sign_forget(sign_secret *secret);

sign_public sign_public_of(const sign_secret *secret);
bool sign_is_same(const sign_public *a, const sign_public *b);

void sign_data(const sign_secret *secret, const void *data, size_t size,
               unsigned char signature[SIGN_SIZE]);
bool sign_verify(const sign_public *key, const void *data, size_t size,
                 const unsigned char signature[SIGN_SIZE]);

/* The public key's name in messages: 64 hex digits. */
enum { SIGN_NAME_MAX = 2 * SIGN_PUBLIC_SIZE + 1 };
const char *sign_name(const sign_public *key, char out[SIGN_NAME_MAX]);

#endif
