/* Configuration -> translation unit: prologue, fragments, one template. */
#include "gen/internal.h"

static const gen_embedded *find_embedded(const char *name)
{
    for (size_t i = 0; i < gen_embedded_count; i++)
        if (strcmp(gen_embedded_files[i].name, name) == 0)
            return &gen_embedded_files[i];
    return NULL;
}

/* #line makes the compiler's messages name the file in the source tree. */
static bool add_file(gen_buffer *b, const char *name)
{
    const gen_embedded *file = find_embedded(name);
    if (!file)
        return false;
    gen_buffer_printf(b, "#line 1 \"templates/%s\"\n", name);
    gen_buffer_add(b, file->data, file->size);
    if (file->size > 0 && file->data[file->size - 1] != '\n')
        gen_buffer_add(b, "\n", 1);
    return true;
}

static void add_arch(gen_buffer *b, const gen_arch *arch)
{
    static const int cdna[] = {
        [GEN_MFMA_NONE] = 0,
        [GEN_MFMA_CDNA2] = 2,
        [GEN_MFMA_CDNA3] = 3,
        [GEN_MFMA_CDNA4] = 4,
    };
    gen_buffer_printf(b, "#define AITER_CDNA %d\n", cdna[arch->mfma]);
    gen_buffer_printf(b, "#define AITER_GFX \"%s\"\n", arch->name);
    gen_buffer_printf(b, "#define AITER_DS_READ_TR %d\n", arch->ds_read_tr);
    gen_buffer_printf(b, "#define AITER_CVT_PK_BF16 %d\n", arch->cvt_pk_bf16);
    gen_buffer_printf(b, "#define AITER_DIRECT_LDS_BYTES %d\n", arch->direct_lds_bytes);
    gen_buffer_printf(b, "constexpr int NUM_XCDS = %d;\n", arch->num_xcds);
    gen_buffer_printf(b, "constexpr int WAVE_SIZE = %d;\n", arch->wave_size);
}

static void add_dtype(gen_buffer *b, gen_dtype dtype)
{
    static const struct {
        const char *macro, *type;
    } dtypes[] = {
        [GEN_FP16] = { "AITER_DTYPE_FP16", "_Float16" },
        [GEN_BF16] = { "AITER_DTYPE_BF16", "__bf16" },
        [GEN_FP32] = { "AITER_DTYPE_FP32", "float" },
    };
    gen_buffer_printf(b, "#define %s 1\n", dtypes[dtype].macro);
    gen_buffer_printf(b, "using elem_t = %s;\n", dtypes[dtype].type);
}

