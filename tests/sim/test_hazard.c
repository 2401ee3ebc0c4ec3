/* Hazards: pairs of instructions with the wait states that must lie between them, on each arch.
 *
 * The expected numbers are facts of LLVM's own tests, which say how many s_nop the hazard
 * recognizer puts between the two: mai-hazards-gfx90a.mir and mai-hazards-gfx942.mir (which has
 * gfx950 too) in llvm/test/CodeGen/AMDGPU; a case has the name of the test there. Those without a
 * name are rows of the ISA guides' table "Manually Inserted Wait States". Each pair must be found
 * one wait state short of the number, and must not be found with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "sim/check_state.h"

enum { NONE = -1 }; /* NONE: the arch does not have these instructions */

typedef struct hazard {
    const char *name, *first, *then;
    int states[3]; /* gfx90a, gfx942, gfx950 */
} hazard;

#define ALL(n) {n, n, n}
#define G90A(n) {n, NONE, NONE}
#define G94(n, m) {NONE, n, m}

/* Shorthands of instructions that come often: d is the result, c the accumulator. */
#define M90_4(d, a, b, c) "v_mfma_f32_4x4x1f32 " d ", " a ", " b ", " c
#define M90_16(d, a, b, c) "v_mfma_f32_16x16x1f32 " d ", " a ", " b ", " c
#define M90_32(d, a, b, c) "v_mfma_f32_32x32x2f32 " d ", " a ", " b ", " c
#define D90_4(d, a, b, c) "v_mfma_f64_4x4x4f64 " d ", " a ", " b ", " c
#define D90_16(d, a, b, c) "v_mfma_f64_16x16x4f64 " d ", " a ", " b ", " c
#define S4(d, a, b, c) "v_mfma_f32_4x4x1_16b_f32 " d ", " a ", " b ", " c
#define S16(d, a, b, c) "v_mfma_f32_16x16x1_4b_f32 " d ", " a ", " b ", " c
#define S32(d, a, b, c) "v_mfma_f32_32x32x1_2b_f32 " d ", " a ", " b ", " c
#define X4(d, a, b, c) "v_mfma_i32_4x4x4_16b_i8 " d ", " a ", " b ", " c
#define X16(d, a, b, c) "v_mfma_i32_16x16x4_4b_i8 " d ", " a ", " b ", " c
#define X16_4(d, a, b, c) "v_mfma_i32_16x16x32_i8 " d ", " a ", " b ", " c
#define X32(d, a, b, c) "v_mfma_f32_32x32x4_2b_f16 " d ", " a ", " b ", " c
#define X32_8(d, a, b, c) "v_mfma_f32_32x32x8_f16 " d ", " a ", " b ", " c
#define D4(d, a, b, c) "v_mfma_f64_4x4x4_4b_f64 " d ", " a ", " b ", " c
#define D16(d, a, b, c) "v_mfma_f64_16x16x4_f64 " d ", " a ", " b ", " c
#define SMFMAC(d, a, b, i) "v_smfmac_f32_16x16x32_f16 " d ", " a ", " b ", " i
#define SMFMAC32(d, a, b, i) "v_smfmac_i32_32x32x32_i8 " d ", " a ", " b ", " i

