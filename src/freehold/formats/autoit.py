"""Programs that AutoIt's compiler made: the script and the files that it installs, as AutoIt 3 (EA05, EA06) keeps them.

Everything is masked by the output of a generator of random numbers whose seed stands in the file, then packed by LZ77
in a way of its own. Since 3.3.8 a script is stored as tokens; ``autoit_tokens`` makes text of them.

Source: observed programs; the layout that autoit-ripper and others describe.
"""

import random
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from freehold.formats.autoit_tokens import source_text
from freehold.formats.bits import HighBits
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import Decode, EndOfInput, PulledStream, Source
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

MAGIC = bytes.fromhex("a3484bbe986c4aa9994c530a86d6487d") + b"AU3!EA0"
_HEADER = len(MAGIC) + 1 + 16
_AFTER_NAMES = 1 + 3 * 4 + 2 * 8
_LONGEST_NAME = 4096
_BLOCK = 1 << 12
_NO_FILE = ">>>AUTOIT NO CMDEXECUTE<<<"
_TOKENS = ">>>AUTOIT SCRIPT<<<"
_WINDOW = 1 << 15
_CHUNK = 1 << 16
_LENGTHS = ((3, 2), (6, 3), (13, 5), (44, 8))
_LONGER = 299
_LAG = 10
_LANES = sum(0xFFFFFFFF << 64 * lane for lane in range(_LAG))


def _twister(seed: int) -> Iterator[bytes]:
    """The mask of EA05, in blocks: the Mersenne Twister, each output shifted by one."""
    state = [seed & 0xFFFFFFFF]
    for index in range(1, 624):
        state.append(0x6C078965 * (state[-1] ^ state[-1] >> 30) + index & 0xFFFFFFFF)
    generator = random.Random()  # noqa: S311 - it is the one that was used for masking
    generator.setstate((3, (*state, 624), None))
    while True:
        yield (generator.getrandbits(32 * _BLOCK) >> 1).to_bytes(4 * _BLOCK, "little")[::4]


def _ranrot(seed: int) -> Iterator[bytes]:
    """The mask of EA06, in blocks: RANROT with lags of 17 and 10, every second output; ten are computed at a time."""
    words = []
    for _ in range(17):
        seed = 1 - seed * 0x53A9B4FB & 0xFFFFFFFF
        words.append(seed)
    state = sum(words[-lane % 17] << 64 * lane for lane in range(17))
    out = bytearray()
    skip = 9
    while True:
        while len(out) < skip + 2 * _BLOCK:
            near = state >> 64 * 7
            new = ((state << 9 | state >> 23) & _LANES) + ((near << 13 | near >> 19) & _LANES) & _LANES
            state = state >> 64 * _LAG | new << 64 * 7
            out += new.to_bytes(8 * _LAG, "little")[3::8]
        yield bytes(out[skip + 1 : skip + 2 * _BLOCK : 2])
        del out[: skip + 2 * _BLOCK]
        skip = 0


class _Version(NamedTuple):
    """How one release masks: the generator, characters' width, and what is added to or mixed with each field."""

    mask: Callable[[int], Iterator[bytes]]
    width: int
    mark: int
    kind: tuple[int, int]
    name: tuple[int, int]
    size: int
    checksum: int
    content: int
    packed: bytes
    literal: int


_VERSIONS = {
    b"5": _Version(_twister, 1, 0x16FA, (0x29BC, 0xA25E), (0x29AC, 0xF25E), 0x45AA, 0xC3D2, 0x22AF, b"EA05", 0),
    b"6": _Version(_ranrot, 2, 0x18EE, (0xADBC, 0xB33F), (0xF820, 0xF479), 0x87BC, 0xA685, 0x2477, b"EA06", 1),
}


def _unmask(version: _Version, view: View, start: int, end: int, seed: int) -> Iterator[bytes]:
    for mask in version.mask(seed):
        data = view.read(start, min(_BLOCK, end - start))
        if not data:
            return
        start += len(data)
        plain = int.from_bytes(data, "little") ^ int.from_bytes(mask[: len(data)], "little")
        yield plain.to_bytes(len(data), "little")


class _File(NamedTuple):
    """One file as its header describes it.

    Attributes:
        kind: what it is for; for files that are installed: the path that the script knows them by.
        name: the path that it had when the program was made.
        start: of its content.
        end: of its content, and of the file.
    """

    kind: str
    name: str
    is_packed: bool
    size: int
    checksum: int
    start: int
    end: int

    @property
    def label(self) -> str:
        """What it is called."""
        return "script" if self.kind.startswith(">") else self.kind[:100]


