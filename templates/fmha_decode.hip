// Few query rows over many keys (gfx90a, gfx942, gfx950), fp16 and bf16: split decode.
//
// One workgroup: one KV head of one sequence, one split of its keys. All query heads of the group and
// all query tokens are the columns of one matrix, so that K and V are read once. A wave takes KEYS
// keys at a time, every fourth such step, and keeps an output of its own; the four are added at the
// end, through LDS, in the order of the waves. Nothing else goes through LDS:
//
//   S^T = K Q^T   16x16x16: A row (key) l % 16, k (d) 4g + e; g = l / 16, e < 4. The order of d is
//                 free, so lane l takes 8 neighbouring d at a time, as two instructions, or as one of
//                 gfx950's 16x16x32, whose k is 8g + e, e < 8.
//   O^T = V^T P   P is where S^T left it: column l % 16, key 4g + e. A row i of block j is
//                 d = CHUNK * i + j, so that lane l needs CHUNK neighbouring d of 4 keys.

using half4 = vec<elem_t, 4>;
using float4 = vec<float, 4>;

constexpr int WAVES = BLOCK / 64;
constexpr int KEYS = TILE_K / WAVES;         // of a wave's step
constexpr int GROUPS = KEYS / 16;            // 16 keys, which are in one page
constexpr int COLUMNS = ROWS / 16;           // blocks of 16 packed query rows
constexpr int QK_STEPS = ceil_div(HDQK, 32);
constexpr int WIDE = KV_BYTES == 1 ? HDQK / 64 * 2 : 0; // steps that a lane loads in pairs, 16 bytes
constexpr int CHUNK = HDV_PAD < 128 ? 4 : 8; // neighbouring d of V that a lane loads
constexpr int PASSES = HDV_PAD / (16 * CHUNK);
constexpr float RESCALE_LOG2 = 8;

// Are there registers for the next step's keys while this one's are computed with?
constexpr bool LOAD_EARLY = COLUMNS == 1 || HDQK_PAD + HDV_PAD <= 384 || !SCORE_MODS;

static_assert(TILE_K % (16 * WAVES) == 0 && ROWS % 16 == 0, "whole matrix instructions");
static_assert(LDS_BYTES >= WAVES * 16 * 16 * CHUNK * 4, "an output block of each wave");
static_assert(LDS_BYTES >= WAVES * ROWS * 8, "maximum and sum of each wave's rows");

// Steps start where pages may: there can be rows before the first key that is seen.
#if AITER_PAGES
constexpr bool ROWS_BEFORE = LEFT_BOUND;
constexpr int START = 16;
#else
constexpr bool ROWS_BEFORE = false;
constexpr int START = 1;
#endif

INLINE float4 mfma(uint2 a, uint2 b, float4 acc)
{
#if AITER_DTYPE_FP16
    return __builtin_amdgcn_mfma_f32_16x16x16f16(bit_cast<half4>(a), bit_cast<half4>(b), acc, 0, 0,
                                                 0);
#else
    using short4 = vec<short, 4>;
    return __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(bit_cast<short4>(a), bit_cast<short4>(b), acc,
                                                     0, 0, 0);
#endif
}

// acc += A B over the 32 values of k that two steps have.
INLINE float4 mfma(uint4 a, uint4 b, float4 acc)
{
#if AITER_CDNA == 4
    using elem8 = vec<elem_t, 8>;
#if AITER_DTYPE_FP16
    return __builtin_amdgcn_mfma_f32_16x16x32_f16(bit_cast<elem8>(a), bit_cast<elem8>(b), acc, 0, 0,
                                                  0);
#else
    return __builtin_amdgcn_mfma_f32_16x16x32_bf16(bit_cast<elem8>(a), bit_cast<elem8>(b), acc, 0, 0,
                                                   0);
#endif
#else
    return mfma(a.hi, b.hi, mfma(a.lo, b.lo, acc));
#endif
}

