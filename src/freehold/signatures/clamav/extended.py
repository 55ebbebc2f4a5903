"""POSIX extended regular expressions, as Python's.

ClamAV compares names with Henry Spencer's implementation. Both languages agree on the common part; what differs is
translated (brackets, escapes, the ends of the text), what would mean something else is refused. Classes of characters
(``[[:alpha:]]``) cannot be written where colons separate fields.

Source: POSIX.1-2017, chapter 9; re_format(7).
"""

import re
from collections.abc import Iterator

from freehold.model.errors import MalformedInput

LONGEST = 1024
"""Bytes of an expression."""

_TOKEN = re.compile(
    rb"(?P<escape>\\.)|(?P<bracket>\[\^?\]?[^\]]*\])|(?P<repeat>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})|(?P<plain>.)",
    re.DOTALL,
)
_IGNORE_CASE = b"(?i)"
_RANGE = ord("-")


def translate(text: str) -> str:
    """Return Python's form of an expression over bytes, as Latin-1; raises ``MalformedInput``."""
    written = text.encode("utf-8", "surrogateescape")
    if len(written) > LONGEST:
        raise MalformedInput(f"the expression has {len(written)} bytes; {LONGEST} are allowed")
    prefix = _IGNORE_CASE if written.startswith(_IGNORE_CASE) else b""
    translated = prefix + b"".join(_pieces(written[len(prefix) :]))
    try:
        re.compile(translated, re.DOTALL)
    except (re.error, RecursionError, OverflowError) as error:
        raise MalformedInput(f"{text[:80]!r} is no regular expression: {error}") from error
    return translated.decode("latin-1")


def _pieces(written: bytes) -> Iterator[bytes]:
    repeatable = False
    position = 0
    while position < len(written):
        found = _TOKEN.match(written, position)
        assert found is not None  # noqa: S101 - any byte is a token
        position = found.end()
        kind, token = found.lastgroup, found[0]
        if kind == "repeat" and not repeatable:
            raise MalformedInput(f"nothing stands before {token.decode()!r} that could be repeated")
        yield _translated(kind, token)
        repeatable = kind != "repeat" and token not in (b"(", b"|", b"^")


def _translated(kind: str | None, token: bytes) -> bytes:
    if kind == "escape":
        return re.escape(token[1:])
    if kind == "bracket":
        return _bracket(token)
    if token == b"[":
        raise MalformedInput("a bracket is not closed")
    if token == b"\\":
        raise MalformedInput("the expression ends with a backslash")
    if token in (b"{", b"}"):
        return re.escape(token)
    return {b"^": rb"\A", b"$": rb"\Z"}.get(token, token)


def _bracket(token: bytes) -> bytes:
    """Return a set of characters: within one, a backslash is nothing special to POSIX."""
    negated = token.startswith(b"[^")
    inside = token[2 if negated else 1 : -1]
    if b"[." in inside or b"[=" in inside or b"[:" in inside:
        raise MalformedInput("classes and collating elements are not supported")
    ends = (0, len(inside) - 1)
    set_of = (
        inside[at : at + 1] if inside[at] == _RANGE and at not in ends else re.escape(inside[at : at + 1])
        for at in range(len(inside))
    )
    return b"[%b%b]" % (b"^" if negated else b"", b"".join(set_of))
