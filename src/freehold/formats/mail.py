"""Mail: RFC 5322 messages with MIME parts (RFC 2045 to 2049).

Mail programs disagree about nearly every damaged message, and attackers know it. So this is not a parser of a tree:
every block of header fields anywhere in the message begins a part, whatever boundaries say, and messages within
messages are only more parts. Boundaries decide where parts end; where a line looks like a boundary to some readers
only, the part is decoded up to it, through it, and past it.
"""

import re
from collections.abc import Iterator

from freehold.formats import binhex, yenc
from freehold.formats.mailheader import Header, is_field, read_header
from freehold.formats.transfer import decode_base64, decode_quoted_printable, decode_uu
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MESSAGE_BYTES = 64 << 20
"""A message is held in memory while it is opened; what is behind this many bytes is not opened."""

_HANDED_OVER = b"\x89MAIL\r\n"
"""What the front end for mail servers puts before a message, whose first bytes need not look like one."""

_WINDOW = 1 << 20
_CONTENT = b"content-"
_HIT = re.compile(rb"(?<![^\r\n])content-(?:type|transfer-encoding|disposition)[ \t]*(?:\([^()\r\n]{0,256}\))?[ \t]*:")
_HIT_BYTES = 512
_BACKWARD_BYTES = 1 << 14
_DELIMITER = re.compile(rb"--([^\r\n]*+)(?:\r\n|\n|\r|\Z)")
_DELIMITER_LINE = re.compile(rb"(?<![^\r\n])--[^\r\n]*+")
_UU_BEGIN = re.compile(rb"begin(-base64)? [0-7]{3,4} ([^\r\n]{1,4096})")
_TEXT = re.compile(rb"\S")
_SUFFIXES = {"text/plain": "txt", "text/html": "html", "message/rfc822": "eml", "": "txt"}
_DECODERS = {"base64": decode_base64, "quoted-printable": decode_quoted_printable, "uuencode": decode_uu}


