/* Text of LLVM's disassembler -> decoded instruction. Syntax: LLVM, "Syntax of AMDGPU Instruction
 * Operands" and
 * "... Modifiers". What the text leaves out or spells symbolically (branch targets, wait counts,
 * hwreg) is taken from the encoding in the comment.
 *
 * The text may be anything: every step checks what it reads, and an operand or modifier that is not
 * understood makes the instruction an unknown one, which is reported when it is executed. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/program.h"

typedef struct span {
    const char *p;
    size_t n;
} span;

static bool span_is(span s, const char *word)
{
    return strlen(word) == s.n && memcmp(s.p, word, s.n) == 0;
}

static bool span_starts(span s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && memcmp(s.p, word, n) == 0;
}

static span span_trim(span s)
{
    while (s.n && isspace((unsigned char)s.p[0])) s.p++, s.n--;
    while (s.n && isspace((unsigned char)s.p[s.n - 1])) s.n--;
    return s;
}

/* Decimal or 0x hexadecimal integer over the whole span. */
static bool span_integer(span s, int64_t *value)
{
    bool negative = s.n && s.p[0] == '-';
    size_t i = negative;
    unsigned base = 10;
    uint64_t v = 0;

    if (s.n >= i + 2 && s.p[i] == '0' && s.p[i + 1] == 'x')
        base = 16, i += 2;
    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        unsigned d = isdigit(c)    ? (unsigned)c - '0'
                     : isxdigit(c) ? (unsigned)tolower(c) - 'a' + 10
                                   : 99;
        if (d >= base || v > UINT64_MAX / base)
            return false;
        v = v * base + d;
    }
    *value = (int64_t)(negative ? 0 - v : v);
    return true;
}

/* ---- operands ---- */

typedef struct special {
    const char *name;
    uint16_t reg;
    uint8_t width;
} special;

static const special specials[] = {
    {"vcc", SIM_VCC, 2},
    {"vcc_lo", SIM_VCC, 1},
    {"vcc_hi", SIM_VCC + 1, 1},
    {"exec", SIM_EXEC, 2},
    {"exec_lo", SIM_EXEC, 1},
    {"exec_hi", SIM_EXEC + 1, 1},
    {"m0", SIM_M0, 1},
    {"null", SIM_NULL, 1},
    {"scc", SIM_SCC, 1},
    {"src_scc", SIM_SCC, 1},
    {"vccz", SIM_VCCZ, 1},
    {"src_vccz", SIM_VCCZ, 1},
    {"execz", SIM_EXECZ, 1},
    {"src_execz", SIM_EXECZ, 1},
    {"flat_scratch", SIM_FLAT_SCRATCH, 2},
    {"flat_scratch_lo", SIM_FLAT_SCRATCH, 1},
    {"flat_scratch_hi", SIM_FLAT_SCRATCH + 1, 1},
    {"xnack_mask", SIM_XNACK_MASK, 2},
    {"xnack_mask_lo", SIM_XNACK_MASK, 1},
    {"xnack_mask_hi", SIM_XNACK_MASK + 1, 1},
    {"src_shared_base", SIM_SHARED_BASE, 2},
    {"shared_base", SIM_SHARED_BASE, 2},
    {"src_shared_limit", SIM_SHARED_LIMIT, 2},
    {"shared_limit", SIM_SHARED_LIMIT, 2},
    {"src_private_base", SIM_PRIVATE_BASE, 2},
    {"private_base", SIM_PRIVATE_BASE, 2},
    {"src_private_limit", SIM_PRIVATE_LIMIT, 2},
    {"private_limit", SIM_PRIVATE_LIMIT, 2},
};

/* Floating-point inline constants in every format (ISA guide, "Scalar Operands", 240..248). */
typedef struct float_const {
    const char *text;
    uint16_t f16, bf16;
    uint32_t f32;
    uint64_t f64;
} float_const;

