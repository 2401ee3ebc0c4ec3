/* What is in a record of a kernel: the key's text, the toolchain's identity, the value. The first
 * byte says which the others are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/envelope.h"
#include "runtime/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
    if (!good)
        abort();
}

static void parse_key(const char *text)
{
    rt_key key;
    if (!rt_key_parse(text, &key))
        return;
    require(strlen(key.config) < sizeof key.config && strlen(key.target) < sizeof key.target);
    require(key.options >= text && key.options + key.options_size <= text + strlen(text));
}

static void parse_identity(const char *text)
{
    char digest[RT_DIGEST_MAX];
    if (rt_identity_digest(text, digest))
        require(strlen(digest) == RT_DIGEST_MAX - 1);
}

static void open_envelope(const uint8_t *data, size_t size)
{
    static gen_kernel kernel;
    char why[GEN_ERROR_MAX];
    gen_config config;
    rt_code code;
    if (!*kernel.symbol) {
        require(gen_config_parse("fmha_fwd arch=gfx942 dtype=bf16 hdqk=128", &config, why));
        gen_kernel_describe(&config, &kernel);
    }
    void *block = malloc(size ? size : 1);
    require(block != NULL);
    memcpy(block, data, size);
    if (!rt_envelope_open(block, size, &kernel, &code, why))
        return;
    require((const char *)code.image + code.image_size <= (const char *)block + size);
    rt_code_free(&code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    require(text != NULL);
    if (data[0] % 3 == 0)
        parse_key(text);
    else if (data[0] % 3 == 1)
        parse_identity(text);
    else
        open_envelope(data + 1, size - 1);
    free(text);
    return 0;
}
