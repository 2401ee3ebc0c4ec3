#!/usr/bin/env python3
"""Cases for vector instructions: python3 valu_reference.py > valu_cases.h

An independent model: exact rational arithmetic for floating point, rounded once in the way the
case's MODE asks for; integers as Python's. Every formula is the one of the instruction's entry in
AMD's "CDNA3" and "CDNA4" instruction set architecture documents (chapters VOP1, VOP2, VOPC, VOP3,
VOP3P), unless a comment names another source. Nothing here comes from running the simulator.

A row: instruction text, sources v2, v4, v6 (pairs where 64 bits wide), the destination's old
value, vcc, MODE, expected destination, expected vcc (-1: not written).

--all writes every row instead of ten of each instruction and MODE."""
from fractions import Fraction as Q
import math
import sys

OLD = 0x0123456789ABCDEF
MODE = 0x3F0  # round to nearest even, denormals kept, DX10_CLAMP, IEEE
rows = []


class Fmt:
    def __init__(self, bits, exp, man):
        self.bits, self.exp, self.man = bits, exp, man
        self.bias = (1 << (exp - 1)) - 1
        self.maxe = (1 << exp) - 1
        self.inf = self.maxe << man
        self.qnan = self.inf | 1 << (man - 1)
        self.sign = 1 << (bits - 1)

    def isnan(self, x):
        return (x & ~self.sign) > self.inf

    def value(self, x):
        """Finite value as a fraction; infinities as floats."""
        e, m = x >> self.man & self.maxe, x & ((1 << self.man) - 1)
        s = -1 if x & self.sign else 1
        if e == self.maxe:
            return s * math.inf
        if e == 0:
            return s * Q(m) * Q(2) ** (1 - self.bias - self.man)
        return s * Q(m | 1 << self.man) * Q(2) ** (e - self.bias - self.man)

    def round(self, q, mode=0, negative_zero=False):
        """mode: 0 nearest even, 1 up, 2 down, 3 toward zero."""
        if q == 0:
            return self.sign if negative_zero else 0
        if q in (math.inf, -math.inf):
            return self.inf | (self.sign if q < 0 else 0)
        s, a = (self.sign, -q) if q < 0 else (0, q)
        e = a.numerator.bit_length() - a.denominator.bit_length()
        if a < Q(2) ** e:
            e -= 1
        e = max(e, 1 - self.bias)
        ulp = Q(2) ** (e - self.man)
        n = a // ulp
        rest = a - n * ulp
        up = {0: rest > ulp / 2 or (rest == ulp / 2 and n & 1), 1: rest and not s, 2: rest and s,
            3: False}[mode]
        a = (n + (1 if up else 0)) * ulp
        limit = Q(2) ** (self.bias + 1)
        if a >= limit:
            to_inf = mode == 0 or (mode == 1 and not s) or (mode == 2 and s)
            return s | (self.inf if to_inf else self.inf - 1)
        if a < Q(2) ** (1 - self.bias):
            return s | int(a / (Q(2) ** (1 - self.bias - self.man)))
        e = a.numerator.bit_length() - a.denominator.bit_length()
        if a < Q(2) ** e:
            e -= 1
        return s | (e + self.bias) << self.man | int(a / Q(2) ** (e - self.man)) - (1 << self.man)


F16, F32, F64, BF16 = Fmt(16, 5, 10), Fmt(32, 8, 23), Fmt(64, 11, 52), Fmt(16, 8, 7)


def row(text, want, a=0, b=0, c=0, old=OLD, vcc=0, mode=MODE, want_vcc=-1, arch=0):
    rows.append((text, a, b, c, old, vcc, mode, want, want_vcc, arch))


def quiet(f, x):
    return x | 1 << (f.man - 1)


def arith(f, fn, srcs, mode=0):
    """fn of the sources' values; NaN, invalid operations and signs of zero as IEEE 754 has them."""
    for x in srcs:
        if f.isnan(x):
            return quiet(f, x)
    try:
        v = fn(*[f.value(x) for x in srcs])
    except (ZeroDivisionError, OverflowError, ValueError):
        return f.qnan
    if isinstance(v, float) and math.isnan(v):
        return f.qnan
    return f.round(v, mode, zero_sign(f, fn, srcs, mode)) if v == 0 else f.round(v, mode)


def zero_sign(f, fn, srcs, mode):
    neg = [bool(x & f.sign) for x in srcs]
    if fn is mul:
        return neg[0] != neg[1]
    if fn is fma:
        p, c = neg[0] != neg[1], neg[2]
        exact = f.value(srcs[0]) * f.value(srcs[1]) == 0
        return (p if p == c else mode == 2) if exact or f.value(srcs[2]) == 0 else mode == 2
    a, b = neg[0], neg[1] if fn is add else not neg[1]
    return a if a == b else mode == 2


def mul(x, y): return x * y if x * y == x * y else math.nan
def add(x, y): return x + y
def sub(x, y): return x - y
def fma(x, y, z): return mul(x, y) + z


def inputs(f):
    one = f.bias << f.man
    return [0, f.sign, one, one | f.sign, one + 1, one + (1 << (f.man - 1)), one - 1, 1,
        f.sign | 1, (1 << f.man) - 1, 1 << f.man,
            f.inf - 1, f.inf, f.sign | f.inf, f.qnan | 5, (one + (f.man << f.man)) | f.sign | 3]


def pairs(f):
    i = inputs(f)
    return [(x, i[(k * 7 + 3) % len(i)]) for k, x in enumerate(i)] + [(x,
        i[(k * 5 + 1) % len(i)]) for k, x in enumerate(i)]


def triples(f):
    i = inputs(f)
    return [(x, i[(k * 7 + 3) % len(i)], i[(k * 11 + 6) % len(i)]) for k, x in enumerate(i)]


# ---- floating-point arithmetic in all rounding modes ----
for mode in range(4):
    m32, m16 = (MODE & ~3) | mode, (MODE & ~12) | mode << 2
    for x, y in pairs(F32):
        row("v_add_f32_e32 v0, v2, v4", arith(F32, add, (x, y), mode), x, y, mode=m32)
        row("v_sub_f32_e32 v0, v2, v4", arith(F32, sub, (x, y), mode), x, y, mode=m32)
        row("v_mul_f32_e32 v0, v2, v4", arith(F32, mul, (x, y), mode), x, y, mode=m32)
    for x, y, z in triples(F32):
        row("v_fma_f32 v0, v2, v4, v6", arith(F32, fma, (x, y, z), mode), x, y, z, mode=m32)
    for x, y in pairs(F64):
        row("v_add_f64 v[0:1], v[2:3], v[4:5]", arith(F64, add, (x, y), mode), x, y, mode=m16)
        row("v_mul_f64 v[0:1], v[2:3], v[4:5]", arith(F64, mul, (x, y), mode), x, y, mode=m16)
    for x, y, z in triples(F64):
        row("v_fma_f64 v[0:1], v[2:3], v[4:5], v[6:7]", arith(F64, fma, (x, y, z), mode), x, y, z,
            mode=m16)
    for x, y in pairs(F16):  # the high half becomes zero
        row("v_add_f16_e32 v0, v2, v4", arith(F16, add, (x, y), mode), x | 0xABCD0000, y, mode=m16)
        row("v_sub_f16_e32 v0, v2, v4", arith(F16, sub, (x, y), mode), x, y | 0x12340000, mode=m16)
        row("v_mul_f16_e32 v0, v2, v4", arith(F16, mul, (x, y), mode), x, y, mode=m16)
    for x, y, z in triples(F16):  # gfx9's own fma keeps the high half
        row("v_fma_f16 v0, v2, v4, v6", arith(F16, fma, (x, y, z), mode) | OLD & 0xFFFF0000, x, y,
            z, mode=m16)
        row("v_fma_f16 v0, v2, v4, v6 op_sel:[0,0,0,1]", arith(F16, fma, (x, y, z),
            mode) << 16 | OLD & 0xFFFF, x, y, z, mode=m16)
        row("v_fma_f16 v0, v2, v4, v6 op_sel:[1,0,0,0]", arith(F16, fma, (x, y, z),
            mode) | OLD & 0xFFFF0000, x << 16 | 0x7777, y, z, mode=m16)
    for x in inputs(F32):  # f32 -> f16 rounds as MODE's double and half field says
        v = F16.qnan if F32.isnan(x) else F16.round(F32.value(x), mode, bool(x & F32.sign))
        if not F32.isnan(x):
            row("v_cvt_f16_f32_e32 v0, v2", v, x, mode=m16)
    for x in inputs(F64):
        if not F64.isnan(x):
            row("v_cvt_f32_f64_e32 v0, v[2:3]", F32.round(F64.value(x), mode, bool(x & F64.sign)),
                x, mode=m32)
    for x in (0x7FFFFFFF, 0xFFFFFFFF, 0x80000001, 0x01000001, 0xFEFFFFFF, 5, 0):
        row("v_cvt_f32_u32_e32 v0, v2", F32.round(Q(x), mode), x, mode=m32)
        row("v_cvt_f32_i32_e32 v0, v2", F32.round(Q(x - (x >> 31 << 32)), mode), x, mode=m32)

