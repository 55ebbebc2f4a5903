"""A Windows for unpacking code: a thread with a stack, libraries to be found, and the functions that it needs.

What packers look for is there: the thread's and the process' blocks with their list of modules, and libraries in memory
with tables of exports. A function is an address that is no code: who calls it stops the processor, and is answered here
or not at all. A call that is not answered is how unpacking ends.

Source: Microsoft's documentation of the Windows API; the layout of TEB and PEB as published by Microsoft's symbols.
"""

import struct
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from freehold.emulation.answers import HEAP, MOST_HEAP, Answers
from freehold.emulation.cpu import PAGE, Cpu
from freehold.emulation.image import Image

STACK, STACK_SIZE = 0x6F000000, 0x40000
THREAD, PROCESS, LOADER = 0x7FFD0000, 0x7FFD8000, 0x7FFDA000
LIBRARIES, LIBRARY_SIZE = 0x76000000, 0x40000

_MOST_BLOCKS = 4096
_MOST_LIBRARIES = 64
_SLOT = 16
_PROLOGUE = b"\x8b\xff\x55\x8b\xec\x83\xec\x08".ljust(_SLOT, b"\x90")
_TEXT = 512
_DYNAMIC = 1024
_FIRST = 0x10000 + PAGE
RETURN = LIBRARIES + LIBRARY_SIZE + _FIRST + _SLOT * (_DYNAMIC - 1)
"""Where a program, or a handler of exceptions, returns to: into kernel32, which some find that way."""


class Function(NamedTuple):
    """A function of a library; ``words``: of arguments, -1 when it is not answered; ``answer``: what answers it."""

    name: bytes
    words: int = -1
    answer: str = ""


class Library(NamedTuple):
    """A library in memory; functions lie at ``base + _FIRST``, one every ``_SLOT`` bytes."""

    name: bytes
    base: int
    functions: list[Function]


def _functions() -> dict[bytes, list[Function]]:
    found: dict[bytes, list[Function]] = {}
    for line in files(__package__).joinpath("winapi.tsv").read_bytes().splitlines():
        if not line.startswith(b"#"):
            library, name, words, answer = line.split(b"\t")
            function = Function(name) if words == b"-" else Function(name, int(words), answer.decode("ascii"))
            found.setdefault(library, []).append(function)
    return found


KNOWN = _functions()


