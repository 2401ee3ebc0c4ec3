// Keys or values in pages: the row of key j is row j % BLOCK_SIZE of block table[j / BLOCK_SIZE].
// BLOCK_SIZE is a multiple of 16, so that aligned groups of up to 16 keys are in one block.
template <typename T> struct paged_rows {
    const int *table; // of the sequence
    const T *base;    // of the head
    int64 stride_block, stride_row;
    int first, end; // the keys that there are; no other has its row or its table entry read

    INLINE bool has(int key) const { return key >= first && key < end; }

    // The block of `count` keys from `key` on, which are in one; 0 if there is none of them.
    INLINE int block_of(int key, int count) const
    {
        int block = 0;
        if (key + count > first && key < end)
            block = table[key / BLOCK_SIZE];
        return block;
    }

    INLINE const T *row(int block, int key) const
    {
        return base + block * stride_block + key % BLOCK_SIZE * stride_row;
    }
};
