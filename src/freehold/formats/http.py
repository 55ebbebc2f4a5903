r"""A body of HTTP with the fields that one must know to read it, as the front end for proxies hands it over.

``\x89HTTP``, CR LF, the fields Content-Type, Content-Encoding and Content-Range as far as there are any, an empty
line, the body. No file begins like that by accident, and one that does on purpose is opened as any other container is.

Source: RFC 9110, sections 8.4 (Content-Encoding) and 14.4 (Content-Range); RFC 7578 (multipart/form-data).
"""

import re
from collections.abc import Iterator

from freehold.formats.inflate import DEFLATE
from freehold.formats.mailheader import Header, read_header
from freehold.formats.streams import Stream
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC = b"\x89HTTP\r\n"
_HEADER_BYTES = 1 << 17
_PART_HEADER_BYTES = 1 << 14
_LONGEST_BOUNDARY = 256
_MOST_BOUNDARIES = 16
_KNOWN_BY_THEIR_BYTES = frozenset({b"", b"identity", b"gzip", b"x-gzip", b"compress", b"x-compress", b"zstd"})
_RANGE = re.compile(rb"^content-range[ \t]*:[ \t]*([^\r\n]{1,256})", re.IGNORECASE | re.MULTILINE)
_WHOLE = re.compile(rb"bytes[ \t]+0-([0-9]{1,18})/([0-9]{1,18})[ \t]*", re.IGNORECASE)
_CODINGS = re.compile(rb"^content-encoding[ \t]*:[ \t]*([^\r\n]{0,256})", re.IGNORECASE | re.MULTILINE)


class _Http:
    name = "http"
    types = frozenset({"http"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the magic number is missing."""
        block = view.read(0, _HEADER_BYTES)
        if not block.startswith(_MAGIC):
            raise MalformedInput("the magic number is missing")
        header = read_header(block, len(_MAGIC))
        fields = block[len(_MAGIC) : header.end]
        _note_fragment(fields, unpacking)
        body = view.slice(header.end, view.size - header.end)
        codings = [coding.strip().lower() for value in _CODINGS.findall(fields) for coding in value.split(b",")]
        if not _KNOWN_BY_THEIR_BYTES.issuperset(codings):
            yield from _decoded(body, codings, unpacking)
        elif header.content_type == "multipart/form-data":
            yield from _Form(body, unpacking).parts(header)
        elif body.size:
            yield Child("body", body)


def _note_fragment(fields: bytes, unpacking: Unpacking) -> None:
    for value in _RANGE.findall(fields):
        whole = _WHOLE.fullmatch(value)
        if not whole or int(whole[1]) + 1 != int(whole[2]):
            unpacking.problem(ProblemKind.TRUNCATED, f"this is only a part of the content: {value.decode('latin-1')}")


def _decoded(body: View, codings: list[bytes], unpacking: Unpacking) -> Iterator[Child]:
    """Yield what a coding without a magic number stands for; what cannot be decoded comes as it is."""
    if codings != [b"deflate"]:
        names = b", ".join(codings).decode("latin-1")
        unpacking.problem(ProblemKind.UNSUPPORTED, f"the content is encoded: {names}")
        yield Child("body", body)
        return
    head = body.read(0, 2)
    has_header = len(head) == 2 and head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0  # RFC 1950; some leave it out
    stream = Stream(body, 2 if has_header else 0, DEFLATE, unpacking)
    yield Child("body", stream.chunks(), stream.consumed)


class _Form:
    """The parts of a form."""

    def __init__(self, body: View, unpacking: Unpacking) -> None:
        self._body = body
        self._unpacking = unpacking
        self._count = 0

    def parts(self, header: Header) -> Iterator[Child]:
        """Yield every part, whatever delimiter ends it, and what stands before the first and behind the last one."""
        boundaries = [boundary for boundary in header.boundaries if 0 < len(boundary) <= _LONGEST_BOUNDARY]
        if not boundaries:
            self._unpacking.problem(ProblemKind.MALFORMED, "the form does not say where its parts end")
            yield Child("body", self._body)
            return
        position = 0
        last = b""
        for start, end in self._delimiters(boundaries[:_MOST_BOUNDARIES]):
            yield from self._part(position, self._line_end_before(start, position))
            last = self._body.read(end, 2)
            position = self._line_behind(end)
        yield from self._part(position, self._body.size)
        if last != b"--":
            self._unpacking.problem(ProblemKind.TRUNCATED, "the form has no end")

    def _delimiters(self, boundaries: list[bytes]) -> Iterator[tuple[int, int]]:
        """Yield where every delimiter begins and where its boundary ends."""
        pattern = re.compile(b"--(?:%b)" % b"|".join(map(re.escape, sorted(boundaries, key=len, reverse=True))))
        position = 0
        for offset, window in self._body.windows(_LONGEST_BOUNDARY + 2):
            for found in pattern.finditer(window):
                start, end = offset + found.start(), offset + found.end()
                self._unpacking.budget.tick()
                if start >= position and self._stands_alone(start, end):
                    yield start, end
                    position = end

    def _stands_alone(self, start: int, end: int) -> bool:
        """Whether a line begins here, and nothing but the mark of the last delimiter and blanks stands behind."""
        if start and self._body.read(start - 1, 1) != b"\n":
            return False
        behind = self._body.read(end, _LONGEST_BOUNDARY)
        return behind.startswith(b"--") or behind.lstrip(b" \t")[:1] in (b"\r", b"\n", b"")

    def _line_end_before(self, start: int, position: int) -> int:
        """Return where a text ends: the line end before a delimiter belongs to the delimiter."""
        ending = (
            self._body.read(start - 2, 2) if start >= position + 2 else self._body.read(start - 1, start - position)
        )
        return start - (2 if ending == b"\r\n" else ending.endswith(b"\n"))

    def _line_behind(self, position: int) -> int:
        behind = self._body.read(position, _LONGEST_BOUNDARY)
        line = behind.removeprefix(b"--").lstrip(b" \t")
        ending = 2 if line.startswith(b"\r\n") else line[:1] in (b"\r", b"\n")
        return position + len(behind) - len(line) + ending

    def _part(self, start: int, end: int) -> Iterator[Child]:
        if start >= end:
            return
        header = read_header(self._body.read(start, min(_PART_HEADER_BYTES, end - start)), 0)
        if header.encodings or header.boundaries:
            self._unpacking.problem(ProblemKind.UNSUPPORTED, f"part {self._count + 1} of the form is encoded once more")
        self._count += 1
        if start + header.end < end:
            name = header.name or f"part-{self._count}"
            yield Child(name, self._body.slice(start + header.end, end - start - header.end))


FORMAT: Format = _Http()
