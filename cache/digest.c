#include <sodium.h>

#include "cache/internal.h"

_Static_assert(CACHE_DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

bool cache_sodium_ready(void) { return sodium_init() >= 0; }

void cache_digest(const void *data, size_t size, unsigned char out[CACHE_DIGEST_SIZE])
{
    crypto_generichash(out, CACHE_DIGEST_SIZE, data, size, NULL, 0);
}

void cache_digest_hex(const void *data, size_t size, char out[65])
{
    unsigned char digest[CACHE_DIGEST_SIZE];

    /* BLAKE2b needs no random numbers: should sodium_init() fail, the portable code still gives the
     * digest. */
    (void)cache_sodium_ready();
    cache_digest(data, size, digest);
    sodium_bin2hex(out, 65, digest, sizeof digest);
}