static const float_const float_consts[] = {
    {"0.5", 0x3800, 0x3f00, 0x3f000000, 0x3fe0000000000000},
    {"1.0", 0x3c00, 0x3f80, 0x3f800000, 0x3ff0000000000000},
    {"2.0", 0x4000, 0x4000, 0x40000000, 0x4000000000000000},
    {"4.0", 0x4400, 0x4080, 0x40800000, 0x4010000000000000},
    {"0.15915494", 0x3118, 0x3e22, 0x3e22f983, 0x3fc45f306dc9c882},
    {"0.159154943", 0x3118, 0x3e22, 0x3e22f983, 0x3fc45f306dc9c882},
    {"0.15915494309189532", 0x3118, 0x3e22, 0x3e22f983, 0x3fc45f306dc9c882},
    {"0.1591", 0x3118, 0x3e22, 0x3e22f983, 0x3fc45f306dc9c882},
    {"0.159180", 0x3118, 0x3e22, 0x3e22f983, 0x3fc45f306dc9c882},
};

static const uint8_t type_width[] = {
    [SIM_B16] = 1,   [SIM_F16] = 1,   [SIM_BF16] = 1,   [SIM_B32] = 1,  [SIM_F32] = 1,
    [SIM_B64] = 2,   [SIM_I64] = 2,   [SIM_F64] = 2,    [SIM_PK16] = 1, [SIM_PKBF16] = 1,
    [SIM_PKF32] = 2, [SIM_B96] = 3,   [SIM_B128] = 4,   [SIM_B160] = 5, [SIM_B192] = 6,
    [SIM_B256] = 8,  [SIM_B512] = 16, [SIM_B1024] = 32, [SIM_ANY] = 0};

static const char *const type_names[] = {
    [SIM_B16] = "b16",   [SIM_F16] = "f16",       [SIM_BF16] = "bf16",   [SIM_B32] = "b32",
    [SIM_F32] = "f32",   [SIM_B64] = "b64",       [SIM_I64] = "i64",     [SIM_F64] = "f64",
    [SIM_PK16] = "pk16", [SIM_PKBF16] = "pkbf16", [SIM_PKF32] = "pkf32", [SIM_B96] = "b96",
    [SIM_B128] = "b128", [SIM_B160] = "b160",     [SIM_B192] = "b192",   [SIM_B256] = "b256",
    [SIM_B512] = "b512", [SIM_B1024] = "b1024",   [SIM_ANY] = "any"};

/* An operand before its type is known. */
typedef struct raw_operand {
    sim_kind kind;
    uint16_t reg;
    uint8_t width, mods;
    bool hex;              /* a literal, not an inline constant */
    bool negative;         /* of a floating constant */
    const float_const *fp; /* SIM_CONST: floating inline constant */
    int64_t value;
    span text;
} raw_operand;

/* 12 or [4:7] after the register file's letter. */
static bool parse_range(span s, unsigned *first, unsigned *count)
{
    int64_t a, b;

    if (s.n >= 3 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
        const char *colon = memchr(s.p, ':', s.n);
        if (!colon) {
            if (!span_integer((span){s.p + 1, s.n - 2}, &a))
                return false;
            b = a;
        } else if (!span_integer((span){s.p + 1, (size_t)(colon - s.p) - 1}, &a) ||
                   !span_integer((span){colon + 1, (size_t)(s.p + s.n - 1 - (colon + 1))}, &b)) {
            return false;
        }
    } else {
        if (!s.n || !isdigit((unsigned char)s.p[0]) || !span_integer(s, &a))
            return false;
        b = a;
    }
    if (a < 0 || b < a || b > 255)
        return false;
    *first = (unsigned)a;
    *count = (unsigned)(b - a) + 1;
    return true;
}

static bool parse_register(span s, raw_operand *out)
{
    unsigned first, count, limit = 256, base = 0;
    size_t letter = 1;

    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (span_is(s, specials[i].name)) {
            out->kind = SIM_SGPR;
            out->reg = specials[i].reg;
            out->width = specials[i].width;
            return true;
        }
    }
    if (span_starts(s, "ttmp"))
        letter = 4, limit = 16, base = SIM_TTMP0, out->kind = SIM_SGPR;
    else if (span_starts(s, "s"))
        limit = SIM_FLAT_SCRATCH, out->kind = SIM_SGPR;
    else if (span_starts(s, "v"))
        out->kind = SIM_VGPR;
    else if (span_starts(s, "a"))
        base = SIM_AGPR0, out->kind = SIM_VGPR;
    else
        return false;
    if (!parse_range((span){s.p + letter, s.n - letter}, &first, &count) || first + count > limit)
        return false;
    out->reg = (uint16_t)(base + first);
    out->width = (uint8_t)count;
    return true;
}

