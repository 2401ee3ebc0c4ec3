#include <aiter/aiter.h>

#include <stdlib.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define HEADER_VERSION \
    TEXT(AITER_VERSION_MAJOR) "." TEXT(AITER_VERSION_MINOR) "." TEXT(AITER_VERSION_PATCH)

const char *aiter_version(void)
{
    return HEADER_VERSION;
}

void aiter_free(void *memory)
{
    free(memory);
}
