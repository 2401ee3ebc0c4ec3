// Forward attention on the matrix units (gfx90a, gfx942, gfx950), fp16 and bf16.
//
// One workgroup: TILE_Q query rows of one head, 32 per wave. It walks the keys in steps of TILE_K;
// K and V tiles are double-buffered in LDS, the next pair travels through registers while this one
// is computed with.
//
// Everything is computed transposed, so that P never leaves its registers:
//   S^T = K Q^T   A = K (32 keys x d), B = Q (d x 32 queries); lane l holds query l % 32
//   O^T = V^T P   A = V^T (32 d x keys), B = P (keys x 32 queries)
// Operand layouts (AMD matrix instruction calculator), l = lane, h = l / 32:
//
//   32x32x8   A: row l % 32, k = 4h + e, e < 4; B: column l % 32, k alike
//   32x32x16  (gfx950) k = 8h + e, e < 8
//   C and D   column l % 32, row 8(r / 4) + 4h + r % 4, r < 16
//
// So registers 4t .. 4t+3 of S^T are the B operand for keys 8t + 4h + e. The sum over d does not
// depend on the order of d: lane l takes d = 16p + 8h .. + 7 in step p, 16 bytes, on every arch.
// The sum over keys is taken in steps of 16, element e of lane l being key 16t + 8(e / 4) + 4h + e
// % 4; V^T is laid out to match.

using half8 = vec<elem_t, 8>;
using float16 = vec<float, 16>;

constexpr int WAVES = BLOCK / 64;
constexpr int KEY_BLOCKS = TILE_K / 32;      // 32-key blocks in a step
constexpr int QK_STEPS = ceil_div(HDQK, 16); // d in steps of 16
constexpr int PV_STEPS = TILE_K / 16;        // keys in steps of 16
constexpr int V_BLOCKS = HDV_PAD / 32;       // 32-row blocks of O^T
constexpr int K_CHUNKS = HDQK_PAD / 8;       // chunks of 8 elements of a K row
constexpr int V_CHUNKS = HDV_PAD / 8;
constexpr int K_BYTES = TILE_K * HDQK_PAD * 2;
constexpr int V_BYTES = TILE_K * HDV_PAD * 2;
constexpr float RESCALE_LOG2 = 8; // P may grow to 2^8 before O is rescaled: exact in fp16 and bf16

#if AITER_BLOCK_MASK
constexpr int TILE_STARTS = TILE_K; // tiles start at multiples of this: each is in one block
#elif AITER_PAGES
constexpr int TILE_STARTS = 4; // 4 keys are transposed together
#else
constexpr int TILE_STARTS = 1;
#endif

// Are there registers to spare? Blocks of the page table are then looked up a step before they are
// loaded; and changing scores leaves room for the next tile.
constexpr bool SPARE_REGISTERS = HDQK_PAD + HDV_PAD <= 384;
constexpr bool LOAD_EARLY = SPARE_REGISTERS || !SCORE_MODS; // while this tile is computed with

static_assert(TILE_Q == 32 * WAVES && TILE_K % 32 == 0, "a wave owns 32 query rows");
static_assert(LDS_BYTES == 2 * (K_BYTES + V_BYTES), "K and V are double-buffered");

// ---- Arithmetic that differs between the archs ----

// acc += A B over 16 values of k.
INLINE float16 mfma(half8 a, half8 b, float16 acc)
{
#if AITER_CDNA == 4
#if AITER_DTYPE_FP16
    return __builtin_amdgcn_mfma_f32_32x32x16_f16(a, b, acc, 0, 0, 0);
#else
    return __builtin_amdgcn_mfma_f32_32x32x16_bf16(a, b, acc, 0, 0, 0);
#endif
#elif AITER_DTYPE_FP16
    acc = __builtin_amdgcn_mfma_f32_32x32x8f16(a.lo, b.lo, acc, 0, 0, 0);
    return __builtin_amdgcn_mfma_f32_32x32x8f16(a.hi, b.hi, acc, 0, 0, 0);
#else
    using short4 = vec<short, 4>;
    acc = __builtin_amdgcn_mfma_f32_32x32x8bf16_1k(bit_cast<short4>(a.lo), bit_cast<short4>(b.lo),
                                                   acc, 0, 0, 0);
    return __builtin_amdgcn_mfma_f32_32x32x8bf16_1k(bit_cast<short4>(a.hi), bit_cast<short4>(b.hi),
                                                    acc, 0, 0, 0);
#endif
}

