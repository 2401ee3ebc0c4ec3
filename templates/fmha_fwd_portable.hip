// Forward attention in fp32 without matrix units: any arch, any wave size that is a multiple of 4.
//
// One workgroup: TILE_Q query rows of one head, four neighbouring threads (a quad) per row. Thread
// `part` of a quad owns the 4-element chunks part, part + 4, part + 8 ... of its row of Q and O. K
// and V tiles of TILE_K keys go through LDS and are taken STEP keys at a time: a loop that is not
// unrolled, or the compiler fills the registers with early reads.

using float4 = vec<float, 4>;

constexpr int QK_CHUNKS = HDQK_PAD / 16; // chunks of a thread
constexpr int V_CHUNKS = HDV_PAD / 16;
constexpr int STEP = 8;

static_assert(TILE_K % STEP == 0 && STEP % 4 == 0, "whole steps, whole quads");
static_assert(TILE_Q * 4 == BLOCK, "a quad of threads per query row");
static_assert(LDS_BYTES == TILE_K * (HDQK_PAD + HDV_PAD) * 4, "one K and one V tile");

// The value of thread FROM of the quad.
template <int FROM> INLINE float from_quad(float x)
{
    return bit_cast<float>(
        __builtin_amdgcn_mov_dpp(bit_cast<int>(x), FROM * 0x55, 0xf, 0xf, true)); // quad_perm
}

template <int PERM> INLINE float permute_quad(float x)
{
    return bit_cast<float>(__builtin_amdgcn_mov_dpp(bit_cast<int>(x), PERM, 0xf, 0xf, true));
}

INLINE float quad_sum(float x)
{
    x += permute_quad<0xb1>(x);       // quad_perm:[1,0,3,2]
    return x + permute_quad<0x4e>(x); // quad_perm:[2,3,0,1]
}

INLINE float quad_max(float x)
{
    x = __builtin_fmaxf(x, permute_quad<0xb1>(x));
    return __builtin_fmaxf(x, permute_quad<0x4e>(x));
}

INLINE int quad_part() { return int(__builtin_amdgcn_workitem_id_x()) % 4; }

// TILE_K rows of PAD floats into LDS; elements past `used` and rows from `rows` on become 0.
// row_at(i) is where row i is.
template <int PAD, int USED, typename RowAt>
INLINE void load_tile(float *lds, int rows, RowAt row_at)
{
    for (int i = __builtin_amdgcn_workitem_id_x(); i < TILE_K * (PAD / 4); i += BLOCK) {
        int row = i / (PAD / 4), d = i % (PAD / 4) * 4;
        float4 value = 0;
        if (row < rows && d < USED)
            value = *(const float4 *)(row_at(row) + d);
        *(float4 *)(lds + row * PAD + d) = value;
    }
}

#if !AITER_SCORE_MODS && !AITER_MASK_MOD
constexpr float SCORE_UNIT = 1;
struct score_mods {
    INLINE float operator()(float s, int) const { return s; }
    INLINE bool visible(int) const { return true; }
};
#endif

struct state {
    score_mods mods;
    float4 q[QK_CHUNKS]; // this thread's part, times scale * log2(e) if mods do not do that
    float4 o[V_CHUNKS];  // not normalised
    float m;             // maximum of the row's scaled scores; -inf: no key seen
    float sum;           // of the row's probabilities, this thread's keys only
};

// The scheduler may start the reads of two keys early, not those of a whole step: at some head_dims
// it would take more registers than there are.
INLINE void limit_early_reads(int key)
{
    if (key % 2 == 1)
        __builtin_amdgcn_sched_barrier(0);
}

