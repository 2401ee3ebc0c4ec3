"""Kernels of ROCm's example programs, compiled by hiprtc, on the simulated devices.

    hip_kernels.py [--examples DIR] [--arch gfx90a|gfx942|gfx950]

DIR is a copy of ROCm/rocm-examples, $ROCM_EXAMPLES_DIR if not given; exit status 77 without one, or
without numpy. The kernels are cut out of the example programs, whose host code hiprtc cannot
compile, and compiled by aiter-compiler ($AITER_COMPILER) with hiprtc's own header. $AITER_SIM names
libaiter-sim.so. All results but those of the matrix product and the convolution must be exact.
"""
import argparse
import ctypes
import os
import re
import subprocess
import sys
import tempfile

from hip import SKIPPED, Hip, Tally

try:
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIPPED)

u32 = ctypes.c_uint32
i32 = ctypes.c_int32


def cut_kernels(path):
    """The __global__ functions of a file at the outermost level, with their template heads, and
    variables in constant memory."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    pattern = r"^(?:template<[^>]*>\s*\n)?__global__\s.*?^}\n|^__constant__[^;]*;\n"
    return "\n".join(re.findall(pattern, text, re.MULTILINE | re.DOTALL))


def compile_hip(source, arch):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("kernel.hip", "kernel.co")]
        with open(paths[0], "w", encoding="utf-8") as file:
            file.write(source)
        command = [os.environ.get("AITER_COMPILER", "aiter-compiler"), "--compile", paths[0],
                   "--arch", arch, "-o", paths[1], "--option", "-O3", "--option", "-std=c++17"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        with open(paths[1], "rb") as file:
            return file.read()


class Example:
    """One example program's kernels on one device."""

    def __init__(self, hip, arch, folder, name):
        self.hip, self.arch, self.name = hip, arch, name
        self.source = cut_kernels(os.path.join(folder, name, "main.hip"))

    def load(self, *instances):
        """Compiles and loads them, with explicit instances of templates."""
        self.hip.load(compile_hip(self.source + "\n" + "\n".join(instances), self.arch))

    def symbol(self, part):
        """The mangled name of the kernel whose name this is."""
        name = re.search(r"__global__[^(]*?\b(" + part + r")\s*\(", self.source)[1]
        return f"_Z{len(name)}{name}"


def run_matrix_multiplication(example, random):
    """Tiles in LDS."""
    example.load("template __global__ void matrix_multiplication_kernel<16>"
                 "(const float*, const float*, float*, const unsigned int);")
    a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((64, 48), (48, 32)))
    out = np.full((64, 32), np.nan, np.float32)
    buffers = [example.hip.upload(array) for array in (a, b, out)]
    example.hip.launch("_Z28matrix_multiplication_kernelILj16EEvPKfS1_Pfj", (2, 4, 1),
                       (16, 16, 1), [*buffers, u32(48)])
    exact = a.astype(np.float64) @ b.astype(np.float64)
    return np.max(np.abs(example.hip.download(buffers[2], out) - exact)), 1e-5


def run_histogram(example, random):
    """Byte counters in dynamic LDS, one column for each thread."""
    example.load()
    blocks, block, items = 3, 128, 40
    data = random.integers(0, 256, blocks * block * items, dtype=np.uint8)
    bins = np.zeros((blocks, 256), np.uint32)
    buffers = [example.hip.upload(data), example.hip.upload(bins)]
    example.hip.launch(example.symbol("histogram256_block") + "PhPji", (blocks, 1, 1),
                       (block, 1, 1), [*buffers, i32(items)], shared=256 * block)
    exact = [np.bincount(part, minlength=256) for part in data.reshape(blocks, -1)]
    return np.max(np.abs(example.hip.download(buffers[1], bins).astype(int) - exact)), 0


