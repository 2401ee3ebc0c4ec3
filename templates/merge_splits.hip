// Splits into one output, by their log-sum-exp. A thread has 4 elements of a row, TILE_Q rows a
// workgroup; the splits of a row are neighbours in memory. Rows are all of the output, or those of a
// list: batch entry, token, first split, number of splits, of which there may be many, so that SHARES
// groups of threads take every SHARES-th split each.

constexpr int CHUNKS = HDV / 4;
#if AITER_SPLIT_LIST
constexpr int SHARES = BLOCK / CHUNKS / TILE_Q;
constexpr int BATCH = 8; // splits whose loads are on their way at a time
static_assert(LDS_BYTES >= TILE_Q * SHARES * CHUNKS * 6 * 4, "4 elements, maximum, sum a thread");
#else
constexpr int SHARES = 1;
constexpr int BATCH = 16;
#endif
static_assert(HDV % 4 == 0 && SHARES * TILE_Q * CHUNKS <= BLOCK, "whole chunks, whole rows");

using float4 = vec<float, 4>;

// A row's splits, or some of them: their sum is relative to e^m.
struct merged {
    float m, sum;
    float4 x;

    INLINE void add(const merged &other)
    {
        float top = __builtin_fmaxf(m, other.m), from = top == -INFINITE ? 0 : top;
        float own = hw_exp2((m - from) * LOG2_E), more = hw_exp2((other.m - from) * LOG2_E);
        x = x * own + other.x * more;
        sum = sum * own + other.sum * more;
        m = top;
    }
};

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const variant_args va = VARIANT_ARGS;
    const uint thread = __builtin_amdgcn_workitem_id_x(), group = thread / CHUNKS;
    const uint d = thread % CHUNKS * 4;
#if AITER_SPLIT_LIST
    const uint rows = uint(va.split_list[0]) * uint(num_heads);
    const uint own_row = __builtin_amdgcn_workgroup_id_x() * TILE_Q + group / SHARES;
    if (__builtin_amdgcn_workgroup_id_x() * TILE_Q >= rows)
        return;
    const int share = int(group % SHARES);
    const bool inside = group < TILE_Q * SHARES && own_row < rows && share == 0;
    const uint place = min(own_row, rows - 1);
    const int64 head = place % uint(num_heads);
    const vec<int, 4> entry =
        *(const vec<int, 4> *)(va.split_list + 4 + int64(place / uint(num_heads)) * 4);
    const int64 b = entry.x, token = entry.y, first_part = head * va.split_room + entry.z;
    const int count = entry.w;
#else
    const uint rows = uint(batch) * uint(num_heads) * uint(seqlen_q);
    const uint own = __builtin_amdgcn_workgroup_id_x() * TILE_Q + group;
    const bool inside = group < TILE_Q && own < rows;
    const uint place = min(own, rows - 1); // so that the loops are the same in all lanes
    const int share = 0;
    const uint slice = place / uint(seqlen_q);
    const int64 token = place % uint(seqlen_q), head = slice % uint(num_heads);
    const int64 b = slice / uint(num_heads), first_part = int64(place) * va.num_splits;
    const int count = va.num_splits;
#endif
    const float *sums = va.partial_lse + first_part;
    const float *parts = va.partial + first_part * HDV + d;

    // Loads depend on no condition, or each would be waited for. Places behind the last split stand
    // for one without keys. What such a one would have in `parts` may never have been written: the
    // best one is read instead, and the first always has been.
    const int last = count - 1;
    auto split_at = [&](int i) { return i * SHARES + share; };
    auto sum_of = [&](int s) {
        return __builtin_fminf(sums[min(s, last)], s <= last ? INFINITE : -INFINITE);
    };
    merged row = { -INFINITE, 0, 0 };
    int best = 0;
    for (int first = 0; split_at(first) <= last; first += BATCH)
        for (int i = 0; i < BATCH; i++) {
            float s = sum_of(split_at(first + i));
            best = s > row.m ? split_at(first + i) : best;
            row.m = __builtin_fmaxf(row.m, s);
        }
    const float from = row.m == -INFINITE ? 0 : row.m;
    for (int first = 0; split_at(first) <= last; first += BATCH) {
        float weight[BATCH];
        float4 part[BATCH];
        for (int i = 0; i < BATCH; i++)
            weight[i] = hw_exp2((sum_of(split_at(first + i)) - from) * LOG2_E);
        for (int i = 0; i < BATCH; i++) {
            int split = weight[i] == 0 ? best : split_at(first + i);
            part[i] = *(const float4 *)(parts + int64(split) * HDV);
        }
        __builtin_amdgcn_sched_barrier(0); // all are on their way before the first is waited for
        for (int i = 0; i < BATCH; i++) {
            row.sum += weight[i];
            row.x += part[i] * weight[i];
        }
    }
#if AITER_SPLIT_LIST
    __shared__ __attribute__((aligned(16))) float lds[LDS_BYTES / 4];
    float4 *const outputs = (float4 *)lds;
    vec<float, 2> *const stats = (vec<float, 2> *)(outputs + TILE_Q * SHARES * CHUNKS);
    if (group < TILE_Q * SHARES) {
        outputs[thread] = row.x;
        stats[thread] = { row.m, row.sum };
    }
    __syncthreads();
    if (!inside)
        return;
    for (int i = 1; i < SHARES; i++) {
        uint other = thread + i * CHUNKS;
        row.add({ stats[other].x, stats[other].y, outputs[other] });
    }
#else
    if (!inside)
        return;
#endif
    row.x *= row.sum == 0 ? 0 : 1 / row.sum;
    vec<elem_t, 4> merged_row;
    for (int e = 0; e < 4; e++)
        merged_row[e] = elem_t(row.x[e]);
    *(vec<elem_t, 4> *)((elem_t *)out + b * out_stride_batch + token * out_stride_row +
                        head * out_stride_head + d) = merged_row;
    if (LSE && d == 0)
        lse[b * lse_stride_batch + head * lse_stride_head + token] = row.m + hw_log2(row.sum) * LN2;
}
