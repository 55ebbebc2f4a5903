"""Escapes in strings of JavaScript: backslashes, and the percent signs of ``unescape``."""

import re

_BACKSLASH = re.compile(rb"\\(?:x(?:(..)|.?\Z)|u(....)?|(.))", re.DOTALL)
_PERCENT = re.compile(rb"%(?:u([0-9A-Fa-f]{4})|([0-9A-Fa-f]{2}))")
_CONTROL = {b"0": b"\1", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_DIGITS = frozenset(b"0123456789abcdefABCDEF")


def without_backslashes(text: bytes) -> bytes:
    """Return the content of a string literal; NUL becomes 1, a bad last digit makes all bits ones."""
    return _BACKSLASH.sub(_decoded, text) if b"\\" in text else text


def without_percents(text: bytes) -> bytes:
    """Return what ``unescape`` makes of a string; characters above 127 written ``%u…`` become UTF-8."""
    return _PERCENT.sub(lambda match: _utf8(match[1]) if match[1] else _byte(match[2]), text)


def _decoded(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return _byte(match[1])
    if match[2]:
        return _utf8(match[2])
    return _CONTROL.get(match[3], match[3]) if match[3] else b"\\"


def _number(digits: bytes) -> int:
    if digits[-1] not in _DIGITS:
        return (1 << 4 * len(digits)) - 1
    return int(bytes(digit if digit in _DIGITS else 0x30 for digit in digits), 16)


def _byte(digits: bytes) -> bytes:
    return bytes((_number(digits) or 1,))


def _utf8(digits: bytes) -> bytes:
    return chr(_number(digits) or 1).encode("utf-8", "surrogatepass")
