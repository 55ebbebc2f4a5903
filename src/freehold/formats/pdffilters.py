"""The filters of PDF streams: Flate, LZW, ASCII85, ASCIIHex, RunLength, and the predictors behind the first two.

Damage at the end of a stream is common in real documents and no reader minds it: checksums are not looked at, a missing
end mark is no problem, and what does not belong to an encoding is skipped.

Source: ISO 32000-1, section 7.4.
"""

import binascii
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

from freehold.formats.inflate import Inflater
from freehold.formats.streams import Codec, Stream
from freehold.model.interfaces import Unpacking
from freehold.model.view import View

_PIECE = 1 << 16
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_NOT_HEX = bytes(set(range(256)) - _HEX)
_NOT_A85 = bytes(set(range(256)) - set(range(33, 118)) - {122})
_LZW_CLEAR, _LZW_END, _LZW_MOST = 256, 257, 4096


class _Inflater(Inflater):
    """A zlib stream whose header may be missing and whose checksum does not matter."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        super().__init__()
        self._begun = False

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if not self._begun:
            self._begun = True
            data = data[_zlib_header(data) :]
        return super().decompress(data, max_length)


def _zlib_header(data: bytes) -> int:
    """Return how many bytes stand before the deflate stream: blanks that do not belong there, and zlib's header."""
    blanks = len(data) - len(data.lstrip(b"\r\n"))
    for start in (0, blanks):
        head = data[start : start + 2]
        if len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0:
            return start + 2
    return 0


_FLATE = Codec("Flate", lambda _memory: _Inflater(), (zlib.error,), ends=False)


class _Lzw:
    """Codes of 9 to 12 bits, the highest bit first (see ``streams.Decoder``).

    It takes all that it is fed at once: a piece of input makes at most some hundred times as much.
    """

    needs_input = True

    def __init__(self, early: int) -> None:
        self._early = early
        self._bits = self._count = 0
        self._previous = b""
        self._table: list[bytes] = []
        self._clear()
        self.eof = False
        self.unused_data = b""

    def _clear(self) -> None:
        self._table = [bytes((code,)) for code in range(256)] + [b"", b""]
        self._width = 9
        self._previous = b""

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        out: list[bytes] = []
        for byte in data:
            self._bits = self._bits << 8 | byte
            self._count += 8
            if self._count < self._width:
                continue
            self._count -= self._width
            code = self._bits >> self._count
            self._bits &= (1 << self._count) - 1
            if code == _LZW_CLEAR:
                self._clear()
            elif code == _LZW_END:
                self.eof = True
                break
            else:
                out.append(self._entry(code))
        return b"".join(out)

    def _entry(self, code: int) -> bytes:
        table, previous = self._table, self._previous
        if code < len(table):
            entry = table[code]
        elif previous and code == len(table):
            entry = previous + previous[:1]
        else:
            raise ValueError(f"code {code} before it was defined")
        if previous and len(table) < _LZW_MOST:
            table.append(previous + entry[:1])
            if len(table) + self._early >= 1 << self._width and self._width < 12:
                self._width += 1
        self._previous = entry
        return entry


def _lzw(early: int) -> Codec:
    return Codec("LZW", lambda _memory: _Lzw(early), (ValueError,), ends=False)


class _LzwStream(Stream):
    """LZW makes up to 1,400 times its input: it is fed less at once."""

    __slots__ = ()

    def _feed(self, length: int) -> bytes:
        return super()._feed(min(length, 512))


def inflated(view: View, unpacking: Unpacking, label: str) -> Stream:
    """Return a Flate stream over a whole view."""
    return Stream(view, 0, _FLATE, unpacking, label=label)


def unlzw(view: View, unpacking: Unpacking, label: str, early: int) -> Stream:
    """Return an LZW stream over a whole view; ``early`` is EarlyChange: 1 unless the stream says 0."""
    return _LzwStream(view, 0, _lzw(early), unpacking, label=label)


def _pieces(view: View) -> Iterator[bytes]:
    for position in range(0, view.size, _PIECE):
        yield view.read(position, _PIECE)


def ascii_hex(view: View) -> Iterator[bytes]:
    """Decode hexadecimal digits up to ``>``."""
    carry = b""
    for piece in _pieces(view):
        text, end, _ = piece.partition(b">")
        digits = carry + text.translate(None, _NOT_HEX)
        if end:
            digits += b"0" * (len(digits) & 1)
        whole = len(digits) & ~1
        carry = digits[whole:]
        if whole:
            yield binascii.unhexlify(digits[:whole])
        if end:
            return