# source and output modifiers: neg, abs, omod, clamp
for x, y in pairs(F32):
    n = F32.sign
    row("v_add_f32_e64 v0, -v2, |v4|", arith(F32, add, (x ^ n, y & ~n)), x, y)
    row("v_mul_f32_e64 v0, -|v2|, v4", arith(F32, mul, (x | n, y)), x, y)
    s = arith(F32, add, (x, y))
    if not F32.isnan(s):
        v = F32.value(s)
        if abs(v) != math.inf:
            row("v_add_f32_e64 v0, v2, v4 mul:2", F32.round(v * 2, 0, bool(s & n)), x, y)
            row("v_add_f32_e64 v0, v2, v4 mul:4", F32.round(v * 4, 0, bool(s & n)), x, y)
            row("v_add_f32_e64 v0, v2, v4 div:2", F32.round(v / 2, 0, bool(s & n)), x, y)
        row("v_add_f32_e64 v0, v2, v4 clamp", 0x3F800000 if v >= 1 else 0 if v <= 0 else s, x, y)
    else:
        row("v_add_f32_e64 v0, v2, v4 clamp", 0, x, y)  # DX10_CLAMP: NaN becomes 0
        row("v_add_f32_e64 v0, v2, v4 clamp", s, x, y, mode=0x2F0)

# denormal modes: bit 0 of the field keeps inputs, bit 1 keeps outputs
for deno in range(4):
    m32, m16 = MODE & ~0x30 | deno << 4, MODE & ~0xC0 | deno << 6

    def flush(f, x):
        return x & f.sign if x & ~f.sign < 1 << f.man else x

    for f, text, m in ((F32, "v_mul_f32_e32 v0, v2, v4", m32), (F64,
        "v_mul_f64 v[0:1], v[2:3], v[4:5]", m16)):
        one, half = f.bias << f.man, (f.bias - 1) << f.man
        for x, y in ((1, one), (f.sign | 7, one), (1 << f.man, half), ((1 << f.man) + 4,
            half | f.sign), (one, one)):
            xi, yi = (x, y) if deno & 1 else (flush(f, x), flush(f, y))
            r = arith(f, mul, (xi, yi))
            row(text, r if deno & 2 else flush(f, r), x, y, mode=m)
    for x, y in ((1, 0x3C00), (0x8007, 0x3C00), (0x400, 0x3800), (0x404, 0xB800), (0x3C00, 0x3C00),
        (0x3FF, 0x4000)):
        xi, yi = (x, y) if deno & 1 else (flush(F16, x), flush(F16, y))
        out = (lambda v: v) if deno & 2 else (lambda v: flush(F16, v))
        row("v_mul_f16_e32 v0, v2, v4", out(arith(F16, mul, (xi, yi))), x, y, mode=m16)
        row("v_add_f16_e32 v0, v2, v4", out(arith(F16, add, (xi, yi))), x, y, mode=m16)
        row("v_pk_mul_f16 v0, v2, v4", out(arith(F16, mul, (xi, yi))) * 0x10001, x * 0x10001,
            y * 0x10001, mode=m16)
        row("v_cvt_f32_f16_e32 v0, v2", F32.round(F16.value(xi), 0, bool(x & 0x8000)), x, mode=m16)
        row("v_cvt_f16_f32_e32 v0, v2", out(x), F32.round(F16.value(x), 0, bool(x & 0x8000)),
            mode=m16)


# ---- minimum, maximum, median (IEEE mode: a signaling NaN becomes quiet and is the result) ----
def minmax(f, x, y, is_max, ieee=True):
    def snan(v): return f.isnan(v) and not v & 1 << (f.man - 1)
    if ieee and snan(x):
        return quiet(f, x)
    if ieee and snan(y):
        return quiet(f, y)
    if f.isnan(x):
        return y
    if f.isnan(y):
        return x
    a, b = f.value(x), f.value(y)
    if a == 0 and b == 0:
        negs = [bool(x & f.sign), bool(y & f.sign)]
        return (0 if not all(negs) else f.sign) if is_max else (f.sign if any(negs) else 0)
    return (x if a >= b else y) if is_max else (x if a < b else y)


for f, t, w in ((F32, "f32", 1), (F64, "f64", 2), (F16, "f16", 1)):
    r = (lambda n: f"v[{n}:{n + 1}]") if w == 2 else (lambda n: f"v{n}")
    e = "" if w == 2 else "_e32"
    snan = f.inf | 9
    for x, y in pairs(f) + [(snan, f.bias << f.man), (f.bias << f.man, snan), (f.qnan, snan), (0,
        f.sign), (f.sign, 0)]:
        row(f"v_min_{t}{e} {r(0)}, {r(2)}, {r(4)}", minmax(f, x, y, False), x, y)
        row(f"v_max_{t}{e} {r(0)}, {r(2)}, {r(4)}", minmax(f, x, y, True), x, y)
        row(f"v_max_{t}{e} {r(0)}, {r(2)}, {r(4)}", minmax(f, x, y, True, False), x, y,
            mode=MODE & ~0x200)
for x, y, z in triples(F32):
    lo = minmax(F32, minmax(F32, x, y, False), z, False)
    hi = minmax(F32, minmax(F32, x, y, True), z, True)
    row("v_min3_f32 v0, v2, v4, v6", lo, x, y, z)
    row("v_max3_f32 v0, v2, v4, v6", hi, x, y, z)
    if any(F32.isnan(v) for v in (x, y, z)):
        med = lo
    elif F32.value(hi) == F32.value(x):
        med = minmax(F32, y, z, True)
    elif F32.value(hi) == F32.value(y):
        med = minmax(F32, x, z, True)
    else:
        med = minmax(F32, x, y, True)
    row("v_med3_f32 v0, v2, v4, v6", med, x, y, z)