static bool parse_constant(span s, raw_operand *out)
{
    span positive = s;

    out->kind = SIM_CONST;
    if (span_integer(s, &out->value)) {
        out->hex = memchr(s.p, 'x', s.n) != NULL;
        return true;
    }
    if (s.n && s.p[0] == '-')
        positive.p++, positive.n--;
    for (size_t i = 0; i < sizeof float_consts / sizeof float_consts[0]; i++) {
        if (span_is(positive, float_consts[i].text)) {
            out->fp = &float_consts[i];
            out->negative = positive.p != s.p;
            return true;
        }
    }
    return false;
}

/* Peels neg(x), abs(x), sext(x), |x| and a minus sign before a register. */
static span parse_mods(span s, uint8_t *mods)
{
    static const struct {
        const char *open;
        uint8_t bit;
    } calls[] = {{"neg(", SIM_NEG}, {"abs(", SIM_ABS}, {"sext(", SIM_SEXT}};
    bool again = true;

    while (again) {
        again = false;
        s = span_trim(s);
        for (size_t i = 0; i < 3; i++) {
            if (span_starts(s, calls[i].open) && s.p[s.n - 1] == ')') {
                size_t n = strlen(calls[i].open);
                *mods |= calls[i].bit;
                s = (span){s.p + n, s.n - n - 1};
                again = true;
            }
        }
        if (s.n >= 3 && s.p[0] == '|' && s.p[s.n - 1] == '|') {
            *mods |= SIM_ABS;
            s = (span){s.p + 1, s.n - 2};
            again = true;
        } else if (s.n >= 2 && s.p[0] == '-' && !isdigit((unsigned char)s.p[1])) {
            *mods |= SIM_NEG;
            s = (span){s.p + 1, s.n - 1};
            again = true;
        }
    }
    return s;
}

static void parse_operand(span s, raw_operand *out)
{
    memset(out, 0, sizeof *out);
    out->text = s;
    s = parse_mods(s, &out->mods);
    if (span_is(s, "off")) {
        out->kind = SIM_OFF;
        return;
    }
    if (!parse_register(s, out) && !parse_constant(s, out)) {
        memset(out, 0, sizeof *out);
        out->kind = SIM_NONE;
        out->text = s;
    }
}

/* The 64-bit value that an operand of this type reads; a 32-bit operand reads its low half. */
static uint64_t constant_value(const raw_operand *raw, sim_type type)
{
    if (raw->fp) {
        const float_const *f = raw->fp;
        switch (type) {
        case SIM_B16:
        case SIM_F16:
        case SIM_PK16: return (uint64_t)f->f16 ^ (raw->negative ? 0x8000u : 0);
        case SIM_BF16:
        case SIM_PKBF16: return (uint64_t)f->bf16 ^ (raw->negative ? 0x8000u : 0);
        case SIM_B64:
        case SIM_I64:
        case SIM_F64: return f->f64 ^ (raw->negative ? 1ull << 63 : 0);
        default: return (uint64_t)f->f32 ^ (raw->negative ? 1u << 31 : 0);
        }
    }
    if (raw->hex && type == SIM_F64) /* a literal is the high half of a double */
        return (uint64_t)raw->value << 32;
    if (raw->hex && type == SIM_I64)
        return (uint64_t)(int64_t)(int32_t)raw->value;
    return (uint64_t)raw->value;
}

/* ---- modifiers ---- */

typedef struct flag_word {
    const char *word;
    uint32_t flag;
} flag_word;

static const flag_word flag_words[] = {
    {"glc", SIM_F_GLC}, {"slc", SIM_F_SLC}, {"sc0", SIM_F_SC0},     {"sc1", SIM_F_SC1},
    {"nt", SIM_F_NT},   {"lds", SIM_F_LDS}, {"offen", SIM_F_OFFEN}, {"idxen", SIM_F_IDXEN},
    {"tfe", SIM_F_TFE}, {"gds", SIM_F_GDS}, {"clamp", SIM_F_CLAMP}, {"scc", SIM_F_SC1},
};

typedef struct dpp_word {
    const char *word;
    uint16_t base;
    uint16_t max; /* value after the colon */
} dpp_word;