// The first of the lane's 8 d in step p.
INLINE int d_of(int p)
{
    int group = lane_id() / 16;
    return p < WIDE ? p / 2 * 64 + group * 16 + p % 2 * 8 : p * 32 + group * 8;
}

// Over the four lanes of a column.
INLINE float column_max(float x)
{
    x = __builtin_fmaxf(x, from_lane(lane_id() ^ 16, x));
    return __builtin_fmaxf(x, from_lane(lane_id() ^ 32, x));
}

INLINE float column_sum(float x)
{
    x += from_lane(lane_id() ^ 16, x);
    return x + from_lane(lane_id() ^ 32, x);
}

// ---- Global memory ----

// Keys or values of one KV head of one sequence.
struct source {
    const kv_t *base;
    int64 stride_block, stride_row;
};

struct keys_and_values {
    source k, v;
    const int *table; // of the sequence
    int first;        // keys before this one, and
    int end;          // from this one on, are not read, nor are their entries in the table

    INLINE const kv_t *rows(const source &s, int block, int key) const
    {
#if AITER_PAGES
        return s.base + block * s.stride_block + key % BLOCK_SIZE * s.stride_row;
#else
        return s.base + key * s.stride_row;
#endif
    }

    // The block of 16 keys, of which none is before the first key's 16; `key` is the same in all lanes.
    INLINE int block_of(int key) const
    {
        int block = 0;
#if AITER_PAGES
        if (key < end)
            block = table[key / BLOCK_SIZE];
#endif
        return block;
    }
};

using values = vec<uint, CHUNK / 2>; // CHUNK neighbouring d of a key
template <int N> struct in_memory { using type = kv_half; };
template <> struct in_memory<8> { using type = kv_chunk; };
using v_chunk = in_memory<CHUNK>::type;

// What a wave holds of KEYS keys: operands of both products, as they are in memory.
struct step {
    kv_chunk k[GROUPS][QK_STEPS];
    v_chunk v[GROUPS][PASSES][4];

    INLINE void load(const keys_and_values &from, int key)
    {
        for (int i = 0; i < GROUPS; i++, key += 16) {
            int rows = min(from.end - key, 16), block = from.block_of(key);
            load_k(rows_at(from.rows(from.k, block, key), rows, from.k.stride_row, HDQK),
                   int(from.k.stride_row), k[i]);
            load_v(rows_at(from.rows(from.v, block, key), rows, from.v.stride_row, HDV),
                   int(from.v.stride_row), from.first - key, v[i]);
        }
    }

    INLINE static void load_k(__amdgpu_buffer_rsrc_t rows, int stride, kv_chunk to[QK_STEPS])
    {
        int row = lane_id() % 16 * stride;
#if AITER_FP8_KV
        for (int p = 0; p < WIDE; p += 2) {
            uint4 pair = load16(rows, row + d_of(p));
            to[p] = pair.lo;
            to[p + 1] = pair.hi;
        }
#endif
        for (int p = WIDE; p < QK_STEPS; p++) {
            bool inside = p * 32 + 32 <= HDQK || d_of(p) < HDQK;
            fetch(rows, inside ? (row + d_of(p)) * KV_BYTES : OUTSIDE, to[p]);
        }
    }

    // Rows before `first` must not be in the product: a probability of 0 does not remove a NaN.
    INLINE static void load_v(__amdgpu_buffer_rsrc_t rows, int stride, int first,
                              v_chunk to[PASSES][4])
    {
        for (int pass = 0; pass < PASSES; pass++)
            for (int e = 0; e < 4; e++) {
                int d = (pass * 16 + lane_id() % 16) * CHUNK, row = lane_id() / 16 * 4 + e;
                bool inside = (HDV == HDV_PAD || d < HDV) && (!ROWS_BEFORE || row >= first);
                fetch(rows, inside ? (row * stride + d) * KV_BYTES : OUTSIDE, to[pass][e]);
            }
    }
};

