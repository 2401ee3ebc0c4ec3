#include "tools/numeric.h"

#include <math.h>
#include <string.h>

static const struct { const char *name; size_t size; double unit; } dtypes[] = {
    [NUM_FP16] = { "fp16", 2, 0x1p-11 },
    [NUM_BF16] = { "bf16", 2, 0x1p-8 },
    [NUM_FP32] = { "fp32", 4, 0x1p-24 },
    [NUM_E4M3FN] = { "e4m3fn", 1, 0x1p-4 },
    [NUM_E4M3FNUZ] = { "e4m3fnuz", 1, 0x1p-4 },
};

const char *num_dtype_name(num_dtype dtype)
{
    return dtypes[dtype].name;
}

int num_dtype_find(const char *name)
{
    for (int i = NUM_FP16; i <= NUM_FP32; i++)
        if (strcmp(name, dtypes[i].name) == 0)
            return i;
    return -1;
}

size_t num_dtype_size(num_dtype dtype)
{
    return dtypes[dtype].size;
}

double num_dtype_unit(num_dtype dtype)
{
    return dtypes[dtype].unit;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t num_fp16_from_float(float value)
{
    const uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu;
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);

    if (magnitude > 0x7f800000u)
        return sign | 0x7e00u;
    if (magnitude >= 0x477ff000u) /* 65520, halfway between the largest number and 2^16 */
        return sign | 0x7c00u;
    if (magnitude < 0x38800000u) /* in units of 2^-24; 1024 carry into the exponent */
        return sign | (uint16_t)lrintf(float_of(magnitude) * 0x1p24f);
    const uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return sign | (uint16_t)((rounded - (112u << 23)) >> 13); /* exponent bias 127 -> 15 */
}

float num_fp16_to_float(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u;
    const uint32_t fraction = bits & 0x3ffu;

    if (exponent == 31)
        return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0)
        return float_of(sign | bits_of((float)fraction * 0x1p-24f));
    return float_of(sign | (exponent + 112u) << 23 | fraction << 13);
}

uint16_t num_bf16_from_float(float value)
{
    const uint32_t bits = bits_of(value);

    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u); /* stays a NaN without its low payload */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float num_bf16_to_float(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

/* OCP 8-bit Floating Point Specification 1.0, E4M3; the FNUZ form has its exponents one lower, uses all
 * of them for numbers, and 0x80 for the NaN. */
float num_e4m3_to_float(uint8_t bits, int fnuz)
{
    const int exponent = bits >> 3 & 15, fraction = bits & 7, bias = fnuz ? 8 : 7;
    const float sign = bits & 0x80 ? -1.0f : 1.0f;

    if (fnuz ? bits == 0x80 : (bits & 0x7f) == 0x7f)
        return NAN;
    if (exponent == 0)
        return sign * ldexpf((float)fraction, -2 - bias);
    return sign * ldexpf((float)(8 + fraction), exponent - bias - 3);
}

uint8_t num_e4m3_from_float(float value, int fnuz)
{
    const int bias = fnuz ? 8 : 7;
    const float magnitude = fminf(fabsf(value), fnuz ? 240.0f : 448.0f);
    int exponent = magnitude > 0 ? ilogbf(magnitude) : 1 - bias;

    if (isnan(value))
        return fnuz ? 0x80 : 0x7f;
    if (exponent < 1 - bias)
        exponent = 1 - bias;
    /* In units of the last place; 16 carry into the exponent, and below 8 the number is subnormal. */
    const int units = (int)lrintf(ldexpf(magnitude, 3 - exponent));
    const int bits = units + ((exponent + bias - 1) << 3);
    return (uint8_t)(signbit(value) && (bits != 0 || !fnuz) ? bits | 0x80 : bits);
}

float num_round(num_dtype dtype, float value)
{
    switch (dtype) {
    case NUM_FP16:
        return num_fp16_to_float(num_fp16_from_float(value));
    case NUM_BF16:
        return num_bf16_to_float(num_bf16_from_float(value));
    case NUM_E4M3FN:
    case NUM_E4M3FNUZ:
        return num_e4m3_to_float(num_e4m3_from_float(value, dtype == NUM_E4M3FNUZ),
                                 dtype == NUM_E4M3FNUZ);
    case NUM_FP32:
        break;
    }
    return value;
}

void num_store(num_dtype dtype, void *array, size_t index, float value)
{
    switch (dtype) {
    case NUM_FP16:
        ((uint16_t *)array)[index] = num_fp16_from_float(value);
        break;
    case NUM_BF16:
        ((uint16_t *)array)[index] = num_bf16_from_float(value);
        break;
    case NUM_FP32:
        ((float *)array)[index] = value;
        break;
    case NUM_E4M3FN:
    case NUM_E4M3FNUZ:
        ((uint8_t *)array)[index] = num_e4m3_from_float(value, dtype == NUM_E4M3FNUZ);
        break;
    }
}

float num_load(num_dtype dtype, const void *array, size_t index)
{
    switch (dtype) {
    case NUM_FP16:
        return num_fp16_to_float(((const uint16_t *)array)[index]);
    case NUM_BF16:
        return num_bf16_to_float(((const uint16_t *)array)[index]);
    case NUM_E4M3FN:
    case NUM_E4M3FNUZ:
        return num_e4m3_to_float(((const uint8_t *)array)[index], dtype == NUM_E4M3FNUZ);
    case NUM_FP32:
        break;
    }
    return ((const float *)array)[index];
}

/* The finaliser of the SplitMix64 generator (Steele, Lea, Flood 2014), used as a hash. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

float num_random(uint64_t seed, uint64_t stream, uint64_t index)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    const uint64_t r = mix(mix(mix(seed + golden) + stream + golden) + (index + 1) * golden);
    const int sum =
        (int)(r & 0xffff) + (int)(r >> 16 & 0xffff) + (int)(r >> 32 & 0xffff) + (int)(r >> 48);

    /* Four uniform 16-bit numbers: their sum has mean 2 * 65535 and variance (2^32 - 1) / 3. */
    return (float)(sum - 2 * 65535) * (1.7320508f / 65536.0f);
}