// The scaled scores of the keys that this thread keeps: key 4i + part, counted from first_key, in
// s[i]. Keys before `start` and from `limit` on are invisible; mask_mod is asked unless `full`.
INLINE void scores(const state &st, const float *k_lds, int first_key, int start, int limit,
                   bool full, float s[STEP / 4])
{
    const int part = quad_part();
    for (int key = 0; key < STEP; key++) {
        float dot = 0;
        for (int c = 0; c < QK_CHUNKS; c++) {
            float4 k = *(const float4 *)(k_lds + key * HDQK_PAD + (c * 4 + part) * 4);
            for (int e = 0; e < 4; e++)
                dot = __builtin_fmaf(st.q[c][e], k[e], dot);
        }
        dot = quad_sum(dot);
        if (part == key % 4) {
            bool visible = first_key + key < limit && (!LEFT_BOUND || first_key + key >= start) &&
                           (full || st.mods.visible(first_key + key));
            s[key / 4] = visible ? st.mods(dot, first_key + key) * SCORE_UNIT : -INFINITE;
        }
        limit_early_reads(key);
    }
}

INLINE void update_max(state &st, float tile_max)
{
    float m = __builtin_fmaxf(st.m, tile_max);
    float factor = st.m == -INFINITE ? 0 : hw_exp2(st.m - m);
    st.m = m;
    st.sum *= factor;
    for (int c = 0; c < V_CHUNKS; c++)
        st.o[c] *= factor;
}

template <int FROM> INLINE void accumulate_key(state &st, const float *v_row, float p)
{
    float weight = from_quad<FROM>(p);
    for (int c = 0; c < V_CHUNKS; c++) {
        float4 value = *(const float4 *)(v_row + FROM * HDV_PAD + (c * 4 + quad_part()) * 4);
        for (int e = 0; e < 4; e++)
            st.o[c][e] = __builtin_fmaf(weight, value[e], st.o[c][e]);
    }
    limit_early_reads(FROM);
}

INLINE void accumulate(state &st, const float *v_lds, const float s[STEP / 4])
{
    const float m = st.m == -INFINITE ? 0 : st.m;
    for (int i = 0; i < STEP / 4; i++) {
        float p = hw_exp2(s[i] - m);
        st.sum += p;
        const float *v_row = v_lds + i * 4 * HDV_PAD;
        accumulate_key<0>(st, v_row, p);
        accumulate_key<1>(st, v_row, p);
        accumulate_key<2>(st, v_row, p);
        accumulate_key<3>(st, v_row, p);
    }
}

// Visits this thread's chunks of a row of `USED` elements.
template <int CHUNKS, int USED, typename Visit> INLINE void each_chunk(Visit visit)
{
    for (int c = 0; c < CHUNKS; c++) {
        int d = (c * 4 + quad_part()) * 4;
        if (c * 16 + 16 <= USED || d < USED)
            visit(c, d);
    }
}

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    __shared__ __attribute__((aligned(16))) float lds[LDS_BYTES / 4];
    float *const k_lds = lds, *const v_lds = lds + TILE_K * HDQK_PAD;

    const variant_args va = VARIANT_ARGS;
    const work w = assign_work(va, num_heads, batch, seqlen_q, seqlen_k);
    const span queries = q_span(va, w.batch, seqlen_q), keys = k_span(va, w.batch, seqlen_k);
    if (MAY_BE_IDLE && uint(w.q0) >= uint(queries.length))
        return;
    const int row = w.q0 + int(__builtin_amdgcn_workitem_id_x()) / 4;
    const bool row_inside = row < queries.length;

    // Bottom-right alignment: query row i is at key i + offset. The first key that is seen by a
    // row, and the first that is seen no more.
    const int offset = keys.length - queries.length;
    auto start = [&](int i) { return LEFT_BOUND ? max(0, i + offset - left_bound(va)) : 0; };
    auto limit = [&](int i) {
        return RIGHT_BOUND ? min(keys.length, i + offset + right_bound(va) + 1) : keys.length;
    };
    const int first_key = start(w.q0), last_key = limit(min(queries.length, w.q0 + TILE_Q) - 1);
    const int row_start = start(row), row_limit = limit(row);

    state st;
    st.m = -INFINITE;
    st.sum = 0;
    for (int c = 0; c < QK_CHUNKS; c++)
        st.q[c] = 0;
    for (int c = 0; c < V_CHUNKS; c++)
        st.o[c] = 0;
#if AITER_SCORE_MODS || AITER_MASK_MOD
    st.mods.init(va, w, min(row, queries.length - 1), offset, keys.length, scale_log2);
