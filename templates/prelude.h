// What every kernel starts with: attributes, types and the few device functions that HIP's headers
// would bring. No header is included: parsing them costs five times as much as compiling a small
// kernel.

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(threads, waves_per_simd)                                                 \
    __attribute__((amdgpu_flat_work_group_size(threads, threads),                                  \
                   amdgpu_waves_per_eu(waves_per_simd)))
#define INLINE __device__ inline __attribute__((always_inline))

using uint = unsigned int;
using int64 = long long;
using uint64 = unsigned long long;

template <typename T, int N> using vec = T __attribute__((ext_vector_type(N)));

// A vector of the same size with other elements.
template <typename To, typename From> INLINE To bit_cast(From from)
{
    static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
    return __builtin_bit_cast(To, from);
}

template <typename T> INLINE T min(T a, T b) { return a < b ? a : b; }
template <typename T> INLINE T max(T a, T b) { return a > b ? a : b; }
constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

constexpr float INFINITE = __builtin_inff();
constexpr float LN2 = 0.69314718055994531f;
constexpr float LOG2_E = 1.44269504088896341f;

// Single instructions. Their names avoid OpenCL's (exp2, log2, rcp): LLVM recognises those,
// mangled, as library calls and puts denormal handling around them.
INLINE float hw_exp2(float x) { return __builtin_amdgcn_exp2f(x); } // v_exp_f32: 2^-inf is 0
INLINE float hw_log2(float x) { return __builtin_amdgcn_logf(x); }  // v_log_f32: log2 of 0 is -inf
INLINE float hw_rcp(float x) { return __builtin_amdgcn_rcpf(x); }   // v_rcp_f32, 1 ulp

INLINE int lane_id() { return int(__builtin_amdgcn_workitem_id_x()) & (WAVE_SIZE - 1); }

// x of another lane; lanes may ask different ones.
template <typename T> INLINE T from_lane(int lane, T x)
{
    return bit_cast<T>(__builtin_amdgcn_ds_bpermute(lane * 4, bit_cast<int>(x)));
}

// Bit l: x of lane l.
INLINE uint64 ballot(bool x)
{
#if AITER_CDNA
    return __builtin_amdgcn_ballot_w64(x);
#else
    return __builtin_amdgcn_ballot_w32(x);
#endif
}

// Workgroups are dealt to the dies in turn: workgroup w runs on die w % NUM_XCDS. Gives the w-th
// workgroup its place in a list of `count` that is cut into one run per die, so that neighbours in
// the list share a die's L2.
INLINE int place_on_xcd(int w, int count)
{
    int xcd = w % NUM_XCDS, each = count / NUM_XCDS, more = count % NUM_XCDS;
    return xcd * each + min(xcd, more) + w / NUM_XCDS;
}

// Waits for every wave of the workgroup; LDS writes before it are seen after it.
INLINE void __syncthreads()
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup", "local");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup", "local");
}
