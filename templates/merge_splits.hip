// Splits into one output, by their log-sum-exp. One thread 4 elements of a row, TILE_Q whole rows a
// workgroup; the splits of a row are neighbours in memory. Rows are all of the output, or those of a
// list: batch entry, token, first split, number of splits.

constexpr int CHUNKS = HDV / 4;
constexpr int BATCH = 8; // splits whose loads are on their way at a time
static_assert(HDV % 4 == 0 && TILE_Q * CHUNKS <= BLOCK, "whole chunks, whole rows");

using float4 = vec<float, 4>;

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const variant_args va = VARIANT_ARGS;
    const uint thread = __builtin_amdgcn_workitem_id_x();
#if AITER_SPLIT_LIST
    const uint rows = uint(va.split_list[0]) * uint(num_heads);
    if (rows == 0)
        return;
#else
    const uint rows = uint(batch) * uint(num_heads) * uint(seqlen_q);
#endif
    const uint own = __builtin_amdgcn_workgroup_id_x() * TILE_Q + thread / CHUNKS;
    const bool inside = thread < TILE_Q * CHUNKS && own < rows;
    const uint place = min(own, rows - 1); // so that the loops are the same in all lanes
    const uint d = thread % CHUNKS * 4;
#if AITER_SPLIT_LIST
    const int64 head = place % uint(num_heads);
    const vec<int, 4> entry =
        *(const vec<int, 4> *)(va.split_list + 4 + int64(place / uint(num_heads)) * 4);
    const int64 b = entry.x, token = entry.y, first_part = head * va.split_room + entry.z;
    const int count = entry.w;
#else
    const uint slice = place / uint(seqlen_q);
    const int64 token = place % uint(seqlen_q), head = slice % uint(num_heads);
    const int64 b = slice / uint(num_heads), first_part = int64(place) * va.num_splits;
    const int count = va.num_splits;
#endif
    const float *sums = va.partial_lse + first_part;
    const float *parts = va.partial + first_part * HDV + d;

    // Places behind the last split stand for one without keys.
    const int last = count - 1;
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
#if AITER_SPLIT_LIST
            if (weight == 0) // nobody may have written it
                continue;
#endif
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