// A operand of O^T for block j: element j of each of the lane's 4 keys.
INLINE uint2 v_operand(const values v[4], int j)
{
    uint select = j % 2 ? 0x07060302 : 0x05040100;
    return { __builtin_amdgcn_perm(v[1][j / 2], v[0][j / 2], select),
             __builtin_amdgcn_perm(v[3][j / 2], v[2][j / 2], select) };
}

// ---- One wave's state ----

// What a lane's row of a block sees.
struct view {
    int first, limit; // keys before first and from limit on are invisible
#if AITER_SCORE_MODS || AITER_MASK_MOD
    score_mods mods;
#endif
};

struct state {
    uint4 q[COLUMNS][QK_STEPS];
    float4 o[COLUMNS][PASSES][CHUNK];
    float m[COLUMNS], m_scaled[COLUMNS], sum[COLUMNS]; // as in fmha_fwd_mfma.hip
};

INLINE void update_max(state &st, int c, float most, float scale)
{
    bool grew = (most * scale > st.m_scaled[c] + RESCALE_LOG2) |
                ((st.m[c] == -INFINITE) & (most > st.m[c]));
    if (!__builtin_amdgcn_ballot_w64(grew))
        return;
    float m = column_max(__builtin_fmaxf(st.m[c], most));
    float m_scaled = m == -INFINITE ? 0 : m * scale;
    float factor = st.m[c] == -INFINITE ? 0 : hw_exp2(st.m_scaled[c] - m_scaled);
    st.m[c] = m;
    st.m_scaled[c] = m_scaled;
    st.sum[c] *= factor;
    for (int pass = 0; pass < PASSES; pass++)
        for (int j = 0; j < CHUNK; j++)
            st.o[c][pass][j] *= factor;
}

// P of block c from the step's keys, the first of which is `key`. Every step is masked: a branch
// behind the matrix instructions would save a few instructions, and LLVM 21 does not always wait for
// their results on the way around.
INLINE void probabilities(state &st, int c, const step &now, int key, const view &row, float scale,
                          uint2 p[GROUPS])
{
    float4 s[GROUPS];
    float most = -INFINITE;
    for (int i = 0; i < GROUPS; i++) {
        s[i] = float4(0);
        for (int d = 0; d < QK_STEPS; d++)
            s[i] = mfma(widen(now.k[i][d]), st.q[c][d], s[i]);
    }
#pragma unroll // or scores would be indexed, and so in memory
    for (int i = 0; i < GROUPS; i++)
#pragma unroll
        for (int r = 0; r < 4; r++) {
            int at = key + i * 16 + lane_id() / 16 * 4 + r;
#if AITER_SCORE_MODS
            s[i][r] = row.mods(s[i][r], at);
#endif
#if AITER_MASK_MOD
            s[i][r] = row.mods.visible(at) ? s[i][r] : -INFINITE;
#endif
            if ((LEFT_BOUND && at < row.first) || at >= row.limit)
                s[i][r] = -INFINITE;
            most = __builtin_fmaxf(most, s[i][r]);
        }
    update_max(st, c, bound_max(most), scale);
    for (int i = 0; i < GROUPS; i++) {
        float4 x;
        for (int r = 0; r < 4; r++)
            x[r] = hw_exp2(__builtin_fmaf(s[i][r], scale, -st.m_scaled[c]));
        st.sum[c] += (x[0] + x[1]) + (x[2] + x[3]);
        p[i] = uint2{ pack_probabilities(x[0], x[1]), pack_probabilities(x[2], x[3]) };
    }
}

