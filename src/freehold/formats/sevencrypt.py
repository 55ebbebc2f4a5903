"""What it costs to try a password on a 7z archive; the archive itself says how many rounds of hashing that takes.

Source: 7zFormat.txt and Methods.txt of the LZMA SDK.
"""

import re

from freehold.model.view import View

BYTES_OF_ROUND = 64
"""Bytes that are decrypted in the time of one round."""

_USUAL = 19
_MOST = 24
_NO_ROUNDS = 0x3F
_START = 32
_HEADER_BYTES = 1 << 16
_CODER = re.compile(rb"[\x01-\x3f]\x06\xf1\x07\x01.(.)", re.DOTALL)
_METHOD = re.compile(r"7zAES:(\d{1,3})")


def power(view: View) -> int:
    """Return the power of two of the rounds for an archive whose list of members is encrypted."""
    start = view.read(0, _START)
    found = _CODER.search(view.read(_START + int.from_bytes(start[12:20], "little"), _HEADER_BYTES))
    return _bounded(found[1][0] & 0x3F) if found else _USUAL


def power_of(method: str) -> int:
    """Return it for an item, from the library's description of its methods: ``LZMA2:12 7zAES:19``."""
    found = _METHOD.search(method)
    return _bounded(int(found[1])) if found else _USUAL


def _bounded(value: int) -> int:
    return 0 if value == _NO_ROUNDS else min(value, _MOST)