/* DPP_CTRL encodings (ISA guide, "DPP"; LLVM, SIDefines.h). */
static const dpp_word dpp_words[] = {
    {"row_shl", 0x100, 15},      {"row_shr", 0x110, 15}, {"row_ror", 0x120, 15},
    {"row_newbcast", 0x150, 15}, {"wave_shl", 0x12f, 1}, {"wave_rol", 0x133, 1},
    {"wave_shr", 0x137, 1},      {"wave_ror", 0x13b, 1},
};

static const char *const sdwa_sels[] = {
    [SIM_SDWA_DWORD] = "DWORD",  [SIM_SDWA_BYTE0] = "BYTE_0", [SIM_SDWA_BYTE1] = "BYTE_1",
    [SIM_SDWA_BYTE2] = "BYTE_2", [SIM_SDWA_BYTE3] = "BYTE_3", [SIM_SDWA_WORD0] = "WORD_0",
    [SIM_SDWA_WORD1] = "WORD_1"};

static const char *const sdwa_unused[] = {[SIM_UNUSED_PAD] = "UNUSED_PAD",
                                          [SIM_UNUSED_SEXT] = "UNUSED_SEXT",
                                          [SIM_UNUSED_PRESERVE] = "UNUSED_PRESERVE"};

static bool word_index(span s, const char *const *words, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (span_is(s, words[i])) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* [a,b,c] of at most 4 small integers -> bits; *count elements. */
static bool parse_bits(span s, unsigned bits_each, unsigned *value, unsigned *count)
{
    *value = *count = 0;
    if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    const char *p = s.p + 1, *end = s.p + s.n - 1;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        int64_t v;
        if (*count == 4 || !span_integer(span_trim((span){p, (size_t)(stop - p)}), &v) || v < 0 ||
            v >= 1 << bits_each)
            return false;
        *value |= (unsigned)v << (*count * bits_each);
        ++*count;
        p = stop + 1;
    }
    return true;
}

typedef struct modifiers {
    sim_inst *inst;
    unsigned op_sel_count;
    uint8_t src_sel[2];
} modifiers;

static bool parse_dpp(sim_inst *inst, span name, span value)
{
    unsigned bits, count;
    int64_t v;

    if (span_is(name, "quad_perm")) {
        if (!parse_bits(value, 2, &bits, &count) || count != 4)
            return false;
        inst->dpp_ctrl = (uint16_t)bits;
        inst->flags |= SIM_F_DPP;
        return true;
    }
    if (!span_integer(value, &v) || v < 0)
        return false;
    if (span_is(name, "row_bcast") && (v == 15 || v == 31)) {
        inst->dpp_ctrl = v == 15 ? 0x142 : 0x143;
        inst->flags |= SIM_F_DPP;
        return true;
    }
    for (size_t i = 0; i < sizeof dpp_words / sizeof dpp_words[0]; i++) {
        if (span_is(name, dpp_words[i].word) && v <= dpp_words[i].max) {
            inst->dpp_ctrl = (uint16_t)(dpp_words[i].base + v);
            inst->flags |= SIM_F_DPP;
            return true;
        }
    }
    if (span_is(name, "row_mask") && v < 16)
        return inst->row_mask = (uint8_t)v, true;
    if (span_is(name, "bank_mask") && v < 16)
        return inst->bank_mask = (uint8_t)v, true;
    if (span_is(name, "bound_ctrl"))
        return inst->flags |= SIM_F_BOUND_CTRL, true;
    return false;
}

static bool parse_sdwa(modifiers *m, span name, span value)
{
    sim_inst *inst = m->inst;
    uint8_t *sel = span_is(name, "dst_sel")    ? &inst->dst_sel
                   : span_is(name, "src0_sel") ? &m->src_sel[0]
                   : span_is(name, "src1_sel") ? &m->src_sel[1]
                                               : NULL;

    if (span_is(name, "dst_unused"))
        return word_index(value, sdwa_unused, 3, &inst->dst_unused);
    return sel && word_index(value, sdwa_sels, 7, sel);
}