static void add_shapes(gen_buffer *b, const gen_config *config, const gen_kernel *kernel)
{
    const struct {
        const char *name;
        int value;
    } shapes[] = {
        { "BLOCK", kernel->block },     { "TILE_Q", kernel->tile_q },
        { "TILE_K", kernel->tile_k },   { "HDQK", config->hdqk },
        { "HDV", config->hdv },         { "HDQK_PAD", kernel->hdqk_pad },
        { "HDV_PAD", kernel->hdv_pad }, { "LDS_BYTES", kernel->lds_bytes },
        { "GQA", config->gqa },           { "WAVES_PER_SIMD", kernel->waves_per_simd },
        { "ROWS", config->rows },         { "ROTARY_DIM", config->rotary_dim },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (shapes[i].value) /* 0: the operation has no such thing */
            gen_buffer_printf(b, "constexpr int %s = %d;\n", shapes[i].name, shapes[i].value);
    gen_buffer_printf(b, "constexpr bool CAUSAL = %s;\n",
                      config->mask == GEN_MASK_CAUSAL ? "true" : "false");
    gen_buffer_printf(b, "constexpr bool LSE = %s;\n", config->lse ? "true" : "false");
}

static void add_features(gen_buffer *b, const gen_config *config)
{
    unsigned features = gen_features(config);
    const gen_feature_rule *rule;
    for (size_t i = 0; (rule = gen_feature_at(i)); i++)
        if (features & rule->feature)
            gen_buffer_printf(b, "#define %s 1\n", rule->macro);
    if (config->block_size)
        gen_buffer_printf(b, "constexpr int BLOCK_SIZE = %d;\n", config->block_size);
    if (config->block_mask)
        gen_buffer_printf(b, "constexpr int BLOCK_MASK = %d;\n", config->block_mask);
}

static void add_declaration(gen_buffer *b, const gen_arg *arg)
{
    const char *space = arg->type[strlen(arg->type) - 1] == '*' ? "" : " ";
    gen_buffer_printf(b, "%s%s%s", arg->type, space, arg->name);
}

static void add_signature(gen_buffer *b, const gen_kernel *kernel)
{
    gen_buffer_printf(b, "#define KERNEL_NAME %s\n", kernel->symbol);
    gen_buffer_printf(b, "#define KERNEL_ARGS");
    for (size_t i = 0; i < kernel->num_args; i++) {
        gen_buffer_printf(b, " \\\n    ");
        add_declaration(b, &kernel->args[i]);
        gen_buffer_printf(b, i + 1 < kernel->num_args ? "," : "\n");
    }
}

static void add_struct(gen_buffer *b, const char *name, const gen_arg *args, size_t count)
{
    gen_buffer_printf(b, "struct %s {\n", name);
    for (size_t i = 0; i < count; i++) {
        gen_buffer_printf(b, "    ");
        add_declaration(b, &args[i]);
        gen_buffer_printf(b, ";\n");
    }
    gen_buffer_printf(b, "};\n");
}

/* The arguments that not every kernel has, as a structure that functions can be given; and all of
 * them, as they are in memory. */
static void add_variant_args(gen_buffer *b, const gen_kernel *kernel)
{
    size_t first = kernel->num_common_args;
    if (first == kernel->num_args)
        return;
    add_struct(b, "kernel_args", kernel->args, kernel->num_args);
    add_struct(b, "variant_args", kernel->args + first, kernel->num_args - first);
    gen_buffer_printf(b, "#define VARIANT_ARGS variant_args{");
    for (size_t i = first; i < kernel->num_args; i++)
        gen_buffer_printf(b, " %s%s", kernel->args[i].name,
                          i + 1 < kernel->num_args ? "," : " }\n");
}

static void add_prologue(gen_buffer *b, const gen_config *config)
{
    char text[GEN_TEXT_MAX];
    gen_kernel kernel;
    gen_config_print(config, text);
    gen_kernel_describe(config, &kernel);

    gen_buffer_printf(b, "#line 1 \"prologue\"\n// %s\n", text);
    add_arch(b, config->arch);
    add_dtype(b, config->dtype);
    add_shapes(b, config, &kernel);
    add_features(b, config);
    add_signature(b, &kernel);
    add_variant_args(b, &kernel);
}

/* ---- Fragments ---- */

/* The caller's text as the value of a function. The compiler's messages name it and the place in it; it
 * is one operand in brackets (gen_expression()), whatever comment it ends with. */
static void add_mod(gen_buffer *b, const char *name, const char *type, const char *first_arg,
                    const char *trait, const char *expected, const char *text)
{
    if (!text)
        return;
    gen_buffer_printf(b,
                      "#line 1 \"expressions\"\n"
                      "namespace mods {\nINLINE %s %s(%sMOD_ARGS)\n{\n    const auto value = (\n"
                      "#line 1 \"%s\"\n%s\n)\n#line 1 \"expressions\"\n    ;\n"
                      "    static_assert(%s, \"%s: expected %s\");\n    return value;\n}\n}\n",
                      type, name, first_arg, name, text, trait, name, expected);
}

static bool add_mods(gen_buffer *b, const gen_config *config)
{
    add_mod(b, "score_mod", "float", "float score, ", "__is_convertible(decltype(value), float)",
            "a number", config->score_mod);
    add_mod(b, "mask_mod", "bool", "", "__is_integral(decltype(value))", "a bool or an integer",
            config->mask_mod);
    return true;
}

/* What comes between the prologue and the template, for the operations (bit o: operation o) and of
 * these for kernels that have one of the features; 0: all. Without a file: the caller's expressions. */
enum {
    FWD = 1u << GEN_FMHA_FWD,
    ATTN = FWD | 1u << GEN_FMHA_DECODE,
    CACHED = ATTN | 1u << GEN_KV_APPEND,
    EVERY = ~0u >> 1
};

static const struct {
    const char *file;
    unsigned ops, needs;
    bool matrix; /* only for the matrix units */
} fragments[] = {
    { "prelude.h", EVERY, 0, false },
    { "work.h", ATTN, 0, false },
    { "splits.h", FWD, GEN_WITH_SPLIT_KEYS, false },
    { "mods.h", ATTN, GEN_WITH_MODS, false },
    { NULL, ATTN, GEN_WITH_MODS, false },
    { "scores.h", ATTN, GEN_WITH_SCORES, false },
    { "fp8.h", ATTN, GEN_WITH_FP8_KV, false },
    { "pages.h", FWD, GEN_WITH_PAGES, false },
    { "blocks.h", FWD, GEN_WITH_BLOCK_MASK, false },
    { "rotary.h", CACHED, GEN_WITH_ROTARY, false },
    { "matrix.h", ATTN, 0, true },
};

static bool has_fragment(size_t i, const gen_config *config)
{
    unsigned needs = fragments[i].needs;
    return fragments[i].ops >> config->op & 1 && (!needs || needs & gen_features(config)) &&
           (!fragments[i].matrix || config->dtype != GEN_FP32);
}

static bool add_fragment(gen_buffer *b, const char *file, const gen_config *config)
{
    return file ? add_file(b, file) : add_mods(b, config);
}

char *gen_render(const gen_config *config)
{
    gen_buffer b = { 0 };
    bool ok = true;
    add_prologue(&b, config);
    for (size_t i = 0; i < sizeof fragments / sizeof fragments[0]; i++)
        if (has_fragment(i, config))
            ok = ok && add_fragment(&b, fragments[i].file, config);
    if (!ok || !add_file(&b, gen_tile_choose(config).template_file))
        b.failed = true;
    return gen_buffer_finish(&b);
}