def _files(view: View, start: int) -> Iterator[_File]:
    """Yield what the archive at ``start`` has; it ends where no file follows."""
    version = _VERSIONS.get(view.read(start + len(MAGIC), 1))
    if version is None or view.read(start, len(MAGIC)) != MAGIC:
        return
    position = start + _HEADER
    mark = b"".join(_unmask(version, BytesView(b"FILE"), 0, 4, version.mark))
    while view.read(position, 4) == mark:
        kind, position = _string(view, position + 4, version, version.kind)
        name, position = _string(view, position, version, version.name)
        head = view.read(position, _AFTER_NAMES)
        if len(head) < _AFTER_NAMES:
            raise MalformedInput("a header of a file is cut off")
        packed, size, checksum = (int.from_bytes(head[at : at + 4], "little") for at in (1, 5, 9))
        begin = position + _AFTER_NAMES
        position = begin + (packed ^ version.size)
        if kind == _NO_FILE:
            position = begin - 4 + (packed ^ version.size)
        yield _File(kind, name, head[0] == 1, size ^ version.size, checksum ^ version.checksum, begin, position)


def _string(view: View, position: int, version: _Version, keys: tuple[int, int]) -> tuple[str, int]:
    length = int.from_bytes(view.read(position, 4), "little") ^ keys[0]
    end = position + 4 + length * version.width
    if length > _LONGEST_NAME or end > view.size:
        raise MalformedInput("a name is cut off")
    text = b"".join(_unmask(version, view, position + 4, end, length + keys[1]))
    return text.decode("utf-16-le" if version.width == 2 else "latin-1", "replace"), end


def measure(view: View, start: int) -> int:
    """Return the length of the archive at ``start`` of a view; 0 when there is none."""
    end = start
    try:
        for file in _files(view, start):
            end = file.end
    except MalformedInput:
        end = view.size if end > start else start
    return min(end, view.size) - start


def _expand(literal: int, size: int) -> Decode:
    def decode(source: Source) -> Iterator[bytes]:
        bits = HighBits(source)
        out = bytearray()
        left = size
        try:
            while left > 0:
                before = len(out)
                if bits.take(1) == literal:
                    out.append(bits.take(8))
                else:
                    distance = bits.take(15)
                    repeat(out, distance, min(_length(bits), left))
                left -= len(out) - before
                if len(out) > _WINDOW + _CHUNK:
                    yield bytes(out[:-_WINDOW])
                    del out[:-_WINDOW]
        except (EndOfInput, MalformedInput):
            yield bytes(out)
            raise
        yield bytes(out)

    return decode


def _length(bits: HighBits) -> int:
    for base, width in _LENGTHS:
        more = bits.take(width)
        if more != (1 << width) - 1:
            return base + more
    length = _LONGER
    while (more := bits.take(8)) == 0xFF:
        length += more
        if length > _WINDOW * 2:
            raise MalformedInput("a match without end")
    return length + more


class _AutoIt:
    name = "autoit"
    types = frozenset({"autoit"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        digit = view.read(len(MAGIC), 1)
        version = _VERSIONS.get(digit)
        if version is None:
            raise MalformedInput("neither EA05 nor EA06")
        seed = (sum(view.read(len(MAGIC) + 1, 16)) if digit == b"5" else 0) + version.content
        for file in _files(view, 0):
            unpacking.budget.tick()
            if file.kind != _NO_FILE:
                yield _content(file, _plain(view, file, version, seed, unpacking), version, unpacking)


def _plain(view: View, file: _File, version: _Version, seed: int, unpacking: Unpacking) -> View:
    """Return what is packed, without its mask."""
    checksum = 1
    unpacking.spool.begin()
    for block in _unmask(version, view, file.start, file.end, seed):
        checksum = zlib.adler32(block, checksum)
        unpacking.spool.write(block)
        unpacking.budget.tick()
    if file.end > view.size:
        unpacking.problem(ProblemKind.TRUNCATED, f"{file.label} is cut off")
    elif checksum != file.checksum:
        unpacking.problem(ProblemKind.MALFORMED, f"{file.label} has a wrong checksum")
    return unpacking.spool.finish()


def _content(file: _File, plain: View, version: _Version, unpacking: Unpacking) -> Child:
    chunks: Iterator[bytes] | None = None
    consumed = None
    if file.is_packed and plain.read(0, 4) == version.packed:
        size = int.from_bytes(plain.read(4, 4))
        stream = PulledStream(plain, 8, _expand(version.literal, size), unpacking, label=file.label)
        chunks, consumed = stream.chunks(), stream.consumed
    elif file.is_packed:
        unpacking.problem(ProblemKind.UNSUPPORTED, f"{file.label} is packed in an unknown way")
    if file.kind == _TOKENS:
        return Child(file.label, source_text(chunks or (plain.read(0, plain.size),)), consumed)
    return Child(file.label, chunks or plain, consumed)


FORMAT: Format = _AutoIt()