static bool parse_op_sel(modifiers *m, span name, span value)
{
    sim_inst *inst = m->inst;
    unsigned bits, count;

    if (!parse_bits(value, 1, &bits, &count))
        return false;
    if (span_is(name, "op_sel")) {
        inst->op_sel = (uint8_t)bits;
        inst->flags |= SIM_F_OP_SEL;
        m->op_sel_count = count;
    } else if (span_is(name, "op_sel_hi")) {
        inst->op_sel_hi = (uint8_t)bits;
        inst->flags |= SIM_F_OP_SEL_HI;
    } else if (span_is(name, "neg_lo")) {
        inst->neg_lo = (uint8_t)bits;
    } else if (span_is(name, "neg_hi")) {
        inst->neg_hi = (uint8_t)bits;
    } else {
        return false;
    }
    return true;
}

static bool parse_number(sim_inst *inst, span name, span value)
{
    int64_t v;

    if (span_is(name, "offset") && span_starts(value, "swizzle(")) {
        inst->offset = (int32_t)(inst->enc & 0xffff); /* DS: offset0 and offset1 */
        return true;
    }
    if (!span_integer(value, &v) || v > INT32_MAX || v < INT32_MIN)
        return false;
    if (span_is(name, "offset") || span_is(name, "offset0"))
        inst->offset = (int32_t)v;
    else if (span_is(name, "offset1"))
        inst->offset1 = (uint16_t)v;
    else if (span_is(name, "mul") && (v == 2 || v == 4))
        inst->omod = v == 2 ? 1 : 2;
    else if (span_is(name, "div") && v == 2)
        inst->omod = 3;
    else if (span_is(name, "cbsz"))
        inst->cbsz = (uint8_t)v;
    else if (span_is(name, "abid"))
        inst->abid = (uint8_t)v;
    else if (span_is(name, "blgp"))
        inst->blgp = (uint8_t)v;
    else if (span_is(name, "bitop3"))
        inst->bitop3 = (uint8_t)v;
    else
        return false;
    return true;
}

static bool parse_modifier(modifiers *m, span s)
{
    sim_inst *inst = m->inst;
    const char *colon = memchr(s.p, ':', s.n);

    if (!colon) {
        for (size_t i = 0; i < sizeof flag_words / sizeof flag_words[0]; i++) {
            if (span_is(s, flag_words[i].word))
                return inst->flags |= flag_words[i].flag, true;
        }
        if (span_is(s, "row_mirror") || span_is(s, "row_half_mirror")) {
            inst->dpp_ctrl = span_is(s, "row_mirror") ? 0x140 : 0x141;
            inst->flags |= SIM_F_DPP;
            return true;
        }
        return false;
    }
    span name = {s.p, (size_t)(colon - s.p)}, value = {colon + 1, s.n - name.n - 1};
    if (span_is(name, "blgp") ||
        span_is(name, "neg")) { /* gfx942 f64 MFMA spells blgp as neg:[a,b,c] */
        unsigned bits, count;
        if (parse_bits(value, 1, &bits, &count))
            return inst->blgp = (uint8_t)bits, true;
    }
    return parse_number(inst, name, value) || parse_op_sel(m, name, value) ||
           parse_dpp(inst, name, value) || parse_sdwa(m, name, value);
}

/* ---- the line ---- */

/* Splits at separators that are outside of brackets. */
static span next_piece(span *rest, char separator)
{
    int depth = 0;
    size_t i = 0;

    for (; i < rest->n; i++) {
        char c = rest->p[i];
        depth += (c == '(' || c == '[') - (c == ')' || c == ']');
        if (depth <= 0 && (c == separator || (separator == ' ' && c == '\t')))
            break;
    }
    span piece = {rest->p, i};
    *rest = i < rest->n ? (span){rest->p + i + 1, rest->n - i - 1} : (span){rest->p + i, 0};
    return span_trim(piece);
}

/* "// 000000001900: C00200C0 0000002C": address and up to 4 dwords. */
static bool parse_comment(const char *s, sim_inst *inst)
{
    char *end;
    uint64_t address = strtoull(s, &end, 16);
    unsigned dwords = 0;

    if (end == s || *end != ':')
        return false;
    for (s = end + 1; dwords < 5; dwords++) {
        uint64_t d = strtoull(s, &end, 16);
        if (end == s)
            break;
        if (d > UINT32_MAX)
            return false;
        if (dwords < 2)
            inst->enc |= d << (32 * dwords);
        s = end;
    }
    inst->pc = address;
    inst->size = (uint16_t)(4 * dwords);
    return dwords > 0;
}