class Windows:
    """The environment of one program.

    Args:
        cpu: with no memory yet.
        image: the program.
        program: its file.

    Attributes:
        base: where the program lies.
        blocks: memory that it has asked for, by address.
    """

    def __init__(self, cpu: Cpu, image: Image, program: bytes) -> None:
        self._cpu = cpu
        self._answers = Answers(cpu, self, program)
        self._libraries: list[Library] = []
        self._heap = HEAP
        self._word, self._width = ("<Q", 8) if cpu.wide else ("<I", 4)
        self.blocks: dict[int, int] = {}
        self.base = image.base if cpu.map(image.base, len(image.memory)) else 0x400000
        if self.base != image.base:
            cpu.map(self.base, len(image.memory))
        cpu.write(self.base, bytes(image.memory))
        cpu.map(STACK, STACK_SIZE)
        for name in (b"ntdll", b"kernel32", b"user32"):
            self._load(name)
        for wanted in image.imports():
            self._write_word(self.base + wanted.place, self._function(self._load(wanted.library), wanted.name))
        self._make_blocks(image)

    def answer(self, address: int) -> bool:
        """Answer a call; False when it is not one, or one that is not answered."""
        found = self._at(address)
        if found is None or found.words < 0:
            return False
        answer: Callable[..., int] = getattr(self._answers, found.answer)
        self._return(found.words, answer(*self._arguments(found.words)))
        return True

    def name_of(self, address: int) -> str:
        """Return the name of the function at an address, "" when there is none."""
        found = self._at(address)
        return "" if found is None else found.name.decode("latin-1")

    def push(self, value: int) -> None:
        """Put a word on the stack."""
        top = self._cpu.get("sp") - self._width
        self._cpu.put("sp", top)
        self._write_word(top, value)

    # --- calls

    def _arguments(self, count: int) -> list[int]:
        cpu = self._cpu
        top = cpu.get("sp") + self._width
        if not cpu.wide:
            stack = cpu.read(top, 4 * count)
            return [value for (value,) in struct.iter_unpack("<I", stack)] if len(stack) == 4 * count else [0] * count
        registers = [cpu.get(name) for name in ("cx", "dx", "r8", "r9")[:count]]
        return registers + [self._read_word(top + 8 * index) for index in range(4, count)]

    def _return(self, words: int, result: int) -> None:
        cpu = self._cpu
        top = cpu.get("sp")
        cpu.put("ip", self._read_word(top))
        cpu.put("sp", top + self._width + (0 if cpu.wide else 4 * words))
        cpu.put("ax", result & ((1 << 8 * self._width) - 1))

    def _at(self, address: int) -> Function | None:
        for library in self._libraries:
            index = (address - library.base - _FIRST) // _SLOT
            if 0 <= index < len(library.functions):
                return library.functions[index]
        return None

    # --- libraries

    def _load(self, name: bytes) -> Library:
        """Return a library, which is made when it is asked for first; there is no name that is not found."""
        stem = name.lower().rpartition(b"\\")[2].removesuffix(b".dll")
        stem = b"kernel32" if stem.startswith((b"api-ms", b"kernelbase")) else stem
        for library in self._libraries:
            if library.name == stem:
                return library
        if len(self._libraries) >= _MOST_LIBRARIES:
            return self._libraries[-1]
        library = Library(stem, LIBRARIES + LIBRARY_SIZE * len(self._libraries), list(KNOWN.get(stem, ())))
        self._libraries.append(library)
        content = _library_file(library, wide=self._cpu.wide)
        self._cpu.map(library.base, -(-len(content) // PAGE) * PAGE, code=False)
        self._cpu.write(library.base, content)
        return library

    def module(self, name: bytes) -> int:
        """See ``Environment``."""
        return self._load(name).base

    def address(self, module: int, name: bytes) -> int:
        """See ``Environment``."""
        found = next((library for library in self._libraries if library.base == module), self._libraries[0])
        return self._function(found, name)

    def _function(self, library: Library, name: bytes) -> int:
        """Return the address of a function; one that is not known is one that is not answered."""
        for index, function in enumerate(library.functions):
            if function.name == name:
                return library.base + _FIRST + _SLOT * index
        if not name or len(library.functions) >= _DYNAMIC - 1:
            return 0
        elsewhere = next((f for known in KNOWN.values() for f in known if f.name == name), Function(name))
        library.functions.append(elsewhere)
        return library.base + _FIRST + _SLOT * (len(library.functions) - 1)

    # --- memory

    def _read_word(self, address: int) -> int:
        return int.from_bytes(self._cpu.read(address, self._width), "little")

    def _write_word(self, address: int, value: int) -> None:
        self._cpu.write(address, struct.pack(self._word, value & ((1 << 8 * self._width) - 1)))

    def read_text(self, address: int, *, wide: bool = False) -> bytes:
        """See ``Environment``."""
        step = 2 if wide else 1
        end = b"\0" * step
        data = b""
        while len(data) < _TEXT * step and (piece := self._cpu.read(address + len(data), step)) not in (b"", end):
            data += piece
        return data[::step]

    def allocate(self, size: int, wanted: int = 0) -> int:
        """See ``Environment``."""
        size = -(-max(size, 1) // PAGE) * PAGE
        if sum(self.blocks.values()) + size > MOST_HEAP or len(self.blocks) >= _MOST_BLOCKS:
            return 0
        wanted &= ~(PAGE - 1)
        if wanted and self._cpu.map(wanted, size):
            self.blocks[wanted] = size
            return wanted
        if wanted:
            return wanted if self._cpu.read(wanted, 1) else 0
        address = self._heap
        if not self._cpu.map(address, size):
            return 0
        self._heap += -(-size // 0x10000) * 0x10000
        self.blocks[address] = size
        return address

    def _make_blocks(self, image: Image) -> None:
        """Write what the thread, the process and the list of modules look like."""
        cpu, width = self._cpu, self._width
        cpu.map(THREAD, 0x4000, code=False)
        cpu.map(PROCESS, 0x1000, code=False)
        cpu.map(LOADER, 0x8000, code=False)
        cpu.put("thread", THREAD)
        cpu.put("sp", STACK + STACK_SIZE - 0x1000)
        thread = [0 if cpu.wide else 0xFFFFFFFF, STACK + STACK_SIZE, STACK, 0, 0, 0, THREAD]
        for index, value in enumerate(thread):
            self._write_word(THREAD + index * width, value)
        self._write_word(THREAD + (0x60 if cpu.wide else 0x30), PROCESS)
        self._write_word(PROCESS + 2 * width, self.base)
        self._write_word(PROCESS + 3 * width, LOADER)
        self._write_word(PROCESS + (0x30 if cpu.wide else 0x18), HEAP)
        modules = [(b"sample.exe", self.base, len(image.memory), self.base + image.entry)]
        modules += [(library.name + b".dll", library.base, LIBRARY_SIZE, 0) for library in self._libraries[:3]]
        self._link(modules)

    def _link(self, modules: list[tuple[bytes, int, int, int]]) -> None:
        """Write three rings of modules: in the order loaded, in memory, initialised."""
        width = self._width
        heads = [LOADER + (0x10 if self._cpu.wide else 0xC) + 2 * width * ring for ring in range(3)]
        entries = [LOADER + 0x400 + 0x200 * index for index in range(len(modules))]
        for ring, head in enumerate(heads):
            nodes = [head, *(entry + 2 * width * ring for entry in entries)]
            for index, node in enumerate(nodes):
                self._write_word(node, nodes[(index + 1) % len(nodes)])
                self._write_word(node + width, nodes[index - 1])
        for entry, (name, base, size, start) in zip(entries, modules, strict=True):
            fields = entry + 6 * width
            text = name.decode("ascii", "replace").encode("utf-16-le")
            for index, value in enumerate((base, start, size)):
                self._write_word(fields + index * width, value)
            for index in range(2):
                place = fields + (3 + 2 * index) * width
                self._cpu.write(place, struct.pack("<HH", len(text), len(text) + 2))
                self._write_word(place + width, entry + 0x180)
            self._cpu.write(entry + 0x180, text[:0x7C] + b"\0\0")


def _library_file(library: Library, *, wide: bool) -> bytes:
    """Return a library as it lies in memory: a header, functions, a table of exports."""
    count = len(library.functions)
    exports = _FIRST + _SLOT * _DYNAMIC
    tables = exports + 40
    names = tables + 10 * count
    texts = b"".join(function.name + b"\0" for function in library.functions)
    title = names + len(texts)
    offsets, at = [], names
    for function in library.functions:
        offsets.append(at)
        at += len(function.name) + 1
    directory = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, title, 1, count, count, tables, tables + 4 * count, tables + 8 * count
    )
    order = sorted(range(count), key=lambda index: library.functions[index].name)
    addresses = struct.pack(f"<{count}I", *(_FIRST + _SLOT * index for index in range(count)))
    sorted_names = struct.pack(f"<{count}I", *(offsets[index] for index in order))
    body = directory + addresses + sorted_names + struct.pack(f"<{count}H", *order) + texts + library.name + b".dll\0"
    size = -(-(exports + len(body)) // PAGE) * PAGE
    head = bytearray(PAGE)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 60, 64)
    struct.pack_into("<4sHH", head, 64, b"PE\0\0", 0x8664 if wide else 0x14C, 0)
    struct.pack_into("<HH", head, 64 + 20, 240 if wide else 224, 0x2102)
    struct.pack_into("<H", head, 88, 0x20B if wide else 0x10B)
    struct.pack_into("<Q" if wide else "<I", head, 88 + (24 if wide else 28), library.base)
    struct.pack_into("<II", head, 88 + 56, size, PAGE)
    fixed = 88 + (112 if wide else 96)
    struct.pack_into("<III", head, fixed - 4, 16, exports, len(body))
    return bytes(head).ljust(_FIRST, b"\0") + _PROLOGUE * _DYNAMIC + body
