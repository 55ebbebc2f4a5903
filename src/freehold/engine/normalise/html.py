"""HTML as ClamAV compares it: without comments, without tags, and its scripts.

The rules are those of ClamAV's own parser, not of browsers. Some surprise: a blank inside a quoted value ends the
quotes; ``<!`` begins a comment that ends with the next ``>``; blanks vanish from scripts; the third byte of a UTF-8
character is lost from the form without tags. What is left out is that parser's 8 KiB window, whose edges swallow
blanks.

Most of a page is plain text and tags that are already in normal form. ``htmlplain`` finds long runs of these and
normalises them with a few operations on whole runs; whatever is not plain goes token by token through this module.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from freehold.engine.normalise.entities import character, named
from freehold.engine.normalise.htmlplain import PLAIN, PLAIN_TEXT, markup_of, text_of
from freehold.model.limits import Budget

_BETWEEN_TICKS = 1 << 16
"""Bytes of a page after which the clock is looked at."""

_LONGEST = 1024
"""Bytes of a name or value that count."""

_BLANK = b" \t\v\f"
_SKIP = re.compile(rb"[ \t\v\f]*+")
_WORD = re.compile(rb"[^ \t\v\f>]*+")
_NAME = re.compile(rb"[^ \t\v\f=>]*+")
_VALUE = re.compile(rb"[^ \t\v\f>&'\"\x80-\xff]++")
_HIGH = re.compile(rb"[\x80-\xff]++")
_ENTITY = re.compile(rb"[A-Za-z0-9_:-]{0,1024}+")
_DATA = (b"data:", b'"data:')
_SCRIPT_TEXT = re.compile(
    rb"(?:[^<&\x80-\xff]++|&(?!#|[A-Za-z0-9_:-]{0,1024}+(?:;|\Z))|<[ \t\v\f]*+[^ \t\v\f!/'>&\x80-\xff]|)*+"
)
"""Scripts and styles up to something that is not just copied in lower case; see ``htmlplain`` for the empty end."""
_SCRIPT_TABLE = bytes(range(256)).lower().replace(b"'", b'"')
FULL_STOPS = (b"\xe3\x80\x82", b"\xef\xbc\x8e", b"\xef\xb9\x92")
_ANY_FULL_STOP = re.compile(b"|".join(FULL_STOPS))


@dataclass(frozen=True, slots=True)
class HtmlForms:
    """What a page becomes.

    Attributes:
        nocomment: tags with their attributes in one spelling, no comments, lower case; scripts without blanks.
        notags: text in lower case, the targets of links and pictures as they are spelt.
        scripts: the sources of scripts, each with its end tag, to be normalised by ``javascript``.
    """

    nocomment: bytes
    notags: bytes
    scripts: tuple[bytes, ...]


def normalise(page: bytes, budget: Budget) -> HtmlForms:
    """Return the forms of a page in any encoding that has ASCII in it; raises ``LimitReached`` when time runs out."""
    raw = page.translate(None, b"\0").replace(b"\n", b" ")
    reader = Page(raw.replace(b"\r", b""))
    reader.read(budget)
    return HtmlForms(bytes(reader.markup), bytes(reader.text), tuple(_with_returns(raw, reader.scripts, reader.end)))


def _with_returns(raw: bytes, ranges: list[tuple[int, int]], size: int) -> Iterator[bytes]:
    """Yield ranges of the page without carriage returns as they stand in the page with them: scripts keep theirs."""
    at = done = 0
    for start, end in ranges:
        at = _forward(raw, at, start - done)
        after = _forward(raw, at, end - start) if end < size else len(raw)
        yield raw[at:after]
        at, done = after, end


def _forward(raw: bytes, at: int, count: int) -> int:
    """Return where ``count`` further bytes end that are no carriage returns."""
    while count:
        returns = raw.count(b"\r", at, at + count)
        at += count
        count = returns
    return at


class Page:
    """One page and what has been made of it so far; methods take a position and return the one to go on at."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.end = len(data)
        self.markup = bytearray()
        self.text = bytearray()
        self.scripts: list[tuple[int, int]] = []
        self.blank = False  # the last thing in text is a blank that swallows further ones
        self.open = b""  # script or style
        self.script_from = -1
        self.pending = b""  # start of a multi-byte character in a value, written with the next plain byte
        self.arguments: dict[bytes, bytes | None] = {}

    def read(self, budget: Budget) -> None:
        """Read all of it; raises ``LimitReached`` when time runs out."""
        at = self.skip(0)
        due = 0
        while at < self.end:
            if at >= due:
                budget.tick()
                due = at + _BETWEEN_TICKS
            at = self.script_step(at) if self.open else self.step(at)
        if self.script_from >= 0:
            self.scripts.append((self.script_from, self.end))

    def skip(self, at: int) -> int:
        """Pass over blanks."""
        match = _SKIP.match(self.data, at)
        return match.end() if match else at

    def take(self, pattern: re.Pattern[bytes], at: int) -> bytes:
        """Return what matches at a position, nothing where nothing does."""
        match = pattern.match(self.data, at)
        return match.group() if match else b""

    def show(self, text: bytes) -> None:
        """Add to the form without tags; runs of blanks are already one."""
        if self.blank and text.startswith(b" "):
            text = text[1:]
        if text:
            self.text += text
            self.blank = text.endswith(b" ")

    def step(self, at: int) -> int:
        """Outside scripts and styles."""
        run = self.take(PLAIN_TEXT if self.pending else PLAIN, at)
        if run:
            at += len(run)
            self.plain(run, at == self.end)
            return at
        byte = self.data[at : at + 1]
        if byte == b"<":
            self.show(b" ")
            return self.tag(at + 1)
        if byte == b"&":
            self.show(b" ")
            return self.entity(at + 1)[1]
        if byte == b">":
            self.markup += byte
            self.show(byte)
            return at + 1
        return self.high(at)

    def plain(self, run: bytes, at_end: bool) -> None:
        """Add a run that is in normal form, or nearly."""
        markup = markup_of(run)
        if at_end:
            markup = markup.removesuffix(b" ")
            if run.endswith(b">"):  # ClamAV acts on a tag when it sees what follows
                run = run[: run.rindex(b"<")] + b"<>"
        self.markup += markup
        self.show(text_of(run))

    def high(self, at: int) -> int:
        """Bytes above 127, three at a time; the form without tags repeats the second in place of the third."""
        run = self.take(_HIGH, at)
        after = at + len(run)
        if after == self.end:
            run = run[: (len(run) - 1) // 3 * 3]  # the last character waits for one that never comes
        whole = len(run) // 3 * 3
        shown = bytearray(run)
        shown[2:whole:3] = shown[1:whole:3]
        if len(run) > whole:
            shown[-1] = shown[-2] if len(run) == whole + 2 else 0
        if _ANY_FULL_STOP.search(run):
            self.high_with_stops(run, bytes(shown))
        else:
            self.markup += run
            self.text += bytes(shown)
        return self.disguised_stop(after) if run[whole:] == b"\xa1" else after

    def high_with_stops(self, run: bytes, shown: bytes) -> None:
        """Add characters of three bytes, some of which stand for full stops."""
        for start in range(0, len(run), 3):
            stop = run[start : start + 3] in FULL_STOPS
            self.markup += b"." if stop else run[start : start + 3]
            self.text += b"." if stop else shown[start : start + 3]

    def disguised_stop(self, at: int) -> int:
        """A1 43, A1 44 and A1 4F are full stops in Chinese encodings."""
        if self.data[at : at + 1] not in (b"C", b"D", b"O"):
            return at
        self.markup[-1:] = b"."
        self.text[-1:] = b"."
        if at + 1 < self.end and self.data[at + 1] < 0x80:
            self.markup += b"\0"
            self.text += b"\0"
        return at + 1

    def entity(self, at: int) -> tuple[bytes, int]:
        """Decode what follows ``&``; return what a value stores of it, and where to go on."""
        if at >= self.end:
            return b"", at
        if self.data[at : at + 1] == b"#":
            return self.number(at + 1)
        name = self.take(_ENTITY, at)
        after = at + len(name)
        closed = self.data[after : after + 1] == b";"
        decoded = named(name) if closed or after == self.end else None
        if decoded is None:
            decoded = b"&" + name.lower() + (b";" if closed else b"")
        self.markup += decoded
        return decoded, after + closed

    def number(self, at: int) -> tuple[bytes, int]:
        """A numeric character reference; cut off by anything but ``;`` it becomes its low byte."""
        value, base = 0, 10
        while at < self.end:
            digit = self.data[at : at + 1]
            if digit in b"xX" and not value:
                base = 16
            elif digit == b";":
                self.markup += bytes((value,)).lower() if value < 0x80 else character(value)
                return bytes((value & 0xFF,)), at + 1
            elif digit in b"0123456789" or (base == 16 and digit in b"abcdefABCDEF"):
                value = value * (base if value < 1 << 59 else 10)
                if value >= 1 << 63:
                    self.markup += bytes((value // 10 & 0xFF,))
                    return b"", at + 1
                value += int(digit, 16)
            else:
                self.markup += bytes((value & 0xFF,))
                return b"", at
            at += 1
        return b"", at

    def tag(self, at: int) -> int:
        """What follows ``<`` outside scripts."""
        at = self.skip(at)
        if self.data[at : at + 1] == b"!":
            return self.after_comment(at + 1)
        name = self.take(_WORD, at)
        self.markup += b"<" + name.lower()
        at += len(name)
        self.arguments = {}
        if self.data[at : at + 1] == b">":
            self.markup += b">"
            at = self.skip(at + 1)
        else:
            at = self.tag_arguments(at)
        if at < self.end:
            self.process(name.lower()[:_LONGEST], at)
            at = self.skip(at)
        return at

    def after_comment(self, at: int) -> int:
        """Pass over the rest of a comment."""
        closing = self.data.find(b">", at)
        return self.skip(closing + 1) if closing >= 0 else self.end

    def tag_arguments(self, at: int) -> int:
        """Read what stands in a tag behind its name."""
        name = b""
        at = self.skip(at)
        while at < self.end:
            part = self.take(_NAME, at)
            if part:
                self.markup += (b"" if name else b" ") + part.lower()
                name = (name + part.lower())[:_LONGEST]
                at += len(part)
            byte = self.data[at : at + 1]
            if byte == b">":
                self.markup += b">"
                self.argument(name, None)
                return at + 1
            at = self.skip(at)
            if self.data[at : at + 1] == b"=":
                self.markup += b"="
                name, at = self.value(name, self.skip(at + 1))
                at = self.skip(at)
            elif byte:
                self.argument(name, None)
                name = b""
        return at

    def argument(self, name: bytes, value: bytes | None) -> None:
        """Keep an argument, unless there was one of its name."""
        if value is not None:
            quoted = value.startswith(b'"')
            value = value[quoted:].split(b"\0", 1)[0]
            value = value[:-1] if quoted else value
        if name or value is not None:
            self.arguments.setdefault(name, value)

    def value(self, name: bytes, at: int) -> tuple[bytes, int]:
        """Read a value; return the name that the next argument's name is appended to, and where to go on."""
        quote = b""
        stored = b""
        while at < self.end:
            if stored in _DATA:
                return self.inline_data(name, quote, at)
            byte = self.data[at : at + 1]
            if byte == b"&":
                decoded, at = self.entity(at + 1)
                stored = (stored + decoded)[:_LONGEST]
            elif byte in (b"'", b'"'):
                self.markup += b'"'
                at += 1
                closed = stored and byte == quote
                quote = quote if stored else byte
                stored = (stored + b'"')[:_LONGEST]
                if closed:
                    self.argument(name, stored)
                    return b"", at
            elif byte in _BLANK or byte == b">":
                if not quote:
                    self.argument(name, stored)
                    return b"", at
                self.markup += byte
                stored = (stored + (b">" if byte == b">" else b" "))[:_LONGEST]
                quote = b""
                at = self.skip(at + 1)
            else:
                part, at = self.value_part(at, stored)
                stored = (stored + part)[:_LONGEST]
        return name, at

    def value_part(self, at: int, stored: bytes) -> tuple[bytes, int]:
        """Ordinary bytes of a value; multi-byte characters wait for the next plain byte."""
        byte = self.data[at : at + 1]
        written = b""
        if self.pending and (byte < b"\x80" or len(self.pending) == 3):
            written = b"." if self.pending in FULL_STOPS else self.pending
            disguised = self.pending == b"\xa1" and byte in (b"C", b"D", b"O")
            self.pending = b""
            if disguised:
                self.markup += b"."
                return b".", at + 1
        if byte >= b"\x80":
            self.pending += byte
            self.markup += written
            return written, at + 1
        part = self.take(_VALUE, at)
        if len(stored) < len(_DATA[1]) and (stored + written + part).startswith(_DATA):
            part = part[: part.index(b":") + 1]
        self.markup += written + part.lower()
        return written + part, at + len(part)

    def inline_data(self, name: bytes, quote: bytes, at: int) -> tuple[bytes, int]:
        """A ``data:`` address: its content is another artifact, and leaves no trace here but its entities."""
        del self.markup[-1:]
        if quote:
            self.markup += b'"'
        while at < self.end:
            byte = self.data[at : at + 1]
            at += 1
            if byte == b",":
                return self.inline_content(name, quote, at)
            if byte == quote:
                return b"", at
            if byte in _BLANK or byte == b">":
                if not quote:
                    return b"", at - 1
                quote = b""
                at = self.skip(at)
        return name, at

    def inline_content(self, name: bytes, quote: bytes, at: int) -> tuple[bytes, int]:
        """Pass over content inside of an address."""
        stop = re.compile(rb"[&%%%s]" % (quote or rb" \t\v\f>"))
        while match := stop.search(self.data, at):
            at = match.end()
            if match.group() == b"&":
                at = self.entity(at)[1]
            elif match.group() == b"%":
                at += 1 + (self.data[at : at + 1] in _HEXADECIMAL)
            else:
                return name, at
        return name, self.end

    def process(self, tag: bytes, at: int) -> None:
        """Act on a complete tag; ``at`` is where the content after it begins."""
        if tag in (b"script", b"style"):
            self.open = tag
            if tag == b"script":
                self.script_from = at
        elif tag in (b"a", b"img"):
            target = self.arguments.get(b"href" if tag == b"a" else b"src")
            if target:
                self.text += target + b" "
                self.blank = True

    def script_step(self, at: int) -> int:
        """Inside a script or style: lower case, one kind of quotes, no blanks, up to the end tag."""
        copied = self.take(_SCRIPT_TEXT, at)
        if copied:
            self.markup += copied.translate(_SCRIPT_TABLE, _BLANK)
            return at + len(copied)
        byte = self.data[at : at + 1]
        if byte == b"&":
            return self.entity(at + 1)[1]
        if byte != b"<":
            return self.high(at)
        self.markup += byte
        at = self.skip(at + 1)
        byte = self.data[at : at + 1]
        if byte == b"!":
            after = self.after_comment(at)
            self.markup += self.data[at:after].translate(_SCRIPT_TABLE, _BLANK)
            return after
        if byte not in (b"/", b">"):
            self.markup += byte.lower()
            return at + 1
        tag = self.take(_WORD, at)
        self.markup += tag.lower()
        at += len(tag)
        if self.data[at : at + 1] == b">":
            self.markup += b">"
            at += 1
        at = self.skip(at)
        if at < self.end:
            self.close(tag.lower(), at)
        return at

    def close(self, tag: bytes, at: int) -> None:
        """Act on an end tag inside of a script or style."""
        if tag == b"/script":
            self.open = b""
            if self.script_from >= 0:
                self.scripts.append((self.script_from, at))
                self.script_from = -1
        elif tag == b"/style" and self.open == b"style":
            self.open = b""


_HEXADECIMAL = frozenset(bytes((digit,)) for digit in b"0123456789abcdefABCDEF")
