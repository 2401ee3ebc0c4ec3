/* Pieces of the text report. */
#ifndef AITER_PROFILE_TEXT_H
#define AITER_PROFILE_TEXT_H

#include "tools/profile/profile.h"

/* "12.3 MB" for 12.3e6 and "B". */
const char *text_si(char text[24], double value, const char *unit);

/* `text` and the end of the line, of which `used` columns are taken; cut if it is too long. */
void text_put_line(FILE *out, int used, const char *text);

/* The tables of instructions, `top` rows each. false: out of memory. */
bool text_tables(FILE *out, const profile_view *view, size_t top);

#endif