static const hazard hazards[] = {
    /* ---- mai-hazards-gfx90a.mir ---- */
    {"valu_write_vgpr_sgemm_mfma_read", "v_mov_b32_e32 v1, 1",
     M90_4("a[0:3]", "v1", "v0", "a[0:3]"), G90A(2)},
    {"valu_write_agpr_sgemm_mfma_read", "v_accvgpr_write_b32 a4, 1",
     M90_4("a[0:3]", "a4", "v0", "a[0:3]"), G90A(2)},
    {"valu_write_vgpr_dgemm_mfma_read", "v_mov_b32_e32 v1, 1",
     D90_4("v[2:3]", "v[0:1]", "v[0:1]", "v[0:1]"), G90A(2)},
    {"sgemm_mfma_write_agpr_mfma_read_same_agpr_as_srcc", M90_4("a[0:3]", "v1", "v0", "a[0:3]"),
     M90_4("a[0:3]", "v1", "v0", "a[0:3]"), G90A(0)},
    {"dgemm16x16_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     D90_16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"),
     D90_16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"), G90A(0)},
    {"dgemm4x4_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     D90_4("v[2:3]", "v[0:1]", "v[0:1]", "v[2:3]"), D90_4("v[2:3]", "v[0:1]", "v[0:1]", "v[2:3]"),
     G90A(4)},
    {"sgemm4x4_mfma_write_agpr_mfma_read_overlap", M90_4("a[2:5]", "v1", "v0", "a[0:3]"),
     M90_4("a[0:3]", "v1", "v0", "a[0:3]"), G90A(2)},
    {"sgemm16x16_mfma_write_agpr_mfma_read_overlap", M90_16("a[2:17]", "v26", "v27", "a[0:15]"),
     M90_16("a[0:15]", "v26", "v27", "a[0:15]"), G90A(8)},
    {"sgemm32x32_mfma_write_agpr_mfma_read_overlap", M90_32("a[2:17]", "v26", "v27", "a[0:15]"),
     M90_32("a[0:15]", "v26", "v27", "a[0:15]"), G90A(16)},
    {"dgemm16x16_mfma_write_vgpr_mfma_read_overlap",
     D90_16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"),
     D90_16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"), G90A(9)},
    {"dgemm4x4_mfma_write_vgpr_mfma_read_overlap", D90_4("v[2:3]", "v[0:1]", "v[0:1]", "v[0:1]"),
     D90_16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"), G90A(4)},
    {"dgemm16x16_mfma_write_vgpr_sgemm_mfma_read_overlap",
     D90_16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"), M90_4("v[0:3]", "v10", "v11", "v[0:3]"),
     G90A(0)},
    {"sgemm4x4_mfma_write_vgpr_dgemm_mfma_read_overlap", M90_4("v[0:3]", "v10", "v11", "v[0:3]"),
     D90_16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"), G90A(3)},
    {"sgemm16x16_mfma_write_vgpr_dgemm_mfma_read_overlap",
     M90_16("v[0:15]", "v26", "v27", "v[0:15]"),
     D90_16("v[0:7]", "v[20:21]", "v[20:21]", "v[0:7]"), G90A(9)},
    {"sgemm32x32_mfma_write_vgpr_dgemm_mfma_read_overlap",
     M90_32("v[0:15]", "v26", "v27", "v[0:15]"),
     D90_16("v[0:7]", "v[20:21]", "v[20:21]", "v[0:7]"), G90A(17)},
    {"sgemm16x16_mfma_write_agpr_mfma_read_partial", M90_16("a[0:15]", "v1", "v0", "a[0:15]"),
     M90_4("a[0:3]", "v1", "v0", "a[0:3]"), G90A(8)},
    {"sgemm4x4_mfma_write_agpr_mfma_srca_read_overlap", M90_4("a[0:3]", "v1", "v0", "a[0:3]"),
     M90_4("a[0:3]", "a1", "v0", "a[0:3]"), G90A(5)},
    {"sgemm16x16_mfma_write_agpr_mfma_srca_read_overlap", M90_16("a[0:15]", "v1", "v0", "a[0:15]"),
     M90_4("a[20:23]", "a1", "v0", "a[20:23]"), G90A(11)},
    {"sgemm32x32_mfma_write_agpr_mfma_srca_read_overlap", M90_32("a[0:15]", "v1", "v0", "a[0:15]"),
     M90_4("a[20:23]", "a1", "v0", "a[20:23]"), G90A(19)},
    {"sgemm4x4_mfma_write_agpr_dmfma4x4_srca_read_overlap", M90_4("a[0:3]", "v1", "v0", "a[0:3]"),
     D90_4("v[2:3]", "a[0:1]", "v[4:5]", "v[4:5]"), G90A(5)},
    {"dgemm4x4_mfma_write_agpr_mfma_srca_read_overlap",
     D90_4("a[2:3]", "v[0:1]", "v[0:1]", "a[0:1]"),
     D90_16("v[10:17]", "a[2:3]", "v[10:11]", "v[10:17]"), G90A(6)},
    {"dgemm16x16_mfma_write_agpr_sgemm_mfma_srca_read_overlap",
     D90_16("a[0:7]", "v[10:11]", "v[10:11]", "a[10:17]"), M90_4("v[0:3]", "a4", "v0", "v[0:3]"),
     G90A(11)},
    {"dmfma4x4_write_agpr_flat_read_overlap", D90_4("a[4:5]", "v[0:1]", "v[0:1]", "a[0:1]"),
     "flat_store_dword v[0:1], a5", G90A(9)},
    {"dmfma16x16_write_agpr_flat_read", D90_16("a[2:9]", "v[10:11]", "v[10:11]", "a[0:7]"),
     "flat_store_dword v[0:1], a4", G90A(18)},
    {"dmfma4x4_write_agpr_valu_read", D90_4("a[4:5]", "a[0:1]", "v[0:1]", "a[0:1]"),
     "v_accvgpr_read_b32 v5, a5", G90A(6)},
    {"dmfma16x16_write_agpr_valu_read", D90_16("a[2:9]", "v[10:11]", "v[10:11]", "a[0:7]"),
     "v_accvgpr_read_b32 v12, a4", G90A(11)},
    {"dmfma4x4_write_vgpr_dot_read", D90_4("v[4:5]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_dot4c_i32_i8_e32 v1, v0, v5", G90A(6)},
    {"smfma4x4_write_vgpr_valu_write", M90_4("v[0:3]", "v4", "v0", "v[6:9]"),
     "v_mov_b32_e32 v1, 0", G90A(5)},
    {"smfma16x16_write_vgpr_valu_write", M90_16("v[0:15]", "v16", "v17", "v[0:15]"),
     "v_mov_b32_e32 v1, 0", G90A(11)},
    {"smfma32x32_write_vgpr_valu_write", M90_32("v[0:15]", "v1", "v0", "v[0:15]"),
     "v_mov_b32_e32 v1, 0", G90A(19)},
    {"dmfma4x4_write_vgpr_valu_write", D90_4("v[4:5]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_mov_b32_e32 v4, 0", G90A(6)},
    {"dmfma16x16_write_vgpr_valu_write", D90_16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"),
     "v_mov_b32_e32 v3, 0", G90A(11)},
    {"smfma4x4_write_vgpr_dot_write", M90_4("v[0:3]", "v1", "v0", "v[0:3]"),
     "v_dot8_i32_i4 v1, v4, v4, v4", G90A(5)},
    {"smfma4x4_read_srcc_vgpr_valu_write", M90_4("v[4:7]", "v8", "v9", "v[0:3]"),
     "v_mov_b32_e32 v1, 0", G90A(1)},
    {"smfma16x16_read_srcc_vgpr_valu_write", M90_16("v[2:17]", "v18", "v19", "v[0:15]"),
     "v_mov_b32_e32 v1, 0", G90A(7)},
    {"smfma32x32_read_srcc_vgpr_valu_write", M90_32("v[2:17]", "v0", "v0", "v[0:15]"),
     "v_mov_b32_e32 v1, 0", G90A(15)},
    {"smfma16x16_read_srca_vgpr_valu_write", M90_16("v[2:17]", "v18", "v19", "v[0:15]"),
     "v_mov_b32_e32 v18, 0", G90A(0)},
    {"dmfma4x4_read_srcc_vgpr_valu_write", D90_4("v[4:5]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_mov_b32_e32 v1, 0", G90A(0)},
    {"smfma16x16_read_srcc_vgpr_accv_write", M90_16("a[2:17]", "a18", "a19", "a[0:15]"),
     "v_accvgpr_write_b32 a1, 0", G90A(7)},
    {"sgemm_to_fma64", M90_4("a[0:3]", "v1", "v0", "a[0:3]"),
     "v_fma_f64 v[4:5], v[4:5], v[4:5], v[4:5]", G90A(0)},
    {"dgemm_to_fma64", D90_4("v[0:1]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_fma_f64 v[4:5], v[4:5], v[4:5], v[4:5]", G90A(2)},
    {"dgemm_to_fmac64", D90_4("v[0:1]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_fmac_f64_e32 v[4:5], v[4:5], v[4:5]", G90A(2)},
    {"vcmpx_write_exec_mfma", "v_cmpx_eq_i32_e32 vcc, v0, v1",
     M90_4("a[4:7]", "a8", "v1", "a[0:3]"), G90A(4)},
    /* in both files */
    {"flat_store_data_agpr_overwritten", "flat_store_dwordx4 v[4:5], a[0:3]",
     "v_accvgpr_write_b32 a0, 0", {1, 2, 2}},
    {"dot_write_vgpr_accv_read", "v_dot4c_i32_i8_e32 v4, v0, v1", "v_accvgpr_write_b32 a5, v4",
     ALL(3)},
    {"valu_write_vgpr_dot_read", "v_mov_b32_e32 v0, v1", "v_dot4c_i32_i8_e32 v4, v0, v1", ALL(0)},
    {"dot_write_vgpr_same_dot_read_srcc", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_dot4c_i32_i8_e32 v4, v0, v1", ALL(0)},
    {"dot_write_vgpr_different_dot_read_srcc", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_dot8_i32_i4 v1, v0, v0, v4", ALL(3)},
    {"dot_write_vgpr_different_dot_write", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_dot8_i32_i4 v4, v0, v0, v0", ALL(3)},
    {"dot_write_vgpr_different_valu_read", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_mov_b32_e32 v0, v4", ALL(3)},
    {"dot_write_vgpr_different_valu_write", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_mov_b32_e32 v4, 1", ALL(3)},
    {"dot_write_vgpr_same_dot_read_srca", "v_dot4c_i32_i8_e32 v4, v0, v1",
     "v_dot4c_i32_i8_e32 v0, v4, v1", ALL(3)},
    /* ---- mai-hazards-gfx942.mir ---- */
    {"valu_write_vgpr_sgemm_mfma_read", "v_mov_b32_e32 v1, 1",
     S4("a[0:3]", "v1", "v0", "a[0:3]"), G94(2, 2)},
    {"valu_write_vgpr_smfmac_read", "v_mov_b32_e32 v32, 1",
     SMFMAC("a[0:3]", "v[0:1]", "v[2:5]", "v32"), G94(2, 2)},
    {"accmov_write_agpr_sgemm_mfma_read", "v_accvgpr_mov_b32 a4, a5",
     S4("a[0:3]", "a4", "v0", "a[0:3]"), G94(2, 2)},
    {"nonxdl_sgemm4x4_mfma_write_agpr_mfma_read_same_agpr_as_srcc",
     S4("a[0:3]", "v1", "v0", "a[0:3]"), S4("a[0:3]", "v1", "v0", "a[0:3]"), G94(2, 2)},
    {"nonxdl_sgemm16x16_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     S16("v[0:15]", "v26", "v27", "v[0:15]"), S16("v[0:15]", "v26", "v27", "v[0:15]"), G94(0, 0)},
    {"nonxdl_sgemm4x4_mfma_write_agpr_smfmac_read_same_agpr_as_srcc",
     S4("a[0:3]", "v4", "v5", "a[0:3]"), SMFMAC("a[0:3]", "v[0:1]", "v[2:5]", "v32"), G94(2, 2)},
    {"dgemm4x4_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     D4("v[2:3]", "v[0:1]", "v[0:1]", "v[2:3]"), D4("v[2:3]", "v[0:1]", "v[0:1]", "v[2:3]"),
     G94(4, 4)},
    {"xdl_sgemm4x4_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     X4("v[0:3]", "v4", "v5", "v[0:3]"), X4("v[0:3]", "v4", "v5", "v[0:3]"), G94(2, 2)},
    {"xdl_sgemm16x16_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     X16_4("a[0:3]", "v[0:1]", "v[2:3]", "a[0:3]"), X16_4("a[0:3]", "v[0:1]", "v[2:3]", "a[0:3]"),
     G94(0, 0)},
    {"smfmac16x16_mfma_write_vgpr_mfma_read_same_vgpr_as_srcc",
     SMFMAC("a[0:3]", "v[0:1]", "v[2:5]", "v32"), SMFMAC("a[0:3]", "v[0:1]", "v[2:5]", "v32"),
     G94(0, 0)},
    {"sgemm4x4_mfma_write_agpr_mfma_read_overlap", X4("a[2:5]", "v1", "v0", "a[0:3]"),
     X4("a[0:3]", "v1", "v0", "a[0:3]"), G94(3, 4)},
    {"sgemm4x4_mfma_write_vgpr_mfma_read_overlap", X4("v[2:5]", "v6", "v7", "v[0:3]"),
     S4("v[0:3]", "v6", "v7", "v[0:3]"), G94(3, 3)},
    {"sgemm4x4_mfma_write_agpr_smfmac_read_overlap", X4("a[2:5]", "v1", "v0", "a[0:3]"),
     SMFMAC("a[0:3]", "v[0:1]", "v[2:5]", "v32"), G94(3, 4)},
    {"xdl_sgemm16x16_mfma_write_agpr_mfma_read_overlap",
     X16("a[2:17]", "v26", "v27", "a[0:15]"), S16("a[0:15]", "v26", "v27", "a[0:15]"), G94(9, 10)},
    {"xdl_sgemm16x16_mfma_write_vgpr_mfma_read_overlap",
     X16("v[2:17]", "v26", "v27", "v[0:15]"), X16("v[0:15]", "v26", "v27", "v[0:15]"), G94(9, 10)},
    {"nonxdl_sgemm16x16_mfma_write_agpr_xdl_mfma_read_overlap",
     S16("a[2:17]", "v26", "v27", "a[0:15]"), X16("a[0:15]", "v26", "v27", "a[0:15]"), G94(0, 0)},
    {"nonxdl_sgemm16x16_mfma_write_agpr_nonxdl_mfma_read_overlap",
     S16("a[2:17]", "v26", "v27", "a[0:15]"), S16("a[0:15]", "v26", "v27", "a[0:15]"), G94(8, 8)},
    {"xdl_sgemm32x32_mfma_write_agpr_mfma_read_overlap",
     X32("a[2:33]", "v[26:27]", "v[28:29]", "a[0:31]"),
     "v_mfma_f32_32x32x2_f32 a[0:15], v26, v27, a[0:15]", G94(17, 18)},
    {"nonxdl_sgemm32x32_mfma_write_agpr_nonxdl_mfma_read_overlap",
     S32("a[2:33]", "v26", "v28", "a[0:31]"), "v_mfma_f32_32x32x2_f32 a[0:15], v26, v27, a[0:15]",
     G94(16, 16)},
    {"dgemm16x16_mfma_write_vgpr_mfma_read_overlap",
     D16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"),
     D16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"), G94(9, 17)},
    {"dgemm4x4_mfma_write_vgpr_mfma_read_overlap", D4("v[2:3]", "v[0:1]", "v[0:1]", "v[0:1]"),
     D16("v[0:7]", "v[10:11]", "v[10:11]", "v[0:7]"), G94(4, 4)},
    {"dgemm16x16_mfma_write_vgpr_sgemm_mfma_read_overlap",
     D16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"), S4("v[0:3]", "v10", "v11", "v[0:3]"),
     G94(9, 17)},
    {"sgemm4x4_mfma_write_vgpr_dgemm_mfma_read_overlap", X4("v[0:3]", "v10", "v11", "v[0:3]"),
     D16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"), G94(3, 3)},
    {"xdl_sgemm32x32_mfma_write_vgpr_dgemm_mfma_read_overlap",
     X32("v[0:31]", "v[126:127]", "v[128:129]", "v[0:31]"),
     D16("v[0:7]", "v[120:121]", "v[120:121]", "v[0:7]"), G94(17, 18)},
    {"xdl_sgemm16x16_mfma_write_agpr_mfma_read_partial", X16("a[0:15]", "v1", "v0", "a[0:15]"),
     S4("a[0:3]", "v1", "v0", "a[0:3]"), G94(9, 10)},
    {"xdl_sgemm4x4_mfma_write_agpr_mfma_srca_read_overlap", X4("a[0:3]", "v1", "v0", "a[0:3]"),
     S4("a[0:3]", "a1", "v0", "a[0:3]"), G94(5, 5)},
    {"xdl_sgemm16x16_mfma_write_agpr_mfma_srca_read_overlap",
     X16("a[0:15]", "v1", "v0", "a[0:15]"), S4("a[20:23]", "a1", "v0", "a[20:23]"), G94(11, 12)},
    {"nonxdl_sgemm16x16_mfma_write_agpr_mfma_srca_read_overlap",
     S16("a[0:15]", "v26", "v27", "a[0:15]"), S4("a[20:23]", "a1", "v0", "a[20:23]"), G94(10, 10)},
    {"smfmac32x32_write_agpr_mfma_srca_read_overlap",
     SMFMAC32("a[0:15]", "v[0:1]", "v[2:5]", "v32"), S4("a[20:23]", "a1", "v0", "a[20:23]"),
     G94(11, 12)},
    {"smfmac32x32_write_agpr_smfmac_srcc_read_overlap",
     SMFMAC32("v[0:15]", "a[0:1]", "a[2:5]", "v2"), SMFMAC32("v[0:15]", "a[0:1]", "a[2:5]", "v2"),
     G94(11, 12)},
    {"xdl_sgemm32x32_mfma_write_agpr_mfma_srca_read_overlap",
     X32("a[0:31]", "v[26:27]", "v[28:29]", "a[0:31]"), S4("a[20:23]", "a1", "v0", "a[20:23]"),
     G94(19, 20)},
    {"nonxdl_sgemm32x32_mfma_write_agpr_mfma_srca_read_overlap",
     S32("a[0:31]", "v26", "v28", "a[0:31]"), S4("a[120:123]", "a1", "v0", "a[120:123]"),
     G94(18, 18)},
    {"dgemm4x4_mfma_write_vgpr_smfmac_srcc_read_overlap",
     D4("v[2:3]", "v[0:1]", "v[0:1]", "v[0:1]"), SMFMAC("a[0:3]", "v[10:11]", "v[12:15]", "v2"),
     G94(6, 6)},
    {"dgemm16x16_mfma_write_vgpr_mfma_srca_read_overlap",
     D16("v[0:7]", "v[10:11]", "v[10:11]", "v[10:17]"),
     D16("v[0:7]", "v[0:1]", "v[10:11]", "v[10:17]"), G94(11, 19)},
    {"xdl_smfma4x4_write_vgpr_vm_read", X4("v[0:3]", "v1", "v0", "v[0:3]"),
     "buffer_store_dword v0, off, s[0:3], 0", G94(5, 5)},
    {"xdl_smfma4x4_write_vgpr_lds_read", X4("v[0:3]", "v1", "v0", "v[0:3]"), "ds_write_b32 v0, v4",
     G94(5, 5)},
    {"smfmac16x16_write_vgpr_flat_read", SMFMAC("v[0:3]", "v[0:1]", "v[2:5]", "v32"),
     "flat_store_dword v[16:17], v1", G94(7, 8)},
    {"xdl_smfma16x16_write_vgpr_flat_read", X16("v[0:15]", "v16", "v17", "v[0:15]"),
     "flat_store_dword v[16:17], v1", G94(11, 12)},
    {"xdl_smfma32x32_write_vgpr_flat_read", X32("a[0:31]", "v[26:27]", "v[28:29]", "a[0:31]"),
     "flat_store_dword v[16:17], a1", G94(19, 20)},
    {"dmfma4x4_write_vgpr_flat_read_overlap", D4("v[4:5]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "flat_store_dword v[0:1], v5", G94(9, 9)},
    {"dmfma16x16_write_vgpr_flat_read", D16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"),
     "flat_store_dword v[0:1], v4", G94(18, 18)},
    {"xdl_smfma16x16_write_vgpr_valu_read", X16("v[0:15]", "v16", "v17", "v[0:15]"),
     "v_mov_b32_e32 v16, v0", G94(11, 12)},
    {"dmfma16x16_write_agpr_valu_read", D16("a[2:9]", "v[10:11]", "v[10:11]", "a[0:7]"),
     "v_accvgpr_read_b32 v12, a4", G94(11, 19)},
    {"dmfma16x16_write_agpr_valu_write", D16("a[2:9]", "v[10:11]", "v[10:11]", "a[0:7]"),
     "v_accvgpr_write_b32 a3, 0", G94(11, 11)},
    {"smfma16x16_read_srcc_vgpr_accv_write", S16("a[2:17]", "a18", "a19", "a[0:15]"),
     "v_accvgpr_write_b32 a1, 0", G94(0, 0)},
    {"sgemm16X16X16_mfma_write_agpr_mfma_read_overlap",
     "v_mfma_f32_16x16x16_f16 a[2:5], v[0:1], v[2:3], a[0:3]",
     "v_mfma_f32_16x16x16_f16 a[0:3], v[0:1], v[2:3], a[0:3]", G94(5, 6)},
    {"sgemm16X16X16_mfma_write_agpr_dgemm_read_overlap",
     "v_mfma_f32_16x16x16_f16 v[2:5], v[8:9], v[8:9], v[0:3]",
     D4("v[6:7]", "v[0:1]", "v[0:1]", "v[2:3]"), G94(5, 6)},
    {"xdl_sgemm16X16X16_mfma_write_vgpr_valu_write",
     X16_4("v[0:3]", "v[0:1]", "v[2:3]", "v[0:3]"), "v_mov_b32_e32 v1, 0", G94(7, 8)},
    {"xdl_sgemm16X16X16_mfma_write_vgpr_dot_read",
     X16_4("v[0:3]", "v[0:1]", "v[2:3]", "v[0:3]"), "v_dot4c_i32_i8_e32 v4, v0, v1", G94(7, 8)},
    {"smfmac16x16x32_mfma_write_vgpr_smfmac_read_idx",
     SMFMAC("v[6:9]", "v[0:1]", "v[2:5]", "v32"), SMFMAC("v[0:3]", "v[0:1]", "v[2:5]", "v6"),
     G94(7, 8)},
    {"dgemm16x16_mfma_write_vgpr_mfmai8_read_overlap",
     D16("v[2:9]", "v[10:11]", "v[10:11]", "v[0:7]"),
     X16_4("v[0:3]", "v[10:11]", "v[12:13]", "v[0:3]"), G94(0, 0)},
    {"nonxdl_sgemm4x4_mfma_write_agpr_nonxdl_mfma_read_overlap",
     S4("a[2:5]", "v1", "v0", "a[0:3]"), S4("a[0:3]", "v1", "v0", "a[0:3]"), G94(2, 2)},
    {"nonxdl_sgemm4x4_mfma_write_agpr_xdl_mfma_read_overlap",
     S4("a[2:5]", "v1", "v0", "a[0:3]"), X4("a[0:3]", "v1", "v0", "a[0:3]"), G94(0, 0)},
    {"nonxdl_sgemm4x4_mfma_write_agpr_mfma_srca_read_overlap",
     S4("a[0:3]", "v1", "v0", "a[0:3]"), S4("a[0:3]", "a1", "v0", "a[0:3]"), G94(4, 4)},
    {"nonxdl_smfma4x4_write_vgpr_valu_write", S4("v[0:3]", "v4", "v0", "v[6:9]"),
     "v_mov_b32_e32 v1, 0", G94(4, 4)},
    {"nonxdl_8pass_smfma16x16_write_vgpr_vm_read", S16("v[0:15]", "v26", "v27", "v[0:15]"),
     "buffer_store_dword v0, off, s[0:3], 0", G94(10, 10)},
    {"nonxdl_smfma32x32_write_vgpr_valu_read", S32("v[0:31]", "a26", "a28", "v[0:31]"),
     "v_mov_b32_e32 v4, v0", G94(18, 18)},
    {"xdl_sgemm16x16_4pass_mfma_write_agpr_mfma_read_overlap",
     X16_4("a[2:5]", "v[0:1]", "v[2:3]", "a[0:3]"),
     "v_mfma_f32_16x16x8_xf32 a[0:3], v[10:11], v[12:13], a[0:3]", {NONE, 5, NONE}},
    {"xdl_sgemm4x4_mfma_read_vgpr_srcc_valu_write", X4("v[10:13]", "v4", "v5", "v[0:3]"),
     "v_mov_b32_e32 v1, 0", G94(1, 1)},
    {"nonxdl_sgemm4x4_mfma_read_vgpr_srcc_valu_write", S4("v[10:13]", "v4", "v5", "v[0:3]"),
     "v_mov_b32_e32 v1, 0", G94(0, 0)},
    {"xdl_4pass_sgemm16x16_mfma_read_vgpr_srcc_valu_write",
     "v_mfma_f32_16x16x8_xf32 v[10:13], v[10:11], v[12:13], v[0:3]", "v_mov_b32_e32 v1, 0",
     {NONE, 3, NONE}},
    {"smfmac16x16_read_vgpr_srcc_valu_write", SMFMAC("v[0:3]", "v[0:1]", "v[2:5]", "v32"),
     "v_mov_b32_e32 v1, 0", G94(7, 8)},
    {"xdl_8pass_sgemm16x16_mfma_read_vgpr_srcc_valu_write",
     X16("v[100:115]", "a26", "a27", "v[0:15]"), "v_mov_b32_e32 v1, 0", G94(7, 7)},
    {"xdl_sgemm32x32_mfma_read_vgpr_srcc_valu_write",
     X32("v[40:71]", "a[126:127]", "a[128:129]", "v[0:31]"), "v_mov_b32_e32 v1, 0", G94(15, 15)},
    {"xdl_mfma_8pass_write_vgpr_xdl_mfma_read_overlap_srcc",
     X32_8("v[0:15]", "v[0:1]", "v[2:3]", "1.0"),
     X32_8("v[0:15]", "v[18:19]", "v[20:21]", "v[2:17]"), G94(9, 10)},
    {"xdl_mfma_8pass_write_vgpr_xdl_mfma_read_overlap_srca",
     X32_8("v[0:15]", "v[0:1]", "v[2:3]", "1.0"),
     X32_8("v[0:15]", "v[2:3]", "v[36:37]", "v[16:31]"), G94(11, 12)},
    {"xdl_16pass_write_vgpr_xdl_mfma_read_overlap_srcc",
     X32("v[0:31]", "v[126:127]", "v[128:129]", "v[0:31]"),
     X32("v[0:31]", "v[126:127]", "v[128:129]", "v[2:33]"), G94(17, 18)},
    {"xdl_mfma_2pass_write_agpr_smfmac_read_overlap_srcc",
     "v_mfma_f32_4x4x4_16b_f16 a[0:3], v[4:5], v[6:7], a[0:3] cbsz:1 abid:2 blgp:3",
     SMFMAC("a[2:5]", "v[0:1]", "v[2:5]", "v32"), G94(3, 4)},
    {"dgemm_to_fmac64", D4("v[0:1]", "v[0:1]", "v[0:1]", "v[0:1]"),
     "v_fmac_f64_e32 v[4:5], v[4:5], v[4:5]", G94(2, 2)},
    {"vcmpx_write_exec_mfma", "v_cmpx_eq_i32_e32 vcc, v0, v1",
     S4("a[4:7]", "a8", "v1", "a[0:3]"), G94(4, 4)},
    /* ---- the ISA guides' table ---- */
    {NULL, "v_readfirstlane_b32 s4, v0", "buffer_load_dword v1, off, s[4:7], 0", ALL(5)},
    {NULL, "v_readfirstlane_b32 s4, v0", "global_load_dword v1, v2, s[4:5]", ALL(5)},
    {NULL, "v_cmp_eq_u32_e64 s[6:7], v0, v1", "buffer_store_dword v1, off, s[0:3], s6", ALL(5)},
    {NULL, "s_mov_b32 s4, s5", "global_load_dword v1, v2, s[4:5]", ALL(0)},
    {NULL, "v_readfirstlane_b32 s4, v0", "v_readlane_b32 s5, v1, s4", ALL(4)},
    {NULL, "v_readfirstlane_b32 s4, v0", "v_writelane_b32 v1, s6, s4", ALL(4)},
    {NULL, "v_div_scale_f32 v0, vcc, v1, v2, v3", "v_div_fmas_f32 v4, v5, v6, v7", ALL(4)},
    {NULL, "v_mov_b32_e32 v1, v0", "v_mov_b32_dpp v2, v1 row_shl:1 row_mask:0xf bank_mask:0xf",
     ALL(2)},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1",
     "v_mov_b32_dpp v2, v3 row_shl:1 row_mask:0xf bank_mask:0xf", ALL(5)},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1", "v_mov_b32_e32 v2, v3", ALL(0)},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1", "v_readfirstlane_b32 s0, v3", {0, 4, 4}},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1", "v_mov_b32_e32 v2, exec_lo", {0, 2, 2}},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1", "v_mov_b32_e32 v2, src_execz", ALL(5)},
    {NULL, "s_mov_b32 m0, s0", "global_load_lds_dword v[0:1], off", {NONE, 1, 1}},
    {NULL, "s_mov_b32 m0, s0", "buffer_load_dword v0, s[4:7], 0 offen lds", ALL(0)},
    {NULL, "s_mov_b32 m0, s0", "s_movrels_b32 s1, s2", ALL(1)},
    {NULL, "s_mov_b32 s1, s0", "s_movrels_b32 s1, s2", ALL(0)},
    {NULL, "buffer_store_dwordx4 v[0:3], off, s[0:3], 0", "v_mov_b32_e32 v1, 0", {1, 2, 2}},
    {NULL, "buffer_store_dwordx4 v[0:3], off, s[0:3], s4", "v_mov_b32_e32 v1, 0", ALL(0)},
    {NULL, "global_store_dwordx2 v[4:5], v[0:1], off", "v_mov_b32_e32 v1, 0", ALL(0)},
    {NULL, "v_readfirstlane_b32 s4, v0", "v_add_u32_e32 v1, s4, v2", {0, 2, 2}},
    {NULL, "v_cmp_lt_f32_e64 s[4:5], v0, v1", "v_cndmask_b32_e64 v2, v3, v4, s[4:5]", ALL(0)},
    {NULL, "v_add_co_u32_e32 v0, vcc, v1, v2", "v_addc_co_u32_e32 v3, vcc, v4, v5, vcc", ALL(0)},
    {NULL, "v_mov_b32_e32 v0, 1", "v_readfirstlane_b32 s0, v0", {0, 1, 1}},
    {NULL, "v_exp_f32_e32 v0, v1", "v_add_f32_e32 v2, v0, v3", {0, 1, 1}},
    {NULL, "v_exp_f32_e32 v0, v1", "v_fmac_f32_e32 v0, v2, v3", {0, 1, 1}},
    {NULL, "v_exp_f32_e32 v0, v1", "v_log_f32_e32 v2, v0", ALL(0)},
    {NULL, "v_add_f16_sdwa v0, v1, v2 dst_sel:WORD_1 dst_unused:UNUSED_PAD src0_sel:DWORD "
           "src1_sel:DWORD", "v_mov_b32_e32 v3, v0", {0, 1, 1}},
    {NULL, "v_mad_i16 v0, v1, v2, v3 op_sel:[0,0,0,1]", "v_mov_b32_e32 v3, v0", {0, 1, 1}},
    {NULL, "v_mov_b32_e32 v1, 0", "v_permlane32_swap_b32_e32 v0, v1", {NONE, NONE, 2}},
    {NULL, "v_cmpx_lt_f32_e32 vcc, v0, v1", "v_permlane16_swap_b32_e32 v0, v1", {NONE, NONE, 4}},
};

/* ---- running a case ---- */

/* Nothing but the unit and the fields below comes from the encoding. */
static const char *encoding_of(const char *text)
{
    return strncmp(text, "ds_", 3) == 0       ? "D8000000 00000000"
           : strncmp(text, "flat_", 5) == 0   ? "DC000000 00000000"
           : strncmp(text, "global_", 7) == 0 ? "DC008000 00000000"
           : strncmp(text, "buffer_", 7) == 0 ? "E0000000 00000000"
                                              : "00000000 00000000";
}

static void decode(machine *m, const char *text, const char *encoding, char *line, sim_inst *inst,
                   sim_usage *c)
{
    char error[200] = "";
    snprintf(line, 300, "\t%s // 000000000100: %s", text, encoding ? encoding : encoding_of(text));
    if (sim_parse_line(m->program, line, inst, error, sizeof error) || !inst->op)
        fail_msg("%s: not known: %s", text, error);
    sim_usage_decode(inst, m->w->arch, c);
}

/* A machine whose wave is watched. */
static machine *watched(sim_arch arch)
{
    machine *m = machine_new(arch, 64);
    m->w->check = sim_check_create();
    assert_non_null(m->w->check);
    memset(m->w->check->waves, 0, sizeof *m->w->check->waves);
    m->w->state = SIM_RUNNING;
    return m;
}

static void watched_free(machine *m)
{
    sim_check_destroy(m->w->check);
    machine_free(m);
}

/* What the checker says with so many wait states between; empty: nothing. */
static void found_with(sim_arch arch, const char *const texts[2], const char *const encodings[2],
                       unsigned states, char message[512])
{
    machine *m = watched(arch);
    sim_inst inst[3];
    sim_usage c[3];
    char lines[3][300], nop[32];
    decode(m, texts[0], encodings[0], lines[0], &inst[0], &c[0]);
    decode(m, texts[1], encodings[1], lines[1], &inst[1], &c[1]);
    sim_check_hazard_issued(m->w, &inst[0], &c[0]);
    for (unsigned n; states; states -= n) {
        n = states < 16 ? states : 16;
        snprintf(nop, sizeof nop, "BF8000%02X", n - 1);
        decode(m, "s_nop 0", nop, lines[2], &inst[2], &c[2]);
        sim_check_hazard_issued(m->w, &inst[2], &c[2]);
    }
    sim_check_hazard(m->w, &inst[1], &c[1]);
    snprintf(message, 512, "%s", m->error.message);
    watched_free(m);
}

static void run_case(sim_arch arch, const hazard *h, const char *const encodings[2])
{
    const char *const texts[] = {h->first, h->then};
    const char *name = h->name ? h->name : h->then;
    char message[512], needed[32];
    int states = h->states[arch];
    found_with(arch, texts, encodings, (unsigned)states, message);
    if (message[0])
        fail_msg("arch %d, %s: found with %d: %s", arch, name, states, message);
    if (states == 0)
        return;
    found_with(arch, texts, encodings, (unsigned)states - 1, message);
    snprintf(needed, sizeof needed, "%d are needed", states);
    if (!strstr(message, "hazard: ") || !strstr(message, needed))
        fail_msg("arch %d, %s: with %d instead of %d wait states: \"%s\"", arch, name, states - 1,
                 states, message);
}

static void pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hazards / sizeof hazards[0]; i++)
        for (int arch = 0; arch < 3; arch++)
            if (hazards[i].states[arch] != NONE)
                run_case((sim_arch)arch, &hazards[i], (const char *[2]){NULL, NULL});
}

/* s_setreg and s_getreg of the same hardware register: bits 5:0 of the encoding. */
static void hardware_registers(void **state)
{
    static const hazard get = {NULL, "s_setreg_b32 hwreg(HW_REG_MODE), s0",
                               "s_getreg_b32 s1, hwreg(HW_REG_MODE)", ALL(2)};
    static const hazard set = {NULL, "s_setreg_b32 hwreg(HW_REG_MODE), s0",
                               "s_setreg_b32 hwreg(HW_REG_MODE), s1", ALL(2)};
    static const hazard other = {NULL, "s_setreg_b32 hwreg(HW_REG_MODE), s0",
                                 "s_getreg_b32 s1, hwreg(HW_REG_HW_ID)", ALL(0)};
    (void)state;
    run_case(SIM_GFX942, &get, (const char *[2]){"B900F801", "B881F801"});
    run_case(SIM_GFX942, &set, (const char *[2]){"B900F801", "B901F801"});
    run_case(SIM_GFX942, &other, (const char *[2]){"B900F801", "B881F804"});
}

/* gfx90a: "dgemm_between_valu_write_..." of the gfx90a file; on gfx942 the test expects no
 * s_nop. */
static void dgemm_between(void **state)
{
    static const char *const texts[] = {"v_mov_b32_e32 v0, 0",
                                        "v_mfma_f64_4x4x4f64 a[0:1], a[2:3], a[2:3], a[0:1]",
                                        "buffer_store_dwordx2 v[2:3], v0, s[0:3], 0 offen"};
    machine *m = watched(SIM_GFX90A);
    sim_inst inst[3];
    sim_usage c[3];
    char lines[3][300];
    (void)state;
    for (int i = 0; i < 3; i++)
        decode(m, texts[i], NULL, lines[i], &inst[i], &c[i]);
    sim_check_hazard_issued(m->w, &inst[0], &c[0]);
    sim_check_hazard(m->w, &inst[2], &c[2]);
    assert_string_equal(m->error.message, "");
    sim_check_hazard_issued(m->w, &inst[1], &c[1]);
    sim_check_hazard(m->w, &inst[2], &c[2]);
    assert_non_null(strstr(m->error.message, "1 wait states after \"v_mov_b32_e32 v0, 0\""));
    watched_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pairs),
                                       cmocka_unit_test(hardware_registers),
                                       cmocka_unit_test(dgemm_between)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
