/* What the experiments on the whole library share. */
#ifndef AITER_TESTS_PROOF_LIBRARY_H
#define AITER_TESTS_PROOF_LIBRARY_H

#include "tests/proof/proof.h"
#include "tests/runtime/fixture.h"

enum { CONFIGS = 64, TEXT_MAX = 160 };

typedef struct library {
    fixture fake; /* of which only the compiler and the HIP runtime are used */
    bool real;    /* the real compiler */
    char cache[300];
    char text[CONFIGS][TEXT_MAX];
    void *code[CONFIGS]; /* what a compile that nobody disturbs gives */
    size_t size[CONFIGS];
    struct {
        atomic_uint ready, compiled; /* processes */
    } *crowd;
} library;

/* A well-behaved fake compiler, or the real one; no cache yet. s->dir becomes the cache's. */
void library_init(scene *s, library *l, bool real);
aiter_context_options library_options(const library *l);

#endif
