"""Kernels made by Triton's compiler, on the simulated devices, against float64.

    triton_kernels.py [--arch gfx942|gfx950]

Needs Triton and numpy (pip install triton numpy, in an environment outside of the repository);
exit status 77 without them. $AITER_SIM names libaiter-sim.so. The kernels below are compiled ahead
of time: no GPU, no PyTorch.
"""
import argparse
import ctypes
import sys

from hip import SKIPPED, Hip, Tally

try:
    import numpy as np
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)


@triton.jit
def softmax(x, y, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * columns + i, mask=i < columns, other=-float("inf"))
    e = tl.exp(v - tl.max(v, axis=0))
    tl.store(y + row * columns + i, e / tl.sum(e, axis=0), mask=i < columns)


@triton.jit
def matmul(a, b, c, m, n, k, PRECISION: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
           BK: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    inner = tl.arange(0, BK)
    total = tl.zeros((BM, BN), dtype=tl.float32)
    for first in range(0, k, BK):
        t = first + inner
        left = tl.load(a + rows[:, None] * k + t[None, :],
                       mask=(rows[:, None] < m) & (t[None, :] < k), other=0.0)
        right = tl.load(b + t[:, None] * n + columns[None, :],
                        mask=(t[:, None] < k) & (columns[None, :] < n), other=0.0)
        total = tl.dot(left, right, total, input_precision=PRECISION)
    tl.store(c + rows[:, None] * n + columns[None, :], total,
             mask=(rows[:, None] < m) & (columns[None, :] < n))


@triton.jit
def flash(q, k, v, out, seqlen, scale, CAUSAL: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
          D: tl.constexpr):
    """(head, seqlen, D); grid: query blocks, heads."""
    head = tl.program_id(1) * seqlen * D
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    dims = tl.arange(0, D)
    query = tl.load(q + head + rows[:, None] * D + dims[None, :],
                    mask=rows[:, None] < seqlen, other=0.0)
    largest = tl.full((BM,), -float("inf"), tl.float32)
    total = tl.zeros((BM,), tl.float32)
    result = tl.zeros((BM, D), tl.float32)
    end = tl.minimum(seqlen, (tl.program_id(0) + 1) * BM) if CAUSAL else seqlen
    for first in range(0, end, BN):
        keys = first + tl.arange(0, BN)
        key = tl.load(k + head + keys[None, :] * D + dims[:, None],
                      mask=keys[None, :] < seqlen, other=0.0)
        score = tl.dot(query, key) * (scale * 1.4426950408889634)
        visible = keys[None, :] < seqlen
        if CAUSAL:
            visible = visible & (keys[None, :] <= rows[:, None])
        score = tl.where(visible, score, -float("inf"))
        higher = tl.maximum(largest, tl.max(score, axis=1))
        weight = tl.exp2(score - higher[:, None])
        shrink = tl.exp2(largest - higher)
        total = total * shrink + tl.sum(weight, axis=1)
        value = tl.load(v + head + keys[:, None] * D + dims[None, :],
                        mask=keys[:, None] < seqlen, other=0.0)
        result = tl.dot(weight.to(value.dtype), value, result * shrink[:, None])
        largest = higher
    result = result / total[:, None]
    tl.store(out + head + rows[:, None] * D + dims[None, :], result.to(out.dtype.element_ty),
             mask=rows[:, None] < seqlen)


def build(kernel, arch, types, constants, **options):
    signature = {name: types.get(name, "constexpr") for name in kernel.arg_names}
    fixed = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=fixed)
    return triton.compile(source, target=GPUTarget("hip", arch, 64), options=options)


def launch(hip, compiled, grid, arguments):
    """Triton appends two pointers to scratch memory, which these kernels do not use."""
    hip.load(compiled.asm["hsaco"])
    hip.launch(compiled.metadata.name, grid, (compiled.metadata.num_warps * 64, 1, 1),
               [*arguments, ctypes.c_void_p(), ctypes.c_void_p()], compiled.metadata.shared)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def convert(kind, array):
    """What the kernel reads, and its values in float64."""
    if kind == "bf16":  # to nearest, ties to even
        bits = array.astype(np.float32).view(np.uint32)
        bits = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        return bits, from_bf16(bits).astype(np.float64)
    typed = array.astype({"fp16": np.float16, "fp32": np.float32}[kind])
    return typed, typed.astype(np.float64)


def largest_error(got, exact):
    return np.max(np.abs(got.astype(np.float64) - exact))


