// Rotary embedding of queries and new keys: the first ROTARY_DIM elements of a row are pairs, each of
// which is turned by an angle that depends on the row's position. In fp32, rounded once.

#define AITER_ROTARY 1

// own cos + other sin. Products of 16-bit numbers are exact in fp32; those of fp32 are rounded where
// this says so, not where the compiler contracts.
INLINE float turn(float own, float other, float c, float s)
{
    return __builtin_fmaf(own, c, other * s);
}

// The angles of one position. Positions behind the last that there are angles for, which rows that
// fit the cache do not have, get the last one's.
struct rotation {
    const elem_t *cosines, *sines;

    INLINE rotation(const variant_args &va, uint position)
    {
        const int64 at = min(position, uint(va.seqlen_rotary - 1));
        cosines = (const elem_t *)va.rotary_cos + at * va.rotary_cos_stride;
        sines = (const elem_t *)va.rotary_sin + at * va.rotary_sin_stride;
    }

#if AITER_ROTARY_INTERLEAVED
    // Elements d .. d + N - 1 of the row, turned. d is a multiple of N, which is at most 8.
    template <int N> INLINE vec<elem_t, N> load(const elem_t *row, int d) const
    {
        vec<elem_t, N> x = *(const vec<elem_t, N> *)(row + d);
        if (d >= ROTARY_DIM)
            return x;
        auto c = *(const vec<elem_t, N / 2> *)(cosines + d / 2);
        auto s = *(const vec<elem_t, N / 2> *)(sines + d / 2);
        for (int e = 0; e < N; e += 2) {
            float a = float(x[e]), b = float(x[e + 1]);
            x[e] = elem_t(turn(a, -b, float(c[e / 2]), float(s[e / 2])));
            x[e + 1] = elem_t(turn(b, a, float(c[e / 2]), float(s[e / 2])));
        }
        return x;
    }
#else
    // The same; element d goes with d + ROTARY_DIM / 2, which is a multiple of 8 away.
    template <int N> INLINE vec<elem_t, N> load(const elem_t *row, int d) const
    {
        vec<elem_t, N> x = *(const vec<elem_t, N> *)(row + d);
        if (d >= ROTARY_DIM)
            return x;
        const bool second = d >= ROTARY_DIM / 2;
        const int first = second ? d - ROTARY_DIM / 2 : d;
        auto other = *(const vec<elem_t, N> *)(row + (second ? first : d + ROTARY_DIM / 2));
        auto c = *(const vec<elem_t, N> *)(cosines + first);
        auto s = *(const vec<elem_t, N> *)(sines + first);
        for (int e = 0; e < N; e++) {
            float b = float(other[e]);
            x[e] = elem_t(turn(float(x[e]), second ? b : -b, float(c[e]), float(s[e])));
        }
        return x;
    }
#endif
};

#if AITER_APPEND
// Of query `row` of sequence b: behind the keys that were there before, in order if queries see
// different keys (causal or a window), else all of them at the first place, as FlashAttention has it.
INLINE rotation rotation_of_query(const variant_args &va, int b, int row, int seqlen_k)
{
    const uint first = uint(used_span(va.seqlens_k, b, seqlen_k).length);
    return rotation(va, LEFT_BOUND || RIGHT_BOUND ? first + uint(row) : first);
}
#endif
