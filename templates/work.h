// What a workgroup of a forward kernel works on: which head, sequence and query rows, where the
// rows of that sequence are, and which keys they see.

#ifdef VARIANT_ARGS
// The arguments, read again: what is needed only after the loop over keys would otherwise be kept
// through it, in more scalar registers than there are.
using args_in_memory = const kernel_args __attribute__((address_space(4)));

INLINE args_in_memory *read_args_again()
{
    auto args = (args_in_memory *)__builtin_amdgcn_kernarg_segment_ptr();
    asm volatile("" : "+s"(args));
    return args;
}

#define LATE_ARGS args_in_memory *const late = read_args_again()
#define LATE(name) late->name
#else
struct variant_args {}; // the arguments that only some kernels have: here, none
#define VARIANT_ARGS variant_args{}
#define LATE_ARGS
#define LATE(name) name
#endif

// Query heads whose rows a tile has together: row r is head r % GROUP of token r / GROUP.
#if AITER_PACK
constexpr int GROUP = GQA;
#else
constexpr int GROUP = 1;
#endif

// What one workgroup works on.
struct work {
    int batch, head, kv_head; // of the tensors' dimensions; the first head of GROUP
    int q0;                   // first row
#if AITER_SPLIT_KEYS
    int split, splits; // which part of how many; 0: nothing to do
    int first_place;   // of the sequence's first token in the list of partial outputs
    int first_entry;   // of that token in the list of what was split
#endif
};

// ---- The rows of one sequence ----

// `length` rows from row `first` on: of its batch entry, or of all rows if sequences are packed.
struct span {
    int first, length;
};

#if AITER_CU_Q || AITER_PACKED_Q || AITER_PACKED_K || AITER_SPLIT_KEYS
INLINE int count_lanes(bool x) { return __builtin_popcountll(ballot(x)); }

// `add` over this lane and those before it.
template <typename T, typename Add> INLINE T scan(T x, Add add)
{
    for (int d = 1; d < WAVE_SIZE; d *= 2) {
        T before = from_lane(lane_id() - d, x);
        x = lane_id() >= d ? add(before, x) : x;
    }
    return x;
}

INLINE int sum_to_lane(int x)
{
    return scan(x, [](int a, int b) { return a + b; });
}

INLINE int last_lane(int x) { return __builtin_amdgcn_readlane(x, WAVE_SIZE - 1); }

INLINE int length_at(const int *lengths, int b, int count)
{
    return b < count ? max(lengths[b], 0) : 0;
}
#endif

// Lengths are the caller's data: whatever they are, a span stays within `total` rows and `most`.

INLINE span used_span(const int *lengths, int b, int most)
{
    return { 0, min(max(lengths[b], 0), most) };
}

INLINE span cu_span(const int *starts, int b, int total, int most)
{
    int first = min(max(starts[b], 0), total), end = min(max(starts[b + 1], first), total);
    return { first, min(end - first, most) };
}

#if AITER_PACKED_Q || AITER_PACKED_K
// Sequences follow each other, so that one starts where the lengths before it end.
INLINE span packed_span(const int *lengths, int b, int total, int most)
{
    int before = 0;
    for (int i = 0; i < b; i += WAVE_SIZE)
        before += last_lane(sum_to_lane(length_at(lengths, i + lane_id(), b)));
    int first = min(max(before, 0), total);
    return { first, min(min(max(lengths[b], 0), total - first), most) };
}
#endif

INLINE span q_span(const variant_args &va, int b, int seqlen_q)
{
#if AITER_USED_Q
    return used_span(va.seqlens_q, b, seqlen_q);
#elif AITER_CU_Q
    return cu_span(va.seqlens_q, b, va.total_q, seqlen_q);
#elif AITER_PACKED_Q
    return packed_span(va.seqlens_q, b, va.total_q, seqlen_q);
#else
    return { 0, seqlen_q };
#endif
}

INLINE span k_span(const variant_args &va, int b, int seqlen_k)
{
#if AITER_APPEND
    // Those that do not fit were not appended.
    return { 0, used_span(va.seqlens_k, b, seqlen_k - va.seqlen_new).length + va.seqlen_new };
#elif AITER_USED_K
    return used_span(va.seqlens_k, b, seqlen_k);
#elif AITER_CU_K
    return cu_span(va.seqlens_k, b, va.total_k, seqlen_k);
#elif AITER_PACKED_K
    return packed_span(va.seqlens_k, b, va.total_k, seqlen_k);
#else
    return { 0, seqlen_k };
#endif
}

#if AITER_USED_Q || AITER_CU_Q || AITER_PACKED_Q || AITER_SPLIT_KEYS
constexpr bool MAY_BE_IDLE = true; // a workgroup may have no query row
#else
constexpr bool MAY_BE_IDLE = false;
#endif

// ---- Who does what ----

