#include "runtime/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

/* The word as a shell reads it back. On the heap; NULL: out of memory. */
static char *quote(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    if (*word && word[strspn(word, plain)] == '\0')
        return strdup(word);
    char *out = malloc(4 * strlen(word) + 3), *to = out;
    if (!out)
        return NULL;
    *to++ = '\'';
    for (; *word; word++)
        to = *word == '\'' ? stpcpy(to, "'\\''") : (*to = *word, to + 1);
    memcpy(to, "'", 2);
    return out;
}

/* The caches that were looked into, "A, B". On the heap; NULL: none, or out of memory. */
static char *list_layers(const rt_layers *layers)
{
    char *list = NULL;
    for (int i = 0; i < layers->count; i++) {
        char *longer;
        if (asprintf(&longer, "%s%s%s", list ? list : "", list ? ", " : "",
                     layers->layer[i].dir) < 0)
            break;
        free(list);
        list = longer;
    }
    return list;
}

void rt_advise_missing(const rt_layers *layers, const char *config, aiter_status status)
{
    char *looked = list_layers(layers), *dir = layers->user_dir ? quote(layers->user_dir) : NULL;
    if (!dir)
        rt_fail(status, "'%s' has to be compiled: %s", config, aiter_last_error());
    else
        rt_fail(status,
                "'%s' is not in the cache%s%s, and cannot be compiled: %s. Where there is a "
                "compiler, this puts it there: aiter-precompile --cache-dir %s '%s'",
                config, looked ? " " : "", looked ? looked : "", aiter_last_error(), dir, config);
    free(dir);
    free(looked);
}