INLINE void accumulate(state &st, const step &now, const uint2 p[COLUMNS][GROUPS])
{
    for (int i = 0; i < GROUPS; i++)
        for (int pass = 0; pass < PASSES; pass++) {
            values v[4];
            for (int e = 0; e < 4; e++)
                v[e] = widen(now.v[i][pass][e]);
            for (int j = 0; j < CHUNK; j++) {
                uint2 a = v_operand(v, j);
                for (int c = 0; c < COLUMNS; c++)
                    st.o[c][pass][j] = mfma(a, p[c][i], st.o[c][pass][j]);
            }
        }
}

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    __shared__ __attribute__((aligned(16))) float lds[LDS_BYTES / 4];

    const variant_args va = VARIANT_ARGS;
    const int thread = int(__builtin_amdgcn_workitem_id_x());
    const int wave = __builtin_amdgcn_readfirstlane(thread / 64);
    const uint workgroup = __builtin_amdgcn_workgroup_id_x();
    const int split = int(workgroup % uint(va.num_splits));
    const uint slice = workgroup / uint(va.num_splits), heads_kv = uint(num_heads) / GQA;
    const int b = int(slice / heads_kv), kv_head = int(slice % heads_kv);

    // Splits share the keys that some row sees, which the last row does up to the last key. They have
    // whole tiles, all but the last ones the same number.
    const int length = k_span(va, b, seqlen_k).length, offset = length - seqlen_q;
    const int first = LEFT_BOUND ? max(0, offset - left_bound(va)) : 0;
    const int start = first / START * START;
    const int share = ceil_div(ceil_div(length - start, TILE_K), va.num_splits) * TILE_K;
    const int begin = int(min(start + int64(split) * share, int64(length)));
    const int end = min(begin + share, length);

#if AITER_FP8_KV
    const float key_scale = va.k_scale[kv_head * va.k_scale_stride];
    const float value_scale = va.v_scale[kv_head * va.v_scale_stride];
#else
    const float key_scale = 1, value_scale = 1;
#endif
#if AITER_SCORE_MODS
    const float scale = SCORE_UNIT;
    const bool negate = false;
#else
    const float scale = __builtin_fabsf(scale_log2 * key_scale);
    const bool negate = scale_log2 * key_scale < 0;
#endif

    // Packed row r is query token r / GQA of head r % GQA of the group.
    state st;
    view rows[COLUMNS];
    float sink[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) {
        int row = c * 16 + lane_id() % 16, token = row / GQA, head = kv_head * GQA + row % GQA;
        rows[c].first = token + offset - left_bound(va);
        rows[c].limit = RIGHT_BOUND ? min(end, token + offset + right_bound(va) + 1) : end;
#if AITER_SCORE_MODS || AITER_MASK_MOD
        rows[c].mods.init(va, work{ b, head, kv_head, 0 }, min(token, seqlen_q - 1), offset, length,
                          scale_log2);
        rows[c].mods.scale *= key_scale;
#endif
        sink[c] = split == 0 ? sink_of(va, head) : -INFINITE; // a key of the first split
        const elem_t *q_row = (const elem_t *)q + b * q_stride_batch + token * q_stride_row +
                              head * q_stride_head;
#if AITER_ROTARY
        const rotation turned = rotation_of_query(va, b, token, seqlen_k);
#endif
        for (int p = 0; p < QK_STEPS; p++) {
            int d = d_of(p);
            st.q[c][p] = 0;
            if (token < seqlen_q && d < HDQK)
#if AITER_ROTARY
                st.q[c][p] = bit_cast<uint4>(turned.load<8>(q_row, d)) ^
                             (negate ? 0x80008000u : 0);
#else
                st.q[c][p] = *(const uint4 *)(q_row + d) ^ (negate ? 0x80008000u : 0);
#endif
        }
        for (int pass = 0; pass < PASSES; pass++)
            for (int j = 0; j < CHUNK; j++)
                st.o[c][pass][j] = float4(0);
        st.m[c] = -INFINITE;
        st.m_scaled[c] = 0;
        st.sum[c] = 0;
    }

    keys_and_values kv;
    kv.k = { (const kv_t *)k + kv_head * k_stride_head, k_stride_batch, k_stride_row };
    kv.v = { (const kv_t *)v + kv_head * v_stride_head, v_stride_batch, v_stride_row };
    kv.first = first;
    kv.end = end;
#if AITER_PAGES
    kv.table = va.page_table + b * va.page_table_stride;
#else
    kv.k.base += b * k_stride_batch;
    kv.v.base += b * v_stride_batch;
