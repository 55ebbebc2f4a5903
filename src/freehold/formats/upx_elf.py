"""ELF programs that UPX packed, put together again.

Behind the program's header stand blocks, each with its sizes, its method and its filter. They hold, one after the
other, the headers, the loaded segments, and behind the loader's code what lies between segments and behind the last.

Source: System V ABI, chapter 5; observed output of ``upx`` 3.9 and 4.2.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import upx
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_SEARCHED = 4096
_LOADED = 1
_MOST_SEGMENTS = 128
_MOST_BLOCKS = 1 << 16
_LARGEST_LOADER = 1 << 20


class _Segment(NamedTuple):
    kind: int
    start: int
    size: int


class _Block(NamedTuple):
    size: int
    packed_size: int
    method: int
    filter: int
    mark: int


class _Reader:
    """Reads blocks of one packed program, from ``position`` on."""

    def __init__(self, view: View, position: int, unpacking: Unpacking) -> None:
        head = view.read(0, 6)
        self.wide = head[4] == 2
        self.order = "<" if head[5] == 1 else ">"
        self.view = view
        self.position = position
        self._unpacking = unpacking
        self._most = unpacking.budget.limits.decoder_memory
        self._complained: set[str] = set()

    def fields(self, form: str, data: bytes | bytearray, at: int = 0) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, data, at)
        except struct.error as error:
            raise MalformedInput("the blocks are cut off") from error

    def peek(self) -> _Block:
        """Return what the next block says of itself."""
        size, packed, method, filter_, mark = self.fields("IIBBBx", self.view.read(self.position, 12))
        if not 0 < packed <= size or self.position + 12 + packed > self.view.size:
            raise MalformedInput(f"the block at byte {self.position} is damaged")
        if size > self._most:
            raise LimitReached("decoder_memory", self._most)
        return _Block(size, packed, method, filter_, mark)

    def block(self) -> bytes | bytearray:
        """Return the content of the next block and go on to the one behind it."""
        block = self.peek()
        data = self.view.read(self.position + 12, block.packed_size)
        self.position += 12 + block.packed_size
        self._unpacking.budget.tick()
        if block.packed_size == block.size:
            return data
        content = upx.decompress(block.method, data, block.size, self._unpacking.budget)
        try:
            upx.unfilter(block.filter, block.mark, content, 0, block.size)
        except upx.UnknownMethod as error:
            if str(error) not in self._complained:
                self._complained.add(str(error))
                self._unpacking.problem(ProblemKind.UNSUPPORTED, str(error))
        return content

    def segments(self, header: bytes | bytearray) -> list[_Segment]:
        """Return the segments that a program's own header lists."""
        (count,) = self.fields("H", header, 56 if self.wide else 44)
        at, step, form = (64, 56, "I4xQ16xQ") if self.wide else (52, 32, "II8xI")
        if count > _MOST_SEGMENTS:
            raise MalformedInput("the packed program has too many segments")
        return [_Segment(*self.fields(form, header, at + step * index)) for index in range(count)]

    def skip_loader(self, size: int, method: int) -> None:
        """Go on to the block behind the loader that holds ``size`` bytes; raises ``MalformedInput``."""
        rest = self.view.read(self.position, _LARGEST_LOADER)
        start = self.position
        for match in re.finditer(re.escape(struct.pack(f"{self.order}I", size)), rest):
            self.position = start + match.start()
            try:
                block = self.peek()
            except MalformedInput:
                continue
            if not block.filter and (block.method == method or block.packed_size == size):
                return
        raise MalformedInput("what lies between its segments is missing")


def unpacked(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the program that UPX packed, nothing when it packed none; what damage left out of it is zeros."""
    start = _find(view)
    if start is None:
        return
    unpacking.fact("packer", "UPX")
    program = bytearray()
    try:
        _restore(view, start, unpacking, program)
    except MalformedInput as error:
        unpacking.problem(ProblemKind.MALFORMED, f"packed with UPX: {error}")
    except LimitReached as error:
        unpacking.problem(ProblemKind.LIMIT, f"packed with UPX: {error}")
    if program:
        yield Child("unpacked", BytesView(memoryview(program)))


def _find(view: View) -> int | None:
    """Return where UPX's first block of a program lies, None when UPX did not pack it."""
    head = view.read(0, _SEARCHED)
    at = head.find(upx.MAGIC)
    block = head[at + 20 : at + 28]
    if at < 0 or len(block) < 8 or head[5] not in (1, 2):
        return None
    size, packed = struct.unpack("<II" if head[5] == 1 else ">II", block)
    return at + 20 if 0 < packed <= size < _SEARCHED else None


def _restore(view: View, start: int, unpacking: Unpacking, out: bytearray) -> None:
    """Put the program as it was before it was packed into ``out``.

    Raises:
        MalformedInput: it is damaged, or packed in a way that is not known here.
        LimitReached: it is too large.
    """
    reader = _Reader(view, start, unpacking)
    (size,) = reader.fields("I", view.read(start - 8, 4))
    most = unpacking.budget.limits.decoder_memory
    if size > most:
        raise LimitReached("decoder_memory", most)
    method = reader.peek().method
    header = reader.block()
    if header[:4] != b"\x7fELF":
        raise MalformedInput("the first block is not the header of a program (a shared library?)")
    reader.position = start
    loaded = [segment for segment in reader.segments(header) if segment.kind == _LOADED]
    for segment in loaded:
        _fill(reader, out, segment.start, segment.size, size)
    starts = sorted([*(segment.start for segment in loaded), size])
    for segment in loaded:
        end = segment.start + segment.size
        gap = next((start for start in starts if start >= end), end) - end
        if gap:
            reader.skip_loader(gap, method)
            _fill(reader, out, end, gap, size)


def _fill(reader: _Reader, out: bytearray, start: int, length: int, most: int) -> None:
    """Put blocks into ``out[start : start + length]``, which they must fill exactly."""
    end = start + length
    if end > most:
        raise MalformedInput("a segment ends behind the end of the program")
    for _ in range(_MOST_BLOCKS):
        if start >= end:
            return
        content = reader.block()
        if start + len(content) > end:
            raise MalformedInput("a block is longer than its segment")
        out += bytes(max(start + len(content) - len(out), 0))
        out[start : start + len(content)] = content
        start += len(content)
    raise MalformedInput("a segment consists of too many blocks")
