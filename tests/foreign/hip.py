"""What the Python tests beside this file call of the HIP module API, on libaiter-sim.so, which
$AITER_SIM names; and what they print."""
import ctypes
import os
import tempfile

SKIPPED = 77  # exit status of a test whose files are not there


class Hip:
    def __init__(self, arch):
        self.lib = ctypes.CDLL(os.environ.get("AITER_SIM", "libaiter-sim.so"))
        self.lib.aiterSimLastReport.restype = ctypes.c_char_p
        self.module = ctypes.c_void_p()
        count = ctypes.c_int()
        self.call("hipGetDeviceCount", ctypes.byref(count))
        for ordinal in range(count.value):
            properties = ctypes.create_string_buffer(1472)  # hipDeviceProp_tR0600
            self.call("hipGetDevicePropertiesR0600", properties, ordinal)
            if properties[1160:1160 + len(arch)] == arch.encode():  # gcnArchName
                self.call("hipSetDevice", ordinal)
                return
        raise RuntimeError(f"no simulated {arch}")

    def call(self, name, *arguments):
        code = getattr(self.lib, name)(*arguments)
        if code:
            report = self.lib.aiterSimLastReport().decode()
            raise RuntimeError(f"{name}: HIP error {code}: {report}")

    def upload(self, array, memory=None):
        """Device memory with the array's contents: new, unless it is given."""
        size = ctypes.c_size_t(array.nbytes)
        if memory is None:
            memory = ctypes.c_void_p()
            self.call("hipMalloc", ctypes.byref(memory), size)
        self.call("hipMemcpy", memory, array.ctypes.data_as(ctypes.c_void_p), size, 1)
        return memory

    def download(self, memory, array):
        """Overwrites the array and returns it."""
        size = ctypes.c_size_t(array.nbytes)
        self.call("hipMemcpy", array.ctypes.data_as(ctypes.c_void_p), memory, size, 2)
        return array

    def load(self, code):
        if self.module:
            self.call("hipModuleUnload", self.module)
            self.module = ctypes.c_void_p()
        with tempfile.NamedTemporaryFile(suffix=".co") as file:
            file.write(code)
            file.flush()
            self.call("hipModuleLoad", ctypes.byref(self.module), file.name.encode())

    def variable(self, name):
        """Address of a variable of the loaded module."""
        address, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.call("hipModuleGetGlobal", ctypes.byref(address), ctypes.byref(size), self.module,
                  name.encode())
        return address

    def launch(self, name, grid, block, arguments, shared=0):
        """Runs a kernel of the loaded module. Arguments are ctypes values."""
        function = ctypes.c_void_p()
        self.call("hipModuleGetFunction", ctypes.byref(function), self.module, name.encode())
        addresses = [ctypes.addressof(value) for value in arguments]
        params = (ctypes.c_void_p * len(addresses))(*addresses)
        self.call("hipModuleLaunchKernel", function, *grid, *block, shared, None, params, None)
        self.call("hipDeviceSynchronize")


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def judge(self, name, error, tolerance, note=""):
        good = error <= tolerance  # false for NaN
        self.passed += good
        self.failed += not good
        print(f"{'ok' if good else 'FAIL':4} {name}: max error {error:.2e} "
              f"(tolerance {tolerance:.1e}{note})", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed and not self.failed else 1
