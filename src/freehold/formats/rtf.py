r"""RTF: objects, whose content is written in hexadecimal digits and hidden in every way that Word still reads.

What counts is what a reader of control words collects from ``\objdata`` to the end of its group: digits between white
space, groups, unknown control words and ``\bin`` blocks. Text of nested groups belongs to the object for some readers
and not for others, so both results are looked at where they differ.

Source: Rich Text Format specification 1.9.1.
"""

import re
from collections.abc import Iterator

from freehold.formats import hidden
from freehold.formats.ole_native import object_children, ole1_object
from freehold.model.errors import LimitReached
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_DATA = rb"\\(?:objdata|datastore)(?![a-zA-Z])"
_DATA_WORDS = (b"objdata", b"datastore")
_DATA_BYTES = 10
_TOKEN = (
    rb"(?s)(?P<text>[^\\{}]+)|(?P<open>\{)|(?P<close>\})"
    rb"|\\(?:(?P<word>[a-zA-Z]+)(?P<number>-?[0-9]{1,10})?[ ]?|'[0-9a-fA-F]{0,2}|[^a-zA-Z])"
)
_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_PIECE = 1 << 20
_FIRST_PIECE = 1 << 10
_TEXT_PIECE = 16 << 20
_WORD_BYTES = 4096
_MOST_CLASSES = 100
_FACT_LETTERS = 1000
_WORDS = (
    (b"template", re.compile(rb"\\\*\\template[ \r\n]{1,16}([^{}]{1,2000})"), "template"),
    (b"objupdate", re.compile(rb"\\objupdate(?![a-z])"), "updates-objects"),
    (b"objautlink", re.compile(rb"\\objautlink(?![a-z])"), "links-objects"),
    (
        b"DDE",
        re.compile(rb"\\fldinst[^\\]{0,16}(?:\\[a-z0-9]{1,32} ?|[{}\s]){0,64}(DDE(?:AUTO)?\b[^{}]{1,2000})"),
        "dde",
    ),
)
"""What is looked for, and the facts that it makes: a literal first, because there are many control words."""


class _Rtf:
    name = "rtf"
    types = frozenset({"rtf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        count = 0
        position = 0
        classes: dict[str, None] = {}
        _record_words(view, unpacking)
        while (start := _find(view, position, unpacking)) is not None:
            collector = _Collector(unpacking)
            position = collector.collect(view, start)
            for content in collector.readings():
                count += 1
                found = ole1_object(BytesView(content), 0)
                if found is not None and len(classes) < _MOST_CLASSES:
                    classes[found.class_name] = None
                yield from object_children(BytesView(content), f"object-{count}")
        if count:
            unpacking.fact("objects", count)
        if classes:
            unpacking.fact("object-classes", ", ".join(classes)[:_FACT_LETTERS])
        if any(name.lower().startswith("equation") for name in classes):
            unpacking.fact("equation-editor", True)
        for start in range(0, view.size, _TEXT_PIECE):
            yield from hidden.children(view.read(start, _TEXT_PIECE), unpacking, addresses=False)


def _record_words(view: View, unpacking: Unpacking) -> None:
    """Record what the document loads or does by itself when it is opened."""
    for start in range(0, view.size, _PIECE):
        unpacking.budget.tick()
        piece = view.read(start, _PIECE + _WORD_BYTES)
        for mark, pattern, key in _WORDS:
            found = pattern.search(piece) if mark in piece else None
            if found:
                value = found[1].decode("latin-1").strip()[:_FACT_LETTERS] if pattern.groups else True
                unpacking.fact(key, value)


def _find(view: View, position: int, unpacking: Unpacking) -> int | None:
    """Return where the content of the next object begins at or behind ``position``."""
    for start, piece in _pieces(view, position, _DATA_BYTES):
        unpacking.budget.tick()
        found = re.search(_DATA, piece)
        if found and (found.end() < len(piece) or start + len(piece) == view.size):
            return start + found.end()
    return None


def _pieces(view: View, position: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes) from ``position`` on, growing pieces: objects can be tiny, and many, or very large."""
    length = _FIRST_PIECE
    while position < view.size:
        piece = view.read(position, length)
        yield position, piece
        if position + len(piece) == view.size:
            break
        position += len(piece) - overlap
        length = min(2 * length, _PIECE)


class _Reading:
    """What one way of reading collects: digits, and blocks of bytes between them."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._texts: list[bytes] = []
        self._digit = b""

    def add_text(self, text: bytes) -> None:
        self._texts.append(text)

    def add_block(self, content: bytes) -> None:
        self._decode()
        self._parts.append(content)

    def content(self) -> bytes:
        self._decode()
        return b"".join(self._parts)

    def _decode(self) -> None:
        digits = self._digit + b"".join(self._texts).translate(None, _NOT_HEX)
        self._texts.clear()
        whole = len(digits) & ~1
        self._digit = digits[whole:]
        self._parts.append(bytes.fromhex(digits[:whole].decode("ascii")))


class _Collector:
    """Collects the content of one object, in both readings."""

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking
        self._shallow = _Reading()
        self._deep = _Reading()
        self._size = 0
        self._depth = 0

    def readings(self) -> Iterator[bytes]:
        """Yield what was collected, each reading once."""
        deep, shallow = self._deep.content(), self._shallow.content()
        if deep:
            yield deep
        if shallow and shallow != deep:
            yield shallow

    def collect(self, view: View, position: int) -> int:
        """Collect from ``position`` to the end of the group; return where that is."""
        match = re.compile(_TOKEN).match
        length = _FIRST_PIECE
        while position < view.size:
            self._unpacking.budget.tick()
            piece = view.read(position, length)
            length = min(2 * length, _PIECE)
            last = position + len(piece) == view.size
            at = 0
            while at < len(piece) and (token := match(piece, at)):
                if token.end() == len(piece) and not last and at and token.lastgroup != "text":
                    break  # it may go on in the next piece
                at = token.end()
                if token["word"] in _DATA_WORDS:
                    return position + token.start()
                if token["word"] == b"bin":
                    at += self._add_block(view, position + at, int(token["number"] or 0))
                elif not self._take(token):
                    return position + at
            position += max(at, 1)
        self._unpacking.problem(ProblemKind.TRUNCATED, "an object is cut off")
        return view.size

    def _take(self, token: re.Match[bytes]) -> bool:
        """Take what a token says; False when it ends the object's group."""
        if token.lastgroup == "text":
            text = token[0]
            self._charge(len(text))
            self._deep.add_text(text)
            if not self._depth:
                self._shallow.add_text(text)
        elif token.lastgroup == "open":
            self._depth += 1
        elif token.lastgroup == "close":
            self._depth -= 1
        return self._depth >= 0

    def _add_block(self, view: View, start: int, length: int) -> int:
        """Add bytes that stand there as they are; return how many."""
        content = view.read(start, max(length, 0))
        self._charge(len(content))
        self._deep.add_block(content)
        if not self._depth:
            self._shallow.add_block(content)
        return len(content)

    def _charge(self, count: int) -> None:
        self._size += count
        limit = self._unpacking.budget.limits.decoder_memory
        if self._size > limit:
            raise LimitReached("decoder_memory", limit)


FORMAT: Format = _Rtf()
