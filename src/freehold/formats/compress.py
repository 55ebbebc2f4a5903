"""The .Z files of compress(1): LZW with codes of 9 to 16 bits.

Source: observed behaviour of ncompress; Welch, "A Technique for High-Performance Data Compression" (1984).
"""

from collections.abc import Iterator

from freehold.formats.pulled import PulledStream, Source
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_HEADER = 3
_CLEAR = 256
_NARROWEST, _WIDEST = 9, 16
_CHUNK = 1 << 16
_ENTRY_BYTES = 33
"""What an entry of the table costs besides its bytes."""
_LITERALS = [bytes([value]) for value in range(256)]


class _Lzw:
    """The table of one stream: each code's bytes, as long as they fit into the memory that is allowed."""

    __slots__ = ("_block", "_memory", "_most", "held", "previous", "table")

    def __init__(self, *, widest: int, block: bool, memory: int) -> None:
        self._most = 1 << widest
        self._block = block
        self._memory = memory
        self.clear()

    def clear(self) -> None:
        self.table = _LITERALS.copy()
        if self._block:
            self.table.append(b"")  # the clear code's own place
        self.previous = b""
        self.held = 0

    def decode(self, code: int) -> bytes:
        """Return the bytes of a code, and learn the entry that follows from it."""
        table = self.table
        previous = self.previous
        if code < len(table):
            out = table[code]
        elif code == len(table) and previous and code < self._most:
            out = previous + previous[:1]
        else:
            raise MalformedInput(f"code {code} stands for nothing")
        if previous and len(table) < self._most:
            table.append(previous + out[:1])
            self.held += len(previous) + _ENTRY_BYTES
            if self.held > self._memory:
                raise LimitReached("decoder_memory", self._memory)
        self.previous = out
        return out


def _decode(source: Source, memory: int) -> Iterator[bytes]:
    """Codes come in groups of eight; a group's rest is skipped when the width of codes changes."""
    flags = source.take(_HEADER)[2]
    widest, block = flags & 31, bool(flags & 0x80)
    if not _NARROWEST <= widest <= _WIDEST:
        raise MalformedInput(f"codes of {widest} bits")
    lzw = _Lzw(widest=widest, block=block, memory=memory)
    width = _NARROWEST
    out: list[bytes] = []
    size = 0
    while group := source.up_to(width):
        bits = int.from_bytes(group, "little")
        mask = (1 << width) - 1
        for _ in range(len(group) * 8 // width):
            code = bits & mask
            bits >>= width
            if block and code == _CLEAR:
                lzw.clear()
                width = _NARROWEST
                break
            data = lzw.decode(code)
            size += len(data)
            out.append(data)
            if len(lzw.table) > mask and width < widest:
                width += 1
                break
        if size >= _CHUNK:
            yield b"".join(out)
            out.clear()
            size = 0
    yield b"".join(out)


class _Compress:
    name = "compress"
    types = frozenset({"compress"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        memory = unpacking.budget.limits.decoder_memory
        stream = PulledStream(view, 0, lambda source: _decode(source, memory), unpacking, label="the content")
        yield Child("content", stream.chunks(), stream.consumed)


FORMAT: Format = _Compress()