static span strip_suffix(span name, sim_inst *inst)
{
    static const struct {
        const char *suffix;
        uint32_t flag;
    } suffixes[] = {{"_e32", 0},
                    {"_e64_dpp", SIM_F_DPP | SIM_F_E64},
                    {"_e64", SIM_F_E64},
                    {"_dpp", SIM_F_DPP},
                    {"_sdwa", SIM_F_SDWA}};

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        size_t n = strlen(suffixes[i].suffix);
        if (name.n > n && memcmp(name.p + name.n - n, suffixes[i].suffix, n) == 0) {
            inst->flags |= suffixes[i].flag;
            name.n -= n;
            break;
        }
    }
    return name;
}

static bool parse_form_token(const char **form, char *role, sim_type *type)
{
    const char *p = *form;

    *role = *p++;
    size_t n = strcspn(p, " ");
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (strlen(type_names[i]) == n && memcmp(type_names[i], p, n) == 0) {
            *type = (sim_type)i;
            *form = p[n] ? p + n + 1 : p + n;
            return true;
        }
    }
    return false;
}

static bool operand_fits(const raw_operand *raw, char role, sim_type type)
{
    if (role == 'I')
        return true;
    switch (raw->kind) {
    case SIM_SGPR:
    case SIM_VGPR:
        /* A 64-bit special may be read as 32 bits by the encoding only; LLVM does not print that.
         */
        return type == SIM_ANY || raw->width == type_width[type];
    case SIM_CONST: return role != 'D';
    case SIM_OFF: return type == SIM_ANY;
    default: return false;
    }
}

static bool form_fits(const char *form, const raw_operand *raw, size_t count)
{
    size_t i = 0;

    for (; *form; i++) {
        char role;
        sim_type type;
        if (i == count || !parse_form_token(&form, &role, &type) ||
            !operand_fits(&raw[i], role, type))
            return false;
    }
    return i == count;
}

static const sim_op *choose_row(const sim_op *const *rows, size_t num_rows, sim_arch arch,
                                const raw_operand *raw, size_t count)
{
    for (size_t r = 0; r < num_rows; r++) {
        const sim_op *op = rows[r];
        if (arch < op->min_arch || (op->max_arch && arch > op->max_arch) ||
            (op->only_gfx90a && arch != SIM_GFX90A))
            continue;
        if (form_fits(op->form, raw, count))
            return op;
    }
    return NULL;
}

/* src_shared_base and its kin: a 64-bit read gives the aperture in the high dword. */
static bool aperture_value(const raw_operand *raw, uint64_t *value)
{
    uint64_t hi = raw->reg == SIM_SHARED_BASE || raw->reg == SIM_SHARED_LIMIT
                      ? SIM_SHARED_APERTURE_HI
                      : SIM_PRIVATE_APERTURE_HI;
    if (raw->kind != SIM_SGPR || raw->reg < SIM_SHARED_BASE || raw->reg > SIM_PRIVATE_LIMIT)
        return false;
    *value = hi << 32;
    if (raw->reg == SIM_SHARED_LIMIT || raw->reg == SIM_PRIVATE_LIMIT)
        *value |= 0xffffffff;
    return true;
}

static bool set_operand(sim_program *program, const raw_operand *raw, char role, sim_type type,
                        sim_operand *o)
{
    uint64_t aperture;

    o->kind = (uint8_t)raw->kind;
    o->type = (uint8_t)type;
    o->width = raw->width;
    o->mods = raw->mods;
    o->reg = raw->reg;
    if (role == 'I') {
        o->kind = SIM_IMM;
        o->value = (uint64_t)raw->value;
        return true;
    }
    if (aperture_value(raw, &aperture)) {
        o->kind = SIM_CONST;
        o->value = aperture;
    } else if (raw->kind == SIM_CONST) {
        o->value = constant_value(raw, type);
        o->width = type_width[type];
    } else {
        return true;
    }
    o->lanes = sim_program_const(program, o->value);
    return o->lanes != NULL;
}

/* The last element of op_sel on an instruction with a selectable destination belongs to the
 * destination; it goes to bit 3, where the encoding has it. */
static void place_op_sel(sim_inst *inst, unsigned elements, unsigned sources)
{
    if (elements == sources + 1 && elements < 4 && (inst->op_sel >> sources & 1))
        inst->op_sel = (uint8_t)((inst->op_sel & ~(1u << sources)) | 8);
}