// The value of lane l ^ 32.
INLINE float other_half(float x)
{
#if AITER_CDNA == 4
    auto pair =
        __builtin_amdgcn_permlane32_swap(bit_cast<uint>(x), bit_cast<uint>(x), false, false);
    return bit_cast<float>(__builtin_amdgcn_workitem_id_x() & 32 ? pair[0] : pair[1]);
#else
    int lane = int(__builtin_amdgcn_workitem_id_x()) & 63;
    return bit_cast<float>(__builtin_amdgcn_ds_bpermute((lane ^ 32) * 4, bit_cast<int>(x)));
#endif
}

// ---- LDS layouts ----

// K: one row a key, 16-byte chunks. The lanes that a 128-bit read serves together want one chunk of
// LINE keys, where LINE chunks are a row of all banks: 8 lanes over 32 banks, on gfx950 16 over 64.
// Of a row's chunks, SPREAD change places with the key; LINE / SPREAD rows lie side by side anyway.
constexpr int LINE = AITER_CDNA == 4 ? 16 : 8;
constexpr int SPREAD = (K_CHUNKS & -K_CHUNKS) < LINE ? K_CHUNKS & -K_CHUNKS : LINE;

INLINE int k_lds(int key, int chunk)
{
    int swizzle = int(uint(key) / (LINE / SPREAD) % SPREAD);
    return (key * K_CHUNKS + (chunk ^ swizzle)) * 16;
}

#if AITER_DS_READ_TR
// V: one row a key. The transposing read has 16 lanes read 4 keys x 16 d: the swizzle puts the
// 64-byte blocks of 4 keys into different quarters of the 64 banks.
INLINE int v_lds(int key, int d)
{
    int swizzle = V_BLOCKS % 2 ? 0 : V_BLOCKS % 4 ? (key >> 1) & 1 : key & 3;
    return key * HDV_PAD * 2 + ((d / 32) ^ swizzle) * 64 + d % 32 * 2;
}
#else
// V^T: one row a d, 16-byte chunks of 8 keys: chunk 2t + h holds keys 16t + 4h + (0..3) and 16t + 8
// + 4h + (0..3). With 32 keys (64-byte rows) rows d and d + 4 are neighbours, so that both the
// writes (rows 4 apart) and the reads (rows in turn) of 8 lanes touch all 32 banks.
INLINE int vt_lds(int d, int chunk)
{
    if (TILE_K == 32)
        return ((d % 4) * (HDV_PAD / 4) + d / 4) * 64 + (chunk ^ (d & 3)) * 16;
    return d * TILE_K * 2 + (chunk ^ (d & 7)) * 16;
}
#endif

// ---- A tile's way from global memory to LDS, through registers ----

// Rows of ROW_CHUNKS chunks of 8 elements, of which the first USED hold data and the others become
// 0.
template <int ROW_CHUNKS, int USED> struct row_tile {
    static constexpr int CHUNKS = TILE_K * ROW_CHUNKS;
    static constexpr int PER_THREAD = ceil_div(CHUNKS, BLOCK);
    kv_chunk data[PER_THREAD];

    INLINE int index(int i) { return i * BLOCK + int(__builtin_amdgcn_workitem_id_x()); }
    INLINE bool active(int i) { return (i + 1) * BLOCK <= CHUNKS || index(i) < CHUNKS; }
    INLINE int row(int i) { return index(i) / ROW_CHUNKS; }
    INLINE int chunk(int i) { return index(i) % ROW_CHUNKS; }
    INLINE bool inside(int i) { return active(i) && (USED == ROW_CHUNKS || chunk(i) < USED); }

#if AITER_PAGES
    int block[PER_THREAD]; // of the tile that is loaded next

    INLINE void find(const paged_rows<kv_t> &rows, int key)
    {
        for (int i = 0; i < PER_THREAD; i++)
            block[i] = rows.block_of(key + row(i), 1);
    }

    INLINE void load(const paged_rows<kv_t> &rows, int key)
    {
        for (int i = 0; i < PER_THREAD; i++) {
            data[i] = 0;
            if (inside(i) && rows.has(key + row(i)))
                data[i] = *(const kv_chunk *)(rows.row(block[i], key + row(i)) + chunk(i) * 8);
        }
    }
#else
    // `rows` starts with row `skipped` of the tile; those before it read as 0.
    INLINE void load(__amdgpu_buffer_rsrc_t rows, int stride_bytes, int skipped)
    {
        for (int i = 0; i < PER_THREAD; i++) {
            int offset = (row(i) - skipped) * stride_bytes + chunk(i) * 8 * KV_BYTES;
            fetch(rows, inside(i) ? offset : OUTSIDE, data[i]);
        }
    }
#endif
};

