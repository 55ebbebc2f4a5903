"""What PE programs carry along: resources that look like files, what follows the last section, other programs.

Sections themselves are no children: the program was compared as a whole. Resources are yielded only when their first
bytes announce a container, a program or a document, since icons and dialogs fill most of them.

Source: Microsoft's PE format specification.
"""

import struct
from collections.abc import Iterator

from freehold.formats import dotnetbundle, packed, pe, pyinstaller
from freehold.formats.carve import carve
from freehold.formats.extents import TRIVIAL, Extents, rest
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.layout import Layout
from freehold.model.report import ProblemKind
from freehold.model.view import View

_RESOURCES, _CERTIFICATES, _DOTNET = 2, 4, 14
_MOST_ENTRIES = 1 << 15
_DEEPEST = 3
_SYMBOL = 18
_SECTION = 40
_KNOWN = {"1": "cursor", "3": "icon", "10": "data", "23": "html"}
_NUITKA_RESOURCE, _NUITKA = "resource:data/27/", (b"KAY", b"KAX")
_PRELUDE = b"\n);\n})"
_INNO_RESOURCE = "resource:data/11111/"
_INNO_TABLES = (b"rDlPtS", b"nS5W7d")
_WORTHY = (
    *(
        b"PK\3\4",
        b"7z\xbc\xaf",
        b"Rar!",
        b"MSCF",
        b"\x1f\x8b\x08",
        b"BZh",
        b"\xfd7zXZ",
        b"\x7fELF",
        b"\xd0\xcf\x11\xe0",
    ),
    *(b"{\\rt", b"%PDF", b"SZDD", b"CWS", b"FWS", b"ZWS", b"\x28\xb5\x2f\xfd", b"ISc(", b"\xca\xfe\xba\xbe", b"!<arch"),
    *(b"<htm", b"<HTM", b"<!DO", b"<scr", b"<job", b"#!", b"@ech", b"On E", b"Set ", b"func", b"var ", b"\x60\xea"),
    b"\x20\xda\x43\x01",
)
"""Beginnings of resources that are worth being looked at on their own; programs are found by ``carve``."""


def _resources(view: View, layout: Layout, unpacking: Unpacking) -> Iterator[tuple[str, int, int]]:
    """Yield name, place and size of the leaves of the resource tree."""
    if len(layout.directories) <= _RESOURCES or not layout.directories[_RESOURCES][0]:
        return
    base = pe.file_offset(layout, layout.directories[_RESOURCES][0], view.size)
    if base is None:
        return
    pending = [(0, "", 0)]
    seen = {0}
    left = _MOST_ENTRIES
    while pending:
        place, path, depth = pending.pop()
        head = view.read(base + place, 16)
        if len(head) < 16:
            continue
        count = int.from_bytes(head[12:14], "little") + int.from_bytes(head[14:16], "little")
        table = view.read(base + place + 16, min(count, left) * 8)
        left -= len(table) // 8
        for identity, target in struct.iter_unpack("<II", table[: len(table) & ~7]):
            name = f"{path}/{identity & 0x7FFFFFFF}" if path else _KNOWN.get(str(identity), str(identity & 0x7FFFFFFF))
            if not target >> 31:
                address, size = struct.unpack("<II", view.read(base + target, 8).ljust(8, b"\0"))
                start = pe.file_offset(layout, address, view.size)
                if start is not None and size:
                    yield f"resource:{name}", start, size
            elif depth < _DEEPEST and target not in seen:
                seen.add(target)
                pending.append((target & 0x7FFFFFFF, name, depth + 1))
    if left <= 0:
        unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST_ENTRIES} resources")


def _behind(view: View, layout: Layout) -> Iterator[tuple[int, int]]:
    """Yield the ranges behind the last section that are neither certificates nor symbols for debuggers."""
    claimed = Extents()
    claimed.add(0, min(max((section.start + section.size for section in layout.sections), default=0), view.size))
    at = int.from_bytes(view.read(60, 4), "little")
    head = view.read(at, 24)
    optional = int.from_bytes(head[20:22], "little")
    claimed.add(0, min(at + len(head) + optional + len(layout.sections) * _SECTION, view.size))
    if len(layout.directories) > _CERTIFICATES:
        start, size = layout.directories[_CERTIFICATES]
        claimed.add(min(start, view.size), min(start + size, view.size))
    symbols, count = struct.unpack("<II", head[12:20].ljust(8, b"\0"))
    if symbols and count:
        names = symbols + count * _SYMBOL
        end = names + int.from_bytes(view.read(names, 4), "little")
        claimed.add(min(symbols, view.size), min(end, view.size))
    return iter(claimed.gaps(view.size))