def ascii85(view: View) -> Iterator[bytes]:
    """Decode groups of five characters up to ``~``; a ``z`` stands for four zero bytes."""
    carry = b""
    for piece in _pieces(view):
        text, end, _ = piece.removeprefix(b"<~").partition(b"~")
        carry += text.translate(None, _NOT_A85).replace(b"z", b"!!!!!")
        whole = len(carry) // 5 * 5
        if whole:
            yield _a85_groups(carry[:whole])
        carry = carry[whole:]
        if end:
            if len(carry) > 1:
                yield _a85_groups(carry.ljust(5, b"u"))[: len(carry) - 1]
            return


def _a85_groups(text: bytes) -> bytes:
    values = [
        ((((a - 33) * 85 + b - 33) * 85 + c - 33) * 85 + d - 33) * 85 + e - 33 & 0xFFFFFFFF
        for a, b, c, d, e in zip(text[::5], text[1::5], text[2::5], text[3::5], text[4::5], strict=True)
    ]
    return struct.pack(f">{len(values)}I", *values)


def run_length(view: View) -> Iterator[bytes]:
    """Decode runs: up to 127 a literal run one longer, from 129 a repeated byte, 128 the end."""
    carry = b""
    for piece in _pieces(view):
        data = carry + piece
        out: list[bytes] = []
        position = 0
        while position + 1 < len(data) and data[position] != 128:
            length = data[position]
            if length > 128:
                out.append(data[position + 1 : position + 2] * (257 - length))
                position += 2
            elif position + 2 + length > len(data):
                break
            else:
                out.append(data[position + 1 : position + 2 + length])
                position += 2 + length
        yield from filter(None, [b"".join(out)])
        carry = data[position:]
        if carry[:1] == b"\x80":
            return
    if len(carry) > 1:
        yield carry[1:]


def without_predictor(chunks: Iterable[bytes], parameters: bytes) -> Iterable[bytes]:
    """Undo the predictor that the parameters of a filter name; ``parameters`` is the text of their dictionary."""
    predictor = _number(parameters, b"Predictor", 1)
    if predictor < 2:
        return chunks
    colours = min(_number(parameters, b"Colors", 1), 32)
    bits = min(_number(parameters, b"BitsPerComponent", 8), 16)
    columns = min(_number(parameters, b"Columns", 1), 1 << 20)
    row = max((colours * bits * columns + 7) // 8, 1)
    step = max(colours * bits // 8, 1)
    if predictor == 2:
        return _rows(chunks, row, lambda line, _above: _sub(line, step)) if bits == 8 else chunks
    return _rows(chunks, row + 1, lambda line, above: _png(line, above, step))


def _number(text: bytes, key: bytes, default: int) -> int:
    found = re.search(rb"/%s[\s\0]*(\d{1,9})" % key, text)
    return int(found[1]) if found else default


def _rows(chunks: Iterable[bytes], length: int, undo: Callable[[bytes, bytes], bytes]) -> Iterator[bytes]:
    carry = above = b""
    for chunk in chunks:
        carry += chunk
        out: list[bytes] = []
        position = 0
        while position + length <= len(carry):
            above = undo(carry[position : position + length], above)
            out.append(above)
            position += length
        carry = carry[position:]
        yield from filter(None, [b"".join(out)])
    if len(carry) > 1:
        yield from filter(None, [undo(carry, above)])


def _sub(line: bytes, step: int) -> bytes:
    out = bytearray(line)
    for at in range(step, len(out)):
        out[at] = out[at] + out[at - step] & 0xFF
    return bytes(out)


def _png(line: bytes, above: bytes, step: int) -> bytes:
    """Undo one row of PNG's filters; its first byte says which (PNG, section 9)."""
    kind, line = line[0], line[1:]
    above = above.ljust(len(line), b"\0")
    if kind == 1:
        return _sub(line, step)
    if kind == 2:
        return bytes([a + b & 0xFF for a, b in zip(line, above, strict=False)])
    if kind == 3:
        return _with_left(line, above, step, lambda left, up, _corner: (left + up) // 2)
    if kind == 4:
        return _with_left(line, above, step, _paeth)
    return line


def _with_left(line: bytes, above: bytes, step: int, guess: Callable[[int, int, int], int]) -> bytes:
    out = bytearray(step)
    corners = bytes(step) + above
    for at, byte in enumerate(line):
        out.append(byte + guess(out[at], above[at], corners[at]) & 0xFF)
    return bytes(out[step:])


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    if a <= b and a <= c:
        return left
    return up if b <= c else corner