# ---- compares ----
tests = {"f": lambda a, b: False, "lt": lambda a, b: a < b, "eq": lambda a, b: a == b,
    "le": lambda a, b: a <= b,
         "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b}
for f, t, w in ((F32, "f32", 1), (F64, "f64", 2), (F16, "f16", 1)):
    r = (lambda n: f"v[{n}:{n + 1}]") if w == 2 else (lambda n: f"v{n}")
    full = dict(tests, lg=lambda a, b: a != b)
    for x, y in pairs(f) + [(1, 1)]:
        un = f.isnan(x) or f.isnan(y)
        for n, fn in full.items():
            v = not un and fn(f.value(x), f.value(y))
            row(f"v_cmp_{n}_{t}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(v))
            if n != "f":
                row(f"v_cmp_n{n}_{t}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(not v))
        row(f"v_cmp_o_{t}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(not un))
        row(f"v_cmp_u_{t}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(un))
        row(f"v_cmp_tru_{t}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=1)
    classes = [(f.inf | 1, 0), (f.qnan, 1), (f.sign | f.inf, 2), (f.sign | f.bias << f.man, 3),
        (f.sign | 1, 4), (f.sign, 5),
               (0, 6), (1, 7), (f.bias << f.man, 8), (f.inf, 9)]
    for x, k in classes:
        row(f"v_cmp_class_{t}_e32 vcc, {r(2)}, v4", OLD, x, 1 << k, want_vcc=1)
        row(f"v_cmp_class_{t}_e32 vcc, {r(2)}, v4", OLD, x, 0x3FF & ~(1 << k), want_vcc=0)


def signed(x, bits):
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> (bits - 1) else x


ints32 = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x12345678, 0xFEDCBA98, 31, 33, 0x00FF00FF]
ipairs = [(x, ints32[(k * 3 + j) % len(ints32)]) for j in (1, 5, 8) for k, x in enumerate(ints32)]
for bits, r, vals in ((32, lambda n: f"v{n}", ipairs), (16, lambda n: f"v{n}", ipairs),
                      (64, lambda n: f"v[{n}:{n + 1}]", [(x << 32 | y, y << 31 | x) for x,
                          y in ipairs])):
    for x, y in vals + [(7, 7)]:
        for n, fn in dict(tests, ne=lambda a, b: a != b, t=lambda a, b: True).items():
            m = (1 << bits) - 1
            row(f"v_cmp_{n}_u{bits}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(fn(x & m,
                y & m)))
            row(f"v_cmp_{n}_i{bits}_e32 vcc, {r(2)}, {r(4)}", OLD, x, y, want_vcc=int(fn(signed(x,
                bits), signed(y, bits))))

# ---- integers ----
M = 0xFFFFFFFF


def s32(x): return signed(x, 32)
def s24(x): return signed(x, 24)
def u24(x): return x & 0xFFFFFF
def s16(x): return signed(x, 16)
def u16(x): return x & 0xFFFF
def sat(v, lo, hi): return max(lo, min(hi, v))


two = {
    "v_add_u32_e32": lambda a, b: a + b,
    "v_sub_u32_e32": lambda a, b: a - b,
    "v_subrev_u32_e32": lambda a, b: b - a,
    "v_add_u32_e64:clamp": lambda a, b: sat(a + b, 0,
        M), "v_sub_u32_e64:clamp": lambda a, b: sat(a - b, 0, M),
    "v_add_i32": lambda a, b: a + b, "v_sub_i32": lambda a, b: a - b,
    "v_add_i32:clamp": lambda a, b: sat(s32(a) + s32(b), -2**31, 2**31 - 1),
    "v_sub_i32:clamp": lambda a, b: sat(s32(a) - s32(b), -2**31, 2**31 - 1),
    "v_mul_lo_u32": lambda a, b: a * b, "v_mul_hi_u32": lambda a, b: a * b >> 32,
    "v_mul_hi_i32": lambda a, b: s32(a) * s32(b) >> 32,
    "v_mul_i32_i24_e32": lambda a, b: s24(a) * s24(b),
    "v_mul_hi_i32_i24_e32": lambda a, b: s24(a) * s24(b) >> 32,
    "v_mul_u32_u24_e32": lambda a, b: u24(a) * u24(b),
    "v_mul_hi_u32_u24_e32": lambda a, b: u24(a) * u24(b) >> 32, "v_and_b32_e32": lambda a, b: a & b,
    "v_or_b32_e32": lambda a, b: a | b,
    "v_xor_b32_e32": lambda a, b: a ^ b,
    "v_xnor_b32_e32": lambda a, b: ~(a ^ b),
    "v_lshlrev_b32_e32": lambda a, b: b << (a & 31),
    "v_lshrrev_b32_e32": lambda a, b: b >> (a & 31),
    "v_ashrrev_i32_e32": lambda a, b: s32(b) >> (a & 31), "v_min_i32_e32": lambda a, b: min(s32(a),
        s32(b)),
    "v_max_i32_e32": lambda a, b: max(s32(a), s32(b)), "v_min_u32_e32": min, "v_max_u32_e32": max,
    "v_bfm_b32": lambda a, b: ((1 << (a & 31)) - 1) << (b & 31),
    "v_bcnt_u32_b32": lambda a, b: bin(a).count("1") + b,
    "v_pack_b32_f16": lambda a, b: u16(b) << 16 | u16(a),
    "v_cvt_pk_u16_u32": lambda a, b: min(b, 65535) << 16 | min(a, 65535),
    "v_cvt_pk_i16_i32": lambda a, b: u16(sat(s32(b), -32768, 32767)) << 16 | u16(sat(s32(a),
        -32768, 32767)),
}
for x, y in ipairs:
    for n, fn in two.items():
        name, _, mod = n.partition(":")
        row(f"{name} v0, v2, v4" + (" " + mod if mod else ""), fn(x, y) & M, x, y)
two16 = {
    "v_add_u16_e32": lambda a, b: u16(a) + u16(b), "v_sub_u16_e32": lambda a, b: u16(a) - u16(b),
    "v_subrev_u16_e32": lambda a, b: u16(b) - u16(a),
    "v_add_u16_e64:clamp": lambda a, b: sat(u16(a) + u16(b), 0, 65535),
    "v_sub_u16_e64:clamp": lambda a, b: sat(u16(a) - u16(b), 0,
        65535), "v_mul_lo_u16_e32": lambda a, b: a * b,
    "v_lshlrev_b16_e32": lambda a, b: b << (a & 15),
    "v_lshrrev_b16_e32": lambda a, b: u16(b) >> (a & 15),
    "v_ashrrev_i16_e32": lambda a, b: s16(b) >> (a & 15), "v_max_u16_e32": lambda a, b: max(u16(a),
        u16(b)),
    "v_min_u16_e32": lambda a, b: min(u16(a), u16(b)), "v_max_i16_e32": lambda a, b: max(s16(a),
        s16(b)),
    "v_min_i16_e32": lambda a, b: min(s16(a), s16(b)),
}
for x, y in ipairs:
    for n, fn in two16.items():  # VOP2 16-bit results: the high half becomes zero
        name, _, mod = n.partition(":")
        row(f"{name} v0, v2, v4" + (" " + mod if mod else ""), fn(x, y) & 0xFFFF, x, y)
    row("v_add_i16 v0, v2, v4 clamp", u16(sat(s16(x) + s16(y), -32768, 32767)) | OLD & 0xFFFF0000,
        x, y)
    row("v_add_i16 v0, v2, v4 op_sel:[1,0,1]", u16((x >> 16) + y) << 16 | OLD & 0xFFFF, x, y)


def field(v, at, n, is_signed):
    at, n = at & 31, n & 31
    r = v >> at & ((1 << n) - 1)
    if not is_signed:
        return r
    r = s32(v) >> at & ((1 << n) - 1)
    return signed(r, n) if n else 0


def perm(a, b, sel):
    data, r = a << 32 | b, 0
    for i in range(4):
        s = sel >> 8 * i & 255
        if s >= 13:
            v = 255
        elif s == 12:
            v = 0
        elif s >= 8:
            v = 255 if data >> (16 * (s - 8) + 15) & 1 else 0
        else:
            v = data >> 8 * s & 255
        r |= v << 8 * i
    return r


def byte(x, i): return x >> 8 * i & 255
def med(a, b, c): return sorted((a, b, c))[1]


three = {
    "v_bfe_u32": lambda a, b, c: field(a, b, c, False), "v_bfe_i32": lambda a, b, c: field(a, b, c,
        True),
    "v_bfi_b32": lambda a, b, c: a & b | ~a & c,
    "v_alignbit_b32": lambda a, b, c: (a << 32 | b) >> (c & 31),
    "v_alignbyte_b32": lambda a, b, c: (a << 32 | b) >> 8 * (c & 3), "v_perm_b32": perm,
    "v_min3_i32": lambda a, b, c: min(s32(a), s32(b),
        s32(c)), "v_max3_i32": lambda a, b, c: max(s32(a), s32(b), s32(c)),
    "v_med3_i32": lambda a, b, c: med(s32(a), s32(b),
        s32(c)), "v_min3_u32": min, "v_max3_u32": max, "v_med3_u32": med,
    "v_lshl_add_u32": lambda a, b, c: (a << (b & 31)) + c,
    "v_add_lshl_u32": lambda a, b, c: ((a + b) & M) << (c & 31),
    "v_add3_u32": lambda a, b, c: a + b + c, "v_lshl_or_b32": lambda a, b, c: a << (b & 31) | c,
    "v_and_or_b32": lambda a, b, c: a & b | c,
    "v_or3_b32": lambda a, b, c: a | b | c,
    "v_xad_u32": lambda a, b, c: (a ^ b) + c,
    "v_mad_u32_u24": lambda a, b, c: u24(a) * u24(b) + c,
    "v_mad_i32_i24": lambda a, b, c: s24(a) * s24(b) + s32(c),
    "v_mad_u32_u16": lambda a, b, c: u16(a) * u16(b) + c,
    "v_mad_i32_i16": lambda a, b, c: s16(a) * s16(b) + s32(c),
    "v_sad_u8": lambda a, b, c: sum(abs(byte(a, i) - byte(b, i)) for i in range(4)) + c,
    "v_sad_hi_u8": lambda a, b, c: (sum(abs(byte(a, i) - byte(b, i)) for i in range(4)) << 16) + c,
    "v_sad_u16": lambda a, b, c: abs(u16(a) - u16(b)) + abs((a >> 16) - (b >> 16)) + c,
    "v_sad_u32": lambda a, b, c: abs(a - b) + c,
    "v_msad_u8": lambda a, b, c: sum(abs(byte(a, i) - byte(b, i)) for i in range(4) if byte(b,
        i)) + c,
    "v_lerp_u8": lambda a, b, c: sum((byte(a, i) + byte(b,
        i) + (c >> 8 * i & 1)) >> 1 << 8 * i for i in range(4)),
    "v_dot4_i32_i8": lambda a, b, c: sum(signed(byte(a, i), 8) * signed(byte(b, i),
        8) for i in range(4)) + s32(c),
    "v_dot4_u32_u8": lambda a, b, c: sum(byte(a, i) * byte(b, i) for i in range(4)) + c,
    "v_dot8_i32_i4": lambda a, b, c: sum(signed(a >> i, 4) * signed(b >> i, 4) for i in range(0,
        32, 4)) + s32(c),
    "v_dot8_u32_u4": lambda a, b, c: sum((a >> i & 15) * (b >> i & 15) for i in range(0, 32,
        4)) + c,
    "v_dot2_i32_i16": lambda a, b, c: s16(a) * s16(b) + s16(a >> 16) * s16(b >> 16) + s32(c),
    "v_dot2_u32_u16": lambda a, b, c: u16(a) * u16(b) + (a >> 16) * (b >> 16) + c,
}
itriples = [(x, y, z) for (x, y), z in zip(ipairs, (0x03020706, 0x0C080D05, 5, 0x10F, 0xFFFFFFFF,
    0x80000000, 0x0B0A0908, 17) * 5)]
for x, y, z in itriples:
    for n, fn in three.items():
        row(f"{n} v0, v2, v4, v6", fn(x, y, z) & M, x, y, z)
    for t in (0x00, 0x96, 0xE8, 0xCA, 0x01, 0x80):
        r = sum((t >> ((x >> i & 1) * 4 + (y >> i & 1) * 2 + (z >> i & 1)) & 1) << i
                for i in range(32))
        row(f"v_bitop3_b32 v0, v2, v4, v6 bitop3:{t:#x}" if t else "v_bitop3_b32 v0, v2, v4, v6",
            r, x, y, z, arch=2)
    keep = OLD & 0xFFFF0000
    row("v_mad_u16 v0, v2, v4, v6", u16(x * y + z) | keep, x, y, z)
    row("v_mad_i16 v0, v2, v4, v6 clamp", u16(sat(s16(x) * s16(y) + s16(z), -32768, 32767)) | keep,
        x, y, z)
    row("v_mad_legacy_u16 v0, v2, v4, v6", u16(x * y + z), x, y, z)
    row("v_med3_i16 v0, v2, v4, v6", u16(med(s16(x), s16(y), s16(z))) | keep, x, y, z)
    row("v_max3_u16 v0, v2, v4, v6", max(u16(x), u16(y), u16(z)) | keep, x, y, z)
    wide = x << 32 | z
    row("v_mad_u64_u32 v[0:1], vcc, v2, v4, v[6:7]", (x * y + wide) & (1 << 64) - 1, x, y, wide,
        want_vcc=(x * y + wide) >> 64)
    row("v_lshl_add_u64 v[0:1], v[2:3], v4, v[6:7]",
        ((wide << (y & 7)) + (y << 31)) & (1 << 64) - 1, wide, y, y << 31, arch=1)
    row("v_lshlrev_b64 v[0:1], v2, v[4:5]", (wide << (y & 63)) & (1 << 64) - 1, y, wide)
    row("v_lshrrev_b64 v[0:1], v2, v[4:5]", wide >> (y & 63), y, wide)
    row("v_ashrrev_i64 v[0:1], v2, v[4:5]", signed(wide, 64) >> (y & 63) & (1 << 64) - 1, y, wide)
for x in ints32:
    row("v_not_b32_e32 v0, v2", ~x & M, x)
    row("v_bfrev_b32_e32 v0, v2", int(f"{x:032b}"[::-1], 2), x)
    row("v_ffbh_u32_e32 v0, v2", 32 - x.bit_length() if x else M, x)
    row("v_ffbl_b32_e32 v0, v2", (x & -x).bit_length() - 1 if x else M, x)
    t = x ^ M if x >> 31 else x
    row("v_ffbh_i32_e32 v0, v2", 32 - t.bit_length() if t else M, x)
    row("v_sat_pk_u8_i16_e32 v0, v2", sat(s16(x), 0, 255) | sat(s16(x >> 16), 0, 255) << 8, x)
    row("v_prng_b32_e32 v0, v2", (x << 1 ^ (197 if x >> 31 else 0)) & M, x, arch=2)
    for k in range(4):
        row(f"v_cvt_f32_ubyte{k}_e32 v0, v2", F32.round(Q(byte(x, k))), x)
for x, y in ipairs:
    for cin in (0, 1):
        for n, v, co in (("addc", x + y + cin, x + y + cin > M), ("subb", x - y - cin,
            y + cin > x), ("subbrev", y - x - cin, x + cin > y)):
            row(f"v_{n}_co_u32_e32 v0, vcc, v2, v4, vcc", v & M, x, y, vcc=cin, want_vcc=int(co))
        row("v_cndmask_b32_e32 v0, v2, v4, vcc", y if cin else x, x, y, vcc=cin)
    row("v_cndmask_b32_e64 v0, -v2, |v4|, vcc", y & 0x7FFFFFFF, x, y, vcc=1)
    row("v_cndmask_b32_e64 v0, -v2, |v4|, vcc", x ^ 1 << 31, x, y, vcc=0)
    row("v_add_co_u32_e32 v0, vcc, v2, v4", x + y & M, x, y, want_vcc=int(x + y > M))
    row("v_sub_co_u32_e32 v0, vcc, v2, v4", x - y & M, x, y, want_vcc=int(y > x))
    row("v_subrev_co_u32_e32 v0, vcc, v2, v4", y - x & M, x, y, want_vcc=int(x > y))

# ---- packed. op_sel, op_sel_hi choose the halves; neg_lo, neg_hi negate them ----
hp = pairs(F16)
for (a, b), (c, d) in zip(hp, hp[5:] + hp[:5]):
    x, y = b << 16 | a, d << 16 | c
    for n, fn in (("add", add), ("mul", mul)):
        row(f"v_pk_{n}_f16 v0, v2, v4", arith(F16, fn, (b, d)) << 16 | arith(F16, fn, (a, c)), x, y)
        row(f"v_pk_{n}_f16 v0, v2, v4 op_sel:[1,0] op_sel_hi:[0,1]", arith(F16, fn, (a,
            d)) << 16 | arith(F16, fn, (b, c)), x, y)
        row(f"v_pk_{n}_f16 v0, v2, v4 neg_lo:[1,0] neg_hi:[0,1]",
            arith(F16, fn, (b, d ^ F16.sign)) << 16 | arith(F16, fn, (a ^ F16.sign, c)), x, y)
    row("v_pk_fma_f16 v0, v2, v4, v6", arith(F16, fma, (b, d, a)) << 16 | arith(F16, fma, (a, c,
        b)), x, y, a << 16 | b)
    row("v_pk_max_f16 v0, v2, v4", minmax(F16, b, d, True, False) << 16 | minmax(F16, a, c, True,
        False), x, y)
    row("v_pk_min_f16 v0, v2, v4", minmax(F16, b, d, False, False) << 16 | minmax(F16, a, c, False,
        False), x, y)
for x, y, z in itriples:
    def pk(fn, lo, hi, clamp=False):
        r = [fn(*t) for t in (lo, hi)]
        return u16(r[0]) | u16(r[1]) << 16
    L, H = (x, y, z), (x >> 16, y >> 16, z >> 16)
    row("v_pk_add_u16 v0, v2, v4", pk(lambda a, b, c: a + b, L, H), x, y)
    row("v_pk_sub_i16 v0, v2, v4 clamp", pk(lambda a, b, c: sat(s16(a) - s16(b), -32768, 32767), L,
        H), x, y)
    row("v_pk_mad_i16 v0, v2, v4, v6", pk(lambda a, b, c: a * b + c, L, H), x, y, z)
    row("v_pk_mul_lo_u16 v0, v2, v4", pk(lambda a, b, c: a * b, L, H), x, y)
    row("v_pk_max_i16 v0, v2, v4", pk(lambda a, b, c: max(s16(a), s16(b)), L, H), x, y)
    row("v_pk_min_u16 v0, v2, v4", pk(lambda a, b, c: min(u16(a), u16(b)), L, H), x, y)
    row("v_pk_lshlrev_b16 v0, v2, v4", pk(lambda a, b, c: b << (a & 15), L, H), x, y)
    row("v_pk_lshrrev_b16 v0, v2, v4", pk(lambda a, b, c: u16(b) >> (a & 15), L, H), x, y)
    row("v_pk_ashrrev_i16 v0, v2, v4", pk(lambda a, b, c: s16(b) >> (a & 15), L, H), x, y)
for (a, b), (c, d) in zip(pairs(F32), pairs(F32)[5:] + pairs(F32)[:5]):
    x, y = b << 32 | a, d << 32 | c
    t = "v[0:1], v[2:3], v[4:5]"
    row(f"v_pk_add_f32 {t}", arith(F32, add, (b, d)) << 32 | arith(F32, add, (a, c)), x, y)
    row(f"v_pk_mul_f32 {t} op_sel:[1,0] op_sel_hi:[0,1]", arith(F32, mul, (a,
        d)) << 32 | arith(F32, mul, (b, c)), x, y)
    row(f"v_pk_mul_f32 {t} neg_lo:[0,1] neg_hi:[0,1]",
        arith(F32, mul, (b, d ^ F32.sign)) << 32 | arith(F32, mul, (a, c ^ F32.sign)), x, y)
    row(f"v_pk_fma_f32 {t}, v[6:7]", arith(F32, fma, (b, d, a)) << 32 | arith(F32, fma, (a, c, b)),
        x, y, a << 32 | b)
    row(f"v_pk_mov_b32 {t} op_sel:[1,0]", (y & M) << 32 | x >> 32, x, y)
    row(f"v_pk_mov_b32 {t} op_sel:[0,1]", (y >> 32) << 32 | x & M, x, y)

# mixed precision: op_sel_hi makes a source binary16, op_sel picks its half
for h, x, y in ((0x3C00, 0x40490FDB, 0x3F000000), (0xC500, 0x3E000001, 0x80000001), (0x0001,
    0x4B000003, 0x00000000)):
    hv = F32.round(F16.value(h), 0, bool(h & 0x8000))
    row("v_fma_mix_f32 v0, v2, v4, v6 op_sel_hi:[1,0,0]", arith(F32, fma, (hv, x, y)), h, x, y)
    row("v_fma_mix_f32 v0, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[1,0,0]", arith(F32, fma, (hv, x,
        y)), h << 16 | 7, x, y)
    row("v_fma_mix_f32 v0, -v2, v4, |v6| op_sel_hi:[1,0,0]", arith(F32, fma, (hv ^ F32.sign, x,
        y & 0x7FFFFFFF)), h, x, y)
    m = F16.round(F32.value(arith(F32, fma, (hv, x, y))))
    row("v_fma_mixlo_f16 v0, v2, v4, v6 op_sel_hi:[1,0,0]", m | OLD & 0xFFFF0000, h, x, y)
    row("v_fma_mixhi_f16 v0, v2, v4, v6 op_sel_hi:[1,0,0]", m << 16 | OLD & 0xFFFF, h, x, y)


# ---- conversions ----
def to_int(f, x, lo, hi):
    if f.isnan(x):
        return 0
    v = f.value(x)
    if v == math.inf:
        return hi
    if v == -math.inf:
        return lo
    return sat(int(v), lo, hi)  # int() truncates


near = [0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001, 0x4F7FFFFF, 0x4F800000, 0x3FC00000,
    0xBFC00000, 0x40200000, 0x3F7FFFFF]
for x in inputs(F32) + near:
    row("v_cvt_i32_f32_e32 v0, v2", to_int(F32, x, -2**31, 2**31 - 1) & M, x)
    row("v_cvt_u32_f32_e32 v0, v2", to_int(F32, x, 0, M), x)
    if not F32.isnan(x):
        v, neg = F32.value(x), bool(x & F32.sign)
        row("v_cvt_f64_f32_e32 v[0:1], v2", F64.round(v, 0, neg), x)
        row("v_cvt_pkrtz_f16_f32 v0, v2, v4", F16.round(v, 3, neg) | 0x3C000000, x, 0x3F800000)
        row("v_cvt_pk_bf16_f32 v0, v2, v4", BF16.round(v, 0, neg) | 0xBF800000, x, 0xBF800000,
            arch=2)
        row("v_cvt_pk_f16_f32 v0, v2, v4", F16.round(v, 0, neg) | 0x3C000000, x, 0x3F800000, arch=2)
        if abs(v) != math.inf:
            fl = math.floor(v)
            row("v_floor_f32_e32 v0, v2", F32.round(Q(fl), 0, neg), x)
            row("v_ceil_f32_e32 v0, v2", F32.round(Q(math.ceil(v)), 0, neg), x)
            row("v_trunc_f32_e32 v0, v2", F32.round(Q(int(v)), 0, neg), x)
            row("v_rndne_f32_e32 v0, v2", F32.round(Q(round(v)), 0, neg), x)
            row("v_rndne_f32_e32 v0, v2", F32.round(Q(round(v)), 0, neg), x, mode=MODE | 1)
            if v - fl < 1 - Q(1, 2**25):
                row("v_fract_f32_e32 v0, v2", F32.round(v - fl), x)
            for e in (3, -7, 130, -130, 0x7FFFFFFF):
                scaled = F32.round(v * Q(2) ** min(e, 400), 0, neg)
                row("v_ldexp_f32 v0, v2, v4", scaled, x, e & M)
for x in inputs(F64) + [0x41DFFFFFFFC00000, 0x41E0000000000000, 0xC1E0000000200000,
    0x41EFFFFFFFF00000]:
    row("v_cvt_i32_f64_e32 v0, v[2:3]", to_int(F64, x, -2**31, 2**31 - 1) & M, x)
    row("v_cvt_u32_f64_e32 v0, v[2:3]", to_int(F64, x, 0, M), x)
for h in inputs(F16) + [0x0400, 0x7BFF, 0xFBFF, 0x03FF, 0x83FF]:
    if not F16.isnan(h):
        v, neg = F16.value(h), bool(h & 0x8000)
        row("v_cvt_f32_f16_e32 v0, v2", F32.round(v, 0, neg), h | 0x55550000)
        row("v_cvt_f32_f16_sdwa v0, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1",
            F32.round(v, 0, neg), h << 16 | 0x5555)
    row("v_cvt_u16_f16_e32 v0, v2", to_int(F16, h, 0, 65535), h)
    row("v_cvt_i16_f16_e32 v0, v2", to_int(F16, h, -32768, 32767) & 0xFFFF, h)


# 8-bit formats: FNUZ on gfx942 (bias one larger, 0x80 the only NaN), OCP on gfx950
def fp8(bits, exp, man, fnuz):
    e, m = bits >> man & (1 << exp) - 1, bits & (1 << man) - 1
    bias = (1 << (exp - 1)) - (0 if fnuz else 1)
    s = -1 if bits >> 7 else 1
    if fnuz:
        if bits == 0x80:
            return None
    elif exp == 4:
        if bits & 0x7F == 0x7F:
            return None
    elif e == 31:
        return s * math.inf if m == 0 else None
    if e == 0:
        return s * Q(m) * Q(2) ** (1 - bias - man)
    return s * Q(m | 1 << man) * Q(2) ** (e - bias - man)


for bits in (0, 1, 0x80, 0x81, 0x38, 0x40, 0xB8, 0x7E, 0x7F, 0xFF, 0x7B, 0x7C, 0x7D, 0x08, 0x07,
    0xC3):
    for name, exp, man in (("fp8", 4, 3), ("bf8", 5, 2)):
        for arch, fnuz in ((1, True), (2, False)):
            v = fp8(bits, exp, man, fnuz)
            if v is None:
                continue
            w = F32.round(v, 0, bits == 0x80)
            only = 0x10 + arch
            row(f"v_cvt_f32_{name}_e32 v0, v2", w, bits | 0xAABBCC00, arch=only)
            row(f"v_cvt_f32_{name}_sdwa v0, v2 src0_sel:BYTE_2", w, bits << 16 | 0x11002233,
                arch=only)
            if abs(v) != math.inf:
                row(f"v_cvt_pk_{name}_f32 v0, v2, v4", bits << 8 | bits | OLD & 0xFFFF0000, w, w,
                    arch=only)
                row(f"v_cvt_pk_{name}_f32 v0, v2, v4 op_sel:[0,0,1]",
                    bits << 24 | bits << 16 | OLD & 0xFFFF, w, w, arch=only)

# ---- exact results of transcendentals; denormals are flushed ----
INF, NINF, NAN = F32.inf, F32.inf | F32.sign, F32.qnan
for x, w in ((0, 0x3F800000), (0x3F800000, 0x40000000), (0xC1200000, 0x3A800000), (INF, INF),
    (NINF, 0), (0x42FE0000, 0x7F000000),
             (0x43000000, INF), (0xC2FC0000, 0x00800000), (0xC2FE0000, 0), (1, 0x3F800000)):
    row("v_exp_f32_e32 v0, v2", w, x)
for x, w in ((0x3F800000, 0), (0x40000000, 0x3F800000), (0x3A800000, 0xC1200000), (0, NINF),
    (F32.sign, NINF), (1, NINF), (INF, INF),
             (0xBF800000, NAN), (0x00800000, 0xC2FC0000)):
    row("v_log_f32_e32 v0, v2", w, x)
for x, w in ((0x3F800000, 0x3F800000), (0xC0800000, 0xBE800000), (0, INF), (F32.sign, NINF), (INF,
    0), (NINF, F32.sign), (1, INF),
             (0x7F000000, 0), (0x7E800000, 0x00800000)):
    row("v_rcp_f32_e32 v0, v2", w, x)
for x, w in ((0x3F800000, 0x3F800000), (0x40800000, 0x3F000000), (0, INF), (INF, 0), (0xBF800000,
    NAN)):
    row("v_rsq_f32_e32 v0, v2", w, x)
for x, w in ((0x40800000, 0x40000000), (0, 0), (F32.sign, F32.sign), (INF, INF), (0xBF800000, NAN),
    (1, 0)):
    row("v_sqrt_f32_e32 v0, v2", w, x)
for x, w in ((0, 0), (0x3E800000, 0x3F800000), (0x3F400000, 0xBF800000), (0x44000000, 0)):
    row("v_sin_f32_e32 v0, v2", w, x)
for x, w in ((0, 0x3F800000), (0x3F000000, 0xBF800000), (0x44000000, 0x3F800000)):
    row("v_cos_f32_e32 v0, v2", w, x)
for x, m, e in ((0x40A00000, 0x3F200000, 3), (0xBF000000, 0xBF000000, 0), (1, 0x3F000000, -148),
    (0, 0, 0), (INF, INF, 0)):
    row("v_frexp_mant_f32_e32 v0, v2", m, x)
    row("v_frexp_exp_i32_f32_e32 v0, v2", e & M, x)

# ---- division fix-up: v2 quotient, v4 denominator, v6 numerator ----
for q, d, n, w in ((0x3F800000, 0, 0, 0xFFC00000), (0x3F800000, INF, NINF, 0xFFC00000), (0, 0,
    0xBF800000, NINF),
                   (0, INF, 0x3F800000, 0), (0, NINF, 0x3F800000, F32.sign), (0xC0000000,
                       0x3F800000, 0x40000000, 0x40000000),
                   (0x40000000, 0xBF800000, 0x40000000, 0xC0000000), (1, 0x7FA00000, 0,
                       0x7FE00000), (1, 0, 0xFF800001, 0xFFC00001)):
    row("v_div_fixup_f32 v0, v2, v4, v6", w, q, d, n)

# ---- SDWA ----
X, Y = 0x81828384, 0x01020304
for sel, v in (("BYTE_0", 0x84), ("BYTE_1", 0x83), ("BYTE_2", 0x82), ("BYTE_3", 0x81), ("WORD_0",
    0x8384), ("WORD_1", 0x8182), ("DWORD", X)):
    bits = {"B": 8, "W": 16, "D": 32}[sel[0]]
    t = "dst_sel:DWORD dst_unused:UNUSED_PAD"
    row(f"v_add_u32_sdwa v0, v2, v4 {t} src0_sel:{sel} src1_sel:BYTE_3", v + 1 & M, X, Y)
    row(f"v_add_u32_sdwa v0, sext(v2), v4 {t} src0_sel:{sel} src1_sel:BYTE_3", signed(v,
        bits) + 1 & M, X, Y)
    shift = {"B": 8 * int(sel[-1]), "W": 16 * int(sel[-1]), "D": 0}[sel[0]] if sel != "DWORD" else 0
    mask = ((1 << bits) - 1) << shift
    res = X ^ Y
    put = res << shift & mask
    sx = 0
    if bits < 32 and res >> (bits - 1) & 1:
        sx = ~((1 << (shift + bits)) - 1) & M
    for unused, rest in (("UNUSED_PAD", 0), ("UNUSED_SEXT", sx), ("UNUSED_PRESERVE",
        OLD & M & ~mask)):
        row(f"v_xor_b32_sdwa v0, v2, v4 dst_sel:{sel} dst_unused:{unused} "
            "src0_sel:DWORD src1_sel:DWORD", put | rest, X, Y)

# ---- the rest of the tables ----
KEEP16, KEEP8 = OLD & 0xFFFF0000, OLD & 0xFFFFFF00
ONLY_90A = 0x10


def f32(x): return F32.round(Q(x), 0, x == 0 and math.copysign(1, x) < 0)
def f16(x): return F16.round(Q(x), 0)
def bf16(x): return BF16.round(Q(x), 0)
def f64(x): return F64.round(Q(x), 0)


# 16-bit integers in VOP3 keep the high half; the older forms clear it
for x, y, z in itriples:
    a, b, c = s16(x), s16(y), s16(z)
    row("v_sub_i16 v0, v2, v4 clamp", u16(sat(a - b, -32768, 32767)) | KEEP16, x, y)
    row("v_sub_i16 v0, v2, v4", u16(a - b) | KEEP16, x, y)
    row("v_min3_i16 v0, v2, v4, v6", u16(min(a, b, c)) | KEEP16, x, y, z)
    row("v_max3_i16 v0, v2, v4, v6", u16(max(a, b, c)) | KEEP16, x, y, z)
    row("v_min3_u16 v0, v2, v4, v6", min(u16(x), u16(y), u16(z)) | KEEP16, x, y, z)
    row("v_med3_u16 v0, v2, v4, v6", med(u16(x), u16(y), u16(z)) | KEEP16, x, y, z)
    row("v_mad_legacy_i16 v0, v2, v4, v6", u16(a * b + c), x, y, z)
    for t in (0x96, 0xE8):
        r = sum((t >> ((x >> i & 1) * 4 + (y >> i & 1) * 2 + (z >> i & 1)) & 1) << i
                for i in range(16))
        row(f"v_bitop3_b16 v0, v2, v4, v6 bitop3:{t:#x}", r | KEEP16, x, y, z, arch=2)
    L, H = (x, y, z), (x >> 16, y >> 16, z >> 16)
    row("v_pk_mad_u16 v0, v2, v4, v6", pk(lambda p, q, r: p * q + r, L, H), x, y, z)
    row("v_pk_add_i16 v0, v2, v4 clamp", pk(lambda p, q, r: sat(s16(p) + s16(q), -32768, 32767), L,
        H), x, y)
    row("v_pk_sub_u16 v0, v2, v4 clamp", pk(lambda p, q, r: sat(u16(p) - u16(q), 0, 65535), L, H),
        x, y)
    row("v_pk_min_i16 v0, v2, v4", pk(lambda p, q, r: min(s16(p), s16(q)), L, H), x, y)
    row("v_pk_max_u16 v0, v2, v4", pk(lambda p, q, r: max(u16(p), u16(q)), L, H), x, y)
    wide = z << 32 | x
    row("v_mad_i64_i32 v[0:1], vcc, v2, v4, v[6:7]", s32(x) * s32(y) + wide & (1 << 64) - 1, x, y,
        wide)
    for name, width, count in (("v_dot2c_i32_i16_e32", 16, 2), ("v_dot4c_i32_i8_e32", 8, 4),
                               ("v_dot8c_i32_i4_e32", 4, 8)):
        dot = sum(signed(x >> width * i, width) * signed(y >> width * i, width)
                  for i in range(count))
        row(f"{name} v0, v2, v4", OLD + dot & M, x, y)


def sad4(a, b, masked): return sum(abs(byte(a, i) - byte(b, i)) for i in range(4)
                                   if not masked or byte(b, i))


for x, y, z in itriples:  # windows of 4 bytes at each byte of the first source
    window, accumulate = x << 32 | z, y << 32 | x
    for name, masked in (("v_qsad_pk_u16_u8", False), ("v_mqsad_pk_u16_u8", True)):
        r = 0
        for i in range(4):
            v = sad4(window >> 8 * i & M, y, masked) + (accumulate >> 16 * i & 0xFFFF)
            if v < 65536:
                r |= v << 16 * i
            else:
                r = None  # the guides do not say what an overflow does
                break
        if r is not None:
            row(f"{name} v[0:1], v[2:3], v4, v[6:7]", r, window, y, accumulate)

# shifts to bytes (gfx950): each arithmetic shift right, then saturated
for x, y, z in itriples:
    s = z & 31
    for name, lo, hi in (("i8", -128, 127), ("u8", 0, 255)):
        r = sat(s32(x) >> s, lo, hi) & 255 | (sat(s32(y) >> s, lo, hi) & 255) << 8
        row(f"v_ashr_pk_{name}_i32 v0, v2, v4, v6", r | KEEP16, x, y, z, arch=2)

for x, y in pairs(F32):
    row("v_subrev_f32_e32 v0, v2, v4", arith(F32, sub, (y, x)), x, y)
    zero = x & ~F32.sign == 0 or y & ~F32.sign == 0
    row("v_mul_legacy_f32_e32 v0, v2, v4", 0 if zero else arith(F32, mul, (x, y)), x, y)
    row("v_fmaak_f32 v0, v2, v4, 0x40400000", arith(F32, fma, (x, y, 0x40400000)), x, y, arch=1)
    row("v_fmamk_f32 v0, v2, 0x40400000, v4", arith(F32, fma, (x, 0x40400000, y)), x, y, arch=1)
for x, y in pairs(F16):
    row("v_subrev_f16_e32 v0, v2, v4", arith(F16, sub, (y, x)), x, y)
for x, y, z in triples(F16):
    row("v_fma_legacy_f16 v0, v2, v4, v6", arith(F16, fma, (x, y, z)), x, y, z)
    row("v_pk_fmac_f16 v0, v2, v4", arith(F16, fma, (x, z, OLD & 0xFFFF)) |
        arith(F16, fma, (y, x, OLD >> 16 & 0xFFFF)) << 16, y << 16 | x, x << 16 | z)
    lo = minmax(F16, minmax(F16, x, y, False), z, False)
    hi = minmax(F16, minmax(F16, x, y, True), z, True)
    row("v_min3_f16 v0, v2, v4, v6", lo | KEEP16, x, y, z)
    row("v_max3_f16 v0, v2, v4, v6", hi | KEEP16, x, y, z)
    if not any(F16.isnan(v) for v in (x, y, z)):
        m = sorted((x, y, z), key=lambda v: (F16.value(v), 0 if v & F16.sign else 1))[1]
        row("v_med3_f16 v0, v2, v4, v6", m | KEEP16, x, y, z)
# multiply-add that rounds twice: operands whose product is exact
for a, b, c in ((1.5, 2, 0.25), (-3, 0.5, 8), (0, 5, -1), (7, 7, -49), (0.125, 16, 1)):
    v = Q(a) * Q(b) + Q(c)
    row("v_mad_f32 v0, v2, v4, v6", f32(v), f32(a), f32(b), f32(c), arch=ONLY_90A)
    row("v_mad_legacy_f32 v0, v2, v4, v6", f32(v), f32(a), f32(b), f32(c), arch=ONLY_90A)
    row("v_madak_f32 v0, v2, v4, 0x40400000", f32(Q(a) * Q(b) + 3), f32(a), f32(b), arch=ONLY_90A)
    row("v_madmk_f32 v0, v2, 0x40400000, v4", f32(Q(a) * 3 + Q(c)), f32(a), f32(c), arch=ONLY_90A)
    if a and b:  # the old value is too small to count
        row("v_mac_f32_e32 v0, v2, v4", f32(Q(a) * Q(b)), f32(a), f32(b), arch=ONLY_90A)
        row("v_dot2c_f32_f16_e32 v0, v2, v4", f32(2 * Q(a) * Q(b)), f16(a) * 0x10001,
            f16(b) * 0x10001)
        row("v_dot2c_f32_bf16_e32 v0, v2, v4", f32(2 * Q(a) * Q(b)), bf16(a) * 0x10001,
            bf16(b) * 0x10001, arch=2)
    row("v_mad_f16 v0, v2, v4, v6", f16(v) | KEEP16, f16(a), f16(b), f16(c))
    row("v_mad_legacy_f16 v0, v2, v4, v6", f16(v), f16(a), f16(b), f16(c))
    row("v_madak_f16 v0, v2, v4, 0x4200", f16(Q(a) * Q(b) + 3), f16(a), f16(b))
    row("v_madmk_f16 v0, v2, 0x4200, v4", f16(Q(a) * 3 + Q(c)), f16(a), f16(c))
    row("v_mac_f16_e32 v0, v2, v4", arith(F16, fma, (f16(a), f16(b), OLD & 0xFFFF)), f16(a),
        f16(b))
    row("v_dot2_f32_f16 v0, v2, v4, v6", f32(Q(a) * Q(b) + Q(b) * Q(c) + 5), f16(c) << 16 | f16(a),
        f16(b) * 0x10001, f32(5))
    row("v_dot2_f32_bf16 v0, v2, v4, v6", f32(Q(a) * Q(b) + Q(b) * Q(c) + 5),
        bf16(c) << 16 | bf16(a), bf16(b) * 0x10001, f32(5), arch=2)


# IEEE 754-2019 minimum and maximum: a NaN is the result, -0 is below +0 (gfx950)
def ieee(f, srcs, is_max):
    for x in srcs:
        if f.isnan(x):
            return None
    key = [(f.value(x), 0 if x & f.sign else 1, x) for x in srcs]
    return (max(key) if is_max else min(key))[2]


for x, y, z in triples(F32):
    for name, is_max in (("minimum3", False), ("maximum3", True)):
        r = ieee(F32, (x, y, z), is_max)
        if r is not None:
            row(f"v_{name}_f32 v0, v2, v4, v6", r, x, y, z, arch=2)
for x, y, z in triples(F16):
    for name, is_max in (("minimum3", False), ("maximum3", True)):
        r = ieee(F16, (x, y, z), is_max)
        if r is not None:
            row(f"v_pk_{name}_f16 v0, v2, v4, v6", r * 0x10001, x * 0x10001, y * 0x10001,
                z * 0x10001, arch=2)

# rounding to integers, scaling, splitting
for f, r, d, e, arch in ((F64, "v[2:3]", "v[0:1]", "_f64_e32", 0), (F16, "v2", "v0", "_f16_e32", 0)):
    for x in inputs(f):
        if f.isnan(x) or abs(f.value(x)) == math.inf:
            continue
        v, neg = f.value(x), bool(x & f.sign)
        row(f"v_floor{e} {d}, {r}", f.round(Q(math.floor(v)), 0, neg), x)
        row(f"v_ceil{e} {d}, {r}", f.round(Q(math.ceil(v)), 0, neg), x)
        row(f"v_trunc{e} {d}, {r}", f.round(Q(int(v)), 0, neg), x)
        row(f"v_rndne{e} {d}, {r}", f.round(Q(round(v)), 0, neg), x)
        fract = v - math.floor(v)
        if f.value(f.round(fract)) < 1:
            row(f"v_fract{e} {d}, {r}", f.round(fract), x)
        for n in (3, -7):
            scaled = f.round(v * Q(2) ** n, 0, neg)
            if f is F64:
                row("v_ldexp_f64 v[0:1], v[2:3], v4", scaled, x, n & M)
            else:
                row("v_ldexp_f16_e32 v0, v2, v4", scaled, x, n & 0xFFFF)
        n = 0
        while v and abs(v) >= 1:
            v, n = v / 2, n + 1
        while v and abs(v) < Q(1, 2):
            v, n = v * 2, n - 1
        row(f"v_frexp_mant{e} {d}, {r}", f.round(v, 0, neg), x)
        if f is F64:
            row("v_frexp_exp_i32_f64_e32 v0, v[2:3]", n & M, x)
        else:
            row("v_frexp_exp_i16_f16_e32 v0, v2", n & 0xFFFF, x)

# exact results of transcendentals
for name, points in (("exp", ((0, 1), (3, 8), (-2, 0.25))), ("log", ((1, 0), (8, 3), (0.25, -2))),
                     ("rcp", ((4, 0.25), (-0.5, -2))), ("sqrt", ((16, 4), (0.25, 0.5))),
                     ("rsq", ((16, 0.25), (1, 1))), ("sin", ((0, 0), (0.25, 1), (0.75, -1))),
                     ("cos", ((0, 1), (0.5, -1)))):
    for x, w in points:
        row(f"v_{name}_f16_e32 v0, v2", f16(w), f16(x))
        if name in ("exp", "log"):
            row(f"v_{name}_legacy_f32_e32 v0, v2", f32(w), f32(x))
        if name == "rcp":
            row("v_rcp_iflag_f32_e32 v0, v2", f32(w), f32(x))
        if name in ("sqrt", "rsq"):
            row(f"v_{name}_f64_e32 v[0:1], v[2:3]", f64(w), f64(x))
# 2/pi in pieces of 53 bits: its first hexadecimal digits
TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041
for piece in range(3):
    bits = TWO_OVER_PI >> 192 - 53 * (piece + 1) & (1 << 53) - 1
    row("v_trig_preop_f64 v[0:1], v[2:3], v4", F64.round(Q(bits) / Q(2) ** (53 * (piece + 1))),
        f64(1), piece)

# faces of a cube: the largest coordinate, z before y before x
for x, y, z in ((1, 2, 3), (1, 2, -3), (1, -5, 3), (1, 5, 3), (-7, 2, 3), (7, 2, -3), (2, 2, 2)):
    ax, ay, az = abs(x), abs(y), abs(z)
    if az >= ax and az >= ay:
        face, sc, tc, ma = (5 if z < 0 else 4), (-x if z < 0 else x), -y, 2 * z
    elif ay >= ax:
        face, sc, tc, ma = (3 if y < 0 else 2), x, (-z if y < 0 else z), 2 * y
    else:
        face, sc, tc, ma = (1 if x < 0 else 0), (z if x < 0 else -z), -y, 2 * x
    for name, w in (("id", face), ("sc", sc), ("tc", tc), ("ma", ma)):
        row(f"v_cube{name}_f32 v0, v2, v4, v6", f32(w), f32(x), f32(y), f32(z))

# division fix-up in half precision, as for single
H_INF, H_NINF, H_NAN = 0x7C00, 0xFC00, 0xFE00
for q, d, n, w in ((0x3C00, 0, 0, H_NAN), (0x3C00, H_INF, H_NINF, H_NAN), (0, 0, 0xBC00, H_NINF),
                   (0, H_INF, 0x3C00, 0), (0xC000, 0x3C00, 0x4000, 0x4000),
                   (0x4000, 0xBC00, 0x4000, 0xC000)):
    row("v_div_fixup_f16 v0, v2, v4, v6", w | KEEP16, q, d, n)
    row("v_div_fixup_legacy_f16 v0, v2, v4, v6", w, q, d, n)

# ---- the rest of the conversions ----
for x in (0.5, 1.25, -1.5, 2.5, -0.25, 100):
    row("v_cvt_rpi_i32_f32_e32 v0, v2", math.floor(Q(x) + Q(1, 2)) & M, f32(x))
    row("v_cvt_flr_i32_f32_e32 v0, v2", math.floor(x) & M, f32(x))
for x in range(16):
    row("v_cvt_off_f32_i4_e32 v0, v2", f32(Q(signed(x, 4), 16)) if x else 0, x | 0x30)
for x in ints32:
    row("v_cvt_f64_i32_e32 v[0:1], v2", F64.round(Q(s32(x))), x)
    row("v_cvt_f64_u32_e32 v[0:1], v2", F64.round(Q(x)), x)
    row("v_cvt_f16_u16_e32 v0, v2", F16.round(Q(u16(x))), x)
    row("v_cvt_f16_i16_e32 v0, v2", F16.round(Q(s16(x))), x)
    row("v_cvt_f32_bf16_e32 v0, v2", u16(x) << 16, x, arch=2) if not BF16.isnan(u16(x)) else None
for x, i, u in ((0, 0, 0), (1, 32767, 65535), (-1, -32767, 0), (3, 32767, 65535), (-9, -32767, 0)):
    row("v_cvt_norm_i16_f16_e32 v0, v2", u16(i), f16(x))
    row("v_cvt_norm_u16_f16_e32 v0, v2", u16(u), f16(x))
    row("v_cvt_pknorm_i16_f32 v0, v2, v4", u16(i) | 32767 << 16, f32(x), f32(1))
    row("v_cvt_pknorm_u16_f32 v0, v2, v4", u16(u) | 65535 << 16, f32(x), f32(1))
    row("v_cvt_pknorm_i16_f16 v0, v2, v4", u16(i) | 32767 << 16, f16(x), f16(1))
    row("v_cvt_pknorm_u16_f16 v0, v2, v4", u16(u) | 65535 << 16, f16(x), f16(1))
for k, (x, w) in enumerate(((7, 7), (0, 0), (255, 255), (300, 255), (-5, 0))):
    put = 8 * (k % 4)
    row("v_cvt_pk_u8_f32 v0, v2, v4, v6", 0x11223344 & ~(255 << put) & M | w << put, f32(x), k % 4,
        0x11223344)
    row("v_cvt_pkaccum_u8_f32 v0, v2, v4", OLD & ~(255 << put) & M | w << put, f32(x), k % 4)
# values that fp8 has exactly: no rounding, whatever the random bits of the stochastic forms
for k, x in enumerate((1, -0.5, 1.75, 6, -0.0625, 0)):
    seed = (k * 0x9E3779B9) & M
    row("v_cvt_sr_f16_f32 v0, v2, v4", f16(x) | KEEP16, f32(x), seed, arch=2)
    row("v_cvt_sr_bf16_f32 v0, v2, v4", bf16(x) | KEEP16, f32(x), seed, arch=2)
    for name, exp, man in (("fp8", 4, 3), ("bf8", 5, 2)):
        for arch, fnuz in ((1, True), (2, False)):
            code = [b for b in range(256) if fp8(b, exp, man, fnuz) == Q(x)]
            if not code:
                continue
            code, other = code[0], 0x40
            w = F32.round(fp8(other, exp, man, fnuz))
            row(f"v_cvt_sr_{name}_f32 v0, v2, v4", code | KEEP8, f32(x), seed, arch=0x10 + arch)
            row(f"v_cvt_pk_f32_{name}_e32 v[0:1], v2", w << 32 | f32(x),
                other << 8 | code | 0x77660000, arch=0x10 + arch)


# gfx950: conversions with a scale, of which only the exponent counts. The operands are exact.
def code_of(value, decode, count): return next(b for b in range(count) if decode(b) == value)
def fp4(b): return (-1 if b & 8 else 1) * Q((0, 1, 2, 3, 4, 6, 8, 12)[b & 7], 2)


def put_pair(code, bits): return code[0] | code[1] << bits


for k, (x, y) in enumerate(((1, -0.5), (1.5, 6), (-4, 3), (0.5, 2), (-6, 0))):
    for scale in (1, 2, 0.25):
        v, w, s = Q(x) * Q(scale), Q(y) * Q(scale), f32(scale)
        seed = (k * 0x9E3779B9 + 5) & M
        for name, exp, man in (("fp8", 4, 3), ("bf8", 5, 2)):
            code = [code_of(Q(q), lambda b: fp8(b, exp, man, False), 256) for q in (x, y)]
            both = put_pair(code, 8)
            t, src = f"v_cvt_scalef32_", both | 0x55660000
            row(f"{t}f32_{name} v0, v2, v4", f32(v), src, s, arch=2)
            row(f"{t}f16_{name} v0, v2, v4", f16(v) | KEEP16, src, s, arch=2)
            row(f"{t}pk_f32_{name} v[0:1], v2, v4", put_pair((f32(v), f32(w)), 32), src, s, arch=2)
            row(f"{t}pk_f16_{name} v0, v2, v4", put_pair((f16(v), f16(w)), 16), src, s, arch=2)
            row(f"{t}pk_bf16_{name} v0, v2, v4", put_pair((bf16(v), bf16(w)), 16), src, s, arch=2)
            row(f"{t}pk_{name}_f32 v0, v2, v4, v6", both | KEEP16, f32(v), f32(w), s, arch=2)
            row(f"{t}pk_{name}_f16 v0, v2, v4", both | KEEP16, put_pair((f16(v), f16(w)), 16), s,
                arch=2)
            row(f"{t}pk_{name}_bf16 v0, v2, v4", both | KEEP16, put_pair((bf16(v), bf16(w)), 16),
                s, arch=2)
            row(f"{t}sr_{name}_f32 v0, v2, v4, v6", code[0] | KEEP8, f32(v), seed, s, arch=2)
            row(f"{t}sr_{name}_f16 v0, v2, v4, v6", code[0] | KEEP8, f16(v), seed, s, arch=2)
            row(f"{t}sr_{name}_bf16 v0, v2, v4, v6", code[0] | KEEP8, bf16(v), seed, s, arch=2)
        code = [code_of(Q(q), fp4, 16) for q in (x, y)]
        both = put_pair(code, 4)
        t, src = "v_cvt_scalef32_", both | 0x55667700
        row(f"{t}pk_f32_fp4 v[0:1], v2, v4", put_pair((f32(v), f32(w)), 32), src, s, arch=2)
        row(f"{t}pk_f16_fp4 v0, v2, v4", put_pair((f16(v), f16(w)), 16), src, s, arch=2)
        row(f"{t}pk_bf16_fp4 v0, v2, v4", put_pair((bf16(v), bf16(w)), 16), src, s, arch=2)
        row(f"{t}pk_fp4_f32 v0, v2, v4, v6", both | KEEP8, f32(v), f32(w), s, arch=2)
        row(f"{t}pk_fp4_f16 v0, v2, v4", both | KEEP8, put_pair((f16(v), f16(w)), 16), s, arch=2)
        row(f"{t}pk_fp4_bf16 v0, v2, v4", both | KEEP8, put_pair((bf16(v), bf16(w)), 16), s, arch=2)
        row(f"{t}sr_pk_fp4_f32 v0, v[2:3], v4, v6", both | KEEP8, put_pair((f32(v), f32(w)), 32),
            seed, s, arch=2)
        row(f"{t}sr_pk_fp4_f16 v0, v2, v4, v6", both | KEEP8, put_pair((f16(v), f16(w)), 16), seed,
            s, arch=2)
        row(f"{t}sr_pk_fp4_bf16 v0, v2, v4, v6", both | KEEP8, put_pair((bf16(v), bf16(w)), 16),
            seed, s, arch=2)
for x in (0, 1, 0x123456789ABCDEF0, (1 << 64) - 1):
    row("v_mov_b64_e32 v[0:1], v[2:3]", x, x, arch=1)

# ---- output: rows of one instruction and MODE together, thinned to the most telling number ----
LIMIT = 10 ** 9 if "--all" in sys.argv else 10
groups = {}
for text, a, b, c, old, vcc, mode, want, want_vcc, arch in rows:
    data = groups.setdefault((text, mode, arch), [])
    if (a, b, c, vcc, want, want_vcc) not in data:
        data.append((a, b, c, vcc, want, want_vcc))
print("/* Made by valu_reference.py, which says where the values come from. */")
for (text, mode, arch), data in groups.items():
    n = min(LIMIT, len(data))
    chosen = [data[i * len(data) // n] for i in range(n)]  # evenly spread over the inputs
    print(f'GROUP("{text}", {mode:#x}, {arch:#x},')
    for a, b, c, vcc, want, want_vcc in chosen:
        print(f"ROW({a:#x},{b:#x},{c:#x},{vcc},{want:#x},{want_vcc})")
    print(")")