class _Message:
    """One walk over one message."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._data = view.read(0, MESSAGE_BYTES)
        self._boundaries: set[bytes] = set()
        self._count = 0

    def children(self) -> Iterator[Child]:
        if self._view.size > MESSAGE_BYTES:
            self._unpacking.problem(ProblemKind.LIMIT, f"only the first {MESSAGE_BYTES} bytes were opened")
        header = read_header(self._data, self._first_line())
        for following in self._headers_behind(header.end):
            yield from self._part(header, following.start)
            header = following
        yield from self._part(header, len(self._data))

    def _first_line(self) -> int:
        message = self._data.removeprefix(_HANDED_OVER)
        return len(self._data) - len(message.lstrip(b"\r\n"))

    def _headers_behind(self, position: int) -> Iterator[Header]:
        """Yield every header block of a part, wherever one stands."""
        floor = position
        for hit in self._hits(position):
            if hit < position:
                continue
            header = read_header(self._data, self._block_start(hit, floor))
            yield header
            floor = header.end
            position = max(header.end, hit + 1)

    def _hits(self, start: int) -> Iterator[int]:
        """Yield the beginning of every line that is a field of a part's header."""
        for base in range(start, len(self._data), _WINDOW):
            self._unpacking.budget.tick()
            piece = self._data[base : base + _WINDOW + _HIT_BYTES].lower()
            found = piece.find(_CONTENT)  # several times faster on base64 than an expression
            while 0 <= found < _WINDOW:
                if _HIT.match(piece, found) and self._begins_line(base + found):
                    yield base + found
                found = piece.find(_CONTENT, found + 1)

    def _begins_line(self, position: int) -> bool:
        return position == 0 or self._data[position - 1] in b"\r\n"

    def _block_start(self, position: int, floor: int) -> int:
        """Return where the block of fields begins that the line at ``position`` belongs to."""
        floor = max(floor, position - _BACKWARD_BYTES)
        while position > floor:
            before = self._line_before(position, floor)
            line = self._data[before:position].rstrip(b"\r\n")
            if not (is_field(line) or (line[:1] in (b" ", b"\t") and line.strip())):
                break
            position = before
        return position

    def _line_before(self, position: int, floor: int) -> int:
        end = position - 1
        if self._data[end : end + 1] == b"\n" and self._data[end - 1 : end] == b"\r":
            end -= 1
        return max(self._data.rfind(b"\n", floor, end), self._data.rfind(b"\r", floor, end), floor - 1) + 1

    def _part(self, header: Header, end: int) -> Iterator[Child]:
        """Yield the readings of one part, whose body ends at ``end`` at the latest, and what stands behind it."""
        self._unpacking.budget.tick()
        self._boundaries.update(header.boundaries)
        if header.content_type == "message/partial":
            self._unpacking.problem(ProblemKind.UNSUPPORTED, "the message is one piece of several")
        start = header.end
        stop, behind = self._delimiter(start, end, strict="base64" not in header.encodings)
        encodings = [encoding for encoding in header.encodings if encoding in _DECODERS]
        for encoding in encodings:
            yield from self._decoded(header, encoding, self._data, start, stop)
            if last := self._last_text(behind, end):
                yield from self._decoded(header, encoding, self._data, start, last)
                without = _DELIMITER_LINE.sub(b"", self._data[start:last])
                yield from self._decoded(header, encoding, without, 0, len(without))
        if not encodings:
            yield from self._plain(header, start, stop)
        while behind < end:
            start = behind
            stop, behind = self._delimiter(start, end, strict=True)
            yield from self._plain(None, start, stop)

    def _last_text(self, start: int, end: int) -> int:
        """Return where the last text in [start, end) ends, 0 when there are only delimiters."""
        last = 0
        while start < end:
            stop, behind = self._delimiter(start, end, strict=True)
            if self._has_text(start, stop):
                last = stop
            start = behind
        return last

    def _delimiter(self, start: int, end: int, *, strict: bool) -> tuple[int, int]:
        """Return where the text at ``start`` ends, and where the line behind the delimiter that ends it begins.

        A delimiter is a line that shows a known boundary or stands right before the next header block, or, unless
        ``strict``, any line that begins with two dashes.
        """
        for found in _DELIMITER.finditer(self._data, start, end):
            if not self._begins_line(found.start()):
                continue
            self._unpacking.budget.tick()
            boundary = found[1].rstrip()
            known = boundary in self._boundaries or boundary.removesuffix(b"--") in self._boundaries
            if known or not strict or found.end() == end:
                return found.start(), found.end()
        return end, end

    def _has_text(self, start: int, end: int) -> bool:
        return _TEXT.search(self._data, start, end) is not None

    def _decoded(self, header: Header, encoding: str, data: bytes, start: int, end: int) -> Iterator[Child]:
        if _TEXT.search(data, start, end):
            yield Child(self._name(header), _DECODERS[encoding](data, start, end))

    def _plain(self, header: Header | None, start: int, end: int) -> Iterator[Child]:
        """Yield text as it stands, and files that are encoded in it."""
        if not self._has_text(start, end):
            return
        yield Child(self._name(header), self._view.slice(start, end - start))
        for carrier in (binhex, yenc):
            at = self._data.find(carrier.MARK, start, end)
            if at >= 0:
                yield from carrier.encoded_files(self._data[at:end], self._unpacking)
        for found in _UU_BEGIN.finditer(self._data, start, end):
            if self._begins_line(found.start()):
                following = _UU_BEGIN.search(self._data, found.end(), end)
                stop = following.start() if following else end
                decode = decode_base64 if found[1] else decode_uu
                yield Child(found[2].decode("utf-8", "surrogateescape"), decode(self._data, found.end(), stop))

    def _name(self, header: Header | None) -> str:
        self._count += 1
        if header is not None and header.name:
            return header.name
        content_type = header.content_type if header is not None else ""
        return f"part-{self._count}.{_SUFFIXES.get(content_type, 'bin')}"


class _Mail:
    name = "mail"
    types = frozenset({"mail"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from _Message(view, unpacking).children()


FORMAT: Format = _Mail()
