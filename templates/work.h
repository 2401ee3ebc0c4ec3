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
INLINE int lane_id() { return int(__builtin_amdgcn_workitem_id_x()) % WAVE_SIZE; }

INLINE int count_lanes(bool x)
{
#if AITER_CDNA
    return __builtin_popcountll(__builtin_amdgcn_ballot_w64(x));
#else
    return __builtin_popcount(__builtin_amdgcn_ballot_w32(x));
#endif
}

// The sum of x over this lane and those before it.
INLINE int sum_to_lane(int x)
{
    for (int d = 1; d < WAVE_SIZE; d *= 2) {
        int before = __builtin_amdgcn_ds_bpermute((lane_id() - d) * 4, x);
        x += lane_id() >= d ? before : 0;
    }
    return x;
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
// Keys in parts. The unit of work is a tile of keys for a tile of rows. Sequences with more tiles of keys than
// `most` have theirs split evenly into as many parts as it takes. Unless the caller states it, `most` is an even
// share of all the work for each workgroup that the device holds, or half of one if there are fewer tiles of rows
// than places on the device: whatever the lengths are, no workgroup works longer. All workgroups come to the same
// numbers from the same lengths.
//
// Jobs are in order of three classes, so that what takes long begins first: those of split sequences, tiles of rows
// with more than a quarter of `most`, the others.
constexpr int LEAST_TILES = ceil_div(256, TILE_K); // a shorter split is not worth its merge
constexpr int CLASSES = 3;

// One sequence, in a lane of its own.
struct sequence {
    int tokens, row_tiles, key_tiles; // key_tiles: the most that a tile of rows sees
};

INLINE float sum_to_lane(float x)
{
    for (int d = 1; d < WAVE_SIZE; d *= 2) {
        int before = __builtin_amdgcn_ds_bpermute((lane_id() - d) * 4, bit_cast<int>(x));
        x += lane_id() >= d ? bit_cast<float>(before) : 0;
    }
    return x;
}

INLINE float sum_of_lanes(float x) { return bit_cast<float>(last_lane(bit_cast<int>(sum_to_lane(x)))); }
INLINE int sum_of_lanes(int x) { return last_lane(sum_to_lane(x)); }

INLINE int most_keys_of_tile(const variant_args &va, int keys);

struct sequences {
    const variant_args &va;
    int batch, seqlen_q, seqlen_k;

    INLINE int tokens_of(int b) const
    {
#if AITER_PACKED_Q
        return used_span(va.seqlens_q, b, seqlen_q).length;
#else
        return q_span(va, b, seqlen_q).length;
#endif
    }

    INLINE int keys_of(int b) const
    {
#if AITER_PACKED_K
        return used_span(va.seqlens_k, b, seqlen_k).length;
#else
        return k_span(va, b, seqlen_k).length;
#endif
    }

    // Calls see(first, sequence) for 64 sequences at a time, of which the lane's is first + lane_id().
    template <typename See> INLINE void each(See see) const
    {
        int before = 0;
        for (int i = 0; i < batch; i += WAVE_SIZE) {
            int b = i + lane_id(), at = min(b, batch - 1);
            sequence s = { b < batch ? tokens_of(at) : 0, 0, 0 };
#if AITER_PACKED_Q
            int through = sum_to_lane(s.tokens), first = before + through - s.tokens;
            s.tokens = min(s.tokens, max(va.total_q - first, 0));
            before += last_lane(through);
#endif
            s.row_tiles = ceil_div(s.tokens * GROUP, TILE_Q);
            s.key_tiles = ceil_div(most_keys_of_tile(va, keys_of(at)), TILE_K);
            see(i, s);
        }
    }

    // Tiles of keys that a workgroup has at most.
    INLINE int most_tiles() const
    {
        if (va.split_tiles > 0)
            return va.split_tiles;
        float work = 0, places = 0; // in fp32: the shares are what has to be right, up to `slack`
        int tiles = 0;
        each([&](int, sequence s) {
            work += float(s.row_tiles) * float(s.key_tiles);
            places += float(s.tokens) * float(s.key_tiles);
            tiles += s.row_tiles;
        });
        const float slack = 1.001f;
        float more = float(max(va.split_slots, 2 * va.split_slots - sum_of_lanes(tiles)));
        float by_work = sum_of_lanes(work) * hw_rcp(more) * slack;
        float by_room = 2 * sum_of_lanes(places) * hw_rcp(float(va.split_room)) * slack;
        float most = min(max(by_work, by_room), 1e9f);
        return max(int(most) + 1, LEAST_TILES);
    }
};

// How a sequence is split, in its lane.
struct splitting {
    int splits, kind;       // kind: the class
    int first_place, first_entry;

    // `place`, `entry`: those that sequences in front have taken; moved on. Sequences that the room ends in front of
    // are not split.
    INLINE splitting(const variant_args &va, sequence s, int most, int &place, int &entry)
    {
        int wanted = s.key_tiles > most ? int(uint(s.key_tiles + most - 1) / uint(most)) : 1;
        int64 needed = wanted > 1 ? int64(wanted) * s.tokens : 0;
        int through = min(needed, int64(va.split_room) + 1);
        for (int d = 1; d < WAVE_SIZE; d *= 2) { // a sum that stops behind the room
            int before = __builtin_amdgcn_ds_bpermute((lane_id() - d) * 4, through);
            through = lane_id() >= d ? min(through + before, va.split_room + 1) : through;
        }
        through = min(through + place, va.split_room + 1);
        splits = through <= va.split_room ? wanted : 1;
        first_place = through - int(min(needed, int64(va.split_room) + 1));
        int entries = sum_to_lane(splits > 1 ? s.tokens : 0);
        first_entry = entry + entries - (splits > 1 ? s.tokens : 0);
        kind = splits > 1 ? 0 : s.key_tiles > most / 4 ? 1 : 2;
        place = last_lane(through);
        entry += last_lane(entries);
    }
};

INLINE work assign_work(const variant_args &va, int num_heads, int batch, int seqlen_q, int seqlen_k)
{
    const uint slices = uint(num_heads) / GROUP, workgroup = __builtin_amdgcn_workgroup_id_x();
    const sequences all = { va, batch, seqlen_q, seqlen_k };
    const int most = all.most_tiles();

    int begin[CLASSES + 1] = {}, places = 0, entries = 0;
    all.each([&](int, sequence s) {
        splitting how(va, s, most, places, entries);
        for (int c = 0; c < CLASSES; c++)
            begin[c + 1] += sum_of_lanes(how.kind == c ? s.row_tiles * how.splits : 0);
    });
    for (int c = 0; c < CLASSES; c++)
        begin[c + 1] += begin[c];
    if (workgroup == 0 && __builtin_amdgcn_workitem_id_x() == 0)
        va.split_list[0] = entries;

    work w = {};
    const int place = int(workgroup / slices), head = int(workgroup % slices) * GROUP;
    places = entries = 0;
    all.each([&](int first, sequence s) {
        splitting how(va, s, most, places, entries);
        for (int c = 0; c < CLASSES; c++) {
            int jobs = how.kind == c ? s.row_tiles * how.splits : 0, through = sum_to_lane(jobs);
            int at = place - (begin[c] + through - jobs);
            uint64 here = __builtin_amdgcn_ballot_w64(at >= 0 && at < jobs);
            begin[c] += last_lane(through);
            if (!here)
                continue;
            int lane = __builtin_ctzll(here);
            auto of_lane = [&](int x) { return __builtin_amdgcn_readlane(x, lane); };
            int row_tiles = of_lane(s.row_tiles), job = of_lane(at), tile = job % row_tiles;
            w = { first + lane,         head,
                  head / GQA,           (CAUSAL ? row_tiles - 1 - tile : tile) * TILE_Q,
                  job / row_tiles,      of_lane(how.splits),
                  of_lane(how.first_place), of_lane(how.first_entry) };
        }
    });
    return w;
}
#elif AITER_CU_Q || AITER_PACKED_Q
// Packed sequences. Nobody knows their lengths but the device, and a list of work would need
// memory; so tiles have places that any workgroup can find. Sequence b, which starts at row f, has places
// f / TILE_Q + b and on (with GROUP, f and rows are counted in these), up to those of the next: at least as many as it has tiles, and in all
// total_q / TILE_Q + batch. One that is left over has a q0 outside of the sequence.
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

#if AITER_SPLIT_KEYS
// Of a sequence with so many. A window has two bounds, and begins at no tile's start.
INLINE int most_keys_of_tile(const variant_args &va, int keys)
{
    if (!LEFT_BOUND || !RIGHT_BOUND)
        return keys;
    return min(keys, left_bound(va) + right_bound(va) + ceil_div(TILE_Q, GROUP) + 1);
}
#endif

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
