"""Where the links of a page lead, and what they show: the pairs that ClamAV compares, as its parser finds them.

Text behind a comment is no part of what a link shows until the next tag, and a link ends where the next one begins.
"""

import re
from typing import NamedTuple

from freehold.engine.normalise.html import FULL_STOPS, Page
from freehold.model.limits import Budget

_LONGEST = 1024
_MOST = 10_000
_HIGH_RUN = re.compile(rb"[\x80-\xff]{3,}")
_HIGH = bytes(range(0x80, 0x100))
_SHOWN_BESIDE = {b"img": ((b"src", "src"), (b"dynsrc", "dynsrc")), b"iframe": ((b"src", "iframe"),)}
_SHOWN_BESIDE |= {b"area": ((b"href", "area"),)}


class Link(NamedTuple):
    """A pair of addresses.

    Attributes:
        kind: ``href`` for a link with its text; for others, like ``src`` of a picture in it, how the second is used.
        real: where it leads.
        shown: what it shows.
        offset: of what follows the tag, in the page without zeros and carriage returns.
    """

    kind: str
    real: bytes
    shown: bytes
    offset: int


def links(page: bytes, budget: Budget) -> list[Link]:
    """Return the pairs of a page; raises ``LimitReached`` when time runs out."""
    reader = _Links(page.translate(None, b"\0\r").replace(b"\n", b" "))
    reader.read(budget)
    reader.leave()
    return reader.found


def _with_stops(run: re.Match[bytes]) -> bytes:
    """Write full stops of other scripts as dots; ClamAV takes three bytes for a character, whatever they are."""
    pieces = (run.group()[at : at + 3] for at in range(0, len(run.group()), 3))
    return b"".join(b"." if piece in FULL_STOPS else piece for piece in pieces)


class _Links(Page):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.found: list[Link] = []
        self.target: bytes | None = None  # of the link that is open
        self.shown = b""
        self.begins = -1  # of the next part of what it shows; -1 inside of tags
        self.opened = 0
        self.action: bytes | None = None

    def step(self, at: int) -> int:
        start = self.data.find(b"<", at)
        return self.end if start < 0 else self.tag(start + 1)

    def tag(self, at: int) -> int:
        self.show_until(at - 1)
        self.markup.clear()
        self.text.clear()
        return super().tag(at)

    def show_until(self, end: int) -> None:
        if self.begins >= 0:
            self.shown = (self.shown + _HIGH_RUN.sub(_with_stops, self.part(end)))[:_LONGEST]
            self.begins = -1

    def part(self, end: int) -> bytes:
        """Return the text up to ``end``; ClamAV loses the last character when it is not ASCII."""
        text = self.data[self.begins : end]
        high = len(text) - len(text.rstrip(_HIGH))
        return text[: len(text) - (high - 1) % 3 - 1] if high else text

    def leave(self) -> None:
        """End the open link."""
        self.show_until(self.end)
        if self.target is not None:
            self.add("href", self.target, self.shown, self.opened)
        self.target, self.shown = None, b""

    def add(self, kind: str, real: bytes, shown: bytes, offset: int) -> None:
        if len(self.found) < _MOST:
            self.found.append(Link(kind, real, shown, offset))

    def process(self, tag: bytes, at: int) -> None:
        super().process(tag, at)
        if tag.startswith(b"/"):
            self.end_tag(tag, at)
        elif tag not in {b"script", b"style", b"%@"}:
            if self.target is not None and self.begins < 0:
                self.begins = at
            self.begin_tag(tag, at)

    def end_tag(self, tag: bytes, at: int) -> None:
        if self.target is not None:
            if tag == b"/a":
                self.leave()
            else:
                self.begins = at
        if tag == b"/form":
            self.action = None

    def begin_tag(self, tag: bytes, at: int) -> None:
        if tag == b"a" and (target := self.arguments.get(b"href")):
            self.begins = -1
            self.leave()
            if (title := self.arguments.get(b"title")) is not None:
                self.add("href_title", target, title, at)
            self.in_form(target, at)
            self.target, self.begins, self.opened = target, at, at
        elif tag == b"form":
            self.action = self.arguments.get(b"action") or self.action
        for argument, kind in _SHOWN_BESIDE.get(tag, ()):
            if shown := self.arguments.get(argument):
                if self.target is not None:
                    self.add(kind, self.target, shown, at)
                self.in_form(shown, at)

    def in_form(self, shown: bytes, at: int) -> None:
        """Inside of a form, links and pictures show where its answers should go."""
        if self.action is not None:
            self.add("form", self.action, shown, at)