struct k_tile : row_tile<K_CHUNKS, HDQK / 8> {
    INLINE void store(char *lds)
    {
        for (int i = 0; i < PER_THREAD; i++)
            if (active(i))
                *(uint4 *)(lds + k_lds(row(i), chunk(i))) = widen(data[i]);
    }
};

#if AITER_DS_READ_TR
struct v_tile : row_tile<V_CHUNKS, HDV / 8> {
    INLINE void store(char *lds)
    {
        for (int i = 0; i < PER_THREAD; i++)
            if (active(i))
                *(uint4 *)(lds + v_lds(row(i), chunk(i) * 8)) = widen(data[i]);
    }
};

// A operand of O^T for d = 32 block .. + 31 and keys 16 step .. + 15.
INLINE half8 v_operand(const char *lds, int block, int step)
{
    using short4 = vec<short, 4>;
    using lds_short4 = short4 __attribute__((address_space(3)));
    int lane = int(__builtin_amdgcn_workitem_id_x()) & 63;
    int key = step * 16 + lane / 32 * 4 + lane % 16 / 4;
    int d = block * 32 + lane / 16 % 2 * 16 + lane % 4 * 4;
    short4 lo = __builtin_amdgcn_ds_read_tr16_b64_v4i16((lds_short4 *)(lds + v_lds(key, d)));
    short4 hi = __builtin_amdgcn_ds_read_tr16_b64_v4i16((lds_short4 *)(lds + v_lds(key + 8, d)));
    return bit_cast<half8>(__builtin_shufflevector(lo, hi, 0, 1, 2, 3, 4, 5, 6, 7));
}
#else
// A thread takes blocks of 4 keys x 4 d and transposes each on the way into LDS.
struct v_tile {
    static constexpr int BLOCKS = TILE_K / 4 * (HDV_PAD / 4);
    static constexpr int PER_THREAD = ceil_div(BLOCKS, BLOCK);
    kv_half data[PER_THREAD][4];

    INLINE int index(int i) { return i * BLOCK + int(__builtin_amdgcn_workitem_id_x()); }
    INLINE bool active(int i) { return (i + 1) * BLOCK <= BLOCKS || index(i) < BLOCKS; }
    // 8 key groups in neighbouring lanes: their writes fill whole LDS rows.
    INLINE int d_group(int i) { return index(i) / 8 % (HDV_PAD / 4); }
    INLINE int key_group(int i) { return index(i) % 8 + index(i) / 8 / (HDV_PAD / 4) * 8; }

    INLINE bool inside(int i) { return active(i) && (HDV == HDV_PAD || d_group(i) < HDV / 4); }

#if AITER_PAGES
    int block[PER_THREAD]; // of the tile that is loaded next

    INLINE void find(const paged_rows<kv_t> &rows, int key)
    {
        for (int i = 0; i < PER_THREAD; i++)
            block[i] = rows.block_of(key + key_group(i) * 4, 4);
    }

    INLINE void load(const paged_rows<kv_t> &rows, int key)
    {
        for (int i = 0; i < PER_THREAD; i++)
            for (int e = 0; e < 4; e++) {
                int at = key + key_group(i) * 4 + e;
                data[i][e] = 0;
                if (inside(i) && rows.has(at))
                    data[i][e] = *(const kv_half *)(rows.row(block[i], at) + d_group(i) * 4);
            }
    }
#else
    INLINE void load(__amdgpu_buffer_rsrc_t rows, int stride_bytes, int skipped)
    {
        for (int i = 0; i < PER_THREAD; i++) {
            int offset = (key_group(i) * 4 - skipped) * stride_bytes + d_group(i) * 4 * KV_BYTES;
            for (int key = 0; key < 4; key++)
                fetch(rows, inside(i) ? offset + key * stride_bytes : OUTSIDE, data[i][key]);
        }
    }
#endif

