"""The objects of a PDF, found wherever they stand: the cross-reference table and the page tree are not believed.

Every ``n g obj`` counts, also one inside the stream of another object, unless that stream is a PDF of its own. A
stream is whatever follows the keyword; its dictionary is the text between ``obj`` and ``stream``. Dictionaries are
searched, not parsed: of a key that occurs twice both values are seen.

Source: ISO 32000-1, section 7.3 and 7.5; what readers really accept.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.errors import LimitReached
from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_WINDOW = 1 << 20
_OVERLAP = 64
_TEXT_BYTES = 1 << 20
_DICTIONARY_BYTES = 1 << 16
_SMALL = 512
_SMALL_OBJECTS = 50_000
_PDF_HEAD = 1024
_MOST_OBJECTS = 300_000
_OBJECT_BYTES = 256
"""Beyond that many objects, each further one needs so many bytes of the document, which honest ones have."""

_BLANKS = b" \t\r\n\f\0"
_SPACE = _BLANKS + b"\v"
_DIGITS = b"0123456789"

_ESCAPED_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_COMMENT_BEFORE = re.compile(rb">>[\s\0]*(?:%[^\r\n]{0,256}[\r\n]+[\s\0]*){0,8}\Z")
_LENGTH = re.compile(rb"/Length[\s\0]*(\d{1,12})(?:[\s\0]+(\d{1,6})[\s\0]+R)?")
_INTEGER = re.compile(rb"[\s\0]*(\d{1,12})\b")


class Stream(NamedTuple):
    """A stream object.

    Attributes:
        number: of the object.
        generation: of the object.
        dictionary: its text, with escapes in names resolved.
        start: of the content.
        end: where its ``endstream`` stands, or what else ended it.
    """

    number: int
    generation: int
    dictionary: bytes
    start: int
    end: int


class Text(NamedTuple):
    """What stands outside streams: an object, or whatever follows a stream, trailers among it."""

    number: int
    generation: int
    content: bytes


def plain_names(text: bytes) -> bytes:
    """Return text with the escapes in its names resolved: ``/J#53`` is ``/JS``."""
    return _ESCAPED_NAME.sub(lambda found: bytes((int(found[1], 16),)), text) if b"#" in text else text


