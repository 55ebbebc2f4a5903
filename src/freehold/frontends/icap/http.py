"""The few fields of an encapsulated HTTP message that matter to its examination.

A body is handed over as it is, unless more must be known to read it: then these fields stand before it (see
``freehold.formats.http``), and the worker reads them.

Source: RFC 9110, sections 8.3 (Content-Type), 8.4 (Content-Encoding), 14.4 (Content-Range).
"""

import re
from typing import NamedTuple

MARK = b"\x89HTTP\r\n"
"""Stands before the fields that stand before a body."""

_FIELD = re.compile(rb"(?<![^\n])([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})[ \t]*:[ \t]*([^\r\n]*)")
_KNOWN_BY_THEIR_BYTES = frozenset({"", "identity", "gzip", "x-gzip", "compress", "x-compress", "zstd"})
_LONGEST_LABEL = 300
_HANDED_ON = ("content-type", "content-encoding", "content-range")


class Message(NamedTuple):
    """The headers of a message.

    Attributes:
        url: that is asked for, without the query, which may hold secrets.
        fields: of the header that stands before the body, names in lower case.
    """

    url: bytes
    fields: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes that the body is said to have, 0 when it is not said; may be a lie."""
        value = self.fields.get("content-length", "")
        return int(value) if re.fullmatch("[0-9]{1,18}", value) else 0

    @property
    def preamble(self) -> bytes:
        """What must stand before the body so that a worker can read it, b"" when that is nothing."""
        form = self.fields.get("content-type", "").lower().startswith("multipart/form-data")
        codings = self.fields.get("content-encoding", "").lower().split(",")
        coded = any(coding.strip() not in _KNOWN_BY_THEIR_BYTES for coding in codings)
        if not (form or coded or "content-range" in self.fields):
            return b""
        lines = [f"{name}: {self.fields[name]}\r\n" for name in _HANDED_ON if name in self.fields]
        return MARK + "".join(lines).encode("latin-1") + b"\r\n"


def read(request: bytes, before_body: bytes) -> Message:
    """Read the headers of a message; lines that are no fields are passed over, as browsers do.

    Args:
        request: the header of the request, b"" when it was not sent.
        before_body: the header that stands before the body: of the response, or of the request itself.
    """
    words = request.partition(b"\r\n")[0].split(b" ")
    url = words[1].partition(b"?")[0][:_LONGEST_LABEL] if len(words) > 1 else b""
    fields: dict[str, str] = {}
    for field in _FIELD.finditer(before_body.partition(b"\n")[2]):
        name, value = field[1].decode("ascii").lower(), field[2].strip().decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return Message(url or b"-", fields)
