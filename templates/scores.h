// What changes a score: soft cap, ALiBi, bias, in this order.
#define AITER_SCORE_MODS 1

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
    int last_key;
#endif

    // Row `row` of the sequence, which has `keys` keys.
    INLINE void init(const variant_args &va, const work &w, int row, int offset, int keys,
                     float scale_log2)
    {
        scale = scale_log2;
#if AITER_SOFTCAP
        scale = va.softcap_in;
        cap = va.softcap_out;
#endif
#if AITER_ALIBI
        slope = va.alibi_slopes[w.batch * va.alibi_stride_batch + w.head] * LOG2_E;
        diagonal = row + offset;
#endif
#if AITER_BIAS
        bias = (const elem_t *)va.bias + w.batch * va.bias_stride_batch +
               w.head * va.bias_stride_head + row * va.bias_stride_row;
        last_key = keys - 1;
#endif
    }

    // From q k^T to the changed score times log2(e), which is what exponentials want.
    INLINE float operator()(float s, int key) const
    {
#if AITER_SOFTCAP
        // cap tanh(x) with exp2(s scale) = exp(2x), of which 0 and infinity give -cap and cap.
        s = __builtin_fmaf(-2 * cap, hw_rcp(hw_exp2(s * scale) + 1), cap);
#else
        s *= scale;
#endif
#if AITER_ALIBI
        s = __builtin_fmaf(-slope, __builtin_fabsf(float(key - diagonal)), s);
#endif
#if AITER_BIAS
        s = __builtin_fmaf(float(bias[min(key, last_key)]), LOG2_E, s);
#endif
        return s;
    }
};
