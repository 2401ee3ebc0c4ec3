/* Numbers as kernels store them: fp16, bf16, fp32 and E4M3, and where test inputs come from. */
#ifndef AITER_TOOLS_NUMERIC_H
#define AITER_TOOLS_NUMERIC_H

#include <stddef.h>
#include <stdint.h>

/* The last two are of caches only: E4M3 as OCP defines it (bias 7) and as gfx942 has it (FNUZ, bias 8,
 * no -0). */
typedef enum num_dtype { NUM_FP16, NUM_BF16, NUM_FP32, NUM_E4M3FN, NUM_E4M3FNUZ } num_dtype;

/* "fp16", "bf16", "fp32", "e4m3fn", "e4m3fnuz". */
const char *num_dtype_name(num_dtype dtype);
/* -1 if `name` is none of the first three. */
int num_dtype_find(const char *name);
size_t num_dtype_size(num_dtype dtype);

/* Largest relative error of rounding a normal number to the nearest: 2^-11, 2^-8 (bf16 has 8
 * significant bits), 2^-24, 2^-4. */
double num_dtype_unit(num_dtype dtype);

/* Round to nearest, ties to even; overflow gives infinity, NaN stays NaN. */
uint16_t num_fp16_from_float(float value);
uint16_t num_bf16_from_float(float value);
float num_fp16_to_float(uint16_t bits);
float num_bf16_to_float(uint16_t bits);

/* Overflow gives the largest number. */
uint8_t num_e4m3_from_float(float value, int fnuz);
float num_e4m3_to_float(uint8_t bits, int fnuz);

/* `value` rounded to dtype, as a float (exact for all of them). */
float num_round(num_dtype dtype, float value);

/* Element `index` of an array of dtype. */
void num_store(num_dtype dtype, void *array, size_t index, float value);
float num_load(num_dtype dtype, const void *array, size_t index);

/* A value between -3.47 and 3.47 with mean 0 and variance 1, bell-shaped; a pure function of its
 * arguments, so that data do not depend on the layout or on the order of generation. */
float num_random(uint64_t seed, uint64_t stream, uint64_t index);

#endif
