#include "runtime/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "runtime/buildid.h"

const char rt_identity_last_key[] = "aiter toolchain 1\nlast\n";

const char *rt_identity_line(const char *line, rt_component *out)
{
    size_t length = strcspn(line, "\n");
    const char *first = memchr(line, ' ', length);
    const char *second = first ? memchr(first + 1, ' ', length - (size_t)(first + 1 - line)) : NULL;
    const char *end = line + length;
    if (!second || first == line || second == first + 1 || second + 1 == end)
        return NULL;
    *out = (rt_component){ line,
                           first + 1,
                           second + 1,
                           (int)(first - line),
                           (int)(second - first - 1),
                           (int)(end - second - 1) };
    return *end ? end + 1 : end;
}

bool rt_identity_digest(const char *identity, char digest[RT_DIGEST_MAX])
{
    char *text = malloc(strlen(identity) + 1);
    size_t used = 0;
    rt_component c;
    const char *at = identity;
    while (text && at && *at && (at = rt_identity_line(at, &c)))
        used += (size_t)sprintf(text + used, "%.*s %.*s\n", c.name_len, c.name, c.id_len, c.id);
    bool good = text && at && used > 0;
    if (good)
        cache_digest_hex(text, used, digest);
    free(text);
    return good;
}

static bool file_is(const rt_component *c)
{
    char id[RT_BUILD_ID_MAX];
    char *path = strndup(c->path, (size_t)c->path_len);
    bool same = path && rt_build_id(path, id) && strlen(id) == (size_t)c->id_len &&
                memcmp(id, c->id, strlen(id)) == 0;
    free(path);
    return same;
}

bool rt_identity_is_current(const char *identity)
{
    rt_component c;
    const char *at = identity;
    while (at && *at && (at = rt_identity_line(at, &c)))
        if (!file_is(&c))
            return false;
    return at != NULL && at != identity;
}
