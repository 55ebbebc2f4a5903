"""Reading the head of an ICAP request: its line, its fields, and the HTTP headers that it encapsulates.

Source: RFC 3507, sections 4.3 (fields), 4.4.1 (Encapsulated), 4.5 (Preview), 4.6 (Allow).
"""

import re
from typing import NamedTuple

HEAD = 16 * 1024
"""Bytes of the line and the fields of a request, at most."""

ENCAPSULATED = 128 * 1024
"""Bytes of the HTTP headers that are encapsulated in it, at most."""

PREVIEW = 4096
"""Bytes of a body that clients are asked to send before they wait for an answer."""

METHODS = frozenset({"OPTIONS", "REQMOD", "RESPMOD"})

_LINE = re.compile(rb"([A-Z]{1,16}) (?:icaps?://[^/ ]{1,256})?/?([^ ]{0,2048}) ICAP/1\.[0-9]")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):[ \t]*([^\0\r\n]*)")
_PARTS = {
    "REQMOD": (("req-hdr",), ("req-body", "null-body")),
    "RESPMOD": (("req-hdr", "res-hdr"), ("res-body", "null-body")),
    "OPTIONS": ((), ("opt-body", "null-body")),
}
_MOST_FIELDS = 200


class BadRequest(Exception):
    """A request that breaks the protocol.

    Attributes:
        status: ICAP's number for it.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Request(NamedTuple):
    """The head of a request.

    Attributes:
        method: one of ``METHODS``.
        service: the last part of the path, without arguments.
        fields: of ICAP, names in lower case; several of one name are joined by commas.
        parts: names of the encapsulated headers and where each begins, in order.
        headers_end: where the encapsulated headers end and the body begins.
        body: whether there is one.
        preview: bytes of the body that come before the client waits; None when it does not wait.
    """

    method: str
    service: str
    fields: dict[str, str]
    parts: tuple[tuple[str, int], ...]
    headers_end: int
    body: bool
    preview: int | None

    @property
    def allows_unchanged(self) -> bool:
        """Whether 204 may be answered once the whole body has come."""
        return "204" in re.split(r"[,\s]+", self.fields.get("allow", ""))

    @property
    def closes(self) -> bool:
        """Whether the client wants no further request on the connection."""
        return "close" in self.fields.get("connection", "").lower()


def parse(head: bytes) -> Request:
    """Read the head of a request, up to its empty line; raises ``BadRequest``."""
    first, _, rest = head.partition(b"\r\n")
    line = _LINE.fullmatch(first)
    if not line:
        version = first.rpartition(b" ")[2]
        known = not version.startswith(b"ICAP/") or version.startswith(b"ICAP/1.")
        raise BadRequest(400 if known else 505, "the request line is not one of ICAP/1.0")
    method = line[1].decode()
    if method not in METHODS:
        raise BadRequest(501, "the method is none of OPTIONS, REQMOD, RESPMOD")
    fields = parse_fields(rest)
    parts, end, body = _encapsulated(method, fields.get("encapsulated"))
    return Request(method, _service(line[2]), fields, parts, end, body, _preview(fields.get("preview"), body=body))


def parse_fields(block: bytes) -> dict[str, str]:
    """Return the fields of a header, names in lower case; raises ``BadRequest`` for what is none."""
    fields: dict[str, str] = {}
    lines = block.split(b"\r\n")
    if len(lines) > _MOST_FIELDS:
        raise BadRequest(400, "there are too many header fields")
    for line in filter(None, lines):
        field = _FIELD.fullmatch(line)
        if not field:
            raise BadRequest(400, "a header field cannot be read")
        name, value = field[1].decode("ascii").lower(), field[2].strip().decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _service(path: bytes) -> str:
    return path.partition(b"?")[0].strip(b"/").rpartition(b"/")[2].decode("ascii", "replace")


def _encapsulated(method: str, value: str | None) -> tuple[tuple[tuple[str, int], ...], int, bool]:
    """Return the headers, where they end, and whether a body follows."""
    if value is None:
        if method == "OPTIONS":
            return (), 0, False
        raise BadRequest(400, "the field Encapsulated is missing")
    headers, bodies = _PARTS[method]
    items = [re.fullmatch(r"\s*([a-z-]{1,16})\s*=\s*([0-9]{1,9})\s*", item) for item in value.split(",", 4)]
    parts = [(item[1], int(item[2])) for item in items if item]
    names = [name for name, _ in parts]
    offsets = [offset for _, offset in parts]
    ordered = offsets == sorted(set(offsets)) and offsets[:1] == [0]
    in_place = names[:-1] == [name for name in headers if name in names] and names[-1:] and names[-1] in bodies
    if len(parts) != len(items) or not ordered or not in_place:
        raise BadRequest(400, "the field Encapsulated cannot be read")
    if offsets[-1] > ENCAPSULATED:
        raise BadRequest(413, f"the HTTP headers are longer than {ENCAPSULATED} bytes")
    return tuple(parts[:-1]), offsets[-1], names[-1] != "null-body"


def _preview(value: str | None, *, body: bool) -> int | None:
    if value is None or not body:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise BadRequest(400, "the field Preview is not a number")
    return int(value)
