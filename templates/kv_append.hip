// New keys and values into a cache, keys rotated if they are to be. Any arch.
//
// One thread a chunk of 16 bytes of a new row, a row's key and then its value; TILE_Q rows of heads
// a workgroup. Rows that the cache has no room for are left out.

constexpr int CHUNK = 16 / sizeof(elem_t);
constexpr int K_CHUNKS = HDQK / CHUNK, V_CHUNKS = HDV / CHUNK, CHUNKS = K_CHUNKS + V_CHUNKS;

static_assert(HDQK % CHUNK == 0 && HDV % CHUNK == 0, "whole chunks");
static_assert(TILE_Q > 0 && TILE_Q * CHUNKS <= BLOCK, "whole rows");

using chunk = vec<elem_t, CHUNK>;

#if AITER_FP8_KV
using kv_t = unsigned char;
using kv_chunk = vec<uint, 2>;

constexpr float LARGEST = AITER_CDNA == 4 ? 448 : 240; // of E4M3: OCP's, FNUZ's

// Beyond the largest number the conversion would give NaN, which is for NaN alone.
INLINE float saturate(float x)
{
    return x != x ? x : __builtin_amdgcn_fmed3f(x, -LARGEST, LARGEST);
}

// Four numbers to E4M3, to the nearest, ties to even.
INLINE uint narrow(const chunk &x, int first, float inverse)
{
    float y[4];
    for (int e = 0; e < 4; e++)
        y[e] = saturate(float(x[first + e]) * inverse);
    int pair = __builtin_amdgcn_cvt_pk_fp8_f32(y[0], y[1], 0, false);
    return uint(__builtin_amdgcn_cvt_pk_fp8_f32(y[2], y[3], pair, true));
}

INLINE kv_chunk to_cache(const chunk &x, float scale)
{
    const float inverse = 1 / scale;
    return { narrow(x, 0, inverse), narrow(x, 4, inverse) };
}
#else
using kv_t = elem_t;
using kv_chunk = chunk;
INLINE kv_chunk to_cache(const chunk &x, float) { return x; }
#endif

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const uint thread = __builtin_amdgcn_workitem_id_x();
    const uint rows = uint(seqlen_new) * uint(num_heads_kv), tiles = (rows - 1) / TILE_Q + 1;
    const uint workgroup = __builtin_amdgcn_workgroup_id_x();
    const int64 entry = workgroup / tiles;
    // Heads of a row are neighbours.
    const uint place = workgroup % tiles * TILE_Q + thread / CHUNKS;
    if (thread >= TILE_Q * CHUNKS || place >= rows)
        return;
    const int64 row = place / uint(num_heads_kv), head = place % uint(num_heads_kv);

    const uint position = uint(min(max(seqlens_k[entry], 0), seqlen_k)) + uint(row);
    if (position >= uint(seqlen_k))
        return;
#if AITER_PAGES
    const int64 block = page_table[entry * page_table_stride + position / BLOCK_SIZE];
    const int64 in_block = position % BLOCK_SIZE;
#else
    const int64 block = entry, in_block = position;
#endif
#if AITER_FP8_KV
    const float key_scale = k_scale[head * k_scale_stride];
    const float value_scale = v_scale[head * v_scale_stride];
#else
    const float key_scale = 1, value_scale = 1;
#endif

    const uint c = thread % CHUNKS;
    if (c < K_CHUNKS) {
        const int d = int(c) * CHUNK;
        const elem_t *from = (const elem_t *)k_new + entry * k_new_stride_batch +
                             row * k_new_stride_row + head * k_new_stride_head;
#if AITER_ROTARY
        const chunk x = rotation(VARIANT_ARGS, position).load<CHUNK>(from, d);
#else
        const chunk x = *(const chunk *)(from + d);
#endif
        kv_t *to = (kv_t *)k + block * k_stride_batch + in_block * k_stride_row +
                   head * k_stride_head;
        *(kv_chunk *)(to + d) = to_cache(x, key_scale);
    } else if (v_new) {
        const int d = int(c - K_CHUNKS) * CHUNK;
        const elem_t *from = (const elem_t *)v_new + entry * v_new_stride_batch +
                             row * v_new_stride_row + head * v_new_stride_head;
        kv_t *to = (kv_t *)v + block * v_stride_batch + in_block * v_stride_row +
                   head * v_stride_head;
        *(kv_chunk *)(to + d) = to_cache(*(const chunk *)(from + d), value_scale);
    }
}
