/* Models' files of any bytes: refused with a reason, or what is selected is valid and what is
 * lacking has a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_selection(const selection *s)
{
    char err[GEN_ERROR_MAX], text[GEN_TEXT_MAX];

    for (size_t i = 0; i < s->count; i++) {
        require(gen_config_validate(&s->items[i].config, err));
        gen_config_print(&s->items[i].config, text);
        require(strcmp(text, s->items[i].text) == 0);
    }
    for (size_t i = 0; i < s->num_lacking; i++)
        require(s->lacking[i].what[0] && s->lacking[i].why[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *one[] = { "gfx942" }, *two[] = { "1", "4" }, *pages[] = { "16" };
    static char *kv[] = { "auto", "fp8" };
    const model_serving serving = { .arch = { one, 1 }, .tp = { two, 2 }, .page_size = { pages, 1 },
                                    .kv_dtype = { kv, 2 } };
    char why[MODEL_ERROR_MAX], *json = malloc(size + 1);
    selection s = { 0 };

    if (!json)
        return 0;
    memcpy(json, data, size);
    json[size] = '\0';
    if (!model_select(&s, "model", json, size, &serving, why))
        require(why[0] != '\0' && strlen(why) < sizeof why);
    check_selection(&s);
    selection_free(&s);
    free(json);
    return 0;
}
