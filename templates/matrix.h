// What the templates on the matrix units share: elements of keys and values, conversions, and rows
// in global memory.

using uint2 = vec<uint, 2>;
using uint4 = vec<uint, 4>;

#if AITER_FP8_KV
using kv_t = unsigned char;
using kv_chunk = uint2; // 8 elements in memory
using kv_half = uint;   // 4
#else
using kv_t = elem_t;
using kv_chunk = uint4;
using kv_half = uint2;
INLINE uint4 widen(uint4 x) { return x; }
INLINE uint2 widen(uint2 x) { return x; }
#endif
constexpr int KV_BYTES = sizeof(kv_t);

#if AITER_SCORE_MODS || AITER_MASK_MOD
constexpr bool SCORE_MODS = true;
#else
constexpr bool SCORE_MODS = false;
#endif

// ---- Arithmetic that differs between the archs ----

// Two numbers to the kernel's dtype, round to nearest even. The sum of a rounding bf16 cannot turn
// the NaNs that arise here into numbers: the low half of those that arithmetic makes, and of those
// that come from 16-bit inputs, is 0.
INLINE uint pack(float x, float y)
{
#if AITER_DTYPE_BF16 && !AITER_CVT_PK_BF16
    uint a = bit_cast<uint>(x), b = bit_cast<uint>(y);
    a += 0x7fff + ((a >> 16) & 1);
    b += 0x7fff + ((b >> 16) & 1);
    return __builtin_amdgcn_perm(b, a, 0x07060302);
#else
    vec<elem_t, 2> pair = { elem_t(x), elem_t(y) };
    return bit_cast<uint>(pair);
#endif
}

// Two probabilities to the kernel's dtype.
INLINE uint pack_probabilities(float x, float y)
{
#if AITER_TRUNCATE
    return __builtin_amdgcn_perm(bit_cast<uint>(y), bit_cast<uint>(x), 0x07060302);
#else
    return pack(x, y);
#endif
}

// ---- Global memory: rows behind a buffer resource, so that reads past the last row give 0 ----

constexpr int OUTSIDE = int(0x80000000); // an offset past the end of every resource

// `rows` rows of `row_elems` elements, `stride` elements apart. The launcher keeps stride under
// 2^23 elements, so that offsets within a tile fit 32 bits; larger distances are in `base`.
template <typename T>
INLINE __amdgpu_buffer_rsrc_t rows_at(const T *base, int rows, int64 stride, int row_elems)
{
    uint bytes = rows > 0 ? (uint(rows - 1) * uint(stride) + row_elems) * sizeof(T) : 0;
    return __builtin_amdgcn_make_buffer_rsrc(const_cast<T *>(base), 0, bytes, 0x00027000);
}

INLINE uint4 load16(__amdgpu_buffer_rsrc_t rows, int offset)
{
    return bit_cast<uint4>(__builtin_amdgcn_raw_buffer_load_b128(rows, offset, 0, 0));
}

INLINE void fetch(__amdgpu_buffer_rsrc_t rows, int offset, uint4 &to) { to = load16(rows, offset); }

INLINE void fetch(__amdgpu_buffer_rsrc_t rows, int offset, uint2 &to)
{
    to = bit_cast<uint2>(__builtin_amdgcn_raw_buffer_load_b64(rows, offset, 0, 0));
}

INLINE void fetch(__amdgpu_buffer_rsrc_t rows, int offset, uint &to)
{
    to = __builtin_amdgcn_raw_buffer_load_b32(rows, offset, 0, 0);
}