def _overlay(view: View, start: int, end: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what follows the program: the files of a setup one by one, and what is left as a whole."""
    if view.read(start, 3) in _NUITKA:
        yield from _nuitka(view, start, end - 8, unpacking)
        return
    if view.read(end - len(_PRELUDE), len(_PRELUDE)) == _PRELUDE:
        from freehold.formats import nodepkg  # nor this

        yield from nodepkg.members(view, unpacking)
    if end - start >= TRIVIAL and b"Disk1" in view.read(start, 1024).replace(b"\0", b""):
        from freehold.formats import installshield

        start = yield from installshield.setup(view, start, end, unpacking)
    yield from (child._replace(name="overlay") for child in rest(view, start, end))


def _inno_table(view: View, resources: list[tuple[str, int, int]]) -> int:
    """Return where a table of Inno Setup stands: in a resource, or, before 5.1.5, where the first bytes say; else 0."""
    head = view.read(0x30, 8)
    places = [start for name, start, _ in resources if name.startswith(_INNO_RESOURCE)]
    if head[:4] == b"Inno":
        places.append(int.from_bytes(head[4:], "little"))
    return next((place for place in places if view.read(place, 6) in _INNO_TABLES), 0)


def _nuitka(view: View, start: int, end: int, unpacking: Unpacking) -> Iterator[Child]:
    from freehold.formats import nuitka  # few programs need it

    yield from nuitka.members(view, start, end, unpacking, windows=True)


def _tell_facts(view: View, layout: Layout, unpacking: Unpacking) -> None:
    from freehold.formats import pefacts  # for people who ask

    pefacts.tell(view, layout, unpacking)
    pefacts.tell_overlay(view, list(_behind(view, layout)), unpacking)
    _tell_signer(view, layout, unpacking)


def _tell_signer(view: View, layout: Layout, unpacking: Unpacking) -> None:
    """Record who signed the program; a signature that cannot be read is one more fact."""
    from freehold.formats import authenticode

    try:
        signature = authenticode.read(view, layout, unpacking.budget)
    except MalformedInput as error:
        unpacking.fact("signature", f"cannot be read: {error}")
        return
    for key, value in signature.facts() if signature is not None else ():
        unpacking.fact(key, value)


class _PeInside:
    name = "pe_inside"
    types = frozenset({"pe"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        try:
            layout = pe.read(view)
        except MalformedInput:
            yield from carve(view, 1, view.size, unpacking)
            return
        if unpacking.wants_facts:
            _tell_facts(view, layout, unpacking)
        yield from packed.unpacked(view, layout, unpacking)
        resources = list(_resources(view, layout, unpacking))
        seen: set[tuple[int, int]] = set()
        for name, start, size in resources:
            head = view.read(start, 6)
            if (start, size) not in seen and head.startswith(_WORTHY):
                seen.add((start, size))
                yield Child(name, view.slice(start, size))
            elif name.startswith(_NUITKA_RESOURCE) and head.startswith(_NUITKA):
                yield from _nuitka(view, start, start + size, unpacking)
        if len(layout.directories) > _DOTNET and layout.directories[_DOTNET][0]:
            from freehold.formats import dotnet  # most programs have none

            yield from dotnet.children(view, layout, unpacking)
        behind = list(_behind(view, layout))
        table = _inno_table(view, resources)
        position = 1
        for start, end in behind:
            yield from carve(view, position, start, unpacking)
            position = end
            if not table and not (yield from dotnetbundle.members(view, start, unpacking)):
                yield from _overlay(view, start, end, unpacking)
        if table:
            from freehold.formats import inno  # few programs are setups

            yield from inno.members(view, table, behind[0][0] if behind else view.size, unpacking)
        yield from carve(view, position, view.size, unpacking)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _PeInside()
