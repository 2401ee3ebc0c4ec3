// Keys and values in E4M3, which fp16 and bf16 hold exactly.

// Two numbers that need no rounding.
INLINE uint pack_exact(float x, float y)
{
#if AITER_DTYPE_BF16
    return __builtin_amdgcn_perm(bit_cast<uint>(y), bit_cast<uint>(x), 0x07060302);
#else
    return bit_cast<uint>(__builtin_amdgcn_cvt_pkrtz(x, y));
#endif
}

INLINE vec<uint, 2> widen(uint four)
{
    vec<float, 2> lo = __builtin_amdgcn_cvt_pk_f32_fp8(four, false),
                  hi = __builtin_amdgcn_cvt_pk_f32_fp8(four, true);
    return { pack_exact(lo.x, lo.y), pack_exact(hi.x, hi.y) };
}

INLINE vec<uint, 4> widen(vec<uint, 2> eight)
{
    vec<uint, 2> lo = widen(eight.x), hi = widen(eight.y);
    return { lo.x, lo.y, hi.x, hi.y };
}