#if AITER_SPLIT_KEYS
// See splits.h.
#elif AITER_CU_Q || AITER_PACKED_Q
// Packed sequences. Nobody knows their lengths but the device, and a list of work would need
// memory; so tiles have places that any workgroup can find. Sequence b, whose rows (a token has
// GROUP) start at f, has places f / TILE_Q + b and on, up to those of the next: at least as many as
// it has tiles, and in all total_q * GROUP / TILE_Q + batch. One that is left over has a q0 outside
// of the sequence.
//
// Places of a head are neighbours, so that the tiles of a sequence share its keys in the L2.
INLINE work assign_work(const variant_args &va, int num_heads, int batch, int seqlen_q, int)
{
    int places = va.total_q * GROUP / TILE_Q + batch;
    int at = place_on_xcd(__builtin_amdgcn_workgroup_id_x(), places * (num_heads / GROUP));
    int place = at % places, head = at / places * GROUP;

    int begun = 0; // sequences whose first place is this one or before it
#if AITER_PACKED_Q
    int rows = 0;
#endif
    for (int i = 0; i < batch; i += WAVE_SIZE) {
        int b = i + lane_id();
#if AITER_PACKED_Q
        int length = length_at(va.seqlens_q, b, batch), through = sum_to_lane(length);
        int first = rows + through - length;
        rows += last_lane(through);
#else
        int first = min(max(va.seqlens_q[min(b, batch - 1)], 0), va.total_q);
#endif
        begun += count_lanes(b < batch && first * GROUP / TILE_Q + b <= place);
    }
    int b = max(begun - 1, 0);
    span s = q_span(va, b, seqlen_q);
    int tile = place - (s.first * GROUP / TILE_Q + b), tiles = ceil_div(s.length * GROUP, TILE_Q);
    if (CAUSAL && tile < tiles) // longest first, as below
        tile = tiles - 1 - tile;
    return { b, head, head / GQA, tile * TILE_Q };
}
#else
// Workgroups in list order: query blocks of a head, heads of a KV head, KV heads, batch entries.
// Causal blocks come longest first, so that the short ones fill the end of the launch.
INLINE work assign_work(const variant_args &, int num_heads, int batch, int seqlen_q, int)
{
    uint blocks = uint(seqlen_q * GROUP + TILE_Q - 1) / TILE_Q, slices = uint(num_heads) / GROUP;
    uint place = place_on_xcd(__builtin_amdgcn_workgroup_id_x(), int(blocks * slices * batch));
    uint slice = place / blocks, block = place % blocks;
    if (CAUSAL)
        block = blocks - 1 - block;
    int head = int(slice % slices) * GROUP;
    return { int(slice / slices), head, head / GQA, int(block) * TILE_Q };
}
#endif

// ---- Which keys a row sees ----

// Row i sees keys from i + offset - window_left up to i + offset + window_right, where offset
// aligns the last query with the last key. A causal mask is a right bound of 0.
INLINE int left_bound(const variant_args &va)
{
#if AITER_WINDOW_LEFT
    return va.window_left;
#else
    return 0;
#endif
}

INLINE int right_bound(const variant_args &va)
{
#if AITER_WINDOW_RIGHT
    return va.window_right;
#else
    return 0;
#endif
}

#if AITER_WINDOW_LEFT
constexpr bool LEFT_BOUND = true;
#else
constexpr bool LEFT_BOUND = false;
#endif
#if AITER_WINDOW_RIGHT
constexpr bool RIGHT_BOUND = true;
#else
constexpr bool RIGHT_BOUND = CAUSAL;
#endif

// ---- Which tiles of keys are visited ----

struct tile_at {
    int key;   // its first
    bool full; // mask_mod hides none of its keys
};

#if !AITER_BLOCK_MASK
// All of them.
struct tile_walk {
    INLINE void init(const variant_args &, const work &, int) {}
    INLINE tile_at next(int key) { return { key, false }; }
};
#endif

// The largest score of some keys. A score_mod may return any number: what is so large or small that
// it overflows in base 2 must not move the softmax's reference out of range, but end as NaN and 0.
INLINE float bound_max(float m)
{
#if AITER_SCORE_MOD
    return __builtin_amdgcn_fmed3f(m, -0x1p126f, 0x1p126f);
#else
    return m;
#endif
}

// ---- What a row ends with ----

// The sink's logit in base 2.
INLINE float sink_of(const variant_args &va, int head)
{
#if AITER_SINK
    return va.sinks[head] * LOG2_E;
#else
    return 0;
#endif
}

// Sum of a row's probabilities, which are relative to 2^m.
struct row_sum {
    float sum, m;
    float kept; // of the row of O, which is relative to the m that there was before

    INLINE row_sum(float sum_, float m_, float sink) : sum(sum_), m(m_), kept(1)
    {
#if AITER_SINK
        // One more key, which has no value.
        m = __builtin_fmaxf(m_, sink);
        kept = hw_exp2(m_ - m);
        sum = sum * kept + hw_exp2(sink - m);
#endif
    }

    INLINE float inverse() const { return sum == 0 ? 0 : kept * hw_rcp(sum); }
    INLINE float lse() const { return sum == 0 ? -INFINITE : (m + hw_log2(sum)) * LN2; }
};