    INLINE void store(char *lds)
    {
        for (int i = 0; i < PER_THREAD; i++)
            if (active(i))
                store_block(lds, d_group(i) * 4, key_group(i), data[i]);
    }

    // Bytes of v_perm_b32(hi, lo): 0-3 select from lo, 4-7 from hi.
    INLINE void store_block(char *lds, int d, int keys, const kv_half *loaded)
    {
        uint2 rows[4] = { widen(loaded[0]), widen(loaded[1]), widen(loaded[2]), widen(loaded[3]) };
        int chunk = keys / 4 * 2 + keys % 2, half = keys / 2 % 2;
        for (int j = 0; j < 4; j++) {
            uint select = j % 2 ? 0x07060302 : 0x05040100;
            uint2 column = { __builtin_amdgcn_perm(rows[1][j / 2], rows[0][j / 2], select),
                             __builtin_amdgcn_perm(rows[3][j / 2], rows[2][j / 2], select) };
            *(uint2 *)(lds + vt_lds(d + j, chunk) + half * 8) = column;
        }
    }
};

// A operand of O^T for d = 32 block .. + 31 and keys 16 step .. + 15.
INLINE half8 v_operand(const char *lds, int block, int step)
{
    int lane = int(__builtin_amdgcn_workitem_id_x()) & 63;
    return *(const half8 *)(lds + vt_lds(block * 32 + lane % 32, step * 2 + lane / 32));
}
#endif

// ---- One step over TILE_K keys ----

struct state {
    half8 q[QK_STEPS];   // B operands of S^T
    float16 o[V_BLOCKS]; // O^T, not normalised
    float m;             // reference maximum of this query's raw scores; -inf: no key seen
    float m_scaled;      // m * scale_log2; 0 if m is -inf
    float sum;           // of the probabilities of this lane's keys
};

INLINE void scores(const state &st, const char *lds, float16 s[KEY_BLOCKS])
{
    int lane = int(__builtin_amdgcn_workitem_id_x()) & 63;
    for (int b = 0; b < KEY_BLOCKS; b++) {
        s[b] = float16(0);
        for (int p = 0; p < QK_STEPS; p++) {
            half8 k = *(const half8 *)(lds + k_lds(b * 32 + lane % 32, p * 2 + lane / 32));
            s[b] = mfma(k, st.q[p], s[b]);
        }
    }
}

// The key, counted from the tile's first, of score r of block b.
INLINE int key_of(int b, int r)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    return b * 32 + r / 4 * 8 + r % 4 + half * 4;
}

// Keys before `first` and from `limit` on (relative to the tile's first) are invisible to this
// lane's query.
INLINE void mask_scores(float16 s[KEY_BLOCKS], int first, int limit)
{
    for (int b = 0; b < KEY_BLOCKS; b++)
        for (int r = 0; r < 16; r++)
            if ((LEFT_BOUND && key_of(b, r) < first) || key_of(b, r) >= limit)
                s[b][r] = -INFINITE;
}

// Where registers are short, the caller's expressions are evaluated one after the other, or what they
// compute and read for all scores at once would fill the registers.
template <typename T> INLINE T in_turn(T x)
{
#if AITER_SCORE_MOD || AITER_MASK_MOD
    if (!SPARE_REGISTERS)
        asm volatile("" : "+v"(x));
#endif
    return x;
}

#if AITER_MASK_MOD
INLINE void hide_scores(const score_mods &mods, float16 s[KEY_BLOCKS], int key)
{
#pragma unroll // or scores would be indexed, and so in memory
    for (int b = 0; b < KEY_BLOCKS; b++)
#pragma unroll
        for (int r = 0; r < 16; r++)
            if (!mods.visible(in_turn(key + key_of(b, r))))
                s[b][r] = -INFINITE;
}
#endif

INLINE float row_max(const float16 s[KEY_BLOCKS])
{
    float m = s[0][0];
    for (int b = 0; b < KEY_BLOCKS; b++)
        for (int r = 0; r < 16; r++)
            m = __builtin_fmaxf(m, s[b][r]);
    return __builtin_fmaxf(m, other_half(m));
}

