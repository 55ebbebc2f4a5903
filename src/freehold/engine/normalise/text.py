"""Text as ClamAV compares it, and what it takes for text."""

import re

from freehold.model.view import View

MOST_BYTES = 20 << 20
"""Larger texts are not normalised (ClamAV's ``--max-scriptnormalize``)."""

_BLANKS = b"\t\n\v\f\r "
_DROPPED = bytes(set(range(32)) - set(_BLANKS)) + bytes(range(128, 256))
_LOWER = bytes(range(256)).lower().translate(bytes.maketrans(_BLANKS, b" " * len(_BLANKS)))
_RUN = re.compile(rb"   *")  # two and more; so written, the search looks for both at once

_NEVER_IN_TEXT = bytes(set(range(32)) - set(b"\a\b\t\n\f\r\x1b")) + b"\x7f"
_NOT_UTF16_BE = re.compile(rb"(?s)(?:..)*?(?:\0[%s]|\xff\xfe)" % re.escape(_NEVER_IN_TEXT))
_SWAPPED = {b"\xff\xfe": re.compile(rb"(?s)(?:..)*?\xfe\xff"), b"\xfe\xff": re.compile(rb"(?s)(?:..)*?\xff\xfe")}
_UTF16 = {b"\xff\xfe": "CL_TYPE_TEXT_UTF16LE", b"\xfe\xff": "CL_TYPE_TEXT_UTF16BE"}


def normalise(view: View) -> bytes:
    """Return a text in lower case, runs of blanks made one, without control characters and bytes above 127."""
    text = view.read(0, view.size).translate(_LOWER, _DROPPED)
    return single_blanks(text)


def lower_blanks(text: bytes) -> bytes:
    """Return ``text`` in lower case with a space for each blank."""
    return text.translate(_LOWER)


def single_blanks(text: bytes) -> bytes:
    """Return ``text`` with each run of spaces made one."""
    return _RUN.sub(b" ", text)


def clamav_text_type(head: bytes) -> str:
    """Return ClamAV's name for the kind of text that begins with ``head``, CL_TYPE_BINARY_DATA when it is none.

    Bytes above 127 count as text, so UTF-8 is "ASCII". Where neither a byte order mark nor a control character in a
    16-bit unit speaks against it, anything else is "UTF-16": most compressed and encrypted data.

    Args:
        head: the first 1,024 bytes.
    """
    if len(head.translate(None, _NEVER_IN_TEXT)) == len(head):
        return "CL_TYPE_TEXT_ASCII"
    mark = head[:2]
    if len(head) < 2 or _SWAPPED.get(mark, _NOT_UTF16_BE).match(head, 2):
        return "CL_TYPE_BINARY_DATA"
    return _UTF16.get(mark, "CL_TYPE_TEXT_UTF16BE")
