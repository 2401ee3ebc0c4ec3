/* Private to gen/. */
#ifndef AITER_GEN_INTERNAL_H
#define AITER_GEN_INTERNAL_H

#include "gen/gen.h"

/* Which template a configuration is rendered from, and the shapes it computes with. */
typedef struct gen_tile {
    const char *template_file;
    int block;
    int tile_q, tile_k;
    int hdqk_pad, hdv_pad;
    int lds_bytes;
    int waves_per_simd; /* that the compiler must leave registers for */
} gen_tile;

/* The configuration must be valid. */
gen_tile gen_tile_choose(const gen_config *config);

/* A file of templates/, embedded at build time (gen/embed.cmake). */
typedef struct gen_embedded {
    const char *name;
    const unsigned char *data;
    size_t size;
} gen_embedded;

extern const gen_embedded gen_embedded_files[];
extern const size_t gen_embedded_count;
extern const char gen_embedded_digest[];

/* Growing text. Once memory is short every further append does nothing and `failed` stays set. */
typedef struct gen_buffer {
    char *text;
    size_t size, capacity;
    bool failed;
} gen_buffer;

void gen_buffer_add(gen_buffer *buffer, const void *data, size_t size);
void gen_buffer_printf(gen_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text, owned by the caller; NULL if memory was short. */
char *gen_buffer_finish(gen_buffer *buffer);

#endif
