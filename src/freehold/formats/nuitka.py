"""Programs that Nuitka packed into one file: what lies behind "KAY" (packed) or "KAX" (not) in them, or at their end.

All files are packed together, or, where the content serves as a cache, one by one. Windows' programs have names in
UTF-16; the others have flags and links besides. A release may put a checksum before each content.

Source: Nuitka's own sources (``OnefileBootstrap.c``, ``OnefileCompressor.py``).
"""

import re
from collections.abc import Iterator

from freehold.formats.forward import Forward
from freehold.formats.streams import Stream
from freehold.formats.zstd import ZSTD
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MARKS = (b"KAY", b"KAX")
_PACKED = b"KAY"
_FRAME = b"\x28\xb5\x2f\xfd"
_PROGRAMS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LONGEST_NAME = 8192
_WIDE_END = re.compile(rb"(?:..)*?\0\0", re.DOTALL)
_LINK = 2
_TRAILER = 8
_BOOTSTRAP = 1 << 20
"""Bytes before a payload that is linked into its program."""


_PAYLOAD = re.compile(
    rb"KA(?:Y\x28\xb5\x2f\xfd|[XY][ -~]{1,255}\0[\0\1].{8,16}?(?:\x7fELF|\x28\xb5\x2f\xfd|\xcf\xfa\xed\xfe))", re.DOTALL
)
"""A payload of a program that is none for Windows, by its mark and its first file."""


def inside(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the files of a payload that stands at the end of a program, or begins in its first bytes."""
    place = at_end(view)
    if place is None:
        found = _PAYLOAD.search(view.read(0, _BOOTSTRAP))
        place = (found.start(), view.size) if found else None
    if place is None:
        unpacking.problem(ProblemKind.UNSUPPORTED, "the payload of Nuitka was not found")
    else:
        yield from members(view, *place, unpacking, windows=False)


def at_end(view: View) -> tuple[int, int] | None:
    """Return where a payload begins and ends that the last bytes of a program tell of."""
    end = view.size - _TRAILER
    start = int.from_bytes(view.read(end, _TRAILER), "little") if end > 0 else 0
    return (start, end) if 0 < start < end and view.read(start, 3) in MARKS else None


def members(view: View, start: int, end: int, unpacking: Unpacking, *, windows: bool) -> Iterator[Child]:
    """Yield the files of the payload in [start, end)."""
    yield from _Payload(view, start, end, unpacking, windows=windows).children()


class _Payload:
    """One payload, read from front to end."""

    def __init__(self, view: View, start: int, end: int, unpacking: Unpacking, *, windows: bool) -> None:
        self._view = view
        self._start = start + 3
        self._unpacking = unpacking
        self._windows = windows
        self._stream = Stream(view, self._start, ZSTD, unpacking, end=end, label="the payload of Nuitka")
        packed = view.read(start, 3) == _PACKED
        self._is_together = packed and view.read(self._start, 4) == _FRAME
        self._is_cache = packed and not self._is_together
        whole = view.slice(self._start, end - self._start)
        self._data = Forward(self._stream.chunks() if self._is_together else _pieces(whole))
        self._before: int | None = None

    def children(self) -> Iterator[Child]:
        """Yield all files; says so when there is no end."""
        while (name := self._name()) is not None:
            if not name:
                return
            self._unpacking.budget.tick()
            if not self._windows and self._data.exactly(1)[:1] == bytes((_LINK,)):
                if self._name() is None:
                    break
                continue
            size = int.from_bytes(self._data.exactly(8), "little")
            self._data.exactly(self._checksum())
            yield from self._content(name, size)
        if not self._is_together or self._stream.finished:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the payload of Nuitka is cut off")

    def _name(self) -> str | None:
        """Return the next name, None when there is none."""
        head = self._data.peek(_LONGEST_NAME)
        found = _WIDE_END.match(head) if self._windows else None
        end = (found.end() if found else 0) if self._windows else head.find(b"\0") + 1
        if not end:
            return None
        name = self._data.exactly(end)
        if self._windows:
            return name[:-2].decode("utf-16-le", "replace")
        return name[:-1].decode("utf-8", "surrogateescape")

    def _checksum(self) -> int:
        """Return how many bytes stand before contents: the first content is a program, or begins a frame."""
        if self._before is None:
            head = self._data.peek(12)
            self._before = 0
            if head[8:12] == _FRAME if self._is_cache else head[4:].startswith(_PROGRAMS):
                self._before = 4
        return self._before

    def _content(self, name: str, size: int) -> Iterator[Child]:
        if self._is_cache:
            size = int.from_bytes(self._data.exactly(4), "little")
            place = self._start + self._data.position
            stream = Stream(self._view, place, ZSTD, self._unpacking, end=place + size, label=name[:100])
            if size:
                yield Child(name, stream.chunks(), stream.consumed)
        before = self._data.position
        if size and not self._is_cache:
            yield Child(name, self._data.take(size), self._stream.consumed if self._is_together else None)
        for _ in self._data.take(size - (self._data.position - before)):
            self._unpacking.budget.tick()


def _pieces(view: View) -> Iterator[bytes]:
    return (bytes(piece) for _, piece in view.windows(0))
