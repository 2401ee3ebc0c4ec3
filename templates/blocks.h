// Tiles of keys that a workgroup visits by the caller's block mask: one byte for BLOCK_MASK query rows
// and as many keys. 0: hidden; 2: all visible; else mask_mod says.

static_assert(BLOCK_MASK % TILE_Q == 0 && BLOCK_MASK % TILE_K == 0, "a tile is in one block");

struct tile_walk {
    const unsigned char *states; // of the workgroup's rows
    int end;                     // of the keys
    int held;                    // group of WAVE_SIZE blocks that the following is about
    uint64 shown, full;

    INLINE void init(const variant_args &va, const work &w, int last_key)
    {
        states = va.block_mask + w.batch * va.block_mask_stride_batch +
                 w.head * va.block_mask_stride_head +
                 w.q0 / BLOCK_MASK * va.block_mask_stride_row;
        end = last_key;
        held = -1;
        shown = full = 0;
    }

    // A lane reads one block's state; those behind the end are not read.
    INLINE void hold(int group)
    {
        int block = group * WAVE_SIZE + lane_id();
        int state = 0;
        if (block < ceil_div(end, BLOCK_MASK))
            state = states[block];
        shown = ballot(state != 0);
        full = ballot(state == 2);
        held = group;
    }

    // The first tile that is not hidden, from the one that starts at `key` on; past the end if there is
    // none.
    INLINE tile_at next(int key)
    {
        while (key < end) {
            int block = key / BLOCK_MASK, bit = block % WAVE_SIZE;
            if (block / WAVE_SIZE != held)
                hold(block / WAVE_SIZE);
            uint64 rest = shown >> bit;
            if (rest & 1)
                return { key, (full >> bit & 1) != 0 };
            key = rest ? (block + __builtin_ctzll(rest)) * BLOCK_MASK
                       : (block / WAVE_SIZE + 1) * WAVE_SIZE * BLOCK_MASK;
        }
        return { key, false };
    }
};
