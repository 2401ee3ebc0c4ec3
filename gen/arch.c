/* The machines that kernels are generated for. Every number says where it comes from. */
#include "gen/gen.h"

#include <string.h>

/* Sources
 *   [usage]  LLVM, "User Guide for AMDGPU Backend", table of processors (products, wave sizes).
 *   [td]     LLVM 21, llvm/lib/Target/AMDGPU/AMDGPU.td, FeatureISAVersion9_0_A, 9_4_2, 9_5_0,
 *            11_0_0 and 12.
 *   [rocm]   ROCm documentation, "AMD GPU specifications" (compute units, XCDs, LDS, registers).
 *   [isa2], [isa3], [isa4]  Instruction set architecture guides of AMD Instinct MI200, MI300 and
 *            CDNA 4.
 *
 * Common to several rows
 *   lds_bytes  [td] FeatureAddressableLocalMemorySize65536, on gfx950 163840.
 *   vgprs      CDNA: [rocm] 512 KiB a CU = 4 SIMDs * 64 lanes * 4 bytes * 512, shared by VGPRs and
 *              AGPRs ([td] FeatureGFX90AInsts: one unified file).
 *              gfx11/12: [rocm] 768 KiB a WGP = 4 SIMDs * 32 lanes * 4 bytes * 1536 ([td]
 *              Feature1_5xVGPRs), of which one wave can address 256.
 *   num_xcds   [rocm]: gfx942 304 CUs at 38 per XCD, gfx950 256 at 32. A gfx90a device is one GCD.
 *   wave_size  [usage]: gfx9 has 64 lanes only. gfx11 and gfx12 can do 32 and 64; 32 is their
 *              native width, hiprtc's default, and a wave of 64 issues there as two halves.
 *   direct_lds_bytes  [td] FeatureVMemToLDSLoad is part of GFX9 and GFX10, not of GFX11 and GFX12;
 *              12 and 16 bytes per lane came with FeatureGFX950Insts ([isa4], LDS loads).
 *   ds_read_tr, cvt_pk_bf16  [td] FeatureGFX950Insts, FeatureBF16ConversionInsts.
 *   fp8        [td] FeatureFP8ConversionInsts; [isa3] "FP8 and BF8": the FNUZ forms; [isa4] and gfx12: OCP. */
/* Kernels call nothing of the device libraries, so these are not linked: that takes a tenth of the
 * compile, and their bitcode, which no identity covers, cannot change the bytes.
 *
 * No -ffast-math: kernels rely on infinities and on NaNs staying where they are. Contraction into
 * FMA and calls that leave errno alone change neither. */
#define OPTIONS(arch)                                                                          \
    "--offload-arch=" arch "\n-O3\n-std=c++17\n--hiprtc-no-builtin-header\n-nogpuinc\n"         \
    "-nogpulib\n-fno-math-errno\n-ffp-contract=fast\n"

static const gen_arch archs[] = {
    {
        .name = "gfx90a",
        .options = OPTIONS("gfx90a"),
        .product = "MI210, MI250, MI250X", /* [usage] */
        .mfma = GEN_MFMA_CDNA2,            /* [isa2] v_mfma_f32_*_bf16_1k */
        .wave_size = 64,
        .num_cus = 110,                    /* [rocm] MI250X, per GCD; MI210 has 104 */
        .num_xcds = 1,
        .lds_bytes = 65536,
        .vgprs = 512,
        .ds_read_tr = false,
        .cvt_pk_bf16 = false,
        .fp8 = GEN_FP8_NONE,
        .direct_lds_bytes = 4,
    },
    {
        .name = "gfx942",
        .options = OPTIONS("gfx942"),
        .product = "MI300A, MI300X, MI325X", /* [usage] */
        .mfma = GEN_MFMA_CDNA3,              /* [isa3] */
        .wave_size = 64,
        .num_cus = 304,                      /* [rocm] MI300X, MI325X; MI300A has 228 */
        .num_xcds = 8,
        .lds_bytes = 65536,
        .vgprs = 512,
        .ds_read_tr = false,
        .cvt_pk_bf16 = false,
        .fp8 = GEN_FP8_FNUZ,
        .direct_lds_bytes = 4,
    },
    {
        .name = "gfx950",
        .options = OPTIONS("gfx950"),
        .product = "MI350X, MI355X", /* [usage] */
        .mfma = GEN_MFMA_CDNA4,      /* [isa4] v_mfma_f32_32x32x16_f16 and _bf16 */
        .wave_size = 64,
        .num_cus = 256,              /* [rocm] */
        .num_xcds = 8,
        .lds_bytes = 163840,
        .vgprs = 512,
        .ds_read_tr = true,
        .cvt_pk_bf16 = true,
        .fp8 = GEN_FP8_OCP,
        .direct_lds_bytes = 16,
    },
    {
        .name = "gfx1100",
        .options = OPTIONS("gfx1100"),
        .product = "Radeon PRO W7900, RX 7900 XTX", /* [usage] */
        .mfma = GEN_MFMA_NONE,                      /* RDNA has WMMA, another instruction family */
        .wave_size = 32,
        .num_cus = 96,                              /* [rocm] RX 7900 XTX */
        .num_xcds = 1,
        .lds_bytes = 65536,
        .vgprs = 1536,
        .ds_read_tr = false,
        .cvt_pk_bf16 = false,
        .fp8 = GEN_FP8_NONE,
        .direct_lds_bytes = 0,
    },
    {
        .name = "gfx1201",
        .options = OPTIONS("gfx1201"),
        .product = "RX 9070 XT", /* [usage] */
        .mfma = GEN_MFMA_NONE,
        .wave_size = 32,
        .num_cus = 64,           /* [rocm] */
        .num_xcds = 1,
        .lds_bytes = 65536,
        .vgprs = 1536,
        .ds_read_tr = false,
        .cvt_pk_bf16 = false,
        .fp8 = GEN_FP8_OCP,
        .direct_lds_bytes = 0,
    },
};

enum { NUM_ARCHS = sizeof archs / sizeof archs[0] };

const gen_arch *gen_arch_at(size_t index)
{
    return index < NUM_ARCHS ? &archs[index] : NULL;
}

const gen_arch *gen_arch_find(const char *name)
{
    if (!name)
        return NULL;
    size_t length = strcspn(name, ":");
    for (size_t i = 0; i < NUM_ARCHS; i++)
        if (strlen(archs[i].name) == length && memcmp(archs[i].name, name, length) == 0)
            return &archs[i];
    return NULL;
}
