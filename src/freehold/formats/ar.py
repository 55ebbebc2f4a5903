"""ar archives (System V/GNU and BSD variants), of which Debian packages are a special case.

Source: ar(5), deb(5).
"""

from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC = b"!<arch>\n"
_THIN = b"!<thin>\n"
_HEADER = 60
_END = b"`\n"
_NAMES_BYTES = 1 << 20
_NAME_BYTES = 4096
_PIECE = 1 << 16
_NO_CONTENT = frozenset({b"/", b"/SYM64/", b"__.SYMDEF", b"__.SYMDEF SORTED", b"__.SYMDEF_64"})


def _next_header(view: View, position: int, unpacking: Unpacking) -> int:
    """Return where the next plausible header begins at or behind ``position``, the view's size when there is none."""
    at = position + 58
    while at < view.size:
        piece = view.read(at, _PIECE)
        found = piece.find(_END)
        while found >= 0:
            start = at + found - 58
            if _size(view.read(start, _HEADER)) is not None:
                return start
            found = piece.find(_END, found + 1)
        at += max(len(piece) - 1, 1)
        unpacking.budget.tick()
    return view.size


def _size(header: bytes) -> int | None:
    """Return the size that a header declares, None when it is no header."""
    text = header[48:58].strip(b" ")
    if len(header) < _HEADER or header[58:] != _END or not text.isdigit():
        return None
    return int(text)


def _long_name(names: bytes, field: bytes) -> bytes:
    """Return the name that a field such as ``/17`` refers to, or the field itself."""
    if field[:1] != b"/" or not field[1:].isdigit():
        return field.removesuffix(b"/")
    start = int(field[1:])
    return names[start : start + _NAME_BYTES].split(b"\n")[0].removesuffix(b"/") or field


class _Ar:
    name = "ar"
    types = frozenset({"ar", "deb"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; a thin archive has no members of its own.

        Raises:
            MalformedInput: the magic number is missing.
        """
        magic = view.read(0, len(_MAGIC))
        if magic == _THIN:
            return
        if magic != _MAGIC:
            raise MalformedInput("the ar magic number is missing")
        names = b""
        position = len(_MAGIC)
        while position < view.size:
            unpacking.budget.tick()
            header = view.read(position, _HEADER)
            size = _size(header)
            if size is None:
                following = _next_header(view, position, unpacking)
                if following - position > 1:
                    kind = ProblemKind.MALFORMED if len(header) == _HEADER else ProblemKind.TRUNCATED
                    unpacking.problem(kind, f"no member header at byte {position}")
                yield from rest(view, position, following)
                position = following
                continue
            start = position + _HEADER
            field = header[:16].rstrip(b" ")
            if start + size > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"the member at byte {position} is cut off")
                size = view.size - start
            if field == b"//":
                names = view.read(start, min(size, _NAMES_BYTES))
            elif field not in _NO_CONTENT:
                yield from _member(view, start, size, _long_name(names, field))
            position = start + size + (size & 1)


def _member(view: View, start: int, size: int, name: bytes) -> Iterator[Child]:
    """Yield one member; BSD keeps a long name in front of the content."""
    if name.startswith(b"#1/") and name[3:].isdigit():
        length = min(int(name[3:]), size)
        name = view.read(start, min(length, _NAME_BYTES)).rstrip(b"\0")
        start += length
        size -= length
    if size and name not in _NO_CONTENT:
        yield Child(name.decode("utf-8", "surrogateescape"), view.slice(start, size))


FORMAT: Format = _Ar()
