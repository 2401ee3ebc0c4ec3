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
// Keys in parts. The unit of work is a tile of keys for a tile of rows; a share is an even part of all the work for each
// workgroup that the device holds, or what the caller states. A sequence's keys are split evenly into as many parts as
// they are shares, to the nearest: whatever the lengths are, no workgroup works longer than one and a half. All
// workgroups come to the same numbers from the same lengths.
//
// Jobs are in order of three classes, so that what takes long begins first: those of split sequences, tiles of rows
// with more than a quarter of a share, the others.
constexpr int LEAST_TILES = ceil_div(256, TILE_K); // a shorter split is not worth its merge
constexpr int MOST_SPLITS = 128;                   // nor are more of a sequence
constexpr int CLASSES = 3;

INLINE int most_keys_of_tile(const variant_args &va, int keys);

template <typename T> INLINE T from_lane(int lane, T x)
{
    return bit_cast<T>(__builtin_amdgcn_ds_bpermute(lane * 4, bit_cast<int>(x)));
}

template <typename T> INLINE T of_lane(T x, int lane) // the same for all
{
    return bit_cast<T>(__builtin_amdgcn_readlane(bit_cast<int>(x), lane));
}

// `add` over this lane and those before it.
template <typename T, typename Add> INLINE T scan(T x, Add add)
{
    for (int d = 1; d < WAVE_SIZE; d *= 2) {
        T before = from_lane(lane_id() - d, x);
        x = lane_id() >= d ? add(before, x) : x;
    }
    return x;
}

template <typename T, typename Add> INLINE T of_lanes(T x, Add add)
{
    return of_lane(scan(x, add), WAVE_SIZE - 1);
}

// One sequence, in a lane of its own.
struct sequence {
    int tokens, row_tiles, key_tiles; // key_tiles: the most that a tile of rows sees

    // What is in front of the lane's sequences: rows of packed ones.
    INLINE sequence(const variant_args &va, int b, int batch, int seqlen_q, int seqlen_k, int &rows)
    {
        int at = min(b, batch - 1);
#if AITER_PACKED_Q
        tokens = b < batch ? used_span(va.seqlens_q, at, seqlen_q).length : 0;
        int through = sum_to_lane(tokens), first = rows + through - tokens;
        tokens = min(tokens, max(va.total_q - first, 0));
        rows += last_lane(through);
#else
        tokens = b < batch ? q_span(va, at, seqlen_q).length : 0;
#endif
#if AITER_PACKED_K
        int keys = used_span(va.seqlens_k, at, seqlen_k).length;
#else
        int keys = k_span(va, at, seqlen_k).length;
#endif
        row_tiles = ceil_div(tokens * GROUP, TILE_Q);
        key_tiles = tokens ? ceil_div(most_keys_of_tile(va, keys), TILE_K) : 0;
    }
};

// Tiles of keys of a share: of a sequence with one tile of rows, and of one with more, whose merge is of more rows. Such
// sequences are jobs enough if all together are a fourth of what the device holds.
struct share_of {
    int one, more;
};

// What a batch comes to. Sums are in fp32: shares have to be right up to SLACK.
struct batch_sum {
    float work = 0, places = 0, tokens = 0; // places: of tokens for each tile of keys
    int longest = 0, row_tiles = 0;

    INLINE void add(const sequence &s)
    {
        work += float(s.row_tiles) * float(s.key_tiles);
        places += float(s.tokens) * float(s.key_tiles);
        tokens += float(s.tokens);
        longest = max(longest, s.key_tiles);
        row_tiles += s.row_tiles;
    }

    // A sequence of k tiles takes less than k / share + 1 parts, so that there are places
    // for split_slots more jobs than tiles of rows, and that what is split has two parts or more.
    INLINE share_of share(const variant_args &va) const
    {
        const float SLACK = 1.001f;
        auto plus = [](float a, float b) { return a + b; };
        float room = float(va.split_room), spare = max(room - of_lanes(tokens, plus), room / 2);
        float by_work = of_lanes(work, plus) * hw_rcp(float(va.split_slots)) * SLACK;
        float by_room = of_lanes(places, plus) * hw_rcp(spare) * SLACK;
        int by_count = of_lanes(longest, max<int>) / MOST_SPLITS;
        int one = max(max(int(min(max(by_work, by_room), 1e9f)), by_count) + 1, LEAST_TILES);
        bool enough = 4 * of_lanes(row_tiles, [](int a, int b) { return a + b; }) > va.split_slots;
        return { one, max(one, (enough ? 8 : 2) * LEAST_TILES) };
    }
};

// How 64 sequences are split, each in its lane, and where their jobs are in each class.
struct split_plan {
    int splits, first_place, first_entry, jobs, kind, through[CLASSES];

