// What changes a score: soft cap, ALiBi, bias, the caller's score_mod, in this order; and the caller's
// mask_mod, which hides keys.

#define AITER_SCORE_MODS (AITER_SOFTCAP || AITER_ALIBI || AITER_BIAS || AITER_SCORE_MOD)

// Scores are changed in base 2, which is what exponentials want, or in natural units if score_mod has
// to see them. The softmax multiplies them by SCORE_UNIT.
#if AITER_SCORE_MOD
constexpr float TO_BASE_2 = 1, TO_UNIT = LN2, SCORE_UNIT = LOG2_E;
#else
constexpr float TO_BASE_2 = LOG2_E, TO_UNIT = 1, SCORE_UNIT = 1;
#endif

struct score_mods {
    float scale; // of q k^T, in what comes first
#if AITER_SOFTCAP
    float cap;
#endif
#if AITER_ALIBI
    float slope;
    int diagonal; // the key that the row is aligned with
#endif
#if AITER_BIAS
    const elem_t *bias; // of the row
#endif
#if AITER_BIAS || AITER_SCORE_MOD || AITER_MASK_MOD
    int last_key;
#endif
#if AITER_SCORE_MOD || AITER_MASK_MOD
    int b, h, q_idx, q_len;
    const void *user;
#endif

    // Row `row` of the sequence, which has `keys` keys.
    INLINE void init(const variant_args &va, const work &w, int row, int offset, int keys,
                     float scale_log2)
    {
        scale = scale_log2 * TO_UNIT;
#if AITER_SOFTCAP
        scale = va.softcap_in;
        cap = va.softcap_out * TO_UNIT;
#endif
#if AITER_ALIBI
        slope = va.alibi_slopes[w.batch * va.alibi_stride_batch + w.head] * TO_BASE_2;
        diagonal = row + offset;
#endif
#if AITER_BIAS
        bias = (const elem_t *)va.bias + w.batch * va.bias_stride_batch +
               w.head * va.bias_stride_head + row * va.bias_stride_row;
#endif
#if AITER_BIAS || AITER_SCORE_MOD || AITER_MASK_MOD
        last_key = keys - 1;
#endif
#if AITER_SCORE_MOD || AITER_MASK_MOD
        b = w.batch;
        h = w.head;
        q_idx = row;
        q_len = keys - offset;
        user = va.mod_data;
#endif
    }

    // From q k^T to the changed score.
    INLINE float operator()(float s, int key) const
    {
#if AITER_SOFTCAP
        // cap tanh(x) with exp2(s scale) = exp(2x), of which 0 and infinity give -cap and cap.
        s = __builtin_fmaf(-2 * cap, hw_rcp(hw_exp2(s * scale) + 1), cap);
#elif AITER_SCORE_MODS
        s *= scale;
#endif
#if AITER_ALIBI
        s = __builtin_fmaf(-slope, __builtin_fabsf(float(key - diagonal)), s);
#endif
#if AITER_BIAS
        s = __builtin_fmaf(float(bias[min(key, last_key)]), TO_BASE_2, s);
#endif
#if AITER_SCORE_MOD
        s = mods::score_mod(s, b, h, q_idx, min(key, last_key), q_len, last_key + 1, user);
#endif
        return s;
    }

    // Keys past the last one are asked about as if they were it: what they are is nobody's concern, and
    // the caller's memory ends there.
    INLINE bool visible(int key) const
    {
#if AITER_MASK_MOD
        return mods::mask_mod(b, h, q_idx, min(key, last_key), q_len, last_key + 1, user);
#else
        return true;
#endif
    }
};
