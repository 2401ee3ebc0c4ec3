/* What a launcher must know of a kernel: symbol, shapes, arguments, options. */
#include "gen/internal.h"

#include <stdio.h>

/* The kernarg segment lays arguments out in order at their natural alignment, as a C struct does
 * (LLVM, "User Guide for AMDGPU Backend", kernel argument metadata: .offset and .size). The host is
 * LP64 like the device, so that a C struct gives the offsets. */
typedef struct kernarg {
#define X(type, name, meaning) type name;
#include "gen/fmha_fwd_args.def"
#undef X
} kernarg;

_Static_assert(sizeof(void *) == 8 && sizeof(long long) == 8, "kernarg types of another size");
_Static_assert(sizeof(int) == 4 && sizeof(float) == 4, "kernarg types of another size");

static const gen_arg args[] = {
#define X(type, name, meaning) { #name, #type, offsetof(kernarg, name), sizeof(type), meaning },
#include "gen/fmha_fwd_args.def"
#undef X
};

enum { NUM_ARGS = sizeof args / sizeof args[0] };

static const char grid_rule[] =
    "grid_x = ceil(seqlen_q / tile_q) * num_heads * batch, grid_y = grid_z = 1 (workgroups)";

static void print_symbol(const gen_config *c, char out[GEN_SYMBOL_MAX])
{
    const char *mask = c->mask == GEN_MASK_CAUSAL ? "causal" : "full";
    snprintf(out, GEN_SYMBOL_MAX, "fmha_fwd_%s_%s_hd%dx%d_%s_g%d%s", c->arch->name,
             gen_dtype_name(c->dtype), c->hdqk, c->hdv, mask, c->gqa, c->lse ? "_lse" : "");
}

void gen_kernel_describe(const gen_config *config, gen_kernel *out)
{
    gen_tile tile = gen_tile_choose(config);
    *out = (gen_kernel){
        .block = tile.block,
        .tile_q = tile.tile_q,
        .tile_k = tile.tile_k,
        .hdqk_pad = tile.hdqk_pad,
        .hdv_pad = tile.hdv_pad,
        .lds_bytes = tile.lds_bytes,
        .waves_per_simd = tile.waves_per_simd,
        .grid_rule = grid_rule,
        .args = args,
        .num_args = NUM_ARGS,
        .kernarg_bytes = args[NUM_ARGS - 1].offset + args[NUM_ARGS - 1].size,
    };
    print_symbol(config, out->symbol);
}

const char *gen_options(const gen_config *config)
{
    return config->arch->options;
}

const char *gen_digest(void)
{
    return gen_embedded_digest;
}
