"""The import list of a PE program in the form that import hashes are made of.

Each import becomes ``library.function`` in lower case, joined by commas in the order of the tables; the digest of that
text and its length identify programs that were linked alike. Imports by number get the names that the classic tools
give to those of ``ws2_32``, ``wsock32`` and ``oleaut32`` (``ordinals.tsv``) and ``ord7`` elsewhere.

Source: Mandiant, "Tracking malware with import hashing"; observed behaviour of ClamAV 1.4 (which has the
hash of 32-bit programs alone, and refuses tables that others read).
"""

import struct
from collections.abc import Iterable, Iterator
from functools import cache

from freehold.formats.pe import file_offset
from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout
from freehold.model.shipped import table_beside
from freehold.model.view import View

_IMPORTS = 1
_MOST_LIBRARIES = 1024
_MOST_FUNCTIONS = 65_536
"""Functions that are listed; ClamAV has no such bound, and no real program comes near it."""
_LONGEST_NAME = 256
_NAME_CHARACTERS = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.")
_SUFFIXES = (b".ocx", b".sys", b".dll")


def import_list(view: View, layout: Layout) -> bytes | None:
    """Return the text whose digest is the import hash; None for 64-bit programs and where there is no sound table."""
    if layout.is_64:
        return None
    try:
        return import_text(imports(view, layout))
    except MalformedInput:
        return None


def import_text(functions: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the text whose MD5 other tools call import hash, of programs of any width; see ``imports``."""
    return b",".join(_stem(library) + b"." + function for library, function in functions)


def imports(view: View, layout: Layout, *, strict: bool = True) -> Iterator[tuple[bytes, bytes]]:
    """Yield library and function of each import, in lower case; raises ``MalformedInput`` where a table is not sound.

    Args:
        view: a PE program.
        layout: its layout.
        strict: refuse what ClamAV refuses: names with strange characters, a table that is said to reach too far.
    """
    address, size = layout.directories[_IMPORTS] if len(layout.directories) > _IMPORTS else (0, 0)
    start = file_offset(layout, address, view.size) if address and size else None
    if start is None or (strict and start + size > view.size):
        raise MalformedInput("no import table")
    table = view.read(start, min(size - 1, 20 * _MOST_LIBRARIES) if strict else 20 * _MOST_LIBRARIES)
    budget = _MOST_FUNCTIONS
    for names, _, _, name, addresses in struct.iter_unpack("<IIIII", table[: len(table) // 20 * 20]):
        if not name:
            return
        library = _library(view, layout, name)
        for function in _functions(view, layout, library, (names, addresses), strict=strict):
            budget -= 1
            if not budget:
                raise MalformedInput("too many imports")
            yield library, function


def _library(view: View, layout: Layout, address: int) -> bytes:
    start = file_offset(layout, address, view.size)
    if start is None or start >= view.size:
        raise MalformedInput("the name of an imported library lies outside the file")
    return view.read(start, _LONGEST_NAME).split(b"\0", 1)[0].lower()


def _stem(library: bytes) -> bytes:
    dot = library.find(b".")
    return library[:dot] if dot >= 0 and library[dot : dot + 4] in _SUFFIXES else library


def _functions(view: View, layout: Layout, library: bytes, tables: tuple[int, int], *, strict: bool) -> Iterator[bytes]:
    names, addresses = tables
    by_number = 1 << (63 if layout.is_64 else 31)
    start = file_offset(layout, names, view.size) if names else None
    if not start:
        start = file_offset(layout, addresses, view.size)
    if start is None:
        raise MalformedInput("a table of imported functions lies outside the file")
    for thunk in _thunks(view, start, "<Q" if layout.is_64 else "<I"):
        if thunk & by_number:
            yield _numbered(library, thunk & 0xFFFF)
            continue
        name = _name(view, file_offset(layout, thunk & 0x7FFFFFFF, view.size) or 0, strict=strict)
        if name is None:
            continue
        if strict and not _NAME_CHARACTERS.issuperset(name):
            raise MalformedInput("the name of an imported function has strange characters")
        yield name.lower()


def _thunks(view: View, start: int, form: str) -> Iterator[int]:
    """Yield the entries up to the one that is zero, a page at a time."""
    width = struct.calcsize(form)
    while True:
        page = view.read(start, 4096)
        for (thunk,) in struct.iter_unpack(form, page[: len(page) // width * width]):
            if not thunk:
                return
            yield thunk
        if len(page) < 4096:
            return
        start += 4096


def _name(view: View, hint: int, *, strict: bool) -> bytes | None:
    """Return the name behind a hint; None where ClamAV cannot read as many bytes as it asks for."""
    length = min(_LONGEST_NAME, view.size - hint)
    name = view.read(hint + 2, length)
    return name.split(b"\0", 1)[0] if len(name) == length or not strict else None


def _numbered(library: bytes, number: int) -> bytes:
    for prefix, table in _ordinals().items():
        if library.startswith(prefix) and number in table:
            return table[number]
    return b"ord%d" % number


@cache
def _ordinals() -> dict[bytes, dict[int, bytes]]:
    """Return names by number, by the beginning of the library's name."""
    tables: dict[bytes, dict[int, bytes]] = {}
    for line in table_beside(__spec__, "ordinals.tsv").splitlines():
        if not line.startswith(b"#"):
            libraries, number, name = line.split(b"\t")
            for library in libraries.split(b" "):
                tables.setdefault(library, {})[int(number)] = name
    return tables
