/* The state of one wave and the decoded form of one instruction: what every execution function
 * sees.
 *
 * Execution functions live in sim/exec_*.c. Each of those files is compiled once per host ISA level
 * (baseline, x86-64-v3, x86-64-v4); the best one is chosen at load. So everything in them is static
 * but for one table,
 *
 *     const sim_op SIM_TABLE(ds)[] = {
 *         {"ds_read_b32", "Db32 Sb32", ds_read_b32, .aux = 0},
 *         {0}};
 *
 * whose name is listed in SIM_TABLES below. The program builder finds the row by mnemonic (without
 * the encoding suffixes _e32, _e64, _dpp, _sdwa) and by the number of operands in the text; several
 * rows may share a name. */
#ifndef SIM_WAVE_H
#define SIM_WAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_LANES 64
#define SIM_VGPRS 512 /* unified file: v0..v255, then a0..a255 */
#define SIM_AGPR0 256 /* index of a0 in the unified file */

/* Archs, ordered by age: "arch >= SIM_GFX942" reads well. */
typedef enum sim_arch { SIM_GFX90A, SIM_GFX942, SIM_GFX950 } sim_arch;

/* Scalar registers are numbered as the scalar source operand encoding numbers them, so that special
 * registers are entries of the same array. */
enum {
    SIM_FLAT_SCRATCH = 102,
    SIM_XNACK_MASK = 104,
    SIM_VCC = 106,
    SIM_TTMP0 = 108,
    SIM_M0 = 124,
    SIM_NULL = 125, /* not a register: nothing writes it */
    SIM_EXEC = 126,
    SIM_SHARED_BASE = 235,
    SIM_SHARED_LIMIT = 236,
    SIM_PRIVATE_BASE = 237,
    SIM_PRIVATE_LIMIT = 238,
    SIM_VCCZ = 251,
    SIM_EXECZ = 252,
    SIM_SCC = 253,
    SIM_SREGS = 256
};

/* Apertures of generic (flat) addresses: an address whose high dword is one of these means LDS or
 * scratch. They are what src_shared_base and src_private_base read (as the high dword of a 64-bit
 * operand). */
#define SIM_SHARED_APERTURE_HI 0x10000u
#define SIM_PRIVATE_APERTURE_HI 0x20000u

typedef struct sim_wave sim_wave;
typedef struct sim_inst sim_inst;
typedef struct sim_program sim_program;
typedef struct sim_workgroup sim_workgroup;
typedef struct sim_landing sim_landing;

typedef void (*sim_exec_fn)(sim_wave *w, const sim_inst *inst);

/* An access to LDS or to global memory; lane -1: scalar. */
typedef void (*sim_access_fn)(sim_wave *w, const sim_inst *inst, bool lds, int lane,
                              uint64_t address, unsigned size, bool write);

enum { SIM_MODE_GPR_IDX_EN = 1 << 27 };

/* ---- decoded instructions ---- */

typedef enum sim_kind {
    SIM_NONE,  /* operand absent */
    SIM_SGPR,  /* w->s[reg] .. : SGPRs and specials: vcc, exec, m0, scc ... */
    SIM_VGPR,  /* w->v[reg] .. : VGPRs and AGPRs (reg >= SIM_AGPR0) */
    SIM_CONST, /* value, and lanes: constant, converted to the operand's type */
    SIM_OFF,   /* the word "off": no address register */
    SIM_IMM    /* a plain integer, not a source value: simm16, hwreg, message ... */
} sim_kind;

/* Operand types decide how wide an operand is and what the inline constant 1.0 means. */
typedef enum sim_type {
    SIM_B16,
    SIM_F16,
    SIM_BF16,
    SIM_B32,
    SIM_F32,
    SIM_B64,
    SIM_I64,
    SIM_F64,
    SIM_PK16,
    SIM_PKBF16,
    SIM_PKF32,
    SIM_B96,
    SIM_B128,
    SIM_B160,
    SIM_B192,
    SIM_B256,
    SIM_B512,
    SIM_B1024,
    SIM_ANY
} sim_type;

enum {
    SIM_NEG = 1,
    SIM_ABS = 2,
    SIM_SEXT = 4,     /* written at the operand */
    SIM_HALF = 8,     /* op_sel selects the high half of this source   */
    SIM_PERMUTED = 16 /* DPP permutes the lanes of this source         */
};