// Moves the reference maximum only if some row's grew by more than 2^RESCALE_LOG2: any reference
// near the maximum gives the same quotient.
INLINE void update_max(state &st, float tile_max, float scale_log2)
{
    bool grew = (tile_max * scale_log2 > st.m_scaled + RESCALE_LOG2) |
                ((st.m == -INFINITE) & (tile_max > st.m));
    if (!__builtin_amdgcn_ballot_w64(grew))
        return;
    float m = __builtin_fmaxf(st.m, tile_max);
    float m_scaled = m == -INFINITE ? 0 : m * scale_log2;
    float factor = st.m == -INFINITE ? 0 : hw_exp2(st.m_scaled - m_scaled);
    st.m = m;
    st.m_scaled = m_scaled;
    st.sum *= factor;
    for (int b = 0; b < V_BLOCKS; b++)
        st.o[b] *= factor;
}

// P from S; the B operands of O^T.
INLINE void probabilities(state &st, const float16 s[KEY_BLOCKS], float scale_log2,
                          half8 p[PV_STEPS])
{
    vec<float, 2> sums = 0;
    for (int step = 0; step < PV_STEPS; step++) {
        uint4 packed;
        for (int e = 0; e < 8; e += 2) {
            int r = step % 2 * 8 + e;
            float x = hw_exp2(__builtin_fmaf(s[step / 2][r], scale_log2, -st.m_scaled));
            float y = hw_exp2(__builtin_fmaf(s[step / 2][r + 1], scale_log2, -st.m_scaled));
            sums += vec<float, 2>{ x, y };
            packed[e / 2] = pack_probabilities(x, y);
        }
        p[step] = bit_cast<half8>(packed);
    }
    st.sum += sums.x + sums.y;
}

INLINE void accumulate(state &st, const char *lds, const half8 p[PV_STEPS])
{
    for (int b = 0; b < V_BLOCKS; b++)
        for (int step = 0; step < PV_STEPS; step++)
            st.o[b] = mfma(v_operand(lds, b, step), p[step], st.o[b]);
}

#if AITER_PACK || AITER_ROTARY
// What comes of a lane's row now and then is worked out again from this: else it would be kept, in
// registers of all lanes.
INLINE int again(int thread)
{
    asm volatile("" : "+v"(thread));
    return thread;
}
#endif

// ---- Ends ----

#if AITER_PACK
// Rows of several heads lie anywhere: a pointer each. `row`: nullptr if there is none.
INLINE void load_q(state &st, const elem_t *row, bool negate)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int p = 0; p < QK_STEPS; p++) {
        uint4 q = 0;
        if (row && (p * 16 + 16 <= HDQK || half == 0))
            q = *(const uint4 *)(row + p * 16 + half * 8);
        st.q[p] = bit_cast<half8>(negate ? q ^ 0x80008000u : q);
    }
}
#else
INLINE void load_q(state &st, __amdgpu_buffer_rsrc_t rows, int row, int stride_bytes, bool negate)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int p = 0; p < QK_STEPS; p++) {
        bool inside = p * 16 + 16 <= HDQK || half == 0;
        uint4 q = load16(rows, inside ? row * stride_bytes + p * 32 + half * 16 : OUTSIDE);
        // A negative scale is its magnitude and negated queries, so that the largest score stays
        // the largest.
        st.q[p] = bit_cast<half8>(negate ? q ^ 0x80008000u : q);
    }
}
#endif

#if AITER_ROTARY
INLINE void load_rotated_q(state &st, const elem_t *row, const rotation &turned, bool negate)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int p = 0; p < QK_STEPS; p++) {
        uint4 q = 0;
        if (p * 16 + 16 <= HDQK || half == 0)
            q = bit_cast<uint4>(turned.load<8>(row, p * 16 + half * 8));
        st.q[p] = bit_cast<half8>(negate ? q ^ 0x80008000u : q);
    }
}
#endif

INLINE uint2 output_of(const state &st, int b, int g, float inverse)
{
    return { pack(st.o[b][g * 4] * inverse, st.o[b][g * 4 + 1] * inverse),
             pack(st.o[b][g * 4 + 2] * inverse, st.o[b][g * 4 + 3] * inverse) };
}

