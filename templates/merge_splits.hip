// The splits of a decode into its output, by their log-sum-exp. One thread 4 elements of a row, TILE_Q
// whole rows a workgroup; the splits of a row are neighbours in memory, and loads of 8 are on their
// way at a time.

constexpr int CHUNKS = HDV / 4;
static_assert(HDV % 4 == 0 && TILE_Q * CHUNKS <= BLOCK, "whole chunks, whole rows");

using float4 = vec<float, 4>;

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const variant_args va = VARIANT_ARGS;
    const uint thread = __builtin_amdgcn_workitem_id_x();
    const uint rows = uint(batch) * uint(num_heads) * uint(seqlen_q);
    const uint place = __builtin_amdgcn_workgroup_id_x() * TILE_Q + thread / CHUNKS;
    if (thread >= TILE_Q * CHUNKS || place >= rows)
        return;
    const int64 token = place % uint(seqlen_q), slice = place / uint(seqlen_q);
    const int64 head = slice % num_heads, b = slice / num_heads, d = thread % CHUNKS * 4;
    const float *sums = va.partial_lse + int64(place) * va.num_splits;
    const float *parts = va.partial + int64(place) * va.num_splits * HDV + d;

    float m = -INFINITE, sum = 0;
#pragma unroll 8
    for (int s = 0; s < va.num_splits; s++)
        m = __builtin_fmaxf(m, sums[s]);
    const float from = m == -INFINITE ? 0 : m;
    float4 x = 0;
#pragma unroll 8
    for (int s = 0; s < va.num_splits; s++) {
        float weight = hw_exp2((sums[s] - from) * LOG2_E);
        sum += weight;
        x += *(const float4 *)(parts + int64(s) * HDV) * weight;
    }
    x *= sum == 0 ? 0 : 1 / sum;
    vec<elem_t, 4> merged;
    for (int e = 0; e < 4; e++)
        merged[e] = elem_t(x[e]);
    *(vec<elem_t, 4> *)((elem_t *)out + b * out_stride_batch + token * out_stride_row +
                        head * out_stride_head + d) = merged;
    if (LSE && d == 0)
        lse[b * lse_stride_batch + head * lse_stride_head + token] = m + hw_log2(sum) * LN2;
}
