"""How the texts of transparency logs write numbers and bytes; each has one form only, and others are refused."""

import binascii
import re

from freehold.model.errors import MalformedInput

_DECIMAL = re.compile(rb"0|[1-9][0-9]{0,18}")


def number(digits: bytes) -> int:
    """Read a decimal number without leading zeros, up to 2^63 - 1; raises ``MalformedInput``."""
    value = int(digits) if _DECIMAL.fullmatch(digits) else -1
    if not 0 <= value < 1 << 63:
        raise MalformedInput(f"{digits[:24]!r} is not a decimal number below 2^63")
    return value


def base64(text: bytes, size: int | None = None) -> bytes:
    """Read standard base 64 (RFC 4648, section 4) of ``size`` bytes; raises ``MalformedInput``."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise MalformedInput(f"{text[:24]!r} is not base 64: {error}") from error
    if write_base64(data) != text:
        raise MalformedInput(f"{text[:24]!r} is not base 64 in its one canonical form")
    if size is not None and len(data) != size:
        raise MalformedInput(f"{text[:24]!r} stands for {len(data)} bytes, not for {size}")
    return data


def write_base64(data: bytes) -> bytes:
    """Return standard base 64."""
    return binascii.b2a_base64(data, newline=False)
