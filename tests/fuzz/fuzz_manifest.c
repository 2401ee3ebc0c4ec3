/* Manifests of any bytes: a fault has a line that is there and a reason, and what is selected is
 * the same when it is printed and read back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/precompile/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good)
        abort();
}

typedef struct faults {
    size_t count, lines;
} faults;

static void on_fault(void *user, size_t line, const char *why)
{
    faults *f = user;

    f->count++;
    require(line >= 1 && line <= f->lines && why[0] != '\0' && strlen(why) < GEN_ERROR_MAX);
}

static void read_back(const selection *s)
{
    char *text = malloc(s->count * (GEN_TEXT_MAX + 1) + 1), *at = text;
    selection again = { 0 };
    faults f = { 0, s->count };

    if (!text)
        return;
    for (size_t i = 0; i < s->count; i++) {
        const size_t n = strlen(s->items[i].text);
        memcpy(at, s->items[i].text, n);
        at[n] = '\n';
        at += n + 1;
    }
    require(manifest_parse(&again, text, (size_t)(at - text), on_fault, &f) == 0);
    require(again.count == s->count);
    for (size_t i = 0; i < s->count; i++)
        require(strcmp(s->items[i].text, again.items[i].text) == 0);
    selection_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    selection s = { 0 };
    faults f = { 0, 1 };

    for (size_t i = 0; i < size; i++)
        f.lines += data[i] == '\n';
    require(manifest_parse(&s, (const char *)data, size, on_fault, &f) == f.count);
    read_back(&s);
    if (s.count > 1)
        require(select_shard(&s, 2, 3));
    selection_free(&s);
    return 0;
}
