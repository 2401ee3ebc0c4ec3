// Two partial attention outputs over different keys into one, by their log-sum-exp. Any arch.
//
// One thread a chunk of 16 bytes of a row, TILE_Q whole rows a workgroup. Everything of a row is
// read before anything of it is written, so that outputs may be inputs.

constexpr int CHUNK = 16 / sizeof(elem_t);
constexpr int CHUNKS = HDV / CHUNK;

static_assert(HDV % CHUNK == 0 && TILE_Q * CHUNKS <= BLOCK, "whole chunks, whole rows");

using chunk = vec<elem_t, CHUNK>;

// A side of the merge. Without keys (-inf) it has no weight, and what is in its row is not read.
struct side {
    float lse;
    chunk data;

    INLINE void read(const void *out, int64 out_at, const float *lses, int64 lse_at)
    {
        lse = lses[lse_at];
        data = chunk(elem_t(0));
        if (lse != -INFINITE)
            data = *(const chunk *)((const elem_t *)out + out_at);
    }
};

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    const uint thread = __builtin_amdgcn_workitem_id_x();
    const uint rows = uint(seqlen) * uint(num_heads), tiles = (rows - 1) / TILE_Q + 1;
    const uint workgroup = __builtin_amdgcn_workgroup_id_x();
    const int64 entry = workgroup / tiles;
    // Heads of a row are neighbours.
    const uint place = workgroup % tiles * TILE_Q + thread / CHUNKS;
    const bool inside = thread < TILE_Q * CHUNKS && place < rows;
    const int64 row = place / uint(num_heads), head = place % uint(num_heads);
    const int64 d = thread % CHUNKS * CHUNK;

    side a, b;
    if (inside) {
        a.read(out_a,
               entry * out_a_stride_batch + row * out_a_stride_row + head * out_a_stride_head + d,
               lse_a, entry * lse_a_stride_batch + head * lse_a_stride_head + row);
        b.read(out_b,
               entry * out_b_stride_batch + row * out_b_stride_row + head * out_b_stride_head + d,
               lse_b, entry * lse_b_stride_batch + head * lse_b_stride_head + row);
    }
    __syncthreads(); // other threads of the row read the log-sum-exps too
    if (!inside)
        return;

    const float m = __builtin_fmaxf(a.lse, b.lse), from = m == -INFINITE ? 0 : m;
    const float weight_a = hw_exp2((a.lse - from) * LOG2_E);
    const float weight_b = hw_exp2((b.lse - from) * LOG2_E);
    const float sum = weight_a + weight_b, inverse = sum == 0 ? 0 : 1 / sum;
    chunk merged;
    for (int e = 0; e < CHUNK; e++)
        merged[e] = elem_t((weight_a * float(a.data[e]) + weight_b * float(b.data[e])) * inverse);
    *(chunk *)((elem_t *)out + entry * out_stride_batch + row * out_stride_row +
               head * out_stride_head + d) = merged;
    if (LSE && d == 0)
        lse[entry * lse_stride_batch + head * lse_stride_head + row] = m + hw_log2(sum) * LN2;
}
