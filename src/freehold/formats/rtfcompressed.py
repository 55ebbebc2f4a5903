"""Compressed RTF, as Outlook stores the text of messages.

Source: [MS-OXRTFCP].
"""

from collections.abc import Iterator

from freehold.formats.ole_native import Source
from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind

_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans "
    b"SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i"
    b"\\u\\tab\\tx"
)
_WINDOW = 4096
_HEADER = 16
_PIECE = 1 << 16


def decompress(source: Source, unpacking: Unpacking) -> Iterator[bytes]:
    """Yield the text; records a problem when it is cut off or of another kind."""
    kind = source.read(8, 4)
    if kind == b"MELA":
        yield from filter(None, (source.read(at, _PIECE) for at in range(_HEADER, source.size, _PIECE)))
        return
    if kind != b"LZFu":
        unpacking.problem(ProblemKind.MALFORMED, "the compressed text has no known header")
        return
    data = source.read(_HEADER, unpacking.budget.limits.decoder_memory)
    out = bytearray(_START)
    sent = len(out)
    position: int | None = 0
    while position is not None and position < len(data):
        position = _group(data, position, out)
        if len(out) > _PIECE:
            yield bytes(out[sent:])
            del out[: (len(out) - _WINDOW) & -_WINDOW]
            sent = len(out)
            unpacking.budget.tick()
    if out[sent:]:
        yield bytes(out[sent:])
    if position is not None:
        unpacking.problem(ProblemKind.TRUNCATED, "the compressed text is cut off")


def _group(data: bytes, position: int, out: bytearray) -> int | None:
    """Decode eight literals or references; return where the next group begins, None at the end mark."""
    flags = data[position]
    position += 1
    for bit in range(8):
        if not flags >> bit & 1:
            out += data[position : position + 1]
            position += 1
            continue
        token = int.from_bytes(data[position : position + 2], "big")
        distance = (len(out) - (token >> 4)) % _WINDOW
        if position + 2 > len(data):
            return len(data)
        if not distance or distance > len(out):
            return None
        position += 2
        length = (token & 15) + 2
        out += (out[-distance:] * (length // distance + 1))[:length]
    return position
