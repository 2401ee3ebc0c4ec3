/* What LDS and memory instructions share: walking the active lanes, and how narrow loads meet
 * registers. */
#ifndef SIM_TRANSFER_H
#define SIM_TRANSFER_H

#include "sim/wave.h"

/* for each lane l (an unsigned declared before) whose bit is set in exec */
#define FOR_LANES(l, exec)                                                                         \
    for (uint64_t rest_ = (exec); rest_ && ((l) = (unsigned)__builtin_ctzll(rest_), 1);            \
         rest_ &= rest_ - 1)

#define INLINE static inline __attribute__((always_inline))

/* How a byte or short is loaded or stored: its size, sign extension, D16 (one half of the register,
 * the other half is kept) and which half. */
enum { BYTES = 3, SIGNED = 4, D16 = 8, HI = 16 };

/* The new value of a register for a loaded byte or short. */
static inline uint32_t extend(uint32_t value, uint32_t old, uint32_t how)
{
    if (how & SIGNED)
        value = (how & BYTES) == 1 ? (uint32_t)(int32_t)(int8_t)value
                                   : (uint32_t)(int32_t)(int16_t)value;
    if (!(how & D16))
        return value;
    return how & HI ? (old & 0xffffu) | value << 16 : (old & 0xffff0000u) | (value & 0xffffu);
}

#endif
