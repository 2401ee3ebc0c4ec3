"""One of our forward kernels on the simulator and on tinygrad's emulator of the same ISA: the same
code object and arguments, one process, one thread each; wave instructions per second and the ratio.

    python3 bench/sim_bench.py --build DIR --tinygrad DIR 
                                 [--arch LIST] [--dtype LIST] [--seqlen N] [--repeat N]

--tinygrad: a checkout of tinygrad; its emulator (test/mockgpu/amd/emu.py) compiles each instruction
with the host's clang. Exit status 77 if there is none. Its CDNA is gfx950's."""
import argparse
import ctypes
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "foreign"))
SKIPPED = 77


def options():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--tinygrad", default=os.environ.get("TINYGRAD_DIR"))
    parser.add_argument("--arch", default="gfx90a,gfx942,gfx950")
    parser.add_argument("--dtype", default="fp16,bf16,fp32")
    parser.add_argument("--seqlen", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=3)
    return parser.parse_args()


def emit(build, arch, dtype, folder):
    """Compiles the kernel; its code object and the description of its launch."""
    subprocess.run([os.path.join(build, "bin", "aiter-precompile"), "--arch", arch, "--dtype",
                    dtype, "--mask", "none", "--quiet", "--emit-code", folder,
                    "--cache-dir", os.path.join(folder, "cache")], check=True)
    with open(glob.glob(os.path.join(folder, f"*_{dtype}_*.json"))[0]) as file:
        kernel = json.load(file)
    with open(os.path.join(folder, kernel["code_object"]), "rb") as file:
        return kernel, file.read()


def arguments(kernel, seqlen, q, k, v, out):
    """The kernarg segment of one head of one sequence."""
    rows = {"batch": 128 * seqlen, "row": 128, "head": 128 * seqlen}
    values = {"q": q, "k": k, "v": v, "out": out, "batch": 1, "num_heads": 1, "seqlen_q": seqlen,
              "seqlen_k": seqlen, "scale_log2": 128 ** -0.5 * 1.4426950408889634}
    packed = bytearray(kernel["launch"]["kernarg_bytes"])
    for argument in kernel["launch"]["arguments"]:
        name, kind = argument["name"], argument["type"]
        value = values.get(name, rows.get(name.split("_")[-1], 0) if "stride" in name else 0)
        form = "<f" if kind == "float" else "<i" if kind == "int" else "<q"
        struct.pack_into(form, packed, argument["offset"], value)
    return bytes(packed)


class CodeObject:
    """An ELF file's segments, as far from each other as they want to be, and a kernel in it."""

    def __init__(self, data, name):
        header = struct.unpack_from("<16xHHIQQQIHHHHHH", data)
        segments = [struct.unpack_from("<IIQQQQQQ", data, header[4] + i * header[8])
                    for i in range(header[9])]
        loads = [s for s in segments if s[0] == 1]
        self.memory = ctypes.create_string_buffer(max(s[3] + s[6] for s in loads) + 4096)
        for _, _, offset, address, _, size, _, _ in loads:
            self.memory[address:address + size] = data[offset:offset + size]
        self.base = ctypes.addressof(self.memory)
        descriptor = self.symbol(data, header, name + ".kd")
        entry, = struct.unpack_from("<q", self.memory, descriptor + 16)
        self.rsrc2, self.properties, preload = struct.unpack_from("<IHH", self.memory,
                                                                  descriptor + 52)
        self.preload, self.preload_from = preload & 0x7f, preload >> 7
        self.entry = self.base + descriptor + entry + (256 if self.preload else 0)
        self.lds, self.scratch = struct.unpack_from("<II", self.memory, descriptor)

    @staticmethod
    def symbol(data, header, name):
        sections = [struct.unpack_from("<IIQQQQIIQQ", data, header[5] + i * header[10])
                    for i in range(header[11])]
        for section in sections:
            if section[1] not in (2, 11):  # SHT_SYMTAB, SHT_DYNSYM
                continue
            strings = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], 24):
                text, value = struct.unpack_from("<I4xQ", data, at)
                end = data.index(b"\0", strings + text)
                if data[strings + text:end] == name.encode():
                    return value
        raise RuntimeError(f"no symbol {name}")

    def user_sgprs(self, kernarg, packed):
        """In the order of LLVM's table "User SGPR Set Up"; nothing but arguments is there."""
        sgprs = []
        for bit, count in ((0, 4), (1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 1)):
            if self.properties >> bit & 1:
                sgprs += [kernarg & 0xffffffff, kernarg >> 32] if bit == 3 else [0] * count
        words = struct.unpack(f"<{len(packed) // 4}I", packed)
        return sgprs + list(words[self.preload_from:self.preload_from + self.preload])


class Stats(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("launches", ctypes.c_uint64),
                ("total_instructions", ctypes.c_uint64), ("total_host_ns", ctypes.c_uint64),
                ("instructions", ctypes.c_uint64), ("workgroups", ctypes.c_uint64),
                ("waves", ctypes.c_uint64), ("host_ns", ctypes.c_uint64),
                ("kernel", ctypes.c_char * 256)]