def run_bitonic_sort(example, random):
    """A launch for each stage of each step."""
    example.load()
    steps = 11
    array = random.integers(0, 2 ** 32, 2 ** steps, dtype=np.uint32)
    exact = np.sort(array)
    memory = example.hip.upload(array)
    for step in range(steps):
        for stage in range(step + 1):
            example.hip.launch(example.symbol("bitonic_sort_kernel") + "Pjjjb",
                               (2 ** (steps - 1) // 256, 1, 1), (256, 1, 1),
                               [memory, u32(step), u32(stage), ctypes.c_bool(True)])
    got = example.hip.download(memory, array)
    return np.max(np.abs(got.astype(np.int64) - exact)), 0


def run_prefix_sum(example, random):
    """An up-sweep and a down-sweep in dynamic LDS."""
    example.load()
    array = random.integers(-9, 10, 512).astype(np.float32)
    exact = np.cumsum(array)
    memory = example.hip.upload(array)
    example.hip.launch(example.symbol("block_prefix_sum") + "Pfii", (1, 1, 1), (256, 1, 1),
                       [memory, i32(512), i32(1)], shared=4 * 512)
    return np.max(np.abs(example.hip.download(memory, array) - exact)), 0


def run_warp_shuffle(example, random):
    """A transposition by __shfl."""
    example.load()
    width = 7
    array = random.standard_normal((width, width)).astype(np.float32)
    out = np.full_like(array, np.nan)
    buffers = [example.hip.upload(out), example.hip.upload(array)]
    example.hip.launch(example.symbol("matrix_transpose_kernel") + "PfPKfj", (1, 1, 1),
                       (width, width, 1), [*buffers, u32(width)])
    return np.max(np.abs(example.hip.download(buffers[0], out) - array.T)), 0


def run_dynamic_shared(example, random):
    """A transposition through dynamic LDS."""
    example.load()
    width = 32
    array = random.standard_normal((width, width)).astype(np.float32)
    out = np.full_like(array, np.nan)
    buffers = [example.hip.upload(out), example.hip.upload(array)]
    example.hip.launch(example.symbol("matrix_transpose_kernel") + "PfPKfj", (1, 1, 1),
                       (width, width, 1), [*buffers, u32(width)], shared=array.nbytes)
    return np.max(np.abs(example.hip.download(buffers[0], out) - array.T)), 0


def run_floyd_warshall(example, random):
    """Shortest paths: a launch for each intermediate node."""
    example.load()
    nodes = 48
    distance = random.integers(1, 1000, (nodes, nodes), dtype=np.uint32)
    np.fill_diagonal(distance, 0)
    exact = distance.astype(np.int64)
    following = np.zeros_like(distance)
    buffers = [example.hip.upload(distance), example.hip.upload(following)]
    for k in range(nodes):
        example.hip.launch(example.symbol("floyd_warshall_kernel") + "PjS_jj", (3, 3, 1),
                           (16, 16, 1), [*buffers, u32(nodes), u32(k)])
        exact = np.minimum(exact, exact[:, k:k + 1] + exact[k:k + 1, :])
    return np.max(np.abs(example.hip.download(buffers[0], distance) - exact)), 0


def run_convolution(example, random):
    """A mask in constant memory, which the host writes; a structure passed by value."""
    example.load("template __global__ void convolution<5>(const float*, float*, const uint2);")
    width, height = 50, 37
    image = random.standard_normal((height + 4, width + 4)).astype(np.float32)
    mask = random.standard_normal((5, 5)).astype(np.float32)
    out = np.full((height, width), np.nan, np.float32)
    example.hip.upload(mask, example.hip.variable("d_mask"))
    buffers = [example.hip.upload(image), example.hip.upload(out)]
    size = (ctypes.c_uint32 * 2)(width, height)
    example.hip.launch("_Z11convolutionILm5EEvPKfPf15HIP_vector_typeIjLj2EE", (4, 3, 1),
                       (16, 16, 1), [*buffers, size])
    exact = sum(mask[y, x].astype(np.float64) * image[y:y + height, x:x + width]
                for y in range(5) for x in range(5))
    return np.max(np.abs(example.hip.download(buffers[1], out) - exact)), 1e-5


EXAMPLES = {
    "HIP-Basic/matrix_multiplication": run_matrix_multiplication,
    "HIP-Basic/warp_shuffle": run_warp_shuffle,
    "HIP-Basic/dynamic_shared": run_dynamic_shared,
    "Applications/histogram": run_histogram,
    "Applications/bitonic_sort": run_bitonic_sort,
    "Applications/prefix_sum": run_prefix_sum,
    "Applications/floyd_warshall": run_floyd_warshall,
    "Applications/convolution": run_convolution,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", default=os.environ.get("ROCM_EXAMPLES_DIR"))
    parser.add_argument("--arch", choices=("gfx90a", "gfx942", "gfx950"))
    options = parser.parse_args()
    if not options.examples:
        print("skipped: neither --examples nor ROCM_EXAMPLES_DIR names a copy of rocm-examples")
        return SKIPPED
    tally = Tally()
    for arch in (options.arch,) if options.arch else ("gfx90a", "gfx942", "gfx950"):
        hip = Hip(arch)
        for name, run in EXAMPLES.items():
            error, tolerance = run(Example(hip, arch, options.examples, name),
                                   np.random.default_rng(1))
            tally.judge(f"{arch} {name}", error, tolerance)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
