/* What read-modify-write instructions compute; LDS and memory use it alike (ISA guides, the
 * pseudocode of DS_* and BUFFER_ATOMIC_*). Floating-point additions round to nearest even and keep
 * subnormals: the guides do not say otherwise, and MODE does not apply to them. */
#ifndef SIM_ATOMIC_H
#define SIM_ATOMIC_H

#include "sim/float.h"

typedef enum sim_atomic {
    SIM_SWAP,
    SIM_ADD,
    SIM_SUB,
    SIM_RSUB,
    SIM_INC,
    SIM_DEC,
    SIM_SMIN,
    SIM_SMAX,
    SIM_UMIN,
    SIM_UMAX,
    SIM_AND,
    SIM_OR,
    SIM_XOR,
    SIM_FADD,
    SIM_FMIN,
    SIM_FMAX,
    SIM_PK_F16,
    SIM_PK_BF16,
    SIM_CMPSWAP, /* data2 is compared, data is stored */
    SIM_FCMPSWAP,
    SIM_MSKOR, /* data clears, data2 sets */
    SIM_WRAP   /* old >= data ? old - data : old + data2 */
} sim_atomic;

static inline uint32_t sim_pk_add_f16(uint32_t a, uint32_t b)
{
    /* float has more than 2 * 11 + 1 bits, so rounding twice equals rounding once */
    const uint32_t lo = sim_f32_to_f16(sim_f16_to_f32((uint16_t)a) + sim_f16_to_f32((uint16_t)b));
    const uint32_t hi =
        sim_f32_to_f16(sim_f16_to_f32((uint16_t)(a >> 16)) + sim_f16_to_f32((uint16_t)(b >> 16)));
    return hi << 16 | lo;
}

static inline uint32_t sim_pk_add_bf16(uint32_t a, uint32_t b)
{
    const uint32_t lo =
        sim_f32_to_bf16(sim_bf16_to_f32((uint16_t)a) + sim_bf16_to_f32((uint16_t)b));
    const uint32_t hi = sim_f32_to_bf16(sim_bf16_to_f32((uint16_t)(a >> 16)) +
                                        sim_bf16_to_f32((uint16_t)(b >> 16)));
    return hi << 16 | lo;
}

static inline uint32_t sim_atomic32(sim_atomic op, uint32_t old, uint32_t data, uint32_t data2)
{
    const float f = sim_float(old), g = sim_float(data);
    switch (op) {
    case SIM_SWAP: return data;
    case SIM_ADD: return old + data;
    case SIM_SUB: return old - data;
    case SIM_RSUB: return data - old;
    case SIM_INC: return old >= data ? 0 : old + 1;
    case SIM_DEC: return old == 0 || old > data ? data : old - 1;
    case SIM_SMIN: return (int32_t)data < (int32_t)old ? data : old;
    case SIM_SMAX: return (int32_t)data > (int32_t)old ? data : old;
    case SIM_UMIN: return data < old ? data : old;
    case SIM_UMAX: return data > old ? data : old;
    case SIM_AND: return old & data;
    case SIM_OR: return old | data;
    case SIM_XOR: return old ^ data;
    case SIM_FADD: return sim_bits(f + g);
    case SIM_FMIN: return g < f ? data : old;
    case SIM_FMAX: return g > f ? data : old;
    case SIM_PK_F16: return sim_pk_add_f16(old, data);
    case SIM_PK_BF16: return sim_pk_add_bf16(old, data);
    case SIM_CMPSWAP: return old == data2 ? data : old;
    case SIM_FCMPSWAP: return f == sim_float(data2) ? data : old;
    case SIM_MSKOR: return (old & ~data) | data2;
    case SIM_WRAP: return old >= data ? old - data : old + data2;
    }
    return old;
}

static inline uint64_t sim_atomic64(sim_atomic op, uint64_t old, uint64_t data, uint64_t data2)
{
    const double f = sim_double(old), g = sim_double(data);
    switch (op) {
    case SIM_SWAP: return data;
    case SIM_ADD: return old + data;
    case SIM_SUB: return old - data;
    case SIM_RSUB: return data - old;
    case SIM_INC: return old >= data ? 0 : old + 1;
    case SIM_DEC: return old == 0 || old > data ? data : old - 1;
    case SIM_SMIN: return (int64_t)data < (int64_t)old ? data : old;
    case SIM_SMAX: return (int64_t)data > (int64_t)old ? data : old;
    case SIM_UMIN: return data < old ? data : old;
    case SIM_UMAX: return data > old ? data : old;
    case SIM_AND: return old & data;
    case SIM_OR: return old | data;
    case SIM_XOR: return old ^ data;
    case SIM_FADD: return sim_bits64(f + g);
    case SIM_FMIN: return g < f ? data : old;
    case SIM_FMAX: return g > f ? data : old;
    case SIM_CMPSWAP: return old == data2 ? data : old;
    case SIM_FCMPSWAP: return f == sim_double(data2) ? data : old;
    case SIM_MSKOR: return (old & ~data) | data2;
    default: return old;
    }
}

#endif
