#include "tools/precompile/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/precompile/file.h"

_Static_assert(SIGN_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES &&
                   SIGN_SECRET_SIZE == crypto_sign_SECRETKEYBYTES &&
                   SIGN_SIZE == crypto_sign_BYTES,
               "libsodium's sizes");

/* A file is its first line and 64 hex digits: the seed, or the public key. */
static const char secret_line[] = "aiter ed25519 secret key 1\n";
static const char public_line[] = "aiter ed25519 public key 1\n";

enum { HEX = 2 * crypto_sign_SEEDBYTES, KEY_FILE_MAX = 256 };
_Static_assert(crypto_sign_SEEDBYTES == crypto_sign_PUBLICKEYBYTES, "both are 64 digits");

/* ---- Files ---- */

/* Exclusively, so that no key is overwritten by mistake. */
static bool write_key(const char *name, const char *extension, mode_t mode, const char *line,
                      const unsigned char bytes[crypto_sign_SEEDBYTES], char error[SIGN_ERROR_MAX])
{
    char path[FILE_PATH_MAX], text[KEY_FILE_MAX], hex[HEX + 1];

    sodium_bin2hex(hex, sizeof hex, bytes, crypto_sign_SEEDBYTES);
    const int size = snprintf(text, sizeof text, "%s%s\n", line, hex);
    snprintf(path, sizeof path, "%s%s", name, extension);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good = fd >= 0 && write(fd, text, (size_t)size) == size && fsync(fd) == 0;
    if (!good)
        snprintf(error, SIGN_ERROR_MAX, "cannot create %.400s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !good)
        unlink(path);
    sodium_memzero(text, sizeof text);
    sodium_memzero(hex, sizeof hex);
    return good;
}

static bool read_key(const char *path, const char *line, const char *kind,
                     unsigned char bytes[crypto_sign_SEEDBYTES], char error[SIGN_ERROR_MAX])
{
    const size_t head = strlen(line);
    char *text;
    size_t size, done = 0;

    if (!file_read(path, KEY_FILE_MAX, &text, &size, error))
        return false;
    while (size > 0 && text[size - 1] == '\n')
        size--;
    bool good = size == head + HEX && memcmp(text, line, head) == 0 &&
                sodium_hex2bin(bytes, crypto_sign_SEEDBYTES, text + head, HEX, NULL, &done, NULL) ==
                    0 && done == crypto_sign_SEEDBYTES;
    if (!good)
        snprintf(error, SIGN_ERROR_MAX, "%.400s is no %s key of aiter-precompile keygen", path,
                 kind);
    sodium_memzero(text, size);
    free(text);
    return good;
}

bool sign_load_secret(const char *path, sign_secret *out, char error[SIGN_ERROR_MAX])
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    sign_public public_key;
    const bool good = read_key(path, secret_line, "secret", seed, error);

    if (good)
        crypto_sign_seed_keypair(public_key.bytes, out->bytes, seed);
    sodium_memzero(seed, sizeof seed);
    return good;
}

bool sign_load_public(const char *path, sign_public *out, char error[SIGN_ERROR_MAX])
{
    return read_key(path, public_line, "public", out->bytes, error);
}

bool sign_make_keys(const char *name, sign_public *out, char error[SIGN_ERROR_MAX])
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    sign_secret secret;
    char path[FILE_PATH_MAX];

    if (strlen(name) + sizeof ".pub" > sizeof path) {
        snprintf(error, SIGN_ERROR_MAX, "cannot create %.100s...: the path is too long", name);
        return false;
    }
    randombytes_buf(seed, sizeof seed);
    crypto_sign_seed_keypair(out->bytes, secret.bytes, seed);
    bool good = write_key(name, ".key", 0600, secret_line, seed, error);
    if (good && !write_key(name, ".pub", 0644, public_line, out->bytes, error)) {
        snprintf(path, sizeof path, "%s.key", name);
        unlink(path); /* a secret key without its public one is of no use */
        good = false;
    }
    sodium_memzero(seed, sizeof seed);
    sign_forget(&secret);
    return good;
}

/* ---- Keys ---- */

void sign_forget(sign_secret *secret)
{
    sodium_memzero(secret, sizeof *secret);
}

sign_public sign_public_of(const sign_secret *secret)
{
    sign_public key;

    crypto_sign_ed25519_sk_to_pk(key.bytes, secret->bytes);
    return key;
}

bool sign_is_same(const sign_public *a, const sign_public *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

const char *sign_name(const sign_public *key, char out[SIGN_NAME_MAX])
{
    return sodium_bin2hex(out, SIGN_NAME_MAX, key->bytes, sizeof key->bytes);
}

void sign_data(const sign_secret *secret, const void *data, size_t size,
               unsigned char signature[SIGN_SIZE])
{
    crypto_sign_detached(signature, NULL, data, size, secret->bytes);
}

bool sign_verify(const sign_public *key, const void *data, size_t size,
                 const unsigned char signature[SIGN_SIZE])
{
    return crypto_sign_verify_detached(signature, data, size, key->bytes) == 0;
}
