"""Character references of HTML, decoded as ClamAV decodes them: to a byte, or to one canonical reference."""

from functools import cache

from freehold.model.shipped import table_beside

_FULL_STOPS = frozenset({0x3002, 0xFF0E, 0xFE52})
"""Ideographic, full-width and small full stop: they stand in disguised host names."""


def named(name: bytes) -> bytes | None:
    """Return what the entity of this name stands for; None for an unknown name."""
    code = _codes().get(name)
    return None if code is None else character(code)


def character(code: int) -> bytes:
    """Return a character as a byte where it has one, else as ``&#x`` and four hexadecimal digits.

    Args:
        code: of which the low 16 bits count.
    """
    code &= 0xFFFF
    if code < 0xFF:
        return bytes((code,)) if code else b""
    return b"." if code in _FULL_STOPS else b"&#x%04x;" % code


@cache
def _codes() -> dict[bytes, int]:
    lines = table_beside(__spec__, "entities.tsv").splitlines()
    pairs = (line.split(b"\t") for line in lines if not line.startswith(b"#"))
    return {name: int(code) for name, code in pairs}