class Objects:
    """The objects of one document.

    Attributes:
        small: the text of small objects, by number: what indirect lengths and filters refer to.
        count: of objects.
        cut: whether the last stream has no end.
        last_end: where the last object's text begins that nothing follows.
    """

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self.small: dict[int, bytes] = {}
        self.count = 0
        self.cut = False
        self._number = self._generation = -1
        self._body = 0
        self._open: Stream | None = None
        self._outside = True
        self._base = 0
        self._piece = b""

    def walk(self) -> Iterator[Stream | Text]:
        """Yield all streams and texts in the order in which they end."""
        skip_to = 0
        most = _MOST_OBJECTS + self._view.size // _OBJECT_BYTES
        for at, keyword in self._keywords():
            if at < skip_to:
                continue
            if self.count > most:
                self._unpacking.problem(ProblemKind.LIMIT, f"only the first {most} objects were looked at")
                break
            if keyword == b"obj":
                yield from self._object(at)
            elif self._read(at - 3, 3) == b"end" and at >= 3:
                yield from self._endstream(at)
            else:
                yield from self._stream(at)
                skip_to = self._behind_embedded() if self._open is not None else 0
        yield from self._finish()

    def _keywords(self) -> Iterator[tuple[int, bytes]]:
        """Yield where ``obj`` and ``stream`` stand, in order."""
        for base in range(0, self._view.size, _WINDOW):
            self._unpacking.budget.tick()
            piece = self._view.read(base, _WINDOW + 5)
            self._base, self._piece = base, piece
            objects, streams = _finds(piece, b"obj"), _finds(piece, b"stream")
            yield from sorted(
                [(base + at, b"obj") for at in objects if at < _WINDOW and piece[at - 1 : at] != b"d"]
                + [(base + at, b"stream") for at in streams if at < _WINDOW]
            )

    def _read(self, offset: int, length: int) -> bytes:
        """As the view's; nearly everything lies in the piece whose keywords are being walked over."""
        begin = offset - self._base
        if begin >= 0 and begin + length <= len(self._piece):
            return self._piece[begin : begin + length]
        return self._view.read(offset, length)

    def _object(self, at: int) -> Iterator[Text]:
        before = self._read(max(at - _OVERLAP, 0), min(at, _OVERLAP))
        found = _numbers(before)
        if found is None:
            return
        start, number, generation = found
        if self._open is None and self._outside:
            yield from self._text(at - len(before) + start)
        self.count += 1
        self._number, self._generation = number, generation
        self._body = at + 3
        self._outside = True

    def _stream(self, at: int) -> Iterator[Stream]:
        """Begin a stream, if the keyword is one: behind a dictionary, at the end of a line."""
        following = self._read(at + 6, 18)
        line = following.lstrip(b" \t")
        before = self._read(max(at - 1024, 0), min(at, 1024))
        if line[:1] not in (b"\r", b"\n") or not _ends_dictionary(before) or self._number < 0:
            return
        if self._open is not None:
            yield _ended(self._open, self._body)
        start = at + 6 + len(following) - len(line) + (2 if line.startswith(b"\r\n") else 1)
        first = max(self._body, at - _DICTIONARY_BYTES)
        dictionary = plain_names(self._read(first, at - first))
        self._open = Stream(self._number, self._generation, dictionary, start, start)
        self._outside = False

    def _endstream(self, at: int) -> Iterator[Stream]:
        if self._open is None:
            return
        yield _ended(self._open, at - 3)
        self._open = None
        self._body = at + 6
        self._outside = True
        self._number, self._generation = -1, -1

    def _behind_embedded(self) -> int:
        """Return where to go on behind a stream that is a PDF of its own, 0 for any other stream."""
        stream = self._open
        if stream is None or b"%PDF-" not in self._read(stream.start, _PDF_HEAD):
            return 0
        end = self.end_by_length(stream)
        return max(end, 0)

    def end_by_length(self, stream: Stream) -> int:
        """Return where the stream ends by its stated length if ``endstream`` stands there, otherwise -1."""
        for found in _LENGTH.finditer(stream.dictionary):
            length = int(found[1])
            if found[2]:
                integer = _INTEGER.match(self.small.get(length, b""))
                length = int(integer[1]) if integer else -1
            end = stream.start + length
            behind = self._view.read(end, 16) if 0 <= length <= self._view.size - stream.start else b""
            if behind.lstrip(_BLANKS).startswith(b"endstream"):
                return end
        return -1

    def _text(self, end: int) -> Iterator[Text]:
        """Yield the text from the last keyword to ``end``; of a long one its beginning and its end."""
        start, length = self._body, end - self._body
        if length <= 0:
            return
        content = self._read(start, min(length, _TEXT_BYTES))
        if length > _TEXT_BYTES:
            tail = max(start + _TEXT_BYTES, end - _TEXT_BYTES)
            content += self._view.read(tail, end - tail)
        content = plain_names(content)
        if self._number >= 0 and len(self.small) < _SMALL_OBJECTS:
            self.small[self._number] = content[:_SMALL]
        yield Text(self._number, self._generation, content)

    def _finish(self) -> Iterator[Stream | Text]:
        if self._open is not None:
            self.cut = True
            yield _ended(self._open, self._view.size)
        elif self._outside:
            yield from self._text(self._view.size)


def _numbers(before: bytes) -> tuple[int, int, int] | None:
    """Return where the two numbers at the end of a text begin, and what they are; None when there are none."""
    text = before.rstrip(_SPACE)
    head = text.rstrip(_DIGITS)
    number = head.rstrip(_SPACE)
    begin = number.rstrip(_DIGITS)
    digits = (len(number) - len(begin), len(text) - len(head))
    blanks = (len(head) - len(number), len(before) - len(text))
    if 1 <= min(digits) <= max(digits) <= 10 and 1 <= blanks[0] <= 16 >= blanks[1]:
        return len(begin), int(number[-digits[0] :]), int(text[-digits[1] :])
    return None


def _ends_dictionary(text: bytes) -> bool:
    return text.rstrip(_BLANKS).endswith(b">>") or _COMMENT_BEFORE.search(text) is not None


def _ended(stream: Stream, end: int) -> Stream:
    return Stream(stream.number, stream.generation, stream.dictionary, stream.start, end)


def _finds(piece: bytes, keyword: bytes) -> list[int]:
    found: list[int] = []
    at = piece.find(keyword)
    while at >= 0:
        found.append(at)
        at = piece.find(keyword, at + 3)
    return found


def refuse_too_many(count: int, unpacking: Unpacking) -> None:
    """Raise ``LimitReached`` when a document has more streams than artifacts may be examined."""
    if count > unpacking.budget.limits.artifacts:
        raise LimitReached("artifacts", unpacking.budget.limits.artifacts)