    // `places`, `entries`: those that sequences in front take; moved on. Those that the room ends in front of are not
    // split.
    INLINE split_plan(const variant_args &va, const sequence &s, share_of shares, int &places, int &entries)
    {
        const int room = va.split_room;
        auto plus = [](int a, int b) { return a + b; };
        int share = s.row_tiles > 1 ? shares.more : shares.one;
        int wanted = max(int((2u * uint(s.key_tiles) + uint(share)) / (2u * uint(share))), 1);
        int needed = wanted > 1 ? int(min(int64(wanted) * s.tokens, int64(room) + 1)) : 0;
        int end = scan(needed, [=](int a, int b) { return min(a + b, room + 1); });
        end = min(end + places, room + 1);
        splits = end <= room ? wanted : 1;
        first_place = end - needed;
        places = last_lane(end);
        int listed = splits > 1 ? s.tokens : 0, last_entry = entries + scan(listed, plus);
        first_entry = last_entry - listed;
        entries = last_lane(last_entry);
        jobs = s.row_tiles * splits;
        kind = splits > 1 ? 0 : s.key_tiles > share / 4 ? 1 : 2;
        for (int c = 0; c < CLASSES; c++)
            through[c] = scan(kind == c ? jobs : 0, plus);
    }
};

// Of a head's jobs, which workgroups on `dies` dies take in turn, each die takes RUN neighbours at a time: tiles of one
// sequence share its keys in an L2.
INLINE int place_in_run(uint turn, uint dies, uint places)
{
    constexpr uint RUN = 16;
    uint round = turn / (dies * RUN) * dies * RUN;
    bool whole = round + dies * RUN <= places;
    return int(whole ? round + turn % dies * RUN + turn / dies % RUN : turn);
}

INLINE work assign_work(const variant_args &va, int num_heads, int batch, int seqlen_q, int seqlen_k)
{
    // The first 64 sequences, often all of them, are looked at once.
    int rows = 0, places = 0, entries = 0, begin[CLASSES + 1] = {};
    const sequence front(va, lane_id(), batch, seqlen_q, seqlen_k, rows);
    const int rows_of_front = rows;
    auto others = [&](auto see) {
        rows = rows_of_front;
        for (int i = WAVE_SIZE; i < batch; i += WAVE_SIZE)
            see(i, sequence(va, i + lane_id(), batch, seqlen_q, seqlen_k, rows));
    };

    share_of share = { va.split_tiles, va.split_tiles };
    if (va.split_tiles == 0) {
        batch_sum sum;
        sum.add(front);
        others([&](int, const sequence &s) { sum.add(s); });
        share = sum.share(va);
    }
    const split_plan front_plan(va, front, share, places, entries);
    const int places_of_front = places, entries_of_front = entries;
    auto count = [&](const split_plan &plan) {
        for (int c = 0; c < CLASSES; c++)
            begin[c + 1] += last_lane(plan.through[c]);
    };
    count(front_plan);
    others([&](int, const sequence &s) { count(split_plan(va, s, share, places, entries)); });
    for (int c = 0; c < CLASSES; c++)
        begin[c + 1] += begin[c];
    const uint slices = uint(num_heads) / GROUP, workgroup = __builtin_amdgcn_workgroup_id_x();
    if (workgroup == 0 && va.split_room > 0 && __builtin_amdgcn_workitem_id_x() == 0)
        va.split_list[0] = entries;

    work w = {};
    const uint dies = NUM_XCDS % slices == 0 ? NUM_XCDS / slices : 1;
    const int place = place_in_run(workgroup / slices, dies, uint(va.split_places));
    const int head = int(workgroup % slices) * GROUP;
    auto find = [&](int first, const sequence &s, const split_plan &plan) {
        for (int c = 0; c < CLASSES; c++) {
            int jobs = plan.kind == c ? plan.jobs : 0, at = place - (begin[c] + plan.through[c] - jobs);
            uint64 here = __builtin_amdgcn_ballot_w64(at >= 0 && at < jobs);
            begin[c] += last_lane(plan.through[c]);
            if (!here)
                continue;
            int lane = __builtin_ctzll(here);
            int row_tiles = of_lane(s.row_tiles, lane), job = of_lane(at, lane), tile = job % row_tiles;
            w = { first + lane, head, head / GQA, (CAUSAL ? row_tiles - 1 - tile : tile) * TILE_Q,
                  job / row_tiles, of_lane(plan.splits, lane), of_lane(plan.first_place, lane),
                  of_lane(plan.first_entry, lane) };
        }
    };
    find(0, front, front_plan);
    places = places_of_front, entries = entries_of_front;
    others([&](int first, const sequence &s) {
        find(first, s, split_plan(va, s, share, places, entries));
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
