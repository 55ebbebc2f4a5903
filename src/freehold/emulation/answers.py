"""What the functions of Windows answer that unpacking code calls; ``winapi.tsv`` says which function is which method.

Each takes the function's arguments and returns its result. Memory is what the program asked for, the only file is the
program itself, and everything that asks whether somebody is watching hears that nobody is.

Source: Microsoft's documentation of the Windows API.
"""

import struct
from typing import Protocol

from freehold.emulation.cpu import PAGE, Cpu

HEAP = 0x50000000
MOST_HEAP = 64 << 20
"""Bytes that a program may ask for."""

_NAME = b"C:\\sample.exe"
_HANDLE = 0x100


class Environment(Protocol):
    """What answers need of ``windows.Windows``."""

    @property
    def base(self) -> int:
        """Where the program lies."""

    def module(self, name: bytes) -> int:
        """Return where a library lies."""

    def address(self, module: int, name: bytes) -> int:
        """Return where a function of a library lies, 0 when it is not there."""

    def allocate(self, size: int, wanted: int = 0) -> int:
        """Return memory, 0 when there is none."""

    def read_text(self, address: int, *, wide: bool = False) -> bytes:
        """Return the text that ends with a NUL."""


class Answers:
    """The functions; they share the position in the one file, and a clock."""

    def __init__(self, cpu: Cpu, windows: Environment, program: bytes) -> None:
        self._cpu = cpu
        self._windows = windows
        self._program = program
        self._position = 0
        self._ticks = 0x10000

    def one(self, *_: int) -> int:
        return 1

    def zero(self, *_: int) -> int:
        return 0

    def load_library(self, name: int, *_: int) -> int:
        return self._windows.module(self._windows.read_text(name))

    def load_library_w(self, name: int) -> int:
        return self._windows.module(self._windows.read_text(name, wide=True))

    def get_module_handle(self, name: int) -> int:
        return self.load_library(name) if name else self._windows.base

    def get_module_handle_w(self, name: int) -> int:
        return self.load_library_w(name) if name else self._windows.base

    def get_proc_address(self, library: int, name: int) -> int:
        return self._windows.address(library, b"#%d" % name if name < 0x10000 else self._windows.read_text(name))

    def virtual_alloc(self, *arguments: int) -> int:
        address, size = arguments[-4:-2]
        return self._windows.allocate(size, address)

    def virtual_protect(self, *arguments: int) -> int:
        self._cpu.write(arguments[-1], struct.pack("<I", 0x40))
        return 1

    def virtual_query(self, address: int, buffer: int, size: int) -> int:
        page = address & ~(PAGE - 1)
        fields = struct.pack("<IIIIIII", page & 0xFFFFFFFF, page & 0xFFFFFFFF, 0x40, PAGE, 0x1000, 0x40, 0x20000)
        self._cpu.write(buffer, fields[:size])
        return len(fields)

    def heap_alloc(self, _heap: int, _flags: int, size: int) -> int:
        return self._windows.allocate(size)

    def local_alloc(self, _flags: int, size: int) -> int:
        return self._windows.allocate(size)

    def global_lock(self, handle: int) -> int:
        return handle

    def heap_create(self, *_: int) -> int:
        return HEAP

    def get_process_heap(self) -> int:
        return HEAP

    def get_current_process(self) -> int:
        return -1

    def get_current_thread(self) -> int:
        return -2

    def get_version(self) -> int:
        return 0x0A280105

    def get_tick_count(self) -> int:
        self._ticks += 16
        return self._ticks

    def query_performance_counter(self, place: int) -> int:
        self._cpu.write(place, struct.pack("<Q", self.get_tick_count()))
        return 1

    def get_module_file_name(self, _library: int, buffer: int, size: int) -> int:
        self._cpu.write(buffer, (_NAME + b"\0")[:size])
        return len(_NAME)

    def get_module_file_name_w(self, _library: int, buffer: int, size: int) -> int:
        self._cpu.write(buffer, (_NAME + b"\0").decode("ascii").encode("utf-16-le")[: 2 * size])
        return len(_NAME)

    def create_file(self, *_: int) -> int:
        self._position = 0
        return _HANDLE

    def get_file_size(self, _handle: int, high: int) -> int:
        if high:
            self._cpu.write(high, bytes(4))
        return len(self._program)

    def set_file_pointer(self, _handle: int, distance: int, _high: int, method: int) -> int:
        distance -= (distance & 0x80000000) << 1
        self._position = max((0, self._position, len(self._program))[min(method, 2)] + distance, 0)
        return self._position

    def read_file(self, _handle: int, buffer: int, size: int, count: int, _overlapped: int) -> int:
        data = self._program[self._position :][:size]
        self._position += len(data)
        if count:
            self._cpu.write(count, struct.pack("<I", len(data)))
        return int(self._cpu.write(buffer, data))

    def lread(self, handle: int, buffer: int, size: int) -> int:
        before = self._position
        self.read_file(handle, buffer, size, 0, 0)
        return self._position - before

    def map_view_of_file(self, *_: int) -> int:
        address = self._windows.allocate(len(self._program))
        if address:
            self._cpu.write(address, self._program)
        return address

    def lstrlen(self, text: int) -> int:
        return len(self._windows.read_text(text))

    def lstrcpy(self, target: int, source: int) -> int:
        self._cpu.write(target, self._windows.read_text(source) + b"\0")
        return target

    def lstrcat(self, target: int, source: int) -> int:
        self._cpu.write(target + self.lstrlen(target), self._windows.read_text(source) + b"\0")
        return target

    def lstrcmp(self, one: int, other: int) -> int:
        first, second = self._windows.read_text(one), self._windows.read_text(other)
        return (first > second) - (first < second)

    def lstrcmpi(self, one: int, other: int) -> int:
        first, second = self._windows.read_text(one).lower(), self._windows.read_text(other).lower()
        return (first > second) - (first < second)

    def rtl_move_memory(self, target: int, source: int, size: int) -> int:
        self._cpu.write(target, self._cpu.read(source, min(size, MOST_HEAP)))
        return target

    def rtl_zero_memory(self, target: int, size: int) -> int:
        self._cpu.write(target, bytes(min(size, MOST_HEAP)))
        return target
