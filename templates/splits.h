// Keys in parts: what a workgroup of such a kernel works on.
//
// The unit of work is a tile of keys for a tile of rows; a share is an even part of all the work for
// each workgroup that the device holds, or what the caller states. A sequence's keys are split evenly
// into as many parts as they are shares, to the nearest: whatever the lengths are, no workgroup works
// longer than one share and a half. All workgroups come to the same numbers from the same lengths.
//
// Jobs are in order of three classes, so that what takes long begins first: those of split sequences,
// tiles of rows with more than a quarter of a share, the others.
constexpr int LEAST_TILES = ceil_div(256, TILE_K); // a shorter split is not worth its merge
constexpr int MOST_SPLITS = 128;                   // nor are more of a sequence
constexpr int CLASSES = 3;

template <typename T> INLINE T of_lane(T x, int lane) // the same for all
{
    return bit_cast<T>(__builtin_amdgcn_readlane(bit_cast<int>(x), lane));
}

template <typename T, typename Add> INLINE T of_lanes(T x, Add add)
{
    return of_lane(scan(x, add), WAVE_SIZE - 1);
}

// Of a sequence with `keys`. A window has two bounds, and begins at no tile's start.
INLINE int most_keys_of_tile(const variant_args &va, int keys)
{
    if (!LEFT_BOUND || !RIGHT_BOUND)
        return keys;
    return min(keys, left_bound(va) + right_bound(va) + ceil_div(TILE_Q, GROUP) + 1);
}

// One sequence, in a lane of its own.
struct sequence {
    int tokens, row_tiles, key_tiles; // key_tiles: the most that a tile of rows sees

    // `rows`: of packed sequences, those in front of these; moved on.
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

// Tiles of keys of a share: of a sequence with one tile of rows, and of one with more, whose merge is
// of more rows. Such sequences are jobs enough if all together are a fourth of what the device holds.
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

    // A sequence of k tiles takes less than k / share + 1 parts, so that there are places for
    // split_slots more jobs than tiles of rows, and what is split has two parts or more.
    INLINE share_of share(const variant_args &va) const
    {
        const float SLACK = 1.001f;
        auto plus = [](float a, float b) { return a + b; };
        float room = float(va.split_room), spare = max(room - of_lanes(tokens, plus), room / 2);
        float by_work = of_lanes(work, plus) * hw_rcp(float(va.split_slots)) * SLACK;
        float by_room = of_lanes(places, plus) * hw_rcp(spare) * SLACK;
        int by_count = of_lanes(longest, max<int>) / MOST_SPLITS;
        int one = max(max(int(min(max(by_work, by_room), 1e9f)), by_count) + 1, LEAST_TILES);
        bool enough = 4 * last_lane(sum_to_lane(row_tiles)) > va.split_slots;
        return { one, max(one, (enough ? 8 : 2) * LEAST_TILES) };
    }
};

// How 64 sequences are split, each in its lane, and where their jobs are in each class.
struct split_plan {
    int splits, first_place, first_entry, jobs, kind, through[CLASSES];

    // `places`, `entries`: those that sequences in front take; moved on. Sequences that the room ends
    // in front of are not split.
    INLINE split_plan(const variant_args &va, const sequence &s, share_of shares, int &places,
                      int &entries)
    {
        const int room = va.split_room;
        int share = s.row_tiles > 1 ? shares.more : shares.one;
        int wanted = max(int((2u * uint(s.key_tiles) + uint(share)) / (2u * uint(share))), 1);
        int needed = wanted > 1 ? int(min(int64(wanted) * s.tokens, int64(room) + 1)) : 0;
        int end = scan(needed, [=](int a, int b) { return min(a + b, room + 1); });
        end = min(end + places, room + 1);
        splits = end <= room ? wanted : 1;
        first_place = end - needed;
        places = last_lane(end);
        int listed = splits > 1 ? s.tokens : 0, last_entry = entries + sum_to_lane(listed);
        first_entry = last_entry - listed;
        entries = last_lane(last_entry);
        jobs = s.row_tiles * splits;
        kind = splits > 1 ? 0 : s.key_tiles > share / 4 ? 1 : 2;
        for (int c = 0; c < CLASSES; c++)
            through[c] = sum_to_lane(kind == c ? jobs : 0);
    }
};

// Of a head's jobs, which workgroups on `dies` dies take in turn, each die takes RUN neighbours at a
// time: tiles of one sequence share its keys in an L2.
INLINE int place_in_run(uint turn, uint dies, uint places)
{
    constexpr uint RUN = 16;
    uint round = turn / (dies * RUN) * dies * RUN;
    bool whole = round + dies * RUN <= places;
    return int(whole ? round + turn % dies * RUN + turn / dies % RUN : turn);
}

INLINE work assign_work(const variant_args &va, int num_heads, int batch, int seqlen_q,
                        int seqlen_k)
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
            int jobs = plan.kind == c ? plan.jobs : 0;
            int at = place - (begin[c] + plan.through[c] - jobs);
            uint64 here = __builtin_amdgcn_ballot_w64(at >= 0 && at < jobs);
            begin[c] += last_lane(plan.through[c]);
            if (!here)
                continue;
            int lane = __builtin_ctzll(here);
            int row_tiles = of_lane(s.row_tiles, lane), job = of_lane(at, lane);
            int tile = CAUSAL ? row_tiles - 1 - job % row_tiles : job % row_tiles;
            w = { first + lane,
                  head,
                  head / GQA,
                  tile * TILE_Q,
                  job / row_tiles,
                  of_lane(plan.splits, lane),
                  of_lane(plan.first_place, lane),
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
