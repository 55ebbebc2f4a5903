"""Programs and archives inside other content: found by their first bytes, checked, and cut out by their own lengths.

Looked for in programs and in content of no known kind. Exact lengths matter: signatures of whole files match only the
very bytes. What follows a found object is looked through again, its inside is not: that is its own format's matter.
"""

import zlib
from collections.abc import Callable, Iterator

from freehold.formats.literals import LiteralSearch
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_WINDOW = 1 << 20
_OVERLAP = 64
_FILE_HEADER = 24
_SECTION = 40
_MOST_SECTIONS = 96
_FARTHEST_HEADER = 1 << 16
_CANDIDATES = 100_000
"""So many beginnings are checked in one artifact; more are an attack on the time that this takes."""


_SMALLEST_ARJ, _LARGEST_ARJ = 30, 2600


def _program(view: View, start: int) -> int:
    """Return the length of the PE program at ``start``, by its section table and its certificates; 0 for none.

    The stated size of the headers is not believed: where it matters, it lies.
    """
    at = start + int.from_bytes(view.read(start + 60, 4), "little")
    if not start + 4 <= at <= start + _FARTHEST_HEADER:
        return 0
    head = view.read(at, _FILE_HEADER + 176)
    if head[:4] != b"PE\0\0" or len(head) < _FILE_HEADER + 96:
        return 0
    count, optional = (int.from_bytes(head[place : place + 2], "little") for place in (6, 20))
    magic = int.from_bytes(head[24:26], "little")
    if not 0 < count <= _MOST_SECTIONS or magic not in (0x10B, 0x20B):
        return 0
    table = view.read(at + _FILE_HEADER + optional, count * _SECTION)
    end = at - start + _FILE_HEADER + optional + len(table)
    for place in range(0, len(table) - _SECTION + 1, _SECTION):
        size, first = (int.from_bytes(table[place + n : place + n + 4], "little") for n in (16, 20))
        if size:
            end = max(end, first + size)
    directory = _FILE_HEADER + (112 if magic == 0x20B else 96) + 4 * 8
    certificates, size = (int.from_bytes(head[place : place + 4], "little") for place in (directory, directory + 4))
    if end <= certificates <= end + 8:
        end = certificates + size
    return end


def _cabinet(view: View, start: int) -> int:
    head = view.read(start, 36)
    size = int.from_bytes(head[8:12], "little")
    return size if len(head) == 36 and not any(head[4:8]) and head[25] == 1 and size > 36 else 0


def _seven_zip(view: View, start: int) -> int:
    head = view.read(start, 32)
    if len(head) < 32 or head[6] or zlib.crc32(head[12:]) != int.from_bytes(head[8:12], "little"):
        return 0
    return 32 + int.from_bytes(head[12:20], "little") + int.from_bytes(head[20:28], "little")


def _rar(view: View, start: int) -> int:
    """A RAR archive does not say where it ends; its first block is the archive's, or one that says it is encrypted."""
    head = view.read(start, 14)
    old = head[6:7] == b"\0" and head[9:10] == b"\x73"
    new = head[6:8] == b"\1\0" and head[13:] in (b"\1", b"\4")
    return view.size - start if old or new else 0


def _arj(view: View, start: int) -> int:
    """An ARJ archive does not say where it ends; its main header has a checksum."""
    head = view.read(start, 11)
    size = int.from_bytes(head[2:4], "little")
    if not _SMALLEST_ARJ <= size <= _LARGEST_ARJ or head[10:11] != b"\2":
        return 0
    header = view.read(start + 4, size + 4)
    return view.size - start if zlib.crc32(header[:size]) == int.from_bytes(header[size:], "little") else 0


def _egg(view: View, start: int) -> int:
    """An EGG archive does not say where it ends."""
    head = view.read(start, 14)
    return view.size - start if head[4:6] == b"\0\1" and head[10:] == bytes(4) else 0


def _script(view: View, start: int) -> int:
    from freehold.formats import autoit

    return autoit.measure(view, start)


def _setup(view: View, start: int) -> int:
    from freehold.formats import issetup

    return issetup.measure(view, start)


_KINDS: tuple[tuple[bytes, str, Callable[[View, int], int]], ...] = (
    (b"MZ", "program", _program),
    (b"MSCF\0\0\0\0", "cabinet", _cabinet),
    (b"7z\xbc\xaf\x27\x1c", "archive", _seven_zip),
    (b"Rar!\x1a\x07", "archive", _rar),
    (b"\x60\xea", "archive", _arj),
    (b"EGGA", "archive", _egg),
    (b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9", "script", _script),
    (b"InstallShield\0", "setup", _setup),
    (b"ISSetupStream\0", "setup", _setup),
)


_MAGICS = LiteralSearch([(magic, False) for magic, _, _ in _KINDS])


def carve(view: View, start: int, end: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what lies in [start, end) of a view, kind by kind."""
    for (_, name, measure), places in zip(_KINDS, _places(view, start, end, unpacking), strict=True):
        found = start
        for position in places:
            if position < found:
                continue
            size = min(measure(view, position), end - position)
            if size > 0:
                found = position + size
                yield Child(f"{name}-at-{position}", view.slice(position, size))


def _places(view: View, start: int, end: int, unpacking: Unpacking) -> list[list[int]]:
    """Return where each kind may begin; all are looked for in one pass."""
    places: list[list[int]] = [[] for _ in _KINDS]
    given_up: frozenset[int] = frozenset()
    for position in range(start, end, _WINDOW):
        piece = view.read(position, min(_WINDOW + _OVERLAP, end - position))
        here, given_up = _MAGICS.places(piece, _CANDIDATES, given_up)
        for number, found in enumerate(here):
            places[number] += [position + place for place in found if place < _WINDOW]
            if len(places[number]) >= _CANDIDATES:
                given_up |= {number}
        unpacking.budget.tick()
    if given_up:
        unpacking.problem(ProblemKind.LIMIT, f"more than {_CANDIDATES} beginnings of programs or archives")
    return [found[:_CANDIDATES] for found in places]


class _Carve:
    name = "carve"
    types = frozenset({"data"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from carve(view, 1, view.size, unpacking)


FORMAT: Format = _Carve()
