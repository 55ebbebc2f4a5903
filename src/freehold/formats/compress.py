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
_CODES = 1024
_ENTRY_BYTES = 33
"""What an entry of the table costs besides its bytes."""
_LITERALS = [bytes([value]) for value in range(256)]


class _Lzw:
    """The table of one stream: each code's bytes, as long as they fit into the memory that is allowed."""

    __slots__ = ("_memory", "_most", "block", "held", "previous", "table")

    def __init__(self, *, widest: int, block: bool, memory: int) -> None:
        self._most = 1 << widest
        self.block = block
        self._memory = memory
        self.clear()

    def clear(self) -> None:
        self.table = _LITERALS.copy()
        if self.block:
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
    flags = source.take(_HEADER)[2]
    widest, block = flags & 31, bool(flags & 0x80)
    if not _NARROWEST <= widest <= _WIDEST:
        raise MalformedInput(f"codes of {widest} bits")
    lzw = _Lzw(widest=widest, block=block, memory=memory)
    out: list[bytes] = []
    width = _NARROWEST
    try:
        while group := source.up_to(width):
            width = _group(group, width, widest, lzw, out)
            if len(out) >= _CODES:
                yield b"".join(out)
                out.clear()
    except (LimitReached, MalformedInput):
        yield b"".join(out)
        raise
    yield b"".join(out)


def _group(group: bytes, width: int, widest: int, lzw: _Lzw, out: list[bytes]) -> int:
    """Decode eight codes, or those before their width changes: then the rest of the group means nothing.

    Returns the width of the next ones.
    """
    bits = int.from_bytes(group, "little")
    mask = (1 << width) - 1
    for _ in range(len(group) * 8 // width):
        code = bits & mask
        bits >>= width
        if code == _CLEAR and lzw.block:
            lzw.clear()
            return _NARROWEST
        out.append(lzw.decode(code))
        if len(lzw.table) > mask and width < widest:
            return width + 1
    return width


class _Compress:
    name = "compress"
    types = frozenset({"compress"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        memory = unpacking.budget.limits.decoder_memory
        stream = PulledStream(view, 0, lambda source: _decode(source, memory), unpacking, label="the content")
        yield Child("content", stream.chunks(), stream.consumed)


FORMAT: Format = _Compress()