def run_ours(kernel, code, inputs, seqlen, repeat):
    """Output, wave instructions, seconds of the fastest launch."""
    from hip import Hip
    hip, memory = Hip(kernel["target"].split("-")[-1].split(":")[0]), []
    out = ctypes.create_string_buffer(len(inputs[0]))
    size = ctypes.c_size_t(len(out))
    for data in inputs + [out]:
        memory.append(ctypes.c_void_p())
        hip.call("hipMalloc", ctypes.byref(memory[-1]), size)
        hip.call("hipMemcpy", memory[-1], data, size, 1)
    packed = arguments(kernel, seqlen, *[address.value for address in memory])
    hip.load(code)
    function = ctypes.c_void_p()
    hip.call("hipModuleGetFunction", ctypes.byref(function), hip.module, kernel["symbol"].encode())
    segment = ctypes.create_string_buffer(packed, len(packed))
    length = ctypes.c_size_t(len(packed))
    extra = (ctypes.c_void_p * 5)(1, ctypes.addressof(segment), 2, ctypes.addressof(length), 3)
    stats, best = Stats(size=ctypes.sizeof(Stats)), float("inf")
    for _ in range(10 * repeat):
        hip.call("hipModuleLaunchKernel", function, workgroups(kernel, seqlen), 1, 1,
                 *kernel["launch"]["block"], kernel["launch"]["dynamic_lds_bytes"], None, None,
                 extra)
        hip.call("hipDeviceSynchronize")
        hip.lib.aiterSimGetStats(ctypes.byref(stats))
        best = min(best, stats.host_ns * 1e-9)
    hip.call("hipMemcpy", out, memory[3], size, 2)
    return out.raw, stats.instructions, best


class Counted:
    """Stands for the runtime of one of the emulator's instructions and counts its calls."""
    calls = 0

    def __init__(self, runtime):
        self.run = runtime.fxn

    def fxn(self, *arguments):
        Counted.calls += 1
        return self.run(*arguments)


def count_instructions(emulator):
    """Until the function returned is called, which returns how many were executed."""
    decode, Counted.calls = emulator._decode_at, 0

    def decode_counted(*arguments):
        (program, runtime), instruction = decode(*arguments)
        return (program, Counted(runtime)), instruction

    def finish():
        emulator._decode_at = decode
        return Counted.calls

    emulator._decode_at = decode_counted
    return finish


def run_theirs(kernel, code, inputs, seqlen, repeat):
    """Output, wave instructions, seconds of the fastest launch; the first one, which compiles, only
    counts the instructions."""
    from test.mockgpu.amd import emu
    buffers = [ctypes.create_string_buffer(data, len(data)) for data in inputs]
    buffers.append(ctypes.create_string_buffer(len(inputs[0])))
    packed = arguments(kernel, seqlen, *[ctypes.addressof(buffer) for buffer in buffers])
    segment = ctypes.create_string_buffer(packed, len(packed) + 64)
    address = ctypes.addressof(segment)
    image = CodeObject(code, kernel["symbol"])
    # LDS comes with the launch; the emulator reads it from the register, in units of 512 bytes
    lds = (image.lds + kernel["launch"]["dynamic_lds_bytes"] + 511) // 512
    rsrc2 = (image.rsrc2 & ~(0x1ff << 15)) | lds << 15
    finish, times = count_instructions(emu), []
    for run in range(repeat + 1):
        start = time.perf_counter()
        emu.run_asm(image.entry, len(image.memory), workgroups(kernel, seqlen), 1, 1,
                    *kernel["launch"]["block"], address, rsrc2, image.scratch, "cdna",
                    image.user_sgprs(address, packed))
        times.append(time.perf_counter() - start)
        if run == 0:
            instructions = finish()
    return buffers[3].raw, instructions, min(times[1:])


def workgroups(kernel, seqlen):
    return -(-seqlen // kernel["launch"]["tile_q"])


def pack(dtype, values):
    if dtype == "bf16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{'e' if dtype == 'fp16' else 'f'}", *values)


def unpack(dtype, data):
    if dtype == "bf16":
        data = b"".join(b"\0\0" + data[i:i + 2] for i in range(0, len(data), 2))
    form, size = ("e", 2) if dtype == "fp16" else ("f", 4)
    return struct.unpack(f"<{len(data) // size}{form}", data)


def compare(arch, dtype, given):
    with tempfile.TemporaryDirectory() as folder:
        kernel, code = emit(given.build, arch, dtype, folder)
    generator = random.Random(1)
    inputs = [pack(dtype, [generator.gauss(0, 1) for _ in range(128 * given.seqlen)])
              for _ in range(3)]
    ours, count, seconds = run_ours(kernel, code, inputs, given.seqlen, given.repeat)
    rate = count / seconds / 1e6
    print(f"{kernel['symbol']}: {count} wave instructions, {rate:.2f} M/s here; ", end="",
          flush=True)
    try:
        theirs, count, seconds = run_theirs(kernel, code, inputs, given.seqlen, given.repeat)
    except Exception as error:  # whatever the emulator raises for an instruction it does not have
        print(f"not run there: {error}"[:200], flush=True)
        return
    difference = max(map(lambda x, y: abs(x - y), unpack(dtype, ours), unpack(dtype, theirs)))
    print(f"{count}, {count / seconds / 1e6:.4f} M/s there; "
          f"ratio {rate * 1e6 * seconds / count:.0f}; outputs differ by up to {difference:.1e}",
          flush=True)


def main():
    given = options()
    if not given.tinygrad or not os.path.exists(os.path.join(given.tinygrad,
                                                             "test/mockgpu/amd/emu.py")):
        print("skipped: no checkout of tinygrad (--tinygrad, TINYGRAD_DIR)")
        return SKIPPED
    sys.path.insert(0, given.tinygrad)
    os.environ.setdefault("AITER_SIM", os.path.join(given.build, "lib", "libaiter-sim.so"))
    os.environ.setdefault("AITER_COMPILER", os.path.join(given.build, "bin", "aiter-compiler"))
    os.environ["AITER_SIM_THREADS"] = "1"
    for arch in given.arch.split(","):
        for dtype in given.dtype.split(","):
            compare(arch, dtype, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