#endif
#if AITER_SCORE_MODS
    const float scale = 1;
#else
    const float scale = scale_log2;
#endif
    const float *q_row = (const float *)q + w.batch * q_stride_batch + w.head * q_stride_head +
                         (queries.first + row) * q_stride_row;
#if AITER_ROTARY
    const rotation turned = rotation_of_query(va, w.batch, row, seqlen_k);
    auto q_chunk = [&](int d) { return turned.load<4>(q_row, d); };
#else
    auto q_chunk = [&](int d) { return *(const float4 *)(q_row + d); };
#endif
    if (row_inside)
        each_chunk<QK_CHUNKS, HDQK>([&](int c, int d) { st.q[c] = q_chunk(d) * scale; });

    const float *k_base = (const float *)k + w.kv_head * k_stride_head;
    const float *v_base = (const float *)v + w.kv_head * v_stride_head;
#if AITER_PAGES
    const int *table = va.page_table + w.batch * va.page_table_stride;
    const paged_rows<float> k_rows = { table, k_base, k_stride_batch, k_stride_row,
                                       0,     keys.length };
    const paged_rows<float> v_rows = { table, v_base, v_stride_batch, v_stride_row,
                                       0,     keys.length };
    auto k_row = [&](int key) { return k_rows.row(k_rows.block_of(key, 1), key); };
    auto v_row = [&](int key) { return v_rows.row(v_rows.block_of(key, 1), key); };
#else
    k_base += w.batch * k_stride_batch + keys.first * k_stride_row;
    v_base += w.batch * v_stride_batch + keys.first * v_stride_row;
    auto k_row = [&](int key) { return k_base + key * k_stride_row; };
    auto v_row = [&](int key) { return v_base + key * v_stride_row; };
#endif
    // Tiles of a block mask start at multiples of TILE_K: a key that the window hides from all rows is
    // not read, its row is that of another.
#if AITER_BLOCK_MASK
    const int first_tile = first_key & ~(TILE_K - 1);
    auto seen = [&](int key) { return LEFT_BOUND ? max(key, first_key) : key; };
#else
    const int first_tile = first_key;
    auto seen = [](int key) { return key; };
#endif
    tile_walk walk;
    walk.init(va, w, last_key);
    for (tile_at tile = walk.next(first_tile); tile.key < last_key;
         tile = walk.next(tile.key + TILE_K)) {
        const int key = tile.key, rows = min(last_key - key, TILE_K);
        load_tile<HDQK_PAD, HDQK>(k_lds, rows, [&](int i) { return k_row(seen(key + i)); });
        load_tile<HDV_PAD, HDV>(v_lds, rows, [&](int i) { return v_row(seen(key + i)); });
        __syncthreads();
#pragma unroll 1
        for (int first = 0; first < rows; first += STEP) {
            float s[STEP / 4];
            scores(st, k_lds + first * HDQK_PAD, key + first, row_start, row_limit, tile.full,
                   s);
            float step_max = s[0];
            for (int i = 1; i < STEP / 4; i++)
                step_max = __builtin_fmaxf(step_max, s[i]);
            update_max(st, quad_max(step_max));
            accumulate(st, v_lds + first * HDV_PAD, s);
        }
        __syncthreads();
    }

    if (!row_inside)
        return;
    LATE_ARGS;
    const row_sum end(quad_sum(st.sum), st.m == -INFINITE ? 0 : st.m, sink_of(va, w.head));
    const float inverse = end.inverse();
    float *out_row = (float *)LATE(out) + w.batch * LATE(out_stride_batch) +
                     w.head * LATE(out_stride_head) + (queries.first + row) * LATE(out_stride_row);
    each_chunk<V_CHUNKS, HDV>([&](int c, int d) { *(float4 *)(out_row + d) = st.o[c] * inverse; });
    if (LSE && quad_part() == 0)
        LATE(lse)[w.batch * LATE(lse_stride_batch) + w.head * LATE(lse_stride_head) +
                  queries.first + row] = end.lse();
}
