// The splits of a decode into its output, by their log-sum-exp. One thread 4 elements of a row, TILE_Q
// whole rows a workgroup; the splits of a row are neighbours in memory.

constexpr int CHUNKS = HDV / 4;
constexpr int BATCH = 8; // splits whose loads are on their way at a time
static_assert(HDV % 4 == 0 && TILE_Q * CHUNKS <= BLOCK, "whole chunks, whole rows");

using float4 = vec<float, 4>;

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const variant_args va = VARIANT_ARGS;
    const uint thread = __builtin_amdgcn_workitem_id_x();
    const uint rows = uint(batch) * uint(num_heads) * uint(seqlen_q);
    const uint own = __builtin_amdgcn_workgroup_id_x() * TILE_Q + thread / CHUNKS;
    const bool inside = thread < TILE_Q * CHUNKS && own < rows;
    const uint place = min(own, rows - 1); // so that the loops are the same in all lanes
    const uint slice = place / uint(seqlen_q), d = thread % CHUNKS * 4;
    const int64 token = place % uint(seqlen_q), head = slice % uint(num_heads);
    const int64 b = slice / uint(num_heads);
    const float *sums = va.partial_lse + int64(place) * va.num_splits;
    const float *parts = va.partial + int64(place) * va.num_splits * HDV + d;

    // Places behind the last split stand for one without keys.
    const int last = va.num_splits - 1;
    auto sum_of = [&](int s) { return s <= last ? sums[min(s, last)] : -INFINITE; };
    float m = -INFINITE, sum = 0;
    for (int first = 0; first <= last; first += BATCH)
        for (int i = 0; i < BATCH; i++)
            m = __builtin_fmaxf(m, sum_of(first + i));
    const float from = m == -INFINITE ? 0 : m;
    float4 x = 0;
    for (int first = 0; first <= last; first += BATCH)
        for (int i = 0; i < BATCH; i++) {
            float weight = hw_exp2((sum_of(first + i) - from) * LOG2_E);
            sum += weight;
            x += *(const float4 *)(parts + int64(min(first + i, last)) * HDV) * weight;
        }
    if (!inside)
        return;
    x *= sum == 0 ? 0 : 1 / sum;
    vec<elem_t, 4> merged;
    for (int e = 0; e < 4; e++)
        merged[e] = elem_t(x[e]);
    *(vec<elem_t, 4> *)((elem_t *)out + b * out_stride_batch + token * out_stride_row +
                        head * out_stride_head + d) = merged;
    if (LSE && d == 0)
        lse[b * lse_stride_batch + head * lse_stride_head + token] = m + hw_log2(sum) * LN2;
}
