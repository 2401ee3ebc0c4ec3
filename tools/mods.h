/* Expressions for score_mod and mask_mod, and what they are in C: for trials. */
#ifndef AITER_TOOLS_MODS_H
#define AITER_TOOLS_MODS_H

#include "tools/reference.h"

/* `user` is an array of ints, one for each key that a sequence can have: a document's number. */
typedef struct mod {
    const char *name;
    const char *text;
    double (*score)(const ref_place *place, double score); /* of a score_mod */
    double size;                                           /* see ref_problem; times the keys */
    bool (*mask)(const ref_place *place);                  /* of a mask_mod */
    bool reads;                                            /* user */
} mod;

/* Number 0 is none; NULL past the last. */
const mod *mod_score(int number);
const mod *mod_mask(int number);

/* -1 if `name` is none of them. */
int mod_find(const mod *(*list)(int number), const char *name);

#endif
