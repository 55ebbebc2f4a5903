"""Numbers that a signature compares, read from an artifact."""

from freehold.engine.matchers.logical.text import Text
from freehold.model.logical import ByteComparison, Radix

_SPACE = b" \t\n\v\f\r"
_DIGITS = {10: b"0123456789", 16: b"0123456789abcdefABCDEF"}
_LARGEST = (1 << 63) - 1


def compares(comparison: ByteComparison, text: Text, start: int) -> bool:
    """Whether the number that stands ``comparison.offset`` bytes from ``start`` passes all comparisons."""
    place = start + comparison.offset
    if place <= 0 or place + comparison.length > text.size:
        return False
    value = _number(comparison, text.view.read(place, comparison.length))
    return value is not None and all(c.holds(value) for c in comparison.comparisons)


def _number(comparison: ByteComparison, raw: bytes) -> int | None:
    if comparison.radix is Radix.BINARY:
        return int.from_bytes(raw, "little" if comparison.little_endian else "big", signed=len(raw) == 8)
    text = raw.lstrip(_SPACE)
    if comparison.exact and text != raw:
        return None
    prefixed = len(text) >= 3 and text[:2] in (b"0x", b"0X")
    base = 16 if comparison.radix is Radix.HEXADECIMAL or (comparison.radix is Radix.AUTO and prefixed) else 10
    if comparison.little_endian:
        if base == 10:
            return None
        text = _reversed_pairs(text)
    return _leading_number(text, base, exact=comparison.exact)


def _reversed_pairs(text: bytes) -> bytes:
    digits = text[2:] if text[:2] in (b"0x", b"0X") else text
    if len(digits) > 1 and len(digits) % 2:
        digits = b"0" + digits
    return b"".join(digits[i : i + 2] for i in range(len(digits) - 2 + len(digits) % 2, -1, -2))


def _leading_number(text: bytes, base: int, *, exact: bool) -> int | None:
    """Read what C's ``strtoll`` would read; None beyond its range, or where not all are digits that must be."""
    sign = -1 if text[:1] == b"-" else 1
    digits = text[1:] if text[:1] in (b"-", b"+") else text
    if base == 16 and digits[:2] in (b"0x", b"0X"):
        digits = digits[2:]
    length = len(digits) - len(digits.lstrip(_DIGITS[base]))
    if exact and length != len(digits):
        return None
    value = sign * int(digits[:length] or b"0", base)
    return value if -_LARGEST - 1 < value < _LARGEST else None
