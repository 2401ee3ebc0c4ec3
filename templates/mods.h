// What expressions of the caller's are compiled among (gen/render.c puts the expressions behind this): the
// arguments of score_mod and mask_mod, and the functions that they can call. In a namespace, or LLVM
// would take these names for library calls.

#define MOD_ARGS                                                                                   \
    int b, int h, int q_idx, int kv_idx, [[maybe_unused]] int q_len, [[maybe_unused]] int kv_len,  \
        const void *user

namespace mods {
using ::max;
using ::min;

INLINE int abs(int x) { return x < 0 ? -x : x; }
INLINE float abs(float x) { return __builtin_fabsf(x); }
INLINE float floor(float x) { return __builtin_floorf(x); }
INLINE float ceil(float x) { return __builtin_ceilf(x); }
INLINE float fma(float x, float y, float z) { return __builtin_fmaf(x, y, z); }

// The hardware's instructions: off by a few units of 2^-24, of the result or, if that is larger, of 1
// (log, tanh). Numbers below 2^-126 are 0 to them.
INLINE float exp2(float x) { return hw_exp2(x); }
INLINE float log2(float x) { return hw_log2(x); }
INLINE float exp(float x) { return hw_exp2(x * LOG2_E); }
INLINE float log(float x) { return hw_log2(x) * LN2; }
INLINE float rcp(float x) { return hw_rcp(x); }
INLINE float sqrt(float x) { return __builtin_amdgcn_sqrtf(x); }
INLINE float rsqrt(float x) { return __builtin_amdgcn_rsqf(x); }
INLINE float tanh(float x) { return 1 - 2 * hw_rcp(hw_exp2(x * (2 * LOG2_E)) + 1); }

// C's names for the same.
INLINE float fabsf(float x) { return abs(x); }
INLINE float fminf(float x, float y) { return __builtin_fminf(x, y); }
INLINE float fmaxf(float x, float y) { return __builtin_fmaxf(x, y); }
INLINE float floorf(float x) { return floor(x); }
INLINE float ceilf(float x) { return ceil(x); }
INLINE float exp2f(float x) { return exp2(x); }
INLINE float log2f(float x) { return log2(x); }
INLINE float expf(float x) { return exp(x); }
INLINE float logf(float x) { return log(x); }
INLINE float sqrtf(float x) { return sqrt(x); }
INLINE float tanhf(float x) { return tanh(x); }
}
