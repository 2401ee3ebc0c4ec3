/* Sizes and times as people write and read them. */
#ifndef AITER_PRECOMPILE_UNITS_H
#define AITER_PRECOMPILE_UNITS_H

#include <stdint.h>

#include "tools/cli.h"

/* Setters for cli_option, whose target is a uint64_t: bytes, with K, M or G for powers of 1024;
 * seconds, with s, m, h or d. */
bool units_set_bytes(const cli_option *option, const char *value, void *target);
bool units_set_age(const cli_option *option, const char *value, void *target);

enum { UNITS_TEXT_MAX = 24 };

/* "30.1 kB", in powers of 1000. */
const char *units_bytes(uint64_t bytes, char out[UNITS_TEXT_MAX]);

/* Whole days, hours, minutes or seconds since then; "-": unknown. */
const char *units_age(uint64_t now_s, uint64_t then_s, char out[UNITS_TEXT_MAX]);

#endif