#endif

    step now, next;
    int key = begin + wave * KEYS;
    if (LOAD_EARLY)
        next.load(kv, key);
    for (; key < end; key += TILE_K) {
        now = next;
        (LOAD_EARLY ? next : now).load(kv, LOAD_EARLY ? key + TILE_K : key);
        uint2 p[COLUMNS][GROUPS];
        for (int c = 0; c < COLUMNS; c++)
            probabilities(st, c, now, key, rows[c], scale, p[c]);
        accumulate(st, now, p);
    }

    // ---- The four waves' outputs into one ----

    float inverse[COLUMNS], natural[COLUMNS];
    vec<float, 2> *stats = (vec<float, 2> *)lds;
    for (int c = 0; c < COLUMNS; c++) {
        float sum = column_sum(st.sum[c]);
        if (lane_id() < 16)
            stats[wave * ROWS + c * 16 + lane_id()] = {
                st.m[c] == -INFINITE ? -INFINITE : st.m_scaled[c], sum
            };
    }
    __syncthreads();
    for (int c = 0; c < COLUMNS; c++) {
        int row = c * 16 + lane_id() % 16;
        float m = -INFINITE, sum = 0;
        for (int w = 0; w < WAVES; w++)
            m = __builtin_fmaxf(m, stats[w * ROWS + row].x);
        const float top = m == -INFINITE ? 0 : m;
        for (int w = 0; w < WAVES; w++)
            sum += stats[w * ROWS + row].y * hw_exp2(stats[w * ROWS + row].x - top);
        const row_sum total(sum, top, sink[c]);
        inverse[c] = total.inverse() * value_scale;
        natural[c] = total.lse();
        float factor = st.m[c] == -INFINITE ? 0 : hw_exp2(st.m_scaled[c] - top);
        for (int pass = 0; pass < PASSES; pass++)
            for (int j = 0; j < CHUNK; j++)
                st.o[c][pass][j] *= factor;
    }

    // A thread ends with CHUNK neighbouring elements of one row.
    for (int c = 0; c < COLUMNS; c++)
        for (int pass = 0; pass < PASSES; pass++) {
            __syncthreads();
            for (int r = 0; r < 4; r++) {
                float *to = lds + (wave * 16 + lane_id() % 16) * 16 * CHUNK +
                            (lane_id() / 16 * 4 + r) * CHUNK;
                for (int j = 0; j < CHUNK; j++)
                    to[j] = st.o[c][pass][j][r];
            }
            __syncthreads();
            const int column = thread / 16, row = c * 16 + column, token = row / GQA;
            const int head = kv_head * GQA + row % GQA, d = (pass * 16 + thread % 16) * CHUNK;
            const float factor = from_lane(column, inverse[c]), sum = from_lane(column, natural[c]);
            float x[CHUNK];
            for (int j = 0; j < CHUNK; j++) {
                x[j] = 0;
                for (int w = 0; w < WAVES; w++)
                    x[j] += lds[(w * 16 + column) * 16 * CHUNK + thread % 16 * CHUNK + j];
                x[j] *= factor;
            }
            if (token >= seqlen_q || d >= HDV)
                continue;
            if (va.num_splits == 1) {
                values packed;
                for (int j = 0; j < CHUNK; j += 2)
                    packed[j / 2] = pack(x[j], x[j + 1]);
                *(values *)((elem_t *)out + b * out_stride_batch + token * out_stride_row +
                            head * out_stride_head + d) = packed;
                if (LSE && d == 0)
                    lse[b * lse_stride_batch + head * lse_stride_head + token] = sum;
            } else {
                int64 place = ((int64(b) * num_heads + head) * seqlen_q + token) * va.num_splits +
                              split;
                for (int j = 0; j < CHUNK; j += 4)
                    *(float4 *)(va.partial + place * HDV + d + j) =
                        float4{ x[j], x[j + 1], x[j + 2], x[j + 3] };
                if (d == 0)
                    va.partial_lse[place] = sum;
            }
        }
}