#if AITER_PACK
INLINE void store_output(const state &st, elem_t *row, float inverse)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int b = 0; b < V_BLOCKS; b++)
        for (int g = 0; g < 4; g++)
            if (b * 32 + g * 8 < HDV)
                *(uint2 *)(row + b * 32 + g * 8 + half * 4) = output_of(st, b, g, inverse);
}
#else
INLINE void store_output(const state &st, __amdgpu_buffer_rsrc_t rows, int row, int stride_bytes,
                         float inverse)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int b = 0; b < V_BLOCKS; b++)
        for (int g = 0; g < 4; g++) {
            if (b * 32 + g * 8 >= HDV)
                continue;
            int offset = row * stride_bytes + (b * 32 + g * 8 + half * 4) * 2;
            __builtin_amdgcn_raw_buffer_store_b64(output_of(st, b, g, inverse), rows, offset, 0, 0);
        }
}
#endif

#if AITER_SPLIT_KEYS
INLINE void store_partial(const state &st, float *row, float inverse)
{
    int half = (int(__builtin_amdgcn_workitem_id_x()) & 63) / 32;
    for (int b = 0; b < V_BLOCKS; b++)
        for (int g = 0; g < 4; g++)
            if (b * 32 + g * 8 < HDV)
                *(vec<float, 4> *)(row + b * 32 + g * 8 + half * 4) =
                    vec<float, 4>{ st.o[b][g * 4], st.o[b][g * 4 + 1], st.o[b][g * 4 + 2],
                                   st.o[b][g * 4 + 3] } * inverse;
}
#endif