def run_softmax(hip, arch, random, tally):
    rows, columns = 7, 781
    x = (3 * random.standard_normal((rows, columns))).astype(np.float32)
    compiled = build(softmax, arch, {"x": "*fp32", "y": "*fp32", "columns": "i32"},
                     {"BLOCK": 1024}, num_warps=4)
    out = np.full_like(x, np.nan)
    source, target = hip.upload(x), hip.upload(out)
    launch(hip, compiled, (rows, 1, 1), [source, target, ctypes.c_int32(columns)])
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    error = largest_error(hip.download(target, out), e / e.sum(axis=1, keepdims=True))
    tally.judge(f"{arch} softmax fp32 {rows}x{columns}", error, 1e-6)


def run_matmul(hip, arch, random, tally, kind, shape, precision="ieee", **options):
    m, n, k = shape
    a, exact_a = convert(kind, random.standard_normal((m, k)))
    b, exact_b = convert(kind, random.standard_normal((k, n)))
    types = {"a": f"*{kind}", "b": f"*{kind}", "c": "*fp32", "m": "i32", "n": "i32", "k": "i32"}
    constants = {"PRECISION": precision, "BM": 64, "BN": 64, "BK": 32}
    compiled = build(matmul, arch, types, constants, num_warps=4, **options)
    out = np.full((m, n), np.nan, np.float32)
    buffers = [hip.upload(array) for array in (a, b, out)]
    launch(hip, compiled, ((m + 63) // 64, (n + 63) // 64, 1),
           [*buffers, *(ctypes.c_int32(size) for size in shape)])
    # Operands keep 24 bits, or 11 in TF32; inputs of 16 bits are exact.
    unit = 2.0 ** -10 if precision == "tf32" else 2.0 ** -22
    tolerance = unit * np.max(np.abs(exact_a) @ np.abs(exact_b))
    error = largest_error(hip.download(buffers[2], out), exact_a @ exact_b)
    tally.judge(f"{arch} matmul {kind} {precision} {m}x{n}x{k}", error, tolerance)


def exact_attention(q, k, v, scale, causal):
    scores = q @ k.transpose(0, 2, 1) * scale
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
    p = np.exp(scores - scores.max(axis=2, keepdims=True))
    return p / p.sum(axis=2, keepdims=True) @ v


def run_flash(hip, arch, random, tally, kind, causal, seqlen, **options):
    heads, dim = 2, 64
    scale = np.float32(dim ** -0.5)
    arrays = [convert(kind, random.standard_normal((heads, seqlen, dim))) for _ in range(3)]
    types = {**{name: f"*{kind}" for name in ("q", "k", "v", "out")},
             "seqlen": "i32", "scale": "fp32"}
    constants = {"CAUSAL": causal, "BM": 64, "BN": 32, "D": dim}
    compiled = build(flash, arch, types, constants, num_warps=4, **options)
    out = np.full((heads, seqlen, dim), 0xFFFF, np.uint16)
    buffers = [hip.upload(array) for array, _ in arrays] + [hip.upload(out)]
    launch(hip, compiled, ((seqlen + 63) // 64, heads, 1),
           [*buffers, ctypes.c_int32(seqlen), ctypes.c_float(scale)])
    exact = exact_attention(*(values for _, values in arrays), float(scale), causal)
    bits = hip.download(buffers[3], out)
    got = from_bf16(bits) if kind == "bf16" else bits.view(np.float16)
    unit = 2.0 ** -8 if kind == "bf16" else 2.0 ** -11  # probabilities are rounded, then results
    tally.judge(f"{arch} flash attention {kind} {'causal ' if causal else ''}h{heads} s{seqlen} "
                f"hd{dim}", largest_error(got, exact), 2 * unit * np.max(np.abs(exact)))


def run_arch(arch, tally):
    random = np.random.default_rng(1)
    hip = Hip(arch)
    run_softmax(hip, arch, random, tally)
    run_matmul(hip, arch, random, tally, "fp16", (100, 72, 130))
    run_matmul(hip, arch, random, tally, "bf16", (128, 128, 256), num_stages=2)
    run_matmul(hip, arch, random, tally, "fp32", (64, 64, 64))
    if arch == "gfx942":  # the one with TF32 matrix instructions
        run_matmul(hip, arch, random, tally, "fp32", (64, 64, 64), "tf32")
    for causal in (False, True):
        run_flash(hip, arch, random, tally, "fp16", causal, 200, num_stages=1)
        run_flash(hip, arch, random, tally, "bf16", causal, 256, num_stages=2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", choices=("gfx942", "gfx950"))
    arch = parser.parse_args().arch
    tally = Tally()
    print(f"Triton {triton.__version__}")
    for each in (arch,) if arch else ("gfx942", "gfx950"):
        run_arch(each, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
