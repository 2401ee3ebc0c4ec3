/* libFuzzer target: the configuration parser on any bytes. A text is rejected with a message that ends,
 * or gives a valid configuration whose canonical text parses back to the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gen/gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_accepted(const gen_config *config)
{
    char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX], again[GEN_TEXT_MAX];
    gen_config back;
    gen_kernel kernel;

    require(gen_config_validate(config, err));
    gen_config_print(config, text);
    require(gen_config_parse(text, &back, err));
    gen_config_print(&back, again);
    require(strcmp(text, again) == 0);
    gen_kernel_describe(config, &kernel);
    require(kernel.lds_bytes <= config->arch->lds_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[GEN_ERROR_MAX];
    gen_config config;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (gen_config_parse(text, &config, err))
        check_accepted(&config);
    else
        require(err[0] != '\0' && memchr(err, '\0', sizeof err));
    free(text);
    return 0;
}
