/* A configuration from its text; fails with what is wrong. */
#ifndef TESTS_GEN_PARSE_H
#define TESTS_GEN_PARSE_H

#include "gen/gen.h"

static inline gen_config parse(const char *text)
{
    char err[GEN_ERROR_MAX];
    gen_config config;
    if (!gen_config_parse(text, &config, err))
        fail_msg("%s: %s", text, err);
    return config;
}

#endif