static void set_source_modifiers(sim_inst *inst, sim_operand *o, unsigned source,
                                 const modifiers *m)
{
    if (inst->op_sel >> source & 1)
        o->mods |= SIM_HALF;
    if (inst->flags & SIM_F_DPP && source == 0)
        o->mods |= SIM_PERMUTED;
    if (inst->flags & SIM_F_SDWA && source < 2)
        o->sdwa_sel = m->src_sel[source];
    o->plain = !o->mods && o->sdwa_sel == SIM_SDWA_DWORD;
}

static int fill(sim_program *program, sim_inst *inst, const sim_op *op, const raw_operand *raw,
                size_t count, const modifiers *m)
{
    const char *form = op->form;
    unsigned sources = 0, source_op[SIM_MAX_OPERANDS];

    for (size_t i = 0; i < count; i++) {
        char role;
        sim_type type;
        parse_form_token(&form, &role, &type);
        if (!set_operand(program, &raw[i], role, type, &inst->ops[i]))
            return -1;
        if (role == 'S')
            source_op[sources++] = (unsigned)i;
    }
    inst->num_ops = (uint8_t)count;
    inst->op = op;
    inst->exec = op->exec;
    inst->aux = op->aux;
    inst->fp_class = op->fp_class;
    place_op_sel(inst, m->op_sel_count, sources);
    for (unsigned i = 0; i < sources; i++)
        set_source_modifiers(inst, &inst->ops[source_op[i]], i, m);
    return 0;
}

/* Operands and modifiers after the mnemonic. Returns the number of operands, or -1 if a part is not
 * understood. */
static int parse_operands(span rest, raw_operand *raw, modifiers *m, bool scalar)
{
    int count = 0;

    rest = span_trim(rest);
    while (rest.n) {
        span piece = next_piece(&rest, ',');
        bool last = rest.n == 0;
        if (last) { /* the last operand, then modifiers */
            span tail = piece;
            piece = next_piece(&tail, ' ');
            while ((tail = span_trim(tail)).n) {
                span word = next_piece(&tail, ' ');
                if (!parse_modifier(m, word) && !scalar)
                    return -1;
            }
        }
        /* Without operands the first word may be a modifier already. */
        if (count == 0 && last && parse_modifier(m, piece))
            break;
        if (count == SIM_MAX_OPERANDS)
            return -1;
        parse_operand(piece, &raw[count++]);
    }
    return count;
}

static bool take_comment(char *line, sim_inst *inst)
{
    char *comment = strstr(line, "//");

    if (!comment || !parse_comment(comment + 2, inst))
        return false;
    *comment = 0;
    for (char *end = comment; end > line && isspace((unsigned char)end[-1]);) *--end = 0;
    return true;
}

int sim_parse_line(sim_program *program, char *line, sim_inst *inst, char *error, size_t error_size)
{
    raw_operand raw[SIM_MAX_OPERANDS];
    modifiers m = {.inst = inst};

    memset(inst, 0, sizeof *inst);
    inst->exec = sim_exec_unknown;
    inst->op_sel_hi = 7;
    inst->row_mask = inst->bank_mask = 15;
    if (!take_comment(line, inst)) {
        snprintf(error, error_size, "no \"// ADDRESS: ENCODING\" after \"%.60s\"", line);
        return -1;
    }
    while (isspace((unsigned char)*line)) line++;
    inst->text = line;

    span rest = {line, strlen(line)}, name = next_piece(&rest, ' ');
    bool scalar = span_starts(name, "s_") && !span_starts(name, "s_load") &&
                  !span_starts(name, "s_buffer") && !span_starts(name, "s_store");
    name = strip_suffix(name, inst);
    size_t num_rows;
    const sim_op *const *rows = sim_find_ops(name.p, name.n, &num_rows);
    if (!num_rows)
        return 0;
    int count = parse_operands(rest, raw, &m, scalar);
    const sim_op *op =
        count < 0 ? NULL : choose_row(rows, num_rows, program->arch, raw, (size_t)count);
    if (!op) {
        inst->bad_form = 1;
        return 0;
    }
    if (fill(program, inst, op, raw, (size_t)count, &m)) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    return 0;
}