typedef struct sim_operand {
    uint8_t kind;          /* sim_kind */
    uint8_t type;          /* sim_type, from the table's form */
    uint8_t width;         /* dwords, as written in the text for registers: v[2:3] is 2 */
    uint8_t mods;          /* SIM_NEG ... */
    uint16_t reg;          /* first register: index into w->s or w->v */
    uint8_t sdwa_sel;      /* SIM_SDWA_* of this source */
    uint8_t plain;         /* mods and sdwa_sel are 0 */
    uint64_t value;        /* SIM_CONST, SIM_IMM */
    const uint32_t *lanes; /* SIM_CONST: low dword in 64 lanes, then the high dword in 64 lanes */
} sim_operand;

/* Modifier flags. */
enum {
    SIM_F_GLC = 1 << 0,
    SIM_F_SLC = 1 << 1,
    SIM_F_SC0 = 1 << 2,
    SIM_F_SC1 = 1 << 3,
    SIM_F_NT = 1 << 4,
    SIM_F_LDS = 1 << 5,
    SIM_F_OFFEN = 1 << 6,
    SIM_F_IDXEN = 1 << 7,
    SIM_F_TFE = 1 << 8,
    SIM_F_GDS = 1 << 9,
    SIM_F_CLAMP = 1 << 10,
    SIM_F_DPP = 1 << 11,
    SIM_F_SDWA = 1 << 12,
    SIM_F_BOUND_CTRL = 1 << 13,
    SIM_F_OP_SEL = 1 << 14,    /* op_sel was written    */
    SIM_F_OP_SEL_HI = 1 << 15, /* op_sel_hi was written */
    SIM_F_E64 = 1 << 16        /* the mnemonic ended in _e64 */
};

enum {
    SIM_SDWA_DWORD,
    SIM_SDWA_BYTE0,
    SIM_SDWA_BYTE1,
    SIM_SDWA_BYTE2,
    SIM_SDWA_BYTE3,
    SIM_SDWA_WORD0,
    SIM_SDWA_WORD1
};
enum { SIM_UNUSED_PAD, SIM_UNUSED_SEXT, SIM_UNUSED_PRESERVE };

#define SIM_MAX_OPERANDS 6

struct sim_inst {
    sim_exec_fn exec;
    const struct sim_op *op; /* NULL: unknown; exec then reports it */
    uint32_t flags;          /* SIM_F_* */
    uint32_t aux;            /* from the table row */
    int32_t offset;          /* offset:N (signed on flat/global/scratch), or offset0 */
    uint16_t offset1;        /* offset1:N */
    uint8_t num_ops;
    uint8_t omod;           /* 0 none, 1 *2, 2 *4, 3 /2 */
    uint8_t op_sel;         /* bit i: source i; bit 3: destination */
    uint8_t op_sel_hi;      /* bit i: source i; all ones if not written */
    uint8_t neg_lo, neg_hi; /* bit i: source i */
    uint8_t cbsz, abid, blgp;
    uint8_t dst_sel, dst_unused; /* SDWA */
    uint8_t row_mask, bank_mask; /* DPP */
    uint8_t bitop3;              /* truth table */
    uint16_t dpp_ctrl; /* as encoded: quad_perm 0x00-0xff, row_shl 0x101.., see exec_valu */
    uint16_t size;     /* bytes of the encoding */
    uint8_t bad_form;  /* the row's form does not fit the operands */
    uint8_t fp_class;  /* SIM_FP_* : which MODE fields apply */
    uint64_t enc;      /* first two dwords of the encoding */
    uint64_t pc;       /* device address */
    const char *text;  /* for messages: mnemonic and operands */
    sim_operand ops[SIM_MAX_OPERANDS]; /* destination(s) first, in text order */
    const sim_inst *target;            /* branch target, NULL if outside the program */
};

enum { SIM_FP_NONE, SIM_FP_SP, SIM_FP_DP };

/* One row of a table. form: operand roles and types in text order, separated by one space.
 * Role: D destination, S source, I plain integer (any text; the encoding in inst->enc is
 * authoritative). Type: b16 f16 bf16 b32 f32 b64 i64 f64 pk16 pkbf16 pkf32 b96 b128 b160 b192 b256
 * b512 b1024 any. "any" accepts every width and "off". A register whose width differs from the
 * type's makes the row not match (16-bit types are one register wide). An empty form means no
 * operands. */
typedef struct sim_op {
    const char *name;
    const char *form;
    sim_exec_fn exec;
    uint32_t aux;     /* free for the exec function: size, count, signedness ... */
    uint8_t fp_class; /* SIM_FP_* */
    uint8_t min_arch; /* sim_arch this row starts at */
    uint8_t max_arch; /* last sim_arch, 0: all later ones (so a gfx90a-only row says so through
                         `only_gfx90a`) */
    uint8_t only_gfx90a;
} sim_op;

