#include <sodium.h>

#include "cache/internal.h"

_Static_assert(CACHE_DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

/* Without sodium_init(), which takes 30 us to find random numbers and the fastest code: BLAKE2b needs
 * none of the first and starts with portable code, which for a key's few hundred bytes is as good. */
void cache_digest(const void *data, size_t size, unsigned char out[CACHE_DIGEST_SIZE])
{
    crypto_generichash(out, CACHE_DIGEST_SIZE, data, size, NULL, 0);
}

void cache_digest_hex(const void *data, size_t size, char out[65])
{
    unsigned char digest[CACHE_DIGEST_SIZE];

    cache_digest(data, size, digest);
    sodium_bin2hex(out, 65, digest, sizeof digest);
}