extern "C" __global__ __launch_bounds__(BLOCK, WAVES_PER_SIMD) void KERNEL_NAME(KERNEL_ARGS)
{
    __shared__ __attribute__((aligned(16))) char lds[LDS_BYTES];
    char *const k_buffer[2] = { lds, lds + K_BYTES + V_BYTES };

    const variant_args va = VARIANT_ARGS;
    const work w = assign_work(va, num_heads, batch, seqlen_q, seqlen_k);
#if AITER_SPLIT_KEYS
    if (w.splits == 0)
        return;
#endif
    const span queries = q_span(va, w.batch, seqlen_q), keys = k_span(va, w.batch, seqlen_k);
    if (MAY_BE_IDLE && uint(w.q0) >= uint(queries.length * GROUP))
        return;
    const int thread = int(__builtin_amdgcn_workitem_id_x());
    const int wave = __builtin_amdgcn_readfirstlane(thread / 64);
    const int wave_row = wave * 32, lane_row = wave_row + thread % 32;

    // Bottom-right alignment: query token i is at key i + offset.
    const int offset = keys.length - queries.length;
    const int q_rows = min(queries.length * GROUP - w.q0, TILE_Q);
    auto token = [&](int row) { return GROUP == 1 ? w.q0 + row : int(uint(w.q0 + row) / GROUP); };
    // The first key that is seen by a row of the workgroup, and the first that is seen no more.
    auto start = [&](int row) {
        return LEFT_BOUND ? max(0, token(row) + offset - left_bound(va)) : 0;
    };
    auto limit = [&](int row) {
        return RIGHT_BOUND ? min(keys.length, token(row) + offset + right_bound(va) + 1)
                           : keys.length;
    };
#if AITER_SPLIT_KEYS
    // Splits have whole tiles of the keys that are seen, all but the last ones the same number.
    const int first_seen = start(0), last_seen = limit(q_rows - 1);
    const int from = first_seen & -TILE_STARTS;
    const int seen_tiles = ceil_div(max(last_seen - from, 0), TILE_K);
    const int share = int(uint(seen_tiles + w.splits - 1) / uint(w.splits)) * TILE_K;
    const int first_key = max(first_seen, from + w.split * share);
    const int last_key = min(last_seen, from + (w.split + 1) * share);
#else
    const int first_key = start(0), last_key = limit(q_rows - 1);
#endif
    // Likewise by some row of the wave and by all of them.
    const int wave_first = start(wave_row), wave_all = start(wave_row + 31);
    const int wave_full = limit(wave_row), wave_last = limit(wave_row + 31);
#if !AITER_PACK
    const int lane_start = start(lane_row), lane_limit = limit(lane_row);
#endif

    // The row of a thread's lane, or the last one: its query token, and the work with its head.
    auto token_of = [&](int of) { return token(min(wave_row + of % 32, q_rows - 1)); };
    auto work_of = [&](int of) {
        work own = w;
        if (GROUP > 1)
            own.head += int(uint(w.q0 + min(wave_row + of % 32, q_rows - 1)) % GROUP);
        return own;
    };
    const work own = work_of(thread);

#if AITER_FP8_KV
    const float key_scale = va.k_scale[w.kv_head * va.k_scale_stride];
    const float value_scale = va.v_scale[w.kv_head * va.v_scale_stride];
#else
    const float key_scale = 1, value_scale = 1;
#endif
#if AITER_SCORE_MODS || AITER_MASK_MOD
    auto mods_of = [&](int of) {
        score_mods mods;
        mods.init(va, work_of(of), token_of(of), offset, keys.length, scale_log2);
        mods.scale *= key_scale;
        return mods;
    };
    score_mods mods = mods_of(thread);
#endif
#if AITER_SCORE_MODS
    const float scale = SCORE_UNIT;
    const bool negate = false;
#else
    const float scale = __builtin_fabsf(scale_log2 * key_scale);
    const bool negate = scale_log2 * key_scale < 0;
#endif
#if !AITER_PACK
    const float sink = sink_of(va, w.head);
#endif
    state st;
#if AITER_PACK || AITER_ROTARY
    const elem_t *q_row = (const elem_t *)q + w.batch * q_stride_batch + own.head * q_stride_head +
                          (queries.first + token_of(thread)) * q_stride_row;
#if AITER_ROTARY
    load_rotated_q(st, q_row, rotation_of_query(va, w.batch, token_of(thread), seqlen_k), negate);
#else
    load_q(st, lane_row < q_rows ? q_row : nullptr, negate);
#endif
#else
    const elem_t *q_base = (const elem_t *)q + w.batch * q_stride_batch + w.head * q_stride_head +
                           (queries.first + w.q0) * q_stride_row;
    load_q(st, rows_at(q_base, q_rows, q_stride_row, HDQK), lane_row, int(q_stride_row) * 2,
           negate);
#endif
    for (int b = 0; b < V_BLOCKS; b++)
        st.o[b] = float16(0);
    st.m = -INFINITE;
    st.m_scaled = 0;
    st.sum = 0;

    tile_walk walk;
    walk.init(va, w, last_key);
    tile_at tile = walk.next(first_key & -TILE_STARTS);

    k_tile next_k;
    v_tile next_v;
#if AITER_PAGES
    const int *table = va.page_table + w.batch * va.page_table_stride;
    const paged_rows<kv_t> k_rows = { table, (const kv_t *)k + w.kv_head * k_stride_head,
                                      k_stride_batch, k_stride_row, first_key, last_key };
    const paged_rows<kv_t> v_rows = { table, (const kv_t *)v + w.kv_head * v_stride_head,
                                      v_stride_batch, v_stride_row, first_key, last_key };
    auto find_tiles = [&](int key) {
        next_k.find(k_rows, key);
        next_v.find(v_rows, key);
    };
    auto load_tiles = [&](int key) {
        if (!SPARE_REGISTERS)
            find_tiles(key);
        next_k.load(k_rows, key);
        next_v.load(v_rows, key);
        if (SPARE_REGISTERS)
            find_tiles(walk.next(key + TILE_K).key);
    };
    if (SPARE_REGISTERS)
        find_tiles(tile.key);
#else
    const kv_t *k_base = (const kv_t *)k + w.batch * k_stride_batch + w.kv_head * k_stride_head +
                         keys.first * k_stride_row;
    const kv_t *v_base = (const kv_t *)v + w.batch * v_stride_batch + w.kv_head * v_stride_head +
                         keys.first * v_stride_row;
    auto load_tiles = [&](int tile_key) {
        const int key = TILE_STARTS == TILE_K && LEFT_BOUND ? max(tile_key, first_key) : tile_key;
        const int rows = min(last_key - key, tile_key + TILE_K - key), skipped = key - tile_key;
        next_k.load(rows_at(k_base + key * k_stride_row, rows, k_stride_row, HDQK),
                    int(k_stride_row) * KV_BYTES, skipped);
        next_v.load(rows_at(v_base + key * v_stride_row, rows, v_stride_row, HDV),
                    int(v_stride_row) * KV_BYTES, skipped);
    };
#endif

    load_tiles(tile.key);
    next_k.store(k_buffer[0]);
    next_v.store(k_buffer[0] + K_BYTES);
    __syncthreads();

    int current = 0;
    for (tile_at next; tile.key < last_key; tile = next, current ^= 1) {
        const int key = tile.key;
        next = walk.next(key + TILE_K);
        if (LOAD_EARLY)
            load_tiles(next.key);
        if (key < wave_last && (!LEFT_BOUND || key + TILE_K > wave_first) &&
            (GROUP == 1 || wave_row < q_rows)) {
            const char *k_lds_tile = lds + current * (K_BYTES + V_BYTES);
            float16 s[KEY_BLOCKS];
            half8 p[PV_STEPS];
            scores(st, k_lds_tile, s);
#if AITER_SCORE_MODS
#if AITER_PACK || AITER_ROTARY
            if (!SPARE_REGISTERS)
                mods = mods_of(again(thread));
#endif
#pragma unroll // or scores would be indexed, and so in memory
            for (int b = 0; b < KEY_BLOCKS; b++)
#pragma unroll
                for (int r = 0; r < 16; r++)
                    s[b][r] = in_turn(mods(in_turn(s[b][r]), key + key_of(b, r)));
#endif
#if AITER_MASK_MOD
            if (!tile.full)
                hide_scores(mods, s, key);
#endif
            if (key + TILE_K > wave_full || (LEFT_BOUND && key < wave_all)) {
#if AITER_PACK
                const int row = wave_row + again(thread) % 32;
                const int lane_start = start(row), lane_limit = limit(row);
#endif
                mask_scores(s, lane_start - key, lane_limit - key);
            }
            update_max(st, bound_max(row_max(s)), scale);
            probabilities(st, s, scale, p);
            accumulate(st, k_lds_tile + K_BYTES, p);
        }
        if (!LOAD_EARLY)
            load_tiles(next.key);
        char *other = lds + (current ^ 1) * (K_BYTES + V_BYTES);
        next_k.store(other);
        next_v.store(other + K_BYTES);
        __syncthreads();
    }

    LATE_ARGS;
    const bool writes = thread % 64 < 32 && lane_row < q_rows; // the row's log-sum-exp
#if AITER_PACK
    const int own_token = token_of(again(thread)), own_head = work_of(again(thread)).head;
#if AITER_SINK
    const float sink = LATE(sinks)[own_head] * LOG2_E;
#else
    const float sink = 0;
#endif
#else
    const int own_token = token_of(thread), own_head = w.head;
#endif
#if AITER_SPLIT_KEYS
    if (w.splits > 1) {
        const row_sum end(st.sum + other_half(st.sum), st.m_scaled,
                          w.split == 0 ? sink : -INFINITE);
        const int first = w.first_place + own_token * w.splits;
        const int64 place = int64(own_head) * LATE(split_room) + first + w.split;
        if ((first_key < last_key || w.split == 0) && lane_row < q_rows)
            store_partial(st, LATE(partial) + place * HDV, end.inverse() * value_scale);
        if (writes)
            LATE(partial_lse)[place] = end.lse();
        if (writes && own_head == 0 && w.split == 0)
            *(vec<int, 4> *)(LATE(split_list) + 4 + (w.first_entry + own_token) * 4) =
                vec<int, 4>{ w.batch, queries.first + own_token, first, w.splits };
        return;
    }
#endif
    const row_sum end(st.sum + other_half(st.sum), st.m_scaled, sink);
    const float inverse = end.inverse() * value_scale;
#if AITER_PACK
    elem_t *out_row = (elem_t *)LATE(out) + w.batch * LATE(out_stride_batch) +
                      own_head * LATE(out_stride_head) +
                      (queries.first + own_token) * LATE(out_stride_row);
    if (lane_row < q_rows)
        store_output(st, out_row, inverse);
#else
    elem_t *out_base = (elem_t *)LATE(out) + w.batch * LATE(out_stride_batch) +
                       w.head * LATE(out_stride_head) +
                       (queries.first + w.q0) * LATE(out_stride_row);
    store_output(st, rows_at(out_base, q_rows, LATE(out_stride_row), HDV), lane_row,
                 int(LATE(out_stride_row)) * 2, inverse);
#endif
    if (LSE && writes)
        LATE(lse)[w.batch * LATE(lse_stride_batch) + own_head * LATE(lse_stride_head) +
                  queries.first + own_token] = end.lse();
}