/* The tables, one per exec file: exec_<name>.c defines SIM_TABLE(name). */
#define SIM_TABLES(X) X(salu) X(smem) X(valu) X(valu_fp) X(valu_pk) X(valu_cvt) X(ds) X(mem) X(mfma)

#ifndef SIM_ISA
#define SIM_ISA base
#endif
#define SIM_CAT2(a, b) a##b
#define SIM_CAT(a, b) SIM_CAT2(a, b)
#define SIM_TABLE(name) SIM_CAT(sim_table_##name##_, SIM_ISA)
#define SIM_DECLARE_TABLE(name)                                                                    \
    extern const sim_op sim_table_##name##_base[], sim_table_##name##_v3[], sim_table_##name##_v4[];
SIM_TABLES(SIM_DECLARE_TABLE)

/* ---- wave state ---- */

typedef enum sim_wave_state {
    SIM_RUNNING,
    SIM_AT_BARRIER,
    SIM_AT_WAIT, /* s_waitcnt: for loads that write LDS (landing.h) */
    SIM_ENDED,
    SIM_FAULTED
} sim_wave_state;

#define SIM_MAX_LANDINGS 64 /* vmcnt counts to 63 */

struct sim_wave {
    _Alignas(64) uint32_t v[SIM_VGPRS][SIM_LANES];
    _Alignas(64) uint32_t s[SIM_SREGS]; /* s[SIM_SCC] is 0 or 1; vcc, exec are pairs */
    const sim_inst *next;               /* the next instruction; a branch changes it */
    sim_wave_state state;
    sim_arch arch;
    uint32_t mode; /* hardware register MODE: FP_ROUND 3:0, FP_DENORM 7:4, DX10_CLAMP 8, IEEE 9 */
    bool mode_default; /* round to nearest even, denormals kept: the host's own mode */
    unsigned index;    /* wave in workgroup */
    sim_workgroup *wg;
    const sim_program *program;
    /* Scratch of this wave: byte o of lane l is at scratch + (o / 4) * 256 + l * 4 + o % 4 (the
     * interleaving of the hardware's scratch buffer resource: swizzled, index stride 64, element
     * size 4, add_tid). */
    uint8_t *scratch;
    uint32_t scratch_bytes; /* per lane */
    uint64_t executed;      /* wave instructions */
    /* Loads on their way to LDS, a ring. */
    uint64_t vm_issued; /* memory instructions that vmcnt counts */
    unsigned vm_wait;   /* SIM_AT_WAIT: how many of them may be outstanding */
    unsigned first_landing, num_landings;
    sim_landing *landings; /* SIM_MAX_LANDINGS */
    sim_access_fn access;    /* told of every memory access; NULL: nobody listens */
    struct sim_check *check; /* NULL: nothing is checked (check.h) */
    void *timing;            /* the timing model's own */
};

struct sim_error;
struct sim_dispatch;

struct sim_workgroup {
    uint8_t *lds;
    uint32_t lds_bytes;
    uint32_t id[3];
    unsigned num_waves;
    sim_wave *waves;
    const struct sim_dispatch *dispatch;
    struct sim_error *error;
};

/* Stops the wave (and with it the kernel) with a message; lane -1 or address 0 where they mean
 * nothing. The first fault of a workgroup is kept. The caller returns after it. */
void sim_fault(sim_wave *w, const sim_inst *inst, int lane, uint64_t address, const char *format,
               ...) __attribute__((format(printf, 5, 6), cold));

/* Execution functions tell the checkers and the timing model which memory they are about to
 * access. */
static inline void sim_note(sim_wave *w, const sim_inst *inst, bool lds, int lane, uint64_t address,
                            unsigned size, bool write)
{
    if (__builtin_expect(w->access != NULL, 0))
        w->access(w, inst, lds, lane, address, size, write);
}

static inline uint64_t sim_sreg64(const sim_wave *w, unsigned reg)
{
    return (uint64_t)w->s[reg + 1] << 32 | w->s[reg];
}

static inline void sim_set_sreg64(sim_wave *w, unsigned reg, uint64_t value)
{
    w->s[reg] = (uint32_t)value;
    w->s[reg + 1] = (uint32_t)(value >> 32);
}

static inline uint64_t sim_exec_mask(const sim_wave *w)
{
    return sim_sreg64(w, SIM_EXEC);
}

/* Wave-uniform value of a scalar operand (SGPR, constant). */
static inline uint32_t sim_scalar32(const sim_wave *w, const sim_operand *o)
{
    return o->kind == SIM_SGPR ? w->s[o->reg] : (uint32_t)o->value;
}

static inline uint64_t sim_scalar64(const sim_wave *w, const sim_operand *o)
{
    return o->kind == SIM_SGPR ? sim_sreg64(w, o->reg) : o->value;
}

#endif
