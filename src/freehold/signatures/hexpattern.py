"""Byte patterns in hexadecimal, ``4D 5A ?? 4? [2-8] (AA | BB CC)``, as regular expressions over bytes.

The notation is YARA's, without negation: ``??`` is any byte, ``4?`` and ``?4`` fix half of one, ``[n]`` and ``[n-m]``
skip bytes, ``(… | …)`` chooses.
"""

import re

from freehold.model.errors import MalformedInput

_TOKEN = re.compile(r"\s*(?:([0-9A-Fa-f?]{2})|\[\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?\]|([(|)]))")


def regex_of_hex(text: str) -> bytes:
    """Return the regular expression for a hexadecimal pattern; raises ``MalformedInput`` with the reason."""
    pieces = []
    position = depth = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedInput(f"hex: cannot read {text[position : position + 10].strip()!r}")
        position = match.end()
        pair, low, high, bracket = match.groups()
        depth += {"(": 1, ")": -1}.get(bracket, 0)
        if depth < 0:
            raise MalformedInput("hex: ) without (")
        pieces.append(_piece(pair, low, high, bracket))
    if depth:
        raise MalformedInput("hex: ( without )")
    if not any(piece.startswith(b"\\x") for piece in pieces):
        raise MalformedInput("hex: no fixed byte")
    return b"".join(pieces)


def _piece(pair: str | None, low: str | None, high: str | None, bracket: str | None) -> bytes:
    if pair is not None:
        return _byte(pair)
    if low is not None:
        if int(high or low) < int(low):
            raise MalformedInput(f"hex: [{low}-{high}] runs backwards")
        return b".{%d,%d}" % (int(low), int(high or low))
    return b"(?:" if bracket == "(" else str(bracket).encode()


def _byte(pair: str) -> bytes:
    if pair == "??":
        return b"."
    if pair[1] == "?":
        return b"[\\x%c0-\\x%cf]" % (pair[0].encode(), pair[0].encode())
    if pair[0] == "?":
        return b"[%s]" % b"".join(b"\\x%x%c" % (half, pair[1].encode()) for half in range(16))
    return b"\\x" + pair.lower().encode()
